#include "scoring/verdict.h"

#include <assert.h>
#include <math.h>

#include "scoring/counts_test.h"
#include "scoring/sort.h"

#define HOUR_MS       INT64_C(3600000)
#define TELL_APART_MS INT64_C(600000)

enum { SELF_CHECKS_MIN = 20 };

static const double shares[SCORE_SUBJECTS] = {
    [SCORE_SERVER_ERRORS] = 0.3, [SCORE_CLIENT_ERRORS] = 0.25, [SCORE_EXCEPTIONS] = 0.2,
    [SCORE_LATENCY] = 0.15,      [SCORE_GAUGES] = 0.1,
};

static const char *const names[SCORE_VERDICTS] = {
    [SCORE_INSUFFICIENT_DATA] = "insufficient_data",
    [SCORE_OK] = "ok",
    [SCORE_SUSPECT] = "suspect",
    [SCORE_BAD] = "bad",
};

/* ln of the mean e-value of a subject's tests, of the whole service or of its groups; *any: are there some?
 */
static double average(const struct score_evidence *evidence, size_t count, enum score_subject subject,
                      bool whole, bool *any)
{
    double top = -INFINITY, sum = 0;
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (evidence[i].subject != subject || evidence[i].whole != whole)
            continue;
        found++;
        top = fmax(top, evidence[i].ln_e);
    }
    *any = found > 0;
    for (size_t i = 0; i < count; i++)
        if (evidence[i].subject == subject && evidence[i].whole == whole)
            sum += exp(evidence[i].ln_e - top);
    return found == 0 ? 0 : top + log(sum / (double)found);
}

double score_service_ln_e(const struct score_evidence *evidence, size_t count)
{
    double ln_e[2 * SCORE_SUBJECTS], weights[2 * SCORE_SUBJECTS];
    for (unsigned s = 0; s < SCORE_SUBJECTS; s++) {
        bool whole, groups;
        size_t at = 2 * (size_t)s;
        ln_e[at] = average(evidence, count, (enum score_subject)s, true, &whole);
        ln_e[at + 1] = average(evidence, count, (enum score_subject)s, false, &groups);
        double part = whole && groups ? shares[s] / 2 : shares[s];
        weights[at] = whole ? part : 0;
        weights[at + 1] = groups ? part : 0;
    }
    return score_ln_mean_exp(ln_e, weights, 2 * SCORE_SUBJECTS);
}

size_t score_e_bh(const double *ln_e, size_t count, double alpha, double *threshold)
{
    size_t named = count;
    /* What passes for k of them bounds k from above, and the bar only rises: the first k that holds is the
     * largest. */
    while (named > 0) {
        double bar = log((double)count / (alpha * (double)named));
        size_t passing = 0;
        for (size_t i = 0; i < count; i++)
            passing += ln_e[i] >= bar;
        if (passing >= named) {
            *threshold = bar;
            return passing;
        }
        named = passing;
    }
    *threshold = INFINITY;
    return 0;
}

const char *score_verdict_name(enum score_verdict verdict)
{
    assert(verdict < SCORE_VERDICTS);
    return names[verdict];
}

enum score_verdict score_verdict(const struct score_verdict_facts *facts)
{
    if (!facts->has_baseline)
        return SCORE_INSUFFICIENT_DATA;
    if (facts->ln_e_peak >= log(SCORE_BAD_E))
        return SCORE_BAD;
    if (facts->ln_e_peak >= log(SCORE_SUSPECT_E))
        return SCORE_SUSPECT;
    bool seen = facts->elapsed_ms >= SCORE_OK_MS && facts->requests >= SCORE_OK_REQUESTS;
    return seen && facts->ratio.high < SCORE_OK_RATIO ? SCORE_OK : SCORE_INSUFFICIENT_DATA;
}

struct score_deploy_windows score_deploy_windows(int64_t at_ms, int64_t previous_ms, int64_t next_ms)
{
    struct score_deploy_windows w = {at_ms - HOUR_MS, at_ms, at_ms, at_ms + HOUR_MS, false};
    if (previous_ms != SCORE_NEVER && previous_ms < at_ms && previous_ms > w.before_from_ms) {
        w.before_from_ms = previous_ms;
        if (at_ms - previous_ms < TELL_APART_MS) {
            w.before_from_ms = previous_ms - HOUR_MS;
            w.before_to_ms = previous_ms;
            w.overlaps = true;
        }
    }
    if (next_ms != SCORE_NEVER && next_ms > at_ms && next_ms < w.after_to_ms)
        w.after_to_ms = next_ms;
    return w;
}

double score_self_check(double *peaks, size_t count, double alpha)
{
    if (count < SELF_CHECKS_MIN)
        return 1;
    score_sort(peaks, count);
    size_t allowed = (size_t)floor(alpha * (double)count);
    double highest = peaks[count - 1 - allowed];
    double bar = log(1 / alpha);
    /* Below the bar, not on it. */
    return highest < bar ? 1 : bar / (highest * (1 + 1e-9));
}
