/* Times as they stand in other people's tables. */
#ifndef TM_CLI_CSV_TIME_H
#define TM_CLI_CSV_TIME_H

#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

enum csv_time_kind {
    CSV_TIME_AUTO, /* a date, or a number whose size tells its unit: below 10^11 s, 10^14 ms, 10^17 us, else
                      ns */
    CSV_TIME_ISO,
    CSV_TIME_S,
    CSV_TIME_MS,
    CSV_TIME_US,
    CSV_TIME_NS,
    CSV_TIME_PATTERN
};

struct csv_time {
    enum csv_time_kind kind;
    const char *pattern; /* as strptime takes it; UTC unless it has %z */
};

/* From "auto", "iso", "s", "ms", "us", "ns", or a pattern with a percent sign. TM_INVALID. */
enum tm_err csv_time_format(const char *text, struct csv_time *out, struct tm_why *why) TM_MUST_CHECK;

/* What is finer than a millisecond is cut. TM_INVALID with a sentence that quotes the text. */
enum tm_err csv_time_read(const struct csv_time *format, struct str text, time_ms_t *out,
                          struct tm_why *why) TM_MUST_CHECK;

#endif
