/* A kill at every step at which series leave, and at which they come back: nothing of what stays is lost. */
#include "tests/unit/storage/crash.h"

/* Every n-th point, or, with KILLS=1, each. */
enum { SERIES = 600, POINTS_MAX = 2000, POINTS_STEP = 2 };

static void send_some(struct fixture *f, int step, double value)
{
    char name[32];
    struct batch *batch = store_batch_new(f->store);
    for (int i = 0; i < SERIES; i += step) {
        (void)snprintf(name, sizeof name, "s%d", i);
        put(f->store, batch, name, f->clock.wall_ms, value);
    }
    if (send_batch(f->store, batch, NULL) != TM_OK)
        _exit(4);
}

/* All leave but every third; then every second comes (back), and it all goes into files. */
static void live(struct fixture *f)
{
    for (int i = 0; i < 3; i++) {
        pass_time(f, 2 * HOUR_MS);
        store_poll(f->store);
        flush_settle(f->store);
    }
    if (stats_of(f->store).series_left != SERIES - SERIES / 3)
        _exit(5);
    send_some(f, 2, 3);
    if (store_flush(f->store) != TM_OK)
        _exit(6);
}

static void prepare(struct fixture *f)
{
    f->options.retention_raw_ms = 2 * DAY_MS;
    f->options.retention_rollup_5m_ms = DAY_MS;
    f->options.retention_rollup_1h_ms = DAY_MS;
    fixture_open(f);
    send_some(f, 1, 1);
    flush_now(f);
    pass_time(f, 70 * DAY_MS);
    send_some(f, 3, 2);
    flush_now(f);
    fixture_close(f);
}

/* Every series that has data has it once; nothing is damaged. */
static void check(struct fixture *f)
{
    assert_int_equal(f->store->contents.mark.damaged, 0);
    assert_int_equal(stats_of(f->store).damaged_records, 0);
    assert_true(last_of(f->store, "s3") == 2);
    assert_int_equal(count_of(f->store, "s3"), 1);
    assert_int_equal(count_of(f->store, "s597"), 1);
    assert_in_range(count_of(f->store, "s2"), 0, 2);
}

static void a_kill_at_any_step_loses_nothing_that_stays(void **state)
{
    (void)state;
    bool died = true;
    int points = 0;
    for (int n = 1; died && n < POINTS_MAX; n += getenv("KILLS") ? 1 : POINTS_STEP) {
        struct fixture *f = fixture_new();
        prepare(f);
        died = die_at(f, n, live);
        points = n;
        fixture_open(f);
        check(f);
        pass_time(f, 2 * HOUR_MS);
        send_some(f, 2, 3);
        flush_now(f);
        flush_settle(f->store);
        for (int i = 0; i < 2; i++) {
            check(f);
            assert_true(last_of(f->store, "s2") == 3);
            fixture_reopen(f);
        }
        for (int i = 0; i < 3; i++) {
            pass_time(f, 2 * HOUR_MS);
            flush_settle(f->store);
        }
        assert_int_equal(stats_of(f->store).series, SERIES / 2 + SERIES / 6);
        fixture_close(f);
        folder_remove(f->dir);
        free(f);
    }
    assert_false(died);
    assert_true(points > 10);
    print_message("%d points\n", points);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_kill_at_any_step_loses_nothing_that_stays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
