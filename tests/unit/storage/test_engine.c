/* Flush, partitions and catalog behind the journal: what goes where, and that it is the same afterwards. */
#include "tests/unit/storage/engine.h"

/* ---- flushing ---- */

static void what_is_flushed_is_read_as_before(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 300; i++)
        assert_int_equal(send_one(f->store, i % 2 ? "cpu" : "mem", DAY0 + i * 1000, i), TM_OK);
    flush_now(f);
    assert_int_equal(count_of(f->store, "cpu"), 150);
    assert_int_equal(count_of(f->store, "mem"), 150);
    assert_true(last_of(f->store, "cpu") == 299);
    assert_int_equal(stats_of(f->store).head_bytes, 0);
    assert_int_equal(stats_of(f->store).flushed_samples, 300);
    fixture_reopen(f);
    assert_int_equal(stats_of(f->store).replayed_records, 0);
    assert_int_equal(count_of(f->store, "cpu"), 150);
    assert_true(value_at(f->store, "mem", DAY0 + 298000) == 298);
    assert_int_equal(stats_of(f->store).newest_ms, DAY0 + 299000);
}

static void what_came_after_a_flush_is_replayed_on_top(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_one(f->store, "cpu", DAY0, 1), TM_OK);
    flush_now(f);
    assert_int_equal(send_one(f->store, "cpu", DAY0 + 1, 2), TM_OK);
    assert_int_equal(send_one(f->store, "new", DAY0 + 1, 3), TM_OK);
    fixture_reopen(f);
    assert_int_equal(stats_of(f->store).replayed_records, 2);
    assert_int_equal(count_of(f->store, "cpu"), 2);
    assert_int_equal(count_of(f->store, "new"), 1);
}

static void a_series_keeps_its_number_over_restarts(void **state)
{
    struct fixture *f = *state;
    struct reader *reader;
    struct search before = {.name = STR("s5")}, after = {.name = STR("s5")};
    char name[16];
    for (int i = 0; i < 10; i++) {
        (void)snprintf(name, sizeof name, "s%d", i);
        assert_int_equal(send_one(f->store, name, DAY0, i), TM_OK);
        if (i == 6)
            flush_now(f);
    }
    reader = reader_of_store(f->store);
    assert_int_equal(reader_series(reader, search_one, &before), TM_OK);
    reader_close(reader);
    flush_now(f);
    fixture_reopen(f);
    reader = reader_of_store(f->store);
    assert_int_equal(reader_series(reader, search_one, &after), TM_OK);
    reader_close(reader);
    assert_int_equal(after.count, 10);
    assert_int_equal(after.found, before.found);
    for (int i = 0; i < 10; i++) {
        (void)snprintf(name, sizeof name, "s%d", i);
        assert_true(last_of(f->store, name) == i);
    }
}

static void a_flush_trims_the_journal(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    f->options.segment_bytes = 4096;
    fixture_open(f);
    for (int i = 0; i < 600; i++)
        assert_int_equal(send_one(f->store, "cpu", DAY0 + i, i), TM_OK);
    assert_true(segment_count_of(f) > 3);
    uint64_t last = newest_segment(f);
    flush_now(f);
    /* The journal's thread makes a new segment before it removes the last one, behind the flush: one, two,
     * one. */
    for (int i = 0; i < 10000 && (newest_segment(f) == last || segment_count_of(f) > 1); i++)
        usleep(1000);
    assert_int_equal(segment_count_of(f), 1);
    fixture_reopen(f);
    assert_int_equal(count_of(f->store, "cpu"), 600);
    assert_int_equal(stats_of(f->store).damaged_records, 0);
    assert_int_equal(send_one(f->store, "cpu", DAY0 + 600, 600), TM_OK);
    fixture_reopen(f);
    assert_int_equal(count_of(f->store, "cpu"), 601);
}

static void a_missing_segment_behind_a_flush_is_told(void **state)
{
    struct fixture *f = *state;
    char path[512];
    assert_int_equal(send_one(f->store, "cpu", DAY0, 0), TM_OK);
    flush_now(f);
    assert_int_equal(send_one(f->store, "cpu", DAY0 + 1, 1), TM_OK);
    uint64_t segment = newest_segment(f);
    fixture_reopen(f);
    assert_int_equal(send_one(f->store, "cpu", DAY0 + 2, 2), TM_OK);
    fixture_close(f);
    segment_path(f, segment, path, sizeof path);
    assert_int_equal(unlink(path), 0);
    fixture_open(f);
    assert_int_equal(count_of(f->store, "cpu"), 2);
    assert_int_equal(stats_of(f->store).damaged_records, 1);
}

static void a_flush_goes_on_beside_the_work(void **state)
{
    struct fixture *f = *state;
    struct answer answer = {0};
    assert_int_equal(send_one(f->store, "cpu", DAY0, 0), TM_OK);
    assert_int_equal(store_flush_begin(f->store, answer_done, &answer), TM_OK);
    assert_int_equal(answer.calls, 0);
    wait_answer(f->store, &answer);
    assert_int_equal(answer.err, TM_OK);
    assert_int_equal(stats_of(f->store).flushed_samples, 1);
    /* Nothing new: it is done at the next look. */
    answer = (struct answer){0};
    assert_int_equal(store_flush_begin(f->store, answer_done, &answer), TM_OK);
    store_poll(f->store);
    assert_int_equal(answer.calls, 1);
    assert_int_equal(answer.err, TM_OK);
    assert_int_equal(stats_of(f->store).flushes, 1);
}

static void a_flush_that_nobody_sees_the_end_of_is_answered(void **state)
{
    struct fixture *f = *state;
    struct answer first = {0}, second = {0};
    assert_int_equal(send_one(f->store, "cpu", DAY0, 0), TM_OK);
    assert_int_equal(store_flush_begin(f->store, answer_done, &first), TM_OK);
    store_flush_cancel(f->store);
    assert_int_equal(first.calls, 1);
    assert_int_equal(first.err, TM_CLOSED);
    assert_int_equal(store_flush_begin(f->store, answer_done, &second), TM_OK);
    fixture_close(f);
    assert_int_equal(second.calls, 1);
    assert_int_equal(second.err, TM_CLOSED);
    assert_int_equal(first.calls, 1);
    fixture_open(f);
    assert_int_equal(count_of(f->store, "cpu"), 1);
}

static void only_so_many_may_wait_for_a_flush(void **state)
{
    struct fixture *f = *state;
    struct answer answer = {0};
    for (int i = 0; i < 64; i++)
        assert_int_equal(store_flush_begin(f->store, answer_done, &answer), TM_OK);
    assert_int_equal(store_flush_begin(f->store, answer_done, &answer), TM_BUSY);
    store_poll(f->store);
    assert_int_equal(answer.calls, 64);
}

static void events_survive_the_trimming(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_event(f->store, EVENT_HTTP, DAY0, "a"), TM_OK);
    assert_int_equal(send_event(f->store, EVENT_MARKER, DAY0, "m"), TM_OK);
    assert_int_equal(send_event(f->store, EVENT_HTTP, DAY0 + 1, "b"), TM_OK);
    flush_now(f);
    assert_int_equal(send_event(f->store, EVENT_HTTP, DAY0 - 5 * DAY_MS, "c"), TM_OK);
    flush_now(f);
    assert_int_equal(send_event(f->store, EVENT_HTTP, DAY0 + 3, "d"), TM_OK);
    for (int i = 0; i < 2; i++) {
        expect_events(f->store, EVENT_HTTP, "a b c d ");
        expect_events(f->store, EVENT_MARKER, "m ");
        expect_events(f->store, EVENT_TALLY, "");
        fixture_reopen(f);
    }
}

static void producers_are_known_after_the_trimming(void **state)
{
    struct fixture *f = *state;
    struct producer_mark first = mark_of("agent", 7, 41), second = mark_of("agent", 7, 42);
    assert_int_equal(send_batch(f->store, one_sample(f->store, "cpu", DAY0, 1), &first), TM_OK);
    flush_now(f);
    fixture_reopen(f);
    assert_int_equal(store_producer_check(f->store, &first), PRODUCER_DUPLICATE);
    assert_int_equal(store_producer_check(f->store, &second), PRODUCER_NEW);
    assert_int_equal(send_batch(f->store, one_sample(f->store, "cpu", DAY0 + 1, 1), &second), TM_OK);
    fixture_reopen(f);
    assert_int_equal(store_producer_check(f->store, &second), PRODUCER_DUPLICATE);
}

static void the_last_value_wins_over_windows(void **state)
{
    struct fixture *f = *state;
    for (int i = 1; i <= 4; i++) {
        assert_int_equal(send_one(f->store, "cpu", DAY0 + 5, i), TM_OK);
        assert_true(value_at(f->store, "cpu", DAY0 + 5) == i);
        if (i < 4)
            flush_now(f);
    }
    fixture_reopen(f);
    assert_true(value_at(f->store, "cpu", DAY0 + 5) == 4);
    assert_int_equal(count_of(f->store, "cpu"), 1);
}

static void a_full_head_is_flushed_by_itself(void **state)
{
    struct fixture *f = *state;
    const struct timespec nap = {0, 1000000};
    fixture_close(f);
    f->options.head_bytes = 2000;
    fixture_open(f);
    for (int i = 0; i < 60000 && stats_of(f->store).flushes < 3; i++) {
        assert_int_equal(send_one(f->store, "cpu", DAY0 + i, i), TM_OK);
        if (i % 10 == 0)
            nanosleep(&nap, NULL);
    }
    assert_true(stats_of(f->store).flushes >= 3);
}

static void an_old_head_is_flushed_by_itself(void **state)
{
    struct fixture *f = *state;
    const struct timespec nap = {0, 1000000};
    assert_int_equal(send_one(f->store, "cpu", DAY0, 1), TM_OK);
    store_poll(f->store);
    assert_int_equal(stats_of(f->store).flushes, 0);
    pass_time(f, HOUR_MS);
    for (int i = 0; i < 5000 && stats_of(f->store).flushes == 0; i++) {
        store_poll(f->store);
        nanosleep(&nap, NULL);
    }
    assert_int_equal(stats_of(f->store).flushes, 1);
    assert_int_equal(count_of(f->store, "cpu"), 1);
}

static void a_flush_that_fails_loses_nothing(void **state)
{
    struct fixture *f = *state;
    char path[512];
    assert_int_equal(send_one(f->store, "cpu", DAY0, 1), TM_OK);
    (void)snprintf(path, sizeof path, "%s/index", f->dir);
    FILE *file = fopen(path, "w"); /* where the folder is to be */
    assert_non_null(file);
    (void)fclose(file);
    assert_int_not_equal(store_flush(f->store), TM_OK);
    assert_int_equal(stats_of(f->store).flush_failures, 1);
    assert_non_null(strstr(f->log, "flush.failed"));
    assert_int_equal(count_of(f->store, "cpu"), 1);
    assert_int_equal(unlink(path), 0);
    flush_now(f);
    fixture_reopen(f);
    assert_int_equal(count_of(f->store, "cpu"), 1);
}

static void a_flush_that_fails_for_hours_bounds_what_waits(void **state)
{
    struct fixture *f = *state;
    char path[512];
    fixture_close(f);
    f->options.head_bytes = 16 << 10;
    fixture_open(f);
    (void)snprintf(path, sizeof path, "%s/index", f->dir);
    FILE *file = fopen(path, "w"); /* where the folder is to be */
    assert_non_null(file);
    (void)fclose(file);
    enum tm_err err = TM_OK;
    enum { EACH = 200 };
    size_t sent = 0;
    for (; sent < 1000000 && !err; sent += err ? 0 : EACH) {
        struct batch *batch = store_batch_new(f->store);
        for (int i = 0; i < EACH; i++)
            put(f->store, batch, "cpu", DAY0 + (time_ms_t)sent + i, (double)rand() / 7e5);
        err = send_batch(f->store, batch, NULL);
        pass_time(f, 500);
    }
    assert_int_equal(err, TM_NO_SPACE);
    assert_non_null(strstr(store_trouble(f->store), "partitions"));
    assert_non_null(strstr(f->log, "store.behind"));
    assert_true(stats_of(f->store).head_bytes < 20 * f->options.head_bytes);
    assert_int_equal(count_of(f->store, "cpu"), sent);
    assert_int_equal(unlink(path), 0);
    for (int i = 0; i < 1000 && store_trouble(f->store); i++) {
        pass_time(f, 2000);
        store_poll(f->store);
        usleep(1000);
    }
    assert_null(store_trouble(f->store));
    assert_int_equal(send_one(f->store, "cpu", DAY0 - 1, 1), TM_OK);
    fixture_reopen(f);
    assert_int_equal(count_of(f->store, "cpu"), sent + 1);
}

static void a_window_that_fails_is_tried_again(void **state)
{
    struct fixture *f = *state;
    char path[512], name[PARTITION_PERIOD_NAME_BYTES];
    assert_int_equal(send_one(f->store, "cpu", DAY0, 1), TM_OK);
    assert_int_equal(send_event(f->store, EVENT_HTTP, DAY0, "a"), TM_OK);
    assert_int_equal(partition_period_name(PARTITION_RAW, (uint32_t)(DAY0 / DAY_MS), name), TM_OK);
    (void)snprintf(path, sizeof path, "%s/raw/%s", f->dir, name);
    FILE *file = fopen(path, "w"); /* where the partition is to be */
    assert_non_null(file);
    (void)fclose(file);
    enum tm_err err = store_flush(f->store);
    assert_int_equal(unlink(path), 0);
    assert_int_not_equal(err, TM_OK);
    assert_int_equal(send_one(f->store, "cpu", DAY0 + 1, 2), TM_OK); /* into the next head */
    assert_int_equal(count_of(f->store, "cpu"), 2);
    expect_events(f->store, EVENT_HTTP, "a ");
    flush_now(f);
    assert_int_equal(stats_of(f->store).flushes, 2);
    fixture_reopen(f);
    assert_int_equal(count_of(f->store, "cpu"), 2);
    expect_events(f->store, EVENT_HTTP, "a ");
}

static void a_large_head_is_sealed_in_blocks_and_cut_into_chunks(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 5000 };
    for (int part = 0; part < 5; part++) {
        struct batch *batch = store_batch_new(f->store);
        for (int i = 0; i < COUNT / 5; i++)
            put(f->store, batch, "cpu", DAY0 + (part * COUNT / 5 + i) * 1000, i * 0.25);
        assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
    }
    assert_int_equal(count_of(f->store, "cpu"), COUNT);
    assert_true(stats_of(f->store).head_bytes < COUNT * 6);
    flush_now(f);
    assert_int_equal(count_of(f->store, "cpu"), COUNT);
    assert_true(value_at(f->store, "cpu", DAY0 + 4999000) == 999 * 0.25);
}

/* ---- selecting and walking ---- */

static void a_selector_finds_series_that_are_flushed_and_that_are_not(void **state)
{
    struct fixture *f = *state;
    struct selector selector;
    struct index_ids ids;
    assert_int_equal(send_one(f->store, "cpu_user", DAY0, 1), TM_OK);
    assert_int_equal(send_one(f->store, "mem", DAY0, 1), TM_OK);
    flush_now(f);
    fixture_reopen(f);
    assert_int_equal(send_one(f->store, "cpu_idle", DAY0, 1), TM_OK);
    struct reader *reader = reader_of_store(f->store);
    assert_int_equal(selector_parse(STR("{__name__=~\"cpu_.*\",service=\"shop\"}"), &selector, &f->why),
                     TM_OK);
    assert_int_equal(reader_select(reader, &selector, &ids, &f->why), TM_OK);
    assert_int_equal(ids.count, 2);
    index_ids_fini(&ids);
    selector_fini(&selector);
    reader_close(reader);
}

static void a_walk_gives_a_day_at_a_time(void **state)
{
    struct fixture *f = *state;
    const time_ms_t *times;
    const double *values;
    size_t count;
    struct reader_walk walk;
    for (int day = 0; day < 4; day++) {
        for (int i = 0; i < 3; i++)
            assert_int_equal(send_one(f->store, "cpu", DAY0 + day * DAY_MS + i, day * 10 + i), TM_OK);
        if (day == 1)
            flush_now(f);
    }
    struct reader *reader = reader_of_store(f->store);
    struct search search = {.name = STR("cpu")};
    assert_int_equal(reader_series(reader, search_one, &search), TM_OK);
    reader_walk_init(&walk, search.found, (struct span){DAY0 + 1, DAY0 + 3 * DAY_MS + 2});
    for (int day = 0; day < 4; day++) {
        assert_int_equal(reader_walk_next(reader, &walk, &times, &values, &count, &f->why), TM_OK);
        assert_int_equal(count, day == 0 || day == 3 ? 2 : 3);
        assert_int_equal(times[0], DAY0 + day * DAY_MS + (day == 0));
        assert_true(values[0] == day * 10 + (day == 0));
        if (day == 1)
            flush_now(f); /* the position survives it */
    }
    assert_int_equal(reader_walk_next(reader, &walk, &times, &values, &count, &f->why), TM_NOT_FOUND);
    reader_close(reader);
}

/* ---- time passes ---- */

static void late_samples_go_to_their_own_day(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_one(f->store, "cpu", DAY0 - 3 * DAY_MS + 10, 1), TM_OK);
    assert_int_equal(send_one(f->store, "cpu", DAY0 + 10, 2), TM_OK);
    flush_now(f);
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).sealed_days, 1);
    assert_int_equal(send_one(f->store, "cpu", DAY0 - 3 * DAY_MS + 5, 3), TM_OK);
    assert_int_equal(send_one(f->store, "cpu", DAY0 - 3 * DAY_MS + 10, 4), TM_OK);
    flush_now(f);
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).partitions, 3); /* one is late, and not quiet yet */
    assert_true(value_at(f->store, "cpu", DAY0 - 3 * DAY_MS + 10) == 4);
    pass_time(f, 2 * HOUR_MS);
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).partitions, 2);
    for (int i = 0; i < 2; i++) {
        assert_true(value_at(f->store, "cpu", DAY0 - 3 * DAY_MS + 10) == 4);
        assert_true(value_at(f->store, "cpu", DAY0 - 3 * DAY_MS + 5) == 3);
        assert_int_equal(count_of(f->store, "cpu"), 3);
        fixture_reopen(f);
    }
}

static void days_roll_are_sealed_and_expire(void **state)
{
    struct fixture *f = *state;
    enum { DAYS = 30, KEPT = 7 };
    fixture_close(f);
    f->options.retention_raw_ms = KEPT * DAY_MS;
    f->options.retention_events_ms = KEPT * DAY_MS;
    fixture_open(f);
    for (int day = 0; day < DAYS; day++) {
        for (int i = 0; i < 24; i++)
            assert_int_equal(send_one(f->store, "cpu", DAY0 + day * DAY_MS + i * HOUR_MS, day), TM_OK);
        assert_int_equal(send_event(f->store, EVENT_HTTP, DAY0 + day * DAY_MS, "e"), TM_OK);
        pass_time(f, DAY0 + (day + 1) * DAY_MS + 2 * HOUR_MS - f->clock.wall_ms);
        flush_now(f);
        flush_settle(f->store);
        assert_true(stats_of(f->store).partitions <= KEPT + 1);
    }
    assert_int_equal(stats_of(f->store).sealed_days, DAYS);
    assert_int_equal(stats_of(f->store).partitions, KEPT);
    assert_int_equal(stats_of(f->store).expired_days, DAYS - KEPT);
    assert_int_equal(count_of(f->store, "cpu"), KEPT * 24);
}

static void the_oldest_day_goes_when_there_is_too_much(void **state)
{
    struct fixture *f = *state;
    for (int day = -3; day <= 0; day++)
        assert_int_equal(send_one(f->store, "cpu", DAY0 + day * DAY_MS, day), TM_OK);
    flush_now(f);
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).partitions, 4);
    store_set_retention(f->store, &(struct store_retention){.max_disk_bytes = 1});
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).partitions, 1);
    assert_int_equal(stats_of(f->store).crowded_days, 3);
    assert_non_null(strstr(f->log, "retention.max_disk"));
    assert_true(value_at(f->store, "cpu", DAY0) == 0);
}

static void times_that_no_day_has_are_told_when_they_are_left_out(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_one(f->store, "cpu", -5, 1), TM_OK);
    assert_int_equal(send_one(f->store, "cpu", INT64_MIN, 1), TM_OK);
    assert_int_equal(send_one(f->store, "cpu", INT64_MAX - 1, 1), TM_OK);
    assert_int_equal(send_one(f->store, "cpu", DAY0, 1), TM_OK);
    assert_int_equal(count_of(f->store, "cpu"), 4);
    flush_now(f);
    assert_int_equal(count_of(f->store, "cpu"), 1);
    store_poll(f->store);
    assert_non_null(strstr(f->log, "flush.unstorable"));
}

/* ---- another process ---- */

static void a_reader_sees_all_beside_a_writer_that_flushes(void **state)
{
    struct fixture *f = *state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    fixture_close(f);
    pid_t writer = fork();
    if (writer == 0) {
        f->options.segment_bytes = 4096;
        fixture_open(f);
        for (uint32_t i = 0; i < 600; i++) {
            char name[16];
            (void)snprintf(name, sizeof name, "s%u", i % 7 + i / 100);
            if (send_one(f->store, name, DAY0 + i, i) != TM_OK || (i % 10 == 9 && store_flush(f->store)))
                _exit(2);
            uint32_t sent = i + 1;
            if (write(ready[1], &sent, sizeof sent) != sizeof sent)
                _exit(3);
        }
        _exit(0);
    }
    close(ready[1]);
    uint32_t sent = 0;
    for (int looks = 0; read(ready[0], &sent, sizeof sent) == sizeof sent; looks++) {
        if (sent % 23 != 1)
            continue;
        struct reader *reader;
        assert_int_equal(reader_open(f->dir, &reader, &f->why), TM_OK);
        size_t seen = 0;
        for (int i = 0; i < 13; i++) {
            char name[16];
            (void)snprintf(name, sizeof name, "s%d", i);
            seen += count_in(reader, name, NULL);
        }
        assert_true(seen >= sent);
        reader_close(reader);
    }
    close(ready[0]);
    int status;
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(status, 0);
    fixture_open(f);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_flushed_is_read_as_before),
        CASE(what_came_after_a_flush_is_replayed_on_top),
        CASE(a_series_keeps_its_number_over_restarts),
        CASE(a_flush_trims_the_journal),
        CASE(a_missing_segment_behind_a_flush_is_told),
        CASE(a_flush_goes_on_beside_the_work),
        CASE(a_flush_that_nobody_sees_the_end_of_is_answered),
        CASE(only_so_many_may_wait_for_a_flush),
        CASE(events_survive_the_trimming),
        CASE(producers_are_known_after_the_trimming),
        CASE(the_last_value_wins_over_windows),
        CASE(a_full_head_is_flushed_by_itself),
        CASE(an_old_head_is_flushed_by_itself),
        CASE(a_flush_that_fails_loses_nothing),
        CASE(a_flush_that_fails_for_hours_bounds_what_waits),
        CASE(a_window_that_fails_is_tried_again),
        CASE(a_large_head_is_sealed_in_blocks_and_cut_into_chunks),
        CASE(a_selector_finds_series_that_are_flushed_and_that_are_not),
        CASE(a_walk_gives_a_day_at_a_time),
        CASE(late_samples_go_to_their_own_day),
        CASE(days_roll_are_sealed_and_expire),
        CASE(the_oldest_day_goes_when_there_is_too_much),
        CASE(times_that_no_day_has_are_told_when_they_are_left_out),
        CASE(a_reader_sees_all_beside_a_writer_that_flushes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
