/* A tcpdump expression on frames that are already here, compiled once for each link type. */
#ifndef FWSNIFF_CAPTURE_FILTER_H
#define FWSNIFF_CAPTURE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/capture/source.h"
#include "analyzer/error.h"

enum { FILTER_LINK_TYPES_MAX = 64 };

struct frame_filter;

/* Whether it is an expression at all, whatever it is used on; else libpcap's message. */
bool filter_is_valid(const char *expression, struct error *error);

/* Copies the expression. */
struct frame_filter *filter_open(const char *expression);
/* Compiles for a link type. False with libpcap's message when that fails; frames of this link type
 * match nothing then. A link type already seen gives the same answer without compiling. */
bool filter_compile(struct frame_filter *filter, uint16_t link_type, struct error *error);
/* Keeps the frames that match, in order; returns how many. */
size_t filter_apply(struct frame_filter *filter, struct frame *frames, size_t count);
/* Why frames of some link type match nothing; empty when no such frame was met. */
const char *filter_problem(const struct frame_filter *filter);
void filter_close(struct frame_filter *filter);

#endif
