/* One series in two windows of time, and how much it differs (scoring/window_diff.h). One thread a room. */
#ifndef TM_SCORING_DIFF_READ_H
#define TM_SCORING_DIFF_READ_H

#include <stdbool.h>

#include "scoring/window_diff.h"
#include "storage/query.h"

enum {
    DIFF_NORMALS_MAX = 4, /* spans that are normal */
    DIFF_BINS_MAX = 20000 /* of all spans together, about */
};

/* How the numbers of a series are looked at. */
enum diff_kind {
    DIFF_GAUGE,     /* means of minutes */
    DIFF_COUNTER,   /* what it rose by in a minute; falls are restarts */
    DIFF_COUNTS,    /* exact: events a minute, none where there are none */
    DIFF_SUMS,      /* exact: sums a minute, likewise */
    DIFF_HISTOGRAM, /* exact latencies */
    DIFF_LEFT_OUT,  /* the daemon's own, or what repeats others (le) */
    DIFF_KIND_COUNT
};

/* By the metric's name and whether it has a label le. */
enum diff_kind diff_kind_of(struct str metric, bool has_le);

/* Which times are beside each other. Ends are multiples of 10 s. */
struct diff_windows {
    struct span observed;
    struct span before; /* right before it: what stood so already then is no news */
    struct span normal[DIFF_NORMALS_MAX];
    size_t normal_count;
    int64_t bin_ms; /* of diff_bin_ms: what stands for a minute in long windows */
};

/* A minute, or so many that there are at most 120 in the window and DIFF_BINS_MAX in all. */
int64_t diff_bin_ms(const struct diff_windows *windows);

struct diff_room;
/* Scratch memory for one thread, for windows no larger than these. NULL when out of memory. */
struct diff_room *diff_room_new(const struct diff_windows *windows);
/* NULL is allowed. */
void diff_room_free(struct diff_room *room);

/* What differs in a series: levels a minute, of histograms medians in seconds. Errors as reader_walk_next. */
enum tm_err diff_read(struct reader *reader, uint32_t series, enum diff_kind kind,
                      const struct diff_windows *windows, struct diff_room *room, struct score_diff *out,
                      struct tm_why *why) TM_MUST_CHECK;

/* A series by bins of bin_ms, from span.from on: means of gauges, rises of counters, sums; NaN where nothing
 * is known. Not of DIFF_HISTOGRAM. room is one for as many bins. Errors as reader_walk_next. */
enum tm_err diff_bins(struct reader *reader, uint32_t series, enum diff_kind kind, const struct span *span,
                      int64_t bin_ms, struct diff_room *room, double *out, struct tm_why *why) TM_MUST_CHECK;

/* Whether a series has something in a span. Errors as reader_walk_next. */
enum tm_err diff_probe(struct reader *reader, uint32_t series, enum diff_kind kind, struct span span,
                       bool *has_some, struct tm_why *why) TM_MUST_CHECK;

#endif
