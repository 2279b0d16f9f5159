/* The hand-off between the owner and the journal thread; run it under the thread sanitizer. */
#include <stdatomic.h>

#include "tests/unit/storage/fixture.h"

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

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(submitting_and_syncing_go_on_at_the_same_time),
        WITH_STORE(failures_are_handed_over_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
