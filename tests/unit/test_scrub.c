/* Frames made fit to be given away: nothing of the addresses or the payload is left, what was right
 * stays right, and no cut frame is read beyond its end. */
#include "analyzer/report/scrub.h"
#include "test_dissect_frame.h"

enum { LINK_SLL2 = 276 };

/* A right checksum stands where the tests look for one: computed with another program's help. */
#define TCP_RIGHT                                                                                  \
    ETHERNET_IP4 "4500 002c 1234 4000 40 06 30c8 " CLIENT4 SERVER4                                 \
                 " c001 01bb 00000010 00000000 5018 2000 0000 0000 61626364"

static struct pseudonyms *pseudonyms(void)
{
    char told[PSEUDONYM_KEY_TEXT];
    struct error error;
    return pseudonyms_new("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", told,
                          &error);
}

static struct frame frame_of(const struct test_frame *test, uint16_t link_type)
{
    return (struct frame){.data = test->bytes,
                          .caplen = (uint32_t)test->length,
                          .len = (uint32_t)test->length + 100,
                          .number = 1,
                          .link_type = link_type};
}

/* RFC 1071 over an even number of bytes. */
static uint16_t sum(const uint8_t *bytes, size_t length, uint32_t begun)
{
    uint32_t total = begun;
    for (size_t i = 0; i + 1 < length; i += 2)
        total += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return (uint16_t)total;
}

/* Puts the right checksums in: IPv4 header, and TCP or ICMP behind a header of 20 bytes. */
static void seal(uint8_t *ip, size_t length, uint8_t protocol)
{
    size_t offset = protocol == 6 ? 16 : protocol == 17 ? 6 : 2;
    uint32_t pseudo =
        protocol == 1 ? 0 : (uint32_t)sum(ip + 12, 8, 0) + protocol + (uint32_t)length - 20;
    ip[10] = ip[11] = ip[20 + offset] = ip[21 + offset] = 0;
    uint16_t header = (uint16_t)~sum(ip, 20, 0);
    uint16_t transport = (uint16_t)~sum(ip + 20, length - 20, pseudo);
    ip[10] = (uint8_t)(header >> 8);
    ip[11] = (uint8_t)header;
    ip[20 + offset] = (uint8_t)(transport >> 8);
    ip[21 + offset] = (uint8_t)transport;
}

static bool contains(const struct scrubbed *scrubbed, const char *hex)
{
    struct test_frame part = test_frame_read(hex);
    bool found = memmem(scrubbed->bytes, scrubbed->caplen, part.bytes, part.length) != NULL;
    test_frame_free(&part);
    return found;
}

static void dissect(const struct scrubbed *scrubbed, struct packet *packet)
{
    packet_dissect(scrubbed->link_type, scrubbed->bytes, scrubbed->caplen, scrubbed->len, packet);
}

static void assert_mapped(const struct pseudonyms *keys, const struct ip_address *before,
                          const struct ip_address *after)
{
    struct ip_address expected = pseudonym_ip(keys, before);
    assert_true(ip_equal(&expected, after));
}

static void test_strip(void **state)
{
    (void)state;
    struct test_frame test = test_dissect(LINK_ETHERNET, TCP_RIGHT);
    struct frame frame = frame_of(&test, LINK_ETHERNET);
    struct scrubbed scrubbed;
    scrub_frame(NULL, &frame, &scrubbed);
    assert_int_equal(scrubbed.caplen, 14 + 20 + 20);
    assert_int_equal(scrubbed.len, frame.len);
    assert_memory_equal(scrubbed.bytes, test.bytes, scrubbed.caplen);
    test_frame_free(&test);
}

static void test_tcp(void **state)
{
    (void)state;
    struct pseudonyms *keys = pseudonyms();
    /* A SYN with an everyday option (MSS) and one that holds an address (multipath TCP, kind 30).
     */
    struct test_frame test =
        test_dissect(LINK_ETHERNET, ETHERNET_IP4 "4500 0038 1234 4000 40 06 0000 " CLIENT4 SERVER4
                                                 " c001 01bb 00000010 00000000 9002 2000 0000 0000"
                                                 " 020405b4 1e0a3001 c0a8012d 1f90 0101");
    seal(test.bytes + 14, test.length - 14, 6);
    struct frame frame = frame_of(&test, LINK_ETHERNET);
    struct scrubbed scrubbed;
    struct packet before, after;
    scrub_frame(keys, &frame, &scrubbed);
    packet_dissect(LINK_ETHERNET, test.bytes, frame.caplen, frame.len, &before);
    dissect(&scrubbed, &after);
    assert_int_equal(after.kind, PACKET_TCP);
    assert_mapped(keys, &before.ip.source, &after.ip.source);
    assert_mapped(keys, &before.ip.destination, &after.ip.destination);
    assert_int_equal(after.source_port, before.source_port);
    assert_int_equal(after.tcp.mss, 1460);
    assert_false(packet_checksum_wrong(&before));
    assert_false(packet_checksum_wrong(&after));
    assert_int_equal(sum(scrubbed.bytes + 14, 20, 0), 0xffff);
    static const char *const gone[] = {CLIENT4, SERVER4, "c0a8012d", "0200000000b2",
                                       "0200000000a1"};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        assert_false(contains(&scrubbed, gone[i]));
    /* Wrong stays wrong. */
    test.bytes[14 + 20 + 17] ^= 1;
    scrub_frame(keys, &frame, &scrubbed);
    dissect(&scrubbed, &after);
    assert_true(packet_checksum_wrong(&after));
    test_frame_free(&test);
    pseudonyms_free(keys);
}

/* An ICMP error quotes the packet it refuses, addresses, ports and all. */
static void test_icmp_quote(void **state)
{
    (void)state;
    struct pseudonyms *keys = pseudonyms();
    struct test_frame test =
        test_dissect(LINK_ETHERNET, ETHERNET_IP4
                     "4500 0038 1234 0000 40 01 0000 " SERVER4 CLIENT4
                     " 030d 0000 00000000 4500 0028 1234 4000 40 06 0000 " CLIENT4 SERVER4
                     " c001 01bb 00000010");
    seal(test.bytes + 14, test.length - 14, 1);
    struct frame frame = frame_of(&test, LINK_ETHERNET);
    struct scrubbed scrubbed;
    struct packet before, after;
    scrub_frame(keys, &frame, &scrubbed);
    packet_dissect(LINK_ETHERNET, test.bytes, frame.caplen, frame.len, &before);
    dissect(&scrubbed, &after);
    assert_true(after.icmp.has_quote && after.icmp.quote.has_ports);
    assert_mapped(keys, &before.icmp.quote.ip.source, &after.icmp.quote.ip.source);
    assert_mapped(keys, &before.icmp.quote.ip.destination, &after.icmp.quote.ip.destination);
    assert_int_equal(sum(scrubbed.bytes + 34, scrubbed.caplen - 34, 0), 0xffff);
    assert_false(contains(&scrubbed, CLIENT4));
    assert_false(contains(&scrubbed, SERVER4));
    test_frame_free(&test);
    pseudonyms_free(keys);
}

static void test_others(void **state)
{
    (void)state;
    static const struct {
        uint16_t link_type, after;
        const char *frame;
        uint32_t kept; /* bytes */
        const char *gone[3];
    } cases[] = {
        /* ARP request with Ethernet padding that holds somebody's bytes */
        {LINK_ETHERNET,
         LINK_ETHERNET,
         "ffffffffffff 0200000000a1 0806 0001 0800 06 04 0001 0200000000a1 " CLIENT4
         " 000000000000 " SERVER4 " 736563726574",
         42,
         {"0200000000a1", CLIENT4, "736563726574"}},
        /* tagged */
        {LINK_ETHERNET,
         LINK_ETHERNET,
         MACS "8100 0005 0800 " IP4("0029", "11") UDP_HELLO,
         14 + 4 + 28,
         {CLIENT4, "68656c6c6f", "0200000000b2"}},
        /* cooked */
        {LINK_SLL2,
         LINK_SLL2,
         "0800 0000 00000003 0001 00 06 0200000000a1 abcd " IP4("0029", "11") UDP_HELLO,
         20 + 28,
         {CLIENT4, "0200000000a1", "abcd"}},
        /* neighbour solicitation, its option with a MAC */
        {LINK_ETHERNET,
         LINK_ETHERNET,
         ETHERNET_IP6 IP6("0020", "3a") "8700 0000 00000000 " SERVER6 "0101 0200000000a1",
         14 + 40 + 24,
         {"20010db8 00000000 00000000 00000002", "0101 0200000000a1", "0200000000b2"}},
        /* IP in IP: the outer addresses go with their header */
        {LINK_ETHERNET,
         LINK_RAW,
         ETHERNET_IP4 "4500 003d 1234 4000 40 04 0000 0a000001 0a000002 " IP4("0029", "11")
             UDP_HELLO,
         28,
         {"0a000001", CLIENT4, "0200000000a1"}},
        /* IP options: a recorded route */
        {LINK_RAW,
         LINK_RAW,
         "4700 0031 1234 4000 40 11 0000 " CLIENT4 SERVER4 "0707040a010203 00 " UDP_HELLO,
         36,
         {"0a010203", CLIENT4, SERVER4}},
        /* a routing header of IPv6 */
        {LINK_RAW,
         LINK_RAW,
         IP6("0025", "2b") "1102 0001 00000000 " SERVER6 UDP_HELLO,
         40,
         {"20010db8 00000000 00000000 00000002", "68656c6c6f", "c0020035"}},
        /* nothing that is understood */
        {LINK_ETHERNET,
         LINK_ETHERNET,
         MACS "88cc 0207 04 0200000000a1 0000",
         14,
         {"0207", "0200000000a1", "0200000000b2"}},
        {9999, 9999, "736563726574", 0, {"73", "63", "74"}},
    };
    struct pseudonyms *keys = pseudonyms();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_frame test = test_frame_read(cases[i].frame);
        struct frame frame = frame_of(&test, cases[i].link_type);
        struct scrubbed scrubbed;
        scrub_frame(keys, &frame, &scrubbed);
        if (scrubbed.link_type != cases[i].after || scrubbed.caplen != cases[i].kept)
            fail_msg("case %zu: link type %u, %u bytes", i, scrubbed.link_type, scrubbed.caplen);
        for (size_t g = 0; g < 3; g++)
            if (contains(&scrubbed, cases[i].gone[g]))
                fail_msg("case %zu: %s is still there", i, cases[i].gone[g]);
        /* However short it was cut: nothing is read outside, and nothing left over. */
        for (size_t cut = 0; cut < test.length; cut++) {
            uint8_t *bytes = malloc(cut ? cut : 1);
            memcpy(bytes, test.bytes, cut);
            frame.data = bytes;
            frame.caplen = (uint32_t)cut;
            scrub_frame(keys, &frame, &scrubbed);
            for (size_t g = 0; g < 3; g++)
                if (strlen(cases[i].gone[g]) >= 8 && contains(&scrubbed, cases[i].gone[g]))
                    fail_msg("case %zu cut to %zu: %s is there", i, cut, cases[i].gone[g]);
            free(bytes);
        }
        test_frame_free(&test);
    }
    pseudonyms_free(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strip),
        cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_icmp_quote),
        cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
