#include "server/job/schedule.h"

#include <jansson.h>

#include "server/config/config.h"

/* The clock may jump and a run may fail: ask again at the latest after that. */
enum { ASK_MS = 3600000, FIRST_MS = 20000, RETRY_MS = 300000 };

static void on_done(void *arg, enum tm_err err, struct str result, const char *error)
{
    struct schedule *schedule = arg;
    time_ms_t now = clock_wall_ms(schedule->clock);
    json_t *document = err ? NULL : json_loadb(result.ptr, result.len, 0, NULL);
    json_int_t next = json_integer_value(json_object_get(document, "next"));
    (void)error;
    schedule->is_running = false;
    schedule->next_ms = now + (document ? ASK_MS : RETRY_MS);
    if (next > now && next < schedule->next_ms)
        schedule->next_ms = next;
    json_decref(document);
}

void schedule_tick(struct schedule *schedule)
{
    struct tm_why why = {""};
    const struct config *config = *schedule->config;
    time_ms_t now = clock_wall_ms(schedule->clock);
    if (schedule->next_ms == 0) /* not in the midst of the start */
        schedule->next_ms = now + FIRST_MS;
    bool is_back = schedule->next_ms - now > ASK_MS; /* the clock went back */
    if (schedule->is_running || (now < schedule->next_ms && !is_back) || config->reports.formats.count == 0)
        return;
    const struct job_report due = {.due = config->reports.at};
    enum tm_err err = jobs_start_report(schedule->jobs, config, &due, on_done, schedule, &why);
    schedule->is_running = !err;
    if (!err)
        return;
    schedule->next_ms = now + RETRY_MS;
    if (err != TM_BUSY)
        log_write(schedule->log, LOG_LEVEL_WARNING, "report.failed", "the weekly reports were not made: %s",
                  why.text);
}

void schedule_wake(struct schedule *schedule)
{
    if (schedule->next_ms > 0)
        schedule->next_ms = clock_wall_ms(schedule->clock);
}
