#include "tests/unit/test_dissect_frame.h"

#include "dissectors/ndpi_bridge.h"

#define TCP_REQUEST "c001 01bb 00000010 00000010 5018 2000 0000 0000 "
#define TCP_ANSWER  "01bb c001 00000010 00000010 5018 2000 0000 0000 "
/* TLS 1.2 ClientHello: SNI syncrify.example.com, ALPN h2 and http/1.1 */
#define CLIENT_HELLO                                                                               \
    "16030100600100005c0303000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f00"     \
    "0004c02fc0300100002f00000019001700001473796e63726966792e6578616d706c652e636f6d0010000e000c"   \
    "02683208687474702f312e31"
/* GET / HTTP/1.1, Host: backup.example.com, User-Agent: Syncrify/5 */
#define GET                                                                                        \
    "474554202f20485454502f312e310d0a486f73743a206261636b75702e6578616d706c652e636f6d0d0a557365"   \
    "722d4167656e743a2053796e63726966792f350d0a0d0a"
/* HTTP/1.1 403 Forbidden */
#define FORBIDDEN                                                                                  \
    "485454502f312e312034303320466f7262696464656e0d0a436f6e74656e742d547970653a20746578742f6874"   \
    "6d6c0d0a436f6e74656e742d4c656e6774683a20300d0a0d0a"

static bool give(struct ndpi_bridge *bridge, struct ndpi_flow *flow, const char *text, bool client)
{
    struct test_frame frame = test_frame_read(text);
    bool more = ndpi_bridge_packet(bridge, flow, frame.bytes, (uint32_t)frame.length, 1000, client);
    test_frame_free(&frame);
    return more;
}

static void nothing_is_known_of_nothing(void **state)
{
    struct ndpi_bridge *bridge = *state;
    struct ndpi_flow *flow = ndpi_bridge_flow_new(bridge);
    struct ndpi_result result;
    memset(&result, 0xa5, sizeof result);
    ndpi_bridge_result(bridge, flow, &result);
    assert_string_equal(result.master, "");
    assert_string_equal(result.tls.server_name, "");
    ndpi_bridge_flow_free(bridge, flow);
}

static void tls_client_hello(void **state)
{
    struct ndpi_bridge *bridge = *state;
    struct ndpi_flow *flow = ndpi_bridge_flow_new(bridge);
    struct ndpi_result result;
    give(bridge, flow, IP4("008d", "06") TCP_REQUEST CLIENT_HELLO, true);
    ndpi_bridge_result(bridge, flow, &result);
    assert_string_equal(result.master, "TLS");
    assert_string_equal(result.tls.server_name, "syncrify.example.com");
    assert_string_equal(result.tls.alpn, "h2,http/1.1");
    assert_string_equal(result.tls.version, "1.2");
    assert_string_equal(result.tls.sha1, "");
    assert_string_equal(result.http.host, "");
    ndpi_bridge_flow_free(bridge, flow);
}

/* Its length field says nothing of what was captured (offload, snap length): nDPI would refuse. */
static void wrong_ip_lengths_do_not_matter(void **state)
{
    struct ndpi_bridge *bridge = *state;
    static const char *const frames[] = {IP4("0000", "06") TCP_REQUEST CLIENT_HELLO,
                                         IP4("0fff", "06") TCP_REQUEST CLIENT_HELLO,
                                         IP6("0000", "06") TCP_REQUEST CLIENT_HELLO};
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        struct ndpi_flow *flow = ndpi_bridge_flow_new(bridge);
        struct ndpi_result result;
        give(bridge, flow, frames[i], true);
        ndpi_bridge_result(bridge, flow, &result);
        assert_string_equal(result.tls.server_name, "syncrify.example.com");
        ndpi_bridge_flow_free(bridge, flow);
    }
}

static void http_request_and_answer(void **state)
{
    struct ndpi_bridge *bridge = *state;
    struct ndpi_flow *flow = ndpi_bridge_flow_new(bridge);
    struct ndpi_result result;
    give(bridge, flow, IP4("006b", "06") TCP_REQUEST GET, true);
    give(bridge, flow, "4500 006d 0001 4000 40 06 0000 " SERVER4 CLIENT4 TCP_ANSWER FORBIDDEN,
         false);
    ndpi_bridge_result(bridge, flow, &result);
    assert_string_equal(result.master, "HTTP");
    assert_string_equal(result.http.host, "backup.example.com");
    assert_string_equal(result.http.user_agent, "Syncrify/5");
    assert_int_equal(result.http.response, 403);
    assert_string_equal(result.tls.server_name, "");
    ndpi_bridge_flow_free(bridge, flow);
}

static void short_packets_are_tolerated(void **state)
{
    struct ndpi_bridge *bridge = *state;
    struct test_frame frame = test_frame_read(IP4("008d", "06") TCP_REQUEST CLIENT_HELLO);
    for (size_t cut = 0; cut < frame.length; cut++) {
        struct ndpi_flow *flow = ndpi_bridge_flow_new(bridge);
        uint8_t *bytes = malloc(cut ? cut : 1);
        memcpy(bytes, frame.bytes, cut);
        (void)ndpi_bridge_packet(bridge, flow, bytes, (uint32_t)cut, 1000, true);
        free(bytes);
        ndpi_bridge_flow_free(bridge, flow);
    }
    test_frame_free(&frame);
}

static void packets_are_limited(void **state)
{
    struct ndpi_bridge *bridge = *state;
    struct ndpi_flow *flow = ndpi_bridge_flow_new(bridge);
    unsigned taken = 0;
    while (give(bridge, flow, IP4("0030", "06") TCP_REQUEST "0102030405060708", true))
        assert_true(++taken < NDPI_BRIDGE_PACKETS_MAX);
    assert_false(give(bridge, flow, IP4("0030", "06") TCP_REQUEST "0102030405060708", true));
    ndpi_bridge_flow_free(bridge, flow);
}

static void bytes_are_limited(void **state)
{
    struct ndpi_bridge *bridge = *state;
    struct ndpi_flow *flow = ndpi_bridge_flow_new(bridge);
    struct test_frame head = test_frame_read(IP4("0000", "06") TCP_REQUEST);
    uint8_t *packet = calloc(1, 65535); /* more than a flow may give, in one packet */
    memcpy(packet, head.bytes, head.length);
    assert_false(ndpi_bridge_packet(bridge, flow, packet, 65535, 1000, true));
    assert_false(ndpi_bridge_packet(bridge, flow, packet, 65535, 1000, true));
    free(packet);
    test_frame_free(&head);
    ndpi_bridge_flow_free(bridge, flow);
}

static void unused_bridges_cost_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) /* would take seconds, if nDPI were started */
        ndpi_bridge_free(ndpi_bridge_new());
    ndpi_bridge_free(NULL);
    assert_true(ndpi_bridge_version()[0] >= '4');
}

static int set_up(void **state)
{
    *state = ndpi_bridge_new();
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    ndpi_bridge_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_of_nothing),
        cmocka_unit_test(tls_client_hello),
        cmocka_unit_test(wrong_ip_lengths_do_not_matter),
        cmocka_unit_test(http_request_and_answer),
        cmocka_unit_test(short_packets_are_tolerated),
        cmocka_unit_test(packets_are_limited),
        cmocka_unit_test(bytes_are_limited),
        cmocka_unit_test(unused_bridges_cost_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
