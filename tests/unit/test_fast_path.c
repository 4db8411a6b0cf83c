/* The fast path and its naive twins: a glance against packet_dissect(), and a tracker that takes
 * the fast path against one that takes none, over the shipped captures, cut and damaged in many
 * ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <glob.h>

#include "analyzer/capture/source.h"
#include "analyzer/flow/fast_path.h"
#include "analyzer/flow/finished.h"
#include "analyzer/flow/held.h"
#include "analyzer/memory.h"

enum { FRAMES = 64, DAMAGED_PER_FRAME = 24, HEADERS = 100 };

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % limit);
}

typedef void each_frame(const struct frame *frame, void *context);

static size_t over_captures(each_frame *each, void *context)
{
    static const char *const patterns[] = {"samples/*.pcap*", "tests/corpus/captures/*.pcap*"};
    size_t seen = 0;
    for (size_t p = 0; p < sizeof patterns / sizeof *patterns; p++) {
        glob_t found;
        assert_int_equal(glob(patterns[p], 0, NULL, &found), 0);
        for (size_t i = 0; i < found.gl_pathc; i++) {
            struct error error;
            struct frame frames[FRAMES];
            struct source *source = source_open_file(found.gl_pathv[i], NULL, &error);
            if (!source)
                continue; /* some are there to be refused */
            for (int count; (count = source_next(source, frames, FRAMES)) >= 0;)
                for (int f = 0; f < count; f++, seen++)
                    each(&frames[f], context);
            source_close(source);
        }
        globfree(&found);
    }
    return seen;
}

/* --- glance and packet_dissect() --- */

static void assert_same_packet(const struct packet *a, const struct packet *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->has_mac, b->has_mac);
    assert_memory_equal(a->source_mac, b->source_mac, 6);
    assert_memory_equal(a->destination_mac, b->destination_mac, 6);
    assert_int_equal(a->direction, b->direction);
    assert_int_equal(a->if_index, b->if_index);
    assert_int_equal(a->vlan, b->vlan);
    assert_int_equal(a->tunnels, b->tunnels);
    assert_true(ip_equal(&a->ip.source, &b->ip.source));
    assert_true(ip_equal(&a->ip.destination, &b->ip.destination));
    assert_int_equal(a->ip.version, b->ip.version);
    assert_int_equal(a->ip.hop_limit, b->ip.hop_limit);
    assert_int_equal(a->ip.protocol, b->ip.protocol);
    assert_int_equal(a->ip.dont_fragment, b->ip.dont_fragment);
    assert_int_equal(a->ip.more_fragments, b->ip.more_fragments);
    assert_int_equal(a->ip.fragment_offset, b->ip.fragment_offset);
    assert_int_equal(a->ip.id, b->ip.id);
    assert_int_equal(a->ip.total_length, b->ip.total_length);
    assert_ptr_equal(a->ip_bytes, b->ip_bytes);
    assert_int_equal(a->ip_captured, b->ip_captured);
    assert_int_equal(a->source_port, b->source_port);
    assert_int_equal(a->destination_port, b->destination_port);
    assert_ptr_equal(a->payload, b->payload);
    assert_int_equal(a->payload_captured, b->payload_captured);
    assert_int_equal(a->payload_length, b->payload_length);
    assert_ptr_equal(a->transport, b->transport);
    assert_int_equal(a->transport_captured, b->transport_captured);
    assert_int_equal(packet_checksum_wrong(a), packet_checksum_wrong(b));
    if (a->kind != PACKET_TCP)
        return;
    assert_int_equal(a->tcp.sequence, b->tcp.sequence);
    assert_int_equal(a->tcp.acknowledgment, b->tcp.acknowledgment);
    assert_int_equal(a->tcp.window, b->tcp.window);
    assert_int_equal(a->tcp.mss, b->tcp.mss);
    assert_int_equal(a->tcp.flags, b->tcp.flags);
    assert_int_equal(a->tcp.window_scale, b->tcp.window_scale);
    assert_int_equal(a->tcp.sack_permitted, b->tcp.sack_permitted);
    assert_int_equal(a->tcp.has_timestamp, b->tcp.has_timestamp);
    assert_int_equal(a->tcp.timestamp_value, b->tcp.timestamp_value);
    assert_int_equal(a->tcp.timestamp_echo, b->tcp.timestamp_echo);
}

static bool compare_packet(uint16_t link_type, const uint8_t *bytes, uint32_t captured,
                           uint32_t length)
{
    struct glance seen;
    struct packet quick, slow;
    if (!packet_glance(link_type, bytes, captured, length, &seen))
        return false;
    memset(&quick, 0xaa, sizeof quick);
    memset(&slow, 0x55, sizeof slow);
    packet_from_glance(&seen, &quick);
    packet_dissect(link_type, bytes, captured, length, &slow);
    assert_same_packet(&quick, &slow);
    return true;
}

/* Its own copy, so that a read behind its end is found by the sanitizer. */
static bool compare_damaged(const struct frame *frame)
{
    uint32_t captured = random_below(4) ? frame->caplen : random_below(frame->caplen + 1);
    uint32_t length = frame->len < captured ? captured : frame->len;
    uint8_t *bytes = malloc(captured ? captured : 1);
    memcpy(bytes, frame->data, captured);
    uint32_t reach = captured < HEADERS ? captured : HEADERS;
    for (uint32_t flips = random_below(4); reach && flips; flips--)
        bytes[random_below(reach)] = (uint8_t)random_below(256);
    bool common = compare_packet(frame->link_type, bytes, captured, length);
    free(bytes);
    return common;
}

static void compare_frame(const struct frame *frame, void *context)
{
    size_t *common = context;
    *common += compare_packet(frame->link_type, frame->data, frame->caplen, frame->len);
    for (int i = 0; i < DAMAGED_PER_FRAME; i++)
        *common += compare_damaged(frame);
}

static void a_glance_sees_what_dissecting_does(void **state)
{
    (void)state;
    size_t common = 0, seen = over_captures(compare_frame, &common);
    assert_true(seen > 1000 && common > seen); /* damaged ones are counted too */
}

/* --- with and without the fast path --- */

struct twins {
    struct tracker *fast, *naive;
    struct frame frames[FRAMES];
    uint8_t *bytes[FRAMES];
    int count;
    size_t all, slow; /* packets, and those that the fast path did not take */
};

static struct tracker *new_tracker(const struct profiles *profiles)
{
    const struct tracker_options options = {
        .max_flows = 100, .profiles = profiles, .syn_copy_gap_ns = 200000000};
    return tracker_new(&options);
}

static void take_naively(struct tracker *tracker, const struct frame *frame)
{
    struct packet packet;
    enum side side;
    bool fresh;
    packet_dissect(frame->link_type, frame->data, frame->caplen, frame->len, &packet);
    tracker_packet(tracker, &packet, frame->number, frame->time_ns, &side, &fresh);
}

static void take_slowly(void *context, const struct frame *frame,
                        const struct fast_packet *looked_at)
{
    struct twins *twins = context;
    struct packet packet;
    enum side side;
    bool fresh;
    twins->slow++;
    if (looked_at->common)
        packet_from_glance(&looked_at->seen, &packet);
    else
        packet_dissect(frame->link_type, frame->data, frame->caplen, frame->len, &packet);
    fast_path_hand_over(twins->fast, looked_at, &packet, frame->number, frame->time_ns, &side,
                        &fresh);
}

static void take_batch(struct twins *twins)
{
    fast_path_batch(twins->fast, twins->frames, twins->count, 0, take_slowly, twins);
    twins->all += (size_t)twins->count;
    for (int i = 0; i < twins->count; i++) {
        take_naively(twins->naive, &twins->frames[i]);
        free(twins->bytes[i]);
    }
    twins->count = 0;
}

/* Frames as they are, and again with a changed byte now and then: more flows than fit the table. */
static void collect_frame(const struct frame *frame, void *context)
{
    struct twins *twins = context;
    for (int again = 0; again < 3; again++) {
        uint8_t *bytes = malloc(frame->caplen ? frame->caplen : 1);
        memcpy(bytes, frame->data, frame->caplen);
        if (again && frame->caplen && random_below(2))
            bytes[random_below(frame->caplen < HEADERS ? frame->caplen : HEADERS)] ^=
                (uint8_t)(1u << random_below(8));
        twins->bytes[twins->count] = bytes;
        twins->frames[twins->count] = *frame;
        twins->frames[twins->count++].data = bytes;
        if (twins->count == FRAMES)
            take_batch(twins);
    }
}

static void assert_same_flows(const struct twins *twins)
{
    size_t position = 0, other = 0;
    const struct flow *flow;
    assert_int_equal(flow_table_evicted(tracker_flows(twins->fast)),
                     flow_table_evicted(tracker_flows(twins->naive)));
    assert_true(flow_table_evicted(tracker_flows(twins->fast)) > 0);
    while ((flow = flow_table_next(tracker_flows(twins->fast), &position))) {
        const struct flow *twin = flow_table_next(tracker_flows(twins->naive), &other);
        assert_non_null(twin);
        assert_memory_equal(flow, twin, sizeof *flow);
    }
    assert_null(flow_table_next(tracker_flows(twins->naive), &other));
}

static void assert_same_hosts(const struct twins *twins)
{
    const struct host_table *one = tracker_hosts(twins->fast), *two = tracker_hosts(twins->naive);
    assert_int_equal(host_table_count(one), host_table_count(two));
    for (size_t i = 0; i < host_table_count(one); i++) {
        struct host a = *host_table_at(one, i), b = *host_table_at(two, i);
        a.link = b.link = NULL;
        assert_memory_equal(&a, &b, sizeof a);
    }
}

static void assert_same_attempts(const struct twins *twins)
{
    size_t position = 0, other = 0;
    for (const struct attempt *a; (a = tracker_next_attempt(twins->fast, &position));) {
        const struct attempt *b = tracker_next_attempt(twins->naive, &other);
        assert_non_null(b);
        assert_int_equal(a->bits, b->bits);
        assert_int_equal(a->last_frame, b->last_frame);
        assert_memory_equal(a->address, b->address, sizeof a->address);
        assert_memory_equal(a->port, b->port, sizeof a->port);
        for (int side = 0; side < 2; side++) {
            assert_int_equal(a->side[side].bytes, b->side[side].bytes);
            assert_int_equal(a->side[side].repeats, b->side[side].repeats);
            assert_int_equal(a->side[side].last.frame, b->side[side].last.frame);
            assert_int_equal(a->side[side].next_sequence, b->side[side].next_sequence);
        }
    }
    assert_null(tracker_next_attempt(twins->naive, &other));
}

/* `product`: the only one watched, so that the others' connections are strangers; NULL: all.
 * Returns how many packets the fast path took. */
static size_t compare_trackers(const char *product)
{
    const struct profile_request request = {
        .directory = "rules", .names = &product, .name_count = product ? 1 : 0};
    struct error error;
    struct profiles *profiles = profiles_load(&request, &error);
    assert_non_null(profiles);
    struct twins *twins = memory_zeroed(1, sizeof *twins);
    twins->fast = new_tracker(profiles);
    twins->naive = new_tracker(profiles);
    over_captures(collect_frame, twins);
    take_batch(twins);
    size_t taken = twins->all - twins->slow;
    assert_memory_equal(tracker_counters(twins->fast), tracker_counters(twins->naive),
                        sizeof(struct tracker_counters));
    assert_same_flows(twins);
    assert_same_hosts(twins);
    assert_same_attempts(twins);
    tracker_free(twins->fast);
    tracker_free(twins->naive);
    profiles_free(profiles);
    free(twins);
    return taken;
}

static void the_fast_path_leaves_the_same_behind(void **state)
{
    (void)state;
    (void)compare_trackers(NULL);
    assert_true(compare_trackers("securidata") > 100);
}

/* --- with and without holding packets back (held.h) --- */

/* The capture as it is, but that now and then a frame is lost, comes twice, or has a bit flipped.
 */
static void collect_once(const struct frame *frame, void *context)
{
    struct twins *twins = context;
    uint32_t odds = random_below(60);
    for (int times = odds == 0 ? 0 : odds == 1 ? 2 : 1; times; times--) {
        uint8_t *bytes = malloc(frame->caplen ? frame->caplen : 1);
        memcpy(bytes, frame->data, frame->caplen);
        if (odds == 2 && frame->caplen)
            bytes[random_below(frame->caplen < HEADERS ? frame->caplen : HEADERS)] ^=
                (uint8_t)(1u << random_below(8));
        twins->bytes[twins->count] = bytes;
        twins->frames[twins->count] = *frame;
        twins->frames[twins->count].number = twins->all + (size_t)twins->count + 1;
        twins->frames[twins->count++].data = bytes;
        if (twins->count == FRAMES)
            take_batch(twins);
    }
}

static const struct finished *finished_of(const struct tracker *tracker, uint64_t first_frame)
{
    size_t position = 0;
    const struct finished *finished;
    while ((finished = finished_next(tracker_finished(tracker), &position)))
        if (finished->first_frame == first_frame)
            return finished;
    return NULL;
}

static void assert_same_mark(const struct mark *a, const struct mark *b, bool payload_kept)
{
    struct mark one = *a, two = *b;
    if (!payload_kept) /* what nobody would read of it is not held */
        one.content = two.content = 0;
    assert_memory_equal(&one, &two, sizeof one);
}

static void assert_same_side(const struct side_record *a, const struct side_record *b)
{
    assert_same_mark(&a->first, &b->first, true);
    assert_same_mark(&a->last, &b->last, false);
    assert_same_mark(&a->first_data, &b->first_data, true);
    assert_same_mark(&a->last_data, &b->last_data, false);
    assert_same_mark(&a->fin, &b->fin, false);
    assert_same_mark(&a->rst, &b->rst, false);
    assert_same_mark(&a->first_unanswered, &b->first_unanswered, false);
    assert_int_equal(a->bytes, b->bytes);
    assert_int_equal(a->data_packets, b->data_packets);
    assert_int_equal(a->next_sequence, b->next_sequence);
    assert_int_equal(a->acknowledged, b->acknowledged);
    assert_int_equal(a->repeats, b->repeats);
    assert_int_equal(a->missing, b->missing);
}

static void assert_same_attempt(const struct attempt *a, const struct attempt *b)
{
    assert_int_equal(a->bits & ~ATTEMPT_SETTLED, b->bits & ~ATTEMPT_SETTLED);
    assert_int_equal(a->service, b->service);
    assert_memory_equal(a->address, b->address, sizeof a->address);
    assert_memory_equal(a->port, b->port, sizeof a->port);
    assert_same_mark(&a->syn, &b->syn, true);
    assert_same_mark(&a->syn_last, &b->syn_last, true);
    assert_same_mark(&a->synack, &b->synack, true);
    assert_same_mark(&a->confirmed, &b->confirmed, true);
    assert_same_mark(&a->refused, &b->refused, true);
    assert_int_equal(a->syn_count, b->syn_count);
    assert_int_equal(a->copies, b->copies);
    assert_int_equal(a->forwarded, b->forwarded);
    assert_int_equal(a->twin != 0, b->twin != 0);
    assert_int_equal(a->icmp.count, b->icmp.count);
    assert_int_equal(a->last_ns, b->last_ns);
    assert_int_equal(a->last_frame, b->last_frame);
    assert_int_equal(a->idle_survived_ns, b->idle_survived_ns);
    for (int side = 0; side < 2; side++)
        assert_same_side(&a->side[side], &b->side[side]);
}

/* What is not whole any more went well, and the little that stays of it is right. */
static void assert_finished(const struct twins *twins, const struct attempt *naive)
{
    const struct finished *finished = finished_of(twins->fast, naive->side[INITIATOR].first.frame);
    assert_non_null(finished);
    assert_true(attempt_went_well(naive));
    assert_int_equal(finished->service, naive->service);
    assert_int_equal(finished->begun_ns, naive->syn.time_ns);
    assert_int_equal(finished->hop_limit, naive->syn.hop_limit);
    assert_int_equal(finished->initiator_is_high, naive->initiator_is_high);
    assert_memory_equal(finished->mac, naive->syn.mac, sizeof finished->mac);
    assert_int_equal(finished->last_ns, naive->last_ns);
    assert_int_equal(finished->idle_survived_ns, naive->idle_survived_ns);
    assert_int_equal(finished->idle_survived_frame, naive->idle_survived_frame);
}

static uint64_t first_frame_of(const struct attempt *attempt)
{
    uint64_t one = attempt->side[INITIATOR].first.frame, two = attempt->side[RESPONDER].first.frame;
    return !one || (two && two < one) ? two : one;
}

/* Returns how many connections were finished without a record. */
static size_t compare_held(const struct profiles *profiles)
{
    struct twins *twins = memory_zeroed(1, sizeof *twins);
    const struct tracker_options options = {
        .max_flows = 100000, .profiles = profiles, .syn_copy_gap_ns = 200000000};
    twins->fast = tracker_new(&options);
    twins->naive = tracker_new(&options);
    tracker_hold_back(twins->fast, take_slowly, twins);
    over_captures(collect_once, twins);
    take_batch(twins);
    tracker_let_go(twins->fast);
    size_t position = 0, other = 0, finished = 0;
    const struct attempt *held = tracker_next_attempt(twins->fast, &position);
    for (const struct attempt *naive; (naive = tracker_next_attempt(twins->naive, &other));) {
        if (held && first_frame_of(held) == first_frame_of(naive)) {
            assert_same_attempt(held, naive);
            held = tracker_next_attempt(twins->fast, &position);
        } else {
            assert_finished(twins, naive);
            finished++;
        }
    }
    assert_null(held);
    assert_int_equal(finished_count(tracker_finished(twins->fast)), finished);
    assert_same_hosts(twins);
    assert_memory_equal(tracker_counters(twins->fast), tracker_counters(twins->naive),
                        sizeof(struct tracker_counters));
    tracker_free(twins->fast);
    tracker_free(twins->naive);
    free(twins);
    return finished;
}

static void the_same_is_known_of_what_was_held_back(void **state)
{
    (void)state;
    const struct profile_request request = {.directory = "rules"};
    struct error error;
    struct profiles *profiles = profiles_load(&request, &error);
    assert_non_null(profiles);
    size_t finished = 0;
    for (int round = 0; round < 8; round++)
        finished += compare_held(profiles);
    assert_true(finished > 20);
    profiles_free(profiles);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_is_known_of_what_was_held_back),
        cmocka_unit_test(a_glance_sees_what_dissecting_does),
        cmocka_unit_test(the_fast_path_leaves_the_same_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
