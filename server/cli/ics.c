#include "server/cli/ics.h"

#include <string.h>
#include <strings.h>

#include "storage/model/bytes.h"

/* Texts of the event at hand, unescaped, one behind the other; views are made once it is whole. */
enum text { TEXT_UID, TEXT_SUMMARY, TEXT_CATEGORY, TEXT_START_ZONE, TEXT_END_ZONE, TEXT_RULE, TEXTS };

struct reading {
    const struct ics_sink *sink;
    const char *at, *end;
    uint32_t line;      /* of what comes next */
    uint32_t line_from; /* of the line at hand */
    struct bytes content;
    struct bytes texts;
    size_t begins[TEXTS], lens[TEXTS];
    struct ics_event event;
    bool has_start;
    bool is_bad; /* the event at hand; it was told */
    int depth;   /* of components within the event; 0: none is open */
    bool is_calendar, is_ended;
};

/* A content line. */
struct property {
    struct str name, zone, value;
};

/* ---- lines ---- */

static size_t find_end(const struct reading *r)
{
    const char *newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
    return newline ? (size_t)(newline - r->at) : (size_t)(r->end - r->at);
}

/* The next line, unfolded; false at the end. What is over ICS_LINE_MAX is cut. */
static bool next_line(struct reading *r)
{
    bool is_first = true;
    bytes_clear(&r->content);
    r->line_from = r->line;
    while (r->at < r->end && (is_first || *r->at == ' ' || *r->at == '\t')) {
        size_t len = find_end(r), skip = is_first ? 0 : 1, own = len;
        if (own > skip && r->at[own - 1] == '\r')
            own--;
        if (r->content.len + own - skip <= ICS_LINE_MAX)
            bytes_put(&r->content, r->at + skip, own - skip);
        r->at += r->at + len < r->end ? len + 1 : len;
        r->line++;
        is_first = false;
    }
    return !is_first;
}

/* Where the name with its parameters ends: at the first colon outside quotes. */
static size_t find_colon(struct str line)
{
    bool is_quoted = false;
    size_t at = 0;
    for (; at < line.len && (is_quoted || line.ptr[at] != ':'); at++)
        is_quoted ^= line.ptr[at] == '"';
    return at;
}

static bool names(struct str a, const char *b)
{
    return a.len == strlen(b) && strncasecmp(a.ptr, b, a.len) == 0;
}

/* The next parameter at *at; its value without quotes. */
static struct str next_parameter(struct str head, size_t *at, struct str *value)
{
    size_t from = *at, equals = 0;
    bool is_quoted = false;
    for (; *at < head.len && (is_quoted || head.ptr[*at] != ';'); ++*at) {
        is_quoted ^= head.ptr[*at] == '"';
        if (equals == 0 && head.ptr[*at] == '=')
            equals = *at;
    }
    size_t to = (*at)++;
    *value = equals ? (struct str){head.ptr + equals + 1, to - equals - 1} : (struct str){"", 0};
    if (value->len >= 2 && value->ptr[0] == '"' && value->ptr[value->len - 1] == '"')
        *value = (struct str){value->ptr + 1, value->len - 2};
    return (struct str){head.ptr + from, (equals ? equals : to) - from};
}

static bool split_line(struct str line, struct property *out)
{
    size_t colon = find_colon(line), at = 0;
    struct str head = {line.ptr, colon}, value;
    if (colon == line.len)
        return false;
    *out = (struct property){.zone = {"", 0}, .value = {line.ptr + colon + 1, line.len - colon - 1}};
    out->name = next_parameter(head, &at, &value);
    while (at < head.len) {
        struct str name = next_parameter(head, &at, &value);
        if (names(name, "TZID"))
            out->zone = value;
    }
    return true;
}

/* ---- an event ---- */

static bool tell(struct reading *r, const char *what, struct str text)
{
    struct tm_why why;
    if (r->is_bad)
        return true;
    r->is_bad = true;
    tm_why_write(&why, "%s \"%.*s\"", what, (int)(text.len > 60 ? 60 : text.len), text.ptr);
    return r->sink->fault(r->sink->arg, r->line_from, &why);
}

/* Keeps a text, its escapes undone; first alone: up to a comma. */
static void keep_text(struct reading *r, enum text which, struct str text, bool is_escaped, bool is_first)
{
    r->begins[which] = r->texts.len;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (is_first && c == ',')
            break;
        if (is_escaped && c == '\\' && i + 1 < text.len) {
            c = text.ptr[++i];
            c = c == 'n' || c == 'N' ? '\n' : c;
        }
        bytes_u8(&r->texts, (uint8_t)c);
    }
    r->lens[which] = r->texts.len - r->begins[which];
}

static bool read_time(struct reading *r, const struct property *p, struct ics_time *out, enum text zone)
{
    if (!ics_time_parse(p->value, out))
        return tell(r, "this is no date and time of a calendar:", p->value);
    keep_text(r, zone, p->zone, false, false);
    return true;
}

static bool read_exceptions(struct reading *r, const struct property *p)
{
    struct str rest = p->value;
    while (rest.len > 0) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        size_t len = comma ? (size_t)(comma - rest.ptr) : rest.len;
        struct ics_time time;
        if (!ics_time_parse((struct str){rest.ptr, len}, &time))
            return tell(r, "this is no date and time of a calendar:", p->value);
        if (r->event.except_count == ICS_EXCEPT_MAX)
            return tell(r, "too many EXDATE of one event:", p->value);
        r->event.except[r->event.except_count++] = time.local_ms;
        rest = comma ? (struct str){comma + 1, rest.len - len - 1} : (struct str){"", 0};
    }
    return true;
}

static bool read_property(struct reading *r, const struct property *p)
{
    if (names(p->name, "UID"))
        keep_text(r, TEXT_UID, p->value, true, false);
    else if (names(p->name, "SUMMARY"))
        keep_text(r, TEXT_SUMMARY, p->value, true, false);
    else if (names(p->name, "CATEGORIES"))
        keep_text(r, TEXT_CATEGORY, p->value, true, true);
    else if (names(p->name, "STATUS"))
        r->event.is_cancelled = names(p->value, "CANCELLED");
    else if (names(p->name, "RRULE"))
        keep_text(r, TEXT_RULE, p->value, false, false);
    else if (names(p->name, "EXDATE"))
        return read_exceptions(r, p);
    else if (names(p->name, "RDATE") || names(p->name, "RECURRENCE-ID"))
        return tell(
            r, "single repetitions that differ are not known; write them as events of their own:", p->name);
    else if (names(p->name, "DURATION") && !ics_duration_parse(p->value, &r->event.duration_ms))
        return tell(r, "this is no duration above 0:", p->value);
    else if (names(p->name, "DTEND")) {
        r->event.has_end = true;
        return read_time(r, p, &r->event.end, TEXT_END_ZONE);
    } else if (names(p->name, "DTSTART")) {
        r->has_start = true;
        return read_time(r, p, &r->event.start, TEXT_START_ZONE);
    }
    return true;
}

static struct str view(const struct reading *r, enum text which)
{
    return (struct str){r->lens[which] > 0 ? (const char *)r->texts.data + r->begins[which] : "",
                        r->lens[which]};
}

static void begin_event(struct reading *r)
{
    r->event = (struct ics_event){.line = r->line_from, .duration_ms = -1};
    r->has_start = r->is_bad = false;
    r->depth = 1;
    bytes_clear(&r->texts);
    memset(r->lens, 0, sizeof r->lens);
}

static bool end_event(struct reading *r)
{
    struct ics_event *event = &r->event;
    struct tm_why why;
    event->uid = view(r, TEXT_UID);
    event->summary = view(r, TEXT_SUMMARY);
    event->category = view(r, TEXT_CATEGORY);
    event->start.zone = view(r, TEXT_START_ZONE);
    event->end.zone = view(r, TEXT_END_ZONE);
    r->line_from = event->line;
    if (r->is_bad)
        return true;
    if (!r->has_start)
        return tell(r, "an event has no DTSTART; its summary is", event->summary);
    if (event->uid.len == 0)
        return tell(r, "an event has no UID; its summary is", event->summary);
    if (r->lens[TEXT_RULE] > 0 && ics_rule_parse(view(r, TEXT_RULE), &event->start, &event->rule, &why))
        return r->sink->fault(r->sink->arg, event->line, &why);
    return r->sink->event(r->sink->arg, event);
}

/* ---- the file ---- */

static bool read_line(struct reading *r)
{
    struct property p;
    if (!split_line(bytes_view(&r->content), &p))
        return true;
    bool is_begin = names(p.name, "BEGIN"), is_end = names(p.name, "END");
    if (!r->is_calendar) {
        r->is_calendar = is_begin && names(p.value, "VCALENDAR");
        return r->is_calendar;
    }
    if (r->depth == 0) {
        if (is_begin && names(p.value, "VEVENT"))
            begin_event(r);
        r->is_ended = r->is_ended || (is_end && names(p.value, "VCALENDAR"));
        return true;
    }
    r->depth += is_begin - is_end;
    if (is_end && r->depth == 0)
        return end_event(r);
    return is_begin || is_end || r->depth > 1 ? true : read_property(r, &p);
}

enum tm_err ics_read(struct str text, const struct ics_sink *sink, struct tm_why *why)
{
    static const char mark[] = "\xef\xbb\xbf"; /* some programs begin with it */
    struct reading r = {.sink = sink, .line = 1};
    bool goes_on = true;
    size_t skip = text.len >= 3 && memcmp(text.ptr, mark, 3) == 0 ? 3 : 0;
    r.at = text.ptr + skip;
    r.end = text.ptr + text.len;
    while (goes_on && next_line(&r) && !r.content.failed && !r.texts.failed)
        if (r.content.len > 0)
            goes_on = read_line(&r);
    enum tm_err err = TM_OK;
    if (r.content.failed || r.texts.failed)
        err = tm_fail(why, TM_NOMEM, "out of memory");
    else if (!r.is_calendar)
        err = tm_fail(why, TM_INVALID, "this is no calendar: it does not begin with BEGIN:VCALENDAR");
    else if (goes_on && !r.is_ended)
        err = tm_fail(why, TM_INVALID, "the calendar ends in the middle: there is no END:VCALENDAR");
    bytes_fini(&r.content);
    bytes_fini(&r.texts);
    return err;
}
