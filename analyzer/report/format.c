#include "analyzer/report/format.h"
#include "analyzer/report/report.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

/* Whole seconds and the rest, rounded down also before 1970. */
static void split_time(int64_t time_ns, time_t *seconds, int64_t *rest_ns)
{
    *seconds = (time_t)(time_ns / NS_PER_S);
    *rest_ns = time_ns % NS_PER_S;
    if (*rest_ns < 0) {
        *seconds -= 1;
        *rest_ns += NS_PER_S;
    }
}

const char *report_time_text(int64_t time_ns, char buffer[TIME_TEXT])
{
    time_t seconds;
    int64_t rest_ns;
    struct tm utc;
    split_time(time_ns, &seconds, &rest_ns);
    gmtime_r(&seconds, &utc); /* 64 bits of nanoseconds end in 2262 */
    size_t length = strftime(buffer, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(buffer + length, TIME_TEXT - length, ".%06" PRId64 "Z", rest_ns / 1000);
    return buffer;
}

const char *format_count(uint64_t number, char buffer[FORMAT_TEXT])
{
    char digits[24];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, number);
    char *to = buffer;
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return buffer;
}

const char *format_plural(uint64_t number, const char *noun, char buffer[FORMAT_TEXT])
{
    size_t length = strlen(format_count(number, buffer));
    snprintf(buffer + length, FORMAT_TEXT - length, " %s%s", noun, number == 1 ? "" : "s");
    return buffer;
}

const char *format_duration(int64_t duration_ns, char buffer[FORMAT_TEXT])
{
    static const struct {
        int64_t seconds;
        const char *unit;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    int64_t seconds = duration_ns > 0 ? duration_ns / NS_PER_S : 0;
    if (seconds == 0) {
        int64_t ms = duration_ns > 0 ? duration_ns / NS_PER_MS : 0;
        snprintf(buffer, FORMAT_TEXT, "%" PRId64 " ms", ms);
        return buffer;
    }
    size_t unit = 0;
    while (seconds < units[unit].seconds)
        unit++;
    int length = snprintf(buffer, FORMAT_TEXT, "%" PRId64 " %s", seconds / units[unit].seconds,
                          units[unit].unit);
    seconds %= units[unit].seconds;
    if (unit + 1 < sizeof units / sizeof *units && seconds >= units[unit + 1].seconds)
        snprintf(buffer + length, FORMAT_TEXT - (size_t)length, " %" PRId64 " %s",
                 seconds / units[unit + 1].seconds, units[unit + 1].unit);
    return buffer;
}

const char *format_span(int64_t first_ns, int64_t last_ns, char buffer[FORMAT_TEXT])
{
    time_t first, last;
    int64_t rest_ns;
    struct tm from, to;
    buffer[0] = '\0';
    if (first_ns == INT64_MIN || last_ns == INT64_MIN)
        return buffer;
    split_time(first_ns, &first, &rest_ns);
    split_time(last_ns, &last, &rest_ns);
    gmtime_r(&first, &from);
    gmtime_r(&last, &to);
    bool same_day = from.tm_year == to.tm_year && from.tm_yday == to.tm_yday;
    size_t length = strftime(buffer, FORMAT_TEXT, "%Y-%m-%d %H:%M:%S", &from);
    if (first != last)
        length += strftime(buffer + length, FORMAT_TEXT - length,
                           same_day ? " to %H:%M:%S" : " to %Y-%m-%d %H:%M:%S", &to);
    snprintf(buffer + length, FORMAT_TEXT - length, " UTC");
    return buffer;
}

const char *format_share(unsigned share, char buffer[FORMAT_TEXT])
{
    if (share > 9900 && share < 10000)
        return strcpy(buffer, "over 99%");
    if (share > 0 && share < 100)
        return strcpy(buffer, "under 1%");
    snprintf(buffer, FORMAT_TEXT, "%u%%", (share + 50) / 100);
    return buffer;
}

bool format_stream_ok(FILE *out)
{
    if (fflush(out) != 0)
        return false;
    if (ferror(out)) {
        errno = EIO; /* a write before failed; what it said is gone */
        return false;
    }
    return true;
}
