#include "analyzer/report/scrub.h"

#include <string.h>

#include "dissectors/packet.h"

/* LINKTYPE_ values, tcpdump.org/linktypes.html */
enum {
    LINK_NULL = 0,
    LINK_ETHERNET = 1,
    LINK_RAW = 101,
    LINK_LOOP = 108,
    LINK_SLL = 113,
    LINK_IPV4 = 228,
    LINK_IPV6 = 229,
    LINK_SLL2 = 276,
};

enum {
    ETHERTYPE_ARP = 0x0806,
    ARP_BYTES = 28, /* RFC 826, Ethernet and IPv4 */
    IP4_BYTES = 20,
    IP6_BYTES = 40,
    IP_TCP = 6,
    IP_UDP = 17,
    QUOTED_BYTES = 8, /* of the quoted transport: ports, and TCP's sequence (RFC 792) */
    NOTHING = -1,
};

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* --- link headers --- */

struct link {
    int length; /* NOTHING: not one that is known */
    int mac[2]; /* offsets; NOTHING: none */
    uint16_t ethertype;
};

static struct link ethernet(const uint8_t *bytes, uint32_t captured)
{
    struct link link = {14, {0, 6}, 0};
    if (captured < 14)
        return (struct link){NOTHING, {NOTHING, NOTHING}, 0};
    link.ethertype = get16(bytes + 12);
    /* IEEE 802.1Q and 802.1ad tags */
    while ((link.ethertype == 0x8100 || link.ethertype == 0x88a8) &&
           captured >= (uint32_t)link.length + 4) {
        link.ethertype = get16(bytes + link.length + 2);
        link.length += 4;
    }
    return link;
}

static struct link link_of(uint16_t type, const uint8_t *bytes, uint32_t captured)
{
    struct link none = {NOTHING, {NOTHING, NOTHING}, 0};
    switch (type) {
    case LINK_ETHERNET:
        return ethernet(bytes, captured);
    case LINK_SLL:
        return captured < 16 ? none : (struct link){16, {6, NOTHING}, get16(bytes + 14)};
    case LINK_SLL2:
        return captured < 20 ? none : (struct link){20, {12, NOTHING}, get16(bytes)};
    case LINK_NULL:
    case LINK_LOOP:
        return captured < 4 ? none : (struct link){4, {NOTHING, NOTHING}, 0};
    case LINK_RAW:
    case LINK_IPV4:
    case LINK_IPV6:
        return (struct link){0, {NOTHING, NOTHING}, 0};
    default:
        return none;
    }
}

/* --- where the headers end --- */

static uint32_t ip_header_bytes(const uint8_t *ip, uint32_t captured)
{
    if (captured < 1)
        return 0;
    return ip[0] >> 4 == 4 ? (ip[0] & 15u) * 4u : IP6_BYTES;
}

/* Protocol of a quoted packet; extension headers are not followed. */
static uint8_t quoted_protocol(const uint8_t *ip, uint32_t captured)
{
    return captured < 10 ? 0 : ip[0] >> 4 == 4 ? ip[9] : ip[6];
}

/* The quoted packet's headers: all of TCP's where it is quoted, else what RFC 792 asks for. */
static uint32_t quote_bytes(const uint8_t *ip, uint32_t captured)
{
    uint32_t header = ip_header_bytes(ip, captured);
    bool tcp = quoted_protocol(ip, captured) == IP_TCP && captured >= header + 20;
    return header + (tcp ? (ip[header + 12] >> 4) * 4u : QUOTED_BYTES);
}

static uint32_t icmp_bytes(const struct packet *packet, bool hide)
{
    const uint8_t *icmp = packet->transport;
    uint8_t type = packet->icmp.type;
    if (packet->icmp.has_quote && packet->transport_captured > 8)
        return 8 + quote_bytes(icmp + 8, packet->transport_captured - 8);
    if (packet->ip.version == 4)
        return 8;
    switch (type) { /* RFC 4861 4, RFC 2710 3: up to the options, which hold MAC addresses */
    case 134:
        return 16;
    case 130:
    case 131:
    case 132:
    case 135:
    case 136:
        return hide ? 24 : 32;
    case 137:
        return 40;
    default:
        return 8;
    }
}

/* Bytes of headers from the IP header on. */
static uint32_t kept_of_ip(const struct packet *packet, bool hide)
{
    uint32_t before = packet->transport ? (uint32_t)(packet->transport - packet->ip_bytes) : 0;
    bool has_transport = packet->transport && packet->transport_captured;
    /* Extension headers may hold addresses (routing, RFC 8200 4.4). */
    if (hide && packet->ip.version == 6 && before != IP6_BYTES)
        return IP6_BYTES;
    switch (packet->kind) {
    case PACKET_TCP:
        return has_transport && packet->transport_captured > 12
                   ? before + (packet->transport[12] >> 4) * 4u
                   : before;
    case PACKET_UDP:
        return before + 8;
    case PACKET_ICMP:
        return has_transport ? before + icmp_bytes(packet, hide) : before;
    case PACKET_IP:
    case PACKET_FRAGMENT:
    case PACKET_ARP:
    case PACKET_OTHER:
        break;
    }
    return ip_header_bytes(packet->ip_bytes, packet->ip_captured);
}

/* --- checksums --- */

/* RFC 1624 3: HC' = ~(~HC + ~m + m') for each 16-bit word that changed. An odd last byte is the
 * high half of a word. */
struct change {
    uint32_t sum;
};

static void note_change(struct change *change, const uint8_t *before, const uint8_t *after,
                        size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 2) {
        uint16_t old = (uint16_t)(before[i] << 8 | (i + 1 < bytes ? before[i + 1] : 0));
        uint16_t new = (uint16_t)(after[i] << 8 | (i + 1 < bytes ? after[i + 1] : 0));
        change->sum += (uint16_t)~old;
        change->sum += new;
        change->sum = (change->sum & 0xffff) + (change->sum >> 16);
    }
}

static void apply_change(const struct change *change, uint8_t *checksum)
{
    uint32_t sum = (uint16_t)~get16(checksum) + change->sum;
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    uint16_t result = (uint16_t)~sum;
    checksum[0] = (uint8_t)(result >> 8);
    checksum[1] = (uint8_t)result;
}

/* --- rewriting; everything below works on the copy, with the original beside it --- */

struct copy {
    const struct pseudonyms *pseudonyms;
    const uint8_t *before;
    uint8_t *after;
    uint32_t length;
};

static bool holds(const struct copy *copy, uint32_t at, uint32_t bytes)
{
    return at <= copy->length && bytes <= copy->length - at;
}

/* An address cut in the middle is blanked. */
static void hide_address(const struct copy *copy, uint32_t at, uint32_t bytes)
{
    struct ip_address address = {0};
    if (!holds(copy, at, bytes)) {
        if (at < copy->length)
            memset(copy->after + at, 0, copy->length - at);
        return;
    }
    if (bytes == 4)
        address = ip_from_v4(copy->before + at);
    else
        memcpy(address.bytes, copy->before + at, 16);
    address = pseudonym_ip(copy->pseudonyms, &address);
    memcpy(copy->after + at, address.bytes + 16 - bytes, bytes);
}

static void hide_mac(const struct copy *copy, uint32_t at)
{
    if (holds(copy, at, 6))
        pseudonym_mac(copy->pseudonyms, copy->after + at);
    else if (at < copy->length)
        memset(copy->after + at, 0, copy->length - at);
}

/* Addresses and options of an IP header, and its own checksum. Returns what changed in the
 * addresses, for the checksums of transports that cover them. */
static struct change hide_ip(const struct copy *copy, uint32_t at)
{
    struct change addresses = {0}, header = {0};
    bool v4 = holds(copy, at, 1) && copy->before[at] >> 4 == 4;
    uint32_t first = at + (v4 ? 12 : 8), bytes = v4 ? 4 : 16;
    hide_address(copy, first, bytes);
    hide_address(copy, first + bytes, bytes);
    if (!holds(copy, at, v4 ? IP4_BYTES : IP6_BYTES))
        return addresses;
    note_change(&addresses, copy->before + first, copy->after + first, 2 * bytes);
    if (!v4)
        return addresses;
    uint32_t length = ip_header_bytes(copy->before + at, copy->length - at);
    if (length < IP4_BYTES || !holds(copy, at, length))
        length = length < IP4_BYTES ? IP4_BYTES : copy->length - at;
    memset(copy->after + at + IP4_BYTES, 0, length - IP4_BYTES); /* RFC 791 3.1: end of list */
    note_change(&header, copy->before + at, copy->after + at, length);
    apply_change(&header, copy->after + at + 10);
    return addresses;
}

/* RFC 9293 3.1: options other than those of connections' everyday become NOPs; multipath TCP and
 * private ones hold addresses. */
static void hide_tcp_options(const struct copy *copy, uint32_t at)
{
    static const uint8_t everyday[] = {2, 3, 4, 5, 8};
    for (uint32_t i = at + 20; i < copy->length;) {
        uint8_t kind = copy->before[i];
        if (kind == 0) {
            memset(copy->after + i, 0, copy->length - i);
            return;
        }
        if (kind == 1) {
            i++;
            continue;
        }
        uint32_t length = i + 1 < copy->length ? copy->before[i + 1] : 0;
        if (length < 2 || !holds(copy, i, length))
            length = copy->length - i;
        if (!memchr(everyday, kind, sizeof everyday))
            memset(copy->after + i, 1, length);
        i += length;
    }
}

static void hide_quote(const struct copy *copy, uint32_t at)
{
    if (at >= copy->length)
        return;
    struct change change = hide_ip(copy, at);
    uint32_t left = copy->length - at, header = ip_header_bytes(copy->before + at, left);
    uint8_t protocol = quoted_protocol(copy->before + at, left);
    uint32_t transport = at + header, checksum = transport + (protocol == IP_TCP ? 16 : 6);
    if (protocol == IP_TCP && transport < copy->length) {
        hide_tcp_options(copy, transport);
        note_change(&change, copy->before + transport, copy->after + transport,
                    copy->length - transport);
    }
    if ((protocol == IP_TCP || protocol == IP_UDP) && holds(copy, checksum, 2) &&
        (protocol == IP_TCP || get16(copy->before + checksum)))
        apply_change(&change, copy->after + checksum);
}

static void hide_icmp(const struct copy *copy, const struct packet *packet, uint32_t at)
{
    uint8_t type = packet->icmp.type;
    if (packet->ip.version == 4 && type == 5) /* RFC 792: redirect, the gateway */
        hide_address(copy, at + 4, 4);
    if (packet->ip.version == 6 && type >= 130 && type <= 137 && type != 133 && type != 134)
        hide_address(copy, at + 8, 16);
    if (packet->ip.version == 6 && type == 137)
        hide_address(copy, at + 24, 16);
    if (packet->icmp.has_quote)
        hide_quote(copy, at + 8);
}

/* The transport's checksum: its own changes, and the addresses where it covers them. */
static void mend_transport(const struct copy *copy, const struct packet *packet, uint32_t at,
                           struct change change)
{
    static const uint32_t offsets[] = {[PACKET_TCP] = 16, [PACKET_UDP] = 6, [PACKET_ICMP] = 2};
    uint32_t checksum = at + offsets[packet->kind];
    if (!holds(copy, checksum, 2) ||
        (packet->kind == PACKET_UDP && get16(copy->before + checksum) == 0)) /* RFC 768: none */
        return;
    if (packet->kind == PACKET_ICMP && packet->ip.version == 4)
        change = (struct change){0};
    note_change(&change, copy->before + at, copy->after + at, copy->length - at);
    apply_change(&change, copy->after + checksum);
}

static void hide_packet(const struct copy *copy, const struct packet *packet, uint32_t ip_at)
{
    struct change addresses = hide_ip(copy, ip_at);
    bool known =
        packet->kind == PACKET_TCP || packet->kind == PACKET_UDP || packet->kind == PACKET_ICMP;
    if (!known || !packet->transport)
        return;
    uint32_t at = ip_at + (uint32_t)(packet->transport - packet->ip_bytes);
    if (at >= copy->length)
        return;
    if (packet->kind == PACKET_TCP)
        hide_tcp_options(copy, at);
    if (packet->kind == PACKET_ICMP)
        hide_icmp(copy, packet, at);
    mend_transport(copy, packet, at, addresses);
}

static void hide_arp(const struct copy *copy, uint32_t at)
{
    hide_mac(copy, at + 8);
    hide_address(copy, at + 14, 4);
    hide_mac(copy, at + 18);
    hide_address(copy, at + 24, 4);
}

static void hide_link(const struct copy *copy, const struct link *link)
{
    for (int i = 0; i < 2; i++)
        if (link->mac[i] != NOTHING)
            hide_mac(copy, (uint32_t)link->mac[i]);
    if (link->mac[0] != NOTHING && link->mac[1] == NOTHING) /* cooked: 8 bytes, 6 used */
        memset(copy->after + link->mac[0] + 6, 0, 2);
}

/* --- the whole frame --- */

static void take(struct scrubbed *scrubbed, const struct frame *frame, uint32_t from, uint32_t kept)
{
    uint32_t available = frame->caplen - from;
    kept = kept < available ? kept : available;
    kept = kept < SCRUBBED_MAX ? kept : SCRUBBED_MAX;
    scrubbed->caplen = kept;
    scrubbed->len = frame->len > from ? frame->len - from : kept;
    memcpy(scrubbed->bytes, frame->data + from, kept);
}

static void scrub_ip(const struct pseudonyms *pseudonyms, const struct frame *frame,
                     const struct packet *packet, const struct link *link,
                     struct scrubbed *scrubbed)
{
    uint32_t ip_at = (uint32_t)(packet->ip_bytes - frame->data), from = 0;
    uint32_t kept = kept_of_ip(packet, pseudonyms != NULL);
    if (pseudonyms && (link->length == NOTHING || ip_at != (uint32_t)link->length)) {
        from = ip_at; /* a tunnel, or a link header that cannot be rewritten */
        scrubbed->link_type = LINK_RAW;
    }
    take(scrubbed, frame, from, ip_at - from + kept);
    const struct copy copy = {pseudonyms, frame->data + from, scrubbed->bytes, scrubbed->caplen};
    if (!pseudonyms)
        return;
    if (!from)
        hide_link(&copy, link);
    hide_packet(&copy, packet, ip_at - from);
}

static void scrub_arp(const struct pseudonyms *pseudonyms, const struct frame *frame,
                      const struct link *link, struct scrubbed *scrubbed)
{
    uint32_t at = (uint32_t)link->length;
    take(scrubbed, frame, 0, at + ARP_BYTES);
    const struct copy copy = {pseudonyms, frame->data, scrubbed->bytes, scrubbed->caplen};
    /* Hardware and protocol addresses of 6 and 4 bytes, or nothing that could be read. */
    if (!holds(&copy, at, 8) || frame->data[at + 4] != 6 || frame->data[at + 5] != 4)
        scrubbed->caplen = at;
    else if (pseudonyms)
        hide_arp(&copy, at);
    if (pseudonyms)
        hide_link(&copy, link);
}

void scrub_frame(const struct pseudonyms *pseudonyms, const struct frame *frame,
                 struct scrubbed *scrubbed)
{
    struct packet packet;
    struct link link = link_of(frame->link_type, frame->data, frame->caplen);
    *scrubbed = (struct scrubbed){.link_type = frame->link_type, .len = frame->len};
    packet_dissect(frame->link_type, frame->data, frame->caplen, frame->len, &packet);
    if (packet.kind != PACKET_OTHER && packet.kind != PACKET_ARP && packet.ip_bytes) {
        scrub_ip(pseudonyms, frame, &packet, &link, scrubbed);
    } else if (packet.kind == PACKET_ARP && link.length != NOTHING &&
               link.ethertype == ETHERTYPE_ARP) {
        scrub_arp(pseudonyms, frame, &link, scrubbed);
    } else if (link.length != NOTHING) {
        take(scrubbed, frame, 0, (uint32_t)link.length);
        const struct copy copy = {pseudonyms, frame->data, scrubbed->bytes, scrubbed->caplen};
        if (pseudonyms)
            hide_link(&copy, &link);
    }
}
