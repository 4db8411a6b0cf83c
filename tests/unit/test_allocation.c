/* No packet costs an allocation: the allocator's functions are replaced by ones that count, and
 * whole captures go through an inquiry. New state may allocate, seldom: by slabs and by doubling.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/inquiry.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
/* Sanitizers and other C libraries have allocators of their own. */
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer)
#define CAN_COUNT 1
#else
#define CAN_COUNT 0
#endif

static uint64_t allocations;

#if CAN_COUNT
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    allocations++;
    return __libc_realloc(old, size);
}
#endif

enum {
    SYN = 0x02,
    ACK = 0x10,
    HEADERS = 14 + 20 + 20,
    PAYLOAD = 100,
    PRODUCT_PORT = 5800, /* Syncrify */
    OTHER_PORT = 9999,
    WARM_UP = 1000, /* packets: the first flows, nDPI */
};

struct segment {
    uint32_t client;
    uint16_t server_port;
    bool from_server;
    uint8_t flags;
    uint32_t sequence, acknowledgment;
    unsigned payload;
};

static void put(uint8_t *at, uint32_t value, int bytes)
{
    while (bytes-- > 0) {
        at[bytes] = (uint8_t)value;
        value >>= 8;
    }
}

static void write_segment(FILE *out, uint32_t number, const struct segment *s)
{
    static const uint32_t server = 0xcb007102;
    enum { CLIENT_PORT = 40000 };
    uint8_t bytes[HEADERS + PAYLOAD] = {[12] = 0x08, [14] = 0x45, [22] = 64, 6, [46] = 0x50};
    uint32_t length = HEADERS + s->payload;
    put(bytes + 16, length - 14, 2);
    put(bytes + 26, s->from_server ? server : s->client, 4);
    put(bytes + 30, s->from_server ? s->client : server, 4);
    put(bytes + 34, s->from_server ? s->server_port : CLIENT_PORT, 2);
    put(bytes + 36, s->from_server ? CLIENT_PORT : s->server_port, 2);
    put(bytes + 38, s->sequence, 4);
    put(bytes + 42, s->acknowledgment, 4);
    bytes[47] = s->flags;
    uint32_t record[4] = {1700000000 + number / 1000, number % 1000 * 1000, length, length};
    fwrite(record, sizeof record, 1, out);
    fwrite(bytes, length, 1, out);
}

static FILE *open_capture(char path[])
{
    static const uint32_t header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *out = fdopen(fd, "wb");
    assert_non_null(out);
    fwrite(header, sizeof header, 1, out);
    return out;
}

/* One connection to a product: data one way, acknowledged the other. */
static void write_conversation(FILE *out, uint32_t packets)
{
    struct segment s = {.client = 0x0a000001, .server_port = PRODUCT_PORT, .sequence = 1000};
    uint32_t sent = 1001;
    s.flags = SYN;
    write_segment(out, 0, &s);
    write_segment(out, 1,
                  &(struct segment){s.client, s.server_port, true, SYN | ACK, 5000, sent, 0});
    s.flags = ACK;
    for (uint32_t i = 2; i < packets; i++) {
        s.from_server = i % 2;
        s.payload = s.from_server ? 0 : PAYLOAD;
        s.sequence = s.from_server ? 5001 : sent;
        s.acknowledgment = s.from_server ? sent : 5001;
        write_segment(out, i, &s);
        sent += s.payload;
    }
}

/* SYNs, each of a client of its own. */
static void write_flood(FILE *out, uint32_t packets, uint16_t port)
{
    for (uint32_t i = 0; i < packets; i++)
        write_segment(out, i, &(struct segment){0x0b000000 + i, port, false, SYN, i, 0, 0});
}

struct run {
    struct profiles *profiles;
    struct thresholds thresholds;
    struct inquiry *inquiry;
    char path[32];
};

static void start(struct run *run, FILE *out, size_t max_flows)
{
    struct error error;
    fclose(out);
    run->profiles = profiles_load(&(struct profile_request){.directory = "rules"}, &error);
    assert_non_null(run->profiles);
    run->thresholds.syn_retry_gap_min_s = 0.18;
    struct source *source = source_open_file(run->path, NULL, &error);
    assert_non_null(source);
    run->inquiry = inquiry_new(&(struct inquiry_request){.profiles = run->profiles,
                                                         .thresholds = &run->thresholds,
                                                         .max_flows = max_flows,
                                                         .name = run->path},
                               source);
}

/* Reads on until `packets` were read in all, or to the end; allocations made meanwhile. */
static uint64_t read_until(struct run *run, uint64_t packets)
{
    struct capture_report report;
    uint64_t before = allocations;
    do {
        if (!inquiry_step(run->inquiry))
            break;
        inquiry_describe(run->inquiry, &(struct diagnosis){0}, &report);
    } while (report.packets < packets);
    return allocations - before;
}

static void finish(struct run *run)
{
    inquiry_free(run->inquiry);
    profiles_free(run->profiles);
    unlink(run->path);
}

static void test_conversation(void **state)
{
    (void)state;
    if (!CAN_COUNT)
        skip();
    struct run run = {.path = "/tmp/fwsniff-test-XXXXXX"};
    FILE *out = open_capture(run.path);
    write_conversation(out, 50000);
    start(&run, out, 100000);
    assert_true(read_until(&run, WARM_UP) > 0);
    assert_int_equal(read_until(&run, UINT64_MAX), 0);
    finish(&run);
}

static void test_new_flows(void **state)
{
    (void)state;
    if (!CAN_COUNT)
        skip();
    enum { FLOWS = 100000, HOSTS_PER_SLAB = 1000, FLOWS_PER_SLAB = 16000, DOUBLINGS = 4 * 20 };
    struct run run = {.path = "/tmp/fwsniff-test-XXXXXX"};
    FILE *out = open_capture(run.path);
    write_flood(out, FLOWS, OTHER_PORT);
    start(&run, out, FLOWS * 2);
    read_until(&run, WARM_UP);
    /* A slab, and the list of slabs a little longer. */
    uint64_t slabs = 2 * (FLOWS / HOSTS_PER_SLAB + FLOWS / FLOWS_PER_SLAB + 2);
    assert_in_range(read_until(&run, UINT64_MAX), 1, slabs + DOUBLINGS);
    finish(&run);
}

/* Once the tables are full nothing grows: not with strangers, not with product connections. */
static void test_full_tables(void **state)
{
    (void)state;
    if (!CAN_COUNT)
        skip();
    enum { CAP = 2000 };
    static const uint16_t ports[] = {OTHER_PORT, PRODUCT_PORT};
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        struct run run = {.path = "/tmp/fwsniff-test-XXXXXX"};
        FILE *out = open_capture(run.path);
        write_flood(out, 20 * CAP, ports[i]);
        start(&run, out, CAP);
        read_until(&run, 3 * CAP); /* hosts: twice as many as flows */
        assert_int_equal(read_until(&run, UINT64_MAX), 0);
        finish(&run);
    }
}

/* What did not fit is told. */
static void note_warning(void *context, const char *text)
{
    bool *told = context;
    told[0] |= strstr(text, "conversations were forgotten") != NULL;
    told[1] |= strstr(text, "product connections were forgotten") != NULL;
    told[2] |= strstr(text, "addresses did not fit") != NULL;
}

static void test_caps_are_told(void **state)
{
    (void)state;
    enum { CAP = 2000 };
    for (uint32_t packets = CAP / 2; packets <= 10 * CAP; packets *= 20) {
        bool told[3] = {false};
        struct run run = {.path = "/tmp/fwsniff-test-XXXXXX"};
        FILE *out = open_capture(run.path);
        write_flood(out, packets, PRODUCT_PORT);
        start(&run, out, CAP);
        read_until(&run, UINT64_MAX);
        inquiry_warnings(run.inquiry, &(struct diagnosis){0}, note_warning, told);
        for (size_t i = 0; i < sizeof told / sizeof *told; i++)
            assert_int_equal(told[i], packets > CAP);
        finish(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversation),
        cmocka_unit_test(test_new_flows),
        cmocka_unit_test(test_full_tables),
        cmocka_unit_test(test_caps_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
