#include "analyzer/words.h"

#include <string.h>

const char *const failure_point_words[FAILURE_POINTS] = {
    [LOCAL_FIREWALL] = "local-firewall", [EDGE_FIREWALL] = "edge-firewall",
    [EGRESS_POLICY] = "egress-policy",   [SERVER_HOST] = "server-host",
    [NETWORK_PATH] = "network-path",     [APPLICATION] = "application",
};

const char *const mechanism_words[MECHANISMS] = {
    [MECHANISM_UNKNOWN] = "unknown",
    [MECHANISM_DROP] = "drop",
    [MECHANISM_REJECT_RST] = "reject-rst",
    [MECHANISM_REJECT_ICMP] = "reject-icmp",
    [MECHANISM_NO_PORT_FORWARD] = "no-port-forward",
    [MECHANISM_WRONG_FORWARD] = "wrong-forward",
    [MECHANISM_IDLE_TIMEOUT] = "idle-timeout",
    [MECHANISM_CONTENT_FILTER] = "content-filter",
    [MECHANISM_TLS_INTERCEPTION] = "tls-interception",
    [MECHANISM_BLOCK_PAGE] = "block-page",
    [MECHANISM_DYNAMIC_BLOCK] = "dynamic-block",
    [MECHANISM_MTU_BLACK_HOLE] = "mtu-black-hole",
    [MECHANISM_NOT_LISTENING] = "not-listening",
    [MECHANISM_BACKLOG_FULL] = "backlog-full",
    [MECHANISM_APP_SILENT] = "app-silent",
    [MECHANISM_APP_ABORT] = "app-abort",
    [MECHANISM_HOST_DOWN] = "host-down",
    [MECHANISM_NO_ROUTE] = "no-route",
    [MECHANISM_ROUTING_LOOP] = "routing-loop",
    [MECHANISM_RETURN_PATH] = "return-path",
    [MECHANISM_TUNNEL_BLOCKED] = "tunnel-blocked",
};

const char *const symptom_words[SYMPTOMS] = {
    [SYMPTOM_NONE] = "none",
    [SYMPTOM_SYN_TIMEOUT] = "syn-timeout",
    [SYMPTOM_SYNACK_UNANSWERED] = "synack-unanswered",
    [SYMPTOM_SYN_RESET] = "syn-reset",
    [SYMPTOM_ICMP_UNREACHABLE] = "icmp-unreachable",
    [SYMPTOM_RESET_MIDSTREAM] = "reset-midstream",
    [SYMPTOM_STALL_MIDSTREAM] = "stall-midstream",
    [SYMPTOM_UDP_NO_RESPONSE] = "udp-no-response",
    [SYMPTOM_UDP_STALL] = "udp-stall",
    [SYMPTOM_TLS_FAILURE] = "tls-failure",
    [SYMPTOM_HTTP_BLOCKED] = "http-blocked",
    [SYMPTOM_FTP_DATA_FAILED] = "ftp-data-failed",
    [SYMPTOM_NO_TRAFFIC] = "no-traffic",
};

const char *const vantage_words[VANTAGES] = {
    [VANTAGE_UNKNOWN] = "unknown",
    [VANTAGE_CLIENT] = "client",
    [VANTAGE_EGRESS_LAN] = "egress-lan",
    [VANTAGE_EGRESS_WAN] = "egress-wan",
    [VANTAGE_EGRESS_ANY] = "egress-any",
    [VANTAGE_ISP] = "isp",
    [VANTAGE_EDGE_WAN] = "edge-wan",
    [VANTAGE_EDGE_LAN] = "edge-lan",
    [VANTAGE_EDGE_ANY] = "edge-any",
    [VANTAGE_SERVER] = "server",
    [VANTAGE_SPAN] = "span",
};

int word_index(const char *const *words, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return (int)i;
    return -1;
}

const char *proto_word(uint8_t proto)
{
    return proto == PROTO_UDP ? "udp" : "tcp";
}
