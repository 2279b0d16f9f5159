/* An instant vector printed: one line a series. */
#ifndef TM_CLI_QUERY_VECTOR_H
#define TM_CLI_QUERY_VECTOR_H

#include "server/cli/query_print.h"

struct query_vector;

/* To stdout. at: the moment that was asked for. NULL when out of memory. */
struct query_vector *query_vector_new(enum query_format format, time_ms_t at, bool colour);
/* NULL is allowed. */
void query_vector_free(struct query_vector *print);

/* Takes series with one sample each; valid as long as print. */
struct source_sink query_vector_sink(struct query_vector *print);

/* Ends the document. TM_NOMEM. */
enum tm_err query_vector_end(struct query_vector *print, struct tm_why *why) TM_MUST_CHECK;

/* How many series came. */
size_t query_vector_count(const struct query_vector *print);

#endif
