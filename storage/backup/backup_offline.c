/* A backup of a folder that nobody writes to. */
#include <inttypes.h>

#include "storage/backup/backup.h"
#include "storage/backup/freeze.h"
#include "storage/folder.h"
#include "storage/journal/journal_io.h"
#include "storage/journal/journal_read.h"

static enum tm_err pass_record(void *arg, const struct segment_header *segment, const struct record *record)
{
    (void)arg, (void)segment, (void)record;
    return TM_OK;
}

static void pass_damage(void *arg, const struct journal_damage *damage)
{
    (void)arg, (void)damage;
}

/* The last lsn of the journal. */
static enum tm_err find_end(int journal, uint64_t *lsn, struct tm_why *why)
{
    const struct journal_visitor visitor = {
        .record = pass_record, .preview = pass_record, .damaged = pass_damage, .torn = pass_damage};
    struct journal_end end;
    enum tm_err err = journal_replay(journal, &visitor, &end, why);
    if (err)
        return err;
    *lsn = end.next_lsn - 1;
    journal_end_fini(&end);
    return TM_OK;
}

static enum tm_err freeze_here(const char *dir, const struct folder *folder, struct tm_why *why)
{
    const struct partitions_options partitions = {.dir = dir, .clock = clock_system()};
    const struct catalog_options catalog = {.dir = dir, .read_only = true};
    struct freeze_options freeze = {.dir = dir, .time = clock_wall_ms(clock_system())};
    enum tm_err err = find_end(folder->journal, &freeze.lsn, why);
    if (!err)
        err = partitions_open(&partitions, &freeze.partitions, why);
    if (!err)
        err = catalog_open(&catalog, &freeze.catalog, why);
    if (err == TM_NOT_FOUND)
        err = TM_OK; /* nothing was ever flushed */
    if (!err)
        err = freeze_make(&freeze, why);
    catalog_close(freeze.catalog);
    partitions_close(freeze.partitions);
    return err;
}

enum tm_err backup_offline(const struct backup_options *options, struct bytes *out, struct tm_why *why)
{
    struct folder folder;
    /* Looked at first: opening it for writing would make it. */
    enum tm_err err = folder_open_reading(&folder, options->from, why);
    if (err)
        return err;
    folder_close(&folder);
    err = folder_open(&folder, options->from, journal_io_system(), why);
    if (err == TM_BUSY)
        return tm_fail(why, err,
                       "a daemon runs on %.250s: leave --data-dir out, and the daemon makes the backup",
                       options->from);
    if (err)
        return err;
    err = freeze_here(options->from, &folder, why);
    if (!err)
        err = backup_copy(options, out, why);
    folder_close(&folder);
    return err;
}
