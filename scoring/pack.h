/* Figures of kept states as little-endian bytes. Pure; any thread. */
#ifndef TM_SCORING_PACK_H
#define TM_SCORING_PACK_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "scoring/mixture.h"
#include "scoring/trace.h"

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

/* Writes a trace, 24 bytes, and moves behind it. */
static inline void score_pack_trace(uint8_t **at, const struct score_trace *trace)
{
    score_pack_f64(at, trace->ln_e);
    score_pack_f64(at, trace->ln_e_peak);
    score_pack_i64(at, trace->onset_ms);
}

/* Reads a trace and moves behind it. false: figures that no trace has. */
static inline bool score_unpack_trace(const uint8_t **at, struct score_trace *trace)
{
    trace->ln_e = score_unpack_f64(at);
    trace->ln_e_peak = score_unpack_f64(at);
    trace->onset_ms = score_unpack_i64(at);
    return trace->ln_e >= -SCORE_LN_E_MAX && trace->ln_e <= trace->ln_e_peak && trace->ln_e_peak >= 0 &&
           trace->ln_e_peak <= SCORE_LN_E_MAX;
}

#endif
