/* PromQL's vector selector as text: name{label="value",other=~"re"}. Serves match[], the command line and
 * whoever else takes one; read as Prometheus 2.42 reads it. */
#ifndef TM_STORAGE_SELECTOR_H
#define TM_STORAGE_SELECTOR_H

#include <stddef.h>

#include "storage/selector/matcher.h"
#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

enum { SELECTOR_MATCHERS_MAX = 64, SELECTOR_MAX_BYTES = 1 << 20 };

/* The holder owns the matchers. Zero-initialised is empty. */
struct selector {
    struct matcher *matchers[SELECTOR_MATCHERS_MAX];
    size_t count;
};

/* Reads text, all of it. The name before the braces becomes the first matcher, on __name__. TM_INVALID: why
 * begins with "LINE:COLUMN: parse error: " (bytes, from 1); TM_LIMIT for more matchers than above or a regex
 * past a bound, TM_TOO_LARGE, TM_NOMEM. *out is empty after an error. */
enum tm_err selector_parse(struct str text, struct selector *out, struct tm_why *why) TM_MUST_CHECK;

/* Releases the matchers. */
void selector_fini(struct selector *selector);

/* Appends the one text of this set of matchers: sorted by label, operator and value, each once, in double
 * quotes; the name before the braces where that means the same. Bytes that are no UTF-8 are written as \xHH.
 */
void selector_print(const struct selector *selector, struct bytes *out);

#endif
