/* Time is passed in: whoever needs "now" is given a clock, so that a test can run hours in a second. */
#ifndef TM_MODEL_CLOCK_H
#define TM_MODEL_CLOCK_H

#include <stdint.h>

/* UTC milliseconds since 1970; what a sample, an event or a marker carries. */
typedef int64_t time_ms_t;

/* Half-open: [from, to). */
struct span {
    time_ms_t from;
    time_ms_t to;
};

struct clock {
    void *self;
    /* Wall clock; may jump either way. */
    time_ms_t (*wall_ms)(void *self);
    /* Never goes back; for deadlines and latencies, nanoseconds from an arbitrary start. */
    int64_t (*mono_ns)(void *self);
};

/* The machine's own clock; static, any thread. */
const struct clock *clock_system(void);

static inline time_ms_t clock_wall_ms(const struct clock *clock)
{
    return clock->wall_ms(clock->self);
}

static inline int64_t clock_mono_ns(const struct clock *clock)
{
    return clock->mono_ns(clock->self);
}

#endif
