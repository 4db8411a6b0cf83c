#include "analyzer/capture/live.h"

#include <errno.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "analyzer/capture/interfaces.h"
#include "analyzer/capture/linktype.h"
#include "analyzer/memory.h"

/* Frames and their bytes; libpcap's own bytes live only in the callback. */
struct batch {
    struct frame *frames;
    size_t count;
    uint8_t *bytes; /* LIVE_BATCH_BYTES and one frame more */
    size_t used;
};

/* What was taken while nobody asked. */
struct backlog {
    struct backlog *next;
    struct batch batch;
    size_t given;
    struct frame frames[LIVE_BACKLOG_FRAMES];
    uint8_t bytes[LIVE_BATCH_BYTES + FRAME_BYTES_MAX];
};

struct live {
    pcap_t *pcap;
    char *interface;
    struct source_stats *stats;
    int break_fd; /* eventfd: write(2) is all that a signal handler may do */
    int64_t fraction_ns;
    uint16_t link_type;
    bool failed; /* the interface gives no more */
    bool ended;
    struct batch batch; /* of the last live_next(); its frames are the caller's */
    struct batch *into; /* which one keep_frame() fills */
    struct backlog *first, *last;
    struct backlog *spare; /* the one last given out: its memory is still warm */
    size_t backlogs;
    bool paused;
    int resume_fd; /* eventfd: ends the pause */
    pthread_t taker;
};

static void append(char *text, size_t size, const char *more)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s%s", used ? ", " : "", more);
}

static bool explain_missing(const char *interface, struct error *error)
{
    struct interface_entry *list = NULL;
    size_t count = 0;
    char names[ERROR_TEXT_MAX / 2] = "";
    if (interfaces_list(&list, &count, NULL))
        for (size_t i = 0; i < count; i++)
            append(names, sizeof names, list[i].name);
    free(list);
    return error_set(error, "%s: no such interface; there are: %s", interface,
                     *names ? names : "none that may be captured on");
}

static bool explain_activation(pcap_t *pcap, const char *interface, int status, struct error *error)
{
    switch (status) {
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
        return error_set(error,
                         "%s: capturing needs CAP_NET_RAW: run as root, or once: "
                         "setcap cap_net_raw+ep /path/to/fwsniff",
                         interface);
    case PCAP_ERROR_NO_SUCH_DEVICE:
        return explain_missing(interface, error);
    case PCAP_ERROR_IFACE_NOT_UP:
        return error_set(error, "%s: the interface is down; ip link set %s up", interface,
                         interface);
    }
    const char *detail = pcap_geterr(pcap);
    return error_set(error, "%s: %s", interface, *detail ? detail : pcap_statustostr(status));
}

static bool activate(struct live *live, const struct source_live_options *options,
                     struct error *error)
{
    pcap_t *pcap = live->pcap;
    pcap_set_snaplen(pcap, options->snaplen > 0 ? options->snaplen : FRAME_BYTES_MAX);
    pcap_set_promisc(pcap, options->promiscuous);
    pcap_set_timeout(pcap, LIVE_WAIT_MS);
    if (options->buffer_bytes > 0)
        pcap_set_buffer_size(pcap, options->buffer_bytes);
    (void)pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
    int status = pcap_activate(pcap);
    if (status < 0)
        return explain_activation(pcap, live->interface, status, error);
    return true;
}

/* "any" gives cooked frames; the second kind also names the interface each came from. */
static void prefer_cooked_v2(pcap_t *pcap)
{
    int *list = NULL;
    if (pcap_datalink(pcap) != DLT_LINUX_SLL)
        return;
    int count = pcap_list_datalinks(pcap, &list);
    for (int i = 0; i < count; i++)
        if (list[i] == DLT_LINUX_SLL2)
            (void)pcap_set_datalink(pcap, DLT_LINUX_SLL2);
    if (count > 0)
        pcap_free_datalinks(list);
}

static bool set_filter(struct live *live, const char *expression, struct error *error)
{
    struct bpf_program program;
    if (!expression || !*expression)
        return true;
    if (pcap_compile(live->pcap, &program, expression, 1, PCAP_NETMASK_UNKNOWN) != 0)
        return error_set(error, "%s: the filter '%s' cannot be used: %s", live->interface,
                         expression, pcap_geterr(live->pcap));
    bool done = pcap_setfilter(live->pcap, &program) == 0;
    pcap_freecode(&program);
    return done || error_set(error, "%s: the kernel does not take the filter: %s", live->interface,
                             pcap_geterr(live->pcap));
}

/* Both filters in one program: what the user wants, of what the profiles need. */
static bool set_filters(struct live *live, const struct source_live_options *options,
                        struct error *error)
{
    char *needed = options->kernel_filter ? options->kernel_filter(options->kernel_filter_context,
                                                                   pcap_datalink(live->pcap))
                                          : NULL;
    char *both = NULL;
    bool set = true;
    if (needed && options->filter)
        set = asprintf(&both, "(%s) and (%s)", options->filter, needed) >= 0;
    /* The user's words alone first, so that a message about them does not quote ours. */
    set = set && set_filter(live, options->filter, error);
    if (set && (both || needed))
        set = set_filter(live, both ? both : needed, error);
    free(both);
    free(needed);
    return set;
}

static bool prepare(struct live *live, const struct source_live_options *options,
                    struct error *error)
{
    char text[PCAP_ERRBUF_SIZE] = "";
    live->break_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    live->resume_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (live->break_fd < 0 || live->resume_fd < 0)
        return error_set(error, "%s: %s", live->interface, strerror(errno));
    live->pcap = pcap_create(live->interface, text);
    if (!live->pcap)
        return error_set(error, "%s: %s", live->interface, text);
    if (!activate(live, options, error))
        return false;
    prefer_cooked_v2(live->pcap);
    if (!set_filters(live, options, error))
        return false;
    if (pcap_setnonblock(live->pcap, 1, text) != 0)
        return error_set(error, "%s: %s", live->interface, text);
    live->link_type = linktype_from_dlt(pcap_datalink(live->pcap));
    live->fraction_ns =
        pcap_get_tstamp_precision(live->pcap) == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000;
    live->batch.bytes = memory_zeroed(LIVE_BATCH_BYTES + FRAME_BYTES_MAX, 1);
    live->stats->link_types[0] = live->link_type;
    live->stats->link_type_count = 1;
    live->stats->snaplen_min = (uint32_t)pcap_snapshot(live->pcap);
    return true;
}

struct live *live_open(const struct source_live_options *options, struct source_stats *stats,
                       struct error *error)
{
    struct live *live = memory_zeroed(1, sizeof *live);
    live->interface = memory_string(options->interface ? options->interface : "any");
    live->stats = stats;
    live->break_fd = live->resume_fd = -1;
    if (prepare(live, options, error))
        return live;
    live_close(live);
    return NULL;
}

static void free_first_backlog(struct live *live)
{
    struct backlog *first = live->first;
    live->first = first->next;
    if (!live->first)
        live->last = NULL;
    live->backlogs--;
    free(live->spare);
    live->spare = first;
}

void live_close(struct live *live)
{
    if (!live)
        return;
    live_resume(live);
    while (live->first)
        free_first_backlog(live);
    free(live->spare);
    if (live->pcap)
        pcap_close(live->pcap);
    if (live->break_fd >= 0)
        close(live->break_fd);
    if (live->resume_fd >= 0)
        close(live->resume_fd);
    free(live->batch.bytes);
    free(live->interface);
    free(live);
}

void live_break(struct live *live)
{
    int saved = errno;
    uint64_t one = 1;
    ssize_t ignored = write(live->break_fd, &one, sizeof one);
    (void)ignored;
    errno = saved;
}

static void keep_frame(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
    struct live *live = (struct live *)user;
    struct batch *batch = live->into;
    uint32_t caplen = header->caplen < FRAME_BYTES_MAX ? header->caplen : FRAME_BYTES_MAX;
    uint8_t *copy = batch->bytes + batch->used;
    memcpy(copy, data, caplen);
    batch->used += caplen;
    batch->frames[batch->count++] = (struct frame){
        .data = copy,
        .caplen = caplen,
        .len = header->len > caplen ? header->len : caplen,
        .time_ns = (int64_t)header->ts.tv_sec * 1000000000 +
                   (int64_t)header->ts.tv_usec * live->fraction_ns,
        .link_type = live->link_type,
    };
    /* Room for one more frame of any length must be left. */
    if (batch->used >= LIVE_BATCH_BYTES)
        pcap_breakloop(live->pcap);
}

/* Adds what is there, up to so many frames in all. */
static void take(struct live *live, struct batch *batch, size_t capacity)
{
    size_t before = batch->count, room = capacity - before;
    int limit = room > INT32_MAX ? INT32_MAX : (int)room;
    live->into = batch;
    int result = pcap_dispatch(live->pcap, limit, keep_frame, (u_char *)live);
    /* A full batch leaves the break flag standing; the next dispatch only takes it down. */
    if (result == PCAP_ERROR_BREAK && batch->count == before)
        result = pcap_dispatch(live->pcap, limit, keep_frame, (u_char *)live);
    live->failed = result < 0 && result != PCAP_ERROR_BREAK;
}

static void explain_failure(struct live *live)
{
    live->stats->truncated = true;
    error_set(&live->stats->problem, "%s: the capture ended after frame %llu: %s", live->interface,
              (unsigned long long)live->stats->frames, pcap_geterr(live->pcap));
}

/* libpcap waits for an interface that went down to come back, which may be never. Asked only when
 * nothing arrives. */
static bool is_down(struct live *live)
{
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", live->interface);
    if (strcmp(live->interface, "any") == 0 ||
        ioctl(pcap_get_selectable_fd(live->pcap), SIOCGIFFLAGS, &request) != 0 ||
        request.ifr_flags & IFF_UP)
        return false;
    live->stats->truncated = true;
    error_set(&live->stats->problem,
              "%s: the capture ended after frame %llu: the interface went down", live->interface,
              (unsigned long long)live->stats->frames);
    return true;
}

/* Waits for a frame or a break. False when there is nothing to take. */
static bool await_frames(struct live *live)
{
    struct pollfd waits[] = {{.fd = pcap_get_selectable_fd(live->pcap), .events = POLLIN},
                             {.fd = live->break_fd, .events = POLLIN}};
    int ready = poll(waits, 2, LIVE_WAIT_MS);
    if (ready == 0)
        live->ended = is_down(live);
    if (ready <= 0)
        return false;
    if (!waits[1].revents)
        return true;
    uint64_t count;
    ssize_t ignored = read(live->break_fd, &count, sizeof count);
    (void)ignored;
    return false;
}

static bool has_room(const struct backlog *backlog)
{
    return backlog && backlog->batch.count < LIVE_BACKLOG_FRAMES &&
           backlog->batch.used < LIVE_BATCH_BYTES;
}

static void add_backlog(struct live *live)
{
    struct backlog *backlog = live->spare ? live->spare : memory_zeroed(1, sizeof *backlog);
    live->spare = NULL;
    backlog->next = NULL;
    backlog->given = 0;
    backlog->batch = (struct batch){.frames = backlog->frames, .bytes = backlog->bytes};
    if (live->last)
        live->last->next = backlog;
    else
        live->first = backlog;
    live->last = backlog;
    live->backlogs++;
}

/* False when there is no room: then the kernel's buffer has to hold them. */
static bool take_to_backlog(struct live *live)
{
    if (!has_room(live->last)) {
        if (live->backlogs == LIVE_BACKLOGS_MAX)
            return false;
        add_backlog(live);
    }
    take(live, &live->last->batch, LIVE_BACKLOG_FRAMES);
    return true;
}

/* The bytes stay until the next call. What comes meanwhile queues up behind the backlog, or the
 * kernel's buffer would fill while a long one is worked off. */
static void give_backlog(struct live *live, size_t capacity)
{
    while (live->first && live->first->given == live->first->batch.count)
        free_first_backlog(live);
    struct backlog *first = live->first;
    if (!first)
        return;
    if (!live->failed)
        take_to_backlog(live);
    size_t left = first->batch.count - first->given;
    live->batch.count = left < capacity ? left : capacity;
    memcpy(live->batch.frames, first->frames + first->given,
           live->batch.count * sizeof *first->frames);
    first->given += live->batch.count;
}

int live_next(struct live *live, struct frame *frames, size_t capacity)
{
    struct batch *batch = &live->batch;
    if (live->ended)
        return -1;
    if (!capacity)
        return 0;
    batch->frames = frames;
    batch->count = batch->used = 0;
    give_backlog(live, capacity);
    if (!batch->count && !live->failed)
        take(live, batch, capacity);
    if (!batch->count && !live->failed && await_frames(live))
        take(live, batch, capacity);
    for (size_t i = 0; i < batch->count; i++)
        frames[i].number = ++live->stats->frames;
    if (live->failed && !live->first) {
        explain_failure(live);
        live->ended = true;
    }
    return batch->count ? (int)batch->count : live->ended ? -1 : 0;
}

/* --- while nobody asks --- */

static void *take_meanwhile(void *context)
{
    struct live *live = context;
    struct pollfd waits[] = {{.fd = pcap_get_selectable_fd(live->pcap), .events = POLLIN},
                             {.fd = live->resume_fd, .events = POLLIN}};
    while (!live->failed && poll(waits, 2, -1) > 0 && !waits[1].revents)
        if (!take_to_backlog(live))
            break;
    return NULL;
}

void live_pause(struct live *live)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before); /* signals are for the caller */
    live->paused = !live->ended && pthread_create(&live->taker, NULL, take_meanwhile, live) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void live_resume(struct live *live)
{
    uint64_t count = 1;
    if (!live->paused)
        return;
    bool told = write(live->resume_fd, &count, sizeof count) == sizeof count;
    pthread_join(live->taker, NULL);
    if (told)
        told = read(live->resume_fd, &count, sizeof count) == sizeof count;
    (void)told; /* an eventfd that nobody else writes to takes it, and gives it back */
    live->paused = false;
}

void live_update_stats(struct live *live)
{
    struct pcap_stat kernel;
    if (!live->paused && pcap_stats(live->pcap, &kernel) == 0)
        live->stats->kernel_dropped = (uint64_t)kernel.ps_drop + kernel.ps_ifdrop;
}
