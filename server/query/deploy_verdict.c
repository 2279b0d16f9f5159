#include "server/query/deploy_verdict.h"

#include <stdlib.h>

#include "server/query/deploy_alarm.h"
#include "storage/model/cell.h"

struct score_deploy_windows deploy_windows(const struct deploy *deploy)
{
    struct score_deploy_windows w = score_deploy_windows(deploy->time, deploy->previous, deploy->next);
    w.before_from_ms = cell_time(cell_slot(w.before_from_ms + CELL_MS - 1));
    w.before_to_ms = cell_time(cell_slot(w.before_to_ms));
    w.after_from_ms = cell_time(cell_slot(w.after_from_ms + CELL_MS - 1));
    w.after_to_ms = cell_time(cell_slot(w.after_to_ms));
    if (w.after_to_ms < w.after_from_ms)
        w.after_to_ms = w.after_from_ms;
    return w;
}

/* FNV-1a. */
static void hash_text(struct deploy_named *named, const char *text)
{
    do
        named->hash = (named->hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    while (*text++);
}

void deploy_named_add(struct deploy_named *named, const char *class, const char *page_group)
{
    if (named->hash == 0)
        named->hash = UINT64_C(0xcbf29ce484222325);
    hash_text(named, class);
    hash_text(named, page_group);
}

/* Of those that are shown, so that a verdict that was kept tells the same. */
static uint64_t hash_named(const struct deploy_judgement *j)
{
    struct deploy_named named = {0};
    for (size_t i = 0; i < j->row_count && i < DEPLOY_ROWS_MAX; i++)
        if (j->rows[i].is_at_fault)
            deploy_named_add(&named, j->rows[i].class, j->rows[i].page_group);
    return named.hash;
}

/* Is its time over? An hour, or until the next deploy; where something may fill up, longer. */
static bool is_final(const struct deploy *deploy, const struct score_deploy_windows *w,
                     const struct deploy_judgement *j)
{
    time_ms_t end = w->after_to_ms;
    for (size_t i = 0; i < j->levels->count; i++)
        if (j->levels->at[i].gauge->is_filling)
            end = w->after_from_ms + DEPLOY_LEAK_MS;
    if (deploy->next != SCORE_NEVER && deploy->next < end)
        end = w->after_to_ms;
    return j->updated >= end;
}

enum tm_err deploy_verdict(const struct deploy *deploy, const struct deploy_check *check,
                           struct reader *reader, struct bytes *out, struct deploy_outcome *outcome,
                           struct deploy_alarm_look *alarm, struct tm_why *why)
{
    struct deploy_scope scope = {.deploy = deploy, .windows = deploy_windows(deploy)};
    struct deploy_judgement judgement = {.row_count = 0};
    struct deploy_gauges gauges = {.count = 0};
    struct deploy_counts *counts = calloc(1, sizeof *counts);
    const struct score_deploy_windows *w = &scope.windows;
    scope.has_week = !deploy_is_marked(
        deploy, (struct span){w->before_from_ms - DEPLOY_WEEK_MS, w->before_to_ms - DEPLOY_WEEK_MS});
    enum tm_err err = counts ? deploy_counts_read(reader, &scope, counts, why)
                             : tm_fail(why, TM_NOMEM, "out of memory; try again");
    if (!err)
        err = deploy_gauges_read(reader, &scope, &gauges, why);
    if (!err) {
        const struct deploy_case of = {counts, &gauges, w, check->factor};
        err = deploy_judge(&of, &judgement);
        if (err)
            tm_why_write(why, "out of memory; try again");
    }
    if (!err) {
        bool is_over = is_final(deploy, w, &judgement);
        *outcome = (struct deploy_outcome){.verdict = judgement.verdict,
                                           .updated = judgement.updated,
                                           .named = hash_named(&judgement),
                                           .is_final = is_over,
                                           .requests = judgement.requests};
        const struct deploy_facts facts = {deploy, check, &scope, counts, &gauges, &judgement, is_over};
        deploy_put_json(&facts, out);
        if (alarm)
            err = deploy_alarm_look(&facts, reader, alarm, why);
    }
    deploy_judgement_fini(&judgement);
    deploy_gauges_fini(&gauges);
    if (counts)
        deploy_counts_fini(counts);
    free(counts);
    return err;
}
