/* A delete reaches every tier: rollups of samples that retention has removed, counts; hidden at once and for
 * good, wherever it is read. And series of which only rollups are left are found by when they had samples. */
#include "storage/backup/backup.h"
#include "storage/check/check.h"
#include "storage/rollup/rollup_files.h"
#include "tests/unit/storage/counting.h"
#include "tests/unit/storage/deleting.h"

#define MINUTE_MS INT64_C(60000)
#define OLD       (DAY0 - 40 * DAY_MS) /* a day of which only rollups are left */

/* Two whole hours, then half of one. */
static const struct span gone = {OLD + 2 * HOUR_MS, OLD + 4 * HOUR_MS + HOUR_MS / 2};

static void send_day(struct fixture *f, const char *name, time_ms_t day)
{
    struct batch *batch = store_batch_new(f->store);
    for (time_ms_t at = 0; at < DAY_MS; at += MINUTE_MS)
        put(f->store, batch, name, day + at, (double)(at / MINUTE_MS));
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
}

/* Two series with samples of the old day, of the next one and of today; only rollups are left of the first
 * two. */
static void leave_rollups(struct fixture *f)
{
    for (int day = 0; day < 2; day++) {
        send_day(f, "cpu", OLD + day * DAY_MS);
        send_day(f, "mem", OLD + day * DAY_MS);
    }
    assert_int_equal(send_one(f->store, "cpu", DAY0, 1), TM_OK);
    assert_int_equal(send_one(f->store, "mem", DAY0, 1), TM_OK);
    flush_now(f);
    flush_settle(f->store);
    store_set_retention(f->store, &(struct store_retention){.raw_ms = 30 * DAY_MS});
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).expired_days, 2);
    f->options.retention_raw_ms = 30 * DAY_MS;
    pass_time(f,
              2 * HOUR_MS); /* week and month are rewritten: not again within the hour, whatever is deleted */
    flush_settle(f->store);
}

/* ---- looking ---- */

struct seen {
    size_t rows;
    uint64_t samples;
    size_t hidden; /* rows whose bucket lies in `gone` */
};

static struct seen look(struct reader *reader, const char *name, enum reader_tier tier, struct span span)
{
    struct search search = {.name = str_of(name)};
    struct reader_walk walk;
    struct tm_why why = {""};
    struct seen seen = {0};
    const struct rollup *rows;
    size_t count;
    enum tm_err err;
    assert_int_equal(reader_series(reader, search_one, &search), TM_OK);
    assert_true(search.found != 0);
    reader_walk_init(&walk, search.found, span);
    while ((err = reader_rollup_next(reader, &walk, tier, &rows, &count, &why)) == TM_OK) {
        for (size_t i = 0; i < count; i++) {
            seen.rows++;
            seen.samples += rows[i].count;
            seen.hidden += rows[i].start >= gone.from && rows[i].start + reader_bucket_ms(tier) <= gone.to;
        }
    }
    assert_int_equal(err, TM_NOT_FOUND);
    return seen;
}

static const struct span old_day = {OLD, OLD + DAY_MS};
static const struct span next_day = {OLD + DAY_MS, OLD + 2 * DAY_MS};

static void expect_gone(struct reader *reader)
{
    struct seen seen = look(reader, "cpu", READER_5M, old_day);
    assert_int_equal(seen.rows, 288 - 30);
    assert_int_equal(seen.samples, 1440 - 150);
    assert_int_equal(seen.hidden, 0);
    /* The hour that the span cuts stays whole: its samples are not there to tell what is left of it. */
    seen = look(reader, "cpu", READER_1H, old_day);
    assert_int_equal(seen.rows, 22);
    assert_int_equal(seen.samples, 22 * 60);
    assert_int_equal(seen.hidden, 0);
    assert_int_equal(look(reader, "cpu", READER_5M, next_day).rows, 288);
    assert_int_equal(look(reader, "mem", READER_5M, old_day).rows, 288);
    assert_int_equal(look(reader, "mem", READER_1H, old_day).samples, 1440);
}

static void expect_gone_here(struct fixture *f)
{
    struct reader *reader = reader_of_store(f->store);
    expect_gone(reader);
    reader_close(reader);
}

static void expect_gone_in(struct fixture *f, const char *dir)
{
    struct reader *reader;
    assert_int_equal(reader_open(dir, &reader, &f->why), TM_OK);
    expect_gone(reader);
    reader_close(reader);
}

/* What the files hold, whatever is hidden. */
static size_t stored_count(struct fixture *f, enum partition_tier tier, struct span span)
{
    struct reader *reader = reader_of_store(f->store);
    struct rollup_reading reading = {.partitions = f->store->contents.partitions,
                                     .catalog = f->store->contents.catalog};
    struct rollup_rows rows = {0};
    struct search search = {.name = STR("cpu")};
    assert_int_equal(reader_series(reader, search_one, &search), TM_OK);
    assert_int_equal(rollup_reading_begin(&reading, tier, span, &f->why), TM_OK);
    assert_int_equal(rollup_collect(&reading, tier, search.found, span, ROLLUP_ALL, &rows, &f->why), TM_OK);
    size_t count = rows.count;
    rollup_rows_fini(&rows);
    rollup_reading_fini(&reading);
    reader_close(reader);
    return count;
}

static void settle_all(struct fixture *f)
{
    for (int i = 0; i < 3; i++) {
        pass_time(f, 2 * HOUR_MS);
        flush_settle(f->store);
    }
}

/* ---- rollups ---- */

static void rollups_of_samples_that_are_gone_are_hidden_at_once_and_leave_the_files(void **state)
{
    struct fixture *f = *state;
    leave_rollups(f);
    assert_int_equal(delete_now(f, "cpu", gone).err, TM_OK);
    expect_gone_here(f);
    flush_now(f);
    flush_settle(f->store);
    expect_gone_here(f);
    assert_int_equal(stored_count(f, PARTITION_5M, old_day), 288);
    assert_int_equal(stats_of(f->store).deletes, 1);
    fixture_reopen(f);
    expect_gone_here(f);
    settle_all(f);
    expect_gone_here(f);
    assert_int_equal(stored_count(f, PARTITION_5M, old_day), 288 - 30);
    assert_int_equal(stored_count(f, PARTITION_1H, old_day), 22);
    assert_int_equal(stats_of(f->store).deletes, 0);
    fixture_reopen(f);
    expect_gone_here(f);
}

static void they_are_hidden_from_another_process_in_a_backup_and_in_what_is_restored(void **state)
{
    struct fixture *f = *state;
    char to[400], restored[400], line[900];
    struct bytes out = {0};
    struct check_result result;
    leave_rollups(f);
    assert_int_equal(delete_now(f, "cpu", gone).err, TM_OK);
    for (int round = 0; round < 2; round++) {
        fixture_close(f);
        expect_gone_in(f, f->dir);
        (void)snprintf(to, sizeof to, "%s.backups", f->dir);
        (void)snprintf(restored, sizeof restored, "%s.restored", f->dir);
        const struct backup_options backup = {.from = f->dir, .to = to};
        const struct backup_options restore = {.from = to, .to = restored};
        assert_int_equal(backup_offline(&backup, &out, &f->why), TM_OK);
        assert_int_equal(backup_restore(&restore, &out, &f->why), TM_OK);
        expect_gone_in(f, restored);
        const struct check_options check = {.dir = restored};
        assert_int_equal(check_run(&check, &result, &f->why), TM_OK);
        (void)snprintf(line, sizeof line, "rm -rf '%s' '%s'", to, restored);
        assert_int_equal(system(line), 0);
        fixture_open(f);
        settle_all(f);
    }
    assert_int_equal(stats_of(f->store).deletes, 0);
    bytes_fini(&out);
}

static void a_delete_before_retention_passes_stays_in_force_behind_it(void **state)
{
    struct fixture *f = *state;
    for (int day = 0; day < 2; day++) {
        send_day(f, "cpu", OLD + day * DAY_MS);
        send_day(f, "mem", OLD + day * DAY_MS);
    }
    flush_now(f);
    flush_settle(f->store);
    assert_int_equal(delete_now(f, "cpu", gone).err, TM_OK);
    f->options.retention_raw_ms = 30 * DAY_MS;
    store_set_retention(f->store, &(struct store_retention){.raw_ms = 30 * DAY_MS});
    settle_all(f);
    struct reader *reader = reader_of_store(f->store);
    assert_int_equal(look(reader, "cpu", READER_5M, old_day).rows, 288 - 30);
    /* Here the samples told what is left of the hour that is cut. */
    assert_int_equal(look(reader, "cpu", READER_1H, old_day).rows, 22);
    assert_int_equal(look(reader, "cpu", READER_1H, old_day).samples, 21 * 60 + 30);
    reader_close(reader);
    assert_int_equal(stats_of(f->store).deletes, 0);
}

static void what_comes_later_for_a_deleted_time_stays_in_its_rollups(void **state)
{
    struct fixture *f = *state;
    leave_rollups(f);
    store_set_retention(f->store, &(struct store_retention){.raw_ms = 0});
    f->options.retention_raw_ms = 0;
    assert_int_equal(delete_now(f, "cpu", gone).err, TM_OK);
    assert_int_equal(send_one(f->store, "cpu", gone.from + 5, 77), TM_OK);
    for (int round = 0; round < 5; round++) {
        struct reader *reader = reader_of_store(f->store);
        struct span hour = {gone.from, gone.from + HOUR_MS};
        assert_int_equal(look(reader, "cpu", READER_5M, hour).samples, 1);
        assert_int_equal(look(reader, "cpu", READER_1H, hour).samples, 1);
        assert_int_equal(look(reader, "cpu", READER_5M, old_day).rows, 288 - 30 + 1);
        reader_close(reader);
        if (round == 0)
            flush_now(f);
        if (round == 1)
            settle_all(f);
        if (round == 2)
            store_set_retention(f->store, &(struct store_retention){.raw_ms = 30 * DAY_MS});
        if (round >= 2)
            settle_all(f);
        if (round == 3)
            fixture_reopen(f);
    }
    assert_int_equal(stats_of(f->store).deletes, 0);
}

static void a_tombstone_ends_when_the_retention_of_its_tiers_does(void **state)
{
    struct fixture *f = *state;
    leave_rollups(f);
    assert_int_equal(delete_now(f, "cpu", gone).err, TM_OK);
    store_set_retention(f->store, &(struct store_retention){.raw_ms = 30 * DAY_MS,
                                                            .rollup_5m_ms = 8 * DAY_MS,
                                                            .rollup_1h_ms = 8 * DAY_MS});
    flush_settle(f->store);
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).deletes, 0);
    struct reader *reader = reader_of_store(f->store);
    assert_int_equal(look(reader, "mem", READER_1H, old_day).rows, 0);
    reader_close(reader);
}

/* ---- counts ---- */

static void expect_cells(struct fixture *f, const char *name, size_t count, int64_t total)
{
    static struct cell_list cells;
    struct reader *reader = reader_of_store(f->store);
    cells_in(reader, name, EVERYTHING, &cells);
    assert_int_equal(cells.count, count);
    reader_close(reader);
    assert_int_equal(total_of(f->store, name), total);
}

static void cells_that_begin_in_the_span_go_from_every_day_and_histogram(void **state)
{
    struct fixture *f = *state;
    for (int day = -3; day <= 0; day++) {
        for (int i = 0; i < 6; i++) {
            count_one(f->store, "hits", 0, DAY0 + day * DAY_MS + i * CELL_MS, 1 << i);
            count_one(f->store, "time", (uint32_t)i % 3, DAY0 + day * DAY_MS + i * CELL_MS, 5);
        }
    }
    /* Of each day's cells at 0, 10, .. 50 s: those from 15 s to 45 s on two days' edges. */
    struct span span = {DAY0 - 3 * DAY_MS + 15000, DAY0 + 35000};
    assert_int_equal(delete_now(f, "{__name__=~\"hits|time\"}", span).err, TM_OK);
    /* Left: 0 s and 10 s of the first day, 40 s and 50 s of the last. */
    for (int round = 0; round < 4; round++) {
        expect_cells(f, "hits", 4, 1 + 2 + 16 + 32);
        expect_cells(f, "time", 4, 20);
        if (round == 1)
            fixture_reopen(f);
        else
            settle_all(f);
    }
    pass_time(f, DAY_MS);
    settle_all(f);
    expect_cells(f, "hits", 4, 1 + 2 + 16 + 32);
    assert_int_equal(stats_of(f->store).deletes, 0);
}

static void counts_that_come_later_for_a_deleted_time_are_counted(void **state)
{
    struct fixture *f = *state;
    count_one(f->store, "hits", 0, DAY0 - 3 * DAY_MS, 100);
    count_one(f->store, "hits", 0, DAY0, 100);
    assert_int_equal(delete_now(f, "hits", EVERYTHING).err, TM_OK);
    expect_cells(f, "hits", 0, 0);
    count_one(f->store, "hits", 0, DAY0 - 3 * DAY_MS, 7);
    count_one(f->store, "hits", 0, DAY0, 3);
    for (int round = 0; round < 4; round++) {
        expect_cells(f, "hits", 2, 10);
        if (round == 0)
            flush_now(f);
        else if (round == 1)
            fixture_reopen(f);
        else
            settle_all(f);
    }
}

/* ---- finding ---- */

static size_t find_count(struct fixture *f, struct span span)
{
    struct reader *reader = reader_of_store(f->store);
    const struct reader_filter filter = {.span = span};
    struct index_ids ids;
    assert_int_equal(reader_find(reader, &filter, &ids, &f->why), TM_OK);
    size_t count = ids.count;
    index_ids_fini(&ids);
    reader_close(reader);
    return count;
}

static void a_series_of_which_only_rollups_are_left_is_found_by_its_time(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_one(f->store, "once", OLD + 7 * MINUTE_MS, 1), TM_OK);
    leave_rollups(f);
    const struct span before = {OLD - DAY_MS, OLD}, between = {OLD + 3 * DAY_MS, DAY0 - 1};
    const struct span early = {OLD + 6 * MINUTE_MS, OLD + 8 * MINUTE_MS};
    for (int round = 0; round < 2; round++) {
        assert_int_equal(find_count(f, old_day), 3);
        assert_int_equal(find_count(f, early), 3);
        assert_int_equal(find_count(f, next_day), 2);
        assert_int_equal(find_count(f, before), 0);
        assert_int_equal(find_count(f, between), 0);
        assert_int_equal(find_count(f, (struct span){DAY0, DAY0 + 1}), 2);
        fixture_reopen(f);
    }
    struct reader *reader = reader_of_store(f->store);
    const struct reader_listing how = {.filter = {.span = old_day}, .order = INDEX_BY_TEXT};
    struct index_list list;
    assert_int_equal(reader_values(reader, STR("__name__"), &how, &list, &f->why), TM_OK);
    assert_int_equal(list.count, 3);
    index_list_fini(&list);
    reader_close(reader);
}

static void a_series_whose_rollups_are_deleted_is_not_found(void **state)
{
    struct fixture *f = *state;
    leave_rollups(f);
    assert_int_equal(delete_now(f, "cpu", old_day).err, TM_OK);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(find_count(f, old_day), 1);
        assert_int_equal(find_count(f, next_day), 2);
        if (round == 0)
            settle_all(f);
        else
            fixture_reopen(f);
    }
}

static void a_series_whose_counts_are_deleted_is_not_found(void **state)
{
    struct fixture *f = *state;
    count_one(f->store, "hits", 0, DAY0 - 3 * DAY_MS, 100);
    count_one(f->store, "more", 0, DAY0 - 3 * DAY_MS, 100);
    flush_now(f);
    assert_int_equal(find_count(f, (struct span){DAY0 - 3 * DAY_MS, DAY0}), 2);
    assert_int_equal(delete_now(f, "hits", EVERYTHING).err, TM_OK);
    assert_int_equal(find_count(f, (struct span){DAY0 - 3 * DAY_MS, DAY0}), 1);
    settle_all(f);
    assert_int_equal(find_count(f, (struct span){DAY0 - 3 * DAY_MS, DAY0}), 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(rollups_of_samples_that_are_gone_are_hidden_at_once_and_leave_the_files),
        CASE(they_are_hidden_from_another_process_in_a_backup_and_in_what_is_restored),
        CASE(a_delete_before_retention_passes_stays_in_force_behind_it),
        CASE(what_comes_later_for_a_deleted_time_stays_in_its_rollups),
        CASE(a_tombstone_ends_when_the_retention_of_its_tiers_does),
        CASE(cells_that_begin_in_the_span_go_from_every_day_and_histogram),
        CASE(counts_that_come_later_for_a_deleted_time_are_counted),
        CASE(a_series_of_which_only_rollups_are_left_is_found_by_its_time),
        CASE(a_series_whose_rollups_are_deleted_is_not_found),
        CASE(a_series_whose_counts_are_deleted_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
