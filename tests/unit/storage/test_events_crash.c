/* A kill at every step of a flush or seal: HTTP events are there once, for this process and for another.
 * EVENT_KILLS=1: at every step, else at every eleventh. */
#include "tests/unit/storage/crash.h"
#include "tests/unit/storage/eventing.h"

enum { POINTS_MAX = 800, EACH = 60 };

static const struct span days = {DAY0 - 2 * DAY_MS, DAY0 + DAY_MS};

/* Everything is acknowledged before the flush begins; the mark tells how many rounds were sent. */
static void send_round(struct fixture *f, uint64_t round, struct ledger *ledger)
{
    send_events(f, round * 1000, EACH, days, ledger);
    struct producer_mark mark = mark_of("agent", 1, round);
    assert_int_equal(send_batch(f->store, one_sample(f->store, "marked", DAY0 + (time_ms_t)round, 1), &mark),
                     TM_OK);
}

static void live(struct fixture *f)
{
    struct ledger ledger = {0};
    for (uint64_t round = 1; round <= 2; round++) {
        send_round(f, round, &ledger);
        if (store_flush(f->store) != TM_OK)
            _exit(1);
        pass_time(f, 30 * HOUR_MS);
        flush_settle(f->store);
    }
}

/* The rounds whose marks are settled are there wholly; what else is there is a round whose mark was not sent.
 */
static void expect_rounds(struct fixture *f, struct reader *reader)
{
    const struct events_query all = {.span = EVERYTHING};
    struct ledger expected = {0}, got;
    for (uint64_t round = 1; round <= 2; round++) {
        struct producer_mark mark = mark_of("agent", 1, round);
        if (store_producer_check(f->store, &mark) != PRODUCER_DUPLICATE)
            continue;
        for (size_t i = 0; i < EACH; i++) {
            struct made_event made;
            uint64_t state = round * 1000 + i;
            make_event(&made, round * 1000 + i,
                       days.from + (time_ms_t)roll(&state, (uint64_t)(days.to - days.from)));
            (void)note_told(&expected, &made.event);
        }
    }
    sort_ledger(&expected);
    scan_all(reader, &all, &got);
    expect_same(&got, &expected);
    clear_ledger(&expected);
    clear_ledger(&got);
}

static void check(struct fixture *f)
{
    struct reader *own = reader_of_store(f->store), *other;
    struct tm_why why;
    expect_rounds(f, own);
    reader_close(own);
    assert_int_equal(reader_open(f->dir, &other, &why), TM_OK);
    expect_rounds(f, other);
    reader_close(other);
}

static void a_kill_at_any_step_loses_and_doubles_no_event(void **state)
{
    (void)state;
    bool died = true;
    int points = 0, stride = getenv("EVENT_KILLS") ? 1 : 11;
    for (int n = 1; died && n < POINTS_MAX; n += stride) {
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_kill_at_any_step_loses_and_doubles_no_event)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
