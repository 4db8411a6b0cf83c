/* FTP's data connections. One whose SYN is in the capture is an attempt of its own and fails as any
 * other; here is what only the control connection tells: the server had none (reply 425), or the
 * client went away without a word after one was agreed on that never came by. */
#include "analyzer/flow/ftp.h"
#include "analyzer/symptom/detectors.h"

static const struct mark *end_of(const struct attempt *attempt)
{
    const struct side_record *client = &attempt->side[INITIATOR];
    return client->fin->frame ? client->fin : client->rst;
}

/* Agreed on, never seen, and given up by the client after it had waited. With nothing after the
 * agreement it waits for a connection of its own (passive); with a transfer asked for, for one of
 * either kind. */
static bool waited_in_vain(const struct attempt *attempt, const struct detect_context *context)
{
    const struct ftp_session *session = attempt->ftp;
    const struct mark *end = end_of(attempt);
    if (!session->agreed.frame || session->seen || session->settled || session->left.frame ||
        session->encrypted.frame || !end->frame)
        return false;
    if (session->mode == FTP_MODE_ACTIVE && !session->transfer.frame)
        return false;
    return seconds_between(session->agreed.time_ns, end->time_ns) >=
           context->thresholds->stall_wait_s;
}

bool detect_ftp_data_failed(const struct attempt *attempt, const struct detect_context *context,
                            struct detection *detection)
{
    const struct ftp_session *session = attempt->ftp;
    if (!session)
        return false;
    bool vain = waited_in_vain(attempt, context);
    if (!session->refused && !vain)
        return false;
    detection->frames = session->refused_frames;
    detection->failed_ns =
        session->refused ? session->refused_first.time_ns : session->agreed.time_ns;
    if (vain) {
        frame_list_add(&detection->frames, session->agreed.frame);
        frame_list_add(&detection->frames, session->transfer.frame);
        frame_list_add(&detection->frames, end_of(attempt)->frame);
    }
    return true;
}
