/* What the sentence of an anomaly claims to know: the day of the week only where it is in what was expected.
 */
#include "tests/unit/server/detect_rig.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS  INT64_C(86400000)
/* 29 days before the clock, at midnight UTC. */
#define FIRST_DAY ((WALL_START / DAY_MS - 29) * DAY_MS)

enum { SUNDAY, MONDAY, TUESDAY, SATURDAY = 6, AT_HOUR = 14 };

static int weekday_of(time_ms_t time)
{
    return (int)((time / DAY_MS + 4) % 7); /* 1970-01-01 was a Thursday */
}

/* Hour by hour up to the first Tuesday, 14:00, that is `days` or more behind the first day, where it is off.
 */
static time_ms_t send_until_tuesday(struct rig *rig, time_ms_t from, int days)
{
    time_ms_t time = from;
    for (;; time += HOUR_MS) {
        struct batch *batch = store_batch_new(rig->f->store);
        series_id id = series_of(rig, batch, "load", "pod", "p0");
        int day = weekday_of(time), hour = (int)(time / HOUR_MS % 24);
        bool is_off = time >= FIRST_DAY + days * DAY_MS && day == TUESDAY && hour == AT_HOUR;
        double usual = day == SUNDAY || day == SATURDAY ? 30 : 100;
        double value = usual + 5 * noise((uint64_t)(time / HOUR_MS)) + (is_off ? 900 : 0);
        assert_int_equal(store_batch_sample(batch, id, time, number_of_double(value)), TM_OK);
        assert_int_equal(send_batch(rig->f->store, batch, NULL), TM_OK);
        if (is_off)
            break;
    }
    /* closes the hour */
    struct batch *batch = store_batch_new(rig->f->store);
    series_id id = series_of(rig, batch, "load", "pod", "p0");
    assert_int_equal(store_batch_sample(batch, id, time + HOUR_MS, number_of_double(100)), TM_OK);
    assert_int_equal(send_batch(rig->f->store, batch, NULL), TM_OK);
    run(rig);
    return time;
}

struct wanted_text {
    time_ms_t time;
    const char *text;
    bool found;
};

static bool take_text(void *arg, const struct finding *finding)
{
    struct wanted_text *wanted = arg;
    if (finding->time / HOUR_MS == wanted->time / HOUR_MS)
        wanted->found = memmem(finding->body.ptr, finding->body.len, wanted->text, strlen(wanted->text));
    return !wanted->found;
}

static bool says(struct rig *rig, time_ms_t time, const char *text)
{
    const struct findings_wanted wanted = {.kind = FINDING_ANOMALY, .span = EVERYTHING, .min_score = 20};
    struct wanted_text arg = {time, text, false};
    struct tm_why why;
    struct reader *reader = reader_of_store(rig->f->store);
    assert_int_equal(findings_search(reader, &wanted, take_text, &arg, &why), TM_OK);
    reader_close(reader);
    return arg.found;
}

static void the_day_of_the_week_is_named_once_it_is_known(void **state)
{
    struct rig *rig = *state;
    run(rig);
    time_ms_t early = send_until_tuesday(rig, FIRST_DAY, 7);
    assert_true(says(rig, early, " for 14:00 over "));
    assert_false(says(rig, early, "Tuesday"));
    time_ms_t late = send_until_tuesday(rig, early + 2 * HOUR_MS, 22);
    assert_true(says(rig, late, " for Tuesday 14:00 over 3 weeks"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_day_of_the_week_is_named_once_it_is_known, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
