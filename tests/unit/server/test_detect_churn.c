/* Series that come and go: what scoring keeps of them, and that new ones are scored. */
#include "tests/unit/server/detect_rig.h"

/* A day's series: so many pods that live for 150 minutes. */
static void send_wave(struct rig *rig, int wave, int pods)
{
    struct batch *batch = store_batch_new(rig->f->store);
    for (int p = 0; p < pods; p++) {
        char pod[32];
        (void)snprintf(pod, sizeof pod, "w%d-%d", wave, p);
        series_id id = series_of(rig, batch, "load", "pod", pod);
        for (int m = 0; m < 150; m++) {
            time_ms_t time = BEGIN + (time_ms_t)(wave * 1600 + m) * MINUTE_MS;
            assert_int_equal(
                store_batch_sample(batch, id, time, number_of_double(noise((uint64_t)(p * 150 + m)))), TM_OK);
        }
    }
    assert_int_equal(send_batch(rig->f->store, batch, NULL), TM_OK);
}

/* CHURN: how many series come and go. */
static void a_churn_of_series_stays_within_scoring_memory_and_new_ones_are_scored(void **state)
{
    enum { PODS = 10, STATES = 16 };
    struct rig *rig = *state;
    const char *text = getenv("CHURN");
    int waves = text ? atoi(text) / PODS : 8;
    detect_engine_free(rig->engine);
    rig->options.memory_bytes = (size_t)STATES * 3800 * 10 / 9;
    open_engine(rig);
    run(rig);
    for (int wave = 0; wave < waves; wave++) {
        uint64_t before = figures_of(rig).scores;
        send_wave(rig, wave, PODS);
        run(rig);
        struct detect_figures figures = figures_of(rig);
        assert_int_equal(figures.left_out, 0);
        assert_true(figures.memory_bytes <= rig->options.memory_bytes && figures.scored <= STATES);
        assert_true(figures.scores >= before + (uint64_t)PODS * 30);
    }
}

int main(void)
{
#define PROMISE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        PROMISE(a_churn_of_series_stays_within_scoring_memory_and_new_ones_are_scored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
