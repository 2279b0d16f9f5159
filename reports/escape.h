/* Texts from outside, made harmless for what they are written into. They are cut where they are no UTF-8, and
 * nothing in them can begin a tag, a link, a formula or a change of writing direction. Pure; any thread. */
#ifndef TM_REPORTS_ESCAPE_H
#define TM_REPORTS_ESCAPE_H

#include <stdint.h>

#include "storage/model/bytes.h"

/* The next character of *rest, which moves on; what is no UTF-8 is U+FFFD. *rest is not empty. */
uint32_t escape_next(struct str *rest);

/* A JSON string with its quotes; control characters, and those that change direction, as \uXXXX. */
void escape_json(struct bytes *out, const char *text);

/* For plain text: one line, without control characters and those that change direction; most as below. */
void escape_plain(struct bytes *out, const char *text, size_t most);

/* For HTML's text and quoted attributes. Control characters become spaces, those that change direction
 * U+FFFD; behind most characters (0: no bound) it ends in an ellipsis. */
void escape_html(struct bytes *out, const char *text, size_t most);

/* For a cell or line of Markdown: nothing in it is markup, and it is one line. */
void escape_markdown(struct bytes *out, const char *text, size_t most);

/* One field of CSV (RFC 4180), with quotes where they are needed. What a spreadsheet would take for a formula
 * gets an apostrophe in front. */
void escape_csv(struct bytes *out, const char *text);

/* For a part of a path in a URL: bytes but [A-Za-z0-9._-] as %XX. */
void escape_url(struct bytes *out, const char *text);

#endif
