/* A fault in an expression, shown where it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/cli/command.h"
#include "server/cli/promql_ask.h"
#include "server/cli/series_text.h"

enum { SHOWN_BYTES = 92, BEFORE_BYTES = 60 };

/* "LINE:COLUMN:", both from 1. false: it says none. */
static bool find_place(const struct tm_why *why, size_t *line, size_t *column)
{
    char *end;
    unsigned long first = strtoul(why->text, &end, 10);
    if (first == 0 || *end != ':')
        return false;
    unsigned long second = strtoul(end + 1, &end, 10);
    *line = first;
    *column = second;
    return second > 0 && *end == ':';
}

static bool is_inside_character(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Of the line the part around at. */
static struct str cut_around(struct str text, size_t at, bool *is_cut)
{
    size_t from = at > BEFORE_BYTES ? at - BEFORE_BYTES : 0;
    while (from > 0 && is_inside_character(text.ptr[from]))
        from--;
    size_t to = text.len - from > SHOWN_BYTES ? from + SHOWN_BYTES : text.len;
    while (to < text.len && is_inside_character(text.ptr[to]))
        to++;
    *is_cut = from > 0;
    return (struct str){text.ptr + from, to - from};
}

/* Characters that the terminal shows, one column each. */
static size_t count_columns(struct str text)
{
    struct bytes plain = {0};
    size_t columns = 0;
    series_text_plain(text, &plain);
    for (size_t i = 0; i < plain.len; i++)
        columns += !is_inside_character((char)plain.data[i]);
    bytes_fini(&plain);
    return columns;
}

static void print_place(struct str line, size_t at)
{
    bool is_cut;
    struct bytes plain = {0};
    struct str shown = cut_around(line, at, &is_cut);
    size_t before = at - (size_t)(shown.ptr - line.ptr);
    series_text_plain(shown, &plain);
    const char *mark = is_cut ? "..." : "";
    if (!bytes_error(&plain))
        fprintf(stderr, "  %s%.*s\n  %*s^\n", mark, (int)plain.len, plain.len ? (const char *)plain.data : "",
                (int)(strlen(mark) + count_columns((struct str){shown.ptr, before})), "");
    bytes_fini(&plain);
}

int promql_fail(const char *text, const struct tm_why *why)
{
    size_t line, column;
    int code = command_fail(EXIT_USAGE, why);
    if (!find_place(why, &line, &column))
        return code;
    while (line > 1 && strchr(text, '\n')) {
        text = strchr(text, '\n') + 1;
        line--;
    }
    struct str shown = {text, strcspn(text, "\n")};
    if (line == 1 && shown.len > 0 && column - 1 <= shown.len)
        print_place(shown, column - 1);
    return code;
}
