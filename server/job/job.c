#include "server/job/job.h"
#include "server/job/job_words.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "server/wire/reply.h"

/* The exit code of a program that was asked for what makes no sense. */
enum { EXIT_REFUSED = 2 };
enum { OUTPUT_MAX_BYTES = 4 << 20, READ_BYTES = 1 << 16, PLACE_BYTES = 256 };

enum job_state { STATE_NONE, STATE_FREEZING, STATE_RUNNING, STATE_DONE, STATE_FAILED };

struct job {
    struct jobs *jobs;
    enum job_kind kind;
    enum job_state state;
    char *to;
    struct job_words words; /* of a report, or of delivery */
    int input;              /* of the process; -1: none */
    size_t done_count;
    uv_process_t process;
    uv_pipe_t pipe;
    int handles; /* not closed yet */
    char buffer[READ_BYTES];
    struct bytes output; /* lines not yet whole */
    struct bytes result;
    struct tm_why error;
    bool is_refused; /* what was asked for makes no sense */
    char place[PLACE_BYTES];
    uint64_t done_bytes, all_bytes;
    job_done_fn *done;
    void *arg;
};

struct jobs {
    struct jobs_options options;
    char *data_dir; /* a reload frees the one of the configuration */
    struct job all[JOB_KINDS];
    bool is_stopped;
    bool is_closed;
};

static const char *const names[JOB_KINDS] = {
    [JOB_VERIFY] = "verify", [JOB_BACKUP] = "backup", [JOB_REPORT] = "report", [JOB_DELIVERY] = "delivery"};

struct jobs *jobs_open(const struct jobs_options *options)
{
    struct jobs *jobs = calloc(1, sizeof *jobs);
    char *data_dir = strdup(options->data_dir);
    if (!jobs || !data_dir) {
        free(jobs);
        free(data_dir);
        return NULL;
    }
    jobs->options = *options;
    jobs->options.data_dir = jobs->data_dir = data_dir;
    for (int kind = 0; kind < JOB_KINDS; kind++) {
        jobs->all[kind].jobs = jobs;
        jobs->all[kind].kind = (enum job_kind)kind;
        jobs->all[kind].input = -1;
    }
    return jobs;
}

static bool is_busy(const struct job *job)
{
    return job->state == STATE_FREEZING || job->state == STATE_RUNNING || job->handles > 0;
}

static void free_if_over(struct jobs *jobs)
{
    bool any = false;
    for (int kind = 0; kind < JOB_KINDS; kind++)
        any = any || jobs->all[kind].handles > 0 || jobs->all[kind].state == STATE_FREEZING;
    if (!jobs->is_closed || any)
        return;
    for (int kind = 0; kind < JOB_KINDS; kind++) {
        free(jobs->all[kind].to);
        job_words_fini(&jobs->all[kind].words);
        bytes_fini(&jobs->all[kind].output);
        bytes_fini(&jobs->all[kind].result);
    }
    free(jobs->data_dir);
    free(jobs);
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
    free_if_over(job->jobs);
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

static enum tm_err spawn_program(struct job *job, const char *file, char **args, struct tm_why *why)
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

static enum tm_err spawn(struct job *job, struct tm_why *why)
{
    static char name[] = "tidemark-job", flag[] = "--job";
    char kind[16];
    (void)snprintf(kind, sizeof kind, "%s", names[job->kind]);
    char *args[] = {name, flag, kind, (char *)(uintptr_t)job->jobs->options.data_dir, job->to, NULL};
    if (job->kind == JOB_REPORT || job->kind == JOB_DELIVERY)
        return spawn_program(job, job->words.at[0], job->words.at, why);
    return spawn_program(job, "/proc/self/exe", args, why);
}

/* ---- the beginning ---- */

static void fail(struct job *job, const char *text)
{
    bytes_clear(&job->result);
    (void)snprintf(job->error.text, sizeof job->error.text, "%s", text);
    finish(job);
}

static void on_frozen(void *arg, enum tm_err err)
{
    struct job *job = arg;
    struct tm_why why = {""};
    if (job->jobs->is_stopped) {
        job->state = STATE_FAILED; /* answered */
        free_if_over(job->jobs);
    } else if (err) {
        const char *text = store_freeze_why(job->jobs->options.store);
        fail(job, text[0] ? text : tm_err_text(err));
    } else if (spawn(job, &why) != TM_OK) {
        fail(job, why.text);
    }
}

static enum tm_err begin_backup(struct job *job, const char *to, struct tm_why *why)
{
    if (!to || to[0] != '/')
        return tm_fail(why, TM_INVALID, "`to` must be an absolute path of a folder, like /backups");
    job->to = strdup(to);
    if (!job->to)
        return tm_fail(why, TM_NOMEM, "out of memory");
    job->state = STATE_FREEZING;
    enum tm_err err = store_freeze(job->jobs->options.store, on_frozen, job);
    if (err)
        job->state = STATE_FAILED;
    return err ? tm_fail(why, err, "the store can't be frozen now: %s", tm_err_text(err)) : TM_OK;
}

/* Makes a job that is not busy ready for the next one. */
static enum tm_err prepare(struct jobs *jobs, struct job *job, job_done_fn *done, void *arg,
                           struct tm_why *why)
{
    if (is_busy(job) || jobs->is_stopped)
        return tm_fail(why, TM_BUSY, "a %s is under way: wait for its end", names[job->kind]);
    free(job->to);
    job->to = NULL;
    job_words_fini(&job->words);
    bytes_clear(&job->output);
    bytes_clear(&job->result);
    job->error.text[0] = job->place[0] = '\0';
    job->is_refused = false;
    job->done_bytes = job->all_bytes = 0;
    job->done = done;
    job->arg = arg;
    return TM_OK;
}

enum tm_err jobs_start(struct jobs *jobs, enum job_kind kind, const char *to, job_done_fn *done, void *arg,
                       struct tm_why *why)
{
    struct job *job = &jobs->all[kind];
    enum tm_err err = prepare(jobs, job, done, arg, why);
    if (err)
        return err;
    err = kind == JOB_BACKUP ? begin_backup(job, to, why) : spawn(job, why);
    if (err)
        job->done = NULL;
    return err;
}

enum tm_err jobs_start_report(struct jobs *jobs, const struct config *config, const struct job_report *report,
                              job_done_fn *done, void *arg, struct tm_why *why)
{
    struct job *job = &jobs->all[JOB_REPORT];
    enum tm_err err = prepare(jobs, job, done, arg, why);
    if (err)
        return err;
    err = job_words_make(&job->words, config, report, jobs->options.data_dir, why);
    if (!err)
        err = spawn(job, why);
    if (err)
        job->done = NULL;
    return err;
}

enum tm_err jobs_start_delivery(struct jobs *jobs, const struct config *config, job_done_fn *done, void *arg,
                                struct tm_why *why)
{
    struct job *job = &jobs->all[JOB_DELIVERY];
    enum tm_err err = prepare(jobs, job, done, arg, why);
    if (err)
        return err;
    err = job_words_make_delivery(&job->words, config, jobs->options.data_dir, &job->input, why);
    if (!err)
        err = spawn(job, why);
    if (job->input >= 0)
        (void)close(job->input); /* the process has its own */
    job->input = -1;
    if (err)
        job->done = NULL;
    return err;
}

size_t jobs_done_count(const struct jobs *jobs, enum job_kind kind)
{
    return jobs->all[kind].done_count;
}

void jobs_status_json(const struct jobs *jobs, enum job_kind kind, struct bytes *out)
{
    static const char *const states[] = {[STATE_NONE] = "none",
                                         [STATE_FREEZING] = "running",
                                         [STATE_RUNNING] = "running",
                                         [STATE_DONE] = "done",
                                         [STATE_FAILED] = "failed"};
    const struct job *job = &jobs->all[kind];
    bytes_printf(out, "{\"state\":\"%s\"", states[job->state]);
    if (job->state == STATE_FREEZING || job->state == STATE_RUNNING) {
        bytes_printf(out, ",\"done_bytes\":%llu,\"all_bytes\":%llu,\"place\":",
                     (unsigned long long)job->done_bytes, (unsigned long long)job->all_bytes);
        bytes_json_string(out, str_of(job->place));
    } else if (job->state == STATE_DONE) {
        bytes_printf(out, ",\"result\":");
        bytes_put(out, job->result.data, job->result.len);
    } else if (job->state == STATE_FAILED) {
        bytes_printf(out, ",\"error\":");
        bytes_json_string(out, str_of(job->error.text));
        bytes_printf(out, ",\"refused\":%s", job->is_refused ? "true" : "false");
    }
    bytes_printf(out, "}");
}

void jobs_stop(struct jobs *jobs)
{
    if (!jobs || jobs->is_stopped)
        return;
    jobs->is_stopped = true;
    for (int kind = 0; kind < JOB_KINDS; kind++) {
        struct job *job = &jobs->all[kind];
        job_done_fn *done = job->done;
        if (job->state == STATE_RUNNING)
            (void)uv_process_kill(&job->process, SIGKILL);
        job->done = NULL;
        if (done)
            done(job->arg, TM_IO, STR(""), "the daemon stops: ask again when it runs");
    }
}

void jobs_close(struct jobs *jobs)
{
    if (!jobs)
        return;
    jobs->is_closed = true;
    free_if_over(jobs);
}
