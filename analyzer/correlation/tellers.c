/* Which capture tells a failure that several show. */
#include <stdlib.h>

#include "analyzer/correlation/correlation_internal.h"
#include "analyzer/flow/ftp.h"
#include "analyzer/memory.h"

enum { WALK_MAX = 2 * CORRELATION_CAPTURES_MAX /* steps along the path */ };

struct joint *joint_at(struct correlation *all, struct place place)
{
    struct joint **joint = &all->joint[place.capture][place.failure];
    if (!*joint)
        *joint = memory_zeroed(1, sizeof **joint);
    return *joint;
}

void name_after(const struct failure *failure, struct joint *joint)
{
    const struct attempt *first = failure->sample_count ? failure->sample[0] : NULL;
    joint->client = failure->client;
    joint->server = failure->server;
    joint->client_port = first ? first->port[INITIATOR] : 0;
    joint->server_port = failure->server_port;
    joint->first_ns = failure->first_ns;
    joint->last_ns = failure->last_ns;
    joint->attempts = failure->attempts;
}

/* Whether the failing packets are those of the responder, and go by both captures: then they are
 * lost further towards the initiator. */
static bool fails_on_the_way_back(const struct failure *failure, const struct relation *relation)
{
    if (relation->passing.reply != PASSAGE_BOTH)
        return false;
    if (failure->symptom == SYMPTOM_SYNACK_UNANSWERED || failure->symptom == SYMPTOM_SYN_TIMEOUT ||
        failure->symptom == SYMPTOM_UDP_NO_RESPONSE)
        return true; /* the latter two: it came to the box that captures, and not out of it */
    const struct attempt *attempt = failure->sample_count ? failure->sample[0] : NULL;
    return attempt && (attempt->bits & ATTEMPT_ESTABLISHED) &&
           attempt_failing_side(attempt) == RESPONDER;
}

/* The client's data connection of FTP does not even come as far as the capture further up. */
static bool never_came(const struct failure *failure)
{
    const struct attempt *attempt = failure->sample_count ? failure->sample[0] : NULL;
    return failure->symptom == SYMPTOM_FTP_DATA_FAILED && attempt && attempt->ftp &&
           attempt->ftp->mode == FTP_MODE_PASSIVE && attempt->ftp->port &&
           ip_equal(&attempt->ftp->announced, &attempt->address[RESPONDER]);
}

/* One step towards the initiator, or towards where the packets were last seen. */
static bool step(const struct correlation *all, struct place *place, int way)
{
    const struct failure *failure = &all->view[place->capture].failures[place->failure];
    for (uint32_t other = 0; other < all->count; other++) {
        struct relation relation;
        if (other == place->capture)
            continue;
        relate(all, place->capture, place->failure, other, &relation);
        if (!relation.linked || relation.failure == NO_FAILURE || relation.way != way)
            continue;
        if (way > 0 &&
            (never_came(failure) || relation.passing.request != PASSAGE_BOTH ||
             relation.passing.refusal == PASSAGE_MADE || fails_on_the_way_back(failure, &relation)))
            continue;
        *place = (struct place){other, relation.failure};
        return true;
    }
    return false;
}

static struct place walk(const struct correlation *all, struct place place, int way)
{
    for (int steps = 0; steps < WALK_MAX && step(all, &place, way); steps++)
        ;
    return place;
}

/* Captures that see the same and cannot be put in order: the first one tells it. */
static bool told_by_an_equal(const struct correlation *all, struct place place)
{
    for (uint32_t other = 0; other < place.capture; other++) {
        struct relation relation;
        relate(all, place.capture, place.failure, other, &relation);
        if (relation.linked && relation.failure != NO_FAILURE && relation.way == 0)
            return true;
    }
    return false;
}

static size_t total_before(const struct correlation *all, struct place place)
{
    size_t total = place.failure;
    for (uint32_t capture = 0; capture < place.capture; capture++)
        total += all->view[capture].failure_count;
    return total;
}

void decide_tellers(struct correlation *all)
{
    size_t total = total_before(all, (struct place){(uint32_t)all->count, 0}), at = 0;
    struct place *root = memory_zeroed(total + 1, sizeof *root);
    struct place *base = memory_zeroed(total + 1, sizeof *base);
    uint32_t *claims = memory_zeroed(total + 1, sizeof *claims);
    for (uint32_t capture = 0; capture < all->count; capture++)
        for (size_t i = 0; i < all->view[capture].failure_count; i++, at++) {
            struct place place = {capture, i};
            if (all->view[capture].failures[i].suppressed)
                continue;
            root[at] = walk(all, place, -1);
            if (root[at].capture != capture || root[at].failure != i)
                continue;
            base[at] = walk(all, place, 1);
            claims[total_before(all, base[at])]++;
        }
    at = 0;
    for (uint32_t capture = 0; capture < all->count; capture++)
        for (size_t i = 0; i < all->view[capture].failure_count; i++, at++) {
            struct place place = {capture, i};
            bool is_root = root[at].capture == capture && root[at].failure == i;
            if (all->view[capture].failures[i].suppressed)
                continue;
            if (!is_root || told_by_an_equal(all, place)) {
                joint_at(all, place)->told_elsewhere = true;
                continue;
            }
            struct place teller = claims[total_before(all, base[at])] > 1 ? place : base[at];
            if (teller.capture == capture && teller.failure == i)
                continue;
            name_after(&all->view[capture].failures[i], joint_at(all, teller));
            joint_at(all, place)->told_elsewhere = true;
        }
    /* Whoever tells for a root was marked as no root itself. */
    at = 0;
    for (uint32_t capture = 0; capture < all->count; capture++)
        for (size_t i = 0; i < all->view[capture].failure_count; i++, at++)
            if (all->joint[capture][i] && all->joint[capture][i]->attempts)
                all->joint[capture][i]->told_elsewhere = false;
    free(root);
    free(base);
    free(claims);
}
