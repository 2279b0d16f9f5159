/* The local week, as what it adds to the time of day: a shop that is quiet on Saturdays. The level of the
 * half hour forgets within days, so that it sinks over the weekend and rises in the week; how far it is off
 * at a time of the week is the same every week, and that is learned here. */
#include <string.h>

#include "scoring/first_private.h"
#include "scoring/maths.h"

#define BETTER  0.9
#define LARGEST 1e31
enum { SLOT_S = 14400, WEEK_S = 604800, SLOTS_A_DAY = 6, SLOT_LEAST_MS = 7200000 };
#define FORTNIGHT_MS 1209600000.0

static double widen(uint16_t half)
{
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

/* To the nearest; the value is within LARGEST, so that nothing runs over. */
static uint16_t narrow(double value)
{
    float rounded = (float)value;
    uint32_t bits;
    memcpy(&bits, &rounded, sizeof bits);
    return (uint16_t)((bits + 0x8000) >> 16);
}

static double median(double a, double b, double c)
{
    return score_max(score_min(a, b), score_min(score_max(a, b), c));
}

static double usual(const struct score_week *week, int slot)
{
    const uint16_t *r = week->residual[slot];
    return median(widen(r[0]), widen(r[1]), widen(r[2]));
}

double score_week_expects(const struct score_week *week, int64_t local_s, int *slot)
{
    int64_t second = local_s % WEEK_S;
    if (second < 0)
        second += WEEK_S;
    *slot = (int)(second / SLOT_S);
    double from_middle = (double)(second % SLOT_S) / SLOT_S - 0.5;
    int beside = from_middle < 0 ? *slot - 1 : *slot + 1;
    if (beside < 0 || beside / SLOTS_A_DAY != *slot / SLOTS_A_DAY)
        return usual(week, *slot);
    double share = score_abs(from_middle);
    return (1 - share) * usual(week, *slot) + share * usual(week, beside);
}

bool score_week_is_better(const struct score_week *week)
{
    return week->weekly_error < BETTER * week->daily_error;
}

/* A slot has ended: it counts if half of it was there. */
static void close_slot(struct score_week *week, double interval_ms)
{
    uint16_t *residual = week->residual[week->slot];
    if (week->count * interval_ms >= SLOT_LEAST_MS) {
        residual[2] = residual[1];
        residual[1] = residual[0];
        residual[0] = narrow(week->mean);
    }
    week->count = 0;
    week->mean = 0;
}

void score_week_learn(struct score_week *week, int slot, double by_day, double by_week, double interval_ms)
{
    if (slot != week->slot)
        close_slot(week, interval_ms);
    week->slot = (uint8_t)slot;
    if (week->count < UINT16_MAX)
        week->count++;
    week->mean += (by_day - week->mean) / week->count;
    if (by_week == 0)
        return;
    double a = score_clamp(interval_ms / FORTNIGHT_MS, 1e-6, 0.1);
    week->daily_error += a * (score_abs(by_day) - week->daily_error);
    week->weekly_error += a * (score_abs(by_day - by_week) - week->weekly_error);
}

bool score_week_is_sound(const struct score_week *week)
{
    for (int slot = 0; slot < FIRST_WEEK_SLOTS; slot++)
        for (int i = 0; i < FIRST_WEEKS; i++)
            if (!(score_abs(widen(week->residual[slot][i])) <= LARGEST))
                return false;
    return week->slot < FIRST_WEEK_SLOTS;
}
