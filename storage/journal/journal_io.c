#include "storage/journal/journal_io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int open_file(void *self, int folder, const char *name, int flags, mode_t mode)
{
    (void)self;
    return openat(folder, name, flags, mode);
}

static int close_file(void *self, int fd)
{
    (void)self;
    return close(fd);
}

static int make_folder(void *self, int folder, const char *name, mode_t mode)
{
    (void)self;
    return mkdirat(folder, name, mode);
}

static int unlink_file(void *self, int folder, const char *name)
{
    (void)self;
    return unlinkat(folder, name, 0);
}

static ssize_t write_file(void *self, int fd, const void *data, size_t len, off_t at)
{
    (void)self;
    return pwrite(fd, data, len, at);
}

static int sync_file(void *self, int fd)
{
    (void)self;
    return fdatasync(fd);
}

static int allocate_file(void *self, int fd, off_t len)
{
    (void)self;
    int result = fallocate(fd, 0, 0, len);
    /* Preallocation only makes the sync cheaper; the file grows as well without. */
    if (result != 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
        return 0;
    return result;
}

static int truncate_file(void *self, int fd, off_t len)
{
    (void)self;
    return ftruncate(fd, len);
}

static int sync_folder(void *self, int folder)
{
    (void)self;
    return fsync(folder);
}

static int free_bytes(void *self, int folder, uint64_t *out)
{
    (void)self;
    struct statvfs info;
    if (fstatvfs(folder, &info) != 0)
        return -1;
    *out = (uint64_t)info.f_bavail * (uint64_t)info.f_frsize;
    return 0;
}

static const struct journal_io system_io = {
    .open = open_file,
    .close = close_file,
    .make_folder = make_folder,
    .unlink = unlink_file,
    .pwrite = write_file,
    .fdatasync = sync_file,
    .allocate = allocate_file,
    .truncate = truncate_file,
    .sync_folder = sync_folder,
    .free_bytes = free_bytes,
};

const struct journal_io *journal_io_system(void)
{
    return &system_io;
}
