#include "server/cli/push.h"

static bool ends_value(const char *at, const char *end)
{
    return at == end || *at == ',' || *at == ' ' || *at == '\n' || *at == '\r';
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    return at;
}

/* The first byte behind measurement and tags: the first space without a backslash before it. */
static const char *find_fields(const char *at, const char *end)
{
    for (; at < end && *at != '\n'; at++) {
        if (*at == '\\' && at + 1 < end && at[1] == ' ')
            at++;
        else if (*at == ' ')
            return at;
    }
    return at;
}

/* The closing quote of the string whose content begins at `at`; NULL: none. */
static const char *find_quote(const char *at, const char *end)
{
    for (; at < end; at++) {
        if (*at == '"')
            return at;
        if (*at == '\\' && at + 1 < end && (at[1] == '"' || at[1] == '\\'))
            at++;
    }
    return NULL;
}

/* The line feed that ends the record; NULL: not there yet. */
static const char *find_record_end(const char *start, const char *end, bool last)
{
    const char *value = NULL; /* where one begins: behind an '=' that is not escaped */
    for (const char *at = find_fields(skip_blanks(start, end), end); at < end; at++) {
        if (*at == '\n')
            return at;
        if (*at == '\\' && at + 1 < end && strchr(",= ", at[1]) && at[1])
            at++; /* escaped in a field's name: the '=' there begins no value */
        else if (*at == '=')
            value = at + 1;
        if (*at != '"' || at != value)
            continue;
        const char *close = find_quote(at + 1, end);
        bool open = !close || (close + 1 == end && !last);
        if (open && !last)
            return NULL;
        /* A string without a proper end must not swallow the lines behind it. */
        if (close && ends_value(close + 1, end))
            at = close;
    }
    return NULL;
}

size_t push_record_length(struct str text, bool strings, bool last)
{
    const char *feed = text.len ? memchr(text.ptr, '\n', text.len) : NULL;
    size_t line_len = feed ? (size_t)(feed - text.ptr) : text.len;
    const char *content = skip_blanks(text.ptr, text.ptr + line_len);
    bool comment = content < text.ptr + line_len && *content == '#';
    if (strings && !comment && line_len && memchr(text.ptr, '"', line_len))
        feed = find_record_end(text.ptr, text.ptr + text.len, last);
    if (feed)
        return (size_t)(feed - text.ptr) + 1;
    return last ? text.len : 0;
}
