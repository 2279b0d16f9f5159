/* Documents for --json: numbers as short as they can be written, 38.98 and not 38.979999999999997. One
 * thread. */
#ifndef TM_CLI_JSON_PRINT_H
#define TM_CLI_JSON_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Prints data, indented by two spaces a level or in one line, members in their order, without a line end
 * behind it. Each number reads back as the same double. EXIT_OK, or EXIT_FAILED without memory (nothing is
 * printed). */
int json_print(const json_t *data, bool is_indented, FILE *out);

/* The same, indented and with a line end, on stdout. */
int json_print_document(const json_t *data);

#endif
