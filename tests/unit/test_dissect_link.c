#include "tests/unit/test_dissect_frame.h"

#define SYN  IP4("0028", "06") TCP_SYN_20
#define SYN6 IP6("0014", "06") TCP_SYN_20

static void every_link_type_reaches_ip(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t link_type;
        const char *frame;
    } cases[] = {
        {"ethernet", 1, ETHERNET_IP4 SYN},
        {"ethernet, v6", 1, ETHERNET_IP6 SYN6},
        {"802.1Q", 1, MACS "8100 a064 0800" SYN},
        {"QinQ", 1, MACS "88a8 0064 8100 00c8 0800" SYN},
        {"old QinQ", 1, MACS "9100 0064 8100 00c8 86dd" SYN6},
        {"LLC SNAP", 1, MACS "0030 aaaa03 000000 0800" SYN},
        {"LLC SNAP behind VLAN", 1, MACS "8100 0064 0030 aaaa03 000000 0800" SYN},
        {"LLC, IP's own SAP", 1, MACS "002b 060603" SYN},
        {"null, little-endian", 0, "02000000" SYN},
        {"null, big-endian", 0, "0000001e" SYN6},
        {"loop", 108, "00000018" SYN6},
        {"raw", 101, SYN},
        {"raw, v6", 101, SYN6},
        {"DLT_RAW", 12, SYN},
        {"OpenBSD's DLT_RAW", 14, SYN},
        {"IPV4", 228, SYN},
        {"IPV6", 229, SYN6},
        {"PPP", 9, "ff03 0021" SYN},
        {"PPP without address", 9, "0057" SYN6},
        {"PPP, compressed protocol", 9, "21" SYN},
        {"PPP, MPLS", 9, "0281 00064140" SYN},
        {"PPP_HDLC", 50, "ff03 0021" SYN},
        {"PPP_HDLC as Cisco's", 50, "0f00 0800" SYN},
        {"PPP_ETHER", 51, "1100 0001 002a 0021" SYN},
        {"PPP_PPPD", 166, "0003 0021" SYN},
        {"PPP_WITH_DIR", 204, "01 ff03 0021" SYN},
        {"C_HDLC", 104, "0f00 0800" SYN},
        {"C_HDLC_WITH_DIR", 205, "00 0f00 86dd" SYN6},
        {"frame relay", 107, "1841 03cc" SYN},
        {"frame relay, padded", 107, "1841 0300 8e" SYN6},
        {"frame relay, SNAP", 107, "1841 0300 80 000000 0800" SYN},
        {"frame relay, Cisco's", 107, "1841 0800" SYN},
        {"SLIP", 8, "01 400000 00000000 00000000 00000000" SYN},
        {"ATM, LLC", 100, "aaaa03 000000 0800" SYN},
        {"ATM, bridged", 100, "aaaa03 0080c2 0007 0000" ETHERNET_IP4 SYN},
        {"MPLS", 219, "00064140" SYN},
        {"cooked", 113, "0000 0001 0006 0200000000a10000 0800" SYN},
        {"cooked, LLC", 113, "0000 0001 0006 0200000000a10000 0004 aaaa03 000000 0800" SYN},
        {"cooked 2", 276, "86dd 0000 00000003 0001 04 06 0200000000a10000" SYN6},
        {"IPNET", 226, "01 02 0000 00000040 00000002 00000000 00000000 00000000" SYN},
        {"NFLOG", 239, "0200 0000 0800 0100 08000100 0600 0400 61 00 0000 2c00 0900" SYN},
        {"PFLOG", 117,
         "3d 02 00 00"
         "656d3000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"
         "00000000 00000000 00000000 00000000 00000000 00000000 01 000000" SYN},
        {"ENC", 109, "02000000 00000000 00000000" SYN},
        {"PPI to raw", 192, "0000 0800 0c000000" SYN},
        {"PPI to 802.11", 192,
         "0000 0800 69000000"
         "0802 0000 0200000000b2 0200000000c3 0200000000a1 0000 aaaa03 000000 0800" SYN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_frame frame = test_dissect(cases[i].link_type, cases[i].frame);
        if (frame.packet.kind != PACKET_TCP)
            fail_msg("%s: kind %d", cases[i].name, (int)frame.packet.kind);
        assert_syn(&frame.packet);
        assert_int_equal(frame.packet.payload_length, 0);
        test_frame_free(&frame);
    }
}

static void what_is_followed_no_further(void **state)
{
    (void)state;
    static const struct {
        uint16_t link_type;
        const char *frame;
    } cases[] = {
        {1, MACS "88cc 0207"},               /* LLDP */
        {1, MACS "0026 424203 00000000"},    /* STP */
        {1, MACS "0028 ffff 0028 00000000"}, /* Novell's raw 802.3 */
        {1, MACS "05ee 4500"},               /* neither a length nor a type */
        {1, MACS "8863 1109 0000 0000"},     /* PPPoE discovery */
        {1, MACS "0030 aaaa03 00000c 2000"}, /* SNAP of Cisco (CDP) */
        {1, ETHERNET_IP4 IP6("0014", "06") TCP_SYN_20},
        {1, ETHERNET_IP4 "4400 0028 1234 4000 40 06 0000 " CLIENT4 SERVER4 TCP_SYN_20},
        {1, ETHERNET_IP4 "4500 0013 1234 4000 40 06 0000 " CLIENT4 SERVER4 TCP_SYN_20},
        {0, "05000000" SYN},
        {9, "c021 01010004"},                              /* LCP */
        {113, "0004 0338 0000 0000000000000000 0800" SYN}, /* netlink */
        {149, SYN},                                        /* DLT_USER2, but not PKTAP */
        {249, SYN},                                        /* USBPCAP */
        {65535, SYN},
        {1, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(test_kind(cases[i].link_type, cases[i].frame), PACKET_OTHER);
}

static void ethernet_header_is_told(void **state)
{
    (void)state;
    struct test_frame frame = test_dissect(1, MACS "88a8 0064 8100 00c8 0800" SYN);
    static const uint8_t source[6] = {2, 0, 0, 0, 0, 0xa1}, destination[6] = {2, 0, 0, 0, 0, 0xb2};
    assert_true(frame.packet.has_mac);
    assert_memory_equal(frame.packet.source_mac, source, 6);
    assert_memory_equal(frame.packet.destination_mac, destination, 6);
    assert_int_equal(frame.packet.vlan, 100); /* the outermost */
    assert_int_equal(frame.packet.direction, LINK_UNKNOWN);
    assert_int_equal(frame.packet.tunnels, 0);
    test_frame_free(&frame);
}

static void priority_tag_is_no_vlan(void **state)
{
    (void)state;
    struct test_frame frame = test_dissect(1, MACS "8100 e000 8100 0007 0800" SYN);
    assert_int_equal(frame.packet.vlan, 7);
    test_frame_free(&frame);
}

static void too_many_tags_end_it(void **state)
{
    (void)state;
    char text[2000] = MACS;
    for (int i = 0; i < 40; i++)
        strcat(text, "8100 0064 ");
    strcat(text, "0800" SYN);
    assert_int_equal(test_kind(1, text), PACKET_OTHER);
}

static void cooked_headers_tell_direction_and_source(void **state)
{
    (void)state;
    static const uint8_t source[6] = {2, 0, 0, 0, 0, 0xa1};
    static const enum link_direction expected[] = {LINK_IN,         LINK_IN,  LINK_IN,
                                                   LINK_OTHER_HOST, LINK_OUT, LINK_UNKNOWN};
    for (unsigned type = 0; type < 6; type++) {
        char text[400];
        snprintf(text, sizeof text, "000%u 0001 0006 0200000000a10000 0800 %s", type, SYN);
        struct test_frame frame = test_dissect(113, text);
        assert_int_equal(frame.packet.direction, expected[type]);
        assert_true(frame.packet.has_mac);
        assert_memory_equal(frame.packet.source_mac, source, 6);
        test_frame_free(&frame);
    }
    struct test_frame frame =
        test_dissect(276, "0800 0000 00000007 0001 04 06 0200000000a10000" SYN);
    assert_int_equal(frame.packet.direction, LINK_OUT);
    assert_int_equal(frame.packet.if_index, 7);
    assert_memory_equal(frame.packet.source_mac, source, 6);
    test_frame_free(&frame);

    frame = test_dissect(276, "0800 0000 00000007 0200 00 00 0000000000000000" SYN); /* tun */
    assert_false(frame.packet.has_mac);
    test_frame_free(&frame);
}

static void other_headers_tell_the_direction(void **state)
{
    (void)state;
    static const struct {
        uint16_t link_type;
        const char *frame;
        enum link_direction direction;
    } cases[] = {
        {166, "0003 0021" SYN, LINK_IN},
        {166, "0103 0021" SYN, LINK_OUT},
        {204, "00 0021" SYN, LINK_IN},
        {205, "01 0f00 0800" SYN, LINK_OUT},
        {8, "00 000000 00000000 00000000 00000000" SYN, LINK_IN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_frame frame = test_dissect(cases[i].link_type, cases[i].frame);
        assert_int_equal(frame.packet.direction, cases[i].direction);
        assert_syn(&frame.packet);
        test_frame_free(&frame);
    }
}

#define ZEROS_24 "000000000000000000000000000000000000000000000000 "
#define PKTAP(link_type, flags)                                                                    \
    "6c000000 01000000 " link_type ZEROS_24 flags ZEROS_24 ZEROS_24                                \
    "00000000000000000000000000000000 00000000 "

static void pktap_names_the_inner_link_type(void **state)
{
    (void)state;
    struct test_frame frame = test_dissect(258, PKTAP("01000000", "02000000") ETHERNET_IP4 SYN);
    assert_syn(&frame.packet);
    assert_int_equal(frame.packet.direction, LINK_OUT);
    assert_true(frame.packet.has_mac);
    test_frame_free(&frame);

    frame = test_dissect(149, PKTAP("0c000000", "01000000") SYN);
    assert_syn(&frame.packet);
    assert_int_equal(frame.packet.direction, LINK_IN);
    test_frame_free(&frame);

    /* into itself, without end */
    assert_int_equal(test_kind(258, PKTAP("02010000", "01000000") PKTAP("02010000", "01000000")),
                     PACKET_OTHER);
}

/* 802.11: control, duration, addresses, sequence; then LLC */
#define LLC_IP4       "aaaa03 000000 0800 "
#define WIFI(control) control "0000 0200000000b2 0200000000c3 0200000000a1 0000 "

static void wifi_addresses_follow_the_ds_bits(void **state)
{
    (void)state;
    static const struct {
        const char *frame;
        uint8_t source, destination;
    } cases[] = {
        {WIFI("0800") LLC_IP4 SYN, 0xc3, 0xb2},
        {WIFI("0801") LLC_IP4 SYN, 0xc3, 0xa1}, /* to the access point */
        {WIFI("0802") LLC_IP4 SYN, 0xa1, 0xb2}, /* from it */
        {WIFI("0803") "0200000000d4" LLC_IP4 SYN, 0xd4, 0xa1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_frame frame = test_dissect(105, cases[i].frame);
        assert_syn(&frame.packet);
        assert_true(frame.packet.has_mac);
        assert_int_equal(frame.packet.source_mac[5], cases[i].source);
        assert_int_equal(frame.packet.destination_mac[5], cases[i].destination);
        test_frame_free(&frame);
    }
}

static void wifi_optional_fields(void **state)
{
    (void)state;
    static const struct {
        uint16_t link_type;
        const char *frame;
    } cases[] = {
        {105, WIFI("8802") "0000" LLC_IP4 SYN},                  /* QoS */
        {105, WIFI("8882") "0000 00000000" LLC_IP4 SYN},         /* and HT control */
        {105, WIFI("8802") "8000" MACS "0030" LLC_IP4 SYN},      /* A-MSDU */
        {127, "0000 0800 00000000" WIFI("0802") LLC_IP4 SYN},    /* radiotap, no field */
        {127, "0000 0900 02000000 00" WIFI("0802") LLC_IP4 SYN}, /* flags */
        {127, "0000 0900 02000000 20" WIFI("8802") "0000 0000" LLC_IP4 SYN}, /* padded to 4 */
        {127, "0000 1100 03000000 1122334455667788 20" WIFI("8802") "0000 0000" LLC_IP4 SYN},
        {127, "0000 1900 03000080 00000000 00000000 1122334455667788 20" WIFI(
                  "8802") "0000 0000" LLC_IP4 SYN},
        {163, "80211001 00000010 0000000000000000" WIFI("0802") LLC_IP4 SYN},
        {119, "44000000 10000000 0000000000000000" WIFI("0802") LLC_IP4 SYN},
        {119, "00000044 00000010 0000000000000000" WIFI("0802") LLC_IP4 SYN},
        {119, "80211001 00000010 0000000000000000" WIFI("0802") LLC_IP4 SYN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_frame frame = test_dissect(cases[i].link_type, cases[i].frame);
        if (frame.packet.kind != PACKET_TCP)
            fail_msg("case %zu", i);
        assert_syn(&frame.packet);
        test_frame_free(&frame);
    }
}

static void wifi_without_data(void **state)
{
    (void)state;
    assert_int_equal(test_kind(105, WIFI("8000") LLC_IP4 SYN), PACKET_OTHER); /* beacon */
    assert_int_equal(test_kind(105, WIFI("4802") LLC_IP4 SYN), PACKET_OTHER); /* null function */
    assert_int_equal(test_kind(105, WIFI("0842") LLC_IP4 SYN), PACKET_OTHER); /* encrypted */
}

static void arp(void **state)
{
    (void)state;
    struct test_frame frame =
        test_dissect(1, MACS "0806 0001 0800 06 04 0001 0200000000a1 " CLIENT4
                             "000000000000 " SERVER4 "000000000000000000000000000000000000");
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 0xa1};
    assert_int_equal(frame.packet.kind, PACKET_ARP);
    assert_int_equal(frame.packet.arp.operation, 1);
    assert_memory_equal(frame.packet.arp.sender_mac, mac, 6);
    assert_address(&frame.packet.arp.sender, "192.0.2.1");
    assert_address(&frame.packet.arp.target, "198.51.100.2");
    test_frame_free(&frame);

    assert_int_equal(test_kind(1, MACS "0806 0001 0800 06 10 0001 0200000000a1 " CLIENT4
                                       "000000000000 " SERVER4),
                     PACKET_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_link_type_reaches_ip),
        cmocka_unit_test(what_is_followed_no_further),
        cmocka_unit_test(ethernet_header_is_told),
        cmocka_unit_test(priority_tag_is_no_vlan),
        cmocka_unit_test(too_many_tags_end_it),
        cmocka_unit_test(cooked_headers_tell_direction_and_source),
        cmocka_unit_test(other_headers_tell_the_direction),
        cmocka_unit_test(pktap_names_the_inner_link_type),
        cmocka_unit_test(wifi_addresses_follow_the_ds_bits),
        cmocka_unit_test(wifi_optional_fields),
        cmocka_unit_test(wifi_without_data),
        cmocka_unit_test(arp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
