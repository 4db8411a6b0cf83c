/* The command line (contract, section 3) as a value. Parsing prints nothing and opens nothing. */
#ifndef FWSNIFF_OPTIONS_H
#define FWSNIFF_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "analyzer/attribution/profile.h"
#include "analyzer/error.h"
#include "analyzer/words.h"
#include "dissectors/address.h"

enum options_result {
    OPTIONS_RUN,           /* a complete, consistent request */
    OPTIONS_HELP,          /* options_write_help(), exit 0 */
    OPTIONS_VERSION,       /* options_write_version(), exit 0 */
    OPTIONS_LIST_PROFILES, /* only `rules_directory` and `verbosity` matter */
    OPTIONS_LIST_INTERFACES,
    OPTIONS_ERROR, /* exit 2; the message says which option, value, and what is right */
};

enum colour_when { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

/* --vantage */
struct vantage_choice {
    const char *file; /* as given with -r; NULL: the only source there is */
    enum vantage kind;
};

/* --nat: the responder's (or initiator's) address outside and inside. */
struct nat_mapping {
    struct ip_address public_side, private_side;
};

/* --expect */
struct expectation {
    struct ip_network client;
    bool has_server;
    struct ip_address server;
};

struct options {
    const char *interface; /* NULL: offline */
    const char **files;    /* -r; "-" is standard input */
    size_t file_count;
    const char *filter; /* tcpdump expression; NULL: none */

    const char **profiles; /* -p; none: all built-in ones */
    size_t profile_count;
    const char **profile_files;
    size_t profile_file_count;
    struct port_override *ports;
    size_t port_count;
    struct pin_option *pins;
    size_t pin_count;
    const char *rules_directory; /* --rules; NULL: rules_find_directory() decides */

    struct vantage_choice *vantages;
    size_t vantage_count;
    struct ip_network *local_nets;
    size_t local_net_count;
    struct nat_mapping *nats;
    size_t nat_count;
    struct expectation *expectations;
    size_t expectation_count;

    const char *json, *ndjson;   /* file; "-": standard output; NULL: not wanted */
    const char *html, *markdown; /* the same */
    const char *evidence;        /* file */
    bool strip_payload;          /* reports and evidence hold nothing of what was said */
    bool anonymize;              /* addresses are replaced by pseudonyms; payload goes too */
    const char *anonymize_key;   /* NULL: a random one */
    const char *explain;         /* --explain: a finding's id, "" for all; NULL: not wanted */
    bool numeric;                /* -n: nothing to do, no name is ever looked up */
    bool quiet;
    int verbosity; /* number of -v */
    enum colour_when colour;

    int64_t duration_ns;   /* 0: no limit */
    uint64_t packet_limit; /* -c; 0: no limit */
    uint64_t max_flows;    /* 0: the flow table's own cap */
    int buffer_bytes;      /* 0: not given */
    int snaplen;
    bool promiscuous;

    void **owned; /* texts made of arguments; options_free() frees them */
    size_t owned_count;
};

enum { ANONYMIZE_KEY_MIN = 12 }; /* characters */

enum { SNAPLEN_DEFAULT = 262144 }; /* as tcpdump: whole frames, also with offloading */

/* Reads the arguments as GNU tools do: options may stand before, between and after the words of
 * the filter, "--" ends them. `options` must be released with options_free() whatever the result,
 * and points into `argv`, whose order is changed. Not reentrant, as getopt_long() is not. */
enum options_result options_parse(int argc, char **argv, struct options *options,
                                  struct error *error);
/* Takes one option by its long name, for commands with command lines of their own. False with a
 * message. */
bool options_take(struct options *options, const char *name, const char *value,
                  struct error *error);
/* What help and getopt_long() want to know of an option, for such commands. */
struct option_shape {
    const char *name;
    char letter;  /* 0: none */
    int argument; /* no_argument, ... */
    const char *value, *help;
};
struct option_shape options_shape(const char *name);
/* The message of OPTIONS_ERROR, escaped, and where help is. */
void options_write_error(FILE *out, const struct error *error);
void options_free(struct options *options);

/* Whether a report other than the text goes to standard output, which then is no place for text. */
bool options_stdout_taken(const struct options *options);

/* Whether to colour what is written to a file descriptor: --color, NO_COLOR (no-color.org), TERM.
 */
bool options_colour(const struct options *options, int descriptor);

/* Usage in at most 80 columns, made from the same table the parser works by. False when writing
 * failed. */
bool options_write_help(FILE *out);
/* `libpcap`: pcap_lib_version(); `ndpi`: ndpi_bridge_version(). */
bool options_write_version(FILE *out, const char *libpcap, const char *ndpi);

#endif
