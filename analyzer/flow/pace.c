#include "analyzer/flow/pace.h"

enum { REPEAT_MIN_NS = 200000000 }; /* sooner it is a copy, or a protocol that sends twice */

static void move_to(struct pace *pace, int64_t second)
{
    int64_t steps = second - pace->second;
    if (steps > PACE_SECONDS)
        steps = PACE_SECONDS;
    for (int64_t i = 0; i < steps; i++) {
        int64_t at = (second - i) % PACE_SECONDS;
        pace->bytes[at] = 0;
        pace->repeats[at] = 0;
    }
    if (second > pace->second)
        pace->second = second;
}

static void note_request(struct pace *pace, uint64_t hash, uint64_t frame, int64_t time_ns)
{
    for (int i = 0; i < PACE_RECENT; i++) {
        if (pace->recent[i].hash != hash)
            continue;
        if (time_ns - pace->recent[i].time_ns < REPEAT_MIN_NS)
            return;
        *(pace->recent[i].answered ? &pace->replies_lost : &pace->requests_lost) += 1;
        pace->recent[i].time_ns = time_ns;
        pace->recent[i].answered = false;
        pace->repeats[pace->second % PACE_SECONDS]++;
        frame_list_add(&pace->repeat_frames, frame);
        return;
    }
    pace->recent[pace->recent_at].hash = hash;
    pace->recent[pace->recent_at].time_ns = time_ns;
    pace->recent[pace->recent_at].answered = false;
    pace->recent_at = (uint8_t)((pace->recent_at + 1) % PACE_RECENT);
}

void pace_datagram(struct pace *pace, bool from_initiator, uint64_t hash, uint32_t length,
                   uint64_t frame, int64_t time_ns)
{
    if (!pace->begun_ns)
        pace->begun_ns = time_ns;
    int64_t second = (time_ns - pace->begun_ns) / 1000000000;
    if (second < pace->second) /* merged captures go back in time */
        return;
    move_to(pace, second);
    uint32_t *bytes = &pace->bytes[second % PACE_SECONDS];
    *bytes += length;
    if (*bytes > pace->best_bytes) {
        pace->best_bytes = *bytes;
        pace->best_second = second;
    }
    if (from_initiator)
        note_request(pace, hash, frame, time_ns);
    else
        for (int i = 0; i < PACE_RECENT; i++)
            pace->recent[i].answered = true;
}

struct pace_slow pace_slow(const struct pace *pace, double share)
{
    struct pace_slow slow = {.best_per_s = pace->best_bytes};
    uint64_t sum = 0;
    for (int64_t second = pace->second - 1;
         second > pace->best_second && second > pace->second - PACE_SECONDS; second--) {
        uint32_t bytes = pace->bytes[second % PACE_SECONDS];
        if (bytes > share * pace->best_bytes)
            break;
        slow.seconds++;
        slow.with_repeats += pace->repeats[second % PACE_SECONDS] > 0;
        slow.since_ns = pace->begun_ns + second * 1000000000;
        sum += bytes;
    }
    slow.now_per_s = slow.seconds ? (double)sum / slow.seconds : slow.best_per_s;
    return slow;
}
