/* A set of small numbers: series of a partition, days. */
#ifndef TM_STORAGE_PRESENT_H
#define TM_STORAGE_PRESENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/partition/partition.h"

/* Zero-initialised is empty; the holder owns the memory, a bit for each number up to the greatest. */
struct present {
    uint8_t *bits;
    size_t capacity; /* in bytes */
};

/* Frees it; it is empty then. */
void present_fini(struct present *present);
/* Makes it empty and keeps the memory. */
void present_clear(struct present *present);

/* Takes a number in; twice does no harm. TM_NOMEM. */
enum tm_err present_add(struct present *present, uint32_t number) TM_MUST_CHECK;

/* Takes it out; one that is no member: nothing. */
void present_remove(struct present *present, uint32_t number);

/* Is it a member? */
bool present_has(const struct present *present, uint32_t number);

/* The first member from *number on, in *number. False: there is none. */
bool present_next(const struct present *present, uint32_t *number);

/* Adds every series with a chunk in a partition, in bounded steps; none, if there is no such partition.
 * Errors as partition_scan_next. */
enum tm_err present_scan(struct present *present, struct partitions *set, struct partition_id id,
                         struct tm_why *why) TM_MUST_CHECK;

#endif
