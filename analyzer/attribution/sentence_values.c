#include "analyzer/attribution/sentence_values.h"

#include <stdio.h>

#include "analyzer/flow/names.h"
#include "analyzer/speech/heard.h"
#include "analyzer/words.h"

static void set_value(struct sentence_values *values, const char *name, const char *text)
{
    values->variables[values->count++] = (struct variable){name, text ? text : ""};
}

int failure_client_port(const struct failure *failure)
{
    return failure->attempts == 1 && failure->sample_count ? failure->sample[0]->port[INITIATOR]
                                                           : -1;
}

/* Strangers' words: the writers escape them. */
static void speech_values(const struct signs *signs, const struct spoken *spoken,
                          struct sentence_values *values)
{
    const char *issuer = spoken->tls.issuer;
    const struct heard_http *http = spoken->heard_http;
    const char *owner = issuer && signs ? signs_of_issuer(signs, issuer) : NULL;
    set_value(values, "server_name",
              spoken->tls.server_name ? spoken->tls.server_name : "no server by name");
    set_value(values, "issuer", issuer ? issuer : "not visible");
    set_value(values, "inspection", owner ? owner : "an inspecting device");
    set_value(values, "page_owner", http && http->page ? http->page->name : "nobody known");
    set_value(values, "http_host",
              http && http->talk.host[0] ? http->talk.host : "no host by name");
    set_value(values, "http_location", http ? http->talk.location : "");
}

/* The name by which the client looked the server up; for a peer that never appeared the one that it
 * looked up in vain. */
static const struct lookup *lookup_of(const struct tracker *tracker, const struct failure *failure)
{
    const struct names *names = tracker_names(tracker);
    const struct ip_network client = {.address = failure->client, .prefix = 128};
    return failure->symptom == SYMPTOM_NO_TRAFFIC
               ? names_unresolved(names, &client)
               : names_of_address(names, &failure->client, &failure->server);
}

void sentence_values_fill(const struct diagnosis_request *request, const struct failure *failure,
                          const struct finding *finding, struct sentence_values *values)
{
    const struct lookup *lookup = request->strip ? NULL : lookup_of(request->tracker, failure);
    struct ip_address client = pseudonym_ip(request->pseudonyms, &failure->client);
    struct ip_address server = pseudonym_ip(request->pseudonyms, &failure->server);
    const struct service *service = failure->service;
    int client_port = failure_client_port(failure);
    int64_t lasted_ns =
        failure->last_ns > failure->first_ns ? failure->last_ns - failure->first_ns : 0;
    *values = (struct sentence_values){0};
    snprintf(values->port, sizeof values->port, "%u", failure->server_port);
    snprintf(values->attempts, sizeof values->attempts, "%u", failure->attempts);
    snprintf(values->duration, sizeof values->duration, "%.0f s", (double)lasted_ns / 1e9);
    if (client_port >= 0)
        snprintf(values->client_port, sizeof values->client_port, "%d", client_port);
    else
        snprintf(values->client_port, sizeof values->client_port, "several");
    set_value(values, "client", ip_text(&client, values->client));
    set_value(values, "server", ip_text(&server, values->server));
    set_value(values, ip_is_v4(&client) ? "client_v4" : "client_v6", values->client);
    set_value(values, ip_is_v4(&server) ? "server_v4" : "server_v6", values->server);
    set_value(values, "port", values->port);
    set_value(values, "client_port", values->client_port);
    set_value(values, "attempts", values->attempts);
    set_value(values, "duration", values->duration);
    bool v4 = ip_is_v4(&failure->server);
    set_value(values, "ip", v4 ? "ip" : "ip6");
    set_value(values, "family", v4 ? "ipv4" : "ipv6");
    set_value(values, "iptables", v4 ? "iptables" : "ip6tables");
    set_value(values, "proto", proto_word(failure->proto));
    set_value(values, "service", service->name);
    set_value(values, "product", service->profile->title);
    set_value(values, "profile", service->profile->name);
    set_value(values, "role_initiator",
              service->initiator_role ? service->initiator_role : "client");
    set_value(values, "role_responder",
              service->responder_role ? service->responder_role : "server");
    set_value(values, "dns_name", lookup ? lookup->name : "of the server");
    set_value(values, "vpn", failure->vpn ? failure->vpn : "a VPN");
    speech_values(request->signs, &finding->spoken, values);
    set_value(values, "label_local", finding->labels[LOCAL_FIREWALL]);
    set_value(values, "label_edge", finding->labels[EDGE_FIREWALL]);
    set_value(values, "label_egress", finding->labels[EGRESS_POLICY]);
}

static const char *end_text(const struct pseudonyms *pseudonyms, const struct ip_address *end,
                            char text[IP_ADDRESS_TEXT])
{
    struct ip_address shown = pseudonym_ip(pseudonyms, end);
    return ip_text(&shown, text);
}

/* How a NAT between the captures changed the ends. */
static const char *route_text(const struct pseudonyms *pseudonyms, const struct joint *joint,
                              char route[ROUTE_TEXT])
{
    const struct joint_ends *above = &joint->above, *below = &joint->below;
    char text[4][IP_ADDRESS_TEXT];
    if (!joint->evidence.client_changed && !joint->evidence.server_changed)
        return "";
    snprintf(route, ROUTE_TEXT, "%s > %s port %u becomes %s > %s port %u",
             end_text(pseudonyms, &above->address[INITIATOR], text[0]),
             end_text(pseudonyms, &above->address[RESPONDER], text[1]), above->server_port,
             end_text(pseudonyms, &below->address[INITIATOR], text[2]),
             end_text(pseudonyms, &below->address[RESPONDER], text[3]), below->server_port);
    return route;
}

void sentence_values_fill_joint(const struct diagnosis_request *request, const struct joint *joint,
                                struct sentence_values *values)
{
    const char *const *names = request->capture_names;
    if (!joint || !joint->compared)
        return;
    values->upstream[0] = (char)('a' + joint->upstream % 26);
    values->downstream[0] = (char)('a' + joint->downstream % 26);
    set_value(values, "upstream", names ? names[joint->upstream] : values->upstream);
    set_value(values, "downstream", names ? names[joint->downstream] : values->downstream);
    set_value(values, "route", route_text(request->pseudonyms, joint, values->route));
}
