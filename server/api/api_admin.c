/* Verification and backup: begun here, done by a child process (server/job). */
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

static void answer_done(void *arg, struct str result, const char *error)
{
    struct http_exchange *exchange = arg;
    struct bytes data = {0};
    if (error) {
        http_respond_error(exchange, ERROR, "internal", error);
        return;
    }
    bytes_put(&data, result.ptr, result.len);
    respond_data(exchange, OK, &data);
    bytes_fini(&data);
}

static void start(struct api *api, struct http_exchange *exchange, enum job_kind kind, const char *to)
{
    struct tm_why why = {""};
    struct bytes data = {0};
    const char *wait = http_query(exchange, "wait");
    bool waits = !wait || strcmp(wait, "no") != 0;
    enum tm_err err = jobs_start(api->jobs, kind, to, waits ? answer_done : NULL, exchange, &why);
    if (err) {
        http_respond_error(exchange,
                           err == TM_INVALID ? BAD_REQUEST
                           : err == TM_BUSY  ? CONFLICT
                                             : ERROR,
                           err == TM_INVALID ? "bad_data"
                           : err == TM_BUSY  ? "busy"
                                             : "internal",
                           why.text);
    } else if (!waits) {
        jobs_status_json(api->jobs, kind, &data);
        respond_data(exchange, ACCEPTED, &data);
        bytes_fini(&data);
    }
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
