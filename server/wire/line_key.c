/* Keys and names: measurement and tags taken apart, escapes resolved, the kind of a line. */
#include "server/wire/line.h"

#include <assert.h>

#include <stdint.h>

/* A backslash is an escape only before one of these. */
static const char tag_specials[] = ",= ";
static const char measurement_specials[] = ", ";
static const char string_specials[] = "\"\\";

static bool escapes_at(const char *at, const char *end, const char *specials)
{
    return *at == '\\' && at + 1 < end && at[1] != '\0' && strchr(specials, at[1]);
}

/* Writes text without its escapes to `to`, which has room for text.len bytes. Returns what was written. */
static size_t unescape(struct str text, const char *specials, char *to)
{
    const char *end = text.ptr + text.len;
    size_t len = 0;
    assert(to); /* there is a backslash, so room was made */
    for (const char *at = text.ptr; at < end; at++) {
        at += escapes_at(at, end, specials);
        to[len++] = *at;
    }
    return len;
}

static void append_unescaped(struct str raw, const char *specials, struct bytes *out)
{
    uint8_t *room = raw.len ? bytes_reserve(out, raw.len) : NULL;
    if (room)
        out->len += unescape(raw, specials, (char *)room);
}

void line_unescape_string(struct str raw, struct bytes *out)
{
    append_unescaped(raw, string_specials, out);
}

void line_unescape_name(struct str raw, struct bytes *out)
{
    append_unescaped(raw, tag_specials, out);
}

/* ---- keys ---- */

struct key_parse {
    struct str key;
    const char *at;
    const char *end;
    char *room; /* in scratch, enough for the whole key, so that no view moves */
    struct bytes *scratch;
    struct tm_why *why;
};

static enum tm_err fail_key(const struct key_parse *p, const char *what)
{
    return tm_fail(p->why, TM_INVALID, "column %zu: %s", (size_t)(p->at - p->key.ptr) + 1, what);
}

/* The bytes up to the next unescaped stop byte; unescaped into scratch only if they hold an escape. */
static struct str take_part(struct key_parse *p, const char *specials, const char *stops)
{
    const char *first = p->at;
    bool escaped = false;
    while (p->at < p->end && (*p->at == '\0' || !strchr(stops, *p->at))) {
        bool escape = escapes_at(p->at, p->end, specials);
        escaped = escaped || escape;
        p->at += 1 + escape;
    }
    struct str raw = {first, (size_t)(p->at - first)};
    if (!escaped)
        return raw;
    struct str plain = {p->room, unescape(raw, specials, p->room)};
    p->room += plain.len;
    p->scratch->len += plain.len;
    return plain;
}

static enum tm_err parse_tag(struct key_parse *p, struct labels *tags)
{
    struct str name = take_part(p, tag_specials, ",= ");
    if (p->at == p->end || *p->at != '=')
        return fail_key(p, "expected '=' behind the tag's name");
    if (name.len == 0)
        return fail_key(p, "expected a tag's name before '='");
    p->at++;
    struct str value = take_part(p, tag_specials, ",= ");
    if (p->at < p->end && *p->at != ',')
        return fail_key(p, *p->at == '='
                               ? "expected ',' behind the tag's value; write \\= for '=' in it"
                               : "expected ',' behind the tag's value; write '\\ ' for a space in it");
    if (value.len == 0)
        return fail_key(p, "a tag's value is empty; leave the tag out");
    if (labels_add(tags, name, value) != TM_OK)
        return tm_fail(p->why, TM_LIMIT, "more than %d tags", LABELS_MAX);
    return TM_OK;
}

enum tm_err line_key_parse(struct str key, struct bytes *scratch, struct line_key *out, struct tm_why *why)
{
    struct key_parse p = {
        .key = key, .at = key.ptr, .end = key.ptr + key.len, .scratch = scratch, .why = why};
    out->tags.count = 0;
    if (key.len == 0)
        return tm_fail(why, TM_INVALID, "column 1: expected a measurement");
    if (memchr(key.ptr, '\\', key.len)) {
        p.room = (char *)bytes_reserve(scratch, key.len);
        if (!p.room)
            return tm_fail(why, TM_NOMEM, "out of memory");
    }
    out->measurement = take_part(&p, measurement_specials, ", ");
    if (out->measurement.len == 0)
        return fail_key(&p, "expected a measurement before ','");
    if (p.at < p.end && *p.at == ' ')
        return fail_key(&p, "expected ',' behind the measurement; write '\\ ' for a space in it");
    while (p.at < p.end) {
        p.at++; /* the comma */
        enum tm_err err = parse_tag(&p, &out->tags);
        if (err != TM_OK)
            return err;
    }
    struct str twice;
    if (labels_sort(&out->tags, &twice) != TM_OK)
        return tm_fail(why, TM_INVALID, "tag %.*s stands twice", twice.len < 64 ? (int)twice.len : 64,
                       twice.ptr);
    return TM_OK;
}

/* ---- what a line is ---- */

/* Compares as if raw were unescaped. */
static bool name_equals(struct str raw, struct str name)
{
    if (raw.len < name.len)
        return false;
    if (!memchr(raw.ptr, '\\', raw.len))
        return str_equal(raw, name);
    const char *end = raw.ptr + raw.len;
    size_t len = 0;
    for (const char *at = raw.ptr; at < end; at++, len++) {
        at += escapes_at(at, end, tag_specials);
        if (len == name.len || *at != name.ptr[len])
            return false;
    }
    return len == name.len;
}

const struct line_field *line_find_field(const struct line *line, struct str name)
{
    for (size_t i = 0; i < line->field_count; i++) {
        if (name_equals(line->field[i].name, name))
            return &line->field[i];
    }
    return NULL;
}

/* What makes a line an event: a measurement with a tag, or with a field. */
struct mark {
    struct str measurement;
    struct str tag;
    struct str field;
    enum event_kind kind;
};

static const struct mark marks[] = {
    {.measurement = {"http", 4}, .tag = {"status", 6}, .kind = EVENT_HTTP},
    {.measurement = {"exception", 9}, .tag = {"type", 4}, .kind = EVENT_EXCEPTION},
    {.measurement = {"tally", 5}, .tag = {"name", 4}, .kind = EVENT_TALLY},
    {.measurement = {"marker", 6}, .tag = {"kind", 4}, .kind = EVENT_MARKER},
    {.measurement = {"deploy", 6}, .field = {"version", 7}, .kind = EVENT_MARKER},
};

enum event_kind line_kind(const struct line_key *key, const struct line *line)
{
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (!str_equal(key->measurement, marks[i].measurement))
            continue;
        bool marked = marks[i].tag.len ? labels_get(&key->tags, marks[i].tag).len > 0
                                       : line_find_field(line, marks[i].field) != NULL;
        return marked ? marks[i].kind : EVENT_METRIC;
    }
    return EVENT_METRIC;
}
