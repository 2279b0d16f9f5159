/* Series that come and go: what scoring keeps of them, and that new ones are scored. */
#include "tests/unit/server/detect_rig.h"
#include "tests/unit/storage/deleting.h"

#include "server/detect/detect_private.h"

/* ---- a churn ---- */

/* Each wave of pods is there for 150 minutes, the next one comes more than a day later. */
enum { LIFE_MINUTES = 150, WAVE_MINUTES = 1600, PODS_A_BATCH = 500, WAVES_MOST = 100 };

/* What all but states may cost: a series that ever was, one that is there, and the rest. */
enum { EVER_BYTES = 25, ALIVE_BYTES = 1000, TABLES_BYTES = 16384 };

struct churn {
    int pods; /* of a wave */
    int waves;
    size_t states; /* for which there is room */
};

/* CHURN: how many series come and go. */
static struct churn churn_of(const char *text)
{
    int all = text ? atoi(text) : 80;
    struct churn churn = {.pods = all / WAVES_MOST < 10 ? 10 : all / WAVES_MOST};
    churn.waves = all / churn.pods;
    churn.states = (size_t)churn.pods * 8 / 5;
    return churn;
}

static void send_pods(struct rig *rig, int wave, int from, int to)
{
    struct batch *batch = store_batch_new(rig->f->store);
    for (int p = from; p < to; p++) {
        char pod[32];
        (void)snprintf(pod, sizeof pod, "w%d-%d", wave, p);
        series_id id = series_of(rig, batch, "load", "pod", pod);
        for (int m = 0; m < LIFE_MINUTES; m++) {
            time_ms_t time = BEGIN + (time_ms_t)(wave * WAVE_MINUTES + m) * MINUTE_MS;
            double value = noise((uint64_t)(p * LIFE_MINUTES + m));
            assert_int_equal(store_batch_sample(batch, id, time, number_of_double(value)), TM_OK);
        }
    }
    assert_int_equal(send_batch(rig->f->store, batch, NULL), TM_OK);
}

/* The n-th wave is scored whole, within the bounds. */
static void run_wave(struct rig *rig, const struct churn *churn, int wave)
{
    uint64_t before = figures_of(rig).scores;
    for (int p = 0; p < churn->pods; p += PODS_A_BATCH)
        send_pods(rig, wave, p, p + PODS_A_BATCH < churn->pods ? p + PODS_A_BATCH : churn->pods);
    run(rig);
    struct detect_figures figures = figures_of(rig);
    size_t ever = (size_t)(wave + 1) * (size_t)churn->pods;
    assert_int_equal(figures.left_out, 0);
    assert_true(figures.memory_bytes <= rig->options.memory_bytes && figures.scored <= churn->states);
    assert_true(figures.scores >= before + (uint64_t)churn->pods * 30);
    assert_true(figures.tables_bytes <=
                TABLES_BYTES + ever * EVER_BYTES + (size_t)churn->pods * 2 * ALIVE_BYTES);
    if (getenv("CHURN"))
        print_message("wave %d: %zu series, %llu with a state, %llu asleep, states %llu KB, tables %llu KB\n",
                      wave, ever, (unsigned long long)figures.scored, (unsigned long long)figures.asleep,
                      (unsigned long long)figures.memory_bytes / 1024,
                      (unsigned long long)figures.tables_bytes / 1024);
}

static void keep_states(struct rig *rig)
{
    struct tm_why why;
    for (int i = 0; i < DETECT_SHARDS; i++)
        assert_int_equal(detect_engine_keep(rig->engine, &why), TM_OK);
}

static void a_churn_of_series_stays_within_scoring_memory_and_new_ones_are_scored(void **state)
{
    struct rig *rig = *state;
    const struct churn churn = churn_of(getenv("CHURN"));
    detect_engine_free(rig->engine);
    rig->options.memory_bytes = churn.states * DETECT_STATE_BYTES * 10 / 9 + DETECT_STATE_BYTES;
    open_engine(rig);
    run(rig);
    for (int wave = 0; wave < churn.waves; wave++)
        run_wave(rig, &churn, wave);
    struct detect_figures before = figures_of(rig);
    assert_int_equal(before.asleep, (uint64_t)churn.pods * (uint64_t)(churn.waves - 1));
    keep_states(rig);
    crash(rig);
    run(rig);
    struct detect_figures after = figures_of(rig);
    assert_int_equal(after.scored, before.scored);
    assert_int_equal(after.asleep, before.asleep);
    assert_int_equal(after.services_behind, 0);
    assert_int_equal(after.lost_states, 0);
    run_wave(rig, &churn, churn.waves);
}

/* ---- sleep ---- */

/* Minutes [from, to) of one gauge, a sample each. */
static void send_gauge(struct rig *rig, const char *pod, int from, int to)
{
    struct batch *batch = store_batch_new(rig->f->store);
    series_id id = series_of(rig, batch, "load", "pod", pod);
    for (int m = from; m < to; m++) {
        time_ms_t time = BEGIN + (time_ms_t)m * MINUTE_MS + 20000;
        assert_int_equal(store_batch_sample(batch, id, time, number_of_double(level_at(m, 9, -1))), TM_OK);
    }
    assert_int_equal(send_batch(rig->f->store, batch, NULL), TM_OK);
}

/* One gauge goes on, "brief" has 20 samples and sleeps. */
static void let_one_sleep(struct rig *rig)
{
    run(rig);
    send_gauges(rig, 0, 300, 1, -1, 60);
    send_gauge(rig, "brief", 0, 20);
    run(rig);
    assert_int_equal(figures_of(rig).asleep, 1);
}

static void what_slept_remembers_how_much_was_seen_of_it(void **state)
{
    struct rig *rig = *state;
    let_one_sleep(rig);
    assert_int_equal(figures_of(rig).learning, 0);
    assert_int_equal(figures_of(rig).scored, 1);
    send_gauge(rig, "brief", 300, 315); /* 30 in all, and those 70 that a step may bring: a state */
    send_gauges(rig, 300, 340, 1, -1, 40);
    run(rig);
    assert_int_equal(figures_of(rig).asleep, 0);
    assert_int_equal(figures_of(rig).scored, 2);
}

static void late_data_of_what_sleeps_wakes_it(void **state)
{
    struct rig *rig = *state;
    let_one_sleep(rig);
    send_gauge(rig, "brief", 293, 295);
    run(rig);
    assert_int_equal(figures_of(rig).asleep, 0);
    assert_int_equal(figures_of(rig).learning, 1);
}

/* Two gauges of which one is silent for so many minutes, then both go on, and far off once. */
static void send_with_silence(struct rig *rig, int silence, int every)
{
    enum { BEFORE = 20 * HOUR, BEHIND = 3 * HOUR };
    const int back = BEFORE + silence, end = back + BEHIND;
    for (int from = 0; from < end; from += every) {
        int to = from + every < end ? from + every : end;
        if (from < BEFORE || from >= back)
            send_gauges(rig, from, to, 2, end - 30, to - from);
        else
            send_gauges(rig, from, to, 1, end - 30, to - from);
        run(rig);
    }
}

/* What lies ahead is known when a month comes at once, and is not when it comes by the hour. */
static void a_series_that_comes_back_is_scored_the_same_whatever_was_read_meanwhile(void **state)
{
    static const int silences[] = {2 * HOUR, 26 * HOUR};
    (void)state;
    for (size_t i = 0; i < sizeof silences / sizeof silences[0]; i++) {
        struct rig *hourly = open_rig(), *daily = open_rig();
        run(hourly);
        run(daily);
        send_with_silence(hourly, silences[i], HOUR);
        send_with_silence(daily, silences[i], HOUR / 4);
        assert_true(look(hourly) >= 2);
        assert_same_anomalies(hourly, daily);
        assert_int_equal(figures_of(hourly).scored, 2);
        assert_int_equal(figures_of(hourly).asleep, 0); /* both have states */
        close_rig(daily);
        close_rig(hourly);
    }
}

/* ---- too many sums ---- */

/* One request in each of so many environments. */
static void send_environments(struct rig *rig, int count)
{
    struct batch *batch = store_batch_new(rig->f->store);
    for (int e = 0; e < count; e++) {
        char env[32];
        (void)snprintf(env, sizeof env, "pr-%d", e);
        series_id id = series_of(rig, batch, "http_events_total", "env", env);
        assert_int_equal(store_batch_cell(batch, id, 0, BEGIN + 20000, 1), TM_OK);
    }
    assert_int_equal(send_batch(rig->f->store, batch, NULL), TM_OK);
}

static void environments_without_end_do_not_end_scoring(void **state)
{
    enum { ENVIRONMENTS = 4200, SUMS_MOST = 20000 };
    struct rig *rig = *state;
    run(rig);
    send_environments(rig, ENVIRONMENTS); /* five sums each */
    send_gauges(rig, 0, 3, 2, -1, 3);
    run(rig);
    /* none has a state yet; each series, and what is derived as far as it may be */
    assert_int_equal(figures_of(rig).learning, ENVIRONMENTS + 2 + SUMS_MOST);
    send_gauges(rig, 3, 20, 3, -1, 17); /* one of them new */
    run(rig);
    assert_int_equal(closed_of(rig), BEGIN + INT64_C(19) * MINUTE_MS);
    assert_int_equal(figures_of(rig).learning, ENVIRONMENTS + 3 + SUMS_MOST);
}

/* ---- leaving ---- */

/* Two hours pass, in which the store looks who has no data. */
static void let_leave(struct fixture *f)
{
    pass_time(f, 2 * HOUR_MS);
    store_poll(f->store);
    flush_settle(f->store);
}

static void series_that_left_the_store_leave_nothing_behind(void **state)
{
    enum { PODS = 3000 };
    struct rig *rig = *state;
    run(rig);
    send_gauges(rig, 0, 60, 1, -1, 60);
    run(rig);
    size_t before = figures_of(rig).tables_bytes;
    for (int p = 0; p < PODS; p++) {
        char pod[32];
        (void)snprintf(pod, sizeof pod, "brief-%d", p);
        send_gauge(rig, pod, 60, 61);
    }
    run(rig);
    assert_int_equal(figures_of(rig).learning, PODS);
    assert_true(figures_of(rig).tables_bytes > before + (size_t)PODS * 100);
    send_gauges(rig, 60, 300, 1, -1, 60);
    run(rig);
    assert_int_equal(figures_of(rig).asleep, PODS);
    assert_true(figures_of(rig).tables_bytes < before + TABLES_BYTES + (size_t)PODS * EVER_BYTES);
    struct deleted gone = delete_now(rig->f, "load{pod=~\"brief-.*\"}", EVERYTHING);
    assert_int_equal(gone.series, PODS);
    for (int i = 0; i < 200 && stats_of(rig->f->store).series_left < PODS; i++)
        let_leave(rig->f);
    assert_int_equal(stats_of(rig->f->store).series_left, PODS);
    run(rig);
    assert_int_equal(figures_of(rig).asleep, 0);
    assert_int_equal(figures_of(rig).scored, 1);
}

int main(void)
{
#define PROMISE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        PROMISE(what_slept_remembers_how_much_was_seen_of_it),
        PROMISE(late_data_of_what_sleeps_wakes_it),
        PROMISE(a_series_that_comes_back_is_scored_the_same_whatever_was_read_meanwhile),
        PROMISE(environments_without_end_do_not_end_scoring),
        PROMISE(series_that_left_the_store_leave_nothing_behind),
        PROMISE(a_churn_of_series_stays_within_scoring_memory_and_new_ones_are_scored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
