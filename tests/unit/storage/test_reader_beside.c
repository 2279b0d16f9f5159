/* Readers beside one that is open: they see the same, on threads of their own, and are given back before it.
 */
#include <stdatomic.h>

#include "tests/unit/storage/engine.h"

enum { SERIES = 6, DAYS = 4, PER_DAY = 20, READERS = 3, STEP_MS = 60000 };

static const char *name_of(int series)
{
    static const char *const names[SERIES] = {"s0", "s1", "s2", "s3", "s4", "s5"};
    return names[series];
}

/* Half of the days in files, the rest in the head. Value and time say which sample it is. */
static void fill(struct fixture *f)
{
    for (int day = 0; day < DAYS; day++) {
        struct batch *batch = store_batch_new(f->store);
        for (int i = 0; i < PER_DAY; i++) {
            for (int s = 0; s < SERIES; s++)
                put(f->store, batch, name_of(s), DAY0 - day * DAY_MS + i * STEP_MS, s * 1000 + day * 100 + i);
        }
        assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
        if (day == DAYS / 2)
            flush_now(f);
    }
}

/* Samples of the series that are not what fill put, or missing; reads by number as the first reader knows it.
 */
static int count_faults(struct reader *reader, uint32_t series, int s)
{
    const time_ms_t *times;
    const double *values;
    size_t count;
    int faults = 0;
    if (reader_samples(reader, series, EVERYTHING, &times, &values, &count) != TM_OK)
        return 1;
    faults += count != DAYS * PER_DAY;
    for (size_t k = 0; k < count; k++) {
        int day = DAYS - 1 - (int)(k / PER_DAY), i = (int)(k % PER_DAY);
        faults += times[k] != DAY0 - day * DAY_MS + i * STEP_MS || values[k] != s * 1000 + day * 100 + i;
    }
    return faults;
}

struct numbers {
    uint32_t of[SERIES];
};

static bool note_number(void *arg, uint32_t series, struct str encoded)
{
    struct numbers *numbers = arg;
    struct labels labels;
    assert_int_equal(labels_decode(encoded, &labels), TM_OK);
    for (int s = 0; s < SERIES; s++) {
        if (str_equal(labels_get(&labels, STR(LABEL_NAME)), str_of(name_of(s))))
            numbers->of[s] = series;
    }
    return true;
}

struct reading {
    struct reader *reader;
    const struct numbers *numbers;
    pthread_t thread;
    atomic_int *next; /* the series that is read next */
    int rounds;
    int faults;
};

static void *read_all(void *arg)
{
    struct reading *reading = arg;
    for (int at = atomic_fetch_add(reading->next, 1); at < SERIES * reading->rounds;
         at = atomic_fetch_add(reading->next, 1))
        reading->faults += count_faults(reading->reader, reading->numbers->of[at % SERIES], at % SERIES);
    return NULL;
}

/* f: flushes meanwhile; NULL: not. */
static void read_by_several(struct reader *first, struct fixture *f)
{
    struct reading readings[READERS];
    struct numbers numbers = {{0}};
    atomic_int next = 0;
    assert_int_equal(reader_series(first, note_number, &numbers), TM_OK);
    for (int i = 0; i < READERS; i++) {
        readings[i] = (struct reading){
            .reader = reader_beside(first), .numbers = &numbers, .next = &next, .rounds = 20};
        assert_non_null(readings[i].reader);
        assert_int_equal(pthread_create(&readings[i].thread, NULL, read_all, &readings[i]), 0);
    }
    if (f)
        flush_now(f);
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(readings[i].thread, NULL), 0);
        assert_int_equal(readings[i].faults, 0);
        reader_close(readings[i].reader);
    }
    for (int s = 0; s < SERIES; s++)
        assert_int_equal(count_faults(first, numbers.of[s], s), 0);
}

static void several_read_the_same_of_a_store_beside_a_flush(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct reader *first = reader_of_store(f->store);
    read_by_several(first, f);
    reader_close(first);
}

static void several_read_the_same_of_a_folder_that_one_opened(void **state)
{
    struct fixture *f = *state;
    struct reader *first;
    fill(f);
    fixture_close(f);
    assert_int_equal(reader_open(f->dir, &first, &f->why), TM_OK);
    read_by_several(first, NULL);
    struct reader *beside = reader_beside(first), *further = reader_beside(beside);
    assert_int_equal(count_in(further, "s1", NULL), DAYS * PER_DAY);
    reader_close(further);
    reader_close(beside);
    assert_int_equal(count_in(first, "s1", NULL), DAYS * PER_DAY);
    reader_close(first);
    fixture_open(f);
}

static bool stops(void *arg)
{
    return *(bool *)arg;
}

static void the_bounds_of_the_first_are_theirs(void **state)
{
    struct fixture *f = *state;
    struct numbers numbers = {{0}};
    const time_ms_t *times;
    const double *values;
    size_t count;
    bool stop = false;
    const struct reader_limits limits = {.max_samples = DAYS * PER_DAY, .stop = stops, .stop_arg = &stop};
    fill(f);
    struct reader *first = reader_of_store(f->store);
    assert_int_equal(reader_series(first, note_number, &numbers), TM_OK);
    reader_limit(first, &limits);
    struct reader *beside = reader_beside(first);
    assert_int_equal(reader_samples(beside, numbers.of[0], EVERYTHING, &times, &values, &count), TM_OK);
    assert_int_equal(reader_samples_read(beside), DAYS * PER_DAY);
    assert_int_equal(reader_samples_read(first), 0); /* each counts its own */
    assert_int_equal(reader_samples(beside, numbers.of[1], EVERYTHING, &times, &values, &count), TM_LIMIT);
    assert_int_equal(reader_samples(first, numbers.of[1], EVERYTHING, &times, &values, &count), TM_OK);
    stop = true;
    assert_true(reader_is_stopped(beside));
    assert_int_equal(reader_samples(beside, numbers.of[0], EVERYTHING, &times, &values, &count), TM_CLOSED);
    reader_close(beside);
    reader_close(first);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(several_read_the_same_of_a_store_beside_a_flush),
        WITH_STORE(several_read_the_same_of_a_folder_that_one_opened),
        WITH_STORE(the_bounds_of_the_first_are_theirs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
