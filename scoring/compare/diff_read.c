#include "scoring/compare/diff_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "storage/model/cell.h"

#define MINUTE_MS INT64_C(60000)
#define US_PER_S  1e6

enum { WINDOW_BINS = 120 };

struct diff_room {
    size_t capacity;
    double *values;            /* a bin each, of one span behind the other; NaN: nothing is known */
    struct score_tally *tally; /* likewise, for the dispersion */
    uint64_t before[HISTOGRAM_BUCKETS], after[HISTOGRAM_BUCKETS];
    struct score_bin bins[2][HISTOGRAM_BUCKETS];
};

/* ---- kinds ---- */

static bool ends_with(struct str text, struct str end)
{
    return text.len >= end.len && memcmp(text.ptr + text.len - end.len, end.ptr, end.len) == 0;
}

static bool begins_with(struct str text, struct str begin)
{
    return text.len >= begin.len && memcmp(text.ptr, begin.ptr, begin.len) == 0;
}

enum diff_kind diff_kind_of(struct str metric, bool has_le)
{
    if (begins_with(metric, STR("tidemark_")) || str_equal(metric, STR("anomaly_score")) || has_le)
        return DIFF_LEFT_OUT;
    if (histogram_is_base(metric))
        return DIFF_HISTOGRAM;
    if (str_equal(metric, STR("http_events_total")) || str_equal(metric, STR("exception_events_total")))
        return DIFF_COUNTS;
    if (str_equal(metric, STR("http_event_bytes_total")))
        return DIFF_SUMS;
    bool is_sum = ends_with(metric, STR("_sum"));
    if (begins_with(metric, STR("tally_")) && (is_sum || ends_with(metric, STR("_total"))))
        return is_sum ? DIFF_SUMS : DIFF_COUNTS;
    bool is_counter = is_sum || ends_with(metric, STR("_total")) || ends_with(metric, STR("_count"));
    return is_counter ? DIFF_COUNTER : DIFF_GAUGE;
}

/* ---- bins ---- */

static int64_t length_of(struct span span)
{
    return span.to > span.from ? span.to - span.from : 0;
}

static int64_t normal_ms(const struct diff_windows *windows)
{
    int64_t sum = 0;
    for (size_t i = 0; i < windows->normal_count; i++)
        sum += length_of(windows->normal[i]);
    return sum;
}

static int64_t divide_up(int64_t a, int64_t b)
{
    return a / b + (a % b > 0);
}

int64_t diff_bin_ms(const struct diff_windows *windows)
{
    int64_t by_window = divide_up(length_of(windows->observed), WINDOW_BINS * MINUTE_MS);
    int64_t by_all = divide_up(normal_ms(windows), DIFF_BINS_MAX * MINUTE_MS);
    int64_t minutes = by_window > by_all ? by_window : by_all;
    return minutes > 1 ? minutes * MINUTE_MS : MINUTE_MS;
}

static size_t bins_of(struct span span, int64_t bin_ms)
{
    return (size_t)divide_up(length_of(span), bin_ms);
}

struct diff_room *diff_room_new(const struct diff_windows *windows)
{
    size_t most = bins_of(windows->observed, windows->bin_ms), normal = 0;
    for (size_t i = 0; i < windows->normal_count; i++)
        normal += bins_of(windows->normal[i], windows->bin_ms);
    most = most > normal ? most : normal;
    struct diff_room *room = calloc(1, sizeof *room);
    if (!room)
        return NULL;
    room->capacity = most;
    room->values = calloc(most + 1, sizeof *room->values);
    room->tally = calloc(most + 1, sizeof *room->tally);
    if (room->values && room->tally)
        return room;
    diff_room_free(room);
    return NULL;
}

void diff_room_free(struct diff_room *room)
{
    if (!room)
        return;
    free(room->values);
    free(room->tally);
    free(room);
}

/* ---- samples ---- */

struct gather {
    double *values;            /* of the bins of a span */
    struct score_tally *tally; /* trials: how many samples a bin has */
    double last;               /* of a counter; NaN: none yet */
    bool is_counter;
};

static void add_sample(struct gather *gather, size_t bin, double value)
{
    if (!isfinite(value))
        return;
    double add = value;
    if (gather->is_counter) {
        double last = gather->last;
        gather->last = value;
        if (isnan(last))
            return;
        add = value < last ? value : value - last;
    }
    if (isnan(gather->values[bin]))
        gather->values[bin] = 0;
    gather->values[bin] += add;
    gather->tally[bin].trials += 1;
}

/* Fills the bins of a span: means, or rises. */
static enum tm_err read_samples(struct reader *reader, uint32_t series, const struct span *span,
                                int64_t bin_ms, struct gather *gather, struct tm_why *why)
{
    struct reader_walk walk;
    const time_ms_t *times;
    const double *read;
    size_t count, bins = bins_of(*span, bin_ms);
    enum tm_err err;
    for (size_t i = 0; i < bins; i++) {
        gather->values[i] = NAN;
        gather->tally[i].trials = 0;
    }
    reader_walk_init(&walk, series, *span);
    while ((err = reader_walk_next(reader, &walk, &times, &read, &count, why)) == TM_OK)
        for (size_t i = 0; i < count; i++)
            add_sample(gather, (size_t)((times[i] - span->from) / bin_ms), read[i]);
    for (size_t i = 0; i < bins && !gather->is_counter; i++)
        if (gather->tally[i].trials > 1)
            gather->values[i] /= gather->tally[i].trials;
    return err == TM_NOT_FOUND ? TM_OK : err;
}

/* The sums of cell 0; 0 where there are none. */
static enum tm_err read_sums(struct reader *reader, uint32_t series, const struct span *span, int64_t bin_ms,
                             double *values, struct tm_why *why)
{
    struct reader_walk walk;
    const struct reader_cell *cells;
    size_t count, bins = bins_of(*span, bin_ms);
    enum tm_err err;
    for (size_t i = 0; i < bins; i++)
        values[i] = 0;
    reader_walk_init(&walk, series, *span);
    while ((err = reader_cells_next(reader, &walk, &cells, &count, why)) == TM_OK)
        for (size_t i = 0; i < count; i++)
            if (cells[i].cell == CELL_SUM)
                values[(cells[i].time - span->from) / bin_ms] += (double)cells[i].value;
    return err == TM_NOT_FOUND ? TM_OK : err;
}

static enum tm_err read_bins(struct reader *reader, uint32_t series, enum diff_kind kind,
                             const struct span *span, int64_t bin_ms, struct diff_room *room, size_t at,
                             struct tm_why *why)
{
    if (kind == DIFF_COUNTS || kind == DIFF_SUMS)
        return read_sums(reader, series, span, bin_ms, room->values + at, why);
    struct gather gather = {room->values + at, room->tally, NAN, kind == DIFF_COUNTER};
    return read_samples(reader, series, span, bin_ms, &gather, why);
}

/* Reads the normal spans one behind the other; *bins: how many there are. */
static enum tm_err read_normal(struct reader *reader, uint32_t series, enum diff_kind kind,
                               const struct diff_windows *windows, struct diff_room *room, size_t *bins,
                               struct tm_why *why)
{
    enum tm_err err = TM_OK;
    *bins = 0;
    for (size_t i = 0; i < windows->normal_count && !err; i++) {
        err = read_bins(reader, series, kind, &windows->normal[i], windows->bin_ms, room, *bins, why);
        *bins += bins_of(windows->normal[i], windows->bin_ms);
    }
    return err;
}

/* ---- what differs ---- */

/* The last bin may be shorter than the others: trials are bins, in parts. */
static double trials_of(struct span span, int64_t bin_ms)
{
    return (double)length_of(span) / (double)bin_ms;
}

static double sum_of(const double *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return fmax(sum, 0);
}

/* Of a span beside normal. */
static enum tm_err count_span(struct reader *reader, uint32_t series, const struct span *span, int64_t bin_ms,
                              struct diff_room *room, struct score_tally *out, struct tm_why *why)
{
    enum tm_err err = read_sums(reader, series, span, bin_ms, room->values, why);
    *out = (struct score_tally){err ? 0 : sum_of(room->values, bins_of(*span, bin_ms)),
                                trials_of(*span, bin_ms)};
    return err;
}

static enum tm_err diff_counts(struct reader *reader, uint32_t series, const struct diff_windows *windows,
                               struct diff_room *room, struct score_diff *out, struct tm_why *why)
{
    size_t bins;
    double most = 1e12;
    struct score_tally normal = {0, 0}, observed, before;
    enum tm_err err = read_normal(reader, series, DIFF_COUNTS, windows, room, &bins, why);
    if (err)
        return err;
    for (size_t i = 0; i < bins; i++)
        room->tally[i] = (struct score_tally){fmax(room->values[i], 0), 1};
    normal.hits = sum_of(room->values, bins);
    for (size_t i = 0; i < windows->normal_count; i++)
        normal.trials += trials_of(windows->normal[i], windows->bin_ms);
    double dispersion = score_dispersion(SCORE_POISSON, room->tally, bins, most);
    err = count_span(reader, series, &windows->before, windows->bin_ms, room, &before, why);
    if (!err)
        err = count_span(reader, series, &windows->observed, windows->bin_ms, room, &observed, why);
    if (err)
        return err;
    struct score_diff was = score_diff_counts(normal, before, dispersion);
    *out = score_diff_since(score_diff_counts(normal, observed, dispersion), &was);
    return TM_OK;
}

/* What is known stands in front afterwards. */
static struct score_moments moments_of(double *values, size_t bins, size_t *known)
{
    struct score_moments moments = {0, 0, 0};
    *known = 0;
    for (size_t i = 0; i < bins; i++) {
        if (isnan(values[i]))
            continue;
        values[(*known)++] = values[i];
        score_moments_add(&moments, values[*known - 1]);
    }
    return moments;
}

/* What is normal of a gauge, or of what is looked at as one. */
struct level {
    struct score_moments normal;
    double persistence;
};

/* A span of it beside normal; a gauge that was nothing but 0 has moved by ten spreads. */
static enum tm_err level_span(struct reader *reader, uint32_t series, enum diff_kind kind,
                              const struct span *span, int64_t bin_ms, const struct level *level,
                              struct diff_room *room, struct score_diff *out, struct tm_why *why)
{
    enum { SPREADS_OFF_ZERO = 10 };
    size_t known;
    enum tm_err err = read_bins(reader, series, kind, span, bin_ms, room, 0, why);
    if (err)
        return err;
    struct score_moments raw = moments_of(room->values, bins_of(*span, bin_ms), &known), bounded = {0, 0, 0};
    double resolution = score_diff_spread(&level->normal, 0) > 0 ? 0 : fabs(raw.mean) / SPREADS_OFF_ZERO;
    double spread = score_diff_spread(&level->normal, resolution);
    for (size_t i = 0; i < known; i++)
        score_moments_add(&bounded, score_diff_bounded(room->values[i], &level->normal, spread));
    *out = score_diff_gauge(&level->normal, &bounded, level->persistence, resolution);
    out->observed = raw.mean;
    return TM_OK;
}

static enum tm_err diff_gauge(struct reader *reader, uint32_t series, enum diff_kind kind,
                              const struct diff_windows *windows, struct diff_room *room,
                              struct score_diff *out, struct tm_why *why)
{
    size_t bins, known;
    struct score_diff before = {.score = 0};
    enum tm_err err = read_normal(reader, series, kind, windows, room, &bins, why);
    if (err)
        return err;
    struct level level = {.normal = moments_of(room->values, bins, &known)};
    level.persistence = score_persistence(room->values, known);
    err = level_span(reader, series, kind, &windows->before, windows->bin_ms, &level, room, &before, why);
    if (!err)
        err = level_span(reader, series, kind, &windows->observed, windows->bin_ms, &level, room, out, why);
    if (!err && before.error > 0)
        *out = score_diff_since(*out, &before);
    return err;
}

static enum tm_err read_histogram(struct reader *reader, uint32_t series, struct span span, uint64_t *buckets,
                                  struct tm_why *why)
{
    struct reader_walk walk;
    const struct reader_cell *cells;
    size_t count;
    enum tm_err err;
    reader_walk_init(&walk, series, span);
    while ((err = reader_cells_next(reader, &walk, &cells, &count, why)) == TM_OK)
        for (size_t i = 0; i < count; i++)
            if (cells[i].cell != CELL_SUM && cells[i].cell <= HISTOGRAM_BUCKETS && cells[i].value > 0)
                buckets[cells[i].cell - 1] += (uint64_t)cells[i].value;
    return err == TM_NOT_FOUND ? TM_OK : err;
}

static struct score_bins make_sparse(const uint64_t *buckets, struct score_bin *at)
{
    size_t count = 0;
    for (uint32_t b = 0; b < HISTOGRAM_BUCKETS; b++)
        if (buckets[b] > 0)
            at[count++] = (struct score_bin){b, buckets[b]};
    return (struct score_bins){at, count};
}

static enum tm_err histogram_span(struct reader *reader, uint32_t series, const struct span *span,
                                  struct score_bins normal, struct diff_room *room, struct score_diff *out,
                                  struct tm_why *why)
{
    memset(room->after, 0, sizeof room->after);
    enum tm_err err = read_histogram(reader, series, *span, room->after, why);
    *out = score_diff_histogram(normal, make_sparse(room->after, room->bins[1]), 0);
    return err;
}

static enum tm_err diff_histogram(struct reader *reader, uint32_t series, const struct diff_windows *windows,
                                  struct diff_room *room, struct score_diff *out, struct tm_why *why)
{
    struct score_diff before = {.score = 0};
    enum tm_err err = TM_OK;
    memset(room->before, 0, sizeof room->before);
    for (size_t i = 0; i < windows->normal_count && !err; i++)
        err = read_histogram(reader, series, windows->normal[i], room->before, why);
    struct score_bins normal = make_sparse(room->before, room->bins[0]);
    if (!err)
        err = histogram_span(reader, series, &windows->before, normal, room, &before, why);
    if (!err)
        err = histogram_span(reader, series, &windows->observed, normal, room, out, why);
    if (!err && before.error > 0)
        *out = score_diff_since(*out, &before);
    return err;
}

enum tm_err diff_read(struct reader *reader, uint32_t series, enum diff_kind kind,
                      const struct diff_windows *windows, struct diff_room *room, struct score_diff *out,
                      struct tm_why *why)
{
    double a_minute = (double)MINUTE_MS / (double)windows->bin_ms;
    enum tm_err err = kind == DIFF_COUNTS      ? diff_counts(reader, series, windows, room, out, why)
                      : kind == DIFF_HISTOGRAM ? diff_histogram(reader, series, windows, room, out, why)
                                               : diff_gauge(reader, series, kind, windows, room, out, why);
    if (err)
        return err;
    double scale = kind == DIFF_GAUGE ? 1 : kind == DIFF_HISTOGRAM ? 1 / US_PER_S : a_minute;
    out->observed *= scale;
    out->normal *= scale;
    return TM_OK;
}

enum tm_err diff_bins(struct reader *reader, uint32_t series, enum diff_kind kind, const struct span *span,
                      int64_t bin_ms, struct diff_room *room, double *out, struct tm_why *why)
{
    enum tm_err err = read_bins(reader, series, kind, span, bin_ms, room, 0, why);
    if (!err)
        memcpy(out, room->values, bins_of(*span, bin_ms) * sizeof *out);
    return err;
}

enum tm_err diff_probe(struct reader *reader, uint32_t series, enum diff_kind kind, struct span span,
                       bool *has_some, struct tm_why *why)
{
    struct reader_walk walk;
    const struct reader_cell *cells;
    const time_ms_t *times;
    const double *values;
    size_t count = 0;
    bool is_exact = kind == DIFF_COUNTS || kind == DIFF_SUMS || kind == DIFF_HISTOGRAM;
    reader_walk_init(&walk, series, span);
    enum tm_err err = is_exact ? reader_cells_next(reader, &walk, &cells, &count, why)
                               : reader_walk_next(reader, &walk, &times, &values, &count, why);
    *has_some = !err && count > 0;
    return err == TM_NOT_FOUND ? TM_OK : err;
}
