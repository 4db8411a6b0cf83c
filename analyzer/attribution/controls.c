#include "analyzer/attribution/controls.h"

#include <stdlib.h>

#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"

enum {
    SKETCH_WORDS = 4,     /* 256 bits: linear counting is good to a few hundred distinct values */
    SILENT_AFTER_S = 3,   /* an unanswered flow younger than this has not failed yet */
};

struct sketch {
    uint64_t bits[SKETCH_WORDS];
};

/* One tally by its key: what control, and the hash of what it is about. */
struct entry {
    uint64_t key;         /* 0: free */
    struct control_tally tally;
    struct sketch targets, hosts, ports; /* CONTROL_ELSEWHERE: the client's habit */
    uint32_t answered;
};

struct controls {
    struct entry *entries;
    size_t mask, count;
    struct control_summary summary;
};

static const struct control_tally no_tally;

static uint64_t address_hash(const struct ip_address *address)
{
    return hash_two(0x51, address->halves[0], address->halves[1]);
}

static uint64_t key_of(enum control control, uint64_t a, uint64_t b, uint32_t c)
{
    uint64_t hash = hash_two((uint64_t)control * 0x9e3779b97f4a7c15u + 1, a, b ^ (uint64_t)c << 20);
    return hash ? hash : 1;
}

/* The ends of a flow or a failure, as controls see them. */
struct ends {
    uint64_t client, server; /* address_hash */
    uint16_t port;
    uint8_t proto;
};

static uint32_t service_bits(const struct ends *ends)
{
    return (uint32_t)ends->proto << 16 | ends->port;
}

/* What a tally of this control is about, for a failure or for a flow that may count for it. */
static uint64_t control_key(enum control control, const struct ends *ends)
{
    switch (control) {
    case CONTROL_OTHER_CLIENTS:
    case CONTROL_CLIENT_SERVES:
        return key_of(CONTROL_OTHER_CLIENTS, ends->server, 0, service_bits(ends));
    case CONTROL_SAME_SERVICE:
        return key_of(control, ends->client, ends->server, service_bits(ends));
    case CONTROL_OTHER_PORTS:
    case CONTROL_PING:
        return key_of(control, ends->client, ends->server, 0);
    case CONTROL_SAME_PORT:
        return key_of(control, ends->client, 0, service_bits(ends));
    case CONTROL_WEB:
    case CONTROL_ELSEWHERE:
        return key_of(control, ends->client, 0, 0);
    case CONTROL_SERVER_PORTS:
        return key_of(control, ends->server, 0, 0);
    case CONTROLS:
        break;
    }
    return 1;
}

/* What makes a flow "another" one for this control. */
static uint64_t control_who(enum control control, const struct ends *ends)
{
    switch (control) {
    case CONTROL_OTHER_CLIENTS:
    case CONTROL_CLIENT_SERVES:
        return ends->client;
    case CONTROL_OTHER_PORTS:
    case CONTROL_SERVER_PORTS:
        return service_bits(ends);
    case CONTROL_SAME_PORT:
    case CONTROL_WEB:
    case CONTROL_ELSEWHERE:
        return ends->server;
    case CONTROL_SAME_SERVICE:
    case CONTROL_PING:
    case CONTROLS:
        break;
    }
    return 0;
}

static bool control_takes(enum control control, const struct ends *ends)
{
    bool echo = ends->proto == 1;
    if (control == CONTROL_PING)
        return echo;
    if (control == CONTROL_WEB)
        return ends->proto == PROTO_TCP && (ends->port == 80 || ends->port == 443);
    if (control == CONTROL_ELSEWHERE)
        return true;
    return !echo && control != CONTROL_CLIENT_SERVES; /* that one reads OTHER_CLIENTS' tally */
}

static struct ends ends_of_failure(const struct failure *failure)
{
    return (struct ends){address_hash(&failure->client), address_hash(&failure->server),
                         failure->server_port, failure->proto};
}

static struct ends ends_as_server(const struct failure *failure)
{
    return (struct ends){0, address_hash(&failure->client), failure->server_port, failure->proto};
}

static struct entry *find_entry(const struct controls *controls, uint64_t key)
{
    size_t slot = key & controls->mask;
    while (controls->entries[slot].key && controls->entries[slot].key != key)
        slot = (slot + 1) & controls->mask;
    return &controls->entries[slot];
}

static void want(struct controls *controls, uint64_t key)
{
    struct entry *entry = find_entry(controls, key);
    controls->count += entry->key == 0;
    entry->key = key;
}

static void want_all(struct controls *controls, const struct failure *failures, size_t count)
{
    size_t slots = 64;
    while (slots < count * CONTROLS * 2)
        slots *= 2;
    controls->mask = slots - 1;
    controls->entries = memory_zeroed(slots, sizeof *controls->entries);
    for (size_t i = 0; i < count; i++) {
        struct ends ends = ends_of_failure(&failures[i]), serves = ends_as_server(&failures[i]);
        for (enum control control = 0; control < CONTROLS; control++)
            want(controls, control_key(control, control == CONTROL_CLIENT_SERVES ? &serves : &ends));
    }
}

static void sketch_add(struct sketch *sketch, uint64_t value)
{
    uint64_t hash = hash_mix(value, 0xa0761d6478bd642fu);
    sketch->bits[(hash >> 6) % SKETCH_WORDS] |= UINT64_C(1) << (hash & 63);
}

/* Counts bits; above half full it underestimates, which is far beyond any threshold. */
static uint32_t sketch_count(const struct sketch *sketch)
{
    uint32_t count = 0;
    for (int i = 0; i < SKETCH_WORDS; i++)
        count += (uint32_t)__builtin_popcountll(sketch->bits[i]);
    return count;
}

static void count_slot(struct control_slot slots[CONTROL_SLOTS], uint64_t who,
                       const struct flow *flow)
{
    for (int i = 0; i < CONTROL_SLOTS; i++) {
        struct control_slot *slot = &slots[i];
        if (slot->count && slot->who != who)
            continue;
        if (slot->count++ == 0) {
            slot->who = who;
            slot->first_ns = slot->last_ns = flow->first_ns;
        }
        if (flow->first_ns < slot->first_ns)
            slot->first_ns = flow->first_ns;
        if (flow->first_ns > slot->last_ns)
            slot->last_ns = flow->first_ns;
        if (slot->count <= 2) {
            frame_list_add(&slot->frames, flow->first_frame);
            frame_list_add(&slot->frames, flow->answer_frame);
        }
        return;
    }
}

enum flow_fate { FATE_OPEN, FATE_ANSWERED, FATE_FAILED };

static enum flow_fate fate_of(const struct flow *flow, int64_t now_ns)
{
    if (flow->proto == PROTO_TCP && (flow->bits & FLOW_REFUSED))
        return FATE_FAILED;
    if (flow->answer_frame || (flow->bits & FLOW_ESTABLISHED))
        return FATE_ANSWERED;
    if (flow->bits & FLOW_ICMP_ERROR)
        return FATE_FAILED;
    bool old = now_ns - flow->first_ns > SILENT_AFTER_S * INT64_C(1000000000);
    return old && flow->syn_count >= 2 ? FATE_FAILED : FATE_OPEN;
}

static void note_habit(struct entry *entry, const struct ends *ends, const struct flow *flow,
                       enum flow_fate fate)
{
    if (fate == FATE_ANSWERED && (flow->bits & FLOW_ESTABLISHED)) {
        entry->answered++;
        return;
    }
    sketch_add(&entry->targets, ends->server ^ (uint64_t)service_bits(ends) << 24);
    sketch_add(&entry->hosts, ends->server);
    sketch_add(&entry->ports, service_bits(ends));
}

static void count_flow(struct controls *controls, const struct ends *ends, const struct flow *flow,
                       enum flow_fate fate)
{
    for (enum control control = 0; control < CONTROLS; control++) {
        if (!control_takes(control, ends))
            continue;
        struct entry *entry = find_entry(controls, control_key(control, ends));
        if (!entry->key)
            continue;
        if (control == CONTROL_ELSEWHERE && flow->proto != 1)
            note_habit(entry, ends, flow, fate);
        if (fate == FATE_OPEN)
            continue;
        count_slot(fate == FATE_ANSWERED ? entry->tally.answered : entry->tally.failed,
                   control_who(control, ends), flow);
    }
}

static void summarise(struct controls *controls, const struct tracker *tracker,
                      const struct flow *flow, const struct ip_address address[2])
{
    controls->summary.flows++;
    for (int i = 0; i < 2; i++) {
        struct host *host = host_table_find(tracker_hosts(tracker), &address[i]);
        if (host)
            host->flows++;
    }
    bool more_than_syn = (flow->bits & (FLOW_ESTABLISHED | FLOW_SYNACK | FLOW_MIDSTREAM)) &&
                         !(flow->bits & FLOW_REFUSED);
    if (flow->proto != PROTO_TCP || !more_than_syn)
        return;
    uint16_t both = FLOW_FROM_INITIATOR | FLOW_FROM_RESPONDER;
    controls->summary.conversations++;
    controls->summary.one_sided += (flow->bits & both) != both;
}

struct controls *controls_gather(const struct tracker *tracker, const struct failure *failures,
                                 size_t failure_count, int64_t now_ns)
{
    struct controls *controls = memory_zeroed(1, sizeof *controls);
    want_all(controls, failures, failure_count);
    struct host_table *hosts = tracker_hosts(tracker);
    for (size_t i = 0; i < host_table_count(hosts); i++)
        host_table_at(hosts, i)->flows = 0;

    size_t position = 0;
    for (const struct flow *flow; (flow = flow_table_next(tracker_flows(tracker), &position));) {
        struct ip_address address[2];
        uint16_t port[2];
        tracker_flow_ends(tracker, flow, address, port);
        summarise(controls, tracker, flow, address);
        const struct attempt *attempt = tracker_attempt(tracker, flow->attempt);
        if (attempt && (attempt->bits & ATTEMPT_IS_INNER))
            continue; /* the same attempt behind a NAT is no other client or server */
        struct ends ends = {address_hash(&address[INITIATOR]), address_hash(&address[RESPONDER]),
                            port[RESPONDER], flow->proto};
        count_flow(controls, &ends, flow, fate_of(flow, now_ns));
    }
    return controls;
}

void controls_free(struct controls *controls)
{
    if (!controls)
        return;
    free(controls->entries);
    free(controls);
}

const struct control_tally *controls_tally(const struct controls *controls, enum control control,
                                           const struct failure *failure)
{
    struct ends ends = control == CONTROL_CLIENT_SERVES ? ends_as_server(failure)
                                                        : ends_of_failure(failure);
    const struct entry *entry = find_entry(controls, control_key(control, &ends));
    return entry->key ? &entry->tally : &no_tally;
}

bool controls_is_other(enum control control, const struct failure *failure, uint64_t who)
{
    if (control == CONTROL_SAME_SERVICE || control == CONTROL_PING ||
        control == CONTROL_CLIENT_SERVES)
        return true;
    struct ends ends = ends_of_failure(failure);
    return who != control_who(control, &ends);
}

struct client_habit controls_habit(const struct controls *controls, const struct failure *failure)
{
    struct ends ends = ends_of_failure(failure);
    const struct entry *entry = find_entry(controls, control_key(CONTROL_ELSEWHERE, &ends));
    return (struct client_habit){sketch_count(&entry->targets), sketch_count(&entry->hosts),
                                 sketch_count(&entry->ports), entry->answered};
}

const struct control_summary *controls_summary(const struct controls *controls)
{
    return &controls->summary;
}
