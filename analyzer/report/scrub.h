/* A captured frame made fit to be given away: cut after its headers, and with `pseudonyms` every
 * address in it replaced (link layer, IP, ARP, neighbour discovery, the packet that an ICMP error
 * quotes). Only what is understood is kept: what might hide an address or payload is cut off or
 * blanked (IP options, unknown TCP options, tunnel headers around the packet).
 *
 * Lengths stay true by the frame's original length. Checksums are carried along by RFC 1624: what
 * was right stays right, what was wrong stays wrong. */
#ifndef FWSNIFF_REPORT_SCRUB_H
#define FWSNIFF_REPORT_SCRUB_H

#include "analyzer/capture/source.h"
#include "analyzer/pseudonym.h"

enum { SCRUBBED_MAX = 512 }; /* bytes of headers: more are not kept */

struct scrubbed {
    uint16_t link_type; /* another than the frame's where its link header could not be kept */
    uint32_t caplen, len;
    uint8_t bytes[SCRUBBED_MAX];
};

/* `pseudonyms` NULL: only cut. */
void scrub_frame(const struct pseudonyms *pseudonyms, const struct frame *frame,
                 struct scrubbed *scrubbed);

#endif
