/* `tidemark incidents`. */
#include <string.h>

#include "server/cli/command.h"
#include "server/cli/findings.h"

enum { PATH_BYTES = 64, ONSET_SHOWN = 10 };
#define PERCENT 100.0

static const struct option incidents_options[] = {
    {.name = "service", .argument = "NAME", .text = "of this service only"},
    {.name = "env", .argument = "NAME", .text = "of this environment only"},
    {.name = "state", .argument = "open|closed", .text = "in this state only"},
    {.name = "from", .argument = "TIME", .text = "going on at or behind it; without it the last day"},
    {.name = "to", .argument = "TIME", .text = "begun before it"},
    {.name = "min-score", .argument = "SCORE", .text = "with at least this score, of 0 to 100"},
    {.name = "limit", .argument = "N", .fallback = "100", .text = "show at most N, newest first"},
    {.name = "follow", .text = "show them as they open, change and close, until it is ended"},
    {.name = "feedback",
     .argument = "useful|noise|expected",
     .text = "say of the incident ID what it was worth"},
    {.name = "note", .argument = "TEXT", .text = "feedback: why"},
    {0},
};

static void put_line(const json_t *item, struct bytes *out)
{
    talk_put_text(item, "id", "", out);
    talk_put_text(item, "state", "  ", out);
    bytes_printf(out, "  %5.1f", json_number_value(json_object_get(item, "score")));
    talk_put_text(item, "start", "  ", out);
    if (talk_text(item, "end").len > 0)
        talk_put_text(item, "end", " to ", out);
    findings_put_service(item, out);
    talk_put_text(item, "text", "  ", out);
}

static void print_incident(const json_t *item)
{
    struct bytes out = {0};
    put_line(item, &out);
    findings_print(&out);
}

/* ---- one in full ---- */

/* Label sets with their share: a list of the item, each under a word of ten places. */
static void put_causes(const json_t *item, const char *list, const char *word, struct bytes *out)
{
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(item, list), i, one)
    {
        bytes_printf(out, "\n%-10s%3.0f %%  ", word,
                     PERCENT * json_number_value(json_object_get(one, "share")));
        findings_put_labels(json_object_get(one, "labels"), out);
    }
}

static void put_onset(const json_t *item, struct bytes *out)
{
    const json_t *list = json_object_get(item, "onset"), *one;
    size_t i, count = json_array_size(list);
    json_array_foreach(list, i, one)
    {
        if (i == ONSET_SHOWN)
            break;
        talk_put_text(one, "time", "\nonset     ", out);
        talk_put_text(one, "metric", "  ", out);
        findings_put_labels(json_object_get(one, "labels"), out);
    }
    if (count > ONSET_SHOWN)
        bytes_printf(out, "\n          and %zu more series", count - ONSET_SHOWN);
}

static void put_feedback(const json_t *item, struct bytes *out)
{
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(item, "feedback"), i, one)
    {
        talk_put_text(one, "time", "\nfeedback  ", out);
        talk_put_text(one, "feedback", "  ", out);
        talk_put_text(one, "note", ": ", out);
    }
}

/* A count of anomalies, or a list of them; a marker's id, or the marker. */
static void put_related(const json_t *item, struct bytes *out)
{
    const json_t *anomalies = json_object_get(item, "anomalies"), *marker = json_object_get(item, "marker");
    json_int_t count =
        json_is_array(anomalies) ? (json_int_t)json_array_size(anomalies) : json_integer_value(anomalies);
    if (json_is_object(marker)) {
        talk_put_text(marker, "id", "\nmarker    ", out);
        talk_put_text(marker, "kind", "  ", out);
        talk_put_text(marker, "version", "  ", out);
    } else {
        talk_put_text(item, "marker", "\nmarker    ", out);
    }
    if (count > 0)
        bytes_printf(out, "\nanomalies %" JSON_INTEGER_FORMAT, count);
}

static void print_whole(const json_t *item)
{
    struct bytes out = {0};
    put_line(item, &out);
    put_causes(item, "causes", "cause", &out);
    put_causes(item, "excess", "excess", &out);
    put_onset(item, &out);
    put_related(item, &out);
    put_feedback(item, &out);
    findings_print(&out);
}

/* feedback NULL: it is only looked at. */
static int ask_incident(const struct args *args, const char *id, const char *feedback)
{
    struct talk talk = {0};
    const json_t *data = NULL;
    char path[PATH_BYTES];
    json_t *body = NULL;
    (void)snprintf(path, sizeof path, "/api/v1/incidents/%.16s%s", id, feedback ? "/feedback" : "");
    if (feedback)
        body = json_pack("{s:s,s:s*}", "feedback", feedback, "note", options_text(args, "note"));
    int code = talk_open(args, &talk);
    if (!code)
        code = talk_ask(&talk, feedback ? "POST" : "GET", path, body, &data);
    if (!code && options_given(args, "json"))
        code = talk_print_json(data);
    else if (!code)
        print_whole(data);
    json_decref(body);
    talk_close(&talk);
    return code;
}

static int run_incidents(const struct args *args)
{
    static const char *const names[] = {"service", "env", "state", "from", "to", "min-score"};
    struct tm_why why;
    const char *id = args->operand_count == 1 ? args->operands[0] : "";
    const char *feedback = options_text(args, "feedback");
    if (findings_is_id(id))
        return ask_incident(args, id, feedback);
    if (args->operand_count > 0 || feedback) {
        tm_why_write(
            &why, "say which incident: `incidents ID`, or `incidents --feedback useful|noise|expected ID`; "
                  "an id has 16 hex digits");
        return command_fail(EXIT_USAGE, &why);
    }
    if (options_given(args, "follow"))
        return findings_follow(args, "incident", print_incident);
    return findings_list(args, "/api/v1/incidents", names, sizeof names / sizeof names[0], print_incident,
                         options_given(args, "from")
                             ? "there are no such incidents"
                             : "there are no such incidents of the last day; --from -7d looks further back");
}

const struct command incidents_command = {
    .name = "incidents",
    .summary = "list incidents, show one, say what it was worth, or follow them live",
    .operands = "[ID]",
    .details = "Without an operand it lists those of the last day, newest first; with an ID it shows "
               "one in full: causes with their share, where the excess of errors lies, the order in "
               "which series began, the marker before it, what was said of it. --feedback tells "
               "tidemark what it was worth: `noise` and `expected` make it open less easily for the "
               "like, `useful` takes that back; the last word counts.\n" OPTIONS_TIME,
    .examples = "tidemark incidents --state open\n"
                "tidemark incidents 8f14e45fceea167a\n"
                "tidemark incidents --feedback noise --note \"load test\" 8f14e45fceea167a",
    .options = incidents_options,
    .run = run_incidents,
};
