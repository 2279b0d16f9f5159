/* One kind of work and its process. Private to server/job. */
#ifndef TM_JOB_PRIVATE_H
#define TM_JOB_PRIVATE_H

#include <uv.h>

#include "server/job/job.h"
#include "server/job/job_words.h"

enum { JOB_READ_BYTES = 1 << 16, JOB_PLACE_BYTES = 256 };

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
    char buffer[JOB_READ_BYTES];
    struct bytes output; /* lines not yet whole */
    struct bytes result;
    struct tm_why error;
    bool is_refused; /* what was asked for makes no sense */
    char place[JOB_PLACE_BYTES];
    uint64_t done_bytes, all_bytes;
    job_done_fn *done;
    void *arg;
};

/* A report that waits for its turn. */
struct job_waiting {
    struct job_words *words;
    job_done_fn *done;
    void *arg;
};

struct jobs {
    struct jobs_options options;
    char *data_dir; /* a reload frees the one of the configuration */
    struct job all[JOB_KINDS];
    struct job_waiting waiting[JOBS_WAITING_MAX]; /* the first is the next */
    size_t waiting_count;
    bool is_stopped;
    bool is_closed;
};

/* "verify", "backup", ... */
const char *job_name(const struct job *job);
/* Whether its last process, or the freezing before it, is not over. */
bool job_is_busy(const struct job *job);

/* Starts a program, args[0] and on; its lines are read until it ends. TM_IO: its end is not told. */
enum tm_err job_spawn(struct job *job, const char *file, char **args, struct tm_why *why) TM_MUST_CHECK;
/* The work failed without a process: told as its end would be. */
void job_fail(struct job *job, const char *text);

/* Begins the reports whose turn it is: one, unless it can't be begun. */
void jobs_begin_waiting(struct jobs *jobs);
/* Frees all of it once it is closed and nothing runs any more. */
void jobs_free_if_over(struct jobs *jobs);

#endif
