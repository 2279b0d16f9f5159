/* Deleting: what was written until then is gone for good, what comes later stays, and the files get rid of
 * it. */
#include <lmdb.h>

#include "tests/unit/storage/deleting.h"

#define ALL_TIME ((struct span){INT64_MIN, INT64_MAX})

static void send_days(struct fixture *f, const char *name, int days, double value)
{
    for (int day = 0; day < days; day++)
        assert_int_equal(send_one(f->store, name, DAY0 - day * DAY_MS, value + day), TM_OK);
}

/* How many samples another process sees. */
static size_t count_outside(struct fixture *f, const char *name)
{
    pid_t child = fork();
    if (child == 0) {
        struct reader *reader;
        _exit(reader_open(f->dir, &reader, &f->why) == TM_OK ? (int)count_in(reader, name, NULL) : 255);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_not_equal(WEXITSTATUS(status), 255);
    return (size_t)WEXITSTATUS(status);
}

static void expect_count(struct fixture *f, const char *name, size_t count)
{
    assert_int_equal(count_of(f->store, name), count);
#ifndef __SANITIZE_ADDRESS__ /* its locks may be held by a thread of ours when it forks: the child then      \
                                waits for ever */
    assert_int_equal(count_outside(f, name), count);
#else
    (void)count_outside;
#endif
}

/* ---- what goes ---- */

static void what_matches_goes_and_the_rest_stays(void **state)
{
    struct fixture *f = *state;
    send_days(f, "cpu", 3, 1);
    send_days(f, "mem", 3, 1);
    struct deleted deleted = delete_now(f, "cpu", ALL_TIME);
    assert_int_equal(deleted.err, TM_OK);
    assert_int_equal(deleted.series, 1);
    assert_true(deleted.id > 0);
    for (int i = 0; i < 2; i++) {
        expect_count(f, "cpu", 0);
        expect_count(f, "mem", 3);
        fixture_reopen(f);
    }
}

static void only_the_span_goes_with_its_first_moment_and_without_its_end(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 10; i++)
        assert_int_equal(send_one(f->store, "cpu", DAY0 + i, i + 1), TM_OK);
    assert_int_equal(delete_now(f, "cpu", (struct span){DAY0 + 3, DAY0 + 7}).err, TM_OK);
    expect_count(f, "cpu", 6);
    assert_true(value_at(f->store, "cpu", DAY0 + 2) == 3);
    assert_true(value_at(f->store, "cpu", DAY0 + 3) == -1);
    assert_true(value_at(f->store, "cpu", DAY0 + 6) == -1);
    assert_true(value_at(f->store, "cpu", DAY0 + 7) == 8);
    fixture_reopen(f);
    expect_count(f, "cpu", 6);
}

static void several_selectors_take_the_series_of_each_once(void **state)
{
    struct fixture *f = *state;
    struct selector selectors[3];
    struct deletion_order order = {selectors, 3, ALL_TIME};
    struct deleted deleted = {0};
    static const char *const texts[] = {"cpu", "{__name__=~\"cpu|mem\"}", "nothing"};
    send_days(f, "cpu", 1, 1);
    send_days(f, "mem", 1, 1);
    send_days(f, "disk", 1, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(selector_parse(str_of(texts[i]), &selectors[i], &f->why), TM_OK);
    assert_int_equal(store_delete(f->store, &order, deleted_done, &deleted, &f->why), TM_OK);
    for (int i = 0; i < 3; i++)
        selector_fini(&selectors[i]);
    wait_deleted(f, &deleted);
    assert_int_equal(deleted.series, 2);
    expect_count(f, "cpu", 0);
    expect_count(f, "mem", 0);
    expect_count(f, "disk", 1);
}

static void nothing_that_matches_is_no_error_and_no_delete(void **state)
{
    struct fixture *f = *state;
    send_days(f, "cpu", 1, 1);
    struct deleted deleted = delete_now(f, "mem", ALL_TIME);
    assert_int_equal(deleted.err, TM_OK);
    assert_int_equal(deleted.series, 0);
    assert_int_equal(deleted.id, 0);
    assert_int_equal(stats_of(f->store).deletes, 0);
    expect_count(f, "cpu", 1);
}

static void events_stay(void **state)
{
    struct fixture *f = *state;
    send_days(f, "cpu", 1, 1);
    assert_int_equal(send_event(f->store, EVENT_HTTP, DAY0, "a"), TM_OK);
    assert_int_equal(delete_now(f, "cpu", ALL_TIME).err, TM_OK);
    expect_events(f->store, EVENT_HTTP, "a ");
    fixture_reopen(f);
    expect_events(f->store, EVENT_HTTP, "a ");
}

/* ---- what comes later ---- */

static void what_is_written_after_a_delete_stays(void **state)
{
    struct fixture *f = *state;
    send_days(f, "cpu", 2, 1);
    assert_int_equal(delete_now(f, "cpu", ALL_TIME).err, TM_OK);
    assert_int_equal(send_one(f->store, "cpu", DAY0, 7), TM_OK); /* the same time again */
    expect_count(f, "cpu", 1);
    flush_now(f);
    expect_count(f, "cpu", 1);
    fixture_reopen(f);
    expect_count(f, "cpu", 1);
    assert_true(value_at(f->store, "cpu", DAY0) == 7);
    pass_time(f, 3 * DAY_MS);
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).deletes, 0);
    expect_count(f, "cpu", 1);
    assert_true(value_at(f->store, "cpu", DAY0) == 7);
}

static void late_data_of_a_sealed_day_survives_an_older_delete_and_not_a_newer_one(void **state)
{
    struct fixture *f = *state;
    send_days(f, "cpu", 1, 1);
    flush_now(f);
    pass_time(f, 2 * DAY_MS);
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).sealed_days, 1);
    assert_int_equal(delete_now(f, "cpu", ALL_TIME).err, TM_OK);
    assert_int_equal(send_one(f->store, "cpu", DAY0 + 5, 5), TM_OK); /* late */
    flush_now(f);
    flush_settle(f->store);
    pass_time(f, 2 * HOUR_MS); /* the late partition is quiet */
    flush_settle(f->store);
    expect_count(f, "cpu", 1);
    assert_true(value_at(f->store, "cpu", DAY0 + 5) == 5);
    assert_int_equal(delete_now(f, "cpu", ALL_TIME).err, TM_OK);
    expect_count(f, "cpu", 0);
    flush_settle(f->store);
    fixture_reopen(f);
    expect_count(f, "cpu", 0);
}

/* ---- the files ---- */

static void sealed_days_are_rewritten_without_it_and_space_comes_back(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 20000 };
    struct batch *batch = store_batch_new(f->store);
    uint32_t random = 1;
    for (int i = 0; i < COUNT; i++) {
        random = random * 1664525 + 1013904223;
        put(f->store, batch, "cpu", DAY0 + i * 1000, random / 3.0);
    }
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
    send_days(f, "mem", 1, 1);
    flush_now(f);
    pass_time(f, 2 * DAY_MS);
    flush_settle(f->store);
    uint64_t before = stats_of(f->store).partition_bytes;
    assert_int_equal(delete_now(f, "cpu", ALL_TIME).err, TM_OK);
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).deletes, 0);
    assert_true(stats_of(f->store).partition_bytes + COUNT * 4 < before);
    expect_count(f, "cpu", 0);
    expect_count(f, "mem", 1);
    fixture_reopen(f);
    expect_count(f, "cpu", 0);
    expect_count(f, "mem", 1);
}

static void a_day_of_which_nothing_is_left_goes(void **state)
{
    struct fixture *f = *state;
    send_days(f, "cpu", 3, 1);
    flush_now(f);
    pass_time(f, 5 * DAY_MS);
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).partitions, 3);
    assert_int_equal(delete_now(f, "cpu", (struct span){DAY0 - DAY_MS, DAY0}).err, TM_OK);
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).partitions, 2);
    assert_int_equal(stats_of(f->store).deletes, 0);
    expect_count(f, "cpu", 2);
    fixture_reopen(f);
    expect_count(f, "cpu", 2);
}

static void days_without_the_series_are_not_rewritten(void **state)
{
    struct fixture *f = *state;
    send_days(f, "mem", 5, 1);
    assert_int_equal(send_one(f->store, "cpu", DAY0 - DAY_MS, 1), TM_OK);
    flush_now(f);
    pass_time(f, 6 * DAY_MS);
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).sealed_days, 5);
    assert_int_equal(delete_now(f, "cpu", ALL_TIME).err, TM_OK);
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).sealed_days, 6);
    assert_int_equal(stats_of(f->store).deletes, 0);
    expect_count(f, "mem", 5);
}

static void today_is_hidden_and_rewritten_when_it_is_over(void **state)
{
    struct fixture *f = *state;
    send_days(f, "cpu", 1, 1);
    send_days(f, "mem", 1, 1);
    assert_int_equal(delete_now(f, "cpu", ALL_TIME).err, TM_OK);
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).deletes, 1);
    expect_count(f, "cpu", 0);
    pass_time(f, 2 * DAY_MS);
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).deletes, 0);
    expect_count(f, "cpu", 0);
    expect_count(f, "mem", 1);
}

/* ---- trouble ---- */

static void a_delete_whose_flush_fails_deletes_nothing(void **state)
{
    struct fixture *f = *state;
    char path[512];
    send_days(f, "cpu", 1, 1);
    (void)snprintf(path, sizeof path, "%s/index", f->dir);
    FILE *file = fopen(path, "w"); /* where the folder is to be */
    assert_non_null(file);
    (void)fclose(file);
    struct deleted deleted = delete_now(f, "cpu", ALL_TIME), second;
    assert_int_not_equal(deleted.err, TM_OK);
    assert_true(strlen(deleted.text) > 0);
    assert_int_equal(count_of(f->store, "cpu"), 1);
    assert_int_equal(unlink(path), 0);
    flush_now(f);
    assert_int_equal(begin_delete(f, "cpu", ALL_TIME, &second), TM_OK);
    wait_deleted(f, &second);
    assert_int_equal(second.err, TM_OK);
    expect_count(f, "cpu", 0);
}

static void too_many_at_once_are_told_to_wait_and_each_is_answered_once(void **state)
{
    struct fixture *f = *state;
    struct deleted deleted[DELETIONS_MAX + 1];
    send_days(f, "cpu", 1, 1);
    for (int i = 0; i < DELETIONS_MAX; i++)
        assert_int_equal(begin_delete(f, "cpu", ALL_TIME, &deleted[i]), TM_OK);
    assert_int_equal(begin_delete(f, "cpu", ALL_TIME, &deleted[DELETIONS_MAX]), TM_BUSY);
    assert_non_null(strstr(f->why.text, "try again later"));
    for (int i = 0; i < DELETIONS_MAX; i++) {
        wait_deleted(f, &deleted[i]);
        assert_int_equal(deleted[i].err, TM_OK);
        assert_true(i == 0 || deleted[i].id > deleted[i - 1].id);
    }
    expect_count(f, "cpu", 0);
}

static void a_store_that_closes_answers_those_that_wait(void **state)
{
    struct fixture *f = *state;
    struct deleted deleted;
    send_days(f, "cpu", 1, 1);
    assert_int_equal(begin_delete(f, "cpu", ALL_TIME, &deleted), TM_OK);
    fixture_close(f);
    assert_int_equal(deleted.answers, 1);
    assert_int_equal(deleted.err, TM_CLOSED);
    fixture_open(f);
    expect_count(f, "cpu", 1);
}

/* ---- damage ---- */

enum part { PART_WHAT, PART_DAYS };

/* Flips a bit of the value of the first delete in the index. */
static void damage_delete(struct fixture *f, enum part part)
{
    char path[512];
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi table;
    MDB_cursor *cursor;
    MDB_val key, data;
    (void)snprintf(path, sizeof path, "%s/index", f->dir);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    assert_int_equal(mdb_env_open(env, path, 0, 0640), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "tombstones", 0, &table), 0);
    assert_int_equal(mdb_cursor_open(txn, table, &cursor), 0);
    for (int i = 0; i <= (int)part; i++)
        assert_int_equal(mdb_cursor_get(cursor, &key, &data, MDB_NEXT), 0);
    uint8_t copy[256];
    assert_in_range(data.mv_size, 9, sizeof copy);
    memcpy(copy, data.mv_data, data.mv_size);
    copy[data.mv_size - 1] ^= 1;
    MDB_val changed = {data.mv_size, copy};
    assert_int_equal(mdb_cursor_put(cursor, &key, &changed, MDB_CURRENT), 0);
    mdb_cursor_close(cursor);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void a_damaged_delete_hides_nothing_and_is_told(void **state)
{
    struct fixture *f = *state;
    send_days(f, "cpu", 1, 1);
    send_days(f, "mem", 1, 1);
    assert_int_equal(delete_now(f, "cpu", ALL_TIME).err, TM_OK);
    fixture_close(f);
    damage_delete(f, PART_WHAT);
    fixture_open(f);
    assert_non_null(strstr(f->log, "index.damaged: deletes in the index are damaged"));
    expect_count(f, "cpu", 1);
    expect_count(f, "mem", 1);
    assert_int_equal(delete_now(f, "cpu", ALL_TIME).err, TM_OK);
    expect_count(f, "cpu", 0);
}

static void a_damaged_list_of_days_hides_as_before_and_is_made_anew(void **state)
{
    struct fixture *f = *state;
    send_days(f, "cpu", 2, 1);
    send_days(f, "mem", 2, 1);
    assert_int_equal(delete_now(f, "cpu", ALL_TIME).err, TM_OK);
    fixture_close(f);
    damage_delete(f, PART_DAYS);
    fixture_open(f);
    assert_non_null(strstr(f->log, "index.damaged: deletes in the index are damaged"));
    expect_count(f, "cpu", 0);
    expect_count(f, "mem", 2);
    assert_int_equal(send_one(f->store, "cpu", DAY0, 2), TM_OK);
    pass_time(f, 3 * DAY_MS);
    flush_now(f);
    flush_settle(f->store);
    assert_int_equal(stats_of(f->store).deletes, 0);
    expect_count(f, "cpu", 1);
    expect_count(f, "mem", 2);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_matches_goes_and_the_rest_stays),
        CASE(only_the_span_goes_with_its_first_moment_and_without_its_end),
        CASE(several_selectors_take_the_series_of_each_once),
        CASE(nothing_that_matches_is_no_error_and_no_delete),
        CASE(events_stay),
        CASE(what_is_written_after_a_delete_stays),
        CASE(late_data_of_a_sealed_day_survives_an_older_delete_and_not_a_newer_one),
        CASE(sealed_days_are_rewritten_without_it_and_space_comes_back),
        CASE(a_day_of_which_nothing_is_left_goes),
        CASE(days_without_the_series_are_not_rewritten),
        CASE(today_is_hidden_and_rewritten_when_it_is_over),
        CASE(a_delete_whose_flush_fails_deletes_nothing),
        CASE(too_many_at_once_are_told_to_wait_and_each_is_answered_once),
        CASE(a_store_that_closes_answers_those_that_wait),
        CASE(a_damaged_delete_hides_nothing_and_is_told),
        CASE(a_damaged_list_of_days_hides_as_before_and_is_made_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
