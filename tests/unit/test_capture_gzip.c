/* gzip streams that are cut, damaged, or made of several: what there is comes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "analyzer/capture/bytes.h"
#include "analyzer/capture/gunzip.h"
#include "analyzer/flow/hash.h"

enum { LONG = 3 * 1000 * 1000 };

static uint8_t *content;

static int make_content(void **state)
{
    (void)state;
    content = malloc(LONG);
    for (size_t i = 0; i < LONG; i++)
        content[i] = (uint8_t)hash_two(7, i, 0);
    return content ? 0 : -1;
}

static int drop_content(void **state)
{
    (void)state;
    free(content);
    return 0;
}

/* A nameless file, at its beginning. */
static int file_of(const void *data, size_t length)
{
    char path[] = "/tmp/test_capture_gzip.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(write(fd, data, length), length);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static struct bytes *open_bytes(int fd)
{
    struct error error;
    struct bytes *bytes = bytes_open(fd, true, &error);
    assert_non_null(bytes);
    bytes->opening = false;
    return bytes;
}

static size_t gzip(uint8_t *to, size_t room, const uint8_t *data, size_t length)
{
    size_t used = 0;
    struct archive *archive = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    archive_write_set_format_raw(archive);
    archive_write_add_filter_gzip(archive);
    archive_write_set_bytes_in_last_block(archive, 1);
    assert_int_equal(archive_write_open_memory(archive, to, room, &used), ARCHIVE_OK);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_pathname(entry, "x");
    assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(archive, data, length), length);
    archive_entry_free(entry);
    archive_write_close(archive);
    archive_write_free(archive);
    return used;
}

struct once {
    const uint8_t *data;
    size_t size;
};

static ssize_t give_once(void *context, const uint8_t **data)
{
    struct once *once = context;
    ssize_t size = (ssize_t)once->size;
    *data = once->data;
    once->size = 0;
    return size;
}

/* Takes the content as far as it comes. */
static size_t take_what_comes(struct bytes *bytes, enum bytes_result *result)
{
    size_t taken = 0;
    while ((*result = bytes_fill(bytes, 1)) == BYTES_READY) {
        size_t have = (size_t)(bytes->end - bytes->at);
        assert_in_range(taken + have, 0, LONG);
        assert_memory_equal(bytes->at, content + taken, have);
        bytes->at = bytes->end;
        taken += have;
    }
    return taken;
}

/* Noise cannot be packed, so what is there of a cut stream is about as long as the stream. */
static void all_that_is_left_of_a_gzip_stream(void **state)
{
    (void)state;
    enum { SHORT = 100000, TRAILER = 8, BLOCK_HEADERS = 100 };
    static const size_t lengths[] = {SHORT, LONG};
    uint8_t *packed = malloc(2 * LONG);
    for (size_t i = 0; i < 2; i++) {
        enum bytes_result result;
        size_t size = gzip(packed, 2 * LONG, content, lengths[i]);
        for (size_t cut = 1; cut < 60000; cut += 5000) {
            struct bytes *bytes = open_bytes(file_of(packed, size - cut));
            size_t taken = take_what_comes(bytes, &result);
            assert_int_equal(result, BYTES_FAILED);
            assert_in_range(taken, lengths[i] - cut - BLOCK_HEADERS, lengths[i]);
            assert_non_null(strstr(bytes->error.text, "gzip data (the data is cut)"));
            bytes_close(bytes);
        }
        packed[size - TRAILER] ^= 1; /* the check sum */
        struct bytes *bytes = open_bytes(file_of(packed, size));
        assert_int_equal(take_what_comes(bytes, &result), lengths[i]);
        assert_int_equal(result, BYTES_FAILED);
        assert_non_null(strstr(bytes->error.text, "incorrect data check"));
        bytes_close(bytes);
    }
    free(packed);
}

/* Bytes that repeat are packed a thousand to one: much is still to come out when the last of the
 * input has been taken in. As much comes out of every cut as zlib makes of it in one go. */
static void what_is_still_to_come_out(void **state)
{
    (void)state;
    enum { SAME = LONG / 2, PART = 4096 };
    static uint8_t part[PART], packed[64 * 1024];
    uint8_t *whole = malloc(SAME), *same = calloc(1, SAME);
    size_t size = gzip(packed, sizeof packed, same, SAME);
    for (size_t cut = 1; cut < size - 20; cut += 7) {
        z_stream stream = {.next_in = packed,
                           .avail_in = (uInt)(size - cut),
                           .next_out = whole,
                           .avail_out = SAME};
        assert_int_equal(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
        inflate(&stream, Z_SYNC_FLUSH);
        struct once once = {packed, size - cut};
        struct gunzip *gunzip = gunzip_open(give_once, &once);
        size_t taken = 0;
        for (ssize_t got; (got = gunzip_read(gunzip, part, PART)) > 0;)
            taken += (size_t)got;
        assert_int_equal(taken, stream.total_out);
        inflateEnd(&stream);
        gunzip_close(gunzip);
    }
    free(whole);
    free(same);
}

/* RFC 1952 2.2; what else stands behind the last member is no data. */
static void a_gzip_file_may_have_members(void **state)
{
    (void)state;
    enum { PART = 300000, GARBAGE = 10 };
    enum bytes_result result;
    uint8_t *packed = malloc(LONG);
    size_t size = gzip(packed, LONG, content, PART);
    size += gzip(packed + size, LONG - size, content + PART, 0);
    size += gzip(packed + size, LONG - size, content + PART, PART);
    memset(packed + size, 0, GARBAGE);
    struct bytes *bytes = open_bytes(file_of(packed, size + GARBAGE));
    assert_int_equal(take_what_comes(bytes, &result), 2 * PART);
    assert_int_equal(result, BYTES_END);
    bytes_close(bytes);
    free(packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_is_left_of_a_gzip_stream),
        cmocka_unit_test(what_is_still_to_come_out),
        cmocka_unit_test(a_gzip_file_may_have_members),
    };
    return cmocka_run_group_tests_name("capture_gzip", tests, make_content, drop_content);
}
