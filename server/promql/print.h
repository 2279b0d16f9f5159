/* A tree as text: for format_query, for messages and for explain. What is printed parses to a tree that
 * prints the same. */
#ifndef TM_PROMQL_PRINT_H
#define TM_PROMQL_PRINT_H

#include "server/promql/ast.h"
#include "storage/model/bytes.h"

enum { PRINT_LINE_MAX_BYTES = 100 };

/* Appends the expression in one line, as Prometheus' String. Any thread. */
void ast_print(const struct ast_node *node, struct bytes *out);

/* Appends it over more lines where one would be longer than PRINT_LINE_MAX_BYTES, as Prometheus'
 * format_query. Any thread. */
void ast_print_lines(const struct ast_node *node, struct bytes *out);

#endif
