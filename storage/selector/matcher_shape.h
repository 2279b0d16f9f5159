/* Patterns that need no regex engine: literals, alternations of literals, and a literal with .* or .+ at its
 * ends. One pair of parentheses around the whole, and ^ and $ at the ends of an alternative, change nothing
 * in a pattern that is anchored anyway. Pure functions, any thread. */
#ifndef TM_STORAGE_MATCHER_SHAPE_H
#define TM_STORAGE_MATCHER_SHAPE_H

#include "storage/model/bytes.h"

enum shape_kind {
    SHAPE_OTHER,   /* for PCRE2 */
    SHAPE_SET,     /* one of `literals` */
    SHAPE_BETWEEN, /* a literal with any bytes before it, behind it, or both */
    SHAPE_ANY,     /* .* */
    SHAPE_SOME     /* .+ */
};

enum { SHAPE_CLOSED = -1 };

struct shape {
    enum shape_kind kind;
    struct str *literals; /* sorted, each once; SHAPE_BETWEEN has one */
    size_t count;
    int head; /* SHAPE_BETWEEN: bytes at least before the literal; SHAPE_CLOSED: none are allowed */
    int tail; /* and behind it */
    char *text;
};

/* What pattern, which re2_translate took, amounts to. shape owns memory until shape_fini. TM_NOMEM: empty. */
enum tm_err shape_of(struct str pattern, struct shape *shape) TM_MUST_CHECK;

/* The shape of `=`: value alone. TM_NOMEM: empty. */
enum tm_err shape_of_literal(struct str value, struct shape *shape) TM_MUST_CHECK;

/* Releases the memory. */
void shape_fini(struct shape *shape);

/* Does it take value? Not for SHAPE_OTHER. */
bool shape_takes(const struct shape *shape, struct str value);

#endif
