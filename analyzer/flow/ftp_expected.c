#include "analyzer/flow/ftp_expected.h"

#include <stdlib.h>

#include "analyzer/flow/hash.h"
#include "analyzer/flow/tracker_internal.h"
#include "analyzer/memory.h"

enum { HIGH_PORT_MIN = 1024, ANY_PORT = 0, AT_ONCE_NS = 1000000000 };

struct ftp_expected_table {
    struct ftp_expected place[FTP_EXPECTED_ROWS][FTP_EXPECTED_PER_ROW];
    uint64_t lost;
};

static bool same_control(const struct ftp_expected *a, const struct ftp_expected *b)
{
    return a->control == b->control && a->port == b->port;
}

static bool is_fresh(const struct ftp_expected *expected, int64_t now_ns)
{
    return expected->control &&
           (expected->port == ANY_PORT ||
            now_ns - expected->since_ns <= FTP_EXPECTED_S * INT64_C(1000000000));
}

/* By port; those that wait for any port by who connects. */
static size_t row_of(uint16_t port, const struct ip_address *from)
{
    uint64_t hash = port == ANY_PORT ? hash_two(1, from->halves[0], from->halves[1]) : port;
    return hash % FTP_EXPECTED_ROWS;
}

void ftp_expected_add(struct tracker *tracker, const struct ftp_expected *expected)
{
    if (!tracker->ftp_expected)
        tracker->ftp_expected = memory_zeroed(1, sizeof *tracker->ftp_expected);
    struct ftp_expected *row =
        tracker->ftp_expected->place[row_of(expected->port, &expected->from)];
    struct ftp_expected *oldest = row;
    for (int i = 0; i < FTP_EXPECTED_PER_ROW; i++) {
        if (!row[i].control || same_control(&row[i], expected)) {
            row[i] = *expected;
            return;
        }
        if (row[i].since_ns < oldest->since_ns)
            oldest = &row[i];
    }
    tracker->ftp_expected->lost += is_fresh(oldest, expected->since_ns);
    *oldest = *expected;
}

/* The record may have been given to another connection meanwhile. */
static bool control_lives(const struct tracker *tracker, const struct ftp_expected *expected)
{
    const struct attempt *control = tracker_attempt(tracker, expected->control);
    return control && flow_key_equal(&control->key, &expected->control_key) &&
           !control->side[INITIATOR].rst->frame && !control->side[RESPONDER].rst->frame;
}

static bool fits(const struct tracker *tracker, const struct ftp_expected *expected,
                 const struct packet *packet, int64_t time_ns)
{
    const struct ip_address *to = &packet->ip.destination;
    /* Where the address could not be read either, a private one may have been announced. */
    bool private_one = expected->port == ANY_PORT && ip_is_private(to) &&
                       !ip_is_private(&expected->to[0]) &&
                       time_ns - expected->since_ns <= AT_ONCE_NS;
    return is_fresh(expected, time_ns) && ip_equal(&expected->from, &packet->ip.source) &&
           (ip_equal(&expected->to[0], to) || ip_equal(&expected->to[1], to) || private_one) &&
           (expected->port == ANY_PORT ? packet->destination_port >= HIGH_PORT_MIN
                                       : packet->destination_port == expected->port) &&
           control_lives(tracker, expected);
}

uint32_t ftp_expected_find(const struct tracker *tracker, const struct packet *packet,
                           int64_t time_ns)
{
    if (!tracker->ftp_expected)
        return 0;
    const uint16_t ports[] = {packet->destination_port, ANY_PORT};
    for (int p = 0; p < 2; p++) {
        const struct ftp_expected *row =
            tracker->ftp_expected->place[row_of(ports[p], &packet->ip.source)];
        for (int i = 0; i < FTP_EXPECTED_PER_ROW; i++)
            if (row[i].port == ports[p] && fits(tracker, &row[i], packet, time_ns))
                return row[i].control;
    }
    return 0;
}

uint64_t ftp_expected_lost(const struct tracker *tracker)
{
    return tracker->ftp_expected ? tracker->ftp_expected->lost : 0;
}

void ftp_expected_free(struct tracker *tracker)
{
    free(tracker->ftp_expected);
}
