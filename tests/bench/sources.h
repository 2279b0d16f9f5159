/* Series as services show them, for benches: counters, latencies, processor shares and heaps, by a daily
 * curve, some with a reset. One sample per STEP_MS. */
#ifndef TM_TESTS_BENCH_SOURCES_H
#define TM_TESTS_BENCH_SOURCES_H

#include <math.h>
#include <stdint.h>

enum {
    STEPS = 8640, /* a day */
    STEP_MS = 10000,
    SERIES = 10000, /* of which */
    COUNTERS = 4000,
    LATENCIES = 3000,
    CPUS = 1600,
    FAMILIES = 4
};

static const double divisors[FAMILIES] = {1, 100, 1000, 1};

struct source {
    uint64_t seed;
    int family;
    int variant;
    double size;
    double growth;
    double state;
    int64_t value;
    int reset_step;
};

static uint64_t draw(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static double draw_unit(uint64_t *seed)
{
    return (double)(draw(seed) >> 11) * 0x1p-53;
}

static double draw_normal(uint64_t *seed)
{
    double sum = 0;
    for (int i = 0; i < 4; i++)
        sum += draw_unit(seed);
    return (sum - 2) * 1.7320508;
}

static int64_t draw_poisson(uint64_t *seed, double mean)
{
    if (mean >= 6) {
        double v = mean + draw_normal(seed) * sqrt(mean) + 0.5;
        return v < 0 ? 0 : (int64_t)v;
    }
    double left = exp(-mean);
    int64_t n = 0;
    for (double p = draw_unit(seed); p > left && n < 60; n++)
        p *= draw_unit(seed);
    return n;
}

/* Daily curve with its peak in the evening. */
static double season(int step)
{
    double day = (double)(step % STEPS) / STEPS;
    return 1 + 0.6 * sin(2 * M_PI * (day - 14.0 / 24)) + 0.15 * sin(4 * M_PI * day);
}

static void source_init(struct source *s, int number)
{
    static const double shares[4] = {0.90, 0.06, 0.035, 0.005};
    static const double quantiles[3] = {1.0, 3.1, 6.5};
    *s = (struct source){.seed = 42u ^ (0xA5A5A5A5u * (uint64_t)(number + 1)), .reset_step = -1};
    uint64_t pod = (uint64_t)number / 20;
    if (draw(&pod) % 3 == 0)
        s->reset_step = (int)(draw(&pod) % STEPS);
    if (number < COUNTERS) {
        uint64_t group = (uint64_t)number / 4;
        s->size = 0.05 * pow(600, draw_unit(&group)) * shares[number % 4];
        s->value = (int64_t)(s->size * 86400 * 3 * draw_unit(&s->seed));
    } else if (number < COUNTERS + LATENCIES) {
        s->family = 1;
        s->size = (8 + 120 * draw_unit(&s->seed)) * quantiles[number % 3];
    } else if (number < COUNTERS + LATENCIES + CPUS) {
        s->family = 2;
        s->size = 0.1 + 0.5 * draw_unit(&s->seed);
    } else {
        s->family = 3;
        s->variant = (number - COUNTERS - LATENCIES - CPUS) % 7;
        s->size = (16 + 500 * draw_unit(&s->seed)) * 1048576;
        s->growth = s->size * (0.01 + 0.05 * draw_unit(&s->seed));
        s->value = (int64_t)(s->size * 0.3) & ~7;
    }
}

static void step_heap(struct source *s, double daily)
{
    if (s->variant >= 3) {
        if (draw_unit(&s->seed) < 0.01)
            s->value += 65536;
        return;
    }
    s->value += (int64_t)(s->growth * daily * (0.5 + draw_unit(&s->seed))) & ~7;
    if (s->value > (int64_t)s->size)
        s->value = (int64_t)(s->size * (0.25 + 0.05 * draw_unit(&s->seed))) & ~7;
}

static int64_t source_next(struct source *s, int step)
{
    double daily = season(step);
    bool is_reset = step == s->reset_step;
    if (s->family == 0) {
        s->value = (is_reset ? 0 : s->value) + draw_poisson(&s->seed, s->size * daily * 10);
    } else if (s->family == 1) {
        s->state = 0.8 * s->state + 0.06 * draw_normal(&s->seed);
        s->value = (int64_t)(s->size * (0.8 + 0.2 * daily + s->state) * 100 + 0.5);
        s->value = s->value < 10 ? 10 : s->value;
    } else if (s->family == 2) {
        s->state = 0.9 * s->state + 0.02 * draw_normal(&s->seed);
        s->value = (int64_t)((s->size * daily * 0.7 + s->state) * 1000 + 0.5);
        s->value = s->value < 1 ? 1 : s->value > 1000 ? 1000 : s->value;
    } else {
        step_heap(s, daily);
        s->value = is_reset ? (int64_t)(s->size * 0.1) & ~7 : s->value;
    }
    return s->value;
}

#endif
