/* Streams: order, repeats, overlaps, holes, limits, and the one pool they share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyzer/speech/stream.h"

enum { ISN = 0xfffffff0 }; /* wraps after 16 bytes */

static bool segment(struct stream *stream, uint32_t at, const char *text, uint64_t frame)
{
    uint32_t length = (uint32_t)strlen(text);
    return stream_segment(stream, (uint32_t)ISN + at, (const uint8_t *)text, length, length, frame,
                          (int64_t)frame * 1000);
}

static void expect(const struct stream *stream, const char *text)
{
    assert_int_equal(stream->length, strlen(text));
    assert_memory_equal(stream_bytes(stream), text, stream->length);
}

static uint64_t frame_at(const struct stream *stream, uint32_t offset)
{
    const struct stream_piece *piece = stream_piece_at(stream, offset);
    return piece ? piece->frame : 0;
}

static int begin(void **state)
{
    *state = stream_pool_new(STREAM_POOL_BYTES_MAX);
    return 0;
}

static int end(void **state)
{
    assert_int_equal(stream_pool_bytes(*state), 0);
    stream_pool_free(*state);
    return 0;
}

static void in_order(void **state)
{
    struct stream stream;
    stream_open(&stream, *state, ISN);
    assert_true(segment(&stream, 0, "GET / HTTP/1.1\r\n", 4));
    assert_true(segment(&stream, 16, "Host: a\r\n", 6)); /* across the wrap */
    expect(&stream, "GET / HTTP/1.1\r\nHost: a\r\n");
    assert_int_equal(frame_at(&stream, 15), 4);
    assert_int_equal(frame_at(&stream, 16), 6);
    assert_int_equal(stream_piece_at(&stream, 20)->time_ns, 6000);
    assert_null(stream_piece_at(&stream, 25));
    assert_false(stream_lacks(&stream));
    stream_close(&stream);
    assert_true(stream_ended(&stream));
    assert_false(segment(&stream, 25, "more", 9));
}

static void a_hole_is_waited_for(void **state)
{
    struct stream stream;
    stream_open(&stream, *state, ISN);
    assert_true(segment(&stream, 0, "ab", 1));
    assert_false(segment(&stream, 4, "ef", 2));
    assert_false(segment(&stream, 8, "ij", 3));
    assert_true(stream_lacks(&stream));
    expect(&stream, "ab");
    assert_null(stream_piece_at(&stream, 4));      /* kept, and not yet in order */
    assert_true(segment(&stream, 2, "cdefgh", 7)); /* fills both holes */
    expect(&stream, "abcdefghij");
    static const uint64_t frames[] = {1, 1, 7, 7, 2, 2, 7, 7, 3, 3};
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(frame_at(&stream, i), frames[i]);
    stream_close(&stream);
}

static void first_bytes_stay(void **state)
{
    struct stream stream;
    stream_open(&stream, *state, ISN);
    segment(&stream, 0, "one", 1);
    assert_false(segment(&stream, 0, "two", 2)); /* forged, or another stack's repeat */
    assert_true(segment(&stream, 1, "xxdef", 3));
    expect(&stream, "onedef");
    assert_int_equal(frame_at(&stream, 2), 1);
    assert_int_equal(frame_at(&stream, 3), 3);
    stream_close(&stream);
}

static void before_the_first_byte(void **state)
{
    struct stream stream;
    stream_open(&stream, *state, ISN);
    assert_false(segment(&stream, (uint32_t)-1, "x", 1)); /* a keep-alive probe */
    assert_true(segment(&stream, (uint32_t)-2, "xxab", 2));
    expect(&stream, "ab");
    assert_false(segment(&stream, UINT32_C(0x80000000), "far", 3)); /* of another connection */
    assert_false(segment(&stream, STREAM_BYTES_MAX + 5, "far", 4));
    expect(&stream, "ab");
    stream_close(&stream);
}

static void a_cut_segment_is_blank(void **state)
{
    struct stream stream;
    stream_open(&stream, *state, ISN);
    assert_int_equal(stream.cut, UINT32_MAX);
    assert_true(stream_segment(&stream, (uint32_t)ISN, (const uint8_t *)"abc", 3, 6, 1, 0));
    assert_true(segment(&stream, 6, "ghi", 2));
    assert_int_equal(stream.cut, 3);
    assert_int_equal(stream.length, 9);
    assert_memory_equal(stream_bytes(&stream), "abc\0\0\0ghi", 9);
    assert_int_equal(frame_at(&stream, 5), 1);
    assert_false(segment(&stream, 3, "def", 3)); /* they stay blank */
    assert_true(stream_segment(&stream, (uint32_t)ISN + 9, NULL, 0, 3, 4, 0));
    assert_int_equal(stream.length, 12);
    stream_close(&stream);
}

static void no_longer_than_its_cap(void **state)
{
    struct stream stream;
    char block[1000];
    memset(block, 'z', sizeof block);
    stream_open(&stream, *state, ISN);
    uint32_t at = 0;
    for (uint64_t frame = 1; frame <= 40; frame++, at += sizeof block)
        stream_segment(&stream, (uint32_t)ISN + at, (const uint8_t *)block, sizeof block,
                       sizeof block, frame, 0);
    assert_int_equal(stream.length, STREAM_BYTES_MAX);
    assert_true(stream_ended(&stream));
    assert_int_equal(frame_at(&stream, STREAM_BYTES_MAX - 1), 17);
    assert_true(stream_pool_bytes(*state) <= STREAM_BYTES_MAX + 32 * sizeof(struct stream_piece));
    stream_close(&stream);
}

static void no_more_pieces_than_its_cap(void **state)
{
    struct stream stream;
    stream_open(&stream, *state, ISN);
    for (uint32_t i = 0; i < STREAM_PIECES_MAX; i++)
        assert_true(segment(&stream, i, "b", i + 1));
    assert_int_equal(frame_at(&stream, 700), 701);
    assert_false(stream_ended(&stream));
    assert_false(segment(&stream, STREAM_PIECES_MAX, "b", 9999));
    assert_true(stream_ended(&stream));
}

/* The pool's cap: who was heard last stays. */
static void the_pool_gives_back_the_stalest(void **state)
{
    (void)state;
    enum { STREAMS = 8, HELD = 512 + 8 * sizeof(struct stream_piece) };
    struct stream_pool *pool = stream_pool_new(3 * HELD);
    struct stream streams[STREAMS];
    for (int i = 0; i < STREAMS; i++) {
        stream_open(&streams[i], pool, ISN);
        segment(&streams[i], 0, "x", 1);
        segment(&streams[0], 0, "x", 2); /* is heard all the time */
        assert_true(stream_pool_bytes(pool) <= 3 * HELD);
    }
    assert_int_equal(stream_pool_given_back(pool), STREAMS - 3);
    assert_false(streams[0].closed);
    assert_true(streams[1].closed);
    assert_false(streams[STREAMS - 1].closed);
    assert_null(stream_piece_at(&streams[1], 0));
    for (int i = 0; i < STREAMS; i++)
        stream_close(&streams[i]);
    assert_int_equal(stream_pool_bytes(pool), 0);
    stream_pool_free(pool);
}

static void a_pool_too_small_for_one(void **state)
{
    (void)state;
    struct stream_pool *pool = stream_pool_new(100);
    struct stream stream;
    stream_open(&stream, pool, ISN);
    assert_false(segment(&stream, 0, "x", 1));
    assert_true(stream.closed);
    assert_int_equal(stream_pool_given_back(pool), 1);
    assert_int_equal(stream_pool_bytes(pool), 0);
    stream_pool_free(pool);
}

/* Against a naive twin: an array of bytes, each with its frame. */
static void like_its_naive_twin(void **state)
{
    enum { SPAN = 600, SEGMENTS = 200, ROUNDS = 300 };
    srand(7);
    for (int round = 0; round < ROUNDS; round++) {
        struct stream stream;
        uint8_t twin[SPAN];
        uint64_t frames[SPAN] = {0};
        stream_open(&stream, *state, ISN);
        for (uint64_t frame = 1; frame <= SEGMENTS; frame++) {
            uint8_t bytes[40];
            uint32_t at = (uint32_t)rand() % (SPAN - sizeof bytes);
            uint32_t length = 1 + (uint32_t)rand() % sizeof bytes;
            for (uint32_t i = 0; i < length; i++)
                bytes[i] = (uint8_t)rand();
            uint32_t before = stream.length;
            bool more =
                stream_segment(&stream, (uint32_t)ISN + at, bytes, length, length, frame, 0);
            for (uint32_t i = 0; i < length; i++)
                if (!frames[at + i]) {
                    frames[at + i] = frame;
                    twin[at + i] = bytes[i];
                }
            uint32_t expected = 0;
            while (expected < SPAN && frames[expected])
                expected++;
            assert_int_equal(stream.length, expected);
            assert_int_equal(more, expected > before);
        }
        if (stream.length)
            assert_memory_equal(stream_bytes(&stream), twin, stream.length);
        for (uint32_t i = 0; i < stream.length; i++)
            assert_int_equal(frame_at(&stream, i), frames[i]);
        stream_close(&stream);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(in_order, begin, end),
        cmocka_unit_test_setup_teardown(a_hole_is_waited_for, begin, end),
        cmocka_unit_test_setup_teardown(first_bytes_stay, begin, end),
        cmocka_unit_test_setup_teardown(before_the_first_byte, begin, end),
        cmocka_unit_test_setup_teardown(a_cut_segment_is_blank, begin, end),
        cmocka_unit_test_setup_teardown(no_longer_than_its_cap, begin, end),
        cmocka_unit_test_setup_teardown(no_more_pieces_than_its_cap, begin, end),
        cmocka_unit_test(the_pool_gives_back_the_stalest),
        cmocka_unit_test(a_pool_too_small_for_one),
        cmocka_unit_test_setup_teardown(like_its_naive_twin, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
