/* `tidemark report`. */
#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/cli/command.h"
#include "server/cli/job.h"

enum { WORDS_MAX = 24, QUERY_BYTES = 3000 };

static const struct option report_options[] = {
    {.name = "week",
     .argument = "WEEK",
     .text = "the ISO week, like 2026-W47; without, the last one that is over"},
    {.name = "service", .argument = "SERVICE", .text = "the report of this service alone"},
    {.name = "env", .argument = "ENV", .text = "the report of this environment alone"},
    {.name = "from", .argument = "TIME", .text = "a part of the week, from then on"},
    {.name = "to", .argument = "TIME", .text = "a part of the week, up to then"},
    {.name = "out", .argument = "DIR", .text = "where the files go; without, the daemon's reports.dir"},
    {.name = "data-dir", .argument = "DIR", .text = "read this data folder here, without asking a daemon"},
    {.name = "zone", .argument = "ZONE", .fallback = "UTC", .text = "with --data-dir: in which weeks begin"},
    {.name = "language", .argument = "en|ko", .fallback = "en", .text = "with --data-dir: of the report"},
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

/* Becomes tidemark-report; returns only on failure. */
static enum tm_err report_here(const struct args *args, struct tm_why *why)
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
    (void)execv(program, words);
    return tm_fail(why, TM_IO, "%.200s can't be run (%s): install it beside tidemark", program,
                   strerror(errno));
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

static int run_report(const struct args *args)
{
    struct tm_why why = {""};
    json_t *data = NULL;
    bool is_here = options_text(args, "data-dir") != NULL;
    enum tm_err err = is_here ? report_here(args, &why) : report_there(args, &data, &why);
    if (err)
        return command_fail(err == TM_INVALID ? EXIT_USAGE : EXIT_FAILED, &why);
    if (options_given(args, "json")) {
        (void)json_dumpf(data, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
        putchar('\n');
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
               "reports.at.\n" OPTIONS_TIME,
    .examples = "tidemark report --week 2026-W47 --service shop\n"
                "tidemark report --week 2026-W47 --data-dir data --out reports",
    .options = report_options,
    .run = run_report,
};
