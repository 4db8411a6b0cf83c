/* Has an interface receive the packets of a capture, faster than a socket at the other end of a
 * veth pair can send them:
 *
 *     receive INTERFACE CAPTURE PACKETS_PER_SECOND SECONDS
 *
 * 0 packets a second: as fast as it goes. The packets enter the kernel where the driver of a
 * network card hands them over: an XDP program makes them in the kernel's own test run with live
 * frames and passes them on (Linux 5.18; Documentation/bpf/bpf_prog_run.rst). Every time round the
 * clients have other addresses, so that no connection comes twice; checksums stay right. Prints how
 * many packets were received, and the seconds. Needs root. */
#define PCAP_DONT_INCLUDE_PCAP_BPF_H /* which has another struct bpf_insn */
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
    FRAME_MAX = 1600,        /* generate.c's */
    RECORDS_MAX = 400 << 20, /* bytes; the verifier allows offsets below 512 MiB */
    ETHERNET = 14,
    IP4 = 20,
    IP6 = 40,
    ICMP = 8,
    CLIENT_NET = 10, /* the last four bytes of a client's address begin with it (generate.c) */
    REPEAT_FOREVER = -1,
    TO_END = INT16_MAX, /* a jump to the last instruction; its distance is filled in */
};

/* A packet as the program finds it; the next one follows after `size`. */
struct record {
    uint32_t size, length;
    uint32_t client_at[2]; /* from the record's begin to the last four bytes of the client's
                              address, in the packet and in one that it quotes; where there is none,
                              to `nothing` */
    uint8_t nothing[8];
    uint8_t bytes[FRAME_MAX]; /* `length` of them */
};

/* What we and the program share. */
struct player {
    uint64_t next;   /* the record, in bytes from the first one */
    uint64_t due_ns; /* when it may be received, CLOCK_MONOTONIC */
    uint64_t interval_ns;
    uint64_t received;
};

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "receive: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int bpf(int command, union bpf_attr *attributes)
{
    return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

/* One value of so many bytes, mapped at *value. */
static int shared_memory(uint32_t bytes, void **value)
{
    union bpf_attr wanted = {.map_type = BPF_MAP_TYPE_ARRAY,
                             .key_size = sizeof(uint32_t),
                             .value_size = bytes,
                             .max_entries = 1,
                             .map_flags = BPF_F_MMAPABLE};
    int map = bpf(BPF_MAP_CREATE, &wanted);
    if (map < 0)
        fail("BPF_MAP_CREATE");
    *value = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
    if (*value == MAP_FAILED)
        fail("mmap");
    return map;
}

/* --- the capture --- */

/* Offset in the frame of the last four bytes of the client's address; 0: there is none. */
static size_t client_in(const uint8_t *frame, size_t length, size_t ip)
{
    size_t last = length > ip && frame[ip] >> 4 == 6 ? ip + 8 + 16 - 4 : ip + 12;
    size_t next = length > ip && frame[ip] >> 4 == 6 ? 16 : 4;
    if (length < last + next + 4)
        return 0;
    if (frame[last] == CLIENT_NET)
        return last;
    return frame[last + next] == CLIENT_NET ? last + next : 0;
}

/* Of the packet that an ICMP or ICMPv6 error quotes. */
static size_t quoted_client_in(const uint8_t *frame, size_t length)
{
    bool v6 = length > ETHERNET && frame[ETHERNET] >> 4 == 6;
    size_t icmp = ETHERNET + (v6 ? IP6 : IP4), protocol = ETHERNET + (v6 ? 6 : 9);
    bool quotes = length > icmp && (v6 ? frame[protocol] == 58 && frame[icmp] < 128
                                       : frame[protocol] == 1 && frame[icmp] == 3);
    return quotes ? client_in(frame, length, icmp + ICMP) : 0;
}

static void fill(struct record *record, const uint8_t *frame, size_t length)
{
    size_t client[2] = {client_in(frame, length, ETHERNET), quoted_client_in(frame, length)};
    record->length = (uint32_t)length;
    record->size = (uint32_t)((offsetof(struct record, bytes) + length + 7) & ~(size_t)7);
    for (int i = 0; i < 2; i++)
        record->client_at[i] = (uint32_t)(client[i] ? offsetof(struct record, bytes) + client[i]
                                                    : offsetof(struct record, nothing));
    memcpy(record->bytes, frame, length);
}

/* Bytes for the records of a capture, which has a shorter head before each packet. */
static uint32_t room_for(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        fail(path);
    uint64_t room = (uint64_t)status.st_size * 3 / 2 + sizeof(struct record);
    return room < RECORDS_MAX ? (uint32_t)room : RECORDS_MAX;
}

/* How many bytes the records take. What they have no room for is left out. */
static uint32_t load(const char *path, uint8_t *records, uint32_t room)
{
    char error[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const u_char *frame;
    uint32_t used = 0;
    pcap_t *capture = pcap_open_offline(path, error);
    if (!capture)
        fail(error);
    while (used <= room - sizeof(struct record) && pcap_next_ex(capture, &header, &frame) == 1) {
        struct record *record = (struct record *)(records + used);
        if (header->caplen <= ETHERNET || header->caplen > FRAME_MAX)
            continue;
        fill(record, frame, header->caplen);
        used += record->size;
    }
    pcap_close(capture);
    return used;
}

/* --- the program --- */

#define INSN(code_, dst, src, off_, imm_)                                                          \
    {                                                                                              \
        .code = (uint8_t)(code_), .dst_reg = (dst), .src_reg = (src), .off = (int16_t)(off_),      \
        .imm = (int32_t)(imm_)                                                                     \
    }
#define SET(dst, src)              INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define SET_TO(dst, value)         INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value)
#define ADD(dst, src)              INSN(BPF_ALU64 | BPF_ADD | BPF_X, dst, src, 0, 0)
#define ADD_TO(dst, value)         INSN(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, value)
#define READ(bits, dst, src, off)  INSN(BPF_LDX | BPF_MEM | (bits), dst, src, off, 0)
#define WRITE(bits, dst, off, src) INSN(BPF_STX | BPF_MEM | (bits), dst, src, off, 0)
#define IF(op, dst, value, to)     INSN(BPF_JMP | BPF_K | (op), dst, 0, to, value)
#define IF_REG(op, dst, src, to)   INSN(BPF_JMP | BPF_X | (op), dst, src, to, 0)
#define CALL(function)             INSN(BPF_JMP | BPF_CALL, 0, 0, 0, function)
#define ADDRESS(dst, map)                                                                          \
    INSN(BPF_LD | BPF_IMM | BPF_DW, dst, BPF_PSEUDO_MAP_VALUE, 0, map), INSN(0, 0, 0, 0, 0)

/* Adds one to a byte of the client's address and takes it from the other half, so that the sum
 * modulo 0xffff stays, and with it every checksum (RFC 1071). r8: the record. */
#define OTHER_CLIENT(which)                                                                        \
    READ(BPF_W, 1, 8, offsetof(struct record, client_at) + (which) * sizeof(uint32_t)),            \
        IF(BPF_JGT, 1, sizeof(struct record) - 4, TO_END), SET(2, 8), ADD(2, 1),                   \
        READ(BPF_H, 1, 2, 0), ADD_TO(1, 0x100), WRITE(BPF_H, 2, 0, 1), READ(BPF_H, 1, 2, 2),       \
        ADD_TO(1, -0x100), IF(BPF_JSGE, 1, 0, 1), ADD_TO(1, 0xffff), WRITE(BPF_H, 2, 2, 1)

/* Fills the frame with the next record and passes it on; drops it when none is due. */
static int load_program(int player_map, int records_map, uint32_t room, uint32_t used)
{
    enum { PLAYER = 7, RECORD = 8 };
#define OF_PLAYER(member) offsetof(struct player, member)
#define OF_RECORD(member) offsetof(struct record, member)
    struct bpf_insn program[] = {
        SET(6, 1), /* the context */
        ADDRESS(PLAYER, player_map),
        CALL(BPF_FUNC_ktime_get_ns),
        SET(1, 0),
        SET_TO(0, XDP_DROP),
        READ(BPF_DW, 2, PLAYER, OF_PLAYER(due_ns)),
        IF_REG(BPF_JLT, 1, 2, TO_END),
        READ(BPF_DW, 1, PLAYER, OF_PLAYER(interval_ns)),
        ADD(2, 1),
        WRITE(BPF_DW, PLAYER, OF_PLAYER(due_ns), 2),

        READ(BPF_DW, 9, PLAYER, OF_PLAYER(next)),
        IF(BPF_JGT, 9, room - sizeof(struct record), TO_END),
        ADDRESS(RECORD, records_map),
        ADD(RECORD, 9),
        READ(BPF_W, 1, RECORD, OF_RECORD(size)),
        ADD(9, 1),
        IF(BPF_JLT, 9, used, 1),
        SET_TO(9, 0),
        WRITE(BPF_DW, PLAYER, OF_PLAYER(next), 9),

        OTHER_CLIENT(0),
        OTHER_CLIENT(1),

        SET(1, 6),
        READ(BPF_W, 2, RECORD, OF_RECORD(length)),
        ADD_TO(2, -FRAME_MAX),
        CALL(BPF_FUNC_xdp_adjust_tail),
        SET(1, 6),
        SET_TO(2, 0),
        SET(3, RECORD),
        ADD_TO(3, OF_RECORD(bytes)),
        READ(BPF_W, 4, RECORD, OF_RECORD(length)),
        SET_TO(0, XDP_DROP),
        IF(BPF_JEQ, 4, 0, TO_END),
        IF(BPF_JGT, 4, FRAME_MAX, TO_END),
        CALL(BPF_FUNC_xdp_store_bytes),

        READ(BPF_DW, 1, PLAYER, OF_PLAYER(received)),
        ADD_TO(1, 1),
        WRITE(BPF_DW, PLAYER, OF_PLAYER(received), 1),
        SET_TO(0, XDP_PASS),
        INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    };
    enum { COUNT = sizeof program / sizeof *program };
    static char told[65536];
    for (int i = 0; i < COUNT; i++)
        if (program[i].off == TO_END)
            program[i].off = (int16_t)(COUNT - 2 - i);
    union bpf_attr wanted = {.prog_type = BPF_PROG_TYPE_XDP,
                             .insns = (uintptr_t)program,
                             .insn_cnt = COUNT,
                             .license = (uintptr_t) "BSD",
                             .log_level = 1,
                             .log_buf = (uintptr_t)told,
                             .log_size = sizeof told};
    int loaded = bpf(BPF_PROG_LOAD, &wanted);
    if (loaded >= 0)
        return loaded;
    fputs(told, stderr);
    fail("BPF_PROG_LOAD");
}

/* --- the run --- */

static uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void wake(int number)
{
    (void)number;
}

/* Ends the test run, which looks for signals. */
static void wake_after(double seconds)
{
    struct sigaction action = {.sa_handler = wake};
    struct itimerval wait = {.it_value = {.tv_sec = (time_t)seconds}};
    wait.it_value.tv_usec = (suseconds_t)((seconds - (double)wait.it_value.tv_sec) * 1e6);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &wait, NULL);
}

static void run(int program, unsigned interface)
{
    static uint8_t frame[FRAME_MAX];
    struct xdp_md context = {.data_end = sizeof frame, .ingress_ifindex = interface};
    union bpf_attr wanted = {.test = {.prog_fd = (uint32_t)program,
                                      .data_in = (uintptr_t)frame,
                                      .data_size_in = sizeof frame,
                                      .ctx_in = (uintptr_t)&context,
                                      .ctx_size_in = sizeof context,
                                      .repeat = (uint32_t)REPEAT_FOREVER,
                                      .flags = BPF_F_TEST_XDP_LIVE_FRAMES}};
    if (bpf(BPF_PROG_TEST_RUN, &wanted) < 0 && errno != EINTR)
        fail("BPF_PROG_TEST_RUN");
}

int main(int argc, char **argv)
{
    void *records, *shared;
    if (argc != 5) {
        fprintf(stderr, "usage: receive INTERFACE CAPTURE PACKETS_PER_SECOND SECONDS\n");
        return 2;
    }
    unsigned interface = if_nametoindex(argv[1]);
    double rate = strtod(argv[3], NULL), seconds = strtod(argv[4], NULL);
    if (!interface)
        fail(argv[1]);
    uint32_t room = room_for(argv[2]);
    int records_map = shared_memory(room, &records);
    int player_map = shared_memory(sizeof(struct player), &shared);
    int program = load_program(player_map, records_map, room, load(argv[2], records, room));
    struct player *player = shared;
    player->interval_ns = rate > 0 ? (uint64_t)(1e9 / rate) : 0;
    wake_after(seconds);
    uint64_t begun_ns = player->due_ns = clock_ns();
    run(program, interface);
    printf("%llu %.3f\n", (unsigned long long)player->received,
           (double)(clock_ns() - begun_ns) / 1e9);
    return 0;
}
