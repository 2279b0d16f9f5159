/* The cells of a batch: adds to one cell become one entry, found by hash; and their section in a record.
 * storage/FORMAT.md has every byte. */
#ifndef TM_STORAGE_BATCH_CELLS_H
#define TM_STORAGE_BATCH_CELLS_H

#include <stddef.h>
#include <stdint.h>

#include "storage/model/bytes.h"
#include "storage/model/cell.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"

struct batch_cell {
    int64_t slot; /* of 10 s, since 1970 */
    int64_t value;
    uint32_t series;
    uint32_t cell;
};

/* Zero-initialised is empty. */
struct batch_cells {
    struct batch_cell *at; /* in order of appearance; some may have become 0 */
    size_t count;
    size_t capacity;
    uint32_t *places; /* hash table: index plus one */
    size_t place_count;
    time_ms_t newest_ms; /* of what was added; valid if count > 0 */
};

/* Frees them; it is empty then. */
void batch_cells_fini(struct batch_cells *cells);
/* Empties it; the memory is kept. */
void batch_cells_clear(struct batch_cells *cells);

/* Adds to the cell of a series and time. TM_LIMIT: the sum would not fit in 64 bits; TM_NOMEM. Then nothing
 * is changed. */
enum tm_err batch_cells_add(struct batch_cells *cells, uint32_t series, uint32_t cell, time_ms_t time,
                            int64_t add) TM_MUST_CHECK;

/* By series, slot and cell, as they stand in a record. */
int batch_cells_compare(const void *a, const void *b);

/* Appends the section: cells in that order, each once. Failed allocations show in bytes_error(out). */
void batch_cells_encode(const struct batch_cell *cells, size_t count, time_ms_t newest_ms, struct bytes *out);

/* Where decoded cells live: the array is used again and grows; its holder frees at. */
struct batch_cell_array {
    struct batch_cell *at;
    size_t count;
    size_t capacity;
    time_ms_t newest_ms;
};

/* Reads the section; what out held is replaced. TM_CORRUPT, TM_NOMEM. */
enum tm_err batch_cells_decode(struct cursor *c, struct batch_cell_array *out) TM_MUST_CHECK;

#endif
