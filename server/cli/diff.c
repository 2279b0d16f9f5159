/* `tidemark diff`: what was different at the time of a failure. */
#include <string.h>

#include "server/cli/command.h"
#include "server/cli/series_text.h"
#include "server/cli/talk.h"

enum { FIGURE_BYTES = 32 };

#define PERCENT 100.0

static const struct option diff_options[] = {
    {.name = "window", .argument = "FROM..TO", .text = "the time in question, for example -30m..now"},
    {.name = "against",
     .argument = "normal|FROM..TO",
     .fallback = "normal",
     .text = "what it is held to: the same hours of the four weeks before that were quiet, or a span"},
    {.name = "service", .argument = "NAME", .text = "only series of this service"},
    {.name = "env", .argument = "NAME", .text = "only series of this environment"},
    {.name = "match", .argument = "SELECTOR", .text = "only series that it takes, like 'cpu{pod=\"a1\"}'"},
    {.name = "limit",
     .argument = "N",
     .fallback = "20",
     .text = "show at most N, those that differ most first"},
    {0},
};

/* ---- for people ---- */

/* As a selector: it is what is asked for next. */
static void put_series(json_t *own, struct bytes *out)
{
    struct labels labels = {.count = 0};
    struct str twice;
    const char *name;
    json_t *value;
    json_object_foreach(own, name, value)
    {
        if (labels_add(&labels, str_of(name), str_of(json_string_value(value))) != TM_OK)
            break;
    }
    if (labels_sort(&labels, &twice) == TM_OK)
        series_text(&labels, out);
}

static const char *figure(const json_t *item, const char *name, char text[FIGURE_BYTES])
{
    (void)snprintf(text, FIGURE_BYTES, "%.5g", json_number_value(json_object_get(item, name)));
    return text;
}

static void print_item(const json_t *item)
{
    char observed[FIGURE_BYTES], normal[FIGURE_BYTES];
    struct bytes series = {0};
    put_series(json_object_get(item, "labels"), &series);
    if (!bytes_error(&series))
        printf("%5.1f %12s %12s %+10.3g  %.*s\n", json_number_value(json_object_get(item, "score")),
               figure(item, "observed", observed), figure(item, "normal", normal),
               json_number_value(json_object_get(item, "effect")), (int)series.len,
               (const char *)series.data);
    bytes_fini(&series);
}

/* One part may have more than all of it, where another has less than is expected. */
static const char *share_text(double share, char text[FIGURE_BYTES])
{
    if (share >= 1)
        return "all";
    (void)snprintf(text, FIGURE_BYTES, "%.0f %%", PERCENT * share);
    return text;
}

static void print_cause(const json_t *cause)
{
    struct bytes labels = {0};
    char share[FIGURE_BYTES];
    put_series(json_object_get(cause, "labels"), &labels);
    if (!bytes_error(&labels))
        printf("%s of the excess of %.*s: %.*s (%.5g, expected %.5g)\n",
               share_text(json_number_value(json_object_get(cause, "share")), share),
               STR_ARG(talk_text(cause, "of")), labels.len > 0 ? (int)labels.len : 10,
               labels.len > 0 ? (const char *)labels.data : "everywhere",
               json_number_value(json_object_get(cause, "observed")),
               json_number_value(json_object_get(cause, "expected")));
    bytes_fini(&labels);
}

static void print_diff(const struct args *args, const json_t *data)
{
    const json_t *item;
    size_t i, shown = 0;
    (void)args;
    json_array_foreach(json_object_get(data, "items"), i, item)
    {
        if (json_number_value(json_object_get(item, "score")) <= 0)
            break;
        if (shown++ == 0)
            printf("%5s %12s %12s %10s  %s\n", "score", "observed", "normal", "effect", "series");
        print_item(item);
    }
    json_array_foreach(json_object_get(data, "causes"), i, item)
    {
        print_cause(item);
    }
    long long all = json_integer_value(json_object_get(data, "series"));
    if (all == 0) {
        fputs("tidemark: no series has data in the window and in what it is held to; `tidemark series` lists "
              "what there "
              "is\n",
              stderr);
        return;
    }
    bool is_cut = shown == json_array_size(json_object_get(data, "items")) &&
                  json_is_string(json_object_get(data, "next"));
    printf("%s%zu of %lld series differ surely; %.*s\n", is_cut ? "at least " : "", shown, all,
           STR_ARG(talk_text(data, "text")));
}

static int run_diff(const struct args *args)
{
    static const char *const others[] = {"service", "env"};
    struct bytes path = {0};
    struct tm_why why;
    if (!options_given(args, "window")) {
        tm_why_write(&why, "which time? For example `tidemark diff --window -30m..now --service cart`");
        return command_fail(EXIT_USAGE, &why);
    }
    bytes_printf(&path, "/api/v1/diff");
    talk_put_value("window", str_of(options_text(args, "window")), &path);
    talk_put_value("against", str_of(options_text(args, "against")), &path);
    talk_put_value("limit", str_of(options_text(args, "limit")), &path);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        talk_put_option(args, others[i], &path);
    if (options_given(args, "match"))
        talk_put_value("match[]", str_of(options_text(args, "match")), &path);
    int code = talk_show(args, &path, print_diff);
    bytes_fini(&path);
    return code;
}

const struct command diff_command = {
    .name = "diff",
    .summary = "rank what differed in a window of time, with figures",
    .details = "Holds each series and each fingerprint of exceptions in a window to what is normal, and "
               "ranks them by how much they surely differ. effect: by how many spreads of a normal "
               "minute the level moved; score: 0..100, of the least effect that is sure. Counts are a "
               "minute, of latencies the median in seconds. Below stand the label sets that explain "
               "what rose, and what was taken as normal.\n" OPTIONS_TIME,
    .examples = "tidemark diff --window -30m..now --service cart\n"
                "tidemark diff --window 2026-11-23T04:00..2026-11-23T04:20 --env prod",
    .options = diff_options,
    .run = run_diff,
};
