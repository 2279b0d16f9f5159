/* The daemon's own figures, each declared once in a table (counters.c) with its name, meaning and unit, and
 * served at /metrics. Owned by the loop thread; nobody else touches them. */
#ifndef TM_COUNTERS_H
#define TM_COUNTERS_H

#include <stdint.h>

#include "storage/model/bytes.h"

enum counter {
    COUNTER_LINES,
    COUNTER_LINES_REFUSED,
    COUNTER_SAMPLES,
    COUNTER_EVENTS_HTTP,
    COUNTER_EVENTS_EXCEPTION,
    COUNTER_EVENTS_TALLY,
    COUNTER_EVENTS_MARKER,
    COUNTER_BATCHES_REP,
    COUNTER_BATCHES_PULL,
    COUNTER_BATCHES_HTTP,
    COUNTER_INGEST_BYTES,
    COUNTER_DUPLICATES,
    COUNTER_REFUSED_SIGNATURE,
    COUNTER_REFUSED_KEY,
    COUNTER_REFUSED_FORBIDDEN,
    COUNTER_REFUSED_HEADER,
    COUNTER_REFUSED_ENCODING,
    COUNTER_REFUSED_TOO_LARGE,
    COUNTER_REFUSED_STALE_EPOCH,
    COUNTER_REFUSED_SEQ_CONFLICT,
    COUNTER_REFUSED_BUSY,
    COUNTER_REFUSED_READ_ONLY,
    COUNTER_PULL_PAUSES,
    COUNTER_REPLIES_LOST,
    COUNTER_GATE_RESTARTS,
    COUNTER_HTTP_REQUESTS,
    COUNTER_HTTP_ERRORS,
    COUNTER_HTTP_UNAUTHORISED,
    COUNTER_HTTP_CUT,
    COUNTER_QUERIES,
    COUNTER_QUERY_SAMPLES,
    COUNTER_QUERIES_FAILED,
    COUNTER_QUERIES_CANCELLED,
    COUNTER_QUERIES_TIMED_OUT,
    COUNTER_QUERIES_BUSY,
    COUNTER_PUBLISHED,
    COUNTER_PUBLISH_DROPPED,
    COUNTER_FEED_SENT,
    COUNTER_FEED_DROPPED,
    COUNTER_REPORTS_SENT,
    COUNTER_REPORTS_RETRIED,
    COUNTER_REPORTS_REFUSED,
    COUNTER_RELOADS,
    COUNTER_RELOADS_REFUSED,
    COUNTER_COUNT
};

enum { LATENCY_BUCKETS = 24 };

/* A latency histogram with bounds that double: bucket i counts up to 50 us * 2^i, the last one everything. */
struct latency {
    uint64_t bucket[LATENCY_BUCKETS + 1];
    uint64_t count;
    uint64_t sum_ns;
};

struct counters {
    uint64_t value[COUNTER_COUNT];
    struct latency ack;   /* receipt of a whole message to its answer */
    struct latency query; /* receipt of a read request to the end of its answer */
};

/* Counts one; below 0 counts as 0. */
void latency_record(struct latency *latency, int64_t ns);
/* The bound below which this share (0..1) of what was recorded lies, in ms; 0 when empty. */
double latency_quantile_ms(const struct latency *latency, double share);

/* Appends all counters in Prometheus' text form. */
void counters_write(const struct counters *counters, struct bytes *out);

/* Appends one figure that is kept elsewhere: HELP, TYPE and value. labels may be "" or `{a="b"}`. A repeated
 * name writes HELP and TYPE only when help is not NULL. */
void counters_write_one(struct bytes *out, const char *name, const char *type, const char *help,
                        const char *labels, double value);

#endif
