/* Samples in the partitions of raw data, which are UTC days: what a chunk's key is, and how the chunks of one
 * series and day become one row of samples. Any thread. */
#ifndef TM_STORAGE_DAYS_H
#define TM_STORAGE_DAYS_H

#include <stdint.h>

#include "storage/chunk/chunk.h"
#include "storage/catalog/tombstones.h"
#include "storage/chunk/columns.h"
#include "storage/partition/partition.h"

#define DAYS_ALL ((struct span){INT64_MIN, INT64_MAX})

/* Looks at the partitions of a period, in steps of its own. Another process may seal, merge or drop them
 * meanwhile: then look is called again, and has to begin anew. look's result; TM_BUSY: they change all the
 * time; TM_NOMEM. */
typedef enum tm_err days_look_fn(struct partitions *set, void *arg, struct tm_why *why);
enum tm_err days_look(struct partitions *set, enum partition_tier tier, uint32_t period, days_look_fn *look,
                      void *arg, struct tm_why *why) TM_MUST_CHECK;

/* Read steps of what a day has: none, the main partition, the late one or both. Both at once, main first:
 * while the main one is read nobody of this process can merge the late one into it. */
struct day_steps {
    struct partition_step at[2];
    struct partition_id ids[2];
    int count;
};
/* To be ended whatever it returns. tier is one of days. Errors as partition_step_begin, but for TM_NOT_FOUND.
 */
enum tm_err days_begin_steps(struct partitions *set, enum partition_tier tier, uint32_t day,
                             struct day_steps *steps, struct tm_why *why) TM_MUST_CHECK;

/* For who looks up many series by ascending number (partition_step_follow). */
void days_follow(struct day_steps *steps);

/* Ends those that began, the last one first; none is left. Twice does no harm. */
void days_end_steps(struct day_steps *steps);

/* The tag of a window of a step. */
uint64_t days_window_tag(const struct partition_step *step, uint32_t window);

/* What the checksum of a chunk at this place is keyed with. */
struct chunk_key days_chunk_key(struct partition_id id, const struct partition_key *key);

/* Appends the samples of a series in span that a day's partitions hold: the main one's windows, then the late
 * one's, in the order in which they were flushed, but for those that a tombstone hides (NULL: none does).
 * Nothing, if there are no partitions. TM_CORRUPT (a damaged partition
 * is set aside), TM_BUSY, TM_IO, TM_NOMEM. */
enum tm_err days_collect(struct partitions *set, struct tombstones *tombstones, uint32_t day, uint32_t series,
                         struct span span, struct columns *out, struct tm_why *why) TM_MUST_CHECK;

/* The same in steps of a day of raw data that stand open already. Whoever reads several series so asks for
 * them by ascending number: the steps then go on where they are. */
enum tm_err days_collect_in(struct day_steps *steps, struct tombstones *tombstones, uint32_t series,
                            struct span span, struct columns *out, struct tm_why *why) TM_MUST_CHECK;

/* Whether steps of any tier have a chunk of a series in a window that touches span; hidden ones count. Errors
 * as days_collect. */
enum tm_err days_have(struct day_steps *steps, uint32_t series, struct span span, bool *found,
                      struct tm_why *why) TM_MUST_CHECK;

/* Some series, by ascending number, and a span. */
struct days_wanted {
    const uint32_t *ids;
    size_t count;
    struct span span;
};

/* Sets found[i] where a day's partitions hold a chunk of ids[i] that reaches into span and is not wholly
 * hidden; those that are set already are not looked for. One step a partition. Errors as days_collect. */
enum tm_err days_mark(struct partitions *set, struct tombstones *tombstones, uint32_t day,
                      const struct days_wanted *wanted, bool *found, struct tm_why *why) TM_MUST_CHECK;

/* The highest lsn that was flushed into a day; 0: none. Errors as days_collect. */
enum tm_err days_tag(struct partitions *set, uint32_t day, uint64_t *tag, struct tm_why *why) TM_MUST_CHECK;
/* The same for another tier of days. */
enum tm_err days_tier_tag(struct partitions *set, enum partition_tier tier, uint32_t day, uint64_t *tag,
                          struct tm_why *why) TM_MUST_CHECK;

/* The first day from `from` on that has partitions. TM_NOT_FOUND. */
enum tm_err days_next(struct partitions *set, uint32_t from, uint32_t *day) TM_MUST_CHECK;

/* All partitions of raw data, by day; the caller frees *out. TM_NOMEM. */
enum tm_err days_list(struct partitions *set, struct partition_entry **out, size_t *count) TM_MUST_CHECK;
/* The same for another tier of days. */
enum tm_err days_tier_list(struct partitions *set, enum partition_tier tier, struct partition_entry **out,
                           size_t *count) TM_MUST_CHECK;

#endif
