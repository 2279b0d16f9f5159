/* Which series are defined in the segment being written. Rules: (1) a record defines each series that no
 * earlier group of its segment defined, so that whatever a power cut leaves of the group being written, each
 * record that is left is complete; (2) the next group that uses the series defines it once more, so that one
 * damaged record costs only itself. Journal thread only. */
#ifndef TM_STORAGE_DEFINITIONS_H
#define TM_STORAGE_DEFINITIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/journal/journal_record.h"
#include "storage/model/err.h"

struct definition_mark;
struct definition_use;

/* Zero-initialised is empty. */
struct definitions {
    struct definition_mark *marks; /* by series */
    size_t mark_capacity;
    struct definition_use *fresh; /* what the record being made defines */
    size_t fresh_count;
    size_t fresh_capacity;
    struct record_place place;
};

/* Starts a record. */
void definitions_start(struct definitions *definitions, const struct record_place *place);
/* The record uses series: notes it as fresh if the record has to define it. TM_NOMEM. */
enum tm_err definitions_use(struct definitions *definitions, uint32_t series) TM_MUST_CHECK;
/* The n-th series that the record has to define. */
uint32_t definitions_fresh_at(const struct definitions *definitions, size_t n);
/* Ends the record; one that was not written has defined nothing. */
void definitions_end(struct definitions *definitions, bool is_written);
/* Frees it; it is empty then, and knows of no segment. */
void definitions_fini(struct definitions *definitions);

#endif
