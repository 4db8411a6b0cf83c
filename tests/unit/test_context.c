/* What surrounds a failure: names that were looked up, tunnels, VPN handshakes, the pace of a UDP
 * exchange, second tries, and ports that stand in for each other. */
#include "analyzer/flow/names.h"
#include "analyzer/flow/pace.h"
#include "analyzer/flow/tunnels.h"
#include "dissectors/dns.h"
#include "dissectors/vpn.h"
#include "tests/unit/scene.h"

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1
#define SECOND      INT64_C(1000000000)

/* --- DNS --- */

#define QUESTION     "\6Backup\7example\3com\0\0\1\0\1"
#define ASKS         "\x12\x34\1\0\0\1\0\0\0\0\0\0" QUESTION
#define ANSWER       "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x92\x70\x3d\x6a"
#define TELLS        "\x12\x34\x81\x80\0\1\0\1\0\0\0\0" QUESTION ANSWER
#define NO_SUCH_NAME "\x12\x34\x81\x83\0\1\0\0\0\0\0\0" QUESTION

static void dns_messages(void **state)
{
    (void)state;
    struct dns_message message;
    char text[IP_ADDRESS_TEXT];
    assert_true(dns_read(BYTES(ASKS), &message));
    assert_false(message.is_answer);
    assert_string_equal(message.name, "backup.example.com");
    assert_true(dns_read(BYTES(TELLS), &message));
    assert_true(message.is_answer);
    assert_int_equal(message.address_count, 1);
    assert_string_equal(ip_text(&message.address[0], text), "146.112.61.106");
    assert_true(dns_read(BYTES(NO_SUCH_NAME), &message));
    assert_int_equal(message.code, 3);
    /* a pointer to itself; a mail record; nothing */
    assert_false(dns_read(BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1"), &message));
    assert_false(dns_read(BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\x0f\0\1"), &message));
    assert_false(dns_read(NULL, 0, &message));
    for (uint32_t cut = 0; cut < sizeof TELLS - 1; cut++)
        assert_false(dns_read((const uint8_t *)TELLS, cut, &message));
}

static void dns_packet(struct names *names, const char *client, const uint8_t *bytes,
                       uint32_t length, bool answer, int64_t time_ns)
{
    struct packet packet = {.payload = bytes, .payload_captured = length, .payload_length = length};
    *(answer ? &packet.ip.destination : &packet.ip.source) = scene_address(client);
    *(answer ? &packet.ip.source : &packet.ip.destination) = scene_address("10.0.0.1");
    names_packet(names, &packet, (uint64_t)time_ns, time_ns);
}

static void names_are_remembered(void **state)
{
    (void)state;
    struct names names = {0};
    struct ip_address client = scene_address("10.0.0.7"), told = scene_address("146.112.61.106");
    struct ip_network network = {.address = client, .prefix = 128};
    assert_null(names_of_address(&names, &client, &told));
    dns_packet(&names, "10.0.0.7", BYTES(ASKS), false, 1);
    assert_non_null(names_unresolved(&names, &network));
    dns_packet(&names, "10.0.0.7", BYTES(TELLS), true, 2);
    assert_null(names_unresolved(&names, &network));
    const struct lookup *lookup = names_of_address(&names, &client, &told);
    assert_non_null(lookup);
    assert_int_equal(lookup->answer_frame, 2);
    struct ip_address other = scene_address("10.0.0.8");
    assert_null(names_of_address(&names, &other, &told));
    names_free(&names);
}

static void names_have_a_cap(void **state)
{
    (void)state;
    struct names names = {0};
    char client[IP_ADDRESS_TEXT];
    for (int i = 0; i < NAMES_ROWS * NAMES_PER_ROW * 2; i++) {
        snprintf(client, sizeof client, "10.%d.%d.7", i >> 8, i & 255);
        dns_packet(&names, client, BYTES(ASKS), false, i + 1);
    }
    assert_true(names.forgotten >= NAMES_ROWS * NAMES_PER_ROW);
    names_free(&names);
}

/* Nobody goes to a filtering service's page by himself: the look-up is hidden, or was cut. */
static void a_sinkhole_without_its_look_up(void **state)
{
    (void)state;
    static const struct {
        const char *server, *word;
    } cases[] = {{"146.112.61.106", "sinkhole-unheard"},
                 {"146.112.61.111", "unknown"}, /* beyond the pages */
                 {"127.0.0.1", "unknown"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        struct talk talk = scene_talk(scene, "10.0.0.7", 50000, cases[i].server, 5800);
        scene_unanswered(&talk, 1, 3);
        struct study *study = scene_study(scene, 20);
        assert_string_equal(fact_word(scene_facts(study), FACT_DNS_ANSWER), cases[i].word);
        scene_study_end(study);
        scene_end(scene);
    }
}

static void a_sinkhole_is_said(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk dns = scene_talk(scene, "10.0.0.7", 40000, "10.0.0.1", 53);
    CLIENT_SENDS(&dns, .at = 0, .bytes = (const uint8_t *)ASKS, .length = sizeof ASKS - 1);
    SERVER_SENDS(&dns, .at = 0.01, .bytes = (const uint8_t *)TELLS, .length = sizeof TELLS - 1);
    struct talk talk = scene_talk(scene, "10.0.0.7", 50000, "146.112.61.106", 5800);
    scene_unanswered(&talk, 1, 3);
    struct study *study = scene_study(scene, 20);
    assert_string_equal(fact_word(scene_facts(study), FACT_DNS_ANSWER), "sinkhole");
    scene_study_end(study);
    const struct diagnosis *diagnosis = scene_diagnose(scene, 20);
    assert_int_equal(diagnosis->count, 1);
    assert_int_equal(diagnosis->findings[0]->verdict.place, EGRESS_POLICY);
    scene_end(scene);
}

/* --- tunnels --- */

static void tunnels_have_two_ends(void **state)
{
    (void)state;
    struct tunnels tunnels = {0};
    struct packet packet = {.tunnels = TUNNEL_VXLAN};
    struct ip_address one = scene_address("198.51.100.1"), other = scene_address("203.0.113.1");
    int which;
    packet.tunnel_source = one;
    packet.tunnel_destination = other;
    tunnels_packet(&tunnels, &packet, 7, 0);
    const struct tunnel_record *tunnel = tunnels_find(&tunnels, &one, &other, &which);
    assert_non_null(tunnel);
    assert_int_equal(tunnel->packets[which], 1);
    assert_int_equal(tunnel->packets[!which], 0);
    packet.tunnel_source = other;
    packet.tunnel_destination = one;
    tunnels_packet(&tunnels, &packet, 9, 0);
    assert_int_equal(tunnel->packets[!which], 1);
    assert_int_equal(tunnel->first_frame[!which], 9);
    for (uint32_t i = 0; i < TUNNELS_MAX + 10; i++) {
        packet.tunnel_source.words[3] = i * 7919;
        tunnels_packet(&tunnels, &packet, i, 0);
    }
    assert_int_equal(tunnels.count, TUNNELS_MAX);
    assert_true(tunnels.refused > 0);
    packet.tunnel_source.words[3] = 0xffffffff;
    assert_null(tunnels_find(&tunnels, &packet.tunnel_source, &other, &which));
    tunnels_free(&tunnels);
}

static void vpn_handshakes(void **state)
{
    (void)state;
    uint8_t bytes[228] = {0};
    bytes[0] = 0x38; /* P_CONTROL_HARD_RESET_CLIENT_V2 */
    assert_true(vpn_asks(bytes, 14, 14));
    assert_false(vpn_asks(bytes, 13, 13));
    bytes[0] = 0x48; /* P_DATA_V2 */
    assert_false(vpn_asks(bytes, 100, 100));
    bytes[0] = 1;
    assert_true(vpn_asks(bytes, 148, 148));
    assert_true(vpn_asks(bytes, 60, 148)); /* cut */
    assert_false(vpn_asks(bytes, 149, 149));
    memset(bytes, 0, sizeof bytes);
    memset(bytes, 9, 8); /* the initiator's SPI */
    bytes[17] = 0x20;
    bytes[18] = 34;
    bytes[19] = 0x08;
    bytes[27] = 228;
    assert_true(vpn_asks(bytes, 228, 228));
    bytes[19] = 0x20; /* a response */
    assert_false(vpn_asks(bytes, 228, 228));
    for (uint32_t cut = 0; cut < 28; cut++)
        assert_false(vpn_asks(bytes, cut, 228));
}

static void tunnels_may_run_one_way(void **state)
{
    (void)state;
    static const uint8_t asks[148] = {1}, carries[80] = {4};
    struct scene *scene = scene_new();
    struct talk talk = scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", 51820);
    struct attempt *attempt = NULL;
    for (int i = 0; i < 20; i++)
        attempt = CLIENT_SENDS(&talk, .at = i, .bytes = carries, .length = 80);
    assert_int_not_equal(scene_detect(attempt, 60).outcome, OUTCOME_FAILED);
    for (int i = 0; i < 3; i++)
        CLIENT_SENDS(&talk, .at = 20 + i * 5, .bytes = asks, .length = 148);
    struct detection detection = scene_detect(attempt, 60);
    assert_int_equal(detection.symptom, SYMPTOM_UDP_NO_RESPONSE);
    const struct diagnosis *diagnosis = scene_diagnose(scene, 60);
    assert_int_equal(diagnosis->count, 1);
    assert_int_equal(diagnosis->findings[0]->verdict.mechanism, MECHANISM_TUNNEL_BLOCKED);
    scene_end(scene);
}

/* --- UDP --- */

static void run_at(struct pace *pace, int64_t second, int requests, bool lost)
{
    for (int i = 0; i < requests; i++) {
        int64_t now = SECOND + second * SECOND + i * SECOND / requests;
        uint64_t hash = (uint64_t)second * 100 + (uint64_t)i + 1;
        pace_datagram(pace, true, hash, 16, (uint64_t)now, now);
        if (lost && i == 0)
            pace_datagram(pace, true, hash, 16, (uint64_t)now, now + SECOND / 4);
        pace_datagram(pace, false, hash, 1000, (uint64_t)now, now + SECOND / 3);
    }
}

static void a_rate_limit_shows(void **state)
{
    (void)state;
    struct pace pace = {0};
    for (int64_t second = 0; second < 4; second++)
        run_at(&pace, second, 20, false);
    assert_int_equal(pace_slow(&pace, 0.4).seconds, 0);
    for (int64_t second = 4; second < 12; second++)
        run_at(&pace, second, 2, true);
    struct pace_slow slow = pace_slow(&pace, 0.4);
    assert_int_equal(slow.seconds, 7); /* the newest is not over */
    assert_int_equal(slow.with_repeats, 7);
    assert_true(slow.best_per_s > slow.now_per_s * 5);
    assert_int_equal(pace.replies_lost, 0);
    assert_true(pace.requests_lost >= 7);
}

static void a_program_that_rests_is_no_rate_limit(void **state)
{
    (void)state;
    struct pace pace = {0};
    for (int64_t second = 0; second < 4; second++)
        run_at(&pace, second, 20, false);
    for (int64_t second = 4; second < 12; second++)
        run_at(&pace, second, 2, false);
    assert_int_equal(pace_slow(&pace, 0.4).with_repeats, 0);
    pace_datagram(&pace, true, 1, 16, 1, SECOND); /* back in time: left out */
    run_at(&pace, 1000000, 1, false);             /* far ahead: nothing is left of before */
    assert_true(pace_slow(&pace, 0.4).seconds <= PACE_SECONDS);
}

static void a_second_try_is_a_second_attempt(void **state)
{
    (void)state;
    static const struct {
        bool answered;
        double pause_s;
        size_t attempts;
    } cases[] = {
        {false, 100, 1}, {false, 125, 2}, {true, 125, 1}, {true, 290, 1}, {true, 305, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        struct talk talk = scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", 8080);
        CLIENT_SENDS(&talk, .at = 0, .length = 40);
        if (cases[i].answered)
            SERVER_SENDS(&talk, .at = 0.01, .length = 40);
        CLIENT_SENDS(&talk, .at = cases[i].pause_s, .length = 40);
        assert_int_equal(scene_attempts(scene), cases[i].attempts);
        scene_end(scene);
    }
}

static void answered_from_another_address(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = scene_talk(scene, "10.0.0.7", 50000, "10.0.0.20", 8080);
    struct talk answers = scene_talk(scene, "10.0.0.7", 50000, "10.0.0.21", 8080);
    for (int i = 0; i < 6; i++) {
        CLIENT_SENDS(&talk, .at = i, .length = 40);
        SERVER_SENDS(&answers, .at = i + 0.01, .length = 40);
    }
    struct study *study = scene_study(scene, 20);
    assert_string_equal(fact_word(scene_facts(study), FACT_RETURN_PATH), "other-address");
    scene_study_end(study);
    scene_end(scene);
}

/* --- SMB --- */

static void smb_on_two_ports_is_one_attempt(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        bool first_works, second_works;
        size_t findings;
    } cases[] = {
        {"both fail", false, false, 1},
        {"445 serves", true, false, 0},
        {"139 serves", false, true, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        struct talk first = scene_talk(scene, "10.0.0.7", 50000, "10.9.0.2", 445);
        struct talk second = scene_talk(scene, "10.0.0.7", 50001, "10.9.0.2", 139);
        cases[i].first_works ? scene_success(&first, 0) : scene_unanswered(&first, 0, 4);
        /* one after the other, as some clients do */
        cases[i].second_works ? scene_success(&second, 7.5) : scene_unanswered(&second, 0.5, 4);
        const struct diagnosis *diagnosis = scene_diagnose(scene, 30);
        if (diagnosis->count != cases[i].findings)
            fail_msg("%s", cases[i].what);
        if (diagnosis->count)
            assert_int_equal(diagnosis->findings[0]->server_port, 445);
        scene_end(scene);
    }
}

/* --- ESP beside IKE --- */

#define IKE_ASKS    "\1\2\3\4\5\6\7\x8\0\0\0\0\0\0\0\0\x21\x20\x22\x8\0\0\0\0\0\0\0\x1c"
#define IKE_ANSWERS "\1\2\3\4\5\6\7\x8\1\1\1\1\1\1\1\1\x21\x20\x22\x20\0\0\0\0\0\0\0\x1c"

static struct talk ike(struct scene *scene)
{
    struct talk talk = scene_talk(scene, "10.0.0.7", 500, "203.0.113.2", 500);
    CLIENT_SENDS(&talk, .at = 0, .bytes = (const uint8_t *)IKE_ASKS, .length = 28);
    SERVER_SENDS(&talk, .at = 0.02, .bytes = (const uint8_t *)IKE_ANSWERS, .length = 28);
    return talk;
}

static void esp(const struct talk *talk, enum side from, double at, uint8_t number, uint8_t hops)
{
    uint8_t bytes[28] = {0x45, [23] = 7, [27] = number};
    struct packet packet = scene_ip(&talk->address[from], &talk->address[!from], hops);
    packet.ip_bytes = bytes;
    packet.ip_captured = sizeof bytes;
    packet.ip.protocol = 50;
    packet.ip.total_length = 120;
    packet.tunnels = TUNNEL_ESP;
    assert_null(scene_feed(talk->scene, &packet, at));
}

static struct attempt *ike_attempt(const struct scene *scene)
{
    size_t position = 0;
    return (struct attempt *)tracker_next_attempt(scene->tracker, &position);
}

static void esp_of_one_end_is_a_failure(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = ike(scene);
    for (uint8_t i = 0; i < 8; i++) {
        assert_int_equal(scene_detect(ike_attempt(scene), 1 + 2 * i).outcome, OUTCOME_SUCCEEDED);
        esp(&talk, INITIATOR, 1 + 2 * i, i + 1, 64);
        if (i == 5)
            break; /* 10 s and 6 packets: now */
    }
    struct detection detection = scene_detect(ike_attempt(scene), 12);
    assert_int_equal(detection.outcome, OUTCOME_FAILED);
    assert_int_equal(detection.symptom, SYMPTOM_UDP_STALL);
    struct study *study = scene_study(scene, 12);
    const struct fact *facts = scene_facts(study);
    assert_true(facts[FACT_TUNNEL_ESP_ONE_WAY].known);
    assert_string_equal(fact_word(facts, FACT_STALL_FROM), "initiator");
    scene_study_end(study);
    esp(&talk, RESPONDER, 12, 1, 64); /* and it works */
    assert_int_equal(scene_detect(ike_attempt(scene), 13).outcome, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

/* A stream that wants no answer; few copies of each other; without IKE. */
static void esp_that_is_none(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = ike(scene);
    for (int i = 0; i < 200; i++)
        esp(&talk, INITIATOR, 1 + 0.1 * i, (uint8_t)(i + 1), 64);
    assert_int_equal(scene_detect(ike_attempt(scene), 30).outcome, OUTCOME_SUCCEEDED);
    scene_end(scene);

    scene = scene_new();
    talk = ike(scene);
    for (int i = 0; i < 12; i++) /* each enters and leaves a box */
        esp(&talk, INITIATOR, 1 + 2 * i, (uint8_t)(i / 3 + 1), (uint8_t)(64 - i % 3));
    assert_int_equal(ike_attempt(scene)->esp->packets[0], 4);
    assert_int_equal(ike_attempt(scene)->esp->forwarded[0], 8);
    assert_int_equal(scene_detect(ike_attempt(scene), 30).outcome, OUTCOME_SUCCEEDED);
    scene_end(scene);

    scene = scene_new();
    talk = scene_talk(scene, "10.0.0.7", 500, "203.0.113.2", 500);
    for (uint8_t i = 0; i < 12; i++)
        esp(&talk, INITIATOR, 1 + 2 * i, i + 1, 64);
    assert_null(ike_attempt(scene));
    scene_end(scene);
}

/* --- the same within UDP 4500 --- */

#define NAT_T_ASKS    "\0\0\0\0" IKE_ASKS
#define NAT_T_ANSWERS "\0\0\0\0" IKE_ANSWERS

static struct talk nat_t(struct scene *scene, const char *client)
{
    struct talk talk = scene_talk(scene, client, 4500, "203.0.113.2", 4500);
    CLIENT_SENDS(&talk, .at = 0, .bytes = (const uint8_t *)NAT_T_ASKS, .length = 32);
    SERVER_SENDS(&talk, .at = 0.02, .bytes = (const uint8_t *)NAT_T_ANSWERS, .length = 32);
    return talk;
}

static struct attempt *esp_in_udp(struct talk *talk, enum side from, double at, uint8_t number,
                                  uint8_t hops)
{
    const uint8_t bytes[100] = {0xc0, 0xff, 0xee, 1, 0, 0, 0, number};
    return scene_send(talk, from,
                      (struct step){.at = at,
                                    .bytes = bytes,
                                    .length = sizeof bytes,
                                    .id = 1000u * (from + 1) + number,
                                    .hop_limit = hops});
}

static void esp_is_told_from_what_else_is_on_its_port(void **state)
{
    (void)state;
    uint8_t bytes[64] = {0xc0, 0xff, 0xee, 1, 0, 0, 0, 1};
    assert_true(vpn_is_esp(bytes, 64, 64));
    assert_true(vpn_is_esp(bytes, 8, 64)); /* cut */
    assert_false(vpn_is_esp(bytes, 7, 64));
    assert_false(vpn_is_esp(bytes, 12, 12));
    assert_false(vpn_is_esp((const uint8_t *)"\xff", 1, 1)); /* keeps a NAT's mapping alive */
    assert_false(vpn_is_esp((const uint8_t *)NAT_T_ASKS, 32, 32));
    assert_false(vpn_is_esp((const uint8_t *)"\0\0\0\xff\1\1\1\1", 8, 64)); /* reserved */
}

static void esp_in_udp_of_one_end_is_a_failure(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = nat_t(scene, "10.0.0.7");
    for (uint8_t i = 0; i < 6; i++) {
        assert_int_equal(scene_detect(ike_attempt(scene), 1 + 2 * i).outcome, OUTCOME_SUCCEEDED);
        esp_in_udp(&talk, INITIATOR, 1 + 2 * i, i + 1, 64);
        CLIENT_SENDS(&talk, .at = 2 + 2 * i, .payload = "\xff"); /* RFC 3948 2.3 */
    }
    struct detection detection = scene_detect(ike_attempt(scene), 12);
    assert_int_equal(detection.outcome, OUTCOME_FAILED);
    assert_int_equal(detection.symptom, SYMPTOM_UDP_STALL);
    struct study *study = scene_study(scene, 12);
    const struct fact *facts = scene_facts(study);
    assert_true(facts[FACT_TUNNEL_ESP_ONE_WAY].known);
    assert_true(facts[FACT_TUNNEL_ESP_IN_UDP].number > 0);
    assert_string_equal(fact_word(facts, FACT_STALL_FROM), "initiator");
    scene_study_end(study);
    const struct diagnosis *diagnosis = scene_diagnose(scene, 12);
    assert_int_equal(diagnosis->count, 1);
    assert_string_equal(mechanism_words[diagnosis->findings[0]->verdict.mechanism],
                        "tunnel-blocked");
    assert_non_null(strstr(diagnosis->findings[0]->verdict.summary, "same UDP exchange"));
    esp_in_udp(&talk, RESPONDER, 12, 1, 64); /* and it works */
    assert_int_equal(scene_detect(ike_attempt(scene), 13).outcome, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

/* A stream that wants no answer; few packets that a box passes on; without IKE. */
static void esp_in_udp_that_is_none(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = nat_t(scene, "10.0.0.7");
    for (uint8_t i = 0; i < 200; i++)
        esp_in_udp(&talk, INITIATOR, 1 + 0.1 * i, i + 1, 64);
    assert_int_equal(scene_detect(ike_attempt(scene), 30).outcome, OUTCOME_SUCCEEDED);
    scene_end(scene);

    scene = scene_new();
    talk = nat_t(scene, "10.0.0.7");
    for (uint8_t i = 0; i < 12; i++) /* each of four three times, one hop later */
        esp_in_udp(&talk, INITIATOR, 1 + 4 * (i / 3) + 0.0001 * (i % 3), i / 3 + 1, 64 - i % 3);
    assert_int_equal(ike_attempt(scene)->esp_in_udp->packets[0], 4);
    assert_int_equal(ike_attempt(scene)->esp_in_udp->forwarded[0], 8);
    assert_int_equal(scene_detect(ike_attempt(scene), 30).outcome, OUTCOME_SUCCEEDED);
    scene_end(scene);

    scene = scene_new();
    talk = scene_talk(scene, "10.0.0.7", 4500, "203.0.113.2", 4500);
    for (uint8_t i = 0; i < 12; i++)
        esp_in_udp(&talk, INITIATOR, 1 + 2 * i, i + 1, 64);
    assert_int_not_equal(scene_detect(ike_attempt(scene), 40).outcome, OUTCOME_FAILED);
    scene_end(scene);
}

/* Two clients behind one address: that the one is served says nothing of the other. */
static void esp_in_udp_of_each_exchange(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk one = nat_t(scene, "198.51.100.1");
    struct talk other = scene_talk(scene, "198.51.100.1", 31000, "203.0.113.2", 4500);
    CLIENT_SENDS(&other, .at = 0.1, .bytes = (const uint8_t *)NAT_T_ASKS, .length = 32);
    SERVER_SENDS(&other, .at = 0.12, .bytes = (const uint8_t *)NAT_T_ANSWERS, .length = 32);
    struct attempt *silent = NULL, *served = NULL;
    for (uint8_t i = 0; i < 7; i++) {
        silent = esp_in_udp(&one, INITIATOR, 1 + 2 * i, i + 1, 64);
        esp_in_udp(&other, INITIATOR, 1.1 + 2 * i, i + 1, 64);
        served = esp_in_udp(&other, RESPONDER, 1.2 + 2 * i, i + 1, 64);
    }
    assert_int_equal(scene_detect(silent, 20).symptom, SYMPTOM_UDP_STALL);
    assert_int_equal(scene_detect(served, 20).outcome, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

/* --- SSL VPNs --- */

/* As the real ones begin: openvpn 2.6 over TCP, without and with tls-auth (SHA1). */
#define OPENVPN_PLAIN "\x00\x0e\x38\x46\x61\xdc\x51\xab\x17\xec\xd8\0\0\0\0\0"
#define OPENVPN_ANSWERS                                                                            \
    "\x00\x1a\x40\xa5\xef\x07\x15\xac\x15\xab\x18\1\0\0\0\0Fa\xdcQ\xab\x17\xec\xd8\0\0\0"
#define OPENVPN_SIGNED "\x00\x2a\x38\x46\x61\xdc\x51\xab\x17\xec\xd8\x11\x12\x13\x14\x15"

static bool is_openvpn(bool from_client, const char *bytes, uint32_t length)
{
    return openvpn_tcp_begins(from_client, (const uint8_t *)bytes, length);
}

static void openvpn_over_tcp_begins(void **state)
{
    (void)state;
    for (uint32_t length = 0; length <= 16; length++) {
        assert_int_equal(is_openvpn(true, OPENVPN_PLAIN, length), length == 16);
        assert_int_equal(is_openvpn(true, OPENVPN_SIGNED, length), length == 16);
        assert_int_equal(is_openvpn(false, OPENVPN_ANSWERS, length), length == 16);
    }
    assert_false(is_openvpn(false, OPENVPN_PLAIN, 16));
    assert_false(is_openvpn(true, OPENVPN_ANSWERS, 16));
    assert_false(is_openvpn(true, "\x00\x0e\x38\x46\x61\xdc\x51\xab\x17\xec\xd8\0\0\0\1\0", 16));
    assert_false(is_openvpn(true, "\x00\x0f\x38\x46\x61\xdc\x51\xab\x17\xec\xd8\0\0\0\0\0", 16));
    assert_false(is_openvpn(true, "\x16\3\1\2\0\1\0\1\xfc\3\3\1\1\1\1\1", 16));
}

static const struct finding *only_finding(struct scene *scene, double now)
{
    const struct diagnosis *diagnosis = scene_diagnose(scene, now);
    assert_int_equal(diagnosis->count, 1);
    return diagnosis->findings[0];
}

/* On the port of the web, after the handshake, and never answered. */
static void says_in_vain(struct talk *talk, const char *payload, uint32_t length)
{
    scene_handshake(talk, 0);
    for (int i = 0; i < 5; i++)
        CLIENT_SENDS(talk, .at = 0.1 + i, .flags = "PA", .seq = 1,
                     .bytes = (const uint8_t *)payload, .length = length);
}

static void ssl_vpns_are_known(void **state)
{
    (void)state;
    static const char request[] = "SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ "
                                  "HTTP/1.1\r\nHost: a\r\n\r\n",
                      web[] = "GET /sra_{BA195980 HTTP/1.1\r\nHost: a\r\n\r\n";
    static const struct {
        const char *bytes;
        uint32_t length;
        const char *service, *mechanism;
    } cases[] = {
        {OPENVPN_PLAIN, 16, "SSL VPN", "tunnel-blocked"},
        {OPENVPN_SIGNED, 16, "SSL VPN", "tunnel-blocked"},
        {request, sizeof request - 1, "SSL VPN", "tunnel-blocked"},
        {web, sizeof web - 1, "inSync backup/sync", "content-filter"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        struct talk talk = scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", 443);
        talk.hop_limit[RESPONDER] = 50;
        says_in_vain(&talk, cases[i].bytes, cases[i].length);
        const struct finding *finding = only_finding(scene, 30);
        assert_string_equal(finding->service->name, cases[i].service);
        assert_string_equal(mechanism_words[finding->verdict.mechanism], cases[i].mechanism);
        scene_end(scene);
    }
}

/* "azuregateway-1.vpn.azure.com", asked for and told as 203.0.113.2. */
#define GATEWAY                                                                                    \
    "\x0e"                                                                                         \
    "azuregateway-1\3vpn\5azure\3com\0\0\1\0\1"
#define GATEWAY_ASKS "\x12\x34\1\0\0\1\0\0\0\0\0\0" GATEWAY
#define GATEWAY_TELLS                                                                              \
    "\x12\x34\x81\x80\0\1\0\1\0\0\0\0" GATEWAY "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71\2"

static void ssl_vpns_have_names(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk dns = scene_talk(scene, "10.0.0.7", 40000, "10.0.0.1", 53);
    CLIENT_SENDS(&dns, .at = 0, .bytes = (const uint8_t *)GATEWAY_ASKS,
                 .length = sizeof GATEWAY_ASKS - 1);
    SERVER_SENDS(&dns, .at = 0.01, .bytes = (const uint8_t *)GATEWAY_TELLS,
                 .length = sizeof GATEWAY_TELLS - 1);
    struct talk talk = scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", 443);
    scene_unanswered(&talk, 1, 3);
    const struct finding *finding = only_finding(scene, 20);
    assert_string_equal(finding->service->name, "SSL VPN");
    assert_string_equal(mechanism_words[finding->verdict.mechanism], "tunnel-blocked");
    scene_end(scene);
}

/* What fails with a server that is known to be a tunnel's, by what another client says to it. */
static void ssl_vpns_are_known_by_others(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk one = scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", 443);
    struct talk other = scene_talk(scene, "10.0.0.8", 50000, "203.0.113.2", 443);
    struct talk stranger = scene_talk(scene, "10.0.0.8", 50001, "203.0.113.3", 443);
    says_in_vain(&one, OPENVPN_PLAIN, 16);
    scene_unanswered(&other, 10, 3);
    scene_unanswered(&stranger, 10, 3);
    const struct diagnosis *diagnosis = scene_diagnose(scene, 30);
    struct ip_address strange = scene_address("203.0.113.3");
    assert_int_equal(diagnosis->count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(
            diagnosis->findings[i]->service->name,
            ip_equal(&diagnosis->findings[i]->server, &strange) ? "inSync backup/sync" : "SSL VPN");
    scene_end(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dns_messages),
        cmocka_unit_test(names_are_remembered),
        cmocka_unit_test(names_have_a_cap),
        cmocka_unit_test(a_sinkhole_is_said),
        cmocka_unit_test(a_sinkhole_without_its_look_up),
        cmocka_unit_test(tunnels_have_two_ends),
        cmocka_unit_test(vpn_handshakes),
        cmocka_unit_test(tunnels_may_run_one_way),
        cmocka_unit_test(a_rate_limit_shows),
        cmocka_unit_test(a_program_that_rests_is_no_rate_limit),
        cmocka_unit_test(a_second_try_is_a_second_attempt),
        cmocka_unit_test(answered_from_another_address),
        cmocka_unit_test(smb_on_two_ports_is_one_attempt),
        cmocka_unit_test(esp_of_one_end_is_a_failure),
        cmocka_unit_test(esp_that_is_none),
        cmocka_unit_test(esp_is_told_from_what_else_is_on_its_port),
        cmocka_unit_test(esp_in_udp_of_one_end_is_a_failure),
        cmocka_unit_test(esp_in_udp_that_is_none),
        cmocka_unit_test(esp_in_udp_of_each_exchange),
        cmocka_unit_test(openvpn_over_tcp_begins),
        cmocka_unit_test(ssl_vpns_are_known),
        cmocka_unit_test(ssl_vpns_have_names),
        cmocka_unit_test(ssl_vpns_are_known_by_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
