/* The n-th allocation fails, for every n: the past of an anomaly is compared all the same, or there is an
 * error and nothing is left behind. */
#include "tests/unit/nomem.h"
#include "tests/unit/server/detect_rig.h"

#include "server/query/anomaly_past.h"

#if !CAN_FAIL

int main(void)
{
    (void)puts("nothing to fail under a sanitizer");
    return 0;
}

#else

enum { MINUTES = 800 };

struct outcome {
    enum tm_err err;
    bool is_begun; /* before that the parser of JSON does not say what was wrong */
    bool is_known;
    struct anomaly_shape shape;
};

static struct outcome compare_without(struct rig *rig, long n)
{
    static const char body[] = "{\"metric\":\"load\",\"labels\":{\"service\":\"cart\",\"pod\":\"p0\"}}";
    const time_ms_t time = BEGIN + (MINUTES - 1) * MINUTE_MS;
    const struct finding finding = {
        .kind = FINDING_ANOMALY, .time = time, .end = time + MINUTE_MS, .body = {body, sizeof body - 1}};
    struct reader *reader = reader_of_store(rig->f->store);
    struct anomaly_past past;
    struct outcome outcome = {.is_known = false};
    struct tm_why why;
    bool is_done = false;
    countdown = n;
    outcome.err = anomaly_past_begin(&past, &finding);
    outcome.is_begun = !outcome.err;
    while (!outcome.err && !is_done)
        outcome.err = anomaly_past_step(&past, reader, &is_done, &why);
    if (!outcome.err)
        outcome.err = anomaly_past_compare(&past, &outcome.shape, &outcome.is_known);
    countdown = -1;
    anomaly_past_fini(&past);
    reader_close(reader);
    return outcome;
}

static void a_past_is_compared_or_left_whichever_allocation_fails(void **state)
{
    struct rig *rig = *state;
    send_gauges(rig, 0, MINUTES, 2, MINUTES - 1, MINUTES);
    const struct outcome whole = compare_without(rig, -1);
    assert_true(whole.err == TM_OK && whole.is_known && whole.shape.shape.compared > 0);
    for (long n = 0;; n++) {
        const long before = live;
        failed = 0;
        const struct outcome outcome = compare_without(rig, n);
        assert_int_equal(live, before);
        if (failed == 0) {
            assert_true(n > 20 && outcome.err == TM_OK);
            break;
        }
        if (outcome.err)
            assert_true(outcome.err == TM_NOMEM || (outcome.err == TM_NOT_FOUND && !outcome.is_begun));
        else
            assert_memory_equal(&outcome.shape, &whole.shape, sizeof whole.shape);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_past_is_compared_or_left_whichever_allocation_fails, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
