/* The command line: what is accepted, what is refused and with which words. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/options.h"

enum { ARGUMENTS_MAX = 40, LINE_SIZE = 512 };

/* A parsed line; its words stay as long as the options, which point at them. */
struct parsed {
    char line[LINE_SIZE];
    char *argv[ARGUMENTS_MAX + 2];
    int argc;
    struct options options;
    struct error error;
    enum options_result result;
};

/* Words are divided by single blanks; "''" is an empty word. */
static void parse(struct parsed *parsed, const char *line)
{
    memset(parsed, 0, sizeof *parsed);
    snprintf(parsed->line, sizeof parsed->line, "%s", line);
    parsed->argv[parsed->argc++] = "fwsniff";
    for (char *word = strtok(parsed->line, " "); word; word = strtok(NULL, " ")) {
        assert_true(parsed->argc <= ARGUMENTS_MAX);
        parsed->argv[parsed->argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
    }
    parsed->result = options_parse(parsed->argc, parsed->argv, &parsed->options, &parsed->error);
}

static void parse_good(struct parsed *parsed, const char *line)
{
    parse(parsed, line);
    if (parsed->result != OPTIONS_RUN)
        fail_msg("%s: %s", line, parsed->error.text);
}

static void test_results(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum options_result result;
    } cases[] = {
        {"-i eth0", OPTIONS_RUN},
        {"--interface=any", OPTIONS_RUN},
        {"-r a.pcap", OPTIONS_RUN},
        {"-r -", OPTIONS_RUN},
        {"-h", OPTIONS_HELP},
        {"--help", OPTIONS_HELP},
        {"-r a.pcap -h --bogus", OPTIONS_HELP},
        {"-V", OPTIONS_VERSION},
        {"--version", OPTIONS_VERSION},
        {"-D", OPTIONS_LIST_INTERFACES},
        {"--list-profiles", OPTIONS_LIST_PROFILES},
        {"--list-profiles --rules /tmp", OPTIONS_LIST_PROFILES},
        {"", OPTIONS_ERROR},
        {"--bogus -h", OPTIONS_ERROR},
        {"-r a -r b", OPTIONS_RUN},
        {"-r a --json", OPTIONS_RUN},
        {"-r a --json=/tmp/x", OPTIONS_RUN},
        {"-i any --json --ndjson=/tmp/x", OPTIONS_RUN},
        {"-r a@b --vantage a@b@server", OPTIONS_RUN},
        {"-i eth0 --vantage server", OPTIONS_RUN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct parsed parsed;
        parse(&parsed, cases[i].line);
        if (parsed.result != cases[i].result)
            fail_msg("'%s': result %d, %s", cases[i].line, parsed.result, parsed.error.text);
        options_free(&parsed.options);
    }
}

/* Every way to be wrong: the message names the option, the value, and what was expected. */
static void test_errors(void **state)
{
    (void)state;
    static const struct {
        const char *line, *message; /* a part of it */
    } cases[] = {
        {"", "nothing to analyze: give -i INTERFACE or -r FILE"},
        {"tcp port 80", "nothing to analyze"},
        {"-i eth0 -r a.pcap", "-i eth0 and -r a.pcap exclude each other"},
        {"-i eth0 -i eth1", "option --interface: 'eth1' is one interface too many"},
        {"-i ''", "option --interface: '' is not an interface"},
        {"-r ''", "option --read: '' is not a file"},
        {"-r a -r a", "option --read: 'a' is given twice"},
        {"-r", "option --read needs a value: FILE"},
        {"-r a --port", "option --port needs a value: PROFILE=PROTO/PORT"},
        {"-r a --bogus", "unknown or ambiguous option '--bogus'"},
        {"-r a --bogus=3", "unknown or ambiguous option '--bogus=3'"},
        {"-r a --pro", "unknown or ambiguous option '--pro'"},
        {"-r a -x", "unknown option '-x'"},
        {"-r a -nxv", "unknown option '-x'"},
        {"-r a --quiet=3", "option --quiet takes no value ('--quiet=3')"},
        {"-r a --html", "option --html needs a value: FILE"},
        {"-r a --html=", "option --html: '' is not a file"},
        {"-r a --html=x --html=y", "option --html is given twice"},
        {"-r a --html=x --evidence=x", "options --html and --evidence both write to x"},
        {"-r a --markdown --json", "options --json and --markdown both write to standard output"},
        {"-r a --evidence=a", "option --evidence: 'a' is the capture to be read"},
        {"-r a --evidence=-", "a capture does not go to standard output"},
        {"-r a --anonymize=short", "option --anonymize: 'short' is not a key"},
        {"-r a --anonymize=@/nonexistent/key",
         "option --anonymize: /nonexistent/key: No such file"},
        {"-r a --anonymize=@/dev/null", "option --anonymize: /dev/null: the file is empty"},
        {"-r a --strip-payload=x", "option --strip-payload takes no value"},
        {"batch captures", "nothing to analyze"}, /* only as the first word: main.c */
        {"-r a -p ''", "option --profile: '' is not NAME[,NAME...]"},
        {"-r a -p druva,", "option --profile: 'druva,' is not NAME"},
        {"-r a -p ,druva", "option --profile: ',druva' is not NAME"},
        {"-r a --profile-file ''", "option --profile-file: '' is not a profile file"},
        {"-r a --rules ''", "option --rules: '' is not a directory"},
        {"-r a --pin syncrify", "'syncrify' is not PROFILE=sha256:FINGERPRINT"},
        {"-r a --pin syncrify=sha1:12", "'syncrify=sha1:12' is not"},
        {"-r a --pin =issuer:x", "'=issuer:x' is not"},
        {"-r a --port syncrify", "option --port: 'syncrify' is not PROFILE=PROTO/PORT"},
        {"-r a --port syncrify=9443", "'syncrify=9443' is not"},
        {"-r a --port syncrify=tcp/", "'syncrify=tcp/' is not"},
        {"-r a --port syncrify=tcp/0", "'syncrify=tcp/0' is not"},
        {"-r a --port syncrify=tcp/65536", "'syncrify=tcp/65536' is not"},
        {"-r a --port syncrify=tcp/-1", "'syncrify=tcp/-1' is not"},
        {"-r a --port syncrify=tcp/9443x", "'syncrify=tcp/9443x' is not"},
        {"-r a --port syncrify=sctp/9443", "'syncrify=sctp/9443' is not"},
        {"-r a --port =tcp/9443", "'=tcp/9443' is not"},
        {"-r a --vantage nowhere", "option --vantage: 'nowhere' is not [FILE@]WHERE"},
        {"-r a --vantage @client", "'@client' is not"},
        {"-r a --vantage a@", "'a@' is not"},
        {"-r a --vantage b@client", "'b@client' names a file that -r does not"},
        {"-i e --vantage b@client", "'b@client' names a file that -r does not"},
        {"-r a -r b --vantage client", "which of the 2 captures; expected FILE@client"},
        {"-r a --vantage client --vantage server", "'client' and 'server' for the same capture"},
        {"-r a --vantage client --vantage a@server", "'client' and 'server' for the same"},
        {"-r a --vantage a@isp --vantage a@span", "'isp' and 'span' for the same capture"},
        {"-r a --local-net 10.0.0.0/33", "option --local-net: '10.0.0.0/33' is not CIDR"},
        {"-r a --local-net here", "'here' is not CIDR"},
        {"-r a --nat 203.0.113.2", "option --nat: '203.0.113.2' is not PUBLIC=PRIVATE"},
        {"-r a --nat 203.0.113.2=", "'203.0.113.2=' is not"},
        {"-r a --nat =10.0.0.1", "'=10.0.0.1' is not"},
        {"-r a --nat 203.0.113.2=10.0.0.1x", "'203.0.113.2=10.0.0.1x' is not"},
        {"-r a --expect ''", "option --expect: '' is not CLIENT[:SERVER]"},
        {"-r a --expect client", "'client' is not CLIENT[:SERVER]"},
        {"-r a --expect 10.0.0.1:", "'10.0.0.1:' is not"},
        {"-r a --expect :10.0.0.1", "':10.0.0.1' is not"},
        {"-r a --expect 10.0.0.1:10.0.0.0/8", "'10.0.0.1:10.0.0.0/8' is not"},
        {"-r a --expect 10.0.0.1:2001:db8::1", "'10.0.0.1:2001:db8::1' is not"},
        {"-r a --expect [2001:db8::1", "'[2001:db8::1' is not"},
        {"-r a --expect [2001:db8::1]x:[::2]", "'[2001:db8::1]x:[::2]' is not"},
        {"-r a --expect []", "'[]' is not"},
        {"-r a --expect 10.0.0.1:[2001:db8::1]", "is not a pair of the same IP version"},
        {"-r a --json=", "option --json: '' is not a file"},
        {"-r a --json --json=x", "option --json is given twice"},
        {"-r a --ndjson", "option --ndjson is for live captures (-i) only"},
        {"-i e --ndjson --json", "options --json and --ndjson both write to standard output"},
        {"-i e --ndjson=x --json=x", "options --json and --ndjson both write to x"},
        {"-r a --json=a", "option --json: 'a' is the capture to be read"},
        {"-r /etc/passwd --json=/etc/../etc/passwd", "is the capture to be read"},
        {"-r a --explain=", "option --explain: '' is not the id of a finding"},
        {"-r a --explain=C0FFEE12", "'C0FFEE12' is not the id"},
        {"-r a --explain=c0ffee1", "'c0ffee1' is not the id"},
        {"-r a --color", "option --color needs a value: WHEN"},
        {"-r a --color red", "option --color: 'red' is not auto, always or never"},
        {"-i e -d 0", "option --duration: '0' is not a time"},
        {"-i e -d 5x", "'5x' is not a time, as in 30, 30s, 5m, 1h or 1d"},
        {"-i e -d -5", "'-5' is not a time"},
        {"-i e -d 5mm", "'5mm' is not a time"},
        {"-i e -d 99999999999d", "'99999999999d' is not a time"},
        {"-i e -d 99999999999999999999", "'99999999999999999999' is not a time"},
        {"-r a -d 5m", "option --duration is for live captures (-i) only"},
        {"-r a --promisc", "option --promisc is for live captures (-i) only"},
        {"-r a -s 100", "option --snaplen is for live captures (-i) only"},
        {"-r a -B 100", "option --buffer-size is for live captures (-i) only"},
        {"-r a -c 0", "option --count: '0' is not a number of packets"},
        {"-r a -c ten", "'ten' is not a number"},
        {"-r a -c 99999999999999999999", "is not a number of packets"},
        {"-r a --max-flows 0", "option --max-flows: '0' is not a number of flows"},
        {"-r a --max-flows 4294967296", "is not a number of flows"},
        {"-i e -s 262145", "option --snaplen: '262145' is not a number of bytes"},
        {"-i e -B 0", "option --buffer-size: '0' is not a size"},
        {"-i e -B 2G", "option --buffer-size: '2G' is not a size below 2 GiB"},
        {"-i e -B 16MB", "'16MB' is not a size"},
        {"-i e -B 18446744073709551615G", "is not a size"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct parsed parsed;
        parse(&parsed, cases[i].line);
        if (parsed.result != OPTIONS_ERROR || !strstr(parsed.error.text, cases[i].message))
            fail_msg("'%s': result %d, message '%s'", cases[i].line, parsed.result,
                     parsed.error.text);
        assert_null(strchr(parsed.error.text, '\n'));
        options_free(&parsed.options);
    }
}

static void test_explain(void **state)
{
    (void)state;
    struct parsed parsed;
    parse_good(&parsed, "-r a --explain");
    assert_string_equal(parsed.options.explain, "");
    options_free(&parsed.options);
    parse_good(&parsed, "-r a --explain=c0ffee12 host 10.0.0.1");
    assert_string_equal(parsed.options.explain, "c0ffee12");
    assert_string_equal(parsed.options.filter, "host 10.0.0.1");
    options_free(&parsed.options);
}

static void test_defaults(void **state)
{
    (void)state;
    struct parsed parsed;
    parse_good(&parsed, "-i eth0");
    const struct options *options = &parsed.options;
    assert_string_equal(options->interface, "eth0");
    assert_int_equal(options->snaplen, SNAPLEN_DEFAULT);
    assert_false(options->promiscuous || options->numeric || options->quiet);
    assert_int_equal(options->file_count + options->profile_count + options->port_count, 0);
    assert_null(options->filter);
    assert_null(options->json);
    assert_null(options->ndjson);
    assert_null(options->explain);
    assert_int_equal(options->duration_ns, 0);
    assert_int_equal(options->max_flows, 0);
    assert_int_equal(options->colour, COLOUR_AUTO);
    assert_false(options_stdout_taken(options));
    options_free(&parsed.options);
}

static void test_values(void **state)
{
    (void)state;
    struct parsed parsed;
    parse_good(&parsed, "-i any -p syncrify,druva --profile=mtpip --profile-file own.json "
                        "--port syncrify=tcp/9443 --port mtpip=udp/8082 --rules here -d 5m -c 10 "
                        "-B 16M -s 0 --promisc --max-flows 1000 -vv -nq --color never");
    const struct options *options = &parsed.options;
    assert_int_equal(options->profile_count, 3);
    assert_string_equal(options->profiles[0], "syncrify");
    assert_string_equal(options->profiles[1], "druva");
    assert_string_equal(options->profiles[2], "mtpip");
    assert_string_equal(options->profile_files[0], "own.json");
    assert_int_equal(options->port_count, 2);
    assert_string_equal(options->ports[0].profile, "syncrify");
    assert_int_equal(options->ports[0].proto, PROTO_TCP);
    assert_int_equal(options->ports[0].port, 9443);
    assert_int_equal(options->ports[1].proto, PROTO_UDP);
    assert_string_equal(options->rules_directory, "here");
    assert_true(options->duration_ns == 300 * INT64_C(1000000000));
    assert_int_equal(options->packet_limit, 10);
    assert_int_equal(options->buffer_bytes, 16 << 20);
    assert_int_equal(options->snaplen, SNAPLEN_DEFAULT);
    assert_int_equal(options->max_flows, 1000);
    assert_int_equal(options->verbosity, 2);
    assert_true(options->promiscuous && options->numeric && options->quiet);
    assert_int_equal(options->colour, COLOUR_NEVER);
    options_free(&parsed.options);
}

static void test_durations_and_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int64_t seconds;
        int bytes;
    } cases[] = {
        {"-i e -d 30", 30, 0},     {"-i e -d 30s", 30, 0},       {"-i e -d 1h", 3600, 0},
        {"-i e -d2d", 172800, 0},  {"-i e -B 4096", 0, 4 << 20}, {"-i e -B 8k", 0, 8192},
        {"-i e -B1G", 0, 1 << 30},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct parsed parsed;
        parse_good(&parsed, cases[i].line);
        assert_true(parsed.options.duration_ns == cases[i].seconds * 1000000000);
        assert_int_equal(parsed.options.buffer_bytes, cases[i].bytes);
        options_free(&parsed.options);
    }
}

static void test_filter(void **state)
{
    (void)state;
    static const struct {
        const char *line, *filter;
    } cases[] = {
        {"-r a tcp port 80", "tcp port 80"},    {"tcp port 80 -r a -v", "tcp port 80"},
        {"tcp -r a port -v 80", "tcp port 80"}, {"-r a -- -v", "-v"},
        {"-r a --json port 80", "port 80"}, /* the file of --json comes only with '=' */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct parsed parsed;
        parse_good(&parsed, cases[i].line);
        assert_non_null(parsed.options.filter);
        assert_string_equal(parsed.options.filter, cases[i].filter);
        options_free(&parsed.options);
    }
}

static void test_site(void **state)
{
    (void)state;
    struct parsed parsed;
    struct ip_address address;
    parse_good(&parsed, "-r a.pcap -r b@c.pcap --vantage a.pcap@client --vantage b@c.pcap@edge-wan "
                        "--local-net 192.168.0.0/16 --local-net 2001:db8::/32 "
                        "--nat 203.0.113.2=192.168.1.10");
    const struct options *options = &parsed.options;
    assert_int_equal(options->file_count, 2);
    assert_int_equal(options->vantage_count, 2);
    assert_string_equal(options->vantages[1].file, "b@c.pcap");
    assert_int_equal(options->vantages[1].kind, VANTAGE_EDGE_WAN);
    assert_int_equal(options->local_net_count, 2);
    assert_int_equal(options->local_nets[0].prefix, 96 + 16);
    assert_true(ip_parse("192.168.1.10", &address));
    assert_true(ip_equal(&options->nats[0].private_side, &address));
    assert_true(ip_parse("203.0.113.2", &address));
    assert_true(ip_equal(&options->nats[0].public_side, &address));
    options_free(&parsed.options);
}

static void test_expect(void **state)
{
    (void)state;
    static const struct {
        const char *value, *client;
        int prefix;
        const char *server; /* NULL: none */
    } cases[] = {
        {"198.51.100.7", "198.51.100.7", 128, NULL},
        {"198.51.100.0/24", "198.51.100.0", 120, NULL},
        {"198.51.100.7:10.0.0.1", "198.51.100.7", 128, "10.0.0.1"},
        {"198.51.100.0/24:10.0.0.1", "198.51.100.0", 120, "10.0.0.1"},
        {"2001:db8::1", "2001:db8::1", 128, NULL},
        {"2001:db8::/32", "2001:db8::", 32, NULL},
        {"[2001:db8::1]", "2001:db8::1", 128, NULL},
        {"[2001:db8::/32]", "2001:db8::", 32, NULL},
        {"[2001:db8::]/32", "2001:db8::", 32, NULL},
        {"[2001:db8::1]:[2001:db8::2]", "2001:db8::1", 128, "2001:db8::2"},
        {"[2001:db8::]/32:[2001:db8::2]", "2001:db8::", 32, "2001:db8::2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct parsed parsed;
        struct ip_address address;
        char line[128];
        snprintf(line, sizeof line, "-r a --expect %s", cases[i].value);
        parse_good(&parsed, line);
        const struct expectation *expectation = &parsed.options.expectations[0];
        assert_true(ip_parse(cases[i].client, &address));
        assert_true(ip_equal(&expectation->client.address, &address));
        assert_int_equal(expectation->client.prefix, cases[i].prefix);
        assert_int_equal(expectation->has_server, cases[i].server != NULL);
        if (cases[i].server) {
            assert_true(ip_parse(cases[i].server, &address));
            assert_true(ip_equal(&expectation->server, &address));
        }
        options_free(&parsed.options);
    }
}

static void test_outputs(void **state)
{
    (void)state;
    struct parsed parsed;
    parse_good(&parsed, "-r a --json=report.json");
    assert_string_equal(parsed.options.json, "report.json");
    assert_false(options_stdout_taken(&parsed.options));
    options_free(&parsed.options);
    parse_good(&parsed, "-r - --json");
    assert_string_equal(parsed.options.json, "-");
    assert_true(options_stdout_taken(&parsed.options));
    options_free(&parsed.options);
    parse_good(&parsed, "-r - --markdown --html=x --evidence=y");
    assert_true(options_stdout_taken(&parsed.options));
    assert_string_equal(parsed.options.html, "x");
    assert_string_equal(parsed.options.evidence, "y");
    assert_false(parsed.options.strip_payload);
    options_free(&parsed.options);
    parse_good(&parsed, "-r - --anonymize");
    assert_true(parsed.options.anonymize && parsed.options.strip_payload);
    assert_null(parsed.options.anonymize_key);
    options_free(&parsed.options);
    parse_good(&parsed, "-i any --ndjson");
    assert_true(options_stdout_taken(&parsed.options));
    options_free(&parsed.options);
}

static void test_colour(void **state)
{
    (void)state;
    struct options options = {.colour = COLOUR_ALWAYS};
    setenv("NO_COLOR", "1", 1);
    assert_true(options_colour(&options, STDOUT_FILENO)); /* the option is nearer than NO_COLOR */
    options.colour = COLOUR_AUTO;
    assert_false(options_colour(&options, STDOUT_FILENO));
    unsetenv("NO_COLOR");
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_false(options_colour(&options, pipes[1])); /* no terminal */
    close(pipes[0]);
    close(pipes[1]);
}

/* Two command lines may be there at once; getopt's own state must not leak into the next. */
static void test_repeated(void **state)
{
    (void)state;
    struct parsed first, second;
    parse_good(&first, "-r a -v port 1");
    parse(&second, "-r b -nx");
    options_free(&second.options);
    parse_good(&second, "-r b -n port 2");
    assert_string_equal(first.options.filter, "port 1");
    assert_string_equal(second.options.filter, "port 2");
    assert_string_equal(first.options.files[0], "a");
    options_free(&first.options);
    options_free(&second.options);
}

static void test_help(void **state)
{
    (void)state;
    static const char *const words[] = {
        "--interface", "--read",          "--profile",     "--profile-file", "--port",
        "--vantage",   "--local-net",     "--nat",         "--expect",       "--json",
        "--ndjson",    "--color",         "--duration",    "--count",        "--rules",
        "--max-flows", "--snaplen",       "--promisc",     "--version",      "--help",
        "-D",          "--list-profiles", "--buffer-size", "--html",         "--markdown",
        "--evidence",  "--strip-payload", "--anonymize",   "--explain"};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_true(options_write_help(out));
    fclose(out);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strstr(text, words[i]))
            fail_msg("%s is missing", words[i]);
    assert_null(strstr(text, "--batch")); /* a command, not an option */
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        assert_true(strlen(line) <= 80);
    free(text);
    out = fopen("/dev/full", "w");
    assert_false(options_write_help(out));
    fclose(out);
}

static void test_version_and_error(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_true(options_write_version(out, "libpcap version 1.10.3 (with TPACKET_V3)", "4.2.0"));
    fclose(out);
    assert_string_equal(text, "fwsniff " FWSNIFF_VERSION
                              "\nlibpcap 1.10.3 (with TPACKET_V3)\nnDPI 4.2.0\n");
    free(text);
    struct parsed parsed;
    parse(&parsed, "-r a --color \033[31m");
    out = open_memstream(&text, &size);
    options_write_error(out, &parsed.error);
    fclose(out);
    assert_string_equal(text, "fwsniff: option --color: '\\x1b[31m' is not auto, always or never\n"
                              "Try 'fwsniff --help'\n");
    free(text);
    options_free(&parsed.options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),  cmocka_unit_test(test_errors),
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_explain),
        cmocka_unit_test(test_values),   cmocka_unit_test(test_durations_and_sizes),
        cmocka_unit_test(test_filter),   cmocka_unit_test(test_site),
        cmocka_unit_test(test_expect),   cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_colour),   cmocka_unit_test(test_repeated),
        cmocka_unit_test(test_help),     cmocka_unit_test(test_version_and_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
