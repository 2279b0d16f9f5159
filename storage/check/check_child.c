#include "storage/check/check_child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TICK_MS = 200, CPU_LEAST_S = 60, CPU_BYTES_A_SECOND = 4 << 20 };

enum message_kind { MESSAGE_LINE, MESSAGE_END };

/* Small enough to be written in one piece. */
struct message {
    enum message_kind kind;
    struct check_line line;
};

struct end {
    enum message_kind kind;
    enum tm_err err;
    struct tm_why why;
    struct check_totals totals;
};

/* ---- the child ---- */

static void send(int fd, const void *message, size_t len)
{
    while (write(fd, message, len) < 0 && errno == EINTR)
        continue;
}

void check_tell(struct check_report *report, enum check_kind kind, const char *text)
{
    struct message message = {.kind = MESSAGE_LINE, .line.kind = kind};
    report->totals.damages += kind == CHECK_DAMAGE;
    (void)snprintf(message.line.text, sizeof message.line.text, "%s", text);
    send(report->fd, &message, sizeof message);
}

/* A loop that damage makes endless ends too. No core is left behind. */
static void limit_child(uint64_t bytes)
{
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGXCPU, SIGTERM, SIGINT};
    const struct rlimit none = {0, 0};
    struct rlimit cpu = {CPU_LEAST_S + bytes / CPU_BYTES_A_SECOND, RLIM_INFINITY};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)setrlimit(RLIMIT_CPU, &cpu);
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++)
        (void)signal(deadly[i], SIG_DFL);
}

static void run_child(const struct check_job *job, int fd)
{
    struct check_report report = {.fd = fd, .shared = job->shared};
    struct end end = {.kind = MESSAGE_END};
    limit_child(job->bytes);
    end.err = job->work(job->arg, &report, &end.why);
    end.totals = report.totals;
    send(fd, &end, sizeof end);
    _exit(0);
}

/* ---- the parent ---- */

struct incoming {
    struct check_outcome *out;
    uint8_t bytes[8192];
    size_t len;
    bool has_end;
};

static void take_line(struct check_outcome *out, const struct check_line *line)
{
    if (out->line_count == CHECK_LINES_MAX)
        return;
    out->lines[out->line_count] = *line;
    out->lines[out->line_count++].text[CHECK_TEXT_BYTES - 1] = '\0';
}

/* False: nothing whole is there any more. */
static bool take_message(struct incoming *in)
{
    enum message_kind kind;
    struct message message;
    struct end end;
    if (in->len < sizeof kind)
        return false;
    memcpy(&kind, in->bytes, sizeof kind);
    size_t size = kind == MESSAGE_LINE ? sizeof message : sizeof end;
    if (in->len < size)
        return false;
    if (kind == MESSAGE_LINE) {
        memcpy(&message, in->bytes, sizeof message);
        take_line(in->out, &message.line);
    } else {
        memcpy(&end, in->bytes, sizeof end);
        in->out->err = end.err;
        in->out->why = end.why;
        in->out->totals = end.totals;
        in->has_end = true;
    }
    in->len -= size;
    memmove(in->bytes, in->bytes + size, in->len);
    return true;
}

static void listen_to(const struct check_job *job, struct incoming *in, int fd)
{
    for (;;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int ready = poll(&wait, 1, TICK_MS);
        if (job->tick)
            job->tick(job->tick_arg);
        if (ready == 0 || (ready < 0 && errno == EINTR))
            continue;
        ssize_t got = read(fd, in->bytes + in->len, sizeof in->bytes - in->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return;
        in->len += (size_t)got;
        while (take_message(in))
            continue;
    }
}

/* A child that did not come to its end was ended by what it read. */
static void judge_death(struct check_outcome *out, int status)
{
    struct check_line line = {.kind = CHECK_DAMAGE};
    if (WIFSIGNALED(status))
        (void)snprintf(line.text, sizeof line.text, "reading it ended the process by signal %d (%s)",
                       WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        (void)snprintf(line.text, sizeof line.text, "reading it ended the process (code %d)",
                       WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    if (out->line_count == CHECK_LINES_MAX)
        out->line_count--;
    take_line(out, &line);
    for (size_t i = 0; i < out->line_count; i++)
        out->totals.damages += out->lines[i].kind == CHECK_DAMAGE;
    out->err = TM_CORRUPT;
}

enum tm_err check_child(const struct check_job *job, struct check_outcome *out, struct tm_why *why)
{
    struct incoming in = {.out = out};
    int pipes[2], status = 0;
    out->line_count = 0;
    out->totals = (struct check_totals){0};
    if (pipe(pipes) != 0)
        return tm_fail(why, TM_IO, "making a pipe: %s", strerror(errno));
    pid_t child = fork();
    if (child == 0) {
        (void)close(pipes[0]);
        run_child(job, pipes[1]);
    }
    (void)close(pipes[1]);
    if (child < 0) {
        (void)close(pipes[0]);
        return tm_fail(why, TM_NOMEM, "starting a process: %s", strerror(errno));
    }
    listen_to(job, &in, pipes[0]);
    (void)close(pipes[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!in.has_end)
        judge_death(out, status);
    return TM_OK;
}
