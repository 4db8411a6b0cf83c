/* TCP conversations: what the tracker makes of retries, copies, reuse, one-sided and late captures.
 */
#include "tests/unit/scene.h"

#define TALK(scene) scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", 5800)

/* --- SYNs --- */

static void retried_syn_is_one_attempt(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = scene_unanswered(&talk, 0, 4);
    assert_int_equal(scene_attempts(scene), 1);
    assert_int_equal(attempt->syn_count, 4);
    assert_int_equal(frame_notes_list(&attempt->syn_frames).count, 4);
    assert_int_equal(tracker_counters(scene->tracker)->tcp_syn, 4);
    assert_int_equal(tracker_counters(scene->tracker)->syn_attempts, 1);
    scene_end(scene);
}

static void syn_recorded_twice_is_a_copy(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    CLIENT_SENDS(&talk, .at = 0, .flags = "S", .id = 9);
    struct attempt *attempt = CLIENT_SENDS(&talk, .at = 0.001, .flags = "S", .id = 9);
    assert_false(scene->fresh);
    assert_int_equal(attempt->syn_count, 1);
    assert_int_equal(attempt->copies, 1);
    assert_int_equal(attempt->forwarded, 0);
    assert_int_equal(flow_table_next(tracker_flows(scene->tracker), &(size_t){0})->syn_count, 1);
    assert_int_equal(tracker_counters(scene->tracker)->tcp_syn, 2);
    scene_end(scene);
}

/* syn.retry_gap_min_s: closer is a copy whatever its IP-ID, at the gap and later it is a retry. */
static void syn_copy_gap_boundary(void **state)
{
    (void)state;
    double gap = scene_knowledge()->thresholds.syn_retry_gap_min_s;
    struct scene *scene = scene_new();
    struct talk near = TALK(scene);
    CLIENT_SENDS(&near, .at = 0, .flags = "S");
    assert_int_equal(CLIENT_SENDS(&near, .at = gap - 0.01, .flags = "S")->syn_count, 1);
    struct talk far = scene_talk(scene, "10.0.0.7", 50001, "203.0.113.2", 5800);
    CLIENT_SENDS(&far, .at = 0, .flags = "S");
    assert_int_equal(CLIENT_SENDS(&far, .at = gap + 0.01, .flags = "S")->syn_count, 2);
    scene_end(scene);
}

/* A gateway captured on "any": in with one hop limit, out with one less. */
static void forwarded_packets_are_counted_once(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    CLIENT_SENDS(&talk, .at = 0, .flags = "S", .id = 7, .hop_limit = 64, .if_index = 2);
    struct attempt *attempt =
        CLIENT_SENDS(&talk, .at = 0.0001, .flags = "S", .id = 7, .hop_limit = 63, .if_index = 3);
    assert_false(scene->fresh);
    SERVER_SENDS(&talk, .at = 0.02, .flags = "SA", .no_id = true, .hop_limit = 60);
    SERVER_SENDS(&talk, .at = 0.0201, .flags = "SA", .no_id = true, .hop_limit = 59);
    assert_false(scene->fresh);
    assert_int_equal(attempt->syn_count, 1);
    assert_int_equal(attempt->synack_count, 1);
    assert_int_equal(attempt->forwarded, 2);
    assert_int_equal(frame_notes_list(&attempt->forwarded_frames).count, 2);
    assert_int_equal(attempt->syn->hop_limit, 64);
    scene_end(scene);
}

static void windows_repeats_its_syn_after_each_rst(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = NULL;
    for (int i = 0; i < 3; i++) {
        CLIENT_SENDS(&talk, .at = i * 0.5, .flags = "S");
        attempt = SERVER_SENDS(&talk, .at = i * 0.5 + 0.001, .flags = "RA");
    }
    assert_int_equal(scene_attempts(scene), 1);
    assert_int_equal(attempt->syn_count, 3);
    assert_int_equal(frame_notes_list(&attempt->refused_frames).count, 3);
    assert_int_equal(attempt->refused->frame, 2);
    assert_int_equal(tracker_counters(scene->tracker)->syn_refused, 1);
    scene_end(scene);
}

static void late_synack_completes_the_attempt(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    scene_unanswered(&talk, 0, 3);
    SERVER_SENDS(&talk, .at = 3.5, .flags = "SA");
    struct attempt *attempt = CLIENT_SENDS(&talk, .at = 3.501, .flags = "A");
    assert_true(attempt->bits & ATTEMPT_ESTABLISHED);
    assert_int_equal(scene_detect(attempt, 10).outcome, OUTCOME_SUCCEEDED);
    const struct host *server =
        host_table_find(tracker_hosts(scene->tracker), &talk.address[RESPONDER]);
    assert_int_equal(server->answer_min_us, HOST_NO_TIME); /* which SYN it answers is not known */
    scene_end(scene);
}

/* Data sent once and acknowledged is a round trip as well; sent again, it is not known which. */
static void acknowledged_data_measures_the_server(void **state)
{
    (void)state;
    for (int again = 0; again < 2; again++) {
        struct scene *scene = scene_new();
        struct talk talk = scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", 5800);
        scene_handshake(&talk, 0);
        CLIENT_SENDS(&talk, .at = 1, .flags = "PA", .length = 100);
        if (again)
            CLIENT_SENDS(&talk, .at = 1.3, .flags = "PA", .seq = 1, .length = 100);
        SERVER_SENDS(&talk, .at = 1.305, .flags = "A");
        CLIENT_SENDS(&talk, .at = 2, .flags = "PA", .length = 100);
        if (again)
            CLIENT_SENDS(&talk, .at = 2.004, .flags = "PA", .seq = 101, .length = 100);
        SERVER_SENDS(&talk, .at = 2.005, .flags = "A");
        const struct host *server =
            host_table_find(tracker_hosts(scene->tracker), &talk.address[RESPONDER]);
        assert_int_equal(server->answer_min_us, again ? 20000 : 5000);
        scene_end(scene);
    }
}

static void same_ports_with_a_new_isn_are_a_new_attempt(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *old = scene_success(&talk, 0);
    struct talk again = TALK(scene);
    again.isn[INITIATOR] = 99999;
    struct attempt *new = CLIENT_SENDS(&again, .at = 60, .flags = "S");
    assert_ptr_not_equal(old, new);
    assert_true(old->bits & ATTEMPT_SUPERSEDED);
    assert_int_equal(scene_detect(old, 61).outcome, OUTCOME_SUCCEEDED);
    assert_int_equal(new->syn_count, 1);
    assert_false(new->bits &ATTEMPT_ESTABLISHED);
    assert_int_equal(tracker_counters(scene->tracker)->syn_attempts, 2);
    assert_int_equal(flow_table_count(tracker_flows(scene->tracker)), 1);
    scene_end(scene);
}

/* RFC 9293 3.10.7.4: a SYN on ports in TIME-WAIT may be answered by an ACK of the old connection,
 * which the client resets before it asks again. */
static void challenge_ack_is_survived(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    talk.isn[INITIATOR] = 0x10000000;
    CLIENT_SENDS(&talk, .at = 0, .flags = "S");
    SERVER_SENDS(&talk, .at = 0.02, .flags = "A", .seq = 77, .ack = 0x80001000);
    CLIENT_SENDS(&talk, .at = 0.021, .flags = "R");
    CLIENT_SENDS(&talk, .at = 1, .flags = "S");
    SERVER_SENDS(&talk, .at = 1.02, .flags = "SA", .ack = 1);
    CLIENT_SENDS(&talk, .at = 1.03, .flags = "A", .ack = 1);
    struct attempt *attempt =
        CLIENT_SENDS(&talk, .at = 1.04, .flags = "PA", .length = 50, .ack = 1);
    SERVER_SENDS(&talk, .at = 1.06, .flags = "PA", .seq = 1, .length = 50);
    CLIENT_SENDS(&talk, .at = 1.07, .flags = "A", .ack = 51);
    assert_int_equal(scene_attempts(scene), 1);
    assert_int_equal(attempt->side[RESPONDER].acknowledged, talk.isn[INITIATOR] + 51);
    assert_int_equal(scene_detect(attempt, 60).outcome, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

/* RFC 7413: the SYN carries data, and the SYN-ACK acknowledges it. */
static void fast_open_is_a_handshake(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    CLIENT_SENDS(&talk, .at = 0, .flags = "S", .length = 30);
    struct attempt *attempt = SERVER_SENDS(&talk, .at = 0.02, .flags = "SA", .ack = 31);
    CLIENT_SENDS(&talk, .at = 0.03, .flags = "A");
    assert_int_equal(attempt->synack_count, 1);
    assert_false(attempt->bits & ATTEMPT_ONE_SIDED);
    assert_int_equal(scene_detect(attempt, 9).outcome, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

/* --- captures that begin late or see one direction --- */

static void midstream_start_knows_the_service(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    talk.next[0] = talk.next[1] = 5000;
    struct attempt *attempt = SERVER_SENDS(&talk, .at = 0, .flags = "PA", .length = 100);
    assert_int_equal(scene->side, RESPONDER); /* it has the watched port */
    CLIENT_SENDS(&talk, .at = 0.1, .flags = "A");
    assert_true(attempt->bits & ATTEMPT_MIDSTREAM);
    assert_true(attempt->bits & ATTEMPT_ESTABLISHED);
    assert_int_equal(attempt->port[RESPONDER], 5800);
    assert_int_equal(tracker_counters(scene->tracker)->syn_attempts, 0);
    scene_end(scene);
}

static void capture_that_begins_with_the_synack(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    talk.next[INITIATOR] = 1;
    struct attempt *attempt = SERVER_SENDS(&talk, .at = 0, .flags = "SA");
    assert_int_equal(scene->side, RESPONDER);
    CLIENT_SENDS(&talk, .at = 0.001, .flags = "A");
    scene_exchange(&talk, 0.1, 100, 100);
    assert_int_equal(attempt->synack_count, 1);
    assert_int_equal(scene_detect(attempt, 60).outcome, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

static void only_the_clients_packets_are_captured(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    CLIENT_SENDS(&talk, .at = 0, .flags = "S");
    struct attempt *attempt = CLIENT_SENDS(&talk, .at = 0.02, .flags = "A", .ack = 1);
    for (int i = 0; i < 10; i++)
        CLIENT_SENDS(&talk, .at = 0.1 * i + 0.1, .flags = "PA", .length = 100, .ack = 1);
    assert_true(attempt->bits & ATTEMPT_ONE_SIDED);
    assert_int_equal(scene_detect(attempt, 60).outcome, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

static void only_the_servers_packets_are_captured(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    talk.next[INITIATOR] = 1;
    SERVER_SENDS(&talk, .at = 0, .flags = "SA");
    struct attempt *attempt = NULL;
    for (int i = 0; i < 10; i++)
        attempt = SERVER_SENDS(&talk, .at = 0.1 * i + 0.1, .flags = "PA", .length = 100, .ack = 1);
    assert_int_equal(scene_detect(attempt, 60).outcome, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

/* --- data --- */

static void answered_keepalives_leave_nothing_open(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = scene_handshake(&talk, 0);
    scene_exchange(&talk, 0.1, 100, 100);
    for (int i = 1; i <= 5; i++) {
        uint32_t length = i & 1; /* with and without the garbage byte (RFC 1122 4.2.3.6) */
        CLIENT_SENDS(&talk, .at = 60 * i, .flags = "A", .seq = 100, .length = length);
        assert_int_equal(attempt->side[INITIATOR].repeats, 1);
        SERVER_SENDS(&talk, .at = 60 * i + 0.02, .flags = "A");
        assert_int_equal(attempt->side[INITIATOR].repeats, 0);
    }
    assert_int_equal(attempt->side[INITIATOR].first_unanswered->frame, 0);
    assert_int_equal(attempt->side[INITIATOR].bytes, 100);
    assert_int_equal(scene_detect(attempt, 600).outcome, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

static void unanswered_keepalives_add_up(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = scene_handshake(&talk, 0);
    scene_exchange(&talk, 0.1, 100, 100);
    for (int i = 0; i < 4; i++)
        CLIENT_SENDS(&talk, .at = 60 + i, .flags = "A", .seq = 100);
    assert_int_equal(attempt->side[INITIATOR].repeats, 4);
    assert_true(attempt->side[INITIATOR].idle_before_ns > INT64_C(59000000000));
    scene_end(scene);
}

static void recovered_retransmissions_are_forgotten(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = scene_handshake(&talk, 0);
    CLIENT_SENDS(&talk, .at = 0.1, .flags = "PA", .length = 100);
    for (int i = 1; i <= 4; i++)
        CLIENT_SENDS(&talk, .at = 0.1 + 0.2 * i * i, .flags = "PA", .length = 100, .seq = 1);
    assert_int_equal(attempt->side[INITIATOR].repeats, 4);
    SERVER_SENDS(&talk, .at = 3.4, .flags = "A");
    assert_int_equal(attempt->side[INITIATOR].repeats, 0);
    assert_int_equal(attempt->side[INITIATOR].first_unanswered->frame, 0);
    assert_int_equal(attempt->side[INITIATOR].bytes, 100);
    scene_end(scene);
}

/* In a transfer something is always outstanding; the oldest of it is young all the same. */
static void outstanding_data_of_a_running_transfer_is_young(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = scene_handshake(&talk, 0);
    for (uint32_t i = 0; i < 60; i++) {
        CLIENT_SENDS(&talk, .at = 1 + i, .flags = "A", .length = 1000);
        if (i)
            SERVER_SENDS(&talk, .at = 1.02 + i, .flags = "A", .ack = 1 + 1000 * i);
    }
    const struct side_record *client = &attempt->side[INITIATOR];
    assert_int_equal(client->first_unanswered->time_ns, scene_time(60));
    assert_int_equal(client->first_unanswered->sequence, talk.isn[INITIATOR] + 59001);
    assert_int_equal(client->idle_before_ns, 0);
    scene_end(scene);
}

static void probes_of_a_closed_window_are_no_stall(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = scene_handshake(&talk, 0);
    scene_exchange(&talk, 0.1, 100, 100);
    CLIENT_SENDS(&talk, .at = 0.2, .flags = "PA", .length = 100);
    SERVER_SENDS(&talk, .at = 0.22, .flags = "A", .closed_window = true);
    for (int i = 1; i < 8; i++) { /* Windows sends the next byte, Linux none */
        CLIENT_SENDS(&talk, .at = i, .flags = "A", .seq = 201, .length = 1);
        SERVER_SENDS(&talk, .at = i + 0.02, .flags = "A", .ack = 201, .closed_window = true);
    }
    assert_int_equal(attempt->side[INITIATOR].repeats, 0);
    assert_int_equal(scene_detect(attempt, 60).outcome, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

static void sequence_numbers_wrap_around(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    talk.isn[INITIATOR] = UINT32_MAX - 150;
    talk.isn[RESPONDER] = UINT32_MAX - 50;
    struct attempt *attempt = scene_handshake(&talk, 0);
    for (int i = 0; i < 5; i++)
        scene_exchange(&talk, 0.1 + i, 100, 100);
    assert_int_equal(attempt->side[INITIATOR].bytes, 500);
    assert_int_equal(attempt->side[RESPONDER].bytes, 500);
    assert_int_equal(attempt->side[INITIATOR].repeats + attempt->side[RESPONDER].repeats, 0);
    assert_int_equal(attempt->side[INITIATOR].first_unanswered->frame, 0);
    assert_int_equal(attempt->side[RESPONDER].first_unanswered->frame, 0);
    scene_end(scene);
}

/* --- the end --- */

static void exchange_that_goes_on_after_a_rst_survived_it(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = scene_handshake(&talk, 0);
    scene_exchange(&talk, 0.1, 100, 100);
    SERVER_SENDS(&talk, .at = 0.2, .flags = "RA", .hop_limit = 50);
    assert_false(attempt->bits & ATTEMPT_RST_SURVIVED);
    scene_exchange(&talk, 0.3, 100, 100);
    assert_true(attempt->bits & ATTEMPT_RST_SURVIVED);
    assert_int_equal(scene_detect(attempt, 60).outcome, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

static void fins_are_kept_per_side(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = scene_success(&talk, 0);
    assert_true(attempt->side[INITIATOR].fin->frame < attempt->side[RESPONDER].fin->frame);
    assert_int_equal(attempt->side[INITIATOR].first_unanswered->frame, 0);
    assert_int_equal(attempt->side[RESPONDER].first_unanswered->frame, 0);
    assert_int_equal(scene_detect(attempt, 60).outcome, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

/* --- both sides of a NAT in one capture --- */

static struct attempt *through_nat(struct scene *scene, const char *client, const char *server,
                                   uint8_t lost_hops, uint32_t id)
{
    struct talk outer = scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", 5800);
    struct talk inner = scene_talk(scene, client, 50000, server, 5800);
    CLIENT_SENDS(&outer, .at = 0, .flags = "S", .id = 44);
    return CLIENT_SENDS(&inner, .at = 0.0002, .flags = "S", .id = id,
                        .hop_limit = (uint8_t)(64 - lost_hops));
}

static void source_nat_twin_is_found(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct attempt *inner = through_nat(scene, "198.51.100.1", "203.0.113.2", 1, 44);
    assert_true(inner->bits & ATTEMPT_IS_INNER);
    assert_int_equal(inner->twin, 1);
    assert_int_equal(scene_attempt(scene, 1)->twin, 2);
    assert_int_equal(scene_diagnose(scene, 60)->attempts, 1);
    scene_end(scene);
}

static void destination_nat_twin_is_found(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct attempt *inner = through_nat(scene, "10.0.0.7", "192.168.1.10", 1, 44);
    assert_true(inner->bits & ATTEMPT_IS_INNER);
    scene_end(scene);
}

/* nmap and its like send one sequence number to many targets. */
static void scan_probes_are_no_twins(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct attempt *other = through_nat(scene, "10.0.0.7", "203.0.113.3", 0, 45);
    assert_false(other->bits & ATTEMPT_IS_INNER);
    assert_int_equal(other->twin, 0);
    scene_end(scene);
}

static void twin_of_an_evicted_attempt_stands_for_both(void **state)
{
    (void)state;
    struct scene *scene = scene_with_room(2);
    struct attempt *inner = through_nat(scene, "198.51.100.1", "203.0.113.2", 1, 44);
    struct talk more = scene_talk(scene, "10.0.0.9", 50009, "203.0.113.2", 5800);
    CLIENT_SENDS(&more, .at = 60, .flags = "S");
    assert_int_equal(scene_attempt(scene, 1)->port[INITIATOR], 50009);
    assert_int_equal(inner->twin, 0);
    assert_false(inner->bits & ATTEMPT_IS_INNER);
    scene_end(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retried_syn_is_one_attempt),
        cmocka_unit_test(syn_recorded_twice_is_a_copy),
        cmocka_unit_test(syn_copy_gap_boundary),
        cmocka_unit_test(forwarded_packets_are_counted_once),
        cmocka_unit_test(windows_repeats_its_syn_after_each_rst),
        cmocka_unit_test(late_synack_completes_the_attempt),
        cmocka_unit_test(same_ports_with_a_new_isn_are_a_new_attempt),
        cmocka_unit_test(challenge_ack_is_survived),
        cmocka_unit_test(fast_open_is_a_handshake),
        cmocka_unit_test(midstream_start_knows_the_service),
        cmocka_unit_test(capture_that_begins_with_the_synack),
        cmocka_unit_test(only_the_clients_packets_are_captured),
        cmocka_unit_test(only_the_servers_packets_are_captured),
        cmocka_unit_test(answered_keepalives_leave_nothing_open),
        cmocka_unit_test(unanswered_keepalives_add_up),
        cmocka_unit_test(recovered_retransmissions_are_forgotten),
        cmocka_unit_test(outstanding_data_of_a_running_transfer_is_young),
        cmocka_unit_test(probes_of_a_closed_window_are_no_stall),
        cmocka_unit_test(acknowledged_data_measures_the_server),
        cmocka_unit_test(sequence_numbers_wrap_around),
        cmocka_unit_test(exchange_that_goes_on_after_a_rst_survived_it),
        cmocka_unit_test(fins_are_kept_per_side),
        cmocka_unit_test(source_nat_twin_is_found),
        cmocka_unit_test(destination_nat_twin_is_found),
        cmocka_unit_test(scan_probes_are_no_twins),
        cmocka_unit_test(twin_of_an_evicted_attempt_stands_for_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
