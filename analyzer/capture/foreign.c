/* What people hand to a capture reader that is not a capture, or not one of its formats. The magic
 * numbers of other analyzers' formats are those of Wireshark's wiretap and of file(1). */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "analyzer/capture/file.h"

#define EDITCAP "convert it: editcap -F pcap FILE new.pcap"

#define MAGIC(text) sizeof(text) - 1, text

struct foreign {
    size_t offset, length;
    const char *magic;
    const char *what; /* and what to do, after "; " */
};

static const struct foreign magics[] = {
    /* other capture formats */
    {0, MAGIC("snoop\0\0\0"), "a Solaris snoop capture; " EDITCAP},
    {0, MAGIC("RTSS"), "a Microsoft Network Monitor 1 capture; " EDITCAP},
    {0, MAGIC("GMBU"), "a Microsoft Network Monitor 2 capture; " EDITCAP},
    {0, MAGIC("TRSNIFF data    \x1a"), "a DOS Sniffer capture; " EDITCAP},
    {0, MAGIC("XCP\0"), "a Windows Sniffer (NetXRay) capture; " EDITCAP},
    {0, MAGIC("VL\0\0"), "a NetXRay capture; " EDITCAP},
    {0, MAGIC("iptrace 1.0"), "an AIX iptrace capture; " EDITCAP},
    {0, MAGIC("iptrace 2.0"), "an AIX iptrace capture; " EDITCAP},
    {0, MAGIC("\xaa\xaa\xaa\xaa"), "an Accellent 5Views capture; " EDITCAP},
    {0, MAGIC("\x05VNF"), "a Visual Networks capture; " EDITCAP},
    {0, MAGIC("ObserverPktBuffe"), "a Network Instruments Observer capture; " EDITCAP},
    {0, MAGIC("\x7fver"), "a WildPackets/Savvius Peek capture; " EDITCAP},
    {0, MAGIC("btsnoop\0"), "a Bluetooth (btsnoop) capture, without IP traffic in it"},
    {0, MAGIC("\x42\xd2\x00\x34\x12\x66\x22\x88"), "a RADCOM capture; " EDITCAP},
    {0, MAGIC("\x54\x52\x00\x64\x00"), "an HP-UX nettl capture; " EDITCAP},
    {0, MAGIC("\x00\x00\x02\x00\x12\x05\x00\x10"), "a Tektronix K12 capture; " EDITCAP},
    {0, MAGIC("LPTHDR"), "a Microsoft packet trace; " EDITCAP},
    {0, MAGIC("\xa1\xb2\x34\xcd"), "a pcap of a private variant (a1b234cd) nobody documented"},
    {0, MAGIC("\xcd\x34\xb2\xa1"), "a pcap of a private variant (a1b234cd) nobody documented"},
    /* ours, but damaged on the way: the draft chose 0A 0D 0D 0A so that this can be seen
     * (draft-ietf-opsawg-pcapng, section 4.1) */
    {0, MAGIC("\x0a\x0d\x0a"),
     "a pcapng file broken by a line-ending conversion (text-mode "
     "transfer or dos2unix); copy the original again, as binary"},
    {0, MAGIC("\x0d\x0a\x0d\x0d\x0d\x0a"),
     "a pcapng file broken by a line-ending conversion (text-mode transfer or unix2dos); copy the "
     "original again, as binary"},
    {0, MAGIC("\x0a\x0a\x0a\x0a"),
     "a pcapng file broken by a line-ending conversion; copy the "
     "original again, as binary"},
    {0, MAGIC("\x0d\x0d\x0d\x0d"),
     "a pcapng file broken by a line-ending conversion; copy the "
     "original again, as binary"},
    {0, MAGIC("\x0a\x0d\x0d"),
     "a pcapng file broken in its header; copy the original again, as "
     "binary"},
    {0, MAGIC("\xc3\x94\xc3\x83\xc2\xb2\xc2\xa1"),
     "a pcap file broken by a conversion to UTF-8 text; copy the original again, as binary"},
    {0, MAGIC("\xef\xbf\xbd\xc3\xb2\xef\xbf\xbd"),
     "a pcap file broken by a conversion to UTF-8 text; copy the original again, as binary"},
    {0, MAGIC("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"),
     "a binary file broken by a conversion to UTF-8 text; copy the original again, as binary"},
    /* containers: what is wanted is inside */
    {0, MAGIC("PK\x03\x04"), "a zip archive; unpack it and give the capture inside"},
    {0, MAGIC("PK\x05\x06"), "an empty zip archive"},
    {257, MAGIC("ustar"), "a tar archive; unpack it and give the captures inside"},
    {0, MAGIC("7z\xbc\xaf\x27\x1c"), "a 7z archive; unpack it and give the capture inside"},
    {0, MAGIC("Rar!\x1a\x07"), "a rar archive; unpack it and give the capture inside"},
    {0, MAGIC("MSCF"),
     "a cabinet archive (netsh trace makes these); unpack it, then convert the "
     ".etl inside with etl2pcapng"},
    {0, MAGIC("\x1f\x9d"), "a compress (.Z) file; unpack it first: uncompress FILE"},
    {0, MAGIC("\x1f\x8b"), "compressed twice with gzip; unpack it once more first"},
    {0, MAGIC("\x28\xb5\x2f\xfd"), "compressed twice; unpack it once more first"},
    /* not captures at all */
    {0, MAGIC("\x7f\x45LF"), "a program (ELF), not a capture"},
    {0, MAGIC("%PDF-"), "a PDF document, not a capture"},
    {0, MAGIC("\x89PNG"), "a picture (PNG), not a capture"},
    {0, MAGIC("\xff\xd8\xff"), "a picture (JPEG), not a capture"},
    {0, MAGIC("SQLite format 3"), "an SQLite database, not a capture"},
    {0, MAGIC("version https://git-lfs"),
     "a Git LFS pointer, not the capture itself; fetch it "
     "with: git lfs pull"},
};

#define TCPDUMP_TEXT "tcpdump text output, not a capture; capture again with tcpdump -w FILE"

/* The same for text, in any case: at its start, anywhere near it, or anywhere behind a digit, as
 * lines that begin with a time have it. */
static const struct {
    enum { AT_START, ANYWHERE, BEHIND_DIGIT } place;
    const char *text;
    const char *what;
} texts[] = {
    {AT_START, "<!doctype html",
     "an HTML page, not a capture (a login or error page that was saved "
     "as one?); download the file itself"},
    {AT_START, "<html",
     "an HTML page, not a capture (a login or error page that was saved as one?); "
     "download the file itself"},
    {AT_START, "<?xml", "XML text, not a capture; save as pcap or pcapng instead"},
    {AT_START, "<pdml", "tshark XML text, not a capture; save as pcap or pcapng instead"},
    {AT_START, "{", "JSON text, not a capture"},
    {AT_START, "[", "JSON text, not a capture"},
    {AT_START, "#!", "a script, not a capture"},
    {AT_START, "No.     Time", "a Wireshark text export, not a capture; save as pcapng instead"},
    {AT_START, "\"No.\",\"Time\"", "a Wireshark CSV export, not a capture; save as pcapng instead"},
    {AT_START, "Frame 1", "a Wireshark text export, not a capture; save as pcapng instead"},
    {AT_START, "00000000", "a hex dump, not a capture; convert it: text2pcap, or xxd -r"},
    {AT_START, "0000  ", "a hex dump, not a capture; convert it: text2pcap FILE new.pcap"},
    {ANYWHERE, "tcpdump: ", TCPDUMP_TEXT},
    {ANYWHERE, "listening on ", TCPDUMP_TEXT},
    {ANYWHERE, "reading from file ", TCPDUMP_TEXT},
    {BEHIND_DIGIT, " IP ", TCPDUMP_TEXT},
    {BEHIND_DIGIT, " IP6 ", TCPDUMP_TEXT},
    {BEHIND_DIGIT, " ARP, ", TCPDUMP_TEXT},
    {ANYWHERE, " \xe2\x86\x92 ", "tshark text output, not a capture; capture again with tshark -w"},
    {BEHIND_DIGIT, " -> ", "tshark text output, not a capture; capture again with tshark -w"},
};

/* Length of the character that starts here, 0 where none does: RFC 3629, without its finer rules.
 */
static size_t text_character(const uint8_t *data, size_t length)
{
    uint8_t byte = *data;
    if (byte < 0x80)
        return (byte >= 0x20 && byte != 0x7f) || byte == '\t' || byte == '\n' || byte == '\r';
    size_t size = byte >= 0xf0 && byte < 0xf5 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 0;
    if (!size || byte >= 0xf5)
        return 0;
    for (size_t i = 1; i < size && i < length; i++)
        if ((data[i] & 0xc0) != 0x80)
            return 0;
    return size < length ? size : length; /* the last one may be cut */
}

static bool is_text(const uint8_t *data, size_t length)
{
    bool any = length > 0;
    while (length) {
        size_t size = text_character(data, length);
        if (!size)
            return false;
        data += size;
        length -= size;
    }
    return any;
}

static bool contains(const char *line, size_t length, const char *text)
{
    size_t size = strlen(text);
    for (size_t i = 0; i + size <= length; i++)
        if (strncasecmp(line + i, text, size) == 0)
            return true;
    return false;
}

static const char *describe_text(const uint8_t *data, size_t length)
{
    enum { TEXT_LOOKED_AT = 512 };
    if (length >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
        data += 3; /* byte order mark */
        length -= 3;
    }
    while (length && *data <= ' ' && text_character(data, 1)) {
        data++;
        length--;
    }
    if (length > TEXT_LOOKED_AT)
        length = TEXT_LOOKED_AT;
    if (!is_text(data, length))
        return NULL;
    const char *line = (const char *)data;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (texts[i].place == BEHIND_DIGIT && (!length || *line < '0' || *line > '9'))
            continue;
        size_t looked_at = texts[i].place == AT_START ? strlen(texts[i].text) : length;
        if (looked_at <= length && contains(line, looked_at, texts[i].text))
            return texts[i].what;
    }
    return "text, not a capture";
}

/* ERF has no magic number. A record: 8 bytes of time, type, flags, record length, loss counter,
 * wire length (big endian); the next one must look like one too. */
static bool looks_like_erf(const uint8_t *data, size_t length)
{
    enum { ERF_HEADER = 16, ERF_TYPE_MAX = 48 };
    int records = 0;
    while (length >= ERF_HEADER && records < 3) {
        uint8_t type = data[8] & 0x7f;
        size_t record = (size_t)(data[10] << 8 | data[11]);
        uint32_t seconds;
        memcpy(&seconds, data + 4, sizeof seconds); /* little endian, upper half of the time */
        if (type == 0 || type > ERF_TYPE_MAX || record < ERF_HEADER || seconds < 600000000)
            return false;
        records++;
        if (record > length)
            return records > 1;
        data += record;
        length -= record;
    }
    return records > 0;
}

/* Windows event trace: the first buffer's size, 64 KiB or alike, then how much of it is used. */
static bool looks_like_etl(const char *name, const uint8_t *data, size_t length)
{
    const char *dot = strrchr(name, '.');
    if (length < 72)
        return false;
    uint32_t size = read_u32(data, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
    bool plausible = size >= 1024 && size <= 16 * 1024 * 1024 && size % 1024 == 0;
    return plausible && dot && strcasecmp(dot, ".etl") == 0;
}

static bool is_all_zero(const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (data[i])
            return false;
    return true;
}

static const char *find_magic(const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
        const struct foreign *m = &magics[i];
        if (length >= m->offset + m->length && memcmp(data + m->offset, m->magic, m->length) == 0)
            return m->what;
    }
    return NULL;
}

static void describe_bytes(const char *name, const uint8_t *data, size_t length,
                           struct error *error)
{
    enum { BYTES_SHOWN = 16 };
    char hex[3 * BYTES_SHOWN + 1] = "", shown[BYTES_SHOWN + 1];
    size_t count = length < BYTES_SHOWN ? length : BYTES_SHOWN;
    for (size_t i = 0; i < count; i++) {
        snprintf(hex + 3 * i, 4, "%02x ", data[i]);
        shown[i] = data[i] >= 0x20 && data[i] < 0x7f ? (char)data[i] : '.';
    }
    shown[count] = 0;
    error_set(error, "%s: not a capture: starts with %s(\"%s\")", name, hex, shown);
}

void foreign_describe(const char *name, const uint8_t *data, size_t length, struct error *error)
{
    const char *what = NULL;
    if (!length)
        what = "an empty file (0 bytes), not a capture";
    else if (is_all_zero(data, length))
        what = "only zero bytes, not a capture (a full disk or an aborted copy?); copy it again";
    if (!what)
        what = find_magic(data, length);
    if (!what)
        what = describe_text(data, length);
    if (!what && looks_like_etl(name, data, length))
        what = "a Windows event trace; convert it: etl2pcapng, or pktmon etl2pcap";
    if (!what && looks_like_erf(data, length))
        what = "an Endace ERF capture; " EDITCAP;
    if (what)
        error_set(error, "%s: %s", name, what);
    else
        describe_bytes(name, data, length, error);
}
