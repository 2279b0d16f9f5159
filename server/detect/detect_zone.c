#include "server/detect/detect_zone.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Zones change at quarters of an hour at the finest. */
enum { QUARTER_S = 900 };

/* How often it was set. */
static atomic_uint zone_version;

/* TZ is there from the first time on, so that later ones replace a pointer in the environment: who copies it
 * meanwhile for a new process has the old text or the new one. */
void detect_zone_set(const char *name)
{
    char text[128];
    (void)snprintf(text, sizeof text, ":%s", name);
    (void)setenv("TZ", text, 1); /* without memory it stays UTC */
    tzset();
    atomic_fetch_add(&zone_version, 1);
}

int32_t detect_zone_offset_s(time_ms_t time)
{
    static _Thread_local int64_t known_quarter = INT64_MIN;
    static _Thread_local int32_t known_offset;
    static _Thread_local unsigned known_version;
    int64_t seconds = time / 1000 - (time % 1000 < 0);
    int64_t quarter = seconds / QUARTER_S - (seconds % QUARTER_S < 0);
    struct tm local;
    time_t at = (time_t)(quarter * QUARTER_S);
    unsigned version = atomic_load(&zone_version);
    if (quarter == known_quarter && version == known_version)
        return known_offset;
    known_quarter = quarter;
    known_version = version;
    known_offset = localtime_r(&at, &local) ? (int32_t)local.tm_gmtoff : 0;
    return known_offset;
}
