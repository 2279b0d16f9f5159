/* `tidemark top`: what most HTTP events have. */
#include <inttypes.h>
#include <string.h>

#include "server/cli/command.h"
#include "server/cli/series_text.h"
#include "server/cli/talk.h"
#include "server/cli/units.h"

enum { PERCENT = 100 };

static const struct option top_options[] = {
    {.name = "by",
     .argument = "url|page_group|status|agent|method|service|env|cache|user_agent|TAG",
     .fallback = "url",
     .text = "what is ranked; TAG is the name of any tag"},
    {.name = "service", .argument = "NAME", .text = "only events of this service"},
    {.name = "status", .argument = "STATUS", .text = "only those with this status (404) or class (4xx)"},
    {.name = "filter",
     .argument = "FILTER",
     .text = "only those that it takes, see `tidemark events --help`"},
    {.name = "from", .argument = "TIME", .fallback = "-1h", .text = "first instant"},
    {.name = "to", .argument = "TIME", .fallback = "now", .text = "the instant behind the last one"},
    {.name = "k", .argument = "N", .fallback = "10", .text = "show the N most frequent"},
    {.name = "compare",
     .argument = "previous|week|FROM..TO",
     .text = "against the span before, the same span a week ago, or another one"},
    {0},
};

/* ---- for people ---- */

static const char *count_text(const json_t *item, const char *name, char text[UNITS_TEXT_BYTES])
{
    return units_count(json_integer_value(json_object_get(item, name)), text);
}

static void print_item(const json_t *item, bool is_compared)
{
    char count[UNITS_TEXT_BYTES], before[UNITS_TEXT_BYTES];
    struct bytes key = {0};
    const json_t *change = json_object_get(item, "change");
    struct str state = talk_text(item, "state");
    series_text_plain(talk_text(item, "key"), &key);
    printf("%12s %6.2f%%", count_text(item, "count", count),
           json_number_value(json_object_get(item, "share")) * PERCENT);
    if (is_compared && str_equal(state, STR("same")))
        printf(" %12s %+9.1f%%", count_text(item, "before", before), json_number_value(change) * PERCENT);
    else if (is_compared)
        printf(" %12s %10.*s", count_text(item, "before", before), STR_ARG(state));
    if (key.len > 0 && !bytes_error(&key))
        printf("  %.*s\n", (int)key.len, (const char *)key.data);
    else
        puts("  (none)");
    bytes_fini(&key);
}

static void print_top(const struct args *args, const json_t *data)
{
    const json_t *item;
    size_t i;
    char total[UNITS_TEXT_BYTES], keys[UNITS_TEXT_BYTES];
    if (json_array_size(json_object_get(data, "items")) == 0) {
        fputs("tidemark: no event is there; --from and --to set the span\n", stderr);
        return;
    }
    bool is_compared = json_is_object(json_object_get(data, "compare"));
    printf("%12s %7s%s  %s\n", "count", "share", is_compared ? "       before     change" : "",
           options_text(args, "by"));
    json_array_foreach(json_object_get(data, "items"), i, item)
    {
        print_item(item, is_compared);
    }
    printf("%s events, %s different\n", count_text(data, "total", total), count_text(data, "keys", keys));
    if (json_integer_value(json_object_get(data, "error")) > 0)
        printf(
            "from rankings kept of days whose events are gone: counts are least ones, up to %s more each; so "
            "many may one have that is not known\n",
            count_text(data, "error", keys));
}

static int run_top(const struct args *args)
{
    static const char *const names[] = {"by", "from", "to", "k"};
    static const char *const others[] = {"service", "status", "filter", "compare"};
    struct bytes path = {0};
    bytes_printf(&path, "/api/v1/top");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        talk_put_value(names[i], str_of(options_text(args, names[i])), &path);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        talk_put_option(args, others[i], &path);
    int code = talk_show(args, &path, print_top);
    bytes_fini(&path);
    return code;
}

const struct command top_command = {
    .name = "top",
    .summary = "rank HTTP events by URL, page group, status or any tag",
    .details = "Each event counts as often as its `count` says. share is the part of all events that "
               "were chosen. With --compare, change is by how much more often (+) or less often (-) it "
               "came per time than in the other span; `new` was not there, and what is `gone` now "
               "stands at the end. `tidemark events` explains filters.\n" OPTIONS_TIME,
    .examples = "tidemark top --by page_group --service shop --status 4xx --compare week\n"
                "tidemark top --by url --status 404 --from -1d --compare previous",
    .options = top_options,
    .run = run_top,
};
