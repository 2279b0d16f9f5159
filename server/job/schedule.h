/* When the weekly reports are made: at reports.at, and once at the start if that was missed. tidemark-report
 * itself knows weeks and zones and says when to ask again. Loop thread only. */
#ifndef TM_JOB_SCHEDULE_H
#define TM_JOB_SCHEDULE_H

#include "server/job/job.h"
#include "storage/model/clock.h"

/* Zero-initialised, with the first four set. */
struct schedule {
    struct jobs *jobs;
    struct log *log;
    const struct clock *clock;
    const struct config *const *config; /* where the current one stands: a reload changes it */
    time_ms_t next_ms;                  /* when to ask again */
    bool is_running;
};

/* Once a second: starts what is due. */
void schedule_tick(struct schedule *schedule);
/* After a reload: the next tick asks again. */
void schedule_wake(struct schedule *schedule);

#endif
