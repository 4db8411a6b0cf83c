/* The detectors behind the table in detectors.c. Each returns true where its symptom holds, with
 * the frames that show it and the time it began in `detection`. */
#ifndef FWSNIFF_SYMPTOM_DETECTORS_H
#define FWSNIFF_SYMPTOM_DETECTORS_H

#include "analyzer/symptom/detector.h"

typedef bool detector_function(const struct attempt *attempt, const struct detect_context *context,
                               struct detection *detection);

/* handshake.c */
detector_function detect_syn_timeout, detect_synack_unanswered, detect_syn_reset;
/* midstream.c */
detector_function detect_reset_midstream, detect_stall_midstream;
/* ftp.c */
detector_function detect_ftp_data_failed;
/* tls.c */
detector_function detect_tls_failure;
/* http.c */
detector_function detect_http_blocked;
/* datagram.c */
detector_function detect_udp_no_response, detect_udp_stall, detect_udp_throttled,
    detect_esp_unanswered;
/* refused.c */
detector_function detect_icmp_unreachable;

static inline double seconds_between(int64_t from_ns, int64_t to_ns)
{
    return (double)(to_ns - from_ns) / 1e9;
}

#endif
