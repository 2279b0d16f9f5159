#include "reports/run.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reports/analyse.h"
#include "reports/escape.h"
#include "reports/figure_fill.h"
#include "reports/index.h"
#include "reports/read_back.h"

#define DAY_MS INT64_C(86400000)

enum { JSON_MAX = 64 << 20, HTML_MAX = 2 << 20, PATH_BYTES = 900, DAYS = 7 };

struct run {
    const struct run_options *options;
    struct gather gather;
    struct files files;
    struct bytes *out;
    char week[WEEK_TEXT_BYTES];
    size_t made;
    bool is_warned;
};

/* ---- last week's actions ---- */

struct carried {
    struct report_action at[REPORT_ACTIONS_MAX];
    size_t count;
    json_t *report; /* whose texts they are */
};

/* Those of the report of the week before, if it is there as JSON. */
static void carry(const struct run *run, const char *name, struct carried *carried)
{
    char week[WEEK_TEXT_BYTES], file[FILES_FILE_BYTES], path[PATH_BYTES];
    struct bytes text = {0};
    *carried = (struct carried){.count = 0};
    if (run->options->is_custom)
        return;
    (void)week_text(week_add(run->options->week, -1), week);
    (void)snprintf(path, sizeof path, "%s/%s/%s", name, week, files_file(name, week, RENDER_JSON, file));
    if (files_read(&run->files, path, JSON_MAX, &text) == TM_OK)
        carried->report = json_loadb((const char *)text.data, text.len, 0, NULL);
    bytes_fini(&text);
    carried->count = read_back_actions(carried->report, carried->at);
}

/* ---- one report ---- */

static const char *owner_of(const struct run_options *options, const char *service)
{
    for (size_t i = 0; i < options->owner_count; i++)
        if (strcmp(options->owners[i].service, service) == 0)
            return options->owners[i].owner;
    return NULL;
}

/* One that nobody knew in that week has no report: the others of later would fill the folder. */
static bool is_wanted(const struct run *run, const struct report *report)
{
    bool any = report->quality.has_data || report->event_count > 0 || report->group_count > 0 ||
               owner_of(run->options, report->service) || run->options->service;
    for (size_t i = 0; i < REPORT_TREND_WEEKS; i++)
        any = any || report->trend[i].failures >= 0 || report->trend[i].requests > 0;
    return any;
}

/* With its figures; without Gnuplot with their texts alone, which is said once. */
static enum tm_err put_html(struct run *run, const struct report *report, struct bytes *out,
                            struct tm_why *why)
{
    struct figures_out drawn = {0};
    struct render_picture at[FIGURE_COUNT];
    bool is_drawn;
    enum tm_err err = figure_fill(report, &drawn, at, &is_drawn, why);
    if (!err && !is_drawn && !run->is_warned) {
        (void)fprintf(stderr, "tidemark-report: reports are made without drawings: %s\n", why->text);
        run->is_warned = true;
    }
    if (!err)
        render_html(report, &(struct render_pictures){at, FIGURE_COUNT}, out);
    if (!err && out->len > HTML_MAX) { /* rather without drawings than too large for a mailbox */
        bytes_clear(out);
        for (int i = 0; i < FIGURE_COUNT; i++)
            at[i].svg = at[i].svg_narrow = (struct str){NULL, 0};
        render_html(report, &(struct render_pictures){at, FIGURE_COUNT}, out);
    }
    figures_fini(&drawn);
    return err;
}

static enum tm_err render_all(struct run *run, const struct report *report,
                              struct bytes texts[RENDER_FORMATS], struct files_set *set, struct tm_why *why)
{
    const bool *formats = run->options->formats;
    enum tm_err err = TM_OK;
    if (formats[RENDER_HTML])
        err = put_html(run, report, &texts[RENDER_HTML], why);
    if (formats[RENDER_MARKDOWN])
        render_markdown(report, &texts[RENDER_MARKDOWN]);
    if (formats[RENDER_CSV])
        render_csv(report, &texts[RENDER_CSV]);
    if (formats[RENDER_JSON])
        render_json(report, &texts[RENDER_JSON]);
    for (int f = 0; f < RENDER_FORMATS && !err; f++) {
        err = bytes_error(&texts[f]);
        set->format[f] = bytes_view(&texts[f]);
    }
    return err;
}

static void put_item(const struct run *run, const struct report *report, const char *name,
                     const struct files_result *result)
{
    bytes_printf(run->out, "%s{\"service\":", run->made > 0 ? "," : "");
    escape_json(run->out, report->service);
    bytes_printf(run->out, ",\"env\":");
    escape_json(run->out, report->env);
    bytes_printf(run->out, ",\"week\":\"%s\",\"path\":", run->week);
    struct bytes path = {0};
    bytes_printf(&path, "%s%s/%s", run->options->below ? run->options->below : "", name, run->week);
    bytes_u8(&path, 0);
    escape_json(run->out, path.data && !path.failed ? (const char *)path.data : "");
    bytes_fini(&path);
    bytes_printf(run->out, ",\"revision\":%zu,\"changed\":%s}", result->revision,
                 result->is_changed ? "true" : "false");
}

static enum tm_err make_report(struct run *run, size_t unit, struct tm_why *why)
{
    const struct run_options *o = run->options;
    const struct unit *u = &run->gather.units[unit];
    const char *owner = owner_of(o, u->service);
    char name[FILES_NAME_BYTES];
    struct bytes texts[RENDER_FORMATS] = {{0}};
    struct files_set set = {.name = name, .week = run->week};
    struct report *report = NULL;
    struct carried carried;
    struct files_result result;
    enum tm_err err = files_name(u->service, u->env, name, why);
    if (err)
        return err;
    carry(run, name, &carried);
    const struct analyse_settings settings = {.week = o->week,
                                              .span = o->span,
                                              .is_custom = o->is_custom,
                                              .zone = o->zone,
                                              .language = o->language,
                                              .owner = owner ? owner : "",
                                              .before = carried.at,
                                              .before_count = carried.count};
    err = analyse(&run->gather, unit, &settings, &report, why);
    if (err || !is_wanted(run, report))
        goto out;
    err = render_all(run, report, texts, &set, why);
    if (err)
        tm_why_write(why, "out of memory for the report of %s", u->service);
    if (!err)
        err = files_publish(&run->files, &set, clock_wall_ms(o->clock), &result, why);
    if (!err)
        err = index_service(&run->files, name, o->language, why);
    if (!err) {
        put_item(run, report, name, &result);
        run->made++;
    }
out:
    for (int f = 0; f < RENDER_FORMATS; f++)
        bytes_fini(&texts[f]);
    json_decref(carried.report);
    report_free(report);
    return err;
}

/* ---- all of them ---- */

static bool is_asked(const struct run_options *o, const struct unit *unit)
{
    return (!o->service || strcmp(o->service, unit->service) == 0) &&
           (!o->env || strcmp(o->env, unit->env) == 0);
}

static enum tm_err make_all(struct run *run, struct tm_why *why)
{
    const struct run_options *o = run->options;
    enum tm_err err = TM_OK;
    size_t asked = 0;
    for (size_t i = 0; i < run->gather.unit_count && !err; i++) {
        if (!is_asked(o, &run->gather.units[i]))
            continue;
        asked++;
        if (o->progress)
            o->progress(o->progress_arg, run->gather.units[i].service, i, run->gather.unit_count);
        err = make_report(run, i, why);
    }
    if (!err && asked == 0 && o->service)
        err = tm_fail(why, TM_NOT_FOUND, "nothing is known of a service \"%.100s\"%s%.100s%s", o->service,
                      o->env ? " in \"" : "", o->env ? o->env : "", o->env ? "\"" : "");
    return err;
}

enum tm_err run_reports(const struct run_options *options, struct bytes *out, struct tm_why *why)
{
    struct run run = {.options = options, .files = {-1, -1}, .out = out};
    const char *wanted[RUN_OWNERS_MAX];
    for (size_t i = 0; i < options->owner_count; i++)
        wanted[i] = options->owners[i].service;
    (void)week_text(options->week, run.week);
    enum tm_err err = gather_open(options->data_dir, wanted, options->owner_count, &run.gather, why);
    bool is_empty = !err && run.gather.unit_count == 0 && !options->service;
    bytes_printf(out, "{\"week\":\"%s\",\"items\":[", run.week);
    if (!err && !is_empty)
        err = files_open(options->out_dir, &run.files, why);
    if (!err && !is_empty)
        err = make_all(&run, why);
    if (!err && !is_empty)
        err = index_week(&run.files, run.week, options->language, why);
    bytes_printf(out, "]}");
    files_close(&run.files);
    gather_close(&run.gather);
    return err;
}

/* ---- when ---- */

enum tm_err run_time_parse(const char *text, struct run_time *out, struct tm_why *why)
{
    static const char days[DAYS][4] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    int end = 0;
    char day[4] = "";
    if (sscanf(text, "%3s %2d:%2d%n", day, &out->hour, &out->minute, &end) == 3 && text[end] == '\0' &&
        out->hour >= 0 && out->hour < 24 && out->minute >= 0 && out->minute < 60)
        for (out->weekday = 0; out->weekday < DAYS; out->weekday++)
            if (strcmp(days[out->weekday], day) == 0)
                return TM_OK;
    return tm_fail(why, TM_INVALID, "\"%.32s\" is no time of the week: write one such as Mon 07:00", text);
}

struct span run_time_around(const struct run_time *at, time_ms_t now)
{
    struct span week = week_span(week_clock(now).week);
    struct week_clock day = week_clock(week.from + at->weekday * DAY_MS + DAY_MS / 2);
    time_ms_t here = week_time(day.year, day.month, day.day, at->hour, at->minute);
    return here <= now ? (struct span){here, week_shift(here, 1)} : (struct span){week_shift(here, -1), here};
}

bool run_is_done(const char *out_dir, struct week_name week)
{
    char path[PATH_BYTES], text[WEEK_TEXT_BYTES];
    int len = snprintf(path, sizeof path, "%s/index/%s.html", out_dir, week_text(week, text));
    return len > 0 && (size_t)len < sizeof path && access(path, F_OK) == 0;
}
