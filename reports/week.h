/* ISO weeks and hours of a place on earth. The zone is that of the process (the C library reads tzdata), set
 * once before anything else here is called. */
#ifndef TM_REPORTS_WEEK_H
#define TM_REPORTS_WEEK_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

enum { WEEK_TEXT_BYTES = 16, WEEK_TIME_BYTES = 40 };

/* An ISO week: 2026, 47. */
struct week_name {
    int year; /* that the week belongs to, 1971 to 9998 */
    int week; /* 1 to 53 */
};

/* A moment on the local clock. */
struct week_clock {
    int year, month, day; /* month from 1 */
    int weekday;          /* 0: Monday */
    int hour, minute, second;
    int offset_s; /* east of UTC */
    struct week_name week;
};

/* The process lives in this IANA zone from now on. TM_INVALID: there is none of this name. Not while other
 * threads look at the time. */
enum tm_err week_set_zone(const char *name, struct tm_why *why) TM_MUST_CHECK;

/* Reads `2026-W47`. TM_INVALID: it is none, or the year has no such week. */
enum tm_err week_parse(struct str text, struct week_name *out, struct tm_why *why) TM_MUST_CHECK;
/* Writes and returns it. */
const char *week_text(struct week_name week, char text[WEEK_TEXT_BYTES]);
/* So many weeks later; negative: earlier. */
struct week_name week_add(struct week_name week, int weeks);
/* From local midnight of Monday to that of the next one: 167, 168 or 169 hours in most zones. */
struct span week_span(struct week_name week);
/* What the local clock shows. */
struct week_clock week_clock(time_ms_t time);
/* When the local clock shows that; an hour that is left out is the one behind it, of one that comes twice the
 * first. */
time_ms_t week_time(int year, int month, int day, int hour, int minute);
/* The same time of the local week, so many weeks later. */
time_ms_t week_shift(time_ms_t time, int weeks);
/* `2026-11-23 04:00 +09:00`. Writes and returns it. */
const char *week_time_text(time_ms_t time, char text[WEEK_TIME_BYTES]);

#endif
