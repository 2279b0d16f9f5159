/* A regex over whole label values: RE2's syntax, run by PCRE2 with JIT, bounded in steps. */
#ifndef TM_STORAGE_MATCHER_REGEX_H
#define TM_STORAGE_MATCHER_REGEX_H

#include "storage/model/err.h"
#include "storage/model/str.h"

#include <stdbool.h>

enum {
    REGEX_STEPS_MAX = 500000, /* of PCRE2's match limit, for one value */
    REGEX_DEPTH_MAX = 100000, /* of its depth limit, without JIT */
    REGEX_HEAP_MAX_KIB = 16384
};

struct regex;

/* Compiles what re2_translate wrote. TM_TOO_LARGE if it is more than PCRE2 takes, TM_INVALID, TM_NOMEM. */
enum tm_err regex_new(struct str translated, struct regex **out, struct tm_why *why) TM_MUST_CHECK;

/* The same of what re2_translate_groups wrote. */
enum tm_err regex_new_capturing(struct str translated, struct regex **out, struct tm_why *why) TM_MUST_CHECK;

/* What group number (0: all) of the last value that matched holds; empty if it took no part. A view, valid
 * until the next match and as long as that value. */
struct str regex_group(const struct regex *regex, size_t number);

/* The number of a named group; 0: there is none. */
size_t regex_group_number(const struct regex *regex, struct str name);

/* NULL is allowed. */
void regex_free(struct regex *regex);

/* Does it match all of value? Bytes that are no UTF-8 count as U+FFFD each, as in Go. TM_LIMIT if it takes
 * more steps or depth than the bounds above, TM_NOMEM. One thread at a time. */
enum tm_err regex_matches(struct regex *regex, struct str value, bool *matches) TM_MUST_CHECK;

#endif
