/* `tidemark report`. */
#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

#include "server/cli/command.h"
#include "server/cli/job.h"
#include "server/cli/json_print.h"

enum { WORDS_MAX = 24, QUERY_BYTES = 3000 };

static const struct option report_options[] = {
    {.name = "week",
     .argument = "WEEK",
     .text = "the ISO week, like 2026-W47; without, the last one that is over"},
    {.name = "service", .argument = "SERVICE", .text = "the report of this service alone"},
    {.name = "env", .argument = "ENV", .text = "the report of this environment alone"},
    {.name = "from", .argument = "TIME", .text = "a part of the week, or seven days at most, from then on"},
    {.name = "to", .argument = "TIME", .text = "a part of the week, up to then"},
    {.name = "out", .argument = "DIR", .text = "where the files go; without, the daemon's reports.dir"},
    {.name = "data-dir", .argument = "DIR", .text = "read this data folder here, without asking a daemon"},
    {.name = "zone", .argument = "ZONE", .text = "with --data-dir: in which weeks begin (default UTC)"},
    {.name = "language", .argument = "en|ko", .text = "with --data-dir: of the report (default en)"},
    {0},
};

static const char *const asked[] = {"week", "service", "env", "from", "to"};
enum { ASKED = sizeof asked / sizeof *asked };

/* ---- with a daemon ---- */

static bool put_parameter(char query[QUERY_BYTES], const char *name, const char *value)
{
    size_t len = strlen(query);
    char *escaped = curl_easy_escape(NULL, value, 0);
    int n = escaped ? snprintf(query + len, QUERY_BYTES - len, "%s%s=%s", len ? "&" : "", name, escaped) : -1;
    curl_free(escaped);
    return n > 0 && (size_t)n < QUERY_BYTES - len;
}

static enum tm_err report_there(const struct args *args, json_t **out, struct tm_why *why)
{
    char query[QUERY_BYTES] = "", path[PATH_MAX];
    const char *dir = options_text(args, "out");
    bool fits = true;
    for (size_t i = 0; i < ASKED; i++)
        if (options_text(args, asked[i]))
            fits = fits && put_parameter(query, asked[i], options_text(args, asked[i]));
    if (dir && dir[0] != '/') { /* the daemon may work elsewhere */
        char here[PATH_MAX];
        int len = getcwd(here, sizeof here) ? snprintf(path, sizeof path, "%s/%s", here, dir) : -1;
        if (len < 0 || (size_t)len >= sizeof path)
            return tm_fail(why, TM_INVALID, "--out %.100s: the path is too long", dir);
        dir = path;
    }
    if (dir)
        fits = fits && put_parameter(query, "out", dir);
    if (!fits)
        return tm_fail(why, TM_INVALID, "the options are too long");
    return job_ask(args, "/api/v1/admin/report", query, "report", out, why);
}

/* ---- on a folder ---- */

/* tidemark-report lies beside this program. */
static enum tm_err find_program(char path[PATH_MAX], struct tm_why *why)
{
    static const char name[] = "/tidemark-report";
    ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - sizeof name);
    char *slash;
    if (len <= 0)
        return tm_fail(why, TM_IO, "finding this program's folder: %s", strerror(errno));
    path[len] = '\0';
    slash = strrchr(path, '/');
    if (slash)
        memcpy(slash, name, sizeof name);
    return TM_OK;
}

/* Runs the program and reads the document that it prints; what is wrong it tells on stderr itself. *code: its
 * exit code. */
static enum tm_err run_program(char *const words[], json_t **out, int *code, struct tm_why *why)
{
    int ends[2] = {-1, -1}, status = 0;
    pid_t child = -1;
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return tm_fail(why, TM_NOMEM, "out of memory");
    int fault = pipe2(ends, O_CLOEXEC) != 0 ? errno : 0;
    if (!fault)
        fault = posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    if (!fault)
        fault = posix_spawn(&child, words[0], &actions, NULL, words, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (ends[1] >= 0)
        (void)close(ends[1]);
    *out = fault ? NULL : json_loadfd(ends[0], 0, NULL);
    if (ends[0] >= 0)
        (void)close(ends[0]);
    if (fault)
        return tm_fail(why, TM_IO, "%.200s can't be run (%s): install it beside tidemark", words[0],
                       strerror(fault));
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
    return *code == EXIT_OK && !*out ? tm_fail(why, TM_IO, "%.200s left no result", words[0]) : TM_OK;
}

static enum tm_err report_here(const struct args *args, json_t **out, int *code, struct tm_why *why)
{
    static const char *const passed[] = {"data-dir", "out", "week", "service", "env",
                                         "from",     "to",  "zone", "language"};
    char program[PATH_MAX], names[WORDS_MAX][20];
    char *words[WORDS_MAX + 2] = {program};
    size_t count = 1;
    enum tm_err err = find_program(program, why);
    if (err)
        return err;
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
        const char *value = options_text(args, passed[i]);
        if (!value)
            continue;
        (void)snprintf(names[i], sizeof names[i], "--%s", passed[i]);
        words[count++] = names[i];
        words[count++] = (char *)(uintptr_t)value;
    }
    return run_program(words, out, code, why);
}

static void print_text(const json_t *data)
{
    size_t i;
    const json_t *item;
    json_array_foreach(json_object_get(data, "items"), i, item)
    {
        const char *path = json_string_value(json_object_get(item, "path"));
        printf("%s  revision %" JSON_INTEGER_FORMAT "%s\n", path ? path : "?",
               json_integer_value(json_object_get(item, "revision")),
               json_is_true(json_object_get(item, "changed")) ? "" : ", unchanged");
    }
    if (json_array_size(json_object_get(data, "items")) == 0)
        puts("no service was there in this week: no report was made");
}

/* What a daemon has of its configuration can't be told it. */
static enum tm_err check_options(const struct args *args, bool is_here, struct tm_why *why)
{
    static const char *const here_only[] = {"zone", "language"};
    for (size_t i = 0; i < sizeof here_only / sizeof *here_only; i++)
        if (!is_here && options_given(args, here_only[i]))
            return tm_fail(why, TM_INVALID,
                           "--%s goes with --data-dir only: the daemon takes it from its configuration "
                           "(reports.%s)",
                           here_only[i], i == 0 ? "timezone" : "language");
    if (is_here && options_given(args, "server"))
        return tm_fail(why, TM_INVALID, "--data-dir reads a folder, --server asks a daemon; leave out one");
    return TM_OK;
}

static int run_report(const struct args *args)
{
    struct tm_why why = {""};
    json_t *data = NULL;
    int code = EXIT_OK;
    bool is_here = options_text(args, "data-dir") != NULL;
    enum tm_err err = check_options(args, is_here, &why);
    if (!err)
        err = is_here ? report_here(args, &data, &code, &why) : report_there(args, &data, &why);
    if (err)
        code = command_fail(err == TM_INVALID ? EXIT_USAGE : EXIT_FAILED, &why);
    if (code) {
        json_decref(data);
        return code;
    }
    if (options_given(args, "json")) {
        (void)json_print_document(data);
    } else {
        print_text(data);
    }
    json_decref(data);
    return EXIT_OK;
}

const struct command report_command = {
    .name = "report",
    .summary = "make the weekly exception reports",
    .details = "Makes the report of a week for each service, or for one, as HTML, Markdown, CSV and "
               "JSON, and returns when the files are in place. What did not change since is left as it "
               "is; what did becomes a new revision. The daemon does the same by itself at "
               "reports.at. With --from or --to the report is on that span: it lies in a folder "
               "@spans/FROM-TO of its own and leaves the week's as it is.\n" OPTIONS_TIME,
    .examples = "tidemark report --week 2026-W47 --service shop\n"
                "tidemark report --week 2026-W47 --data-dir data --out reports",
    .options = report_options,
    .run = run_report,
};
