/* tidemark-report: makes the weekly exception reports of a data folder (reports/README.md). `tidemark report`
 * and the daemon's schedule run it. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "reports/run.h"
#include "storage/model/when.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, NICENESS = 10 };
#define WEEK_MAX_MS INT64_C(615600000) /* 171 hours */

enum choice {
    OPT_DATA_DIR = 256,
    OPT_OUT,
    OPT_WEEK,
    OPT_SERVICE,
    OPT_ENV,
    OPT_FROM,
    OPT_TO,
    OPT_ZONE,
    OPT_LANGUAGE,
    OPT_FORMATS,
    OPT_OWNER,
    OPT_DUE,
    OPT_JOB,
    OPT_HELP,
    OPT_VERSION
};

static const struct option long_options[] = {
    {"data-dir", required_argument, NULL, OPT_DATA_DIR},
    {"out", required_argument, NULL, OPT_OUT},
    {"week", required_argument, NULL, OPT_WEEK},
    {"service", required_argument, NULL, OPT_SERVICE},
    {"env", required_argument, NULL, OPT_ENV},
    {"from", required_argument, NULL, OPT_FROM},
    {"to", required_argument, NULL, OPT_TO},
    {"zone", required_argument, NULL, OPT_ZONE},
    {"language", required_argument, NULL, OPT_LANGUAGE},
    {"formats", required_argument, NULL, OPT_FORMATS},
    {"owner", required_argument, NULL, OPT_OWNER},
    {"due", required_argument, NULL, OPT_DUE},
    {"job", no_argument, NULL, OPT_JOB},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {0},
};

static const char help[] =
    "usage: tidemark-report --data-dir DIR [--week 2026-W47] [--out DIR] [options]\n\n"
    "Makes the weekly exception report of each service, or of one, from a data folder, at rest or beside "
    "its\n"
    "daemon. Reports that did not change are left as they are.\n\n"
    "  --data-dir DIR        the data folder\n"
    "  --out DIR             where reports go; default DATA_DIR/reports\n"
    "  --week WEEK           an ISO week; default the last one that is over\n"
    "  --service SERVICE     of this service alone; --env ENV: of this environment alone\n"
    "  --from TIME --to TIME a part of the week, or seven days at most\n"
    "  --zone ZONE           in which weeks begin; default UTC\n"
    "  --language en|ko      default en\n"
    "  --formats LIST        of html, md, csv, json; default all\n"
    "  --owner SERVICE=NAME  who owns a service; may stand more than once\n"
    "  --due 'Mon 07:00'     only if the last such moment's report is missing\n"
    "  --job                 tell progress and result as the daemon reads them\n\n"
    "Exit codes: 0 made, 1 failed, 2 usage.\n";

struct words {
    struct run_options run;
    const char *week, *from, *to, *due;
    bool is_job;
    char out_dir[4096];
};

static enum tm_err take_formats(const char *list, struct run_options *run, struct tm_why *why)
{
    memset(run->formats, 0, sizeof run->formats);
    while (*list) {
        size_t len = strcspn(list, ",");
        int f = 0;
        while (f < RENDER_FORMATS &&
               !str_equal(str_of(render_extension((enum render_format)f)), (struct str){list, len}))
            f++;
        if (f == RENDER_FORMATS)
            return tm_fail(why, TM_INVALID, "--formats is a list of html, md, csv, json, not \"%.40s\"",
                           list);
        run->formats[f] = true;
        list += len + (list[len] == ',');
    }
    return TM_OK;
}

static enum tm_err take_owner(char *word, struct run_options *run, struct tm_why *why)
{
    char *equals = strrchr(word, '=');
    if (!equals)
        return tm_fail(why, TM_INVALID, "--owner is SERVICE=NAME, not \"%.60s\"", word);
    if (run->owner_count >= RUN_OWNERS_MAX)
        return tm_fail(why, TM_LIMIT, "--owner may stand %d times at most", RUN_OWNERS_MAX);
    *equals = '\0';
    run->owners[run->owner_count++] = (struct run_owner){word, equals + 1};
    return TM_OK;
}

/* One option; the result is TM_OK, TM_INVALID, TM_LIMIT. */
static enum tm_err take(struct words *w, int option, char *value, struct tm_why *why)
{
    struct run_options *run = &w->run;
    switch (option) {
    case OPT_DATA_DIR:
        run->data_dir = value;
        break;
    case OPT_OUT:
        run->out_dir = value;
        break;
    case OPT_WEEK:
        w->week = value;
        break;
    case OPT_SERVICE:
        run->service = value;
        break;
    case OPT_ENV:
        run->env = value;
        break;
    case OPT_FROM:
        w->from = value;
        break;
    case OPT_TO:
        w->to = value;
        break;
    case OPT_ZONE:
        run->zone = value;
        break;
    case OPT_LANGUAGE:
        run->language = value;
        if (strcmp(value, "en") != 0 && strcmp(value, "ko") != 0)
            return tm_fail(why, TM_INVALID, "--language is en or ko, not \"%.20s\"", value);
        break;
    case OPT_FORMATS:
        return take_formats(value, run, why);
    case OPT_OWNER:
        return take_owner(value, run, why);
    case OPT_DUE:
        w->due = value;
        break;
    case OPT_JOB:
        w->is_job = true;
        break;
    default:
        return tm_fail(why, TM_INVALID, "tidemark-report --help lists what may stand here");
    }
    return TM_OK;
}

/* ---- which week ---- */

static enum tm_err choose_span(struct words *w, time_ms_t now, struct tm_why *why)
{
    struct run_options *run = &w->run;
    struct span whole;
    enum tm_err err = TM_OK;
    if (w->week)
        err = week_parse(str_of(w->week), &run->week, why);
    else
        run->week = week_add(week_clock(now).week, -1);
    if (err)
        return err;
    whole = run->span = week_span(run->week);
    if (w->from)
        err = when_parse(str_of(w->from), now, &run->span.from, why);
    if (!err && w->from && !w->week)
        run->week = week_clock(run->span.from).week, run->span.to = week_span(run->week).to;
    if (!err && w->to)
        err = when_parse(str_of(w->to), now, &run->span.to, why);
    if (err)
        return err;
    run->is_custom = run->span.from != whole.from || run->span.to != whole.to;
    if (run->span.from >= run->span.to || run->span.to - run->span.from > WEEK_MAX_MS)
        return tm_fail(why, TM_INVALID, "--from must lie before --to, by seven days at most");
    return TM_OK;
}

/* ---- the daemon's way of asking ---- */

static void tell_progress(void *arg, const char *service, size_t done, size_t all)
{
    const struct words *w = arg;
    if (!w->is_job)
        return;
    (void)printf("P %zu %zu %.200s\n", done, all, service);
    (void)fflush(stdout);
}

/* Is there a missed run? *next: when to ask again. */
static enum tm_err look_whether_due(struct words *w, time_ms_t now, bool *is_due, time_ms_t *next,
                                    struct tm_why *why)
{
    struct run_time at;
    enum tm_err err = run_time_parse(w->due, &at, why);
    if (err)
        return err;
    struct span around = run_time_around(&at, now);
    w->run.week = week_add(week_clock(around.from).week, -1);
    w->run.span = week_span(w->run.week);
    *next = around.to;
    *is_due = !run_is_done(w->run.out_dir, w->run.week);
    return TM_OK;
}

static enum tm_err work(struct words *w, struct bytes *out, struct tm_why *why)
{
    struct run_options *run = &w->run;
    time_ms_t now = clock_wall_ms(clock_system()), next = 0;
    bool is_due = true;
    if (!run->data_dir)
        return tm_fail(why, TM_INVALID, "--data-dir DIR names the data folder");
    if (!run->out_dir) {
        (void)snprintf(w->out_dir, sizeof w->out_dir, "%s/reports", run->data_dir);
        run->out_dir = w->out_dir;
    }
    enum tm_err err = week_set_zone(run->zone, why);
    if (!err)
        err = w->due ? look_whether_due(w, now, &is_due, &next, why) : choose_span(w, now, why);
    if (err)
        return err;
    run->progress = tell_progress;
    run->progress_arg = w;
    if (is_due)
        err = run_reports(run, out, why);
    else
        bytes_printf(out, "{\"items\":[]}");
    if (!err && w->due && out->len > 0) {
        out->len--;
        bytes_printf(out, ",\"next\":%lld}", (long long)next);
    }
    return err ? err : bytes_error(out);
}

int main(int argc, char **argv)
{
    static struct words w = {.run = {.zone = "UTC", .language = "en", .formats = {true, true, true, true}}};
    struct tm_why why = {""};
    struct bytes out = {0};
    enum tm_err err = TM_OK;
    int option;
    w.run.clock = clock_system();
    while (!err && (option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option == OPT_HELP || option == OPT_VERSION) {
            (void)fputs(option == OPT_HELP ? help : "tidemark-report " TIDEMARK_VERSION "\n", stdout);
            return 0;
        }
        err = take(&w, option, optarg, &why);
    }
    if (!err && optind < argc)
        err = tm_fail(&why, TM_INVALID, "nothing may stand behind the options: \"%.60s\"", argv[optind]);
    if (w.is_job) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* without its daemon nobody wants the result */
        (void)!nice(NICENESS);
    }
    if (!err)
        err = work(&w, &out, &why);
    const char *text = why.text[0] ? why.text : tm_err_text(err);
    if (!err)
        (void)printf("%s%.*s\n", w.is_job ? "R " : "", (int)out.len, (const char *)out.data);
    else if (w.is_job)
        (void)printf("E %s\n", text);
    else
        (void)fprintf(stderr, "tidemark-report: %s\n", text);
    bytes_fini(&out);
    if (fflush(stdout) != 0)
        return EXIT_FAILED;
    return err == TM_INVALID ? EXIT_USAGE : err ? EXIT_FAILED : 0;
}
