#include "server/cli/job.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/cli/http.h"
#include "storage/model/clock.h"

enum { TIMEOUT_MS = 30000, PATH_BYTES = 4096, OK = 200 };

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

/* How far the work is, asked for beside the answer that is waited for. */
struct watch {
    struct http *http;
    const char *path;
    struct job_line line;
    struct http_answer answer;
};

/* The `data` of an answer, a new reference; NULL: why says what came instead. */
static json_t *read_answer(const struct http_answer *answer, const char *server, struct tm_why *why)
{
    json_t *root = json_loadb((const char *)answer->body.data, answer->body.len, 0, NULL);
    json_t *data = answer->status == OK ? json_incref(json_object_get(root, "data")) : NULL;
    if (!data && json_object_get(root, "error"))
        http_error_text(answer, why);
    else if (!data)
        (void)tm_fail(why, TM_IO, "%.200s answered with HTTP status %ld: not an answer of tidemarkd", server,
                      answer->status);
    json_decref(root);
    return data;
}

static void show_progress(void *arg)
{
    struct watch *watch = arg;
    struct tm_why why;
    json_t *data = NULL;
    if (http_get(watch->http, watch->path, TIMEOUT_MS, &watch->answer, &why) == TM_OK)
        data = read_answer(&watch->answer, "", &why);
    const char *state = json_string_value(json_object_get(data, "state"));
    const char *place = json_string_value(json_object_get(data, "place"));
    if (state && strcmp(state, "running") == 0)
        job_line_show(&watch->line, place ? place : "",
                      (uint64_t)json_integer_value(json_object_get(data, "done_bytes")),
                      (uint64_t)json_integer_value(json_object_get(data, "all_bytes")));
    json_decref(data);
}

enum tm_err job_ask(const struct args *args, const char *path, const char *query, const char *name,
                    json_t **out, struct tm_why *why)
{
    enum { REFUSED = 400 };
    char full[PATH_BYTES];
    struct http *http = NULL;
    struct http_answer answer = {0};
    struct watch watch = {.path = path};
    *out = NULL;
    if (snprintf(full, sizeof full, "%s%s%s", path, *query ? "?" : "", query) >= (int)sizeof full)
        return tm_fail(why, TM_INVALID, "the path is too long");
    enum tm_err err = command_connect(args, &http, why);
    job_line_begin(&watch.line, name);
    if (!err && watch.line.is_shown)
        err = command_connect(args, &watch.http, why);
    if (!err)
        err = http_post_long(http, full, watch.line.is_shown ? show_progress : NULL, &watch, &answer, why);
    job_line_end(&watch.line);
    if (!err)
        *out = read_answer(&answer, command_server(args), why);
    if (!err && !*out)
        err = answer.status == REFUSED ? TM_INVALID : TM_IO;
    bytes_fini(&watch.answer.body);
    bytes_fini(&answer.body);
    http_close(watch.http);
    http_close(http);
    return err;
}
