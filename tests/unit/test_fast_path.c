/* The fast path and its naive twins: a glance against packet_dissect(), and a tracker that takes
 * the fast path against one that takes none, over the shipped captures, cut and damaged in many
 * ways. */
#include "tests/unit/twins.h"

enum { DAMAGED_PER_FRAME = 24 };

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
    packet_from_glance(&seen, bytes, captured, &quick);
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

static struct tracker *new_tracker(const struct profiles *profiles)
{
    const struct tracker_options options = {
        .max_flows = 100, .profiles = profiles, .syn_copy_gap_ns = 200000000};
    return tracker_new(&options);
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

static void assert_same_flow(const struct flow *a, const struct flow *b)
{
    const struct flow_rest rest = flow_rest_seen(a), other = flow_rest_seen(b);
    assert_true(flow_has_key(a, &(struct flow_key){.address = {b->address[0], b->address[1]},
                                                   .port = {b->port[0], b->port[1]},
                                                   .kind = b->kind & FLOW_KIND}));
    assert_int_equal(flow_syn_count(a), flow_syn_count(b));
    assert_int_equal(a->bits, b->bits);
    assert_int_equal(a->first_ns, b->first_ns);
    assert_int_equal(a->isn, b->isn);
    assert_int_equal(a->first_frame, b->first_frame);
    assert_int_equal(a->attempt, b->attempt);
    assert_int_equal(a->hosts, b->hosts);
    assert_memory_equal(&rest, &other, sizeof rest);
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
        assert_same_flow(flow, twin);
    }
    assert_null(flow_table_next(tracker_flows(twins->naive), &other));
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
            assert_int_equal(a->side[side].last->frame, b->side[side].last->frame);
            assert_int_equal(a->side[side].next_sequence, b->side[side].next_sequence);
        }
    }
    assert_null(tracker_next_attempt(twins->naive, &other));
}

/* `product`: the only one watched, so that the others' connections are strangers; NULL: all.
 * `together`: so many flows of the one tracker stand together with their rests. Returns how many
 * packets the fast path took. */
static size_t compare_trackers(const char *product, size_t together)
{
    const struct profile_request request = {
        .directory = "rules", .names = &product, .name_count = product ? 1 : 0};
    struct error error;
    struct profiles *profiles = profiles_load(&request, &error);
    assert_non_null(profiles);
    struct twins *twins = memory_zeroed(1, sizeof *twins);
    twins->fast = new_tracker(profiles);
    twins->naive = new_tracker(profiles);
    tracker_flows(twins->fast)->together = together;
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
    (void)compare_trackers(NULL, FLOWS_TOGETHER);
    assert_true(compare_trackers("securidata", FLOWS_TOGETHER) > 100);
}

static void flows_apart_from_their_rests_say_the_same(void **state)
{
    (void)state;
    (void)compare_trackers(NULL, 0);
    assert_true(compare_trackers("securidata", 0) > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_glance_sees_what_dissecting_does),
        cmocka_unit_test(the_fast_path_leaves_the_same_behind),
        cmocka_unit_test(flows_apart_from_their_rests_say_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
