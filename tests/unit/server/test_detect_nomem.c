/* The n-th allocation fails, for every n: minutes close all the same, what is told is told whole, and states
 * are kept or left as they were. Allocations of the loop's thread fail; the store has
 * others. */
#include "tests/unit/nomem.h"
#include "tests/unit/server/detect_rig.h"

#if !CAN_FAIL

int main(void)
{
    (void)puts("nothing to fail under a sanitizer");
    return 0;
}

#else

enum { MINUTES = 170, GAUGES = 3, FAULT = 160, IDLES = 3 };

/* What came of a whole run. */
struct outcome {
    size_t findings, samples, lost;
};

static void count_out(const struct rig *rig, struct outcome *outcome)
{
    const struct detect_out *out = detect_engine_out(rig->engine);
    outcome->findings += out->finding_count;
    outcome->samples += out->sample_count;
    outcome->lost += out->lost_count;
}

static void on_news_again(void *arg, struct str service, time_ms_t oldest, time_ms_t newest)
{
    struct rig *rig = arg;
    while (detect_engine_news(rig->engine, service, oldest, newest) != TM_OK)
        ; /* told again, as the daemon does */
}

/* Steps until nothing is left, though the n-th allocation within them fails; what is found is not stored. */
static void run_without(struct rig *rig, long n, struct outcome *outcome)
{
    countdown = n;
    on_news_again(rig, STR("cart"), BEGIN, BEGIN + (MINUTES - 1) * MINUTE_MS + 20000);
    n = countdown;
    countdown = -1;
    for (int idle = 0; idle < IDLES;) {
        struct reader *reader = reader_of_store(rig->f->store);
        assert_non_null(reader);
        countdown = failed ? -1 : n;
        enum detect_step step = detect_engine_step(rig->engine, reader, rig->wall);
        n = countdown;
        countdown = -1;
        reader_close(reader);
        if (step == DETECT_OUT)
            count_out(rig, outcome);
        if (step == DETECT_IDLE) {
            detect_engine_look(rig->engine);
            idle++;
        }
    }
}

/* An engine that was there before the data. */
static void begin_anew(struct rig *rig)
{
    struct reader *reader = reader_of_store(rig->f->store);
    detect_engine_free(rig->engine);
    rig->engine = detect_engine_new(&rig->options);
    assert_non_null(rig->engine);
    reader_close(reader);
}

static void minutes_close_and_series_are_scored_whichever_allocation_fails(void **state)
{
    struct rig *rig = *state;
    struct outcome whole = {0};
    long complete = 0; /* runs of which all was told */
    run(rig);          /* scoring begins in an empty folder */
    send_gauges(rig, 0, MINUTES, GAUGES, FAULT, MINUTES);
    begin_anew(rig);
    run_without(rig, -1, &whole);
    assert_true(whole.findings > 3 && whole.samples >= GAUGES && whole.lost == 0);
    for (long n = 0;; n++) {
        struct outcome outcome = {0};
        failed = 0;
        begin_anew(rig);
        run_without(rig, n, &outcome);
        if (failed == 0) {
            assert_true(n > 50 && complete > n / 3);
            break;
        }
        /* one without a state for want of memory gets it with a later minute; one that could not be read
         * begins behind that, which is counted */
        struct detect_figures figures = figures_of(rig);
        assert_int_equal(figures.scored + figures.left_out + figures.learning, GAUGES);
        assert_true(figures.learning <= figures.read_errors && figures.read_errors <= 1);
        assert_int_equal(figures_of(rig).minutes, MINUTES - 1);
        assert_int_equal(figures_of(rig).services_behind, 0);
        assert_true(outcome.samples <= whole.samples && outcome.findings + outcome.lost > 0);
        complete += outcome.samples == whole.samples && outcome.findings == whole.findings;
    }
}

static void states_are_kept_or_left_as_they_were_whichever_allocation_fails(void **state)
{
    struct rig *rig = *state;
    struct tm_why why = {""};
    run(rig);
    send_gauges(rig, 0, MINUTES, GAUGES, FAULT, MINUTES);
    run(rig);
    for (long n = 0;; n += n < 8 ? 1 : 41) {
        enum tm_err worst = TM_OK;
        failed = 0;
        countdown = n;
        for (int i = 0; i < DETECT_SHARDS; i++) {
            enum tm_err err = detect_engine_keep(rig->engine, &why);
            worst = err ? err : worst;
        }
        countdown = -1;
        assert_int_equal(worst, failed ? TM_NOMEM : TM_OK);
        if (failed == 0)
            break;
        assert_non_null(strstr(why.text, "out of memory"));
    }
    for (long n = 0;; n++) { /* and read again, or not begun at all */
        detect_engine_free(rig->engine);
        failed = 0;
        countdown = n;
        rig->engine = detect_engine_new(&rig->options);
        countdown = -1;
        if (failed == 0)
            break;
        if (rig->engine)
            assert_int_equal(figures_of(rig).lost_states, 0);
    }
    assert_non_null(rig->engine);
    run(rig);
    assert_int_equal(figures_of(rig).scored, GAUGES);
    assert_int_equal(figures_of(rig).lost_states, 0);
}

int main(void)
{
#define PROMISE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        PROMISE(minutes_close_and_series_are_scored_whichever_allocation_fails),
        PROMISE(states_are_kept_or_left_as_they_were_whichever_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
