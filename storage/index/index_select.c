/* From matchers to series: each matcher becomes a set of series to keep or to drop, made once per distinct
 * value; the smallest set to keep comes first, the others thin it out. */
#include <roaring/roaring.h>
#include <stdlib.h>

#include "storage/index/index_private.h"

enum { STOP_EVERY = 256, STOP_EVERY_SIMPLE = 1 << 14 };

/* What one matcher says: keep only these series, or drop them. */
struct pick {
    bool drops;
    bool is_void; /* has no say */
    size_t count;
    const struct postings *one; /* the series of one value, in the index ... */
    struct id_bits bits;        /* ... or the union of several */
};

struct selection {
    const struct index *ix;
    const struct index_query *query;
    struct tm_why *why;
    struct pick *picks;
    size_t kept; /* picks that have a say */
};

enum tm_err id_bits_init(struct id_bits *bits, const struct index *ix)
{
    bits->count = (size_t)ix->id_max / 64 + 1;
    bits->words = calloc(bits->count, sizeof *bits->words);
    return bits->words ? TM_OK : TM_NOMEM;
}

void id_bits_fini(struct id_bits *bits)
{
    free(bits->words);
    *bits = (struct id_bits){0};
}

void index_ids_fini(struct index_ids *ids)
{
    free(ids->ids);
    *ids = (struct index_ids){0};
}

/* ---- the set of one matcher ---- */

static enum tm_err add_postings(const struct selection *s, struct pick *pick, const struct postings *p)
{
    if (!pick->one && !pick->bits.words) {
        pick->one = p;
        pick->count = postings_count(p);
        return TM_OK;
    }
    if (pick->one) {
        enum tm_err err = id_bits_init(&pick->bits, s->ix);
        if (err)
            return err;
        postings_to_bits(&s->ix->slab, pick->one, pick->bits.words);
        pick->one = NULL;
    }
    /* The values of one label share no series, so counts add up. */
    postings_to_bits(&s->ix->slab, p, pick->bits.words);
    pick->count += postings_count(p);
    return TM_OK;
}

/* A few values by name. */
static enum tm_err pick_literals(const struct selection *s, const struct values *values,
                                 const struct shape *shape, struct pick *pick)
{
    enum tm_err err = TM_OK;
    for (size_t i = 0; i < shape->count && !err; i++) {
        uint32_t hash = values_hash(shape->literals[i], s->ix->seed);
        uint32_t at = values_find(&s->ix->slab, values, shape->literals[i], hash);
        if (at != VALUES_NONE)
            err = add_postings(s, pick, &values->at[at].postings);
    }
    return err;
}

enum tm_err index_fail_costly(struct tm_why *why, const struct matcher *m, struct str value)
{
    struct str pattern = matcher_value(m);
    int pattern_len = (int)(pattern.len > 80 ? 80 : pattern.len);
    int value_len = (int)(value.len > 80 ? 80 : value.len);
    return tm_fail(why, TM_LIMIT,
                   "the pattern '%.*s' takes too many steps on the value '%.*s': make it simpler",
                   pattern_len, pattern.ptr, value_len, value.ptr);
}

static bool must_stop(const struct selection *s, uint32_t i, uint32_t every)
{
    return s->query->stop && i % every == every - 1 && s->query->stop(s->query->stop_arg);
}

/* What was judged before; *judged: how many values that were. */
static enum tm_err pick_judged(const struct selection *s, const struct values *values,
                               const struct matcher *m, struct pick *pick, uint32_t *judged)
{
    enum tm_err err = TM_OK;
    *judged = 0;
    for (size_t i = 0; i < s->query->scan_count; i++) {
        const struct index_scan *scan = &s->query->scans[i];
        if (scan->matcher != m || scan->removals != s->ix->removals)
            continue;
        for (size_t k = 0; k < scan->count && !err; k++)
            err = add_postings(s, pick, &values->at[scan->places[k]].postings);
        *judged = scan->next;
        break;
    }
    return err;
}

/* Every value of the label is asked once: those that the matcher takes are kept; if it takes series without
 * the label too, those that it doesn't take are dropped instead. */
static enum tm_err pick_by_scan(const struct selection *s, const struct values *values, struct matcher *m,
                                struct pick *pick)
{
    bool wanted = !matcher_takes_empty(m);
    uint32_t every = matcher_shape(m)->kind == SHAPE_OTHER ? STOP_EVERY : STOP_EVERY_SIMPLE;
    uint32_t begin;
    enum tm_err err = pick_judged(s, values, m, pick, &begin);
    if (err)
        return err;
    for (uint32_t i = begin; i < values->count; i++) {
        bool takes;
        struct str text = values_text(&s->ix->slab, values, i);
        err = matcher_takes(m, text, &takes);
        if (err == TM_LIMIT)
            return index_fail_costly(s->why, m, text);
        if (!err && takes == wanted)
            err = add_postings(s, pick, &values->at[i].postings);
        if (err)
            return err;
        if (must_stop(s, i, every))
            return tm_fail(s->why, TM_BUSY, "the selection took too long and was stopped");
    }
    return TM_OK;
}

/* Is the empty text one of the literals? They are sorted. */
static bool has_empty(const struct shape *shape)
{
    return shape->count > 0 && shape->literals[0].len == 0;
}

static enum tm_err make_pick(const struct selection *s, struct matcher *m, struct pick *pick)
{
    const struct shape *shape = matcher_shape(m);
    *pick = (struct pick){.drops = matcher_takes_empty(m)};
    uint32_t name = index_find_name(s->ix, matcher_name(m));
    if (name == VALUES_NONE)
        return TM_OK;
    const struct values *values = &s->ix->tables[name];
    const struct postings *having = &s->ix->names.at[name].postings;
    switch (shape->kind) {
    case SHAPE_ANY:
        /* =~".*" drops none, !~".*" keeps none. */
        return TM_OK;
    case SHAPE_SOME:
        return add_postings(s, pick, having);
    case SHAPE_SET:
        if (shape->count == 1 && has_empty(shape))
            return add_postings(s, pick, having);
        /* =~"a|" drops all values but a; =~"a|b" keeps a and b, !~"a|b" drops them. */
        if (!has_empty(shape))
            return pick_literals(s, values, shape, pick);
        break;
    default:
        break;
    }
    return pick_by_scan(s, values, m, pick);
}

/* ---- thinning out ---- */

static bool pick_has(const struct selection *s, const struct pick *pick, uint32_t id)
{
    if (pick->one)
        return postings_has(&s->ix->slab, pick->one, id);
    return pick->bits.words && (pick->bits.words[id / 64] >> (id % 64) & 1);
}

static void thin_out(const struct selection *s, const struct pick *pick, struct index_ids *ids)
{
    size_t kept = 0;
    for (size_t i = 0; i < ids->count; i++) {
        ids->ids[kept] = ids->ids[i];
        kept += pick_has(s, pick, ids->ids[i]) != pick->drops;
    }
    ids->count = kept;
}

static const roaring_bitmap_t *bitmap_of(const struct selection *s, const struct pick *pick)
{
    return pick->one ? postings_bitmap(&s->ix->slab, pick->one) : NULL;
}

static enum tm_err allocate_ids(struct index_ids *ids, size_t count)
{
    ids->count = count;
    ids->ids = malloc((count ? count : 1) * sizeof *ids->ids);
    return ids->ids ? TM_OK : TM_NOMEM;
}

static enum tm_err list_bits(const struct id_bits *bits, size_t count, struct index_ids *out)
{
    enum tm_err err = allocate_ids(out, count);
    if (err)
        return err;
    uint32_t *to = out->ids;
    for (size_t i = 0; i < bits->count; i++) {
        for (uint64_t word = bits->words[i]; word; word &= word - 1)
            *to++ = (uint32_t)(i * 64) + (uint32_t)__builtin_ctzll(word);
    }
    return TM_OK;
}

/* The first set is a bitmap: all others that are bitmaps work on it as a whole. They have no more say then.
 */
static enum tm_err list_bitmap(struct selection *s, const roaring_bitmap_t *first, struct index_ids *out)
{
    roaring_bitmap_t *own = NULL;
    for (size_t i = 0; i < s->kept; i++) {
        const roaring_bitmap_t *other = bitmap_of(s, &s->picks[i]);
        if (!other)
            continue;
        s->picks[i].is_void = true;
        if (other == first)
            continue;
        if (!own)
            own = s->picks[i].drops ? roaring_bitmap_andnot(first, other) : roaring_bitmap_and(first, other);
        else if (s->picks[i].drops)
            roaring_bitmap_andnot_inplace(own, other);
        else
            roaring_bitmap_and_inplace(own, other);
        if (!own)
            return TM_NOMEM;
    }
    const roaring_bitmap_t *result = own ? own : first;
    enum tm_err err = allocate_ids(out, roaring_bitmap_get_cardinality(result));
    if (!err)
        roaring_bitmap_to_uint32_array(result, out->ids);
    if (own)
        roaring_bitmap_free(own);
    return err;
}

static enum tm_err list_postings(struct selection *s, const struct postings *p, struct index_ids *out)
{
    const roaring_bitmap_t *bitmap = postings_bitmap(&s->ix->slab, p);
    if (bitmap)
        return list_bitmap(s, bitmap, out);
    enum tm_err err = allocate_ids(out, postings_count(p));
    if (!err)
        postings_list(&s->ix->slab, p, out->ids);
    return err;
}

/* Sets to keep first, smallest first. */
static int compare_picks(const void *a, const void *b)
{
    const struct pick *x = a;
    const struct pick *y = b;
    if (x->drops != y->drops)
        return x->drops - y->drops;
    return (x->count > y->count) - (x->count < y->count);
}

static enum tm_err run_picks(struct selection *s, struct index_ids *out)
{
    if (s->kept > 1)
        qsort(s->picks, s->kept, sizeof *s->picks, compare_picks);
    struct pick *first = s->kept > 0 && !s->picks[0].drops ? &s->picks[0] : NULL;
    if (first && first->count == 0)
        return TM_OK;
    enum tm_err err;
    if (!first)
        err = list_postings(s, &s->ix->all, out);
    else if (first->one)
        err = list_postings(s, first->one, out);
    else
        err = list_bits(&first->bits, first->count, out);
    for (size_t i = 0; i < s->kept && !err; i++) {
        bool has_say = !s->picks[i].is_void && s->picks[i].count > 0;
        if (&s->picks[i] != first && has_say)
            thin_out(s, &s->picks[i], out);
    }
    return err;
}

/* Room for what CRoaring makes of bitmaps of this many series. */
static bool has_room(const struct index *ix)
{
    size_t containers = (size_t)ix->id_max / 65536 + 1;
    return postings_has_room(containers * (8192 + 256) * 2);
}

enum tm_err index_select(const struct index *ix, const struct index_query *query, struct index_ids *out,
                         struct tm_why *why)
{
    *out = (struct index_ids){0};
    struct selection s = {.ix = ix, .query = query, .why = why};
    enum tm_err err = TM_NOMEM;
    size_t made = 0;
    s.picks = calloc(query->count + 1, sizeof *s.picks);
    if (!s.picks || !has_room(ix))
        goto out;
    bool is_none = false;
    for (err = TM_OK; made < query->count && !err && !is_none; made++) {
        err = make_pick(&s, query->matchers[made], &s.picks[made]);
        is_none = !err && !s.picks[made].drops && s.picks[made].count == 0;
    }
    s.kept = made;
    if (!err && !is_none)
        err = run_picks(&s, out);
out:
    for (size_t i = 0; s.picks && i < made; i++)
        id_bits_fini(&s.picks[i].bits);
    free(s.picks);
    if (err)
        index_ids_fini(out);
    return err == TM_NOMEM ? tm_fail(why, err, "no memory for the selection") : err;
}
