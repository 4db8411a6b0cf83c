/* FTP: how the data connection was agreed on, and how it fails. */
#include <string.h>

#include "analyzer/attribution/facts_internal.h"
#include "analyzer/flow/ftp.h"

static const struct attempt *control_of(const struct fact_context *context,
                                        const struct attempt *attempt)
{
    const struct attempt *control =
        attempt->control ? tracker_attempt(context->vantage->tracker, attempt->control) : attempt;
    return control && control->ftp ? control : NULL;
}

/* In active mode the failure holds the control connection; the data connections are known by it. */
static const struct attempt *data_of(const struct fact_context *context,
                                     const struct attempt *attempt, const struct attempt *control)
{
    if (attempt->control)
        return attempt;
    for (uint32_t i = 0; i < FTP_DATA_KEPT; i++) {
        const struct attempt *data =
            tracker_attempt(context->vantage->tracker, control->ftp->data[i]);
        if (data && data->control == control->number && !(data->bits & ATTEMPT_ESTABLISHED))
            return data;
    }
    return NULL;
}

static void how_it_fails(const struct attempt *data, const struct ftp_session *session,
                         struct fact *facts)
{
    struct frame_list frames = {0};
    frame_list_add(&frames, session->agreed.frame);
    const char *word = "never-came";
    if (!data) {
        frame_list_join(&frames, &session->refused_frames);
        frame_list_add(&frames, session->transfer.frame);
    } else if (data->icmp->count) {
        word = "unreachable";
        frame_list_join_notes(&frames, &data->icmp->frames);
    } else if (data->refused->frame) {
        word = "refused";
        frame_list_join_notes(&frames, &data->refused_frames);
    } else if (data->synack->frame) {
        word = "unconfirmed";
        frame_list_join_notes(&frames, &data->synack_frames);
    } else {
        word = "silent";
    }
    if (data)
        frame_list_join_notes(&frames, &data->syn_frames);
    set_word(facts, FACT_FTP_DATA, word)->frames = frames;
}

/* A private address is of no use to somebody who is not in that network; unless, seen from within,
 * a NAT that follows FTP is still to translate it. */
static void what_was_announced(const struct attempt *control, struct fact *facts)
{
    const struct ftp_session *session = control->ftp;
    enum side listener = session->mode == FTP_MODE_PASSIVE ? RESPONDER : INITIATOR;
    const struct ip_address *known = &control->address[listener];
    const struct ip_address *peer = &control->address[!listener];
    const char *word = "other";
    if (ip_is_private(&session->announced) && !ip_is_private(known))
        word = "private";
    else if (ip_is_private(&session->announced) && !ip_is_private(peer))
        word = "private-inside";
    else if (ip_equal(&session->announced, known))
        word = "as-connected";
    frame_list_add(&set_word(facts, FACT_FTP_ADDRESS, word)->frames, session->agreed.frame);
    frame_list_add(&set_number(facts, FACT_FTP_PORT, session->port)->frames, session->agreed.frame);
}

/* The blocks of private addresses (RFC 1918) by as many bytes as are known. Of 172 and 192 alone a
 * few are public; who announces one of those and is connected to by another has several. */
static bool may_be_private(const uint8_t octets[4], int count)
{
    switch (octets[0]) {
    case 10:
        return true;
    case 172:
        return count < 2 || (octets[1] & 0xf0) == 16;
    case 192:
        return count < 2 || octets[1] == 168;
    default:
        return false;
    }
}

/* The capture has cut the address within. */
static void what_is_left_of_it(const struct attempt *control, struct fact *facts)
{
    enum { V4_AT = 12 };
    const struct ftp_session *session = control->ftp;
    const struct ip_address *known = &control->address[RESPONDER];
    bool own = memcmp(session->told, known->bytes + V4_AT, session->told_count) == 0;
    const char *word = NULL;
    if (!ip_is_v4(known) || !may_be_private(session->told, session->told_count))
        return;
    if (!ip_is_private(known) && !own)
        word = "private";
    else if (ip_is_private(known) && own && !ip_is_private(&control->address[INITIATOR]))
        word = "private-inside";
    if (word)
        frame_list_add(&set_word(facts, FACT_FTP_ADDRESS, word)->frames, session->agreed.frame);
}

/* The capture has cut what was announced. The other side does as it was told. */
static void what_was_taken_for_it(const struct attempt *control, const struct attempt *data,
                                  struct fact *facts)
{
    enum side listener = control->ftp->mode == FTP_MODE_PASSIVE ? RESPONDER : INITIATOR;
    if (!ip_is_private(&data->address[RESPONDER]) || ip_is_private(&control->address[listener]))
        return;
    frame_list_add(&set_word(facts, FACT_FTP_ADDRESS, "private")->frames, data->syn->frame);
    frame_list_add(&set_number(facts, FACT_FTP_PORT, data->port[RESPONDER])->frames,
                   data->syn->frame);
}

/* What the server itself says of a data connection that never showed. */
static void what_was_replied(const struct ftp_session *session, struct fact *facts)
{
    struct frame_list frames = {0};
    frame_list_add(&frames, session->opening.frame);
    frame_list_join(&frames, &session->refused_frames);
    if (session->refused)
        set_word(facts, FACT_FTP_REPLY, "cannot-open")->frames = frames;
    else if (session->opening.frame)
        set_word(facts, FACT_FTP_REPLY, "opening")->frames = frames;
}

/* What worked for the control connection says nothing of its data connections. */
static void forget_controls(struct fact *facts)
{
    static const enum fact_id about_control[] = {
        FACT_CONTROL_OTHER_CLIENTS, FACT_CONTROL_BEFORE,      FACT_CONTROL_AFTER,
        FACT_CONTROL_CONCURRENT,    FACT_CONTROL_OTHER_PORTS, FACT_CONTROL_SAME_PORT,
        FACT_PORT_UNUSUAL,
    };
    for (size_t i = 0; i < sizeof about_control / sizeof *about_control; i++)
        facts[about_control[i]] = (struct fact){0};
}

/* Whether the box that captured passed the data connection on. */
static void data_forwarded(const struct attempt *data, struct fact *facts)
{
    if (!facts[FACT_FORWARDED].known)
        return;
    facts[FACT_FORWARDED] = (struct fact){0};
    if (data) {
        struct fact *fact = set_flag(facts, FACT_FORWARDED, attempt_is_forwarded(data));
        fact->frames = frame_notes_list(&data->forwarded_frames);
        frame_list_add(&fact->frames, data->syn->frame);
    }
}

void facts_of_ftp(const struct fact_context *context, const struct failure *failure,
                  struct fact *facts)
{
    if (failure->symptom != SYMPTOM_FTP_DATA_FAILED || !failure->sample_count)
        return;
    const struct attempt *control = control_of(context, failure->sample[0]);
    if (!control)
        return;
    const struct ftp_session *session = control->ftp;
    const struct attempt *data = data_of(context, failure->sample[0], control);
    bool dark = session->encrypted.frame != 0;
    forget_controls(facts);
    data_forwarded(data, facts);
    how_it_fails(data, session, facts);
    frame_list_add(&set_flag(facts, FACT_FTP_ENCRYPTED, dark)->frames, session->encrypted.frame);
    if (dark)
        return;
    const char *mode = session->mode == FTP_MODE_ACTIVE ? "active" : "passive";
    frame_list_add(&set_word(facts, FACT_FTP_MODE, mode)->frames, session->agreed.frame);
    if (session->port)
        what_was_announced(control, facts);
    else if (data)
        what_was_taken_for_it(control, data, facts);
    else if (session->told_count)
        what_is_left_of_it(control, facts);
    if (!data)
        what_was_replied(session, facts);
}
