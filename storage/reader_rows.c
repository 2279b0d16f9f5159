/* Reading the samples of several series in one step of each day, so that what a step costs (locks, a
 * transaction, the way down a tree) is paid once for many of them.
 *
 * The heads of all are copied first, then the days are entered, all at once and in order, and the series are
 * read one after the other. A series with counts, a damaged day or a span of many days is left to
 * reader_samples. */
#include "storage/partition/days.h"
#include "storage/reader_private.h"

#include <string.h>

enum {
    DAYS_MAX = 3, /* that are entered at once */
    PERIODS_MAX = 2 * DAYS_MAX,
    FIRST_WANTED = 8,
    SAMPLES_WANTED = 1 << 15, /* at once, about */
    PAUSE_MAX = 64
};

struct together {
    struct reader *reader;
    const uint32_t *series;
    size_t count;
    struct span span;
    struct reader_row *rows;
    size_t starts[READER_ROWS_MAX]; /* of the rows' samples */
    size_t read;                    /* rows that are there */
    uint64_t samples_read;
    bool is_count; /* the series behind them has counts */
    struct partition_id periods[PERIODS_MAX];
    struct day_steps steps[PERIODS_MAX];
    size_t period_count;
    size_t entered;
};

/* A counter has samples from midnight on, so cells count from the day's begin on. */
static struct span span_of_cells(const struct together *t)
{
    const int64_t day_ms = CELLS_A_DAY * CELL_MS;
    time_ms_t day = t->span.from / day_ms - (t->span.from % day_ms < 0);
    return (struct span){day > INT64_MIN / day_ms ? day * day_ms : INT64_MIN, t->span.to};
}

static bool has_cells(const struct contents *contents, uint32_t series, struct span span)
{
    int64_t from = cell_slot(span.from), to = cell_slot(span.to) + (span.to % CELL_MS != 0), first;
    return count_head_first(&contents->head.counts, series, from, to, &first) ||
           count_head_first(&contents->flushing.counts, series, from, to, &first);
}

/* What the heads have of as many of the series as there is room for; their number becomes count. */
static enum tm_err copy_heads(struct together *t)
{
    struct contents *contents = t->reader->contents;
    struct reader_together *kept = &t->reader->together;
    struct columns *heads = &kept->heads;
    const struct span cells = span_of_cells(t);
    enum tm_err err = TM_OK;
    size_t at = 0;
    heads->count = 0;
    contents_lock_shared(contents);
    for (; at < t->count && heads->count < SAMPLES_WANTED && !err; at++) {
        t->is_count = has_cells(contents, t->series[at], cells);
        if (t->is_count)
            break;
        err = head_collect(&contents->flushing, t->series[at], t->span, heads);
        if (!err)
            err = head_collect(&contents->head, t->series[at], t->span, heads);
        kept->head_ends[at] = heads->count;
    }
    contents_unlock(contents);
    t->count = at;
    return err;
}

/* False: there are too many. */
static bool add_periods(struct together *t, enum partition_tier tier, time_ms_t from)
{
    struct partitions *set = t->reader->contents->partitions;
    uint32_t day = 0;
    size_t before = t->period_count;
    if (from > 0 && partition_period_of(tier, from, &day) != TM_OK)
        return true; /* behind the year 9999 there are none */
    for (; partitions_next(set, tier, day, &day) == TM_OK; day++) {
        if (partition_period_span(tier, day).from >= t->span.to)
            break;
        if (t->period_count - before == DAYS_MAX)
            return false;
        t->periods[t->period_count++] = (struct partition_id){.tier = tier, .period = day};
    }
    return true;
}

/* ---- one series ---- */

static enum tm_err collect_files(struct together *t, uint32_t series, struct tm_why *why)
{
    struct contents *contents = t->reader->contents;
    enum tm_err err = TM_OK;
    for (size_t i = t->period_count; i-- > 0 && !err && !t->is_count;) {
        if (t->periods[i].tier == PARTITION_COUNTS)
            err = days_have(&t->steps[i], series, span_of_cells(t), &t->is_count, why);
    }
    for (size_t i = 0; i < t->period_count && !err && !t->is_count; i++) {
        if (t->periods[i].tier == PARTITION_RAW)
            err = days_collect_in(&t->steps[i], contents->tombstones, series, t->span,
                                  &t->reader->together.samples, why);
    }
    return err;
}

/* Puts the heads' samples behind those of files; of equal times the heads' sample wins, which is newer. */
static enum tm_err add_heads(struct together *t, size_t at)
{
    const struct reader_together *kept = &t->reader->together;
    const struct columns *heads = &kept->heads;
    struct columns *samples = &t->reader->together.samples;
    size_t from = at ? kept->head_ends[at - 1] : 0, count = kept->head_ends[at] - from;
    enum tm_err err = columns_reserve(samples, count);
    if (err || count == 0)
        return err;
    memcpy(samples->times + samples->count, heads->times + from, count * sizeof *heads->times);
    memcpy(samples->values + samples->count, heads->values + from, count * sizeof *heads->values);
    samples->count += count;
    return TM_OK;
}

static enum tm_err read_row(struct together *t, size_t at, struct tm_why *why)
{
    struct reader *reader = t->reader;
    struct columns *samples = &reader->together.samples;
    size_t start = samples->count;
    enum tm_err err = TM_OK;
    if (reader_is_stored(reader->contents, t->series[at]))
        err = collect_files(t, t->series[at], why);
    if (!err && !t->is_count)
        err = add_heads(t, at);
    size_t count = samples->count - start;
    if (!err && !t->is_count)
        err = reader_settle(samples, start);
    if (err || t->is_count)
        return err;
    t->samples_read += count;
    size_t from = columns_find(samples, start, t->span.from);
    t->starts[at] = from;
    t->rows[at].count = columns_find(samples, from, t->span.to) - from;
    return TM_OK;
}

/* ---- all of them ---- */

/* The steps stand open; may be called again. */
static enum tm_err read_series(struct together *t, struct tm_why *why)
{
    struct columns *samples = &t->reader->together.samples;
    samples->count = 0;
    t->read = 0;
    t->samples_read = 0;
    t->is_count = false;
    enum tm_err err = TM_OK;
    while (t->read < t->count && samples->count < SAMPLES_WANTED) {
        err = read_row(t, t->read, why);
        if (err || t->is_count)
            break;
        t->read++;
    }
    return err;
}

/* Enters the next period, or reads if there is none left: in order, so that nobody waits in a circle. May be
 * called again by days_look, and then begins anew. */
static enum tm_err enter(struct partitions *set, void *arg, struct tm_why *why)
{
    struct together *t = arg;
    size_t at = t->entered;
    struct partition_id id = t->periods[at];
    enum tm_err err = days_begin_steps(set, id.tier, id.period, &t->steps[at], why);
    days_follow(&t->steps[at]);
    t->entered = at + 1;
    if (!err && t->entered == t->period_count)
        err = read_series(t, why);
    else if (!err)
        err = days_look(set, t->periods[at + 1].tier, t->periods[at + 1].period, enter, t, why);
    days_end_steps(&t->steps[at]);
    t->entered = at;
    return err;
}

/* As many rows as go together; none is no error, and after one. */
static enum tm_err read_together(struct together *t, struct tm_why *why)
{
    struct contents *contents = t->reader->contents;
    enum tm_err err = copy_heads(t);
    if (err || t->count == 0)
        return err;
    if (contents->partitions && (!add_periods(t, PARTITION_RAW, t->span.from) ||
                                 !add_periods(t, PARTITION_COUNTS, span_of_cells(t).from)))
        return TM_OK;
    if (t->period_count == 0)
        return read_series(t, why);
    return days_look(contents->partitions, t->periods[0].tier, t->periods[0].period, enter, t, why);
}

/* How many are wanted next, and whether it is worth while. */
static void learn(struct reader_together *kept, const struct together *t)
{
    if (t->read == 0) {
        kept->pause = kept->pause * 2 + 1 < PAUSE_MAX ? kept->pause * 2 + 1 : PAUSE_MAX;
        kept->alone = kept->pause;
        return;
    }
    size_t fit = SAMPLES_WANTED / (kept->samples.count / t->read + 1) + 1;
    kept->pause = 0;
    kept->wanted = t->is_count ? t->read + 1 : kept->wanted * 2;
    kept->wanted = kept->wanted < fit ? kept->wanted : fit;
    kept->wanted = kept->wanted < READER_ROWS_MAX ? kept->wanted : READER_ROWS_MAX;
}

static enum tm_err read_alone(struct reader *reader, uint32_t series, struct span span,
                              struct reader_row *row)
{
    if (reader->together.alone > 0)
        reader->together.alone--;
    return reader_samples(reader, series, span, &row->times, &row->values, &row->count);
}

enum tm_err reader_rows(struct reader *reader, const uint32_t *series, size_t count, struct span span,
                        struct reader_row *rows, size_t *given)
{
    struct reader_together *kept = &reader->together;
    struct tm_why why;
    enum tm_err err = reader_check(reader, &why);
    *given = 1;
    if (err || count == 1 || span.from >= span.to || kept->alone > 0)
        return err ? err : read_alone(reader, series[0], span, rows);
    if (kept->wanted == 0)
        kept->wanted = FIRST_WANTED;
    struct together t = {.reader = reader,
                         .series = series,
                         .count = count < kept->wanted ? count : kept->wanted,
                         .span = span,
                         .rows = rows};
    if (read_together(&t, &why) != TM_OK)
        t.read = 0; /* the first of them tells what is wrong */
    learn(kept, &t);
    if (t.read == 0)
        return read_alone(reader, series[0], span, rows);
    for (size_t i = 0; i < t.read; i++) {
        rows[i].times = kept->samples.times + t.starts[i];
        rows[i].values = kept->samples.values + t.starts[i];
    }
    *given = t.read;
    reader->samples_read += t.samples_read;
    return reader_check(reader, &why);
}
