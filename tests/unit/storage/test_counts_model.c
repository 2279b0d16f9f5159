/* Counts against a plain table: any order, late cells, corrections, resends, flushes, seals, restarts, kills
 * at every point of a flush, failed writes, looks from this process and from another one that was opened
 * before the last flushes. ENGINE_SEEDS seeds of COUNTS_STEPS steps, from ENGINE_FIRST on; a failure names
 * its seed and step. */
#include "tests/unit/storage/counting.h"

enum { NAMES = 4, DAYS = 4, SLOTS = 8, CELLS = 3, MODEL_DAYS = 200 };

#define SLOT_GAP_MS (DAY_MS / SLOTS)

struct model {
    int64_t sums[NAMES][MODEL_DAYS][SLOTS][CELLS];
    uint64_t seq;
};

struct run {
    struct fixture *f;
    struct model *model;
    uint64_t random;
};

/* Told when a test fails. */
static struct {
    unsigned long seed;
    unsigned long step;
} where;

static const char *const names[NAMES] = {"a", "b", "c", "d"};

static uint32_t draw(struct run *run, uint32_t below)
{
    run->random = run->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(run->random >> 33) % below;
}

static int64_t today(const struct run *run)
{
    return (run->f->clock.wall_ms - DAY0) / DAY_MS;
}

/* ---- steps ---- */

static struct batch *make_batch(struct run *run)
{
    struct batch *batch = store_batch_new(run->f->store);
    uint32_t count = 1 + draw(run, 20);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t name = draw(run, NAMES), slot = draw(run, SLOTS), cell = draw(run, CELLS);
        int64_t day = today(run) - (draw(run, 3) == 0 ? draw(run, DAYS) : 0);
        int64_t value = (int64_t)draw(run, 2000) - 700;
        if (day < 0)
            continue;
        time_ms_t time = DAY0 + day * DAY_MS + slot * SLOT_GAP_MS + draw(run, CELL_MS);
        add_to(run->f->store, batch, names[name], cell, time, value);
        run->model->sums[name][day][slot][cell] += value;
    }
    return batch;
}

/* The producer sends it again, and is told that it is there. */
static void send_cells(struct run *run)
{
    struct producer_mark mark = mark_of("agent", 1, ++run->model->seq);
    assert_int_equal(send_batch(run->f->store, make_batch(run), &mark), TM_OK);
    assert_int_equal(store_producer_check(run->f->store, &mark), PRODUCER_DUPLICATE);
}

/* A batch whose sync fails is not there. The sync that fails may be one beside the batch's: then it is. */
static void fail_a_write(struct run *run)
{
    static struct model before;
    struct fixture *f = run->f;
    before = *run->model;
    faulty_fail(&f->faulty, CALL_SYNC, 1, EIO);
    struct producer_mark mark = mark_of("agent", 1, run->model->seq + 1);
    if (send_batch(f->store, make_batch(run), &mark) == TM_OK)
        run->model->seq++;
    else
        *run->model = before;
    faulty_fail(&f->faulty, CALL_SYNC, 0, 0);
    fixture_reopen(f);
}

static void pass_point(void *arg, const char *name)
{
    int *left = arg;
    (void)name;
    if (--*left == 0)
        _exit(42);
}

/* The store goes on in a child, flushes, and is killed on the way; the next life may be, too. */
static void kill_in_flush(struct run *run)
{
    struct fixture *f = run->f;
    fixture_close(f);
    for (uint32_t lives = 1 + draw(run, 2); lives > 0; lives--) {
        int left = 1 + (int)draw(run, 40);
        pid_t child = fork();
        if (child == 0) {
            f->options.fault_point = pass_point;
            f->options.fault_arg = &left;
            fixture_open(f);
            (void)!store_flush(f->store);
            flush_settle(f->store);
            _exit(42);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(WEXITSTATUS(status), 42);
    }
    fixture_open(f);
}

/* ---- looking ---- */

static void check_span(const struct run *run, struct reader *reader, uint32_t name, struct span span)
{
    static struct cell_list cells;
    size_t at = 0;
    cells_in(reader, names[name], span, &cells);
    for (int64_t day = 0; day <= today(run); day++) {
        for (uint32_t slot = 0; slot < SLOTS; slot++) {
            time_ms_t time = DAY0 + day * DAY_MS + slot * SLOT_GAP_MS;
            for (uint32_t cell = 0; cell < CELLS && time >= span.from && time < span.to; cell++) {
                int64_t sum = run->model->sums[name][day][slot][cell];
                if (sum == 0)
                    continue;
                assert_true(at < cells.count);
                assert_int_equal(cells.at[at].time, time);
                assert_int_equal(cells.at[at].cell, cell);
                assert_int_equal(cells.at[at].value, sum);
                at++;
            }
        }
    }
    assert_int_equal(at, cells.count);
}

static void check_all(const struct run *run, struct reader *reader)
{
    for (uint32_t name = 0; name < NAMES; name++)
        check_span(run, reader, name, EVERYTHING);
}

static void check_here(struct run *run)
{
    struct reader *reader = reader_of_store(run->f->store);
    time_ms_t from = DAY0 + draw(run, (uint32_t)(today(run) + 1)) * DAY_MS + draw(run, SLOTS) * SLOT_GAP_MS;
    check_all(run, reader);
    check_span(run, reader, draw(run, NAMES), (struct span){from, from + draw(run, 30) * SLOT_GAP_MS});
    reader_close(reader);
    if (stats_of(run->f->store).damaged_records > 0)
        print_error("%s\n", run->f->log);
    assert_int_equal(stats_of(run->f->store).damaged_records, 0);
    assert_int_equal(stats_of(run->f->store).cells_saturated, 0);
}

/* ASan's allocator does not survive a fork beside threads that allocate: the child may wait for a lock that
 * nobody holds any more. Beside other builds' allocators the threads go on. */
static void settle_for_fork(struct fixture *f)
{
#ifdef __SANITIZE_ADDRESS__
    flush_settle(f->store);
#else
    (void)f;
#endif
}

/* Another process opens the folder, and then the store flushes and seals before it looks. */
static void check_from_outside(struct run *run)
{
    int go[2], opened[2];
    char byte = 0;
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(opened), 0);
    settle_for_fork(run->f);
    pid_t child = fork();
    if (child == 0) {
        struct reader *reader;
        if (reader_open(run->f->dir, &reader, &run->f->why) != TM_OK)
            _exit(3);
        if (write(opened[1], &byte, 1) != 1 || read(go[0], &byte, 1) != 1)
            _exit(4);
        check_all(run, reader);
        reader_close(reader);
        _exit(0);
    }
    int status;
    assert_int_equal(read(opened[0], &byte, 1), 1);
    uint32_t flushes = draw(run, 3);
    if (flushes > 0)
        flush_now(run->f);
    if (flushes > 1)
        flush_settle(run->f->store);
    assert_int_equal(write(go[1], &byte, 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    for (int i = 0; i < 2; i++)
        (void)close(go[i]), (void)close(opened[i]);
}

static void step(struct run *run)
{
    uint32_t what = draw(run, 100);
    if (what < 60)
        send_cells(run);
    else if (what < 61)
        fail_a_write(run);
    else if (what < 74)
        flush_now(run->f);
    else if (what < 80)
        flush_settle(run->f->store);
    else if (what < 84)
        fixture_reopen(run->f);
    else if (what < 88)
        kill_in_flush(run);
    else if (what < 91)
        check_from_outside(run);
    else if (what < 94 && today(run) < MODEL_DAYS - 2)
        pass_time(run->f, (int64_t)draw(run, 30) * HOUR_MS);
    else
        check_here(run);
}

static unsigned long setting(const char *name, unsigned long otherwise)
{
    const char *text = getenv(name);
    return text ? strtoul(text, NULL, 10) : otherwise;
}

static void the_sums_are_those_of_the_model(void **state)
{
    unsigned long steps = setting("COUNTS_STEPS", 600), seeds = setting("ENGINE_SEEDS", 2);
    unsigned long first = setting("ENGINE_FIRST", 1);
    (void)state;
    for (unsigned long seed = first; seed < first + seeds; seed++) {
        struct fixture *f = fixture_new();
        struct model *model = calloc(1, sizeof *model);
        assert_non_null(model);
        f->options.segment_bytes = 8192;
        fixture_open(f);
        struct run run = {f, model, seed};
        where.seed = seed;
        for (where.step = 0; where.step < steps; where.step++)
            step(&run);
        check_here(&run);
        fixture_close(f);
        folder_remove(f->dir);
        free(model);
        free(f);
    }
}

/* Its kills and restarts are of the process only: a folder in memory will do, and is ten times as fast. */
static int use_memory(void **state)
{
    struct stat info;
    (void)state;
    return stat("/dev/shm", &info) == 0 ? setenv("TMPDIR", "/dev/shm", 0) : 0;
}

static int tell_where(void **state)
{
    (void)state;
    print_message("last step: ENGINE_FIRST=%lu ENGINE_SEEDS=1, step %lu\n", where.seed, where.step);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_sums_are_those_of_the_model, use_memory, tell_where)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
