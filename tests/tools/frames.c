/* Reads a capture through source.h and says how that went, in one line for check_frames.py:
 *   frames=N numbered=N bytes=N truncated=0/1 growing=0/1 problem=...
 *   refused=...
 * frames FILE [FILTER] */
#include <inttypes.h>
#include <stdio.h>

#include "analyzer/capture/source.h"

enum { BATCH = 256 };

int main(int argc, char **argv)
{
    struct error error = {""};
    struct frame frames[BATCH];
    if (argc < 2) {
        fprintf(stderr, "usage: frames FILE [FILTER]\n");
        return 2;
    }
    struct source *source = source_open_file(argv[1], argc > 2 ? argv[2] : NULL, &error);
    if (!source) {
        printf("refused=%s\n", error.text);
        return 1;
    }
    uint64_t bytes = 0, number = 0;
    unsigned touched = 0;
    int count;
    while ((count = source_next(source, frames, BATCH)) >= 0)
        for (int i = 0; i < count; i++) {
            bytes += frames[i].caplen;
            number = frames[i].number;
            /* Both ends: a sanitizer sees whether they are there. */
            if (frames[i].caplen)
                touched += frames[i].data[0] + frames[i].data[frames[i].caplen - 1];
        }
    const struct source_stats *stats = source_stats(source);
    printf("frames=%" PRIu64 " numbered=%" PRIu64 " bytes=%" PRIu64 " truncated=%d growing=%d "
           "problem=%s\n",
           stats->frames, number, bytes, stats->truncated, stats->growing, stats->problem.text);
    source_close(source);
    return touched == ~0u ? 3 : 0;
}
