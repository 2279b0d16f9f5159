#include "storage/backup/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include "storage/grow.h"
#include "storage/partition/partition_files.h"

enum { PIECE_BYTES = 1 << 20 };

enum tm_err tree_join(const char *a, const char *b, struct tree_path *out, struct tm_why *why)
{
    int len = snprintf(out->text, sizeof out->text, "%s/%s", a, b); // cppcheck-suppress ctuuninitvar
    if (len < 0 || (size_t)len >= sizeof out->text)
        return tm_fail(why, TM_INVALID, "the path %.200s/... is longer than %d bytes", a, TREE_PATH_BYTES);
    return TM_OK;
}

enum tm_err tree_make(const char *path, struct tm_why *why)
{
    if (mkdir(path, 0750) == 0 || errno == EEXIST)
        return TM_OK;
    return file_fail(why, "making", path);
}

/* ---- walking ---- */

typedef enum tm_err visit_fn(void *arg, int folder, const char *name, const char *path, bool is_folder,
                             struct tm_why *why);

/* Folders are visited behind what is in them. path: relative to the root. */
static enum tm_err walk(int at, const char *name, const char *path, int depth, visit_fn *visit, void *arg,
                        struct tm_why *why)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    enum tm_err err = TM_OK;
    if (!folder) {
        err = file_fail(why, "opening", name);
        if (fd >= 0)
            close(fd);
        return err;
    }
    while (!err && (errno = 0, entry = readdir(folder))) {
        struct tree_path below;
        struct stat info;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (snprintf(below.text, sizeof below.text, "%s%s%s", path, *path ? "/" : "", entry->d_name) >=
            TREE_PATH_BYTES)
            err = tm_fail(why, TM_INVALID, "a path below %.200s is too long", path);
        else if (fstatat(dirfd(folder), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
            err = errno == ENOENT ? TM_OK : file_fail(why, "looking at", below.text);
        else if (S_ISDIR(info.st_mode) && depth == TREE_DEPTH_MAX)
            err = tm_fail(why, TM_INVALID, "%.250s lies deeper than %d folders", below.text, TREE_DEPTH_MAX);
        else if (S_ISDIR(info.st_mode))
            err = walk(dirfd(folder), entry->d_name, below.text, depth + 1, visit, arg, why);
        if (!err)
            err = visit(arg, dirfd(folder), entry->d_name, below.text, S_ISDIR(info.st_mode), why);
    }
    if (!err && errno != 0) /* a folder that was read in part would be a backup without the rest */
        err = file_fail(why, "listing", path);
    closedir(folder);
    return err;
}

static enum tm_err remove_entry(void *arg, int folder, const char *name, const char *path, bool is_folder,
                                struct tm_why *why)
{
    (void)arg;
    if (unlinkat(folder, name, is_folder ? AT_REMOVEDIR : 0) == 0 || errno == ENOENT)
        return TM_OK;
    return file_fail(why, "removing", path);
}

enum tm_err tree_remove(const char *path, struct tm_why *why)
{
    if (!file_exists(path))
        return TM_OK;
    enum tm_err err = walk(AT_FDCWD, path, "", 0, remove_entry, NULL, why);
    if (!err && rmdir(path) != 0 && errno != ENOENT)
        err = file_fail(why, "removing", path);
    return err;
}

static enum tm_err sync_entry(void *arg, int folder, const char *name, const char *path, bool is_folder,
                              struct tm_why *why)
{
    (void)arg;
    if (!is_folder)
        return TM_OK;
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum tm_err err = fd >= 0 && fsync(fd) == 0 ? TM_OK : file_fail(why, "syncing", path);
    if (fd >= 0)
        close(fd);
    return err;
}

enum tm_err tree_sync(const char *path, struct tm_why *why)
{
    enum tm_err err = walk(AT_FDCWD, path, "", 0, sync_entry, NULL, why);
    return err ? err : folder_sync(path, why);
}

static enum tm_err add_file(void *arg, int folder, const char *name, const char *path, bool is_folder,
                            struct tm_why *why)
{
    struct tree_files *files = arg;
    struct stat info;
    if (is_folder || fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode))
        return TM_OK;
    struct tree_file *grown = grow_array(files->at, &files->capacity, files->count + 1, sizeof *grown);
    char *copy = grown ? strdup(path) : NULL;
    if (grown)
        files->at = grown;
    if (!copy)
        return tm_fail(why, TM_NOMEM, "out of memory");
    grown[files->count++] = (struct tree_file){copy, (uint64_t)info.st_size};
    return TM_OK;
}

static int compare_files(const void *a, const void *b)
{
    const struct tree_file *x = a, *y = b;
    return strcmp(x->path, y->path);
}

enum tm_err tree_files(const char *root, struct tree_files *out, struct tm_why *why)
{
    *out = (struct tree_files){0};
    enum tm_err err = walk(AT_FDCWD, root, "", 0, add_file, out, why);
    if (out->count > 1)
        qsort(out->at, out->count, sizeof *out->at, compare_files);
    if (err)
        tree_files_fini(out);
    return err;
}

void tree_files_fini(struct tree_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->at[i].path);
    free(files->at);
    *files = (struct tree_files){0};
}

/* ---- copying ---- */

static int write_all(int fd, const uint8_t *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t put = write(fd, bytes + at, len - at);
        if (put < 0 && errno != EINTR)
            return -1;
        if (put > 0)
            at += (size_t)put;
    }
    return 0;
}

/* errno on failure. */
static int copy_pieces(struct tree_copy *copy, int from, int to, uint8_t *piece, XXH3_state_t *hash)
{
    for (;;) {
        ssize_t got = read(from, piece, PIECE_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            return to >= 0 ? fsync(to) : 0;
        if (XXH3_64bits_update(hash, piece, (size_t)got) != XXH_OK ||
            (to >= 0 && write_all(to, piece, (size_t)got)))
            return -1;
        copy->bytes += (uint64_t)got;
        if (copy->each)
            copy->each(copy->arg, (uint64_t)got);
    }
}

enum tm_err tree_copy(struct tree_copy *copy, struct tm_why *why)
{
    XXH3_state_t *hash = XXH3_createState();
    uint8_t *piece = malloc(PIECE_BYTES);
    int from = -1, to = -1;
    enum tm_err err = TM_OK;
    copy->bytes = 0;
    if (!hash || !piece) {
        err = tm_fail(why, TM_NOMEM, "out of memory");
        goto out;
    }
    (void)XXH3_64bits_reset(hash);
    from = open(copy->from, O_RDONLY | O_CLOEXEC);
    if (from < 0) {
        err = file_fail(why, "opening", copy->from);
        goto out;
    }
    if (copy->to)
        to = open(copy->to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (copy->to && to < 0)
        err = errno == EEXIST ? tm_fail(why, TM_EXISTS, "%.250s exists already", copy->to)
                              : file_fail(why, "making", copy->to);
    else if (copy_pieces(copy, from, to, piece, hash) != 0)
        err = file_fail(why, copy->to ? "copying to" : "reading", copy->to ? copy->to : copy->from);
    copy->hash = XXH3_64bits_digest(hash);
out:
    if (to >= 0)
        close(to);
    if (from >= 0)
        close(from);
    free(piece);
    (void)XXH3_freeState(hash);
    return err;
}

bool tree_same(const char *a, const char *b)
{
    struct tree_copy x = {.from = a}, y = {.from = b};
    struct tm_why why;
    return tree_copy(&x, &why) == TM_OK && tree_copy(&y, &why) == TM_OK && x.bytes == y.bytes &&
           x.hash == y.hash;
}
