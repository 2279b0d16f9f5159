/* A pass of delivery: every receiver is told once of each revision of the reports that it gets, of the week
 * that is over; of the three weeks before of what is new since it was told. What fails is tried again in a
 * later pass. One thread, blocking; run it in a process that nobody waits for. */
#ifndef TM_REPORTS_DELIVER_DELIVER_H
#define TM_REPORTS_DELIVER_DELIVER_H

#include "reports/deliver/settings.h"
#include "storage/model/bytes.h"
#include "storage/model/clock.h"

struct deliver_options {
    const char *out_dir; /* the reports' folder; nothing happens if it is missing */
    const struct deliver_settings *settings;
    const struct clock *clock;
};

/* Appends {"sent","failed","waiting","next","errors":[{"to","report","week","final","error"}]}: messages
 * sent, given up, and still to be sent; next: when to try again (unix ms, 0: nothing waits). The process
 * lives in the reports' zone (week_set_zone). TM_IO, TM_NO_SPACE, TM_NOMEM: what was sent up to then is
 * noted. */
enum tm_err deliver_reports(const struct deliver_options *options, struct bytes *out,
                            struct tm_why *why) TM_MUST_CHECK;

#endif
