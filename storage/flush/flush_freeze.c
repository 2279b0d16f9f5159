/* A frozen copy for a backup: the flush thread makes it, since nothing else changes the files meanwhile. */
#include <stdio.h>

#include "storage/backup/freeze.h"
#include "storage/store_private.h"

enum tm_err store_freeze(struct store *store, store_done_fn *done, void *arg)
{
    struct flush_freeze *freeze = &store->flush.freeze;
    if (!store->contents.partitions || store->is_closing)
        return TM_READ_ONLY;
    if (freeze->state != FREEZE_NONE)
        return TM_BUSY;
    *freeze = (struct flush_freeze){.state = FREEZE_WANTED, .done = done, .arg = arg};
    return TM_OK;
}

const char *store_freeze_why(const struct store *store)
{
    return store->flush.freeze.why.text;
}

/* The moment is now: what is applied is acknowledged, or about to be. */
void flush_freeze_begin(struct store *store)
{
    struct flush_freeze *freeze = &store->flush.freeze;
    freeze->lsn = store->flush.applied_lsn;
    freeze->time = clock_wall_ms(store->options.clock);
    freeze->state = FREEZE_RUNNING;
    enum tm_err err = flush_start_job(store);
    if (err)
        flush_freeze_end(store, err, "out of memory");
}

enum tm_err flush_freeze_work(struct store *store, struct tm_why *why)
{
    const struct flush *flush = &store->flush;
    const struct freeze_options options = {
        .dir = store->dir,
        .partitions = store->contents.partitions,
        .catalog = flush->work.catalog,
        .lsn = flush->freeze.lsn,
        .time = flush->freeze.time,
        .fault_point = store->options.fault_point,
        .fault_arg = store->options.fault_arg,
    };
    return freeze_make(&options, why);
}

void flush_freeze_end(struct store *store, enum tm_err err, const char *why)
{
    struct flush_freeze *freeze = &store->flush.freeze;
    if (freeze->state == FREEZE_NONE)
        return;
    freeze->state = FREEZE_NONE;
    (void)snprintf(freeze->why.text, sizeof freeze->why.text, "%s", err ? why : "");
    freeze->done(freeze->arg, err);
}
