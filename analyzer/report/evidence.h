/* The evidence capture: the frames that a report cites, as pcapng with comments that say why.
 *
 *   gather (which frames) -> take (every frame of every capture goes by) -> write
 *
 * Frames keep their time and bytes (or what scrub.h leaves of them); each capture and link type is
 * an interface of the file. Format: draft-ietf-opsawg-pcapng. */
#ifndef FWSNIFF_REPORT_EVIDENCE_H
#define FWSNIFF_REPORT_EVIDENCE_H

#include "analyzer/capture/source.h"
#include "analyzer/pseudonym.h"
#include "analyzer/report/report.h"

enum {
    EVIDENCE_NOTES_MAX = 200000,            /* that one frame shows one thing */
    EVIDENCE_BYTES_MAX = 256 * 1024 * 1024, /* of frames held until they are written */
};

struct evidence;

/* Notes which frames the report cites. The report outlives the evidence. */
struct evidence *evidence_gather(const struct report *report);
void evidence_free(struct evidence *evidence);

/* The last frame of a capture that is wanted; 0: none. Reading may end there. */
uint64_t evidence_last_frame(const struct evidence *evidence, uint32_t capture);
/* Keeps a frame if it is wanted: shortened and changed at once where that is asked for. */
void evidence_take(struct evidence *evidence, uint32_t capture, const struct frame *frame,
                   bool strip, const struct pseudonyms *pseudonyms);
/* Frames cited that were never taken, and citations that found no room. */
uint64_t evidence_missing(const struct evidence *evidence);

/* False when writing failed; errno says why. */
bool evidence_write(FILE *out, const struct evidence *evidence);

#endif
