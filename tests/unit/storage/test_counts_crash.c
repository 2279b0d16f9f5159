/* Counts when things go wrong: a kill at every step of flush, seal and merge; readers beside the writer,
 * under the thread sanitizer too; files that can't be written. */
#include <stdatomic.h>

#include "tests/unit/storage/counting.h"

enum { ROUNDS = 2, POINTS_MAX = 600, THREAD_ROUNDS = 120, READERS = 2 };

/* ---- dying at the n-th point ---- */

static void pass_point(void *arg, const char *name)
{
    int *left = arg;
    (void)name;
    if (*left > 0 && --*left == 0)
        _exit(42);
}

/* Three rounds of counts for today, for a day that is sealed and for one in between; each acknowledged before
 * the flush in which the kill comes. */
static void live(struct fixture *f)
{
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        struct producer_mark mark = mark_of("agent", 1, round);
        if (store_producer_check(f->store, &mark) != PRODUCER_DUPLICATE) {
            struct batch *batch = store_batch_new(f->store);
            for (int day = 0; day < 3; day++) {
                add_to(f->store, batch, "hits", 0, DAY0 - day * 2 * DAY_MS, 1);
                add_to(f->store, batch, "hist", (uint32_t)round, DAY0 - day * 2 * DAY_MS, 10);
            }
            if (send_batch(f->store, batch, &mark) != TM_OK)
                _exit(1);
        }
        if (store_flush(f->store) != TM_OK)
            _exit(1);
        pass_time(f, 3 * HOUR_MS);
        flush_settle(f->store);
    }
}

static void check(struct fixture *f)
{
    uint64_t rounds = 0;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        struct producer_mark mark = mark_of("agent", 1, round);
        rounds += store_producer_check(f->store, &mark) == PRODUCER_DUPLICATE;
    }
    assert_int_equal(total_of(f->store, "hits"), 3 * rounds);
    assert_int_equal(total_of(f->store, "hist"), 30 * rounds);
    assert_int_equal(stats_of(f->store).damaged_records, 0);
}

/* Runs live() in a child that dies at the n-th point. False: it lived. */
static bool die_at(struct fixture *f, int n)
{
    pid_t child = fork();
    if (child == 0) {
        f->options.fault_point = pass_point;
        f->options.fault_arg = &n;
        if (fixture_try_open(f) != TM_OK)
            _exit(2);
        live(f);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 42 || WEXITSTATUS(status) == 0);
    return WEXITSTATUS(status) == 42;
}

static void a_kill_at_any_step_adds_nothing_twice(void **state)
{
    (void)state;
    bool died = true;
    int points = 0;
    for (int n = 1; died && n < POINTS_MAX; n++) {
        struct fixture *f = fixture_new();
        died = die_at(f, n);
        points = n;
        fixture_open(f);
        check(f);
        live(f);
        check(f);
        fixture_reopen(f);
        check(f);
        fixture_close(f);
        folder_remove(f->dir);
        free(f);
    }
    assert_false(died);
    assert_true(points > 20);
}

/* ---- files that can't be written ---- */

static void a_window_that_fails_is_tried_again_and_counts_once(void **state)
{
    struct fixture *f = *state;
    char path[512], name[PARTITION_PERIOD_NAME_BYTES];
    count_one(f->store, "hits", 0, DAY0 - DAY_MS, 3);
    count_one(f->store, "hits", 0, DAY0, 5);
    assert_int_equal(partition_period_name(PARTITION_COUNTS, (uint32_t)(DAY0 / DAY_MS), name), TM_OK);
    (void)snprintf(path, sizeof path, "%s/counts/%s", f->dir, name);
    FILE *file = fopen(path, "w"); /* where the partition of the second day is to be */
    assert_non_null(file);
    (void)fclose(file);
    assert_int_not_equal(store_flush(f->store), TM_OK); /* the first day is written by now */
    assert_int_equal(total_of(f->store, "hits"), 8);
    count_one(f->store, "hits", 0, DAY0 - DAY_MS, 100);
    assert_int_equal(total_of(f->store, "hits"), 108);
    assert_int_equal(unlink(path), 0);
    flush_now(f);
    assert_int_equal(total_of(f->store, "hits"), 108);
    fixture_reopen(f);
    assert_int_equal(total_of(f->store, "hits"), 108);
}

/* ---- readers beside the writer ---- */

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
    reader_series(reader, search_one, &search);
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

/* Kills and restarts are of the process only: a folder in memory will do. */
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
        cmocka_unit_test(a_kill_at_any_step_adds_nothing_twice),
        CASE(a_window_that_fails_is_tried_again_and_counts_once),
        CASE(readers_count_each_add_once_while_it_is_flushed_and_sealed),
    };
    return cmocka_run_group_tests(tests, use_memory, NULL);
}
