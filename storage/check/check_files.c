/* The index and a partition. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "storage/catalog/catalog_verify.h"
#include "storage/check/check_child.h"
#include "storage/chunk/chunk.h"
#include "storage/counts/count_days.h"
#include "storage/events/events_files.h"
#include "storage/partition/days.h"
#include "storage/rollup/rollup_files.h"
#include "storage/tops/tops_files.h"

/* ---- the index ---- */

static void know_series(void *arg, uint32_t number)
{
    const struct check_report *report = arg;
    struct check_shared *shared = report->shared;
    if (number >= CHECK_SERIES_MAX)
        return;
    shared->known[number / 8] |= (uint8_t)(1u << number % 8);
    if (number / 8 >= shared->known_end)
        shared->known_end = number / 8 + 1;
}

static void tell_index(void *arg, const char *text)
{
    char line[CHECK_TEXT_BYTES];
    (void)snprintf(line, sizeof line,
                   "%s: series or events are lost with it; put the newest backup into a new folder "
                   "(`tidemark backup --restore`)",
                   text);
    check_tell(arg, CHECK_DAMAGE, line);
}

enum tm_err check_index_work(void *arg, struct check_report *report, struct tm_why *why)
{
    const struct check_index *place = arg;
    const struct catalog_verify_options options = {know_series, tell_index, report};
    struct catalog_verify_result result;
    memset(report->shared->known, 0, report->shared->known_end);
    report->shared->known_end = 0;
    enum tm_err err = catalog_verify(place->dir, &options, &result, why);
    report->totals.series = result.series;
    report->totals.event_blocks = result.event_blocks;
    report->totals.bytes = result.bytes;
    report->totals.flushed_lsn = result.flushed_lsn;
    report->totals.damages = result.damages;
    return err;
}

/* ---- a partition ---- */

/* The checksum tells damage. That what was written can be decoded is looked at too, each day at another share
 * of it: decoding all costs three times as much as all the rest. */
enum { DECODE_DAYS = 8 };
#define DAY_MS INT64_C(86400000)

struct checked_partition {
    const struct check_partition *place;
    struct check_report *report;
    struct span span;
    uint32_t turn; /* which share of the chunks is decoded to its last value today */
    struct cells cells;
    struct events_block events;
    struct tops_block tops;
    struct chunk_reader reader;
};

static bool is_todays(const struct checked_partition *p, const struct partition_item *item)
{
    return (item->key.series + item->key.part) % DECODE_DAYS == p->turn;
}

static void note_seen(struct check_shared *shared, uint32_t series)
{
    if (series >= CHECK_SERIES_MAX)
        return;
    shared->seen[series / 8] |= (uint8_t)(1u << series % 8);
    if (series / 8 >= shared->seen_end)
        shared->seen_end = series / 8 + 1;
}

static enum tm_err check_chunk(void *arg, const struct partition_item *item, struct partition_extent *out)
{
    struct checked_partition *p = arg;
    const uint32_t series = item->key.series;
    const struct chunk_key key = days_chunk_key(p->place->id, &item->key);
    enum tm_err err = chunk_reader_check(&p->reader, &key, item->value, is_todays(p, item));
    atomic_fetch_add(&p->report->shared->done_bytes, item->value.len);
    if (err)
        return err;
    const struct chunk_head *head = &p->reader.head;
    *out = (struct partition_extent){head->first, head->last, head->count};
    note_seen(p->report->shared, series);
    return head->first >= p->span.from && head->last < p->span.to ? TM_OK : TM_CORRUPT;
}

static enum tm_err check_counts(void *arg, const struct partition_item *item, struct partition_extent *out)
{
    struct checked_partition *p = arg;
    atomic_fetch_add(&p->report->shared->done_bytes, item->value.len);
    enum tm_err err = count_days_check(p->place->id, item, &p->cells, out);
    if (!err)
        note_seen(p->report->shared, item->key.series);
    return err;
}

static enum tm_err check_events(void *arg, const struct partition_item *item, struct partition_extent *out)
{
    struct checked_partition *p = arg;
    atomic_fetch_add(&p->report->shared->done_bytes, item->value.len);
    return events_files_check(p->place->id, item, &p->events, out);
}

static enum tm_err check_tops(void *arg, const struct partition_item *item, struct partition_extent *out)
{
    struct checked_partition *p = arg;
    atomic_fetch_add(&p->report->shared->done_bytes, item->value.len);
    return tops_files_check(p->place->id, item, &p->tops, out);
}

/* What a delete or the catalog forgot may have rollups still: their series are not asked for. */
static enum tm_err check_rollup(void *arg, const struct partition_item *item, struct partition_extent *out)
{
    struct checked_partition *p = arg;
    atomic_fetch_add(&p->report->shared->done_bytes, item->value.len);
    return rollup_check(p->place->id, item, is_todays(p, item), out);
}

static void tell_partition(void *arg, const char *text)
{
    struct checked_partition *p = arg;
    char line[CHECK_TEXT_BYTES];
    (void)snprintf(
        line, sizeof line,
        "%s: samples may be lost; it is set aside as soon as it is read; put this partition back from a "
        "backup",
        text);
    check_tell(p->report, CHECK_DAMAGE, line);
}

enum tm_err check_partition_work(void *arg, struct check_report *report, struct tm_why *why)
{
    const struct check_partition *place = arg;
    static struct checked_partition p;
    struct partition_check_result result;
    memset(report->shared->seen, 0, report->shared->seen_end);
    report->shared->seen_end = 0;
    p = (struct checked_partition){
        .place = place, .report = report, .span = partition_period_span(place->id.tier, place->id.period)};
    p.turn = (uint32_t)(clock_wall_ms(clock_system()) / DAY_MS % DECODE_DAYS);
    static enum tm_err (*const checks[PARTITION_TIERS])(void *, const struct partition_item *,
                                                        struct partition_extent *) = {
        [PARTITION_RAW] = check_chunk,     [PARTITION_5M] = check_rollup,     [PARTITION_1H] = check_rollup,
        [PARTITION_COUNTS] = check_counts, [PARTITION_EVENTS] = check_events, [PARTITION_TOPS] = check_tops,
    };
    const struct partition_check_options options = {
        .chunk = checks[place->id.tier], .report = tell_partition, .arg = &p};
    enum tm_err err = partition_check(place->path, place->id, &options, &result, why);
    cells_fini(&p.cells);
    events_block_fini(&p.events);
    tops_block_fini(&p.tops);
    report->totals.chunks = result.chunks;
    report->totals.samples = place->id.tier == PARTITION_RAW ? result.samples : 0; /* else they are rows */
    report->totals.chunk_bytes = result.bytes;
    report->totals.bytes = result.bytes;
    report->totals.sealed = result.sealed;
    report->totals.damages = result.damages;
    return err;
}
