/* The one error convention: every function that can fail returns an enum tm_err, 0 is success. */
#ifndef TM_MODEL_ERR_H
#define TM_MODEL_ERR_H

#include <stddef.h>

/* A result that must be looked at. */
#define TM_MUST_CHECK               __attribute__((warn_unused_result))
#define TM_PRINTF(fmt_index, first) __attribute__((format(printf, fmt_index, first)))

enum tm_err {
    TM_OK = 0,
    TM_NOMEM,     /* an allocation failed */
    TM_IO,        /* the system refused a file or socket operation; errno told why */
    TM_NO_SPACE,  /* disk full, or below the configured floor */
    TM_CORRUPT,   /* stored bytes fail their checksum or their format */
    TM_INVALID,   /* input from outside breaks a rule */
    TM_TOO_LARGE, /* a bound on size was passed */
    TM_LIMIT,     /* a bound on count was passed */
    TM_NOT_FOUND,
    TM_EXISTS,
    TM_BUSY,      /* try again later */
    TM_READ_ONLY, /* writing is switched off until an operator or a retry mends it */
    TM_FORBIDDEN,
    TM_CLOSED, /* the other side, or this object, is shut down */
    TM_ERR_COUNT
};

/* A short English name of err, for messages: "out of memory". Never NULL. Any thread. */
const char *tm_err_text(enum tm_err err);

/* One sentence for a person: what is wrong, where, and what to do. Owned by the caller, no resources. */
struct tm_why {
    char text[384];
};

/* Writes the sentence, cut to fit. why may be NULL. */
void tm_why_write(struct tm_why *why, const char *format, ...) TM_PRINTF(2, 3);

/* err itself; lets tm_fail stand as a statement too. */
static inline enum tm_err tm_err_same(enum tm_err err)
{
    return err;
}

/* Writes the sentence and is err, so that a failure path reads `return tm_fail(why, TM_INVALID, "...")`. A
 * macro, so that whoever reads the code by machine sees which error it is. */
#define tm_fail(why, err, ...) (tm_why_write((why), __VA_ARGS__), tm_err_same(err))

#endif
