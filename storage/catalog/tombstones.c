#include "storage/catalog/tombstones.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "storage/grow.h"

#define ITEM_BYTES sizeof(void *) /* of the table */

struct tombstones {
    pthread_rwlock_t lock; /* the flush thread holds it for writing while it changes anything */
    struct tombstone **items;
    size_t capacity;
    atomic_size_t count;
};

void tombstone_free(struct tombstone *tombstone)
{
    if (!tombstone)
        return;
    free(tombstone->series);
    for (int tier = 0; tier < TOMBSTONE_TIERS; tier++)
        free(tombstone->lists[tier].at);
    free(tombstone);
}

bool tombstone_is_done(const struct tombstone *tombstone)
{
    bool any = tombstone->is_everywhere;
    for (int tier = 0; tier < TOMBSTONE_TIERS; tier++)
        any = any || tombstone->lists[tier].count > 0;
    return !any;
}

struct tombstones *tombstones_new(void)
{
    struct tombstones *set = calloc(1, sizeof *set);
    if (!set)
        return NULL;
    pthread_rwlock_init(&set->lock, NULL);
    atomic_init(&set->count, 0);
    return set;
}

void tombstones_free(struct tombstones *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < tombstones_count(set); i++)
        tombstone_free(set->items[i]);
    free(set->items);
    pthread_rwlock_destroy(&set->lock);
    free(set);
}

size_t tombstones_count(const struct tombstones *set)
{
    return set ? atomic_load_explicit(&set->count, memory_order_acquire) : 0;
}

struct tombstone *tombstones_at(const struct tombstones *set, size_t i)
{
    assert(i < tombstones_count(set));
    return set->items[i];
}

/* ---- changing ---- */

enum tm_err tombstones_reserve(struct tombstones *set, size_t series_count)
{
    size_t count = tombstones_count(set);
    for (size_t i = 0; i < count; i++)
        series_count += set->items[i]->series_count;
    if (count >= TOMBSTONES_MAX || series_count > TOMBSTONES_SERIES_MAX)
        return TM_LIMIT;
    pthread_rwlock_wrlock(&set->lock);
    struct tombstone **items = grow_array(set->items, &set->capacity, count + 1, ITEM_BYTES);
    if (items)
        set->items = items;
    pthread_rwlock_unlock(&set->lock);
    return items ? TM_OK : TM_NOMEM;
}

void tombstones_add(struct tombstones *set, struct tombstone **tombstone)
{
    size_t count = tombstones_count(set);
    assert(count < set->capacity);
    assert(count == 0 || set->items[count - 1]->id < (*tombstone)->id);
    pthread_rwlock_wrlock(&set->lock);
    set->items[count] = *tombstone;
    atomic_store_explicit(&set->count, count + 1, memory_order_release);
    pthread_rwlock_unlock(&set->lock);
    *tombstone = NULL;
}

/* The place of the first period not before this one. */
static size_t find_period(const struct tombstone_list *list, uint32_t period)
{
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->at[middle].period < period)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Its entry in a list; NULL: it is not there. */
static struct tombstone_period *period_of(const struct tombstone_list *list, uint32_t period)
{
    size_t at = find_period(list, period);
    return at < list->count && list->at[at].period == period ? &list->at[at] : NULL;
}

/* Locked for writing. */
static void remove_period(struct tombstone *t, enum partition_tier tier, uint32_t period)
{
    struct tombstone_list *list = &t->lists[tier];
    struct tombstone_period *found = period_of(list, period);
    if (t->is_everywhere || !found)
        return;
    size_t behind = (size_t)(list->at + list->count - (found + 1));
    list->count--;
    memmove(found, found + 1, behind * sizeof *found);
    t->is_dirty = true;
}

void tombstones_settle_one(struct tombstones *set, struct tombstone *tombstone, enum partition_tier tier,
                           uint32_t period)
{
    pthread_rwlock_wrlock(&set->lock);
    remove_period(tombstone, tier, period);
    pthread_rwlock_unlock(&set->lock);
}

void tombstones_settle(struct tombstones *set, enum partition_tier tier, uint32_t period)
{
    if (tombstones_count(set) == 0)
        return;
    pthread_rwlock_wrlock(&set->lock);
    for (size_t i = 0; i < set->count; i++)
        remove_period(set->items[i], tier, period);
    pthread_rwlock_unlock(&set->lock);
}

void tombstones_set_lists(struct tombstones *set, struct tombstone *tombstone,
                          struct tombstone_list lists[TOMBSTONE_TIERS])
{
    pthread_rwlock_wrlock(&set->lock);
    for (int tier = 0; tier < TOMBSTONE_TIERS; tier++) {
        free(tombstone->lists[tier].at);
        tombstone->lists[tier] = lists[tier];
        lists[tier] = (struct tombstone_list){NULL, 0};
    }
    tombstone->is_everywhere = false;
    tombstone->is_dirty = true;
    pthread_rwlock_unlock(&set->lock);
}

bool tombstones_need(const struct tombstones *set, enum partition_tier tier, uint32_t period)
{
    size_t count = tombstones_count(set);
    for (size_t i = 0; i < count; i++) {
        const struct tombstone_period *found = period_of(&set->items[i]->lists[tier], period);
        if (found && found->is_needed)
            return true;
    }
    return false;
}

void tombstones_drop_done(struct tombstones *set)
{
    size_t kept = 0;
    pthread_rwlock_wrlock(&set->lock);
    for (size_t i = 0; i < set->count; i++) {
        struct tombstone *t = set->items[i];
        if (tombstone_is_done(t))
            tombstone_free(t);
        else
            set->items[kept++] = t;
    }
    atomic_store_explicit(&set->count, kept, memory_order_release);
    pthread_rwlock_unlock(&set->lock);
}

/* ---- looking ---- */

static bool has_series(const struct tombstone *t, uint32_t series)
{
    size_t low = 0, high = t->series_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (t->series[middle] < series)
            low = middle + 1;
        else
            high = middle;
    }
    return low < t->series_count && t->series[low] == series;
}

static enum tm_err add_hidden(struct tombstone_cover *cover, const struct tombstone *t)
{
    struct tombstone_hidden *items =
        grow_array(cover->items, &cover->capacity, cover->count + 1, sizeof *items);
    if (!items)
        return TM_NOMEM;
    cover->items = items;
    items[cover->count++] = (struct tombstone_hidden){t->span, t->lsn};
    return TM_OK;
}

enum tm_err tombstones_cover(struct tombstones *set, enum partition_tier tier, uint32_t period,
                             uint32_t series, struct span span, struct tombstone_cover *out)
{
    enum tm_err err = TM_OK;
    if (tombstones_count(set) == 0)
        return TM_OK;
    pthread_rwlock_rdlock(&set->lock);
    for (size_t i = 0; i < set->count && !err; i++) {
        const struct tombstone *t = set->items[i];
        bool is_listed = t->is_everywhere || period_of(&t->lists[tier], period);
        if (is_listed && t->span.from < span.to && t->span.to > span.from && has_series(t, series))
            err = add_hidden(out, t);
    }
    pthread_rwlock_unlock(&set->lock);
    return err;
}

bool tombstone_hides(const struct tombstone_cover *cover, time_ms_t time, uint64_t tag)
{
    for (size_t i = 0; i < cover->count; i++) {
        const struct tombstone_hidden *h = &cover->items[i];
        if (tag <= h->lsn && time >= h->span.from && time < h->span.to)
            return true;
    }
    return false;
}

bool tombstone_hides_bucket(const struct tombstone_cover *cover, struct span bucket, uint64_t tag)
{
    for (size_t i = 0; i < cover->count; i++) {
        const struct tombstone_hidden *h = &cover->items[i];
        if (tag <= h->lsn && bucket.from >= h->span.from && bucket.to <= h->span.to)
            return true;
    }
    return false;
}

void tombstone_cover_fini(struct tombstone_cover *cover)
{
    free(cover->items);
    *cover = (struct tombstone_cover){0};
}
