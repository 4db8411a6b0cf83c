/* IEEE 802.11 and the capture headers in front of it. */
#include "dissectors/dissect.h"

/* IEEE 802.11-2020 9.2.3, little-endian; only data frames that carry something and are not
 * encrypted | control (2) | duration (2) | address 1 | address 2 | address 3 (6 each) | sequence
 * (2) | | [address 4: both To DS and From DS] | [QoS control (2)] | [HT control (4)] | LLC ... */
enum {
    FRAME_TYPE = 0x000c,
    FRAME_DATA = 0x0008,
    SUBTYPE_NO_DATA = 0x0040,
    SUBTYPE_QOS = 0x0080,
    TO_DS = 0x0100,
    FROM_DS = 0x0200,
    MORE_FRAGMENTS = 0x0400,
    PROTECTED = 0x4000,
    ORDER = 0x8000, /* of a QoS frame: HT control is there */
    QOS_AMSDU = 0x0080,
};

static void wifi_addresses(struct packet *packet, uint16_t control, const uint8_t *h,
                           const uint8_t *address4)
{
    const uint8_t *one = h + 4, *two = h + 10, *three = h + 16;
    const uint8_t *source = two;
    if (control & FROM_DS)
        source = address4 ? address4 : three;
    memcpy(packet->destination_mac, control & TO_DS ? three : one, 6);
    memcpy(packet->source_mac, source, 6);
    packet->has_mac = true;
}

/* `padded`: the capturing driver aligned what follows the header to 4 bytes. */
static bool wifi_frame(struct dissection *d, bool padded)
{
    struct cursor *c = &d->at;
    const uint8_t *h = cursor_take(c, 24);
    if (!h)
        return false;
    uint16_t control = bytes_u16_le(h);
    if ((control & FRAME_TYPE) != FRAME_DATA || control & (SUBTYPE_NO_DATA | PROTECTED))
        return false;
    uint16_t fragment = h[22] & 0x0f;
    if (fragment != 0)
        return false;

    bool bridged = (control & TO_DS) && (control & FROM_DS);
    const uint8_t *address4 = bridged ? cursor_take(c, 6) : NULL;
    if (!cursor_ok(c))
        return false;
    wifi_addresses(d->packet, control, h, address4);
    uint16_t qos = 0;
    if (control & SUBTYPE_QOS) {
        qos = cursor_u16_le(c);
        if (control & ORDER)
            cursor_skip(c, 4);
    }
    if (padded)
        cursor_skip(c, (size_t)(h - c->at) & 3);
    if (qos & QOS_AMSDU) /* 9.3.2.2: of the subframes only the first; | DA | SA | length (2) | */
        cursor_skip(c, 14);
    return cursor_ok(c) && dissect_hand_on(d, dissect_llc);
}

bool dissect_wifi(struct dissection *d)
{
    return wifi_frame(d, false);
}

static bool wifi_padded(struct dissection *d)
{
    return wifi_frame(d, true);
}

/* https://www.radiotap.org, little-endian
 *   | version 0 | pad | header length (2) | present (4), repeated while bit 31 | fields ...
 * Field 0, TSFT, has 8 bytes aligned to 8; field 1, flags, has one. */
bool dissect_radiotap(struct dissection *d)
{
    enum { TSFT = 1u << 0, FLAGS = 1u << 1, PRESENT_MAX = 16, FLAG_PADDED = 0x20 };
    static const uint32_t another = 1u << 31;
    struct cursor *c = &d->at, fields = *c;

    cursor_skip(&fields, 2);
    uint16_t length = cursor_u16_le(&fields);
    const uint8_t *h = cursor_take(c, length);
    if (!h || length < 8)
        return false;
    cursor_limit(&fields, length - 4u);
    uint32_t present = cursor_u32_le(&fields), more = present;
    for (unsigned i = 0; (more & another) && i < PRESENT_MAX; i++)
        more = cursor_u32_le(&fields);
    if (present & TSFT)
        cursor_skip(&fields, ((size_t)(h - fields.at) & 7) + 8);
    uint8_t flags = present & FLAGS ? cursor_u8(&fields) : 0;
    return dissect_hand_on(d, flags & FLAG_PADDED ? wifi_padded : dissect_wifi);
}

/* LINKTYPE_IEEE802_11_AVS
 *   | magic 0x80211001 (4) | header length (4) | ... */
bool dissect_avs(struct dissection *d)
{
    struct cursor *c = &d->at;
    cursor_skip(c, 4);
    uint32_t length = cursor_u32(c);
    if (!cursor_ok(c) || length < 8)
        return false;
    cursor_skip(c, length - 8);
    return dissect_hand_on(d, dissect_wifi);
}

/* LINKTYPE_IEEE802_11_PRISM, in the capturing host's byte order; the length is small, so the order
 * shows. Some drivers wrote the AVS header under this name.
 *   | message code (4) | header length (4) | ... */
bool dissect_prism(struct dissection *d)
{
    struct cursor *c = &d->at, peek = *c;
    if ((cursor_u32(&peek) & 0xfffff000) == 0x80211000)
        return dissect_hand_on(d, dissect_avs);
    uint32_t length = cursor_u32_le(&peek);
    if (length > 0xffff)
        length = __builtin_bswap32(length);
    if (!cursor_ok(&peek) || length < 8)
        return false;
    cursor_skip(c, length);
    return dissect_hand_on(d, dissect_wifi);
}
