/* The network interfaces of this machine, for -D and for knowing which addresses are our own. */
#ifndef FWSNIFF_CAPTURE_INTERFACES_H
#define FWSNIFF_CAPTURE_INTERFACES_H

#include <stdbool.h>
#include <stddef.h>

#include "analyzer/error.h"
#include "dissectors/address.h"

enum { INTERFACE_ADDRESSES_MAX = 64, INTERFACE_NAME_MAX = 64 };

struct interface_entry {
    char name[INTERFACE_NAME_MAX];
    char description[128]; /* empty where there is none */
    bool up, running, loopback;
    struct ip_address addresses[INTERFACE_ADDRESSES_MAX];
    size_t address_count;
};

/* All that can be captured on, "any" among them. The caller frees `*list`. */
bool interfaces_list(struct interface_entry **list, size_t *count, struct error *error);

/* The addresses of one interface, or of all of them for "any" (loopback's too). Returns how many
 * were written; 0 where there are none or the interface is unknown. */
size_t interface_addresses(const char *name, struct ip_address *addresses, size_t capacity);

#endif
