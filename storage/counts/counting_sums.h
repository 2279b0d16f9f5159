/* Sums of many small additions, by group, part and step. Private to counting. */
#ifndef TM_STORAGE_COUNTING_SUMS_H
#define TM_STORAGE_COUNTING_SUMS_H

#include <stddef.h>
#include <stdint.h>

#include "storage/model/bytes.h"
#include "storage/model/err.h"

/* value + carry * 2^64: so that the order of additions does not matter. */
struct counting_sum {
    uint32_t group;
    uint32_t part; /* a histogram's bucket; else 0 */
    int64_t step;
    int64_t value;
    int32_t carry;
};

/* Zero-initialised is empty. */
struct counting_sums {
    struct counting_sum *at;
    size_t count;
    size_t capacity;
};

/* Frees them; it is empty then. */
void counting_sums_fini(struct counting_sums *sums);

/* TM_LIMIT past max different sums; TM_NOMEM. */
enum tm_err counting_sums_add(struct counting_sums *sums, const struct counting_sum *add,
                              size_t max) TM_MUST_CHECK;
/* By group, part and step, each once. */
void counting_sums_settle(struct counting_sums *sums);

/* *sum += add, but for group, part and step. */
void counting_sum_add(struct counting_sum *sum, const struct counting_sum *add);

/* ---- groups: encoded label sets, numbered from 0 ---- */

/* Zero-initialised is empty. */
struct counting_groups {
    struct bytes texts;
    size_t *ends; /* in texts */
    size_t count;
    size_t capacity;
    uint32_t *slots; /* number + 1; a power of two of them, at most half used */
    size_t slot_count;
};

/* Frees the texts with their numbers; it is empty then. */
void counting_groups_fini(struct counting_groups *groups);

/* The number of this label set, given if it is new. TM_LIMIT past max; TM_NOMEM. */
enum tm_err counting_groups_number(struct counting_groups *groups, struct str encoded, size_t max,
                                   uint32_t *out) TM_MUST_CHECK;
/* Its bytes; valid until the next one is added. */
struct str counting_groups_text(const struct counting_groups *groups, uint32_t number);

#endif
