#include "analyzer/attribution/controls.h"

#include <stdlib.h>

#include "analyzer/attribution/concern.h"
#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"

enum {
    SKETCH_WORDS = 4,   /* 256 bits: linear counting is good to a few hundred distinct values */
    SILENT_AFTER_S = 3, /* an unanswered flow younger than this has not failed yet */
};

struct sketch {
    uint64_t bits[SKETCH_WORDS];
};

/* CONTROL_ELSEWHERE: how the client behaves. */
struct habit {
    struct sketch targets, hosts, ports;
    uint32_t answered;
};

/* One tally by its key: what control, and the hash of what it is about. There are several for each
 * failure and most stay empty, so what they hold is kept beside them. */
struct entry {
    uint64_t key;              /* 0: free */
    uint32_t answered, failed; /* index + 1 of the first slot of a chain; 0: none */
    uint32_t habit;            /* index + 1; 0: none */
};

struct chained_slot {
    struct control_slot slot;
    uint32_t next; /* index + 1; 0: the last */
};

/* The ends of a flow or a failure, as controls see them. */
struct ends {
    uint64_t client, server; /* address_hash */
    uint16_t port;
    uint8_t proto;
};

enum flow_fate { FATE_OPEN, FATE_ANSWERED, FATE_FAILED };

/* A flow that may be some failure's control. Their entries are not in the cache: they are asked for
 * when the flow comes, and looked at some flows later. */
struct candidate {
    const struct flow *flow;
    struct ends ends;
    enum flow_fate fate;
    uint64_t habit_key;     /* these: 0 where it is none */
    uint64_t key[CONTROLS]; /* that settled flows count for */
};

enum { CANDIDATES = 16 };

/* What host_table_find() said of an address; NULL: unknown. */
struct asked_host {
    struct ip_address address;
    struct host *host;
};

struct controls {
    struct concern clients, servers; /* of the failures; a failure's client may serve as well */
    struct concern all_clients;      /* also of failures that only ask for habits */
    struct entry *entries;
    size_t mask;
    struct chained_slot *slots;
    size_t slot_count, slot_room;
    struct habit *habits;
    size_t habit_count, habit_room;
    struct asked_host asked[2][2]; /* by IP version and enum side */
    struct candidate candidates[CANDIDATES];
    size_t candidate_count;
    struct control_summary summary;
};

/* What is asked of every flow stands in the loop over all of them, once for each IP version. */
#define ALWAYS static inline __attribute__((always_inline))

ALWAYS uint64_t address_hash(const struct ip_address *address)
{
    return hash_two(0x51, address->halves[0], address->halves[1]);
}

static uint64_t key_of(enum control control, uint64_t a, uint64_t b, uint32_t c)
{
    uint64_t hash = hash_two((uint64_t)control * 0x9e3779b97f4a7c15u + 1, a, b ^ (uint64_t)c << 20);
    return hash ? hash : 1;
}

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
    find_entry(controls, key)->key = key;
}

/* Of one that lost a race nobody asks more than whether its client is a scanner. */
static void want_all(struct controls *controls, const struct failure *failures, size_t count)
{
    size_t slots = 64, lost = 0;
    for (size_t i = 0; i < count; i++)
        lost += failures[i].lost_race;
    while (slots < (lost + (count - lost) * CONTROLS) * 2)
        slots *= 2;
    controls->mask = slots - 1;
    controls->entries = memory_zeroed(slots, sizeof *controls->entries);
    concern_open(&controls->all_clients, count);
    concern_open(&controls->clients, count - lost);
    concern_open(&controls->servers, (count - lost) * 2);
    for (size_t i = 0; i < count; i++) {
        struct ends ends = ends_of_failure(&failures[i]), serves = ends_as_server(&failures[i]);
        concern_add(&controls->all_clients, ends.client);
        want(controls, control_key(CONTROL_ELSEWHERE, &ends));
        if (failures[i].lost_race)
            continue;
        concern_add(&controls->clients, ends.client);
        concern_add(&controls->servers, ends.server);
        concern_add(&controls->servers, serves.server);
        for (enum control control = 0; control < CONTROLS; control++)
            want(controls,
                 control_key(control, control == CONTROL_CLIENT_SERVES ? &serves : &ends));
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

/* The slot of `who` in a chain, made while there are fewer than CONTROL_SLOTS; else NULL. */
static struct control_slot *slot_of(struct controls *controls, uint32_t *chain, uint64_t who)
{
    int length = 0;
    uint32_t *link = chain;
    for (; *link; link = &controls->slots[*link - 1].next, length++)
        if (controls->slots[*link - 1].slot.who == who)
            return &controls->slots[*link - 1].slot;
    if (length == CONTROL_SLOTS)
        return NULL;
    *link = (uint32_t)controls->slot_count + 1; /* before the array moves */
    if (controls->slot_count == controls->slot_room) {
        controls->slot_room = controls->slot_room ? controls->slot_room * 2 : 64;
        controls->slots =
            memory_resize(controls->slots, controls->slot_room, sizeof *controls->slots);
    }
    struct chained_slot *made = &controls->slots[controls->slot_count++];
    *made =
        (struct chained_slot){.slot = {.who = who, .first_ns = INT64_MAX, .last_ns = INT64_MIN}};
    return &made->slot;
}

static void count_slot(struct controls *controls, uint32_t *chain, uint64_t who,
                       const struct flow *flow)
{
    struct control_slot *slot = slot_of(controls, chain, who);
    if (!slot)
        return;
    const struct flow_rest rest = flow_rest_seen(flow);
    if (flow->first_ns < slot->first_ns)
        slot->first_ns = flow->first_ns;
    if (flow->first_ns > slot->last_ns)
        slot->last_ns = flow->first_ns;
    if (slot->count * 2 < CONTROL_FRAMES) {
        slot->frames[slot->count * 2] = flow->first_frame;
        slot->frames[slot->count * 2 + 1] = rest.answer_frame;
    }
    slot->count++;
    int hops = hops_travelled(rest.hop_limit[INITIATOR]);
    if (hops > slot->hops_max)
        slot->hops_max = (uint8_t)hops;
    slot->taken_up += flow->proto == PROTO_TCP && (flow->bits & FLOW_ESTABLISHED);
}

ALWAYS enum flow_fate fate_of(const struct flow *flow, int64_t now_ns)
{
    if (flow->proto == PROTO_TCP && (flow->bits & FLOW_REFUSED))
        return FATE_FAILED;
    /* In a capture of one direction, the initiator's next packet shows that it was answered. */
    bool went_on = (flow->bits & FLOW_SYN) && (flow->bits & FLOW_ESTABLISHED);
    if (flow_is_answered(flow) || went_on)
        return FATE_ANSWERED;
    if (flow->bits & FLOW_PROBE)
        return FATE_OPEN;
    if (flow->bits & FLOW_ICMP_ERROR)
        return FATE_FAILED;
    bool old = now_ns - flow->first_ns > SILENT_AFTER_S * INT64_C(1000000000);
    return old && flow_syn_count(flow) >= 2 ? FATE_FAILED : FATE_OPEN;
}

static struct habit *habit_of(struct controls *controls, struct entry *entry)
{
    if (!entry->habit) {
        if (controls->habit_count == controls->habit_room) {
            controls->habit_room = controls->habit_room ? controls->habit_room * 2 : 64;
            controls->habits =
                memory_resize(controls->habits, controls->habit_room, sizeof *controls->habits);
        }
        controls->habits[controls->habit_count] = (struct habit){0};
        entry->habit = (uint32_t)++controls->habit_count;
    }
    return &controls->habits[entry->habit - 1];
}

/* A TCP target that answered and was left at that counts as tried only: half-open scanning. Who
 * traces the way to a server, port by port, is no scanner. */
static void note_habit(struct controls *controls, const struct candidate *candidate)
{
    const struct flow *flow = candidate->flow;
    const struct ends *ends = &candidate->ends;
    struct entry *entry = find_entry(controls, candidate->habit_key);
    if (!entry->key)
        return;
    struct habit *habit = habit_of(controls, entry);
    if (candidate->fate == FATE_ANSWERED &&
        (flow->proto != PROTO_TCP || (flow->bits & FLOW_ESTABLISHED))) {
        habit->answered++;
        return;
    }
    if (flow->bits & FLOW_PROBE)
        return;
    sketch_add(&habit->targets, ends->server ^ (uint64_t)service_bits(ends) << 24);
    sketch_add(&habit->hosts, ends->server);
    sketch_add(&habit->ports, service_bits(ends));
}

/* Much that is sent over UDP wants no answer (syslog, streams). Where the failure's own service is
 * asked, an answer is known to be due. */
static bool silence_counts(enum control control, const struct flow *flow)
{
    bool same_service = control == CONTROL_OTHER_CLIENTS || control == CONTROL_SAME_SERVICE ||
                        control == CONTROL_SAME_PORT;
    return flow->proto != PROTO_UDP || (flow->bits & FLOW_ICMP_ERROR) || same_service;
}

/* Whose control it is: of the failure's server (or its client as one), or of its client. */
static bool is_of_server(enum control control)
{
    return control == CONTROL_OTHER_CLIENTS || control == CONTROL_SERVER_PORTS;
}

static void count_candidate(struct controls *controls, const struct candidate *candidate)
{
    const struct flow *flow = candidate->flow;
    if (candidate->habit_key)
        note_habit(controls, candidate);
    for (enum control control = 0; control < CONTROLS; control++) {
        struct entry *entry =
            candidate->key[control] ? find_entry(controls, candidate->key[control]) : NULL;
        if (!entry || !entry->key)
            continue;
        uint64_t who = control_who(control, &candidate->ends);
        if (candidate->fate == FATE_ANSWERED)
            count_slot(controls, &entry->answered, who, flow);
        else if (silence_counts(control, flow))
            count_slot(controls, &entry->failed, who, flow);
    }
}

static void count_candidates(struct controls *controls)
{
    for (size_t i = 0; i < controls->candidate_count; i++)
        count_candidate(controls, &controls->candidates[i]);
    controls->candidate_count = 0;
}

static uint64_t asked_for(const struct controls *controls, uint64_t key)
{
    memory_fetch(&controls->entries[key & controls->mask]);
    return key;
}

static void add_candidate(struct controls *controls, const struct candidate *wanted, bool client,
                          bool server, bool habit)
{
    if (controls->candidate_count == CANDIDATES)
        count_candidates(controls);
    struct candidate *candidate = &controls->candidates[controls->candidate_count++];
    const struct ends *ends = &wanted->ends;
    *candidate = *wanted;
    if (habit)
        candidate->habit_key = asked_for(controls, control_key(CONTROL_ELSEWHERE, ends));
    for (enum control control = 0; control < CONTROLS; control++)
        if (control_takes(control, ends) && (is_of_server(control) ? server : client))
            candidate->key[control] = asked_for(controls, control_key(control, ends));
}

/* Nearly every flow is about others than the failures are, and is done with here. */
ALWAYS void consider(struct controls *controls, const struct ip_address address[2],
                     const struct flow *flow, int server_end, int64_t now_ns)
{
    enum flow_fate fate = fate_of(flow, now_ns);
    uint64_t client_hash = address_hash(&address[INITIATOR]);
    bool settled = fate != FATE_OPEN;
    bool habit = flow->proto != 1 && concerned(&controls->all_clients, client_hash);
    if (!settled && !habit)
        return;
    uint64_t server_hash = address_hash(&address[RESPONDER]);
    bool client = settled && concerned(&controls->clients, client_hash);
    bool server = settled && concerned(&controls->servers, server_hash);
    if (!client && !server && !habit)
        return;
    const struct candidate wanted = {
        .flow = flow,
        .ends = {client_hash, server_hash, flow->port[server_end], flow->proto},
        .fate = fate};
    add_candidate(controls, &wanted, client, server, habit);
}

/* fe80::/10 (RFC 4291 2.5.6), 169.254.0.0/16 (RFC 3927). */
ALWAYS bool is_link_local(const struct ip_address *address)
{
    if (ip_is_v4(address))
        return address->bytes[12] == 169 && address->bytes[13] == 254;
    return address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80;
}

/* Whether a conversation tells whose capture it is: a host has its own address beside it in the
 * other version, on the loopback and on the link. */
ALWAYS bool tells_whose(const struct ip_address address[2])
{
    for (int i = 0; i < 2; i++)
        if (ip_is_loopback(&address[i]) || is_link_local(&address[i]) ||
            ip_is_unspecified(&address[i]))
            return false;
    return true;
}

/* The host at a flow's end. Where the flow does not know it, the last one asked for may be it: the
 * target of a flood or a scan. */
ALWAYS struct host *host_of(struct asked_host *last, const struct tracker *tracker,
                            const struct flow *flow, int end, enum side side,
                            const struct ip_address *address)
{
    uint32_t number = flow_host(flow, end);
    if (number)
        return host_table_numbered(tracker_hosts(tracker), number);
    if (side == INITIATOR && tracker_in_crowd(tracker, flow))
        return NULL;
    if (!ip_equal(&last->address, address)) {
        last->address = *address;
        last->host = host_table_find(tracker_hosts(tracker), address);
    }
    return last->host;
}

ALWAYS void take_part(struct controls *controls, const struct tracker *tracker,
                      const struct flow *flow, bool v6, int client,
                      const struct ip_address address[2])
{
    for (enum side side = INITIATOR; side <= RESPONDER; side++) {
        int end = side == INITIATOR ? client : !client;
        struct host *host =
            host_of(&controls->asked[v6][side], tracker, flow, end, side, &address[side]);
        if (host)
            host->flows++;
    }
}

static void count_directions(struct control_summary *summary, const struct flow *flow)
{
    bool more_than_syn = (flow->bits & (FLOW_ESTABLISHED | FLOW_SYNACK | FLOW_MIDSTREAM)) &&
                         !(flow->bits & FLOW_REFUSED);
    if (flow->proto != PROTO_TCP || !more_than_syn)
        return;
    uint16_t both = FLOW_FROM_INITIATOR | FLOW_FROM_RESPONDER;
    summary->conversations++;
    summary->one_sided += (flow->bits & both) != both;
}

/* The ends of a flow that comes up soon: of millions, they are not in the cache. */
static void fetch_ends(const struct host_table *hosts, const struct address_pool *addresses,
                       const struct flow *flow)
{
    for (int end = 0; flow->hosts && end < 2; end++) {
        const struct host *host = host_table_numbered(hosts, flow_host(flow, end));
        if (host)
            memory_fetch(&host->flows);
    }
    for (int end = 0; flow->v6 && end < 2; end++)
        memory_fetch(&addresses->addresses[flow->address[end]]);
}

/* `v6` is a constant: of IPv4 addresses most questions are answered when this is compiled. */
ALWAYS void take_flow(struct controls *controls, const struct tracker *tracker,
                      const struct address_pool *addresses, const struct flow *flow, bool v6,
                      int64_t now_ns)
{
    if (flow->bits & FLOW_TO_GROUP)
        return; /* who hears it, and whether anybody has to answer, is not known */
    int client = flow_end(flow, INITIATOR);
    const struct ip_address address[2] = {
        [INITIATOR] = address_pool_address(addresses, v6, flow->address[client]),
        [RESPONDER] = address_pool_address(addresses, v6, flow->address[!client]),
    };
    if (tells_whose(address)) {
        controls->summary.flows[v6]++;
        take_part(controls, tracker, flow, v6, client, address);
    }
    count_directions(&controls->summary, flow);
    const struct attempt *attempt = flow->attempt ? tracker_attempt(tracker, flow->attempt) : NULL;
    if (attempt && (attempt->bits & ATTEMPT_IS_INNER))
        return; /* the same attempt behind a NAT is no other client or server */
    consider(controls, address, flow, !client, now_ns);
}

static void take_flows(struct controls *controls, const struct tracker *tracker,
                       const struct flow *flows, size_t count, int64_t now_ns)
{
    enum { AHEAD = 16 };
    const struct host_table *hosts = tracker_hosts(tracker);
    const struct address_pool *addresses = tracker_addresses(tracker);
    const size_t stride = flow_stride(flows);
    const struct flow *flow = flows;
    for (size_t i = 0; i < count; i++, flow = flow_behind(flow, stride)) {
        if (i + AHEAD < count)
            fetch_ends(hosts, addresses, flow_behind(flow, AHEAD * stride));
        if (flow->v6)
            take_flow(controls, tracker, addresses, flow, true, now_ns);
        else
            take_flow(controls, tracker, addresses, flow, false, now_ns);
    }
}

struct controls *controls_gather(const struct tracker *tracker, const struct failure *failures,
                                 size_t failure_count, int64_t now_ns)
{
    struct controls *controls = memory_zeroed(1, sizeof *controls);
    want_all(controls, failures, failure_count);
    struct host_table *hosts = tracker_hosts(tracker);
    for (size_t i = 0; i < host_table_count(hosts); i++)
        host_table_at(hosts, i)->flows = 0;

    const struct flow_table *flows = tracker_flows(tracker);
    size_t count;
    for (size_t i = 0; (count = flow_table_run(flows, i)); i += count)
        take_flows(controls, tracker, flow_table_entry(flows, i), count, now_ns);
    count_candidates(controls);
    return controls;
}

void controls_free(struct controls *controls)
{
    if (!controls)
        return;
    concern_close(&controls->all_clients);
    concern_close(&controls->clients);
    concern_close(&controls->servers);
    free(controls->entries);
    free(controls->slots);
    free(controls->habits);
    free(controls);
}

static void read_chain(const struct controls *controls, uint32_t chain,
                       struct control_slot slots[CONTROL_SLOTS])
{
    for (int i = 0; chain; chain = controls->slots[chain - 1].next)
        slots[i++] = controls->slots[chain - 1].slot;
}

struct control_tally controls_tally(const struct controls *controls, enum control control,
                                    const struct failure *failure)
{
    struct control_tally tally = {0};
    struct ends ends =
        control == CONTROL_CLIENT_SERVES ? ends_as_server(failure) : ends_of_failure(failure);
    const struct entry *entry = find_entry(controls, control_key(control, &ends));
    read_chain(controls, entry->answered, tally.answered);
    read_chain(controls, entry->failed, tally.failed);
    return tally;
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
    if (!entry->habit)
        return (struct client_habit){0};
    const struct habit *habit = &controls->habits[entry->habit - 1];
    return (struct client_habit){sketch_count(&habit->targets), sketch_count(&habit->hosts),
                                 sketch_count(&habit->ports), habit->answered};
}

const struct control_summary *controls_summary(const struct controls *controls)
{
    return &controls->summary;
}
