/* TLS: what is read of each side, over borders of records and segments, whole and cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dissectors/tls.h"

struct bytes {
    uint8_t at[20000];
    uint32_t length;
};

static void put(struct bytes *b, const void *from, uint32_t length)
{
    memcpy(b->at + b->length, from, length);
    b->length += length;
}

static void put_number(struct bytes *b, uint32_t value, int bytes)
{
    while (bytes-- > 0)
        b->at[b->length++] = (uint8_t)(value >> 8 * bytes);
}

static void put_record(struct bytes *b, uint8_t content, const void *body, uint32_t length)
{
    put_number(b, content, 1);
    put_number(b, TLS_1_2, 2);
    put_number(b, length, 2);
    put(b, body, length);
}

static void put_message(struct bytes *b, uint8_t type, const struct bytes *body)
{
    put_number(b, type, 1);
    put_number(b, body->length, 3);
    put(b, body->at, body->length);
}

static void put_extension(struct bytes *b, uint16_t type, const struct bytes *body)
{
    put_number(b, type, 2);
    put_number(b, body->length, 2);
    put(b, body->at, body->length);
}

/* A ClientHello that offers TLS 1.3 behind a GREASE value, a name and two protocols. */
static struct bytes client_hello(const char *name)
{
    struct bytes hello = {.length = 0}, list = {.length = 0}, body = {.length = 0},
                 message = {.length = 0};
    uint32_t length = (uint32_t)strlen(name);
    put_number(&body, length + 3, 2);
    put_number(&body, 0, 1);
    put_number(&body, length, 2);
    put(&body, name, length);
    put_extension(&list, 0, &body);
    body = (struct bytes){.length = 0};
    put(&body, "\0\x0c\x02h2\x08http/1.1", 14);
    put_extension(&list, 16, &body);
    body = (struct bytes){.length = 0};
    put(&body, "\x06\x7a\x7a\x03\x04\x03\x03", 7);
    put_extension(&list, 43, &body);

    put_number(&hello, TLS_1_2, 2);
    hello.length += 32;
    put(&hello, "\x00\x00\x04\x13\x01\xc0\x2f\x01\x00", 9); /* session, two suites, compression */
    put_number(&hello, list.length, 2);
    put(&hello, list.at, list.length);
    put_message(&message, 1, &hello);
    return message;
}

static struct bytes server_hello(uint16_t version, bool has_versions)
{
    struct bytes hello = {.length = 0}, message = {.length = 0};
    put_number(&hello, has_versions ? TLS_1_2 : version, 2);
    for (int i = 0; i < 32; i++)
        put_number(&hello, (uint32_t)i, 1);
    put(&hello, "\x00\xc0\x2f\x00", 4);
    put_number(&hello, has_versions ? 6 : 0, 2);
    if (has_versions) {
        put_number(&hello, 43, 2);
        put_number(&hello, 2, 2);
        put_number(&hello, version, 2);
    }
    put_message(&message, 2, &hello);
    return message;
}

/* Certificates are opaque here: any bytes will do. */
static struct bytes certificate(uint32_t first, uint32_t second)
{
    struct bytes chain = {.length = 0}, message = {.length = 0};
    put_number(&chain, first + second + 6, 3);
    put_number(&chain, first, 3);
    memset(chain.at + chain.length, 'A', first);
    chain.length += first;
    put_number(&chain, second, 3);
    memset(chain.at + chain.length, 'B', second);
    chain.length += second;
    put_message(&message, 11, &chain);
    return message;
}

struct seen {
    unsigned count;
    size_t length[TLS_CHAIN_MAX];
    uint8_t first[TLS_CHAIN_MAX];
};

static void see(void *context, unsigned place, const uint8_t *der, size_t length)
{
    struct seen *seen = context;
    assert_int_equal(place, seen->count);
    seen->length[place] = length;
    seen->first[place] = der[0];
    assert_int_equal(der[length - 1], der[0]);
    seen->count++;
}

/* Reads `b` in steps of so many bytes, each from memory of its own, so that a sanitizer sees a read
 * past the end. */
static bool read_in_steps(struct tls_talk *talk, bool from_client, const struct bytes *b,
                          uint32_t step, struct seen *seen)
{
    bool more = true;
    for (uint32_t length = 0; length < b->length && more;) {
        length = length + step < b->length ? length + step : b->length;
        uint8_t *copy = malloc(length);
        assert_non_null(copy);
        memcpy(copy, b->at, length);
        more = tls_read(talk, from_client, copy, length, length, see, seen);
        free(copy);
    }
    return more;
}

static const uint32_t steps[] = {1, 2, 7, 100, 1460, 20000};
#define EACH_STEP(i) for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)

static void reads_a_client_hello(void **state)
{
    (void)state;
    struct bytes wire = {.length = 0}, hello = client_hello("backup.example.com");
    put_record(&wire, 22, hello.at, hello.length);
    assert_true(tls_begins(wire.at, wire.length));
    EACH_STEP(i)
    {
        struct tls_words words = {"", ""};
        struct tls_talk talk = {.words = &words};
        assert_true(read_in_steps(&talk, true, &wire, steps[i], NULL));
        assert_string_equal(words.server_name, "backup.example.com");
        assert_string_equal(words.alpn, "h2,http/1.1");
        assert_int_equal(talk.offered, TLS_1_3);
        assert_true(talk.side[0].said[TLS_CLIENT_HELLO].seen);
        assert_int_equal(talk.side[0].read, wire.length);
    }
}

static void reads_what_there_is_of_a_cut_hello(void **state)
{
    (void)state;
    struct bytes wire = {.length = 0}, hello = client_hello("backup.example.com");
    put_record(&wire, 22, hello.at, hello.length);
    for (uint32_t cut = 0; cut < wire.length; cut++) {
        struct tls_words words = {"", ""};
        struct tls_talk talk = {.words = &words};
        struct bytes part = wire;
        part.length = cut;
        read_in_steps(&talk, true, &part, 20000, NULL);
        assert_int_equal(talk.side[0].said[TLS_CLIENT_HELLO].seen, cut >= 9);
        if (cut < 50)
            assert_string_equal(words.server_name, "");
        if (cut > 85)
            assert_string_equal(words.server_name, "backup.example.com");
    }
}

/* A snap length of 96 bytes and less: what was cut is blank, what follows is found all the same. */
static void finds_its_way_over_blanks(void **state)
{
    (void)state;
    for (uint32_t snap = 9; snap < 140; snap++) {
        struct bytes client = {.length = 0}, server = {.length = 0};
        struct bytes hello = client_hello("backup.example.com"),
                     flight = server_hello(TLS_1_2, false);
        struct bytes chain = certificate(1500, 900);
        struct tls_talk talk = {0};
        struct seen seen = {0};
        put_record(&client, 22, hello.at, hello.length);
        uint32_t whole = snap < client.length ? snap : client.length;
        memset(client.at + whole, 0, client.length - whole);
        put_record(&client, 21, "\x02\x30", 2); /* a segment of its own */
        tls_read(&talk, true, client.at, client.length,
                 whole < client.length - 7 ? whole : client.length, NULL, NULL);
        assert_true(talk.side[0].said[TLS_CLIENT_HELLO].seen);
        assert_true(talk.side[0].said[TLS_ALERT].seen);
        assert_int_equal(talk.side[0].alert, TLS_ALERT_UNKNOWN_CA);

        put(&flight, chain.at, chain.length);
        put_record(&server, 22, flight.at, flight.length);
        memset(server.at + snap, 0, 1460 - snap);
        memset(server.at + 1460 + snap, 0, server.length - 1460 - snap);
        put_record(&server, 20, "\x01", 1);
        tls_read(&talk, false, server.at, server.length, snap, see, &seen);
        assert_int_equal(seen.count, 0); /* nothing is made up */
        assert_true(talk.side[1].said[TLS_SERVER_HELLO].seen);
        assert_int_equal(talk.side[1].said[TLS_CERTIFICATE].seen, snap >= 53);
        assert_true(talk.side[1].said[TLS_CIPHERED].seen);
        assert_false(talk.side[1].said[TLS_SERVER_DONE].seen);
        assert_false(talk.side[1].said[TLS_FOREIGN].seen);
    }
}

/* A chain that fills three records, the hello in front of it in the first of them. */
static void reads_a_chain_over_records(void **state)
{
    (void)state;
    struct bytes flight = server_hello(TLS_1_2, false), chain = certificate(1500, 900);
    struct bytes done = {.length = 0}, nothing = {.length = 0}, wire = {.length = 0};
    put_message(&done, 14, &nothing);
    put(&flight, chain.at, chain.length);
    put(&flight, done.at, done.length);
    put_record(&wire, 22, flight.at, 1000);
    put_record(&wire, 22, flight.at, 0); /* empty ones are allowed between (RFC 5246 6.2.1) */
    put_record(&wire, 22, flight.at + 1000, 1000);
    put_record(&wire, 22, flight.at + 2000, flight.length - 2000);
    EACH_STEP(i)
    {
        struct tls_talk talk = {0};
        struct seen seen = {0};
        assert_true(read_in_steps(&talk, false, &wire, steps[i], &seen));
        assert_int_equal(talk.chosen, TLS_1_2);
        assert_int_equal(talk.cipher, 0xc02f);
        assert_int_equal(talk.certificates, 2);
        assert_int_equal(seen.count, 2);
        assert_int_equal(seen.length[0], 1500);
        assert_int_equal(seen.first[1], 'B');
        assert_int_equal(talk.side[1].said[TLS_SERVER_HELLO].at, 0);
        /* 4 + 2 + 32 + 4 + 2 bytes of hello behind the record header */
        assert_int_equal(talk.side[1].said[TLS_CERTIFICATE].at, 5 + 44);
        assert_true(talk.side[1].said[TLS_SERVER_DONE].seen);
    }
}

static void tells_alerts_apart(void **state)
{
    (void)state;
    struct bytes wire = {.length = 0};
    struct tls_talk talk = {0};
    put_record(&wire, 21, "\x02\x30", 2);
    assert_true(tls_begins(wire.at, wire.length));
    assert_false(read_in_steps(&talk, true, &wire, 1, NULL));
    assert_true(talk.side[0].said[TLS_ALERT].seen);
    assert_int_equal(talk.side[0].alert, TLS_ALERT_UNKNOWN_CA);
    assert_string_equal(tls_alert_name(talk.side[0].alert), "unknown_ca");

    talk = (struct tls_talk){0};
    wire.length = 0;
    put_record(&wire, 20, "\x01", 1);
    put_record(&wire, 21, "0123456789012345678901234567890123456789", 40);
    assert_false(read_in_steps(&talk, true, &wire, 3, NULL));
    assert_true(talk.side[0].said[TLS_HIDDEN_ALERT].seen);
    assert_int_equal(talk.side[0].said[TLS_HIDDEN_ALERT].at, 6);
    assert_false(talk.side[0].said[TLS_ALERT].seen);

    talk = (struct tls_talk){0};
    wire.length = 0;
    put_record(&wire, 21, "\x01\x00", 2);
    assert_true(read_in_steps(&talk, false, &wire, 3, NULL));
    assert_true(talk.side[1].said[TLS_CLOSE].seen);
    assert_false(talk.side[1].said[TLS_ALERT].seen);
}

/* RFC 8446: after the hello all is application data, and an alert is shorter than Finished. */
static void finds_the_hidden_alert_of_tls_1_3(void **state)
{
    (void)state;
    static const uint8_t sealed[64];
    for (int refuses = 0; refuses < 2; refuses++) {
        struct bytes server = {.length = 0}, client = {.length = 0};
        struct bytes hello = server_hello(TLS_1_3, true);
        struct tls_talk talk = {0};
        put_record(&server, 22, hello.at, hello.length);
        put_record(&server, 20, "\x01", 1);
        put_record(&server, 23, sealed, 40);
        put_record(&client, 20, "\x01", 1);
        put_record(&client, 23, sealed, refuses ? 19 : 53);
        assert_false(read_in_steps(&talk, false, &server, 9, NULL));
        assert_false(read_in_steps(&talk, true, &client, 9, NULL));
        assert_int_equal(talk.chosen, TLS_1_3);
        assert_int_equal(talk.side[0].said[TLS_HIDDEN_ALERT].seen, refuses);
        assert_int_equal(talk.side[0].said[TLS_DATA].seen, !refuses);
    }
}

static void knows_what_is_no_tls(void **state)
{
    (void)state;
    static const char http[] = "HTTP/1.1 403 Forbidden\r\n";
    assert_false(tls_begins((const uint8_t *)http, sizeof http - 1));
    assert_false(tls_begins((const uint8_t *)"\x16\x03\x01\xff\xff\x01", 6));
    assert_false(tls_begins((const uint8_t *)"\x17\x03\x03\x00\x20\x01", 6));
    struct bytes wire = {.length = 0}, hello = server_hello(TLS_1_2, false);
    struct tls_talk talk = {0};
    put_record(&wire, 22, hello.at, hello.length);
    put(&wire, http, sizeof http - 1);
    assert_false(read_in_steps(&talk, false, &wire, 5, NULL));
    assert_int_equal(talk.side[1].said[TLS_FOREIGN].at, hello.length + 5);
}

/* Lengths that lie: every prefix and every changed byte of a flight is read without harm. */
static void survives_lies(void **state)
{
    (void)state;
    struct bytes flight = server_hello(TLS_1_3, true), chain = certificate(60, 30);
    struct bytes hello = client_hello("a.example"), wire = {.length = 0};
    put(&flight, chain.at, chain.length);
    put(&flight, hello.at, hello.length);
    put_record(&wire, 22, flight.at, 100);
    put_record(&wire, 22, flight.at + 100, flight.length - 100);
    srand(5);
    for (int round = 0; round < 3000; round++) {
        struct bytes bad = wire;
        struct tls_words words = {"", ""};
        struct tls_talk talk = {.words = &words};
        for (int i = 0; i < 3; i++)
            bad.at[(uint32_t)rand() % bad.length] = (uint8_t)rand();
        uint32_t part = 1 + (uint32_t)rand() % bad.length;
        tls_read(&talk, round & 1, bad.at, part, (uint32_t)rand() % (part + 1), NULL, NULL);
        tls_read(&talk, round & 1, bad.at, bad.length, bad.length, NULL, NULL);
        assert_true(talk.side[!(round & 1)].read <= bad.length + 5 + 20000);
        assert_true(memchr(words.server_name, 0, sizeof words.server_name) != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_client_hello),
        cmocka_unit_test(reads_what_there_is_of_a_cut_hello),
        cmocka_unit_test(finds_its_way_over_blanks),
        cmocka_unit_test(reads_a_chain_over_records),
        cmocka_unit_test(tells_alerts_apart),
        cmocka_unit_test(finds_the_hidden_alert_of_tls_1_3),
        cmocka_unit_test(knows_what_is_no_tls),
        cmocka_unit_test(survives_lies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
