/* A chunk from its samples: head, times, values, misfits; the checksum last. */
#include <xxhash.h>

#include "storage/chunk/chunk_column.h"
#include "storage/chunk/chunk_decimal.h"

enum { STEP_PROBES = 9 };

uint32_t chunk_checksum(const struct chunk_key *key, const uint8_t *chunk, size_t len)
{
    uint64_t parts[4] = {htole64(XXH3_64bits(chunk + CHUNK_BODY_AT, len - CHUNK_BODY_AT)),
                         htole64(key->series), htole64((uint64_t)key->window_start), htole64(chunk[0])};
    return (uint32_t)XXH3_64bits(parts, sizeof parts);
}

static bool is_ascending(const time_ms_t *times, size_t count)
{
    bool good = true;
    for (size_t i = 1; i < count; i++)
        good &= times[i] > times[i - 1];
    return good;
}

/* The usual step between two samples: the mean of those near the median of some. */
static uint64_t find_step(const time_ms_t *times, size_t count)
{
    uint64_t picked[STEP_PROBES] = {0}, sum = 0, near = 0;
    size_t n = 0;
    for (size_t i = 0; i < STEP_PROBES; i++, n++) {
        size_t at = 1 + (count - 2) * i / (STEP_PROBES - 1);
        uint64_t step = (uint64_t)times[at] - (uint64_t)times[at - 1];
        size_t place = n;
        for (; place > 0 && picked[place - 1] > step; place--)
            picked[place] = picked[place - 1];
        picked[place] = step;
    }
    uint64_t median = picked[STEP_PROBES / 2];
    if (median > UINT32_MAX)
        return median;
    for (size_t i = 1; i < count; i++) {
        uint64_t step = (uint64_t)times[i] - (uint64_t)times[i - 1];
        bool is_near = step > median / 2 && step < median + median / 2 + 1;
        sum += is_near ? step : 0;
        near += is_near;
    }
    return near ? (sum + near / 2) / near : median;
}

/* A regular clock is one byte: its step follows from span and count. */
static void write_times(struct chunk_scratch *scratch, const struct chunk_columns *in, uint64_t span,
                        enum chunk_effort effort, struct bytes *out)
{
    uint64_t steps = in->count > 1 ? in->count - 1 : 1;
    uint64_t step = span / steps, off = span % steps;
    for (size_t i = 0; i < in->count; i++)
        off |= (uint64_t)in->times[i] - (uint64_t)in->times[0] - i * step;
    bytes_u8(out, off == 0);
    if (off == 0)
        return;
    struct column_spec spec = {.count = in->count, .line = find_step(in->times, in->count), .effort = effort};
    bytes_zigzag(out, (int64_t)(spec.line - step));
    for (size_t i = 0; i < in->count; i++)
        scratch->x[i] = (uint64_t)in->times[i];
    column_write(scratch, &spec, out);
}

/* Positions and bits of the values that are no decimals. */
static void write_patches(const struct chunk_columns *in, const uint64_t *integers, struct decimal_fit fit,
                          struct bytes *out)
{
    uint64_t first = 0;
    bool is_shared = true, is_first = true;
    for (size_t i = 0; i < in->count; i++) {
        if (decimal_is(in->values[i], integers[i], fit.exponent))
            continue;
        uint64_t bits = bits_of_double(in->values[i]);
        first = is_first ? bits : first;
        is_shared &= bits == first;
        is_first = false;
    }
    bytes_varint(out, fit.misses << 1 | is_shared);
    size_t next = 0;
    for (size_t i = 0; i < in->count; i++) {
        if (decimal_is(in->values[i], integers[i], fit.exponent))
            continue;
        bytes_varint(out, i - next);
        next = i + 1;
    }
    if (is_shared)
        bytes_u64(out, first);
    for (size_t i = 0; i < in->count && !is_shared; i++)
        if (!decimal_is(in->values[i], integers[i], fit.exponent))
            bytes_u64(out, bits_of_double(in->values[i]));
}

static void write_decimals(struct chunk_scratch *scratch, const struct chunk_columns *in,
                           struct decimal_fit fit, enum chunk_effort effort, struct bytes *out)
{
    struct column_spec spec = {.count = in->count, .effort = effort};
    bytes_u8(out, (uint8_t)((unsigned)fit.exponent | (fit.misses ? CHUNK_VALUES_PATCHED : 0)));
    if (fit.misses)
        write_patches(in, scratch->x, fit, out);
    bytes_zigzag(out, (int64_t)scratch->x[0]);
    column_write(scratch, &spec, out);
}

static void write_bits(struct chunk_scratch *scratch, const struct chunk_columns *in,
                       enum chunk_effort effort, struct bytes *out)
{
    struct column_spec spec = {.count = in->count, .may_xor = true, .effort = effort};
    memcpy(scratch->x, in->values, in->count * sizeof *in->values);
    bytes_u8(out, CHUNK_VALUES_BITS);
    bytes_u64(out, scratch->x[0]);
    column_write(scratch, &spec, out);
}

static void write_values(struct chunk_scratch *scratch, const struct chunk_columns *in,
                         enum chunk_effort effort, struct bytes *out)
{
    struct decimal_fit fit = decimal_fit_column(in->values, in->count, in->exponent, scratch->x);
    size_t start = out->len;
    if (fit.exponent < 0) {
        write_bits(scratch, in, effort, out);
        return;
    }
    /* A miss is one by the reader's rule: what is left of it is counted again. */
    size_t misses = 0;
    if (fit.misses)
        for (size_t i = 0; i < in->count; i++)
            misses += !decimal_is(in->values[i], scratch->x[i], fit.exponent);
    fit.misses = misses;
    write_decimals(scratch, in, fit, effort, out);
    if (fit.misses <= in->count / 16)
        return;
    size_t middle = out->len;
    write_bits(scratch, in, effort, out);
    if (out->failed)
        return;
    size_t bits_len = out->len - middle;
    bool is_less = bits_len < middle - start;
    if (is_less)
        memmove(out->data + start, out->data + middle, bits_len);
    out->len = is_less ? start + bits_len : middle;
}

enum tm_err chunk_encode(struct chunk_scratch *scratch, const struct chunk_key *key,
                         const struct chunk_columns *in, enum chunk_effort effort, struct bytes *out)
{
    if (in->count == 0 || in->count > CHUNK_MAX_SAMPLES || !is_ascending(in->times, in->count))
        return TM_INVALID;
    size_t start = out->len;
    uint64_t first = (uint64_t)in->times[0];
    uint64_t span = (uint64_t)in->times[in->count - 1] - first;
    bytes_u8(out, CHUNK_VERSION);
    bytes_u32(out, 0);
    bytes_varint(out, in->count);
    bytes_zigzag(out, (int64_t)(first - (uint64_t)key->window_start));
    bytes_varint(out, span);
    write_times(scratch, in, span, effort, out);
    write_values(scratch, in, effort, out);
    if (bytes_error(out)) {
        out->len = start;
        return TM_NOMEM;
    }
    uint32_t sum = htole32(chunk_checksum(key, out->data + start, out->len - start));
    memcpy(out->data + start + CHUNK_CHECKSUM_AT, &sum, sizeof sum);
    return TM_OK;
}
