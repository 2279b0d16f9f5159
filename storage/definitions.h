/* Which series are defined in the segment being written. Rule: a segment defines each series it uses twice,
 * in the first two records that use it, so that it can be read alone and a damaged record costs only itself.
 * Journal thread only. */
#ifndef TM_STORAGE_DEFINITIONS_H
#define TM_STORAGE_DEFINITIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/model/err.h"

struct definitions {
    uint32_t *marks; /* by series: the segment and how often it is defined there */
    size_t mark_capacity;
    uint32_t *fresh; /* what the record being made defines */
    size_t fresh_count;
    size_t fresh_capacity;
    uint64_t segment;
};

/* Starts a record of a segment. */
void definitions_start(struct definitions *definitions, uint64_t segment);
/* The record uses series: notes it in fresh if the record has to define it. TM_NOMEM. */
enum tm_err definitions_use(struct definitions *definitions, uint32_t series) TM_MUST_CHECK;
/* Ends the record; one that was not written has defined nothing. */
void definitions_end(struct definitions *definitions, bool is_written);
void definitions_fini(struct definitions *definitions);

#endif
