/* First byte, its low bits: 0, the rest is a chunk's body, sealed with a fitting checksum -> decoded: never a
 * crash, and what is taken obeys the rules and, encoded again, comes back. 1: the rest makes samples -> rows,
 * which count every sample once and come back from both efforts. 2: a roster's body, likewise. */
#include <stdlib.h>
#include <string.h>

#include "storage/rollup/rollup_chunk.h"
#include "storage/rollup/rollup_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define DAY_MS INT64_C(86400000)

static const struct chunk_key key = {5, 20000 * DAY_MS};

struct work {
    struct chunk_scratch scratch;
    struct columns samples;
    struct rollup_rows rows, back;
    struct bytes chunk;
};

static void require(bool good)
{
    if (!good)
        abort();
}

static void check_round_trip(struct work *w, const struct rollup_grid *grid)
{
    for (unsigned effort = CHUNK_FAST; effort <= CHUNK_DENSE; effort++) {
        bytes_clear(&w->chunk);
        w->back.count = 0;
        require(rollup_encode(&w->scratch, &key, grid, w->rows.rows, w->rows.count, (enum chunk_effort)effort,
                              &w->chunk) == TM_OK);
        require(rollup_decode(&key, grid, bytes_view(&w->chunk), &w->back) == TM_OK);
        require(w->back.count == w->rows.count);
        require(memcmp(w->back.rows, w->rows.rows, w->rows.count * sizeof *w->rows.rows) == 0);
    }
}

/* A copy whose memory ends where it does. */
static struct str seal(struct work *w, uint8_t version, const uint8_t *data, size_t len)
{
    bytes_clear(&w->chunk);
    bytes_u8(&w->chunk, version);
    bytes_u32(&w->chunk, 0);
    bytes_put(&w->chunk, data, len);
    require(!w->chunk.failed);
    uint32_t sum = htole32(chunk_checksum(&key, w->chunk.data, w->chunk.len));
    memcpy(w->chunk.data + CHUNK_CHECKSUM_AT, &sum, sizeof sum);
    char *copy = malloc(w->chunk.len);
    require(copy != NULL);
    memcpy(copy, w->chunk.data, w->chunk.len);
    return (struct str){copy, w->chunk.len};
}

static void fuzz_decode(struct work *w, const struct rollup_grid *grid, const uint8_t *data, size_t len)
{
    struct str chunk = seal(w, ROLLUP_VERSION, data, len);
    enum tm_err err = rollup_decode(&key, grid, chunk, &w->rows);
    free((char *)(uintptr_t)chunk.ptr);
    require(err == TM_OK || err == TM_CORRUPT);
    if (err) {
        require(w->rows.count == 0);
        return;
    }
    require(w->rows.count > 0 && w->rows.count <= ROLLUP_MAX_ROWS);
    check_round_trip(w, grid);
}

static void fuzz_roster(struct work *w, const uint8_t *data, size_t len)
{
    struct rollup_roster roster, again;
    struct str chunk = seal(w, ROLLUP_ROSTER_VERSION, data, len);
    enum tm_err err = rollup_roster_decode(&key, chunk, &roster);
    free((char *)(uintptr_t)chunk.ptr);
    require(err == TM_OK || err == TM_CORRUPT);
    if (err)
        return;
    require(roster.count > 0 && roster.count <= ROLLUP_MAX_DAYS);
    bytes_clear(&w->chunk);
    rollup_roster_encode(&key, &roster, &w->chunk);
    require(rollup_roster_decode(&key, bytes_view(&w->chunk), &again) == TM_OK);
    require(again.count == roster.count);
    for (size_t i = 0; i < roster.count; i++)
        require(rollup_roster_tag(&again, roster.days[i].day) == roster.days[i].tag);
}

static uint64_t take(struct cursor *in, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++)
        v |= (uint64_t)cursor_u8(in) << (8 * i);
    return v;
}

static double next_value(struct cursor *in, unsigned how, int64_t *state)
{
    switch (how & 3) {
    case 0:
        *state += (int8_t)take(in, 1);
        return (double)*state / 100;
    case 1:
        return double_of_bits(take(in, 8));
    case 2:
        return double_of_bits(how & 4 ? 0x7ff0000000000002 : 0x7ff8000000000000);
    default:
        *state = how & 4 ? 0 : *state;
        return (double)*state;
    }
}

static void fuzz_rows(struct work *w, const struct rollup_grid *grid, const uint8_t *data, size_t len)
{
    struct cursor in = cursor_of(data, len);
    int64_t state = (int64_t)take(&in, 3);
    time_ms_t at = key.window_start - 7200000;
    uint64_t counted = 0, wanted = 0;
    struct span span = {key.window_start, key.window_start + DAY_MS};
    while (cursor_left(&in)) {
        unsigned how = (unsigned)take(&in, 1);
        at += 1 + (time_ms_t)(how & 8 ? take(&in, 3) : take(&in, 1) * 1000);
        double value = next_value(&in, how, &state);
        require(columns_reserve(&w->samples, 1) == TM_OK);
        columns_add(&w->samples, at, value);
        wanted += at >= span.from && at < span.to && bits_of_double(value) != 0x7ff0000000000002;
    }
    require(rollup_compute(&w->samples, span, grid->bucket_ms, &w->rows) == TM_OK);
    for (size_t i = 0; i < w->rows.count; i++)
        counted += w->rows.rows[i].count;
    require(counted == wanted);
    if (w->rows.count > 0)
        check_round_trip(w, grid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    struct work *w = calloc(1, sizeof *w);
    require(w != NULL);
    const struct rollup_grid grid = {key.window_start, data[0] & 4 ? 3600000 : 300000};
    if ((data[0] & 3) == 0)
        fuzz_decode(w, &grid, data + 1, len - 1);
    else if ((data[0] & 3) == 1)
        fuzz_rows(w, &grid, data + 1, len - 1);
    else
        fuzz_roster(w, data + 1, len - 1);
    columns_fini(&w->samples);
    rollup_rows_fini(&w->rows);
    rollup_rows_fini(&w->back);
    bytes_fini(&w->chunk);
    free(w);
    return 0;
}
