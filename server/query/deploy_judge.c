#include "server/query/deploy_judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "storage/model/cell.h"

#define MINUTE_MS 60000.0

/* Tests of the whole service: classes, exceptions, latency, gauges. */
enum { OTHERS = 2 + DEPLOY_CLASSES + 2 * DEPLOY_GAUGES_MAX };
enum { TICKS_A_MINUTE = 60000 / CELL_MS };

#define ALIKE_TRIALS 20.0
#define BUSY         1.5 /* times the busiest minute before: then a gauge tells of the traffic */

static const char *const class_names[DEPLOY_CLASSES] = {"5xx", "4xx"};
static const enum score_subject subjects[DEPLOY_CLASSES] = {SCORE_SERVER_ERRORS, SCORE_CLIENT_ERRORS};

struct judge {
    const struct deploy_counts *counts;
    const struct score_deploy_windows *windows;
    double factor;
    double before_ms;
    size_t minutes;              /* of before */
    bool is_timed;               /* there are no requests: exceptions are counted by the second */
    double busiest;              /* requests in a minute of before */
    double minute_requests;      /* since the deploy's last whole minute */
    struct score_counts *groups; /* group_count times DEPLOY_CLASSES */
    struct score_counts whole[DEPLOY_CLASSES], exceptions;
    struct score_latency latency;
    struct score_evidence *evidence;
    struct score_trace trace;
    struct deploy_levels *levels;
    double requests;
    int64_t bad_ms;
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

/* Are the groups of the service alike in this class? Between them, rates may vary as if each were known by
 * ALIKE_TRIALS requests; in many a real service some groups always fail, and others never. */
static bool are_alike(const struct judge *j, unsigned c, struct score_tally all)
{
    double rate = all.hits / all.trials, between = 0, trials = 0, chance = 0;
    for (size_t g = 0; g < j->counts->group_count; g++) {
        struct score_tally bins[DEPLOY_MINUTES], week;
        list_minutes(j, j->counts->groups[g], c, bins, &week);
        struct score_tally one = sum_of(bins, j->minutes);
        if (one.trials < ALIKE_TRIALS)
            continue;
        double off = one.hits / one.trials - rate;
        between += one.trials * off * off;
        chance += rate * (1 - rate);
        trials += one.trials;
    }
    return between - chance <= trials * rate * (1 - rate) / ALIKE_TRIALS;
}

static double begin_requests(struct judge *j)
{
    struct score_tally bins[DEPLOY_MINUTES], week;
    double cv = 0;
    for (unsigned c = 0; c < DEPLOY_CLASSES; c++) {
        list_minutes(j, NULL, c, bins, &week);
        cv = fmax(cv, score_minute_cv(SCORE_BINOMIAL, bins, j->minutes));
    }
    for (size_t m = 0; m < j->minutes; m++)
        j->busiest = fmax(j->busiest, bins[m].trials);
    for (unsigned c = 0; c < DEPLOY_CLASSES; c++) {
        list_minutes(j, NULL, c, bins, &week);
        begin(j, SCORE_BINOMIAL, bins, week, 0, cv, &j->whole[c]);
        struct score_tally all = sum_of(bins, j->minutes);
        /* A group without a past of its own is held to its service's rate, where that is known and says
         * something of its groups. */
        bool is_known = all.trials >= SCORE_BASE_TRIALS && are_alike(j, c, all);
        double rate = is_known ? fmax(all.hits, 0.5) / all.trials : 0;
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
    for (size_t m = 0; m < j->minutes; m++) {
        bins[m].hits = (double)j->counts->exceptions_before[m];
        if (j->is_timed)
            bins[m].trials = MINUTE_MS / 1000;
    }
    if (j->is_timed)
        week.trials = week.hits > 0 ? j->before_ms / 1000 : 0;
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

/* How much the shares above each limit vary from minute to minute. */
static void find_dispersion(const struct judge *j, struct score_bins before, double out[SCORE_EDGES])
{
    uint32_t edges[SCORE_EDGES];
    struct score_tally bins[SCORE_EDGES][DEPLOY_MINUTES];
    struct score_bin minute[HISTOGRAM_BUCKETS];
    score_latency_edges(before, edges);
    for (size_t m = 0; m < j->minutes; m++) {
        struct score_bins listed = list_buckets(NULL, j->counts->slow_before + m * HISTOGRAM_BUCKETS, minute);
        for (unsigned e = 0; e < SCORE_EDGES; e++)
            bins[e][m] = score_bins_above(listed, edges[e]);
    }
    for (unsigned e = 0; e < SCORE_EDGES; e++)
        out[e] = score_dispersion(SCORE_BINOMIAL, bins[e], j->minutes, SCORE_LATENCY_DISPERSION_MAX);
}

static void begin_latency(struct judge *j)
{
    struct score_bin before[HISTOGRAM_BUCKETS], week[HISTOGRAM_BUCKETS];
    uint64_t sums[HISTOGRAM_BUCKETS] = {0};
    for (size_t i = 0; i < (size_t)DEPLOY_MINUTES * HISTOGRAM_BUCKETS; i++)
        sums[i % HISTOGRAM_BUCKETS] += j->counts->slow_before[i];
    struct score_latency_base base = {
        .before = list_buckets(sums, NULL, before),
        .week = list_buckets(j->counts->slow_week, NULL, week),
        .before_ms = j->before_ms,
        .dispersion = {1, 1, 1},
        .drift = SCORE_LATENCY_DRIFT,
    };
    if (base.before.count > 0)
        find_dispersion(j, base.before, base.dispersion);
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
    double trials = j->is_timed ? CELL_MS / 1000.0 : all[0].trials;
    struct score_tally thrown = {(double)j->counts->exceptions_after[tick], trials};
    score_counts_add(&j->exceptions, thrown, from, to);
    score_latency_add(&j->latency, list_buckets(NULL, j->counts->slow_after + tick * HISTOGRAM_BUCKETS, bins),
                      from, to);
    j->requests += all[0].trials;
    j->minute_requests += all[0].trials;
}

/* Gauges go by minutes, of which the last one is whole. */
static void add_minute(struct judge *j, size_t tick)
{
    if ((tick + 1) % TICKS_A_MINUTE != 0)
        return;
    size_t minute = tick / TICKS_A_MINUTE;
    int64_t at = j->windows->after_from_ms + (int64_t)minute * DEPLOY_MINUTE_MS;
    if (j->busiest <= 0 || j->minute_requests <= BUSY * j->busiest)
        deploy_levels_minute(j->levels, minute, at);
    deploy_levels_look(j->levels, minute + 1);
    j->minute_requests = 0;
}

static void look(struct judge *j, int64_t at_ms)
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
    n += deploy_levels_evidence(j->levels, j->evidence + n);
    score_trace_follow(&j->trace, score_service_ln_e(j->evidence, n), at_ms);
    if (j->bad_ms == SCORE_NEVER && j->trace.ln_e_peak * j->factor >= log(SCORE_BAD_E))
        j->bad_ms = at_ms;
}

/* Replays what came since the deploy; what fills up is looked at for longer than the rest. */
static void replay(struct judge *j, time_ms_t newest)
{
    int64_t from = j->windows->after_from_ms;
    int64_t end = newest < j->windows->after_to_ms ? newest : j->windows->after_to_ms;
    for (size_t tick = 0; tick < DEPLOY_TICKS && from + (int64_t)tick * CELL_MS < end; tick++) {
        add_tick(j, tick);
        add_minute(j, tick);
        look(j, from + (int64_t)tick * CELL_MS);
    }
    for (unsigned later = 1; later < SCORE_LEAK_LOOKS; later++) {
        int64_t minutes = (int64_t)score_leak_points(later) * SCORE_LEAK_STEP_MS / DEPLOY_MINUTE_MS;
        if (newest < from + minutes * DEPLOY_MINUTE_MS)
            break;
        deploy_levels_look(j->levels, (size_t)minutes);
        look(j, from + (minutes - 1) * DEPLOY_MINUTE_MS);
    }
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

static struct score_trace scale(struct score_trace trace, double factor)
{
    trace.ln_e *= trace.ln_e > 0 ? factor : 1;
    trace.ln_e_peak *= factor;
    return trace;
}

static void list_rows(const struct judge *j, double *ln_e, struct deploy_judgement *out)
{
    double bar;
    size_t count = j->counts->group_count * DEPLOY_CLASSES;
    for (size_t i = 0; i < count; i++)
        ln_e[i] = scale(j->groups[i].trace, j->factor).ln_e;
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
            .trace = scale(test->trace, j->factor),
            .is_at_fault = ln_e[i] >= bar,
        };
    }
    if (out->row_count > 1)
        qsort(out->rows, out->row_count, sizeof *out->rows, compare_rows);
}

/* Is there anything to compare with? */
static bool has_baseline(const struct judge *j)
{
    return score_counts_tested(&j->whole[0]) || score_counts_tested(&j->exceptions) || j->latency.tested ||
           j->levels->count > 0;
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
    out->trace = scale(j->trace, j->factor);
    out->requests = j->requests;
    out->exceptions = scale(j->exceptions.trace, j->factor);
    out->latency = scale(j->latency.trace, j->factor);
    out->bad_ms = j->bad_ms;
    const struct score_verdict_facts facts = {
        .ln_e_peak = out->trace.ln_e_peak,
        .elapsed_ms = out->updated != INT64_MIN ? out->updated - j->windows->after_from_ms : 0,
        .requests = j->requests,
        .ratio = out->ratio,
        .has_baseline = has_baseline(j),
    };
    out->verdict = score_verdict(&facts);
}

static bool has_requests(const struct deploy_counts *counts)
{
    for (size_t g = 0; g < counts->group_count; g++) {
        for (size_t m = 0; m < DEPLOY_MINUTES; m++)
            if (counts->groups[g]->before[m].requests > 0)
                return true;
        for (size_t t = 0; t < DEPLOY_TICKS; t++)
            if (counts->groups[g]->after[t].requests > 0)
                return true;
    }
    return false;
}

static void free_judge(struct judge *j)
{
    if (j) {
        free(j->groups);
        free(j->evidence);
    }
    free(j);
}

static struct judge *new_judge(const struct deploy_case *of, size_t tests, struct deploy_judgement *out)
{
    const struct score_deploy_windows *windows = of->windows;
    struct judge *j = calloc(1, sizeof *j);
    if (!j)
        return NULL;
    j->groups = calloc(tests + 1, sizeof *j->groups);
    j->evidence = calloc(tests + OTHERS, sizeof *j->evidence);
    if (!j->groups || !j->evidence) {
        free_judge(j);
        return NULL;
    }
    j->counts = of->counts;
    j->windows = windows;
    j->factor = of->factor;
    j->levels = out->levels;
    j->bad_ms = SCORE_NEVER;
    j->before_ms = (double)(windows->before_to_ms - windows->before_from_ms);
    j->minutes = (size_t)score_clamp(ceil(j->before_ms / MINUTE_MS), 0, DEPLOY_MINUTES);
    j->is_timed = !has_requests(of->counts);
    j->trace = SCORE_TRACE_START;
    return j;
}

void deploy_judgement_fini(struct deploy_judgement *judgement)
{
    free(judgement->rows);
    free(judgement->levels);
    *judgement = (struct deploy_judgement){.row_count = 0};
}

enum tm_err deploy_judge(const struct deploy_case *of, struct deploy_judgement *out)
{
    size_t tests = of->counts->group_count * DEPLOY_CLASSES;
    double *ln_e = calloc(tests + 1, sizeof *ln_e);
    struct judge *j = NULL;
    *out = (struct deploy_judgement){.row_count = 0};
    out->rows = calloc(tests + 1, sizeof *out->rows);
    out->levels = calloc(1, sizeof *out->levels);
    if (ln_e && out->rows && out->levels)
        j = new_judge(of, tests, out);
    if (j) {
        out->updated = of->gauges->newest > of->counts->newest ? of->gauges->newest : of->counts->newest;
        begin_exceptions(j, begin_requests(j));
        begin_latency(j);
        deploy_levels_begin(out->levels, of->gauges);
        replay(j, out->updated);
        list_rows(j, ln_e, out);
        conclude(j, out);
    }
    enum tm_err err = j ? TM_OK : TM_NOMEM;
    free_judge(j);
    free(ln_e);
    return err;
}
