/* Traceroute in the capture: where the probes of the failing port end bounds the block. */
#include "tests/unit/scene.h"

static const char client[] = "192.168.1.7", server[] = "203.0.113.2";

static struct scene *failing_scene(bool server_speaks)
{
    struct scene *scene = scene_new();
    scene->site.told = VANTAGE_CLIENT;
    if (server_speaks) { /* 11 routers away */
        struct talk web = scene_talk(scene, client, 40000, server, 80);
        web.hop_limit[RESPONDER] = 53;
        scene_success(&web, 0);
    }
    struct talk talk = scene_talk(scene, client, 50000, server, 5800);
    scene_unanswered(&talk, 1, 4);
    return scene;
}

static const char *router(int hop, char text[32])
{
    snprintf(text, 32, "198.18.%d.1", hop);
    return text;
}

/* SYNs with growing hop limits; routers answer up to `answered`. */
static void trace_tcp(struct scene *scene, uint16_t port, int hops, int answered)
{
    for (int hop = 1; hop <= hops; hop++) {
        char sender[32];
        struct talk probe = scene_talk(scene, client, (uint16_t)(51000 + hop), server, port);
        probe.hop_limit[INITIATOR] = (uint8_t)hop;
        CLIENT_SENDS(&probe, .at = 20 + hop, .flags = "S");
        if (hop <= answered)
            ICMP_REFUSES(&probe, INITIATOR, .at = 20.01 + hop, .type = 11,
                         .sender = router(hop, sender), .quoted_hop_limit = 1);
    }
}

static void trace_udp(struct scene *scene, int hops, int answered)
{
    for (int hop = 1; hop <= hops; hop++) {
        char sender[32];
        struct talk probe = scene_talk(scene, client, 52000, server, (uint16_t)(33434 + hop));
        probe.hop_limit[INITIATOR] = (uint8_t)hop;
        CLIENT_SENDS(&probe, .at = 40 + hop, .length = 32);
        if (hop <= answered)
            ICMP_REFUSES(&probe, INITIATOR, .at = 40.01 + hop, .type = 11,
                         .sender = router(hop, sender), .quoted_hop_limit = 1);
    }
}

static void expect_end(struct scene *scene, const char *word, double hops)
{
    struct study *study = scene_study(scene, 90);
    assert_int_equal(scene_failing(study), 1); /* no probe is a failure of its own */
    const struct fact *facts = scene_facts(study);
    assert_string_equal(fact_word(facts, FACT_PROBE_ENDS), word);
    if (hops >= 0) {
        assert_true(facts[FACT_PROBE_HOPS].known);
        assert_int_equal(facts[FACT_PROBE_HOPS].number, hops);
    } else {
        assert_false(facts[FACT_PROBE_HOPS].known);
    }
    assert_string_equal(fact_word(facts, FACT_CONTROL_OTHER_PORTS),
                        facts[FACT_SERVER_SEEN].number > 0 ? "answered" : "none");
    scene_study_end(study);
}

static void first_router(void **state)
{
    (void)state;
    struct scene *scene = failing_scene(false);
    trace_tcp(scene, 5800, 12, 1);
    trace_udp(scene, 12, 7);
    expect_end(scene, "first-router", 1);
    assert_int_equal(scene_diagnose(scene, 90)->count, 1);
    assert_int_equal(scene->diagnosis.findings[0]->verdict.place, EGRESS_POLICY);
    scene_end(scene);
}

static void first_router_needs_others_that_go_on(void **state)
{
    (void)state;
    struct scene *scene = failing_scene(false);
    trace_tcp(scene, 5800, 12, 1);
    expect_end(scene, "unknown", 1);
    trace_udp(scene, 12, 2);
    expect_end(scene, "unknown", 1);
    scene_end(scene);
}

static void last_router(void **state)
{
    (void)state;
    struct scene *scene = failing_scene(true);
    trace_tcp(scene, 5800, 14, 11);
    expect_end(scene, "last-router", 11);
    assert_int_equal(scene_diagnose(scene, 90)->count, 1);
    const double *probability = scene->diagnosis.findings[0]->verdict.probability;
    assert_true(probability[EGRESS_POLICY] < 0.05 && probability[NETWORK_PATH] < 0.05);
    scene_end(scene);
}

static void midway(void **state)
{
    (void)state;
    struct scene *scene = failing_scene(true);
    trace_tcp(scene, 5800, 14, 5);
    expect_end(scene, "midway", 5);
    scene_end(scene);
}

static void probes_of_the_port_that_the_server_answers(void **state)
{
    (void)state;
    struct scene *scene = failing_scene(true);
    trace_tcp(scene, 5800, 11, 11);
    struct talk probe = scene_talk(scene, client, 51012, server, 5800);
    probe.hop_limit[INITIATOR] = 12;
    CLIENT_SENDS(&probe, .at = 35, .flags = "S");
    SERVER_SENDS(&probe, .at = 35.02, .flags = "RA");
    expect_end(scene, "reached", 11);
    scene_end(scene);
}

static void other_probes_alone_say_nothing_of_the_port(void **state)
{
    (void)state;
    struct scene *scene = failing_scene(true);
    trace_udp(scene, 12, 12);
    expect_end(scene, "unknown", -1);
    scene_end(scene);
}

/* Echo probes: the error names no port, and echo has no sequence in the scene. */
static void ping_with_growing_hop_limit(void **state)
{
    (void)state;
    struct scene *scene = failing_scene(false);
    struct ip_address from = scene_address(client), to = scene_address(server);
    for (uint8_t hop = 1; hop <= 6; hop++) {
        char sender[32];
        struct packet packet = scene_ip(&from, &to, hop);
        packet.kind = PACKET_ICMP;
        packet.icmp =
            (struct icmp_header){.type = 8, .class_ = ICMP_INFORMATION, .id = 7, .sequence = hop};
        scene_feed(scene, &packet, 40 + hop);
        struct ip_address by = scene_address(router(hop, sender));
        struct packet error = scene_ip(&by, &from, 60);
        error.kind = PACKET_ICMP;
        error.icmp = (struct icmp_header){.type = 11,
                                          .class_ = ICMP_TIME_EXCEEDED,
                                          .has_quote = true,
                                          .quote = {.ip = packet.ip}};
        error.icmp.quote.ip.protocol = 1;
        scene_feed(scene, &error, 40.01 + hop);
    }
    trace_tcp(scene, 5800, 6, 1);
    expect_end(scene, "first-router", 1);
    scene_end(scene);
}

/* A box that forwards shows each probe twice, one hop apart: it is one probe. */
static void copies_are_one_probe(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    for (uint8_t hop = 3; hop >= 2; hop--) {
        struct talk probe = scene_talk(scene, client, 52000, server, 33437);
        CLIENT_SENDS(&probe, .at = 1 + (3 - hop) * 0.0001, .length = 32, .id = 99,
                     .hop_limit = hop);
    }
    size_t position = 0;
    const struct probe_trace *trace = probes_next(tracker_probes(scene->tracker), &position);
    assert_non_null(trace);
    assert_true(trace->hop[3].frame && !trace->hop[2].frame);
    scene_end(scene);
}

static void the_table_is_full(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    const struct probes *probes = tracker_probes(scene->tracker);
    for (int i = 0; i < PROBE_TRACES_MAX + 10; i++) {
        struct talk probe = scene_talk(scene, client, 52000, server, (uint16_t)(1000 + i));
        CLIENT_SENDS(&probe, .at = i, .flags = "S", .hop_limit = 3);
    }
    size_t position = 0, count = 0;
    while (probes_next(probes, &position))
        count++;
    assert_int_equal(count, PROBE_TRACES_MAX);
    assert_int_equal(probes_refused(probes), 10);
    scene_end(scene);
}

static void what_is_no_probe(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk far = scene_talk(scene, client, 52000, server, 5800);
    CLIENT_SENDS(&far, .at = 1, .flags = "S", .hop_limit = PROBE_HOP_LIMIT_MAX + 1);
    CLIENT_SENDS(&far, .at = 2, .flags = "A", .hop_limit = 3);
    struct talk group = scene_talk(scene, client, 52000, "239.255.255.250", 1900);
    CLIENT_SENDS(&group, .at = 3, .length = 100, .hop_limit = 2);
    size_t position = 0;
    assert_null(probes_next(tracker_probes(scene->tracker), &position));
    scene_end(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_router),
        cmocka_unit_test(first_router_needs_others_that_go_on),
        cmocka_unit_test(last_router),
        cmocka_unit_test(midway),
        cmocka_unit_test(probes_of_the_port_that_the_server_answers),
        cmocka_unit_test(other_probes_alone_say_nothing_of_the_port),
        cmocka_unit_test(ping_with_growing_hop_limit),
        cmocka_unit_test(copies_are_one_probe),
        cmocka_unit_test(the_table_is_full),
        cmocka_unit_test(what_is_no_probe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
