/* Texts as Go's fmt writes them, since the messages and the printed form of expressions are Prometheus' to
 * the letter. Pure functions, any thread. */
#ifndef TM_PROMQL_TEXT_H
#define TM_PROMQL_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/model/bytes.h"

enum { TEXT_NO_RUNE = -1, TEXT_BAD_RUNE = 0xfffd };

/* The code point at text[at], *width its bytes: TEXT_NO_RUNE with width 0 at the end, TEXT_BAD_RUNE with
 * width 1 for a byte that is no UTF-8. */
int32_t text_rune(struct str text, size_t at, size_t *width);

/* %q of a string, of at most rune_max characters of it (0: all). */
void text_quote(struct bytes *out, struct str text, size_t rune_max);

/* %q of a code point: 'x'. */
void text_quote_rune(struct bytes *out, int32_t rune);

/* %#U of a code point: U+0078 'x'. */
void text_name_rune(struct bytes *out, int32_t rune);

/* %v of a float: the shortest digits that read back the same; with an exponent below 1e-4 and from 1e6 on.
 */
void text_float(struct bytes *out, double value);

/* strconv's 'f' with the shortest digits: no exponent, however large or small it is. */
void text_float_plain(struct bytes *out, double value);

/* model.Duration's String: "1h30m", "0s"; years and weeks where nothing remains. ms >= 0. */
void text_duration(struct bytes *out, int64_t ms);

#endif
