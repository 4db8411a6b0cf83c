#include "analyzer/attribution/neighbours.h"

void neighbours_gather(const struct tracker *tracker, struct neighbours *neighbours)
{
    const struct host_table *hosts = tracker_hosts(tracker);
    *neighbours = (struct neighbours){0};
    for (size_t i = 0; i < host_table_count(hosts); i++) {
        const struct host *host = host_table_at(hosts, i);
        neighbours->own |= host_link(host)->out > 0;
        if (host_link(host)->has_mac && neighbours->count < NEIGHBOURS_MAX)
            neighbours->known[neighbours->count++] = host;
        if (host_link(host)->asked_unanswered && neighbours->asked_count < NEIGHBOURS_ASKED_MAX)
            neighbours->asked[neighbours->asked_count++] = host;
    }
}

const struct host *neighbours_with(const struct neighbours *neighbours, const uint8_t mac[6])
{
    for (size_t i = 0; i < neighbours->count; i++)
        if (memcmp(host_link(neighbours->known[i])->mac, mac, 6) == 0)
            return neighbours->known[i];
    return NULL;
}

bool neighbours_is_router(const struct neighbours *neighbours, const uint8_t mac[6],
                          const struct ip_address *address)
{
    bool others = false;
    for (size_t i = 0; i < neighbours->count; i++) {
        const struct host *host = neighbours->known[i];
        if (memcmp(host_link(host)->mac, mac, sizeof host_link(host)->mac) != 0)
            continue;
        if (ip_equal(&host->address, address))
            return false;
        others = true;
    }
    return others;
}
