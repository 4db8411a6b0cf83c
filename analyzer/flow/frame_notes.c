#include "analyzer/flow/frame_notes.h"

#include <stdlib.h>

#include "analyzer/memory.h"

void frame_notes_add(struct frame_notes *notes, uint64_t frame)
{
    if (frame == 0 || frame == notes->only)
        return;
    if (!notes->only && !notes->list) {
        notes->only = frame;
        return;
    }
    if (!notes->list) {
        notes->list = memory_zeroed(1, sizeof *notes->list);
        frame_list_add(notes->list, notes->only);
        notes->only = 0;
    }
    frame_list_add(notes->list, frame);
}

void frame_notes_drop(struct frame_notes *notes)
{
    free(notes->list);
    *notes = (struct frame_notes){0};
}

struct frame_list frame_notes_list(const struct frame_notes *notes)
{
    struct frame_list list = {0};
    if (notes->list)
        return *notes->list;
    frame_list_add(&list, notes->only);
    return list;
}

void frame_list_join_notes(struct frame_list *list, const struct frame_notes *notes)
{
    if (notes->list)
        frame_list_join(list, notes->list);
    else
        frame_list_add(list, notes->only);
}
