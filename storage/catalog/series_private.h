/* The series table's insides, for series.c and series_leave.c. */
#ifndef TM_STORAGE_SERIES_PRIVATE_H
#define TM_STORAGE_SERIES_PRIVATE_H

#include <stdatomic.h>

#include "storage/catalog/id_table.h"
#include "storage/catalog/label_sets.h"
#include "storage/catalog/series.h"
#include "storage/catalog/services.h"

enum { SERIES_CHUNK = 1 << 14, SERIES_CHUNKS = SERIES_NUMBERS_MAX / SERIES_CHUNK };

struct series_entry {
    uint32_t labels; /* of label_sets; 0: none */
    uint32_t service;
    uint32_t users;    /* batches under way that use it, while it is not durable */
    atomic_uint noted; /* the turn of news in which something of it became visible last; 0: never */
};

/* One raw hash. The place in the table comes from `fold`, so 96 keyed bits are compared in all; four of these
 * are one cache line. */
struct raw_slot {
    uint64_t high;
    uint32_t fold;
    uint32_t id; /* 0: empty */
};

struct series_table {
    struct series_entry *chunks[SERIES_CHUNKS];
    uint8_t *states; /* by number */
    size_t state_capacity;
    uint32_t count; /* numbers given out, 0 (none) included */
    uint32_t *free_list;
    size_t free_count;
    size_t free_capacity;
    uint32_t *order[SERIES_CHUNKS]; /* durable ones; 0: it left */
    size_t order_count;
    uint32_t gone; /* numbers that left and have no place in the order any more: never given again */
    struct raw_slot *raw;
    size_t raw_capacity;
    size_t raw_used;
    bool raw_is_stale;         /* it speaks of series that left */
    struct id_table by_labels; /* all that are not free */
    uint64_t idle;
    uint64_t live;
    uint64_t refused;
    uint64_t moves;   /* how often one left the order, or its gaps were closed */
    atomic_uint turn; /* of news; from 1 on */
    int64_t max_series;
    int64_t max_series_per_service;
    uint64_t seed;
    struct services services;
    struct label_sets label_sets;
    uint32_t top_service; /* with the most live series */
    bool top_is_stale;
};

/* The entry of a number that was given and is not free. */
static inline struct series_entry *series_entry_at(const struct series_table *table, series_id id)
{
    return &table->chunks[id / SERIES_CHUNK][id % SERIES_CHUNK];
}

/* What the labels of a series are found by. */
uint32_t series_hash_labels(const struct series_table *table, struct str labels);
/* Room for the number `count`, which is the next. */
bool series_make_room(struct series_table *table, uint32_t count);
/* Copies what still means something into a table of raw hashes of this capacity. */
bool series_rebuild_raw(struct series_table *table, size_t capacity);

#endif
