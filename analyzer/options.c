#include "analyzer/options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/arguments.h"
#include "analyzer/memory.h"
#include "analyzer/report/format.h"
#include "analyzer/report/report.h"

enum section {
    SECTION_SOURCE,
    SECTION_PRODUCTS,
    SECTION_SITE,
    SECTION_OUTPUT,
    SECTION_LIVE,
    SECTION_LIMITS,
    SECTION_OTHER,
    SECTIONS
};

struct option_row;

/* Takes one option's value into the options. Returns false with a message. */
typedef bool take_value(struct options *options, const struct option_row *row, const char *value,
                        struct error *error);

struct option_row {
    const char *name;
    char letter;       /* 0: none */
    int argument;      /* no_argument, ... */
    const char *value; /* what help calls it */
    enum section section;
    bool live_only;             /* an error together with -r */
    take_value *take;           /* NULL: acts by itself (`result`) */
    enum options_result result; /* what the program has to do instead of a run */
    const char *help;
};

/* ---- helpers of the value readers ---- */

static bool bad_value(struct error *error, const struct option_row *row, const char *value,
                      const char *expected)
{
    return error_set(error, "option --%s: '%s' is not %s", row->name, value, expected);
}

/* A copy of the first `length` bytes, kept until options_free(). */
static char *keep(struct options *options, const char *text, size_t length)
{
    char *copy = memory_zeroed(length + 1, 1);
    memcpy(copy, text, length);
    options->owned =
        memory_resize(options->owned, options->owned_count + 1, sizeof *options->owned);
    options->owned[options->owned_count++] = copy;
    return copy;
}

#define APPEND(list, count, ...)                                                                   \
    do {                                                                                           \
        (list) = memory_resize((list), (count) + 1, sizeof *(list));                               \
        (list)[(count)++] = __VA_ARGS__;                                                           \
    } while (0)

/* ---- one function for each kind of option ---- */

static bool take_interface(struct options *options, const struct option_row *row, const char *value,
                           struct error *error)
{
    if (!*value)
        return bad_value(error, row, value, "an interface; -D lists them");
    if (options->interface)
        return error_set(error,
                         "option --%s: '%s' is one interface too many; 'any' captures on "
                         "all of them",
                         row->name, value);
    options->interface = value;
    return true;
}

static bool take_file(struct options *options, const struct option_row *row, const char *value,
                      struct error *error)
{
    if (!*value)
        return bad_value(error, row, value, "a file; '-' is standard input");
    for (size_t i = 0; i < options->file_count; i++)
        if (strcmp(options->files[i], value) == 0)
            return error_set(error,
                             "option --%s: '%s' is given twice; several captures are of "
                             "the same time at different places",
                             row->name, value);
    APPEND(options->files, options->file_count, value);
    return true;
}

static bool take_profiles(struct options *options, const struct option_row *row, const char *value,
                          struct error *error)
{
    const char *name = value;
    for (;;) {
        size_t length = strcspn(name, ",");
        if (length == 0)
            return bad_value(error, row, value,
                             "NAME[,NAME...], as in syncrify,druva; --list-profiles lists them");
        APPEND(options->profiles, options->profile_count, keep(options, name, length));
        if (name[length] == '\0')
            return true;
        name += length + 1;
    }
}

static bool take_profile_file(struct options *options, const struct option_row *row,
                              const char *value, struct error *error)
{
    if (!*value)
        return bad_value(error, row, value, "a profile file (JSON)");
    APPEND(options->profile_files, options->profile_file_count, value);
    return true;
}

static bool take_pin(struct options *options, const struct option_row *row, const char *value,
                     struct error *error)
{
    const char *equals = strchr(value, '=');
    if (!equals || equals == value || !pin_is_valid(equals + 1))
        return bad_value(error, row, value,
                         "PROFILE=sha256:FINGERPRINT, PROFILE=sha1:FINGERPRINT or "
                         "PROFILE=issuer:NAME");
    APPEND(options->pins, options->pin_count,
           (struct pin_option){keep(options, value, (size_t)(equals - value)), equals + 1});
    return true;
}

static bool take_port(struct options *options, const struct option_row *row, const char *value,
                      struct error *error)
{
    static const struct {
        const char *prefix;
        uint8_t proto;
    } protos[] = {{"tcp/", PROTO_TCP}, {"udp/", PROTO_UDP}};
    const char *equals = strchr(value, '=');
    for (size_t i = 0; equals && equals > value && i < sizeof protos / sizeof *protos; i++) {
        size_t length = strlen(protos[i].prefix);
        uint64_t port;
        if (strncmp(equals + 1, protos[i].prefix, length) == 0 &&
            argument_number(equals + 1 + length, UINT16_MAX, &port, NULL) && port > 0) {
            APPEND(options->ports, options->port_count,
                   (struct port_override){keep(options, value, (size_t)(equals - value)),
                                          protos[i].proto, (uint16_t)port});
            return true;
        }
    }
    return bad_value(error, row, value, "PROFILE=PROTO/PORT, as in syncrify=tcp/9443");
}

static bool take_vantage(struct options *options, const struct option_row *row, const char *value,
                         struct error *error)
{
    const char *at = strrchr(value, '@');
    int kind = word_index(vantage_words, VANTAGES, at ? at + 1 : value);
    if (kind < 0 || at == value)
        return bad_value(error, row, value,
                         "[FILE@]WHERE with WHERE one of client, server, egress-lan, egress-wan, "
                         "egress-any, isp, edge-wan, edge-lan, edge-any, span, unknown");
    APPEND(options->vantages, options->vantage_count,
           (struct vantage_choice){at ? keep(options, value, (size_t)(at - value)) : NULL,
                                   (enum vantage)kind});
    return true;
}

static bool take_local_net(struct options *options, const struct option_row *row, const char *value,
                           struct error *error)
{
    struct ip_network network;
    if (!ip_network_parse(value, &network))
        return bad_value(error, row, value, "CIDR, as in 192.168.1.0/24 or 2001:db8::/32");
    APPEND(options->local_nets, options->local_net_count, network);
    return true;
}

static bool take_nat(struct options *options, const struct option_row *row, const char *value,
                     struct error *error)
{
    struct nat_mapping nat;
    const char *equals = strchr(value, '=');
    if (!equals || !ip_parse(keep(options, value, (size_t)(equals - value)), &nat.public_side) ||
        !ip_parse(equals + 1, &nat.private_side))
        return bad_value(error, row, value, "PUBLIC=PRIVATE, as in 203.0.113.2=192.168.1.10");
    APPEND(options->nats, options->nat_count, nat);
    return true;
}

/* Takes the brackets off "[2001:db8::1]" and "[2001:db8::]/32". */
static const char *without_brackets(struct options *options, const char *text, size_t length)
{
    char *copy = keep(options, text, length);
    char *close = copy[0] == '[' ? strchr(copy, ']') : NULL;
    if (!close)
        return copy;
    memmove(close, close + 1, strlen(close));
    return copy + 1;
}

/* CLIENT[:SERVER]. The colon that divides them is the first outside of brackets; without brackets
 * there must be no other, since an IPv6 address is full of them. */
static bool read_expectation(struct options *options, const char *value,
                             struct expectation *expectation)
{
    if (ip_network_parse(value, &expectation->client))
        return true;
    const char *after = *value == '[' ? strchr(value, ']') : value;
    const char *colon = after ? strchr(after, ':') : NULL;
    size_t length = colon ? (size_t)(colon - value) : strlen(value);
    if (!ip_network_parse(without_brackets(options, value, length), &expectation->client))
        return false;
    if (!colon)
        return true;
    const char *server = colon + 1;
    if (strchr(server, ':') && *server != '[')
        return false;
    expectation->has_server = true;
    return ip_parse(without_brackets(options, server, strlen(server)), &expectation->server);
}

static bool take_expect(struct options *options, const struct option_row *row, const char *value,
                        struct error *error)
{
    struct expectation expectation = {0};
    if (!read_expectation(options, value, &expectation))
        return bad_value(error, row, value,
                         "CLIENT[:SERVER], as in 198.51.100.7:192.168.1.10, 198.51.100.0/24 or "
                         "[2001:db8::1]:[2001:db8::2]");
    if (expectation.has_server &&
        ip_is_v4(&expectation.client.address) != ip_is_v4(&expectation.server))
        return bad_value(error, row, value, "a pair of the same IP version");
    APPEND(options->expectations, options->expectation_count, expectation);
    return true;
}

/* The reports: where each goes. */
static bool take_report(struct options *options, const struct option_row *row, const char *value,
                        struct error *error)
{
    const struct {
        const char *name, **where;
    } reports[] = {
        {"json", &options->json},         {"ndjson", &options->ndjson},
        {"html", &options->html},         {"markdown", &options->markdown},
        {"evidence", &options->evidence},
    };
    size_t which = 0;
    while (strcmp(reports[which].name, row->name) != 0)
        which++;
    if (*reports[which].where)
        return error_set(error, "option --%s is given twice; it writes one file", row->name);
    if (value && !*value)
        return bad_value(error, row, value,
                         row->argument == optional_argument
                             ? "a file; without '=' it is standard output"
                             : "a file");
    if (value && strcmp(value, "-") == 0 && strcmp(row->name, "evidence") == 0)
        return bad_value(error, row, value, "a file; a capture does not go to standard output");
    *reports[which].where = value ? value : "-";
    return true;
}

/* The first line of a file: a key on the command line is seen by everybody who lists processes. */
static const char *read_key(struct options *options, const char *path, struct error *error)
{
    char *line = NULL;
    const char *key = NULL;
    size_t capacity = 0;
    FILE *file = fopen(path, "re");
    ssize_t length = file ? getline(&line, &capacity, file) : -1;
    if (length < 0)
        error_set(error, "option --anonymize: %s: %s", path,
                  !file || ferror(file) ? strerror(errno) : "the file is empty");
    else
        key = keep(options, line, strcspn(line, "\r\n"));
    if (key && strlen(key) < ANONYMIZE_KEY_MIN) {
        error_set(error,
                  "option --anonymize: the first line of %s is no key of at least %d characters",
                  path, ANONYMIZE_KEY_MIN);
        key = NULL;
    }
    if (file)
        fclose(file);
    free(line);
    return key;
}

static bool take_privacy(struct options *options, const struct option_row *row, const char *value,
                         struct error *error)
{
    options->strip_payload = true;
    if (strcmp(row->name, "anonymize") != 0)
        return true;
    options->anonymize = true;
    if (value && *value == '@')
        return (options->anonymize_key = read_key(options, value + 1, error));
    options->anonymize_key = value;
    return !value || strlen(value) >= ANONYMIZE_KEY_MIN ||
           bad_value(error, row, value,
                     "a key of at least 12 characters; without '=' a random one is made");
}

static bool take_explain(struct options *options, const struct option_row *row, const char *value,
                         struct error *error)
{
    if (value && (strlen(value) != 8 || strspn(value, "0123456789abcdef") != 8))
        return bad_value(error, row, value,
                         "the id of a finding: eight hexadecimal digits, as --explain without a "
                         "value and the JSON report show them");
    options->explain = value ? value : "";
    return true;
}

static bool take_colour(struct options *options, const struct option_row *row, const char *value,
                        struct error *error)
{
    static const char *const words[] = {
        [COLOUR_AUTO] = "auto", [COLOUR_ALWAYS] = "always", [COLOUR_NEVER] = "never"};
    int when = word_index(words, sizeof words / sizeof *words, value);
    if (when < 0)
        return bad_value(error, row, value, "auto, always or never");
    options->colour = (enum colour_when)when;
    return true;
}

static bool take_duration(struct options *options, const struct option_row *row, const char *value,
                          struct error *error)
{
    static const struct argument_unit units[] = {{"", 1},     {"s", 1},     {"m", 60},
                                                 {"h", 3600}, {"d", 86400}, {NULL, 0}};
    uint64_t seconds;
    if (!argument_quantity(value, units, INT64_MAX / 1000000000, &seconds) || seconds == 0)
        return bad_value(error, row, value, "a time, as in 30, 30s, 5m, 1h or 1d");
    options->duration_ns = (int64_t)seconds * 1000000000;
    return true;
}

static bool take_count(struct options *options, const struct option_row *row, const char *value,
                       struct error *error)
{
    if (!argument_number(value, UINT64_MAX, &options->packet_limit, NULL) ||
        options->packet_limit == 0)
        return bad_value(error, row, value, "a number of packets from 1 on");
    return true;
}

static bool take_max_flows(struct options *options, const struct option_row *row, const char *value,
                           struct error *error)
{
    if (!argument_number(value, UINT32_MAX, &options->max_flows, NULL) || options->max_flows == 0)
        return bad_value(error, row, value, "a number of flows from 1 to 4294967295");
    return true;
}

static bool take_buffer(struct options *options, const struct option_row *row, const char *value,
                        struct error *error)
{
    static const struct argument_unit units[] = {{"", 1024},     {"k", 1024},       {"K", 1024},
                                                 {"M", 1048576}, {"G", 1073741824}, {NULL, 0}};
    uint64_t bytes;
    if (!argument_quantity(value, units, INT_MAX, &bytes) || bytes == 0)
        return bad_value(error, row, value,
                         "a size below 2 GiB, as in 4096 (KiB, as tcpdump counts) or 16M");
    options->buffer_bytes = (int)bytes;
    return true;
}

static bool take_snaplen(struct options *options, const struct option_row *row, const char *value,
                         struct error *error)
{
    uint64_t bytes;
    if (!argument_number(value, SNAPLEN_DEFAULT, &bytes, NULL))
        return bad_value(error, row, value, "a number of bytes up to 262144 (0: all)");
    options->snaplen = bytes ? (int)bytes : SNAPLEN_DEFAULT;
    return true;
}

static bool take_rules(struct options *options, const struct option_row *row, const char *value,
                       struct error *error)
{
    if (!*value)
        return bad_value(error, row, value, "a directory");
    options->rules_directory = value;
    return true;
}

/* The switches: which member each sets. */
static bool take_switch(struct options *options, const struct option_row *row, const char *value,
                        struct error *error)
{
    (void)value;
    (void)error;
    switch (row->letter) {
    case 'n':
        options->numeric = true;
        break;
    case 'q':
        options->quiet = true;
        break;
    case 'v':
        options->verbosity++;
        break;
    default:
        options->promiscuous = true;
    }
    return true;
}

/* ---- the table ---- */

/* clang-format off */
static const struct option_row rows[] = {
    /* name, letter, argument, value, section, live only, take, result, help */
    {"interface", 'i', required_argument, "IF", SECTION_SOURCE, false, take_interface, OPTIONS_RUN,
     "capture live on this interface; 'any' is all of them"},
    {"read", 'r', required_argument, "FILE", SECTION_SOURCE, false, take_file, OPTIONS_RUN,
     "read a capture: pcap or pcapng, also compressed (gzip, zstd, xz, lz4); '-' is standard "
     "input. Several: captures of the same time at different places"},
    {"list-interfaces", 'D', no_argument, NULL, SECTION_SOURCE, false, NULL, OPTIONS_LIST_INTERFACES,
     "list the interfaces and stop"},

    {"profile", 'p', required_argument, "NAME[,NAME]", SECTION_PRODUCTS, false, take_profiles, OPTIONS_RUN,
     "products to watch; all built-in ones if not given"},
    {"profile-file", 0, required_argument, "FILE", SECTION_PRODUCTS, false, take_profile_file, OPTIONS_RUN,
     "a profile of your own (JSON); repeatable"},
    {"port", 0, required_argument, "PROFILE=PROTO/PORT", SECTION_PRODUCTS, false, take_port, OPTIONS_RUN,
     "this site runs the product on another port: --port syncrify=tcp/9443; repeatable"},
    {"pin", 0, required_argument, "PROFILE=KIND:VALUE", SECTION_PRODUCTS, false, take_pin, OPTIONS_RUN,
     "the product's own certificate: KIND is sha256, sha1 (fingerprint) or issuer (part of its name); repeatable"},
    {"list-profiles", 0, no_argument, NULL, SECTION_PRODUCTS, false, NULL, OPTIONS_LIST_PROFILES,
     "list the products and their ports and stop"},
    {"rules", 0, required_argument, "DIR", SECTION_PRODUCTS, false, take_rules, OPTIONS_RUN,
     "rules and profiles from this directory"},

    {"vantage", 0, required_argument, "[FILE@]WHERE", SECTION_SITE, false, take_vantage, OPTIONS_RUN,
     "where the capture was taken, instead of inferring it: client, server, egress-lan, "
     "egress-wan, egress-any, isp, edge-wan, edge-lan, edge-any, span or unknown. With several "
     "captures FILE@ says which one"},
    {"local-net", 0, required_argument, "CIDR", SECTION_SITE, false, take_local_net, OPTIONS_RUN,
     "a network of the site where the capture was taken; repeatable"},
    {"nat", 0, required_argument, "PUBLIC=PRIVATE", SECTION_SITE, false, take_nat, OPTIONS_RUN,
     "an address and what NAT makes of it; repeatable"},
    {"expect", 0, required_argument, "CLIENT[:SERVER]", SECTION_SITE, false, take_expect, OPTIONS_RUN,
     "this client (or network) tried to connect: if nothing of it is seen, that is a finding. "
     "IPv6 in brackets; repeatable"},

    {"json", 0, optional_argument, "FILE", SECTION_OUTPUT, false, take_report, OPTIONS_RUN,
     "the report as one JSON document, on standard output if no file is named"},
    {"ndjson", 0, optional_argument, "FILE", SECTION_OUTPUT, true, take_report, OPTIONS_RUN,
     "live: every event as a line of JSON when it happens"},
    {"html", 0, required_argument, "FILE", SECTION_OUTPUT, false, take_report, OPTIONS_RUN,
     "the report as one self-contained web page, to read, print and send on"},
    {"markdown", 0, optional_argument, "FILE", SECTION_OUTPUT, false, take_report, OPTIONS_RUN,
     "the report and the change request for a ticket, on standard output if no file is named"},
    {"evidence", 0, required_argument, "FILE.pcapng", SECTION_OUTPUT, false, take_report, OPTIONS_RUN,
     "the frames that matter as a capture, with comments that say why"},
    {"strip-payload", 0, no_argument, NULL, SECTION_OUTPUT, false, take_privacy, OPTIONS_RUN,
     "nothing of what was said goes into any report or the evidence: headers only"},
    {"anonymize", 0, optional_argument, "KEY|@FILE", SECTION_OUTPUT, false, take_privacy, OPTIONS_RUN,
     "replace addresses by pseudonyms in every report and the evidence (networks stay networks; the "
     "same key gives the same ones; @FILE: its first line, which nobody sees in a list of processes; random if not "
     "given), and strip the payload"},
    {"explain", 0, optional_argument, "ID", SECTION_OUTPUT, false, take_explain, OPTIONS_RUN,
     "how each verdict, or that of the one finding, came about: every rule with what it added, and "
     "what would have changed it; in the JSON report too"},
    {"color", 0, required_argument, "WHEN", SECTION_OUTPUT, false, take_colour, OPTIONS_RUN,
     "auto (on a terminal), always or never"},
    {"numeric", 'n', no_argument, NULL, SECTION_OUTPUT, false, take_switch, OPTIONS_RUN,
     "taken for habit's sake: names are never looked up"},
    {"quiet", 'q', no_argument, NULL, SECTION_OUTPUT, false, take_switch, OPTIONS_RUN,
     "findings only, no progress"},
    {"verbose", 'v', no_argument, NULL, SECTION_OUTPUT, false, take_switch, OPTIONS_RUN,
     "all evidence, how the vantage was inferred, counters; repeatable"},

    {"duration", 'd', required_argument, "TIME", SECTION_LIVE, true, take_duration, OPTIONS_RUN,
     "stop after 30, 30s, 5m, 1h or 1d and report"},
    {"promisc", 0, no_argument, NULL, SECTION_LIVE, true, take_switch, OPTIONS_RUN,
     "promiscuous mode: frames for other hosts too"},
    {"snaplen", 's', required_argument, "BYTES", SECTION_LIVE, true, take_snaplen, OPTIONS_RUN,
     "capture this much of each frame (262144)"},
    {"buffer-size", 'B', required_argument, "SIZE", SECTION_LIVE, true, take_buffer, OPTIONS_RUN,
     "kernel buffer: in KiB, or with K, M or G (64M)"},

    {"count", 'c', required_argument, "N", SECTION_LIMITS, false, take_count, OPTIONS_RUN,
     "stop after N packets and report"},
    {"max-flows", 0, required_argument, "N", SECTION_LIMITS, false, take_max_flows, OPTIONS_RUN,
     "flows to keep in memory at once"},

    {"help", 'h', no_argument, NULL, SECTION_OTHER, false, NULL, OPTIONS_HELP, "this text"},
    {"version", 'V', no_argument, NULL, SECTION_OTHER, false, NULL, OPTIONS_VERSION,
     "versions of fwsniff and its libraries"},
};
/* clang-format on */

enum { ROWS = sizeof rows / sizeof *rows, LONG_ONLY = 256 /* beyond all letters */ };

static int row_key(size_t index)
{
    return rows[index].letter ? rows[index].letter : LONG_ONLY + (int)index;
}

static const struct option_row *row_of(int key)
{
    for (size_t i = 0; i < ROWS; i++)
        if (row_key(i) == key)
            return &rows[i];
    return NULL;
}

/* ---- parsing ---- */

/* What getopt_long() wants, made from the rows. The leading colon tells a missing value from an
 * unknown option. */
static void getopt_tables(char letters[2 * ROWS + 2], struct option words[ROWS + 1])
{
    *letters++ = ':';
    for (size_t i = 0; i < ROWS; i++) {
        words[i] = (struct option){rows[i].name, rows[i].argument, NULL, row_key(i)};
        if (!rows[i].letter)
            continue;
        *letters++ = rows[i].letter;
        if (rows[i].argument == required_argument)
            *letters++ = ':';
    }
    *letters = '\0';
    words[ROWS] = (struct option){0};
}

static bool refused_by_getopt(int key, const char *argument, struct error *error)
{
    const struct option_row *row = row_of(optopt);
    if (key == ':' && row)
        return error_set(error, "option --%s needs a value: %s", row->name, row->value);
    if (row)
        return error_set(error, "option --%s takes no value ('%s')", row->name, argument);
    if (optopt)
        return error_set(error, "unknown option '-%c'", optopt);
    return error_set(error, "unknown or ambiguous option '%s'", argument);
}

static void join_filter(char *const *words, int count, struct options *options)
{
    size_t length = 0;
    if (count == 0)
        return;
    for (int i = 0; i < count; i++)
        length += strlen(words[i]) + 1;
    char *filter = memory_zeroed(length, 1), *end = filter;
    for (int i = 0; i < count; i++) {
        end = stpcpy(end, words[i]);
        *end++ = i + 1 < count ? ' ' : '\0';
    }
    options->filter = keep(options, filter, length);
    free(filter);
}

static bool check_source(const struct options *options, const struct option_row *live_only,
                         struct error *error)
{
    if (!options->interface && options->file_count == 0)
        return error_set(error, "nothing to analyze: give -i INTERFACE or -r FILE");
    if (options->interface && options->file_count > 0)
        return error_set(error, "-i %s and -r %s exclude each other: one is live, one is not",
                         options->interface, options->files[0]);
    if (!options->interface && live_only)
        return error_set(error, "option --%s is for live captures (-i) only", live_only->name);
    return true;
}

static bool same_file(const char *a, const char *b)
{
    struct stat first, second;
    if (strcmp(a, b) == 0)
        return true;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino && S_ISREG(first.st_mode);
}

static bool check_outputs(const struct options *options, struct error *error)
{
    const struct {
        const char *option, *file;
    } outputs[] = {{"json", options->json},
                   {"ndjson", options->ndjson},
                   {"html", options->html},
                   {"markdown", options->markdown},
                   {"evidence", options->evidence}};
    enum { OUTPUTS = sizeof outputs / sizeof *outputs };
    for (size_t i = 0; i < OUTPUTS; i++) {
        if (!outputs[i].file)
            continue;
        bool console = strcmp(outputs[i].file, "-") == 0;
        for (size_t j = i + 1; j < OUTPUTS; j++)
            if (outputs[j].file && same_file(outputs[i].file, outputs[j].file))
                return error_set(error, "options --%s and --%s both write to %s", outputs[i].option,
                                 outputs[j].option, console ? "standard output" : outputs[i].file);
        for (size_t j = 0; j < options->file_count && !console; j++)
            if (same_file(outputs[i].file, options->files[j]))
                return error_set(error, "option --%s: '%s' is the capture to be read",
                                 outputs[i].option, outputs[i].file);
    }
    return true;
}

static bool is_source(const struct options *options, const char *file)
{
    for (size_t i = 0; i < options->file_count; i++)
        if (strcmp(options->files[i], file) == 0)
            return true;
    return false;
}

/* Without a file it is the only source there is. */
static bool same_source(const char *a, const char *b)
{
    return !a || !b || strcmp(a, b) == 0;
}

static bool check_vantages(const struct options *options, struct error *error)
{
    for (size_t i = 0; i < options->vantage_count; i++) {
        const struct vantage_choice *choice = &options->vantages[i];
        const char *word = vantage_words[choice->kind];
        if (!choice->file && options->file_count > 1)
            return error_set(error,
                             "option --vantage: '%s' does not say for which of the %zu "
                             "captures; expected FILE@%s",
                             word, options->file_count, word);
        if (choice->file && !is_source(options, choice->file))
            return error_set(error, "option --vantage: '%s@%s' names a file that -r does not",
                             choice->file, word);
        for (size_t j = 0; j < i; j++)
            if (same_source(options->vantages[j].file, choice->file))
                return error_set(error, "option --vantage: '%s' and '%s' for the same capture",
                                 vantage_words[options->vantages[j].kind], word);
    }
    return true;
}

enum options_result options_parse(int argc, char **argv, struct options *options,
                                  struct error *error)
{
    char letters[2 * ROWS + 2];
    struct option words[ROWS + 1];
    const struct option_row *live_only = NULL;
    enum options_result result = OPTIONS_RUN;
    int key;

    *options = (struct options){.snaplen = SNAPLEN_DEFAULT};
    getopt_tables(letters, words);
    optind = 0; /* glibc: start anew */
    opterr = 0;
    while ((key = getopt_long(argc, argv, letters, words, NULL)) != -1) {
        const struct option_row *row = key == '?' || key == ':' ? NULL : row_of(key);
        if (!row) {
            refused_by_getopt(key, argv[optind - 1], error);
            return OPTIONS_ERROR;
        }
        if (row->result == OPTIONS_HELP || row->result == OPTIONS_VERSION)
            return row->result; /* at once, as GNU tools do */
        if (row->take && !row->take(options, row, optarg, error))
            return OPTIONS_ERROR;
        if (row->result != OPTIONS_RUN)
            result = row->result;
        if (row->live_only)
            live_only = row;
    }
    if (result != OPTIONS_RUN)
        return result;
    join_filter(argv + optind, argc - optind, options);
    bool good = check_source(options, live_only, error) && check_outputs(options, error) &&
                check_vantages(options, error);
    return good ? OPTIONS_RUN : OPTIONS_ERROR;
}

static const struct option_row *row_called(const char *name)
{
    size_t i = 0;
    while (strcmp(rows[i].name, name) != 0)
        i++;
    return &rows[i];
}

bool options_take(struct options *options, const char *name, const char *value, struct error *error)
{
    const struct option_row *row = row_called(name);
    return row->take(options, row, value, error);
}

struct option_shape options_shape(const char *name)
{
    const struct option_row *row = row_called(name);
    return (struct option_shape){name, row->letter, row->argument, row->value, row->help};
}

void options_free(struct options *options)
{
    for (size_t i = 0; i < options->owned_count; i++)
        free(options->owned[i]);
    free(options->owned);
    free(options->files);
    free(options->profiles);
    free(options->profile_files);
    free(options->ports);
    free(options->pins);
    free(options->vantages);
    free(options->local_nets);
    free(options->nats);
    free(options->expectations);
    *options = (struct options){0};
}

bool options_stdout_taken(const struct options *options)
{
    const char *const reports[] = {options->json, options->ndjson, options->html,
                                   options->markdown};
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++)
        if (reports[i] && strcmp(reports[i], "-") == 0)
            return true;
    return false;
}

bool options_colour(const struct options *options, int descriptor)
{
    if (options->colour != COLOUR_AUTO)
        return options->colour == COLOUR_ALWAYS;
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    return !(no_color && *no_color) && term && strcmp(term, "dumb") != 0 && isatty(descriptor);
}

void options_write_error(FILE *out, const struct error *error)
{
    char shown[4 * ERROR_TEXT_MAX];
    report_escape_terminal(error->text, shown, sizeof shown);
    fprintf(out, "fwsniff: %s\nTry 'fwsniff --help'\n", shown);
}

/* ---- help ---- */

bool options_write_help(FILE *out)
{
    static const char *const titles[SECTIONS] = {
        [SECTION_SOURCE] = "What to analyze",
        [SECTION_PRODUCTS] = "Products",
        [SECTION_SITE] = "What you know of the site",
        [SECTION_OUTPUT] = "Output",
        [SECTION_LIVE] = "Live captures",
        [SECTION_LIMITS] = "Limits",
        [SECTION_OTHER] = "Other",
    };
    fputs("Usage: fwsniff [options] -i INTERFACE [filter expression]\n"
          "       fwsniff [options] -r FILE [-r FILE ...] [filter expression]\n"
          "       fwsniff batch [options] DIR|FILE ...       (fwsniff batch --help)\n"
          "       fwsniff history [options]                  (fwsniff history --help)\n"
          "\n"
          "Finds failed connections of backup and file-transfer products in captured\n"
          "traffic and says which firewall, host or network made them fail.\n"
          "The filter expression is that of tcpdump, pcap-filter(7).\n",
          out);
    struct page page;
    page_begin(&page, out, HELP_WIDTH, false);
    for (size_t section = 0; section < SECTIONS; section++) {
        fprintf(out, "\n%s:\n", titles[section]);
        for (size_t i = 0; i < ROWS; i++)
            if (rows[i].section == section)
                argument_help(&page, rows[i].name, rows[i].letter, rows[i].argument, rows[i].value,
                              rows[i].help);
    }
    fputs("\n"
          "Exit status: 0 no failure found, 1 failures found, 2 usage or rules error,\n"
          "3 a capture could not be opened or read to its end.\n"
          "More: fwsniff(1).\n",
          out);
    return format_stream_ok(out);
}

bool options_write_version(FILE *out, const char *libpcap, const char *ndpi)
{
    static const char prefix[] = "libpcap version ";
    if (strncmp(libpcap, prefix, sizeof prefix - 1) == 0)
        libpcap += sizeof prefix - 1;
    fprintf(out, "fwsniff %s\nlibpcap %s\nnDPI %s\n", FWSNIFF_VERSION, libpcap, ndpi);
    return format_stream_ok(out);
}
