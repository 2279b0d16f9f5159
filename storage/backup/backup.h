/* Backups. DEST holds one folder for each, named by its moment (2026-11-23T04-20-00.123Z), each a whole data
 * folder with a manifest. Files that did not change since the last one are hard links to it, so that it costs
 * what is new. storage/backup/README.md tells how they are made consistent. */
#ifndef TM_STORAGE_BACKUP_H
#define TM_STORAGE_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/model/bytes.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"

typedef void backup_progress_fn(void *arg, const char *place, uint64_t done_bytes, uint64_t all_bytes);

struct backup_options {
    const char *from;             /* the data folder, or the backup to restore */
    const char *to;               /* DEST, or the data folder to make */
    backup_progress_fn *progress; /* NULL */
    void *arg;
};

/* Copies DIR/frozen of the data folder `from` to a new folder in `to` (made if missing, its parent must
 * exist) and removes it, however it ends. *out gets a JSON document: to, time, lsn, files, bytes,
 * copied_bytes, damaged. A backup that is not whole is never seen under its name: it is removed, here or by
 * the next one. TM_NO_SPACE, TM_IO, TM_BUSY (another backup goes there), TM_NOT_FOUND, TM_INVALID (`to` is
 * inside the data folder), TM_NOMEM. */
enum tm_err backup_copy(const struct backup_options *options, struct bytes *out,
                        struct tm_why *why) TM_MUST_CHECK;

/* The whole of it for a folder at rest: takes its lock, freezes, copies. TM_BUSY if a daemon writes there:
 * ask that. */
enum tm_err backup_offline(const struct backup_options *options, struct bytes *out,
                           struct tm_why *why) TM_MUST_CHECK;

/* Makes the data folder `to`, which must be missing or empty, from the backup `from`; from may also be a
 * DEST: its newest backup is taken. Each file is compared with the manifest, then the whole is checked
 * (check_run), and only then it gets its name. *out: a JSON document. TM_EXISTS (not empty), TM_NOT_FOUND,
 * TM_CORRUPT (the backup is damaged), TM_NO_SPACE, TM_IO, TM_NOMEM: `to` is then as it was. For a process
 * with one thread. */
enum tm_err backup_restore(const struct backup_options *options, struct bytes *out,
                           struct tm_why *why) TM_MUST_CHECK;

#endif
