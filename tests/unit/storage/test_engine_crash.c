/* A kill at every step of flush, seal and trim: nothing lost, nothing twice. */
#include "tests/unit/storage/crash.h"

enum { SAMPLES = 40, POINTS_MAX = 400 };

/* ---- dying at the n-th point ---- */

/* What the process does that dies: samples of three days (one of them sealed), events, producers, a flush,
 * the order of files, more of it all, another flush. Everything is acknowledged before the flush begins. */
static void live(struct fixture *f)
{
    for (uint64_t round = 1; round <= 2; round++) {
        for (int i = 0; i < SAMPLES; i++) {
            time_ms_t time = DAY0 - (i % 3) * 2 * DAY_MS + i * 1000 + (time_ms_t)round;
            assert_int_equal(send_one(f->store, i % 2 ? "cpu" : "mem", time, i), TM_OK);
        }
        assert_int_equal(send_one(f->store, "twice", DAY0, (double)round), TM_OK);
        assert_int_equal(send_event(f->store, EVENT_HTTP, DAY0, round == 1 ? "a" : "b"), TM_OK);
        struct producer_mark mark = mark_of("agent", 1, round);
        assert_int_equal(
            send_batch(f->store, one_sample(f->store, "marked", DAY0 + (time_ms_t)round, 1), &mark), TM_OK);
        if (store_flush(f->store) != TM_OK)
            _exit(1);
        pass_time(f, 3 * HOUR_MS);
        flush_settle(f->store);
    }
}

/* How much of live() was done, to be told by what is there: whole rounds, since the kill is in a flush. */
static void check(struct fixture *f)
{
    struct producer_mark first = mark_of("agent", 1, 1), second = mark_of("agent", 1, 2);
    bool is_second = store_producer_check(f->store, &second) == PRODUCER_DUPLICATE;
    size_t rounds = is_second ? 2 : 1;
    if (store_producer_check(f->store, &first) != PRODUCER_DUPLICATE)
        return; /* died in store_open */
    assert_int_equal(count_of(f->store, "cpu") + count_of(f->store, "mem") >= rounds * SAMPLES, 1);
    assert_int_equal(count_of(f->store, "marked"), rounds);
    assert_int_equal(count_of(f->store, "twice"), 1);
    assert_int_equal(stats_of(f->store).damaged_records, 0);
    if (!is_second)
        return; /* the kill came behind the first flush, in the second round's sending */
    assert_int_equal(count_of(f->store, "cpu") + count_of(f->store, "mem"), 2 * SAMPLES);
    assert_true(value_at(f->store, "twice", DAY0) == 2);
    expect_events(f->store, EVENT_HTTP, "a b ");
}

/* Runs live() in a child that dies at the n-th point. False: it lived. */
static void a_kill_at_any_step_of_a_flush_or_seal_loses_and_doubles_nothing(void **state)
{
    (void)state;
    bool died = true;
    int points = 0;
    for (int n = 1; died && n < POINTS_MAX; n++) {
        struct fixture *f = fixture_new();
        died = die_at(f, n, live);
        points = n;
        f->options.fault_point = NULL;
        fixture_open(f);
        check(f);
        assert_int_equal(store_flush(f->store), TM_OK);
        flush_settle(f->store);
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

/* The same folder is killed over and over at the first points of each life. */
static void kills_one_after_the_other_lose_nothing(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    for (int n = 0; n < 25; n++) {
        pid_t child = fork();
        if (child == 0) {
            struct death death = {n};
            f->options.fault_point = pass_point;
            f->options.fault_arg = &death;
            fixture_open(f);
            if (send_one(f->store, "cpu", DAY0 + n, n) != TM_OK ||
                send_event(f->store, EVENT_HTTP, DAY0 + n, "e") != TM_OK)
                _exit(3);
            (void)!store_flush(f->store);
            flush_settle(f->store);
            _exit(42);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(WEXITSTATUS(status), 42);
    }
    fixture_open(f);
    size_t count = count_of(f->store, "cpu");
    struct reader *reader = reader_of_store(f->store);
    char *events = events_in(reader, EVENT_HTTP);
    reader_close(reader);
    assert_in_range(count, 20, 25); /* some lives ended while opening, before they sent anything */
    assert_in_range(strlen(events) / 2, count - 1, count);
    free(events);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kill_at_any_step_of_a_flush_or_seal_loses_and_doubles_nothing),
        CASE(kills_one_after_the_other_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
