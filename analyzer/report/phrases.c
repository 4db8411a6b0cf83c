#include "analyzer/report/view.h"

const struct place_phrase place_phrases[FAILURE_POINTS] = {
    [LOCAL_FIREWALL] = {"local firewall", "the firewall on the server's own host"},
    [EDGE_FIREWALL] = {"edge firewall", "the firewall or NAT at the edge of the server's network"},
    [EGRESS_POLICY] = {"egress policy", "the outbound rules of the client's network"},
    [SERVER_HOST] = {"server host", "the server's host does not serve; no firewall"},
    [NETWORK_PATH] = {"network path", "the network between the two sites; no firewall"},
    [APPLICATION] = {"application", "the software of one of the two ends; no firewall"},
};

const char *const mechanism_phrases[MECHANISMS] = {
    [MECHANISM_UNKNOWN] = "how it fails cannot be told",
    [MECHANISM_DROP] = "packets are dropped without an answer",
    [MECHANISM_REJECT_RST] = "refused with a TCP reset",
    [MECHANISM_REJECT_ICMP] = "refused with an ICMP error",
    [MECHANISM_NO_PORT_FORWARD] = "the port is not forwarded to the server",
    [MECHANISM_WRONG_FORWARD] = "the port is forwarded to something else",
    [MECHANISM_IDLE_TIMEOUT] = "idle connections are forgotten",
    [MECHANISM_CONTENT_FILTER] = "cut for its content",
    [MECHANISM_TLS_INTERCEPTION] = "TLS is intercepted",
    [MECHANISM_BLOCK_PAGE] = "answered with a block page",
    [MECHANISM_DYNAMIC_BLOCK] = "cut after traffic had flowed",
    [MECHANISM_MTU_BLACK_HOLE] = "large packets vanish",
    [MECHANISM_NOT_LISTENING] = "nothing listens on the port",
    [MECHANISM_BACKLOG_FULL] = "the server's queue of new connections is full",
    [MECHANISM_APP_SILENT] = "the software takes the request and never answers",
    [MECHANISM_APP_ABORT] = "the software ends the exchange",
    [MECHANISM_HOST_DOWN] = "the host is down",
    [MECHANISM_NO_ROUTE] = "there is no route",
    [MECHANISM_ROUTING_LOOP] = "packets go round in a routing loop",
    [MECHANISM_RETURN_PATH] = "replies are lost on the way back",
    [MECHANISM_TUNNEL_BLOCKED] = "the tunnel is blocked",
};

const char *const symptom_phrases[SYMPTOMS] = {
    [SYMPTOM_NONE] = "nothing failed",
    [SYMPTOM_SYN_TIMEOUT] = "the connection request (SYN) is never answered",
    [SYMPTOM_SYNACK_UNANSWERED] = "the server answers (SYN-ACK), the client never takes it up",
    [SYMPTOM_SYN_RESET] = "the connection request is answered with a reset",
    [SYMPTOM_ICMP_UNREACHABLE] = "an ICMP error refuses the connection",
    [SYMPTOM_RESET_MIDSTREAM] = "the running connection is reset",
    [SYMPTOM_STALL_MIDSTREAM] = "the running connection falls silent",
    [SYMPTOM_UDP_NO_RESPONSE] = "the request (UDP) is never answered",
    [SYMPTOM_UDP_STALL] = "answers (UDP) came before and stop",
    [SYMPTOM_TLS_FAILURE] = "the TLS handshake fails",
    [SYMPTOM_HTTP_BLOCKED] = "the HTTP request is blocked",
    [SYMPTOM_FTP_DATA_FAILED] = "the FTP data connection fails",
    [SYMPTOM_NO_TRAFFIC] = "the expected peer never appears",
};

const char *const vantage_phrases[VANTAGES] = {
    [VANTAGE_UNKNOWN] = "at a place that is not known",
    [VANTAGE_CLIENT] = "on the client",
    [VANTAGE_EGRESS_LAN] = "inside the client's gateway",
    [VANTAGE_EGRESS_WAN] = "outside the client's gateway",
    [VANTAGE_EGRESS_ANY] = "on the client's gateway, both sides",
    [VANTAGE_ISP] = "between the two sites",
    [VANTAGE_EDGE_WAN] = "outside the firewall of the server's network",
    [VANTAGE_EDGE_LAN] = "inside the firewall of the server's network",
    [VANTAGE_EDGE_ANY] = "on the firewall of the server's network, both sides",
    [VANTAGE_SERVER] = "on the server",
    [VANTAGE_SPAN] = "at a mirror port or tap",
};
