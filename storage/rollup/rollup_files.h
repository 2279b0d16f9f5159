/* Rollups in their partitions (weeks of 5 minutes, months of hours): what is there for a day, and the rows of
 * a series. Any thread, with a struct rollup_reading of its own. */
#ifndef TM_STORAGE_ROLLUP_FILES_H
#define TM_STORAGE_ROLLUP_FILES_H

#include "storage/catalog/catalog_final.h"
#include "storage/partition/days.h"
#include "storage/partition/partition.h"
#include "storage/rollup/rollup_chunk.h"

#define ROLLUP_DAY_MS INT64_C(86400000)

/* In every window: its roster, under the number that no series has. */
enum { ROLLUP_ROSTER_SERIES = 0 };

/* The length of a tier's buckets. tier is PARTITION_5M or PARTITION_1H. */
int64_t rollup_bucket_ms(enum partition_tier tier);

/* From midnight to the next, UTC; day counts from 1970. */
struct span rollup_day_span(uint32_t day);
/* The period of tier that holds a day. */
uint32_t rollup_period(enum partition_tier tier, uint32_t day);

/* What a chunk of rows adds to its window's totals: their starts, and how many. It has one at least. */
struct partition_extent rollup_rows_extent(const struct rollup_rows *rows);

/* The same of a roster, which counts as one row over all its days. It has one at least. */
struct partition_extent rollup_roster_extent(const struct rollup_roster *roster);

/* Checks a chunk of a partition of rollups and tells its extent. with_values: the doubles of its rows are
 * decoded too, which its checksum covers anyhow. TM_CORRUPT, TM_NOMEM. */
enum tm_err rollup_check(struct partition_id id, const struct partition_item *item, bool with_values,
                         struct partition_extent *out) TM_MUST_CHECK;

/* Whether a chunk of rows has one whose bucket lies wholly in span. TM_CORRUPT, TM_NOMEM. */
enum tm_err rollup_reaches(struct partition_id id, const struct partition_item *item, struct span span,
                           bool *found) TM_MUST_CHECK;

/* Up to which tag of raw samples (their own and those of the day before) the rows of a day go; 0: there are
 * none. TM_CORRUPT, TM_BUSY, TM_IO, TM_NOMEM. */
enum tm_err rollup_tag(struct partitions *set, enum partition_tier tier, uint32_t day, uint64_t *tag,
                       struct tm_why *why) TM_MUST_CHECK;

/* Whether the raw samples of a day are but a leftover: they were being dropped. own is the day's tag. Errors
 * as catalog_final_get. */
enum tm_err rollup_is_retired(struct catalog *catalog, uint32_t day, uint64_t own, bool *is_retired,
                              struct tm_why *why) TM_MUST_CHECK;

/* Which rows: those that stand for samples that were dropped, those made of the samples that are there, or
 * both together. */
enum rollup_wanted { ROLLUP_BASE, ROLLUP_CURRENT, ROLLUP_ALL };

struct rollup_found {
    struct rollup row;
    uint32_t epoch; /* how often the day's samples had been dropped before */
    uint32_t order; /* in which it was written */
};

/* What a reading works with. Set the first three, zero the rest; rollup_reading_fini frees what it gathered.
 */
struct rollup_reading {
    struct partitions *partitions;
    struct catalog *catalog;       /* may be NULL: no samples were ever dropped */
    struct tombstones *tombstones; /* may be NULL: nothing is deleted */
    struct tombstone_cover cover;  /* of what is read */
    uint32_t period;
    uint32_t first_day;
    struct catalog_finals finals[ROLLUP_MAX_DAYS]; /* from first_day on */
    struct rollup_rows rows;                       /* of one chunk */
    struct rollup_found *found;
    size_t found_count;
    size_t found_capacity;
};

/* Frees what was found and read; what it works with is the caller's. */
void rollup_reading_fini(struct rollup_reading *reading);

/* Before rollup_collect: loads what is final of the days of span, which lie in one period. Errors as
 * catalog_final_get. */
enum tm_err rollup_reading_begin(struct rollup_reading *reading, enum partition_tier tier, struct span span,
                                 struct tm_why *why) TM_MUST_CHECK;

/* Replaces *out by the wanted rows of a series whose start lies in span, which lies in the span of
 * rollup_reading_begin, ascending, none with count 0, none that a tombstone hides. Errors as rollup_tag; a
 * damaged partition is set aside.
 */
enum tm_err rollup_collect(struct rollup_reading *reading, enum partition_tier tier, uint32_t series,
                           struct span span, enum rollup_wanted wanted, struct rollup_rows *out,
                           struct tm_why *why) TM_MUST_CHECK;

/* Sets found[i] where a period's partitions hold rows of ids[i] that reach into span and stand for samples
 * that are not there; those that are set already are not looked for. Errors as rollup_collect. */
enum tm_err rollup_mark(struct rollup_reading *reading, enum partition_tier tier, uint32_t period,
                        const struct days_wanted *wanted, bool *found, struct tm_why *why) TM_MUST_CHECK;

/* Adds the last sample before a day of which only rollups are left, if there is one: what `increase` needs.
 * scratch is overwritten. Errors as rollup_collect. */
enum tm_err rollup_add_before(struct rollup_reading *reading, uint32_t day, uint32_t series,
                              struct columns *out, struct rollup_rows *scratch,
                              struct tm_why *why) TM_MUST_CHECK;

/* Adds the days of all rosters of a partition to a roster. Errors as rollup_tag; TM_LIMIT. */
enum tm_err rollup_rosters(struct partitions *set, struct partition_id id, struct rollup_roster *out,
                           struct tm_why *why) TM_MUST_CHECK;

#endif
