/* What a query did and how long it took, selector by selector: for explain and for `stats`. */
#ifndef TM_PROMQL_TRACE_H
#define TM_PROMQL_TRACE_H

#include "server/promql/ast.h"
#include "storage/model/bytes.h"

/* What was read for one vector selector, in all. */
struct trace_selector {
    struct ast_span text; /* where it stands in the expression */
    struct span span;     /* of time */
    uint64_t selected;    /* series that it takes */
    uint64_t series;      /* of them, those that had samples */
    uint64_t samples;
    uint64_t rows;     /* of rollups */
    int64_t bucket_ms; /* of these; 0: none were read */
    time_ms_t raw_ms;  /* with rows: before it they stand for samples */
    int64_t select_ns;
    int64_t read_ns; /* reading and decoding; with threads their sum over their count */
};

/* The caller makes it of zeros and room for ast.selector_count selectors, and owns it. One thread. */
struct promql_trace {
    struct trace_selector *at;
    size_t room;
    size_t count;
    int64_t parse_ns; /* the caller's to fill in */
    int64_t run_ns;   /* all of promql_run */
    int64_t print_ns; /* the caller's to fill in */
};

/* The selector's entry, made if there is none yet. NULL: trace is NULL, or has no room. */
struct trace_selector *trace_find(struct promql_trace *trace, const struct ast_node *selector,
                                  struct span span);

/* A clock that only goes forward. Any thread. */
int64_t trace_now_ns(void);

struct promql_cost;

/* Appends the value of `stats` as a JSON object. trace may be NULL: the sums alone. */
void promql_stats_json(const struct promql_cost *cost, const struct promql_trace *trace, struct bytes *out);

#endif
