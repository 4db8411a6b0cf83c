/*
 * wire: cables for the lab. Joins pairs of network interfaces, each pair with a one-way delay and,
 * where asked, the habits of a long way: hops, a small MTU that nobody reports, loss, reordering.
 *
 *     wire IF_A,IF_B[,delay=MS][,hops=N][,router=ADDRESS][,mtu=BYTES][,loss=PERCENT]
 *                   [,reorder=PERCENT][,seed=N] ...
 *
 * Prints "ready" once every interface is open, then runs until SIGTERM or SIGINT.
 *
 *   delay    one-way, milliseconds, fractions allowed
 *   hops     the TTL or hop limit falls by N; at zero the packet dies here
 *   router   IPv4 address of the first of those hops (the next ones count up): with it, a packet
 * that dies is answered with "time exceeded", as RFC 792 asks; without it, in silence mtu      IP
 * packets above that size vanish without "fragmentation needed": a PMTU black hole loss     of all
 * frames, in percent;  reorder: frames held back for a while, in percent
 *
 * Why a program and not netem: the kernels this lab runs on often lack it. Why every cable of the
 * lab is one of these: a frame leaves a virtual interface with its checksum unfinished and up to 64
 * KB long, which a real network card would finish and cut before anybody else sees it. The wire
 * does the card's part, so that only a capture on the sender itself shows the traces of offload.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    LINKS_MAX = 64,
    PENDING_MAX = 65536,    /* frames under way; beyond it frames are lost, as in any full queue */
    FRAME_MAX = 65536 + 64, /* one offloaded super-frame and its link header */
    BURST_MAX = 64,         /* frames read from one end before the others get their turn */
    REORDER_EXTRA_US = 4000,
    ICMP_QUOTE_MAX = 28 /* what RFC 792 asks for: IP header and 8 bytes */
};

struct end {
    int socket;
    int ifindex;
};

struct link {
    struct end end[2];
    uint64_t delay_us;
    unsigned hops;
    uint32_t router; /* host order; 0: the hops stay silent */
    unsigned mtu;    /* 0: no limit */
    double loss;
    double reorder;
    unsigned random;
};

struct pending {
    uint64_t due_us;
    uint64_t order; /* keeps frames of the same microsecond in sequence */
    int socket;
    size_t length;
    uint8_t *bytes;
};

struct queue {
    struct pending *heap;
    size_t used;
    uint64_t order;
};

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

static void die(const char *what, const char *detail)
{
    fprintf(stderr, "wire: %s: %s\n", what, detail);
    exit(2);
}

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

/* ---- the queue: a binary heap by time ---- */

static bool sooner(const struct pending *a, const struct pending *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void swap(struct pending *a, struct pending *b)
{
    struct pending held = *a;
    *a = *b;
    *b = held;
}

static void queue_put(struct queue *q, struct pending item)
{
    item.order = q->order++;
    size_t at = q->used++;
    q->heap[at] = item;
    for (; at > 0 && sooner(&q->heap[at], &q->heap[(at - 1) / 2]); at = (at - 1) / 2)
        swap(&q->heap[at], &q->heap[(at - 1) / 2]);
}

static struct pending queue_take(struct queue *q)
{
    struct pending first = q->heap[0];
    q->heap[0] = q->heap[--q->used];
    for (size_t at = 0;;) {
        size_t best = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < q->used; child++)
            if (sooner(&q->heap[child], &q->heap[best]))
                best = child;
        if (best == at)
            return first;
        swap(&q->heap[at], &q->heap[best]);
        at = best;
    }
}

static void queue_frame(struct queue *q, int out, uint64_t due_us, const uint8_t *frame,
                        size_t length)
{
    uint8_t *copy = q->used < PENDING_MAX ? malloc(length) : NULL;
    if (!copy)
        return;
    memcpy(copy, frame, length);
    queue_put(q,
              (struct pending){.due_us = due_us, .socket = out, .length = length, .bytes = copy});
}

/* ---- bytes and checksums (RFC 1071) ---- */

static unsigned get16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, unsigned value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put32(uint8_t *p, uint32_t value)
{
    put16(p, value >> 16);
    put16(p + 2, value & 0xffff);
}

static uint32_t sum(const uint8_t *p, size_t length, uint32_t start)
{
    for (; length > 1; p += 2, length -= 2)
        start += get16(p);
    if (length)
        start += (uint32_t)p[0] << 8;
    return start;
}

static unsigned fold(uint32_t total)
{
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return ~total & 0xffff;
}

static void ipv4_checksum(uint8_t *ip)
{
    put16(ip + 10, 0);
    put16(ip + 10, fold(sum(ip, (size_t)(ip[0] & 15) * 4, 0)));
}

/* Finishes what the sender left to its card: the sum from `start`, stored `offset` bytes behind it.
 */
static void finish_checksum(uint8_t *frame, size_t length, size_t start, size_t offset)
{
    if (start + offset + 2 > length)
        return;
    unsigned value = fold(sum(frame + start, length - start, 0));
    put16(frame + start + offset, value ? value : 0xffff);
}

/* ---- what happens to a packet on its way ---- */

struct direction {
    struct link *link;
    int from; /* 0: from end A to end B */
};

static bool chance(struct link *link, double percent)
{
    return percent > 0 && rand_r(&link->random) / (RAND_MAX + 1.0) * 100.0 < percent;
}

/* The router at which an IPv4 packet died tells its sender (RFC 792, type 11 code 0). */
static void send_time_exceeded(struct direction d, struct queue *q, const uint8_t *frame,
                               unsigned ttl)
{
    const uint8_t *quoted = frame + ETH_HLEN;
    uint8_t reply[ETH_HLEN + 20 + 8 + ICMP_QUOTE_MAX] = {0};
    uint8_t *ip = reply + ETH_HLEN, *icmp = ip + 20;
    unsigned nth = d.from == 0 ? ttl - 1 : d.link->hops - ttl;

    memcpy(reply, frame + ETH_ALEN, ETH_ALEN);
    memcpy(reply + ETH_ALEN, frame, ETH_ALEN);
    put16(reply + 2 * ETH_ALEN, ETH_P_IP);
    ip[0] = 0x45;
    ip[1] = 0xc0;
    put16(ip + 2, sizeof reply - ETH_HLEN);
    ip[8] = (uint8_t)(64 - (ttl - 1)); /* it has come over the hops before its own */
    ip[9] = IPPROTO_ICMP;
    put32(ip + 12, d.link->router + nth);
    memcpy(ip + 16, quoted + 12, 4);
    ipv4_checksum(ip);
    icmp[0] = 11;
    memcpy(icmp + 8, quoted, ICMP_QUOTE_MAX);
    icmp[8 + 8] = 1; /* the quote shows the TTL it arrived with */
    ipv4_checksum(icmp + 8);
    put16(icmp + 2, fold(sum(icmp, 8 + ICMP_QUOTE_MAX, 0)));
    queue_frame(q, d.link->end[d.from].socket, now_us() + d.link->delay_us, reply, sizeof reply);
}

/* Lowers the TTL by the link's hops. False: the packet died. */
static bool pass_hops(struct direction d, struct queue *q, uint8_t *frame, size_t length)
{
    unsigned type = get16(frame + 2 * ETH_ALEN), hops = d.link->hops;
    uint8_t *ip = frame + ETH_HLEN;
    if (!hops || (type == ETH_P_IP && length < ETH_HLEN + 28) ||
        (type == ETH_P_IPV6 && length < ETH_HLEN + 40))
        return true;
    if (type == ETH_P_IP && ip[8] <= hops) {
        bool plain = (ip[0] & 15) == 5, error_itself = ip[9] == IPPROTO_ICMP && ip[20] != 8;
        if (d.link->router && ip[8] && plain && !error_itself)
            send_time_exceeded(d, q, frame, ip[8]);
        return false;
    }
    if (type == ETH_P_IP) {
        ip[8] = (uint8_t)(ip[8] - hops);
        ipv4_checksum(ip);
    }
    if (type == ETH_P_IPV6 && ip[6] != IPPROTO_ICMPV6 && ip[7] <= hops)
        return false;
    if (type == ETH_P_IPV6 && ip[7] != 255) /* neighbour discovery is for the link: 255 must stay */
        ip[7] = (uint8_t)(ip[7] - hops);
    return true;
}

static bool too_big(const struct link *link, const uint8_t *frame, size_t length)
{
    unsigned type = get16(frame + 2 * ETH_ALEN);
    return link->mtu && (type == ETH_P_IP || type == ETH_P_IPV6) && length - ETH_HLEN > link->mtu;
}

static void carry(struct direction d, struct queue *q, uint8_t *frame, size_t length)
{
    struct link *link = d.link;
    if (length < ETH_HLEN || too_big(link, frame, length) || chance(link, link->loss))
        return;
    if (!pass_hops(d, q, frame, length))
        return;
    uint64_t due = now_us() + link->delay_us;
    if (chance(link, link->reorder))
        due += REORDER_EXTRA_US;
    queue_frame(q, link->end[!d.from].socket, due, frame, length);
}

/* Cuts a TCP super-frame into segments, as a card with TSO does. */
static void carry_segments(struct direction d, struct queue *q, const struct virtio_net_hdr *info,
                           const uint8_t *frame, size_t length)
{
    static uint8_t piece[FRAME_MAX];
    bool v4 = get16(frame + 2 * ETH_ALEN) == ETH_P_IP;
    size_t tcp = info->csum_start, size = info->gso_size;
    if (!size || tcp + 20 > length || !(info->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
        return;
    size_t data = tcp + (size_t)(frame[tcp + 12] >> 4) * 4;
    unsigned id = get16(frame + ETH_HLEN + 4);
    for (size_t done = 0; data + done < length; done += size, id++) {
        size_t chunk = length - data - done < size ? length - data - done : size;
        bool last = data + done + chunk == length;
        memcpy(piece, frame, data);
        memcpy(piece + data, frame + data + done, chunk);
        put32(piece + tcp + 4, get32(frame + tcp + 4) + (uint32_t)done);
        piece[tcp + 13] &= last ? 0xff : 0xf6; /* FIN and PSH belong to the last piece */
        piece[tcp + 13] &= done ? 0x7f : 0xff; /* CWR to the first */
        uint8_t *ip = piece + ETH_HLEN;
        if (v4) {
            put16(ip + 2, (unsigned)(data + chunk - ETH_HLEN));
            put16(ip + 4, id & 0xffff);
            ipv4_checksum(ip);
        } else {
            put16(ip + 4, (unsigned)(data + chunk - ETH_HLEN - 40));
        }
        uint32_t pseudo = v4 ? sum(ip + 12, 8, 0) : sum(ip + 8, 32, 0);
        pseudo += IPPROTO_TCP + (uint32_t)(data - tcp + chunk);
        put16(piece + tcp + 16, 0xffff & ~fold(pseudo));
        finish_checksum(piece, data + chunk, tcp, 16);
        carry(d, q, piece, data + chunk);
    }
}

static bool read_one(struct direction d, struct queue *q)
{
    static uint8_t buffer[sizeof(struct virtio_net_hdr) + FRAME_MAX];
    struct virtio_net_hdr info;
    ssize_t got = recv(d.link->end[d.from].socket, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < (ssize_t)(sizeof info + ETH_HLEN))
        return false;
    memcpy(&info, buffer, sizeof info);
    uint8_t *frame = buffer + sizeof info;
    size_t length = (size_t)got - sizeof info;
    if (info.gso_type != VIRTIO_NET_HDR_GSO_NONE) {
        carry_segments(d, q, &info, frame, length);
        return true;
    }
    if (info.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
        finish_checksum(frame, length, info.csum_start, info.csum_offset);
    carry(d, q, frame, length);
    return true;
}

/* ---- setting up ---- */

static struct end open_end(const char *name)
{
    int yes = 1, big = 4 << 20;
    struct end end = {.ifindex = (int)if_nametoindex(name)};
    struct sockaddr_ll where = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    if (!end.ifindex)
        die(name, "no such interface");
    where.sll_ifindex = end.ifindex;
    /* protocol 0 until bound: frames of other interfaces must not enter */
    end.socket = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (end.socket < 0 || setsockopt(end.socket, SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof yes) ||
        setsockopt(end.socket, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes) ||
        bind(end.socket, (struct sockaddr *)&where, sizeof where))
        die(name, strerror(errno));
    setsockopt(end.socket, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big);
    setsockopt(end.socket, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big);
    struct packet_mreq promiscuous = {.mr_ifindex = end.ifindex, .mr_type = PACKET_MR_PROMISC};
    if (setsockopt(end.socket, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous))
        die(name, strerror(errno));
    return end;
}

static void set_option(struct link *link, const char *name, const char *value)
{
    double number = strtod(value, NULL);
    struct in_addr address;
    if (!strcmp(name, "delay"))
        link->delay_us = (uint64_t)(number * 1000);
    else if (!strcmp(name, "hops"))
        link->hops = (unsigned)number;
    else if (!strcmp(name, "mtu"))
        link->mtu = (unsigned)number;
    else if (!strcmp(name, "loss"))
        link->loss = number;
    else if (!strcmp(name, "reorder"))
        link->reorder = number;
    else if (!strcmp(name, "seed"))
        link->random = (unsigned)number;
    else if (!strcmp(name, "router") && inet_pton(AF_INET, value, &address) == 1)
        link->router = ntohl(address.s_addr);
    else
        die(name, "unknown option or bad value");
}

static struct link parse_link(char *spec)
{
    struct link link = {.random = 1};
    char *save = NULL, *a = strtok_r(spec, ",", &save), *b = strtok_r(NULL, ",", &save), *option;
    if (!a || !b)
        die("bad link", spec);
    link.end[0] = open_end(a);
    link.end[1] = open_end(b);
    while ((option = strtok_r(NULL, ",", &save))) {
        char *value = strchr(option, '=');
        if (!value)
            die(option, "needs a value");
        *value = 0;
        set_option(&link, option, value + 1);
    }
    return link;
}

/* ---- running ---- */

static void deliver_due(struct queue *q)
{
    static uint8_t out[sizeof(struct virtio_net_hdr) + FRAME_MAX]; /* the header stays zero */
    uint64_t now = now_us();
    while (q->used && q->heap[0].due_us <= now) {
        struct pending item = queue_take(q);
        memcpy(out + sizeof(struct virtio_net_hdr), item.bytes, item.length);
        /* an interface that is down, or full, loses frames: that is what cables do */
        (void)!send(item.socket, out, sizeof(struct virtio_net_hdr) + item.length, MSG_DONTWAIT);
        free(item.bytes);
    }
}

static void wait_for_work(struct pollfd *polls, nfds_t count, const struct queue *q)
{
    struct timespec left = {.tv_sec = 3600};
    if (q->used) {
        uint64_t now = now_us(), due = q->heap[0].due_us;
        uint64_t wait_us = due > now ? due - now : 0;
        left.tv_sec = (time_t)(wait_us / 1000000u);
        left.tv_nsec = (long)(wait_us % 1000000u) * 1000;
    }
    sigset_t none;
    sigemptyset(&none);
    if (ppoll(polls, count, &left, &none) < 0 && errno != EINTR)
        die("poll", strerror(errno));
}

static void run(struct link *links, size_t count)
{
    struct pollfd polls[LINKS_MAX * 2];
    struct queue queue = {.heap = calloc(PENDING_MAX + 1, sizeof *queue.heap)};
    if (!queue.heap)
        die("memory", "not enough");
    for (size_t i = 0; i < count * 2; i++)
        polls[i] = (struct pollfd){.fd = links[i / 2].end[i % 2].socket, .events = POLLIN};
    while (!stopping) {
        wait_for_work(polls, (nfds_t)count * 2, &queue);
        for (size_t i = 0; i < count * 2; i++) {
            struct direction d = {&links[i / 2], (int)(i % 2)};
            for (int n = 0;
                 (polls[i].revents & (POLLIN | POLLERR)) && n < BURST_MAX && read_one(d, &queue);
                 n++)
                ;
        }
        deliver_due(&queue);
    }
    while (queue.used)
        free(queue_take(&queue).bytes);
    free(queue.heap);
}

int main(int argc, char **argv)
{
    static struct link links[LINKS_MAX];
    sigset_t ours;
    if (argc < 2 || argc - 1 > LINKS_MAX)
        die("usage", "wire IF_A,IF_B[,option=value...] ...");
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigprocmask(SIG_BLOCK, &ours, NULL); /* taken only while waiting, so that none gets lost */
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    for (int i = 1; i < argc; i++)
        links[i - 1] = parse_link(argv[i]);
    puts("ready");
    fflush(stdout);
    run(links, (size_t)argc - 1);
    return 0;
}
