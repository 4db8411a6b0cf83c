/* The report as a value: what the analysis hands to the writers. Report formats read this and
 * nothing else, so that text, JSON and the rest cannot disagree.
 *
 * Contract: schema fwsniff.report/1. Texts may hold what strangers wrote (host names, file names):
 * every writer escapes for its own medium. */
#ifndef FWSNIFF_REPORT_REPORT_H
#define FWSNIFF_REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "analyzer/attribution/fact.h"
#include "analyzer/attribution/profile.h"
#include "analyzer/attribution/rules.h"
#include "analyzer/speech/spoken.h"
#include "analyzer/words.h"
#include "dissectors/address.h"

enum { VANTAGE_REASONS_MAX = 8, VANTAGE_REASON_TEXT = 160 };

struct vantage_estimate {
    enum vantage kind;
    double confidence;
    bool has_host;
    struct ip_address host;
    char because[VANTAGE_REASONS_MAX][VANTAGE_REASON_TEXT];
    size_t because_count;
};

/* What was counted over a whole capture, whatever the product. */
struct capture_counters {
    uint64_t tcp_syn;          /* frames with SYN and without ACK */
    uint64_t syn_unanswered;   /* TCP attempts (5-tuple and ISN) whose SYN nothing answered */
    uint64_t syn_reset;        /* TCP attempts whose SYN was answered by a RST */
    uint64_t icmp_unreachable; /* frames: ICMP type 3 and ICMPv6 type 1 */
    uint64_t flows;
    uint64_t flows_evicted;
};

struct capture_report {
    char id[16];        /* "a", "b", ...; batch: the beginning of its hash */
    const char *source; /* as the user named it */
    const char *link_types[16];
    size_t link_type_count;
    uint64_t packets;
    int64_t first_ns, last_ns; /* INT64_MIN: no frame */
    uint64_t dropped;
    bool truncated;
    const char *problem; /* NULL: none */
    struct vantage_estimate vantage;
    struct capture_counters counters;
};

/* One packet of a failing exchange, as the capture shows it. */
enum step_sender {
    STEP_OF_CLIENT,
    STEP_OF_SERVER,
    STEP_OF_OTHER /* an ICMP error's own address */
};

struct exchange_step {
    int64_t time_ns;
    uint64_t frame;
    enum step_sender sender;
    bool is_icmp;
    bool lost;     /* nothing the capture shows ever answered it */
    uint8_t flags; /* TCP (enum tcp_flag) */
    uint8_t icmp_type, icmp_code;
    uint8_t hop_limit; /* as captured */
    uint32_t sequence; /* TCP */
    uint32_t length;   /* payload bytes */
    struct ip_address icmp_sender;
    struct frame_list again; /* later frames that repeat it and have no step of their own */
};

enum { EXCHANGE_STEPS_MAX = 20, EXCHANGES_MAX = 3, HISTORY_BINS = 48 };

/* One failing attempt packet by packet: those that open it, carry its first and last data, stay
 * unanswered or end it. Frames ascend. */
struct exchange {
    uint32_t capture; /* index into report.captures: whose frames these are */
    uint16_t client_port;
    struct exchange_step *steps; /* at most EXCHANGE_STEPS_MAX */
    uint32_t step_count;
};

/* What became of this client's attempts on this service over the time that the products' attempts
 * of the capture span, in equal parts. */
struct history {
    int64_t first_ns, last_ns; /* first_ns > last_ns: nothing to tell */
    uint32_t failed[HISTORY_BINS], succeeded[HISTORY_BINS];
};

struct finding {
    char id[9]; /* hexadecimal, the same for the same failure in every run */
    const struct service *service;
    struct spoken spoken; /* on the port; lives as long as the connection's record */
    struct ip_address client, server;
    int client_port; /* -1: several */
    uint16_t server_port;
    enum symptom symptom;
    int64_t first_ns, last_ns; /* INT64_MIN: no frame (no-traffic) */
    uint32_t attempts;
    uint32_t capture;                   /* index into report.captures: where its frames are */
    const char *labels[FAILURE_POINTS]; /* what the places are called here ("FP1"); NULL: nothing */
    struct verdict verdict;
    struct ledger *ledger; /* how the verdict came about; NULL: nobody asked (--explain) */
    /* Of the first attempts, and of the last one looked at; after those of its own capture, those
     * of the others that show the same failure. At most EXCHANGES_MAX of each capture. Owned. */
    struct exchange *exchanges;
    uint32_t exchange_count;
    struct history history;
};

struct report {
    const char *ndpi_version; /* NULL: nDPI was not needed and not asked */
    const struct capture_report *captures;
    size_t capture_count;
    const struct profiles *profiles;
    struct {
        uint64_t attempts, succeeded, failed;
    } summary;                       /* of the products watched */
    struct finding *const *findings; /* most certain and most frequent first */
    size_t finding_count;
    const char *const *warnings;
    size_t warning_count;
};

struct text_options {
    bool colour;
    unsigned columns; /* width to fill, at least 40 */
    bool quiet;       /* findings only */
    const char *only; /* nothing but the finding of this id; NULL: all */
    int verbosity;    /* 1: all evidence, all vantage reasons, counters */
};

/* Each returns false when writing failed (disk full, closed pipe); errno says why. */
bool report_write_text(FILE *out, const struct report *report, const struct text_options *options);
bool report_write_finding_text(FILE *out, const struct report *report,
                               const struct finding *finding, const struct text_options *options);
bool report_write_json(FILE *out, const struct report *report);
/* One page that needs nothing beside itself: no script, no request, readable printed. */
bool report_write_html(FILE *out, const struct report *report);
/* For tickets: the verdict, why, and the text to send to the owner of the rule. */
bool report_write_markdown(FILE *out, const struct report *report);

/* One line of NDJSON for a live event: {"event": "finding"|"update", "time", "finding": {...}},
 * {"event": "withdrawn", "time", "id"} (of `finding` only the id is read), and to close
 * {"event": "report", "time", "report": {...}}. */
enum report_event { EVENT_FINDING, EVENT_UPDATE, EVENT_WITHDRAWN, EVENT_REPORT };
bool report_write_ndjson(FILE *out, enum report_event event, int64_t time_ns,
                         const struct report *report, const struct finding *finding);

/* Text of strangers for a terminal: control bytes, escapes and broken UTF-8 become \xNN, and
 * characters that reorder text (Unicode bidi controls) too. Writes at most `size` bytes. */
const char *report_escape_terminal(const char *text, char *buffer, size_t size);

/* RFC 3339 UTC with microseconds: "2026-11-21T10:00:00.000000Z". */
enum { TIME_TEXT = 32 };
const char *report_time_text(int64_t time_ns, char buffer[TIME_TEXT]);

#endif
