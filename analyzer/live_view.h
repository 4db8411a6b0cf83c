/* What a live capture shows while it goes on: each finding when it is first made, again when the
 * verdict changes, and a word when it turns out to be none. */
#ifndef FWSNIFF_LIVE_VIEW_H
#define FWSNIFF_LIVE_VIEW_H

#include <stdint.h>

#include "analyzer/outputs.h"

struct live_view;

struct live_view *live_view_new(struct outputs *outputs);

/* Compares a fresh report with what was shown, and shows the difference. */
void live_view_update(struct live_view *view, const struct report *report, int64_t now_ns);

void live_view_free(struct live_view *view);

#endif
