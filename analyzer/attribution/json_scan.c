#include "analyzer/attribution/json_scan.h"

#include <string.h>

#include "analyzer/attribution/json.h"

/* One walk serves two ends: without a tree it checks the grammar, with one it goes through text and
 * tree in step until it meets the target. */
struct scan {
    const char *text;
    size_t length;
    size_t at;
    const char *message; /* set: the text is wrong at `at` */
    const cJSON *target;
    bool want_name;
    bool found;
    size_t found_at;
};

static void blank(char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] != '\n')
            text[i] = ' ';
}

bool json_blank_comments(char *text, size_t length, struct json_flaw *flaw)
{
    bool in_string = false;
    for (size_t i = 0; i < length; i++) {
        if (in_string) {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"' || text[i] == '\n')
                in_string = false;
            continue;
        }
        in_string = text[i] == '"';
        if (text[i] != '/' || i + 1 == length)
            continue;
        if (text[i + 1] == '/') {
            const char *end = memchr(text + i, '\n', length - i);
            size_t bytes = end ? (size_t)(end - (text + i)) : length - i;
            blank(text + i, bytes);
            i += bytes - 1;
        } else if (text[i + 1] == '*') {
            size_t end = i + 2;
            while (end + 1 < length && !(text[end] == '*' && text[end + 1] == '/'))
                end++;
            if (end + 1 >= length) {
                *flaw = (struct json_flaw){i, "this comment has no end"};
                return false;
            }
            blank(text + i, end + 2 - i);
            i = end + 1;
        }
    }
    return true;
}

static bool wrong(struct scan *scan, const char *message)
{
    scan->message = message;
    return false;
}

static char peek(const struct scan *scan)
{
    return scan->at < scan->length ? scan->text[scan->at] : '\0';
}

static bool take(struct scan *scan, char wanted)
{
    if (peek(scan) != wanted)
        return false;
    scan->at++;
    return true;
}

static void skip_blanks(struct scan *scan)
{
    while (scan->at < scan->length && memchr(" \t\r\n", scan->text[scan->at], 4))
        scan->at++;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool skip_digits(struct scan *scan)
{
    if (!is_digit(peek(scan)))
        return wrong(scan, "expected a digit");
    while (is_digit(peek(scan)))
        scan->at++;
    return true;
}

/* RFC 8259 6: [ minus ] int [ frac ] [ exp ] */
static bool skip_number(struct scan *scan)
{
    enum {
        DIGITS_MAX = 60
    }; /* cJSON reads 63 bytes of a number and takes the rest for a new token */
    size_t start = scan->at;
    take(scan, '-');
    if (take(scan, '0')) {
        if (is_digit(peek(scan)))
            return wrong(scan, "a number does not begin with 0");
    } else if (!skip_digits(scan)) {
        return false;
    }
    if (take(scan, '.') && !skip_digits(scan))
        return false;
    if (take(scan, 'e') || take(scan, 'E')) {
        if (!take(scan, '+'))
            take(scan, '-');
        if (!skip_digits(scan))
            return false;
    }
    if (scan->at - start > DIGITS_MAX) {
        scan->at = start;
        return wrong(scan, "this number has too many digits");
    }
    return true;
}

static int hex_value(char c)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    const char *place = c ? strchr(digits, c) : NULL;
    if (!place)
        return -1;
    int value = (int)(place - digits);
    return value < 16 ? value : value - 6;
}

/* The four digits after \u. -1: not hexadecimal. */
static long escape_value(const struct scan *scan, size_t at)
{
    long value = 0;
    if (at + 4 > scan->length)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        int digit = hex_value(scan->text[at + i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static bool skip_unicode_escape(struct scan *scan)
{
    long value = escape_value(scan, scan->at);
    if (value < 0)
        return wrong(scan, "expected four hexadecimal digits after \\u");
    if (value == 0) /* cJSON would end the string here */
        return wrong(scan, "\\u0000 is not allowed");
    bool high = value >= 0xd800 && value < 0xdc00;
    if (value >= 0xdc00 && value < 0xe000)
        return wrong(scan, "half of a surrogate pair");
    scan->at += 4;
    if (!high)
        return true;
    long low = take(scan, '\\') && take(scan, 'u') ? escape_value(scan, scan->at) : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return wrong(scan, "half of a surrogate pair");
    scan->at += 4;
    return true;
}

static bool skip_string(struct scan *scan)
{
    size_t start = scan->at++;
    while (scan->at < scan->length) {
        char c = scan->text[scan->at];
        if (c == '\n')
            break;
        if ((unsigned char)c < 0x20)
            return wrong(scan, "a control character in a string");
        scan->at++;
        if (c == '"')
            return true;
        if (c != '\\')
            continue;
        char escape = peek(scan);
        if (!escape || !strchr("\"\\/bfnrtu", escape))
            return wrong(scan, "expected one of \" \\ / b f n r t u after a backslash");
        scan->at++;
        if (escape == 'u' && !skip_unicode_escape(scan))
            return false;
    }
    scan->at = start;
    return wrong(scan, "this string has no end on its line");
}

static bool skip_literal(struct scan *scan)
{
    static const char *const literals[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof literals / sizeof *literals; i++) {
        size_t length = strlen(literals[i]);
        if (scan->length - scan->at >= length &&
            memcmp(scan->text + scan->at, literals[i], length) == 0) {
            scan->at += length;
            return true;
        }
    }
    return wrong(scan, scan->at == scan->length ? "expected a value, got the end of the file"
                                                : "expected a value");
}

static bool walk_value(struct scan *scan, const cJSON *node, unsigned depth);

/* One member of an object or element of an array. */
static bool walk_child(struct scan *scan, const cJSON *node, bool named, unsigned depth)
{
    if (named) {
        if (peek(scan) != '"')
            return wrong(scan, "expected a name in quotes");
        if (node && node == scan->target && scan->want_name) {
            scan->found = true;
            scan->found_at = scan->at;
            return false;
        }
        if (!skip_string(scan))
            return false;
        skip_blanks(scan);
        if (!take(scan, ':'))
            return wrong(scan, "expected ':'");
    }
    return walk_value(scan, node, depth + 1);
}

static bool walk_children(struct scan *scan, const cJSON *node, bool named, unsigned depth)
{
    char end = named ? '}' : ']';
    size_t children = 0;
    if (depth == JSON_DEPTH_MAX)
        return wrong(scan, "nested too deeply");
    scan->at++;
    skip_blanks(scan);
    if (take(scan, end))
        return true;
    for (const cJSON *child = node ? node->child : NULL;; child = child ? child->next : NULL) {
        skip_blanks(scan);
        if (named && children++ == JSON_MEMBERS_MAX)
            return wrong(scan, "too many members in one object");
        if (!walk_child(scan, child, named, depth))
            return false;
        skip_blanks(scan);
        if (take(scan, end))
            return true;
        if (!take(scan, ','))
            return wrong(scan, named ? "expected ',' or '}'" : "expected ',' or ']'");
    }
}

/* False ends the walk: the text is wrong (message) or the target is found. */
static bool walk_value(struct scan *scan, const cJSON *node, unsigned depth)
{
    skip_blanks(scan);
    if (node && node == scan->target) {
        scan->found = true;
        scan->found_at = scan->at;
        return false;
    }
    char first = peek(scan);
    if (first == '{' || first == '[')
        return walk_children(scan, node, first == '{', depth);
    if (first == '"')
        return skip_string(scan);
    if (first == '-' || is_digit(first))
        return skip_number(scan);
    return skip_literal(scan);
}

bool json_scan(const char *text, size_t length, struct json_flaw *flaw)
{
    struct scan scan = {.text = text, .length = length};
    if (walk_value(&scan, NULL, 0)) {
        skip_blanks(&scan);
        if (scan.at == length)
            return true;
        scan.message = "expected the end of the file";
    }
    *flaw = (struct json_flaw){scan.at, scan.message};
    return false;
}

bool json_find(const char *text, size_t length, const cJSON *root, const cJSON *target, bool name,
               size_t *offset)
{
    struct scan scan = {.text = text, .length = length, .target = target, .want_name = name};
    walk_value(&scan, root, 0);
    *offset = scan.found_at;
    return scan.found;
}
