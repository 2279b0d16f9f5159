/* A day of events that is over is merged: each event is there once, in few and full blocks, and whoever reads
 * meanwhile sees all or is told why not. */
#include <stdatomic.h>

#include "storage/events/events_files.h"
#include "tests/unit/storage/eventing.h"

enum { SERVICES = 4, READERS = 2, ROUNDS = 40 };

static const struct span yesterday = {DAY0 - DAY_MS, DAY0};

static void settle(struct fixture *f)
{
    pass_time(f, 3 * HOUR_MS);
    flush_settle(f->store);
}

/* How many blocks the day has, and whether one of them is late. */
static size_t blocks_of(struct fixture *f, time_ms_t time, bool *is_late)
{
    const struct events_query all = {.span = EVERYTHING};
    struct events_files files = {
        .partitions = f->store->contents.partitions, .contents = &f->store->contents, .until = UINT64_MAX};
    struct tm_why why;
    uint32_t day;
    assert_int_equal(partition_period_of(PARTITION_EVENTS, time, &day), TM_OK);
    assert_int_equal(events_files_list(&files, day, &all, &why), TM_OK);
    size_t count = files.count;
    *is_late = false;
    for (size_t i = 0; i < count; i++)
        *is_late = *is_late || files.places[i].late;
    events_files_fini(&files);
    return count;
}

static void a_day_that_is_over_has_one_block_a_service(void **state)
{
    struct fixture *f = *state;
    struct ledger ledger = {0};
    bool is_late;
    for (uint64_t round = 0; round < 5; round++) {
        send_events(f, 1 + 1000 * round, 200, yesterday, &ledger);
        flush_now(f);
    }
    assert_int_equal(blocks_of(f, yesterday.from, &is_late), 5 * SERVICES);
    settle(f);
    assert_int_equal(blocks_of(f, yesterday.from, &is_late), SERVICES);
    expect_ledger(f->store, &ledger);
    fixture_reopen(f);
    assert_int_equal(blocks_of(f, yesterday.from, &is_late), SERVICES);
    expect_ledger(f->store, &ledger);
    clear_ledger(&ledger);
}

static void late_events_join_the_day_once_it_is_quiet(void **state)
{
    struct fixture *f = *state;
    struct ledger ledger = {0};
    bool is_late;
    send_events(f, 1, 300, yesterday, &ledger);
    flush_now(f);
    settle(f);
    send_events(f, 1000, 100, yesterday, &ledger);
    flush_now(f);
    flush_settle(f->store);
    assert_int_equal(blocks_of(f, yesterday.from, &is_late), 2 * SERVICES);
    assert_true(is_late);
    expect_ledger(f->store, &ledger);
    settle(f);
    assert_int_equal(blocks_of(f, yesterday.from, &is_late), SERVICES);
    assert_false(is_late);
    expect_ledger(f->store, &ledger);
    clear_ledger(&ledger);
}

/* More than is in memory at once, in two halves that lie in each other. */
static void a_large_day_is_merged_in_groups_of_full_blocks(void **state)
{
    enum { EVENTS = 100000, BATCH = 5000 };
    struct fixture *f = *state;
    struct ledger ledger = {0};
    bool is_late;
    for (size_t sent = 0; sent < EVENTS;) {
        struct batch *batch = store_batch_new(f->store);
        assert_non_null(batch);
        for (int i = 0; i < BATCH; i++, sent++) {
            struct made_event made;
            size_t place = sent * 2 % EVENTS + sent * 2 / EVENTS;
            make_event(&made, sent % 977, yesterday.from + (time_ms_t)(place * 700));
            made.event.service = STR("shop");
            assert_int_equal(store_batch_http(batch, &made.event), TM_OK);
            (void)note_told(&ledger, &made.event);
        }
        assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
        flush_now(f);
    }
    assert_true(blocks_of(f, yesterday.from, &is_late) >= EVENTS / BATCH);
    settle(f);
    assert_int_equal(blocks_of(f, yesterday.from, &is_late), EVENTS / EVENTS_BLOCK_MAX + 1);
    const struct events_query all = {.span = EVERYTHING};
    struct reader *reader = reader_of_store(f->store);
    struct ledger got;
    sort_ledger(&ledger);
    scan_all(reader, &all, &got);
    expect_same(&got, &ledger);
    clear_ledger(&got);
    clear_ledger(&ledger);
    reader_close(reader);
}

/* It sees the folder as it was: what came later can't be told apart any more. */
static void a_reader_of_before_is_told_that_the_day_was_merged(void **state)
{
    struct fixture *f = *state;
    const struct events_query all = {.span = EVERYTHING};
    struct ledger ledger = {0}, got = {0};
    struct reader *other;
    struct tm_why why;
    send_events(f, 1, 100, yesterday, &ledger);
    flush_now(f);
    assert_int_equal(reader_open(f->dir, &other, &why), TM_OK);
    send_events(f, 1000, 100, yesterday, &ledger);
    flush_now(f);
    settle(f);
    assert_int_equal(events_scan(other, &all, note_told, &got, &why), TM_BUSY);
    assert_non_null(strstr(why.text, "merged"));
    reader_close(other);
    clear_ledger(&got);
    assert_int_equal(reader_open(f->dir, &other, &why), TM_OK);
    scan_all(other, &all, &got);
    sort_ledger(&ledger);
    expect_same(&got, &ledger);
    reader_close(other);
    clear_ledger(&got);
    clear_ledger(&ledger);
}

struct shared {
    struct fixture *f;
    atomic_size_t acked;
    atomic_size_t sent;
    atomic_bool is_over;
    atomic_int looks;
};

static bool count_told(void *arg, const struct http_event *event)
{
    (void)event;
    ++*(size_t *)arg;
    return true;
}

static void *scan_on(void *arg)
{
    struct shared *shared = arg;
    const struct events_query all = {.span = EVERYTHING};
    struct reader *reader = reader_of_store(shared->f->store);
    while (!atomic_load(&shared->is_over)) {
        struct tm_why why = {""};
        size_t before = atomic_load(&shared->acked), found = 0;
        enum tm_err err = events_scan(reader, &all, count_told, &found, &why);
        size_t after = atomic_load(&shared->sent);
        if (err || found < before || found > after) {
            print_error("%zu of %zu to %zu: %s\n", found, before, after, why.text);
            abort();
        }
        atomic_fetch_add(&shared->looks, 1);
    }
    reader_close(reader);
    return NULL;
}

static void readers_find_each_event_once_while_days_are_merged(void **state)
{
    struct fixture *f = *state;
    struct shared shared = {.f = f};
    struct ledger ledger = {0};
    pthread_t threads[READERS];
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, scan_on, &shared), 0);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        atomic_fetch_add(&shared.sent, 20);
        send_events(f, 1 + 100 * round, 20, yesterday, &ledger);
        atomic_fetch_add(&shared.acked, 20);
        if (round % 2)
            flush_now(f);
        if (round % 5 == 4)
            settle(f);
    }
    for (int i = 0; i < 1000 && atomic_load(&shared.looks) < 10; i++)
        usleep(1000);
    atomic_store(&shared.is_over, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    assert_true(atomic_load(&shared.looks) >= 10);
    expect_ledger(f->store, &ledger);
    clear_ledger(&ledger);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_day_that_is_over_has_one_block_a_service),
        CASE(late_events_join_the_day_once_it_is_quiet),
        CASE(a_large_day_is_merged_in_groups_of_full_blocks),
        CASE(a_reader_of_before_is_told_that_the_day_was_merged),
        CASE(readers_find_each_event_once_while_days_are_merged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
