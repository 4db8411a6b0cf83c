/* FTP: what a control connection says, and the data connections that are tied to it. */
#include "analyzer/flow/ftp.h"
#include "analyzer/flow/ftp_expected.h"
#include "dissectors/ftp.h"
#include "tests/unit/scene.h"

/* --- lines --- */

static struct ftp_endpoint endpoint;

static enum ftp_word command(const char *line)
{
    endpoint = (struct ftp_endpoint){0};
    return ftp_command(line, strlen(line), &endpoint);
}

static bool told(const char *line)
{
    return ftp_reply_endpoint(line, strlen(line), &endpoint);
}

static void is_endpoint(const char *address, uint16_t port)
{
    char text[IP_ADDRESS_TEXT];
    assert_int_equal(endpoint.port, port);
    assert_int_equal(endpoint.has_address, address != NULL);
    if (address)
        assert_string_equal(ip_text(&endpoint.address, text), address);
}

static void commands(void **state)
{
    (void)state;
    assert_int_equal(command("USER backup"), FTP_OTHER_COMMAND);
    assert_int_equal(command("retr a b"), FTP_TRANSFER);
    assert_int_equal(command("EPSV ALL"), FTP_PASSIVE);
    assert_int_equal(command("AUTH TLS"), FTP_ENCRYPT);
    assert_int_equal(command("\xff\xf4\xff\xf2"
                             "ABOR"),
                     FTP_LEAVE);
    assert_int_equal(command("GET / HTTP/1.1"), FTP_NO_COMMAND);
    assert_int_equal(command(""), FTP_NO_COMMAND);
    assert_int_equal(command("USERX"), FTP_NO_COMMAND);
    assert_int_equal(command("PORT 192,168,1,10,195,80"), FTP_ACTIVE);
    is_endpoint("192.168.1.10", 50000);
    assert_int_equal(command("EPRT |1|132.235.1.2|6275|"), FTP_ACTIVE);
    is_endpoint("132.235.1.2", 6275);
    assert_int_equal(command("EPRT |2|2001:db8::7|5282|"), FTP_ACTIVE);
    is_endpoint("2001:db8::7", 5282);
}

static void broken_endpoints(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "PORT",
        "PORT 1,2,3,4,5",
        "PORT 1,2,3,4,5,256",
        "PORT 256,2,3,4,5,6",
        "PORT 1,2,3,4,0",
        "PORT 1,2,3,4,0,0",
        "EPRT |1|1.2.3.4|",
        "EPRT |1|1.2.3.4|70000|",
        "EPRT |1|x|80|",
        "EPRT 1",
        "EPRT |||99999999999999999999|",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(command(bad[i]), FTP_OTHER_COMMAND);
    assert_false(told("227"));
    assert_false(told("227 Entering Passive Mode"));
    assert_false(told("227 Entering Passive Mode (1,2,3,4,5"));
    assert_false(told("229 Extended (|||0|)"));
    assert_false(told("229 Extended"));
}

static void replies(void **state)
{
    (void)state;
    assert_int_equal(ftp_reply("220 hello", 9), 220);
    assert_int_equal(ftp_reply("220", 3), 220);
    assert_int_equal(ftp_reply("220-more", 8), 0);
    assert_int_equal(ftp_reply("22", 2), -1);
    assert_int_equal(ftp_reply("HTTP/1.1 200", 12), -1);
    assert_true(told("227 Entering Passive Mode (10,0,0,5,195,81)"));
    is_endpoint("10.0.0.5", 50001);
    assert_true(told("227 Passive 10,0,0,5,195,81"));
    is_endpoint("10.0.0.5", 50001);
    assert_true(told("229 Entering Extended Passive Mode (|||50002|)"));
    is_endpoint(NULL, 50002);
}

/* --- connections --- */

enum { DATA_PORT = 50000 };
#define PASSIVE "227 Entering Passive Mode (203,0,113,2,195,80)\r\n"
#define PRIVATE "227 Entering Passive Mode (192,168,7,2,195,80)\r\n"

static struct talk control_of(struct scene *scene, uint16_t client_port)
{
    struct talk talk = scene_talk(scene, "10.0.0.7", client_port, "203.0.113.2", 21);
    scene_handshake(&talk, 0);
    SERVER_SENDS(&talk, .at = 0.1, .flags = "PA", .payload = "220 ready\r\n");
    CLIENT_SENDS(&talk, .at = 0.2, .flags = "PA", .payload = "PASV\r\n");
    return talk;
}

static struct attempt *data_syn(struct scene *scene, const char *to, double at, int syns)
{
    struct talk data = scene_talk(scene, "10.0.0.7", 51000, to, DATA_PORT);
    return scene_unanswered(&data, at, syns);
}

static void agreed_data_connection(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = control_of(scene, 50001);
    struct attempt *control = SERVER_SENDS(&talk, .at = 0.3, .flags = "PA", .payload = PASSIVE);
    assert_non_null(control->ftp);
    assert_int_equal(control->ftp->port, DATA_PORT);
    struct attempt *data = data_syn(scene, "203.0.113.2", 0.4, 3);
    assert_non_null(data);
    assert_int_equal(data->control, control->number);
    assert_false(data->backwards);
    assert_true(control->ftp->seen);
    /* somebody else's SYN to the same port is none of it */
    struct talk other = scene_talk(scene, "10.0.0.8", 51000, "203.0.113.2", DATA_PORT);
    assert_null(scene_unanswered(&other, 1, 1));
    /* told as one failure of the control connection's ends */
    const struct diagnosis *diagnosis = scene_diagnose(scene, 20);
    assert_int_equal(diagnosis->count, 1);
    assert_int_equal(diagnosis->findings[0]->symptom, SYMPTOM_FTP_DATA_FAILED);
    assert_int_equal(diagnosis->findings[0]->server_port, 21);
    scene_end(scene);
}

static void split_over_segments(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = control_of(scene, 50001);
    for (size_t i = 0; i < sizeof PASSIVE - 1; i++) {
        const char byte[2] = {PASSIVE[i], '\0'};
        SERVER_SENDS(&talk, .at = 0.3 + (double)i / 1000, .flags = "PA", .payload = byte);
    }
    struct attempt *data = data_syn(scene, "203.0.113.2", 0.6, 1);
    assert_non_null(data);
    assert_true(data->control);
    scene_end(scene);
}

static void announced_private_address(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = control_of(scene, 50001);
    SERVER_SENDS(&talk, .at = 0.3, .flags = "PA", .payload = PRIVATE);
    assert_non_null(data_syn(scene, "192.168.7.2", 0.4, 3));
    struct study *study = scene_study(scene, 20);
    const struct fact *facts = scene_facts(study);
    assert_string_equal(fact_word(facts, FACT_SYMPTOM), "ftp-data-failed");
    assert_string_equal(fact_word(facts, FACT_FTP_MODE), "passive");
    assert_string_equal(fact_word(facts, FACT_FTP_ADDRESS), "private");
    assert_string_equal(fact_word(facts, FACT_FTP_DATA), "silent");
    scene_study_end(study);
    scene_end(scene);
}

static void active_mode(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = control_of(scene, 50001);
    CLIENT_SENDS(&talk, .at = 0.3, .flags = "PA", .payload = "PORT 10,0,0,7,199,56\r\n");
    SERVER_SENDS(&talk, .at = 0.32, .flags = "PA", .payload = "200 ok\r\n");
    struct talk data = scene_talk(scene, "203.0.113.2", 20, "10.0.0.7", 51000);
    struct attempt *attempt = scene_unanswered(&data, 0.5, 3);
    assert_non_null(attempt);
    assert_true(attempt->backwards);
    const struct diagnosis *diagnosis = scene_diagnose(scene, 20);
    assert_int_equal(diagnosis->count, 1);
    struct ip_address client = scene_address("10.0.0.7");
    assert_true(ip_equal(&diagnosis->findings[0]->client, &client));
    assert_int_equal(diagnosis->findings[0]->symptom, SYMPTOM_FTP_DATA_FAILED);
    scene_end(scene);
}

/* The snap length leaves the address of a PORT command, or not even that. */
static void cut_commands(void **state)
{
    (void)state;
    static const struct {
        const char *line, *address;
    } cases[] = {
        {"PORT 10,1,2,3,199,", "10.1.2.3"},
        {"port 10,1,2,3,", "10.1.2.3"},
        {"PORT 10,1,2,3", NULL},
        {"PORT ", NULL},
        {"EPRT |1|132.235.1.2|62", "132.235.1.2"},
        {"EPRT |2|2001:db8::7|", "2001:db8::7"},
        {"EPRT |2|2001:db8::7", NULL},
        {"EPRT ", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(ftp_command_cut(cases[i].line, strlen(cases[i].line), &endpoint));
        is_endpoint(cases[i].address, 0);
    }
    assert_false(ftp_command_cut("PORT", 4, &endpoint));
    assert_false(ftp_command_cut("STOR a.very.long.name", 21, &endpoint));
}

static void cut_replies(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int count;
        uint8_t octets[4];
    } cases[] = {
        {"227 Entering Passive Mode (192", 1, {192}},
        {"227 Entering Passive Mode (10,", 1, {10}},
        {"227 Entering Passive Mode (10", 0, {0}},
        /* 100? */ {"227 =10,1,2,3", 3, {10, 1, 2}},
        {"227 =10,1,2,30,", 4, {10, 1, 2, 30}},
        {"227 (10,1,300,", 2, {10, 1}},
        {"227 Entering", 0, {0}},
        {"229 (10,1,", 0, {0}},
        {"227", 0, {0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t octets[4] = {0};
        assert_int_equal(ftp_reply_cut(cases[i].line, strlen(cases[i].line), octets),
                         cases[i].count);
        assert_memory_equal(octets, cases[i].octets, (size_t)cases[i].count);
    }
}

/* Nobody comes, and what was announced is cut within: what is left of it against the address that
 * the client is connected to. */
static void announcement_cut(void **state)
{
    (void)state;
    static const struct {
        const char *client, *server, *announced, *word;
    } cases[] = {
        {"198.51.100.7", "203.0.113.2", "227 Entering (192", "private"},
        {"198.51.100.7", "203.0.113.2", "227 Entering (203", "unknown"},
        {"198.51.100.7", "192.0.2.9", "227 Entering (192", "unknown"},
        {"198.51.100.7", "203.0.113.2", "227 Entering (172,31,", "private"},
        {"198.51.100.7", "203.0.113.2", "227 Entering (172,32,", "unknown"},
        {"198.51.100.7", "10.1.0.2", "227 Entering (10,", "private-inside"},
        {"198.51.100.7", "10.1.0.2", "227 Entering (203", "unknown"},
        {"10.7.0.7", "10.1.0.2", "227 Entering (10,", "unknown"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        struct talk talk = scene_talk(scene, cases[i].client, 50001, cases[i].server, 21);
        scene_handshake(&talk, 0);
        SERVER_SENDS(&talk, .at = 0.1, .flags = "PA", .payload = "220 ready\r\n");
        CLIENT_SENDS(&talk, .at = 0.2, .flags = "PA", .payload = "PASV\r\n");
        SERVER_SENDS(&talk, .at = 0.3, .flags = "PA", .payload = cases[i].announced, .length = 50);
        CLIENT_SENDS(&talk, .at = 0.4, .flags = "PA", .payload = "LIST\r\n");
        SERVER_SENDS(&talk, .at = 5, .flags = "PA", .payload = "425 no connection\r\n");
        struct study *study = scene_study(scene, 60);
        assert_string_equal(fact_word(scene_facts(study), FACT_FTP_ADDRESS), cases[i].word);
        scene_study_end(study);
        scene_end(scene);
    }
}

static void active_mode_cut(void **state)
{
    (void)state;
    static const char *const lines[] = {"PORT 192,168,7,9,199,", "PORT 192,16"};
    for (int i = 0; i < 2; i++) {
        struct scene *scene = scene_new();
        struct talk talk = control_of(scene, 50001);
        CLIENT_SENDS(&talk, .at = 0.3, .flags = "PA", .payload = lines[i], .length = 25);
        struct attempt *control =
            SERVER_SENDS(&talk, .at = 0.32, .flags = "PA", .payload = "200 ok\r\n");
        struct talk data =
            scene_talk(scene, "203.0.113.2", 37000, i ? "10.0.0.7" : "192.168.7.9", 51000);
        struct attempt *attempt = scene_unanswered(&data, 0.5, 3);
        assert_non_null(attempt);
        assert_true(attempt->backwards);
        assert_int_equal(attempt->control, control->number);
        struct study *study = scene_study(scene, 20);
        assert_string_equal(fact_word(scene_facts(study), FACT_FTP_MODE), "active");
        assert_false(scene_facts(study)[FACT_FTP_PORT].known);
        scene_study_end(study);
        scene_end(scene);
    }
}

/* Only the control connection is in the capture. */
static void told_by_the_control_connection(void **state)
{
    (void)state;
    static const struct {
        const char *what, *reply;
        bool quits, fails;
    } cases[] = {
        {"the server had none", "425 cannot open data connection\r\n", true, true},
        {"it worked", "226 done\r\n", true, false},
        {"no such file", "550 no such file\r\n", true, false},
        {"given up after waiting", NULL, false, true},
        {"left politely", NULL, true, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        struct talk talk = control_of(scene, 50001);
        SERVER_SENDS(&talk, .at = 0.3, .flags = "PA", .payload = PASSIVE);
        CLIENT_SENDS(&talk, .at = 0.4, .flags = "PA", .payload = "LIST\r\n");
        if (cases[i].reply)
            SERVER_SENDS(&talk, .at = 5, .flags = "PA", .payload = cases[i].reply);
        if (cases[i].quits)
            CLIENT_SENDS(&talk, .at = 6, .flags = "PA", .payload = "QUIT\r\n");
        SERVER_SENDS(&talk, .at = 6.1, .flags = "A");
        struct attempt *control = scene_close(&talk, 6.2);
        struct detection detection = scene_detect(control, 30);
        if ((detection.symptom == SYMPTOM_FTP_DATA_FAILED) != cases[i].fails)
            fail_msg("%s", cases[i].what);
        scene_end(scene);
    }
}

/* What the server says of a data connection that it never opens. */
static void what_the_server_says_of_it(void **state)
{
    (void)state;
    static const struct {
        const char *reply, *word;
    } cases[] = {{"150 about to open\r\n", "opening"},
                 {"125 already open\r\n", "opening"},
                 {"425 cannot open\r\n", "cannot-open"},
                 {NULL, "unknown"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        struct talk talk = control_of(scene, 50001);
        CLIENT_SENDS(&talk, .at = 0.3, .flags = "PA", .payload = "PORT 10,0,0,7,199,56\r\n");
        SERVER_SENDS(&talk, .at = 0.32, .flags = "PA", .payload = "200 ok\r\n");
        CLIENT_SENDS(&talk, .at = 0.4, .flags = "PA", .payload = "LIST\r\n");
        if (cases[i].reply)
            SERVER_SENDS(&talk, .at = 0.5, .flags = "PA", .payload = cases[i].reply);
        CLIENT_SENDS(&talk, .at = 8, .flags = "FA");
        struct study *study = scene_study(scene, 30);
        const struct fact *facts = scene_facts(study);
        assert_string_equal(fact_word(facts, FACT_FTP_DATA), "never-came");
        assert_string_equal(fact_word(facts, FACT_FTP_REPLY), cases[i].word);
        scene_study_end(study);
        scene_end(scene);
    }
}

/* The capture cut what was agreed on, on either side: the other side does as it was told. */
static void cut_by_the_capture(void **state)
{
    (void)state;
    for (int active = 0; active < 2; active++) {
        struct scene *scene = scene_new();
        struct talk talk =
            scene_talk(scene, active ? "198.51.100.7" : "10.0.0.7", 50001, "203.0.113.2", 21);
        scene_handshake(&talk, 0);
        SERVER_SENDS(&talk, .at = 0.1, .flags = "PA", .payload = "220 ready\r\n");
        if (active)
            CLIENT_SENDS(&talk, .at = 0.2, .flags = "PA", .payload = "port 192,168,7,",
                         .length = 29);
        else
            SERVER_SENDS(&talk, .at = 0.2, .flags = "PA", .payload = "227 Entering (192,",
                         .length = 49);
        struct talk data = active ? scene_talk(scene, "203.0.113.2", 20, "192.168.7.2", 51000)
                                  : scene_talk(scene, "10.0.0.7", 51000, "192.168.7.2", 40000);
        struct attempt *attempt = scene_unanswered(&data, 0.5, 3);
        assert_non_null(attempt);
        assert_int_equal(attempt->backwards, active);
        struct study *study = scene_study(scene, 30);
        const struct fact *facts = scene_facts(study);
        assert_string_equal(fact_word(facts, FACT_FTP_MODE), active ? "active" : "passive");
        assert_string_equal(fact_word(facts, FACT_FTP_ADDRESS), "private");
        assert_int_equal((int)facts[FACT_FTP_PORT].number, active ? 51000 : 40000);
        scene_study_end(study);
        scene_end(scene);
    }
}

static void encrypted(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = control_of(scene, 50001);
    CLIENT_SENDS(&talk, .at = 0.3, .flags = "PA", .payload = "AUTH TLS\r\n");
    struct attempt *control =
        SERVER_SENDS(&talk, .at = 0.4, .flags = "PA", .payload = "234 go on\r\n");
    assert_true(control->ftp->encrypted.frame);
    SERVER_SENDS(&talk, .at = 0.5, .flags = "PA", .payload = "227 no longer read\r\n");
    struct attempt *data = data_syn(scene, "203.0.113.2", 0.6, 3);
    assert_int_equal(data->control, control->number);
    struct study *study = scene_study(scene, 20);
    assert_true(scene_facts(study)[FACT_FTP_ENCRYPTED].number > 0);
    assert_false(scene_facts(study)[FACT_FTP_PORT].known);
    scene_study_end(study);
    scene_end(scene);
}

/* RFC 4217 4: behind the words that agree on it TLS is read as on a port of its own. */
static void tls_behind_auth(void **state)
{
    (void)state;
    static const uint8_t hello[] = {22, 3, 1,    0,    45, 1, 0, 0, 41, 3, 3, [11 + 32] = 0,
                                    0,  2, 0xc0, 0x2f, 1,  0};
    static const uint8_t refuses[] = "234 go on\r\n\x15\3\3\0\2\2\x46";
    for (int way = 0; way < 4; way++) {
        struct scene *scene = scene_new();
        struct talk talk = control_of(scene, 50001);
        if (way == 2) /* not captured */
            talk.next[INITIATOR] += 10;
        else
            CLIENT_SENDS(&talk, .at = 0.3, .flags = "PA", .payload = "AUTH TLS\r\n");
        if (way == 1) /* cut by the snap length */
            SERVER_SENDS(&talk, .at = 0.4, .flags = "PA", .payload = "234 Pro", .length = 40);
        else if (way < 3)
            SERVER_SENDS(&talk, .at = 0.4, .flags = "PA", .payload = "234 go on\r\n");
        CLIENT_SENDS(&talk, .at = 0.5, .flags = "PA", .bytes = hello, .length = sizeof hello);
        struct attempt *control =
            way < 3 ? SERVER_SENDS(&talk, .at = 0.6, .flags = "PA", .bytes = refuses + 11,
                                   .length = sizeof refuses - 12)
                    : SERVER_SENDS(&talk, .at = 0.6, .flags = "PA", .bytes = refuses,
                                   .length = sizeof refuses - 1);
        struct detection detection = scene_detect(control, 20);
        assert_int_equal(detection.symptom, SYMPTOM_TLS_FAILURE);
        struct study *study = scene_study(scene, 20);
        assert_string_equal(fact_word(scene_facts(study), FACT_TLS_ALERT), "version");
        assert_string_equal(fact_word(scene_facts(study), FACT_TLS_ALERT_FROM), "responder");
        if (way < 3)
            assert_string_equal(fact_word(scene_facts(study), FACT_CONTENT_REACHED),
                                "client-hello");
        scene_study_end(study);
        scene_end(scene);
    }
}

/* Whoever is refused goes on in clear. */
static void auth_refused(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = control_of(scene, 50001);
    CLIENT_SENDS(&talk, .at = 0.3, .flags = "PA", .payload = "AUTH TLS\r\n");
    SERVER_SENDS(&talk, .at = 0.4, .flags = "PA", .payload = "502 no\r\n");
    CLIENT_SENDS(&talk, .at = 0.5, .flags = "PA", .payload = "PASV\r\n");
    struct attempt *control = SERVER_SENDS(&talk, .at = 0.6, .flags = "PA", .payload = PASSIVE);
    assert_false(control->ftp->encrypted.frame);
    assert_int_equal(control->ftp->port, DATA_PORT);
    scene_end(scene);
}

/* A lost segment is not waited for once it has been acknowledged. */
static void a_hole_in_the_capture(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = control_of(scene, 50001);
    talk.next[RESPONDER] += 100; /* 100 bytes that were not captured */
    SERVER_SENDS(&talk, .at = 0.3, .flags = "PA", .payload = "rest of a line\r\n");
    CLIENT_SENDS(&talk, .at = 0.31, .flags = "A");
    SERVER_SENDS(&talk, .at = 0.32, .flags = "PA", .payload = "200 lost\r\n");
    CLIENT_SENDS(&talk, .at = 0.33, .flags = "A");
    SERVER_SENDS(&talk, .at = 0.4, .flags = "PA", .payload = "200 x\r\n");
    CLIENT_SENDS(&talk, .at = 0.41, .flags = "A");
    struct attempt *control = SERVER_SENDS(&talk, .at = 0.5, .flags = "PA", .payload = PASSIVE);
    CLIENT_SENDS(&talk, .at = 0.51, .flags = "A");
    (void)control;
    SERVER_SENDS(&talk, .at = 0.6, .flags = "PA", .payload = PASSIVE);
    assert_non_null(data_syn(scene, "203.0.113.2", 0.7, 1));
    scene_end(scene);
}

static void a_long_session(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = control_of(scene, 50001);
    struct attempt *control = NULL;
    for (int i = 0; i < 3000; i++) /* far beyond what one stream keeps */
        control =
            SERVER_SENDS(&talk, .at = 1 + i, .flags = "PA",
                         .payload = "250-what a server has to say when asked\r\n250 done\r\n");
    assert_false(control->ftp->foreign);
    SERVER_SENDS(&talk, .at = 3002, .flags = "PA", .payload = PASSIVE);
    assert_non_null(data_syn(scene, "203.0.113.2", 3003, 1));
    scene_end(scene);
}

static void what_is_not_ftp(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk web = scene_talk(scene, "10.0.0.7", 50001, "203.0.113.2", 5800);
    scene_handshake(&web, 0);
    struct attempt *attempt =
        CLIENT_SENDS(&web, .at = 0.1, .flags = "PA", .payload = "GET / HTTP/1.1\r\n\r\n");
    assert_null(attempt->ftp);
    assert_true(attempt->bits & ATTEMPT_NOT_FTP);
    scene_end(scene);
}

static void the_table_is_full(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    for (uint16_t i = 0; i < FTP_EXPECTED_PER_ROW + 3; i++) {
        struct talk talk = control_of(scene, (uint16_t)(40000 + i));
        SERVER_SENDS(&talk, .at = 0.3 + i / 100.0, .flags = "PA", .payload = PASSIVE);
    }
    assert_int_equal(ftp_expected_lost(scene->tracker), 3);
    scene_end(scene);
}

static void nobody_waits_for_ever(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = control_of(scene, 50001);
    SERVER_SENDS(&talk, .at = 0.3, .flags = "PA", .payload = PASSIVE);
    assert_null(data_syn(scene, "203.0.113.2", FTP_EXPECTED_S + 1, 1));
    scene_end(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands),
        cmocka_unit_test(broken_endpoints),
        cmocka_unit_test(replies),
        cmocka_unit_test(agreed_data_connection),
        cmocka_unit_test(split_over_segments),
        cmocka_unit_test(announced_private_address),
        cmocka_unit_test(active_mode),
        cmocka_unit_test(cut_commands),
        cmocka_unit_test(cut_replies),
        cmocka_unit_test(announcement_cut),
        cmocka_unit_test(active_mode_cut),
        cmocka_unit_test(told_by_the_control_connection),
        cmocka_unit_test(what_the_server_says_of_it),
        cmocka_unit_test(cut_by_the_capture),
        cmocka_unit_test(encrypted),
        cmocka_unit_test(tls_behind_auth),
        cmocka_unit_test(auth_refused),
        cmocka_unit_test(a_hole_in_the_capture),
        cmocka_unit_test(a_long_session),
        cmocka_unit_test(what_is_not_ftp),
        cmocka_unit_test(the_table_is_full),
        cmocka_unit_test(nobody_waits_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
