/* Reading samples, a day at a time. */
#include <string.h>

#include "storage/partition/days.h"
#include "storage/reader_private.h"

#define DAY_MS INT64_C(86400000)

void reader_walk_init(struct reader_walk *walk, uint32_t series, struct span span)
{
    *walk = (struct reader_walk){series, span};
}

/* The UTC day of a time; the first and the last of all end where time does. */
static struct span day_of(time_ms_t time)
{
    int64_t day = time / DAY_MS - (time % DAY_MS < 0);
    bool is_first = day <= INT64_MIN / DAY_MS, is_last = day >= INT64_MAX / DAY_MS;
    return (struct span){is_first ? INT64_MIN : day * DAY_MS, is_last ? INT64_MAX : (day + 1) * DAY_MS};
}

time_ms_t reader_find_in_heads(struct contents *contents, uint32_t series, struct span span)
{
    time_ms_t first = span.to, other;
    contents_lock_shared(contents);
    if (head_first(&contents->head, series, span, &other))
        first = other;
    if (head_first(&contents->flushing, series, span, &other) && other < first)
        first = other;
    contents_unlock(contents);
    return first;
}

bool reader_is_stored(const struct contents *contents, uint32_t series)
{
    return contents->partitions && series <= contents->stored_series;
}

bool reader_is_flushed(const struct contents *contents, uint32_t series)
{
    return reader_is_stored(contents, series) && series <= contents->flushed_series;
}

/* The heads are looked at first: what
 * leaves them meanwhile is then found in the partitions. */
bool reader_find_day(struct contents *contents, uint32_t series, struct span *span)
{
    time_ms_t first = reader_find_in_heads(contents, series, *span);
    uint32_t from = 0, day;
    bool any = reader_is_flushed(contents, series);
    if (any && span->from >= 0) /* behind the year 9999 there are none */
        any = partition_period_of(PARTITION_RAW, span->from, &from) == TM_OK;
    if (any && days_next(contents->partitions, from, &day) == TM_OK) {
        time_ms_t stored = partition_period_span(PARTITION_RAW, day).from;
        if (stored < span->from)
            stored = span->from;
        if (stored < first)
            first = stored;
    }
    if (first >= span->to)
        return false;
    struct span found = day_of(first);
    span->from = first;
    span->to = found.to < span->to ? found.to : span->to;
    return true;
}

static enum tm_err collect_heads(struct reader *reader, uint32_t series, struct span span)
{
    struct contents *contents = reader->contents;
    reader->heads.count = 0;
    contents_lock_shared(contents);
    enum tm_err err = head_collect(&contents->flushing, series, span, &reader->heads);
    if (!err)
        err = head_collect(&contents->head, series, span, &reader->heads);
    contents_unlock(contents);
    return err;
}

enum tm_err reader_settle(struct columns *columns, size_t front)
{
    if (columns->count == front)
        return TM_OK;
    struct columns behind = {
        .times = columns->times + front, .values = columns->values + front, .count = columns->count - front};
    enum tm_err err = columns_settle(&behind);
    columns->count = front + behind.count;
    return err;
}

/* Puts the heads' samples behind those of files; of equal times the heads' sample wins, which is newer. */
static enum tm_err add_heads(struct reader *reader, struct tm_why *why)
{
    struct columns *columns = &reader->day;
    const struct columns *heads = &reader->heads;
    enum tm_err err = columns_reserve(columns, heads->count);
    for (size_t i = 0; !err && i < heads->count; i++)
        columns_add(columns, heads->times[i], heads->values[i]);
    reader->samples_read += columns->count - reader->front;
    if (!err)
        err = reader_settle(columns, reader->front);
    return err ? tm_fail(why, err, "reading samples: %s", tm_err_text(err)) : TM_OK;
}

/* The heads first, then what is in files. */
enum tm_err reader_collect_day(struct reader *reader, uint32_t series, struct span span, struct tm_why *why)
{
    uint32_t day;
    enum tm_err err = collect_heads(reader, series, span);
    reader->day.count = reader->front;
    if (err)
        return tm_fail(why, err, "reading samples: %s", tm_err_text(err));
    if (reader_is_flushed(reader->contents, series) && span.from >= 0 &&
        partition_period_of(PARTITION_RAW, span.from, &day) == TM_OK)
        err = days_collect(reader->contents->partitions, reader->contents->tombstones, day, series, span,
                           &reader->day, why);
    return err ? err : add_heads(reader, why);
}

enum tm_err reader_collect_unflushed(struct reader *reader, uint32_t series, struct span span,
                                     struct tm_why *why)
{
    enum tm_err err = collect_heads(reader, series, span);
    reader->day.count = reader->front;
    return err ? tm_fail(why, err, "reading samples: %s", tm_err_text(err)) : add_heads(reader, why);
}

/* Narrows span to its first day that may have samples or cells of the series. A counter has samples from
 * midnight on, so cells before the span count. */
static bool find_any_day(struct contents *contents, uint32_t series, struct span *span)
{
    struct span all = *span, cells = day_of(span->from);
    int64_t from = cell_slot(cells.from), to = cell_slot(span->to) + (span->to % CELL_MS != 0);
    bool any = reader_find_day(contents, series, span);
    if (!reader_find_cells_day(contents, series, &from, &to))
        return any;
    cells = day_of(cell_time(from));
    if (any && cells.from > span->from)
        return true;
    span->from = cells.from > all.from ? cells.from : all.from;
    span->to = cells.to < all.to ? cells.to : all.to;
    return true;
}

/* Puts a counter's samples among those of the day; of equal times the sample stays. */
static enum tm_err add_counter(struct reader *reader, uint32_t series, struct span span, struct tm_why *why)
{
    struct columns *day = &reader->day, *counter = &reader->counter;
    enum tm_err err = reader_collect_counter(reader, series, span, why);
    if (err || counter->count == 0)
        return err;
    err = columns_reserve(counter, day->count - reader->front);
    for (size_t i = reader->front; i < day->count && !err; i++)
        columns_add(counter, day->times[i], day->values[i]);
    if (!err)
        err = columns_settle(counter);
    day->count = reader->front;
    if (!err)
        err = columns_reserve(day, counter->count);
    for (size_t i = 0; i < counter->count && !err; i++)
        columns_add(day, counter->times[i], counter->values[i]);
    return err ? tm_fail(why, err, "out of memory for a counter") : TM_OK;
}

enum tm_err reader_walk_next(struct reader *reader, struct reader_walk *walk, const time_ms_t **times,
                             const double **values, size_t *count, struct tm_why *why)
{
    *count = 0;
    while (walk->span.from < walk->span.to) {
        struct span span = walk->span;
        enum tm_err err = reader_check(reader, why);
        if (err)
            return err;
        if (!find_any_day(reader->contents, walk->series, &span))
            break;
        err = reader_collect_day(reader, walk->series, span, why);
        if (!err)
            err = add_counter(reader, walk->series, span, why);
        if (!err)
            err = reader_check(reader, why); /* too many by now: none of them is given */
        if (err)
            return err;
        walk->span.from = span.to;
        size_t from = columns_find(&reader->day, reader->front, span.from);
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

/* Keeps of the day the samples that were given, in front of what the next day brings. */
static void keep_given(struct reader *reader, const time_ms_t *times, size_t count)
{
    struct columns *day = &reader->day;
    size_t from = (size_t)(times - day->times);
    if (from > reader->front) {
        memmove(day->times + reader->front, day->times + from, count * sizeof *day->times);
        memmove(day->values + reader->front, day->values + from, count * sizeof *day->values);
    }
    reader->front += count;
}

enum tm_err reader_samples(struct reader *reader, uint32_t series, struct span span, const time_ms_t **times,
                           const double **values, size_t *count)
{
    struct reader_walk walk;
    struct tm_why why;
    enum tm_err err;
    reader_walk_init(&walk, series, span);
    while ((err = reader_walk_next(reader, &walk, times, values, count, &why)) == TM_OK)
        keep_given(reader, *times, *count);
    *times = reader->day.times;
    *values = reader->day.values;
    *count = reader->front;
    reader->front = 0;
    return err == TM_NOT_FOUND ? TM_OK : err;
}
