#include "tests/unit/test_dissect_frame.h"

#define SYN   IP4("0028", "06") TCP_SYN_20 /* 40 bytes */
#define SYN6  IP6("0014", "06") TCP_SYN_20 /* 60 bytes */
#define FRAME ETHERNET_IP4 SYN             /* 54 bytes */
/* The outside has other addresses: 10.0.0.1 to 10.0.0.2. */
#define OUTER4(total, protocol) "4500 " total " 0000 0000 20 " protocol " 0000 0a000001 0a000002 "
#define OUTER6(payload, next)                                                                      \
    "60000000 " payload next                                                                       \
    " 3f fd000000000000000000000000000001 fd000000000000000000000000000002 "
#define UDP(port, length) "d431 " port length " 0000 "

static void every_tunnel_reaches_the_packet(void **state)
{
    (void)state;
    static const struct {
        const char *name, *frame;
        uint16_t tunnels;
    } cases[] = {
        {"IP in IP", OUTER4("003c", "04") SYN, TUNNEL_IPIP},
        {"6in4", OUTER4("0050", "29") SYN6, TUNNEL_IPIP},
        {"4in6", OUTER6("0028", "04") SYN, TUNNEL_IPIP},
        {"6in6", OUTER6("003c", "29") SYN6, TUNNEL_IPIP},
        {"GRE", OUTER4("0040", "2f") "0000 0800" SYN, TUNNEL_GRE},
        {"GRE over IPv6", OUTER6("0040", "2f") "0000 86dd" SYN6, TUNNEL_GRE},
        {"GRE with all fields", OUTER4("004c", "2f") "b000 0800 12340000 00000001 00000002" SYN,
         TUNNEL_GRE},
        {"GRE, Ethernet", OUTER4("004e", "2f") "0000 6558" FRAME, TUNNEL_GRE},
        {"GRE, PPTP",
         OUTER4("0050", "2f") "3081 880b 002c0001 00000001 00000002 ff03"
                              "0021" SYN,
         TUNNEL_GRE},
        {"GRE, MPLS", OUTER4("0044", "2f") "0000 8847 00064140" SYN, TUNNEL_GRE | TUNNEL_MPLS},
        {"ERSPAN I", OUTER4("004e", "2f") "0000 88be" FRAME, TUNNEL_GRE},
        {"ERSPAN II", OUTER4("005a", "2f") "1000 88be 00000001 1064 0001 00000000" FRAME,
         TUNNEL_GRE},
        {"ERSPAN III", OUTER4("005e", "2f") "1000 22eb 00000001 2064 0001 00000000 0000 0000" FRAME,
         TUNNEL_GRE},
        {"ERSPAN III, more fields",
         OUTER4("0066",
                "2f") "1000 22eb 00000001 2064 0001 00000000 0000 0001 0000000000000000" FRAME,
         TUNNEL_GRE},
        {"ERSPAN III, IP",
         OUTER4("0050", "2f") "1000 22eb 00000001 2064 0001 00000000 0000 0800" SYN, TUNNEL_GRE},
        {"VXLAN", OUTER4("005a", "11") UDP("12b5", "0046") "08000000 00002a00" FRAME, TUNNEL_VXLAN},
        {"VXLAN, group policy", OUTER4("005a", "11") UDP("12b5", "0046") "88000007 00002a00" FRAME,
         TUNNEL_VXLAN},
        {"VXLAN, Linux' port", OUTER4("005a", "11") UDP("2118", "0046") "08000000 00002a00" FRAME,
         TUNNEL_VXLAN},
        {"GENEVE", OUTER4("005a", "11") UDP("17c1", "0046") "0000 6558 00002a00" FRAME,
         TUNNEL_GENEVE},
        {"GENEVE with options, IP",
         OUTER4("0054", "11") UDP("17c1", "0040") "0240 0800 00002a00 0102800100000001" SYN,
         TUNNEL_GENEVE},
        {"GTP-U", OUTER4("004c", "11") UDP("0868", "0038") "30ff 0028 00000001" SYN, TUNNEL_GTPU},
        {"GTP-U with a sequence number",
         OUTER4("0050", "11") UDP("0868", "003c") "32ff 002c 00000001 0001 00 00" SYN, TUNNEL_GTPU},
        {"GTP-U with an extension",
         OUTER4("0054", "11") UDP("0868", "0040") "34ff 0030 00000001 0000 00 85 01 0009 00" SYN,
         TUNNEL_GTPU},
        {"MPLS in IP", OUTER4("0040", "89") "00064140" SYN, TUNNEL_MPLS},
        {"MPLS in UDP", OUTER4("0048", "11") UDP("19eb", "0034") "00064140" SYN, TUNNEL_MPLS},
        {"VXLAN in IP in IP",
         OUTER4("006e", "04") IP4("005a", "11") UDP("12b5", "0046") "08000000 00002a00" FRAME,
         TUNNEL_IPIP | TUNNEL_VXLAN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_frame frame = test_dissect(LINK_RAW, cases[i].frame);
        const struct packet *packet = &frame.packet;
        if (packet->kind != PACKET_TCP)
            fail_msg("%s: kind %d", cases[i].name, (int)packet->kind);
        assert_syn(packet);
        assert_int_equal(packet->tunnels, cases[i].tunnels);
        bool outer6 = frame.bytes[0] >> 4 == 6;
        assert_address(&packet->tunnel_source, outer6 ? "fd00::1" : "10.0.0.1");
        assert_address(&packet->tunnel_destination, outer6 ? "fd00::2" : "10.0.0.2");
        assert_address(&packet->ip.source, packet->ip.version == 6 ? "2001:db8::1" : "192.0.2.1");
        assert_int_equal(packet->payload_length, 0);
        test_frame_free(&frame);
    }
}

static void tunnels_below_ip(void **state)
{
    (void)state;
    static const struct {
        const char *name, *frame;
        uint16_t tunnels;
    } cases[] = {
        {"PPPoE", MACS "8864 1100 0001 002a 0021" SYN, TUNNEL_PPPOE},
        {"PPPoE, v6, padded", MACS "8864 1100 0001 003e 0057" SYN6 "0000", TUNNEL_PPPOE},
        {"MPLS", MACS "8847 00064140" SYN, TUNNEL_MPLS},
        {"MPLS, three labels", MACS "8847 00064040 00065040 00066140" SYN6, TUNNEL_MPLS},
        {"MPLS multicast", MACS "8848 00064140" SYN, TUNNEL_MPLS},
        {"pseudowire, control word", MACS "8847 00064140 00000000" FRAME, TUNNEL_MPLS},
        {"MPLS, header checksum right",
         MACS "8847 00064140 4500 0028 1234 4000 40 06 3c65 " CLIENT4 SERVER4 TCP_SYN_20,
         TUNNEL_MPLS},
        {"pseudowire", MACS "8847 00064140" FRAME, TUNNEL_MPLS},
        {"pseudowire to an address like IPv4",
         MACS "8847 00064140 4500000000b2 0200000000a1 0800" SYN, TUNNEL_MPLS},
        {"pseudowire to an address like IPv6",
         MACS "8847 00064140 6400000000b2 0200000000a1 0800" SYN, TUNNEL_MPLS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_frame frame = test_dissect(LINK_ETHERNET, cases[i].frame);
        if (frame.packet.kind != PACKET_TCP)
            fail_msg("%s: kind %d", cases[i].name, (int)frame.packet.kind);
        assert_syn(&frame.packet);
        assert_int_equal(frame.packet.tunnels, cases[i].tunnels);
        assert_address(&frame.packet.tunnel_source, "::"); /* there is no outer IP */
        test_frame_free(&frame);
    }
}

/* What looks like a tunnel's port but is none stays plain UDP, as if nothing had been tried. */
static void udp_that_is_no_tunnel(void **state)
{
    (void)state;
    static const char *const frames[] = {
        OUTER4("005a", "11") UDP("12b5", "0046") "00000000 00002a00" FRAME, /* no identifier */
        OUTER4("005a", "11") UDP("12b5", "0046") "08000100 00002a00" FRAME, /* reserved bits */
        OUTER4("005a", "11") UDP("12b5", "0046") "08000000 00002a01" FRAME,
        OUTER4("0032", "11") UDP("12b5", "001e") "08000000 00002a00" MACS "88cc", /* LLDP */
        OUTER4("005a", "11") UDP("12b5", "0046") "08000000 00002a00" ETHERNET_IP4
                                                 "0000 0028 1234 4000 40 06 0000 " CLIENT4 SERVER4
                                                     TCP_SYN_20, /* no IP inside */
        OUTER4("0024", "11") UDP("12b5", "0010") "08000000 00002a00",
        OUTER4("005a", "11") UDP("17c1", "0046") "4000 6558 00002a00" FRAME, /* version */
        OUTER4("005a", "11") UDP("17c1", "0046") "3f00 6558 00002a00" FRAME, /* options too long */
        OUTER4("004c", "11") UDP("0868", "0038") "30fe 0028 00000001" SYN,   /* end marker */
        OUTER4("004c", "11") UDP("0868", "0038") "48ff 0028 00000001" SYN,   /* GTP version 2 */
        OUTER4("0054", "11") UDP("0868", "0040") "34ff 0030 00000001 0000 00 85 00 0009 00" SYN,
        OUTER4("0028", "11") UDP("0868", "0014") "30ff 0004 00000001 00000000",
    };
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        struct test_frame frame = test_dissect(LINK_RAW, frames[i]);
        const struct packet *packet = &frame.packet;
        if (packet->kind != PACKET_UDP)
            fail_msg("case %zu: kind %d", i, (int)packet->kind);
        assert_int_equal(packet->tunnels, 0);
        assert_int_equal(packet->source_port, 0xd431);
        assert_address(&packet->ip.source, "10.0.0.1");
        assert_false(packet->has_mac);
        assert_ptr_equal(packet->ip_bytes, frame.bytes);
        assert_int_equal(packet->payload_length, frame.length - 28);
        assert_int_equal(packet->payload_captured, frame.length - 28);
        test_frame_free(&frame);
    }
}

static void broken_inside_keeps_the_outside(void **state)
{
    (void)state;
    static const char *const frames[] = {
        OUTER4("003c", "04") "4400 0028 1234 4000 40 06 0000 " CLIENT4 SERVER4 TCP_SYN_20,
        OUTER4("003c", "29") SYN,             /* says IPv6, is IPv4 */
        OUTER4("0018", "2f") "0000 0000",     /* Cisco's keepalive */
        OUTER4("0040", "2f") "4000 0800" SYN, /* routing of RFC 1701 */
        OUTER4("0040", "2f") "0002 0800" SYN, /* version */
        OUTER4("005a", "2f") "1000 88be 00000001 2064 0001 00000000" FRAME, /* ERSPAN version */
        OUTER4("0040", "89") "00064040" SYN, /* no bottom of the stack */
    };
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        struct test_frame frame = test_dissect(LINK_RAW, frames[i]);
        if (frame.packet.kind != PACKET_IP)
            fail_msg("case %zu: kind %d", i, (int)frame.packet.kind);
        assert_address(&frame.packet.ip.source, "10.0.0.1");
        assert_int_equal(frame.packet.tunnels, 0);
        test_frame_free(&frame);
    }
    assert_int_equal(test_kind(LINK_ETHERNET, MACS "8864 2100 0001 002a 0021" SYN), PACKET_OTHER);
    assert_int_equal(test_kind(LINK_ETHERNET, MACS "8864 1100 0001 0006 c021 01010004"),
                     PACKET_OTHER);
}

/* The header of the inner packet is there, its transport was cut: the inner addresses count. */
static void inner_transport_cut(void **state)
{
    (void)state;
    struct test_frame frame = test_frame_read(OUTER4("003c", "04") SYN);
    packet_dissect(LINK_RAW, frame.bytes, 44, 60, &frame.packet);
    assert_int_equal(frame.packet.kind, PACKET_IP);
    assert_address(&frame.packet.ip.source, "192.0.2.1");
    assert_int_equal(frame.packet.tunnels, TUNNEL_IPIP);
    test_frame_free(&frame);
}

static void macs_are_the_inner_ones(void **state)
{
    (void)state;
    struct test_frame frame = test_dissect(
        LINK_ETHERNET, "0a0000000002 0a0000000001 8100 0005 0800" OUTER4("005e", "11")
                           UDP("12b5", "004a") "08000000 00002a00" MACS "8100 0009 0800" SYN);
    assert_syn(&frame.packet);
    assert_int_equal(frame.packet.source_mac[0], 0x02);
    assert_int_equal(frame.packet.vlan, 5); /* the outermost */
    test_frame_free(&frame);
}

static void arp_in_a_tunnel(void **state)
{
    (void)state;
    struct test_frame frame = test_dissect(
        LINK_RAW,
        OUTER4("004e", "11") UDP("12b5", "003a") "08000000 00002a00" MACS
                                                 "0806 0001 0800 06 04 0002 0200000000a1 " CLIENT4
                                                 "000000000000 " SERVER4);
    assert_int_equal(frame.packet.kind, PACKET_ARP);
    assert_int_equal(frame.packet.tunnels, TUNNEL_VXLAN);
    test_frame_free(&frame);
}

/* IP in IP in IP ... : work is bounded, and the innermost that was reached is kept. */
static void layer_cap_is_reached(void **state)
{
    (void)state;
    char text[8000] = "";
    for (int i = 0; i < 40; i++) {
        char header[128];
        snprintf(header, sizeof header, "4500 %04x 0000 0000 %02x 04 0000 0a000001 0a000002 ",
                 (40 - i) * 20 + 40, i + 1);
        strcat(text, header);
    }
    strcat(text, SYN);
    struct test_frame frame = test_dissect(LINK_RAW, text);
    assert_int_equal(frame.packet.kind, PACKET_IP);
    assert_int_equal(frame.packet.tunnels, TUNNEL_IPIP);
    assert_in_range(frame.packet.ip.hop_limit, 6, DISSECT_LAYERS_MAX);
    test_frame_free(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tunnel_reaches_the_packet),
        cmocka_unit_test(tunnels_below_ip),
        cmocka_unit_test(udp_that_is_no_tunnel),
        cmocka_unit_test(broken_inside_keeps_the_outside),
        cmocka_unit_test(inner_transport_cut),
        cmocka_unit_test(macs_are_the_inner_ones),
        cmocka_unit_test(arp_in_a_tunnel),
        cmocka_unit_test(layer_cap_is_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
