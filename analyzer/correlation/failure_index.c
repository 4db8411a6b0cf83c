/* Failures by what makes them one: a capture's failure that an attempt belongs to. */
#include "analyzer/correlation/correlation_internal.h"
#include "analyzer/flow/hash.h"

static uint64_t failure_key(const struct ip_address *client, const struct ip_address *server,
                            uint16_t port, uint8_t proto, enum symptom symptom)
{
    uint64_t hash = hash_two(proto, client->halves[0], client->halves[1]);
    hash = hash_two(hash, server->halves[0], server->halves[1]);
    return hash_two(hash, port, (uint64_t)symptom);
}

void index_failures(struct correlation *all, size_t capture)
{
    const struct correlation_view *view = &all->view[capture];
    chains_make(&all->table[capture].chains, view->failure_count);
    for (size_t i = 0; i < view->failure_count; i++) {
        const struct failure *failure = &view->failures[i];
        chains_add(&all->table[capture].chains,
                   failure_key(&failure->client, &failure->server, failure->server_port,
                               failure->proto, failure->symptom));
    }
}

const struct attempt *teller_of(const struct correlation_view *view, const struct attempt *attempt)
{
    const struct attempt *control = tracker_attempt(view->tracker, attempt->control);
    return control ? control : attempt;
}

size_t find_failure(const struct correlation *all, uint32_t capture, const struct attempt *attempt,
                    enum symptom symptom)
{
    const struct chains *chains = &all->table[capture].chains;
    uint64_t key = failure_key(&attempt->address[INITIATOR], &attempt->address[RESPONDER],
                               attempt->port[RESPONDER], attempt->proto, symptom);
    for (uint32_t at = chains_first(chains, key); at; at = chains_next(chains, at)) {
        const struct failure *failure = &all->view[capture].failures[at - 1];
        if (!failure->suppressed && failure->symptom == symptom &&
            ip_equal(&failure->client, &attempt->address[INITIATOR]) &&
            ip_equal(&failure->server, &attempt->address[RESPONDER]))
            return at - 1;
    }
    return NO_FAILURE;
}

size_t failure_of(const struct correlation *all, uint32_t capture, const struct attempt *attempt,
                  enum outcome *outcome)
{
    const struct correlation_view *view = &all->view[capture];
    struct detection detection;
    detect(attempt, &view->detect, &detection);
    *outcome = detection.outcome;
    if (detection.outcome == OUTCOME_SILENT)
        detection.symptom =
            attempt->proto == PROTO_UDP ? SYMPTOM_UDP_NO_RESPONSE : SYMPTOM_SYN_TIMEOUT;
    else if (detection.outcome != OUTCOME_FAILED)
        return NO_FAILURE;
    if (attempt->control)
        detection.symptom = SYMPTOM_FTP_DATA_FAILED;
    return find_failure(all, capture, teller_of(view, attempt), detection.symptom);
}
