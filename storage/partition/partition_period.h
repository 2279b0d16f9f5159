/* Which stretch of time a partition holds, and what it is called. Pure; any thread. */
#ifndef TM_STORAGE_PARTITION_PERIOD_H
#define TM_STORAGE_PARTITION_PERIOD_H

#include <stdint.h>

#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

enum partition_tier {
    PARTITION_RAW,    /* folder raw: UTC days, 2026-11-22 */
    PARTITION_5M,     /* folder r5m: ISO weeks, 2026-W47 */
    PARTITION_1H,     /* folder r1h: months, 2026-11 */
    PARTITION_COUNTS, /* folder counts: UTC days */
    PARTITION_EVENTS, /* folder events: UTC days */
    PARTITION_TOPS,   /* folder tops: UTC days */
    PARTITION_TIERS
};

enum { PARTITION_PERIOD_NAME_BYTES = 16 }; /* with the NUL */

/* The folder of a tier: "raw". */
const char *partition_tier_name(enum partition_tier tier);

/* The number of the period that holds time: days, ISO weeks (week 0 begins on 1969-12-29) or months since
 * 1970. TM_INVALID: time is before 1970 or after 9999. */
enum tm_err partition_period_of(enum partition_tier tier, time_ms_t time, uint32_t *period) TM_MUST_CHECK;

/* The span of a period; week 0 begins before 1970. */
struct span partition_period_span(enum partition_tier tier, uint32_t period);

/* Writes its name. TM_INVALID: after 9999. */
enum tm_err partition_period_name(enum partition_tier tier, uint32_t period,
                                  char out[PARTITION_PERIOD_NAME_BYTES]) TM_MUST_CHECK;

/* The period of this name. TM_INVALID: no name of a period of this tier, to the letter. */
enum tm_err partition_period_parse(enum partition_tier tier, struct str name, uint32_t *period) TM_MUST_CHECK;

#endif
