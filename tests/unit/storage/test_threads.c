/* The hand-off between the owner, the journal thread and the flush thread; run it under the thread sanitizer.
 */
#include <stdatomic.h>

#include "tests/unit/storage/engine.h"

enum { BATCHES = 400, SERIES = 50, WINDOW = 16 };

struct waker {
    atomic_int calls;
};

static void count_wake(void *arg)
{
    atomic_fetch_add(&((struct waker *)arg)->calls, 1);
}

struct tally {
    int done;
    int failed;
};

static void count_done(void *arg, enum tm_err err)
{
    struct tally *tally = arg;
    tally->done++;
    tally->failed += err != TM_OK;
}

static struct batch *make_batch(struct store *store, int n)
{
    struct batch *batch = store_batch_new(store);
    for (int i = 0; i < SERIES; i++) {
        char name[32];
        /* Always some new ones, while the thread reads the older ones' labels. */
        (void)snprintf(name, sizeof name, "s%d", n + i);
        put(store, batch, name, n, n);
    }
    assert_int_equal(store_batch_event(batch, EVENT_HTTP, n, STR("line")), TM_OK);
    return batch;
}

static void run_load(struct fixture *f, struct tally *tally)
{
    for (int n = 0; n < BATCHES; n++) {
        struct batch *batch = make_batch(f->store, n);
        struct producer_mark mark = mark_of("agent", 1, (uint64_t)n + 1);
        if (store_submit(f->store, &batch, &mark, count_done, tally) != TM_OK) {
            store_batch_drop(f->store, batch);
            tally->done++;
            tally->failed++;
        }
        while (n - tally->done > WINDOW)
            store_poll(f->store);
        if (n % 7 == 0)
            store_poll(f->store);
        (void)store_trouble(f->store);
        (void)stats_of(f->store);
        store_batch_drop(f->store, make_batch(f->store, n + BATCHES));
    }
}

static void submitting_and_syncing_go_on_at_the_same_time(void **state)
{
    struct fixture *f = *state;
    struct tally tally = {0, 0};
    struct waker waker = {0};
    fixture_close(f);
    f->options.wake = count_wake;
    f->options.wake_arg = &waker;
    f->options.segment_bytes = 20000;
    fixture_open(f);
    run_load(f, &tally);
    fixture_close(f);
    assert_int_equal(tally.done, BATCHES);
    assert_int_equal(tally.failed, 0);
    assert_true(atomic_load(&waker.calls) > 0);
    fixture_open(f);
    assert_int_equal(stats_of(f->store).samples, BATCHES * SERIES);
    assert_int_equal(stats_of(f->store).events, BATCHES);
    assert_int_equal(stats_of(f->store).series, BATCHES + SERIES - 1);
}

static void failures_are_handed_over_as_well(void **state)
{
    struct fixture *f = *state;
    struct tally tally = {0, 0};
    faulty_fail(&f->faulty, CALL_PWRITE, 10, EIO);
    run_load(f, &tally);
    uint64_t visible = stats_of(f->store).events;
    fixture_close(f);
    assert_int_equal(tally.done, BATCHES);
    assert_true(tally.failed > 0);
    fixture_open(f);
    assert_in_range(stats_of(f->store).events, visible, BATCHES);
    assert_int_equal(stats_of(f->store).events, BATCHES - tally.failed);
}

/* ---- the flush thread ---- */

enum { ROUNDS = 60 };

/* A few samples of today, of a day that is sealed at once, and of one that is beyond a short retention. */
static enum tm_err try_days(struct fixture *f, int round)
{
    struct batch *batch = store_batch_new(f->store);
    for (int i = 0; i < 20; i++) {
        put(f->store, batch, "today", DAY0 + round * 100 + i, round);
        put(f->store, batch, "sealed", DAY0 - 3 * DAY_MS + round * 100 + i, round);
        put(f->store, batch, "old", DAY0 - 40 * DAY_MS + round * 100 + i, round);
    }
    return send_batch(f->store, batch, NULL);
}

/* What waits for the flush is bounded: it may be busy. */
static void send_days(struct fixture *f, int round)
{
    enum tm_err err;
    while ((err = try_days(f, round)) == TM_BUSY) {
        pass_time(f, 2000);
        store_poll(f->store);
    }
    assert_int_equal(err, TM_OK);
}

static void set_raw_retention(struct fixture *f, int64_t raw_ms)
{
    f->options.retention_raw_ms = raw_ms;
    store_set_retention(f->store, &(struct store_retention){.raw_ms = raw_ms});
}

static void days_are_written_sealed_and_dropped_while_the_owner_goes_on(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    f->options.head_bytes = 4096; /* nearly each poll finds a flush due */
    f->options.segment_bytes = 20000;
    fixture_open(f);
    for (int round = 0; round < ROUNDS; round++) {
        send_days(f, round);
        set_raw_retention(f, round % 2 ? 30 * DAY_MS : 0);
        (void)stats_of(f->store);
        (void)store_trouble(f->store);
        (void)count_of(f->store, "sealed");
        pass_time(f, round % 5 == 0 ? 2 * HOUR_MS : 1000);
        store_poll(f->store);
        if (round % 7 == 3)
            fixture_reopen(f); /* in the middle of whatever the thread does */
        if (round % 11 == 5)
            assert_int_equal(store_flush(f->store), TM_OK);
    }
    set_raw_retention(f, 30 * DAY_MS);
    assert_int_equal(store_flush(f->store), TM_OK);
    flush_settle(f->store);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(count_of(f->store, "today"), ROUNDS * 20);
        assert_int_equal(count_of(f->store, "sealed"), ROUNDS * 20);
        assert_int_equal(count_of(f->store, "old"), 0);
        fixture_reopen(f);
    }
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(submitting_and_syncing_go_on_at_the_same_time),
        WITH_STORE(failures_are_handed_over_as_well),
        WITH_STORE(days_are_written_sealed_and_dropped_while_the_owner_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
