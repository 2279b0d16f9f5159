#include "server/cli/source.h"

#include <stdlib.h>

#include "server/cli/command.h"
#include "server/cli/export.h"
#include "server/cli/http.h"
#include "storage/query.h"

/* ---- a folder ---- */

struct chosen {
    uint32_t id;
    size_t at; /* of its encoded labels in `texts` */
    size_t len;
};

/* The series that a selector takes, with their labels, which is what they are shown by. */
struct choice {
    struct index_ids ids;
    struct chosen *series;
    size_t count;
    struct bytes texts;
};

static int compare_ids(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static bool keep_series(void *arg, uint32_t series, struct str encoded)
{
    struct choice *choice = arg;
    if (!bsearch(&series, choice->ids.ids, choice->ids.count, sizeof series, compare_ids))
        return true;
    choice->series[choice->count++] = (struct chosen){series, choice->texts.len, encoded.len};
    bytes_put(&choice->texts, encoded.ptr, encoded.len);
    return !choice->texts.failed && choice->count < choice->ids.count;
}

static int compare_labels(const void *a, const void *b, void *texts)
{
    const struct chosen *left = a, *right = b;
    const char *base = texts;
    return str_compare((struct str){base + left->at, left->len}, (struct str){base + right->at, right->len});
}

static enum tm_err choose(struct reader *reader, const struct selector *selector, struct choice *choice,
                          struct tm_why *why)
{
    enum tm_err err = reader_select(reader, selector, &choice->ids, why);
    if (err || !choice->ids.count)
        return err;
    choice->series = calloc(choice->ids.count, sizeof *choice->series);
    if (!choice->series)
        return tm_fail(why, TM_NOMEM, "out of memory");
    reader_series(reader, keep_series, choice);
    if (bytes_error(&choice->texts))
        return tm_fail(why, TM_NOMEM, "out of memory");
    if (choice->count)
        qsort_r(choice->series, choice->count, sizeof *choice->series, compare_labels, choice->texts.data);
    return TM_OK;
}

static enum tm_err walk_series(struct reader *reader, const struct choice *choice, const struct chosen *one,
                               struct span span, const struct source_sink *sink, struct tm_why *why)
{
    const time_ms_t *times;
    const double *values;
    size_t count;
    struct labels labels;
    struct reader_walk walk;
    bool is_announced = false;
    enum tm_err err;
    reader_walk_init(&walk, one->id, span);
    while ((err = reader_walk_next(reader, &walk, &times, &values, &count, why)) == TM_OK) {
        if (!is_announced) {
            err = labels_decode((struct str){(const char *)choice->texts.data + one->at, one->len}, &labels);
            if (err)
                return tm_fail(why, err, "the labels of a series are damaged; run `tidemark verify`");
            err = sink->series(sink->arg, &labels, why);
            is_announced = true;
        }
        if (!err)
            err = sink->samples(sink->arg, times, values, count, why);
        if (err)
            return err;
    }
    return err == TM_NOT_FOUND ? TM_OK : err;
}

static enum tm_err read_folder(const char *dir, const struct source_request *request,
                               const struct source_sink *sink, struct tm_why *why)
{
    struct selector selector = {0};
    struct choice choice = {0};
    struct reader *reader = NULL;
    if (strcmp(request->tier, "raw") != 0)
        return tm_fail(why, TM_INVALID,
                       "--data-dir reads raw samples only; leave out --tier, or ask tidemarkd");
    enum tm_err err = selector_parse(str_of(request->selector), &selector, why);
    if (err == TM_LIMIT || err == TM_TOO_LARGE)
        err = TM_INVALID;
    if (!err)
        err = reader_open(dir, &reader, why);
    if (!err)
        err = choose(reader, &selector, &choice, why);
    for (size_t i = 0; i < choice.count && !err; i++)
        err = walk_series(reader, &choice, &choice.series[i], request->span, sink, why);
    index_ids_fini(&choice.ids);
    free(choice.series);
    bytes_fini(&choice.texts);
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
    struct key key;
    struct http *http = NULL;
    struct bytes path = {0};
    enum tm_err err = command_key(args, &key, why);
    if (err)
        return TM_IO;
    err = http_open(command_server(args), key.secret, &http, why);
    explicit_bzero(&key, sizeof key);
    bytes_printf(&path, "/api/v1/export?match[]=");
    http_escape(str_of(request->selector), &path);
    write_time(&path, "from", request->span.from);
    write_time(&path, "to", request->span.to);
    bytes_printf(&path, "&tier=%s", request->tier);
    bytes_u8(&path, '\0');
    if (!err && bytes_error(&path))
        err = tm_fail(why, TM_NOMEM, "out of memory");
    if (!err)
        err = export_read(http, (const char *)path.data, sink, why);
    bytes_fini(&path);
    http_close(http);
    return err;
}

enum tm_err source_read(const struct args *args, const struct source_request *request,
                        const struct source_sink *sink, struct tm_why *why)
{
    const char *dir = options_text(args, "data-dir");
    if (dir && options_given(args, "server"))
        return tm_fail(why, TM_INVALID, "--data-dir reads a folder, --server asks a daemon; leave out one");
    return dir ? read_folder(dir, request, sink, why) : read_daemon(args, request, sink, why);
}
