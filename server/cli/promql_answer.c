/* An answer's series and values, wherever they come from. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/cli/export.h"
#include "server/cli/promql_private.h"

/* Samples are passed on in pieces of this many. */
enum { PIECE_COUNT = 1024 };

static const double ms_per_s = 1000;

void promql_answer_free(struct promql_answer *answer)
{
    if (!answer)
        return;
    promql_result_free(answer->result);
    json_decref(answer->root);
    json_decref(answer->warnings);
    json_decref(answer->stats);
    free(answer);
}

enum ast_type promql_answer_type(const struct promql_answer *answer)
{
    return answer->type;
}

const json_t *promql_answer_warnings(const struct promql_answer *answer)
{
    return answer->warnings;
}

const json_t *promql_answer_stats(const struct promql_answer *answer)
{
    return answer->stats ? answer->stats : json_object_get(json_object_get(answer->root, "data"), "stats");
}

static const json_t *result_of(const struct promql_answer *answer)
{
    return json_object_get(json_object_get(answer->root, "data"), "result");
}

static enum tm_err fail_damaged(struct tm_why *why)
{
    return tm_fail(why, TM_CORRUPT, "the answer that came is no answer to a query; is this tidemarkd?");
}

enum tm_err promql_answer_check(struct promql_answer *answer, struct tm_why *why)
{
    static const enum ast_type types[] = {AST_SCALAR, AST_VECTOR, AST_MATRIX, AST_STRING};
    static const char *const names[] = {"scalar", "vector", "matrix", "string"};
    const char *name =
        json_string_value(json_object_get(json_object_get(answer->root, "data"), "resultType"));
    json_t *warnings = json_object_get(answer->root, "warnings");
    answer->type = AST_NONE;
    for (size_t i = 0; name && i < sizeof types / sizeof types[0]; i++)
        if (strcmp(name, names[i]) == 0)
            answer->type = types[i];
    answer->warnings = json_is_array(warnings) ? json_incref(warnings) : json_array();
    if (!answer->warnings)
        return tm_fail(why, TM_NOMEM, "out of memory");
    return answer->type == AST_NONE || !json_is_array(result_of(answer)) ? fail_damaged(why) : TM_OK;
}

/* ---- a daemon's ---- */

/* [12.5,"0.1"] */
static bool read_point(const json_t *point, time_ms_t *time, double *value)
{
    char *end;
    const json_t *when = json_array_get(point, 0);
    const char *text = json_string_value(json_array_get(point, 1));
    if (!json_is_number(when) || !text || !*text)
        return false;
    *time = (time_ms_t)llround(json_number_value(when) * ms_per_s);
    *value = strtod(text, &end);
    return !*end;
}

static enum tm_err pass_points(const json_t *points, const struct source_sink *sink, struct tm_why *why)
{
    time_ms_t times[PIECE_COUNT];
    double values[PIECE_COUNT];
    size_t total = json_array_size(points);
    for (size_t at = 0; at < total;) {
        size_t count = 0;
        for (; count < PIECE_COUNT && at < total; count++, at++)
            if (!read_point(json_array_get(points, at), &times[count], &values[count]))
                return fail_damaged(why);
        enum tm_err err = sink->samples(sink->arg, times, values, count, why);
        if (err)
            return err;
    }
    return TM_OK;
}

static enum tm_err pass_item(const json_t *item, const struct source_sink *sink, struct tm_why *why)
{
    struct labels labels;
    time_ms_t time;
    double value;
    const json_t *point = json_object_get(item, "value");
    enum tm_err err = export_labels(json_object_get(item, "metric"), &labels, why);
    if (!err)
        err = sink->series(sink->arg, &labels, why);
    if (err || !point)
        return err ? err : pass_points(json_object_get(item, "values"), sink, why);
    if (!read_point(point, &time, &value))
        return fail_damaged(why);
    return sink->samples(sink->arg, &time, &value, 1, why);
}

/* ---- an evaluation's ---- */

static enum tm_err pass_row(const struct promql_result *result, size_t row, const struct source_sink *sink,
                            struct tm_why *why)
{
    time_ms_t times[PIECE_COUNT];
    double values[PIECE_COUNT];
    struct labels labels;
    size_t position = 0, count;
    enum tm_err err = labels_decode(promql_result_labels(result, row), &labels);
    if (err)
        return tm_fail(why, err, "the labels of a series are damaged; run `tidemark verify`");
    err = sink->series(sink->arg, &labels, why);
    do {
        count = 0;
        while (count < PIECE_COUNT &&
               promql_result_next(result, row, &position, &times[count], &values[count]))
            count++;
        if (!err && count > 0)
            err = sink->samples(sink->arg, times, values, count, why);
    } while (!err && count == PIECE_COUNT);
    return err;
}

/* ---- both ---- */

enum tm_err promql_answer_series(const struct promql_answer *answer, const struct source_sink *sink,
                                 struct tm_why *why)
{
    const json_t *text, *item;
    size_t i;
    enum tm_err err = TM_OK;
    json_array_foreach(answer->warnings, i, text)
    {
        if (sink->warning)
            sink->warning(sink->arg, (struct str){json_string_value(text), json_string_length(text)});
    }
    if (!answer->result) {
        json_array_foreach(result_of(answer), i, item)
        {
            if (!err)
                err = pass_item(item, sink, why);
        }
        return err;
    }
    for (size_t row = 0; !err && row < promql_result_count(answer->result); row++)
        err = pass_row(answer->result, row, sink, why);
    return err;
}

enum tm_err promql_answer_scalar(const struct promql_answer *answer, double *value, struct tm_why *why)
{
    time_ms_t time;
    size_t position = 0;
    if (!answer->result)
        return read_point(result_of(answer), &time, value) ? TM_OK : fail_damaged(why);
    return promql_result_next(answer->result, 0, &position, &time, value) ? TM_OK : fail_damaged(why);
}

struct str promql_answer_string(const struct promql_answer *answer)
{
    if (answer->result)
        return promql_result_string(answer->result);
    const json_t *text = json_array_get(result_of(answer), 1);
    return (struct str){json_is_string(text) ? json_string_value(text) : "", json_string_length(text)};
}
