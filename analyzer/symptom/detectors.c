#include "analyzer/symptom/detectors.h"

#include "analyzer/flow/host.h"

static const struct {
    enum symptom symptom;
    uint8_t proto; /* 0: any */
    detector_function *holds;
} detectors[] = {
    {SYMPTOM_ICMP_UNREACHABLE, 0, detect_icmp_unreachable},
    {SYMPTOM_SYN_RESET, PROTO_TCP, detect_syn_reset},
    {SYMPTOM_SYN_TIMEOUT, PROTO_TCP, detect_syn_timeout},
    {SYMPTOM_SYNACK_UNANSWERED, PROTO_TCP, detect_synack_unanswered},
    {SYMPTOM_FTP_DATA_FAILED, PROTO_TCP, detect_ftp_data_failed},
    {SYMPTOM_TLS_FAILURE, PROTO_TCP, detect_tls_failure},
    {SYMPTOM_HTTP_BLOCKED, PROTO_TCP, detect_http_blocked},
    {SYMPTOM_STALL_MIDSTREAM, PROTO_TCP, detect_stall_midstream},
    {SYMPTOM_RESET_MIDSTREAM, PROTO_TCP, detect_reset_midstream},
    {SYMPTOM_UDP_NO_RESPONSE, PROTO_UDP, detect_udp_no_response},
    {SYMPTOM_UDP_STALL, PROTO_UDP, detect_udp_stall},
    {SYMPTOM_UDP_STALL, PROTO_UDP, detect_udp_throttled},
    {SYMPTOM_UDP_STALL, PROTO_UDP, detect_esp_unanswered},
};

static bool is_probe(const struct attempt *attempt)
{
    const struct mark *first = attempt->side[INITIATOR].first;
    return first->frame && first->hop_limit <= PROBE_HOP_LIMIT_MAX &&
           !attempt->side[RESPONDER].first_data->frame;
}

/* A stray RST or ACK of a conversation that is not in the capture. */
static bool is_stray(const struct attempt *attempt)
{
    return !attempt->syn->frame && !attempt->synack->frame &&
           !attempt->side[INITIATOR].data_packets && !attempt->side[RESPONDER].data_packets &&
           !attempt->side[INITIATOR].repeats && !attempt->side[RESPONDER].repeats;
}

static enum outcome outcome_without_symptom(const struct attempt *attempt,
                                            const struct detect_context *context)
{
    if (attempt->bits & ATTEMPT_ESTABLISHED)
        return OUTCOME_SUCCEEDED;
    if (attempt->synack->frame || attempt->side[RESPONDER].first->frame)
        return OUTCOME_PENDING;
    double waited_s = seconds_between(attempt->last_ns, context->now_ns);
    return waited_s >= context->thresholds->syn_wait_s ? OUTCOME_SILENT : OUTCOME_PENDING;
}

void detect(const struct attempt *attempt, const struct detect_context *context,
            struct detection *detection)
{
    *detection = (struct detection){.outcome = OUTCOME_NOTHING};
    if (is_probe(attempt) || is_stray(attempt))
        return;
    for (size_t i = 0; i < sizeof detectors / sizeof *detectors; i++) {
        struct detection found = {.outcome = OUTCOME_FAILED, .symptom = detectors[i].symptom};
        if (detectors[i].proto && detectors[i].proto != attempt->proto)
            continue;
        if (detectors[i].holds(attempt, context, &found)) {
            *detection = found;
            return;
        }
    }
    detection->outcome = outcome_without_symptom(attempt, context);
}
