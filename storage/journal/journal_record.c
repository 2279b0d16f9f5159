#include "storage/journal/journal_record.h"

#include <assert.h>
#include <endian.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>
#include <zstd_errors.h>

/* Where the fields stand; FORMAT.md has the same table. */
enum {
    AT_MAGIC = 0,
    AT_BODY_LEN = 4,
    AT_CHECKSUM = 8,
    AT_LSN = 16,
    AT_KIND = 24,
    AT_FLAGS = 25,
    AT_ZERO = 26
};
enum { AT_RAW_LEN = 28 };

static void put_u32(uint8_t *at, uint32_t v)
{
    v = htole32(v);
    memcpy(at, &v, sizeof v);
}

static void put_u64(uint8_t *at, uint64_t v)
{
    v = htole64(v);
    memcpy(at, &v, sizeof v);
}

static uint32_t get_u32(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return le32toh(v);
}

static uint64_t get_u64(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return le64toh(v);
}

size_t record_bytes(size_t body_len)
{
    size_t whole = RECORD_HEADER_BYTES + body_len;
    return (whole + RECORD_ALIGN_BYTES - 1) / RECORD_ALIGN_BYTES * RECORD_ALIGN_BYTES;
}

/* The body with its padding, then the header without the checksum, each seeding the next. */
static uint64_t hash_record(const uint8_t *at, size_t padded_body_len, uint64_t segment)
{
    uint64_t hash = XXH3_64bits_withSeed(at + RECORD_HEADER_BYTES, padded_body_len, segment);
    hash = XXH3_64bits_withSeed(at + AT_LSN, RECORD_HEADER_BYTES - AT_LSN, hash);
    return XXH3_64bits_withSeed(at, AT_CHECKSUM, hash);
}

void record_seal(uint8_t *at, uint64_t segment, const struct record *record)
{
    assert(record->body.len <= RECORD_BODY_MAX_BYTES);
    size_t whole = record_bytes(record->body.len);
    size_t end = RECORD_HEADER_BYTES + record->body.len;
    memset(at + end, 0, whole - end);
    memset(at, 0, RECORD_HEADER_BYTES);
    put_u32(at + AT_MAGIC, RECORD_MAGIC);
    put_u32(at + AT_BODY_LEN, (uint32_t)record->body.len);
    put_u64(at + AT_LSN, record->lsn);
    at[AT_KIND] = record->kind;
    at[AT_FLAGS] = record->flags;
    put_u32(at + AT_RAW_LEN, record->raw_len);
    put_u64(at + AT_CHECKSUM, hash_record(at, whole - RECORD_HEADER_BYTES, segment));
}

bool record_check(const uint8_t *at, size_t left, uint64_t segment, struct record *out, uint64_t *cost)
{
    if (left < RECORD_HEADER_BYTES || get_u32(at + AT_MAGIC) != RECORD_MAGIC)
        return false;
    size_t body_len = get_u32(at + AT_BODY_LEN);
    uint32_t raw_len = get_u32(at + AT_RAW_LEN);
    if (body_len > RECORD_BODY_MAX_BYTES || raw_len > RECORD_BODY_MAX_BYTES || record_bytes(body_len) > left)
        return false;
    *cost += body_len;
    if (hash_record(at, record_bytes(body_len) - RECORD_HEADER_BYTES, segment) != get_u64(at + AT_CHECKSUM))
        return false;
    *out = (struct record){.lsn = get_u64(at + AT_LSN),
                           .kind = at[AT_KIND],
                           .flags = at[AT_FLAGS],
                           .raw_len = raw_len,
                           .body = {(const char *)at + RECORD_HEADER_BYTES, body_len}};
    return at[AT_ZERO] == 0 && at[AT_ZERO + 1] == 0;
}

enum tm_err record_body(const struct record *record, struct bytes *scratch, struct str *out)
{
    if (!(record->flags & RECORD_FLAG_ZSTD)) {
        *out = record->body;
        return record->raw_len == record->body.len ? TM_OK : TM_CORRUPT;
    }
    bytes_clear(scratch);
    uint8_t *to = bytes_reserve(scratch, record->raw_len);
    if (!to)
        return TM_NOMEM;
    size_t got = ZSTD_decompress(to, record->raw_len, record->body.ptr, record->body.len);
    if (ZSTD_isError(got) && ZSTD_getErrorCode(got) == ZSTD_error_memory_allocation)
        return TM_NOMEM; /* lack of memory is not damage */
    if (ZSTD_isError(got) || got != record->raw_len)
        return TM_CORRUPT;
    scratch->len = got;
    *out = bytes_view(scratch);
    return TM_OK;
}
