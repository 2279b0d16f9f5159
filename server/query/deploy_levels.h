/* The tests of a service's gauges around a deploy: did a level move, does something fill up? Pure but for
 * memory; any thread. */
#ifndef TM_QUERY_DEPLOY_LEVELS_H
#define TM_QUERY_DEPLOY_LEVELS_H

#include "scoring/leak.h"
#include "server/query/deploy_gauges.h"

/* Behind a deploy a service warms up: minutes that are no evidence of a level. */
enum { DEPLOY_WARM_UP_MINUTES = 3 };

/* One metric's tests. */
struct deploy_level_test {
    const struct deploy_gauge *gauge;
    struct score_gauge hour, week; /* against the hour before; against what last week did at that time too */
    bool has_week;
    struct score_trace level; /* the smaller of both e-values */
    struct score_leak looks[SCORE_LEAK_LOOKS];
    unsigned looked;
};

/* Zero-initialised is none. */
struct deploy_levels {
    struct deploy_level_test at[DEPLOY_GAUGES_MAX];
    size_t count;
};

/* Starts the tests: of every metric that has a baseline. gauges must live as long. */
void deploy_levels_begin(struct deploy_levels *levels, const struct deploy_gauges *gauges);

/* Takes the levels of a minute behind the deploy, which began at at_ms. */
void deploy_levels_minute(struct deploy_levels *levels, size_t minute, int64_t at_ms);

/* Looks for leaks with so many whole minutes behind the deploy. */
void deploy_levels_look(struct deploy_levels *levels, size_t minutes);

/* Appends the evidence to out, which has room for 2 * DEPLOY_GAUGES_MAX; returns how much. */
size_t deploy_levels_evidence(const struct deploy_levels *levels, struct score_evidence *out);

/* ln of the e-value of the leaks of one metric. */
double deploy_levels_leak(const struct deploy_level_test *test);

#endif
