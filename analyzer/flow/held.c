#include "analyzer/flow/held.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/flow/course.h"
#include "analyzer/flow/tracker_internal.h"
#include "analyzer/memory.h"
#include "analyzer/words.h"

enum {
    SYN_BYTES = 120,      /* Ethernet, VLAN, IPv6 and the longest TCP header fit */
    FRAME_BYTES = 1600,   /* longer ones were captured before segmentation */
    BLOCK_BYTES = 576,    /* an odd number of cache lines: blocks begin in all sets of the cache */
    BLOCK_SLAB = 512,     /* blocks */
    BLOCKS_MAX = 1 << 17, /* 72 MiB */
    CACHE_LINE = 64,
    FRAMES_MAX_HELD = 64, /* beyond, it is a transfer, and has room for a record */
    HELD_SLAB = 1 << 15,  /* 6 MiB */
    SILENT_EASY = 4096,   /* single SYNs that are handed on at the end, whatever they are ... */
    SILENT_SAME_MIN = 3,  /* ... and of more those of one client that asks again and again */
};

/* A frame as it is held, in one block; its bytes follow, also in the next blocks. */
struct kept {
    uint64_t number;
    int64_t time_ns;
    uint32_t len;
    uint16_t caplen, interface;
};

/* Frames begin where a struct kept may, and their heads are not split. */
struct block {
    struct block *next;
    uint8_t bytes[BLOCK_BYTES - sizeof(struct block *)];
};
_Static_assert(sizeof(struct block) == BLOCK_BYTES, "no gaps");

/* In a connection's blocks. */
struct place {
    struct block *block;
    uint8_t *at;
};

/* A connection: its SYN, and as soon as there is more, its course, and all frames in blocks. Every
 * packet needs the course: the SYN makes room for it. */
struct held {
    struct flow *flow;     /* which lets go before it is forgotten */
    struct block *first;   /* NULL: a SYN and nothing else */
    struct place end;      /* behind the last frame */
    uint32_t older, newer; /* index + 1 */
    uint32_t isn;
    uint8_t service;
    bool used;
    union {
        struct {
            struct kept kept;
            uint8_t bytes[SYN_BYTES];
        } syn;
        struct {
            struct course course;
            uint32_t frames;
        };
    };
};
_Static_assert(sizeof(struct held) == 3 * CACHE_LINE, "no gaps");

struct held_table {
    struct held **slabs;
    size_t made, cap, count;
    struct block **blocks;
    size_t blocks_made;
    struct block *free_block; /* linked by `next` */
    uint32_t free_held;       /* index + 1, linked by `newer` */
    uint32_t oldest, newest;  /* index + 1 */
    fast_path_slowly *replay;
    void *context;
    bool handed_on; /* attempts do not stand in the order in which they began any more */
};

struct held_table *held_new(size_t cap, fast_path_slowly *replay, void *context)
{
    struct held_table *table = memory_zeroed(1, sizeof *table);
    table->cap = cap;
    table->replay = replay;
    table->context = context;
    return table;
}

void held_free(struct held_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i * HELD_SLAB < table->made; i++)
        memory_table_free(table->slabs[i], HELD_SLAB, sizeof(struct held));
    for (size_t i = 0; i * BLOCK_SLAB < table->blocks_made; i++)
        memory_table_free(table->blocks[i], BLOCK_SLAB, sizeof(struct block));
    free(table->slabs);
    free(table->blocks);
    free(table);
}

static struct held *held_at(const struct held_table *table, uint32_t index_1)
{
    return &table->slabs[(index_1 - 1) / HELD_SLAB][(index_1 - 1) % HELD_SLAB];
}

static struct place place_in(struct block *block)
{
    return (struct place){block, block->bytes};
}

/* Bytes up to the block's end. */
static size_t place_room(const struct place *place)
{
    return (size_t)((uint8_t *)(place->block + 1) - place->at);
}

/* On by so many bytes, and to where a frame may begin: no more than the block's end. */
static void place_advance(struct place *place, size_t bytes)
{
    enum { ALIGN = _Alignof(struct kept) };
    size_t gone = (size_t)(place->at + bytes - place->block->bytes);
    place->at = place->block->bytes + (gone + ALIGN - 1) / ALIGN * ALIGN;
}

/* Its bytes follow. */
static const struct kept *syn_of(const struct held *held)
{
    return held->first ? (const void *)held->first->bytes : &held->syn.kept;
}

struct held *held_of(const struct tracker *tracker, const struct flow *flow)
{
    uint32_t number = flow->attempt;
    return number > HELD_BASE && tracker->held ? held_at(tracker->held, number - HELD_BASE) : NULL;
}

static void fetch_lines(const void *from, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += CACHE_LINE)
        memory_fetch((const uint8_t *)from + at);
}

void held_fetch(const struct tracker *tracker, const struct flow *flow)
{
    fetch_lines(held_at(tracker->held, flow->attempt - HELD_BASE), sizeof(struct held));
}

void held_fetch_end(const struct tracker *tracker, const struct flow *flow)
{
    const struct held *held = held_at(tracker->held, flow->attempt - HELD_BASE);
    if (held->first)
        fetch_lines(held->end.at, 3 * CACHE_LINE);
}

/* What finish() wants. */
void held_fetch_last(const struct tracker *tracker, const struct flow *flow)
{
    const struct held_table *table = tracker->held;
    const struct held *held = held_at(table, flow->attempt - HELD_BASE);
    memory_fetch(syn_of(held));
    if (held->older)
        memory_fetch(held_at(table, held->older));
    if (held->newer)
        memory_fetch(held_at(table, held->newer));
    for (int end = 0; end < 2; end++) {
        const struct host *host = host_table_numbered(tracker->hosts, flow_host(flow, end));
        if (host)
            memory_fetch(host);
    }
}

/* --- room --- */

static struct block *new_block(struct held_table *table)
{
    struct block *block = table->free_block;
    if (block) {
        table->free_block = block->next;
        if (block->next)
            memory_fetch(block->next); /* for the next time */
    } else {
        size_t slab = table->blocks_made / BLOCK_SLAB;
        if (table->blocks_made == BLOCKS_MAX)
            return NULL;
        if (table->blocks_made % BLOCK_SLAB == 0) {
            table->blocks = memory_resize(table->blocks, slab + 1, sizeof *table->blocks);
            table->blocks[slab] = memory_slab(BLOCK_SLAB, sizeof(struct block));
        }
        block = &table->blocks[slab][table->blocks_made++ % BLOCK_SLAB];
    }
    block->next = NULL;
    return block;
}

/* On to its beginning, where there is one or one may be added. */
static bool next_block(struct held_table *table, struct place *place, bool add)
{
    if (add)
        place->block->next = new_block(table);
    if (!place->block->next)
        return false;
    *place = place_in(place->block->next);
    return true;
}

/* All of a connection's at once: `end` stands in the last one, but where a frame found no room. */
static void free_blocks(struct held_table *table, const struct held *held)
{
    if (!held->first)
        return;
    struct block *last = held->end.block;
    while (last->next)
        last = last->next;
    last->next = table->free_block;
    table->free_block = held->first;
}

static uint32_t new_held(struct held_table *table)
{
    uint32_t index_1 = table->free_held;
    if (index_1) {
        table->free_held = held_at(table, index_1)->newer;
    } else {
        if (table->made % HELD_SLAB == 0) {
            size_t slabs = table->made / HELD_SLAB + 1;
            table->slabs = memory_resize(table->slabs, slabs, sizeof *table->slabs);
            table->slabs[slabs - 1] = memory_slab(HELD_SLAB, sizeof(struct held));
        }
        index_1 = (uint32_t)++table->made;
        if (table->made % HELD_SLAB) /* for the next time */
            fetch_lines(held_at(table, index_1) + 1, sizeof(struct held));
    }
    struct held *held = held_at(table, index_1);
    held->older = table->newest;
    held->newer = 0;
    *(table->newest ? &held_at(table, table->newest)->newer : &table->oldest) = index_1;
    table->newest = index_1;
    table->count++;
    return index_1;
}

/* Out of the order of age; its contents stay until free_held(). */
static void unlink_held(struct held_table *table, struct held *held)
{
    *(held->older ? &held_at(table, held->older)->newer : &table->oldest) = held->newer;
    *(held->newer ? &held_at(table, held->newer)->older : &table->newest) = held->older;
    table->count--;
}

static void free_held(struct held_table *table, uint32_t index_1)
{
    struct held *held = held_at(table, index_1);
    free_blocks(table, held);
    held->first = NULL;
    held->used = false;
    held->newer = table->free_held;
    table->free_held = index_1;
}

/* --- handing on --- */

static void replay_frame(struct tracker *tracker, struct flow *flow, const struct kept *kept,
                         const uint8_t *bytes)
{
    const struct frame frame = {
        .data = bytes,
        .caplen = kept->caplen,
        .len = kept->len,
        .time_ns = kept->time_ns,
        .number = kept->number,
        .link_type = GLANCE_LINK_TYPE,
        .interface = kept->interface,
    };
    struct fast_packet packet;
    fast_path_look(tracker, &frame, &packet);
    packet.flow = flow;
    packet.replayed = true;
    tracker->held->replay(tracker->held->context, &frame, &packet);
}

static void read_bytes(struct held_table *table, struct place *place, uint8_t *bytes, size_t count)
{
    for (size_t now; count; bytes += now, count -= now) {
        if (!place_room(place))
            next_block(table, place, false);
        now = count < place_room(place) ? count : place_room(place);
        memcpy(bytes, place->at, now);
        place->at += now;
    }
}

static void replay(struct tracker *tracker, struct flow *flow, const struct held *held)
{
    struct held_table *table = tracker->held;
    uint8_t bytes[FRAME_BYTES];
    if (!held->first) {
        replay_frame(tracker, flow, &held->syn.kept, held->syn.bytes);
        return;
    }
    for (struct place place = place_in(held->first); place.at != held->end.at;) {
        if (place_room(&place) < sizeof(struct kept))
            next_block(table, &place, false);
        const struct kept *kept = (const struct kept *)(const void *)place.at;
        const uint8_t *whole = (const uint8_t *)(kept + 1);
        place.at += sizeof *kept;
        if (place_room(&place) < kept->caplen) {
            read_bytes(table, &place, bytes, kept->caplen);
            place_advance(&place, 0);
            whole = bytes;
        } else {
            place_advance(&place, kept->caplen);
        }
        replay_frame(tracker, flow, kept, whole);
    }
}

uint32_t held_let_go_number(struct tracker *tracker, uint32_t number)
{
    struct held_table *table = tracker->held;
    if (!table || number <= HELD_BASE)
        return number;
    struct held *held = held_at(table, number - HELD_BASE);
    if (!held->used)
        return 0;
    struct flow *flow = held->flow;
    unlink_held(table, held);
    flow_set_attempt(flow, 0);
    table->handed_on = true;
    held->used = false; /* its own twin it is not */
    replay(tracker, flow, held);
    free_held(table, number - HELD_BASE);
    return flow->attempt;
}

void held_let_go(struct tracker *tracker, struct flow *flow)
{
    if (held_of(tracker, flow))
        held_let_go_number(tracker, flow->attempt);
}

/* --- beginning --- */

/* A packet that may be the same one behind a NAT of this box (attempt_find_twin): both are wanted
 * whole. */
static bool has_twin(struct tracker *tracker, uint32_t isn)
{
    uint32_t twin = attempts_latest_with(tracker, isn);
    return twin && held_let_go_number(tracker, twin);
}

void held_evict(struct tracker *tracker, struct flow *flow)
{
    struct held_table *table = tracker->held;
    struct held *held = held_of(tracker, flow);
    if (!held)
        return;
    if (held->first) {
        held_let_go(tracker, flow);
        return;
    }
    uint32_t index_1 = flow->attempt - HELD_BASE;
    flow_set_attempt(flow, 0);
    unlink_held(table, held);
    free_held(table, index_1);
    tracker->counters.attempts_evicted++;
}

static void make_room(struct tracker *tracker)
{
    const struct held *oldest = held_at(tracker->held, tracker->held->oldest);
    held_evict(tracker, oldest->flow);
}

/* Where certificates are pinned, every one is looked at, however well its connection goes. */
static bool may_hold(const struct tracker *tracker, uint16_t port)
{
    const struct service *service = profiles_service(tracker->options.profiles, PROTO_TCP, port);
    return service && !service->profile->pin_count;
}

bool held_may_begin(struct tracker *tracker, const struct segment *segment,
                    const struct frame *frame)
{
    return tracker->held && tracker->attempt_count >= tracker->options.first_whole &&
           segment->flags == TCP_SYN && !segment->payload_length && frame->caplen <= SYN_BYTES &&
           segment->hop_limit > PROBE_HOP_LIMIT_MAX && !probes_any(tracker->probes) &&
           may_hold(tracker, segment->destination_port) && !has_twin(tracker, segment->sequence);
}

/* Most frames are held as far as their headers go: as two halves of a fixed size that may overlap,
 * which is less work than to ask how many bytes there are. */
static void copy_headers(uint8_t *to, const uint8_t *from, uint32_t count)
{
    enum { HALF = 64 };
    if (count < HALF || count > 2 * HALF) {
        memcpy(to, from, count);
        return;
    }
    memcpy(to, from, HALF);
    memcpy(to + count - HALF, from + count - HALF, HALF);
}

void held_begins(struct tracker *tracker, const struct fast_packet *packet,
                 const struct segment *segment, const struct frame *frame)
{
    struct held_table *table = tracker->held;
    if (table->count == table->cap)
        make_room(tracker);
    const struct service *service =
        profiles_service(tracker->options.profiles, PROTO_TCP, segment->destination_port);
    uint32_t index_1 = new_held(table);
    struct held *held = held_at(table, index_1);
    held->flow = packet->flow;
    held->first = NULL;
    held->used = true;
    held->isn = segment->sequence;
    held->service = profiles_service_index(tracker->options.profiles, service);
    held->syn.kept = (struct kept){segment->frame, frame->time_ns, frame->len,
                                   (uint16_t)frame->caplen, frame->interface};
    copy_headers(held->syn.bytes, frame->data, frame->caplen);
    flow_set_attempt(packet->flow, HELD_BASE + index_1);
    attempts_note_latest(tracker, segment->sequence, HELD_BASE + index_1);
}

/* --- going on --- */

/* Field by field: GCC 12 puts a whole struct together on the stack, and to read that at once waits
 * until all that was written before has reached the cache. */
static void write_head(struct place *place, const struct frame *frame, uint64_t number,
                       uint32_t caplen)
{
    struct kept *kept = (struct kept *)(void *)place->at;
    kept->number = number;
    kept->time_ns = frame->time_ns;
    kept->len = frame->len;
    kept->caplen = (uint16_t)caplen;
    kept->interface = frame->interface;
    place->at += sizeof *kept;
}

static bool write_bytes(struct held_table *table, struct place *place, const uint8_t *bytes,
                        size_t count)
{
    for (size_t now; count; bytes += now, count -= now) {
        if (!place_room(place) && !next_block(table, place, true))
            return false;
        now = count < place_room(place) ? count : place_room(place);
        memcpy(place->at, bytes, now);
        place->at += now;
    }
    place_advance(place, 0);
    return true;
}

/* A frame that goes on in the next block. */
static __attribute__((noinline)) bool keep_split(struct held_table *table, struct held *held,
                                                 const struct frame *frame, uint64_t number,
                                                 uint32_t caplen)
{
    struct place end = held->end;
    if (place_room(&end) < sizeof(struct kept) && !next_block(table, &end, true))
        return false;
    write_head(&end, frame, number, caplen);
    if (!write_bytes(table, &end, frame->data, caplen))
        return false;
    held->end = end;
    return true;
}

static bool keep_frame(struct held_table *table, struct held *held, const struct frame *frame,
                       uint64_t number, uint32_t caplen)
{
    struct place *end = &held->end;
    if (place_room(end) < sizeof(struct kept) + caplen)
        return keep_split(table, held, frame, number, caplen);
    write_head(end, frame, number, caplen);
    copy_headers(end->at, frame->data, caplen);
    place_advance(end, caplen);
    return true;
}

/* Both sides have closed, or are about to: all that was to be said was said. */
static bool may_close(const struct tracker *tracker, const struct course *course, enum side side,
                      const struct segment *segment)
{
    return !(segment->flags & TCP_FIN) || !course->side[!side].closed ||
           (course->side[INITIATOR].tls.ciphered && course->side[RESPONDER].tls.ciphered &&
            !finished_full(tracker->finished));
}

static void note_times(const struct tracker *tracker, const struct flow *flow,
                       const struct course *course)
{
    struct host *client =
        host_table_numbered(tracker->hosts, flow_host(flow, flow_end(flow, INITIATOR)));
    struct host *server =
        host_table_numbered(tracker->hosts, flow_host(flow, flow_end(flow, RESPONDER)));
    if (client && course->confirm_us < client->confirm_min_us)
        client->confirm_min_us = course->confirm_us;
    if (server && course->answer_us < server->answer_min_us)
        server->answer_min_us = course->answer_us;
}

static void finish(struct tracker *tracker, struct held *held)
{
    struct held_table *table = tracker->held;
    struct flow *flow = held->flow;
    const struct course *course = &held->course;
    const struct kept *syn = syn_of(held);
    const uint8_t *mac = (const uint8_t *)(syn + 1) + GLANCE_SOURCE_MAC;
    struct finished finished = {
        .key = flow_key_of(flow),
        .initiator_is_high = (flow->bits & FLOW_INITIATOR_IS_HIGH) != 0,
        .service = held->service,
        .hop_limit = flow_rest_seen(flow).hop_limit[INITIATOR],
        .has_mac = true,
        .begun_ns = syn->time_ns,
        .last_ns = course->last_ns,
        .first_frame = syn->number,
        .idle_survived_ns = course->idle_survived_ns,
        .idle_survived_frame = course->idle_survived_frame,
    };
    memcpy(finished.mac, mac, sizeof finished.mac);
    finished_put(tracker->finished, &finished);
    note_times(tracker, flow, course);
    unlink_held(table, held);
    free_held(table, flow->attempt - HELD_BASE);
    flow_set_attempt(flow, 0);
    flow->bits |= FLOW_UNWATCHED;
}

/* The SYN-ACK makes it a connection with a course. */
static bool opens(struct held_table *table, struct held *held, enum side side,
                  const struct segment *segment)
{
    held->first = new_block(table);
    if (!held->first)
        return false;
    const int64_t syn_ns = held->syn.kept.time_ns;
    const size_t syn_bytes = sizeof held->syn.kept + held->syn.kept.caplen;
    held->end = place_in(held->first);
    memcpy(held->end.at, &held->syn, sizeof held->syn); /* all of it: that is no call */
    place_advance(&held->end, syn_bytes);
    held->frames = 0;
    return course_opens(&held->course, held->isn, syn_ns, side, segment);
}

bool held_goes_on(struct tracker *tracker, struct held *held, const struct fast_packet *packet,
                  const struct segment *segment, const struct frame *frame)
{
    struct held_table *table = tracker->held;
    enum side side = flow_side(packet->flow, packet->from_high);
    const uint8_t *tcp = packet->seen.transport;
    uint32_t headers = (uint32_t)(tcp - frame->data) + (uint32_t)(tcp[12] >> 4) * 4;
    if (headers > frame->caplen)
        return false;
    if (!held->first)
        return opens(table, held, side, segment) &&
               keep_frame(table, held, frame, segment->frame, headers);
    struct course *course = &held->course;
    if (held->frames == FRAMES_MAX_HELD || frame->caplen > FRAME_BYTES ||
        !course_is_next(course, side, segment) || !may_close(tracker, course, side, segment))
        return false;
    struct tls_course *tls = &course->side[side].tls;
    uint32_t caplen = headers;
    if (segment->payload_length && !tls->ciphered) {
        caplen += segment->payload_length;
        if (caplen > frame->caplen ||
            !tls_goes_on(tls, frame->data + headers, segment->payload_length))
            return false;
    }
    if (!keep_frame(table, held, frame, segment->frame, caplen))
        return false;
    held->frames++;
    course_advance(course, side, segment);
    return true;
}

void held_close(struct tracker *tracker, struct held *held)
{
    if (held->first && course_is_over(&held->course))
        finish(tracker, held);
}

/* --- the end --- */

/* How often one client asked one service in vain; keys are hashes, a clash makes it more. */
struct askers {
    struct asker {
        uint32_t who;
        uint32_t times;
    } * slots;
    size_t mask;
};

static struct asker *asker_of(const struct askers *askers, const struct flow_key *key,
                              bool initiator_is_high)
{
    uint64_t ends =
        (uint64_t)key->address[initiator_is_high] << 32 | key->address[!initiator_is_high];
    uint32_t who =
        (uint32_t)hash_two(1, ends, (uint64_t)key->port[!initiator_is_high] << 1 | key->v6) | 1;
    size_t slot = (who >> 1) & askers->mask;
    while (askers->slots[slot].who && askers->slots[slot].who != who)
        slot = (slot + 1) & askers->mask;
    askers->slots[slot].who = who;
    return &askers->slots[slot];
}

static struct asker *asker_of_held(const struct askers *askers, const struct held *held)
{
    const struct flow_key key = flow_key_of(held->flow);
    return asker_of(askers, &key, (held->flow->bits & FLOW_INITIATOR_IS_HIGH) != 0);
}

static struct askers count_askers(const struct tracker *tracker)
{
    const struct held_table *table = tracker->held;
    struct askers askers = {.mask = 1023};
    while (askers.mask < (table->count + tracker->attempt_count) * 4 / 3)
        askers.mask = askers.mask * 2 + 1;
    askers.slots = memory_zeroed(askers.mask + 1, sizeof *askers.slots);
    for (uint32_t i = table->oldest; i; i = held_at(table, i)->newer)
        asker_of_held(&askers, held_at(table, i))->times++;
    size_t position = 0;
    for (const struct attempt *whole; (whole = tracker_next_attempt(tracker, &position));)
        asker_of(&askers, &whole->key, whole->initiator_is_high)->times += SILENT_SAME_MIN;
    return askers;
}

static void in_order_again(struct tracker *tracker)
{
    if (tracker->held->handed_on)
        attempts_sort(tracker);
    tracker->held->handed_on = false;
}

/* Handing one on may hand on others, too: its twin (attempt_find_twin()). */
void tracker_let_go_before(struct tracker *tracker, int64_t begun_ns)
{
    struct held_table *table = tracker->held;
    if (!table)
        return;
    bool flood = table->count > SILENT_EASY;
    for (uint32_t index_1 = table->oldest; index_1;) {
        const struct held *held = held_at(table, index_1);
        uint32_t newer = held->newer;
        if (syn_of(held)->time_ns >= begun_ns)
            break;
        if (!flood || held->first)
            held_let_go_number(tracker, HELD_BASE + index_1);
        index_1 = newer && !held_at(table, newer)->used ? table->oldest : newer;
    }
    in_order_again(tracker);
}

uint64_t held_let_all_go(struct tracker *tracker)
{
    struct held_table *table = tracker->held;
    uint64_t forgotten = 0;
    if (!table)
        return 0;
    bool flood = table->count > SILENT_EASY;
    struct askers askers = flood ? count_askers(tracker) : (struct askers){0};
    while (table->oldest) {
        uint32_t index_1 = table->oldest;
        struct held *held = held_at(table, index_1);
        if (!flood || held->first || asker_of_held(&askers, held)->times >= SILENT_SAME_MIN) {
            held_let_go_number(tracker, HELD_BASE + index_1);
            continue;
        }
        flow_set_attempt(held->flow, 0);
        unlink_held(table, held);
        free_held(table, index_1);
        forgotten++;
    }
    free(askers.slots);
    in_order_again(tracker);
    return forgotten;
}
