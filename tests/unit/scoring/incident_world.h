/* A simulated service of many series a minute, seeded: traffic with a daily cycle, pods that share its ups
 * and downs, latencies with long tails, errors, rare counts, queues that wander. What it draws is scored by
 * the first line itself, so that incidents are tested on what really reaches them. */
#ifndef TM_TESTS_SCORING_INCIDENT_WORLD_H
#define TM_TESTS_SCORING_INCIDENT_WORLD_H

#include <stdlib.h>

#include "scoring/first.h"
#include "tests/unit/scoring/chance.h"

enum { WORLD_KINDS = 8, WORLD_MINUTE_MS = 60000, WORLD_DAY = 1440, WORLD_WEEK = 7 * WORLD_DAY };

enum series_kind {
    SERIES_TRAFFIC,
    SERIES_GAUGE,
    SERIES_LATENCY,
    SERIES_ERRORS,
    SERIES_RARE,
    SERIES_HEAVY,
    SERIES_POD,
    SERIES_QUEUE
};

enum service_fault { FAULT_NOTHING, FAULT_PODS, FAULT_ONE_SERIES, FAULT_ERROR_RATIO, SERVICE_FAULTS };

struct world_series {
    struct score_first state;
    enum series_kind kind;
    double level, cycle, phase, noise, shares; /* shares: how much of the service's factor it has */
    double wander;
};

struct service_world {
    struct chance chance;
    struct score_first_model model;
    struct world_series *series;
    size_t count;
    double common, wobble; /* ln of the service's factor: slow and of this minute */
    time_ms_t start;
    int64_t minute;
    enum service_fault fault;
    int64_t fault_from, fault_to; /* minutes */
    double size;
};

static inline void world_make(struct service_world *world, uint64_t seed, size_t count)
{
    *world = (struct service_world){.chance = {seed * 7919 + 11}, .count = count};
    world->start = INT64_C(1760000400000) / WORLD_MINUTE_MS * WORLD_MINUTE_MS;
    score_first_model_init(&world->model, FIRST_OPERATIONS, FIRST_SEED);
    world->series = calloc(count, sizeof *world->series);
    for (size_t i = 0; i < count && world->series; i++) {
        struct world_series *s = &world->series[i];
        s->kind = (enum series_kind)(i % WORLD_KINDS);
        s->level = exp(chance_between(&world->chance, log(20), log(2000)));
        s->cycle = chance_between(&world->chance, 0, 0.5);
        s->phase = chance_between(&world->chance, 0, 0.5);
        s->noise = chance_between(&world->chance, 0.02, 0.2);
        s->shares = chance_between(&world->chance, 0, 1);
    }
}

static inline void world_free(struct service_world *world)
{
    free(world->series);
    world->series = NULL;
}

static inline double world_student3(struct chance *chance)
{
    double a = chance_normal(chance), b = chance_normal(chance), c = chance_normal(chance);
    return chance_normal(chance) / sqrt((a * a + b * b + c * c) / 3);
}

/* Two decimals: gauges are no smoother than that. */
static inline double world_round(double x)
{
    return floor(x * 100 + 0.5) / 100;
}

static inline double world_clean(struct service_world *world, struct world_series *s)
{
    struct chance *chance = &world->chance;
    double day = (double)(world->minute % WORLD_DAY) / WORLD_DAY + s->phase;
    double mean = s->level * (1 + s->cycle * sin(6.283185307179586 * day));
    double shared = exp(s->shares * (world->common + world->wobble));
    switch (s->kind) {
    case SERIES_TRAFFIC:
        return chance_poisson(chance, mean * exp(world->common + world->wobble));
    case SERIES_GAUGE:
        s->wander = 0.9 * s->wander + s->noise * chance_normal(chance);
        return world_round(mean * (1 + s->wander));
    case SERIES_LATENCY:
        return world_round(mean * shared * exp(3 * s->noise * chance_normal(chance)));
    case SERIES_ERRORS:
        return chance_poisson(chance, 0.002 * mean * shared);
    case SERIES_RARE:
        return chance_poisson(chance, 0.00005 * mean);
    case SERIES_HEAVY:
        return world_round(s->level * (1 + s->noise * world_student3(chance)));
    case SERIES_POD:
        s->wander = 0.99 * s->wander + 0.1 * s->noise * chance_normal(chance);
        return world_round(100 * (1 + s->cycle * sin(6.283185307179586 * day)) * shared *
                           (1 + s->wander + 0.3 * s->noise * chance_normal(chance)));
    default:
        s->wander = fmax(0, s->wander * 0.995 + chance_normal(chance) + 0.05);
        return floor(s->wander * 10);
    }
}

static inline bool world_counts(const struct world_series *s)
{
    return s->kind == SERIES_TRAFFIC || s->kind == SERIES_ERRORS || s->kind == SERIES_RARE;
}

/* What a fault makes of series i's value. */
static inline double world_faulty(struct service_world *world, size_t i, double value)
{
    const struct world_series *s = &world->series[i];
    if (world->minute < world->fault_from || world->minute >= world->fault_to)
        return value;
    if (world->fault == FAULT_PODS)
        return s->kind == SERIES_POD ? value * world->size : value;
    if (world->fault == FAULT_ONE_SERIES)
        return i == 0 ? value * world->size : value;
    if (world->fault == FAULT_ERROR_RATIO) /* of one page group: three series */
        return s->kind == SERIES_ERRORS && i < 3 * WORLD_KINDS
                   ? value + chance_poisson(&world->chance, world->size)
                   : value;
    return value;
}

static inline time_ms_t world_time(const struct service_world *world)
{
    return world->start + world->minute * WORLD_MINUTE_MS;
}

/* Steps all series by one minute; *results: one for each, all with a figure. */
static inline void world_step(struct service_world *world, struct score_first_result *results)
{
    world->common = 0.98 * world->common + 0.02 * chance_normal(&world->chance);
    world->wobble = 0.04 * chance_normal(&world->chance);
    for (size_t i = 0; i < world->count; i++) {
        double value = world_faulty(world, i, world_clean(world, &world->series[i]));
        score_first_push(&world->model, &world->series[i].state, world_time(world), 0, value, &results[i]);
    }
    world->minute++;
}

#endif
