#include "server/cli/push.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TURN_MS = 1000, STEP_MS = 50, NS_PER_MS = 1000000 };

static void start_over(struct push_source *source)
{
    source->line = 0;
    source->skipping = false;
    bytes_clear(&source->rest);
}

static enum tm_err open_file(struct push *push, struct push_source *source)
{
    const char *name = push->file_names[source->file];
    source->fd = open(name, O_RDONLY | O_CLOEXEC);
    if (source->fd < 0 && errno != ENOENT)
        return tm_fail(&push->why, TM_IO, "cannot read %s: %s", name, strerror(errno));
    start_over(source);
    return TM_OK;
}

/* What has been appended since the last time. */
static enum tm_err read_new(struct push *push, struct push_source *source)
{
    ssize_t len = 1;
    enum tm_err err = TM_OK;
    while (!err && len > 0) {
        err = push_fill(push, source, &len);
        if (!err && len >= 0)
            err = push_take(push, source, false);
    }
    return err;
}

/* True if the name now leads to another file than the open one. */
static bool is_replaced(const struct push *push, const struct push_source *source)
{
    struct stat open_info;
    struct stat name_info;
    if (fstat(source->fd, &open_info) != 0 || stat(push->file_names[source->file], &name_info) != 0)
        return false;
    return open_info.st_ino != name_info.st_ino || open_info.st_dev != name_info.st_dev;
}

static bool is_shorter(const struct push_source *source)
{
    struct stat info;
    off_t at = lseek(source->fd, 0, SEEK_CUR);
    return at > 0 && fstat(source->fd, &info) == 0 && info.st_size < at;
}

static enum tm_err close_source(struct push *push, struct push_source *source)
{
    /* The last line of a file that nobody writes to any more needs no line end. */
    enum tm_err err = push_take(push, source, true);
    close(source->fd);
    source->fd = -1;
    return err;
}

static enum tm_err visit(struct push *push, struct push_source *source)
{
    enum tm_err err = TM_OK;
    if (source->fd < 0)
        err = open_file(push, source);
    if (err || source->fd < 0)
        return err;
    if (is_shorter(source)) {
        (void)lseek(source->fd, 0, SEEK_SET);
        start_over(source);
    }
    bool replaced = is_replaced(push, source);
    err = read_new(push, source);
    if (err || !replaced)
        return err;
    err = close_source(push, source);
    if (!err)
        err = open_file(push, source);
    return err || source->fd < 0 ? err : read_new(push, source);
}

static void wait_turn(const struct push *push)
{
    struct timespec step = {.tv_nsec = STEP_MS * NS_PER_MS};
    for (int i = 0; i < TURN_MS / STEP_MS && !__atomic_load_n(push->stop, __ATOMIC_RELAXED); i++)
        (void)nanosleep(&step, NULL);
}

enum tm_err push_follow(struct push *push, struct push_source *sources, size_t count)
{
    enum tm_err err = TM_OK;
    bool stop = false;
    while (!err && !stop) {
        /* One more turn after the signal, for what was written before it. */
        stop = __atomic_load_n(push->stop, __ATOMIC_RELAXED);
        for (size_t i = 0; i < count && !err; i++)
            err = visit(push, &sources[i]);
        if (!err && !stop)
            err = push_send(push);
        if (!err && !stop)
            wait_turn(push);
    }
    for (size_t i = 0; i < count; i++) {
        if (sources[i].fd < 0)
            continue;
        enum tm_err closed = close_source(push, &sources[i]);
        err = err ? err : closed;
    }
    return err;
}
