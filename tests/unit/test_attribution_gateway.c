/* What routers give away: the one that captures both of its sides, and the client's own. */
#include "tests/unit/scene.h"

#define CLIENT "198.51.100.7"
#define EDGE   "203.0.113.2" /* public address of the edge, which forwards */
#define INSIDE "10.1.0.2"

static const uint8_t router_mac[6] = {2, 1, 1, 1, 1, 1};
static const uint8_t server_mac[6] = {2, 2, 2, 2, 2, 2};
static const uint8_t client_mac[6] = {2, 3, 3, 3, 3, 3};

/* A copy of the facts; the scene is over. */
static const struct fact *facts_at(struct scene *scene, bool on_any, double now)
{
    static struct fact facts[FACT_COUNT];
    struct study *study = scene_study(scene, now);
    study->vantage.cooked = on_any;
    neighbours_gather(scene->tracker, &study->vantage.neighbours);
    memcpy(facts, scene_facts(study), sizeof facts);
    scene_study_end(study);
    scene_end(scene);
    return facts;
}

static const struct fact *facts_of(struct scene *scene, bool on_any)
{
    return facts_at(scene, on_any, 60);
}

/* SYNs that come in, and what goes out of the other side of the NAT one router later. */
static void forwarded(struct scene *scene, const char *client, const char *outer_server,
                      uint16_t port, const char *inner_client, const char *inner_server,
                      uint16_t inner_port)
{
    struct talk outer = scene_talk(scene, client, 50000, outer_server, port);
    struct talk inner = scene_talk(scene, inner_client, 50000, inner_server, inner_port);
    inner.isn[INITIATOR] = outer.isn[INITIATOR];
    for (uint32_t i = 0; i < 3; i++) {
        CLIENT_SENDS(&outer, .at = i * 3, .flags = "S", .seq = 0, .hop_limit = 60, .id = 7 + i,
                     .direction = LINK_IN);
        CLIENT_SENDS(&inner, .at = i * 3 + 0.0001, .flags = "S", .seq = 0, .hop_limit = 59,
                     .id = 7 + i, .direction = LINK_OUT);
    }
}

static void a_forward_to_another_port(void **state)
{
    (void)state;
    static const struct {
        uint16_t port;
        int changed;
    } cases[] = {{5800, 0}, {22, 1}}; /* 22 is no product's */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        forwarded(scene, CLIENT, EDGE, 5800, CLIENT, INSIDE, cases[i].port);
        const struct fact *facts = facts_of(scene, true);
        assert_int_equal((int)facts[FACT_FORWARDED].number, 1);
        assert_true(facts[FACT_FORWARD_PORT_CHANGED].known);
        assert_int_equal((int)facts[FACT_FORWARD_PORT_CHANGED].number, cases[i].changed);
        assert_int_equal((int)facts[FACT_SENT_OUT_PRIVATE].number, 0);
    }
}

/* The same sequence number to a port of nobody's, but not of the same client, not one router later,
 * or not on its way out: another connection. */
static void no_forward_at_all(void **state)
{
    (void)state;
    static const struct {
        const char *client;
        uint8_t hop_limit;
        enum link_direction direction;
    } cases[] = {{"198.51.100.8", 59, LINK_OUT}, {CLIENT, 60, LINK_OUT}, {CLIENT, 59, LINK_IN}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        struct talk outer = scene_talk(scene, CLIENT, 50000, EDGE, 5800);
        struct talk other = scene_talk(scene, cases[i].client, 50000, INSIDE, 22);
        other.isn[INITIATOR] = outer.isn[INITIATOR];
        CLIENT_SENDS(&outer, .at = 0, .flags = "S", .hop_limit = 60, .direction = LINK_IN);
        assert_null(CLIENT_SENDS(&other, .at = 0.0001, .flags = "S",
                                 .hop_limit = cases[i].hop_limit, .direction = cases[i].direction));
        scene_end(scene);
    }
}

static void a_private_address_sent_out(void **state)
{
    (void)state;
    static const struct {
        const char *outside, *server;
        int sent;
    } cases[] = {
        {"203.0.113.9", "192.168.7.2", 1},
        {"203.0.113.9", "198.51.100.2", 0}, /* to the Internet */
        {"10.9.9.9", "192.168.7.2", 0},     /* a NAT between private networks */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        forwarded(scene, "10.0.0.7", cases[i].server, 5800, cases[i].outside, cases[i].server,
                  5800);
        assert_int_equal((int)facts_of(scene, true)[FACT_SENT_OUT_PRIVATE].number, cases[i].sent);
    }
}

/* The edge has a forward, and nobody is where it leads. */
static void an_address_inside_that_nobody_answers_for(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int asked;    /* for the address inside */
        double from;  /* when first; the SYNs come from 1 on */
        bool another; /* somebody else is asked for as well */
        bool on_any;
        const char *word;
    } cases[] = {
        {"asked in vain", 3, 1.1, false, true, "unanswered"},
        {"once says nothing", 1, 1.1, false, true, "unknown"},
        {"asked before there was a request", 3, 0.1, false, true, "unknown"},
        {"which of the two is meant?", 3, 1.1, true, true, "unknown"},
        {"no gateway's capture", 3, 1.1, false, false, "unknown"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        struct talk talk = scene_talk(scene, CLIENT, 50000, EDGE, 5800);
        double at = cases[i].from;
        if (at < 1)
            scene_arp_with(scene, at, 1, "10.1.0.1", INSIDE, router_mac, LINK_OUT);
        CLIENT_SENDS(&talk, .at = 1, .flags = "S", .direction = LINK_IN);
        for (int n = 0; n < cases[i].asked; n++) {
            scene_arp_with(scene, 1.1 + n, 1, "10.1.0.1", INSIDE, router_mac, LINK_OUT);
            if (cases[i].another)
                scene_arp_with(scene, 1.2 + n, 1, "10.1.0.1", "10.1.0.3", router_mac, LINK_OUT);
        }
        CLIENT_SENDS(&talk, .at = 4.5, .flags = "S", .seq = 0, .direction = LINK_IN);
        CLIENT_SENDS(&talk, .at = 8, .flags = "S", .seq = 0, .direction = LINK_IN);
        const struct fact *facts = facts_of(scene, cases[i].on_any);
        if (strcmp(fact_word(facts, FACT_ARP_INSIDE), cases[i].word) != 0)
            fail_msg("%s: %s", cases[i].what, fact_word(facts, FACT_ARP_INSIDE));
    }
}

static void a_gateway_that_went(void **state)
{
    (void)state;
    static const struct {
        int asked;
        bool answers_at_last;
        const char *word;
    } cases[] = {{3, false, "unanswered"}, {2, false, "unknown"}, {3, true, "unknown"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        struct talk talk = scene_talk(scene, "10.0.0.7", 50000, EDGE, 5800);
        memcpy(talk.mac[INITIATOR], client_mac, 6);
        memcpy(talk.mac[RESPONDER], router_mac, 6);
        scene_arp_with(scene, 0, 1, "10.0.0.7", "10.0.0.1", client_mac, LINK_UNKNOWN);
        scene_arp_with(scene, 0.001, 2, "10.0.0.1", "10.0.0.7", router_mac, LINK_UNKNOWN);
        CLIENT_SENDS(&talk, .at = 1, .flags = "S");
        for (int n = 0; n < cases[i].asked; n++)
            scene_arp_with(scene, 2 + n, 1, "10.0.0.7", "10.0.0.1", client_mac, LINK_UNKNOWN);
        if (cases[i].answers_at_last)
            scene_arp_with(scene, 5, 2, "10.0.0.1", "10.0.0.7", router_mac, LINK_UNKNOWN);
        CLIENT_SENDS(&talk, .at = 6, .flags = "S", .seq = 0);
        CLIENT_SENDS(&talk, .at = 12, .flags = "S", .seq = 0);
        assert_string_equal(fact_word(facts_of(scene, false), FACT_ARP_GATEWAY), cases[i].word);
    }
}

/* The request has just come from one router, and the server asks for another one. */
static void a_server_that_answers_another_way(void **state)
{
    (void)state;
    static const struct {
        const char *asked;
        double after_s;
        const char *word;
    } cases[] = {
        {"10.1.0.254", 0.01, "another-router"},
        {"10.1.0.1", 0.01, "unknown"},  /* the one that it came by */
        {"10.1.0.254", 2.5, "unknown"}, /* for something else */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        struct talk talk = scene_talk(scene, CLIENT, 50000, INSIDE, 5800);
        scene_arp_with(scene, 0, 1, "10.1.0.1", INSIDE, router_mac, LINK_UNKNOWN);
        scene_arp_with(scene, 0.001, 2, INSIDE, "10.1.0.1", server_mac, LINK_UNKNOWN);
        CLIENT_SENDS(&talk, .at = 1, .flags = "S", .hop_limit = 60, .mac = router_mac);
        scene_arp_with(scene, 1 + cases[i].after_s, 1, INSIDE, cases[i].asked, server_mac,
                       LINK_UNKNOWN);
        CLIENT_SENDS(&talk, .at = 4, .flags = "S", .seq = 0, .hop_limit = 60, .mac = router_mac);
        CLIENT_SENDS(&talk, .at = 10, .flags = "S", .seq = 0, .hop_limit = 60, .mac = router_mac);
        assert_string_equal(fact_word(facts_of(scene, false), FACT_ARP_SERVER_ASKS), cases[i].word);
    }
}

/* On the edge, the public address is answered for by the edge itself: of the server that says
 * nothing. */
static void the_edge_answers_arp_for_itself(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = scene_talk(scene, CLIENT, 50000, EDGE, 5800);
    scene_arp_with(scene, 0, 1, "203.0.113.1", EDGE, client_mac, LINK_IN);
    scene_arp_with(scene, 0.001, 2, EDGE, "203.0.113.1", router_mac, LINK_OUT);
    scene_unanswered(&talk, 1, 4);
    assert_string_equal(fact_word(facts_of(scene, true), FACT_ARP_SERVER), "unknown");
}

/* A gateway, captured on both sides: packets come in and leave one router later, on the other side
 * of a NAT under another address. */
struct gateway {
    struct talk near, far;
    bool nat;
    double at;
    uint32_t said; /* by the client */
};

static void pass(struct gateway *gateway, enum side from, struct step step, bool leaves)
{
    struct talk *far = gateway->nat ? &gateway->far : &gateway->near;
    struct talk *in = from == INITIATOR ? &gateway->near : far;
    struct talk *out = from == INITIATOR ? far : &gateway->near;
    step.id = ++gateway->near.scene->next_id;
    step.at = gateway->at;
    step.hop_limit = 60;
    step.direction = LINK_IN;
    step.if_index = from == INITIATOR ? 1 : 2;
    scene_send(in, from, step);
    step.at += 0.0001;
    step.hop_limit--;
    step.direction = LINK_OUT;
    step.if_index = from == INITIATOR ? 2 : 1;
    if (leaves)
        scene_send(out, from, step);
    gateway->at += 0.02;
}

/* With a connection that has come about. */
static struct gateway open_gateway(struct scene *scene, bool nat)
{
    struct gateway gateway = {.nat = nat, .said = 1};
    gateway.near = scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", 5800);
    gateway.far = scene_talk(scene, "198.51.100.1", 50000, "203.0.113.2", 5800);
    memcpy(gateway.far.isn, gateway.near.isn, sizeof gateway.far.isn);
    pass(&gateway, INITIATOR, (struct step){.flags = "S"}, true);
    pass(&gateway, RESPONDER, (struct step){.flags = "SA", .ack = 1}, true);
    pass(&gateway, INITIATOR, (struct step){.flags = "A", .seq = 1, .ack = 1}, true);
    return gateway;
}

static void client_says(struct gateway *gateway, uint32_t seq, bool leaves)
{
    pass(gateway, INITIATOR, (struct step){.flags = "PA", .length = 1000, .seq = seq, .ack = 1},
         leaves);
}

static void server_confirms(struct gateway *gateway, uint32_t ack, bool leaves)
{
    pass(gateway, RESPONDER, (struct step){.flags = "A", .seq = 1, .ack = ack}, leaves);
}

/* An upload that falls silent. What was under way before had left. */
static const struct fact *upload_that_stops(bool nat, bool requests_leave, bool replies_come,
                                            bool replies_leave)
{
    enum { SEGMENTS = 100, UNDER_WAY = 3, REPEATS = 5 };
    struct scene *scene = scene_new();
    struct gateway gateway = open_gateway(scene, nat);
    for (int i = 0; i < SEGMENTS; i++) {
        client_says(&gateway, gateway.said, true);
        server_confirms(&gateway, gateway.said += 1000, true);
    }
    for (uint32_t i = 0; i < UNDER_WAY; i++)
        client_says(&gateway, gateway.said + i * 1000, true);
    if (replies_come)
        server_confirms(&gateway, gateway.said + UNDER_WAY * 1000, replies_leave);
    if (replies_leave)
        gateway.said += UNDER_WAY * 1000;
    for (int i = 0; i < REPEATS; i++) {
        gateway.at += 1 << i;
        client_says(&gateway, gateway.said, requests_leave);
        if (replies_come && requests_leave)
            server_confirms(&gateway, gateway.said + UNDER_WAY * 1000, replies_leave);
    }
    return facts_of(scene, true);
}

static void a_transfer_that_dies_in_the_gateway_or_beyond(void **state)
{
    (void)state;
    static const struct {
        bool requests_leave, replies_come, replies_leave;
        bool swallowed;
    } cases[] = {
        {true, false, false, false}, /* beyond */
        {false, false, false, false}, {false, true, false, true}, {true, true, false, true},
        {false, true, true, false}, /* only what the client sends is kept back */
    };
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        bool nat = i % 2;
        const struct fact *facts =
            upload_that_stops(nat, cases[i / 2].requests_leave, cases[i / 2].replies_come,
                              cases[i / 2].replies_leave);
        assert_string_equal(fact_word(facts, FACT_STALL_FROM), "initiator");
        assert_true(facts[FACT_FORWARDED].known);
        assert_int_equal((int)facts[FACT_FORWARDED].number, cases[i / 2].requests_leave);
        assert_int_equal((int)facts[FACT_REPLY_SWALLOWED].number, cases[i / 2].swallowed);
    }
}

/* A capture that ends between an answer that comes in and its copy that leaves. */
static void an_answer_that_comes_last_is_not_kept_back(void **state)
{
    (void)state;
    for (int later = 0; later < 2; later++) {
        struct scene *scene = scene_new();
        struct gateway gateway = open_gateway(scene, true);
        client_says(&gateway, 1, true);
        pass(&gateway, RESPONDER, (struct step){.flags = "RA", .seq = 1, .ack = 1001}, true);
        server_confirms(&gateway, 1001, false);
        const struct fact *facts = facts_at(scene, true, later ? 60 : gateway.at);
        assert_true(facts[FACT_REPLY_SWALLOWED].known);
        assert_int_equal((int)facts[FACT_REPLY_SWALLOWED].number, later);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forward_to_another_port),
        cmocka_unit_test(no_forward_at_all),
        cmocka_unit_test(a_private_address_sent_out),
        cmocka_unit_test(an_address_inside_that_nobody_answers_for),
        cmocka_unit_test(a_gateway_that_went),
        cmocka_unit_test(a_server_that_answers_another_way),
        cmocka_unit_test(the_edge_answers_arp_for_itself),
        cmocka_unit_test(a_transfer_that_dies_in_the_gateway_or_beyond),
        cmocka_unit_test(an_answer_that_comes_last_is_not_kept_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
