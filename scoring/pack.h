/* Figures of kept states as little-endian bytes. Pure; any thread. */
#ifndef TM_SCORING_PACK_H
#define TM_SCORING_PACK_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

/* Writes a figure at *at and moves behind it; the caller has the room. */
static inline void score_pack_f64(uint8_t **at, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = htole64(bits);
    memcpy(*at, &bits, sizeof bits);
    *at += sizeof bits;
}

/* Writes a whole number at *at and moves behind it. */
static inline void score_pack_i64(uint8_t **at, int64_t value)
{
    uint64_t bits = htole64((uint64_t)value);
    memcpy(*at, &bits, sizeof bits);
    *at += sizeof bits;
}

/* Reads what score_pack_i64 wrote. */
static inline int64_t score_unpack_i64(const uint8_t **at)
{
    uint64_t bits;
    memcpy(&bits, *at, sizeof bits);
    *at += sizeof bits;
    return (int64_t)le64toh(bits);
}

/* Reads what score_pack_f64 wrote: any bits, NaN too. */
static inline double score_unpack_f64(const uint8_t **at)
{
    int64_t bits = score_unpack_i64(at);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
