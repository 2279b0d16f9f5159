/* The self-check of a verdict: how often would a deploy be called bad at times of this service's own past at
 * which nothing was deployed? Worker thread. */
#ifndef TM_QUERY_DEPLOY_CHECK_H
#define TM_QUERY_DEPLOY_CHECK_H

#include "server/query/deploy_judge.h"

/* Pseudo-deploys, so far apart, back from the deploy: about a week, at all hours of the day. */
enum { DEPLOY_CHECKS = 40 };
#define DEPLOY_CHECK_STEP_MS INT64_C(15000000)
/* However wild the past, a service that fails outright must be seen. */
#define DEPLOY_FACTOR_MIN 0.1

/* Zero-initialised: nothing was looked at. */
struct deploy_check {
    unsigned done;               /* times looked at, of DEPLOY_CHECKS */
    size_t count;                /* of them those that can tell: unmarked, and with data */
    double peaks[DEPLOY_CHECKS]; /* the highest ln E of these; reordered at the end */
    double factor;               /* what ln E is to be multiplied by, once done is DEPLOY_CHECKS */
};

/* Looks at the next time; check->done tells when it is over. Errors as deploy_counts_read, and then the same
 * time is looked at again. */
enum tm_err deploy_check_step(struct deploy_check *check, const struct deploy *deploy, struct reader *reader,
                              struct tm_why *why) TM_MUST_CHECK;

#endif
