/* Frames written as hexadecimal text, for the tests of the dissectors. */
#ifndef FWSNIFF_TESTS_TEST_DISSECT_FRAME_H
#define FWSNIFF_TESTS_TEST_DISSECT_FRAME_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dissectors/packet.h"

enum { LINK_ETHERNET = 1, LINK_RAW = 101 };

#define MACS         "0200000000b2 0200000000a1 "
#define ETHERNET_IP4 MACS "0800 "
#define ETHERNET_IP6 MACS "86dd "
#define CLIENT4      "c0000201"
#define SERVER4      "c6336402"
#define CLIENT6      "20010db8 00000000 00000000 00000001 "
#define SERVER6      "20010db8 00000000 00000000 00000002 "
/* `total` and `payload` of four digits, `protocol` of two */
#define IP4(total, protocol) "4500 " total " 1234 4000 40 " protocol " 0000 " CLIENT4 SERVER4 " "
#define IP6(payload, next)   "60000000 " payload next " 3f " CLIENT6 SERVER6
#define TCP_SYN_20           "c001 01bb 00000010 00000000 5002 2000 0000 0000 "
#define UDP_HELLO            "c002 0035 000d 0000 68656c6c6f " /* 13 bytes */

struct test_frame {
    uint8_t *bytes; /* a buffer of exactly this size, so that a sanitizer sees every read outside */
    size_t length;
    struct packet packet;
};

static inline int test_digit(char c)
{
    return c >= 'a' ? c - 'a' + 10 : c - '0';
}

static inline struct test_frame test_frame_read(const char *text)
{
    struct test_frame frame = {.bytes = malloc(strlen(text) / 2 + 1)};
    int high = -1;
    for (; *text; text++) {
        if (*text == ' ')
            continue;
        if (high < 0) {
            high = test_digit(*text);
        } else {
            frame.bytes[frame.length++] = (uint8_t)(high << 4 | test_digit(*text));
            high = -1;
        }
    }
    assert_int_equal(high, -1);
    frame.bytes = realloc(frame.bytes, frame.length ? frame.length : 1);
    return frame;
}

static inline void test_inside(const uint8_t *at, size_t length, const uint8_t *bytes, size_t size)
{
    if (length != 0)
        assert_true(at >= bytes && at + length <= bytes + size);
}

/* What holds of any packet, however short the capture was cut. */
static inline void test_invariants(const struct packet *packet, const uint8_t *bytes, size_t size)
{
    if (packet->kind < PACKET_IP)
        return;
    test_inside(packet->ip_bytes, packet->ip_captured, bytes, size);
    test_inside(packet->transport, packet->transport_captured, bytes, size);
    test_inside(packet->payload, packet->payload_captured, bytes, size);
    assert_true(packet->ip_captured <= packet->ip.total_length);
    assert_true(packet->payload_captured <= packet->payload_length);
    assert_true((packet->payload == NULL) == (packet->payload_captured == 0));
    assert_true((packet->transport == NULL) == (packet->transport_captured == 0));
}

/* The frame, dissected at each length that a capture could have cut it to, and at last whole. */
static inline struct test_frame test_dissect(uint16_t link_type, const char *text)
{
    struct test_frame frame = test_frame_read(text);
    for (size_t cut = 0; cut < frame.length; cut++) {
        uint8_t *bytes = malloc(cut ? cut : 1);
        memcpy(bytes, frame.bytes, cut);
        packet_dissect(link_type, bytes, (uint32_t)cut, (uint32_t)frame.length, &frame.packet);
        test_invariants(&frame.packet, bytes, cut);
        (void)packet_checksum_wrong(&frame.packet);
        free(bytes);
    }
    memset(&frame.packet, 0xa5, sizeof frame.packet); /* need not be initialised */
    packet_dissect(link_type, frame.bytes, (uint32_t)frame.length, (uint32_t)frame.length,
                   &frame.packet);
    test_invariants(&frame.packet, frame.bytes, frame.length);
    return frame;
}

static inline void test_frame_free(struct test_frame *frame)
{
    free(frame->bytes);
}

/* Only the kind, of a frame whose other fields do not matter. */
static inline enum packet_kind test_kind(uint16_t link_type, const char *text)
{
    struct test_frame frame = test_dissect(link_type, text);
    test_frame_free(&frame);
    return frame.packet.kind;
}

static inline void assert_address(const struct ip_address *address, const char *expected)
{
    char text[IP_ADDRESS_TEXT];
    assert_string_equal(ip_text(address, text), expected);
}

/* The SYN of TCP_SYN_20 was reached. */
static inline void assert_syn(const struct packet *packet)
{
    assert_int_equal(packet->kind, PACKET_TCP);
    assert_int_equal(packet->source_port, 49153);
    assert_int_equal(packet->destination_port, 443);
    assert_int_equal(packet->tcp.flags, TCP_SYN);
    assert_int_equal(packet->tcp.sequence, 16);
}

#endif
