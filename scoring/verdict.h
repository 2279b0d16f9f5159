/* The verdict of a deploy, from the evidence of its tests. Valid whenever it is looked at. Pure; any thread.
 */
#ifndef TM_SCORING_VERDICT_H
#define TM_SCORING_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scoring/ratio.h"

#define SCORE_BAD_E       100.0
#define SCORE_SUSPECT_E   10.0
#define SCORE_OK_MS       300000
#define SCORE_OK_REQUESTS 200.0
#define SCORE_OK_RATIO    2.0
#define SCORE_ALPHA       0.01
/* For "ok" a rise of the error rate below this is not told from none: else no service without errors could
 * ever be called well. */
#define SCORE_OK_RATE_FLOOR 0.005

/* What a test looks at. Each has a share of the verdict, whichever tests there are of it. */
enum score_subject {
    SCORE_SERVER_ERRORS, /* 5xx per request */
    SCORE_CLIENT_ERRORS, /* 4xx per request */
    SCORE_EXCEPTIONS,    /* per request */
    SCORE_LATENCY,
    SCORE_GAUGES, /* and leaks */
    SCORE_SUBJECTS
};

/* One test's evidence now. */
struct score_evidence {
    enum score_subject subject;
    bool whole; /* of the whole service; else of one group of it */
    double ln_e;
};

/* ln of the deploy's e-value: the weighted mean of all e-values. A subject's share (errors 0.3 and 0.25,
 * exceptions 0.2, latency 0.15, gauges 0.1; those without a test leave theirs to the others) goes half to the
 * mean of its tests of the whole service, half to the mean of its groups. Which tests there are must not
 * depend on what they say. 0 without evidence. */
double score_service_ln_e(const struct score_evidence *evidence, size_t count);

/* e-BH (Wang and Ramdas 2022): how many of count e-values are named so that at most alpha of the named are
 * false on average, whatever their dependence: the largest k whose k-th largest is at least count / (alpha
 * k). *threshold becomes what a named one reaches, as ln; infinity when there is none. O(count) a step, few
 * steps. */
size_t score_e_bh(const double *ln_e, size_t count, double alpha, double *threshold);

enum score_verdict { SCORE_INSUFFICIENT_DATA, SCORE_OK, SCORE_SUSPECT, SCORE_BAD, SCORE_VERDICTS };

/* "bad", "suspect", "ok", "insufficient_data"; static. */
const char *score_verdict_name(enum score_verdict verdict);

/* What is known of a deploy now. */
struct score_verdict_facts {
    double ln_e_peak;         /* the highest that score_service_ln_e was since the deploy */
    int64_t elapsed_ms;       /* event time since the deploy */
    double requests;          /* since the deploy */
    struct score_ratio ratio; /* of the service's errors, with SCORE_OK_RATE_FLOOR */
    bool has_baseline;        /* was there anything to compare with? */
};

/* bad from E = 100, suspect from E = 10 (each at its highest so far, as looking often costs nothing); ok
 * after 5 min and 200 requests when the upper limit of the ratio is below 2; else insufficient data. */
enum score_verdict score_verdict(const struct score_verdict_facts *facts);

/* What a deploy is compared with and how long it is watched; half-open. */
struct score_deploy_windows {
    int64_t before_from_ms, before_to_ms;
    int64_t after_from_ms, after_to_ms;
    bool overlaps; /* an earlier deploy came so shortly before that the two cannot be told apart */
};

/* The windows of a deploy at at_ms: 60 min before, or back to the deploy before it (previous_ms), as what
 * that one changed is not this one's; but if it came within the last 10 min, the hour before it, and overlaps
 * is set. After: 60 min, or to the next deploy. SCORE_NEVER: no such deploy. */
struct score_deploy_windows score_deploy_windows(int64_t at_ms, int64_t previous_ms, int64_t next_ms);

/* By how much ln E is to be multiplied (at most 1) so that at most alpha of the peaks that pseudo-deploys at
 * random past times reached are ln(1/alpha) or more: a self-check on a service's own history. peaks are count
 * (20 or more, else 1) highest ln E; reordered. */
double score_self_check(double *peaks, size_t count, double alpha);

#endif
