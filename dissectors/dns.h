/* DNS over UDP (RFC 1035), read by the system's own parser (libresolv): what was asked for, and
 * which addresses were told. Names come from strangers. */
#ifndef FWSNIFF_DISSECTORS_DNS_H
#define FWSNIFF_DISSECTORS_DNS_H

#include <stdbool.h>
#include <stdint.h>

#include "dissectors/address.h"

enum { DNS_NAME_MAX = 128, DNS_ADDRESSES_MAX = 4 };

struct dns_message {
    bool is_answer;
    uint8_t code; /* of an answer, RFC 1035 4.1.1: 0 no error, 2 failure, 3 no such name */
    char name[DNS_NAME_MAX]; /* of the question, in small letters; one that is longer is not read */
    uint8_t address_count;   /* the first ones, whatever names lead to them */
    struct ip_address address[DNS_ADDRESSES_MAX];
};

/* False where it is no message about an address (A, AAAA), or cannot be read. */
bool dns_read(const uint8_t *bytes, uint32_t length, struct dns_message *message);

#endif
