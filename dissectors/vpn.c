#include "dissectors/vpn.h"

#include "dissectors/cursor.h"

/* OpenVPN, ssl_pkt.h: | opcode 5, key 3 | session (8) | ...
 * P_CONTROL_HARD_RESET_CLIENT_V1, V2 and V3, of key 0; without protection 14 bytes. */
enum openvpn_reset {
    CLIENT_V1 = 1 << 3,
    SERVER_V1 = 2 << 3,
    CLIENT_V2 = 7 << 3,
    SERVER_V2 = 8 << 3,
    CLIENT_V3 = 10 << 3,
    RESET_MIN = 14,
};

static bool openvpn_asks(const uint8_t *bytes, uint32_t length)
{
    return length >= RESET_MIN &&
           (bytes[0] == CLIENT_V1 || bytes[0] == CLIENT_V2 || bytes[0] == CLIENT_V3);
}

/* socket.c puts a length in front: | length (2) | opcode, key | session (8) | ... The first packets
 * are of few lengths: plain | acknowledged: none (1) | number (4) |, of the server with one number
 * and session acknowledged; with tls-auth or tls-crypt | HMAC | number, time (8) | more. With a
 * client's key in it (V3) they are longer. */
bool openvpn_tcp_begins(bool from_client, const uint8_t *bytes, uint32_t length)
{
    enum { ACKNOWLEDGED = 4 + 8, REPLAY = 8, KEY_MIN = 256, KEY_MAX = 1300, EARLY = 6 };
    static const uint8_t hmacs[] = {16, 20, 28, 32, 48, 64}, zeros[5];
    if (length < OPENVPN_TCP_MIN)
        return false;
    uint32_t said = bytes_u16(bytes), opcode = bytes[2];
    if (from_client && opcode == CLIENT_V3)
        return said >= KEY_MIN && said <= KEY_MAX;
    if (opcode != (from_client ? CLIENT_V2 : SERVER_V2) &&
        opcode != (from_client ? CLIENT_V1 : SERVER_V1))
        return false;
    if (from_client && said == RESET_MIN)
        return memcmp(bytes + 11, zeros, sizeof zeros) == 0;
    if (!from_client && said == RESET_MIN + ACKNOWLEDGED)
        return bytes[11] == 1 && memcmp(bytes + 12, zeros, 4) == 0;
    for (size_t i = 0; i < sizeof hmacs; i++) {
        uint32_t bare = RESET_MIN + REPLAY + hmacs[i] + (from_client ? 0u : ACKNOWLEDGED);
        if (said == bare || (!from_client && said == bare + EARLY))
            return true;
    }
    return false;
}

/* WireGuard, protocol 5.4.2: | type 1 | reserved 0 (3) | sender (4) | ephemeral (32) | ... */
static bool wireguard_asks(const uint8_t *bytes, uint32_t length)
{
    enum { INITIATION_LENGTH = 148 };
    return length == INITIATION_LENGTH && bytes_u32(bytes) == 0x01000000;
}

/* RFC 7296 3.1; RFC 2408 3.1 for version 1, whose requests tell themselves only at first
 *   | initiator's SPI (8) | responder's SPI (8) | next | version | exchange | flags |
 *   | message (4) | length (4) |
 * On port 4500 behind four zeros (RFC 3948 2.2). */
static bool ike_asks(const uint8_t *bytes, uint32_t captured, uint32_t length)
{
    enum { HEADER = 28, VERSION_1 = 0x10, VERSION_2 = 0x20, RESPONSE = 0x20 };
    static const uint8_t none[8];
    if (captured >= 4 && bytes_u32(bytes) == 0) {
        bytes += 4;
        captured -= 4;
        length -= 4;
    }
    if (captured < HEADER || bytes_u32(bytes + 24) != length || memcmp(bytes, none, 8) == 0)
        return false;
    return bytes[17] == VERSION_2 ? !(bytes[19] & RESPONSE)
                                  : bytes[17] == VERSION_1 && memcmp(bytes + 8, none, 8) == 0;
}

bool vpn_asks(const uint8_t *bytes, uint32_t captured, uint32_t length)
{
    if (captured < 8 || length < captured)
        return false;
    return openvpn_asks(bytes, length) || wireguard_asks(bytes, length) ||
           ike_asks(bytes, captured, length);
}

/* RFC 3948 2.1 to 2.3: | SPI (4) | sequence (4) | ... | in the place of IKE's four zeros, or of a
 * keep-alive's one byte. RFC 4303 2: at least an integrity check value and a trailer follow; SPIs
 * up to 255 are reserved. */
bool vpn_is_esp(const uint8_t *bytes, uint32_t captured, uint32_t length)
{
    enum { ESP_MIN = ESP_NUMBER + 4 + 12, RESERVED = 255 };
    return captured >= ESP_NUMBER && length >= ESP_MIN && bytes_u32(bytes) > RESERVED;
}
