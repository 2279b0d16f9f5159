/* Scoring in the daemon: a thread of its own, below ingest in priority, that closes minutes and scores them
 * (detect_engine.h). The loop tells it what is new once a second and makes durable what it finds. Loop thread
 * only. */
#ifndef TM_DETECT_H
#define TM_DETECT_H

#include <uv.h>

#include "server/config/config.h"
#include "server/counters/counters.h"
#include "server/detect/detect_engine.h"
#include "server/detect/incidents.h"
#include "server/log/log.h"
#include "storage/model/clock.h"
#include "storage/store.h"

struct detect;
struct finding;

/* All are borrowed and must outlive it, but config (see detect_configure). */
struct detect_options_daemon {
    uv_loop_t *loop;
    struct store *store;
    struct log *log;
    const struct clock *clock;
    const struct config *config;
    /* Each finding that became durable, in order; NULL. */
    void (*found)(void *arg, const struct finding *finding);
    /* Data of a service became visible, of these event times; NULL. */
    void (*news)(void *arg, struct str service, time_ms_t oldest, time_ms_t newest);
    void *arg; /* of both */
};

/* Starts. NULL with why: out of memory or threads, or a selector of scoring.include that can't be read. */
struct detect *detect_open(const struct detect_options_daemon *options, struct tm_why *why);

/* Once a second. */
void detect_tick(struct detect *detect);

/* Takes what a running daemon can change: delay, grace, incident_score, include, exclude. */
void detect_configure(struct detect *detect, const struct config *config);

/* Somebody said this of an incident, which is durable: within a second or so it is used, and kept. false: too
 * many such words wait, or there is no memory. */
bool detect_feedback(struct detect *detect, struct str service, struct str env, uint64_t incident,
                     enum score_feedback feedback);

/* Ends the thread; before the store is closed. What was found and is not durable yet is found again after the
 * next start. NULL is allowed. */
void detect_stop(struct detect *detect);

/* Behind the store's closing and the loop's end. NULL is allowed. */
void detect_free(struct detect *detect);

/* As they were a second ago at the latest. */
void detect_figures(const struct detect *detect, struct detect_figures *out);

/* The same of incidents. */
void detect_incident_figures(const struct detect *detect, struct detect_incidents_figures *out);

#endif
