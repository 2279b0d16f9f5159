/* PromQL's text into a tree: the language of Prometheus 2.42, with its error messages; from later ones quoted
 * names in braces. */
#ifndef TM_PROMQL_PARSE_H
#define TM_PROMQL_PARSE_H

#include "server/promql/ast.h"

/* Reads an expression and checks its types. The tree is the caller's (ast_free). TM_INVALID: why has
 * "LINE:COLUMN: parse error: ..." as Prometheus writes it; TM_LIMIT, TM_TOO_LARGE: past a bound of ast.h or
 * of selector.h; TM_NOMEM. *out is NULL after an error. Any thread. */
enum tm_err promql_parse(struct str text, struct ast **out, struct tm_why *why) TM_MUST_CHECK;

#endif
