#include "tests/unit/test_dissect_frame.h"

/* A quoted SYN, as the router got it: 28 bytes. */
#define QUOTED_SYN  "4500 0028 1234 4000 3d 06 0000 " CLIENT4 SERVER4 "c001 01bb 00000010 "
#define QUOTED_UDP  "4500 0021 1234 4000 3d 11 0000 " CLIENT4 SERVER4 "c002 0035 000d 0000 "
#define QUOTED_SYN6 IP6("0014", "06") TCP_SYN_20 /* 60 bytes */

static void assert_quoted_syn(const struct icmp_header *icmp)
{
    assert_true(icmp->has_quote);
    assert_true(icmp->quote.has_ports);
    assert_int_equal(icmp->quote.source_port, 49153);
    assert_int_equal(icmp->quote.destination_port, 443);
    assert_true(icmp->quote.has_sequence);
    assert_int_equal(icmp->quote.sequence, 16);
    assert_int_equal(icmp->quote.ip.protocol, 6);
}

static void classes(void **state)
{
    (void)state;
    static const struct {
        const char *frame;
        enum icmp_class class_;
        uint32_t mtu;
    } cases[] = {
        {IP4("0038", "01") "030d 0000 00000000" QUOTED_SYN, ICMP_UNREACHABLE, 0},
        {IP4("0038", "01") "0304 0000 000005d0" QUOTED_SYN, ICMP_TOO_BIG, 1488},
        {IP4("0038", "01") "0304 0000 00000000" QUOTED_SYN, ICMP_TOO_BIG, 0}, /* before RFC 1191 */
        {IP4("0038", "01") "0b00 0000 00000000" QUOTED_SYN, ICMP_TIME_EXCEEDED, 0},
        {IP4("0038", "01") "0c00 0000 01000000" QUOTED_SYN, ICMP_PARAMETER, 0},
        {IP4("0038", "01") "0501 0000 0a000009" QUOTED_SYN, ICMP_REDIRECTED, 0},
        {IP6("0044", "3a") "0101 0000 00000000" QUOTED_SYN6, ICMP_UNREACHABLE, 0},
        {IP6("0044", "3a") "0200 0000 00000500" QUOTED_SYN6, ICMP_TOO_BIG, 1280},
        {IP6("0044", "3a") "0300 0000 00000000" QUOTED_SYN6, ICMP_TIME_EXCEEDED, 0},
        {IP6("0044", "3a") "0401 0000 00000028" QUOTED_SYN6, ICMP_PARAMETER, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_frame frame = test_dissect(LINK_RAW, cases[i].frame);
        assert_int_equal(frame.packet.kind, PACKET_ICMP);
        assert_int_equal(frame.packet.icmp.class_, cases[i].class_);
        assert_int_equal(frame.packet.icmp.mtu, cases[i].mtu);
        assert_quoted_syn(&frame.packet.icmp);
        assert_int_equal(frame.packet.source_port, 0);
        test_frame_free(&frame);
    }
}

static void quote_tells_what_was_left(void **state)
{
    (void)state;
    struct test_frame frame =
        test_dissect(LINK_RAW, IP4("0038", "01") "030d 0000 00000000" QUOTED_UDP);
    const struct icmp_header *icmp = &frame.packet.icmp;
    assert_int_equal(icmp->type, 3);
    assert_int_equal(icmp->code, 13);
    assert_int_equal(icmp->quote.ip.hop_limit, 61);
    assert_int_equal(icmp->quote.ip.id, 0x1234);
    assert_int_equal(icmp->quote.ip.total_length, 33);
    assert_address(&icmp->quote.ip.source, "192.0.2.1");
    assert_address(&icmp->quote.ip.destination, "198.51.100.2");
    assert_int_equal(icmp->quote.udp_length, 13);
    assert_false(icmp->quote.has_sequence);
    assert_int_equal(icmp->quote.bytes, 28);
    test_frame_free(&frame);
}

static void quote_of_a_later_fragment_has_no_ports(void **state)
{
    (void)state;
    struct test_frame frame =
        test_dissect(LINK_RAW, IP4("0038", "01") "030d 0000 00000000"
                                                 "4500 0028 1234 0010 3d 06 0000 " CLIENT4 SERVER4
                                                 "c001 01bb 00000010");
    assert_true(frame.packet.icmp.has_quote);
    assert_false(frame.packet.icmp.quote.has_ports);
    assert_int_equal(frame.packet.icmp.quote.ip.fragment_offset, 128);
    test_frame_free(&frame);
}

static void quote_of_ipv6_with_extension_headers(void **state)
{
    (void)state;
    struct test_frame frame =
        test_dissect(LINK_RAW, IP6("0054", "3a") "0101 0000 00000000" IP6(
                                   "0024", "3c") "2c00 010400000000 0600 0001 deadbeef" TCP_SYN_20);
    assert_quoted_syn(&frame.packet.icmp);
    assert_int_equal(frame.packet.icmp.quote.ip.id, 0xdeadbeef);
    test_frame_free(&frame);

    frame = test_dissect(LINK_RAW, IP6("0040", "3a") "0101 0000 00000000" IP6(
                                       "0024", "2c") "0600 0009 deadbeef c00101bb00000010");
    assert_true(frame.packet.icmp.has_quote);
    assert_false(frame.packet.icmp.quote.has_ports);
    test_frame_free(&frame);
}

/* RFC 4884: 32 bytes of quote (28 and padding), then an MPLS extension. */
static void quote_ends_where_extensions_begin(void **state)
{
    (void)state;
    struct test_frame frame =
        test_dissect(LINK_RAW, IP4("0048", "01") "0b00 0000 00080000" QUOTED_SYN "00000000"
                                                 "2000 0000 0008 0101 00064140");
    assert_quoted_syn(&frame.packet.icmp);
    assert_int_equal(frame.packet.icmp.quote.bytes, 32);
    test_frame_free(&frame);

    /* the quoted packet is shorter than the padding */
    frame = test_dissect(
        LINK_RAW, IP4("0048", "01") "0b00 0000 00080000"
                                    "4500 001c 1234 4000 3d 11 0000 " CLIENT4 SERVER4
                                    "c002 0035 0008 0000 00000000 2000 0000 0008 0101 00064140");
    assert_int_equal(frame.packet.icmp.quote.bytes, 28);
    test_frame_free(&frame);
}

static void quote_that_is_none(void **state)
{
    (void)state;
    static const char *const frames[] = {
        IP4("001c", "01") "0300 0000 00000000",
        IP4("0024", "01") "0300 0000 00000000 0102030405060708",
        IP4("0038", "01") "0300 0000 00000000"
                          "0500 0028 1234 4000 3d 06 0000 " CLIENT4 SERVER4 "c001 01bb 00000010",
        IP4("0038", "01") "0400 0000 00000000" QUOTED_SYN, /* source quench: RFC 6633 */
    };
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        struct test_frame frame = test_dissect(LINK_RAW, frames[i]);
        assert_int_equal(frame.packet.kind, PACKET_ICMP);
        assert_false(frame.packet.icmp.has_quote);
        test_frame_free(&frame);
    }
}

static void quote_cut_by_the_snap_length(void **state)
{
    (void)state;
    struct test_frame frame = test_frame_read(IP4("0038", "01") "0304 0000 000005d0" QUOTED_SYN);
    for (uint32_t captured = 20; captured <= 56; captured++) {
        packet_dissect(LINK_RAW, frame.bytes, captured, 56, &frame.packet);
        const struct icmp_header *icmp = &frame.packet.icmp;
        assert_int_equal(frame.packet.kind, captured < 24 ? PACKET_IP : PACKET_ICMP);
        if (captured < 24)
            continue;
        assert_int_equal(icmp->class_, ICMP_TOO_BIG);
        assert_int_equal(icmp->mtu, captured < 28 ? 0 : 1488);
        assert_int_equal(icmp->has_quote, captured >= 48);
        assert_int_equal(icmp->quote.has_ports, captured >= 52);
        assert_int_equal(icmp->quote.has_sequence, captured >= 56);
    }
    test_frame_free(&frame);
}

static void echo(void **state)
{
    (void)state;
    static const char *const frames[] = {
        IP4("001c", "01") "0800 0000 1234 0007", IP4("001c", "01") "0000 0000 1234 0007",
        IP6("0008", "3a") "8000 0000 1234 0007", IP6("0008", "3a") "8100 0000 1234 0007"};
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        struct test_frame frame = test_dissect(LINK_RAW, frames[i]);
        assert_int_equal(frame.packet.kind, PACKET_ICMP);
        assert_int_equal(frame.packet.icmp.class_, ICMP_INFORMATION);
        assert_int_equal(frame.packet.icmp.id, 0x1234);
        assert_int_equal(frame.packet.icmp.sequence, 7);
        assert_false(frame.packet.icmp.has_quote);
        test_frame_free(&frame);
    }
}

static void each_version_has_its_own_icmp(void **state)
{
    (void)state;
    assert_int_equal(test_kind(LINK_RAW, IP6("0008", "01") "0800 0000 1234 0007"), PACKET_IP);
    assert_int_equal(test_kind(LINK_RAW, IP4("001c", "3a") "8000 0000 1234 0007"), PACKET_IP);
}

static void neighbours_and_redirects(void **state)
{
    (void)state;
    struct test_frame frame =
        test_dissect(LINK_RAW, IP6("0020", "3a") "8700 0000 00000000 " SERVER6 "0101 0200000000a1");
    assert_int_equal(frame.packet.icmp.type, 135);
    assert_address(&frame.packet.icmp.target, "2001:db8::2");
    test_frame_free(&frame);

    frame = test_dissect(LINK_RAW, IP6("0018", "3a") "8800 0000 60000000 " SERVER6);
    assert_address(&frame.packet.icmp.target, "2001:db8::2");
    test_frame_free(&frame);

    frame = test_dissect(LINK_RAW, IP4("0038", "01") "0501 0000 0a000009" QUOTED_SYN);
    assert_address(&frame.packet.icmp.target, "10.0.0.9");
    test_frame_free(&frame);

    frame =
        test_dissect(LINK_RAW, IP6("0074", "3a") "8900 0000 00000000 " CLIENT6 SERVER6
                                                 "0201 0200000000a1 0409 000000000000" QUOTED_SYN6);
    assert_int_equal(frame.packet.icmp.class_, ICMP_REDIRECTED);
    assert_address(&frame.packet.icmp.target, "2001:db8::1");
    assert_quoted_syn(&frame.packet.icmp);
    test_frame_free(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes),
        cmocka_unit_test(quote_tells_what_was_left),
        cmocka_unit_test(quote_of_a_later_fragment_has_no_ports),
        cmocka_unit_test(quote_of_ipv6_with_extension_headers),
        cmocka_unit_test(quote_ends_where_extensions_begin),
        cmocka_unit_test(quote_that_is_none),
        cmocka_unit_test(quote_cut_by_the_snap_length),
        cmocka_unit_test(echo),
        cmocka_unit_test(each_version_has_its_own_icmp),
        cmocka_unit_test(neighbours_and_redirects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
