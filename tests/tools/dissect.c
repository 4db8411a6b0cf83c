/* Prints what the dissectors find, one line a frame, tab-separated, "-" where there is nothing:
 *   frame kind source destination ports flags ttl length options icmp quote tunnels link
 * dissect FILE */
#include <inttypes.h>
#include <stdio.h>

#include "analyzer/capture/source.h"
#include "dissectors/packet.h"

enum { BATCH = 256 };

static const char *const kinds[] = {
    [PACKET_OTHER] = "other",       [PACKET_ARP] = "arp", [PACKET_IP] = "ip",
    [PACKET_TCP] = "tcp",           [PACKET_UDP] = "udp", [PACKET_ICMP] = "icmp",
    [PACKET_FRAGMENT] = "fragment",
};

static const char *const classes[] = {
    [ICMP_INFORMATION] = "information",
    [ICMP_UNREACHABLE] = "unreachable",
    [ICMP_TOO_BIG] = "too-big",
    [ICMP_TIME_EXCEEDED] = "time-exceeded",
    [ICMP_PARAMETER] = "parameter-problem",
    [ICMP_REDIRECTED] = "redirect",
};

static const struct {
    enum tunnel bit;
    const char *name;
} tunnels[] = {
    {TUNNEL_IPIP, "ipip"},     {TUNNEL_GRE, "gre"},     {TUNNEL_VXLAN, "vxlan"},
    {TUNNEL_GENEVE, "geneve"}, {TUNNEL_GTPU, "gtpu"},   {TUNNEL_ESP, "esp"},
    {TUNNEL_AH, "ah"},         {TUNNEL_PPPOE, "pppoe"}, {TUNNEL_MPLS, "mpls"},
};

static void print_addresses(const struct ip_address *source, const struct ip_address *destination)
{
    char a[IP_ADDRESS_TEXT], b[IP_ADDRESS_TEXT];
    printf("\t%s\t%s", ip_text(source, a), ip_text(destination, b));
}

static void print_tcp(const struct packet *packet)
{
    const struct tcp_header *tcp = &packet->tcp;
    printf("\t%u>%u\t%02x\t%u\t%u", packet->source_port, packet->destination_port, tcp->flags,
           packet->ip.hop_limit, packet->payload_length);
    printf("\tseq=%" PRIu32 ",ack=%" PRIu32 ",win=%u", tcp->sequence, tcp->acknowledgment,
           tcp->window);
    if (tcp->mss)
        printf(",mss=%u", tcp->mss);
    if (tcp->window_scale != 0xff)
        printf(",ws=%u", tcp->window_scale);
    if (tcp->sack_permitted)
        printf(",sack");
    if (tcp->has_timestamp)
        printf(",ts=%" PRIu32 "/%" PRIu32, tcp->timestamp_value, tcp->timestamp_echo);
    if (packet_checksum_wrong(packet))
        printf(",checksum-wrong");
    printf("\t-\t-");
}

static void print_udp(const struct packet *packet)
{
    printf("\t%u>%u\t-\t%u\t%u\t%s\t-\t-", packet->source_port, packet->destination_port,
           packet->ip.hop_limit, packet->payload_length,
           packet_checksum_wrong(packet) ? "checksum-wrong" : "-");
}

static void print_quote(const struct icmp_quote *quote)
{
    char a[IP_ADDRESS_TEXT], b[IP_ADDRESS_TEXT];
    printf("\t%s>%s,proto=%u,ttl=%u,length=%u,bytes=%u", ip_text(&quote->ip.source, a),
           ip_text(&quote->ip.destination, b), quote->ip.protocol, quote->ip.hop_limit,
           quote->ip.total_length, quote->bytes);
    if (quote->has_ports)
        printf(",%u>%u", quote->source_port, quote->destination_port);
    if (quote->has_sequence)
        printf(",seq=%" PRIu32, quote->sequence);
}

static void print_icmp(const struct packet *packet)
{
    const struct icmp_header *icmp = &packet->icmp;
    char target[IP_ADDRESS_TEXT];
    printf("\t-\t-\t%u\t%u\t-\t%s,%u/%u", packet->ip.hop_limit, packet->ip.total_length,
           classes[icmp->class_], icmp->type, icmp->code);
    if (icmp->mtu)
        printf(",mtu=%" PRIu32, icmp->mtu);
    if (icmp->id || icmp->sequence)
        printf(",id=%u,seq=%u", icmp->id, icmp->sequence);
    if (icmp->target.halves[0] || icmp->target.halves[1])
        printf(",target=%s", ip_text(&icmp->target, target));
    if (icmp->has_quote)
        print_quote(&icmp->quote);
    else
        printf("\t-");
}

static void print_other_ip(const struct packet *packet)
{
    printf("\t-\t-\t%u\t%u\tproto=%u", packet->ip.hop_limit, packet->ip.total_length,
           packet->ip.protocol);
    if (packet->kind == PACKET_FRAGMENT)
        printf(",id=%" PRIu32 ",offset=%u", packet->ip.id, packet->ip.fragment_offset);
    printf("\t-\t-");
}

static void print_arp(const struct packet *packet)
{
    print_addresses(&packet->arp.sender, &packet->arp.target);
    printf("\t-\t-\t-\t-\top=%u\t-\t-", packet->arp.operation);
}

static void print_tunnels(const struct packet *packet)
{
    const char *separator = "\t";
    for (size_t i = 0; i < sizeof tunnels / sizeof *tunnels; i++)
        if (packet->tunnels & tunnels[i].bit) {
            printf("%s%s", separator, tunnels[i].name);
            separator = "+";
        }
    if (packet->tunnels == 0)
        printf("\t-");
}

static void print_link(const struct packet *packet)
{
    static const char *const directions[] = {
        [LINK_UNKNOWN] = "-",
        [LINK_IN] = "in",
        [LINK_OUT] = "out",
        [LINK_OTHER_HOST] = "other-host",
    };
    printf("\t%s", directions[packet->direction]);
    if (packet->has_mac) {
        const uint8_t *mac = packet->source_mac;
        printf(",mac=%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
               mac[5]);
    }
    if (packet->vlan)
        printf(",vlan=%u", packet->vlan);
    if (packet->if_index)
        printf(",if=%" PRIu32, packet->if_index);
}

static void print_frame(const struct frame *frame)
{
    struct packet packet;
    packet_dissect(frame->link_type, frame->data, frame->caplen, frame->len, &packet);
    printf("%" PRIu64 "\t%s", frame->number, kinds[packet.kind]);
    if (packet.kind >= PACKET_IP)
        print_addresses(&packet.ip.source, &packet.ip.destination);
    switch (packet.kind) {
    case PACKET_OTHER:
        printf("\t-\t-\t-\t-\t-\t-\t-\t-\t-");
        break;
    case PACKET_ARP:
        print_arp(&packet);
        break;
    case PACKET_TCP:
        print_tcp(&packet);
        break;
    case PACKET_UDP:
        print_udp(&packet);
        break;
    case PACKET_ICMP:
        print_icmp(&packet);
        break;
    case PACKET_IP:
    case PACKET_FRAGMENT:
        print_other_ip(&packet);
        break;
    }
    print_tunnels(&packet);
    print_link(&packet);
    printf("\n");
}

int main(int argc, char **argv)
{
    struct error error = {""};
    struct frame frames[BATCH];
    if (argc != 2) {
        fprintf(stderr, "usage: dissect FILE\n");
        return 2;
    }
    struct source *source = source_open_file(argv[1], NULL, &error);
    if (!source) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    int count;
    while ((count = source_next(source, frames, BATCH)) >= 0)
        for (int i = 0; i < count; i++)
            print_frame(&frames[i]);
    source_close(source);
    return 0;
}
