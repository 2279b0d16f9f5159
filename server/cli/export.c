#include "server/cli/export.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

/* Samples are passed on in pieces of this many. */
enum { PIECE_COUNT = 1024 };

enum tm_err export_labels(json_t *metric, struct labels *out, struct tm_why *why)
{
    const char *name;
    json_t *value;
    struct str twice;
    *out = (struct labels){0};
    json_object_foreach(metric, name, value)
    {
        struct str text = {json_string_value(value), json_string_length(value)};
        if (!json_is_string(value) || labels_add(out, str_of(name), text))
            return tm_fail(why, TM_CORRUPT, "a label is no text, or there are too many");
    }
    return labels_sort(out, &twice);
}

static double read_value(const json_t *value, bool *ok)
{
    char *end;
    const char *text = json_string_value(value);
    if (!text || !*text) {
        *ok = *ok && json_is_number(value);
        return json_number_value(value);
    }
    double number = strtod(text, &end);
    *ok = *ok && !*end;
    return number;
}

static enum tm_err pass_samples(const json_t *times, const json_t *values, const json_t *divisors,
                                const struct source_sink *sink, struct tm_why *why)
{
    time_ms_t time[PIECE_COUNT];
    double value[PIECE_COUNT];
    size_t total = json_array_size(times);
    bool ok = true;
    for (size_t at = 0; at < total;) {
        size_t count = total - at < PIECE_COUNT ? total - at : PIECE_COUNT;
        for (size_t i = 0; i < count; i++, at++) {
            const json_t *when = json_array_get(times, at);
            ok = ok && json_is_integer(when);
            time[i] = json_integer_value(when);
            value[i] = read_value(json_array_get(values, at), &ok);
            if (divisors)
                value[i] /= read_value(json_array_get(divisors, at), &ok);
        }
        if (!ok)
            return tm_fail(why, TM_CORRUPT, "a time or a value is no number");
        enum tm_err err = sink->samples(sink->arg, time, value, count, why);
        if (err)
            return err;
    }
    return TM_OK;
}

/* Announces the series unless it is the one before. */
static enum tm_err announce(const struct labels *labels, struct bytes *last, const struct source_sink *sink,
                            struct tm_why *why)
{
    struct bytes encoded = {0};
    enum tm_err err = TM_OK;
    labels_encode(labels, &encoded);
    if (bytes_error(&encoded))
        err = tm_fail(why, TM_NOMEM, "out of memory");
    else if (!str_equal(bytes_view(&encoded), bytes_view(last)))
        err = sink->series(sink->arg, labels, why);
    bytes_fini(last);
    *last = encoded;
    return err;
}

/* A line that says what is missing instead of what is there. */
static bool take_warnings(const json_t *root, const struct source_sink *sink)
{
    size_t i;
    const json_t *text, *status = json_object_get(root, "status");
    if (!json_is_string(status) || strcmp(json_string_value(status), "warning") != 0)
        return false;
    json_array_foreach(json_object_get(root, "warnings"), i, text)
    {
        if (json_is_string(text))
            source_warn(sink, (struct str){json_string_value(text), json_string_length(text)});
    }
    return true;
}

enum tm_err export_line(struct str line, struct bytes *last, enum source_field field,
                        const struct source_sink *sink, struct tm_why *why)
{
    json_error_t fault;
    struct labels labels;
    json_t *root = json_loadb(line.ptr, line.len, 0, &fault);
    if (take_warnings(root, sink)) {
        json_decref(root);
        return TM_OK;
    }
    json_t *metric = json_object_get(root, "metric");
    const json_t *times = json_object_get(root, "times");
    const json_t *values = json_object_get(root, "values");
    const json_t *divisors = NULL;
    if (root && !values) {
        divisors = field == SOURCE_AVG ? json_object_get(root, "count") : NULL;
        values = json_object_get(root, field == SOURCE_AVG ? "sum" : source_field_name(field));
    }
    enum tm_err err = TM_OK;
    if (!root)
        err = tm_fail(why, TM_CORRUPT, "%s", fault.text);
    else if (!json_is_object(metric) || !json_is_array(times) || !json_is_array(values) ||
             json_array_size(times) != json_array_size(values) ||
             (divisors && json_array_size(divisors) != json_array_size(values)))
        err = tm_fail(why, TM_CORRUPT, "metric, times and values do not stand in it as they must");
    if (!err)
        err = export_labels(metric, &labels, why);
    if (!err && json_array_size(times))
        err = announce(&labels, last, sink, why);
    if (!err)
        err = pass_samples(times, values, divisors, sink, why);
    json_decref(root);
    return err;
}

/* ---- lines as they come ---- */

struct lines {
    const struct source_sink *sink;
    enum source_field field;
    struct bytes rest; /* of a line that is not complete */
    struct bytes last;
    enum tm_err err;
    struct tm_why *why;
};

static void take_line(struct lines *lines, struct str line)
{
    if (line.len)
        lines->err = export_line(line, &lines->last, lines->field, lines->sink, lines->why);
}

static bool take_piece(void *arg, struct str piece)
{
    struct lines *lines = arg;
    const char *feed;
    while (!lines->err && piece.len && (feed = memchr(piece.ptr, '\n', piece.len))) {
        size_t len = (size_t)(feed - piece.ptr);
        bytes_put(&lines->rest, piece.ptr, len);
        if (bytes_error(&lines->rest))
            lines->err = tm_fail(lines->why, TM_NOMEM, "out of memory");
        else
            take_line(lines, bytes_view(&lines->rest));
        bytes_clear(&lines->rest);
        piece.ptr += len + 1;
        piece.len -= len + 1;
    }
    if (!lines->err && piece.len > EXPORT_LINE_MAX_BYTES - lines->rest.len)
        lines->err = tm_fail(lines->why, TM_CORRUPT, "a line is over %d MiB", EXPORT_LINE_MAX_BYTES >> 20);
    if (!lines->err) {
        bytes_put(&lines->rest, piece.ptr, piece.len);
        lines->err = bytes_error(&lines->rest);
    }
    return !lines->err;
}

/* What another status than 200 means. */
static enum tm_err judge(const struct http_answer *answer, struct tm_why *why)
{
    enum { OK = 200, BAD_REQUEST = 400, UNPROCESSABLE = 422 };
    struct tm_why told = {0};
    if (answer->status == OK)
        return TM_OK;
    http_error_text(answer, &told);
    bool is_ours = answer->status == BAD_REQUEST || answer->status == UNPROCESSABLE;
    return tm_fail(why, is_ours ? TM_INVALID : TM_IO, "%s", told.text);
}

enum tm_err export_read(struct http *http, const char *path, enum source_field field,
                        const struct source_sink *sink, struct tm_why *why)
{
    struct tm_why inner = {0};
    struct lines lines = {.sink = sink, .field = field, .why = &inner};
    struct http_answer answer = {0};
    enum tm_err err = http_stream(http, path, take_piece, &lines, &answer, why);
    if (!err)
        err = judge(&answer, why);
    if (!err && !lines.err && lines.rest.len)
        lines.err = tm_fail(&inner, TM_CORRUPT, "it ends within a line");
    if (lines.err == TM_CORRUPT)
        err = tm_fail(why, TM_CORRUPT, "the export that came is damaged: %.200s; try again", inner.text);
    else if (lines.err)
        err = tm_fail(why, lines.err, "%s", inner.text[0] ? inner.text : tm_err_text(lines.err));
    bytes_fini(&lines.rest);
    bytes_fini(&lines.last);
    bytes_fini(&answer.body);
    return err;
}
