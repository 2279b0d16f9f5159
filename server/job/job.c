#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/job/job_private.h"
#include "server/wire/reply.h"

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

void jobs_free_if_over(struct jobs *jobs)
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

static enum tm_err spawn(struct job *job, struct tm_why *why)
{
    static char name[] = "tidemark-job", flag[] = "--job";
    char kind[16];
    (void)snprintf(kind, sizeof kind, "%s", job_name(job));
    char *args[] = {name, flag, kind, (char *)(uintptr_t)job->jobs->options.data_dir, job->to, NULL};
    if (job->kind == JOB_REPORT || job->kind == JOB_DELIVERY)
        return job_spawn(job, job->words.at[0], job->words.at, why);
    return job_spawn(job, "/proc/self/exe", args, why);
}

/* ---- the beginning ---- */

static void on_frozen(void *arg, enum tm_err err)
{
    struct job *job = arg;
    struct tm_why why = {""};
    if (job->jobs->is_stopped) {
        job->state = STATE_FAILED; /* answered */
        jobs_free_if_over(job->jobs);
    } else if (err) {
        const char *text = store_freeze_why(job->jobs->options.store);
        job_fail(job, text[0] ? text : tm_err_text(err));
    } else if (spawn(job, &why) != TM_OK) {
        job_fail(job, why.text);
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
static void prepare(struct job *job, job_done_fn *done, void *arg)
{
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
}

static enum tm_err prepare_if_free(struct job *job, job_done_fn *done, void *arg, struct tm_why *why)
{
    if (job_is_busy(job) || job->jobs->is_stopped)
        return tm_fail(why, TM_BUSY, "a %s is under way: wait for its end", job_name(job));
    prepare(job, done, arg);
    return TM_OK;
}

enum tm_err jobs_start(struct jobs *jobs, enum job_kind kind, const char *to, job_done_fn *done, void *arg,
                       struct tm_why *why)
{
    struct job *job = &jobs->all[kind];
    enum tm_err err = prepare_if_free(job, done, arg, why);
    if (err)
        return err;
    err = kind == JOB_BACKUP ? begin_backup(job, to, why) : spawn(job, why);
    if (err)
        job->done = NULL;
    return err;
}

/* ---- reports in turn ---- */

static enum tm_err wait_for_turn(struct jobs *jobs, struct job_words *words, job_done_fn *done, void *arg,
                                 struct tm_why *why)
{
    if (jobs->is_stopped)
        return tm_fail(why, TM_BUSY, "the daemon stops: ask again when it runs");
    if (jobs->waiting_count == JOBS_WAITING_MAX)
        return tm_fail(why, TM_BUSY, "%d reports wait for their turn already: ask again later",
                       JOBS_WAITING_MAX);
    jobs->waiting[jobs->waiting_count++] = (struct job_waiting){words, done, arg};
    return TM_OK;
}

/* The words change hands. */
static enum tm_err begin_report(struct job *job, const struct job_waiting *next, struct tm_why *why)
{
    prepare(job, next->done, next->arg);
    job->words = *next->words;
    *next->words = (struct job_words){0};
    return spawn(job, why);
}

/* One that can't be begun has failed; the one behind it is tried then. */
void jobs_begin_waiting(struct jobs *jobs)
{
    struct job *job = &jobs->all[JOB_REPORT];
    while (jobs->waiting_count > 0 && !job_is_busy(job) && !jobs->is_stopped) {
        struct job_waiting next = jobs->waiting[0];
        struct tm_why why = {""};
        jobs->waiting_count--;
        memmove(jobs->waiting, jobs->waiting + 1, jobs->waiting_count * sizeof *jobs->waiting);
        if (begin_report(job, &next, &why) != TM_OK)
            job_fail(job, why.text);
        free(next.words);
    }
}

enum tm_err jobs_start_report(struct jobs *jobs, const struct config *config, const struct job_report *report,
                              job_done_fn *done, void *arg, struct tm_why *why)
{
    struct job *job = &jobs->all[JOB_REPORT];
    struct job_words *words = calloc(1, sizeof *words);
    if (!words)
        return tm_fail(why, TM_NOMEM, "out of memory");
    enum tm_err err = job_words_make(words, config, report, jobs->options.data_dir, why);
    if (!err && (job_is_busy(job) || jobs->is_stopped)) {
        err = wait_for_turn(jobs, words, done, arg, why);
        if (!err)
            return TM_OK;
    } else if (!err) {
        const struct job_waiting now = {words, done, arg};
        err = begin_report(job, &now, why);
        if (err)
            job->done = NULL;
    }
    job_words_fini(words);
    free(words);
    return err;
}

enum tm_err jobs_start_delivery(struct jobs *jobs, const struct config *config, job_done_fn *done, void *arg,
                                struct tm_why *why)
{
    struct job *job = &jobs->all[JOB_DELIVERY];
    enum tm_err err = prepare_if_free(job, done, arg, why);
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
        if (kind == JOB_REPORT)
            bytes_printf(out, ",\"waiting\":%zu", jobs->waiting_count);
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
    static const char stops[] = "the daemon stops: ask again when it runs";
    for (int kind = 0; kind < JOB_KINDS; kind++) {
        struct job *job = &jobs->all[kind];
        job_done_fn *done = job->done;
        if (job->state == STATE_RUNNING)
            (void)uv_process_kill(&job->process, SIGKILL);
        job->done = NULL;
        if (done)
            done(job->arg, TM_IO, STR(""), stops);
    }
    for (; jobs->waiting_count > 0; jobs->waiting_count--) {
        const struct job_waiting *last = &jobs->waiting[jobs->waiting_count - 1];
        if (last->done)
            last->done(last->arg, TM_IO, STR(""), stops);
        job_words_fini(last->words);
        free(last->words);
    }
}

void jobs_close(struct jobs *jobs)
{
    if (!jobs)
        return;
    jobs->is_closed = true;
    jobs_free_if_over(jobs);
}
