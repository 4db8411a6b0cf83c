/* Where a capture was taken, from what it shows. */
#include "tests/unit/scene.h"

struct view {
    const char *client, *server;
    uint8_t client_hop_limit, server_hop_limit;
};

/* What the capture's diagnosis says of its own place. */
static struct vantage_estimate estimate_of(struct scene *scene)
{
    struct vantage_estimate estimate = scene_diagnose(scene, 60)->vantage;
    double sum = 0;
    size_t position = 0;
    const struct attempt *attempt = tracker_next_attempt(scene->tracker, &position);
    const struct vantage_context context = {.tracker = scene->tracker, .site = &scene->site};
    struct vantage_belief belief;
    vantage_of_attempt(&context, attempt, &belief);
    for (int v = 0; v < VANTAGES; v++)
        sum += belief.probability[v];
    assert_true(sum > 0.999 && sum < 1.001);
    assert_true(estimate.because_count > 0);
    return estimate;
}

static void expect_vantage(struct scene *scene, enum vantage vantage)
{
    struct vantage_estimate estimate = estimate_of(scene);
    assert_string_equal(vantage_words[estimate.kind], vantage_words[vantage]);
    scene_end(scene);
}

static struct talk seen_as(struct scene *scene, const struct view *view, uint16_t port)
{
    struct talk talk = scene_talk(scene, view->client, port, view->server, 5800);
    talk.hop_limit[INITIATOR] = view->client_hop_limit;
    talk.hop_limit[RESPONDER] = view->server_hop_limit;
    return talk;
}

/* Four healthy connections as they look from one place. */
static struct scene *healthy(const struct view *view)
{
    struct scene *scene = scene_new();
    for (uint16_t i = 0; i < 4; i++) {
        struct talk talk = seen_as(scene, view, (uint16_t)(50000 + i));
        scene_success(&talk, i);
    }
    return scene;
}

static void on_the_clients_host(void **state)
{
    (void)state;
    struct scene *scene = healthy(&(struct view){"10.0.0.7", "203.0.113.2", 64, 53});
    struct talk web = scene_talk(scene, "10.0.0.7", 51000, "198.51.100.9", 443);
    web.hop_limit[RESPONDER] = 55;
    scene_success(&web, 5);
    struct vantage_estimate estimate = estimate_of(scene);
    assert_true(estimate.has_host);
    struct ip_address client = scene_address("10.0.0.7");
    assert_true(ip_equal(&estimate.host, &client));
    expect_vantage(scene, VANTAGE_CLIENT);
}

static void on_the_servers_host(void **state)
{
    (void)state;
    struct scene *scene = healthy(&(struct view){"198.51.100.7", "192.168.1.10", 53, 64});
    struct talk other =
        seen_as(scene, &(struct view){"198.51.100.8", "192.168.1.10", 55, 64}, 1024);
    scene_success(&other, 5);
    expect_vantage(scene, VANTAGE_SERVER);
}

static void between_the_clients_network_and_the_internet(void **state)
{
    (void)state;
    struct scene *scene = healthy(&(struct view){"198.51.100.1", "203.0.113.2", 63, 55});
    struct talk other = seen_as(scene, &(struct view){"198.51.100.1", "203.0.113.9", 63, 58}, 1024);
    scene_success(&other, 5);
    struct talk third = scene_talk(scene, "198.51.100.2", 1024, "192.0.2.9", 443);
    third.hop_limit[INITIATOR] = 63;
    scene_success(&third, 5);
    expect_vantage(scene, VANTAGE_EGRESS_WAN);
}

static void before_the_servers_edge(void **state)
{
    (void)state;
    struct scene *scene = healthy(&(struct view){"198.51.100.7", "203.0.113.2", 55, 63});
    struct talk third = scene_talk(scene, "198.51.100.2", 1024, "203.0.113.3", 443);
    third.hop_limit[INITIATOR] = 52;
    third.hop_limit[RESPONDER] = 63;
    scene_success(&third, 5);
    expect_vantage(scene, VANTAGE_EDGE_WAN);
}

static void lan_of_the_client_with_other_hosts(void **state)
{
    (void)state;
    struct scene *scene = healthy(&(struct view){"10.0.0.7", "203.0.113.2", 64, 53});
    struct talk other = scene_talk(scene, "10.0.0.8", 51000, "198.51.100.9", 443);
    other.hop_limit[RESPONDER] = 55;
    scene_success(&other, 5);
    expect_vantage(scene, VANTAGE_EGRESS_LAN);
}

/* A host captures its own traffic in both IP versions, on the loopback, and what the link shouts.
 */
static void other_family_loopback_and_groups_do_not_deny_the_client(void **state)
{
    (void)state;
    struct scene *scene = healthy(&(struct view){"10.0.0.7", "203.0.113.2", 64, 53});
    struct talk v6 = scene_talk(scene, "2001:db8::7", 51000, "2001:db8:1::9", 443);
    scene_success(&v6, 5);
    struct talk loop = scene_talk(scene, "127.0.0.1", 51001, "127.0.0.1", 631);
    scene_success(&loop, 6);
    struct talk mdns = scene_talk(scene, "10.0.0.99", 5353, "224.0.0.251", 5353);
    CLIENT_SENDS(&mdns, .at = 7, .length = 40);
    struct talk netbios = scene_talk(scene, "10.0.0.98", 137, "10.0.0.255", 137);
    memset(netbios.mac[RESPONDER], 0xff, 6);
    CLIENT_SENDS(&netbios, .at = 7, .length = 40);
    struct talk link = scene_talk(scene, "fe80::7", 546, "fe80::1", 547);
    CLIENT_SENDS(&link, .at = 7, .length = 40);
    expect_vantage(scene, VANTAGE_CLIENT);
}

static struct scene *gateway(const char *client, const char *server, uint8_t hop_limit)
{
    struct scene *scene = scene_new();
    struct talk before = scene_talk(scene, "192.168.1.7", 50000, "203.0.113.2", 5800);
    struct talk after = scene_talk(scene, client, 50000, server, 5800);
    CLIENT_SENDS(&before, .at = 0, .flags = "S", .id = 9, .hop_limit = hop_limit);
    CLIENT_SENDS(&after, .at = 0.0001, .flags = "S", .id = 9,
                 .hop_limit = (uint8_t)(hop_limit - 1));
    return scene;
}

static void gateway_with_source_nat(void **state)
{
    (void)state;
    expect_vantage(gateway("198.51.100.1", "203.0.113.2", 64), VANTAGE_EGRESS_ANY);
}

static void gateway_with_a_port_forward(void **state)
{
    (void)state;
    expect_vantage(gateway("192.168.1.7", "172.16.0.2", 55), VANTAGE_EDGE_ANY);
}

static void gateway_without_nat_is_told_by_the_nearer_end(void **state)
{
    (void)state;
    expect_vantage(gateway("192.168.1.7", "203.0.113.2", 64), VANTAGE_EGRESS_ANY);
    expect_vantage(gateway("192.168.1.7", "203.0.113.2", 55), VANTAGE_EDGE_ANY);
}

static void what_the_user_says_is_certain(void **state)
{
    (void)state;
    struct scene *scene = healthy(&(struct view){"10.0.0.7", "203.0.113.2", 64, 53});
    scene->site.told = VANTAGE_ISP;
    struct vantage_estimate estimate = estimate_of(scene);
    assert_true(estimate.confidence == 1);
    expect_vantage(scene, VANTAGE_ISP);
}

static void own_address_of_the_interface_is_certain(void **state)
{
    (void)state;
    struct scene *scene = healthy(&(struct view){"10.0.0.7", "10.0.0.2", 64, 64});
    scene->site.local[scene->site.local_count++] = scene_address("10.0.0.2");
    struct vantage_estimate estimate = estimate_of(scene);
    assert_true(estimate.confidence > 0.99);
    expect_vantage(scene, VANTAGE_SERVER);
}

static void local_net_speaks_for_its_side(void **state)
{
    (void)state;
    struct scene *with = healthy(&(struct view){"10.0.0.7", "10.9.0.2", 62, 62});
    ip_network_parse("10.9.0.0/16", &with->site.local_net[with->site.local_net_count++]);
    enum vantage kind = estimate_of(with).kind;
    assert_true(kind == VANTAGE_SERVER || kind == VANTAGE_EDGE_LAN || kind == VANTAGE_EDGE_WAN);
    scene_end(with);
}

/* --- what ARP tells of an unanswered SYN between public addresses --- */

static const uint8_t near_router[6] = {2, 0, 0, 0, 0, 0xc}, far_router[6] = {2, 0, 0, 0, 0, 0x5};

/* A SYN that nobody answers, seen after `hops` routers. */
static struct scene *silent(uint8_t hops)
{
    struct scene *scene = scene_new();
    struct talk talk = scene_talk(scene, "198.51.100.7", 50000, "203.0.113.2", 5800);
    talk.hop_limit[INITIATOR] = (uint8_t)(64 - hops);
    scene_unanswered(&talk, 1, 4);
    return scene;
}

static void both_macs_are_routers_on_the_way(void **state)
{
    (void)state;
    struct scene *scene = silent(2);
    scene_arp_with(scene, 0, 1, "198.18.0.1", "198.18.0.2", near_router, LINK_UNKNOWN);
    scene_arp_with(scene, 0, 2, "198.18.0.2", "198.18.0.1", far_router, LINK_UNKNOWN);
    expect_vantage(scene, VANTAGE_ISP);
}

static void clients_address_on_the_link_one_router_away_is_its_nat(void **state)
{
    (void)state;
    struct scene *scene = silent(1);
    scene_arp_with(scene, 0, 1, "198.51.100.7", "198.51.100.1", near_router, LINK_UNKNOWN);
    scene_arp_with(scene, 0, 2, "198.51.100.1", "198.51.100.7", far_router, LINK_UNKNOWN);
    expect_vantage(scene, VANTAGE_EGRESS_WAN);
}

static void servers_address_on_the_link_one_router_away_is_its_nat(void **state)
{
    (void)state;
    struct scene *scene = silent(9);
    scene_arp_with(scene, 0, 2, "203.0.113.2", "203.0.113.1", far_router, LINK_UNKNOWN);
    struct talk web = scene_talk(scene, "192.0.2.9", 40000, "203.0.113.2", 80);
    web.hop_limit[INITIATOR] = 50;
    web.hop_limit[RESPONDER] = 127;
    scene_success(&web, 2);
    expect_vantage(scene, VANTAGE_EDGE_WAN);
}

/* With public addresses the edge's outer link and a server's own look alike; both remain. */
static void servers_address_on_the_link_may_be_its_own(void **state)
{
    (void)state;
    struct scene *scene = silent(9);
    scene_arp_with(scene, 0, 1, "203.0.113.1", "203.0.113.2", near_router, LINK_UNKNOWN);
    scene_arp_with(scene, 0, 2, "203.0.113.2", "203.0.113.1", far_router, LINK_UNKNOWN);
    struct vantage_estimate estimate = estimate_of(scene);
    assert_true(estimate.kind == VANTAGE_EDGE_WAN || estimate.kind == VANTAGE_SERVER);
    assert_true(estimate.confidence < 0.8);
    scene_end(scene);
}

/* MLD: what the card listens to (RFC 3810). */
static void reports(struct scene *scene, double at, const uint8_t mac[6], const uint8_t *report,
                    uint32_t length)
{
    struct ip_address from = scene_address("fe80::2"), to = scene_address("ff02::16");
    struct packet packet = scene_ip(&from, &to, 1);
    packet.kind = PACKET_ICMP;
    packet.has_mac = true;
    memcpy(packet.source_mac, mac, sizeof packet.source_mac);
    packet.icmp = (struct icmp_header){.type = report[0], .class_ = ICMP_INFORMATION};
    packet.transport = report;
    packet.transport_captured = length;
    scene_feed(scene, &packet, at);
}

/* ... unless the address's card listens to all routers: then the edge's it is. */
static void servers_address_of_a_router_is_the_edges(void **state)
{
    (void)state;
    static const uint8_t listens[28] = {143, [7] = 1, 4, [12] = 0xff, 0x02, [27] = 2};
    struct scene *scene = silent(9);
    scene_arp_with(scene, 0, 1, "203.0.113.1", "203.0.113.2", near_router, LINK_UNKNOWN);
    scene_arp_with(scene, 0, 2, "203.0.113.2", "203.0.113.1", far_router, LINK_UNKNOWN);
    reports(scene, 0, far_router, listens, sizeof listens);
    assert_true(estimate_of(scene).confidence > 0.8);
    expect_vantage(scene, VANTAGE_EDGE_WAN);
}

/* Nothing was taken off the TTL, as in networks of clouds, yet the frames go to a router. */
static void router_that_leaves_the_ttl_alone(void **state)
{
    (void)state;
    for (int routed = 0; routed < 2; routed++) {
        struct scene *scene = scene_new();
        struct talk talk = scene_talk(scene, "10.0.1.7", 50000, "10.0.2.9", 5800);
        if (routed)
            scene_arp_with(scene, 0, 2, "10.0.1.1", "10.0.1.7", far_router, LINK_UNKNOWN);
        scene_success(&talk, 1);
        struct study *study = scene_study(scene, 60);
        neighbours_gather(scene->tracker, &study->vantage.neighbours);
        assert_int_equal(vantage_same_link(&study->vantage, scene_attempt(scene, 1)), !routed);
        scene_study_end(study);
        scene_end(scene);
    }
}

/* Both addresses private, and between the gateways all the same. */
static void packets_inside_a_tunnel_are_between_the_gateways(void **state)
{
    (void)state;
    for (int incoming = 0; incoming < 2; incoming++) {
        struct scene *scene = scene_new();
        struct talk talk = scene_talk(scene, "10.0.0.7", 50000, "10.1.0.2", 5800);
        talk.hop_limit[INITIATOR] = 63;
        for (int i = 0; i < 4; i++)
            CLIENT_SENDS(&talk, .at = i + i * i, .flags = "S", .tunnelled = true,
                         .direction = incoming ? LINK_IN : LINK_UNKNOWN);
        struct vantage_estimate estimate = estimate_of(scene);
        assert_true(incoming
                        ? estimate.kind == VANTAGE_EDGE_ANY
                        : estimate.kind == VANTAGE_EGRESS_WAN || estimate.kind == VANTAGE_EDGE_WAN);
        scene_end(scene);
    }
}

static void neighbours_have_a_cap(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct neighbours *neighbours = calloc(1, sizeof *neighbours);
    assert_non_null(neighbours);
    for (int i = 0; i < NEIGHBOURS_MAX + 10; i++) {
        char address[IP_ADDRESS_TEXT];
        const uint8_t mac[6] = {2, 0, 0, 9, (uint8_t)(i >> 8), (uint8_t)i};
        snprintf(address, sizeof address, "10.7.%d.%d", i >> 8, i & 255);
        scene_arp_with(scene, i, 2, address, "10.7.255.1", mac, LINK_UNKNOWN);
    }
    neighbours_gather(scene->tracker, neighbours);
    assert_int_equal(neighbours->count, NEIGHBOURS_MAX);
    free(neighbours);
    scene_end(scene);
}

/* Captured on "any": this box answers ARP for one address, which is neither end's. */
static void box_with_an_address_of_its_own_is_a_router(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = scene_talk(scene, "10.0.0.7", 50000, "10.1.0.2", 5800);
    scene_arp_with(scene, 0, 1, "10.0.0.7", "10.0.0.1", near_router, LINK_IN);
    scene_arp_with(scene, 0, 2, "10.0.0.1", "10.0.0.7", far_router, LINK_OUT);
    scene_arp_with(scene, 0, 1, "10.1.0.9", "10.1.0.2", far_router, LINK_IN);
    for (int i = 0; i < 4; i++)
        CLIENT_SENDS(&talk, .at = i + i * i, .flags = "S", .direction = LINK_IN);
    expect_vantage(scene, VANTAGE_EGRESS_ANY);
}

static void box_that_answers_for_the_server_is_the_server(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = scene_talk(scene, "10.0.0.7", 50000, "10.1.0.2", 5800);
    talk.hop_limit[INITIATOR] = 62;
    scene_arp_with(scene, 0, 2, "10.1.0.2", "10.1.0.1", far_router, LINK_OUT);
    for (int i = 0; i < 4; i++)
        CLIENT_SENDS(&talk, .at = i + i * i, .flags = "S", .direction = LINK_IN);
    expect_vantage(scene, VANTAGE_SERVER);
}

static void nat_told_by_the_user_speaks_for_its_side(void **state)
{
    (void)state;
    const struct nat_mapping told = {.public_side = scene_address("203.0.113.2"),
                                     .private_side = scene_address("10.9.0.2")};
    for (int inside = 0; inside < 2; inside++) {
        struct scene *scene =
            healthy(&(struct view){"198.51.100.7", inside ? "10.9.0.2" : "203.0.113.2", 55, 62});
        scene->site.nat = &told;
        scene->site.nat_count = 1;
        struct vantage_belief belief;
        size_t position = 0;
        const struct vantage_context context = {.tracker = scene->tracker, .site = &scene->site};
        vantage_of_attempt(&context, tracker_next_attempt(scene->tracker, &position), &belief);
        double behind = belief.probability[VANTAGE_SERVER] + belief.probability[VANTAGE_EDGE_LAN];
        assert_true(inside ? behind > 0.7 : behind < 0.05);
        scene_end(scene);
    }
}

static void segments_over_the_mtu_are_seen_on_hosts(void **state)
{
    (void)state;
    double server[2];
    for (int oversized = 0; oversized < 2; oversized++) {
        struct scene *scene = healthy(&(struct view){"10.0.0.7", "10.0.0.2", 64, 64});
        struct talk talk = seen_as(scene, &(struct view){"10.0.0.7", "10.0.0.2", 64, 64}, 51000);
        scene_handshake(&talk, 5);
        SERVER_SENDS(&talk, .at = 5.1, .flags = "PA", .length = oversized ? 20000 : 1400);
        struct vantage_belief belief;
        size_t position = 0;
        const struct vantage_context context = {.tracker = scene->tracker, .site = &scene->site};
        vantage_of_attempt(&context, tracker_next_attempt(scene->tracker, &position), &belief);
        server[oversized] = belief.probability[VANTAGE_SERVER];
        scene_end(scene);
    }
    assert_true(server[1] > server[0]);
}

static void empty_capture_has_no_vantage(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    const struct diagnosis *diagnosis = scene_diagnose(scene, 0);
    assert_int_equal(diagnosis->vantage.kind, VANTAGE_UNKNOWN);
    assert_int_equal(diagnosis->count, 0);
    scene_end(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_the_clients_host),
        cmocka_unit_test(on_the_servers_host),
        cmocka_unit_test(between_the_clients_network_and_the_internet),
        cmocka_unit_test(before_the_servers_edge),
        cmocka_unit_test(lan_of_the_client_with_other_hosts),
        cmocka_unit_test(other_family_loopback_and_groups_do_not_deny_the_client),
        cmocka_unit_test(gateway_with_source_nat),
        cmocka_unit_test(gateway_with_a_port_forward),
        cmocka_unit_test(gateway_without_nat_is_told_by_the_nearer_end),
        cmocka_unit_test(what_the_user_says_is_certain),
        cmocka_unit_test(own_address_of_the_interface_is_certain),
        cmocka_unit_test(local_net_speaks_for_its_side),
        cmocka_unit_test(both_macs_are_routers_on_the_way),
        cmocka_unit_test(clients_address_on_the_link_one_router_away_is_its_nat),
        cmocka_unit_test(servers_address_on_the_link_one_router_away_is_its_nat),
        cmocka_unit_test(servers_address_on_the_link_may_be_its_own),
        cmocka_unit_test(servers_address_of_a_router_is_the_edges),
        cmocka_unit_test(router_that_leaves_the_ttl_alone),
        cmocka_unit_test(packets_inside_a_tunnel_are_between_the_gateways),
        cmocka_unit_test(neighbours_have_a_cap),
        cmocka_unit_test(box_with_an_address_of_its_own_is_a_router),
        cmocka_unit_test(box_that_answers_for_the_server_is_the_server),
        cmocka_unit_test(nat_told_by_the_user_speaks_for_its_side),
        cmocka_unit_test(segments_over_the_mtu_are_seen_on_hosts),
        cmocka_unit_test(empty_capture_has_no_vantage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
