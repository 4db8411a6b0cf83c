#include "dissectors/ftp.h"

#include <string.h>
#include <strings.h>

struct text {
    const char *at, *end;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take(struct text *text, char wanted)
{
    if (text->at == text->end || *text->at != wanted)
        return false;
    text->at++;
    return true;
}

/* A decimal number up to `max`. */
static bool number(struct text *text, uint32_t max, uint32_t *value)
{
    const char *begin = text->at;
    *value = 0;
    while (text->at < text->end && is_digit(*text->at) && *value <= max)
        *value = *value * 10 + (uint32_t)(*text->at++ - '0');
    return text->at > begin && *value <= max;
}

/* RFC 959 4.1.2: h1,h2,h3,h4,p1,p2 */
static bool host_port(struct text text, struct ftp_endpoint *endpoint)
{
    uint8_t bytes[6];
    for (int i = 0; i < 6; i++) {
        uint32_t value;
        if ((i && !take(&text, ',')) || !number(&text, 255, &value))
            return false;
        bytes[i] = (uint8_t)value;
    }
    endpoint->has_address = true;
    endpoint->address = ip_from_v4(bytes);
    endpoint->port = (uint16_t)(bytes[4] << 8 | bytes[5]);
    return endpoint->port != 0;
}

/* The same, cut behind the address or within it. */
static void host_alone(struct text text, struct ftp_endpoint *endpoint)
{
    uint8_t bytes[4];
    for (int i = 0; i < 4; i++) {
        uint32_t value;
        if (!number(&text, 255, &value) || !take(&text, ','))
            return;
        bytes[i] = (uint8_t)value;
    }
    endpoint->has_address = true;
    endpoint->address = ip_from_v4(bytes);
}

/* RFC 2428 2 and 3: |protocol|address|port|, or |||port|; any printable character may part them. */
static bool extended(struct text text, struct ftp_endpoint *endpoint)
{
    char address[IP_ADDRESS_TEXT];
    size_t length = 0;
    uint32_t family = 0, port;
    *endpoint = (struct ftp_endpoint){0};
    if (text.at == text.end || *text.at < 33 || *text.at > 126 || is_digit(*text.at))
        return false;
    char bar = *text.at++;
    if (!take(&text, bar) && !(number(&text, 2, &family) && take(&text, bar)))
        return false;
    for (; text.at < text.end && *text.at != bar && length + 1 < sizeof address; text.at++)
        address[length++] = *text.at;
    address[length] = '\0';
    if (!take(&text, bar))
        return false;
    endpoint->has_address = length && ip_parse(address, &endpoint->address);
    if (!number(&text, 65535, &port) || !take(&text, bar) || !port)
        return false;
    endpoint->port = (uint16_t)port;
    return !length || endpoint->has_address;
}

static const struct {
    char verb[5];
    enum ftp_word word;
} verbs[] = {
    {"PASV", FTP_PASSIVE},       {"EPSV", FTP_PASSIVE},       {"PORT", FTP_ACTIVE},
    {"EPRT", FTP_ACTIVE},        {"RETR", FTP_TRANSFER},      {"STOR", FTP_TRANSFER},
    {"STOU", FTP_TRANSFER},      {"APPE", FTP_TRANSFER},      {"LIST", FTP_TRANSFER},
    {"NLST", FTP_TRANSFER},      {"MLSD", FTP_TRANSFER},      {"AUTH", FTP_ENCRYPT},
    {"QUIT", FTP_LEAVE},         {"ABOR", FTP_LEAVE},         {"USER", FTP_OTHER_COMMAND},
    {"PASS", FTP_OTHER_COMMAND}, {"ACCT", FTP_OTHER_COMMAND}, {"CWD", FTP_OTHER_COMMAND},
    {"CDUP", FTP_OTHER_COMMAND}, {"XCWD", FTP_OTHER_COMMAND}, {"XPWD", FTP_OTHER_COMMAND},
    {"PWD", FTP_OTHER_COMMAND},  {"TYPE", FTP_OTHER_COMMAND}, {"MODE", FTP_OTHER_COMMAND},
    {"STRU", FTP_OTHER_COMMAND}, {"SYST", FTP_OTHER_COMMAND}, {"FEAT", FTP_OTHER_COMMAND},
    {"OPTS", FTP_OTHER_COMMAND}, {"SIZE", FTP_OTHER_COMMAND}, {"MDTM", FTP_OTHER_COMMAND},
    {"MLST", FTP_OTHER_COMMAND}, {"MFMT", FTP_OTHER_COMMAND}, {"NOOP", FTP_OTHER_COMMAND},
    {"REST", FTP_OTHER_COMMAND}, {"RNFR", FTP_OTHER_COMMAND}, {"RNTO", FTP_OTHER_COMMAND},
    {"DELE", FTP_OTHER_COMMAND}, {"MKD", FTP_OTHER_COMMAND},  {"RMD", FTP_OTHER_COMMAND},
    {"XMKD", FTP_OTHER_COMMAND}, {"XRMD", FTP_OTHER_COMMAND}, {"STAT", FTP_OTHER_COMMAND},
    {"SITE", FTP_OTHER_COMMAND}, {"HELP", FTP_OTHER_COMMAND}, {"ALLO", FTP_OTHER_COMMAND},
    {"PBSZ", FTP_OTHER_COMMAND}, {"PROT", FTP_OTHER_COMMAND}, {"CCC", FTP_OTHER_COMMAND},
    {"HOST", FTP_OTHER_COMMAND}, {"LANG", FTP_OTHER_COMMAND}, {"CLNT", FTP_OTHER_COMMAND},
    {"REIN", FTP_OTHER_COMMAND},
};

enum ftp_word ftp_command(const char *line, size_t length, struct ftp_endpoint *endpoint)
{
    size_t verb = 0;
    /* ABOR comes behind telnet's "interrupt" (RFC 959 4.1.3). */
    while (length && ((uint8_t)*line >= 0xf0))
        line++, length--;
    while (verb < length && verb < sizeof verbs->verb && line[verb] != ' ')
        verb++; /* one letter more than any verb has is enough */
    for (size_t i = 0; verb && i < sizeof verbs / sizeof *verbs; i++) {
        if (strlen(verbs[i].verb) != verb || strncasecmp(line, verbs[i].verb, verb) != 0)
            continue;
        struct text rest = {line + verb, line + length};
        if (verbs[i].word != FTP_ACTIVE)
            return verbs[i].word;
        *endpoint = (struct ftp_endpoint){0};
        bool read = take(&rest, ' ') && ((line[0] | 0x20) == 'p' ? host_port(rest, endpoint)
                                                                 : extended(rest, endpoint));
        return read ? FTP_ACTIVE : FTP_OTHER_COMMAND;
    }
    return FTP_NO_COMMAND;
}

bool ftp_command_cut(const char *line, size_t length, struct ftp_endpoint *endpoint)
{
    enum { VERB = sizeof "PORT " - 1 };
    struct text rest = {line + VERB, line + length};
    *endpoint = (struct ftp_endpoint){0};
    if (length < VERB)
        return false;
    if (strncasecmp(line, "PORT ", VERB) == 0)
        host_alone(rest, endpoint);
    else if (strncasecmp(line, "EPRT ", VERB) == 0)
        (void)extended(rest, endpoint);
    else
        return false;
    endpoint->port = 0;
    return true;
}

/* RFC 959 4.2: three digits and a space; a dash where more lines follow, which may hold anything.
 */
int ftp_reply(const char *line, size_t length)
{
    bool coded =
        length >= 3 && line[0] >= '1' && line[0] <= '6' && is_digit(line[1]) && is_digit(line[2]);
    if (coded && (length == 3 || line[3] == ' '))
        return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    return coded && line[3] == '-' ? 0 : -1;
}

int ftp_reply_cut(const char *line, size_t length, uint8_t octets[4])
{
    enum { CODE = 4, DIGITS_MAX = 3 };
    if (length < CODE || strncmp(line, "227", 3) != 0)
        return 0;
    struct text rest = {line + CODE, line + length};
    while (rest.at < rest.end && !is_digit(*rest.at))
        rest.at++;
    for (int count = 0; count < 4; count++) {
        const char *begin = rest.at;
        uint32_t value;
        bool whole = number(&rest, 255, &value) &&
                     (rest.at - begin == DIGITS_MAX || (rest.at < rest.end && *rest.at == ','));
        if (!whole)
            return count;
        octets[count] = (uint8_t)value;
        (void)take(&rest, ',');
    }
    return 4;
}

bool ftp_reply_endpoint(const char *line, size_t length, struct ftp_endpoint *endpoint)
{
    *endpoint = (struct ftp_endpoint){0};
    if (length < 4)
        return false;
    /* RFC 1123 4.1.2.6: look for the first digit; brackets are not sure. */
    for (struct text rest = {line + 4, line + length}; rest.at < rest.end; rest.at++) {
        if (strncmp(line, "229", 3) == 0) {
            if (*rest.at == '(')
                return rest.at++, extended(rest, endpoint);
        } else if (is_digit(*rest.at)) {
            return host_port(rest, endpoint);
        }
    }
    return false;
}
