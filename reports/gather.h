/* What a run of reports reads once: markers, groups, and which series belong to which service. One thread. */
#ifndef TM_REPORTS_GATHER_H
#define TM_REPORTS_GATHER_H

#include "reports/arena.h"
#include "storage/groups/groups.h"
#include "storage/markers/markers.h"
#include "storage/query.h"

/* What a series counts. */
enum gather_measure { GATHER_REQUESTS, GATHER_EXCEPTIONS, GATHER_DURATIONS, GATHER_MEASURES };

/* A service in one of its environments: a report. */
struct unit {
    const char *service;
    const char *env;
};

struct gather_series {
    uint32_t unit;
    uint32_t series;
    uint8_t measure;      /* enum gather_measure */
    uint8_t status_class; /* of requests: 0 for 1xx to 4 for 5xx */
    bool is_overflow;     /* stands for values over a limit */
    bool is_unnamed;      /* requests without page group */
};

/* A series of a unit, whatever it measures. */
struct gather_other {
    uint32_t unit;
    uint32_t series;
};

struct gather {
    struct reader *reader;
    const struct markers *markers;
    struct groups *groups;
    struct arena arena;
    struct unit *units; /* by service, then env */
    size_t unit_count;
    size_t unit_capacity;
    struct gather_series *series; /* by unit, then number */
    size_t series_count;
    size_t series_capacity;
    struct gather_other *others; /* by unit, then number: all that can be compared, but for exceptions */
    size_t other_count;
    size_t other_capacity;
    time_ms_t newest_ms; /* of all that is stored, markers apart; INT64_MIN: nothing */
};

/* Opens the folder (beside its daemon or at rest) and finds the units: all that have counts or groups, and
 * the services named in wanted. To be closed whatever this returns. Errors as reader_open_gathered. */
enum tm_err gather_open(const char *dir, const char *const *wanted, size_t wanted_count, struct gather *out,
                        struct tm_why *why) TM_MUST_CHECK;

/* Closes the reader and frees all, texts included. */
void gather_close(struct gather *gather);

/* The series of one unit. */
const struct gather_series *gather_unit(const struct gather *gather, size_t unit, size_t *count);

/* The others of one unit. */
const struct gather_other *gather_others(const struct gather *gather, size_t unit, size_t *count);

/* Does a marker touch a unit: of its service (or of none), and of its env (or of none)? */
bool gather_touches(const struct unit *unit, const struct marker *marker);

#endif
