#include "server/cli/push_prometheus.h"

#include "server/cli/line_text.h"
#include "storage/model/labels.h"

struct parser {
    struct str line;
    size_t at;
    struct bytes *out;
    struct tm_why *why;
};

static enum tm_err fail_at(const struct parser *parser, const char *what)
{
    return tm_fail(parser->why, TM_INVALID, "column %zu: %s", parser->at + 1, what);
}

/* The byte at the cursor, '\0' at the end. */
static char peek(const struct parser *parser)
{
    return parser->at < parser->line.len ? parser->line.ptr[parser->at] : '\0';
}

static void skip_blanks(struct parser *parser)
{
    while (peek(parser) == ' ' || peek(parser) == '\t')
        parser->at++;
}

/* The bytes up to a blank or one of the stops. */
static struct str take_word(struct parser *parser, const char *stops)
{
    size_t start = parser->at;
    for (char c; parser->at < parser->line.len && (c = peek(parser)) != ' ' && c != '\t'; parser->at++)
        if (c && strchr(stops, c))
            break;
    return (struct str){parser->line.ptr + start, parser->at - start};
}

/* A label's value as a tag value: the exposition's escapes (\\ \" \n) away, line protocol's (comma, equals,
 * space) on. A line break can't be carried and becomes a space; a backslash at the end would escape what
 * follows, so it becomes a slash. */
static void put_tag_value(struct bytes *out, struct str raw)
{
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c == '\\' && i + 1 < raw.len && strchr("\\\"n", raw.ptr[i + 1]) && raw.ptr[i + 1])
            c = raw.ptr[++i] == 'n' ? '\n' : raw.ptr[i];
        if (c == '\n' || c == '\r')
            c = ' ';
        if (c == ',' || c == '=' || c == ' ')
            bytes_u8(out, '\\');
        if (c == '\\' && (i + 1 == raw.len || raw.ptr[i + 1] == ',' || raw.ptr[i + 1] == '=' ||
                          raw.ptr[i + 1] == ' ' || raw.ptr[i + 1] == '\\'))
            c = '/';
        bytes_u8(out, (uint8_t)c);
    }
}

static enum tm_err convert_label(struct parser *parser)
{
    struct str name = take_word(parser, "=,}\"");
    if (!label_name_valid(name))
        return fail_at(parser, "a label's name is [a-zA-Z_][a-zA-Z0-9_]*");
    skip_blanks(parser);
    if (peek(parser) != '=')
        return fail_at(parser, "\"=\" is missing behind the label's name");
    parser->at++;
    skip_blanks(parser);
    if (peek(parser) != '"')
        return fail_at(parser, "a label's value stands in double quotes");
    size_t start = ++parser->at;
    while (parser->at < parser->line.len && peek(parser) != '"')
        parser->at += peek(parser) == '\\' && parser->at + 1 < parser->line.len ? 2 : 1;
    if (parser->at >= parser->line.len)
        return fail_at(parser, "the closing double quote is missing");
    struct str value = {parser->line.ptr + start, parser->at - start};
    parser->at++;
    if (!value.len)
        return TM_OK;
    bytes_u8(parser->out, ',');
    bytes_put(parser->out, name.ptr, name.len);
    bytes_u8(parser->out, '=');
    put_tag_value(parser->out, value);
    return TM_OK;
}

static enum tm_err convert_labels(struct parser *parser)
{
    if (peek(parser) != '{')
        return TM_OK;
    parser->at++;
    skip_blanks(parser);
    while (peek(parser) != '}') {
        enum tm_err err = convert_label(parser);
        if (err)
            return err;
        skip_blanks(parser);
        if (peek(parser) == ',')
            parser->at++;
        else if (peek(parser) != '}')
            return fail_at(parser, "\",\" or \"}\" is missing behind the label");
        skip_blanks(parser);
    }
    parser->at++;
    return TM_OK;
}

static enum tm_err convert_value(struct parser *parser)
{
    const char *fault;
    struct str word = take_word(parser, "");
    bytes_put(parser->out, " value=", 7);
    fault = line_put_number(word, parser->out);
    return fault ? fail_at(parser, fault) : TM_OK;
}

static enum tm_err convert_time(struct parser *parser)
{
    skip_blanks(parser);
    struct str word = take_word(parser, "");
    if (!word.len)
        return TM_OK;
    size_t digits = word.ptr[0] == '-';
    if (word.len == digits || word.len > digits + 15)
        return fail_at(parser, "the timestamp is not a number of milliseconds");
    for (size_t i = digits; i < word.len; i++)
        if (word.ptr[i] < '0' || word.ptr[i] > '9')
            return fail_at(parser, "the timestamp is not a number of milliseconds");
    bytes_u8(parser->out, ' ');
    bytes_put(parser->out, word.ptr, word.len);
    skip_blanks(parser);
    if (parser->at < parser->line.len)
        return fail_at(parser, "something stands behind the timestamp");
    return TM_OK;
}

static enum tm_err convert_sample(struct parser *parser)
{
    struct str name = take_word(parser, "{");
    if (!metric_name_valid(name))
        return fail_at(parser, "a metric's name is [a-zA-Z_:][a-zA-Z0-9_:]*");
    bytes_put(parser->out, name.ptr, name.len);
    skip_blanks(parser);
    enum tm_err err = convert_labels(parser);
    if (err)
        return err;
    skip_blanks(parser);
    err = convert_value(parser);
    return err ? err : convert_time(parser);
}

enum tm_err prometheus_convert(struct str line, struct bytes *out, struct tm_why *why)
{
    struct parser parser = {.line = line, .out = out, .why = why};
    size_t start = out->len;
    while (parser.line.len &&
           (line.ptr[parser.line.len - 1] == '\r' || line.ptr[parser.line.len - 1] == '\n'))
        parser.line.len--;
    skip_blanks(&parser);
    if (parser.at == parser.line.len || peek(&parser) == '#')
        return TM_OK;
    /* Text that is not UTF-8 is the daemon's to refuse, with the reason it gives for all lines. */
    if (memchr(parser.line.ptr, '\0', parser.line.len))
        return fail_at(&parser, "the line has a NUL byte");
    enum tm_err err = convert_sample(&parser);
    bytes_u8(out, '\n');
    if (!err)
        err = bytes_error(out);
    if (err && out->len > start)
        out->len = start;
    return err;
}
