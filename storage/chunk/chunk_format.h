/* What writer and reader of a chunk share: the numbers of the format (storage/chunk/README.md) and small
 * integer helpers. Private to chunk_*.c and their tests. */
#ifndef TM_STORAGE_CHUNK_FORMAT_H
#define TM_STORAGE_CHUNK_FORMAT_H

#include <endian.h>

#include "storage/chunk/chunk.h"

enum {
    CHUNK_VERSION = 1,
    CHUNK_CHECKSUM_AT = 1,
    CHUNK_BODY_AT = 5, /* behind version and checksum */
    CHUNK_VALUES_EXPONENT = 0x1f,
    CHUNK_VALUES_BITS = 0x1f, /* in place of an exponent: the doubles' own bits */
    CHUNK_VALUES_PATCHED = 0x20,
    CHUNK_COLUMN_ORDER = 0x03,
    CHUNK_COLUMN_CODING_SHIFT = 2,
    CHUNK_COLUMN_FACTOR = 0x10,
    CHUNK_PACK_PATCHED = 0x80,
    CHUNK_PACK_POSITION_BITS = 7,
    CHUNK_ANS_ADAPTIVE = 0x80,
    CHUNK_ANS_MAX_LOW_BITS = 56,
    CHUNK_ANS_MAX_SYMBOLS = 63,
    CHUNK_ANS_TOTAL = 1 << CHUNK_ANS_BITS,
    CHUNK_ANS_LOW = 1 << 16, /* a lane's state is at least this */
    CHUNK_MAX_EXPONENT = NUMBER_MAX_EXPONENT
};

enum chunk_order { ORDER_LEVEL, ORDER_DELTA, ORDER_DELTA2, ORDER_XOR, ORDER_COUNT };

enum chunk_coding { CODING_ZERO, CODING_PACK, CODING_ANS, CODING_COUNT };

static inline uint64_t zigzag_of(uint64_t v)
{
    return (v << 1) ^ (0 - (v >> 63));
}

static inline uint64_t zigzag_back(uint64_t v)
{
    return (v >> 1) ^ (0 - (v & 1));
}

static inline uint64_t zigzag_from(uint64_t v, uint64_t base)
{
    return zigzag_of(v - base);
}

static inline unsigned bits_of(uint64_t v)
{
    return 64u - (unsigned)__builtin_clzll(v | 1) - (v == 0);
}

/* v / 2^shift rounded down, for shift < 64. */
static inline uint64_t shift_signed(uint64_t v, unsigned shift)
{
    uint64_t sign = 0 - (v >> 63);
    return ((v ^ sign) >> shift) ^ sign;
}

static inline uint64_t bits_of_double(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline double double_of_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* What an entropy-coded block moves the next block's centre by: the mean, rounded, of `count` > 0 residuals.
 */
static inline uint64_t mean_of(uint64_t sum, unsigned count)
{
    int64_t twice = (int64_t)(sum * 2 + count);
    int64_t by = 2 * (int64_t)count;
    int64_t mean = twice / by;
    return (uint64_t)(mean - (twice % by < 0));
}

/* 10^exponent as a double, for 0 <= exponent <= CHUNK_MAX_EXPONENT: exact. */
double chunk_power_of_ten(int32_t exponent);

/* The checksum of a chunk's bytes (those at CHUNK_CHECKSUM_AT are left out) under key. */
uint32_t chunk_checksum(const struct chunk_key *key, const uint8_t *chunk, size_t len);

#endif
