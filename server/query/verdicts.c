#include "server/query/verdicts.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "scoring/counts_test.h"
#include "server/query/deploy_judge.h"
#include "server/wire/reply.h"
#include "storage/model/cell.h"
#include "storage/model/when.h"

enum { ROWS_MAX = 50, TEXTS = 3 };

#define PERCENT 100.0

struct deploy {
    uint64_t id;
    time_ms_t time, previous, next;
    char *text[TEXTS]; /* service, env, version */
    uint64_t exceptions[VERDICT_EXCEPTIONS_MAX];
    size_t exception_count;
};

struct verdicts {
    struct deploy at[VERDICTS_MAX];
    size_t count, done;
};

static const enum marker_text texts[TEXTS] = {MARKER_SERVICE, MARKER_ENV, MARKER_VERSION};

struct verdicts *verdicts_new(void)
{
    return calloc(1, sizeof(struct verdicts));
}

void verdicts_free(struct verdicts *verdicts)
{
    for (size_t i = 0; verdicts && i < verdicts->count; i++)
        for (size_t t = 0; t < TEXTS; t++)
            free(verdicts->at[i].text[t]);
    free(verdicts);
}

enum tm_err verdicts_add(struct verdicts *verdicts, const struct verdicts_deploy *from)
{
    if (verdicts->count == VERDICTS_MAX)
        return TM_LIMIT;
    struct deploy *deploy = &verdicts->at[verdicts->count++];
    *deploy = (struct deploy){.id = from->marker->id,
                              .time = from->marker->time,
                              .previous = from->previous,
                              .next = from->next,
                              .exception_count = from->exception_count};
    memcpy(deploy->exceptions, from->exceptions, sizeof deploy->exceptions);
    for (size_t t = 0; t < TEXTS; t++) {
        struct str text = from->marker->text[texts[t]];
        deploy->text[t] = strndup(text.len > 0 ? text.ptr : "", text.len);
        if (!deploy->text[t])
            return TM_NOMEM;
    }
    return TM_OK;
}

/* ---- words ---- */

static double rate_of(struct score_tally tally)
{
    return tally.trials > 0 ? tally.hits / tally.trials : 0;
}

/* What weighs most, in one sentence. */
static void put_cause(const struct deploy_judgement *j, struct bytes *out)
{
    double errors = j->row_count > 0 ? j->rows[0].trace.ln_e : -SCORE_LN_E_MAX;
    if (j->latency.ln_e > errors && j->latency.ln_e > j->exceptions.ln_e) {
        bytes_printf(out, "it became slower");
        return;
    }
    if (j->exceptions.ln_e > errors) {
        bytes_printf(out, "more exceptions a request");
        return;
    }
    const struct deploy_row *row = &j->rows[0];
    bytes_printf(out, "%s in %s: %.2f %% of %.0f requests, %.2f %% of %.0f before", row->class,
                 row->page_group[0] ? row->page_group : "(no page group)", PERCENT * rate_of(row->after),
                 row->after.trials, PERCENT * rate_of(row->before), row->before.trials);
}

static void put_words(const struct deploy_judgement *j, const struct score_deploy_windows *w,
                      struct bytes *out)
{
    bytes_printf(out, "%s: ", score_verdict_name(j->verdict));
    if (j->verdict == SCORE_BAD || j->verdict == SCORE_SUSPECT) {
        put_cause(j, out);
        if (j->trace.onset_ms != SCORE_NEVER)
            bytes_printf(out, "; began %" PRId64 " s after the deploy",
                         (j->trace.onset_ms - w->after_from_ms) / 1000);
    } else if (j->verdict == SCORE_OK) {
        bytes_printf(out, "%.2f %% errors of %.0f requests, %.2f %% before",
                     PERCENT * rate_of(j->errors_after), j->requests, PERCENT * rate_of(j->errors_before));
    } else {
        bytes_printf(
            out,
            "%.0f requests since, %.0f before; at least 5 min, 200 requests and an upper limit of the "
            "error rate's ratio below 2 make it ok (it is %.2f)",
            j->requests, j->errors_before.trials, j->ratio.high);
    }
    if (w->overlaps)
        bytes_printf(out, "; another deploy less than 10 min before cannot be told apart");
}

/* ---- JSON ---- */

static void put_time(struct bytes *out, time_ms_t time)
{
    char text[WHEN_TEXT_BYTES];
    if (time == INT64_MIN)
        bytes_printf(out, "null");
    else
        bytes_printf(out, "\"%s\"", when_text(time, text));
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

static void put_head(const struct deploy *deploy, const struct deploy_judgement *j,
                     const struct score_deploy_windows *w, struct bytes *out)
{
    static const char *const names[TEXTS] = {"service", "env", "version"};
    struct bytes words = {0};
    char id[MARKER_ID_TEXT + 1];
    put_words(j, w, &words);
    if (bytes_error(&words))
        out->failed = true;
    bytes_printf(out, "{\"marker\":\"%s\"", marker_id_text(deploy->id, id));
    for (size_t t = 0; t < TEXTS; t++) {
        bytes_printf(out, ",\"%s\":", names[t]);
        bytes_json_string(out, str_of(deploy->text[t]));
    }
    bytes_printf(out, ",\"verdict\":\"%s\",\"text\":", score_verdict_name(j->verdict));
    bytes_json_string(out, bytes_view(&words));
    bytes_fini(&words);
}

static void put_verdict(const struct deploy *deploy, const struct deploy_counts *counts,
                        const struct deploy_judgement *j, const struct score_deploy_windows *w,
                        struct bytes *out)
{
    put_head(deploy, j, w, out);
    bytes_printf(out, ",\"since\":");
    put_time(out, deploy->time);
    bytes_printf(out, ",\"updated\":");
    put_time(out, counts->newest);
    bytes_printf(
        out, ",\"requests\":%.0f,\"e_value\":%.6g,\"ratio\":%.6g,\"low\":%.6g,\"high\":%.6g,\"overlaps\":%s",
        j->requests, e_of(j->trace.ln_e_peak), j->ratio.ratio, j->ratio.low, j->ratio.high,
        w->overlaps ? "true" : "false");
    bytes_printf(out, ",\"latency\":{\"e_value\":%.6g},\"exceptions\":{\"e_value\":%.6g},\"groups\":[",
                 e_of(j->latency.ln_e), e_of(j->exceptions.ln_e));
    for (size_t i = 0; i < j->row_count && i < ROWS_MAX; i++) {
        if (i > 0)
            bytes_u8(out, ',');
        put_row(&j->rows[i], out);
    }
    bytes_printf(out, "],\"new_exceptions\":[");
    for (size_t i = 0; i < deploy->exception_count; i++)
        bytes_printf(out, "%s\"%016" PRIx64 "\"", i > 0 ? "," : "", deploy->exceptions[i]);
    bytes_printf(out, "]}");
}

/* ---- the query ---- */

/* On multiples of 10 s: the counts around the deploy itself belong to neither side. */
static struct score_deploy_windows find_windows(const struct deploy *deploy)
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

static enum tm_err judge_one(const struct deploy *deploy, struct reader *reader, struct bytes *out,
                             struct tm_why *why)
{
    struct deploy_scope scope = {str_of(deploy->text[0]), str_of(deploy->text[1]), find_windows(deploy)};
    struct deploy_judgement judgement = {.row_count = 0};
    struct deploy_counts *counts = calloc(1, sizeof *counts);
    enum tm_err err = counts ? deploy_counts_read(reader, &scope, counts, why)
                             : tm_fail(why, TM_NOMEM, "out of memory; try again");
    if (!err) {
        err = deploy_judge(counts, &scope.windows, &judgement);
        if (err)
            tm_why_write(why, "out of memory; try again");
    }
    if (!err)
        put_verdict(deploy, counts, &judgement, &scope.windows, out);
    free(judgement.rows);
    if (counts)
        deploy_counts_fini(counts);
    free(counts);
    return err;
}

static enum tm_err step_verdicts(void *state, struct reader *reader, struct bytes *out, bool *is_done,
                                 struct tm_why *why)
{
    struct verdicts *verdicts = state;
    if (verdicts->done == 0)
        bytes_printf(out, "{\"status\":\"success\",\"data\":{\"items\":[");
    if (verdicts->done < verdicts->count) {
        if (verdicts->done > 0)
            bytes_u8(out, ',');
        enum tm_err err = judge_one(&verdicts->at[verdicts->done], reader, out, why);
        if (err)
            return err;
        verdicts->done++;
    }
    if (verdicts->done < verdicts->count)
        return TM_OK;
    bytes_printf(out, "],\"next\":null}}\n");
    *is_done = true;
    return TM_OK;
}

static void free_verdicts(void *state)
{
    verdicts_free(state);
}

static const struct query_kind verdicts_kind = {.step = step_verdicts, .free = free_verdicts};

void verdicts_submit(struct verdicts *verdicts, struct queries *queries, struct http_exchange *exchange)
{
    queries_submit(queries, exchange, &verdicts_kind, verdicts);
}
