#include "storage/catalog/label_sets.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "storage/model/labels.h"

enum { PAIRS_FIRST = 256 };

/* Name and value as labels_encode writes them, one behind the other. */
struct pair {
    uint32_t users; /* sets; 0: goes with the next sweep */
    uint32_t len;
    char text[];
};

struct set {
    uint32_t count;
    uint32_t pairs[];
};

static struct pair *pair_at(const struct label_sets *sets, uint32_t block)
{
    return slab_at(&sets->slab, block);
}

static struct set *set_at(const struct label_sets *sets, uint32_t block)
{
    return slab_at(&sets->slab, block);
}

static size_t set_bytes(size_t count)
{
    return sizeof(struct set) + count * sizeof(uint32_t);
}

void label_sets_fini(struct label_sets *sets)
{
    slab_fini(&sets->slab);
    free(sets->pairs);
    *sets = (struct label_sets){.seed = sets->seed};
}

/* ---- pairs ---- */

static size_t home_of(const struct label_sets *sets, struct str text)
{
    return XXH3_64bits_withSeed(text.ptr, text.len, sets->seed) & (sets->pair_capacity - 1);
}

static struct str text_of(const struct pair *pair)
{
    return (struct str){pair->text, pair->len};
}

/* Where the pair of this text is, or the empty place for it. */
static size_t find_pair(const struct label_sets *sets, struct str text)
{
    size_t at = home_of(sets, text);
    while (sets->pairs[at] != 0 && !str_equal(text_of(pair_at(sets, sets->pairs[at])), text))
        at = (at + 1) & (sets->pair_capacity - 1);
    return at;
}

static enum tm_err make_room(struct label_sets *sets)
{
    if ((sets->pair_count + 1) * 4 <= sets->pair_capacity * 3)
        return TM_OK;
    uint32_t *old = sets->pairs;
    size_t old_capacity = sets->pair_capacity;
    size_t capacity = old_capacity ? old_capacity * 2 : PAIRS_FIRST;
    uint32_t *pairs = calloc(capacity, sizeof *pairs);
    if (!pairs)
        return TM_NOMEM;
    sets->pairs = pairs;
    sets->pair_capacity = capacity;
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i] != 0)
            pairs[find_pair(sets, text_of(pair_at(sets, old[i])))] = old[i];
    }
    free(old);
    return TM_OK;
}

static enum tm_err take_pair(struct label_sets *sets, struct str text, uint32_t *out)
{
    enum tm_err err = make_room(sets);
    if (err)
        return err;
    size_t at = find_pair(sets, text);
    if (sets->pairs[at] == 0) {
        uint32_t block = slab_take(&sets->slab, sizeof(struct pair) + text.len);
        if (block == 0)
            return TM_NOMEM;
        struct pair *pair = pair_at(sets, block);
        *pair = (struct pair){.len = (uint32_t)text.len};
        memcpy(pair->text, text.ptr, text.len);
        sets->pairs[at] = block;
        sets->pair_count++;
    }
    *out = sets->pairs[at];
    pair_at(sets, *out)->users++;
    return TM_OK;
}

static bool is_unused(const struct label_sets *sets, uint32_t block)
{
    return block != 0 && pair_at(sets, block)->users == 0;
}

void label_sets_sweep(struct label_sets *sets)
{
    size_t mask = sets->pair_capacity - 1;
    size_t start = 0;
    for (size_t i = 0; i < sets->pair_capacity; i++) {
        uint32_t block = sets->pairs[i];
        if (is_unused(sets, block)) {
            slab_give(&sets->slab, block, sizeof(struct pair) + pair_at(sets, block)->len);
            sets->pairs[i] = 0;
            sets->pair_count--;
        }
        if (sets->pairs[i] == 0)
            start = i;
    }
    /* From behind an empty place on, each goes as near to its home as it can: no run is broken any more. */
    for (size_t i = 1; i < sets->pair_capacity; i++) {
        size_t at = (start + i) & mask;
        uint32_t block = sets->pairs[at];
        sets->pairs[at] = 0;
        if (block != 0)
            sets->pairs[find_pair(sets, text_of(pair_at(sets, block)))] = block;
    }
}

/* ---- sets ---- */

static void give_pairs(struct label_sets *sets, const uint32_t *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pair_at(sets, pairs[i])->users--;
}

/* The next name and value as they stand. */
static struct str next_pair(struct cursor *in)
{
    const char *start = (const char *)in->at;
    (void)cursor_str(in);
    (void)cursor_str(in);
    return (struct str){start, (size_t)((const char *)in->at - start)};
}

static enum tm_err take_pairs(struct label_sets *sets, struct cursor *in, uint32_t *pairs, size_t count,
                              size_t *taken)
{
    enum tm_err err = TM_OK;
    for (*taken = 0; *taken < count && !err; *taken += !err) {
        struct str text = next_pair(in);
        err = in->bad || sizeof(struct pair) + text.len > SLAB_BLOCK_MAX
                  ? TM_CORRUPT
                  : take_pair(sets, text, &pairs[*taken]);
    }
    return err;
}

enum tm_err label_sets_add(struct label_sets *sets, struct str labels, uint32_t *out)
{
    uint32_t pairs[LABELS_MAX];
    size_t taken = 0;
    *out = 0;
    struct cursor in = cursor_of(labels.ptr, labels.len);
    uint64_t count = cursor_varint(&in);
    /* One byte of count: what label_sets_read writes. */
    if (in.bad || count > LABELS_MAX || labels.len - cursor_left(&in) != 1)
        return TM_CORRUPT;
    enum tm_err err = take_pairs(sets, &in, pairs, count, &taken);
    if (!err && cursor_left(&in) > 0)
        err = TM_CORRUPT;
    *out = err ? 0 : slab_take(&sets->slab, set_bytes(count));
    if (*out == 0) {
        give_pairs(sets, pairs, taken);
        return err ? err : TM_NOMEM;
    }
    struct set *set = set_at(sets, *out);
    set->count = (uint32_t)count;
    memcpy(set->pairs, pairs, count * sizeof *pairs);
    return TM_OK;
}

void label_sets_give(struct label_sets *sets, uint32_t block)
{
    struct set *set = set_at(sets, block);
    give_pairs(sets, set->pairs, set->count);
    slab_give(&sets->slab, block, set_bytes(set->count));
}

void label_sets_read(const struct label_sets *sets, uint32_t block, struct bytes *out)
{
    const struct set *set = set_at(sets, block);
    bytes_varint(out, set->count);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct pair *pair = pair_at(sets, set->pairs[i]);
        bytes_put(out, pair->text, pair->len);
    }
}

bool label_sets_equal(const struct label_sets *sets, uint32_t block, struct str labels)
{
    const struct set *set = set_at(sets, block);
    size_t at = 1;
    if (labels.len == 0 || (uint8_t)labels.ptr[0] != set->count)
        return false;
    for (uint32_t i = 0; i < set->count; i++) {
        const struct pair *pair = pair_at(sets, set->pairs[i]);
        if (labels.len - at < pair->len || memcmp(labels.ptr + at, pair->text, pair->len) != 0)
            return false;
        at += pair->len;
    }
    return at == labels.len;
}

size_t label_sets_bytes(const struct label_sets *sets)
{
    return slab_bytes(&sets->slab) + sets->pair_capacity * sizeof *sets->pairs;
}
