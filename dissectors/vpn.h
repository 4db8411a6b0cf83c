/* The messages by which the usual VPNs over UDP ask to be let in. Everything else of theirs is
 * encrypted and may run in one direction for as long as it likes; these want an answer. And what
 * IPsec carries where a NAT is in the way: ESP beside IKE, on one port. */
#ifndef FWSNIFF_DISSECTORS_VPN_H
#define FWSNIFF_DISSECTORS_VPN_H

#include <stdbool.h>
#include <stdint.h>

/* Reads a UDP payload of `length` bytes, of which `captured` are at `bytes`. */
bool vpn_asks(const uint8_t *bytes, uint32_t captured, uint32_t length);

/* The first bytes of OpenVPN over TCP; OPENVPN_TCP_MIN of them are looked at. */
bool openvpn_tcp_begins(bool from_client, const uint8_t *bytes, uint32_t length);

enum { OPENVPN_TCP_MIN = 16 };

enum { ESP_NUMBER = 8 }; /* SPI and sequence number, never the same twice */

/* ESP in a UDP payload of IKE's port 4500; its first ESP_NUMBER bytes are there. */
bool vpn_is_esp(const uint8_t *bytes, uint32_t captured, uint32_t length);

#endif
