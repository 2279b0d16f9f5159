/* The state of one line being cut up, and its pieces' parsers. Private to server/wire. */
#ifndef TM_WIRE_LINE_PARSE_H
#define TM_WIRE_LINE_PARSE_H

#include <stdint.h>

#include "server/wire/line.h"

struct line_parse {
    const char *start; /* of the line: column 1 */
    const char *at;    /* on failure: where the fault is */
    const char *end;   /* of the batch: a quoted string may go on over line ends */
    uint32_t feeds;    /* line feeds inside quoted strings so far */
    /* A string without a proper end: its opening quote, and feeds up to there. NULL if there is none. */
    const char *broken;
    uint32_t broken_feeds;
    struct tm_why *why;
};

/* TM_INVALID with "column N: ..." for the byte at p->at; format says what was expected. */
enum tm_err line_fail(struct line_parse *p, const char *format, ...) TM_PRINTF(2, 3);

/* Reads the line at p->at, which is neither empty nor a comment, up to its end. out->number is not set. */
enum tm_err line_parse(struct line_parse *p, enum precision precision, struct line *out) TM_MUST_CHECK;

/* Reads the value at p->at and moves behind it. */
enum tm_err line_value_parse(struct line_parse *p, struct line_value *out) TM_MUST_CHECK;

/* Reads the timestamp at p->at and moves behind it. */
enum tm_err line_time_parse(struct line_parse *p, enum precision precision, time_ms_t *out) TM_MUST_CHECK;

/* The end of the string whose content begins at `at`: its closing quote, NULL if there is none. *feeds is
 * raised by the line feeds on the way. */
const char *line_string_end(const char *at, const char *end, uint32_t *feeds);

/* Nothing but a line end at `at`? */
static inline bool line_ends_at(const char *at, const char *end)
{
    return at == end || *at == '\n' || (*at == '\r' && (at + 1 == end || at[1] == '\n'));
}

/* May a value end before `at`? */
static inline bool line_value_ends_at(const char *at, const char *end)
{
    return line_ends_at(at, end) || *at == ',' || *at == ' ';
}

/* Room for line_show; the caller's. */
struct line_shown {
    char text[32];
};

/* How the byte at `at` is shown in a reason: "'x'", "the end of the line", "byte 0x07". Valid as long as
 * shown. */
const char *line_show(const char *at, const char *end, struct line_shown *shown);

#endif
