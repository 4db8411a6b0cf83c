/* Whole scenes, from packets to findings: which place comes first, never with which probability. */
#include "tests/unit/scene.h"

#include <math.h>

/* The only finding of a scene, checked for what every finding must be. */
static const struct finding *only_finding(struct scene *scene)
{
    const struct diagnosis *diagnosis = scene_diagnose(scene, 60);
    assert_int_equal(diagnosis->count, 1);
    const struct finding *finding = diagnosis->findings[0];
    const struct verdict *verdict = &finding->verdict;
    double sum = 0;
    bool shown = false;
    for (int place = 0; place < FAILURE_POINTS; place++) {
        sum += verdict->probability[place];
        assert_true(verdict->probability[place] <= verdict->probability[verdict->place]);
    }
    for (size_t i = 0; i < verdict->reason_count; i++)
        for (uint32_t f = 0; f < verdict->reasons[i].frames.count; f++) {
            shown = true;
            assert_in_range(frame_list_at(&verdict->reasons[i].frames, f), 1, scene->frame);
        }
    assert_true(fabs(sum - 1) < 1e-9);
    assert_true(shown || finding->symptom == SYMPTOM_NO_TRAFFIC);
    assert_true(verdict->summary[0] && verdict->action[0]);
    assert_int_equal(strlen(finding->id), 8);
    return finding;
}

static void expect(struct scene *scene, enum symptom symptom, enum failure_point place)
{
    const struct finding *finding = only_finding(scene);
    assert_string_equal(symptom_words[finding->symptom], symptom_words[symptom]);
    assert_string_equal(failure_point_words[finding->verdict.place], failure_point_words[place]);
    scene_end(scene);
}

/* A client's host on its LAN; the Internet behind a router. */
static struct talk from_client(struct scene *scene)
{
    struct talk talk = scene_talk(scene, "192.168.1.7", 50000, "203.0.113.2", 5800);
    talk.hop_limit[RESPONDER] = 53;
    return talk;
}

static void web_works(struct scene *scene)
{
    struct talk web = scene_talk(scene, "192.168.1.7", 40000, "198.51.100.9", 443);
    web.hop_limit[RESPONDER] = 55;
    scene_success(&web, 0);
}

/* A server's host; clients come through its edge. */
static struct talk at_server(struct scene *scene, uint16_t port)
{
    struct talk talk = scene_talk(scene, "198.51.100.7", port, "192.168.1.10", 5800);
    talk.hop_limit[INITIATOR] = 53;
    return talk;
}

static void drop_on_the_servers_own_host(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    scene->site.told = VANTAGE_SERVER;
    struct talk talk = at_server(scene, 50000);
    scene_unanswered(&talk, 1, 4);
    expect(scene, SYMPTOM_SYN_TIMEOUT, LOCAL_FIREWALL);
}

static void refusal_by_the_servers_own_host(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    scene->site.told = VANTAGE_SERVER;
    struct talk talk = at_server(scene, 50000);
    CLIENT_SENDS(&talk, .at = 1, .flags = "S");
    SERVER_SENDS(&talk, .at = 1.0001, .flags = "RA");
    expect(scene, SYMPTOM_SYN_RESET, SERVER_HOST);
}

static void reset_that_came_from_next_door(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    web_works(scene);
    struct talk ssh = scene_talk(scene, "192.168.1.7", 40001, "203.0.113.2", 22);
    ssh.hop_limit[RESPONDER] = 53;
    scene_success(&ssh, 0.5);
    struct talk talk = from_client(scene);
    CLIENT_SENDS(&talk, .at = 1, .flags = "S");
    SERVER_SENDS(&talk, .at = 1.0005, .flags = "RA", .hop_limit = 64);
    expect(scene, SYMPTOM_SYN_RESET, EGRESS_POLICY);
}

static void prohibited_by_the_clients_gateway(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = from_client(scene);
    CLIENT_SENDS(&talk, .at = 1, .flags = "S");
    ICMP_REFUSES(&talk, INITIATOR, .at = 1.0005, .type = 3, .code = 13, .sender = "192.168.1.1");
    expect(scene, SYMPTOM_ICMP_UNREACHABLE, EGRESS_POLICY);
}

static void no_route_beyond_the_provider(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    web_works(scene);
    struct talk talk = from_client(scene);
    CLIENT_SENDS(&talk, .at = 1, .flags = "S");
    ICMP_REFUSES(&talk, INITIATOR, .at = 1.03, .type = 3, .code = 0, .sender = "198.51.100.33",
                 .hop_limit = 250, .quoted_hop_limit = 59);
    expect(scene, SYMPTOM_ICMP_UNREACHABLE, NETWORK_PATH);
}

static void routing_loop(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = from_client(scene);
    CLIENT_SENDS(&talk, .at = 1, .flags = "S");
    ICMP_REFUSES(&talk, INITIATOR, .at = 1.2, .type = 11, .code = 0, .sender = "198.51.100.33",
                 .hop_limit = 250, .quoted_hop_limit = 1);
    expect(scene, SYMPTOM_ICMP_UNREACHABLE, NETWORK_PATH);
}

static void server_that_accepts_and_says_nothing(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    scene->site.told = VANTAGE_SERVER;
    struct talk talk = at_server(scene, 50000);
    scene_handshake(&talk, 1);
    CLIENT_SENDS(&talk, .at = 2, .flags = "PA", .length = 100);
    SERVER_SENDS(&talk, .at = 2.0001, .flags = "A");
    const struct finding *finding = only_finding(scene);
    assert_int_equal(finding->symptom, SYMPTOM_STALL_MIDSTREAM);
    assert_true(finding->verdict.place == SERVER_HOST || finding->verdict.place == APPLICATION);
    scene_end(scene);
}

static void closed_udp_port(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    scene->site.told = VANTAGE_SERVER;
    struct talk talk = scene_talk(scene, "198.51.100.7", 50000, "192.168.1.10", 8080);
    talk.hop_limit[INITIATOR] = 53;
    CLIENT_SENDS(&talk, .at = 1, .length = 40);
    ICMP_REFUSES(&talk, INITIATOR, .at = 1.0001, .type = 3, .code = 3, .quoted_hop_limit = 53);
    expect(scene, SYMPTOM_ICMP_UNREACHABLE, SERVER_HOST);
}

static void server_that_is_down_on_the_same_link(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = scene_talk(scene, "192.168.1.7", 50000, "192.168.1.10", 5800);
    scene_unanswered(&talk, 1, 4);
    for (int i = 0; i < 4; i++)
        scene_arp(scene, 1 + i, 1, "192.168.1.7", "192.168.1.10");
    expect(scene, SYMPTOM_SYN_TIMEOUT, SERVER_HOST);
}

static void silent_drop_seen_from_the_client_names_two(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    web_works(scene);
    struct talk talk = from_client(scene);
    scene_unanswered(&talk, 1, 4);
    const struct finding *finding = only_finding(scene);
    assert_int_equal(finding->symptom, SYMPTOM_SYN_TIMEOUT);
    assert_true(finding->verdict.probability[finding->verdict.place] < 0.8);
    assert_true(finding->verdict.has_next_step);
    scene_end(scene);
}

static void healthy_scene_has_no_finding(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    web_works(scene);
    struct talk talk = from_client(scene);
    scene_success(&talk, 1);
    struct talk udp = scene_talk(scene, "192.168.1.7", 50000, "203.0.113.2", 8080);
    CLIENT_SENDS(&udp, .at = 1, .length = 40);
    SERVER_SENDS(&udp, .at = 1.02, .length = 40);
    const struct diagnosis *diagnosis = scene_diagnose(scene, 60);
    assert_int_equal(diagnosis->count, 0);
    assert_int_equal(diagnosis->attempts, 3); /* druva watches 443 */
    assert_int_equal(diagnosis->succeeded, 3);
    assert_int_equal(diagnosis->failed, 0);
    scene_end(scene);
}

/* --- identity and order --- */

static void id_of(char id[9], uint16_t port, double at, uint16_t service)
{
    struct scene *scene = scene_new();
    struct talk talk = scene_talk(scene, "192.168.1.7", port, "203.0.113.2", service);
    scene_unanswered(&talk, at, 4);
    memcpy(id, only_finding(scene)->id, 9);
    scene_end(scene);
}

static void ids_depend_on_what_failed_alone(void **state)
{
    (void)state;
    char one[9], later[9], other[9];
    id_of(one, 50000, 1, 5800);
    id_of(later, 51111, 20, 5800);
    id_of(other, 50000, 1, 6060);
    assert_string_equal(one, later);
    assert_string_not_equal(one, other);
}

static void a_diagnosis_can_be_repeated(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = from_client(scene);
    scene_unanswered(&talk, 1, 4);
    char id[9];
    memcpy(id, only_finding(scene)->id, sizeof id);
    double confidence = scene->diagnosis.findings[0]->verdict.probability[0];
    const struct finding *again = only_finding(scene);
    assert_string_equal(again->id, id);
    assert_true(fabs(again->verdict.probability[0] - confidence) < 1e-12);
    scene_end(scene);
}

static void client_port_is_told_for_a_single_attempt_only(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = from_client(scene);
    scene_unanswered(&talk, 1, 4);
    assert_int_equal(only_finding(scene)->client_port, 50000);
    struct talk again = from_client(scene);
    again.port[INITIATOR] = 50001;
    scene_unanswered(&again, 20, 4);
    assert_int_equal(only_finding(scene)->client_port, -1);
    assert_int_equal(only_finding(scene)->attempts, 2);
    scene_end(scene);
}

/* --- expected peers --- */

static void expect_peer(struct scene *scene, const char *client, const char *server)
{
    struct expectation *peer = &scene->expected[scene->expected_count++];
    assert_true(ip_network_parse(client, &peer->client));
    peer->has_server = server != NULL;
    if (server)
        peer->server = scene_address(server);
}

static void peer_that_never_appeared(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    scene->site.told = VANTAGE_SERVER;
    struct talk other = at_server(scene, 50000);
    scene_success(&other, 1);
    expect_peer(scene, "198.51.100.99", "192.168.1.10");
    const struct finding *finding = only_finding(scene);
    assert_int_equal(finding->symptom, SYMPTOM_NO_TRAFFIC);
    assert_int_equal(finding->attempts, 0);
    assert_int_equal(finding->first_ns, INT64_MIN);
    assert_int_equal(finding->server_port, 5800); /* what the others use */
    scene_end(scene);
}

static void peer_that_appeared_is_no_absence(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = at_server(scene, 50000);
    scene_success(&talk, 1);
    expect_peer(scene, "198.51.100.7", "192.168.1.10");
    expect_peer(scene, "198.51.100.0/24", NULL);
    assert_int_equal(scene_diagnose(scene, 60)->count, 0);
    scene_end(scene);
}

static void absence_in_an_empty_capture(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    expect_peer(scene, "198.51.100.99", NULL);
    assert_int_equal(only_finding(scene)->symptom, SYMPTOM_NO_TRAFFIC);
    scene_end(scene);
}

/* Druva's Edge Server serves nobody when no master keeps a connection to it; that such a connection
 * is not in the capture is nothing by itself. */
static void nobody_to_relay_to(void **state)
{
    (void)state;
    for (int kept = 0; kept < 2; kept++) {
        struct scene *scene = scene_new();
        scene->site.told = VANTAGE_SERVER;
        struct talk client = scene_talk(scene, "198.51.100.7", 50000, "192.168.53.25", 443);
        struct talk master = scene_talk(scene, "192.168.60.2", 50001, "192.168.53.25", 443);
        client.hop_limit[INITIATOR] = 50;
        if (kept) {
            scene_handshake(&master, 0);
            scene_exchange(&master, 0.1, 100, 100);
        }
        for (int i = 0; i < 3; i++) {
            client.port[INITIATOR] = (uint16_t)(50010 + i);
            client.next[INITIATOR] = client.next[RESPONDER] = 0;
            scene_handshake(&client, 1 + i);
            CLIENT_SENDS(&client, .at = 1.1 + i, .flags = "PA", .length = 100);
            SERVER_SENDS(&client, .at = 1.12 + i, .flags = "RA");
        }
        const struct diagnosis *diagnosis = scene_diagnose(scene, 30);
        assert_int_equal(diagnosis->count, 1);
        const struct verdict *verdict = &diagnosis->findings[0]->verdict;
        assert_int_equal(verdict->place, APPLICATION);
        assert_int_equal(strstr(verdict->summary, "nobody to relay to") != NULL, !kept);
        scene_end(scene);
    }
    struct scene *scene = scene_new();
    scene->site.told = VANTAGE_SERVER;
    struct talk client = scene_talk(scene, "198.51.100.7", 50000, "192.168.53.25", 443);
    scene_success(&client, 0);
    assert_int_equal(scene_diagnose(scene, 3600)->count, 0);
    scene_end(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drop_on_the_servers_own_host),
        cmocka_unit_test(refusal_by_the_servers_own_host),
        cmocka_unit_test(reset_that_came_from_next_door),
        cmocka_unit_test(prohibited_by_the_clients_gateway),
        cmocka_unit_test(no_route_beyond_the_provider),
        cmocka_unit_test(routing_loop),
        cmocka_unit_test(server_that_accepts_and_says_nothing),
        cmocka_unit_test(closed_udp_port),
        cmocka_unit_test(server_that_is_down_on_the_same_link),
        cmocka_unit_test(silent_drop_seen_from_the_client_names_two),
        cmocka_unit_test(healthy_scene_has_no_finding),
        cmocka_unit_test(ids_depend_on_what_failed_alone),
        cmocka_unit_test(a_diagnosis_can_be_repeated),
        cmocka_unit_test(client_port_is_told_for_a_single_attempt_only),
        cmocka_unit_test(peer_that_never_appeared),
        cmocka_unit_test(peer_that_appeared_is_no_absence),
        cmocka_unit_test(absence_in_an_empty_capture),
        cmocka_unit_test(nobody_to_relay_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
