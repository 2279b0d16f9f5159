/* Deploys as they go on: each is judged again and again while data comes, and what changes is kept as a
 * finding and told live (topic `verdict.SERVICE`). Loop thread; the work is a query of the daemon's own, one
 * at a time. */
#ifndef TM_QUERY_DEPLOY_WATCH_H
#define TM_QUERY_DEPLOY_WATCH_H

#include "server/feed/feed.h"
#include "server/query/deploy_check.h"
#include "server/query/queries.h"

enum { DEPLOY_WATCHED_MAX = 1000 }; /* at once; the others wait until there is room */

struct deploy_watch;

struct deploy_watch_options {
    struct store *store;
    struct queries *queries;
    struct feed *feed;
    struct log *log;
    const struct clock *clock;
    double incident_score; /* from here on a bad deploy is an incident */
};

/* Watches the deploys that come from now on, and those of the last hours. NULL without memory. */
struct deploy_watch *deploy_watch_open(const struct deploy_watch_options *options);

/* A new scoring.incident_score, from the next look on. */
void deploy_watch_configure(struct deploy_watch *watch, double incident_score);

/* Data of a service became visible, of these event times: verdicts that were final are judged once more where
 * it is older than what was there and lies in their windows (some seconds later, and at most once in 10 s
 * each). */
void deploy_watch_news(struct deploy_watch *watch, struct str service, time_ms_t oldest, time_ms_t newest);

/* Once a second: looks for new deploys, and at the one that is due. */
void deploy_watch_tick(struct deploy_watch *watch);

/* How many are watched. */
size_t deploy_watch_count(const struct deploy_watch *watch);

/* No more looks, and nothing more is told: before the queries stop. NULL is allowed. */
void deploy_watch_stop(struct deploy_watch *watch);
/* Frees; the store must be closed. NULL is allowed. */
void deploy_watch_close(struct deploy_watch *watch);

#endif
