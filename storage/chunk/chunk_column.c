#include "storage/chunk/chunk_column.h"
#include "storage/chunk/chunk_ans.h"
#include "storage/chunk/chunk_pack.h"

enum {
    PROBES_OF_FACTOR = 16,
    /* Fewer residuals than that do not pay for a table of symbols. */
    ANS_MIN_COUNT = 192,
    /* Entropy coding has to save 1 / this of the packed size. */
    ANS_MARGIN = 50,
    /* Transforms whose packed size is within 1 / this of the best one's are tried with entropy coding. */
    ORDER_MARGIN = 12,
    /* Transforms within 1 / this of the best one on some blocks are compared on all. */
    PROBE_MARGIN = 4,
    PROBED_BLOCKS = 3,
};

/* A column in the making. */
struct column {
    struct chunk_scratch *scratch;
    size_t count;
    uint64_t factor;
    unsigned order;
    /* Of the first blocks, by transform; good for all of a column that has no more. */
    struct pack_plan plans[ORDER_COUNT][PROBED_BLOCKS];
};

/* y = x - x[0] - i * line, or x ^ x[0]; returns all of them or-ed. */
static uint64_t level(struct chunk_scratch *s, size_t count, uint64_t line, bool is_xor)
{
    uint64_t all = 0, first = s->x[0], expected = first;
    if (is_xor)
        for (size_t i = 0; i < count; i++)
            all |= s->y[i] = s->x[i] ^ first;
    else
        for (size_t i = 0; i < count; i++, expected += line)
            all |= s->y[i] = s->x[i] - expected;
    return all;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static uint64_t magnitude(uint64_t v)
{
    return v >> 63 ? 0 - v : v;
}

/* The odd part of what divides all levels, 1 as soon as that is clear. */
static uint64_t find_odd_factor(const uint64_t *y, size_t count, unsigned zeros)
{
    uint64_t factor = 0;
    size_t stride = count / PROBES_OF_FACTOR + 1;
    for (size_t i = stride; i < count && factor != 1; i += stride)
        factor = common_divisor(magnitude(y[i]) >> zeros, factor);
    for (size_t i = 1; i < count && factor != 1; i++)
        if (factor == 0 || (magnitude(y[i]) >> zeros) % factor)
            factor = common_divisor(magnitude(y[i]) >> zeros, factor);
    return factor >> (factor ? __builtin_ctzll(factor) : 0);
}

/* Divides all levels by what divides them all. or_ed is not 0. */
static uint64_t take_factor(uint64_t *y, size_t count, uint64_t or_ed, bool is_xor)
{
    unsigned zeros = (unsigned)__builtin_ctzll(or_ed);
    uint64_t odd = is_xor ? 1 : find_odd_factor(y, count, zeros);
    if (zeros)
        for (size_t i = 0; i < count; i++)
            y[i] = is_xor ? y[i] >> zeros : shift_signed(y[i], zeros);
    if (odd > 1)
        for (size_t i = 0; i < count; i++)
            y[i] = (uint64_t)((int64_t)y[i] / (int64_t)odd);
    return odd << zeros;
}

/* Residuals of [from, to) into r. The first ones say nothing: they are as the next one is. */
static void find_residuals(const uint64_t *y, size_t from, size_t to, unsigned order, uint64_t *r)
{
    size_t free = order == ORDER_DELTA ? 1 : order == ORDER_DELTA2 ? 2 : 0;
    size_t start = from < free ? free : from;
    if (order == ORDER_LEVEL)
        memcpy(r, y + from, (to - from) * sizeof *r);
    else if (order == ORDER_DELTA)
        for (size_t i = start; i < to; i++)
            r[i - from] = y[i] - y[i - 1];
    else if (order == ORDER_DELTA2)
        for (size_t i = start; i < to; i++)
            r[i - from] = y[i] - y[i - 1] - (y[i - 1] - y[i - 2]);
    else
        for (size_t i = start; i < to; i++)
            r[i - from] = i ? y[i] ^ y[i - 1] : 0;
    for (size_t i = start; i-- > from;)
        r[i - from] = i + 1 < to ? r[i + 1 - from] : 0;
}

/* Bits of `probed` of the blocks when packed. */
static size_t packed_bits(struct column *c, unsigned order, size_t probed)
{
    size_t blocks = (c->count + CHUNK_BLOCK - 1) / CHUNK_BLOCK;
    size_t bits = 0;
    for (size_t i = 0; i < probed; i++) {
        uint64_t residuals[CHUNK_BLOCK];
        struct pack_plan plan;
        size_t from = (probed < blocks ? blocks * i / probed : i) * CHUNK_BLOCK;
        size_t to = from + CHUNK_BLOCK < c->count ? from + CHUNK_BLOCK : c->count;
        find_residuals(c->scratch->y, from, to, order, residuals);
        pack_plan_block(residuals, (unsigned)(to - from), &plan);
        if (i < PROBED_BLOCKS)
            c->plans[order][i] = plan;
        bits += plan.bits;
    }
    return bits;
}

/* Sets c->order to the transform that packs best, and the bits of those near to it: by some blocks, with full
 * effort by all of them. The others have SIZE_MAX. */
static void choose_order(struct column *c, enum chunk_effort effort, size_t bits[ORDER_COUNT])
{
    size_t blocks = (c->count + CHUNK_BLOCK - 1) / CHUNK_BLOCK;
    size_t probed = blocks < PROBED_BLOCKS ? blocks : PROBED_BLOCKS;
    c->order = ORDER_LEVEL;
    for (unsigned order = ORDER_LEVEL; order <= ORDER_DELTA2; order++) {
        /* What is not smooth enough for differences is not for their differences. */
        bool is_hopeless = order == ORDER_DELTA2 && c->order == ORDER_LEVEL;
        bits[order] = is_hopeless ? SIZE_MAX : packed_bits(c, order, probed);
        if (bits[order] < bits[c->order])
            c->order = order;
    }
    if (effort == CHUNK_FAST || probed == blocks)
        return;
    size_t limit = bits[c->order] + bits[c->order] / PROBE_MARGIN;
    for (unsigned order = ORDER_LEVEL; order <= ORDER_DELTA2; order++)
        bits[order] = bits[order] > limit ? SIZE_MAX : packed_bits(c, order, blocks);
    for (unsigned order = ORDER_LEVEL; order <= ORDER_DELTA2; order++)
        if (bits[order] < bits[c->order])
            c->order = order;
}

static void write_head(const struct column *c, unsigned coding, struct bytes *out)
{
    bytes_u8(out, (uint8_t)(c->order | coding << CHUNK_COLUMN_CODING_SHIFT |
                            (c->factor > 1 ? CHUNK_COLUMN_FACTOR : 0)));
    if (c->factor > 1)
        bytes_varint(out, c->factor);
    if (c->order == ORDER_DELTA2)
        bytes_zigzag(out, (int64_t)(c->count > 1 ? c->scratch->y[1] : 0));
}

static void write_packed(struct column *c, struct bytes *out)
{
    bool is_planned = c->order != ORDER_XOR && c->count <= PROBED_BLOCKS * CHUNK_BLOCK;
    write_head(c, CODING_PACK, out);
    find_residuals(c->scratch->y, 0, c->count, c->order, c->scratch->r);
    pack_write(c->scratch->r, c->count, is_planned ? c->plans[c->order] : NULL, out);
}

/* The best plan for entropy coding over the transforms that pack well, and its transform in *order. */
static void plan_dense(const struct column *c, const size_t *bits, struct ans_plan *best, unsigned *order)
{
    *best = (struct ans_plan){.bits = SIZE_MAX};
    for (unsigned o = ORDER_LEVEL; o <= ORDER_DELTA2; o++) {
        if (bits[o] > bits[c->order] + bits[c->order] / ORDER_MARGIN)
            continue;
        find_residuals(c->scratch->y, 0, c->count, o, c->scratch->r);
        unsigned common = ans_common_bits(c->scratch->r, c->count);
        for (unsigned adaptive = 0; adaptive < 2; adaptive++) {
            struct ans_plan plan;
            ans_plan_column(c->scratch->r, c->count, adaptive == 1, common, &plan);
            if (plan.bits >= best->bits)
                continue;
            *best = plan;
            *order = o;
        }
    }
}

/* Writes the column entropy coded, where that should be smaller by a margin. False: nothing was written. */
static bool write_dense(struct column *c, const size_t *bits, struct bytes *out)
{
    struct ans_plan plan;
    size_t packed = bits[c->order], start = out->len;
    unsigned packed_order = c->order, order = c->order;
    plan_dense(c, bits, &plan, &order);
    if (plan.bits >= packed - packed / ANS_MARGIN)
        return false;
    c->order = order;
    find_residuals(c->scratch->y, 0, c->count, order, c->scratch->r);
    write_head(c, CODING_ANS, out);
    ans_write(c->scratch, c->scratch->r, c->count, &plan, out);
    if (out->failed || 8 * (out->len - start) < packed)
        return true;
    /* Escapes were dearer than thought. */
    out->len = start;
    c->order = packed_order;
    return false;
}

static void write_integers(struct column *c, const struct column_spec *spec, struct bytes *out)
{
    size_t bits[ORDER_COUNT];
    choose_order(c, spec->effort, bits);
    if (spec->effort == CHUNK_FAST || c->count < ANS_MIN_COUNT || !write_dense(c, bits, out))
        write_packed(c, out);
}

/* Replaces the column, which begins at `start`, by one of exclusive ors where that is smaller. */
static void try_xor(struct column *c, size_t start, struct bytes *out)
{
    size_t end = out->len;
    uint64_t or_ed = level(c->scratch, c->count, 0, true);
    c->order = ORDER_XOR;
    c->factor = take_factor(c->scratch->y, c->count, or_ed, true);
    write_packed(c, out);
    if (out->failed)
        return;
    if (out->len - end < end - start) {
        memmove(out->data + start, out->data + end, out->len - end);
        out->len = start + (out->len - end);
    } else {
        out->len = end;
    }
}

void column_write(struct chunk_scratch *scratch, const struct column_spec *spec, struct bytes *out)
{
    struct column c;
    c.scratch = scratch;
    c.count = spec->count;
    c.factor = 1;
    c.order = ORDER_LEVEL;
    size_t start = out->len;
    uint64_t or_ed = level(scratch, spec->count, spec->line, false);
    if (or_ed == 0) {
        write_head(&c, CODING_ZERO, out);
        return;
    }
    c.factor = take_factor(scratch->y, spec->count, or_ed, false);
    write_integers(&c, spec, out);
    if (spec->may_xor)
        try_xor(&c, start, out);
}
