#include "analyzer/attribution/facts_captures.h"

static struct fact *state(struct fact *facts, enum fact_id id, const struct frame_list *frames,
                          uint32_t capture, uint32_t own)
{
    struct fact *fact = &facts[id];
    *fact = (struct fact){.known = true, .elsewhere = capture == own ? 0 : capture + 1};
    if (frames)
        fact->frames = *frames;
    return fact;
}

static void state_flag(struct fact *facts, enum fact_id id, bool flag)
{
    facts[id] = (struct fact){.known = true, .number = flag ? 1 : 0};
}

static const char *passage_word(enum passage passage)
{
    switch (passage) {
    case PASSAGE_UNKNOWN:
        break;
    case PASSAGE_BOTH:
        return "arrived";
    case PASSAGE_LOST:
        return "lost";
    case PASSAGE_MADE:
        return "made-between";
    }
    return NULL;
}

static const char *witness_word(enum witness witness)
{
    static const char *const words[] = {
        [WITNESS_NONE] = NULL,       [WITNESS_FLOW] = "flow",     [WITNESS_PAIR] = "pair",
        [WITNESS_SERVER] = "server", [WITNESS_CLIENT] = "client", [WITNESS_HOST] = "host",
        [WITNESS_TOLD] = "told",
    };
    return words[witness];
}

static const char *refuser_word(enum refuser refuser)
{
    static const char *const words[] = {
        [REFUSER_UNKNOWN] = NULL, [REFUSER_FIRST] = "first", [REFUSER_MIDDLE] = "middle",
        [REFUSER_LAST] = "last",  [REFUSER_ONLY] = "only",
    };
    return words[refuser];
}

/* `towards`: whose way the packets go; what was lost was last seen before the stretch, what was
 * made in it is first seen behind. */
static void passage_fact(const struct joint *joint, uint32_t own, enum fact_id id,
                         enum passage passage, const struct frame_list frames[2], bool downstream,
                         struct fact *facts)
{
    const char *word = passage_word(passage);
    if (!word || (id == FACT_CAPTURES_REQUEST && passage == PASSAGE_MADE))
        return;
    bool before = passage == PASSAGE_LOST;
    bool upper = downstream ? before : !before; /* in which capture the frames that count are */
    if (passage == PASSAGE_BOTH)
        upper = joint->upstream != own; /* the other capture's: ours stand elsewhere */
    const struct frame_list *shown = &frames[upper ? 0 : 1];
    uint32_t capture = upper ? joint->upstream : joint->downstream;
    if (!shown->count) {
        shown = &frames[upper ? 1 : 0];
        capture = upper ? joint->downstream : joint->upstream;
    }
    state(facts, id, shown, capture, own)->word = word;
}

void facts_of_captures(const struct joint *joint, uint32_t own, struct fact *facts)
{
    facts[FACT_CAPTURES] = (struct fact){.known = true, .number = joint->captures};
    if (!joint->compared)
        return;
    const struct passing *passing = &joint->passing;
    uint32_t other = joint->upstream == own ? joint->downstream : joint->upstream;
    passage_fact(joint, own, FACT_CAPTURES_REQUEST, passing->request, passing->request_frames, true,
                 facts);
    passage_fact(joint, own, FACT_CAPTURES_REPLY, passing->reply, passing->reply_frames, false,
                 facts);
    passage_fact(joint, own, FACT_CAPTURES_REFUSAL, passing->refusal, passing->refusal_frames,
                 false, facts);
    if (passing->crossed[INITIATOR] || passing->crossed[RESPONDER]) {
        bool requests = passing->crossed[INITIATOR];
        facts[FACT_CAPTURES_CROSSED] =
            facts[requests ? FACT_CAPTURES_REQUEST : FACT_CAPTURES_REPLY];
        facts[FACT_CAPTURES_CROSSED].word = requests ? "requests" : "replies";
    }
    const char *witness = witness_word(joint->witness);
    if (witness)
        state(facts, FACT_CAPTURES_WITNESS, &joint->witness_frames, other, own)->word = witness;
    const struct stretch_evidence *evidence = &joint->evidence;
    if (joint->witness != WITNESS_HOST && joint->witness != WITNESS_TOLD)
        state(facts, FACT_CAPTURES_NAT, &joint->witness_frames, other, own)->word =
            evidence->client_changed   ? evidence->server_changed ? "both" : "client"
            : evidence->server_changed ? "server"
                                       : "none";
    if (joint->witness == WITNESS_FLOW)
        state_flag(facts, FACT_CAPTURES_PORT_CHANGED, joint->port_changed);
    if (joint->arp_unanswered)
        state(facts, FACT_CAPTURES_ARP, &joint->arp_frames, joint->downstream, own)->word =
            "unanswered";
    const char *refuser = refuser_word(joint->refuser);
    if (refuser) {
        facts[FACT_SEGMENT_REFUSER] = facts[FACT_CAPTURES_REFUSAL];
        facts[FACT_SEGMENT_REFUSER].known = true;
        facts[FACT_SEGMENT_REFUSER].word = refuser;
    }
    if (evidence->hops >= 0)
        facts[FACT_SEGMENT_HOPS] = (struct fact){.known = true, .number = evidence->hops};
}

void facts_set_between(const struct joint *joint, unsigned between, struct fact *facts)
{
    if (!joint->compared)
        return;
    state_flag(facts, FACT_SEGMENT_EGRESS, between & BETWEEN_EGRESS);
    state_flag(facts, FACT_SEGMENT_PATH, between & BETWEEN_PATH);
    state_flag(facts, FACT_SEGMENT_EDGE, between & BETWEEN_EDGE);
}

static bool is_word(const struct fact *fact, const char *word)
{
    return fact->known && strcmp(fact->word, word) == 0;
}

void facts_of_ftp_data(const struct fact *near_server, const struct fact *near_client,
                       uint32_t server_capture, uint32_t own, struct fact *facts)
{
    const struct fact *sent = &near_server[FACT_FTP_DATA];
    if (!is_word(&near_server[FACT_FTP_MODE], "active") || !sent->known ||
        is_word(sent, "never-came") || !is_word(&near_client[FACT_FTP_DATA], "never-came"))
        return;
    struct frame_list frames = sent->frames;
    state(facts, FACT_CAPTURES_FTP_DATA, &frames, server_capture, own)->word = "lost";
}

void facts_take_theirs(const struct fact *theirs, uint32_t capture, struct fact *facts)
{
    static const enum fact_id taken[] = {
        FACT_CONTROL_OTHER_CLIENTS, FACT_CONTROL_BEFORE,       FACT_CONTROL_AFTER,
        FACT_CONTROL_OTHER_PORTS,   FACT_CONTROL_SAME_PORT,    FACT_CONTROL_WEB,
        FACT_CONTROL_ELSEWHERE,     FACT_CONTROL_SERVER_PORTS, FACT_CONTROL_PING,
        FACT_RST_CHECKSUM,
    };
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        const struct fact *their = &theirs[taken[i]];
        struct fact *our = &facts[taken[i]];
        bool new = their->known &&strcmp(their->word, "none") != 0;
        if (!new || (our->known && strcmp(our->word, "none") != 0))
            continue;
        *our = *their;
        our->elsewhere = capture + 1;
    }
    const struct fact *direction = &theirs[FACT_DIRECTION];
    if (direction->known && strcmp(direction->word, "reversed") == 0) {
        facts[FACT_DIRECTION] = *direction;
        facts[FACT_DIRECTION].elsewhere = capture + 1;
    }
}
