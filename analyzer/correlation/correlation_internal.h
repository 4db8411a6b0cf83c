/* What the files of the correlation share: failures by what makes them one, where a failure of one
 * capture stands to another capture, who tells it, and the stretch of path that is reported. */
#ifndef FWSNIFF_CORRELATION_CORRELATION_INTERNAL_H
#define FWSNIFF_CORRELATION_CORRELATION_INTERNAL_H

#include "analyzer/correlation/chains.h"
#include "analyzer/correlation/correlation.h"
#include "analyzer/correlation/witness.h"

enum { ASKED_MAX = 64 /* more is a scan of the subnet */ };
#define NO_FAILURE SIZE_MAX

struct failure_table {
    struct chains chains; /* number - 1: index of the failure */
};

/* Where one failure of one capture stands to another capture. */
struct relation {
    bool linked;      /* the other holds some of its attempts */
    bool compared;    /* linked, or with a witness */
    bool worked;      /* the other shows that the attempts looked at went well */
    int way;          /* 1: the other is nearer to the responder, -1: to the initiator */
    int hops;         /* routers between; -1: not known */
    size_t failure;   /* of the other; NO_FAILURE: none */
    uint32_t capture; /* the other's */
    enum witness witness;
    struct match match; /* what shows the order; by the pairing's indexes */
    bool has_match;
    struct frame_list witness_frames;
    struct passing passing;              /* upstream and downstream as `way` says */
    const struct attempt *other_attempt; /* the first linked one */
};

/* Hosts that a capture shows to be asked for in vain. */
struct asked {
    const struct host *host[ASKED_MAX];
    size_t count;
};

struct correlation {
    const struct correlation_view *view;
    size_t count, given;
    struct pairing pairing[CORRELATION_CAPTURES_MAX][CORRELATION_CAPTURES_MAX]; /* a < b */
    struct failure_table table[CORRELATION_CAPTURES_MAX];
    struct asked asked[CORRELATION_CAPTURES_MAX];
    struct joint **joint[CORRELATION_CAPTURES_MAX]; /* by failure; NULL: nothing to say */
    uint64_t twice_attempts, twice_succeeded, twice_failed;
};

/* A failure of a capture. */
struct place {
    uint32_t capture;
    size_t failure;
};

static inline struct couple couple_of(const struct correlation *all, uint32_t own, uint32_t other)
{
    uint32_t low = own < other ? own : other, high = own < other ? other : own;
    return (struct couple){.pairing = &all->pairing[low][high],
                           .view = {&all->view[low], &all->view[high]},
                           .own = own < other ? 0 : 1};
}

/* --- failure_index.c --- */

void index_failures(struct correlation *all, size_t capture);
/* What fails on a data connection of FTP is told of its control connection. */
const struct attempt *teller_of(const struct correlation_view *view, const struct attempt *attempt);
size_t find_failure(const struct correlation *all, uint32_t capture, const struct attempt *attempt,
                    enum symptom symptom);
/* The failure that an attempt of a capture belongs to; NO_FAILURE: none, or one left out. */
size_t failure_of(const struct correlation *all, uint32_t capture, const struct attempt *attempt,
                  enum outcome *outcome);

/* --- relation.c --- */

/* An attempt as far as a match tells of it: for a capture in which the conversation is not one of a
 * watched product (a NAT changed its port), or that holds only others like it. */
struct stand_in {
    struct attempt attempt;
    struct mark first[2], last[2]; /* by enum side: what its names stand for */
};
void stand_in(const struct match *match, int index, struct stand_in *room);
/* The ends as capture `index` of the pairing names them. */
void ends_at(const struct couple *couple, const struct relation *relation,
             const struct failure *failure, int index, struct ip_address ends[2]);
void relate(const struct correlation *all, uint32_t own, size_t number, uint32_t other,
            struct relation *relation);

/* --- tellers.c --- */

struct joint *joint_at(struct correlation *all, struct place place);
void name_after(const struct failure *failure, struct joint *joint);
/* Each failure is told by one capture: the last that had its packets. The failure of several
 * clients that a NAT makes one is told where they are still apart. */
void decide_tellers(struct correlation *all);

/* --- reported_stretch.c --- */

void gather_asked(struct correlation *all, uint32_t capture);
void compare_stretch(const struct correlation *all, struct place place, struct joint *joint);

#endif
