/* Two captures of one path held against each other: what was seen where, through NAT, drops,
 * filters and windows that do not overlap, and what it does to the verdict. */
#include "analyzer/correlation/imprint.h"
#include "tests/unit/path.h"

#include <math.h>

static void expect_place(const struct finding *finding, enum failure_point place)
{
    assert_string_equal(failure_point_words[finding->verdict.place], failure_point_words[place]);
}

static void expect_passage(const struct together *all, uint32_t capture, enum passage request,
                           enum passage reply, enum passage refusal)
{
    const struct joint *joint = correlation_joint(all->correlation, capture, 0);
    assert_non_null(joint);
    assert_true(joint->compared);
    assert_int_equal(joint->passing.request, request);
    assert_int_equal(joint->passing.reply, reply);
    assert_int_equal(joint->passing.refusal, refusal);
}

/* --- matching --- */

static void connections_match_through_nat(void **state)
{
    (void)state;
    struct path path = path_new();
    path.ahead = 90;
    for (uint16_t i = 0; i < 20; i++) {
        struct way way = way_nat(&path, (uint16_t)(50000 + i), 5800);
        way_success(&way, i);
    }
    struct together *all = path_correlate(&path);
    const struct pairing *pairing = correlation_pairing(all->correlation, 0, 1);
    assert_int_equal(pairing->match_count, 20);
    assert_int_equal(pairing->linked, 20);
    assert_true(pairing->clock.both_ways);
    assert_true(fabs(pairing->clock.offset_ns - 90e9) < 1e6);
    size_t position = SIZE_MAX;
    const struct ip_address server = scene_address("203.0.113.2");
    const struct match *match = pairing_next(pairing, 0, RESPONDER, &server, &position);
    assert_non_null(match);
    assert_int_equal(match_nearer_initiator(match), 0);
    uint64_t attempts, succeeded, failed;
    correlation_twice(all->correlation, &attempts, &succeeded, &failed);
    assert_int_equal(attempts, 20);
    assert_int_equal(succeeded, 20);
    assert_int_equal(all->diagnosis[0].count + all->diagnosis[1].count, 0);
    together_end(all);
    path_end(&path);
}

/* A box that rewrites sequence numbers leaves the payload alone. */
static void rewritten_sequence_numbers(void **state)
{
    (void)state;
    struct path path = path_new();
    struct way way = way_nat(&path, 50000, 5800);
    way.talk[1].isn[0] += 123456789;
    way.talk[1].isn[1] += 987654321;
    way_success(&way, 1);
    struct together *all = path_correlate(&path);
    assert_int_equal(correlation_pairing(all->correlation, 0, 1)->linked, 1);
    together_end(all);
    path_end(&path);
}

/* Both captures begin in the middle of it, one after the other. */
static void joined_by_sequence_ranges(void **state)
{
    (void)state;
    struct path path = path_new();
    struct way way = way_nat(&path, 50000, 5800);
    way.talk[0].next[0] = way.talk[0].next[1] = way.talk[1].next[0] = way.talk[1].next[1] = 5000;
    for (int i = 0; i < 10; i++) {
        CLIENT_PASSES(&way, i < 3 ? AT_A : AT_BOTH, .at = i, .flags = "PA", .length = 100);
        SERVER_PASSES(&way, i < 3 ? AT_A : AT_BOTH, .at = i + 0.1, .flags = "PA", .length = 900);
    }
    struct together *all = path_correlate(&path);
    assert_int_equal(correlation_pairing(all->correlation, 0, 1)->linked, 1);
    together_end(all);
    path_end(&path);
}

/* Datagrams of many clients that all send the same: the order of time tells them apart. */
static void datagrams_match_by_payload_and_order(void **state)
{
    (void)state;
    struct path path = path_new();
    struct way tcp = way_nat(&path, 50000, 5800);
    way_success(&tcp, 0);
    struct way way[5];
    for (uint16_t i = 0; i < 5; i++) {
        way[i] = way_nat(&path, (uint16_t)(40000 + i), 8080);
        way[i].talk[0].port[RESPONDER] = 8080;
        CLIENT_PASSES(&way[i], AT_BOTH, .at = 1 + i * 3, .length = 40);
        SERVER_PASSES(&way[i], AT_BOTH, .at = 1.1 + i * 3, .length = 40);
    }
    struct together *all = path_correlate(&path);
    const struct pairing *pairing = correlation_pairing(all->correlation, 0, 1);
    for (uint32_t number = 2; number <= 6; number++) {
        const struct attempt *a = tracker_attempt(path.scene[0]->tracker, number);
        const struct attempt *b = pairing_partner(pairing, path.scene[1]->tracker, 0, a);
        assert_non_null(b);
        assert_int_equal(b->port[INITIATOR], a->port[INITIATOR] + 7);
    }
    together_end(all);
    path_end(&path);
}

/* Two clients that ask for the same page at the same time are not one. */
static void same_request_of_two_clients(void **state)
{
    (void)state;
    struct path path = path_new();
    struct way both = way_nat(&path, 50000, 5800), one = way_nat(&path, 51000, 5800),
               two = way_nat(&path, 52000, 5800);
    two.talk[1].address[INITIATOR] = scene_address("192.0.2.99");
    path.scene[1]->next_id = 30000;
    way_success(&both, 1);
    scene_success(&one.talk[0], 5);
    scene_success(&two.talk[1], 5);
    struct together *all = path_correlate(&path);
    assert_int_equal(correlation_pairing(all->correlation, 0, 1)->linked, 1);
    together_end(all);
    path_end(&path);
}

/* Scanners send one sequence number to everybody: those are not all one. */
static void one_number_sent_to_many(void **state)
{
    (void)state;
    struct path path = path_new();
    for (uint16_t i = 0; i < 200; i++) {
        struct way way = way_plain(&path, (uint16_t)(1000 + i), (uint16_t)(2000 + i));
        way.talk[0].isn[0] = way.talk[1].isn[0] = 777;
        CLIENT_PASSES(&way, AT_BOTH, .at = i * 0.01, .flags = "S");
    }
    struct together *all = path_correlate(&path);
    const struct pairing *pairing = correlation_pairing(all->correlation, 0, 1);
    for (size_t i = 0; i < pairing->match_count; i++) {
        const struct match *match = &pairing->matches[i];
        assert_int_equal(match->port[0][INITIATOR], match->port[1][INITIATOR]);
    }
    together_end(all);
    path_end(&path);
}

/* --- caps --- */

/* More conversations in common than are kept: the rest is counted. */
static void more_matches_than_are_kept(void **state)
{
    (void)state;
    enum { CONVERSATIONS = MATCHES_MAX + 500 };
    struct path path = {
        .scene = {scene_with_room(2 * MATCHES_MAX), scene_with_room(2 * MATCHES_MAX)},
        .delay = 0.01,
        .hops = 3};
    for (uint32_t i = 0; i < CONVERSATIONS; i++) {
        struct way way = way_plain(&path, (uint16_t)(i % 60000 + 1), (uint16_t)(9000 + i / 60000));
        way.talk[0].isn[0] = way.talk[1].isn[0] = 1000 + 17 * i;
        CLIENT_PASSES(&way, AT_BOTH, .at = i * 0.001, .flags = "S");
        SERVER_PASSES(&way, AT_BOTH, .at = i * 0.001 + 0.02, .flags = "SA");
    }
    struct pairing pairing;
    pairing_make(path.scene[0]->tracker, path.scene[1]->tracker, &pairing);
    assert_int_equal(pairing.match_count, MATCHES_MAX);
    assert_int_equal(pairing.left_out, 500);
    assert_true(pairing.clock.both_ways); /* its samples are thinned out, not cut */
    pairing_release(&pairing);
    path_end(&path);
}

/* A capture on both sides of a NAT has a connection twice, one that was taken on one side has it as
 * it is there: it is one connection, whichever capture is given first. */
static void both_sides_of_a_nat_are_counted_once(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) {
        struct path path = path_new();
        struct scene *box = path.scene[first], *outside = path.scene[!first];
        struct talk in = scene_talk(box, "192.168.1.7", 50000, "203.0.113.2", 5800),
                    out = scene_talk(box, "198.51.100.7", 50000, "203.0.113.2", 5800),
                    there = scene_talk(outside, "198.51.100.7", 50000, "203.0.113.2", 5800);
        struct talk *const talks[] = {&in, &out, &there};
        for (size_t i = 0; i < 3; i++) {
            memcpy(talks[i]->isn, in.isn, sizeof in.isn);
            talks[i]->scene->next_id = 700;
        }
        CLIENT_SENDS(&in, .at = 1, .flags = "S", .timestamp = 99, .id = 5);
        CLIENT_SENDS(&out, .at = 1.0001, .flags = "S", .timestamp = 99, .id = 5, .hop_limit = 63);
        CLIENT_SENDS(&there, .at = 1.0001, .flags = "S", .timestamp = 99, .id = 5, .hop_limit = 63);
        assert_int_not_equal(tracker_attempt(box->tracker, 1)->twin, 0);
        struct together *all = path_correlate(&path);
        uint64_t attempts, succeeded, failed;
        correlation_twice(all->correlation, &attempts, &succeeded, &failed);
        assert_int_equal(attempts, 1);
        together_end(all);
        path_end(&path);
    }
}

/* --- what captures are known to be of one time by --- */

static struct imprint imprint_of(const struct path *path, int capture)
{
    struct imprint imprint;
    imprint_make(path->scene[capture]->tracker, &imprint);
    for (size_t i = 1; i < imprint.count; i++)
        assert_true(imprint.hashes[i - 1] < imprint.hashes[i]);
    return imprint;
}

static bool is_recognised(struct path *path)
{
    const struct imprint a = imprint_of(path, 0), b = imprint_of(path, 1);
    assert_true(imprint_shares(&a, &b) == imprint_shares(&b, &a));
    path_end(path);
    return imprint_shares(&a, &b);
}

static void captures_of_one_path_are_recognised(void **state)
{
    (void)state;
    struct path path = path_new(); /* answered, through two NATs and a forward to another port */
    struct way way = way_nat(&path, 50000, 5801);
    way_success(&way, 1);
    assert_true(is_recognised(&path));

    path = path_new(); /* of one the answer never came back: the port of the client is left */
    way = way_nat(&path, 50000, 5801);
    way.talk[1].port[INITIATOR] = 50000;
    CLIENT_PASSES(&way, AT_BOTH, .at = 1, .flags = "S");
    SERVER_PASSES(&way, AT_B, .at = 1.02, .flags = "SA");
    assert_true(is_recognised(&path));

    path = path_new(); /* both ports differ, the timestamp does not */
    way = way_nat(&path, 50000, 6060);
    CLIENT_PASSES(&way, AT_BOTH, .at = 1, .flags = "S", .timestamp = 4711);
    assert_true(is_recognised(&path));

    path = path_new(); /* UDP, as Linux sends it: one address stays */
    way = way_nat(&path, 40000, 8080);
    way.talk[0].port[RESPONDER] = 8080;
    way.talk[1].address[RESPONDER] = way.talk[0].address[RESPONDER];
    CLIENT_PASSES(&way, AT_BOTH, .at = 1, .length = 40, .no_id = true);
    assert_true(is_recognised(&path));
}

static void other_captures_are_not(void **state)
{
    (void)state;
    struct path path = path_new(); /* the same product, client and server, at another time */
    struct way way = way_plain(&path, 50000, 5800), later = way_plain(&path, 50000, 5800);
    later.talk[0].isn[0] = later.talk[1].isn[0] = way.talk[0].isn[0] + 77;
    CLIENT_PASSES(&way, AT_A, .at = 1, .flags = "S");
    CLIENT_PASSES(&later, AT_B, .at = 2, .flags = "S");
    assert_true(!is_recognised(&path));

    path = path_new(); /* the same hello of two clients to two servers */
    struct way one = way_nat(&path, 40000, 8080);
    one.talk[0].port[RESPONDER] = 8080;
    CLIENT_PASSES(&one, AT_BOTH, .at = 1, .length = 40, .no_id = true);
    assert_true(!is_recognised(&path));

    path = path_new(); /* nothing at all */
    assert_true(!is_recognised(&path));
}

/* Of more than is kept, both keep the same. */
static void sketches_of_long_captures_meet(void **state)
{
    (void)state;
    struct path path = path_new();
    for (uint32_t i = 0; i < 3000; i++) {
        struct way way = way_plain(&path, (uint16_t)(1000 + i), (uint16_t)(2000 + i));
        way.talk[0].isn[0] = way.talk[1].isn[0] = 1000000 + i * 7919;
        CLIENT_PASSES(&way, i % 10 ? (i & 1 ? AT_A : AT_B) : AT_BOTH, .at = i * 0.01, .flags = "S");
    }
    assert_int_equal(imprint_of(&path, 0).count, IMPRINT_MAX);
    assert_true(is_recognised(&path));
}

static void count_note(void *context, const char *text)
{
    int *notes = context;
    *notes += strstr(text, "only the first 8") != NULL;
}

static void more_captures_than_are_compared(void **state)
{
    (void)state;
    enum { GIVEN = CORRELATION_CAPTURES_MAX + 2 };
    struct path path = path_new();
    struct way way = way_nat(&path, 50000, 5800);
    way_asks(&way, AT_BOTH, 1);
    struct together *all = path_correlate(&path);
    struct correlation_view views[GIVEN];
    for (int i = 0; i < GIVEN; i++)
        views[i] = all->view[i % 2];
    struct correlation *correlation = correlate(views, GIVEN);
    int notes = 0;
    correlation_notes(correlation, count_note, &notes);
    assert_int_equal(notes, 1);
    assert_non_null(correlation_joint(correlation, CORRELATION_CAPTURES_MAX - 1, 0));
    assert_null(correlation_joint(correlation, CORRELATION_CAPTURES_MAX, 0));
    correlation_free(correlation);
    together_end(all);
    path_end(&path);
}

/* Times that no clock shows: nothing is compared, and nothing overflows. */
static void times_out_of_the_world(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct path path = path_new();
        struct way way = way_nat(&path, 50000, 5800);
        way_asks(&way, AT_BOTH, 1);
        struct together *all = path_correlate(&path);
        struct correlation_view views[] = {all->view[0], all->view[1]};
        views[1].earliest_ns = i ? 0 : INT64_MIN;
        views[1].last_ns = i ? INT64_MAX : views[1].last_ns;
        struct correlation *correlation = correlate(views, 2);
        assert_null(correlation_joint(correlation, 0, 0));
        assert_null(correlation_joint(correlation, 1, 0));
        correlation_free(correlation);
        together_end(all);
        path_end(&path);
    }
}

/* --- left a, never reached b --- */

static void lost_between_the_captures(void **state)
{
    (void)state;
    struct path path = path_new();
    path.ahead = -7;
    path.hops = 1;
    struct way web = way_nat(&path, 49000, 80), way = way_nat(&path, 50000, 5800);
    web.talk[0].port[RESPONDER] = 80;
    /* Both captures are on the two sides of the edge: the client is far away, the server at hand.
     */
    web.talk[0].hop_limit[0] = 60;
    path_runs(&path, 0, 0, 20);
    path_runs(&path, 1, 8, 27);
    way_success(&web, 9);
    way_asks(&way, AT_A, 10);
    struct together *all = path_correlate(&path);
    const struct finding *finding = only_one(all);
    expect_passage(all, 0, PASSAGE_LOST, PASSAGE_UNKNOWN, PASSAGE_UNKNOWN);
    const struct reason *lost = reason_of(finding, "captures-request-lost");
    const struct reason *witness = reason_of(finding, "captures-witness-others");
    assert_true(lost && witness);
    assert_int_equal(lost->elsewhere, 0);
    assert_int_equal(lost->frames.count, 4);
    assert_int_equal(witness->elsewhere, 2); /* 1 + index of capture b */
    assert_true(witness->frames.count > 0);
    assert_true(finding->verdict.probability[LOCAL_FIREWALL] < 0.02);
    assert_true(finding->verdict.probability[SERVER_HOST] < 0.02);
    together_end(all);
    path_end(&path);
}

/* The same without anything that shows that b sees this path: absence proves nothing. */
static void unrelated_captures_accuse_nobody(void **state)
{
    (void)state;
    struct path path = path_new();
    struct way way = way_nat(&path, 50000, 5800);
    struct talk other = scene_talk(path.scene[1], "198.51.100.200", 1234, "10.7.7.7", 5800);
    path_runs(&path, 0, 0, 20);
    path_runs(&path, 1, 0, 20);
    scene_success(&other, 2);
    way_asks(&way, AT_A, 5);
    double alone =
        scene_diagnose(path.scene[0], -1)->findings[0]->verdict.probability[EDGE_FIREWALL];
    struct together *all = path_correlate(&path);
    const struct finding *finding = only_one(all);
    assert_null(correlation_joint(all->correlation, 0, 0));
    assert_true(fabs(finding->verdict.probability[EDGE_FIREWALL] - alone) < 1e-9);
    assert_null(reason_of(finding, "captures-request-lost"));
    together_end(all);
    path_end(&path);
}

/* b ended before the client asked. */
static void windows_that_do_not_overlap(void **state)
{
    (void)state;
    struct path path = path_new();
    struct way before = way_nat(&path, 49000, 5800), way = way_nat(&path, 50000, 5800);
    path_runs(&path, 0, 0, 60);
    path_runs(&path, 1, 0, 20);
    way_success(&before, 5);
    way_asks(&way, AT_A, 30);
    struct together *all = path_correlate(&path);
    const struct finding *finding = only_one(all);
    assert_null(reason_of(finding, "captures-request-lost"));
    together_end(all);
    path_end(&path);
}

/* b lost half of what came by: four missing packets may be chance. */
static void drops_of_the_capture(void **state)
{
    (void)state;
    struct path path = path_new();
    struct way before = way_nat(&path, 49000, 5800), way = way_nat(&path, 50000, 5800);
    path_runs(&path, 0, 0, 60);
    path_runs(&path, 1, 0, 60);
    way_success(&before, 5);
    way_asks(&way, AT_A, 30);
    path.dropped[1] = path.scene[1]->frame;
    struct together *all = path_correlate(&path);
    assert_null(reason_of(only_one(all), "captures-request-lost"));
    together_end(all);
    path.dropped[1] = 1;
    all = path_correlate(&path);
    assert_non_null(reason_of(only_one(all), "captures-request-lost"));
    together_end(all);
    path_end(&path);
}

/* b holds port 80 and nothing else: it would not show 5800. With anything that no such filter lets
 * through, it would. */
static void filter_of_the_capture(void **state)
{
    (void)state;
    for (int filtered = 0; filtered < 2; filtered++) {
        struct path path = path_new();
        struct way web = way_nat(&path, 49000, 80), later = way_nat(&path, 49001, 80);
        struct way way = way_nat(&path, 50000, 5800);
        web.talk[0].port[RESPONDER] = later.talk[0].port[RESPONDER] = 80;
        way_success(&web, 5);
        way_asks(&way, AT_A, 10);
        way_success(&later, 30);
        if (!filtered)
            path_runs(&path, 1, 30, 31);
        struct together *all = path_correlate(&path);
        const struct reason *lost = reason_of(only_one(all), "captures-request-lost");
        assert_int_equal(lost == NULL, filtered);
        together_end(all);
        path_end(&path);
    }
}

/* A capture of one direction: that the answers are not in it says nothing. */
static void one_direction_only(void **state)
{
    (void)state;
    struct path path = path_new();
    path_runs(&path, 0, 0, 60);
    path_runs(&path, 1, 0, 60);
    for (uint16_t i = 0; i < 5; i++) {
        struct way way = way_nat(&path, (uint16_t)(49000 + i), 5800);
        CLIENT_PASSES(&way, AT_BOTH, .at = i, .flags = "S");
        SERVER_PASSES(&way, AT_B, .at = i + 0.02, .flags = "SA");
        CLIENT_PASSES(&way, AT_BOTH, .at = i + 0.04, .flags = "A");
        CLIENT_PASSES(&way, AT_BOTH, .at = i + 0.05, .flags = "PA", .length = 10);
    }
    struct way way = way_nat(&path, 50000, 5800);
    for (int i = 0; i < 4; i++) {
        CLIENT_PASSES(&way, AT_BOTH, .at = 10 + i, .flags = "S");
        SERVER_PASSES(&way, AT_B, .at = 10.02 + i, .flags = "SA");
    }
    struct together *all = path_correlate(&path);
    for (int i = 0; i < 2; i++)
        for (size_t f = 0; f < all->diagnosis[i].count; f++)
            assert_null(reason_of(all->diagnosis[i].findings[f], "captures-reply-lost"));
    together_end(all);
    path_end(&path);
}

/* --- one failure in both --- */

/* Silence at the server itself: told once, by the capture there, under the client's names. */
static void seen_by_both_is_told_once(void **state)
{
    (void)state;
    struct path path = path_new();
    struct way way = way_nat(&path, 50000, 5800), fine = way_nat(&path, 48000, 80);
    fine.talk[0].port[RESPONDER] = 80;
    path_runs(&path, 0, 0, 60);
    path_runs(&path, 1, 0, 60);
    way_success(&fine, 1);
    way_asks(&way, AT_BOTH, 10);
    struct together *all = path_correlate(&path);
    const struct finding *finding = only_one(all);
    const struct ip_address client = scene_address("192.168.1.7");
    const struct ip_address server = scene_address("203.0.113.2");
    assert_int_equal(finding->capture, 1);
    assert_true(ip_equal(&finding->client, &client));
    assert_true(ip_equal(&finding->server, &server));
    assert_int_equal(finding->client_port, 50000);
    expect_place(finding, LOCAL_FIREWALL);
    assert_non_null(reason_of(finding, "captures-nat"));
    together_end(all);
    path_end(&path);
}

/* Two clients that a NAT makes one stay two findings. */
static void clients_behind_one_nat(void **state)
{
    (void)state;
    struct path path = path_new();
    struct way one = way_nat(&path, 50000, 5800), two = way_nat(&path, 51000, 5800);
    two.talk[0].address[INITIATOR] = scene_address("192.168.1.8");
    path_runs(&path, 0, 0, 60);
    path_runs(&path, 1, 0, 60);
    way_asks(&one, AT_BOTH, 10);
    way_asks(&two, AT_BOTH, 20);
    struct together *all = path_correlate(&path);
    assert_int_equal(all->diagnosis[0].count + all->diagnosis[1].count, 2);
    together_end(all);
    path_end(&path);
}

/* What looks unanswered where answers take another way was answered, as the other capture shows. */
static void refuted_by_the_other_capture(void **state)
{
    (void)state;
    struct path path = path_new();
    struct way way = way_nat(&path, 50000, 5800);
    path_runs(&path, 0, 0, 60);
    path_runs(&path, 1, 0, 60);
    CLIENT_PASSES(&way, AT_BOTH, .at = 1, .flags = "S");
    CLIENT_PASSES(&way, AT_BOTH, .at = 2, .flags = "S");
    CLIENT_PASSES(&way, AT_BOTH, .at = 4, .flags = "S");
    SERVER_PASSES(&way, AT_A, .at = 4.1, .flags = "SA");
    CLIENT_PASSES(&way, AT_A, .at = 4.2, .flags = "A");
    CLIENT_PASSES(&way, AT_A, .at = 4.3, .flags = "PA", .length = 10);
    SERVER_PASSES(&way, AT_A, .at = 4.4, .flags = "PA", .length = 10);
    assert_int_equal(scene_diagnose(path.scene[1], -1)->count, 1);
    struct together *all = path_correlate(&path);
    assert_int_equal(all->diagnosis[0].count + all->diagnosis[1].count, 0);
    together_end(all);
    path_end(&path);
}

/* The client repeats its SYN long after it got through in the other capture: another connection. */
static void asking_on_is_not_refuted(void **state)
{
    (void)state;
    struct path path = path_new();
    struct way way = way_plain(&path, 50000, 5800);
    path_runs(&path, 0, 0, 60);
    path_runs(&path, 1, 0, 60);
    way_asks(&way, AT_A, 1);
    CLIENT_PASSES(&way, AT_B, .at = 1, .flags = "S");
    SERVER_PASSES(&way, AT_B, .at = 1.02, .flags = "SA");
    CLIENT_PASSES(&way, AT_B, .at = 1.04, .flags = "A");
    CLIENT_PASSES(&way, AT_B, .at = 1.05, .flags = "PA", .length = 10);
    struct together *all = path_correlate(&path);
    assert_int_equal(all->diagnosis[0].count + all->diagnosis[1].count, 1);
    together_end(all);
    path_end(&path);
}

/* --- who refused --- */

static void reset_made_between(void **state)
{
    (void)state;
    struct path path = path_new();
    struct way fine = way_nat(&path, 48000, 80), way = way_nat(&path, 50000, 5800);
    fine.talk[0].port[RESPONDER] = 80;
    path_runs(&path, 0, 0, 60);
    path_runs(&path, 1, 0, 60);
    way_success(&fine, 1);
    for (int i = 0; i < 3; i++) {
        CLIENT_PASSES(&way, AT_A, .at = 10 + i, .flags = "S");
        SERVER_SENDS(&way.talk[0], .at = 10.02 + i, .flags = "RA", .hop_limit = 61);
    }
    struct together *all = path_correlate(&path);
    const struct finding *finding = only_one(all);
    expect_passage(all, 0, PASSAGE_LOST, PASSAGE_UNKNOWN, PASSAGE_MADE);
    assert_int_equal(correlation_joint(all->correlation, 0, 0)->refuser, REFUSER_LAST);
    expect_place(finding, EDGE_FIREWALL);
    assert_non_null(reason_of(finding, "captures-refuser-last"));
    together_end(all);
    path_end(&path);
}

static void reset_that_the_host_sent(void **state)
{
    (void)state;
    struct path path = path_new();
    struct way way = way_nat(&path, 50000, 5800);
    path_runs(&path, 0, 0, 60);
    path_runs(&path, 1, 0, 60);
    CLIENT_PASSES(&way, AT_BOTH, .at = 10, .flags = "S");
    SERVER_PASSES(&way, AT_BOTH, .at = 10.02, .flags = "RA");
    struct together *all = path_correlate(&path);
    const struct finding *finding = only_one(all);
    expect_passage(all, finding->capture, PASSAGE_BOTH, PASSAGE_UNKNOWN, PASSAGE_BOTH);
    assert_true(finding->verdict.probability[EDGE_FIREWALL] < 0.05);
    together_end(all);
    path_end(&path);
}

/* A forward to a port of no product: the connection is known by its numbers. */
static void forward_to_another_port(void **state)
{
    (void)state;
    struct path path = path_new();
    path_runs(&path, 0, 0, 60);
    path_runs(&path, 1, 0, 60);
    for (uint16_t i = 0; i < 3; i++) {
        struct way way = way_nat(&path, (uint16_t)(50000 + 100 * i), 5801);
        way.talk[1].port[INITIATOR] = way.talk[0].port[INITIATOR];
        CLIENT_PASSES(&way, AT_BOTH, .at = 10 + i, .flags = "S");
        SERVER_PASSES(&way, AT_BOTH, .at = 10.02 + i, .flags = "RA");
    }
    struct together *all = path_correlate(&path);
    const struct finding *finding = only_one(all);
    assert_true(correlation_joint(all->correlation, 0, 0)->port_changed);
    expect_place(finding, EDGE_FIREWALL);
    together_end(all);
    path_end(&path);
}

/* --- answers that get lost, and connections that die --- */

static void answer_lost_on_the_way_back(void **state)
{
    (void)state;
    struct path path = path_new();
    struct way fine = way_nat(&path, 48000, 80), way = way_nat(&path, 50000, 5800);
    fine.talk[0].port[RESPONDER] = 80;
    path_runs(&path, 0, 0, 60);
    path_runs(&path, 1, 0, 60);
    way_success(&fine, 1);
    for (int i = 0; i < 4; i++) {
        CLIENT_PASSES(&way, AT_BOTH, .at = 10 + 2 * i, .flags = "S");
        SERVER_PASSES(&way, AT_B, .at = 10.02 + 2 * i, .flags = "SA");
    }
    struct together *all = path_correlate(&path);
    const struct finding *finding = only_one(all);
    expect_passage(all, finding->capture, PASSAGE_BOTH, PASSAGE_LOST, PASSAGE_UNKNOWN);
    assert_non_null(reason_of(finding, "captures-reply-lost"));
    assert_true(finding->verdict.probability[SERVER_HOST] < 0.02);
    together_end(all);
    path_end(&path);
}

/* 400 requests, 100 a second and then two, of which each is sent twice: the first is lost between
 * the captures (`held_back`) or behind both. The captures run on, or end with the last answer, or
 * with the last request that is lost. */
static struct path throttled(bool held_back, bool runs_on, bool ends_lost)
{
    enum { REQUESTS = 400, SLOW_FROM = 300 };
    struct path path = path_new();
    struct way way = way_nat(&path, 50000, 8080);
    way.talk[0].port[RESPONDER] = 8080;
    path_runs(&path, 0, 0, runs_on ? 90 : 9);
    path_runs(&path, 1, 0, runs_on ? 90 : 9);
    double at = 10;
    for (int i = 0; i < REQUESTS; i++) {
        char text[32];
        snprintf(text, sizeof text, "request %d", i);
        bool slow = i >= SLOW_FROM;
        at += slow ? 0.5 : 0.01;
        if (slow)
            CLIENT_PASSES(&way, held_back ? AT_A : AT_BOTH, .at = at - 0.3, .payload = text);
        if (ends_lost && i == REQUESTS - 1)
            break;
        CLIENT_PASSES(&way, AT_BOTH, .at = at, .payload = text);
        SERVER_PASSES(&way, AT_BOTH, .at = at + 0.002, .length = 1000);
    }
    return path;
}

/* A limit between the captures lets some of a UDP exchange through. What is asked again for another
 * reason is no sign of it, and is told by the capture that the packets last pass. At which packet
 * the captures end makes no difference. */
static void datagrams_held_back_between(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        bool held_back = i & 1;
        struct path path = throttled(held_back, i & 2, i & 4);
        struct together *all = path_correlate(&path);
        const struct finding *finding = only_one(all);
        const struct joint *joint = correlation_joint(all->correlation, finding->capture, 0);
        assert_non_null(joint);
        assert_int_equal(finding->capture, !held_back);
        assert_int_equal(joint->passing.request == PASSAGE_LOST, held_back);
        together_end(all);
        path_end(&path);
    }
}

/* Three segments here are one there: compared by byte range, nothing is missing until the cut. */
static void merged_segments_are_no_loss(void **state)
{
    (void)state;
    struct path path = path_new();
    struct way way = way_nat(&path, 50000, 5800);
    path_runs(&path, 0, 0, 90);
    path_runs(&path, 1, 0, 90);
    way_handshake(&way, 1);
    for (uint32_t i = 0; i < 3; i++)
        CLIENT_PASSES(&way, AT_A, .at = 2 + 0.001 * i, .flags = "PA", .seq = 1 + i * 1400,
                      .length = 1400);
    CLIENT_PASSES(&way, AT_B, .at = 2.002, .flags = "PA", .seq = 1, .length = 4200);
    for (int i = 0; i < 6; i++) /* both see it again and again, and nobody answers */
        CLIENT_PASSES(&way, AT_BOTH, .at = 3 + 2 * i, .flags = "PA", .seq = 1, .length = 1400);
    struct together *all = path_correlate(&path);
    const struct finding *finding = only_one(all);
    expect_passage(all, finding->capture, PASSAGE_BOTH, PASSAGE_BOTH, PASSAGE_UNKNOWN);
    together_end(all);
    path_end(&path);
}

/* A connection that dies behind both captures: what is sent again passes them, unanswered, so what
 * lies between is cleared; also where the farther capture ends too soon to find the failure itself.
 * Where the server confirms them or says anything to them, or the capture lacks them, it is not. */
static void what_fails_passes_between(void **state)
{
    (void)state;
    static const struct {
        int passes, answers;
        uint32_t confirms;
        bool crossed;
    } cases[] = {{6, 0, 0, true},    {3, 0, 0, true},    {6, 6, 801, false},
                 {6, 1, 801, false}, {6, 6, 401, false}, {0, 0, 0, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct path path = path_new();
        struct way way = way_nat(&path, 50000, 5800);
        path_runs(&path, 0, 0, 90);
        path_runs(&path, 1, 0, 90);
        way_handshake(&way, 1);
        CLIENT_PASSES(&way, AT_BOTH, .at = 2, .flags = "PA", .seq = 1, .length = 400);
        SERVER_PASSES(&way, AT_BOTH, .at = 2.1, .flags = "A", .seq = 1, .ack = 401);
        for (int n = 0; n < 6; n++) {
            CLIENT_PASSES(&way, n < cases[i].passes ? AT_BOTH : AT_A, .at = 4 + n, .flags = "PA",
                          .seq = 401, .length = 400);
            if (n < cases[i].answers)
                SERVER_PASSES(&way, AT_B, .at = 4.1 + n, .flags = "A", .seq = 1,
                              .ack = cases[i].confirms);
        }
        struct together *all = path_correlate(&path);
        const struct finding *finding = only_one(all);
        const struct joint *joint = correlation_joint(all->correlation, finding->capture, 0);
        assert_non_null(joint);
        assert_int_equal(joint->passing.crossed[INITIATOR], cases[i].crossed);
        assert_false(joint->passing.crossed[RESPONDER]);
        assert_int_equal(reason_of(finding, "captures-crossed-edge") != NULL, cases[i].crossed);
        together_end(all);
        path_end(&path);
    }
}

static void data_cut_between(void **state)
{
    (void)state;
    struct path path = path_new();
    struct way way = way_nat(&path, 50000, 5800);
    path_runs(&path, 0, 0, 90);
    path_runs(&path, 1, 0, 90);
    way_handshake(&way, 1);
    CLIENT_PASSES(&way, AT_BOTH, .at = 2, .flags = "PA", .length = 100);
    SERVER_PASSES(&way, AT_BOTH, .at = 2.1, .flags = "PA", .length = 100);
    CLIENT_PASSES(&way, AT_BOTH, .at = 2.2, .flags = "A");
    for (int i = 0; i < 6; i++)
        CLIENT_PASSES(&way, AT_A, .at = 40 + 2 * i, .flags = "PA", .seq = 101, .length = 100);
    struct together *all = path_correlate(&path);
    const struct finding *finding = only_one(all);
    expect_passage(all, 0, PASSAGE_LOST, PASSAGE_BOTH, PASSAGE_UNKNOWN);
    assert_int_equal(finding->symptom, SYMPTOM_STALL_MIDSTREAM);
    assert_true(finding->verdict.probability[LOCAL_FIREWALL] < 0.02);
    together_end(all);
    path_end(&path);
}

/* The router asks for the server's MAC in vain: the host is down, not the edge closed. */
static void arp_in_vain_behind_the_edge(void **state)
{
    (void)state;
    struct path path = path_new();
    path.hops = 1;
    struct way before = way_nat(&path, 49000, 5800), way = way_nat(&path, 50000, 5800);
    path_runs(&path, 0, 0, 60);
    path_runs(&path, 1, 0, 60);
    way_success(&before, 1);
    way_asks(&way, AT_A, 20);
    for (int i = 0; i < 8; i++)
        scene_arp(path.scene[1], 20 + i, 1, "10.2.0.1", "10.2.0.10");
    struct together *all = path_correlate(&path);
    assert_non_null(reason_of(only_one(all), "captures-arp-in-vain"));
    together_end(all);
    path_end(&path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_match_through_nat),
        cmocka_unit_test(rewritten_sequence_numbers),
        cmocka_unit_test(joined_by_sequence_ranges),
        cmocka_unit_test(datagrams_match_by_payload_and_order),
        cmocka_unit_test(same_request_of_two_clients),
        cmocka_unit_test(one_number_sent_to_many),
        cmocka_unit_test(more_matches_than_are_kept),
        cmocka_unit_test(more_captures_than_are_compared),
        cmocka_unit_test(both_sides_of_a_nat_are_counted_once),
        cmocka_unit_test(captures_of_one_path_are_recognised),
        cmocka_unit_test(other_captures_are_not),
        cmocka_unit_test(sketches_of_long_captures_meet),
        cmocka_unit_test(times_out_of_the_world),
        cmocka_unit_test(lost_between_the_captures),
        cmocka_unit_test(unrelated_captures_accuse_nobody),
        cmocka_unit_test(windows_that_do_not_overlap),
        cmocka_unit_test(drops_of_the_capture),
        cmocka_unit_test(filter_of_the_capture),
        cmocka_unit_test(one_direction_only),
        cmocka_unit_test(seen_by_both_is_told_once),
        cmocka_unit_test(clients_behind_one_nat),
        cmocka_unit_test(refuted_by_the_other_capture),
        cmocka_unit_test(asking_on_is_not_refuted),
        cmocka_unit_test(reset_made_between),
        cmocka_unit_test(reset_that_the_host_sent),
        cmocka_unit_test(forward_to_another_port),
        cmocka_unit_test(answer_lost_on_the_way_back),
        cmocka_unit_test(datagrams_held_back_between),
        cmocka_unit_test(merged_segments_are_no_loss),
        cmocka_unit_test(what_fails_passes_between),
        cmocka_unit_test(data_cut_between),
        cmocka_unit_test(arp_in_vain_behind_the_edge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
