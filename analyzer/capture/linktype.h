/* Link types: the numbers in capture files (LINKTYPE_) and in libpcap (DLT_), and what each allows.
 * https://www.tcpdump.org/linktypes.html */
#ifndef FWSNIFF_CAPTURE_LINKTYPE_H
#define FWSNIFF_CAPTURE_LINKTYPE_H

#include <stdint.h>

enum {
    LINKTYPE_NULL = 0,
    LINKTYPE_ETHERNET = 1,
    LINKTYPE_IEEE802_5 = 6,
    LINKTYPE_FDDI = 10,
    LINKTYPE_ATM_RFC1483 = 100,
    LINKTYPE_RAW = 101,
    LINKTYPE_SLIP_BSDOS = 102,
    LINKTYPE_PPP_BSDOS = 103,
    LINKTYPE_ATM_CLIP = 106,
    LINKTYPE_DBUS = 231,
    LINKTYPE_USBPCAP = 249,
    LINKTYPE_EBHSCR = 279,
};

/* The longest frame believed. More is a damaged file, not a frame. */
enum {
    FRAME_BYTES_MAX = 256 * 1024, /* libpcap's MAXIMUM_SNAPLEN, Wireshark's too */
    FRAME_BYTES_MAX_DBUS = 128 * 1024 * 1024,
    FRAME_BYTES_MAX_EBHSCR = 32 * 1024 * 1024,
    FRAME_BYTES_MAX_USBPCAP = 128 * 1024 * 1024,
};

/* Old files hold the DLT_ number of the system that wrote them; this gives the LINKTYPE_. */
uint16_t linktype_from_file(uint16_t value);
int linktype_to_dlt(uint16_t link_type);
uint16_t linktype_from_dlt(int dlt);
uint32_t linktype_frame_bytes_max(uint16_t link_type);

#endif
