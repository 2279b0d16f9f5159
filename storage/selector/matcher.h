/* One condition on one label: =, !=, =~, !~. A series without the label has the empty value. Regexes have
 * RE2's syntax and match whole values; what a plain comparison can decide never reaches the regex engine. */
#ifndef TM_STORAGE_MATCHER_H
#define TM_STORAGE_MATCHER_H

#include <stdbool.h>

#include "storage/selector/matcher_shape.h"
#include "storage/model/err.h"
#include "storage/model/labels.h"
#include "storage/model/str.h"

enum matcher_op { MATCH_EQUAL, MATCH_NOT_EQUAL, MATCH_REGEX, MATCH_NOT_REGEX, MATCHER_OP_COUNT };

enum {
    MATCHER_NAME_MAX_BYTES = 1 << 16,
    MATCHER_VALUE_MAX_BYTES = 1 << 20 /* a dashboard's "all pods" is an alternation of thousands */
};

struct matcher;

/* Copies name and value. TM_INVALID, TM_LIMIT, TM_TOO_LARGE: why says what is wrong with the regex and at
 * which byte; TM_NOMEM. */
enum tm_err matcher_new(enum matcher_op op, struct str name, struct str value, struct matcher **out,
                        struct tm_why *why) TM_MUST_CHECK;

/* NULL is allowed. */
void matcher_free(struct matcher *matcher);

/* The operator that it was made of. */
enum matcher_op matcher_op(const struct matcher *matcher);

/* The label that it looks at; valid while the matcher lives. */
struct str matcher_name(const struct matcher *matcher);

/* The text or pattern that it compares with; valid while the matcher lives. */
struct str matcher_value(const struct matcher *matcher);

/* "=", "!=", "=~", "!~". */
struct str matcher_op_text(enum matcher_op op);

/* != and !~ turn round what the shape takes. */
bool matcher_negates(const struct matcher *matcher);

/* What the comparison amounts to; SHAPE_OTHER: the regex engine decides. Valid while it lives. */
const struct shape *matcher_shape(const struct matcher *matcher);

/* Does it take a series without the label? Found when it was made. */
bool matcher_takes_empty(const struct matcher *matcher);

/* Does it take this value? TM_LIMIT if the regex needs more steps on it than a query may cost, TM_NOMEM. A
 * matcher is used by one thread at a time. */
enum tm_err matcher_takes(struct matcher *matcher, struct str value, bool *takes) TM_MUST_CHECK;

/* Does it take this label set? Errors as matcher_takes. */
enum tm_err matcher_takes_labels(struct matcher *matcher, const struct labels *labels,
                                 bool *takes) TM_MUST_CHECK;

#endif
