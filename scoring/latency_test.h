/* Did a service become slower since a deploy? The limits that a half, a tenth and a hundredth of the requests
 * passed before are fixed at the marker; how many pass them afterwards is tested as counts are, on odds
 * (counts_test.h). E is the mean of the three. Latencies come as sparse histograms on the buckets of
 * storage/model/histogram.h. Memory is the caller's. Pure; any thread, one at a time per test. */
#ifndef TM_SCORING_LATENCY_TEST_H
#define TM_SCORING_LATENCY_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scoring/counts_test.h"

/* The sd of ln(odds ratio of neighbouring windows) where none was learned. */
#define SCORE_LATENCY_DRIFT 0.15
/* The most that score_dispersion may say of latencies. */
#define SCORE_LATENCY_DISPERSION_MAX 50.0

enum { SCORE_EDGES = 3 }; /* p50, p90, p99 */

/* A bucket of a histogram with its count. */
struct score_bin {
    uint32_t bucket; /* below HISTOGRAM_BUCKETS; larger ones count as the last */
    uint64_t count;
};

/* A sparse histogram; not owned. Buckets ascend. */
struct score_bins {
    const struct score_bin *at;
    size_t count;
};

/* All counts of a histogram. */
double score_bins_total(struct score_bins bins);

/* The lowest bucket with at least share of all counts at or below it; 0 of an empty histogram. */
uint32_t score_bins_quantile(struct score_bins bins, double share);

/* How many counts lie in buckets above edge, of all. */
struct score_tally score_bins_above(struct score_bins bins, uint32_t edge);

/* P(a request of after is slower than one of before), ties half: 0.5 when they are alike or one is empty.
 * From the ranks of the buckets (Mann and Whitney 1947); for showing, not for deciding: with many requests
 * its test finds any drift. */
double score_bins_slower(struct score_bins before, struct score_bins after);

/* The buckets of p50, p90 and p99: the limits of the test. */
void score_latency_edges(struct score_bins before, uint32_t edges[SCORE_EDGES]);

struct score_latency_base {
    struct score_bins before;       /* usually 60 min up to the marker */
    struct score_bins week;         /* the same hour a week ago; count 0: none */
    double before_ms;               /* how long before is; 0: unknown */
    double dispersion[SCORE_EDGES]; /* of score_dispersion over what lies above each limit; 1 when unknown */
    double drift;                   /* SCORE_LATENCY_DRIFT when unknown */
};

/* A test under way. */
struct score_latency {
    uint32_t edges[SCORE_EDGES];
    bool tested; /* was there enough before to test against? */
    struct score_counts above[SCORE_EDGES];
    struct score_trace trace;
};

/* Starts a test at a marker: limits from before, or from last week when there was next to nothing before. */
void score_latency_begin(struct score_latency *test, const struct score_latency_base *base);

/* Adds one tick, from from_ms to to_ms. */
void score_latency_add(struct score_latency *test, struct score_bins tick, int64_t from_ms, int64_t to_ms);

/* ---- kept state ---- */

enum { SCORE_LATENCY_VERSION = 1, SCORE_LATENCY_BYTES = 2 + SCORE_EDGES * (4 + SCORE_COUNTS_BYTES) + 3 * 8 };

/* Writes the state. */
void score_latency_encode(const struct score_latency *test, uint8_t out[SCORE_LATENCY_BYTES]);
/* Reads what was written. false: other version or length, or figures that no test has; *test is unchanged. */
bool score_latency_decode(struct score_latency *test, const uint8_t *data, size_t len);

#endif
