/* When reports are delivered: after each run of reports, when a receiver that failed is to be tried again,
 * and now and then. The work is done by a process (reports/deliver). Loop thread only. */
#ifndef TM_JOB_DELIVERY_H
#define TM_JOB_DELIVERY_H

#include "server/counters/counters.h"
#include "server/job/job.h"
#include "storage/model/clock.h"

/* Zero-initialised, with the first five set. */
struct delivery {
    struct jobs *jobs;
    struct log *log;
    const struct clock *clock;
    const struct config *const *config; /* where the current one stands: a reload changes it */
    struct counters *counters;
    time_ms_t next_ms; /* when to begin; 0: at once */
    time_ms_t asked_ms;
    size_t reports_seen; /* runs of reports that were looked at */
    size_t waiting;      /* messages that the last pass left to the next one */
    bool is_running;
    struct tm_why trouble; /* the last failure of a receiver that has not gone by; "" */
};

/* Once a second: begins what is due. */
void delivery_tick(struct delivery *delivery);
/* After a reload: the next tick begins. */
void delivery_wake(struct delivery *delivery);

#endif
