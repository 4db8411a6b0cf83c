#include "analyzer/report/view.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "dissectors/packet.h"

/* Shares by largest remainder: rounded down first, then the biggest remainders get what is left. */
static void round_shares(const double probability[FAILURE_POINTS], unsigned share[FAILURE_POINTS])
{
    double exact[FAILURE_POINTS], total = 0;
    for (size_t i = 0; i < FAILURE_POINTS; i++) {
        exact[i] = probability[i] > 0 ? probability[i] : 0; /* NaN counts as 0 */
        total += exact[i];
    }
    unsigned given = 0;
    for (size_t i = 0; i < FAILURE_POINTS; i++) {
        exact[i] = SHARE_WHOLE * (total > 0 ? exact[i] / total : 1.0 / FAILURE_POINTS);
        share[i] = (unsigned)exact[i];
        given += share[i];
    }
    for (; given < SHARE_WHOLE; given++) {
        size_t most = 0;
        for (size_t i = 1; i < FAILURE_POINTS; i++)
            if (exact[i] - share[i] > exact[most] - share[most])
                most = i;
        share[most]++;
    }
}

static bool ahead(const struct candidate *a, const struct candidate *b, enum failure_point place)
{
    if (a->share != b->share)
        return a->share > b->share;
    return a->place == place;
}

void view_candidates(const struct verdict *verdict, struct candidate candidates[FAILURE_POINTS])
{
    unsigned share[FAILURE_POINTS];
    round_shares(verdict->probability, share);
    for (size_t i = 0; i < FAILURE_POINTS; i++) {
        struct candidate one = {(enum failure_point)i, share[i]};
        size_t at = i;
        for (; at > 0 && ahead(&one, &candidates[at - 1], verdict->place); at--)
            candidates[at] = candidates[at - 1];
        candidates[at] = one;
    }
}

size_t view_rivals(const struct candidate candidates[FAILURE_POINTS])
{
    return candidates[2].share > 0 && 2 * candidates[2].share >= candidates[0].share ? 3 : 2;
}

size_t view_named(const struct candidate candidates[FAILURE_POINTS])
{
    return candidates[0].share >= SHARE_DECIDED ? 1 : view_rivals(candidates);
}

/* The odds of the place are p / (sum of the others' p). Without the rule each p_i would be smaller
 * by the factor exp(w_i); the logarithm of the quotient of both odds is the effect. */
double view_effect(const struct verdict *verdict, const struct reason *reason)
{
    double with = 0, without = 0;
    for (size_t i = 0; i < FAILURE_POINTS; i++) {
        if (i == (size_t)verdict->place)
            continue;
        double probability = fmax(verdict->probability[i], 1e-12);
        with += probability;
        without += probability * exp(-reason->weight[i]);
    }
    return reason->weight[verdict->place] - log(with / without);
}

const struct capture_report *view_capture(const struct report *report,
                                          const struct finding *finding)
{
    return finding->capture < report->capture_count ? &report->captures[finding->capture] : NULL;
}

const char *view_connection_filter(const struct finding *finding, char buffer[FILTER_TEXT])
{
    char client[IP_ADDRESS_TEXT], server[IP_ADDRESS_TEXT];
    const char *ip = ip_is_v4(&finding->server) ? "ip" : "ipv6";
    size_t used = 0;
    if (!ip_is_unspecified(&finding->client))
        used += (size_t)snprintf(buffer, FILTER_TEXT, "%s.addr == %s && ", ip,
                                 ip_text(&finding->client, client));
    if (!ip_is_unspecified(&finding->server))
        used += (size_t)snprintf(buffer + used, FILTER_TEXT - used, "%s.addr == %s && ", ip,
                                 ip_text(&finding->server, server));
    snprintf(buffer + used, FILTER_TEXT - used, "%s.port == %u",
             proto_word(finding->service->proto), finding->server_port);
    return buffer;
}

const char *view_frames_filter(const struct frame_list *frames, char buffer[FILTER_TEXT])
{
    size_t used = (size_t)snprintf(buffer, FILTER_TEXT, "frame.number in {");
    for (uint32_t i = 0; i < frames->count && used + 24 < FILTER_TEXT; i++)
        used += (size_t)snprintf(buffer + used, FILTER_TEXT - used, "%s%" PRIu64, i ? ", " : "",
                                 frame_list_at(frames, i));
    snprintf(buffer + used, FILTER_TEXT - used, "}");
    return buffer;
}

/* RFC 9293 3.1, in the order of importance to a reader. */
static size_t flag_words(uint8_t flags, char *buffer, size_t size)
{
    static const struct {
        uint8_t flag;
        const char *word;
    } words[] = {{TCP_SYN, "SYN"}, {TCP_RST, "RST"}, {TCP_FIN, "FIN"}, {TCP_ACK, "ACK"}};
    size_t used = 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (flags & words[i].flag)
            used += (size_t)snprintf(buffer + used, size - used, "%s%s", used ? ", " : "",
                                     words[i].word);
    return used;
}

const char *view_step(const struct finding *finding, const struct exchange_step *step,
                      char buffer[STEP_TEXT])
{
    size_t used = 0;
    buffer[0] = '\0';
    if (step->is_icmp) {
        char sender[IP_ADDRESS_TEXT];
        snprintf(buffer, STEP_TEXT, "ICMP%s %u/%u from %s",
                 ip_is_v4(&step->icmp_sender) ? "" : "v6", step->icmp_type, step->icmp_code,
                 ip_text(&step->icmp_sender, sender));
        return buffer;
    }
    if (finding->service->proto == PROTO_TCP)
        used = flag_words(step->flags, buffer, STEP_TEXT);
    if (step->length || finding->service->proto == PROTO_UDP)
        snprintf(buffer + used, STEP_TEXT - used, "%s%u bytes", used ? ", " : "", step->length);
    return buffer;
}

const struct capture_report *view_reason_capture(const struct report *report,
                                                 const struct finding *finding,
                                                 const struct reason *reason)
{
    if (!reason->elsewhere)
        return view_capture(report, finding);
    size_t capture = reason->elsewhere - 1;
    return capture < report->capture_count ? &report->captures[capture] : NULL;
}

bool view_speaks_foreign(const struct finding *finding)
{
    const struct service *service = finding->service;
    if (!finding->spoken.protocol || service->speaks_count == 0)
        return false;
    for (size_t i = 0; i < service->speaks_count; i++)
        if (strcmp(finding->spoken.protocol, service->speaks[i]) == 0)
            return false;
    return true;
}
