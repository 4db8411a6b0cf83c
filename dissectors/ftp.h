/* The lines of an FTP control connection (RFC 959, RFC 2428, RFC 4217), as far as they say where a
 * data connection will be. Reads text that is not terminated; every byte comes from strangers. */
#ifndef FWSNIFF_DISSECTORS_FTP_H
#define FWSNIFF_DISSECTORS_FTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dissectors/address.h"

enum ftp_word {
    FTP_OTHER_COMMAND,
    FTP_PASSIVE,  /* PASV, EPSV */
    FTP_ACTIVE,   /* PORT, EPRT: with the endpoint */
    FTP_TRANSFER, /* RETR STOR STOU APPE LIST NLST MLSD: wants the data connection */
    FTP_ENCRYPT,  /* AUTH */
    FTP_LEAVE,    /* QUIT, ABOR */
    FTP_NO_COMMAND,
};

/* Where a data connection is to go. */
struct ftp_endpoint {
    bool has_address; /* EPSV tells the port only: the address is the control connection's */
    struct ip_address address;
    uint16_t port;
};

/* A line of the client, without its end. `endpoint` is filled for FTP_ACTIVE; one that cannot be
 * read is FTP_OTHER_COMMAND. FTP_NO_COMMAND: this is not FTP. */
enum ftp_word ftp_command(const char *line, size_t length, struct ftp_endpoint *endpoint);

/* A line of the client of which only the beginning is there: a PORT or EPRT command, with the
 * address where that is whole and without the port. False: another command. */
bool ftp_command_cut(const char *line, size_t length, struct ftp_endpoint *endpoint);

/* A line of the server: its code 100 to 599; 0 where it is a line within a reply of several, -1
 * where it is not FTP. */
int ftp_reply(const char *line, size_t length);

/* The beginning of a reply 227, cut within its address: how many of the address' bytes are there,
 * and these. One that more digits could follow is not. */
int ftp_reply_cut(const char *line, size_t length, uint8_t octets[4]);

/* The endpoint of a reply 227 or 229. False: it cannot be read. */
bool ftp_reply_endpoint(const char *line, size_t length, struct ftp_endpoint *endpoint);

#endif
