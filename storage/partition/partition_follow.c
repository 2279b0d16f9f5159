/* For readers beside the process that writes: the table follows the folder. */
#include "storage/partition/partition_private.h"

static bool is_replaced_now(const struct partitions *set, struct partition_id id)
{
    return file_exists(path_of(set->dir, id, suffix_text(SUFFIX_NEW), NULL).text) ||
           file_exists(path_of(set->dir, id, suffix_text(SUFFIX_MERGED), NULL).text);
}

enum tm_err partitions_refresh(struct partitions *set, struct tm_why *why)
{
    if (!set->options.read_only)
        return TM_OK;
    enum tm_err err = set_list_folder(set, why);
    set_lock(set);
    for (size_t i = set->count; i-- > 0;) {
        struct partition *p = set->all[i];
        if (p->steps > 0 || p->state == PARTITION_OPENING ||
            file_exists(path_of(set->dir, p->id, "", NULL).text) || is_replaced_now(set, p->id))
            continue;
        door_close(set, p);
        set_remove(set, p);
    }
    set_unlock(set);
    return err;
}

static uint64_t data_inode(const struct partitions *set, struct partition_id id)
{
    uint64_t inode = 0;
    (void)file_bytes(path_of(set->dir, id, "", "data.mdb").text, &inode);
    return inode;
}

/* The table's entry for a partition follows the folder. One in the middle of a change stays: days are found
 * by this table. Locked. */
static enum tm_err follow(struct partitions *set, struct partition_id id, uint64_t inode, bool is_changing)
{
    struct partition *p = set_find(set, id);
    bool is_idle = p && p->steps == 0 && p->state != PARTITION_OPENING;
    /* Damage is of that file, not of its successor. */
    if (is_idle && ((inode == 0 && !is_changing) || (p->damaged && p->inode != inode))) {
        door_close(set, p);
        set_remove(set, p);
        p = NULL;
    }
    return !p && inode != 0 && !set_add(set, id) ? TM_NOMEM : TM_OK;
}

enum tm_err partitions_view(struct partitions *set, enum partition_tier tier, uint32_t period,
                            struct partition_view *out, struct tm_why *why)
{
    struct partition_id id = {.tier = tier, .period = period}, late = id;
    late.late = true;
    *out = (struct partition_view){0};
    if (!set->options.read_only)
        return TM_OK;
    out->late = data_inode(set, late);
    out->main = data_inode(set, id);
    /* The main one steps aside before its successor takes its place. */
    out->is_changing =
        is_replaced_now(set, id) ||
        (out->main == 0 && file_exists(path_of(set->dir, id, suffix_text(SUFFIX_OLD), NULL).text));
    set_lock(set);
    enum tm_err err = follow(set, id, out->main, out->is_changing);
    if (!err)
        err = follow(set, late, out->late, out->is_changing);
    set_unlock(set);
    return err ? tm_fail(why, err, "out of memory for the table of partitions") : TM_OK;
}
