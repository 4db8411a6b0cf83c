/* From attempts to failures: what belongs together, and what is left out as none. */
#include "tests/unit/scene.h"

static struct talk client_talk(struct scene *scene, int host, int port)
{
    char client[IP_ADDRESS_TEXT];
    snprintf(client, sizeof client, "10.0.%d.%d", host / 250, host % 250 + 1);
    return scene_talk(scene, client, (uint16_t)port, "203.0.113.2", 5800);
}

/* --- grouping --- */

static void attempts_that_fail_alike_are_one_failure(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    for (int i = 0; i < 20; i++) {
        struct talk talk = client_talk(scene, 7, 50000 + i);
        scene_unanswered(&talk, i * 10, 3);
    }
    struct study *study = scene_study(scene, 300);
    assert_int_equal(study->failures.count, 1);
    const struct failure *failure = &study->failures.all[0];
    assert_int_equal(failure->attempts, 20);
    assert_int_equal(failure->sample_count, FAILURE_SAMPLE);
    assert_int_equal(failure->first_ns, scene_time(0));
    assert_int_equal(failure->last_ns, scene_time(193));
    assert_int_equal(failure->frames.count, FRAMES_MAX);
    assert_int_equal(study->failures.failed, 20);
    assert_int_equal(study->failures.attempts, 20);
    scene_study_end(study);
    scene_end(scene);
}

static void what_differs_is_another_failure(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk base = client_talk(scene, 7, 50000);
    scene_unanswered(&base, 0, 3);
    struct talk client = client_talk(scene, 8, 50000);
    scene_unanswered(&client, 0, 3);
    struct talk server = scene_talk(scene, "10.0.0.8", 50000, "203.0.113.3", 5800);
    scene_unanswered(&server, 0, 3);
    struct talk port = scene_talk(scene, "10.0.0.8", 50000, "203.0.113.2", 6060);
    scene_unanswered(&port, 0, 3);
    struct talk symptom = client_talk(scene, 7, 50001);
    CLIENT_SENDS(&symptom, .at = 5, .flags = "S");
    SERVER_SENDS(&symptom, .at = 5.02, .flags = "RA");
    struct study *study = scene_study(scene, 300);
    assert_int_equal(scene_failing(study), 5);
    assert_int_equal(study->failures.failed, 5);
    scene_study_end(study);
    scene_end(scene);
}

static void hundreds_of_groups_are_told_apart(void **state)
{
    (void)state;
    enum { CLIENTS = 700 };
    struct scene *scene = scene_new();
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < CLIENTS; i++) {
            struct talk talk = client_talk(scene, i, 50000 + round);
            scene_unanswered(&talk, round * 50, 3);
        }
    struct study *study = scene_study(scene, 300);
    assert_int_equal(study->failures.count, CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(study->failures.all[i].attempts, 2);
    scene_study_end(study);
    scene_end(scene);
}

/* --- single SYNs --- */

static struct study *single_syns(struct scene *scene, int count, double apart)
{
    for (int i = 0; i < count; i++) {
        struct talk talk = client_talk(scene, 7, 50000 + i);
        CLIENT_SENDS(&talk, .at = i * apart, .flags = "S");
    }
    return scene_study(scene, 100);
}

static void single_syns_over_a_while_are_a_failure(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct study *study = single_syns(scene, 3, 5);
    assert_int_equal(scene_failing(study), 1);
    assert_int_equal(study->failures.all[0].symptom, SYMPTOM_SYN_TIMEOUT);
    assert_int_equal(study->failures.all[0].attempts, 3);
    assert_int_equal(study->failures.failed, 3);
    scene_study_end(study);
    scene_end(scene);
}

static void few_or_quick_single_syns_are_none(void **state)
{
    (void)state;
    struct scene *few = scene_new(), *quick = scene_new();
    struct study *study = single_syns(few, 2, 10);
    assert_int_equal(scene_failing(study), 0);
    assert_int_equal(study->failures.failed, 0);
    scene_study_end(study);
    study = single_syns(quick, 5, 0.5);
    assert_int_equal(scene_failing(study), 0);
    scene_study_end(study);
    scene_end(few);
    scene_end(quick);
}

static void single_syns_join_the_repeated_ones(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = client_talk(scene, 7, 49999);
    scene_unanswered(&talk, 0, 3);
    struct study *study = single_syns(scene, 3, 5);
    assert_int_equal(scene_failing(study), 1);
    assert_int_equal(study->failures.failed, 4);
    for (size_t i = 0; i < study->failures.count; i++)
        if (!study->failures.all[i].suppressed)
            assert_int_equal(study->failures.all[i].attempts, 4);
    scene_study_end(study);
    scene_end(scene);
}

/* --- scans --- */

static void sweep_over_ports_is_a_scan(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    for (int port = 0; port < 30; port++) {
        struct talk talk =
            scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", (uint16_t)(5790 + port));
        scene_unanswered(&talk, 0, 3);
    }
    struct study *study = scene_study(scene, 60);
    assert_int_equal(scene_failing(study), 0);
    assert_int_equal(study->left_out.scans, 1);
    assert_int_equal(study->failures.failed, 0);
    scene_study_end(study);
    scene_end(scene);
}

static struct study *sweep_over_hosts(struct scene *scene, int hosts, int syns, int answering)
{
    for (int i = 0; i < hosts; i++) {
        char server[IP_ADDRESS_TEXT];
        snprintf(server, sizeof server, "203.0.113.%d", i + 1);
        struct talk talk = scene_talk(scene, "10.0.0.7", (uint16_t)(50000 + i), server, 5800);
        if (i < answering)
            scene_success(&talk, 0);
        else
            scene_unanswered(&talk, 0, syns);
    }
    return scene_study(scene, 60);
}

static void sweep_over_hosts_is_a_scan(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct study *study = sweep_over_hosts(scene, 20, 2, 0);
    assert_int_equal(scene_failing(study), 0);
    assert_int_equal(study->left_out.scans, 20);
    scene_study_end(study);
    scene_end(scene);
}

static void client_that_finds_some_is_no_scanner(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct study *study = sweep_over_hosts(scene, 20, 2, 5);
    assert_int_equal(scene_failing(study), 15);
    assert_int_equal(study->left_out.scans, 0);
    scene_study_end(study);
    scene_end(scene);
}

/* Everything outbound is dropped: many hosts fail, and the client waits for each of them. */
static void client_whose_way_out_is_closed_is_no_scanner(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct study *study = sweep_over_hosts(scene, 20, 4, 0);
    assert_int_equal(scene_failing(study), 20);
    scene_study_end(study);
    scene_end(scene);
}

static void udp_that_is_answered_is_no_scan(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    for (int i = 0; i < 20; i++) {
        char server[IP_ADDRESS_TEXT];
        snprintf(server, sizeof server, "198.51.100.%d", i + 1);
        struct talk talk = scene_talk(scene, "10.0.0.7", 50000, server, (uint16_t)(9000 + i));
        CLIENT_SENDS(&talk, .at = i, .length = 40);
        SERVER_SENDS(&talk, .at = i + 0.1, .length = 40);
    }
    struct talk talk = client_talk(scene, 6, 50000);
    scene_unanswered(&talk, 0, 3);
    struct study *study = scene_study(scene, 60);
    assert_int_equal(scene_failing(study), 1);
    scene_study_end(study);
    scene_end(scene);
}

/* --- races --- */

static struct study *both_families(struct scene *scene, double apart, uint8_t hop_limit,
                                   const uint8_t *v4_mac, int syns)
{
    struct talk v6 = scene_talk(scene, "2001:db8:1::7", 50000, "2001:db8:2::2", 5800);
    struct talk v4 = scene_talk(scene, "192.0.2.7", 50001, "203.0.113.2", 5800);
    v6.hop_limit[INITIATOR] = v4.hop_limit[INITIATOR] = hop_limit;
    if (v4_mac)
        memcpy(v4.mac[INITIATOR], v4_mac, 6);
    scene_unanswered(&v6, 10, syns);
    scene_success(&v4, 10 + apart);
    return scene_study(scene, 60);
}

static void family_that_lost_the_race_is_no_failure(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        const double apart[] = {0.25, 2.9, -0.3};
        struct scene *scene = scene_new();
        struct study *study = both_families(scene, apart[i], 64, NULL, 3);
        assert_int_equal(scene_failing(study), 0);
        assert_int_equal(study->left_out.races, 1);
        scene_study_end(study);
        scene_end(scene);
    }
}

static void later_success_of_the_other_family_is_no_race(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct study *study = both_families(scene, 3.5, 64, NULL, 3);
    assert_int_equal(scene_failing(study), 1);
    scene_study_end(study);
    scene_end(scene);
}

static void success_of_another_host_is_no_race(void **state)
{
    (void)state;
    static const uint8_t other[6] = {2, 7, 7, 7, 7, 7};
    struct scene *scene = scene_new();
    struct study *study = both_families(scene, 0.25, 64, other, 3);
    assert_int_equal(scene_failing(study), 1);
    scene_study_end(study);
    scene_end(scene);
}

/* Behind a router all clients have its MAC address: one that insists is not one that gave up. */
static void insisting_client_from_afar_is_a_failure(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct study *study = both_families(scene, 0.25, 57, NULL, 3);
    assert_int_equal(scene_failing(study), 1);
    scene_study_end(study);
    scene_end(scene);
}

static void every_attempt_must_have_lost(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk later = scene_talk(scene, "2001:db8:1::7", 50009, "2001:db8:2::2", 5800);
    scene_unanswered(&later, 30, 3);
    struct study *study = both_families(scene, 0.25, 64, NULL, 3);
    assert_int_equal(scene_failing(study), 1);
    scene_study_end(study);
    scene_end(scene);
}

static void smb_over_the_other_port_is_no_failure(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk smb = scene_talk(scene, "10.0.0.7", 50000, "10.1.0.2", 445);
    struct talk netbios = scene_talk(scene, "10.0.0.7", 50001, "10.1.0.2", 139);
    scene_unanswered(&smb, 0, 3);
    scene_success(&netbios, 0.5);
    struct study *study = scene_study(scene, 60);
    assert_int_equal(scene_failing(study), 0);
    assert_int_equal(study->left_out.races, 1);
    scene_study_end(study);
    scene_end(scene);
}

static void other_service_of_another_server_does_not_serve(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk smb = scene_talk(scene, "10.0.0.7", 50000, "10.1.0.2", 445);
    struct talk netbios = scene_talk(scene, "10.0.0.7", 50001, "10.1.0.3", 139);
    scene_unanswered(&smb, 0, 3);
    scene_success(&netbios, 0.5);
    struct study *study = scene_study(scene, 60);
    assert_int_equal(scene_failing(study), 1);
    scene_study_end(study);
    scene_end(scene);
}

/* --- floods, one direction --- */

static struct study *half_open(struct scene *scene, int clients)
{
    for (int i = 0; i < clients; i++) {
        struct talk talk = client_talk(scene, i, 50000);
        CLIENT_SENDS(&talk, .at = i * 0.01, .flags = "S");
        SERVER_SENDS(&talk, .at = i * 0.01 + 0.001, .flags = "SA");
        SERVER_SENDS(&talk, .at = i * 0.01 + 1.001, .flags = "SA");
    }
    return scene_study(scene, 60);
}

static void strangers_who_never_confirm_are_a_flood(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct study *study = half_open(scene, 40);
    assert_int_equal(scene_failing(study), 0);
    assert_int_equal(study->left_out.floods, 40);
    scene_study_end(study);
    scene_end(scene);
}

static void few_who_do_not_confirm_are_failures(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct study *study = half_open(scene, 5);
    assert_int_equal(scene_failing(study), 5);
    scene_study_end(study);
    scene_end(scene);
}

static void unanswered_udp_in_a_one_directional_capture(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    for (int i = 0; i < 6; i++) {
        struct talk talk = scene_talk(scene, "10.0.0.7", (uint16_t)(40000 + i), "203.0.113.9", 80);
        CLIENT_SENDS(&talk, .at = 0, .flags = "S");
        CLIENT_SENDS(&talk, .at = 0.1, .flags = "A", .ack = 1);
    }
    struct talk talk = scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", 8080);
    for (int i = 0; i < 5; i++)
        CLIENT_SENDS(&talk, .at = i, .length = 40);
    struct study *study = scene_study(scene, 60);
    assert_int_equal(scene_failing(study), 0);
    assert_int_equal(study->left_out.one_directional, 1);
    scene_study_end(study);
    scene_end(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attempts_that_fail_alike_are_one_failure),
        cmocka_unit_test(what_differs_is_another_failure),
        cmocka_unit_test(hundreds_of_groups_are_told_apart),
        cmocka_unit_test(single_syns_over_a_while_are_a_failure),
        cmocka_unit_test(few_or_quick_single_syns_are_none),
        cmocka_unit_test(single_syns_join_the_repeated_ones),
        cmocka_unit_test(sweep_over_ports_is_a_scan),
        cmocka_unit_test(sweep_over_hosts_is_a_scan),
        cmocka_unit_test(client_that_finds_some_is_no_scanner),
        cmocka_unit_test(client_whose_way_out_is_closed_is_no_scanner),
        cmocka_unit_test(udp_that_is_answered_is_no_scan),
        cmocka_unit_test(family_that_lost_the_race_is_no_failure),
        cmocka_unit_test(later_success_of_the_other_family_is_no_race),
        cmocka_unit_test(success_of_another_host_is_no_race),
        cmocka_unit_test(insisting_client_from_afar_is_a_failure),
        cmocka_unit_test(every_attempt_must_have_lost),
        cmocka_unit_test(smb_over_the_other_port_is_no_failure),
        cmocka_unit_test(other_service_of_another_server_does_not_serve),
        cmocka_unit_test(strangers_who_never_confirm_are_a_flood),
        cmocka_unit_test(few_who_do_not_confirm_are_failures),
        cmocka_unit_test(unanswered_udp_in_a_one_directional_capture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
