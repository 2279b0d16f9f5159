/* The inner loops over one block, of reading and of choosing how to pack. Two builds of the same C: portable,
 * and for AVX2 and BMI2; the reader takes the second where the processor has it. Private to chunk_*.c, their
 * tests and benches. */
#ifndef TM_STORAGE_CHUNK_KERNELS_H
#define TM_STORAGE_CHUNK_KERNELS_H

#include "storage/chunk/chunk_format.h"

enum {
    KERNEL_UNPACK_OVERREAD_BYTES = 16, /* unpack may look so far behind the packed bytes */
    KERNEL_ANS_BYTES = 2 * CHUNK_BLOCK /* ans consumes at most this */
};

/* How integers become doubles. */
struct chunk_scale {
    uint64_t origin;
    uint64_t factor;
    double divisor;
};

/* How symbols and low bits become residuals. */
struct chunk_join {
    uint64_t symbol_low; /* of symbol 0 */
    uint64_t base;       /* added to all */
    unsigned low_bits;
};

/* How levels become times. */
struct chunk_clock {
    uint64_t origin;
    uint64_t line;
    uint64_t factor;
};

struct pack_plan;

struct chunk_kernels {
    /* CHUNK_BLOCK fields of width 0..64 bits, least significant bit first, and base onto each. */
    void (*unpack)(const uint8_t *in, unsigned width, uint64_t base, uint64_t *out);
    /* Residuals -> levels, in place. */
    void (*integrate)(uint64_t *block, unsigned order, uint64_t *level, uint64_t *slope);
    /* count <= CHUNK_BLOCK symbols; returns the bytes taken. */
    size_t (*ans)(const uint32_t *table, uint32_t *lanes, const uint8_t *in, unsigned count,
                  uint8_t *symbols);
    /* Upper parts onto low bits, in place, and base onto them; returns the sum without base. Whole blocks. */
    uint64_t (*join)(const uint8_t *symbols, const struct chunk_join *join, uint64_t *block);
    /* The largest symbol of a whole block. */
    uint8_t (*most)(const uint8_t *symbols);
    /* origin + i * line + level * factor, of a whole block; whether the first count of them ascend strictly.
     */
    bool (*place)(const uint64_t *levels, const struct chunk_clock *clock, unsigned count, int64_t *out);
    /* origin + i * line, of a whole block. */
    void (*march)(uint64_t origin, uint64_t line, int64_t *out);
    /* Whether count <= CHUNK_BLOCK times ascend strictly. */
    bool (*ascends)(const int64_t *times, unsigned count);
    /* (origin + level * factor) / divisor. */
    void (*scale)(const uint64_t *levels, const struct chunk_scale *scale, double *out);
    /* As pack_plan_block. */
    void (*plan)(const uint64_t *residuals, unsigned count, struct pack_plan *plan);
};

/* Static; any thread. */
const struct chunk_kernels *chunk_kernels_portable(void);
/* NULL where it was not built. */
const struct chunk_kernels *chunk_kernels_avx2(void);
/* The best that this processor runs. */
const struct chunk_kernels *chunk_kernels_best(void);

#endif
