/* Roles: products whose server passes on what others behind it have asked for. */
#include "analyzer/attribution/facts_internal.h"

#include <string.h>

/* From within its own network somebody keeps a connection to the server. */
static bool is_relay(const struct service *service, const struct ip_address address[2])
{
    return service->relayed_by && ip_is_private(&address[RESPONDER]) &&
           ip_is_private(&address[INITIATOR]);
}

/* Whether it matters for the failure that its server has a relay. */
static bool wants_relay(const struct failure *failure)
{
    return failure->service->relayed_by && ip_is_private(&failure->server);
}

static bool any_wants_relay(const struct failures *failures)
{
    for (size_t i = 0; i < failures->count; i++)
        if (wants_relay(&failures->all[i]))
            return true;
    return false;
}

void relays_gather(const struct tracker *tracker, const struct profiles *profiles,
                   const struct failures *failures, struct relays *relays)
{
    size_t position = 0;
    memset(relays, 0, sizeof *relays);
    if (!any_wants_relay(failures))
        return;
    for (const struct attempt *attempt; (attempt = tracker_next_attempt(tracker, &position));) {
        uint64_t *frame = &relays->first_frame[attempt->service];
        if (*frame == 0 && !(attempt->bits & ATTEMPT_IS_INNER) &&
            (attempt->bits & ATTEMPT_ESTABLISHED) &&
            is_relay(profiles_service_at(profiles, attempt->service), attempt->address))
            *frame = attempt->side[INITIATOR].first->frame;
    }
    position = 0;
    for (struct finished finished;
         finished_next(tracker_finished(tracker), &position, &finished);) {
        uint64_t *frame = &relays->first_frame[finished.service];
        const struct service *service = profiles_service_at(profiles, finished.service);
        struct ip_address address[2];
        uint16_t port[2];
        if (!service->relayed_by || (*frame && *frame <= finished.first_frame))
            continue;
        tracker_finished_ends(tracker, &finished, address, port);
        if (is_relay(service, address))
            *frame = finished.first_frame;
    }
}

void facts_of_roles(const struct fact_context *context, const struct failure *failure,
                    struct fact *facts)
{
    if (!wants_relay(failure) || !context->relays)
        return;
    uint64_t frame = context->relays->first_frame[failure->service->index];
    struct fact *fact = set_word(facts, FACT_RELAY, frame ? "kept" : "missing");
    frame_list_add(&fact->frames, frame);
    if (!frame)
        fact->frames = failure->frames;
}
