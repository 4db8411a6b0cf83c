#include "analyzer/flow/held.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/flow/tracker_internal.h"
#include "analyzer/memory.h"
#include "analyzer/words.h"

enum {
    SYN_BYTES = 120,      /* Ethernet, VLAN, IPv6 and the longest TCP header fit */
    FRAME_BYTES = 1600,   /* longer ones were captured before segmentation */
    BLOCK_BYTES = 2040,   /* for frames, one after the other, none over two blocks */
    BLOCK_SLAB = 1024,    /* blocks: 2 MiB */
    BLOCKS_MAX = 1 << 15, /* 64 MB */
    CACHE_LINE = 64,
    FRAMES_MAX_HELD = 64, /* beyond, it is a transfer, and has room for a record */
    HELD_SLAB = 1 << 13,
    SILENT_EASY = 4096,  /* single SYNs that are handed on at the end, whatever they are ... */
    SILENT_SAME_MIN = 3, /* ... and of more those of one client that asks again and again */
    RECORD_HEADER = 5,   /* RFC 8446 5.1, as what follows */
    CHANGE_CIPHER_SPEC = 20,
    HANDSHAKE = 22,
    APPLICATION_DATA = 23,
    ALERT_LENGTH_MAX = 19, /* RFC 8446 5.2: a first record that is longer is no hidden alert */
};

/* A frame as it is held, its bytes behind it. */
struct kept {
    uint64_t number;
    int64_t time_ns;
    uint32_t len;
    uint16_t caplen, interface;
};

/* A connection: its SYN, and as soon as there is more, a course. */
struct held {
    struct flow_key key;
    uint32_t older, newer; /* index + 1 */
    uint32_t course;       /* block index + 1; 0: a SYN and nothing else */
    uint32_t last_block;   /* block index + 1 */
    uint32_t last_used;    /* bytes of it */
    uint32_t isn;
    uint8_t service;
    bool used;
    struct kept syn;
    uint8_t syn_bytes[SYN_BYTES];
};

struct block {
    uint32_t next; /* index + 1 */
    uint32_t used;
    uint8_t bytes[BLOCK_BYTES];
};

/* How far one side has come. */
struct course_side {
    uint32_t next;         /* sequence number of what it sends next */
    uint32_t acknowledged; /* what it last acknowledged */
    uint32_t record_left;  /* TLS: bytes to the next record */
    bool begun, ciphered;  /* TLS: the first record was there; the first of application data */
    bool closed;           /* FIN */
    int64_t idle_ns;       /* silence before what it waits to be acknowledged; 0: none */
    uint64_t idle_frame;
};

/* Stands at the beginning of a connection's first block. */
struct course {
    struct course_side side[2];
    int64_t last_ns, synack_ns;
    int64_t idle_survived_ns; /* as of struct attempt */
    uint64_t idle_survived_frame;
    int64_t data_ns;                /* the client's newest data: when ... */
    uint32_t data_end;              /* ... and the sequence number behind it */
    uint32_t answer_us, confirm_us; /* as of struct host */
    uint32_t frames;
    bool has_data, confirmed;
};

struct held_table {
    struct held **slabs;
    size_t made, cap, count;
    struct block **blocks;
    size_t blocks_made;
    uint32_t free_held, free_block; /* index + 1, linked by `newer` and `next` */
    uint32_t oldest, newest;        /* index + 1 */
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

static struct block *block_at(const struct held_table *table, uint32_t index_1)
{
    return &table->blocks[(index_1 - 1) / BLOCK_SLAB][(index_1 - 1) % BLOCK_SLAB];
}

static struct course *course_of(const struct held_table *table, const struct held *held)
{
    return (struct course *)(void *)block_at(table, held->course)->bytes;
}

bool held_has(const struct tracker *tracker, const struct flow *flow)
{
    return flow->attempt > HELD_BASE && tracker->held;
}

void held_fetch(const struct tracker *tracker, uint32_t number)
{
    const struct held *held = held_at(tracker->held, number - HELD_BASE);
    __builtin_prefetch(held, 1);
}

void held_fetch_more(const struct tracker *tracker, uint32_t number)
{
    const struct held_table *table = tracker->held;
    const struct held *held = held_at(table, number - HELD_BASE);
    if (!held->course)
        return;
    const uint8_t *course = block_at(table, held->course)->bytes;
    const uint8_t *end = block_at(table, held->last_block)->bytes + held->last_used;
    for (size_t at = 0; at < sizeof(struct course); at += CACHE_LINE)
        __builtin_prefetch(course + at, 1);
    for (size_t at = 0; at < 2 * CACHE_LINE; at += CACHE_LINE)
        __builtin_prefetch(end + at, 1);
}

/* --- room --- */

static uint32_t new_block(struct held_table *table)
{
    uint32_t index_1 = table->free_block;
    if (index_1) {
        table->free_block = block_at(table, index_1)->next;
    } else {
        if (table->blocks_made == BLOCKS_MAX)
            return 0;
        if (table->blocks_made % BLOCK_SLAB == 0) {
            size_t slabs = table->blocks_made / BLOCK_SLAB + 1;
            table->blocks = memory_resize(table->blocks, slabs, sizeof *table->blocks);
            table->blocks[slabs - 1] = memory_table(BLOCK_SLAB, sizeof(struct block));
        }
        index_1 = (uint32_t)++table->blocks_made;
    }
    struct block *block = block_at(table, index_1);
    block->next = block->used = 0;
    return index_1;
}

static void free_blocks(struct held_table *table, uint32_t index_1)
{
    while (index_1) {
        struct block *block = block_at(table, index_1);
        uint32_t next = block->next;
        block->next = table->free_block;
        table->free_block = index_1;
        index_1 = next;
    }
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
            table->slabs[slabs - 1] = memory_table(HELD_SLAB, sizeof(struct held));
        }
        index_1 = (uint32_t)++table->made;
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
    free_blocks(table, held->course);
    held->course = 0;
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

static void replay(struct tracker *tracker, struct flow *flow, const struct held *held)
{
    struct held_table *table = tracker->held;
    size_t at = sizeof(struct course);
    if (held->course)
        block_at(table, held->last_block)->used = held->last_used;
    replay_frame(tracker, flow, &held->syn, held->syn_bytes);
    for (uint32_t index_1 = held->course; index_1; at = 0) {
        const struct block *block = block_at(table, index_1);
        while (at < block->used) {
            struct kept kept;
            memcpy(&kept, block->bytes + at, sizeof kept);
            replay_frame(tracker, flow, &kept, block->bytes + at + sizeof kept);
            at += sizeof kept + kept.caplen;
        }
        index_1 = block->next;
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
    struct flow *flow = flow_table_find(tracker->flows, &held->key);
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
    if (held_has(tracker, flow))
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
    if (!held_has(tracker, flow))
        return;
    struct held_table *table = tracker->held;
    uint32_t index_1 = flow->attempt - HELD_BASE;
    struct held *held = held_at(table, index_1);
    if (held->course) {
        held_let_go(tracker, flow);
        return;
    }
    flow_set_attempt(flow, 0);
    unlink_held(table, held);
    free_held(table, index_1);
    tracker->counters.attempts_evicted++;
}

static void make_room(struct tracker *tracker)
{
    const struct held *oldest = held_at(tracker->held, tracker->held->oldest);
    held_evict(tracker, flow_table_find(tracker->flows, &oldest->key));
}

/* Where certificates are pinned, every one is looked at, however well its connection goes. */
static bool may_hold(const struct tracker *tracker, uint16_t port)
{
    const struct service *service = profiles_service(tracker->options.profiles, PROTO_TCP, port);
    return service && !service->profile->pin_count;
}

bool held_may_begin(struct tracker *tracker, const struct fast_packet *packet,
                    const struct frame *frame)
{
    const struct glance *seen = &packet->seen;
    return tracker->held && tracker->attempt_count >= tracker->options.first_whole &&
           seen->tcp_flags == TCP_SYN && !seen->payload_length && frame->caplen <= SYN_BYTES &&
           seen->hop_limit > PROBE_HOP_LIMIT_MAX && !probes_any(tracker->probes) &&
           may_hold(tracker, seen->destination_port) &&
           !has_twin(tracker, bytes_u32(seen->transport + 4));
}

void held_begins(struct tracker *tracker, const struct fast_packet *packet,
                 const struct frame *frame, uint64_t number)
{
    struct held_table *table = tracker->held;
    const struct glance *seen = &packet->seen;
    uint32_t isn = bytes_u32(seen->transport + 4);
    if (table->count == table->cap)
        make_room(tracker);
    const struct service *service =
        profiles_service(tracker->options.profiles, PROTO_TCP, seen->destination_port);
    uint32_t index_1 = new_held(table);
    struct held *held = held_at(table, index_1);
    held->key = packet->key;
    held->course = 0;
    held->used = true;
    held->isn = isn;
    held->service = profiles_service_index(tracker->options.profiles, service);
    held->syn = (struct kept){number, frame->time_ns, frame->len, (uint16_t)frame->caplen,
                              frame->interface};
    memcpy(held->syn_bytes, frame->data, frame->caplen);
    flow_set_attempt(packet->flow, HELD_BASE + index_1);
    attempts_note_latest(tracker, isn, HELD_BASE + index_1);
}

/* --- going on --- */

/* One packet, as far as the course of its connection is about it. */
struct step {
    enum side side;
    uint32_t sequence, acknowledgment, length;
    uint8_t flags;
    uint32_t header; /* bytes of the frame before the payload */
    bool whole;      /* its payload was captured to the end */
    int64_t time_ns;
    uint64_t frame;
};

static struct step step_of(const struct fast_packet *packet, const struct frame *frame,
                           uint64_t number)
{
    const struct glance *seen = &packet->seen;
    const uint8_t *h = seen->transport;
    uint32_t header = (uint32_t)(h - frame->data) + (uint32_t)(h[12] >> 4) * 4;
    return (struct step){
        .side = flow_side(packet->flow, packet->from_high),
        .sequence = bytes_u32(h + 4),
        .acknowledgment = bytes_u32(h + 8),
        .length = seen->payload_length,
        .flags = seen->tcp_flags,
        .header = header,
        .whole = header + seen->payload_length <= frame->caplen,
        .time_ns = frame->time_ns,
        .frame = number,
    };
}

/* Nothing is missing, sent again, out of order, or asked to wait. A segment that neither carries
 * anything nor acknowledges more may be a copy of another. */
static bool in_order(const struct course *course, const struct step *step, uint16_t window)
{
    const struct course_side *own = &course->side[step->side];
    const struct course_side *other = &course->side[!step->side];
    uint32_t more = step->acknowledgment - own->acknowledged;
    bool says = step->length || (step->flags & TCP_FIN);
    return (step->flags & TCP_ACK) && !(step->flags & ~(TCP_ACK | TCP_PSH | TCP_FIN)) && window &&
           step->sequence == own->next && !(own->closed && says) && (says || more) &&
           more <= other->next - own->acknowledged;
}

/* Reads the headers of the TLS records in a payload, up to the first of application data. False:
 * something else, an alert for instance, or a header over two segments. */
static bool tls_in_order(struct course_side *own, const uint8_t *payload, uint32_t length)
{
    uint32_t at = own->record_left;
    while (at < length) {
        const uint8_t *record = payload + at;
        if (length - at < RECORD_HEADER || record[1] != 3)
            return false;
        uint32_t content = bytes_u16(record + 3);
        if (!own->begun && record[0] != HANDSHAKE)
            return false;
        own->begun = true;
        if (record[0] == APPLICATION_DATA) {
            own->ciphered = true;
            return content > ALERT_LENGTH_MAX;
        }
        if (record[0] != HANDSHAKE && record[0] != CHANGE_CIPHER_SPEC)
            return false;
        at += RECORD_HEADER + content;
    }
    own->record_left = at - length;
    return true;
}

static bool keep_frame(struct held_table *table, struct held *held, const struct frame *frame,
                       const struct step *step, uint32_t caplen)
{
    const struct kept kept = {step->frame, step->time_ns, frame->len, (uint16_t)caplen,
                              frame->interface};
    if (held->last_used + sizeof kept + caplen > BLOCK_BYTES) {
        uint32_t index_1 = new_block(table);
        if (!index_1)
            return false;
        struct block *full = block_at(table, held->last_block);
        full->used = held->last_used;
        full->next = index_1;
        held->last_block = index_1;
        held->last_used = 0;
    }
    uint8_t *to = block_at(table, held->last_block)->bytes + held->last_used;
    memcpy(to, &kept, sizeof kept);
    memcpy(to + sizeof kept, frame->data, caplen);
    held->last_used += (uint32_t)sizeof kept + caplen;
    return true;
}

static void least(uint32_t *us, int64_t from_ns, int64_t to_ns)
{
    int64_t took_us = (to_ns - from_ns) / 1000;
    if (took_us >= 0 && took_us < *us)
        *us = (uint32_t)took_us;
}

/* What tcp.c's acknowledge() and attempt_data() keep of it that a finished connection is told by.
 */
static void advance(struct course *course, const struct step *step)
{
    struct course_side *own = &course->side[step->side], *other = &course->side[!step->side];
    if (step->acknowledgment != own->acknowledged) {
        if (other->idle_ns > course->idle_survived_ns) {
            course->idle_survived_ns = other->idle_ns;
            course->idle_survived_frame = other->idle_frame;
        }
        other->idle_ns = 0;
        if (step->side == RESPONDER && course->has_data && step->acknowledgment == course->data_end)
            least(&course->answer_us, course->data_ns, step->time_ns);
    }
    if (step->side == INITIATOR && !course->confirmed) {
        course->confirmed = true;
        least(&course->confirm_us, course->synack_ns, step->time_ns);
    }
    bool fin = step->flags & TCP_FIN;
    if ((step->length || fin) && own->next == other->acknowledged) {
        own->idle_ns = step->time_ns - course->last_ns;
        own->idle_frame = step->frame;
    }
    own->acknowledged = step->acknowledgment;
    own->next += step->length + fin;
    own->closed |= fin;
    if (step->side == INITIATOR && step->length) {
        course->has_data = true;
        course->data_ns = step->time_ns;
        course->data_end = step->sequence + step->length;
    }
    if (step->time_ns > course->last_ns)
        course->last_ns = step->time_ns;
}

static bool is_over(const struct course *course)
{
    const struct course_side *one = &course->side[INITIATOR], *two = &course->side[RESPONDER];
    return one->closed && two->closed && one->acknowledged == two->next &&
           two->acknowledged == one->next;
}

/* Both sides have closed, or are about to: all that was to be said was said. */
static bool may_close(const struct tracker *tracker, const struct course *course,
                      const struct step *step)
{
    return !(step->flags & TCP_FIN) || !course->side[!step->side].closed ||
           (course->side[INITIATOR].ciphered && course->side[RESPONDER].ciphered &&
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

static void finish(struct tracker *tracker, struct flow *flow)
{
    struct held_table *table = tracker->held;
    uint32_t index_1 = flow->attempt - HELD_BASE;
    struct held *held = held_at(table, index_1);
    const struct course *course = course_of(table, held);
    struct glance syn;
    if (!packet_glance(GLANCE_LINK_TYPE, held->syn_bytes, held->syn.caplen, held->syn.len, &syn))
        return; /* it was one when it came */
    struct finished finished = {
        .key = held->key,
        .initiator_is_high = (flow->bits & FLOW_INITIATOR_IS_HIGH) != 0,
        .service = held->service,
        .hop_limit = syn.hop_limit,
        .has_mac = true,
        .begun_ns = held->syn.time_ns,
        .last_ns = course->last_ns,
        .first_frame = held->syn.number,
        .idle_survived_ns = course->idle_survived_ns,
        .idle_survived_frame = course->idle_survived_frame,
    };
    memcpy(finished.mac, syn.macs + 6, sizeof finished.mac);
    finished_put(tracker->finished, &finished);
    note_times(tracker, flow, course);
    unlink_held(table, held);
    free_held(table, index_1);
    flow_set_attempt(flow, 0);
    flow->bits |= FLOW_UNWATCHED;
}

/* The SYN-ACK makes it a connection with a course. */
static bool opens(struct tracker *tracker, struct held *held, const struct step *step)
{
    struct held_table *table = tracker->held;
    if (step->side != RESPONDER || step->flags != (TCP_SYN | TCP_ACK) || step->length ||
        step->acknowledgment != held->isn + 1)
        return false;
    held->course = new_block(table);
    if (!held->course)
        return false;
    held->last_block = held->course;
    held->last_used = sizeof(struct course);
    *course_of(table, held) = (struct course){
        .side = {[INITIATOR] = {.next = held->isn + 1, .acknowledged = step->sequence},
                 [RESPONDER] = {.next = step->sequence + 1, .acknowledged = held->isn + 1}},
        .last_ns = step->time_ns > held->syn.time_ns ? step->time_ns : held->syn.time_ns,
        .synack_ns = step->time_ns,
        .answer_us = HOST_NO_TIME,
        .confirm_us = HOST_NO_TIME,
    };
    least(&course_of(table, held)->answer_us, held->syn.time_ns, step->time_ns);
    return true;
}

bool held_goes_on(struct tracker *tracker, const struct fast_packet *packet,
                  const struct frame *frame, uint64_t number)
{
    struct held_table *table = tracker->held;
    struct held *held = held_at(table, packet->flow->attempt - HELD_BASE);
    const struct step step = step_of(packet, frame, number);
    if (step.header > frame->caplen)
        return false;
    if (!held->course)
        return opens(tracker, held, &step) && keep_frame(table, held, frame, &step, step.header);
    struct course *course = course_of(table, held);
    struct course_side *own = &course->side[step.side];
    uint32_t caplen = step.header;
    if (course->frames == FRAMES_MAX_HELD || frame->caplen > FRAME_BYTES ||
        !in_order(course, &step, bytes_u16(packet->seen.transport + 14)) ||
        !may_close(tracker, course, &step))
        return false;
    if (step.length && !own->ciphered) {
        caplen += step.length;
        if (!step.whole || !tls_in_order(own, frame->data + step.header, step.length))
            return false;
    }
    if (!keep_frame(table, held, frame, &step, caplen))
        return false;
    course->frames++;
    advance(course, &step);
    return true;
}

void held_close(struct tracker *tracker, struct flow *flow)
{
    const struct held *held = held_at(tracker->held, flow->attempt - HELD_BASE);
    if (held->course && is_over(course_of(tracker->held, held)))
        finish(tracker, flow);
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

static bool asked_high(const struct tracker *tracker, const struct held *held)
{
    const struct flow *flow = flow_table_find(tracker->flows, &held->key);
    return (flow->bits & FLOW_INITIATOR_IS_HIGH) != 0;
}

static struct askers count_askers(const struct tracker *tracker)
{
    const struct held_table *table = tracker->held;
    struct askers askers = {.mask = 1023};
    while (askers.mask < (table->count + tracker->attempt_count) * 4 / 3)
        askers.mask = askers.mask * 2 + 1;
    askers.slots = memory_zeroed(askers.mask + 1, sizeof *askers.slots);
    for (uint32_t i = table->oldest; i; i = held_at(table, i)->newer)
        asker_of(&askers, &held_at(table, i)->key, asked_high(tracker, held_at(table, i)))->times++;
    size_t position = 0;
    for (const struct attempt *whole; (whole = tracker_next_attempt(tracker, &position));)
        asker_of(&askers, &whole->key, whole->initiator_is_high)->times += SILENT_SAME_MIN;
    return askers;
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
        if (!flood || held->course ||
            asker_of(&askers, &held->key, asked_high(tracker, held))->times >= SILENT_SAME_MIN) {
            held_let_go_number(tracker, HELD_BASE + index_1);
            continue;
        }
        flow_set_attempt(flow_table_find(tracker->flows, &held->key), 0);
        unlink_held(table, held);
        free_held(table, index_1);
        forgotten++;
    }
    free(askers.slots);
    if (table->handed_on)
        attempts_sort(tracker);
    table->handed_on = false;
    return forgotten;
}
