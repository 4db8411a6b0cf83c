/* A tracker that takes a short cut beside one that takes none, over the shipped captures: both have
 * to know the same in the end. */
#ifndef FWSNIFF_TESTS_TWINS_H
#define FWSNIFF_TESTS_TWINS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <glob.h>

#include "analyzer/capture/source.h"
#include "analyzer/flow/fast_path.h"
#include "analyzer/memory.h"

enum { FRAMES = 64, HEADERS = 100 };

static uint64_t random_state = 1;

static inline uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % limit);
}

typedef void each_frame(const struct frame *frame, void *context);

static inline size_t over_captures(each_frame *each, void *context)
{
    static const char *const patterns[] = {"samples/*.pcap*", "tests/corpus/captures/*.pcap*"};
    size_t seen = 0;
    for (size_t p = 0; p < sizeof patterns / sizeof *patterns; p++) {
        glob_t found;
        assert_int_equal(glob(patterns[p], 0, NULL, &found), 0);
        for (size_t i = 0; i < found.gl_pathc; i++) {
            struct error error;
            struct frame frames[FRAMES];
            struct source *source = source_open_file(found.gl_pathv[i], NULL, &error);
            if (!source)
                continue; /* some are there to be refused */
            for (int count; (count = source_next(source, frames, FRAMES)) >= 0;)
                for (int f = 0; f < count; f++, seen++)
                    each(&frames[f], context);
            source_close(source);
        }
        globfree(&found);
    }
    return seen;
}

struct twins {
    struct tracker *fast, *naive;
    struct frame frames[FRAMES];
    uint8_t *bytes[FRAMES];
    int count;
    size_t all, slow; /* packets, and those that the fast path did not take */
};

static inline void take_naively(struct tracker *tracker, const struct frame *frame)
{
    struct packet packet;
    enum side side;
    bool fresh;
    packet_dissect(frame->link_type, frame->data, frame->caplen, frame->len, &packet);
    tracker_packet(tracker, &packet, frame->number, frame->time_ns, &side, &fresh);
}

static inline void take_slowly(void *context, const struct frame *frame,
                               const struct fast_packet *looked_at)
{
    struct twins *twins = context;
    struct packet packet;
    enum side side;
    bool fresh;
    twins->slow++;
    fast_path_packet(looked_at, frame, &packet);
    fast_path_hand_over(twins->fast, looked_at, &packet, frame->number, frame->time_ns, &side,
                        &fresh);
}

static inline void take_batch(struct twins *twins)
{
    fast_path_batch(twins->fast, twins->frames, twins->count, 0, take_slowly, twins);
    twins->all += (size_t)twins->count;
    for (int i = 0; i < twins->count; i++) {
        take_naively(twins->naive, &twins->frames[i]);
        free(twins->bytes[i]);
    }
    twins->count = 0;
}

static inline void assert_same_hosts(const struct twins *twins)
{
    const struct host_table *one = tracker_hosts(twins->fast), *two = tracker_hosts(twins->naive);
    assert_int_equal(host_table_count(one), host_table_count(two));
    for (size_t i = 0; i < host_table_count(one); i++) {
        struct host a = *host_table_at(one, i), b = *host_table_at(two, i);
        a.link = b.link = NULL;
        assert_memory_equal(&a, &b, sizeof a);
        const struct host_pulse first = host_pulse(one, &a), second = host_pulse(two, &b);
        assert_memory_equal(&first, &second, sizeof first);
    }
}

#endif
