#include "analyzer/flow/routers.h"

#include <string.h>

#include "dissectors/cursor.h"

/* RFC 4861 4.2, RFC 2710 3, RFC 3810 5.2 */
enum { ADVERTISEMENT = 134, REPORT_V1 = 131, REPORT_V2 = 143 };
enum { ADDRESS = 16, BY_HAND = 255 };

/* ff02::2 and ff05::2. */
static bool is_all_routers(const uint8_t group[ADDRESS])
{
    static const uint8_t zeros[ADDRESS - 3];
    return group[0] == 0xff && (group[1] == 2 || group[1] == 5) &&
           memcmp(group + 2, zeros, sizeof zeros) == 0 && group[ADDRESS - 1] == 2;
}

/* RFC 3810 5.2. A record of "change to include" without a source is how one leaves. */
static bool reports_all_routers(const uint8_t *message, uint32_t captured)
{
    enum { HEADER = 8, COUNT_AT = 6, RECORD = 20, GROUP_AT = 4, TO_INCLUDE = 3, WORD = 4 };
    if (captured < HEADER)
        return false;
    uint32_t left = bytes_u16(message + COUNT_AT), at = HEADER;
    for (; left && captured - at >= RECORD; left--) {
        const uint8_t *record = message + at;
        uint32_t sources = bytes_u16(record + 2);
        if (is_all_routers(record + GROUP_AT) && (record[0] != TO_INCLUDE || sources))
            return true;
        uint32_t size = RECORD + sources * ADDRESS + record[1] * (uint32_t)WORD;
        if (size > captured - at)
            return false;
        at += size;
    }
    return false;
}

static bool is_a_routers(const struct packet *packet)
{
    enum { GROUP_AT = 8 };
    const uint8_t *message = packet->transport;
    if (packet->ip.version != 6 || packet->tunnels || !packet->has_mac || !message)
        return false;
    switch (packet->icmp.type) {
    case ADVERTISEMENT:
        return packet->ip.hop_limit == BY_HAND; /* RFC 4861 6.1.2: no router has passed it on */
    case REPORT_V1:
        return packet->transport_captured >= GROUP_AT + ADDRESS &&
               is_all_routers(message + GROUP_AT);
    case REPORT_V2:
        return reports_all_routers(message, packet->transport_captured);
    default:
        return false;
    }
}

bool routers_has(const struct routers *routers, const uint8_t mac[6])
{
    for (uint32_t i = 0; i < routers->count; i++)
        if (memcmp(routers->mac[i], mac, sizeof routers->mac[i]) == 0)
            return true;
    return false;
}

void routers_packet(struct routers *routers, const struct packet *packet)
{
    if (!is_a_routers(packet) || routers_has(routers, packet->source_mac))
        return;
    if (routers->count == ROUTERS_MAX) {
        routers->refused++;
        return;
    }
    memcpy(routers->mac[routers->count++], packet->source_mac, sizeof routers->mac[0]);
}
