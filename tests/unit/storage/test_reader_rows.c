/* Samples of several series in one step: the same as those of each alone, whatever lies beside them. */
#include "tests/unit/storage/counting.h"
#include "tests/unit/storage/deleting.h"

enum { SERIES = 40, EACH = 10, STEP_MS = 60000 };
#define NOON (DAY0 + DAY_MS / 2)

struct all {
    uint32_t of[READER_ROWS_MAX * 4];
    size_t count;
};

static bool note_number(void *arg, uint32_t series, struct str encoded)
{
    struct all *all = arg;
    (void)encoded;
    assert_true(all->count < sizeof all->of / sizeof all->of[0]);
    all->of[all->count++] = series;
    return true;
}

static struct all all_of(struct reader *reader)
{
    struct all all = {.count = 0};
    assert_int_equal(reader_series(reader, note_number, &all), TM_OK);
    return all;
}

/* Sends from one to EACH samples of the series [0, SERIES) but for every third, from `start` on. */
static void send_some(struct fixture *f, time_ms_t start, double value)
{
    char name[16];
    struct batch *batch = store_batch_new(f->store);
    for (int s = 0; s < SERIES; s++) {
        (void)snprintf(name, sizeof name, "s%d", s);
        for (int i = 0; s % 3 != 2 && i < 1 + s % EACH; i++)
            put(f->store, batch, name, start + i * STEP_MS + s, value + s + i / 4.0);
    }
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
}

/* Names all series, so that some have nothing in the days that are looked at. */
static void name_all(struct fixture *f)
{
    char name[16];
    struct batch *batch = store_batch_new(f->store);
    for (int s = 0; s < SERIES; s++) {
        (void)snprintf(name, sizeof name, "s%d", s);
        put(f->store, batch, name, DAY0 - 9 * DAY_MS, s);
    }
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
}

static void expect_row(struct reader *alone, uint32_t series, struct span span, const struct reader_row *row)
{
    const time_ms_t *times;
    const double *values;
    size_t count;
    assert_int_equal(reader_samples(alone, series, span, &times, &values, &count), TM_OK);
    assert_int_equal(row->count, count);
    if (count == 0)
        return;
    assert_memory_equal(row->times, times, count * sizeof *times);
    assert_memory_equal(row->values, values, count * sizeof *values);
}

/* Reads all series of all that a reader knows and compares each with what it has alone. Returns in how many
 * calls. */
static size_t expect_same_in(struct reader *reader, struct span span)
{
    struct reader *alone = reader_beside(reader);
    struct all all = all_of(reader);
    struct reader_row rows[READER_ROWS_MAX];
    uint64_t before = reader_samples_read(reader);
    size_t calls = 0;
    for (size_t at = 0, given; at < all.count; at += given, calls++) {
        assert_int_equal(reader_rows(reader, all.of + at, all.count - at, span, rows, &given), TM_OK);
        assert_in_range(given, 1, all.count - at);
        for (size_t i = 0; i < given; i++)
            expect_row(alone, all.of[at + i], span, &rows[i]);
    }
    assert_int_equal(reader_samples_read(reader) - before, reader_samples_read(alone));
    reader_close(alone);
    return calls;
}

static size_t expect_same(struct fixture *f, struct span span)
{
    struct reader *reader = reader_of_store(f->store);
    size_t calls = expect_same_in(reader, span);
    reader_close(reader);
    return calls;
}

/* 40 series come in calls of 8, 16 and 16: together, and more as it goes well. */
enum { CALLS_TOGETHER = 3 };

static const struct span day = {DAY0, DAY0 + DAY_MS};

static void series_in_the_head_are_read_together(void **state)
{
    struct fixture *f = *state;
    name_all(f);
    send_some(f, NOON, 1);
    assert_int_equal(expect_same(f, day), CALLS_TOGETHER);
}

static void series_in_several_windows_and_the_head_are_read_together(void **state)
{
    struct fixture *f = *state;
    name_all(f);
    for (int window = 0; window < 5; window++) {
        send_some(f, NOON + window * HOUR_MS / 4, window * 100);
        flush_now(f);
    }
    send_some(f, NOON + HOUR_MS / 2, 7000); /* over what is in files, too */
    assert_int_equal(expect_same(f, day), CALLS_TOGETHER);
    assert_int_equal(expect_same(f, (struct span){NOON + 2 * STEP_MS, NOON + HOUR_MS}), CALLS_TOGETHER);
    assert_int_equal(expect_same(f, (struct span){NOON - 1, NOON}), CALLS_TOGETHER);
    assert_int_equal(expect_same(f, (struct span){day.to, day.to + DAY_MS}), CALLS_TOGETHER);
}

static void a_span_over_midnight_joins_its_days(void **state)
{
    struct fixture *f = *state;
    name_all(f);
    send_some(f, DAY0 - 3 * STEP_MS, 1); /* chunks end and begin at midnight */
    flush_now(f);
    send_some(f, DAY0 - 2 * STEP_MS, 2);
    const struct span span = {DAY0 - DAY_MS, DAY0 + DAY_MS};
    assert_int_equal(expect_same(f, span), CALLS_TOGETHER);
    assert_int_equal(expect_same(f, (struct span){DAY0 - STEP_MS, DAY0 + STEP_MS}), CALLS_TOGETHER);
}

static void sealed_days_and_their_late_data_are_read_together(void **state)
{
    struct fixture *f = *state;
    name_all(f);
    send_some(f, NOON, 1);
    flush_now(f);
    pass_time(f, 3 * DAY_MS);
    flush_settle(f->store);
    assert_true(stats_of(f->store).sealed_days > 0);
    assert_int_equal(expect_same(f, day), CALLS_TOGETHER);
    send_some(f, NOON + 3 * STEP_MS, 2);
    flush_now(f);
    assert_int_equal(expect_same(f, day), CALLS_TOGETHER);
    flush_settle(f->store); /* merged */
    assert_int_equal(expect_same(f, day), CALLS_TOGETHER);
}

static void deleted_series_and_spans_are_not_in_rows(void **state)
{
    struct fixture *f = *state;
    name_all(f);
    send_some(f, NOON, 1);
    flush_now(f);
    assert_int_equal(delete_now(f, "{__name__=~\"s1.*\"}", EVERYTHING).err, TM_OK);
    assert_int_equal(delete_now(f, "{__name__=~\"s2.*\"}", (struct span){NOON, NOON + 2 * STEP_MS}).err,
                     TM_OK);
    assert_int_equal(expect_same(f, day), CALLS_TOGETHER);
    send_some(f, NOON + STEP_MS, 2); /* what is written anew is there */
    assert_int_equal(expect_same(f, day), CALLS_TOGETHER);
    flush_now(f);
    (void)expect_same(f, day); /* those that came back have other numbers */
}

static void a_series_with_counts_among_them_is_read_alone(void **state)
{
    struct fixture *f = *state;
    name_all(f);
    send_some(f, NOON, 1);
    count_one(f->store, "s5", 0, NOON, 3);
    count_one(f->store, "counter", 0, NOON - HOUR_MS, 4);
    assert_true(expect_same(f, day) > CALLS_TOGETHER);
    flush_now(f);
    assert_true(expect_same(f, day) > CALLS_TOGETHER);
    /* A counter's last value stands until midnight, long behind its cells. */
    assert_true(expect_same(f, (struct span){NOON, NOON + HOUR_MS}) > CALLS_TOGETHER);
}

static void spans_of_many_days_are_read_alone(void **state)
{
    struct fixture *f = *state;
    for (int days = 0; days < 4; days++) {
        send_some(f, NOON - days * DAY_MS, days);
        flush_now(f);
    }
    size_t count = SERIES - SERIES / 3;
    assert_int_equal(expect_same(f, EVERYTHING), count);
    assert_int_equal(expect_same(f, (struct span){DAY0 - 3 * DAY_MS, DAY0 + DAY_MS}), count);
    assert_true(expect_same(f, (struct span){DAY0 - 2 * DAY_MS, DAY0 + DAY_MS}) < count);
}

/* Two series of so many samples that they are too much for one call. */
static void long_series_come_one_by_one(void **state)
{
    enum { LONG = 40000 };
    struct fixture *f = *state;
    for (int s = 0; s < 3; s++) {
        struct batch *batch = store_batch_new(f->store);
        for (int i = 0; i < LONG; i++)
            put(f->store, batch, s == 0 ? "a" : s == 1 ? "b" : "c", DAY0 + i * 1000, i);
        assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
        if (s != 1)
            flush_now(f); /* c's window and b's are behind a's */
    }
    assert_int_equal(expect_same(f, day), 3);
}

static void another_process_reads_them_together(void **state)
{
    struct fixture *f = *state;
    struct reader *reader;
    name_all(f);
    send_some(f, NOON, 1);
    flush_now(f);
    send_some(f, NOON + STEP_MS, 2);
    assert_int_equal(send_one(f->store, "unknown to the catalog", NOON, 4), TM_OK);
    assert_int_equal(reader_open(f->dir, &reader, &f->why), TM_OK);
    assert_int_equal(expect_same_in(reader, day), CALLS_TOGETHER);
    flush_now(f); /* while it has the folder open */
    (void)expect_same_in(reader, day);
    reader_close(reader);
}

static void any_order_of_series_gives_the_same(void **state)
{
    struct fixture *f = *state;
    name_all(f);
    send_some(f, NOON, 1);
    flush_now(f);
    send_some(f, NOON + HOUR_MS, 1);
    flush_now(f);
    struct reader *reader = reader_of_store(f->store), *alone = reader_beside(reader);
    struct all all = all_of(reader);
    struct reader_row rows[READER_ROWS_MAX];
    uint32_t mixed[3 * SERIES];
    for (size_t i = 0; i < 3 * SERIES; i++)
        mixed[i] = all.of[i * 7 % SERIES]; /* some more than once */
    for (size_t at = 0, given; at < 3 * SERIES; at += given) {
        assert_int_equal(reader_rows(reader, mixed + at, 3 * SERIES - at, day, rows, &given), TM_OK);
        for (size_t i = 0; i < given; i++)
            expect_row(alone, mixed[at + i], day, &rows[i]);
    }
    reader_close(alone);
    reader_close(reader);
}

static bool stops(void *arg)
{
    return *(bool *)arg;
}

static void its_bounds_are_those_of_single_reads(void **state)
{
    struct fixture *f = *state;
    struct reader_row rows[READER_ROWS_MAX];
    size_t given;
    bool stop = false;
    for (int s = 0; s < 3; s++)
        assert_int_equal(send_one(f->store, s == 0 ? "a" : s == 1 ? "b" : "c", NOON, s), TM_OK);
    struct reader *reader = reader_of_store(f->store);
    struct all all = all_of(reader);
    reader_limit(reader, &(struct reader_limits){.max_samples = 5, .stop = stops, .stop_arg = &stop});
    assert_int_equal(reader_rows(reader, all.of, 3, day, rows, &given), TM_OK);
    assert_int_equal(given, 3);
    assert_int_equal(reader_samples_read(reader), 3);
    assert_int_equal(reader_rows(reader, all.of, 3, day, rows, &given), TM_LIMIT);
    reader_limit_samples(reader, 0);
    stop = true;
    assert_int_equal(reader_rows(reader, all.of, 3, day, rows, &given), TM_CLOSED);
    reader_close(reader);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(series_in_the_head_are_read_together),
        WITH_STORE(series_in_several_windows_and_the_head_are_read_together),
        WITH_STORE(a_span_over_midnight_joins_its_days),
        WITH_STORE(sealed_days_and_their_late_data_are_read_together),
        WITH_STORE(deleted_series_and_spans_are_not_in_rows),
        WITH_STORE(a_series_with_counts_among_them_is_read_alone),
        WITH_STORE(spans_of_many_days_are_read_alone),
        WITH_STORE(long_series_come_one_by_one),
        WITH_STORE(another_process_reads_them_together),
        WITH_STORE(any_order_of_series_gives_the_same),
        WITH_STORE(its_bounds_are_those_of_single_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
