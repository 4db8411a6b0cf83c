/* Product profiles: which services a product has, on which ports, who opens the connection, and
 * what its vendor calls the places where a firewall can stand. All of it is data, read from
 * rules/profiles/<name>.json (built in) and --profile-file (the user's own, same format;
 * rules/README.md). A file's profile takes the place of a built-in one of its name, and its ports
 * go before those of built-in ones.
 *
 * Errors name file, line, column and what was expected. */
#ifndef FWSNIFF_ATTRIBUTION_PROFILE_H
#define FWSNIFF_ATTRIBUTION_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/error.h"
#include "analyzer/words.h"

enum {
    SERVICE_PORTS_MAX = 16,
    SERVICES_MAX = 255,
    SERVICE_SPEAKS_MAX = 8,
    PROFILE_PINS_MAX = 32,
};

struct service {
    const struct profile *profile;
    const char *name; /* "Syncrify HTTP" */
    uint8_t index;    /* profiles_service_index() */
    uint8_t proto;    /* PROTO_TCP, PROTO_UDP */
    uint16_t ports[SERVICE_PORTS_MAX];
    size_t port_count;
    const char *initiator_role;             /* "client"; NULL: not told */
    const char *responder_role;             /* "server" */
    const char *speaks[SERVICE_SPEAKS_MAX]; /* nDPI protocol names a healthy flow may show */
    size_t speaks_count;                    /* 0: proprietary, any protocol will do */
    const char *relayed_by;  /* who, from within the server's network, has to keep a connection to
                                the  server so that it can pass anything on; NULL: nobody */
    const char *alternative; /* name of a service of the same profile that serves as well
                                (SMB: 445 and 139 are tried together); NULL: none */
    double retry_s;     /* how often the product repeats a request or a connection; 0: not known */
    double give_up_s;   /* when it gives up; 0: not known */
    double keepalive_s; /* interval of its own keep-alives; 0: none or not known */
    bool tunnel;        /* it carries other traffic, which may run in one direction for long */
    bool by_signs;   /* no port is its own: it is known by what is said (signs.json, "tunnels") */
    bool persistent; /* a healthy connection is long and mostly idle */
};

/* What the product itself shows its user for a failure, to recognise a report by. */
struct vendor_error {
    const char *text; /* "Unreachable: No Application on that Port" */
    const char *meaning;
};

/* The vendor's name of a place, and where it is the name of that place. */
struct profile_label {
    const char *name; /* "FP1"; NULL: none */
    const char *path; /* the fact "path" with which it holds; NULL: always */
};

struct profile {
    const char *name;  /* "syncrify", the word of --profile */
    const char *title; /* "Syncrify (Synametrics)" */
    struct profile_label labels[FAILURE_POINTS];
    const struct service *services;
    size_t service_count;
    const struct vendor_error *vendor_errors;
    size_t vendor_error_count;
    bool never_initiated_by_responder; /* the product never connects in the other direction */
    const char *direction_note; /* sentence for a connection in the wrong direction; NULL: none */
    const char *pins[PROFILE_PINS_MAX]; /* certificates that are the product's: pin_is_valid() */
    size_t pin_count;                   /* 0: any may be */
};

/* What the places are called on a path ("private", "internet", ...; NULL: not known): by the vendor
 * where its picture is of such a path, else FP1, FP2, FP3. NULL: a place without a name. */
void profile_labels(const struct profile *profile, const char *path,
                    const char *labels[FAILURE_POINTS]);

/* "sha256:" or "sha1:" and a certificate's fingerprint in hexadecimal, or "issuer:" and a part of
 * its issuer's name. */
bool pin_is_valid(const char *pin);

enum pin_result { PIN_NONE, PIN_MATCHES, PIN_DIFFERS };

/* Whether a certificate is one of the profile's; PIN_NONE: it names none. */
enum pin_result profile_pinned(const struct profile *profile, const char *issuer, const char *sha1,
                               const char *sha256);

/* --pin */
struct pin_option {
    const char *profile; /* name */
    const char *pin;
};

struct port_override {
    const char *profile; /* name */
    uint8_t proto;
    uint16_t port;
};

struct profile_request {
    const char *directory;    /* rules directory: profiles are in directory/profiles */
    const char *const *names; /* products to watch; count 0: all built-in ones */
    size_t name_count;
    const char *const *files; /* --profile-file; always watched */
    size_t file_count;
    const struct port_override *ports; /* --port: replaces the ports of the product's first service
                                          of that transport (several for one product add up); a
                                          port that another service watches is taken from it */
    size_t port_count;
    const struct pin_option *pins; /* --pin: added to the profiles' own */
    size_t pin_count;
};

/* All profiles asked for and the table that finds a service by its port. Immutable. */
struct profiles;

/* NULL with a message on bad JSON, unknown profile name, unknown or mistyped field. */
struct profiles *profiles_load(const struct profile_request *request, struct error *error);
void profiles_free(struct profiles *profiles);

/* Profiles in the order asked for (built-in: alphabetical). */
size_t profiles_count(const struct profiles *profiles);
const struct profile *profiles_at(const struct profiles *profiles, size_t index);

/* The service watched on a port; NULL: none. O(1), called for every new flow. */
const struct service *profiles_service(const struct profiles *profiles, uint8_t proto,
                                       uint16_t port);

/* The table behind it, by port: 0 where none is watched. */
const uint8_t *profiles_ports(const struct profiles *profiles, uint8_t proto);

/* Dense number of a service 0..SERVICES_MAX-1 within `profiles`, and back. */
uint8_t profiles_service_index(const struct profiles *profiles, const struct service *service);
const struct service *profiles_service_at(const struct profiles *profiles, uint8_t index);
size_t profiles_service_count(const struct profiles *profiles);

/* A tcpdump expression for live capture: handshakes, resets, ICMP, ARP and ND, IP fragments,
 * tunnels, PPPoE, and everything on the ports watched, tagged and untagged (VLAN). `dlt` is the
 * handle's pcap_datalink(): not every link type knows every word. Owned by the caller (free).
 * NULL: libpcap cannot filter this link type so; capture everything. */
char *profiles_kernel_filter(const struct profiles *profiles, int dlt);

/* For --list-profiles: calls `each` for every built-in profile, in alphabetical order. The profile
 * lives during the call. False with a message on bad files. */
bool profiles_list(const char *directory,
                   void (*each)(const struct profile *profile, void *context), void *context,
                   struct error *error);

#endif
