/* Numbers and times as people read them. Each writes into `buffer` and returns it. */
#ifndef FWSNIFF_REPORT_FORMAT_H
#define FWSNIFF_REPORT_FORMAT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { FORMAT_TEXT = 80 };

/* "1,200" */
const char *format_count(uint64_t number, char buffer[FORMAT_TEXT]);

/* "1 attempt", "1,200 attempts" */
const char *format_plural(uint64_t number, const char *noun, char buffer[FORMAT_TEXT]);

/* "850 ms", "13 s", "2 min 13 s", "3 h 5 min", "2 d 4 h". Negative counts as 0. */
const char *format_duration(int64_t duration_ns, char buffer[FORMAT_TEXT]);

/* "2026-11-21 10:00:00 to 10:02:13 UTC"; one time where both fall into the same second; "" where
 * either is INT64_MIN. */
const char *format_span(int64_t first_ns, int64_t last_ns, char buffer[FORMAT_TEXT]);

/* "93%" of hundredths of a percent; never "100%" nor "0%" unless it is exactly that. */
const char *format_share(unsigned share, char buffer[FORMAT_TEXT]);

/* Flushes. False when this or any write before it failed; errno says why. */
bool format_stream_ok(FILE *out);

#endif
