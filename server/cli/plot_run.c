/* Gnuplot as a child process. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/cli/plot.h"

/* A closed pipe is an error here, no signal. */
static int write_all(int fd, struct str text)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;
    int failed = 0;
    (void)sigaction(SIGPIPE, &ignore, &before);
    while (text.len && !failed) {
        ssize_t len = write(fd, text.ptr, text.len);
        if (len < 0 && errno == EINTR)
            continue;
        failed = len < 0;
        if (!failed) {
            text.ptr += len;
            text.len -= (size_t)len;
        }
    }
    (void)sigaction(SIGPIPE, &before, NULL);
    return failed ? -1 : 0;
}

static enum tm_err spawn(int in_fd, int out_fd, int err_fd, pid_t *out, struct tm_why *why)
{
    char name[] = "gnuplot", no_settings[] = "-d", from_stdin[] = "-";
    char *const words[] = {name, no_settings, from_stdin, NULL};
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return tm_fail(why, TM_NOMEM, "out of memory");
    int fault = posix_spawn_file_actions_adddup2(&actions, in_fd, STDIN_FILENO);
    if (!fault)
        fault = posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
    if (!fault)
        fault = posix_spawn_file_actions_adddup2(&actions, err_fd, STDERR_FILENO);
    if (!fault)
        fault = posix_spawnp(out, name, &actions, NULL, words, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (fault == ENOENT)
        return tm_fail(why, TM_NOT_FOUND,
                       "Gnuplot is not installed, and --plot draws with it; install it, for example with "
                       "`apt-get install gnuplot-nox`, or leave out --plot");
    return fault ? tm_fail(why, TM_IO, "cannot start Gnuplot: %s", strerror(fault)) : TM_OK;
}

/* The first line of what Gnuplot complained that says something. */
static enum tm_err explain(FILE *complaint, int status, struct tm_why *why)
{
    char line[256];
    rewind(complaint);
    while (fgets(line, sizeof line, complaint)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[strspn(line, " ^")])
            break;
        line[0] = '\0';
    }
    if (ferror(complaint) || feof(complaint))
        (void)snprintf(line, sizeof line, "status %d", status);
    return tm_fail(why, TM_IO, "Gnuplot could not draw this: %s", line);
}

enum tm_err plot_run(struct str script, int out_fd, struct tm_why *why)
{
    int ends[2] = {-1, -1};
    pid_t child;
    int status = 0;
    enum tm_err err = TM_OK;
    FILE *complaint = tmpfile();
    if (!complaint || pipe2(ends, O_CLOEXEC) != 0) {
        err = tm_fail(why, TM_IO, "cannot start Gnuplot: %s", strerror(errno));
        goto out;
    }
    err = spawn(ends[0], out_fd, fileno(complaint), &child, why);
    if (err)
        goto out;
    close(ends[0]);
    int failed = write_all(ends[1], script);
    close(ends[1]);
    ends[0] = ends[1] = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (status || failed)
        err = explain(complaint, status, why);
out:
    if (ends[0] >= 0) {
        close(ends[0]);
        close(ends[1]);
    }
    if (complaint)
        (void)fclose(complaint);
    return err;
}
