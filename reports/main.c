/* tidemark-report: makes the weekly exception reports of a data folder (reports/README.md). `tidemark report`
 * and the daemon's schedule run it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "reports/arguments.h"
#include "reports/deliver/deliver.h"
#include "reports/run.h"
#include "storage/model/when.h"

enum {
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    NICENESS = 10,
    READ_BYTES = 1 << 16,
    PATH_BYTES = 4096,
    SETTINGS_MAX = 8 << 20
};
#define WEEK_MAX_MS INT64_C(615600000) /* 171 hours */

struct words {
    struct run_options run;
    const char *week, *from, *to, *due;
    bool is_deliver, is_job;
    char out_dir[PATH_BYTES], spans_dir[PATH_BYTES], span_dir[PATH_BYTES + 64], below[64];
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
static enum tm_err take(struct words *w, size_t option, char *value, struct tm_why *why)
{
    struct run_options *run = &w->run;
    switch (option) {
    case REPORT_DATA_DIR:
        run->data_dir = value;
        break;
    case REPORT_OUT:
        run->out_dir = value;
        break;
    case REPORT_WEEK:
        w->week = value;
        break;
    case REPORT_SERVICE:
        run->service = value;
        break;
    case REPORT_ENV:
        run->env = value;
        break;
    case REPORT_FROM:
        w->from = value;
        break;
    case REPORT_TO:
        w->to = value;
        break;
    case REPORT_ZONE:
        run->zone = value;
        break;
    case REPORT_LANGUAGE:
        run->language = value;
        if (strcmp(value, "en") != 0 && strcmp(value, "ko") != 0)
            return tm_fail(why, TM_INVALID, "--language is en or ko, not \"%.20s\"", value);
        break;
    case REPORT_FORMATS:
        return take_formats(value, run, why);
    case REPORT_OWNER:
        return take_owner(value, run, why);
    case REPORT_DUE:
        w->due = value;
        break;
    case REPORT_DELIVER:
        w->is_deliver = true;
        break;
    case REPORT_JOB:
        w->is_job = true;
        break;
    default:
        break;
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
    if (run->span.from > now)
        return tm_fail(why, TM_INVALID,
                       "that week has not begun: a report is on a week that has, at least in part");
    return TM_OK;
}

static enum tm_err make_folder(const char *path, struct tm_why *why)
{
    if (mkdir(path, 0755) == 0 || errno == EEXIST)
        return TM_OK;
    return tm_fail(why, errno == ENOSPC ? TM_NO_SPACE : TM_IO, "making %.200s: %s", path, strerror(errno));
}

/* A part of a week, or a span over two, is no revision of the week's report: its files lie in a folder of
 * their own, whose name no service's folder has. */
static enum tm_err choose_span_folder(struct words *w, struct tm_why *why)
{
    struct run_options *run = &w->run;
    char text[2][20];
    for (int i = 0; i < 2; i++) {
        time_t at = (time_t)((i == 0 ? run->span.from : run->span.to) / 1000);
        struct tm utc;
        if (!gmtime_r(&at, &utc) || strftime(text[i], sizeof text[i], "%Y%m%dT%H%M%SZ", &utc) == 0)
            return tm_fail(why, TM_INVALID, "--from or --to is too far from now");
    }
    if (snprintf(w->spans_dir, PATH_BYTES, "%s/@spans", run->out_dir) >= PATH_BYTES - (int)sizeof w->below)
        return tm_fail(why, TM_INVALID, "--out %.100s: the path is too long", run->out_dir);
    (void)snprintf(w->below, sizeof w->below, "@spans/%s-%s/", text[0], text[1]);
    enum tm_err err = make_folder(run->out_dir, why);
    if (!err)
        err = make_folder(w->spans_dir, why);
    (void)snprintf(w->span_dir, sizeof w->span_dir, "%s/%s-%s", w->spans_dir, text[0], text[1]);
    run->out_dir = w->span_dir;
    run->below = w->below;
    return err;
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

/* ---- delivery ---- */

static enum tm_err read_settings(struct bytes *out, struct tm_why *why)
{
    size_t n = 1;
    while (n > 0 && out->len < SETTINGS_MAX) {
        uint8_t *room = bytes_reserve(out, READ_BYTES);
        n = room ? fread(room, 1, READ_BYTES, stdin) : 0;
        out->len += n;
    }
    if (bytes_error(out) || ferror(stdin) || out->len >= SETTINGS_MAX)
        return tm_fail(why, TM_INVALID, "the receivers of reports can't be read from stdin");
    return TM_OK;
}

static enum tm_err deliver(const struct words *w, struct bytes *out, struct tm_why *why)
{
    struct bytes text = {0};
    struct deliver_settings settings = {.document = NULL};
    const struct deliver_options options = {w->run.out_dir, &settings, w->run.clock};
    enum tm_err err = read_settings(&text, why);
    if (!err)
        err = settings_parse(bytes_view(&text), &settings, why);
    if (!err)
        err = deliver_reports(&options, out, why);
    settings_close(&settings);
    bytes_fini(&text);
    return err ? err : bytes_error(out);
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
    if (!err && w->is_deliver)
        return deliver(w, out, why);
    if (!err)
        err = w->due ? look_whether_due(w, now, &is_due, &next, why) : choose_span(w, now, why);
    if (!err && run->is_custom)
        err = choose_span_folder(w, why);
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

/* Is it an option that only asks for a text? Then that is printed. */
static bool tell(size_t option)
{
    if (option == REPORT_HELP)
        report_help(stdout);
    else if (option == REPORT_VERSION)
        (void)puts("tidemark-report " TIDEMARK_VERSION);
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    static struct words w = {.run = {.zone = "UTC", .language = "en", .formats = {true, true, true, true}}};
    struct tm_why why = {""};
    struct bytes out = {0};
    enum tm_err err = TM_OK;
    w.run.clock = clock_system();
    for (int i = 1; !err && i < argc; i++) {
        struct option_word word;
        err = option_read(report_options(), "tidemark-report", argc, argv, &i, &word, &why);
        if (!err && tell(word.index))
            return 0;
        if (!err)
            err = take(&w, word.index, word.value, &why);
    }
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
