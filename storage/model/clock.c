#include "storage/model/clock.h"

#include <time.h>

static time_ms_t system_wall_ms(void *self)
{
    struct timespec now;
    (void)self;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (time_ms_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t system_mono_ns(void *self)
{
    struct timespec now;
    (void)self;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static const struct clock system_clock = {.wall_ms = system_wall_ms, .mono_ns = system_mono_ns};

const struct clock *clock_system(void)
{
    return &system_clock;
}
