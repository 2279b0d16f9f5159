/* The cells that are in memory and not yet in files: what a head (storage/flush/head.h) has of counts. Adds
 * to one cell become one entry. Threads: as of the head. */
#ifndef TM_STORAGE_COUNT_HEAD_H
#define TM_STORAGE_COUNT_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/counts/cells.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"

struct count_series;

/* Zero-initialised is empty. */
struct count_head {
    struct count_series *series; /* in order of appearance */
    size_t count;
    size_t capacity;
    uint32_t *places; /* hash table: index of a series plus one */
    size_t place_count;
    int64_t *days; /* UTC days since 1970 in which it has cells; ascending */
    size_t day_count;
    size_t day_capacity;
    int64_t last_day; /* of the cell before; valid if day_count > 0 */
    /* All that is in here came with records behind this lsn. A window whose tag is above it holds what was in
     * here of that day. */
    uint64_t base_lsn;
    uint32_t age; /* of what is added from now on */
    size_t bytes; /* of memory, about */
    uint64_t cells;
    uint64_t saturated; /* sums that did not fit in 64 bits */
};

/* Frees all cells; zeroed, base_lsn and the sums of figures too. */
void count_head_fini(struct count_head *head);

/* One add. age: 0, or how many records behind base_lsn it came, at least, to keep adds of different records
 * apart. */
struct count_add {
    uint32_t series;
    uint32_t cell;
    int64_t slot;
    int64_t value;
    uint32_t age;
};
/* TM_NOMEM: it is not there. */
enum tm_err count_head_add(struct count_head *head, const struct count_add *add) TM_MUST_CHECK;

/* Appends the cells of a series in [from, to) slots, in no order, to out. TM_NOMEM. */
enum tm_err count_head_collect(const struct count_head *head, uint32_t series, int64_t from, int64_t to,
                               struct cells *out) TM_MUST_CHECK;

/* The first slot in [from, to) of which a series has a cell. False: there is none. */
bool count_head_first(const struct count_head *head, uint32_t series, int64_t from, int64_t to, int64_t *out);

/* Whether a window with this tag holds what a cell of this age says. */
static inline bool count_head_is_stored(uint64_t base_lsn, uint32_t age, uint64_t tag)
{
    return tag >= base_lsn + (age > 0 ? age : 1);
}

/* The numbers of its series, ascending; the caller frees *out. TM_NOMEM. */
enum tm_err count_head_list(const struct count_head *head, uint32_t **out, size_t *count) TM_MUST_CHECK;

#endif
