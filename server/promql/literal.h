/* What numbers, durations and strings of an expression mean. Pure functions, any thread. */
#ifndef TM_PROMQL_LITERAL_H
#define TM_PROMQL_LITERAL_H

#include <stdint.h>

#include "storage/model/bytes.h"

/* A number as Go's strconv reads it: decimal, hexadecimal, with a leading 0 octal; Inf, NaN in any case.
 * NULL, or what is wrong: "invalid syntax", "value out of range". text has at most a few hundred bytes of
 * use. */
const char *literal_number(struct str text, double *out);

/* A duration of units in falling order, `1h30m`. NULL, or what is wrong; "" stands for "not a valid duration
 * string". */
const char *literal_duration(struct str text, int64_t *out_ms);

/* Appends the meaning of a string in quotes, which the lexer has let through. */
void literal_string(struct str quoted, struct bytes *out);

#endif
