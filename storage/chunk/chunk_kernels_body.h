/* The text of the kernels, included once by each file that builds them. Loops run over whole blocks so that
 * the compiler sees their length. */
#include "storage/chunk/chunk_kernels.h"
#include "storage/chunk/chunk_plan_body.h"

static inline uint64_t load_64(const uint8_t *in)
{
    uint64_t v;
    memcpy(&v, in, sizeof v);
    return le64toh(v);
}

static inline uint64_t low_mask(unsigned width)
{
    return width >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << width) - 1;
}

/* Four fields at a time, in one register where there are such. */
typedef uint64_t four_fields __attribute__((vector_size(32), aligned(8), may_alias));

/* All four lie in one load. */
static inline void unpack_by_4(const uint8_t *restrict in, unsigned width, uint64_t base,
                               uint64_t *restrict out)
{
    const four_fields shifts = {0, width, 2 * width, 3 * width};
    const uint64_t mask = low_mask(width);
    for (unsigned i = 0; i < CHUNK_BLOCK; i += 4) {
        unsigned bit = i * width;
        uint64_t v = load_64(in + (bit >> 3)) >> (bit & 7);
        *(four_fields *)(out + i) = ((four_fields){v, v, v, v} >> shifts & mask) + base;
    }
}

/* Each load has two. */
static inline void unpack_by_2(const uint8_t *restrict in, unsigned width, uint64_t base,
                               uint64_t *restrict out)
{
    const four_fields shifts = {0, width, 0, width};
    const uint64_t mask = low_mask(width);
    for (unsigned i = 0; i < CHUNK_BLOCK; i += 4) {
        unsigned bit = i * width, next = bit + 2 * width;
        uint64_t v = load_64(in + (bit >> 3)) >> (bit & 7);
        uint64_t w = load_64(in + (next >> 3)) >> (next & 7);
        *(four_fields *)(out + i) = ((four_fields){v, v, w, w} >> shifts & mask) + base;
    }
}

static inline void unpack_by_1(const uint8_t *restrict in, unsigned width, uint64_t base,
                               uint64_t *restrict out)
{
    uint64_t mask = low_mask(width);
    for (unsigned i = 0; i < CHUNK_BLOCK; i++) {
        unsigned bit = i * width;
        out[i] = ((load_64(in + (bit >> 3)) >> (bit & 7)) & mask) + base;
    }
}

/* A field may reach into a ninth byte. */
static inline void unpack_wide(const uint8_t *restrict in, unsigned width, uint64_t base,
                               uint64_t *restrict out)
{
    uint64_t mask = low_mask(width);
    for (unsigned i = 0; i < CHUNK_BLOCK; i++) {
        unsigned bit = i * width;
        unsigned shift = bit & 7;
        uint64_t v = load_64(in + (bit >> 3)) >> shift;
        if (shift)
            v |= (uint64_t)in[(bit >> 3) + 8] << (64 - shift);
        out[i] = (v & mask) + base;
    }
}

static void unpack(const uint8_t *in, unsigned width, uint64_t base, uint64_t *out)
{
    if (width == 0)
        for (unsigned i = 0; i < CHUNK_BLOCK; i++)
            out[i] = base;
    else if (width <= 15)
        unpack_by_4(in, width, base, out);
    else if (width <= 28)
        unpack_by_2(in, width, base, out);
    else if (width <= 57 - 1)
        unpack_by_1(in, width, base, out);
    else
        unpack_wide(in, width, base, out);
}

static void integrate(uint64_t *block, unsigned order, uint64_t *level, uint64_t *slope)
{
    uint64_t y = *level;
    uint64_t d = *slope;
    if (order == ORDER_DELTA) {
        for (unsigned i = 0; i < CHUNK_BLOCK; i++)
            block[i] = y += block[i];
    } else if (order == ORDER_DELTA2) {
        for (unsigned i = 0; i < CHUNK_BLOCK; i++)
            block[i] = y += d += block[i];
    } else if (order == ORDER_XOR) {
        for (unsigned i = 0; i < CHUNK_BLOCK; i++)
            block[i] = y ^= block[i];
    }
    *level = y;
    *slope = d;
}

/* One symbol from one lane. A table entry: frequency - 1 (11 bits), offset in the symbol's range (11),
 * symbol. */
static inline uint8_t take_symbol(const uint32_t *table, uint32_t *lane, const uint8_t **in)
{
    uint32_t x = *lane;
    uint32_t entry = table[x & (CHUNK_ANS_TOTAL - 1)];
    uint16_t word;
    memcpy(&word, *in, sizeof word);
    x = (((entry >> 19) & 0x7ff) + 1) * (x >> CHUNK_ANS_BITS) + ((entry >> 8) & 0x7ff);
    bool is_low = x < CHUNK_ANS_LOW;
    uint32_t refilled = x << 16 | le16toh(word);
    *lane = is_low ? refilled : x;
    *in += is_low ? 2 : 0;
    return (uint8_t)entry;
}

static size_t take_symbols(const uint32_t *restrict table, uint32_t *lanes, const uint8_t *in, unsigned count,
                           uint8_t *restrict symbols)
{
    uint32_t a = lanes[0], b = lanes[1], c = lanes[2], d = lanes[3];
    const uint8_t *at = in;
    unsigned i = 0;
    for (; i + CHUNK_ANS_LANES <= count; i += CHUNK_ANS_LANES) {
        symbols[i] = take_symbol(table, &a, &at);
        symbols[i + 1] = take_symbol(table, &b, &at);
        symbols[i + 2] = take_symbol(table, &c, &at);
        symbols[i + 3] = take_symbol(table, &d, &at);
    }
    lanes[0] = a;
    lanes[1] = b;
    lanes[2] = c;
    lanes[3] = d;
    for (; i < count; i++)
        symbols[i] = take_symbol(table, &lanes[i % CHUNK_ANS_LANES], &at);
    return (size_t)(at - in);
}

static uint64_t join_block(const uint8_t *restrict symbols, const struct chunk_join *join,
                           uint64_t *restrict block)
{
    uint64_t symbol_low = join->symbol_low, base = join->base, sum = 0;
    unsigned low_bits = join->low_bits;
    for (unsigned i = 0; i < CHUNK_BLOCK; i++) {
        uint64_t v = block[i] | (symbols[i] + symbol_low) << low_bits;
        sum += v;
        block[i] = v + base;
    }
    return sum;
}

static uint8_t find_most(const uint8_t *symbols)
{
    uint8_t most = 0;
    for (unsigned i = 0; i < CHUNK_BLOCK; i++)
        most = symbols[i] > most ? symbols[i] : most;
    return most;
}

/* Whether they ascend strictly. Where each loop's length is a multiple of four the compiler makes vectors of
 * it. */
static bool ascends(const int64_t *times, unsigned count)
{
    enum { ALONE = 4 };
    uint64_t bad = 0;
    unsigned alone = count == CHUNK_BLOCK ? ALONE : count;
    for (unsigned i = 1; i < alone; i++)
        bad |= times[i] <= times[i - 1];
    if (alone == count)
        return bad == 0;
    for (unsigned i = ALONE; i < CHUNK_BLOCK; i++)
        bad |= times[i] <= times[i - 1] ? UINT64_MAX : 0;
    return bad == 0;
}

static void march(uint64_t origin, uint64_t line, int64_t *out)
{
    for (unsigned i = 0; i < CHUNK_BLOCK; i++)
        out[i] = (int64_t)(origin + i * line);
}

static bool place_block(const uint64_t *restrict levels, const struct chunk_clock *clock, unsigned count,
                        int64_t *restrict out)
{
    uint64_t origin = clock->origin, line = clock->line, factor = clock->factor, at = origin;
    if (factor == 1)
        for (unsigned i = 0; i < CHUNK_BLOCK; i++, at += line)
            out[i] = (int64_t)(at + levels[i]);
    else
        for (unsigned i = 0; i < CHUNK_BLOCK; i++, at += line)
            out[i] = (int64_t)(at + levels[i] * factor);
    return ascends(out, count);
}

/* (double)(int64_t)v by its halves: SSE2 and AVX2 have no instruction for it. Both halves are exact and only
 * the last addition rounds, as the conversion would. */
static inline double double_of_integer(uint64_t v)
{
    uint64_t u = v ^ (UINT64_C(1) << 63);
    double high = double_of_bits((u >> 32) | UINT64_C(0x4530000000000000));
    double low = double_of_bits((u & UINT32_MAX) | UINT64_C(0x4330000000000000));
    return (high - 0x1.00000801p84) + low;
}

static void scale_block(const uint64_t *restrict levels, const struct chunk_scale *scale,
                        double *restrict out)
{
    uint64_t origin = scale->origin, factor = scale->factor;
    double divisor = scale->divisor;
    if (factor == 1)
        for (unsigned i = 0; i < CHUNK_BLOCK; i++)
            out[i] = double_of_integer(origin + levels[i]);
    else
        for (unsigned i = 0; i < CHUNK_BLOCK; i++)
            out[i] = double_of_integer(origin + levels[i] * factor);
    if (divisor > 1)
        for (unsigned i = 0; i < CHUNK_BLOCK; i++)
            out[i] /= divisor;
}

static const struct chunk_kernels built = {.unpack = unpack,
                                           .integrate = integrate,
                                           .ans = take_symbols,
                                           .join = join_block,
                                           .most = find_most,
                                           .place = place_block,
                                           .march = march,
                                           .ascends = ascends,
                                           .scale = scale_block,
                                           .plan = plan_block};
