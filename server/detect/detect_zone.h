/* The local zone of scoring: one for the whole process. */
#ifndef TM_DETECT_ZONE_H
#define TM_DETECT_ZONE_H

#include <stdint.h>

#include "storage/model/clock.h"

/* Sets the zone by its name in the zone database; before other threads are started. */
void detect_zone_set(const char *name);

/* Its distance from UTC at a time, in seconds. Any thread. */
int32_t detect_zone_offset_s(time_ms_t time);

#endif
