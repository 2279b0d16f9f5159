/* Writing an entropy-coded column: the upper part of each residual as a symbol of a table made for this chunk
 * (rANS, four lanes), the lower part as plain bits, what has no symbol as an escape. Private to chunk_*.c. */
#ifndef TM_STORAGE_CHUNK_ANS_H
#define TM_STORAGE_CHUNK_ANS_H

#include "storage/chunk/chunk_format.h"

/* How a column is to be coded. Symbol i < symbol_count stands for the upper part low + i; the one behind them
 * is the escape. */
struct ans_plan {
    bool is_adaptive;    /* the centre follows the data from block to block */
    unsigned low_bits;   /* of each residual, stored as they are */
    uint64_t centre;     /* of the first block */
    uint64_t symbol_low; /* upper part of symbol 0 */
    unsigned symbol_count;
    uint8_t shares[CHUNK_ANS_MAX_SYMBOLS + 1]; /* 0 never, 1 to 15: 2^(share / 2), relative */
    size_t bits;                               /* what the column costs, nearly */
};

/* The bits that hold nine of ten residuals, signed, measured from the middle of their own block. Pure. */
unsigned ans_common_bits(const uint64_t *residuals, size_t count);

/* A good plan with a fixed or a following centre, for residuals of that many common bits. Pure. */
void ans_plan_column(const uint64_t *residuals, size_t count, bool is_adaptive, unsigned common,
                     struct ans_plan *plan);

/* Appends the column. scratch->low, words and symbols are overwritten. A failed allocation shows in out. */
void ans_write(struct chunk_scratch *scratch, const uint64_t *residuals, size_t count, struct ans_plan *plan,
               struct bytes *out);

/* Frequencies (in all CHUNK_ANS_TOTAL) of shares. False if the shares are no table. */
bool ans_frequencies(const uint8_t *shares, unsigned count, uint32_t *frequencies);

#endif
