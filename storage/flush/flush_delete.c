/* Deletes, the owner's side: which series, waiting for a flush, the answer. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/store_private.h"

static void free_deletion(struct deletion *deletion)
{
    tombstone_free(deletion->tombstone);
    free(deletion);
}

/* ---- which series ---- */

static int compare_ids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Both ascending, each number once. */
static enum tm_err add_ids(struct tombstone *t, const struct index_ids *more)
{
    size_t all = t->series_count + more->count;
    uint32_t *ids = realloc(t->series, (all + 1) * sizeof *ids);
    if (!ids)
        return TM_NOMEM;
    t->series = ids;
    if (more->count > 0)
        memcpy(ids + t->series_count, more->ids, more->count * sizeof *ids);
    if (t->series_count > 0 && more->count > 0)
        qsort(ids, all, sizeof *ids, compare_ids);
    t->series_count = 0;
    for (size_t i = 0; i < all; i++) {
        if (t->series_count == 0 || ids[i] != ids[t->series_count - 1])
            ids[t->series_count++] = ids[i];
    }
    return TM_OK;
}

static enum tm_err select_series(struct store *store, const struct deletion_order *order, struct tombstone *t,
                                 struct tm_why *why)
{
    struct reader *reader = reader_of_store(store);
    enum tm_err err = reader ? TM_OK : tm_fail(why, TM_NOMEM, "out of memory for a delete");
    for (size_t i = 0; i < order->count && !err; i++) {
        struct index_ids ids = {0};
        err = reader_select(reader, &order->selectors[i], &ids, why);
        if (!err && add_ids(t, &ids) != TM_OK)
            err = tm_fail(why, TM_NOMEM, "out of memory for a delete");
        index_ids_fini(&ids);
    }
    reader_close(reader);
    return err;
}

/* ---- waiting ---- */

static enum tm_err check_room(const struct store *store, struct tm_why *why)
{
    const struct flush *flush = &store->flush;
    if (!store->contents.partitions || store->is_closing)
        return tm_fail(why, TM_BUSY, "the store is closing");
    if (flush->deletion_count >= DELETIONS_MAX)
        return tm_fail(why, TM_BUSY, "%d deletes are under way already: try again later", DELETIONS_MAX);
    if (flush->job.has_head && flush->retry_wait_ns > 0)
        return tm_fail(why, TM_BUSY,
                       "samples can't be written to the partitions at present (the log says why): try again "
                       "when that is mended");
    return TM_OK;
}

enum tm_err store_delete(struct store *store, const struct deletion_order *order, store_deleted_fn *done,
                         void *arg, struct tm_why *why)
{
    struct flush *flush = &store->flush;
    enum tm_err err = check_room(store, why);
    if (err)
        return err;
    struct deletion *deletion = calloc(1, sizeof *deletion);
    if (deletion)
        deletion->tombstone = calloc(1, sizeof *deletion->tombstone);
    if (!deletion || !deletion->tombstone) {
        free(deletion);
        return tm_fail(why, TM_NOMEM, "out of memory for a delete");
    }
    err = select_series(store, order, deletion->tombstone, why);
    if (err) {
        free_deletion(deletion);
        return err;
    }
    deletion->tombstone->span = order->span;
    deletion->series = deletion->tombstone->series_count;
    deletion->done = done;
    deletion->arg = arg;
    struct deletion **end = &flush->deletions;
    while (*end)
        end = &(*end)->next;
    *end = deletion;
    flush->deletion_count++;
    if (store->options.wake)
        store->options.wake(store->options.wake_arg);
    return TM_OK;
}

/* ---- jobs and answers ---- */

void flush_take_deletions(struct store *store)
{
    struct flush *flush = &store->flush;
    flush->job.deletions = flush->deletions;
    flush->job.deletion_lsn = flush->job.has_head ? flush->job.lsn : store->contents.mark.flushed_lsn;
    flush->deletions = NULL;
}

static void answer_all(struct store *store, struct deletion *list, enum tm_err err, const char *text)
{
    while (list) {
        struct deletion *next = list->next;
        enum tm_err own = err ? err : list->err;
        struct deletion_result result = {.series = list->series, .text = err ? text : list->why.text};
        if (!own)
            result.id = list->id;
        if (own && result.text[0] == '\0')
            result.text = tm_err_text(own);
        store->flush.deletion_count--;
        list->done(list->arg, own, &result);
        free_deletion(list);
        list = next;
    }
}

void flush_answer_deletions(struct store *store, enum tm_err err, const char *text)
{
    struct flush *flush = &store->flush;
    struct deletion *done = flush->job.deletions;
    struct deletion *waiting = err ? flush->deletions : NULL;
    flush->job.deletions = NULL;
    if (err)
        flush->deletions = NULL;
    answer_all(store, done, err, text);
    answer_all(store, waiting, err, text);
}
