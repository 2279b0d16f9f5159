/* Samples from a chunk. Every byte may be hostile: the checksum is no secret. */
#include "storage/chunk/chunk_read.h"

/* Reads the head; `in` then stands before the times. */
static enum tm_err read_head(const struct chunk_key *key, struct str chunk, struct chunk_head *out,
                             struct cursor *in)
{
    *in = cursor_of(chunk.ptr, chunk.len);
    uint8_t version = cursor_u8(in);
    uint32_t sum = cursor_u32(in);
    if (in->bad || version != CHUNK_VERSION ||
        sum != chunk_checksum(key, (const uint8_t *)chunk.ptr, chunk.len))
        return TM_CORRUPT;
    uint64_t count = cursor_varint(in);
    uint64_t first = (uint64_t)cursor_zigzag(in) + (uint64_t)key->window_start;
    uint64_t span = cursor_varint(in);
    if (in->bad || count == 0 || count > CHUNK_MAX_SAMPLES || span < count - 1 || (count == 1 && span))
        return TM_CORRUPT;
    *out = (struct chunk_head){(uint32_t)count, (time_ms_t)first, (time_ms_t)(first + span)};
    return out->last < out->first ? TM_CORRUPT : TM_OK;
}

enum tm_err chunk_peek(const struct chunk_key *key, struct str chunk, struct chunk_head *out)
{
    struct cursor in;
    return read_head(key, chunk, out, &in);
}

static void open_times(struct chunk_reader *r, struct cursor *in)
{
    uint64_t first = (uint64_t)r->head.first;
    uint64_t steps = r->head.count > 1 ? r->head.count - 1 : 1;
    uint64_t span = (uint64_t)r->head.last - first;
    uint8_t is_regular = cursor_u8(in);
    r->is_regular = is_regular == 1;
    if (is_regular == 1) {
        r->times.origin = first;
        r->times.line = span / steps;
        in->bad |= span % steps != 0;
        return;
    }
    uint64_t line = (uint64_t)cursor_zigzag(in) + span / steps;
    if (is_regular)
        in->bad = true;
    else
        column_open(&r->times, first, line, r->head.count, in);
}

/* The gaps were looked at when the patches were opened. */
static void next_patch(struct chunk_patches *p)
{
    p->next += (uint32_t)cursor_varint(&p->gaps);
}

/* Positions are walked through once here, since their end is where the bits begin. */
static void open_patches(struct chunk_patches *p, uint32_t count, struct cursor *in)
{
    uint64_t word = cursor_varint(in), next = 0;
    uint64_t patches = word >> 1;
    p->is_shared = word & 1;
    if (patches == 0 || patches > count) {
        in->bad = true;
        return;
    }
    p->left = (uint32_t)patches;
    p->gaps = *in;
    for (uint64_t i = 0; i < patches && !in->bad; i++) {
        uint64_t gap = cursor_varint(in);
        if (next >= count || gap >= count - next)
            in->bad = true;
        next += gap + 1;
    }
    p->shared = p->is_shared ? cursor_u64(in) : 0;
    p->bits = *in;
    if (!p->is_shared)
        (void)cursor_take(in, (size_t)patches * sizeof(uint64_t));
    p->next = 0;
    next_patch(p);
}

static void open_values(struct chunk_reader *r, struct cursor *in)
{
    unsigned flags = cursor_u8(in);
    r->exponent = (int32_t)(flags & CHUNK_VALUES_EXPONENT);
    r->patches.left = 0;
    if (flags & CHUNK_VALUES_PATCHED)
        open_patches(&r->patches, r->head.count, in);
    bool is_bits = r->exponent == CHUNK_VALUES_BITS;
    if (flags >> 6 || (is_bits && flags & CHUNK_VALUES_PATCHED) ||
        (!is_bits && r->exponent > CHUNK_MAX_EXPONENT))
        in->bad = true;
    uint64_t origin = is_bits ? cursor_u64(in) : (uint64_t)cursor_zigzag(in);
    column_open(&r->values, origin, 0, r->head.count, in);
    /* An exclusive or makes sense of bits only. */
    if (r->values.order == ORDER_XOR && !is_bits)
        in->bad = true;
}

enum tm_err chunk_reader_init(struct chunk_reader *r, const struct chunk_key *key, struct str chunk)
{
    struct cursor in;
    enum tm_err err = read_head(key, chunk, &r->head, &in);
    if (err)
        return err;
    r->at = 0;
    r->kernels = chunk_kernels_best();
    open_times(r, &in);
    if (in.bad)
        return TM_CORRUPT;
    open_values(r, &in);
    return in.bad || cursor_left(&in) ? TM_CORRUPT : TM_OK;
}

/* Levels, line and origin -> times; they have to ascend, and to end where the head says. */
static bool read_times(struct chunk_reader *r, unsigned count, time_ms_t *out)
{
    uint64_t block[CHUNK_BLOCK];
    struct chunk_column *c = &r->times;
    uint64_t expected = c->origin + c->line * r->at;
    if (r->is_regular) {
        r->kernels->march(expected, c->line, out);
        return true;
    }
    if (!column_next(c, r->kernels, count, block))
        return false;
    struct chunk_clock clock = {expected, c->line, c->factor};
    bool good = r->kernels->place(block, &clock, count, out);
    good &= r->at == 0 ? out[0] == r->head.first : out[0] > r->last_time;
    r->last_time = out[count - 1];
    return good && (r->at + count < r->head.count || r->last_time == r->head.last);
}

static void put_patches(struct chunk_reader *r, unsigned count, double *out)
{
    struct chunk_patches *p = &r->patches;
    while (p->left && p->next < r->at + count) {
        out[p->next - r->at] = double_of_bits(p->is_shared ? p->shared : cursor_u64(&p->bits));
        p->next++;
        if (--p->left)
            next_patch(p);
    }
}

static bool read_values(struct chunk_reader *r, unsigned count, double *out)
{
    uint64_t block[CHUNK_BLOCK];
    struct chunk_column *c = &r->values;
    if (!column_next(c, r->kernels, count, block))
        return false;
    if (r->exponent == CHUNK_VALUES_BITS) {
        for (unsigned i = 0; i < CHUNK_BLOCK; i++)
            block[i] =
                c->order == ORDER_XOR ? c->origin ^ (block[i] * c->factor) : c->origin + block[i] * c->factor;
        memcpy(out, block, sizeof block);
        return true;
    }
    struct chunk_scale scale = {c->origin, c->factor, chunk_power_of_ten(r->exponent)};
    r->kernels->scale(block, &scale, out);
    put_patches(r, count, out);
    return true;
}

enum tm_err chunk_reader_next(struct chunk_reader *r, time_ms_t *times, double *values, size_t *count)
{
    uint32_t left = r->head.count - r->at;
    unsigned n = left < CHUNK_BLOCK ? left : CHUNK_BLOCK;
    *count = 0;
    if (n == 0)
        return TM_OK;
    if (!read_times(r, n, times) || !read_values(r, n, values))
        return TM_CORRUPT;
    r->at += n;
    *count = n;
    return TM_OK;
}

enum tm_err chunk_reader_check(struct chunk_reader *r, const struct chunk_key *key, struct str chunk,
                               bool with_values)
{
    time_ms_t times[CHUNK_BLOCK];
    double values[CHUNK_BLOCK];
    enum tm_err err = chunk_reader_init(r, key, chunk);
    if (err || (r->is_regular && !with_values))
        return err;
    for (unsigned n; r->at < r->head.count; r->at += n) {
        uint32_t left = r->head.count - r->at;
        n = left < CHUNK_BLOCK ? left : CHUNK_BLOCK;
        if (!read_times(r, n, times) || (with_values && !read_values(r, n, values)))
            return TM_CORRUPT;
    }
    return TM_OK;
}

enum tm_err chunk_decode(const struct chunk_key *key, struct str chunk, time_ms_t *times, double *values,
                         size_t room, size_t *count)
{
    struct chunk_reader reader;
    time_ms_t some_times[CHUNK_BLOCK];
    double some_values[CHUNK_BLOCK];
    size_t at = 0, n = 0;
    *count = 0;
    enum tm_err err = chunk_reader_init(&reader, key, chunk);
    if (!err && reader.head.count > room)
        err = TM_LIMIT;
    while (!err && reader.head.count - at >= CHUNK_BLOCK) {
        err = chunk_reader_next(&reader, times + at, values + at, &n);
        at += n;
    }
    if (err)
        return err;
    err = chunk_reader_next(&reader, some_times, some_values, &n);
    if (err)
        return err;
    memcpy(times + at, some_times, n * sizeof *times);
    memcpy(values + at, some_values, n * sizeof *values);
    *count = at + n;
    return TM_OK;
}

enum tm_err chunk_decode_span(const struct chunk_key *key, struct str chunk, struct span span,
                              time_ms_t *times, double *values, size_t room, size_t *count)
{
    struct chunk_reader reader;
    time_ms_t some_times[CHUNK_BLOCK];
    double some_values[CHUNK_BLOCK];
    size_t at = 0;
    *count = 0;
    enum tm_err err = chunk_reader_init(&reader, key, chunk);
    if (err)
        return err;
    bool is_done = reader.head.first >= span.to || reader.head.last < span.from;
    while (!is_done) {
        /* A block is written whole, so it goes where it belongs if that has room for one. */
        bool is_there = room - at >= CHUNK_BLOCK;
        time_ms_t *t = times + at;
        double *v = values + at;
        size_t n, from = 0, to;
        if (!is_there) {
            t = some_times;
            v = some_values;
        }
        err = chunk_reader_next(&reader, t, v, &n);
        if (err || n == 0)
            break;
        is_done = t[n - 1] >= span.to;
        while (from < n && t[from] < span.from)
            from++;
        for (to = n; to > from && t[to - 1] >= span.to;)
            to--;
        if (to - from > room - at)
            return TM_LIMIT;
        if (from > 0 || !is_there) {
            memmove(times + at, t + from, (to - from) * sizeof *times);
            memmove(values + at, v + from, (to - from) * sizeof *values);
        }
        at += to - from;
    }
    *count = err ? 0 : at;
    return err;
}
