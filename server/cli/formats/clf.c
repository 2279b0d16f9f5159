/* Common Log Format and Combined, as Apache and nginx write them:
 * host ident user [time] "request" status bytes ["referer" "user agent"] */
#include "server/cli/formats/formats_private.h"

struct parse {
    struct str line;
    const char *at;
    const char *end;
    struct bytes *scratch;
    struct log_fault *fault;
};

/* The time in brackets. A user's name may hold a bracket too, so the first that reads as a time counts. */
static enum tm_err parse_time(struct parse *p, time_ms_t *out)
{
    enum { CLF_TIME_LEN = 26, BRACKETS_MAX = 16 };
    const char *at = p->at;
    const char *first = NULL;
    for (int i = 0; i < BRACKETS_MAX; i++) {
        const char *bracket = memchr(at, '[', (size_t)(p->end - at));
        if (!bracket)
            break;
        first = first ? first : bracket;
        struct str text = {bracket + 1, CLF_TIME_LEN};
        at = bracket + 1;
        if (p->end - at <= CLF_TIME_LEN || at[CLF_TIME_LEN] != ']' || log_time_clf(text, out))
            continue;
        p->at = at + CLF_TIME_LEN + 1;
        return TM_OK;
    }
    return log_fail(p->fault, p->line, first ? first : p->end,
                    "no time in brackets such as [27/Oct/2013:06:25:01 +0100]; is the format the right one?");
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One escape at text (which begins with a backslash): \xHH \" \\ \n \t \r; anything else is itself. */
static size_t put_escape(struct bytes *out, const char *at, const char *end)
{
    static const char from[] = "nrtvbf";
    static const char to[] = "\n\r\t\v\b\f";
    const char *letter = end - at > 1 && at[1] ? strchr(from, at[1]) : NULL;
    if (end - at > 3 && at[1] == 'x' && hex_value(at[2]) >= 0 && hex_value(at[3]) >= 0) {
        bytes_u8(out, (uint8_t)(hex_value(at[2]) * 16 + hex_value(at[3])));
        return 4;
    }
    if (letter) {
        bytes_u8(out, (uint8_t)to[letter - from]);
        return 2;
    }
    if (end - at > 1 && (at[1] == '"' || at[1] == '\\')) {
        bytes_u8(out, (uint8_t)at[1]);
        return 2;
    }
    bytes_u8(out, '\\');
    return 1;
}

/* A text in double quotes, unescaped. */
static enum tm_err parse_quoted(struct parse *p, const char *what, struct str *out)
{
    while (p->at < p->end && *p->at == ' ')
        p->at++;
    const char *open = p->at;
    if (open == p->end || *open != '"')
        return log_fail(p->fault, p->line, open, "expected the %s in double quotes", what);
    size_t from = p->scratch->len;
    const char *at = open + 1;
    while (at < p->end && *at != '"') {
        const char *plain = at;
        while (at < p->end && *at != '"' && *at != '\\')
            at++;
        bytes_put(p->scratch, plain, (size_t)(at - plain));
        if (at < p->end && *at == '\\')
            at += put_escape(p->scratch, at, p->end);
    }
    if (at >= p->end)
        return log_fail(p->fault, p->line, open, "the double quotes of the %s are never closed", what);
    *out = (struct str){(const char *)p->scratch->data + from, p->scratch->len - from};
    p->at = at + 1;
    return TM_OK;
}

static struct str take_word(struct parse *p)
{
    while (p->at < p->end && *p->at == ' ')
        p->at++;
    const char *from = p->at;
    while (p->at < p->end && *p->at != ' ')
        p->at++;
    return (struct str){from, (size_t)(p->at - from)};
}

static enum tm_err parse_numbers(struct parse *p, struct log_record *out)
{
    struct str word = take_word(p);
    if (log_status(word, &out->status))
        return log_fail(p->fault, p->line, word.ptr, "expected a status from 100 to 599");
    word = take_word(p);
    if (!str_equal(word, STR("-")) && log_integer(word, &out->bytes))
        return log_fail(p->fault, p->line, word.ptr, "expected a number of bytes, or -");
    return TM_OK;
}

static struct str unless_dash(struct str text)
{
    return str_equal(text, STR("-")) ? (struct str){text.ptr, 0} : text;
}

enum tm_err log_parse_clf(struct str line, bool combined, struct bytes *scratch, struct log_record *out,
                          struct log_fault *fault)
{
    struct parse p = {
        .line = line, .at = line.ptr, .end = line.ptr + line.len, .scratch = scratch, .fault = fault};
    struct str text = {"", 0};
    if (line.len == 0)
        return log_fail(fault, line, line.ptr, "the line is empty");
    enum tm_err err = parse_time(&p, &out->time);
    if (!err)
        err = parse_quoted(&p, "request", &text);
    if (err)
        return err;
    log_request_split(text, out);
    err = parse_numbers(&p, out);
    if (err || !combined)
        return err;
    err = parse_quoted(&p, "referer", &text);
    if (!err)
        err = parse_quoted(&p, "user agent", &text);
    if (!err)
        out->user_agent = unless_dash(text);
    return err;
}
