/* Cells in the partitions of the tier `counts`, which are UTC days: windows are added up, never replaced. Any
 * thread. */
#ifndef TM_STORAGE_COUNT_DAYS_H
#define TM_STORAGE_COUNT_DAYS_H

#include "storage/counts/cells.h"
#include "storage/partition/days.h"

/* The first slot of a day. */
static inline int64_t count_day_slot(uint32_t day)
{
    return (int64_t)day * CELLS_A_DAY;
}

/* Appends the cells of a series in [from, to) slots that a day's partitions hold, in the order in which they
 * were flushed, but for those that a tombstone hides (NULL: none does); *tag: the highest tag of the day, 0
 * if there are no partitions. Errors as days_collect. */
enum tm_err count_days_collect(struct partitions *set, struct tombstones *tombstones, uint32_t day,
                               uint32_t series, int64_t from, int64_t to, struct cells *out, uint64_t *tag,
                               struct tm_why *why) TM_MUST_CHECK;

/* Sets found[i] where a day's partitions hold a chunk of ids[i] that reaches into span and is not wholly
 * hidden. Errors as days_collect. */
enum tm_err count_days_mark(struct partitions *set, struct tombstones *tombstones, uint32_t day,
                            const struct days_wanted *wanted, bool *found, struct tm_why *why) TM_MUST_CHECK;

/* Checks a chunk of cells, and tells its extent. TM_CORRUPT. */
enum tm_err count_days_check(struct partition_id id, const struct partition_item *item, struct cells *scratch,
                             struct partition_extent *out) TM_MUST_CHECK;

#endif
