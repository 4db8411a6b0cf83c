/* Capture files: every format and variant, compression, pipes, cuts, caps, filters. The captures
 * are built here, so that what must come out is known to the byte. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analyzer/capture/bytes.h"
#include "analyzer/capture/filter.h"
#include "analyzer/capture/linktype.h"
#include "analyzer/capture/source.h"

enum { BATCH = 64, FRAMES_KEPT = 64 };

/* ---- building ---- */

struct image {
    uint8_t *data;
    size_t length, room;
    bool swapped;
};

static void put(struct image *image, const void *data, size_t length)
{
    if (image->length + length > image->room) {
        image->room = (image->length + length) * 2;
        image->data = realloc(image->data, image->room);
        assert_non_null(image->data);
    }
    if (length)
        memcpy(image->data + image->length, data, length);
    image->length += length;
}

static void put16(struct image *image, uint32_t value)
{
    uint16_t word = (uint16_t)value;
    if (image->swapped)
        word = __builtin_bswap16(word);
    put(image, &word, sizeof word);
}

static void put32(struct image *image, uint64_t value)
{
    uint32_t word = (uint32_t)value;
    if (image->swapped)
        word = __builtin_bswap32(word);
    put(image, &word, sizeof word);
}

static void put64(struct image *image, uint64_t value)
{
    if (image->swapped)
        value = __builtin_bswap64(value);
    put(image, &value, sizeof value);
}

static void put_pattern(struct image *image, size_t length, unsigned seed)
{
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = (uint8_t)(seed * 31 + i);
        put(image, &byte, 1);
    }
}

static void free_image(struct image *image)
{
    free(image->data);
    *image = (struct image){0};
}

struct pcap_kind {
    uint32_t magic;
    uint16_t major, minor;
    uint32_t network;
    uint32_t record_extra; /* bytes behind the usual 16 */
    uint32_t header_extra;
    uint8_t packet_type; /* at byte 22 of the record header */
    bool lengths_swapped;
    uint16_t link_type; /* what must come out */
    uint32_t fraction_ns;
    enum frame_direction direction;
};

static void put_pcap_header(struct image *image, const struct pcap_kind *kind)
{
    put32(image, kind->magic);
    put16(image, kind->major);
    put16(image, kind->minor);
    put32(image, 0);
    put32(image, 0);
    put32(image, 65535);
    put32(image, kind->network);
    for (uint32_t i = 0; i < kind->header_extra; i++)
        put(image, "", 1);
}

static void put_pcap_record(struct image *image, const struct pcap_kind *kind, unsigned number,
                            uint32_t caplen, uint32_t len)
{
    put32(image, 1700000000 + number);
    put32(image, 1000 + number);
    put32(image, kind->lengths_swapped ? len : caplen);
    put32(image, kind->lengths_swapped ? caplen : len);
    uint8_t extra[16] = {[6] = kind->packet_type};
    put(image, extra, kind->record_extra);
    put_pattern(image, caplen, number);
}

static const struct pcap_kind usual = {0xa1b2c3d4, 2, 4, 1, 0, 0, 0, false, 1, 1000, FRAME_UNKNOWN};

static const uint32_t lengths[] = {60, 0, 1514, 61}; /* of the frames of a built capture */
enum { FRAMES = sizeof lengths / sizeof *lengths };

static struct image pcap_image(const struct pcap_kind *kind, bool swapped)
{
    struct image image = {.swapped = swapped};
    put_pcap_header(&image, kind);
    for (unsigned i = 0; i < FRAMES; i++)
        put_pcap_record(&image, kind, i + 1, lengths[i], lengths[i] + i * 100);
    return image;
}

static void put_block(struct image *image, uint32_t type, const struct image *body)
{
    uint32_t padding = (uint32_t)(-body->length & 3), total = (uint32_t)body->length + padding + 12;
    put32(image, type);
    put32(image, total);
    put(image, body->data, body->length);
    put(image, "\0\0\0", padding);
    put32(image, total);
}

static void put_section(struct image *image, uint16_t major, uint16_t minor)
{
    struct image body = {.swapped = image->swapped};
    put32(&body, 0x1a2b3c4d);
    put16(&body, major);
    put16(&body, minor);
    put64(&body, UINT64_MAX);
    put_block(image, 0x0a0d0d0a, &body);
    free_image(&body);
}

static void put_option(struct image *body, uint16_t code, const void *value, uint16_t length)
{
    put16(body, code);
    put16(body, length);
    put(body, value, length);
    put(body, "\0\0\0", -(size_t)length & 3);
}

/* tsresol 0: the option is left out; tsoffset likewise. */
static void put_interface(struct image *image, uint16_t link_type, uint32_t snaplen,
                          uint8_t tsresol, int64_t tsoffset)
{
    struct image body = {.swapped = image->swapped};
    put16(&body, link_type);
    put16(&body, 0);
    put32(&body, snaplen);
    put_option(&body, 2, "eth0", 4);
    if (tsresol)
        put_option(&body, 9, &tsresol, 1);
    if (tsoffset) {
        struct image value = {.swapped = image->swapped};
        put64(&value, (uint64_t)tsoffset);
        put_option(&body, 14, value.data, 8);
        free_image(&value);
    }
    put_option(&body, 0, NULL, 0);
    put_block(image, 1, &body);
    free_image(&body);
}

static void put_enhanced(struct image *image, uint32_t interface, uint64_t ticks, uint32_t caplen,
                         uint32_t len, unsigned number, int flags)
{
    struct image body = {.swapped = image->swapped};
    put32(&body, interface);
    put32(&body, ticks >> 32);
    put32(&body, ticks);
    put32(&body, caplen);
    put32(&body, len);
    put_pattern(&body, caplen, number);
    put(&body, "\0\0\0", -(size_t)caplen & 3);
    if (flags >= 0) {
        struct image value = {.swapped = image->swapped};
        put32(&value, (uint64_t)flags);
        put_option(&body, 1, "a comment", 9);
        put_option(&body, 2, value.data, 4);
        put_option(&body, 0, NULL, 0);
        free_image(&value);
    }
    put_block(image, 6, &body);
    free_image(&body);
}

static struct image pcapng_image(bool swapped)
{
    struct image image = {.swapped = swapped};
    put_section(&image, 1, 0);
    put_interface(&image, 1, 65535, 0, 0);
    for (unsigned i = 0; i < FRAMES; i++)
        put_enhanced(&image, 0, (1700000000 + i + 1) * 1000000ull + 1000 + i + 1, lengths[i],
                     lengths[i] + i * 100, i + 1, -1);
    return image;
}

/* ---- reading ---- */

struct result {
    bool opened;
    struct error error; /* when it was not */
    struct source_stats stats;
    size_t count;
    struct frame frames[FRAMES_KEPT]; /* data is a copy */
};

static char path[64];

static void write_file(const void *data, size_t length)
{
    snprintf(path, sizeof path, "/tmp/test_capture_file.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    for (size_t done = 0; done < length;) {
        ssize_t wrote = write(fd, (const uint8_t *)data + done, length - done);
        assert_true(wrote > 0);
        done += (size_t)wrote;
    }
    close(fd);
}

static void keep(struct result *result, const struct frame *frame)
{
    if (result->count < FRAMES_KEPT) {
        struct frame *kept = &result->frames[result->count];
        *kept = *frame;
        uint8_t *copy = malloc(frame->caplen ? frame->caplen : 1);
        memcpy(copy, frame->data, frame->caplen);
        kept->data = copy;
    }
    result->count++;
}

static struct result *read_path(const char *file, const char *filter)
{
    struct result *result = calloc(1, sizeof *result);
    struct source *source = source_open_file(file, filter, &result->error);
    if (!source)
        return result;
    result->opened = true;
    struct frame frames[BATCH];
    int count;
    while ((count = source_next(source, frames, BATCH)) >= 0)
        for (int i = 0; i < count; i++)
            keep(result, &frames[i]);
    assert_int_equal(source_next(source, frames, BATCH), -1);
    result->stats = *source_stats(source);
    source_close(source);
    return result;
}

static struct result *read_bytes(const void *data, size_t length, const char *filter)
{
    write_file(data, length);
    struct result *result = read_path(path, filter);
    unlink(path);
    return result;
}

static struct result *read_image(struct image *image, const char *filter)
{
    struct result *result = read_bytes(image->data, image->length, filter);
    free_image(image);
    return result;
}

static void free_result(struct result *result)
{
    for (size_t i = 0; i < result->count && i < FRAMES_KEPT; i++)
        free((void *)(uintptr_t)result->frames[i].data);
    free(result);
}

static void assert_pattern(const struct frame *frame, unsigned seed)
{
    for (uint32_t i = 0; i < frame->caplen; i++)
        if (frame->data[i] != (uint8_t)(seed * 31 + i))
            fail_msg("frame %u differs at byte %u", seed, i);
}

/* The four frames that pcap_image() and pcapng_image() put in. */
static void assert_built_frames(const struct result *result, uint32_t fraction_ns)
{
    if (!result->opened)
        fail_msg("%s", result->error.text);
    assert_string_equal(result->stats.problem.text, "");
    assert_false(result->stats.truncated);
    assert_int_equal(result->count, FRAMES);
    assert_int_equal(result->stats.frames, FRAMES);
    for (unsigned i = 0; i < FRAMES; i++) {
        const struct frame *frame = &result->frames[i];
        assert_int_equal(frame->number, i + 1);
        assert_int_equal(frame->caplen, lengths[i]);
        assert_int_equal(frame->len, lengths[i] + i * 100);
        assert_int_equal(frame->time_ns, (1700000000ll + i + 1) * 1000000000 +
                                             (1000ll + i + 1) * (int64_t)fraction_ns);
        assert_pattern(frame, i + 1);
    }
}

/* ---- classic pcap ---- */

static void reads_every_pcap_variant(void **state)
{
    (void)state;
    static const struct pcap_kind kinds[] = {
        {0xa1b2c3d4, 2, 4, 1, 0, 0, 0, false, 1, 1000, FRAME_UNKNOWN},
        {0xa1b23c4d, 2, 4, 1, 0, 0, 0, false, 1, 1, FRAME_UNKNOWN},
        {0xa12b3c4d, 2, 4, 1, 0, 0, 0, false, 1, 1, FRAME_UNKNOWN},     /* Navtel */
        {0x1c0001ac, 2, 4, 1, 0, 4, 0, false, 1, 1000, FRAME_UNKNOWN},  /* Ixia hardware */
        {0x1c0001ab, 2, 4, 1, 0, 4, 0, false, 1, 1000, FRAME_UNKNOWN},  /* Ixia software */
        {0xa1b2cd34, 2, 4, 1, 8, 0, 4, false, 1, 1000, FRAME_OUTBOUND}, /* ss991029 */
        {0xa1b2cd34, 2, 4, 1, 12, 0, 0, false, 1, 1000, FRAME_INBOUND}, /* ss990915 */
        {0xa1b2c3d4, 2, 4, 1, 8, 0, 3, false, 1, 1000, FRAME_UNKNOWN},  /* ss990417 */
        {0xa1b2c3d4, 2, 4, 1, 4, 0, 0, false, 1, 1000, FRAME_UNKNOWN},  /* Nokia */
        {0xa1b2c3d4, 2, 2, 1, 0, 0, 0, true, 1, 1000, FRAME_UNKNOWN},   /* before 2.3 */
        {0xa1b2c3d4, 2, 2, 6, 0, 0, 0, true, 1, 1, FRAME_UNKNOWN},      /* AIX */
        {0xa1b2c3d4, 2, 3, 1, 0, 0, 0, true, 1, 1000, FRAME_UNKNOWN},   /* 2.3, either way */
        {0xa1b2c3d4, 2, 3, 1, 0, 0, 0, false, 1, 1000, FRAME_UNKNOWN},
        {0xa1b2c3d4, 543, 0, 1, 0, 0, 0, true, 1, 1000, FRAME_UNKNOWN},         /* DG/UX */
        {0xa1b2c3d4, 2, 4, 0x14000001, 0, 0, 0, false, 1, 1000, FRAME_UNKNOWN}, /* FCS length */
        {0xa1b2c3d4, 2, 4, 0x00100001, 0, 0, 0, false, 1, 1000, FRAME_UNKNOWN}, /* reserved */
        {0xa1b2c3d4, 2, 4, 12, 0, 0, 0, false, 101, 1000, FRAME_UNKNOWN},       /* BSD raw IP */
        {0xa1b2c3d4, 2, 4, 14, 0, 0, 0, false, 101, 1000, FRAME_UNKNOWN},       /* BSD/OS's */
        {0xa1b2c3d4, 2, 4, 113, 0, 0, 0, false, 113, 1000, FRAME_UNKNOWN},
        {0xa1b2c3d4, 2, 4, 65000, 0, 0, 0, false, 65000, 1000, FRAME_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int swapped = 0; swapped < 2; swapped++) {
            struct image image = pcap_image(&kinds[i], swapped);
            struct result *result = read_image(&image, NULL);
            assert_built_frames(result, kinds[i].fraction_ns);
            for (size_t k = 0; k < FRAMES; k++) {
                assert_int_equal(result->frames[k].link_type, kinds[i].link_type);
                assert_int_equal(result->frames[k].direction, kinds[i].direction);
                assert_int_equal(result->frames[k].interface, 0);
            }
            assert_int_equal(result->stats.link_type_count, 1);
            assert_int_equal(result->stats.snaplen_min, 65535);
            free_result(result);
        }
}

static void strips_the_padding_of_aix_fddi(void **state)
{
    (void)state;
    struct pcap_kind kind = usual;
    kind.minor = 2;
    kind.network = 15;
    kind.lengths_swapped = true;
    struct image image = {0};
    put_pcap_header(&image, &kind);
    put_pcap_record(&image, &kind, 1, 63, 63);
    struct result *result = read_image(&image, NULL);
    assert_int_equal(result->count, 1);
    assert_int_equal(result->frames[0].caplen, 60);
    assert_int_equal(result->frames[0].link_type, LINKTYPE_FDDI);
    assert_int_equal(result->frames[0].data[0], 31 + 3);
    free_result(result);
}

static void an_empty_capture_is_no_error(void **state)
{
    (void)state;
    struct image image = {0};
    put_pcap_header(&image, &usual);
    struct result *result = read_image(&image, "tcp");
    assert_true(result->opened);
    assert_int_equal(result->count, 0);
    assert_false(result->stats.truncated);
    free_result(result);

    put_section(&image, 1, 0);
    result = read_image(&image, "tcp");
    assert_true(result->opened);
    assert_int_equal(result->count, 0);
    assert_false(result->stats.truncated);
    free_result(result);
}

static void a_wire_length_below_the_captured_one_is_raised(void **state)
{
    (void)state;
    struct image image = pcap_image(&usual, false);
    put_pcap_record(&image, &usual, 5, 100, 10);
    struct result *result = read_image(&image, NULL);
    assert_int_equal(result->count, FRAMES + 1);
    assert_int_equal(result->frames[FRAMES].len, 100);
    free_result(result);
}

/* ---- pcapng ---- */

static void reads_pcapng_in_both_byte_orders(void **state)
{
    (void)state;
    for (int swapped = 0; swapped < 2; swapped++) {
        struct image image = pcapng_image(swapped);
        struct result *result = read_image(&image, NULL);
        assert_built_frames(result, 1000);
        free_result(result);
    }
}

static void reads_sections_of_different_byte_order(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) {
        struct image image = pcapng_image(first);
        struct image second = pcapng_image(!first);
        put(&image, second.data, second.length);
        put(&image, second.data, second.length);
        free_image(&second);
        struct result *result = read_image(&image, NULL);
        assert_int_equal(result->count, 3 * FRAMES);
        for (unsigned i = 0; i < 3 * FRAMES; i++) {
            assert_int_equal(result->frames[i].interface, i / FRAMES);
            assert_int_equal(result->frames[i].number, i + 1);
            assert_pattern(&result->frames[i], i % FRAMES + 1);
        }
        free_result(result);
    }
}

static void keeps_interfaces_apart(void **state)
{
    (void)state;
    static const struct {
        uint16_t link_type;
        uint32_t snaplen;
        uint8_t tsresol;
        int64_t tsoffset;
        uint64_t ticks;
        int64_t time_ns;
    } cases[] = {
        {1, 262144, 0, 0, 1500000000000001, 1500000000000001000},
        {113, 96, 9, 0, 1500000000000000001, 1500000000000000001},
        {101, 0, 3, 0, 1500000000001, 1500000000001000000},
        {1, 65535, 0x80 | 10, 0, (1500000000ull << 10) + 512, 1500000000500000000},
        {1, 65535, 0x80 | 32, 0, (1500000000ull << 32) + (1u << 31), 1500000000500000000},
        {276, 65535, 12, 0, 1500000001999, 1500000001}, /* picoseconds */
        {1, 65535, 6, 1000000000, 500000000000001, 1500000000000001000},
        {1, 65535, 6, -1, 1000001, 1000},
        {1, 65535, 127, 0, 5, 0},  /* 10^-127 s */
        {1, 65535, 0xff, 0, 5, 0}, /* 2^-127 s */
        {1, 65535, 0x80 | 63, 0, 1ull << 63, 1000000000},
        {1, 65535, 6, 0, UINT64_MAX, INT64_MAX},
        {1, 65535, 6, INT64_MIN, 0, INT64_MIN},
    };
    enum { CASES = sizeof cases / sizeof *cases };
    for (int swapped = 0; swapped < 2; swapped++) {
        struct image image = {.swapped = swapped};
        put_section(&image, 1, 2);
        for (size_t i = 0; i < CASES; i++)
            put_interface(&image, cases[i].link_type, cases[i].snaplen, cases[i].tsresol,
                          cases[i].tsoffset);
        for (unsigned i = 0; i < CASES; i++)
            put_enhanced(&image, i, cases[i].ticks, 60, 60, i + 1, (int)i % 4);
        struct result *result = read_image(&image, NULL);
        assert_int_equal(result->count, CASES);
        for (unsigned i = 0; i < CASES; i++) {
            static const enum frame_direction directions[] = {FRAME_UNKNOWN, FRAME_INBOUND,
                                                              FRAME_OUTBOUND, FRAME_UNKNOWN};
            assert_int_equal(result->frames[i].interface, i);
            assert_int_equal(result->frames[i].link_type, cases[i].link_type);
            assert_int_equal(result->frames[i].time_ns, cases[i].time_ns);
            assert_int_equal(result->frames[i].direction, directions[i % 4]);
            assert_pattern(&result->frames[i], i + 1);
        }
        static const uint16_t link_types[] = {1, 113, 101, 276};
        assert_int_equal(result->stats.link_type_count, 4);
        assert_memory_equal(result->stats.link_types, link_types, sizeof link_types);
        assert_int_equal(result->stats.snaplen_min, 96);
        free_result(result);
    }
}

/* Block types that are not an enhanced packet, and what each does to the numbers. */
static void reads_the_other_blocks(void **state)
{
    (void)state;
    for (int swapped = 0; swapped < 2; swapped++) {
        struct image image = {.swapped = swapped}, body = {.swapped = swapped};
        put_section(&image, 1, 0);
        put_interface(&image, 1, 100, 0, 0);
        put_interface(&image, 113, 0, 0, 0);

        put32(&body, 300); /* simple: cut to the snap length of interface 0 */
        put_pattern(&body, 100, 1);
        put_block(&image, 3, &body);
        body.length = 0;
        put16(&body, 1); /* the obsolete packet block */
        put16(&body, 0xffff);
        put32(&body, 1500000000000000ull >> 32);
        put32(&body, 1500000000000000ull);
        put32(&body, 61);
        put32(&body, 1514);
        put_pattern(&body, 61, 2);
        put_block(&image, 2, &body);
        static const uint32_t passed_over[] = {4, 10, 0x201, 0x80000001, 0x7fffffff};
        for (size_t i = 0; i < sizeof passed_over / sizeof *passed_over; i++)
            put_block(&image, passed_over[i], &body);
        static const uint32_t numbered[] = {9, 0x204, 0xbad, 0x40000bad}; /* as tshark numbers */
        for (size_t i = 0; i < sizeof numbered / sizeof *numbered; i++)
            put_block(&image, numbered[i], &body);
        put_enhanced(&image, 0, 0, 10, 10, 3, -1);
        free_image(&body);

        struct result *result = read_image(&image, NULL);
        assert_string_equal(result->stats.problem.text, "");
        assert_int_equal(result->count, 3);
        assert_int_equal(result->frames[0].caplen, 100);
        assert_int_equal(result->frames[0].len, 300);
        assert_int_equal(result->frames[0].time_ns, 0);
        assert_int_equal(result->frames[1].caplen, 61);
        assert_int_equal(result->frames[1].len, 1514);
        assert_int_equal(result->frames[1].link_type, 113);
        assert_int_equal(result->frames[1].time_ns, 1500000000000000000);
        assert_int_equal(result->frames[2].number, 7);
        assert_int_equal(result->stats.frames, 3);
        for (unsigned i = 0; i < 3; i++)
            assert_pattern(&result->frames[i], i + 1);
        free_result(result);
    }
}

static void put_statistics(struct image *image, uint32_t interface, uint64_t ifdrop,
                           uint64_t osdrop)
{
    struct image body = {.swapped = image->swapped}, value = {.swapped = image->swapped};
    put32(&body, interface);
    put64(&body, 0);
    put64(&value, ifdrop);
    put_option(&body, 5, value.data, 8);
    value.length = 0;
    put64(&value, osdrop);
    put_option(&body, 7, value.data, 8);
    put_block(image, 5, &body);
    free_image(&value);
    free_image(&body);
}

static void sums_the_last_drops_of_every_interface(void **state)
{
    (void)state;
    struct image image = pcapng_image(true);
    put_interface(&image, 1, 0, 0, 0);
    put_statistics(&image, 0, 10, 100);
    put_statistics(&image, 1, 1, 0);
    put_statistics(&image, 0, 20, 200);
    put_statistics(&image, 7, 5000, 5000);    /* no such interface */
    put_statistics(&image, 1, UINT64_MAX, 2); /* unknown */
    struct image second = pcapng_image(false);
    put_statistics(&second, 0, 1000, 0);
    put(&image, second.data, second.length);
    free_image(&second);
    struct result *result = read_image(&image, NULL);
    assert_int_equal(result->count, 2 * FRAMES);
    assert_int_equal(result->stats.kernel_dropped, 220 + 2 + 1000);
    free_result(result);
}

static void passes_over_a_section_of_unknown_version(void **state)
{
    (void)state;
    struct image image = pcapng_image(false), second = pcapng_image(false);
    put_section(&image, 2, 0);
    put(&image, second.data + 28, second.length - 28); /* its blocks, without their header */
    put(&image, second.data, second.length);
    free_image(&second);
    struct result *result = read_image(&image, NULL);
    assert_int_equal(result->count, 2 * FRAMES);
    assert_non_null(strstr(result->stats.problem.text, "version 2.0"));
    assert_true(result->stats.truncated);
    free_result(result);

    put_section(&image, 2, 0);
    result = read_image(&image, NULL);
    assert_false(result->opened);
    assert_non_null(strstr(result->error.text, "version 2.0"));
    free_result(result);
}

/* Wireshark rounds a total length up to 4: some writers forgot the padding. */
static void accepts_a_block_length_without_the_padding(void **state)
{
    (void)state;
    struct image image = pcapng_image(false);
    size_t at = image.length;
    put_enhanced(&image, 0, 0, 61, 61, 9, -1);
    put_enhanced(&image, 0, 0, 61, 61, 10, -1);
    uint32_t length = 32 + 61;
    memcpy(image.data + at + 4, &length, 4);
    memcpy(image.data + at + 32 + 64 - 4, &length, 4);
    struct result *result = read_image(&image, NULL);
    assert_int_equal(result->count, FRAMES + 2);
    assert_pattern(&result->frames[FRAMES], 9);
    assert_pattern(&result->frames[FRAMES + 1], 10);
    free_result(result);
}

struct damage {
    size_t at; /* behind the start of the fifth block, an enhanced packet of 60 bytes */
    uint32_t value;
    const char *says;
};

static void stops_at_a_damaged_block(void **state)
{
    (void)state;
    static const struct damage damages[] = {
        {4, 8, "block of type 0x6 with 8 bytes"},
        {4, 0, "block of type 0x6 with 0 bytes"},
        {4, 0xffffffff, "block of type 0x6"},
        {4, 17 * 1024 * 1024, "frame 5 has a block of 17825792"},
        {4, 88, "begins as 88 bytes and ends as"},
        {4, 24, "begins as 24 bytes"},
        {8, 1, "frame 5 is from interface 1, and 1 are described"},
        {20, 61, "frame 5 has more bytes than its block"},
        {20, 262145, "frame 5 has a length of 262145"},
        {88, 96, "ends as 96"},
    };
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct image image = pcapng_image(false);
        size_t at = image.length;
        put_enhanced(&image, 0, 0, 60, 60, 5, -1);
        put_enhanced(&image, 0, 0, 60, 60, 6, -1);
        memcpy(image.data + at + damages[i].at, &damages[i].value, 4);
        struct result *result = read_image(&image, NULL);
        assert_int_equal(result->count, FRAMES);
        assert_true(result->stats.truncated);
        if (!strstr(result->stats.problem.text, damages[i].says))
            fail_msg("\"%s\" does not say \"%s\"", result->stats.problem.text, damages[i].says);
        assert_non_null(strstr(result->stats.problem.text, path));
        free_result(result);
    }
}

/* ---- damage to any format ---- */

static void an_insane_length_names_the_frame(void **state)
{
    (void)state;
    for (int swapped = 0; swapped < 2; swapped++) {
        struct image image = pcap_image(&usual, swapped);
        put_pcap_record(&image, &usual, 5, 10, 10);
        uint32_t length = 0xfefefefe;
        memcpy(image.data + image.length - 10 - 8, &length, 4);
        struct result *result = read_image(&image, NULL);
        assert_int_equal(result->count, FRAMES);
        assert_true(result->stats.truncated);
        assert_non_null(strstr(result->stats.problem.text, "frame 5 would have 4278124286 bytes"));
        free_result(result);
    }
}

/* Frames that are whole in the first `length` bytes. */
static size_t whole_frames(const struct image *image, size_t length)
{
    bool pcapng = image->data[0] == 0x0a;
    size_t at = pcapng ? 28 + 32 : 24, count = 0;
    for (;; count++) {
        if (count == FRAMES)
            return count;
        at += pcapng ? 32 + ((lengths[count] + 3) & ~3u) : 16 + lengths[count];
        if (at > length)
            return count;
    }
}

static void check_cut(const struct image *image, size_t length)
{
    struct result *result = read_bytes(image->data, length, NULL);
    size_t expected = whole_frames(image, length);
    if (!result->opened) {
        /* Only the header may be missing. */
        assert_true(length < 28);
        assert_non_null(strstr(result->error.text, path));
        free_result(result);
        return;
    }
    bool pcapng = image->data[0] == 0x0a;
    size_t end = pcapng ? 28 : 24;
    bool at_boundary = length == end || (pcapng && length == 28 + 32);
    end = pcapng ? 28 + 32 : 24;
    for (size_t i = 0; i < FRAMES; i++) {
        end += pcapng ? 32 + ((lengths[i] + 3) & ~3u) : 16 + lengths[i];
        at_boundary |= length == end;
    }
    assert_int_equal(result->count, expected);
    assert_false(result->stats.growing);
    if (result->stats.truncated == at_boundary)
        fail_msg("%zu of %zu bytes, truncated is %d", length, image->length,
                 result->stats.truncated);
    if (!at_boundary) {
        assert_non_null(strstr(result->stats.problem.text, ": cut "));
        assert_non_null(strstr(result->stats.problem.text, path));
    }
    for (unsigned i = 0; i < expected; i++)
        assert_pattern(&result->frames[i], i + 1);
    free_result(result);
}

static void survives_a_cut_at_every_byte(void **state)
{
    (void)state;
    for (int swapped = 0; swapped < 2; swapped++) {
        struct image images[] = {pcap_image(&usual, swapped), pcapng_image(swapped)};
        for (size_t i = 0; i < 2; i++) {
            for (size_t length = 0; length <= images[i].length; length++)
                check_cut(&images[i], length);
            free_image(&images[i]);
        }
    }
}

static void a_cut_says_how_much_is_there(void **state)
{
    (void)state;
    struct image image = pcap_image(&usual, false);
    struct result *result = read_bytes(image.data, image.length - 1, NULL);
    assert_non_null(
        strstr(result->stats.problem.text, ": cut in frame 4: 60 of 61 bytes are there"));
    free_result(result);
    result = read_bytes(image.data, image.length - 61 - 1, NULL);
    assert_non_null(strstr(result->stats.problem.text,
                           ": cut in the header of frame 4: 15 of 16 bytes are there"));
    free_result(result);
    free_image(&image);
}

static void survives_any_changed_byte(void **state)
{
    (void)state;
    static const uint8_t masks[] = {0x01, 0x80, 0xff};
    struct image images[] = {pcap_image(&usual, false), pcapng_image(true)};
    for (size_t i = 0; i < 2; i++) {
        for (size_t at = 0; at < images[i].length; at++)
            for (size_t m = 0; m < sizeof masks; m++) {
                /* Of the frames' own bytes a few do. */
                if (at > 250 && at < images[i].length - 200 && at % 97)
                    continue;
                images[i].data[at] ^= masks[m];
                struct result *result = read_bytes(images[i].data, images[i].length, "tcp");
                if (!result->opened)
                    assert_non_null(strstr(result->error.text, path));
                free_result(result);
                images[i].data[at] ^= masks[m];
            }
        free_image(&images[i]);
    }
}

/* ---- caps ---- */

static void the_longest_frame_is_read_and_one_byte_more_is_not(void **state)
{
    (void)state;
    static const struct {
        uint16_t link_type;
        uint32_t bytes_max;
    } cases[] = {{1, FRAME_BYTES_MAX}, {LINKTYPE_EBHSCR, FRAME_BYTES_MAX_EBHSCR}};
    for (size_t i = 0; i < 2; i++)
        for (uint32_t more = 0; more < 2; more++) {
            struct pcap_kind kind = usual;
            kind.network = cases[i].link_type;
            struct image image = {0};
            put_pcap_header(&image, &kind);
            put_pcap_record(&image, &kind, 1, 60, 60);
            put_pcap_record(&image, &kind, 2, cases[i].bytes_max + more, cases[i].bytes_max + more);
            put_pcap_record(&image, &kind, 3, 60, 60);
            struct result *result = read_image(&image, NULL);
            assert_int_equal(result->count, more ? 1 : 3);
            assert_int_equal(result->stats.truncated, more);
            for (unsigned k = 0; k < result->count; k++)
                assert_pattern(&result->frames[k], k + 1);
            free_result(result);
        }
    assert_int_equal(linktype_frame_bytes_max(LINKTYPE_DBUS), FRAME_BYTES_MAX_DBUS);
    assert_int_equal(linktype_frame_bytes_max(LINKTYPE_USBPCAP), FRAME_BYTES_MAX_USBPCAP);
}

static void a_block_past_the_cap_is_passed_over(void **state)
{
    (void)state;
    enum { LONG = 17 * 1024 * 1024 };
    struct image image = pcapng_image(false), body = {0};
    uint8_t *zeros = calloc(1, LONG);
    put(&body, zeros, LONG);
    put_block(&image, 0x7ffffff0, &body);
    size_t behind = image.length;
    put_enhanced(&image, 0, 0, 60, 60, 5, -1);
    struct result *result = read_bytes(image.data, image.length, NULL);
    assert_int_equal(result->count, FRAMES + 1);
    assert_pattern(&result->frames[FRAMES], 5);
    assert_false(result->stats.truncated);
    free_result(result);

    result = read_bytes(image.data, behind - 100, NULL);
    assert_int_equal(result->count, FRAMES);
    assert_non_null(strstr(result->stats.problem.text, "in a block of type 0x7ffffff0"));
    free_result(result);
    free_image(&body);
    free_image(&image);
    free(zeros);
}

static void the_number_of_interfaces_is_capped(void **state)
{
    (void)state;
    struct image image = {0};
    put_section(&image, 1, 0);
    put_interface(&image, 1, 0, 0, 0);
    put_enhanced(&image, 0, 0, 60, 60, 1, -1);
    for (unsigned i = 1; i < UINT16_MAX; i++)
        put_interface(&image, (uint16_t)(i % 300), 0, 0, 0);
    put_enhanced(&image, UINT16_MAX - 1, 0, 60, 60, 2, -1);
    put_interface(&image, 1, 0, 0, 0);
    put_enhanced(&image, 0, 0, 60, 60, 3, -1);
    struct result *result = read_image(&image, NULL);
    assert_int_equal(result->count, 2);
    assert_int_equal(result->frames[1].interface, UINT16_MAX - 1);
    assert_non_null(strstr(result->stats.problem.text, "more than 65535 interfaces"));
    assert_int_equal(result->stats.link_type_count, SOURCE_LINK_TYPES_MAX);
    free_result(result);
}

static void the_number_of_filtered_link_types_is_capped(void **state)
{
    (void)state;
    struct frame_filter *filter = filter_open("len > 0");
    struct error error;
    assert_true(filter_compile(filter, 101, &error));
    for (uint16_t i = 1; i < FILTER_LINK_TYPES_MAX; i++)
        assert_false(filter_compile(filter, (uint16_t)(1000 + i), &error));
    assert_false(filter_compile(filter, 1, &error));
    assert_non_null(strstr(error.text, "more than 64 link types"));
    assert_true(filter_compile(filter, 101, &error));
    struct frame frame = {.data = (const uint8_t *)"x", .caplen = 1, .len = 1, .link_type = 1};
    assert_int_equal(filter_apply(filter, &frame, 1), 0);
    filter_close(filter);
}

static void the_buffer_is_capped(void **state)
{
    (void)state;
    struct error error;
    int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    struct bytes *bytes = bytes_open(fd, true, &error);
    assert_non_null(bytes);
    bytes->pipe = false;
    assert_int_equal(bytes_fill(bytes, BYTES_BLOCK * 3), BYTES_READY);
    assert_int_equal(bytes->capacity, BYTES_BLOCK * 3);
    assert_int_equal(bytes_fill(bytes, (size_t)BYTES_BUFFER_MAX + 1), BYTES_FAILED);
    bytes_close(bytes);
}

/* ---- batches ---- */

/* All frames of a batch are still in place when its last one has been handed out. */
static void a_batch_stays_valid_until_the_next(void **state)
{
    (void)state;
    enum { MANY = 3000, LARGE_BATCH = 1024 };
    for (int pcapng = 0; pcapng < 2; pcapng++) {
        struct image image = {0};
        if (pcapng) {
            put_section(&image, 1, 0);
            put_interface(&image, 1, 0, 0, 0);
        } else {
            put_pcap_header(&image, &usual);
        }
        for (unsigned i = 1; i <= MANY; i++) {
            uint32_t length = i % 500 == 0 ? 200000 : i * 7 % 1515;
            if (pcapng)
                put_enhanced(&image, 0, i, length, length, i, -1);
            else
                put_pcap_record(&image, &usual, i, length, length);
        }
        write_file(image.data, image.length);
        for (size_t capacity = 1; capacity <= LARGE_BATCH; capacity = capacity * 7 + 1) {
            static struct frame frames[LARGE_BATCH];
            struct error error;
            struct source *source = source_open_file(path, NULL, &error);
            unsigned number = 0;
            double progress = 0;
            int count;
            while ((count = source_next(source, frames, capacity)) >= 0) {
                for (int i = 0; i < count; i++) {
                    assert_int_equal(frames[i].number, ++number);
                    assert_pattern(&frames[i], number);
                }
                assert_true(source_progress(source) >= progress);
                progress = source_progress(source);
            }
            assert_int_equal(number, MANY);
            assert_true(progress == 1.0);
            source_close(source);
        }
        unlink(path);
        free_image(&image);
    }
}

static void two_sources_do_not_disturb_each_other(void **state)
{
    (void)state;
    struct image image = pcap_image(&usual, false);
    write_file(image.data, image.length);
    struct error error;
    struct source *a = source_open_file(path, NULL, &error);
    struct source *b = source_open_file(path, "greater 1000", &error);
    struct frame frame;
    assert_int_equal(source_next(a, &frame, 1), 1);
    assert_int_equal(frame.number, 1);
    assert_int_equal(source_next(b, &frame, 1), 1);
    assert_int_equal(frame.number, 3);
    assert_int_equal(source_next(a, &frame, 1), 1);
    assert_int_equal(frame.number, 2);
    source_break(a);
    assert_int_equal(source_next(a, &frame, 1), 0);
    assert_int_equal(source_next(a, &frame, 0), 0);
    assert_int_equal(source_next(a, &frame, 1), 1);
    source_close(a);
    source_close(b);
    unlink(path);
    free_image(&image);
}

/* ---- compression ---- */

static struct image compress_image(const struct image *image, int (*add)(struct archive *))
{
    struct image out = {.room = image->length + 65536};
    out.data = malloc(out.room);
    struct archive *archive = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    assert_int_equal(add(archive), ARCHIVE_OK);
    assert_int_equal(archive_write_set_format_raw(archive), ARCHIVE_OK);
    archive_write_set_bytes_in_last_block(archive, 1);
    assert_int_equal(archive_write_open_memory(archive, out.data, out.room, &out.length),
                     ARCHIVE_OK);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_pathname(entry, "x");
    assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(archive, image->data, image->length),
                     (la_ssize_t)image->length);
    assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
    archive_entry_free(entry);
    archive_write_free(archive);
    return out;
}

static int (*const compressors[])(struct archive *) = {
    archive_write_add_filter_gzip, archive_write_add_filter_zstd,  archive_write_add_filter_xz,
    archive_write_add_filter_lz4,  archive_write_add_filter_bzip2,
};
enum { COMPRESSORS = sizeof compressors / sizeof *compressors };

static void reads_every_compression(void **state)
{
    (void)state;
    struct image images[] = {pcap_image(&usual, false), pcapng_image(true)};
    for (size_t i = 0; i < 2; i++) {
        for (size_t c = 0; c < COMPRESSORS; c++) {
            struct image packed = compress_image(&images[i], compressors[c]);
            struct result *result = read_bytes(packed.data, packed.length, NULL);
            assert_built_frames(result, 1000);
            free_result(result);
            /* Cut anywhere: an error that names the file, or frames and a problem. */
            for (size_t length = 0; length < packed.length; length += 7) {
                result = read_bytes(packed.data, length, NULL);
                if (result->opened)
                    assert_true(result->stats.truncated && result->stats.problem.text[0]);
                else
                    assert_non_null(strstr(result->error.text, path));
                free_result(result);
            }
            free_image(&packed);
        }
        free_image(&images[i]);
    }
}

static void says_what_is_inside_a_compressed_file(void **state)
{
    (void)state;
    struct image page = {0};
    put(&page, "<!DOCTYPE html><title>Not found</title>", 39);
    struct image packed = compress_image(&page, archive_write_add_filter_gzip);
    struct result *result = read_image(&packed, NULL);
    assert_non_null(strstr(result->error.text, "(gzip): an HTML page"));
    free_result(result);
    page.length = 0;
    packed = compress_image(&page, archive_write_add_filter_xz);
    result = read_image(&packed, NULL);
    assert_non_null(strstr(result->error.text, "(xz): an empty file"));
    free_result(result);
    free_image(&page);
}

/* ---- pipes ---- */

struct piped {
    int saved, writer;
};

static struct piped pipe_to_standard_input(void)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct piped piped = {dup(STDIN_FILENO), ends[1]};
    assert_true(dup2(ends[0], STDIN_FILENO) >= 0);
    close(ends[0]);
    return piped;
}

static void restore_standard_input(const struct piped *piped)
{
    dup2(piped->saved, STDIN_FILENO);
    close(piped->saved);
}

static void feed(int fd, const void *data, size_t length)
{
    assert_int_equal(write(fd, data, length), (ssize_t)length);
}

static void frames_come_out_of_a_pipe_as_they_arrive(void **state)
{
    (void)state;
    struct image images[] = {pcap_image(&usual, false), pcapng_image(true)};
    static const size_t headers[] = {24, 28 + 32};
    for (size_t k = 0; k < 2; k++) {
        struct image *image = &images[k];
        struct piped piped = pipe_to_standard_input();
        struct error error;
        struct frame frames[BATCH];
        feed(piped.writer, image->data, headers[k]);
        struct source *source = source_open_file("-", NULL, &error);
        assert_non_null(source);
        assert_int_equal(source_next(source, frames, BATCH), 0);
        /* One frame and half the header of the next: the first is handed out. */
        size_t first = k ? 32 + 60 : 16 + 60;
        feed(piped.writer, image->data + headers[k], first + 6);
        assert_int_equal(source_next(source, frames, BATCH), 1);
        assert_int_equal(frames[0].number, 1);
        assert_int_equal(source_next(source, frames, BATCH), 0);
        assert_false(source_stats(source)->truncated);
        feed(piped.writer, image->data + headers[k] + first + 6,
             image->length - headers[k] - first - 6 - 1);
        assert_int_equal(source_next(source, frames, BATCH), FRAMES - 2);
        assert_true(source_progress(source) < 0);
        source_break(source);
        assert_int_equal(source_next(source, frames, BATCH), 0);
        close(piped.writer);
        assert_int_equal(source_next(source, frames, BATCH), -1);
        assert_true(source_stats(source)->truncated);
        assert_non_null(
            strstr(source_stats(source)->problem.text, "standard input: cut in frame 4"));
        source_close(source);
        restore_standard_input(&piped);
        free_image(image);
    }
}

static void reads_compressed_standard_input(void **state)
{
    (void)state;
    for (size_t c = 0; c < COMPRESSORS; c++) {
        struct image image = pcap_image(&usual, false);
        struct image packed = compress_image(&image, compressors[c]);
        struct piped piped = pipe_to_standard_input();
        pid_t child = fork();
        if (child == 0) {
            /* In pieces, so that the magic itself comes in two. */
            for (size_t at = 0; at < packed.length; at += 3) {
                size_t left = packed.length - at;
                if (write(piped.writer, packed.data + at, left < 3 ? left : 3) < 0)
                    _exit(1);
                usleep(100);
            }
            _exit(0);
        }
        close(piped.writer);
        struct result *result = read_path("-", NULL);
        assert_built_frames(result, 1000);
        free_result(result);
        assert_int_equal(waitpid(child, NULL, 0), child);
        restore_standard_input(&piped);
        free_image(&packed);
        free_image(&image);
    }
}

/* ---- files that are still being written ---- */

static void a_file_being_written_is_growing_not_cut(void **state)
{
    (void)state;
    struct image image = pcap_image(&usual, false);
    write_file(image.data, image.length - 10);
    int ready[2], done[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(done), 0);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        int fd = open(path, O_WRONLY | O_APPEND);
        close(done[1]);
        if (fd < 0 || write(ready[1], "", 1) != 1 || read(done[0], &byte, 1) < 0)
            _exit(1);
        _exit(0);
    }
    close(done[0]);
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    struct result *result = read_path(path, NULL);
    assert_int_equal(result->count, FRAMES - 1);
    assert_true(result->stats.growing);
    assert_false(result->stats.truncated);
    assert_string_equal(result->stats.problem.text, "");
    free_result(result);

    close(done[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    result = read_path(path, NULL);
    assert_int_equal(result->count, FRAMES - 1);
    assert_false(result->stats.growing);
    assert_true(result->stats.truncated);
    free_result(result);
    unlink(path);
    close(ready[0]);
    close(ready[1]);
    free_image(&image);
}

static void reads_on_in_a_file_that_grew(void **state)
{
    (void)state;
    struct image image = pcap_image(&usual, false);
    write_file(image.data, image.length - 10);
    struct error error;
    struct frame frames[BATCH];
    struct source *source = source_open_file(path, NULL, &error);
    assert_int_equal(source_next(source, frames, BATCH), FRAMES - 1);
    int fd = open(path, O_WRONLY | O_APPEND);
    feed(fd, image.data + image.length - 10, 10);
    close(fd);
    assert_int_equal(source_next(source, frames, BATCH), 1);
    assert_pattern(&frames[0], 4);
    assert_int_equal(source_next(source, frames, BATCH), -1);
    assert_false(source_stats(source)->truncated);
    source_close(source);
    unlink(path);
    free_image(&image);
}

/* ---- filters ---- */

/* Ethernet, IPv4, UDP to this port. */
static void put_udp(struct image *body, uint16_t port)
{
    static const uint8_t headers[] = {
        2, 0, 0, 0, 0,  1,  2, 0, 0,  0, 0, 2, 8,  0, 0x45, 0, 0,    28,
        0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0,    2, 0x30, 0x39,
    };
    uint8_t rest[6] = {(uint8_t)(port >> 8), (uint8_t)port, 0, 8, 0, 0};
    put(body, headers, sizeof headers);
    put(body, rest, sizeof rest);
}

static struct image filter_image(void)
{
    struct image image = {0};
    put_section(&image, 1, 0);
    put_interface(&image, 1, 0, 0, 0);
    put_interface(&image, 101, 0, 0, 0);
    put_interface(&image, LINKTYPE_USBPCAP, 0, 0, 0);
    for (uint32_t i = 0; i < 9; i++) {
        struct image packet = {0}, body = {0};
        put_udp(&packet, i < 6 ? 53 : 443);
        size_t from = i % 3 == 1 ? 14 : 0;
        put32(&body, i % 3);
        put64(&body, 0);
        put32(&body, packet.length - from);
        put32(&body, packet.length - from);
        put(&body, packet.data + from, packet.length - from);
        put_block(&image, 6, &body);
        free_image(&packet);
        free_image(&body);
    }
    return image;
}

static void filters_by_link_type(void **state)
{
    (void)state;
    struct image image = filter_image();
    struct result *result = read_image(&image, "udp port 53");
    static const uint64_t numbers[] = {1, 2, 4, 5};
    assert_true(result->opened);
    assert_int_equal(result->count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(result->frames[i].number, numbers[i]);
    assert_int_equal(result->stats.frames, 9);
    assert_int_equal(result->stats.filtered, 5);
    assert_false(result->stats.truncated);
    assert_non_null(strstr(result->stats.problem.text, "USBPCAP"));
    free_result(result);
}

static void a_bad_filter_is_an_error(void **state)
{
    (void)state;
    struct image image = filter_image();
    struct result *result = read_image(&image, "udp prot 53");
    assert_false(result->opened);
    assert_non_null(strstr(result->error.text, "udp prot 53"));
    assert_non_null(strstr(result->error.text, path));
    free_result(result);
    image = filter_image();
    result = read_image(&image, "");
    assert_int_equal(result->count, 9);
    free_result(result);
}

static void names_link_types(void **state)
{
    (void)state;
    char buffer[24];
    assert_string_equal(source_link_type_name(1, buffer), "EN10MB");
    assert_string_equal(source_link_type_name(101, buffer), "RAW");
    assert_string_equal(source_link_type_name(113, buffer), "LINUX_SLL");
    assert_string_equal(source_link_type_name(276, buffer), "LINUX_SLL2");
    assert_string_equal(source_link_type_name(65535, buffer), "LINKTYPE_65535");
    for (uint32_t i = 0; i <= UINT16_MAX; i++)
        if (linktype_from_file((uint16_t)i) == i)
            assert_int_equal(linktype_from_dlt(linktype_to_dlt((uint16_t)i)), i);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_pcap_variant),
        cmocka_unit_test(strips_the_padding_of_aix_fddi),
        cmocka_unit_test(an_empty_capture_is_no_error),
        cmocka_unit_test(a_wire_length_below_the_captured_one_is_raised),
        cmocka_unit_test(reads_pcapng_in_both_byte_orders),
        cmocka_unit_test(reads_sections_of_different_byte_order),
        cmocka_unit_test(keeps_interfaces_apart),
        cmocka_unit_test(reads_the_other_blocks),
        cmocka_unit_test(sums_the_last_drops_of_every_interface),
        cmocka_unit_test(passes_over_a_section_of_unknown_version),
        cmocka_unit_test(accepts_a_block_length_without_the_padding),
        cmocka_unit_test(stops_at_a_damaged_block),
        cmocka_unit_test(an_insane_length_names_the_frame),
        cmocka_unit_test(survives_a_cut_at_every_byte),
        cmocka_unit_test(a_cut_says_how_much_is_there),
        cmocka_unit_test(survives_any_changed_byte),
        cmocka_unit_test(the_longest_frame_is_read_and_one_byte_more_is_not),
        cmocka_unit_test(a_block_past_the_cap_is_passed_over),
        cmocka_unit_test(the_number_of_interfaces_is_capped),
        cmocka_unit_test(the_number_of_filtered_link_types_is_capped),
        cmocka_unit_test(the_buffer_is_capped),
        cmocka_unit_test(a_batch_stays_valid_until_the_next),
        cmocka_unit_test(two_sources_do_not_disturb_each_other),
        cmocka_unit_test(reads_every_compression),
        cmocka_unit_test(says_what_is_inside_a_compressed_file),
        cmocka_unit_test(frames_come_out_of_a_pipe_as_they_arrive),
        cmocka_unit_test(reads_compressed_standard_input),
        cmocka_unit_test(a_file_being_written_is_growing_not_cut),
        cmocka_unit_test(reads_on_in_a_file_that_grew),
        cmocka_unit_test(filters_by_link_type),
        cmocka_unit_test(a_bad_filter_is_an_error),
        cmocka_unit_test(names_link_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
