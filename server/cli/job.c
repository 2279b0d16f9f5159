#include "server/cli/job.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/cli/http.h"
#include "storage/model/clock.h"

enum { TIMEOUT_MS = 30000, POLL_MS = 200, PATH_BYTES = 4096, OK = 200, ACCEPTED = 202 };

/* ---- the line ---- */

void job_line_begin(struct job_line *line, const char *name)
{
    *line = (struct job_line){
        .name = name, .begun_ns = clock_mono_ns(clock_system()), .is_shown = isatty(STDERR_FILENO) == 1};
}

void job_line_show(void *arg, const char *place, uint64_t done_bytes, uint64_t all_bytes)
{
    struct job_line *line = arg;
    if (!line->is_shown)
        return;
    double seconds = (double)(clock_mono_ns(clock_system()) - line->begun_ns) / 1e9;
    double part = all_bytes > 0 ? (double)done_bytes / (double)all_bytes : 0;
    fprintf(stderr, "\r\x1b[K%s %3.0f %%  %.0f of %.0f MB  %.0f MB/s  %s", line->name, 100 * part,
            (double)done_bytes / 1e6, (double)all_bytes / 1e6,
            seconds > 0 ? (double)done_bytes / 1e6 / seconds : 0, place);
    line->is_drawn = true;
}

void job_line_end(struct job_line *line)
{
    if (line->is_drawn)
        fputs("\r\x1b[K", stderr);
    line->is_drawn = false;
}

/* ---- asking ---- */

/* The `data` of an answer, a new reference; NULL: why says what came instead. *status tells how it went. */
static json_t *read_answer(const struct http_answer *answer, const char *server, struct tm_why *why)
{
    json_t *root = json_loadb((const char *)answer->body.data, answer->body.len, 0, NULL);
    json_t *data = json_incref(json_object_get(root, "data"));
    const char *error = json_string_value(json_object_get(root, "error"));
    if ((answer->status != OK && answer->status != ACCEPTED) || !data) {
        json_decref(data);
        data = NULL;
        if (error)
            http_error_text(answer, why);
        else
            (void)tm_fail(why, TM_IO, "%.200s answered with HTTP status %ld: not an answer of tidemarkd",
                          server, answer->status);
    }
    json_decref(root);
    return data;
}

/* What the work left, once it is done; takes the reference. */
static enum tm_err take_result(json_t *data, json_t **out, struct tm_why *why)
{
    const char *error = json_string_value(json_object_get(data, "error"));
    enum tm_err fault = json_is_true(json_object_get(data, "refused")) ? TM_INVALID : TM_IO;
    *out = json_incref(json_object_get(data, "result"));
    enum tm_err err =
        *out ? TM_OK : tm_fail(why, fault, "%.350s", error ? error : "the work ended without a result");
    json_decref(data);
    return err;
}

static enum tm_err wait_for(struct http *http, const char *path, const char *server, struct job_line *line,
                            json_t **out, struct tm_why *why)
{
    struct http_answer answer = {0};
    enum tm_err err = TM_OK;
    for (;;) {
        const struct timespec nap = {0, POLL_MS * 1000000};
        (void)nanosleep(&nap, NULL);
        err = http_get(http, path, TIMEOUT_MS, &answer, why);
        json_t *data = err ? NULL : read_answer(&answer, server, why);
        if (!data) {
            err = err ? err : TM_IO;
            break;
        }
        const char *state = json_string_value(json_object_get(data, "state"));
        if (!state || strcmp(state, "running") != 0) {
            err = take_result(data, out, why);
            break;
        }
        const char *place = json_string_value(json_object_get(data, "place"));
        job_line_show(line, place ? place : "",
                      (uint64_t)json_integer_value(json_object_get(data, "done_bytes")),
                      (uint64_t)json_integer_value(json_object_get(data, "all_bytes")));
        json_decref(data);
    }
    bytes_fini(&answer.body);
    return err;
}

enum tm_err job_ask(const struct args *args, const char *path, const char *query, const char *name,
                    json_t **out, struct tm_why *why)
{
    char full[PATH_BYTES];
    struct http *http = NULL;
    struct http_answer answer = {0};
    struct job_line line;
    *out = NULL;
    if (snprintf(full, sizeof full, "%s?wait=no%s%s", path, *query ? "&" : "", query) >= (int)sizeof full)
        return tm_fail(why, TM_INVALID, "the path is too long");
    enum tm_err err = command_connect(args, &http, why);
    if (err)
        return err;
    err = http_post(http, full, STR(""), TIMEOUT_MS, &answer, why);
    json_t *begun = err ? NULL : read_answer(&answer, command_server(args), why);
    if (!begun)
        err = err ? err : TM_IO;
    json_decref(begun);
    job_line_begin(&line, name);
    if (!err)
        err = wait_for(http, path, command_server(args), &line, out, why);
    job_line_end(&line);
    bytes_fini(&answer.body);
    http_close(http);
    return err;
}
