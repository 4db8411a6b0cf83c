#include "analyzer/capture/linktype.h"

#include <pcap/pcap.h>
#include <stddef.h>
#include <stdio.h>

#include "analyzer/capture/source.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* BSD/OS stored raw IP as 14, everybody else as 12; the other DLT_ values below 20 that differ
 * between systems were given LINKTYPE_ values of 100 and up (libpcap's pcap-common.c). */
static const struct {
    uint16_t in_file, link_type;
} old_values[] = {
    {11, LINKTYPE_ATM_RFC1483}, {12, LINKTYPE_RAW},       {14, LINKTYPE_RAW},
    {15, LINKTYPE_SLIP_BSDOS},  {16, LINKTYPE_PPP_BSDOS}, {19, LINKTYPE_ATM_CLIP},
};

/* Where the two differ; everywhere else they are the same number. */
static const struct {
    uint16_t link_type;
    int dlt;
} differing[] = {
    {LINKTYPE_ATM_RFC1483, DLT_ATM_RFC1483}, {LINKTYPE_RAW, DLT_RAW},
    {LINKTYPE_SLIP_BSDOS, DLT_SLIP_BSDOS},   {LINKTYPE_PPP_BSDOS, DLT_PPP_BSDOS},
    {LINKTYPE_ATM_CLIP, DLT_ATM_CLIP},
};

static const struct {
    uint16_t link_type;
    uint32_t bytes;
} long_frames[] = {
    {LINKTYPE_DBUS, FRAME_BYTES_MAX_DBUS},
    {LINKTYPE_EBHSCR, FRAME_BYTES_MAX_EBHSCR},
    {LINKTYPE_USBPCAP, FRAME_BYTES_MAX_USBPCAP},
};

uint16_t linktype_from_file(uint16_t value)
{
    for (size_t i = 0; i < COUNT(old_values); i++)
        if (old_values[i].in_file == value)
            return old_values[i].link_type;
    return value;
}

int linktype_to_dlt(uint16_t link_type)
{
    for (size_t i = 0; i < COUNT(differing); i++)
        if (differing[i].link_type == link_type)
            return differing[i].dlt;
    return link_type;
}

uint16_t linktype_from_dlt(int dlt)
{
    for (size_t i = 0; i < COUNT(differing); i++)
        if (differing[i].dlt == dlt)
            return differing[i].link_type;
    return (uint16_t)dlt;
}

uint32_t linktype_frame_bytes_max(uint16_t link_type)
{
    for (size_t i = 0; i < COUNT(long_frames); i++)
        if (long_frames[i].link_type == link_type)
            return long_frames[i].bytes;
    return FRAME_BYTES_MAX;
}

const char *source_link_type_name(uint16_t link_type, char buffer[24])
{
    const char *name = pcap_datalink_val_to_name(linktype_to_dlt(link_type));
    if (name)
        return name;
    snprintf(buffer, 24, "LINKTYPE_%u", link_type);
    return buffer;
}
