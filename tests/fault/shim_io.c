/* Preloaded into the unmodified daemon: makes chosen calls fail, when a test says so while it runs.
 *
 * TM_FAULT_MAP names a file of 4096 bytes that both sides map. The test writes:
 *   int32 ops      bits of enum op; 0: nothing fails
 *   int32 error    errno to set; 0 with OP_WRITE: a short write instead of a failure
 *   int32 skip     calls to let pass first
 *   int32 count    calls to fail after that; -1: all
 *   int32 seen     (out) calls that matched
 *   int32 failed   (out) calls that were made to fail
 *                  OP_CHANGE: any call that changes a file or a folder; error -1: the process is killed
 * before the call is done, which is what kill -9 at that moment would leave int32 delay_ms such calls sleep
 * so long first; with error 0 they then do their work (a slow disk) at 64: text    a file's path must contain
 * it (write, sync, allocate); empty: any */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum op {
    OP_WRITE = 1,
    OP_SYNC = 2,
    OP_ALLOCATE = 4,
    OP_MALLOC = 8,
    OP_OPEN = 16,
    OP_FULL = 32,
    OP_CHANGE = 64
};

struct plan {
    volatile int32_t ops, error, skip, count;
    int32_t seen, failed;
    volatile int32_t delay_ms;
    char unused[64 - 7 * sizeof(int32_t)];
    char path[256];
};

static struct plan *plan;

/* Exported by glibc for interposers such as this one. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

__attribute__((constructor)) static void map_plan(void)
{
    const char *path = getenv("TM_FAULT_MAP");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *at = mmap(NULL, sizeof(struct plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED)
        plan = at;
    (void)close(fd);
}

/* Does this call fail? Counts it. */
static int due(enum op op)
{
    if (!plan || !(plan->ops & (int32_t)op))
        return 0;
    int32_t seen = __atomic_fetch_add(&plan->seen, 1, __ATOMIC_SEQ_CST);
    if (seen < plan->skip || (plan->count >= 0 && seen >= plan->skip + plan->count))
        return 0;
    __atomic_fetch_add(&plan->failed, 1, __ATOMIC_SEQ_CST);
    return 1;
}

static int path_matches(int fd)
{
    char link[64], target[512];
    if (!plan || !plan->path[0])
        return 1;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, target, sizeof target - 1);
    if (len < 0)
        return 0;
    target[len] = '\0';
    return strstr(target, plan->path) != NULL;
}

/* A call that is about to change something below the planned path. Kills, if it is the one. */
static int fail_change(const char *path)
{
    if (!plan || !(plan->ops & OP_CHANGE) || (plan->path[0] && !strstr(path, plan->path)) || !due(OP_CHANGE))
        return 0;
    if (plan->error == -1)
        (void)kill(getpid(), SIGKILL);
    errno = plan->error;
    return 1;
}

static int fail_change_on(int fd)
{
    char link[64], target[512];
    if (!plan || !(plan->ops & OP_CHANGE))
        return 0;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, target, sizeof target - 1);
    if (len < 0)
        return 0;
    target[len] = '\0';
    return fail_change(target);
}

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* Fails an operation on fd, with the planned errno. */
static int fail_on(enum op op, int fd)
{
    if (!plan || !(plan->ops & (int32_t)op) || !path_matches(fd) || !due(op))
        return 0;
    int delay_ms = plan->delay_ms;
    if (delay_ms > 0)
        (void)usleep((useconds_t)delay_ms * 1000);
    if (delay_ms > 0 && plan->error == 0)
        return 0;
    errno = plan->error;
    return 1;
}

#define EXPORT __attribute__((visibility("default")))

ssize_t EXPORT pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
    ssize_t (*next)(int, const struct iovec *, int, off_t) = real("pwritev");
    if (fail_change_on(fd))
        return -1;
    if (!fail_on(OP_WRITE, fd))
        return next(fd, parts, count, at);
    if (plan->error)
        return -1;
    struct iovec half = {parts[0].iov_base, parts[0].iov_len > 1 ? parts[0].iov_len / 2 : parts[0].iov_len};
    return next(fd, &half, 1, at);
}

ssize_t EXPORT pwrite(int fd, const void *data, size_t len, off_t at)
{
    ssize_t (*next)(int, const void *, size_t, off_t) = real("pwrite");
    if (fail_change_on(fd))
        return -1;
    if (!fail_on(OP_WRITE, fd))
        return next(fd, data, len, at);
    return plan->error ? -1 : next(fd, data, len > 1 ? len / 2 : len, at);
}

ssize_t EXPORT writev(int fd, const struct iovec *parts, int count)
{
    ssize_t (*next)(int, const struct iovec *, int) = real("writev");
    if (fail_change_on(fd))
        return -1;
    if (!plan || !plan->path[0] || !fail_on(OP_WRITE, fd))
        return next(fd, parts, count);
    return plan->error ? -1 : next(fd, parts, 1);
}

ssize_t EXPORT write(int fd, const void *data, size_t len)
{
    ssize_t (*next)(int, const void *, size_t) = real("write");
    if (!plan || !plan->path[0] || !fail_on(OP_WRITE, fd))
        return next(fd, data, len);
    return plan->error ? -1 : next(fd, data, len > 1 ? len / 2 : len);
}

int EXPORT fdatasync(int fd)
{
    int (*next)(int) = real("fdatasync");
    return fail_change_on(fd) || fail_on(OP_SYNC, fd) ? -1 : next(fd);
}

int EXPORT fsync(int fd)
{
    int (*next)(int) = real("fsync");
    return fail_change_on(fd) || fail_on(OP_SYNC, fd) ? -1 : next(fd);
}

int EXPORT fallocate(int fd, int mode, off_t at, off_t len)
{
    int (*next)(int, int, off_t, off_t) = real("fallocate");
    return fail_on(OP_ALLOCATE, fd) ? -1 : next(fd, mode, at, len);
}

int EXPORT posix_fallocate(int fd, off_t at, off_t len)
{
    int (*next)(int, off_t, off_t) = real("posix_fallocate");
    return fail_on(OP_ALLOCATE, fd) ? plan->error : next(fd, at, len);
}

int EXPORT openat(int folder, const char *path, int flags, ...)
{
    int (*next)(int, const char *, int, ...) = real("openat");
    va_list args;
    va_start(args, flags);
    mode_t mode = (mode_t)va_arg(args, unsigned);
    va_end(args);
    if (plan && (plan->ops & OP_OPEN) && strstr(path, plan->path) && due(OP_OPEN)) {
        errno = plan->error;
        return -1;
    }
    return next(folder, path, flags, mode);
}

int EXPORT rename(const char *from, const char *to)
{
    int (*next)(const char *, const char *) = real("rename");
    return fail_change(from) ? -1 : next(from, to);
}

int EXPORT unlink(const char *path)
{
    int (*next)(const char *) = real("unlink");
    return fail_change(path) ? -1 : next(path);
}

int EXPORT unlinkat(int folder, const char *path, int flags)
{
    int (*next)(int, const char *, int) = real("unlinkat");
    return fail_change_on(folder) ? -1 : next(folder, path, flags);
}

int EXPORT rmdir(const char *path)
{
    int (*next)(const char *) = real("rmdir");
    return fail_change(path) ? -1 : next(path);
}

int EXPORT mkdir(const char *path, mode_t mode)
{
    int (*next)(const char *, mode_t) = real("mkdir");
    return fail_change(path) ? -1 : next(path, mode);
}

int EXPORT ftruncate(int fd, off_t len)
{
    int (*next)(int, off_t) = real("ftruncate");
    return fail_change_on(fd) ? -1 : next(fd, len);
}

/* A file system that claims to be full. */
int EXPORT statvfs(const char *path, struct statvfs *out)
{
    int (*next)(const char *, struct statvfs *) = real("statvfs");
    int result = next(path, out);
    if (result == 0 && due(OP_FULL))
        out->f_bavail = out->f_bfree = 0;
    return result;
}

int EXPORT fstatvfs(int fd, struct statvfs *out)
{
    int (*next)(int, struct statvfs *) = real("fstatvfs");
    int result = next(fd, out);
    if (result == 0 && due(OP_FULL))
        out->f_bavail = out->f_bfree = 0;
    return result;
}

void EXPORT *malloc(size_t size)
{
    if (due(OP_MALLOC)) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_malloc(size);
}

void EXPORT *calloc(size_t count, size_t size)
{
    if (due(OP_MALLOC)) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_calloc(count, size);
}

void EXPORT *realloc(void *old, size_t size)
{
    if (due(OP_MALLOC)) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_realloc(old, size);
}
