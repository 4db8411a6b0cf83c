/* The fast path: packets of conversations that are known, unwatched and going on as before. In most
 * captures that is nearly all of them, and all they change is a few bits of one control flow and
 * the count of one host. They are recognised from a glance at the frame, without a struct packet.
 *
 * Whatever is not exactly that is left to packet_dissect() and tracker_packet(), which are the
 * naive twin: fed with every packet, they give the same tables (test_fast_path.c).
 *
 * Packets come in batches, so that the memory they will need is on its way while others are worked
 * on: with many flows, waiting for it is most of the cost. */
#ifndef FWSNIFF_FLOW_FAST_PATH_H
#define FWSNIFF_FLOW_FAST_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include "analyzer/capture/source.h"
#include "analyzer/flow/tracker.h"
#include "dissectors/glance.h"

struct fast_packet {
    struct glance seen;
    struct flow_key key;
    uint32_t hash;
    uint32_t address_hash[2]; /* IPv6: source, destination */
    uint32_t host_hash;       /* the source's in the host table; of new conversations only */
    bool from_high;           /* its source is end[1] of the key */
    bool common;              /* `seen` is filled in ... */
    bool keyed;        /* ... and `key`, `hash` and `from_high` too: both addresses have numbers */
    bool replayed;     /* what flow and hosts learn of it, they know (held.h) */
    struct flow *flow; /* found already, until another packet is taken in; NULL: not looked up */
    struct hash_slot *slot; /* where the index has `flow`, or would have a new one */
};

enum { FAST_PATH_BATCH = 64 }; /* packets; what is asked for at once has to fit the first cache */

/* Takes in frames in their order. What cannot go the fast path is handed to `slowly` in its turn,
 * which calls fast_path_hand_over(). `count` is FAST_PATH_BATCH at most; numbers
 * count from `frame_base` on. */
typedef void fast_path_slowly(void *context, const struct frame *frame,
                              const struct fast_packet *looked_at);
void fast_path_batch(struct tracker *tracker, const struct frame *frames, int count,
                     uint64_t frame_base, fast_path_slowly *slowly, void *context);

/* Reads a frame, as far as it is a common one. */
void fast_path_look(struct tracker *tracker, const struct frame *frame, struct fast_packet *packet);

/* All of a packet that was looked at. */
void fast_path_packet(const struct fast_packet *looked_at, const struct frame *frame,
                      struct packet *packet);

/* tracker_packet() for it. */
struct attempt *fast_path_hand_over(struct tracker *tracker, const struct fast_packet *looked_at,
                                    const struct packet *packet, uint64_t frame, int64_t time_ns,
                                    enum side *side, bool *fresh);

#endif
