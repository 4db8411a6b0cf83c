/* What reports draw of a failure: the packets of the failing attempts, and attempts over time. */
#include "tests/unit/scene.h"

static const struct finding *only_finding(struct scene *scene)
{
    const struct diagnosis *diagnosis = scene_diagnose(scene, 60);
    assert_int_equal(diagnosis->count, 1);
    return diagnosis->findings[0];
}

static uint32_t lost(const struct exchange *exchange)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < exchange->step_count; i++)
        count += exchange->steps[i].lost;
    return count;
}

static void ascending(const struct exchange *exchange)
{
    for (uint32_t i = 1; i < exchange->step_count; i++)
        assert_true(exchange->steps[i - 1].frame < exchange->steps[i].frame);
}

static struct talk client(struct scene *scene, uint16_t port)
{
    return scene_talk(scene, "192.168.1.7", port, "203.0.113.2", 5800);
}

/* First and last SYN are steps, the ones between are named by the first. */
static void silence(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = client(scene, 50000);
    scene_unanswered(&talk, 1, 5);
    const struct finding *finding = only_finding(scene);
    const struct exchange *exchange = &finding->exchanges[0];
    assert_int_equal(finding->exchange_count, 1);
    assert_int_equal(exchange->client_port, 50000);
    assert_int_equal(exchange->step_count, 2);
    assert_int_equal(exchange->steps[0].frame, 1);
    assert_int_equal(exchange->steps[0].again.count, 3);
    assert_int_equal(frame_list_at(&exchange->steps[0].again, 2), 4);
    assert_int_equal(exchange->steps[1].frame, 5);
    assert_int_equal(lost(exchange), 2);
    assert_int_equal(exchange->steps[0].flags, TCP_SYN);
    scene_end(scene);
}

static void refusal(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = client(scene, 50000);
    CLIENT_SENDS(&talk, .at = 1, .flags = "S");
    ICMP_REFUSES(&talk, INITIATOR, .at = 1.1, .type = 3, .code = 13, .sender = "198.51.100.1");
    const struct exchange *exchange = &only_finding(scene)->exchanges[0];
    assert_int_equal(exchange->step_count, 2);
    assert_int_equal(lost(exchange), 0); /* it was answered, if not well */
    assert_true(exchange->steps[1].is_icmp);
    assert_int_equal(exchange->steps[1].sender, STEP_OF_OTHER);
    assert_int_equal(exchange->steps[1].icmp_code, 13);
    scene_end(scene);
}

/* From the first packet on that was never acknowledged, all data of that side is lost. */
static void stall(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = client(scene, 50000);
    scene_handshake(&talk, 1);
    scene_exchange(&talk, 2, 100, 200);
    uint32_t begun = (uint32_t)scene->frame;
    CLIENT_SENDS(&talk, .at = 10, .flags = "PA", .seq = 101, .ack = 201, .length = 50);
    CLIENT_SENDS(&talk, .at = 10.5, .flags = "PA", .seq = 101, .ack = 201, .length = 50);
    CLIENT_SENDS(&talk, .at = 12, .flags = "PA", .seq = 101, .ack = 201, .length = 50);
    CLIENT_SENDS(&talk, .at = 16, .flags = "PA", .seq = 101, .ack = 201, .length = 50);
    CLIENT_SENDS(&talk, .at = 24, .flags = "PA", .seq = 101, .ack = 201, .length = 50);
    const struct exchange *exchange = &only_finding(scene)->exchanges[0];
    ascending(exchange);
    for (uint32_t i = 0; i < exchange->step_count; i++) {
        const struct exchange_step *step = &exchange->steps[i];
        assert_int_equal(step->lost, step->frame > begun);
        for (uint32_t a = 0; a < step->again.count; a++) /* no frame twice */
            for (uint32_t j = 0; j < exchange->step_count; j++)
                assert_true(exchange->steps[j].frame != frame_list_at(&step->again, a));
    }
    assert_true(lost(exchange) >= 2);
    scene_end(scene);
}

/* Every datagram of an unanswered request is lost, the last one too. */
static void datagrams(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct talk talk = scene_talk(scene, "192.168.1.7", 50000, "203.0.113.2", 8080);
    for (int i = 0; i < 8; i++)
        CLIENT_SENDS(&talk, .at = 1 + i, .length = 16);
    const struct exchange *exchange = &only_finding(scene)->exchanges[0];
    assert_int_equal(exchange->step_count, 2);
    assert_int_equal(lost(exchange), 2);
    assert_int_equal(exchange->steps[1].frame, 8);
    assert_int_equal(exchange->steps[0].again.count, 6);
    scene_end(scene);
}

/* The last attempt looked at is shown beside the first ones. */
static void many_attempts(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    for (uint16_t i = 0; i < 6; i++) {
        struct talk talk = client(scene, (uint16_t)(50000 + i));
        scene_unanswered(&talk, 1 + i * 8, 3);
    }
    const struct finding *finding = only_finding(scene);
    assert_int_equal(finding->attempts, 6);
    assert_int_equal(finding->exchange_count, EXCHANGES_MAX);
    assert_int_equal(finding->exchanges[0].client_port, 50000);
    assert_int_equal(finding->exchanges[EXCHANGES_MAX - 1].client_port, 50005);
    scene_end(scene);
}

static uint32_t total(const uint32_t bins[HISTORY_BINS])
{
    uint32_t sum = 0;
    for (size_t i = 0; i < HISTORY_BINS; i++)
        sum += bins[i];
    return sum;
}

/* It worked, then it failed; what others do on the service does not count. */
static void history(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    for (uint16_t i = 0; i < 3; i++) {
        struct talk good = client(scene, (uint16_t)(40000 + i));
        scene_success(&good, 1 + i);
    }
    struct talk other = scene_talk(scene, "192.168.1.8", 41000, "203.0.113.2", 5800);
    scene_success(&other, 20);
    for (uint16_t i = 0; i < 2; i++) {
        struct talk bad = client(scene, (uint16_t)(50000 + i));
        scene_unanswered(&bad, 30 + i * 10, 4);
    }
    const struct history *seen = &only_finding(scene)->history;
    assert_int_equal(seen->first_ns, scene_time(1));
    assert_int_equal(seen->last_ns, scene_time(40));
    assert_int_equal(total(seen->succeeded), 3);
    assert_int_equal(total(seen->failed), 2);
    assert_int_equal(seen->succeeded[0] + seen->succeeded[1] + seen->succeeded[2], 3);
    assert_int_equal(seen->failed[HISTORY_BINS - 1], 1);
    scene_end(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence),   cmocka_unit_test(refusal),       cmocka_unit_test(stall),
        cmocka_unit_test(datagrams), cmocka_unit_test(many_attempts), cmocka_unit_test(history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
