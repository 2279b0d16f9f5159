/* `tidemark exceptions`. */
#include <string.h>

#include "server/cli/command.h"
#include "server/cli/series_text.h"
#include "server/cli/talk.h"

enum { PATH_BYTES = 64, ID_BYTES = 16 };

static const struct option exceptions_options[] = {
    {.name = "service", .argument = "NAME", .text = "groups of this service only"},
    {.name = "state",
     .argument = "new|ongoing|escalating|regressed|resolved",
     .text = "groups in this state only"},
    {.name = "from", .argument = "TIME", .text = "seen at or behind it"},
    {.name = "to", .argument = "TIME", .text = "seen before it"},
    {.name = "limit", .argument = "N", .fallback = "100", .text = "show at most N, last seen first"},
    {.name = "into", .argument = "ID", .text = "merge: the group that the other one becomes part of"},
    {0},
};

static void print_group(const json_t *item)
{
    struct bytes out = {0};
    talk_put_text(item, "id", "", &out);
    talk_put_text(item, "state", "  ", &out);
    bytes_printf(&out, "  %" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(item, "count")));
    talk_put_text(item, "last", "  ", &out);
    talk_put_text(item, "service", "  ", &out);
    talk_put_text(item, "env", "@", &out);
    struct str type = talk_text(item, "type"), message = talk_text(item, "message");
    bool is_said =
        message.len >= type.len && memcmp(message.ptr, type.ptr, type.len) == 0; /* HTTP 404 /p/{n} */
    if (!is_said)
        talk_put_text(item, "type", "  ", &out);
    talk_put_text(item, "message", is_said ? "  " : ": ", &out);
    if (!bytes_error(&out))
        printf("%.*s\n", (int)out.len, (const char *)out.data);
    bytes_fini(&out);
}

static void print_whole(const json_t *item)
{
    struct bytes out = {0};
    size_t i;
    const json_t *one;
    print_group(item);
    talk_put_text(item, "first", "first ", &out);
    talk_put_text(item, "last", ", last ", &out);
    bytes_printf(&out, "\n");
    json_array_foreach(json_object_get(item, "releases"), i, one)
    {
        if (talk_text(one, "release").len > 0)
            talk_put_text(one, "release", "release ", &out);
        else
            bytes_printf(&out, "without a release");
        bytes_printf(&out, ": %" JSON_INTEGER_FORMAT "\n", json_integer_value(json_object_get(one, "count")));
    }
    talk_put_text(item, "stack", "", &out);
    bool ends_line = out.len > 0 && out.data[out.len - 1] == '\n';
    if (!bytes_error(&out))
        printf("%.*s%s", (int)out.len, (const char *)out.data, ends_line ? "" : "\n");
    bytes_fini(&out);
}

static int list_groups(const struct args *args)
{
    static const char *const names[] = {"service", "state", "from", "to"};
    struct bytes path = {0};
    bytes_printf(&path, "/api/v1/exceptions");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        talk_put_option(args, names[i], &path);
    int code = talk_show_list(args, &path, print_group, "there are no such groups of exceptions");
    bytes_fini(&path);
    return code;
}

/* action NULL: it is only looked at. */
static int ask_group(const struct args *args, const char *id, const char *action)
{
    struct talk talk = {0};
    const json_t *data = NULL;
    char path[PATH_BYTES];
    json_t *body = NULL;
    (void)snprintf(path, sizeof path, "/api/v1/exceptions/%.16s", id);
    if (action)
        body = json_pack("{s:s,s:s*}", "action", action, "into", options_text(args, "into"));
    int code = talk_open(args, &talk);
    if (!code)
        code = talk_ask(&talk, action ? "POST" : "GET", path, body, &data);
    if (!code && options_given(args, "json"))
        code = talk_print_json(data);
    else if (!code && action)
        print_group(data);
    else if (!code)
        print_whole(data);
    json_decref(body);
    talk_close(&talk);
    return code;
}

static int run_exceptions(const struct args *args)
{
    static const char *const actions[] = {"resolve", "reopen", "merge", "split"};
    struct tm_why why;
    const char *id = args->operand_count > 0 ? args->operands[args->operand_count - 1] : "";
    bool is_id = strlen(id) == ID_BYTES && strspn(id, "0123456789abcdef") == ID_BYTES;
    if (args->operand_count == 0)
        return list_groups(args);
    if (args->operand_count == 2 && strcmp(args->operands[0], "merge") == 0 && !options_given(args, "into")) {
        tm_why_write(&why, "say what it becomes part of: `exceptions merge ID --into ID`");
        return command_fail(EXIT_USAGE, &why);
    }
    if (args->operand_count == 1 && is_id)
        return ask_group(args, id, NULL);
    for (size_t i = 0; i < sizeof actions / sizeof actions[0] && args->operand_count == 2 && is_id; i++) {
        if (strcmp(args->operands[0], actions[i]) == 0)
            return ask_group(args, id, actions[i]);
    }
    tm_why_write(&why, "say which group: `exceptions ID`, or `exceptions resolve|reopen|split ID`, "
                       "`exceptions merge ID --into ID`; an id has 16 hex digits");
    return command_fail(EXIT_USAGE, &why);
}

const struct command exceptions_command = {
    .name = "exceptions",
    .summary = "list groups of exceptions and failed requests, resolve, reopen, merge and split them",
    .operands = "[[resolve | reopen | merge | split] ID]",
    .details = "Without an operand it lists groups, last seen first; with an ID it shows one. `resolve` "
               "says that it is mended: the group opens again when it is seen later, in a release not "
               "older than the newest of its service then. `merge ID --into ID` shows two groups as one "
               "from then on, `split ID` takes one that was merged out again.\n" OPTIONS_TIME,
    .examples = "tidemark exceptions --service shop --state new --from -1d\n"
                "tidemark exceptions 8f14e45fceea167a\n"
                "tidemark exceptions resolve 8f14e45fceea167a",
    .options = exceptions_options,
    .run = run_exceptions,
};
