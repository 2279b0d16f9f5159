/* A kill at every step of a delete and of carrying it out: all of it or nothing, and once answered all of it.
 */
#include "tests/unit/storage/deleting.h"
#include "tests/unit/storage/crash.h"

/* Every n-th point, or, with KILLS=1, each. */
enum { DAYS = 2, EACH = 6, POINTS_MAX = 600, POINTS_STEP = 7 };

#define ALL_TIME ((struct span){INT64_MIN, INT64_MAX})

/* ---- dying at the n-th point ---- */

/* Two sealed days and today, half of it in memory. */
static void prepare(struct fixture *f)
{
    for (int i = 0; i < EACH; i++) {
        for (int day = 0; day < DAYS; day++) {
            time_ms_t time = DAY0 - day * 2 * DAY_MS + i * 1000;
            assert_int_equal(send_one(f->store, "cpu", time, i), TM_OK);
            assert_int_equal(send_one(f->store, "mem", time, i), TM_OK);
        }
        if (i == EACH / 2) {
            flush_now(f);
            flush_settle(f->store);
        }
    }
}

/* What the process got answers for, told to its parent before it dies. */
enum { TOLD_DELETED = 1, TOLD_AGAIN = 2 };

static void tell(int to, char what)
{
    if (write(to, &what, 1) != 1)
        _exit(3);
}

static void live(struct fixture *f, int to)
{
    struct deleted deleted = delete_now(f, "cpu", ALL_TIME);
    if (deleted.err != TM_OK)
        _exit(4);
    tell(to, TOLD_DELETED);
    flush_settle(f->store);
    if (send_one(f->store, "cpu", DAY0 - 2 * DAY_MS, 99) != TM_OK) /* late, and deleted before */
        _exit(5);
    tell(to, TOLD_AGAIN);
    if (store_flush(f->store) != TM_OK)
        _exit(6);
    pass_time(f, 3 * DAY_MS);
    flush_settle(f->store);
}

/* Runs live() in a child that dies at the n-th point; what it told. False: it lived. */
static bool die_telling_at(struct fixture *f, int n, char *told)
{
    int ends[2];
    char what;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct death death = {n};
        f->options.fault_point = pass_point;
        f->options.fault_arg = &death;
        if (fixture_try_open(f) != TM_OK)
            _exit(2);
        live(f, ends[1]);
        _exit(0);
    }
    close(ends[1]);
    *told = 0;
    while (read(ends[0], &what, 1) == 1)
        *told = what;
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == DIED || WEXITSTATUS(status) == 0);
    return WEXITSTATUS(status) == DIED;
}

static void check(struct fixture *f, char told)
{
    size_t count = count_of(f->store, "cpu");
    assert_int_equal(count_of(f->store, "mem"), DAYS * EACH);
    assert_int_equal(stats_of(f->store).damaged_records, 0);
    if (told == 0)
        assert_true(count == 0 || count == DAYS * EACH);
    else if (told == TOLD_DELETED) /* the sample may be there without an answer */
        assert_in_range(count, 0, 1);
    else
        assert_true(count == 1 && last_of(f->store, "cpu") == 99);
}

static void a_kill_at_any_step_of_a_delete_leaves_all_or_nothing_and_an_answer_is_kept(void **state)
{
    (void)state;
    bool died = true;
    int points = 0;
    for (int n = 1; died && n < POINTS_MAX; n += getenv("KILLS") ? 1 : POINTS_STEP) {
        struct fixture *f = fixture_new();
        char told;
        fixture_open(f);
        prepare(f);
        fixture_close(f);
        died = die_telling_at(f, n, &told);
        points = n;
        f->options.fault_point = NULL;
        fixture_open(f);
        check(f, told);
        flush_now(f);
        pass_time(f, 3 * DAY_MS);
        flush_settle(f->store);
        check(f, told);
        assert_int_equal(stats_of(f->store).deletes, 0);
        assert_int_equal(delete_now(f, "cpu", ALL_TIME).err, TM_OK);
        fixture_reopen(f);
        assert_int_equal(count_of(f->store, "cpu"), 0);
        assert_int_equal(count_of(f->store, "mem"), DAYS * EACH);
        fixture_close(f);
        folder_remove(f->dir);
        free(f);
    }
    assert_false(died);
    assert_true(points > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kill_at_any_step_of_a_delete_leaves_all_or_nothing_and_an_answer_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
