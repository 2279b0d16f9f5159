/* From RE2's syntax (as Go's regexp, and so Prometheus, reads it) to PCRE2's. What RE2 refuses is refused;
 * what both spell alike and read differently is spelled out. The list stands in storage/index/README.md.
 *
 * Of a matcher only whether the whole text matches is kept: groups don't capture, laziness and (?U) change
 * nothing and are dropped. Pure functions, any thread. */
#ifndef TM_STORAGE_MATCHER_RE2_H
#define TM_STORAGE_MATCHER_RE2_H

#include "storage/model/bytes.h"

enum {
    RE2_REPEAT_MAX = 1000, /* of one counted repetition, and of nested ones multiplied */
    RE2_DEPTH_MAX = 200,   /* groups in groups */
    RE2_NAMES_MAX = 128    /* named groups */
};

/* Appends the PCRE2 form of pattern to out; it is meant for PCRE2_UTF with PCRE2_DOTALL. TM_INVALID: why says
 * what is wrong, at which byte of the pattern (from 1), and often what to write instead; TM_LIMIT past a
 * bound above; TM_NOMEM. After an error out's end is of no use. */
enum tm_err re2_translate(struct str pattern, struct bytes *out, struct tm_why *why) TM_MUST_CHECK;

/* The same with groups that capture, as label_replace() wants them; `.` stops at a newline, unless (?s) says
 * otherwise. */
enum tm_err re2_translate_groups(struct str pattern, struct bytes *out, struct tm_why *why) TM_MUST_CHECK;

/* The length of the UTF-8 character at text (1 to 4), its code point in *code; 0 if the bytes are not UTF-8.
 * text.len > 0. */
size_t utf8_decode(struct str text, uint32_t *code);

#endif
