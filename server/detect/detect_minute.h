/* A closed minute, as scoring hands it to incidents. Values only. */
#ifndef TM_DETECT_MINUTE_H
#define TM_DETECT_MINUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/detect/detect_out.h"
#include "storage/model/clock.h"
#include "storage/model/str.h"

struct score_first_result;

/* From which score on incidents hear of a series, and from which on it is an anomaly that is kept. */
enum { DETECT_HEARD_SCORE = 10, DETECT_KEPT_SCORE = 20 };

/* One score of the minute. */
struct detect_score {
    struct str labels; /* encoded, without __name__ */
    struct str metric;
    double score;
    double observed;
    double expected;
    double spread;
    double effect;
    time_ms_t began;
    bool sparse;  /* a count that is nearly always 0 */
    bool failure; /* the share of its requests that the service fails */
    const struct score_first_result *result;
};

enum { DETECT_EXCESS_SETS = 3 };

/* Where the excess of a sum lies, or what is missing of it, as its anomaly says (detect_share). */
struct detect_excess {
    double score; /* of the anomaly; 0: nothing is known */
    bool is_fall;
    struct str of;                         /* encoded labels of the sum, with its name */
    size_t count;                          /* label sets */
    struct str labels[DETECT_EXCESS_SETS]; /* encoded */
    double share[DETECT_EXCESS_SETS];
};

/* Does it say more than another one? The whole service's does before a page group's, then what is farther
 * off. */
bool detect_excess_is_better(const struct detect_excess *one, const struct detect_excess *other);

/* Copies it with its texts into *to, whose texts are in one block that the caller frees; *text was what to
 * pointed into before, or NULL, and is freed. False without memory: nothing is changed. */
bool detect_excess_copy(const struct detect_excess *from, struct detect_excess *to, char **text);

/* Told of a scored series; views are valid during the call. */
typedef void detect_series_fn(void *to, struct str labels, struct str metric);

/* What one service and env has of a closed minute. All views are valid during the call. Minutes of a service
 * come in order; one that is scored again since late data came is told again, after the state was set back
 * to what it was before (detect_incidents_decode). */
struct detect_minute {
    struct str service;
    struct str env;
    time_ms_t minute;                  /* its start */
    const struct detect_score *scores; /* those of DETECT_HEARD_SCORE and more, by labels and metric */
    size_t count;
    struct detect_excess excess; /* the best that its anomalies say */
    uint64_t scored;             /* series that were scored at all, those of lower scores too */
    /* Calls each once for every series that was scored, in an order that stays; labels and metric as in
     * scores. It is asked once a minute at most, while an incident is open. NULL: not known. */
    void (*each_series)(void *arg, detect_series_fn *each, void *to);
    void *series_arg;
    struct detect_out *out; /* where findings go (detect_out_finding); they become durable with the minute */
};

#endif
