#include "analyzer/attribution/ssl_vpn.h"

#include <stdio.h>
#include <string.h>

#include "analyzer/flow/names.h"
#include "analyzer/speech/heard.h"
#include "analyzer/speech/speech.h"

static const struct service *service_by_signs(const struct profiles *profiles)
{
    for (size_t i = 0; i < profiles_service_count(profiles); i++) {
        const struct service *service = profiles_service_at(profiles, (uint8_t)i);
        if (service->by_signs && service->proto == PROTO_TCP)
            return service;
    }
    return NULL;
}

static const char *of_request(const struct http_talk *talk, const struct signs *signs)
{
    char request[sizeof talk->method + sizeof talk->target];
    snprintf(request, sizeof request, "%s %s", talk->method, talk->target);
    return signs_of_tunnel(signs, TUNNEL_REQUEST, request);
}

const char *ssl_vpn_of(const struct attempt *attempt, const struct signs *signs,
                       const char **known_by)
{
    struct spoken spoken;
    const char *owner = NULL;
    speech_heard(attempt, &spoken);
    for (enum side side = INITIATOR; side <= RESPONDER; side++)
        if (spoken.by[side] && strcmp(spoken.by[side], "OpenVPN") == 0) {
            *known_by = "openvpn";
            return "OpenVPN";
        }
    if (signs && spoken.tls.server_name)
        owner = signs_of_tunnel(signs, TUNNEL_SERVER_NAME, spoken.tls.server_name);
    *known_by = "server-name";
    if (owner || !signs || !spoken.heard_http)
        return owner;
    *known_by = "request";
    return of_request(&spoken.heard_http->talk, signs);
}

static void tell_by_attempts(struct failure *failure, const struct signs *signs)
{
    for (uint32_t i = 0; i < failure->sample_count && !failure->vpn; i++) {
        failure->vpn = ssl_vpn_of(failure->sample[i], signs, &failure->vpn_known_by);
        if (failure->vpn)
            frame_list_add(&failure->vpn_frames,
                           failure->sample[i]->side[INITIATOR].first_data->frame);
    }
}

/* Before anything is said there is still the name. */
static void tell_by_name(struct failure *failure, const struct names *names,
                         const struct signs *signs)
{
    const struct lookup *lookup =
        signs ? names_of_address(names, &failure->client, &failure->server) : NULL;
    failure->vpn = lookup ? signs_of_tunnel(signs, TUNNEL_SERVER_NAME, lookup->name) : NULL;
    failure->vpn_known_by = "look-up";
    if (failure->vpn)
        frame_list_add(&failure->vpn_frames, lookup->answer_frame);
}

static void tell(struct failure *failure, const struct service *service)
{
    if (failure->vpn)
        failure->service = service;
}

/* Others fail before anything is said, with a server that is known to be a tunnel's. */
static void tell_by_others(struct failures *failures, const struct failure *known,
                           const struct service *service)
{
    for (size_t i = 0; i < failures->count; i++) {
        struct failure *failure = &failures->all[i];
        if (failure->vpn || failure->proto != PROTO_TCP ||
            failure->server_port != known->server_port ||
            !ip_equal(&failure->server, &known->server))
            continue;
        failure->vpn = known->vpn;
        failure->vpn_known_by = known->vpn_known_by;
        failure->vpn_frames = known->vpn_frames;
        tell(failure, service);
    }
}

void ssl_vpn_tell(struct failures *failures, const struct tracker *tracker,
                  const struct profiles *profiles, const struct signs *signs)
{
    enum { SERVERS_MAX = 64 };
    const struct service *service = service_by_signs(profiles);
    unsigned servers = 0;
    if (!service)
        return;
    for (size_t i = 0; i < failures->count; i++) {
        struct failure *failure = &failures->all[i];
        if (failure->proto != PROTO_TCP || failure->service->tunnel)
            continue;
        tell_by_attempts(failure, signs);
        if (!failure->vpn)
            tell_by_name(failure, tracker_names(tracker), signs);
        tell(failure, service);
    }
    for (size_t i = 0; i < failures->count && servers < SERVERS_MAX; i++)
        if (failures->all[i].vpn) {
            tell_by_others(failures, &failures->all[i], service);
            servers++;
        }
}
