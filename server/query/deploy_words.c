/* A verdict in one sentence. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "server/query/deploy_verdict.h"

#define PERCENT   100.0
#define ALSO_LN_E 4.60517 /* ln 100: an e-value that is worth a word beside the heaviest */

static double rate_of(struct score_tally tally)
{
    return tally.trials > 0 ? tally.hits / tally.trials : 0;
}

/* What may weigh most. */
struct cause {
    void (*put)(const struct deploy_facts *facts, struct bytes *out);
    double ln_e;
};

static const struct deploy_level_test *find_level(const struct deploy_judgement *j)
{
    const struct deploy_level_test *worst = NULL;
    for (size_t i = 0; i < j->levels->count; i++)
        if (!worst || j->levels->at[i].level.ln_e > worst->level.ln_e)
            worst = &j->levels->at[i];
    return worst;
}

static const struct deploy_level_test *find_leak(const struct deploy_judgement *j)
{
    const struct deploy_level_test *worst = NULL;
    for (size_t i = 0; i < j->levels->count; i++)
        if (j->levels->at[i].looked > 0 &&
            (!worst || deploy_levels_leak(&j->levels->at[i]) > deploy_levels_leak(worst)))
            worst = &j->levels->at[i];
    return worst;
}

/* What was before, "0.38 % of 8506 before". */
static void put_before(struct score_tally before, struct bytes *out)
{
    if (before.trials > 0)
        bytes_printf(out, "%.2f %% of %.0f before", PERCENT * rate_of(before), before.trials);
    else
        bytes_printf(out, "no request before to compare with");
}

static void put_errors(const struct deploy_facts *facts, struct bytes *out)
{
    const struct deploy_row *row = &facts->judgement->rows[0];
    bytes_printf(out, "%s in %s: %.2f %% of %.0f requests, ", row->class,
                 row->page_group[0] ? row->page_group : "(no page group)", PERCENT * rate_of(row->after),
                 row->after.trials);
    put_before(row->before, out);
}

static void put_slower(const struct deploy_facts *facts, struct bytes *out)
{
    (void)facts;
    bytes_printf(out, "it became slower");
}

static void put_exceptions(const struct deploy_facts *facts, struct bytes *out)
{
    (void)facts;
    bytes_printf(out, "more exceptions a request");
}

static void put_level(const struct deploy_facts *facts, struct bytes *out)
{
    const struct deploy_level_test *test = find_level(facts->judgement);
    bytes_printf(out, "%s is %.4g, %.4g before", test->gauge->name, test->hour.after.mean,
                 test->hour.base.before.mean);
}

static void put_leak(const struct deploy_facts *facts, struct bytes *out)
{
    const struct deploy_level_test *test = find_leak(facts->judgement);
    const struct score_leak *leak = &test->looks[test->looked - 1];
    bytes_printf(out, "%s grows by %.4g an hour", test->gauge->name, leak->slope);
    if (test->gauge->limit > 0 && leak->found)
        bytes_printf(out, ", and reaches its limit of %.4g in %.1f h", test->gauge->limit,
                     leak->hours_to_limit);
}

static int by_weight(const void *a, const void *b)
{
    const struct cause *x = a, *y = b;
    return x->ln_e > y->ln_e ? -1 : x->ln_e < y->ln_e;
}

/* What weighs most, then what else would be enough to suspect the deploy. */
static void put_causes(const struct deploy_facts *facts, struct bytes *out)
{
    const struct deploy_judgement *j = facts->judgement;
    const struct deploy_level_test *level = find_level(j), *leak = find_leak(j);
    struct cause causes[] = {
        {put_errors, j->row_count > 0 ? j->rows[0].trace.ln_e : -INFINITY},
        {put_exceptions, j->exceptions.ln_e},
        {put_slower, j->latency.ln_e},
        {put_level, level ? level->level.ln_e : -INFINITY},
        {put_leak, leak ? deploy_levels_leak(leak) : -INFINITY},
    };
    const size_t count = sizeof causes / sizeof causes[0];
    qsort(causes, count, sizeof causes[0], by_weight);
    for (size_t i = 0; i < count && (i == 0 || causes[i].ln_e > ALSO_LN_E); i++) {
        bytes_printf(out, "%s", i > 0 ? "; " : "");
        causes[i].put(facts, out);
    }
}

/* What there is, and what would make it ok. */
static void put_missing(const struct deploy_judgement *j, struct bytes *out)
{
    bytes_printf(out, "%.0f requests since, ", j->requests);
    put_before(j->errors_before, out);
    bytes_printf(out, "; ok takes 5 min, 200 requests and an error rate surely below 2 times the one before");
    if (j->ratio.high < SCORE_RATIO_MAX)
        bytes_printf(out, " (so far: below %.2f times)", j->ratio.high);
}

void deploy_put_words(const struct deploy_facts *facts, struct bytes *out)
{
    const struct deploy_judgement *j = facts->judgement;
    bytes_printf(out, "%s: ", score_verdict_name(j->verdict));
    if (j->verdict == SCORE_BAD || j->verdict == SCORE_SUSPECT) {
        put_causes(facts, out);
        if (j->trace.onset_ms != SCORE_NEVER)
            bytes_printf(out, "; began %" PRId64 " s after the deploy",
                         (j->trace.onset_ms - facts->scope->windows.after_from_ms) / 1000);
    } else if (j->verdict == SCORE_OK) {
        bytes_printf(out, "%.2f %% errors of %.0f requests, ", PERCENT * rate_of(j->errors_after),
                     j->requests);
        put_before(j->errors_before, out);
    } else {
        put_missing(j, out);
    }
    if (facts->scope->windows.overlaps)
        bytes_printf(out, "; another deploy less than 10 min before cannot be told apart");
}
