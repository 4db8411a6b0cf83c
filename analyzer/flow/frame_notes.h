/* Frames that an attempt's record notes down. Mostly there is none or one: a list is made for the
 * second. */
#ifndef FWSNIFF_FLOW_FRAME_NOTES_H
#define FWSNIFF_FLOW_FRAME_NOTES_H

#include <stdint.h>

#include "analyzer/attribution/fact.h"

/* All zeros: none. */
struct frame_notes {
    uint64_t only;           /* 0: none, or several */
    struct frame_list *list; /* owned; NULL: not several */
};

void frame_notes_add(struct frame_notes *notes, uint64_t frame);

static inline bool frame_notes_any(const struct frame_notes *notes)
{
    return notes->only || notes->list;
}

void frame_notes_drop(struct frame_notes *notes);

/* After most packets there is nothing. */
static inline void frame_notes_clear(struct frame_notes *notes)
{
    if (frame_notes_any(notes))
        frame_notes_drop(notes);
}

/* What frame_list_add() would have made of them. */
struct frame_list frame_notes_list(const struct frame_notes *notes);
void frame_list_join_notes(struct frame_list *list, const struct frame_notes *notes);

#endif
