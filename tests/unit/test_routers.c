/* Which cards are routers': router advertisements, and reports of who listens to all routers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyzer/flow/routers.h"

static const uint8_t card[6] = {2, 0, 0, 0, 0, 1};

/* In a block of its own length, so that a read beyond it is seen. */
static bool tells(const uint8_t *bytes, uint32_t length, struct packet packet)
{
    struct routers routers = {0};
    uint8_t *message = malloc(length ? length : 1);
    assert_non_null(message);
    memcpy(message, bytes, length);
    packet.kind = PACKET_ICMP;
    packet.has_mac = true;
    packet.icmp.type = length ? message[0] : 0;
    packet.transport = length ? message : NULL;
    packet.transport_captured = length;
    memcpy(packet.source_mac, card, sizeof card);
    routers_packet(&routers, &packet);
    free(message);
    assert_int_equal(routers.count, routers_has(&routers, card));
    return routers.count == 1;
}

#define TELLS(...)                                                                                 \
    tells((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}),                  \
          (struct packet){.ip = {.version = 6, .hop_limit = 255}})
#define GROUP(scope, before, last) 0xff, scope, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, before, last
#define REPORT(count)              143, 0, 0, 0, 0, 0, 0, count

static void advertisements(void **state)
{
    (void)state;
    static const uint8_t advertises[16] = {134};
    const struct packet far = {.ip = {.version = 6, .hop_limit = 64}};
    const struct packet inside = {.ip = {.version = 6, .hop_limit = 255}, .tunnels = TUNNEL_GRE};
    assert_true(TELLS(134, 0, 0, 0));
    assert_false(tells(advertises, sizeof advertises, far)); /* RFC 4861 6.1.2 */
    assert_false(tells(advertises, sizeof advertises, inside));
    assert_false(TELLS(133, 0, 0, 0)); /* a host that looks for one */
}

static void reports(void **state)
{
    (void)state;
    assert_true(TELLS(131, 0, 0, 0, 0, 0, 0, 0, GROUP(2, 0, 2)));
    assert_false(TELLS(131, 0, 0, 0, 0, 0, 0, 0, GROUP(2, 0, 1))); /* all nodes */
    assert_false(TELLS(131, 0, 0, 0));
    assert_true(TELLS(REPORT(1), 4, 0, 0, 0, GROUP(2, 0, 2)));
    assert_true(TELLS(REPORT(1), 2, 0, 0, 0, GROUP(5, 0, 2)));
    assert_false(TELLS(REPORT(1), 3, 0, 0, 0, GROUP(2, 0, 2))); /* leaves */
    assert_false(TELLS(REPORT(1), 4, 0, 0, 0, GROUP(2, 0, 0x16)));
    /* behind a record with a source, or with four bytes of its own */
    assert_true(
        TELLS(REPORT(2), 1, 0, 0, 1, GROUP(2, 0, 9), GROUP(2, 0, 8), 4, 0, 0, 0, GROUP(2, 0, 2)));
    assert_true(
        TELLS(REPORT(2), 4, 1, 0, 0, GROUP(2, 0, 9), 1, 2, 3, 4, 4, 0, 0, 0, GROUP(2, 0, 2)));
    /* more told than there is */
    assert_false(TELLS(REPORT(9), 4, 0, 0xff, 0xff, GROUP(2, 0, 9)));
    assert_false(TELLS(REPORT(9), 4, 0xff, 0, 0, GROUP(2, 0, 9)));
    assert_false(TELLS(REPORT(9)));
    assert_false(TELLS(143, 0, 0));
    assert_false(TELLS(REPORT(0), 4, 0, 0, 0, GROUP(2, 0, 2)));
}

static void there_is_room_for_some(void **state)
{
    (void)state;
    static const uint8_t advertises[16] = {134};
    struct routers routers = {0};
    for (int i = 0; i < 2 * (ROUTERS_MAX + 5); i++) {
        struct packet packet = {.kind = PACKET_ICMP,
                                .has_mac = true,
                                .ip = {.version = 6, .hop_limit = 255},
                                .icmp = {.type = 134},
                                .transport = advertises,
                                .transport_captured = sizeof advertises,
                                .source_mac = {2, 0, 0, 0, 1, (uint8_t)(i / 2)}};
        routers_packet(&routers, &packet);
        assert_int_equal(routers.count, i / 2 + 1 < ROUTERS_MAX ? i / 2 + 1 : ROUTERS_MAX);
    }
    assert_int_equal(routers.refused, 2 * 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(advertisements),
        cmocka_unit_test(reports),
        cmocka_unit_test(there_is_room_for_some),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
