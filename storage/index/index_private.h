/* What the parts of the index share. Private to index*.c. */
#ifndef TM_STORAGE_INDEX_PRIVATE_H
#define TM_STORAGE_INDEX_PRIVATE_H

#include "storage/index/index.h"
#include "storage/index/index_values.h"

struct index {
    struct slab slab;
    struct values names;   /* the label names; postings: the series that have the label */
    struct values *tables; /* the values of the name at the same place in names */
    size_t table_capacity;
    struct values services;
    struct postings all;
    uint64_t seed;
    uint32_t id_max;
    uint32_t changes;  /* since memory was last asked after */
    uint64_t removals; /* after each the places of values may have changed */
};

/* One bit per series number. */
struct id_bits {
    uint64_t *words;
    size_t count; /* of words */
};

/* All bits off. TM_NOMEM. */
enum tm_err id_bits_init(struct id_bits *bits, const struct index *ix) TM_MUST_CHECK;
/* Releases the memory. */
void id_bits_fini(struct id_bits *bits);

/* TM_LIMIT, with pattern and value in why. */
enum tm_err index_fail_costly(struct tm_why *why, const struct matcher *m, struct str value) TM_MUST_CHECK;

/* Where a name is, VALUES_NONE if no series has it. */
uint32_t index_find_name(const struct index *ix, struct str name);

#endif
