#include "storage/chunk/chunk_ans.h"
#include "storage/chunk/chunk_pack.h"

enum {
    FINE_BINS = 256, /* of the finest histogram, half of them below the centre */
    FINE_BITS = 5,   /* residuals of the common size fall within 2^(this - 1) fine bins of the centre */
    COARSER_MAX = 5,
    SAMPLES_OF_MIDDLE = 15,
    ESCAPE_BITS = 18,
    SHARE_MAX = 15
};

/* In proportion to 2^(share / 2). */
static const uint16_t share_weights[SHARE_MAX + 1] = {0,   16,  23,  32,  45,  64,   91,   128,
                                                      181, 256, 362, 512, 724, 1024, 1448, 2048};

/* log2(v) * 256 for v > 0, right to 2. */
static uint32_t log2_256(uint32_t v)
{
    uint32_t whole = bits_of(v | 1) - 1;
    uint32_t part = whole > 8 ? (v >> (whole - 8)) & 255 : (v << (8 - whole)) & 255;
    return whole * 256 + part + ((part * (256 - part) * 88) >> 16);
}

bool ans_frequencies(const uint8_t *shares, unsigned count, uint32_t *frequencies)
{
    uint32_t total = 0, given = 0;
    unsigned top = 0;
    for (unsigned i = 0; i < count; i++)
        total += share_weights[shares[i] & SHARE_MAX];
    if (total == 0)
        return false;
    uint64_t by = (((uint64_t)CHUNK_ANS_TOTAL << 32) + total - 1) / total;
    for (unsigned i = 0; i < count; i++) {
        uint32_t share = (uint32_t)(share_weights[shares[i] & SHARE_MAX] * by >> 32);
        frequencies[i] = shares[i] && share == 0 ? 1 : share;
        given += frequencies[i];
        if (frequencies[i] > frequencies[top])
            top = i;
    }
    if (given > CHUNK_ANS_TOTAL && given - CHUNK_ANS_TOTAL >= frequencies[top])
        return false;
    frequencies[top] += CHUNK_ANS_TOTAL - given;
    return true;
}

static void find_shares(const uint32_t *counts, unsigned count, uint8_t *shares)
{
    uint32_t most = 1;
    for (unsigned i = 0; i < count; i++)
        most = counts[i] > most ? counts[i] : most;
    uint32_t top = log2_256(most);
    for (unsigned i = 0; i < count; i++) {
        if (!counts[i]) {
            shares[i] = 0;
            continue;
        }
        uint32_t below = (top - log2_256(counts[i]) + 64) / 128;
        shares[i] = below < SHARE_MAX ? (uint8_t)(SHARE_MAX - below) : 1;
    }
}

/* Bits for coding counts with the table that shares make. */
static size_t table_bits(const uint32_t *counts, const uint8_t *shares, unsigned count)
{
    uint32_t frequencies[CHUNK_ANS_MAX_SYMBOLS + 1];
    uint64_t bits = 0;
    if (!ans_frequencies(shares, count, frequencies))
        return SIZE_MAX / 2;
    for (unsigned i = 0; i < count; i++)
        if (counts[i])
            bits += (uint64_t)counts[i] * (CHUNK_ANS_BITS * 256 - log2_256(frequencies[i]));
    return (size_t)(bits / 256) + 4 * (size_t)count;
}

/* The median of some of the residuals. */
static uint64_t find_middle(const uint64_t *residuals, size_t count)
{
    int64_t picked[SAMPLES_OF_MIDDLE] = {0};
    size_t n = count < SAMPLES_OF_MIDDLE ? count : SAMPLES_OF_MIDDLE;
    for (size_t i = 0; i < n; i++) {
        int64_t v = (int64_t)residuals[(2 * i + 1) * count / (2 * n)];
        size_t at = i;
        for (; at > 0 && picked[at - 1] > v; at--)
            picked[at] = picked[at - 1];
        picked[at] = v;
    }
    return (uint64_t)picked[n / 2];
}

static unsigned block_of(size_t count, size_t from)
{
    return (unsigned)(count - from < CHUNK_BLOCK ? count - from : CHUNK_BLOCK);
}

unsigned ans_common_bits(const uint64_t *residuals, size_t count)
{
    uint32_t lengths[65] = {0};
    for (size_t from = 0; from < count; from += CHUNK_BLOCK) {
        unsigned n = block_of(count, from);
        uint64_t middle = find_middle(residuals + from, n);
        for (unsigned i = 0; i < n; i++)
            lengths[bits_of(zigzag_of(residuals[from + i] - middle))]++;
    }
    size_t left = 0;
    unsigned bits = 64;
    while (bits > 0 && left + lengths[bits] <= count / 10)
        left += lengths[bits--];
    return bits;
}

/* Where the next block's centre is, from this block's residuals: the mean of those near. Too few near: the
 * level has jumped, to where the last one is. The reader does the same; near means without escape there. */
struct follower {
    uint64_t centre;
    bool is_adaptive;
};

static void follow(struct follower *follower, uint64_t sum, unsigned near, unsigned count, uint64_t last)
{
    if (!follower->is_adaptive)
        return;
    if (2 * near < count)
        follower->centre = last;
    else
        follower->centre += mean_of(sum, near);
}

/* Counts the upper parts from the centre; returns how many lie outside. */
static size_t fill_fine(const uint64_t *residuals, size_t count, unsigned shift, struct follower follower,
                        uint32_t *bins)
{
    size_t far = 0;
    for (size_t from = 0; from < count; from += CHUNK_BLOCK) {
        const uint64_t *block = residuals + from;
        unsigned n = block_of(count, from), near = 0;
        uint64_t sum = 0;
        for (unsigned i = 0; i < n; i++) {
            uint64_t v = block[i] - follower.centre;
            uint64_t bin = shift_signed(v, shift) + FINE_BINS / 2;
            if (bin >= FINE_BINS)
                continue;
            bins[bin]++;
            sum += v;
            near++;
        }
        far += n - near;
        follow(&follower, sum, near, n, block[n - 1]);
    }
    return far;
}

/* Cuts bins off either end of [*from, *to) as long as their table space costs more than escapes, and until
 * there are symbols enough. Returns how many residuals that makes escapes. */
static size_t trim(const uint32_t *bins, unsigned *from, unsigned *to)
{
    size_t cut = 0;
    while (*to - *from > 1) {
        unsigned low = *from, high = *to - 1;
        while (low < high && bins[low + 1] == 0)
            low++;
        while (high > low && bins[high - 1] == 0)
            high--;
        size_t gain_low = 4 * (size_t)(low + 1 - *from), gain_high = 4 * (size_t)(*to - high);
        size_t loss_low = ESCAPE_BITS * (size_t)bins[*from], loss_high = ESCAPE_BITS * (size_t)bins[*to - 1];
        bool must = *to - *from > CHUNK_ANS_MAX_SYMBOLS;
        bool is_low = loss_low * gain_high < loss_high * gain_low;
        if (!must && (is_low ? loss_low >= gain_low : loss_high >= gain_high))
            break;
        if (is_low)
            cut += bins[(*from)++];
        else
            cut += bins[--*to];
    }
    return cut;
}

static void plan_at(const uint32_t *bins, size_t far, size_t count, unsigned low_bits, struct ans_plan *best)
{
    struct ans_plan plan = *best;
    uint32_t counts[CHUNK_ANS_MAX_SYMBOLS + 1];
    unsigned from = 0, to = FINE_BINS;
    while (to - from > 1 && bins[from] == 0)
        from++;
    while (to - from > 1 && bins[to - 1] == 0)
        to--;
    size_t escapes = far + trim(bins, &from, &to);
    plan.symbol_low = (uint64_t)from - FINE_BINS / 2;
    plan.symbol_count = to - from;
    plan.low_bits = low_bits;
    memcpy(counts, bins + from, plan.symbol_count * sizeof *counts);
    counts[plan.symbol_count] = (uint32_t)escapes;
    find_shares(counts, plan.symbol_count + 1, plan.shares);
    plan.bits = table_bits(counts, plan.shares, plan.symbol_count + 1) + count * low_bits + escapes * 16;
    if (plan.bits < best->bits)
        *best = plan;
}

/* Two neighbours become one; the centre stays where it is. */
static void halve(uint32_t *bins)
{
    uint32_t wide[FINE_BINS] = {0};
    for (unsigned i = 0; i < FINE_BINS; i++)
        wide[FINE_BINS / 4 + i / 2] += bins[i];
    memcpy(bins, wide, sizeof wide);
}

void ans_plan_column(const uint64_t *residuals, size_t count, bool is_adaptive, unsigned common,
                     struct ans_plan *plan)
{
    uint32_t bins[FINE_BINS] = {0};
    unsigned low_bits = common > FINE_BITS ? common - FINE_BITS : 0;
    *plan = (struct ans_plan){.is_adaptive = is_adaptive, .bits = SIZE_MAX};
    if (low_bits > CHUNK_ANS_MAX_LOW_BITS - COARSER_MAX)
        return;
    plan->centre = find_middle(residuals, is_adaptive ? block_of(count, 0) : count);
    size_t far = fill_fine(residuals, count, low_bits, (struct follower){plan->centre, is_adaptive}, bins);
    for (unsigned i = 0; i < COARSER_MAX; i++) {
        size_t before = plan->bits;
        plan_at(bins, far, count, low_bits + i, plan);
        if (plan->bits == before)
            break;
        halve(bins);
    }
    if (plan->bits < SIZE_MAX)
        plan->bits += 8 * (10 + sizeof(uint32_t) * CHUNK_ANS_LANES) - 64;
}

static size_t varint_bytes(uint64_t v)
{
    unsigned bits = bits_of(v);
    return bits ? (bits + 6) / 7 : 1;
}

/* Splits the residuals into symbols and low bits as the reader will join them, and counts. An escape's low
 * bits are all of its bits for now. Returns the bytes of the escapes. */
static size_t split(struct chunk_scratch *scratch, const uint64_t *residuals, size_t count,
                    const struct ans_plan *plan, uint32_t *counts)
{
    struct follower follower = {plan->centre, plan->is_adaptive};
    size_t escape_bytes = 0;
    for (size_t from = 0; from < count; from += CHUNK_BLOCK) {
        unsigned n = block_of(count, from), near = 0;
        uint64_t sum = 0;
        for (unsigned i = 0; i < n; i++) {
            uint64_t v = residuals[from + i] - follower.centre;
            uint64_t high = shift_signed(v, plan->low_bits);
            uint64_t symbol = high - plan->symbol_low;
            scratch->low[from + i] = v;
            if (symbol < plan->symbol_count) {
                sum += v;
                near++;
            } else {
                symbol = plan->symbol_count;
                escape_bytes += varint_bytes(zigzag_of(high));
            }
            scratch->symbols[from + i] = (uint8_t)symbol;
            counts[symbol]++;
        }
        follow(&follower, sum, near, n, residuals[from + n - 1]);
    }
    return escape_bytes;
}

static void write_escapes(struct chunk_scratch *scratch, size_t count, const struct ans_plan *plan,
                          struct bytes *out)
{
    uint64_t mask = (UINT64_C(1) << plan->low_bits) - 1;
    for (size_t i = 0; i < count; i++) {
        if (scratch->symbols[i] == plan->symbol_count)
            bytes_varint(out, zigzag_of(shift_signed(scratch->low[i], plan->low_bits)));
        scratch->low[i] &= mask;
    }
}

/* Codes the symbols, the last one first. Returns where in scratch->words the words begin. */
static size_t code_symbols(struct chunk_scratch *scratch, size_t count, const uint32_t *frequencies,
                           uint32_t lanes[CHUNK_ANS_LANES])
{
    uint32_t starts[CHUNK_ANS_MAX_SYMBOLS + 1], start = 0;
    for (unsigned i = 0; i <= CHUNK_ANS_MAX_SYMBOLS; i++) {
        starts[i] = start;
        start += frequencies[i];
    }
    size_t at = sizeof scratch->words / sizeof scratch->words[0];
    for (unsigned i = 0; i < CHUNK_ANS_LANES; i++)
        lanes[i] = CHUNK_ANS_LOW;
    for (size_t i = count; i-- > 0;) {
        uint32_t *lane = &lanes[i % CHUNK_ANS_LANES];
        uint32_t frequency = frequencies[scratch->symbols[i]];
        uint32_t x = *lane;
        if (x >= (uint64_t)frequency << (32 - CHUNK_ANS_BITS)) {
            scratch->words[--at] = htole16((uint16_t)x);
            x >>= 16;
        }
        *lane = (x / frequency << CHUNK_ANS_BITS) + x % frequency + starts[scratch->symbols[i]];
    }
    return at;
}

static void write_head(const struct ans_plan *plan, struct bytes *out)
{
    bytes_u8(out, (uint8_t)(plan->low_bits | (plan->is_adaptive ? CHUNK_ANS_ADAPTIVE : 0)));
    bytes_zigzag(out, (int64_t)plan->centre);
    bytes_zigzag(out, (int64_t)plan->symbol_low);
    bytes_u8(out, (uint8_t)plan->symbol_count);
    for (unsigned i = 0; i <= plan->symbol_count; i += 2) {
        unsigned next = i < plan->symbol_count ? plan->shares[i + 1] : 0;
        bytes_u8(out, (uint8_t)(plan->shares[i] | next << 4));
    }
}

void ans_write(struct chunk_scratch *scratch, const uint64_t *residuals, size_t count, struct ans_plan *plan,
               struct bytes *out)
{
    uint32_t counts[CHUNK_ANS_MAX_SYMBOLS + 1] = {0};
    uint32_t frequencies[CHUNK_ANS_MAX_SYMBOLS + 1] = {0};
    uint32_t lanes[CHUNK_ANS_LANES];
    size_t escape_bytes = split(scratch, residuals, count, plan, counts);
    find_shares(counts, plan->symbol_count + 1, plan->shares);
    if (!ans_frequencies(plan->shares, plan->symbol_count + 1, frequencies)) {
        out->failed = true;
        return;
    }
    size_t at = code_symbols(scratch, count, frequencies, lanes);
    size_t words = sizeof scratch->words / sizeof scratch->words[0] - at;
    write_head(plan, out);
    bytes_varint(out, words);
    bytes_varint(out, escape_bytes);
    for (unsigned i = 0; i < CHUNK_ANS_LANES; i++)
        bytes_u32(out, lanes[i]);
    bytes_put(out, scratch->words + at, words * sizeof(uint16_t));
    write_escapes(scratch, count, plan, out);
    pack_fields(scratch->low, count, plan->low_bits, out);
}
