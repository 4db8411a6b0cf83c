/* A synthetic report for the tests of the writers, made harmless or hostile, and what they check.
 */
#ifndef FWSNIFF_TESTS_REPORT_FIXTURE_H
#define FWSNIFF_TESTS_REPORT_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "analyzer/report/escape.h"
#include "analyzer/report/report.h"

/* The report needs of profiles only their names: a stand-in with one product. */
struct profiles {
    struct profile profile;
};

size_t profiles_count(const struct profiles *profiles)
{
    return profiles ? 1 : 0;
}

const struct profile *profiles_at(const struct profiles *profiles, size_t index)
{
    assert_int_equal(index, 0);
    return &profiles->profile;
}

/* Everything a stranger may try in one string: quotes, backslash, terminal escapes, C1 CSI (raw
 * and as UTF-8), bidi override and isolate, zero width, tags, BOM, overlong and surrogate and cut
 * UTF-8, DEL, newline, and harmless letters of other scripts. */
#define HOSTILE                                                                                    \
    "\"};--\\ \033[2J\033]0;x\007 \x9b"                                                            \
    "31m \xc2\x9b"                                                                                 \
    "1m \xe2\x80\xae"                                                                              \
    "txt.exe \xe2\x81\xa6 \xe2\x80\x8b \xf3\xa0\x81\x81 \xef\xbb\xbf \xc0\xaf \xed\xa0\x80 \xff "  \
    "\x7f\r\n\t</script><img src=x onerror=alert(1)>' | `` [a](javascript:x) "                     \
    "\xc3\xa4\xe4\xb8\xad\xf0\x9f\x94\xa5 \xe2\x82"

static const int64_t second_ns = 1000000000;
static const int64_t start_ns = 1795255200123456789; /* 2026-11-21T10:00:00.123456Z */

struct fixture {
    struct profiles profiles;
    struct service service;
    struct capture_report captures[2];
    struct finding finding;
    struct reason reasons[VERDICT_REASONS_MAX];
    struct command commands[COMMANDS_MAX];
    struct station stations[3];
    struct exchange exchange;
    struct exchange_step steps[2];
    struct finding *findings[1];
    const char *warnings[2];
    struct report report;
};

static inline struct ip_address address(const char *text)
{
    struct ip_address parsed;
    assert_true(ip_parse(text, &parsed));
    return parsed;
}

static inline void add_reason(struct verdict *verdict, const char *rule, const char *text,
                              double egress, double edge, uint64_t first_frame, uint32_t frames)
{
    struct reason *reason = &verdict->reasons[verdict->reason_count++];
    *reason = (struct reason){.rule = rule, .source = "a lab"};
    reason->text = (char *)text;
    reason->weight[EGRESS_POLICY] = egress;
    reason->weight[EDGE_FIREWALL] = edge;
    for (uint32_t i = 0; i < frames; i++)
        frame_list_add(&reason->frames, first_frame + i);
}

static inline void fill_verdict(struct verdict *verdict)
{
    const double probability[FAILURE_POINTS] = {0.0203, 0.0407, 0.9311, 0.0041, 0.0028, 0.0010};
    memcpy(verdict->probability, probability, sizeof probability);
    verdict->place = EGRESS_POLICY;
    verdict->mechanism = MECHANISM_DROP;
    verdict->summary =
        "The outbound rules of the network of 10.2.0.10 silently drop connections to TCP port "
        "5800, which is not one of the usual ports.";
    verdict->who = "the administrator of the firewall of the client's network";
    verdict->action = "Allow outbound TCP connections to 203.0.113.2 port 5800.";
    verdict->commands[0].platform = "nftables";
    verdict->commands[0].text = "nft insert rule inet filter forward ip daddr 203.0.113.2 "
                                "tcp dport 5800 ct state new accept";
    verdict->commands[1].platform = "windows";
    verdict->commands[1].text = "New-NetFirewallRule -Direction Outbound -Action Allow "
                                "-Protocol TCP -RemotePort 5800";
    verdict->command_count = 2;
    add_reason(verdict, "unusual-ports-fail",
               "Every unusual port fails to every server, while web ports work.", 2.3, 0, 12, 3);
    add_reason(verdict, "syn-silence", "The SYN was retried and nothing came back.", 0.5, 0.5, 12,
               40);
    add_reason(verdict, "server-port-forward", "Nobody else was answered on this service.", -0.3,
               0.4, 7, 1);
}

/* Three stations, a SYN that is repeated in vain, and six attempts over time. */
static inline void fill_drawings(struct fixture *fixture)
{
    static const struct station stations[] = {
        {STATION_HOST, 0, false, "client", "10.2.0.10"},
        {STATION_FIREWALL, 1u << EGRESS_POLICY, false, "FP3", "client's firewall"},
        {STATION_HOST, 1u << SERVER_HOST, false, "server", "203.0.113.2"},
    };
    struct finding *finding = &fixture->finding;
    struct verdict *verdict = &finding->verdict;
    memcpy(fixture->stations, stations, sizeof stations);
    verdict->stations = fixture->stations;
    verdict->station_count = 3;
    verdict->topology = "Across the Internet";
    verdict->letter.subject = "Outbound rule: allow 10.2.0.10 to 203.0.113.2 tcp/5800";
    verdict->letter.text = "Please allow this one destination and port.";
    verdict->letter.check = "Start the product again.";
    fixture->steps[0] = (struct exchange_step){
        .time_ns = start_ns, .frame = 12, .flags = 2, .lost = true, .hop_limit = 64};
    fixture->steps[1] = (struct exchange_step){
        .time_ns = start_ns + 7 * second_ns, .frame = 19, .flags = 2, .lost = true};
    fixture->exchange = (struct exchange){0, 51234, fixture->steps, 2};
    finding->exchanges = &fixture->exchange;
    finding->exchange_count = 1;
    frame_list_add(&finding->exchanges[0].steps[0].again, 13);
    finding->history = (struct history){start_ns, start_ns + 133 * second_ns, {4}, {[40] = 2}};
}

static inline void fill(struct fixture *fixture)
{
    *fixture = (struct fixture){
        .profiles.profile = {.name = "syncrify", .title = "Syncrify"},
        .service = {.name = "Syncrify HTTP",
                    .proto = PROTO_TCP,
                    .initiator_role = "client",
                    .responder_role = "server"},
    };
    fixture->service.profile = &fixture->profiles.profile;
    for (size_t i = 0; i < 2; i++) {
        fixture->captures[i] = (struct capture_report){
            .id = {(char)('a' + i)},
            .source = i ? "server.pcap" : "client.pcap",
            .link_types = {"EN10MB", "RAW"},
            .link_type_count = 2,
            .packets = 1200,
            .first_ns = start_ns,
            .last_ns = start_ns + 133 * second_ns,
            .vantage = {.kind = VANTAGE_CLIENT,
                        .confidence = 0.97,
                        .has_host = true,
                        .host = address("10.2.0.10"),
                        .because = {"outgoing checksums are not filled in"},
                        .because_count = 1},
            .counters = {.tcp_syn = 1234567},
        };
    }
    struct finding *finding = &fixture->finding;
    *finding = (struct finding){
        .id = "c0ffee12",
        .service = &fixture->service,
        .client = address("10.2.0.10"),
        .server = address("203.0.113.2"),
        .client_port = -1,
        .server_port = 5800,
        .symptom = SYMPTOM_SYN_TIMEOUT,
        .first_ns = start_ns,
        .last_ns = start_ns + 72 * second_ns,
        .attempts = 4,
    };
    fixture->finding.verdict.reasons = fixture->reasons;
    fixture->finding.verdict.commands = fixture->commands;
    finding->labels[LOCAL_FIREWALL] = "FP1";
    finding->labels[EDGE_FIREWALL] = "FP2";
    finding->labels[EGRESS_POLICY] = "FP3";
    fill_verdict(&finding->verdict);
    fill_drawings(fixture);
    fixture->findings[0] = finding;
    fixture->report = (struct report){
        .captures = fixture->captures,
        .capture_count = 1,
        .profiles = &fixture->profiles,
        .summary = {.attempts = 12, .succeeded = 8, .failed = 4},
        .findings = fixture->findings,
        .finding_count = 1,
        .warnings = fixture->warnings,
    };
}

static inline void make_hostile(struct fixture *fixture)
{
    struct verdict *verdict = &fixture->finding.verdict;
    fixture->profiles.profile.name = HOSTILE;
    fixture->finding.labels[EGRESS_POLICY] = HOSTILE;
    fixture->service.name = HOSTILE;
    fixture->service.initiator_role = HOSTILE;
    fixture->service.responder_role = HOSTILE;
    fixture->service.speaks[0] = "HTTP";
    fixture->service.speaks_count = 1;
    fixture->finding.spoken.protocol = HOSTILE;
    fixture->finding.spoken.tls.server_name = HOSTILE;
    fixture->finding.spoken.tls.issuer = HOSTILE;
    fixture->finding.spoken.tls.sha1 = HOSTILE;
    fixture->captures[0].source = HOSTILE;
    fixture->captures[0].problem = HOSTILE;
    fixture->captures[0].truncated = true;
    fixture->captures[0].dropped = 17;
    fixture->captures[0].link_types[0] = HOSTILE;
    strcpy(fixture->captures[0].vantage.because[0], HOSTILE);
    fixture->warnings[0] = fixture->warnings[1] = HOSTILE;
    fixture->report.warning_count = 2;
    fixture->report.ndpi_version = HOSTILE;
    verdict->summary = HOSTILE;
    verdict->who = HOSTILE;
    verdict->action = HOSTILE;
    verdict->next_step = HOSTILE;
    verdict->has_next_step = true;
    verdict->commands[0].text = HOSTILE;
    verdict->commands[0].platform = HOSTILE;
    verdict->reasons[0].text = HOSTILE;
    verdict->reasons[0].rule = HOSTILE;
    verdict->reasons[0].source = HOSTILE;
    verdict->topology = HOSTILE;
    verdict->letter = (struct letter){HOSTILE, HOSTILE, HOSTILE};
    for (size_t i = 0; i < 3; i++) {
        fixture->stations[i].name = HOSTILE;
        fixture->stations[i].note = HOSTILE;
    }
}

static inline void assert_harmless(const char *text)
{
    for (const char *at = text; *at;) {
        uint32_t code = 0;
        size_t length = utf8_decode(at, &code);
        if (length == 0 || (code != '\n' && code_is_unsafe(code)))
            fail_msg("byte %zu is unsafe (0x%02x)", (size_t)(at - text), (unsigned char)*at);
        at += length;
    }
}

static inline void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is missing in:\n%s", part, text);
}

static inline void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("'%s' should not be in:\n%s", part, text);
}

#endif
