/* Columns for the tests of the chunk codec, made of a seed; and the round trip that every test makes. */
#ifndef TM_TESTS_CHUNK_COLUMNS_H
#define TM_TESTS_CHUNK_COLUMNS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "storage/chunk/chunk.h"
#include "storage/chunk/chunk_format.h"

static const struct chunk_key test_key = {77, 1704067200000};

/* All that a test needs; on the heap. */
struct columns {
    struct chunk_scratch scratch;
    time_ms_t times[CHUNK_MAX_SAMPLES];
    double values[CHUNK_MAX_SAMPLES];
    size_t count;
    time_ms_t times_back[CHUNK_MAX_SAMPLES];
    double values_back[CHUNK_MAX_SAMPLES];
    struct bytes chunk;
    uint64_t seed;
};

static inline uint64_t draw(struct columns *c)
{
    uint64_t z = (c->seed += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static inline int64_t draw_within(struct columns *c, int64_t low, int64_t high)
{
    return low + (int64_t)(draw(c) % (uint64_t)(high - low + 1));
}

static inline int columns_setup(void **state)
{
    *state = calloc(1, sizeof(struct columns));
    return *state ? 0 : -1;
}

static inline int columns_teardown(void **state)
{
    struct columns *c = *state;
    bytes_fini(&c->chunk);
    free(c);
    return 0;
}

/* A clock of one sample per 10 s, jittered by up to jitter_ms, without each gap_every-th sample (0: all). */
static inline void fill_times(struct columns *c, size_t count, int64_t jitter_ms, size_t gap_every)
{
    time_ms_t at = test_key.window_start;
    c->count = count;
    for (size_t i = 0; i < count; i++) {
        c->times[i] = at + (jitter_ms ? draw_within(c, -jitter_ms, jitter_ms) : 0);
        at += gap_every && i % gap_every == gap_every - 1 ? 20000 : 10000;
    }
}

enum family {
    FAMILY_COUNTER,
    FAMILY_RESETTING,
    FAMILY_GAUGE,
    FAMILY_NOISE,
    FAMILY_SAWTOOTH,
    FAMILY_STEPS,
    FAMILY_CONSTANT,
    FAMILY_RAMP,
    FAMILY_ENTROPY,
    FAMILY_FLOATS,
    FAMILY_STALE,
    FAMILY_BITS,
    FAMILY_BURSTS,
    FAMILY_COUNT
};

static inline double family_value(struct columns *c, enum family family, size_t i, int64_t *state)
{
    static const uint64_t special[] = {0x7ff0000000000002, 0x7ff8000000000001, 0xfff0000000000000, 1u};
    switch (family) {
    case FAMILY_COUNTER:
        return (double)(*state += draw_within(c, 20, 60));
    case FAMILY_RESETTING:
        return (double)(*state = draw(c) % 200 ? *state + draw_within(c, 0, 3) : 0);
    case FAMILY_GAUGE:
        return (double)(*state += draw_within(c, -300, 300)) / 100;
    case FAMILY_NOISE:
        return (double)(draw_within(c, 0, 500) + draw_within(c, 0, 500) + draw_within(c, 0, 500)) / 1000;
    case FAMILY_SAWTOOTH:
        return (double)(*state = *state > 1 << 28 ? 1 << 20 : *state + 8 * draw_within(c, 50000, 150000));
    case FAMILY_STEPS:
        return (double)(*state += draw(c) % 100 ? 0 : 65536);
    case FAMILY_CONSTANT:
        return 0.25;
    case FAMILY_RAMP:
        return (double)i * 12.5 - 100;
    case FAMILY_ENTROPY:
        return (double)draw_within(c, 1, INT64_MAX) / 3e18 + 1;
    case FAMILY_FLOATS:
        return (double)(float)((double)draw_within(c, 1, 1 << 30) / 7);
    case FAMILY_STALE:
        return draw(c) % 20 ? (double)(*state += draw_within(c, -5, 5)) / 10 : double_of_bits(special[0]);
    case FAMILY_BURSTS:
        return (double)(*state += i / 300 % 2 ? draw_within(c, -100000, 100000) : draw_within(c, -1, 1));
    default:
        return draw(c) % 4 ? double_of_bits(draw(c)) : double_of_bits(special[draw(c) % 4]);
    }
}

static inline void fill_values(struct columns *c, enum family family)
{
    int64_t state = draw_within(c, 0, 100000);
    for (size_t i = 0; i < c->count; i++)
        c->values[i] = family_value(c, family, i, &state);
}

static inline void encode(struct columns *c, enum chunk_effort effort)
{
    struct chunk_columns in = {c->times, c->values, c->count, NUMBER_NOT_DECIMAL};
    bytes_clear(&c->chunk);
    assert_int_equal(chunk_encode(&c->scratch, &test_key, &in, effort, &c->chunk), TM_OK);
}

static inline void assert_same(const struct columns *c, const time_ms_t *times, const double *values,
                               size_t from, size_t count)
{
    assert_memory_equal(times, c->times + from, count * sizeof *times);
    assert_memory_equal(values, c->values + from, count * sizeof *values);
}

/* Encodes, decodes, compares; returns the size. */
static inline size_t round_trip(struct columns *c, enum chunk_effort effort)
{
    size_t count;
    encode(c, effort);
    assert_int_equal(chunk_decode(&test_key, bytes_view(&c->chunk), c->times_back, c->values_back,
                                  CHUNK_MAX_SAMPLES, &count),
                     TM_OK);
    assert_int_equal(count, c->count);
    assert_same(c, c->times_back, c->values_back, 0, count);
    return c->chunk.len;
}

#endif
