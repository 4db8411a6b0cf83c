/* Writes a made-up capture to standard output, for measuring: the same arguments, the same bytes.
 *
 *     generate KIND PACKETS [SEED]
 *
 *   bulk    long transfers of full-size segments, few connections (1,050 packets each)
 *   small   70 to 120 bytes a packet, TCP and UDP, 65 packets a connection
 *   web     HTTPS and HTTP of 14 packets a connection, and DNS
 *   flood   SYNs of as many sources, nothing answers
 *
 * All but the flood hold IPv4 and IPv6, product ports and others, and 3 in 100 connections fail:
 * silence, refusal, an ICMP error, a reset, a stall. Checksums are right. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ETHERNET = 14,
    IP4 = 20,
    IP6 = 40,
    TCP = 32, /* with the timestamp option */
    UDP = 8,
    SEGMENT = 1448, /* payload of a full-size segment */
    FRAME_MAX = 1600,
    FIN = 0x01,
    SYN = 0x02,
    RST = 0x04,
    PSH = 0x08,
    ACK = 0x10,
    PROTO_ICMP = 1,
    PROTO_TCP = 6,
    PROTO_UDP = 17,
    PROTO_ICMP6 = 58,
};

enum fate { WORKS, SILENT, REFUSED, FORBIDDEN, RESET, STALLS, FATES };

struct port_share {
    uint16_t port;
    uint8_t proto;
    unsigned share; /* of the sum of all shares */
};

struct kind {
    const char *name;
    unsigned packets_per_stream;
    unsigned active_max;         /* streams that talk at one time */
    unsigned step_us;            /* between packets */
    unsigned data_min, data_max; /* payload */
    unsigned burst;              /* data segments of the answering side, each second acknowledged */
    bool speaks;                 /* first payloads are a ClientHello or a request */
    struct port_share ports[16];
};

static const struct kind kinds[] = {
    {"bulk",
     1050,
     200,
     28,
     SEGMENT,
     SEGMENT,
     60,
     true,
     {{443, PROTO_TCP, 30},
      {22, PROTO_TCP, 30},
      {8080, PROTO_TCP, 25},
      {5800, PROTO_TCP, 5},
      {445, PROTO_TCP, 5},
      {4401, PROTO_TCP, 5}}},
    {"small",
     65,
     20000,
     10,
     4,
     54,
     1,
     false,
     {{1883, PROTO_TCP, 30},
      {5060, PROTO_UDP, 20},
      {3306, PROTO_TCP, 20},
      {5683, PROTO_UDP, 10},
      {6379, PROTO_TCP, 16},
      {5800, PROTO_TCP, 1},
      {4401, PROTO_TCP, 1},
      {7333, PROTO_TCP, 1},
      {4403, PROTO_UDP, 1}}},
    {"web",
     14,
     5000,
     17,
     80,
     500,
     4,
     true,
     {{443, PROTO_TCP, 60},
      {80, PROTO_TCP, 27},
      {53, PROTO_UDP, 10},
      {8443, PROTO_TCP, 1},
      {5800, PROTO_TCP, 1},
      {6060, PROTO_TCP, 1}}},
    {"flood",
     1,
     1,
     2,
     0,
     0,
     0,
     false,
     {{80, PROTO_TCP, 75}, {25, PROTO_TCP, 20}, {5800, PROTO_TCP, 5}}},
};

/* One connection on its way. `step` counts its packets. */
struct stream {
    uint64_t client, server; /* numbers from which addresses are made */
    uint16_t client_port, server_port;
    uint8_t proto;
    bool v6;
    enum fate fate;
    unsigned step, length; /* packets so far, and in all */
    uint32_t sequence[2];  /* next of client, server */
    uint16_t ip_id[2];
    uint64_t due_us;
};

struct segment {
    bool from_server;
    uint8_t flags;
    uint32_t sequence, acknowledgment;
    unsigned payload;
    const uint8_t *bytes; /* NULL: filler */
};

static uint64_t state, now_us;
static uint64_t packets_left;
static uint64_t clients; /* hosts that begin connections */

/* splitmix64 (Steele, Lea, Flood 2014): a bijection, so that different numbers stay different. */
static uint64_t mixed(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static unsigned pick(unsigned below)
{
    return (unsigned)((mixed(state++) >> 32) * below >> 32);
}

static uint8_t *put16(uint8_t *at, unsigned value)
{
    *at++ = (uint8_t)(value >> 8);
    *at++ = (uint8_t)value;
    return at;
}

static uint8_t *put32(uint8_t *at, uint64_t value)
{
    return put16(put16(at, value >> 16 & 0xffff), value & 0xffff);
}

/* RFC 1071; whole and odd lengths alike. */
static uint32_t sum_of(const uint8_t *bytes, size_t length, uint32_t sum)
{
    uint64_t wide = sum;
    for (; length >= 2; bytes += 2, length -= 2)
        wide += (unsigned)(bytes[0] << 8 | bytes[1]);
    if (length)
        wide += (unsigned)bytes[0] << 8;
    while (wide >> 16)
        wide = (wide & 0xffff) + (wide >> 16);
    return (uint32_t)wide;
}

static uint8_t *put_address(uint8_t *at, bool v6, uint64_t number)
{
    if (!v6)
        return put32(at, number);
    at = put32(put32(at, 0x20010db8), 0);
    return put32(put32(at, number >> 32), number & 0xffffffff);
}

static uint8_t *put_ip(uint8_t *at, const struct stream *s, bool from_server, unsigned proto,
                       unsigned length)
{
    uint8_t *begin = at;
    uint64_t from = from_server ? s->server : s->client, to = from_server ? s->client : s->server;
    unsigned hops = from_server ? 57 : 64;
    if (s->v6) {
        at = put16(put16(put16(at, 0x6000), 0), length);
        at = put16(at, proto << 8 | hops);
        return put_address(put_address(at, true, from), true, to);
    }
    at = put16(put16(put16(at, 0x4500), IP4 + length), s->ip_id[from_server]);
    at = put16(put16(put16(at, 0x4000), hops << 8 | proto), 0);
    at = put_address(put_address(at, false, from), false, to);
    put16(begin + 10, ~sum_of(begin, IP4, 0) & 0xffff);
    return at;
}

static void put_checksum(const struct stream *s, uint8_t *transport, unsigned length,
                         unsigned proto, unsigned offset)
{
    uint32_t sum = proto + length;
    if (proto != PROTO_ICMP) {
        const uint8_t *addresses = transport - (s->v6 ? 32 : 8);
        sum = sum_of(addresses, s->v6 ? 32 : 8, sum);
    } else {
        sum = 0;
    }
    put16(transport + offset, ~sum_of(transport, length, sum) & 0xffff);
}

static void write_frame(const uint8_t *bytes, size_t length)
{
    uint32_t record[4] = {(uint32_t)(1700000000 + now_us / 1000000), (uint32_t)(now_us % 1000000),
                          (uint32_t)length, (uint32_t)length};
    if (packets_left == 0)
        return;
    packets_left--;
    if (fwrite_unlocked(record, sizeof record, 1, stdout) != 1 ||
        fwrite_unlocked(bytes, length, 1, stdout) != 1)
        exit(1); /* the reader has gone */
}

static uint8_t *put_ethernet(uint8_t *at, const struct stream *s, bool from_server)
{
    static const uint8_t macs[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
    memcpy(at, macs[!from_server], 6);
    memcpy(at + 6, macs[from_server], 6);
    return put16(at + 12, s->v6 ? 0x86dd : 0x0800);
}

static void put_payload(uint8_t *at, const struct segment *segment)
{
    if (segment->bytes)
        memcpy(at, segment->bytes, segment->payload);
    else
        memset(at, 0xa5, segment->payload);
}

static void write_segment(struct stream *s, const struct segment *segment)
{
    uint8_t bytes[FRAME_MAX];
    bool back = segment->from_server;
    bool tcp = s->proto == PROTO_TCP;
    unsigned header = tcp ? TCP : UDP, length = header + segment->payload;
    uint8_t *transport = put_ip(put_ethernet(bytes, s, back), s, back, s->proto, length);
    s->ip_id[back]++;
    uint8_t *at = put16(transport, back ? s->server_port : s->client_port);
    at = put16(at, back ? s->client_port : s->server_port);
    if (tcp) {
        at = put32(put32(at, segment->sequence), segment->acknowledgment);
        at = put16(put16(at, (TCP / 4) << 12 | segment->flags), 65000);
        at = put32(put32(at, 0), 0x0101080a);
        at = put32(put32(at, now_us / 1000), now_us / 1000);
    } else {
        at = put16(put16(at, length), 0);
    }
    put_payload(at, segment);
    put_checksum(s, transport, length, s->proto, tcp ? 16 : 6);
    write_frame(bytes, (size_t)(transport + length - bytes));
}

/* Administratively prohibited, with the headers that a router quotes (RFC 1812 5.2.7.1; RFC 4443
 * 3.1), as from the server's own address. */
static void write_icmp(struct stream *s, const struct segment *quoted)
{
    uint8_t bytes[FRAME_MAX];
    unsigned quote = (s->v6 ? IP6 : IP4) + TCP, length = 8 + quote;
    unsigned proto = s->v6 ? PROTO_ICMP6 : PROTO_ICMP;
    uint8_t *icmp = put_ip(put_ethernet(bytes, s, true), s, true, proto, length);
    put32(icmp, 0);
    put32(icmp + 4, 0);
    icmp[0] = s->v6 ? 1 : 3;
    icmp[1] = s->v6 ? 1 : 13;
    uint8_t *at = put_ip(icmp + 8, s, false, PROTO_TCP, TCP);
    at = put16(put16(at, s->client_port), s->server_port);
    at = put32(put32(at, quoted->sequence), 0);
    at = put16(put16(at, (TCP / 4) << 12 | SYN), 65000);
    memset(at, 0, TCP - 16);
    put_checksum(s, icmp, length, proto, 2);
    write_frame(bytes, (size_t)(icmp + length - bytes));
}

/* --- what they say first --- */

static const char request[] = "GET /index.html HTTP/1.1\r\nHost: www.example.com\r\n"
                              "User-Agent: Mozilla/5.0\r\nAccept: */*\r\n\r\n";
static const char reply[] = "HTTP/1.1 200 OK\r\nServer: Apache\r\nContent-Type: text/html\r\n"
                            "Content-Length: 100000\r\n\r\n<html>";

/* RFC 8446 4.1.2 with a server name (RFC 6066 3), and 4.1.3. */
static const uint8_t client_hello[] = {
    0x16, 3,   1,   0,    81,   1,    0,    0,   77,  3,   3,   1,   2,   3,   4,
    5,    6,   7,   8,    9,    10,   11,   12,  13,  14,  15,  16,  17,  18,  19,
    20,   21,  22,  23,   24,   25,   26,   27,  28,  29,  30,  31,  32, /* random */
    0,    0,   4,   0xc0, 0x2f, 0x13, 1,    1,   0,   0,   32,  0,   0,   0,   20,
    0,    18,  0,   0,    15,   'w',  'w',  'w', '.', 'e', 'x', 'a', 'm', 'p', 'l',
    'e',  '.', 'c', 'o',  'm',  0,    0x0a, 0,   4,   0,   2,   0,   0x17};
static const uint8_t server_hello[] = {
    0x16, 3, 3, 0, 42, 2, 0,  0,  38, 3,  3,  9,  8,  7,  6,  5,  4,  3,  2,  1, 0,    1,    2, 3,
    4,    5, 6, 7, 8,  9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 0, 0xc0, 0x2f, 0};
/* RFC 5246 7.3, a session taken up again: ChangeCipherSpec and Finished follow at once. */
static const uint8_t tls_finished[] = {0x14, 3, 3, 0, 1, 1, 0x16, 3, 3, 0, 40};
enum { TLS_RECORD = 5, TLS_FINISHED = sizeof tls_finished + 40, TLS_DATA_MIN = 64 };
/* RFC 1035: a question and its answer. */
static const uint8_t dns[] = {0x12, 0x34, 1,   0,   0,   1,   0,   0,   0,   0,   0,
                              0,    3,    'w', 'w', 'w', 7,   'e', 'x', 'a', 'm', 'p',
                              'l',  'e',  3,   'c', 'o', 'm', 0,   0,   1,   0,   1};

/* Records that end with the segment. `hello` is NULL for all but the first. */
static void say_tls(struct segment *segment, uint8_t *text, const uint8_t *hello, size_t length)
{
    size_t handshake = hello ? length + TLS_FINISHED : 0;
    if (segment->payload < handshake + TLS_RECORD + TLS_DATA_MIN)
        segment->payload = (unsigned)(handshake + TLS_RECORD + TLS_DATA_MIN);
    size_t rest = segment->payload - handshake - TLS_RECORD;
    memset(text, 0x5a, SEGMENT);
    if (hello) {
        memcpy(text, hello, length);
        memcpy(text + length, tls_finished, sizeof tls_finished);
    }
    const uint8_t record[TLS_RECORD] = {0x17, 3, 3, (uint8_t)(rest >> 8), (uint8_t)rest};
    memcpy(text + handshake, record, sizeof record);
    segment->bytes = text;
}

static void say(const struct kind *kind, const struct stream *s, struct segment *segment,
                bool first)
{
    static uint8_t text[SEGMENT];
    const uint8_t *begin = NULL;
    size_t length = 0;
    bool tls = s->server_port % 1000 == 443, back = segment->from_server;
    if (!kind->speaks || !segment->payload)
        return;
    if (s->proto == PROTO_UDP) {
        begin = dns;
        length = sizeof dns;
    } else if (tls) {
        begin = first ? (back ? server_hello : client_hello) : NULL;
        say_tls(segment, text, begin, back ? sizeof server_hello : sizeof client_hello);
        return;
    } else if (first) {
        begin = (const uint8_t *)(back ? reply : request);
        length = (back ? sizeof reply : sizeof request) - 1;
    } else {
        return;
    }
    if (segment->payload < length)
        segment->payload = (unsigned)length;
    memset(text, 0x5a, sizeof text);
    memcpy(text, begin, length);
    segment->bytes = text;
}

/* --- the course of a connection --- */

static void begin_stream(const struct kind *kind, struct stream *s, uint64_t number)
{
    const struct port_share *port = kind->ports;
    unsigned total = 0, chosen;
    for (size_t i = 0; i < 16; i++)
        total += kind->ports[i].share;
    for (chosen = pick(total); chosen >= port->share; port++)
        chosen -= port->share;
    bool flood = kind->packets_per_stream == 1;
    *s = (struct stream){
        .v6 = pick(5) == 0,
        .proto = port->proto,
        .server_port = port->port,
        .client_port = (uint16_t)(20000 + number % 40000),
        .client = 0x0a000000 + number % clients,
        .server = 0xcb007100 + pick(200),
        .sequence = {(uint32_t)mixed(number), (uint32_t)mixed(number ^ 0x5555)},
        .ip_id = {(uint16_t)(number * 77), (uint16_t)(number * 91)},
        .due_us = now_us,
    };
    if (flood)
        s->client = s->v6 ? mixed(number) : (uint32_t)(number * 2654435761u); /* all different */
    if (flood)
        s->server = 0xcb007101;
    unsigned typical = kind->packets_per_stream;
    s->length = typical / 2 + pick(typical + 1);
    if (s->length < 9)
        s->length = 9;
    if (flood)
        s->fate = SILENT;
    else if (pick(100) < 3)
        s->fate = 1 + pick(FATES - 1);
    if (s->proto == PROTO_UDP && s->fate != WORKS)
        s->fate = SILENT;
    if (s->proto == PROTO_UDP && kind->speaks)
        s->length = 2;
}

static void send_segment(const struct kind *kind, struct stream *s, bool back, uint8_t flags,
                         unsigned payload, bool first)
{
    struct segment segment = {.from_server = back,
                              .flags = flags,
                              .sequence = s->sequence[back],
                              .acknowledgment = flags & ACK ? s->sequence[!back] : 0,
                              .payload = payload};
    say(kind, s, &segment, first);
    write_segment(s, &segment);
    s->sequence[back] += segment.payload + ((flags & (SYN | FIN)) != 0);
}

static unsigned size_of_data(const struct kind *kind)
{
    return kind->data_min + pick(kind->data_max - kind->data_min + 1);
}

/* Data of an open connection: a request, then a burst of which each second segment is
 * acknowledged. */
static void send_data(const struct kind *kind, struct stream *s)
{
    unsigned cycle = 1 + kind->burst + kind->burst / 2, at = (s->step - 3) % cycle;
    bool first = s->step == 3 || s->step == 4;
    if (at == 0)
        send_segment(kind, s, false, PSH | ACK, kind->speaks ? 100 + pick(300) : size_of_data(kind),
                     first);
    else if (kind->burst > 1 && at % 3 == 0)
        send_segment(kind, s, false, ACK, 0, false);
    else
        send_segment(kind, s, true, PSH | ACK, kind->speaks ? SEGMENT : size_of_data(kind), first);
}

static bool fails(const struct kind *kind, struct stream *s)
{
    struct segment syn = {.flags = SYN, .sequence = s->sequence[0]};
    if (s->fate == SILENT) { /* again after 1, 2, 4 seconds, as Linux does */
        write_segment(s, &syn);
        s->due_us = now_us + ((uint64_t)1000000 << s->step);
        return ++s->step < 4;
    }
    if (s->step == 0) {
        write_segment(s, &syn);
    } else if (s->fate == REFUSED) {
        s->sequence[0]++;
        s->sequence[1] = 0;
        send_segment(kind, s, true, RST | ACK, 0, false);
        return false;
    } else {
        write_icmp(s, &syn);
        return false;
    }
    s->step++;
    return true;
}

/* The next packet; false: it was the last. */
static bool advance(const struct kind *kind, struct stream *s)
{
    bool early = s->fate == SILENT || s->fate == REFUSED || s->fate == FORBIDDEN;
    if (s->proto == PROTO_UDP) {
        bool back = s->fate == WORKS && s->step % 2;
        send_segment(kind, s, back, 0, size_of_data(kind), true);
        return ++s->step < (s->fate == WORKS ? s->length : 4);
    }
    if (early)
        return fails(kind, s);
    unsigned left = s->length - s->step;
    if (s->step == 0)
        send_segment(kind, s, false, SYN, 0, false);
    else if (s->step == 1)
        send_segment(kind, s, true, SYN | ACK, 0, false);
    else if (s->step == 2)
        send_segment(kind, s, false, ACK, 0, false);
    else if (s->fate == RESET && s->step == 5) {
        send_segment(kind, s, true, RST | ACK, 0, false);
        return false;
    } else if (s->fate == STALLS && s->step >= 5) {
        uint32_t again = s->sequence[0];
        send_segment(kind, s, false, PSH | ACK, 200, false);
        s->sequence[0] = again;
        s->due_us = now_us + ((uint64_t)400000 << (s->step - 5));
        return ++s->step < 11;
    } else if (left == 3)
        send_segment(kind, s, false, FIN | ACK, 0, false);
    else if (left == 2)
        send_segment(kind, s, true, FIN | ACK, 0, false);
    else if (left == 1)
        send_segment(kind, s, false, ACK, 0, false);
    else
        send_data(kind, s);
    return ++s->step < s->length;
}

static void generate(const struct kind *kind, uint64_t seed)
{
    uint64_t number = seed << 40, streams = packets_left / kind->packets_per_stream;
    uint64_t count = streams / 10 < 8 ? 8 : streams / 10;
    /* 25 connections of each, but there is an end to hosts */
    clients = streams / 25 < 40 ? 40 : streams / 25 < 20011 ? streams / 25 : 20011;
    if (count > kind->active_max)
        count = kind->active_max;
    struct stream *active = calloc(count, sizeof *active);
    for (uint64_t i = 0; active && i < count; i++)
        begin_stream(kind, &active[i], number++);
    while (active && packets_left) {
        struct stream *s = &active[pick((unsigned)count)];
        now_us += s->due_us <= now_us ? kind->step_us : 0;
        if (s->due_us > now_us) {
            now_us++; /* should all wait, time goes on */
            continue;
        }
        if (!advance(kind, s) || kind->packets_per_stream == 1)
            begin_stream(kind, s, number++);
    }
    free(active);
}

int main(int argc, char **argv)
{
    /* libpcap's classic format in this machine's byte order: version 2.4, Ethernet */
    static const uint32_t header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
    static char buffer[1 << 20];
    for (size_t i = 0; argc >= 3 && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(argv[1], kinds[i].name) == 0) {
            setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
            packets_left = strtoull(argv[2], NULL, 10);
            uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
            state = mixed(seed);
            if (fwrite(header, sizeof header, 1, stdout) != 1)
                return 1;
            generate(&kinds[i], seed);
            return fflush(stdout) == 0 ? 0 : 1;
        }
    fprintf(stderr, "usage: generate bulk|small|web|flood PACKETS [SEED]\n");
    return 2;
}
