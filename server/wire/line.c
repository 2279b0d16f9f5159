/* One line: key, fields, timestamp. The reader around it is in line_reader.c. */
#include "server/wire/line_parse.h"

#include <stdarg.h>
#include <stdio.h>

#include "server/wire/field_names.h"
#include "server/wire/scan.h"
#include "server/wire/utf8.h"

const char *line_show(const char *at, const char *end, struct line_shown *shown)
{
    if (line_ends_at(at, end))
        return "the end of the line";
    unsigned char byte = (unsigned char)*at;
    if (byte > ' ' && byte < 0x7f)
        (void)snprintf(shown->text, sizeof shown->text, "'%c'", byte);
    else if (byte == ' ')
        (void)snprintf(shown->text, sizeof shown->text, "a space");
    else
        (void)snprintf(shown->text, sizeof shown->text, "byte 0x%02x", byte);
    return shown->text;
}

enum tm_err line_fail(struct line_parse *p, const char *format, ...)
{
    char *text = p->why->text;
    size_t room = sizeof p->why->text;
    int used = snprintf(text, room, "column %zu: ", (size_t)(p->at - p->start) + 1);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text + used, room - (size_t)used, format, args);
    va_end(args);
    return TM_INVALID;
}

/* ---- one line ---- */

static const char *skip_spaces(const char *at, const char *end)
{
    while (at < end && *at == ' ')
        at++;
    return at;
}

/* Where the key ends: the first space that no backslash stands before, or the line feed or the end of the
 * batch if there is none. */
static const char *find_key_end(const char *at, const char *end)
{
    for (;;) {
        at = scan_key(at, end);
        if (at == end || *at == '\n' || *at == ' ')
            return at;
        at += *at == '\\' && at + 1 < end && at[1] == ' ' ? 2 : 1;
    }
}

static enum tm_err parse_key(struct line_parse *p, struct line *out)
{
    const char *key = p->at;
    if (*key == ',')
        return line_fail(p, "expected a measurement before ','");
    p->at = find_key_end(key, p->end);
    out->key = (struct str){key, (size_t)(p->at - key)};
    if (p->at < p->end && *p->at == ' ')
        p->at = skip_spaces(p->at, p->end);
    if (line_ends_at(p->at, p->end))
        return line_fail(p, "expected a space and then field=value");
    return TM_OK;
}

/* Bytes that end a field's name or need a look. */
static const bool name_stops[256] = {
    ['='] = true, [','] = true, [' '] = true, ['\n'] = true, ['\r'] = true, ['\\'] = true,
};

static enum tm_err parse_field_name(struct line_parse *p, struct str *out)
{
    const char *name = p->at;
    const char *at = name;
    for (;;) {
        while (at < p->end && !name_stops[(unsigned char)*at])
            at++;
        if (at == p->end || *at != '\\')
            break;
        bool escapes = at + 1 < p->end && (at[1] == ',' || at[1] == '=' || at[1] == ' ');
        at += escapes ? 2 : 1;
    }
    p->at = at;
    struct line_shown shown;
    if (at == p->end || *at != '=')
        return line_fail(p, "expected '=' behind the field's name, found %s", line_show(at, p->end, &shown));
    if (at == name)
        return line_fail(p, "expected a field's name before '='");
    *out = (struct str){name, (size_t)(at - name)};
    p->at = at + 1;
    return TM_OK;
}

static enum tm_err parse_fields(struct line_parse *p, struct line *out)
{
    const char *fields = p->at;
    struct field_names names;
    size_t count = 0;
    for (;; p->at++) {
        if (count == LINE_FIELDS_MAX)
            return line_fail(p, "a line has at most %d fields; send the others in a second line",
                             LINE_FIELDS_MAX);
        struct line_field *field = &out->field[count];
        enum tm_err err = parse_field_name(p, &field->name);
        if (err != TM_OK)
            return err;
        if (!field_names_add(&names, out->field, count++)) {
            p->at = field->name.ptr;
            return line_fail(p, "this field stands in the line already");
        }
        err = line_value_parse(p, &field->value);
        if (err != TM_OK)
            return err;
        if (p->at == p->end || *p->at != ',')
            break;
    }
    out->field_count = count;
    out->fields = (struct str){fields, (size_t)(p->at - fields)};
    struct line_shown shown;
    if (!line_value_ends_at(p->at, p->end))
        return line_fail(p, "expected ',' or a space or the end of the line behind the value, found %s",
                         line_show(p->at, p->end, &shown));
    return TM_OK;
}

static enum tm_err parse_time(struct line_parse *p, enum precision precision, struct line *out)
{
    out->has_time = false;
    out->time = 0;
    p->at = skip_spaces(p->at, p->end);
    if (line_ends_at(p->at, p->end))
        return TM_OK;
    enum tm_err err = line_time_parse(p, precision, &out->time);
    if (err != TM_OK)
        return err;
    out->has_time = true;
    p->at = skip_spaces(p->at, p->end);
    struct line_shown shown;
    if (!line_ends_at(p->at, p->end))
        return line_fail(p, "expected the end of the line behind the timestamp, found %s",
                         line_show(p->at, p->end, &shown));
    return TM_OK;
}

/* No byte of a line may be NUL or break UTF-8, wherever it stands. */
static enum tm_err check_bytes(struct line_parse *p)
{
    struct str raw = {p->start, (size_t)(p->at - p->start)};
    size_t valid = utf8_valid_len(raw);
    if (valid == raw.len)
        return TM_OK;
    bool nul = raw.ptr[valid] == '\0';
    const char *line_end = p->at;
    p->at = raw.ptr + valid;
    enum tm_err err = nul ? line_fail(p, "a NUL byte") : line_fail(p, "the text is not UTF-8");
    p->at = line_end;
    return err;
}

enum tm_err line_parse(struct line_parse *p, enum precision precision, struct line *out)
{
    enum tm_err err = parse_key(p, out);
    if (err == TM_OK)
        err = parse_fields(p, out);
    if (err == TM_OK)
        err = parse_time(p, precision, out);
    if (err == TM_OK)
        err = check_bytes(p);
    if (err == TM_OK)
        out->raw = (struct str){p->start, (size_t)(p->at - p->start)};
    return err;
}
