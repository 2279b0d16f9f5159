/* One service's week, worked out: what the renderers write and nothing else. Plain structs; a report owns all
 * that it points to. Figures that are not known are NAN (no data for that week, nothing to compare with).
 *
 * Rates are per request, so that a busy week is not a bad one. Nothing here depends on when it was made: the
 * same data and settings give the same report. */
#ifndef TM_REPORTS_MODEL_H
#define TM_REPORTS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reports/arena.h"
#include "reports/week.h"
#include "storage/model/clock.h"

enum {
    REPORT_SCHEMA = 2,      /* of the JSON model, reports/report.schema.json */
    REPORT_BASE_WEEKS = 4,  /* before the week, that it is compared with */
    REPORT_TREND_WEEKS = 8, /* up to and with the week */
    REPORT_HOURS_MAX = 170, /* of a week; 169 when clocks go back */
    REPORT_ACTIONS_MAX = 10,
    REPORT_ONGOING_MAX = 15, /* listed; the others are summed up */
    REPORT_LATENCIES = 3     /* p50, p90, p99 */
};

/* ---- the strip ---- */

enum report_key {
    KEY_REQUESTS,
    KEY_EXCEPTIONS,         /* lines of kind exception, each as often as its count says */
    KEY_EXCEPTIONS_PER_10K, /* requests */
    KEY_SERVER_ERRORS,      /* share of requests with status 5xx, percent */
    KEY_CLIENT_ERRORS,      /* the same of 4xx */
    KEY_GROUPS,             /* that were seen: exceptions and failed requests */
    KEY_NEW,
    KEY_REGRESSED,
    KEY_ESCALATING,
    KEY_RESOLVED,
    KEY_DEPLOYS,
    KEY_BAD_DEPLOYS,
    KEY_ROLLBACKS, /* no deploys */
    KEY_INCIDENTS,
    KEY_ANOMALOUS_MINUTES,
    KEY_COUNT
};

/* A key figure beside last week's and the median of the weeks before. */
struct report_figure {
    double now;
    double last_week;
    double median;
    size_t weeks; /* that the median is of: those of REPORT_BASE_WEEKS with data */
};

/* ---- groups ---- */

enum report_list { LIST_REGRESSED, LIST_NEW, LIST_ESCALATING, LIST_RESOLVED, LIST_ONGOING, LIST_COUNT };

/* A group of exceptions, or of failed requests of one status and page group. Texts as they were sent. */
struct report_group {
    uint64_t id;
    enum report_list list;
    bool is_request; /* failed requests, not exceptions */
    const char *type;
    const char *message;
    const char *frame; /* the innermost of the stack, "" if there is none */
    const char *fingerprint;
    const char *release;     /* the newest one in which it was seen in the week; "" */
    const char *dimension;   /* "agent=crawler": the label that stands out; "" */
    double dimension_share;  /* of all that was seen of the group, 0..1 */
    uint64_t count;          /* in the week */
    uint64_t last_week;      /* in the week before */
    double expected;         /* in a week with as many requests as this one; NAN */
    double excess;           /* count - expected, count where nothing is expected yet */
    double ratio, low, high; /* rate of this week over that of the base, with its 95 % interval; NAN */
    double share;            /* of all in the week, 0..1 */
    double per_10k;          /* requests; NAN without requests */
    time_ms_t first, last;   /* seen, of all time up to the end of the week */
    time_ms_t resolved;      /* when it had been resolved, of LIST_REGRESSED; else INT64_MIN */
    uint64_t weeks[REPORT_TREND_WEEKS]; /* counts, the last one is this week's */
};

/* What is not listed of a list. */
struct report_rest {
    size_t groups;
    uint64_t count;
};

/* ---- actions ---- */

enum report_reason {
    REASON_BAD_DEPLOY, /* a deploy with the verdict bad or suspect */
    REASON_REGRESSED,
    REASON_NEW_SERVER_ERROR, /* new, exception or 5xx */
    REASON_ESCALATING,
    REASON_INCIDENT,
    REASON_NEW,      /* new, another failed request */
    REASON_FREQUENT, /* ongoing, the largest excess */
    REASON_DATA,     /* hours without data, damaged partitions */
    REASON_COUNT
};

enum report_progress { PROGRESS_NEW, PROGRESS_OPEN, PROGRESS_WORSE, PROGRESS_DONE, PROGRESS_COUNT };

struct report_action {
    enum report_reason reason;
    enum report_progress progress; /* against the report of the week before */
    size_t weeks_open;             /* 1: this week is the first */
    uint64_t subject;              /* id of the group, marker or incident; 0: none */
    const char *what;              /* type and message, version, ... */
    const char *version;           /* of the deploy that came before it first appeared; "" */
    uint64_t count;                /* that speak for it */
    double ratio;                  /* NAN: none */
};

/* ---- deploys, incidents, events ---- */

struct report_deploy {
    uint64_t id;
    time_ms_t time;
    const char *version;
    const char *label; /* the version; of a rollback with the word for it */
    const char *by;
    bool is_rollback;
    const char *verdict;                         /* "bad", "suspect", "ok", "insufficient_data" */
    double before_n, before_k, after_n, after_k; /* requests and failures of an hour */
    double ratio, low, high;                     /* of the rates; NAN */
    double log10_e;                              /* evidence for a rise */
    double p;          /* Holm's, over the deploys of the week; 1 where nothing can be said */
    size_t new_groups; /* first seen in the hour behind it */
    bool is_rolled_back;
};

/* What was seen more often in a window than in the same local hours of the clean weeks before. */
struct report_excess {
    uint64_t id; /* of the group; 0: a series */
    const char *what;
    uint64_t count;
    double expected; /* NAN: no clean week */
    double ratio;    /* NAN */
    double share;    /* of the window's excess, 0..1 */
};

/* What the level of a series is. */
enum report_level {
    LEVEL_MEAN,       /* of a gauge */
    LEVEL_PER_MINUTE, /* events, or what a counter or a sum rises by */
    LEVEL_MEDIAN_S,   /* of latencies, seconds */
    LEVEL_COUNT
};

/* A series that was another in an incident's window than in normal times. */
struct report_series {
    const char *what; /* cpu{pod="a1"}: without service and env where they are the report's */
    enum report_level level;
    double observed, normal;
    double effect; /* spreads of a normal minute; above 0: higher than normal */
    double score;  /* 0..100, by which they are ranked: of the least effect that is sure */
};

enum { REPORT_EXCESSES_MAX = 10, REPORT_SERIES_MAX = 5 };

struct report_incident {
    uint64_t id;
    time_ms_t start, end; /* end INT64_MIN: it goes on */
    double score;
    const char *text;
    const char *marker; /* the deploy that it is laid to, as text; "" */
    size_t base_weeks;  /* clean ones that it is compared with */
    struct report_excess *excess;
    size_t excess_count;
    struct span series_span; /* the window in which series were looked at: at most its first hours */
    size_t series_all;       /* series of the service, but for exceptions, which are groups */
    size_t series_looked;    /* of them were looked at, evenly spread; 0: nothing to compare with */
    struct report_series *series;
    size_t series_count;
};

/* A planned event, past or to come. */
struct report_event {
    uint64_t id;
    const char *kind; /* event, maintenance, ... */
    const char *class_name;
    const char *note;
    time_ms_t time, end;                   /* end INT64_MIN: a point */
    bool is_coming;                        /* it begins behind the week */
    double requests, failed;               /* in its span; NAN: to come, or no data */
    time_ms_t before;                      /* the last one of its class; INT64_MIN: none */
    double requests_before, failed_before; /* in that one's span; NAN */
};

/* ---- quality ---- */

struct report_gap {
    time_ms_t from, to;
    const char *text; /* a sentence; "": nothing was received */
};

struct report_quality {
    size_t hours;            /* of the week */
    size_t hours_seen;       /* with anything of the service */
    double completeness;     /* percent of the hours */
    bool is_over;            /* data of the service or of others is there from behind the week's end */
    bool has_data;           /* anything of the service is there at all */
    uint64_t overflowed;     /* counted under _overflow in the week */
    uint64_t unnamed;        /* requests without page group */
    struct report_gap *gaps; /* stretches of an hour and more */
    size_t gap_count;
};

/* ---- what the figures show ---- */

struct report_hour {
    time_ms_t start;
    double failures;  /* exceptions, and requests with status 4xx or 5xx; NAN: no data */
    double expected;  /* median of the same local hour in the weeks before; NAN */
    double low, high; /* band in which it is expected; NAN */
    uint64_t requests;
    uint64_t classes[5];                 /* requests with status 1xx to 5xx */
    double latency_ms[REPORT_LATENCIES]; /* p50, p90, p99; NAN without durations */
};

struct report_trend {
    struct week_name week;
    double exceptions; /* NAN: not known any more */
    double failures;   /* exceptions, and requests with status 4xx or 5xx */
    double requests;
};

/* ---- all of it ---- */

struct report {
    struct arena arena; /* of all texts and lists */
    const char *service;
    const char *env;   /* "": none */
    const char *owner; /* "": nobody is named */
    const char *zone;
    const char *language; /* "en", "ko" */
    struct week_name week;
    struct span span; /* the week, or the part of it that was asked for */
    bool is_custom;   /* it is not a whole week */
    struct report_figure strip[KEY_COUNT];
    struct report_action actions[REPORT_ACTIONS_MAX];
    size_t action_count;
    struct report_group *groups; /* all that are listed, list by list, in order */
    size_t group_count;
    size_t list_start[LIST_COUNT + 1]; /* where each list begins among them */
    struct report_rest rest[LIST_COUNT];
    uint64_t total; /* of all groups in the week */
    struct report_incident *incidents;
    size_t incident_count;
    struct report_deploy *deploys;
    size_t deploy_count;
    struct report_event *events;
    size_t event_count;
    struct report_quality quality;
    struct report_hour hours[REPORT_HOURS_MAX];
    size_t hour_count;
    double heat[7][24]; /* failures by local weekday from Monday and hour; NAN: no such hour, no data */
    struct report_trend trend[REPORT_TREND_WEEKS]; /* the last one is this week */
};

#endif
