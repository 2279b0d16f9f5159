/* The text of planning a packed block, included once by each file that builds kernels. */
#include "storage/chunk/chunk_kernels.h"
#include "storage/chunk/chunk_pack.h"

enum { COUNTERS = 4 };

/* In two halves, which do not wait for one another. */
static void find_bounds(const uint64_t *residuals, unsigned count, int64_t *least, int64_t *most)
{
    unsigned half = count / 2;
    int64_t low[2] = {(int64_t)residuals[count - 1], (int64_t)residuals[count - 1]},
            high[2] = {low[0], low[0]};
    for (unsigned i = 0; i < half; i++) {
        int64_t v = (int64_t)residuals[i];
        int64_t w = (int64_t)residuals[half + i];
        low[0] = v < low[0] ? v : low[0];
        high[0] = v > high[0] ? v : high[0];
        low[1] = w < low[1] ? w : low[1];
        high[1] = w > high[1] ? w : high[1];
    }
    *least = low[0] < low[1] ? low[0] : low[1];
    *most = high[0] > high[1] ? high[0] : high[1];
}

static uint64_t median_of_3(uint64_t a, uint64_t b, uint64_t c)
{
    int64_t x = (int64_t)a, y = (int64_t)b, z = (int64_t)c;
    int64_t low = x < y ? x : y;
    int64_t high = x < y ? y : x;
    return (uint64_t)(z < low ? low : z > high ? high : z);
}

/* What the bulk lies around: the median of three medians. */
static uint64_t find_middle(const uint64_t *r, unsigned count)
{
    unsigned step = count / 9;
    uint64_t a = median_of_3(r[0], r[step], r[2 * step]);
    uint64_t b = median_of_3(r[3 * step], r[4 * step], r[5 * step]);
    uint64_t c = median_of_3(r[6 * step], r[7 * step], r[count - 1]);
    return median_of_3(a, b, c);
}

static size_t varint_bits(uint64_t v)
{
    unsigned bits = bits_of(v);
    return bits ? (bits + 6) / 7 * 8u : 8u;
}

/* The width (of a signed field around the middle) at which packing with patches is cheapest; 64 if leaving
 * nothing out is. */
static unsigned find_width(const uint64_t *residuals, unsigned count, uint64_t middle, size_t *best)
{
    /* Several counters for each length: most residuals have the same few, and would wait for one another. */
    uint8_t lengths[65][COUNTERS] = {0};
    uint64_t all = 0;
    for (unsigned i = 0; i < count; i++) {
        uint64_t v = zigzag_from(residuals[i], middle);
        lengths[bits_of(v)][i % COUNTERS]++;
        all |= v;
    }
    unsigned top = bits_of(all), left = 0, width = 64;
    for (unsigned b = top; b-- > 0;) {
        for (unsigned i = 0; i < COUNTERS; i++)
            left += lengths[b + 1][i];
        if (left > count / 3)
            break;
        size_t bits = (size_t)count * b + (size_t)left * (CHUNK_PACK_POSITION_BITS + top) + 16;
        if (bits < *best) {
            *best = bits;
            width = b;
        }
    }
    return width;
}

/* Base and width of those that lie within width bits around the middle; the others are patches. */
static void plan_patched(const uint64_t *residuals, unsigned count, uint64_t middle, unsigned width,
                         struct pack_plan *plan)
{
    int64_t least = INT64_MAX, most = INT64_MIN;
    uint64_t patches = 0;
    plan->patch_count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (bits_of(zigzag_from(residuals[i], middle)) > width)
            continue;
        int64_t v = (int64_t)residuals[i];
        least = v < least ? v : least;
        most = v > most ? v : most;
    }
    plan->base = (uint64_t)least;
    plan->width = bits_of((uint64_t)most - (uint64_t)least);
    for (unsigned i = 0; i < count; i++) {
        if (bits_of(residuals[i] - plan->base) <= plan->width)
            continue;
        patches |= zigzag_from(residuals[i], plan->base);
        plan->patch_count++;
    }
    plan->patch_width = bits_of(patches);
    plan->bits = (size_t)count * plan->width +
                 (size_t)plan->patch_count * (CHUNK_PACK_POSITION_BITS + plan->patch_width) + 16;
}

static void plan_block(const uint64_t *residuals, unsigned count, struct pack_plan *plan)
{
    int64_t least, most;
    find_bounds(residuals, count, &least, &most);
    *plan = (struct pack_plan){.base = (uint64_t)least, .width = bits_of((uint64_t)most - (uint64_t)least)};
    plan->bits = (size_t)count * plan->width;
    if (plan->width > 0) {
        uint64_t middle = find_middle(residuals, count);
        size_t best = plan->bits;
        unsigned width = find_width(residuals, count, middle, &best);
        if (width < 64)
            plan_patched(residuals, count, middle, width, plan);
    }
    plan->bits += 8 + varint_bits(zigzag_of(plan->base));
}
