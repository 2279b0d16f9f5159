#include "scoring/latency_test.h"

#include <assert.h>
#include <math.h>

#include "scoring/pack.h"
#include "storage/model/histogram.h"

static const double shares[SCORE_EDGES] = {0.5, 0.9, 0.99};
static const double tolerances[SCORE_EDGES] = {0.2, 0.2, 0.3};

/* ---- histograms ---- */

double score_bins_total(struct score_bins bins)
{
    double total = 0;
    for (size_t i = 0; i < bins.count; i++)
        total += (double)bins.at[i].count;
    return total;
}

static uint32_t bucket_of(const struct score_bin *bin)
{
    return bin->bucket < HISTOGRAM_LAST ? bin->bucket : HISTOGRAM_LAST;
}

uint32_t score_bins_quantile(struct score_bins bins, double share)
{
    double wanted = share * score_bins_total(bins), below = 0;
    for (size_t i = 0; i < bins.count; i++) {
        below += (double)bins.at[i].count;
        if (below >= wanted && bins.at[i].count > 0)
            return bucket_of(&bins.at[i]);
    }
    return 0;
}

struct score_tally score_bins_above(struct score_bins bins, uint32_t edge)
{
    struct score_tally tally = {0, 0};
    for (size_t i = 0; i < bins.count; i++) {
        tally.trials += (double)bins.at[i].count;
        if (bucket_of(&bins.at[i]) > edge)
            tally.hits += (double)bins.at[i].count;
    }
    return tally;
}

double score_bins_slower(struct score_bins before, struct score_bins after)
{
    double all = score_bins_total(before) * score_bins_total(after), below = 0, pairs = 0;
    size_t j = 0;
    if (!(all > 0))
        return 0.5;
    for (size_t i = 0; i < after.count; i++) {
        uint32_t bucket = bucket_of(&after.at[i]);
        for (; j < before.count && bucket_of(&before.at[j]) < bucket; j++)
            below += (double)before.at[j].count;
        double ties = 0;
        for (size_t k = j; k < before.count && bucket_of(&before.at[k]) == bucket; k++)
            ties += (double)before.at[k].count;
        pairs += (double)after.at[i].count * (below + ties / 2);
    }
    return pairs / all;
}

/* ---- the test ---- */

void score_latency_edges(struct score_bins before, uint32_t edges[SCORE_EDGES])
{
    for (unsigned i = 0; i < SCORE_EDGES; i++)
        edges[i] = score_bins_quantile(before, shares[i]);
}

void score_latency_begin(struct score_latency *test, const struct score_latency_base *base)
{
    double before = score_bins_total(base->before), week = score_bins_total(base->week);
    *test = (struct score_latency){.trace = SCORE_TRACE_START};
    test->tested = before >= SCORE_BASE_TRIALS || week >= SCORE_WEEK_TRIALS;
    score_latency_edges(before >= SCORE_BASE_TRIALS ? base->before : base->week, test->edges);
    for (unsigned i = 0; i < SCORE_EDGES; i++) {
        struct score_counts_base one = {
            .law = SCORE_BINOMIAL,
            .rise = SCORE_RISE_ODDS,
            .before = score_bins_above(base->before, test->edges[i]),
            .week = score_bins_above(base->week, test->edges[i]),
            .before_ms = base->before_ms,
            .dispersion = base->dispersion[i],
            .drift = base->drift,
            .tolerance = tolerances[i],
            /* What little is known at first is that the limit was chosen to be passed this often. */
            .prior_rate = 1 - shares[i],
        };
        score_counts_begin(&test->above[i], &one);
    }
}

void score_latency_add(struct score_latency *test, struct score_bins tick, int64_t from_ms, int64_t to_ms)
{
    double ln_e[SCORE_EDGES];
    if (!test->tested || !(score_bins_total(tick) > 0))
        return;
    for (unsigned i = 0; i < SCORE_EDGES; i++) {
        score_counts_add(&test->above[i], score_bins_above(tick, test->edges[i]), from_ms, to_ms);
        ln_e[i] = test->above[i].trace.ln_e;
    }
    score_trace_follow(&test->trace, score_ln_mean_exp(ln_e, NULL, SCORE_EDGES), from_ms);
}

/* ---- kept state ---- */

void score_latency_encode(const struct score_latency *test, uint8_t out[SCORE_LATENCY_BYTES])
{
    uint8_t *at = out;
    *at++ = SCORE_LATENCY_VERSION;
    *at++ = test->tested;
    for (unsigned i = 0; i < SCORE_EDGES; i++) {
        uint32_t edge = htole32(test->edges[i]);
        memcpy(at, &edge, sizeof edge);
        at += sizeof edge;
        score_counts_encode(&test->above[i], at);
        at += SCORE_COUNTS_BYTES;
    }
    score_pack_trace(&at, &test->trace);
    assert(at == out + SCORE_LATENCY_BYTES);
}

bool score_latency_decode(struct score_latency *test, const uint8_t *data, size_t len)
{
    struct score_latency read;
    if (len != SCORE_LATENCY_BYTES || data[0] != SCORE_LATENCY_VERSION || data[1] > 1)
        return false;
    read.tested = data[1] == 1;
    const uint8_t *at = data + 2;
    for (unsigned i = 0; i < SCORE_EDGES; i++) {
        uint32_t edge;
        memcpy(&edge, at, sizeof edge);
        at += sizeof edge;
        read.edges[i] = le32toh(edge);
        if (read.edges[i] > HISTOGRAM_LAST || !score_counts_decode(&read.above[i], at, SCORE_COUNTS_BYTES) ||
            read.above[i].base.rise != SCORE_RISE_ODDS)
            return false;
        at += SCORE_COUNTS_BYTES;
    }
    if (!score_unpack_trace(&at, &read.trace))
        return false;
    *test = read;
    return true;
}
