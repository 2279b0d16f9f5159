#include "server/cli/ship/ship_search.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/model/clock.h"

enum { CANDIDATES_MAX = 1024 };

/* What is sought may be on its way from one name to another. */
#define GIVE_UP_NS (INT64_C(3) * 1000000000)
#define NS_PER_MS  INT64_C(1000000)

struct candidate {
    char name[NAME_MAX + 1];
    struct ship_id id;
    int64_t mtime_ns;
    bool is_rotation; /* by its name: the log's and a number or a date behind it */
    bool is_growing;  /* packed, and the file that it is made of is there still */
};

struct candidates {
    struct candidate *all; /* oldest first */
    size_t count;
};

/* ".1", "-20261123", ".2026-11-23T04", ".1.gz": what rotating programs append. */
static bool is_rotation_ending(const char *ending)
{
    size_t len = strspn(ending, "0123456789.-_T");
    return len > 1 && strchr(".-_", ending[0]) && strcspn(ending, "0123456789") < len &&
           (ending[len] == '\0' || strcmp(ending + len - 1, ".gz") == 0 || strcmp(ending + len, "gz") == 0);
}

static int compare_mtime(const void *a, const void *b)
{
    const struct candidate *one = a;
    const struct candidate *two = b;
    return (one->mtime_ns > two->mtime_ns) - (one->mtime_ns < two->mtime_ns);
}

static bool join(const struct ship_log *log, const char *name, char out[PATH_MAX])
{
    return snprintf(out, PATH_MAX, "%.*s%s", (int)log->base, log->path, name) < PATH_MAX;
}

/* What packs a file removes it when the packed one is whole. */
static bool is_being_packed(const char *path)
{
    char plain[PATH_MAX];
    struct ship_stat info;
    size_t len = strlen(path);
    if (len < 3 || strcmp(path + len - 3, ".gz") != 0)
        return false;
    (void)snprintf(plain, sizeof plain, "%.*s", (int)len - 3, path);
    return ship_stat(-1, plain, &info) == TM_OK;
}

/* Takes a name of the folder if it may be a file of the log. */
static enum tm_err take_name(const struct ship_log *log, const char *name, struct candidates *list,
                             struct tm_why *why)
{
    char path[PATH_MAX];
    struct ship_stat info;
    const char *base = log->path + log->base;
    bool is_like = strncmp(name, base, strlen(base)) == 0 && name[strlen(base)];
    if (strcmp(name, base) == 0 || !join(log, name, path) || ship_stat(-1, path, &info) != TM_OK ||
        !info.is_regular)
        return TM_OK;
    bool is_known = false;
    for (size_t i = 0; i < log->file_count; i++)
        is_known |= log->files[i].fd < 0 && ship_id_is_same(&log->files[i].place.id, &info.id);
    if ((!is_like && !is_known) || list->count == CANDIDATES_MAX)
        return TM_OK;
    struct candidate *all = realloc(list->all, (list->count + 1) * sizeof *all);
    if (!all)
        return tm_fail(why, TM_NOMEM, "out of memory");
    list->all = all;
    struct candidate *one = &all[list->count++];
    *one = (struct candidate){.id = info.id,
                              .mtime_ns = info.mtime_ns,
                              .is_rotation = is_like && is_rotation_ending(name + strlen(base)),
                              .is_growing = is_being_packed(path)};
    (void)snprintf(one->name, sizeof one->name, "%s", name);
    return TM_OK;
}

static enum tm_err list_folder(const struct ship_log *log, struct candidates *out, struct tm_why *why)
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
    if (out->count)
        qsort(out->all, out->count, sizeof *out->all, compare_mtime);
    return err;
}

enum tm_err ship_search_begin(struct ship_log *log, struct tm_why *why)
{
    struct candidates list = {0};
    enum tm_err err = list_folder(log, &list, why);
    for (size_t i = 0; i < list.count; i++)
        if (list.all[i].mtime_ns >= log->watermark_ns)
            log->watermark_ns = list.all[i].mtime_ns + 1;
    free(list.all);
    return err;
}

/* True if one of the files that are open is this one. */
static bool is_open(const struct ship_log *log, const struct candidate *one)
{
    for (size_t i = 0; i < log->file_count; i++)
        if (log->files[i].fd >= 0 && ship_id_is_same(&log->files[i].id, &one->id))
            return true;
    return false;
}

static enum tm_err try_candidate(const struct ship_log *log, const struct candidate *one,
                                 const struct ship_place *place, struct ship_file *out, struct tm_why *why)
{
    char path[PATH_MAX];
    enum tm_err err = join(log, one->name, path) ? ship_file_open(out, path, place, why) : TM_NOT_FOUND;
    /* Damaged, or not for us: then it is not the one. */
    return err == TM_IO || err == TM_CORRUPT ? TM_NOT_FOUND : err;
}

/* Opens the candidate that holds what stands before the place: the one with its inode, else the newest. */
static enum tm_err find_place(const struct ship_log *log, const struct candidates *list,
                              const struct ship_place *place, struct ship_file *out, struct tm_why *why)
{
    enum tm_err err = TM_NOT_FOUND;
    for (int by_id = 1; by_id >= 0 && err == TM_NOT_FOUND; by_id--)
        for (size_t i = list->count; i-- > 0 && err == TM_NOT_FOUND;) {
            const struct candidate *one = &list->all[i];
            bool is_same = ship_id_is_same(&one->id, &place->id);
            /* Without any text before it only the inode tells it from others. */
            if (is_same == by_id && (is_same || place->offset) && !one->is_growing && !is_open(log, one))
                err = try_candidate(log, one, place, out, why);
        }
    return err;
}

/* The file is nowhere: it is looked for once more, or given up. */
static void miss(struct ship_log *log, struct ship_file *file)
{
    int64_t now = clock_mono_ns(clock_system());
    if (!file->missing_ns)
        file->missing_ns = now;
    if (now - file->missing_ns < GIVE_UP_NS) {
        log->is_search_due = true;
        return;
    }
    file->is_done = true;
    if (file->place.offset)
        fprintf(stderr,
                "tidemark: %s: the file that was read to byte %" PRIu64
                " is gone, and no copy is found; what stood behind is lost\n",
                log->given, file->place.offset);
}

static enum tm_err find_known(struct ship_log *log, const struct candidates *list, struct tm_why *why)
{
    for (size_t i = 0; i < log->file_count; i++) {
        struct ship_file *file = &log->files[i];
        struct ship_file found = {.fd = -1};
        if (file->fd >= 0 || file->is_done)
            continue;
        enum tm_err err = find_place(log, list, &file->place, &found, why);
        if (err && err != TM_NOT_FOUND)
            return err;
        if (err) {
            miss(log, file);
            continue;
        }
        found.is_rotated = true;
        *file = found;
    }
    return TM_OK;
}

/* True if the file begins with this text and is longer. */
static bool is_continued_by(const struct ship_file *file, uint64_t bytes, const uint8_t *head, size_t len)
{
    uint8_t own[SHIP_TAIL_BYTES];
    struct ship_stat info;
    return file->fd >= 0 && !file->packed && ship_stat(file->fd, NULL, &info) == TM_OK &&
           info.bytes > bytes && pread(file->fd, own, len, 0) == (ssize_t)len && memcmp(own, head, len) == 0;
}

/* The candidate has some of the text of a file that is open, and not all: somebody copies it, to cut it then.
 * Or it is new, and nothing stands in it yet. */
static bool is_being_copied(const struct ship_log *log, const struct candidate *one)
{
    char path[PATH_MAX];
    uint8_t head[SHIP_TAIL_BYTES];
    struct ship_stat info;
    int fd = join(log, one->name, path) ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (fd < 0)
        return false;
    ssize_t len = ship_stat(fd, NULL, &info) == TM_OK ? pread(fd, head, sizeof head, 0) : -1;
    close(fd);
    bool is_copied = len == 0 && clock_wall_ms(clock_system()) * NS_PER_MS - one->mtime_ns < GIVE_UP_NS;
    for (size_t i = 0; len > 0 && i < log->file_count && !is_copied; i++)
        is_copied = is_continued_by(&log->files[i], info.bytes, head, (size_t)len);
    return is_copied;
}

/* How a copy of this file is known: by the text before its place, or, while nothing of it is taken, by how it
 * begins. That is to be asked again: the file may be cut, and then only the copy has its text. */
static struct ship_place mark_of(struct ship_log *log, const struct ship_file *file)
{
    struct ship_place place = ship_file_place(file);
    if (place.offset || file->fd < 0)
        return place;
    log->is_search_due = true;
    return ship_file_head(file);
}

/* True if the candidate is a file of the list, or a copy of one: packed, or before it was cut. One that has
 * grown since it was done is opened again. */
static bool is_known(struct ship_log *log, const struct candidate *one)
{
    struct tm_why ignored;
    struct ship_stat info;
    for (size_t i = 0; i < log->file_count; i++) {
        struct ship_place place = mark_of(log, &log->files[i]);
        struct ship_file opened = {.fd = -1};
        if (!place.offset || try_candidate(log, one, &place, &opened, &ignored))
            continue;
        bool has_grown = log->files[i].fd < 0 && ship_id_is_same(&one->id, &place.id) && !opened.packed &&
                         ship_stat(opened.fd, NULL, &info) == TM_OK && info.bytes > place.offset;
        if (has_grown) {
            opened.is_rotated = true;
            log->files[i] = opened;
        } else {
            ship_file_close(&opened);
        }
        return true;
    }
    return false;
}

/* What had the name for so short a time that nobody looked. */
static enum tm_err find_unknown(struct ship_log *log, const struct candidates *list, struct tm_why *why)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct candidate *one = &list->all[i];
        struct ship_file found = {.fd = -1};
        if (!one->is_rotation || one->mtime_ns < log->watermark_ns || is_open(log, one))
            continue;
        if (one->is_growing) {
            log->is_search_due = true; /* half of one that is known, or will be */
            continue;
        }
        if (is_known(log, one))
            continue;
        if (is_being_copied(log, one)) {
            log->is_search_due = true;
            continue;
        }
        enum tm_err err = try_candidate(log, one, NULL, &found, why);
        if (err == TM_NOT_FOUND)
            continue;
        if (err)
            return err;
        found.is_rotated = true;
        if (ship_log_add(log, &found))
            continue;
        ship_file_close(&found);
        log->is_search_due = true;
    }
    return TM_OK;
}

enum tm_err ship_search(struct ship_log *log, struct tm_why *why)
{
    struct candidates list = {0};
    log->is_search_due = false;
    enum tm_err err = list_folder(log, &list, why);
    if (!err)
        err = find_known(log, &list, why);
    if (!err)
        err = find_unknown(log, &list, why);
    free(list.all);
    return err;
}
