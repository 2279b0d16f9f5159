/* The file BACKUP of a backup: what it holds and from which moment. Bytes: storage/FORMAT.md. */
#ifndef TM_STORAGE_BACKUP_MANIFEST_H
#define TM_STORAGE_BACKUP_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "storage/model/clock.h"
#include "storage/model/err.h"

#define MANIFEST_NAME "BACKUP"

struct manifest_file {
    char *path; /* relative */
    uint64_t bytes;
    uint64_t hash; /* XXH3 of all its bytes */
};

struct manifest {
    uint64_t lsn;
    time_ms_t time;
    struct manifest_file *files; /* by path */
    size_t count, capacity;
    char **damaged; /* partitions that were left out */
    size_t damaged_count, damaged_capacity;
};

/* Zero-initialised is empty. */
void manifest_free(struct manifest *manifest);
/* Adds a file; its path is copied. TM_NOMEM. */
enum tm_err manifest_add_file(struct manifest *manifest, const char *path, uint64_t bytes,
                              uint64_t hash) TM_MUST_CHECK;
/* Notes the place of a partition that was left out, copied. TM_NOMEM. */
enum tm_err manifest_add_damaged(struct manifest *manifest, const char *place) TM_MUST_CHECK;
/* NULL: it is not there. The files must be sorted. */
const struct manifest_file *manifest_find(const struct manifest *manifest, const char *path);

/* Writes folder/BACKUP, synced. Errors as files have. */
enum tm_err manifest_write(const struct manifest *manifest, const char *folder,
                           struct tm_why *why) TM_MUST_CHECK;
/* Reads it into an empty manifest. TM_NOT_FOUND, TM_CORRUPT, TM_IO, TM_NOMEM: it is empty then. Paths that
 * lead out of the folder are TM_CORRUPT. */
enum tm_err manifest_read(struct manifest *manifest, const char *folder, struct tm_why *why) TM_MUST_CHECK;

#endif
