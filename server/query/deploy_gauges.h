/* The gauges of a service around a deploy: which of its metrics tell of a fault, and their levels minute by
 * minute, before, after and a week ago. Worker thread. */
#ifndef TM_QUERY_DEPLOY_GAUGES_H
#define TM_QUERY_DEPLOY_GAUGES_H

#include "scoring/gauge_test.h"
#include "server/query/deploy_counts.h"

enum {
    DEPLOY_GAUGES_MAX = 24,
    DEPLOY_GAUGE_SERIES_MAX = 50,      /* of one metric; the first ones */
    DEPLOY_GAUGE_NAMES_MAX = 10000,    /* metrics of a service that are looked at */
    DEPLOY_GAUGE_MINUTES = 60 + 8 * 60 /* before, and behind the deploy */
};

/* The sum over the series of a metric of each one's mean in a minute. */
struct deploy_level {
    double sum;
    double series;
};

struct deploy_gauge {
    char *name; /* owned */
    enum score_direction direction;
    bool is_filling;  /* may run full: memory, disk, handles, ... */
    bool is_rate;     /* a counter of CPU seconds: its increase a second is the gauge */
    char *limit_name; /* of the metric that says what it may grow to; owned; NULL: none */
    double limit;     /* 0: unknown */
    struct deploy_level
        now[DEPLOY_GAUGE_MINUTES]; /* minutes of before, then from DEPLOY_MINUTES on of after */
    struct deploy_level week[DEPLOY_GAUGE_MINUTES];
};

/* Zero-initialised; to be released. */
struct deploy_gauges {
    struct deploy_gauge *at; /* owned */
    size_t count;
    size_t left_out;  /* metrics beyond DEPLOY_GAUGES_MAX */
    time_ms_t newest; /* the end of the last whole minute behind the deploy with a sample; INT64_MIN: none */
};

/* What a metric's name says of it. place: of its word in the order in which they are taken. */
struct deploy_gauge_kind {
    enum score_direction direction;
    bool is_filling;
    bool is_rate;
    unsigned place;
};

/* Reads a metric's name; false if it tells of no fault. Words between underscores, and in MemFree, count:
 * memory, heap, cpu, queue, lag, threads, connections, ... are bad when they rise; with free, available,
 * idle, when they fall. Counters are none, but those of CPU seconds; nor are limits, start times, and what
 * the daemon itself makes. Pure. */
bool deploy_gauge_kind(struct str name, struct deploy_gauge_kind *out);

/* Is `limit` the name of what `name` may grow to? jvm_memory_used_bytes: jvm_memory_max_bytes. Pure. */
bool deploy_gauge_is_limit(struct str name, struct str limit);

/* Reads them: the metrics of the service by the place of their word, then by name. Errors as reader_select
 * and reader_walk_next. */
enum tm_err deploy_gauges_read(struct reader *reader, const struct deploy_scope *scope,
                               struct deploy_gauges *out, struct tm_why *why) TM_MUST_CHECK;

/* Frees gauges and names; it is empty then. */
void deploy_gauges_fini(struct deploy_gauges *gauges);

#endif
