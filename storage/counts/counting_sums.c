#include "storage/counts/counting_sums.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "storage/grow.h"

enum { FIRST_SLOTS = 64, SETTLE_AT = 65536 };

void counting_sums_fini(struct counting_sums *sums)
{
    free(sums->at);
    *sums = (struct counting_sums){0};
}

void counting_sum_add(struct counting_sum *sum, const struct counting_sum *add)
{
    int64_t value = (int64_t)((uint64_t)sum->value + (uint64_t)add->value);
    if (sum->value >= 0 && add->value >= 0 && value < 0)
        sum->carry++;
    if (sum->value < 0 && add->value < 0 && value >= 0)
        sum->carry--;
    sum->value = value;
    sum->carry += add->carry;
}

static int compare_place(const struct counting_sum *a, const struct counting_sum *b)
{
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    if (a->part != b->part)
        return a->part < b->part ? -1 : 1;
    return (a->step > b->step) - (a->step < b->step);
}

static int compare_sums(const void *a, const void *b)
{
    return compare_place(a, b);
}

void counting_sums_settle(struct counting_sums *sums)
{
    size_t kept = 0;
    if (sums->count > 1)
        qsort(sums->at, sums->count, sizeof *sums->at, compare_sums);
    for (size_t i = 0; i < sums->count; i++) {
        if (kept > 0 && compare_place(&sums->at[kept - 1], &sums->at[i]) == 0)
            counting_sum_add(&sums->at[kept - 1], &sums->at[i]);
        else
            sums->at[kept++] = sums->at[i];
    }
    sums->count = kept;
}

/* Full: what is equal becomes one, and half of the room is to be free after that. */
static enum tm_err make_room(struct counting_sums *sums, size_t max)
{
    if (sums->capacity >= SETTLE_AT)
        counting_sums_settle(sums);
    if (sums->count > max)
        return TM_LIMIT;
    if (sums->at && sums->count <= sums->capacity / 2)
        return TM_OK;
    struct counting_sum *at = grow_array(sums->at, &sums->capacity, sums->count * 2 + 1, sizeof *at);
    if (!at)
        return TM_NOMEM;
    sums->at = at;
    return TM_OK;
}

enum tm_err counting_sums_add(struct counting_sums *sums, const struct counting_sum *add, size_t max)
{
    if (sums->count > 0 && compare_place(&sums->at[sums->count - 1], add) == 0) {
        counting_sum_add(&sums->at[sums->count - 1], add);
        return TM_OK;
    }
    if (sums->count == sums->capacity) {
        enum tm_err err = make_room(sums, max);
        if (err)
            return err;
    }
    sums->at[sums->count++] = *add;
    return TM_OK;
}

/* ---- groups ---- */

void counting_groups_fini(struct counting_groups *groups)
{
    bytes_fini(&groups->texts);
    free(groups->ends);
    free(groups->slots);
    *groups = (struct counting_groups){0};
}

struct str counting_groups_text(const struct counting_groups *groups, uint32_t number)
{
    size_t from = number > 0 ? groups->ends[number - 1] : 0;
    return (struct str){(const char *)groups->texts.data + from, groups->ends[number] - from};
}

static uint32_t *find_slot(const struct counting_groups *groups, struct str text)
{
    size_t mask = groups->slot_count - 1;
    size_t i = XXH3_64bits(text.ptr, text.len) & mask;
    while (groups->slots[i] > 0 && !str_equal(counting_groups_text(groups, groups->slots[i] - 1), text))
        i = (i + 1) & mask;
    return &groups->slots[i];
}

static enum tm_err grow_slots(struct counting_groups *groups)
{
    struct counting_groups grown = *groups;
    if (groups->slot_count > groups->count * 2)
        return TM_OK;
    grown.slot_count = groups->slot_count > 0 ? groups->slot_count * 2 : FIRST_SLOTS;
    grown.slots = calloc(grown.slot_count, sizeof *grown.slots);
    if (!grown.slots)
        return TM_NOMEM;
    for (uint32_t i = 0; i < groups->count; i++)
        *find_slot(&grown, counting_groups_text(groups, i)) = i + 1;
    free(groups->slots);
    groups->slots = grown.slots;
    groups->slot_count = grown.slot_count;
    return TM_OK;
}

enum tm_err counting_groups_number(struct counting_groups *groups, struct str encoded, size_t max,
                                   uint32_t *out)
{
    if (grow_slots(groups) != TM_OK)
        return TM_NOMEM;
    uint32_t *slot = find_slot(groups, encoded);
    if (*slot == 0) {
        if (groups->count == max)
            return TM_LIMIT;
        size_t *ends = grow_array(groups->ends, &groups->capacity, groups->count + 1, sizeof *ends);
        if (!ends)
            return TM_NOMEM;
        groups->ends = ends;
        bytes_put(&groups->texts, encoded.ptr, encoded.len);
        if (bytes_error(&groups->texts))
            return TM_NOMEM;
        ends[groups->count++] = groups->texts.len;
        *slot = (uint32_t)groups->count;
    }
    *out = *slot - 1;
    return TM_OK;
}
