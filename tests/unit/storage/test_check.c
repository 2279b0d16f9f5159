/* The check of a whole folder: sound is sound, and each damage is told with its place. */
#include <dirent.h>

#include <lmdb.h>
#include <xxhash.h>

#include "storage/check/check.h"
#include "tests/unit/storage/engine.h"

enum { TOLD_BYTES = 1 << 16, DAYS = 3, SERIES = 40, POINTS = 50 };

struct told {
    char text[TOLD_BYTES];
    size_t len;
    int damages, notes;
};

static void keep(void *arg, enum check_kind kind, const char *place, const char *text)
{
    struct told *told = arg;
    told->damages += kind == CHECK_DAMAGE;
    told->notes += kind == CHECK_NOTE;
    int wrote = snprintf(told->text + told->len, sizeof told->text - told->len, "%s: %s\n", place, text);
    if (wrote > 0 && told->len + (size_t)wrote < sizeof told->text)
        told->len += (size_t)wrote;
}

static struct check_result check(const struct fixture *f, struct told *told, enum tm_err wanted)
{
    const struct check_options options = {.dir = f->dir, .tell = keep, .arg = told};
    struct check_result result;
    struct tm_why why = {""};
    *told = (struct told){.len = 0};
    enum tm_err err = check_run(&options, &result, &why);
    if (err != wanted)
        print_message("%s\n%s", why.text, told->text);
    assert_int_equal(err, wanted);
    return result;
}

/* Two sealed days, an open one, events of two kinds, a producer, and something only in the journal. */
static void fill(struct fixture *f)
{
    for (int day = 1 - DAYS; day <= 0; day++) {
        struct batch *batch = store_batch_new(f->store);
        for (int i = 0; i < SERIES * POINTS; i++) {
            char name[16];
            (void)snprintf(name, sizeof name, "s%d", i % SERIES);
            put(f->store, batch, name, DAY0 + day * DAY_MS + i / SERIES * 1000, i * 0.37);
        }
        assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
    }
    assert_int_equal(send_event(f->store, EVENT_HTTP, DAY0, "a"), TM_OK);
    assert_int_equal(send_event(f->store, EVENT_MARKER, DAY0, "m"), TM_OK);
    struct producer_mark mark = mark_of("agent", 1, 1);
    assert_int_equal(send_batch(f->store, one_sample(f->store, "s0", DAY0 + HOUR_MS, 1), &mark), TM_OK);
    flush_now(f);
    flush_settle(f->store);
    assert_int_equal(send_one(f->store, "s1", DAY0 + HOUR_MS, 2), TM_OK);
    assert_int_equal(send_event(f->store, EVENT_HTTP, DAY0, "b"), TM_OK);
}

static void day_path(const struct fixture *f, int day, const char *file, char *path, size_t size)
{
    char name[PARTITION_PERIOD_NAME_BYTES];
    assert_int_equal(partition_period_name(PARTITION_RAW, (uint32_t)(DAY0 / DAY_MS + day), name), TM_OK);
    (void)snprintf(path, size, "%s/raw/%s%s", f->dir, name, file);
}

/* Reads a whole file; the caller frees. */
static uint8_t *read_whole(const char *path, size_t *len)
{
    struct stat info;
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &info) == 0);
    uint8_t *bytes = malloc((size_t)info.st_size + 1);
    assert_non_null(bytes);
    *len = (size_t)info.st_size;
    assert_int_equal(read(fd, bytes, *len), *len);
    close(fd);
    return bytes;
}

static void write_whole(const char *path, const uint8_t *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0640);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
}

/* Turns a bit behind each place where the bytes of a key stand, far enough to meet the value. */
static void flip_behind(const char *path, const char *key, size_t key_len, size_t offset)
{
    size_t len, found = 0;
    uint8_t *bytes = read_whole(path, &len);
    for (uint8_t *at = bytes; (at = memmem(at, len - (size_t)(at - bytes), key, key_len)); at++) {
        if ((size_t)(at - bytes) + offset < len && at[key_len + 8] == SERIES) {
            at[offset] ^= 0x10;
            found++;
        }
    }
    assert_true(found > 0);
    write_whole(path, bytes, len);
    free(bytes);
}

/* ---- sound ---- */

static void a_sound_folder_is_sound_and_counted(void **state)
{
    struct fixture *f = *state;
    struct told told;
    fill(f);
    for (int i = 0; i < 2; i++) { /* beside its writer, then at rest */
        struct check_result r = check(f, &told, TM_OK);
        assert_int_equal(told.damages, 0);
        assert_int_equal(r.damages, 0);
        assert_int_equal(r.partitions, DAYS + 2); /* of rollups: a week and a month */
        assert_int_equal(r.sealed, DAYS - 1);
        assert_int_equal(r.quarantined, 0);
        assert_int_equal(r.series, SERIES);
        assert_int_equal(r.samples, DAYS * SERIES * POINTS + 1);
        assert_int_equal(r.chunks, DAYS * SERIES + 2 * (DAYS - 1) * (SERIES + 1)); /* with rosters */
        assert_int_equal(r.event_blocks, 2);
        assert_true(r.records >= 2);
        assert_true(r.bytes > r.chunk_bytes && r.chunk_bytes > 0);
        if (i == 0)
            fixture_close(f);
    }
    fixture_open(f);
}

static void a_folder_that_was_never_flushed_is_sound(void **state)
{
    struct fixture *f = *state;
    struct told told;
    assert_int_equal(send_one(f->store, "cpu", DAY0, 1), TM_OK);
    struct check_result r = check(f, &told, TM_OK);
    assert_int_equal(r.records, 1);
    assert_int_equal(r.partitions, 0);
}

static void what_is_no_data_folder_is_told(void **state)
{
    (void)state;
    const struct check_options options = {.dir = "/proc/self"};
    struct check_result result;
    struct tm_why why = {""};
    assert_int_equal(check_run(&options, &result, &why), TM_NOT_FOUND);
    assert_non_null(strstr(why.text, "not a tidemark data folder"));
}

/* ---- the journal ---- */

static void a_damaged_record_is_told_with_what_it_costs(void **state)
{
    struct fixture *f = *state;
    struct told told;
    fill(f);
    assert_int_equal(send_one(f->store, "s2", DAY0 + HOUR_MS, 3), TM_OK);
    assert_int_equal(send_one(f->store, "s3", DAY0 + HOUR_MS, 3), TM_OK);
    uint64_t segment = newest_segment(f);
    fixture_close(f);
    char path[512];
    size_t len;
    segment_path(f, segment, path, sizeof path);
    uint8_t *bytes = read_whole(path, &len);
    /* The last record but one: its magic stands at a multiple of 8. */
    size_t starts[64], count = 0;
    for (size_t at = 64; at + 8 < len; at += 8) {
        if (memcmp(bytes + at, "tmr1", 4) == 0 && count < 64)
            starts[count++] = at;
    }
    assert_true(count >= 4);
    bytes[starts[count - 2] + 40] ^= 1;
    write_whole(path, bytes, len);
    struct check_result r = check(f, &told, TM_CORRUPT);
    assert_int_equal(r.damages, 1);
    assert_non_null(strstr(told.text, "journal: segment 00000000"));
    assert_non_null(strstr(told.text, "1 record is lost"));
    bytes[starts[count - 2] + 40] ^= 1;
    write_whole(path, bytes, len);
    fixture_open(f);
    flush_now(f);
    fixture_close(f);
    bytes[starts[0] + 40] ^= 1; /* flushed long ago, in a segment that was not removed */
    write_whole(path, bytes, len);
    r = check(f, &told, TM_CORRUPT);
    assert_int_equal(r.damages, 1);
    assert_non_null(strstr(told.text, "nothing is lost"));
    free(bytes);
    fixture_open(f);
}

static void a_torn_tail_is_a_note_and_no_damage(void **state)
{
    struct fixture *f = *state;
    struct told told;
    char path[512];
    fill(f);
    uint64_t segment = newest_segment(f);
    fixture_close(f);
    segment_path(f, segment, path, sizeof path);
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "tmr1 half a record", 18), 18);
    close(fd);
    struct check_result r = check(f, &told, TM_OK);
    assert_int_equal(r.damages, 0);
    assert_int_equal(told.notes, 1);
    assert_non_null(strstr(told.text, "unfinished write"));
    fixture_open(f);
}

static void a_missing_segment_is_told(void **state)
{
    struct fixture *f = *state;
    struct told told;
    char path[512];
    fill(f);
    uint64_t segment = newest_segment(f);
    fixture_reopen(f);
    assert_int_equal(send_one(f->store, "s1", DAY0 + HOUR_MS + 1, 2), TM_OK);
    fixture_close(f);
    segment_path(f, segment, path, sizeof path);
    assert_int_equal(unlink(path), 0);
    struct check_result r = check(f, &told, TM_CORRUPT);
    assert_int_equal(r.damages, 1);
    assert_non_null(strstr(told.text, "are missing"));
    fixture_open(f);
}

/* ---- the index ---- */

static void a_damaged_value_of_the_index_is_told(void **state)
{
    struct fixture *f = *state;
    struct told told;
    char path[512];
    fill(f);
    fixture_close(f);
    (void)snprintf(path, sizeof path, "%s/index/data.mdb", f->dir);
    flip_behind(path, "\0\0\0\1", 4, 40); /* checksum, count of series, length, and then the frame */
    struct check_result r = check(f, &told, TM_CORRUPT);
    /* It is the only block: without any series the days are not compared. */
    assert_int_equal(r.damages, 1);
    assert_non_null(strstr(told.text, "index: the value of key 00000001 in table series is damaged"));
    fixture_open(f);
}

/* Puts a value with a checksum that fits, or removes the key (value NULL). */
static void forge(const struct fixture *f, const char *table, const void *key, size_t key_len,
                  const uint8_t *value, size_t len)
{
    char path[512];
    uint8_t bytes[64];
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    (void)snprintf(path, sizeof path, "%s/index", f->dir);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    assert_int_equal(mdb_env_open(env, path, 0, 0640), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, table, 0, &dbi), 0);
    MDB_val k = {key_len, (void *)(uintptr_t)key}, v = {len + 8, bytes};
    if (value) {
        uint64_t sum = XXH3_64bits_withSeed(value, len, XXH3_64bits(key, key_len));
        memcpy(bytes, &sum, sizeof sum);
        memcpy(bytes + 8, value, len);
        assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
    } else {
        assert_int_equal(mdb_del(txn, dbi, &k, NULL), 0);
    }
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

/* A checksum that fits does not make a value sound: deletes, groups and marks are read. */
static void a_value_that_makes_no_sense_is_told_though_its_checksum_fits(void **state)
{
    static const uint8_t id_what[12] = {0, 0, 0, 0, 0, 0, 0, 9},
                         id_where[12] = {0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1};
    static const uint8_t what[26] = {1, [24] = 1, [25] = 7}, where[8] = {1, 5, 0, 0, 0, 0, 0, 0};
    static const uint8_t no_series[26] = {1, [24] = 2, [25] = 7}, unordered[9] = {2, 6}, group[3] = {1, 2, 3};
    static const uint8_t finding_key[17] = {1, 0x80, [16] = 5}, finding_id[9] = {1, [8] = 5};
    static const uint8_t finding[22] = {1, [20] = '{', [21] = '}'}, no_body[20] = {1};
    static const uint8_t named[8] = {0}, elsewhere[8] = {1};
    struct fixture *f = *state;
    struct told told;
    fill(f);
    fixture_close(f);
    (void)check(f, &told, TM_OK);
    forge(f, "findings", finding_key, sizeof finding_key, finding, sizeof finding);
    forge(f, "finding_ids", finding_id, sizeof finding_id, named, sizeof named);
    forge(f, "tombstones", id_what, sizeof id_what, what, sizeof what);
    forge(f, "tombstones", id_where, sizeof id_where, where, sizeof where);
    (void)check(f, &told, TM_OK);
    const struct {
        const char *table;
        const uint8_t *key, *bad, *good; /* good NULL: the key is removed again */
        size_t key_len, bad_len, good_len;
        const char *text;
    } cases[] = {
        {"tombstones", id_what, no_series, what, 12, sizeof no_series, sizeof what,
         "in table tombstones is damaged"},
        {"tombstones", id_where, unordered, where, 12, sizeof unordered, sizeof where,
         "01 in table tombstones is"},
        {"tombstones", id_where, where, where, 12, 7, sizeof where, "01 in table tombstones is damaged"},
        {"tombstones", id_where, NULL, where, 12, 0, sizeof where, "delete 9 has no list"},
        {"tombstones", id_what, NULL, what, 12, 0, sizeof what, "01 in table tombstones is damaged"},
        {"groups", id_what, group, NULL, 8, sizeof group, 0, "0000000000000009 in table groups is damaged"},
        {"findings", finding_key, no_body, finding, 17, sizeof no_body, sizeof finding,
         "table findings is damaged"},
        {"findings", finding_key, NULL, finding, 17, 0, sizeof finding, "in table finding_ids is damaged"},
        {"finding_ids", finding_id, elsewhere, named, 9, 8, 8, "in table finding_ids is damaged"},
        {"finding_ids", finding_id, NULL, named, 9, 0, 8, "in table findings is damaged"},
        {"marks", (const uint8_t *)"clock", group, NULL, 5, sizeof group, 0, "in table marks is damaged"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        forge(f, cases[i].table, cases[i].key, cases[i].key_len, cases[i].bad, cases[i].bad_len);
        (void)check(f, &told, TM_CORRUPT);
        assert_non_null(strstr(told.text, cases[i].text));
        forge(f, cases[i].table, cases[i].key, cases[i].key_len, cases[i].good, cases[i].good_len);
    }
    fixture_open(f);
}

static void a_marker_or_exception_that_cannot_be_read_is_told(void **state)
{
    static const enum event_kind kinds[] = {EVENT_MARKER, EVENT_EXCEPTION};
    struct fixture *f = *state;
    struct told told;
    assert_int_equal(send_event(f->store, EVENT_MARKER, DAY0, "a line of before"), TM_OK);
    flush_now(f);
    fixture_close(f);
    (void)check(f, &told, TM_OK);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        fixture_open(f);
        assert_int_equal(send_event(f->store, kinds[i], DAY0, "\1\1no such thing"), TM_OK);
        flush_now(f);
        fixture_close(f);
        struct check_result r = check(f, &told, TM_CORRUPT);
        assert_int_equal(r.damages, i + 1);
        assert_non_null(strstr(told.text, "in table events is damaged"));
    }
    fixture_open(f);
}

/* An index from another life: what it does not define is told with the day. */
static void chunks_of_unknown_series_are_told(void **state)
{
    struct fixture *f = *state;
    struct told told;
    char path[512];
    size_t len;
    assert_int_equal(send_one(f->store, "s0", DAY0, 1), TM_OK);
    flush_now(f);
    (void)snprintf(path, sizeof path, "%s/index/data.mdb", f->dir);
    uint8_t *bytes = read_whole(path, &len);
    fill(f);
    fixture_close(f);
    write_whole(path, bytes, len);
    free(bytes);
    struct check_result r = check(f, &told, TM_CORRUPT);
    assert_true(r.damages >= DAYS);
    assert_non_null(
        strstr(told.text, "has chunks of 39 series that the index does not define (the first: 2)"));
}

static void a_missing_index_is_told(void **state)
{
    struct fixture *f = *state;
    struct told told;
    char path[512];
    fill(f);
    fixture_close(f);
    (void)snprintf(path, sizeof path, "%s/index/data.mdb", f->dir);
    assert_int_equal(unlink(path), 0);
    (void)check(f, &told, TM_CORRUPT);
    assert_non_null(strstr(told.text, "index: is missing"));
}

/* Whatever happens to its pages: never a death of the check, and a store that opens tells, or lost nothing.
 */
static void the_index_survives_any_damage(void **state)
{
    struct fixture *f = *state;
    struct told told;
    char path[512];
    size_t len;
    enum { PAGE = 4096 };
    const char *wanted = getenv("DAMAGE_ROUNDS");
    unsigned rounds = wanted ? (unsigned)strtoul(wanted, NULL, 10) / 4 : 40, sound = 0, refused = 0;
    fill(f);
    fixture_close(f);
    (void)snprintf(path, sizeof path, "%s/index/data.mdb", f->dir);
    uint8_t *bytes = read_whole(path, &len);
    uint8_t *copy = malloc(len);
    for (unsigned round = 0; round < rounds; round++) {
        unsigned random = round + 1;
        size_t page = (size_t)rand_r(&random) % (len / PAGE), cut = len;
        memcpy(copy, bytes, len);
        if (round % 4 == 0)
            memset(copy + page * PAGE, 0, PAGE);
        else if (round % 4 == 1)
            copy[page * PAGE + (size_t)rand_r(&random) % 32] ^= (uint8_t)(1 << rand_r(&random) % 8);
        else if (round % 4 == 2)
            copy[(size_t)rand_r(&random) % len] ^= (uint8_t)(1 << rand_r(&random) % 8);
        else
            cut = (size_t)rand_r(&random) % len;
        write_whole(path, copy, cut);
        const struct check_options options = {.dir = f->dir, .tell = keep, .arg = &told};
        struct check_result result;
        told = (struct told){.len = 0};
        enum tm_err err = check_run(&options, &result, &f->why);
        assert_true(err == TM_OK || err == TM_CORRUPT);
        sound += err == TM_OK;
        pid_t child = fork();
        if (child == 0) {
            struct reader *reader;
            for (int sig = 1; sig < 32; sig++)
                (void)signal(sig, SIG_DFL);
            (void)!freopen("/dev/null", "w", stderr);
            enum tm_err opened = reader_open(f->dir, &reader, &f->why);
            double last = 0;
            _exit(opened ? 10 : count_in(reader, "s0", &last) == DAYS * POINTS + 1 ? 0 : 11);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        bool is_whole = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        refused += !is_whole;
        if (err == TM_OK && !is_whole)
            print_message("round %u: status %x, check sound\n", round, status);
        assert_true(err != TM_OK || is_whole);
    }
    print_message("%u rounds: the check found %u sound, %u were refused or died\n", rounds, sound, refused);
    write_whole(path, bytes, len);
    free(bytes);
    free(copy);
    fixture_open(f);
}

/* ---- partitions ---- */

static void a_damaged_chunk_is_told_with_its_day(void **state)
{
    struct fixture *f = *state;
    struct told told;
    char path[512], place[64];
    size_t len;
    fill(f);
    fixture_close(f);
    day_path(f, -1, "/data.mdb", path, sizeof path);
    uint8_t *bytes = read_whole(path, &len);
    bytes[len / 2 + 100] ^= 4;
    write_whole(path, bytes, len);
    (void)check(f, &told, TM_CORRUPT);
    (void)snprintf(place, sizeof place, "%s: page ", path + strlen(f->dir) + 1);
    *strstr(place, "/data.mdb") = '\0';
    assert_non_null(strstr(told.text, place));
    assert_non_null(strstr(told.text, "put this partition back from a backup"));
    free(bytes);
    fixture_open(f);
}

static void a_truncated_open_day_is_told_and_the_rest_is_checked(void **state)
{
    struct fixture *f = *state;
    struct told told;
    char path[512];
    fill(f);
    fixture_close(f);
    day_path(f, 0, "/data.mdb", path, sizeof path);
    assert_int_equal(truncate(path, 3 * 4096 + 5), 0);
    struct check_result r = check(f, &told, TM_CORRUPT);
    assert_true(r.damages >= 1);
    assert_int_equal(r.sealed, DAYS - 1);
    assert_int_equal(r.samples, (DAYS - 1) * SERIES * POINTS);
    fixture_open(f);
}

static void a_partition_that_was_set_aside_is_told(void **state)
{
    struct fixture *f = *state;
    struct told told;
    char from[512], to[512];
    fill(f);
    fixture_close(f);
    day_path(f, -2, "", from, sizeof from);
    day_path(f, -2, ".quarantine.2", to, sizeof to);
    assert_int_equal(rename(from, to), 0);
    struct check_result r = check(f, &told, TM_CORRUPT);
    assert_int_equal(r.quarantined, 1);
    assert_int_equal(r.damages, 1);
    assert_non_null(strstr(told.text, ".quarantine.2: was set aside as damaged"));
    fixture_open(f);
}

/* ---- beside a writer that flushes, seals and merges ---- */

static void a_check_beside_a_busy_writer_finds_no_damage(void **state)
{
    struct fixture *f = *state;
    struct told told;
    int status = 0, checks = 0;
    fixture_close(f);
    pid_t writer = fork();
    if (writer == 0) {
        fixture_open(f);
        for (int round = 0; round < 60; round++) {
            char name[16];
            for (int i = 0; i < 40; i++) {
                (void)snprintf(name, sizeof name, "s%d", round + i % 7);
                if (send_one(f->store, name, DAY0 - (i % 3) * DAY_MS + round * 1000 + i, i) != TM_OK)
                    _exit(2);
            }
            if (store_flush(f->store) != TM_OK)
                _exit(3);
            pass_time(f, 3 * HOUR_MS / 2);
            flush_settle(f->store);
        }
        fixture_close(f);
        _exit(0);
    }
    while (waitpid(writer, &status, WNOHANG) == 0) {
        const struct check_options options = {.dir = f->dir, .tell = keep, .arg = &told};
        struct check_result result;
        told = (struct told){.len = 0};
        enum tm_err err = check_run(&options, &result, &f->why);
        if (err == TM_CORRUPT)
            print_message("%s", told.text);
        assert_true(err == TM_OK || (err == TM_NOT_FOUND && checks == 0));
        checks++;
    }
    assert_int_equal(status, 0);
    assert_true(checks > 1);
    fixture_open(f);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_sound_folder_is_sound_and_counted),
        CASE(a_folder_that_was_never_flushed_is_sound),
        cmocka_unit_test(what_is_no_data_folder_is_told),
        CASE(a_damaged_record_is_told_with_what_it_costs),
        CASE(a_torn_tail_is_a_note_and_no_damage),
        CASE(a_missing_segment_is_told),
        CASE(a_damaged_value_of_the_index_is_told),
        CASE(a_value_that_makes_no_sense_is_told_though_its_checksum_fits),
        CASE(a_marker_or_exception_that_cannot_be_read_is_told),
        CASE(chunks_of_unknown_series_are_told),
        CASE(a_missing_index_is_told),
        CASE(the_index_survives_any_damage),
        CASE(a_damaged_chunk_is_told_with_its_day),
        CASE(a_truncated_open_day_is_told_and_the_rest_is_checked),
        CASE(a_partition_that_was_set_aside_is_told),
        CASE(a_check_beside_a_busy_writer_finds_no_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
