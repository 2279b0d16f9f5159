/* A list of cells of one series, and how it is put in order. Not for more than one thread at a time. */
#ifndef TM_STORAGE_CELLS_H
#define TM_STORAGE_CELLS_H

#include <stddef.h>
#include <stdint.h>

#include "storage/model/cell.h"
#include "storage/model/err.h"

struct cell {
    int64_t slot; /* of 10 s, since 1970 */
    uint32_t cell;
    uint32_t age; /* in a head: how many records behind the head's base it came, if that is kept; else 0 */
    int64_t value;
};

/* Zero-initialised is empty. */
struct cells {
    struct cell *at;
    size_t count;
    size_t capacity;
    uint64_t saturated; /* sums that did not fit */
};

/* Frees them; it is empty then. */
void cells_fini(struct cells *cells);

/* Room for `more`. TM_NOMEM. */
enum tm_err cells_reserve(struct cells *cells, size_t more) TM_MUST_CHECK;

/* By slot, then by cell, then by age. */
int cells_compare(const void *a, const void *b);

/* Puts them in order of (slot, cell), adds up what is equal in both, and leaves out sums of 0. */
void cells_settle(struct cells *cells);

/* The first one at or behind this slot; settled. */
size_t cells_find(const struct cells *cells, int64_t slot);

#endif
