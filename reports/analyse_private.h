/* What the parts of the analysis share. Private to reports/analyse*.c. */
#ifndef TM_REPORTS_ANALYSE_PRIVATE_H
#define TM_REPORTS_ANALYSE_PRIVATE_H

#include "reports/analyse.h"

/* A group's counts of all weeks. */
struct group_weeks {
    uint64_t id;
    time_ms_t first;
    uint64_t weeks[REPORT_TREND_WEEKS];
    bool is_known[REPORT_TREND_WEEKS]; /* its hours reach back so far */
    bool is_request;
    bool came_back[REPORT_TREND_WEEKS];
    time_ms_t resolved; /* when it came back in the last week */
    double dispersion;  /* of its days in the weeks before */
};

struct analysis {
    const struct gather *gather;
    const struct unit *unit;
    const struct analyse_settings *settings;
    struct tally *tally;
    struct report *report;
    struct group_weeks *groups; /* of the unit */
    size_t group_count;
    bool has_data[REPORT_TREND_WEEKS];    /* counts, or groups */
    bool is_base[REPORT_TREND_WEEKS];     /* and seen in half of its hours at least: worth comparing with */
    double requests[REPORT_TREND_WEEKS];  /* NAN: not known */
    double incidents[REPORT_TREND_WEEKS]; /* that began in each week */
    double anomalous[REPORT_TREND_WEEKS]; /* minutes with an anomaly */
    bool by_requests;                     /* rates are per request, else per hour */
    struct index_ids series;              /* of the unit, in the order of their labels; once asked for */
};

/* Reads the unit's groups: a->groups (freed by analyse), a->has_data. TM_NOMEM. */
enum tm_err analyse_groups(struct analysis *a) TM_MUST_CHECK;
/* What a week is worth as exposure: requests, or hours; 0: nothing to compare with. */
double analyse_exposure(const struct analysis *a, size_t week);
/* Exceptions of a week; NAN: not known any more. */
double analyse_exceptions(const struct analysis *a, size_t week);
/* Sorts the groups into their lists. TM_NOMEM. */
enum tm_err analyse_lists(struct analysis *a) TM_MUST_CHECK;
/* Hours, heat map, trend, data quality. Errors as reader_gaps. */
enum tm_err analyse_hours(struct analysis *a, struct tm_why *why) TM_MUST_CHECK;
/* Sets the moments of the tally: the deploys of the week. TM_NOMEM. */
enum tm_err analyse_find_deploys(struct analysis *a) TM_MUST_CHECK;
/* Judges them, once all is counted. TM_NOMEM. */
enum tm_err analyse_deploys(struct analysis *a) TM_MUST_CHECK;
/* Planned events, past and to come. TM_NOMEM. */
enum tm_err analyse_events(struct analysis *a) TM_MUST_CHECK;
/* Incidents and anomalies. Errors as reading has them. */
enum tm_err analyse_incidents(struct analysis *a, struct tm_why *why) TM_MUST_CHECK;
/* Which series differ most in an incident's window; clean: which of the weeks before are normal, from 1 on.
 * Errors as reading has them. */
enum tm_err analyse_series(struct analysis *a, struct report_incident *incident, const bool *clean,
                           struct tm_why *why) TM_MUST_CHECK;
/* The strip, once all else is known. */
void analyse_strip(struct analysis *a);
/* A group in a few words: "KeyError: basket is gone", "HTTP 503 cart". */
const char *analyse_title(struct report *report, const struct report_group *group);
/* What is to be done. TM_NOMEM. */
enum tm_err analyse_actions(struct analysis *a) TM_MUST_CHECK;

/* The middle of values (of two the mean), which are put in order; NAN of none. */
double analyse_median(double *values, size_t count);

#endif
