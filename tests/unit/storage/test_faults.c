/* What the store does when the disk does not: failing writes and syncs, a full disk, damage, kills. */
#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/unit/storage/fixture.h"

static off_t record_at(const struct fixture *f, uint64_t segment, int nth)
{
    char path[512];
    uint8_t *data;
    size_t len;
    (void)snprintf(path, sizeof path, "%s/journal", f->dir);
    int folder = open(path, O_RDONLY | O_DIRECTORY);
    assert_int_equal(segment_read(folder, segment, 0, &data, &len), TM_OK);
    close(folder);
    struct segment_reader reader;
    struct record record;
    struct segment_hole hole;
    segment_reader_init(&reader, data, len, segment);
    size_t at = reader.at;
    for (int i = 0; i <= nth; i++) {
        at = reader.at;
        assert_int_equal(segment_next(&reader, &record, &hole), SEGMENT_RECORD);
    }
    free(data);
    return (off_t)at;
}

/* ---- damage ---- */

static void a_torn_tail_is_cut(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(send_one(f->store, "cpu", i, i), TM_OK);
    fixture_close(f);
    uint64_t segment = newest_segment(f);
    char path[512];
    segment_path(f, segment, path, sizeof path);
    assert_int_equal(truncate(path, record_at(f, segment, 2) + 40), 0);
    fixture_open(f);
    assert_int_equal(count_of(f->store, "cpu"), 2);
    assert_int_equal(stats_of(f->store).torn_tails, 1);
    assert_int_equal(stats_of(f->store).damaged_records, 0);
    assert_non_null(strstr(f->log, "journal.torn: "));
    assert_null(strstr(f->log, "journal.damaged: "));
    /* The next life goes on behind it and never speaks of it again. */
    assert_int_equal(send_one(f->store, "cpu", 10, 10), TM_OK);
    fixture_reopen(f);
    assert_int_equal(count_of(f->store, "cpu"), 3);
    assert_int_equal(stats_of(f->store).torn_tails, 0);
    assert_int_equal(stats_of(f->store).damaged_records, 0);
}

static void a_flipped_byte_costs_one_record(void **state)
{
    struct fixture *f = *state;
    char name[16];
    for (int i = 0; i < 10; i++) {
        (void)snprintf(name, sizeof name, "s%d", i % 2);
        assert_int_equal(send_one(f->store, name, i, i), TM_OK);
    }
    fixture_close(f);
    flip_bit(f, newest_segment(f), record_at(f, newest_segment(f), 4) + 37);
    fixture_open(f);
    assert_int_equal(count_of(f->store, "s0"), 4);
    assert_int_equal(count_of(f->store, "s1"), 5);
    assert_int_equal(stats_of(f->store).damaged_records, 1);
    assert_non_null(strstr(f->log, "journal.damaged: journal segment 0000000000000001: "));
    assert_non_null(strstr(f->log, "1 record lost"));
}

static void a_damaged_first_definition_costs_one_record(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(send_one(f->store, "cpu", i, i), TM_OK);
    fixture_close(f);
    flip_bit(f, newest_segment(f), record_at(f, newest_segment(f), 0) + 40);
    fixture_open(f);
    assert_int_equal(count_of(f->store, "cpu"), 4);
    assert_true(last_of(f->store, "cpu") == 4);
    assert_int_equal(stats_of(f->store).damaged_records, 1);
}

static void a_series_without_definition_is_reported_and_never_mistaken(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(send_one(f->store, "lost", i, i), TM_OK);
    assert_int_equal(send_one(f->store, "kept", 5, 5), TM_OK);
    assert_int_equal(send_one(f->store, "kept", 6, 6), TM_OK);
    fixture_close(f);
    /* Both records that define it. */
    uint64_t segment = newest_segment(f);
    off_t first = record_at(f, segment, 0);
    off_t second = record_at(f, segment, 1);
    flip_bit(f, segment, first + 40);
    flip_bit(f, segment, second + 40);
    fixture_open(f);
    assert_int_equal(count_of(f->store, "lost"), 0);
    assert_int_equal(count_of(f->store, "kept"), 2);
    assert_int_equal(stats_of(f->store).damaged_records, 4);
    assert_non_null(strstr(f->log, "1 samples or counts of one record are lost with the definition"));
}

static void a_definition_lost_in_one_segment_is_found_in_an_earlier_one(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    f->options.segment_bytes = 600;
    fixture_open(f);
    for (int i = 0; i < 40; i++)
        assert_int_equal(send_one(f->store, "cpu", i, i), TM_OK);
    fixture_close(f);
    uint64_t *numbers;
    size_t count = segments_of(f, &numbers);
    assert_true(count >= 3);
    off_t first = record_at(f, numbers[1], 0);
    off_t second = record_at(f, numbers[1], 1);
    flip_bit(f, numbers[1], first + 40);
    flip_bit(f, numbers[1], second + 40);
    free(numbers);
    fixture_open(f);
    assert_int_equal(stats_of(f->store).damaged_records, 2);
    assert_int_equal(count_of(f->store, "cpu"), 38);
}

static void a_damaged_header_costs_no_record(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(send_one(f->store, "cpu", i, i), TM_OK);
    fixture_close(f);
    flip_bit(f, newest_segment(f), 26);
    fixture_open(f);
    assert_int_equal(count_of(f->store, "cpu"), 5);
    assert_int_equal(stats_of(f->store).damaged_records, 1);
    assert_int_equal(send_one(f->store, "cpu", 9, 9), TM_OK);
    fixture_reopen(f);
    assert_int_equal(count_of(f->store, "cpu"), 6);
}

static void a_missing_segment_is_reported(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    f->options.segment_bytes = 600;
    fixture_open(f);
    for (int i = 0; i < 60; i++)
        assert_int_equal(send_one(f->store, "cpu", i, i), TM_OK);
    fixture_close(f);
    uint64_t *numbers;
    size_t count = segments_of(f, &numbers);
    assert_true(count >= 4);
    char path[512];
    segment_path(f, numbers[1], path, sizeof path);
    assert_int_equal(unlink(path), 0);
    free(numbers);
    fixture_open(f);
    uint64_t lost = stats_of(f->store).damaged_records;
    assert_true(lost > 0);
    assert_int_equal(count_of(f->store, "cpu") + lost, 60);
}

static void a_new_segment_begins_at_every_start(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(newest_segment(f), 1);
    assert_int_equal(send_one(f->store, "cpu", 1, 1), TM_OK);
    fixture_reopen(f);
    assert_int_equal(newest_segment(f), 2);
    off_t first = segment_size(f, 1);
    assert_int_equal(send_one(f->store, "cpu", 2, 2), TM_OK);
    assert_int_equal(segment_size(f, 1), first);
}

static void unused_segments_do_not_pile_up(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_one(f->store, "cpu", 1, 1), TM_OK);
    for (int i = 0; i < 10; i++)
        fixture_reopen(f);
    assert_int_equal(segment_count_of(f), 2);
    assert_int_equal(count_of(f->store, "cpu"), 1);
}

static void a_full_segment_is_followed_by_another(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    f->options.segment_bytes = 600;
    fixture_open(f);
    for (int i = 0; i < 100; i++)
        assert_int_equal(send_one(f->store, "cpu", i, i), TM_OK);
    assert_true(segment_count_of(f) > 5);
    fixture_reopen(f);
    assert_int_equal(count_of(f->store, "cpu"), 100);
    assert_int_equal(stats_of(f->store).damaged_records, 0);
}

/* ---- failing calls ---- */

static void a_failed_sync_is_read_only_until_reopened(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_one(f->store, "old", 1, 1), TM_OK);
    assert_null(store_trouble(f->store));
    faulty_fail(&f->faulty, CALL_SYNC, 1, EIO);
    assert_int_equal(send_one(f->store, "new", 2, 2), TM_READ_ONLY);
    assert_int_equal(count_of(f->store, "new"), 0);
    assert_int_equal(store_series_find(f->store, hash_of("new")), 0);
    assert_non_null(strstr(store_trouble(f->store), "syncing in the journal failed"));
    assert_non_null(strstr(f->log, "journal.sync_failed: "));
    for (int i = 0; i < 5; i++) {
        __atomic_fetch_add(&f->clock.mono_ns, INT64_C(2000000000), __ATOMIC_RELAXED);
        store_poll(f->store);
        assert_int_equal(send_one(f->store, "new", 2, 2), TM_READ_ONLY);
    }
    assert_true(stats_of(f->store).read_only);
    fixture_reopen(f);
    assert_null(store_trouble(f->store));
    assert_int_equal(count_of(f->store, "old"), 1);
    assert_int_equal(count_of(f->store, "new"), 0);
    assert_int_equal(stats_of(f->store).series, 1);
    assert_int_equal(send_one(f->store, "new", 3, 3), TM_OK);
}

static void what_is_queued_behind_a_failed_group_fails_too(void **state)
{
    struct fixture *f = *state;
    struct answer answers[3] = {{0, TM_OK}};
    faulty_hold(&f->faulty, true);
    struct batch *batch = one_sample(f->store, "a", 1, 1);
    assert_int_equal(store_submit(f->store, &batch, NULL, answer_done, &answers[0]), TM_OK);
    const struct timespec nap = {0, 20000000};
    nanosleep(&nap, NULL);
    for (int i = 1; i < 3; i++) {
        batch = one_sample(f->store, i == 1 ? "a" : "b", i, i);
        assert_int_equal(store_submit(f->store, &batch, NULL, answer_done, &answers[i]), TM_OK);
    }
    faulty_fail(&f->faulty, CALL_PWRITE, 1, EIO);
    faulty_hold(&f->faulty, false);
    wait_answer(f->store, &answers[2]);
    assert_int_equal(answers[0].err, TM_OK);
    assert_int_equal(answers[1].err, TM_READ_ONLY);
    assert_int_equal(answers[2].err, TM_READ_ONLY);
    assert_int_equal(count_of(f->store, "a"), 1);
    assert_int_equal(store_series_find(f->store, hash_of("b")), 0);
    assert_int_equal(stats_of(f->store).series, 1);
}

static void a_batch_built_before_a_failure_may_be_sent_after_it(void **state)
{
    struct fixture *f = *state;
    struct batch *failing = one_sample(f->store, "cpu", 1, 1);
    struct batch *built = one_sample(f->store, "cpu", 2, 2);
    put(f->store, built, "own", 2, 2);
    faulty_fail(&f->faulty, CALL_PWRITE, 1, EIO);
    assert_int_equal(send_batch(f->store, failing, NULL), TM_READ_ONLY);
    __atomic_fetch_add(&f->clock.mono_ns, INT64_C(2000000000), __ATOMIC_RELAXED);
    store_poll(f->store);
    assert_int_equal(send_batch(f->store, built, NULL), TM_OK);
    fixture_reopen(f);
    assert_int_equal(count_of(f->store, "cpu"), 1);
    assert_true(last_of(f->store, "cpu") == 2);
    assert_int_equal(count_of(f->store, "own"), 1);
}

static void a_failed_write_resumes_by_itself_in_a_new_segment(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_one(f->store, "cpu", 1, 1), TM_OK);
    faulty_fail(&f->faulty, CALL_PWRITE, 1, EIO);
    assert_int_equal(send_one(f->store, "cpu", 2, 2), TM_READ_ONLY);
    assert_non_null(strstr(f->log, "journal.write_failed: "));
    __atomic_fetch_add(&f->clock.mono_ns, INT64_C(2000000000), __ATOMIC_RELAXED);
    store_poll(f->store);
    assert_null(store_trouble(f->store));
    assert_non_null(strstr(f->log, "store.resumed: "));
    assert_int_equal(send_one(f->store, "cpu", 3, 3), TM_OK);
    assert_int_equal(newest_segment(f), 2);
    fixture_reopen(f);
    assert_int_equal(count_of(f->store, "cpu"), 2);
    assert_int_equal(stats_of(f->store).damaged_records, 0);
}

static void bytes_of_a_failed_group_that_can_not_be_cut_stay_void(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_one(f->store, "cpu", 1, 1), TM_OK);
    faulty_fail(&f->faulty, CALL_TRUNCATE, 1, EIO);
    faulty_fail(&f->faulty, CALL_SYNC, 1, ENOSPC);
    assert_int_equal(send_one(f->store, "cpu", 2, 2), TM_NO_SPACE);
    __atomic_fetch_add(&f->clock.mono_ns, INT64_C(2000000000), __ATOMIC_RELAXED);
    store_poll(f->store);
    assert_int_equal(send_one(f->store, "cpu", 3, 3), TM_OK);
    fixture_reopen(f);
    assert_int_equal(count_of(f->store, "cpu"), 2);
    assert_true(last_of(f->store, "cpu") == 3);
    assert_int_equal(stats_of(f->store).damaged_records, 0);
    assert_int_equal(stats_of(f->store).torn_tails, 0);
}

static void a_full_disk_is_no_space_and_resumes_when_freed(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_one(f->store, "cpu", 1, 1), TM_OK);
    faulty_set_free(&f->faulty, 1000);
    f->faulty.sticky = true;
    faulty_fail(&f->faulty, CALL_PWRITE, 1, ENOSPC);
    assert_int_equal(send_one(f->store, "cpu", 2, 2), TM_NO_SPACE);
    assert_non_null(strstr(store_trouble(f->store), "the disk is full"));
    for (int i = 0; i < 3; i++) {
        __atomic_fetch_add(&f->clock.mono_ns, INT64_C(2000000000), __ATOMIC_RELAXED);
        store_poll(f->store);
        assert_int_equal(send_one(f->store, "cpu", 2, 2), TM_NO_SPACE);
    }
    assert_int_equal(count_of(f->store, "cpu"), 1);
    faulty_fail(&f->faulty, CALL_PWRITE, 0, 0);
    faulty_set_free(&f->faulty, INT64_C(1) << 30);
    __atomic_fetch_add(&f->clock.mono_ns, INT64_C(2000000000), __ATOMIC_RELAXED);
    store_poll(f->store);
    assert_int_equal(send_one(f->store, "cpu", 3, 3), TM_OK);
    char *at = strstr(f->log, "store.no_space: ");
    assert_non_null(at);
    assert_null(strstr(at + 1, "store.no_space: ")); /* told once */
    assert_non_null(strstr(at, "store.resumed: "));
    fixture_reopen(f);
    assert_int_equal(count_of(f->store, "cpu"), 2);
}

static void below_the_floor_nothing_is_taken(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    f->options.min_free_bytes = 1 << 30;
    faulty_set_free(&f->faulty, (INT64_C(1) << 30) - 1);
    fixture_open(f);
    assert_int_equal(send_one(f->store, "cpu", 1, 1), TM_NO_SPACE);
    assert_non_null(strstr(store_trouble(f->store), "1023 MiB are free"));
    faulty_set_free(&f->faulty, (INT64_C(1) << 30) + 1);
    __atomic_fetch_add(&f->clock.mono_ns, INT64_C(2000000000), __ATOMIC_RELAXED);
    store_poll(f->store);
    assert_non_null(store_trouble(f->store)); /* not at the edge: with some room above */
    faulty_set_free(&f->faulty, INT64_C(2) << 30);
    store_poll(f->store);
    assert_non_null(store_trouble(f->store)); /* looked at once a second only */
    __atomic_fetch_add(&f->clock.mono_ns, INT64_C(2000000000), __ATOMIC_RELAXED);
    store_poll(f->store);
    assert_null(store_trouble(f->store));
    assert_int_equal(send_one(f->store, "cpu", 1, 1), TM_OK);
    assert_int_equal(stats_of(f->store).disk_free_bytes, UINT64_C(2) << 30);
}

static void a_store_opens_on_a_full_disk_and_serves(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_one(f->store, "cpu", 1, 1), TM_OK);
    fixture_close(f);
    faulty_fail(&f->faulty, CALL_ALLOCATE, 1, ENOSPC);
    faulty_set_free(&f->faulty, 1000);
    fixture_open(f);
    assert_int_equal(count_of(f->store, "cpu"), 1);
    assert_int_equal(send_one(f->store, "cpu", 2, 2), TM_NO_SPACE);
    faulty_set_free(&f->faulty, INT64_C(1) << 30);
    __atomic_fetch_add(&f->clock.mono_ns, INT64_C(2000000000), __ATOMIC_RELAXED);
    store_poll(f->store);
    assert_int_equal(send_one(f->store, "cpu", 2, 2), TM_OK);
}

static void short_and_interrupted_writes_are_continued(void **state)
{
    struct fixture *f = *state;
    f->faulty.short_writes = true;
    for (int i = 0; i < 5; i++)
        assert_int_equal(send_one(f->store, "cpu", i, i), TM_OK);
    fixture_reopen(f);
    assert_int_equal(count_of(f->store, "cpu"), 5);
}

/* Whatever call fails, once, with whatever error: acknowledged means there, refused means not there. */
static void any_one_call_may_fail(void **state)
{
    struct fixture *f = *state;
    static const int errors[] = {EIO, ENOSPC};
    fixture_close(f);
    f->options.segment_bytes = 600;
    for (int round = 0; round < 80; round++) {
        char name[16];
        bool sent[12] = {false};
        (void)snprintf(name, sizeof name, "r%d", round);
        f->faulty.any_error = errors[round % 2];
        f->faulty.countdown = round / 2;
        if (fixture_try_open(f) == TM_OK) {
            for (int i = 0; i < 12; i++) {
                sent[i] = send_one(f->store, name, i, i) == TM_OK;
                __atomic_fetch_add(&f->clock.mono_ns, INT64_C(2000000000), __ATOMIC_RELAXED);
                store_poll(f->store);
            }
            fixture_close(f);
        }
        f->faulty.countdown = -1;
        fixture_open(f);
        size_t expected = 0;
        for (int i = 0; i < 12; i++)
            expected += sent[i];
        assert_int_equal(count_of(f->store, name), expected);
        assert_int_equal(stats_of(f->store).damaged_records, 0);
        fixture_close(f);
    }
    fixture_open(f);
}

/* ---- processes ---- */

static void a_second_writer_is_refused(void **state)
{
    struct fixture *f = *state;
    struct store *second;
    struct tm_why why;
    assert_int_equal(store_open_io(&f->options, &f->faulty.io, &second, &why), TM_BUSY);
    assert_null(second);
    char pid[32];
    (void)snprintf(pid, sizeof pid, "(pid %ld)", (long)getpid());
    assert_non_null(strstr(why.text, pid));
    assert_non_null(strstr(why.text, f->dir));
    assert_int_equal(send_one(f->store, "cpu", 1, 1), TM_OK);
}

static void a_folder_of_another_format_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_one(f->store, "cpu", 1, 1), TM_OK);
    fixture_close(f);
    char path[512];
    struct reader *reader;
    (void)snprintf(path, sizeof path, "%s/FORMAT", f->dir);
    FILE *file = fopen(path, "w");
    (void)fputs("something else\n", file);
    (void)fclose(file);
    assert_int_equal(fixture_try_open(f), TM_CORRUPT);
    assert_non_null(strstr(f->why.text, "FORMAT"));
    assert_int_equal(reader_open(f->dir, &reader, &f->why), TM_CORRUPT);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(fixture_try_open(f), TM_CORRUPT);
    assert_non_null(strstr(f->why.text, "put back"));
    file = fopen(path, "w");
    (void)fputs("tidemark 1\n", file);
    (void)fclose(file);
    fixture_open(f);
    assert_int_equal(count_of(f->store, "cpu"), 1);
}

static void put_file(const char *dir, const char *name)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fclose(file);
}

static int count_entries(const char *dir)
{
    int count = 0;
    DIR *list = opendir(dir);
    assert_non_null(list);
    while (readdir(list))
        count++;
    (void)closedir(list);
    return count;
}

/* Nothing is made among somebody else's files. */
static void a_folder_where_others_have_our_names_is_refused_and_left_alone(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    char *outer = f->dir;
    char inner[512], diary[1024];
    (void)snprintf(inner, sizeof inner, "%s/home", outer);
    assert_int_equal(mkdir(inner, 0755), 0);
    put_file(inner, "letter.txt");
    put_file(inner, "index");
    (void)snprintf(diary, sizeof diary, "%s/journal", inner);
    assert_int_equal(mkdir(diary, 0755), 0); /* a diary, not ours */
    f->options.dir = inner;
    assert_int_equal(fixture_try_open(f), TM_CORRUPT);
    assert_non_null(strstr(f->why.text, "\"index\""));
    assert_non_null(strstr(f->why.text, "to a new folder"));
    assert_int_equal(count_entries(inner), 5);
    f->options.dir = outer;
    fixture_open(f);
}

/* What a first start leaves that was killed, what file systems have, what an admin puts there. */
static void a_folder_of_an_unfinished_first_start_is_taken(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    char *outer = f->dir;
    char inner[512], path[1024];
    static const char *const folders[] = {"lost+found", "journal", "run", "reports"};
    (void)snprintf(inner, sizeof inner, "%s/began", outer);
    assert_int_equal(mkdir(inner, 0755), 0);
    for (int i = 0; i < 4; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", inner, folders[i]);
        assert_int_equal(mkdir(path, 0755), 0);
    }
    put_file(inner, "lock");
    put_file(inner, "FORMAT");
    put_file(inner, "tidemark.yaml");
    f->options.dir = inner;
    fixture_open(f);
    assert_int_equal(send_one(f->store, "cpu", 1, 1), TM_OK);
    fixture_close(f);
    put_file(inner, "notes.txt"); /* it is ours by now */
    fixture_open(f);
    assert_int_equal(count_of(f->store, "cpu"), 1);
    fixture_close(f);
    f->options.dir = outer;
    fixture_open(f);
}

static void the_folder_is_for_its_owner_and_group(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    char *outer = f->dir;
    char inner[512], path[1024];
    struct stat info;
    (void)snprintf(inner, sizeof inner, "%s/made", outer);
    f->options.dir = inner;
    mode_t mask = umask(0);
    fixture_open(f);
    umask(mask);
    assert_int_equal(stat(inner, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0750);
    static const char *const files[] = {"FORMAT", "lock", "journal/0000000000000001.seg"};
    for (int i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", inner, files[i]);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 07777, 0640);
    }
    fixture_close(f);
    f->options.dir = outer;
    fixture_open(f);
}

static void a_reader_reads_beside_the_writer(void **state)
{
    struct fixture *f = *state;
    struct reader *reader;
    double last;
    for (int i = 0; i < 10; i++)
        assert_int_equal(send_one(f->store, "cpu", i, i), TM_OK);
    assert_int_equal(reader_open(f->dir, &reader, &f->why), TM_OK);
    assert_int_equal(send_one(f->store, "cpu", 10, 10), TM_OK);
    assert_int_equal(count_in(reader, "cpu", &last), 10);
    assert_true(last == 9);
    reader_close(reader);
    assert_int_equal(reader_open(f->dir, &reader, &f->why), TM_OK);
    assert_int_equal(count_in(reader, "cpu", &last), 11);
    reader_close(reader);
}

static void a_reader_of_no_folder_is_told(void **state)
{
    struct fixture *f = *state;
    struct reader *reader;
    assert_int_equal(reader_open("/nonexistent/folder", &reader, &f->why), TM_NOT_FOUND);
    assert_non_null(strstr(f->why.text, "/nonexistent/folder"));
    assert_null(reader);
}

/* A child that acknowledges through a pipe and is killed with everything in flight. */
static void run_victim(struct fixture *f, int pipe_fd)
{
    struct store *store;
    struct tm_why why;
    f->options.log = NULL;
    if (store_open(&f->options, &store, &why) != TM_OK)
        _exit(3);
    for (uint32_t i = 0;; i++) {
        struct producer_mark mark = mark_of("agent", 1, i + 1);
        if (send_batch(store, one_sample(store, "cpu", i, i), &mark) != TM_OK ||
            write(pipe_fd, &i, sizeof i) != sizeof i)
            _exit(4);
    }
}

static void a_kill_loses_nothing_acknowledged(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    for (int round = 0; round < 3; round++) {
        int fds[2];
        uint32_t acknowledged = 0;
        uint32_t i;
        char *dir = folder_make();
        f->options.dir = dir;
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        if (pid == 0)
            run_victim(f, fds[1]);
        close(fds[1]);
        while (acknowledged < 20 && read(fds[0], &i, sizeof i) == sizeof i)
            acknowledged++;
        kill(pid, SIGKILL);
        while (read(fds[0], &i, sizeof i) == sizeof i)
            acknowledged++;
        (void)waitpid(pid, NULL, 0);
        close(fds[0]);
        fixture_open(f);
        size_t count = count_of(f->store, "cpu");
        assert_in_range(count, acknowledged, acknowledged + 1);
        struct producer_mark mark = mark_of("agent", 1, count);
        assert_int_equal(store_producer_check(f->store, &mark), PRODUCER_DUPLICATE);
        assert_true(segment_size(f, 1) < 1 << 18); /* what was reserved was given back */
        fixture_close(f);
        folder_remove(dir);
    }
    f->options.dir = f->dir;
    fixture_open(f);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(a_torn_tail_is_cut),
        WITH_STORE(a_flipped_byte_costs_one_record),
        WITH_STORE(a_damaged_first_definition_costs_one_record),
        WITH_STORE(a_series_without_definition_is_reported_and_never_mistaken),
        WITH_STORE(a_definition_lost_in_one_segment_is_found_in_an_earlier_one),
        WITH_STORE(a_damaged_header_costs_no_record),
        WITH_STORE(a_missing_segment_is_reported),
        WITH_STORE(a_new_segment_begins_at_every_start),
        WITH_STORE(unused_segments_do_not_pile_up),
        WITH_STORE(a_full_segment_is_followed_by_another),
        WITH_STORE(a_failed_sync_is_read_only_until_reopened),
        WITH_STORE(what_is_queued_behind_a_failed_group_fails_too),
        WITH_STORE(a_batch_built_before_a_failure_may_be_sent_after_it),
        WITH_STORE(a_failed_write_resumes_by_itself_in_a_new_segment),
        WITH_STORE(bytes_of_a_failed_group_that_can_not_be_cut_stay_void),
        WITH_STORE(a_full_disk_is_no_space_and_resumes_when_freed),
        WITH_STORE(below_the_floor_nothing_is_taken),
        WITH_STORE(a_store_opens_on_a_full_disk_and_serves),
        WITH_STORE(short_and_interrupted_writes_are_continued),
        WITH_STORE(any_one_call_may_fail),
        WITH_STORE(a_second_writer_is_refused),
        WITH_STORE(a_folder_of_another_format_is_refused),
        WITH_STORE(a_folder_where_others_have_our_names_is_refused_and_left_alone),
        WITH_STORE(a_folder_of_an_unfinished_first_start_is_taken),
        WITH_STORE(the_folder_is_for_its_owner_and_group),
        WITH_STORE(a_reader_reads_beside_the_writer),
        WITH_STORE(a_reader_of_no_folder_is_told),
        WITH_STORE(a_kill_loses_nothing_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
