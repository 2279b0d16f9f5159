#include "storage/rollup/rollup_rows.h"

#include <stdlib.h>
#include <string.h>

#include "storage/grow.h"

/* What Prometheus writes where a series ends. */
#define STALE_BITS UINT64_C(0x7ff0000000000002)

void rollup_rows_fini(struct rollup_rows *rows)
{
    free(rows->rows);
    *rows = (struct rollup_rows){0};
}

enum tm_err rollup_rows_add(struct rollup_rows *rows, const struct rollup *row)
{
    struct rollup *grown = grow_array(rows->rows, &rows->capacity, rows->count + 1, sizeof *grown);
    if (!grown)
        return TM_NOMEM;
    rows->rows = grown;
    grown[rows->count++] = *row;
    return TM_OK;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

bool rollup_is_same(const struct rollup *a, const struct rollup *b)
{
    return a->start == b->start && a->last_time == b->last_time && a->count == b->count &&
           bits_of(a->sum) == bits_of(b->sum) && bits_of(a->min) == bits_of(b->min) &&
           bits_of(a->max) == bits_of(b->max) && bits_of(a->last) == bits_of(b->last) &&
           bits_of(a->increase) == bits_of(b->increase);
}

static bool is_stale(double value)
{
    return bits_of(value) == STALE_BITS;
}

static bool is_nan(double value)
{
    return __builtin_isnan(value);
}

static double least(double a, double b)
{
    return b < a || is_nan(a) ? b : a;
}

static double greatest(double a, double b)
{
    return b > a || is_nan(a) ? b : a;
}

/* The finite sample before. */
struct before {
    time_ms_t time;
    double value;
    bool is_there;
};

/* What value adds to a counter, and itself as the one before the next. */
static double take_increase(struct before *before, time_ms_t time, double value)
{
    double more = 0;
    if (!__builtin_isfinite(value))
        return 0;
    if (before->is_there && (uint64_t)time - (uint64_t)before->time <= (uint64_t)ROLLUP_LOOKBACK_MS)
        more = value >= before->value ? value - before->value : value;
    *before = (struct before){time, value, true};
    return more;
}

static void add_sample(struct rollup *row, time_ms_t time, double value)
{
    row->min = row->count == 0 ? value : least(row->min, value);
    row->max = row->count == 0 ? value : greatest(row->max, value);
    row->sum += value;
    row->last = value;
    row->last_time = time;
    row->count++;
}

enum tm_err rollup_compute(const struct columns *samples, struct span span, int64_t bucket_ms,
                           struct rollup_rows *out)
{
    struct before before = {.is_there = false};
    enum tm_err err = TM_OK;
    out->count = 0;
    size_t first = columns_find(samples, 0, span.from - ROLLUP_LOOKBACK_MS);
    for (size_t i = first; i < samples->count && samples->times[i] < span.to && !err; i++) {
        time_ms_t time = samples->times[i];
        if (is_stale(samples->values[i]))
            continue;
        double more = take_increase(&before, time, samples->values[i]);
        if (time < span.from)
            continue;
        time_ms_t start = time / bucket_ms * bucket_ms;
        if (out->count == 0 || out->rows[out->count - 1].start != start)
            err = rollup_rows_add(out, &(struct rollup){.start = start});
        if (err)
            break;
        struct rollup *row = &out->rows[out->count - 1];
        row->increase += more;
        add_sample(row, time, samples->values[i]);
    }
    return err;
}

void rollup_merge(struct rollup *row, const struct rollup *more)
{
    if (more->count == 0)
        return;
    if (row->count == 0) {
        *row = *more;
        return;
    }
    row->count += more->count;
    row->sum += more->sum;
    row->increase += more->increase;
    row->min = least(row->min, more->min);
    row->max = greatest(row->max, more->max);
    if (more->last_time >= row->last_time) {
        row->last = more->last;
        row->last_time = more->last_time;
    }
}
