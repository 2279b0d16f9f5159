#include "storage/tops/top_sketch.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "storage/grow.h"

enum { SLOTS_FIRST = 64, TEXTS_MAX = 1 << 30 };

void top_sketch_fini(struct top_sketch *sketch)
{
    free(sketch->entries);
    free(sketch->slots);
    bytes_fini(&sketch->texts);
    *sketch = (struct top_sketch){0};
}

struct str top_sketch_key(const struct top_sketch *sketch, const struct top_entry *entry)
{
    if (entry->len == 0)
        return STR("");
    return (struct str){(const char *)sketch->texts.data + entry->at, entry->len};
}

static uint64_t add_up(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static struct str cut_key(struct str key)
{
    return (struct str){key.ptr, key.len > TOP_KEY_MAX_BYTES ? TOP_KEY_MAX_BYTES : key.len};
}

/* Where the key is, or would be. */
static size_t slot_of(const struct top_sketch *sketch, struct str key)
{
    size_t mask = sketch->slot_count - 1;
    size_t at = XXH3_64bits(key.len ? key.ptr : "", key.len) & mask;
    while (sketch->slots[at] &&
           !str_equal(top_sketch_key(sketch, &sketch->entries[sketch->slots[at] - 1]), key))
        at = (at + 1) & mask;
    return at;
}

static void fill_slots(struct top_sketch *sketch)
{
    memset(sketch->slots, 0, sketch->slot_count * sizeof *sketch->slots);
    for (size_t i = 0; i < sketch->count; i++)
        sketch->slots[slot_of(sketch, top_sketch_key(sketch, &sketch->entries[i]))] = (uint32_t)i + 1;
}

static enum tm_err grow_slots(struct top_sketch *sketch)
{
    size_t count = sketch->slot_count ? sketch->slot_count * 2 : SLOTS_FIRST;
    uint32_t *slots = realloc(sketch->slots, count * sizeof *slots);
    if (!slots)
        return TM_NOMEM;
    sketch->slots = slots;
    sketch->slot_count = count;
    fill_slots(sketch);
    return TM_OK;
}

/* The entry of a key, made if it is new: with floor as its error. */
static enum tm_err find_or_make(struct top_sketch *sketch, struct str key, struct top_entry **out)
{
    if (2 * (sketch->count + 1) > sketch->slot_count && grow_slots(sketch) != TM_OK)
        return TM_NOMEM;
    size_t slot = slot_of(sketch, key);
    if (sketch->slots[slot]) {
        *out = &sketch->entries[sketch->slots[slot] - 1];
        return TM_OK;
    }
    if (sketch->count == TOP_KEYS_MAX || sketch->texts.len + key.len > TEXTS_MAX)
        return TM_LIMIT;
    struct top_entry *entries =
        grow_array(sketch->entries, &sketch->capacity, sketch->count + 1, sizeof *entries);
    if (!entries)
        return TM_NOMEM;
    sketch->entries = entries;
    if (key.len > 0 && !bytes_reserve(&sketch->texts, key.len)) {
        sketch->texts.failed = false; /* what is there stays right */
        return TM_NOMEM;
    }
    *out = &entries[sketch->count];
    **out = (struct top_entry){(uint32_t)sketch->texts.len, (uint32_t)key.len, 0, sketch->floor};
    if (key.len > 0)
        bytes_put(&sketch->texts, key.ptr, key.len);
    sketch->slots[slot] = (uint32_t)++sketch->count;
    return TM_OK;
}

enum tm_err top_sketch_add(struct top_sketch *sketch, struct str key, uint64_t count)
{
    struct top_entry *entry;
    enum tm_err err = find_or_make(sketch, cut_key(key), &entry);
    if (err)
        return err;
    entry->count = add_up(entry->count, count);
    sketch->total = add_up(sketch->total, count);
    return TM_OK;
}

/* ---- cutting ---- */

struct ordering {
    struct top_entry entry;
    struct str key;
};

static int compare(const void *a, const void *b)
{
    const struct ordering *x = a, *y = b;
    uint64_t most_x = add_up(x->entry.count, x->entry.error), most_y = add_up(y->entry.count, y->entry.error);
    if (most_x != most_y)
        return most_x > most_y ? -1 : 1;
    return str_compare(x->key, y->key);
}

/* The texts of the first `kept` stay, in a buffer of their own. */
static enum tm_err take_kept(struct top_sketch *sketch, const struct ordering *order, size_t kept)
{
    struct bytes texts = {0};
    for (size_t i = 0; i < kept; i++)
        bytes_put(&texts, order[i].key.ptr, order[i].key.len);
    if (bytes_error(&texts)) {
        bytes_fini(&texts);
        return TM_NOMEM;
    }
    uint32_t at = 0;
    for (size_t i = 0; i < kept; i++) {
        sketch->entries[i] = order[i].entry;
        sketch->entries[i].at = at;
        at += order[i].entry.len;
    }
    sketch->count = kept;
    bytes_fini(&sketch->texts);
    sketch->texts = texts;
    fill_slots(sketch);
    return TM_OK;
}

enum tm_err top_sketch_cut(struct top_sketch *sketch, size_t most)
{
    size_t count = sketch->count;
    size_t kept = count < most ? count : most;
    if (count == 0)
        return TM_OK;
    struct ordering *order = malloc(count * sizeof *order);
    if (!order)
        return TM_NOMEM;
    for (size_t i = 0; i < count; i++)
        order[i] = (struct ordering){sketch->entries[i], top_sketch_key(sketch, &sketch->entries[i])};
    qsort(order, count, sizeof *order, compare);
    enum tm_err err = take_kept(sketch, order, kept);
    if (!err && kept < count) {
        uint64_t left_out = add_up(order[kept].entry.count, order[kept].entry.error);
        sketch->floor = sketch->floor > left_out ? sketch->floor : left_out;
    }
    free(order);
    return err;
}

/* ---- merging ---- */

/* All that `into` knows gets the other's floor as error, as if the other did not know it; what it knows takes
 * that back. */
enum tm_err top_sketch_merge(struct top_sketch *into, const struct top_sketch *from)
{
    for (size_t i = 0; i < into->count; i++)
        into->entries[i].error = add_up(into->entries[i].error, from->floor);
    size_t before = into->count;
    for (size_t i = 0; i < from->count; i++) {
        const struct top_entry *other = &from->entries[i];
        struct top_entry *entry;
        enum tm_err err = find_or_make(into, top_sketch_key(from, other), &entry);
        if (err)
            return err;
        bool is_new = (size_t)(entry - into->entries) >= before;
        uint64_t error = is_new ? entry->error : entry->error - from->floor;
        entry->count = add_up(entry->count, other->count);
        entry->error = add_up(error, other->error);
    }
    into->floor = add_up(into->floor, from->floor);
    into->total = add_up(into->total, from->total);
    return TM_OK;
}

/* ---- bytes ---- */

void top_sketch_encode(const struct top_sketch *sketch, struct bytes *out)
{
    bytes_varint(out, sketch->total);
    bytes_varint(out, sketch->floor);
    bytes_varint(out, sketch->count);
    for (size_t i = 0; i < sketch->count; i++) {
        bytes_str(out, top_sketch_key(sketch, &sketch->entries[i]));
        bytes_varint(out, sketch->entries[i].count);
        bytes_varint(out, sketch->entries[i].error);
    }
}

struct top_summary top_summary_read(struct cursor *in)
{
    struct top_summary summary;
    summary.total = cursor_varint(in);
    summary.floor = cursor_varint(in);
    summary.count = cursor_varint(in);
    if (summary.count > cursor_left(in) / 3) /* an entry has three bytes at least */
        in->bad = true;
    return summary;
}

struct top_view top_view_read(struct cursor *in)
{
    struct top_view view;
    view.key = cursor_str(in);
    view.count = cursor_varint(in);
    view.error = cursor_varint(in);
    if (view.key.len > TOP_KEY_MAX_BYTES)
        in->bad = true;
    return view;
}

enum tm_err top_sketch_decode(struct cursor *in, struct top_sketch *out)
{
    const struct top_summary summary = top_summary_read(in);
    for (uint64_t i = 0; i < summary.count && !in->bad; i++) {
        struct top_entry *entry;
        struct top_view view = top_view_read(in);
        size_t before = out->count;
        enum tm_err err = in->bad ? TM_CORRUPT : find_or_make(out, view.key, &entry);
        if (!err && out->count == before)
            err = TM_CORRUPT; /* twice */
        if (err)
            return err == TM_LIMIT ? TM_CORRUPT : err;
        entry->count = view.count;
        entry->error = view.error;
    }
    out->total = summary.total;
    out->floor = summary.floor;
    return in->bad ? TM_CORRUPT : TM_OK;
}
