/* Filters over raw HTTP events: `status=404 group="product" not agent=crawler (method=PUT or url~"/p/")`.
 *
 *   filter = [ any ]                              empty: every event
 *   any    = all { "or" all }
 *   all    = one { [ "and" ] one }                side by side means and
 *   one    = "not" one | "(" any ")" | test
 *   test   = field operator value
 *   value  = word | "text"                        in text, \" and \\ are escapes; words end at space or
 * bracket
 *
 *   text fields:   service env method url group cache user_agent tag.NAME     = != ~ =~ !~
 *   numbers:       status bytes duration_ms origin_ms edge_ms count           = != < <= > >=
 *   class          1xx 2xx 3xx 4xx 5xx                                        = !=
 *   agent          crawler mobile desktop bot other                           = !=
 *
 * `~` holds what the field has somewhere in it; `=~` and `!~` search a PCRE2 pattern anywhere in the field
 * (anchor with ^ and $), on bytes. Case counts. A text that an event lacks is empty; a number that it lacks
 * fulfils no test, not even `!=`. A pattern that passes PCRE2's bounds is not found. */
#ifndef TM_EVENTS_FILTER_H
#define TM_EVENTS_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/model/err.h"
#include "storage/model/http_event.h"

enum { FILTER_TEXT_MAX = 8192, FILTER_TESTS_MAX = 128, FILTER_DEPTH_MAX = 32 };

struct filter_fault {
    size_t column; /* from 1, in bytes */
    struct tm_why why;
};

struct filter;

/* Compiles a filter. TM_INVALID: *fault says what is wrong where. TM_LIMIT: over one of the bounds, in *fault
 * too. TM_NOMEM. The caller owns *out; text may go. */
enum tm_err filter_new(struct str text, struct filter **out, struct filter_fault *fault) TM_MUST_CHECK;

/* NULL is allowed. */
void filter_free(struct filter *filter);

/* One thread at a time. An agent that is none of the classes is `other`. */
bool filter_matches(struct filter *filter, const struct http_event *event);

/* ---- what it is about ---- */

/* The field that the i-th test (from 0) looks at, as the grammar names it; "tag." for all tags. Empty behind
 * the last one. Static. */
struct str filter_field_at(const struct filter *filter, size_t i);

/* The one service that all events it takes are of, as far as that is easily told; false: not told. The view
 * lasts as long as the filter. */
bool filter_service(const struct filter *filter, struct str *service);

/* Statuses from `from` on, below `to`. */
struct filter_statuses {
    int32_t from;
    int32_t to;
};

/* No event with a status outside is taken; 0 to 1000 if nothing is told. */
struct filter_statuses filter_statuses(const struct filter *filter);

#endif
