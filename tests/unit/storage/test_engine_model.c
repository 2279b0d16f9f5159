/* The store against a simple model: random samples, late ones, overwritten ones, events, flushes, the order
 * of files, restarts, kills and time. ENGINE_SEEDS seeds of ENGINE_STEPS steps. */
#include "tests/unit/storage/engine.h"

enum { NAMES = 6, DAYS = 5, SLOTS = 48, KEPT_DAYS = 20, EVENTS_MAX = 4096 };

struct model {
    double values[NAMES][KEPT_DAYS * 8][SLOTS]; /* by day of the test and half hour; 0: none */
    char events[EVENTS_MAX];
    size_t event_len;
    uint64_t seq;
    time_ms_t day0;
};

struct run {
    struct fixture *f;
    struct model *model;
    uint64_t random;
};

static uint32_t draw(struct run *run, uint32_t below)
{
    run->random = run->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(run->random >> 33) % below;
}

static const char *const names[NAMES] = {"a", "b", "c", "d", "e", "f"};

static int64_t today(const struct run *run)
{
    return (run->f->clock.wall_ms - run->model->day0) / DAY_MS;
}

/* ---- steps ---- */

static void send_samples(struct run *run)
{
    struct batch *batch = store_batch_new(run->f->store);
    uint32_t count = 1 + draw(run, 30);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t name = draw(run, NAMES), slot = draw(run, SLOTS);
        uint32_t back = draw(run, 4) == 0 ? draw(run, DAYS) : 0;
        int64_t day = today(run) - back;
        if (day < 0)
            continue;
        double value = 1 + draw(run, 100000) / 8.0;
        put(run->f->store, batch, names[name], run->model->day0 + day * DAY_MS + slot * (HOUR_MS / 2), value);
        run->model->values[name][day][slot] = value;
    }
    struct producer_mark mark = mark_of("agent", 1, ++run->model->seq);
    assert_int_equal(send_batch(run->f->store, batch, &mark), TM_OK);
    assert_int_equal(store_producer_check(run->f->store, &mark), PRODUCER_DUPLICATE);
}

static void send_one_event(struct run *run)
{
    char line[2] = {(char)('a' + draw(run, 26)), 0};
    if (run->model->event_len + 3 > EVENTS_MAX)
        return;
    assert_int_equal(send_event(run->f->store, EVENT_MARKER, run->f->clock.wall_ms, line), TM_OK);
    run->model->event_len += (size_t)snprintf(run->model->events + run->model->event_len, 3, "%s ", line);
}

static void pass_point(void *arg, const char *name)
{
    int *left = arg;
    (void)name;
    if (--*left == 0)
        _exit(42);
}

/* The store goes on in a child, flushes, and is killed on the way. */
static void kill_in_flush(struct run *run)
{
    struct fixture *f = run->f;
    fixture_close(f);
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
    fixture_open(f);
}

/* ---- looking ---- */

static void check_series(const struct run *run, struct reader *reader, uint32_t name)
{
    const time_ms_t *times = NULL;
    const double *values = NULL;
    size_t count = read_in(reader, names[name], &times, &values), at = 0;
    int64_t oldest = today(run) - KEPT_DAYS + 1; /* older ones may be gone */
    while (at < count && times[at] < run->model->day0 + oldest * DAY_MS)
        at++;
    for (int64_t day = oldest < 0 ? 0 : oldest; day <= today(run); day++) {
        for (uint32_t slot = 0; slot < SLOTS; slot++) {
            double value = run->model->values[name][day][slot];
            if (value == 0)
                continue;
            assert_true(at < count);
            assert_int_equal(times[at], run->model->day0 + day * DAY_MS + slot * (HOUR_MS / 2));
            assert_true(values[at] == value);
            at++;
        }
    }
    assert_int_equal(at, count);
}

static void check_all(const struct run *run)
{
    struct reader *reader = reader_of_store(run->f->store);
    for (uint32_t name = 0; name < NAMES; name++)
        check_series(run, reader, name);
    char *events = events_in(reader, EVENT_MARKER);
    assert_string_equal(events, run->model->events);
    free(events);
    reader_close(reader);
    struct producer_mark mark = mark_of("agent", 1, run->model->seq);
    if (run->model->seq > 0)
        assert_int_equal(store_producer_check(run->f->store, &mark), PRODUCER_DUPLICATE);
    assert_true(stats_of(run->f->store).partitions <= 2 * (KEPT_DAYS + 2));
    assert_int_equal(stats_of(run->f->store).damaged_records, 0);
}

static void step(struct run *run)
{
    uint32_t what = draw(run, 100);
    if (what < 60)
        send_samples(run);
    else if (what < 70)
        send_one_event(run);
    else if (what < 80)
        flush_now(run->f);
    else if (what < 86)
        flush_settle(run->f->store);
    else if (what < 90)
        fixture_reopen(run->f);
    else if (what < 92)
        kill_in_flush(run);
    else if (what < 97 && today(run) < KEPT_DAYS * 8 - 2)
        pass_time(run->f, (int64_t)draw(run, 30) * HOUR_MS);
    else
        check_all(run);
}

static unsigned long setting(const char *name, unsigned long otherwise)
{
    const char *text = getenv(name);
    return text ? strtoul(text, NULL, 10) : otherwise;
}

static void the_store_holds_what_the_model_holds(void **state)
{
    unsigned long steps = setting("ENGINE_STEPS", 400), seeds = setting("ENGINE_SEEDS", 4);
    (void)state;
    for (unsigned long seed = 1; seed <= seeds; seed++) {
        struct fixture *f = fixture_new();
        struct model *model = calloc(1, sizeof *model);
        assert_non_null(model);
        model->day0 = DAY0;
        f->options.retention_raw_ms = KEPT_DAYS * DAY_MS;
        f->options.segment_bytes = 8192;
        fixture_open(f);
        struct run run = {f, model, seed};
        for (unsigned long i = 0; i < steps; i++)
            step(&run);
        check_all(&run);
        fixture_close(f);
        folder_remove(f->dir);
        free(model);
        free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_store_holds_what_the_model_holds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
