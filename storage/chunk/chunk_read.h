/* Reading one column, block by block. Private to chunk_*.c. */
#ifndef TM_STORAGE_CHUNK_READ_H
#define TM_STORAGE_CHUNK_READ_H

#include "storage/chunk/chunk_kernels.h"

/* Reads the head of a column of count integers, stands before its first block, and moves `in` behind all of
 * the column. The bytes stay the caller's and have to stay. in->bad on bytes that are no column. */
void column_open(struct chunk_column *column, uint64_t origin, uint64_t line, size_t count,
                 struct cursor *in);

/* The next count (all CHUNK_BLOCK but for the last block) levels into block, which has CHUNK_BLOCK entries.
 * False on bytes that are no column. */
bool column_next(struct chunk_column *column, const struct chunk_kernels *kernels, unsigned count,
                 uint64_t *block);

#endif
