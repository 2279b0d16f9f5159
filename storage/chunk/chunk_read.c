#include "storage/chunk/chunk_read.h"
#include "storage/chunk/chunk_ans.h"

/* What a packed block's head says. */
struct pack_head {
    unsigned width;
    unsigned patch_count;
    unsigned patch_width;
    const uint8_t *positions;
    const uint8_t *patches;
    const uint8_t *fields;
};

static size_t field_bytes(size_t count, unsigned width)
{
    return (count * width + 7) / 8;
}

static const uint8_t *take_bytes(struct cursor *in, size_t len)
{
    return (const uint8_t *)cursor_take(in, len).ptr;
}

/* Moves `in` behind a packed block of count fields. */
static bool read_pack_head(struct cursor *in, unsigned count, uint64_t *base, struct pack_head *head)
{
    unsigned flags = cursor_u8(in);
    *head = (struct pack_head){.width = flags & ~(unsigned)CHUNK_PACK_PATCHED};
    *base += zigzag_back(cursor_varint(in));
    if (flags & CHUNK_PACK_PATCHED) {
        head->patch_count = cursor_u8(in);
        head->patch_width = cursor_u8(in);
        if (head->patch_count == 0 || head->patch_count > count || head->patch_width > 64)
            return false;
        head->positions = take_bytes(in, field_bytes(head->patch_count, CHUNK_PACK_POSITION_BITS));
        head->patches = take_bytes(in, field_bytes(head->patch_count, head->patch_width));
    }
    if (head->width > 64)
        return false;
    head->fields = take_bytes(in, field_bytes(count, head->width));
    return !in->bad;
}

/* Unpacks a block at `from` of which only len bytes may be looked at: by a copy where the kernel would look
 * further. */
static void unpack_within(const struct chunk_kernels *kernels, const uint8_t *from, size_t len,
                          const uint8_t *end, unsigned width, uint64_t base, uint64_t *out)
{
    size_t reach = CHUNK_BLOCK / 8 * width + KERNEL_UNPACK_OVERREAD_BYTES;
    if ((size_t)(end - from) >= reach) {
        kernels->unpack(from, width, base, out);
        return;
    }
    uint8_t copy[CHUNK_BLOCK * sizeof(uint64_t) + KERNEL_UNPACK_OVERREAD_BYTES];
    if (len)
        memcpy(copy, from, len);
    memset(copy + len, 0, reach - len);
    kernels->unpack(copy, width, base, out);
}

static bool read_packed(struct chunk_column *c, const struct chunk_kernels *kernels, unsigned count,
                        uint64_t *block)
{
    struct pack_head head;
    const uint8_t *end = c->packed.end;
    if (!read_pack_head(&c->packed, count, &c->base, &head))
        return false;
    unpack_within(kernels, head.fields, field_bytes(count, head.width), end, head.width, c->base, block);
    if (head.patch_count) {
        uint64_t positions[CHUNK_BLOCK], patches[CHUNK_BLOCK];
        size_t position_bytes = field_bytes(head.patch_count, CHUNK_PACK_POSITION_BITS);
        size_t patch_bytes = field_bytes(head.patch_count, head.patch_width);
        unpack_within(kernels, head.positions, position_bytes, end, CHUNK_PACK_POSITION_BITS, 0, positions);
        unpack_within(kernels, head.patches, patch_bytes, end, head.patch_width, 0, patches);
        for (unsigned i = 0; i < head.patch_count; i++)
            block[positions[i]] = c->base + zigzag_back(patches[i]);
    }
    return true;
}

/* Puts what the escape stream holds in place of the escapes, and finds sum and number of the others. */
static bool read_escapes(struct chunk_column *c, const uint8_t *symbols, unsigned count, uint64_t *block,
                         uint64_t *sum, unsigned *near)
{
    uint64_t mask = (UINT64_C(1) << c->low_bits) - 1;
    *sum = 0;
    *near = 0;
    for (unsigned i = 0; i < count; i++) {
        if (symbols[i] < c->symbol_count) {
            *sum += block[i];
            (*near)++;
            continue;
        }
        uint64_t high = zigzag_back(cursor_varint(&c->escapes));
        block[i] = (high << c->low_bits) | (block[i] & mask);
    }
    return !c->escapes.bad;
}

static bool read_symbols(struct chunk_column *c, const struct chunk_kernels *kernels, unsigned count,
                         uint8_t *symbols)
{
    uint8_t copy[KERNEL_ANS_BYTES + KERNEL_UNPACK_OVERREAD_BYTES];
    size_t left = cursor_left(&c->words);
    const uint8_t *from = c->words.at;
    if (left < sizeof copy) {
        if (left)
            memcpy(copy, from, left);
        memset(copy + left, 0, sizeof copy - left);
        from = copy;
    }
    size_t taken = kernels->ans(c->table, c->lanes, from, count, symbols);
    if (taken > left)
        return false;
    c->words.at += taken;
    return true;
}

/* Which slot of the table means which symbol. False: the shares do not fill it. */
static bool fill_table(struct chunk_column *c)
{
    uint32_t frequencies[CHUNK_ANS_MAX_SYMBOLS + 1];
    uint32_t at = 0;
    if (!ans_frequencies(c->shares, c->symbol_count + 1u, frequencies))
        return false;
    for (uint32_t symbol = 0; symbol <= c->symbol_count; symbol++) {
        uint32_t fixed = (frequencies[symbol] - 1) << 19 | symbol;
        for (uint32_t i = 0; i < frequencies[symbol]; i++)
            c->table[at++] = fixed | i << 8;
    }
    return at == CHUNK_ANS_TOTAL;
}

static bool read_coded(struct chunk_column *c, const struct chunk_kernels *kernels, unsigned count,
                       uint64_t *block)
{
    uint8_t symbols[CHUNK_BLOCK] = {0};
    unsigned near = count;
    size_t low_bytes = field_bytes(count, c->low_bits);
    if ((!c->is_started && !fill_table(c)) || !read_symbols(c, kernels, count, symbols))
        return false;
    const uint8_t *end = c->packed.end;
    const uint8_t *low = take_bytes(&c->packed, low_bytes);
    if (c->packed.bad)
        return false;
    unpack_within(kernels, low, low_bytes, end, c->low_bits, 0, block);
    bool any_escape = kernels->most(symbols) >= c->symbol_count;
    struct chunk_join join = {c->symbol_low, any_escape ? 0 : c->base, c->low_bits};
    /* Over what the last block lacks too: no block follows whose centre that would be. */
    uint64_t sum = kernels->join(symbols, &join, block);
    if (any_escape && !read_escapes(c, symbols, count, block, &sum, &near))
        return false;
    for (unsigned i = 0; any_escape && i < CHUNK_BLOCK; i++)
        block[i] += c->base;
    if (c->is_adaptive)
        c->base = 2 * near < count ? block[count - 1] : c->base + mean_of(sum, near);
    return true;
}

/* The first residuals are free, and so the first levels are set by what is known of them. */
static void start_levels(struct chunk_column *c, unsigned count, const uint64_t *block)
{
    if (c->order == ORDER_DELTA) {
        c->level = 0 - block[0];
    } else if (c->order == ORDER_DELTA2) {
        uint64_t second = count > 1 ? block[1] : 0;
        c->slope = c->slope - block[0] - second;
        c->level = 0 - (c->slope + block[0]);
    }
}

bool column_next(struct chunk_column *c, const struct chunk_kernels *kernels, unsigned count, uint64_t *block)
{
    if (c->coding == CODING_ZERO) {
        memset(block, 0, CHUNK_BLOCK * sizeof *block);
        return true;
    }
    bool good = c->coding == CODING_PACK ? read_packed(c, kernels, count, block)
                                         : read_coded(c, kernels, count, block);
    if (!good)
        return false;
    if (!c->is_started)
        start_levels(c, count, block);
    c->is_started = true;
    kernels->integrate(block, c->order, &c->level, &c->slope);
    return true;
}

static void open_coded(struct chunk_column *c, size_t count, struct cursor *in)
{
    uint32_t frequencies[CHUNK_ANS_MAX_SYMBOLS + 1];
    unsigned flags = cursor_u8(in);
    c->is_adaptive = (flags & CHUNK_ANS_ADAPTIVE) != 0;
    c->low_bits = (uint8_t)(flags & ~(unsigned)CHUNK_ANS_ADAPTIVE);
    c->base = (uint64_t)cursor_zigzag(in);
    c->symbol_low = (uint64_t)cursor_zigzag(in);
    c->symbol_count = cursor_u8(in);
    if (c->low_bits > CHUNK_ANS_MAX_LOW_BITS || c->symbol_count > CHUNK_ANS_MAX_SYMBOLS) {
        in->bad = true;
        return;
    }
    for (unsigned i = 0; i <= c->symbol_count; i += 2) {
        uint8_t two = cursor_u8(in);
        c->shares[i] = two & 15;
        c->shares[i + 1] = two >> 4;
    }
    uint64_t words = cursor_varint(in), escape_bytes = cursor_varint(in);
    for (unsigned i = 0; i < CHUNK_ANS_LANES; i++)
        c->lanes[i] = cursor_u32(in);
    if (in->bad || words > count || escape_bytes > cursor_left(in) ||
        !ans_frequencies(c->shares, c->symbol_count + 1u, frequencies)) {
        in->bad = true;
        return;
    }
    const uint8_t *at = take_bytes(in, (size_t)words * 2);
    c->words = cursor_of(at, in->bad ? 0 : (size_t)words * 2);
    at = take_bytes(in, (size_t)escape_bytes);
    c->escapes = cursor_of(at, in->bad ? 0 : (size_t)escape_bytes);
    c->packed = *in;
    (void)take_bytes(in, field_bytes(count, c->low_bits));
}

/* Moves `in` behind all blocks. */
static void skip_packed(size_t count, struct cursor *in)
{
    uint64_t base = 0;
    for (size_t from = 0; from < count && !in->bad; from += CHUNK_BLOCK) {
        struct pack_head head;
        unsigned n = (unsigned)(count - from < CHUNK_BLOCK ? count - from : CHUNK_BLOCK);
        if (!read_pack_head(in, n, &base, &head))
            in->bad = true;
    }
}

void column_open(struct chunk_column *c, uint64_t origin, uint64_t line, size_t count, struct cursor *in)
{
    unsigned flags = cursor_u8(in);
    c->order = flags & CHUNK_COLUMN_ORDER;
    c->coding = (uint8_t)(flags >> CHUNK_COLUMN_CODING_SHIFT & 3);
    c->is_started = false;
    c->origin = origin;
    c->line = line;
    c->factor = flags & CHUNK_COLUMN_FACTOR ? cursor_varint(in) : 1;
    c->level = 0;
    c->slope = c->order == ORDER_DELTA2 ? (uint64_t)cursor_zigzag(in) : 0;
    c->base = 0;
    if (flags >> 5 || c->coding >= CODING_COUNT || c->factor == 0)
        in->bad = true;
    if (in->bad || c->coding == CODING_ZERO)
        return;
    if (c->coding == CODING_ANS) {
        open_coded(c, count, in);
        return;
    }
    c->packed = *in;
    skip_packed(count, in);
}
