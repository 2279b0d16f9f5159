/* Series whose last data went leave: limits, index and files forget them; whoever comes back is whole. */
#include "tests/unit/storage/deleting.h"

#define ALL_TIME ((struct span){INT64_MIN, INT64_MAX})

enum { MANY = 1000 };

/* ---- helpers ---- */

/* Samples for two days, rollups no longer than their partitions. */
static int leave_setup(void **state)
{
    struct fixture *f = fixture_new();
    f->options.retention_raw_ms = 2 * DAY_MS;
    f->options.retention_rollup_5m_ms = DAY_MS;
    f->options.retention_rollup_1h_ms = DAY_MS;
    fixture_open(f);
    *state = f;
    return 0;
}

static void keep_order(struct fixture *f)
{
    pass_time(f, 2 * HOUR_MS);
    store_poll(f->store);
    flush_settle(f->store);
}

/* What is in files now is too old then: days, weeks and months. */
static void age(struct fixture *f)
{
    flush_now(f);
    for (int day = 0; day < 70; day++) {
        pass_time(f, DAY_MS);
        store_poll(f->store);
        flush_settle(f->store);
    }
}

static time_ms_t now_of(const struct fixture *f)
{
    return f->clock.wall_ms;
}

static series_id number_of(struct store *store, const char *name)
{
    struct search search = {.name = str_of(name)};
    struct reader *reader = reader_of_store(store);
    assert_int_equal(reader_series(reader, search_one, &search), TM_OK);
    reader_close(reader);
    return search.found;
}

static size_t count_selected(struct store *store, const char *text)
{
    struct tm_why why;
    struct selector selector;
    struct index_ids ids;
    struct reader *reader = reader_of_store(store);
    assert_int_equal(selector_parse(str_of(text), &selector, &why), TM_OK);
    assert_int_equal(reader_select(reader, &selector, &ids, &why), TM_OK);
    size_t count = ids.count;
    index_ids_fini(&ids);
    selector_fini(&selector);
    reader_close(reader);
    return count;
}

static void send_now(struct fixture *f, const char *name, double value)
{
    assert_int_equal(send_one(f->store, name, now_of(f), value), TM_OK);
}

static void expect_left(struct fixture *f, const char *name)
{
    assert_int_equal(number_of(f->store, name), 0);
    assert_int_equal(count_selected(f->store, name), 0);
}

/* ---- leaving ---- */

static void a_series_leaves_with_its_last_data_and_the_others_stay(void **state)
{
    struct fixture *f = *state;
    send_now(f, "old", 1);
    send_now(f, "steady", 1);
    assert_int_equal(count_selected(f->store, "old"), 1);
    age(f);
    send_now(f, "steady", 2);
    keep_order(f);
    for (int i = 0; i < 2; i++) {
        expect_left(f, "old");
        assert_int_equal(stats_of(f->store).series, 1);
        assert_int_equal(count_of(f->store, "steady"), 1);
        assert_int_equal(count_selected(f->store, "steady"), 1);
        fixture_reopen(f);
    }
}

static void what_left_is_counted_and_no_limit_counts_it(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    f->options.max_series = 2;
    f->options.max_series_per_service = 2;
    fixture_open(f);
    send_now(f, "a", 1);
    send_now(f, "b", 1);
    struct batch *batch = store_batch_new(f->store);
    series_id id;
    assert_int_equal(series_try(f->store, batch, "c", "shop", &id, &f->why), TM_LIMIT);
    store_batch_drop(f->store, batch);
    age(f);
    assert_int_equal(stats_of(f->store).series_left, 2);
    assert_int_equal(stats_of(f->store).series, 0);
    uint64_t count;
    assert_int_equal(store_top_service(f->store, &count).len, 0);
    send_now(f, "c", 1);
    send_now(f, "d", 1);
    assert_int_equal(stats_of(f->store).series, 2);
    assert_int_equal(store_top_service(f->store, &count).len, 4);
    assert_int_equal(count, 2);
}

static void rollups_keep_a_series(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    f->options.retention_rollup_1h_ms = 300 * DAY_MS;
    fixture_open(f);
    send_now(f, "old", 1);
    age(f);
    keep_order(f);
    assert_int_equal(count_of(f->store, "old"), 0);
    assert_int_not_equal(number_of(f->store, "old"), 0);
    assert_int_equal(stats_of(f->store).series_left, 0);
    assert_int_equal(stats_of(f->store).series, 1);
}

/* Counts are kept for ever here. */
static void counts_keep_a_series_in_memory_and_in_files(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < 2; round++) {
        struct batch *batch = one_sample(f->store, round ? "flushed" : "unflushed", now_of(f), 1);
        assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
    }
    flush_now(f);
    const char *const names[] = {"flushed", "unflushed"};
    pass_time(f, 70 * DAY_MS);
    for (int i = 0; i < 2; i++) {
        struct batch *batch = store_batch_new(f->store);
        series_id id;
        assert_int_equal(series_try(f->store, batch, names[i], "shop", &id, &f->why), TM_OK);
        assert_int_equal(store_batch_cell(batch, id, 0, now_of(f), 5), TM_OK);
        assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
        if (i == 0)
            flush_now(f);
    }
    for (int i = 0; i < 3; i++) {
        flush_settle(f->store);
        pass_time(f, HOUR_MS);
    }
    assert_true(last_of(f->store, "flushed") == 5);
    assert_int_equal(stats_of(f->store).series_left, 0);
    assert_int_equal(count_selected(f->store, "{service=\"shop\"}"), 2);
}

static void what_was_deleted_leaves(void **state)
{
    struct fixture *f = *state;
    send_now(f, "gone", 1);
    send_now(f, "stays", 1);
    assert_int_equal(delete_now(f, "gone", ALL_TIME).err, TM_OK);
    pass_time(f, DAY_MS);
    flush_settle(f->store); /* the day is rewritten without it */
    keep_order(f);
    keep_order(f);
    expect_left(f, "gone");
    assert_int_equal(count_of(f->store, "stays"), 1);
    assert_int_equal(stats_of(f->store).series, 1);
}

static void what_is_in_memory_alone_stays(void **state)
{
    struct fixture *f = *state;
    send_now(f, "a", 1);
    send_now(f, "b", 3);
    flush_now(f);
    pass_time(f, 70 * DAY_MS);
    send_now(f, "a", 4);
    uint64_t flushes = stats_of(f->store).flushes;
    for (int i = 0; i < 3; i++) {
        flush_settle(f->store);
        pass_time(f, HOUR_MS);
    }
    assert_int_equal(stats_of(f->store).flushes, flushes);
    assert_int_equal(stats_of(f->store).series_left, 1);
    expect_left(f, "b");
    for (int i = 0; i < 2; i++) {
        assert_true(last_of(f->store, "a") == 4);
        assert_int_equal(count_of(f->store, "a"), 1);
        fixture_reopen(f);
    }
}

static void what_was_set_aside_keeps_all_series(void **state)
{
    struct fixture *f = *state;
    char path[512];
    (void)snprintf(path, sizeof path, "%s/raw/2025-11-01.quarantine", f->dir);
    assert_int_equal(mkdir(path, 0750), 0);
    send_now(f, "old", 1);
    age(f);
    assert_int_equal(stats_of(f->store).series, 1);
    assert_int_equal(rmdir(path), 0);
    keep_order(f);
    assert_int_equal(stats_of(f->store).series, 0);
}

/* ---- coming back ---- */

static void one_that_left_comes_back_under_another_number(void **state)
{
    struct fixture *f = *state;
    send_now(f, "cpu", 1);
    series_id before = number_of(f->store, "cpu");
    age(f);
    expect_left(f, "cpu");
    send_now(f, "cpu", 2);
    assert_true(number_of(f->store, "cpu") > before);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(count_of(f->store, "cpu"), 1);
        assert_true(last_of(f->store, "cpu") == 2);
        assert_int_equal(count_selected(f->store, "cpu"), 1);
        if (i == 1)
            flush_now(f);
        fixture_reopen(f);
    }
}

static void a_number_is_not_given_again_after_a_restart(void **state)
{
    struct fixture *f = *state;
    send_now(f, "a", 1);
    send_now(f, "b", 1);
    series_id last = number_of(f->store, "b");
    age(f);
    fixture_reopen(f);
    assert_int_equal(stats_of(f->store).series, 0);
    send_now(f, "c", 1);
    assert_true(number_of(f->store, "c") > last);
}

/* The next poll finds a census that is done, and series that no partition has. */
static void age_up_to_the_census(struct fixture *f)
{
    flush_now(f);
    pass_time(f, 70 * DAY_MS);
    while (f->store->flush.work.census.state != CENSUS_DONE) {
        pass_time(f, HOUR_MS);
        assert_int_equal(flush_start_job(f->store), TM_OK);
        assert_int_equal(store_flush(f->store), TM_OK); /* waits for the job */
    }
}

static void one_that_is_leaving_comes_back_by_its_name(void **state)
{
    struct fixture *f = *state;
    send_now(f, "a", 1);
    send_now(f, "b", 1);
    series_id before = number_of(f->store, "a");
    age_up_to_the_census(f);
    struct batch *open = store_batch_new(f->store); /* they wait for it */
    while (flush_leave(f->store))
        continue;
    assert_int_equal(f->store->flush.leaving.state, LEAVING_WAITS);
    assert_int_equal(store_series_find(f->store, hash_of("a")), 0);
    send_now(f, "a", 2);
    store_batch_drop(f->store, open);
    keep_order(f);
    assert_int_equal(number_of(f->store, "a"), before);
    assert_true(last_of(f->store, "a") == 2);
    expect_left(f, "b");
    fixture_reopen(f);
    assert_true(last_of(f->store, "a") == 2);
    assert_int_equal(count_of(f->store, "a"), 1);
}

static void a_batch_begun_before_brings_it_back(void **state)
{
    struct fixture *f = *state;
    send_now(f, "a", 1);
    send_now(f, "b", 1);
    series_id before = number_of(f->store, "a");
    age_up_to_the_census(f);
    struct batch *open = one_sample(f->store, "a", now_of(f), 2);
    while (flush_leave(f->store))
        continue;
    assert_int_equal(f->store->flush.leaving.state, LEAVING_WAITS);
    assert_int_equal(send_batch(f->store, open, NULL), TM_OK);
    keep_order(f);
    assert_int_equal(number_of(f->store, "a"), before);
    assert_int_equal(store_series_find(f->store, hash_of("a")), before);
    expect_left(f, "b");
    for (int i = 0; i < 2; i++) {
        assert_true(last_of(f->store, "a") == 2);
        fixture_reopen(f);
    }
}

static void what_is_flushed_while_it_leaves_brings_it_back(void **state)
{
    struct fixture *f = *state;
    send_now(f, "a", 1);
    age_up_to_the_census(f);
    struct batch *open = store_batch_new(f->store);
    struct batch *with = one_sample(f->store, "a", now_of(f), 2);
    while (flush_leave(f->store))
        continue;
    assert_int_equal(send_batch(f->store, with, NULL), TM_OK);
    flush_now(f);
    assert_int_equal(f->store->flush.leaving.state, LEAVING_WAITS);
    store_batch_drop(f->store, open);
    keep_order(f);
    assert_true(last_of(f->store, "a") == 2);
    assert_int_equal(stats_of(f->store).series_left, 0);
}

static void one_that_comes_back_before_the_index_is_written_is_whole(void **state)
{
    struct fixture *f = *state;
    send_now(f, "a", 1);
    age_up_to_the_census(f);
    while (flush_leave(f->store))
        continue;
    assert_int_equal(f->store->flush.leaving.state, LEAVING_ENDS);
    send_now(f, "a", 2);
    fixture_reopen(f); /* the catalog has it under its old number still */
    assert_true(last_of(f->store, "a") == 2);
    assert_int_equal(count_of(f->store, "a"), 1);
    flush_now(f);
    fixture_reopen(f);
    assert_int_equal(count_of(f->store, "a"), 1);
    assert_int_equal(stats_of(f->store).series, 1);
    assert_int_equal(f->store->contents.mark.damaged, 0);
}

/* ---- readers ---- */

static void a_reader_keeps_the_labels_it_named_until_it_closes(void **state)
{
    struct fixture *f = *state;
    struct bytes before = {0}, after = {0};
    send_now(f, "old", 1);
    series_id id = number_of(f->store, "old");
    struct reader *reader = reader_of_store(f->store);
    reader_labels(reader, id, &before);
    age(f);
    expect_left(f, "old");
    assert_int_equal(series_state(f->store->contents.series, id), SERIES_GONE);
    reader_labels(reader, id, &after);
    assert_int_equal(after.len, before.len);
    assert_memory_equal(after.data, before.data, before.len);
    reader_close(reader);
    keep_order(f);
    assert_int_equal(series_state(f->store->contents.series, id), SERIES_FREE);
    bytes_fini(&before);
    bytes_fini(&after);
}

struct walking {
    struct fixture *f;
    size_t count;
    bool has_aged;
};

static bool age_meanwhile(void *arg, uint32_t series, struct str labels)
{
    struct walking *w = arg;
    (void)series, (void)labels;
    w->count++;
    if (!w->has_aged)
        keep_order(w->f);
    w->has_aged = true;
    return true;
}

static void a_walk_over_all_series_misses_none_that_stays(void **state)
{
    struct fixture *f = *state;
    char name[32];
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof name, "old%d", i);
        send_now(f, name, 1);
    }
    age_up_to_the_census(f);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof name, "new%d", i);
        send_now(f, name, 1);
    }
    struct walking walking = {f, 0, false};
    struct reader *reader = reader_of_store(f->store);
    assert_int_equal(reader_series(reader, age_meanwhile, &walking), TM_OK);
    reader_close(reader);
    assert_in_range(walking.count, MANY, 2 * MANY);
    keep_order(f);
    assert_int_equal(stats_of(f->store).series_left, MANY);
    assert_int_equal(series_durable_count(f->store->contents.series), MANY); /* no gaps */
    assert_int_equal(count_selected(f->store, "{service=\"shop\"}"), MANY);
}

struct reading {
    struct store *store;
    atomic_bool stop;
    atomic_int rounds;
};

/* Names series and reads their labels, without end. */
static void *read_labels(void *arg)
{
    struct reading *r = arg;
    while (!atomic_load(&r->stop)) {
        struct search search = {.name = STR("steady")};
        struct reader *reader = reader_of_store(r->store);
        assert_int_equal(reader_series(reader, search_one, &search), TM_OK);
        if (search.found == 0)
            abort();
        reader_close(reader);
        atomic_fetch_add(&r->rounds, count_selected(r->store, "steady") == 1);
    }
    return NULL;
}

static void readers_go_on_while_series_leave_and_come(void **state)
{
    struct fixture *f = *state;
    struct reading reading = {.store = f->store};
    pthread_t thread;
    char name[32];
    send_now(f, "steady", 1);
    assert_int_equal(pthread_create(&thread, NULL, read_labels, &reading), 0);
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 20; i++) {
            (void)snprintf(name, sizeof name, "churn%d", round % 2 * 10 + i);
            send_now(f, name, 1);
        }
        send_now(f, "steady", 1);
        flush_now(f);
        pass_time(f, 70 * DAY_MS);
        send_now(f, "steady", 1);
        for (int i = 0; i < 4; i++)
            keep_order(f);
    }
    atomic_store(&reading.stop, true);
    pthread_join(thread, NULL);
    assert_true(atomic_load(&reading.rounds) > 0);
    for (int i = 0; i < 20; i++)
        keep_order(f);
    assert_in_range(stats_of(f->store).series_left, 30, 80); /* some came back in time */
    assert_int_equal(stats_of(f->store).series, 1);
}

/* ---- who looks again and again ---- */

static bool count_one(void *arg, uint32_t series)
{
    assert_true(series > 0);
    ++*(size_t *)arg;
    return true;
}

/* How many are told to who has come this far. */
static size_t roll_on(struct fixture *f, struct reader_roll *roll)
{
    size_t count = 0;
    struct reader *reader = reader_of_store(f->store);
    assert_true(reader_series_new(reader, roll, count_one, &count));
    reader_close(reader);
    return count;
}

static void series_are_told_once_and_all_of_them_again_when_some_left(void **state)
{
    struct fixture *f = *state;
    struct reader_roll roll = {0};
    send_now(f, "old", 1);
    send_now(f, "steady", 1);
    assert_int_equal(roll_on(f, &roll), 2);
    assert_true(roll.is_whole);
    assert_int_equal(roll_on(f, &roll), 0);
    assert_false(roll.is_whole);
    send_now(f, "new", 1);
    assert_int_equal(roll_on(f, &roll), 1);
    age(f);
    send_now(f, "steady", 2);
    keep_order(f);
    assert_int_equal(roll_on(f, &roll), 1);
    assert_true(roll.is_whole);
    send_now(f, "newest", 1); /* the places of those that left are closed up */
    assert_int_equal(roll_on(f, &roll), 1);
    assert_false(roll.is_whole);
}

static bool stop_at_once(void *arg, uint32_t series)
{
    (void)arg, (void)series;
    return false;
}

static void who_stops_is_told_the_same_series_again(void **state)
{
    struct fixture *f = *state;
    struct reader_roll roll = {0};
    send_now(f, "a", 1);
    struct reader *reader = reader_of_store(f->store);
    assert_false(reader_series_new(reader, &roll, stop_at_once, NULL));
    reader_close(reader);
    assert_int_equal(roll_on(f, &roll), 1);
}

static void note_nothing(void *arg, struct str service, time_ms_t oldest, time_ms_t newest)
{
    (void)arg, (void)service, (void)oldest, (void)newest;
}

static void news_of_a_series_are_of_the_turn_in_which_they_came(void **state)
{
    struct fixture *f = *state;
    send_now(f, "a", 1);
    send_now(f, "b", 1);
    series_id a = number_of(f->store, "a"), b = number_of(f->store, "b");
    struct reader *reader = reader_of_store(f->store);
    uint32_t first = reader_turn(reader);
    assert_true(reader_has_news(reader, a, first));
    store_news(f->store, note_nothing, NULL);
    uint32_t second = reader_turn(reader);
    assert_true(second > first);
    send_now(f, "b", 2);
    assert_true(reader_has_news(reader, a, first));
    assert_false(reader_has_news(reader, a, second));
    assert_true(reader_has_news(reader, b, second));
    reader_close(reader);
}

/* ---- many ---- */

static void every_other_one_of_many_leaves_and_the_rest_load(void **state)
{
    struct fixture *f = *state;
    char name[32];
    for (int round = 0; round < 2; round++) {
        struct batch *batch = store_batch_new(f->store);
        for (int i = 0; i < MANY; i++) {
            (void)snprintf(name, sizeof name, "s%d", i);
            if (round == 0 || i % 2 == 0)
                put(f->store, batch, name, now_of(f), round);
        }
        assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
        flush_now(f);
        pass_time(f, round == 0 ? 70 * DAY_MS : 0);
    }
    for (int i = 0; i < 4; i++)
        keep_order(f);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(stats_of(f->store).series, MANY / 2);
        assert_int_equal(count_of(f->store, "s0"), 1);
        assert_int_equal(count_of(f->store, "s998"), 1);
        assert_int_equal(number_of(f->store, "s1"), 0);
        assert_int_equal(count_selected(f->store, "{service=\"shop\"}"), MANY / 2);
        fixture_reopen(f);
        assert_int_equal(f->store->contents.mark.damaged, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, leave_setup, fixture_teardown)
        TEST(a_series_leaves_with_its_last_data_and_the_others_stay),
        TEST(what_left_is_counted_and_no_limit_counts_it),
        TEST(rollups_keep_a_series),
        TEST(counts_keep_a_series_in_memory_and_in_files),
        TEST(what_was_deleted_leaves),
        TEST(what_is_in_memory_alone_stays),
        TEST(what_was_set_aside_keeps_all_series),
        TEST(one_that_left_comes_back_under_another_number),
        TEST(a_number_is_not_given_again_after_a_restart),
        TEST(one_that_is_leaving_comes_back_by_its_name),
        TEST(a_batch_begun_before_brings_it_back),
        TEST(what_is_flushed_while_it_leaves_brings_it_back),
        TEST(one_that_comes_back_before_the_index_is_written_is_whole),
        TEST(a_reader_keeps_the_labels_it_named_until_it_closes),
        TEST(a_walk_over_all_series_misses_none_that_stays),
        TEST(readers_go_on_while_series_leave_and_come),
        TEST(series_are_told_once_and_all_of_them_again_when_some_left),
        TEST(who_stops_is_told_the_same_series_again),
        TEST(news_of_a_series_are_of_the_turn_in_which_they_came),
        TEST(every_other_one_of_many_leaves_and_the_rest_load),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
