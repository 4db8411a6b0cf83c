#include "analyzer/flow/marks.h"

#include <stdlib.h>

#include "analyzer/memory.h"

union mark_cell {
    struct mark mark;
    union mark_cell *next; /* free */
};

enum { SLAB_BYTES = 256 * 1024, SLAB_MARKS = SLAB_BYTES / sizeof(union mark_cell) };

const struct mark no_mark;
const struct icmp_record no_icmp = {.first = &no_mark};

#define SIDE(which, name) offsetof(struct attempt, side[which].name)
#define SIDE_NAMES(which)                                                                          \
    SIDE(which, first), SIDE(which, last), SIDE(which, first_data), SIDE(which, last_data),        \
        SIDE(which, fin), SIDE(which, rst), SIDE(which, first_unanswered),                         \
        SIDE(which, beyond_missing)

/* Where an attempt has names of marks. */
static const size_t names[] = {
    offsetof(struct attempt, syn),
    offsetof(struct attempt, syn_last),
    offsetof(struct attempt, synack),
    offsetof(struct attempt, synack_last),
    offsetof(struct attempt, confirmed),
    offsetof(struct attempt, refused),
    SIDE_NAMES(INITIATOR),
    SIDE_NAMES(RESPONDER),
};

enum { NAMES = sizeof names / sizeof *names };

static const struct mark **name_at(struct attempt *attempt, int index)
{
    return (const struct mark **)(void *)((char *)attempt + names[index]);
}

void marks_free(struct marks *marks)
{
    for (size_t i = 0; i * SLAB_MARKS < marks->made; i++)
        free(marks->slabs[i]);
    free(marks->slabs);
}

static union mark_cell *new_cell(struct marks *marks)
{
    union mark_cell *cell = marks->free;
    if (cell) {
        marks->free = cell->next;
        return cell;
    }
    size_t slabs = marks->made / SLAB_MARKS;
    if (marks->made % SLAB_MARKS == 0) {
        marks->slabs = memory_resize(marks->slabs, slabs + 1, sizeof *marks->slabs);
        marks->slabs[slabs] = memory_zeroed(1, SLAB_BYTES);
    }
    return &marks->slabs[slabs][marks->made++ % SLAB_MARKS];
}

const struct mark *mark_keep(struct marks *marks, const struct mark *mark)
{
    union mark_cell *cell = new_cell(marks);
    cell->mark = *mark;
    cell->mark.names = 1; /* the caller's */
    return &cell->mark;
}

void mark_drop(struct marks *marks, const struct mark *mark)
{
    if (mark == &no_mark)
        return;
    union mark_cell *cell = (union mark_cell *)(void *)mark;
    if (--cell->mark.names)
        return;
    cell->next = marks->free;
    marks->free = cell;
}

void mark_name(struct marks *marks, const struct mark **name, const struct mark *mark)
{
    const struct mark *before = *name;
    if (mark != &no_mark)
        ((struct mark *)mark)->names++;
    *name = mark;
    mark_drop(marks, before);
}

void attempt_clear(struct attempt *attempt)
{
    *attempt = (struct attempt){.icmp = &no_icmp};
    for (int i = 0; i < NAMES; i++)
        *name_at(attempt, i) = &no_mark;
}

void attempt_drop_icmp(struct marks *marks, struct attempt *attempt)
{
    struct icmp_record *record = (struct icmp_record *)attempt->icmp;
    if (record == &no_icmp)
        return;
    mark_drop(marks, record->first);
    frame_notes_clear(&record->frames);
    free(record);
    attempt->icmp = &no_icmp;
}

void attempt_drop_marks(struct marks *marks, struct attempt *attempt)
{
    for (int i = 0; i < NAMES; i++)
        mark_name(marks, name_at(attempt, i), &no_mark);
    attempt_drop_icmp(marks, attempt);
}
