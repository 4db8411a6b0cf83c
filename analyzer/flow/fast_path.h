/* The fast path: packets of conversations that are known, unwatched and going on as before. In most
 * captures that is nearly all of them, and all they change is a few bits of one control flow and
 * the count of one host. They are recognised from a glance at the frame, without a struct packet.
 *
 * Whatever is not exactly that is left to packet_dissect() and tracker_packet(), which are the naive
 * twin: fed with every packet, they give the same tables (test_flow_fast_path.c).
 *
 * Packets come in batches, so that the memory they will need is on its way while others are worked
 * on: with many flows, waiting for it is most of the cost. */
#ifndef FWSNIFF_FLOW_FAST_PATH_H
#define FWSNIFF_FLOW_FAST_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include "analyzer/flow/tracker.h"
#include "dissectors/glance.h"

struct fast_packet {
    struct glance seen;
    struct flow_key key;
    uint32_t hash;
    bool from_high; /* its source is end[1] of the key */
    bool common;    /* `seen` is filled in ... */
    bool keyed;     /* ... and `key`, `hash` and `from_high` too: both addresses have numbers */
};

/* Reads a frame and asks for the memory of its flow. */
void fast_path_look(const struct tracker *tracker, uint16_t link_type, const uint8_t *bytes,
                    uint32_t captured, uint32_t length, struct fast_packet *packet);

/* Some packets later: the index slot has come, asks for the entry. */
void fast_path_fetch(const struct tracker *tracker, const struct fast_packet *packet);

/* Some packets later: the entry has come, asks for the product's record, if there is one. */
void fast_path_fetch_attempt(const struct tracker *tracker, const struct fast_packet *packet);

/* Some packets later: takes it in. False: nothing done, tracker_packet() has to. */
bool fast_path_take(struct tracker *tracker, const struct fast_packet *packet, uint64_t frame,
                    int64_t time_ns);

/* tracker_packet() for a packet that was looked at. */
struct attempt *fast_path_hand_over(struct tracker *tracker, const struct fast_packet *looked_at,
                                    const struct packet *packet, uint64_t frame, int64_t time_ns,
                                    enum side *side, bool *fresh);

#endif
