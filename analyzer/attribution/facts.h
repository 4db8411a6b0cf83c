/* Every fact there is, by name. A fact is added here (one line), established in facts.c (one
 * function), and given its worth in rules/attribution/. rules/README.md lists the same table;
 * a test compares the two. */
#ifndef FWSNIFF_ATTRIBUTION_FACTS_H
#define FWSNIFF_ATTRIBUTION_FACTS_H

#include "analyzer/attribution/fact.h"

/* clang-format off */
/*  identifier               name in rules             type    words             meaning */
#define FACT_TABLE(X) \
X(SYMPTOM,                  "symptom",                 WORD,   symptom_list,     "what the capture shows") \
X(IP_VERSION,               "ip.version",              NUMBER, NULL,             "4 or 6: with IPv6, addresses are hardly ever translated") \
X(PROTO,                    "proto",                   WORD,   proto_list,       "transport of the service") \
X(VANTAGE,                  "vantage",                 WORD,   vantage_list,     "where the capture was taken, seen from this flow") \
X(VANTAGE_CONFIDENCE,       "vantage.confidence",      NUMBER, NULL,             "how sure that is, 0 to 1") \
X(PATH,                     "path",                    WORD,   path_list,        "what lies between the two: same-link (no router), tunnel (inside a VPN or other tunnel), private (both addresses private, routed), internet (one of the addresses is public)") \
X(ATTEMPTS,                 "attempts",                NUMBER, NULL,             "connection attempts in this finding") \
X(SYN_RETRIES,              "syn.retries",             NUMBER, NULL,             "SYN retransmissions in all attempts together") \
X(DIRECTION,                "direction",               WORD,   direction_list,   "whether the side that connects is one the product lets connect: reversed when the initiator is itself known to serve this service to the responder's side") \
X(FORWARDED,                "forwarded",               FLAG,   NULL,             "the failing packets (of synack-unanswered: the SYN-ACK) are seen entering and leaving the capturing box (capture on 'any' or two interfaces); false: they enter and do not leave") \
X(FORWARD_PORT_CHANGED,      "forward.port-changed",   FLAG,   NULL,             "the capturing gateway is seen to send the failing packets on to another port than the client asked for") \
X(SENT_OUT_PRIVATE,          "forward.to-private",     FLAG,   NULL,             "the capturing gateway puts a public address of its own in the place of the client's and sends the packets on to a private address: out to where nobody routes it") \
X(REPLY_SWALLOWED,          "reply.swallowed",         FLAG,   NULL,             "the server's answer is seen entering the capturing box and not leaving it on the client's side") \
X(TUNNEL_END,               "tunnel.end",              WORD,   tunnel_end_list,  "on a capture of 'any': whether the failing packets come out of the tunnel that they came in by: crossed, kept (they enter the box wrapped and are never seen bare)") \
X(LOOP,                     "loop",                    FLAG,   NULL,             "one and the same packet passes the capture again and again, each time some routers later") \
X(ARP_SERVER,               "arp.server",              WORD,   answer_list,      "ARP or ND requests for the server's address in this capture; unanswered also where it once answered, and since its last packet does not any more") \
X(ARP_INSIDE,                "arp.inside",             WORD,   answer_list,      "what the capturing gateway itself asks for on its other side, right after the failing packets came in: an address that nobody there answers for (unanswered)") \
X(ARP_GATEWAY,               "arp.gateway",            WORD,   answer_list,      "the router that the client's packets went to, which answered before: the client asks for its MAC in vain during the failure (unanswered)") \
X(ARP_SERVER_ASKS,           "arp.server-asks",        WORD,   asks_list,        "right after the first packet came, the server's host asks on its link for the MAC of another address than the client's and the router's that brought it, and the answer goes past this capture: another-router (it sends its own answer that way)") \
X(SERVER_ALIVE,             "server.alive",            FLAG,   NULL,             "the server's address sent packets of its own (not RST, not ICMP errors) during the failure") \
X(SERVER_SEEN,              "server.seen",             FLAG,   NULL,             "the server's address sent any packet of its own in the capture at all") \
X(SERVER_PUBLIC,            "server.public",           FLAG,   NULL,             "the server's address, as seen here, is a public one") \
X(CLIENT_PUBLIC,            "client.public",           FLAG,   NULL,             "the client's address, as seen here, is a public one") \
X(ICMP_REASON,              "icmp.reason",             WORD,   icmp_reason_list, "code of the ICMP error: admin (3/9 3/10 3/13, v6 1/1 1/5 1/6), port (3/3, v6 1/4), protocol (3/2), host (3/1 3/7 3/8 3/12, v6 1/3), net (3/0 3/5 3/6 3/11, v6 1/0 1/2), ttl (11/0, v6 3/0), other") \
X(ICMP_SENDER,              "icmp.sender",             WORD,   sender_list,      "whose address the ICMP error comes from: server, client (its own host), other") \
X(ICMP_HOPS,                "icmp.hops",               NUMBER, NULL,             "routers between the ICMP sender and the capture, from its TTL") \
X(ICMP_TTL,                 "icmp.ttl",                WORD,   ttl_list,         "the ICMP error's distance against other packets of the server's address: exact (theirs, and those never vary), same (within what paths vary), one-nearer (one hop, and those others never vary), nearer, farther") \
X(ICMP_QUOTED_HOPS,         "icmp.quoted-hops",        NUMBER, NULL,             "routers the packet passed after the capture before it was refused, from the TTL in the quote; 0 where it was refused by the capturing host or the next device") \
X(ICMP_QUOTED_DISTANCE,     "icmp.quoted-distance",    WORD,   distance_list,    "that number against the server's known distance: at-server, before-server (refused on the way)") \
X(ICMP_REFUSED_WHILE,       "icmp.refused-while",      WORD,   while_list,       "whether a box refused the packet while forwarding it (the quote has passed one router more than the error on its way back) or when it arrived (as many)") \
X(ICMP_MAC,                 "icmp.mac",                WORD,   same_list,        "the frame's source MAC against the server's other frames") \
X(ICMP_WAITED_MS,           "icmp.waited-ms",          NUMBER, NULL,             "longest time from an attempt's first packet to the ICMP error that refuses it, in milliseconds: a router that asks for the host's MAC in vain takes seconds") \
X(ICMP_NAT,                 "icmp.quote-address",      WORD,   nat_list,         "addresses in the quote: as-sent, or translated (the quote shows the other side of a NAT)") \
X(REFUSAL_MADE_HERE,        "refusal.made-here",       FLAG,   NULL,             "the RST or ICMP error is seen leaving the capturing box and never entering it: the box made it") \
X(RST_FROM,                 "rst.from",                WORD,   side_list,        "whose address the RST carries: responder, initiator, both") \
X(RST_TTL,                  "rst.ttl",                 WORD,   ttl_list,         "the RST's distance against other packets of the address it carries: exact (theirs, and those never vary), same (within what paths vary), one-nearer (one hop, and those others never vary), nearer, farther") \
X(RST_HOPS,                 "rst.hops",                NUMBER, NULL,             "routers between the RST's real sender and the capture, from its TTL") \
X(RST_TIMING,               "rst.timing",              WORD,   timing_list,      "when the RST came against the shortest known answer of that address: too-soon (under half of it), as-usual") \
X(RST_STACK,               "rst.own-stack",           FLAG,   NULL,             "the RST carries the timestamps of its connection, going on where the side's own packets were") \
X(RST_UNSTAMPED,           "rst.no-timestamps",       FLAG,   NULL,             "the RST carries no timestamps, though both sides' other packets of the connection do") \
X(RST_OUTRUN,              "rst.outrun",              FLAG,   NULL,             "the side whose address the RST carries went on with the connection after it") \
X(RST_HOPS_FEWER,           "rst.hops-fewer",          NUMBER, NULL,             "how many routers fewer the RST passed than the other packets of the address it carries did") \
X(RST_SAME_ID,              "rst.same-id",             NUMBER, NULL,             "RSTs of this finding, of different connections, that all carry the IP-ID of the first, where that is not 0") \
X(RST_MAC,                  "rst.mac",                 WORD,   same_list,        "the RST's source MAC against other frames of its address") \
X(RST_CHECKSUM,             "rst.checksum",            WORD,   rst_checksum_list, "the checksum of a RST in reply to a SYN, with IP-ID 0 as Linux and BSD send it: unfinished (left for the network card), complete (while other TCP packets of its address are left unfinished)") \
X(RST_FLOW_LABEL,           "rst.flow-label",          WORD,   flow_label_list,  "the flow label of a RST in reply to a SYN, over IPv6: none, set") \
X(RST_CLASS,               "rst.service-class",       WORD,   service_class_list, "the class of service (DSCP) of a RST in reply to a SYN: as-asked (the SYN's, where that has one), none (where the SYN has one), low-delay (0x10, over IPv4, and the SYN's is another)") \
X(RST_COPIED,               "rst.copied",              FLAG,   NULL,             "the RST repeats the IP-ID (not 0) or the window of the packet it answers, or the IP-ID of the packet before it") \
X(ANSWER_DELAY_MS,          "answer.delay-ms",         NUMBER, NULL,             "shortest time from the refused packet to the refusal (RST, ICMP), in milliseconds") \
X(CONTROL_OTHER_CLIENTS,    "control.other-clients",   WORD,   control_list,     "other client hosts on the same service: answered, failed, none") \
X(CONTROL_BEFORE,           "control.same-before",     WORD,   control_list,     "this client on this service before the first failure") \
X(CONTROL_AFTER,            "control.same-after",      WORD,   control_list,     "this client on this service after the last failure") \
X(CONTROL_OTHER_PORTS,      "control.other-ports",     WORD,   control_list,     "this client on other TCP or UDP ports of the same server") \
X(CONTROL_TAKEN_UP,         "control.taken-up",        FLAG,   NULL,             "this client takes up what the same server answers it on other TCP ports: the answers of this server reach it") \
X(CONTROL_SAME_PORT,        "control.same-port",       WORD,   control_list,     "this client on the same port of other servers") \
X(CONTROL_WEB,              "control.web",             WORD,   control_list,     "this client on TCP 80 or 443 of other servers") \
X(CONTROL_ELSEWHERE,        "control.elsewhere",       WORD,   control_list,     "this client on other servers at all") \
X(CONTROL_SERVER_PORTS,     "control.server-ports",    WORD,   control_list,     "anybody else on other ports of this server") \
X(CONTROL_PING,             "control.ping",            WORD,   control_list,     "echo requests of this client to the server") \
X(CONTROL_CONCURRENT,       "control.concurrent",      FLAG,   NULL,             "others were answered on this service between first and last failure") \
X(CONTROL_NEARBY,           "control.others-nearby",   FLAG,   NULL,             "the other clients that were answered on this service come through no router to the capture, and this client does") \
X(PORT_UNUSUAL,             "port.unusual",            FLAG,   NULL,             "the port is none of 22 25 53 80 110 143 443 465 587 993 995 that most outbound policies allow") \
X(PORT_PROVIDER_BLOCKED,     "port.provider-blocked",  FLAG,   NULL,             "the port is one of 25, 135 to 139 and 445, which many providers block for all of their customers") \
X(IDLE_BEFORE_S,            "idle.before-s",           NUMBER, NULL,             "silence of the connection before the packet that was never answered, in seconds") \
X(IDLE_REPEATED,            "idle.repeated",           NUMBER, NULL,             "connections of this service that died after such a silence") \
X(DIED_AFTER,               "died.after",              WORD,   phase_list,       "how far the connection had come: handshake, first-payload (the first request was never answered), request (a later one), transfer (bulk data was moving), idle") \
X(STALL_FROM,               "stall.from",              WORD,   side_list,        "whose packets stay unanswered: initiator, responder, both") \
X(STALL_OTHER_SIDE,         "stall.other-side",        WORD,   other_side_list,  "what the other side still sends meanwhile: silent, acks (old acknowledgments or keep-alives), data") \
X(STALL_ACKED,              "stall.request-acked",     FLAG,   NULL,             "the last request was acknowledged by TCP, only the reply is missing") \
X(STALL_CUT_OFF,            "stall.cut-off",           FLAG,   NULL,             "the initiator was sending a large amount, all of it was acknowledged, and from one moment on nothing more of it came, not even the end of the connection") \
X(STALL_FULL_SIZE,          "stall.full-size",         FLAG,   NULL,             "only full-size segments stay unanswered, smaller ones passed; or a side's later packets show that segments of that size were sent and never came") \
X(STALL_MISSING,            "stall.missing-bytes",     NUMBER, NULL,             "payload that the later packets of a side show to have been sent, and that neither the capture nor the other side ever got") \
X(STALL_GAVE_UP,            "stall.gave-up",           WORD,   side_list,        "who ended the connection after the stall, if anybody") \
X(BYTES_MOVED,              "bytes.moved",             NUMBER, NULL,             "payload bytes delivered before the failure, both directions, average over attempts") \
X(SYNACK_RETRIES,           "synack.retries",          NUMBER, NULL,             "SYN-ACK retransmissions in all attempts together") \
X(CLIENT_REPEATS_SYN,       "synack.client-repeats",   FLAG,   NULL,             "the client goes on sending its SYN after the SYN-ACK passed the capture") \
X(RETURN_PATH,              "reply.path",              WORD,   reply_path_list,  "whether the server's replies take the way the requests came: same, other-mac, other-interface, other-address") \
X(SPEAKS,                   "protocol.spoken",         WORD,   spoken_list,      "protocol recognised on the port against the profile: expected, foreign") \
X(TUNNEL_ANSWERED,          "tunnel.answered",         FLAG,   NULL,             "anything at all comes from the far end of the tunnel that the failing packets go through") \
X(TUNNEL_ASKED,              "tunnel.asked",           NUMBER, NULL,             "addresses behind the tunnel's far end that packets went to: 1, or 2 (two or more)") \
X(TUNNEL_SSL_VPN,           "tunnel.ssl-vpn",          WORD,   ssl_vpn_list,     "the connection, on a port of others, is an SSL VPN's, known by: server-name (that TLS asks for), request (HTTP, in clear), openvpn (its first packet), look-up (the name that the DNS was asked for)") \
X(TUNNEL_ESP_ONE_WAY,       "tunnel.esp-one-way",      FLAG,   NULL,             "IKE was answered, and of the ESP it agreed on only one end's packets are here") \
X(TUNNEL_ESP_IN_UDP,        "tunnel.esp-in-udp",       FLAG,   NULL,             "that ESP is not beside IKE (IP protocol 50), but within the same UDP exchange as IKE itself (RFC 3948)") \
X(TUNNEL_OVER_TCP,          "tunnel.over-tcp",         FLAG,   NULL,             "the tunnel that the failing packets go through seems to run over TCP: one was up at that time, and no other") \
X(DNS_ANSWER,               "dns.answer",              WORD,   dns_answer_list,  "the client looked a name up and was told the address it fails to reach: public, private, private-by-stranger (a private one, by a name server with a public address), sinkhole (where filtering name servers send what they stop), sinkhole-unheard (the same, though the look-up is not in the capture)") \
X(DNS_PROBLEM,              "dns.problem",             WORD,   dns_problem_list, "with --expect: a name that the missing client looked up last without being told an address: no-such-name, no-address, refused, failed, unanswered") \
X(UDP_LOST,                 "udp.lost",                WORD,   udp_lost_list,    "what of a UDP exchange gets lost beyond the capture, told by what the client has to ask again: requests (no answer passed here), replies (one had passed), both") \
X(UDP_THROTTLED,            "udp.throttled",           FLAG,   NULL,             "a UDP transfer that ran well goes on far slower, second by second (false: it stopped)") \
X(RATE_BEST,                "rate.best-kbytes",        NUMBER, NULL,             "best second of a UDP transfer, in 1000 bytes per second, both directions") \
X(RATE_LATE,                "rate.late-kbytes",        NUMBER, NULL,             "the slow seconds at its end on average, in 1000 bytes per second") \
X(RELAY,                    "relay",                   WORD,   relay_list,       "the connection that the product's relay (Druva: Master Server or Storage Node) has to keep to the failing server from within its network: kept, missing (none in this capture)") \
X(ALTERNATIVE,              "alternative",             WORD,   alternative_list, "another service that would have served as well (SMB: 139 beside 445) was tried at the same time: failed") \
X(FTP_MODE,                 "ftp.mode",                WORD,   ftp_mode_list,    "who opens the data connection of FTP: the client (passive) or the server (active)") \
X(FTP_ADDRESS,              "ftp.address",             WORD,   ftp_address_list, "the address announced for the data connection: as-connected (the one the control connection uses), private (of no use to the other side, which knows a public one), private-inside (of no use to the other side, unless a NAT still to come translates it), other") \
X(FTP_PORT,                 "ftp.port",                NUMBER, NULL,             "the port announced for the data connection") \
X(FTP_DATA,                 "ftp.data",                WORD,   ftp_data_list,    "how the data connection fails: silent (no answer to its SYN), refused (RST), unreachable (ICMP error), unconfirmed (SYN-ACK never acknowledged), never-came (no SYN in this capture)") \
X(FTP_REPLY,                 "ftp.reply",              WORD,   ftp_reply_list,   "what the server said of a data connection that is not in the capture: opening (125 or 150: it is about to open it, or has), cannot-open (425)") \
X(FTP_ENCRYPTED,            "ftp.encrypted",           FLAG,   NULL,             "the control connection is encrypted (AUTH TLS): which data connection was agreed on is hidden, from firewalls too") \
X(CONTENT_REACHED,          "content.reached",         WORD,   reached_list,     "how far the conversation came before it failed, by the last message seen whole: client-hello or request (the first words of the client, no answer), server-hello, certificate, response, data (the handshake was done)") \
X(CONTENT_ANSWER,           "content.answer",          WORD,   answer_kind_list, "what answers the client's first words: as-asked, http (to a TLS hello), tls (to an HTTP request), other") \
X(ANSWER_NEXT_DOOR,         "answer.next-door",        WORD,   next_door_list,   "whoever answers sits on the link of this capture, by the answers' TTL, though the server's address is a public one and the client's is not: only-here (other public addresses answer from further away), alone (there is no other to compare with), everywhere (others do as well, or the gateway is a virtual machine's: its NAT makes all packets anew); no: it is not next door") \
X(ANSWER_HOPS,               "answer.hops",            NUMBER, NULL,             "routers that the answers in the server's name have passed, from their TTL") \
X(TLS_ALERT,                "tls.alert",               WORD,   alert_list,       "the alert that ended the handshake: unknown-ca, bad-certificate (42, 43, 46), expired (44, 45), version (70), cipher (40, 71), name (112), other, hidden (encrypted: its length gives it away, not its content)") \
X(TLS_ALERT_FROM,           "tls.alert-from",          WORD,   side_list,        "who sent the alert: responder, initiator") \
X(TLS_VERSION,              "tls.version",             WORD,   tls_version_list, "version the server chose; in 1.3 certificates cannot be seen") \
X(TLS_CERTIFICATE,          "tls.certificate",         WORD,   certificate_list, "the certificate shown in the server's name: pinned (the profile's or --pin's), other-than-pinned, inspection (a known inspection issuer made it), other-than-usual (connections to this server that worked show another), usual (they show the same), self-issued, unremarkable") \
X(TLS_SELF_ISSUED,           "tls.self-issued",        FLAG,   NULL,             "the certificate that was shown is its own issuer") \
X(TLS_ISSUER_ELSEWHERE,     "tls.issuer-elsewhere",    FLAG,   NULL,             "the same issuer made the certificates of other server addresses of the same client, with other subjects") \
X(HTTP_STATUS,              "http.status",             NUMBER, NULL,             "status code of the refusal, or of the first answer") \
X(HTTP_PAGE,                "http.page",               WORD,   page_list,        "what the answer's page or head is known by: filter (a web filter's block page), portal (a login page of a network), proxy (a proxy speaks for itself), none") \
X(HTTP_PROXY_REFUSED,       "http.proxy-refused",      FLAG,   NULL,             "a proxy refused: 407, or anything but success to CONNECT") \
X(HTTP_REDIRECT,            "http.redirect-elsewhere", FLAG,   NULL,             "the answer sends the client to another host") \
X(HTTP_VIA,                 "http.via",                FLAG,   NULL,             "the answer says that it passed a proxy (Via, RFC 9110 7.6.3)") \
X(ONE_DIRECTIONAL,          "capture.one-directional", FLAG,   NULL,             "the capture shows one direction of most conversations only") \
X(CAPTURE_DROPS,            "capture.drops",           FLAG,   NULL,             "packets were lost while capturing") \
X(MIDSTREAM_START,          "flow.started-before",     FLAG,   NULL,             "the connection was already there when the capture began") \
X(CAPTURES,                 "captures",                NUMBER, NULL,             "captures that hold packets of this failure, where several were given") \
X(CAPTURES_REQUEST,         "captures.request",        WORD,   request_list,     "what the initiator sent, on a stretch of path between two captures: arrived (in both), lost (in the one nearer to the initiator only, though the other sees this path)") \
X(CAPTURES_REPLY,           "captures.reply",          WORD,   passage_list,     "what the responder answered (SYN-ACK, data) there: arrived, lost (in the capture nearer to the responder only), made-between (in the other only)") \
X(CAPTURES_REFUSAL,         "captures.refusal",        WORD,   passage_list,     "the RST or ICMP error there: arrived (in both), lost (in the capture nearer to its sender only), made-between (in the other only)") \
X(CAPTURES_CROSSED,         "captures.crossed",        WORD,   crossed_list,     "of a connection that worked: whose packets are in both captures, sent again and again, with no answer to them in either: requests (the initiator's), replies (the responder's)") \
X(CAPTURES_WITNESS,         "captures.witness",        WORD,   witness_list,     "how it is known that the second capture sees this path: flow (it holds the connection), pair (others of the same two hosts), server (others to the server), client (others of the client, one router further), host (taken on the server), told (by the user)") \
X(CAPTURES_NAT,             "captures.nat",            WORD,   changed_list,     "addresses that differ between the two captures: none, client, server, both") \
X(CAPTURES_PORT_CHANGED,    "captures.port-changed",   FLAG,   NULL,             "the server's port differs between the two captures") \
X(CAPTURES_ARP,             "captures.arp",            WORD,   answer_list,      "ARP or ND requests in the capture nearer to the responder while the request got lost before it: unanswered") \
X(CAPTURES_FTP_DATA,         "captures.ftp-data",      WORD,   lost_list,        "the server's SYN for the data connection of FTP (active mode), on a stretch of path between two captures: lost (in the one nearer to the server only, though the other has the control connection and no filter for one port)") \
X(SEGMENT_REFUSER,          "segment.refuser",         WORD,   refuser_list,     "which router between the two captures made the refusal, by its hop limit: first (next to the capture nearer to the initiator), middle, last, only (there is one)") \
X(SEGMENT_HOPS,             "segment.hops",            NUMBER, NULL,             "routers between the two captures") \
X(SEGMENT_EGRESS,           "segment.egress",          FLAG,   NULL,             "the gateway of the initiator's network lies between the two captures") \
X(SEGMENT_PATH,             "segment.path",            FLAG,   NULL,             "some of the path between the two networks lies between the two captures") \
X(SEGMENT_EDGE,             "segment.edge",            FLAG,   NULL,             "the edge of the responder's network lies between the two captures") \
X(PROBE_ENDS,               "probe.ends",              WORD,   probe_end_list,   "where traceroute-like probes of the failing port end: first-router (no router beyond the first answers, while other probes or packets go at least three far), midway (other probes go on beyond), last-router (the one before the server), reached (the server answers them)") \
X(PROBE_HOPS,               "probe.hops",              NUMBER, NULL,             "the farthest router that answers probes of the failing port, counted from the capture; 0: none") \
X(PROBE_OTHER_HOPS,         "probe.other-hops",        NUMBER, NULL,             "the farthest that other probes to this server (ping, UDP, other ports) are known to come, counted from the capture") \
X(PROBE_BEYOND,             "probe.beyond",            NUMBER, NULL,             "how many hops farther other probes come than those of the failing port") \
X(TIMER_DIED,               "timer.died",              NUMBER, NULL,             "connections of this service, of any client, that died at their first packet after a silence") \
X(TIMER_DIED_S,             "timer.shortest-died-s",   NUMBER, NULL,             "the shortest silence that one of them died of, in seconds") \
X(TIMER_SURVIVED_S,         "timer.longest-survived-s", NUMBER, NULL,            "the longest silence that a connection of this service survived, in seconds; 0: none was ever silent for a second") \
X(TIMER_SHARP,              "timer.sharp",             FLAG,   NULL,             "two or more died so, and every silence that was survived is shorter than every one that was not") \
X(CUT_BYTES_ALIKE,          "cut.bytes-alike",         NUMBER, NULL,             "transfers of this finding that were cut at about the same amount (within a twentieth) as the first") \
X(CUT_BYTES,                "cut.bytes",               NUMBER, NULL,             "that amount, in payload bytes of both directions") \
X(CUT_SECONDS_ALIKE,        "cut.seconds-alike",       NUMBER, NULL,             "connections of this finding that were cut at about the same age (within a twentieth) as the first") \
X(CUT_SECONDS,              "cut.seconds",             NUMBER, NULL,             "that age, in seconds") \
X(CONTROL_BETWEEN,          "control.same-between",    WORD,   control_list,     "this client on this service between the first failure and the last: answered, none") \
X(SERVICE_TURN,             "service.turn",            WORD,   turn_list,        "two clients or more see the same service change at once: went-down (it answered until then, and nobody since), came-up (nobody until then)") \
X(SERVICE_MUTE,             "service.mute",            NUMBER, NULL,             "where SYNs are not answered: connections of this service, of any client, that were accepted and whose request was acknowledged, and on none of them, nor on any other since, a byte of answer came for 3 s and more") \
X(EXPECTED_ONLY,            "expect.seen",             WORD,   expect_list,      "with --expect: what of the expected pair was seen: nothing, other-outside (traffic from other networks arrives), client-elsewhere (the client was seen, not on this service)")
/* clang-format on */

enum fact_id {
#define FACT_ENUM(identifier, name, type, words, meaning) FACT_##identifier,
    FACT_TABLE(FACT_ENUM)
#undef FACT_ENUM
        FACT_COUNT
};

/* Indexed by enum fact_id. */
extern const struct fact_definition fact_definitions[FACT_COUNT];

#endif
