/* The tables of the flow stage: their caps, what they give up first, and that nothing else is lost
 * with it. */
#include "tests/unit/scene.h"

#include "analyzer/flow/address_pool.h"

/* --- the ways in which packets come --- */

static void every_mac_has_a_number_of_its_own_until_they_are_used_up(void **state)
{
    (void)state;
    enum { MACS = 300 };
    struct ways ways = {0};
    bool taken[WAYS_SLOTS] = {false};
    for (int again = 0; again < 2; again++)
        for (int i = 0; i < MACS; i++) {
            const uint8_t mac[6] = {0, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i};
            uint8_t way = ways_add(&ways, mac, 100);
            assert_int_equal(way != 0, i < WAYS_MACS_MAX);
            if (!way)
                continue;
            assert_true(way < WAYS_SLOTS && taken[way] == (again == 1));
            taken[way] = true;
            assert_int_equal(ways_add(&ways, mac, ETHERNET_MTU), way);
            assert_int_equal(ways_add(&ways, mac, ETHERNET_MTU + 1), way | WAY_OVERSIZED);
            assert_true(ways_known(&ways, way, mac, 100));
        }
    static const uint8_t unknown[6] = {0, 0, 0, 0, 2, 0};
    for (unsigned way = 0; way <= UINT8_MAX; way++)
        assert_false(ways_known(&ways, (uint8_t)way, unknown, 100));
}

static void longer_packets_are_news_and_shorter_ones_are_not(void **state)
{
    (void)state;
    static const uint8_t one[6] = {0, 0, 0, 0, 0, 1}, two[6] = {0, 0, 0, 0, 0, 2};
    enum { USUAL = ETHERNET_MTU, LONG = ETHERNET_MTU + 1 };
    struct ways ways = {0};
    uint8_t way = ways_add(&ways, one, USUAL), oversized = way | WAY_OVERSIZED;
    ways_add(&ways, two, USUAL);
    assert_false(ways_known(&ways, 0, one, USUAL));
    assert_false(ways_known(&ways, 0, one, LONG));
    assert_true(ways_known(&ways, way, one, USUAL));
    assert_false(ways_known(&ways, way, two, USUAL));
    assert_false(ways_known(&ways, way, one, LONG));
    assert_true(ways_known(&ways, oversized, one, USUAL));
    assert_true(ways_known(&ways, oversized, one, LONG));
    assert_false(ways_known(&ways, oversized, two, USUAL));
}

/* --- the flow table --- */

static struct flow_key key_of(uint32_t number)
{
    bool swapped;
    return flow_key_make(number & 1 ? PROTO_TCP : PROTO_UDP, number & 2, number * 2654435761u,
                         (uint16_t)(number * 40503u), number ^ 0x5bd1e995u, 443, &swapped);
}

static bool is_key(const struct flow *flow, const struct flow_key *key)
{
    return flow->address[0] == key->address[0] && flow->address[1] == key->address[1] &&
           flow->port[0] == key->port[0] && flow->port[1] == key->port[1] &&
           flow->proto == key->proto && flow->v6 == key->v6;
}

/* How many of 2^17 places 2^16 keys of few servers have as their home, as a share of what would be
 * by chance: 1 - 1/sqrt(e) of the places. */
static double homes_taken(const struct flow_table *table)
{
    enum { KEYS = 1 << 16, PLACES = 1 << 17 };
    static bool taken[PLACES];
    memset(taken, 0, sizeof taken);
    size_t count = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        bool swapped;
        struct flow_key key =
            flow_key_make(PROTO_TCP, true, i % 20011, (uint16_t)(20000 + i % 40000),
                          100000 + i * 7 % 200, 443, &swapped);
        bool *home = &taken[flow_table_hash(table, &key) % PLACES];
        count += !*home;
        *home = true;
    }
    return (double)count / (0.393469 * PLACES);
}

static void no_seed_crowds_the_index(void **state)
{
    (void)state;
    enum { SEEDS = 40, BITS = 64 };
    struct flow_table *table = flow_table_new(1);
    uint64_t random = 1;
    for (int zeros = 0; zeros < BITS; zeros += 12)
        for (int i = 0; i < SEEDS; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            table->seed[i % 2] = random << zeros;
            table->seed[(i + 1) % 2] = hash_mix(random, 0xa0761d6478bd642fu);
            assert_true(homes_taken(table) > 0.985);
        }
    flow_table_free(table);
}

static void grows_and_finds_all(void **state)
{
    (void)state;
    enum { FLOWS = 100000 };
    struct flow_table *table = flow_table_new(FLOWS);
    for (uint32_t i = 0; i < FLOWS; i++) {
        struct flow_key key = key_of(i);
        bool added;
        struct flow *flow = flow_table_add(table, &key, &added);
        assert_true(added && is_key(flow, &key));
        flow->isn = i;
    }
    for (uint32_t i = 0; i < FLOWS; i++) {
        struct flow_key key = key_of(i);
        const struct flow *flow = flow_table_find(table, &key);
        assert_non_null(flow);
        assert_int_equal(flow->isn, i);
    }
    assert_int_equal(flow_table_count(table), FLOWS);
    assert_int_equal(flow_table_evicted(table), 0);
    flow_table_free(table);
}

/* Every entry is found under its own key, and only those are: `was_added` is the naive twin, which
 * knows all keys that may be there. */
/* A large index grows by four, which saves it the next time, unless its table will never be so
 * full. */
static void an_index_grows_as_far_as_its_entries_want(void **state)
{
    (void)state;
    enum { ENTRIES = 10000, SPREAD = 0x9e3779b1 };
    static const struct {
        size_t slots, most, grown;
    } cases[] = {
        {HASH_INDEX_LARGE / 2, SIZE_MAX, HASH_INDEX_LARGE},
        {HASH_INDEX_LARGE, SIZE_MAX, HASH_INDEX_LARGE * 4},
        {HASH_INDEX_LARGE, HASH_INDEX_LARGE / 4 * 6 + 1, HASH_INDEX_LARGE * 4},
        {HASH_INDEX_LARGE, HASH_INDEX_LARGE / 4 * 6, HASH_INDEX_LARGE * 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hash_index index;
        hash_index_open(&index, cases[i].slots);
        for (uint32_t entry = 1; entry <= ENTRIES; entry++)
            *hash_index_first(&index, entry * SPREAD) = (struct hash_slot){entry * SPREAD, entry};
        hash_index_grow(&index, cases[i].most);
        assert_int_equal(index.mask + 1, cases[i].grown);
        for (uint32_t entry = 1; entry <= ENTRIES; entry++)
            assert_int_equal(hash_index_first(&index, entry * SPREAD)->entry, entry);
        hash_index_close(&index);
    }
}

static void compare_with_twin(struct flow_table *table, const bool *was_added, uint32_t keys)
{
    size_t position = 0, walked = 0, found = 0;
    for (const struct flow *flow; (flow = flow_table_next(table, &position)); walked++) {
        struct flow_key own = {.address = {flow->address[0], flow->address[1]},
                               .port = {flow->port[0], flow->port[1]},
                               .proto = flow->proto,
                               .v6 = flow->v6};
        assert_ptr_equal(flow_table_find(table, &own), flow);
    }
    for (uint32_t i = 0; i < keys; i++) {
        struct flow_key key = key_of(i);
        const struct flow *flow = flow_table_find(table, &key);
        found += flow != NULL;
        assert_true(!flow || (was_added[i] && is_key(flow, &key)));
    }
    assert_int_equal(walked, flow_table_count(table));
    assert_int_equal(found, walked);
}

/* `together`: so many stand together with their rests. */
static void work_at_random(size_t together)
{
    enum { CAP = 300, KEYS = 1000, OPERATIONS = 60000 };
    struct flow_table *table = flow_table_new(CAP);
    table->together = together;
    bool was_added[KEYS] = {false};
    uint32_t random = 1;
    uint64_t additions = 0;
    for (int i = 0; i < OPERATIONS; i++) {
        random = random * 1664525 + 1013904223;
        uint32_t number = (random >> 16) % KEYS;
        struct flow_key key = key_of(number);
        bool added, known = flow_table_find(table, &key) != NULL;
        if (random & 1 << 8) {
            struct flow *flow = flow_table_add(table, &key, &added);
            assert_true(added == !known && is_key(flow, &key));
            flow->bits |= random & 1 << 9 ? FLOW_FIN : FLOW_SYNACK;
            additions += added;
            was_added[number] = true;
        }
        assert_int_equal(additions, flow_table_count(table) + flow_table_evicted(table));
        if (i % 997 == 0)
            compare_with_twin(table, was_added, KEYS);
    }
    assert_int_equal(flow_table_count(table), CAP);
    assert_true(flow_table_evicted(table) > CAP);
    flow_table_free(table);
}

static void stays_whole_under_random_operations(void **state)
{
    (void)state;
    work_at_random(FLOWS_TOGETHER);
    work_at_random(0);
}

/* Flows of two slabs, of which the second's stand apart from their rests. */
static void a_flow_has_a_rest_of_its_own(void **state)
{
    (void)state;
    enum { FLOWS = 2 * FLOW_SLAB, SYN_TTL = 57 };
    struct flow_table *table = flow_table_new(FLOWS);
    table->together = FLOW_SLAB;
    bool added;
    for (uint32_t i = 0; i < FLOWS; i++) {
        struct flow_key key = key_of(i);
        flow_opens(flow_table_add(table, &key, &added), (int64_t)i + 1, SYN_TTL);
    }
    for (uint32_t i = 0; i < FLOWS; i += 2) {
        struct flow_key key = key_of(i);
        struct flow_rest *rest = flow_rest(flow_table_find(table, &key));
        assert_int_equal(rest->last_ns, i + 1);
        rest->answer_frame = i + 2;
    }
    for (uint32_t i = 0; i < FLOWS; i++) {
        struct flow_key key = key_of(i);
        const struct flow *flow = flow_table_find(table, &key);
        const struct flow_rest rest = flow_rest_seen(flow);
        assert_int_equal(flow->bare, i >= FLOW_SLAB && i % 2);
        assert_int_equal(flow_is_answered(flow), i % 2 == 0);
        assert_int_equal(rest.answer_frame, i % 2 ? 0 : i + 2);
        assert_int_equal(rest.last_ns, i + 1);
        assert_int_equal(rest.hop_limit[INITIATOR], SYN_TTL);
        assert_int_equal(flow_syn_count(flow), 1);
    }
    flow_table_free(table);
}

static void full_table_evicts_one_for_one(void **state)
{
    (void)state;
    enum { CAP = 64, FLOWS = 500 };
    struct flow_table *table = flow_table_new(CAP);
    bool added;
    for (uint32_t i = 0; i < FLOWS; i++) {
        struct flow_key key = key_of(i);
        flow_table_add(table, &key, &added);
        assert_true(added);
        assert_non_null(flow_table_find(table, &key)); /* never the new one itself */
    }
    assert_int_equal(flow_table_count(table), CAP);
    assert_int_equal(flow_table_evicted(table), FLOWS - CAP);
    flow_table_free(table);
}

static void table_of_one_works(void **state)
{
    (void)state;
    struct flow_table *table = flow_table_new(0);
    bool added;
    for (uint32_t i = 0; i < 10; i++) {
        struct flow_key key = key_of(i);
        flow_table_add(table, &key, &added);
        assert_non_null(flow_table_find(table, &key));
    }
    assert_int_equal(flow_table_count(table), 1);
    flow_table_free(table);
}

static void product_flows_go_last(void **state)
{
    (void)state;
    enum { CAP = 64, PRODUCTS = 16, STRANGERS = 5000 };
    struct flow_table *table = flow_table_new(CAP);
    bool added;
    for (uint32_t i = 0; i < PRODUCTS; i++) { /* side by side: where the clock hand has no choice */
        struct flow_key key = key_of(i);
        flow_set_attempt(flow_table_add(table, &key, &added), i + 1);
    }
    for (uint32_t i = 0; i < STRANGERS; i++) {
        struct flow_key key = key_of(1000 + i);
        flow_table_add(table, &key, &added);
    }
    for (uint32_t i = 0; i < PRODUCTS; i++) {
        struct flow_key key = key_of(i);
        assert_non_null(flow_table_find(table, &key));
    }
    flow_table_free(table);
}

/* Who goes next is chosen ahead, several at once: what becomes a product's meanwhile stays. */
static void who_was_to_go_may_become_worth_more(void **state)
{
    (void)state;
    enum { FLOWS = 1 << 20, CHOSEN = 64 };
    struct flow_table *table = flow_table_new(FLOWS);
    bool added, there[CHOSEN];
    for (uint32_t i = 0; i <= FLOWS; i++) { /* one more than fit */
        struct flow_key key = key_of(i);
        flow_table_add(table, &key, &added);
    }
    for (uint32_t i = 0; i < CHOSEN; i++) {
        struct flow_key key = key_of(i);
        struct flow *flow = flow_table_find(table, &key);
        there[i] = flow != NULL;
        if (flow)
            flow_set_attempt(flow, i + 1);
    }
    for (uint32_t i = 1; i < FLOW_VICTIMS; i++) {
        struct flow_key key = key_of(FLOWS + i);
        flow_table_add(table, &key, &added);
    }
    for (uint32_t i = 0; i < CHOSEN; i++) {
        struct flow_key key = key_of(i);
        assert_int_equal(flow_table_find(table, &key) != NULL, there[i]);
    }
    assert_int_equal(flow_table_evicted(table), FLOW_VICTIMS);
    flow_table_free(table);
}

static void both_directions_are_one_key(void **state)
{
    (void)state;
    bool out, back;
    struct flow_key one = flow_key_make(PROTO_TCP, false, 7, 1000, 9, 443, &out);
    struct flow_key two = flow_key_make(PROTO_TCP, false, 9, 443, 7, 1000, &back);
    assert_memory_equal(&one, &two, sizeof one);
    assert_true(out != back);
    struct flow_key self = flow_key_make(PROTO_TCP, false, 7, 2, 7, 1, &out);
    assert_true(out && self.port[0] == 1);
}

/* --- addresses and hosts --- */

static struct ip_address v6_number(uint32_t number)
{
    struct ip_address address = {.bytes = {0x20, 1, 0xd, 0xb8}};
    memcpy(address.bytes + 12, &number, sizeof number);
    return address;
}

static void pool_numbers_every_address_until_full(void **state)
{
    (void)state;
    enum { CAP = 3000 };
    struct address_pool *pool = address_pool_new(CAP);
    uint32_t number;
    for (uint32_t i = 0; i < CAP; i++) {
        struct ip_address address = v6_number(i);
        assert_false(address_pool_number(pool, true, &address, false, &number));
        assert_true(address_pool_number(pool, true, &address, true, &number));
        assert_int_equal(number, i);
    }
    struct ip_address more = v6_number(CAP);
    assert_false(address_pool_number(pool, true, &more, true, &number));
    assert_int_equal(address_pool_refused(pool), 1);
    for (uint32_t i = 0; i < CAP; i++) {
        struct ip_address address = v6_number(i);
        assert_true(address_pool_number(pool, true, &address, false, &number));
        struct ip_address same = address_pool_address(pool, true, number);
        assert_true(ip_equal(&same, &address));
    }
    address_pool_free(pool);
}

static void v4_addresses_need_no_room(void **state)
{
    (void)state;
    struct address_pool *pool = address_pool_new(0);
    struct ip_address address = scene_address("192.0.2.9");
    uint32_t number;
    assert_true(address_pool_number(pool, false, &address, false, &number));
    struct ip_address same = address_pool_address(pool, false, number);
    assert_true(ip_equal(&same, &address));
    address_pool_free(pool);
}

/* ::ffff:192.0.2.9 in an IPv6 header: legal to receive, and its number must be one of the pool. */
static void mapped_address_in_an_ipv6_packet(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = scene_talk(scene, "192.0.2.9", 40000, "192.0.2.1", 5800);
    struct packet packet = scene_ip(&talk.address[0], &talk.address[1], 64);
    packet.ip.version = 6;
    packet.kind = PACKET_TCP;
    packet.source_port = 40000;
    packet.destination_port = 5800;
    packet.tcp.flags = TCP_SYN;
    struct attempt *attempt = scene_feed(scene, &packet, 0);
    assert_non_null(attempt);
    const struct flow *flow = flow_table_next(tracker_flows(scene->tracker), &(size_t){0});
    struct ip_address address[2];
    uint16_t port[2];
    tracker_flow_ends(scene->tracker, flow, address, port);
    assert_true(ip_equal(&address[INITIATOR], &talk.address[INITIATOR]));
    scene_diagnose(scene, 5);
    scene_end(scene);
}

static void host_table_keeps_to_its_cap(void **state)
{
    (void)state;
    enum { CAP = 2500 };
    struct host_table *table = host_table_new(CAP);
    for (uint32_t i = 0; i < CAP; i++) {
        struct ip_address address = v6_number(i);
        struct host *host = host_table_add(table, &address);
        assert_non_null(host);
        assert_ptr_equal(host_table_add(table, &address), host);
        assert_int_equal(host->answer_min_us, HOST_NO_TIME);
    }
    struct ip_address more = v6_number(CAP);
    assert_null(host_table_add(table, &more));
    assert_null(host_table_find(table, &more));
    assert_int_equal(host_table_refused(table), 1);
    assert_int_equal(host_table_count(table), CAP);
    for (uint32_t i = 0; i < CAP; i++) {
        struct ip_address address = v6_number(i);
        assert_ptr_equal(host_table_find(table, &address), host_table_at(table, i));
    }
    host_table_free(table);
}

static void hops_from_a_hop_limit(void **state)
{
    (void)state;
    assert_int_equal(hops_travelled(64), 0);
    assert_int_equal(hops_travelled(57), 7);
    assert_int_equal(hops_travelled(128), 0);
    assert_int_equal(hops_travelled(65), 63);
    assert_int_equal(hops_travelled(255), 0);
    assert_int_equal(hops_travelled(129), 126);
}

/* --- attempts --- */

struct evictions {
    struct scene *scene;
    int count;
};

static void count_evicted(const struct attempt *attempt, void *context)
{
    struct evictions *evictions = context;
    assert_true(attempt->number > 0);
    evictions->count++;
    scene_forget_speech(attempt, evictions->scene);
}

static void attempts_are_given_up_worked_ones_first(void **state)
{
    (void)state;
    enum { CAP = 64, WORKED = 30, MORE = 30 };
    struct scene *scene = scene_with_room(CAP);
    struct evictions evicted = {.scene = scene};
    tracker_on_evict(scene->tracker, count_evicted, &evicted);
    for (int i = 0; i < CAP; i++) {
        struct talk talk = scene_talk(scene, "10.0.0.1", (uint16_t)(1024 + i), "10.0.0.2", 5800);
        if (i % 2 && i / 2 < WORKED)
            scene_success(&talk, i);
        else
            CLIENT_SENDS(&talk, .at = i, .flags = "S");
    }
    assert_int_equal(evicted.count, 0);
    for (int i = 0; i < MORE; i++) {
        struct talk talk = scene_talk(scene, "10.0.0.1", (uint16_t)(2024 + i), "10.0.0.2", 5800);
        CLIENT_SENDS(&talk, .at = 100 + i, .flags = "S");
    }
    const struct tracker_counters *counters = tracker_counters(scene->tracker);
    assert_int_equal(evicted.count, MORE);
    assert_int_equal(counters->attempts_evicted, MORE);
    assert_int_equal(counters->evicted_succeeded, MORE);
    assert_int_equal(scene_attempts(scene), CAP);
    scene_end(scene);
}

/* A whole connection from SYN to the last FIN, with nothing odd in it. */
static void play_well(struct talk *talk, double at)
{
    CLIENT_SENDS(talk, .at = at, .flags = "S");
    SERVER_SENDS(talk, .at = at + 0.01, .flags = "SA");
    CLIENT_SENDS(talk, .at = at + 0.02, .flags = "A");
    CLIENT_SENDS(talk, .at = at + 0.03, .flags = "PA", .length = 100);
    SERVER_SENDS(talk, .at = at + 0.04, .flags = "PA", .length = 200);
    CLIENT_SENDS(talk, .at = at + 0.05, .flags = "FA");
    SERVER_SENDS(talk, .at = at + 0.06, .flags = "FA");
    CLIENT_SENDS(talk, .at = at + 0.07, .flags = "A");
}

static void what_went_well_leaves_little_and_is_still_counted(void **state)
{
    (void)state;
    enum { WELL = 12000, FAILED = 10 };
    struct scene *scene = scene_with_room(20000);
    struct talk late = {0};
    for (int i = 0; i < WELL; i++) {
        struct talk talk = scene_talk(scene, "10.0.0.1", (uint16_t)(1024 + i), "10.0.0.2", 5800);
        play_well(&talk, i);
        if (i == 1100) /* one of the first to be given up */
            late = talk;
        if (i % (WELL / FAILED) == 0) { /* stays, whatever becomes of the others */
            struct talk refused =
                scene_talk(scene, "10.0.0.3", (uint16_t)(1024 + i), "10.0.0.2", 5800);
            CLIENT_SENDS(&refused, .at = i + 0.5, .flags = "S");
            SERVER_SENDS(&refused, .at = i + 0.6, .flags = "RA");
        }
    }
    size_t whole = scene_attempts(scene);
    uint64_t finished = finished_count(tracker_finished(scene->tracker));
    assert_true(finished > 10000 && whole < 2000);
    assert_int_equal(finished + whole, WELL + FAILED);
    assert_int_equal(tracker_counters(scene->tracker)->attempts_evicted, 0);

    CLIENT_SENDS(&late, .at = WELL + 1, .flags = "RA"); /* late packets begin nothing ... */
    CLIENT_SENDS(&late, .at = WELL + 2, .flags = "PA", .length = 10);
    assert_int_equal(scene_attempts(scene), whole);
    struct talk again = scene_talk(scene, "10.0.0.1", 1024 + 1100, "10.0.0.2", 5800);
    again.isn[INITIATOR] = 77; /* ... but a SYN does */
    CLIENT_SENDS(&again, .at = WELL + 3, .flags = "S");
    assert_int_equal(finished_count(tracker_finished(scene->tracker)) + scene_attempts(scene),
                     WELL + FAILED + 1);

    size_t position = 0;
    struct finished first;
    assert_true(finished_next(tracker_finished(scene->tracker), &position, &first));
    struct ip_address address[2];
    uint16_t port[2];
    char text[IP_ADDRESS_TEXT];
    tracker_finished_ends(scene->tracker, &first, address, port);
    assert_string_equal(ip_text(&address[INITIATOR], text), "10.0.0.1");
    assert_string_equal(ip_text(&address[RESPONDER], text), "10.0.0.2");
    assert_int_equal(port[RESPONDER], 5800);
    scene_end(scene);
}

/* Whatever the times and frames, packed or not. */
static void finished_records_come_back_as_they_were(void **state)
{
    (void)state;
    static const uint64_t apart[] = {0, 1, 1 << 20, UINT64_C(1) << 28, UINT64_C(1) << 40};
    enum { APART = sizeof apart / sizeof *apart, RECORDS = APART * APART * 2 };
    struct finished_list *list = finished_new(RECORDS);
    struct finished put[RECORDS], got;
    for (size_t i = 0; i < RECORDS; i++) {
        uint64_t frames = apart[i % APART], time = apart[i / APART % APART] * 1000;
        put[i] = (struct finished){
            .key = {.address = {7, (uint32_t)i},
                    .port = {443, 5800},
                    .kind = PROTO_TCP | i % 2 * FLOW_V6},
            .mac = {1, 2, 3, 4, 5, (uint8_t)i},
            .hop_limit = 255,
            .service = (uint8_t)(i * 5),
            .has_mac = i % 3 != 0,
            .initiator_is_high = i % 5 == 0,
            .begun_ns = INT64_C(1700000000) * 1000000000 + (i % 7 == 6) * (INT64_C(1) << 52),
            .first_frame = i < RECORDS / 2 ? 99 : UINT64_C(1) << 37,
            .idle_survived_ns = (int64_t)time,
        };
        put[i].last_ns = put[i].begun_ns + (int64_t)time * 2;
        put[i].idle_survived_frame = time ? put[i].first_frame + frames : 0;
        finished_put(list, &put[i]);
    }
    assert_true(finished_full(list));
    size_t position = 0, i = 0;
    for (; finished_next(list, &position, &got); i++) {
        assert_memory_equal(&got.key, &put[i].key, sizeof got.key);
        assert_memory_equal(got.mac, put[i].mac, sizeof got.mac);
        assert_int_equal(got.hop_limit, put[i].hop_limit);
        assert_int_equal(got.service, put[i].service);
        assert_int_equal(got.has_mac, put[i].has_mac);
        assert_int_equal(got.initiator_is_high, put[i].initiator_is_high);
        assert_int_equal(got.begun_ns, put[i].begun_ns);
        assert_int_equal(got.last_ns, put[i].last_ns);
        assert_int_equal(got.first_frame, put[i].first_frame);
        assert_int_equal(got.idle_survived_ns, put[i].idle_survived_ns);
        assert_int_equal(got.idle_survived_frame, put[i].idle_survived_frame);
    }
    assert_int_equal(i, RECORDS);
    finished_free(list);
}

/* The naive twin is the list itself. */
static void noted_frames_are_listed(void **state)
{
    (void)state;
    srand(3);
    for (int round = 0; round < 500; round++) {
        struct frame_notes notes = {0};
        struct frame_list list = {0};
        for (int i = rand() % 20; i > 0; i--) {
            uint64_t frame = (uint64_t)rand() % 20;
            frame_notes_add(&notes, frame);
            frame_list_add(&list, frame);
        }
        const struct frame_list noted = frame_notes_list(&notes);
        struct frame_list joined = {0};
        frame_list_join_notes(&joined, &notes);
        assert_memory_equal(&noted, &list, sizeof list);
        assert_int_equal(joined.count, list.count);
        assert_int_equal(frame_notes_any(&notes), list.count > 0);
        frame_notes_clear(&notes);
        assert_false(frame_notes_any(&notes));
    }
}

/* More initiators than are told apart by number. */
static void finished_records_of_many_origins(void **state)
{
    (void)state;
    enum { RECORDS = FINISHED_ORIGINS + 100 };
    struct finished_list *list = finished_new(RECORDS);
    for (uint16_t i = 0; i < RECORDS; i++) {
        struct finished put = {.key = {.kind = PROTO_TCP}, .first_frame = i + 1u};
        memcpy(put.mac, &i, sizeof i);
        finished_put(list, &put);
    }
    assert_int_equal(list->odd_count, RECORDS - FINISHED_ORIGINS);
    size_t position = 0;
    struct finished got;
    for (uint16_t i = 0, mac; finished_next(list, &position, &got); i++) {
        memcpy(&mac, got.mac, sizeof mac);
        assert_int_equal(mac, i);
        assert_int_equal(got.first_frame, i + 1);
    }
    finished_free(list);
}

static void tiny_tables_survive_anything(void **state)
{
    (void)state;
    for (size_t room = 0; room < 4; room++) {
        struct scene *scene = scene_with_room(room);
        for (int i = 0; i < 50; i++) {
            struct talk talk =
                scene_talk(scene, "10.0.0.1", (uint16_t)(1024 + i % 7), "10.0.0.2", 5800);
            scene_success(&talk, i);
        }
        scene_diagnose(scene, 100);
        scene_end(scene);
    }
}

/* A flow whose record was given up goes on as one that began before the capture. */
static void flow_of_an_evicted_attempt_is_not_misled(void **state)
{
    (void)state;
    struct scene *scene = scene_with_room(2);
    struct talk talk[3];
    for (int i = 0; i < 3; i++) {
        talk[i] = scene_talk(scene, "10.0.0.1", (uint16_t)(1024 + i), "10.0.0.2", 5800);
        scene_success(&talk[i], i);
    }
    struct attempt *again = CLIENT_SENDS(&talk[0], .at = 9, .flags = "PA", .length = 10);
    assert_non_null(again);
    assert_int_equal(again->port[INITIATOR], 1024);
    assert_true(again->bits & ATTEMPT_MIDSTREAM);
    scene_end(scene);
}

static void a_full_host_table_counts_whom_it_refuses(void **state)
{
    (void)state;
    enum { CAP = 4, SEEN = 7 };
    struct host_table *table = host_table_new(CAP);
    for (uint8_t i = 1; i <= SEEN; i++) {
        struct ip_address address = ip_from_v4((const uint8_t[]){10, 0, 0, i});
        assert_int_equal(host_table_add(table, &address) != NULL, i <= CAP);
        assert_int_equal(host_table_find(table, &address) != NULL, i <= CAP);
    }
    assert_int_equal(host_table_count(table), CAP);
    assert_int_equal(host_table_refused(table), SEEN - CAP);
    host_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_host_table_counts_whom_it_refuses),
        cmocka_unit_test(every_mac_has_a_number_of_its_own_until_they_are_used_up),
        cmocka_unit_test(longer_packets_are_news_and_shorter_ones_are_not),
        cmocka_unit_test(no_seed_crowds_the_index),
        cmocka_unit_test(grows_and_finds_all),
        cmocka_unit_test(an_index_grows_as_far_as_its_entries_want),
        cmocka_unit_test(stays_whole_under_random_operations),
        cmocka_unit_test(a_flow_has_a_rest_of_its_own),
        cmocka_unit_test(full_table_evicts_one_for_one),
        cmocka_unit_test(table_of_one_works),
        cmocka_unit_test(product_flows_go_last),
        cmocka_unit_test(who_was_to_go_may_become_worth_more),
        cmocka_unit_test(both_directions_are_one_key),
        cmocka_unit_test(pool_numbers_every_address_until_full),
        cmocka_unit_test(v4_addresses_need_no_room),
        cmocka_unit_test(mapped_address_in_an_ipv6_packet),
        cmocka_unit_test(host_table_keeps_to_its_cap),
        cmocka_unit_test(hops_from_a_hop_limit),
        cmocka_unit_test(attempts_are_given_up_worked_ones_first),
        cmocka_unit_test(what_went_well_leaves_little_and_is_still_counted),
        cmocka_unit_test(finished_records_come_back_as_they_were),
        cmocka_unit_test(finished_records_of_many_origins),
        cmocka_unit_test(noted_frames_are_listed),
        cmocka_unit_test(tiny_tables_survive_anything),
        cmocka_unit_test(flow_of_an_evicted_attempt_is_not_misled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
