/* ARP for IPv4 over Ethernet, RFC 826
 *   |  hardware 1 (6: IEEE 802)     |        protocol 0800          |
 *   | hardware len 6| protocol len 4|           operation           |
 *   |  sender hardware (6)  |  sender IP (4)  |
 *   |  target hardware (6)  |  target IP (4)  | */
#include "dissectors/dissect.h"

bool dissect_arp(struct dissection *d)
{
    enum { HARDWARE_ETHERNET = 1, HARDWARE_IEEE_802 = 6, PROTOCOL_IP4 = 0x0800 };
    const uint8_t *h = cursor_take(&d->at, 28);
    if (!h)
        return false;
    uint16_t hardware = bytes_u16(h);
    if (hardware != HARDWARE_ETHERNET && hardware != HARDWARE_IEEE_802)
        return false;
    if (bytes_u16(h + 2) != PROTOCOL_IP4 || h[4] != 6 || h[5] != 4)
        return false;

    struct arp_header *arp = &d->packet->arp;
    d->packet->kind = PACKET_ARP;
    arp->operation = bytes_u16(h + 6);
    memcpy(arp->sender_mac, h + 8, 6);
    arp->sender = ip_from_v4(h + 14);
    arp->target = ip_from_v4(h + 24);
    return true;
}
