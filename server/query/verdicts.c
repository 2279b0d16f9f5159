#include "server/query/verdicts.h"

#include <stdlib.h>

#include "server/query/deploy_past.h"

struct verdicts {
    struct deploy at[VERDICTS_MAX];
    size_t count, done;
    time_ms_t raw_from; /* before this counts may be gone */
    /* Of the one that comes next: */
    bool is_begun;
    bool is_gone; /* what it was made of, at least in part, and its time was over: as it is kept */
    struct deploy_check check;
    struct bytes kept; /* its item, as it was told last; empty: none is */
    struct deploy_outcome kept_outcome;
};

struct verdicts *verdicts_new(time_ms_t raw_from)
{
    struct verdicts *verdicts = calloc(1, sizeof *verdicts);
    if (verdicts)
        verdicts->raw_from = raw_from;
    return verdicts;
}

void verdicts_free(struct verdicts *verdicts)
{
    for (size_t i = 0; verdicts && i < verdicts->count; i++)
        deploy_fini(&verdicts->at[i]);
    if (verdicts)
        bytes_fini(&verdicts->kept);
    free(verdicts);
}

enum tm_err verdicts_add(struct verdicts *verdicts, struct store *store, const struct marker *marker)
{
    if (verdicts->count == VERDICTS_MAX)
        return TM_LIMIT;
    return deploy_gather(store, marker, &verdicts->at[verdicts->count++]);
}

/* What is kept of the next one, and whether counts that it was made of are gone. */
static enum tm_err begin_next(struct verdicts *verdicts, struct reader *reader, struct tm_why *why)
{
    struct deploy *deploy = &verdicts->at[verdicts->done];
    bool is_gone = false;
    verdicts->check = (struct deploy_check){.done = 0};
    bytes_clear(&verdicts->kept);
    verdicts->kept_outcome = (struct deploy_outcome){.updated = INT64_MIN};
    enum tm_err err = deploy_past_verdict(deploy, reader, &verdicts->kept, &verdicts->kept_outcome, why);
    if (err && err != TM_NOT_FOUND)
        return err;
    err = deploy_past_is_gone(deploy, reader, verdicts->raw_from, &is_gone, why);
    verdicts->is_gone = is_gone && verdicts->kept_outcome.is_final;
    return err ? err : deploy_past_incidents(deploy, reader, why);
}

/* Judged anew; but what was found when there was more to see stays. */
static enum tm_err put_next(struct verdicts *verdicts, struct reader *reader, struct bytes *out,
                            struct tm_why *why)
{
    struct bytes made = {0};
    struct deploy_outcome outcome = {.updated = INT64_MIN};
    enum tm_err err = TM_OK;
    if (!verdicts->is_gone)
        err = deploy_verdict(&verdicts->at[verdicts->done], &verdicts->check, reader, &made, &outcome, NULL,
                             why);
    bool is_kept = verdicts->is_gone || outcome.updated < verdicts->kept_outcome.updated;
    struct str item = bytes_view(is_kept ? &verdicts->kept : &made);
    if (bytes_error(&made) || bytes_error(&verdicts->kept))
        out->failed = true;
    if (verdicts->done > 0)
        bytes_u8(out, ',');
    bytes_put(out, item.ptr, item.len);
    bytes_fini(&made);
    return err;
}

static enum tm_err judge_next(struct verdicts *verdicts, struct reader *reader, struct bytes *out,
                              struct tm_why *why)
{
    enum tm_err err;
    if (!verdicts->is_begun) {
        err = begin_next(verdicts, reader, why);
        verdicts->is_begun = !err;
        return err;
    }
    if (!verdicts->is_gone && verdicts->check.done < DEPLOY_CHECKS)
        return deploy_check_step(&verdicts->check, &verdicts->at[verdicts->done], reader, why);
    err = put_next(verdicts, reader, out, why);
    if (err)
        return err;
    verdicts->is_begun = false;
    verdicts->done++;
    return TM_OK;
}

static enum tm_err step_verdicts(void *state, struct reader *reader, struct bytes *out, bool *is_done,
                                 struct tm_why *why)
{
    struct verdicts *verdicts = state;
    if (verdicts->done == 0 && !verdicts->is_begun)
        bytes_printf(out, "{\"status\":\"success\",\"data\":{\"items\":[");
    if (verdicts->done < verdicts->count) {
        enum tm_err err = judge_next(verdicts, reader, out, why);
        if (err || verdicts->done < verdicts->count)
            return err;
    }
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
