/* What time tells: state timers, cuts at the same point, a service that changes for everybody. */
#include "tests/unit/scene.h"

static const char server[] = "192.168.1.10";

static struct talk from(struct scene *scene, const char *client, uint16_t port)
{
    struct talk talk = scene_talk(scene, client, port, server, 5800);
    talk.hop_limit[INITIATOR] = 53;
    return talk;
}

/* Talks, is silent for a time, and is or is not answered then. */
static double idle_connection(struct scene *scene, uint16_t port, double at, double silence,
                              bool survives)
{
    struct talk talk = from(scene, "198.51.100.7", port);
    scene_handshake(&talk, at);
    scene_exchange(&talk, at + 0.1, 100, 400);
    double again = at + 0.1201 + silence;
    if (survives) {
        scene_exchange(&talk, again, 100, 400);
        scene_close(&talk, again + 1);
        return again + 2;
    }
    for (int i = 0; i < 6; i++)
        CLIENT_SENDS(&talk, .at = again + i * i * 0.3, .flags = "PA", .length = 100, .seq = 101);
    return again + 10;
}

static void expect_rule(const struct scene *scene, const char *rule)
{
    assert_true(scene->diagnosis.count > 0);
    const struct verdict *verdict = &scene->diagnosis.findings[0]->verdict;
    for (size_t i = 0; i < verdict->reason_count; i++)
        if (strcmp(verdict->reasons[i].rule, rule) == 0)
            return;
    fail_msg("%s does not hold", rule);
}

static void a_sharp_timer(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    scene->site.told = VANTAGE_EDGE_LAN;
    double now = idle_connection(scene, 50000, 0, 20, true);
    now = idle_connection(scene, 50001, now, 29, true);
    now = idle_connection(scene, 50002, now, 33, false);
    now = idle_connection(scene, 50003, now, 40, false);
    struct study *study = scene_study(scene, now + 60);
    const struct fact *facts = scene_facts(study);
    assert_int_equal(facts[FACT_TIMER_DIED].number, 2);
    assert_int_equal(facts[FACT_TIMER_DIED_S].number, 33);
    assert_int_equal(facts[FACT_TIMER_SURVIVED_S].number, 29);
    assert_true(facts[FACT_TIMER_SHARP].number > 0);
    assert_true(facts[FACT_TIMER_SHARP].frames.count >= 3);
    scene_study_end(study);
    scene_diagnose(scene, now + 60);
    expect_rule(scene, "timer-sharp-silent");
    scene_end(scene);
}

/* One that was silent for longer and lived: no timer. */
static void no_timer_where_a_longer_silence_was_survived(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    double now = idle_connection(scene, 50001, 0, 60, true);
    now = idle_connection(scene, 50002, now, 33, false);
    now = idle_connection(scene, 50003, now, 40, false);
    struct study *study = scene_study(scene, now + 60);
    const struct fact *facts = scene_facts(study);
    assert_true(facts[FACT_TIMER_SHARP].known);
    assert_false(facts[FACT_TIMER_SHARP].number > 0);
    scene_study_end(study);
    scene_end(scene);
}

static void one_death_is_no_timer(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    double now = idle_connection(scene, 50001, 0, 20, true);
    now = idle_connection(scene, 50002, now, 33, false);
    struct study *study = scene_study(scene, now + 60);
    assert_false(scene_facts(study)[FACT_TIMER_SHARP].number > 0);
    scene_study_end(study);
    scene_end(scene);
}

static void defaults_are_named(void **state)
{
    (void)state;
    static const struct {
        double survived, died;
        const char *rule;
    } cases[] = {{200, 250, "timer-default-240"},
                 {340, 360, "timer-default-350"},
                 {3000, 3700, "timer-default-3600"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        double now = idle_connection(scene, 50001, 0, cases[i].survived, true);
        now = idle_connection(scene, 50002, now, cases[i].died, false);
        now = idle_connection(scene, 50003, now, cases[i].died + 5, false);
        scene_diagnose(scene, now + 60);
        expect_rule(scene, cases[i].rule);
        scene_end(scene);
    }
}

static void defaults_of_udp_are_named(void **state)
{
    (void)state;
    static const struct {
        double survived, died;
        const char *rule;
    } cases[] = {{20, 35, "timer-default-30"}, {100, 130, "timer-default-120"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new();
        double now = 0;
        for (uint16_t c = 0; c < 3; c++) {
            struct talk talk =
                scene_talk(scene, "198.51.100.7", (uint16_t)(50000 + c), server, 8080);
            talk.hop_limit[INITIATOR] = 53;
            CLIENT_SENDS(&talk, .at = now, .length = 40);
            SERVER_SENDS(&talk, .at = now + 0.02, .length = 40);
            now += 0.02 + (c == 0 ? cases[i].survived : cases[i].died);
            for (int repeat = 0; repeat < (c == 0 ? 1 : 8); repeat++)
                CLIENT_SENDS(&talk, .at = now + repeat, .length = 40);
            if (c == 0)
                SERVER_SENDS(&talk, .at = now + 0.02, .length = 40);
            now += 20;
        }
        scene_diagnose(scene, now + 60);
        expect_rule(scene, cases[i].rule);
        scene_end(scene);
    }
}

/* Uploads `segments` and gets no acknowledgment from then on. */
static double cut_upload(struct scene *scene, uint16_t port, double at, int segments,
                         double every_s)
{
    struct talk talk = from(scene, "198.51.100.7", port);
    scene_handshake(&talk, at);
    scene_exchange(&talk, at + 0.1, 100, 100);
    double now = at + 0.2;
    for (int i = 0; i < segments; i++, now += every_s) {
        CLIENT_SENDS(&talk, .at = now, .flags = "A", .length = 1400);
        SERVER_SENDS(&talk, .at = now + 0.001, .flags = "A");
    }
    uint32_t lost = talk.next[INITIATOR];
    for (int i = 0; i < 6; i++)
        CLIENT_SENDS(&talk, .at = now + i * i * 0.3, .flags = "A", .length = 1400, .seq = lost);
    return now + 10;
}

static void cuts_at_the_same_amount(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    double now = cut_upload(scene, 50000, 0, 100, 0.01);
    now = cut_upload(scene, 50001, now, 101, 0.03);
    now = cut_upload(scene, 50002, now, 99, 0.05);
    struct study *study = scene_study(scene, now + 60);
    const struct fact *facts = scene_facts(study);
    assert_int_equal(facts[FACT_CUT_BYTES_ALIKE].number, 3);
    assert_true(facts[FACT_CUT_BYTES].number > 100 * 1400);
    scene_study_end(study);
    scene_diagnose(scene, now + 60);
    expect_rule(scene, "cut-at-same-amount");
    scene_end(scene);
}

static void cuts_at_the_same_age(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    double now = cut_upload(scene, 50000, 0, 100, 0.1);
    now = cut_upload(scene, 50001, now, 200, 0.05);
    now = cut_upload(scene, 50002, now, 400, 0.025);
    struct study *study = scene_study(scene, now + 60);
    const struct fact *facts = scene_facts(study);
    assert_int_equal(facts[FACT_CUT_SECONDS_ALIKE].number, 3);
    assert_int_equal(facts[FACT_CUT_BYTES_ALIKE].number, 1);
    scene_study_end(study);
    scene_diagnose(scene, now + 60);
    expect_rule(scene, "cut-at-same-age");
    scene_end(scene);
}

/* --- a service that changes --- */

static const char *turn_of(struct scene *scene, char word[32])
{
    struct study *study = scene_study(scene, 300);
    snprintf(word, 32, "%s", fact_word(scene_facts(study), FACT_SERVICE_TURN));
    scene_study_end(study);
    return word;
}

static void refused(struct scene *scene, const char *client, uint16_t port, double at)
{
    struct talk talk = from(scene, client, port);
    CLIENT_SENDS(&talk, .at = at, .flags = "S");
    SERVER_SENDS(&talk, .at = at + 0.001, .flags = "RA");
}

static void served(struct scene *scene, const char *client, uint16_t port, double at)
{
    struct talk talk = from(scene, client, port);
    scene_success(&talk, at);
}

static void it_went_down(void **state)
{
    (void)state;
    char word[32];
    struct scene *scene = scene_new();
    served(scene, "198.51.100.7", 50000, 1);
    served(scene, "198.51.100.8", 50000, 2);
    refused(scene, "198.51.100.7", 50001, 10);
    assert_string_equal(turn_of(scene, word), "unknown"); /* one client only */
    refused(scene, "198.51.100.8", 50001, 11);
    assert_string_equal(turn_of(scene, word), "went-down");
    scene_end(scene);
}

static void it_came_up(void **state)
{
    (void)state;
    char word[32];
    struct scene *scene = scene_new();
    refused(scene, "198.51.100.7", 50001, 1);
    served(scene, "198.51.100.7", 50000, 10);
    assert_string_equal(turn_of(scene, word), "unknown");
    served(scene, "198.51.100.8", 50000, 11);
    assert_string_equal(turn_of(scene, word), "came-up");
    scene_end(scene);
}

static void nothing_turned(void **state)
{
    (void)state;
    char word[32];
    struct scene *scene = scene_new();
    served(scene, "198.51.100.8", 50000, 1);
    refused(scene, "198.51.100.7", 50001, 2);
    served(scene, "198.51.100.8", 50001, 3);
    refused(scene, "198.51.100.7", 50002, 4);
    assert_string_equal(turn_of(scene, word), "unknown");
    scene_end(scene);
}

static void served_between_failures(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    scene->site.told = VANTAGE_SERVER;
    struct talk talk = from(scene, "198.51.100.7", 50000);
    scene_unanswered(&talk, 1, 4);
    served(scene, "198.51.100.7", 50001, 12);
    talk = from(scene, "198.51.100.7", 50002);
    scene_unanswered(&talk, 20, 4);
    scene_diagnose(scene, 90);
    expect_rule(scene, "served-in-between-silent");
    assert_int_equal(scene->diagnosis.findings[0]->verdict.place, SERVER_HOST);
    scene_end(scene);
}

/* Accepted and acknowledged, never answered; then SYNs are not even accepted. */
static void hanging(struct scene *scene, const char *client, uint16_t port, double at)
{
    struct talk talk = from(scene, client, port);
    scene_handshake(&talk, at);
    CLIENT_SENDS(&talk, .at = at + 0.1, .flags = "PA", .length = 100);
    SERVER_SENDS(&talk, .at = at + 0.12, .flags = "A");
}

static void a_program_that_hangs(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    scene->site.told = VANTAGE_SERVER;
    served(scene, "198.51.100.9", 50000, 1);
    hanging(scene, "198.51.100.7", 50000, 2);
    hanging(scene, "198.51.100.8", 50000, 2.5);
    struct talk talk = from(scene, "198.51.100.7", 50001);
    scene_unanswered(&talk, 4, 4);
    struct study *study = scene_study(scene, 12);
    const struct fact *facts = scene_facts(study);
    assert_int_equal((int)facts[FACT_SERVICE_MUTE].number, 2);
    assert_int_equal(facts[FACT_SERVICE_MUTE].frames.count, 4);
    scene_study_end(study);
    scene_diagnose(scene, 12);
    expect_rule(scene, "service-hangs");
    assert_int_equal(scene->diagnosis.findings[0]->verdict.place, SERVER_HOST);
    assert_int_equal(scene->diagnosis.findings[0]->verdict.mechanism, MECHANISM_BACKLOG_FULL);
    scene_end(scene);
}

/* Somebody is answered meanwhile, or it is too early to tell. */
static void a_program_that_is_only_slow(void **state)
{
    (void)state;
    for (int early = 0; early < 2; early++) {
        struct scene *scene = scene_new();
        if (early) {
            hanging(scene, "198.51.100.8", 50000, 9);
        } else {
            hanging(scene, "198.51.100.8", 50000, 1);
            served(scene, "198.51.100.9", 50000, 3);
        }
        struct talk talk = from(scene, "198.51.100.7", 50001);
        scene_unanswered(&talk, 4, 4);
        struct study *study = scene_study(scene, 12);
        assert_false(scene_facts(study)[FACT_SERVICE_MUTE].known);
        scene_study_end(study);
        scene_end(scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sharp_timer),
        cmocka_unit_test(no_timer_where_a_longer_silence_was_survived),
        cmocka_unit_test(one_death_is_no_timer),
        cmocka_unit_test(defaults_are_named),
        cmocka_unit_test(defaults_of_udp_are_named),
        cmocka_unit_test(cuts_at_the_same_amount),
        cmocka_unit_test(cuts_at_the_same_age),
        cmocka_unit_test(it_went_down),
        cmocka_unit_test(it_came_up),
        cmocka_unit_test(nothing_turned),
        cmocka_unit_test(served_between_failures),
        cmocka_unit_test(a_program_that_hangs),
        cmocka_unit_test(a_program_that_is_only_slow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
