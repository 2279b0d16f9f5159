/* The series that bear one label value: one number inline, a short sorted list in the slab, or a roaring
 * bitmap, by how many there are. A value of one series (a pod's id) costs nothing beyond its entry.
 *
 * CRoaring before 2.0 checks none of its allocations and has no hook for them. So whoever changes postings
 * asks postings_has_room first; that finds a process that is out of memory before CRoaring does. Threads: the
 * index's. */
#ifndef TM_STORAGE_INDEX_POSTINGS_H
#define TM_STORAGE_INDEX_POSTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/index/index_slab.h"
#include "storage/model/err.h"

struct roaring_bitmap_s;

enum { POSTINGS_LIST_MAX = 255 }; /* ids in a list; more: a bitmap */

/* Zero-initialised is empty. */
struct postings {
    uint32_t count; /* and in its highest bit: it is a bitmap */
    uint32_t ref;   /* the only id, or a block of the slab */
};

/* Could bytes be had from the system now? */
bool postings_has_room(size_t bytes);

/* Releases what p has; it is empty afterwards. */
void postings_fini(struct slab *slab, struct postings *p);

/* How many ids are in it; O(1). */
size_t postings_count(const struct postings *p);

/* Adds id, which is not in it. TM_NOMEM: as before. */
enum tm_err postings_add(struct slab *slab, struct postings *p, uint32_t id) TM_MUST_CHECK;

/* Removes id if it is there. Never fails. */
void postings_remove(struct slab *slab, struct postings *p, uint32_t id);

/* Is id in it? */
bool postings_has(const struct slab *slab, const struct postings *p, uint32_t id);

/* Writes the ids, sorted; ids has room for postings_count. */
void postings_list(const struct slab *slab, const struct postings *p, uint32_t *ids);

/* Sets the bit of each id. */
void postings_to_bits(const struct slab *slab, const struct postings *p, uint64_t *words);

/* How many of its ids have their bit set. */
size_t postings_count_bits(const struct slab *slab, const struct postings *p, const uint64_t *words);

/* The bitmap behind it, NULL if it has none. Valid until p changes. */
const struct roaring_bitmap_s *postings_bitmap(const struct slab *slab, const struct postings *p);

/* Bytes outside the slab. */
size_t postings_bytes(const struct slab *slab, const struct postings *p);

#endif
