/* The n-th allocation fails, for every n, while the files are put in order: days sealed and merged, rollups
 * made, old days removed, series without data forgotten. Nothing that is to stay is missed meanwhile, and the
 * order comes once there is memory. */
#include "tests/unit/storage/nomem.h"

#include "tests/unit/storage/eventing.h"

#if CAN_FAIL
enum { DAYS = 6, POINTS = 3, OFTEN = 4000 };

static struct {
    size_t samples; /* of `steady` */
    long rounds;
} told;

static void keep_order(struct fixture *f)
{
    store_poll(f->store);
    flush_settle(f->store);
    store_poll(f->store);
}

/* Runs prepare and keeps order, with each allocation failing; alone, and three in a row. */
static void keep_without_memory(struct fixture *f, void (*prepare)(struct fixture *f, long n),
                                void (*check)(struct fixture *f))
{
    long worst = 0;
    for (row = 3; row > 0; row -= 2) {
        bool has_failed = true;
        for (long n = 0; has_failed; n += row) {
            assert_true(n < OFTEN);
            prepare(f, n);
            f->log[f->log_len = 0] = 0;
            arm(n);
            keep_order(f);
            has_failed = disarm();
            check(f);
            worst = n;
        }
    }
    assert_true(worst > 20);
    row = 1;
    for (int i = 0; i < 5; i++) { /* what failed waits an hour */
        pass_time(f, 3 * HOUR_MS);
        keep_order(f);
    }
    check(f);
}

/* ---- days ---- */

/* What the rows of 5 minutes count. */
static uint64_t rolled_up(struct fixture *f, const char *name)
{
    struct search search = {.name = str_of(name)};
    struct reader *reader = reader_of_store(f->store);
    struct reader_walk walk;
    const struct rollup *rows;
    size_t count;
    uint64_t samples = 0;
    enum tm_err err;
    assert_int_equal(reader_series(reader, search_one, &search), TM_OK);
    reader_walk_init(&walk, search.found, EVERYTHING);
    while ((err = reader_rollup_next(reader, &walk, READER_5M, &rows, &count, &f->why)) == TM_OK) {
        for (size_t i = 0; i < count; i++)
            samples += rows[i].count;
    }
    assert_int_equal(err, TM_NOT_FOUND);
    reader_close(reader);
    return samples;
}

static void expect_days(struct fixture *f)
{
    assert_int_equal(count_of(f->store, "steady"), told.samples);
    assert_int_equal(rolled_up(f, "steady"), told.samples);
    expect_sound(f);
}

static time_ms_t day_of(int day)
{
    return DAY0 - (DAYS - day) * DAY_MS;
}

static void send_steady(struct fixture *f, time_ms_t time)
{
    assert_int_equal(send_one(f->store, "steady", time, 1), TM_OK);
    told.samples++;
}

/* Days to be sealed, and late ones to be merged into sealed ones. */
static void send_days(struct fixture *f)
{
    for (int late = 0; late < 2; late++) {
        for (int day = 0; day < DAYS; day++) {
            for (int i = 0; i < POINTS; i++)
                send_steady(f, day_of(day) + late * HOUR_MS + i);
        }
        flush_now(f);
        pass_time(f, 2 * HOUR_MS);
        if (!late)
            flush_settle(f->store);
    }
}

/* A late sample each time, and all days anew now and then. */
static void prepare_days(struct fixture *f, long n)
{
    enum { ANEW = 16 };
    if (told.rounds++ % ANEW == 0) {
        fixture_close(f);
        folder_remove(f->dir);
        f->dir = folder_make();
        f->options.dir = f->dir;
        fixture_open(f);
        told.samples = 0;
        send_days(f);
    } else {
        send_steady(f, day_of((int)n % DAYS) + told.rounds * 1000);
        flush_now(f);
    }
    pass_time(f, 3 * HOUR_MS);
}

static void days_are_sealed_and_rolled_up_whole(void **state)
{
    struct fixture *f = *state;
    memset(&told, 0, sizeof told);
    keep_without_memory(f, prepare_days, expect_days);
    assert_true(stats_of(f->store).sealed_days > 0 && stats_of(f->store).rolled_days > 0);
    fixture_reopen(f);
    expect_days(f);
}

/* ---- series ---- */

/* Two days of samples, rollups no longer than their partitions. */
static int leave_setup(void **state)
{
    struct fixture *f = fixture_new();
    *state = f;
    (void)setenv("TMPDIR", "/dev/shm", 0);
    f->options.retention_raw_ms = 2 * DAY_MS;
    f->options.retention_rollup_5m_ms = DAY_MS;
    f->options.retention_rollup_1h_ms = DAY_MS;
    fixture_open(f);
    return 0;
}

/* A series of this round's own, whose data of 40 days ago goes soon. */
static void prepare_series(struct fixture *f, long n)
{
    char name[32];
    (void)n;
    (void)snprintf(name, sizeof name, "round%ld", ++told.rounds);
    assert_int_equal(send_one(f->store, name, f->clock.wall_ms, 1), TM_OK);
    assert_int_equal(send_one(f->store, "steady", f->clock.wall_ms, 1), TM_OK);
    flush_now(f);
    for (int i = 0; i < 3; i++) {
        pass_time(f, 20 * DAY_MS);
        store_poll(f->store); /* which believes the clock after a while */
    }
    assert_int_equal(send_one(f->store, "steady", f->clock.wall_ms, 1), TM_OK);
    flush_now(f);
}

static void expect_steady(struct fixture *f)
{
    assert_true(count_of(f->store, "steady") >= 1);
    assert_true(last_of(f->store, "steady") == 1);
    expect_sound(f);
}

static void series_without_data_leave_and_no_others(void **state)
{
    struct fixture *f = *state;
    memset(&told, 0, sizeof told);
    keep_without_memory(f, prepare_series, expect_steady);
    for (int i = 0; i < 70; i++) {
        assert_int_equal(send_one(f->store, "steady", f->clock.wall_ms, 1), TM_OK);
        flush_now(f);
        pass_time(f, DAY_MS);
        keep_order(f);
    }
    for (int i = 0; i < 2; i++) {
        expect_steady(f);
        assert_int_equal(stats_of(f->store).series, 1);
        fixture_reopen(f);
    }
    assert_int_equal(send_one(f->store, "round1", f->clock.wall_ms, 2), TM_OK);
    assert_int_equal(count_of(f->store, "round1"), 1);
}

/* ---- events ---- */

enum { EVENTS = 30 };

static uint64_t requests; /* all that were told of: what counts for more stands for as many */

/* Requests of three days ago, whose day goes in the next step. */
static void prepare_events(struct fixture *f, long n)
{
    struct batch *batch = store_batch_new(f->store);
    assert_non_null(batch);
    for (int i = 0; i < EVENTS; i++) {
        struct made_event made;
        make_event(&made, (uint64_t)(n * EVENTS + i), f->clock.wall_ms - 3 * DAY_MS + i);
        assert_int_equal(store_batch_http(batch, &made.event), TM_OK);
        requests += made.event.count;
    }
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
    flush_now(f);
    pass_time(f, 3 * HOUR_MS);
}

static bool count_left(void *arg, const struct http_event *event)
{
    (void)event;
    ++*(size_t *)arg;
    return true;
}

static size_t events_left(struct fixture *f)
{
    const struct events_query all = {.span = EVERYTHING};
    size_t count = 0;
    struct reader *reader = reader_of_store(f->store);
    assert_int_equal(events_scan(reader, &all, count_left, &count, &f->why), TM_OK);
    reader_close(reader);
    return count;
}

/* By the events, or by the ranking that was made of them before they went. */
static enum tm_err rank_all(struct fixture *f, uint64_t *count)
{
    const struct events_query all = {.span = EVERYTHING};
    const struct events_ranking_by by = {.column = EVENTS_METHOD};
    struct events_ranking *ranking;
    struct events_ranking_total total;
    struct reader *reader = reader_of_store(f->store);
    enum tm_err err = reader ? events_rank(reader, &all, &by, &ranking, &f->why) : TM_NOMEM;
    reader_close(reader);
    if (err)
        return err;
    events_ranking_total(ranking, &total);
    events_ranking_free(ranking);
    *count = total.count;
    return TM_OK;
}

static void expect_ranked(struct fixture *f)
{
    uint64_t count = 0;
    assert_int_equal(rank_all(f, &count), TM_OK);
    assert_int_equal(count, requests);
    expect_sound(f);
}

static enum tm_err rank_again(struct fixture *f)
{
    uint64_t count = requests;
    enum tm_err err = rank_all(f, &count);
    assert_int_equal(count, requests);
    return err;
}

static void expect_sound_only(struct fixture *f, enum tm_err err)
{
    (void)err;
    expect_sound(f);
}

static int events_setup(void **state)
{
    struct fixture *f = fixture_new();
    *state = f;
    (void)setenv("TMPDIR", "/dev/shm", 0);
    f->options.retention_events_ms = DAY_MS;
    fixture_open(f);
    return 0;
}

static void a_day_of_events_goes_once_it_is_ranked(void **state)
{
    struct fixture *f = *state;
    requests = 0;
    keep_without_memory(f, prepare_events, expect_ranked);
    assert_int_equal(events_left(f), 0); /* all that is left are rankings */
    assert_true(fail_each(f, NULL, rank_again, expect_sound_only) > 5);
    fixture_reopen(f);
    expect_ranked(f);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#if CAN_FAIL
        cmocka_unit_test_setup_teardown(days_are_sealed_and_rolled_up_whole, nomem_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(series_without_data_leave_and_no_others, leave_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_day_of_events_goes_once_it_is_ranked, events_setup,
                                        fixture_teardown),
#endif
        cmocka_unit_test(there_is_nothing_to_fail_under_a_sanitizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
