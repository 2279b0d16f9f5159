/* `tidemark anomalies`. */
#include <math.h>
#include <string.h>

#include "scoring/calibration.h"
#include "server/cli/command.h"
#include "server/cli/findings.h"
#include "server/cli/precedent.h"
#include "server/cli/series_text.h"
#include "storage/model/when.h"

enum { PATH_BYTES = 64, DEPTH_MAX = 5, NAME_BYTES = 128 };
#define HOUR_MS   3600000.0
#define MINUTE_MS 60000.0

static const struct option anomalies_options[] = {
    {.name = "service", .argument = "NAME", .text = "of this service only"},
    {.name = "env", .argument = "NAME", .text = "of this environment only"},
    {.name = "from", .argument = "TIME", .text = "at or behind it; without it the last day"},
    {.name = "to", .argument = "TIME", .text = "before it"},
    {.name = "min-score", .argument = "SCORE", .text = "with at least this score, of 0 to 100"},
    {.name = "limit", .argument = "N", .fallback = "100", .text = "show at most N, newest first"},
    {.name = "explain", .argument = "ID", .text = "say of one how it came to its score, with all its parts"},
    {.name = "follow", .text = "show new ones as they are found, until it is ended"},
    {0},
};

static void print_anomaly(const json_t *item)
{
    struct bytes out = {0};
    talk_put_text(item, "id", "", &out);
    bytes_printf(&out, "  %5.1f", json_number_value(json_object_get(item, "score")));
    talk_put_text(item, "time", "  ", &out);
    findings_put_service(item, &out);
    talk_put_text(item, "text", "  ", &out);
    findings_print(&out);
}

/* ---- how it came to its score ---- */

/* Calls each for every number, text and truth in value, by its path of names with dots between. */
struct parts {
    void (*each)(struct parts *parts, const char *name, const json_t *value);
    int width; /* of the longest name */
    struct bytes *out;
};

static void walk_parts(struct parts *parts, const json_t *value, const char *name, int depth)
{
    json_t *object = (json_t *)(uintptr_t)value;
    if (!json_is_object(value)) {
        if (json_is_number(value) || json_is_string(value) || json_is_boolean(value))
            parts->each(parts, name, value);
        return;
    }
    if (depth == DEPTH_MAX)
        return;
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        char path[NAME_BYTES];
        (void)snprintf(path, sizeof path, "%s%s%s", name, *name ? "." : "", json_object_iter_key(at));
        walk_parts(parts, json_object_iter_value(at), path, depth + 1);
    }
}

static void measure(struct parts *parts, const char *name, const json_t *value)
{
    int width = (int)strlen(name);
    (void)value;
    parts->width = width > parts->width ? width : parts->width;
}

static void put_part(struct parts *parts, const char *name, const json_t *value)
{
    bytes_printf(parts->out, "\n  %-*s  ", parts->width, name);
    if (json_is_string(value))
        series_text_plain((struct str){json_string_value(value), json_string_length(value)}, parts->out);
    else if (json_is_boolean(value))
        bytes_printf(parts->out, "%s", json_is_true(value) ? "yes" : "no");
    else
        bytes_printf(parts->out, "%.9g", json_number_value(value));
}

/* The calibration as it was, by its bins; false: the parts do not have it. */
static bool read_calibration(const json_t *parts, struct score_calibration *out)
{
    const json_t *past = json_object_get(parts, "calibration");
    const json_t *counts = json_object_get(past, "counts");
    *out =
        (struct score_calibration){.blocks = (uint16_t)json_integer_value(json_object_get(past, "blocks"))};
    for (int i = 0; i < CALIBRATION_BINS; i++) {
        char bin[16];
        (void)snprintf(bin, sizeof bin, "%d", i);
        out->counts[i] = (uint16_t)json_integer_value(json_object_get(counts, bin));
    }
    return json_is_object(counts) && json_is_number(json_object_get(parts, "raw")) &&
           json_number_value(json_object_get(parts, "interval_ms")) > 0;
}

/* From what is stored alone: the return period of the raw score among the past's blocks of samples. */
static void put_again(const json_t *item, struct bytes *out)
{
    const json_t *parts = json_object_get(item, "parts");
    struct score_calibration past;
    if (!read_calibration(parts, &past))
        return;
    double raw = json_number_value(json_object_get(parts, "raw"));
    double interval_ms = json_number_value(json_object_get(parts, "interval_ms"));
    double log10_hours =
        score_calibration_log10_clean(&past, raw) + log10(interval_ms * CALIBRATION_BLOCK / HOUR_MS);
    double score = score_of_return_period(log10_hours);
    const json_t *most = json_object_get(parts, "most_h");
    if (json_is_number(most))
        score = fmin(score, score_of_return_period(log10(fmax(1, json_number_value(most)))));
    bytes_printf(out, "\nrecomputed from these parts: score %.1f (stored %.1f)", score,
                 json_number_value(json_object_get(item, "score")));
}

static bool read_time(const json_t *object, const char *name, time_ms_t *out)
{
    struct tm_why why;
    return when_parse_date(talk_text(object, name), out, &why) == TM_OK;
}

/* When its series' course was most like that, if the daemon could say. */
static void put_shape(const json_t *item, struct bytes *out)
{
    const json_t *shape = json_object_get(item, "shape");
    struct precedent precedent = {
        .surprisal = json_number_value(json_object_get(shape, "surprisal")),
        .distance = json_number_value(json_object_get(shape, "distance")),
        .stretch_ms = (int64_t)(fmin(json_number_value(json_object_get(shape, "minutes")), 1e9) * MINUTE_MS),
    };
    time_ms_t time, from;
    char text[PRECEDENT_BYTES];
    if (!read_time(item, "time", &time) || !read_time(shape, "from", &from) ||
        !read_time(shape, "nearest", &precedent.nearest))
        return;
    precedent.past_ms = time - from;
    precedent_text(&precedent, text);
    bytes_printf(out, "\n%s", text);
}

static void print_explained(const json_t *item)
{
    static const char *const figures[] = {"metric", "score",           "observed", "expected", "spread",
                                          "effect", "return_period_h", "began",    "learning", "labels",
                                          "parts"};
    struct bytes out = {0};
    struct parts parts = {.each = measure, .out = &out};
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
        walk_parts(&parts, json_object_get(item, figures[i]), figures[i], 0);
    talk_put_text(item, "time", "", &out);
    findings_put_service(item, &out);
    talk_put_text(item, "text", "\n", &out);
    put_shape(item, &out);
    parts.each = put_part;
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
        walk_parts(&parts, json_object_get(item, figures[i]), figures[i], 0);
    put_again(item, &out);
    findings_print(&out);
}

static int explain(const struct args *args, const char *id)
{
    struct talk talk = {0};
    const json_t *data = NULL;
    struct tm_why why;
    char path[PATH_BYTES];
    if (!findings_is_id(id)) {
        tm_why_write(&why,
                     "--explain wants the id of an anomaly, 16 hex digits, as `tidemark anomalies` shows it");
        return command_fail(EXIT_USAGE, &why);
    }
    (void)snprintf(path, sizeof path, "/api/v1/anomalies/%.16s", id);
    int code = talk_open(args, &talk);
    if (!code)
        code = talk_ask(&talk, "GET", path, NULL, &data);
    if (!code && options_given(args, "json"))
        code = talk_print_json(data);
    else if (!code)
        print_explained(data);
    talk_close(&talk);
    return code;
}

static int run_anomalies(const struct args *args)
{
    static const char *const names[] = {"service", "env", "from", "to", "min-score"};
    if (options_given(args, "explain"))
        return explain(args, options_text(args, "explain"));
    if (options_given(args, "follow"))
        return findings_follow(args, "anomaly", print_anomaly);
    return findings_list(args, "/api/v1/anomalies", names, sizeof names / sizeof names[0], print_anomaly,
                         options_given(args, "from")
                             ? "there are no such anomalies"
                             : "there are no such anomalies of the last day; --from -7d looks further back");
}

const struct command anomalies_command = {
    .name = "anomalies",
    .summary = "list what was unusual, explain one, or follow as they are found",
    .details = "Each line: id, score, time, service and env, and a sentence. The score, 0 to 100, is "
               "how rare the value is on the series' own past: 20 is expected once in 10 hours, 40 in 4 "
               "days, 60 in 6 weeks, 80 in 14 months. --explain shows all figures that the score was "
               "made of, makes it again from them, and says when in the four weeks before the course of the "
               "series was most like that.\n" OPTIONS_TIME,
    .examples = "tidemark anomalies --service cart --min-score 40\n"
                "tidemark anomalies --explain 8f14e45fceea167a",
    .options = anomalies_options,
    .run = run_anomalies,
};
