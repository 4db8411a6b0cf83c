/* Detectors: what is a failure, what is none, and where the thresholds lie. */
#include "tests/unit/scene.h"

#define TALK(scene)     scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", 5800)
#define UDP_TALK(scene) scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", 8080)

static void expect_outcome(const struct attempt *attempt, double now, enum outcome outcome)
{
    assert_int_equal(scene_detect(attempt, now).outcome, outcome);
}

static void expect_symptom(const struct attempt *attempt, double now, enum symptom symptom)
{
    struct detection detection = scene_detect(attempt, now);
    assert_int_equal(detection.outcome, OUTCOME_FAILED);
    assert_string_equal(symptom_words[detection.symptom], symptom_words[symptom]);
    assert_true(detection.frames.count > 0);
    assert_true(detection.failed_ns >= SCENE_START_NS);
}

/* --- syn-timeout --- */

static void two_retries_are_enough_at_once(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = scene_unanswered(&talk, 0, 3);
    expect_symptom(attempt, 3, SYMPTOM_SYN_TIMEOUT);
    assert_int_equal(scene_detect(attempt, 3).frames.count, 3);
    scene_end(scene);
}

static void one_retry_needs_the_wait(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = scene_unanswered(&talk, 0, 2);
    expect_outcome(attempt, 2.9, OUTCOME_PENDING);
    expect_symptom(attempt, 3.1, SYMPTOM_SYN_TIMEOUT);
    scene_end(scene);
}

static void single_syn_is_cut_short_or_silent(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = scene_unanswered(&talk, 0, 1);
    expect_outcome(attempt, 0.5, OUTCOME_PENDING);
    expect_outcome(attempt, 60, OUTCOME_SILENT);
    scene_end(scene);
}

static void retries_that_an_answer_ends_are_no_failure(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = scene_unanswered(&talk, 0, 3);
    SERVER_SENDS(&talk, .at = 3.1, .flags = "SA");
    expect_outcome(attempt, 3.1, OUTCOME_PENDING);
    CLIENT_SENDS(&talk, .at = 3.2, .flags = "A");
    expect_outcome(attempt, 3.2, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

/* --- synack-unanswered --- */

static void repeated_synack_without_an_ack(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    CLIENT_SENDS(&talk, .at = 0, .flags = "S");
    SERVER_SENDS(&talk, .at = 0.02, .flags = "SA");
    struct attempt *attempt = SERVER_SENDS(&talk, .at = 1.02, .flags = "SA");
    expect_outcome(attempt, 3.0, OUTCOME_PENDING);
    expect_symptom(attempt, 3.1, SYMPTOM_SYNACK_UNANSWERED);
    scene_end(scene);
}

static void client_that_asks_again_after_the_synack(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    CLIENT_SENDS(&talk, .at = 0, .flags = "S");
    SERVER_SENDS(&talk, .at = 0.02, .flags = "SA");
    struct attempt *attempt = CLIENT_SENDS(&talk, .at = 1, .flags = "S");
    expect_symptom(attempt, 10, SYMPTOM_SYNACK_UNANSWERED);
    scene_end(scene);
}

static void half_open_scan_is_no_failure(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    CLIENT_SENDS(&talk, .at = 0, .flags = "S");
    SERVER_SENDS(&talk, .at = 0.02, .flags = "SA");
    struct attempt *attempt = CLIENT_SENDS(&talk, .at = 0.021, .flags = "R");
    expect_outcome(attempt, 60, OUTCOME_PENDING);
    scene_end(scene);
}

/* One SYN-ACK and nothing: the client's ACK was not captured, or is still to come. */
static void single_synack_is_too_little(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    CLIENT_SENDS(&talk, .at = 0, .flags = "S");
    struct attempt *attempt = SERVER_SENDS(&talk, .at = 0.02, .flags = "SA");
    expect_outcome(attempt, 60, OUTCOME_PENDING);
    scene_end(scene);
}

/* --- syn-reset --- */

static void rst_in_reply_to_the_syn(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    CLIENT_SENDS(&talk, .at = 0, .flags = "S");
    struct attempt *attempt = SERVER_SENDS(&talk, .at = 0.02, .flags = "RA");
    expect_symptom(attempt, 0.02, SYMPTOM_SYN_RESET); /* nothing to wait for */
    assert_int_equal(scene_detect(attempt, 1).frames.count, 2);
    scene_end(scene);
}

static void refused_and_then_accepted_is_no_failure(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    CLIENT_SENDS(&talk, .at = 0, .flags = "S");
    SERVER_SENDS(&talk, .at = 0.02, .flags = "RA");
    CLIENT_SENDS(&talk, .at = 0.5, .flags = "S");
    SERVER_SENDS(&talk, .at = 0.52, .flags = "SA");
    struct attempt *attempt = CLIENT_SENDS(&talk, .at = 0.53, .flags = "A");
    expect_outcome(attempt, 60, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

static void stray_rst_is_nothing(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    expect_outcome(SERVER_SENDS(&talk, .at = 0, .flags = "RA"), 60, OUTCOME_NOTHING);
    struct talk ack = scene_talk(scene, "10.0.0.7", 50001, "203.0.113.2", 5800);
    expect_outcome(CLIENT_SENDS(&ack, .at = 0, .flags = "A"), 60, OUTCOME_NOTHING);
    scene_end(scene);
}

/* --- icmp-unreachable --- */

static void error_that_ends_the_attempt(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = CLIENT_SENDS(&talk, .at = 0, .flags = "S");
    ICMP_REFUSES(&talk, INITIATOR, .at = 0.01, .type = 3, .code = 13, .sender = "10.0.0.1");
    expect_symptom(attempt, 0.01, SYMPTOM_ICMP_UNREACHABLE);
    scene_end(scene);
}

static void error_that_the_connection_survived(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    CLIENT_SENDS(&talk, .at = 0, .flags = "S");
    ICMP_REFUSES(&talk, INITIATOR, .at = 0.01, .type = 3, .code = 1, .sender = "10.0.0.1");
    CLIENT_SENDS(&talk, .at = 1, .flags = "S");
    SERVER_SENDS(&talk, .at = 1.02, .flags = "SA");
    struct attempt *attempt = CLIENT_SENDS(&talk, .at = 1.03, .flags = "A");
    expect_outcome(attempt, 60, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

static void udp_error_after_an_answer_that_came_later(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = UDP_TALK(scene);
    CLIENT_SENDS(&talk, .at = 0, .length = 40);
    ICMP_REFUSES(&talk, INITIATOR, .at = 0.01, .type = 3, .code = 1, .sender = "10.0.0.1");
    struct attempt *attempt = SERVER_SENDS(&talk, .at = 0.02, .length = 40);
    expect_outcome(attempt, 60, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

/* The client has what it wanted and closes its socket; the server's last datagram finds none. */
static void closed_socket_after_an_answer_is_no_failure(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = UDP_TALK(scene);
    struct attempt *attempt = CLIENT_SENDS(&talk, .at = 0, .length = 40);
    SERVER_SENDS(&talk, .at = 0.02, .length = 40);
    SERVER_SENDS(&talk, .at = 0.03, .length = 40);
    ICMP_REFUSES(&talk, RESPONDER, .at = 0.04, .type = 3, .code = 3);
    expect_outcome(attempt, 60, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

static void time_exceeded_counts_and_too_big_does_not(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = CLIENT_SENDS(&talk, .at = 0, .flags = "S");
    ICMP_REFUSES(&talk, INITIATOR, .at = 0.01, .type = 11, .code = 0, .sender = "10.0.0.1");
    expect_symptom(attempt, 1, SYMPTOM_ICMP_UNREACHABLE);
    struct talk big = scene_talk(scene, "10.0.0.7", 50001, "203.0.113.2", 5800);
    attempt = CLIENT_SENDS(&big, .at = 0, .flags = "S");
    ICMP_REFUSES(&big, INITIATOR, .at = 0.01, .type = 3, .code = 4, .sender = "10.0.0.1");
    expect_outcome(attempt, 1, OUTCOME_PENDING);
    scene_end(scene);
}

/* --- probes --- */

static void traceroute_is_nothing(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    talk.hop_limit[INITIATOR] = 4;
    struct attempt *attempt = scene_unanswered(&talk, 0, 3);
    ICMP_REFUSES(&talk, INITIATOR, .at = 4, .type = 11, .code = 0, .sender = "198.51.100.1");
    expect_outcome(attempt, 60, OUTCOME_NOTHING);
    struct talk thirty = scene_talk(scene, "10.0.0.7", 50001, "203.0.113.2", 5800);
    thirty.hop_limit[INITIATOR] = 30;
    expect_outcome(scene_unanswered(&thirty, 0, 3), 60, OUTCOME_NOTHING);
    struct talk more = scene_talk(scene, "10.0.0.7", 50002, "203.0.113.2", 5800);
    more.hop_limit[INITIATOR] = 31;
    expect_symptom(scene_unanswered(&more, 0, 3), 60, SYMPTOM_SYN_TIMEOUT);
    scene_end(scene);
}

/* --- reset-midstream --- */

static void rst_instead_of_a_reply(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = scene_handshake(&talk, 0);
    CLIENT_SENDS(&talk, .at = 0.1, .flags = "PA", .length = 200);
    SERVER_SENDS(&talk, .at = 0.12, .flags = "RA");
    expect_symptom(attempt, 1, SYMPTOM_RESET_MIDSTREAM);
    scene_end(scene);
}

static void rst_of_an_idle_server_after_its_reply(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = scene_handshake(&talk, 0);
    scene_exchange(&talk, 0.1, 100, 400);
    SERVER_SENDS(&talk, .at = 30, .flags = "RA");
    expect_outcome(attempt, 60, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

static void client_aborts_what_it_has(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = scene_handshake(&talk, 0);
    scene_exchange(&talk, 0.1, 100, 400);
    CLIENT_SENDS(&talk, .at = 0.2, .flags = "RA");
    expect_outcome(attempt, 60, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

static void rst_after_closing_began(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = scene_handshake(&talk, 0);
    scene_exchange(&talk, 0.1, 100, 400);
    CLIENT_SENDS(&talk, .at = 0.2, .flags = "FA");
    SERVER_SENDS(&talk, .at = 0.22, .flags = "RA");
    expect_outcome(attempt, 60, OUTCOME_SUCCEEDED);
    struct talk late = scene_talk(scene, "10.0.0.7", 50001, "203.0.113.2", 5800);
    attempt = scene_success(&late, 0);
    CLIENT_SENDS(&late, .at = 1, .flags = "R");
    expect_outcome(attempt, 60, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

static void rst_that_another_host_sent(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    talk.hop_limit[RESPONDER] = 55;
    struct attempt *attempt = scene_handshake(&talk, 0);
    scene_exchange(&talk, 0.1, 100, 400);
    SERVER_SENDS(&talk, .at = 0.2, .flags = "RA", .hop_limit = 61);
    expect_symptom(attempt, 1, SYMPTOM_RESET_MIDSTREAM);
    scene_end(scene);
}

static void both_sides_reset_at_once(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = scene_handshake(&talk, 0);
    scene_exchange(&talk, 0.1, 100, 400);
    SERVER_SENDS(&talk, .at = 0.2, .flags = "RA");
    CLIENT_SENDS(&talk, .at = 0.2001, .flags = "RA");
    expect_symptom(attempt, 1, SYMPTOM_RESET_MIDSTREAM);
    scene_end(scene);
}

static void rst_that_answers_data_after_a_silence(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = scene_handshake(&talk, 0);
    scene_exchange(&talk, 0.1, 100, 400);
    SERVER_SENDS(&talk, .at = 100, .flags = "PA", .length = 10);
    CLIENT_SENDS(&talk, .at = 100.02, .flags = "R");
    expect_symptom(attempt, 101, SYMPTOM_RESET_MIDSTREAM);
    scene_end(scene);
}

/* --- stall-midstream --- */

static void stalled_request(struct talk *talk, int retransmissions)
{
    scene_handshake(talk, 0);
    scene_exchange(talk, 0.1, 100, 400);
    CLIENT_SENDS(talk, .at = 1, .flags = "PA", .length = 100);
    for (int i = 0; i < retransmissions; i++)
        CLIENT_SENDS(talk, .at = 1.2 + 0.4 * i, .flags = "PA", .length = 100, .seq = 101);
}

static void data_sent_again_and_again(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    stalled_request(&talk, 3);
    struct attempt *attempt = scene_attempt(scene, 1);
    expect_outcome(attempt, 3.9, OUTCOME_SUCCEEDED); /* the capture's end cut it short */
    expect_symptom(attempt, 4.1, SYMPTOM_STALL_MIDSTREAM);
    scene_end(scene);
}

static void two_retransmissions_are_ordinary_loss(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    stalled_request(&talk, 2);
    expect_outcome(scene_attempt(scene, 1), 60, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

static void stall_that_recovered(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    stalled_request(&talk, 5);
    SERVER_SENDS(&talk, .at = 9, .flags = "PA", .length = 100);
    CLIENT_SENDS(&talk, .at = 9.01, .flags = "A");
    expect_outcome(scene_attempt(scene, 1), 60, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

/* Some segments lost at the very end of a long transfer: young, whatever came before. */
static void loss_at_the_end_of_a_long_transfer(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = scene_handshake(&talk, 0);
    for (uint32_t i = 0; i < 60; i++) {
        CLIENT_SENDS(&talk, .at = 1 + i, .flags = "A", .length = 1000);
        if (i)
            SERVER_SENDS(&talk, .at = 1.02 + i, .flags = "PA", .length = 1, .ack = 1 + 1000 * i);
    }
    for (int i = 1; i <= 3; i++)
        CLIENT_SENDS(&talk, .at = 60 + 0.2 * i, .flags = "A", .length = 1000, .seq = 59001);
    expect_outcome(attempt, 61, OUTCOME_SUCCEEDED);
    expect_symptom(attempt, 64, SYMPTOM_STALL_MIDSTREAM);
    scene_end(scene);
}

static void fin_sent_again_is_no_stall(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = scene_handshake(&talk, 0);
    scene_exchange(&talk, 0.1, 100, 400);
    CLIENT_SENDS(&talk, .at = 1, .flags = "FA");
    for (int i = 1; i < 6; i++)
        CLIENT_SENDS(&talk, .at = 1 + i, .flags = "FA", .seq = 101);
    expect_outcome(attempt, 60, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

static void unanswered_keepalives_are_a_stall(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = scene_handshake(&talk, 0);
    scene_exchange(&talk, 0.1, 100, 400);
    for (int i = 0; i < 4; i++)
        SERVER_SENDS(&talk, .at = 100 + 2 * i, .flags = "A", .seq = 400);
    expect_symptom(attempt, 110, SYMPTOM_STALL_MIDSTREAM);
    scene_end(scene);
}

static void one_direction_alone_cannot_stall(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    CLIENT_SENDS(&talk, .at = 0, .flags = "S");
    CLIENT_SENDS(&talk, .at = 0.02, .flags = "A", .ack = 1);
    struct attempt *attempt = CLIENT_SENDS(&talk, .at = 0.1, .flags = "PA", .length = 9, .ack = 1);
    for (int i = 1; i < 5; i++)
        CLIENT_SENDS(&talk, .at = i, .flags = "PA", .length = 9, .seq = 1, .ack = 1);
    expect_outcome(attempt, 60, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

static void silent_reply_until_the_client_gives_up(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = scene_handshake(&talk, 0);
    CLIENT_SENDS(&talk, .at = 1, .flags = "PA", .length = 100);
    SERVER_SENDS(&talk, .at = 1.02, .flags = "A");
    expect_outcome(attempt, 20, OUTCOME_SUCCEEDED); /* a slow server so far */
    expect_symptom(attempt, 21.1, SYMPTOM_STALL_MIDSTREAM);
    CLIENT_SENDS(&talk, .at = 11, .flags = "FA");
    expect_symptom(attempt, 11, SYMPTOM_STALL_MIDSTREAM);
    scene_end(scene);
}

static void upload_that_wants_no_reply_and_ends(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = scene_handshake(&talk, 0);
    CLIENT_SENDS(&talk, .at = 1, .flags = "PA", .length = 100);
    SERVER_SENDS(&talk, .at = 1.02, .flags = "A");
    scene_close(&talk, 1.1);
    expect_outcome(attempt, 60, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

/* --- UDP --- */

static void three_requests_and_the_wait(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = UDP_TALK(scene);
    struct attempt *attempt = CLIENT_SENDS(&talk, .at = 0, .length = 40);
    CLIENT_SENDS(&talk, .at = 1, .length = 40);
    expect_outcome(attempt, 3.5, OUTCOME_PENDING);
    CLIENT_SENDS(&talk, .at = 2, .length = 40);
    expect_outcome(attempt, 2.9, OUTCOME_PENDING);
    expect_symptom(attempt, 3.1, SYMPTOM_UDP_NO_RESPONSE);
    scene_end(scene);
}

static void two_requests_are_silence_only(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = UDP_TALK(scene);
    CLIENT_SENDS(&talk, .at = 0, .length = 40);
    struct attempt *attempt = CLIENT_SENDS(&talk, .at = 1, .length = 40);
    expect_outcome(attempt, 60, OUTCOME_SILENT);
    scene_end(scene);
}

static void udp_that_answered_and_falls_silent(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = UDP_TALK(scene);
    CLIENT_SENDS(&talk, .at = 0, .length = 40);
    struct attempt *attempt = SERVER_SENDS(&talk, .at = 0.02, .length = 40);
    for (int i = 0; i < 4; i++)
        CLIENT_SENDS(&talk, .at = 10 + i, .length = 40);
    expect_outcome(attempt, 60, OUTCOME_SUCCEEDED); /* 3 s, and the wait is 4 */
    CLIENT_SENDS(&talk, .at = 14.1, .length = 40);
    expect_symptom(attempt, 60, SYMPTOM_UDP_STALL);
    SERVER_SENDS(&talk, .at = 15, .length = 40);
    expect_outcome(attempt, 60, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_retries_are_enough_at_once),
        cmocka_unit_test(one_retry_needs_the_wait),
        cmocka_unit_test(single_syn_is_cut_short_or_silent),
        cmocka_unit_test(retries_that_an_answer_ends_are_no_failure),
        cmocka_unit_test(repeated_synack_without_an_ack),
        cmocka_unit_test(client_that_asks_again_after_the_synack),
        cmocka_unit_test(half_open_scan_is_no_failure),
        cmocka_unit_test(single_synack_is_too_little),
        cmocka_unit_test(rst_in_reply_to_the_syn),
        cmocka_unit_test(refused_and_then_accepted_is_no_failure),
        cmocka_unit_test(stray_rst_is_nothing),
        cmocka_unit_test(error_that_ends_the_attempt),
        cmocka_unit_test(error_that_the_connection_survived),
        cmocka_unit_test(udp_error_after_an_answer_that_came_later),
        cmocka_unit_test(closed_socket_after_an_answer_is_no_failure),
        cmocka_unit_test(time_exceeded_counts_and_too_big_does_not),
        cmocka_unit_test(traceroute_is_nothing),
        cmocka_unit_test(rst_instead_of_a_reply),
        cmocka_unit_test(rst_of_an_idle_server_after_its_reply),
        cmocka_unit_test(client_aborts_what_it_has),
        cmocka_unit_test(rst_after_closing_began),
        cmocka_unit_test(rst_that_another_host_sent),
        cmocka_unit_test(both_sides_reset_at_once),
        cmocka_unit_test(rst_that_answers_data_after_a_silence),
        cmocka_unit_test(data_sent_again_and_again),
        cmocka_unit_test(two_retransmissions_are_ordinary_loss),
        cmocka_unit_test(stall_that_recovered),
        cmocka_unit_test(loss_at_the_end_of_a_long_transfer),
        cmocka_unit_test(fin_sent_again_is_no_stall),
        cmocka_unit_test(unanswered_keepalives_are_a_stall),
        cmocka_unit_test(one_direction_alone_cannot_stall),
        cmocka_unit_test(silent_reply_until_the_client_gives_up),
        cmocka_unit_test(upload_that_wants_no_reply_and_ends),
        cmocka_unit_test(three_requests_and_the_wait),
        cmocka_unit_test(two_requests_are_silence_only),
        cmocka_unit_test(udp_that_answered_and_falls_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
