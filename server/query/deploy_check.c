#include "server/query/deploy_check.h"

#include <stdlib.h>

#include "scoring/sort.h"
#include "storage/model/cell.h"

#define HOUR_MS INT64_C(3600000)

/* One of forty is left out: a fault that nobody told of lies in many a week. */
enum { CHECKS_FOR_A_FAULT = 40 };

static enum tm_err judge_pseudo(const struct deploy_scope *scope, struct reader *reader,
                                struct deploy_check *check, struct tm_why *why)
{
    struct deploy_judgement judgement = {.row_count = 0};
    struct deploy_gauges gauges = {.count = 0};
    struct deploy_counts *counts = calloc(1, sizeof *counts);
    enum tm_err err = counts ? deploy_counts_read(reader, scope, counts, why)
                             : tm_fail(why, TM_NOMEM, "out of memory; try again");
    if (!err)
        err = deploy_gauges_read(reader, scope, &gauges, why);
    if (!err) {
        const struct deploy_case of = {counts, &gauges, &scope->windows, 1};
        err = deploy_judge(&of, &judgement);
        if (err)
            tm_why_write(why, "out of memory; try again");
    }
    if (!err && judgement.updated != INT64_MIN &&
        (judgement.requests >= SCORE_OK_REQUESTS || judgement.levels->count > 0))
        check->peaks[check->count++] = judgement.trace.ln_e_peak;
    deploy_judgement_fini(&judgement);
    deploy_gauges_fini(&gauges);
    if (counts)
        deploy_counts_fini(counts);
    free(counts);
    return err;
}

static void conclude(struct deploy_check *check)
{
    size_t count = check->count;
    score_sort(check->peaks, count);
    if (count >= CHECKS_FOR_A_FAULT)
        count--;
    check->factor = score_clamp(score_self_check(check->peaks, count, SCORE_ALPHA), DEPLOY_FACTOR_MIN, 1);
}

enum tm_err deploy_check_step(struct deploy_check *check, const struct deploy *deploy, struct reader *reader,
                              struct tm_why *why)
{
    int64_t at = deploy->time - (check->done + 1) * DEPLOY_CHECK_STEP_MS;
    at = cell_time(cell_slot(at));
    struct span week = {at - HOUR_MS - DEPLOY_WEEK_MS, at - DEPLOY_WEEK_MS};
    const struct deploy_scope scope = {
        .deploy = deploy,
        .windows = score_deploy_windows(at, SCORE_NEVER, SCORE_NEVER),
        .has_week = !deploy_is_marked(deploy, week),
        .is_pseudo = true,
    };
    enum tm_err err = TM_OK;
    if (!deploy_is_marked(deploy, (struct span){at - HOUR_MS, at + HOUR_MS}))
        err = judge_pseudo(&scope, reader, check, why);
    if (err)
        return err;
    check->done++;
    if (check->done == DEPLOY_CHECKS)
        conclude(check);
    return TM_OK;
}
