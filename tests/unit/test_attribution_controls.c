/* Controls: what else was tried at the same time. The failure of all scenes: 10.0.0.7 gets no
 * answer from 203.0.113.2:5800. */
#include "tests/unit/scene.h"

enum tried { NOT_TRIED, ANSWERED, REFUSED, UNANSWERED };

static struct scene *failing_scene(void)
{
    struct scene *scene = scene_new();
    struct talk talk = scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", 5800);
    scene_unanswered(&talk, 10, 4);
    return scene;
}

static void try_tcp(struct scene *scene, const char *client, const char *server, uint16_t port,
                    double at, enum tried result)
{
    struct talk talk = scene_talk(scene, client, (uint16_t)(40000 + scene->frame), server, port);
    if (result == ANSWERED)
        scene_success(&talk, at);
    else if (result == UNANSWERED)
        scene_unanswered(&talk, at, 3);
    else if (result == REFUSED) {
        CLIENT_SENDS(&talk, .at = at, .flags = "S");
        SERVER_SENDS(&talk, .at = at + 0.02, .flags = "RA");
    }
}

/* Establishes the failure's facts and ends the scene; facts point into static memory. */
static const struct fact *facts_of(struct scene *scene)
{
    static struct fact facts[FACT_COUNT];
    struct study *study = scene_study(scene, 60);
    for (size_t i = 0; i < study->failures.count; i++) {
        const struct failure *failure = &study->failures.all[i];
        if (failure->server_port == 5800 && failure->server.bytes[15] == 2 &&
            failure->client.bytes[15] == 7)
            facts_establish(&study->context, failure, facts);
    }
    scene_study_end(study);
    scene_end(scene);
    return facts;
}

/* One control, tried once with each result. */
static void each_word(enum fact_id id, const char *client, const char *server, uint16_t port)
{
    static const char *const words[] = {"none", "answered", "failed", "failed"};
    for (enum tried result = NOT_TRIED; result <= UNANSWERED; result++) {
        struct scene *scene = failing_scene();
        try_tcp(scene, client, server, port, 12, result);
        const struct fact *facts = facts_of(scene);
        assert_string_equal(fact_word(facts, id), words[result]);
        assert_int_equal(facts[id].frames.count > 0, result != NOT_TRIED);
    }
}

static void other_clients(void **state)
{
    (void)state;
    each_word(FACT_CONTROL_OTHER_CLIENTS, "10.0.0.8", "203.0.113.2", 5800);
}

static void other_ports_of_the_server(void **state)
{
    (void)state;
    each_word(FACT_CONTROL_OTHER_PORTS, "10.0.0.7", "203.0.113.2", 22);
}

/* On the server's side of what loses the answers, all ports seem to answer. */
static void answers_that_are_taken_up(void **state)
{
    (void)state;
    for (int taken_up = 0; taken_up < 2; taken_up++) {
        struct scene *scene = scene_new();
        struct talk talk = scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", 5800);
        struct talk other = scene_talk(scene, "10.0.0.7", 50001, "203.0.113.2", 22);
        for (int i = 0; i < 4; i++) {
            CLIENT_SENDS(&talk, .at = i * 2, .flags = "S", .seq = 0);
            SERVER_SENDS(&talk, .at = i * 2 + 0.02, .flags = "SA", .seq = 0);
        }
        CLIENT_SENDS(&other, .at = 1, .flags = "S");
        SERVER_SENDS(&other, .at = 1.02, .flags = "SA");
        if (taken_up)
            CLIENT_SENDS(&other, .at = 1.04, .flags = "A");
        struct study *study = scene_study(scene, 30);
        const struct fact *facts = scene_facts(study);
        assert_string_equal(fact_word(facts, FACT_SYMPTOM), "synack-unanswered");
        assert_string_equal(fact_word(facts, FACT_CONTROL_OTHER_PORTS), "answered");
        assert_int_equal(facts[FACT_CONTROL_TAKEN_UP].known, taken_up);
        scene_study_end(study);
        scene_end(scene);
    }
}

/* Those who are served come through as many routers as given, the one who is not through eleven. */
static void only_neighbours_are_served(void **state)
{
    (void)state;
    for (int routers = 0; routers < 3; routers++) {
        struct scene *scene = scene_new();
        struct talk talk = scene_talk(scene, "198.51.100.7", 50000, "192.168.1.10", 5800);
        struct talk near = scene_talk(scene, "192.168.1.7", 50000, "192.168.1.10", 5800);
        struct talk other = scene_talk(scene, "192.168.1.8", 50000, "192.168.1.10", 5800);
        talk.hop_limit[INITIATOR] = 53;
        other.hop_limit[INITIATOR] = (uint8_t)(64 - routers);
        scene_unanswered(&talk, 0, 4);
        scene_success(&near, 1);
        scene_success(&other, 2);
        struct study *study = scene_study(scene, 30);
        const struct fact *fact = &scene_facts(study)[FACT_CONTROL_NEARBY];
        assert_true(fact->known);
        assert_int_equal((int)fact->number, routers == 0);
        scene_study_end(study);
        scene_end(scene);
    }
}

static void same_port_of_other_servers(void **state)
{
    (void)state;
    each_word(FACT_CONTROL_SAME_PORT, "10.0.0.7", "203.0.113.3", 5800);
}

static void the_web(void **state)
{
    (void)state;
    each_word(FACT_CONTROL_WEB, "10.0.0.7", "203.0.113.3", 443);
}

static void elsewhere(void **state)
{
    (void)state;
    each_word(FACT_CONTROL_ELSEWHERE, "10.0.0.7", "203.0.113.3", 22);
}

static void ports_of_the_server_by_anybody(void **state)
{
    (void)state;
    each_word(FACT_CONTROL_SERVER_PORTS, "10.0.0.9", "203.0.113.2", 22);
}

static void pings(void **state)
{
    (void)state;
    struct scene *scene = failing_scene();
    scene_ping(scene, 12, "10.0.0.7", "203.0.113.2", 5, true);
    assert_string_equal(fact_word(facts_of(scene), FACT_CONTROL_PING), "answered");
    scene = failing_scene();
    scene_ping(scene, 12, "10.0.0.7", "203.0.113.2", 5, false);
    scene_ping(scene, 13, "10.0.0.7", "203.0.113.2", 5, false);
    assert_string_equal(fact_word(facts_of(scene), FACT_CONTROL_PING), "failed");
    assert_string_equal(fact_word(facts_of(failing_scene()), FACT_CONTROL_PING), "none");
}

/* Nothing but the failure itself: it is no control of its own. */
static void the_failure_is_not_its_own_control(void **state)
{
    (void)state;
    static const enum fact_id controls[] = {
        FACT_CONTROL_OTHER_CLIENTS, FACT_CONTROL_BEFORE,       FACT_CONTROL_AFTER,
        FACT_CONTROL_OTHER_PORTS,   FACT_CONTROL_SAME_PORT,    FACT_CONTROL_WEB,
        FACT_CONTROL_ELSEWHERE,     FACT_CONTROL_SERVER_PORTS, FACT_CONTROL_PING};
    const struct fact *facts = facts_of(failing_scene());
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++)
        assert_string_equal(fact_word(facts, controls[i]), "none");
    assert_true(facts[FACT_CONTROL_CONCURRENT].known);
    assert_int_equal((int)facts[FACT_CONTROL_CONCURRENT].number, 0);
}

static void own_success_before_and_after(void **state)
{
    (void)state;
    struct scene *scene = failing_scene();
    try_tcp(scene, "10.0.0.7", "203.0.113.2", 5800, 1, ANSWERED);
    const struct fact *facts = facts_of(scene);
    assert_string_equal(fact_word(facts, FACT_CONTROL_BEFORE), "answered");
    assert_string_equal(fact_word(facts, FACT_CONTROL_AFTER), "none");
    scene = failing_scene();
    try_tcp(scene, "10.0.0.7", "203.0.113.2", 5800, 40, ANSWERED);
    facts = facts_of(scene);
    assert_string_equal(fact_word(facts, FACT_CONTROL_BEFORE), "none");
    assert_string_equal(fact_word(facts, FACT_CONTROL_AFTER), "answered");
    assert_string_equal(fact_word(facts, FACT_CONTROL_OTHER_CLIENTS), "none");
}

static int concurrent(const char *client, double at)
{
    struct scene *scene = failing_scene();
    try_tcp(scene, client, "203.0.113.2", 5800, at, ANSWERED);
    return (int)facts_of(scene)[FACT_CONTROL_CONCURRENT].number;
}

static void concurrent_means_others_at_that_time(void **state)
{
    (void)state;
    assert_int_equal(concurrent("10.0.0.8", 12), 1);
    assert_int_equal(concurrent("10.0.0.8", 1), 0);
    assert_int_equal(concurrent("10.0.0.8", 40), 0);
    assert_int_equal(concurrent("10.0.0.7", 12), 0); /* it is itself no other */
}

static void the_clients_own_service_shows_a_reversed_direction(void **state)
{
    (void)state;
    struct scene *scene = failing_scene();
    try_tcp(scene, "10.0.0.9", "10.0.0.7", 5800, 1, ANSWERED);
    assert_string_equal(fact_word(facts_of(scene), FACT_DIRECTION), "reversed");
    assert_string_equal(fact_word(facts_of(failing_scene()), FACT_DIRECTION), "expected");
}

/* mDNS, SSDP, NetBIOS: nobody in particular is asked, and silence is no failure. */
static void groups_are_no_control(void **state)
{
    (void)state;
    struct scene *scene = failing_scene();
    struct talk ssdp = scene_talk(scene, "10.0.0.7", 1900, "239.255.255.250", 1900);
    struct talk netbios = scene_talk(scene, "10.0.0.7", 137, "10.0.0.255", 137);
    memset(netbios.mac[RESPONDER], 0xff, 6);
    for (int i = 0; i < 5; i++) {
        CLIENT_SENDS(&ssdp, .at = i, .length = 40);
        CLIENT_SENDS(&netbios, .at = i, .length = 40);
    }
    assert_string_equal(fact_word(facts_of(scene), FACT_CONTROL_ELSEWHERE), "none");
}

static void udp_that_wants_no_answer_is_no_control(void **state)
{
    (void)state;
    struct scene *scene = failing_scene();
    struct talk syslog = scene_talk(scene, "10.0.0.7", 514, "203.0.113.9", 514);
    for (int i = 0; i < 5; i++)
        CLIENT_SENDS(&syslog, .at = i, .length = 40);
    assert_string_equal(fact_word(facts_of(scene), FACT_CONTROL_ELSEWHERE), "none");
}

/* A connection joined late of which only retransmissions are seen was answered by nobody. */
static void unanswered_midstream_is_no_success(void **state)
{
    (void)state;
    struct scene *scene = failing_scene();
    struct talk talk = scene_talk(scene, "10.0.0.7", 41000, "203.0.113.9", 22);
    talk.next[0] = talk.next[1] = 1000;
    for (int i = 0; i < 5; i++)
        CLIENT_SENDS(&talk, .at = i, .flags = "PA", .length = 40, .seq = 1000);
    assert_string_equal(fact_word(facts_of(scene), FACT_CONTROL_ELSEWHERE), "none");
}

/* More others than there are slots: one answer among them is found all the same, if it came early,
 * and the failing client's own slot is never taken for another. */
static void slots_are_capped(void **state)
{
    (void)state;
    struct scene *scene = failing_scene();
    for (int i = 0; i < 3 * CONTROL_SLOTS; i++) {
        char client[IP_ADDRESS_TEXT];
        snprintf(client, sizeof client, "10.0.1.%d", i + 1);
        try_tcp(scene, client, "203.0.113.2", 5800, 20 + i, i ? UNANSWERED : ANSWERED);
    }
    assert_string_equal(fact_word(facts_of(scene), FACT_CONTROL_OTHER_CLIENTS), "answered");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_clients),
        cmocka_unit_test(other_ports_of_the_server),
        cmocka_unit_test(answers_that_are_taken_up),
        cmocka_unit_test(only_neighbours_are_served),
        cmocka_unit_test(same_port_of_other_servers),
        cmocka_unit_test(the_web),
        cmocka_unit_test(elsewhere),
        cmocka_unit_test(ports_of_the_server_by_anybody),
        cmocka_unit_test(pings),
        cmocka_unit_test(the_failure_is_not_its_own_control),
        cmocka_unit_test(own_success_before_and_after),
        cmocka_unit_test(concurrent_means_others_at_that_time),
        cmocka_unit_test(the_clients_own_service_shows_a_reversed_direction),
        cmocka_unit_test(groups_are_no_control),
        cmocka_unit_test(udp_that_wants_no_answer_is_no_control),
        cmocka_unit_test(unanswered_midstream_is_no_success),
        cmocka_unit_test(slots_are_capped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
