#include <stdlib.h>

#include "storage/contents.h"
#include "storage/folder.h"
#include "storage/grow.h"
#include "storage/query.h"
#include "storage/store_private.h"

/* A folder may be trimmed while it is read; so often it is read again. */
enum { READ_TRIES = 3 };

struct reader {
    struct contents *contents; /* of the store, or `own` */
    struct contents own;
    time_ms_t *times;
    size_t time_capacity;
    double *values;
    size_t value_capacity;
};

/* Beside a running daemon the newest records may be not synced yet: a power cut could still take them. What
 * is half written shows as a torn tail and is left out. */
static enum tm_err replay_folder(struct reader *reader, const struct folder *folder, struct tm_why *why)
{
    enum tm_err err = TM_BUSY;
    for (int i = 0; i < READ_TRIES && err == TM_BUSY; i++) {
        contents_fini(&reader->own);
        err = contents_init(&reader->own, 0, 0);
        if (!err)
            err = contents_replay(&reader->own, folder->journal, NULL, NULL, NULL, why);
        else
            tm_fail(why, err, "out of memory while opening the folder for reading");
    }
    return err;
}

enum tm_err reader_open(const char *dir, struct reader **out, struct tm_why *why)
{
    struct folder folder;
    *out = NULL;
    enum tm_err err = folder_open_reading(&folder, dir, why);
    if (err)
        return err;
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader) {
        reader->contents = &reader->own;
        err = replay_folder(reader, &folder, why);
    } else {
        err = tm_fail(why, TM_NOMEM, "out of memory while opening %s for reading", dir);
    }
    folder_close(&folder);
    if (err) {
        reader_close(reader);
        return err == TM_BUSY ? TM_IO : err;
    }
    *out = reader;
    return TM_OK;
}

struct reader *reader_of_store(struct store *store)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader)
        reader->contents = &store->contents;
    return reader;
}

void reader_close(struct reader *reader)
{
    if (!reader)
        return;
    contents_fini(&reader->own);
    free(reader->times);
    free(reader->values);
    free(reader);
}

void reader_series(struct reader *reader, reader_series_fn *each, void *arg)
{
    const struct series_table *series = reader->contents->series;
    for (size_t i = 0; i < series_durable_count(series); i++) {
        series_id id = series_durable_at(series, i);
        if (!each(arg, id, series_labels(series, id)))
            return;
    }
}

/* The first point at or behind time. */
static size_t find_time(const struct point *points, size_t count, time_ms_t time)
{
    size_t low = 0;
    while (count > 0) {
        size_t half = count / 2;
        if (points[low + half].time < time) {
            low += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return low;
}

enum tm_err reader_samples(struct reader *reader, uint32_t series, struct span span, const time_ms_t **times,
                           const double **values, size_t *count)
{
    const struct point *points;
    size_t all;
    *count = 0;
    enum tm_err err = head_points(&reader->contents->head, series, &points, &all);
    if (err)
        return err;
    size_t from = find_time(points, all, span.from);
    size_t to = find_time(points, all, span.to);
    size_t found = to > from ? to - from : 0;
    time_ms_t *own_times = grow_array(reader->times, &reader->time_capacity, found, sizeof *reader->times);
    if (!own_times)
        return TM_NOMEM;
    reader->times = own_times;
    double *own_values = grow_array(reader->values, &reader->value_capacity, found, sizeof *reader->values);
    if (!own_values)
        return TM_NOMEM;
    reader->values = own_values;
    for (size_t i = 0; i < found; i++) {
        own_times[i] = points[from + i].time;
        own_values[i] = points[from + i].value;
    }
    *times = own_times;
    *values = own_values;
    *count = found;
    return TM_OK;
}

void reader_events(struct reader *reader, enum event_kind kind, struct span span, reader_event_fn *each,
                   void *arg)
{
    head_events(&reader->contents->head, kind, span, each, arg);
}
