/* The only file that includes nDPI.
 *
 * nDPI 4.2 (Debian 12) is fed hostile bytes, and has faults that later releases mended: it reads a
 * few bytes behind the packet in places, and its certificate parser writes out of bounds when its
 * 16-bit index wraps, near 64 KiB (OSS-Fuzz 57317, upstream #1910). So it gets a copy with zeros
 * behind it, and never more than NDPI_BRIDGE_BYTES_MAX of a flow. */
#include "dissectors/ndpi_bridge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ndpi_main.h>
#include <ndpi_typedefs.h>
#include <ndpi_api.h>

/* What changed since 4.2. Written from the later headers; only 4.2 has been compiled so far. */
#define NDPI_RELEASE (NDPI_MAJOR * 100 + NDPI_MINOR)
#if NDPI_RELEASE >= 406
#define DETECT(module, state, bytes, length, time_ms, from_client)                                 \
    ndpi_detection_process_packet(                                                                 \
        module, state, bytes, length, time_ms,                                                     \
        &(struct ndpi_flow_input_info){.in_pkt_dir = (from_client) ? NDPI_IN_PKT_DIR_C_TO_S        \
                                                                   : NDPI_IN_PKT_DIR_S_TO_C})
#else
#define DETECT(module, state, bytes, length, time_ms, from_client)                                 \
    ((void)(from_client), ndpi_detection_process_packet(module, state, bytes, length, time_ms))
#endif
#if NDPI_RELEASE >= 408
#define ALPN_OF(tls) ((tls)->negotiated_alpn ? (tls)->negotiated_alpn : (tls)->advertised_alpns)
#else
#define ALPN_OF(tls) ((tls)->alpn)
#endif
#if NDPI_RELEASE >= 412
#define NEW_MODULE() ndpi_init_detection_module(NULL)
#else
#define NEW_MODULE() ndpi_init_detection_module(ndpi_dont_load_tor_hosts)
#endif

enum { ZEROS_BEHIND = 256 };

/* A packet that waits until somebody asks. */
struct waiting {
    struct waiting *next;
    uint64_t time_ms;
    uint32_t length;
    bool from_client;
    uint8_t bytes[];
};

struct ndpi_bridge {
    struct ndpi_detection_module_struct *module; /* NULL until nDPI is first asked */
    bool failed;
    struct ndpi_flow *oldest, *newest; /* of those whose packets wait */
    size_t waiting_bytes;
    uint8_t packet[NDPI_BRIDGE_BYTES_MAX + ZEROS_BEHIND];
};

struct ndpi_flow {
    struct ndpi_flow_struct *state; /* NULL until nDPI was shown a packet */
    struct waiting *first, **last;  /* `last`: where the next one is hung on */
    struct ndpi_flow *older, *newer;
    uint32_t bytes;
    uint8_t packets;
    bool heard; /* nDPI was asked once: from then on it is shown each packet at once */
    bool done, full, dispensable;
    bool handshake[2]; /* TLS; by from_client */
};

struct ndpi_bridge *ndpi_bridge_new(void)
{
    return calloc(1, sizeof(struct ndpi_bridge));
}

void ndpi_bridge_free(struct ndpi_bridge *bridge)
{
    if (!bridge)
        return;
    if (bridge->module)
        ndpi_exit_detection_module(bridge->module);
    free(bridge);
}

static bool start(struct ndpi_bridge *bridge)
{
    if (bridge->module || bridge->failed)
        return bridge->module;
    bridge->module = NEW_MODULE();
    bridge->failed = !bridge->module;
    if (bridge->failed)
        return false;
#if NDPI_RELEASE < 412
    NDPI_PROTOCOL_BITMASK all;
    NDPI_BITMASK_SET_ALL(all);
    ndpi_set_protocol_detection_bitmask2(bridge->module, &all);
#endif
    ndpi_finalize_initialization(bridge->module);
    return true;
}

void ndpi_bridge_warm(struct ndpi_bridge *bridge)
{
    (void)start(bridge);
}

struct ndpi_flow *ndpi_bridge_flow_new(struct ndpi_bridge *bridge)
{
    (void)bridge;
    return calloc(1, sizeof(struct ndpi_flow));
}

/* --- showing nDPI --- */

static bool start_flow(struct ndpi_flow *flow)
{
    if (!flow->state) {
        flow->state = ndpi_flow_malloc(SIZEOF_FLOW_STRUCT);
        if (flow->state)
            memset(flow->state, 0, SIZEOF_FLOW_STRUCT);
    }
    return flow->state;
}

/* The header must say the length that nDPI gets: the packet may have been cut short by the snap
 * length, or say 0 (segmentation offload), and nDPI would refuse either. */
static void write_length(uint8_t *ip, uint32_t length)
{
    enum { IP4_TOTAL_LENGTH_AT = 2, IP6_PAYLOAD_LENGTH_AT = 4, IP6_HEADER = 40 };
    bool v6 = ip[0] >> 4 == 6;
    uint32_t value = v6 ? length - IP6_HEADER : length;
    uint8_t *at = ip + (v6 ? IP6_PAYLOAD_LENGTH_AT : IP4_TOTAL_LENGTH_AT);
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void show_bytes(struct ndpi_bridge *bridge, struct ndpi_flow *flow,
                       const struct waiting *packet, const uint8_t *ip_bytes, uint32_t length)
{
    flow->done |= !start(bridge) || !start_flow(flow);
    if (flow->done)
        return;
    memcpy(bridge->packet, ip_bytes, length);
    memset(bridge->packet + length, 0, ZEROS_BEHIND);
    write_length(bridge->packet, length);
    (void)DETECT(bridge->module, flow->state, bridge->packet, (uint16_t)length, packet->time_ms,
                 packet->from_client);
    bool known = flow->state->detected_protocol_stack[0] != NDPI_PROTOCOL_UNKNOWN;
    flow->done = known && !ndpi_extra_dissection_possible(bridge->module, flow->state);
}

static void show_packet(struct ndpi_bridge *bridge, struct ndpi_flow *flow,
                        const struct waiting *waiting)
{
    show_bytes(bridge, flow, waiting, waiting->bytes, waiting->length);
}

/* --- packets that wait --- */

static void queue_flow(struct ndpi_bridge *bridge, struct ndpi_flow *flow)
{
    flow->last = &flow->first;
    flow->older = bridge->newest;
    flow->newer = NULL;
    *(bridge->newest ? &bridge->newest->newer : &bridge->oldest) = flow;
    bridge->newest = flow;
}

static void unqueue_flow(struct ndpi_bridge *bridge, struct ndpi_flow *flow)
{
    *(flow->older ? &flow->older->newer : &bridge->oldest) = flow->newer;
    *(flow->newer ? &flow->newer->older : &bridge->newest) = flow->older;
    flow->first = NULL;
}

static size_t waiting_size(const struct waiting *waiting)
{
    return sizeof *waiting + waiting->length;
}

/* Takes the flow out of the queue; its packets are shown to nDPI, or not. */
static void end_waiting(struct ndpi_bridge *bridge, struct ndpi_flow *flow, bool show)
{
    struct waiting *waiting = flow->first;
    if (waiting)
        unqueue_flow(bridge, flow);
    while (waiting) {
        struct waiting *next = waiting->next;
        bridge->waiting_bytes -= waiting_size(waiting);
        if (show && !flow->done)
            show_packet(bridge, flow, waiting);
        free(waiting);
        waiting = next;
    }
}

static bool wait_with(struct ndpi_bridge *bridge, struct ndpi_flow *flow, const uint8_t *ip_bytes,
                      uint32_t length, uint64_t time_ms, bool from_client)
{
    struct waiting *waiting = malloc(sizeof *waiting + length);
    if (!waiting)
        return false;
    *waiting = (struct waiting){.length = length, .time_ms = time_ms, .from_client = from_client};
    memcpy(waiting->bytes, ip_bytes, length);
    if (!flow->first)
        queue_flow(bridge, flow);
    *flow->last = waiting;
    flow->last = &waiting->next;
    bridge->waiting_bytes += waiting_size(waiting);
    while (bridge->waiting_bytes > NDPI_BRIDGE_WAITING_MAX) {
        struct ndpi_flow *oldest = bridge->oldest;
        oldest->done |= oldest->dispensable;
        oldest->heard = true;
        end_waiting(bridge, oldest, true);
    }
    return true;
}

void ndpi_bridge_dispensable(struct ndpi_flow *flow)
{
    flow->dispensable = true;
}

void ndpi_bridge_flow_free(struct ndpi_bridge *bridge, struct ndpi_flow *flow)
{
    if (!flow)
        return;
    end_waiting(bridge, flow, false);
    if (flow->state)
        ndpi_free_flow(flow->state);
    free(flow);
}

/* What an IP packet carries, so far as that is worth a look; NULL: nothing. */
static const uint8_t *payload_of(const uint8_t *ip, uint32_t length)
{
    enum { PROTOCOL_TCP = 6, TCP_OFFSET_AT = 12, TLS_RECORD_HEADER = 5 };
    bool v6 = ip[0] >> 4 == 6;
    uint32_t header = v6 ? 40 : (ip[0] & 0xfu) * 4;
    if (ip[v6 ? 6 : 9] != PROTOCOL_TCP || header + TCP_OFFSET_AT >= length)
        return NULL;
    uint32_t at = header + (uint32_t)(ip[header + TCP_OFFSET_AT] >> 4) * 4;
    return at + TLS_RECORD_HEADER <= length ? ip + at : NULL;
}

/* RFC 8446 5.1: behind the handshake all is encrypted, and nDPI would only pass over it. */
static bool is_encrypted(struct ndpi_flow *flow, const uint8_t *ip, uint32_t length,
                         bool from_client)
{
    enum { HANDSHAKE = 22, APPLICATION_DATA = 23, VERSION_MAJOR = 3, VERSION_MINOR_MAX = 4 };
    const uint8_t *record = payload_of(ip, length);
    if (!record || record[1] != VERSION_MAJOR || record[2] > VERSION_MINOR_MAX)
        return false;
    flow->handshake[from_client] |= record[0] == HANDSHAKE;
    return record[0] == APPLICATION_DATA && flow->handshake[0] && flow->handshake[1];
}

bool ndpi_bridge_packet(struct ndpi_bridge *bridge, struct ndpi_flow *flow, const uint8_t *ip_bytes,
                        uint32_t ip_length, uint64_t time_ms, bool from_client)
{
    enum { HEADER_MIN = 40 }; /* IPv6; IPv4 with UDP and 12 bytes of payload */
    if (flow->done || flow->full)
        return false;
    uint32_t length = ip_length, rest = NDPI_BRIDGE_BYTES_MAX - flow->bytes;
    if (length > rest)
        length = rest;
    if (length < HEADER_MIN)
        return true;
    flow->bytes += length;
    flow->packets++;
    flow->full = flow->packets >= NDPI_BRIDGE_PACKETS_MAX ||
                 NDPI_BRIDGE_BYTES_MAX - flow->bytes < HEADER_MIN;
    if (flow->heard) {
        const struct waiting now = {.time_ms = time_ms, .from_client = from_client};
        show_bytes(bridge, flow, &now, ip_bytes, length);
    } else if (!is_encrypted(flow, ip_bytes, length, from_client) &&
               !wait_with(bridge, flow, ip_bytes, length, time_ms, from_client)) {
        return false;
    }
    return !flow->done && !flow->full;
}

/* nDPI keeps what it found of TLS in a union: only these may look into it. */
static bool holds_tls(const struct ndpi_flow_struct *state)
{
    static const uint16_t over_tls[] = {
        NDPI_PROTOCOL_TLS,        NDPI_PROTOCOL_DTLS,       NDPI_PROTOCOL_QUIC,
        NDPI_PROTOCOL_MAIL_SMTPS, NDPI_PROTOCOL_MAIL_IMAPS, NDPI_PROTOCOL_MAIL_POPS,
    };
    const uint16_t *stack = state->detected_protocol_stack;
    for (size_t i = 0; i < sizeof over_tls / sizeof *over_tls; i++)
        if (stack[0] == over_tls[i] || stack[1] == over_tls[i])
            return true;
    return false;
}

#define COPY(field, text) copy_text(field, sizeof(field), text)

static void copy_text(char *to, size_t size, const char *text)
{
    if (text)
        snprintf(to, size, "%s", text);
}

static void copy_hex(char *to, const uint8_t *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 0xf];
    }
    *to = '\0';
}

static const char *tls_version(uint16_t version)
{
    static const char *const dtls[] = {"1.0", NULL, "1.2", "1.3"}; /* feff, fefd, fefc */
    static const char *const tls[] = {"SSL 3", "1.0", "1.1", "1.2", "1.3"};
    if (version >> 8 == 3 && (version & 0xff) < sizeof tls / sizeof *tls)
        return tls[version & 0xff];
    if (version >> 8 == 0xfe && 0xff - (version & 0xff) < (int)(sizeof dtls / sizeof *dtls))
        return dtls[0xff - (version & 0xff)];
    return NULL;
}

static void tls_result(const struct ndpi_flow_struct *state, struct ndpi_result *result)
{
    static const uint8_t none[20];
    __auto_type tls = &state->protos.tls_quic;
    COPY(result->tls.server_name, state->host_server_name);
    COPY(result->tls.alpn, ALPN_OF(tls));
    COPY(result->tls.version, tls_version(tls->ssl_version));
    COPY(result->tls.issuer, tls->issuerDN);
    COPY(result->tls.subject, tls->subjectDN);
    if (memcmp(tls->sha1_certificate_fingerprint, none, sizeof none) != 0)
        copy_hex(result->tls.sha1, tls->sha1_certificate_fingerprint, sizeof none);
}

static void http_result(const struct ndpi_flow_struct *state, struct ndpi_result *result)
{
    COPY(result->http.host, state->host_server_name);
    COPY(result->http.user_agent, state->http.user_agent);
    result->http.response = state->http.response_status_code;
}

static bool runs_over_nothing_else(uint16_t protocol)
{
    static const uint16_t bases[] = {NDPI_PROTOCOL_HTTP,        NDPI_PROTOCOL_TLS,
                                     NDPI_PROTOCOL_FTP_CONTROL, NDPI_PROTOCOL_SSH,
                                     NDPI_PROTOCOL_SMBV1,       NDPI_PROTOCOL_SMBV23};
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++)
        if (bases[i] == protocol)
            return true;
    return false;
}

void ndpi_bridge_result(struct ndpi_bridge *bridge, struct ndpi_flow *flow,
                        struct ndpi_result *result)
{
    *result = (struct ndpi_result){0};
    flow->heard = true;
    end_waiting(bridge, flow, true);
    const struct ndpi_flow_struct *state = flow->state;
    if (!state || state->detected_protocol_stack[0] == NDPI_PROTOCOL_UNKNOWN ||
        state->confidence != NDPI_CONFIDENCE_DPI) /* a guess from a port or an address is no fact */
        return;
    /* [1] is what [0] runs over, where there is one; or only what the port suggests, under a
     * protocol that was recognised and runs over nothing else (HTTP on 5800 comes as HTTP over
     * VNC). */
    uint16_t upper = state->detected_protocol_stack[0], lower = state->detected_protocol_stack[1];
    bool both = lower != NDPI_PROTOCOL_UNKNOWN && lower != upper;
    if (both && lower == state->guessed_protocol_id && runs_over_nothing_else(upper))
        both = false;
    uint16_t master = both ? lower : upper;
    COPY(result->master, ndpi_get_proto_name(bridge->module, master));
    if (both)
        COPY(result->application, ndpi_get_proto_name(bridge->module, upper));
    if (holds_tls(state))
        tls_result(state, result);
    else if (master == NDPI_PROTOCOL_HTTP)
        http_result(state, result);
}

const char *ndpi_bridge_version(void)
{
    return ndpi_revision();
}
