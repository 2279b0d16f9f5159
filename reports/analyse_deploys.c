/* The deploys of the week, each judged by the hour before and the hour behind it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/analyse_private.h"
#include "reports/texts.h"
#include "scoring/counts_test.h"
#include "scoring/verdict.h"
#include "storage/model/cell.h"

#define HOUR_MS   INT64_C(3600000)
#define MINUTE_MS 60000

enum { TEXT_MAX = 160, TICKS_A_MINUTE = MINUTE_MS / CELL_MS, MINUTES = 60 };

static bool is_deploy(const struct marker *marker)
{
    return marker->kind == MARKER_DEPLOY || marker->kind == MARKER_ROLLBACK;
}

/* Calls for markers of a span that touch the unit, newest first. */
static const struct marker *next_deploy(const struct analysis *a, struct span span,
                                        struct markers_place *place)
{
    const struct markers_wanted wanted = {.kind = MARKER_KIND_COUNT, .span = span};
    const struct marker *marker;
    while ((marker = markers_next(a->gather->markers, &wanted, place)))
        if (is_deploy(marker) && marker->time >= span.from && gather_touches(a->unit, marker) &&
            marker->text[MARKER_SERVICE].len > 0)
            return marker;
    return NULL;
}

static const char *make_label(struct report *r, const struct marker *marker)
{
    char text[TEXT_MAX + 40];
    struct str version = marker->text[MARKER_VERSION];
    const char *word = text_of(text_language(r->language), TEXT_ROLLBACK);
    if (marker->kind != MARKER_ROLLBACK)
        return arena_text(&r->arena, version, TEXT_MAX);
    int most = version.len < TEXT_MAX ? (int)version.len : TEXT_MAX;
    int len = snprintf(text, sizeof text, "%.*s%s(%.30s)", most, version.ptr, most > 0 ? " " : "", word);
    return arena_text(&r->arena, (struct str){text, (size_t)len}, 0);
}

enum tm_err analyse_find_deploys(struct analysis *a)
{
    struct report *r = a->report;
    struct markers_place place = {.is_begun = false};
    const struct marker *marker;
    r->deploys = arena_take(&r->arena, TALLY_MOMENTS_MAX * sizeof *r->deploys);
    a->tally->moments = calloc(TALLY_MOMENTS_MAX, sizeof *a->tally->moments);
    if (!r->deploys || !a->tally->moments)
        return TM_NOMEM;
    while (r->deploy_count < TALLY_MOMENTS_MAX && (marker = next_deploy(a, a->settings->span, &place))) {
        r->deploys[r->deploy_count] = (struct report_deploy){
            .id = marker->id,
            .time = marker->time,
            .version = arena_text(&r->arena, marker->text[MARKER_VERSION], TEXT_MAX),
            .label = make_label(r, marker),
            .by = arena_text(&r->arena, marker->text[MARKER_BY], TEXT_MAX),
            .is_rollback = marker->kind == MARKER_ROLLBACK,
            .ratio = NAN,
            .low = NAN,
            .high = NAN,
            .p = 1,
        };
        a->tally->moments[r->deploy_count++].time = cell_time(cell_slot(marker->time));
    }
    a->tally->moment_count = r->deploy_count;
    return TM_OK;
}

/* ---- the judgement ---- */

/* The windows: up to the neighbouring deploys. They stand newest first. */
static struct score_deploy_windows find_windows(const struct analysis *a, size_t i)
{
    const struct tally *t = a->tally;
    time_ms_t at = t->moments[i].time;
    int64_t previous = i + 1 < t->moment_count ? t->moments[i + 1].time : SCORE_NEVER;
    int64_t next = i > 0 ? t->moments[i - 1].time : SCORE_NEVER;
    return score_deploy_windows(at, previous == at ? SCORE_NEVER : previous, next == at ? SCORE_NEVER : next);
}

/* What is tested, each per request. */
enum { TEST_SERVER_ERRORS, TEST_CLIENT_ERRORS, TEST_EXCEPTIONS, TESTS };

static struct score_tally tally_of(const struct tally_hour *hour, int test)
{
    const uint64_t hits[TESTS] = {hour->classes[4], hour->classes[3], hour->exceptions};
    return (struct score_tally){(double)hits[test], (double)tally_requests(hour)};
}

struct judging {
    struct score_tally minutes[MINUTES];
    size_t minute_count;
    struct score_counts tests[TESTS];
    struct score_trace trace;
    struct score_tally before, after;
    double dispersion;
    time_ms_t newest;
};

static void begin(struct judging *j, const struct tally_moment *moment, const struct score_deploy_windows *w,
                  int which)
{
    struct score_tally sum = {0, 0};
    enum score_law law = which == TEST_EXCEPTIONS ? SCORE_POISSON : SCORE_BINOMIAL;
    j->minute_count = 0;
    for (size_t m = 0; m < MINUTES; m++) {
        struct score_tally *minute = &j->minutes[j->minute_count];
        if (moment->time - HOUR_MS + (int64_t)m * MINUTE_MS < w->before_from_ms)
            continue;
        *minute = (struct score_tally){0, 0};
        for (size_t tick = m * TICKS_A_MINUTE; tick < (m + 1) * TICKS_A_MINUTE; tick++) {
            struct score_tally one = tally_of(&moment->before[tick], which);
            minute->hits += one.hits;
            minute->trials += one.trials;
        }
        sum.hits += minute->hits;
        sum.trials += minute->trials;
        j->minute_count++;
    }
    const struct score_counts_base base = {
        .law = law,
        .rise = SCORE_RISE_RATE,
        .before = sum,
        .before_ms = (double)(w->before_to_ms - w->before_from_ms),
        .dispersion = score_dispersion(law, j->minutes, j->minute_count, 20),
        .drift = SCORE_DRIFT,
    };
    score_counts_begin(&j->tests[which], &base);
    j->dispersion = fmax(j->dispersion, base.dispersion);
    j->before.hits += sum.hits;
    j->before.trials = sum.trials;
}

static const enum score_subject subjects[TESTS] = {SCORE_SERVER_ERRORS, SCORE_CLIENT_ERRORS,
                                                   SCORE_EXCEPTIONS};

static void follow(struct judging *j, const struct tally_moment *moment, const struct score_deploy_windows *w)
{
    for (size_t tick = 0; tick < TALLY_TICKS; tick++) {
        int64_t from = moment->time + (int64_t)tick * CELL_MS;
        struct score_evidence evidence[TESTS];
        if (from >= w->after_to_ms)
            break;
        for (int which = 0; which < TESTS; which++) {
            struct score_tally one = tally_of(&moment->after[tick], which);
            score_counts_add(&j->tests[which], one, from, from + CELL_MS);
            evidence[which] = (struct score_evidence){subjects[which], true, j->tests[which].trace.ln_e};
            j->after.hits += one.hits;
            j->after.trials += which == 0 ? one.trials : 0;
            if (one.hits > 0 || one.trials > 0)
                j->newest = from + CELL_MS;
        }
        score_trace_follow(&j->trace, score_service_ln_e(evidence, TESTS), from);
    }
}

static void judge(const struct analysis *a, size_t i, struct report_deploy *out)
{
    const struct tally_moment *moment = &a->tally->moments[i];
    const struct score_deploy_windows w = find_windows(a, i);
    struct judging j = {.trace = SCORE_TRACE_START, .dispersion = 1, .newest = moment->time};
    for (int which = 0; which < TESTS; which++)
        begin(&j, moment, &w, which);
    follow(&j, moment, &w);
    const struct score_ratio_terms terms = {j.dispersion, SCORE_DRIFT, SCORE_OK_RATE_FLOOR};
    const struct score_verdict_facts facts = {
        .ln_e_peak = j.trace.ln_e_peak,
        .elapsed_ms = j.newest - moment->time,
        .requests = j.after.trials,
        .ratio = score_ratio(j.before, j.after, &terms),
        .has_baseline = score_counts_tested(&j.tests[0]),
    };
    out->verdict = score_verdict_name(score_verdict(&facts));
    out->before_k = j.before.hits;
    out->before_n = j.before.trials;
    out->after_k = j.after.hits;
    out->after_n = j.after.trials;
    out->log10_e = j.trace.ln_e_peak / log(10);
    out->p = fmin(1, exp(-j.trace.ln_e_peak));
    if (j.before.trials > 0 && j.after.trials > 0) {
        out->ratio = facts.ratio.ratio;
        out->low = facts.ratio.low;
        out->high = facts.ratio.high;
    }
}

/* Holm's correction, over the deploys of the week. */
static void correct(struct report_deploy *deploys, size_t count)
{
    bool is_done[TALLY_MOMENTS_MAX] = {false};
    double least = 0;
    for (size_t rank = 0; rank < count; rank++) {
        size_t best = count;
        for (size_t i = 0; i < count; i++)
            if (!is_done[i] && (best == count || deploys[i].p < deploys[best].p))
                best = i;
        is_done[best] = true;
        least = fmax(least, fmin(1, deploys[best].p * (double)(count - rank)));
        deploys[best].p = least;
    }
}

static void count_new_groups(const struct analysis *a, struct report_deploy *deploy)
{
    for (size_t i = 0; i < a->group_count; i++) {
        time_ms_t first = a->groups[i].first;
        deploy->new_groups += first >= deploy->time && first < deploy->time + HOUR_MS;
    }
}

enum tm_err analyse_deploys(struct analysis *a)
{
    struct report *r = a->report;
    for (size_t i = 0; i < r->deploy_count; i++) {
        judge(a, i, &r->deploys[i]);
        count_new_groups(a, &r->deploys[i]);
        /* The one behind it is a rollback. */
        r->deploys[i].is_rolled_back = i > 0 && r->deploys[i - 1].is_rollback && !r->deploys[i].is_rollback;
    }
    correct(r->deploys, r->deploy_count);
    for (size_t i = 0; i < r->deploy_count / 2; i++) { /* oldest first */
        struct report_deploy one = r->deploys[i];
        r->deploys[i] = r->deploys[r->deploy_count - 1 - i];
        r->deploys[r->deploy_count - 1 - i] = one;
    }
    return TM_OK;
}
