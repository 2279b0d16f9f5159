/* Verdicts of deploys, as a query: which deploys is the loop's to say; what is counted around them is read
 * and judged by a worker, in steps. */
#ifndef TM_QUERY_VERDICTS_H
#define TM_QUERY_VERDICTS_H

#include "server/query/deploy.h"
#include "server/query/queries.h"

enum { VERDICTS_MAX = 100 };

struct verdicts;

/* An empty list; NULL without memory. raw_from: counts before it may have been removed. Loop thread. */
struct verdicts *verdicts_new(time_ms_t raw_from);
/* Gathers what belongs to a deploy and adds it, at most VERDICTS_MAX. TM_NOMEM, TM_LIMIT. */
enum tm_err verdicts_add(struct verdicts *verdicts, struct store *store,
                         const struct marker *marker) TM_MUST_CHECK;

/* Frees all that were added. NULL is allowed. */
void verdicts_free(struct verdicts *verdicts);

/* Answers with the verdicts, in the order in which they were added; takes them over. */
void verdicts_submit(struct verdicts *verdicts, struct queries *queries, struct http_exchange *exchange);

#endif
