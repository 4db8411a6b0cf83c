/* Names of files and sites come from strangers. Inside of batch, in plans, results and the history
 * they are text that is safe everywhere: bytes that are not UTF-8, control and invisible characters
 * and '%' itself stand as %NN. The real name comes back with name_decode(). */
#ifndef FWSNIFF_BATCH_NAME_H
#define FWSNIFF_BATCH_NAME_H

#include <stddef.h>

/* Both are the caller's to free. */
char *name_encode(const char *raw);
char *name_decode(const char *name);

/* A text that is shown and never turned back (a message): only what is unsafe is replaced, '%'
 * stays. */
char *name_clean(const char *raw);

/* What files of one rotation have in common: the file's name (of a path, or of a member of an
 * archive) without its counters and times. A run of digits is one of these when it is at least four
 * long, follows a '-', '_' or '.', begins the name, or ends it after ".pcap" (tcpdump -C); not in
 * an IPv4 address, and not behind a letter: "server1" and "server2" are two places. */
char *name_stem(const char *path);

/* A file name for a site's page: letters, digits, '-', '_' and '.', with a hash behind it where
 * that changed the name. */
char *name_slug(const char *site);

#endif
