/* What the parts of the selector share. Private to selector*.c. */
#ifndef TM_STORAGE_SELECTOR_PRIVATE_H
#define TM_STORAGE_SELECTOR_PRIVATE_H

#include "storage/selector/selector.h"

/* Reads the string (one of three kinds of quotes) that begins at text[*at], appends its meaning to out and
 * steps over it. On TM_INVALID *at is where the fault is and *what says it. TM_NOMEM. */
enum tm_err selector_unquote(struct str text, size_t *at, struct bytes *out, const char **what) TM_MUST_CHECK;

/* Appends value in double quotes. */
void selector_quote(struct str value, struct bytes *out);

/* Can it stand before the braces: a metric name, and no word that PromQL has another use for there? */
bool selector_name_stands_bare(struct str name);

#endif
