#include "server/cli/source.h"

#include <stdio.h>
#include <string.h>

#include "server/cli/command.h"
#include "server/cli/export.h"
#include "server/cli/http.h"
#include "storage/query.h"

/* ---- a folder ---- */

static enum tm_err announce(struct reader *reader, uint32_t series, const struct source_sink *sink,
                            struct tm_why *why)
{
    struct bytes encoded = {0};
    struct labels labels;
    reader_labels(reader, series, &encoded);
    enum tm_err err = bytes_error(&encoded);
    if (err)
        (void)tm_fail(why, err, "out of memory");
    else if ((err = labels_decode(bytes_view(&encoded), &labels)))
        (void)tm_fail(why, err, "the labels of a series are damaged; run `tidemark verify`");
    else
        err = sink->series(sink->arg, &labels, why);
    bytes_fini(&encoded);
    return err;
}

const char *source_field_name(enum source_field field)
{
    static const char *const names[SOURCE_FIELDS] = {
        [SOURCE_AVG] = "avg",           [SOURCE_MIN] = "min", [SOURCE_MAX] = "max",
        [SOURCE_LAST] = "last",         [SOURCE_SUM] = "sum", [SOURCE_COUNT] = "count",
        [SOURCE_INCREASE] = "increase",
    };
    return names[field];
}

static double field_of(const struct rollup *row, enum source_field field)
{
    const double values[SOURCE_FIELDS] = {
        [SOURCE_AVG] = row->sum / (double)row->count,
        [SOURCE_MIN] = row->min,
        [SOURCE_MAX] = row->max,
        [SOURCE_LAST] = row->last,
        [SOURCE_SUM] = row->sum,
        [SOURCE_COUNT] = (double)row->count,
        [SOURCE_INCREASE] = row->increase,
    };
    return values[field];
}

/* As walk_series, bucket by bucket. */
static enum tm_err walk_rollups(struct reader *reader, uint32_t series, const struct source_request *request,
                                const struct source_sink *sink, struct tm_why *why)
{
    const struct rollup *rows;
    size_t count;
    struct reader_walk walk;
    bool is_announced = false;
    enum reader_tier tier = strcmp(request->tier, "5m") == 0 ? READER_5M : READER_1H;
    enum tm_err err;
    reader_walk_init(&walk, series, request->span);
    while ((err = reader_rollup_next(reader, &walk, tier, &rows, &count, why)) == TM_OK) {
        if (!is_announced)
            err = announce(reader, series, sink, why);
        is_announced = true;
        for (size_t i = 0; i < count && !err; i++) {
            double value = field_of(&rows[i], request->field);
            err = sink->samples(sink->arg, &rows[i].start, &value, 1, why);
        }
        if (err)
            return err;
    }
    return err == TM_NOT_FOUND ? TM_OK : err;
}

static enum tm_err walk_series(struct reader *reader, uint32_t series, struct span span,
                               const struct source_sink *sink, struct tm_why *why)
{
    const time_ms_t *times;
    const double *values;
    size_t count;
    struct reader_walk walk;
    bool is_announced = false;
    enum tm_err err;
    reader_walk_init(&walk, series, span);
    while ((err = reader_walk_next(reader, &walk, &times, &values, &count, why)) == TM_OK) {
        if (!is_announced)
            err = announce(reader, series, sink, why);
        is_announced = true;
        if (!err)
            err = sink->samples(sink->arg, times, values, count, why);
        if (err)
            return err;
    }
    return err == TM_NOT_FOUND ? TM_OK : err;
}

void source_warn(const struct source_sink *sink, struct str text)
{
    fprintf(stderr, "tidemark: warning: %.*s\n", STR_ARG(text));
    if (sink && sink->warning)
        sink->warning(sink->arg, text);
}

enum tm_err source_warn_gaps(struct reader *reader, enum reader_tier what, struct span span,
                             const struct source_sink *sink, struct tm_why *why)
{
    struct reader_gaps gaps;
    enum tm_err err = reader_gaps(reader, what, span, &gaps, why);
    for (size_t i = 0; i < gaps.listed && !err; i++)
        source_warn(sink, str_of(gaps.at[i].text));
    return err;
}

static enum tm_err tell_gaps(struct reader *reader, const struct source_request *request,
                             const struct source_sink *sink, struct tm_why *why)
{
    enum reader_tier tier = strcmp(request->tier, "raw") == 0  ? READER_RAW
                            : strcmp(request->tier, "5m") == 0 ? READER_5M
                                                               : READER_1H;
    return source_warn_gaps(reader, tier, request->span, sink, why);
}

static enum tm_err read_folder(const char *dir, const struct source_request *request,
                               const struct source_sink *sink, struct tm_why *why)
{
    struct selector selector = {0};
    struct index_ids ids = {0};
    struct reader *reader = NULL;
    enum tm_err err = selector_parse(str_of(request->selector), &selector, why);
    if (err == TM_LIMIT || err == TM_TOO_LARGE)
        err = TM_INVALID;
    if (!err)
        err = reader_open(dir, &reader, why);
    if (!err)
        err = reader_select(reader, &selector, &ids, why);
    if (!err && (err = reader_sort(reader, &ids)))
        (void)tm_fail(why, err, "out of memory");
    if (!err)
        err = tell_gaps(reader, request, sink, why);
    for (size_t i = 0; i < ids.count && !err; i++)
        err = strcmp(request->tier, "raw") == 0 ? walk_series(reader, ids.ids[i], request->span, sink, why)
                                                : walk_rollups(reader, ids.ids[i], request, sink, why);
    index_ids_fini(&ids);
    reader_close(reader);
    selector_fini(&selector);
    return err;
}

/* ---- a daemon ---- */

static void write_time(struct bytes *out, const char *name, time_ms_t time)
{
    const char *sign = time < 0 ? "-" : "";
    uint64_t ms = time < 0 ? -(uint64_t)time : (uint64_t)time;
    bytes_printf(out, "&%s=%s%llu.%03u", name, sign, (unsigned long long)(ms / 1000), (unsigned)(ms % 1000));
}

static enum tm_err read_daemon(const struct args *args, const struct source_request *request,
                               const struct source_sink *sink, struct tm_why *why)
{
    struct http *http = NULL;
    struct bytes path = {0};
    enum tm_err err = command_connect(args, &http, why);
    bytes_printf(&path, "/api/v1/export?match[]=");
    http_escape(str_of(request->selector), &path);
    write_time(&path, "from", request->span.from);
    write_time(&path, "to", request->span.to);
    bytes_printf(&path, "&tier=%s", request->tier);
    bytes_u8(&path, '\0');
    if (!err && bytes_error(&path))
        err = tm_fail(why, TM_NOMEM, "out of memory");
    if (!err)
        err = export_read(http, (const char *)path.data, request->field, sink, why);
    bytes_fini(&path);
    http_close(http);
    return err;
}

enum tm_err source_check_selectors(const struct args *args, struct tm_why *why)
{
    for (int i = 0; i < args->operand_count; i++) {
        struct selector selector = {0};
        struct tm_why detail = {0};
        enum tm_err err = selector_parse(str_of(args->operands[i]), &selector, &detail);
        selector_fini(&selector);
        if (err)
            return tm_fail(why, err, "\"%.120s\" is no selector like cpu{service=\"cart\"}: %.200s",
                           args->operands[i], detail.text);
    }
    return TM_OK;
}

enum tm_err source_read(const struct args *args, const struct source_request *request,
                        const struct source_sink *sink, struct tm_why *why)
{
    const char *dir = options_text(args, "data-dir");
    if (dir && options_given(args, "server"))
        return tm_fail(why, TM_INVALID, "--data-dir reads a folder, --server asks a daemon; leave out one");
    return dir ? read_folder(dir, request, sink, why) : read_daemon(args, request, sink, why);
}
