/* An IP address of either version. IPv4 is held as an IPv4-mapped IPv6 address (RFC 4291 2.5.5.2),
 * so that one compare serves both. All zeros is "no address". Bytes are in network order. */
#ifndef FWSNIFF_DISSECTORS_ADDRESS_H
#define FWSNIFF_DISSECTORS_ADDRESS_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct ip_address {
    union {
        uint8_t bytes[16];
        uint32_t words[4];
        uint64_t halves[2];
    };
};

enum { IP_ADDRESS_TEXT = 46 };

static inline bool ip_equal(const struct ip_address *a, const struct ip_address *b)
{
    return a->halves[0] == b->halves[0] && a->halves[1] == b->halves[1];
}

static inline int ip_compare(const struct ip_address *a, const struct ip_address *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

/* Made of halves, as it is read: a wide load of what was just written in pieces waits for all
 * earlier stores. */
static inline struct ip_address ip_from_v4(const uint8_t bytes[4])
{
    uint32_t number;
    memcpy(&number, bytes, sizeof number);
    return (struct ip_address){.halves = {0, htobe64(UINT64_C(0xffff) << 32 | be32toh(number))}};
}

/* These four are asked of every packet, so they are a few compares each; the networks that they
 * stand for are their twins in tests/unit/test_address.c. */

/* RFC 4291 2.5.5.2 */
static inline bool ip_is_v4(const struct ip_address *address)
{
    static const struct ip_address prefix = {.bytes = {[10] = 0xff, [11] = 0xff}};
    return address->halves[0] == 0 && address->words[2] == prefix.words[2];
}

/* 0.0.0.0 and ::, which is also "no address". */
static inline bool ip_is_unspecified(const struct ip_address *address)
{
    return address->halves[0] == 0 && address->words[3] == 0 &&
           (address->words[2] == 0 || ip_is_v4(address));
}

/* Multicast (RFC 5771 224/4, RFC 4291 2.7 ff00::/8), or the IPv4 limited broadcast (RFC 919 7). */
static inline bool ip_is_multicast(const struct ip_address *address)
{
    if (address->halves[0] != 0)
        return address->bytes[0] == 0xff;
    return address->bytes[12] >= 224 &&
           (address->bytes[12] < 240 || address->words[3] == UINT32_MAX) && ip_is_v4(address);
}

/* 127/8, ::1 */
static inline bool ip_is_loopback(const struct ip_address *address)
{
    static const struct ip_address one = {.bytes = {[15] = 1}};
    return address->halves[0] == 0 &&
           ((address->bytes[12] == 127 && ip_is_v4(address)) || ip_equal(address, &one));
}
/* RFC 1918, RFC 4193, RFC 6598 (CGNAT), link-local: cannot be reached from the Internet. */
bool ip_is_private(const struct ip_address *address);

/* Dotted quad or RFC 5952 text into `text`; returns `text`. */
const char *ip_text(const struct ip_address *address, char text[IP_ADDRESS_TEXT]);
/* Reads either form. False where it is neither. */
bool ip_parse(const char *text, struct ip_address *address);

struct ip_network {
    struct ip_address address;
    uint8_t prefix; /* bits of the 128; an IPv4 /24 is 120 */
};

/* "10.0.0.0/8", "2001:db8::/32", or an address alone for a single host. */
bool ip_network_parse(const char *text, struct ip_network *network);
bool ip_network_contains(const struct ip_network *network, const struct ip_address *address);

#endif
