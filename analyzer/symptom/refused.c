/* An ICMP error quotes the conversation, and the conversation did not go on: icmp-unreachable.
 * Errors are hints (RFC 1122 4.2.3.9): one that the connection survived is no failure, and neither
 * is one that refuses a reply because the initiator has closed its socket meanwhile. */
#include "analyzer/symptom/detectors.h"

bool detect_icmp_unreachable(const struct attempt *attempt, const struct detect_context *context,
                             struct detection *detection)
{
    (void)context;
    const struct icmp_record *icmp = attempt->icmp;
    const struct side_record *responder = &attempt->side[RESPONDER];
    if (!icmp->count || icmp->quoted_side != INITIATOR || attempt->synack->frame ||
        attempt->refused->frame)
        return false;
    if (attempt_client_gone(attempt))
        return false;
    if (icmp->class_ != ICMP_UNREACHABLE && icmp->class_ != ICMP_TIME_EXCEEDED)
        return false;
    if (responder->first->frame &&
        (responder->last->time_ns > icmp->first->time_ns || attempt->proto == PROTO_TCP))
        return false;
    detection->failed_ns = icmp->first->time_ns;
    detection->frames = frame_notes_list(&icmp->frames);
    frame_list_add(&detection->frames, attempt->side[INITIATOR].first->frame);
    return true;
}
