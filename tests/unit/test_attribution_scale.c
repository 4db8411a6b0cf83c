/* Many failing clients at once: the work must grow with their number, not with its square. CPU
 * times are printed and not judged: machines differ. */
#include "tests/unit/scene.h"

#include <sys/resource.h>
#include <time.h>

static double cpu_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void v6_talk(struct talk *talk, uint32_t number)
{
    memcpy(talk->address[INITIATOR].bytes + 12, &number, sizeof number);
}

/* `clients` over IPv4 get no answer from one service; a tenth as many are served over IPv6. */
static void play(struct scene *scene, uint32_t clients)
{
    struct talk v4 = scene_talk(scene, "10.0.0.0", 50000, "203.0.113.2", 5800);
    struct talk v6 = scene_talk(scene, "2001:db8::", 50000, "2001:db8::2", 5800);
    v4.hop_limit[INITIATOR] = v6.hop_limit[INITIATOR] = 57;
    for (uint32_t i = 0; i < clients; i++) {
        struct talk talk = v4;
        talk.address[INITIATOR].bytes[13] = (uint8_t)(i >> 16);
        talk.address[INITIATOR].bytes[14] = (uint8_t)(i >> 8);
        talk.address[INITIATOR].bytes[15] = (uint8_t)i;
        scene_unanswered(&talk, i * 0.0001, 3);
        if (i % 10 == 0) {
            talk = v6;
            v6_talk(&talk, i);
            scene_success(&talk, i * 0.0001);
        }
    }
}

/* Seconds of a diagnosis without the rules' part, which is the same for every finding. */
static double study_time(uint32_t clients, double *whole_s)
{
    struct scene *scene = scene_with_room(clients * 64); /* one flow in 32 may be a product's */
    play(scene, clients);
    double begun = cpu_s();
    struct study *study = scene_study(scene, 60);
    double took = cpu_s() - begun;
    assert_int_equal(study->failures.failed, clients);
    assert_int_equal(scene_failing(study), clients);
    scene_study_end(study);
    begun = cpu_s();
    assert_int_equal(scene_diagnose(scene, 60)->count, clients);
    *whole_s = cpu_s() - begun;
    scene_end(scene);
    return took;
}

static void work_grows_with_the_failing_clients(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {4000, 20000, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct rusage usage;
        double whole_s, gather_s = study_time(sizes[i], &whole_s);
        getrusage(RUSAGE_SELF, &usage);
        print_message("%6u failing clients: gathered in %.2f s, diagnosed in %.2f s, %ld MB\n",
                      sizes[i], gather_s, whole_s, usage.ru_maxrss / 1024);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_grows_with_the_failing_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
