/* The words of the report contract as enums, each with its text. What a word means stands in
 * docs/manual.md. Symptom, mechanism and failure point answer three questions: what was seen, how
 * it fails, whose rule has to change. None is ever derived from another by name. */
#ifndef FWSNIFF_WORDS_H
#define FWSNIFF_WORDS_H

#include <stddef.h>
#include <stdint.h>

enum failure_point {
    LOCAL_FIREWALL,
    EDGE_FIREWALL,
    EGRESS_POLICY,
    SERVER_HOST,
    NETWORK_PATH,
    APPLICATION,
    FAILURE_POINTS
};

enum mechanism {
    MECHANISM_UNKNOWN,
    MECHANISM_DROP,
    MECHANISM_REJECT_RST,
    MECHANISM_REJECT_ICMP,
    MECHANISM_NO_PORT_FORWARD,
    MECHANISM_WRONG_FORWARD,
    MECHANISM_IDLE_TIMEOUT,
    MECHANISM_CONTENT_FILTER,
    MECHANISM_TLS_INTERCEPTION,
    MECHANISM_BLOCK_PAGE,
    MECHANISM_DYNAMIC_BLOCK,
    MECHANISM_MTU_BLACK_HOLE,
    MECHANISM_NOT_LISTENING,
    MECHANISM_BACKLOG_FULL,
    MECHANISM_APP_SILENT,
    MECHANISM_APP_ABORT,
    MECHANISM_HOST_DOWN,
    MECHANISM_NO_ROUTE,
    MECHANISM_ROUTING_LOOP,
    MECHANISM_RETURN_PATH,
    MECHANISM_TUNNEL_BLOCKED,
    MECHANISMS
};

enum symptom {
    SYMPTOM_NONE, /* nothing failed, or it cannot be said yet */
    SYMPTOM_SYN_TIMEOUT,
    SYMPTOM_SYNACK_UNANSWERED,
    SYMPTOM_SYN_RESET,
    SYMPTOM_ICMP_UNREACHABLE,
    SYMPTOM_RESET_MIDSTREAM,
    SYMPTOM_STALL_MIDSTREAM,
    SYMPTOM_UDP_NO_RESPONSE,
    SYMPTOM_UDP_STALL,
    SYMPTOM_TLS_FAILURE,
    SYMPTOM_HTTP_BLOCKED,
    SYMPTOM_FTP_DATA_FAILED,
    SYMPTOM_NO_TRAFFIC,
    SYMPTOMS
};

enum vantage {
    VANTAGE_UNKNOWN,
    VANTAGE_CLIENT,
    VANTAGE_EGRESS_LAN,
    VANTAGE_EGRESS_WAN,
    VANTAGE_EGRESS_ANY,
    VANTAGE_ISP,
    VANTAGE_EDGE_WAN,
    VANTAGE_EDGE_LAN,
    VANTAGE_EDGE_ANY,
    VANTAGE_SERVER,
    VANTAGE_SPAN,
    VANTAGES
};

/* Index: the enum. */
extern const char *const failure_point_words[FAILURE_POINTS];
extern const char *const mechanism_words[MECHANISMS];
extern const char *const symptom_words[SYMPTOMS];
extern const char *const vantage_words[VANTAGES];

/* Index of `word` in a table of `count`, or -1. */
int word_index(const char *const *words, size_t count, const char *word);

enum { PROTO_TCP = 6, PROTO_UDP = 17 }; /* IANA protocol numbers */

/* "tcp" or "udp". */
const char *proto_word(uint8_t proto);

#endif
