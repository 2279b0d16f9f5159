/* The markers there are, in memory; what is on disk are the changes that made them (storage/FORMAT.md), in
 * the journal and then among the catalog's events of kind EVENT_MARKER, which no retention removes. The table
 * is what these changes give when they are applied in the order in which they were written.
 *
 * A marker that is told of twice is one (store_batch_marker). Once it was corrected, telling it again changes
 * nothing; once it was deleted, telling it again makes it anew.
 *
 * Threads: the store's owner alone. What is returned is valid until the next store_poll. */
#ifndef TM_STORAGE_MARKERS_H
#define TM_STORAGE_MARKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/model/marker.h"

struct markers;

/* Above this, whoever takes markers from outside refuses new ones; what is stored is kept all the same. */
enum { MARKERS_MAX = 200000 };

/* How many there are, removed ones not among them. */
size_t markers_count(const struct markers *markers);

/* The marker of this id, NULL if there is none. */
const struct marker *markers_find(const struct markers *markers, uint64_t id);

/* Which are wanted: those that lie in span or reach into it. Empty texts and MARKER_KIND_COUNT stand for all;
 * else texts must be equal. */
struct markers_wanted {
    struct str service;
    struct str env;
    struct str version;
    enum marker_kind kind;
    struct span span;
};

/* A place in the list, which is newest first: behind the marker of this time and id. */
struct markers_place {
    time_ms_t time;
    uint64_t id;
    bool is_begun; /* false: at the beginning */
};

/* The next wanted one behind place, which moves on; NULL at the end. */
const struct marker *markers_next(const struct markers *markers, const struct markers_wanted *wanted,
                                  struct markers_place *place);

#endif
