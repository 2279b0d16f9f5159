/* Verdicts of deploys, as a query: which deploys is the loop's to say, what is counted around them is read
 * and judged by a worker, a deploy a step. */
#ifndef TM_QUERY_VERDICTS_H
#define TM_QUERY_VERDICTS_H

#include "server/query/queries.h"
#include "storage/model/marker.h"

enum { VERDICTS_MAX = 100, VERDICT_EXCEPTIONS_MAX = 20 };

struct verdicts;

/* A deploy with what the loop knows around it; copied. */
struct verdicts_deploy {
    const struct marker *marker;
    time_ms_t previous, next;                    /* deploys of the same service and env; INT64_MIN: none */
    uint64_t exceptions[VERDICT_EXCEPTIONS_MAX]; /* groups first seen in the hour behind it */
    size_t exception_count;
};

/* An empty list; NULL without memory. Loop thread. */
struct verdicts *verdicts_new(void);
/* Adds one, at most VERDICTS_MAX. TM_NOMEM, TM_LIMIT. */
enum tm_err verdicts_add(struct verdicts *verdicts, const struct verdicts_deploy *deploy) TM_MUST_CHECK;
void verdicts_free(struct verdicts *verdicts);

/* Answers with the verdicts, in the order in which they were added; takes them over. */
void verdicts_submit(struct verdicts *verdicts, struct queries *queries, struct http_exchange *exchange);

#endif
