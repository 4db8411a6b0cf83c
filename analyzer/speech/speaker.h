/* The protocols that are listened to beyond their name, one const table (speakers.c).
 *
 * A speaker knows its protocol by the first bytes of either side, and then reads on whenever more
 * of a side is in order. What it found it keeps in a record of its own, one for each connection,
 * which spoken.h hands to detectors, facts and reports. The parsing itself stands in dissectors/,
 * over plain bytes. */
#ifndef FWSNIFF_SPEECH_SPEAKER_H
#define FWSNIFF_SPEECH_SPEAKER_H

#include <stdbool.h>
#include <stddef.h>

#include "analyzer/flow/attempt.h"
#include "analyzer/speech/certificates.h"
#include "analyzer/speech/signs.h"
#include "analyzer/speech/stream.h"
#include "dissectors/said.h"

/* The numbers of the table's rows. */
enum speaker_id { SPEAKER_TLS, SPEAKER_HTTP, SPEAKER_OPENVPN, SPEAKER_COUNT };

/* What one side has said so far: all its bytes in order. */
struct hearing {
    enum side side;
    const struct stream *stream;
    const uint8_t *bytes; /* stream_bytes(), from the first on */
    uint32_t length;      /* of what is whole: up to the first byte that the snap length cut off */
    uint32_t sent;        /* with the blanks, and what was captured behind them */
    /* Of the run: */
    struct certificates *certificates;
    const struct signs *signs; /* NULL: none are known */
};

struct speaker {
    const char *protocol; /* as nDPI and the profiles name it */
    size_t record_bytes;  /* of its record of one connection; all zeros at first */
    /* These are the first bytes of its protocol. Asked from SPEECH_OPENING_MIN bytes on, again
     * with every byte more, up to SPEECH_OPENING_MAX: then the side speaks something else. */
    bool (*opens)(const struct hearing *hearing);
    /* More of one side is in order. False: nothing more is wanted of this side. */
    bool (*hears)(void *record, const struct hearing *hearing);
    /* The messages of one side in its record, and which of them are new: a bit for each. Asked
     * after each hears(); their frames are filled in then. */
    struct said *(*said)(void *record, enum side side, uint32_t **fresh);
    /* From `*at` on this side speaks another protocol, inside of this one. NULL: that never is. */
    bool (*hands_over)(const void *record, enum side side, uint32_t *at);
    /* Frees what the record owns. NULL: nothing. */
    void (*release)(void *record);
};

/* Of a side that ends sooner, SPEECH_OPENING_FEW will do: all our protocols are known by then. */
enum { SPEECH_OPENING_MIN = 4, SPEECH_OPENING_FEW = 12, SPEECH_OPENING_MAX = 24 };

/* A row of the table; NULL never. */
const struct speaker *speaker_at(enum speaker_id id);

/* Each in a file of its own, hear_*.c. */
extern const struct speaker speaker_tls, speaker_http, speaker_openvpn;

#endif
