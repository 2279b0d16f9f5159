#include "server/query/deploy_levels.h"

#include <math.h>
#include <string.h>

#define BYTES_LEAST 1048576.0 /* growth an hour, of what counts bytes */
#define LEAST_SHARE 0.01      /* of the level, of anything else */
#define HOURS_MAX   24.0
#define WEEK_SHARE  0.9 /* so much of last week must be there */

enum { LEAK_MINUTES = SCORE_LEAK_STEP_MS / 60000 };

static double mean_of(const struct deploy_level *level)
{
    return level->series > 0 ? level->sum / level->series : NAN;
}

/* A minute of now, less what last week's was. */
static double above_week(const struct deploy_gauge *gauge, size_t place)
{
    return mean_of(&gauge->now[place]) - mean_of(&gauge->week[place]);
}

/* ---- levels ---- */

static void begin_test(const struct deploy_gauge *gauge, bool is_week, struct score_gauge *out)
{
    struct score_gauge_base base = {.direction = gauge->direction};
    double values[DEPLOY_MINUTES];
    size_t count = 0;
    for (size_t m = 0; m < DEPLOY_MINUTES; m++) {
        double value = is_week ? above_week(gauge, m) : mean_of(&gauge->now[m]);
        if (!isfinite(value))
            continue;
        values[count++] = value;
        score_moments_add(&base.before, value);
    }
    base.persistence = score_persistence(values, count);
    score_gauge_begin(out, &base);
}

/* Minutes that both hours before have. */
static size_t count_common(const struct deploy_gauge *gauge)
{
    size_t count = 0;
    for (size_t m = 0; m < DEPLOY_MINUTES; m++)
        count += isfinite(above_week(gauge, m)) ? 1 : 0;
    return count;
}

void deploy_levels_begin(struct deploy_levels *levels, const struct deploy_gauges *gauges)
{
    memset(levels, 0, sizeof *levels);
    for (size_t i = 0; i < gauges->count; i++) {
        const struct deploy_gauge *gauge = &gauges->at[i];
        struct deploy_level_test *test = &levels->at[levels->count];
        *test = (struct deploy_level_test){.gauge = gauge, .level = SCORE_TRACE_START};
        begin_test(gauge, false, &test->hour);
        if (!score_gauge_tested(&test->hour))
            continue;
        test->has_week = (double)count_common(gauge) >= WEEK_SHARE * test->hour.base.before.count;
        if (test->has_week) {
            begin_test(gauge, true, &test->week);
            /* The level itself has the scale; differences may happen to vary less. */
            test->week.base.resolution = sqrt(score_moments_variance(&test->hour.base.before));
            test->has_week = score_gauge_tested(&test->week);
        }
        levels->count++;
    }
}

void deploy_levels_minute(struct deploy_levels *levels, size_t minute, int64_t at_ms)
{
    size_t place = DEPLOY_MINUTES + minute;
    for (size_t i = 0; i < levels->count && minute >= DEPLOY_WARM_UP_MINUTES; i++) {
        struct deploy_level_test *test = &levels->at[i];
        double value = mean_of(&test->gauge->now[place]);
        if (!isfinite(value))
            continue;
        score_gauge_add(&test->hour, value, at_ms);
        double difference = above_week(test->gauge, place);
        if (test->has_week && isfinite(difference))
            score_gauge_add(&test->week, difference, at_ms);
        double ln_e = test->hour.trace.ln_e;
        score_trace_follow(&test->level, test->has_week ? fmin(ln_e, test->week.trace.ln_e) : ln_e, at_ms);
    }
}

/* ---- leaks ---- */

/* The least of 5 min; NaN: there is none. */
static double find_least(const struct deploy_level *levels, size_t point)
{
    double least = NAN;
    for (size_t m = 0; m < LEAK_MINUTES; m++)
        least = fmin(least, mean_of(&levels[DEPLOY_MINUTES + point * LEAK_MINUTES + m]));
    return least;
}

/* Less what last week did, if that is there. */
static void leave_season_out(const struct deploy_gauge *gauge, double *minima, size_t count)
{
    double week[SCORE_LEAK_POINTS_MAX], sum = 0;
    size_t there = 0;
    for (size_t i = 0; i < count; i++) {
        week[i] = find_least(gauge->week, i);
        if (!isfinite(week[i]))
            continue;
        sum += week[i];
        there++;
    }
    if ((double)there < WEEK_SHARE * (double)count)
        return;
    for (size_t i = 0; i < count; i++)
        minima[i] -= week[i] - sum / (double)there; /* NaN: left out */
}

static void look(struct deploy_level_test *test)
{
    double minima[SCORE_LEAK_POINTS_MAX];
    size_t count = score_leak_points(test->looked);
    const struct deploy_gauge *gauge = test->gauge;
    for (size_t i = 0; i < count; i++)
        minima[i] = find_least(gauge->now, i);
    leave_season_out(gauge, minima, count);
    bool is_bytes = strstr(gauge->name, "bytes") != NULL;
    const struct score_leak_terms terms = {
        .limit = gauge->limit,
        .least = is_bytes ? BYTES_LEAST : LEAST_SHARE * fabs(test->hour.base.before.mean),
        .hours_max = HOURS_MAX,
    };
    test->looks[test->looked] = score_leak_look(minima, count, test->looked, &terms);
    test->looked++;
}

void deploy_levels_look(struct deploy_levels *levels, size_t minutes)
{
    for (size_t i = 0; i < levels->count; i++) {
        struct deploy_level_test *test = &levels->at[i];
        while (test->gauge->is_filling && test->looked < SCORE_LEAK_LOOKS &&
               minutes >= score_leak_points(test->looked) * LEAK_MINUTES)
            look(test);
    }
}

double deploy_levels_leak(const struct deploy_level_test *test)
{
    return score_leak_ln_e(test->looks, test->looked);
}

size_t deploy_levels_evidence(const struct deploy_levels *levels, struct score_evidence *out)
{
    size_t n = 0;
    for (size_t i = 0; i < levels->count; i++) {
        out[n++] = (struct score_evidence){SCORE_GAUGES, true, levels->at[i].level.ln_e};
        if (levels->at[i].gauge->is_filling)
            out[n++] = (struct score_evidence){SCORE_GAUGES, true, deploy_levels_leak(&levels->at[i])};
    }
    return n;
}
