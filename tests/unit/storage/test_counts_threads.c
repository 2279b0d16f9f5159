/* Readers of counts beside the writer, its flushes and seals; run it under the thread sanitizer. */
#include <stdatomic.h>

#include "tests/unit/storage/counting.h"

enum { THREAD_ROUNDS = 120, READERS = 2 };

struct shared {
    struct fixture *f;
    atomic_long acked;
    atomic_long sent;
    atomic_bool is_over;
    atomic_int looks;
};

static void *read_totals(void *arg)
{
    struct shared *shared = arg;
    struct reader *reader = reader_of_store(shared->f->store);
    struct search search = {.name = STR("hits")};
    assert_int_equal(reader_series(reader, search_one, &search), TM_OK);
    while (!atomic_load(&shared->is_over)) {
        struct reader_walk walk;
        const struct reader_cell *some;
        struct tm_why why;
        size_t count;
        long before = atomic_load(&shared->acked);
        long total = 0;
        reader_walk_init(&walk, search.found, (struct span){DAY0 - 2 * DAY_MS, DAY0 - DAY_MS});
        while (reader_cells_next(reader, &walk, &some, &count, &why) == TM_OK) {
            for (size_t i = 0; i < count; i++)
                total += (long)some[i].value;
        }
        long after = atomic_load(&shared->sent);
        if (total < before || total > after) {
            print_error("read %ld of %ld to %ld\n", total, before, after);
            abort();
        }
        atomic_fetch_add(&shared->looks, 1);
    }
    reader_close(reader);
    return NULL;
}

static void readers_count_each_add_once_while_it_is_flushed_and_sealed(void **state)
{
    struct fixture *f = *state;
    struct shared shared = {.f = f};
    pthread_t threads[READERS];
    time_ms_t day = DAY0 - 2 * DAY_MS;
    count_one(f->store, "hits", 0, day, 1);
    atomic_store(&shared.acked, 1);
    atomic_store(&shared.sent, 1);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_totals, &shared), 0);
    for (int i = 0; i < THREAD_ROUNDS; i++) {
        atomic_fetch_add(&shared.sent, 1);
        count_one(f->store, "hits", 0, day + i % 5 * CELL_MS, 1);
        atomic_fetch_add(&shared.acked, 1);
        if (i % 3 == 0)
            flush_now(f);
        if (i % 6 == 0) {
            pass_time(f, 2 * HOUR_MS);
            flush_settle(f->store);
        }
    }
    for (int i = 0; i < 1000 && atomic_load(&shared.looks) < 10; i++)
        usleep(1000);
    atomic_store(&shared.is_over, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    assert_true(atomic_load(&shared.looks) >= 10);
    assert_int_equal(total_of(f->store, "hits"), THREAD_ROUNDS + 1);
}

/* No power is cut: a folder in memory will do. */
static int use_memory(void **state)
{
    struct stat info;
    (void)state;
    return stat("/dev/shm", &info) == 0 ? setenv("TMPDIR", "/dev/shm", 0) : 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(readers_count_each_add_once_while_it_is_flushed_and_sealed),
    };
    return cmocka_run_group_tests(tests, use_memory, NULL);
}
