/* What the files of rollups share. Private to rollup_*.c. */
#ifndef TM_STORAGE_ROLLUP_PRIVATE_H
#define TM_STORAGE_ROLLUP_PRIVATE_H

#include "storage/rollup/rollup_roll.h"

/* Encodes rows as one chunk in work->chunk. Errors as rollup_encode. */
enum tm_err rollup_work_encode(struct rollup_work *work, struct partition_id id,
                               const struct partition_key *at, const struct rollup_rows *rows,
                               enum chunk_effort effort, struct tm_why *why) TM_MUST_CHECK;

/* Adds the series of both partitions of a period to work->series. Errors as present_scan. */
enum tm_err rollup_work_scan(struct rollup_work *work, enum partition_tier tier, uint32_t period,
                             struct tm_why *why) TM_MUST_CHECK;

/* Notes that a period was written to just now, or that its rewrite was begun. */
void rollup_work_note(struct rollup_work *work, struct partition_id id, bool is_rewrite);

/* What the starts of rows in a partition are counted from, and in what. */
struct rollup_grid rollup_grid_of(struct partition_id id);

/* Sets a partition aside, of which a chunk of this series is damaged; TM_CORRUPT. Any thread. */
enum tm_err rollup_fail_damaged(struct partitions *set, struct partition_id id, uint32_t series,
                                struct tm_why *why) TM_MUST_CHECK;

/* The roster of a window. Any thread. Errors as rollup_tag. */
enum tm_err rollup_read_roster(struct partition_step *step, struct partition_id id, uint32_t window,
                               struct rollup_roster *out, struct tm_why *why) TM_MUST_CHECK;

/* Tells a test that work comes by this point; nothing if none listens. */
void rollup_work_pass(const struct rollup_work *work, const char *fault_point);

#endif
