/* What the protocol library nDPI can say of a flow. The .c file beside this header is the only one
 * that knows nDPI. Everything it tells comes from strangers' bytes: escape it before it is shown.
 *
 * nDPI is slow to start (10 to 20 ms), a packet costs it microseconds, and its flow state is large
 * (0.7 KiB and more). So a flow's packets only wait, and nDPI is asked when somebody wants to know:
 * of most flows nobody does. What waits has a cap; beyond it the oldest flow is heard, or let go
 * where it was said to be dispensable. All bridges of a process belong to one thread at a time:
 * nDPI forbids two starts in parallel (ndpi_api.h), and has static buffers and counters besides. */
#ifndef FWSNIFF_DISSECTORS_NDPI_BRIDGE_H
#define FWSNIFF_DISSECTORS_NDPI_BRIDGE_H

#include <stdbool.h>
#include <stdint.h>

struct ndpi_bridge;
struct ndpi_flow;

/* After so many packets of a flow, or so many bytes, further ones are ignored. A certificate chain
 * is in by then. The second also keeps nDPI 4.2 from a known fault, see ndpi_bridge.c. */
enum { NDPI_BRIDGE_PACKETS_MAX = 12, NDPI_BRIDGE_BYTES_MAX = 24 * 1024 };

/* Bytes of all flows of a bridge that wait. */
enum { NDPI_BRIDGE_WAITING_MAX = 16 * 1024 * 1024 };

/* All text is terminated, cut to its field, and "" where it is not known. */
struct ndpi_result {
    char master[24];      /* "TLS", "HTTP", ...: by its bytes, never guessed from a port */
    char application[32]; /* "Microsoft365", ...: what runs over the master */
    struct {
        char server_name[128]; /* SNI that the client asked for; nDPI 4.2 keeps 79 bytes */
        char alpn[64];         /* comma-separated: the client's offer, or the server's choice */
        char version[8];       /* "1.2"; the server's choice, the client's offer before that */
        char issuer[256];      /* of the server's certificate (not seen in TLS 1.3) */
        char subject[256];
        char sha1[41]; /* its fingerprint, lower-case hexadecimal */
    } tls;
    struct {
        char host[128];
        char user_agent[128];
        uint16_t response; /* 200, 403, ...; 0: none seen */
    } http;
};

/* NULL: out of memory. */
struct ndpi_bridge *ndpi_bridge_new(void);
void ndpi_bridge_free(struct ndpi_bridge *bridge);

/* Starts nDPI now instead of with the first packet: before a fork, for all children at once. */
void ndpi_bridge_warm(struct ndpi_bridge *bridge);

/* NULL: out of memory. To be freed before the bridge. */
struct ndpi_flow *ndpi_bridge_flow_new(struct ndpi_bridge *bridge);
void ndpi_bridge_flow_free(struct ndpi_bridge *bridge, struct ndpi_flow *flow);

/* One packet of the flow in the capture's order: packet.ip_bytes, packet.ip_captured. True while
 * further packets are welcome; false once nDPI has all it wants, or a limit is reached, or nDPI
 * could not be started. The bytes are copied. */
bool ndpi_bridge_packet(struct ndpi_bridge *bridge, struct ndpi_flow *flow, const uint8_t *ip_bytes,
                        uint32_t ip_length, uint64_t time_ms, bool from_client);

/* At any time, as often as wanted; what waits is heard now. */
void ndpi_bridge_result(struct ndpi_bridge *bridge, struct ndpi_flow *flow,
                        struct ndpi_result *result);

/* Most likely nobody will ask for this flow: the conversation went well and is over. */
void ndpi_bridge_dispensable(struct ndpi_flow *flow);

/* nDPI's release, as linked: "4.2.0". */
const char *ndpi_bridge_version(void);

#endif
