/* Death at every named point of writing, sealing, rewriting and dropping: a child is ended there, the parent
 * opens the folder and compares with what may be. */
#include "test_partition_fixture.h"

#include <dirent.h>

enum { SERIES = 60, MAX_POINTS = 200 };

/* Ends the process when the point has been passed so often. */
struct killer {
    int countdown;
    FILE *names; /* of a run to its end */
};

static void count_down(void *arg, const char *name)
{
    struct killer *k = arg;
    if (k->names)
        (void)fprintf(k->names, "%s\n", name);
    if (--k->countdown == 0)
        _exit(99);
}

typedef enum tm_err action_fn(struct partitions *set);
typedef void judge_fn(struct scratch *s, bool is_done);
typedef void look_fn(struct scratch *s);

struct scenario {
    action_fn *prepare;
    action_fn *act;
    judge_fn *judge;
    unsigned txn_count; /* 0: 25, which wastes pages */
    look_fn *look;      /* of a reader, before any writer comes back; or NULL */
};

static enum tm_err write_five(struct partitions *set)
{
    enum tm_err err = TM_OK;
    for (uint32_t f = 1; !err && f <= 5; f++)
        err = write_window(set, TEST_DAY, f, SERIES, 300, NULL);
    return err;
}

static enum tm_err write_and_seal(struct partitions *set)
{
    enum tm_err err = write_five(set);
    return err ? err : partition_seal(set, PARTITION_RAW, TEST_DAY, NULL);
}

static enum tm_err write_seal_late(struct partitions *set)
{
    enum tm_err err = write_and_seal(set);
    return err ? err : write_window(set, TEST_DAY, 6, SERIES, 300, NULL);
}

/* Few pages are free beside so many. */
static enum tm_err write_much(struct partitions *set)
{
    return write_window(set, TEST_DAY, 1, 2000, 700, NULL);
}

/* Leaves much garbage behind, so that the seal copies. */
static enum tm_err write_wastefully(struct partitions *set)
{
    struct partition_writer *w;
    enum tm_err err = write_five(set);
    if (!err)
        err = partition_writer_open(set, PARTITION_RAW, TEST_DAY, &w, NULL);
    for (uint32_t i = 0; !err && i < 3000; i++) {
        struct chunk c = chunk_of(i, 0, 7, 300);
        err = partition_writer_put(w, i, 0, chunk_str(&c), &c.extent, NULL);
    }
    if (!err)
        partition_writer_abort(&w);
    return err;
}

static enum tm_err nothing(struct partitions *set)
{
    (void)set;
    return TM_OK;
}

static enum tm_err seal(struct partitions *set)
{
    return partition_seal(set, PARTITION_RAW, TEST_DAY, NULL);
}

static enum tm_err rewrite(struct partitions *set)
{
    struct merge_plan plan = {set, TEST_DAY, SERIES, UINT32_MAX, TM_OK};
    return partition_rewrite(set, PARTITION_RAW, TEST_DAY, merge_all, &plan, NULL);
}

static enum tm_err drop(struct partitions *set)
{
    return partition_drop(set, PARTITION_RAW, TEST_DAY, NULL);
}

/* ---- judging ---- */

static void assert_checked(struct scratch *s, struct partition_id id)
{
    struct partition_check_options options = {.chunk = check_value};
    struct partition_check_result result;
    char path[256];
    if (!is_there(s, id, ""))
        return;
    partition_file(s, id, "", path);
    scratch_close(s);
    assert_int_equal(partition_check(path, id, &options, &result, NULL), TM_OK);
    scratch_open(s);
}

static uint64_t count_of(struct scratch *s, struct partition_id id)
{
    struct content found;
    enum tm_err err = read_all(s->set, id, 50, &found);
    assert_true(err == TM_OK || err == TM_NOT_FOUND);
    assert_int_equal(found.wrong, 0);
    return found.chunks;
}

/* A prefix of the windows, each whole. */
static void judge_writing(struct scratch *s, bool is_done)
{
    struct content found;
    enum tm_err err = read_all(s->set, day_id(TEST_DAY, false), 50, &found);
    assert_true(err == TM_OK || err == TM_NOT_FOUND);
    assert_int_equal(found.chunks % SERIES, 0);
    assert_true(!is_done || found.chunks == 5 * SERIES);
    struct content wanted = windows_content(1, (uint32_t)(found.chunks / SERIES), SERIES);
    assert_true(found.sum == wanted.sum && found.wrong == 0);
    /* And it goes on. */
    must_write(s, TEST_DAY, (uint32_t)(found.chunks / SERIES) + 1, SERIES, 300);
    assert_content(s, day_id(TEST_DAY, false),
                   windows_content(1, (uint32_t)(found.chunks / SERIES) + 1, SERIES));
}

/* The same chunks before, during and after; sealing again gets to the end. */
static void judge_sealing(struct scratch *s, bool is_done)
{
    (void)is_done;
    assert_content(s, day_id(TEST_DAY, false), windows_content(1, 5, SERIES));
    assert_int_equal(seal(s->set), TM_OK);
    assert_content(s, day_id(TEST_DAY, false), windows_content(1, 5, SERIES));
    assert_true(is_there(s, day_id(TEST_DAY, false), "/pages"));
    must_write(s, TEST_DAY, 9, SERIES, 300);
    assert_content(s, day_id(TEST_DAY, true), windows_content(9, 1, SERIES));
}

static void judge_sealing_much(struct scratch *s, bool is_done)
{
    char path[256];
    struct stat before, after;
    (void)is_done;
    partition_file(s, day_id(TEST_DAY, false), "/data.mdb", path);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(seal(s->set), TM_OK);
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_ino == after.st_ino);
    assert_content(s, day_id(TEST_DAY, false), windows_content(1, 1, 2000));
}

/* In another process's eyes, with nobody to finish what was begun: settled, and each chunk is there once. */
static void look_at_all(struct scratch *s, uint64_t wanted)
{
    struct partition_view view;
    s->options.read_only = true;
    scratch_open(s);
    assert_int_equal(partitions_view(s->set, PARTITION_RAW, TEST_DAY, &view, NULL), TM_OK);
    assert_false(view.is_changing);
    assert_int_equal(count_of(s, day_id(TEST_DAY, false)) + count_of(s, day_id(TEST_DAY, true)), wanted);
    scratch_close(s);
    s->options.read_only = false;
}

static void look_at_five(struct scratch *s)
{
    look_at_all(s, 5 * SERIES);
}

static void look_at_six(struct scratch *s)
{
    look_at_all(s, 6 * SERIES);
}

/* Main and late as they were, or all of it merged. */
static void judge_rewriting(struct scratch *s, bool is_done)
{
    uint64_t main = count_of(s, day_id(TEST_DAY, false)), late = count_of(s, day_id(TEST_DAY, true));
    assert_true((main == 5 * SERIES && late == SERIES && !is_done) || (main == 6 * SERIES && late == 0));
    assert_int_equal(rewrite(s->set), TM_OK);
    assert_int_equal(count_of(s, day_id(TEST_DAY, false)), 6 * SERIES);
    assert_int_equal(count_of(s, day_id(TEST_DAY, true)), 0);
}

static void judge_dropping(struct scratch *s, bool is_done)
{
    uint64_t main = count_of(s, day_id(TEST_DAY, false)), late = count_of(s, day_id(TEST_DAY, true));
    assert_true((main == 5 * SERIES && late == SERIES && !is_done) || (main == 0 && late == 0));
    enum tm_err err = drop(s->set);
    assert_true(err == TM_OK || err == TM_NOT_FOUND);
    assert_false(is_there(s, day_id(TEST_DAY, false), "") || is_there(s, day_id(TEST_DAY, true), ""));
}

/* Nothing but partitions in the folder. */
static void assert_no_leftovers(struct scratch *s)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/raw", s->dir);
    DIR *folder = opendir(path);
    const struct dirent *entry;
    assert_non_null(folder);
    while ((entry = readdir(folder)))
        assert_true(entry->d_name[0] == '.' || !strchr(entry->d_name, '.') ||
                    strcmp(strchr(entry->d_name, '.'), ".late") == 0);
    closedir(folder);
}

/* ---- running ---- */

/* In a child, so that no environment is open in this process. Exits 99 if killed, 0 if it came to its end. */
static int run_child(struct scratch *s, const struct scenario *scenario, int countdown)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        static struct killer killer;
        enum tm_err err;
        scratch_open(s);
        err = scenario->prepare(s->set);
        scratch_close(s);
        killer = (struct killer){.countdown = countdown};
        s->options.fault_point = count_down;
        s->options.fault_arg = &killer;
        scratch_open(s);
        if (!err)
            err = scenario->act(s->set);
        scratch_close(s);
        _exit(err ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Dies again, at another point, while the folder is mended. */
static void run_recovery_child(struct scratch *s, int countdown)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        static struct killer killer;
        killer = (struct killer){.countdown = countdown};
        s->options.fault_point = count_down;
        s->options.fault_arg = &killer;
        scratch_open(s);
        scratch_close(s);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
}

static void run_scenario(const struct scenario *scenario)
{
    bool is_done = false;
    int point = 1;
    for (; !is_done && point < MAX_POINTS; point++) {
        for (int again = 0; again < 2; again++) {
            struct scratch s;
            scratch_make(&s, "/dev/shm");
            s.options.txn_count = scenario->txn_count ? scenario->txn_count : 25;
            int code = run_child(&s, scenario, point);
            assert_true(code == 0 || code == 99);
            is_done = code == 0;
            if (scenario->look)
                scenario->look(&s);
            if (again > 0)
                run_recovery_child(&s, 1 + point % 3);
            scratch_open(&s);
            assert_no_leftovers(&s);
            assert_checked(&s, day_id(TEST_DAY, false));
            assert_checked(&s, day_id(TEST_DAY, true));
            scenario->judge(&s, is_done);
            assert_no_leftovers(&s);
            assert_int_equal(s.error_lines, 0);
            scratch_remove(&s);
        }
    }
    print_message("%d points\n", point - 2);
    assert_in_range(point, 4, MAX_POINTS - 1);
}

static void death_while_writing_leaves_whole_windows(void **state)
{
    (void)state;
    run_scenario(&(struct scenario){nothing, write_five, judge_writing, 0, NULL});
}

static void death_while_sealing_in_place_loses_nothing(void **state)
{
    (void)state;
    run_scenario(&(struct scenario){write_much, seal, judge_sealing_much, 8000, NULL});
}

static void death_while_sealing_by_copy_loses_nothing(void **state)
{
    (void)state;
    run_scenario(&(struct scenario){write_wastefully, seal, judge_sealing, 0, look_at_five});
}

static void death_while_rewriting_leaves_the_old_or_the_new(void **state)
{
    (void)state;
    run_scenario(&(struct scenario){write_seal_late, rewrite, judge_rewriting, 0, look_at_six});
}

static void death_while_dropping_leaves_all_or_nothing(void **state)
{
    (void)state;
    run_scenario(&(struct scenario){write_seal_late, drop, judge_dropping, 0, NULL});
}

/* ---- a random walk against a model, killed now and then ---- */

static void step_of_walk(struct scratch *s, unsigned choice, uint32_t *total)
{
    struct merge_plan plan = {s->set, TEST_DAY, SERIES, UINT32_MAX, TM_OK};
    if (choice < 70) {
        must_write(s, TEST_DAY, *total + 1, SERIES, 60 + 13 * (choice % 20));
        ++*total;
    } else if (choice < 80) {
        enum tm_err err = partition_seal(s->set, PARTITION_RAW, TEST_DAY, NULL);
        assert_true(err == TM_OK || (*total == 0 && err == TM_NOT_FOUND));
    } else if (choice < 88) {
        enum tm_err err = partition_rewrite(s->set, PARTITION_RAW, TEST_DAY, merge_all, &plan, NULL);
        assert_true(err == TM_OK || (*total == 0 && err == TM_NOT_FOUND));
    } else if (choice < 91) {
        enum tm_err err = partition_drop(s->set, PARTITION_RAW, TEST_DAY, NULL);
        assert_true(err == TM_OK || (*total == 0 && err == TM_NOT_FOUND));
        *total = 0;
    } else {
        scratch_close(s);
        scratch_open(s);
    }
}

static void a_random_walk_agrees_with_a_model(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 6; seed++) {
        struct scratch s;
        uint32_t total = 0;
        unsigned random = seed;
        scratch_make(&s, "/dev/shm");
        s.options.txn_count = 25;
        s.options.map_bytes = 1 << 19;
        scratch_open(&s);
        for (int i = 0; i < 80; i++) {
            step_of_walk(&s, (unsigned)rand_r(&random) % 100, &total);
            uint64_t chunks = count_of(&s, day_id(TEST_DAY, false)) + count_of(&s, day_id(TEST_DAY, true));
            assert_int_equal(chunks, (uint64_t)total * SERIES);
        }
        scratch_close(&s);
        scratch_open(&s);
        assert_checked(&s, day_id(TEST_DAY, false));
        assert_int_equal(s.error_lines, 0);
        scratch_remove(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(death_while_writing_leaves_whole_windows),
        cmocka_unit_test(death_while_sealing_in_place_loses_nothing),
        cmocka_unit_test(death_while_sealing_by_copy_loses_nothing),
        cmocka_unit_test(death_while_rewriting_leaves_the_old_or_the_new),
        cmocka_unit_test(death_while_dropping_leaves_all_or_nothing),
        cmocka_unit_test(a_random_walk_agrees_with_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
