/* The kernel filter of a live capture, as a tcpdump expression. */
#include <pcap/pcap.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/attribution/profile.h"
#include "analyzer/memory.h"

/* Past this many ports of a transport it is kept whole: the expression is compiled three times
 * (plain, tagged, tagged twice), and the kernel takes 4096 instructions at most (BPF_MAXINSNS). */
enum { FILTER_PORTS_MAX = 64, SNAPLEN = 65535 };

/* What every capture needs, whatever the product. tcp[] is IPv4 only in libpcap, so IPv6 looks at
 * the bytes: 6 next header, 53 = 40 + 13 flags. A packet with extension headers (0 hop-by-hop, 43
 * routing, 44 fragment, 51 AH, 60 destination options; RFC 8200 4.1) could hide either: kept. */
static const char always[] =
    "icmp or icmp6 or arp"
    " or tcp[tcpflags] & (tcp-syn|tcp-fin|tcp-rst) != 0"
    " or (ip6[6] = 6 and ip6[53] & 7 != 0)"
    " or ip6[6] = 0 or ip6[6] = 43 or ip6[6] = 44 or ip6[6] = 51 or ip6[6] = 60"
    " or ip[6:2] & 0x1fff != 0"
    /* A failure inside a tunnel is seen only when the tunnel's own packets are kept: IPIP, 6in4,
     * GRE, VXLAN (4789, Linux 8472), Geneve, GTP-U. */
    " or ip proto 4 or ip proto 41 or ip proto 47 or ip6 proto 4 or ip6 proto 41 or ip6 proto 47"
    /* Which name a client looked up, and what it was told. */
    " or udp port 53"
    " or udp port 4789 or udp port 8472 or udp port 6081 or udp port 2152";

/* By number, since the words pppoed and pppoes would move the offsets of all that follows. */
static const char pppoe[] = " or ether proto 0x8863 or ether proto 0x8864";

static void put_ports(FILE *out, const struct profiles *profiles, uint8_t proto)
{
    size_t count = 0;
    for (unsigned port = 1; port < 65536; port++)
        count += profiles_service(profiles, proto, (uint16_t)port) != NULL;
    if (count > FILTER_PORTS_MAX) {
        fprintf(out, " or %s", proto_word(proto));
        return;
    }
    for (unsigned port = 1; count > 0 && port < 65536; port++) {
        if (!profiles_service(profiles, proto, (uint16_t)port))
            continue;
        fprintf(out, " or %s port %u", proto_word(proto), port);
        count--;
    }
}

static char *untagged(const struct profiles *profiles, bool with_pppoe)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    fputs(always, out);
    put_ports(out, profiles, PROTO_TCP);
    put_ports(out, profiles, PROTO_UDP);
    if (with_pppoe)
        fputs(pppoe, out);
    fclose(out);
    return text;
}

/* The word vlan moves the offsets of all that follows it in the expression, so the tagged half
 * stands last, and within it the twice tagged one (QinQ). */
static char *with_tags(const char *plain)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    fprintf(out, "(%s) or (vlan and ((%s) or (vlan and (%s))))", plain, plain, plain);
    fclose(out);
    return text;
}

static bool compiles(const char *expression, int dlt)
{
    struct bpf_program program;
    pcap_t *handle = pcap_open_dead(dlt, SNAPLEN);
    bool good = handle && pcap_compile(handle, &program, expression, 1, PCAP_NETMASK_UNKNOWN) == 0;
    if (good)
        pcap_freecode(&program);
    if (handle)
        pcap_close(handle);
    return good;
}

/* Frees the expression when the link type does not know all its words. */
static char *if_compiles(char *expression, int dlt)
{
    if (expression && compiles(expression, dlt))
        return expression;
    free(expression);
    return NULL;
}

char *profiles_kernel_filter(const struct profiles *profiles, int dlt)
{
    char *filter = NULL;
    /* From the richest on; raw IP knows neither tags nor PPPoE. */
    for (int with_pppoe = 1; with_pppoe >= 0 && !filter; with_pppoe--) {
        char *plain = untagged(profiles, with_pppoe);
        if (!plain)
            return NULL;
        filter = if_compiles(with_tags(plain), dlt);
        if (!filter)
            filter = if_compiles(memory_string(plain), dlt);
        free(plain);
    }
    return filter;
}
