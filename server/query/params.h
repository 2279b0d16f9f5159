/* The parameters of a read request, from its query string and, with POST, from a form in its body. Loop
 * thread. */
#ifndef TM_QUERY_PARAMS_H
#define TM_QUERY_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "server/http/http.h"
#include "storage/model/bytes.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/selector/selector.h"

enum { PARAMS_MAX = 256, PARAMS_MATCHES_MAX = 64 };

struct param {
    struct str name;
    struct str value;
};

/* The holder owns the memory. */
struct params {
    struct param at[PARAMS_MAX];
    size_t count;
    struct bytes text;
    size_t offsets[PARAMS_MAX * 2 + 1]; /* in text, while it grows */
};

/* Reads a request's parameters: body first, as in Go, so that it wins over the query string. TM_INVALID,
 * TM_LIMIT (more than PARAMS_MAX), TM_NOMEM with a sentence. To be released whatever it returns. */
enum tm_err params_read(struct params *params, const struct http_exchange *exchange,
                        struct tm_why *why) TM_MUST_CHECK;

/* Frees the texts, and with them what was given of them; there are none then. */
void params_fini(struct params *params);

/* The first value of that name; false: there is none. */
bool params_get(const struct params *params, const char *name, struct str *out);

/* Prometheus' start and end, of which the second one is inclusive there; what is missing is unbounded.
 * TM_INVALID as Prometheus says it. */
enum tm_err params_start_end(const struct params *params, time_ms_t now, struct span *out,
                             struct tm_why *why) TM_MUST_CHECK;
/* Our from and to (CONTRACT: RFC 3339, unix seconds, relative to now); what is missing is unbounded.
 * TM_INVALID. */
enum tm_err params_from_to(const struct params *params, time_ms_t now, struct span *out,
                           struct tm_why *why) TM_MUST_CHECK;

/* The value text of parameter name as FROM..TO, whose ends are as those of params_from_to and both there, the
 * first one before the other. TM_INVALID; what it is if it is none: "no FROM..TO, ...". */
enum tm_err params_two_times(const char *name, struct str text, const char *otherwise, time_ms_t now,
                             struct span *out, struct tm_why *why) TM_MUST_CHECK;

/* A whole number from 0 on; missing: otherwise. TM_INVALID. */
enum tm_err params_count(const struct params *params, const char *name, size_t otherwise, size_t *out,
                         struct tm_why *why) TM_MUST_CHECK;

/* `step`: seconds, or a duration; missing: 0. TM_INVALID. */
enum tm_err params_step(const struct params *params, int64_t *out_ms, struct tm_why *why) TM_MUST_CHECK;

/* `limit` of a list, from 1 to max. TM_INVALID. */
enum tm_err params_page(const struct params *params, size_t otherwise, size_t max, size_t *out,
                        struct tm_why *why) TM_MUST_CHECK;

/* Some selectors. The holder owns them. */
struct params_matches {
    struct selector *at;
    size_t count;
};

/* Every match[] as a selector, in their order. TM_INVALID (a fault in one of them), TM_LIMIT, TM_NOMEM. */
enum tm_err params_matches(const struct params *params, struct params_matches *out,
                           struct tm_why *why) TM_MUST_CHECK;

/* Frees the selectors; there are none then. */
void params_matches_fini(struct params_matches *matches);

/* Answers 400 (503 without memory) in Prometheus' envelope. */
void params_refuse(struct http_exchange *exchange, enum tm_err err, const struct tm_why *why);

#endif
