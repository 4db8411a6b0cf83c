/* Profiles: reading, ports, overrides, and the filter of a live capture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "analyzer/attribution/profile_internal.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* The tests run in the project's directory. */
static const char rules_directory[] = "rules";

/* The caller removes it. */
static void write_file(char path[64], const char *text)
{
    strcpy(path, "/tmp/fwsniff-profile-XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
}

static void built_in_profiles(void **state)
{
    (void)state;
    static const struct {
        uint8_t proto;
        uint16_t port;
        const char *profile, *service;
    } cases[] = {
        {PROTO_TCP, 5800, "syncrify", "Syncrify HTTP"},
        {PROTO_TCP, 5443, "syncrify", "Syncrify HTTPS"},
        {PROTO_TCP, 8443, "syncrify", "Syncrify HTTPS"},
        {PROTO_TCP, 6060, "synaman", "SynaMan HTTP"},
        {PROTO_TCP, 443, "druva", "inSync backup/sync"},
        {PROTO_TCP, 4401, "securidata", "SecuriData backup"},
        {PROTO_TCP, 4403, "securidata", "SecuriData GUI (TCP)"},
        {PROTO_UDP, 4403, "securidata", "SecuriData GUI (UDP)"},
        {PROTO_UDP, 8080, "mtpip", "MTP/IP"},
        {PROTO_UDP, 8082, "mtpip", "MTP/IP (older utilities)"},
        {PROTO_TCP, 7333, "peersync", "PeerSync Listener"},
        {PROTO_TCP, 445, "peersync", "SMB"},
        {PROTO_TCP, 139, "peersync", "SMB over NetBIOS"},
        {PROTO_TCP, 21, "peersync", "FTP control"},
        {PROTO_UDP, 1194, "vpn", "OpenVPN"},
        {PROTO_TCP, 1194, "vpn", "OpenVPN over TCP"},
        {PROTO_UDP, 51820, "vpn", "WireGuard"},
        {PROTO_UDP, 500, "vpn", "IKE (IPsec)"},
        {PROTO_UDP, 4500, "vpn", "IKE and ESP through NAT (IPsec)"},
    };
    static const char *const order[] = {"druva",   "mtpip",    "peersync", "securidata",
                                        "synaman", "syncrify", "vpn"};
    struct error error = {""};
    struct profiles *profiles =
        profiles_load(&(struct profile_request){.directory = rules_directory}, &error);
    assert_string_equal(error.text, "");
    assert_non_null(profiles);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct service *service = profiles_service(profiles, cases[i].proto, cases[i].port);
        assert_non_null(service);
        assert_string_equal(service->name, cases[i].service);
        assert_string_equal(service->profile->name, cases[i].profile);
        assert_ptr_equal(profiles_service_at(profiles, profiles_service_index(profiles, service)),
                         service);
    }
    size_t watched = 0;
    for (unsigned port = 0; port < 65536; port++)
        for (unsigned proto = 0; proto < 2; proto++)
            if (profiles_service(profiles, proto ? PROTO_UDP : PROTO_TCP, (uint16_t)port))
                watched++;
    assert_int_equal(watched, COUNT(cases));
    assert_int_equal(profiles_count(profiles), COUNT(order));
    for (size_t i = 0; i < COUNT(order); i++)
        assert_string_equal(profiles_at(profiles, i)->name, order[i]);
    profiles_free(profiles);
}

static void vendors_words(void **state)
{
    (void)state;
    struct error error = {""};
    const char *const names[] = {"syncrify", "druva", "mtpip"};
    struct profiles *profiles = profiles_load(
        &(struct profile_request){.directory = rules_directory, .names = names, .name_count = 3},
        &error);
    assert_non_null(profiles);
    const struct profile *syncrify = profiles_at(profiles, 0), *druva = profiles_at(profiles, 1),
                         *mtpip = profiles_at(profiles, 2);
    assert_string_equal(syncrify->name, "syncrify");
    assert_string_equal(syncrify->labels[LOCAL_FIREWALL].name, "FP1");
    assert_string_equal(syncrify->labels[EDGE_FIREWALL].name, "FP2");
    assert_string_equal(syncrify->labels[EGRESS_POLICY].name, "FP3");
    assert_null(syncrify->labels[APPLICATION].name);
    assert_true(druva->never_initiated_by_responder);
    assert_non_null(druva->direction_note);
    assert_true(druva->services[0].persistent);
    assert_int_equal((int)druva->services[0].retry_s, 600);
    assert_string_equal(druva->services[0].responder_role, "Edge Server");
    assert_string_equal(mtpip->vendor_errors[0].text, "Local Network: No Response");
    assert_int_equal(mtpip->services[0].speaks_count, 0);
    profiles_free(profiles);
}

/* Druva's page: Firewall 1 lies between the internal network and the DMZ, Firewall 2 between the
 * Internet and the DMZ. A client's own network out in the Internet has neither. */
static void a_vendors_name_holds_where_its_picture_does(void **state)
{
    static const struct {
        const char *profile, *path, *local, *edge, *egress;
    } cases[] = {
        {"druva", "private", "FP1", "FP2", "Firewall 1"},
        {"druva", "internet", "FP1", "Firewall 2", "FP3"},
        {"druva", "same-link", "FP1", "FP2", "FP3"},
        {"druva", "tunnel", "FP1", "FP2", "FP3"},
        {"druva", NULL, "FP1", "FP2", "FP3"},
        {"syncrify", "internet", "FP1", "FP2", "FP3"},
        {"synaman", NULL, "FP1", "FP2", "FP3"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error error = {""};
        struct profiles *profiles = profiles_load(
            &(struct profile_request){
                .directory = rules_directory, .names = &cases[i].profile, .name_count = 1},
            &error);
        const char *labels[FAILURE_POINTS];
        assert_non_null(profiles);
        profile_labels(profiles_at(profiles, 0), cases[i].path, labels);
        assert_string_equal(labels[LOCAL_FIREWALL], cases[i].local);
        assert_string_equal(labels[EDGE_FIREWALL], cases[i].edge);
        assert_string_equal(labels[EGRESS_POLICY], cases[i].egress);
        assert_null(labels[NETWORK_PATH]);
        profiles_free(profiles);
    }
}

static void errors_name_the_place(void **state)
{
    (void)state;
#define SERVICES(body) "{\"name\": \"p\", \"title\": \"P\", \"services\": [" body "]}"
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"[]", "p.json:1:1: expected an object {...}, got a list [...]"},
        {"{\"name\": \"P\", \"title\": \"P\", \"services\": []}",
         "p.json:1:10: expected a name of small letters, digits and -, got \"P\""},
        {"{\"name\": \"p\", \"services\": []}", "p.json:1:1: the field \"title\" is missing"},
        {SERVICES(""), "p.json:1:41: expected 1 to 255 services, got 0"},
        {SERVICES("{\"name\": \"s\", \"proto\": \"tpc\", \"ports\": [1]}"),
         "p.json:1:65: unknown transport \"tpc\"; did you mean \"tcp\"?"},
        {SERVICES("{\"name\": \"s\", \"proto\": \"tcp\", \"ports\": []}"),
         "p.json:1:81: expected at least one port"},
        {SERVICES("{\"name\": \"s\", \"proto\": \"tcp\", \"ports\": [], \"by_signs\": false}"),
         "p.json:1:81: expected at least one port"},
        {SERVICES("{\"name\": \"s\", \"proto\": \"tcp\", \"ports\": [0]}"),
         "p.json:1:82: expected a number from 1 to 65535, got 0"},
        {SERVICES("{\"name\": \"s\", \"proto\": \"tcp\", \"ports\": [1.5]}"),
         "p.json:1:82: expected a whole number"},
        {SERVICES("{\"name\": \"s\", \"proto\": \"tcp\", \"ports\": [\"1\"]}"),
         "p.json:1:82: expected a number, got a string"},
        {SERVICES("{\"name\": \"s\", \"proto\": \"tcp\",\n\"ports\": "
                  "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}"),
         "p.json:2:50: expected at most 16 ports"},
        {SERVICES("{\"name\": \"s\", \"proto\": \"tcp\", \"ports\": [1],\n\"retry_s\": -1}"),
         "p.json:2:12: expected a number from 0 to 604800, got -1"},
        {SERVICES("{\"name\": \"s\", \"proto\": \"tcp\", \"ports\": [1],\n\"alternative\": \"s\"}"),
         "p.json:2:16: expected the name of another service of this profile, got \"s\""},
        {SERVICES("{\"name\": \"s\", \"proto\": \"tcp\", \"ports\": [1]},\n"
                  "{\"name\": \"s\", \"proto\": \"tcp\", \"ports\": [2]}"),
         "p.json:2:10: two services are called \"s\""},
        {SERVICES("{\"name\": \"s\", \"proto\": \"tcp\", \"ports\": [1], \"port\": 2}"),
         "p.json:1:86: unknown field \"port\"; did you mean \"ports\"?"},
        {"{\"name\": \"p\", \"title\": \"P\", \"labels\": {\"edge-firewal\": \"FP2\"},\n"
         "\"services\": []}",
         "p.json:1:40: unknown place \"edge-firewal\"; did you mean \"edge-firewall\"?"},
        {"{\"name\": \"p\", \"title\": \"P\",\n\"labels\": {\"edge-firewall\": {\"name\": \"F\", "
         "\"path\": "
         "\"lan\"}}, \"services\": []}",
         "p.json:2:51: unknown path \"lan\""},
        {"{\"name\": \"p\", \"title\": \"P\", \"vendor_errors\": [{\"text\": "
         "\"x\"}],\n\"services\": "
         "[{\"name\": \"s\", \"proto\": \"tcp\", \"ports\": [1]}]}",
         "p.json:1:47: the field \"meaning\" is missing"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error error = {""};
        struct profile_file *file =
            profile_file_parse("p.json", cases[i].text, strlen(cases[i].text), &error);
        assert_string_equal(error.text, cases[i].error);
        assert_null(file);
    }
}

static struct profiles *load(const char *const *names, size_t name_count, const char *const *files,
                             size_t file_count, const struct port_override *ports,
                             size_t port_count, struct error *error)
{
    return profiles_load(&(struct profile_request){.directory = rules_directory,
                                                   .names = names,
                                                   .name_count = name_count,
                                                   .files = files,
                                                   .file_count = file_count,
                                                   .ports = ports,
                                                   .port_count = port_count},
                         error);
}

static void pins(void **state)
{
    (void)state;
    static const char text[] =
        "{\"name\": \"p\", \"title\": \"P\", \"services\": [{\"name\": \"s\", \"proto\": \"tcp\", "
        "\"ports\": [1]}], \"pins\": [\"sha1:AA:00112233445566778899aabbccddeeff001122\", "
        "\"issuer:Backup CA\"]}";
    static const char own[] = "aa00112233445566778899aabbccddeeff001122";
    struct error error = {""};
    struct profile_file *file = profile_file_parse("p.json", text, strlen(text), &error);
    assert_string_equal(error.text, "");
    const struct profile *profile = &file->profile;
    assert_int_equal(profile_pinned(profile, "CN=x", own, ""), PIN_MATCHES);
    assert_int_equal(profile_pinned(profile, "CN=the backup ca 2", "", ""), PIN_MATCHES);
    assert_int_equal(profile_pinned(profile, "CN=x", "ab", ""), PIN_DIFFERS);
    assert_int_equal(profile_pinned(profile, "CN=x", "", own), PIN_DIFFERS); /* of another kind */
    assert_int_equal(profile_pinned(&(struct profile){0}, "CN=x", own, ""), PIN_NONE);
    profile_file_free(file);

    assert_false(pin_is_valid("sha1:aa"));
    assert_false(pin_is_valid("sha256:aa00112233445566778899aabbccddeeff001122"));
    assert_false(pin_is_valid("sha1:zz00112233445566778899aabbccddeeff001122"));
    assert_false(pin_is_valid("issuer:"));
    assert_false(pin_is_valid("md5:00"));
    assert_false(pin_is_valid("aa00112233445566778899aabbccddeeff001122"));

    static const struct pin_option option = {"nobody", "issuer:x"};
    const struct profile_request request = {
        .directory = rules_directory, .pins = &option, .pin_count = 1};
    assert_null(profiles_load(&request, &error));
    assert_string_equal(error.text, "--pin nobody: that profile is not watched");
}

static void unknown_names(void **state)
{
    (void)state;
    static const struct {
        const char *name, *error;
    } cases[] = {
        {"synkrify", "unknown profile \"synkrify\"; did you mean \"syncrify\"?; there are: druva, "
                     "mtpip, peersync, securidata, synaman, syncrify, vpn"},
        {"../profiles/druva", "unknown profile \"../profiles/druva\"; there are: druva, mtpip, "
                              "peersync, securidata, synaman, syncrify, vpn"},
        {"", "unknown profile \"\"; there are: druva, mtpip, peersync, securidata, synaman, "
             "syncrify, vpn"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error error = {""};
        assert_null(load(&cases[i].name, 1, NULL, 0, NULL, 0, &error));
        assert_string_equal(error.text, cases[i].error);
    }
    struct error error = {""};
    assert_null(profiles_load(&(struct profile_request){.directory = "/nonexistent"}, &error));
    assert_string_equal(error.text, "/nonexistent/profiles: No such file or directory");
}

static void port_overrides(void **state)
{
    (void)state;
    struct error error = {""};
    const struct port_override moved[] = {
        {"syncrify", PROTO_TCP, 443}, {"syncrify", PROTO_TCP, 8443}, {"syncrify", PROTO_TCP, 443}};
    struct profiles *profiles = load(NULL, 0, NULL, 0, moved, COUNT(moved), &error);
    assert_string_equal(error.text, "");
    assert_non_null(profiles);
    assert_null(profiles_service(profiles, PROTO_TCP, 5800));
    assert_null(profiles_service(profiles, PROTO_UDP, 443));
    const struct service *http = profiles_service(profiles, PROTO_TCP, 443);
    assert_string_equal(http->name, "Syncrify HTTP");
    assert_ptr_equal(profiles_service(profiles, PROTO_TCP, 8443), http);
    assert_int_equal(http->port_count, 2);
    const struct service *https = profiles_service(profiles, PROTO_TCP, 5443);
    assert_int_equal(https->port_count, 1);
    assert_int_equal(profiles_at(profiles, 0)->services[0].port_count, 0); /* druva lost 443 */
    profiles_free(profiles);

    const char *const only[] = {"synaman"};
    static const struct {
        struct port_override override;
        const char *error;
    } cases[] = {
        {{"syncrify", PROTO_TCP, 80}, "--port syncrify=tcp/80: that profile is not watched"},
        {{"synaman", PROTO_UDP, 80}, "--port synaman=udp/80: the product has no udp service"},
        {{"synaman", PROTO_TCP, 0}, "--port synaman: expected a port from 1 to 65535"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_null(load(only, 1, NULL, 0, &cases[i].override, 1, &error));
        assert_string_equal(error.text, cases[i].error);
    }
}

static void own_files(void **state)
{
    (void)state;
    char own[64], same[64], clash[64];
    struct error error = {""};
    write_file(own, SERVICES("{\"name\": \"s\", \"proto\": \"tcp\", \"ports\": [443, 1000]}"));
    write_file(same, "{\"name\": \"druva\", \"title\": \"mine\", \"services\": [{\"name\": \"s\", "
                     "\"proto\": \"tcp\", \"ports\": [10443]}]}");
    write_file(clash, "{\"name\": \"q\", \"title\": \"Q\", \"services\": [{\"name\": \"s\", "
                      "\"proto\": \"tcp\", \"ports\": [1, 1000]}]}");
    const char *const first[] = {own}, *const second[] = {own, same}, *const third[] = {own, clash},
                      *const twice[] = {own, own};

    struct profiles *profiles = load(NULL, 0, first, 1, NULL, 0, &error);
    assert_string_equal(error.text, "");
    assert_int_equal(profiles_count(profiles), 8);
    assert_string_equal(profiles_at(profiles, 7)->name, "p");
    assert_string_equal(profiles_service(profiles, PROTO_TCP, 443)->profile->name, "p");
    profiles_free(profiles);

    profiles = load(NULL, 0, second, 2, NULL, 0, &error);
    assert_int_equal(profiles_count(profiles), 8);
    assert_string_equal(profiles_service(profiles, PROTO_TCP, 10443)->profile->title, "mine");
    profiles_free(profiles);

    char expected[256];
    assert_null(load(NULL, 0, third, 2, NULL, 0, &error));
    snprintf(expected, sizeof expected, "%s:1:85: port tcp/1000 already belongs to \"s\" of p",
             clash);
    assert_string_equal(error.text, expected);
    assert_null(load(NULL, 0, twice, 2, NULL, 0, &error));
    snprintf(expected, sizeof expected, "%s: the profile \"p\" was given twice", own);
    assert_string_equal(error.text, expected);
    unlink(own);
    unlink(same);
    unlink(clash);
}

static void count_profile(const struct profile *profile, void *context)
{
    assert_non_null(profile->title);
    ++*(int *)context;
}

static void listing(void **state)
{
    (void)state;
    struct error error = {""};
    int count = 0;
    assert_true(profiles_list(rules_directory, count_profile, &count, &error));
    assert_int_equal(count, 7);
    assert_false(profiles_list("/nonexistent", count_profile, &count, &error));
}

/* A frame as hexadecimal, and whether the filter keeps it. */
struct frame_case {
    const char *what, *hex;
    bool kept;
};

#define MACS "020000000001020000000002"
#define IP4(proto, fragment)                                                                       \
    "4500003c0001" fragment "40" proto "0000"                                                      \
    "0a000001"                                                                                     \
    "0a000002"
#define TCP(source, port, flags)                                                                   \
    source port "0000000100000000"                                                                 \
                "50" flags "ffff00000000"
#define UDP(source, port) source port "00080000"
#define ADDRESS6                                                                                   \
    "20010db8000000000000000000000001"                                                             \
    "20010db8000000000000000000000002"

static size_t from_hex(const char *hex, uint8_t *bytes, size_t size)
{
    size_t count = 0;
    for (; hex[0] && hex[1]; hex += 2, count++) {
        unsigned value;
        assert_true(count < size);
        assert_int_equal(sscanf(hex, "%2x", &value), 1);
        bytes[count] = (uint8_t)value;
    }
    return count;
}

static void filter_keeps_what_decides(void **state)
{
    (void)state;
#define SIX(next, rest)                                                                            \
    MACS "86dd"                                                                                    \
         "600000000014" next "40" ADDRESS6 rest
#define FOUR(proto, rest) MACS "0800" IP4(proto, "0000") rest
    static const struct frame_case cases[] = {
        {"SYN of others", FOUR("06", TCP("c001", "1f90", "02")), true},
        {"SYN-ACK of others", FOUR("06", TCP("1f90", "c001", "12")), true},
        {"FIN of others", FOUR("06", TCP("c001", "1f90", "11")), true},
        {"RST of others", FOUR("06", TCP("c001", "1f90", "04")), true},
        {"data of others", FOUR("06", TCP("c001", "1f90", "18")), false},
        {"data to 5800", FOUR("06", TCP("c001", "16a8", "18")), true},
        {"data from 5800", FOUR("06", TCP("16a8", "c001", "18")), true},
        {"UDP to 8080", FOUR("11", UDP("c001", "1f90")), true},
        {"UDP of others", FOUR("11", UDP("c001", "0045")), false},
        {"a name looked up", FOUR("11", UDP("c001", "0035")), true},
        {"later fragment", MACS "0800" IP4("11", "0010") "0000000000000000", true},
        {"ICMP", FOUR("01", "0301000000000000"), true},
        {"GRE", FOUR("2f", "00000800"), true},
        {"6in4", FOUR("29", "60000000"), true},
        {"VXLAN", FOUR("11", UDP("c001", "12b5")), true},
        {"ARP",
         MACS "0806"
              "0001080006040001",
         true},
        {"IPv6 SYN", SIX("06", TCP("c001", "1f90", "02")), true},
        {"IPv6 RST", SIX("06", TCP("c001", "1f90", "14")), true},
        {"IPv6 data", SIX("06", TCP("c001", "1f90", "18")), false},
        {"IPv6 data to 5800", SIX("06", TCP("c001", "16a8", "18")), true},
        {"IPv6 fragment", SIX("2c", "0600000000000000"), true},
        {"ICMPv6", SIX("3a", "0101000000000000"), true},
        {"VLAN SYN",
         MACS "81000005"
              "0800" IP4("06", "0000") TCP("c001", "1f90", "02"),
         true},
        {"VLAN data",
         MACS "81000005"
              "0800" IP4("06", "0000") TCP("c001", "1f90", "18"),
         false},
        {"VLAN 5800",
         MACS "81000005"
              "0800" IP4("06", "0000") TCP("c001", "16a8", "18"),
         true},
        {"QinQ 5800",
         MACS "88a80005"
              "81000006"
              "0800" IP4("06", "0000") TCP("c001", "16a8", "18"),
         true},
        {"QinQ data",
         MACS "88a80005"
              "81000006"
              "0800" IP4("06", "0000") TCP("c001", "1f90", "18"),
         false},
        {"VLAN IPv6 SYN",
         MACS "81000005"
              "86dd"
              "600000000014"
              "06"
              "40" ADDRESS6 TCP("c001", "1f90", "02"),
         true},
        {"VLAN IPv6 data",
         MACS "81000005"
              "86dd"
              "600000000014"
              "06"
              "40" ADDRESS6 TCP("c001", "1f90", "18"),
         false},
        {"PPPoE",
         MACS "8864"
              "110000010016"
              "0021",
         true},
        {"LLDP",
         MACS "88cc"
              "0207",
         false},
    };
    struct error error = {""};
    struct profiles *profiles = load(NULL, 0, NULL, 0, NULL, 0, &error);
    char *text = profiles_kernel_filter(profiles, DLT_EN10MB);
    assert_non_null(text);
    pcap_t *handle = pcap_open_dead(DLT_EN10MB, 65535);
    struct bpf_program program;
    assert_int_equal(pcap_compile(handle, &program, text, 1, PCAP_NETMASK_UNKNOWN), 0);
    assert_true(program.bf_len < 4096);
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t bytes[256];
        unsigned length = (unsigned)from_hex(cases[i].hex, bytes, sizeof bytes);
        const struct pcap_pkthdr header = {.caplen = length, .len = length};
        bool kept = pcap_offline_filter(&program, &header, bytes) != 0;
        if (kept != cases[i].kept)
            fail_msg("%s: %s", cases[i].what, kept ? "kept" : "dropped");
    }
    pcap_freecode(&program);
    pcap_close(handle);
    free(text);
    profiles_free(profiles);
}

static void filter_for_every_link_type(void **state)
{
    (void)state;
    static const struct {
        int dlt;
        bool tagged;
    } cases[] = {{DLT_EN10MB, true}, {DLT_LINUX_SLL, false}, {DLT_LINUX_SLL2, false},
                 {DLT_RAW, false},   {DLT_NULL, false},      {DLT_PPP, false},
                 {DLT_IPV4, false},  {DLT_IPV6, false},      {DLT_IEEE802_11_RADIO, true}};
    struct error error = {""};
    struct profiles *profiles = load(NULL, 0, NULL, 0, NULL, 0, &error);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = profiles_kernel_filter(profiles, cases[i].dlt);
        if (!text)
            fail_msg("no filter for link type %d", cases[i].dlt);
        if (cases[i].tagged != (strstr(text, "vlan") != NULL))
            fail_msg("link type %d: %s", cases[i].dlt, text);
        free(text);
    }
    assert_null(profiles_kernel_filter(profiles, DLT_USB_LINUX));
    profiles_free(profiles);
}

/* More ports than the filter names one by one: the transport is kept whole. */
static void filter_of_many_ports(void **state)
{
    (void)state;
    char own[64], text[8192];
    struct error error = {""};
    size_t used = (size_t)sprintf(text, "{\"name\": \"p\", \"title\": \"P\", \"services\": [");
    for (unsigned i = 0; i < 5; i++) {
        used += (size_t)sprintf(
            text + used, "%s{\"name\": \"s%u\", \"proto\": \"udp\", \"ports\": [", i ? "," : "", i);
        for (unsigned port = 0; port < 16; port++)
            used +=
                (size_t)sprintf(text + used, "%s%u", port ? "," : "", 20000 + 2 * (i * 16 + port));
        used += (size_t)sprintf(text + used, "]}");
    }
    sprintf(text + used, "]}");
    write_file(own, text);
    const char *const files[] = {own};
    struct profiles *profiles = load(NULL, 0, files, 1, NULL, 0, &error);
    assert_string_equal(error.text, "");
    char *filter = profiles_kernel_filter(profiles, DLT_EN10MB);
    assert_non_null(strstr(filter, " or udp or "));
    assert_non_null(strstr(filter, " or tcp port 5800"));
    free(filter);
    profiles_free(profiles);
    unlink(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_in_profiles),
        cmocka_unit_test(vendors_words),
        cmocka_unit_test(a_vendors_name_holds_where_its_picture_does),
        cmocka_unit_test(errors_name_the_place),
        cmocka_unit_test(pins),
        cmocka_unit_test(unknown_names),
        cmocka_unit_test(port_overrides),
        cmocka_unit_test(own_files),
        cmocka_unit_test(listing),
        cmocka_unit_test(filter_keeps_what_decides),
        cmocka_unit_test(filter_for_every_link_type),
        cmocka_unit_test(filter_of_many_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
