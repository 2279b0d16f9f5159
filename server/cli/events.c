/* `tidemark events`: raw HTTP events, newest first. */
#include <inttypes.h>
#include <string.h>

#include "server/cli/command.h"
#include "server/cli/series_text.h"
#include "server/cli/talk.h"
#include "server/cli/units.h"

static const struct option events_options[] = {
    {.name = "service", .argument = "NAME", .text = "only those of this service"},
    {.name = "from", .argument = "TIME", .fallback = "-1h", .text = "first instant"},
    {.name = "to", .argument = "TIME", .fallback = "now", .text = "the instant behind the last one"},
    {.name = "status", .argument = "STATUS", .text = "only those with this status (404) or class (4xx)"},
    {.name = "filter", .argument = "FILTER", .text = "only those that it takes, see above"},
    {.name = "limit", .argument = "N", .fallback = "100", .text = "show at most N, newest first"},
    {.name = "explain-url",
     .argument = "URL",
     .text = "say instead which group of pages this URL of --service is in, and why"},
    {0},
};

/* ---- for people ---- */

static void put_tags(json_t *tags, struct bytes *out)
{
    const char *name;
    json_t *value;
    json_object_foreach(tags, name, value)
    {
        bytes_printf(out, "  ");
        series_text_plain(str_of(name), out);
        talk_put_text(tags, name, "=", out);
    }
}

static void print_event(const json_t *item)
{
    struct bytes out = {0};
    char text[UNITS_TEXT_BYTES];
    const json_t *fields = json_object_get(item, "fields");
    const json_t *duration = json_object_get(fields, "duration_ms");
    json_int_t count = json_integer_value(json_object_get(fields, "count"));
    talk_put_text(item, "time", "", &out);
    bytes_printf(&out, "  %" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(item, "status")));
    talk_put_text(item, "method", " ", &out);
    talk_put_text(item, "url", " ", &out);
    talk_put_text(item, "service", "  ", &out);
    talk_put_text(item, "env", "@", &out);
    talk_put_text(item, "page_group", "  group=", &out);
    talk_put_text(item, "agent", "  agent=", &out);
    put_tags(json_object_get(item, "tags"), &out);
    if (json_is_number(duration))
        bytes_printf(&out, "  %s", units_ms(json_number_value(duration), text));
    if (count > 1)
        bytes_printf(&out, "  x%s", units_count(count, text));
    if (!bytes_error(&out))
        printf("%.*s\n", (int)out.len, (const char *)out.data);
    bytes_fini(&out);
}

static int print_list(const struct args *args, const json_t *list)
{
    const json_t *item;
    size_t i;
    if (options_given(args, "json"))
        return talk_print_json(list);
    json_array_foreach(json_object_get(list, "items"), i, item)
    {
        print_event(item);
    }
    if (i == 0)
        fputs("tidemark: no event is there; --from and --to set the span\n", stderr);
    else if (json_is_string(json_object_get(list, "next")))
        fprintf(stderr, "tidemark: there are more; --limit shows them\n");
    return EXIT_OK;
}

static void print_explained(const struct args *args, const json_t *data)
{
    struct bytes text = {0};
    struct str told = talk_text(data, "text");
    (void)args;
    for (size_t i = 0; i < told.len; i++) {
        if (told.ptr[i] == '\n')
            bytes_u8(&text, '\n');
        else
            series_text_plain((struct str){told.ptr + i, 1}, &text);
    }
    printf("%.*s%s", (int)text.len, text.len ? (const char *)text.data : "",
           text.len && text.data[text.len - 1] == '\n' ? "" : "\n");
    bytes_fini(&text);
}

static int explain(const struct args *args)
{
    struct bytes path = {0};
    bytes_printf(&path, "/api/v1/events/explain");
    talk_put_value("url", str_of(options_text(args, "explain-url")), &path);
    talk_put_option(args, "service", &path);
    int code = talk_show(args, &path, print_explained);
    bytes_fini(&path);
    return code;
}

static int run_events(const struct args *args)
{
    if (options_given(args, "explain-url"))
        return explain(args);
    static const char *const names[] = {"service", "status", "filter"};
    struct talk talk = {0};
    struct bytes path = {0};
    json_t *list = NULL;
    bytes_printf(&path, "/api/v1/events");
    talk_put_value("from", str_of(options_text(args, "from")), &path);
    talk_put_value("to", str_of(options_text(args, "to")), &path);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        talk_put_option(args, names[i], &path);
    int code = talk_open(args, &talk);
    if (!code)
        code = talk_list(&talk, &path, &list);
    if (!code)
        code = print_list(args, list);
    json_decref(list);
    bytes_fini(&path);
    talk_close(&talk);
    return code;
}

const struct command events_command = {
    .name = "events",
    .summary = "print HTTP events, newest first",
    .details = "A FILTER is made of tests side by side, which all must hold, of `or`, `not` and "
               "brackets:\n"
               "  status=404 group=\"product\" not agent=crawler (method=PUT or url~\"/p/\")\n"
               "Texts (service env method url group cache user_agent tag.NAME) take = != ~ (holds) =~ "
               "!~ (PCRE2 pattern); numbers (status bytes duration_ms origin_ms edge_ms count) take = "
               "!= < <= > >=; class (1xx to 5xx) and agent (crawler mobile desktop bot other) take = "
               "and !=.\n" OPTIONS_TIME,
    .examples = "tidemark events --service shop --filter 'class=5xx duration_ms>=1000'\n"
                "tidemark events --service shop --explain-url /p/12",
    .options = events_options,
    .run = run_events,
};
