#include "storage/believed.h"

/* Times far out of any range would overflow in differences. */
#define TIME_MAX_MS    (INT64_C(1) << 53)
#define RESTART_MAX_MS INT64_C(3600000)
#define STOPPED_MAX_MS (INT64_C(7) * 86400000)

static int64_t bounded(int64_t ms)
{
    if (ms > TIME_MAX_MS)
        return TIME_MAX_MS;
    return ms < -TIME_MAX_MS ? -TIME_MAX_MS : ms;
}

static bool is_near(int64_t a, int64_t b)
{
    return a - b <= BELIEVED_SLACK_MS && b - a <= BELIEVED_SLACK_MS;
}

static void agree(struct believed *believed, time_ms_t wall_ms)
{
    *believed = (struct believed){.time_ms = wall_ms};
}

enum believed_change believed_tick(struct believed *believed, time_ms_t wall_ms, int64_t elapsed_ms)
{
    int64_t elapsed = elapsed_ms > 0 ? bounded(elapsed_ms) : 0;
    bool was_doubted = believed->ahead_ms != 0;
    time_ms_t wall = bounded(wall_ms);
    time_ms_t expected = bounded(believed->time_ms + elapsed);
    int64_t ahead = wall - expected;
    if (believed->time_ms == 0 || is_near(wall, expected)) {
        agree(believed, wall);
        return was_doubted ? BELIEVED_AGREES : BELIEVED_SAME;
    }
    /* Only one and the same claim grows older. */
    bool is_same = was_doubted && is_near(ahead, believed->ahead_ms);
    believed->doubted_ms = is_same ? believed->doubted_ms + elapsed : 0;
    believed->ahead_ms = ahead;
    believed->time_ms = expected;
    if (believed->doubted_ms >= BELIEVED_DOUBT_MS) {
        agree(believed, wall);
        return BELIEVED_GIVES_IN;
    }
    return is_same ? BELIEVED_SAME : BELIEVED_DOUBTS;
}

void believed_resume(struct believed *believed, time_ms_t wall_ms)
{
    int64_t ahead = bounded(wall_ms) - bounded(believed->time_ms);
    if (believed->ahead_ms == 0 && ahead > 0 && ahead <= RESTART_MAX_MS)
        believed->time_ms = bounded(wall_ms);
    if (believed->ahead_ms > 0 && ahead > believed->ahead_ms && ahead - believed->ahead_ms <= STOPPED_MAX_MS)
        believed->ahead_ms = ahead;
}

time_ms_t believed_earlier_ms(const struct believed *believed)
{
    return believed->time_ms + (believed->ahead_ms < 0 ? believed->ahead_ms : 0);
}

time_ms_t believed_later_ms(const struct believed *believed)
{
    return believed->time_ms + (believed->ahead_ms > 0 ? believed->ahead_ms : 0);
}
