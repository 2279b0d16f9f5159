/* What an answer is made of. Private to promql_*.c. */
#ifndef TM_CLI_PROMQL_PRIVATE_H
#define TM_CLI_PROMQL_PRIVATE_H

#include "server/cli/promql_ask.h"
#include "server/promql/engine.h"

/* A daemon's answer, or an evaluation's result. */
struct promql_answer {
    enum ast_type type;
    json_t *root;                 /* of the daemon; NULL: result has it */
    struct promql_result *result; /* of an evaluation here */
    json_t *warnings;             /* of both, strings */
    json_t *stats;                /* of an evaluation here */
};

/* The type and the warnings of root. TM_CORRUPT: it is no answer. */
enum tm_err promql_answer_check(struct promql_answer *answer, struct tm_why *why) TM_MUST_CHECK;

#endif
