#include "server/cli/query_exact.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "server/cli/command.h"
#include "server/cli/json_print.h"
#include "server/cli/query_exact_none.h"
#include "server/cli/series_text.h"
#include "server/cli/source.h"
#include "server/cli/talk.h"
#include "server/cli/units.h"
#include "storage/counts/counting.h"
#include "storage/model/when.h"

enum { MS_PER_S = 1000, PAGE_OF_SUMS = 10000, PAGE_OF_STEPS = 200 };

/* What is printed, item by item. */
struct printing {
    enum query_format format;
    bool has_steps;
    bool is_time;    /* microseconds */
    bool has_counts; /* some value was not 0 */
    uint64_t items;
};

/* ---- printing ---- */

/* The labels of an item as {name="value",...}; those without a value are left out. */
static void put_labels(const json_t *item, struct bytes *out)
{
    struct labels labels = {0};
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(item, "labels"), name, value)
    {
        const struct str text = {json_string_value(value), json_string_length(value)};
        if (!json_is_string(value) || labels_add(&labels, str_of(name), text) != TM_OK)
            out->failed = true; /* there are at most COUNTING_BY_MAX + 1 */
    }
    series_text(&labels, out);
}

/* As CSV has it: in quotes, those within doubled. */
static void put_csv(struct str text, struct bytes *out)
{
    bytes_u8(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            bytes_u8(out, '"');
        bytes_put(out, text.ptr + i, 1);
    }
    bytes_u8(out, '"');
}

static void print_point(const struct printing *p, struct str labels, time_ms_t time, int64_t value)
{
    enum { VALUE_WIDTH = 20, TO_SECONDS = 19 };
    char text[WHEN_TEXT_BYTES];
    if (p->format == QUERY_CSV)
        printf("%.*s,%s,%" PRId64 "\n", (int)labels.len, labels.ptr, when_text(time, text), value);
    else if (p->has_steps)
        printf("  %.*s %*" PRId64 "\n", TO_SECONDS, when_text(time, text), VALUE_WIDTH, value);
    else
        printf("%*" PRId64 "  %.*s\n", VALUE_WIDTH, value, (int)labels.len, labels.ptr);
}

static void note_counts(struct printing *p, const json_t *points)
{
    const json_t *point;
    size_t i;
    json_array_foreach(points, i, point)
    {
        p->has_counts = p->has_counts || json_integer_value(json_array_get(point, 1)) != 0;
    }
}

static enum tm_err print_item(struct printing *p, const json_t *item, struct tm_why *why)
{
    struct bytes labels = {0}, quoted = {0};
    const json_t *point;
    size_t i;
    note_counts(p, json_object_get(item, "points"));
    if (p->format == QUERY_JSON) {
        fputs(p->items++ > 0 ? "," : "", stdout);
        return json_print(item, false, stdout) ? tm_fail(why, TM_NOMEM, "out of memory") : TM_OK;
    }
    p->items++;
    put_labels(item, &labels);
    put_csv(bytes_view(&labels), &quoted);
    enum tm_err err = bytes_error(&labels) || bytes_error(&quoted) ? TM_NOMEM : TM_OK;
    if (!err && p->format == QUERY_TABLE && p->has_steps)
        printf("%.*s\n", (int)labels.len, (const char *)labels.data);
    json_array_foreach(json_object_get(item, "points"), i, point)
    {
        json_int_t seconds = json_integer_value(json_array_get(point, 0));
        if (!err)
            print_point(p, bytes_view(p->format == QUERY_CSV ? &quoted : &labels), seconds * MS_PER_S,
                        json_integer_value(json_array_get(point, 1)));
    }
    bytes_fini(&labels);
    bytes_fini(&quoted);
    return err ? tm_fail(why, err, "out of memory") : TM_OK;
}

static void print_head(const struct printing *p, struct span span, int64_t step_ms)
{
    char from[WHEN_TEXT_BYTES], to[WHEN_TEXT_BYTES];
    if (p->format == QUERY_CSV)
        printf("labels,time,%s\n", p->is_time ? "microseconds" : "count");
    if (p->format != QUERY_JSON)
        return;
    printf("{\"unit\":\"%s\",\"from\":\"%s\",\"to\":\"%s\",\"step\":", p->is_time ? "us" : "1",
           when_text(span.from, from), when_text(span.to, to));
    if (step_ms > 0)
        printf("%" PRId64, step_ms / MS_PER_S);
    else
        printf("null");
    printf(",\"items\":[");
}

static int print_end(const struct printing *p, const struct query_exact *query)
{
    struct tm_why why;
    if (p->format == QUERY_JSON)
        puts("],\"next\":null}");
    bool is_out = fflush(stdout) == 0;
    if (!p->has_counts)
        query_exact_say_none(query, p->items > 0);
    if (is_out)
        return EXIT_OK;
    tm_why_write(&why, "cannot write the answer");
    return command_fail(EXIT_FAILED, &why);
}

/* ---- what is asked for ---- */

static enum tm_err read_request(const struct query_exact *query, struct counting_request *out,
                                struct tm_why *why)
{
    const char *step = options_text(query->args, "step");
    const char *by = options_text(query->args, "by");
    struct tm_why reason;
    *out = (struct counting_request){
        .span = query->span, .matches = {str_of(query->selector)}, .match_count = 1};
    while (by && *by) {
        size_t len = strcspn(by, ",");
        if (out->by_count == COUNTING_BY_MAX)
            return tm_fail(why, TM_INVALID, "--by takes at most %d labels", COUNTING_BY_MAX);
        out->by[out->by_count++] = (struct str){by, len};
        by += len + (by[len] == ',');
    }
    if (!step)
        return TM_OK;
    if (when_parse_duration(str_of(step), &out->step_ms, &reason))
        return tm_fail(why, TM_INVALID, "--step: %s", reason.text);
    if (out->step_ms <= 0 || out->step_ms % CELL_MS != 0)
        return tm_fail(why, TM_INVALID, "--step: counts are kept by 10 s, so it must be a multiple of 10s");
    return TM_OK;
}

/* ---- a folder ---- */

static enum tm_err give_items(struct counting *counting, struct printing *p, struct tm_why *why)
{
    struct bytes item = {0};
    enum tm_err err;
    while ((err = counting_next(counting, &item, why)) == TM_OK) {
        json_t *parsed = json_loadb((const char *)item.data, item.len, 0, NULL);
        err = parsed ? print_item(p, parsed, why) : tm_fail(why, TM_NOMEM, "out of memory");
        json_decref(parsed);
        bytes_clear(&item);
        if (err)
            break;
    }
    bytes_fini(&item);
    return err == TM_NOT_FOUND ? TM_OK : err;
}

static int ask_folder(const struct query_exact *query, const struct counting_request *request,
                      struct printing *p)
{
    struct tm_why why = {""};
    const char *dir = options_text(query->args, "data-dir");
    struct counting *counting = NULL;
    struct reader *reader = NULL;
    bool is_done = false;
    enum tm_err err = counting_new(request, &counting, &why);
    int failed = err ? EXIT_USAGE : EXIT_FAILED;
    if (!err)
        err = reader_open(dir, &reader, &why);
    while (!err && !is_done)
        err = counting_step(counting, reader, &is_done, &why);
    if (!err)
        err = source_warn_gaps(reader, READER_COUNTS, counting_span(counting), NULL, &why);
    if (!err) {
        p->is_time = counting_is_time(counting);
        print_head(p, counting_span(counting), request->step_ms);
        err = give_items(counting, p, &why);
    }
    counting_free(counting);
    reader_close(reader);
    return err ? command_fail(failed, &why) : print_end(p, query);
}

/* ---- a daemon ---- */

static void put_time(const char *name, time_ms_t time, struct bytes *path)
{
    char text[WHEN_TEXT_BYTES];
    talk_put_value(name, str_of(when_text(time, text)), path);
}

static void make_path(const struct query_exact *query, const struct counting_request *request,
                      struct bytes *path)
{
    char number[32];
    bytes_printf(path, "/api/v1/counts");
    talk_put_value("match%5B%5D", str_of(query->selector), path);
    put_time("from", query->span.from, path);
    put_time("to", query->span.to, path);
    talk_put_option(query->args, "by", path);
    talk_put_option(query->args, "step", path);
    (void)snprintf(number, sizeof number, "%d", request->step_ms > 0 ? PAGE_OF_STEPS : PAGE_OF_SUMS);
    talk_put_value("limit", str_of(number), path);
}

static time_ms_t time_of(const json_t *data, const char *name)
{
    time_ms_t time = 0;
    struct tm_why why;
    return when_parse_date(talk_text(data, name), &time, &why) == TM_OK ? time : 0;
}

static int print_page(struct printing *p, const json_t *data, const struct counting_request *request)
{
    struct tm_why why = {""};
    const json_t *item;
    size_t i;
    enum tm_err err = TM_OK;
    if (p->items == 0) {
        p->is_time = str_equal(talk_text(data, "unit"), STR("us"));
        print_head(p, (struct span){time_of(data, "from"), time_of(data, "to")}, request->step_ms);
    }
    json_array_foreach(json_object_get(data, "items"), i, item)
    {
        if (!err)
            err = print_item(p, item, &why);
    }
    return err ? command_fail(EXIT_FAILED, &why) : EXIT_OK;
}

static int ask_daemon(const struct query_exact *query, const struct counting_request *request,
                      struct printing *p)
{
    struct talk talk = {0};
    struct bytes path = {0};
    char *cursor = NULL;
    int code = talk_open(query->args, &talk);
    do {
        const json_t *data = NULL;
        struct tm_why why;
        bytes_clear(&path);
        make_path(query, request, &path);
        if (cursor)
            talk_put_value("cursor", str_of(cursor), &path);
        bytes_u8(&path, '\0');
        free(cursor);
        cursor = NULL;
        if (!code && bytes_error(&path))
            code = (tm_why_write(&why, "out of memory"), command_fail(EXIT_FAILED, &why));
        if (!code)
            code = talk_ask(&talk, "GET", (const char *)path.data, NULL, &data);
        if (!code)
            code = print_page(p, data, request);
        const char *next = json_string_value(json_object_get(data, "next"));
        if (!code && next && !(cursor = strdup(next)))
            code = (tm_why_write(&why, "out of memory"), command_fail(EXIT_FAILED, &why));
    } while (cursor);
    bytes_fini(&path);
    talk_close(&talk);
    return code ? code : print_end(p, query);
}

int query_exact_run(const struct query_exact *query)
{
    struct tm_why why = {""};
    struct counting_request request;
    const char *dir = options_text(query->args, "data-dir");
    enum tm_err err = read_request(query, &request, &why);
    if (!err && dir && options_given(query->args, "server"))
        err = tm_fail(&why, TM_INVALID, "--data-dir reads a folder, --server asks a daemon; leave out one");
    if (err)
        return command_fail(EXIT_USAGE, &why);
    struct printing printing = {.format = query->format, .has_steps = request.step_ms > 0};
    return dir ? ask_folder(query, &request, &printing) : ask_daemon(query, &request, &printing);
}
