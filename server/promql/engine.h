/* Evaluating PromQL: a tree and a source of samples into a result, as Prometheus 2.42 does it for float
 * samples. */
#ifndef TM_PROMQL_ENGINE_H
#define TM_PROMQL_ENGINE_H

#include "server/promql/ast.h"
#include "server/promql/result.h"
#include "server/promql/source.h"
#include "server/promql/trace.h"

struct promql_query {
    const struct ast *ast;
    time_ms_t start;
    time_ms_t end;              /* inclusive; of an instant query: start */
    int64_t step_ms;            /* 0: an instant query */
    struct promql_trace *trace; /* filled by promql_run, also where it fails; NULL: not wanted */
};

/* What a query may cost. */
struct promql_limits {
    uint64_t max_samples;     /* held in memory at once; 0: no bound */
    int64_t lookback_ms;      /* 0: 5 minutes */
    int64_t subquery_step_ms; /* of subqueries that name none; 0: 1 minute */
    bool (*stop)(void *arg);  /* asked often; true ends the query with TM_CLOSED. NULL: never */
    void *stop_arg;           /* with threads stop is called by all of them */
    unsigned threads; /* that read series at the same time, if the source can; 0 or 1: the caller's alone */
};

/* What it did cost. */
struct promql_cost {
    uint64_t series;       /* that were read */
    uint64_t samples;      /* that were read */
    uint64_t peak_samples; /* held in memory at once */
    uint64_t rows;         /* of rollups that were read */
    time_ms_t raw_ms;      /* with rows: before it they stood for samples that are no longer kept */
};

enum { PROMQL_NOTE_BYTES = 160 };

/* What a person must know of how it was answered, as a sentence. false: nothing. */
bool promql_note(const struct promql_cost *cost, char text[PROMQL_NOTE_BYTES]);

/* Can the tree be asked over a range? TM_INVALID with Prometheus' sentence: its root must give a scalar or a
 * vector. Whoever asks finds it out first: the fault is the request's, not the evaluation's. */
enum tm_err promql_check_range(const struct ast *ast, struct tm_why *why) TM_MUST_CHECK;

/* Evaluates. TM_INVALID: the expression can't
 * be evaluated on these series, why says it as Prometheus does; TM_LIMIT: max_samples, likewise; TM_CLOSED:
 * stopped; TM_NOMEM; or what the source returned. *out is NULL after an error. cost may be NULL. One thread
 * at a time by tree and source. */
enum tm_err promql_run(const struct source *source, const struct promql_query *query,
                       const struct promql_limits *limits, struct promql_result **out,
                       struct promql_cost *cost, struct tm_why *why) TM_MUST_CHECK;

#endif
