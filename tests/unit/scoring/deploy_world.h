/* A simulated service around a deploy, with injected time: groups of pages with Zipf's shares of the traffic,
 * a daily cycle, drift of every rate from window to window, minutes that vary more than chance, surges; and
 * faults of many kinds and sizes from the deploy on. What it draws is counted by the real tests of scoring/.
 */
#ifndef TM_TESTS_SCORING_DEPLOY_WORLD_H
#define TM_TESTS_SCORING_DEPLOY_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scoring/gauge_test.h"
#include "scoring/latency_test.h"
#include "scoring/leak.h"
#include "scoring/verdict.h"
#include "storage/model/histogram.h"
#include "tests/unit/scoring/chance.h"

enum {
    WORLD_GROUPS_MAX = 50,
    WORLD_TICK_MS = 10000,
    WORLD_TICKS = 360,
    WORLD_GAUGES = 2,
    WORLD_BINS_MAX = 400
};

enum world_fault {
    FAULT_NONE,
    FAULT_404_GROUP,  /* size: points more 404s in one group */
    FAULT_5XX_GROUP,  /* the same with 5xx */
    FAULT_5XX,        /* size: times as many, everywhere */
    FAULT_LATENCY,    /* size: times as slow */
    FAULT_EXCEPTIONS, /* size: times as many */
    FAULT_GAUGE,      /* size: sds higher */
    FAULT_LEAK,       /* size: MB an hour */
    WORLD_FAULTS
};

struct world_plan {
    uint64_t seed;
    double requests_a_second;
    unsigned groups;
    double drift;      /* sd of ln(rate) from window to window */
    double surge;      /* the traffic after the deploy is this many times as high; 1: none */
    double dispersion; /* CV of the minutes' error rates; 0: none */
    double error_rate; /* of 5xx, and half of 4xx; of groups around it */
    enum world_fault fault;
    double size;
    unsigned at_group; /* of the faults in one group */
};

struct world_result {
    enum score_verdict verdict;
    double peak;                 /* ln E */
    int64_t bad_after_ms;        /* SCORE_NEVER: never bad */
    unsigned first_group;        /* the worst group when it became bad, or at the end */
    bool any_named;              /* was any group ever named by e-BH? */
    bool wrong_named;            /* one that is not at fault? */
    double named_after_requests; /* of the group at fault, when it was named; negative: never */
};

struct world {
    struct world_plan plan;
    struct chance chance;
    double shares[WORLD_GROUPS_MAX];
    double rates[2][WORLD_GROUPS_MAX]; /* of 5xx and 4xx */
    double exception_rate, median_us, phase;
    struct score_counts whole[2], groups[2][WORLD_GROUPS_MAX], exceptions;
    struct score_latency latency;
    struct score_gauge gauges[WORLD_GAUGES];
    double levels[WORLD_GAUGES];
    struct score_leak looks[SCORE_LEAK_LOOKS];
    unsigned looked;
    double requests, errors, errors_before, requests_before;
};

/* What one hour before, or of last week, or a minute or tick after has. */
struct world_mood {
    double traffic;
    double drift[2][WORLD_GROUPS_MAX];
    double exceptions, slow;
};

static inline double world_traffic(const struct world *w, double hours)
{
    return 1 + 0.5 * sin(w->phase + hours * 6.283185307179586 / 24);
}

static inline void world_settle(struct world *w, struct world_mood *mood)
{
    for (unsigned c = 0; c < 2; c++) {
        double all = chance_factor(&w->chance, w->plan.drift);
        for (unsigned g = 0; g < w->plan.groups; g++)
            mood->drift[c][g] = all * chance_factor(&w->chance, 0.1);
    }
    mood->exceptions = chance_factor(&w->chance, w->plan.drift);
    mood->slow = chance_factor(&w->chance, 0.05);
    mood->traffic = 1;
}

static inline bool world_is_at_fault(const struct world *w, unsigned c, unsigned g)
{
    return g == w->plan.at_group &&
           ((w->plan.fault == FAULT_404_GROUP && c == 1) || (w->plan.fault == FAULT_5XX_GROUP && c == 0));
}

static inline double world_rate(const struct world *w, const struct world_mood *mood, unsigned c, unsigned g,
                                double wild, bool faulty)
{
    double rate = w->rates[c][g] * mood->drift[c][g] * wild;
    if (faulty && w->plan.fault == FAULT_5XX && c == 0)
        rate *= w->plan.size;
    if (faulty && world_is_at_fault(w, c, g))
        rate += w->plan.size / 100;
    return fmin(rate, 0.99);
}

/* Latencies of n requests, log-normal with sd 0.7. */
static inline struct score_bins world_latencies(struct world *w, double n, double median_us,
                                                struct score_bin bins[WORLD_BINS_MAX])
{
    size_t count = 0;
    double below = 0, middle = log(median_us);
    for (uint32_t b = 0; b < HISTOGRAM_LAST && count < WORLD_BINS_MAX; b++) {
        double end = log((double)histogram_highest(b) + 1);
        if (end < middle - 2.6)
            continue;
        double until = 0.5 * erfc((middle - end) / (0.7 * 1.4142135623730951));
        double hits = chance_poisson(&w->chance, n * (until - below));
        below = until;
        if (hits > 0)
            bins[count++] = (struct score_bin){b, (uint64_t)hits};
        if (until > 0.9999)
            break;
    }
    return (struct score_bins){bins, count};
}

/* Counts of an hour in 60 bins of a minute each. */
struct world_hour {
    struct score_tally whole[2][60], exceptions[60];
    struct score_tally groups[2][WORLD_GROUPS_MAX][60];
};

static inline void world_add(struct score_tally *to, double hits, double trials)
{
    to->hits += hits;
    to->trials += trials;
}

static inline double world_wild(struct world *w)
{
    return w->plan.dispersion > 0 ? chance_factor(&w->chance, w->plan.dispersion) : 1;
}

static inline void world_hour(struct world *w, const struct world_mood *mood, double hours_off,
                              struct world_hour *hour)
{
    memset(hour, 0, sizeof *hour);
    for (unsigned minute = 0; minute < 60; minute++) {
        double seconds = 60 * w->plan.requests_a_second * mood->traffic, all = 0;
        double wild[2] = {world_wild(w), world_wild(w)};
        seconds *= world_traffic(w, hours_off + minute / 60.0);
        for (unsigned g = 0; g < w->plan.groups; g++) {
            double n = chance_poisson(&w->chance, seconds * w->shares[g]);
            all += n;
            for (unsigned c = 0; c < 2; c++) {
                double k = chance_hits(&w->chance, n, world_rate(w, mood, c, g, wild[c], false));
                world_add(&hour->groups[c][g][minute], k, n);
                world_add(&hour->whole[c][minute], k, n);
            }
        }
        double seen = chance_poisson(&w->chance, all * w->exception_rate * mood->exceptions * wild[0]);
        world_add(&hour->exceptions[minute], seen, all);
    }
}

static inline struct score_tally world_sum(const struct score_tally bins[60])
{
    struct score_tally sum = {0, 0};
    for (unsigned i = 0; i < 60; i++)
        world_add(&sum, bins[i].hits, bins[i].trials);
    return sum;
}

static inline void world_begin_counts(struct score_counts *test, enum score_law law,
                                      const struct score_tally before[60], const struct score_tally week[60],
                                      double prior_rate, double minute_cv)
{
    struct score_counts_base base = {.law = law,
                                     .rise = SCORE_RISE_RATE,
                                     .before = world_sum(before),
                                     .before_ms = 3600000,
                                     .week = world_sum(week),
                                     .dispersion = score_dispersion(law, before, 60, 20),
                                     .drift = SCORE_DRIFT,
                                     .minute_cv = minute_cv,
                                     .prior_rate = prior_rate};
    score_counts_begin(test, &base);
}

static inline void world_begin_latency(struct world *w, double before, double week)
{
    struct score_bin bins[WORLD_BINS_MAX], older[WORLD_BINS_MAX];
    struct score_latency_base base = {
        .before_ms = 3600000, .drift = SCORE_LATENCY_DRIFT, .dispersion = {1, 1, 1}};
    double n = 3600 * w->plan.requests_a_second;
    base.before = world_latencies(w, n, w->median_us * before, bins);
    base.week = world_latencies(w, n, w->median_us * week, older);
    score_latency_begin(&w->latency, &base);
}

/* AR(1), 0.9 a tick, sd 1. */
static inline double world_level(struct world *w, unsigned i)
{
    return w->levels[i] = 0.9 * w->levels[i] + sqrt(1 - 0.81) * chance_normal(&w->chance);
}

static inline void world_begin_gauges(struct world *w)
{
    for (unsigned i = 0; i < WORLD_GAUGES; i++) {
        struct score_gauge_base base = {.direction = SCORE_UP_IS_BAD};
        double values[WORLD_TICKS];
        for (unsigned t = 0; t < WORLD_TICKS; t++) {
            values[t] = 50 + 5 * world_level(w, i);
            score_moments_add(&base.before, values[t]);
        }
        base.persistence = score_persistence(values, WORLD_TICKS);
        score_gauge_begin(&w->gauges[i], &base);
    }
}

static inline void world_begin(struct world *w, const struct world_plan *plan)
{
    static struct world_hour before, week;
    struct world_mood mood;
    double harmonic = 0, cv = 0;
    memset(w, 0, sizeof *w);
    w->plan = *plan;
    w->chance.state = plan->seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
    w->phase = chance_between(&w->chance, 0, 6.28);
    w->exception_rate = plan->error_rate * chance_between(&w->chance, 0.2, 2);
    w->median_us = chance_between(&w->chance, 5000, 200000);
    for (unsigned g = 0; g < plan->groups; g++)
        harmonic += 1 / (g + 1.0);
    for (unsigned g = 0; g < plan->groups; g++) {
        w->shares[g] = 1 / (g + 1.0) / harmonic;
        w->rates[0][g] = plan->error_rate * chance_factor(&w->chance, 0.5);
        w->rates[1][g] = plan->error_rate / 2 * chance_factor(&w->chance, 0.5);
    }
    world_settle(w, &mood);
    double slow_week = mood.slow;
    world_hour(w, &mood, -169, &week);
    world_settle(w, &mood);
    world_hour(w, &mood, -1, &before);
    for (unsigned c = 0; c < 2; c++)
        cv = fmax(cv, score_minute_cv(SCORE_BINOMIAL, before.whole[c], 60));
    for (unsigned c = 0; c < 2; c++) {
        struct score_tally all = world_sum(before.whole[c]);
        world_begin_counts(&w->whole[c], SCORE_BINOMIAL, before.whole[c], week.whole[c], 0, cv);
        for (unsigned g = 0; g < plan->groups; g++)
            world_begin_counts(&w->groups[c][g], SCORE_BINOMIAL, before.groups[c][g], week.groups[c][g],
                               all.hits / fmax(1, all.trials), cv);
        w->errors_before += all.hits;
        w->requests_before = all.trials;
    }
    world_begin_counts(&w->exceptions, SCORE_POISSON, before.exceptions, week.exceptions, 0, cv);
    world_begin_latency(w, mood.slow, slow_week);
    world_begin_gauges(w);
}

/* ---- after ---- */

static inline void world_tick_requests(struct world *w, const struct world_mood *mood, unsigned tick,
                                       const double wild[2])
{
    double mean = WORLD_TICK_MS / 1000.0 * w->plan.requests_a_second * mood->traffic, all = 0,
           hits[2] = {0, 0};
    int64_t at = (int64_t)tick * WORLD_TICK_MS;
    mean *= world_traffic(w, tick / 360.0);
    for (unsigned g = 0; g < w->plan.groups; g++) {
        double n = chance_poisson(&w->chance, mean * w->shares[g]);
        all += n;
        for (unsigned c = 0; c < 2; c++) {
            double k = chance_hits(&w->chance, n, world_rate(w, mood, c, g, wild[c], true));
            hits[c] += k;
            score_counts_add(&w->groups[c][g], (struct score_tally){k, n}, at, at + WORLD_TICK_MS);
        }
    }
    for (unsigned c = 0; c < 2; c++) {
        score_counts_add(&w->whole[c], (struct score_tally){hits[c], all}, at, at + WORLD_TICK_MS);
        w->errors += hits[c];
    }
    w->requests += all;
    double more = w->plan.fault == FAULT_EXCEPTIONS ? w->plan.size : 1;
    double seen = chance_poisson(&w->chance, all * w->exception_rate * mood->exceptions * wild[0] * more);
    score_counts_add(&w->exceptions, (struct score_tally){seen, all}, at, at + WORLD_TICK_MS);
    struct score_bin bins[WORLD_BINS_MAX];
    double slow =
        (w->plan.fault == FAULT_LATENCY ? w->plan.size : 1) * mood->slow * chance_factor(&w->chance, 0.05);
    score_latency_add(&w->latency, world_latencies(w, all, w->median_us * slow, bins), at,
                      at + WORLD_TICK_MS);
    for (unsigned i = 0; i < WORLD_GAUGES; i++) {
        double off = w->plan.fault == FAULT_GAUGE && i == 0 ? w->plan.size : 0;
        score_gauge_add(&w->gauges[i], 50 + 5 * (world_level(w, i) + off), at);
    }
}

static inline size_t world_evidence(const struct world *w,
                                    struct score_evidence out[2 * WORLD_GROUPS_MAX + 16])
{
    size_t n = 0;
    for (unsigned c = 0; c < 2; c++) {
        enum score_subject subject = c == 0 ? SCORE_SERVER_ERRORS : SCORE_CLIENT_ERRORS;
        out[n++] = (struct score_evidence){subject, true, w->whole[c].trace.ln_e};
        for (unsigned g = 0; g < w->plan.groups; g++)
            out[n++] = (struct score_evidence){subject, false, w->groups[c][g].trace.ln_e};
    }
    out[n++] = (struct score_evidence){SCORE_EXCEPTIONS, true, w->exceptions.trace.ln_e};
    out[n++] = (struct score_evidence){SCORE_LATENCY, true, w->latency.trace.ln_e};
    for (unsigned i = 0; i < WORLD_GAUGES; i++)
        out[n++] = (struct score_evidence){SCORE_GAUGES, true, w->gauges[i].trace.ln_e};
    out[n++] = (struct score_evidence){SCORE_GAUGES, true, score_leak_ln_e(w->looks, w->looked)};
    return n;
}

static inline void world_name(const struct world *w, struct world_result *result)
{
    double ln_e[2 * WORLD_GROUPS_MAX] = {0}, bar;
    size_t n = 0;
    for (unsigned c = 0; c < 2; c++)
        for (unsigned g = 0; g < w->plan.groups; g++)
            ln_e[n++] = w->groups[c][g].trace.ln_e;
    if (score_e_bh(ln_e, n, SCORE_ALPHA, &bar) == 0)
        return;
    result->any_named = true;
    for (size_t i = 0; i < n; i++) {
        unsigned c = (unsigned)(i / w->plan.groups), g = (unsigned)(i % w->plan.groups);
        if (ln_e[i] < bar)
            continue;
        if (!world_is_at_fault(w, c, g))
            result->wrong_named = true;
        else if (result->named_after_requests < 0)
            result->named_after_requests = w->groups[c][g].after.trials;
    }
}

static inline void world_look(const struct world *w, int64_t now_ms, struct world_result *result)
{
    struct score_evidence evidence[2 * WORLD_GROUPS_MAX + 16];
    double ln_e = score_service_ln_e(evidence, world_evidence(w, evidence)), top = -INFINITY;
    result->peak = fmax(result->peak, ln_e);
    world_name(w, result);
    if (result->bad_after_ms != SCORE_NEVER)
        return;
    for (unsigned c = 0; c < 2; c++) {
        for (unsigned g = 0; g < w->plan.groups; g++) {
            if (w->groups[c][g].trace.ln_e <= top)
                continue;
            top = w->groups[c][g].trace.ln_e;
            result->first_group = g;
        }
    }
    if (result->peak >= log(SCORE_BAD_E))
        result->bad_after_ms = now_ms;
}

/* Eight hours of a heap's 5 min minima, with noise. */
static inline void world_leak(struct world *w, struct world_result *result)
{
    double minima[SCORE_LEAK_POINTS_MAX], noise = 0;
    const struct score_leak_terms terms = {.limit = 512, .least = 1, .hours_max = 24};
    for (unsigned i = 0; i < SCORE_LEAK_POINTS_MAX; i++) {
        noise = 0.5 * noise + chance_normal(&w->chance);
        double grown = w->plan.fault == FAULT_LEAK ? w->plan.size * i / 12.0 : 0;
        minima[i] = fmin(512, 200 + grown + noise);
    }
    for (unsigned look = 0; look < SCORE_LEAK_LOOKS; look++) {
        w->looks[look] = score_leak_look(minima, SCORE_LEAK_POINTS_MAX, look, &terms);
        w->looked = look + 1;
        world_look(w, (int64_t)score_leak_points(look) * SCORE_LEAK_STEP_MS, result);
    }
}

/* Plays an hour of a deploy, with looks after every tick, and eight hours of its heap. */
static inline struct world_result world_play(const struct world_plan *plan)
{
    static struct world w;
    struct world_mood mood;
    struct world_result result = {.bad_after_ms = SCORE_NEVER, .named_after_requests = -1};
    double wild[2] = {1, 1};
    world_begin(&w, plan);
    world_settle(&w, &mood);
    for (unsigned tick = 0; tick < WORLD_TICKS; tick++) {
        if (tick % 6 == 0) {
            wild[0] = world_wild(&w);
            wild[1] = world_wild(&w);
        }
        mood.traffic = tick >= 60 ? plan->surge : 1;
        world_tick_requests(&w, &mood, tick, wild);
        world_look(&w, (int64_t)(tick + 1) * WORLD_TICK_MS, &result);
    }
    world_leak(&w, &result);
    struct score_verdict_facts facts = {
        .ln_e_peak = result.peak,
        .elapsed_ms = (int64_t)WORLD_TICKS * WORLD_TICK_MS,
        .requests = w.requests,
        .ratio = score_ratio(
            (struct score_tally){w.errors_before, w.requests_before},
            (struct score_tally){w.errors, w.requests},
            &(struct score_ratio_terms){fmax(w.whole[0].base.dispersion, w.whole[1].base.dispersion),
                                        SCORE_DRIFT, SCORE_OK_RATE_FLOOR}),
        .has_baseline = score_counts_tested(&w.whole[0]),
    };
    result.verdict = score_verdict(&facts);
    return result;
}

#endif
