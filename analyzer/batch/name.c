#include "analyzer/batch/name.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/memory.h"
#include "analyzer/report/escape.h"

static char *encode(const char *raw, bool percent_too)
{
    char *text = memory_zeroed(3 * strlen(raw) + 1, 1), *end = text;
    while (*raw) {
        uint32_t code = 0;
        size_t length = utf8_decode(raw, &code);
        bool unsafe = length == 0 || code_is_unsafe(code) || (percent_too && code == '%');
        for (size_t i = 0; i < (length ? length : 1); i++, raw++) {
            if (unsafe)
                end += sprintf(end, "%%%02X", (unsigned char)*raw);
            else
                *end++ = *raw;
        }
    }
    return text;
}

char *name_encode(const char *raw)
{
    return encode(raw, true);
}

char *name_clean(const char *raw)
{
    return encode(raw, false);
}

char *name_decode(const char *name)
{
    char *raw = memory_zeroed(strlen(name) + 1, 1), *end = raw;
    while (*name) {
        unsigned byte;
        if (name[0] == '%' && isxdigit((unsigned char)name[1]) &&
            isxdigit((unsigned char)name[2]) && sscanf(name + 1, "%2x", &byte) == 1 && byte) {
            *end++ = (char)byte;
            name += 3;
        } else {
            *end++ = *name++;
        }
    }
    return raw;
}

/* Four numbers with dots between, as long as nothing else of that kind follows. 0: none. */
static size_t ipv4_length(const char *text)
{
    const char *at = text;
    for (int part = 0; part < 4; part++) {
        size_t digits = strspn(at, "0123456789");
        if (digits < 1 || digits > 3 || atoi(at) > 255)
            return 0;
        at += digits;
        if (part < 3 && *at++ != '.')
            return 0;
    }
    return (size_t)(at - text);
}

static bool is_counter(const char *name, const char *digits, size_t length)
{
    static const char extension[] = ".pcap";
    size_t before = (size_t)(digits - name);
    if (length >= 4 || before == 0 || strchr("-_.", digits[-1]))
        return true;
    return digits[length] == '\0' && before >= sizeof extension - 1 &&
           strncasecmp(digits - (sizeof extension - 1), extension, sizeof extension - 1) == 0;
}

/* "x.pcap.gz" and "x.pcap" may be the same rotation: yesterday's files are compressed. */
static void drop_compression(char *name)
{
    static const char *const endings[] = {".gz", ".zst", ".xz", ".lz4", ".bz2"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t length = strlen(name), ending = strlen(endings[i]);
        if (length > ending && strcasecmp(name + length - ending, endings[i]) == 0)
            name[length - ending] = '\0';
    }
}

char *name_stem(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *name = memory_string(slash ? slash + 1 : path);
    drop_compression(name);
    char *stem = memory_zeroed(strlen(name) + 1, 1), *end = stem;
    for (const char *at = name; *at;) {
        size_t digits = strspn(at, "0123456789"), address = digits ? ipv4_length(at) : 0;
        if (address || !digits || !is_counter(name, at, digits)) {
            size_t keep = address ? address : digits ? digits : 1;
            memcpy(end, at, keep);
            end += keep;
            at += keep;
        } else {
            at += digits;
        }
    }
    free(name);
    return stem;
}

char *name_slug(const char *site)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    size_t length = strlen(site);
    char *slug = memory_zeroed(length + 20, 1);
    bool changed = *site == '.' || length == 0 || length > 100;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)site[i];
        bool plain = (byte < 0x80 && isalnum(byte)) || strchr("-_.", byte);
        hash = (hash ^ byte) * 0x100000001b3u;
        slug[i] = plain && (i || byte != '.') ? (char)byte : '_';
        changed |= !plain;
    }
    if (length > 100)
        length = 100;
    if (changed)
        sprintf(slug + length, "-%08x", (uint32_t)(hash ^ hash >> 32));
    return slug;
}
