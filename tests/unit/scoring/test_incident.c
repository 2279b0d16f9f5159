/* A service's own incidents: on series that are drawn as figures, for which the truth is known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "scoring/incident.h"
#include "tests/unit/scoring/chance.h"

enum { DAY = 1440, MINUTE_MS = 60000 };

static const time_ms_t start = INT64_C(1760000400000);

struct world {
    struct score_incident service;
    struct score_incident_result result;
    struct chance chance;
    time_ms_t now;
    unsigned opened, reopened, closed;
    double needed;
};

static void begin(struct world *world, uint64_t seed)
{
    *world = (struct world){.chance = {seed}, .now = start, .needed = 60};
}

static void follow(struct world *world, double score)
{
    enum score_incident_step step = score_incident_follow(&world->service, world->now, score, world->needed);
    world->opened += step == INCIDENT_OPENS;
    world->reopened += step == INCIDENT_REOPENS;
    world->closed += step == INCIDENT_CLOSES;
}

/* One minute of independent series, each as often over a return period as that says; faulty ones of them
 * are as `like` and have been so for `age` minutes. */
static void step_like(struct world *world, unsigned series, unsigned faulty,
                      struct score_incident_series like, unsigned age)
{
    struct score_incident_minute minute = {.time = world->now};
    unsigned unusual = (unsigned)chance_poisson(&world->chance, series * pow(10, -0.5) / 60);
    for (unsigned i = 0; i < unusual; i++) {
        struct score_incident_series one = {.key = 1 + chance_next(&world->chance) % series,
                                            .began = world->now};
        one.return_period_h = pow(10, 0.5) / chance_uniform(&world->chance);
        score_incident_add(&world->service, &minute, &one);
    }
    for (unsigned i = 0; i < faulty; i++) {
        like.key = 1000000 + i;
        like.began = world->now - (int64_t)age * MINUTE_MS;
        score_incident_add(&world->service, &minute, &like);
    }
    score_incident_judge(&world->service, &minute, series, &world->result);
    assert_true(world->result.score >= 0 && world->result.score <= 100);
    assert_true(isfinite(world->result.return_period_h));
    follow(world, world->result.score);
    world->now += MINUTE_MS;
}

static void step(struct world *world, unsigned series, unsigned faulty, double figure, unsigned age)
{
    step_like(world, series, faulty, (struct score_incident_series){.return_period_h = pow(10, figure)}, age);
}

static void rest(struct world *world, unsigned series, unsigned minutes)
{
    for (unsigned i = 0; i < minutes; i++)
        step(world, series, 0, 0, 0);
}

static void one_incident_for_500_pods(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 1);
    rest(&world, 2500, 5 * DAY);
    assert_int_equal(world.opened, 0);
    for (unsigned i = 0; i < 30; i++)
        step(&world, 2500, 500, i == 0 ? 8 : 3, i);
    assert_int_equal(world.opened, 1);
    rest(&world, 2500, 30);
    assert_int_equal(world.opened, 1);
    assert_int_equal(world.closed, 1);
    assert_int_equal(world.reopened, 0);
}

static void many_series_do_not_mean_many_alarms(void **state)
{
    (void)state;
    for (unsigned series = 10; series <= 10000; series *= 10) {
        struct world world;
        begin(&world, series);
        rest(&world, series, 14 * DAY);
        assert_true(world.opened <= 1);
        assert_false(world.result.learning);
    }
}

static void one_series_far_off_opens_when_it_stays(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 3);
    rest(&world, 100, 10 * DAY);
    step(&world, 100, 1, 9, 0);
    assert_int_equal(world.opened, 0);
    step(&world, 100, 1, 2, 1);
    assert_int_equal(world.opened, 1);
}

static void what_is_gone_in_a_minute_is_no_incident(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 4);
    rest(&world, 100, 10 * DAY);
    for (unsigned i = 0; i < 20; i++) {
        step(&world, 100, 1, 12, 0);
        rest(&world, 100, 20);
    }
    assert_int_equal(world.opened, 0);
}

static void a_young_service_is_judged_with_care(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 5);
    rest(&world, 100, 120);
    for (unsigned i = 0; i < 10; i++)
        step(&world, 100, 7, 12, i); /* an outage of some series, but only two hours are known */
    assert_true(world.result.learning);
    assert_int_equal(world.opened, 0);
    for (unsigned i = 0; i < 10; i++)
        step(&world, 100, 60, 12, i);
    assert_int_equal(world.opened, 1);
}

/* What one visitor asks for moves a page group's requests, bytes, classes and statuses together. */
static void a_visitor_of_a_young_quiet_service_is_no_incident(void **state)
{
    (void)state;
    for (int sparse = 0; sparse < 2; sparse++) {
        struct world world;
        struct score_incident_series like = {.return_period_h = 1e8, .sparse = sparse == 1};
        begin(&world, 14);
        rest(&world, 31, 8 * 60);
        for (unsigned i = 0; i < 5; i++)
            step_like(&world, 31, 14, like, i);
        assert_true(world.result.learning);
        assert_int_equal(world.opened, sparse == 0);
    }
}

/* A crawler's hour every other day makes one series far off no news, but nothing failed in these weeks. */
static void failures_are_not_hidden_by_what_else_is_wild(void **state)
{
    (void)state;
    for (int failure = 0; failure < 2; failure++) {
        struct world world;
        struct score_incident_series like = {.return_period_h = 3e6, .failure = failure == 1};
        begin(&world, 15);
        for (unsigned day = 0; day < 12; day++) {
            rest(&world, 100, DAY);
            for (unsigned i = 0; day % 2 == 1 && i < 60; i++)
                step(&world, 100, 1, 4.8, i);
        }
        rest(&world, 100, DAY);
        unsigned before = world.opened;
        step_like(&world, 100, 1, like, 0);
        assert_int_equal(world.opened, before);
        step_like(&world, 100, 1, like, 1);
        assert_int_equal(world.opened, before + (failure == 1));
    }
}

/* Two days of past can't tell that so much fails only once in years: it is judged as anything else. */
static void a_young_services_failures_need_their_time(void **state)
{
    (void)state;
    double scores[2];
    for (int failure = 0; failure < 2; failure++) {
        struct world world;
        struct score_incident_series like = {.return_period_h = 1e12, .failure = failure == 1};
        begin(&world, 16);
        rest(&world, 100, 2 * DAY);
        for (unsigned i = 0; i < 5; i++)
            step_like(&world, 100, 1, like, i);
        assert_false(world.result.learning);
        scores[failure] = world.result.score;
    }
    assert_true(scores[0] >= scores[1] && scores[0] <= scores[1]);
}

static void it_learns_for_24_blocks(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 6);
    rest(&world, 10, 24 * 64);
    assert_true(world.result.learning);
    rest(&world, 10, 1);
    assert_false(world.result.learning);
}

static void an_incident_does_not_become_usual_at_once(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 7);
    rest(&world, 200, 10 * DAY);
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 60; i++)
            step(&world, 200, 40, 6, i);
        assert_int_equal(world.opened, round + 1);
        rest(&world, 200, DAY);
    }
}

static void what_comes_every_day_becomes_usual(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 8);
    rest(&world, 200, 3 * DAY);
    for (unsigned day = 0; day < 30; day++) {
        for (unsigned i = 0; i < 10; i++)
            step(&world, 200, 10, 3, i);
        rest(&world, 200, DAY - 10);
    }
    assert_true(world.opened >= 1);
    assert_true(world.opened <= 10);
}

static void an_incident_closes_with_hysteresis(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 9);
    follow(&world, 59.9);
    assert_false(world.service.is_open);
    follow(&world, 60);
    assert_true(world.service.is_open);
    for (unsigned i = 0; i < 20; i++) { /* half of it is enough to stay */
        world.now += MINUTE_MS;
        follow(&world, 30);
    }
    assert_true(world.service.is_open);
    for (unsigned i = 0; i < 9; i++) {
        world.now += MINUTE_MS;
        follow(&world, 29);
        assert_true(world.service.is_open);
    }
    world.now += MINUTE_MS;
    follow(&world, 29);
    assert_false(world.service.is_open);
    assert_int_equal(world.opened, 1);
    assert_int_equal(world.closed, 1);
}

static void flapping_is_one_incident(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 10);
    for (unsigned i = 0; i < 600; i++) { /* a bad minute every 15 */
        follow(&world, i % 15 == 0 ? 80 : 0);
        world.now += MINUTE_MS;
    }
    assert_int_equal(world.opened, 1);
    assert_int_equal(world.reopened, 1); /* then it holds for longer than that */
    assert_int_equal(world.closed, 1);
    for (unsigned i = 0; i < 6 * 60; i++, world.now += MINUTE_MS)
        follow(&world, 0);
    assert_int_equal(world.closed, 2);
    follow(&world, 80);
    assert_int_equal(world.opened, 2);
    assert_int_equal(world.service.reopened, 0);
}

static void what_closed_an_hour_ago_is_another_one(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 11);
    follow(&world, 80);
    world.now += 10 * MINUTE_MS;
    follow(&world, 0);
    world.now += 60 * MINUTE_MS;
    follow(&world, 80);
    assert_int_equal(world.opened, 2);
    assert_int_equal(world.reopened, 0);
}

static void feedback_noise_is_used(void **state)
{
    (void)state;
    struct score_incident service = {0};
    assert_true(score_incident_needed(&service, 60, 77, 10) == 60);
    score_incident_teach(&service, 77, 10, FEEDBACK_NOISE);
    assert_true(score_incident_needed(&service, 60, 77, 100) == 70);
    assert_true(score_incident_needed(&service, 60, 78, 10) == 60);
    for (unsigned i = 0; i < 9; i++)
        score_incident_teach(&service, 77, 10, FEEDBACK_NOISE);
    assert_true(score_incident_needed(&service, 50, 77, 3) == 90);
    assert_true(score_incident_needed(&service, 70, 77, 3) == 100);
}

static void feedback_expected_is_for_that_hour_of_the_week(void **state)
{
    (void)state;
    struct score_incident service = {0};
    score_incident_teach(&service, 77, 0, FEEDBACK_EXPECTED);
    assert_true(score_incident_needed(&service, 60, 77, 0) == 100);
    assert_true(score_incident_needed(&service, 60, 77, 1) == 100);
    assert_true(score_incident_needed(&service, 60, 77, 167) == 100);
    assert_true(score_incident_needed(&service, 60, 77, 2) == 60);
    assert_true(score_incident_needed(&service, 60, 77, 24) == 60);
}

static void feedback_useful_takes_it_back(void **state)
{
    (void)state;
    struct score_incident service = {0};
    score_incident_teach(&service, 77, 5, FEEDBACK_NOISE);
    score_incident_teach(&service, 77, 5, FEEDBACK_NOISE);
    score_incident_teach(&service, 77, 5, FEEDBACK_EXPECTED);
    score_incident_teach(&service, 77, 5, FEEDBACK_USEFUL);
    assert_true(score_incident_needed(&service, 60, 77, 5) == 70);
    score_incident_teach(&service, 77, 5, FEEDBACK_USEFUL);
    assert_true(score_incident_needed(&service, 60, 77, 5) == 60);
    struct score_incident nothing = {0};
    assert_memory_equal(service.lessons, nothing.lessons, sizeof nothing.lessons);
}

static void the_oldest_lesson_makes_room(void **state)
{
    (void)state;
    struct score_incident service = {0};
    for (uint64_t cause = 1; cause <= INCIDENT_LESSONS; cause++)
        score_incident_teach(&service, cause, 1, FEEDBACK_NOISE);
    score_incident_teach(&service, 1, 1, FEEDBACK_NOISE); /* now 2 is the oldest */
    score_incident_teach(&service, 99, 1, FEEDBACK_NOISE);
    assert_true(score_incident_needed(&service, 60, 1, 0) == 80);
    assert_true(score_incident_needed(&service, 60, 2, 0) == 60);
    assert_true(score_incident_needed(&service, 60, 3, 0) == 70);
    assert_true(score_incident_needed(&service, 60, 99, 0) == 70);
    score_incident_teach(&service, 0, 1, FEEDBACK_NOISE); /* no cause, no lesson */
    assert_true(score_incident_needed(&service, 60, 0, 1) == 60);
}

static void feedback_has_three_words(void **state)
{
    (void)state;
    assert_int_equal(score_feedback_of("useful", 6), FEEDBACK_USEFUL);
    assert_int_equal(score_feedback_of("noise", 5), FEEDBACK_NOISE);
    assert_int_equal(score_feedback_of("expected", 8), FEEDBACK_EXPECTED);
    assert_int_equal(score_feedback_of("noises", 6), FEEDBACK_COUNT);
    assert_int_equal(score_feedback_of("", 0), FEEDBACK_COUNT);
}

static void a_minute_told_again_teaches_nothing(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 12);
    rest(&world, 50, 100);
    struct score_incident before = world.service;
    struct score_incident_minute minute = {.time = world.now - MINUTE_MS, .strongest = 9, .excess = 100};
    struct score_incident_result result;
    score_incident_judge(&world.service, &minute, 50, &result);
    assert_true(result.score == 0);
    assert_memory_equal(&world.service, &before, sizeof before);
    minute.time = world.now;
    score_incident_judge(&world.service, &minute, 0, &result);
    assert_true(result.score == 0);
    assert_memory_equal(&world.service, &before, sizeof before);
}

static void any_figure_is_taken(void **state)
{
    (void)state;
    static const double figures[] = {NAN, INFINITY, -INFINITY, -1, 0, 1e300, 1e-300};
    struct world world;
    begin(&world, 13);
    for (unsigned i = 0; i < 3000; i++) {
        struct score_incident_minute minute = {.time = world.now};
        for (size_t j = 0; j < sizeof figures / sizeof *figures; j++) {
            struct score_incident_series one = {.key = j + 1,
                                                .return_period_h = figures[j],
                                                .learning = (i + j) % 2 == 1,
                                                .sparse = i % 3 == 1,
                                                .failure = i % 5 > 1,
                                                .began = world.now - (int64_t)j};
            score_incident_add(&world.service, &minute, &one);
        }
        score_incident_judge(&world.service, &minute, i % 3 ? 7 : UINT64_MAX, &world.result);
        assert_true(world.result.score >= 0 && world.result.score <= 100);
        assert_true(isfinite(world.result.single) && isfinite(world.result.many));
        world.now += MINUTE_MS;
    }
}

static void state_round_trip(void **state)
{
    (void)state;
    struct world world;
    struct score_incident again;
    uint8_t kept[INCIDENT_BYTES], twice[INCIDENT_BYTES];
    begin(&world, 14);
    rest(&world, 200, 3 * DAY);
    score_incident_teach(&world.service, 5, 7, FEEDBACK_NOISE);
    for (unsigned i = 0; i < 3; i++)
        step(&world, 200, 50, 6, i);
    assert_true(world.service.is_open);
    score_incident_encode(&world.service, kept);
    assert_int_equal(score_incident_decode(kept, sizeof kept, &again), TM_OK);
    score_incident_encode(&again, twice);
    assert_memory_equal(kept, twice, sizeof kept);
    struct world other = world;
    other.service = again;
    for (unsigned i = 3; i < 40; i++) {
        step(&world, 200, i < 10 ? 50 : 0, 6, i);
        step(&other, 200, i < 10 ? 50 : 0, 6, i);
        assert_true(world.result.score == other.result.score);
    }
    assert_int_equal(world.closed, other.closed);
}

static void what_is_no_state_is_refused(void **state)
{
    (void)state;
    struct world world;
    uint8_t kept[INCIDENT_BYTES];
    begin(&world, 15);
    rest(&world, 20, 200);
    score_incident_encode(&world.service, kept);
    struct score_incident out = {.minutes = 42};
    assert_int_equal(score_incident_decode(kept, sizeof kept - 1, &out), TM_CORRUPT);
    assert_int_equal(score_incident_decode(kept, 0, &out), TM_CORRUPT);
    kept[4] = 9;
    assert_int_equal(score_incident_decode(kept, sizeof kept, &out), TM_INVALID);
    kept[4] = INCIDENT_VERSION;
    kept[6]++; /* a bin more than blocks */
    assert_int_equal(score_incident_decode(kept, sizeof kept, &out), TM_CORRUPT);
    kept[6]--;
    assert_int_equal(out.minutes, 42);
    assert_int_equal(score_incident_decode(kept, sizeof kept, &out), TM_OK);
    assert_int_equal(out.minutes, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_incident_for_500_pods),
        cmocka_unit_test(many_series_do_not_mean_many_alarms),
        cmocka_unit_test(one_series_far_off_opens_when_it_stays),
        cmocka_unit_test(what_is_gone_in_a_minute_is_no_incident),
        cmocka_unit_test(a_young_service_is_judged_with_care),
        cmocka_unit_test(a_visitor_of_a_young_quiet_service_is_no_incident),
        cmocka_unit_test(failures_are_not_hidden_by_what_else_is_wild),
        cmocka_unit_test(a_young_services_failures_need_their_time),
        cmocka_unit_test(it_learns_for_24_blocks),
        cmocka_unit_test(an_incident_does_not_become_usual_at_once),
        cmocka_unit_test(what_comes_every_day_becomes_usual),
        cmocka_unit_test(an_incident_closes_with_hysteresis),
        cmocka_unit_test(flapping_is_one_incident),
        cmocka_unit_test(what_closed_an_hour_ago_is_another_one),
        cmocka_unit_test(feedback_noise_is_used),
        cmocka_unit_test(feedback_expected_is_for_that_hour_of_the_week),
        cmocka_unit_test(feedback_useful_takes_it_back),
        cmocka_unit_test(the_oldest_lesson_makes_room),
        cmocka_unit_test(feedback_has_three_words),
        cmocka_unit_test(a_minute_told_again_teaches_nothing),
        cmocka_unit_test(any_figure_is_taken),
        cmocka_unit_test(state_round_trip),
        cmocka_unit_test(what_is_no_state_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
