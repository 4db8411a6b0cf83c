/* The numbers of the detectors, read from rules/thresholds.json where each has its source. */
#ifndef FWSNIFF_SYMPTOM_THRESHOLDS_H
#define FWSNIFF_SYMPTOM_THRESHOLDS_H

#include <stdbool.h>

#include "analyzer/attribution/rules.h"
#include "analyzer/error.h"

/*  field                  name in thresholds.json (the unit is in the name) */
#define THRESHOLD_TABLE(X)                                                                         \
    X(syn_retries_sure, "syn.retries_sure")                                                        \
    X(syn_wait_s, "syn.wait_s")                                                                    \
    X(syn_retry_gap_min_s, "syn.retry_gap_min_s")                                                  \
    X(synack_retries_min, "synack.retries_min")                                                    \
    X(synack_wait_s, "synack.wait_s")                                                              \
    X(udp_requests_min, "udp.requests_min")                                                        \
    X(udp_wait_s, "udp.wait_s")                                                                    \
    X(udp_stall_requests_min, "udp.stall_requests_min")                                            \
    X(udp_stall_wait_s, "udp.stall_wait_s")                                                        \
    X(throttle_packets_min, "throttle.packets_min")                                                \
    X(throttle_share_max, "throttle.share_max")                                                    \
    X(throttle_seconds_min, "throttle.seconds_min")                                                \
    X(throttle_repeats_min, "throttle.repeats_min")                                                \
    X(esp_packets_min, "esp.packets_min")                                                          \
    X(esp_wait_s, "esp.wait_s")                                                                    \
    X(esp_length_max, "esp.length_max")                                                            \
    X(esp_rate_max, "esp.rate_max")                                                                \
    X(stall_retransmissions_min, "stall.retransmissions_min")                                      \
    X(stall_wait_s, "stall.wait_s")                                                                \
    X(stall_silent_reply_s, "stall.silent_reply_s")                                                \
    X(idle_min_s, "idle.min_s")                                                                    \
    X(scan_targets_min, "scan.targets_min")                                                        \
    X(scan_answered_max_ratio, "scan.answered_max_ratio")                                          \
    X(eyeballs_window_s, "eyeballs.window_s")                                                      \
    X(rst_too_soon_ratio, "rst.too_soon_ratio")                                                    \
    X(ttl_tolerance_hops, "ttl.tolerance_hops")

struct thresholds {
#define THRESHOLD_FIELD(field, name) double field;
    THRESHOLD_TABLE(THRESHOLD_FIELD)
#undef THRESHOLD_FIELD
};

/* False with a message where one is missing. */
bool thresholds_load(struct thresholds *thresholds, const struct rules *rules, struct error *error);

#endif
