/* A frozen copy of a data folder, DIR/frozen: all that is stored at one moment, as a data folder of its own.
 * Sealed partitions and closed journal segments are hard links, since nobody ever changes those files; what
 * is written to is copied. So it takes little time and room, and a backup copies it at leisure. */
#ifndef TM_STORAGE_FREEZE_H
#define TM_STORAGE_FREEZE_H

#include <stdint.h>

#include "storage/catalog/catalog.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/partition/partition.h"

struct freeze_options {
    const char *dir;               /* the data folder */
    struct partitions *partitions; /* NULL: there are none */
    struct catalog *catalog;       /* NULL: nothing was ever flushed */
    uint64_t lsn;                  /* the moment: all records up to here, none behind. UINT64_MAX: all */
    time_ms_t time;                /* the moment, for people */
    /* For tests: called at each point at which a crash is of interest. NULL. */
    void (*fault_point)(void *arg, const char *name);
    void *fault_arg;
};

/* Makes DIR/frozen; one that is there is removed before. The caller sees to it that meanwhile nothing changes
 * partitions and catalog, and that the journal is not trimmed: it is the flush thread, or holds the lock of a
 * folder at rest. Ingest may go on. Partitions found damaged are left out and noted. TM_NO_SPACE, TM_IO,
 * TM_CORRUPT (the index), TM_NOMEM: nothing is left behind. */
enum tm_err freeze_make(const struct freeze_options *options, struct tm_why *why) TM_MUST_CHECK;

/* Removes DIR/frozen if it is there. */
enum tm_err freeze_remove(const char *dir, struct tm_why *why) TM_MUST_CHECK;

#endif
