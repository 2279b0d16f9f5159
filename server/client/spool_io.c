#include "server/client/spool_io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATH_BYTES = 80 };

static enum tm_err fail_write(struct tm_why *why)
{
    int code = errno;
    return tm_fail(why, code == ENOSPC || code == EDQUOT ? TM_NO_SPACE : TM_IO,
                   "cannot write in the spool: %s", strerror(code));
}

static bool write_all(int fd, struct str content)
{
    while (content.len) {
        ssize_t n = write(fd, content.ptr, content.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        content.ptr += n;
        content.len -= (size_t)n;
    }
    return true;
}

enum tm_err spool_write_file(int folder_fd, const char *name, struct str content, struct tm_why *why)
{
    char tmp[PATH_BYTES];
    (void)snprintf(tmp, sizeof tmp, "%s.tmp", name);
    int fd = openat(folder_fd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_write(why);
    bool ok = write_all(fd, content) && fsync(fd) == 0;
    enum tm_err err = ok ? TM_OK : fail_write(why);
    if (close(fd) != 0 && !err)
        err = fail_write(why);
    if (!err && renameat(folder_fd, tmp, folder_fd, name) != 0)
        err = fail_write(why);
    if (err) {
        (void)unlinkat(folder_fd, tmp, 0);
        return err;
    }
    if (fsync(folder_fd) == 0)
        return TM_OK;
    err = fail_write(why);
    (void)unlinkat(folder_fd, name, 0);
    return err;
}

enum tm_err spool_read_file(int folder_fd, const char *name, size_t size, struct bytes *out,
                            struct tm_why *why)
{
    bytes_clear(out);
    int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? TM_NOT_FOUND
                               : tm_fail(why, TM_IO, "spool: cannot read %s: %s", name, strerror(errno));
    enum tm_err err = TM_OK;
    /* One byte more than expected, to notice a file that has grown. */
    uint8_t *at = bytes_reserve(out, size + 1);
    if (!at) {
        err = tm_fail(why, TM_NOMEM, "out of memory");
        goto out;
    }
    while (out->len <= size) {
        ssize_t n = read(fd, at + out->len, size + 1 - out->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            /* A block that the disk can't give back is damage; anything else may pass. */
            err = errno == EIO ? TM_CORRUPT
                               : tm_fail(why, TM_IO, "spool: cannot read %s: %s", name, strerror(errno));
            goto out;
        }
        if (n == 0)
            break;
        out->len += (size_t)n;
    }
    if (out->len != size)
        err = TM_CORRUPT;
out:
    close(fd);
    return err;
}

static int is_aside(const struct dirent *item)
{
    const char *dot = strrchr(item->d_name, '.');
    return dot && (strcmp(dot, ".bad") == 0 || strcmp(dot, ".refused") == 0);
}

void spool_trim_aside(int folder_fd, size_t keep_count)
{
    struct dirent **items = NULL;
    int count = scandirat(folder_fd, ".", &items, is_aside, alphasort);
    for (int i = 0; i < count; i++) {
        if ((size_t)(count - i) > keep_count)
            (void)unlinkat(folder_fd, items[i]->d_name, 0);
        free(items[i]);
    }
    free(items);
}
