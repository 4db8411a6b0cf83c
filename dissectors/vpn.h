/* The messages by which the usual VPNs over UDP ask to be let in. Everything else of theirs is
 * encrypted and may run in one direction for as long as it likes; these want an answer. */
#ifndef FWSNIFF_DISSECTORS_VPN_H
#define FWSNIFF_DISSECTORS_VPN_H

#include <stdbool.h>
#include <stdint.h>

/* Reads a UDP payload of `length` bytes, of which `captured` are at `bytes`. */
bool vpn_asks(const uint8_t *bytes, uint32_t captured, uint32_t length);

#endif
