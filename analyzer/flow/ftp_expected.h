/* The data connections that FTP control connections have agreed on and that are still to come: a
 * table with a fixed number of places, found by port. */
#ifndef FWSNIFF_FLOW_FTP_EXPECTED_H
#define FWSNIFF_FLOW_FTP_EXPECTED_H

#include <stdint.h>

#include "analyzer/flow/flow_table.h"
#include "dissectors/packet.h"

struct tracker;

/* In a full row the oldest gives way, and is counted where it was still fresh. */
enum { FTP_EXPECTED_ROWS = 256, FTP_EXPECTED_PER_ROW = 4, FTP_EXPECTED_S = 120 };

struct ftp_expected {
    uint32_t control; /* attempt number; 0: free */
    struct flow_key control_key;
    struct ip_address from;  /* who connects */
    struct ip_address to[2]; /* where to: as announced, and the address that the control
                                connection knows the listener by */
    uint16_t port;           /* 0: any high port, while the control connection lives */
    int64_t since_ns;
};

struct ftp_expected_table;

void ftp_expected_add(struct tracker *tracker, const struct ftp_expected *expected);
/* Number of the control connection's attempt; 0: nothing was agreed on that fits this SYN. */
uint32_t ftp_expected_find(const struct tracker *tracker, const struct packet *packet,
                           int64_t time_ns);
/* How many gave way to others while they were fresh. */
uint64_t ftp_expected_lost(const struct tracker *tracker);
void ftp_expected_free(struct tracker *tracker);

#endif
