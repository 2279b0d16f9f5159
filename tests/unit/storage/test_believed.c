/* The clock as far as it is believed, alone and under retention. */
#include "storage/believed.h"
#include "tests/unit/storage/engine.h"

#define YEAR_MS   (365 * DAY_MS)
#define MINUTE_MS INT64_C(60000)

/* ---- the belief ---- */

static struct believed known(time_ms_t time)
{
    struct believed b = {0};
    assert_int_equal(believed_tick(&b, time, 0), BELIEVED_SAME);
    return b;
}

static void the_first_clock_is_believed(void **state)
{
    (void)state;
    struct believed b = known(WALL_START);
    assert_int_equal(b.time_ms, WALL_START);
    assert_int_equal(believed_earlier_ms(&b), WALL_START);
    assert_int_equal(believed_later_ms(&b), WALL_START);
}

static void a_clock_that_is_set_right_by_minutes_is_followed(void **state)
{
    (void)state;
    struct believed b = known(WALL_START);
    assert_int_equal(believed_tick(&b, WALL_START + 6 * MINUTE_MS, MINUTE_MS), BELIEVED_SAME);
    assert_int_equal(b.time_ms, WALL_START + 6 * MINUTE_MS);
    assert_int_equal(believed_tick(&b, WALL_START + MINUTE_MS, 0), BELIEVED_SAME);
    assert_int_equal(b.time_ms, WALL_START + MINUTE_MS);
}

static void a_jump_is_doubted_for_a_day_then_believed(void **state)
{
    static const int64_t jumps[] = {YEAR_MS, -YEAR_MS, HOUR_MS, -HOUR_MS};
    (void)state;
    for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
        struct believed b = known(WALL_START);
        time_ms_t wall = WALL_START + jumps[i];
        assert_int_equal(believed_tick(&b, wall, 0), BELIEVED_DOUBTS);
        for (int minute = 1; minute < 24 * 60; minute++) {
            wall += MINUTE_MS;
            assert_int_equal(believed_tick(&b, wall, MINUTE_MS), BELIEVED_SAME);
            assert_int_equal(b.time_ms, WALL_START + minute * MINUTE_MS);
            assert_int_equal(believed_earlier_ms(&b), jumps[i] < 0 ? wall : b.time_ms);
            assert_int_equal(believed_later_ms(&b), jumps[i] < 0 ? b.time_ms : wall);
        }
        assert_int_equal(believed_tick(&b, wall + MINUTE_MS, MINUTE_MS), BELIEVED_GIVES_IN);
        assert_int_equal(b.time_ms, wall + MINUTE_MS);
        assert_int_equal(b.ahead_ms, 0);
    }
}

static void a_clock_that_comes_back_is_as_if_it_had_never_gone(void **state)
{
    (void)state;
    struct believed b = known(WALL_START);
    assert_int_equal(believed_tick(&b, WALL_START + YEAR_MS, 0), BELIEVED_DOUBTS);
    assert_int_equal(believed_tick(&b, WALL_START + HOUR_MS, HOUR_MS), BELIEVED_AGREES);
    assert_int_equal(b.time_ms, WALL_START + HOUR_MS);
    assert_int_equal(b.doubted_ms, 0);
}

static void an_hour_without_the_daemon_is_no_jump(void **state)
{
    (void)state;
    struct believed b = known(WALL_START);
    believed_resume(&b, WALL_START + HOUR_MS);
    assert_int_equal(believed_tick(&b, WALL_START + HOUR_MS, 0), BELIEVED_SAME);
    believed_resume(&b, WALL_START + 3 * HOUR_MS);
    assert_int_equal(believed_tick(&b, WALL_START + 3 * HOUR_MS, 0), BELIEVED_DOUBTS);
    b.doubted_ms = 10 * HOUR_MS;
    believed_resume(&b, WALL_START + 3 * DAY_MS); /* stopped again, for less than a week */
    assert_int_equal(believed_tick(&b, WALL_START + 3 * DAY_MS, 0), BELIEVED_SAME);
    assert_int_equal(b.doubted_ms, 10 * HOUR_MS);
    believed_resume(&b, WALL_START + YEAR_MS);
    assert_int_equal(believed_tick(&b, WALL_START + YEAR_MS, 0), BELIEVED_DOUBTS);
    assert_int_equal(b.doubted_ms, 0);
}

static void another_jump_begins_the_doubt_anew(void **state)
{
    (void)state;
    struct believed b = known(WALL_START);
    assert_int_equal(believed_tick(&b, WALL_START + YEAR_MS, 0), BELIEVED_DOUBTS);
    assert_int_equal(believed_tick(&b, WALL_START + YEAR_MS + 23 * HOUR_MS, 23 * HOUR_MS), BELIEVED_SAME);
    assert_int_equal(believed_tick(&b, WALL_START + 2 * YEAR_MS + 24 * HOUR_MS, HOUR_MS), BELIEVED_DOUBTS);
    assert_int_equal(b.doubted_ms, 0);
    assert_int_equal(believed_earlier_ms(&b), WALL_START + 24 * HOUR_MS);
}

static void clocks_out_of_any_range_do_no_harm(void **state)
{
    (void)state;
    struct believed b = known(WALL_START);
    assert_int_equal(believed_tick(&b, INT64_MAX, INT64_MAX), BELIEVED_SAME);
    b = known(WALL_START);
    assert_int_equal(believed_tick(&b, INT64_MIN, 0), BELIEVED_DOUBTS);
    assert_int_equal(b.time_ms, WALL_START);
    assert_int_equal(believed_tick(&b, WALL_START, -5), BELIEVED_AGREES);
}

/* ---- retention by it ---- */

enum { KEPT_DAYS = 7 };

/* A store with a week of data, all within its retention. */
static void fill_week(struct fixture *f)
{
    fixture_close(f);
    f->options.retention_raw_ms = KEPT_DAYS * DAY_MS;
    f->options.retention_events_ms = KEPT_DAYS * DAY_MS;
    fixture_open(f);
    for (int day = 0; day < KEPT_DAYS; day++)
        assert_int_equal(send_one(f->store, "cpu", DAY0 - day * DAY_MS, day), TM_OK);
    assert_int_equal(send_event(f->store, EVENT_HTTP, DAY0, "e"), TM_OK);
    flush_now(f);
    flush_settle(f->store);
    assert_int_equal(count_of(f->store, "cpu"), KEPT_DAYS);
}

static void jump(struct fixture *f, int64_t ms)
{
    __atomic_fetch_add(&f->clock.wall_ms, ms, __ATOMIC_RELAXED);
}

static void a_clock_that_jumps_a_year_ahead_removes_nothing_at_once(void **state)
{
    struct fixture *f = *state;
    fill_week(f);
    jump(f, YEAR_MS);
    assert_int_equal(send_one(f->store, "cpu", DAY0 + 5, 9), TM_OK);
    flush_now(f);
    flush_settle(f->store);
    assert_int_equal(count_of(f->store, "cpu"), KEPT_DAYS + 1);
    expect_events(f->store, EVENT_HTTP, "e ");
    assert_int_equal(stats_of(f->store).expired_days, 0);
    assert_non_null(strstr(f->log, "clock.doubted"));
    jump(f, -YEAR_MS);
    flush_settle(f->store);
    assert_non_null(strstr(f->log, "clock.agrees"));
    assert_int_equal(count_of(f->store, "cpu"), KEPT_DAYS + 1);
}

static void a_restart_does_not_make_the_jump_true(void **state)
{
    struct fixture *f = *state;
    struct producer_mark mark = mark_of("agent", 1, 1);
    fill_week(f);
    assert_int_equal(send_batch(f->store, one_sample(f->store, "x", DAY0, 1), &mark), TM_OK);
    jump(f, YEAR_MS);
    for (int i = 0; i < 3; i++) {
        fixture_reopen(f);
        flush_now(f);
        flush_settle(f->store);
        assert_int_equal(count_of(f->store, "cpu"), KEPT_DAYS);
        /* Nor does it make the store forget who sent what. */
        assert_int_equal(store_producer_check(f->store, &mark), PRODUCER_DUPLICATE);
    }
}

static void a_clock_that_stands_where_it_jumped_to_is_believed_after_a_day(void **state)
{
    struct fixture *f = *state;
    fill_week(f);
    jump(f, YEAR_MS);
    for (int hour = 0; hour < 26; hour++) {
        assert_int_equal(stats_of(f->store).expired_days, hour < 25 ? 0 : KEPT_DAYS);
        flush_settle(f->store);
        pass_time(f, HOUR_MS);
    }
    assert_non_null(strstr(f->log, "clock.believed"));
}

static void a_clock_that_jumps_back_removes_nothing_when_it_returns(void **state)
{
    struct fixture *f = *state;
    struct producer_mark mark = mark_of("agent", 1, 1);
    fill_week(f);
    jump(f, -YEAR_MS);
    store_poll(f->store);
    assert_int_equal(send_batch(f->store, one_sample(f->store, "x", DAY0, 1), &mark), TM_OK);
    flush_now(f);
    pass_time(f, HOUR_MS);
    flush_settle(f->store);
    jump(f, YEAR_MS);
    flush_settle(f->store);
    assert_int_equal(count_of(f->store, "cpu"), KEPT_DAYS);
    assert_int_equal(store_producer_check(f->store, &mark), PRODUCER_DUPLICATE);
}

static void time_that_both_clocks_saw_pass_removes_what_is_old(void **state)
{
    struct fixture *f = *state;
    fill_week(f);
    for (int i = 0; i < 3 * 24; i++) {
        pass_time(f, HOUR_MS);
        store_poll(f->store);
    }
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).expired_days, 2);
    assert_null(strstr(f->log, "clock."));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_clock_is_believed),
        cmocka_unit_test(a_clock_that_is_set_right_by_minutes_is_followed),
        cmocka_unit_test(a_jump_is_doubted_for_a_day_then_believed),
        cmocka_unit_test(a_clock_that_comes_back_is_as_if_it_had_never_gone),
        cmocka_unit_test(an_hour_without_the_daemon_is_no_jump),
        cmocka_unit_test(another_jump_begins_the_doubt_anew),
        cmocka_unit_test(clocks_out_of_any_range_do_no_harm),
        CASE(a_clock_that_jumps_a_year_ahead_removes_nothing_at_once),
        CASE(a_restart_does_not_make_the_jump_true),
        CASE(a_clock_that_stands_where_it_jumped_to_is_believed_after_a_day),
        CASE(a_clock_that_jumps_back_removes_nothing_when_it_returns),
        CASE(time_that_both_clocks_saw_pass_removes_what_is_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
