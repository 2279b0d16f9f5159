/* A log by its name: which files of its folder are its own, and which are copies of those that are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "server/cli/ship/ship_log.h"
#include "tests/unit/nomem.h"

struct fixture {
    char folder[64];
    char path[PATH_MAX];
    struct ship_state state;
    struct ship_log log;
    struct tm_why why;
};

static void path_of(const struct fixture *f, const char *ending, char out[PATH_MAX])
{
    assert_true(snprintf(out, PATH_MAX, "%s/access.log%s", f->folder, ending) < PATH_MAX);
}

static void write_file(const struct fixture *f, const char *ending, const char *text)
{
    char path[PATH_MAX];
    path_of(f, ending, path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void move(const struct fixture *f, const char *from, const char *to)
{
    char old[PATH_MAX], new[PATH_MAX];
    path_of(f, from, old);
    path_of(f, to, new);
    assert_int_equal(rename(old, new), 0);
}

static void pack(const struct fixture *f, const char *ending, const char *text)
{
    char plain[PATH_MAX], packed[PATH_MAX];
    path_of(f, ending, plain);
    assert_true(snprintf(packed, sizeof packed, "%.4000s.gz", plain) > 0);
    gzFile file = gzopen(packed, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, text, (unsigned)strlen(text)), strlen(text));
    assert_int_equal(gzclose(file), Z_OK);
    assert_int_equal(unlink(plain), 0);
}

static void look(struct fixture *f)
{
    assert_int_equal(ship_log_look(&f->log, &f->why), TM_OK);
}

/* Takes all lines of all files, and counts them. */
static size_t take_all(struct fixture *f)
{
    size_t lines = 0;
    for (size_t i = 0; i < f->log.file_count; i++) {
        struct ship_file *file = &f->log.files[i];
        enum ship_read read = SHIP_READ_SOME;
        struct str line;
        while (file->fd >= 0 && read == SHIP_READ_SOME) {
            assert_int_equal(ship_file_fill(file, &read, &f->why), TM_OK);
            for (; ship_file_line(file, 1000, false, &line); lines++)
                ship_file_take(file, line);
        }
    }
    return lines;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    if (!f)
        return -1;
    (void)snprintf(f->folder, sizeof f->folder, "/tmp/ship_log.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    path_of(f, "", f->path);
    assert_int_equal(ship_log_init(&f->log, f->path, &f->state, &f->why), TM_OK);
    look(f);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const endings[] = {"", ".1", ".1.gz", ".2", ".2.gz"};
    struct fixture *f = *state;
    ship_log_fini(&f->log);
    ship_state_fini(&f->state);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char path[PATH_MAX];
        path_of(f, endings[i], path);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(f->folder), 0);
    free(f);
    return 0;
}

static void a_file_packed_before_anything_of_it_was_taken_is_one(void **state)
{
    struct fixture *f = *state;
    write_file(f, "", "one\ntwo\n");
    look(f);
    move(f, "", ".1");
    pack(f, ".1", "one\ntwo\n");
    write_file(f, "", "three\n");
    look(f);
    assert_int_equal(f->log.file_count, 2);
    assert_int_equal(take_all(f), 3);
}

static void a_copy_is_taken_once_what_it_was_made_of_is_cut(void **state)
{
    struct fixture *f = *state;
    write_file(f, "", "one\ntwo\n");
    look(f);
    write_file(f, ".1", "one\ntwo\n");
    f->log.is_search_due = true;
    look(f);
    assert_int_equal(f->log.file_count, 1);
    assert_true(f->log.is_search_due);
    write_file(f, "", "three\n"); /* cut, and written again */
    look(f);
    assert_int_equal(f->log.file_count, 2);
    assert_int_equal(take_all(f), 3);
}

static void a_file_that_nobody_saw_under_its_name_is_found(void **state)
{
    struct fixture *f = *state;
    write_file(f, "", "one\ntwo\n");
    look(f);
    move(f, "", ".2");
    write_file(f, ".1", "three\n");
    write_file(f, "", "four\n");
    look(f);
    assert_int_equal(f->log.file_count, 3);
    assert_int_equal(take_all(f), 4);
}

static void a_copy_in_the_making_is_not_a_file_of_its_own(void **state)
{
    struct fixture *f = *state;
    write_file(f, "", "one\ntwo\n");
    look(f);
    assert_int_equal(take_all(f), 2);
    static const char *const so_far[] = {"", "one\n", "one\ntwo\n"};
    for (size_t i = 0; i < 3; i++) {
        write_file(f, ".1", so_far[i]);
        f->log.is_search_due = true;
        look(f);
        assert_int_equal(f->log.file_count, 1);
    }
}

/* Copied and cut, and then renamed at once: what was written in between has no name that anybody knows. */
static void what_stands_in_a_file_that_was_cut_and_renamed_is_taken(void **state)
{
    struct fixture *f = *state;
    enum ship_read read;
    write_file(f, "", "one\ntwo\n");
    look(f);
    assert_int_equal(take_all(f), 2);
    write_file(f, ".2", "one\ntwo\nthree\n"); /* the copy */
    write_file(f, "", "four\n");
    move(f, "", ".1");
    write_file(f, "", "five\n");
    look(f);
    assert_int_equal(ship_file_fill(&f->log.files[0], &read, &f->why), TM_OK);
    assert_int_equal(read, SHIP_READ_CUT);
    ship_log_cut(&f->log, 0);
    f->log.watermark_ns = INT64_MAX; /* something newer was finished meanwhile */
    look(f);
    assert_int_equal(take_all(f), 3);
}

/* An inode is given again soon after a file is gone. */
static void a_file_of_which_nothing_is_read_is_known_by_when_it_was_made(void **state)
{
    struct fixture *f = *state;
    struct ship_stat info;
    write_file(f, "", "");
    look(f);
    move(f, "", ".1");
    assert_int_equal(ship_log_note(&f->log, &f->state, &f->why), TM_OK);
    for (int born_differs = 0; born_differs < 2; born_differs++) {
        struct ship_log again = {0};
        f->state.logs[0].files[0].id.born_ns += born_differs;
        f->state.logs[0].watermark_ns = INT64_MAX;
        assert_int_equal(ship_log_init(&again, f->path, &f->state, &f->why), TM_OK);
        assert_int_equal(ship_log_look(&again, &f->why), TM_OK);
        char path[PATH_MAX];
        path_of(f, ".1", path);
        assert_int_equal(ship_stat(-1, path, &info), TM_OK);
        if (info.id.born_ns != 0)
            assert_int_equal(again.files[0].fd >= 0, !born_differs);
        ship_log_fini(&again);
    }
    ship_state_fini(&f->state);
}

/* ---- files that begin alike ---- */

/* Lines as many programs write them at their start, time and all. */
static void append_lines(const struct fixture *f, int count)
{
    FILE *file = fopen(f->path, "a");
    assert_non_null(file);
    for (int i = 0; i < count; i++)
        assert_true(fprintf(file, "%s GET /page/%d\n",
                            "the same client at the same second with the same agent", i) > 0);
    assert_int_equal(fclose(file), 0);
    usleep(10000); /* a step of the file system's clock: files differ by when they were made */
}

/* Killed: what is known is what was noted last. */
static void start_again(struct fixture *f)
{
    ship_log_fini(&f->log);
    assert_int_equal(ship_log_init(&f->log, f->path, &f->state, &f->why), TM_OK);
    look(f);
}

static size_t note(struct fixture *f, size_t lines)
{
    assert_int_equal(ship_log_note(&f->log, &f->state, &f->why), TM_OK);
    return lines;
}

enum kill_point { BEFORE_LOOK, LOOKED, NOTED_WITHOUT_LINES, TAKEN, NOTED, NOTED_HALF, KILL_POINTS };

/* Renamed; killed at the point; renamed again while nobody looks. */
static void rename_and_kill_at(struct fixture *f, enum kill_point point)
{
    append_lines(f, 200);
    look(f);
    size_t counted = note(f, take_all(f));
    size_t taken = counted;
    move(f, "", ".1");
    append_lines(f, 50);
    if (point >= LOOKED)
        look(f);
    if (point == NOTED_WITHOUT_LINES)
        counted = note(f, taken);
    if (point >= TAKEN)
        taken += take_all(f);
    if (point >= NOTED)
        counted = note(f, taken);
    if (point == NOTED_HALF) {
        append_lines(f, 10);
        (void)take_all(f); /* and never noted */
    }
    ship_log_fini(&f->log);
    append_lines(f, 30);
    move(f, "", ".2");
    append_lines(f, 4);
    start_again(f);
    for (int i = 0; i < 3; i++, look(f))
        counted += take_all(f);
    assert_int_equal(counted, 200 + 50 + 30 + 4 + (point == NOTED_HALF ? 10 : 0));
}

static void a_kill_at_any_point_of_a_rename_loses_no_file_that_begins_as_another(void **state)
{
    (void)state;
    for (int point = 0; point < KILL_POINTS; point++) {
        void *fixture;
        assert_int_equal(set_up(&fixture), 0);
        rename_and_kill_at(fixture, (enum kill_point)point);
        assert_int_equal(tear_down(&fixture), 0);
    }
}

/* ---- the list's bounds ---- */

static void finish_rotated(struct fixture *f)
{
    for (size_t i = 0; i < f->log.file_count; i++)
        if (f->log.files[i].fd >= 0 && f->log.files[i].is_rotated)
            ship_log_finish(&f->log, i);
}

/* The newer one was found first, and is done. */
static void a_file_older_than_one_that_is_done_is_found(void **state)
{
    struct fixture *f = *state;
    char path[PATH_MAX];
    static const struct timespec long_ago[] = {{1000000000, 0}, {1000000000, 0}};
    write_file(f, "", "one\n");
    look(f);
    move(f, "", ".1");
    write_file(f, "", "two\n");
    look(f);
    assert_int_equal(take_all(f), 2);
    finish_rotated(f);
    write_file(f, ".2", "between\n");
    path_of(f, ".2", path);
    assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
    look(f);
    assert_int_equal(take_all(f), 1);
}

static void lines_written_into_a_file_that_is_done_are_taken(void **state)
{
    struct fixture *f = *state;
    write_file(f, "", "one\n");
    look(f);
    move(f, "", ".1");
    write_file(f, "", "two\n");
    look(f);
    assert_int_equal(take_all(f), 2);
    finish_rotated(f);
    write_file(f, ".1", "one\nlate\n");
    look(f);
    assert_int_equal(take_all(f), 1);
    finish_rotated(f);
    pack(f, ".1", "one\nlate\nlater\n");
    look(f);
    assert_int_equal(take_all(f), 1);
    finish_rotated(f);
    look(f);
    assert_int_equal(take_all(f), 0);
}

static void rotate_unseen(const struct fixture *f, int count)
{
    char ending[16], text[32];
    for (int i = 0; i < count; i++) {
        (void)snprintf(text, sizeof text, "line %d of the log\n", i);
        write_file(f, "", text);
        (void)snprintf(ending, sizeof ending, ".%d", 1000 + i);
        usleep(5000); /* each has a time of its own */
        move(f, "", ending);
    }
}

/* As many, without being the log first. */
static void write_rotated(const struct fixture *f, int count, int round)
{
    char ending[16], text[48];
    for (int i = 0; i < count; i++) {
        (void)snprintf(ending, sizeof ending, ".%d", 1000 + i);
        (void)snprintf(text, sizeof text, "line %d of round %d\n", i, round);
        write_file(f, ending, text);
    }
}

static void remove_rotated(const struct fixture *f, int count)
{
    char ending[16], path[PATH_MAX];
    for (int i = 0; i < count; i++) {
        (void)snprintf(ending, sizeof ending, ".%d", 1000 + i);
        path_of(f, ending, path);
        assert_int_equal(unlink(path), 0);
    }
}

/* More rotations than the list has room for: those that are forgotten don't come again, and the last one is
 * still waited for. */
static void a_full_list_forgets_what_is_done_for_good(void **state)
{
    struct fixture *f = *state;
    char ending[16], text[32];
    enum { ROTATIONS = SHIP_KEPT_MAX + 8 };
    size_t taken = 0;
    for (int i = 0; i < ROTATIONS; i++) {
        (void)snprintf(text, sizeof text, "line %d of the log\n", i);
        write_file(f, "", text);
        look(f);
        taken += take_all(f);
        (void)snprintf(ending, sizeof ending, ".%d", 1000 + i);
        if (i + 1 < ROTATIONS)
            finish_rotated(f);
        usleep(5000); /* each has a time of its own */
        move(f, "", ending);
    }
    write_file(f, "", "the last one\n");
    look(f);
    taken += take_all(f);
    assert_int_equal(taken, ROTATIONS + 1);
    assert_int_equal(f->log.file_count, SHIP_KEPT_MAX);
    assert_true(f->log.files[SHIP_KEPT_MAX - 2].is_rotated);
    assert_false(ship_log_is_over(&f->log, SHIP_KEPT_MAX - 2));
    assert_int_equal(note(f, 0), 0);
    start_again(f);
    look(f);
    assert_int_equal(take_all(f), 0);
    remove_rotated(f, ROTATIONS);
}

/* Looks and takes until nothing is left; how many lines there were. */
static size_t follow(struct fixture *f, size_t turns)
{
    size_t taken = 0;
    for (size_t i = 0; i < turns; i++) { /* one makes room for the next */
        look(f);
        taken += take_all(f);
        for (size_t j = 0; j < f->log.file_count; j++)
            if (ship_log_is_over(&f->log, j))
                ship_log_finish(&f->log, j);
    }
    return taken;
}

static void more_rotations_than_the_list_keeps_are_found_all_the_same(void **state)
{
    struct fixture *f = *state;
    enum { ROTATIONS = 2 * SHIP_KEPT_MAX + 8 };
    rotate_unseen(f, ROTATIONS);
    write_file(f, "", "the last one\n");
    assert_int_equal(follow(f, ROTATIONS), ROTATIONS + 1);
    remove_rotated(f, ROTATIONS);
}

/* The newest file is rotated away, read and done long before the oldest ones find room. */
static void what_was_not_looked_at_yet_is_not_forgotten_for_a_newer_file(void **state)
{
    struct fixture *f = *state;
    enum { ROTATIONS = 3 * SHIP_KEPT_MAX };
    rotate_unseen(f, ROTATIONS);
    write_file(f, "", "the last but one\n");
    look(f);
    size_t taken = take_all(f);
    move(f, "", ".1");
    write_file(f, "", "the last one\n");
    look(f);
    taken += take_all(f);
    for (size_t i = 0; i < f->log.file_count; i++)
        if (f->log.files[i].is_rotated)
            ship_log_finish(&f->log, i);
    taken = note(f, taken);
    start_again(f);
    taken += follow(f, ROTATIONS);
    assert_int_equal(taken, ROTATIONS + 2);
    assert_int_equal(note(f, 0), 0);
    start_again(f);
    assert_int_equal(follow(f, 3), 0);
    remove_rotated(f, ROTATIONS);
}

/* Files come and go while an old one has to wait, since it seems to be a copy of the one that has the name.
 */
static void an_old_file_is_taken_at_last_however_many_came_and_went(void **state)
{
    struct fixture *f = *state;
    enum { ROUNDS = 3, ROTATIONS = 2 * SHIP_FILES_MAX / 5 };
    write_file(f, "", "one\n");
    assert_int_equal(follow(f, 1), 1);
    usleep(10000); /* no copy is made before what it is made of */
    write_file(f, ".1", "one\n");
    for (int round = 0; round < ROUNDS; round++) {
        size_t taken = 0;
        usleep(10000);
        write_rotated(f, ROTATIONS, round);
        for (int i = 0; i < ROTATIONS && taken < ROTATIONS; i++) {
            look(f);
            taken += take_all(f);
            finish_rotated(f);
        }
        assert_int_equal(taken, ROTATIONS);
        remove_rotated(f, ROTATIONS);
    }
    assert_int_equal(f->log.file_count, SHIP_FILES_MAX);
    move(f, "", ".2"); /* nobody can cut it now, so the other is none of its copies */
    write_file(f, "", "two\n");
    assert_int_equal(follow(f, 3), 2);
    assert_in_range(f->log.file_count, 1, SHIP_KEPT_MAX + 2);
}

#if !CAN_FAIL
static long countdown;
static long failed;
#endif

/* Renamed, packed and unseen files; each allocation fails once. */
static void a_look_without_memory_fails_and_the_next_one_finds_everything(void **state)
{
    struct fixture *f = *state;
    bool is_whole = false;
    long n = 0;
    write_file(f, "", "one\n");
    look(f);
    assert_int_equal(take_all(f), 1);
    assert_int_equal(note(f, 0), 0);
    write_file(f, "", "one\nmore\n");
    move(f, "", ".2");
    pack(f, ".2", "one\nmore\n");
    write_file(f, ".1", "two\n");
    write_file(f, "", "three\n");
    for (; !is_whole; n++) {
        ship_log_fini(&f->log);
        assert_int_equal(ship_log_init(&f->log, f->path, &f->state, &f->why), TM_OK);
        failed = 0;
        countdown = n;
        enum tm_err err = ship_log_look(&f->log, &f->why);
        is_whole = failed == 0;
        countdown = -1;
        assert_true(is_whole ? err == TM_OK : err == TM_NOMEM || err == TM_IO);
    }
    assert_true(!CAN_FAIL || n > 5);
    assert_int_equal(take_all(f), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_packed_before_anything_of_it_was_taken_is_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_copy_is_taken_once_what_it_was_made_of_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_nobody_saw_under_its_name_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_copy_in_the_making_is_not_a_file_of_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_stands_in_a_file_that_was_cut_and_renamed_is_taken, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_of_which_nothing_is_read_is_known_by_when_it_was_made, set_up,
                                        tear_down),
        cmocka_unit_test(a_kill_at_any_point_of_a_rename_loses_no_file_that_begins_as_another),
        cmocka_unit_test_setup_teardown(a_file_older_than_one_that_is_done_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_written_into_a_file_that_is_done_are_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_list_forgets_what_is_done_for_good, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_rotations_than_the_list_keeps_are_found_all_the_same, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_was_not_looked_at_yet_is_not_forgotten_for_a_newer_file, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_old_file_is_taken_at_last_however_many_came_and_went, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_look_without_memory_fails_and_the_next_one_finds_everything, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
