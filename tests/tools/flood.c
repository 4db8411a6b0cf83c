/* Writes a made-up capture to standard output, for measuring: the same seed, the same bytes.
 *   flood syns COUNT [SEED]      SYNs, each of a flow of its own; IPv4 and IPv6, some to products
 *   flood clients COUNT [SEED]   clients of one product service; each sends a SYN and three
 * retries, nothing answers; one client in 16 gets through flood bulk COUNT [SEED]      data
 * segments and acknowledgments of one product's connection */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ETHERNET = 14,
    IP4 = 20,
    IP6 = 40,
    TCP = 20,
    SEGMENT = 1000, /* payload of a bulk segment */
    SYN = 0x02,
    ACK = 0x10,
};

static const uint16_t product_ports[] = {5800, 443, 445, 7333, 4401};

struct segment {
    int64_t time_us;
    bool v6, from_server;
    uint64_t client, server; /* numbers from which addresses are made */
    uint16_t client_port, server_port;
    uint32_t sequence, acknowledgment;
    uint8_t flags;
    unsigned payload;
};

/* splitmix64 (Steele, Lea, Flood 2014): a bijection, so that different numbers stay different. */
static uint64_t mixed(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
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

static uint8_t *put_ethernet(uint8_t *at, bool v6, bool from_server)
{
    static const uint8_t macs[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
    memcpy(at, macs[!from_server], 6);
    memcpy(at + 6, macs[from_server], 6);
    return put16(at + 12, v6 ? 0x86dd : 0x0800);
}

static uint8_t *put_address(uint8_t *at, bool v6, uint64_t number)
{
    if (!v6)
        return put32(at, number);
    at = put32(put32(at, 0x20010db8), 0);
    return put32(put32(at, number >> 32), number & 0xffffffff);
}

static uint8_t *put_ip(uint8_t *at, const struct segment *s)
{
    unsigned length = TCP + s->payload;
    uint64_t from = s->from_server ? s->server : s->client;
    uint64_t to = s->from_server ? s->client : s->server;
    if (s->v6) {
        at = put16(put16(put16(at, 0x6000), 0), length);
        at = put16(at, 6 << 8 | 64);
    } else {
        at = put16(put16(put16(at, 0x4500), IP4 + length), 0);
        at = put16(put16(put16(at, 0x4000), 64 << 8 | 6), 0);
    }
    return put_address(put_address(at, s->v6, from), s->v6, to);
}

static uint8_t *put_tcp(uint8_t *at, const struct segment *s)
{
    at = put16(at, s->from_server ? s->server_port : s->client_port);
    at = put16(at, s->from_server ? s->client_port : s->server_port);
    at = put32(put32(at, s->sequence), s->acknowledgment);
    at = put16(put16(at, (TCP / 4) << 12 | s->flags), 65535);
    return put32(at, 0);
}

static void write_bytes(const void *bytes, size_t length)
{
    if (fwrite(bytes, 1, length, stdout) != length)
        exit(1); /* the reader has gone */
}

static void write_segment(const struct segment *s)
{
    uint8_t bytes[ETHERNET + IP6 + TCP + SEGMENT] = {0};
    uint8_t *end = put_ethernet(bytes, s->v6, s->from_server);
    end = put_tcp(put_ip(end, s), s) + s->payload;
    uint32_t length = (uint32_t)(end - bytes);
    uint32_t record[4] = {(uint32_t)(s->time_us / 1000000), (uint32_t)(s->time_us % 1000000),
                          length, length};
    write_bytes(record, sizeof record);
    write_bytes(bytes, length);
}

static const int64_t begin_us = INT64_C(1795255200000000);

static void flood_syns(uint64_t count, uint64_t seed)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t random = mixed(seed + i * 2 + 1);
        bool to_product = random % 8 == 0;
        struct segment syn = {
            .time_us = begin_us + (int64_t)i * 10,
            .v6 = random >> 8 & 1,
            .client = mixed(seed ^ i),
            .server = 0xcb007100 + (random >> 16 & 0xff),
            .client_port = (uint16_t)(1024 + i % 64000),
            .server_port =
                to_product ? product_ports[(random >> 24) % 5] : (uint16_t)(random >> 32),
            .sequence = (uint32_t)(random >> 20),
            .flags = SYN,
        };
        if (!syn.v6)
            syn.client = (uint32_t)(i * 2654435761u + seed); /* odd factor: no two the same */
        write_segment(&syn);
    }
}

static void flood_clients(uint64_t count, uint64_t seed)
{
    static const int64_t retries_us[] = {0, 1000000, 3000000, 7000000};
    for (unsigned r = 0; r < 4; r++)
        for (uint64_t i = 0; i < count; i++) {
            bool answered = i % 16 == 0;
            struct segment syn = {
                .time_us = begin_us + retries_us[r] + (int64_t)(i * 900000 / count),
                .client = 0x0a000000 + i,
                .server = 0xcb007102,
                .client_port = (uint16_t)(40000 + i % 20000),
                .server_port = product_ports[0],
                .sequence = (uint32_t)mixed(seed + i),
                .flags = SYN,
            };
            if (r && answered)
                continue;
            write_segment(&syn);
            if (!answered)
                continue;
            struct segment answer = syn, confirm = syn;
            answer.from_server = true;
            answer.sequence = 1000;
            answer.acknowledgment = confirm.sequence = syn.sequence + 1;
            answer.flags = SYN | ACK;
            confirm.acknowledgment = 1001;
            confirm.flags = ACK;
            write_segment(&answer);
            write_segment(&confirm);
        }
}

static void flood_bulk(uint64_t count, uint64_t seed)
{
    uint32_t sent = (uint32_t)mixed(seed);
    struct segment s = {.time_us = begin_us,
                        .client = 0x0a000001,
                        .server = 0xcb007102,
                        .client_port = 40000,
                        .server_port = product_ports[0]};
    s.flags = SYN;
    s.sequence = sent++;
    write_segment(&s);
    struct segment answer = s;
    answer.from_server = true;
    answer.sequence = 1000;
    answer.acknowledgment = sent;
    answer.flags = SYN | ACK;
    answer.time_us += 100;
    write_segment(&answer);
    for (uint64_t i = 0; i < count; i++) {
        bool data = i % 3 != 2;
        s.time_us = begin_us + 200 + (int64_t)i * 10;
        s.flags = ACK;
        s.from_server = !data;
        s.payload = data ? SEGMENT : 0;
        s.sequence = data ? sent : 1001;
        s.acknowledgment = data ? 1001 : sent;
        write_segment(&s);
        sent += s.payload;
    }
}

static const struct {
    const char *name;
    void (*write)(uint64_t count, uint64_t seed);
} kinds[] = {{"syns", flood_syns}, {"clients", flood_clients}, {"bulk", flood_bulk}};

int main(int argc, char **argv)
{
    /* libpcap's classic format in this machine's byte order: version 2.4, Ethernet */
    static const uint32_t header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
    for (size_t i = 0; argc >= 3 && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(argv[1], kinds[i].name) == 0) {
            write_bytes(header, sizeof header);
            kinds[i].write(strtoull(argv[2], NULL, 10), argc > 3 ? strtoull(argv[3], NULL, 10) : 1);
            return fflush(stdout) == 0 ? 0 : 1;
        }
    fprintf(stderr, "usage: flood syns|clients|bulk COUNT [SEED]\n");
    return 2;
}
