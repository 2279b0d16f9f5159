/* One column of 64-bit integers -> bytes: the transform and the coding that make it smallest. Private to
 * chunk_*.c. */
#ifndef TM_STORAGE_CHUNK_COLUMN_H
#define TM_STORAGE_CHUNK_COLUMN_H

#include "storage/chunk/chunk_format.h"

/* What to write. */
struct column_spec {
    size_t count;  /* 1 to CHUNK_MAX_SAMPLES */
    uint64_t line; /* how much more each next one is expected to be */
    bool may_xor;  /* the integers are bits of doubles */
    enum chunk_effort effort;
};

/* Appends scratch->x[0..count) without x[0], which the reader has to be given. Overwrites the rest of
 * scratch. A failed allocation shows in out. */
void column_write(struct chunk_scratch *scratch, const struct column_spec *spec, struct bytes *out);

#endif
