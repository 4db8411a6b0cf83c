/* A failure: the attempts of one client host on one service that fail in the same way. It becomes a
 * finding of the report. */
#ifndef FWSNIFF_ATTRIBUTION_FAILURE_H
#define FWSNIFF_ATTRIBUTION_FAILURE_H

#include "analyzer/attribution/profile.h"
#include "analyzer/flow/attempt.h"
#include "analyzer/symptom/detector.h"

enum { FAILURE_SAMPLE = 16 }; /* attempts looked at closely; the others are counted */

struct failure {
    const struct service *service;
    enum symptom symptom;
    uint8_t proto;
    uint16_t server_port;
    struct ip_address client, server;
    const struct attempt *sample[FAILURE_SAMPLE];
    uint32_t sample_count;
    uint32_t attempts;         /* all that failed this way */
    int64_t first_ns, last_ns; /* first packet of the first, last packet of the last */
    int64_t failed_ns;         /* when the first failure began to show */
    struct frame_list frames;  /* of the symptom */
    /* The service that would have served as well failed with it; NULL: none did. */
    const struct service *alternative_failed;
    struct frame_list alternative_frames;
    /* An SSL VPN on a port of others: whose, by what it is known, and where. NULL: none. */
    const char *vpn, *vpn_known_by;
    struct frame_list vpn_frames;
    bool lost_race;  /* each of its attempts looked at was given up because another one worked */
    bool suppressed; /* not a failure of the path: a scan, a race that was lost, ... */
};

#endif
