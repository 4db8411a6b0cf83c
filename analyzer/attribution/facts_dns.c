/* DNS: what the client was told when it looked the server up. */
#include "analyzer/attribution/facts_internal.h"
#include "analyzer/flow/names.h"

/* RFC 1035 4.1.1 */
enum { CODE_NO_SUCH_NAME = 3, CODE_REFUSED = 5, ASKED_IN_VAIN_MIN = 2 };

/* A filtering name server's own page (Cisco Umbrella, "Block page IP addresses": 146.112.61.104 to
 * .110). */
static bool is_block_page(const struct ip_address *address)
{
    static const uint8_t umbrella[3] = {146, 112, 61};
    const uint8_t *v4 = address->bytes + 12;
    return ip_is_v4(address) && memcmp(v4, umbrella, 3) == 0 && v4[3] >= 104 && v4[3] <= 110;
}

/* Where filtering name servers send what they want to stop: nowhere, to the asker itself, or to a
 * page of theirs. */
static bool is_sinkhole(const struct ip_address *address)
{
    static const uint8_t nowhere[4];
    return ip_is_unspecified(address) || ip_is_loopback(address) || is_block_page(address) ||
           (ip_is_v4(address) && memcmp(address->bytes + 12, nowhere, 4) == 0);
}

static void resolved_fact(const struct fact_context *context, const struct failure *failure,
                          struct fact *facts)
{
    const struct lookup *lookup = names_of_address(tracker_names(context->vantage->tracker),
                                                   &failure->client, &failure->server);
    if (!lookup) { /* who goes there has been told to, by whatever the capture does not show */
        if (is_block_page(&failure->server))
            set_word(facts, FACT_DNS_ANSWER, "sinkhole-unheard")->frames = failure->frames;
        return;
    }
    bool stranger = !ip_is_private(&lookup->told_by) && !ip_is_loopback(&lookup->told_by);
    const char *word = is_sinkhole(&failure->server)      ? "sinkhole"
                       : !ip_is_private(&failure->server) ? "public"
                       : stranger                         ? "private-by-stranger"
                                                          : "private";
    struct fact *fact = set_word(facts, FACT_DNS_ANSWER, word);
    frame_list_add(&fact->frames, lookup->answer_frame);
}

void facts_of_names(const struct fact_context *context, const struct failure *failure,
                    struct fact *facts)
{
    if (failure->symptom != SYMPTOM_NO_TRAFFIC)
        resolved_fact(context, failure, facts);
}

void fact_of_unresolved(const struct tracker *tracker, const struct ip_network *clients,
                        struct fact *facts)
{
    const struct names *names = tracker_names(tracker);
    const struct lookup *lookup = names_unresolved(names, clients);
    const char *word = NULL;
    if (!lookup)
        return;
    if (lookup->asked >= ASKED_IN_VAIN_MIN)
        word = "unanswered";
    else if (!lookup->answer_frame)
        return;
    else if (lookup->code == CODE_NO_SUCH_NAME)
        word = "no-such-name";
    else
        word = lookup->code == CODE_REFUSED ? "refused" : lookup->code ? "failed" : "no-address";
    struct fact *fact = set_word(facts, FACT_DNS_PROBLEM, word);
    frame_list_add(&fact->frames, lookup->asked_frame);
    frame_list_add(&fact->frames, lookup->answer_frame);
}
