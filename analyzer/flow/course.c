#include "analyzer/flow/course.h"

#include "analyzer/flow/host.h"

static void least(uint32_t *us, int64_t from_ns, int64_t to_ns)
{
    int64_t took_us = (to_ns - from_ns) / 1000;
    if (took_us >= 0 && took_us < *us)
        *us = (uint32_t)took_us;
}

bool course_opens(struct course *course, uint32_t isn, int64_t syn_ns, enum side side,
                  const struct segment *answer)
{
    if (side != RESPONDER || answer->flags != (TCP_SYN | TCP_ACK) || answer->payload_length ||
        answer->acknowledgment != isn + 1)
        return false;
    *course = (struct course){
        .side = {[INITIATOR] = {.next = isn + 1, .acknowledged = answer->sequence},
                 [RESPONDER] = {.next = answer->sequence + 1, .acknowledged = isn + 1}},
        .last_ns = answer->time_ns > syn_ns ? answer->time_ns : syn_ns,
        .synack_ns = answer->time_ns,
        .answer_us = HOST_NO_TIME,
        .confirm_us = HOST_NO_TIME,
    };
    least(&course->answer_us, syn_ns, answer->time_ns);
    return true;
}

/* A segment that neither carries anything nor acknowledges more may be a copy of another. */
bool course_is_next(const struct course *course, enum side side, const struct segment *segment)
{
    const struct course_side *own = &course->side[side];
    const struct course_side *other = &course->side[!side];
    unsigned flags = segment->flags;
    uint32_t more = segment->acknowledgment - own->acknowledged;
    bool says = segment->payload_length || (flags & TCP_FIN);
    return (flags & ~(unsigned)(TCP_PSH | TCP_FIN)) == TCP_ACK && segment->window &&
           segment->sequence == own->next && !(own->closed && says) && (says || more) &&
           more <= other->next - own->acknowledged;
}

/* What tcp.c's acknowledge() and attempt_data() keep of it that a finished connection is told by.
 */
void course_advance(struct course *course, enum side side, const struct segment *segment)
{
    struct course_side *own = &course->side[side], *other = &course->side[!side];
    if (segment->acknowledgment != own->acknowledged) {
        if (other->idle_ns > course->idle_survived_ns) {
            course->idle_survived_ns = other->idle_ns;
            course->idle_survived_frame = other->idle_frame;
        }
        other->idle_ns = 0;
        if (side == RESPONDER && course->has_data && segment->acknowledgment == course->data_end)
            least(&course->answer_us, course->data_ns, segment->time_ns);
    }
    if (side == INITIATOR && !course->confirmed) {
        course->confirmed = true;
        least(&course->confirm_us, course->synack_ns, segment->time_ns);
    }
    bool fin = segment->flags & TCP_FIN;
    if ((segment->payload_length || fin) && own->next == other->acknowledged) {
        own->idle_ns = segment->time_ns - course->last_ns;
        own->idle_frame = segment->frame;
    }
    own->acknowledged = segment->acknowledgment;
    own->next += segment->payload_length + fin;
    own->closed |= fin;
    if (side == INITIATOR && segment->payload_length) {
        course->has_data = true;
        course->data_ns = segment->time_ns;
        course->data_end = segment->sequence + segment->payload_length;
    }
    if (segment->time_ns > course->last_ns)
        course->last_ns = segment->time_ns;
}

bool course_is_over(const struct course *course)
{
    const struct course_side *one = &course->side[INITIATOR], *two = &course->side[RESPONDER];
    return one->closed && two->closed && one->acknowledged == two->next &&
           two->acknowledged == one->next;
}
