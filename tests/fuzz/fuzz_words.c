/* libFuzzer: the small parsers of strangers' words: FTP's lines, DNS messages, VPN handshakes. The
 * bytes are copied to exactly their size, so that a sanitizer sees every read outside. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dissectors/dns.h"
#include "dissectors/ftp.h"
#include "dissectors/vpn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_endpoint(bool read, const struct ftp_endpoint *endpoint)
{
    if (read && endpoint->port == 0)
        abort();
}

static void feed_ftp(const char *line, size_t length)
{
    struct ftp_endpoint endpoint;
    check_endpoint(ftp_command(line, length, &endpoint) == FTP_ACTIVE, &endpoint);
    if (ftp_command_cut(line, length, &endpoint) && endpoint.port)
        abort();
    int code = ftp_reply(line, length);
    if (code < -1 || code > 699)
        abort();
    check_endpoint(ftp_reply_endpoint(line, length, &endpoint), &endpoint);
}

static void feed_dns(const uint8_t *bytes, uint32_t length)
{
    struct dns_message message;
    if (!dns_read(bytes, length, &message))
        return;
    if (message.address_count > DNS_ADDRESSES_MAX ||
        !memchr(message.name, '\0', sizeof message.name))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    feed_ftp((const char *)copy, size);
    feed_dns(copy, (uint32_t)size);
    (void)vpn_asks(copy, (uint32_t)size, (uint32_t)size);
    (void)vpn_asks(copy, (uint32_t)size, (uint32_t)size + 100);
    (void)vpn_is_esp(copy, (uint32_t)size, (uint32_t)size + 100);
    (void)openvpn_tcp_begins(size & 1, copy, (uint32_t)size);
    free(copy);
    return 0;
}
