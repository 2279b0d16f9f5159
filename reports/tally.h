/* A unit's exact counts of the week and of those before it, by hours; and around moments, by 10 s. */
#ifndef TM_REPORTS_TALLY_H
#define TM_REPORTS_TALLY_H

#include "reports/gather.h"
#include "reports/model.h"
#include "storage/model/histogram.h"

enum { TALLY_CLASSES = 5, TALLY_THIS = REPORT_TREND_WEEKS - 1, TALLY_MOMENTS_MAX = 64, TALLY_TICKS = 360 };

struct tally_hour {
    uint64_t classes[TALLY_CLASSES]; /* requests with status 1xx to 5xx */
    uint64_t exceptions;
};

/* An hour before and an hour behind a moment (a multiple of 10 s), in ticks of 10 s. */
struct tally_moment {
    time_ms_t time;
    struct tally_hour before[TALLY_TICKS], after[TALLY_TICKS];
};

/* Of one unit; zeroed and filled anew for each. */
struct tally {
    struct span spans[REPORT_TREND_WEEKS]; /* the weeks; the last one is the report's */
    size_t hour_count[REPORT_TREND_WEEKS];
    bool is_kept[REPORT_TREND_WEEKS]; /* counts reach back so far, and the week is not one of the future */
    bool has_data[REPORT_TREND_WEEKS];
    bool by_groups; /* all weeks begin on a whole hour: exceptions of hours are those of the groups' hours */
    struct tally_hour hours[REPORT_TREND_WEEKS][REPORT_HOURS_MAX];
    uint32_t durations[REPORT_HOURS_MAX][HISTOGRAM_BUCKETS]; /* of the week */
    uint64_t overflowed, unnamed;                            /* in the week */
    struct tally_moment *moments;                            /* owned; by time */
    size_t moment_count;
};

/* The local weeks up to the one of span, each moved by whole local weeks. */
void tally_spans(struct span span, struct span spans[REPORT_TREND_WEEKS]);

/* Which week a moment lies in and which of its hours, counted from its beginning. False: in none. */
bool tally_place(const struct tally *tally, time_ms_t time, size_t *week, size_t *hour);

/* Counts a unit's series; spans and moments (their times) are set. Where by_groups becomes true, the hours'
 * exceptions are left to tally_add_group: there are thousands of such series. Errors as reader_cells_next. */
enum tm_err tally_read(struct tally *tally, const struct gather *gather, size_t unit,
                       struct tm_why *why) TM_MUST_CHECK;

/* Adds an hour of a group of exceptions (view's hours); elsewhere nothing. */
void tally_add_group(struct tally *tally, const struct group_hour *hour);

/* Requests of all classes. */
uint64_t tally_requests(const struct tally_hour *hour);
/* Exceptions, and requests with status 4xx and 5xx: all that stands in groups. */
uint64_t tally_failures(const struct tally_hour *hour);
/* All hours of a week. */
struct tally_hour tally_week(const struct tally *tally, size_t week);

#endif
