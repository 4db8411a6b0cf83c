/* Roles: products whose server passes on what others behind it have asked for. */
#include "analyzer/attribution/facts_internal.h"

#include <string.h>

/* From within its own network somebody keeps a connection to the server. */
static bool is_relay(const struct service *service, const struct attempt *attempt)
{
    return service->relayed_by && !(attempt->bits & ATTEMPT_IS_INNER) &&
           (attempt->bits & ATTEMPT_ESTABLISHED) && ip_is_private(&attempt->address[INITIATOR]) &&
           ip_is_private(&attempt->address[RESPONDER]);
}

void relays_gather(const struct tracker *tracker, const struct profiles *profiles,
                   struct relays *relays)
{
    size_t position = 0;
    memset(relays, 0, sizeof *relays);
    for (const struct attempt *attempt; (attempt = tracker_next_attempt(tracker, &position));) {
        uint64_t *frame = &relays->first_frame[attempt->service];
        if (*frame == 0 && is_relay(profiles_service_at(profiles, attempt->service), attempt))
            *frame = attempt->side[INITIATOR].first.frame;
    }
}

void facts_of_roles(const struct fact_context *context, const struct failure *failure,
                    struct fact *facts)
{
    if (!failure->service->relayed_by || !context->relays || !ip_is_private(&failure->server))
        return;
    uint64_t frame = context->relays->first_frame[failure->service->index];
    struct fact *fact = set_word(facts, FACT_RELAY, frame ? "kept" : "missing");
    frame_list_add(&fact->frames, frame);
    if (!frame)
        fact->frames = failure->frames;
}
