/* A run of reports: all services of a week, from a data folder into the reports' folder. One thread. */
#ifndef TM_REPORTS_RUN_H
#define TM_REPORTS_RUN_H

#include "reports/files.h"
#include "storage/model/clock.h"

enum { RUN_OWNERS_MAX = 1000 };

struct run_owner {
    const char *service;
    const char *owner;
};

/* What is wanted. Views. */
struct run_options {
    const char *data_dir;
    const char *out_dir;
    const char *zone; /* the process lives in it already (week_set_zone) */
    const char *language;
    bool formats[RENDER_FORMATS];
    struct week_name week;
    struct span span; /* of the week, or a part of it */
    bool is_custom;
    const char
        *below; /* where in the reports' folder out_dir lies, "x/y/", for the paths told; NULL: it is it */
    const char *service; /* NULL: all */
    const char *env;     /* NULL: all */
    struct run_owner owners[RUN_OWNERS_MAX];
    size_t owner_count;
    const struct clock *clock; /* for the ledger */
    /* Told before each service; may be NULL. */
    void (*progress)(void *arg, const char *service, size_t done, size_t all);
    void *progress_arg;
};

/* Makes the reports; appends to out the document {"week":..,"items":[{"service","env","path","revision",
 * "changed"}]}. TM_NOT_FOUND: there is no such service. */
enum tm_err run_reports(const struct run_options *options, struct bytes *out,
                        struct tm_why *why) TM_MUST_CHECK;

/* The time at which reports are made. */
struct run_time {
    int weekday; /* 0: Monday */
    int hour, minute;
};

/* Reads `Mon 07:00`. TM_INVALID. */
enum tm_err run_time_parse(const char *text, struct run_time *out, struct tm_why *why) TM_MUST_CHECK;
/* The last moment of that kind up to now, and the first one behind it. */
struct span run_time_around(const struct run_time *at, time_ms_t now);
/* Whether the reports of a week were made into a folder. */
bool run_is_done(const char *out_dir, struct week_name week);

#endif
