/* A deploy with what the loop knows around it, copied, so that a worker can judge it. */
#ifndef TM_QUERY_DEPLOY_H
#define TM_QUERY_DEPLOY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/marker.h"

enum {
    DEPLOY_EXCEPTIONS_MAX = 200, /* groups */
    DEPLOY_MARKED_MAX = 200,
    DEPLOY_OLDER_MAX = 64
};

/* How long a deploy is watched for what fills up; all else for an hour. */
#define DEPLOY_LEAK_MS INT64_C(28800000)

enum deploy_text { DEPLOY_SERVICE, DEPLOY_ENV, DEPLOY_VERSION, DEPLOY_TEXTS };

/* A group of exceptions of the service. */
struct deploy_exception {
    uint64_t id;
    char *fingerprint; /* owned */
    bool is_new;       /* first seen in the hour behind the deploy, and not of an older release alone */
};

/* Zero-initialised is empty; deploy_fini releases it. */
struct deploy {
    uint64_t id;
    time_ms_t time;
    time_ms_t previous, next; /* deploys of the same service and env; INT64_MIN: none */
    char *text[DEPLOY_TEXTS]; /* owned */
    struct deploy_exception exceptions[DEPLOY_EXCEPTIONS_MAX];
    size_t exception_count;
    char *older[DEPLOY_OLDER_MAX]; /* releases that were there before it; owned */
    size_t older_count;
    struct span marked[DEPLOY_MARKED_MAX]; /* of the 16 days before: something was going on; an hour at least
                                            */
    size_t marked_count;
};

struct store;

/* Gathers it from markers and groups of exceptions, the newest where there are more than fit. marker: a
 * deploy. TM_NOMEM; *out is to be released whatever it returns. Loop thread. */
enum tm_err deploy_gather(struct store *store, const struct marker *marker, struct deploy *out) TM_MUST_CHECK;

/* Frees its texts; it is zeroed then. */
void deploy_fini(struct deploy *deploy);

/* Did a marker of the service lie in this span, as far as the last 16 days go? */
bool deploy_is_marked(const struct deploy *deploy, struct span span);

/* Was this release there before the deploy? false of none, and of the deploy's own version, which a release
 * may be named by behind an @ ("cart@1.8.3"). */
bool deploy_is_older(const struct deploy *deploy, struct str release);

#endif
