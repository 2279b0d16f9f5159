/* What rolling and rewriting share. Private to rollup_roll.c and rollup_rewrite.c. */
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

/* Notes that a period was written to just now. */
void rollup_work_note(struct rollup_work *work, struct partition_id id);

void rollup_work_pass(const struct rollup_work *work, const char *fault_point);

#endif
