/* One child, a script, two pipes, one poll. The script is a file in memory and not a pipe: from a pipe
 * Gnuplot reads byte by byte, a system call each. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reports/figures/gnuplot.h"
#include "storage/model/clock.h"

enum { SCRIPT, OUT, COMPLAINT, STREAMS, COMPLAINT_BYTES = 1024, STEP_BYTES = 65536 };

struct run {
    pid_t child;
    int ours[STREAMS], theirs[STREAMS]; /* of the script there is theirs alone */
    size_t most_bytes;
    struct bytes *out;
    size_t first; /* of ours in out */
    char complaint[COMPLAINT_BYTES];
    size_t complaint_len;
};

static void close_end(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static enum tm_err put_script(int file, struct str script, struct tm_why *why)
{
    while (script.len > 0) {
        ssize_t len = write(file, script.ptr, script.len);
        if (len < 0 && errno != EINTR)
            return tm_fail(why, TM_IO, "cannot start Gnuplot: %s", strerror(errno));
        script = (struct str){script.ptr + (len > 0 ? len : 0), script.len - (size_t)(len > 0 ? len : 0)};
    }
    return lseek(file, 0, SEEK_SET) == 0 ? TM_OK
                                         : tm_fail(why, TM_IO, "cannot start Gnuplot: %s", strerror(errno));
}

static enum tm_err open_streams(struct run *run, struct str script, struct tm_why *why)
{
    for (int i = 0; i < STREAMS; i++)
        run->ours[i] = run->theirs[i] = -1;
    run->theirs[SCRIPT] = memfd_create("script", MFD_CLOEXEC);
    bool is_open = run->theirs[SCRIPT] >= 0;
    for (int i = OUT; i < STREAMS && is_open; i++) {
        int ends[2];
        is_open = pipe2(ends, O_CLOEXEC) == 0;
        if (!is_open)
            break;
        run->ours[i] = ends[0];
        run->theirs[i] = ends[1];
        (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    }
    if (!is_open)
        return tm_fail(why, TM_IO, "cannot start Gnuplot: %s", strerror(errno));
    return put_script(run->theirs[SCRIPT], script, why);
}

/* A group of its own, so that all of it can be ended. */
static int spawn_with(struct run *run, posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes)
{
    static const char *const words[] = {"gnuplot", "-d", "/dev/stdin", NULL};
    char path[4096], locale[] = "LC_ALL=C";
    char *argv[] = {strdup(words[0]), strdup(words[1]), strdup(words[2]), NULL};
    char *envp[] = {path, locale, NULL};
    int fault = argv[0] && argv[1] && argv[2] ? 0 : ENOMEM;
    const char *places = getenv("PATH"); /* NOLINT(concurrency-mt-unsafe): nobody sets it here */
    (void)snprintf(path, sizeof path, "PATH=%s", places ? places : "/usr/bin:/bin");
    for (int i = 0; i < STREAMS && !fault; i++)
        fault = posix_spawn_file_actions_adddup2(actions, run->theirs[i], i);
    if (!fault)
        fault = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP);
    if (!fault)
        fault = posix_spawnp(&run->child, words[0], actions, attributes, argv, envp);
    for (int i = 0; argv[i] || i < STREAMS; i++)
        free(argv[i]);
    return fault;
}

static enum tm_err start(struct run *run, struct tm_why *why)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return tm_fail(why, TM_NOMEM, "out of memory");
    int fault = posix_spawnattr_init(&attributes);
    if (!fault) {
        fault = spawn_with(run, &actions, &attributes);
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    for (int i = 0; i < STREAMS; i++)
        close_end(&run->theirs[i]);
    if (fault == ENOENT)
        return tm_fail(
            why, TM_NOT_FOUND,
            "Gnuplot is not installed, and the figures of reports are drawn with it; install it, for "
            "example with `apt-get install gnuplot-nox`");
    if (fault == ENOMEM)
        return tm_fail(why, TM_NOMEM, "out of memory");
    return fault ? tm_fail(why, TM_IO, "cannot start Gnuplot: %s", strerror(fault)) : TM_OK;
}

/* ---- the streams ---- */

static enum tm_err take_output(struct run *run, struct tm_why *why)
{
    uint8_t *room = bytes_reserve(run->out, STEP_BYTES);
    if (!room)
        return tm_fail(why, TM_NOMEM, "out of memory");
    ssize_t len = read(run->ours[OUT], room, STEP_BYTES);
    if (len > 0)
        run->out->len += (size_t)len;
    else if (len == 0 || (errno != EAGAIN && errno != EINTR))
        close_end(&run->ours[OUT]);
    if (run->out->len - run->first > run->most_bytes)
        return tm_fail(why, TM_TOO_LARGE, "Gnuplot wrote more than %zu bytes and was ended", run->most_bytes);
    return TM_OK;
}

/* The first lines are kept, the rest is read and dropped. */
static void take_complaint(struct run *run)
{
    char step[512];
    ssize_t len = read(run->ours[COMPLAINT], step, sizeof step);
    if (len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR))
        close_end(&run->ours[COMPLAINT]);
    for (ssize_t i = 0; i < len && run->complaint_len < sizeof run->complaint - 1; i++)
        run->complaint[run->complaint_len++] = step[i];
}

static enum tm_err attend(struct run *run, int64_t until_ns, struct tm_why *why)
{
    while (run->ours[OUT] >= 0 || run->ours[COMPLAINT] >= 0) {
        struct pollfd fds[STREAMS] = {[SCRIPT] = {.fd = -1},
                                      [OUT] = {.fd = run->ours[OUT], .events = POLLIN},
                                      [COMPLAINT] = {.fd = run->ours[COMPLAINT], .events = POLLIN}};
        int64_t left_ms = (until_ns - clock_mono_ns(clock_system())) / 1000000;
        if (left_ms <= 0)
            return tm_fail(why, TM_BUSY, "Gnuplot was not done in time and was ended");
        if (poll(fds, STREAMS, left_ms < 1000 ? (int)left_ms : 1000) < 0 && errno != EINTR)
            return tm_fail(why, TM_IO, "cannot wait for Gnuplot: %s", strerror(errno));
        if (fds[COMPLAINT].revents)
            take_complaint(run);
        enum tm_err err = fds[OUT].revents ? take_output(run, why) : TM_OK;
        if (err)
            return err;
    }
    return TM_OK;
}

/* The first line of its complaint that says something. */
static enum tm_err explain(struct run *run, int status, struct tm_why *why)
{
    run->complaint[run->complaint_len] = '\0';
    const char *line = run->complaint + strspn(run->complaint, " ^\n");
    if (!*line)
        return tm_fail(why, TM_IO, "Gnuplot ended with status %d", status);
    return tm_fail(why, TM_IO, "Gnuplot could not draw: %.*s", (int)strcspn(line, "\n"), line);
}

enum tm_err gnuplot_run(struct str script, const struct gnuplot_bounds *bounds, struct bytes *out,
                        struct tm_why *why)
{
    struct run run = {.child = -1, .most_bytes = bounds->output_bytes, .out = out, .first = out->len};
    int64_t until_ns = clock_mono_ns(clock_system()) + bounds->time_ms * 1000000;
    int status = 0;
    enum tm_err err = open_streams(&run, script, why);
    if (!err)
        err = start(&run, why);
    if (!err)
        err = attend(&run, until_ns, why);
    for (int i = 0; i < STREAMS; i++) {
        close_end(&run.ours[i]);
        close_end(&run.theirs[i]);
    }
    if (run.child <= 0)
        return err;
    if (err)
        (void)kill(-run.child, SIGKILL);
    while (waitpid(run.child, &status, 0) < 0 && errno == EINTR)
        ;
    return !err && status ? explain(&run, status, why) : err;
}
