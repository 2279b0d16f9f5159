/* The n-th allocation fails, for every n, while samples are sent, flushed and replayed: what was acknowledged
 * is there once, what was refused is not, and the store goes on. */
#include "tests/unit/storage/nomem.h"

#if CAN_FAIL
enum { POINTS = 3 };

static struct {
    uint64_t batches;
    size_t samples; /* of `steady`, acknowledged */
    size_t series;  /* beside it, of acknowledged batches, with a sample each */
    size_t days;    /* samples of `days`, one each */
} told;

/* A batch with samples of a series that is known and one of a series that is not. */
static enum tm_err send_some(struct fixture *f)
{
    series_id steady = 0, fresh = 0;
    char name[24];
    (void)snprintf(name, sizeof name, "fresh%u", (unsigned)told.batches++);
    struct batch *batch = store_batch_new(f->store);
    if (!batch)
        return TM_NOMEM;
    enum tm_err err = series_try(f->store, batch, "steady", "shop", &steady, &f->why);
    if (!err)
        err = series_try(f->store, batch, name, "shop", &fresh, &f->why);
    for (int i = 0; i < POINTS && !err; i++)
        err = store_batch_sample(batch, steady, DAY0 + (time_ms_t)told.batches * 10 + i, number_of_double(i));
    if (!err)
        err = store_batch_sample(batch, fresh, DAY0, number_of_double(1));
    if (!err)
        return send_batch(f->store, batch, NULL);
    store_batch_drop(f->store, batch);
    return err;
}

static void expect_told(struct fixture *f, enum tm_err err)
{
    (void)err;
    store_poll(f->store);
    assert_int_equal(count_of(f->store, "steady"), told.samples);
    assert_int_equal(stats_of(f->store).series, told.series + (told.samples > 0) + (told.days > 0));
    expect_sound(f);
}

static void note_sent(struct fixture *f, enum tm_err err)
{
    told.samples += err ? 0 : POINTS;
    told.series += !err;
    expect_told(f, err);
}

static void samples_are_taken_wholly_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    memset(&told, 0, sizeof told);
    for (int i = 0; i < 30; i++) /* tables grow now and then */
        assert_true(fail_each(f, NULL, send_some, note_sent) >= 1);
    fixture_reopen(f);
    expect_told(f, TM_OK);
}

/* ---- flushes ---- */

static enum tm_err flush_all(struct fixture *f)
{
    return store_flush(f->store);
}

/* What makes a partition each time. */
static void send_more(struct fixture *f)
{
    note_sent(f, send_some(f));
    told.days++;
    assert_int_equal(send_one(f->store, "days", DAY0 - (time_ms_t)told.days * DAY_MS, 1), TM_OK);
    expect_told(f, TM_OK);
}

static void samples_survive_a_flush_without_memory(void **state)
{
    struct fixture *f = *state;
    memset(&told, 0, sizeof told);
    assert_true(fail_each(f, send_more, flush_all, expect_told) > 20);
    flush_now(f);
    fixture_reopen(f);
    expect_told(f, TM_OK);
    assert_int_equal(count_of(f->store, "days"), told.days);
}

/* ---- opening ---- */

static enum tm_err open_store(struct fixture *f)
{
    return fixture_try_open(f);
}

static void expect_opened(struct fixture *f, enum tm_err err)
{
    if (err) {
        assert_null(f->store);
        return;
    }
    expect_told(f, err);
    assert_int_equal(count_of(f->store, "days"), told.days);
    fixture_close(f);
}

static void a_store_opens_whole_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    memset(&told, 0, sizeof told);
    send_more(f);
    flush_now(f);
    send_more(f);
    fixture_close(f);
    assert_true(fail_each(f, NULL, open_store, expect_opened) > 20);
    fixture_open(f);
    expect_told(f, TM_OK);
}

/* A flush that was interrupted between its days: some are in the partitions, the journal has all. */
static void stop_here(void *arg, const char *name)
{
    struct fixture *f = arg;
    if (strcmp(name, "flush.day") == 0)
        atomic_store(&f->store->flush.stop, true);
}

static void an_interrupted_flush_is_replayed_whole_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    memset(&told, 0, sizeof told);
    fixture_close(f);
    f->options.fault_point = stop_here;
    f->options.fault_arg = f;
    fixture_open(f);
    send_more(f);
    send_more(f);
    assert_int_equal(store_flush(f->store), TM_CLOSED);
    fixture_close(f);
    f->options.fault_point = NULL;
    assert_true(fail_each(f, NULL, open_store, expect_opened) > 20);
    fixture_open(f);
    expect_told(f, TM_OK);
}
#endif

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, nomem_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
#if CAN_FAIL
        WITH_STORE(samples_are_taken_wholly_or_not_at_all),
        WITH_STORE(samples_survive_a_flush_without_memory),
        WITH_STORE(a_store_opens_whole_or_not_at_all),
        WITH_STORE(an_interrupted_flush_is_replayed_whole_or_not_at_all),
#endif
        cmocka_unit_test(there_is_nothing_to_fail_under_a_sanitizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
