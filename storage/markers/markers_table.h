/* The table of markers as the store fills it, and changes of it as bytes. storage/ only. */
#ifndef TM_STORAGE_MARKERS_TABLE_H
#define TM_STORAGE_MARKERS_TABLE_H

#include "storage/markers/markers.h"
#include "storage/model/bytes.h"

enum marker_op { MARKER_MADE = 1, MARKER_CHANGED, MARKER_DELETED };

/* What happened to one marker. to holds the named fields; all of them for MARKER_MADE, none for
 * MARKER_DELETED. */
struct marker_change {
    enum marker_op op;
    uint32_t fields;
    struct marker to;
};

/* Appends it; out->failed without memory. */
void marker_change_encode(const struct marker_change *change, struct bytes *out);
/* Views into bytes. TM_CORRUPT: these are none. */
enum tm_err marker_change_decode(struct str bytes, struct marker_change *out) TM_MUST_CHECK;

/* What a marker is known by from then on, never 0. Equal markers have equal ids on every machine; deploys are
 * equal if service, env, version and time are. */
uint64_t marker_id(const struct marker *marker);

/* NULL when out of memory. */
struct markers *markers_new(void);
/* NULL is allowed. */
void markers_free(struct markers *markers);

/* Applies a change as encoded; bytes that are none are counted and change nothing. Applying the same one
 * twice in a row is applying it once. TM_NOMEM: nothing was changed. */
enum tm_err markers_apply(struct markers *markers, struct str bytes) TM_MUST_CHECK;

/* Another number after every change. Never 0. */
uint64_t markers_version(const struct markers *markers);

/* Changes that could not be read. */
uint64_t markers_unreadable(const struct markers *markers);

#endif
