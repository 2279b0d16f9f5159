/* Is something wrong with a service as a whole? Once a minute: which of its series are unusual, and how often
 * do so many of them, or one so far, come up by themselves in the service's own past. Opens and closes its
 * incident with hysteresis; what flaps is one incident; what people say of earlier ones is used. README.md
 * has the figures. Pure; any thread. */
#ifndef TM_SCORING_INCIDENT_H
#define TM_SCORING_INCIDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scoring/calibration.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"

enum {
    INCIDENT_VERSION = 1,
    INCIDENT_LESSONS = 16,
    INCIDENT_SHOUTS = 16,
    INCIDENT_LEAST_BLOCKS = 24, /* of 64 minutes: until then the service is learning */
    INCIDENT_WEEK_HOURS = 168,
    INCIDENT_BYTES = 1081
};

#define INCIDENT_HOLD_MS   INT64_C(600000)  /* so long below half of what is needed closes */
#define INCIDENT_REOPEN_MS INT64_C(1800000) /* so soon after the close it is the same one */

/* What people said of incidents with these causes. */
struct score_lesson {
    uint64_t cause; /* 0: an empty place */
    double points;  /* that such an incident needs more */
    int32_t hour;   /* of the local week; -1: always */
    uint32_t age;   /* lessons since; the oldest place is used again */
};

/* A series that was far off a moment ago: is it still, a minute later? */
struct score_shout {
    uint64_t key; /* of the series; 0: an empty place */
    double figure;
    time_ms_t time;
};

/* One statistic's past. */
struct score_incident_past {
    struct score_calibration blocks;
    uint16_t over; /* blocks that taught less than they were */
    bool is_over;  /* the open one will be of them */
};

/* What is known of a service. All bits zero: nothing yet. */
struct score_incident {
    struct score_incident_past single; /* the one series that is farthest off */
    struct score_incident_past many;   /* all that are off */
    uint64_t minutes;                  /* judged so far */
    time_ms_t last;                    /* the newest of them */
    bool is_open;
    time_ms_t high;    /* the last minute that kept it open; 0: there was never one */
    uint32_t reopened; /* how often the present or last one opened anew */
    struct score_shout shouts[INCIDENT_SHOUTS];
    struct score_lesson lessons[INCIDENT_LESSONS];
};

/* What one series says in a minute. */
struct score_incident_series {
    uint64_t key;           /* its own, not 0 */
    double return_period_h; /* any number; NaN counts as none */
    bool learning;          /* it has no past of its own to be held to yet */
    bool sparse;            /* a count that is nearly always 0 */
    bool failure;           /* which share of a service's work fails */
    time_ms_t began;        /* of the run of unusual samples that it is in */
};

/* The unusual series of a minute, gathered. All bits zero: none. */
struct score_incident_minute {
    time_ms_t time;
    int64_t step_ms;  /* how long it is: scoring.interval; 0: a minute */
    double strongest; /* log10 of the longest return period in h */
    double excess;    /* sum of what is over 1 of it (a score of 20), bounded for each series */
    double evidence;  /* the same without that bound */
    double dense;     /* the part of evidence that is not of sparse series */
    double visit;     /* the largest part of one that is */
    double failing;   /* as strongest, of the failures that are confirmed */
    uint64_t unusual; /* series with a return period over 10 h */
    struct score_shout shouts[INCIDENT_SHOUTS]; /* the strongest of those that have just begun */
};

struct score_incident_result {
    double score;           /* 0..100 = 20 log10(return period / 1 h), as a series' score */
    double return_period_h; /* at most 10^12 */
    double single;          /* log10 of each statistic's return period in blocks of 64 minutes */
    double many;
    bool learning; /* a fixed, careful rule instead of its own past */
};

enum score_incident_step {
    INCIDENT_NONE,    /* there is none */
    INCIDENT_OPENS,   /* a new one */
    INCIDENT_REOPENS, /* the one that closed a while ago again */
    INCIDENT_GOES_ON,
    INCIDENT_CLOSES
};

enum score_feedback { FEEDBACK_USEFUL, FEEDBACK_NOISE, FEEDBACK_EXPECTED, FEEDBACK_COUNT };

/* Adds a series to a minute, of which the time is set. One that has been off since an earlier minute is
 * confirmed: it counts with the highest figure of its last five minutes, up to 4 in the sum. One that has
 * just begun may be gone in a minute (a rare count): it counts as once in a fortnight at most, up to 1/2 in
 * the sum. What a series that still learns says is bounded by 3.5, what one of a young service says by 3.5
 * and 0.65 a day: two hours of past can't attest to a year. */
void score_incident_add(const struct score_incident *service, struct score_incident_minute *minute,
                        const struct score_incident_series *series);

/* Judges a minute by what was before it, then learns from it. A minute that is not after the last one judged
 * gives 0 and teaches nothing. scored: series with a score, unusual or not; 0 gives 0.
 *   single: 2 + strongest - log10(scored)
 *   many:   2 + log2((1 + excess) / (1 + 0.004 scored))
 * Each has its block maxima (calibration.h), the rarer one counts, at half its return period as they are two.
 * Beyond what was seen so far the return period grows by the power 0.6 only: tails of few blocks flatter.
 * Failures that are confirmed need no past of the service, as nothing else of it says how rare they are:
 * failing - log10(scored) - 1/2, where that is more. What hides them otherwise is that crawlers and visitors
 * make other series of the service wild.
 * While learning: strongest - log10(scored) - 1/2, as if the series were independent, and
 * (dense + visit - 0.15 scored - log10(scored)) / 2 - 1/2, as if they went in pairs and a sixth of them
 * together. Sparse ones go all together, since one visitor after an hour of silence moves them all.
 * What has a return period over a month teaches as if it had that, so that an incident does not become usual
 * at once; what did so in eight blocks, and in one of 64 or more, is a habit and no rarer than that. */
void score_incident_judge(struct score_incident *service, const struct score_incident_minute *minute,
                          uint64_t scored, struct score_incident_result *out);

/* What the service needs to open an incident: `least` (scoring.incident_score), and what lessons about these
 * causes add in this hour of the local week (0..167); at most 100. cause: a hash of them, 0: none known. */
double score_incident_needed(const struct score_incident *service, double least, uint64_t cause,
                             int32_t hour);

/* Opens, keeps or closes, by a minute's score against what is needed. Opens at it; goes on while some minute
 * of the last INCIDENT_HOLD_MS was at half of it; each opening anew doubles that up to four times. */
enum score_incident_step score_incident_follow(struct score_incident *service, time_ms_t time, double score,
                                               double needed);

/* Learns what somebody said of an incident with these causes, which began in this hour of the week: noise
 * adds 10 points for these causes (at most 40), expected 40 in this hour and those beside it, useful takes 10
 * off again and all that was expected. cause 0 is passed over. */
void score_incident_teach(struct score_incident *service, uint64_t cause, int32_t hour,
                          enum score_feedback feedback);

/* "useful" and so on; FEEDBACK_COUNT if text is none. */
enum score_feedback score_feedback_of(const char *text, size_t len);

/* Writes the state, INCIDENT_BYTES long, the same on every machine. */
void score_incident_encode(const struct score_incident *service, uint8_t out[INCIDENT_BYTES]);

/* Reads one; *out is whole or untouched. TM_CORRUPT: no state, or one that judging can't have left;
 * TM_INVALID: another version. */
enum tm_err score_incident_decode(const uint8_t *data, size_t len, struct score_incident *out) TM_MUST_CHECK;

#endif
