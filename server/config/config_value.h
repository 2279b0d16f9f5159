/* Values as people write them: integers, durations, sizes, booleans. */
#ifndef TM_CONFIG_VALUE_H
#define TM_CONFIG_VALUE_H

#include "server/config/config.h"

/* Each of these reads the whole text. Numbers too large for 64 bits become INT64_MAX (or its negative), so
 * that the caller's bounds refuse them. TM_INVALID: why says what is wrong and how to write it. */

/* `true` or `false`, as YAML 1.2 has them. */
enum tm_err value_bool(struct str text, bool *out, struct tm_why *why) TM_MUST_CHECK;
/* Digits, with a sign or without. */
enum tm_err value_integer(struct str text, int64_t *out, struct tm_why *why) TM_MUST_CHECK;
/* `500ms 10s 5m 2h 30d 1w 3y` into ms; y is 365 d. */
enum tm_err value_duration(struct str text, int64_t *out_ms, struct tm_why *why) TM_MUST_CHECK;
/* `64MiB 1GiB 1024B 1000`, and the decimal kB MB GB TB, into bytes. */
enum tm_err value_size(struct str text, int64_t *out_bytes, struct tm_why *why) TM_MUST_CHECK;

/* A value in words, e.g. "30d"; reads back to the same. */
struct value_text {
    char text[24];
};

/* Its digits. */
struct value_text value_integer_text(int64_t value);
/* In the largest unit, up to years, that it is a whole number of; "0s" of 0. */
struct value_text value_duration_text(int64_t value_ms);
/* Likewise from B to TiB; "0" of 0. */
struct value_text value_size_text(int64_t value_bytes);

#endif
