/* Memory that is given back as a whole. One thread. */
#ifndef TM_REPORTS_ARENA_H
#define TM_REPORTS_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/model/str.h"

/* Zero-initialised is empty. */
struct arena {
    struct arena_block *blocks;
    bool failed; /* an allocation failed: whoever fills it checks once, at the end */
};

/* Zeroed bytes for any object; NULL when out of memory, and failed. */
void *arena_take(struct arena *arena, size_t bytes);
/* A copy that ends in NUL, cut at most bytes (0: whole) at a whole character; "" when out of memory. */
const char *arena_text(struct arena *arena, struct str text, size_t most);
/* Frees all that was taken; it is empty then. */
void arena_fini(struct arena *arena);

#endif
