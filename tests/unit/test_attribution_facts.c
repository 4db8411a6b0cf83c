/* Facts of one failure: each word from the packets that show it. */
#include "tests/unit/scene.h"

static const struct fact *facts_of(struct scene *scene, double now)
{
    static struct fact facts[FACT_COUNT];
    struct study *study = scene_study(scene, now);
    memcpy(facts, scene_facts(study), sizeof facts);
    scene_study_end(study);
    scene_end(scene);
    return facts;
}

#define TALK(scene) scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", 5800)

/* --- ICMP --- */

static const struct fact *refused_by(const char *client, const char *server, uint8_t type,
                                     uint8_t code)
{
    struct scene *scene = scene_new();
    struct talk talk = scene_talk(scene, client, 50000, server, 5800);
    CLIENT_SENDS(&talk, .at = 0, .flags = "S");
    ICMP_REFUSES(&talk, INITIATOR, .at = 0.02, .type = type, .code = code);
    return facts_of(scene, 10);
}

static void icmp_reason_of_every_v4_code(void **state)
{
    (void)state;
    /* RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1; 4 is no refusal */
    static const char *const words[] = {"net",  "host",  "protocol", "port",  NULL,    "net",
                                        "net",  "host",  "host",     "admin", "admin", "net",
                                        "host", "admin", "other",    "other", "other"};
    for (uint8_t code = 0; code < sizeof words / sizeof *words; code++)
        if (words[code])
            assert_string_equal(
                fact_word(refused_by("10.0.0.7", "203.0.113.2", 3, code), FACT_ICMP_REASON),
                words[code]);
    assert_string_equal(fact_word(refused_by("10.0.0.7", "203.0.113.2", 11, 0), FACT_ICMP_REASON),
                        "ttl");
    assert_string_equal(fact_word(refused_by("10.0.0.7", "203.0.113.2", 11, 1), FACT_ICMP_REASON),
                        "other");
}

static void icmp_reason_of_every_v6_code(void **state)
{
    (void)state;
    /* RFC 4443 3.1 */
    static const char *const words[] = {"net",   "admin", "net",   "host", "port",
                                        "admin", "admin", "other", "other"};
    for (uint8_t code = 0; code < sizeof words / sizeof *words; code++)
        assert_string_equal(
            fact_word(refused_by("2001:db8::7", "2001:db8:1::2", 1, code), FACT_ICMP_REASON),
            words[code]);
    assert_string_equal(
        fact_word(refused_by("2001:db8::7", "2001:db8:1::2", 3, 0), FACT_ICMP_REASON), "ttl");
}

static void icmp_sender_and_distances(void **state)
{
    (void)state;
    static const struct {
        const char *sender, *word, *distance;
        uint8_t hop_limit, left;
        int hops, passed;
    } cases[] = {
        {"203.0.113.2", "server", "at-server", 57, 57, 7, 7},
        {"10.0.0.7", "client", "before-server", 64, 64, 0, 0},
        {"198.51.100.1", "other", "before-server", 252, 61, 3, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        struct talk known = scene_talk(scene, "10.0.0.7", 40000, "203.0.113.2", 22);
        known.hop_limit[RESPONDER] = 57; /* seven routers away */
        scene_success(&known, 0);
        struct talk talk = TALK(scene);
        CLIENT_SENDS(&talk, .at = 1, .flags = "S");
        ICMP_REFUSES(&talk, INITIATOR, .at = 1.02, .type = 3, .code = 13, .sender = cases[i].sender,
                     .hop_limit = cases[i].hop_limit, .quoted_hop_limit = cases[i].left);
        const struct fact *facts = facts_of(scene, 10);
        assert_string_equal(fact_word(facts, FACT_ICMP_SENDER), cases[i].word);
        assert_string_equal(fact_word(facts, FACT_ICMP_QUOTED_DISTANCE), cases[i].distance);
        assert_int_equal((int)facts[FACT_ICMP_HOPS].number, cases[i].hops);
        assert_int_equal((int)facts[FACT_ICMP_QUOTED_HOPS].number, cases[i].passed);
        assert_string_equal(fact_word(facts, FACT_ICMP_NAT), "as-sent");
        assert_int_equal((int)facts[FACT_ANSWER_DELAY_MS].number, 20);
    }
}

/* A client two routers before the edge (three before the server): what the quote has lost against
 * what the error has. */
static void refused_while_forwarding_or_on_arrival(void **state)
{
    (void)state;
    static const struct {
        uint8_t hop_limit, left;
        const char *word;
    } cases[] = {
        {62, 61, "forwarding"}, /* by the edge, in its forward chain */
        {61, 61, "arriving"},   /* by the server */
        {62, 62, "arriving"},   /* by the edge, for itself */
        {253, 61, "forwarding"}, {62, 59, "unknown"}, {60, 62, "unknown"}, /* ways differ */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        struct talk talk = TALK(scene);
        CLIENT_SENDS(&talk, .at = 1, .flags = "S");
        ICMP_REFUSES(&talk, INITIATOR, .at = 1.02, .type = 3, .code = 13,
                     .hop_limit = cases[i].hop_limit, .quoted_hop_limit = cases[i].left);
        assert_string_equal(fact_word(facts_of(scene, 10), FACT_ICMP_REFUSED_WHILE), cases[i].word);
    }
}

/* The capturing box itself takes one off what it passes on. */
static void refused_behind_the_capturing_router(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = scene_talk(scene, "2001:db8::7", 50000, "2001:db8:1::2", 5800);
    CLIENT_SENDS(&talk, .at = 1, .flags = "S", .hop_limit = 60, .direction = LINK_IN);
    CLIENT_SENDS(&talk, .at = 1.0001, .flags = "S", .seq = 0, .hop_limit = 59,
                 .direction = LINK_OUT);
    ICMP_REFUSES(&talk, INITIATOR, .at = 1.01, .type = 1, .code = 1, .hop_limit = 64,
                 .quoted_hop_limit = 59, .direction = LINK_IN);
    assert_string_equal(fact_word(facts_of(scene, 10), FACT_ICMP_REFUSED_WHILE), "arriving");
}

/* --- RST --- */

/* On a gateway with NAT the RST is held against its kind where it came in, not one hop later. */
static void rst_distance_is_that_of_its_arrival(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk known = scene_talk(scene, "198.51.100.1", 40000, "203.0.113.2", 80);
    struct talk lan = scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", 5800);
    struct talk wan = scene_talk(scene, "198.51.100.1", 50000, "203.0.113.2", 5800);
    CLIENT_SENDS(&known, .at = 0, .flags = "S", .hop_limit = 63, .direction = LINK_OUT);
    SERVER_SENDS(&known, .at = 0.02, .flags = "SA", .hop_limit = 58, .direction = LINK_IN);
    SERVER_SENDS(&known, .at = 0.03, .flags = "A", .hop_limit = 58, .direction = LINK_IN);
    CLIENT_SENDS(&lan, .at = 1, .flags = "S", .id = 7, .direction = LINK_IN);
    CLIENT_SENDS(&wan, .at = 1.0001, .flags = "S", .id = 7, .hop_limit = 63, .direction = LINK_OUT);
    SERVER_SENDS(&wan, .at = 1.02, .flags = "RA", .hop_limit = 59, .direction = LINK_IN);
    SERVER_SENDS(&lan, .at = 1.0201, .flags = "RA", .hop_limit = 58, .direction = LINK_OUT);
    assert_string_equal(fact_word(facts_of(scene, 10), FACT_RST_TTL), "one-nearer");
}

/* A box that resets both ends: neither RST is the other one passed on. */
static void rst_towards_both_ends_is_made_here(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk lan = scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", 5800);
    struct talk wan = scene_talk(scene, "198.51.100.1", 50000, "203.0.113.2", 5800);
    wan.isn[INITIATOR] = lan.isn[INITIATOR];
    wan.isn[RESPONDER] = lan.isn[RESPONDER];
    CLIENT_SENDS(&lan, .at = 1, .flags = "S", .id = 7, .direction = LINK_IN);
    CLIENT_SENDS(&wan, .at = 1.0001, .flags = "S", .id = 7, .hop_limit = 63, .direction = LINK_OUT);
    SERVER_SENDS(&wan, .at = 1.02, .flags = "SA", .hop_limit = 58, .direction = LINK_IN);
    SERVER_SENDS(&lan, .at = 1.0201, .flags = "SA", .hop_limit = 57, .direction = LINK_OUT);
    CLIENT_SENDS(&lan, .at = 1.03, .flags = "A", .direction = LINK_IN);
    CLIENT_SENDS(&wan, .at = 1.0301, .flags = "A", .hop_limit = 63, .direction = LINK_OUT);
    CLIENT_SENDS(&lan, .at = 1.04, .flags = "PA", .length = 75, .direction = LINK_IN);
    SERVER_SENDS(&lan, .at = 1.0401, .flags = "RA", .hop_limit = 64, .direction = LINK_OUT);
    CLIENT_SENDS(&wan, .at = 1.0402, .flags = "RA", .hop_limit = 64, .direction = LINK_OUT);
    const struct fact *facts = facts_of(scene, 10);
    assert_true(facts[FACT_REFUSAL_MADE_HERE].known);
    assert_int_equal((int)facts[FACT_REFUSAL_MADE_HERE].number, 1);
    assert_string_equal(fact_word(facts, FACT_RST_FROM), "both");
}

/* Behind a NAT the other side of such a connection goes unrecognised: nothing is said of the box.
 */
static void a_connection_older_than_the_capture_is_not_kept(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk lan = scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", 5800);
    CLIENT_SENDS(&lan, .at = 1, .flags = "PA", .seq = 500, .length = 75, .direction = LINK_IN);
    SERVER_SENDS(&lan, .at = 1.02, .flags = "PA", .seq = 900, .length = 100, .hop_limit = 57,
                 .direction = LINK_OUT);
    CLIENT_SENDS(&lan, .at = 41, .flags = "PA", .length = 75, .direction = LINK_IN);
    SERVER_SENDS(&lan, .at = 41.02, .flags = "RA", .hop_limit = 58, .direction = LINK_OUT);
    struct study *study = scene_study(scene, 60);
    study->vantage.cooked = true;
    const struct fact *facts = scene_facts(study);
    assert_string_equal(fact_word(facts, FACT_SYMPTOM), "reset-midstream");
    assert_false(facts[FACT_FORWARDED].known);
    assert_false(facts[FACT_REFUSAL_MADE_HERE].known);
    scene_study_end(study);
    scene_end(scene);
}

/* RFC 6864 4.1: no system sends the same number again and again, but for 0. */
static void the_same_id_in_resets_of_several_connections(void **state)
{
    (void)state;
    for (uint32_t id = 0; id < 2; id++) {
        struct scene *scene = scene_new();
        for (uint16_t i = 0; i < 3; i++) {
            struct talk talk =
                scene_talk(scene, "10.0.0.7", (uint16_t)(50000 + i), "203.0.113.2", 5800);
            CLIENT_SENDS(&talk, .at = i, .flags = "S");
            SERVER_SENDS(&talk, .at = i + 0.1, .flags = "RA", .id = 7777, .no_id = !id);
        }
        const struct fact *facts = facts_of(scene, 10);
        assert_int_equal(facts[FACT_RST_SAME_ID].known ? (int)facts[FACT_RST_SAME_ID].number : 0,
                         id ? 3 : 0);
    }
}

/* Within one connection a single hop counts, be the baseline one packet; not where the address is
 * known to vary. */
static void one_hop_within_a_connection(void **state)
{
    (void)state;
    for (int varies = 0; varies < 2; varies++) {
        struct scene *scene = scene_new();
        struct talk other = scene_talk(scene, "10.0.0.8", 40000, "203.0.113.2", 80);
        if (varies) {
            CLIENT_SENDS(&other, .at = 0, .flags = "S");
            SERVER_SENDS(&other, .at = 0.02, .flags = "SA", .hop_limit = 58);
        }
        struct talk talk = TALK(scene);
        CLIENT_SENDS(&talk, .at = 1, .flags = "PA", .length = 100);
        SERVER_SENDS(&talk, .at = 1.02, .flags = "PA", .length = 400, .hop_limit = 57);
        CLIENT_SENDS(&talk, .at = 33, .flags = "PA", .length = 100);
        SERVER_SENDS(&talk, .at = 33.02, .flags = "R", .hop_limit = 58);
        const struct fact *facts = facts_of(scene, 60);
        assert_string_equal(fact_word(facts, FACT_SYMPTOM), "reset-midstream");
        assert_string_equal(fact_word(facts, FACT_RST_TTL), varies ? "same" : "one-nearer");
    }
}

/* RFC 7323 3.2. */
static void rst_of_the_connections_own_end_has_its_timestamps(void **state)
{
    (void)state;
    static const struct {
        uint32_t value, echo;
        int own; /* -1: not known */
    } cases[] = {{5010, 1000, 1}, {5000, 1000, 1}, {4000, 1000, 0}, {5010, 9000, 0}, {0, 0, -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        struct talk talk = TALK(scene);
        CLIENT_SENDS(&talk, .at = 0, .flags = "S", .timestamp = 990);
        SERVER_SENDS(&talk, .at = 0.02, .flags = "SA", .timestamp = 5000, .timestamp_echo = 990);
        CLIENT_SENDS(&talk, .at = 0.03, .flags = "PA", .length = 100, .timestamp = 1000,
                     .timestamp_echo = 5000);
        SERVER_SENDS(&talk, .at = 0.05, .flags = "RA", .timestamp = cases[i].value,
                     .timestamp_echo = cases[i].echo);
        const struct fact *facts = facts_of(scene, 10);
        assert_int_equal(facts[FACT_RST_STACK].known ? (int)facts[FACT_RST_STACK].number : -1,
                         cases[i].own);
    }
}

/* Missed only where both sides have them otherwise. */
static void rst_without_the_connections_timestamps(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct scene *scene = scene_new();
        struct talk talk = TALK(scene);
        uint32_t client = i & 1 ? 1000 : 0, server = i & 2 ? 5000 : 0;
        CLIENT_SENDS(&talk, .at = 0, .flags = "S", .timestamp = client);
        SERVER_SENDS(&talk, .at = 0.02, .flags = "SA", .timestamp = server,
                     .timestamp_echo = client);
        CLIENT_SENDS(&talk, .at = 0.03, .flags = "PA", .length = 100, .timestamp = client,
                     .timestamp_echo = server);
        SERVER_SENDS(&talk, .at = 0.05, .flags = "R");
        assert_int_equal(facts_of(scene, 10)[FACT_RST_UNSTAMPED].known, client && server);
    }
}

static void rst_that_its_side_outran(void **state)
{
    (void)state;
    for (int goes_on = 0; goes_on < 2; goes_on++) {
        struct scene *scene = scene_new();
        struct talk talk = TALK(scene);
        scene_handshake(&talk, 0);
        CLIENT_SENDS(&talk, .at = 0.1, .flags = "PA", .length = 100);
        SERVER_SENDS(&talk, .at = 0.11, .flags = "RA", .hop_limit = 60);
        if (goes_on)
            SERVER_SENDS(&talk, .at = 0.13, .flags = "PA", .length = 400);
        const struct fact *facts = facts_of(scene, 10);
        assert_string_equal(fact_word(facts, FACT_SYMPTOM), "reset-midstream");
        assert_int_equal((int)facts[FACT_RST_OUTRUN].number, goes_on);
    }
}

/* A RST in reply to a SYN, held against two earlier connections of the server (hop limit 57). */
static const struct fact *reset_with(uint8_t hop_limit, double after, const uint8_t *mac,
                                     bool steady)
{
    struct scene *scene = scene_new();
    struct talk known = scene_talk(scene, "10.0.0.8", 40000, "203.0.113.2", 22);
    known.hop_limit[RESPONDER] = 57;
    scene_success(&known, 0);
    if (!steady)
        SERVER_SENDS(&known, .at = 0.9, .flags = "A", .hop_limit = 58);
    struct talk probe = scene_talk(scene, "10.0.0.8", 40001, "203.0.113.2", 5800);
    probe.hop_limit[RESPONDER] = 57;
    scene_success(&probe, 0.5); /* 20 ms: the answer time of the address */
    struct talk talk = TALK(scene);
    CLIENT_SENDS(&talk, .at = 1, .flags = "S");
    SERVER_SENDS(&talk, .at = 1 + after, .flags = "RA", .hop_limit = hop_limit, .mac = mac);
    return facts_of(scene, 10);
}

static void rst_distance_against_the_servers_own(void **state)
{
    (void)state;
    static const uint8_t other[6] = {2, 9, 9, 9, 9, 9};
    assert_string_equal(fact_word(reset_with(57, 0.02, NULL, true), FACT_RST_TTL), "exact");
    assert_string_equal(fact_word(reset_with(58, 0.02, NULL, true), FACT_RST_TTL), "one-nearer");
    assert_string_equal(fact_word(reset_with(56, 0.02, NULL, true), FACT_RST_TTL), "same");
    assert_string_equal(fact_word(reset_with(62, 0.02, NULL, true), FACT_RST_TTL), "nearer");
    assert_string_equal(fact_word(reset_with(50, 0.02, NULL, true), FACT_RST_TTL), "farther");
    assert_string_equal(fact_word(reset_with(252, 0.02, NULL, true), FACT_RST_TTL), "nearer");
    assert_string_equal(fact_word(reset_with(57, 0.02, NULL, true), FACT_RST_MAC), "same");
    assert_string_equal(fact_word(reset_with(57, 0.02, other, true), FACT_RST_MAC), "different");
    assert_int_equal((int)reset_with(60, 0.02, NULL, true)[FACT_RST_HOPS].number, 4);
}

/* A host whose own packets vary by a router cannot be told from the device before it. */
static void one_hop_says_nothing_where_paths_vary(void **state)
{
    (void)state;
    assert_string_equal(fact_word(reset_with(58, 0.02, NULL, false), FACT_RST_TTL), "same");
}

static void rst_that_comes_too_soon(void **state)
{
    (void)state;
    assert_string_equal(fact_word(reset_with(57, 0.009, NULL, true), FACT_RST_TIMING), "too-soon");
    assert_string_equal(fact_word(reset_with(57, 0.011, NULL, true), FACT_RST_TIMING), "as-usual");
}

static void rst_without_anything_to_compare(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    CLIENT_SENDS(&talk, .at = 0, .flags = "S");
    SERVER_SENDS(&talk, .at = 0.02, .flags = "RA");
    const struct fact *facts = facts_of(scene, 10);
    assert_string_equal(fact_word(facts, FACT_RST_TTL), "unknown");
    assert_string_equal(fact_word(facts, FACT_RST_TIMING), "unknown");
    assert_string_equal(fact_word(facts, FACT_RST_FROM), "responder");
    assert_int_equal((int)facts[FACT_RST_COPIED].number, 0);
    assert_int_equal((int)facts[FACT_SERVER_SEEN].number, 0);
}

static void rst_that_copies_the_syn(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    CLIENT_SENDS(&talk, .at = 0, .flags = "S", .id = 4711);
    SERVER_SENDS(&talk, .at = 0.02, .flags = "RA", .id = 4711);
    assert_int_equal((int)facts_of(scene, 10)[FACT_RST_COPIED].number, 1);
}

/* A RST in reply to a SYN, its checksum as given; the server's other packets are left to its card.
 */
static const struct fact *summed_up(enum checksum_state checksum, uint32_t id, bool others)
{
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    CLIENT_SENDS(&talk, .at = 0, .flags = "S");
    struct attempt *attempt =
        SERVER_SENDS(&talk, .at = 0.02, .flags = "RA", .id = id, .no_id = !id);
    attempt->refused_checksum = (uint8_t)checksum;
    if (others) {
        struct talk web = scene_talk(scene, "10.0.0.7", 50001, "203.0.113.2", 80);
        scene_success(&web, 1);
        host_table_find(tracker_hosts(scene->tracker), &talk.address[RESPONDER])->checksums_wrong =
            2;
    }
    return facts_of(scene, 10);
}

static void who_sums_up_the_rst(void **state)
{
    (void)state;
    static const struct {
        enum checksum_state checksum;
        uint32_t id;
        bool others;
        const char *word;
    } cases[] = {
        {CHECKSUM_UNFINISHED, 0, false, "unfinished"}, {CHECKSUM_UNFINISHED, 0, true, "unfinished"},
        {CHECKSUM_UNFINISHED, 77, true, "unknown"}, /* Windows counts, and leaves all to the card */
        {CHECKSUM_RIGHT, 0, true, "complete"},         {CHECKSUM_RIGHT, 0, false, "unknown"},
        {CHECKSUM_WRONG, 0, true, "unknown"},          {CHECKSUM_UNTOLD, 0, true, "unknown"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(fact_word(summed_up(cases[i].checksum, cases[i].id, cases[i].others),
                                      FACT_RST_CHECKSUM),
                            cases[i].word);
}

/* Over IPv6 the same is told, of other packets' making. */
static void who_sums_up_the_rst_over_ipv6(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = scene_talk(scene, "2001:db8::7", 50000, "2001:db8:1::2", 5800);
    CLIENT_SENDS(&talk, .at = 0, .flags = "S");
    SERVER_SENDS(&talk, .at = 0.02, .flags = "RA", .no_id = true)->refused_checksum =
        CHECKSUM_UNFINISHED;
    assert_string_equal(fact_word(facts_of(scene, 10), FACT_RST_CHECKSUM), "unfinished");
}

static void service_class_of_the_rst(void **state)
{
    (void)state;
    static const struct {
        uint8_t asked, refused;
        const char *word, *word_v6;
    } cases[] = {
        {0x20, 0x20, "as-asked", "as-asked"}, {0x20, 0, "none", "none"},
        {0x20, 0x48, "unknown", "unknown"}, /* marked anew on the way */
        {0, 0, "unknown", "unknown"},         {0, 0x10, "low-delay", "unknown"},
        {0x20, 0x10, "low-delay", "unknown"}, {0x10, 0x10, "unknown", "unknown"},
    };
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        struct talk talk =
            i & 1 ? scene_talk(scene, "2001:db8::7", 50000, "2001:db8:1::2", 5800) : TALK(scene);
        CLIENT_SENDS(&talk, .at = 0, .flags = "S")->syn_class = cases[i / 2].asked;
        SERVER_SENDS(&talk, .at = 0.02, .flags = "RA")->refused_class = cases[i / 2].refused;
        assert_string_equal(fact_word(facts_of(scene, 10), FACT_RST_CLASS),
                            i & 1 ? cases[i / 2].word_v6 : cases[i / 2].word);
    }
}

static void who_labels_the_rst(void **state)
{
    (void)state;
    for (uint32_t label = 0; label < 2; label++) {
        struct scene *scene = scene_new();
        struct talk talk = scene_talk(scene, "2001:db8::7", 50000, "2001:db8:1::2", 5800);
        CLIENT_SENDS(&talk, .at = 0, .flags = "S");
        SERVER_SENDS(&talk, .at = 0.02, .flags = "RA")->refused_label = label * 0xfffff;
        assert_string_equal(fact_word(facts_of(scene, 10), FACT_RST_FLOW_LABEL),
                            label ? "set" : "none");
    }
    assert_false(summed_up(CHECKSUM_RIGHT, 0, false)[FACT_RST_FLOW_LABEL].known);
}

/* --- connections that died --- */

static struct talk established(struct scene *scene)
{
    struct talk talk = TALK(scene);
    scene_handshake(&talk, 0);
    return talk;
}

static void retransmit(struct talk *talk, enum side from, double at, uint32_t length)
{
    uint32_t seq = talk->next[from];
    for (int i = 0; i < 5; i++)
        scene_send(talk, from,
                   (struct step){.at = at + i, .flags = "PA", .length = length, .seq = seq});
}

static void stalled_first_request(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = established(scene);
    retransmit(&talk, INITIATOR, 1, 200);
    const struct fact *facts = facts_of(scene, 60);
    assert_string_equal(fact_word(facts, FACT_DIED_AFTER), "first-payload");
    assert_string_equal(fact_word(facts, FACT_STALL_FROM), "initiator");
    assert_string_equal(fact_word(facts, FACT_STALL_OTHER_SIDE), "silent");
    assert_int_equal((int)facts[FACT_STALL_ACKED].number, 0);
    assert_string_equal(fact_word(facts, FACT_STALL_GAVE_UP), "unknown");
}

static void stall_after_idleness(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = established(scene);
    scene_exchange(&talk, 0.1, 100, 100);
    retransmit(&talk, INITIATOR, 301, 200);
    CLIENT_SENDS(&talk, .at = 310, .flags = "R");
    const struct fact *facts = facts_of(scene, 400);
    assert_string_equal(fact_word(facts, FACT_DIED_AFTER), "idle");
    assert_true(facts[FACT_IDLE_BEFORE_S].number > 300 && facts[FACT_IDLE_BEFORE_S].number < 302);
    assert_int_equal((int)facts[FACT_IDLE_REPEATED].number, 1);
    assert_string_equal(fact_word(facts, FACT_STALL_GAVE_UP), "initiator");
}

static void stall_of_a_transfer_with_a_living_receiver(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = established(scene);
    for (int i = 0; i < 70; i++)
        scene_exchange(&talk, 0.1 + 0.05 * i, 100, 1000);
    retransmit(&talk, RESPONDER, 4, 1000);
    CLIENT_SENDS(&talk, .at = 9.5, .flags = "PA", .length = 50, .ack = 70001);
    const struct fact *facts = facts_of(scene, 60);
    assert_string_equal(fact_word(facts, FACT_DIED_AFTER), "transfer");
    assert_string_equal(fact_word(facts, FACT_STALL_FROM), "responder");
    assert_string_equal(fact_word(facts, FACT_STALL_OTHER_SIDE), "data");
    assert_int_equal((int)facts[FACT_STALL_FULL_SIZE].number, 0);
    assert_true(facts[FACT_BYTES_MOVED].number > 70000);
}

static void an_upload_that_is_cut_off(void **state)
{
    (void)state;
    for (int closes = 0; closes < 2; closes++) {
        struct scene *scene = scene_new();
        struct talk talk = established(scene);
        for (int i = 0; i < 70; i++) {
            CLIENT_SENDS(&talk, .at = 0.1 + 0.05 * i, .flags = "PA", .length = 1000);
            SERVER_SENDS(&talk, .at = 0.11 + 0.05 * i, .flags = "A");
        }
        if (closes) /* it waited for a reply, and gives up */
            CLIENT_SENDS(&talk, .at = 30, .flags = "FA");
        const struct fact *facts = facts_of(scene, 60);
        assert_string_equal(fact_word(facts, FACT_SYMPTOM), "stall-midstream");
        assert_int_equal((int)facts[FACT_STALL_ACKED].number, 1);
        assert_int_equal((int)facts[FACT_STALL_CUT_OFF].number, !closes);
    }
}

static void only_full_size_segments_are_lost(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = established(scene);
    CLIENT_SENDS(&talk, .at = 1, .flags = "PA", .length = 300);
    SERVER_SENDS(&talk, .at = 1.02, .flags = "A");
    retransmit(&talk, RESPONDER, 1.1, 1448);
    const struct fact *facts = facts_of(scene, 60);
    assert_true(facts[FACT_STALL_FULL_SIZE].known);
    assert_int_equal((int)facts[FACT_STALL_FULL_SIZE].number, 1);
}

static void acknowledged_request_without_a_reply(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = established(scene);
    CLIENT_SENDS(&talk, .at = 1, .flags = "PA", .length = 100);
    SERVER_SENDS(&talk, .at = 1.02, .flags = "A");
    const struct fact *facts = facts_of(scene, 60);
    assert_int_equal((int)facts[FACT_STALL_ACKED].number, 1);
    assert_string_equal(fact_word(facts, FACT_STALL_FROM), "initiator");
}

/* The client's side of a path MTU black hole: small packets of the server come, and their sequence
 * numbers show what was sent before them. */
static void later_packets_show_what_is_missing(void **state)
{
    (void)state;
    static const struct {
        uint32_t gap;
        bool full_size;
    } cases[] = {{11 * 1448, true}, {300, false}, {0, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        struct talk talk = established(scene);
        CLIENT_SENDS(&talk, .at = 1, .flags = "PA", .length = 100);
        SERVER_SENDS(&talk, .at = 1.02, .flags = "A");
        CLIENT_SENDS(&talk, .at = 9, .flags = "FA");
        SERVER_SENDS(&talk, .at = 9.02, .flags = "A", .seq = 1 + cases[i].gap);
        const struct fact *facts = facts_of(scene, 60);
        assert_string_equal(fact_word(facts, FACT_SYMPTOM), "stall-midstream");
        assert_int_equal((int)facts[FACT_STALL_MISSING].number, (int)cases[i].gap);
        assert_int_equal(facts[FACT_STALL_MISSING].known, cases[i].gap != 0);
        assert_int_equal((int)facts[FACT_STALL_FULL_SIZE].number, cases[i].full_size);
    }
}

/* Lost by the capture alone: the receiver had it and said so. */
static void what_was_acknowledged_is_not_missing(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = established(scene);
    CLIENT_SENDS(&talk, .at = 1, .flags = "PA", .length = 100);
    SERVER_SENDS(&talk, .at = 1.02, .flags = "A", .seq = 1 + 2896);
    CLIENT_SENDS(&talk, .at = 9, .flags = "FA", .ack = 1 + 2896);
    assert_false(facts_of(scene, 60)[FACT_STALL_MISSING].known);
}

/* A RST that answers the request has not acknowledged it to TCP's satisfaction. */
static void reset_request_was_not_acknowledged(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = established(scene);
    CLIENT_SENDS(&talk, .at = 1, .flags = "PA", .length = 100);
    SERVER_SENDS(&talk, .at = 1.02, .flags = "RA");
    const struct fact *facts = facts_of(scene, 60);
    assert_string_equal(fact_word(facts, FACT_SYMPTOM), "reset-midstream");
    assert_false(facts[FACT_STALL_ACKED].known && facts[FACT_STALL_ACKED].number > 0);
    assert_string_equal(fact_word(facts, FACT_DIED_AFTER), "first-payload");
}

/* --- the ground --- */

static void arp_that_nobody_answers(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = scene_talk(scene, "10.0.0.7", 50000, "10.0.0.2", 5800);
    scene_unanswered(&talk, 0, 4);
    for (int i = 0; i < 3; i++)
        scene_arp(scene, i, 1, "10.0.0.7", "10.0.0.2");
    const struct fact *facts = facts_of(scene, 60);
    assert_string_equal(fact_word(facts, FACT_ARP_SERVER), "unanswered");
    assert_string_equal(fact_word(facts, FACT_PATH), "same-link");
}

static void arp_for_a_server_that_went(void **state)
{
    (void)state;
    for (int asked = 2; asked <= 3; asked++) { /* once or twice is a cache that is renewed */
        struct scene *scene = scene_new();
        struct talk known = scene_talk(scene, "10.0.0.7", 40000, "10.0.0.2", 22);
        scene_success(&known, 0);
        struct talk talk = scene_talk(scene, "10.0.0.7", 50000, "10.0.0.2", 5800);
        scene_unanswered(&talk, 10, 4);
        for (int i = 0; i < asked; i++)
            scene_arp(scene, 12 + i, 1, "10.0.0.7", "10.0.0.2");
        assert_string_equal(fact_word(facts_of(scene, 60), FACT_ARP_SERVER),
                            asked == 3 ? "unanswered" : "answered");
    }
}

/* On a switch one sees everybody's requests and only one's own replies. */
static void arp_of_others_for_a_server_that_is_there(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk known = scene_talk(scene, "10.0.0.7", 40000, "10.0.0.2", 22);
    scene_success(&known, 0);
    struct talk talk = scene_talk(scene, "10.0.0.7", 50000, "10.0.0.2", 5800);
    scene_unanswered(&talk, 1, 4);
    scene_arp(scene, 2, 1, "10.0.0.99", "10.0.0.2");
    assert_string_equal(fact_word(facts_of(scene, 60), FACT_ARP_SERVER), "answered");
}

/* Requests are shouted, answers are not: what another host was told is not heard here. */
static void arp_whose_answer_would_not_be_heard(void **state)
{
    (void)state;
    static const uint8_t mac[6] = {2, 7, 7, 7, 7, 7};
    static const struct {
        bool hears_answers, asks_itself;
        const char *word;
    } cases[] = {
        {false, false, "unknown"}, {true, false, "unanswered"}, {false, true, "unanswered"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        struct talk talk = scene_talk(scene, "10.0.0.7", 50000, "10.1.0.2", 5800);
        scene_unanswered(&talk, 1, 4);
        if (cases[i].hears_answers)
            scene_arp_with(scene, 0, 2, "10.1.0.9", "10.1.0.1", mac, LINK_UNKNOWN);
        scene_arp_with(scene, 2, 1, "10.1.0.1", "10.1.0.2", mac,
                       cases[i].asks_itself ? LINK_OUT : LINK_UNKNOWN);
        assert_string_equal(fact_word(facts_of(scene, 60), FACT_ARP_SERVER), cases[i].word);
    }
}

static void tunnel_whose_packets_do_not_come_out(void **state)
{
    (void)state;
    for (int crossed = 0; crossed < 2; crossed++) {
        struct scene *scene = scene_new();
        struct talk talk = scene_talk(scene, "10.0.0.7", 50000, "10.1.0.2", 5800);
        for (int i = 0; i < 4; i++) {
            CLIENT_SENDS(&talk, .at = i * 3, .flags = "S", .direction = LINK_IN, .tunnelled = true);
            if (crossed)
                CLIENT_SENDS(&talk, .at = i * 3 + 0.001, .flags = "S", .direction = LINK_IN);
        }
        struct study *study = scene_study(scene, 60);
        study->vantage.cooked = true;
        const struct fact *facts = scene_facts(study);
        assert_string_equal(fact_word(facts, FACT_TUNNEL_END), crossed ? "crossed" : "kept");
        assert_int_equal((int)facts[FACT_IP_VERSION].number, 4);
        scene_study_end(study);
        scene_end(scene);
    }
}

/* The tunnel begins in the capturing box: in bare, out bare into the tunnel's device, out wrapped.
 */
static void tunnel_that_begins_here(void **state)
{
    (void)state;
    for (int answered = 0; answered < 2; answered++) {
        struct scene *scene = scene_new();
        struct talk talk = scene_talk(scene, "10.0.0.7", 50000, "10.1.0.2", 5800);
        struct talk other = scene_talk(scene, "10.1.0.9", 50000, "10.0.0.9", 22);
        for (uint32_t i = 0; i < 4; i++) {
            CLIENT_SENDS(&talk, .at = i * 3, .flags = "S", .direction = LINK_IN, .id = 9 + i);
            CLIENT_SENDS(&talk, .at = i * 3 + 0.001, .flags = "S", .direction = LINK_OUT,
                         .hop_limit = 63, .if_index = 2, .id = 9 + i);
            CLIENT_SENDS(&talk, .at = i * 3 + 0.002, .flags = "S", .direction = LINK_OUT,
                         .hop_limit = 63, .if_index = 3, .tunnelled = true, .id = 9 + i);
        }
        if (answered)
            SERVER_SENDS(&other, .at = 8, .flags = "S", .tunnelled = true);
        struct study *study = scene_study(scene, 60);
        study->vantage.cooked = true;
        const struct fact *facts = scene_facts(study);
        assert_string_equal(fact_word(facts, FACT_PATH), "tunnel");
        assert_true(facts[FACT_TUNNEL_ANSWERED].known);
        assert_int_equal((int)facts[FACT_TUNNEL_ANSWERED].number, answered);
        assert_false(facts[FACT_TUNNEL_END].known); /* that is for the box where it ends */
        assert_int_equal((int)facts[FACT_FORWARDED].number, 1);
        scene_study_end(study);
        scene_end(scene);
    }
}

/* What a system says to everybody, unasked, is no answer of the tunnel's far end, nor one asked. */
static void whom_a_tunnel_was_asked_for(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct scene *scene = scene_new();
        struct talk talk = scene_talk(scene, "10.0.0.7", 50000, "10.1.0.2", 5800);
        struct talk other = scene_talk(scene, "10.0.0.7", 50001, "10.1.0.3", 5800);
        struct talk group = scene_talk(scene, "10.0.0.7", 5353, "224.0.0.251", 5353);
        for (int i = 0; i < 4; i++) {
            CLIENT_SENDS(&talk, .at = i * 3, .flags = "S", .seq = 0, .tunnelled = true);
            if (more)
                CLIENT_SENDS(&other, .at = i * 3 + 1, .flags = "S", .seq = 0, .tunnelled = true);
        }
        CLIENT_SENDS(&group, .at = 4, .length = 20, .tunnelled = true);
        SERVER_SENDS(&group, .at = 5, .length = 20, .tunnelled = true);
        const struct fact *facts = facts_of(scene, 60);
        assert_true(facts[FACT_TUNNEL_ASKED].known);
        assert_int_equal((int)facts[FACT_TUNNEL_ASKED].number, more ? 2 : 1);
    }
}

static void server_alive_means_during_the_failure(void **state)
{
    (void)state;
    for (int later = 0; later < 2; later++) {
        struct scene *scene = scene_new();
        struct talk known = scene_talk(scene, "10.0.0.9", 40000, "203.0.113.2", 22);
        scene_success(&known, later ? 12 : 1);
        struct talk talk = TALK(scene);
        scene_unanswered(&talk, 10, 4);
        const struct fact *facts = facts_of(scene, 60);
        assert_int_equal((int)facts[FACT_SERVER_SEEN].number, 1);
        assert_int_equal((int)facts[FACT_SERVER_ALIVE].number, later);
    }
}

static void paths_and_ports(void **state)
{
    (void)state;
    static const struct {
        const char *client, *server, *path;
        uint16_t port;
        int unusual;
    } cases[] = {{"10.0.0.7", "10.1.0.2", "private", 5800, 1},
                 {"10.0.0.7", "203.0.113.2", "internet", 443, 0},
                 {"198.51.100.7", "203.0.113.2", "internet", 5800, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        struct talk talk =
            scene_talk(scene, cases[i].client, 50000, cases[i].server, cases[i].port);
        scene_unanswered(&talk, 0, 4);
        const struct fact *facts = facts_of(scene, 60);
        assert_string_equal(fact_word(facts, FACT_PATH), cases[i].path);
        assert_int_equal((int)facts[FACT_PORT_UNUSUAL].number, cases[i].unusual);
        assert_int_equal((int)facts[FACT_SYN_RETRIES].number, 3);
        assert_int_equal(facts[FACT_SYN_RETRIES].frames.count, 4);
    }
}

static void client_that_repeats_its_syn_after_the_synack(void **state)
{
    (void)state;
    static const uint8_t gateway[6] = {2, 1, 1, 1, 1, 1};
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    CLIENT_SENDS(&talk, .at = 0, .flags = "S", .mac = gateway);
    SERVER_SENDS(&talk, .at = 0.02, .flags = "SA");
    CLIENT_SENDS(&talk, .at = 1, .flags = "S", .mac = gateway);
    SERVER_SENDS(&talk, .at = 1.02, .flags = "SA");
    const struct fact *facts = facts_of(scene, 60);
    assert_string_equal(fact_word(facts, FACT_SYMPTOM), "synack-unanswered");
    assert_int_equal((int)facts[FACT_CLIENT_REPEATS_SYN].number, 1);
    assert_int_equal((int)facts[FACT_SYNACK_RETRIES].number, 1);
    assert_string_equal(fact_word(facts, FACT_RETURN_PATH), "other-mac");
}

/* A SYN and the RST to it, and nothing else: in one /24 no router is imagined in between. */
static void neighbours_by_address(void **state)
{
    (void)state;
    static const struct {
        const char *client, *server, *path;
    } cases[] = {
        {"10.1.1.13", "10.1.1.6", "same-link"},
        {"10.1.1.13", "10.1.2.6", "private"},
        {"203.0.113.13", "203.0.113.6", "internet"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        struct talk talk = scene_talk(scene, cases[i].client, 45264, cases[i].server, 5800);
        CLIENT_SENDS(&talk, .at = 0, .flags = "S");
        SERVER_SENDS(&talk, .at = 0.0003, .flags = "RA");
        struct study *study = scene_study(scene, 1);
        assert_string_equal(fact_word(scene_facts(study), FACT_PATH), cases[i].path);
        scene_study_end(study);
        scene_end(scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(icmp_reason_of_every_v4_code),
        cmocka_unit_test(icmp_reason_of_every_v6_code),
        cmocka_unit_test(icmp_sender_and_distances),
        cmocka_unit_test(refused_while_forwarding_or_on_arrival),
        cmocka_unit_test(refused_behind_the_capturing_router),
        cmocka_unit_test(rst_distance_is_that_of_its_arrival),
        cmocka_unit_test(the_same_id_in_resets_of_several_connections),
        cmocka_unit_test(a_connection_older_than_the_capture_is_not_kept),
        cmocka_unit_test(rst_towards_both_ends_is_made_here),
        cmocka_unit_test(rst_of_the_connections_own_end_has_its_timestamps),
        cmocka_unit_test(rst_without_the_connections_timestamps),
        cmocka_unit_test(one_hop_within_a_connection),
        cmocka_unit_test(rst_that_its_side_outran),
        cmocka_unit_test(rst_distance_against_the_servers_own),
        cmocka_unit_test(one_hop_says_nothing_where_paths_vary),
        cmocka_unit_test(rst_that_comes_too_soon),
        cmocka_unit_test(rst_without_anything_to_compare),
        cmocka_unit_test(rst_that_copies_the_syn),
        cmocka_unit_test(who_sums_up_the_rst),
        cmocka_unit_test(who_sums_up_the_rst_over_ipv6),
        cmocka_unit_test(service_class_of_the_rst),
        cmocka_unit_test(who_labels_the_rst),
        cmocka_unit_test(stalled_first_request),
        cmocka_unit_test(stall_after_idleness),
        cmocka_unit_test(stall_of_a_transfer_with_a_living_receiver),
        cmocka_unit_test(only_full_size_segments_are_lost),
        cmocka_unit_test(an_upload_that_is_cut_off),
        cmocka_unit_test(acknowledged_request_without_a_reply),
        cmocka_unit_test(later_packets_show_what_is_missing),
        cmocka_unit_test(what_was_acknowledged_is_not_missing),
        cmocka_unit_test(reset_request_was_not_acknowledged),
        cmocka_unit_test(arp_that_nobody_answers),
        cmocka_unit_test(arp_for_a_server_that_went),
        cmocka_unit_test(arp_of_others_for_a_server_that_is_there),
        cmocka_unit_test(arp_whose_answer_would_not_be_heard),
        cmocka_unit_test(tunnel_whose_packets_do_not_come_out),
        cmocka_unit_test(tunnel_that_begins_here),
        cmocka_unit_test(whom_a_tunnel_was_asked_for),
        cmocka_unit_test(server_alive_means_during_the_failure),
        cmocka_unit_test(paths_and_ports),
        cmocka_unit_test(client_that_repeats_its_syn_after_the_synack),
        cmocka_unit_test(neighbours_by_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
