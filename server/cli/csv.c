#include "server/cli/csv.h"

#include <string.h>

void csv_init(struct csv *csv, char delimiter)
{
    *csv = (struct csv){.delimiter = delimiter, .next = {1, 1}};
}

void csv_fini(struct csv *csv)
{
    bytes_fini(&csv->unquoted);
}

/* The text of one call, and how far it is read. */
struct scan {
    struct str text;
    bool last;
    size_t at;
    struct csv_place place;
};

static void step(struct scan *scan)
{
    if (scan->text.ptr[scan->at++] == '\n') {
        scan->place.line++;
        scan->place.column = 1;
    } else {
        scan->place.column++;
    }
}

/* The byte at the cursor; '\n' behind the last one. False: it is not known yet. */
static bool peek(const struct scan *scan, char *out)
{
    if (scan->at < scan->text.len) {
        *out = scan->text.ptr[scan->at];
        return true;
    }
    *out = '\n';
    return scan->last;
}

/* A carriage return right before a line's end belongs to it. False: that is not known yet. */
static bool is_end(const struct csv *csv, const struct scan *scan, bool *out)
{
    char c;
    struct scan ahead = *scan;
    if (!peek(scan, &c))
        return false;
    *out = c == csv->delimiter || c == '\n';
    if (*out || c != '\r')
        return true;
    ahead.at++;
    if (!peek(&ahead, &c))
        return false;
    *out = c == '\n';
    return true;
}

static enum csv_state fail(struct csv *csv, struct csv_place place, struct tm_why *why, const char *what)
{
    csv->fault = place;
    (void)tm_fail(why, TM_INVALID, "%s", what);
    return CSV_BAD;
}

static enum csv_state read_plain(struct csv *csv, struct scan *scan, struct str *out)
{
    size_t start = scan->at;
    bool end;
    for (;;) {
        if (!is_end(csv, scan, &end))
            return CSV_MORE;
        if (end)
            break;
        step(scan);
    }
    *out = (struct str){scan->text.ptr + start, scan->at - start};
    return CSV_RECORD;
}

/* Unquoted has room for the whole text, so that views into it stay. */
static enum csv_state read_quoted(struct csv *csv, struct scan *scan, struct str *out, struct tm_why *why)
{
    struct csv_place open = scan->place;
    size_t start = csv->unquoted.len;
    bool end;
    char c;
    step(scan);
    for (;;) {
        if (scan->at >= scan->text.len) {
            if (scan->last)
                return fail(csv, open, why, "a double quote opens here and is not closed");
            return CSV_MORE;
        }
        c = scan->text.ptr[scan->at];
        step(scan);
        if (c == '"') {
            if (!peek(scan, &c))
                return CSV_MORE;
            if (c != '"' || scan->at >= scan->text.len)
                break;
            step(scan);
        }
        bytes_u8(&csv->unquoted, (uint8_t)c);
    }
    if (!is_end(csv, scan, &end))
        return CSV_MORE;
    if (!end)
        return fail(
            csv, scan->place, why,
            "something stands behind the closing double quote; inside a quoted field write two of them");
    *out = (struct str){(const char *)csv->unquoted.data + start, csv->unquoted.len - start};
    return CSV_RECORD;
}

static enum csv_state read_field(struct csv *csv, struct scan *scan, struct tm_why *why)
{
    char c;
    if (csv->count == CSV_FIELDS_MAX)
        return fail(csv, scan->place, why, "the row has over 1024 fields");
    struct csv_field *field = &csv->fields[csv->count];
    field->place = scan->place;
    if (!peek(scan, &c))
        return CSV_MORE;
    bool is_quoted = c == '"' && scan->at < scan->text.len;
    enum csv_state state =
        is_quoted ? read_quoted(csv, scan, &field->text, why) : read_plain(csv, scan, &field->text);
    csv->count += state == CSV_RECORD;
    return state;
}

/* Behind a field stands a delimiter, or the line's end. */
static enum csv_state read_fields(struct csv *csv, struct scan *scan, struct tm_why *why)
{
    char c;
    for (;;) {
        enum csv_state state = read_field(csv, scan, why);
        if (state != CSV_RECORD)
            return state;
        (void)peek(scan, &c);
        if (scan->at < scan->text.len)
            step(scan);
        if (c == csv->delimiter)
            continue;
        if (c == '\r' && scan->at < scan->text.len)
            step(scan);
        return CSV_RECORD;
    }
}

static void skip_empty_lines(struct scan *scan)
{
    while (scan->at < scan->text.len) {
        char c = scan->text.ptr[scan->at];
        bool is_return = c == '\r' && scan->at + 1 < scan->text.len && scan->text.ptr[scan->at + 1] == '\n';
        bool is_last_return = c == '\r' && scan->at + 1 == scan->text.len && scan->last;
        if (c != '\n' && !is_return && !is_last_return)
            return;
        step(scan);
    }
}

/* Behind the end of the line; if the text has none, the next call goes on with that. */
static void skip_line(struct csv *csv, struct scan *scan)
{
    while (scan->at < scan->text.len && scan->text.ptr[scan->at] != '\n')
        step(scan);
    csv->skipping = scan->at == scan->text.len && !scan->last;
    if (scan->at < scan->text.len)
        step(scan);
}

enum csv_state csv_next(struct csv *csv, struct str text, bool last, size_t *used, struct tm_why *why)
{
    struct scan scan = {.text = text, .last = last, .place = csv->next};
    bool is_cut = text.len > CSV_RECORD_MAX_BYTES;
    if (csv->skipping)
        skip_line(csv, &scan);
    skip_empty_lines(&scan);
    csv->count = 0;
    csv->next = scan.place;
    *used = scan.at;
    if (scan.at == text.len)
        return CSV_MORE;
    struct scan start = scan;
    bytes_clear(&csv->unquoted);
    if (!bytes_reserve(&csv->unquoted, text.len))
        return CSV_NOMEM;
    enum csv_state state = read_fields(csv, &scan, why);
    if (state == CSV_MORE && is_cut)
        state = fail(csv, start.place, why, "the row is over 1 MiB, or a double quote is not closed");
    if (state == CSV_BAD) {
        scan = start;
        skip_line(csv, &scan);
    }
    if (state != CSV_MORE) {
        csv->next = scan.place;
        *used = scan.at;
    }
    return state;
}
