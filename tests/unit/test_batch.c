/* fwsniff batch: names, streams, what is seen at several places. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/batch/document.h"
#include "analyzer/batch/exchange.h"
#include "analyzer/batch/name.h"
#include "analyzer/batch/places.h"
#include "analyzer/batch/stream.h"
#include "analyzer/batch/worklist.h"
#include "dissectors/packet.h"

static void test_names_come_back(void **state)
{
    (void)state;
    static const char *const raw[] = {"plain.pcap",
                                      "50% more",
                                      "\x1b[31m\n",
                                      "\xff\xfe",
                                      "%41",
                                      "caf\xc3\xa9",
                                      ("a\xe2\x80\xae"
                                       "b"),
                                      ""};
    for (size_t i = 0; i < sizeof raw / sizeof *raw; i++) {
        char *name = name_encode(raw[i]), *back = name_decode(name);
        assert_string_equal(back, raw[i]);
        for (const char *at = name; *at; at++)
            assert_true((unsigned char)*at >= 0x20 && *at != 0x7f);
        free(name);
        free(back);
    }
    char *name = name_encode("a%\n\xff");
    assert_string_equal(name, "a%25%0A%FF");
    free(name);
}

static void test_stems(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"x/edge_00001_20261121100000.pcapng", "x/edge_00002_20261121110000.pcapng", true},
        {"cap.pcap", "cap.pcap1", true}, /* tcpdump -C */
        {"cap.pcap1", "cap.pcap12", true},
        {"2026-11-21.pcap", "2026-11-22.pcap", true},
        {"trace20261121.pcap", "trace20261122.pcap", true},
        {"edge-1.pcap", "edge-2.pcap.gz", true}, /* compressed since */
        {"client.pcap", "server.pcap", false},
        {"server1.pcap", "server2.pcap", false},
        {"fw1-any.pcap", "fw2-any.pcap", false},
        {"10.2.0.10.pcap", "10.2.0.11.pcap", false},
        {"host-10.2.0.10_001.pcap", "host-10.2.0.10_002.pcap", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *a = name_stem(cases[i].a), *b = name_stem(cases[i].b);
        if ((strcmp(a, b) == 0) != cases[i].same)
            fail_msg("%s and %s: %s, %s", cases[i].a, cases[i].b, a, b);
        free(a);
        free(b);
    }
}

static void test_slugs_are_file_names(void **state)
{
    (void)state;
    static const char *const sites[] = {"paris", "a/b", "..", "<b>", "", "caf\xc3\xa9", ".hidden"};
    char *seen[sizeof sites / sizeof *sites];
    for (size_t i = 0; i < sizeof sites / sizeof *sites; i++) {
        seen[i] = name_slug(sites[i]);
        assert_int_equal(strspn(seen[i], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "0123456789-_."),
                         strlen(seen[i]));
        assert_true(*seen[i] && *seen[i] != '.');
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(seen[i], seen[j]);
    }
    assert_string_equal(seen[0], "paris");
    for (size_t i = 0; i < sizeof sites / sizeof *sites; i++)
        free(seen[i]);
}

#define SECOND INT64_C(1000000000)

static struct stream_part part(const char *name, double first, double last)
{
    return (struct stream_part){.group = "g",
                                .name = name,
                                .first_ns = (int64_t)(first * (double)SECOND),
                                .last_ns = (int64_t)(last * (double)SECOND)};
}

static size_t stream_of(const struct stream_part *parts, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(parts[i].name, name) == 0)
            return parts[i].stream;
    fail_msg("no part %s", name);
    return 0;
}

static void test_parts_that_follow_are_one_stream(void **state)
{
    (void)state;
    struct stream_part parts[] = {part("c", 200, 300), part("a", 0, 100), part("b", 100.5, 199.9),
                                  part("far", 421, 500)};
    assert_int_equal(stream_arrange(STREAM_BY_NAME, parts, 4), 2);
    assert_string_equal(parts[0].name, "a");
    assert_string_equal(parts[1].name, "b");
    assert_string_equal(parts[2].name, "c");
    assert_int_equal(stream_of(parts, 4, "far"), 1); /* a hole of 121 s */
    assert_int_equal(stream_arrange(STREAM_NEVER, parts, 4), 4);
}

static void test_parts_of_one_time_are_two_streams(void **state)
{
    (void)state;
    struct stream_part parts[] = {part("a1", 0, 100), part("b1", 1.5, 101), part("a2", 100, 200),
                                  part("b2", 101, 201)};
    assert_int_equal(stream_arrange(STREAM_BY_NAME, parts, 4), 2);
    assert_int_equal(stream_of(parts, 4, "a1"), stream_of(parts, 4, "a2"));
    assert_int_equal(stream_of(parts, 4, "b1"), stream_of(parts, 4, "b2"));
}

static void test_a_part_without_packets_is_alone(void **state)
{
    (void)state;
    struct stream_part parts[] = {part("a", 0, 100), part("b", 100, 200)};
    parts[0].first_ns = parts[0].last_ns = INT64_MIN;
    assert_int_equal(stream_arrange(STREAM_BY_TIME, parts, 2), 2);
    parts[0].first_ns = INT64_MIN + 1; /* hostile times do not overflow */
    parts[0].last_ns = INT64_MIN + 2;
    parts[1].first_ns = parts[1].last_ns = INT64_MAX;
    assert_int_equal(stream_arrange(STREAM_BY_TIME, parts, 2), 2);
}

static void add_seen(cJSON *result, const char *id, int64_t first, int64_t last, int attempts,
                     double confidence)
{
    cJSON *item = cJSON_CreateObject(), *document = cJSON_CreateObject();
    cJSON *verdict = cJSON_CreateObject();
    document_add_text(item, "id", id);
    document_add_number(item, "first", first);
    document_add_number(item, "last", last);
    document_add_number(item, "attempts", attempts);
    document_add(verdict, "confidence", cJSON_CreateNumber(confidence));
    document_add(document, "attempts", cJSON_CreateNumber(attempts));
    document_add(document, "verdict", verdict);
    document_add(item, "document", document);
    cJSON_AddItemToArray(cJSON_GetObjectItem(result, "findings"), item);
}

static void test_places_count_once(void **state)
{
    (void)state;
    cJSON *result = cJSON_CreateObject();
    document_add(result, "findings", cJSON_CreateArray());
    add_seen(result, "b", 0, 10, 3, 0.5);
    add_seen(result, "a", 0, 10, 3, 0.5);
    add_seen(result, "a", 5, 11, 4, 0.9); /* the same time: the same attempts */
    add_seen(result, "a", 20, 30, 2, 0.4);
    places_join(result);
    const cJSON *findings = document_list(result, "findings");
    assert_int_equal(cJSON_GetArraySize(findings), 2);
    const cJSON *first = cJSON_GetArrayItem(findings, 0);
    assert_string_equal(document_text(first, "id"), "a");
    assert_int_equal(document_number(first, "attempts", 0), 6);
    assert_int_equal(document_number(first, "last", 0), 30);
    const cJSON *document = cJSON_GetObjectItem(first, "document");
    assert_int_equal((int)cJSON_GetNumberValue(cJSON_GetObjectItem(document, "attempts")), 6);
    cJSON_Delete(result);
}

static cJSON *plan_of(size_t units)
{
    cJSON *plan = cJSON_CreateObject(), *list = cJSON_CreateArray();
    for (size_t i = 0; i < units; i++) {
        char site[20];
        cJSON *unit = cJSON_CreateObject();
        snprintf(site, sizeof site, "site-%zu", i);
        document_add_text(unit, "site", site);
        document_add_number(unit, "bytes", (int64_t)(i * 37 % 11 * 1000));
        cJSON_AddItemToArray(list, unit);
    }
    document_add(plan, "units", list);
    return plan;
}

static void test_shares_are_disjoint_and_whole(void **state)
{
    (void)state;
    enum { UNITS = 23, SHARES = 4 };
    unsigned seen[UNITS] = {0};
    int64_t least = INT64_MAX, most = 0;
    for (unsigned share = 1; share <= SHARES; share++) {
        cJSON *plan = plan_of(UNITS), *mine = worklist_share(plan, share, SHARES);
        const cJSON *unit;
        int64_t bytes = 0;
        cJSON_ArrayForEach(unit, mine) {
            seen[atoi(document_text(unit, "site") + 5)]++;
            bytes += document_number(unit, "bytes", 0);
        }
        least = bytes < least ? bytes : least;
        most = bytes > most ? bytes : most;
        cJSON_Delete(mine);
        cJSON_Delete(plan);
    }
    for (size_t i = 0; i < UNITS; i++)
        assert_int_equal(seen[i], 1);
    assert_true(most - least <= 10000); /* one unit at most */
}

/* --- the failing exchange --- */

static const char *some_name(const void *context, const char *id)
{
    (void)context;
    return id ? "a<b>.pcap" : NULL;
}

/* What the page of a site shows of a finding in JSON. Freed by the caller. */
static char *drawing(const cJSON *document)
{
    char *page = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&page, &length);
    exchange_draw(out, document, some_name, NULL);
    fclose(out);
    return page;
}

static cJSON *finding_with(cJSON *exchange)
{
    cJSON *document = cJSON_Parse(
        "{\"id\":\"c0ffee12\",\"proto\":\"tcp\",\"client\":{\"ip\":\"10.2.0.10\"},"
        "\"server\":{\"ip\":\"203.0.113.2\"},\"symptom\":\"icmp-unreachable\","
        "\"verdict\":{\"failure_point\":\"edge-firewall\",\"label\":\"FP2\",\"candidates\":"
        "[{\"failure_point\":\"edge-firewall\",\"probability\":0.9}]}}");
    assert_non_null(document);
    document_add(document, "exchange", exchange);
    return document;
}

static void test_an_exchange_is_drawn_from_what_is_kept(void **state)
{
    (void)state;
    struct exchange_step steps[] = {
        {.time_ns = 1000000000, .frame = 7, .flags = TCP_SYN, .lost = true, .again = {.total = 2}},
        {.time_ns = 1250000000,
         .frame = 9,
         .sender = STEP_OF_OTHER,
         .is_icmp = true,
         .icmp_type = 3,
         .icmp_code = 13},
    };
    struct exchange exchange = {.client_port = 51234, .steps = steps, .step_count = 2};
    struct finding finding = {.exchanges = &exchange, .exchange_count = 1};
    assert_true(ip_parse("198.51.100.1", &steps[1].icmp_sender));
    cJSON *document = finding_with(exchange_document(&finding));
    cJSON *step;
    cJSON_ArrayForEach(step, document_list(cJSON_GetObjectItem(document, "exchange"), "steps"))
        cJSON_ReplaceItemInObject(step, "capture", cJSON_CreateString("a"));
    char *page = drawing(document);
    static const char *const parts[] = {
        ">SYN<", "and 2 more times",  ">+0.250<",       "ICMP 3/13 from 198.51.100.1", ">7<", ">9<",
        "FP2",   "client port 51234", "a&lt;b&gt;.pcap"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        assert_non_null(strstr(page, parts[i]));
    assert_null(strstr(page, "<a "));
    free(page);
    cJSON_Delete(document);
    finding.exchange_count = 0;
    assert_null(exchange_document(&finding));
}

/* A share's result comes from another machine, a history may be damaged. */
static void test_an_exchange_is_not_believed(void **state)
{
    (void)state;
    static const char *const bad[] = {"null",
                                      "[]",
                                      "{}",
                                      "{\"steps\":{}}",
                                      "{\"steps\":[null,1,\"x\",[]]}",
                                      "{\"client_port\":1e99,\"steps\":[{\"frame\":-5,\"after_s\":"
                                      "1e300,\"from\":\"<b>\",\"flags\":999,"
                                      "\"length\":-1,\"icmp\":{\"ip\":\"<script>\",\"type\":\"x\"},"
                                      "\"lost\":1,\"repeats\":1e12}]}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cJSON *document = finding_with(cJSON_Parse(bad[i]));
        char *page = drawing(document);
        assert_null(strstr(page, "<b>"));
        assert_null(strstr(page, "<script>"));
        free(page);
        cJSON_Delete(document);
    }
    cJSON *steps = cJSON_CreateArray(), *exchange = cJSON_CreateObject();
    for (int i = 0; i < 10 * EXCHANGE_STEPS_MAX; i++)
        cJSON_AddItemToArray(steps, cJSON_CreateObject());
    document_add(exchange, "steps", steps);
    cJSON *document = finding_with(exchange);
    char *page = drawing(document);
    assert_non_null(strstr(page, "</svg>"));
    free(page);
    cJSON_ReplaceItemInObject(document, "id", cJSON_CreateString("\"><x"));
    page = drawing(document);
    assert_string_equal(page, "");
    free(page);
    cJSON_Delete(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_come_back),
        cmocka_unit_test(test_stems),
        cmocka_unit_test(test_slugs_are_file_names),
        cmocka_unit_test(test_parts_that_follow_are_one_stream),
        cmocka_unit_test(test_parts_of_one_time_are_two_streams),
        cmocka_unit_test(test_a_part_without_packets_is_alone),
        cmocka_unit_test(test_places_count_once),
        cmocka_unit_test(test_shares_are_disjoint_and_whole),
        cmocka_unit_test(test_an_exchange_is_drawn_from_what_is_kept),
        cmocka_unit_test(test_an_exchange_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
