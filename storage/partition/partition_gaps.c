/* What was set aside as damaged, as the folder tells it. */
#include "storage/partition/partition_private.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* "2026-11-20.late.quarantine.2" */
static bool parse_quarantine(enum partition_tier tier, const char *name, struct partition_gap *out)
{
    char period[PARTITION_NAME_BYTES];
    enum partition_suffix suffix;
    const char *end = strstr(name, ".quarantine");
    if (!end || (size_t)(end - name) >= sizeof period || strlen(name) >= sizeof out->name)
        return false;
    (void)snprintf(period, sizeof period, "%.*s", (int)(end - name), name);
    if (path_parse(tier, period, &out->id, &suffix) != TM_OK || suffix != SUFFIX_NONE)
        return false;
    out->span = partition_period_span(tier, out->id.period);
    memcpy(out->name, name, strlen(name) + 1);
    return true;
}

enum tm_err partitions_gaps(struct partitions *set, enum partition_tier tier, struct span span,
                            struct partition_gap *out, size_t room, size_t *count, struct tm_why *why)
{
    struct partition_path path = path_of_tier(set->dir, tier);
    DIR *folder = opendir(path.text);
    const struct dirent *entry;
    *count = 0;
    if (!folder)
        return errno == ENOENT ? TM_OK : file_fail(why, "listing", path.text);
    while ((entry = readdir(folder))) {
        struct partition_gap gap;
        if (!parse_quarantine(tier, entry->d_name, &gap) || gap.span.from >= span.to ||
            gap.span.to <= span.from)
            continue;
        if (*count < room)
            out[*count] = gap;
        ++*count;
    }
    closedir(folder);
    return TM_OK;
}

uint64_t partitions_gap_count(struct partitions *set)
{
    const struct span always = {INT64_MIN, INT64_MAX};
    uint64_t total = 0;
    for (size_t tier = 0; tier < PARTITION_TIERS; tier++) {
        struct tm_why ignored;
        size_t count;
        if (partitions_gaps(set, (enum partition_tier)tier, always, NULL, 0, &count, &ignored) == TM_OK)
            total += count;
    }
    return total;
}
