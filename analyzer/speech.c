#include "analyzer/speech.h"

#include <stdlib.h>

#include "analyzer/memory.h"
#include "dissectors/ndpi_bridge.h"

/* The first packets wait with the bridge until somebody asks what is spoken, which is only of
 * connections that fail. */
struct speech {
    struct ndpi_bridge *bridge;
    struct ndpi_flow *flow;     /* NULL: out of memory */
    struct ndpi_result *result; /* once asked for */
    bool enough;
};

void speech_listen(struct ndpi_bridge **bridge, struct attempt *attempt,
                   const struct packet *packet, enum side side, int64_t time_ns)
{
    struct speech *speech = attempt->speech;
    if (speech && speech->flow && packet->kind == PACKET_TCP && (packet->tcp.flags & TCP_FIN) &&
        attempt_went_well(attempt))
        ndpi_bridge_dispensable(speech->flow);
    if (packet->payload_captured == 0 || (speech && speech->enough))
        return;
    if (!*bridge && !(*bridge = ndpi_bridge_new()))
        return;
    if (!speech) {
        speech = attempt->speech = memory_zeroed(1, sizeof *speech);
        speech->bridge = *bridge;
        speech->flow = ndpi_bridge_flow_new(*bridge);
    }
    speech->enough =
        !speech->flow ||
        !ndpi_bridge_packet(*bridge, speech->flow, packet->ip_bytes, packet->ip_captured,
                            (uint64_t)(time_ns / 1000000), side == INITIATOR);
}

static const char *known(const char *text)
{
    return text[0] ? text : NULL;
}

void speech_told(const struct attempt *attempt, struct spoken *spoken)
{
    struct speech *speech = attempt->speech;
    *spoken = (struct spoken){0};
    if (!speech || !speech->flow)
        return;
    if (!speech->result)
        speech->result = memory_zeroed(1, sizeof *speech->result);
    const struct ndpi_result *result = speech->result;
    ndpi_bridge_result(speech->bridge, speech->flow, speech->result);
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
    ndpi_bridge_flow_free(bridge, attempt->speech->flow);
    free(attempt->speech->result);
    free(attempt->speech);
    attempt->speech = NULL;
}
