/* First byte, its low bit: 0, the rest is a sketch's bytes. What is taken, encodes to bytes that mean the
 * same, and merged with itself has all twice. 1: the rest is the head and the sketches of a block, sealed
 * with a fitting checksum: read, never a crash. */
#include <stdbool.h>
#include <stdlib.h>
#include <xxhash.h>
#include <zstd.h>

#include "storage/tops/tops_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct chunk_key key = {5, 20000 * INT64_C(86400000)};

static void require(bool good)
{
    if (!good)
        abort();
}

static void fuzz_sketch(struct str bytes)
{
    struct top_sketch sketch = {0}, again = {0};
    struct bytes first = {0}, second = {0};
    struct cursor in = cursor_of(bytes.ptr, bytes.len);
    if (top_sketch_decode(&in, &sketch) == TM_OK) {
        top_sketch_encode(&sketch, &first);
        in = cursor_of(first.data, first.len);
        require(top_sketch_decode(&in, &again) == TM_OK && cursor_left(&in) == 0);
        top_sketch_encode(&again, &second);
        require(str_equal(bytes_view(&first), bytes_view(&second)));
        size_t count = sketch.count;
        uint64_t total = sketch.total;
        require(top_sketch_merge(&sketch, &again) == TM_OK);
        require(sketch.count == count && (sketch.total == 2 * total || sketch.total == UINT64_MAX));
        require(top_sketch_cut(&sketch, count / 2) == TM_OK && sketch.count == count / 2);
    }
    top_sketch_fini(&sketch);
    top_sketch_fini(&again);
    bytes_fini(&first);
    bytes_fini(&second);
}

/* The first byte says how long the head is; the rest is compressed. */
static void seal(const uint8_t *data, size_t len, struct bytes *out)
{
    size_t head = len == 0 ? 0 : data[0];
    data += len > 0;
    len -= len > 0;
    head = head < len ? head : len;
    size_t bound = ZSTD_compressBound(len - head);
    struct bytes body = {0};
    bytes_put(&body, data, head);
    bytes_varint(&body, len - head);
    uint8_t *to = bytes_reserve(&body, bound);
    require(to != NULL);
    size_t packed = ZSTD_compress(to, bound, data + head, len - head, 1);
    require(!ZSTD_isError(packed));
    body.len += packed;
    const uint64_t place[2] = {key.series, (uint64_t)key.window_start};
    bytes_u8(out, 0x31);
    bytes_u64(out, XXH3_64bits_withSeed(body.data, body.len, XXH3_64bits(place, sizeof place)));
    bytes_put(out, body.data, body.len);
    bytes_fini(&body);
}

static void fuzz_block(const uint8_t *data, size_t len)
{
    struct tops_block block = {.left = 0};
    struct bytes sealed = {0};
    struct top_place place;
    struct cursor sketch;
    seal(data, len, &sealed);
    enum tm_err err = tops_block_open(&block, &key, bytes_view(&sealed));
    while (!err && (err = tops_block_next(&block, &place, &sketch)) == TM_OK) {
        require(place.dimension > 0 && place.dimension < TOP_DIMENSIONS && place.status <= 999);
        struct top_summary summary = top_summary_read(&sketch);
        for (uint64_t i = 0; i < summary.count && !sketch.bad; i++)
            require(top_view_read(&sketch).key.len <= len);
    }
    require(err == TM_NOT_FOUND || err == TM_CORRUPT);
    tops_block_fini(&block);
    bytes_fini(&sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    if (data[0] & 1)
        fuzz_block(data + 1, len - 1);
    else
        fuzz_sketch((struct str){(const char *)data + 1, len - 1});
    return 0;
}
