/* First byte even: the rest is a chunk's body, sealed with a fitting checksum -> decoded: never a crash, and
 * what is taken is in order, lies in its day and, encoded again, comes back. Odd: the rest makes cells ->
 * settled, which adds up nothing else -> encoded with both efforts -> the same cells. */
#include <stdlib.h>
#include <string.h>

#include "storage/chunk/chunk_format.h"
#include "storage/counts/cell_chunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define DAY (INT64_C(20000) * CELLS_A_DAY)

static const struct chunk_key key = {5, 20000 * INT64_C(86400000)};

struct work {
    struct chunk_scratch *scratch;
    struct cells cells, back;
    struct bytes chunk;
};

static void require(bool good)
{
    if (!good)
        abort();
}

static void check_round_trip(struct work *w)
{
    for (unsigned effort = CHUNK_FAST; effort <= CHUNK_DENSE; effort++) {
        struct cell_chunk_head head;
        bytes_clear(&w->chunk);
        w->back.count = 0;
        require(cell_chunk_encode(w->scratch, &key, DAY, w->cells.at, w->cells.count,
                                  (enum chunk_effort)effort, &w->chunk) == TM_OK);
        require(cell_chunk_decode(&key, DAY, bytes_view(&w->chunk), &w->back) == TM_OK);
        require(w->back.count == w->cells.count);
        require(memcmp(w->back.at, w->cells.at, w->cells.count * sizeof *w->cells.at) == 0);
        require(cell_chunk_peek(&key, DAY, bytes_view(&w->chunk), &head) == TM_OK);
        require(head.count == w->cells.count && head.first == w->cells.at[0].slot &&
                head.last == w->cells.at[w->cells.count - 1].slot);
    }
}

static void fuzz_decode(struct work *w, const uint8_t *data, size_t len)
{
    static const uint8_t version = 0x31;
    bytes_u8(&w->chunk, version);
    bytes_u32(&w->chunk, 0);
    bytes_put(&w->chunk, data, len);
    require(!w->chunk.failed);
    uint32_t sum = htole32(chunk_checksum(&key, w->chunk.data, w->chunk.len));
    memcpy(w->chunk.data + CHUNK_CHECKSUM_AT, &sum, sizeof sum);
    char *copy = malloc(w->chunk.len); /* its memory ends where it does */
    require(copy != NULL);
    memcpy(copy, w->chunk.data, w->chunk.len);
    enum tm_err err = cell_chunk_decode(&key, DAY, (struct str){copy, w->chunk.len}, &w->cells);
    free(copy);
    require(err == TM_OK || err == TM_CORRUPT);
    if (err == TM_OK)
        check_round_trip(w);
    else
        require(w->cells.count == 0);
}

static void fuzz_cells(struct work *w, const uint8_t *data, size_t len)
{
    struct cursor in = cursor_of(data, len);
    uint64_t sum = 0, after = 0;
    while (cursor_left(&in) > 0 && w->cells.count < CELL_CHUNK_MAX) {
        struct cell cell = {.slot = DAY + (int64_t)(cursor_varint(&in) % CELLS_A_DAY)};
        cell.cell = (uint32_t)cursor_varint(&in);
        cell.value = cursor_zigzag(&in) / CELL_CHUNK_MAX; /* so that no sum is too large */
        require(cells_reserve(&w->cells, 1) == TM_OK);
        w->cells.at[w->cells.count++] = cell;
        sum += (uint64_t)cell.value;
    }
    cells_settle(&w->cells);
    for (size_t i = 0; i < w->cells.count; i++) {
        require(i == 0 || cells_compare(&w->cells.at[i - 1], &w->cells.at[i]) < 0);
        require(w->cells.at[i].value != 0);
        after += (uint64_t)w->cells.at[i].value;
    }
    require(sum == after && w->cells.saturated == 0);
    if (w->cells.count > 0)
        check_round_trip(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct chunk_scratch scratch;
    struct work own = {.scratch = &scratch}, *w = &own;
    if (len > 0 && data[0] % 2 == 0)
        fuzz_decode(w, data + 1, len - 1);
    else if (len > 0)
        fuzz_cells(w, data + 1, len - 1);
    cells_fini(&w->cells);
    cells_fini(&w->back);
    bytes_fini(&w->chunk);
    return 0;
}
