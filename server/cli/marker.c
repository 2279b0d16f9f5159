/* `tidemark deploy` and `tidemark marker`. */
#include <string.h>

#include "server/cli/command.h"
#include "server/cli/ics_import.h"
#include "server/cli/marker_expected.h"
#include "server/cli/series_text.h"
#include "server/cli/talk.h"

enum { PATH_BYTES = 64, ID_BYTES = 16 };

static const struct option deploy_options[] = {
    {.name = "service", .argument = "NAME", .text = "what was deployed"},
    {.name = "version", .argument = "VERSION", .text = "its new version"},
    {.name = "env", .argument = "NAME", .text = "where, if not everywhere"},
    {.name = "time", .argument = "TIME", .text = "when (default now)"},
    {.name = "by", .argument = "WHO", .text = "who did it"},
    {.name = "note", .argument = "TEXT", .text = "what should be known of it"},
    {0},
};

static const struct option marker_options[] = {
    {.name = "kind",
     .argument = "deploy|rollback|config|event|maintenance|incident",
     .text = "what sort of marker it is"},
    {.name = "service", .argument = "NAME", .text = "the service it concerns"},
    {.name = "env", .argument = "NAME", .text = "its environment"},
    {.name = "version", .argument = "VERSION", .text = "the version of a deploy"},
    {.name = "class", .argument = "NAME", .text = "what sort of event it is, like black-friday"},
    {.name = "time", .argument = "TIME", .text = "when it was or began"},
    {.name = "end", .argument = "TIME", .text = "when it ended; `none`: it is a point in time"},
    {.name = "by", .argument = "WHO", .text = "who did it"},
    {.name = "note", .argument = "TEXT", .text = "what should be known of it"},
    {.name = "from", .argument = "TIME", .text = "list: what lies at or behind it"},
    {.name = "to",
     .argument = "TIME",
     .text = "list: what lies before it; --ics: the last time of endless repetitions (default: in a year)"},
    {.name = "ics",
     .argument = "FILE",
     .text = "make markers of the events of a calendar (RFC 5545); - is stdin"},
    {.name = "match",
     .argument = "SELECTOR",
     .text = "expected: of what (default: the requests of the event's service)"},
    {.name = "step", .argument = "DURATION", .text = "expected: the length of its steps, like 5m"},
    {.name = "timezone",
     .argument = "ZONE",
     .fallback = "UTC",
     .text = "--ics: of times and whole days without one, like Europe/Berlin"},
    {.name = "limit", .argument = "N", .fallback = "100", .text = "list: show at most N, newest first"},
    {0},
};

/* ---- for people ---- */

static void print_marker(const json_t *item)
{
    struct bytes out = {0};
    talk_put_text(item, "time", "", &out);
    talk_put_text(item, "end", " to ", &out);
    talk_put_text(item, "kind", "  ", &out);
    talk_put_text(item, "service", "  ", &out);
    talk_put_text(item, "env", "@", &out);
    talk_put_text(item, "version", "  ", &out);
    talk_put_text(item, "class", "  ", &out);
    talk_put_text(item, "by", "  by ", &out);
    talk_put_text(item, "note", "  ", &out);
    talk_put_text(item, "id", "  ", &out);
    if (!bytes_error(&out))
        printf("%.*s\n", (int)out.len, (const char *)out.data);
    bytes_fini(&out);
}

static int show_one(const struct args *args, const json_t *data)
{
    if (options_given(args, "json"))
        return talk_print_json(data);
    print_marker(data);
    return EXIT_OK;
}

/* ---- what is done ---- */

/* The body that the options in names ask for; NULL without memory. */
static json_t *make_body(const struct args *args, const char *const *names)
{
    json_t *body = json_object();
    for (; body && *names; names++) {
        if (!options_given(args, *names))
            continue;
        const char *text = options_text(args, *names);
        bool is_none = strcmp(*names, "end") == 0 && strcmp(text, "none") == 0;
        if (json_object_set_new(body, *names, is_none ? json_null() : json_string(text)) != 0) {
            json_decref(body);
            body = NULL;
        }
    }
    return body;
}

static int send_body(const struct args *args, const char *method, const char *path, json_t *body)
{
    struct talk talk = {0};
    const json_t *data;
    struct tm_why why;
    if (!body) {
        tm_why_write(&why, "the options hold no UTF-8 text, or memory has run out");
        return command_fail(EXIT_USAGE, &why);
    }
    int code = talk_open(args, &talk);
    if (!code)
        code = talk_ask(&talk, method, path, body, &data);
    if (!code)
        code = show_one(args, data);
    json_decref(body);
    talk_close(&talk);
    return code;
}

static int run_deploy(const struct args *args)
{
    static const char *const names[] = {"service", "version", "env", "time", "by", "note", NULL};
    struct tm_why why;
    if (!options_given(args, "service") || !options_given(args, "version")) {
        tm_why_write(&why, "what was deployed? For example `tidemark deploy --service cart --version 1.8.3`");
        return command_fail(EXIT_USAGE, &why);
    }
    json_t *body = make_body(args, names);
    if (body)
        (void)json_object_set_new(body, "kind", json_string("deploy"));
    return send_body(args, "POST", "/api/v1/markers", body);
}

static const char *const fields[] = {"kind", "service", "env", "version", "class",
                                     "time", "end",     "by",  "note",    NULL};

static int add_marker(const struct args *args)
{
    return send_body(args, "POST", "/api/v1/markers", make_body(args, fields));
}

/* The path of the marker that the operand behind the first one names; false if that is no id. */
static bool make_path(const char *id, char path[PATH_BYTES])
{
    bool is_id = strlen(id) == ID_BYTES && strspn(id, "0123456789abcdef") == ID_BYTES;
    (void)snprintf(path, PATH_BYTES, "/api/v1/markers/%.16s", id);
    return is_id;
}

static int fail_id(const char *id)
{
    struct tm_why why;
    tm_why_write(&why, "\"%.40s\" is no id of a marker: 16 hex digits, as `tidemark marker list` shows them",
                 id);
    return command_fail(EXIT_USAGE, &why);
}

static int correct_marker(const struct args *args)
{
    char path[PATH_BYTES];
    if (!make_path(args->operands[1], path))
        return fail_id(args->operands[1]);
    bool is_given = false;
    for (const char *const *name = fields; *name; name++)
        is_given = is_given || options_given(args, *name);
    if (!is_given) {
        struct tm_why why;
        tm_why_write(&why, "say what is to be other, for example `tidemark marker correct %s --end now`",
                     args->operands[1]);
        return command_fail(EXIT_USAGE, &why);
    }
    return send_body(args, "PATCH", path, make_body(args, fields));
}

static int delete_marker(const struct args *args)
{
    struct talk talk = {0};
    const json_t *data;
    char path[PATH_BYTES];
    if (!make_path(args->operands[1], path))
        return fail_id(args->operands[1]);
    int code = talk_open(args, &talk);
    if (!code)
        code = talk_ask(&talk, "DELETE", path, NULL, &data);
    if (!code && options_given(args, "json"))
        code = talk_print_json(data);
    else if (!code)
        printf("deleted %s\n", args->operands[1]);
    talk_close(&talk);
    return code;
}

static int show_expected(const struct args *args)
{
    char path[PATH_BYTES];
    const char *id = args->operands[1];
    return make_path(id, path) ? marker_expected(args, id) : fail_id(id);
}

static int list_markers(const struct args *args)
{
    static const char *const names[] = {"kind", "service", "env", "version", "from", "to"};
    struct bytes path = {0};
    bytes_printf(&path, "/api/v1/markers");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        talk_put_option(args, names[i], &path);
    int code = talk_show_list(args, &path, print_marker, "there are no such markers");
    bytes_fini(&path);
    return code;
}

static int run_marker(const struct args *args)
{
    static const struct {
        const char *word;
        int operand_count;
        int (*run)(const struct args *args);
    } verbs[] = {{"list", 1, list_markers},
                 {"add", 1, add_marker},
                 {"correct", 2, correct_marker},
                 {"delete", 2, delete_marker},
                 {"expected", 2, show_expected}};
    struct tm_why why;
    if (options_given(args, "ics") && args->operand_count == 0)
        return ics_import(args);
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0] && args->operand_count > 0; i++) {
        if (strcmp(args->operands[0], verbs[i].word) == 0 && args->operand_count == verbs[i].operand_count)
            return verbs[i].run(args);
    }
    tm_why_write(
        &why, "say what to do: `marker list`, `marker add`, `marker correct ID`, `marker delete ID`, `marker "
              "expected ID` or `marker --ics FILE`");
    return command_fail(EXIT_USAGE, &why);
}

const struct command deploy_command = {
    .name = "deploy",
    .summary = "tell that a version was deployed",
    .details = "Tells the daemon that from this time on a service runs another version, and prints the "
               "marker that this makes. To tell the same again (service, env, version and time) changes "
               "nothing; without --time the time is now, so a pipeline that tries again should name it. "
               "`tidemark verdict` says what came of it.\n" OPTIONS_TIME,
    .examples = "tidemark deploy --service cart --version 1.8.4 --by ci\n"
                "tidemark deploy --service cart --version 1.8.4 --env prod --time -5m",
    .options = deploy_options,
    .run = run_deploy,
};

const struct command marker_command = {
    .name = "marker",
    .summary = "list, add, correct and delete markers: deploys, sales, maintenance",
    .operands = "list | add | correct ID | delete ID | expected ID | --ics FILE",
    .details = "A marker is a point or, with --end, a span in time in which something happened to a "
               "service, in one environment or, without --env, in all. `list` shows those that lie in "
               "or reach into --from and --to, newest first, and its options choose among them; `add` "
               "makes one of its options; `correct` changes what its options name and leaves the rest; "
               "`delete` removes one for good.\n"
               "`expected` draws what an event is expected to bring, from earlier events of its class: "
               "at each step from its start the median (#), and the most of them (-).\n"
               "--ics makes markers of the events of a calendar: of kind event (or --kind maintenance), "
               "their first category, or else their title, as class (or --class), for --service and "
               "--env. Repetitions by day, week, month and year are made, endless ones up to --to. The "
               "same file again changes nothing; what moved or went in it, by its UID, moves or goes "
               "here.\n" OPTIONS_TIME,
    .examples = "tidemark marker list --service shop --from -7d\n"
                "tidemark marker add --kind event --class sale --service shop --time now\n"
                "tidemark marker expected 8f14e45fceea167a\n"
                "tidemark marker --ics sales.ics --service shop --timezone Europe/Berlin",
    .options = marker_options,
    .run = run_marker,
};
