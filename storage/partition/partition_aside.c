/* Partitions that were set aside. */
#include "storage/partition/partition_private.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

static enum tm_err find_in_tier(const struct partitions *set, enum partition_tier tier, bool *any,
                                struct tm_why *why)
{
    struct partition_path path = path_of_tier(set->dir, tier);
    DIR *folder = opendir(path.text);
    const struct dirent *entry;
    if (!folder)
        return errno == ENOENT ? TM_OK : file_fail(why, "listing", path.text);
    while (!*any && (entry = readdir(folder)))
        *any = strstr(entry->d_name, PARTITION_ASIDE) != NULL;
    closedir(folder);
    return TM_OK;
}

enum tm_err partitions_find_aside(const struct partitions *set, bool *any, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    *any = false;
    for (size_t tier = 0; !err && tier < PARTITION_TIERS; tier++)
        err = find_in_tier(set, (enum partition_tier)tier, any, why);
    return err;
}

void partitions_watch(struct partitions *set, unsigned tiers, struct present *present)
{
    set->watching = present;
    set->watched_tiers = tiers;
}
