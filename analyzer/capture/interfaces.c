#include "analyzer/capture/interfaces.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "analyzer/memory.h"

static bool to_address(const struct sockaddr *from, struct ip_address *to)
{
    if (!from)
        return false;
    if (from->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, from, sizeof v4);
        uint8_t bytes[4];
        memcpy(bytes, &v4.sin_addr, sizeof bytes);
        *to = ip_from_v4(bytes);
        return true;
    }
    if (from->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, from, sizeof v6);
        memcpy(to->bytes, &v6.sin6_addr, sizeof to->bytes);
        return true;
    }
    return false;
}

static void fill_entry(struct interface_entry *entry, const pcap_if_t *interface)
{
    snprintf(entry->name, sizeof entry->name, "%s", interface->name);
    snprintf(entry->description, sizeof entry->description, "%s",
             interface->description ? interface->description : "");
    entry->up = interface->flags & PCAP_IF_UP;
    entry->running = interface->flags & PCAP_IF_RUNNING;
    entry->loopback = interface->flags & PCAP_IF_LOOPBACK;
    for (const pcap_addr_t *a = interface->addresses; a; a = a->next)
        if (entry->address_count < INTERFACE_ADDRESSES_MAX &&
            to_address(a->addr, &entry->addresses[entry->address_count]))
            entry->address_count++;
}

bool interfaces_list(struct interface_entry **list, size_t *count, struct error *error)
{
    char text[PCAP_ERRBUF_SIZE];
    pcap_if_t *all = NULL;
    if (pcap_findalldevs(&all, text) != 0)
        return error_set(error, "cannot list the network interfaces: %s", text);
    *count = 0;
    for (const pcap_if_t *i = all; i; i = i->next)
        ++*count;
    *list = memory_zeroed(*count, sizeof **list);
    struct interface_entry *entry = *list;
    for (const pcap_if_t *i = all; i; i = i->next)
        fill_entry(entry++, i);
    pcap_freealldevs(all);
    return true;
}

size_t interface_addresses(const char *name, struct ip_address *addresses, size_t capacity)
{
    struct ifaddrs *all = NULL;
    size_t count = 0;
    if (getifaddrs(&all) != 0)
        return 0;
    for (const struct ifaddrs *i = all; i && count < capacity; i = i->ifa_next)
        if ((strcmp(name, "any") == 0 || strcmp(name, i->ifa_name) == 0) &&
            to_address(i->ifa_addr, &addresses[count]))
            count++;
    freeifaddrs(all);
    return count;
}
