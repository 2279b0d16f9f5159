#include "server/query/deploy_judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "storage/model/cell.h"

#define MINUTE_MS 60000.0

enum { OTHERS = 2 + DEPLOY_CLASSES }; /* tests of the whole service: classes, exceptions, latency */

static const char *const class_names[DEPLOY_CLASSES] = {"5xx", "4xx"};
static const enum score_subject subjects[DEPLOY_CLASSES] = {SCORE_SERVER_ERRORS, SCORE_CLIENT_ERRORS};

struct judge {
    const struct deploy_counts *counts;
    const struct score_deploy_windows *windows;
    double before_ms;
    size_t minutes;              /* of before */
    struct score_counts *groups; /* group_count times DEPLOY_CLASSES */
    struct score_counts whole[DEPLOY_CLASSES], exceptions;
    struct score_latency latency;
    struct score_evidence *evidence;
    struct score_trace trace;
    double requests;
};

/* ---- baselines ---- */

static struct score_tally sum_of(const struct score_tally *bins, size_t count)
{
    struct score_tally sum = {0, 0};
    for (size_t i = 0; i < count; i++) {
        sum.hits += bins[i].hits;
        sum.trials += bins[i].trials;
    }
    return sum;
}

static void add(struct score_tally *to, uint64_t hits, uint64_t trials)
{
    to->hits += (double)hits;
    to->trials += (double)trials;
}

/* The minutes of one class, of group, or of all where that is NULL. */
static void list_minutes(const struct judge *j, const struct deploy_group *group, unsigned c,
                         struct score_tally bins[DEPLOY_MINUTES], struct score_tally *week)
{
    *week = (struct score_tally){0, 0};
    for (size_t m = 0; m < DEPLOY_MINUTES; m++)
        bins[m] = (struct score_tally){0, 0};
    for (size_t g = 0; g < j->counts->group_count; g++) {
        const struct deploy_group *one = j->counts->groups[g];
        if (group && group != one)
            continue;
        add(week, one->week.errors[c], one->week.requests);
        for (size_t m = 0; m < j->minutes; m++)
            add(&bins[m], one->before[m].errors[c], one->before[m].requests);
    }
}

static void begin(const struct judge *j, enum score_law law, const struct score_tally *bins,
                  struct score_tally week, double prior_rate, double cv, struct score_counts *test)
{
    struct score_counts_base base = {
        .law = law,
        .rise = SCORE_RISE_RATE,
        .before = sum_of(bins, j->minutes),
        .week = week,
        .before_ms = j->before_ms,
        .dispersion = score_dispersion(law, bins, j->minutes, 20),
        .drift = SCORE_DRIFT,
        .minute_cv = cv,
        .prior_rate = prior_rate,
    };
    score_counts_begin(test, &base);
}

static double begin_requests(struct judge *j)
{
    struct score_tally bins[DEPLOY_MINUTES], week;
    double cv = 0;
    for (unsigned c = 0; c < DEPLOY_CLASSES; c++) {
        list_minutes(j, NULL, c, bins, &week);
        cv = fmax(cv, score_minute_cv(SCORE_BINOMIAL, bins, j->minutes));
    }
    for (unsigned c = 0; c < DEPLOY_CLASSES; c++) {
        list_minutes(j, NULL, c, bins, &week);
        begin(j, SCORE_BINOMIAL, bins, week, 0, cv, &j->whole[c]);
        struct score_tally all = sum_of(bins, j->minutes);
        /* A group without a past of its own is held to its service's rate, where that is known. */
        double rate = all.trials >= SCORE_BASE_TRIALS ? fmax(all.hits, 0.5) / all.trials : 0;
        for (size_t g = 0; g < j->counts->group_count; g++) {
            list_minutes(j, j->counts->groups[g], c, bins, &week);
            begin(j, SCORE_BINOMIAL, bins, week, rate, cv, &j->groups[g * DEPLOY_CLASSES + c]);
        }
    }
    return cv;
}

static void begin_exceptions(struct judge *j, double cv)
{
    struct score_tally bins[DEPLOY_MINUTES], week;
    list_minutes(j, NULL, 0, bins, &week);
    week.hits = (double)j->counts->exceptions_week;
    for (size_t m = 0; m < j->minutes; m++)
        bins[m].hits = (double)j->counts->exceptions_before[m];
    begin(j, SCORE_POISSON, bins, week, 0, cv, &j->exceptions);
}

static struct score_bins list_buckets(const uint64_t *counts, const uint32_t *few,
                                      struct score_bin bins[HISTOGRAM_BUCKETS])
{
    size_t count = 0;
    for (uint32_t b = 0; b < HISTOGRAM_BUCKETS; b++) {
        uint64_t value = counts ? counts[b] : few ? few[b] : 0;
        if (value > 0)
            bins[count++] = (struct score_bin){b, value};
    }
    return (struct score_bins){bins, count};
}

static void begin_latency(struct judge *j)
{
    struct score_bin before[HISTOGRAM_BUCKETS], week[HISTOGRAM_BUCKETS];
    struct score_latency_base base = {
        .before = list_buckets(j->counts->slow_before, NULL, before),
        .week = list_buckets(j->counts->slow_week, NULL, week),
        .before_ms = j->before_ms,
        .dispersion = {1, 1, 1},
        .drift = SCORE_LATENCY_DRIFT,
    };
    score_latency_begin(&j->latency, &base);
}

/* ---- ticks ---- */

static void add_tick(struct judge *j, size_t tick)
{
    int64_t from = j->windows->after_from_ms + (int64_t)tick * CELL_MS, to = from + CELL_MS;
    struct score_tally all[DEPLOY_CLASSES] = {{0, 0}, {0, 0}};
    struct score_bin bins[HISTOGRAM_BUCKETS];
    for (size_t g = 0; g < j->counts->group_count; g++) {
        const struct deploy_cell *cell = &j->counts->groups[g]->after[tick];
        for (unsigned c = 0; c < DEPLOY_CLASSES; c++) {
            struct score_tally one = {(double)cell->errors[c], (double)cell->requests};
            score_counts_add(&j->groups[g * DEPLOY_CLASSES + c], one, from, to);
            add(&all[c], cell->errors[c], cell->requests);
        }
    }
    for (unsigned c = 0; c < DEPLOY_CLASSES; c++)
        score_counts_add(&j->whole[c], all[c], from, to);
    struct score_tally thrown = {(double)j->counts->exceptions_after[tick], all[0].trials};
    score_counts_add(&j->exceptions, thrown, from, to);
    score_latency_add(&j->latency, list_buckets(NULL, j->counts->slow_after + tick * HISTOGRAM_BUCKETS, bins),
                      from, to);
    j->requests += all[0].trials;
}

static void look(struct judge *j, size_t tick)
{
    size_t n = 0;
    for (unsigned c = 0; c < DEPLOY_CLASSES; c++) {
        j->evidence[n++] = (struct score_evidence){subjects[c], true, j->whole[c].trace.ln_e};
        for (size_t g = 0; g < j->counts->group_count; g++)
            j->evidence[n++] =
                (struct score_evidence){subjects[c], false, j->groups[g * DEPLOY_CLASSES + c].trace.ln_e};
    }
    j->evidence[n++] = (struct score_evidence){SCORE_EXCEPTIONS, true, j->exceptions.trace.ln_e};
    j->evidence[n++] = (struct score_evidence){SCORE_LATENCY, true, j->latency.trace.ln_e};
    score_trace_follow(&j->trace, score_service_ln_e(j->evidence, n),
                       j->windows->after_from_ms + (int64_t)tick * CELL_MS);
}

/* ---- the judgement ---- */

static int compare_rows(const void *a, const void *b)
{
    const struct deploy_row *x = a, *y = b;
    if (x->trace.ln_e != y->trace.ln_e)
        return x->trace.ln_e < y->trace.ln_e ? 1 : -1;
    int order = strcmp(x->page_group, y->page_group);
    return order != 0 ? order : strcmp(x->class, y->class);
}

static void list_rows(const struct judge *j, double *ln_e, struct deploy_judgement *out)
{
    double bar;
    size_t count = j->counts->group_count * DEPLOY_CLASSES;
    for (size_t i = 0; i < count; i++)
        ln_e[i] = j->groups[i].trace.ln_e;
    (void)score_e_bh(ln_e, count, SCORE_ALPHA, &bar);
    for (size_t i = 0; i < count; i++) {
        const struct score_counts *test = &j->groups[i];
        const struct score_ratio_terms terms = {test->base.dispersion, test->base.drift, 0};
        if (!(test->after.trials > 0))
            continue;
        out->rows[out->row_count++] = (struct deploy_row){
            .page_group = j->counts->groups[i / DEPLOY_CLASSES]->name,
            .class = class_names[i % DEPLOY_CLASSES],
            .before = test->base.before,
            .after = test->after,
            .ratio = score_ratio(test->base.before, test->after, &terms),
            .trace = test->trace,
            .is_at_fault = test->trace.ln_e >= bar,
        };
    }
    if (out->row_count > 1)
        qsort(out->rows, out->row_count, sizeof *out->rows, compare_rows);
}

static void conclude(const struct judge *j, struct deploy_judgement *out)
{
    double dispersion = 1;
    for (unsigned c = 0; c < DEPLOY_CLASSES; c++) {
        out->errors_before.hits += j->whole[c].base.before.hits;
        out->errors_before.trials = j->whole[c].base.before.trials;
        out->errors_after.hits += j->whole[c].after.hits;
        out->errors_after.trials = j->whole[c].after.trials;
        dispersion = fmax(dispersion, j->whole[c].base.dispersion);
    }
    const struct score_ratio_terms terms = {dispersion, SCORE_DRIFT, SCORE_OK_RATE_FLOOR};
    out->ratio = score_ratio(out->errors_before, out->errors_after, &terms);
    out->trace = j->trace;
    out->requests = j->requests;
    out->exceptions = j->exceptions.trace;
    out->latency = j->latency.trace;
    bool is_seen = j->counts->newest != INT64_MIN;
    const struct score_verdict_facts facts = {
        .ln_e_peak = j->trace.ln_e_peak,
        .elapsed_ms = is_seen ? j->counts->newest - j->windows->after_from_ms : 0,
        .requests = j->requests,
        .ratio = out->ratio,
        .has_baseline = score_counts_tested(&j->whole[0]),
    };
    out->verdict = score_verdict(&facts);
}

enum tm_err deploy_judge(const struct deploy_counts *counts, const struct score_deploy_windows *windows,
                         struct deploy_judgement *out)
{
    size_t tests = counts->group_count * DEPLOY_CLASSES;
    struct judge *j = calloc(1, sizeof *j);
    double *ln_e = calloc(tests + 1, sizeof *ln_e);
    enum tm_err err = TM_NOMEM;
    *out = (struct deploy_judgement){.row_count = 0};
    if (!j || !ln_e)
        goto out;
    j->groups = calloc(tests + 1, sizeof *j->groups);
    j->evidence = calloc(tests + OTHERS, sizeof *j->evidence);
    out->rows = calloc(tests + 1, sizeof *out->rows);
    if (!j->groups || !j->evidence || !out->rows)
        goto out;
    j->counts = counts;
    j->windows = windows;
    j->before_ms = (double)(windows->before_to_ms - windows->before_from_ms);
    j->minutes = (size_t)score_clamp(ceil(j->before_ms / MINUTE_MS), 0, DEPLOY_MINUTES);
    j->trace = SCORE_TRACE_START;
    begin_exceptions(j, begin_requests(j));
    begin_latency(j);
    for (size_t tick = 0; tick < DEPLOY_TICKS; tick++) {
        if (windows->after_from_ms + (int64_t)tick * CELL_MS >= counts->newest)
            break;
        add_tick(j, tick);
        look(j, tick);
    }
    list_rows(j, ln_e, out);
    conclude(j, out);
    err = TM_OK;
out:
    if (j) {
        free(j->groups);
        free(j->evidence);
    }
    free(j);
    free(ln_e);
    return err;
}
