#include "reports/tally.h"

#include <string.h>

#include "storage/model/cell.h"

#define HOUR_MS INT64_C(3600000)

void tally_spans(struct span span, struct span spans[REPORT_TREND_WEEKS])
{
    for (int i = 0; i < REPORT_TREND_WEEKS; i++) {
        int weeks = i - TALLY_THIS;
        spans[i] = (struct span){week_shift(span.from, weeks), week_shift(span.to, weeks)};
    }
}

bool tally_place(const struct tally *tally, time_ms_t time, size_t *week, size_t *hour)
{
    for (size_t i = REPORT_TREND_WEEKS; i-- > 0;) {
        if (time < tally->spans[i].from || time >= tally->spans[i].to)
            continue;
        *week = i;
        *hour = (size_t)((time - tally->spans[i].from) / HOUR_MS);
        return *hour < REPORT_HOURS_MAX;
    }
    return false;
}

uint64_t tally_requests(const struct tally_hour *hour)
{
    uint64_t sum = 0;
    for (int i = 0; i < TALLY_CLASSES; i++)
        sum += hour->classes[i];
    return sum;
}

uint64_t tally_failures(const struct tally_hour *hour)
{
    return hour->exceptions + hour->classes[3] + hour->classes[4];
}

static void add_hour(struct tally_hour *to, const struct tally_hour *from)
{
    for (int i = 0; i < TALLY_CLASSES; i++)
        to->classes[i] += from->classes[i];
    to->exceptions += from->exceptions;
}

struct tally_hour tally_week(const struct tally *tally, size_t week)
{
    struct tally_hour sum = {{0}, 0};
    for (size_t i = 0; i < tally->hour_count[week]; i++)
        add_hour(&sum, &tally->hours[week][i]);
    return sum;
}

/* ---- reading ---- */

static void count_in(struct tally_hour *hour, const struct gather_series *series, uint64_t value)
{
    if (series->measure == GATHER_REQUESTS)
        hour->classes[series->status_class] += value;
    else
        hour->exceptions += value;
}

static void add_to_moment(struct tally_moment *moment, const struct gather_series *series,
                          const struct reader_cell *cell)
{
    uint64_t value = cell->value > 0 ? (uint64_t)cell->value : 0;
    int64_t tick = (cell->time - moment->time) / CELL_MS;
    if (cell->time >= moment->time && tick < TALLY_TICKS)
        count_in(&moment->after[tick], series, value);
    tick = (moment->time - cell->time) / CELL_MS - 1;
    if (cell->time < moment->time && tick < TALLY_TICKS)
        count_in(&moment->before[TALLY_TICKS - 1 - tick], series, value);
}

static void add_cell(struct tally *tally, const struct gather_series *series, const struct reader_cell *cell)
{
    size_t week, hour;
    uint64_t value = cell->value > 0 ? (uint64_t)cell->value : 0;
    if (series->measure == GATHER_DURATIONS) {
        bool is_bucket = cell->cell > CELL_SUM && cell->cell <= HISTOGRAM_BUCKETS;
        if (is_bucket && tally_place(tally, cell->time, &week, &hour) && week == TALLY_THIS)
            tally->durations[hour][cell->cell - 1] += (uint32_t)value;
        return;
    }
    if (cell->cell != CELL_SUM)
        return;
    if (tally_place(tally, cell->time, &week, &hour)) {
        count_in(&tally->hours[week][hour], series, value);
        tally->has_data[week] = tally->has_data[week] || value > 0;
        if (week == TALLY_THIS && series->is_overflow)
            tally->overflowed += value;
        if (week == TALLY_THIS && series->is_unnamed)
            tally->unnamed += value;
    }
    for (size_t i = 0; i < tally->moment_count; i++)
        add_to_moment(&tally->moments[i], series, cell);
}

static enum tm_err read_series(struct tally *tally, struct reader *reader, const struct gather_series *series,
                               struct tm_why *why)
{
    /* The hour before the first moment and behind the last one may lie outside the week. */
    struct span span = {tally->spans[0].from, tally->spans[TALLY_THIS].to + HOUR_MS};
    struct reader_walk walk;
    const struct reader_cell *cells;
    size_t count;
    enum tm_err err;
    if (series->measure == GATHER_DURATIONS)
        span = tally->spans[TALLY_THIS];
    reader_walk_init(&walk, series->series, span);
    while ((err = reader_cells_next(reader, &walk, &cells, &count, why)) == TM_OK)
        for (size_t i = 0; i < count; i++)
            add_cell(tally, series, &cells[i]);
    return err == TM_NOT_FOUND ? TM_OK : err;
}

/* Exceptions around the moments alone. */
static enum tm_err read_moments(struct tally *tally, struct reader *reader,
                                const struct gather_series *series, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    for (size_t i = 0; i < tally->moment_count && !err; i++) {
        struct tally_moment *moment = &tally->moments[i];
        struct reader_walk walk;
        const struct reader_cell *cells;
        size_t count;
        reader_walk_init(&walk, series->series,
                         (struct span){moment->time - HOUR_MS, moment->time + HOUR_MS});
        while ((err = reader_cells_next(reader, &walk, &cells, &count, why)) == TM_OK)
            for (size_t k = 0; k < count; k++)
                if (cells[k].cell == CELL_SUM)
                    add_to_moment(moment, series, &cells[k]);
        err = err == TM_NOT_FOUND ? TM_OK : err;
    }
    return err;
}

void tally_add_group(struct tally *tally, const struct group_hour *hour)
{
    size_t week, place;
    if (tally->by_groups && tally_place(tally, hour->hour * GROUP_HOUR_MS, &week, &place))
        tally->hours[week][place].exceptions += hour->count;
}

enum tm_err tally_read(struct tally *tally, const struct gather *gather, size_t unit, struct tm_why *why)
{
    size_t count;
    time_ms_t from;
    const struct gather_series *series = gather_unit(gather, unit, &count);
    enum tm_err err = reader_raw_from(gather->reader, &from, why);
    tally->by_groups = true;
    for (size_t i = 0; i < REPORT_TREND_WEEKS; i++) {
        const struct span *span = &tally->spans[i];
        tally->by_groups = tally->by_groups && span->from % HOUR_MS == 0 && span->to % HOUR_MS == 0;
        tally->is_kept[i] = span->from >= from;
        tally->hour_count[i] = (size_t)((span->to - span->from + HOUR_MS - 1) / HOUR_MS);
        if (tally->hour_count[i] > REPORT_HOURS_MAX)
            tally->hour_count[i] = REPORT_HOURS_MAX;
    }
    for (size_t i = 0; i < count && !err; i++)
        err = tally->by_groups && series[i].measure == GATHER_EXCEPTIONS
                  ? read_moments(tally, gather->reader, &series[i], why)
                  : read_series(tally, gather->reader, &series[i], why);
    return err;
}
