/* The conversations that two captures both hold, also where a NAT between them has changed
 * addresses and ports, and the clock between the two.
 *
 * A NAT leaves alone what it need not change (RFC 3022 4): sequence numbers, TCP timestamps,
 * payload, mostly the IPv4 identification. TCP conversations are matched by the initial sequence
 * numbers of both sides; where a box rewrites those, by the SYN's timestamp or the first payload;
 * where the SYN was not captured, by where the sequence ranges lie. UDP is matched by payload, and
 * what sends the same payload again and again in the order of time. What one number alone matches
 * counts only where the clocks agree with it.
 *
 * Everything is hashed, each chain is followed only so far, and all tables have a cap. */
#ifndef FWSNIFF_CORRELATION_MATCH_H
#define FWSNIFF_CORRELATION_MATCH_H

#include "analyzer/correlation/clock.h"
#include "analyzer/flow/tracker.h"

enum {
    MATCH_FLOWS_MAX = 1 << 20, /* conversations of one capture that are looked up in the other */
    MATCHES_MAX = 1 << 16,     /* matches kept; of a first million they are plenty */
};

/* One conversation in both captures. Index: 0 and 1, the captures; then enum side. */
struct match {
    struct ip_address address[2][2];
    uint16_t port[2][2];
    uint8_t proto;                   /* 1: echo */
    uint8_t hop_limit[2][2];         /* of the first packet of a side; 0: none seen */
    uint16_t bits[2];                /* enum flow_bit, as each capture has it */
    bool sure;                       /* more than one number agrees */
    int64_t first_ns[2], last_ns[2]; /* each by its own clock */
    uint64_t frame[2][2];            /* first of a side; 0: none, or not remembered */
    int64_t answered_ns[2];          /* first packet of the responder since the first; -1: none */
};

struct pairing {
    bool comparable; /* both have times that can be reckoned with; else all of it is empty */
    struct clock clock;
    struct match *matches;
    size_t match_count;
    /* By attempt number - 1: the number of the same attempt in the other capture; 0: none. */
    uint32_t *link[2];
    size_t link_count[2];
    size_t linked;     /* attempts linked */
    uint64_t left_out; /* conversations beyond a cap */
    /* Matches by a hash of what capture 0 or 1 calls them: the client's address, the server's (enum
     * side), or both with their ports. */
    struct match_index {
        uint64_t hash;
        uint32_t match;
    } * index[2][3];
};
enum { INDEX_ENDS = 2 };

/* `a` and `b` stay as they are. */
void pairing_make(const struct tracker *a, const struct tracker *b, struct pairing *pairing);
void pairing_release(struct pairing *pairing);

/* The attempt in the other capture, or NULL. `capture` is where `attempt` is: 0 or 1. */
const struct attempt *pairing_partner(const struct pairing *pairing, const struct tracker *other,
                                      int capture, const struct attempt *attempt);

/* Walks matches whose `side` has this address in this capture: start with *position = SIZE_MAX. */
const struct match *pairing_next(const struct pairing *pairing, int capture, enum side side,
                                 const struct ip_address *address, size_t *position);

/* The conversation of exactly these ends that begins with the attempt; NULL: not in both. */
const struct match *pairing_conversation(const struct pairing *pairing, int capture,
                                         const struct attempt *attempt);

/* A time of capture 0 or 1 by the clock of the other. */
int64_t pairing_time_at_other(const struct pairing *pairing, int capture, int64_t time_ns);

/* The two records are of the one packet, as far as they tell. */
bool match_same_packet(uint8_t proto, const struct mark *a, const struct mark *b);

/* Which of the captures 0 and 1 the packets of the initiator pass first; -1: cannot be told. */
int match_nearer_initiator(const struct match *match);
void match_of_attempts(const struct attempt *a, const struct attempt *b, struct match *match);

#endif
