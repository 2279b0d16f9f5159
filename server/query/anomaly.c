/* GET /api/v1/anomalies/ID: one anomaly, with what the second line says of its moment. */
#include <inttypes.h>
#include <stdlib.h>

#include "server/query/anomaly_past.h"
#include "server/query/endpoints.h"
#include "server/query/finding_json.h"
#include "server/query/request.h"
#include "storage/model/when.h"

#define MINUTE_MS 60000.0

/* The state of a query; owns the past. */
struct anomaly {
    struct findings_wanted wanted;
    struct anomaly_past past;
    bool is_found;
    struct bytes *out; /* during the first step */
    enum tm_err err;   /* of the past's beginning */
};

static void free_anomaly(void *state)
{
    struct anomaly *a = state;
    anomaly_past_fini(&a->past);
    free(a);
}

/* ---- the answer ---- */

static void put_shape(const struct anomaly_shape *s, struct bytes *out)
{
    char nearest[WHEN_TEXT_BYTES], from[WHEN_TEXT_BYTES];
    bytes_printf(out,
                 "{\"surprisal\":%.6g,\"distance\":%.6g,\"nearest\":\"%s\",\"minutes\":%.9g,\"compared\":%zu,"
                 "\"from\":\"%s\"}",
                 s->shape.surprisal, s->shape.distance, when_text(s->nearest, nearest),
                 (double)s->stretch_ms / MINUTE_MS, s->shape.compared, when_text(s->from, from));
}

/* shape NULL: nothing can be said. */
static void put_end(const struct anomaly_shape *shape, struct bytes *out)
{
    bytes_printf(out, ",\"shape\":");
    if (shape)
        put_shape(shape, out);
    else
        bytes_printf(out, "null");
    bytes_printf(out, "}}\n");
}

static bool give(void *arg, const struct finding *finding)
{
    struct anomaly *a = arg;
    a->is_found = true;
    bytes_printf(a->out, "{\"status\":\"success\",\"data\":");
    finding_json_open(finding, a->out);
    a->err = anomaly_past_begin(&a->past, finding);
    return false;
}

static enum tm_err find(struct anomaly *a, struct reader *reader, struct bytes *out, struct tm_why *why)
{
    a->out = out;
    enum tm_err err = findings_search(reader, &a->wanted, give, a, why);
    if (!err && !a->is_found)
        return tm_fail(why, TM_NOT_FOUND, "there is no anomaly of this id; GET /api/v1/anomalies lists them");
    return err;
}

/* ---- the past ---- */

static enum tm_err look(struct anomaly *a, struct reader *reader, struct bytes *out, bool *is_done,
                        struct tm_why *why)
{
    struct anomaly_shape shape;
    bool is_read = false, is_known = false;
    enum tm_err err = a->err ? a->err : anomaly_past_step(&a->past, reader, &is_read, why);
    if (!err && is_read)
        err = anomaly_past_compare(&a->past, &shape, &is_known);
    if (err == TM_NOMEM)
        return tm_fail(why, err, "out of memory; try again");
    if (!err && is_read) {
        put_end(is_known ? &shape : NULL, out);
        *is_done = true;
    }
    return err;
}

/* What stands between the anomaly and a word on its past, but not between the anomaly and its reader. */
static bool is_silent(enum tm_err err)
{
    return err && err != TM_NOMEM && err != TM_BUSY && err != TM_CLOSED;
}

static enum tm_err step_anomaly(void *state, struct reader *reader, struct bytes *out, bool *is_done,
                                struct tm_why *why)
{
    struct anomaly *a = state;
    if (!a->is_found)
        return find(a, reader, out, why);
    enum tm_err err = look(a, reader, out, is_done, why);
    if (!is_silent(err))
        return err;
    put_end(NULL, out);
    *is_done = true;
    return TM_OK;
}

static const struct query_kind anomaly_query = {.step = step_anomaly, .free = free_anomaly};

void query_anomaly(struct queries *queries, struct http_exchange *exchange)
{
    struct anomaly *a = calloc(1, sizeof *a);
    if (!a) {
        const struct tm_why why = {"out of memory; try again"};
        params_refuse(exchange, TM_NOMEM, &why);
        return;
    }
    a->wanted = finding_by_id(FINDING_ANOMALY, http_path_part(exchange));
    queries_submit(queries, exchange, &anomaly_query, a);
}
