/* From what is stored to a service's week. One thread. */
#ifndef TM_REPORTS_ANALYSE_H
#define TM_REPORTS_ANALYSE_H

#include "reports/gather.h"
#include "reports/model.h"
#include "reports/tally.h"

/* What was asked for; views. */
struct analyse_settings {
    struct week_name week;
    struct span span;
    bool is_custom; /* span is a part of a week */
    const char *zone;
    const char *language;
    const char *owner;
    const struct report_action *before; /* the actions of last week's report */
    size_t before_count;
    size_t looks_max; /* series looked at for all incidents of a report; 0: 20,000 */
};

/* Works out one unit's report; the caller frees it (report_free). TM_NOMEM, and what reading fails with. */
enum tm_err analyse(const struct gather *gather, size_t unit, const struct analyse_settings *settings,
                    struct report **out, struct tm_why *why) TM_MUST_CHECK;
/* NULL is allowed. */
void report_free(struct report *report);

#endif
