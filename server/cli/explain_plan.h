/* The plan of an expression: its tree, and what was read at each selector. */
#ifndef TM_CLI_EXPLAIN_PLAN_H
#define TM_CLI_EXPLAIN_PLAN_H

#include <jansson.h>

#include "server/promql/ast.h"

/* Prints it to stdout, a line a node and one below each selector, at most 100 columns. */
void explain_plan_print(const struct ast *ast, const json_t *stats);

/* The same as {"kind","text","children":[...],"read":{...}}; the caller's. NULL without memory. */
json_t *explain_plan_json(const struct ast *ast, const json_t *stats);

#endif
