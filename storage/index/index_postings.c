#include "storage/index/index_postings.h"

#include <roaring/roaring.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_FIRST = 3, BITMAP_OVERHEAD = 64, CONTAINER_OVERHEAD = 64, POINTER_BYTES = sizeof(void *) };

static const uint32_t is_bitmap_bit = UINT32_C(1) << 31;

/* A list's block: 3, 7, 15, .. 255 ids behind their capacity. */
struct id_list {
    uint32_t capacity;
    uint32_t ids[];
};

bool postings_has_room(size_t bytes)
{
    void *volatile probe = malloc(bytes);
    free(probe);
    return probe != NULL;
}

size_t postings_count(const struct postings *p)
{
    return p->count & ~is_bitmap_bit;
}

static bool is_bitmap(const struct postings *p)
{
    return (p->count & is_bitmap_bit) != 0;
}

static struct id_list *list_of(const struct slab *slab, const struct postings *p)
{
    return slab_at(slab, p->ref);
}

static roaring_bitmap_t *bitmap_of(const struct slab *slab, const struct postings *p)
{
    roaring_bitmap_t *bitmap;
    memcpy(&bitmap, slab_at(slab, p->ref), POINTER_BYTES);
    return bitmap;
}

const struct roaring_bitmap_s *postings_bitmap(const struct slab *slab, const struct postings *p)
{
    return is_bitmap(p) ? bitmap_of(slab, p) : NULL;
}

static size_t list_bytes(uint32_t capacity)
{
    return sizeof(struct id_list) + capacity * sizeof(uint32_t);
}

static void give_list(struct slab *slab, uint32_t ref)
{
    const struct id_list *list = slab_at(slab, ref);
    slab_give(slab, ref, list_bytes(list->capacity));
}

void postings_fini(struct slab *slab, struct postings *p)
{
    if (is_bitmap(p)) {
        roaring_bitmap_free(bitmap_of(slab, p));
        slab_give(slab, p->ref, POINTER_BYTES);
    } else if (p->count > 1) {
        give_list(slab, p->ref);
    }
    *p = (struct postings){0, 0};
}

/* The first place whose id is not below. */
static uint32_t find_place(const uint32_t *ids, uint32_t count, uint32_t id)
{
    uint32_t low = 0;
    if (count > 0 && ids[count - 1] < id)
        return count;
    for (uint32_t high = count; low < high;) {
        uint32_t middle = low + (high - low) / 2;
        if (ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Moves the ids of p, one or a list, into a list of capacity. */
static enum tm_err move_to_list(struct slab *slab, struct postings *p, uint32_t capacity)
{
    uint32_t ref = slab_take(slab, list_bytes(capacity));
    if (ref == 0)
        return TM_NOMEM;
    struct id_list *list = slab_at(slab, ref);
    list->capacity = capacity;
    postings_list(slab, p, list->ids);
    if (p->count > 1)
        give_list(slab, p->ref);
    p->ref = ref;
    return TM_OK;
}

static enum tm_err move_to_bitmap(struct slab *slab, struct postings *p)
{
    const struct id_list *list = list_of(slab, p);
    uint32_t ref = slab_take(slab, POINTER_BYTES);
    if (ref == 0)
        return TM_NOMEM;
    roaring_bitmap_t *bitmap = roaring_bitmap_of_ptr(p->count, list->ids);
    if (!bitmap) {
        slab_give(slab, ref, POINTER_BYTES);
        return TM_NOMEM;
    }
    memcpy(slab_at(slab, ref), &bitmap, POINTER_BYTES);
    give_list(slab, p->ref);
    *p = (struct postings){p->count | is_bitmap_bit, ref};
    return TM_OK;
}

static enum tm_err make_list_room(struct slab *slab, struct postings *p)
{
    if (p->count == 1)
        return move_to_list(slab, p, LIST_FIRST);
    uint32_t capacity = list_of(slab, p)->capacity;
    if (p->count < capacity)
        return TM_OK;
    return p->count == POSTINGS_LIST_MAX ? move_to_bitmap(slab, p) : move_to_list(slab, p, capacity * 2 + 1);
}

enum tm_err postings_add(struct slab *slab, struct postings *p, uint32_t id)
{
    if (p->count == 0) {
        *p = (struct postings){1, id};
        return TM_OK;
    }
    if (!is_bitmap(p)) {
        enum tm_err err = make_list_room(slab, p);
        if (err)
            return err;
    }
    if (is_bitmap(p)) {
        roaring_bitmap_add(bitmap_of(slab, p), id);
    } else {
        struct id_list *list = list_of(slab, p);
        uint32_t at = find_place(list->ids, p->count, id);
        memmove(list->ids + at + 1, list->ids + at, (p->count - at) * sizeof id);
        list->ids[at] = id;
    }
    p->count++;
    return TM_OK;
}

/* A bitmap of few ids becomes a list again; if there is no room for that it stays. */
static void shrink_bitmap(struct slab *slab, struct postings *p)
{
    uint32_t count = (uint32_t)postings_count(p);
    uint32_t capacity = POSTINGS_LIST_MAX / 2;
    uint32_t ref = slab_take(slab, list_bytes(capacity));
    if (ref == 0)
        return;
    struct id_list *list = slab_at(slab, ref);
    list->capacity = capacity;
    postings_list(slab, p, list->ids);
    postings_fini(slab, p);
    *p = (struct postings){count, ref};
}

static void remove_from_list(struct slab *slab, struct postings *p, uint32_t at)
{
    struct id_list *list = list_of(slab, p);
    if (p->count == 2) {
        uint32_t kept = list->ids[1 - at];
        give_list(slab, p->ref);
        *p = (struct postings){1, kept};
        return;
    }
    memmove(list->ids + at, list->ids + at + 1, (p->count - at - 1) * sizeof list->ids[0]);
    p->count--;
    if (list->capacity > LIST_FIRST && p->count <= list->capacity / 4)
        (void)move_to_list(slab, p, list->capacity / 2);
}

void postings_remove(struct slab *slab, struct postings *p, uint32_t id)
{
    if (!postings_has(slab, p, id))
        return;
    if (is_bitmap(p)) {
        roaring_bitmap_remove(bitmap_of(slab, p), id);
        p->count--;
        if (postings_count(p) <= POSTINGS_LIST_MAX / 4)
            shrink_bitmap(slab, p);
        /* Only without room for a list does a bitmap get this small. */
        if (postings_count(p) == 0)
            postings_fini(slab, p);
    } else if (p->count == 1) {
        *p = (struct postings){0, 0};
    } else {
        remove_from_list(slab, p, find_place(list_of(slab, p)->ids, p->count, id));
    }
}

bool postings_has(const struct slab *slab, const struct postings *p, uint32_t id)
{
    if (is_bitmap(p))
        return roaring_bitmap_contains(bitmap_of(slab, p), id);
    if (p->count <= 1)
        return p->count == 1 && p->ref == id;
    const struct id_list *list = list_of(slab, p);
    uint32_t at = find_place(list->ids, p->count, id);
    return at < p->count && list->ids[at] == id;
}

void postings_list(const struct slab *slab, const struct postings *p, uint32_t *ids)
{
    if (is_bitmap(p))
        roaring_bitmap_to_uint32_array(bitmap_of(slab, p), ids);
    else if (p->count == 1)
        ids[0] = p->ref;
    else if (p->count > 1)
        memcpy(ids, list_of(slab, p)->ids, p->count * sizeof *ids);
}

static bool set_bit(uint32_t id, void *words)
{
    ((uint64_t *)words)[id / 64] |= UINT64_C(1) << (id % 64);
    return true;
}

void postings_to_bits(const struct slab *slab, const struct postings *p, uint64_t *words)
{
    if (is_bitmap(p)) {
        (void)roaring_iterate(bitmap_of(slab, p), set_bit, words);
        return;
    }
    const uint32_t *ids = p->count == 1 ? &p->ref : p->count > 1 ? list_of(slab, p)->ids : NULL;
    for (uint32_t i = 0; i < p->count; i++)
        (void)set_bit(ids[i], words);
}

struct bit_counter {
    const uint64_t *words;
    size_t count;
};

static bool count_bit(uint32_t id, void *arg)
{
    struct bit_counter *counter = arg;
    counter->count += counter->words[id / 64] >> (id % 64) & 1;
    return true;
}

size_t postings_count_bits(const struct slab *slab, const struct postings *p, const uint64_t *words)
{
    struct bit_counter counter = {words, 0};
    if (is_bitmap(p)) {
        (void)roaring_iterate(bitmap_of(slab, p), count_bit, &counter);
        return counter.count;
    }
    const uint32_t *ids = p->count == 1 ? &p->ref : p->count > 1 ? list_of(slab, p)->ids : NULL;
    for (uint32_t i = 0; i < p->count; i++)
        (void)count_bit(ids[i], &counter);
    return counter.count;
}

size_t postings_bytes(const struct slab *slab, const struct postings *p)
{
    if (!is_bitmap(p))
        return 0;
    const roaring_bitmap_t *bitmap = bitmap_of(slab, p);
    roaring_statistics_t s;
    roaring_bitmap_statistics(bitmap, &s);
    return BITMAP_OVERHEAD + s.n_bytes_array_containers + s.n_bytes_bitset_containers +
           s.n_bytes_run_containers + (size_t)s.n_containers * CONTAINER_OVERHEAD;
}
