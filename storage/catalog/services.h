/* The names of owning services and how many series each has. Entries never move. */
#ifndef TM_STORAGE_SERVICES_H
#define TM_STORAGE_SERVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

enum { SERVICE_CHUNK = 1 << 10, SERVICE_CHUNKS = 1 << 16 };

struct service {
    char *name;
    uint32_t len;
    uint32_t references; /* series of any state that name it; 0: may be forgotten */
    uint32_t live;       /* series that count for the limits */
    bool has_news;
    time_ms_t oldest_ms; /* of the news: what became visible since it was last asked */
    time_ms_t newest_ms;
};

/* Zero-initialised is empty, apart from the seed. */
struct services {
    struct service *chunks[SERVICE_CHUNKS];
    uint32_t count; /* slots given out, the free ones included */
    uint32_t *free_list;
    size_t free_count;
    size_t free_capacity;
    uint32_t *index; /* open addressing, slot number + 1; power of two */
    size_t index_capacity;
    size_t index_used;
    uint64_t seed;
};

/* The slot of a service, made if new. The caller raises references. TM_NOMEM, TM_LIMIT. */
enum tm_err services_intern(struct services *services, struct str name, uint32_t *out) TM_MUST_CHECK;
/* What stands in a slot that was given out. It does not move. */
struct service *services_at(const struct services *services, uint32_t slot);
/* Frees the names that no series bears any more. */
void services_sweep(struct services *services);
/* Frees all names and slots. Not to be used again. */
void services_fini(struct services *services);

#endif
