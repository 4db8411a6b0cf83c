#include "analyzer/pseudonym.h"

#include <errno.h>
#include <nettle/aes.h>
#include <nettle/pbkdf2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "analyzer/memory.h"

enum {
    BLOCK = AES_BLOCK_SIZE,
    DERIVE_ROUNDS = 600000, /* OWASP Password Storage Cheat Sheet, PBKDF2-HMAC-SHA256 */
};

struct pseudonyms {
    struct aes128_ctx cipher;
    uint8_t pad[BLOCK];
};

static bool read_hexadecimal(const char *text, uint8_t key[PSEUDONYM_KEY_BYTES])
{
    if (strlen(text) != 2 * PSEUDONYM_KEY_BYTES ||
        strspn(text, "0123456789abcdefABCDEF") != 2 * PSEUDONYM_KEY_BYTES)
        return false;
    for (size_t i = 0; i < PSEUDONYM_KEY_BYTES; i++) {
        char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};
        key[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return true;
}

static bool make_key(const char *text, uint8_t key[PSEUDONYM_KEY_BYTES], struct error *error)
{
    static const char salt[] = "fwsniff pseudonyms";
    if (!text)
        return getrandom(key, PSEUDONYM_KEY_BYTES, 0) == PSEUDONYM_KEY_BYTES ||
               error_set(error, "no random key for --anonymize: %s", strerror(errno));
    if (!read_hexadecimal(text, key))
        pbkdf2_hmac_sha256(strlen(text), (const uint8_t *)text, DERIVE_ROUNDS, sizeof salt - 1,
                           (const uint8_t *)salt, PSEUDONYM_KEY_BYTES, key);
    return true;
}

struct pseudonyms *pseudonyms_new(const char *text, char told[PSEUDONYM_KEY_TEXT],
                                  struct error *error)
{
    uint8_t key[PSEUDONYM_KEY_BYTES];
    if (!make_key(text, key, error))
        return NULL;
    struct pseudonyms *pseudonyms = memory_zeroed(1, sizeof *pseudonyms);
    aes128_set_encrypt_key(&pseudonyms->cipher, key);
    aes128_encrypt(&pseudonyms->cipher, BLOCK, pseudonyms->pad, key + BLOCK);
    for (size_t i = 0; i < PSEUDONYM_KEY_BYTES; i++)
        snprintf(told + 2 * i, 3, "%02x", key[i]);
    explicit_bzero(key, sizeof key);
    return pseudonyms;
}

void pseudonyms_free(struct pseudonyms *pseudonyms)
{
    if (pseudonyms)
        explicit_bzero(pseudonyms, sizeof *pseudonyms);
    free(pseudonyms);
}

/* Each bit is flipped or not by what the cipher makes of the bits before it, padded to a block. */
static void map_bits(const struct pseudonyms *pseudonyms, const uint8_t *from, uint8_t *to,
                     size_t bytes)
{
    uint8_t input[BLOCK], output[BLOCK];
    memcpy(input, pseudonyms->pad, BLOCK);
    for (size_t i = 0; i < bytes; i++) {
        to[i] = from[i];
        for (int bit = 7; bit >= 0; bit--) {
            uint8_t mask = (uint8_t)(1u << bit);
            aes128_encrypt(&pseudonyms->cipher, BLOCK, output, input);
            if (output[0] & 0x80)
                to[i] ^= mask;
            input[i] = (uint8_t)((input[i] & ~mask) | (from[i] & mask));
        }
    }
}

struct ip_address pseudonym_ip(const struct pseudonyms *pseudonyms,
                               const struct ip_address *address)
{
    static const uint8_t broadcast[4] = {255, 255, 255, 255};
    struct ip_address mapped = *address;
    bool v4 = ip_is_v4(address);
    static const uint8_t zeros[4] = {0};
    if (!pseudonyms || ip_is_unspecified(address) ||
        (v4 && (memcmp(address->bytes + 12, broadcast, 4) == 0 ||
                memcmp(address->bytes + 12, zeros, 4) == 0)))
        return mapped;
    if (v4)
        map_bits(pseudonyms, address->bytes + 12, mapped.bytes + 12, 4);
    else
        map_bits(pseudonyms, address->bytes, mapped.bytes, 16);
    return mapped;
}

void pseudonym_mac(const struct pseudonyms *pseudonyms, uint8_t mac[6])
{
    static const uint8_t kept[2][6] = {{0}, {255, 255, 255, 255, 255, 255}};
    static const char domain[] = "MAC";
    uint8_t block[BLOCK] = {0};
    if (!pseudonyms || memcmp(mac, kept[0], 6) == 0 || memcmp(mac, kept[1], 6) == 0)
        return;
    memcpy(block, mac, 6);
    memcpy(block + 8, domain, sizeof domain);
    for (size_t i = 0; i < BLOCK; i++)
        block[i] ^= pseudonyms->pad[i];
    aes128_encrypt(&pseudonyms->cipher, BLOCK, block, block);
    uint8_t group = mac[0] & 1; /* IEEE 802-2014 8.2.2: group bit, locally administered bit */
    memcpy(mac, block, 6);
    mac[0] = (uint8_t)((mac[0] & 0xfc) | 2 | group);
}
