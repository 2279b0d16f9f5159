#include "server/query/verdicts.h"

#include <stdlib.h>

#include "server/query/deploy_verdict.h"

struct verdicts {
    struct deploy at[VERDICTS_MAX];
    size_t count, done;
    struct deploy_check check; /* of the one that comes next */
};

struct verdicts *verdicts_new(void)
{
    return calloc(1, sizeof(struct verdicts));
}

void verdicts_free(struct verdicts *verdicts)
{
    for (size_t i = 0; verdicts && i < verdicts->count; i++)
        deploy_fini(&verdicts->at[i]);
    free(verdicts);
}

enum tm_err verdicts_add(struct verdicts *verdicts, struct store *store, const struct marker *marker)
{
    if (verdicts->count == VERDICTS_MAX)
        return TM_LIMIT;
    return deploy_gather(store, marker, &verdicts->at[verdicts->count++]);
}

static enum tm_err judge_next(struct verdicts *verdicts, struct reader *reader, struct bytes *out,
                              struct tm_why *why)
{
    const struct deploy *deploy = &verdicts->at[verdicts->done];
    struct deploy_outcome outcome;
    if (verdicts->check.done < DEPLOY_CHECKS)
        return deploy_check_step(&verdicts->check, deploy, reader, why);
    if (verdicts->done > 0)
        bytes_u8(out, ',');
    enum tm_err err = deploy_verdict(deploy, &verdicts->check, reader, out, &outcome, why);
    if (err)
        return err;
    verdicts->check = (struct deploy_check){.done = 0};
    verdicts->done++;
    return TM_OK;
}

static enum tm_err step_verdicts(void *state, struct reader *reader, struct bytes *out, bool *is_done,
                                 struct tm_why *why)
{
    struct verdicts *verdicts = state;
    if (verdicts->done == 0 && verdicts->check.done == 0)
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
