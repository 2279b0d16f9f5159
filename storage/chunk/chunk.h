/* The chunk codec: some samples of one series -> few bytes -> the same samples, to the bit. Columnar: times
 * and values are integers (a value is an integer over a power of ten, or the 64 bits of its double), coded in
 * blocks of 128. Pure: no file, no clock, no globals; any thread. storage/chunk/README.md has every byte. */
#ifndef TM_STORAGE_CHUNK_H
#define TM_STORAGE_CHUNK_H

#include "storage/model/bytes.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/number.h"

enum {
    CHUNK_BLOCK = 128,
    CHUNK_MAX_SAMPLES = 72 * CHUNK_BLOCK, /* a day of one sample per 10 s, and some */
    CHUNK_ANS_BITS = 11,
    CHUNK_ANS_LANES = 4
};

/* How hard to try. Both are read by the same reader. */
enum chunk_effort {
    CHUNK_FAST, /* at flush: bit packing only; the fastest to write and to read */
    CHUNK_DENSE /* at repack: all transforms by exact size, entropy coding where it saves over 2 % */
};

/* Under which key the chunk is stored. The checksum covers it: bytes found under another key are refused. */
struct chunk_key {
    uint64_t series;
    time_ms_t window_start;
};

/* What is to be encoded. Borrowed for the call. */
struct chunk_columns {
    const time_ms_t *times; /* strictly ascending */
    const double *values;
    size_t count;     /* 1 to CHUNK_MAX_SAMPLES */
    int32_t exponent; /* a guess: most values are integers over 10^exponent; NUMBER_NOT_DECIMAL: no guess */
};

/* The encoder's memory, some 320 KiB; the caller's, one per thread, needs no initialisation. */
struct chunk_scratch {
    uint64_t x[CHUNK_MAX_SAMPLES];
    uint64_t y[CHUNK_MAX_SAMPLES];
    uint64_t r[CHUNK_MAX_SAMPLES];
    uint64_t low[CHUNK_MAX_SAMPLES];
    uint16_t words[CHUNK_MAX_SAMPLES + 2 * CHUNK_ANS_LANES];
    uint8_t symbols[CHUNK_MAX_SAMPLES];
};

/* What the first bytes tell without decoding samples. */
struct chunk_head {
    uint32_t count;
    time_ms_t first;
    time_ms_t last;
};

/* Appends one chunk to out. TM_INVALID: count out of bounds or times not strictly ascending; TM_NOMEM. On
 * failure out is as before. */
enum tm_err chunk_encode(struct chunk_scratch *scratch, const struct chunk_key *key,
                         const struct chunk_columns *columns, enum chunk_effort effort,
                         struct bytes *out) TM_MUST_CHECK;

/* Checks the checksum of chunk under key and reads its head. TM_CORRUPT. */
enum tm_err chunk_peek(const struct chunk_key *key, struct str chunk, struct chunk_head *out) TM_MUST_CHECK;

/* All samples. The arrays are the caller's, with room for `room` samples; *count are written. TM_CORRUPT, or
 * TM_LIMIT if room is less than the chunk holds (nothing is written then). On TM_CORRUPT the arrays hold
 * nothing of use. */
enum tm_err chunk_decode(const struct chunk_key *key, struct str chunk, time_ms_t *times, double *values,
                         size_t room, size_t *count) TM_MUST_CHECK;

/* The samples with from <= time < to; otherwise as chunk_decode, with TM_LIMIT if they do not fit. */
enum tm_err chunk_decode_span(const struct chunk_key *key, struct str chunk, struct span span,
                              time_ms_t *times, double *values, size_t room, size_t *count) TM_MUST_CHECK;

struct chunk_kernels;

/* One coded column while it is read. Private to chunk_*.c. */
struct chunk_column {
    uint8_t order;
    uint8_t coding;
    uint8_t low_bits;
    uint8_t symbol_count;
    bool is_adaptive;
    bool is_started;
    uint64_t origin; /* the first value */
    uint64_t line;   /* what is added to each next one: the regular clock */
    uint64_t factor;
    uint64_t level; /* of the sample before */
    uint64_t slope;
    uint64_t base;       /* packed: of the block before; entropy coded: the centre */
    uint64_t symbol_low; /* of the first symbol */
    struct cursor packed;
    struct cursor words;
    struct cursor escapes;
    uint32_t lanes[CHUNK_ANS_LANES];
    uint8_t shares[64];                  /* of the symbols: what makes the table */
    uint32_t table[1 << CHUNK_ANS_BITS]; /* made when the first block is read */
};

/* Values that are no short decimals, while they are read. Private to chunk_*.c. */
struct chunk_patches {
    uint32_t left;
    uint32_t next; /* position */
    bool is_shared;
    uint64_t shared;
    struct cursor gaps;
    struct cursor bits;
};

/* Reads block by block. The caller's memory, some 17 KiB; owns nothing; the chunk's bytes must stay. */
struct chunk_reader {
    struct chunk_head head;
    uint32_t at; /* samples given so far */
    int32_t exponent;
    bool is_regular;
    time_ms_t last_time;
    const struct chunk_kernels *kernels;
    struct chunk_column times;
    struct chunk_column values;
    struct chunk_patches patches;
};

/* Checks the checksum and the head, and stands before the first block. TM_CORRUPT. */
enum tm_err chunk_reader_init(struct chunk_reader *reader, const struct chunk_key *key,
                              struct str chunk) TM_MUST_CHECK;

/* Whether the chunk is sound: checksum, head, the bounds of all its parts, and every time. with_values: the
 * coded values are decoded too, which the checksum covers anyhow, and which costs most. reader->head is what
 * it holds. TM_CORRUPT. */
enum tm_err chunk_reader_check(struct chunk_reader *reader, const struct chunk_key *key, struct str chunk,
                               bool with_values) TM_MUST_CHECK;

/* The next CHUNK_BLOCK samples (the last time what is left, then 0) into arrays with room for CHUNK_BLOCK.
 * Times ascend strictly over all blocks. TM_CORRUPT; then the reader is not to be used further. */
enum tm_err chunk_reader_next(struct chunk_reader *reader, time_ms_t *times, double *values,
                              size_t *count) TM_MUST_CHECK;

#endif
