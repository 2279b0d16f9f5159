/* The store against a simple model: random samples, late ones, overwritten and deleted ones, events, flushes,
 * the order of files, restarts, kills, writes that fail, clocks that jump and time; looked at whole, by spans
 * and selectors, and from another process. ENGINE_SEEDS seeds of ENGINE_STEPS steps, from ENGINE_FIRST on; a
 * failure names its seed and step, and the same seed goes the same way again. */
#include "tests/unit/storage/engine.h"

enum { NAMES = 6, DAYS = 5, SLOTS = 48, KEPT_DAYS = 20, MODEL_DAYS = 400, EVENTS_MAX = 4096 };

struct model {
    double values[NAMES][MODEL_DAYS][SLOTS]; /* by day of the test and half hour; 0: none */
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

/* Told when a test fails. */
static struct {
    unsigned long seed;
    unsigned long step;
} where;

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

/* A batch whose write fails is not there, and may be sent again; a failed sync ends it until the restart. The
 * call that fails may be one beside the batch's: then it is there. */
static void fail_a_write(struct run *run)
{
    struct fixture *f = run->f;
    bool is_sync = draw(run, 3) == 0;
    enum call call = is_sync ? CALL_SYNC : CALL_PWRITE;
    uint32_t name = draw(run, NAMES), slot = draw(run, SLOTS);
    int64_t day = today(run);
    time_ms_t time = run->model->day0 + day * DAY_MS + slot * (HOUR_MS / 2);
    faulty_fail(&f->faulty, call, 1, EIO);
    struct producer_mark mark = mark_of("agent", 1, run->model->seq + 1);
    if (send_batch(f->store, one_sample(f->store, names[name], time, 7), &mark) == TM_OK) {
        run->model->values[name][day][slot] = 7;
        run->model->seq++;
    } else {
        assert_int_not_equal(store_producer_check(f->store, &mark), PRODUCER_DUPLICATE);
    }
    faulty_fail(&f->faulty, call, 0, 0);
    if (is_sync)
        fixture_reopen(f);
    for (int i = 0; i < 5 && store_trouble(f->store); i++) {
        pass_time(f, 2000);
        store_poll(f->store);
    }
    assert_null(store_trouble(f->store));
}

static void note_deleted(void *arg, enum tm_err err, const struct deletion_result *result)
{
    (void)result;
    assert_int_equal(err, TM_OK);
    *(bool *)arg = true;
}

/* A series, some days, by half hours. */
static void delete_some(struct run *run)
{
    char text[64];
    bool done = false;
    struct selector selector;
    struct tm_why why;
    uint32_t name = draw(run, NAMES);
    int64_t back = draw(run, DAYS) * SLOTS + draw(run, SLOTS), slot = today(run) * SLOTS - back;
    int64_t from = slot < 0 ? 0 : slot, to = from + draw(run, 2 * SLOTS);
    struct deletion_order order = {
        &selector, 1, {run->model->day0 + from * (HOUR_MS / 2), run->model->day0 + to * (HOUR_MS / 2)}};
    (void)snprintf(text, sizeof text, "{__name__=\"%s\"}", names[name]);
    assert_int_equal(selector_parse(str_of(text), &selector, &why), TM_OK);
    enum tm_err err = store_delete(run->f->store, &order, note_deleted, &done, &why);
    selector_fini(&selector);
    if (err == TM_BUSY)
        return;
    assert_int_equal(err, TM_OK);
    for (int i = 0; i < 20000 && !done; i++) {
        store_poll(run->f->store);
        if (!done)
            usleep(100);
    }
    assert_true(done);
    for (int64_t at = from; at < to && at < (int64_t)MODEL_DAYS * SLOTS; at++)
        run->model->values[name][at / SLOTS][at % SLOTS] = 0;
}

/* Nothing that the files do under a wrong clock may cost anything. */
static void jump_clock(struct run *run)
{
    static const int64_t jumps[] = {365 * DAY_MS, -365 * DAY_MS, HOUR_MS, -HOUR_MS, 40 * DAY_MS};
    int64_t jump = jumps[draw(run, sizeof jumps / sizeof jumps[0])];
    __atomic_fetch_add(&run->f->clock.wall_ms, jump, __ATOMIC_RELAXED);
    if (draw(run, 2))
        flush_now(run->f);
    flush_settle(run->f->store);
    if (draw(run, 3) == 0)
        fixture_reopen(run->f);
    __atomic_fetch_add(&run->f->clock.wall_ms, -jump, __ATOMIC_RELAXED);
    store_watch(run->f->store, true);
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

static double value_of_model(const struct run *run, uint32_t name, time_ms_t time)
{
    int64_t day = (time - run->model->day0) / DAY_MS, rest = (time - run->model->day0) % DAY_MS;
    assert_in_range(day, 0, MODEL_DAYS - 1);
    assert_int_equal(rest % (HOUR_MS / 2), 0);
    return run->model->values[name][day][rest / (HOUR_MS / 2)];
}

/* How many samples the model has of a series in a span of whole half hours; both within what is kept. */
static size_t count_of_model(const struct run *run, uint32_t name, struct span span)
{
    size_t count = 0;
    for (time_ms_t time = span.from; time < span.to; time += HOUR_MS / 2)
        count += value_of_model(run, name, time) != 0;
    return count;
}

/* One series by a selector, a random span, walked day by day. */
static void check_span(struct run *run, struct reader *reader)
{
    char text[64];
    struct selector selector;
    struct index_ids ids;
    struct tm_why why;
    uint32_t name = draw(run, NAMES);
    int64_t newest = today(run) * SLOTS, oldest = newest - (KEPT_DAYS - 2) * SLOTS;
    int64_t from = (oldest < 0 ? 0 : oldest) + draw(run, 2 * SLOTS), len = draw(run, 6 * SLOTS);
    struct span span = {run->model->day0 + from * (HOUR_MS / 2),
                        run->model->day0 + (from + len) * (HOUR_MS / 2)};
    (void)snprintf(text, sizeof text, "%s{service=\"shop\"}", names[name]);
    assert_int_equal(selector_parse(str_of(text), &selector, &why), TM_OK);
    assert_int_equal(reader_select(reader, &selector, &ids, &why), TM_OK);
    assert_in_range(ids.count, 0, 1);
    size_t expected = count_of_model(run, name, span), seen = 0;
    struct reader_walk walk;
    const time_ms_t *times;
    const double *values;
    size_t count;
    reader_walk_init(&walk, ids.count ? ids.ids[0] : UINT32_MAX, span);
    while (ids.count && reader_walk_next(reader, &walk, &times, &values, &count, &why) == TM_OK) {
        for (size_t i = 0; i < count; i++, seen++)
            assert_true(values[i] == value_of_model(run, name, times[i]));
    }
    assert_int_equal(seen, expected);
    index_ids_fini(&ids);
    selector_fini(&selector);
}

/* The numbers of the series that are there, and their names. */
struct numbers {
    uint32_t of[NAMES];
    uint32_t names[NAMES];
    size_t count;
};

static bool note_number(void *arg, uint32_t series, struct str encoded)
{
    struct numbers *numbers = arg;
    struct labels labels;
    assert_int_equal(labels_decode(encoded, &labels), TM_OK);
    for (uint32_t name = 0; name < NAMES; name++) {
        if (!str_equal(labels_get(&labels, STR(LABEL_NAME)), str_of(names[name])))
            continue;
        assert_in_range(numbers->count, 0, NAMES - 1);
        numbers->names[numbers->count] = name;
        numbers->of[numbers->count++] = series;
    }
    return true;
}

/* All series in a random span, as many together as it gives. */
static void check_rows(struct run *run, struct reader *reader)
{
    struct numbers numbers = {.count = 0};
    struct reader_row rows[READER_ROWS_MAX];
    int64_t newest = today(run) * SLOTS, oldest = newest - (KEPT_DAYS - 2) * SLOTS;
    int64_t from = (oldest < 0 ? 0 : oldest) + draw(run, 2 * SLOTS), len = draw(run, 4 * SLOTS);
    struct span span = {run->model->day0 + from * (HOUR_MS / 2),
                        run->model->day0 + (from + len) * (HOUR_MS / 2)};
    assert_int_equal(reader_series(reader, note_number, &numbers), TM_OK);
    for (size_t at = 0, given; at < numbers.count; at += given) {
        assert_int_equal(reader_rows(reader, numbers.of + at, numbers.count - at, span, rows, &given), TM_OK);
        assert_in_range(given, 1, numbers.count - at);
        for (size_t i = 0; i < given; i++) {
            assert_int_equal(rows[i].count, count_of_model(run, numbers.names[at + i], span));
            for (size_t k = 0; k < rows[i].count; k++)
                assert_true(rows[i].values[k] ==
                            value_of_model(run, numbers.names[at + i], rows[i].times[k]));
        }
    }
}

static void check_some(struct run *run)
{
    struct reader *reader = reader_of_store(run->f->store);
    check_span(run, reader);
    check_rows(run, reader);
    reader_close(reader);
}

/* The same from a process of its own, beside the store. */
static void check_from_outside(struct run *run)
{
    uint32_t drawn = draw(run, NAMES);
    pid_t child = fork();
    if (child == 0) {
        struct reader *reader;
        if (reader_open(run->f->dir, &reader, &run->f->why) != TM_OK)
            _exit(3);
        check_series(run, reader, drawn);
        check_span(run, reader);
        check_rows(run, reader);
        reader_close(reader);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
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
    if (what < 55)
        send_samples(run);
    else if (what < 57)
        fail_a_write(run);
    else if (what < 58)
        jump_clock(run);
    else if (what < 59)
        delete_some(run);
    else if (what < 60)
        check_some(run);
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
    else if (what < 93)
        check_from_outside(run);
    else if (what < 97 && today(run) < MODEL_DAYS - 2)
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
    unsigned long steps = setting("ENGINE_STEPS", 2500), seeds = setting("ENGINE_SEEDS", 4);
    unsigned long first = setting("ENGINE_FIRST", 1);
    (void)state;
    for (unsigned long seed = first; seed < first + seeds; seed++) {
        struct fixture *f = fixture_new();
        struct model *model = calloc(1, sizeof *model);
        assert_non_null(model);
        model->day0 = DAY0;
        f->options.retention_raw_ms = KEPT_DAYS * DAY_MS;
        f->options.segment_bytes = 8192;
        fixture_open(f);
        struct run run = {f, model, seed};
        where.seed = seed;
        for (where.step = 0; where.step < steps; where.step++)
            step(&run);
        check_all(&run);
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
        cmocka_unit_test_setup_teardown(the_store_holds_what_the_model_holds, use_memory, tell_where)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
