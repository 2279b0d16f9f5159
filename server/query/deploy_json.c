/* A verdict as JSON: the item of CONTRACT 9, with what explains it. */
#include <inttypes.h>
#include <math.h>

#include "server/query/deploy_verdict.h"
#include "server/wire/reply.h"
#include "storage/model/when.h"

enum { EXCEPTIONS_LISTED = 20 };

/* A group that threw so often as much as five times between the deploy and now, had nothing changed, is gone
 * when it threw not once: by chance that is once in 150 times. */
#define VANISHED_MIN 5.0

static const char *const names[DEPLOY_TEXTS] = {
    [DEPLOY_SERVICE] = "service", [DEPLOY_ENV] = "env", [DEPLOY_VERSION] = "version"};

static void put_time(struct bytes *out, time_ms_t time)
{
    char text[WHEN_TEXT_BYTES];
    if (time == INT64_MIN)
        bytes_printf(out, "null");
    else
        bytes_printf(out, "\"%s\"", when_text(time, text));
}

/* What JSON has a figure for. */
static double known(double value)
{
    return isfinite(value) ? value : 0;
}

/* E, up to 1e300. */
static double e_of(double ln_e)
{
    return exp(fmin(ln_e, 690));
}

static void put_tally(struct bytes *out, const char *name, struct score_tally tally)
{
    bytes_printf(out, ",\"%s\":{\"n\":%.0f,\"k\":%.0f}", name, tally.trials, tally.hits);
}

static void put_row(const struct deploy_row *row, struct bytes *out)
{
    bytes_printf(out, "{\"page_group\":");
    bytes_json_string(out, str_of(row->page_group));
    bytes_printf(out, ",\"class\":\"%s\"", row->class);
    put_tally(out, "before", row->before);
    put_tally(out, "after", row->after);
    bytes_printf(out,
                 ",\"ratio\":%.6g,\"low\":%.6g,\"high\":%.6g,\"e_value\":%.6g,\"at_fault\":%s,\"onset\":",
                 row->ratio.ratio, row->ratio.low, row->ratio.high, e_of(row->trace.ln_e),
                 row->is_at_fault ? "true" : "false");
    put_time(out, row->trace.onset_ms);
    bytes_u8(out, '}');
}

static void put_rows(const struct deploy_judgement *j, struct bytes *out)
{
    bytes_printf(out, ",\"groups\":[");
    for (size_t i = 0; i < j->row_count && i < DEPLOY_ROWS_MAX; i++) {
        if (i > 0)
            bytes_u8(out, ',');
        put_row(&j->rows[i], out);
    }
    bytes_u8(out, ']');
}

/* ---- gauges ---- */

static void put_leak(const struct deploy_level_test *test, struct bytes *out)
{
    const struct score_leak *leak = &test->looks[test->looked - 1];
    bytes_printf(out,
                 ",\"leak\":{\"found\":%s,\"per_hour\":%.9g,\"low\":%.9g,\"high\":%.9g,\"level\":%.9g,"
                 "\"e_value\":%.6g,\"limit\":",
                 leak->found ? "true" : "false", known(leak->slope), known(leak->low), known(leak->high),
                 known(leak->level), e_of(deploy_levels_leak(test)));
    if (test->gauge->limit > 0)
        bytes_printf(out, "%.9g", known(test->gauge->limit));
    else
        bytes_printf(out, "null");
    if (test->gauge->limit > 0 && leak->hours_to_limit < SCORE_LEAK_NO_LIMIT_HOURS)
        bytes_printf(out, ",\"hours_to_limit\":%.6g}", leak->hours_to_limit);
    else
        bytes_printf(out, ",\"hours_to_limit\":null}");
}

static void put_gauges(const struct deploy_facts *facts, struct bytes *out)
{
    const struct deploy_levels *levels = facts->judgement->levels;
    bytes_printf(out, ",\"gauges\":[");
    for (size_t i = 0; i < levels->count; i++) {
        const struct deploy_level_test *test = &levels->at[i];
        bytes_printf(out, "%s{\"metric\":", i > 0 ? "," : "");
        bytes_json_string(out, str_of(test->gauge->name));
        bytes_printf(out, ",\"before\":%.9g,\"after\":", known(test->hour.base.before.mean));
        if (test->hour.after.count > 0)
            bytes_printf(out, "%.9g", known(test->hour.after.mean));
        else
            bytes_printf(out, "null");
        bytes_printf(out, ",\"effect\":%.6g,\"e_value\":%.6g", known(score_gauge_effect(&test->hour)),
                     e_of(test->level.ln_e));
        if (test->looked > 0)
            put_leak(test, out);
        bytes_u8(out, '}');
    }
    bytes_printf(out, "],\"gauges_left_out\":%zu", facts->gauges->left_out);
}

/* ---- exceptions ---- */

/* What a group would have thrown since the deploy, at the rate and the traffic of before. */
static double expect(const struct deploy_facts *facts, uint64_t before)
{
    const struct deploy_judgement *j = facts->judgement;
    const struct score_deploy_windows *w = &facts->scope->windows;
    double before_ms = (double)(w->before_to_ms - w->before_from_ms);
    int64_t end = j->updated < w->after_to_ms ? j->updated : w->after_to_ms;
    if (j->updated == INT64_MIN || before_ms <= 0)
        return 0;
    double time = (double)(end - w->after_from_ms) / before_ms;
    if (j->errors_before.trials > 0)
        time = fmin(time, j->requests / j->errors_before.trials);
    return (double)before * time;
}

static bool is_vanished(const struct deploy_facts *facts, size_t i)
{
    return !facts->deploy->exceptions[i].is_new && facts->counts->thrown_after[i] == 0 &&
           expect(facts, facts->counts->thrown_before[i]) >= VANISHED_MIN;
}

static void put_exceptions(const struct deploy_facts *facts, bool are_new, struct bytes *out)
{
    const struct deploy *deploy = facts->deploy;
    size_t listed = 0;
    bytes_printf(out, ",\"%s\":[", are_new ? "new_exceptions" : "vanished_exceptions");
    for (size_t i = 0; i < deploy->exception_count && listed < EXCEPTIONS_LISTED; i++) {
        if (are_new ? !deploy->exceptions[i].is_new : !is_vanished(facts, i))
            continue;
        bytes_printf(out, "%s\"%016" PRIx64 "\"", listed > 0 ? "," : "", deploy->exceptions[i].id);
        listed++;
    }
    bytes_u8(out, ']');
}

/* ---- all of it ---- */

static void put_head(const struct deploy_facts *facts, struct bytes *out)
{
    struct bytes words = {0};
    char id[MARKER_ID_TEXT + 1];
    deploy_put_words(facts, &words);
    if (bytes_error(&words))
        out->failed = true;
    bytes_printf(out, "{\"marker\":\"%s\"", marker_id_text(facts->deploy->id, id));
    for (size_t t = 0; t < DEPLOY_TEXTS; t++) {
        bytes_printf(out, ",\"%s\":", names[t]);
        bytes_json_string(out, str_of(facts->deploy->text[t]));
    }
    bytes_printf(out, ",\"verdict\":\"%s\",\"text\":", score_verdict_name(facts->judgement->verdict));
    bytes_json_string(out, bytes_view(&words));
    bytes_fini(&words);
}

void deploy_put_json(const struct deploy_facts *facts, struct bytes *out)
{
    const struct deploy_judgement *j = facts->judgement;
    put_head(facts, out);
    bytes_printf(out, ",\"since\":");
    put_time(out, facts->deploy->time);
    bytes_printf(out, ",\"updated\":");
    put_time(out, j->updated);
    bytes_printf(out, ",\"bad_at\":");
    put_time(out, j->bad_ms);
    bytes_printf(out,
                 ",\"final\":%s,\"requests\":%.0f,\"e_value\":%.6g,\"ratio\":%.6g,\"low\":%.6g,\"high\":%.6g,"
                 "\"overlaps\":%s,\"last_week\":%s,\"self_check\":{\"deploys\":%zu,\"factor\":%.6g}",
                 facts->is_final ? "true" : "false", j->requests, e_of(j->trace.ln_e_peak), j->ratio.ratio,
                 j->ratio.low, j->ratio.high, facts->scope->windows.overlaps ? "true" : "false",
                 facts->scope->has_week ? "true" : "false", facts->check->count, facts->check->factor);
    bytes_printf(out, ",\"latency\":{\"e_value\":%.6g},\"exceptions\":{\"e_value\":%.6g}",
                 e_of(j->latency.ln_e), e_of(j->exceptions.ln_e));
    put_rows(j, out);
    put_gauges(facts, out);
    put_exceptions(facts, true, out);
    put_exceptions(facts, false, out);
    bytes_u8(out, '}');
}
