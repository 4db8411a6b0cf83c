/* UDP, ICMP, fragments, echo, and what is kept of hosts. */
#include "tests/unit/scene.h"

#define TALK(scene) scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", 8080)

static const struct host *host_of(struct scene *scene, const char *address)
{
    struct ip_address ip = scene_address(address);
    return host_table_find(tracker_hosts(scene->tracker), &ip);
}

/* --- UDP --- */

static void request_and_response(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = CLIENT_SENDS(&talk, .at = 0, .length = 40);
    assert_int_equal(attempt->side[INITIATOR].repeats, 1);
    assert_int_equal(scene_detect(attempt, 0.5).outcome, OUTCOME_PENDING);
    SERVER_SENDS(&talk, .at = 0.03, .length = 60);
    assert_int_equal(scene->side, RESPONDER);
    assert_int_equal(attempt->side[INITIATOR].repeats, 0);
    assert_true(attempt->bits & ATTEMPT_ESTABLISHED);
    assert_int_equal(host_of(scene, "203.0.113.2")->answer_min_us, 30000);
    assert_int_equal(scene_detect(attempt, 60).outcome, OUTCOME_SUCCEEDED);
    scene_end(scene);
}

static void repeated_request_is_one_attempt(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = NULL;
    for (int i = 0; i < 8; i++) /* no IP-ID to tell copies by, and none are */
        attempt = CLIENT_SENDS(&talk, .at = i, .length = 40, .no_id = i & 1);
    assert_int_equal(scene_attempts(scene), 1);
    assert_int_equal(attempt->side[INITIATOR].repeats, 8);
    assert_int_equal(attempt->copies, 0);
    scene_end(scene);
}

static void datagram_recorded_twice_is_a_copy(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    CLIENT_SENDS(&talk, .at = 0, .length = 40, .id = 3, .hop_limit = 64);
    struct attempt *attempt =
        CLIENT_SENDS(&talk, .at = 0.001, .length = 40, .id = 3, .hop_limit = 63);
    assert_false(scene->fresh);
    CLIENT_SENDS(&talk, .at = 1, .length = 40, .no_id = true, .hop_limit = 64);
    CLIENT_SENDS(&talk, .at = 1.001, .length = 40, .no_id = true, .hop_limit = 63);
    assert_false(scene->fresh);
    assert_int_equal(attempt->side[INITIATOR].repeats, 2);
    assert_int_equal(attempt->forwarded, 2);
    scene_end(scene);
}

static void answer_seen_first_does_not_turn_the_sides(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = SERVER_SENDS(&talk, .at = 0, .length = 60);
    assert_int_equal(scene->side, RESPONDER);
    assert_true(attempt->bits & ATTEMPT_MIDSTREAM);
    assert_int_equal(attempt->port[RESPONDER], 8080);
    scene_end(scene);
}

static void group_traffic_is_no_attempt(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk group = scene_talk(scene, "10.0.0.7", 50000, "239.1.2.3", 8080);
    assert_null(CLIENT_SENDS(&group, .at = 0, .length = 40));
    struct talk subnet = scene_talk(scene, "10.0.0.7", 50000, "10.0.0.255", 8080);
    memset(subnet.mac[RESPONDER], 0xff, 6);
    assert_null(CLIENT_SENDS(&subnet, .at = 0, .length = 40));
    scene_end(scene);
}

static void udp_twin_behind_a_nat_is_found(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk outer = TALK(scene);
    struct talk inner = scene_talk(scene, "198.51.100.1", 61000, "203.0.113.2", 8080);
    CLIENT_SENDS(&outer, .at = 0, .length = 40, .id = 5, .payload = "hello");
    struct attempt *twin = CLIENT_SENDS(&inner, .at = 0.0002, .length = 40, .id = 5,
                                        .payload = "hello", .hop_limit = 63);
    assert_true(twin->bits & ATTEMPT_IS_INNER);
    scene_end(scene);
}

/* The same greeting to two servers at once, as a program that looks for its servers sends it. */
static void same_greeting_to_two_servers_is_no_twin(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk one = TALK(scene);
    struct talk two = scene_talk(scene, "10.0.0.7", 50000, "203.0.113.3", 8080);
    CLIENT_SENDS(&one, .at = 0, .length = 40, .payload = "hello");
    struct attempt *other = CLIENT_SENDS(&two, .at = 0.0002, .length = 40, .payload = "hello");
    assert_false(other->bits & ATTEMPT_IS_INNER);
    scene_end(scene);
}

/* --- ICMP --- */

static void error_joins_the_flow_it_quotes(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = CLIENT_SENDS(&talk, .at = 0, .length = 40);
    assert_ptr_equal(ICMP_REFUSES(&talk, INITIATOR, .at = 0.01, .type = 3, .code = 13,
                                  .sender = "198.51.100.254", .quoted_hop_limit = 61),
                     attempt);
    assert_int_equal(attempt->icmp->count, 1);
    assert_int_equal(attempt->icmp->code, 13);
    assert_int_equal(attempt->icmp->quoted_as_sent, 64);
    assert_int_equal(attempt->icmp->quoted_hop_limit, 61);
    assert_int_equal(attempt->icmp->answered_after_ns, 10000000);
    assert_false(attempt->icmp->translated);
    assert_int_equal(tracker_counters(scene->tracker)->icmp_unreachable, 1);
    assert_int_equal(tracker_counters(scene->tracker)->icmp_unmatched, 0);
    scene_end(scene);
}

static void error_that_quotes_the_other_side_of_a_nat(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk tcp = scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", 5800);
    struct attempt *attempt = CLIENT_SENDS(&tcp, .at = 0, .flags = "S");
    ICMP_REFUSES(&tcp, INITIATOR, .at = 0.01, .type = 3, .code = 1, .quoted_source = "198.51.100.1",
                 .quoted_destination = "192.168.1.10");
    assert_true(attempt->icmp->translated);
    struct talk udp = TALK(scene);
    attempt = CLIENT_SENDS(&udp, .at = 1, .length = 40);
    ICMP_REFUSES(&udp, INITIATOR, .at = 1.01, .type = 3, .code = 3,
                 .quoted_source = "198.51.100.1");
    assert_int_equal(attempt->icmp->count, 1);
    assert_true(attempt->icmp->translated);
    scene_end(scene);
}

static void error_about_nothing_known_is_counted(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    assert_null(ICMP_REFUSES(&talk, INITIATOR, .at = 0, .type = 3, .code = 3));
    assert_null(ICMP_REFUSES(&talk, INITIATOR, .at = 0, .type = 3, .code = 3, .no_quote = true));
    assert_int_equal(tracker_counters(scene->tracker)->icmp_unreachable, 2);
    assert_int_equal(tracker_counters(scene->tracker)->icmp_unmatched, 2);
    scene_end(scene);
}

static void too_big_and_redirect_are_no_refusals(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = CLIENT_SENDS(&talk, .at = 0, .length = 1400);
    ICMP_REFUSES(&talk, INITIATOR, .at = 0.1, .type = 3, .code = 4);
    ICMP_REFUSES(&talk, INITIATOR, .at = 0.1, .type = 5, .code = 1);
    assert_int_equal(attempt->icmp->count, 0);
    assert_true(attempt->too_big_seen);
    scene_end(scene);
}

static void refused_request_goes_before_a_refused_reply(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    struct attempt *attempt = CLIENT_SENDS(&talk, .at = 0, .length = 40);
    SERVER_SENDS(&talk, .at = 0.1, .length = 40);
    ICMP_REFUSES(&talk, RESPONDER, .at = 0.2, .type = 3, .code = 3);
    assert_int_equal(attempt->icmp->quoted_side, RESPONDER);
    CLIENT_SENDS(&talk, .at = 1, .length = 40);
    ICMP_REFUSES(&talk, INITIATOR, .at = 1.1, .type = 3, .code = 10);
    assert_int_equal(attempt->icmp->quoted_side, INITIATOR);
    assert_int_equal(attempt->icmp->code, 10);
    assert_int_equal(attempt->icmp->count, 1);
    scene_end(scene);
}

/* --- fragments --- */

static void later_fragments_belong_to_the_flow(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    CLIENT_SENDS(&talk, .at = 0, .length = 1400, .id = 77, .first_fragment = true);
    struct packet later = scene_ip(&talk.address[0], &talk.address[1], 64);
    later.kind = PACKET_FRAGMENT;
    later.ip.id = 77;
    later.ip.protocol = PROTO_UDP;
    later.ip.fragment_offset = 1408;
    scene_feed(scene, &later, 2);
    assert_int_equal(tracker_counters(scene->tracker)->fragments_unmatched, 0);
    const struct flow *flow = flow_table_next(tracker_flows(scene->tracker), &(size_t){0});
    assert_int_equal(flow_rest_seen(flow).last_ns, scene_time(2));
    later.ip.id = 78;
    scene_feed(scene, &later, 3);
    assert_int_equal(tracker_counters(scene->tracker)->fragments_unmatched, 1);
    scene_end(scene);
}

/* --- echo, ARP, ND --- */

static void echo_is_a_flow_of_its_own(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    scene_ping(scene, 0, "10.0.0.7", "203.0.113.2", 42, true);
    scene_ping(scene, 1, "203.0.113.2", "10.0.0.7", 43, true); /* the other way round */
    assert_int_equal(flow_table_count(tracker_flows(scene->tracker)), 2);
    size_t position = 0;
    for (const struct flow *flow;
         (flow = flow_table_next(tracker_flows(scene->tracker), &position));) {
        struct ip_address address[2];
        uint16_t port[2];
        tracker_flow_ends(scene->tracker, flow, address, port);
        struct ip_address client =
            scene_address(port[INITIATOR] == 42 ? "10.0.0.7" : "203.0.113.2");
        assert_true(ip_equal(&address[INITIATOR], &client));
        assert_true(flow_rest_seen(flow).answer_frame > flow->first_frame);
        assert_int_equal(flow->syn_count, 1);
    }
    scene_end(scene);
}

static void echo_reply_seen_first_knows_its_sides(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    scene_icmp_info(scene, 0, "203.0.113.2", "10.0.0.7", 0, 42, NULL);
    scene_icmp_info(scene, 1, "10.0.0.7", "203.0.113.2", 8, 42, NULL);
    const struct flow *flow = flow_table_next(tracker_flows(scene->tracker), &(size_t){0});
    struct ip_address address[2], client = scene_address("10.0.0.7");
    uint16_t port[2];
    tracker_flow_ends(scene->tracker, flow, address, port);
    assert_true(ip_equal(&address[INITIATOR], &client));
    assert_int_equal(flow_table_count(tracker_flows(scene->tracker)), 1);
    scene_end(scene);
}

static void arp_requests_wait_for_an_answer(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    for (int i = 0; i < 3; i++)
        scene_arp(scene, i, 1, "10.0.0.7", "10.0.0.9");
    const struct host *asked = host_of(scene, "10.0.0.9");
    assert_int_equal(host_link(asked)->asked_unanswered, 3);
    assert_int_equal(host_link(asked)->asked_frames.count, 3);
    assert_int_equal(host_link(host_of(scene, "10.0.0.7"))->resolved, 3); /* who asks is there */
    scene_arp(scene, 4, 2, "10.0.0.9", "10.0.0.7");
    assert_int_equal(host_link(asked)->asked_unanswered, 0);
    assert_int_equal(host_link(asked)->resolved, 1);
    scene_arp(scene, 5, 1, "10.0.0.9", "10.0.0.9"); /* gratuitous */
    assert_int_equal(host_link(asked)->asked, 3);
    scene_arp(scene, 6, 1, "0.0.0.0", "10.0.0.8"); /* a probe, RFC 5227 */
    assert_int_equal(host_link(host_of(scene, "10.0.0.8"))->asked, 1);
    assert_null(host_of(scene, "0.0.0.0"));
    scene_end(scene);
}

static void neighbour_discovery_does_the_same(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    scene_icmp_info(scene, 0, "2001:db8::7", "ff02::1:ff00:9", 135, 0, "2001:db8::9");
    assert_int_equal(host_link(host_of(scene, "2001:db8::9"))->asked_unanswered, 1);
    scene_icmp_info(scene, 1, "2001:db8::9", "2001:db8::7", 136, 0, "2001:db8::9");
    assert_int_equal(host_link(host_of(scene, "2001:db8::9"))->asked_unanswered, 0);
    assert_int_equal(host_link(host_of(scene, "2001:db8::9"))->resolved, 1);
    scene_icmp_info(scene, 2, "::", "ff02::1:ff00:6", 135, 0, "2001:db8::6"); /* DAD, RFC 4862 */
    assert_null(host_of(scene, "2001:db8::6"));
    scene_end(scene);
}

/* --- the baseline of a host --- */

static void refusals_are_no_baseline(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", 5800);
    CLIENT_SENDS(&talk, .at = 0, .flags = "S");
    SERVER_SENDS(&talk, .at = 0.1, .flags = "RA");
    ICMP_REFUSES(&talk, INITIATOR, .at = 0.2, .type = 3, .code = 3);
    assert_null(host_of(scene, "203.0.113.2"));
    assert_int_equal(host_of(scene, "10.0.0.7")->first_frame, 1);
    assert_int_equal(host_of(scene, "10.0.0.7")->measured, 1);
    scene_end(scene);
}

static void packets_for_the_link_tell_no_distance(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk ssdp = scene_talk(scene, "10.0.0.7", 1900, "239.255.255.250", 1900);
    ssdp.hop_limit[INITIATOR] = 2;
    CLIENT_SENDS(&ssdp, .at = 0, .length = 100);
    struct talk mdns = scene_talk(scene, "10.0.0.7", 5353, "224.0.0.251", 5353);
    mdns.hop_limit[INITIATOR] = 255;
    CLIENT_SENDS(&mdns, .at = 0, .length = 100);
    struct talk trace = scene_talk(scene, "10.0.0.7", 40000, "203.0.113.2", 33434);
    CLIENT_SENDS(&trace, .at = 0, .length = 100, .hop_limit = 3);
    const struct host *host = host_of(scene, "10.0.0.7");
    assert_true(host->first_frame > 0);
    assert_int_equal(host->measured, 0);
    struct talk talk = scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", 5800);
    CLIENT_SENDS(&talk, .at = 1, .flags = "S");
    assert_int_equal(host->measured, 1);
    assert_int_equal(host->hop_limit, 64);
    assert_int_equal(host->hop_limit_min, 64);
    assert_int_equal(host->hop_limit_max, 64);
    scene_end(scene);
}

static void several_macs_are_noticed(void **state)
{
    (void)state;
    static const uint8_t other[6] = {2, 9, 9, 9, 9, 9};
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    CLIENT_SENDS(&talk, .at = 0, .length = 40);
    assert_false(host_of(scene, "10.0.0.7")->several_macs);
    CLIENT_SENDS(&talk, .at = 1, .length = 40, .mac = other);
    assert_true(host_of(scene, "10.0.0.7")->several_macs);
    scene_end(scene);
}

/* A host that has learnt all that the packets of a conversation tell learns from those that differ.
 */
static void what_is_new_is_noticed_late(void **state)
{
    (void)state;
    enum { MANY = 40 };
    static const uint8_t other[6] = {2, 9, 9, 9, 9, 9};
    struct scene *scene = scene_new();
    struct talk talk = TALK(scene);
    for (int i = 0; i < MANY; i++)
        CLIENT_SENDS(&talk, .at = i, .length = 40);
    const struct host *host = host_of(scene, "10.0.0.7");
    assert_true(host_is_learnt(host));
    assert_int_equal(host->hop_limit_min, 64);
    CLIENT_SENDS(&talk, .at = MANY, .length = 40, .hop_limit = 60);
    assert_int_equal(host->hop_limit_min, 60);
    assert_int_equal(host->hop_limit, 60);
    assert_false(host->several_macs);
    CLIENT_SENDS(&talk, .at = MANY + 1, .length = 40, .mac = other);
    assert_true(host->several_macs);
    struct host_pulse pulse = host_pulse(tracker_hosts(scene->tracker), host);
    assert_int_equal(pulse.last_frame, MANY + 2);
    CLIENT_SENDS(&talk, .at = MANY + 2, .length = 40);
    pulse = host_pulse(tracker_hosts(scene->tracker), host);
    assert_int_equal(pulse.last_frame, MANY + 3);
    scene_end(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_and_response),
        cmocka_unit_test(repeated_request_is_one_attempt),
        cmocka_unit_test(datagram_recorded_twice_is_a_copy),
        cmocka_unit_test(answer_seen_first_does_not_turn_the_sides),
        cmocka_unit_test(group_traffic_is_no_attempt),
        cmocka_unit_test(udp_twin_behind_a_nat_is_found),
        cmocka_unit_test(same_greeting_to_two_servers_is_no_twin),
        cmocka_unit_test(error_joins_the_flow_it_quotes),
        cmocka_unit_test(error_that_quotes_the_other_side_of_a_nat),
        cmocka_unit_test(error_about_nothing_known_is_counted),
        cmocka_unit_test(too_big_and_redirect_are_no_refusals),
        cmocka_unit_test(refused_request_goes_before_a_refused_reply),
        cmocka_unit_test(later_fragments_belong_to_the_flow),
        cmocka_unit_test(echo_is_a_flow_of_its_own),
        cmocka_unit_test(echo_reply_seen_first_knows_its_sides),
        cmocka_unit_test(arp_requests_wait_for_an_answer),
        cmocka_unit_test(neighbour_discovery_does_the_same),
        cmocka_unit_test(refusals_are_no_baseline),
        cmocka_unit_test(packets_for_the_link_tell_no_distance),
        cmocka_unit_test(several_macs_are_noticed),
        cmocka_unit_test(what_is_new_is_noticed_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
