#include "server/promql/tier.h"

#include <math.h>
#include <stdlib.h>

enum { FIVE_MINUTES_MS = 5 * 60 * 1000, HOUR_MS = 60 * 60 * 1000 };

static time_ms_t floor_to(time_ms_t time, int64_t bucket_ms)
{
    int64_t rest = time % bucket_ms;
    return time - (rest < 0 ? rest + bucket_ms : rest);
}

/* Have rows an answer for it? */
static bool is_of_rows(enum function_id function)
{
    switch (function) {
    case FUNCTION_SUM_OVER_TIME:
    case FUNCTION_COUNT_OVER_TIME:
    case FUNCTION_AVG_OVER_TIME:
    case FUNCTION_MIN_OVER_TIME:
    case FUNCTION_MAX_OVER_TIME:
    case FUNCTION_LAST_OVER_TIME:
    case FUNCTION_PRESENT_OVER_TIME:
    case FUNCTION_INCREASE:
    case FUNCTION_RATE:
        return true;
    default:
        return false;
    }
}

int64_t tier_bucket_ms(const struct window_plan *plan, enum function_id function)
{
    bool fits = plan && plan->timeline.count > 0 && is_of_rows(function) && plan->range_ms % HOUR_MS == 0 &&
                window_end(plan, 0) % HOUR_MS == 0 &&
                (plan->is_fixed || plan->timeline.count < 2 || plan->timeline.step_ms % HOUR_MS == 0);
    return fits ? HOUR_MS : FIVE_MINUTES_MS;
}

void tier_fini(struct tier_rows *rows)
{
    free(rows->at);
    free(rows->times);
    free(rows->values);
    *rows = (struct tier_rows){0};
}

/* ---- reading ---- */

static enum tm_err no_memory(struct tm_why *why)
{
    return tm_fail(why, TM_NOMEM, "out of memory: ask for less time, fewer series or a longer step");
}

struct adding {
    struct tier_rows *rows;
    size_t at; /* where the next rows go */
};

static enum tm_err add_rows(void *arg, const struct rollup *more, size_t count)
{
    struct adding *adding = arg;
    struct tier_rows *rows = adding->rows;
    if (rows->count + count > rows->capacity) {
        size_t wanted = (rows->count + count) * 2;
        struct rollup *at = realloc(rows->at, wanted * sizeof *at);
        if (!at)
            return TM_NOMEM;
        rows->at = at;
        rows->capacity = wanted;
    }
    memmove(rows->at + adding->at + count, rows->at + adding->at,
            (rows->count - adding->at) * sizeof *rows->at);
    memcpy(rows->at + adding->at, more, count * sizeof *more);
    rows->count += count;
    adding->at += count;
    return TM_OK;
}

/* Rows of 5 minutes go before those of an hour do: then these stand for the time before. */
enum tm_err tier_read(const struct tier *tier, const struct source *source, void *self, uint64_t series,
                      struct span span, struct tier_rows *rows, struct tm_why *why)
{
    struct adding adding = {rows, 0};
    int64_t range_ms = tier->plan ? tier->plan->range_ms : 0;
    time_ms_t from = span.from > tier->bucket_ms ? span.from : tier->bucket_ms; /* none before 1970 */
    from = floor_to(from, tier->bucket_ms) - tier->bucket_ms;
    time_ms_t to = tier->raw_ms + range_ms < span.to ? tier->raw_ms + range_ms : span.to;
    rows->count = rows->hours = 0;
    enum tm_err err =
        source->rollups(self, series, tier->bucket_ms, (struct span){from, to}, add_rows, &adding, why);
    time_ms_t first = rows->count > 0 ? rows->at[0].start : tier->raw_ms;
    if (err || tier->bucket_ms == HOUR_MS || first - from < 2 * HOUR_MS)
        return err == TM_NOMEM ? no_memory(why) : err;
    adding.at = 0;
    const struct span before = {floor_to(from, HOUR_MS) - HOUR_MS,
                                floor_to(first < to ? first : to, HOUR_MS)};
    err = source->rollups(self, series, HOUR_MS, before, add_rows, &adding, why);
    rows->hours = adding.at;
    return err == TM_NOMEM ? no_memory(why) : err;
}

enum tm_err tier_join(const struct tier *tier, struct tier_rows *rows, struct samples *samples)
{
    size_t wanted = rows->count + samples->count, count = 0;
    if (wanted > rows->sample_capacity) {
        free(rows->times);
        free(rows->values);
        rows->times = malloc(wanted * sizeof *rows->times);
        rows->values = malloc(wanted * sizeof *rows->values);
        rows->sample_capacity = rows->times && rows->values ? wanted : 0;
        if (rows->sample_capacity == 0)
            return TM_NOMEM;
    }
    for (size_t i = 0; i < rows->count && rows->at[i].start < tier->raw_ms; i++) {
        rows->times[count] = rows->at[i].last_time;
        rows->values[count++] = rows->at[i].last;
    }
    if (samples->count > 0) {
        memcpy(rows->times + count, samples->times, samples->count * sizeof *rows->times);
        memcpy(rows->values + count, samples->values, samples->count * sizeof *rows->values);
    }
    *samples = (struct samples){rows->times, rows->values, count + samples->count};
    return TM_OK;
}

/* ---- values ---- */

static time_ms_t row_end(const struct tier *tier, const struct tier_rows *rows, size_t row)
{
    return rows->at[row].start + (row < rows->hours ? HOUR_MS : tier->bucket_ms);
}

/* The first row that begins at time or later. */
static size_t find_row(const struct tier_rows *rows, time_ms_t time)
{
    size_t low = 0, high = rows->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (rows->at[middle].start < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void add_row(struct rollup *sum, const struct rollup *row)
{
    sum->min = sum->count > 0 ? fmin(sum->min, row->min) : row->min;
    sum->max = sum->count > 0 ? fmax(sum->max, row->max) : row->max;
    sum->count += row->count;
    sum->sum += row->sum;
    sum->last = row->last;
    sum->increase += row->increase;
}

/* part: how much of the rows' time the window is. */
static double value_of(enum function_id function, const struct rollup *sum, double part, int64_t rows_ms)
{
    switch (function) {
    case FUNCTION_SUM_OVER_TIME:
        return sum->sum * part;
    case FUNCTION_COUNT_OVER_TIME:
        return (double)sum->count * part;
    case FUNCTION_AVG_OVER_TIME:
        return sum->sum / (double)sum->count;
    case FUNCTION_MIN_OVER_TIME:
        return sum->min;
    case FUNCTION_MAX_OVER_TIME:
        return sum->max;
    case FUNCTION_INCREASE:
        return sum->increase * part;
    case FUNCTION_RATE:
        return sum->increase / ((double)rows_ms / 1000);
    case FUNCTION_PRESENT_OVER_TIME:
        return 1;
    default:
        return sum->last;
    }
}

/* The length of rows at a time. */
static int64_t bucket_at(const struct tier *tier, const struct tier_rows *rows, time_ms_t time)
{
    return rows->hours > 0 && time <= row_end(tier, rows, rows->hours - 1) ? HOUR_MS : tier->bucket_ms;
}

static double compute_window(const struct tier *tier, const struct tier_rows *rows, time_ms_t end)
{
    int64_t range_ms = tier->plan->range_ms, bucket_ms = bucket_at(tier, rows, end);
    time_ms_t to = floor_to(end, bucket_ms);
    time_ms_t from = floor_to(end - range_ms, bucket_at(tier, rows, end - range_ms));
    struct rollup sum = {0};
    if (from > to - bucket_ms)
        from = to - bucket_ms;
    for (size_t row = find_row(rows, from); row < rows->count && row_end(tier, rows, row) <= to; row++)
        add_row(&sum, &rows->at[row]);
    double part = range_ms == to - from ? 1 : (double)range_ms / (double)(to - from);
    return sum.count > 0 ? value_of(tier->function, &sum, part, to - from) : absent();
}

/* A selector: the last row's last sample, as if it stood at the row's end. */
static double find_last(const struct tier *tier, const struct tier_rows *rows, time_ms_t at)
{
    size_t row = find_row(rows, at);
    while (row > 0 && rows->at[row - 1].last_time > at)
        row--;
    if (row == 0 || rows->at[row - 1].start >= tier->raw_ms)
        return absent();
    return at - row_end(tier, rows, row - 1) <= tier->plan->range_ms ? rows->at[row - 1].last : absent();
}

void tier_fill(const struct tier *tier, const struct tier_rows *rows, double *column)
{
    for (size_t step = 0; step < tier->plan->timeline.count; step++) {
        time_ms_t end = window_end(tier->plan, step);
        if (end - tier->plan->range_ms >= tier->raw_ms)
            continue;
        if (is_of_rows(tier->function))
            column[step] = compute_window(tier, rows, end);
        else if (tier->function == FUNCTION_COUNT && is_absent(column[step]))
            column[step] = find_last(tier, rows, end);
    }
}
