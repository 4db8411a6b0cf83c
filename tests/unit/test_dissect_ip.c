#include "tests/unit/test_dissect_frame.h"

static void ipv4_header(void **state)
{
    (void)state;
    struct test_frame frame = test_dissect(LINK_RAW, IP4("0028", "06") TCP_SYN_20);
    const struct packet *packet = &frame.packet;
    assert_syn(packet);
    assert_address(&packet->ip.source, "192.0.2.1");
    assert_address(&packet->ip.destination, "198.51.100.2");
    assert_int_equal(packet->ip.version, 4);
    assert_int_equal(packet->ip.hop_limit, 64);
    assert_int_equal(packet->ip.protocol, 6);
    assert_int_equal(packet->ip.id, 0x1234);
    assert_int_equal(packet->ip.total_length, 40);
    assert_true(packet->ip.dont_fragment);
    assert_false(packet->ip.more_fragments);
    assert_ptr_equal(packet->ip_bytes, frame.bytes);
    assert_int_equal(packet->ip_captured, 40);
    assert_ptr_equal(packet->transport, frame.bytes + 20);
    test_frame_free(&frame);
}

static void ipv6_header(void **state)
{
    (void)state;
    struct test_frame frame = test_dissect(LINK_RAW, IP6("0014", "06") TCP_SYN_20);
    const struct packet *packet = &frame.packet;
    assert_syn(packet);
    assert_address(&packet->ip.source, "2001:db8::1");
    assert_address(&packet->ip.destination, "2001:db8::2");
    assert_int_equal(packet->ip.version, 6);
    assert_int_equal(packet->ip.hop_limit, 63);
    assert_int_equal(packet->ip.total_length, 60);
    assert_true(packet->ip.dont_fragment);
    assert_int_equal(packet->ip.id, 0);
    test_frame_free(&frame);
}

static void flow_label(void **state)
{
    (void)state;
    struct test_frame frame =
        test_dissect(LINK_RAW, "6abc de12 0014 06 3f " CLIENT6 SERVER6 TCP_SYN_20);
    assert_int_equal(packet_flow_label(&frame.packet), 0xcde12); /* the rest is traffic class */
    test_frame_free(&frame);
    frame = test_dissect(LINK_RAW, IP4("0028", "06") TCP_SYN_20);
    assert_int_equal(packet_flow_label(&frame.packet), 0);
    test_frame_free(&frame);
}

static void service_class(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        int class_;
    } cases[] = {
        {"6abc de12 0014 06 3f " CLIENT6 SERVER6 TCP_SYN_20, 0xa8}, /* 0xab, without ECN */
        {IP4("0028", "06") TCP_SYN_20, 0},
        {"45b9 0028 1234 4000 40 06 0000 " CLIENT4 SERVER4 TCP_SYN_20, 0xb8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_frame frame = test_dissect(LINK_RAW, cases[i].bytes);
        assert_int_equal(packet_service_class(&frame.packet), cases[i].class_);
        test_frame_free(&frame);
    }
}

static void options_are_passed(void **state)
{
    (void)state;
    struct test_frame frame = test_dissect(
        LINK_RAW, "4600 002c 1234 0000 40 06 0000 " CLIENT4 SERVER4 "94040000" TCP_SYN_20);
    assert_syn(&frame.packet);
    assert_false(frame.packet.ip.dont_fragment);
    test_frame_free(&frame);
}

/* IHL says 60 bytes, 40 are there: the addresses count, the transport does not. */
static void options_beyond_the_packet(void **state)
{
    (void)state;
    assert_int_equal(
        test_kind(LINK_RAW, "4f00 0040 1234 0000 40 06 0000 " CLIENT4 SERVER4 TCP_SYN_20),
        PACKET_IP);
}

static void ethernet_padding_is_no_payload(void **state)
{
    (void)state;
    struct test_frame frame =
        test_dissect(LINK_ETHERNET, ETHERNET_IP4 IP4("0028", "06") TCP_SYN_20 "000000000000");
    assert_syn(&frame.packet);
    assert_int_equal(frame.packet.payload_length, 0);
    assert_null(frame.packet.payload);
    assert_int_equal(frame.packet.ip_captured, 40);
    test_frame_free(&frame);
}

/* What segmentation offload leaves: a length of 0. */
static void length_of_zero_means_the_frame(void **state)
{
    (void)state;
    struct test_frame frame = test_dissect(LINK_RAW, IP4("0000", "06") TCP_SYN_20 "616263");
    assert_syn(&frame.packet);
    assert_int_equal(frame.packet.ip.total_length, 43);
    assert_int_equal(frame.packet.payload_length, 3);
    test_frame_free(&frame);

    frame = test_dissect(LINK_RAW, IP6("0000", "06") TCP_SYN_20 "6162");
    assert_syn(&frame.packet);
    assert_int_equal(frame.packet.ip.total_length, 62);
    assert_int_equal(frame.packet.payload_length, 2);
    test_frame_free(&frame);
}

static void lengths_on_the_wire_survive_a_snap_length(void **state)
{
    (void)state;
    struct test_frame frame = test_frame_read(IP4("05dc", "06") TCP_SYN_20 "6162");
    packet_dissect(LINK_RAW, frame.bytes, (uint32_t)frame.length, 1500, &frame.packet);
    test_invariants(&frame.packet, frame.bytes, frame.length);
    assert_syn(&frame.packet);
    assert_int_equal(frame.packet.payload_length, 1460);
    assert_int_equal(frame.packet.payload_captured, 2);
    /* and where a tool cut the frame and forgot its length, the header is believed */
    packet_dissect(LINK_RAW, frame.bytes, (uint32_t)frame.length, (uint32_t)frame.length,
                   &frame.packet);
    assert_int_equal(frame.packet.payload_length, 1460);
    assert_int_equal(frame.packet.payload_captured, 2);
    test_frame_free(&frame);
}

static void ipv4_fragments(void **state)
{
    (void)state;
    struct test_frame frame =
        test_dissect(LINK_RAW, "4500 0028 1234 2000 40 06 0000 " CLIENT4 SERVER4 TCP_SYN_20);
    assert_syn(&frame.packet); /* the first has the ports */
    assert_true(frame.packet.ip.more_fragments);
    test_frame_free(&frame);

    frame = test_dissect(LINK_RAW, "4500 0028 1234 2003 40 06 0000 " CLIENT4 SERVER4 TCP_SYN_20);
    assert_int_equal(frame.packet.kind, PACKET_FRAGMENT);
    assert_int_equal(frame.packet.ip.fragment_offset, 24);
    assert_int_equal(frame.packet.ip.id, 0x1234);
    assert_int_equal(frame.packet.source_port, 0);
    assert_null(frame.packet.transport);
    test_frame_free(&frame);
}

static void ipv6_fragments(void **state)
{
    (void)state;
    struct test_frame frame =
        test_dissect(LINK_RAW, IP6("001c", "2c") "06000001 deadbeef" TCP_SYN_20);
    assert_syn(&frame.packet);
    assert_true(frame.packet.ip.more_fragments);
    assert_int_equal(frame.packet.ip.id, 0xdeadbeef);
    test_frame_free(&frame);

    frame = test_dissect(LINK_RAW, IP6("001c", "2c") "06000018 deadbeef" TCP_SYN_20);
    assert_int_equal(frame.packet.kind, PACKET_FRAGMENT);
    assert_int_equal(frame.packet.ip.fragment_offset, 24);
    assert_int_equal(frame.packet.ip.protocol, 6);
    test_frame_free(&frame);

    /* of a packet whose destination options were fragmented: what follows is no header */
    assert_int_equal(test_kind(LINK_RAW, IP6("001c", "2c") "3c000018 deadbeef" TCP_SYN_20),
                     PACKET_FRAGMENT);
}

static void ipv6_extension_headers(void **state)
{
    (void)state;
    static const struct {
        const char *name, *frame;
        uint16_t tunnels;
    } cases[] = {
        {"hop-by-hop", IP6("001c", "00") "0600 050200000100" TCP_SYN_20, 0},
        {"routing", IP6("001c", "2b") "0600 040000000000" TCP_SYN_20, 0},
        {"destination options", IP6("0024", "3c") "0601 010c 000000000000000000000000" TCP_SYN_20,
         0},
        {"AH", IP6("002c", "33") "0604 0000 00000100 00000001 000102030405060708090a0b" TCP_SYN_20,
         TUNNEL_AH},
        {"mobility", IP6("001c", "87") "0600 000000000000" TCP_SYN_20, 0},
        {"HIP", IP6("001c", "8b") "0600 000000000000" TCP_SYN_20, 0},
        {"shim6", IP6("001c", "8c") "0600 800000000000" TCP_SYN_20, 0},
        {"several",
         IP6("0034", "00") "2b00 050200000100 3c00 040000000000 2c00 010400000000"
                           "0600 0000 00000001" TCP_SYN_20,
         0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_frame frame = test_dissect(LINK_RAW, cases[i].frame);
        if (frame.packet.kind != PACKET_TCP)
            fail_msg("%s: kind %d", cases[i].name, (int)frame.packet.kind);
        assert_syn(&frame.packet);
        assert_int_equal(frame.packet.ip.protocol, 6);
        assert_int_equal(frame.packet.tunnels, cases[i].tunnels);
        test_frame_free(&frame);
    }
}

static void too_many_extension_headers_end_it(void **state)
{
    (void)state;
    char text[4000] = IP6("0200", "3c");
    for (int i = 0; i < 40; i++)
        strcat(text, "3c00 010400000000 ");
    assert_int_equal(test_kind(LINK_RAW, text), PACKET_IP);
}

static void ipv6_without_a_transport(void **state)
{
    (void)state;
    struct test_frame frame = test_dissect(LINK_RAW, IP6("0000", "3b") "000000000000");
    assert_int_equal(frame.packet.kind, PACKET_IP);
    assert_int_equal(frame.packet.ip.total_length, 40);
    assert_null(frame.packet.transport);
    test_frame_free(&frame);
    assert_int_equal(test_kind(LINK_RAW, IP6("0004", "00") "06000502"), PACKET_IP); /* cut */
}

static void ipv4_ah_is_passed(void **state)
{
    (void)state;
    struct test_frame frame = test_dissect(
        LINK_RAW,
        IP4("0040", "33") "0604 0000 00000100 00000001 000102030405060708090a0b" TCP_SYN_20);
    assert_syn(&frame.packet);
    assert_int_equal(frame.packet.tunnels, TUNNEL_AH);
    assert_int_equal(frame.packet.ip.protocol, 6);
    test_frame_free(&frame);
}

static void other_protocols(void **state)
{
    (void)state;
    struct test_frame frame = test_dissect(LINK_RAW, IP4("0018", "59") "01020304");
    assert_int_equal(frame.packet.kind, PACKET_IP);
    assert_int_equal(frame.packet.ip.protocol, 89);
    assert_int_equal(frame.packet.transport_captured, 4);
    test_frame_free(&frame);

    frame = test_dissect(LINK_RAW, IP4("0024", "32") "00000100 00000001 0001020304050607");
    assert_int_equal(frame.packet.kind, PACKET_IP);
    assert_int_equal(frame.packet.tunnels, TUNNEL_ESP);
    test_frame_free(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4_header),
        cmocka_unit_test(ipv6_header),
        cmocka_unit_test(flow_label),
        cmocka_unit_test(service_class),
        cmocka_unit_test(options_are_passed),
        cmocka_unit_test(options_beyond_the_packet),
        cmocka_unit_test(ethernet_padding_is_no_payload),
        cmocka_unit_test(length_of_zero_means_the_frame),
        cmocka_unit_test(lengths_on_the_wire_survive_a_snap_length),
        cmocka_unit_test(ipv4_fragments),
        cmocka_unit_test(ipv6_fragments),
        cmocka_unit_test(ipv6_extension_headers),
        cmocka_unit_test(too_many_extension_headers_end_it),
        cmocka_unit_test(ipv6_without_a_transport),
        cmocka_unit_test(ipv4_ah_is_passed),
        cmocka_unit_test(other_protocols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
