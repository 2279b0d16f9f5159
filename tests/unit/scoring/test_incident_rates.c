/* How often whole services raise incidents, clean and faulty: every series scored by the first line, seeds
 * and time given (incident_world.h). SOAK=1: 50 services of 200 series for four weeks, the goal's count, one
 * after another with a line for each, and the faults on copies of each at its end: some 12 s of CPU a service
 * under release. SOAK_FIRST and SOAK_COUNT: from which of them on and how many, so that parts of it run
 * beside each other, or on other seeds. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "scoring/incident.h"
#include "scoring/rare_count.h"
#include "tests/unit/scoring/incident_world.h"

struct count {
    unsigned services, series, days;
};

static bool is_soak(void)
{
    const char *soak = getenv("SOAK");
    return soak != NULL && soak[0] == '1';
}

static unsigned number_of(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static struct count find_count(void)
{
    return is_soak() ? (struct count){number_of("SOAK_COUNT", 50), 200, 28} : (struct count){3, 24, 6};
}

struct watch {
    struct score_incident service;
    unsigned opened;
    int64_t opened_at; /* minute */
    double best;       /* score of the hour under way */
    unsigned over[3], blocks;
};

/* As server/detect bounds it: what is nearly always 0 is not infinitely rare when it is 1. */
static double period_of(const struct world_series *series, const struct score_first_result *result)
{
    const struct score_first *seen = &series->state;
    if (!world_counts(series))
        return result->return_period_h;
    return fmin(result->return_period_h, score_rare_count_hours(seen->samples, seen->origin + seen->mean,
                                                                seen->origin + seen->last, WORLD_MINUTE_MS));
}

static void look(struct watch *watch, const struct service_world *world,
                 const struct score_first_result *results)
{
    struct score_incident_minute minute = {.time = world_time(world) - WORLD_MINUTE_MS};
    struct score_incident_result result;
    uint64_t scored = 0;
    for (size_t i = 0; i < world->count; i++) {
        const struct world_series *series = &world->series[i];
        double period_h = period_of(series, &results[i]);
        scored += results[i].return_period_h > 0;
        if (period_h < 3)
            continue;
        struct score_incident_series one = {
            .key = i + 1,
            .return_period_h = period_h,
            .learning = results[i].learning,
            .sparse =
                world_counts(series) && series->state.deviation >= series->state.origin + series->state.mean,
            .failure = series->kind == SERIES_ERRORS || series->kind == SERIES_RARE,
            .began = results[i].began,
        };
        score_incident_add(&watch->service, &minute, &one);
    }
    score_incident_judge(&watch->service, &minute, scored, &result);
    enum score_incident_step step = score_incident_follow(&watch->service, minute.time, result.score, 60);
    if (step == INCIDENT_OPENS && watch->opened++ == 0)
        watch->opened_at = world->minute - 1;
    watch->best = fmax(watch->best, result.score);
    if (world->minute % CALIBRATION_BLOCK != 0)
        return;
    watch->blocks++;
    for (int i = 0; i < 3; i++)
        watch->over[i] += watch->best >= 20 * (i + 1);
    watch->best = 0;
}

/* Plays minutes of a world into a watch. */
static void play(struct service_world *world, struct watch *watch, int64_t minutes)
{
    struct score_first_result *results = calloc(world->count, sizeof *results);
    assert_non_null(results);
    for (int64_t m = 0; m < minutes; m++) {
        world_step(world, results);
        look(watch, world, results);
    }
    free(results);
}

static const struct {
    const char *name;
    enum service_fault fault;
    double size;
} faults[] = {
    {"pods twice as high", FAULT_PODS, 2},
    {"pods four times as high", FAULT_PODS, 4},
    {"one series ten times as high", FAULT_ONE_SERIES, 10},
    {"20 errors a minute more in one page group", FAULT_ERROR_RATIO, 20},
};

enum { FAULTS = sizeof faults / sizeof *faults, SOAK_MINUTES = 5 };

/* Which faults an incident tells of within five minutes, each on a copy of the service as it is. */
static void try_faults(const struct service_world *world, const struct watch *watch, unsigned found[FAULTS])
{
    for (size_t f = 0; f < FAULTS; f++) {
        struct service_world copy = *world;
        struct watch look_on = *watch;
        copy.series = malloc(world->count * sizeof *copy.series);
        assert_non_null(copy.series);
        memcpy(copy.series, world->series, world->count * sizeof *copy.series);
        copy.fault = faults[f].fault;
        copy.size = faults[f].size;
        copy.fault_from = copy.minute;
        copy.fault_to = copy.minute + SOAK_MINUTES;
        look_on.opened = 0;
        play(&copy, &look_on, SOAK_MINUTES);
        found[f] += look_on.opened > 0 || look_on.service.is_open;
        world_free(&copy);
    }
}

static void clean_weeks_raise_at_most_one_incident_a_service(void **state)
{
    (void)state;
    struct count count = find_count();
    unsigned opened = 0, worst = 0, blocks = 0, over[3] = {0}, found[FAULTS] = {0};
    unsigned first = number_of("SOAK_FIRST", 0);
    for (unsigned i = 0; i < count.services; i++) {
        struct service_world world;
        struct watch watch = {.opened = 0};
        world_make(&world, 1000 + first + i, count.series);
        assert_non_null(world.series);
        play(&world, &watch, (int64_t)count.days * WORLD_DAY);
        if (is_soak()) {
            try_faults(&world, &watch, found);
            print_message("service %u: %u incidents in clean weeks\n", first + i, watch.opened);
        }
        world_free(&world);
        opened += watch.opened;
        worst = watch.opened > worst ? watch.opened : worst;
        blocks += watch.blocks;
        for (int k = 0; k < 3; k++)
            over[k] += watch.over[k];
    }
    print_message("clean: %u services of %u series, %u days: %u incidents, at most %u in one; blocks over "
                  "20/40/60 seen/promised %.2f/%.2f/%.2f\n",
                  count.services, count.series, count.days, opened, worst, over[0] / (blocks * 0.1067),
                  over[1] / (blocks * 0.01067), over[2] / (blocks * 0.001067));
    for (size_t f = 0; f < FAULTS && is_soak(); f++)
        print_message("%s: found in %u of %u services within five minutes\n", faults[f].name, found[f],
                      count.services);
    assert_true(opened <= count.services);
}

static void faults_are_found_within_three_minutes(void **state)
{
    (void)state;
    if (is_soak())
        return; /* the clean weeks had them at their end */
    struct count count = find_count();
    unsigned found = 0, all = 0;
    for (size_t f = 0; f < sizeof faults / sizeof *faults; f++) {
        unsigned of_this = 0, services = count.services > 10 ? 10 : count.services - 1;
        for (unsigned i = 0; i < services; i++) {
            struct service_world world;
            struct watch watch = {.opened = 0};
            world_make(&world, 2000 + i, count.series);
            assert_non_null(world.series);
            world.fault = faults[f].fault;
            world.size = faults[f].size;
            world.fault_from = (count.days - 1) * WORLD_DAY + 700;
            world.fault_to = world.fault_from + 30;
            play(&world, &watch, world.fault_from);
            watch.opened = 0;
            play(&world, &watch, 3);
            of_this += watch.opened > 0 || watch.service.is_open;
            world_free(&world);
        }
        print_message("%s: found in %u of %u services\n", faults[f].name, of_this, services);
        found += of_this;
        all += services;
    }
    assert_true(found * 10 >= all * 9);
}

static void half_of_a_young_service_failing_is_found(void **state)
{
    (void)state;
    struct service_world world;
    struct watch watch = {.opened = 0};
    world_make(&world, 3000, 520);
    assert_non_null(world.series);
    for (size_t i = 0; i < 500; i++)
        world.series[i].kind = SERIES_POD;
    world.fault = FAULT_PODS;
    world.size = 3;
    world.fault_from = 240;
    world.fault_to = 260;
    play(&world, &watch, 300);
    assert_int_equal(watch.opened, 1);
    assert_true(watch.opened_at >= 240 && watch.opened_at <= 241);
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clean_weeks_raise_at_most_one_incident_a_service),
        cmocka_unit_test(faults_are_found_within_three_minutes),
        cmocka_unit_test(half_of_a_young_service_failing_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
