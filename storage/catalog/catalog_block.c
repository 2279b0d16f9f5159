#include "storage/catalog/catalog_block.h"

#include <zstd.h>

#include "storage/catalog/series.h"

enum { ZSTD_LEVEL = 1 };
/* No block is larger: one series more than the bytes that fill it, labels and service 64 KiB each. */
#define RAW_MAX ((uint32_t)1 << 18)

/* ---- packing ---- */

bool catalog_packer_add(struct catalog_packer *packer, const struct catalog_series *series)
{
    if (packer->count == 0) {
        bytes_clear(&packer->raw);
        packer->first = packer->last = series->number;
    }
    bytes_varint(&packer->raw, series->number - packer->last);
    bytes_str(&packer->raw, series->service);
    bytes_str(&packer->raw, series->labels);
    packer->last = series->number;
    packer->count++;
    return packer->count == CATALOG_BLOCK_SERIES || packer->raw.len >= CATALOG_BLOCK_BYTES;
}

enum tm_err catalog_packer_pack(struct catalog_packer *packer, struct bytes *out)
{
    size_t bound = ZSTD_compressBound(packer->raw.len);
    if (!packer->zstd)
        packer->zstd = ZSTD_createCCtx();
    bytes_varint(out, packer->count);
    bytes_u32(out, (uint32_t)packer->raw.len);
    packer->count = 0;
    uint8_t *to = bytes_error(&packer->raw) || !packer->zstd ? NULL : bytes_reserve(out, bound);
    if (!to)
        return TM_NOMEM;
    size_t len = ZSTD_compressCCtx(packer->zstd, to, bound, packer->raw.data, packer->raw.len, ZSTD_LEVEL);
    if (ZSTD_isError(len))
        return TM_NOMEM;
    out->len += len;
    return bytes_error(out);
}

void catalog_packer_fini(struct catalog_packer *packer)
{
    bytes_fini(&packer->raw);
    (void)ZSTD_freeCCtx(packer->zstd);
    *packer = (struct catalog_packer){0};
}

/* ---- reading ---- */

enum tm_err catalog_unpacker_open(struct catalog_unpacker *unpacker, uint32_t key, struct cursor packed)
{
    uint64_t count = cursor_varint(&packed);
    uint32_t raw = cursor_u32(&packed);
    unpacker->left = 0;
    if (packed.bad || count == 0 || count > CATALOG_BLOCK_SERIES || raw > RAW_MAX)
        return TM_CORRUPT;
    if (!unpacker->zstd)
        unpacker->zstd = ZSTD_createDCtx();
    bytes_clear(&unpacker->raw);
    uint8_t *to = unpacker->zstd ? bytes_reserve(&unpacker->raw, raw) : NULL;
    if (!to)
        return TM_NOMEM;
    if (ZSTD_decompressDCtx(unpacker->zstd, to, raw, packed.at, cursor_left(&packed)) != raw)
        return TM_CORRUPT;
    unpacker->at = cursor_of(to, raw);
    unpacker->number = key;
    unpacker->left = (uint32_t)count;
    return TM_OK;
}

enum tm_err catalog_unpacker_next(struct catalog_unpacker *unpacker, struct catalog_series *out)
{
    struct cursor *at = &unpacker->at;
    if (unpacker->left == 0)
        return cursor_left(at) > 0 ? TM_CORRUPT : TM_NOT_FOUND;
    uint64_t step = cursor_varint(at);
    out->service = cursor_str(at);
    out->labels = cursor_str(at);
    if (at->bad || step >= SERIES_NUMBERS_MAX || unpacker->number + step == 0 ||
        unpacker->number + step >= SERIES_NUMBERS_MAX)
        return TM_CORRUPT;
    unpacker->number += (uint32_t)step;
    unpacker->left--;
    out->number = unpacker->number;
    return TM_OK;
}

void catalog_unpacker_fini(struct catalog_unpacker *unpacker)
{
    bytes_fini(&unpacker->raw);
    (void)ZSTD_freeDCtx(unpacker->zstd);
    *unpacker = (struct catalog_unpacker){0};
}
