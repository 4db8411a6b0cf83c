/* The account of a verdict: it adds up, and what it says would have changed the verdict does. */
#include "tests/unit/scene.h"

#include <math.h>

#include "analyzer/attribution/ledger.h"

static const struct finding *explained(struct scene *scene)
{
    scene->explain = true;
    const struct diagnosis *diagnosis = scene_diagnose(scene, 60);
    assert_int_equal(diagnosis->count, 1);
    assert_non_null(diagnosis->findings[0]->ledger);
    return diagnosis->findings[0];
}

static struct talk from_client(struct scene *scene)
{
    struct talk talk = scene_talk(scene, "192.168.1.7", 50000, "203.0.113.2", 5800);
    talk.hop_limit[RESPONDER] = 53;
    return talk;
}

/* Silence, seen from a client whose other connections work. */
static struct scene *silent_scene(void)
{
    struct scene *scene = scene_new();
    struct talk web = scene_talk(scene, "192.168.1.7", 40000, "198.51.100.9", 443);
    web.hop_limit[RESPONDER] = 55;
    scene_success(&web, 0);
    struct talk talk = from_client(scene);
    scene_unanswered(&talk, 1, 4);
    return scene;
}

static bool close_to(const double *a, const double *b)
{
    double gap = 0;
    for (int place = 0; place < FAILURE_POINTS; place++)
        gap = fmax(gap, fabs(a[place] - b[place]));
    return gap < 1e-9;
}

/* Adds up by hand, from nothing but what the ledger tells. */
static void mixed_by_hand(const struct ledger *ledger, double mixed[FAILURE_POINTS])
{
    memset(mixed, 0, FAILURE_POINTS * sizeof *mixed);
    for (size_t r = 0; r < ledger->readings.count; r++) {
        double odds[FAILURE_POINTS], total = 0;
        for (int place = 0; place < FAILURE_POINTS; place++) {
            double sum = 0;
            for (size_t i = 0; i < ledger->rule_count; i++)
                if (ledger->rules[i].counts >> r & 1)
                    sum += ledger->rules[i].weight[place];
            total += odds[place] = exp(sum);
        }
        for (int place = 0; place < FAILURE_POINTS; place++)
            mixed[place] += ledger->readings.at[r].share *
                            (PROBABILITY_FLOOR +
                             (1 - FAILURE_POINTS * PROBABILITY_FLOOR) * odds[place] / total);
    }
}

static void the_account_adds_up(void **state)
{
    (void)state;
    struct scene *scene = silent_scene();
    const struct finding *finding = explained(scene);
    double mixed[FAILURE_POINTS], shares = 0;
    assert_true(finding->ledger->readings.count > 1); /* or there is nothing to mix */
    for (size_t i = 0; i < finding->ledger->readings.count; i++)
        shares += finding->ledger->readings.at[i].share;
    assert_true(fabs(shares - 1) < 1e-9);
    mixed_by_hand(finding->ledger, mixed);
    assert_true(close_to(mixed, finding->verdict.probability));
    assert_true(close_to(mixed, finding->ledger->probability));
    scene_end(scene);
}

static void every_reason_is_in_the_account(void **state)
{
    (void)state;
    struct scene *scene = silent_scene();
    const struct finding *finding = explained(scene);
    for (size_t i = 0; i < finding->verdict.reason_count; i++) {
        bool there = false;
        for (size_t r = 0; r < finding->ledger->rule_count; r++)
            there |= finding->ledger->rules[r].rule == finding->verdict.reasons[i].rule &&
                     finding->ledger->rules[r].counts;
        assert_true(there);
    }
    scene_end(scene);
}

/* Of one group one rule counts in each reading; what yields says to whom. */
static void groups_count_once(void **state)
{
    (void)state;
    struct scene *scene = silent_scene();
    const struct ledger *ledger = explained(scene)->ledger;
    bool yielded = false;
    for (size_t i = 0; i < ledger->rule_count; i++) {
        const struct ledger_rule *rule = &ledger->rules[i];
        assert_int_equal(rule->counts & rule->yields, 0);
        assert_true((rule->yields != 0) == (rule->yields_to != NULL));
        yielded |= rule->yields != 0;
        for (size_t j = 0; j < i && rule->group; j++)
            if (ledger->rules[j].group && strcmp(ledger->rules[j].group, rule->group) == 0)
                assert_int_equal(ledger->rules[j].counts & rule->counts, 0);
    }
    assert_true(yielded);
    scene_end(scene);
}

/* Without the rule that says nothing else, the verdict is another one; and a rule of no weight for
 * anybody leaves it as it is. */
static void without_a_rule(void **state)
{
    (void)state;
    struct scene *scene = silent_scene();
    const struct ledger *ledger = explained(scene)->ledger;
    size_t moved = 0;
    for (size_t i = 0; i < ledger->rule_count; i++) {
        double sum = 0;
        for (int place = 0; place < FAILURE_POINTS; place++)
            sum += ledger->rules[i].without[place];
        assert_true(fabs(sum - 1) < 1e-9);
        if (!ledger->rules[i].counts)
            assert_true(close_to(ledger->rules[i].without, ledger->probability));
        else
            moved += !close_to(ledger->rules[i].without, ledger->probability);
    }
    assert_true(moved > 0);
    scene_end(scene);
}

static const struct ledger_turn *turn_on(const struct ledger *ledger, enum fact_id id)
{
    for (size_t i = 0; i < ledger->turn_count; i++)
        if (ledger->turns[i].supposed_count == 1 && ledger->turns[i].supposed[0].id == id)
            return &ledger->turns[i];
    return NULL;
}

/* What the account foretells for one more fact is what the verdict is with that fact. */
static void a_turn_comes_true(void **state)
{
    (void)state;
    struct scene *scene = silent_scene();
    const struct ledger_turn *turn = turn_on(explained(scene)->ledger, FACT_CONTROL_SAME_PORT);
    assert_non_null(turn);
    assert_string_equal(turn->supposed[0].value.word, "failed");
    assert_true(turn->turns && turn->text[0]);
    double foretold = turn->probability[EGRESS_POLICY];
    struct talk other = scene_talk(scene, "192.168.1.7", 50001, "198.51.100.20", 5800);
    scene_unanswered(&other, 2, 4);
    const struct diagnosis *diagnosis = scene_diagnose(scene, 60);
    assert_int_equal(diagnosis->count, 2);
    assert_int_equal(diagnosis->findings[0]->verdict.place, EGRESS_POLICY);
    assert_true(fabs(diagnosis->findings[0]->verdict.probability[EGRESS_POLICY] - foretold) < 0.02);
    scene_end(scene);
}

/* Nothing that is known is supposed to be otherwise, and the best turns come first. */
static void turns_contradict_nothing(void **state)
{
    (void)state;
    struct scene *scene = silent_scene();
    const struct ledger *ledger = explained(scene)->ledger;
    assert_true(ledger->turn_count > 1);
    for (size_t i = 0; i < ledger->turn_count; i++) {
        bool absent = false;
        for (size_t s = 0; s < ledger->turns[i].supposed_count; s++) {
            const struct fact *known = &ledger->facts[ledger->turns[i].supposed[s].id];
            absent |= !known->known || (known->word && strcmp(known->word, "none") == 0);
            assert_true(absent || known->number < 0.5);
        }
        assert_true(absent);
        assert_true(i == 0 || ledger->turns[i - 1].turns || !ledger->turns[i].turns);
    }
    scene_end(scene);
}

static void nobody_asked(void **state)
{
    (void)state;
    struct scene *scene = silent_scene();
    assert_null(scene_diagnose(scene, 60)->findings[0]->ledger);
    scene_end(scene);
}

static void a_peer_that_never_appeared_is_explained_too(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    scene->explain = true;
    scene->site.told = VANTAGE_SERVER;
    assert_true(ip_network_parse("198.51.100.99", &scene->expected[0].client));
    scene->expected_count = 1;
    const struct finding *finding = scene_diagnose(scene, 60)->findings[0];
    assert_int_equal(finding->symptom, SYMPTOM_NO_TRAFFIC);
    assert_true(close_to(finding->ledger->probability, finding->verdict.probability));
    scene_end(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_account_adds_up),
        cmocka_unit_test(every_reason_is_in_the_account),
        cmocka_unit_test(groups_count_once),
        cmocka_unit_test(without_a_rule),
        cmocka_unit_test(a_turn_comes_true),
        cmocka_unit_test(turns_contradict_nothing),
        cmocka_unit_test(nobody_asked),
        cmocka_unit_test(a_peer_that_never_appeared_is_explained_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
