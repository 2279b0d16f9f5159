/* Rollups behind the store: whatever comes in whatever order, they say what the samples say. A plain model
 * against it, with late data, overwritten samples, restarts, kills, dropped days. ROLLUP_SEEDS seeds of
 * ROLLUP_STEPS steps. */
#include "storage/rollup/rollup_files.h"
#include "tests/unit/storage/engine.h"

#define FIVE_MS INT64_C(300000)

/* ---- reading ---- */

static uint32_t series_of(struct reader *reader, const char *name)
{
    struct search search = {.name = str_of(name)};
    assert_int_equal(reader_series(reader, search_one, &search), TM_OK);
    return search.found;
}

/* All rows of a series in span; appended. */
static void read_rows(struct reader *reader, const char *name, enum reader_tier tier, struct span span,
                      struct rollup_rows *out)
{
    struct reader_walk walk;
    struct tm_why why = {""};
    const struct rollup *rows;
    size_t count;
    enum tm_err err;
    uint32_t series = series_of(reader, name);
    if (series == 0)
        return;
    reader_walk_init(&walk, series, span);
    while ((err = reader_rollup_next(reader, &walk, tier, &rows, &count, &why)) == TM_OK) {
        assert_true(count > 0);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(rollup_rows_add(out, &rows[i]), TM_OK);
    }
    if (err != TM_NOT_FOUND)
        print_error("%s\n", why.text);
    assert_int_equal(err, TM_NOT_FOUND);
    for (size_t i = 1; i < out->count; i++)
        assert_true(out->rows[i].start > out->rows[i - 1].start);
}

static void expect_rows(const struct rollup_rows *got, const struct rollup_rows *wanted)
{
    for (size_t i = 0; i < wanted->count && i < got->count; i++) {
        const struct rollup *a = &got->rows[i], *b = &wanted->rows[i];
        if (memcmp(a, b, sizeof *a) != 0)
            print_error(
                "row %zu at %lld, wanted %lld: count %llu %llu sum %g %g min %g %g max %g %g last %g %g "
                "increase %g %g\n",
                i, (long long)a->start, (long long)b->start, (unsigned long long)a->count,
                (unsigned long long)b->count, a->sum, b->sum, a->min, b->min, a->max, b->max, a->last,
                b->last, a->increase, b->increase);
        assert_memory_equal(a, b, sizeof *a);
    }
    assert_int_equal(got->count, wanted->count);
}

/* What the raw samples say. */
static void expect_as_raw(struct store *store, const char *name, struct span span)
{
    struct reader *reader = reader_of_store(store);
    const time_ms_t *times = NULL;
    const double *values = NULL;
    size_t count = read_in(reader, name, &times, &values);
    struct columns columns = {0};
    assert_int_equal(columns_reserve(&columns, count), TM_OK);
    for (size_t i = 0; i < count; i++)
        columns_add(&columns, times[i], values[i]);
    for (int tier = READER_5M; tier <= READER_1H; tier++) {
        struct rollup_rows wanted = {0}, got = {0};
        assert_int_equal(rollup_compute(&columns, span, reader_bucket_ms((enum reader_tier)tier), &wanted),
                         TM_OK);
        read_rows(reader, name, (enum reader_tier)tier, span, &got);
        expect_rows(&got, &wanted);
        rollup_rows_fini(&wanted);
        rollup_rows_fini(&got);
    }
    columns_fini(&columns);
    reader_close(reader);
}

static struct span days_from(int64_t first, int64_t count)
{
    return (struct span){DAY0 + first * DAY_MS, DAY0 + (first + count) * DAY_MS};
}

static void send_day(struct store *store, const char *name, int64_t day, int64_t step_ms)
{
    struct batch *batch = store_batch_new(store);
    for (time_ms_t at = 0; at < DAY_MS; at += step_ms)
        put(store, batch, name, DAY0 + day * DAY_MS + at, (double)(at / step_ms % 977) / 4);
    assert_int_equal(send_batch(store, batch, NULL), TM_OK);
}

/* The stored rows of a tier, without those that would be made of samples. */
static size_t stored_count(struct store *store, const char *name, enum partition_tier tier, int64_t day)
{
    struct reader *reader = reader_of_store(store);
    struct rollup_reading reading = {.partitions = store->contents.partitions,
                                     .catalog = store->contents.catalog};
    struct rollup_rows rows = {0};
    struct tm_why why;
    assert_int_equal(rollup_reading_begin(&reading, tier, days_from(day, 1), &why), TM_OK);
    assert_int_equal(
        rollup_collect(&reading, tier, series_of(reader, name), days_from(day, 1), ROLLUP_ALL, &rows, &why),
        TM_OK);
    size_t count = rows.count;
    rollup_rows_fini(&rows);
    rollup_reading_fini(&reading);
    reader_close(reader);
    return count;
}

/* ---- one promise each ---- */

static void an_open_day_is_rolled_as_it_is_read(void **state)
{
    struct fixture *f = *state;
    send_day(f->store, "cpu", 0, 60000);
    expect_as_raw(f->store, "cpu", days_from(-1, 3));
    flush_now(f);
    expect_as_raw(f->store, "cpu", days_from(-1, 3));
    flush_settle(f->store);
    assert_int_equal(stored_count(f->store, "cpu", PARTITION_5M, 0), 0);
    expect_as_raw(f->store, "cpu", days_from(-1, 3));
}

static void a_sealed_day_has_its_rows_stored(void **state)
{
    struct fixture *f = *state;
    send_day(f->store, "cpu", -2, 60000);
    flush_now(f);
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).rolled_days, 1);
    assert_true(stats_of(f->store).rollup_bytes > 0);
    assert_int_equal(stored_count(f->store, "cpu", PARTITION_5M, -2), 288);
    assert_int_equal(stored_count(f->store, "cpu", PARTITION_1H, -2), 24);
    expect_as_raw(f->store, "cpu", days_from(-3, 4));
    fixture_reopen(f);
    expect_as_raw(f->store, "cpu", days_from(-3, 4));
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).rolled_days, 0); /* nothing to do */
}

static void a_span_cuts_at_bucket_starts(void **state)
{
    struct fixture *f = *state;
    send_day(f->store, "cpu", -2, 60000);
    flush_now(f);
    for (int i = 0; i < 2; i++) {
        struct span span = {DAY0 - 2 * DAY_MS + FIVE_MS * 7, DAY0 - 2 * DAY_MS + FIVE_MS * 9};
        struct rollup_rows rows = {0};
        struct reader *reader = reader_of_store(f->store);
        read_rows(reader, "cpu", READER_5M, span, &rows);
        assert_int_equal(rows.count, 2);
        assert_int_equal(rows.rows[0].start, span.from);
        rows.count = 0;
        read_rows(reader, "cpu", READER_5M, (struct span){span.from + 1, span.to + 1}, &rows);
        assert_int_equal(rows.count, 2);
        assert_int_equal(rows.rows[0].start, span.from + FIVE_MS);
        assert_int_equal(rows.rows[0].count, 5); /* whole, though the span ends within the second */
        assert_int_equal(rows.rows[1].count, 5);
        rollup_rows_fini(&rows);
        reader_close(reader);
        flush_settle(f->store);
    }
}

static void late_samples_change_the_rows_at_once_and_the_stored_ones_later(void **state)
{
    struct fixture *f = *state;
    send_day(f->store, "cpu", -3, 60000);
    send_day(f->store, "cpu", -2, 60000);
    flush_now(f);
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).rolled_days, 2);
    /* The last ones of the first day change the first hour of the second. */
    assert_int_equal(send_one(f->store, "cpu", DAY0 - 2 * DAY_MS - 1, 1e6), TM_OK);
    assert_int_equal(send_one(f->store, "cpu", DAY0 - 3 * DAY_MS + 3 * HOUR_MS, 7), TM_OK);
    assert_int_equal(send_one(f->store, "new", DAY0 - 3 * DAY_MS + 3 * HOUR_MS, 7), TM_OK);
    expect_as_raw(f->store, "cpu", days_from(-4, 4));
    flush_now(f);
    expect_as_raw(f->store, "cpu", days_from(-4, 4));
    pass_time(f, 2 * HOUR_MS);
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).rolled_days, 4);
    expect_as_raw(f->store, "cpu", days_from(-4, 4));
    expect_as_raw(f->store, "new", days_from(-4, 4));
    assert_int_equal(stored_count(f->store, "new", PARTITION_1H, -3), 1);
}

static void rows_outlive_their_samples(void **state)
{
    struct fixture *f = *state;
    struct rollup_rows before = {0}, after = {0};
    send_day(f->store, "cpu", -3, 60000);
    send_day(f->store, "cpu", 0, 60000);
    flush_now(f);
    flush_settle(f->store);
    struct reader *reader = reader_of_store(f->store);
    read_rows(reader, "cpu", READER_5M, days_from(-5, 9), &before);
    assert_int_equal(before.count, 2 * 288);
    store_set_retention(f->store, &(struct store_retention){.raw_ms = DAY_MS});
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).expired_days, 1);
    assert_int_equal(count_of(f->store, "cpu"), 1440);
    read_rows(reader, "cpu", READER_5M, days_from(-5, 9), &after);
    expect_rows(&after, &before);
    reader_close(reader);
    rollup_rows_fini(&before);
    rollup_rows_fini(&after);
}

/* Before which time raw samples are no longer kept. */
static time_ms_t raw_from(struct store *store)
{
    time_ms_t time = 0;
    struct tm_why why = {""};
    struct reader *reader = reader_of_store(store);
    assert_int_equal(reader_raw_from(reader, &time, &why), TM_OK);
    reader_close(reader);
    return time;
}

static void raw_samples_begin_behind_the_last_day_that_was_dropped(void **state)
{
    struct fixture *f = *state;
    assert_true(raw_from(f->store) == INT64_MIN);
    send_day(f->store, "cpu", -3, 60000);
    send_day(f->store, "cpu", -2, 60000);
    flush_now(f);
    flush_settle(f->store);
    assert_true(raw_from(f->store) == INT64_MIN);
    store_set_retention(f->store, &(struct store_retention){.max_disk_bytes = 1});
    flush_settle(f->store);
    assert_true(raw_from(f->store) == DAY0 - DAY_MS);
    fixture_reopen(f);
    assert_true(raw_from(f->store) == DAY0 - DAY_MS);
}

static void what_comes_after_a_day_was_dropped_is_added_to_its_rows(void **state)
{
    struct fixture *f = *state;
    send_day(f->store, "cpu", -3, 60000);
    send_day(f->store, "cpu", -2, 60000);
    flush_now(f);
    flush_settle(f->store);
    store_set_retention(f->store, &(struct store_retention){.max_disk_bytes = 1});
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).crowded_days, 2);
    store_set_retention(f->store, &(struct store_retention){.raw_ms = 0});
    time_ms_t noon = DAY0 - 3 * DAY_MS + 12 * HOUR_MS;
    for (int round = 0; round < 4; round++) {
        assert_int_equal(send_one(f->store, "cpu", noon + 1 + round, 5000), TM_OK);
        for (int look = 0; look < 4; look++) {
            struct rollup_rows rows = {0};
            struct reader *reader = reader_of_store(f->store);
            read_rows(reader, "cpu", READER_1H, (struct span){noon, noon + HOUR_MS}, &rows);
            assert_int_equal(rows.count, 1);
            assert_int_equal(rows.rows[0].count, 60 + round + 1);
            assert_true(rows.rows[0].max == 5000);
            rollup_rows_fini(&rows);
            reader_close(reader);
            if (look == 0)
                flush_now(f);
            if (look == 1)
                pass_time(f, 2 * HOUR_MS);
            if (look == 1)
                flush_settle(f->store);
            if (look == 2)
                fixture_reopen(f);
        }
        if (round == 2) { /* and dropped again */
            store_set_retention(f->store, &(struct store_retention){.max_disk_bytes = 1});
            uint64_t before = stats_of(f->store).crowded_days;
            (void)before;
            f->options.max_disk_bytes = 0;
            flush_settle(f->store);
            store_set_retention(f->store, &(struct store_retention){.raw_ms = 0});
        }
    }
}

/* Who reads behind the note that rows stand for the samples, and before these go. */
struct onlooker {
    struct fixture *f;
    time_ms_t hour;
    uint64_t count; /* of that hour's row */
};

static void look_before_the_drop(void *arg, const char *name)
{
    struct onlooker *onlooker = arg;
    struct rollup_rows rows = {0};
    if (strcmp(name, "rollup.final") != 0)
        return;
    struct reader *reader = reader_of_store(onlooker->f->store);
    read_rows(reader, "cpu", READER_1H, (struct span){onlooker->hour, onlooker->hour + HOUR_MS}, &rows);
    assert_int_equal(rows.count, 1);
    onlooker->count = rows.rows[0].count;
    rollup_rows_fini(&rows);
    reader_close(reader);
}

static void samples_of_a_day_that_is_being_dropped_count_once(void **state)
{
    struct fixture *f = *state;
    struct onlooker onlooker = {f, DAY0 - 3 * DAY_MS + 12 * HOUR_MS, 0};
    f->options.fault_point = look_before_the_drop;
    f->options.fault_arg = &onlooker;
    fixture_reopen(f);
    send_day(f->store, "cpu", -3, 60000);
    send_day(f->store, "cpu", 0, 60000);
    flush_now(f);
    flush_settle(f->store);
    assert_int_equal(send_one(f->store, "cpu", onlooker.hour + 1, 5000),
                     TM_OK); /* in memory: rows are made */
    store_set_retention(f->store, &(struct store_retention){.raw_ms = DAY_MS});
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).expired_days, 1);
    assert_int_equal(onlooker.count, 61);
    f->options.fault_point = NULL;
    fixture_reopen(f);
}

static void each_tier_goes_by_its_own_age(void **state)
{
    struct fixture *f = *state;
    send_day(f->store, "cpu", -60, 600000);
    send_day(f->store, "cpu", -30, 600000);
    send_day(f->store, "cpu", -2, 600000);
    flush_now(f);
    flush_settle(f->store);
    store_set_retention(f->store, &(struct store_retention){.raw_ms = 10 * DAY_MS,
                                                            .rollup_5m_ms = 20 * DAY_MS,
                                                            .rollup_1h_ms = 50 * DAY_MS});
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).expired_days, 2);
    assert_int_equal(stored_count(f->store, "cpu", PARTITION_5M, -60), 0);
    assert_int_equal(stored_count(f->store, "cpu", PARTITION_5M, -30), 0);
    assert_int_equal(stored_count(f->store, "cpu", PARTITION_5M, -2), 144);
    assert_int_equal(stored_count(f->store, "cpu", PARTITION_1H, -30), 24);
    assert_int_equal(stored_count(f->store, "cpu", PARTITION_1H, -2), 24);
    fixture_reopen(f);
    flush_settle(f->store);
    assert_int_equal(stored_count(f->store, "cpu", PARTITION_1H, -30), 24);
}

static void a_week_that_is_over_becomes_one_window(void **state)
{
    struct fixture *f = *state;
    for (int day = -20; day < -5; day++) {
        send_day(f->store, "cpu", day, 600000);
        send_day(f->store, "mem", day, 3600000);
    }
    flush_now(f);
    flush_settle(f->store);
    uint64_t before = stats_of(f->store).rollup_bytes;
    expect_as_raw(f->store, "cpu", days_from(-21, 22));
    pass_time(f, 2 * HOUR_MS);
    flush_settle(f->store);
    assert_true(stats_of(f->store).rollup_bytes < before);
    for (int i = 0; i < 2; i++) {
        expect_as_raw(f->store, "cpu", days_from(-21, 22));
        expect_as_raw(f->store, "mem", days_from(-21, 22));
        fixture_reopen(f);
    }
    struct partition_entry entries[8];
    size_t count;
    partitions_list(f->store->contents.partitions, PARTITION_5M, EVERYTHING, entries, 8, &count);
    assert_true(count >= 2 && entries[0].sealed && !entries[0].id.late);
    /* What comes late now goes beside it, and into it later. */
    assert_int_equal(send_one(f->store, "cpu", DAY0 - 10 * DAY_MS + 1, -7), TM_OK);
    flush_now(f);
    for (int i = 0; i < 3; i++) {
        pass_time(f, 2 * HOUR_MS);
        flush_settle(f->store);
        expect_as_raw(f->store, "cpu", days_from(-21, 22));
    }
}

struct deleted {
    int calls;
    enum tm_err err;
};

static void note_deleted(void *arg, enum tm_err err, const struct deletion_result *result)
{
    struct deleted *deleted = arg;
    (void)result;
    deleted->calls++;
    deleted->err = err;
}

static void deleted_samples_leave_the_rows(void **state)
{
    struct fixture *f = *state;
    struct selector selector;
    struct deleted deleted = {0, TM_OK};
    for (int day = -4; day < -1; day++) {
        send_day(f->store, "cpu", day, 60000);
        send_day(f->store, "mem", day, 60000);
    }
    flush_now(f);
    flush_settle(f->store);
    assert_int_equal(selector_parse(STR("cpu"), &selector, &f->why), TM_OK);
    struct deletion_order order = {&selector, 1, {DAY0 - 4 * DAY_MS + HOUR_MS, DAY0 - 3 * DAY_MS}};
    assert_int_equal(store_delete(f->store, &order, note_deleted, &deleted, &f->why), TM_OK);
    for (int i = 0; i < 5000 && deleted.calls == 0; i++) {
        store_poll(f->store);
        usleep(1000);
    }
    assert_int_equal(deleted.calls, 1);
    assert_int_equal(deleted.err, TM_OK);
    for (int i = 0; i < 3; i++) {
        expect_as_raw(f->store, "cpu", days_from(-5, 6));
        expect_as_raw(f->store, "mem", days_from(-5, 6));
        flush_settle(f->store);
        if (i == 1)
            fixture_reopen(f);
    }
    assert_int_equal(stats_of(f->store).deletes, 0);
    assert_int_equal(stored_count(f->store, "cpu", PARTITION_1H, -4), 1);
    assert_int_equal(stored_count(f->store, "mem", PARTITION_1H, -4), 24);
    selector_fini(&selector);
}

static void another_process_reads_the_same_rows(void **state)
{
    struct fixture *f = *state;
    struct rollup_rows here = {0}, there = {0};
    struct reader *reader;
    send_day(f->store, "cpu", -3, 60000);
    send_day(f->store, "cpu", 0, 60000);
    flush_now(f);
    flush_settle(f->store);
    assert_int_equal(send_one(f->store, "cpu", DAY0 - 1, 4), TM_OK);
    reader = reader_of_store(f->store);
    read_rows(reader, "cpu", READER_5M, days_from(-5, 9), &here);
    reader_close(reader);
    fixture_close(f);
    assert_int_equal(reader_open(f->dir, &reader, &f->why), TM_OK);
    read_rows(reader, "cpu", READER_5M, days_from(-5, 9), &there);
    expect_rows(&there, &here);
    assert_int_equal(there.count, 2 * 288 + 1);
    reader_close(reader);
    rollup_rows_fini(&here);
    rollup_rows_fini(&there);
    fixture_open(f);
}

static void stop_behind_a_day(void *arg, const char *name)
{
    (void)arg;
    if (strcmp(name, "flush.day") == 0)
        _exit(42);
}

/* Its tag stands on one day already and comes to the others later: rows made in between would claim it. */
static void days_that_an_interrupted_flush_left_out_are_rolled_when_they_are_written(void **state)
{
    struct fixture *f = *state;
    int status;
    for (int day = -4; day < -1; day++)
        send_day(f->store, "cpu", day, 600000);
    flush_now(f);
    flush_settle(f->store);
    for (int day = -4; day < -1; day++)
        assert_int_equal(send_one(f->store, "cpu", DAY0 + day * DAY_MS + 7 * HOUR_MS + 1, 5000), TM_OK);
    fixture_close(f);
    pid_t child = fork();
    if (child == 0) {
        f->options.fault_point = stop_behind_a_day;
        fixture_open(f);
        (void)!store_flush(f->store);
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 42);
    fixture_open(f);
    for (int round = 0; round < 3; round++) {
        pass_time(f, 2 * HOUR_MS);
        flush_settle(f->store);
        expect_as_raw(f->store, "cpu", days_from(-5, 6));
        flush_now(f);
        expect_as_raw(f->store, "cpu", days_from(-5, 6));
    }
    for (int day = -4; day < -1; day++)
        assert_int_equal(stored_count(f->store, "cpu", PARTITION_5M, day), 144);
}

/* ---- the model ---- */

enum { NAMES = 3, DAYS_BACK = 6, SPAN_DAYS = 60 };

struct run {
    struct fixture *f;
    uint64_t random;
};

static uint32_t draw(struct run *run, uint32_t below)
{
    run->random = run->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(run->random >> 33) % below;
}

static const char *const names[NAMES] = {"a", "b", "c"};

static void send_some(struct run *run)
{
    struct batch *batch = store_batch_new(run->f->store);
    uint32_t count = 1 + draw(run, 60);
    int64_t today = (run->f->clock.wall_ms - DAY0) / DAY_MS;
    for (uint32_t i = 0; i < count; i++) {
        int64_t day = today - (draw(run, 3) == 0 ? (int64_t)draw(run, DAYS_BACK) : 0);
        time_ms_t at = (time_ms_t)draw(run, 288) * FIVE_MS + (time_ms_t)draw(run, 3) * 60000;
        if (draw(run, 3) == 0)
            at = draw(run, 2) ? DAY_MS - 1 - draw(run, 100) : draw(run, 100); /* at midnight */
        put(run->f->store, batch, names[draw(run, NAMES)], DAY0 + day * DAY_MS + at,
            draw(run, 50) == 0 ? __builtin_inf() : draw(run, 1000) / 8.0);
    }
    assert_int_equal(send_batch(run->f->store, batch, NULL), TM_OK);
}

static void pass_point(void *arg, const char *name)
{
    int *left = arg;
    (void)name;
    if (--*left == 0)
        _exit(42);
}

static void kill_on_the_way(struct run *run)
{
    struct fixture *f = run->f;
    fixture_close(f);
    int left = 1 + (int)draw(run, 90);
    pid_t child = fork();
    if (child == 0) {
        f->options.fault_point = pass_point;
        f->options.fault_arg = &left;
        fixture_open(f);
        (void)!store_flush(f->store);
        flush_settle(f->store);
        _exit(42);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 42);
    fixture_open(f);
}

static void check_all(struct run *run)
{
    for (int name = 0; name < NAMES; name++)
        expect_as_raw(run->f->store, names[name], days_from(-DAYS_BACK - 1, SPAN_DAYS + DAYS_BACK + 9));
}

static void step(struct run *run)
{
    uint32_t what = draw(run, 100);
    if (what < 50)
        send_some(run);
    else if (what < 62)
        flush_now(run->f);
    else if (what < 74)
        flush_settle(run->f->store);
    else if (what < 78)
        fixture_reopen(run->f);
    else if (what < 82)
        kill_on_the_way(run);
    else if (what < 94 && run->f->clock.wall_ms < DAY0 + SPAN_DAYS * DAY_MS)
        pass_time(run->f, (int64_t)draw(run, 20) * HOUR_MS);
    else
        check_all(run);
}

static unsigned long setting(const char *name, unsigned long otherwise)
{
    const char *text = getenv(name);
    return text ? strtoul(text, NULL, 10) : otherwise;
}

static void the_rows_say_what_the_samples_say(void **state)
{
    unsigned long steps = setting("ROLLUP_STEPS", 250), seeds = setting("ROLLUP_SEEDS", 2);
    (void)state;
    for (unsigned long seed = 1; seed <= seeds; seed++) {
        struct fixture *f = fixture_new();
        fixture_open(f);
        struct run run = {f, seed};
        for (unsigned long i = 0; i < steps; i++)
            step(&run);
        check_all(&run);
        fixture_close(f);
        folder_remove(f->dir);
        free(f);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_open_day_is_rolled_as_it_is_read),
        CASE(a_sealed_day_has_its_rows_stored),
        CASE(a_span_cuts_at_bucket_starts),
        CASE(late_samples_change_the_rows_at_once_and_the_stored_ones_later),
        CASE(rows_outlive_their_samples),
        CASE(raw_samples_begin_behind_the_last_day_that_was_dropped),
        CASE(what_comes_after_a_day_was_dropped_is_added_to_its_rows),
        CASE(samples_of_a_day_that_is_being_dropped_count_once),
        CASE(each_tier_goes_by_its_own_age),
        CASE(a_week_that_is_over_becomes_one_window),
        CASE(deleted_samples_leave_the_rows),
        CASE(another_process_reads_the_same_rows),
        CASE(days_that_an_interrupted_flush_left_out_are_rolled_when_they_are_written),
        cmocka_unit_test(the_rows_say_what_the_samples_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
