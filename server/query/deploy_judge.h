/* A deploy's verdict from what was counted around it: the tests of scoring/, replayed tick by tick, so that
 * the verdict is the same whenever it is asked for. Pure but for memory; any thread. */
#ifndef TM_QUERY_DEPLOY_JUDGE_H
#define TM_QUERY_DEPLOY_JUDGE_H

#include "server/query/deploy_counts.h"
#include "server/query/deploy_levels.h"

/* A test of one page group and class. */
struct deploy_row {
    const char *page_group; /* the counts' */
    const char *class;      /* "5xx", "4xx"; static */
    struct score_tally before, after;
    struct score_ratio ratio;
    struct score_trace trace;
    bool is_at_fault; /* named by e-BH */
};

/* What is judged. Gauges and windows must outlive the judgement. */
struct deploy_case {
    const struct deploy_counts *counts;
    const struct deploy_gauges *gauges;
    const struct score_deploy_windows *windows;
    double factor; /* of score_self_check: every ln E above 0 is multiplied by it */
};

/* Zero-initialised; to be released. */
struct deploy_judgement {
    enum score_verdict verdict;
    struct score_trace trace; /* of the service's e-value */
    double requests;
    struct score_ratio ratio; /* of the service's errors */
    struct score_trace latency, exceptions;
    struct score_tally errors_before, errors_after;
    struct deploy_row *rows; /* owned; worst first */
    size_t row_count;
    struct deploy_levels *levels; /* owned; e-values without the factor */
    time_ms_t updated;            /* until when there is data; INT64_MIN: there is none since the deploy */
    int64_t bad_ms;               /* the tick from which on it was bad; SCORE_NEVER */
};

/* Frees rows and levels; it is zeroed then. */
void deploy_judgement_fini(struct deploy_judgement *judgement);

/* Judges. TM_NOMEM; *out is to be released whatever it returns. */
enum tm_err deploy_judge(const struct deploy_case *deploy_case, struct deploy_judgement *out) TM_MUST_CHECK;

#endif
