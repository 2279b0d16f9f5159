/* Who may be inside a partition, and which environments are open. */
#include "storage/partition/partition_private.h"

#include <time.h>

enum { ROOM_WAIT_S = 1 };

void door_close(struct partitions *set, struct partition *p)
{
    if (p->state != PARTITION_OPEN)
        return;
    env_close(p);
    p->state = PARTITION_CLOSED;
    if (!p->suffix[0])
        set->stats.open--;
    deaths_give(&set->deaths, p->death_slot);
    p->death_slot = -1;
    p->foreign_txn = 0;
}

/* Closes the one that nobody has been inside of for the longest time. False: somebody is inside of all. */
static bool make_room(struct partitions *set)
{
    struct partition *idle = NULL;
    if (set->stats.open < set->options.max_open)
        return true;
    for (size_t i = 0; i < set->count; i++) {
        struct partition *p = set->all[i];
        if (p->state == PARTITION_OPEN && p->steps == 0 && !p->parked && (!idle || p->used < idle->used))
            idle = p;
    }
    if (idle)
        door_close(set, idle);
    return idle != NULL;
}

/* Steps are short. Bounded all the same: a thread may hold many of them. */
static bool wait_for_room(struct partitions *set)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ROOM_WAIT_S;
    return pthread_cond_timedwait(&set->changed, &set->lock, &until) == 0;
}

static enum tm_err open_locked(struct partitions *set, struct partition *p, struct tm_why *why)
{
    p->state = PARTITION_OPENING;
    if (!p->suffix[0])
        set->stats.open++;
    p->death_slot = deaths_take(&set->deaths, env_label(p).text);
    set_unlock(set);
    deaths_enter(&set->deaths, p->death_slot);
    enum tm_err err = env_open(set, p, why);
    deaths_leave(&set->deaths, p->death_slot);
    set_lock(set);
    p->state = PARTITION_OPEN;
    set->stats.opened++;
    if (err)
        door_close(set, p);
    else
        p->sealed = p->meta.sealed;
    pthread_cond_broadcast(&set->changed);
    return err;
}

/* Another process may have put another environment in this place. */
static void drop_stale(struct partitions *set, struct partition *p)
{
    uint64_t inode = 0;
    if (!set->options.read_only || p->state != PARTITION_OPEN || p->steps > 0)
        return;
    (void)file_bytes(path_of(set->dir, p->id, follow_suffix(set, p->id), "data.mdb").text, &inode);
    if (inode == p->inode)
        return;
    door_close(set, p);
    p->generation = ++set->generation;
}

enum tm_err door_try(struct partitions *set, struct partition *p, bool *again, struct tm_why *why)
{
    *again = true;
    if (p->damaged)
        return tm_fail(why, TM_CORRUPT,
                       "partition %s is damaged: run `tidemark verify`, restore it from a backup",
                       env_label(p).text);
    if (p->broken)
        return tm_fail(why, TM_IO, "the replacement of partition %s was interrupted: restart to finish it",
                       env_label(p).text);
    drop_stale(set, p);
    if (p->parked || p->state == PARTITION_OPENING) {
        pthread_cond_wait(&set->changed, &set->lock);
        return TM_OK;
    }
    if (p->state == PARTITION_CLOSED && !p->suffix[0] && !make_room(set)) {
        if (wait_for_room(set))
            return TM_OK;
        return tm_fail(why, TM_BUSY, "%u partitions are being read at once: try again",
                       set->options.max_open);
    }
    if (p->state == PARTITION_CLOSED)
        return open_locked(set, p, why);
    p->steps++;
    p->used = ++set->stamp;
    *again = false;
    return TM_OK;
}

enum tm_err door_enter(struct partitions *set, struct partition *p, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    set_lock(set);
    for (bool again = true; again && !err;)
        err = door_try(set, p, &again, why);
    set_unlock(set);
    if (!err)
        deaths_enter(&set->deaths, p->death_slot);
    return err;
}

void door_leave(struct partitions *set, struct partition *p)
{
    deaths_leave(&set->deaths, p->death_slot);
    set_lock(set);
    p->steps--;
    if (p->steps == 0)
        pthread_cond_broadcast(&set->changed);
    set_unlock(set);
}

void door_park(struct partitions *set, struct partition *p)
{
    set_lock(set);
    while (p->parked)
        pthread_cond_wait(&set->changed, &set->lock);
    p->parked = true;
    while (p->steps > 0 || p->state == PARTITION_OPENING)
        pthread_cond_wait(&set->changed, &set->lock);
    set_unlock(set);
}

void door_unpark(struct partitions *set, struct partition *p)
{
    set_lock(set);
    p->parked = false;
    pthread_cond_broadcast(&set->changed);
    set_unlock(set);
}
