/* Pseudonyms of addresses, for customers who may not give theirs away.
 *
 * IP addresses: prefix-preserving and keyed (J. Xu et al., "Prefix-preserving IP address
 * anonymization", ICNP 2002; Crypto-PAn): two addresses share as many leading bits as their
 * pseudonyms do, so that networks stay networks, and without the key nobody goes back. What kind of
 * address it is (private, multicast) is not kept. MAC addresses: keyed, with no structure kept but
 * the group bit; a pseudonym is locally administered. All zeros and the broadcast address stay. */
#ifndef FWSNIFF_PSEUDONYM_H
#define FWSNIFF_PSEUDONYM_H

#include <stdint.h>

#include "analyzer/error.h"
#include "dissectors/address.h"

struct pseudonyms;

enum {
    PSEUDONYM_KEY_BYTES = 32,
    PSEUDONYM_KEY_TEXT = 2 * PSEUDONYM_KEY_BYTES + 1,
};

/* `key`: 64 hexadecimal digits are the key itself; any other text is a password that the key is
 * derived from (PBKDF2). NULL: a random key. `told` gets the key as hexadecimal digits. NULL where
 * there is no randomness to be had. Free with pseudonyms_free(). */
struct pseudonyms *pseudonyms_new(const char *key, char told[PSEUDONYM_KEY_TEXT],
                                  struct error *error);
void pseudonyms_free(struct pseudonyms *pseudonyms);

/* With `pseudonyms` NULL the address itself. */
struct ip_address pseudonym_ip(const struct pseudonyms *pseudonyms,
                               const struct ip_address *address);
void pseudonym_mac(const struct pseudonyms *pseudonyms, uint8_t mac[6]);

#endif
