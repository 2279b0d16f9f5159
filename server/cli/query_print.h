/* Samples printed as they come: a table for people, CSV, or one JSON document. */
#ifndef TM_CLI_QUERY_PRINT_H
#define TM_CLI_QUERY_PRINT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "server/cli/source.h"

enum query_format { QUERY_TABLE, QUERY_CSV, QUERY_JSON };

enum { QUERY_LIMIT_MAX = 1000000 };

struct query_print;

/* limit: of each series only so many samples are shown, the newest; 0: all. out is the caller's. NULL when
 * out of memory. */
struct query_print *query_print_new(enum query_format format, size_t limit, bool colour, FILE *out);
/* NULL is allowed. */
void query_print_free(struct query_print *print);

/* What source_read feeds; valid as long as print. */
struct source_sink query_print_sink(struct query_print *print);

/* Ends the last series and the document. TM_NOMEM. */
enum tm_err query_print_end(struct query_print *print, struct tm_why *why) TM_MUST_CHECK;

/* How many series came. */
uint64_t query_print_series(const struct query_print *print);

/* How many samples came, those that limit left out included. */
uint64_t query_print_samples(const struct query_print *print);

/* Prints unix seconds with the milliseconds that there are. */
void query_print_seconds(FILE *out, time_ms_t time);

/* Makes text a field of CSV: in double quotes, those within doubled. Without memory text fails. */
void query_print_quote(struct bytes *text);

#endif
