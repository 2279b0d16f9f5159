#include <stdlib.h>

#include "storage/contents.h"
#include "storage/partition/days.h"
#include "storage/folder.h"
#include "storage/query.h"
#include "storage/store_private.h"

/* A folder may be trimmed while it is read; so often it is read again. */
enum { READ_TRIES = 10 };

struct reader {
    struct contents *contents; /* of the store, or `own` */
    struct contents own;
    struct columns day;
    struct columns all;
    struct bytes lines;
};

/* ---- opening ---- */

/* The files beside the journal, before the journal: what is flushed meanwhile is then read twice, not never.
 */
static enum tm_err open_files(struct reader *reader, const char *dir, struct tm_why *why)
{
    const struct catalog_options catalog = {.dir = dir, .read_only = true};
    const struct partitions_options partitions = {.dir = dir, .clock = clock_system(), .read_only = true};
    enum tm_err err = catalog_open(&catalog, &reader->own.catalog, why);
    if (err && err != TM_NOT_FOUND)
        return err;
    err = contents_load(&reader->own, why);
    if (err)
        return err;
    size_t count = series_durable_count(reader->own.series);
    reader->own.stored_series = 0;
    for (size_t i = 0; i < count; i++) {
        if (series_durable_at(reader->own.series, i) > reader->own.stored_series)
            reader->own.stored_series = series_durable_at(reader->own.series, i);
    }
    if (!reader->own.catalog)
        return TM_OK; /* nothing was ever flushed */
    err = partitions_open(&partitions, &reader->own.partitions, why);
    return err == TM_NOT_FOUND ? TM_OK : err;
}

/* Beside a running daemon the newest records may be not synced yet: a power cut could still take them. What
 * is half written shows as a torn tail and is left out. */
static enum tm_err read_folder(struct reader *reader, const struct folder *folder, const char *dir,
                               struct tm_why *why)
{
    enum tm_err err = TM_BUSY;
    for (int i = 0; i < READ_TRIES && err == TM_BUSY; i++) {
        contents_fini(&reader->own);
        err = contents_init(&reader->own, 0, 0);
        if (err)
            tm_fail(why, err, "out of memory while opening the folder for reading");
        if (!err)
            err = open_files(reader, dir, why);
        if (!err)
            err = contents_replay(&reader->own, folder->journal, NULL, NULL, NULL, why);
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
        err = read_folder(reader, &folder, dir, why);
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
    columns_fini(&reader->day);
    columns_fini(&reader->all);
    bytes_fini(&reader->lines);
    free(reader);
}

/* ---- series ---- */

void reader_series(struct reader *reader, reader_series_fn *each, void *arg)
{
    const struct series_table *series = reader->contents->series;
    for (size_t i = 0; i < series_durable_count(series); i++) {
        series_id id = series_durable_at(series, i);
        if (!each(arg, id, series_labels(series, id)))
            return;
    }
}

enum tm_err reader_select(struct reader *reader, const struct selector *selector, struct index_ids *out,
                          struct tm_why *why)
{
    const struct index_query query = {.matchers = selector->matchers, .count = selector->count};
    *out = (struct index_ids){0};
    enum tm_err err = contents_index(reader->contents, SIZE_MAX);
    if (err)
        return tm_fail(why, err, "out of memory for the index of labels");
    return index_select(reader->contents->index, &query, out, why);
}

/* ---- samples ---- */

void reader_walk_init(struct reader_walk *walk, uint32_t series, struct span span)
{
    *walk = (struct reader_walk){series, span};
}

/* The first day of a head from `from` on, as a span of its own; none: an empty one at the end of time. */
static struct span find_head_day(const struct head *head, time_ms_t from)
{
    static const int64_t day_ms = 86400000;
    for (size_t i = 0; i < head->day_count; i++) {
        int64_t day = head->days[i];
        bool is_first = day <= INT64_MIN / day_ms, is_last = day >= INT64_MAX / day_ms;
        struct span span = {is_first ? INT64_MIN : day * day_ms, is_last ? INT64_MAX : (day + 1) * day_ms};
        if (span.to > from)
            return span;
    }
    return (struct span){INT64_MAX, INT64_MAX};
}

/* Narrows span to its first day that may have samples. */
static bool find_day(const struct contents *contents, struct span *span, uint32_t *day, bool *is_stored)
{
    struct span first = find_head_day(&contents->head, span->from);
    struct span other = find_head_day(&contents->flushing, span->from);
    uint32_t from = 0;
    *is_stored = false;
    if (other.from < first.from)
        first = other;
    bool any = contents->partitions != NULL;
    if (any && span->from >= 0) /* behind the year 9999 there are none */
        any = partition_period_of(PARTITION_RAW, span->from, &from) == TM_OK;
    if (any && days_next(contents->partitions, from, day) == TM_OK) {
        struct span stored = partition_period_span(PARTITION_RAW, *day);
        *is_stored = stored.from <= first.from;
        if (stored.from < first.from)
            first = stored;
    }
    if (first.from >= first.to || first.from >= span->to)
        return false;
    span->from = first.from > span->from ? first.from : span->from;
    span->to = first.to < span->to ? first.to : span->to;
    return true;
}

/* Partitions first, then what is written to them, then the newest: the last one wins. */
static enum tm_err collect_day(struct reader *reader, uint32_t series, struct span span, const uint32_t *day,
                               struct tm_why *why)
{
    const struct contents *contents = reader->contents;
    struct columns *columns = &reader->day;
    enum tm_err err = TM_OK;
    columns->count = 0;
    if (day && series <= contents->stored_series)
        err = days_collect(contents->partitions, contents->tombstones, *day, series, span, columns, why);
    if (err)
        return err;
    err = head_collect(&contents->flushing, series, span, columns);
    if (!err)
        err = head_collect(&contents->head, series, span, columns);
    if (!err)
        err = columns_settle(columns);
    return err ? tm_fail(why, err, "reading samples: %s", tm_err_text(err)) : TM_OK;
}

enum tm_err reader_walk_next(struct reader *reader, struct reader_walk *walk, const time_ms_t **times,
                             const double **values, size_t *count, struct tm_why *why)
{
    *count = 0;
    while (walk->span.from < walk->span.to) {
        struct span span = walk->span;
        uint32_t day;
        bool is_stored;
        if (!find_day(reader->contents, &span, &day, &is_stored))
            break;
        enum tm_err err = collect_day(reader, walk->series, span, is_stored ? &day : NULL, why);
        if (err)
            return err;
        walk->span.from = span.to;
        size_t from = columns_find(&reader->day, 0, span.from);
        size_t to = columns_find(&reader->day, from, span.to);
        if (to == from)
            continue;
        *times = reader->day.times + from;
        *values = reader->day.values + from;
        *count = to - from;
        return TM_OK;
    }
    return TM_NOT_FOUND;
}

enum tm_err reader_samples(struct reader *reader, uint32_t series, struct span span, const time_ms_t **times,
                           const double **values, size_t *count)
{
    struct reader_walk walk;
    struct tm_why why;
    struct columns *all = &reader->all;
    enum tm_err err;
    all->count = 0;
    *count = 0;
    reader_walk_init(&walk, series, span);
    while ((err = reader_walk_next(reader, &walk, times, values, count, &why)) == TM_OK) {
        err = columns_reserve(all, *count);
        if (err)
            break;
        for (size_t i = 0; i < *count; i++)
            columns_add(all, (*times)[i], (*values)[i]);
    }
    *times = all->times;
    *values = all->values;
    *count = all->count;
    return err == TM_NOT_FOUND ? TM_OK : err;
}

/* ---- events ---- */

struct telling {
    struct span span;
    enum event_kind kind;
    reader_event_fn *each;
    void *arg;
};

/* False: each ended it. Bytes that are none of ours end the block. */
static bool tell_block(const struct telling *telling, struct str lines)
{
    struct cursor in = cursor_of(lines.ptr, lines.len);
    while (cursor_left(&in) > 0 && !in.bad) {
        time_ms_t time = cursor_zigzag(&in);
        struct str line = cursor_str(&in);
        if (in.bad || time < telling->span.from || time >= telling->span.to)
            continue;
        if (!telling->each(telling->arg, telling->kind, time, line))
            return false;
    }
    return true;
}

void reader_events(struct reader *reader, enum event_kind kind, struct span span, reader_event_fn *each,
                   void *arg)
{
    const struct contents *contents = reader->contents;
    const struct telling telling = {span, kind, each, arg};
    const struct catalog_wanted wanted = {kind, span, contents->mark.flushed_lsn};
    struct catalog_position position = {.is_begun = false};
    struct tm_why why;
    while (contents->catalog &&
           catalog_events_next(contents->catalog, &position, &wanted, &reader->lines, &why) == TM_OK) {
        if (!tell_block(&telling, bytes_view(&reader->lines)))
            return;
    }
    if (head_events(&contents->flushing, kind, span, each, arg))
        (void)head_events(&contents->head, kind, span, each, arg);
}
