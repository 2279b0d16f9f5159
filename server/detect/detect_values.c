#include "server/detect/detect_values.h"

#include <math.h>
#include <string.h>

#include "storage/model/cell.h"
#include "storage/model/histogram.h"

/* A counter's rate is taken from the sample before the minute, if that is no older. */
enum { BEFORE_MS = 5 * 60000, P50_VALUES = 10, P95_VALUES = 20 };

static bool starts_with(struct str name, struct str prefix)
{
    return name.len >= prefix.len && memcmp(name.ptr, prefix.ptr, prefix.len) == 0;
}

static bool ends_with(struct str name, struct str end)
{
    return name.len >= end.len && memcmp(name.ptr + name.len - end.len, end.ptr, end.len) == 0;
}

enum detect_kind detect_kind_of(struct str metric)
{
    static const char *const ends[] = {"_total", "_sum", "_count", "_bucket"};
    if (histogram_is_base(metric))
        return DETECT_HISTOGRAM;
    if (starts_with(metric, STR("tally_")) || str_equal(metric, STR("http_events_total")) ||
        str_equal(metric, STR("http_event_bytes_total")) || str_equal(metric, STR("exception_events_total")))
        return DETECT_COUNTS;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (ends_with(metric, str_of(ends[i])))
            return DETECT_COUNTER;
    }
    return DETECT_GAUGE;
}

bool detect_is_own(struct str metric)
{
    return str_equal(metric, STR("anomaly_score")) || starts_with(metric, STR("tidemark_"));
}

static int64_t minute_of(time_ms_t time, int64_t step_ms)
{
    return time / step_ms - (time % step_ms < 0);
}

static struct span span_of(int64_t from, int64_t to, int64_t step_ms)
{
    return (struct span){from * step_ms, to * step_ms};
}

/* ---- samples ---- */

static void take_gauge(const struct detect_window *window, const time_ms_t *times, const double *values,
                       size_t count, double *out)
{
    for (size_t i = 0; i < count;) {
        int64_t minute = minute_of(times[i], window->step_ms);
        double sum = 0;
        int64_t n = 0;
        for (; i < count && minute_of(times[i], window->step_ms) == minute; i++) {
            if (isfinite(values[i])) {
                sum += values[i];
                n++;
            }
        }
        if (n > 0)
            out[minute - window->from] = sum / (double)n;
    }
}

/* The rate from the sample before the minute to its last one. */
static void take_counter(const struct detect_window *window, const time_ms_t *times, const double *values,
                         size_t count, double *out)
{
    size_t before = SIZE_MAX;
    for (size_t i = 0; i < count;) {
        int64_t minute = minute_of(times[i], window->step_ms);
        size_t end = i;
        double rise = 0;
        while (end < count && minute_of(times[end], window->step_ms) == minute)
            end++;
        size_t from = before != SIZE_MAX && times[i] - times[before] <= BEFORE_MS ? before : i;
        for (size_t k = from + 1; k < end; k++)
            rise += values[k] >= values[k - 1] ? values[k] - values[k - 1] : values[k];
        if (minute >= window->from && end - 1 > from && isfinite(rise))
            out[minute - window->from] =
                rise * (double)window->step_ms / (double)(times[end - 1] - times[from]);
        before = end - 1;
        i = end;
    }
}

static enum tm_err read_samples(struct reader *reader, uint32_t series, enum detect_kind kind,
                                const struct detect_window *window, double *out, int64_t *last)
{
    const time_ms_t *times;
    const double *values;
    size_t count;
    struct span span = span_of(window->from, window->to, window->step_ms);
    if (kind == DETECT_COUNTER)
        span.from -= BEFORE_MS;
    enum tm_err err = reader_samples(reader, series, span, &times, &values, &count);
    if (err)
        return err;
    if (kind == DETECT_COUNTER)
        take_counter(window, times, values, count, out);
    else
        take_gauge(window, times, values, count, out);
    if (count > 0 && minute_of(times[count - 1], window->step_ms) >= window->from)
        *last = minute_of(times[count - 1], window->step_ms);
    return TM_OK;
}

/* ---- counts ---- */

/* A histogram's minute that is being summed up. */
struct spread {
    int64_t minute;
    uint64_t total;
    uint64_t counts[HISTOGRAM_BUCKETS];
};

/* The middle of the bucket in which this share of the values lies, in seconds. */
static double quantile(const struct spread *spread, double share)
{
    double rank = share * (double)spread->total;
    uint64_t seen = 0;
    uint32_t bucket = 0;
    for (; bucket < HISTOGRAM_LAST; bucket++) {
        seen += spread->counts[bucket];
        if ((double)seen >= rank && seen > 0)
            break;
    }
    double low = (double)histogram_lowest(bucket);
    double high = bucket == HISTOGRAM_LAST ? low : (double)histogram_highest(bucket);
    return (low + high) / 2e6;
}

static void close_spread(struct spread *spread, const struct detect_window *window, double *columns)
{
    int64_t at = spread->minute - window->from;
    if (spread->total >= P50_VALUES)
        columns[at] = quantile(spread, 0.5);
    if (spread->total >= P95_VALUES)
        columns[DETECT_SPAN_MINUTES + at] = quantile(spread, 0.95);
    spread->total = 0;
    memset(spread->counts, 0, sizeof spread->counts);
}

static enum tm_err read_histogram(struct reader *reader, uint32_t series, const struct detect_window *window,
                                  double *columns, int64_t *last)
{
    struct spread spread = {.minute = DETECT_NEVER};
    struct reader_walk walk;
    const struct reader_cell *cells;
    struct tm_why why;
    size_t count;
    enum tm_err err;
    reader_walk_init(&walk, series, span_of(window->from, window->to, window->step_ms));
    while ((err = reader_cells_next(reader, &walk, &cells, &count, &why)) == TM_OK) {
        for (size_t i = 0; i < count; i++) {
            int64_t minute = minute_of(cells[i].time, window->step_ms);
            if (minute != spread.minute && spread.minute != DETECT_NEVER)
                close_spread(&spread, window, columns);
            spread.minute = *last = minute;
            if (cells[i].cell == CELL_SUM || cells[i].cell > HISTOGRAM_BUCKETS || cells[i].value < 0)
                continue;
            spread.counts[cells[i].cell - 1] += (uint64_t)cells[i].value;
            spread.total += (uint64_t)cells[i].value;
        }
    }
    if (spread.minute != DETECT_NEVER)
        close_spread(&spread, window, columns);
    return err == TM_NOT_FOUND ? TM_OK : err;
}

/* Minutes without events count as 0, for a day behind the last ones. */
static void fill_zeros(const struct detect_window *window, struct detect_seen *seen, double *out)
{
    int64_t last = seen->seen;
    seen->seen_at = window->settled;
    for (int64_t minute = window->from; minute < window->to; minute++) {
        double *value = &out[minute - window->from];
        if (minute == window->settled)
            seen->seen = last;
        if (!isnan(*value))
            last = minute;
        else if (last != DETECT_NEVER && minute - last <= DETECT_ZERO_MINUTES)
            *value = 0;
    }
    if (window->settled >= window->to)
        seen->seen = last;
}

static enum tm_err read_counts(struct reader *reader, uint32_t series, const struct detect_window *window,
                               struct detect_seen *seen, double *out, int64_t *last)
{
    int64_t from = window->from;
    struct reader_walk walk;
    const struct reader_cell *cells;
    struct tm_why why;
    size_t count;
    enum tm_err err;
    if (seen->seen_at != window->from) {
        seen->seen = DETECT_NEVER;
        from -= DETECT_ZERO_MINUTES;
    }
    reader_walk_init(&walk, series, span_of(from, window->to, window->step_ms));
    while ((err = reader_cells_next(reader, &walk, &cells, &count, &why)) == TM_OK) {
        for (size_t i = 0; i < count; i++) {
            int64_t minute = minute_of(cells[i].time, window->step_ms);
            if (cells[i].cell != CELL_SUM)
                continue;
            if (minute < window->from) {
                seen->seen = minute;
                continue;
            }
            double *value = &out[minute - window->from];
            *value = isnan(*value) ? (double)cells[i].value : *value + (double)cells[i].value;
            *last = minute;
        }
    }
    if (err == TM_NOT_FOUND)
        fill_zeros(window, seen, out);
    return err == TM_NOT_FOUND ? TM_OK : err;
}

/* ---- any ---- */

enum tm_err detect_values_read(struct reader *reader, uint32_t series, enum detect_kind kind,
                               const struct detect_window *window, struct detect_seen *seen, double *columns,
                               int64_t *last)
{
    int64_t count = window->to - window->from;
    *last = DETECT_NEVER;
    for (int64_t i = 0; i < count; i++)
        columns[i] = columns[DETECT_SPAN_MINUTES + i] = NAN;
    if (kind == DETECT_HISTOGRAM)
        return read_histogram(reader, series, window, columns, last);
    if (kind == DETECT_COUNTS)
        return read_counts(reader, series, window, seen, columns, last);
    return read_samples(reader, series, kind, window, columns, last);
}

static bool is_of_cells(enum detect_kind kind)
{
    return kind == DETECT_COUNTS || kind == DETECT_HISTOGRAM;
}

enum tm_err detect_values_first(struct reader *reader, uint32_t series, enum detect_kind kind, int64_t from,
                                int64_t step_ms, int64_t *out)
{
    struct reader_walk walk;
    const struct reader_cell *cells;
    const time_ms_t *times;
    const double *values;
    struct tm_why why;
    size_t count;
    *out = DETECT_NEVER;
    reader_walk_init(&walk, series, (struct span){from * step_ms, INT64_MAX});
    enum tm_err err = is_of_cells(kind) ? reader_cells_next(reader, &walk, &cells, &count, &why)
                                        : reader_walk_next(reader, &walk, &times, &values, &count, &why);
    if (!err)
        *out = minute_of(is_of_cells(kind) ? cells[0].time : times[0], step_ms);
    return err == TM_NOT_FOUND ? TM_OK : err;
}

enum tm_err detect_values_newest(struct reader *reader, uint32_t series, enum detect_kind kind,
                                 struct span span, time_ms_t *out)
{
    struct reader_walk walk;
    const struct reader_cell *cells;
    const time_ms_t *times;
    const double *values;
    struct tm_why why;
    size_t count;
    enum tm_err err;
    *out = DETECT_NEVER;
    reader_walk_init(&walk, series, span);
    for (;;) {
        err = is_of_cells(kind) ? reader_cells_next(reader, &walk, &cells, &count, &why)
                                : reader_walk_next(reader, &walk, &times, &values, &count, &why);
        if (err)
            return err == TM_NOT_FOUND ? TM_OK : err;
        *out = is_of_cells(kind) ? cells[count - 1].time : times[count - 1];
    }
}
