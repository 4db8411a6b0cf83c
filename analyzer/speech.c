#include "analyzer/speech.h"

#include <stdlib.h>

#include "analyzer/memory.h"
#include "dissectors/ndpi_bridge.h"

/* nDPI's state lives only while nDPI wants more; what it found stays. */
struct speech {
    struct ndpi_flow *flow;
    struct ndpi_result result;
};

static void finish(struct ndpi_bridge *bridge, struct speech *speech)
{
    ndpi_bridge_flow_free(bridge, speech->flow);
    speech->flow = NULL;
}

void speech_listen(struct ndpi_bridge **bridge, struct attempt *attempt,
                   const struct packet *packet, enum side side, int64_t time_ns)
{
    if (packet->payload_captured == 0 || (attempt->speech && !attempt->speech->flow))
        return;
    if (!*bridge && !(*bridge = ndpi_bridge_new()))
        return;
    if (!attempt->speech) {
        attempt->speech = memory_zeroed(1, sizeof *attempt->speech);
        attempt->speech->flow = ndpi_bridge_flow_new(*bridge);
        if (!attempt->speech->flow)
            return;
    }
    struct speech *speech = attempt->speech;
    bool more = ndpi_bridge_packet(*bridge, speech->flow, packet->ip_bytes, packet->ip_captured,
                                   (uint64_t)(time_ns / 1000000), side == INITIATOR);
    ndpi_bridge_result(*bridge, speech->flow, &speech->result);
    if (!more)
        finish(*bridge, speech);
}

static const char *known(const char *text)
{
    return text[0] ? text : NULL;
}

void speech_told(const struct attempt *attempt, struct spoken *spoken)
{
    *spoken = (struct spoken){0};
    if (!attempt->speech)
        return;
    const struct ndpi_result *result = &attempt->speech->result;
    spoken->protocol = known(result->master);
    spoken->tls.server_name = known(result->tls.server_name);
    spoken->tls.version = known(result->tls.version);
    spoken->tls.issuer = known(result->tls.issuer);
    spoken->tls.subject = known(result->tls.subject);
    spoken->tls.sha1 = known(result->tls.sha1);
}

void speech_forget(struct ndpi_bridge *bridge, struct attempt *attempt)
{
    if (!attempt->speech)
        return;
    if (attempt->speech->flow)
        finish(bridge, attempt->speech);
    free(attempt->speech);
    attempt->speech = NULL;
}
