/* Frames of any link type, scrubbed: bounded, and whatever can still be read of them has pseudonyms
 * for addresses. The first two bytes choose the link type, the third how much was cut off. */
#include <stdlib.h>

#include "analyzer/report/scrub.h"
#include "dissectors/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct pseudonyms *keys(void)
{
    static struct pseudonyms *made;
    char told[PSEUDONYM_KEY_TEXT];
    struct error error;
    if (!made)
        made = pseudonyms_new("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
                              told, &error);
    return made;
}

static void check_address(const struct ip_address *before, const struct ip_address *after)
{
    struct ip_address expected = pseudonym_ip(keys(), before);
    if (!ip_equal(&expected, after))
        abort();
}

static void check(const struct frame *frame, const struct scrubbed *scrubbed)
{
    struct packet before, after;
    if (scrubbed->caplen > SCRUBBED_MAX || scrubbed->caplen > frame->caplen)
        abort();
    packet_dissect(frame->link_type, frame->data, frame->caplen, frame->len, &before);
    packet_dissect(scrubbed->link_type, scrubbed->bytes, scrubbed->caplen, scrubbed->len, &after);
    if (before.kind != PACKET_TCP || after.kind != PACKET_TCP)
        return;
    check_address(&before.ip.source, &after.ip.source);
    check_address(&before.ip.destination, &after.ip.destination);
    if (before.source_port != after.source_port || before.tcp.flags != after.tcp.flags)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    uint32_t captured = (uint32_t)(size - 3);
    const struct frame frame = {.data = data + 3,
                                .caplen = captured,
                                .len = captured + data[2],
                                .number = 1,
                                .link_type = (uint16_t)(data[0] << 8 | data[1])};
    struct scrubbed scrubbed;
    scrub_frame(NULL, &frame, &scrubbed);
    if (scrubbed.caplen > frame.caplen)
        abort();
    scrub_frame(keys(), &frame, &scrubbed);
    check(&frame, &scrubbed);
    return 0;
}
