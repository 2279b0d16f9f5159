/* Counts behind the store: exact sums, whatever the order, the flushes, the seals and the restarts. */
#include "tests/unit/storage/counting.h"

#define SLOT_MS ((time_ms_t)CELL_MS)

static struct cell_list cells;

static void look(struct store *store, const char *name, struct span span)
{
    struct reader *reader = reader_of_store(store);
    cells_in(reader, name, span, &cells);
    reader_close(reader);
}

static void expect_cell(size_t at, time_ms_t time, uint32_t cell, int64_t value)
{
    assert_true(at < cells.count);
    assert_int_equal(cells.at[at].time, time);
    assert_int_equal(cells.at[at].cell, cell);
    assert_int_equal(cells.at[at].value, value);
}

/* ---- adding up ---- */

static void adds_to_one_cell_are_one_sum(void **state)
{
    struct fixture *f = *state;
    struct batch *batch = store_batch_new(f->store);
    for (int i = 0; i < 1000; i++)
        add_to(f->store, batch, "hits", 0, DAY0 + i, 2);
    add_to(f->store, batch, "hits", 0, DAY0 + SLOT_MS, 5);
    add_to(f->store, batch, "hits", 0, DAY0 + SLOT_MS - 1, -1);
    assert_int_equal(store_batch_count(batch), 2);
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
    for (int i = 0; i < 3; i++) {
        look(f->store, "hits", EVERYTHING);
        assert_int_equal(cells.count, 2);
        expect_cell(0, DAY0, 0, 1999);
        expect_cell(1, DAY0 + SLOT_MS, 0, 5);
        if (i == 0)
            fixture_reopen(f);
        else
            flush_now(f);
    }
}

static void windows_are_added_up(void **state)
{
    struct fixture *f = *state;
    for (int i = 1; i <= 5; i++) {
        count_one(f->store, "hits", 0, DAY0 + 1, i);
        count_one(f->store, "hits", 7, DAY0 + 2, 10 * i);
        if (i < 4)
            flush_now(f);
        if (i == 3)
            fixture_reopen(f);
    }
    for (int i = 0; i < 2; i++) {
        look(f->store, "hits", EVERYTHING);
        assert_int_equal(cells.count, 2);
        expect_cell(0, DAY0, 0, 15);
        expect_cell(1, DAY0, 7, 150);
        fixture_reopen(f);
    }
}

static void a_correction_that_leaves_nothing_is_not_listed(void **state)
{
    struct fixture *f = *state;
    count_one(f->store, "paid", 0, DAY0, 500);
    flush_now(f);
    count_one(f->store, "paid", 0, DAY0, -500);
    look(f->store, "paid", EVERYTHING);
    assert_int_equal(cells.count, 0);
    flush_now(f);
    look(f->store, "paid", EVERYTHING);
    assert_int_equal(cells.count, 0);
    count_one(f->store, "paid", 0, DAY0, -3);
    look(f->store, "paid", EVERYTHING);
    assert_int_equal(cells.count, 1);
    expect_cell(0, DAY0, 0, -3);
}

static void a_batch_whose_adds_cancel_is_taken(void **state)
{
    struct fixture *f = *state;
    struct batch *batch = store_batch_new(f->store);
    add_to(f->store, batch, "paid", 0, DAY0, 5);
    add_to(f->store, batch, "paid", 0, DAY0, -5);
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
    fixture_reopen(f);
    look(f->store, "paid", EVERYTHING);
    assert_int_equal(cells.count, 0);
    assert_int_equal(stats_of(f->store).damaged_records, 0);
}

static void late_cells_in_any_order_are_sorted(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 2000 };
    for (int round = 0; round < 2; round++) {
        struct batch *batch = store_batch_new(f->store);
        for (int i = 0; i < COUNT; i++) {
            int place = i * 1237 % COUNT; /* every one once */
            add_to(f->store, batch, "late", (uint32_t)(place % 4), DAY0 + place / 4 * SLOT_MS, place + 1);
        }
        assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
    }
    for (int i = 0; i < 2; i++) {
        look(f->store, "late", EVERYTHING);
        assert_int_equal(cells.count, COUNT);
        for (int place = 0; place < COUNT; place++)
            expect_cell((size_t)place, DAY0 + place / 4 * SLOT_MS, (uint32_t)(place % 4), 2 * (place + 1));
        flush_now(f);
    }
}

static void a_span_takes_the_cells_that_begin_in_it(void **state)
{
    struct fixture *f = *state;
    for (int i = -2; i < 3; i++)
        count_one(f->store, "hits", 0, DAY0 + i * SLOT_MS, 10 + i);
    for (int i = 0; i < 2; i++) {
        look(f->store, "hits", (struct span){DAY0 - SLOT_MS, DAY0 + SLOT_MS + 1});
        assert_int_equal(cells.count, 3);
        expect_cell(0, DAY0 - SLOT_MS, 0, 9);
        expect_cell(2, DAY0 + SLOT_MS, 0, 11);
        look(f->store, "hits", (struct span){DAY0 - SLOT_MS + 1, DAY0 + SLOT_MS});
        assert_int_equal(cells.count, 1);
        expect_cell(0, DAY0, 0, 10);
        flush_now(f);
    }
}

/* ---- 64 bits ---- */

static void a_batch_that_passes_64_bits_is_refused(void **state)
{
    struct fixture *f = *state;
    struct batch *batch = store_batch_new(f->store);
    add_to(f->store, batch, "sum", 0, DAY0, INT64_MAX);
    series_id id = store_series_find(f->store, hash_of("sum"));
    assert_int_equal(store_batch_cell(batch, id, 0, DAY0, 1), TM_LIMIT);
    assert_int_equal(store_batch_cell(batch, id, 0, DAY0, -1), TM_OK);
    assert_int_equal(store_batch_cell(batch, id, 1, DAY0, INT64_MIN), TM_OK);
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
    fixture_reopen(f);
    look(f->store, "sum", EVERYTHING);
    expect_cell(0, DAY0, 0, INT64_MAX - 1);
    expect_cell(1, DAY0, 1, INT64_MIN);
}

static void a_sum_that_passes_64_bits_stays_at_the_bound_and_is_counted(void **state)
{
    struct fixture *f = *state;
    count_one(f->store, "sum", 0, DAY0, INT64_MAX);
    assert_int_equal(stats_of(f->store).cells_saturated, 0);
    count_one(f->store, "sum", 0, DAY0, 5);
    assert_int_equal(stats_of(f->store).cells_saturated, 1);
    count_one(f->store, "less", 0, DAY0, INT64_MIN);
    flush_now(f);
    assert_int_equal(stats_of(f->store).cells_saturated, 1);
    count_one(f->store, "less", 0, DAY0, -1);
    look(f->store, "sum", EVERYTHING);
    expect_cell(0, DAY0, 0, INT64_MAX);
    look(f->store, "less", EVERYTHING);
    expect_cell(0, DAY0, 0, INT64_MIN);
}

static void times_at_the_ends_of_time_do_no_harm(void **state)
{
    struct fixture *f = *state;
    count_one(f->store, "odd", 0, INT64_MIN, 1);
    count_one(f->store, "odd", 0, -1, 2);
    count_one(f->store, "odd", 0, INT64_MAX, 3);
    count_one(f->store, "odd", 0, DAY0, 4);
    fixture_reopen(f);
    look(f->store, "odd", (struct span){DAY0, DAY0 + 1});
    assert_int_equal(cells.count, 1);
    flush_now(f);
    assert_non_null(strstr(f->log, "flush.unstorable"));
    look(f->store, "odd", (struct span){-DAY_MS, DAY0 + 1});
    assert_int_equal(cells.count, 1);
    expect_cell(0, DAY0, 0, 4);
}

/* ---- days ---- */

static void a_day_that_is_over_is_sealed_with_its_sums(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 4; i++) {
        count_one(f->store, "hits", 0, DAY0 - 2 * DAY_MS, 3);
        count_one(f->store, "hist", (uint32_t)i, DAY0 - 2 * DAY_MS, 3);
        flush_now(f);
    }
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).sealed_days, 1);
    count_one(f->store, "hits", 0, DAY0 - 2 * DAY_MS, 1); /* late */
    for (int i = 0; i < 3; i++) {
        look(f->store, "hits", EVERYTHING);
        assert_int_equal(cells.count, 1);
        expect_cell(0, DAY0 - 2 * DAY_MS, 0, 13);
        look(f->store, "hist", EVERYTHING);
        assert_int_equal(cells.count, 4);
        flush_now(f);
        pass_time(f, 2 * HOUR_MS);
        flush_settle(f->store);
        if (i == 1)
            fixture_reopen(f);
    }
    assert_int_equal(stats_of(f->store).count_days, 1);
}

static void a_day_whose_sums_are_all_0_is_sealed(void **state)
{
    struct fixture *f = *state;
    count_one(f->store, "hits", 0, DAY0 - 2 * DAY_MS, 3);
    flush_now(f);
    count_one(f->store, "hits", 0, DAY0 - 2 * DAY_MS, -3);
    flush_now(f);
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).sealed_days, 1);
    assert_null(strstr(f->log, "seal.failed"));
    look(f->store, "hits", EVERYTHING);
    assert_int_equal(cells.count, 0);
    fixture_reopen(f);
    count_one(f->store, "hits", 0, DAY0 - 2 * DAY_MS, 8);
    look(f->store, "hits", EVERYTHING);
    assert_int_equal(cells.count, 1);
    expect_cell(0, DAY0 - 2 * DAY_MS, 0, 8);
}

static void days_older_than_the_retention_of_samples_go(void **state)
{
    struct fixture *f = *state;
    count_one(f->store, "hits", 0, DAY0 - 5 * DAY_MS, 1);
    count_one(f->store, "hits", 0, DAY0, 2);
    flush_now(f);
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).count_days, 2);
    store_set_retention(f->store, &(struct store_retention){.raw_ms = 3 * DAY_MS});
    pass_time(f, 61000);
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).count_days, 1);
    look(f->store, "hits", EVERYTHING);
    assert_int_equal(cells.count, 1);
    expect_cell(0, DAY0, 0, 2);
}

/* ---- as samples ---- */

static size_t samples_of(struct reader *reader, const char *name, const time_ms_t **times,
                         const double **values)
{
    return read_in(reader, name, times, values);
}

static void a_count_reads_as_a_counter_of_its_day(void **state)
{
    struct fixture *f = *state;
    time_ms_t yesterday = DAY0 - DAY_MS;
    const time_ms_t *times;
    const double *values;
    count_one(f->store, "hits", 0, yesterday + 15000, 3);
    count_one(f->store, "hits", 0, DAY0 - 1, 2);
    count_one(f->store, "hits", 0, DAY0 + 5000, 1);
    count_one(f->store, "other", 0, DAY0 + 34000, 1);
    for (int i = 0; i < 2; i++) {
        struct reader *reader = reader_of_store(f->store);
        size_t count = samples_of(reader, "hits", &times, &values);
        assert_int_equal(count, 8641 + 5);
        assert_int_equal(times[0], yesterday);
        assert_true(values[0] == 0 && values[1] == 0 && values[2] == 3 && values[8639] == 3);
        assert_int_equal(times[1], yesterday + 10000);
        assert_int_equal(times[8640], DAY0 - 1);
        assert_true(values[8640] == 5);
        assert_int_equal(times[8641], DAY0);
        assert_true(values[8641] == 0 && values[8642] == 1);
        assert_int_equal(times[8642], DAY0 + 10000);
        assert_int_equal(times[8645], DAY0 + 34000);
        assert_true(values[8645] == 1);
        reader_close(reader);
        flush_now(f);
    }
}

static void a_counter_is_cut_to_the_span_asked_for(void **state)
{
    struct fixture *f = *state;
    const time_ms_t *times;
    const double *values;
    size_t count;
    struct search search = {.name = STR("hits")};
    count_one(f->store, "hits", 0, DAY0 + 1000, 3);
    count_one(f->store, "other", 0, DAY0 + HOUR_MS, 3);
    for (int i = 0; i < 2; i++) {
        struct reader *reader = reader_of_store(f->store);
        assert_int_equal(reader_series(reader, search_one, &search), TM_OK);
        struct span span = {DAY0 + 60000, DAY0 + 90001};
        assert_int_equal(reader_samples(reader, search.found, span, &times, &values, &count), TM_OK);
        assert_int_equal(count, 4);
        assert_int_equal(times[0], DAY0 + 60000);
        assert_true(values[0] == 3 && values[3] == 3);
        reader_close(reader);
        flush_now(f);
    }
}

static void a_histogram_reads_as_no_samples(void **state)
{
    struct fixture *f = *state;
    count_one(f->store, "hist", 0, DAY0, 3000);
    count_one(f->store, "hist", 12, DAY0, 1);
    assert_int_equal(count_of(f->store, "hist"), 0);
    assert_int_equal(total_of(f->store, "hist"), 3001);
}

static void a_search_by_time_finds_counts(void **state)
{
    struct fixture *f = *state;
    struct tm_why why;
    count_one(f->store, "hits", 0, DAY0 + 1000, 3);
    count_one(f->store, "hist", 4, DAY0 + 1000, 3);
    assert_int_equal(send_one(f->store, "cpu", DAY0 - DAY_MS, 1), TM_OK);
    for (int i = 0; i < 2; i++) {
        struct reader *reader = reader_of_store(f->store);
        struct reader_filter filter = {.span = {DAY0 + HOUR_MS, DAY0 + 2 * HOUR_MS}};
        struct index_ids ids;
        assert_int_equal(reader_find(reader, &filter, &ids, &why), TM_OK);
        assert_int_equal(ids.count, 2);
        index_ids_fini(&ids);
        filter.span = (struct span){DAY0 - HOUR_MS, DAY0};
        assert_int_equal(reader_find(reader, &filter, &ids, &why), TM_OK);
        assert_int_equal(ids.count, 0);
        index_ids_fini(&ids);
        reader_close(reader);
        flush_now(f);
    }
}

static void a_delete_and_rollups_leave_counts_alone(void **state)
{
    struct fixture *f = *state;
    struct tm_why why;
    struct reader_walk walk;
    const struct rollup *rows;
    size_t count;
    struct search search = {.name = STR("hits")};
    count_one(f->store, "hits", 0, DAY0 - 2 * DAY_MS, 3);
    flush_now(f);
    flush_settle(f->store);
    struct reader *reader = reader_of_store(f->store);
    assert_int_equal(reader_series(reader, search_one, &search), TM_OK);
    reader_walk_init(&walk, search.found, EVERYTHING);
    assert_int_equal(reader_rollup_next(reader, &walk, READER_1H, &rows, &count, &why), TM_NOT_FOUND);
    reader_close(reader);
    assert_int_equal(total_of(f->store, "hits"), 3);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(adds_to_one_cell_are_one_sum),
        CASE(windows_are_added_up),
        CASE(a_correction_that_leaves_nothing_is_not_listed),
        CASE(a_batch_whose_adds_cancel_is_taken),
        CASE(late_cells_in_any_order_are_sorted),
        CASE(a_span_takes_the_cells_that_begin_in_it),
        CASE(a_batch_that_passes_64_bits_is_refused),
        CASE(a_sum_that_passes_64_bits_stays_at_the_bound_and_is_counted),
        CASE(times_at_the_ends_of_time_do_no_harm),
        CASE(a_day_that_is_over_is_sealed_with_its_sums),
        CASE(a_day_whose_sums_are_all_0_is_sealed),
        CASE(days_older_than_the_retention_of_samples_go),
        CASE(a_count_reads_as_a_counter_of_its_day),
        CASE(a_counter_is_cut_to_the_span_asked_for),
        CASE(a_histogram_reads_as_no_samples),
        CASE(a_search_by_time_finds_counts),
        CASE(a_delete_and_rollups_leave_counts_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
