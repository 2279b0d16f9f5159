/* What was counted around a deploy, from the exact counts of 10 s: requests and errors by page group,
 * exceptions, latencies; before it, a week ago, and after it tick by tick. Worker thread. */
#ifndef TM_QUERY_DEPLOY_COUNTS_H
#define TM_QUERY_DEPLOY_COUNTS_H

#include "scoring/latency_test.h"
#include "scoring/verdict.h"
#include "server/query/deploy.h"
#include "storage/query.h"

enum {
    DEPLOY_GROUPS_MAX = 400, /* page groups; the last one takes the rest, as `_overflow` */
    DEPLOY_TICKS = 360,      /* of 10 s */
    DEPLOY_MINUTES = 60,
    DEPLOY_CLASSES = 2 /* 5xx, 4xx */
};

/* Requests with their errors. */
struct deploy_cell {
    uint64_t requests;
    uint64_t errors[DEPLOY_CLASSES];
};

struct deploy_group {
    char *name; /* owned */
    struct deploy_cell week;
    struct deploy_cell before[DEPLOY_MINUTES];
    struct deploy_cell after[DEPLOY_TICKS];
};

/* Of one deploy. Zero-initialised; to be released. */
struct deploy_counts {
    struct deploy_group *groups[DEPLOY_GROUPS_MAX];
    size_t group_count;
    uint64_t exceptions_week, exceptions_before[DEPLOY_MINUTES], exceptions_after[DEPLOY_TICKS];
    uint64_t thrown_before[DEPLOY_EXCEPTIONS_MAX], thrown_after[DEPLOY_EXCEPTIONS_MAX]; /* by group */
    uint64_t slow_week[HISTOGRAM_BUCKETS];
    uint32_t *slow_before; /* DEPLOY_MINUTES times HISTOGRAM_BUCKETS; owned */
    uint32_t *slow_after;  /* DEPLOY_TICKS times HISTOGRAM_BUCKETS; owned */
    time_ms_t newest;      /* the end of the last 10 s after the deploy with a count; INT64_MIN: none */
};

/* Which counts are meant. Views. */
struct deploy_scope {
    const struct deploy *deploy;         /* an empty env: any */
    struct score_deploy_windows windows; /* on multiples of 10 s */
    bool has_week;                       /* is last week to be compared with? */
    bool is_pseudo; /* a time of the past at which nothing was deployed: nothing is asked of releases */
};

#define DEPLOY_MINUTE_MS INT64_C(60000)
#define DEPLOY_WEEK_MS   (INT64_C(7) * 24 * 60 * DEPLOY_MINUTE_MS)

/* Reads them. Exceptions behind the deploy that bear an older release are not counted. Errors as
 * reader_select and reader_cells_next. */
enum tm_err deploy_counts_read(struct reader *reader, const struct deploy_scope *scope,
                               struct deploy_counts *out, struct tm_why *why) TM_MUST_CHECK;
/* Frees groups and latencies; it is empty then. */
void deploy_counts_fini(struct deploy_counts *counts);

#endif
