/* The first line: every series, every sample, in constant time and memory. No look-ahead, no bounds of the
 * values known before. README.md has the design and what was measured. */
#ifndef TM_SCORING_FIRST_H
#define TM_SCORING_FIRST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scoring/calibration.h"
#include "scoring/density.h"
#include "scoring/surprisal.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"

/* Another version scores otherwise; states of one are not read by another. */
enum { FIRST_VERSION = 3, FIRST_SCALES = 5, FIRST_SEASONS = 48, FIRST_MAX_BYTES = 4096 };

/* The seed of the projections is part of the version. */
#define FIRST_SEED 11

enum first_profile {
    FIRST_NAB,        /* what is unusual in any way, early; few alerts a series */
    FIRST_OPERATIONS, /* jumps and values far off, of an effect that one would see */
    FIRST_PROFILE_COUNT
};

/* What says that a sample is unusual. README.md has the formulas. */
enum first_family {
    FIRST_DENSITY, /* the joint state of level, season, step and spread is rare */
    FIRST_SEASON,  /* it stays off the time of day's level */
    FIRST_LEVEL,   /* short and long averages part: the level has moved */
    FIRST_FAR,     /* an average is far off the long level */
    FIRST_FAST,    /* the last four samples are off the time of day's level */
    FIRST_STEP,    /* the step from the sample before is large */
    FIRST_OFF,     /* the value is far off the long level */
    FIRST_FAMILY_COUNT
};

/* Histograms of statistics: season and level have one per scale or pair of scales, the last four are the
 * profile's. */
enum { FIRST_STATISTICS = 12 };

/* What the time of the week adds to that of the day: four hours each, the last three weeks of each. */
enum { FIRST_WEEK_SLOTS = 42, FIRST_WEEKS = 3 };

/* All bits zero: nothing known. Residuals as the upper half of an IEEE 754 single, 8 bits of precision. */
struct score_week {
    uint16_t residual[FIRST_WEEK_SLOTS][FIRST_WEEKS]; /* mean of x - S_b, the newest first */
    uint16_t count;                                   /* samples of the slot that is open */
    uint8_t slot;
    double mean;         /* of their x - S_b */
    double daily_error;  /* mean absolute residual without the week, where it has a word */
    double weekly_error; /* with it */
};

/* Averages at one time scale. */
struct first_scale {
    double level;    /* of the value */
    double step;     /* of the size of steps */
    double residual; /* of what the season leaves */
};

/* Everything that is known of a series. All bits zero: nothing seen yet. Values are relative to `origin`, the
 * first one, so that small changes of large numbers keep their digits. */
struct score_first {
    uint64_t samples;
    time_ms_t last_ms;
    double origin;
    double last;
    double last_residual;
    double interval_ms; /* usual distance of samples */
    double mean;        /* m: long level */
    double deviation;   /* d: mean absolute deviation from it */
    double step;        /* g: mean absolute step */
    double error;       /* e: mean absolute residual of the season */
    struct first_scale scales[FIRST_SCALES];
    float season[FIRST_SEASONS]; /* S_b by half hour of the local day */
    uint8_t season_samples[FIRST_SEASONS];
    struct score_week week;
    struct score_surprisal statistics[FIRST_STATISTICS];
    struct score_density density;
    struct score_calibration calibration;
    uint64_t alerted_at;    /* sample of the last alert; 0: none yet */
    double fresh;           /* a: what the last alert adds to the threshold, decaying */
    double frequent;        /* n: recent alerts, decaying */
    time_ms_t run_began_ms; /* of the present run of high scores */
    uint64_t run_last;      /* its last high sample; 0: none */
};

/* What a detector is made of; const once made, shared by all series and threads. */
struct score_first_model {
    enum first_profile profile;
    struct score_axes axes;
};

/* A sample's score and the parts of which it is made. Every number is finite. */
struct score_first_result {
    bool learning;          /* fewer than 100 samples: no score; or its own calibration is not there yet */
    bool alert;             /* the policy opens an incident here */
    double score;           /* 0..100, calibration.h */
    double return_period_h; /* at most 10^12 */
    double raw;             /* the profile's raw score */
    double family[FIRST_FAMILY_COUNT]; /* surprisals; 0 where the profile does not look */
    double gate;                       /* 0..1 by effect */
    double z; /* how far off the long level or the season, in mean deviations, the larger; at most 10^9 */
    double expected; /* by the time of day, and of the week where that is known to be better */
    double spread;   /* one standard deviation of that: 1.25 mean absolute residuals */
    double effect;   /* (observed - expected) / spread, within 10^9 */
    time_ms_t began; /* start of the present run of high scores, or this sample */
    enum first_family strongest;
    uint32_t scale;         /* samples over which the strongest statistic looks; 1: this one */
    uint32_t season_values; /* earlier values behind `expected`; 0: the long level stands for it */
    bool weekly;            /* the day of the week is in it */
    double interval_ms;     /* usual distance of samples */
};

/* Bytes of a serialised state: the same on every machine, little-endian. */
enum { FIRST_BYTES = 4050 };

/* Prepares a model; the shipped seed is FIRST_SEED. */
void score_first_model_init(struct score_first_model *model, enum first_profile profile, uint64_t seed);

/* Scores a value (the state is what was before it) and then learns from it. Any order of times, any value:
 * NaN and infinite ones are passed over (*out zero, learning), sizes above 1e30 count as that. offset_s is
 * the local zone's distance from UTC then, so that the time of day is the users'. */
void score_first_push(const struct score_first_model *model, struct score_first *state, time_ms_t time,
                      int32_t offset_s, double value, struct score_first_result *out);

/* Writes a state that score_first_push left with this model, FIRST_BYTES long. */
void score_first_encode(const struct score_first_model *model, const struct score_first *state,
                        uint8_t out[FIRST_BYTES]);

/* Reads one; *out is whole or untouched. TM_CORRUPT: no state, or one that push cannot have left (every range
 * and sum is checked; bit errors within them are for the checksum of the file that holds it). TM_INVALID:
 * another version or seed, so that the series must be learned anew. */
enum tm_err score_first_decode(const struct score_first_model *model, const uint8_t *data, size_t len,
                               struct score_first *out) TM_MUST_CHECK;

#endif
