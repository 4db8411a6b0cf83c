/* The table of facts, and the words that each may be. */
#include "analyzer/attribution/facts.h"

/* clang-format off */
#define LIST(name, ...) static const char *const name[] = {__VA_ARGS__, NULL}
LIST(symptom_list, "syn-timeout", "synack-unanswered", "syn-reset", "icmp-unreachable", "reset-midstream", "stall-midstream", "udp-no-response", "udp-stall", "tls-failure", "http-blocked", "ftp-data-failed", "no-traffic");
LIST(proto_list, "tcp", "udp");
LIST(vantage_list, "client", "server", "egress-lan", "egress-wan", "egress-any", "isp", "edge-wan", "edge-lan", "edge-any", "span", "unknown");
LIST(path_list, "same-link", "tunnel", "private", "internet");
LIST(direction_list, "expected", "reversed");
LIST(answer_list, "answered", "unanswered");
LIST(asks_list, "another-router");
LIST(icmp_reason_list, "admin", "port", "protocol", "host", "net", "ttl", "other");
LIST(sender_list, "server", "client", "other");
LIST(ttl_list, "exact", "same", "one-nearer", "nearer", "farther");
LIST(while_list, "forwarding", "arriving");
LIST(ssl_vpn_list, "server-name", "request", "openvpn", "look-up");
LIST(tunnel_end_list, "crossed", "kept");
LIST(distance_list, "at-server", "before-server");
LIST(same_list, "same", "different");
LIST(flow_label_list, "none", "set");
LIST(service_class_list, "as-asked", "none", "low-delay");
LIST(rst_checksum_list, "unfinished", "complete");
LIST(nat_list, "as-sent", "translated");
LIST(side_list, "responder", "initiator", "both");
LIST(timing_list, "too-soon", "as-usual");
LIST(control_list, "answered", "failed", "none");
LIST(phase_list, "handshake", "first-payload", "request", "transfer", "idle");
LIST(other_side_list, "silent", "acks", "data");
LIST(reply_path_list, "same", "other-mac", "other-interface", "other-address");
LIST(spoken_list, "expected", "foreign");
LIST(request_list, "arrived", "lost");
LIST(lost_list, "lost");
LIST(crossed_list, "requests", "replies");
LIST(passage_list, "arrived", "lost", "made-between");
LIST(witness_list, "flow", "pair", "server", "client", "host", "told");
LIST(refuser_list, "first", "middle", "last", "only");
LIST(changed_list, "none", "client", "server", "both");
LIST(probe_end_list, "first-router", "midway", "last-router", "reached");
LIST(turn_list, "went-down", "came-up");
LIST(dns_answer_list, "public", "private", "sinkhole", "private-by-stranger", "sinkhole-unheard");
LIST(dns_problem_list, "no-such-name", "no-address", "refused", "failed", "unanswered");
LIST(udp_lost_list, "requests", "replies", "both");
LIST(relay_list, "kept", "missing");
LIST(alternative_list, "failed");
LIST(ftp_mode_list, "passive", "active");
LIST(ftp_address_list, "as-connected", "private", "private-inside", "other");
LIST(ftp_data_list, "silent", "refused", "unreachable", "unconfirmed", "never-came");
LIST(ftp_reply_list, "opening", "cannot-open");
LIST(reached_list, "client-hello", "request", "server-hello", "certificate", "response", "data");
LIST(answer_kind_list, "as-asked", "http", "tls", "other");
LIST(next_door_list, "only-here", "alone", "everywhere", "no");
LIST(alert_list, "unknown-ca", "bad-certificate", "expired", "version", "cipher", "name", "other", "hidden");
LIST(tls_version_list, "SSL 3", "1.0", "1.1", "1.2", "1.3");
LIST(certificate_list, "pinned", "other-than-pinned", "inspection", "other-than-usual", "usual", "self-issued", "unremarkable");
LIST(page_list, "filter", "portal", "proxy", "none");
LIST(expect_list, "nothing", "other-outside", "client-elsewhere");
#undef LIST
/* clang-format on */

const struct fact_definition fact_definitions[FACT_COUNT] = {
#define FACT_DEFINITION(identifier, fact_name, fact_type, fact_words, fact_meaning)                \
    [FACT_##identifier] = {.name = fact_name,                                                      \
                           .type = FACT_##fact_type,                                               \
                           .words = fact_words,                                                    \
                           .meaning = fact_meaning},
    FACT_TABLE(FACT_DEFINITION)
#undef FACT_DEFINITION
};

static void put(struct frame_list *list, uint32_t index, uint64_t frame)
{
    list->low[index] = (uint32_t)frame;
    list->high[index] = (uint8_t)(frame >> 32);
}

void frame_list_add(struct frame_list *list, uint64_t frame)
{
    if (frame == 0)
        return;
    uint32_t at = list->count;
    while (at > 0 && frame_list_at(list, at - 1) >= frame) {
        if (frame_list_at(list, at - 1) == frame)
            return;
        at--;
    }
    list->total++;
    if (at == FRAMES_MAX)
        return;
    uint32_t last = list->count < FRAMES_MAX ? list->count : FRAMES_MAX - 1;
    for (uint32_t i = last; i > at; i--)
        put(list, i, frame_list_at(list, i - 1));
    put(list, at, frame);
    list->count = (uint8_t)(last + 1);
}

void frame_list_join(struct frame_list *list, const struct frame_list *more)
{
    for (uint32_t i = 0; i < more->count; i++)
        frame_list_add(list, frame_list_at(more, i));
}
