/* The status screen. Pure: from the JSON of /api/v1/status/tidemark to text. */
#ifndef TM_CLI_STATUS_PRINT_H
#define TM_CLI_STATUS_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Prints one screen from the document's `data`. Fields that are missing or of another type leave out their
 * part of the screen. */
void status_print(const json_t *data, bool colour, FILE *out);

#endif
