/* Readers on other threads beside one owner. Meant for the TSan build; right in any. */
#include "test_partition_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

enum { READERS = 3, SERIES = 40, ROUNDS = 60 };

struct shared {
    struct scratch scratch;
    atomic_bool stop;
    atomic_uint_fast64_t reads;
    atomic_uint_fast64_t wrong;
    atomic_uint_fast64_t torn; /* windows of which not all was seen */
};

/* One series over all windows of one partition: each window that the step lists must have it. */
static void read_series(struct shared *shared, struct partition_step *step, uint32_t series)
{
    size_t count;
    struct partition_cursor cursor;
    struct partition_item item;
    uint64_t chunks = 0, samples = 0;
    const struct partition_window *windows = partition_step_windows(step, &count);
    for (size_t i = 0; i < count; i++)
        samples += windows[i].samples;
    partition_cursor_init(&cursor, series, (struct span){0, INT64_MAX});
    while (partition_cursor_next(step, &cursor, &item, NULL) == TM_OK) {
        chunks++;
        if (!is_sound(&item, NULL))
            atomic_fetch_add(&shared->wrong, 1);
    }
    if (chunks * 6 * SERIES != samples)
        atomic_fetch_add(&shared->torn, 1);
}

static void *read_on(void *arg)
{
    struct shared *shared = arg;
    unsigned random = (unsigned)(uintptr_t)pthread_self();
    while (!atomic_load(&shared->stop)) {
        struct partition_step step;
        struct partition_entry entries[8];
        struct partitions_stats stats;
        size_t count;
        struct span all = {0, INT64_MAX};
        partitions_list(shared->scratch.set, PARTITION_RAW, all, entries, 8, &count);
        partitions_stats(shared->scratch.set, &stats);
        for (size_t i = 0; i < count && i < 8; i++) {
            enum tm_err err = partition_step_begin(shared->scratch.set, entries[i].id, &step, NULL);
            if (err == TM_NOT_FOUND || err == TM_BUSY)
                continue;
            if (err) {
                atomic_fetch_add(&shared->wrong, 1);
                continue;
            }
            read_series(shared, &step, (uint32_t)rand_r(&random) % SERIES);
            partition_step_end(&step);
            atomic_fetch_add(&shared->reads, 1);
        }
    }
    return NULL;
}

static void own(struct scratch *s, unsigned round)
{
    struct merge_plan plan = {s->set, TEST_DAY, SERIES, UINT32_MAX, TM_OK};
    must_write(s, TEST_DAY, round, SERIES, 500);
    must_write(s, TEST_DAY + 1 + round % 4, round, SERIES, 200);
    if (round % 8 == 3)
        assert_int_equal(partition_seal(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
    if (round % 16 == 7)
        assert_int_equal(partition_rewrite(s->set, PARTITION_RAW, TEST_DAY, merge_all, &plan, NULL), TM_OK);
    if (round % 16 == 15)
        assert_int_equal(partition_drop(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
    if (round % 10 == 5)
        partitions_tick(s->set);
}

static void readers_see_whole_windows_while_the_owner_writes_seals_rewrites_and_drops(void **state)
{
    (void)state;
    struct shared *shared = test_calloc(1, sizeof *shared);
    pthread_t threads[READERS];
    scratch_make(&shared->scratch, "/tmp");
    shared->scratch.options.map_bytes = 64 << 10;
    shared->scratch.options.txn_count = 16;
    shared->scratch.options.max_open = 3;
    /* Logging counts without a lock; readers log nothing here. */
    scratch_open(&shared->scratch);
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, shared), 0);
    for (unsigned round = 1; round <= ROUNDS; round++)
        own(&shared->scratch, round);
    atomic_store(&shared->stop, true);
    for (size_t i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    print_message("%llu steps, %d growths\n", (unsigned long long)atomic_load(&shared->reads),
                  shared->scratch.map_lines);
    assert_true(atomic_load(&shared->reads) > 0);
    assert_true(shared->scratch.map_lines > 0);
    assert_int_equal(atomic_load(&shared->wrong), 0);
    assert_int_equal(atomic_load(&shared->torn), 0);
    assert_int_equal(shared->scratch.error_lines, 0);
    scratch_remove(&shared->scratch);
    test_free(shared);
}

struct holder {
    struct scratch *scratch;
    atomic_bool is_in;
    atomic_bool is_out;
    bool was_complete;
};

static void *hold(void *arg)
{
    struct holder *h = arg;
    struct partition_step step;
    struct partition_scan scan = {0};
    struct partition_item item;
    uint64_t count = 0;
    if (partition_step_begin(h->scratch->set, day_id(TEST_DAY, false), &step, NULL) != TM_OK)
        return NULL;
    atomic_store(&h->is_in, true);
    usleep(100000);
    while (partition_scan_next(&step, &scan, &item, NULL) == TM_OK)
        count += is_sound(&item, NULL);
    h->was_complete = count == SERIES;
    atomic_store(&h->is_out, true);
    partition_step_end(&step);
    return NULL;
}

static void a_drop_waits_for_the_step_of_a_reader(void **state)
{
    (void)state;
    struct scratch s;
    struct holder holder = {.scratch = &s};
    pthread_t thread;
    scratch_make(&s, "/tmp");
    scratch_open(&s);
    must_write(&s, TEST_DAY, 1, SERIES, 500);
    assert_int_equal(pthread_create(&thread, NULL, hold, &holder), 0);
    while (!atomic_load(&holder.is_in))
        usleep(1000);
    assert_int_equal(partition_drop(s.set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
    assert_true(atomic_load(&holder.is_out));
    pthread_join(thread, NULL);
    assert_true(holder.was_complete);
    assert_false(is_there(&s, day_id(TEST_DAY, false), ""));
    scratch_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_see_whole_windows_while_the_owner_writes_seals_rewrites_and_drops),
        cmocka_unit_test(a_drop_waits_for_the_step_of_a_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
