/* Line protocol as senders write it (PROTOCOL.md, "Lines"): one pass over a batch's text, no allocation.
 *
 * A line is cut into three raw parts: key (measurement and tags), fields, timestamp. The key is left
 * unparsed: its bytes identify the series, and the caller parses them with line_key_parse() only when it has
 * not met them before. */
#ifndef TM_WIRE_LINE_H
#define TM_WIRE_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/event.h"
#include "storage/model/labels.h"
#include "storage/model/number.h"
#include "storage/model/str.h"

enum { LINE_FIELDS_MAX = 256 };

/* How many of the sender's units are one millisecond, or the reverse. */
enum precision { PRECISION_NS, PRECISION_US, PRECISION_MS, PRECISION_S };

/* "ns" "us" "ms" "s" (also "n" "u" as InfluxDB clients send). TM_INVALID for anything else. */
enum tm_err precision_parse(struct str text, enum precision *out) TM_MUST_CHECK;

/* Cuts a time in the sender's units to milliseconds, towards minus infinity. TM_TOO_LARGE if seconds do not
 * fit. For timestamps, and for fields that hold one (a marker's `end`). */
enum tm_err precision_to_ms(int64_t units, enum precision precision, time_ms_t *out) TM_MUST_CHECK;

enum value_type { VALUE_FLOAT, VALUE_INT, VALUE_UINT, VALUE_BOOL, VALUE_STRING };

struct line_value {
    enum value_type type;
    /* FLOAT, INT, UINT, BOOL (1 or 0): the value as a sample, with its decimals. NaN and Inf never get here.
     */
    struct number number;
    /* INT: exact. UINT: its bits. */
    int64_t integer;
    /* STRING: between the quotes, escapes still in it (line_unescape). Points into the batch. */
    struct str text;
};

struct line_field {
    struct str name; /* raw, escapes still in it */
    struct line_value value;
};

struct line {
    uint32_t number;   /* from 1; a header line counts */
    struct str raw;    /* the line without its end */
    struct str key;    /* measurement and tags, raw */
    struct str fields; /* all fields, raw */
    struct line_field field[LINE_FIELDS_MAX];
    size_t field_count; /* at least 1 */
    bool has_time;
    time_ms_t time; /* cut (towards minus infinity) to ms */
};

struct line_reader {
    const char *at;
    const char *end;
    enum precision precision;
    uint32_t number;   /* of the line read last: where it begins */
    uint32_t next;     /* of the line at `at`: strings may hold line feeds, which count */
    struct tm_why why; /* LINE_BAD: the reason, with its column ("column 17: ...") */
};

enum line_step { LINE_END, LINE_OK, LINE_BAD };

/* Reads text, which must outlive the reader and the lines. first_number is the number of its first line. */
void line_reader_init(struct line_reader *reader, struct str text, enum precision precision,
                      uint32_t first_number);

/* The next line that is neither empty nor a comment. LINE_BAD: reader->why says why, reader->number which;
 * the reader goes on behind it, and *out holds nothing of use. *out is valid as long as the text. Line ends
 * are \n or \r\n; a last line without an end counts. A line feed inside a quoted string belongs to the line;
 * a string that is never closed, or closed in the middle of a text, ends its line at the next line end, so
 * that it costs no other line. */
enum line_step line_next(struct line_reader *reader, struct line *out);

/* What a key is made of, unescaped. Views point into the key or into scratch. */
struct line_key {
    struct str measurement;
    struct labels tags; /* sorted by name; validity of names is not checked here */
};

/* Parses line.key. Unescaped copies go into scratch, which must outlive *out and is not cleared here (a later
 * write to it, also by this function, ends the views). Rules:
 * InfluxDB's escapes (\, \= \space in tags; \, \space in measurements; a backslash before anything else is
 * itself); tag keys and values must not be empty; no tag twice. On TM_INVALID why has the reason with its
 * column in the key. TM_LIMIT: over LABELS_MAX tags. TM_NOMEM. */
enum tm_err line_key_parse(struct str key, struct bytes *scratch, struct line_key *out,
                           struct tm_why *why) TM_MUST_CHECK;

/* The kind of a line: what measurement, tags and field names mark it as (`http` with tag `status`, and so on;
 * everything else is a metric). */
enum event_kind line_kind(const struct line_key *key, const struct line *line);

/* Appends a quoted string's content, \" and \\ unescaped. */
void line_unescape_string(struct str raw, struct bytes *out);

/* Appends a field name, \, \= and \space unescaped. */
void line_unescape_name(struct str raw, struct bytes *out);

/* The field of this (unescaped) name, NULL if absent. */
const struct line_field *line_find_field(const struct line *line, struct str name);

/* Checks an event line against the rules of its kind (PROTOCOL.md): status 100..599, needed fields present
 * and of their type, counts positive, marker kind known. TM_INVALID with the reason in why. */
enum tm_err line_event_check(enum event_kind kind, const struct line_key *key, const struct line *line,
                             struct tm_why *why) TM_MUST_CHECK;

#endif
