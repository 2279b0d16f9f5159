/* Counts when things go wrong: a kill at every step of flush, seal and merge; files that can't be written. */
#include "tests/unit/storage/counting.h"
#include "tests/unit/storage/crash.h"

enum { ROUNDS = 2, POINTS_MAX = 600 };

/* ---- dying at the n-th point ---- */

/* Three rounds of counts for today, for a day that is sealed and for one in between; each acknowledged before
 * the flush in which the kill comes. */
static void live(struct fixture *f)
{
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        struct producer_mark mark = mark_of("agent", 1, round);
        if (store_producer_check(f->store, &mark) != PRODUCER_DUPLICATE) {
            struct batch *batch = store_batch_new(f->store);
            for (int day = 0; day < 3; day++) {
                add_to(f->store, batch, "hits", 0, DAY0 - day * 2 * DAY_MS, 1);
                add_to(f->store, batch, "hist", (uint32_t)round, DAY0 - day * 2 * DAY_MS, 10);
            }
            if (send_batch(f->store, batch, &mark) != TM_OK)
                _exit(1);
        }
        if (store_flush(f->store) != TM_OK)
            _exit(1);
        pass_time(f, 3 * HOUR_MS);
        flush_settle(f->store);
    }
}

static void check(struct fixture *f)
{
    uint64_t rounds = 0;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        struct producer_mark mark = mark_of("agent", 1, round);
        rounds += store_producer_check(f->store, &mark) == PRODUCER_DUPLICATE;
    }
    assert_int_equal(total_of(f->store, "hits"), 3 * rounds);
    assert_int_equal(total_of(f->store, "hist"), 30 * rounds);
    assert_int_equal(stats_of(f->store).damaged_records, 0);
}

/* Runs live() in a child that dies at the n-th point. False: it lived. */
static void a_kill_at_any_step_adds_nothing_twice(void **state)
{
    (void)state;
    bool died = true;
    int points = 0;
    for (int n = 1; died && n < POINTS_MAX; n++) {
        struct fixture *f = fixture_new();
        died = die_at(f, n, live);
        points = n;
        fixture_open(f);
        check(f);
        live(f);
        check(f);
        fixture_reopen(f);
        check(f);
        fixture_close(f);
        folder_remove(f->dir);
        free(f);
    }
    assert_false(died);
    assert_true(points > 20);
}

/* ---- files that can't be written ---- */

static void a_window_that_fails_is_tried_again_and_counts_once(void **state)
{
    struct fixture *f = *state;
    char path[512], name[PARTITION_PERIOD_NAME_BYTES];
    count_one(f->store, "hits", 0, DAY0 - DAY_MS, 3);
    count_one(f->store, "hits", 0, DAY0, 5);
    assert_int_equal(partition_period_name(PARTITION_COUNTS, (uint32_t)(DAY0 / DAY_MS), name), TM_OK);
    (void)snprintf(path, sizeof path, "%s/counts/%s", f->dir, name);
    FILE *file = fopen(path, "w"); /* where the partition of the second day is to be */
    assert_non_null(file);
    (void)fclose(file);
    assert_int_not_equal(store_flush(f->store), TM_OK); /* the first day is written by now */
    assert_int_equal(total_of(f->store, "hits"), 8);
    count_one(f->store, "hits", 0, DAY0 - DAY_MS, 100);
    assert_int_equal(total_of(f->store, "hits"), 108);
    assert_int_equal(unlink(path), 0);
    flush_now(f);
    assert_int_equal(total_of(f->store, "hits"), 108);
    fixture_reopen(f);
    assert_int_equal(total_of(f->store, "hits"), 108);
}

/* Kills and restarts are of the process only: a folder in memory will do. */
static int use_memory(void **state)
{
    struct stat info;
    (void)state;
    return stat("/dev/shm", &info) == 0 ? setenv("TMPDIR", "/dev/shm", 0) : 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kill_at_any_step_adds_nothing_twice),
        CASE(a_window_that_fails_is_tried_again_and_counts_once),
    };
    return cmocka_run_group_tests(tests, use_memory, NULL);
}
