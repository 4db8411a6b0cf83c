/* Product connections of which so far there is nothing to tell: packets held back, unread.
 *
 * Most connections of a busy product go as they should from the first SYN to the last FIN, and all
 * that stays of them is a `finished` record; and of a flood's SYNs nothing stays at all. To digest
 * their packets one by one into a whole record (attempt.h) costs ten times what it takes to see
 * that they are in order. So the first packets of a connection are kept as they came, and:
 *
 *   - when both sides have opened, spoken TLS as it should be, and closed, they are forgotten;
 *   - when anything else happens (a retransmission, a reset, an ICMP error, another protocol, too
 *     many packets, the end of the capture) they are handed on, in their order, to those who would
 *     have had them at once, and so is every later one.
 *
 * So what is known of a connection worth knowing is the same, and a tracker that holds nothing back
 * is the naive twin (test_held.c). What flows and hosts learn of a packet they learn at once. Where
 * little happens nothing is held: the first connections of a capture are always whole. */
#ifndef FWSNIFF_FLOW_HELD_H
#define FWSNIFF_FLOW_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/flow/fast_path.h"
#include "analyzer/flow/segment.h"

/* --- for who owns the tracker --- */

/* From now on. `replay` gets what is handed on; its frames' bytes are valid during the call only,
 * and have payload only as far as anybody would read it. */
void tracker_hold_back(struct tracker *tracker, fast_path_slowly *replay, void *context);
/* Hands on everything: before attempts are looked at. Of many single SYNs that nothing followed
 * only those of clients that ask again and again are handed on; the others are counted. */
void tracker_let_go(struct tracker *tracker);
/* Hands on what began before that, but nothing of many single SYNs: the capture goes on. */
void tracker_let_go_before(struct tracker *tracker, int64_t begun_ns);

/* --- for the flow stage --- */

struct held_table;
struct held;

struct held_table *held_new(size_t cap, fast_path_slowly *replay, void *context);
void held_free(struct held_table *held);

/* Whether the packet is the SYN of a new conversation that may be held back: with a watched
 * service, and after the first ones. */
bool held_may_begin(struct tracker *tracker, const struct segment *segment,
                    const struct frame *frame);
/* Then, once its flow is there. */
void held_begins(struct tracker *tracker, const struct fast_packet *packet,
                 const struct segment *segment, const struct frame *frame);

/* The flow's connection, if it is one that is held back; else NULL. */
struct held *held_of(const struct tracker *tracker, const struct flow *flow);

/* Its next packet: held back, too, or false: something happens. Then the caller lets go. */
bool held_goes_on(struct tracker *tracker, struct held *held, const struct fast_packet *packet,
                  const struct segment *segment, const struct frame *frame);
/* After each packet that the flow and its hosts have learnt of: where that was the last one, only
 * the `finished` record stays. */
void held_close(struct tracker *tracker, struct held *held);

/* Hands on what is held of the flow's connection, if it is one. */
void held_let_go(struct tracker *tracker, struct flow *flow);
/* The same for a number that stands for one (struct flow, attempt). Returns the attempt. */
uint32_t held_let_go_number(struct tracker *tracker, uint32_t number);
/* Of all, oldest first; returns how many were only counted. */
uint64_t held_let_all_go(struct tracker *tracker);

/* The flow is about to be forgotten, or others need the room: what is held of its connection gets
 * its record, but for a SYN that nothing followed, which is counted with the records given up. */
void held_evict(struct tracker *tracker, struct flow *flow);

/* Asks for the memory that the next packet of the flow's connection will change; and once that has
 * come, for where its frame will go; and for what else its last one will change. */
void held_fetch(const struct tracker *tracker, const struct flow *flow);
void held_fetch_end(const struct tracker *tracker, const struct flow *flow);
void held_fetch_last(const struct tracker *tracker, const struct flow *flow);

#endif
