/* Files and folders below an open folder. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reports/files_private.h"

enum { FOLDER_MODE = 0755, FILE_MODE = 0644, DEPTH_MAX = 4, FILE_MAX = 64 << 20, READ_BYTES = 1 << 16 };

enum tm_err files_fail(struct tm_why *why, const char *what, const char *name)
{
    int code = errno;
    enum tm_err err = code == ENOSPC || code == EDQUOT ? TM_NO_SPACE : code == ENOENT ? TM_NOT_FOUND : TM_IO;
    return tm_fail(why, err, "%s %s: %s", what, name, strerror(code));
}

int files_enter(int folder, const char *name)
{
    if (mkdirat(folder, name, FOLDER_MODE) != 0 && errno != EEXIST)
        return -1;
    return openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static bool write_all(int fd, struct str content)
{
    while (content.len > 0) {
        ssize_t n = write(fd, content.ptr, content.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        content.ptr += n;
        content.len -= (size_t)n;
    }
    return fsync(fd) == 0;
}

enum tm_err files_put(int folder, const char *name, struct str content, struct tm_why *why)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0)
        return files_fail(why, "making", name);
    enum tm_err err = write_all(fd, content) ? TM_OK : files_fail(why, "writing", name);
    if (close(fd) != 0 && !err)
        err = files_fail(why, "writing", name);
    return err;
}

enum tm_err files_get(int folder, const char *path, size_t most, struct bytes *out)
{
    enum tm_err err = TM_OK;
    ssize_t n = 1;
    int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? TM_NOT_FOUND : TM_IO;
    while (n > 0 && !err) {
        uint8_t *room = bytes_reserve(out, READ_BYTES);
        n = room ? read(fd, room, READ_BYTES) : -1;
        if (n > 0)
            out->len += (size_t)n;
        if (!room)
            err = TM_NOMEM;
        else if (n < 0)
            err = TM_IO;
        else if (out->len > most)
            err = TM_TOO_LARGE;
    }
    (void)close(fd);
    return err;
}

static void remove_in(int folder, int depth)
{
    DIR *dir = fdopendir(folder);
    struct dirent *entry;
    if (!dir) {
        (void)close(folder);
        return;
    }
    while (depth < DEPTH_MAX && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(folder, entry->d_name, 0) == 0)
            continue;
        int inner = openat(folder, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (inner < 0)
            continue;
        remove_in(inner, depth + 1);
        (void)unlinkat(folder, entry->d_name, AT_REMOVEDIR);
    }
    (void)closedir(dir);
}

void files_remove(int folder, const char *name)
{
    int inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (inner < 0)
        return;
    remove_in(inner, 0);
    (void)unlinkat(folder, name, AT_REMOVEDIR);
}

static enum tm_err copy_in(int from, int to, int depth, struct tm_why *why);

static enum tm_err copy_one(int from, int to, const char *name, int depth, struct tm_why *why)
{
    struct bytes content = {0};
    struct stat info;
    enum tm_err err;
    if (fstatat(from, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return files_fail(why, "reading", name);
    if (S_ISDIR(info.st_mode)) {
        int inner = openat(from, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        int made = files_enter(to, name);
        err = inner < 0 || made < 0 ? files_fail(why, "copying", name) : copy_in(inner, made, depth + 1, why);
        if (made >= 0)
            (void)close(made);
        if (inner >= 0 && made < 0)
            (void)close(inner);
        return err;
    }
    if (!S_ISREG(info.st_mode))
        return TM_OK;
    err = files_get(from, name, FILE_MAX, &content);
    err = err ? tm_fail(why, err, "reading %s: %s", name, tm_err_text(err))
              : files_put(to, name, bytes_view(&content), why);
    bytes_fini(&content);
    return err;
}

/* Closes from. */
static enum tm_err copy_in(int from, int to, int depth, struct tm_why *why)
{
    DIR *dir = fdopendir(from);
    struct dirent *entry;
    enum tm_err err = TM_OK;
    if (!dir) {
        (void)close(from);
        return files_fail(why, "reading", "a folder");
    }
    while (!err && depth < DEPTH_MAX && (entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            err = copy_one(from, to, entry->d_name, depth, why);
    (void)closedir(dir);
    if (!err && fsync(to) != 0)
        err = files_fail(why, "syncing", "a folder");
    return err;
}

enum tm_err files_copy(int from, int to, struct tm_why *why)
{
    int again = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return again < 0 ? files_fail(why, "reading", "a folder") : copy_in(again, to, 0, why);
}
