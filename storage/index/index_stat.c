/* What makes the index large: pairs of name and value by their series, names by the bytes of their values. */
#include <stdlib.h>

#include "storage/index/index_private.h"

/* The largest few, most first. */
struct top {
    struct ranked {
        uint64_t size;
        uint32_t name;
        uint32_t value;
    } * at;
    size_t count;
    size_t limit;
};

static void rank(struct top *top, struct ranked ranked)
{
    if (top->count == top->limit && (top->limit == 0 || ranked.size <= top->at[top->count - 1].size))
        return;
    size_t to = top->count < top->limit ? top->count++ : top->count - 1;
    for (; to > 0 && top->at[to - 1].size < ranked.size; to--)
        top->at[to] = top->at[to - 1];
    top->at[to] = ranked;
}

static void rank_pairs(const struct index *ix, uint32_t name, struct top *top)
{
    const struct values *values = &ix->tables[name];
    for (uint32_t i = 0; i < values->count; i++)
        rank(top, (struct ranked){postings_count(&values->at[i].postings), name, i});
}

static void rank_bytes(const struct index *ix, uint32_t name, struct top *top)
{
    const struct values *values = &ix->tables[name];
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < values->count; i++)
        bytes += values_text(&ix->slab, values, i).len;
    rank(top, (struct ranked){bytes, name, VALUES_NONE});
}

static struct str value_of(const struct index *ix, const struct ranked *ranked)
{
    if (ranked->value == VALUES_NONE)
        return (struct str){NULL, 0};
    return values_text(&ix->slab, &ix->tables[ranked->name], ranked->value);
}

/* "name=value", or the name alone. */
static enum tm_err list_top(const struct index *ix, const struct top *top, struct index_list *out)
{
    size_t bytes = 1;
    for (size_t i = 0; i < top->count; i++)
        bytes += values_text(&ix->slab, &ix->names, top->at[i].name).len + 1 + value_of(ix, &top->at[i]).len;
    out->items = calloc(top->count + 1, sizeof *out->items);
    out->texts = malloc(bytes);
    if (!out->items || !out->texts)
        return TM_NOMEM;
    char *to = out->texts;
    for (; out->count < top->count; out->count++) {
        const struct ranked *ranked = &top->at[out->count];
        struct str name = values_text(&ix->slab, &ix->names, ranked->name), value = value_of(ix, ranked);
        char *begin = to;
        memcpy(to, name.ptr, name.len);
        to += name.len;
        bool is_pair = ranked->value != VALUES_NONE;
        if (is_pair) {
            *to++ = '=';
            if (value.len > 0)
                memcpy(to, value.ptr, value.len);
            to += value.len;
        }
        out->items[out->count] = (struct index_item){.text = {begin, (size_t)(to - begin)},
                                                     .series = is_pair ? ranked->size : 0,
                                                     .bytes = is_pair ? 0 : ranked->size};
    }
    out->total = out->count;
    return TM_OK;
}

static enum tm_err list_ranked(const struct index *ix, size_t limit,
                               void (*rank_name)(const struct index *, uint32_t, struct top *),
                               struct index_list *out, struct tm_why *why)
{
    struct top top = {.at = calloc(limit + 1, sizeof *top.at), .limit = limit};
    *out = (struct index_list){0};
    enum tm_err err = top.at ? TM_OK : TM_NOMEM;
    for (uint32_t name = 0; !err && name < ix->names.count; name++)
        rank_name(ix, name, &top);
    if (!err)
        err = list_top(ix, &top, out);
    free(top.at);
    if (err)
        index_list_fini(out);
    return err ? tm_fail(why, err, "no memory for the list") : TM_OK;
}

enum tm_err index_pairs(const struct index *ix, size_t limit, struct index_list *out, struct tm_why *why)
{
    return list_ranked(ix, limit, rank_pairs, out, why);
}

enum tm_err index_value_bytes(const struct index *ix, size_t limit, struct index_list *out,
                              struct tm_why *why)
{
    return list_ranked(ix, limit, rank_bytes, out, why);
}

size_t index_pair_count(const struct index *ix)
{
    size_t count = 0;
    for (uint32_t name = 0; name < ix->names.count; name++)
        count += ix->tables[name].count;
    return count;
}
