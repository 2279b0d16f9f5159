/* Preloaded into the unmodified daemon: records, in order, every call that changes a file below
 * TM_RECORD_DIR, so that a test can cut the power at any point of the recording.
 *
 * TM_RECORD_LOG is appended to, one write a record: this head, then path_len bytes of path (relative to the
 * folder; "" is the folder itself), then data_len bytes of data. The test appends its own records of kind
 * RECORD_MARK when it has received an acknowledgement. Changes are recorded before they are done: a process
 * killed in between leaves a change that may or may not have happened, which is what the replay assumes of
 * everything that is not synced. Syncs are recorded once they have succeeded. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind {
    RECORD_WRITE = 1, /* at: offset; data */
    RECORD_TRUNCATE,  /* at: length; shorter or longer */
    RECORD_GROW,      /* at: length; longer only (fallocate) */
    RECORD_CREATE,
    RECORD_UNLINK,
    RECORD_RENAME, /* data: the new path */
    RECORD_FOLDER, /* mkdir */
    RECORD_SYNC,   /* of a file or a folder */
    RECORD_MARK,
    RECORD_DURABLE /* at: offset, data_len: 8 bytes of length; that write is synced, others are not: O_DSYNC
                    */
};

struct head {
    uint32_t kind;
    uint32_t path_len;
    uint64_t at;
    uint64_t data_len;
};

enum { PATH_BYTES = 1024 };
static int log_fd = -1;
static char root[PATH_BYTES];
static size_t root_len;

__attribute__((constructor)) static void open_log(void)
{
    const char *log = getenv("TM_RECORD_LOG"), *dir = getenv("TM_RECORD_DIR");
    if (!log || !dir || strlen(dir) >= sizeof root)
        return;
    (void)strcpy(root, dir);
    root_len = strlen(root);
    log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* The path behind the root, NULL if it is not below it. */
static const char *inside(const char *path)
{
    if (log_fd < 0 || strncmp(path, root, root_len) != 0 || (path[root_len] && path[root_len] != '/'))
        return NULL;
    return path[root_len] ? path + root_len + 1 : "";
}

static const char *path_of_fd(int fd, char out[PATH_BYTES])
{
    char link[64];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = log_fd < 0 ? -1 : readlink(link, out, PATH_BYTES - 1);
    if (len < 0)
        return NULL;
    out[len] = '\0';
    return inside(out);
}

/* The path of name in the open folder. */
static const char *path_at(int folder, const char *name, char out[PATH_BYTES])
{
    char base[PATH_BYTES];
    if (log_fd < 0)
        return NULL;
    if (name[0] == '/' || folder == AT_FDCWD) {
        (void)snprintf(out, PATH_BYTES, "%s", name);
        return inside(out);
    }
    const char *dir = path_of_fd(folder, base);
    if (!dir || snprintf(out, PATH_BYTES, "%s%s%s", dir, dir[0] ? "/" : "", name) >= PATH_BYTES)
        return NULL;
    return out;
}

/* One record, by one write; the log is opened for appending, so that threads and processes do not mix. */
static void record(enum kind kind, const char *path, uint64_t at, const void *data, size_t len)
{
    if (!path)
        return;
    struct head head = {(uint32_t)kind, (uint32_t)strlen(path), at, len};
    struct iovec parts[3] = {
        {&head, sizeof head}, {(void *)(uintptr_t)path, head.path_len}, {(void *)(uintptr_t)data, len}};
    if (syscall(SYS_writev, log_fd, parts, 3) != (long)(sizeof head + head.path_len + len))
        abort(); /* a recording with a hole proves nothing */
}

#define EXPORT __attribute__((visibility("default")))

/* After a write through a descriptor that syncs each of its writes. */
static void record_durable(int fd, const char *path, uint64_t at, ssize_t wrote)
{
    uint64_t len = (uint64_t)wrote;
    if (path && wrote > 0 && (fcntl(fd, F_GETFL) & O_DSYNC))
        record(RECORD_DURABLE, path, at, &len, sizeof len);
}

ssize_t EXPORT pwrite(int fd, const void *data, size_t len, off_t at)
{
    ssize_t (*next)(int, const void *, size_t, off_t) = real("pwrite");
    char path[PATH_BYTES];
    const char *inner = path_of_fd(fd, path);
    record(RECORD_WRITE, inner, (uint64_t)at, data, len);
    ssize_t wrote = next(fd, data, len, at);
    record_durable(fd, inner, (uint64_t)at, wrote);
    return wrote;
}

ssize_t EXPORT writev(int fd, const struct iovec *parts, int count)
{
    ssize_t (*next)(int, const struct iovec *, int) = real("writev");
    char path[PATH_BYTES];
    const char *inner = path_of_fd(fd, path);
    uint64_t at = inner ? (uint64_t)lseek(fd, 0, SEEK_CUR) : 0;
    for (int i = 0; inner && i < count; i++) {
        record(RECORD_WRITE, inner, at, parts[i].iov_base, parts[i].iov_len);
        at += parts[i].iov_len;
    }
    return next(fd, parts, count);
}

ssize_t EXPORT pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
    ssize_t (*next)(int, const struct iovec *, int, off_t) = real("pwritev");
    char path[PATH_BYTES];
    const char *inner = path_of_fd(fd, path);
    off_t to = at;
    for (int i = 0; inner && i < count; i++) {
        record(RECORD_WRITE, inner, (uint64_t)to, parts[i].iov_base, parts[i].iov_len);
        to += (off_t)parts[i].iov_len;
    }
    return next(fd, parts, count, at);
}

ssize_t EXPORT write(int fd, const void *data, size_t len)
{
    ssize_t (*next)(int, const void *, size_t) = real("write");
    char path[PATH_BYTES];
    const char *inner = path_of_fd(fd, path);
    if (inner)
        record(RECORD_WRITE, inner, (uint64_t)lseek(fd, 0, SEEK_CUR), data, len);
    return next(fd, data, len);
}

int EXPORT ftruncate(int fd, off_t len)
{
    int (*next)(int, off_t) = real("ftruncate");
    char path[PATH_BYTES];
    record(RECORD_TRUNCATE, path_of_fd(fd, path), (uint64_t)len, NULL, 0);
    return next(fd, len);
}

int EXPORT fallocate(int fd, int mode, off_t at, off_t len)
{
    int (*next)(int, int, off_t, off_t) = real("fallocate");
    char path[PATH_BYTES];
    if (mode == 0)
        record(RECORD_GROW, path_of_fd(fd, path), (uint64_t)(at + len), NULL, 0);
    return next(fd, mode, at, len);
}

static int sync_and_record(const char *name, int fd)
{
    int (*next)(int) = real(name);
    char path[PATH_BYTES];
    int result = next(fd);
    if (result == 0)
        record(RECORD_SYNC, path_of_fd(fd, path), 0, NULL, 0);
    return result;
}

int EXPORT fdatasync(int fd)
{
    return sync_and_record("fdatasync", fd);
}

int EXPORT fsync(int fd)
{
    return sync_and_record("fsync", fd);
}

int EXPORT openat(int folder, const char *name, int flags, ...)
{
    int (*next)(int, const char *, int, ...) = real("openat");
    char path[PATH_BYTES];
    va_list args;
    va_start(args, flags);
    mode_t mode = (mode_t)va_arg(args, unsigned);
    va_end(args);
    const char *inner = flags & (O_CREAT | O_TRUNC) ? path_at(folder, name, path) : NULL;
    struct stat info;
    if (inner && flags & O_CREAT && fstatat(folder, name, &info, 0) != 0)
        record(RECORD_CREATE, inner, 0, NULL, 0);
    else if (inner && flags & O_TRUNC)
        record(RECORD_TRUNCATE, inner, 0, NULL, 0);
    return next(folder, name, flags, mode);
}

/* What the store's libraries call; recorded as its own calls are. */
int EXPORT open(const char *name, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = (mode_t)va_arg(args, unsigned);
    va_end(args);
    return openat(AT_FDCWD, name, flags, mode);
}

int EXPORT open64(const char *name, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = (mode_t)va_arg(args, unsigned);
    va_end(args);
    return openat(AT_FDCWD, name, flags, mode);
}

int EXPORT unlinkat(int folder, const char *name, int flags)
{
    int (*next)(int, const char *, int) = real("unlinkat");
    char path[PATH_BYTES];
    record(RECORD_UNLINK, path_at(folder, name, path), 0, NULL, 0);
    return next(folder, name, flags);
}

int EXPORT renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    int (*next)(int, const char *, int, const char *) = real("renameat");
    char old[PATH_BYTES], new[PATH_BYTES];
    const char *inner = path_at(to_folder, to, new);
    if (inner)
        record(RECORD_RENAME, path_at(from_folder, from, old), 0, inner, strlen(inner));
    return next(from_folder, from, to_folder, to);
}

int EXPORT rename(const char *from, const char *to)
{
    int (*next)(const char *, const char *) = real("rename");
    char old[PATH_BYTES], new[PATH_BYTES];
    const char *inner = path_at(AT_FDCWD, to, new);
    if (inner)
        record(RECORD_RENAME, path_at(AT_FDCWD, from, old), 0, inner, strlen(inner));
    return next(from, to);
}

int EXPORT unlink(const char *name)
{
    int (*next)(const char *) = real("unlink");
    char path[PATH_BYTES];
    record(RECORD_UNLINK, path_at(AT_FDCWD, name, path), 0, NULL, 0);
    return next(name);
}

int EXPORT rmdir(const char *name)
{
    int (*next)(const char *) = real("rmdir");
    char path[PATH_BYTES];
    record(RECORD_UNLINK, path_at(AT_FDCWD, name, path), 0, NULL, 0);
    return next(name);
}

int EXPORT truncate(const char *name, off_t len)
{
    int (*next)(const char *, off_t) = real("truncate");
    char path[PATH_BYTES];
    record(RECORD_TRUNCATE, path_at(AT_FDCWD, name, path), (uint64_t)len, NULL, 0);
    return next(name, len);
}

int EXPORT mkdirat(int folder, const char *name, mode_t mode)
{
    int (*next)(int, const char *, mode_t) = real("mkdirat");
    char path[PATH_BYTES];
    record(RECORD_FOLDER, path_at(folder, name, path), 0, NULL, 0);
    return next(folder, name, mode);
}

int EXPORT mkdir(const char *name, mode_t mode)
{
    int (*next)(const char *, mode_t) = real("mkdir");
    char path[PATH_BYTES];
    record(RECORD_FOLDER, path_at(AT_FDCWD, name, path), 0, NULL, 0);
    return next(name, mode);
}
