/* Reading counts: cells, and the counters that are made of them. */
#include "storage/counts/count_days.h"
#include "storage/grow.h"
#include "storage/reader_private.h"

struct heads {
    size_t older_count; /* of the cells are of the head that is being flushed */
    uint64_t older_base;
    uint64_t base;
    time_ms_t newest_ms;
};

/* What the heads have of a series and some slots of a day. A window of the day with a higher tag than a
 * head's base holds what that head had: it was flushed in the meantime, and counts for it. */
static enum tm_err collect_heads(struct reader *reader, uint32_t series, int64_t from, int64_t to,
                                 struct heads *out)
{
    struct contents *contents = reader->contents;
    struct cells *cells = &reader->head_cells;
    cells->count = 0;
    contents_lock_shared(contents);
    enum tm_err err = count_head_collect(&contents->flushing.counts, series, from, to, cells);
    out->older_count = cells->count;
    if (!err)
        err = count_head_collect(&contents->head.counts, series, from, to, cells);
    out->older_base = contents->flushing.counts.base_lsn;
    out->base = contents->head.counts.base_lsn;
    out->newest_ms = contents->newest_ms;
    contents_unlock(contents);
    return err;
}

/* Into reader->cells: the heads first, then what is in files. The slots are of one day. */
static enum tm_err collect_cells(struct reader *reader, uint32_t series, int64_t from, int64_t to,
                                 time_ms_t *newest_ms, struct tm_why *why)
{
    reader->kept_series = 0;
    struct heads heads;
    struct cells *cells = &reader->cells;
    const struct contents *contents = reader->contents;
    uint64_t tag = 0;
    uint32_t day;
    cells->count = 0;
    enum tm_err err = collect_heads(reader, series, from, to, &heads);
    if (err)
        return tm_fail(why, err, "out of memory for counts");
    *newest_ms = heads.newest_ms;
    if (reader_is_flushed(contents, series) && from >= 0 &&
        partition_period_of(PARTITION_COUNTS, from * CELL_MS, &day) == TM_OK)
        err = count_days_collect(contents->partitions, contents->tombstones, day, series, from, to, cells,
                                 &tag, why);
    if (err)
        return err;
    if (cells_reserve(cells, reader->head_cells.count) != TM_OK)
        return tm_fail(why, TM_NOMEM, "out of memory for counts");
    for (size_t i = 0; i < reader->head_cells.count; i++) {
        const struct cell *cell = &reader->head_cells.at[i];
        uint64_t base = i < heads.older_count ? heads.older_base : heads.base;
        if (!count_head_is_stored(base, cell->age, tag))
            cells->at[cells->count++] = *cell;
    }
    reader->samples_read += cells->count;
    cells_settle(cells);
    return TM_OK;
}

/* ---- which day ---- */

static bool find_in_heads(struct contents *contents, uint32_t series, int64_t from, int64_t to, int64_t *out)
{
    int64_t other;
    *out = to;
    contents_lock_shared(contents);
    if (count_head_first(&contents->head.counts, series, from, to, &other))
        *out = other;
    if (count_head_first(&contents->flushing.counts, series, from, to, &other) && other < *out)
        *out = other;
    contents_unlock(contents);
    return *out < to;
}

bool reader_find_cells_day(struct contents *contents, uint32_t series, int64_t *from, int64_t *to)
{
    int64_t first;
    uint32_t start = 0, day;
    bool any = find_in_heads(contents, series, *from, *to, &first);
    bool is_stored = reader_is_flushed(contents, series);
    if (is_stored && *from >= 0) /* behind the year 9999 there are none */
        is_stored = partition_period_of(PARTITION_COUNTS, *from * CELL_MS, &start) == TM_OK;
    if (is_stored && partitions_next(contents->partitions, PARTITION_COUNTS, start, &day) == TM_OK) {
        int64_t stored = count_day_slot(day);
        stored = stored > *from ? stored : *from;
        if (stored < first)
            first = stored;
        any = any || stored < *to;
    }
    if (!any)
        return false;
    int64_t end = (first / CELLS_A_DAY - (first % CELLS_A_DAY < 0) + 1) * CELLS_A_DAY;
    *from = first;
    *to = end < *to ? end : *to;
    return true;
}

/* What is given: without what is private. */
static enum tm_err give_cells(struct reader *reader)
{
    const struct cells *cells = &reader->cells;
    struct reader_cell *given =
        grow_array(reader->given_cells, &reader->given_capacity, cells->count, sizeof *given);
    if (!given)
        return TM_NOMEM;
    reader->given_cells = given;
    for (size_t i = 0; i < cells->count; i++)
        given[i] = (struct reader_cell){cell_time(cells->at[i].slot), cells->at[i].cell, cells->at[i].value};
    return TM_OK;
}

/* The slots that begin in a span: times that are far off are none of ours. */
static void slots_of(struct span span, int64_t *from, int64_t *to)
{
    *from = cell_slot(span.from) + (span.from % CELL_MS != 0);
    *to = cell_slot(span.to) + (span.to % CELL_MS != 0);
}

enum tm_err reader_cells_next(struct reader *reader, struct reader_walk *walk,
                              const struct reader_cell **cells, size_t *count, struct tm_why *why)
{
    int64_t from, to, end;
    time_ms_t newest_ms;
    *count = 0;
    slots_of(walk->span, &from, &end);
    for (to = end; from < end; from = to, to = end) {
        enum tm_err err = reader_check(reader, why);
        if (err)
            return err;
        if (!reader_find_cells_day(reader->contents, walk->series, &from, &to))
            break;
        err = collect_cells(reader, walk->series, from, to, &newest_ms, why);
        if (!err)
            err = reader_check(reader, why);
        if (!err)
            err = give_cells(reader);
        if (err)
            return err;
        walk->span.from = cell_time(to);
        if (reader->cells.count == 0)
            continue;
        *cells = reader->given_cells;
        *count = reader->cells.count;
        return TM_OK;
    }
    return TM_NOT_FOUND;
}

/* ---- a counter ---- */

static enum tm_err add_point(struct columns *out, struct span span, time_ms_t time, int64_t sum)
{
    if (time < span.from || time >= span.to)
        return TM_OK;
    enum tm_err err = columns_reserve(out, 1);
    if (!err)
        columns_add(out, time, (double)sum);
    return err;
}

/* The counter of a day whose cells are in reader->cells, by those of them from chosen[0] to below chosen[1]:
 * up to newest_ms, or the last cell. */
static enum tm_err make_counter(const struct cells *cells, const uint32_t chosen[2], int64_t day,
                                time_ms_t newest_ms, struct span span, struct columns *out)
{
    time_ms_t midnight = cell_time(day + CELLS_A_DAY);
    int64_t last = cells->at[cells->count - 1].slot, sum = 0;
    size_t at = 0;
    if (newest_ms < cell_time(last))
        newest_ms = cell_time(last);
    if (cell_slot(newest_ms) > last)
        last = newest_ms < midnight ? cell_slot(newest_ms) : day + CELLS_A_DAY - 1;
    enum tm_err err = add_point(out, span, cell_time(day), 0);
    for (int64_t slot = day; slot <= last && !err; slot++) {
        time_ms_t end = cell_time(slot + 1);
        if (newest_ms < end)
            end = newest_ms > cell_time(slot) ? newest_ms : cell_time(slot) + 1;
        if (end >= midnight)
            end = midnight - 1;
        for (; at < cells->count && cells->at[at].slot == slot; at++) {
            if (cells->at[at].cell >= chosen[0] && cells->at[at].cell < chosen[1])
                (void)cell_add(&sum, cells->at[at].value);
        }
        err = add_point(out, span, end, sum);
    }
    return err;
}

enum tm_err reader_collect_counter(struct reader *reader, uint32_t series, struct span span,
                                   struct tm_why *why)
{
    struct columns *out = &reader->counter;
    int64_t day = cell_slot(span.from) / CELLS_A_DAY - (cell_slot(span.from) % CELLS_A_DAY < 0);
    time_ms_t newest_ms;
    out->count = 0;
    day *= CELLS_A_DAY;
    enum tm_err err = collect_cells(reader, series, day, day + CELLS_A_DAY, &newest_ms, why);
    if (err || reader->cells.count == 0)
        return err;
    for (size_t i = 0; i < reader->cells.count; i++) {
        if (reader->cells.at[i].cell != CELL_SUM)
            return TM_OK; /* a histogram */
    }
    const uint32_t chosen[2] = {CELL_SUM, CELL_SUM + 1};
    err = make_counter(&reader->cells, chosen, day, newest_ms, span, out);
    reader->samples_read += out->count;
    return err ? tm_fail(why, err, "out of memory for a counter") : TM_OK;
}

/* ---- the views of a histogram ---- */

/* The cells of a day, read or still there. */
static enum tm_err keep_cells(struct reader *reader, uint32_t series, int64_t day, struct tm_why *why)
{
    if (reader->kept_series == series && reader->kept_day == day)
        return TM_OK;
    enum tm_err err = collect_cells(reader, series, day, day + CELLS_A_DAY, &reader->kept_newest_ms, why);
    if (err)
        return err;
    reader->kept_series = series;
    reader->kept_day = day;
    return TM_OK;
}

static enum tm_err make_view(struct reader *reader, const struct reader_view *view, uint32_t bucket,
                             struct span span, struct tm_why *why)
{
    struct columns *out = &reader->counter;
    uint32_t chosen[2] = {CELL_SUM, CELL_SUM + 1};
    if (view->view != HISTOGRAM_SUM) {
        chosen[0] = histogram_cell(0);
        chosen[1] = view->view == HISTOGRAM_BUCKET ? histogram_cell(bucket) + 1 : UINT32_MAX;
    }
    size_t before = out->count;
    if (reader->cells.count == 0)
        return TM_OK;
    enum tm_err err =
        make_counter(&reader->cells, chosen, reader->kept_day, reader->kept_newest_ms, span, out);
    for (size_t i = before; view->view == HISTOGRAM_SUM && i < out->count; i++)
        out->values[i] /= 1e6; /* stored in microseconds */
    reader->samples_read += out->count - before;
    return err ? tm_fail(why, err, "out of memory for a histogram") : TM_OK;
}

enum tm_err reader_view_samples(struct reader *reader, const struct reader_view *view, uint32_t bucket,
                                struct span span, const time_ms_t **times, const double **values,
                                size_t *count, struct tm_why *why)
{
    int64_t end = cell_slot(span.to) + (span.to % CELL_MS != 0), from = cell_slot(span.from), to;
    /* A day's counter begins at its midnight, so cells before the span count. */
    from = (from / CELLS_A_DAY - (from % CELLS_A_DAY < 0)) * CELLS_A_DAY;
    enum tm_err err = TM_OK;
    reader->counter.count = 0;
    for (to = end; !err && from < end; to = end) {
        err = reader_check(reader, why);
        if (err || !reader_find_cells_day(reader->contents, view->series, &from, &to))
            break;
        int64_t day = (from / CELLS_A_DAY - (from % CELLS_A_DAY < 0)) * CELLS_A_DAY;
        err = keep_cells(reader, view->series, day, why);
        if (!err)
            err = make_view(reader, view, bucket, span, why);
        from = day + CELLS_A_DAY;
    }
    *times = reader->counter.times;
    *values = reader->counter.values;
    *count = err ? 0 : reader->counter.count;
    return err;
}
