/* The way into the dissectors, the link types, and what all tunnels share. */
#include "dissectors/dissect.h"

/* Indexed by LINKTYPE_ (what files hold) and DLT_ (what libpcap tells), which differ for few:
 * https://www.tcpdump.org/linktypes.html */
static dissector *const link_types[] = {
    [0] = dissect_null,              /* NULL: BSD loopback */
    [1] = dissect_ethernet,          /* ETHERNET */
    [8] = dissect_slip,              /* SLIP */
    [9] = dissect_ppp,               /* PPP */
    [12] = dissect_ip,               /* DLT_RAW */
    [14] = dissect_ip,               /* DLT_RAW of OpenBSD */
    [50] = dissect_ppp_serial,       /* PPP_HDLC */
    [51] = dissect_pppoe,            /* PPP_ETHER */
    [100] = dissect_llc,             /* ATM_RFC1483 */
    [101] = dissect_ip,              /* RAW */
    [104] = dissect_chdlc,           /* C_HDLC */
    [105] = dissect_wifi,            /* IEEE802_11 */
    [107] = dissect_frame_relay,     /* FRELAY */
    [108] = dissect_null,            /* LOOP */
    [109] = dissect_enc,             /* ENC */
    [113] = dissect_cooked,          /* LINUX_SLL */
    [117] = dissect_pflog,           /* PFLOG */
    [119] = dissect_prism,           /* IEEE802_11_PRISM */
    [127] = dissect_radiotap,        /* IEEE802_11_RADIOTAP */
    [149] = dissect_pktap,           /* DLT_USER2, which Apple took for PKTAP */
    [163] = dissect_avs,             /* IEEE802_11_AVS */
    [166] = dissect_ppp_pppd,        /* PPP_PPPD */
    [192] = dissect_ppi,             /* PPI */
    [204] = dissect_ppp_direction,   /* PPP_WITH_DIR */
    [205] = dissect_chdlc_direction, /* C_HDLC_WITH_DIR */
    [219] = dissect_mpls,            /* MPLS */
    [226] = dissect_ipnet,           /* IPNET */
    [228] = dissect_ip,              /* IPV4 */
    [229] = dissect_ip,              /* IPV6 */
    [239] = dissect_nflog,           /* NFLOG */
    [258] = dissect_pktap,           /* PKTAP */
    [276] = dissect_cooked2,         /* LINUX_SLL2 */
};

bool dissect_link_type(struct dissection *d, uint32_t link_type)
{
    if (link_type >= sizeof link_types / sizeof *link_types)
        return false;
    return dissect_hand_on(d, link_types[link_type]);
}

/* Linux, BSD and macOS record their tunnel devices (tun, wg, utun's twin) so. */
static bool is_raw(uint16_t link_type)
{
    return link_type == 12 || link_type == 14 || link_type == 101;
}

void packet_dissect(uint16_t link_type, const uint8_t *bytes, uint32_t captured, uint32_t length,
                    struct packet *packet)
{
    struct dissection d = {
        .at = cursor_over(bytes, captured),
        .missing = length > captured ? length - captured : 0,
        .packet = packet,
    };
    /* The rest is written by whoever raises `kind`, or sets `has_mac` or `tunnels`. */
    packet->kind = PACKET_OTHER;
    packet->has_mac = false;
    packet->direction = LINK_UNKNOWN;
    packet->if_index = 0;
    packet->tunnel_device = is_raw(link_type);
    packet->vlan = 0;
    packet->tunnels = 0;
    (void)dissect_link_type(&d, link_type);
}

void dissect_note_tunnel(struct packet *packet, enum tunnel tunnel)
{
    static const struct ip_address none;
    if (packet->tunnels == 0)
        packet->tunnel_source = packet->tunnel_destination = none;
    packet->tunnels |= (uint16_t)tunnel;
    bool inside_ip = packet->kind != PACKET_OTHER && packet->kind != PACKET_ARP;
    if (inside_ip && ip_equal(&packet->tunnel_source, &none)) {
        packet->tunnel_source = packet->ip.source;
        packet->tunnel_destination = packet->ip.destination;
    }
}

bool dissect_inner(struct dissection *d, enum tunnel tunnel, dissector *inner)
{
    struct packet outside = *d->packet;
    struct cursor at = d->at;
    size_t missing = d->missing;

    dissect_note_tunnel(d->packet, tunnel);
    if (dissect_hand_on(d, inner))
        return true;
    *d->packet = outside;
    d->at = at;
    d->missing = missing;
    return false;
}
