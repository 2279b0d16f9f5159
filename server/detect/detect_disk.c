#include "server/detect/detect_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, FILE_BYTES_MAX = 256 << 20 };

static bool path_of(const char *dir, const char *name, const char *end, char path[PATH_BYTES])
{
    int len = snprintf(path, PATH_BYTES, "%s/%s%s", dir, name, end);
    return len > 0 && len < PATH_BYTES;
}

static enum tm_err read_all(int fd, size_t size, struct bytes *out)
{
    uint8_t *at = bytes_reserve(out, size);
    if (!at)
        return TM_NOMEM;
    while (out->len < size) {
        ssize_t got = read(fd, at + out->len, size - out->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return TM_IO;
        out->len += (size_t)got;
    }
    return TM_OK;
}

enum tm_err detect_disk_read(const char *dir, const char *name, struct bytes *out)
{
    char path[PATH_BYTES];
    struct stat about;
    bytes_clear(out);
    if (!path_of(dir, name, "", path))
        return TM_IO;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? TM_NOT_FOUND : TM_IO;
    enum tm_err err = fstat(fd, &about) == 0 ? TM_OK : TM_IO;
    if (!err && about.st_size > FILE_BYTES_MAX)
        err = TM_TOO_LARGE;
    if (!err)
        err = read_all(fd, (size_t)about.st_size, out);
    (void)close(fd);
    return err;
}

static bool write_all(int fd, struct str text)
{
    while (text.len > 0) {
        ssize_t wrote = write(fd, text.ptr, text.len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        text.ptr += wrote;
        text.len -= (size_t)wrote;
    }
    return fdatasync(fd) == 0;
}

static enum tm_err fail(const char *what, const char *path, struct tm_why *why)
{
    int code = errno;
    return tm_fail(why, code == ENOSPC || code == EDQUOT ? TM_NO_SPACE : TM_IO, "can't %s %.200s: %s", what,
                   path, strerror(code));
}

enum tm_err detect_disk_replace(const char *dir, const char *name, struct str text, struct tm_why *why)
{
    char path[PATH_BYTES], fresh[PATH_BYTES];
    enum tm_err err = TM_OK;
    if (!path_of(dir, name, "", path) || !path_of(dir, name, ".new", fresh))
        return tm_fail(why, TM_IO, "the path of the data folder is too long");
    if (mkdir(dir, 0750) != 0 && errno != EEXIST)
        return fail("make", dir, why);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return fail("make", fresh, why);
    if (!write_all(fd, text))
        err = fail("write", fresh, why);
    if (close(fd) != 0 && !err)
        err = fail("write", fresh, why);
    if (!err && rename(fresh, path) != 0)
        err = fail("replace", path, why);
    if (err)
        (void)unlink(fresh);
    return err;
}

enum tm_err detect_disk_remove(const char *dir, const char *name, struct tm_why *why)
{
    char path[PATH_BYTES];
    if (!path_of(dir, name, "", path))
        return tm_fail(why, TM_IO, "the path of the data folder is too long");
    return unlink(path) == 0 || errno == ENOENT ? TM_OK : fail("remove", path, why);
}
