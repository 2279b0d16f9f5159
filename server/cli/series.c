/* `tidemark series`. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "server/cli/command.h"
#include "server/cli/http.h"
#include "server/cli/series_text.h"
#include "server/cli/source.h"
#include "server/cli/units.h"
#include "server/wire/reply.h"
#include "storage/query.h"

enum { TIMEOUT_MS = 60000, SELECTORS_MAX = 64, LIMIT_MAX = 100000000 };

static const struct option series_options[] = {
    {.name = "by",
     .argument = "metric|label|service",
     .text = "count instead of list, most first: series of a metric or a service, values of a label"},
    {.name = "limit", .argument = "N", .fallback = "100", .text = "show at most N; 0: all"},
    SOURCE_OPTION_DATA_DIR,
    {0},
};

enum count_by { BY_NOTHING, BY_METRIC, BY_LABEL, BY_SERVICE };

/* How each count is called: by the user, in the daemon's answer, above the column. */
static const struct {
    const char *word;
    const char *key;
    const char *counted;
} counts[] = {
    [BY_METRIC] = {"metric", "seriesCountByMetricName", "series"},
    [BY_LABEL] = {"label", "labelValueCountByLabelName", "values"},
    [BY_SERVICE] = {"service", "seriesCountByService", "series"},
};

struct listing {
    char *const *selectors;
    size_t selector_count;
    enum count_by by;
    size_t limit;
    bool is_json;
    uint64_t shown;
    bool is_cut;
};

/* ---- output ---- */

static void begin(const struct listing *listing)
{
    if (listing->is_json)
        putchar('[');
}

static void show_series(struct listing *listing, const struct labels *labels)
{
    struct bytes text = {0};
    if (listing->is_json)
        series_json(labels, &text);
    else
        series_text(labels, &text);
    if (listing->is_json && listing->shown)
        putchar(',');
    printf("%s%.*s%s", listing->is_json ? "\n" : "", (int)text.len, (const char *)text.data,
           listing->is_json ? "" : "\n");
    listing->shown++;
    bytes_fini(&text);
}

static void show_count(struct listing *listing, struct str name, uint64_t count)
{
    struct bytes text = {0};
    char number[UNITS_TEXT_BYTES];
    if (listing->is_json) {
        bytes_json_string(&text, name);
        printf("%s\n{\"name\":%.*s,\"value\":%" PRIu64 "}", listing->shown ? "," : "", (int)text.len,
               (const char *)text.data, count);
    } else {
        if (listing->shown == 0)
            printf("%12s  %s\n", counts[listing->by].counted, counts[listing->by].word);
        series_text_plain(name.len ? name : STR("(none)"), &text);
        printf("%12s  %.*s\n", units_count((int64_t)count, number), (int)text.len, (const char *)text.data);
    }
    listing->shown++;
    bytes_fini(&text);
}

static void end(const struct listing *listing)
{
    if (listing->is_json)
        fputs("\n]\n", stdout);
    else if (!listing->shown)
        fprintf(stderr, "tidemark: there are no %sseries%s\n", listing->selector_count ? "such " : "",
                listing->selector_count ? "" : " yet");
    if (listing->is_cut && !listing->is_json)
        printf("... and more; --limit 0 shows all\n");
}

/* ---- from a folder ---- */

static enum tm_err show_view(struct reader *reader, const struct reader_view *view, uint32_t bucket,
                             struct listing *listing, struct tm_why *why)
{
    struct bytes encoded = {0};
    struct labels labels;
    reader_view_labels(reader, view, bucket, &encoded);
    enum tm_err err = bytes_error(&encoded);
    if (!err)
        err = labels_decode(bytes_view(&encoded), &labels);
    if (err)
        (void)tm_fail(why, err, "cannot read the labels of a series: %s", tm_err_text(err));
    else
        show_series(listing, &labels);
    bytes_fini(&encoded);
    return err;
}

static enum tm_err list_folder(struct reader *reader, const struct reader_filter *filter,
                               struct listing *listing, struct tm_why *why)
{
    struct reader_views views = {.count = 0};
    enum tm_err err = reader_views_find(reader, filter, &views, why);
    begin(listing);
    for (size_t i = 0; i < views.count && !err && !listing->is_cut; i++) {
        const struct reader_view *view = &views.at[i];
        uint32_t bounds = view->view == HISTOGRAM_BUCKET ? HISTOGRAM_BUCKETS : 1;
        for (uint32_t bucket = 0; bucket < bounds && !err && !listing->is_cut; bucket++) {
            if (bounds > 1 && !reader_bounds_has(&views.bounds[view->bounds], bucket))
                continue;
            listing->is_cut = listing->limit && listing->shown == listing->limit;
            if (!listing->is_cut)
                err = show_view(reader, view, bucket, listing, why);
        }
    }
    reader_views_fini(&views);
    return err;
}

static enum tm_err count_folder(struct reader *reader, struct listing *listing, struct tm_why *why)
{
    struct index_list list = {0};
    struct reader_listing how = {.filter = {.span = READER_ALWAYS},
                                 .order = listing->by == BY_LABEL ? INDEX_BY_VALUES : INDEX_BY_SERIES,
                                 .limit = listing->limit};
    enum tm_err err = listing->by == BY_LABEL     ? reader_names(reader, &how, &list, why)
                      : listing->by == BY_SERVICE ? reader_services(reader, &how, &list, why)
                                                  : reader_values(reader, STR(LABEL_NAME), &how, &list, why);
    begin(listing);
    for (size_t i = 0; i < list.count && !err; i++)
        show_count(listing, list.items[i].text,
                   listing->by == BY_LABEL ? list.items[i].values : list.items[i].series);
    listing->is_cut = list.total > list.count;
    index_list_fini(&list);
    return err;
}

static enum tm_err read_folder(const char *dir, struct listing *listing, struct tm_why *why)
{
    struct selector *selectors = calloc(SELECTORS_MAX, sizeof *selectors);
    struct reader_filter filter = {.selectors = selectors, .span = READER_ALWAYS};
    struct reader *reader = NULL;
    enum tm_err err = selectors ? TM_OK : tm_fail(why, TM_NOMEM, "out of memory");
    for (; filter.selector_count < listing->selector_count && !err; filter.selector_count++) {
        err = selector_parse(str_of(listing->selectors[filter.selector_count]),
                             &selectors[filter.selector_count], why);
        if (err == TM_LIMIT || err == TM_TOO_LARGE)
            err = TM_INVALID;
    }
    if (!err)
        err = reader_open(dir, &reader, why);
    if (!err)
        err = source_warn_gaps(reader, READER_SERIES, READER_ALWAYS, NULL, why);
    if (!err)
        err = listing->by ? count_folder(reader, listing, why) : list_folder(reader, &filter, listing, why);
    reader_close(reader);
    for (size_t i = 0; selectors && i < filter.selector_count; i++)
        selector_fini(&selectors[i]);
    free(selectors);
    return err;
}

/* ---- from a daemon ---- */

static void put_path(const struct listing *listing, struct bytes *out)
{
    enum { TSDB_LIMIT_MAX = 10000 }; /* what the daemon gives at most */
    if (listing->by) {
        bytes_printf(out, "/api/v1/status/tsdb?limit=%zu",
                     listing->limit && listing->limit < TSDB_LIMIT_MAX ? listing->limit + 1 : TSDB_LIMIT_MAX);
    } else {
        bytes_printf(out, "/api/v1/series?");
        if (listing->limit)
            bytes_printf(out, "limit=%zu&", listing->limit + 1);
        for (size_t i = 0; i < listing->selector_count; i++) {
            bytes_printf(out, "%smatch[]=", i ? "&" : "");
            http_escape(str_of(listing->selectors[i]), out);
        }
        if (!listing->selector_count)
            bytes_printf(out, "match[]=%%7B__name__%%21%%3D%%22%%22%%7D"); /* {__name__!=""} */
    }
    bytes_u8(out, '\0');
}

static void show_object(struct listing *listing, json_t *object)
{
    const char *name;
    json_t *value;
    struct str twice;
    struct labels labels = {0};
    if (listing->by) {
        json_t *text = json_object_get(object, "name");
        show_count(listing, (struct str){json_string_value(text), json_string_length(text)},
                   (uint64_t)json_integer_value(json_object_get(object, "value")));
        return;
    }
    json_object_foreach(object, name, value)
    {
        if (labels_add(&labels, str_of(name),
                       (struct str){json_string_value(value), json_string_length(value)}))
            break;
    }
    if (!labels_sort(&labels, &twice))
        show_series(listing, &labels);
}

/* That the answer is cut at the limit is told behind the list. */
static void warn(const json_t *root)
{
    const json_t *text;
    size_t i;
    json_array_foreach(json_object_get(root, "warnings"), i, text)
    {
        const struct str view = {json_string_value(text), json_string_length(text)};
        if (!str_equal(view, STR("results truncated due to limit")))
            source_warn(NULL, view);
    }
}

static enum tm_err show_answer(const struct http_answer *answer, struct listing *listing, struct tm_why *why)
{
    enum { OK = 200, BAD_REQUEST = 400 };
    json_t *root = json_loadb((const char *)answer->body.data, answer->body.len, 0, NULL);
    json_t *data = json_object_get(root, "data");
    enum tm_err err = TM_OK;
    if (listing->by)
        data = json_object_get(data, counts[listing->by].key);
    if (answer->status != OK || !json_is_array(data)) {
        http_error_text(answer, why);
        err = answer->status == BAD_REQUEST ? TM_INVALID : TM_IO;
    } else {
        size_t total = json_array_size(data);
        size_t count = listing->limit && total > listing->limit ? listing->limit : total;
        listing->is_cut = count < total;
        warn(root);
        begin(listing);
        for (size_t i = 0; i < count; i++)
            show_object(listing, json_array_get(data, i));
    }
    json_decref(root);
    return err;
}

static enum tm_err ask_daemon(const struct args *args, struct listing *listing, struct tm_why *why)
{
    struct http *http = NULL;
    struct http_answer answer = {0};
    struct bytes path = {0};
    enum tm_err err = command_connect(args, &http, why);
    put_path(listing, &path);
    if (!err && bytes_error(&path))
        err = tm_fail(why, TM_NOMEM, "out of memory");
    if (!err)
        err = http_get(http, (const char *)path.data, TIMEOUT_MS, &answer, why);
    if (!err)
        err = show_answer(&answer, listing, why);
    bytes_fini(&answer.body);
    bytes_fini(&path);
    http_close(http);
    return err;
}

/* ---- the command ---- */

static enum tm_err read_listing(const struct args *args, struct listing *listing, struct tm_why *why)
{
    const char *by = options_text(args, "by");
    int64_t limit;
    enum tm_err err = options_number(args, "limit", 0, LIMIT_MAX, &limit, why);
    if (err)
        return err;
    *listing = (struct listing){.selectors = args->operands,
                                .selector_count = (size_t)args->operand_count,
                                .limit = (size_t)limit,
                                .is_json = options_given(args, "json")};
    for (int i = BY_METRIC; by && i <= BY_SERVICE; i++)
        if (strcmp(counts[i].word, by) == 0)
            listing->by = (enum count_by)i;
    if (by && !listing->by)
        return tm_fail(why, TM_INVALID, "--by is metric, label or service, not \"%s\"", by);
    if (by && listing->selector_count)
        return tm_fail(why, TM_INVALID, "--by counts all series; leave out the selector");
    if (listing->selector_count > SELECTORS_MAX)
        return tm_fail(why, TM_INVALID, "there are over %d selectors; give fewer", SELECTORS_MAX);
    if (options_given(args, "data-dir") && options_given(args, "server"))
        return tm_fail(why, TM_INVALID, "--data-dir reads a folder, --server asks a daemon; leave out one");
    return source_check_selectors(args, why);
}

static int run_series(const struct args *args)
{
    struct tm_why why = {0};
    struct listing listing;
    if (read_listing(args, &listing, &why))
        return command_fail(EXIT_USAGE, &why);
    const char *dir = options_text(args, "data-dir");
    enum tm_err err = dir ? read_folder(dir, &listing, &why) : ask_daemon(args, &listing, &why);
    if (err)
        return command_fail(err == TM_INVALID ? EXIT_USAGE : EXIT_FAILED, &why);
    end(&listing);
    return EXIT_OK;
}

const struct command series_command = {
    .name = "series",
    .summary = "list series, or count them by metric, label or service",
    .operands = "[SELECTOR...]",
    .details = "Lists the series that one of the selectors takes, all without any. With --by it shows "
               "where many series come from, the worst first.",
    .examples = "tidemark series 'cpu{service=\"cart\"}'\n"
                "tidemark series --by label",
    .options = series_options,
    .run = run_series,
};
