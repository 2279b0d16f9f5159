/* What senders say of their metrics: type, help and unit, for people and for Grafana's hints. In memory
 * alone: Prometheus says it again every minute. Loop thread. */
#ifndef TM_INGEST_METADATA_H
#define TM_INGEST_METADATA_H

#include <stddef.h>
#include <stdint.h>

#include "storage/model/str.h"

enum { METADATA_MAX = 20000, METADATA_TEXT_MAX = 1024 };

struct metric_metadata {
    struct str name;
    uint32_t type; /* as remote write counts them; metadata_type */
    struct str help;
    struct str unit;
};

/* Sorted by name. Zero-initialised is empty; the holder owns the memory. */
struct metadata {
    struct metric_metadata *at; /* each with its texts in one allocation, which begins at name.ptr */
    size_t count, room;
};

/* Frees all texts; it is empty then. */
void metadata_fini(struct metadata *metadata);

/* Remembers it, the last one of a name. Texts over METADATA_TEXT_MAX bytes are left out, and so is all beyond
 * METADATA_MAX names or without memory: nothing hangs on it. */
void metadata_put(struct metadata *metadata, const struct metric_metadata *one);

/* The word of a type: counter, gauge, ...; unknown for what is none. Static. */
const char *metadata_type(uint32_t type);

#endif
