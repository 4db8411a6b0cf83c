/* Certificates that a profile, or the user, knows for the product's own. */
#include <ctype.h>
#include <string.h>

#include "analyzer/attribution/profile.h"

static const char *const kinds[] = {"sha256:", "sha1:", "issuer:"};
enum { PIN_SHA256, PIN_SHA1, PIN_ISSUER, PIN_KINDS };

/* The kind of a pin and what follows; PIN_KINDS: none. */
static int kind_of(const char *pin, const char **value)
{
    for (int kind = 0; kind < PIN_KINDS; kind++) {
        size_t length = strlen(kinds[kind]);
        *value = pin + length;
        if (strncmp(pin, kinds[kind], length) == 0)
            return kind;
    }
    return PIN_KINDS;
}

/* Hexadecimal, with colons or without, small letters or not: as tools print fingerprints. */
static bool same_hash(const char *pin, const char *hash)
{
    for (; *pin; pin++) {
        if (*pin == ':')
            continue;
        if (tolower((unsigned char)*pin) != *hash)
            return false;
        hash++;
    }
    return !*hash;
}

bool pin_is_valid(const char *pin)
{
    static const size_t digits[] = {[PIN_SHA256] = 64, [PIN_SHA1] = 40};
    const char *value;
    int kind = kind_of(pin, &value);
    size_t count = 0;
    if (kind == PIN_KINDS || kind == PIN_ISSUER)
        return kind == PIN_ISSUER && *value;
    for (; *value; value++) {
        count += isxdigit((unsigned char)*value) != 0;
        if (!isxdigit((unsigned char)*value) && *value != ':')
            return false;
    }
    return count == digits[kind];
}

enum pin_result profile_pinned(const struct profile *profile, const char *issuer, const char *sha1,
                               const char *sha256)
{
    for (size_t i = 0; i < profile->pin_count; i++) {
        const char *value;
        int kind = kind_of(profile->pins[i], &value);
        if ((kind == PIN_SHA256 && same_hash(value, sha256)) ||
            (kind == PIN_SHA1 && same_hash(value, sha1)) ||
            (kind == PIN_ISSUER && strcasestr(issuer, value)))
            return PIN_MATCHES;
    }
    return profile->pin_count ? PIN_DIFFERS : PIN_NONE;
}
