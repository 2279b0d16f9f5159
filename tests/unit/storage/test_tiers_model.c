/* All tiers against a plain model: samples, their rollups of 5 minutes and an hour, cells of counts; series
 * that leave and come back; deletes of samples that are there and of days of which only rollups are left;
 * flushes, the order of files, restarts, kills, clocks that jump, the three retentions; looked at from here
 * and from another process. ENGINE_SEEDS seeds of ENGINE_STEPS steps, from ENGINE_FIRST on; a failure names
 * its seed and step, and the same seed goes the same way again. */
#include "storage/partition/days.h"
#include "storage/rollup/rollup_rows.h"
#include "tests/unit/storage/counting.h"
#include "tests/unit/storage/deleting.h"

enum {
    STEADY = 3,
    CHURN = 10,
    NAMES = STEADY + CHURN,
    COUNTED = 2,
    DAYS = 5,
    SLOTS = 48,
    HOURS = 24,
    MODEL_DAYS = 420,
    KEPT_DAYS = 20,
    KEPT_5M_DAYS = 40,
    KEPT_1H_DAYS = 70,
    CHURN_DAYS = 9, /* one after the other is sent for so long */
    ROOM = MODEL_DAYS * SLOTS
};
#define SLOT_MS (HOUR_MS / 2)

/* By day of the test and half hour; 0: none. Of a day whose samples are gone the rows stand for themselves
 * from the first delete on that found it so. */
struct model {
    double values[NAMES][MODEL_DAYS][SLOTS];
    struct rollup rows_5m[NAMES][MODEL_DAYS][SLOTS];
    struct rollup rows_1h[NAMES][MODEL_DAYS][HOURS];
    bool frozen[MODEL_DAYS];
    int64_t cells[COUNTED][MODEL_DAYS][SLOTS];
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

static const char *const names[NAMES] = {"a",  "b",  "c",  "x0", "x1", "x2", "x3",
                                         "x4", "x5", "x6", "x7", "x8", "x9"};
static const char *const counted[COUNTED] = {"k0", "k1"};

static uint32_t draw(struct run *run, uint32_t below)
{
    run->random = run->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(run->random >> 33) % below;
}

static int64_t today(const struct run *run)
{
    return (run->f->clock.wall_ms - run->model->day0) / DAY_MS;
}

/* The first day of which all that a tier has is there. */
static int64_t oldest(const struct run *run, int64_t kept_days)
{
    int64_t day = today(run) - kept_days + 1;
    return day > 0 ? day : 0;
}

static time_ms_t time_of(const struct run *run, int64_t slot)
{
    return run->model->day0 + slot * SLOT_MS;
}

/* ---- what rollups say ---- */

static double value_at_slot(const struct model *model, uint32_t name, int64_t slot)
{
    return slot < 0 ? 0 : model->values[name][slot / SLOTS][slot % SLOTS];
}

/* A half hour has one sample, at its start; the one before counts within an hour. */
static struct rollup make_5m(const struct run *run, uint32_t name, int64_t slot)
{
    const struct model *model = run->model;
    double value = value_at_slot(model, name, slot), before = value_at_slot(model, name, slot - 1);
    struct rollup row = {.start = time_of(run, slot), .last_time = time_of(run, slot)};
    if (value == 0)
        return row;
    if (before == 0)
        before = value_at_slot(model, name, slot - 2);
    row.count = 1;
    row.sum = row.min = row.max = row.last = value;
    row.increase = before == 0 ? 0 : value >= before ? value - before : value;
    return row;
}

static struct rollup make_1h(const struct run *run, uint32_t name, int64_t hour)
{
    struct rollup row = make_5m(run, name, 2 * hour), second = make_5m(run, name, 2 * hour + 1);
    if (row.count == 0 || second.count == 0) {
        row = row.count > 0 ? row : second;
        row.start = time_of(run, 2 * hour);
        return row;
    }
    row.count = 2;
    row.sum += second.sum;
    row.min = second.min < row.min ? second.min : row.min;
    row.max = second.max > row.max ? second.max : row.max;
    row.last = second.last;
    row.last_time = second.last_time;
    row.increase += second.increase;
    return row;
}

static struct rollup row_of(const struct run *run, uint32_t name, enum reader_tier tier, int64_t bucket)
{
    const struct model *model = run->model;
    if (tier == READER_5M)
        return model->frozen[bucket / SLOTS] ? model->rows_5m[name][bucket / SLOTS][bucket % SLOTS]
                                             : make_5m(run, name, bucket);
    return model->frozen[bucket / HOURS] ? model->rows_1h[name][bucket / HOURS][bucket % HOURS]
                                         : make_1h(run, name, bucket);
}

/* From now on the rows of a day stand for themselves. */
static void freeze_day(const struct run *run, int64_t day)
{
    struct model *model = run->model;
    for (uint32_t name = 0; name < NAMES; name++) {
        for (int slot = 0; slot < SLOTS; slot++)
            model->rows_5m[name][day][slot] = row_of(run, name, READER_5M, day * SLOTS + slot);
        for (int hour = 0; hour < HOURS; hour++)
            model->rows_1h[name][day][hour] = row_of(run, name, READER_1H, day * HOURS + hour);
    }
    model->frozen[day] = true;
}

/* ---- steps ---- */

static void send_samples(struct run *run)
{
    struct batch *batch = store_batch_new(run->f->store);
    uint32_t count = 1 + draw(run, 40);
    for (uint32_t i = 0; i < count; i++) {
        int64_t day = today(run) - (draw(run, 3) == 0 ? draw(run, DAYS) : 0);
        uint32_t name = draw(run, STEADY + 1), slot = draw(run, SLOTS);
        if (day < 0)
            continue;
        if (name == STEADY)
            name += (uint32_t)(day / CHURN_DAYS % CHURN);
        double value = 1 + draw(run, 1000) / 8.0;
        put(run->f->store, batch, names[name], time_of(run, day * SLOTS + slot), value);
        run->model->values[name][day][slot] = value;
    }
    assert_int_equal(send_batch(run->f->store, batch, NULL), TM_OK);
}

static void send_cells(struct run *run)
{
    struct batch *batch = store_batch_new(run->f->store);
    uint32_t count = 1 + draw(run, 10);
    for (uint32_t i = 0; i < count; i++) {
        int64_t day = today(run) - (draw(run, 3) == 0 ? draw(run, DAYS) : 0);
        uint32_t name = draw(run, COUNTED), slot = draw(run, SLOTS);
        int64_t value = (int64_t)draw(run, 100) - 20;
        if (day < 0)
            continue;
        add_to(run->f->store, batch, counted[name], 0, time_of(run, day * SLOTS + slot) + draw(run, CELL_MS),
               value);
        run->model->cells[name][day][slot] += value;
    }
    assert_int_equal(send_batch(run->f->store, batch, NULL), TM_OK);
}

/* Of days whose samples are gone: buckets that lie wholly in the span. */
static void forget_rows(struct model *model, uint32_t name, int64_t from, int64_t to)
{
    for (int64_t slot = from; slot < to; slot++) {
        int64_t day = slot / SLOTS, hour = slot / 2;
        if (!model->frozen[day])
            continue;
        model->rows_5m[name][day][slot % SLOTS].count = 0;
        if (slot % 2 == 0 && slot + 1 < to)
            model->rows_1h[name][day][hour % HOURS].count = 0;
    }
}

static void forget(struct run *run, uint32_t what, int64_t from, int64_t to)
{
    struct model *model = run->model;
    for (int64_t day = from / SLOTS; day < MODEL_DAYS && day * SLOTS < to; day++) {
        uint64_t tag;
        struct tm_why why;
        if (model->frozen[day] || day >= today(run) - DAYS)
            continue;
        time_ms_t start = time_of(run, day * SLOTS);
        assert_int_equal(days_tag(run->f->store->contents.partitions, (uint32_t)(start / DAY_MS), &tag, &why),
                         TM_OK);
        if (tag == 0)
            freeze_day(run, day);
    }
    for (uint32_t name = 0; name < NAMES; name++) {
        if (what < STEADY ? name != what : name < STEADY)
            continue;
        forget_rows(model, name, from, to);
        for (int64_t slot = from; slot < to; slot++)
            model->values[name][slot / SLOTS][slot % SLOTS] = 0;
    }
}

/* One of the steady ones, all that come and go, or a count: some days that may lie far back, or all time. The
 * order of files comes before, so that it is known what is left of the samples. */
static void delete_some(struct run *run)
{
    char text[64];
    struct deleted deleted;
    uint32_t what = draw(run, STEADY + 1 + COUNTED);
    int64_t back = draw(run, (KEPT_1H_DAYS + 10) * SLOTS), from = today(run) * SLOTS + SLOTS - back;
    from = from < 0 || draw(run, 8) == 0 ? 0 : from;
    int64_t to = draw(run, 8) == 0 ? ROOM : from + draw(run, 4 * SLOTS) + 1;
    to = to < ROOM ? to : ROOM;
    if (what <= STEADY)
        (void)snprintf(text, sizeof text, "{__name__=~\"%s\"}", what < STEADY ? names[what] : "x.");
    else
        (void)snprintf(text, sizeof text, "{__name__=\"%s\"}", counted[what - STEADY - 1]);
    flush_now(run->f);
    flush_settle(run->f->store);
    if (what <= STEADY)
        forget(run, what, from, to);
    for (int64_t slot = from; slot < to && what > STEADY; slot++)
        run->model->cells[what - STEADY - 1][slot / SLOTS][slot % SLOTS] = 0;
    enum tm_err err =
        begin_delete(run->f, text, (struct span){time_of(run, from), time_of(run, to)}, &deleted);
    assert_int_equal(err, TM_OK);
    wait_deleted(run->f, &deleted);
    assert_int_equal(deleted.err, TM_OK);
}

/* Nothing that the files do under a wrong clock may cost anything. */
static void jump_clock(struct run *run)
{
    static const int64_t jumps[] = {365 * DAY_MS, -365 * DAY_MS, HOUR_MS, 40 * DAY_MS};
    int64_t jump = jumps[draw(run, sizeof jumps / sizeof jumps[0])];
    __atomic_fetch_add(&run->f->clock.wall_ms, jump, __ATOMIC_RELAXED);
    flush_settle(run->f->store);
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
    int left = 1 + (int)draw(run, 60);
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

static uint32_t series_named(struct reader *reader, const char *name)
{
    struct search search = {.name = str_of(name)};
    assert_int_equal(reader_series(reader, search_one, &search), TM_OK);
    return search.found;
}

static void check_samples(const struct run *run, struct reader *reader, uint32_t name)
{
    const time_ms_t *times = NULL;
    const double *values = NULL;
    size_t count = read_in(reader, names[name], &times, &values), at = 0;
    int64_t slot = oldest(run, KEPT_DAYS) * SLOTS;
    while (at < count && times && times[at] < time_of(run, slot))
        at++;
    for (; slot < (today(run) + 1) * SLOTS; slot++) {
        double value = value_at_slot(run->model, name, slot);
        if (value == 0)
            continue;
        assert_true(at < count && times && values && times[at] == time_of(run, slot) && values[at] == value);
        at++;
    }
    assert_int_equal(at, count);
}

/* What comes over midnight from a day whose samples are gone is as it was at some time. */
static void expect_row(const struct run *run, const struct rollup *got, struct rollup wanted)
{
    int64_t slot = (wanted.start - run->model->day0) / SLOT_MS;
    if (slot % SLOTS < 2 && slot / SLOTS <= oldest(run, KEPT_DAYS) + 1)
        wanted.increase = got->increase;
    if (!rollup_is_same(got, &wanted))
        print_error(
            "row of day %lld, half hour %lld (today %lld): start %lld count %llu %llu sum %g %g last %g %g "
            "increase %g %g\n",
            (long long)(slot / SLOTS), (long long)(slot % SLOTS), (long long)today(run),
            (long long)(got->start - wanted.start), (unsigned long long)got->count,
            (unsigned long long)wanted.count, got->sum, wanted.sum, got->last, wanted.last, got->increase,
            wanted.increase);
    assert_true(rollup_is_same(got, &wanted));
}

static void check_rows(const struct run *run, struct reader *reader, uint32_t name, enum reader_tier tier)
{
    bool is_5m = tier == READER_5M;
    int64_t a_day = is_5m ? SLOTS : HOURS, end = (today(run) + 1) * a_day;
    int64_t bucket = oldest(run, is_5m ? KEPT_5M_DAYS : KEPT_1H_DAYS) * a_day;
    struct span span = {run->model->day0 + bucket * (DAY_MS / a_day), INT64_MAX};
    struct reader_walk walk;
    struct tm_why why = {""};
    const struct rollup *rows;
    size_t count;
    enum tm_err err = TM_NOT_FOUND;
    uint32_t series = series_named(reader, names[name]);
    reader_walk_init(&walk, series, span);
    while (series && (err = reader_rollup_next(reader, &walk, tier, &rows, &count, &why)) == TM_OK) {
        for (size_t i = 0; i < count; i++, bucket++) {
            while (bucket < end && row_of(run, name, tier, bucket).count == 0)
                bucket++;
            assert_true(bucket < end);
            expect_row(run, &rows[i], row_of(run, name, tier, bucket));
        }
    }
    assert_int_equal(err, TM_NOT_FOUND);
    for (; bucket < end; bucket++)
        assert_int_equal(row_of(run, name, tier, bucket).count, 0);
}

static void check_cells(const struct run *run, struct reader *reader, uint32_t name)
{
    static struct cell_list cells;
    int64_t slot = oldest(run, KEPT_DAYS) * SLOTS;
    size_t at = 0;
    cells_in(reader, counted[name], (struct span){time_of(run, slot), INT64_MAX}, &cells);
    for (; slot < (today(run) + 1) * SLOTS; slot++) {
        int64_t value = run->model->cells[name][slot / SLOTS][slot % SLOTS];
        if (value == 0)
            continue;
        assert_true(at < cells.count);
        assert_int_equal(cells.at[at].time, time_of(run, slot));
        assert_int_equal(cells.at[at].value, value);
        at++;
    }
    assert_int_equal(at, cells.count);
}

static bool has_row(const struct run *run, uint32_t name, int64_t from, int64_t to)
{
    bool any = false;
    for (int64_t hour = from / 2; hour < to / 2 && !any; hour++)
        any = row_of(run, name, READER_1H, hour).count > 0;
    return any;
}

/* Some days: the series that have an hourly row in them are found, and no others. */
static void check_found(struct run *run, struct reader *reader)
{
    int64_t first = oldest(run, KEPT_1H_DAYS), day = first + draw(run, (uint32_t)(today(run) - first + 1));
    int64_t from = day * SLOTS, to = from + (1 + draw(run, 3)) * SLOTS;
    const struct reader_filter filter = {.span = {time_of(run, from), time_of(run, to)}};
    struct index_ids ids;
    struct tm_why why = {""};
    assert_int_equal(reader_find(reader, &filter, &ids, &why), TM_OK);
    to = to < (today(run) + 1) * SLOTS ? to : (today(run) + 1) * SLOTS;
    for (uint32_t name = 0; name < NAMES; name++) {
        uint32_t series = series_named(reader, names[name]);
        bool found = false;
        for (size_t i = 0; i < ids.count && series; i++)
            found = found || ids.ids[i] == series;
        if (found != has_row(run, name, from, to))
            print_error("%s, days %lld to %lld (today %lld)\n", names[name], (long long)day,
                        (long long)(to / SLOTS), (long long)today(run));
        assert_int_equal(found, has_row(run, name, from, to));
    }
    index_ids_fini(&ids);
}

static void check_one(struct run *run, struct reader *reader, uint32_t name)
{
    check_samples(run, reader, name);
    check_rows(run, reader, name, READER_5M);
    check_rows(run, reader, name, READER_1H);
}

static void check_here(struct run *run, uint32_t first, uint32_t count)
{
    struct reader *reader = reader_of_store(run->f->store);
    for (uint32_t i = 0; i < count; i++)
        check_one(run, reader, (first + i) % NAMES);
    for (uint32_t name = 0; name < COUNTED; name++)
        check_cells(run, reader, name);
    check_found(run, reader);
    reader_close(reader);
    assert_int_equal(stats_of(run->f->store).damaged_records, 0);
    assert_int_equal(stats_of(run->f->store).quarantined, 0);
}

/* The same from a process of its own, beside the store. */
static void check_from_outside(struct run *run)
{
    uint32_t name = draw(run, NAMES), count = draw(run, COUNTED);
    uint64_t random = run->random;
    pid_t child = fork();
    if (child == 0) {
        struct reader *reader;
        if (reader_open(run->f->dir, &reader, &run->f->why) != TM_OK)
            _exit(3);
        check_one(run, reader, name);
        check_cells(run, reader, count);
        check_found(run, reader);
        reader_close(reader);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    run->random = random;
}

static void step(struct run *run)
{
    uint32_t what = draw(run, 200);
    if (what < 100)
        send_samples(run);
    else if (what < 112)
        send_cells(run);
    else if (what < 118)
        delete_some(run);
    else if (what < 120)
        jump_clock(run);
    else if (what < 140)
        flush_now(run->f);
    else if (what < 155)
        flush_settle(run->f->store);
    else if (what < 162)
        fixture_reopen(run->f);
    else if (what < 166)
        kill_in_flush(run);
    else if (what < 168)
        check_from_outside(run);
    else if (what < 180 && today(run) < MODEL_DAYS - 4)
        pass_time(run->f, (int64_t)draw(run, 30) * HOUR_MS);
    else if (what < 190)
        check_here(run, draw(run, NAMES), 3);
}

static unsigned long setting(const char *name, unsigned long otherwise)
{
    const char *text = getenv(name);
    return text ? strtoul(text, NULL, 10) : otherwise;
}

static void all_tiers_hold_what_the_model_holds(void **state)
{
    unsigned long steps = setting("ENGINE_STEPS", 500), seeds = setting("ENGINE_SEEDS", 2);
    unsigned long first = setting("ENGINE_FIRST", 1);
    (void)state;
    for (where.seed = first; where.seed < first + seeds; where.seed++) {
        struct fixture *f = fixture_new();
        struct model *model = calloc(1, sizeof *model);
        assert_non_null(model);
        model->day0 = DAY0;
        f->options.retention_raw_ms = KEPT_DAYS * DAY_MS;
        f->options.retention_rollup_5m_ms = KEPT_5M_DAYS * DAY_MS;
        f->options.retention_rollup_1h_ms = KEPT_1H_DAYS * DAY_MS;
        f->options.segment_bytes = 8192;
        fixture_open(f);
        struct run run = {f, model, where.seed};
        for (where.step = 0; where.step < steps; where.step++)
            step(&run);
        check_here(&run, 0, NAMES);
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
        cmocka_unit_test_setup_teardown(all_tiers_hold_what_the_model_holds, use_memory, tell_where)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
