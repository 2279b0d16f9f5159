/* Verification, backup and reports: begun here, done by a child process (server/job). */
#include <string.h>

#include "server/api/api.h"

enum { OK = 200, ACCEPTED = 202, BAD_REQUEST = 400, CONFLICT = 409, ERROR = 500, UNAVAILABLE = 503 };

static void respond_data(struct http_exchange *exchange, unsigned status, struct bytes *data)
{
    struct bytes body = {0};
    bytes_printf(&body, "{\"status\":\"success\",\"data\":");
    bytes_put(&body, data->data, data->len);
    bytes_printf(&body, "}\n");
    if (bytes_error(&body) || bytes_error(data))
        http_respond_error(exchange, UNAVAILABLE, "unavailable", "out of memory; try again");
    else
        http_respond(exchange, status, NULL, bytes_view(&body));
    bytes_fini(&body);
}

static void answer_done(void *arg, enum tm_err err, struct str result, const char *error)
{
    struct http_exchange *exchange = arg;
    struct bytes data = {0};
    if (err) {
        bool is_refused = err == TM_INVALID;
        http_respond_error(exchange, is_refused ? BAD_REQUEST : ERROR, is_refused ? "bad_data" : "internal",
                           error);
        return;
    }
    bytes_put(&data, result.ptr, result.len);
    respond_data(exchange, OK, &data);
    bytes_fini(&data);
}

static bool waits_for(const struct http_exchange *exchange)
{
    const char *wait = http_query(exchange, "wait");
    return !wait || strcmp(wait, "no") != 0;
}

/* Answers what the start of a job came to, unless its end will. */
static void answer_start(struct api *api, struct http_exchange *exchange, enum job_kind kind, enum tm_err err,
                         const struct tm_why *started)
{
    struct bytes data = {0};
    if (err) {
        http_respond_error(exchange,
                           err == TM_INVALID ? BAD_REQUEST
                           : err == TM_BUSY  ? CONFLICT
                                             : ERROR,
                           err == TM_INVALID ? "bad_data"
                           : err == TM_BUSY  ? "busy"
                                             : "internal",
                           started->text);
    } else if (!waits_for(exchange)) {
        jobs_status_json(api->jobs, kind, &data);
        respond_data(exchange, ACCEPTED, &data);
        bytes_fini(&data);
    }
}

static void start(struct api *api, struct http_exchange *exchange, enum job_kind kind, const char *to)
{
    struct tm_why why = {""};
    job_done_fn *done = waits_for(exchange) ? answer_done : NULL;
    enum tm_err err = jobs_start(api->jobs, kind, to, done, exchange, &why);
    answer_start(api, exchange, kind, err, &why);
}

static void tell_status(const struct api *api, struct http_exchange *exchange, enum job_kind kind)
{
    struct bytes data = {0};
    jobs_status_json(api->jobs, kind, &data);
    respond_data(exchange, OK, &data);
    bytes_fini(&data);
}

void api_verify(void *arg, struct http_exchange *exchange)
{
    start(arg, exchange, JOB_VERIFY, NULL);
}

void api_verify_status(void *arg, struct http_exchange *exchange)
{
    tell_status(arg, exchange, JOB_VERIFY);
}

void api_backup(void *arg, struct http_exchange *exchange)
{
    const struct api *api = arg;
    const char *to = http_query(exchange, "to");
    struct tm_why why;
    (void)!ingest_save_groups(api->ingest, false, &why); /* else the backup has those of a minute ago */
    start(arg, exchange, JOB_BACKUP, to ? to : "");
}

void api_backup_status(void *arg, struct http_exchange *exchange)
{
    tell_status(arg, exchange, JOB_BACKUP);
}

void api_report(void *arg, struct http_exchange *exchange)
{
    struct api *api = arg;
    struct tm_why why = {""};
    const struct job_report report = {.week = http_query(exchange, "week"),
                                      .service = http_query(exchange, "service"),
                                      .env = http_query(exchange, "env"),
                                      .from = http_query(exchange, "from"),
                                      .to = http_query(exchange, "to"),
                                      .out = http_query(exchange, "out")};
    job_done_fn *done = waits_for(exchange) ? answer_done : NULL;
    enum tm_err err = jobs_start_report(api->jobs, api->config, &report, done, exchange, &why);
    answer_start(api, exchange, JOB_REPORT, err, &why);
}

void api_report_status(void *arg, struct http_exchange *exchange)
{
    tell_status(arg, exchange, JOB_REPORT);
}
