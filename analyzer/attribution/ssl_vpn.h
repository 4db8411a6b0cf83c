/* Connections on a port of others that are a tunnel's: SSL VPNs, known by what is said on them or
 * by the name their server was looked up by. */
#ifndef FWSNIFF_ATTRIBUTION_SSL_VPN_H
#define FWSNIFF_ATTRIBUTION_SSL_VPN_H

#include "analyzer/attribution/failures.h"
#include "analyzer/speech/signs.h"

/* Whose tunnel a connection is, and by which word of the fact tunnel.ssl-vpn that is known; NULL:
 * nothing says that it is one. */
const char *ssl_vpn_of(const struct attempt *attempt, const struct signs *signs,
                       const char **known_by);

/* Failures of such connections are the SSL VPN's of the profiles, where these have one. */
void ssl_vpn_tell(struct failures *failures, const struct tracker *tracker,
                  const struct profiles *profiles, const struct signs *signs);

#endif
