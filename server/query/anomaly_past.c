#include "server/query/anomaly_past.h"

#include <math.h>
#include <stdlib.h>

#include "storage/model/when.h"

enum { STEP_SERIES = 32, BLOCK_STEPS = 1440, WIDTH_MAX = ANOMALY_PAST_VALUES };

#define SECOND_MS INT64_C(1000)
#define HOUR_MS   (3600 * SECOND_MS)
#define DAY_MS    (24 * HOUR_MS)

_Static_assert((int)BLOCK_STEPS <= (int)DETECT_SPAN_MINUTES, "a block is read at once");

void anomaly_past_fini(struct anomaly_past *past)
{
    anomaly_series_fini(&past->of);
    index_ids_fini(&past->ids);
    free(past->roles);
    free(past->seen);
    free(past->columns);
    free(past->part);
    free(past->whole);
    *past = (struct anomaly_past){.step_ms = 0};
}

enum tm_err anomaly_past_begin(struct anomaly_past *past, const struct finding *finding)
{
    time_ms_t time = finding->time, end = finding->end;
    bool is_ours = time > 0 && time < WHEN_LAST_MS && end >= time + SECOND_MS && end <= time + HOUR_MS;
    *past = (struct anomaly_past){.step_ms = is_ours ? end - time : 0};
    if (!is_ours)
        return TM_NOT_FOUND;
    past->to = time / past->step_ms + 1;
    return anomaly_series_read(finding->body, &past->of);
}

/* ---- which series ---- */

/* Keeps those that have a role. */
static enum tm_err choose(struct anomaly_past *past, const struct reader *reader)
{
    struct bytes labels = {0};
    size_t kept = 0;
    past->roles = calloc(past->ids.count + 1, sizeof *past->roles);
    if (!past->roles)
        return TM_NOMEM;
    for (size_t i = 0; i < past->ids.count; i++) {
        bytes_clear(&labels);
        reader_labels(reader, past->ids.ids[i], &labels);
        if (bytes_error(&labels))
            break;
        past->roles[kept] = anomaly_series_role(&past->of, bytes_view(&labels));
        if (past->roles[kept] != ANOMALY_NOTHING)
            past->ids.ids[kept++] = past->ids.ids[i];
    }
    enum tm_err err = bytes_error(&labels);
    bytes_fini(&labels);
    past->ids.count = kept;
    return err;
}

/* How far back is looked: the more series, the less far. */
static int64_t steps_of(const struct anomaly_past *past)
{
    size_t days = past->ids.count > 0 ? ANOMALY_PAST_DAYS_READ / past->ids.count : 0;
    int64_t steps = (int64_t)(days < ANOMALY_PAST_DAYS ? days : ANOMALY_PAST_DAYS) * DAY_MS / past->step_ms;
    return steps < ANOMALY_PAST_VALUES ? steps : ANOMALY_PAST_VALUES;
}

static double *new_values(size_t count)
{
    double *values = calloc(count, sizeof *values);
    for (size_t i = 0; values && i < count; i++)
        values[i] = NAN;
    return values;
}

static enum tm_err make_room(struct anomaly_past *past)
{
    size_t count = (size_t)(past->to - past->from);
    past->seen = calloc(past->ids.count, sizeof *past->seen);
    past->columns = calloc((size_t)DETECT_COLUMNS * DETECT_SPAN_MINUTES, sizeof *past->columns);
    past->part = new_values(count);
    past->whole = new_values(count);
    if (!past->seen || !past->columns || !past->part || !past->whole)
        return TM_NOMEM;
    /* what was before the first one is not asked for */
    for (size_t i = 0; i < past->ids.count; i++)
        past->seen[i] = (struct detect_seen){DETECT_NEVER, past->from};
    return TM_OK;
}

static enum tm_err find(struct anomaly_past *past, struct reader *reader, struct tm_why *why)
{
    const struct reader_filter filter = {&past->of.selector, 1, READER_ALWAYS};
    past->is_found = true;
    enum tm_err err = reader_find(reader, &filter, &past->ids, why);
    if (!err)
        err = choose(past, reader);
    if (err)
        return err;
    int64_t count = steps_of(past);
    past->from = past->at = past->to > count ? past->to - count : 0;
    return past->to - past->from < SHAPE_VALUES_MIN ? TM_NOT_FOUND : make_room(past);
}

/* ---- reading ---- */

static struct detect_window window_of(const struct anomaly_past *past)
{
    int64_t to = (past->at / BLOCK_STEPS + 1) * BLOCK_STEPS;
    to = to < past->to ? to : past->to;
    return (struct detect_window){.from = past->at, .to = to, .settled = to, .step_ms = past->step_ms};
}

static void add_to(double *sums, const double *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (!isnan(values[i]))
            sums[i] = isnan(sums[i]) ? values[i] : sums[i] + values[i];
}

static enum tm_err add_series(struct anomaly_past *past, struct reader *reader,
                              const struct detect_window *window)
{
    int64_t last, count = window->to - window->from, offset = window->from - past->from;
    const double *values = past->columns + (past->of.is_p95 ? DETECT_SPAN_MINUTES : 0);
    enum tm_err err = detect_values_read(reader, past->ids.ids[past->series], past->of.kind, window,
                                         &past->seen[past->series], past->columns, &last);
    if (err)
        return err;
    add_to(past->whole + offset, values, count);
    if (past->roles[past->series] == ANOMALY_PART)
        add_to(past->part + offset, values, count);
    return TM_OK;
}

/* Some series in the block at hand. */
static enum tm_err read_some(struct anomaly_past *past, struct reader *reader)
{
    struct detect_window window = window_of(past);
    enum tm_err err = TM_OK;
    for (size_t i = 0; i < STEP_SERIES && past->series < past->ids.count && !err; i++, past->series++)
        err = add_series(past, reader, &window);
    if (past->series == past->ids.count) {
        past->series = 0;
        past->at = window.to;
    }
    return err;
}

enum tm_err anomaly_past_step(struct anomaly_past *past, struct reader *reader, bool *is_done,
                              struct tm_why *why)
{
    tm_why_write(why, "what was before the anomaly can't be read; try again");
    enum tm_err err = past->is_found ? read_some(past, reader) : find(past, reader, why);
    *is_done = !err && past->at == past->to;
    return err;
}

/* ---- comparing ---- */

static size_t first_known(const double *values, size_t count)
{
    size_t i = 0;
    while (i < count && isnan(values[i]))
        i++;
    return i;
}

/* From the first one on nothing is 0; before it nothing is known. */
static void fill_zeros(double *values, size_t from, size_t count)
{
    for (size_t i = from; i < count; i++)
        if (isnan(values[i]))
            values[i] = 0;
}

/* As it is scored: over few requests drawn to what it is in the long run. */
static void make_ratio(double *part, const double *whole, size_t count)
{
    double parts = 0, wholes = 0;
    for (size_t i = 0; i < count; i++) {
        parts += part[i] > 0 && whole[i] > 0 ? part[i] : 0;
        wholes += whole[i] > 0 ? whole[i] : 0;
    }
    double mean = wholes > 0 ? parts / wholes : 0;
    for (size_t i = 0; i < count; i++)
        part[i] =
            whole[i] > 0 ? (part[i] + DETECT_RATIO_VOLUME * mean) / (whole[i] + DETECT_RATIO_VOLUME) : NAN;
}

/* Means of so many values each, in place, the last one of the last; how many there are. A series with a
 * sample every few minutes has one in each then. */
static size_t widen(double *values, size_t count, size_t width)
{
    size_t wide = count / width, from = count - wide * width;
    for (size_t i = 0; i < wide && width > 1; i++) {
        double sum = 0;
        size_t known = 0;
        for (size_t k = from + i * width; k < from + (i + 1) * width; k++) {
            if (!isfinite(values[k]))
                continue;
            sum += values[k];
            known++;
        }
        values[i] = known > 0 ? sum / (double)known : NAN;
    }
    return wide;
}

static size_t width_of(const struct anomaly_past *past)
{
    double steps = round(past->of.interval_ms / (double)past->step_ms);
    return past->of.kind == DETECT_COUNTS || !(steps > 1) ? 1 : steps < WIDTH_MAX ? (size_t)steps : WIDTH_MAX;
}

enum tm_err anomaly_past_compare(struct anomaly_past *past, struct anomaly_shape *out, bool *is_known)
{
    size_t count = (size_t)(past->to - past->from), first = first_known(past->whole, count);
    size_t width = width_of(past), left = count - first;
    double *values = past->part + first, *scratch = calloc(left + 1, sizeof *scratch);
    *out = (struct anomaly_shape){.from = (past->from + (int64_t)first) * past->step_ms};
    *is_known = false;
    if (!scratch)
        return TM_NOMEM;
    if (past->of.kind == DETECT_COUNTS)
        fill_zeros(past->part, first, count);
    if (past->of.form == ANOMALY_RATIO)
        make_ratio(values, past->whole + first, left);
    *is_known = score_shape_of(values, widen(values, left, width), scratch, &out->shape);
    free(scratch);
    out->stretch_ms = (int64_t)(out->shape.length * width) * past->step_ms;
    out->nearest = past->from + (int64_t)(first + left % width + (out->shape.nearest + 1) * width - 1);
    out->nearest *= past->step_ms;
    return TM_OK;
}
