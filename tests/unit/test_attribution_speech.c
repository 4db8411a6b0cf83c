/* What both sides said: from bytes on the wire to symptom, facts and verdict. */
#include "tests/unit/scene.h"

#include "analyzer/report/report.h"
#include "analyzer/speech/heard.h"

#define CLIENT "10.0.0.7"
#define SERVER "203.0.113.2"

enum { HTTP_PORT = 5800, TLS_PORT = 5443 };

/* Records, byte for byte; RFC 8446 4.1.2, 4.1.3, RFC 5246 7.2. */
static const uint8_t client_hello[] = {
    22,  3,   1,   0,   70,  1,   0,  0,  66, 3, 3,  [11 + 32] = 0, 0,   2,   0xc0, 0x2f, 1,   0,
    0,   23,  0,   0,   0,   19,  0,  17, 0,  0, 14, 'b',           'a', 'c', 'k',  'u',  'p', '.',
    'e', 'x', 'a', 'm', 'p', 'l', 'e'};
static const uint8_t server_hello[] = {22,   3,    3, 0, 42, 2, 0, 0, 38, 3, 3, [11 + 32] = 0,
                                       0xc0, 0x2f, 0};
static const uint8_t server_hello_13[] = {22,   3, 3, 0, 50, 2, 0,  0, 46, 3, 3, [11 + 32] = 0,
                                          0x13, 1, 0, 0, 6,  0, 43, 0, 2,  3, 4};
static const uint8_t unknown_ca[] = {21, 3, 3, 0, 2, 2, 48};
static const uint8_t protocol_version[] = {21, 3, 1, 0, 2, 2, 70};
static const uint8_t sealed_alert[5 + 19] = {23, 3, 3, 0, 19};
static const uint8_t sealed_finish[5 + 53] = {23, 3, 3, 0, 53};

#define BYTES(array) .bytes = (array), .length = sizeof(array)

static struct talk begin(struct scene **scene, uint16_t port, uint8_t server_hops)
{
    *scene = scene_new();
    struct talk talk = scene_talk(*scene, CLIENT, 50000, SERVER, port);
    talk.hop_limit[RESPONDER] = (uint8_t)(64 - server_hops);
    scene_handshake(&talk, 0);
    return talk;
}

static const struct fact *facts_of(struct scene *scene, struct study **study)
{
    *study = scene_study(scene, 5);
    return scene_facts(*study);
}

static void expect_frame(const struct detection *detection, uint64_t frame)
{
    for (uint32_t i = 0; i < detection->frames.count; i++)
        if (frame_list_at(&detection->frames, i) == frame)
            return;
    fail_msg("frame %llu is not shown", (unsigned long long)frame);
}

static void client_refuses_the_certificate(void **state)
{
    (void)state;
    struct scene *scene;
    struct talk talk = begin(&scene, TLS_PORT, 9);
    CLIENT_SENDS(&talk, .at = 0.03, .flags = "PA", BYTES(client_hello));      /* 4 */
    SERVER_SENDS(&talk, .at = 0.05, .flags = "PA", BYTES(server_hello));      /* 5 */
    CLIENT_SENDS(&talk, .at = 0.06, .flags = "PA", BYTES(unknown_ca));        /* 6 */
    struct attempt *attempt = CLIENT_SENDS(&talk, .at = 0.06, .flags = "RA"); /* 7 */
    struct detection detection = scene_detect(attempt, 5);
    assert_int_equal(detection.outcome, OUTCOME_FAILED);
    assert_int_equal(detection.symptom, SYMPTOM_TLS_FAILURE);
    for (uint64_t frame = 4; frame <= 7; frame++)
        expect_frame(&detection, frame);
    struct study *study;
    const struct fact *facts = facts_of(scene, &study);
    assert_string_equal(fact_word(facts, FACT_TLS_ALERT), "unknown-ca");
    assert_string_equal(fact_word(facts, FACT_TLS_ALERT_FROM), "initiator");
    assert_string_equal(fact_word(facts, FACT_CONTENT_REACHED), "server-hello");
    assert_string_equal(fact_word(facts, FACT_TLS_VERSION), "1.2");
    assert_string_equal(fact_word(facts, FACT_ANSWER_NEXT_DOOR), "no");
    assert_int_equal((int)facts[FACT_ANSWER_HOPS].number, 9);
    assert_string_equal(fact_word(facts, FACT_TLS_CERTIFICATE), "unknown");
    scene_study_end(study);
    scene_end(scene);
}

/* Also with the hello in two segments that come in the wrong order. */
static void server_refuses_the_version(void **state)
{
    (void)state;
    struct scene *scene;
    struct talk talk = begin(&scene, TLS_PORT, 9);
    CLIENT_SENDS(&talk, .at = 0.03, .flags = "PA", .seq = 31, .bytes = client_hello + 30,
                 .length = sizeof client_hello - 30);
    CLIENT_SENDS(&talk, .at = 0.031, .flags = "PA", .seq = 1, .bytes = client_hello, .length = 30);
    struct attempt *attempt =
        SERVER_SENDS(&talk, .at = 0.05, .flags = "PA", BYTES(protocol_version));
    assert_int_equal(scene_detect(attempt, 5).symptom, SYMPTOM_TLS_FAILURE);
    struct study *study;
    const struct fact *facts = facts_of(scene, &study);
    assert_string_equal(fact_word(facts, FACT_TLS_ALERT), "version");
    assert_string_equal(fact_word(facts, FACT_TLS_ALERT_FROM), "responder");
    scene_study_end(study);
    const struct diagnosis *diagnosis = scene_diagnose(scene, 5);
    assert_int_equal(diagnosis->count, 1);
    const struct finding *finding = diagnosis->findings[0];
    assert_int_equal(finding->verdict.place, APPLICATION);
    assert_string_equal(finding->spoken.tls.server_name, "backup.example");
    scene_end(scene);
}

/* A snap length cuts the server's certificates, and with them where its next record begins. An
 * alert is a segment of its own; what only looks alike is not one. */
static void an_alert_behind_what_was_cut(void **state)
{
    (void)state;
    static const uint8_t warning[] = {21, 3, 3, 0, 2, 1, 40}, no_alert[] = {21, 3, 3, 0, 2, 2, 0},
                         unknown[] = {21, 3, 3, 0, 2, 2, 77}, more[] = {21, 3, 3, 0, 2, 2, 40, 21};
    static const struct {
        const uint8_t *bytes;
        uint32_t length;
        bool fails;
    } cases[] = {{unknown_ca, sizeof unknown_ca, true},
                 {warning, sizeof warning, false},
                 {no_alert, sizeof no_alert, false},
                 {unknown, sizeof unknown, false},
                 {more, sizeof more, false},
                 {unknown_ca, 6, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene;
        struct talk talk = begin(&scene, TLS_PORT, 9);
        CLIENT_SENDS(&talk, .at = 0.03, .flags = "PA", BYTES(client_hello));
        SERVER_SENDS(&talk, .at = 0.05, .flags = "PA", .length = 1297,
                     .payload = "\x16\x03\x03\x01\x01\x02");
        CLIENT_SENDS(&talk, .at = 0.06, .flags = "PA", .payload = "\x16\x03\x03", .length = 105);
        SERVER_SENDS(&talk, .at = 0.07, .flags = "PA", .bytes = cases[i].bytes,
                     .length = cases[i].length);
        struct attempt *attempt = scene_close(&talk, 0.1);
        struct detection detection = scene_detect(attempt, 5);
        assert_int_equal(detection.outcome, cases[i].fails ? OUTCOME_FAILED : OUTCOME_SUCCEEDED);
        if (cases[i].fails) {
            struct study *study;
            const struct fact *facts = facts_of(scene, &study);
            assert_int_equal(detection.symptom, SYMPTOM_TLS_FAILURE);
            expect_frame(&detection, 7);
            assert_string_equal(fact_word(facts, FACT_TLS_ALERT), "unknown-ca");
            assert_string_equal(fact_word(facts, FACT_TLS_ALERT_FROM), "responder");
            scene_study_end(study);
        }
        scene_end(scene);
    }
}

/* Nor need the status line be there to its end. */
static void clear_text_in_answer_to_tls_cut(void **state)
{
    (void)state;
    static const char *const answers[] = {"HTTP/1.1 400 Bad Req", "HTTP/1.1 400"};
    for (int i = 0; i < 2; i++) {
        struct scene *scene;
        struct talk talk = begin(&scene, TLS_PORT, 9);
        CLIENT_SENDS(&talk, .at = 0.03, .flags = "PA", BYTES(client_hello));
        SERVER_SENDS(&talk, .at = 0.05, .flags = "PA", .length = 101, .payload = answers[i]);
        struct attempt *attempt = scene_close(&talk, 0.1);
        struct detection detection = scene_detect(attempt, 5);
        assert_int_equal(detection.outcome, i ? OUTCOME_SUCCEEDED : OUTCOME_FAILED);
        scene_end(scene);
    }
}

/* The proxy answered, the server behind it never did: the hello is the first payload that got lost.
 */
static void the_last_word_is_a_hello(void **state)
{
    (void)state;
    for (int answered = 0; answered < 2; answered++) {
        struct scene *scene;
        struct talk talk = begin(&scene, HTTP_PORT, 9);
        struct study *study;
        CLIENT_SENDS(&talk, .at = 0.03, .flags = "PA",
                     .payload = "CONNECT backup.example:443 HTTP/1.1\r\n\r\n");
        SERVER_SENDS(&talk, .at = 0.05, .flags = "PA", .payload = "HTTP/1.1 200 ok\r\n\r\n");
        uint32_t seq = talk.next[INITIATOR];
        CLIENT_SENDS(&talk, .at = 0.06, .flags = "PA", BYTES(client_hello));
        if (answered) {
            SERVER_SENDS(&talk, .at = 0.08, .flags = "PA", BYTES(server_hello));
            seq = talk.next[INITIATOR];
            CLIENT_SENDS(&talk, .at = 0.09, .flags = "PA", .length = 60);
        }
        for (int i = 1; i < 5; i++)
            CLIENT_SENDS(&talk, .at = 0.1 + i, .flags = "PA", .seq = seq, .length = 60);
        study = scene_study(scene, 30);
        const struct fact *facts = scene_facts(study);
        assert_string_equal(fact_word(facts, FACT_DIED_AFTER),
                            answered ? "request" : "first-payload");
        scene_study_end(study);
        scene_end(scene);
    }
}

static void tls_1_3_hides_the_alert(void **state)
{
    (void)state;
    for (int refuses = 0; refuses < 2; refuses++) {
        struct scene *scene;
        struct talk talk = begin(&scene, TLS_PORT, 9);
        CLIENT_SENDS(&talk, .at = 0.03, .flags = "PA", BYTES(client_hello));
        SERVER_SENDS(&talk, .at = 0.05, .flags = "PA", BYTES(server_hello_13));
        SERVER_SENDS(&talk, .at = 0.05, .flags = "PA", BYTES(sealed_finish));
        if (refuses)
            CLIENT_SENDS(&talk, .at = 0.06, .flags = "PA", BYTES(sealed_alert));
        else
            CLIENT_SENDS(&talk, .at = 0.06, .flags = "PA", BYTES(sealed_finish));
        struct attempt *attempt = scene_close(&talk, 0.1);
        struct detection detection = scene_detect(attempt, 5);
        assert_int_equal(detection.outcome, refuses ? OUTCOME_FAILED : OUTCOME_SUCCEEDED);
        if (refuses) {
            struct study *study;
            const struct fact *facts = facts_of(scene, &study);
            assert_string_equal(fact_word(facts, FACT_TLS_ALERT), "hidden");
            assert_string_equal(fact_word(facts, FACT_TLS_VERSION), "1.3");
            scene_study_end(study);
        }
        scene_end(scene);
    }
}

/* RFC 791: an answer that passed no router. Only beside others that did is it a sign. */
static void who_answers_next_door(void **state)
{
    (void)state;
    static const struct {
        uint8_t hops, other_hops;
        bool other, virtual;
        const char *word;
    } cases[] = {
        {0, 0, false, false, "alone"},     {0, 7, true, false, "only-here"},
        {0, 0, true, false, "everywhere"}, {0, 7, true, true, "everywhere"},
        {5, 7, true, false, "no"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        struct talk other = scene_talk(scene, CLIENT, 40000, "198.51.100.1", 9999);
        other.hop_limit[RESPONDER] = (uint8_t)(64 - cases[i].other_hops);
        if (cases[i].other)
            scene_success(&other, 0);
        struct talk talk = scene_talk(scene, CLIENT, 50000, SERVER, HTTP_PORT);
        talk.hop_limit[RESPONDER] = (uint8_t)(64 - cases[i].hops);
        if (cases[i].virtual)
            memcpy(talk.mac[RESPONDER], "\x52\x54\x00\x12\x35\x02", 6);
        scene_handshake(&talk, 1);
        CLIENT_SENDS(&talk, .at = 1.1, .flags = "PA", .payload = "GET / HTTP/1.1\r\n\r\n");
        SERVER_SENDS(&talk, .at = 1.2, .flags = "PA",
                     .payload = "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
        struct study *study;
        const struct fact *facts = facts_of(scene, &study);
        assert_string_equal(fact_word(facts, FACT_ANSWER_NEXT_DOOR), cases[i].word);
        scene_study_end(study);
        scene_end(scene);
    }
}

/* --- HTTP --- */

static const struct {
    const char *answer;
    bool blocked;
    const char *page; /* of the fact; "unknown": not established */
} answers[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false, ""},
    {"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", true, "none"},
    {"HTTP/1.1 403 Forbidden\r\nContent-Length: 40\r\n\r\nno", true, "unknown"},
    {"HTTP/1.1 403 Forbidden\r\nContent-Length: 25\r\n\r\nBlocked by ContentKeeper!", true,
     "filter"},
    {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<h1>web page blocked</h1>", true, "filter"},
    {"HTTP/1.1 503 Busy\r\nX-Squid-Error: ERR_CONNECT_FAIL 111\r\nContent-Length: 0\r\n\r\n", true,
     "proxy"},
    {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", false, ""},
    {"HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", false, ""},
    {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", false, ""},
    {"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", true, "none"},
    {"HTTP/1.1 511 Login\r\nContent-Length: 0\r\n\r\n", true, "none"},
    {"HTTP/1.1 302 Found\r\nLocation: http://login.portal.example/\r\nContent-Length: 0\r\n\r\n",
     true, "none"},
    {"HTTP/1.1 302 Found\r\nLocation: https://backup.example/\r\nContent-Length: 0\r\n\r\n", false,
     ""},
    {"HTTP/1.1 301 Moved\r\nLocation: https://www.other.example/\r\nContent-Length: 0\r\n\r\n",
     false, ""},
    {"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
     false, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
     false, ""},
};

static void http_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct scene *scene;
        struct talk talk = begin(&scene, HTTP_PORT, 5);
        CLIENT_SENDS(&talk, .at = 0.03, .flags = "PA",
                     .payload = "GET / HTTP/1.1\r\nHost: backup.example\r\n\r\n"
                                "GET /2 HTTP/1.1\r\n\r\n");
        struct attempt *attempt =
            SERVER_SENDS(&talk, .at = 0.05, .flags = "PA", .payload = answers[i].answer);
        struct detection detection = scene_detect(attempt, 0.1);
        if (!answers[i].blocked) {
            assert_int_equal(detection.outcome, OUTCOME_SUCCEEDED);
        } else {
            assert_int_equal(detection.symptom, SYMPTOM_HTTP_BLOCKED);
            expect_frame(&detection, 4);
            expect_frame(&detection, 5);
            struct study *study = scene_study(scene, 0.1);
            assert_string_equal(fact_word(scene_facts(study), FACT_HTTP_PAGE), answers[i].page);
            scene_study_end(study);
        }
        scene_end(scene);
    }
}

static void a_page_in_the_place_of_tls(void **state)
{
    (void)state;
    struct scene *scene;
    struct talk talk = begin(&scene, TLS_PORT, 5);
    CLIENT_SENDS(&talk, .at = 0.03, .flags = "PA", BYTES(client_hello));
    struct attempt *attempt = SERVER_SENDS(&talk, .at = 0.05, .flags = "PA",
                                           .payload = "HTTP/1.1 400 Bad Request\r\n\r\n");
    assert_int_equal(scene_detect(attempt, 1).symptom, SYMPTOM_TLS_FAILURE);
    struct study *study;
    const struct fact *facts = facts_of(scene, &study);
    assert_string_equal(fact_word(facts, FACT_CONTENT_ANSWER), "http");
    scene_study_end(study);
    scene_end(scene);
}

/* Escape sequences, markup and newlines in all that a stranger can name. */
/* TLS through a proxy: what the proxy said first is not the answer to it. */
static void tls_within_connect(void **state)
{
    (void)state;
    struct scene *scene;
    struct talk talk = begin(&scene, HTTP_PORT, 9);
    CLIENT_SENDS(&talk, .at = 0.03, .flags = "PA",
                 .payload = "CONNECT backup.example:5443 HTTP/1.1\r\n\r\n"); /* 4 */
    SERVER_SENDS(&talk, .at = 0.05, .flags = "PA", .payload = "HTTP/1.1 200 OK\r\n\r\n");
    CLIENT_SENDS(&talk, .at = 0.06, .flags = "PA", BYTES(client_hello)); /* 6 */
    SERVER_SENDS(&talk, .at = 0.08, .flags = "PA", BYTES(server_hello));
    assert_int_equal(scene_detect(CLIENT_SENDS(&talk, .at = 0.09, .flags = "A"), 5).outcome,
                     OUTCOME_SUCCEEDED);
    struct attempt *attempt = CLIENT_SENDS(&talk, .at = 0.1, .flags = "PA", BYTES(unknown_ca));
    struct spoken spoken;
    speech_heard(attempt, &spoken);
    assert_string_equal(spoken.by[INITIATOR], "TLS");
    assert_string_equal(spoken.by[RESPONDER], "TLS");
    assert_string_equal(spoken.tls.server_name, "backup.example");
    assert_int_equal(spoken.heard_http->talk.status, 200);
    struct detection detection = scene_detect(attempt, 5);
    assert_int_equal(detection.symptom, SYMPTOM_TLS_FAILURE);
    expect_frame(&detection, 6);
    expect_frame(&detection, 9);
    struct study *study;
    const struct fact *facts = facts_of(scene, &study);
    assert_string_equal(fact_word(facts, FACT_TLS_ALERT), "unknown-ca");
    assert_string_equal(fact_word(facts, FACT_CONTENT_REACHED), "server-hello");
    scene_study_end(study);
    scene_end(scene);
}

static void strangers_words_stay_words(void **state)
{
    (void)state;
    struct scene *scene;
    struct talk talk = begin(&scene, HTTP_PORT, 5);
    CLIENT_SENDS(&talk, .at = 0.03, .flags = "PA",
                 .payload = "GET / HTTP/1.1\r\nHost: \x1b[2J<b>\r\n\r\n");
    SERVER_SENDS(&talk, .at = 0.05, .flags = "PA",
                 .payload = "HTTP/1.1 302 Found\r\nLocation: http://\x1b]0;x\x07<script>\xff/\r\n"
                            "Content-Length: 0\r\n\r\n");
    const struct diagnosis *diagnosis = scene_diagnose(scene, 5);
    assert_int_equal(diagnosis->count, 1);
    const struct report report = {.profiles = scene_knowledge()->profiles,
                                  .captures = &(struct capture_report){.id = "a", .source = "x"},
                                  .capture_count = 1,
                                  .findings = diagnosis->findings,
                                  .finding_count = 1};
    char *text[2];
    size_t length[2];
    FILE *out = open_memstream(&text[0], &length[0]);
    assert_true(
        report_write_text(out, &report, &(struct text_options){.columns = 80, .verbosity = 1}));
    fclose(out);
    out = open_memstream(&text[1], &length[1]);
    assert_true(report_write_json(out, &report));
    fclose(out);
    for (int i = 0; i < 2; i++) {
        assert_null(memchr(text[i], 0x1b, length[i]));
        assert_null(memchr(text[i], 0x07, length[i]));
        assert_null(memchr(text[i], 0xff, length[i]));
        assert_non_null(strstr(text[i], "script")); /* it is told, though */
        free(text[i]);
    }
    scene_end(scene);
}

/* A greeting of another protocol, however short, is no product's; and as both sides have reason to
 * reset then, who does is not asked. */
static void another_program_answers(void **state)
{
    (void)state;
    static const struct {
        const char *greeting;
        bool foreign;
    } cases[] = {{"SSH-2.0-OpenSSH_9.6\r\n", true}, {"SSH-2", false}, {"HTTP/1.1 4", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene;
        struct talk talk = begin(&scene, TLS_PORT, 9);
        CLIENT_SENDS(&talk, .at = 0.03, .flags = "PA", BYTES(client_hello));
        SERVER_SENDS(&talk, .at = 0.05, .flags = "PA", .payload = cases[i].greeting);
        SERVER_SENDS(&talk, .at = 0.06, .flags = "RA");
        struct study *study;
        const struct fact *facts = facts_of(scene, &study);
        assert_int_equal(strcmp(fact_word(facts, FACT_CONTENT_ANSWER), "other") == 0,
                         cases[i].foreign);
        assert_int_equal(facts[FACT_RST_FROM].known, !cases[i].foreign);
        scene_study_end(study);
        scene_end(scene);
    }
}

/* Memory is given back with the conversation, and flows of no product cost none. */
static void costs_nothing_when_it_is_over(void **state)
{
    (void)state;
    struct scene *scene;
    struct talk talk = begin(&scene, HTTP_PORT, 5);
    CLIENT_SENDS(&talk, .at = 0.03, .flags = "PA", .payload = "GET / HTTP/1.1\r\nHos");
    assert_true(stream_pool_bytes(scene->streams) > 0);
    scene_close(&talk, 1);
    assert_int_equal(stream_pool_bytes(scene->streams), 0);
    struct talk other = scene_talk(scene, CLIENT, 50001, SERVER, 9999);
    scene_handshake(&other, 2);
    assert_null(CLIENT_SENDS(&other, .at = 2.1, .flags = "PA", .payload = "GET / HTTP/1.1\r\n"));
    assert_int_equal(stream_pool_bytes(scene->streams), 0);
    scene_end(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_refuses_the_certificate),
        cmocka_unit_test(server_refuses_the_version),
        cmocka_unit_test(an_alert_behind_what_was_cut),
        cmocka_unit_test(clear_text_in_answer_to_tls_cut),
        cmocka_unit_test(the_last_word_is_a_hello),
        cmocka_unit_test(tls_1_3_hides_the_alert),
        cmocka_unit_test(who_answers_next_door),
        cmocka_unit_test(http_answers),
        cmocka_unit_test(a_page_in_the_place_of_tls),
        cmocka_unit_test(tls_within_connect),
        cmocka_unit_test(strangers_words_stay_words),
        cmocka_unit_test(another_program_answers),
        cmocka_unit_test(costs_nothing_when_it_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
