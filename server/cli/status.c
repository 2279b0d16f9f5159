/* `tidemark status`. */
#include <jansson.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "server/cli/command.h"
#include "server/cli/http.h"
#include "server/cli/json_print.h"
#include "server/cli/status_print.h"

#define STATUS_PATH "/api/v1/status/tidemark"

enum { TIMEOUT_MS = 10000, WATCH_DEFAULT_S = 2, WATCH_MAX_S = 86400 };

static const struct option status_options[] = {
    {.name = "watch", .argument = "[SECONDS]", .text = "redraw every SECONDS (2) until interrupted"},
    {0},
};

/* The `data` of a success envelope, a new reference. NULL: why says what came instead. */
static json_t *read_data(const struct http_answer *answer, const char *server, struct tm_why *why)
{
    enum { OK = 200 };
    json_t *root = json_loadb((const char *)answer->body.data, answer->body.len, 0, NULL);
    const char *error = json_string_value(json_object_get(root, "error"));
    json_t *data = json_object_get(root, "data");
    if (answer->status == OK && json_is_object(data)) {
        json_incref(data);
    } else {
        data = NULL;
        if (error)
            http_error_text(answer, why);
        else
            (void)tm_fail(
                why, TM_IO,
                "%s answered with HTTP status %ld: not a tidemarkd status; is --server the address of its "
                "HTTP listener?",
                server, answer->status);
    }
    json_decref(root);
    return data;
}

static int print_data(const json_t *data, const struct args *args)
{
    bool colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    if (!options_given(args, "json")) {
        status_print(data, colour, stdout);
        return EXIT_OK;
    }
    return json_print_document(data);
}

static int show_once(const struct args *args, struct http *http, struct http_answer *answer, bool redraw)
{
    struct tm_why why = {0};
    if (http_get(http, STATUS_PATH, TIMEOUT_MS, answer, &why))
        return command_fail(EXIT_FAILED, &why);
    json_t *data = read_data(answer, command_server(args), &why);
    if (!data)
        return command_fail(EXIT_FAILED, &why);
    if (redraw)
        fputs("\x1b[H\x1b[J", stdout);
    int code = print_data(data, args);
    json_decref(data);
    return fflush(stdout) == 0 ? code : EXIT_FAILED;
}

static int run_status(const struct args *args)
{
    struct tm_why why = {0};
    struct http *http = NULL;
    struct http_answer answer = {0};
    int64_t every_s = WATCH_DEFAULT_S;
    const char *every = options_text(args, "watch");
    bool watch = options_given(args, "watch");
    if (every && *every && options_number(args, "watch", 1, WATCH_MAX_S, &every_s, &why))
        return command_fail(EXIT_USAGE, &why);
    enum tm_err err = command_connect(args, &http, &why);
    if (err)
        return command_fail(err == TM_INVALID ? EXIT_USAGE : EXIT_FAILED, &why);
    bool redraw = watch && isatty(STDOUT_FILENO) && !options_given(args, "json");
    int code = show_once(args, http, &answer, redraw);
    while (watch && code == EXIT_OK) {
        struct timespec span = {.tv_sec = every_s};
        (void)nanosleep(&span, NULL);
        code = show_once(args, http, &answer, redraw);
    }
    bytes_fini(&answer.body);
    http_close(http);
    return code;
}

const struct command status_command = {
    .name = "status",
    .summary = "one screen on the state of tidemarkd",
    .details = "Shows what comes in, what is stored, how far scoring is, and what keeps the daemon from "
               "taking data. "
               "With --watch on a terminal it is drawn again in place.",
    .examples = "tidemark status --watch\n"
                "tidemark status --server http://10.0.0.7:9700 --key-file ~/.tidemark-key",
    .options = status_options,
    .run = run_status,
};
