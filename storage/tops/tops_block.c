#include "storage/tops/tops_block.h"

#include <xxhash.h>
#include <zstd.h>

enum { VERSION = 0x31, SUM_AT = 1, SUM_END = SUM_AT + 8, ZSTD_LEVEL = 6, STATUS_MAX = 999, CLASS_MAX = 9 };

static uint64_t sum_of(const struct chunk_key *key, const uint8_t *bytes, size_t len)
{
    const uint64_t place[2] = {key->series, (uint64_t)key->window_start};
    return XXH3_64bits_withSeed(bytes, len, XXH3_64bits(place, sizeof place));
}

/* ---- packing ---- */

void tops_packer_fini(struct tops_packer *packer)
{
    bytes_fini(&packer->raw);
    (void)ZSTD_freeCCtx(packer->zstd);
    *packer = (struct tops_packer){0};
}

void tops_packer_add(struct tops_packer *packer, const struct top_place *place,
                     const struct top_sketch *sketch)
{
    struct bytes one = {0};
    top_sketch_encode(sketch, &one);
    bytes_u8(&packer->raw, (uint8_t)place->dimension);
    bytes_str(&packer->raw, place->tag);
    bytes_zigzag(&packer->raw, place->status);
    bytes_str(&packer->raw, bytes_view(&one));
    packer->raw.failed = packer->raw.failed || one.failed;
    packer->count++;
    bytes_fini(&one);
}

static enum tm_err compress(struct tops_packer *packer, struct bytes *out)
{
    size_t bound = ZSTD_compressBound(packer->raw.len);
    if (!packer->zstd)
        packer->zstd = ZSTD_createCCtx();
    uint8_t *to = packer->zstd ? bytes_reserve(out, bound) : NULL;
    size_t len =
        to ? ZSTD_compressCCtx(packer->zstd, to, bound, packer->raw.data, packer->raw.len, ZSTD_LEVEL) : 0;
    if (!to || ZSTD_isError(len))
        return TM_NOMEM;
    out->len += len;
    return bytes_error(out);
}

enum tm_err tops_packer_pack(struct tops_packer *packer, const struct chunk_key *key,
                             const struct tops_head *head, struct bytes *out)
{
    size_t begin = out->len;
    enum tm_err err = bytes_error(&packer->raw);
    if (!err && packer->raw.len > TOPS_BLOCK_RAW_MAX)
        err = TM_TOO_LARGE;
    bytes_u8(out, VERSION);
    bytes_u64(out, 0);
    bytes_zigzag(out, head->hour);
    bytes_str(out, head->service);
    bytes_varint(out, head->untracked);
    bytes_varint(out, packer->count);
    bytes_varint(out, packer->raw.len);
    if (!err)
        err = bytes_error(out);
    if (!err)
        err = compress(packer, out);
    bytes_clear(&packer->raw);
    packer->count = 0;
    if (err)
        return err;
    uint64_t sum = sum_of(key, out->data + begin + SUM_END, out->len - begin - SUM_END);
    for (size_t i = 0; i < sizeof sum; i++)
        out->data[begin + SUM_AT + i] = (uint8_t)(sum >> 8 * i);
    return TM_OK;
}

/* ---- reading ---- */

void tops_block_fini(struct tops_block *block)
{
    bytes_fini(&block->raw);
    (void)ZSTD_freeDCtx(block->zstd);
    *block = (struct tops_block){0};
}

static enum tm_err read_head(struct tops_block *block, struct cursor *in, size_t *raw)
{
    block->head.hour = cursor_zigzag(in);
    block->head.service = cursor_str(in);
    block->head.untracked = cursor_varint(in);
    uint64_t count = cursor_varint(in), len = cursor_varint(in);
    if (in->bad || len > TOPS_BLOCK_RAW_MAX || count > len)
        return TM_CORRUPT;
    block->left = (uint32_t)count;
    *raw = (size_t)len;
    return TM_OK;
}

enum tm_err tops_block_open(struct tops_block *block, const struct chunk_key *key, struct str bytes)
{
    struct cursor in = cursor_of(bytes.ptr, bytes.len);
    size_t raw;
    block->left = 0;
    uint8_t version = cursor_u8(&in);
    uint64_t sum = cursor_u64(&in);
    if (in.bad || version != VERSION || sum != sum_of(key, in.at, cursor_left(&in)))
        return TM_CORRUPT;
    enum tm_err err = read_head(block, &in, &raw);
    if (err)
        return err;
    if (!block->zstd)
        block->zstd = ZSTD_createDCtx();
    bytes_clear(&block->raw);
    uint8_t *to = block->zstd ? bytes_reserve(&block->raw, raw + 1) : NULL;
    if (!to)
        return TM_NOMEM;
    if (ZSTD_decompressDCtx(block->zstd, to, raw, in.at, cursor_left(&in)) != raw)
        return TM_CORRUPT;
    block->at = cursor_of(to, raw);
    return TM_OK;
}

enum tm_err tops_block_next(struct tops_block *block, struct top_place *place, struct cursor *sketch)
{
    struct cursor *at = &block->at;
    if (block->left == 0)
        return cursor_left(at) > 0 ? TM_CORRUPT : TM_NOT_FOUND;
    uint8_t dimension = cursor_u8(at);
    place->tag = cursor_str(at);
    int64_t status = cursor_zigzag(at);
    struct str bytes = cursor_str(at);
    if (at->bad || dimension == 0 || dimension >= TOP_DIMENSIONS || status > STATUS_MAX ||
        status < -CLASS_MAX)
        return TM_CORRUPT;
    place->dimension = (enum top_dimension)dimension;
    place->status = (int32_t)status;
    *sketch = cursor_of(bytes.ptr, bytes.len);
    block->left--;
    return TM_OK;
}
