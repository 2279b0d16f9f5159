/* One journal record: a 32-byte header, then the body, padded with zeros to 8 bytes. The checksum is over all
 * of it and seeded with the segment's number, so that bytes of another segment's life never match. */
#ifndef TM_STORAGE_JOURNAL_RECORD_H
#define TM_STORAGE_JOURNAL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

enum {
    RECORD_HEADER_BYTES = 32,
    RECORD_ALIGN_BYTES = 8,
    RECORD_BODY_MAX_BYTES = 32 << 20, /* as stored, and once more as decompressed */
    RECORD_MAGIC = 0x31726d74         /* "tmr1" */
};

enum record_kind { RECORD_BATCH = 1 };
enum { RECORD_FLAG_ZSTD = 1 };

struct record {
    uint64_t lsn;
    uint8_t kind;
    uint8_t flags;
    uint32_t raw_len; /* of the body once decompressed; its length if it is not compressed */
    struct str body;  /* as stored; a view */
};

/* Where a record is going to stand. */
struct record_place {
    uint64_t segment;
    uint64_t lsn;
    uint64_t group_lsn; /* of the first record of its group */
};

/* What a record with such a body takes in the segment. */
size_t record_bytes(size_t body_len);

/* Fills the header in front of a body that already stands at `at` + RECORD_HEADER_BYTES, and zeroes the
 * padding. record->body.len counts, its pointer is not used. */
void record_seal(uint8_t *at, uint64_t segment, const struct record *record);

/* Checks the record at `at`, of which left bytes are there. False if it is none of this segment. *cost is
 * raised by the bytes that were hashed. out's views point into `at`. */
bool record_check(const uint8_t *at, size_t left, uint64_t segment, struct record *out, uint64_t *cost);

/* The body, decompressed into scratch if need be. The view is valid as long as record's bytes and scratch.
 * TM_CORRUPT, TM_NOMEM. */
enum tm_err record_body(const struct record *record, struct bytes *scratch, struct str *out) TM_MUST_CHECK;

#endif
