/* Which times are normal: the same hours of the four weeks before, but for those in which something was the
 * matter. */
#ifndef TM_QUERY_DIFF_SPANS_H
#define TM_QUERY_DIFF_SPANS_H

#include <stdbool.h>

#include "scoring/compare/diff_read.h"
#include "storage/markers/markers.h"

/* Why a week is not used. */
enum diff_week_state {
    DIFF_WEEK_USED,
    DIFF_WEEK_MARKER,   /* an event, a maintenance, an incident or a rollback was marked */
    DIFF_WEEK_INCIDENT, /* an incident was found */
    DIFF_WEEK_DEPLOY,   /* a bad deploy */
    DIFF_WEEK_EMPTY,    /* there is no data */
    DIFF_WEEK_STATE_COUNT
};

/* The weeks before, the newest first. */
struct diff_weeks {
    struct span at[DIFF_NORMALS_MAX];
    enum diff_week_state state[DIFF_NORMALS_MAX];
};

/* Both ends moved up to the next multiple of 10 s, as counts have them. */
struct span diff_align(struct span span);

/* The weeks before a window, without those in which a marker speaks against it. service and env empty: all;
 * markers may be NULL. The thread that owns the markers. */
void diff_weeks_init(struct diff_weeks *weeks, struct span window, const struct markers *markers,
                     struct str service, struct str env);

/* Takes away the weeks in which an incident or a bad deploy was found. Errors as findings_search. */
enum tm_err diff_weeks_judge(struct diff_weeks *weeks, struct reader *reader, struct str service,
                             struct str env, struct tm_why *why) TM_MUST_CHECK;

/* The weeks that are used; none: the day before (weeks->at are then unused, and true). */
bool diff_weeks_fill(const struct diff_weeks *weeks, struct diff_windows *windows);

/* Appends a sentence on what was used and what was left out, and why. */
void diff_weeks_text(const struct diff_weeks *weeks, bool is_day_before, struct bytes *out);

#endif
