/* HTTP: requests and answers, whole, in pieces, and hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dissectors/http.h"

enum { CLIENT = true, SERVER = false };

static struct {
    unsigned calls;
    uint16_t status;
    char head[512], body[HTTP_PAGE_BYTES_MAX + 1];
} shown;

static void show(void *context, uint16_t status, const uint8_t *head, size_t head_length,
                 const uint8_t *body, size_t body_length)
{
    assert_null(context);
    assert_true(body_length <= HTTP_PAGE_BYTES_MAX);
    shown.calls++;
    shown.status = status;
    snprintf(shown.head, sizeof shown.head, "%.*s", (int)head_length, (const char *)head);
    snprintf(shown.body, sizeof shown.body, "%.*s", (int)body_length, (const char *)body);
}

/* In steps of so many bytes, each from memory of its own. */
static bool read_text(struct http_talk *talk, bool from_client, const char *text, uint32_t step)
{
    uint32_t all = (uint32_t)strlen(text);
    bool more = true;
    for (uint32_t length = 0; length < all && more;) {
        length = length + step < all ? length + step : all;
        uint8_t *copy = malloc(length);
        assert_non_null(copy);
        memcpy(copy, text, length);
        more = http_read(talk, from_client, copy, length, show, NULL);
        free(copy);
    }
    return more;
}

static const uint32_t steps[] = {1, 3, 50, 100000};
#define EACH_STEP(i) for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)

static bool begins(bool from_client, const char *text)
{
    return http_begins(from_client, (const uint8_t *)text, strlen(text));
}

static void knows_its_beginnings(void **state)
{
    (void)state;
    assert_true(begins(CLIENT, "GET / HTTP/1.1\r\n"));
    assert_true(begins(CLIENT, "POST "));
    assert_false(begins(CLIENT, "GET"));
    assert_false(begins(CLIENT, "HELO a"));
    assert_false(begins(CLIENT, "\x16\x03\x01 GET "));
    assert_true(begins(SERVER, "HTTP/1.0 200"));
    assert_false(begins(SERVER, "HTTP/2 200"));
    assert_false(begins(SERVER, "220 ready"));
}

static void reads_a_conversation(void **state)
{
    (void)state;
    EACH_STEP(i)
    {
        struct http_talk talk = {0};
        read_text(&talk, CLIENT,
                  "PUT /a HTTP/1.1\r\nhost: Backup.Example:5800\r\nContent-Length: 5\r\n\r\nGET /"
                  "HEAD /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\n",
                  steps[i]);
        assert_string_equal(talk.method, "PUT");
        assert_string_equal(talk.host, "Backup.Example");
        assert_int_equal(talk.side[0].messages, 3);
        assert_int_equal(talk.head_requests, 2);
        assert_true(
            read_text(&talk, SERVER,
                      "HTTP/1.1 100 Continue\r\n\r\n"
                      "HTTP/1.1 201 Created\r\nServer: Jetty\r\nContent-Length: 3\r\n\r\nabc"
                      "HTTP/1.1 200 OK\r\nContent-Length: 7000\r\n\r\n" /* to HEAD */
                      "HTTP/1.1 204 No Content\r\n\r\n",
                      steps[i]));
        assert_int_equal(talk.status, 201);
        assert_int_equal(talk.side[1].messages, 3);
        assert_string_equal(talk.server, "Jetty");
        assert_int_equal(talk.refusal, 0);
        assert_int_equal(talk.side[1].said[HTTP_RESPONSE].at, 25);
        assert_false(talk.side[1].said[HTTP_FOREIGN].seen);
    }
}

static void sees_a_block_page(void **state)
{
    (void)state;
    EACH_STEP(i)
    {
        struct http_talk talk = {0};
        shown.calls = 0;
        read_text(&talk, CLIENT, "GET / HTTP/1.1\nHost: a\n\n", steps[i]); /* bare newlines */
        read_text(&talk, SERVER,
                  "HTTP/1.1 403 Forbidden\r\nVia: 1.1 gateway\r\nConnection: close\r\n"
                  "Content-Length: 16\r\n\r\n<h1>Blocked</h1>",
                  steps[i]);
        assert_int_equal(talk.refusal, 403);
        assert_string_equal(talk.via, "1.1 gateway");
        assert_true(talk.side[1].said[HTTP_REFUSAL].seen);
        assert_int_equal(shown.status, 403);
        assert_string_equal(shown.body, "<h1>Blocked</h1>");
        assert_non_null(strstr(shown.head, "Via: 1.1 gateway"));
        assert_false(talk.page_open);
    }
}

static void a_long_page_is_looked_at_in_part(void **state)
{
    (void)state;
    static char page[6000];
    struct http_talk talk = {0};
    int length = snprintf(page, sizeof page, "HTTP/1.1 503 Busy\r\n\r\n");
    memset(page + length, 'x', sizeof page - (size_t)length - 1);
    assert_false(read_text(&talk, SERVER, page, 500));
    assert_int_equal(strlen(shown.body), HTTP_PAGE_BYTES_MAX);
}

static void reads_what_there_is_of_a_cut_head(void **state)
{
    (void)state;
    struct http_talk talk = {0};
    read_text(&talk, SERVER, "HTTP/1.1 403 Forbidden\r\nServer: Filter", 100);
    assert_int_equal(talk.refusal, 403);
    assert_true(talk.side[1].said[HTTP_REFUSAL].seen);
    assert_int_equal(talk.side[1].messages, 0);
    static const struct {
        const char *text;
        uint16_t status;
    } cases[] = {
        {"HTTP/1.1 200 ", 200}, {"HTTP/1.1 200", 0},          {"HTTP/1.1 20", 0},
        {"HTTP/1.1 2000 ", 0},  {"HTTP/1.1 100 Continue", 0}, {"HTTP/1.1 302 Found\r\nLoc", 302},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        talk = (struct http_talk){0};
        read_text(&talk, SERVER, cases[i].text, 1);
        assert_int_equal(talk.status, cases[i].status);
        assert_int_equal(talk.side[1].messages, 0);
    }
}

static void tells_where_a_redirect_leads(void **state)
{
    (void)state;
    static const struct {
        const char *location, *elsewhere;
    } cases[] = {
        {"http://login.portal.example:8000/?u=http://backup.example/", "login.portal.example"},
        {"https://BACKUP.example/", ""},
        {"/app", ""},
        {"app//http://other.example/", ""},
        {"//cdn.example/x", "cdn.example"},
        {"http://user@[2001:db8::1]:80/", "[2001:db8::1]"},
        {"http:", ""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_talk talk = {0};
        char answer[300];
        read_text(&talk, CLIENT, "GET / HTTP/1.1\r\nHost: backup.example\r\n\r\n", 100);
        snprintf(answer, sizeof answer,
                 "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
                 cases[i].location);
        read_text(&talk, SERVER, answer, 1000);
        assert_string_equal(talk.location, cases[i].elsewhere);
        assert_int_equal(talk.refusal, *cases[i].elsewhere ? 302 : 0);
    }
}

static void a_proxy_refuses(void **state)
{
    (void)state;
    struct http_talk talk = {0};
    assert_true(read_text(&talk, CLIENT, "CONNECT backup.example:443 HTTP/1.1\r\n\r\n", 100));
    assert_false(talk.side[0].tunnel);
    assert_string_equal(talk.host, "backup.example");
    read_text(&talk, SERVER,
              "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n"
              "Content-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
              1000);
    assert_int_equal(talk.refusal, 407);
    assert_true(talk.proxy_authenticate);
    assert_int_equal(talk.successes_after, 1);
}

/* Refused, asked again, and then TLS in both directions: an alert is short. */
static void a_proxy_lets_through(void **state)
{
    (void)state;
    struct http_talk talk = {0};
    static const char asks[] = "CONNECT b:443 HTTP/1.1\r\n\r\n"
                               "CONNECT b:443 HTTP/1.1\r\nProxy-Authorization: x\r\n\r\n";
    static const char answers[] = "HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno"
                                  "HTTP/1.1 200 OK\r\n\r\n";
    char bytes[200];
    snprintf(bytes, sizeof bytes, "%s\x16\x03\x01", asks);
    assert_false(read_text(&talk, CLIENT, bytes, 1));
    assert_true(talk.side[0].tunnel);
    assert_int_equal(talk.side[0].read, sizeof asks - 1);
    assert_int_equal(talk.side[0].messages, 2);
    snprintf(bytes, sizeof bytes, "%s\x15\x03\x03", answers);
    assert_false(read_text(&talk, SERVER, bytes, 1));
    assert_true(talk.side[1].tunnel);
    assert_int_equal(talk.side[1].read, sizeof answers - 1);
    assert_false(talk.side[1].said[HTTP_FOREIGN].seen);
}

/* Hosts that send nonsense, and heads without an end. */
static void survives_nonsense(void **state)
{
    (void)state;
    static const char seed[] = "HTTP/1.1 302 Found\r\nLocation: http://a/\r\nContent-Length: 4\r\n"
                               "Via: x\r\nContent-Type: text/html\r\n\r\nbodyHTTP/1.1 200 OK\r\n"
                               "Content-Length: 99999999999999999999\r\n\r\n";
    srand(3);
    for (int round = 0; round < 5000; round++) {
        char text[sizeof seed];
        struct http_talk talk = {0};
        memcpy(text, seed, sizeof seed);
        for (int i = 0; i < 4; i++)
            text[(size_t)rand() % (sizeof text - 1)] = (char)(1 + rand() % 255);
        read_text(&talk, round & 1, text, 1 + (uint32_t)rand() % 40);
    }
    static char endless[16000];
    struct http_talk talk = {0};
    memcpy(endless, "GET / HTTP/1.1\r\n", 16);
    memset(endless + 16, 'a', sizeof endless - 17);
    assert_false(read_text(&talk, CLIENT, endless, 1000));
    assert_int_equal(talk.side[0].messages, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_its_beginnings),
        cmocka_unit_test(reads_a_conversation),
        cmocka_unit_test(sees_a_block_page),
        cmocka_unit_test(a_long_page_is_looked_at_in_part),
        cmocka_unit_test(reads_what_there_is_of_a_cut_head),
        cmocka_unit_test(tells_where_a_redirect_leads),
        cmocka_unit_test(a_proxy_refuses),
        cmocka_unit_test(a_proxy_lets_through),
        cmocka_unit_test(survives_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
