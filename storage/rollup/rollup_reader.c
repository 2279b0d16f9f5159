/* Reading rollups, a day at a time: stored rows where they still say what the samples say, else rows made of
 * the samples. */
#include "storage/catalog/catalog_final.h"
#include "storage/partition/days.h"
#include "storage/reader_private.h"

enum { READ_TRIES = 8 };

static enum partition_tier tier_of(enum reader_tier tier)
{
    return tier == READER_5M ? PARTITION_5M : PARTITION_1H;
}

int64_t reader_bucket_ms(enum reader_tier tier)
{
    return tier == READER_RAW ? 0 : rollup_bucket_ms(tier_of(tier));
}

/* A series' buckets of one day, or some of them. */
struct looking {
    struct reader *reader;
    enum partition_tier tier;
    uint32_t series;
    uint32_t day;
    struct span span;
    bool has_raw;  /* samples are in files, and are not being dropped */
    bool is_valid; /* the stored rows are all there is to be said */
};

/* ---- which day ---- */

/* The first day in span whose rollups may be stored. */
static time_ms_t find_stored(const struct contents *contents, enum partition_tier tier, struct span span)
{
    struct partition_entry entry;
    size_t count;
    if (!contents->partitions)
        return span.to;
    partitions_list(contents->partitions, tier, span, &entry, 1, &count);
    if (count == 0)
        return span.to;
    return entry.span.from > span.from ? entry.span.from : span.from;
}

/* Narrows span to its first day that may have rows. Before 1970 and after 9999 there are none. */
static bool find_day(struct contents *contents, enum partition_tier tier, uint32_t series, struct span *span)
{
    static const int64_t last = INT64_C(253402300800000); /* the year 10000 */
    int64_t bucket_ms = rollup_bucket_ms(tier);
    time_ms_t from = span->from > 0 ? span->from : 0, to = span->to < last ? span->to : last;
    if (from >= to)
        return false;
    from = (from + bucket_ms - 1) / bucket_ms * bucket_ms; /* a bucket that began before is none of it */
    struct span raw = {from, to};
    time_ms_t first = reader_find_day(contents, series, &raw) ? raw.from : to;
    time_ms_t stored =
        reader_is_stored(contents, series) ? find_stored(contents, tier, (struct span){from, to}) : to;
    if (stored < first)
        first = stored;
    if (first >= to)
        return false;
    time_ms_t midnight = (first / ROLLUP_DAY_MS + 1) * ROLLUP_DAY_MS;
    first = first / bucket_ms * bucket_ms;
    *span = (struct span){first > from ? first : from, midnight < to ? midnight : to};
    return true;
}

/* ---- what is there ---- */

static enum tm_err find_deletes(const struct looking *l, bool *any, struct tm_why *why)
{
    struct tombstones *tombstones = l->reader->contents->tombstones;
    struct tombstone_cover cover = {0};
    struct span day = rollup_day_span(l->day), before = {day.from - ROLLUP_LOOKBACK_MS, day.from};
    enum tm_err err = tombstones_cover(tombstones, PARTITION_RAW, l->day, l->series, day, &cover);
    if (!err && l->day > 0)
        err = tombstones_cover(tombstones, PARTITION_RAW, l->day - 1, l->series, before, &cover);
    *any = cover.count > 0;
    tombstone_cover_fini(&cover);
    return err ? tm_fail(why, err, "out of memory for what deletes hide") : TM_OK;
}

/* The heads are looked at first: what leaves them meanwhile shows in the tags. */
static enum tm_err look(struct looking *l, struct tm_why *why)
{
    struct contents *contents = l->reader->contents;
    struct span day = rollup_day_span(l->day);
    struct span reach = {day.from - ROLLUP_LOOKBACK_MS, day.to};
    uint64_t own = 0, before = 0, stored = 0;
    bool is_deleted = false, is_retired = false;
    l->is_valid = reader_find_in_heads(contents, l->series, reach) >= reach.to;
    l->has_raw = false;
    if (!reader_is_stored(contents, l->series))
        return TM_OK;
    enum tm_err err = find_deletes(l, &is_deleted, why);
    if (!err)
        err = days_tag(contents->partitions, l->day, &own, why);
    if (!err && l->day > 0)
        err = days_tag(contents->partitions, l->day - 1, &before, why);
    if (!err)
        err = rollup_tag(contents->partitions, l->tier, l->day, &stored, why);
    if (!err)
        err = rollup_is_retired(l->reader->rollups.catalog, l->day, own, &is_retired, why);
    l->has_raw = own > 0 && !is_retired;
    l->is_valid = l->is_valid && !is_deleted && (!l->has_raw || (stored >= own && stored >= before));
    return err;
}

/* ---- rows ---- */

/* The stored ones that are to be given. */
static enum tm_err read_stored(const struct looking *l, struct tm_why *why)
{
    struct reader *reader = l->reader;
    enum rollup_wanted wanted = l->is_valid || !l->has_raw ? ROLLUP_ALL : ROLLUP_BASE;
    reader->stored.count = 0;
    if (!reader_is_stored(reader->contents, l->series))
        return TM_OK;
    enum tm_err err = rollup_reading_begin(&reader->rollups, l->tier, l->span, why);
    if (!err)
        err = rollup_collect(&reader->rollups, l->tier, l->series, l->span, wanted, &reader->stored, why);
    reader->samples_read += reader->stored.count;
    return err;
}

/* The samples of the hour before the day, or what rollups know of it, and those of the day. */
static enum tm_err collect_samples(const struct looking *l, struct columns *all, struct tm_why *why)
{
    struct reader *reader = l->reader;
    struct span day = rollup_day_span(l->day);
    time_ms_t from = l->span.from - ROLLUP_LOOKBACK_MS;
    struct span parts[] = {{from, day.from}, {from > day.from ? from : day.from, l->span.to}};
    enum tm_err err = TM_OK;
    all->count = 0;
    if (from < day.from && l->day > 0 && reader_is_stored(reader->contents, l->series))
        err = rollup_add_before(&reader->rollups, l->day, l->series, all, &reader->scratch, why);
    for (size_t i = 0; i < 2 && !err; i++) {
        if (parts[i].from >= parts[i].to || parts[i].from < 0)
            continue;
        /* What is in files of a day that is being dropped stands in its rows already. */
        err = i == 1 && !l->has_raw ? reader_collect_unflushed(reader, l->series, parts[i], why)
                                    : reader_collect_day(reader, l->series, parts[i], why);
        if (!err)
            err = columns_reserve(all, reader->day.count);
        for (size_t k = 0; k < reader->day.count && !err; k++)
            columns_add(all, reader->day.times[k], reader->day.values[k]);
    }
    if (!err && columns_settle(all) != TM_OK)
        err = tm_fail(why, TM_NOMEM, "out of memory for samples");
    return err;
}

/* reader->made: of what is stored and of the samples together. */
static enum tm_err make_rows(const struct looking *l, struct tm_why *why)
{
    struct reader *reader = l->reader;
    struct rollup_rows *stored = &reader->stored, *fresh = &reader->scratch, *made = &reader->made;
    enum tm_err err = collect_samples(l, &reader->all, why);
    if (err)
        return err;
    err = rollup_compute(&reader->all, l->span, rollup_bucket_ms(l->tier), fresh);
    made->count = 0;
    for (size_t i = 0, k = 0; !err && (i < stored->count || k < fresh->count);) {
        bool is_old =
            i < stored->count && (k == fresh->count || stored->rows[i].start <= fresh->rows[k].start);
        struct rollup row = is_old ? stored->rows[i] : fresh->rows[k];
        bool is_both = is_old && k < fresh->count && fresh->rows[k].start == row.start;
        if (is_both)
            rollup_merge(&row, &fresh->rows[k]);
        i += is_old;
        k += is_both || !is_old;
        err = rollup_rows_add(made, &row);
    }
    return err ? tm_fail(why, err, "out of memory for rollups") : TM_OK;
}

static enum tm_err read_once(struct looking *l, const struct rollup_rows **out, struct tm_why *why)
{
    enum tm_err err = look(l, why);
    if (!err)
        err = read_stored(l, why);
    *out = &l->reader->stored;
    if (err || l->is_valid)
        return err;
    *out = &l->reader->made;
    return make_rows(l, why);
}

/* The day may be dropped meanwhile: first its rows are said to stand for its samples, then these go. What was
 * read then counts samples twice or not at all, and is read again. */
static enum tm_err read_day(struct looking *l, const struct rollup_rows **out, struct tm_why *why)
{
    for (int i = 0; i < READ_TRIES; i++) {
        enum tm_err err = read_once(l, out, why);
        struct looking now = *l;
        if (!err)
            err = look(&now, why);
        if (err || now.has_raw == l->has_raw)
            return err;
    }
    return tm_fail(why, TM_BUSY, "day %u is written and dropped too often to be read; try again", l->day);
}

void reader_take_files(struct reader *reader)
{
    contents_lock_shared(reader->contents);
    reader->rollups.partitions = reader->contents->partitions;
    reader->rollups.catalog = reader->contents->catalog;
    reader->rollups.tombstones = reader->contents->tombstones;
    contents_unlock(reader->contents);
}

enum tm_err reader_raw_from(struct reader *reader, time_ms_t *out, struct tm_why *why)
{
    uint32_t day = 0;
    *out = INT64_MIN;
    reader_take_files(reader);
    if (!reader->rollups.catalog)
        return TM_OK;
    enum tm_err err = catalog_final_last(reader->rollups.catalog, &day, why);
    if (!err)
        *out = rollup_day_span(day).to;
    return err == TM_NOT_FOUND ? TM_OK : err;
}

enum tm_err reader_rollup_next(struct reader *reader, struct reader_walk *walk, enum reader_tier tier,
                               const struct rollup **rows, size_t *count, struct tm_why *why)
{
    *count = 0;
    reader_take_files(reader);
    while (walk->span.from < walk->span.to) {
        struct looking l = {reader, tier_of(tier), walk->series, 0, walk->span, false, false};
        const struct rollup_rows *found;
        enum tm_err err = reader_check(reader, why);
        if (err)
            return err;
        if (!find_day(reader->contents, l.tier, l.series, &l.span))
            break;
        l.day = (uint32_t)(l.span.from / ROLLUP_DAY_MS);
        err = read_day(&l, &found, why);
        if (!err)
            err = reader_check(reader, why);
        if (err)
            return err;
        walk->span.from = l.span.to;
        if (found->count == 0)
            continue;
        *rows = found->rows;
        *count = found->count;
        return TM_OK;
    }
    return TM_NOT_FOUND;
}
