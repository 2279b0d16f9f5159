/* Another time zone: what is learned follows its days and weeks, and what was learned in another one is gone.
 */
#include "tests/unit/server/detect_rig.h"

#include "server/detect/detect_private.h"

enum { MINUTES = 26 * HOUR, FAULT = 25 * HOUR + 30, CHANGED = 500 };

static int32_t offset_of_utc(time_ms_t time)
{
    (void)time;
    return 0;
}

static int32_t offset_of_seoul(time_ms_t time)
{
    (void)time;
    return 9 * 3600;
}

/* In a zone from its first minute on. */
static void begin_in(struct rig *rig, const char *zone, int32_t (*offset_s)(time_ms_t time))
{
    detect_engine_free(rig->engine);
    rig->options.zone = zone;
    rig->options.offset_s = offset_s;
    open_engine(rig);
    run(rig);
}

static void move_to_seoul(struct rig *rig)
{
    rig->engine->options.offset_s = offset_of_seoul;
    rig->options.offset_s = offset_of_seoul;
    rig->options.zone = "Asia/Seoul";
    detect_engine_set_zone(rig->engine, "Asia/Seoul");
}

static void keep_all(struct rig *rig)
{
    struct tm_why why;
    for (int i = 0; i < DETECT_SHARDS; i++)
        assert_int_equal(detect_engine_keep(rig->engine, &why), TM_OK);
}

static int count_files(const struct rig *rig)
{
    int count = 0;
    for (unsigned i = 0; i < DETECT_SHARDS; i++) {
        char path[4096], name[DETECT_NAME_BYTES];
        (void)snprintf(path, sizeof path, "%s/%s", rig->dir, detect_shard_name(i, name));
        count += access(path, F_OK) == 0;
    }
    return count;
}

static void assert_zone_noted(const struct rig *rig, const char *zone)
{
    char text[DETECT_ZONE_BYTES];
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/zone", rig->dir);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    size_t got = fread(text, 1, sizeof text - 1, in);
    (void)fclose(in);
    text[got] = '\0';
    assert_string_equal(text, zone);
}

static void in_another_zone_all_is_learned_anew_from_what_is_stored(void **state)
{
    struct rig *rig = *state, *steady = open_rig();
    begin_in(rig, "UTC", offset_of_utc);
    begin_in(steady, "Asia/Seoul", offset_of_seoul);
    send_gauges(rig, 0, CHANGED, 3, -1, 60);
    send_gauges(steady, 0, CHANGED, 3, -1, 60);
    run(rig);
    assert_int_equal(figures_of(rig).scored, 3);
    move_to_seoul(rig);
    run(rig);
    assert_int_equal(figures_of(rig).scored, 3);
    assert_int_equal(figures_of(rig).memory_bytes, 3 * DETECT_STATE_BYTES);
    send_gauges(rig, CHANGED, MINUTES, 3, FAULT, 60);
    send_gauges(steady, CHANGED, MINUTES, 3, FAULT, 60);
    run(rig);
    run(steady);
    assert_true(look(rig) >= 3);
    assert_same_anomalies(rig, steady); /* as if it had been there all the time */
    close_rig(steady);
}

static void the_same_zone_again_changes_nothing(void **state)
{
    struct rig *rig = *state;
    begin_in(rig, "UTC", offset_of_utc);
    send_gauges(rig, 0, CHANGED, 3, -1, 60);
    run(rig);
    keep_all(rig);
    detect_engine_set_zone(rig->engine, "UTC");
    assert_false(rig->engine->must_relearn);
    begin_in(rig, "UTC", offset_of_utc);
    assert_int_equal(count_files(rig), DETECT_SHARDS);
    assert_zone_noted(rig, "UTC");
    assert_int_equal(figures_of(rig).scored, 3);
}

static void files_of_another_zone_go_with_the_change(void **state)
{
    struct rig *rig = *state;
    begin_in(rig, "UTC", offset_of_utc);
    send_gauges(rig, 0, CHANGED, 3, -1, 60);
    run(rig);
    keep_all(rig);
    move_to_seoul(rig);
    run_steps(rig, 1);
    assert_int_equal(count_files(rig), 0);
    assert_zone_noted(rig, "Asia/Seoul");
}

static void a_start_in_another_zone_learns_anew_too(void **state)
{
    struct rig *rig = *state;
    begin_in(rig, "UTC", offset_of_utc);
    send_gauges(rig, 0, CHANGED, 3, -1, 60);
    run(rig);
    keep_all(rig);
    detect_engine_free(rig->engine);
    rig->options.zone = "Asia/Seoul";
    open_engine(rig);
    assert_int_equal(count_files(rig), 0);
    assert_zone_noted(rig, "Asia/Seoul");
    run(rig);
    assert_int_equal(figures_of(rig).scored, 3);
}

/* As when it was killed half way through: the old zone is still noted. */
static void a_change_that_was_cut_short_is_done_again(void **state)
{
    struct rig *rig = *state;
    char path[4096];
    begin_in(rig, "UTC", offset_of_utc);
    send_gauges(rig, 0, CHANGED, 3, -1, 60);
    run(rig);
    keep_all(rig);
    (void)snprintf(path, sizeof path, "%s/00", rig->dir);
    assert_int_equal(unlink(path), 0);
    begin_in(rig, "Asia/Seoul", offset_of_seoul);
    assert_int_equal(count_files(rig), 0);
    assert_zone_noted(rig, "Asia/Seoul");
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(in_another_zone_all_is_learned_anew_from_what_is_stored),
        PROMISE(the_same_zone_again_changes_nothing),
        PROMISE(files_of_another_zone_go_with_the_change),
        PROMISE(a_start_in_another_zone_learns_anew_too),
        PROMISE(a_change_that_was_cut_short_is_done_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
