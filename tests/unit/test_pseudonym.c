/* Pseudonyms: the published mapping, prefixes kept, keys that differ. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "analyzer/pseudonym.h"

static struct pseudonyms *keyed(const char *key)
{
    char told[PSEUDONYM_KEY_TEXT];
    struct error error;
    struct pseudonyms *pseudonyms = pseudonyms_new(key, told, &error);
    assert_non_null(pseudonyms);
    return pseudonyms;
}

static struct ip_address address(const char *text)
{
    struct ip_address parsed;
    assert_true(ip_parse(text, &parsed));
    return parsed;
}

/* The key that comes with Crypto-PAn, and addresses of its sample trace. */
static void test_published(void **state)
{
    (void)state;
    static const char key[] = "1522178d33a4cf80130a5b1649907d10d8988f837979652762574c2d2a842202";
    static const char *const pairs[][2] = {
        {"128.11.68.132", "135.242.180.132"},   {"129.118.74.4", "134.136.186.123"},
        {"130.132.252.244", "133.68.164.234"},  {"141.223.7.43", "141.167.8.160"},
        {"141.233.145.108", "141.129.237.235"},
    };
    struct pseudonyms *pseudonyms = keyed(key);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char text[IP_ADDRESS_TEXT];
        struct ip_address before = address(pairs[i][0]), after = pseudonym_ip(pseudonyms, &before);
        assert_string_equal(ip_text(&after, text), pairs[i][1]);
    }
    pseudonyms_free(pseudonyms);
}

static unsigned common_bits(const struct ip_address *a, const struct ip_address *b)
{
    unsigned bits = 0;
    while (bits < 128 && !((a->bytes[bits / 8] ^ b->bytes[bits / 8]) & (0x80 >> bits % 8)))
        bits++;
    return bits;
}

static struct ip_address random_address(bool v4)
{
    struct ip_address one = {0};
    for (size_t i = 0; i < 16; i++)
        one.bytes[i] = (uint8_t)rand();
    if (v4) {
        memset(one.bytes, 0, 10);
        one.bytes[10] = one.bytes[11] = 0xff;
    }
    return one;
}

/* Any two: as many leading bits in common before as after. That also makes it one to one. */
static void test_prefixes(void **state)
{
    (void)state;
    struct pseudonyms *pseudonyms = keyed(NULL);
    srand(7);
    for (size_t i = 0; i < 2000; i++) {
        struct ip_address a = random_address(i % 2), b = a;
        unsigned flip = (i % 2 ? 96 : 0) + (unsigned)rand() % (i % 2 ? 32 : 128);
        b.bytes[flip / 8] ^= (uint8_t)(0x80 >> flip % 8);
        struct ip_address c = pseudonym_ip(pseudonyms, &a), d = pseudonym_ip(pseudonyms, &b);
        assert_int_equal(common_bits(&a, &b), common_bits(&c, &d));
        assert_int_equal(ip_is_v4(&a), ip_is_v4(&c));
    }
    pseudonyms_free(pseudonyms);
}

static void test_keys(void **state)
{
    (void)state;
    char told[4][PSEUDONYM_KEY_TEXT];
    const char *const keys[] = {"correct horse battery", "correct horse batterz", NULL, NULL};
    struct error error;
    struct ip_address mapped[4], plain = address("192.0.2.77");
    for (size_t i = 0; i < 4; i++) {
        struct pseudonyms *pseudonyms = pseudonyms_new(keys[i], told[i], &error);
        mapped[i] = pseudonym_ip(pseudonyms, &plain);
        pseudonyms_free(pseudonyms);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(told[i], told[j]);
    }
    for (size_t i = 0; i < 4; i++) { /* the key that was told gives the same again */
        struct pseudonyms *again = keyed(told[i]);
        struct ip_address same = pseudonym_ip(again, &plain);
        assert_true(ip_equal(&same, &mapped[i]));
        pseudonyms_free(again);
    }
}

static void test_kept(void **state)
{
    (void)state;
    struct pseudonyms *pseudonyms = keyed(NULL);
    struct ip_address none = {0}, broadcast = address("255.255.255.255");
    struct ip_address same = pseudonym_ip(pseudonyms, &none);
    assert_true(ip_equal(&same, &none));
    same = pseudonym_ip(pseudonyms, &broadcast);
    assert_true(ip_equal(&same, &broadcast));
    same = pseudonym_ip(NULL, &broadcast);
    assert_true(ip_equal(&same, &broadcast));
    uint8_t macs[][6] = {
        {0}, {255, 255, 255, 255, 255, 255}, {0, 1, 2, 3, 4, 5}, {1, 0, 94, 0, 0, 1}};
    uint8_t before[sizeof macs / 6][6];
    memcpy(before, macs, sizeof macs);
    for (size_t i = 0; i < sizeof macs / 6; i++)
        pseudonym_mac(pseudonyms, macs[i]);
    assert_memory_equal(macs[0], before[0], 6);
    assert_memory_equal(macs[1], before[1], 6);
    assert_memory_not_equal(macs[2], before[2], 6);
    assert_int_equal(macs[2][0] & 3, 2);
    assert_int_equal(macs[3][0] & 3, 3);
    pseudonyms_free(pseudonyms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
