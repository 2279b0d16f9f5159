/* Dropping a day that is so big that giving its room back takes time. */
#include "test_partition_fixture.h"

static int set_up(void **state)
{
    struct scratch *s = test_malloc(sizeof *s);
    scratch_make(s, "/tmp");
    scratch_open(s);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    scratch_remove(*state);
    test_free(*state);
    return 0;
}

static void reopen(struct scratch *s)
{
    scratch_close(s);
    scratch_open(s);
}

enum { BIG_SERIES = 20000, BIG_BYTES = 3900, BIG_PIECES = 3 }; /* a file of 82 MB */

/* Whether this process still has a file open that has no name any more. */
static int count_nameless(void)
{
    char path[64], target[512];
    int found = 0;
    for (int fd = 3; fd < 64; fd++) {
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t len = readlink(path, target, sizeof target - 1);
        if (len <= 0)
            continue;
        target[len] = '\0';
        found += strstr(target, "data.mdb (deleted)") != NULL;
    }
    return found;
}

static void write_big(struct scratch *s)
{
    must_write(s, TEST_DAY, 1, BIG_SERIES, BIG_BYTES);
    assert_int_equal(partition_seal(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
}

static void a_big_day_is_gone_at_once_and_its_room_comes_back_in_pieces(void **state)
{
    struct scratch *s = *state;
    write_big(s);
    struct partition_step step;
    assert_int_equal(partition_drop(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
    assert_int_equal(partition_step_begin(s->set, day_id(TEST_DAY, false), &step, NULL), TM_NOT_FOUND);
    assert_false(is_there(s, day_id(TEST_DAY, false), ""));
    assert_false(is_there(s, day_id(TEST_DAY, false), ".dropped"));
    assert_int_equal(count_nameless(), 1);
    must_write(s, TEST_DAY, 5, 7, 100); /* the name is free */
    int pieces = 1;
    while (partitions_sweep(s->set))
        pieces++;
    assert_int_equal(pieces, BIG_PIECES);
    assert_int_equal(count_nameless(), 0);
    assert_false(partitions_sweep(s->set));
    assert_content(s, day_id(TEST_DAY, false), windows_content(5, 1, 7));
}

static void closing_gives_back_what_was_not_swept(void **state)
{
    struct scratch *s = *state;
    write_big(s);
    assert_int_equal(partition_drop(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
    assert_int_equal(count_nameless(), 1);
    reopen(s);
    assert_int_equal(count_nameless(), 0);
    assert_false(partitions_sweep(s->set));
}

/* The one that reads in another process has it mapped: cutting the file would kill it. */
static void a_big_day_that_another_process_reads_stays_whole_for_it(void **state)
{
    struct scratch *s = *state;
    int to_child[2], from_child[2], status;
    char byte;
    write_big(s);
    assert_int_equal(pipe(to_child) | pipe(from_child), 0);
    scratch_close(s);
    pid_t child = fork();
    if (child == 0) {
        struct partition_step step;
        struct partition_scan scan = {0};
        struct partition_item item;
        uint32_t sound = 0;
        s->options.read_only = true;
        scratch_open(s);
        bool is_open = partition_step_begin(s->set, day_id(TEST_DAY, false), &step, NULL) == TM_OK;
        if (!is_open || write(from_child[1], "x", 1) != 1 || read(to_child[0], &byte, 1) != 1)
            _exit(1);
        while (partition_scan_next(&step, &scan, &item, NULL) == TM_OK)
            sound += is_sound(&item, NULL);
        _exit(sound == BIG_SERIES ? 0 : 2);
    }
    assert_int_equal(read(from_child[0], &byte, 1), 1);
    scratch_open(s);
    assert_int_equal(partition_drop(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
    assert_int_equal(count_nameless(), 0);
    assert_false(partitions_sweep(s->set));
    assert_int_equal(write(to_child[1], "x", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(to_child[0]), close(to_child[1]), close(from_child[0]), close(from_child[1]);
}

/* As a backup does. */
static void a_big_day_with_another_name_stays_whole_under_it(void **state)
{
    struct scratch *s = *state;
    char file[256], other[256];
    struct stat before, after;
    write_big(s);
    partition_file(s, day_id(TEST_DAY, false), "/data.mdb", file);
    (void)snprintf(other, sizeof other, "%s/kept", s->root);
    assert_int_equal(link(file, other), 0);
    assert_int_equal(stat(other, &before), 0);
    assert_int_equal(partition_drop(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
    assert_int_equal(count_nameless(), 0);
    assert_false(partitions_sweep(s->set));
    assert_int_equal(stat(other, &after), 0);
    assert_int_equal(after.st_size, before.st_size);
    assert_int_equal(after.st_blocks, before.st_blocks);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_big_day_is_gone_at_once_and_its_room_comes_back_in_pieces),
        TEST(closing_gives_back_what_was_not_swept),
        TEST(a_big_day_that_another_process_reads_stays_whole_for_it),
        TEST(a_big_day_with_another_name_stays_whole_under_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
