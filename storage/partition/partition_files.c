#include "storage/partition/partition_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const suffixes[SUFFIX_COUNT] = {
    [SUFFIX_NONE] = "",          [SUFFIX_MAKING] = ".making", [SUFFIX_NEW] = ".new",
    [SUFFIX_MERGED] = ".merged", [SUFFIX_OLD] = ".old",       [SUFFIX_DROPPED] = ".dropped",
};

const char *suffix_text(enum partition_suffix suffix)
{
    return suffixes[suffix];
}

void path_label(struct partition_id id, const char *suffix, char out[PARTITION_NAME_BYTES])
{
    char name[PARTITION_PERIOD_NAME_BYTES] = "?";
    if (partition_period_name(id.tier, id.period, name) != TM_OK)
        (void)snprintf(name, sizeof name, "?");
    (void)snprintf(out, PARTITION_NAME_BYTES, "%s/%s%s%s", partition_tier_name(id.tier), name,
                   id.late ? ".late" : "", suffix);
}

struct partition_path path_of(const char *dir, struct partition_id id, const char *suffix, const char *file)
{
    char label[PARTITION_NAME_BYTES];
    struct partition_path path;
    path_label(id, suffix, label);
    (void)snprintf(path.text, sizeof path.text, "%.*s/%s%s%s", PARTITION_DIR_BYTES, dir, label,
                   file ? "/" : "", file ? file : "");
    return path;
}

struct partition_path path_of_tier(const char *dir, enum partition_tier tier)
{
    struct partition_path path;
    (void)snprintf(path.text, sizeof path.text, "%.*s/%s", PARTITION_DIR_BYTES, dir,
                   partition_tier_name(tier));
    return path;
}

enum tm_err path_parse(enum partition_tier tier, const char *name, struct partition_id *id,
                       enum partition_suffix *suffix)
{
    size_t len = strcspn(name, ".");
    const char *rest = name + len;
    *id = (struct partition_id){.tier = tier};
    if (partition_period_parse(tier, (struct str){name, len}, &id->period) != TM_OK)
        return TM_INVALID;
    if (strncmp(rest, ".late", 5) == 0) {
        id->late = true;
        rest += 5;
    }
    for (size_t i = 0; i < SUFFIX_COUNT; i++) {
        *suffix = (enum partition_suffix)i;
        if (strcmp(rest, suffixes[i]) == 0)
            return TM_OK;
    }
    return TM_INVALID;
}

enum tm_err file_fail(struct tm_why *why, const char *what, const char *path)
{
    enum tm_err err = TM_IO;
    if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)
        err = TM_NO_SPACE;
    else if (errno == ENOMEM)
        err = TM_NOMEM;
    else if (errno == ENOENT)
        err = TM_NOT_FOUND;
    return tm_fail(why, err, "%s %.250s: %s", what, path, strerror(errno));
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

uint64_t file_bytes(const char *path, uint64_t *inode)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return 0;
    if (inode)
        *inode = st.st_ino;
    return (uint64_t)st.st_size;
}

static enum tm_err sync_path(const char *path, int flags, struct tm_why *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
    if (fd < 0)
        return file_fail(why, "opening", path);
    enum tm_err err = fsync(fd) == 0 ? TM_OK : file_fail(why, "syncing", path);
    close(fd);
    return err;
}

enum tm_err folder_sync(const char *path, struct tm_why *why)
{
    return sync_path(path, O_DIRECTORY, why);
}

enum tm_err file_sync(const char *path, struct tm_why *why)
{
    return sync_path(path, 0, why);
}

enum tm_err folder_rename(const char *dir, enum partition_tier tier, const char *from, const char *to,
                          struct tm_why *why)
{
    if (rename(from, to) != 0)
        return file_fail(why, "renaming", from);
    return folder_sync(path_of_tier(dir, tier).text, why);
}

/* Takes no memory (opendir would): where there is none left, days must still go, and changes of place be
 * finished that were begun. */
static enum tm_err empty_folder(int fd, const char *path, struct sweepings *later, struct tm_why *why)
{
    _Alignas(struct dirent64) char names[4096];
    ssize_t got;
    while ((got = getdents64(fd, names, sizeof names)) > 0) {
        const struct dirent64 *entry;
        for (ssize_t at = 0; at < got; at += entry->d_reclen) {
            entry = (const struct dirent64 *)(const void *)(names + at);
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                continue;
            if (sweep_unlink(later, fd, entry->d_name) != 0 && errno != ENOENT)
                return file_fail(why, "emptying", path);
        }
    }
    return got == 0 ? TM_OK : file_fail(why, "listing", path);
}

enum tm_err folder_remove(const char *dir, enum partition_tier tier, const char *path,
                          struct sweepings *later, struct tm_why *why)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? TM_OK : file_fail(why, "opening", path);
    enum tm_err err = empty_folder(fd, path, later, why);
    close(fd);
    if (!err && rmdir(path) != 0 && errno != ENOENT)
        err = file_fail(why, "removing", path);
    return err ? err : folder_sync(path_of_tier(dir, tier).text, why);
}

enum { COPY_BYTES = 1 << 20 };

/* In the kernel where it can; a hole in the source may be a hole in the copy. */
static int copy_all(int from, int to)
{
    for (;;) {
        ssize_t done = copy_file_range(from, NULL, to, NULL, COPY_BYTES, 0);
        if (done == 0)
            return fsync(to);
        if (done < 0 && errno != EINTR)
            break;
    }
    static const size_t piece = 1 << 16;
    char buffer[1 << 16];
    if (lseek(from, 0, SEEK_SET) < 0 || lseek(to, 0, SEEK_SET) < 0)
        return -1;
    for (;;) {
        ssize_t got = read(from, buffer, piece);
        if (got <= 0)
            return got == 0 ? fsync(to) : -1;
        for (ssize_t at = 0; at < got;) {
            ssize_t put = write(to, buffer + at, (size_t)(got - at));
            if (put < 0)
                return -1;
            at += put;
        }
    }
}

enum tm_err file_copy(const char *from, const char *to, struct tm_why *why)
{
    int source = open(from, O_RDONLY | O_CLOEXEC);
    if (source < 0)
        return file_fail(why, "opening", from);
    enum tm_err err = TM_OK;
    int target = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (target < 0 || copy_all(source, target) != 0)
        err = file_fail(why, "copying to", to);
    if (target >= 0)
        close(target);
    close(source);
    return err;
}
