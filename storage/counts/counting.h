/* Exact answers: the cells of many series added up by labels and steps of time, in integers.
 *
 * A cell of 10 s belongs to the span that its start lies in: both ends of a span move up to the next multiple
 * of 10 s, so that what adjacent spans say adds up.
 *
 * One thread at a time; the reader is used within counting_step only. */
#ifndef TM_STORAGE_COUNTING_H
#define TM_STORAGE_COUNTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/model/bytes.h"
#include "storage/model/cell.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/str.h"
#include "storage/query.h"

enum {
    COUNTING_MATCHES_MAX = 64,
    COUNTING_BY_MAX = 16,
    COUNTING_SERVICE_FROM_MAX = 16,
    COUNTING_POINTS_MAX = 11000,  /* of an item */
    COUNTING_GROUPS_MAX = 100000, /* sets of the labels asked for */
    COUNTING_SUMS_MAX = 2000000   /* other than 0, of all items */
};

/* What is counted. Views: copied by counting_new. Zero but for the span: all that is counted, in one sum. */
struct counting_request {
    struct str name; /* of the metric, a histogram's with _bucket, _sum or _count; empty: all */
    struct str matches[COUNTING_MATCHES_MAX]; /* selectors, of which one must take a series; none: all */
    size_t match_count;
    bool is_one_service; /* only what is owned by this one: */
    struct str service;
    struct str service_from[COUNTING_SERVICE_FROM_MAX]; /* labels, of which the first one names the owner */
    size_t service_from_count;
    struct str by[COUNTING_BY_MAX]; /* labels by which sums are kept apart */
    size_t by_count;
    struct span span;
    int64_t step_ms; /* a multiple of CELL_MS; 0: one sum over the span */
};

struct counting;

/* Checks and copies a request. TM_INVALID, TM_LIMIT, TM_NOMEM with a sentence that names the parameter. The
 * caller owns *out. */
enum tm_err counting_new(const struct counting_request *request, struct counting **out,
                         struct tm_why *why) TM_MUST_CHECK;
/* NULL is allowed. */
void counting_free(struct counting *counting);

/* Reads a bounded part: one UTC day of one series. *is_done: all are read, the items stand. TM_LIMIT: more
 * sums, groups or points than above, or a sum is beyond 64 bits. Else errors as reader_walk_next. */
enum tm_err counting_step(struct counting *counting, struct reader *reader, bool *is_done,
                          struct tm_why *why) TM_MUST_CHECK;

/* The span that was counted, both ends multiples of CELL_MS. Without bounds as it was asked for. */
struct span counting_span(const struct counting *counting);
/* Whether the sums are microseconds. */
bool counting_is_time(const struct counting *counting);

/* ---- the items, once all is read ---- */

/* The next item, by the values of its labels: appends
 * {"labels":{"by":"value",...},"points":[[unix seconds,integer],...]}, to out unless that is NULL (it is
 * passed over then). Steps without a count have 0, from the span's start, or from the first count on where
 * that is open, to its end, or to the last one. A histogram's _bucket counts are cumulative in le; a bound is
 * there if the span has counts right below it, and +Inf. TM_NOT_FOUND: no more. TM_LIMIT: a sum is beyond 64
 * bits. TM_NOMEM. */
enum tm_err counting_next(struct counting *counting, struct bytes *out, struct tm_why *why) TM_MUST_CHECK;

#endif
