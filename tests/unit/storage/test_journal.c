/* The journal at its own level: records, segments, reading, trimming. */
#include "tests/unit/storage/fixture.h"

/* An item whose body is its text. */
struct text_item {
    struct journal_item item;
    const char *text;
};

struct journal_fixture {
    char *dir;
    int folder;
    struct faulty_io faulty;
    struct journal *journal;
    struct journal_end end;
    char seen[4096]; /* "lsn=text;" of a replay */
    int damaged;
    int torn;
    uint64_t lost;
};

static enum tm_err encode_text(void *arg, const struct journal_item *item, const struct record_place *place,
                               struct bytes *body)
{
    const char *text = ((const struct text_item *)item)->text;
    (void)arg, (void)place;
    if (strcmp(text, "refuse") == 0)
        return TM_TOO_LARGE;
    bytes_put(body, text, strlen(text));
    return TM_OK;
}

static void ignore_written(void *arg, bool is_written)
{
    (void)arg, (void)is_written;
}

static void ignore_wake(void *arg)
{
    (void)arg;
}

static enum tm_err see_record(void *arg, const struct segment_header *segment, const struct record *record)
{
    struct journal_fixture *f = arg;
    size_t len = strlen(f->seen);
    (void)segment;
    assert_int_equal(record->flags, 0);
    (void)snprintf(f->seen + len, sizeof f->seen - len, "%lu=%.*s;", (unsigned long)record->lsn,
                   STR_ARG(record->body));
    return TM_OK;
}

static enum tm_err see_preview(void *arg, const struct segment_header *segment, const struct record *record)
{
    (void)arg, (void)segment, (void)record;
    return TM_OK;
}

static void see_damage(void *arg, const struct journal_damage *damage)
{
    struct journal_fixture *f = arg;
    f->damaged++;
    f->lost += damage->records;
}

static void see_torn(void *arg, const struct journal_damage *tail)
{
    struct journal_fixture *f = arg;
    (void)tail;
    f->torn++;
}

static const char *replay(struct journal_fixture *f)
{
    struct journal_visitor visitor = {f, 0, see_record, see_preview, see_damage, see_torn};
    struct tm_why why;
    f->seen[0] = '\0';
    f->damaged = f->torn = 0;
    f->lost = 0;
    journal_end_fini(&f->end);
    assert_int_equal(journal_replay(f->folder, &visitor, &f->end, &why), TM_OK);
    return f->seen;
}

static void journal_start(struct journal_fixture *f, size_t segment_bytes)
{
    struct journal_options options = {.folder = f->folder,
                                      .io = &f->faulty.io,
                                      .encoder = {NULL, encode_text, ignore_written},
                                      .wake = ignore_wake,
                                      .segment_bytes = segment_bytes,
                                      .life = 1,
                                      .end = &f->end};
    struct tm_why why;
    (void)replay(f);
    assert_int_equal(journal_open(&options, &f->journal, &why), TM_OK);
}

static void journal_stop(struct journal_fixture *f)
{
    assert_null(journal_close(f->journal));
    f->journal = NULL;
}

static enum tm_err write_text(struct journal_fixture *f, const char *text, uint64_t *lsn)
{
    struct text_item item = {.item.kind = RECORD_BATCH, .text = text};
    struct journal_item *done = NULL;
    enum tm_err err = journal_submit(f->journal, &item.item);
    if (err)
        return err;
    while (!(done = journal_take_done(f->journal)))
        usleep(100);
    assert_ptr_equal(done, &item.item);
    assert_null(done->next);
    if (lsn)
        *lsn = done->lsn;
    return done->result;
}

static int journal_setup(void **state)
{
    struct journal_fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->dir = folder_make();
    f->folder = open(f->dir, O_RDONLY | O_DIRECTORY);
    assert_true(f->folder >= 0);
    faulty_init(&f->faulty);
    journal_start(f, 4096);
    *state = f;
    return 0;
}

static int journal_teardown(void **state)
{
    struct journal_fixture *f = *state;
    (void)!journal_close(f->journal);
    journal_end_fini(&f->end);
    close(f->folder);
    folder_remove(f->dir);
    free(f);
    return 0;
}

static void numbers_follow_each_other_over_starts(void **state)
{
    struct journal_fixture *f = *state;
    uint64_t lsn;
    assert_int_equal(write_text(f, "a", &lsn), TM_OK);
    assert_int_equal(lsn, 1);
    assert_int_equal(write_text(f, "b", &lsn), TM_OK);
    journal_stop(f);
    journal_start(f, 4096);
    assert_int_equal(write_text(f, "c", &lsn), TM_OK);
    assert_int_equal(lsn, 3);
    assert_string_equal(replay(f), "1=a;2=b;3=c;");
    assert_int_equal(f->end.next_lsn, 4);
    assert_int_equal(f->end.next_segment, 3);
}

static void an_item_that_can_not_be_encoded_fails_alone(void **state)
{
    struct journal_fixture *f = *state;
    uint64_t lsn;
    assert_int_equal(write_text(f, "a", NULL), TM_OK);
    assert_int_equal(write_text(f, "refuse", &lsn), TM_TOO_LARGE);
    assert_int_equal(lsn, 0);
    assert_int_equal(write_text(f, "b", &lsn), TM_OK);
    assert_int_equal(lsn, 2);
    assert_string_equal(replay(f), "1=a;2=b;");
}

static void trimming_removes_whole_old_segments_only(void **state)
{
    struct journal_fixture *f = *state;
    char text[64];
    journal_stop(f);
    journal_start(f, 512);
    for (int i = 1; i <= 40; i++) {
        (void)snprintf(text, sizeof text, "%040d", i);
        assert_int_equal(write_text(f, text, NULL), TM_OK);
    }
    struct journal_stats before, after;
    journal_stats(f->journal, &before);
    assert_true(before.segment_count > 4);
    assert_int_equal(journal_trim(f->journal, 0), TM_OK);
    journal_stats(f->journal, &after);
    assert_int_equal(after.segment_count, before.segment_count);
    assert_int_equal(journal_trim(f->journal, 20), TM_OK);
    journal_stats(f->journal, &after);
    assert_true(after.segment_count < before.segment_count);
    assert_true(after.bytes < before.bytes);
    (void)replay(f);
    assert_int_equal(f->damaged, 0);
    assert_non_null(strstr(f->seen, ";20="));
    assert_null(strstr(f->seen, "1=0000000000000000000000000000000000000001;"));
    /* All of it: the segment being written stays, and the numbers go on. */
    assert_int_equal(journal_trim(f->journal, UINT64_MAX), TM_OK);
    journal_stats(f->journal, &after);
    assert_int_equal(after.segment_count, 1);
    journal_stop(f);
    journal_start(f, 512);
    assert_int_equal(journal_trim(f->journal, UINT64_MAX), TM_OK);
    journal_stop(f);
    journal_start(f, 512);
    uint64_t lsn;
    assert_int_equal(write_text(f, "x", &lsn), TM_OK);
    assert_int_equal(lsn, 41);
    assert_string_equal(replay(f), "41=x;");
}

/* Until the journal's thread has seen to it. */
static void wait_for_bytes(struct journal_fixture *f, uint64_t bytes)
{
    struct journal_stats stats;
    for (int i = 0; i < 5000; i++) {
        journal_stats(f->journal, &stats);
        if (stats.segment_count == 1 && stats.bytes == bytes)
            return;
        usleep(1000);
    }
    fail_msg("%llu segments of %llu bytes", (unsigned long long)stats.segment_count,
             (unsigned long long)stats.bytes);
}

static void a_written_segment_that_nobody_needs_gives_way(void **state)
{
    struct journal_fixture *f = *state;
    uint64_t lsn;
    char text[800];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    wait_for_bytes(f, 512);
    assert_int_equal(write_text(f, text, &lsn), TM_OK);
    assert_int_equal(write_text(f, "b", &lsn), TM_OK);
    wait_for_bytes(f, 1024); /* reserved in eighths of a segment */
    assert_int_equal(journal_trim(f->journal, lsn), TM_OK);
    wait_for_bytes(f, 1024); /* the last record is needed */
    assert_int_equal(journal_trim(f->journal, lsn + 1), TM_OK);
    wait_for_bytes(f, 512);
    assert_string_equal(replay(f), "");
    assert_int_equal(f->end.next_lsn, 3);
    assert_int_equal(write_text(f, "c", &lsn), TM_OK);
    assert_int_equal(lsn, 3);
    assert_string_equal(replay(f), "3=c;");
    assert_int_equal(f->damaged, 0);
}

static void a_segment_that_can_not_be_removed_is_told(void **state)
{
    struct journal_fixture *f = *state;
    assert_int_equal(write_text(f, "a", NULL), TM_OK);
    journal_stop(f);
    journal_start(f, 4096);
    faulty_fail(&f->faulty, CALL_UNLINK, 1, EACCES);
    assert_int_equal(journal_trim(f->journal, 2), TM_IO);
    assert_string_equal(replay(f), "1=a;");
    assert_int_equal(journal_trim(f->journal, 2), TM_OK);
    assert_string_equal(replay(f), "");
}

static void bytes_of_another_segment_are_never_taken(void **state)
{
    struct journal_fixture *f = *state;
    assert_int_equal(write_text(f, "mine", NULL), TM_OK);
    journal_stop(f);
    journal_start(f, 4096);
    assert_int_equal(write_text(f, "other", NULL), TM_OK);
    journal_stop(f);
    /* The first segment's record, copied behind the second's, as a reused block could bring it back. */
    uint8_t block[RECORD_HEADER_BYTES + 8];
    char path[512];
    (void)snprintf(path, sizeof path, "%s/0000000000000001.seg", f->dir);
    int fd = open(path, O_RDONLY);
    assert_int_equal(pread(fd, block, sizeof block, SEGMENT_HEADER_BYTES), sizeof block);
    close(fd);
    (void)snprintf(path, sizeof path, "%s/0000000000000002.seg", f->dir);
    fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, block, sizeof block, SEGMENT_HEADER_BYTES + 40), sizeof block);
    close(fd);
    assert_string_equal(replay(f), "1=mine;2=other;");
    assert_int_equal(f->torn, 1);
    assert_int_equal(f->damaged, 0);
    journal_start(f, 4096);
}

static void every_flipped_bit_is_noticed(void **state)
{
    struct journal_fixture *f = *state;
    const char *good = "1=alpha;2=beta;3=gamma;";
    assert_int_equal(write_text(f, "alpha", NULL), TM_OK);
    assert_int_equal(write_text(f, "beta", NULL), TM_OK);
    assert_int_equal(write_text(f, "gamma", NULL), TM_OK);
    journal_stop(f);
    char path[512];
    (void)snprintf(path, sizeof path, "%s/0000000000000001.seg", f->dir);
    int fd = open(path, O_RDWR);
    assert_string_equal(replay(f), good);
    off_t end = lseek(fd, 0, SEEK_END);
    assert_int_equal(end, SEGMENT_HEADER_BYTES + 3 * 40);
    for (off_t at = SEGMENT_HEADER_BYTES; at < end; at++) {
        uint8_t byte, bad;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        bad = (uint8_t)(byte ^ (1u << (at % 8)));
        assert_int_equal(pwrite(fd, &bad, 1, at), 1);
        const char *seen = replay(f);
        assert_true(strlen(seen) < strlen(good));
        assert_int_equal(f->damaged + f->torn, 1);
        assert_int_equal(f->lost, f->damaged);
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    close(fd);
    journal_start(f, 4096);
}

static void searching_hostile_bytes_is_bounded(void **state)
{
    struct journal_fixture *f = *state;
    enum { HOSTILE_BYTES = 4 << 20 };
    uint8_t *data = calloc(1, HOSTILE_BYTES);
    assert_non_null(data);
    /* A header every 40 bytes, each claiming nearly all that is left. */
    for (uint32_t at = SEGMENT_HEADER_BYTES; at + 64 < HOSTILE_BYTES; at += 40) {
        uint32_t magic = RECORD_MAGIC, len = HOSTILE_BYTES - at - 64, one = 1;
        memcpy(data + at, &magic, 4);
        memcpy(data + at + 4, &len, 4);
        memcpy(data + at + 16, &one, 4);
    }
    struct segment_reader reader;
    struct record record;
    struct segment_hole hole;
    segment_reader_init(&reader, data, HOSTILE_BYTES, 1);
    assert_int_equal(segment_next(&reader, &record, &hole), SEGMENT_TAIL);
    assert_true(reader.spent <= (uint64_t)HOSTILE_BYTES * 6);
    assert_int_equal(hole.len, HOSTILE_BYTES - SEGMENT_HEADER_BYTES);
    free(data);
    (void)f;
}

static void a_header_round_trips_and_notices_damage(void **state)
{
    (void)state;
    struct segment_header header = {.number = 7, .first_lsn = 99, .life = 3, .created_ms = -5}, back;
    uint8_t bytes[SEGMENT_HEADER_BYTES];
    segment_header_encode(&header, bytes);
    assert_true(segment_header_decode(bytes, sizeof bytes, 7, &back));
    assert_memory_equal(&header, &back, sizeof header);
    assert_false(segment_header_decode(bytes, sizeof bytes, 8, &back));
    assert_false(segment_header_decode(bytes, sizeof bytes - 1, 7, &back));
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] ^= 1;
        assert_false(segment_header_decode(bytes, sizeof bytes, 7, &back));
        bytes[i] ^= 1;
    }
}

static void other_files_in_the_folder_are_left_alone(void **state)
{
    struct journal_fixture *f = *state;
    static const char *const names[] = {"notes.txt", "1.seg", "000000000000000A.seg",
                                        "0000000000000009.seg.bak"};
    for (int i = 0; i < 4; i++)
        close(openat(f->folder, names[i], O_WRONLY | O_CREAT, 0640));
    uint64_t *numbers;
    size_t count;
    assert_int_equal(segment_list(f->folder, &numbers, &count), TM_OK);
    assert_int_equal(count, 1);
    assert_int_equal(numbers[0], 1);
    free(numbers);
}

#define WITH_JOURNAL(test) cmocka_unit_test_setup_teardown(test, journal_setup, journal_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_JOURNAL(numbers_follow_each_other_over_starts),
        WITH_JOURNAL(an_item_that_can_not_be_encoded_fails_alone),
        WITH_JOURNAL(trimming_removes_whole_old_segments_only),
        WITH_JOURNAL(a_written_segment_that_nobody_needs_gives_way),
        WITH_JOURNAL(a_segment_that_can_not_be_removed_is_told),
        WITH_JOURNAL(bytes_of_another_segment_are_never_taken),
        WITH_JOURNAL(every_flipped_bit_is_noticed),
        WITH_JOURNAL(searching_hostile_bytes_is_bounded),
        WITH_JOURNAL(a_header_round_trips_and_notices_damage),
        WITH_JOURNAL(other_files_in_the_folder_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
