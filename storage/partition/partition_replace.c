/* Folders that take another's place, or go: each change is one rename that decides, and steps that a restart
 * does again. */
#include "storage/partition/partition_private.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/grow.h"

enum { MAX_QUARANTINES = 99 };

static struct partition_path folder_of(const char *dir, struct partition_id id, enum partition_suffix suffix)
{
    return path_of(dir, id, suffix_text(suffix), NULL);
}

static enum tm_err move(const char *dir, struct partition_id id, enum partition_suffix from,
                        enum partition_suffix to, struct tm_why *why)
{
    struct partition_path a = folder_of(dir, id, from), b = folder_of(dir, id, to);
    return file_exists(a.text) ? folder_rename(dir, id.tier, a.text, b.text, why) : TM_OK;
}

static enum tm_err discard(struct partitions *set, struct partition_id id, enum partition_suffix suffix,
                           struct tm_why *why)
{
    return folder_remove(set->dir, id.tier, folder_of(set->dir, id, suffix).text, &set->later, why);
}

static struct partition_id late_of(struct partition_id id)
{
    id.late = true;
    return id;
}

/* ---- replacing ---- */

/* `.new` or `.merged` is there, which decides. Can be done again from any point in between. */
static enum tm_err put_in_place(struct partitions *set, struct partition_id id, enum partition_suffix from,
                                struct tm_why *why)
{
    const char *dir = set->dir;
    enum tm_err err = TM_OK;
    if (from == SUFFIX_MERGED) {
        err = discard(set, late_of(id), SUFFIX_OLD, why);
        if (!err)
            err = move(dir, late_of(id), SUFFIX_NONE, SUFFIX_OLD, why);
        set_fault_point(set, "replace.late_aside");
    }
    if (!err)
        err = discard(set, id, SUFFIX_OLD, why);
    if (!err)
        err = move(dir, id, SUFFIX_NONE, SUFFIX_OLD, why);
    set_fault_point(set, "replace.main_aside");
    if (!err)
        err = move(dir, id, from, SUFFIX_NONE, why);
    set_fault_point(set, "replace.in_place");
    if (!err)
        err = discard(set, late_of(id), SUFFIX_OLD, why);
    if (!err)
        err = discard(set, id, SUFFIX_OLD, why);
    set_fault_point(set, "replace.old_removed");
    return err;
}

static void park_and_close(struct partitions *set, struct partition *p)
{
    if (!p)
        return;
    door_park(set, p);
    set_lock(set);
    door_close(set, p);
    set_unlock(set);
}

/* After the folders were changed, or not (err). */
static enum tm_err settle(struct partitions *set, struct partition_id id, bool is_merged, enum tm_err err)
{
    set_lock(set);
    struct partition *late = set_find(set, late_of(id)), *main = set_find(set, id);
    if (!main)
        main = set_add(set, id); /* there is room */
    main->parked = false;
    main->broken = err != TM_OK;
    main->sealed = true;
    if (is_merged)
        main->generation = ++set->generation;
    if (late && is_merged && !err) {
        set_remove(set, late);
    } else if (late && is_merged) {
        late->parked = false;
        late->broken = true;
    }
    pthread_cond_broadcast(&set->changed);
    set_unlock(set);
    return err;
}

enum tm_err replace_main(struct partitions *set, struct partition_id id, bool is_merged, struct tm_why *why)
{
    enum partition_suffix name = is_merged ? SUFFIX_MERGED : SUFFIX_NEW;
    set_fault_point(set, "replace.made");
    set_lock(set);
    bool has_room = set_find(set, id) || set_reserve(set);
    set_unlock(set);
    if (!has_room)
        return tm_fail(why, TM_NOMEM, "out of memory, or too many partitions");
    enum tm_err err = move(set->dir, id, SUFFIX_MAKING, name, why);
    if (err)
        return err;
    set_fault_point(set, "replace.decided");
    set_lock(set);
    struct partition *main = set_find(set, id), *late = is_merged ? set_find(set, late_of(id)) : NULL;
    set_unlock(set);
    park_and_close(set, main);
    park_and_close(set, late);
    err = put_in_place(set, id, name, why);
    return settle(set, id, is_merged, err);
}

/* ---- dropping ---- */

static enum tm_err remove_dropped(struct partitions *set, struct partition_id id, struct tm_why *why)
{
    /* The main one's name decides for both, so it goes last. */
    enum tm_err err = move(set->dir, late_of(id), SUFFIX_NONE, SUFFIX_DROPPED, why);
    set_fault_point(set, "drop.late_aside");
    if (!err)
        err = discard(set, late_of(id), SUFFIX_DROPPED, why);
    set_fault_point(set, "drop.late_removed");
    if (!err)
        err = discard(set, id, SUFFIX_DROPPED, why);
    set_fault_point(set, "drop.removed");
    return err;
}

static void forget(struct partitions *set, struct partition *p, bool is_gone)
{
    if (!p)
        return;
    set_lock(set);
    p->is_written = false;
    p->parked = false;
    p->broken = !is_gone;
    if (is_gone)
        set_remove(set, p);
    pthread_cond_broadcast(&set->changed);
    set_unlock(set);
}

enum tm_err partition_drop(struct partitions *set, enum partition_tier tier, uint32_t period,
                           struct tm_why *why)
{
    struct partition_id id = {.tier = tier, .period = period};
    struct partition *main, *late;
    enum tm_err err = period_take(set, tier, period, &main, &late, why);
    if (err)
        return err;
    park_and_close(set, main);
    park_and_close(set, late);
    set_fault_point(set, "drop.parked");
    err = discard(set, id, SUFFIX_DROPPED, why);
    if (!err)
        err = move(set->dir, id, SUFFIX_NONE, SUFFIX_DROPPED, why);
    set_fault_point(set, "drop.decided");
    if (!err)
        err = remove_dropped(set, id, why);
    forget(set, main, !err);
    forget(set, late, !err);
    return err;
}

/* ---- quarantine ---- */

void quarantine_rename(struct partitions *set, struct partition *p)
{
    struct partition_label label = env_label(p);
    struct partition_path from = folder_of(set->dir, p->id, SUFFIX_NONE), to;
    struct tm_why why = {""};
    char suffix[32] = ".quarantine";
    park_and_close(set, p);
    for (int n = 2; n <= MAX_QUARANTINES; n++) {
        to = path_of(set->dir, p->id, suffix, NULL);
        if (!file_exists(to.text))
            break;
        (void)snprintf(suffix, sizeof suffix, ".quarantine.%d", n);
    }
    enum tm_err err = folder_rename(set->dir, p->id.tier, from.text, to.text, &why);
    set_lock(set);
    p->parked = false;
    p->broken = err != TM_OK;
    if (!err) {
        set->stats.quarantined++;
        set->stats.damaged--;
        set_remove(set, p);
    }
    pthread_cond_broadcast(&set->changed);
    set_unlock(set);
    if (err)
        set_log(set, STORE_LOG_ERROR, "partition.quarantine_failed", "partition %s stays where it is: %s",
                label.text, why.text);
    else
        set_log(set, STORE_LOG_ERROR, "partition.quarantined",
                "damaged partition %s was renamed to %s%s: restore it from a backup, or remove it",
                label.text, label.text, suffix);
}

/* ---- after a crash ---- */

struct leftover {
    struct partition_id id;
    enum partition_suffix suffix;
};

static enum tm_err mend(struct partitions *set, const struct leftover *l, struct tm_why *why)
{
    switch (l->suffix) {
    case SUFFIX_MAKING:
        return discard(set, l->id, SUFFIX_MAKING, why);
    case SUFFIX_NEW:
    case SUFFIX_MERGED:
        return put_in_place(set, l->id, l->suffix, why);
    case SUFFIX_DROPPED:
        return l->id.late ? discard(set, l->id, SUFFIX_DROPPED, why) : remove_dropped(set, l->id, why);
    case SUFFIX_OLD:
        return discard(set, l->id, SUFFIX_OLD, why);
    case SUFFIX_NONE:
    case SUFFIX_COUNT:
        break;
    }
    return TM_OK;
}

/* `.new` before `.old`, so that nothing is removed before its successor stands. */
static int leftover_compare(const void *a, const void *b)
{
    const struct leftover *x = a, *y = b;
    return (int)x->suffix - (int)y->suffix;
}

static enum tm_err list_leftovers(const char *path, enum partition_tier tier, struct leftover **out,
                                  size_t *count, struct tm_why *why)
{
    size_t capacity = 0;
    DIR *folder = opendir(path);
    const struct dirent *entry;
    if (!folder)
        return file_fail(why, "listing", path);
    enum tm_err err = TM_OK;
    while (!err && (entry = readdir(folder))) {
        struct leftover found;
        if (path_parse(tier, entry->d_name, &found.id, &found.suffix) != TM_OK || !found.suffix)
            continue;
        struct leftover *grown = grow_array(*out, &capacity, *count + 1, sizeof **out);
        if (!grown) {
            err = tm_fail(why, TM_NOMEM, "out of memory");
            break;
        }
        *out = grown;
        grown[(*count)++] = found;
    }
    closedir(folder);
    return err;
}

enum tm_err replace_recover(struct partitions *set, enum partition_tier tier, struct tm_why *why)
{
    struct partition_path path = path_of_tier(set->dir, tier);
    struct leftover *all = NULL;
    size_t count = 0;
    enum tm_err err = list_leftovers(path.text, tier, &all, &count, why);
    if (count > 1)
        qsort(all, count, sizeof *all, leftover_compare);
    for (size_t i = 0; !err && i < count; i++)
        err = mend(set, &all[i], why);
    free(all);
    return err;
}
