/* First byte even: the rest is a chunk's body, sealed with a fitting checksum -> decoded: never a crash, and
 * what is taken obeys the rules and, encoded again, comes back. Odd: the rest makes a column -> encoded with
 * both efforts -> the same column, as a whole, by blocks and by span. */
#include <stdlib.h>
#include <string.h>

#include "storage/chunk/chunk.h"
#include "storage/chunk/chunk_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct work {
    struct chunk_scratch scratch;
    struct chunk_reader reader;
    time_ms_t times[CHUNK_MAX_SAMPLES], times_back[CHUNK_MAX_SAMPLES];
    double values[CHUNK_MAX_SAMPLES], values_back[CHUNK_MAX_SAMPLES];
    size_t count;
    struct bytes chunk;
};

static const struct chunk_key key = {5, 1000000};

static void require(bool good)
{
    if (!good)
        abort();
}

static void require_same(const struct work *w, size_t from, size_t count)
{
    require(memcmp(w->times + from, w->times_back, count * sizeof *w->times) == 0);
    require(memcmp(w->values + from, w->values_back, count * sizeof *w->values) == 0);
}

static void check_span(struct work *w, size_t from, size_t to)
{
    struct span span = {w->times[from], w->times[to]};
    size_t count;
    require(chunk_decode_span(&key, bytes_view(&w->chunk), span, w->times_back, w->values_back, to - from,
                              &count) == TM_OK);
    require(count == to - from);
    require_same(w, from, count);
}

static void check_round_trip(struct work *w, int32_t exponent)
{
    size_t fast_len = SIZE_MAX;
    for (unsigned effort = CHUNK_FAST; effort <= CHUNK_DENSE; effort++) {
        struct chunk_columns in = {w->times, w->values, w->count, exponent};
        size_t count;
        bytes_clear(&w->chunk);
        require(chunk_encode(&w->scratch, &key, &in, (enum chunk_effort)effort, &w->chunk) == TM_OK);
        require(chunk_decode(&key, bytes_view(&w->chunk), w->times_back, w->values_back, w->count, &count) ==
                TM_OK);
        require(count == w->count);
        require_same(w, 0, count);
        check_span(w, w->count / 3, w->count - 1);
        /* Full effort compares by what packing costs but for the rounding up of each part to bytes. */
        require(w->chunk.len <= fast_len + fast_len / 16 + 16);
        if (effort == CHUNK_FAST)
            fast_len = w->chunk.len;
    }
}

static void fuzz_decode(struct work *w, const uint8_t *data, size_t len)
{
    bytes_clear(&w->chunk);
    bytes_u8(&w->chunk, CHUNK_VERSION);
    bytes_u32(&w->chunk, 0);
    bytes_put(&w->chunk, data, len);
    require(!w->chunk.failed);
    uint32_t sum = htole32(chunk_checksum(&key, w->chunk.data, w->chunk.len));
    memcpy(w->chunk.data + CHUNK_CHECKSUM_AT, &sum, sizeof sum);
    /* its memory ends where it does */
    uint8_t *copy = malloc(w->chunk.len);
    require(copy != NULL);
    memcpy(copy, w->chunk.data, w->chunk.len);
    enum tm_err err = chunk_decode(&key, (struct str){(const char *)copy, w->chunk.len}, w->times, w->values,
                                   CHUNK_MAX_SAMPLES, &w->count);
    free(copy);
    require(err == TM_OK || err == TM_CORRUPT);
    if (err)
        return;
    require(w->count > 0 && w->count <= CHUNK_MAX_SAMPLES);
    for (size_t i = 1; i < w->count; i++)
        require(w->times[i] > w->times[i - 1]);
    check_round_trip(w, NUMBER_NOT_DECIMAL);
}

static uint64_t take(struct cursor *in, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++)
        v |= (uint64_t)cursor_u8(in) << (8 * i);
    return v;
}

/* Each sample from a byte that says how, and few bytes more. */
static double next_value(struct cursor *in, unsigned how, int64_t *state)
{
    switch (how & 7) {
    case 0:
        return (double)*state / 100;
    case 1:
        *state += (int8_t)take(in, 1);
        return (double)*state / 100;
    case 2:
        *state += (int16_t)take(in, 2);
        return (double)*state / 100;
    case 3:
        return double_of_bits(take(in, 8));
    case 4:
        return double_of_bits(0x7ff0000000000002);
    case 5:
        return (double)(int32_t)take(in, 4) / 1000;
    case 6:
        *state = 0;
        return 0;
    default:
        return (double)(float)((double)take(in, 3) / 3);
    }
}

static void fuzz_encode(struct work *w, const uint8_t *data, size_t len)
{
    struct cursor in = cursor_of(data, len);
    int32_t exponent = (int32_t)(take(&in, 1) % 32) - 2;
    unsigned repeat = 1 + (unsigned)take(&in, 1) % 64;
    int64_t state = (int64_t)take(&in, 3);
    time_ms_t at = (time_ms_t)take(&in, 4);
    w->count = 0;
    while (cursor_left(&in) && w->count < CHUNK_MAX_SAMPLES) {
        unsigned how = (unsigned)take(&in, 1);
        unsigned jitter = how & 8 ? (unsigned)take(&in, 1) : 0;
        unsigned times = how & 16 ? repeat : 1;
        for (unsigned i = 0; i < times && w->count < CHUNK_MAX_SAMPLES; i++) {
            at += how & 32 ? 1 + (time_ms_t)jitter : 1000 + (time_ms_t)jitter;
            w->times[w->count] = at;
            w->values[w->count++] = next_value(&in, how, &state);
        }
    }
    if (w->count)
        check_round_trip(w, exponent);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct work *w = calloc(1, sizeof *w);
    require(w != NULL);
    if (len > 0 && data[0] % 2 == 0)
        fuzz_decode(w, data + 1, len - 1);
    else if (len > 0)
        fuzz_encode(w, data + 1, len - 1);
    bytes_fini(&w->chunk);
    free(w);
    return 0;
}
