/* The day of the week in what is expected: learned from two weeks that agree, not from one that was odd. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "scoring/first.h"
#include "scoring/maths.h"

enum { MINUTE_MS = 60000, DAY = 1440, SATURDAY = 5, SUNDAY = 6 };

static struct score_first_model model; /* const after the group's set-up */

static int make_model(void **state)
{
    (void)state;
    score_first_model_init(&model, FIRST_OPERATIONS, FIRST_SEED);
    return 0;
}

/* A shop: its days from a Monday on, and what of them is odd. */
struct shop {
    struct score_first state;
    uint64_t sequence;
    int step;           /* minutes */
    double weekend;     /* of a weekday's traffic */
    int busy_day;       /* a day like a weekday, whatever it is; 0: none */
    int outage_day;     /* nothing from 10:00 to 15:00; 0: none */
    int later_from_day; /* from then on the local clock is an hour ahead; 0: never */
};

/* What a day said. */
struct day {
    int alerts;
    double highest, off; /* score; by how much the expected was off the truth, a share of it, on average */
    bool weekly;         /* the week was in all that was expected */
};

static double truth_of(const struct shop *shop, int day, int minute)
{
    bool is_weekend = day % 7 >= SATURDAY && (shop->busy_day == 0 || day != shop->busy_day);
    double hill = cos(3.141592653589793 * (minute - 840) / DAY);
    if (shop->outage_day > 0 && day == shop->outage_day && minute >= 600 && minute < 900)
        return 0;
    return (is_weekend ? shop->weekend : 1) * (100 + 300 * hill * hill);
}

static double drawn(struct shop *shop, double truth)
{
    double sum = 0;
    for (int i = 0; i < 12; i++)
        sum += (double)(score_random(&shop->sequence) >> 11) * 0x1p-53 - 0.5;
    return floor(truth * (1 + 0.05 * sum) + 0.5);
}

static struct day play_day(struct shop *shop, int day)
{
    struct day out = {.weekly = true};
    bool is_later = shop->later_from_day > 0 && day >= shop->later_from_day;
    for (int minute = 0; minute < DAY; minute += shop->step) {
        struct score_first_result r;
        double truth = truth_of(shop, day, minute);
        time_ms_t local = ((time_ms_t)(day + 4) * DAY + minute) * MINUTE_MS; /* 1970-01-05 was a Monday */
        int32_t offset_s = is_later ? 7200 : 3600;
        score_first_push(&model, &shop->state, local - (time_ms_t)offset_s * 1000, offset_s,
                         drawn(shop, truth), &r);
        out.alerts += r.alert;
        out.highest = fmax(out.highest, r.score);
        if (truth > 0)
            out.off += fabs(r.expected - truth) / truth * shop->step / DAY;
        out.weekly = out.weekly && r.weekly;
    }
    return out;
}

static struct day play_until(struct shop *shop, int from, int day)
{
    for (int d = from; d < day; d++)
        (void)play_day(shop, d);
    return play_day(shop, day);
}

static void a_quiet_saturday_is_no_anomaly_from_the_third_week_on(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct shop shop = {.sequence = seed, .step = 1, .weekend = 0.3};
        (void)play_until(&shop, 0, 13);
        for (int week = 2; week < 5; week++) {
            struct day saturday = play_until(&shop, week * 7, week * 7 + SATURDAY);
            struct day sunday = play_day(&shop, week * 7 + SUNDAY);
            assert_int_equal(saturday.alerts + sunday.alerts, 0);
            assert_true(saturday.highest < 40 && sunday.highest < 40);
            assert_true(saturday.weekly && sunday.weekly);
            assert_true(saturday.off < 0.3); /* 1.7 by the time of day alone */
        }
    }
}

static void a_saturday_like_a_weekday_is_an_anomaly(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct shop shop = {.sequence = seed, .step = 1, .weekend = 0.3, .busy_day = 28 + SATURDAY};
        struct day saturday = play_until(&shop, 0, 28 + SATURDAY);
        assert_true(saturday.alerts >= 1);
        assert_true(saturday.highest >= 50);
    }
}

static void a_sample_an_hour_has_a_week_too(void **state)
{
    (void)state;
    struct shop shop = {.sequence = 3, .step = 60, .weekend = 0.3};
    struct day saturday = play_until(&shop, 0, 28 + SATURDAY);
    assert_true(saturday.weekly);
    assert_true(saturday.off < 0.3);
    assert_int_equal(saturday.alerts, 0);
}

static void days_that_are_alike_have_no_week(void **state)
{
    (void)state;
    struct shop shop = {.sequence = 5, .step = 1, .weekend = 1};
    struct day day = play_until(&shop, 0, 21);
    for (int d = 22; d < 35; d++) {
        assert_false(day.weekly);
        assert_true(day.off < 0.1);
        day = play_day(&shop, d);
    }
}

static void an_outage_is_not_expected_again_a_week_later(void **state)
{
    (void)state;
    struct shop with = {.sequence = 7, .step = 1, .weekend = 0.3, .outage_day = 22};
    struct shop without = {.sequence = 7, .step = 1, .weekend = 0.3};
    assert_true(play_until(&with, 0, 22).alerts >= 1);
    struct day after = play_until(&with, 23, 29);
    assert_int_equal(after.alerts, 0);
    assert_true(after.off < play_until(&without, 0, 29).off + 0.05);
}

static void when_the_clocks_change_the_day_stays_the_users(void **state)
{
    (void)state;
    struct shop shop = {.sequence = 9, .step = 1, .weekend = 0.3, .later_from_day = 28 + SUNDAY};
    (void)play_until(&shop, 0, 28 + SATURDAY);
    for (int d = 28 + SUNDAY; d < 28 + SUNDAY + 7; d++) {
        struct day day = play_day(&shop, d);
        assert_true(day.off < 0.3);
        assert_true(day.highest < 50);
    }
}

static void a_week_that_no_pushing_leaves_is_refused(void **state)
{
    (void)state;
    static uint8_t bytes[FIRST_BYTES];
    static struct score_first out;
    struct shop shop = {.sequence = 11, .step = 5, .weekend = 0.3};
    (void)play_until(&shop, 0, 16);
    shop.state.week.residual[3][1] = 0x7f80; /* infinite */
    score_first_encode(&model, &shop.state, bytes);
    assert_int_equal(score_first_decode(&model, bytes, sizeof bytes, &out), TM_CORRUPT);
    shop.state.week.residual[3][1] = 0xffc0; /* not a number */
    score_first_encode(&model, &shop.state, bytes);
    assert_int_equal(score_first_decode(&model, bytes, sizeof bytes, &out), TM_CORRUPT);
    shop.state.week.residual[3][1] = 0;
    shop.state.week.slot = FIRST_WEEK_SLOTS;
    score_first_encode(&model, &shop.state, bytes);
    assert_int_equal(score_first_decode(&model, bytes, sizeof bytes, &out), TM_CORRUPT);
    shop.state.week.slot = FIRST_WEEK_SLOTS - 1;
    score_first_encode(&model, &shop.state, bytes);
    assert_int_equal(score_first_decode(&model, bytes, sizeof bytes, &out), TM_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_saturday_is_no_anomaly_from_the_third_week_on),
        cmocka_unit_test(a_saturday_like_a_weekday_is_an_anomaly),
        cmocka_unit_test(a_sample_an_hour_has_a_week_too),
        cmocka_unit_test(days_that_are_alike_have_no_week),
        cmocka_unit_test(an_outage_is_not_expected_again_a_week_later),
        cmocka_unit_test(when_the_clocks_change_the_day_stays_the_users),
        cmocka_unit_test(a_week_that_no_pushing_leaves_is_refused),
    };
    return cmocka_run_group_tests(tests, make_model, NULL);
}
