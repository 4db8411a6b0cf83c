#include "analyzer/flow/host.h"

#include <stdlib.h>

#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"

enum {
    HOST_SLOTS_FIRST = 1024,
    LINK_SLAB = 64,
};

struct host_table *host_table_new(size_t cap)
{
    struct host_table *table = memory_zeroed(1, sizeof *table);
    table->cap = cap < UINT32_MAX ? cap : UINT32_MAX - 1;
    hash_index_open(&table->index, HOST_SLOTS_FIRST);
    table->seed = hash_seed();
    return table;
}

void host_table_free(struct host_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i * HOST_SLAB < table->count; i++)
        memory_table_free(table->slabs[i], HOST_SLAB, sizeof(struct host));
    for (size_t i = 0; i * LINK_SLAB < table->link_count; i++)
        free(table->links[i]);
    free(table->links);
    free(table->slabs);
    free(table->pulses);
    hash_index_close(&table->index);
    free(table);
}

/* The slot of an address, or the free one where it would go. */
static struct hash_slot *find_slot(const struct host_table *table, const struct ip_address *address,
                                   uint32_t hash)
{
    const struct hash_index *index = &table->index;
    size_t at = hash_index_home(index, hash);
    for (struct hash_slot *slot;; at = hash_index_next(index, at)) {
        slot = &index->slots[at];
        if (!slot->entry || (slot->hash == hash &&
                             ip_equal(&host_table_at(table, slot->entry - 1)->address, address)))
            return slot;
    }
}

struct host *host_table_find(const struct host_table *table, const struct ip_address *address)
{
    uint32_t entry = find_slot(table, address, host_table_hash(table, address))->entry;
    return entry ? host_table_at(table, entry - 1) : NULL;
}

/* What is not used yet is not written to, and costs no memory. */
static void make_room_for_pulses(struct host_table *table)
{
    size_t room = table->pulse_room ? table->pulse_room * 2 : HOST_SLOTS_FIRST;
    struct host_pulse *pulses = memory_zeroed(room, sizeof *pulses);
    if (table->pulse_room)
        memcpy(pulses, table->pulses, table->pulse_room * sizeof *pulses);
    free(table->pulses);
    table->pulses = pulses;
    table->pulse_room = room;
}

struct host *host_table_add(struct host_table *table, const struct ip_address *address)
{
    uint32_t hash = host_table_hash(table, address);
    struct hash_slot *slot = find_slot(table, address, hash);
    if (slot->entry)
        return host_table_at(table, slot->entry - 1);
    if (table->count == table->cap) {
        table->refused++;
        return NULL;
    }
    if (table->count % HOST_SLAB == 0) {
        size_t slabs = table->count / HOST_SLAB + 1;
        table->slabs = memory_resize(table->slabs, slabs, sizeof *table->slabs);
        table->slabs[slabs - 1] = memory_slab(HOST_SLAB, sizeof(struct host));
    }
    struct host *host = host_table_at(table, table->count++);
    host->address = *address;
    host->number = (uint32_t)table->count;
    host->checksums_left = table->count <= CHECKSUM_HOSTS ? CHECKSUMS_PER_HOST : 0;
    host->answer_min_us = host->confirm_min_us = HOST_NO_TIME;
    *slot = (struct hash_slot){hash, host->number};
    if (host->number >= table->pulse_room)
        make_room_for_pulses(table);
    if (table->count >= hash_index_room(&table->index))
        hash_index_grow(&table->index, table->cap);
    return host;
}

size_t host_table_count(const struct host_table *table)
{
    return table->count;
}

uint64_t host_table_refused(const struct host_table *table)
{
    return table->refused;
}

struct host_link *host_table_link(struct host_table *table, struct host *host)
{
    if (host->link)
        return host->link;
    if (table->link_count % LINK_SLAB == 0) {
        size_t slabs = table->link_count / LINK_SLAB + 1;
        table->links = memory_resize(table->links, slabs, sizeof *table->links);
        table->links[slabs - 1] = memory_zeroed(LINK_SLAB, sizeof(struct host_link));
    }
    size_t number = table->link_count++;
    return host->link = &table->links[number / LINK_SLAB][number % LINK_SLAB];
}

static void note_mac(struct host *host, const struct packet *packet)
{
    if (!packet->has_mac)
        return;
    if (host->has_mac && memcmp(host->mac, packet->source_mac, sizeof host->mac) != 0)
        host->several_macs = true;
    memcpy(host->mac, packet->source_mac, sizeof host->mac);
    host->has_mac = true;
}

/* Packets to a group live on the link and start at 1, 2, 4 or 255, whatever the sender's habit. */
static void note_distance(struct host *host, const struct packet *packet)
{
    uint8_t hop_limit = packet->ip.hop_limit;
    bool passed_on = packet->direction == LINK_OUT && host->came_in; /* one hop less by us */
    if (hop_limit <= PROBE_HOP_LIMIT_MAX || ip_is_multicast(&packet->ip.destination) || passed_on)
        return;
    host->hop_limit = hop_limit;
    if (host->measured == 0)
        host->hop_limit_min = hop_limit;
    if (host->measured < HOST_MEASURED_MAX)
        host->measured++;
    if (hop_limit < host->hop_limit_min)
        host->hop_limit_min = hop_limit;
    if (hop_limit > host->hop_limit_max)
        host->hop_limit_max = hop_limit;
}

void host_saw_packet(struct host *host, const struct packet *packet, uint64_t frame)
{
    if (!host->first_frame)
        host->first_frame = (uint32_t)frame;
    note_distance(host, packet);
    note_mac(host, packet);
    if (ip_equal(&packet->ip.source, &packet->ip.destination))
        return; /* a host talking to itself comes in and goes out */
    host->came_in |= packet->direction == LINK_IN;
    host->left |= packet->direction == LINK_OUT;
}

int hops_travelled(uint8_t hop_limit)
{
    int initial = hop_limit <= 64 ? 64 : hop_limit <= 128 ? 128 : 255;
    return initial - hop_limit;
}
