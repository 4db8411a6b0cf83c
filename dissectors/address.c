#include "dissectors/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

enum { V4_PREFIX_BITS = 96, ADDRESS_BITS = 128 };

static bool in_any(const struct ip_address *address, const struct ip_network *networks,
                   size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ip_network_contains(&networks[i], address))
            return true;
    return false;
}

#define IN_ANY(address, networks) in_any(address, networks, sizeof(networks) / sizeof *(networks))

#define V4_NETWORK(a, b, c, d, bits)                                                               \
    {                                                                                              \
        {.bytes = {[10] = 0xff, [11] = 0xff, a, b, c, d}}, V4_PREFIX_BITS + (bits)                 \
    }
#define V6_NETWORK(a, b, bits)                                                                     \
    {                                                                                              \
        {.bytes = {a, b}}, bits                                                                    \
    }

bool ip_is_private(const struct ip_address *address)
{
    static const struct ip_network private_[] = {
        V4_NETWORK(10, 0, 0, 0, 8),     V4_NETWORK(172, 16, 0, 0, 12), /* RFC 1918 */
        V4_NETWORK(192, 168, 0, 0, 16), V4_NETWORK(100, 64, 0, 0, 10), /* RFC 6598: CGNAT */
        V4_NETWORK(169, 254, 0, 0, 16),                                /* RFC 3927: link-local */
        V6_NETWORK(0xfc, 0, 7),                                        /* RFC 4193 */
        V6_NETWORK(0xfe, 0x80, 10),                                    /* RFC 4291 2.5.6 */
    };
    return IN_ANY(address, private_);
}

const char *ip_text(const struct ip_address *address, char text[IP_ADDRESS_TEXT])
{
    bool v4 = ip_is_v4(address);
    const uint8_t *bytes = v4 ? address->bytes + 12 : address->bytes;
    if (!inet_ntop(v4 ? AF_INET : AF_INET6, bytes, text, IP_ADDRESS_TEXT))
        text[0] = '\0';
    return text;
}

bool ip_parse(const char *text, struct ip_address *address)
{
    uint8_t bytes[16];
    if (inet_pton(AF_INET, text, bytes) == 1)
        *address = ip_from_v4(bytes);
    else if (inet_pton(AF_INET6, text, bytes) == 1)
        memcpy(address->bytes, bytes, sizeof bytes);
    else
        return false;
    return true;
}

/* The bits behind the slash: digits only, no sign, no leading zeros. */
static bool prefix_parse(const char *text, unsigned limit, unsigned *bits)
{
    size_t length = strspn(text, "0123456789");
    if (length == 0 || length > 3 || text[length] != '\0' || (text[0] == '0' && length > 1))
        return false;
    *bits = (unsigned)strtoul(text, NULL, 10);
    return *bits <= limit;
}

bool ip_network_parse(const char *text, struct ip_network *network)
{
    char host[IP_ADDRESS_TEXT];
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t)(slash - text) : strlen(text);
    if (length >= sizeof host)
        return false;
    memcpy(host, text, length);
    host[length] = '\0';

    struct ip_network parsed = {.prefix = ADDRESS_BITS};
    if (!ip_parse(host, &parsed.address))
        return false;
    if (slash) {
        /* "::ffff:10.0.0.0/104" counts from the front of the 128 bits, as written */
        bool dotted = !strchr(host, ':');
        unsigned front = dotted ? V4_PREFIX_BITS : 0, bits;
        if (!prefix_parse(slash + 1, ADDRESS_BITS - front, &bits))
            return false;
        parsed.prefix = (uint8_t)(front + bits);
    }
    *network = parsed;
    return true;
}

bool ip_network_contains(const struct ip_network *network, const struct ip_address *address)
{
    unsigned whole = network->prefix / 8, bits = network->prefix % 8;
    if (memcmp(network->address.bytes, address->bytes, whole) != 0)
        return false;
    if (bits == 0)
        return true;
    uint8_t mask = (uint8_t)(0xff00u >> bits);
    return ((network->address.bytes[whole] ^ address->bytes[whole]) & mask) == 0;
}
