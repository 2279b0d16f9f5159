/* The n-th allocation fails, for every n, while counts are sent, flushed and read: what was acknowledged is
 * counted once, what was refused is not, and the store goes on. */
#include "tests/unit/storage/nomem.h"

#include "tests/unit/storage/counting.h"

#if CAN_FAIL
static struct {
    int64_t total;    /* acknowledged */
    uint32_t batches; /* so that each makes a cell of its own */
    int64_t read;
    int days; /* with a sample */
} told;

static enum tm_err add_one(struct fixture *f)
{
    series_id id;
    struct tm_why why;
    char name[16];
    (void)snprintf(name, sizeof name, "c%u", told.batches++ % 3);
    struct batch *batch = store_batch_new(f->store);
    if (!batch)
        return TM_NOMEM;
    enum tm_err err = series_try(f->store, batch, name, "shop", &id, &why);
    for (uint32_t cell = 0; cell < 4 && !err; cell++)
        err = store_batch_cell(batch, id, cell, DAY0 + (time_ms_t)told.batches % 8 * CELL_MS,
                               1 + (int64_t)cell);
    if (!err)
        return send_batch(f->store, batch, NULL);
    store_batch_drop(f->store, batch);
    return err;
}

static int64_t total_of_all(struct store *store)
{
    return total_of(store, "c0") + total_of(store, "c1") + total_of(store, "c2");
}

static void expect_total(struct fixture *f, enum tm_err err)
{
    (void)err;
    assert_int_equal(total_of_all(f->store), told.total);
    expect_sound(f);
}

static void note_added(struct fixture *f, enum tm_err err)
{
    told.total += err ? 0 : 10;
    expect_total(f, err);
}

static void a_count_is_taken_wholly_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    told.total = told.batches = 0;
    assert_true(fail_each(f, NULL, add_one, note_added) >= 5);
    for (int i = 0; i < 3; i++)
        note_added(f, add_one(f));
    fixture_reopen(f);
    expect_total(f, TM_OK);
    assert_true(told.total >= 40);
}

static enum tm_err flush_all(struct fixture *f)
{
    return store_flush(f->store);
}

/* Something to flush, and a sample on a day of its own, so that a partition is made each time. */
static void add_more(struct fixture *f)
{
    note_added(f, add_one(f));
    told.days++;
    assert_int_equal(send_one(f->store, "s", DAY0 - told.days * DAY_MS, 1), TM_OK);
}

static void expect_flushed(struct fixture *f, enum tm_err err)
{
    expect_total(f, err);
    assert_int_equal(count_of(f->store, "s"), told.days);
}

static void counts_survive_a_flush_without_memory(void **state)
{
    struct fixture *f = *state;
    told.total = told.batches = 0;
    for (int i = 0; i < 3; i++)
        note_added(f, add_one(f));
    assert_true(fail_each(f, add_more, flush_all, expect_flushed) > 20);
    flush_now(f);
    fixture_reopen(f);
    expect_total(f, TM_OK);
}

static enum tm_err read_all(struct fixture *f)
{
    struct tm_why why;
    const struct reader_cell *cells;
    struct reader_walk walk;
    size_t count;
    enum tm_err err = TM_OK;
    struct reader *reader = reader_of_store(f->store);
    told.read = 0;
    if (!reader)
        return TM_NOMEM;
    for (uint32_t series = 1; series <= 3 && !err; series++) {
        reader_walk_init(&walk, series, EVERYTHING);
        while ((err = reader_cells_next(reader, &walk, &cells, &count, &why)) == TM_OK) {
            for (size_t i = 0; i < count; i++)
                told.read += cells[i].value;
        }
        err = err == TM_NOT_FOUND ? TM_OK : err;
    }
    reader_close(reader);
    return err;
}

static void expect_read(struct fixture *f, enum tm_err err)
{
    (void)f;
    assert_true(told.read <= told.total);
    assert_true(err || told.read == told.total);
}

static void counts_are_read_wholly_or_with_an_error(void **state)
{
    struct fixture *f = *state;
    told.total = told.batches = 0;
    for (int i = 0; i < 6; i++) {
        note_added(f, add_one(f));
        if (i == 3)
            flush_now(f);
    }
    assert_true(fail_each(f, NULL, read_all, expect_read) >= 3);
    fixture_reopen(f); /* nothing is open yet */
    assert_true(fail_each(f, NULL, read_all, expect_read) >= 3);
    expect_total(f, TM_OK);
}
#endif

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, nomem_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
#if CAN_FAIL
        WITH_STORE(a_count_is_taken_wholly_or_not_at_all),
        WITH_STORE(counts_survive_a_flush_without_memory),
        WITH_STORE(counts_are_read_wholly_or_with_an_error),
#endif
        cmocka_unit_test(there_is_nothing_to_fail_under_a_sanitizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
