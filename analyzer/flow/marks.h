/* The packets worth remembering of all attempts (attempt.h). One packet often has many names: the
 * first of its side, the last, the SYN. It is kept once, as long as any name stands for it. */
#ifndef FWSNIFF_FLOW_MARKS_H
#define FWSNIFF_FLOW_MARKS_H

#include <stddef.h>

#include "analyzer/flow/attempt.h"

struct marks {
    union mark_cell **slabs;
    size_t made;
    union mark_cell *free;
};

void marks_free(struct marks *marks);

/* A mark that the caller lets go of with mark_drop() once it has its names. */
const struct mark *mark_keep(struct marks *marks, const struct mark *mark);
void mark_drop(struct marks *marks, const struct mark *mark);

/* From now on `*name` stands for the mark, which may be `no_mark`, and for none other. */
void mark_name(struct marks *marks, const struct mark **name, const struct mark *mark);

/* All zeros, with no_mark for every name. */
void attempt_clear(struct attempt *attempt);
/* No ICMP error quotes it any more. */
void attempt_drop_icmp(struct marks *marks, struct attempt *attempt);
/* No name stands for anything any more. */
void attempt_drop_marks(struct marks *marks, struct attempt *attempt);

#endif
