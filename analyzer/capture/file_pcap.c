/* Classic pcap, draft-ietf-opsawg-pcap, and the variants that were made of it.
 *
 *    0                   1                   2                   3
 *   +---------------------------------------------------------------+
 *   |                          Magic Number                         |
 *   |          Major Version        |         Minor Version         |
 *   |                           Reserved1                           |
 *   |                           Reserved2                           |
 *   |                            SnapLen                            |
 *   | FCS |f|        reserved       |            LinkType           |
 *   +---------------------------------------------------------------+
 *
 * Every record: seconds, fraction, captured length, original length (4 bytes each), and in some
 * variants more; then the frame. */
#include <stdlib.h>

#include "analyzer/capture/file.h"
#include "analyzer/capture/linktype.h"
#include "analyzer/memory.h"

enum {
    HEADER_BYTES = 24,
    IXIA_EXTRA_BYTES = 4, /* Ixia put the size of all records behind the header */
    RECORD_BYTES = 16,
    RECORD_BYTES_NOKIA = 20,    /* Nokia IPSO: 4 bytes nobody explained */
    RECORD_BYTES_MODIFIED = 24, /* Kuznetzov: interface index, protocol, packet type */
    RECORD_BYTES_SS990915 = 28, /* the same, CPU numbers */
    PACKET_TYPE_AT = 22,
    AIX_FDDI_PADDING = 3,
    ORIGINAL_BYTES_MAX = 128 * 1024 * 1024, /* beyond, a length is taken for a wrong guess */
    RECORDS_TRIED = 3,
};

enum magic_kind { MAGIC_PLAIN, MAGIC_NANO, MAGIC_MODIFIED, MAGIC_IXIA };

/* The first four values are libpcap's and Wireshark's, the fifth was given to Navtel (nanoseconds,
 * see libpcap's sf-pcap.c), the last two are Ixia's hardware and software captures. */
static const struct {
    uint32_t magic;
    enum magic_kind kind;
} magics[] = {
    {0xa1b2c3d4, MAGIC_PLAIN}, {0xa1b23c4d, MAGIC_NANO}, {0xa1b2cd34, MAGIC_MODIFIED},
    {0xa12b3c4d, MAGIC_NANO},  {0x1c0001ac, MAGIC_IXIA}, {0x1c0001ab, MAGIC_IXIA},
};

enum lengths { LENGTHS_NORMAL, LENGTHS_SWAPPED, LENGTHS_MAYBE_SWAPPED };

struct pcap_file {
    bool swapped;
    bool simple; /* 16-byte record headers, nothing to repair: the fast way */
    enum lengths lengths;
    uint32_t record_bytes;
    uint32_t padding;     /* bytes before each frame that are not part of it */
    uint32_t fraction_ns; /* of one unit of the fraction */
    uint32_t snaplen;
    uint32_t frame_bytes_max;
    uint16_t link_type;
};

struct record {
    uint32_t seconds, fraction, caplen, len;
};

static bool find_magic(const uint8_t *data, enum magic_kind *kind, bool *swapped)
{
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
        for (int order = 0; order < 2; order++)
            if (read_u32(data, order) == magics[i].magic) {
                *kind = magics[i].kind;
                *swapped = order;
                return true;
            }
    return false;
}

static bool pcap_match(const uint8_t *data, size_t length)
{
    enum magic_kind kind;
    bool swapped;
    return length >= 4 && find_magic(data, &kind, &swapped);
}

static struct record read_record(const struct pcap_file *file, const uint8_t *at)
{
    struct record record = {
        read_u32(at, file->swapped),
        read_u32(at + 4, file->swapped),
        read_u32(at + 8, file->swapped),
        read_u32(at + 12, file->swapped),
    };
    if (file->lengths == LENGTHS_SWAPPED ||
        (file->lengths == LENGTHS_MAYBE_SWAPPED && record.caplen > record.len)) {
        uint32_t length = record.caplen;
        record.caplen = record.len;
        record.len = length;
    }
    return record;
}

/* What speaks against records of this size, over the first few: the number of oddities of the
 * first odd one, 0 when all are fine. The same questions as Wireshark asks, because neither the
 * Nokia nor the first Kuznetzov variant has a magic number of its own; but a file that is cut
 * behind a good record is just that, where Wireshark may see a Nokia one. */
static int count_oddities(const struct pcap_file *file, const uint8_t *at, size_t left,
                          uint32_t record_bytes, bool whole_file)
{
    for (int i = 0; i < RECORDS_TRIED && left; i++) {
        if (left < record_bytes)
            return whole_file && i == 0;
        struct record r = read_record(file, at);
        int odd = (r.fraction >= 1000000) + (r.caplen > file->frame_bytes_max) +
                  (r.len > ORIGINAL_BYTES_MAX) + (r.caplen > file->snaplen) + (r.caplen > r.len);
        if (odd)
            return odd;
        if (left - record_bytes < r.caplen)
            return whole_file && i == 0;
        at += record_bytes + r.caplen;
        left -= record_bytes + r.caplen;
    }
    return 0;
}

static void guess_record_bytes(struct pcap_file *file, const struct bytes *bytes,
                               enum magic_kind kind)
{
    static const uint32_t plain[] = {RECORD_BYTES, RECORD_BYTES_MODIFIED, RECORD_BYTES_NOKIA};
    static const uint32_t modified[] = {RECORD_BYTES_MODIFIED, RECORD_BYTES_SS990915};
    const uint32_t *sizes = kind == MAGIC_MODIFIED ? modified : plain;
    size_t count = kind == MAGIC_MODIFIED ? 2 : 3;
    size_t left = (size_t)(bytes->end - bytes->at);
    /* A pipe may have brought one record and the start of the next: no conclusion from that. */
    bool whole_file = !bytes->pipe && left < BYTES_BLOCK - HEADER_BYTES;

    int fewest = -1;
    for (size_t i = 0; i < count; i++) {
        int odd = count_oddities(file, bytes->at, left, sizes[i], whole_file);
        if (fewest < 0 || odd < fewest) {
            fewest = odd;
            file->record_bytes = sizes[i];
        }
        if (odd == 0 || bytes->pipe)
            break;
    }
}

/* AIX writes version 2.2, nanoseconds, and interface types of RFC 1573 for link types. */
static bool is_aix(uint16_t minor, uint32_t *network)
{
    static const struct {
        uint16_t type, link_type;
    } types[] = {
        {6, LINKTYPE_ETHERNET}, {9, LINKTYPE_IEEE802_5}, {15, LINKTYPE_FDDI}, {24, LINKTYPE_NULL}};
    for (size_t i = 0; minor == 2 && i < sizeof types / sizeof *types; i++)
        if (types[i].type == *network) {
            *network = types[i].link_type;
            return true;
        }
    return false;
}

static enum lengths find_lengths(uint16_t major, uint16_t minor)
{
    /* Until 2.3 the two lengths stood the other way round, and some 2.3 files still have it so.
     * DG/UX wrote version 543.0 that way. */
    if ((major == 2 && minor < 3) || major == 543)
        return LENGTHS_SWAPPED;
    return major == 2 && minor == 3 ? LENGTHS_MAYBE_SWAPPED : LENGTHS_NORMAL;
}

static void *pcap_open_file(struct reader *reader, struct error *error)
{
    struct bytes *bytes = reader->bytes;
    enum magic_kind kind = MAGIC_PLAIN;
    bool swapped = false;
    find_magic(bytes->at, &kind, &swapped);
    uint32_t header_bytes = HEADER_BYTES + (kind == MAGIC_IXIA ? IXIA_EXTRA_BYTES : 0);
    if (!reader_fill(reader, header_bytes, error))
        return NULL;
    const uint8_t *header = bytes->at;
    size_t have = (size_t)(bytes->end - bytes->at);
    if (have < header_bytes) {
        error_set(error, "%s: a pcap file cut in its header: %zu of %u bytes are there",
                  reader->name, have, header_bytes);
        return NULL;
    }
    uint16_t major = read_u16(header + 4, swapped), minor = read_u16(header + 6, swapped);
    if (major < 2) {
        error_set(error, "%s: pcap version %u.%u is not known (2.4 is usual)", reader->name, major,
                  minor);
        return NULL;
    }
    uint32_t network = read_u32(header + 20, swapped);

    struct pcap_file *file = memory_zeroed(1, sizeof *file);
    file->swapped = swapped;
    file->lengths = find_lengths(major, minor);
    file->record_bytes = RECORD_BYTES;
    file->fraction_ns = kind == MAGIC_NANO ? 1 : 1000;
    file->snaplen = read_u32(header + 16, swapped);
    bool aix = kind == MAGIC_PLAIN && major == 2 && is_aix(minor, &network);
    /* The upper 16 bits: length of the frame check sequence, and bits that "MUST be ignored". */
    file->link_type = linktype_from_file((uint16_t)network);
    file->frame_bytes_max = linktype_frame_bytes_max(file->link_type);
    bytes->at += header_bytes;
    if (aix) {
        file->fraction_ns = 1;
        file->padding = file->link_type == LINKTYPE_FDDI ? AIX_FDDI_PADDING : 0;
    } else if (kind == MAGIC_PLAIN || kind == MAGIC_MODIFIED) {
        guess_record_bytes(file, bytes, kind);
    }
    file->simple =
        file->record_bytes == RECORD_BYTES && file->lengths == LENGTHS_NORMAL && !file->padding;
    reader_interface(reader, file->link_type, file->snaplen);
    return file;
}

/* Kuznetzov's packet type is Linux's sll_pkttype: 0 to us, 1 broadcast, 2 multicast, 3 to somebody
 * else, 4 sent by us. */
static enum frame_direction direction(const struct pcap_file *file, const uint8_t *record)
{
    if (file->record_bytes < RECORD_BYTES_MODIFIED)
        return FRAME_UNKNOWN;
    uint8_t type = record[PACKET_TYPE_AT];
    return type == 4 ? FRAME_OUTBOUND : type < 3 ? FRAME_INBOUND : FRAME_UNKNOWN;
}

/* One loop, compiled three times: `simple` and `swapped` are constants in each. */
static inline __attribute__((always_inline)) enum walk
walk_records(const struct pcap_file *file, struct reader *reader, struct frame *frames,
             size_t capacity, size_t *count, bool simple, bool swapped)
{
    const uint8_t *at = reader->bytes->at, *const end = reader->bytes->end;
    const uint32_t record_bytes = simple ? RECORD_BYTES : file->record_bytes;
    const uint32_t padding = simple ? 0 : file->padding;
    const uint32_t frame_bytes_max = file->frame_bytes_max;
    const uint32_t fraction_ns = file->fraction_ns;
    const uint16_t link_type = file->link_type;
    uint64_t number = reader->number;
    enum walk result = WALK_FULL;
    struct frame *frame = frames, *const last = frames + capacity;

    for (; frame < last; frame++) {
        size_t left = (size_t)(end - at);
        if (left < record_bytes) {
            reader->need = record_bytes;
            result = WALK_MORE;
            break;
        }
        struct record r = {read_u32(at, swapped), read_u32(at + 4, swapped),
                           read_u32(at + 8, swapped), read_u32(at + 12, swapped)};
        if (!simple)
            r = read_record(file, at);
        if (r.caplen > frame_bytes_max || r.caplen < padding) {
            result = WALK_BAD;
            break;
        }
        if (left - record_bytes < r.caplen) {
            reader->need = record_bytes + (size_t)r.caplen;
            result = WALK_MORE;
            break;
        }
        uint32_t caplen = r.caplen - padding;
        number++;
        *frame = (struct frame){
            .data = at + record_bytes + padding,
            .caplen = caplen,
            .len = r.len > caplen ? r.len : caplen,
            .time_ns = (int64_t)r.seconds * 1000000000 + (int64_t)r.fraction * fraction_ns,
            .number = number,
            .link_type = link_type,
            .direction = simple ? FRAME_UNKNOWN : direction(file, at),
        };
        at += record_bytes + r.caplen;
    }
    *count = (size_t)(frame - frames);
    reader->bytes->at = at;
    reader->number = number;
    return result;
}

static enum walk pcap_walk(void *state, struct reader *reader, struct frame *frames,
                           size_t capacity, size_t *count)
{
    const struct pcap_file *file = state;
    enum walk result;
    if (!file->simple)
        result = walk_records(file, reader, frames, capacity, count, false, false);
    else if (file->swapped)
        result = walk_records(file, reader, frames, capacity, count, true, true);
    else
        result = walk_records(file, reader, frames, capacity, count, true, false);
    if (result == WALK_BAD)
        reader_bad(reader,
                   "damaged at byte %llu: frame %llu would have %u bytes, more than the %u that "
                   "are possible",
                   (unsigned long long)bytes_offset(reader->bytes),
                   (unsigned long long)reader->number + 1,
                   read_record(file, reader->bytes->at).caplen, file->frame_bytes_max);
    return result;
}

static void pcap_describe_cut(const void *state, const struct reader *reader, struct error *error)
{
    const struct pcap_file *file = state;
    const uint8_t *at = reader->bytes->at;
    size_t have = (size_t)(reader->bytes->end - at);
    unsigned long long number = reader->number + 1;
    if (have < file->record_bytes)
        error_set(error, "%s: cut in the header of frame %llu: %zu of %u bytes are there",
                  reader->name, number, have, file->record_bytes);
    else
        error_set(error, "%s: cut in frame %llu: %zu of %u bytes are there", reader->name, number,
                  have - file->record_bytes, read_record(file, at).caplen);
}

const struct file_format file_format_pcap = {
    .match = pcap_match,
    .open = pcap_open_file,
    .walk = pcap_walk,
    .describe_cut = pcap_describe_cut,
    .close = free,
};
