/* Read steps: coming in, the transaction, going out. */
#include "storage/partition/partition_private.h"

#include <stdlib.h>

static void link_step(struct partitions *set, struct partition_step *step)
{
    step->newer = NULL;
    step->older = set->newest;
    if (set->newest)
        set->newest->newer = step;
    else
        set->oldest = step;
    set->newest = step;
}

static void unlink_step(struct partitions *set, struct partition_step *step)
{
    if (step->older)
        step->older->newer = step->newer;
    else
        set->oldest = step->newer;
    if (step->newer)
        step->newer->older = step->older;
    else
        set->newest = step->older;
}

/* Locked. The windows are taken before the transaction begins, so that it sees at least all of theirs. */
static void take_view(struct partition_step *step, struct partition *p)
{
    step->partition = p;
    step->generation = p->generation;
    step->series_major = p->meta.series_major;
    step->tag = p->meta.tag;
    step->sound_to = p->sound_to;
    step->windows = p->windows;
    step->window_count = p->windows->count;
    step->windows->references++;
    step->lane = &step->own;
    link_step(step->set, step);
}

static enum tm_err come_in(struct partition_step *step, struct partition_id id, struct tm_why *why)
{
    struct partitions *set = step->set;
    struct partition *p = NULL;
    enum tm_err err = TM_OK;
    set_lock(set);
    for (bool again = true; again && !err;) {
        p = set_find(set, id);
        if (!p) {
            set_unlock(set);
            return tm_fail(why, TM_NOT_FOUND, "there is no such partition");
        }
        err = door_try(set, p, &again, why);
    }
    if (!err) {
        take_view(step, p);
        set->stats.steps++;
    }
    set_unlock(set);
    if (!err)
        deaths_enter(&set->deaths, p->death_slot);
    return err;
}

static int begin_call(void *arg)
{
    struct partition_step *step = arg;
    struct partition *p = step->partition;
    int rc = mdb_txn_begin(p->env, NULL, MDB_RDONLY, &step->txn);
    if (rc || !step->owns_windows)
        return rc;
    /* Another process writes: what it has finished stands in the table only. */
    return env_load_windows(step->txn, p->windows_table, &step->windows);
}

static int end_call(void *arg)
{
    struct partition_step *step = arg;
    if (step->own.cursor)
        mdb_cursor_close(step->own.cursor);
    for (unsigned i = 0; i < PARTITION_LANES && step->lanes; i++) {
        if (step->lanes[i].cursor)
            mdb_cursor_close(step->lanes[i].cursor);
    }
    if (step->txn)
        mdb_txn_abort(step->txn);
    return 0;
}

static void give_windows(struct partition_step *step)
{
    set_lock(step->set);
    if (step->windows && --step->windows->references == 0)
        free(step->windows);
    step->windows = NULL;
    set_unlock(step->set);
}

static int begin_txn(struct partition_step *step)
{
    if (step->set->options.read_only && !step->partition->pages.map) {
        give_windows(step);
        step->owns_windows = true;
    }
    int rc = lmdb_guard(begin_call, step);
    if (rc == LMDB_ASSERTION) {
        lmdb_abandon(step->txn);
        step->txn = NULL;
    }
    if (!rc && step->owns_windows)
        step->window_count = step->windows->count;
    return rc;
}

enum tm_err partition_step_begin(struct partitions *set, struct partition_id id, struct partition_step *step,
                                 struct tm_why *why)
{
    for (int tries = 0;; tries++) {
        *step = (struct partition_step){.set = set, .begun_ns = clock_mono_ns(set->options.clock)};
        enum tm_err err = come_in(step, id, why);
        if (err)
            return err;
        int rc = begin_txn(step);
        if (!rc)
            return TM_OK;
        struct partition *p = step->partition;
        if (rc != MDB_PANIC || tries > 0)
            err = env_fail(set, p, rc, "reading", why);
        partition_step_end(step);
        if (err)
            return err;
        set_lock(set);
        p = set_find(set, id);
        set_unlock(set);
        if (p)
            txn_reopen(set, p);
    }
}

void partition_step_end(struct partition_step *step)
{
    struct partitions *set = step->set;
    (void)lmdb_guard(end_call, step);
    free(step->lanes);
    step->lanes = NULL;
    set_lock(set);
    unlink_step(set, step);
    set_unlock(set);
    give_windows(step);
    door_leave(set, step->partition);
    step->partition = NULL;
}

void partition_step_follow(struct partition_step *step)
{
    if (!step->lanes)
        step->lanes = calloc(PARTITION_LANES, sizeof *step->lanes);
}

const struct partition_window *partition_step_windows(const struct partition_step *step, size_t *count)
{
    *count = step->window_count;
    return step->windows->items;
}

uint64_t partition_step_tag(const struct partition_step *step)
{
    uint64_t tag = step->tag;
    for (size_t i = 0; i < step->window_count; i++) {
        if (step->windows->items[i].tag > tag)
            tag = step->windows->items[i].tag;
    }
    return tag;
}
