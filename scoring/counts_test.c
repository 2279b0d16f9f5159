#include "scoring/counts_test.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "scoring/pack.h"

/* The prior that a rate has before anything was counted: half a hit among 50.5 trials. */
#define PRIOR_HITS        0.5
#define PRIOR_TRIALS      50.5
#define KNOWN_TRIALS      50.0 /* what the prior adds to the concentration */
#define TRIALS_MAX        1125899906842624.0
#define RATE_MAX          0.98
#define RATE_FULL         0.95
#define POISSON_MAX       1e9
#define DISPERSION_MAX    50.0
#define DRIFT_MIN         0.01
#define DRIFT_MAX         1.0
#define VARIANCE_FLOOR    0.3
#define ALLOWED_RATIO     1.1
#define ALLOWED_MORE      0.0002
#define TOLERANCE_MAX     10.0
#define LEARNED_PAIRS     10.0
#define LEARNED_HITS      5.0
#define LEARNED_MIN       0.05
#define MINUTE_CV_MAX     1.0
#define MINUTE_MS         60000.0
#define WINDOW_MS_MAX     1e12
#define CONCENTRATION_MIN 1.0
/* Of two windows the higher one counts as lower by this part of how far they are apart (as ln): all of that
 * up to the half of APART_MAX, then less, and from there on none, as they are no two draws of one rate. */
#define HIGHER_PART 0.25
#define APART_MAX   1.0

enum { RATE_RISES = 7, ODDS_RISES = 6, RISES_MAX = 8 };

static const double rate_rises[RATE_RISES] = {1.5, 2, 3, 5, 10, 20, 50};
static const double odds_rises[ODDS_RISES] = {1.3, 1.7, 2.5, 4, 8, 20};

/* ---- one baseline's e-value ---- */

/* The larger of two: with the whole prior, and with next to none. Groups of one service differ: one that
 * failed seven times of seven is not held to its service's rate. */
static double find_base_rate(const struct score_counts_base *base, struct score_tally window)
{
    double prior = fmax(PRIOR_HITS / PRIOR_TRIALS, base->prior_rate);
    double drawn = (window.hits + PRIOR_TRIALS * prior) / (window.trials + PRIOR_TRIALS);
    double own = (window.hits + prior) / (window.trials + 1);
    double rate = fmax(drawn, own);
    return fmin(rate, base->law == SCORE_POISSON ? POISSON_MAX : RATE_MAX);
}

static double raise_odds(double rate, double ratio)
{
    double odds = rate / (1 - rate) * ratio;
    return odds / (1 + odds);
}

static double find_null_rate(const struct score_counts_base *base, double rate)
{
    if (base->rise == SCORE_RISE_ODDS)
        return fmin(RATE_MAX, raise_odds(rate, 1 + base->tolerance));
    double allowed = fmax(ALLOWED_RATIO * rate, rate + ALLOWED_MORE);
    return base->law == SCORE_POISSON ? allowed : fmin(RATE_MAX, allowed);
}

static size_t list_alternatives(const struct score_counts_base *base, double null_rate,
                                double rates[RISES_MAX])
{
    if (base->rise == SCORE_RISE_ODDS) {
        for (size_t i = 0; i < ODDS_RISES; i++)
            rates[i] = fmin(raise_odds(null_rate, odds_rises[i]), (1 + RATE_MAX) / 2);
        return ODDS_RISES;
    }
    for (size_t i = 0; i < RATE_RISES; i++) {
        rates[i] = rate_rises[i] * null_rate;
        if (base->law == SCORE_BINOMIAL)
            rates[i] = fmin(rates[i], (1 + null_rate) / 2);
    }
    return RATE_RISES;
}

/* The dispersion of the counts after: what was measured before, moved to the traffic in which they were
 * counted, and no less than minutes ever vary. */
static double find_dispersion(const struct score_counts_base *base, struct score_tally window,
                              const struct score_counts *test, double rate)
{
    if (!(base->before_ms > 0 && window.trials > 0))
        return base->dispersion;
    double traffic = test->busy / test->after.trials; /* trials a ms */
    double surge = traffic / (window.trials / base->before_ms);
    double measured = 1 + (base->dispersion - 1) * surge;
    double minute = base->rise == SCORE_RISE_ODDS ? 0 : rate * traffic * MINUTE_MS;
    return fmax(measured, 1 + base->minute_cv * base->minute_cv * minute);
}

/* Neighbouring windows drift, and a long one drifts within itself: by as much again once it has the window's
 * traffic. Latency has its tolerance instead. */
static double find_drift_variance(const struct score_counts *test, struct score_tally window)
{
    double variance = test->base.drift * test->base.drift;
    if (test->base.rise != SCORE_RISE_RATE || !(window.trials > 0))
        return variance;
    return variance * (1 + fmin(1, test->after.trials / window.trials));
}

/* ln E against a window, whose rate counts as `most` at most. */
static double measure(const struct score_counts *test, struct score_tally window, double most)
{
    const struct score_counts_base *base = &test->base;
    double rates[RISES_MAX];
    double rate = fmin(most, find_base_rate(base, window));
    double null_rate = find_null_rate(base, rate);
    double spread = base->rise == SCORE_RISE_ODDS ? rate * (1 - rate) : rate;
    double known = (window.trials + KNOWN_TRIALS) / base->dispersion;
    double m = fmax(CONCENTRATION_MIN, fmin(known, 1 / (find_drift_variance(test, window) * spread)));
    double dispersion = find_dispersion(base, window, test, rate);
    struct score_tally seen = {test->after.hits / dispersion, test->after.trials / dispersion};
    size_t count = list_alternatives(base, null_rate, rates);
    double ln_e = score_mixture_ln_e(base->law, seen, m, null_rate, rates, count);
    /* What fails nearly always can't rise. */
    bool is_full = base->law == SCORE_BINOMIAL && base->rise == SCORE_RISE_RATE && null_rate >= RATE_FULL;
    return is_full ? fmin(ln_e, 0) : ln_e;
}

/* ---- the test ---- */

static struct score_tally tidy(enum score_law law, struct score_tally tally)
{
    tally.trials = score_clamp(tally.trials, 0, TRIALS_MAX);
    tally.hits = score_clamp(tally.hits, 0, law == SCORE_BINOMIAL ? tally.trials : TRIALS_MAX);
    return tally;
}

void score_counts_begin(struct score_counts *test, const struct score_counts_base *base)
{
    assert(base->law < SCORE_LAWS && base->rise < SCORE_RISES);
    assert(base->rise != SCORE_RISE_ODDS || base->law == SCORE_BINOMIAL);
    *test = (struct score_counts){.base = *base, .trace = SCORE_TRACE_START};
    struct score_counts_base *own = &test->base;
    own->before = tidy(own->law, own->before);
    own->week = tidy(own->law, own->week);
    own->before_ms = score_clamp(own->before_ms, 0, WINDOW_MS_MAX);
    own->dispersion = score_clamp(own->dispersion, 1, DISPERSION_MAX);
    own->drift = score_clamp(own->drift, DRIFT_MIN, DRIFT_MAX);
    own->minute_cv = score_clamp(own->minute_cv, SCORE_MINUTE_CV, MINUTE_CV_MAX);
    own->tolerance = score_clamp(own->tolerance, 0, TOLERANCE_MAX);
    own->prior_rate = score_clamp(own->prior_rate, 0, own->law == SCORE_POISSON ? POISSON_MAX : RATE_MAX);
}

static bool has_before(const struct score_counts_base *base)
{
    return base->before.trials >= SCORE_BASE_TRIALS || base->prior_rate > 0;
}

static bool has_week(const struct score_counts_base *base)
{
    return base->week.trials >= SCORE_WEEK_TRIALS;
}

bool score_counts_tested(const struct score_counts *test)
{
    return has_before(&test->base) || has_week(&test->base);
}

/* The higher of two windows that drift is high in part by chance. Latency has its tolerance instead. */
static double find_most(const struct score_counts_base *base)
{
    if (base->rise != SCORE_RISE_RATE || !has_before(base) || !has_week(base))
        return INFINITY;
    double before = find_base_rate(base, base->before), week = find_base_rate(base, base->week);
    double apart = fabs(log(before / week));
    return fmax(before, week) * exp(-HIGHER_PART * fmax(0, fmin(apart, APART_MAX - apart)));
}

void score_counts_add(struct score_counts *test, struct score_tally tick, int64_t from_ms, int64_t to_ms)
{
    const struct score_counts_base *base = &test->base;
    tick = tidy(base->law, tick);
    if (!(tick.hits > 0 || tick.trials > 0) || test->after.trials + tick.trials > TRIALS_MAX ||
        test->after.hits + tick.hits > TRIALS_MAX)
        return;
    test->after.hits += tick.hits;
    test->after.trials += tick.trials;
    if (to_ms > from_ms && tick.trials > 1)
        test->busy += tick.trials * (tick.trials - 1) / ((double)to_ms - (double)from_ms);
    if (!score_counts_tested(test))
        return;
    double ln_e = SCORE_LN_E_MAX, most = find_most(base);
    if (has_before(base))
        ln_e = measure(test, base->before, most);
    if (has_week(base))
        ln_e = fmin(ln_e, measure(test, base->week, most));
    score_trace_follow(&test->trace, ln_e, from_ms);
}

double score_dispersion(enum score_law law, const struct score_tally *bins, size_t count, double most)
{
    double hits = 0, trials = 0, chi2 = 0;
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        struct score_tally bin = tidy(law, bins[i]);
        hits += bin.hits;
        trials += bin.trials;
        used += bin.trials > 0;
    }
    if (used < 3)
        return 1;
    double rate = hits / trials;
    for (size_t i = 0; i < count; i++) {
        struct score_tally bin = tidy(law, bins[i]);
        if (!(bin.trials > 0))
            continue;
        double off = bin.hits - bin.trials * rate;
        double variance = bin.trials * rate * (law == SCORE_BINOMIAL ? 1 - rate : 1);
        chi2 += off * off / fmax(VARIANCE_FLOOR, variance);
    }
    return score_clamp(chi2 / (double)(used - 1), 1, most);
}

double score_minute_cv(enum score_law law, const struct score_tally *bins, size_t count)
{
    double hits = 0;
    for (size_t i = 0; i < count; i++)
        hits += tidy(law, bins[i]).hits;
    if (!(hits > 0))
        return 0;
    double more = score_dispersion(law, bins, count, 1 + hits) - 1;
    return fmin(MINUTE_CV_MAX, sqrt(more / (hits / (double)count)));
}

double score_drift(const struct score_tally *windows, size_t count)
{
    double sum = LEARNED_PAIRS * SCORE_DRIFT * SCORE_DRIFT, pairs = LEARNED_PAIRS, last = 0, last_hits = 0;
    for (size_t i = 0; i < count; i++) {
        struct score_tally window = tidy(SCORE_POISSON, windows[i]);
        if (window.hits < LEARNED_HITS || !(window.trials > 0))
            continue;
        double now = log((window.hits + 0.5) / window.trials);
        if (last_hits > 0) {
            sum += (now - last) * (now - last) - 1 / window.hits - 1 / last_hits;
            pairs++;
        }
        last = now;
        last_hits = window.hits;
    }
    return sqrt(score_clamp(sum / pairs, LEARNED_MIN * LEARNED_MIN, DRIFT_MAX * DRIFT_MAX));
}

/* ---- kept state ---- */

void score_counts_encode(const struct score_counts *test, uint8_t out[SCORE_COUNTS_BYTES])
{
    const struct score_counts_base *base = &test->base;
    const double figures[] = {
        base->before.hits, base->before.trials, base->week.hits, base->week.trials, base->before_ms,
        base->dispersion,  base->drift,         base->minute_cv, base->tolerance,   base->prior_rate,
        test->after.hits,  test->after.trials,  test->busy,
    };
    uint8_t *at = out;
    *at++ = SCORE_COUNTS_VERSION;
    *at++ = (uint8_t)((unsigned)base->law | (unsigned)base->rise << 4);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        score_pack_f64(&at, figures[i]);
    score_pack_trace(&at, &test->trace);
}

static struct score_tally unpack_tally(const uint8_t **at)
{
    struct score_tally tally;
    tally.hits = score_unpack_f64(at);
    tally.trials = score_unpack_f64(at);
    return tally;
}

static bool is_same(struct score_tally a, struct score_tally b)
{
    return a.hits == b.hits && a.trials == b.trials;
}

/* Is every figure one that score_counts_begin and _add leave? */
static bool is_sound(const struct score_counts *read)
{
    const struct score_counts_base *base = &read->base;
    struct score_counts tidied;
    score_counts_begin(&tidied, base);
    return is_same(tidied.base.before, base->before) && is_same(tidied.base.week, base->week) &&
           tidied.base.before_ms == base->before_ms && tidied.base.dispersion == base->dispersion &&
           tidied.base.drift == base->drift && tidied.base.minute_cv == base->minute_cv &&
           tidied.base.tolerance == base->tolerance && tidied.base.prior_rate == base->prior_rate &&
           is_same(tidy(base->law, read->after), read->after) && read->busy >= 0 &&
           read->busy <= TRIALS_MAX * TRIALS_MAX;
}

bool score_counts_decode(struct score_counts *test, const uint8_t *data, size_t len)
{
    if (len != SCORE_COUNTS_BYTES || data[0] != SCORE_COUNTS_VERSION)
        return false;
    struct score_counts read = {0};
    unsigned law = data[1] & 0x0f, rise = data[1] >> 4;
    if (law >= SCORE_LAWS || rise >= SCORE_RISES || (rise == SCORE_RISE_ODDS && law != SCORE_BINOMIAL))
        return false;
    const uint8_t *at = data + 2;
    read.base.law = (enum score_law)law;
    read.base.rise = (enum score_rise)rise;
    read.base.before = unpack_tally(&at);
    read.base.week = unpack_tally(&at);
    read.base.before_ms = score_unpack_f64(&at);
    read.base.dispersion = score_unpack_f64(&at);
    read.base.drift = score_unpack_f64(&at);
    read.base.minute_cv = score_unpack_f64(&at);
    read.base.tolerance = score_unpack_f64(&at);
    read.base.prior_rate = score_unpack_f64(&at);
    read.after = unpack_tally(&at);
    read.busy = score_unpack_f64(&at);
    if (!score_unpack_trace(&at, &read.trace) || !is_sound(&read))
        return false;
    *test = read;
    return true;
}
