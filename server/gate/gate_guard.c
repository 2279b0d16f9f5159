#include "server/gate/gate_guard.h"

#include <dirent.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "server/counters/process.h"

enum { CHECK_INTERVAL_MS = 200, STARVED_MAX_MS = 1000, NOBODY = 65534 };

#define FD_LIMIT            4096
#define FD_MARGIN           16
#define RESIDENT_MAX_BYTES  (UINT64_C(256) << 20)
#define ADDRESS_SPACE_BYTES (UINT64_C(2) << 30)

static void limit(int what, uint64_t value)
{
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)what, &now) != 0)
        return;
    if (now.rlim_max != RLIM_INFINITY && value > now.rlim_max)
        value = now.rlim_max;
    (void)setrlimit((__rlimit_resource_t)what, &(struct rlimit){value, value});
}

void gate_guard_confine(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == 1)
        _exit(1); /* the parent was gone before the line above */
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)signal(SIGPIPE, SIG_IGN);
    /* Ctrl-C, and what ends a whole group, is for the daemon, which kills us in its own time:
     * acknowledgements of what is under way still have to go out. */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > FD_LIMIT)
        limit(RLIMIT_NOFILE, FD_LIMIT);
    else if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        limit(RLIMIT_NOFILE, files.rlim_cur);
    limit(RLIMIT_CORE, 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    limit(RLIMIT_AS, ADDRESS_SPACE_BYTES);
#endif
}

void gate_guard_drop_rights(void)
{
    if (geteuid() != 0)
        return;
    if (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
        setresuid(NOBODY, NOBODY, NOBODY) != 0) {
        (void)fprintf(stderr, "tidemark gate: cannot give up root's rights, so it does not serve\n");
        _exit(1);
    }
    /* Changing the user clears the parent-death signal. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == 1)
        _exit(1);
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void gate_guard_init(struct gate_guard *guard)
{
    struct rlimit files = {FD_LIMIT, FD_LIMIT};
    (void)getrlimit(RLIMIT_NOFILE, &files);
    *guard = (struct gate_guard){.fd_limit = files.rlim_cur};
}

/* Descriptors are used up when a new one would get a number near the limit. */
static bool descriptors_used_up(uint64_t fd_limit)
{
    int fd = dup(0);
    if (fd < 0)
        return true;
    (void)close(fd);
    uint64_t margin = fd_limit > 4 * FD_MARGIN ? FD_MARGIN : 2;
    return (uint64_t)fd + margin >= fd_limit;
}

bool gate_guard_ok(struct gate_guard *guard)
{
    int64_t now = now_ms();
    if (now - guard->checked_ms < CHECK_INTERVAL_MS)
        return true;
    guard->checked_ms = now;
    if (process_resident_bytes(getpid()) > RESIDENT_MAX_BYTES) {
        (void)fprintf(
            stderr,
            "tidemark gate: peers hold over %llu MiB with messages they do not finish; starting afresh\n",
            (unsigned long long)(RESIDENT_MAX_BYTES >> 20));
        return false;
    }
    if (!descriptors_used_up(guard->fd_limit)) {
        guard->starved_since_ms = 0;
        return true;
    }
    if (!guard->starved_since_ms)
        guard->starved_since_ms = now;
    if (now - guard->starved_since_ms < STARVED_MAX_MS)
        return true;
    (void)fprintf(stderr, "tidemark gate: all %llu descriptors are taken by connections; starting afresh\n",
                  (unsigned long long)guard->fd_limit);
    return false;
}
