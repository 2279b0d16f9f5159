/* Which series have something in a span. */
#include "storage/counts/count_days.h"
#include "storage/partition/days.h"
#include "storage/reader_private.h"

/* So many series are looked at in one step of the heads; so many in one of a partition. */
enum { STEP_SERIES = 256, FIND_SERIES = 2048 };

/* Where cells make a counter that has samples in span: from midnight on. */
static struct span counter_span(struct span span)
{
    const time_ms_t day_ms = (time_ms_t)CELLS_A_DAY * CELL_MS;
    time_ms_t into = span.from % day_ms;
    into += into < 0 ? day_ms : 0;
    return (struct span){span.from < INT64_MIN + into ? INT64_MIN : span.from - into, span.to};
}

/* One step: which of these series the heads have in span. */
static void mark_in_heads(struct contents *contents, const uint32_t *ids, size_t count, struct span span,
                          bool *found)
{
    struct span cells = counter_span(span);
    int64_t from = cell_slot(cells.from), to = cell_slot(cells.to) + (cells.to % CELL_MS != 0), slot;
    time_ms_t first;
    contents_lock_shared(contents);
    for (size_t i = 0; i < count; i++)
        found[i] = head_first(&contents->head, ids[i], span, &first) ||
                   head_first(&contents->flushing, ids[i], span, &first) ||
                   count_head_first(&contents->head.counts, ids[i], from, to, &slot) ||
                   count_head_first(&contents->flushing.counts, ids[i], from, to, &slot);
    contents_unlock(contents);
}

/* Which of these series, ascending, have chunks in the days of span. */
static enum tm_err mark_in_days(struct reader *reader, const uint32_t *ids, size_t count, struct span span,
                                bool *found, struct tm_why *why)
{
    struct contents *contents = reader->contents;
    enum tm_err err = TM_OK;
    uint32_t day = 0;
    if (!contents->partitions ||
        (span.from >= 0 && partition_period_of(PARTITION_RAW, span.from, &day) != TM_OK))
        return TM_OK;
    while (count > 0 && ids[count - 1] > contents->stored_series)
        count--; /* a reader's own numbers: partitions know others by them */
    for (; !err && days_next(contents->partitions, day, &day) == TM_OK; day++) {
        if (partition_period_span(PARTITION_RAW, day).from >= span.to)
            break;
        err = reader_check(reader, why);
        if (!err)
            err = days_mark(contents->partitions, contents->tombstones, day,
                            &(struct days_wanted){ids, count, span}, found, why);
    }
    return err;
}

/* The same in the days of counts. */
static enum tm_err mark_in_counts(struct reader *reader, const uint32_t *ids, size_t count, struct span span,
                                  bool *found, struct tm_why *why)
{
    struct contents *contents = reader->contents;
    enum tm_err err = TM_OK;
    uint32_t day = 0;
    if (!contents->partitions ||
        (span.from >= 0 && partition_period_of(PARTITION_COUNTS, span.from, &day) != TM_OK))
        return TM_OK;
    while (count > 0 && ids[count - 1] > contents->stored_series)
        count--;
    for (; !err && partitions_next(contents->partitions, PARTITION_COUNTS, day, &day) == TM_OK; day++) {
        if (partition_period_span(PARTITION_COUNTS, day).from >= span.to)
            break;
        err = reader_check(reader, why);
        if (!err)
            err = count_days_mark(contents->partitions, contents->tombstones, day,
                                  &(struct days_wanted){ids, count, span}, found, why);
    }
    return err;
}

/* The same in the rows of a tier, where these stand for samples that are gone. */
static enum tm_err mark_in_rollups(struct reader *reader, enum partition_tier tier, const uint32_t *ids,
                                   size_t count, struct span span, bool *found, struct tm_why *why)
{
    struct contents *contents = reader->contents;
    enum tm_err err = TM_OK;
    uint32_t period = 0;
    if (!contents->partitions || (span.from >= 0 && partition_period_of(tier, span.from, &period) != TM_OK))
        return TM_OK;
    while (count > 0 && ids[count - 1] > contents->stored_series)
        count--;
    for (; !err && partitions_next(contents->partitions, tier, period, &period) == TM_OK; period++) {
        if (partition_period_span(tier, period).from >= span.to)
            break;
        err = reader_check(reader, why);
        if (!err)
            err = rollup_mark(&reader->rollups, tier, period, &(struct days_wanted){ids, count, span}, found,
                              why);
    }
    return err;
}

/* Heads first, as always; what was made of samples behind these, which may be dropped meanwhile. */
static enum tm_err mark_group(struct reader *reader, const uint32_t *ids, size_t count, struct span span,
                              bool *found, struct tm_why *why)
{
    for (size_t at = 0; at < count; at += STEP_SERIES) {
        size_t some = count - at < STEP_SERIES ? count - at : STEP_SERIES;
        mark_in_heads(reader->contents, ids + at, some, span, found + at);
    }
    enum tm_err err = mark_in_days(reader, ids, count, span, found, why);
    if (!err)
        err = mark_in_counts(reader, ids, count, counter_span(span), found, why);
    if (!err)
        err = mark_in_rollups(reader, PARTITION_1H, ids, count, span, found, why);
    return err ? err : mark_in_rollups(reader, PARTITION_5M, ids, count, span, found, why);
}

enum tm_err reader_keep_in_span(struct reader *reader, struct span span, struct index_ids *ids,
                                struct tm_why *why)
{
    bool found[FIND_SERIES];
    size_t kept = 0;
    reader_take_files(reader);
    for (size_t at = 0; at < ids->count; at += FIND_SERIES) {
        size_t some = ids->count - at < FIND_SERIES ? ids->count - at : FIND_SERIES;
        enum tm_err err = reader_check(reader, why);
        if (!err)
            err = mark_group(reader, ids->ids + at, some, span, found, why);
        if (err)
            return err;
        for (size_t i = 0; i < some; i++) {
            if (found[i])
                ids->ids[kept++] = ids->ids[at + i];
        }
    }
    ids->count = kept;
    return TM_OK;
}
