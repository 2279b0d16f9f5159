#include "server/cli/ship/ship_folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { LISTINGS_MAX = 5 };

/* ".1", "-20261123", ".2026-11-23T04", ".1.gz": what rotating programs append. */
static bool is_rotation_ending(const char *ending)
{
    size_t len = strspn(ending, "0123456789.-_T");
    return len > 1 && strchr(".-_", ending[0]) && strcspn(ending, "0123456789") < len &&
           (ending[len] == '\0' || strcmp(ending + len - 1, ".gz") == 0 || strcmp(ending + len, "gz") == 0);
}

static bool has_packed_name(const char *name)
{
    size_t len = strlen(name);
    return len > 3 && strcmp(name + len - 3, ".gz") == 0;
}

bool ship_folder_path(const struct ship_log *log, const struct ship_candidate *one, char out[PATH_MAX])
{
    return snprintf(out, PATH_MAX, "%.*s%s", (int)log->base, log->path, one->name) < PATH_MAX;
}

bool ship_folder_is_growing(const struct ship_log *log, const struct ship_candidate *one)
{
    char path[PATH_MAX];
    struct ship_stat info;
    if (!one->is_packed || !ship_folder_path(log, one, path))
        return false;
    path[strlen(path) - 3] = '\0';
    return ship_stat(-1, path, &info) == TM_OK;
}

static bool has_id(const struct ship_log *log, const struct ship_id *id)
{
    for (size_t i = 0; i < log->file_count; i++)
        if (log->files[i].fd < 0 && ship_id_is_same(&log->files[i].place.id, id))
            return true;
    return false;
}

/* Takes a name of the folder if it may be a file of the log. */
static enum tm_err take_name(const struct ship_log *log, const char *name, struct ship_folder *list,
                             struct tm_why *why)
{
    char path[PATH_MAX];
    struct ship_stat info;
    const char *base = log->path + log->base;
    size_t len = strlen(base);
    bool is_like = strncmp(name, base, len) == 0;
    struct ship_candidate one = {.is_rotation = is_like && is_rotation_ending(name + len),
                                 .is_packed = has_packed_name(name)};
    (void)snprintf(one.name, sizeof one.name, "%s", name);
    if (strcmp(name, base) == 0 || list->count == SHIP_FOLDER_MAX || !ship_folder_path(log, &one, path) ||
        ship_stat(-1, path, &info) != TM_OK || !info.is_regular || (!is_like && !has_id(log, &info.id)))
        return TM_OK;
    one.id = info.id;
    one.bytes = info.bytes;
    one.mtime_ns = info.mtime_ns;
    struct ship_candidate *all = realloc(list->all, (list->count + 1) * sizeof *all);
    if (!all)
        return tm_fail(why, TM_NOMEM, "out of memory");
    list->all = all;
    all[list->count++] = one;
    return TM_OK;
}

static int compare_names(const void *a, const void *b)
{
    const struct ship_candidate *one = a;
    const struct ship_candidate *two = b;
    return strcmp(one->name, two->name);
}

/* A packed file has the time of what it is made of, and stands behind it. */
static int compare_times(const void *a, const void *b)
{
    const struct ship_candidate *one = a;
    const struct ship_candidate *two = b;
    if (one->mtime_ns != two->mtime_ns)
        return one->mtime_ns < two->mtime_ns ? -1 : 1;
    return one->is_packed - two->is_packed;
}

static void sort(struct ship_folder *folder, int (*compare)(const void *, const void *))
{
    if (folder->count)
        qsort(folder->all, folder->count, sizeof *folder->all, compare);
}

/* Lists once, by name. */
static enum tm_err list_names(const struct ship_log *log, struct ship_folder *out, struct tm_why *why)
{
    char folder[PATH_MAX];
    (void)snprintf(folder, sizeof folder, "%.*s", (int)log->base, log->path);
    DIR *dir = opendir(folder);
    if (!dir)
        return tm_fail(why, TM_IO, "cannot look for rotated files in %s: %s", folder, strerror(errno));
    enum tm_err err = TM_OK;
    for (struct dirent *entry; !err && (entry = readdir(dir));)
        err = take_name(log, entry->d_name, out, why);
    (void)closedir(dir);
    sort(out, compare_names);
    return err;
}

static bool is_alike(const struct ship_folder *a, const struct ship_folder *b)
{
    for (size_t i = 0; i < a->count && i < b->count; i++)
        if (strcmp(a->all[i].name, b->all[i].name) != 0 || !ship_id_is_same(&a->all[i].id, &b->all[i].id))
            return false;
    return a->count == b->count;
}

/* What is renamed while a folder is listed may stand in the list twice or not at all, so it is listed until
 * two lists agree. */
enum tm_err ship_folder_list(const struct ship_log *log, struct ship_folder *out, struct tm_why *why)
{
    enum tm_err err = list_names(log, out, why);
    out->is_moving = true;
    for (int i = 1; i < LISTINGS_MAX && !err && out->is_moving; i++) {
        struct ship_folder again = {0};
        err = list_names(log, &again, why);
        again.is_moving = !is_alike(out, &again);
        ship_folder_fini(out);
        *out = again;
    }
    sort(out, compare_times);
    return err;
}

void ship_folder_fini(struct ship_folder *folder)
{
    free(folder->all);
    *folder = (struct ship_folder){0};
}
