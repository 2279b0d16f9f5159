/* libmicrohttpd 0.9.75 takes bare line feeds and carriage returns, folded lines, NULs and names with spaces,
 * and hides them; a proxy that reads them otherwise sees another request than we do. It parses in place, so
 * the head still stands in its memory as it came, but for the NULs that it put where lines and names end: we
 * read it once more, and every byte must be where a plain head has it. */
#include "server/http/http_head.h"

#include <string.h>
#include <strings.h>

static bool is_token(const char *name)
{
    static const char allowed[] =
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return *name && name[strspn(name, allowed)] == '\0';
}

static bool has_control(const char *value)
{
    for (; *value; value++) {
        unsigned char c = (unsigned char)*value;
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

bool http_head_line_is_plain(const char *method, const char *uri)
{
    return is_token(method) && *uri && !has_control(uri) && !uri[strcspn(uri, " \t")];
}

static void note_length(struct http_head_facts *facts, const char *value)
{
    size_t digits = value ? strspn(value, "0123456789") : 0;
    facts->content_lengths++;
    facts->length = 0;
    if (digits == 0 || value[digits]) {
        facts->bad_length = true;
        return;
    }
    for (; *value && facts->length < HTTP_HEAD_LENGTH_MAX; value++)
        facts->length = facts->length * 10 + (uint64_t)(*value - '0');
    if (facts->length > HTTP_HEAD_LENGTH_MAX)
        facts->length = HTTP_HEAD_LENGTH_MAX;
}

void http_head_note(struct http_head_facts *facts, const char *name, const char *value)
{
    facts->headers++;
    if (strcasecmp(name, "Content-Length") == 0) {
        note_length(facts, value);
    } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
        facts->transfer_encodings++;
        facts->chunked = value && strcasecmp(value, "chunked") == 0;
    } else if (strcasecmp(name, "Host") == 0) {
        facts->hosts++;
    }
}

const char *http_head_ambiguity(const struct http_head_facts *facts, bool wants_host)
{
    if (facts->content_lengths > 1)
        return "Content-Length stands more than once";
    if (facts->content_lengths && facts->transfer_encodings)
        return "Content-Length and Transfer-Encoding exclude each other";
    if (facts->bad_length)
        return "Content-Length is no number";
    if (facts->transfer_encodings > 1 || (facts->transfer_encodings && !facts->chunked))
        return "the only Transfer-Encoding here is chunked, once";
    if (facts->hosts > 1)
        return "Host stands more than once";
    if (facts->hosts == 0 && wants_host)
        return "Host is missing";
    return NULL;
}

/* The string at *at, which moves behind its NUL; NULL if none ends before end. */
static const char *take_string(const char **at, const char *end)
{
    const char *text = *at;
    const char *stop = text < end ? memchr(text, '\0', (size_t)(end - text)) : NULL;
    if (stop)
        *at = stop + 1;
    return stop ? text : NULL;
}

/* The NUL that was a line feed; the one that was a carriage return ended the string before. */
static bool take_line_feed(const char **at, const char *end)
{
    bool there = *at < end && **at == '\0';
    *at += there;
    return there;
}

bool http_head_read(struct str left, struct http_head_facts *facts)
{
    const char *at = left.ptr, *end = left.ptr + left.len;
    const char *name = take_string(&at, end);
    if (!name || *name || !take_line_feed(&at, end)) /* the end of the request line */
        return false;
    for (;;) {
        name = take_string(&at, end);
        if (name && !*name)
            return take_line_feed(&at, end) && at == end; /* the empty line */
        if (!name || !is_token(name))
            return false;
        while (at < end && (*at == ' ' || *at == '\t'))
            at++;
        const char *value = take_string(&at, end);
        if (!value || has_control(value) || !take_line_feed(&at, end))
            return false;
        http_head_note(facts, name, value);
    }
}
