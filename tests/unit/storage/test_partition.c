/* Writing, reading, sealing, rewriting and dropping partitions, each promise by its name. */
#include "test_partition_fixture.h"

static int set_up(void **state)
{
    struct scratch *s = test_malloc(sizeof *s);
    scratch_make(s, "/tmp");
    scratch_open(s);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    scratch_remove(*state);
    test_free(*state);
    return 0;
}

static void reopen(struct scratch *s)
{
    scratch_close(s);
    scratch_open(s);
}

static void check_sound(struct scratch *s, struct partition_id id, uint64_t chunks)
{
    struct partition_check_options options = {.chunk = check_value};
    struct partition_check_result result;
    struct tm_why why = {""};
    char path[256];
    partition_file(s, id, "", path);
    scratch_close(s);
    enum tm_err err = partition_check(path, id, &options, &result, &why);
    if (err)
        print_error("%s\n", why.text);
    assert_int_equal(err, TM_OK);
    assert_int_equal(result.chunks, chunks);
    assert_int_equal(result.samples, chunks * 6);
    assert_int_equal(result.damages, 0);
    scratch_open(s);
}

/* ---- writing and reading ---- */

static void what_was_committed_is_there_after_reopening(void **state)
{
    struct scratch *s = *state;
    must_write(s, TEST_DAY, 1, 1000, 700);
    must_write(s, TEST_DAY, 2, 500, 100);
    struct content wanted = windows_content(1, 1, 1000), more = windows_content(2, 1, 500);
    wanted.chunks += more.chunks;
    wanted.sum += more.sum;
    assert_content(s, day_id(TEST_DAY, false), wanted);
    reopen(s);
    assert_content(s, day_id(TEST_DAY, false), wanted);
    check_sound(s, day_id(TEST_DAY, false), 1500);
}

static void an_unfinished_window_is_invisible_and_removed(void **state)
{
    struct scratch *s = *state;
    struct partition_writer *w;
    s->options.txn_count = 100;
    reopen(s);
    must_write(s, TEST_DAY, 1, 50, 100);
    assert_int_equal(partition_writer_open(s->set, PARTITION_RAW, TEST_DAY, &w, NULL), TM_OK);
    assert_int_equal(partition_writer_window(w), 2);
    for (uint32_t i = 0; i < 1000; i++) {
        struct chunk c = chunk_of(i, 0, 9, 100);
        assert_int_equal(partition_writer_put(w, i, 0, chunk_str(&c), &c.extent, NULL), TM_OK);
    }
    assert_content(s, day_id(TEST_DAY, false), windows_content(1, 1, 50));
    partition_writer_abort(&w);
    assert_content(s, day_id(TEST_DAY, false), windows_content(1, 1, 50));
    /* The same number again, with fewer chunks: none of the old ones may shine through. */
    must_write(s, TEST_DAY, 2, 30, 100);
    struct partition_step step;
    struct str value;
    assert_int_equal(partition_step_begin(s->set, day_id(TEST_DAY, false), &step, NULL), TM_OK);
    assert_int_equal(partition_get(&step, &(struct partition_key){2, 29, 0}, &value, NULL), TM_OK);
    assert_int_equal(partition_get(&step, &(struct partition_key){2, 30, 0}, &value, NULL), TM_NOT_FOUND);
    partition_step_end(&step);
    check_sound(s, day_id(TEST_DAY, false), 80);
}

static void windows_tell_their_totals_and_tags(void **state)
{
    struct scratch *s = *state;
    size_t count;
    struct partition_step step;
    must_write(s, TEST_DAY, 3, 10, 100);
    must_write(s, TEST_DAY, 7, 20, 100);
    reopen(s);
    assert_int_equal(partition_step_begin(s->set, day_id(TEST_DAY, false), &step, NULL), TM_OK);
    const struct partition_window *windows = partition_step_windows(&step, &count);
    assert_int_equal(count, 2);
    assert_int_equal(windows[0].window, 1);
    assert_int_equal(windows[0].chunks, 10);
    assert_int_equal(windows[0].samples, 60);
    assert_int_equal(windows[0].tag, 3);
    assert_int_equal(windows[1].first, TEST_DAY * DAY_MS + 7 * 60000);
    assert_int_equal(windows[1].last, TEST_DAY * DAY_MS + 7 * 60000 + 50000);
    assert_int_equal(partition_step_tag(&step), 7);
    partition_step_end(&step);
}

static void an_empty_window_writes_nothing(void **state)
{
    struct scratch *s = *state;
    struct partition_writer *w;
    struct partitions_stats before, after;
    must_write(s, TEST_DAY, 1, 1, 100);
    partitions_stats(s->set, &before);
    assert_int_equal(partition_writer_open(s->set, PARTITION_RAW, TEST_DAY, &w, NULL), TM_OK);
    assert_int_equal(partition_writer_commit(&w, 5, NULL), TM_OK);
    assert_null(w);
    partitions_stats(s->set, &after);
    assert_content(s, day_id(TEST_DAY, false), windows_content(1, 1, 1));
}

static void keys_out_of_order_and_bad_chunks_are_refused(void **state)
{
    struct scratch *s = *state;
    struct partition_writer *w;
    struct chunk c = chunk_of(5, 0, 1, 100);
    static char large[PARTITION_MAX_VALUE_BYTES + 1];
    assert_int_equal(partition_writer_open(s->set, PARTITION_RAW, TEST_DAY, &w, NULL), TM_OK);
    assert_int_equal(partition_writer_put(w, 5, 1, chunk_str(&c), &c.extent, NULL), TM_OK);
    assert_int_equal(partition_writer_put(w, 5, 1, chunk_str(&c), &c.extent, NULL), TM_INVALID);
    assert_int_equal(partition_writer_put(w, 5, 0, chunk_str(&c), &c.extent, NULL), TM_INVALID);
    assert_int_equal(partition_writer_put(w, 4, 9, chunk_str(&c), &c.extent, NULL), TM_INVALID);
    assert_int_equal(partition_writer_put(w, 6, 0, (struct str){large, sizeof large}, &c.extent, NULL),
                     TM_TOO_LARGE);
    struct partition_extent none = {1, 0, 1};
    assert_int_equal(partition_writer_put(w, 6, 0, chunk_str(&c), &none, NULL), TM_INVALID);
    partition_writer_abort(&w);
    assert_int_equal(partition_writer_open(s->set, PARTITION_RAW, UINT32_MAX, &w, NULL), TM_INVALID);
    assert_null(w);
}

static void there_is_one_writer_per_period(void **state)
{
    struct scratch *s = *state;
    struct partition_writer *w, *second;
    assert_int_equal(partition_writer_open(s->set, PARTITION_RAW, TEST_DAY, &w, NULL), TM_OK);
    assert_int_equal(partition_writer_open(s->set, PARTITION_RAW, TEST_DAY, &second, NULL), TM_BUSY);
    assert_int_equal(partition_seal(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_BUSY);
    assert_int_equal(partition_drop(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_BUSY);
    assert_int_equal(partition_writer_open(s->set, PARTITION_RAW, TEST_DAY + 1, &second, NULL), TM_OK);
    partition_writer_abort(&second);
    partition_writer_abort(&w);
    assert_int_equal(partition_writer_open(s->set, PARTITION_RAW, TEST_DAY, &w, NULL), TM_OK);
    partition_writer_abort(&w);
}

static uint64_t count_series(struct scratch *s, struct partition_id id, uint32_t series, struct span span)
{
    struct partition_cursor cursor;
    struct partition_step step;
    struct partition_item item;
    uint64_t count = 0;
    enum tm_err err = TM_OK;
    partition_cursor_init(&cursor, series, span);
    while (!err) {
        assert_int_equal(partition_step_begin(s->set, id, &step, NULL), TM_OK);
        err = partition_cursor_next(&step, &cursor, &item, NULL);
        if (!err) {
            assert_int_equal(item.key.series, series);
            assert_true(is_sound(&item, NULL));
            count++;
            /* A second one in the same step, found from where the step's cursor stands. */
            err = partition_cursor_next(&step, &cursor, &item, NULL);
            count += !err;
        }
        partition_step_end(&step);
    }
    assert_int_equal(err, TM_NOT_FOUND);
    return count;
}

static void a_cursor_gives_the_chunks_of_its_series_in_its_span(void **state)
{
    struct scratch *s = *state;
    struct span all = {0, INT64_MAX};
    time_ms_t day = TEST_DAY * DAY_MS;
    for (uint32_t f = 0; f < 20; f++)
        must_write(s, TEST_DAY, f, 40, 100);
    assert_int_equal(count_series(s, day_id(TEST_DAY, false), 0, all), 20);
    assert_int_equal(count_series(s, day_id(TEST_DAY, false), 39, all), 20);
    assert_int_equal(count_series(s, day_id(TEST_DAY, false), 40, all), 0);
    struct span some = {day + 5 * 60000, day + 8 * 60000};
    assert_int_equal(count_series(s, day_id(TEST_DAY, false), 7, some), 3);
    struct span gap = {day + 5 * 60000 + 50001, day + 6 * 60000};
    assert_int_equal(count_series(s, day_id(TEST_DAY, false), 7, gap), 0);
}

static void parts_of_a_chunk_follow_each_other(void **state)
{
    struct scratch *s = *state;
    struct partition_writer *w;
    assert_int_equal(partition_writer_open(s->set, PARTITION_RAW, TEST_DAY, &w, NULL), TM_OK);
    for (uint32_t series = 3; series < 6; series++) {
        for (uint32_t part = 0; part < 5; part++) {
            struct chunk c = chunk_of(series, part, 1, 200);
            assert_int_equal(partition_writer_put(w, series, part, chunk_str(&c), &c.extent, NULL), TM_OK);
        }
    }
    assert_int_equal(partition_writer_commit(&w, 1, NULL), TM_OK);
    must_write(s, TEST_DAY, 2, 10, 100);
    assert_int_equal(count_series(s, day_id(TEST_DAY, false), 4, (struct span){0, INT64_MAX}), 6);
}

static void a_position_survives_steps_and_growth(void **state)
{
    struct scratch *s = *state;
    struct partition_scan scan = {0};
    struct partition_step step;
    struct partition_item item;
    must_write(s, TEST_DAY, 1, 100, 100);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(partition_step_begin(s->set, day_id(TEST_DAY, false), &step, NULL), TM_OK);
        assert_int_equal(partition_scan_next(&step, &scan, &item, NULL), TM_OK);
        assert_int_equal(item.key.series, i);
        partition_step_end(&step);
        if (i == 50)
            must_write(s, TEST_DAY, 2, 10, 100);
    }
    assert_int_equal(partition_step_begin(s->set, day_id(TEST_DAY, false), &step, NULL), TM_OK);
    assert_int_equal(partition_scan_next(&step, &scan, &item, NULL), TM_OK);
    assert_int_equal(item.key.window, 2);
    partition_step_end(&step);
}

static void a_reader_sees_no_window_that_came_after_it_began(void **state)
{
    struct scratch *s = *state;
    struct partition_step step;
    struct str value;
    size_t count;
    must_write(s, TEST_DAY, 1, 10, 100);
    assert_int_equal(partition_step_begin(s->set, day_id(TEST_DAY, false), &step, NULL), TM_OK);
    must_write(s, TEST_DAY, 2, 10, 100);
    (void)partition_step_windows(&step, &count);
    assert_int_equal(count, 1);
    assert_int_equal(partition_get(&step, &(struct partition_key){2, 1, 0}, &value, NULL), TM_NOT_FOUND);
    assert_int_equal(partition_get(&step, &(struct partition_key){1, 1, 0}, &value, NULL), TM_OK);
    partition_step_end(&step);
}

static void many_windows_stay_visible(void **state)
{
    struct scratch *s = *state;
    for (uint32_t f = 0; f < 100; f++)
        must_write(s, TEST_DAY, f, 2, 50);
    assert_content(s, day_id(TEST_DAY, false), windows_content(0, 100, 2));
}

static void what_is_not_there_is_not_found(void **state)
{
    struct scratch *s = *state;
    struct partition_step step;
    assert_int_equal(partition_step_begin(s->set, day_id(1, false), &step, NULL), TM_NOT_FOUND);
    assert_int_equal(partition_seal(s->set, PARTITION_RAW, 1, NULL), TM_NOT_FOUND);
    assert_int_equal(partition_drop(s->set, PARTITION_RAW, 1, NULL), TM_NOT_FOUND);
}

/* ---- growth ---- */

static void the_map_grows_by_itself_with_one_line_each(void **state)
{
    struct scratch *s = *state;
    struct partitions_stats stats;
    s->options.map_bytes = 1 << 20;
    reopen(s);
    for (uint32_t f = 0; f < 12; f++)
        must_write(s, TEST_DAY, f, 1000, 700);
    partitions_stats(s->set, &stats);
    assert_in_range(stats.map_growths, 3, 5);
    assert_int_equal(s->map_lines, stats.map_growths);
    assert_content(s, day_id(TEST_DAY, false), windows_content(0, 12, 1000));
    reopen(s);
    must_write(s, TEST_DAY, 12, 1000, 700);
    assert_content(s, day_id(TEST_DAY, false), windows_content(0, 13, 1000));
}

static void a_held_reader_hardly_grows_the_file(void **state)
{
    struct scratch *s = *state;
    struct partition_step step;
    struct stat plain, held;
    char path[256];
    for (uint32_t f = 0; f < 60; f++) {
        must_write(s, TEST_DAY, f, 300, 700);
        must_write(s, TEST_DAY + 1, f, 300, 700);
        if (f == 0)
            assert_int_equal(partition_step_begin(s->set, day_id(TEST_DAY + 1, false), &step, NULL), TM_OK);
    }
    partition_step_end(&step);
    partition_file(s, day_id(TEST_DAY, false), "/data.mdb", path);
    assert_int_equal(stat(path, &plain), 0);
    partition_file(s, day_id(TEST_DAY + 1, false), "/data.mdb", path);
    assert_int_equal(stat(path, &held), 0);
    print_message("plain %ld, with a held reader %ld bytes\n", (long)plain.st_size, (long)held.st_size);
    assert_true(held.st_size < plain.st_size + plain.st_size / 10);
}

static void the_age_of_the_oldest_reader_is_a_figure(void **state)
{
    struct scratch *s = *state;
    struct partition_step first, second;
    struct partitions_stats stats;
    must_write(s, TEST_DAY, 1, 1, 100);
    partitions_stats(s->set, &stats);
    assert_int_equal(stats.oldest_reader_ms, 0);
    assert_int_equal(partition_step_begin(s->set, day_id(TEST_DAY, false), &first, NULL), TM_OK);
    usleep(30000);
    assert_int_equal(partition_step_begin(s->set, day_id(TEST_DAY, false), &second, NULL), TM_OK);
    partitions_stats(s->set, &stats);
    assert_true(stats.oldest_reader_ms >= 30);
    partition_step_end(&first);
    partitions_stats(s->set, &stats);
    assert_true(stats.oldest_reader_ms < 30);
    partition_step_end(&second);
}

static void the_slot_of_a_killed_reader_is_cleared(void **state)
{
    struct scratch *s = *state;
    struct partitions_stats stats;
    int pipe_fds[2], status;
    char ready;
    must_write(s, TEST_DAY, 1, 1, 100);
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t child = fork();
    if (child == 0) {
        struct scratch reader = *s;
        struct partition_step step;
        reader.options.read_only = true;
        scratch_open(&reader);
        if (partition_step_begin(reader.set, day_id(TEST_DAY, false), &step, NULL) == TM_OK)
            (void)!write(pipe_fds[1], "x", 1);
        pause();
    }
    assert_int_equal(read(pipe_fds[0], &ready, 1), 1);
    must_write(s, TEST_DAY, 2, 1, 100);
    partitions_tick(s->set);
    usleep(20000);
    partitions_stats(s->set, &stats);
    assert_true(stats.oldest_reader_ms >= 20);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    partitions_tick(s->set);
    partitions_stats(s->set, &stats);
    assert_int_equal(stats.readers_cleared, 1);
    assert_int_equal(stats.oldest_reader_ms, 0);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

/* ---- sealing ---- */

static void a_sealed_partition_reads_the_same_and_takes_late_data_beside_it(void **state)
{
    struct scratch *s = *state;
    struct partition_writer *w;
    must_write(s, TEST_DAY, 1, 500, 700);
    assert_int_equal(partition_seal(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
    assert_int_equal(partition_seal(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
    assert_true(is_there(s, day_id(TEST_DAY, false), "/pages"));
    assert_false(is_there(s, day_id(TEST_DAY, false), "/lock.mdb"));
    assert_content(s, day_id(TEST_DAY, false), windows_content(1, 1, 500));
    assert_int_equal(count_series(s, day_id(TEST_DAY, false), 77, (struct span){0, INT64_MAX}), 1);
    assert_int_equal(count_series(s, day_id(TEST_DAY, false), 500, (struct span){0, INT64_MAX}), 0);
    assert_int_equal(partition_writer_open(s->set, PARTITION_RAW, TEST_DAY, &w, NULL), TM_OK);
    assert_true(partition_writer_id(w).late);
    partition_writer_abort(&w);
    must_write(s, TEST_DAY, 2, 10, 100);
    assert_content(s, day_id(TEST_DAY, false), windows_content(1, 1, 500));
    assert_content(s, day_id(TEST_DAY, true), windows_content(2, 1, 10));
    check_sound(s, day_id(TEST_DAY, false), 500);
    assert_content(s, day_id(TEST_DAY, false), windows_content(1, 1, 500));
}

static void a_wasteful_partition_is_sealed_as_a_compact_copy(void **state)
{
    struct scratch *s = *state;
    struct partition_writer *w;
    struct stat before, after;
    char path[256];
    must_write(s, TEST_DAY, 1, 500, 700);
    assert_int_equal(partition_writer_open(s->set, PARTITION_RAW, TEST_DAY, &w, NULL), TM_OK);
    for (uint32_t i = 0; i < 20000; i++) {
        struct chunk c = chunk_of(i, 0, 2, 500);
        assert_int_equal(partition_writer_put(w, i, 0, chunk_str(&c), &c.extent, NULL), TM_OK);
    }
    partition_writer_abort(&w);
    partition_file(s, day_id(TEST_DAY, false), "/data.mdb", path);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(partition_seal(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
    assert_int_equal(stat(path, &after), 0);
    assert_true(after.st_size < before.st_size / 2);
    assert_content(s, day_id(TEST_DAY, false), windows_content(1, 1, 500));
    check_sound(s, day_id(TEST_DAY, false), 500);
}

static void an_empty_partition_can_be_sealed(void **state)
{
    struct scratch *s = *state;
    struct partition_writer *w;
    assert_int_equal(partition_writer_open(s->set, PARTITION_RAW, TEST_DAY, &w, NULL), TM_OK);
    assert_int_equal(partition_writer_commit(&w, 0, NULL), TM_OK);
    assert_int_equal(partition_seal(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
    assert_content(s, day_id(TEST_DAY, false), (struct content){0});
    check_sound(s, day_id(TEST_DAY, false), 0);
}

/* ---- rewriting ---- */

static void a_rewrite_merges_late_data_into_a_series_ordered_partition(void **state)
{
    struct scratch *s = *state;
    struct merge_plan plan = {s->set, TEST_DAY, 300, UINT32_MAX, TM_OK};
    struct partition_step step;
    size_t count;
    for (uint32_t f = 1; f < 5; f++)
        must_write(s, TEST_DAY, f, 300, 300);
    assert_int_equal(partition_seal(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
    must_write(s, TEST_DAY, 9, 100, 300);
    assert_int_equal(partition_rewrite(s->set, PARTITION_RAW, TEST_DAY, merge_all, &plan, NULL), TM_OK);
    assert_false(is_there(s, day_id(TEST_DAY, true), ""));
    assert_int_equal(partition_step_begin(s->set, day_id(TEST_DAY, true), &step, NULL), TM_NOT_FOUND);
    assert_int_equal(count_series(s, day_id(TEST_DAY, false), 50, (struct span){0, INT64_MAX}), 5);
    assert_int_equal(count_series(s, day_id(TEST_DAY, false), 200, (struct span){0, INT64_MAX}), 4);
    assert_int_equal(partition_step_begin(s->set, day_id(TEST_DAY, false), &step, NULL), TM_OK);
    const struct partition_window *windows = partition_step_windows(&step, &count);
    assert_int_equal(count, 1);
    assert_int_equal(windows[0].window, 0);
    assert_int_equal(windows[0].chunks, 1300);
    assert_int_equal(windows[0].samples, 7800);
    assert_int_equal(partition_step_tag(&step), 9);
    partition_step_end(&step);
    check_sound(s, day_id(TEST_DAY, false), 1300);
    /* And again: late data after the merge, and a series that is deleted. */
    must_write(s, TEST_DAY, 11, 10, 300);
    plan = (struct merge_plan){s->set, TEST_DAY, 300, 5, TM_OK};
    assert_int_equal(partition_rewrite(s->set, PARTITION_RAW, TEST_DAY, merge_all, &plan, NULL), TM_OK);
    check_sound(s, day_id(TEST_DAY, false), 1310 - 6);
}

static void a_failed_rewrite_changes_nothing(void **state)
{
    struct scratch *s = *state;
    struct merge_plan plan = {s->set, TEST_DAY, 100, UINT32_MAX, TM_LIMIT};
    must_write(s, TEST_DAY, 1, 100, 300);
    assert_int_equal(partition_seal(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
    must_write(s, TEST_DAY, 2, 100, 300);
    assert_int_equal(partition_rewrite(s->set, PARTITION_RAW, TEST_DAY, merge_all, &plan, NULL), TM_LIMIT);
    assert_false(is_there(s, day_id(TEST_DAY, false), ".making"));
    assert_content(s, day_id(TEST_DAY, false), windows_content(1, 1, 100));
    assert_content(s, day_id(TEST_DAY, true), windows_content(2, 1, 100));
    must_write(s, TEST_DAY, 3, 100, 300);
    assert_content(s, day_id(TEST_DAY, true), windows_content(2, 2, 100));
}

static void a_position_in_a_rewritten_partition_is_told_so(void **state)
{
    struct scratch *s = *state;
    struct merge_plan plan = {s->set, TEST_DAY, 10, UINT32_MAX, TM_OK};
    struct partition_scan scan = {0};
    struct partition_cursor cursor;
    struct partition_step step;
    struct partition_item item;
    must_write(s, TEST_DAY, 1, 10, 300);
    partition_cursor_init(&cursor, 3, (struct span){0, INT64_MAX});
    assert_int_equal(partition_step_begin(s->set, day_id(TEST_DAY, false), &step, NULL), TM_OK);
    assert_int_equal(partition_scan_next(&step, &scan, &item, NULL), TM_OK);
    assert_int_equal(partition_cursor_next(&step, &cursor, &item, NULL), TM_OK);
    partition_step_end(&step);
    /* Sealing changes no key. */
    assert_int_equal(partition_seal(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
    assert_int_equal(partition_step_begin(s->set, day_id(TEST_DAY, false), &step, NULL), TM_OK);
    assert_int_equal(partition_scan_next(&step, &scan, &item, NULL), TM_OK);
    partition_step_end(&step);
    assert_int_equal(partition_rewrite(s->set, PARTITION_RAW, TEST_DAY, merge_all, &plan, NULL), TM_OK);
    assert_int_equal(partition_step_begin(s->set, day_id(TEST_DAY, false), &step, NULL), TM_OK);
    assert_int_equal(partition_scan_next(&step, &scan, &item, NULL), TM_CLOSED);
    assert_int_equal(partition_cursor_next(&step, &cursor, &item, NULL), TM_CLOSED);
    partition_step_end(&step);
}

/* ---- dropping, listing, copying ---- */

static void a_drop_gives_the_space_back_at_once(void **state)
{
    struct scratch *s = *state;
    must_write(s, TEST_DAY, 1, 1000, 700);
    assert_int_equal(partition_seal(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
    must_write(s, TEST_DAY, 2, 10, 100);
    must_write(s, TEST_DAY + 1, 3, 10, 100);
    assert_int_equal(partition_drop(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
    assert_false(is_there(s, day_id(TEST_DAY, false), ""));
    assert_false(is_there(s, day_id(TEST_DAY, true), ""));
    assert_false(is_there(s, day_id(TEST_DAY, false), ".dropped"));
    struct partition_step step;
    assert_int_equal(partition_step_begin(s->set, day_id(TEST_DAY, false), &step, NULL), TM_NOT_FOUND);
    assert_content(s, day_id(TEST_DAY + 1, false), windows_content(3, 1, 10));
    must_write(s, TEST_DAY, 5, 7, 100);
    reopen(s);
    assert_content(s, day_id(TEST_DAY, false), windows_content(5, 1, 7));
}

static void a_list_names_what_overlaps(void **state)
{
    struct scratch *s = *state;
    struct partition_entry entries[8];
    size_t count;
    for (uint32_t d = 0; d < 5; d++)
        must_write(s, TEST_DAY + d, 1, 10, 100);
    assert_int_equal(partition_seal(s->set, PARTITION_RAW, TEST_DAY + 1, NULL), TM_OK);
    must_write(s, TEST_DAY + 1, 2, 10, 100);
    reopen(s);
    struct span span = {(TEST_DAY + 1) * DAY_MS + 5, (TEST_DAY + 3) * DAY_MS};
    partitions_list(s->set, PARTITION_RAW, span, entries, 8, &count);
    assert_int_equal(count, 3);
    assert_int_equal(entries[0].id.period, TEST_DAY + 1);
    assert_true(entries[0].sealed);
    assert_true(entries[0].bytes > 4096);
    assert_true(entries[1].id.late);
    assert_false(entries[1].sealed);
    assert_int_equal(entries[2].id.period, TEST_DAY + 2);
    partitions_list(s->set, PARTITION_RAW, span, entries, 1, &count);
    assert_int_equal(count, 3);
    partitions_list(s->set, PARTITION_5M, span, entries, 8, &count);
    assert_int_equal(count, 0);
}

static void each_tier_has_its_own_folder(void **state)
{
    struct scratch *s = *state;
    struct partition_writer *w;
    static const uint32_t periods[PARTITION_TIERS] = {
        [PARTITION_RAW] = TEST_DAY,    [PARTITION_5M] = 2968,         [PARTITION_1H] = 682,
        [PARTITION_COUNTS] = TEST_DAY, [PARTITION_EVENTS] = TEST_DAY, [PARTITION_TOPS] = TEST_DAY,
    };
    static const char *const paths[PARTITION_TIERS] = {
        [PARTITION_RAW] = "raw/2026-11-22",       [PARTITION_5M] = "r5m/2026-W47",
        [PARTITION_1H] = "r1h/2026-11",           [PARTITION_COUNTS] = "counts/2026-11-22",
        [PARTITION_EVENTS] = "events/2026-11-22", [PARTITION_TOPS] = "tops/2026-11-22",
    };
    for (size_t t = 0; t < PARTITION_TIERS; t++) {
        struct chunk c = chunk_of(1, 0, 1, 100);
        char path[256];
        assert_int_equal(partition_writer_open(s->set, (enum partition_tier)t, periods[t], &w, NULL), TM_OK);
        assert_int_equal(partition_writer_put(w, 1, 0, chunk_str(&c), &c.extent, NULL), TM_OK);
        assert_int_equal(partition_writer_commit(&w, 1, NULL), TM_OK);
        (void)snprintf(path, sizeof path, "%s/%s/data.mdb", s->dir, paths[t]);
        assert_int_equal(access(path, F_OK), 0);
    }
}

static void no_more_than_the_limit_are_open(void **state)
{
    struct scratch *s = *state;
    struct partitions_stats stats;
    struct partition_step a, b, c;
    s->options.max_open = 2;
    reopen(s);
    for (uint32_t d = 0; d < 6; d++) {
        must_write(s, TEST_DAY + d, d, 10, 100);
        assert_int_equal(partition_seal(s->set, PARTITION_RAW, TEST_DAY + d, NULL), TM_OK);
    }
    for (uint32_t d = 0; d < 12; d++) {
        assert_content(s, day_id(TEST_DAY + d % 6, false), windows_content(d % 6, 1, 10));
        partitions_stats(s->set, &stats);
        assert_true(stats.open <= 2);
    }
    assert_int_equal(partition_step_begin(s->set, day_id(TEST_DAY, false), &a, NULL), TM_OK);
    assert_int_equal(partition_step_begin(s->set, day_id(TEST_DAY + 1, false), &b, NULL), TM_OK);
    assert_int_equal(partition_step_begin(s->set, day_id(TEST_DAY + 2, false), &c, NULL), TM_BUSY);
    partition_step_end(&a);
    assert_int_equal(partition_step_begin(s->set, day_id(TEST_DAY + 2, false), &c, NULL), TM_OK);
    partition_step_end(&c);
    partition_step_end(&b);
}

static void copy_and_check(struct scratch *s, struct partition_id id, uint64_t chunks)
{
    struct partition_check_options options = {.chunk = check_value};
    struct partition_check_result result;
    char to[256], parent[256];
    (void)snprintf(parent, sizeof parent, "mkdir -p %s/copy%d/raw", s->root, id.late);
    run_command(parent);
    (void)snprintf(to, sizeof to, "%s/copy%d/raw/2026-11-22%s", s->root, id.late, id.late ? ".late" : "");
    assert_int_equal(partition_copy(s->set, id, to, NULL), TM_OK);
    assert_int_equal(partition_copy(s->set, id, to, NULL), TM_EXISTS);
    assert_int_equal(partition_check(to, id, &options, &result, NULL), TM_OK);
    assert_int_equal(result.chunks, chunks);
}

static void a_copy_is_a_sound_partition(void **state)
{
    struct scratch *s = *state;
    must_write(s, TEST_DAY, 1, 300, 700);
    assert_int_equal(partition_seal(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
    must_write(s, TEST_DAY, 2, 100, 700);
    copy_and_check(s, day_id(TEST_DAY, false), 300);
    copy_and_check(s, day_id(TEST_DAY, true), 100);
}

static void another_process_reads_and_never_writes(void **state)
{
    struct scratch *s = *state;
    struct scratch reader;
    struct content found;
    struct merge_plan plan = {s->set, TEST_DAY, 100, UINT32_MAX, TM_OK};
    must_write(s, TEST_DAY, 1, 100, 300);
    int to_child[2], from_child[2], status;
    assert_int_equal(pipe(to_child) | pipe(from_child), 0);
    pid_t child = fork();
    if (child == 0) {
        char turn;
        close(to_child[1]);
        reader = *s;
        reader.options.read_only = true;
        scratch_open(&reader);
        struct partition_writer *w;
        if (partition_writer_open(reader.set, PARTITION_RAW, TEST_DAY, &w, NULL) != TM_READ_ONLY)
            _exit(1);
        while (read(to_child[0], &turn, 1) == 1) {
            enum tm_err err = partitions_refresh(reader.set, NULL);
            if (!err)
                err = read_all(reader.set, day_id(TEST_DAY, false), 31, &found);
            uint64_t answer = err || found.wrong ? 0 : found.chunks;
            (void)!write(from_child[1], &answer, sizeof answer);
        }
        _exit(0);
    }
    static const uint64_t wanted[] = {100, 200, 200, 200, 0};
    for (int turn = 0; turn < 5; turn++) {
        uint64_t answer;
        if (turn == 1)
            must_write(s, TEST_DAY, 2, 100, 300);
        if (turn == 2)
            assert_int_equal(partition_seal(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
        if (turn == 3)
            assert_int_equal(partition_rewrite(s->set, PARTITION_RAW, TEST_DAY, merge_all, &plan, NULL),
                             TM_OK);
        if (turn == 4)
            assert_int_equal(partition_drop(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
        assert_int_equal(write(to_child[1], "x", 1), 1);
        assert_int_equal(read(from_child[0], &answer, sizeof answer), sizeof answer);
        assert_int_equal(answer, wanted[turn]);
    }
    close(to_child[1]);
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_committed_is_there_after_reopening),
        TEST(an_unfinished_window_is_invisible_and_removed),
        TEST(windows_tell_their_totals_and_tags),
        TEST(an_empty_window_writes_nothing),
        TEST(keys_out_of_order_and_bad_chunks_are_refused),
        TEST(there_is_one_writer_per_period),
        TEST(a_cursor_gives_the_chunks_of_its_series_in_its_span),
        TEST(parts_of_a_chunk_follow_each_other),
        TEST(a_position_survives_steps_and_growth),
        TEST(a_reader_sees_no_window_that_came_after_it_began),
        TEST(many_windows_stay_visible),
        TEST(what_is_not_there_is_not_found),
        TEST(the_map_grows_by_itself_with_one_line_each),
        TEST(a_held_reader_hardly_grows_the_file),
        TEST(the_age_of_the_oldest_reader_is_a_figure),
        TEST(the_slot_of_a_killed_reader_is_cleared),
        TEST(a_sealed_partition_reads_the_same_and_takes_late_data_beside_it),
        TEST(a_wasteful_partition_is_sealed_as_a_compact_copy),
        TEST(an_empty_partition_can_be_sealed),
        TEST(a_rewrite_merges_late_data_into_a_series_ordered_partition),
        TEST(a_failed_rewrite_changes_nothing),
        TEST(a_position_in_a_rewritten_partition_is_told_so),
        TEST(a_drop_gives_the_space_back_at_once),
        TEST(a_list_names_what_overlaps),
        TEST(each_tier_has_its_own_folder),
        TEST(no_more_than_the_limit_are_open),
        TEST(a_copy_is_a_sound_partition),
        TEST(another_process_reads_and_never_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
