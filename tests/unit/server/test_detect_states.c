/* States of series on disk: what is damaged, torn, of another version or of another moment is learned anew,
 * and a disk without room changes nothing that is there. */
#include "tests/unit/server/detect_rig.h"

#include <unistd.h>

#include "server/detect/detect_states.h"

enum { PATH = 4096, LOG_BYTES = 4096 };

/* What was said, one after the other. */
static char said[LOG_BYTES];

static void on_log(void *arg, const char *id, const char *text)
{
    (void)arg;
    size_t len = strlen(said);
    (void)snprintf(said + len, sizeof said - len, "%s: %s\n", id, text);
}

static void keep_all(struct rig *rig)
{
    struct tm_why why;
    for (int i = 0; i < DETECT_SHARDS; i++)
        assert_int_equal(detect_engine_keep(rig->engine, &why), TM_OK);
}

static void path_of(const struct rig *rig, int shard, char path[PATH])
{
    (void)snprintf(path, PATH, "%s/%02x", rig->dir, shard);
}

static struct bytes read_file(const char *path)
{
    struct bytes out = {0};
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (int c = fgetc(file); c != EOF; c = fgetc(file))
        bytes_u8(&out, (uint8_t)c);
    assert_int_equal(fclose(file), 0);
    assert_true(out.len > 0 && out.data != NULL);
    return out;
}

static void write_file(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fwrite(data, 1, len, file) == len);
    assert_int_equal(fclose(file), 0);
}

/* A day of three gauges, learned and kept. */
static void learn_a_day(struct rig *rig)
{
    said[0] = '\0';
    detect_engine_free(rig->engine);
    rig->options.log = on_log;
    open_engine(rig);
    run(rig);
    send_gauges(rig, 0, 24 * HOUR, 3, -1, 60);
    run(rig);
    keep_all(rig);
    assert_string_equal(said, "");
}

/* The shard of one of its states. */
static int find_state(struct rig *rig)
{
    for (int i = 0; i < DETECT_SHARDS; i++) {
        char path[PATH];
        path_of(rig, i, path);
        struct bytes file = read_file(path);
        size_t len = file.len;
        bytes_fini(&file);
        if (len > FIRST_BYTES)
            return i;
    }
    fail();
    return -1;
}

/* Two more hours with a fault: as told by one that was never stopped. */
static void expect_as_steady(struct rig *rig)
{
    struct rig *steady = open_rig();
    run(steady);
    send_gauges(steady, 0, 26 * HOUR, 3, 25 * HOUR + 30, 60);
    run(steady);
    send_gauges(rig, 24 * HOUR, 26 * HOUR, 3, 25 * HOUR + 30, 60);
    run(rig);
    assert_true(look(steady) > 20);
    assert_same_anomalies(steady, rig);
    close_rig(steady);
}

/* ---- what is found at start ---- */

static void a_damaged_part_of_the_states_is_learned_anew(void **state)
{
    struct rig *rig = *state, *steady = open_rig();
    struct tm_why why;
    run(steady);
    run(rig);
    send_gauges(steady, 0, 26 * HOUR, 3, 25 * HOUR + 30, 60);
    run(steady);
    send_gauges(rig, 0, 24 * HOUR, 3, -1, 60);
    run(rig);
    for (int i = 0; i < DETECT_SHARDS; i++)
        assert_int_equal(detect_engine_keep(rig->engine, &why), TM_OK);
    for (int i = 0; i < DETECT_SHARDS; i++) {
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/%02x", rig->dir, i);
        FILE *file = fopen(path, "r+");
        assert_non_null(file);
        assert_int_equal(fseek(file, i % 2 ? 9 : -9, i % 2 ? SEEK_SET : SEEK_END), 0);
        assert_true(fputc('!', file) == '!');
        assert_int_equal(fclose(file), 0);
    }
    crash(rig);
    assert_int_equal(figures_of(rig).lost_states, DETECT_SHARDS);
    send_gauges(rig, 24 * HOUR, 26 * HOUR, 3, 25 * HOUR + 30, 60);
    run(rig);
    assert_same_anomalies(steady, rig);
    close_rig(steady);
}

static void a_torn_part_is_learned_anew_and_said(void **state)
{
    struct rig *rig = *state;
    char path[PATH];
    learn_a_day(rig);
    path_of(rig, find_state(rig), path);
    struct bytes whole = read_file(path);
    for (size_t len = 0; len < whole.len; len += len < 30 ? 1 : 500) {
        write_file(path, whole.data, len);
        said[0] = '\0';
        crash(rig);
        assert_int_equal(figures_of(rig).lost_states, 1);
        assert_non_null(strstr(said, "detect.state_lost"));
        assert_non_null(strstr(said, "its series learn anew from what is stored"));
    }
    bytes_fini(&whole);
    expect_as_steady(rig);
}

static void half_a_part_that_was_being_written_is_not_looked_at(void **state)
{
    struct rig *rig = *state;
    char path[PATH + 8];
    learn_a_day(rig);
    (void)snprintf(path, sizeof path, "%s/%02x.new", rig->dir, find_state(rig));
    write_file(path, "tmscore1", 8);
    crash(rig);
    assert_int_equal(figures_of(rig).lost_states, 0);
    expect_as_steady(rig);
}

static enum tm_err write_again(void *arg, const struct detect_kept *kept)
{
    struct score_first_model model;
    score_first_model_init(&model, FIRST_OPERATIONS, FIRST_SEED);
    detect_states_put(&model, kept, arg);
    return TM_OK;
}

/* Writes a file again with another first number, whole as if that version had written it. */
static void turn_version(const char *path, uint32_t version)
{
    struct score_first_model model;
    struct bytes file = read_file(path), again = {0};
    score_first_model_init(&model, FIRST_OPERATIONS, FIRST_SEED);
    detect_states_begin(MINUTE_MS, &again);
    memcpy(again.data + 8, &version, sizeof version);
    assert_int_equal(detect_states_take(&model, MINUTE_MS, bytes_view(&file), write_again, &again), TM_OK);
    detect_states_end(&again);
    write_file(path, again.data, again.len);
    bytes_fini(&file);
    bytes_fini(&again);
}

static void states_of_another_version_are_dropped_with_a_word(void **state)
{
    struct rig *rig = *state;
    char path[PATH];
    learn_a_day(rig);
    path_of(rig, find_state(rig), path);
    turn_version(path, FIRST_VERSION); /* as it was */
    crash(rig);
    assert_string_equal(said, "");
    turn_version(path, FIRST_VERSION + 1);
    crash(rig);
    assert_non_null(strstr(said, "of another version or scoring.interval"));
    assert_int_equal(figures_of(rig).lost_states, 1);
    expect_as_steady(rig);
}

static void states_of_another_interval_are_dropped_with_a_word(void **state)
{
    struct rig *rig = *state;
    learn_a_day(rig);
    rig->options.step_ms = 2 * MINUTE_MS;
    crash(rig);
    assert_non_null(strstr(said, "of another version or scoring.interval"));
    assert_int_equal(figures_of(rig).lost_states, DETECT_SHARDS);
}

/* As in a backup: the states were kept after the moment that the store is of. */
static void states_ahead_of_what_was_told_are_learned_anew(void **state)
{
    struct rig *rig = *state, *behind = open_rig();
    char aside[PATH];
    learn_a_day(rig);
    run(behind);
    send_gauges(behind, 0, 20 * HOUR, 3, -1, 60);
    run(behind);
    detect_engine_free(behind->engine);
    (void)snprintf(aside, sizeof aside, "%s/aside", behind->f->dir);
    assert_int_equal(rename(behind->dir, aside), 0);
    assert_int_equal(rename(rig->dir, behind->dir), 0);
    fixture_reopen(behind->f);
    open_engine(behind);
    send_gauges(behind, 20 * HOUR, 24 * HOUR, 3, -1, 60);
    run(behind);
    expect_as_steady(behind);
    close_rig(behind);
}

/* ---- keeping ---- */

static void a_disk_without_room_leaves_what_was_kept_and_is_said(void **state)
{
    struct rig *rig = *state;
    struct tm_why why = {""};
    char path[PATH], fresh[PATH + 8];
    learn_a_day(rig);
    int shard = find_state(rig);
    path_of(rig, shard, path);
    (void)snprintf(fresh, sizeof fresh, "%s.new", path);
    struct bytes before = read_file(path);
    send_gauges(rig, 24 * HOUR, 25 * HOUR, 3, -1, 60);
    run(rig);
    for (int i = 0; i < shard; i++)
        assert_int_equal(detect_engine_keep(rig->engine, &why), TM_OK);
    assert_int_equal(symlink("/dev/full", fresh), 0);
    assert_int_equal(detect_engine_keep(rig->engine, &why), TM_NO_SPACE);
    assert_non_null(strstr(why.text, "No space left"));
    assert_int_not_equal(access(fresh, F_OK), 0);
    struct bytes after = read_file(path);
    assert_int_equal(after.len, before.len);
    assert_memory_equal(after.data, before.data, after.len);
    bytes_fini(&after);
    keep_all(rig); /* and when there is room, all are kept */
    after = read_file(path);
    assert_int_equal(after.len, before.len);
    assert_memory_not_equal(after.data, before.data, after.len);
    bytes_fini(&after);
    bytes_fini(&before);
    crash(rig);
    assert_int_equal(figures_of(rig).lost_states, 0);
}

int main(void)
{
#define PROMISE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        PROMISE(a_damaged_part_of_the_states_is_learned_anew),
        PROMISE(a_torn_part_is_learned_anew_and_said),
        PROMISE(half_a_part_that_was_being_written_is_not_looked_at),
        PROMISE(states_of_another_version_are_dropped_with_a_word),
        PROMISE(states_of_another_interval_are_dropped_with_a_word),
        PROMISE(states_ahead_of_what_was_told_are_learned_anew),
        PROMISE(a_disk_without_room_leaves_what_was_kept_and_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
