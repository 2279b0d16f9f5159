/* The local zone of scoring: one for the whole process. */
#ifndef TM_DETECT_ZONE_H
#define TM_DETECT_ZONE_H

#include <stdint.h>

#include "storage/model/clock.h"

enum { DETECT_ZONE_BYTES = 72 };

/* Sets the zone by its name in the zone database: first before other threads are started, then in the one
 * that scores. */
void detect_zone_set(const char *name);

/* Its distance from UTC at a time, in seconds. Any thread, but one that runs while it is set. */
int32_t detect_zone_offset_s(time_ms_t time);

#endif
