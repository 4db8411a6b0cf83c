/* One conversation on its way past two captures: `a` nearer to the initiator, `b` to the responder.
 * A packet comes by at both with one TTL less for each router between, under the names a NAT gives
 * it, and at b's own idea of the time. */
#ifndef FWSNIFF_TESTS_UNIT_PATH_H
#define FWSNIFF_TESTS_UNIT_PATH_H

#include "analyzer/correlation/correlation.h"
#include "tests/unit/scene.h"

enum { AT_A = 1, AT_B = 2, AT_BOTH = AT_A | AT_B };

struct path {
    struct scene *scene[2];
    double delay, ahead; /* seconds on the way; b's clock before a's */
    uint8_t hops;        /* routers between */
    uint64_t dropped[2]; /* packets that a capture says it lost */
    uint32_t id;
};

struct way {
    struct path *path;
    struct talk talk[2];
};

static inline struct path path_new(void)
{
    return (struct path){
        .scene = {scene_compared(), scene_compared()}, .delay = 0.01, .hops = 4, .id = 4000};
}

static inline void path_end(struct path *path)
{
    scene_end(path->scene[0]);
    scene_end(path->scene[1]);
}

/* A client behind a NAT to a server behind another; `port` is the server's on its own LAN. */
static inline struct way way_nat(struct path *path, uint16_t client_port, uint16_t port)
{
    struct way way = {
        .path = path,
        .talk = {scene_talk(path->scene[0], "192.168.1.7", client_port, "203.0.113.2", 5800),
                 scene_talk(path->scene[1], "198.51.100.7", (uint16_t)(client_port + 7),
                            "10.2.0.10", port)},
    };
    memcpy(way.talk[1].isn, way.talk[0].isn, sizeof way.talk[1].isn);
    return way;
}

/* The same addresses on both sides. */
static inline struct way way_plain(struct path *path, uint16_t client_port, uint16_t port)
{
    struct way way = {
        .path = path,
        .talk = {scene_talk(path->scene[0], "2001:db8:1::7", client_port, "2001:db8:2::2", port),
                 scene_talk(path->scene[1], "2001:db8:1::7", client_port, "2001:db8:2::2", port)},
    };
    return way;
}

/* Sends one packet past the captures of `seen`. */
static inline void pass(struct way *way, enum side from, int seen, struct step step)
{
    struct path *path = way->path;
    uint32_t next[2] = {way->talk[0].next[0], way->talk[0].next[1]};
    double at = step.at;
    uint8_t sent = step.hop_limit ? step.hop_limit : 64;
    step.id = ++path->id;
    for (int capture = 0; capture < 2; capture++) {
        bool far = capture == (from == INITIATOR ? 1 : 0);
        memcpy(way->talk[capture].next, next, sizeof next);
        if (!(seen & 1 << capture))
            continue;
        step.at = at + (far ? path->delay : 0) + (capture ? path->ahead : 0);
        step.hop_limit = far ? (uint8_t)(sent - path->hops) : sent;
        scene_send(&way->talk[capture], from, step);
    }
    int kept = seen & AT_A ? 0 : 1;
    memcpy(way->talk[!kept].next, way->talk[kept].next, sizeof next);
}

#define CLIENT_PASSES(way, seen, ...) pass(way, INITIATOR, seen, (struct step){__VA_ARGS__})
#define SERVER_PASSES(way, seen, ...) pass(way, RESPONDER, seen, (struct step){__VA_ARGS__})

static inline void way_handshake(struct way *way, double at)
{
    CLIENT_PASSES(way, AT_BOTH, .at = at, .flags = "S");
    SERVER_PASSES(way, AT_BOTH, .at = at + 0.02, .flags = "SA");
    CLIENT_PASSES(way, AT_BOTH, .at = at + 0.04, .flags = "A");
}

static inline void way_success(struct way *way, double at)
{
    way_handshake(way, at);
    CLIENT_PASSES(way, AT_BOTH, .at = at + 0.05, .flags = "PA", .length = 100);
    SERVER_PASSES(way, AT_BOTH, .at = at + 0.07, .flags = "PA", .length = 400);
    CLIENT_PASSES(way, AT_BOTH, .at = at + 0.09, .flags = "FA");
    SERVER_PASSES(way, AT_BOTH, .at = at + 0.11, .flags = "FA");
    CLIENT_PASSES(way, AT_BOTH, .at = at + 0.13, .flags = "A");
}

static inline void way_asks(struct way *way, int seen, double at)
{
    static const double after[] = {0, 1, 3, 7};
    for (size_t i = 0; i < sizeof after / sizeof *after; i++)
        CLIENT_PASSES(way, seen, .at = at + after[i], .flags = "S");
}

/* Something on the link once a second, so that a capture is known to have been running. */
static inline void path_runs(struct path *path, int capture, double from, double to)
{
    for (double at = from; at <= to; at += 1)
        scene_arp(path->scene[capture], at + (capture ? path->ahead : 0), 2, "10.9.9.9",
                  "10.9.9.8");
}

/* --- the captures held against each other --- */

struct together {
    struct examination *examination[2];
    struct correlation_view view[2];
    struct correlation *correlation;
    struct diagnosis diagnosis[2];
    struct site site[2];
};

static inline struct together *path_correlate(struct path *path)
{
    const struct knowledge *known = scene_knowledge();
    struct together *all = calloc(1, sizeof *all);
    assert_non_null(all);
    for (uint32_t i = 0; i < 2; i++) {
        struct scene *scene = path->scene[i];
        all->site[i] = scene->site;
        const struct diagnosis_request request = {
            .tracker = scene->tracker,
            .profiles = known->profiles,
            .rules = known->rules,
            .thresholds = &known->thresholds,
            .site = &all->site[i],
            .capture = i,
            .capture_dropped = path->dropped[i],
            .now_ns = scene->last_ns,
        };
        all->examination[i] = examine(&request);
        examination_view(all->examination[i], &all->view[i]);
        all->view[i].first_ns = SCENE_START_NS;
        all->view[i].last_ns = scene->last_ns;
        all->view[i].packets = scene->frame;
    }
    all->correlation = correlate(all->view, 2);
    for (int i = 0; i < 2; i++)
        examination_conclude(all->examination[i], all->correlation,
                             (const struct examination *const *)all->examination, 2,
                             &all->diagnosis[i]);
    return all;
}

static inline void together_end(struct together *all)
{
    for (int i = 0; i < 2; i++)
        diagnosis_release(&all->diagnosis[i]);
    correlation_free(all->correlation);
    for (int i = 0; i < 2; i++)
        examination_free(all->examination[i]);
    free(all);
}

/* The one finding of both captures. */
static inline const struct finding *only_one(const struct together *all)
{
    assert_int_equal(all->diagnosis[0].count + all->diagnosis[1].count, 1);
    return all->diagnosis[all->diagnosis[0].count ? 0 : 1].findings[0];
}

/* The frames of a rule's evidence; NULL: the rule does not hold. */
static inline const struct reason *reason_of(const struct finding *finding, const char *rule)
{
    for (size_t i = 0; i < finding->verdict.reason_count; i++)
        if (strcmp(finding->verdict.reasons[i].rule, rule) == 0)
            return &finding->verdict.reasons[i];
    return NULL;
}

#endif
