#include "tests/unit/test_dissect_frame.h"

static void tcp_header(void **state)
{
    (void)state;
    struct test_frame frame = test_dissect(
        LINK_RAW, IP4("002b", "06") "c001 01bb 01020304 05060708 50fa 2000 0000 0000 616263");
    const struct packet *packet = &frame.packet;
    assert_int_equal(packet->kind, PACKET_TCP);
    assert_int_equal(packet->tcp.sequence, 0x01020304);
    assert_int_equal(packet->tcp.acknowledgment, 0x05060708);
    assert_int_equal(packet->tcp.flags, TCP_CWR | TCP_ECE | TCP_URG | TCP_ACK | TCP_PSH | TCP_SYN);
    assert_int_equal(packet->tcp.window, 0x2000);
    assert_int_equal(packet->tcp.mss, 0);
    assert_int_equal(packet->tcp.window_scale, 0xff);
    assert_false(packet->tcp.sack_permitted);
    assert_false(packet->tcp.has_timestamp);
    assert_int_equal(packet->payload_length, 3);
    assert_memory_equal(packet->payload, "abc", 3);
    test_frame_free(&frame);
}

/* Its data offset, and the flags SYN. */
#define TCP(offset) "c001 01bb 00000010 00000000 " offset "02 2000 0000 0000 "

static void tcp_options(void **state)
{
    (void)state;
    struct test_frame frame = test_dissect(
        LINK_RAW, IP4("003c", "06") TCP("a0") "020405b4 0402 080a 0000000100000002 01 030307");
    assert_syn(&frame.packet);
    assert_int_equal(frame.packet.tcp.mss, 1460);
    assert_true(frame.packet.tcp.sack_permitted);
    assert_true(frame.packet.tcp.has_timestamp);
    assert_int_equal(frame.packet.tcp.timestamp_value, 1);
    assert_int_equal(frame.packet.tcp.timestamp_echo, 2);
    assert_int_equal(frame.packet.tcp.window_scale, 7);
    test_frame_free(&frame);

    frame = test_dissect(LINK_RAW, IP4("0034", "06") TCP("80") "0101 080a 0000000300000004");
    assert_true(frame.packet.tcp.has_timestamp);
    assert_int_equal(frame.packet.tcp.timestamp_value, 3);
    assert_int_equal(frame.packet.tcp.timestamp_echo, 4);
    assert_int_equal(frame.packet.tcp.window_scale, 0xff);
    test_frame_free(&frame);
}

static void malformed_tcp_options_are_tolerated(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        uint16_t mss;
    } cases[] = {
        {"020405b4 ff000000", 1460}, /* length 0: the rest is not looked at */
        {"020405b4 ff010000", 1460}, {"020405b4 ff080000", 1460}, /* beyond the header */
        {"020305b4 01010101", 0},                                 /* MSS of a wrong length */
        {"fd0405b4 020405b4", 1460},                              /* an unknown option */
        {"00000000 020405b4", 0},                                 /* behind the end of options */
        {"01010101 01010102", 0},                                 /* a kind without its length */
        {"01010101 02040505", 1285},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[400];
        snprintf(text, sizeof text, "%s %s 6162", IP4("0032", "06") TCP("70"), cases[i].options);
        struct test_frame frame = test_dissect(LINK_RAW, text);
        assert_syn(&frame.packet);
        assert_int_equal(frame.packet.tcp.mss, cases[i].mss);
        assert_int_equal(frame.packet.payload_length, 2);
        test_frame_free(&frame);
    }
}

static void impossible_tcp_header_lengths_give_no_payload(void **state)
{
    (void)state;
    static const char *const offsets[] = {"00", "40", "f0"}; /* below 20, and beyond the packet */
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        char text[400];
        snprintf(text, sizeof text, "%s c001 01bb 00000010 00000000 %s02 2000 0000 0000 6162",
                 IP4("002a", "06"), offsets[i]);
        struct test_frame frame = test_dissect(LINK_RAW, text);
        assert_syn(&frame.packet);
        assert_int_equal(frame.packet.payload_length, 0);
        test_frame_free(&frame);
    }
}

static void tcp_needs_its_first_16_bytes(void **state)
{
    (void)state;
    struct test_frame frame = test_frame_read(IP4("0028", "06") TCP_SYN_20);
    for (uint32_t captured = 20; captured <= 40; captured++) {
        packet_dissect(LINK_RAW, frame.bytes, captured, 40, &frame.packet);
        assert_int_equal(frame.packet.kind, captured < 36 ? PACKET_IP : PACKET_TCP);
        assert_int_equal(frame.packet.source_port, captured < 36 ? 0 : 49153);
    }
    test_frame_free(&frame);
}

static void udp(void **state)
{
    (void)state;
    struct test_frame frame = test_dissect(LINK_RAW, IP4("0021", "11") UDP_HELLO);
    assert_int_equal(frame.packet.kind, PACKET_UDP);
    assert_int_equal(frame.packet.source_port, 49154);
    assert_int_equal(frame.packet.destination_port, 53);
    assert_int_equal(frame.packet.payload_length, 5);
    assert_memory_equal(frame.packet.payload, "hello", 5);
    test_frame_free(&frame);
}

static void udp_lengths(void **state)
{
    (void)state;
    static const struct {
        const char *frame;
        uint32_t payload_length;
    } cases[] = {
        {IP4("0021", "11") "c002 0035 000a 0000 68656c6c6f", 2}, /* shorter than the packet */
        {IP4("0021", "11") "c002 0035 0000 0000 68656c6c6f", 5}, /* offload */
        {IP4("0021", "11") "c002 0035 0007 0000 68656c6c6f", 0}, /* impossible */
        {IP4("0021", "11") "c002 0035 05dc 0000 68656c6c6f", 5}, /* longer: fragmented, or a lie */
        {IP4("001c", "11") "c002 0035 0008 0000", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_frame frame = test_dissect(LINK_RAW, cases[i].frame);
        assert_int_equal(frame.packet.kind, PACKET_UDP);
        assert_int_equal(frame.packet.payload_length, cases[i].payload_length);
        test_frame_free(&frame);
    }
    assert_int_equal(test_kind(LINK_RAW, IP4("001b", "11") "c002 0035 0008 00"), PACKET_IP);
}

static bool wrong(const char *text)
{
    struct test_frame frame = test_dissect(LINK_RAW, text);
    bool is_wrong = packet_checksum_wrong(&frame.packet);
    test_frame_free(&frame);
    return is_wrong;
}

#define TCP_SUM(sum) "c001 01bb 00000010 00000000 5002 2000 " sum " 0000 "
#define UDP_SUM(sum) "c002 0035 000d " sum " 68656c6c6f "

/* The sums were computed by another program. */
static void checksums(void **state)
{
    (void)state;
    assert_false(wrong(IP4("0028", "06") TCP_SUM("e1de")));
    assert_true(wrong(IP4("0028", "06") TCP_SUM("e1df")));
    assert_false(wrong(IP6("0014", "06") TCP_SUM("72a1")));
    assert_true(wrong(IP6("0014", "06") TCP_SUM("0000")));
    assert_false(wrong(IP4("0021", "11") UDP_SUM("0f93")));
    assert_true(wrong(IP4("0021", "11") UDP_SUM("1234")));
    assert_false(wrong(IP6("000d", "11") UDP_SUM("a055")));
    assert_true(wrong(IP6("000d", "11") UDP_SUM("1234")));
    /* Ethernet padding is not summed */
    assert_false(wrong(IP4("0028", "06") TCP_SUM("e1de") "ffffffffffff"));
}

static enum checksum_state state_of(const char *text)
{
    struct test_frame frame = test_dissect(LINK_RAW, text);
    enum checksum_state checksum = packet_checksum_state(&frame.packet);
    test_frame_free(&frame);
    return checksum;
}

/* As a system leaves them that has its network card sum up. */
static void checksums_left_to_the_card(void **state)
{
    (void)state;
    assert_int_equal(state_of(IP4("0028", "06") TCP_SUM("ec51")), CHECKSUM_UNFINISHED);
    assert_int_equal(state_of(IP6("0014", "06") TCP_SUM("5b8f")), CHECKSUM_UNFINISHED);
    assert_int_equal(state_of(IP4("0021", "11") UDP_SUM("ec55")), CHECKSUM_UNFINISHED);
    assert_int_equal(state_of(IP4("0028", "06") TCP_SUM("e1de")), CHECKSUM_RIGHT);
    assert_int_equal(state_of(IP4("0028", "06") TCP_SUM("e1df")), CHECKSUM_WRONG);
    assert_int_equal(state_of(IP4("05dc", "06") TCP_SUM("1234")), CHECKSUM_UNTOLD);
}

static void checksums_that_cannot_be_told(void **state)
{
    (void)state;
    assert_false(wrong(IP4("0021", "11") UDP_SUM("0000"))); /* absent */
    assert_false(wrong("4500 0028 1234 2000 40 06 0000 " CLIENT4 SERVER4 TCP_SUM("1234")));
    assert_false(wrong(IP6("001c", "2b") "0600 040000000000" TCP_SUM("1234")));
    assert_false(wrong(IP4("05dc", "06") TCP_SUM("1234"))); /* cut */
    assert_false(wrong(IP4("001c", "01") "0800 1234 0001 0001"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp_header),
        cmocka_unit_test(tcp_options),
        cmocka_unit_test(malformed_tcp_options_are_tolerated),
        cmocka_unit_test(impossible_tcp_header_lengths_give_no_payload),
        cmocka_unit_test(tcp_needs_its_first_16_bytes),
        cmocka_unit_test(udp),
        cmocka_unit_test(udp_lengths),
        cmocka_unit_test(checksums),
        cmocka_unit_test(checksums_left_to_the_card),
        cmocka_unit_test(checksums_that_cannot_be_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
