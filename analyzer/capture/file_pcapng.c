/* pcapng, draft-ietf-opsawg-pcapng. A file is a row of blocks:
 *
 *    0                   1                   2                   3
 *   +---------------------------------------------------------------+
 *   |                          Block Type                           |
 *   |                      Block Total Length                       |
 *   |                     Block Body, padded to 4                   |
 *   |                      Block Total Length                       |
 *   +---------------------------------------------------------------+
 *
 * A Section Header Block sets the byte order of what follows and forgets the interfaces so far. */
#include <stdlib.h>

#include "analyzer/capture/file.h"
#include "analyzer/capture/linktype.h"
#include "analyzer/memory.h"

enum {
    PCAPNG_BLOCK_BYTES_MAX = 16 * 1024 * 1024, /* longer ones are passed over, not kept */
    PCAPNG_INTERFACES_MAX = UINT16_MAX,        /* of all sections */

    BLOCK_HEADER_BYTES = 8,
    BLOCK_BYTES_MIN = 12,
    SHB_BYTES_MIN = 28,
    IDB_BYTES_MIN = 20,
    ISB_BYTES_MIN = 24,
    SPB_BYTES_MIN = 16,
    EPB_BYTES_MIN = 32, /* the obsolete Packet Block's too */
    EPB_DATA_AT = 28,
    SPB_DATA_AT = 12,
};

/* Section 4 of the draft; the system call events are in its registry (section 11.1). */
enum block_type {
    BLOCK_IDB = 1,
    BLOCK_PB = 2,
    BLOCK_SPB = 3,
    BLOCK_ISB = 5,
    BLOCK_EPB = 6,
    BLOCK_JOURNAL = 9,
    BLOCK_SYSDIG_EVENT = 0x204,
    BLOCK_SYSDIG_EVENT_FLAGS = 0x208,
    BLOCK_SYSDIG_EVENT_V2 = 0x216,
    BLOCK_SYSDIG_EVENT_FLAGS_V2 = 0x217,
    BLOCK_SYSDIG_EVENT_V2_LARGE = 0x221,
    BLOCK_SYSDIG_EVENT_FLAGS_V2_LARGE = 0x222,
    BLOCK_CUSTOM = 0xbad,
    BLOCK_CUSTOM_NO_COPY = 0x40000bad,
    BLOCK_SHB = 0x0a0d0d0a, /* the same in either byte order */
};

enum { BYTE_ORDER_MAGIC = 0x1a2b3c4d, OPTION_END = 0 };

enum option {
    OPTION_IF_TSRESOL = 9,
    OPTION_IF_TSOFFSET = 14,
    OPTION_EPB_FLAGS = 2, /* pack_flags of the Packet Block */
    OPTION_ISB_IFDROP = 5,
    OPTION_ISB_OSDROP = 7,
};

struct interface {
    uint32_t snaplen;
    uint32_t frame_bytes_max;
    uint16_t link_type;
    uint16_t index; /* of all sections */
    bool binary;    /* time unit is 2^-exponent s, not 10^-exponent */
    uint8_t exponent;
    uint32_t unit_ns; /* decimal units of a nanosecond or more; 0: the slow way */
    int64_t offset_s;
    uint64_t dropped; /* what its last statistics block said */
};

struct pcapng_file {
    bool swapped;
    bool unknown_version;         /* of this section: passed over */
    struct interface *interfaces; /* of this section */
    size_t interface_count, interface_room;
    size_t interfaces_before; /* of the sections before this one */
    uint32_t skipped_type;    /* of the block that is being passed over */
};

static bool pcapng_match(const uint8_t *data, size_t length)
{
    if (length < 12 || read_u32(data, false) != BLOCK_SHB)
        return false;
    uint32_t magic = read_u32(data + 8, false);
    return magic == BYTE_ORDER_MAGIC || magic == __builtin_bswap32(BYTE_ORDER_MAGIC);
}

static uint32_t padded(uint32_t length)
{
    return (length + 3) & ~3u;
}

/* Some writers left the padding out of the total length, so Wireshark rounds it up; so do we.
 * 0 where the length cannot be one. */
static uint32_t block_bytes(uint32_t total)
{
    return total < BLOCK_BYTES_MIN || total > UINT32_MAX - 3 ? 0 : padded(total);
}

/* The first option of this code, or NULL; `length` is that of its value. */
static const uint8_t *find_option(const struct pcapng_file *file, const uint8_t *at,
                                  const uint8_t *end, enum option wanted, uint16_t *length)
{
    while (end - at >= 4) {
        uint16_t code = read_u16(at, file->swapped);
        *length = read_u16(at + 2, file->swapped);
        at += 4;
        if (code == OPTION_END || end - at < *length)
            return NULL;
        if (code == wanted)
            return at;
        size_t step = padded(*length);
        if ((size_t)(end - at) < step)
            return NULL;
        at += step;
    }
    return NULL;
}

static int64_t saturate(__int128 value)
{
    return value > INT64_MAX ? INT64_MAX : value < INT64_MIN ? INT64_MIN : (int64_t)value;
}

static __int128 ticks_to_ns(const struct interface *interface, uint64_t ticks)
{
    enum { EXPONENT_MAX = 63, DECIMAL_EXPONENT_MAX = 19 };
    if (interface->binary) {
        if (interface->exponent > EXPONENT_MAX)
            return 0; /* a time that no 64 bits hold a second of */
        uint64_t seconds = ticks >> interface->exponent;
        uint64_t rest = ticks - (seconds << interface->exponent);
        return (__int128)seconds * 1000000000 +
               (__int128)(((unsigned __int128)rest * 1000000000) >> interface->exponent);
    }
    if (interface->exponent > DECIMAL_EXPONENT_MAX)
        return 0;
    uint64_t divisor = 1;
    for (int i = 9; i < interface->exponent; i++)
        divisor *= 10;
    return interface->unit_ns ? (__int128)ticks * interface->unit_ns : (__int128)(ticks / divisor);
}

static inline int64_t frame_time_ns(const struct interface *interface, uint32_t high, uint32_t low)
{
    uint64_t ticks = (uint64_t)high << 32 | low, ns;
    if (interface->unit_ns && !interface->offset_s &&
        !__builtin_mul_overflow(ticks, interface->unit_ns, &ns) && ns <= INT64_MAX)
        return (int64_t)ns;
    return saturate(ticks_to_ns(interface, ticks) + (__int128)interface->offset_s * 1000000000);
}

/*   |           LinkType            |           Reserved            |
 *   |                            SnapLen                            |
 *   |                            Options                            | */
static enum walk read_interface(struct pcapng_file *file, struct reader *reader,
                                const uint8_t *block, uint32_t length)
{
    if (length < IDB_BYTES_MIN)
        return reader_bad(reader, "damaged at byte %llu: an interface description of %u bytes",
                          (unsigned long long)bytes_offset(reader->bytes), length);
    size_t index = file->interfaces_before + file->interface_count;
    if (index >= PCAPNG_INTERFACES_MAX)
        return reader_bad(reader, "more than %d interfaces", PCAPNG_INTERFACES_MAX);
    if (file->interface_count == file->interface_room) {
        file->interface_room = file->interface_room ? file->interface_room * 2 : 4;
        file->interfaces =
            memory_resize(file->interfaces, file->interface_room, sizeof *file->interfaces);
    }
    struct interface *interface = &file->interfaces[file->interface_count++];
    *interface = (struct interface){
        .link_type = linktype_from_file(read_u16(block + 8, file->swapped)),
        .snaplen = read_u32(block + 12, file->swapped),
        .index = (uint16_t)index,
        .exponent = 6,
    };
    interface->frame_bytes_max = linktype_frame_bytes_max(interface->link_type);

    const uint8_t *options = block + 16, *end = block + length - 4;
    uint16_t size;
    const uint8_t *value = find_option(file, options, end, OPTION_IF_TSRESOL, &size);
    if (value && size >= 1) {
        interface->binary = value[0] & 0x80;
        interface->exponent = value[0] & 0x7f;
    }
    value = find_option(file, options, end, OPTION_IF_TSOFFSET, &size);
    if (value && size == 8)
        interface->offset_s = (int64_t)read_u64(value, file->swapped);
    if (!interface->binary && interface->exponent <= 9) {
        interface->unit_ns = 1;
        for (int i = interface->exponent; i < 9; i++)
            interface->unit_ns *= 10;
    }
    reader_interface(reader, interface->link_type, interface->snaplen);
    return WALK_FULL;
}

/*   |                         Interface ID                          |
 *   |                       Timestamp (High)                        |
 *   |                       Timestamp (Low)                         |
 *   |                            Options                            | */
static void read_statistics(struct pcapng_file *file, struct reader *reader, const uint8_t *block,
                            uint32_t length)
{
    uint32_t id = length < ISB_BYTES_MIN ? UINT32_MAX : read_u32(block + 8, file->swapped);
    if (id >= file->interface_count)
        return;
    struct interface *interface = &file->interfaces[id];
    static const enum option counters[] = {OPTION_ISB_IFDROP, OPTION_ISB_OSDROP};
    uint64_t dropped = 0;
    for (size_t i = 0; i < 2; i++) {
        uint16_t size;
        const uint8_t *value =
            find_option(file, block + 20, block + length - 4, counters[i], &size);
        /* Some writers say "unknown" with all ones. */
        if (value && size == 8 && read_u64(value, file->swapped) != UINT64_MAX)
            dropped += read_u64(value, file->swapped);
    }
    /* Statistics count from the start of the capture, so the last block stands for all. */
    reader->stats->kernel_dropped += dropped - interface->dropped;
    interface->dropped = dropped;
}

/*   |                      Byte-Order Magic                         |
 *   |          Major Version        |         Minor Version         |
 *   |                        Section Length                         |
 *   |                            Options                            | */
static enum walk read_section(struct pcapng_file *file, struct reader *reader, const uint8_t *block)
{
    uint16_t major = read_u16(block + 12, file->swapped);
    uint16_t minor = read_u16(block + 14, file->swapped);
    file->interfaces_before += file->interface_count;
    file->interface_count = 0;
    /* 1.2 is written by some and "MUST be treated as 1.0". */
    file->unknown_version = major != 1 || (minor != 0 && minor != 2);
    if (file->unknown_version)
        reader_bad(reader,
                   "the section at byte %llu is pcapng version %u.%u, which cannot be read (1.0 is "
                   "usual)",
                   (unsigned long long)bytes_offset(reader->bytes), major, minor);
    return WALK_FULL;
}

static enum frame_direction read_direction(const struct pcapng_file *file, const uint8_t *options,
                                           const uint8_t *end)
{
    uint16_t size;
    const uint8_t *value = find_option(file, options, end, OPTION_EPB_FLAGS, &size);
    if (!value || size != 4)
        return FRAME_UNKNOWN;
    switch (read_u32(value, file->swapped) & 3) {
    case 1:
        return FRAME_INBOUND;
    case 2:
        return FRAME_OUTBOUND;
    }
    return FRAME_UNKNOWN;
}

static enum walk bad_frame(struct reader *reader, const char *what, unsigned long long value,
                           unsigned long long limit)
{
    return reader_bad(reader, "damaged at byte %llu: frame %llu has %s %llu of at most %llu",
                      (unsigned long long)bytes_offset(reader->bytes),
                      (unsigned long long)reader->number + 1, what, value, limit);
}

static enum walk no_interface(const struct pcapng_file *file, struct reader *reader, uint32_t id)
{
    return reader_bad(
        reader, "damaged at byte %llu: frame %llu is from interface %u, and %zu are described",
        (unsigned long long)bytes_offset(reader->bytes), (unsigned long long)reader->number + 1, id,
        file->interface_count);
}

/* Enhanced Packet Block:
 *   |                         Interface ID                          |
 *   |                Timestamp (High), Timestamp (Low)              |
 *   |                    Captured Packet Length                     |
 *   |                    Original Packet Length                     |
 *   |                 Packet Data, padded; Options                  |
 * In the obsolete Packet Block the first word is Interface ID and Drops Count. */
static inline __attribute__((always_inline)) enum walk
read_packet(const struct pcapng_file *file, struct reader *reader, const uint8_t *block,
            uint32_t length, uint32_t id, bool swapped, struct frame *frame)
{
    uint32_t caplen = read_u32(block + 20, swapped), len = read_u32(block + 24, swapped);
    if (id >= file->interface_count)
        return no_interface(file, reader, id);
    const struct interface *interface = &file->interfaces[id];
    uint32_t room = length - EPB_BYTES_MIN;
    if (caplen > interface->frame_bytes_max)
        return bad_frame(reader, "a length of", caplen, interface->frame_bytes_max);
    if (padded(caplen) > room)
        return bad_frame(reader, "more bytes than its block:", caplen, room);
    *frame = (struct frame){
        .data = block + EPB_DATA_AT,
        .caplen = caplen,
        .len = len > caplen ? len : caplen,
        .time_ns =
            frame_time_ns(interface, read_u32(block + 12, swapped), read_u32(block + 16, swapped)),
        .number = ++reader->number,
        .link_type = interface->link_type,
        .interface = interface->index,
    };
    if (room - padded(caplen) >= 4)
        frame->direction =
            read_direction(file, block + EPB_DATA_AT + padded(caplen), block + length - 4);
    return WALK_FULL;
}

/*   |                    Original Packet Length                     |
 *   |                     Packet Data, padded                       |
 * Always of the first interface; its snap length says how much is there. */
static enum walk read_simple_packet(const struct pcapng_file *file, struct reader *reader,
                                    const uint8_t *block, uint32_t length, struct frame *frame)
{
    if (length < SPB_BYTES_MIN)
        return bad_frame(reader, "a block of", length, SPB_BYTES_MIN);
    if (!file->interface_count)
        return no_interface(file, reader, 0);
    const struct interface *interface = &file->interfaces[0];
    uint32_t len = read_u32(block + 8, file->swapped), caplen = len;
    uint32_t room = length - SPB_BYTES_MIN;
    if (interface->snaplen && caplen > interface->snaplen)
        caplen = interface->snaplen;
    if (caplen > interface->frame_bytes_max)
        return bad_frame(reader, "a length of", caplen, interface->frame_bytes_max);
    if (caplen > room)
        return bad_frame(reader, "more bytes than its block:", caplen, room);
    *frame = (struct frame){
        .data = block + SPB_DATA_AT,
        .caplen = caplen,
        .len = len,
        .number = ++reader->number,
        .link_type = interface->link_type,
        .interface = interface->index,
    };
    return WALK_FULL;
}

/* Every block but the enhanced packet: sets `*is_frame` where it gave one. */
static enum walk read_other(struct pcapng_file *file, struct reader *reader, uint32_t type,
                            const uint8_t *block, uint32_t length, struct frame *frame,
                            bool *is_frame)
{
    switch ((enum block_type)type) {
    case BLOCK_SHB:
        return read_section(file, reader, block);
    case BLOCK_IDB:
        return read_interface(file, reader, block, length);
    case BLOCK_ISB:
        read_statistics(file, reader, block, length);
        return WALK_FULL;
    case BLOCK_SPB:
        *is_frame = true;
        return read_simple_packet(file, reader, block, length, frame);
    case BLOCK_PB:
    case BLOCK_EPB:
        *is_frame = true;
        if (length < EPB_BYTES_MIN)
            return bad_frame(reader, "a block too short for a packet:", length, EPB_BYTES_MIN);
        return read_packet(file, reader, block, length,
                           type == BLOCK_PB ? read_u16(block + 8, file->swapped)
                                            : read_u32(block + 8, file->swapped),
                           file->swapped, frame);
    case BLOCK_JOURNAL:
    case BLOCK_SYSDIG_EVENT:
    case BLOCK_SYSDIG_EVENT_FLAGS:
    case BLOCK_SYSDIG_EVENT_V2:
    case BLOCK_SYSDIG_EVENT_FLAGS_V2:
    case BLOCK_SYSDIG_EVENT_V2_LARGE:
    case BLOCK_SYSDIG_EVENT_FLAGS_V2_LARGE:
    case BLOCK_CUSTOM:
    case BLOCK_CUSTOM_NO_COPY:
        /* Not a packet, but Wireshark shows it in its list with a number. */
        reader->number++;
        return WALK_FULL;
    }
    return WALK_FULL;
}

/* The block at the window's start: its type and rounded length. WALK_MORE: not all there yet.
 * A Section Header sets the byte order already here, since its length is in it. */
static enum walk next_block(struct pcapng_file *file, struct reader *reader, uint32_t *type,
                            uint32_t *length)
{
    const uint8_t *at = reader->bytes->at;
    size_t left = (size_t)(reader->bytes->end - at);
    reader->need = BLOCK_BYTES_MIN;
    if (left < BLOCK_BYTES_MIN)
        return WALK_MORE;
    *type = read_u32(at, file->swapped);
    bool section = *type == BLOCK_SHB;
    if (section) {
        bool native = read_u32(at + 8, false) == BYTE_ORDER_MAGIC;
        if (!native && read_u32(at + 8, true) != BYTE_ORDER_MAGIC)
            return reader_bad(reader, "damaged at byte %llu: a section header without byte order",
                              (unsigned long long)bytes_offset(reader->bytes));
        file->swapped = !native;
    }
    uint32_t total = read_u32(at + 4, file->swapped);
    *length = block_bytes(total);
    if (*length < (section ? SHB_BYTES_MIN : BLOCK_BYTES_MIN))
        return reader_bad(reader, "damaged at byte %llu: a block of type 0x%x with %u bytes",
                          (unsigned long long)bytes_offset(reader->bytes), *type, total);
    if (*length > PCAPNG_BLOCK_BYTES_MAX) {
        bool packet = *type == BLOCK_EPB || *type == BLOCK_PB || *type == BLOCK_SPB;
        if (packet)
            return bad_frame(reader, "a block of", *length, PCAPNG_BLOCK_BYTES_MAX);
        reader->skip = *length;
        file->skipped_type = *type;
        return WALK_MORE;
    }
    reader->need = *length;
    if (left < *length)
        return WALK_MORE;
    uint32_t trailer = block_bytes(read_u32(at + *length - 4, file->swapped));
    if (trailer != *length)
        return reader_bad(reader,
                          "damaged at byte %llu: a block of type 0x%x begins as %u bytes and ends "
                          "as %u",
                          (unsigned long long)bytes_offset(reader->bytes), *type, *length, trailer);
    return WALK_FULL;
}

/* Enhanced packets, one after the other, of a section in our own byte order: what nearly every
 * pcapng file consists of. Stops at whatever is not plain; the general way looks at that. */
static size_t walk_enhanced(const struct pcapng_file *file, struct reader *reader,
                            struct frame *frames, size_t capacity)
{
    const uint8_t *at = reader->bytes->at, *const end = reader->bytes->end;
    struct frame *frame = frames, *const last = frames + capacity;
    while (frame < last) {
        size_t left = (size_t)(end - at);
        if (left < EPB_BYTES_MIN || read_u32(at, false) != BLOCK_EPB)
            break;
        uint32_t length = read_u32(at + 4, false), id = read_u32(at + 8, false);
        uint32_t caplen = read_u32(at + 20, false);
        if (length > left || length < EPB_BYTES_MIN || length % 4 || id >= file->interface_count ||
            read_u32(at + length - 4, false) != length || caplen > length - EPB_BYTES_MIN ||
            caplen > file->interfaces[id].frame_bytes_max)
            break;
        if (read_packet(file, reader, at, length, id, false, frame) != WALK_FULL)
            break;
        at += length;
        frame++;
    }
    reader->bytes->at = at;
    return (size_t)(frame - frames);
}

static enum walk pcapng_walk(void *state, struct reader *reader, struct frame *frames,
                             size_t capacity, size_t *count)
{
    struct pcapng_file *file = state;
    enum walk result = WALK_FULL;
    size_t n = 0;
    while (n < capacity) {
        if (!file->swapped && !file->unknown_version) {
            n += walk_enhanced(file, reader, frames + n, capacity - n);
            if (n == capacity)
                break;
        }
        uint32_t type, length;
        bool is_frame = false;
        result = next_block(file, reader, &type, &length);
        if (result == WALK_FULL && (!file->unknown_version || type == BLOCK_SHB))
            result =
                read_other(file, reader, type, reader->bytes->at, length, &frames[n], &is_frame);
        if (result != WALK_FULL)
            break;
        reader->bytes->at += length;
        n += is_frame;
    }
    *count = n;
    return result;
}

static void pcapng_close_file(void *state)
{
    struct pcapng_file *file = state;
    free(file->interfaces);
    free(file);
}

/* Waits for the next block to be whole. WALK_MORE: the file ends before that, or it is too long to
 * be kept. WALK_BAD also for a read error or a signal, which `error` names then. */
static enum walk await_block(struct pcapng_file *file, struct reader *reader, uint32_t *type,
                             uint32_t *length, struct error *error)
{
    for (;;) {
        enum walk result = next_block(file, reader, type, length);
        if (result == WALK_BAD)
            *error = reader->stats->problem;
        if (result != WALK_MORE || reader->skip)
            return result;
        size_t need = reader->need;
        if (!reader_fill(reader, need, error))
            return WALK_BAD;
        if ((size_t)(reader->bytes->end - reader->bytes->at) < need)
            return WALK_MORE;
    }
}

/* Reads the first section header, and the interfaces behind it as far as they are there: on a pipe
 * the first packet may be long in coming. */
static void *pcapng_open_file(struct reader *reader, struct error *error)
{
    struct pcapng_file *file = memory_zeroed(1, sizeof *file);
    uint32_t type = 0, length = 0;
    struct frame none; /* only a section header and interfaces are read here */
    bool is_frame;
    enum walk result = await_block(file, reader, &type, &length, error);
    if (result == WALK_MORE)
        error_set(error, "%s: a pcapng file cut in its header", reader->name);
    if (result != WALK_FULL)
        goto failed;
    do {
        result = read_other(file, reader, type, reader->bytes->at, length, &none, &is_frame);
        if (result == WALK_FULL && !file->unknown_version) {
            reader->bytes->at += length;
            result = next_block(file, reader, &type, &length);
        }
        if (result == WALK_BAD || file->unknown_version) {
            *error = reader->stats->problem;
            goto failed;
        }
    } while (result == WALK_FULL && type == BLOCK_IDB);
    reader->skip = 0;
    return file;
failed:
    pcapng_close_file(file);
    return NULL;
}

static void pcapng_describe_cut(const void *state, const struct reader *reader, struct error *error)
{
    const struct pcapng_file *file = state;
    const uint8_t *at = reader->bytes->at;
    size_t have = (size_t)(reader->bytes->end - at);
    unsigned long long offset = bytes_offset(reader->bytes), number = reader->number;
    uint32_t type = have >= 4 ? read_u32(at, file->swapped) : 0;
    bool packet = type == BLOCK_EPB || type == BLOCK_PB || type == BLOCK_SPB;
    if (reader->skip)
        error_set(error,
                  "%s: cut at byte %llu, after frame %llu, in a block of type 0x%x: %llu bytes of "
                  "it are missing",
                  reader->name, offset, number, file->skipped_type,
                  (unsigned long long)reader->skip);
    else if (have < BLOCK_BYTES_MIN)
        error_set(error, "%s: cut at byte %llu, after frame %llu: %zu bytes of a block are there",
                  reader->name, offset, number, have);
    else if (packet)
        error_set(error, "%s: cut in frame %llu: %zu of %zu bytes of its block are there",
                  reader->name, number + 1, have, reader->need);
    else
        error_set(error,
                  "%s: cut at byte %llu, after frame %llu, in a block of type 0x%x: %zu of %zu "
                  "bytes are there",
                  reader->name, offset, number, type, have, reader->need);
}

const struct file_format file_format_pcapng = {
    .match = pcapng_match,
    .open = pcapng_open_file,
    .walk = pcapng_walk,
    .describe_cut = pcapng_describe_cut,
    .close = pcapng_close_file,
};
