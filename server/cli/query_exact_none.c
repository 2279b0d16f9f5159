#include "server/cli/query_exact_none.h"

#include <jansson.h>

#include "server/cli/command.h"
#include "server/cli/series_text.h"
#include "server/cli/talk.h"
#include "storage/model/own_name.h"
#include "storage/query.h"

enum { SHOWN_NAMES = 12 };

/* What there are counts of, and whether the name that was asked for is there with samples. */
struct names {
    struct str asked;
    struct bytes text; /* "a, b and 3 more" */
    size_t counted;
    bool has_asked;
};

static void take_name(struct names *names, struct str name)
{
    names->has_asked = names->has_asked || str_equal(name, names->asked);
    if (!own_name_is_counted(name) || names->counted++ >= SHOWN_NAMES)
        return;
    bytes_printf(&names->text, "%s", names->counted > 1 ? ", " : "");
    series_text_plain(name, &names->text);
}

static void ask_daemon(const struct query_exact *query, struct names *names)
{
    struct talk talk = {0};
    const json_t *data = NULL, *name;
    size_t i;
    if (!talk_open(query->args, &talk) &&
        !talk_ask(&talk, "GET", "/api/v1/label/__name__/values", NULL, &data))
        json_array_foreach(data, i, name)
        {
            take_name(names, (struct str){json_string_value(name), json_string_length(name)});
        }
    talk_close(&talk);
}

static void ask_folder(const char *dir, struct names *names)
{
    struct tm_why why;
    struct reader *reader = NULL;
    struct index_list list = {0};
    const struct reader_filter all = {.span = READER_ALWAYS};
    if (!reader_open(dir, &reader, &why) && !reader_view_values(reader, STR(LABEL_NAME), &all, &list, &why)) {
        for (size_t i = 0; i < list.count; i++)
            take_name(names, list.items[i].text);
    }
    index_list_fini(&list);
    reader_close(reader);
}

static void say_names(const struct names *names)
{
    struct bytes asked = {0};
    series_text_plain(names->asked, &asked);
    fprintf(stderr, "tidemark: nothing is counted under %.*s", STR_ARG(bytes_view(&asked)));
    if (names->has_asked)
        fprintf(stderr, ", which has samples: leave out --exact");
    if (names->counted == 0)
        fprintf(stderr, "; what is counted are HTTP events, exceptions and tallies, and none came yet\n");
    else if (names->counted > SHOWN_NAMES)
        fprintf(stderr, "; counted are %.*s and %zu more\n", STR_ARG(bytes_view(&names->text)),
                names->counted - SHOWN_NAMES);
    else
        fprintf(stderr, "; counted are %.*s\n", STR_ARG(bytes_view(&names->text)));
    bytes_fini(&asked);
}

/* The name that a selector asks for; empty if it names none. A view into it. */
static struct str name_of(const struct selector *selector)
{
    for (size_t i = 0; i < selector->count; i++) {
        const struct matcher *matcher = selector->matchers[i];
        if (matcher_op(matcher) == MATCH_EQUAL && str_equal(matcher_name(matcher), STR(LABEL_NAME)))
            return matcher_value(matcher);
    }
    return STR("");
}

void query_exact_say_none(const struct query_exact *query, bool has_items)
{
    struct tm_why why;
    struct selector selector = {.count = 0};
    struct names names = {.counted = 0};
    const char *dir = options_text(query->args, "data-dir");
    if (selector_parse(str_of(query->selector), &selector, &why) == TM_OK)
        names.asked = name_of(&selector);
    if (names.asked.len > 0 && dir)
        ask_folder(dir, &names);
    else if (names.asked.len > 0)
        ask_daemon(query, &names);
    bool is_counted = names.has_asked && own_name_is_counted(names.asked);
    if (names.asked.len > 0 && !is_counted)
        say_names(&names);
    else if (!has_items) /* a zero that is printed says it all: it may be a sum of amounts */
        fputs("tidemark: nothing was counted there; --from and --to set the span, `tidemark series` lists "
              "what there is\n",
              stderr);
    bytes_fini(&names.text);
    selector_fini(&selector);
}
