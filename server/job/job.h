/* Long work on the data folder, in a child process: verification, backup, reports. One of each kind at a
 * time, reports in turn; ingest and queries never wait for it. Loop thread only. */
#ifndef TM_JOB_H
#define TM_JOB_H

#include <stdint.h>

#include "server/log/log.h"
#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/store.h"

enum job_kind { JOB_VERIFY, JOB_BACKUP, JOB_REPORT, JOB_DELIVERY, JOB_KINDS };

enum { JOBS_WAITING_MAX = 16 };

struct jobs;
struct uv_loop_s;

struct jobs_options {
    struct uv_loop_s *loop;
    struct log *log;
    struct store *store;
    const char *data_dir; /* copied */
};

/* NULL when out of memory. */
struct jobs *jobs_open(const struct jobs_options *options);

/* Told once, when the work is done: result is the JSON document that it left, or empty, then error is a
 * sentence and err says whether what was asked for makes no sense (TM_INVALID) or failed (TM_IO). */
typedef void job_done_fn(void *arg, enum tm_err err, struct str result, const char *error);

/* Begins the work. to: where a backup goes, an absolute path; NULL for others. done may be NULL. TM_BUSY: it
 * is under way already; TM_INVALID, TM_NOMEM, TM_IO; done is not called then. */
enum tm_err jobs_start(struct jobs *jobs, enum job_kind kind, const char *to, job_done_fn *done, void *arg,
                       struct tm_why *why) TM_MUST_CHECK;

/* Which reports are asked for; texts are views, NULL: not given. */
struct job_report {
    const char *week, *service, *env, *from, *to;
    const char *out; /* an absolute path; NULL: reports.dir */
    const char *due; /* a time of the week: only if the report of the last such moment is missing */
};

struct config;

/* Begins tidemark-report, which lies beside the daemon's program, with the settings of reports and services
 * as they are now; while a report is under way it waits for its turn, up to JOBS_WAITING_MAX of them (TM_BUSY
 * beyond). Errors and done as jobs_start. */
enum tm_err jobs_start_report(struct jobs *jobs, const struct config *config, const struct job_report *report,
                              job_done_fn *done, void *arg, struct tm_why *why) TM_MUST_CHECK;

/* Begins a pass of delivery, by the same program (reports/deliver). Errors and done as jobs_start. */
enum tm_err jobs_start_delivery(struct jobs *jobs, const struct config *config, job_done_fn *done, void *arg,
                                struct tm_why *why) TM_MUST_CHECK;

/* How many of a kind have ended well since the start. */
size_t jobs_done_count(const struct jobs *jobs, enum job_kind kind);

/* Appends {"state":"none|running|done|failed",...}: while it runs place, done_bytes, all_bytes and, of
 * reports, how many are waiting; then result or error of the last one, and with that whether it was refused:
 * what was asked for makes no sense. */
void jobs_status_json(const struct jobs *jobs, enum job_kind kind, struct bytes *out);

/* Ends what runs; done functions are called, of those that wait too. Before http_close. NULL is allowed. */
void jobs_stop(struct jobs *jobs);
/* Frees it, once its handles are closed. The store is gone by then, or its freezing is over. NULL is allowed.
 */
void jobs_close(struct jobs *jobs);

/* The child: `tidemarkd --job verify DIR` or `--job backup DIR TO`. Writes lines to stdout: `P done all
 * place`, at the end `R document` or `E sentence`. Returns the exit code. */
int job_run(int argc, char **argv);

#endif
