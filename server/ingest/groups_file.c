#include "server/ingest/groups_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, FILE_BYTES_MAX = 256 << 20 };

static enum tm_err fail(const char *what, const char *path, struct tm_why *why)
{
    int code = errno;
    return tm_fail(why, code == ENOSPC || code == EDQUOT ? TM_NO_SPACE : TM_IO,
                   "can't %s %.200s: %s; learned page groups are not kept over a restart", what, path,
                   strerror(code));
}

static bool path_of(const char *dir, const char *name, char path[PATH_BYTES])
{
    int len = snprintf(path, PATH_BYTES, "%s/%s", dir, name);
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
            return got < 0 ? TM_IO : TM_CORRUPT;
        out->len += (size_t)got;
    }
    return TM_OK;
}

enum tm_err groups_file_load(const char *dir, struct event_cache *cache, struct tm_why *why)
{
    char path[PATH_BYTES];
    struct bytes state = {0};
    struct stat about;
    if (!path_of(dir, "page_groups", path))
        return tm_fail(why, TM_IO, "the path of the data folder is too long");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? TM_OK : fail("open", path, why);
    enum tm_err err = fstat(fd, &about) == 0 ? TM_OK : TM_IO;
    if (!err)
        err = about.st_size <= FILE_BYTES_MAX ? read_all(fd, (size_t)about.st_size, &state) : TM_CORRUPT;
    if (!err)
        err = event_cache_import(cache, bytes_view(&state));
    (void)close(fd);
    bytes_fini(&state);
    if (err)
        return tm_fail(why, err, "%.200s can't be taken over (%s): page groups are learned anew", path,
                       tm_err_text(err));
    return TM_OK;
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
    return true;
}

enum tm_err groups_file_save(const char *dir, const struct event_cache *cache, struct tm_why *why)
{
    char path[PATH_BYTES], fresh[PATH_BYTES];
    struct bytes state = {0};
    enum tm_err err = TM_OK;
    if (!path_of(dir, "page_groups", path) || !path_of(dir, "page_groups.new", fresh))
        return tm_fail(why, TM_IO, "the path of the data folder is too long");
    event_cache_export(cache, &state);
    int fd = bytes_error(&state) ? -1 : open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (bytes_error(&state))
        err = tm_fail(why, TM_NOMEM, "out of memory for learned page groups");
    else if (fd < 0)
        err = fail("make", fresh, why);
    else if (!write_all(fd, bytes_view(&state)))
        err = fail("write", fresh, why);
    if (fd >= 0 && close(fd) != 0 && !err)
        err = fail("write", fresh, why);
    if (!err && rename(fresh, path) != 0)
        err = fail("replace", path, why);
    if (err)
        (void)unlink(fresh);
    bytes_fini(&state);
    return err;
}
