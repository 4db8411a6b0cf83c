#include "analyzer/report/escape.h"
#include "analyzer/report/report.h"

#include <string.h>

struct range {
    uint32_t first, last;
};

/* Everything that steers the display: Unicode categories Cc and Cf as far as they reorder or hide
 * text, and the line separators. */
static const struct range unsafe[] = {
    {0x0000, 0x001f},   {0x007f, 0x009f}, /* C0, DEL, C1 */
    {0x00ad, 0x00ad},                     /* soft hyphen */
    {0x061c, 0x061c},                     /* Arabic letter mark */
    {0x180e, 0x180e},                     /* Mongolian vowel separator */
    {0x200b, 0x200f},                     /* zero width, left-to-right and right-to-left marks */
    {0x2028, 0x202e},                     /* line separators, bidi embeddings and overrides */
    {0x2060, 0x206f},                     /* bidi isolates, invisible operators */
    {0xfeff, 0xfeff},                     /* byte order mark */
    {0xfff9, 0xfffb},                     /* interlinear annotation */
    {0xe0000, 0xe0fff},                   /* tags, variation selectors */
};

/* Combining marks take no column, East Asian wide characters and pictographs take two. Coarse
 * (UAX 11): a wrong guess costs alignment, never safety. */
static const struct range zero_width[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x064b, 0x065f},
    {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f},
};
static const struct range double_width[] = {
    {0x1100, 0x115f}, {0x2e80, 0xa4cf}, {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},
    {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd},
};

static bool in_ranges(const struct range *ranges, size_t count, uint32_t code)
{
    for (size_t i = 0; i < count; i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}

#define IN(ranges, code) in_ranges(ranges, sizeof(ranges) / sizeof *(ranges), code)

size_t utf8_decode(const char *text, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* by length: no overlong forms */
    const unsigned char *bytes = (const unsigned char *)text;
    if (bytes[0] < 0x80) {
        *code = bytes[0];
        return 1;
    }
    if (bytes[0] < 0xc2 || bytes[0] > 0xf4)
        return 0;
    size_t length = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
    uint32_t value = bytes[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80) /* the terminating NUL stops here too */
            return 0;
        value = value << 6 | (bytes[i] & 0x3f);
    }
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *code = value;
    return length;
}

bool code_is_unsafe(uint32_t code)
{
    return IN(unsafe, code);
}

static unsigned hex_bytes(const char *text, size_t length, char *shown)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        *shown++ = '\\';
        *shown++ = 'x';
        *shown++ = digits[byte >> 4];
        *shown++ = digits[byte & 15];
    }
    *shown = '\0';
    return (unsigned)(4 * length);
}

unsigned escape_next(const char **text, char shown[ESCAPE_UNIT])
{
    uint32_t code = 0;
    const char *at = *text;
    size_t length = utf8_decode(at, &code);
    *text += length ? length : 1;
    if (length == 0 || code_is_unsafe(code))
        return hex_bytes(at, length ? length : 1, shown);
    memcpy(shown, at, length);
    shown[length] = '\0';
    return IN(zero_width, code) ? 0 : IN(double_width, code) ? 2 : 1;
}

const char *report_escape_terminal(const char *text, char *buffer, size_t size)
{
    size_t used = 0;
    while (*text && size > 0) {
        char shown[ESCAPE_UNIT];
        escape_next(&text, shown);
        size_t length = strlen(shown);
        if (used + length >= size)
            break;
        memcpy(buffer + used, shown, length);
        used += length;
    }
    if (size > 0)
        buffer[used] = '\0';
    return buffer;
}
