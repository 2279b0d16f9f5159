#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "server/job/job_private.h"

/* The exit code of a program that was asked for what makes no sense. */
enum { EXIT_REFUSED = 2 };
enum { OUTPUT_MAX_BYTES = 4 << 20 };

static const char *const names[JOB_KINDS] = {
    [JOB_VERIFY] = "verify", [JOB_BACKUP] = "backup", [JOB_REPORT] = "report", [JOB_DELIVERY] = "delivery"};

const char *job_name(const struct job *job)
{
    return names[job->kind];
}

bool job_is_busy(const struct job *job)
{
    return job->state == STATE_FREEZING || job->state == STATE_RUNNING || job->handles > 0;
}

/* ---- the end ---- */

static void finish(struct job *job)
{
    job_done_fn *done = job->done;
    bool is_good = job->result.len > 0 && !bytes_error(&job->result);
    if (!is_good && !job->error.text[0])
        (void)snprintf(job->error.text, sizeof job->error.text, "the process of `%s` ended without a result",
                       names[job->kind]);
    job->state = is_good ? STATE_DONE : STATE_FAILED;
    job->done = NULL;
    job->done_count += is_good;
    if (is_good && job->kind != JOB_DELIVERY) /* whose passes are many: delivery.c tells what they did */
        log_write(job->jobs->options.log, LOG_LEVEL_INFO, "job.done", "%s is done: %.*s", names[job->kind],
                  (int)(job->result.len < 300 ? job->result.len : 300), (const char *)job->result.data);
    else if (!is_good)
        log_write(job->jobs->options.log, LOG_LEVEL_WARNING, "job.failed", "%s failed: %s", names[job->kind],
                  job->error.text);
    if (done)
        done(job->arg,
             is_good           ? TM_OK
             : job->is_refused ? TM_INVALID
                               : TM_IO,
             is_good ? bytes_view(&job->result) : STR(""), is_good ? NULL : job->error.text);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct job *job = handle->data;
    if (--job->handles > 0)
        return;
    if (job->state == STATE_RUNNING)
        finish(job);
    if (job->kind == JOB_REPORT)
        jobs_begin_waiting(job->jobs);
    jobs_free_if_over(job->jobs);
}

/* ---- what the process says ---- */

static void take_line(struct job *job, const char *line, size_t len)
{
    int at = 0;
    if (len < 2)
        return;
    if (line[0] == 'R')
        bytes_put(&job->result, line + 2, len - 2);
    else if (line[0] == 'E')
        (void)snprintf(job->error.text, sizeof job->error.text, "%.*s", (int)(len - 2), line + 2);
    else if (line[0] == 'P' && sscanf(line, "P %lu %lu %n", &job->done_bytes, &job->all_bytes, &at) == 2 &&
             at > 0)
        (void)snprintf(job->place, sizeof job->place, "%.*s", (int)(len - (size_t)at), line + at);
}

static void take_lines(struct job *job)
{
    for (;;) {
        char *end = job->output.len ? memchr(job->output.data, '\n', job->output.len) : NULL;
        if (!end)
            return;
        size_t len = (size_t)(end - (char *)job->output.data);
        *end = '\0';
        take_line(job, (const char *)job->output.data, len);
        job->output.len -= len + 1;
        memmove(job->output.data, end + 1, job->output.len);
    }
}

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer)
{
    struct job *job = handle->data;
    (void)wanted;
    *buffer = uv_buf_init(job->buffer, sizeof job->buffer);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct job *job = stream->data;
    if (n > 0 && job->output.len < OUTPUT_MAX_BYTES) {
        bytes_put(&job->output, buffer->base, (size_t)n);
        take_lines(job);
    } else if (n != 0 && !uv_is_closing((uv_handle_t *)stream)) {
        uv_close((uv_handle_t *)stream, on_handle_closed);
    }
}

static void on_exit_of_process(uv_process_t *process, int64_t status, int number)
{
    struct job *job = process->data;
    if (number)
        (void)snprintf(job->error.text, sizeof job->error.text, "the process of `%s` was ended by signal %d",
                       names[job->kind], number);
    job->is_refused = number == 0 && status == EXIT_REFUSED;
    uv_close((uv_handle_t *)process, on_handle_closed);
}

enum tm_err job_spawn(struct job *job, const char *file, char **args, struct tm_why *why)
{
    static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
    char *environment[] = {path, NULL};
    uv_stdio_container_t stdio[3] = {
        {.flags = job->input >= 0 ? UV_INHERIT_FD : UV_IGNORE, .data.fd = job->input},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&job->pipe},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
    };
    const uv_process_options_t options = {.file = file,
                                          .args = args,
                                          .env = environment,
                                          .stdio = stdio,
                                          .stdio_count = 3,
                                          .exit_cb = on_exit_of_process};
    if (uv_pipe_init(job->jobs->options.loop, &job->pipe, 0) != 0)
        return tm_fail(why, TM_IO, "starting the process failed");
    job->pipe.data = job->process.data = job;
    job->handles = 2;
    int failed = uv_spawn(job->jobs->options.loop, &job->process, &options);
    if (failed) {
        uv_close((uv_handle_t *)&job->pipe, on_handle_closed);
        uv_close((uv_handle_t *)&job->process, on_handle_closed);
        return tm_fail(why, TM_IO, "starting the process failed: %s", uv_strerror(failed));
    }
    job->state = STATE_RUNNING;
    (void)uv_read_start((uv_stream_t *)&job->pipe, on_alloc, on_read);
    return TM_OK;
}

void job_fail(struct job *job, const char *text)
{
    bytes_clear(&job->result);
    (void)snprintf(job->error.text, sizeof job->error.text, "%s", text);
    finish(job);
}
