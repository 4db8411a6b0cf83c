/* Scenes for the tests of flows, symptoms and attribution: conversations between two ends, packet
 * by packet, fed to a tracker with the profiles and rules of this project (tests run in its root).
 *
 *     struct scene *scene = scene_new();
 *     struct talk talk = scene_talk(scene, "10.0.0.7", 50000, "203.0.113.2", 5800);
 *     CLIENT_SENDS(&talk, .at = 0, .flags = "S");
 *     SERVER_SENDS(&talk, .at = 0.02, .flags = "RA");
 *
 * Times are seconds since the scene began, sequence numbers count from the sender's initial one.
 * What a step does not say has a sensible value: the next sequence number, an acknowledgment of all
 * that the other side sent, a new IP-ID, the sender's own hop limit and MAC address. */
#ifndef FWSNIFF_TESTS_SCENE_H
#define FWSNIFF_TESTS_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyzer/attribution/controls.h"
#include "analyzer/attribution/diagnosis.h"
#include "analyzer/attribution/facts.h"
#include "analyzer/attribution/facts_establish.h"
#include "analyzer/attribution/failures.h"
#include "analyzer/attribution/histories.h"
#include "analyzer/flow/tracker.h"
#include "analyzer/knowledge.h"
#include "analyzer/speech/speech.h"

#define SCENE_START_NS INT64_C(1700000000000000000)

enum { SCENE_FLOWS = 4096, SCENE_EXPECTED_MAX = 4 };

struct scene {
    struct tracker *tracker;
    struct stream_pool *streams;
    struct listener *listener;
    uint64_t frame; /* number of the latest */
    int64_t last_ns;
    uint32_t next_id; /* IP-ID */
    enum side side;   /* what tracker_packet() said of the latest */
    bool fresh;
    struct site site;
    struct expectation expected[SCENE_EXPECTED_MAX];
    size_t expected_count;
    bool explain;               /* findings with their ledgers */
    struct diagnosis diagnosis; /* of scene_diagnose() */
};

struct talk {
    struct scene *scene;
    struct ip_address address[2]; /* by enum side */
    uint16_t port[2];
    uint8_t hop_limit[2];
    uint8_t mac[2][6];
    bool no_mac;
    uint32_t isn[2], next[2]; /* next: relative to isn */
};

/* One packet. */
struct step {
    double at;
    const char *flags; /* of "SAFRP"; NULL: UDP */
    uint32_t seq, ack, length;
    uint32_t id; /* 0: a new one */
    uint32_t if_index;
    uint8_t hop_limit;
    enum link_direction direction;
    bool no_id;  /* IP-ID 0, as Linux sends with "don't fragment" */
    bool no_ack; /* acknowledgment 0 whatever was received */
    bool closed_window;
    bool first_fragment;
    bool tunnelled;
    uint32_t timestamp, timestamp_echo; /* RFC 7323; 0: the option is not there */
    const uint8_t *mac;
    const char *payload;  /* first bytes; without `length` all of it */
    const uint8_t *bytes; /* all the payload, `length` bytes */
};

#define CLIENT_SENDS(talk, ...) scene_send(talk, INITIATOR, (struct step){__VA_ARGS__})
#define SERVER_SENDS(talk, ...) scene_send(talk, RESPONDER, (struct step){__VA_ARGS__})

/* Rules and profiles, read once. All products are watched. */
static inline const struct knowledge *scene_knowledge(void)
{
    static struct knowledge known;
    static const struct options options = {.rules_directory = "rules"};
    struct error error = {""};
    if (!known.profiles && !knowledge_load(&known, &options, &error))
        fail_msg("%s", error.text);
    return &known;
}

static inline void scene_forget_speech(const struct attempt *attempt, void *context)
{
    const struct scene *scene = context;
    speech_forget(scene->listener, (struct attempt *)attempt);
}

static inline struct scene *scene_open(size_t flows, bool compared)
{
    const struct knowledge *known = scene_knowledge();
    const struct tracker_options options = {
        .max_flows = flows,
        .profiles = known->profiles,
        .syn_copy_gap_ns = (int64_t)(known->thresholds.syn_retry_gap_min_s * 1e9),
        .compared = compared,
    };
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->tracker = tracker_new(&options);
    scene->streams = stream_pool_new(STREAM_POOL_BYTES_MAX);
    scene->listener = listener_new(known->profiles, known->signs, scene->streams, NULL);
    tracker_on_evict(scene->tracker, scene_forget_speech, scene);
    scene->last_ns = SCENE_START_NS;
    return scene;
}

static inline struct scene *scene_with_room(size_t flows)
{
    return scene_open(flows, false);
}

static inline struct scene *scene_new(void)
{
    return scene_open(SCENE_FLOWS, false);
}

/* One of several captures of the same time. */
static inline struct scene *scene_compared(void)
{
    return scene_open(SCENE_FLOWS, true);
}

static inline void scene_end(struct scene *scene)
{
    size_t position = 0;
    diagnosis_release(&scene->diagnosis);
    for (struct attempt *attempt; (attempt = tracker_next_attempt(scene->tracker, &position));)
        speech_forget(scene->listener, attempt);
    tracker_free(scene->tracker);
    listener_free(scene->listener);
    stream_pool_free(scene->streams);
    free(scene);
}

static inline int64_t scene_time(double at)
{
    return SCENE_START_NS + (int64_t)(at * 1e9);
}

static inline struct ip_address scene_address(const char *text)
{
    struct ip_address address;
    assert_true(ip_parse(text, &address));
    return address;
}

static inline struct talk scene_talk(struct scene *scene, const char *client, uint16_t client_port,
                                     const char *server, uint16_t server_port)
{
    struct talk talk = {
        .scene = scene,
        .address = {scene_address(client), scene_address(server)},
        .port = {client_port, server_port},
        .hop_limit = {64, 64},
        .mac = {{2, 0, 0, 0, 0, 0xc}, {2, 0, 0, 0, 0, 0x5}},
        .isn = {1000u + client_port, 70000u + client_port},
    };
    return talk;
}

static inline struct packet scene_ip(const struct ip_address *source,
                                     const struct ip_address *destination, uint8_t hop_limit)
{
    static const uint8_t header[40];
    return (struct packet){
        .kind = PACKET_IP,
        .ip_bytes = header,
        .ip = {.source = *source,
               .destination = *destination,
               .version = ip_is_v4(source) ? 4 : 6,
               .hop_limit = hop_limit,
               .total_length = 60},
    };
}

static inline struct attempt *scene_feed(struct scene *scene, const struct packet *packet,
                                         double at)
{
    int64_t time_ns = scene_time(at);
    if (time_ns > scene->last_ns)
        scene->last_ns = time_ns;
    struct attempt *attempt = tracker_packet(scene->tracker, packet, ++scene->frame, time_ns,
                                             &scene->side, &scene->fresh);
    if (attempt && scene->fresh && packet->kind != PACKET_ICMP)
        speech_listen(scene->listener, attempt, packet, scene->side, scene->frame, time_ns);
    return attempt;
}

static inline uint8_t scene_flags(const char *letters)
{
    static const struct {
        char letter;
        uint8_t flag;
    } known[] = {{'S', TCP_SYN}, {'A', TCP_ACK}, {'F', TCP_FIN}, {'R', TCP_RST}, {'P', TCP_PSH}};
    uint8_t flags = 0;
    for (; *letters; letters++)
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            if (known[i].letter == *letters)
                flags |= known[i].flag;
    return flags;
}

static inline struct tcp_header scene_tcp(struct talk *talk, enum side from,
                                          const struct step *step)
{
    uint8_t flags = scene_flags(step->flags);
    uint32_t seq = step->seq || (flags & TCP_SYN) ? step->seq : talk->next[from];
    uint32_t ack = step->ack ? step->ack : talk->next[!from];
    uint32_t end = seq + step->length + ((flags & (TCP_SYN | TCP_FIN)) != 0);
    if (!(flags & TCP_RST) && end > talk->next[from])
        talk->next[from] = end;
    return (struct tcp_header){
        .sequence = talk->isn[from] + seq,
        .acknowledgment = (flags & TCP_ACK) && !step->no_ack ? talk->isn[!from] + ack : 0,
        .window = step->closed_window ? 0
                  : (flags & TCP_RST) ? 0
                                      : (uint16_t)(500 + from),
        .flags = flags,
        .window_scale = 0xff,
        .has_timestamp = step->timestamp != 0,
        .timestamp_value = step->timestamp,
        .timestamp_echo = step->timestamp_echo,
    };
}

static inline struct attempt *scene_send(struct talk *talk, enum side from, struct step step)
{
    static const uint8_t filler[64] = {1, 2, 3, 4};
    if (step.payload && !step.length)
        step.length = (uint32_t)strlen(step.payload);
    uint8_t hop_limit = step.hop_limit ? step.hop_limit : talk->hop_limit[from];
    struct packet packet = scene_ip(&talk->address[from], &talk->address[!from], hop_limit);
    packet.kind = step.flags ? PACKET_TCP : PACKET_UDP;
    packet.ip.protocol = step.flags ? PROTO_TCP : PROTO_UDP;
    packet.ip.id = packet.ip.version == 6 || step.no_id ? 0
                   : step.id                            ? step.id
                                                        : ++talk->scene->next_id;
    packet.ip.more_fragments = step.first_fragment;
    packet.ip.total_length = 40 + step.length;
    packet.source_port = talk->port[from];
    packet.destination_port = talk->port[!from];
    packet.transport = packet.ip_bytes; /* zeros: no checksum to be wrong */
    packet.payload = step.bytes     ? step.bytes
                     : step.payload ? (const uint8_t *)step.payload
                                    : filler;
    packet.payload_length = step.length;
    packet.payload_captured = step.bytes                    ? step.length
                              : step.payload                ? (uint32_t)strlen(step.payload)
                              : step.length < sizeof filler ? step.length
                                                            : (uint32_t)sizeof filler;
    packet.tunnels = step.tunnelled ? TUNNEL_VXLAN : 0;
    if (step.tunnelled) {
        packet.tunnel_source = scene_address(from == INITIATOR ? "198.51.100.1" : "203.0.113.1");
        packet.tunnel_destination =
            scene_address(from == INITIATOR ? "203.0.113.1" : "198.51.100.1");
    }
    packet.direction = step.direction;
    packet.if_index = step.if_index;
    packet.has_mac = !talk->no_mac;
    memcpy(packet.source_mac, step.mac ? step.mac : talk->mac[from], 6);
    memcpy(packet.destination_mac, talk->mac[!from], 6);
    if (step.flags)
        packet.tcp = scene_tcp(talk, from, &step);
    return scene_feed(talk->scene, &packet, step.at);
}

/* --- whole exchanges --- */

enum { SCENE_RTT_MS = 20 };

static inline struct attempt *scene_handshake(struct talk *talk, double at)
{
    CLIENT_SENDS(talk, .at = at, .flags = "S");
    SERVER_SENDS(talk, .at = at + 0.02, .flags = "SA");
    return CLIENT_SENDS(talk, .at = at + 0.0201, .flags = "A");
}

/* A request and its reply, all acknowledged; takes 40 ms. */
static inline struct attempt *scene_exchange(struct talk *talk, double at, uint32_t request,
                                             uint32_t reply)
{
    CLIENT_SENDS(talk, .at = at, .flags = "PA", .length = request);
    SERVER_SENDS(talk, .at = at + 0.02, .flags = "PA", .length = reply);
    return CLIENT_SENDS(talk, .at = at + 0.0201, .flags = "A");
}

static inline struct attempt *scene_close(struct talk *talk, double at)
{
    CLIENT_SENDS(talk, .at = at, .flags = "FA");
    SERVER_SENDS(talk, .at = at + 0.02, .flags = "FA");
    return CLIENT_SENDS(talk, .at = at + 0.0201, .flags = "A");
}

/* A connection from handshake to close; takes 140 ms. */
static inline struct attempt *scene_success(struct talk *talk, double at)
{
    scene_handshake(talk, at);
    scene_exchange(talk, at + 0.03, 100, 400);
    return scene_close(talk, at + 0.1);
}

/* SYNs as Linux repeats them (RFC 6298): after 1, 3 and 7 s. */
static inline struct attempt *scene_unanswered(struct talk *talk, double at, int syns)
{
    static const double after[] = {0, 1, 3, 7, 15, 31};
    struct attempt *attempt = NULL;
    for (int i = 0; i < syns; i++)
        attempt = CLIENT_SENDS(talk, .at = at + after[i], .flags = "S");
    return attempt;
}

/* --- what is not TCP or UDP --- */

struct icmp_step {
    double at;
    const char *sender;       /* address; NULL: the side that is told it could not reach */
    uint8_t type, code;       /* of the quoted packet's IP version */
    uint8_t hop_limit;        /* of the error itself; 0: 64 */
    uint8_t quoted_hop_limit; /* 0: as the quoted side sends it */
    const char *quoted_source, *quoted_destination; /* where a NAT changed them */
    const uint8_t *mac;
    enum link_direction direction;
    bool no_quote;
};

#define ICMP_REFUSES(talk, quoted, ...) scene_icmp(talk, quoted, (struct icmp_step){__VA_ARGS__})

static inline enum icmp_class scene_icmp_class(bool v6, uint8_t type, uint8_t code)
{
    if (v6)
        return type == 1   ? ICMP_UNREACHABLE
               : type == 2 ? ICMP_TOO_BIG
               : type == 3 ? ICMP_TIME_EXCEEDED
               : type == 4 ? ICMP_PARAMETER
                           : ICMP_REDIRECTED;
    return type == 3    ? (code == 4 ? ICMP_TOO_BIG : ICMP_UNREACHABLE)
           : type == 11 ? ICMP_TIME_EXCEEDED
           : type == 12 ? ICMP_PARAMETER
                        : ICMP_REDIRECTED;
}

/* An error about the last packet (TCP: the SYN) of the side `quoted`, sent back to it. */
static inline struct attempt *scene_icmp(struct talk *talk, enum side quoted, struct icmp_step step)
{
    struct ip_address sender = step.sender ? scene_address(step.sender) : talk->address[!quoted];
    struct packet packet =
        scene_ip(&sender, &talk->address[quoted], step.hop_limit ? step.hop_limit : 64);
    bool v6 = packet.ip.version == 6;
    packet.kind = PACKET_ICMP;
    packet.direction = step.direction;
    packet.has_mac = true;
    memcpy(packet.source_mac, step.mac ? step.mac : talk->mac[!quoted], 6);
    packet.icmp = (struct icmp_header){
        .type = step.type,
        .code = step.code,
        .class_ = scene_icmp_class(v6, step.type, step.code),
        .has_quote = !step.no_quote,
        .quote = {.ip = {.source = step.quoted_source ? scene_address(step.quoted_source)
                                                      : talk->address[quoted],
                         .destination = step.quoted_destination
                                            ? scene_address(step.quoted_destination)
                                            : talk->address[!quoted],
                         .version = packet.ip.version,
                         .protocol = talk->next[0] || talk->next[1] ? PROTO_TCP : PROTO_UDP,
                         .hop_limit = step.quoted_hop_limit ? step.quoted_hop_limit
                                                            : talk->hop_limit[quoted]},
                  .has_ports = true,
                  .source_port = talk->port[quoted],
                  .destination_port = talk->port[!quoted],
                  .has_sequence = talk->next[0] || talk->next[1],
                  .sequence = talk->isn[quoted]},
    };
    return scene_feed(talk->scene, &packet, step.at);
}

static inline void scene_arp_with(struct scene *scene, double at, uint16_t operation,
                                  const char *sender, const char *target, const uint8_t mac[6],
                                  enum link_direction direction)
{
    struct packet packet = {.kind = PACKET_ARP, .direction = direction};
    packet.arp = (struct arp_header){
        .operation = operation, .sender = scene_address(sender), .target = scene_address(target)};
    memcpy(packet.arp.sender_mac, mac, 6);
    scene_feed(scene, &packet, at);
}

static inline void scene_arp(struct scene *scene, double at, uint16_t operation, const char *sender,
                             const char *target)
{
    static const uint8_t somebodys[6] = {2, 8, 8, 8, 8, 8};
    scene_arp_with(scene, at, operation, sender, target, somebodys, LINK_UNKNOWN);
}

/* ICMP or ICMPv6 that is no error: echo, ND. */
static inline void scene_icmp_info(struct scene *scene, double at, const char *source,
                                   const char *destination, uint8_t type, uint16_t id,
                                   const char *target)
{
    struct ip_address from = scene_address(source), to = scene_address(destination);
    struct packet packet = scene_ip(&from, &to, type >= 133 ? 255 : 64);
    packet.kind = PACKET_ICMP;
    packet.icmp = (struct icmp_header){.type = type, .class_ = ICMP_INFORMATION, .id = id};
    if (target)
        packet.icmp.target = scene_address(target);
    scene_feed(scene, &packet, at);
}

static inline void scene_ping(struct scene *scene, double at, const char *client,
                              const char *server, uint16_t id, bool answered)
{
    scene_icmp_info(scene, at, client, server, 8, id, NULL);
    if (answered)
        scene_icmp_info(scene, at + 0.02, server, client, 0, id, NULL);
}

/* --- asking --- */

static inline struct detection scene_detect(const struct attempt *attempt, double now)
{
    const struct detect_context context = {&scene_knowledge()->thresholds, scene_time(now),
                                           scene_knowledge()->profiles};
    struct detection detection;
    assert_non_null(attempt);
    detect(attempt, &context, &detection);
    return detection;
}

/* The diagnosis of what was fed so far, at the time `now` (negative: that of the last packet). */
static inline const struct diagnosis *scene_diagnose(struct scene *scene, double now)
{
    const struct knowledge *known = scene_knowledge();
    const struct diagnosis_request request = {
        .tracker = scene->tracker,
        .profiles = known->profiles,
        .rules = known->rules,
        .signs = known->signs,
        .thresholds = &known->thresholds,
        .site = &scene->site,
        .expected = scene->expected,
        .expected_count = scene->expected_count,
        .explain = scene->explain,
        .now_ns = now < 0 ? scene->last_ns : scene_time(now),
    };
    diagnosis_release(&scene->diagnosis);
    diagnose(&request, &scene->diagnosis);
    return &scene->diagnosis;
}

/* The stages of a diagnosis one by one. */
struct study {
    struct failures failures;
    struct controls *controls;
    struct histories *histories;
    struct suppressions left_out;
    struct vantage_context vantage;
    struct fact_context context;
    struct fact facts[FACT_COUNT]; /* of the failure asked for with scene_facts() */
};

static inline struct study *scene_study(struct scene *scene, double now)
{
    const struct knowledge *known = scene_knowledge();
    const struct detect_context detecting = {&known->thresholds, scene_time(now), known->profiles};
    struct study *study = calloc(1, sizeof *study);
    assert_non_null(study);
    failures_gather(scene->tracker, known->profiles, &detecting, &study->failures);
    failures_race(&study->failures, scene->tracker, known->profiles, &known->thresholds);
    study->controls = controls_gather(scene->tracker, study->failures.all, study->failures.count,
                                      detecting.now_ns);
    study->histories = histories_gather(scene->tracker, study->failures.all, study->failures.count,
                                        known->thresholds.idle_min_s);
    failures_suppress(&study->failures, study->controls, &known->thresholds, &study->left_out);
    const struct control_summary *summary = controls_summary(study->controls);
    study->vantage = (struct vantage_context){.tracker = scene->tracker,
                                              .site = &scene->site,
                                              .flows = {summary->flows[0], summary->flows[1]}};
    study->context = (struct fact_context){.vantage = &study->vantage,
                                           .controls = study->controls,
                                           .histories = study->histories,
                                           .thresholds = &known->thresholds,
                                           .signs = known->signs,
                                           .now_ns = detecting.now_ns};
    return study;
}

/* The facts of the first failure that is one; there must be such. */
static inline const struct fact *scene_facts(struct study *study)
{
    for (size_t i = 0; i < study->failures.count; i++)
        if (!study->failures.all[i].suppressed) {
            facts_establish(&study->context, &study->failures.all[i], study->facts);
            return study->facts;
        }
    fail_msg("nothing failed in this scene");
    return NULL;
}

static inline size_t scene_failing(const struct study *study)
{
    size_t count = 0;
    for (size_t i = 0; i < study->failures.count; i++)
        count += !study->failures.all[i].suppressed;
    return count;
}

static inline void scene_study_end(struct study *study)
{
    histories_free(study->histories);
    controls_free(study->controls);
    free(study->failures.all);
    free(study);
}

/* The word of a fact; "unknown" where it could not be established. */
static inline const char *fact_word(const struct fact *facts, enum fact_id id)
{
    return facts[id].known ? facts[id].word : "unknown";
}

static inline struct attempt *scene_attempt(struct scene *scene, uint32_t number)
{
    struct attempt *attempt = tracker_attempt(scene->tracker, number);
    assert_non_null(attempt);
    return attempt;
}

static inline size_t scene_attempts(struct scene *scene)
{
    size_t position = 0, count = 0;
    while (tracker_next_attempt(scene->tracker, &position))
        count++;
    return count;
}

#endif
