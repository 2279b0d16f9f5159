#include "storage/partition/partition_format.h"

#include <string.h>

#include "storage/model/bytes.h"

/* Beginnings of the hashes, so that bytes of one kind never pass for another. */
enum { WINDOW_SEED = 0x77696e64, META_SEED = 0x6d657461, STATE_SEALED = 1, LAYOUT_SERIES = 1 };

static void put_be32(uint8_t *out, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(out, &v, sizeof v);
}

static uint32_t get_be32(const char *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return __builtin_bswap32(v);
}

static uint8_t *put_le(uint8_t *out, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)(v >> (8 * i));
    return out + bytes;
}

void key_encode(const struct partition_key *key, uint8_t out[PARTITION_KEY_BYTES])
{
    put_be32(out, key->window);
    put_be32(out + 4, key->series);
    put_be32(out + 8, key->part);
}

enum tm_err key_decode(struct str bytes, struct partition_key *out)
{
    if (bytes.len != PARTITION_KEY_BYTES)
        return TM_CORRUPT;
    *out = (struct partition_key){get_be32(bytes.ptr), get_be32(bytes.ptr + 4), get_be32(bytes.ptr + 8)};
    return TM_OK;
}

static int compare(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

int key_compare(const struct partition_key *a, const struct partition_key *b)
{
    int order = compare(a->window, b->window);
    if (order == 0)
        order = compare(a->series, b->series);
    return order ? order : compare(a->part, b->part);
}

uint64_t keys_hash_add(uint64_t hash, const uint8_t key[PARTITION_KEY_BYTES], uint32_t value_bytes)
{
    uint8_t bytes[PARTITION_KEY_BYTES + sizeof value_bytes];
    memcpy(bytes, key, PARTITION_KEY_BYTES);
    (void)put_le(bytes + PARTITION_KEY_BYTES, value_bytes, sizeof value_bytes);
    hash = XXH3_64bits_withSeed(bytes, sizeof bytes, hash);
    return hash ? hash : 1;
}

size_t window_encode(const struct partition_window *window, uint8_t out[PARTITION_WINDOW_BYTES])
{
    uint8_t *at = put_le(out, (uint64_t)window->first, 8);
    at = put_le(at, (uint64_t)window->last, 8);
    at = put_le(at, window->chunks, 8);
    at = put_le(at, window->samples, 8);
    at = put_le(at, window->tag, 8);
    if (window->keys_hash)
        at = put_le(at, window->keys_hash, 8);
    size_t len = (size_t)(at - out);
    (void)put_le(at, XXH3_64bits_withSeed(out, len, WINDOW_SEED ^ (uint64_t)window->window << 32), 8);
    return len + 8;
}

enum tm_err window_decode(struct str key, struct str bytes, struct partition_window *out)
{
    uint8_t again[PARTITION_WINDOW_BYTES];
    if (key.len != 4 || (bytes.len != PARTITION_WINDOW_BYTES && bytes.len != PARTITION_OLD_WINDOW_BYTES))
        return TM_CORRUPT;
    struct cursor c = cursor_of(bytes.ptr, bytes.len);
    out->window = get_be32(key.ptr);
    out->first = (time_ms_t)cursor_u64(&c);
    out->last = (time_ms_t)cursor_u64(&c);
    out->chunks = cursor_u64(&c);
    out->samples = cursor_u64(&c);
    out->tag = cursor_u64(&c);
    out->keys_hash = bytes.len == PARTITION_WINDOW_BYTES ? cursor_u64(&c) : 0;
    size_t len = window_encode(out, again);
    return len == bytes.len && memcmp(again, bytes.ptr, len) == 0 ? TM_OK : TM_CORRUPT;
}

void meta_encode(const struct partition_meta *meta, uint8_t out[PARTITION_META_BYTES])
{
    const struct partition_manifest *m = &meta->manifest;
    memset(out, 0, PARTITION_META_BYTES);
    out[0] = PARTITION_FORMAT;
    out[1] = (uint8_t)meta->id.tier;
    out[2] = meta->id.late;
    out[3] = meta->sealed ? STATE_SEALED : 0;
    out[4] = meta->series_major ? LAYOUT_SERIES : 0;
    uint8_t *at = put_le(out + 8, meta->id.period, 4);
    at = put_le(at, meta->tag, 8);
    at = put_le(at, m->chunks, 8);
    at = put_le(at, m->hash, 8);
    at = put_le(at, m->bytes, 8);
    memcpy(at, m->first, PARTITION_KEY_BYTES);
    memcpy(at + PARTITION_KEY_BYTES, m->last, PARTITION_KEY_BYTES);
    at += 2 * PARTITION_KEY_BYTES;
    (void)put_le(at, XXH3_64bits_withSeed(out, PARTITION_META_BYTES - 8, META_SEED), 8);
}

enum tm_err meta_decode(struct str bytes, struct partition_id id, struct partition_meta *out)
{
    uint8_t again[PARTITION_META_BYTES];
    if (bytes.len != PARTITION_META_BYTES)
        return TM_CORRUPT;
    struct cursor c = cursor_of(bytes.ptr, bytes.len);
    struct str flags = cursor_take(&c, 8);
    *out = (struct partition_meta){
        .id = id, .sealed = flags.ptr[3] == STATE_SEALED, .series_major = flags.ptr[4] == LAYOUT_SERIES};
    out->id.period = cursor_u32(&c);
    out->tag = cursor_u64(&c);
    out->manifest.chunks = cursor_u64(&c);
    out->manifest.hash = cursor_u64(&c);
    out->manifest.bytes = cursor_u64(&c);
    memcpy(out->manifest.first, cursor_take(&c, PARTITION_KEY_BYTES).ptr, PARTITION_KEY_BYTES);
    memcpy(out->manifest.last, cursor_take(&c, PARTITION_KEY_BYTES).ptr, PARTITION_KEY_BYTES);
    /* Encoding it again compares the version, the identity and every bit that is not looked at above. */
    meta_encode(out, again);
    return out->id.period == id.period && memcmp(again, bytes.ptr, sizeof again) == 0 ? TM_OK : TM_CORRUPT;
}

void manifest_init(struct manifest_hash *m)
{
    memset(m, 0, sizeof *m);
    (void)XXH3_64bits_reset(&m->state);
}

void manifest_add(struct manifest_hash *m, const uint8_t key[PARTITION_KEY_BYTES], struct str value)
{
    uint8_t record[PARTITION_KEY_BYTES + 12];
    memcpy(record, key, PARTITION_KEY_BYTES);
    uint8_t *at = put_le(record + PARTITION_KEY_BYTES, value.len, 4);
    (void)put_le(at, XXH3_64bits(value.ptr, value.len), 8);
    (void)XXH3_64bits_update(&m->state, record, sizeof record);
    if (m->manifest.chunks == 0)
        memcpy(m->manifest.first, key, PARTITION_KEY_BYTES);
    memcpy(m->manifest.last, key, PARTITION_KEY_BYTES);
    m->manifest.chunks++;
    m->manifest.bytes += value.len;
}

struct partition_manifest manifest_finish(struct manifest_hash *m)
{
    m->manifest.hash = XXH3_64bits_digest(&m->state);
    return m->manifest;
}
