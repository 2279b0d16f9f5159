#include "server/detect/detect_zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Zones change at quarters of an hour at the finest. */
enum { QUARTER_S = 900 };

void detect_zone_set(const char *name)
{
    char text[128];
    (void)snprintf(text, sizeof text, ":%s", name);
    (void)setenv("TZ", text, 1); /* without memory it stays UTC */
    tzset();
}

int32_t detect_zone_offset_s(time_ms_t time)
{
    static _Thread_local int64_t known_quarter = INT64_MIN;
    static _Thread_local int32_t known_offset;
    int64_t seconds = time / 1000 - (time % 1000 < 0);
    int64_t quarter = seconds / QUARTER_S - (seconds % QUARTER_S < 0);
    struct tm local;
    time_t at = (time_t)(quarter * QUARTER_S);
    if (quarter == known_quarter)
        return known_offset;
    known_quarter = quarter;
    known_offset = localtime_r(&at, &local) ? (int32_t)local.tm_gmtoff : 0;
    return known_offset;
}
