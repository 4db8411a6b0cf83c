#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dissectors/address.h"

static struct ip_address parsed(const char *text)
{
    struct ip_address address;
    assert_true(ip_parse(text, &address));
    return address;
}

static void text_is_canonical(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"192.0.2.1", "192.0.2.1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},        /* held alike, by design */
        {"2001:0DB8:0:0:0:0:0:1", "2001:db8::1"}, /* RFC 5952 4.1 to 4.3 */
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"::", "::"},
        {"::1", "::1"},
    };
    char text[IP_ADDRESS_TEXT];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct ip_address address = parsed(pairs[i][0]);
        assert_string_equal(ip_text(&address, text), pairs[i][1]);
    }
}

static void longest_text_fits(void **state)
{
    (void)state;
    const char *longest = "2001:1db8:1111:1222:1333:1444:1555:1666";
    char text[IP_ADDRESS_TEXT];
    struct ip_address address = parsed(longest);
    assert_string_equal(ip_text(&address, text), longest);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "1.2.3", "1.2.3.256", "::1::", "10.0.0.1 ", "host"};
    struct ip_address address;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(ip_parse(wrong[i], &address));
}

static void equal_and_ordered(void **state)
{
    (void)state;
    struct ip_address a = parsed("10.0.0.1"), b = parsed("10.0.0.2"), c = parsed("10.0.0.1");
    assert_true(ip_equal(&a, &c));
    assert_false(ip_equal(&a, &b));
    assert_true(ip_compare(&a, &b) < 0);
    assert_true(ip_compare(&b, &a) > 0);
    assert_int_equal(ip_compare(&a, &c), 0);
}

typedef bool predicate(const struct ip_address *address);

static void assert_all(predicate *holds, bool expected, const char *const *texts)
{
    for (; *texts; texts++) {
        struct ip_address address = parsed(*texts);
        if (holds(&address) != expected)
            fail_msg("%s", *texts);
    }
}

#define TEXTS(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static void sorts_of_addresses(void **state)
{
    (void)state;
    assert_all(ip_is_v4, true, TEXTS("0.0.0.0", "192.0.2.1"));
    assert_all(ip_is_v4, false, TEXTS("::", "::192.0.2.1", "2001:db8::1"));
    assert_all(ip_is_unspecified, true, TEXTS("0.0.0.0", "::"));
    assert_all(ip_is_unspecified, false, TEXTS("0.0.0.1", "::1"));
    assert_all(ip_is_multicast, true,
               TEXTS("224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1"));
    assert_all(ip_is_multicast, false, TEXTS("223.255.255.255", "240.0.0.1", "fe80::1"));
    assert_all(ip_is_loopback, true, TEXTS("127.0.0.1", "127.255.0.1", "::1"));
    assert_all(ip_is_loopback, false, TEXTS("128.0.0.1", "::2", "::"));
    assert_all(ip_is_private, true,
               TEXTS("10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.1", "100.64.0.1",
                     "100.127.255.255", "169.254.1.1", "fc00::1", "fdff::1", "fe80::1", "febf::1"));
    assert_all(ip_is_private, false,
               TEXTS("11.0.0.0", "172.15.255.255", "172.32.0.0", "192.169.0.0", "100.63.0.0",
                     "100.128.0.0", "8.8.8.8", "fe00::1", "fec0::1", "2001:db8::1"));
}

static void networks(void **state)
{
    (void)state;
    static const struct {
        const char *network, *address;
        bool contains;
    } cases[] = {
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"10.1.2.3/8", "10.9.9.9", true}, /* bits behind the prefix do not matter */
        {"192.168.128.0/17", "192.168.127.255", false},
        {"192.168.128.0/17", "192.168.200.1", true},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"0.0.0.0/0", "8.8.8.8", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::ffff:10.0.0.0/104", "10.1.1.1", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ip_network network;
        struct ip_address address = parsed(cases[i].address);
        assert_true(ip_network_parse(cases[i].network, &network));
        assert_int_equal(ip_network_contains(&network, &address), cases[i].contains);
    }
}

static void wrong_networks_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "10.0.0.0/8 ",
        "10.0.0.0/08",
        "10.0.0.0/4294967304",
        "2001:db8::/129",
        "10.0.0/8",
        "10.0.0.0/8/8",
        "2001:1db8:1111:1222:1333:1444:1555:16661111111111111/64",
    };
    struct ip_network network;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (ip_network_parse(wrong[i], &network))
            fail_msg("%s", wrong[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_canonical),          cmocka_unit_test(longest_text_fits),
        cmocka_unit_test(nonsense_is_refused),        cmocka_unit_test(equal_and_ordered),
        cmocka_unit_test(sorts_of_addresses),         cmocka_unit_test(networks),
        cmocka_unit_test(wrong_networks_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
