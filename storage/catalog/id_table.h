/* Numbers by hash: open addressing, the hash beside each number, so that a lookup that meets others need not
 * look at what they are. Several numbers may have one hash. Threads: the owner's. */
#ifndef TM_STORAGE_ID_TABLE_H
#define TM_STORAGE_ID_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id_slot {
    uint32_t hash;
    uint32_t id; /* 0: empty */
};

/* Zero-initialised is empty. */
struct id_table {
    struct id_slot *slots;
    size_t capacity; /* a power of two */
    size_t used;
};

/* Frees it; it is empty then. */
void id_table_fini(struct id_table *table);

/* Makes room for so many in all; false without memory, then it is as before. */
bool id_table_reserve(struct id_table *table, size_t count);

/* Adds a number; there must be room for it. */
void id_table_add(struct id_table *table, uint32_t hash, uint32_t id);

/* The next number with this hash, 0 at the end. *at is 0 at first. */
uint32_t id_table_next(const struct id_table *table, uint32_t hash, size_t *at);

/* Removes a number, if it is there under this hash. */
void id_table_remove(struct id_table *table, uint32_t hash, uint32_t id);
/* The same whatever its hash is; walks over all. */
void id_table_remove_slowly(struct id_table *table, uint32_t id);

/* Hints that this hash is looked up soon. */
static inline void id_table_expect(const struct id_table *table, uint32_t hash)
{
    if (table->slots)
        __builtin_prefetch(&table->slots[hash & (table->capacity - 1)], 1);
}

/* True: this number stays. */
typedef bool id_table_keep_fn(const void *arg, uint32_t id);

/* Removes the numbers that keep does not want, in place. Walks over all. */
void id_table_sweep(struct id_table *table, id_table_keep_fn *keep, const void *arg);

#endif
