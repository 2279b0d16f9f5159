/* `tidemark query` of what is more than a selector: an expression at one moment, or over a range. */
#ifndef TM_CLI_QUERY_PROMQL_H
#define TM_CLI_QUERY_PROMQL_H

#include "server/cli/promql_ask.h"
#include "server/cli/query_print.h"

/* What `query` makes of its words. */
enum query_mode {
    QUERY_RAW,    /* a selector: its samples as they are stored */
    QUERY_MOMENT, /* an expression at one moment */
    QUERY_RANGE   /* an expression at many */
};

/* Which it is: by the text and the options. EXIT_OK, or the exit code; the reason is printed. */
int query_promql_mode(const struct args *args, const char *text, enum query_mode *out);

/* Can text be evaluated so? EXIT_OK, or the exit code; the reason is printed. */
int query_promql_check(const char *text, enum query_mode mode);

/* Fills in when the expression is evaluated: --at, or --from, --to and --step. TM_INVALID. */
enum tm_err query_promql_times(const struct args *args, enum query_mode mode, time_ms_t now,
                               struct promql_request *out, struct tm_why *why) TM_MUST_CHECK;

/* Prints an answer. limit as of query_print_new. TM_CORRUPT, TM_NOMEM. */
enum tm_err query_promql_print(const struct promql_answer *answer, const struct promql_request *request,
                               enum query_format format, size_t limit, struct tm_why *why) TM_MUST_CHECK;

#endif
