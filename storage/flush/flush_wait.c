/* Whoever waits for a flush: asked for, and answered once all that was visible then is in the files. */
#include <stdlib.h>

#include "storage/store_private.h"

enum { WAITERS_MAX = 64 };

struct flush_waiter {
    struct flush_waiter *next;
    uint64_t lsn; /* flushed up to here: done */
    store_done_fn *done;
    void *arg;
};

enum tm_err store_flush_begin(struct store *store, store_done_fn *done, void *arg)
{
    struct flush *flush = &store->flush;
    if (!store->contents.partitions)
        return TM_READ_ONLY;
    if (flush->waiter_count == WAITERS_MAX)
        return TM_BUSY;
    struct flush_waiter *waiter = malloc(sizeof *waiter);
    if (!waiter)
        return TM_NOMEM;
    *waiter = (struct flush_waiter){flush->waiters, flush->applied_lsn, done, arg};
    flush->waiters = waiter;
    flush->waiter_count++;
    flush->retry_ns = 0; /* somebody asks: now */
    if (store->options.wake)
        store->options.wake(store->options.wake_arg);
    return TM_OK;
}

bool flush_is_awaited(const struct store *store)
{
    return store->flush.waiters != NULL;
}

void flush_answer_waiters(struct store *store, enum tm_err err)
{
    struct flush *flush = &store->flush;
    struct flush_waiter *list = flush->waiters;
    uint64_t flushed = store->contents.mark.flushed_lsn;
    flush->waiters = NULL; /* who is answered may ask again */
    flush->waiter_count = 0;
    while (list) {
        struct flush_waiter *next = list->next;
        if (err || list->lsn <= flushed) {
            list->done(list->arg, list->lsn <= flushed ? TM_OK : err);
            free(list);
        } else {
            list->next = flush->waiters;
            flush->waiters = list;
            flush->waiter_count++;
        }
        list = next;
    }
}

void store_flush_cancel(struct store *store)
{
    flush_answer_waiters(store, TM_CLOSED);
}
