/* The state's file. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/cli/ship/ship_state.h"

/* All logs with all their files, and a batch. */
enum { STATE_MAX_BYTES = 128 << 20 };

static enum tm_err beside(const char *path, const char *ending, char out[PATH_MAX], struct tm_why *why)
{
    if (snprintf(out, PATH_MAX, "%s%s", path, ending) >= PATH_MAX)
        return tm_fail(why, TM_INVALID, "the name of the state is too long: %.200s", path);
    return TM_OK;
}

enum tm_err ship_state_lock(const char *path, int *lock_fd, struct tm_why *why)
{
    char name[PATH_MAX];
    enum tm_err err = beside(path, ".lock", name, why);
    if (err)
        return err;
    *lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*lock_fd < 0)
        return tm_fail(why, TM_IO, "cannot write %s: %s; name a place with --state", name, strerror(errno));
    if (flock(*lock_fd, LOCK_EX | LOCK_NB) == 0)
        return TM_OK;
    int reason = errno;
    close(*lock_fd);
    *lock_fd = -1;
    if (reason == EWOULDBLOCK)
        return tm_fail(why, TM_BUSY,
                       "another push follows with the state %s; stop it, or take another --state", path);
    return tm_fail(why, TM_IO, "cannot lock %s: %s", name, strerror(reason));
}

static enum tm_err read_all(int fd, struct bytes *out)
{
    ssize_t len = 1;
    while (len > 0 && out->len <= STATE_MAX_BYTES) {
        uint8_t *at = bytes_reserve(out, 64 << 10);
        if (!at)
            return TM_NOMEM;
        len = read(fd, at, 64 << 10);
        out->len += len > 0 ? (size_t)len : 0;
        if (len < 0 && errno == EINTR)
            len = 1;
    }
    return len < 0 ? TM_IO : out->len > STATE_MAX_BYTES ? TM_CORRUPT : TM_OK;
}

enum tm_err ship_state_load(const char *path, struct ship_state *out, struct tm_why *why)
{
    struct tm_why inner = {"it is too large"};
    struct bytes file = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return TM_NOT_FOUND;
    if (fd < 0)
        return tm_fail(why, TM_IO, "cannot read %s: %s", path, strerror(errno));
    enum tm_err err = read_all(fd, &file);
    int reason = errno;
    close(fd);
    if (err == TM_IO)
        tm_why_write(&inner, "%s", strerror(reason));
    if (!err)
        err = ship_state_decode(bytes_view(&file), out, &inner);
    bytes_fini(&file);
    if (err == TM_CORRUPT)
        return tm_fail(
            why, err,
            "the state %s can't be used: %.100s; removing it begins anew, and what is still in the logs "
            "is sent once more",
            path, inner.text);
    return err ? tm_fail(why, err, "cannot read %s: %s", path, inner.text) : TM_OK;
}

static enum tm_err write_all(int fd, struct str text)
{
    while (text.len) {
        ssize_t len = write(fd, text.ptr, text.len);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return TM_IO;
        text.ptr += len;
        text.len -= (size_t)len;
    }
    return fdatasync(fd) == 0 ? TM_OK : TM_IO;
}

/* A name that has moved is on the disk when its folder is. */
static enum tm_err sync_folder(const char *path)
{
    char copy[PATH_MAX];
    (void)snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return TM_IO;
    enum tm_err err = fsync(fd) == 0 ? TM_OK : TM_IO;
    int reason = errno;
    close(fd);
    errno = reason;
    return err;
}

enum tm_err ship_state_save(const char *path, const struct ship_state *state, struct tm_why *why)
{
    char name[PATH_MAX];
    struct bytes file = {0};
    int fd = -1;
    enum tm_err err = beside(path, ".new", name, why);
    if (err)
        return err;
    ship_state_encode(state, &file);
    if (bytes_error(&file)) {
        err = tm_fail(why, TM_NOMEM, "out of memory");
        goto out;
    }
    fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    err = fd < 0 ? TM_IO : write_all(fd, bytes_view(&file));
    if (!err && rename(name, path) != 0)
        err = TM_IO;
    if (!err)
        err = sync_folder(path);
    if (err)
        err = tm_fail(why, errno == ENOSPC ? TM_NO_SPACE : TM_IO, "cannot write the state %s: %s", path,
                      strerror(errno));
out:
    if (fd >= 0)
        close(fd);
    bytes_fini(&file);
    return err;
}
