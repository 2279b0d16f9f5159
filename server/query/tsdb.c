/* What makes the store large: Prometheus' status page of its head, and ours by service. */
#include <inttypes.h>
#include <stdlib.h>

#include "server/query/endpoints.h"
#include "server/query/gap_json.h"
#include "server/query/params.h"
#include "server/query/request.h"
#include "server/wire/reply.h"

enum { LIMIT_DEFAULT = 10, LIMIT_MAX = 10000 };

struct cardinality {
    size_t limit;
    size_t part; /* the next one to be written */
};

typedef enum tm_err list_fn(struct reader *reader, size_t limit, struct index_list *out, struct tm_why *why);

static enum tm_err list_metrics(struct reader *reader, size_t limit, struct index_list *out,
                                struct tm_why *why)
{
    const struct reader_listing how = {
        .filter = {.span = READER_ALWAYS}, .order = INDEX_BY_SERIES, .limit = limit};
    return reader_values(reader, STR(LABEL_NAME), &how, out, why);
}

static enum tm_err list_names(struct reader *reader, size_t limit, struct index_list *out, struct tm_why *why)
{
    const struct reader_listing how = {
        .filter = {.span = READER_ALWAYS}, .order = INDEX_BY_VALUES, .limit = limit};
    return reader_names(reader, &how, out, why);
}

static enum tm_err list_services(struct reader *reader, size_t limit, struct index_list *out,
                                 struct tm_why *why)
{
    const struct reader_listing how = {
        .filter = {.span = READER_ALWAYS}, .order = INDEX_BY_SERIES, .limit = limit};
    return reader_services(reader, &how, out, why);
}

static const struct {
    const char *name;
    list_fn *list;
} parts[] = {
    {"seriesCountByMetricName", list_metrics},        {"labelValueCountByLabelName", list_names},
    {"memoryInBytesByLabelName", reader_value_bytes}, {"seriesCountByLabelValuePair", reader_pairs},
    {"seriesCountByService", list_services},
};
enum { PARTS = sizeof parts / sizeof parts[0] };

/* Prometheus' bounds of an empty head. */
static enum tm_err put_head(struct reader *reader, struct bytes *out, struct tm_why *why)
{
    struct reader_head head;
    enum tm_err err = reader_head(reader, &head, why);
    bytes_printf(out,
                 "{\"status\":\"success\",\"data\":{\"headStats\":{\"numSeries\":%" PRIu64
                 ",\"numLabelPairs\":%" PRIu64 ",\"chunkCount\":%" PRIu64 ",\"minTime\":%" PRId64
                 ",\"maxTime\":%" PRId64 "}",
                 head.series, head.label_pairs, head.blocks, head.oldest_ms, head.newest_ms);
    return err;
}

static enum tm_err step_cardinality(void *state, struct reader *reader, struct bytes *out, bool *is_done,
                                    struct tm_why *why)
{
    struct cardinality *c = state;
    struct index_list list;
    if (c->part == 0) {
        c->part++;
        return put_head(reader, out, why);
    }
    size_t part = c->part++ - 1;
    enum tm_err err = parts[part].list(reader, c->limit, &list, why);
    if (err)
        return err;
    bytes_printf(out, ",\"%s\":[", parts[part].name);
    for (size_t i = 0; i < list.count; i++) {
        const struct index_item *item = &list.items[i];
        uint64_t value = parts[part].list == list_names           ? item->values
                         : parts[part].list == reader_value_bytes ? item->bytes
                                                                  : item->series;
        bytes_printf(out, "%s{\"name\":", i ? "," : "");
        bytes_json_string(out, item->text);
        bytes_printf(out, ",\"value\":%" PRIu64 "}", value);
    }
    *is_done = c->part == PARTS + 1;
    bytes_printf(out, *is_done ? "]}" : "]");
    index_list_fini(&list);
    if (!*is_done)
        return TM_OK;
    err = gap_json_member(reader, READER_SERIES, &READER_ALWAYS, 1, NULL, out, why);
    bytes_printf(out, "}\n");
    return err;
}

static const struct query_kind cardinality_kind = {.step = step_cardinality, .free = free};

void query_tsdb(struct queries *queries, struct http_exchange *exchange)
{
    struct params params;
    struct tm_why why = {""};
    struct cardinality *c = calloc(1, sizeof *c);
    enum tm_err err = request_begin(&params, exchange, c, &why);
    if (!err)
        err = params_count(&params, "limit", LIMIT_DEFAULT, &c->limit, &why);
    if (!err && (c->limit == 0 || c->limit > LIMIT_MAX))
        err = tm_fail(&why, TM_INVALID, "invalid parameter \"limit\": it must be in 1 to %d", LIMIT_MAX);
    params_fini(&params);
    request_end(queries, exchange, &cardinality_kind, c, err, &why);
}
