/* What is held back comes to the same as what is digested at once, and there is an end to it. */
#include "tests/unit/twins.h"

#include "analyzer/flow/finished.h"
#include "analyzer/flow/held.h"
#include "analyzer/flow/host.h"

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

static bool finished_of(const struct tracker *tracker, uint64_t first_frame,
                        struct finished *finished)
{
    size_t position = 0;
    while (finished_next(tracker_finished(tracker), &position, finished))
        if (finished->first_frame == first_frame)
            return true;
    return false;
}

static void assert_same_mark(const struct mark *a, const struct mark *b, bool payload_kept)
{
    struct mark one = *a, two = *b;
    one.names = two.names = 0;
    if (!payload_kept) /* what nobody would read of it is not held */
        one.content = two.content = 0;
    assert_memory_equal(&one, &two, sizeof one);
}

static void assert_same_side(const struct side_record *a, const struct side_record *b)
{
    assert_same_mark(a->first, b->first, true);
    assert_same_mark(a->last, b->last, false);
    assert_same_mark(a->first_data, b->first_data, true);
    assert_same_mark(a->last_data, b->last_data, false);
    assert_same_mark(a->fin, b->fin, false);
    assert_same_mark(a->rst, b->rst, false);
    assert_same_mark(a->first_unanswered, b->first_unanswered, false);
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
    assert_same_mark(a->syn, b->syn, true);
    assert_same_mark(a->syn_last, b->syn_last, true);
    assert_same_mark(a->synack, b->synack, true);
    assert_same_mark(a->confirmed, b->confirmed, true);
    assert_same_mark(a->refused, b->refused, true);
    assert_int_equal(a->syn_count, b->syn_count);
    assert_int_equal(a->copies, b->copies);
    assert_int_equal(a->forwarded, b->forwarded);
    assert_int_equal(a->twin != 0, b->twin != 0);
    assert_int_equal(a->icmp->count, b->icmp->count);
    assert_int_equal(a->last_ns, b->last_ns);
    assert_int_equal(a->last_frame, b->last_frame);
    assert_int_equal(a->idle_survived_ns, b->idle_survived_ns);
    for (int side = 0; side < 2; side++)
        assert_same_side(&a->side[side], &b->side[side]);
}

/* What is not whole any more went well, and the little that stays of it is right. Returns whether
 * a copy of its last packet, or a reset, came when it was over: nobody asks for that any more. */
static bool assert_finished(const struct twins *twins, const struct attempt *naive)
{
    struct attempt ended = *naive;
    ended.copies = ended.side[INITIATOR].rst_count = ended.side[RESPONDER].rst_count = 0;
    struct finished finished;
    assert_true(finished_of(twins->fast, naive->side[INITIATOR].first->frame, &finished));
    assert_true(attempt_went_well(&ended));
    assert_int_equal(finished.service, naive->service);
    assert_int_equal(finished.begun_ns, naive->syn->time_ns);
    assert_int_equal(finished.hop_limit, naive->syn->hop_limit);
    assert_int_equal(finished.initiator_is_high, naive->initiator_is_high);
    assert_memory_equal(finished.mac, naive->syn->mac, sizeof finished.mac);
    assert_int_equal(finished.last_ns, naive->last_ns);
    assert_int_equal(finished.idle_survived_ns, naive->idle_survived_ns);
    assert_int_equal(finished.idle_survived_frame, naive->idle_survived_frame);
    return !attempt_went_well(naive);
}

static uint64_t first_frame_of(const struct attempt *attempt)
{
    uint64_t one = attempt->side[INITIATOR].first->frame,
             two = attempt->side[RESPONDER].first->frame;
    return !one || (two && two < one) ? two : one;
}

/* Returns how many connections were finished without a record. */
static size_t compare_held(const struct profiles *profiles, size_t *late_in_all)
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
    size_t position = 0, other = 0, finished = 0, late = 0;
    const struct attempt *held = tracker_next_attempt(twins->fast, &position);
    for (const struct attempt *naive; (naive = tracker_next_attempt(twins->naive, &other));) {
        if (held && first_frame_of(held) == first_frame_of(naive)) {
            assert_same_attempt(held, naive);
            held = tracker_next_attempt(twins->fast, &position);
        } else {
            late += assert_finished(twins, naive);
            finished++;
        }
    }
    assert_null(held);
    assert_int_equal(finished_count(tracker_finished(twins->fast)), finished);
    if (!late) /* else a host has one packet more: its last one's copy */
        assert_same_hosts(twins);
    *late_in_all += late;
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
    size_t finished = 0, late = 0;
    for (int round = 0; round < 8; round++)
        finished += compare_held(profiles, &late);
    assert_true(finished > 20);
    assert_true(late * 10 <= finished); /* one frame in sixty comes twice */
    profiles_free(profiles);
}

/* --- caps: packets made for the purpose --- */

enum { SERVICE = 443, STRANGE = 4444 };

struct scene {
    struct tracker *tracker;
    struct profiles *profiles;
    uint64_t frames;
    size_t slow;
    uint8_t sent[100][1500]; /* the first frames, by number */
};

static void count_slow(void *context, const struct frame *frame,
                       const struct fast_packet *looked_at)
{
    struct scene *scene = context;
    struct packet packet;
    enum side side;
    bool fresh;
    scene->slow++;
    if (frame->number < sizeof scene->sent / sizeof *scene->sent)
        assert_memory_equal(frame->data, scene->sent[frame->number], frame->caplen);
    packet_dissect(frame->link_type, frame->data, frame->caplen, frame->len, &packet);
    fast_path_hand_over(scene->tracker, looked_at, &packet, frame->number, frame->time_ns, &side,
                        &fresh);
}

static struct scene *scene_pinned(size_t max_flows, const struct pin_option *pin)
{
    struct scene *scene = memory_zeroed(1, sizeof *scene);
    const struct profile_request request = {
        .directory = "rules", .pins = pin, .pin_count = pin != NULL};
    struct error error;
    scene->profiles = profiles_load(&request, &error);
    assert_non_null(scene->profiles);
    const struct tracker_options options = {
        .max_flows = max_flows, .profiles = scene->profiles, .syn_copy_gap_ns = 200000000};
    scene->tracker = tracker_new(&options);
    tracker_hold_back(scene->tracker, count_slow, scene);
    return scene;
}

static struct scene *scene_begin(size_t max_flows)
{
    return scene_pinned(max_flows, NULL);
}

static void scene_over(struct scene *scene)
{
    tracker_free(scene->tracker);
    profiles_free(scene->profiles);
    free(scene);
}

/* Between a client and the server 192.0.2.1, to its port or (negative) from there. */
struct said_packet {
    uint32_t client, sequence, acknowledgment, length;
    uint16_t client_port;
    int port;
    uint8_t flags;
    const char *payload;
};

static void put16(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static void put32(uint8_t *to, uint32_t value)
{
    put16(to, value >> 16);
    put16(to + 2, value & 0xffff);
}

enum { MILLISECOND_NS = 1000000 }; /* between packets */

static void say(struct scene *scene, const struct said_packet *said)
{
    enum { ETHERNET = 14, IP4 = 20, TCP = 20, SERVER = 0xc0000201 };
    uint8_t bytes[1500] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45};
    bool back = said->port < 0;
    uint16_t port = (uint16_t)(back ? -said->port : said->port);
    uint8_t *ip = bytes + ETHERNET, *tcp = ip + IP4;
    put16(ip + 2, IP4 + TCP + said->length);
    ip[8] = 60;
    ip[9] = 6;
    put32(ip + 12, back ? SERVER : said->client);
    put32(ip + 16, back ? said->client : SERVER);
    put16(tcp, back ? port : said->client_port);
    put16(tcp + 2, back ? said->client_port : port);
    put32(tcp + 4, said->sequence);
    put32(tcp + 8, said->acknowledgment);
    tcp[12] = 0x50;
    tcp[13] = said->flags;
    put16(tcp + 14, 1000);
    if (said->length)
        memcpy(tcp + TCP, said->payload, said->length);
    uint32_t length = ETHERNET + IP4 + TCP + said->length;
    const struct frame frame = {.data = bytes,
                                .caplen = length,
                                .len = length,
                                .time_ns = (int64_t)++scene->frames * MILLISECOND_NS,
                                .number = scene->frames,
                                .link_type = 1};
    if (frame.number < sizeof scene->sent / sizeof *scene->sent)
        memcpy(scene->sent[frame.number], bytes, length);
    fast_path_batch(scene->tracker, &frame, 1, 0, count_slow, scene);
}

static void say_syn(struct scene *scene, uint32_t client, uint16_t client_port, int port)
{
    const struct said_packet syn = {.client = client,
                                    .client_port = client_port,
                                    .port = port,
                                    .sequence = client * 7 + client_port,
                                    .flags = TCP_SYN};
    say(scene, &syn);
}

static size_t whole(const struct scene *scene)
{
    size_t position = 0, count = 0;
    while (tracker_next_attempt(scene->tracker, &position))
        count++;
    return count;
}

static void there_is_an_end_to_what_is_held(void **state)
{
    (void)state;
    enum { SYNS = 1000, HELD = 100 }; /* one of 32 flows may be held */
    struct scene *scene = scene_begin(HELD * 32);
    for (uint32_t i = 1; i <= SYNS; i++)
        say_syn(scene, 0x0a000000 + i, 30000, SERVICE);
    const struct tracker_counters *counters = tracker_counters(scene->tracker);
    assert_int_equal(counters->attempts_evicted, SYNS - HELD);
    assert_int_equal(whole(scene), 0);
    tracker_let_go(scene->tracker);
    assert_int_equal(whole(scene), HELD);
    assert_int_equal(counters->silent_forgotten, 0);
    scene_over(scene);
}

static void of_a_flood_who_asks_again_is_told(void **state)
{
    (void)state;
    enum { STRANGERS = 6000, SAME = 3 };
    struct scene *scene = scene_begin(200000);
    for (uint32_t i = 1; i <= STRANGERS; i++)
        say_syn(scene, 0x0a000000 + i, 30000, SERVICE);
    for (uint16_t i = 0; i < SAME; i++)
        say_syn(scene, 0x0b000001, (uint16_t)(40000 + i), SERVICE);
    tracker_let_go(scene->tracker);
    assert_int_equal(tracker_counters(scene->tracker)->silent_forgotten, STRANGERS);
    assert_int_equal(whole(scene), SAME);
    assert_int_equal(tracker_counters(scene->tracker)->syn_attempts, STRANGERS + SAME);
    scene_over(scene);
}

static void while_the_capture_goes_on_only_what_is_old_is_handed_on(void **state)
{
    (void)state;
    enum { SYNS = 10, OLD = 4, STRANGERS = 6000 };
    struct scene *scene = scene_begin(200000);
    const int64_t after_ns = (OLD + 1) * MILLISECOND_NS;
    for (uint32_t i = 0; i < SYNS; i++)
        say_syn(scene, 0x0a000000 + i, 30000, SERVICE);
    tracker_let_go_before(scene->tracker, after_ns);
    assert_int_equal(whole(scene), OLD);
    tracker_let_go_before(scene->tracker, after_ns);
    assert_int_equal(whole(scene), OLD);
    for (uint32_t i = 0; i < STRANGERS; i++)
        say_syn(scene, 0x0b000000 + i, 30000, SERVICE);
    tracker_let_go_before(scene->tracker, INT64_MAX);
    assert_int_equal(whole(scene), OLD); /* it is not over: who asks again is not known yet */
    assert_int_equal(tracker_counters(scene->tracker)->silent_forgotten, 0);
    tracker_let_go(scene->tracker);
    assert_int_equal(tracker_counters(scene->tracker)->silent_forgotten, SYNS - OLD + STRANGERS);
    scene_over(scene);
}

/* Afterwards `up` and `down` are what either side says next. */
static void shake_hands(struct scene *scene, uint16_t client_port, struct said_packet *up,
                        struct said_packet *down)
{
    *up = *down =
        (struct said_packet){.client = 0x0a000001, .client_port = client_port, .port = SERVICE};
    down->port = -SERVICE;
    up->sequence = client_port; /* one and the same would be one packet behind a NAT, too */
    down->sequence = 500;
    up->flags = TCP_SYN;
    say(scene, up);
    down->flags = TCP_SYN | TCP_ACK;
    down->acknowledgment = ++up->sequence;
    say(scene, down);
    up->flags = down->flags = TCP_ACK;
    up->acknowledgment = ++down->sequence;
    say(scene, up);
}

/* A handshake, hellos, and then data of the server, each acknowledged. */
static void talk_tls(struct scene *scene, uint32_t packets)
{
    static const char hello[] = "\x16\x03\x01\x00\x02\x01\x00";
    static const char data[] = "\x17\x03\x03\x00\x20"
                               "0123456789abcdef0123456789abcdef";
    enum { HELLO = sizeof hello - 1, DATA = sizeof data - 1 };
    struct said_packet up, down;
    shake_hands(scene, 30000, &up, &down);
    const char *const lines[] = {hello, data};
    const uint32_t lengths[] = {HELLO, DATA};
    for (int i = 0; i < 2; i++) {
        up.payload = down.payload = lines[i];
        up.length = down.length = lengths[i];
        say(scene, &up);
        down.acknowledgment = up.sequence += up.length;
        say(scene, &down);
        up.acknowledgment = down.sequence += down.length;
    }
    up.length = 0;
    for (uint32_t i = 0; i < packets; i++) {
        say(scene, &down);
        up.acknowledgment = down.sequence += down.length;
        say(scene, &up);
    }
    down.length = 0;
    up.flags = down.flags = TCP_ACK | TCP_FIN;
    say(scene, &up);
    down.acknowledgment = ++up.sequence;
    say(scene, &down);
    up.acknowledgment = ++down.sequence;
    up.flags = TCP_ACK;
    say(scene, &up);
}

/* A server's long flight in segments of all sizes, and a client that breaks off: what was held of
 * it comes back byte for byte, wherever it was kept. */
static void frames_come_back_as_they_were(void **state)
{
    (void)state;
    enum { FLIGHT = 16000, SEGMENT_MAX = 1440, ROUNDS = 50 };
    char flight[FLIGHT] = "\x16\x03\x03\x3e\x7b\x02"; /* one record of 15,995 bytes */
    srand(11);
    for (int i = 6; i < FLIGHT; i++)
        flight[i] = (char)rand();
    for (int round = 0; round < ROUNDS; round++) {
        struct scene *scene = scene_begin(1000);
        struct said_packet up, down;
        size_t packets = 3;
        shake_hands(scene, 30000, &up, &down);
        for (uint32_t at = 0; at + SEGMENT_MAX < FLIGHT && packets < 60; at += down.length) {
            down.payload = flight + at;
            down.length = (at ? 1 : 6) + (uint32_t)rand() % (SEGMENT_MAX - 6);
            say(scene, &down);
            up.acknowledgment = down.sequence += down.length;
            say(scene, &up);
            packets += 2;
        }
        assert_int_equal(scene->slow, 0);
        up.flags = TCP_RST;
        say(scene, &up);
        assert_int_equal(scene->slow, packets + 1);
        scene_over(scene);
    }
}

/* Once there is no room for more payload, new connections get their records at once, and nothing of
 * the old ones is lost. */
static void there_is_an_end_to_the_payload_that_is_held(void **state)
{
    (void)state;
    enum { CONNECTIONS = 2000, SEGMENTS = 28, HEADER = 5, RECORD = 1400 - HEADER };
    char record[HEADER + RECORD] = {0x16, 3, 3, RECORD >> 8, RECORD & 0xff};
    struct scene *scene = scene_begin(1000000);
    for (uint16_t i = 0; i < CONNECTIONS; i++) {
        struct said_packet up, down;
        shake_hands(scene, 10000 + i, &up, &down);
        down.payload = record;
        down.length = sizeof record;
        for (int j = 0; j < SEGMENTS; j++) {
            say(scene, &down);
            up.acknowledgment = down.sequence += down.length;
            say(scene, &up);
        }
    }
    size_t at_once = whole(scene);
    assert_true(at_once > 0 && at_once < CONNECTIONS / 2);
    tracker_let_go(scene->tracker);
    assert_int_equal(whole(scene), CONNECTIONS);
    assert_int_equal(scene->slow, scene->frames);
    scene_over(scene);
}

static void a_short_exchange_leaves_a_finished_record(void **state)
{
    (void)state;
    struct scene *scene = scene_begin(1000);
    talk_tls(scene, 5);
    assert_int_equal(scene->slow, 0);
    assert_int_equal(whole(scene), 0);
    assert_int_equal(finished_count(tracker_finished(scene->tracker)), 1);
    tracker_let_go(scene->tracker);
    assert_int_equal(whole(scene), 0);
    scene_over(scene);
}

static void where_certificates_are_pinned_all_are_looked_at(void **state)
{
    (void)state;
    const struct pin_option pin = {.profile = "druva", .pin = "issuer:Our CA"};
    struct scene *scene = scene_pinned(1000, &pin);
    talk_tls(scene, 5);
    assert_int_equal(whole(scene), 1);
    scene_over(scene);
}

static void a_long_one_gets_its_record(void **state)
{
    (void)state;
    struct scene *scene = scene_begin(1000);
    talk_tls(scene, 200);
    assert_int_equal(whole(scene), 1);
    size_t position = 0;
    const struct attempt *attempt = tracker_next_attempt(scene->tracker, &position);
    assert_int_equal(attempt->side[RESPONDER].data_packets, 202);
    assert_true(attempt_went_well(attempt));
    scene_over(scene);
}

static void a_floods_senders_do_not_fill_the_host_table(void **state)
{
    (void)state;
    enum { EASY = 1 << 16 };
    struct scene *scene = scene_begin(200000);
    for (uint32_t i = 1; i <= EASY + 5000; i++)
        say_syn(scene, 0x0a000000 + i, 30000, STRANGE);
    assert_int_equal(host_table_count(tracker_hosts(scene->tracker)), EASY);
    say_syn(scene, 0x0c000001, 30000, SERVICE);
    assert_int_equal(host_table_count(tracker_hosts(scene->tracker)), EASY);
    scene->frames += 1000;                      /* milliseconds */
    say_syn(scene, 0x0c000001, 30000, SERVICE); /* who asks again is somebody */
    assert_int_equal(host_table_count(tracker_hosts(scene->tracker)), EASY + 1);
    scene_over(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_is_known_of_what_was_held_back),
        cmocka_unit_test(there_is_an_end_to_what_is_held),
        cmocka_unit_test(of_a_flood_who_asks_again_is_told),
        cmocka_unit_test(while_the_capture_goes_on_only_what_is_old_is_handed_on),
        cmocka_unit_test(frames_come_back_as_they_were),
        cmocka_unit_test(there_is_an_end_to_the_payload_that_is_held),
        cmocka_unit_test(a_short_exchange_leaves_a_finished_record),
        cmocka_unit_test(where_certificates_are_pinned_all_are_looked_at),
        cmocka_unit_test(a_long_one_gets_its_record),
        cmocka_unit_test(a_floods_senders_do_not_fill_the_host_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
