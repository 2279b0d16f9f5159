/* The bytes of a block. Private to storage/events/events_block*.c. */
#ifndef TM_STORAGE_EVENTS_FORMAT_H
#define TM_STORAGE_EVENTS_FORMAT_H

#include <stdint.h>
#include <xxhash.h>

#include "storage/chunk/chunk.h"
#include "storage/events/events_block.h"

enum {
    EVENTS_VERSION = 0x31,
    EVENTS_SUM_BYTES = 8,
    /* version, sum of the head, length of the head */
    EVENTS_PREFIX_BYTES = 1 + EVENTS_SUM_BYTES + 4
};

/* How a column's numbers are written. */
enum events_mode {
    EVENTS_CONSTANT,    /* one number for all */
    EVENTS_INTERLEAVED, /* fixed width, number by number */
    EVENTS_PLANES,      /* fixed width, all first bytes, then all second ones */
    EVENTS_PREDICTED,   /* what stood last beside the same value of the parent column, or else a number */
    EVENTS_MODES
};

/* The column that foretells another; EVENTS_SERVICE: none. */
static inline enum events_column events_parent(enum events_column column)
{
    switch (column) {
    case EVENTS_PAGE_GROUP:
    case EVENTS_METHOD:
    case EVENTS_CACHE:
    case EVENTS_STATUS:
    case EVENTS_BYTES:
        return EVENTS_URL;
    case EVENTS_AGENT:
        return EVENTS_USER_AGENT;
    default:
        return EVENTS_SERVICE;
    }
}

static inline bool events_is_text(enum events_column column)
{
    return column <= EVENTS_TAGS;
}

static inline uint64_t events_seed(const struct chunk_key *key)
{
    const uint64_t place[2] = {key->series, (uint64_t)key->window_start};
    return XXH3_64bits(place, sizeof place);
}

#endif
