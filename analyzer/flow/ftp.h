/* FTP: a control connection says where its data connections will be (RFC 959, RFC 2428), and those
 * become attempts of their own that know it.
 *
 * The whole control connection is read, however long, through a stream that begins anew now and
 * then. What is agreed on is kept in a bounded table of the tracker, and every SYN to a port that
 * nobody watches is held against it. After AUTH TLS (RFC 4217) no command can be read any more;
 * then connections of the same client to unwatched high ports of the same server count as its data
 * connections, and speech.c listens to the TLS handshake. */
#ifndef FWSNIFF_FLOW_FTP_H
#define FWSNIFF_FLOW_FTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/flow/attempt.h"
#include "analyzer/speech/stream.h"

struct tracker;

enum ftp_mode { FTP_MODE_NONE, FTP_MODE_PASSIVE, FTP_MODE_ACTIVE };

enum { FTP_LINE_MAX = 256, FTP_DATA_KEPT = 4 };

struct ftp_line {
    char text[FTP_LINE_MAX];
    uint16_t length;
    bool skipping; /* the rest of a line that was longer */
};

/* What is known of one control connection. Hangs on its attempt, freed with it. */
struct ftp_session {
    struct stream stream[2]; /* by enum side */
    uint32_t taken[2];       /* bytes of it read */
    struct ftp_line line[2];
    uint32_t behind[2]; /* sequence number behind that side's last line */
    bool read[2];       /* a whole line of that side was FTP */
    bool foreign;       /* it is something else: nothing more is read */
    bool in_reply;      /* within a reply of several lines */

    /* The data connection agreed on last. */
    enum ftp_mode mode;
    struct ip_address announced; /* as told; the control connection's where none was */
    uint16_t port;               /* 0: could not be read */
    uint8_t told[4], told_count; /* ... and the bytes of the address that were captured */
    struct mark agreed;          /* reply 227 or 229, or command PORT or EPRT */
    bool seen;                   /* its SYN is in the capture */
    bool settled;                /* the transfer ended, or another was agreed on */

    struct mark encrypted; /* AUTH accepted, TLS begins `behind` it; frame 0: in clear text */
    bool asked_for_tls;    /* AUTH */
    struct mark left;      /* QUIT or ABOR */
    struct mark transfer;  /* command that wants the data connection */
    struct mark opening;   /* reply that announces it: the server is about to open it, or has */

    /* Refused by the server for want of a data connection (reply 425) that is not in the capture.
     */
    uint32_t refused;
    struct mark refused_first;
    struct frame_list refused_frames;

    uint32_t data[FTP_DATA_KEPT]; /* numbers of the latest data connections; 0: none */
    uint32_t data_count;
};

/* Takes in one segment with payload. Costs what is not FTP one look at its first. */
void ftp_packet(struct tracker *tracker, struct attempt *attempt, enum side side,
                const struct packet *packet, const struct mark *mark);
/* Frees the session of an attempt, where it has one. */
void ftp_forget(struct attempt *attempt);

/* The control connection that agreed on a data connection whose SYN this is; NULL: none did. */
struct attempt *ftp_control_of(const struct tracker *tracker, const struct packet *packet,
                               int64_t time_ns);
/* Tells the control connection that its data connection was seen. */
void ftp_data_seen(const struct tracker *tracker, struct attempt *control,
                   const struct attempt *data);

#endif
