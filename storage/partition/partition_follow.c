/* For readers beside the process that writes: the table follows the folder. */
#include "storage/partition/partition_private.h"

static bool is_there(const struct partitions *set, struct partition_id id, enum partition_suffix suffix)
{
    return file_exists(path_of(set->dir, id, suffix_text(suffix), NULL).text);
}

static bool is_replaced_now(const struct partitions *set, struct partition_id id)
{
    return is_there(set, id, SUFFIX_NEW) || is_there(set, id, SUFFIX_MERGED);
}

const char *follow_suffix(const struct partitions *set, struct partition_id id)
{
    struct partition_id late = id;
    late.late = true;
    if (!set->options.read_only || id.late)
        return suffix_text(SUFFIX_NONE);
    bool has_main = is_there(set, id, SUFFIX_NONE);
    if (is_there(set, id, SUFFIX_MERGED) &&
        (!has_main || (!is_there(set, late, SUFFIX_NONE) && is_there(set, late, SUFFIX_OLD))))
        return suffix_text(SUFFIX_MERGED);
    return suffix_text(!has_main && is_there(set, id, SUFFIX_NEW) ? SUFFIX_NEW : SUFFIX_NONE);
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

static uint64_t data_inode(const struct partitions *set, struct partition_id id, const char *suffix)
{
    uint64_t inode = 0;
    (void)file_bytes(path_of(set->dir, id, suffix, "data.mdb").text, &inode);
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
    out->late = data_inode(set, late, "");
    out->suffix = follow_suffix(set, id);
    out->main = data_inode(set, id, out->suffix);
    /* Only for a moment: whoever died between two renames left one of the others in its place. */
    out->is_changing = out->main == 0 && (out->suffix[0] || is_there(set, id, SUFFIX_OLD));
    set_lock(set);
    enum tm_err err = follow(set, id, out->main, out->is_changing);
    if (!err)
        err = follow(set, late, out->late, out->is_changing);
    set_unlock(set);
    return err ? tm_fail(why, err, "out of memory for the table of partitions") : TM_OK;
}
