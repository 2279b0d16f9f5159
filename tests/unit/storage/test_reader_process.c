/* A reader in another process while days are made, sealed, merged and dropped under its hands. */
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "tests/unit/storage/engine.h"

enum { OLD_DAYS = 2, ROUNDS_DEFAULT = 150 };

/* Shared by both processes. */
struct shared {
    atomic_int acked; /* rounds whose samples are acknowledged */
    atomic_bool is_over;
};

static struct shared *share(void)
{
    void *at = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(at != MAP_FAILED);
    return at;
}

static int rounds_wanted(void)
{
    const char *text = getenv("READER_ROUNDS");
    return text ? atoi(text) : ROUNDS_DEFAULT;
}

/* Each round: a late sample for each of the old days, and one for today; flush; hours pass, so that what came
 * late is merged. */
static void write_rounds(struct fixture *f, struct shared *shared)
{
    f->options.segment_bytes = 8192;
    fixture_open(f);
    for (int i = 0; i < rounds_wanted(); i++) {
        struct batch *batch = store_batch_new(f->store);
        for (int day = 0; day <= OLD_DAYS; day++)
            put(f->store, batch, "cpu", DAY0 - 2 * day * DAY_MS + i, i + day * 0.5);
        if (send_batch(f->store, batch, NULL) != TM_OK)
            _exit(2);
        atomic_store(&shared->acked, i + 1);
        if (store_flush(f->store) != TM_OK)
            _exit(3);
        pass_time(f, 2 * HOUR_MS);
        flush_settle(f->store);
    }
    atomic_store(&shared->is_over, true);
    fixture_close(f);
    _exit(0);
}

/* All samples of the first so many rounds are there, with their values; later ones may be. */
static void expect_rounds(struct reader *reader, int rounds)
{
    const time_ms_t *times;
    const double *values;
    size_t count = read_in(reader, "cpu", &times, &values), seen = 0;
    for (size_t i = 0; i < count; i++) {
        int day = (int)((DAY0 + DAY_MS / 2 - times[i]) / (2 * DAY_MS));
        int round = (int)(times[i] - (DAY0 - 2 * day * DAY_MS));
        assert_true(values[i] == round + day * 0.5);
        seen += round < rounds;
    }
    assert_int_equal(seen, (size_t)rounds * (OLD_DAYS + 1));
}

static struct reader *open_reader(struct fixture *f)
{
    struct reader *reader;
    enum tm_err err = reader_open(f->dir, &reader, &f->why);
    if (err)
        print_error("%s\n", f->why.text);
    assert_int_equal(err, TM_OK);
    return reader;
}

static void a_reader_misses_nothing_while_days_are_merged(void **state)
{
    struct fixture *f = *state;
    struct shared *shared = share();
    fixture_close(f);
    pid_t writer = fork();
    if (writer == 0)
        write_rounds(f, shared);
    while (atomic_load(&shared->acked) == 0)
        usleep(1000);
    int first = atomic_load(&shared->acked), looks = 0;
    struct reader *old = open_reader(f);
    for (; !atomic_load(&shared->is_over); looks++) {
        int acked = atomic_load(&shared->acked);
        struct reader *reader = open_reader(f);
        for (int i = 0; i < 5; i++)
            expect_rounds(reader, acked);
        reader_close(reader);
        expect_rounds(old, first); /* what it saw once it goes on seeing */
    }
    reader_close(old);
    int status;
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(status, 0);
    assert_true(looks > 10);
    fixture_open(f);
    assert_int_equal(count_of(f->store, "cpu"), (size_t)rounds_wanted() * (OLD_DAYS + 1));
    munmap(shared, sizeof *shared);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {CASE(a_reader_misses_nothing_while_days_are_merged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
