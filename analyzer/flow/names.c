#include "analyzer/flow/names.h"

#include <stdlib.h>

#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"

static struct lookup *row_of(const struct names *names, const struct ip_address *client,
                             const char *name)
{
    uint64_t hash = hash_two(names->seed, client->halves[0], client->halves[1]);
    for (; *name; name++)
        hash = hash_mix(hash ^ (uint8_t)*name, 0x9e3779b97f4a7c15u);
    return names->rows[hash % NAMES_ROWS];
}

/* The client's look-up of that name, made anew in place of the oldest of its row. */
static struct lookup *find(struct names *names, const struct ip_address *client, const char *name)
{
    struct lookup *row = row_of(names, client, name), *oldest = row;
    for (int i = 0; i < NAMES_PER_ROW; i++) {
        if (ip_equal(&row[i].client, client) && strcmp(row[i].name, name) == 0)
            return &row[i];
        if (row[i].last_ns < oldest->last_ns)
            oldest = &row[i];
    }
    names->forgotten += oldest->last_ns != 0;
    *oldest = (struct lookup){.client = *client};
    memcpy(oldest->name, name, strlen(name) + 1);
    return oldest;
}

void names_packet(struct names *names, const struct packet *packet, uint64_t frame, int64_t time_ns)
{
    struct dns_message message;
    if (!dns_read(packet->payload, packet->payload_captured, &message))
        return;
    if (!names->rows) {
        names->rows = memory_zeroed(NAMES_ROWS, sizeof *names->rows);
        names->seed = hash_seed();
    }
    const struct ip_address *client =
        message.is_answer ? &packet->ip.destination : &packet->ip.source;
    struct lookup *lookup = find(names, client, message.name);
    lookup->last_ns = time_ns;
    if (!message.is_answer) {
        lookup->asked++;
        lookup->asked_ns = time_ns;
        lookup->asked_frame = frame;
        return;
    }
    lookup->asked = 0;
    lookup->answer_frame = frame;
    lookup->code = message.code;
    if (message.address_count) {
        lookup->address_count = message.address_count;
        memcpy(lookup->address, message.address, sizeof lookup->address);
        lookup->told_by = packet->ip.source;
    }
}

static bool told(const struct lookup *lookup, const struct ip_address *address)
{
    for (uint8_t i = 0; i < lookup->address_count; i++)
        if (ip_equal(&lookup->address[i], address))
            return true;
    return false;
}

const struct lookup *names_of_address(const struct names *names, const struct ip_address *client,
                                      const struct ip_address *address)
{
    const struct lookup *latest = NULL;
    for (int i = 0; names->rows && i < NAMES_ROWS * NAMES_PER_ROW; i++) {
        const struct lookup *lookup = &names->rows[i / NAMES_PER_ROW][i % NAMES_PER_ROW];
        if (ip_equal(&lookup->client, client) && told(lookup, address) &&
            (!latest || lookup->last_ns > latest->last_ns))
            latest = lookup;
    }
    return latest;
}

const struct lookup *names_unresolved(const struct names *names, const struct ip_network *clients)
{
    const struct lookup *latest = NULL;
    for (int i = 0; names->rows && i < NAMES_ROWS * NAMES_PER_ROW; i++) {
        const struct lookup *lookup = &names->rows[i / NAMES_PER_ROW][i % NAMES_PER_ROW];
        if (lookup->last_ns && !lookup->address_count &&
            ip_network_contains(clients, &lookup->client) &&
            (!latest || lookup->last_ns > latest->last_ns))
            latest = lookup;
    }
    return latest;
}

void names_free(struct names *names)
{
    free(names->rows);
}
