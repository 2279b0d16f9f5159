/* FAULTS 12 and 13 through the whole reader: a day on disk is damaged, and whoever reads gets every value
 * right, or an error; never a wrong value, never a silent gap; the other days serve; the check tells. */
#include <sys/resource.h>

#include "storage/check/check.h"
#include "tests/unit/storage/engine.h"

enum { SERIES = 30, POINTS = 300, DAYS = 3, PAGE = 4096, ROUNDS = 40 };
enum outcome { SOUND = 0, NOTICED = 10, WRONG = 11, GAP = 12, OTHER_DAY = 13 };

static double value_of(int series, int day, int point)
{
    return series * 1000.0 + day * 17 + point * 0.37 + (point % 7) * 1e-3 * series;
}

static void fill(struct fixture *f)
{
    for (int day = 1 - DAYS; day <= 0; day++) {
        struct batch *batch = store_batch_new(f->store);
        for (int i = 0; i < SERIES * POINTS; i++) {
            char name[16];
            (void)snprintf(name, sizeof name, "s%d", i % SERIES);
            int point = i / SERIES;
            put(f->store, batch, name, DAY0 + day * DAY_MS + point * 1000 + point * point % 400,
                value_of(i % SERIES, day, point));
        }
        assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
    }
    flush_now(f);
    flush_settle(f->store);
}

/* One day of one series. */
static enum outcome read_day(struct reader *reader, uint32_t id, int series, int day)
{
    struct reader_walk walk;
    struct tm_why why;
    const time_ms_t *times;
    const double *values;
    size_t count;
    int point = 0;
    reader_walk_init(&walk, id, (struct span){DAY0 + day * DAY_MS, DAY0 + (day + 1) * DAY_MS});
    for (;;) {
        enum tm_err err = reader_walk_next(reader, &walk, &times, &values, &count, &why);
        if (err == TM_NOT_FOUND)
            break;
        if (err)
            return NOTICED;
        for (size_t i = 0; i < count; i++, point++) {
            if (values[i] != value_of(series, day, point) ||
                times[i] != DAY0 + day * DAY_MS + point * 1000 + point * point % 400)
                return WRONG;
        }
    }
    return point == POINTS ? SOUND : GAP;
}

/* One day of all series, together. */
static enum outcome read_day_of_all(struct reader *reader, const uint32_t *ids, int day)
{
    const struct span span = {DAY0 + day * DAY_MS, DAY0 + (day + 1) * DAY_MS};
    struct reader_row rows[READER_ROWS_MAX];
    for (int at = 0, given; at < SERIES; at += given) {
        size_t count;
        if (reader_rows(reader, ids + at, (size_t)(SERIES - at), span, rows, &count) != TM_OK)
            return NOTICED;
        given = (int)count;
        for (int i = 0; i < given; i++) {
            for (size_t k = 0; k < rows[i].count && k < POINTS; k++) {
                if (rows[i].values[k] != value_of(at + i, day, (int)k))
                    return WRONG;
            }
            if (rows[i].count != POINTS)
                return GAP;
        }
    }
    return SOUND;
}

/* The number of "sN"; 0: it is not there. */
static uint32_t find_series(struct reader *reader, int series)
{
    char name[16];
    (void)snprintf(name, sizeof name, "s%d", series);
    struct search search = {.name = str_of(name)};
    assert_int_equal(reader_series(reader, search_one, &search), TM_OK);
    return search.found;
}

/* As read_everything, a day after the other. */
static enum outcome read_together(struct reader *reader, int victim)
{
    uint32_t ids[SERIES];
    enum outcome outcome = SOUND;
    for (int series = 0; series < SERIES; series++) {
        ids[series] = find_series(reader, series);
        if (!ids[series])
            return GAP;
    }
    for (int day = 1 - DAYS; day <= 0; day++) {
        enum outcome own = read_day_of_all(reader, ids, day);
        if (own == WRONG || own == GAP)
            return own;
        if (own == NOTICED && day != victim)
            return OTHER_DAY;
        outcome = own == NOTICED ? NOTICED : outcome;
    }
    return outcome;
}

static enum outcome read_everything(struct reader *reader, int victim)
{
    enum outcome outcome = SOUND;
    for (int series = 0; series < SERIES; series++) {
        uint32_t found = find_series(reader, series);
        if (!found)
            return GAP;
        for (int day = 1 - DAYS; day <= 0; day++) {
            enum outcome own = read_day(reader, found, series, day);
            if (own == WRONG || own == GAP)
                return own;
            if (own == NOTICED && day != victim)
                return OTHER_DAY;
            if (own == NOTICED)
                outcome = NOTICED;
        }
    }
    return outcome;
}

/* In a child: a signal may end it. Negative: it did. */
static int read_in_child(struct fixture *f, int victim, bool is_together)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit none = {0, 0};
        struct reader *reader;
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)!freopen("/dev/null", "w", stderr);
        for (int sig = 1; sig < 32; sig++)
            (void)signal(sig, SIG_DFL);
        alarm(30);
        if (reader_open(f->dir, &reader, &f->why) != TM_OK)
            _exit(NOTICED);
        _exit((int)(is_together ? read_together(reader, victim) : read_everything(reader, victim)));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- kinds of damage ---- */

typedef size_t damage_fn(uint8_t *bytes, size_t len, unsigned *random);

static size_t any_page(size_t len, unsigned *random)
{
    return 2 + (size_t)rand_r(random) % (len / PAGE - 2);
}

static size_t flip_a_bit(uint8_t *bytes, size_t len, unsigned *random)
{
    bytes[(size_t)rand_r(random) % len] ^= (uint8_t)(1 << rand_r(random) % 8);
    return len;
}

static size_t flip_in_a_page_header(uint8_t *bytes, size_t len, unsigned *random)
{
    bytes[any_page(len, random) * PAGE + (size_t)rand_r(random) % 16] ^= (uint8_t)(1 << rand_r(random) % 8);
    return len;
}

/* FAULTS 13: keys vanish without a word of LMDB's. */
static size_t flip_in_a_branch_page(uint8_t *bytes, size_t len, unsigned *random)
{
    size_t branches[64], count = 0;
    for (size_t page = 2; page < len / PAGE && count < 64; page++) {
        if (bytes[page * PAGE + 10] == 1)
            branches[count++] = page;
    }
    if (count == 0)
        return flip_a_bit(bytes, len, random);
    size_t page = branches[(size_t)rand_r(random) % count];
    bytes[page * PAGE + (size_t)rand_r(random) % PAGE] ^= (uint8_t)(1 << rand_r(random) % 8);
    return len;
}

static size_t zero_a_page(uint8_t *bytes, size_t len, unsigned *random)
{
    memset(bytes + any_page(len, random) * PAGE, 0, PAGE);
    return len;
}

static size_t truncate_it(uint8_t *bytes, size_t len, unsigned *random)
{
    (void)bytes;
    return (size_t)rand_r(random) % len;
}

static const struct {
    const char *name;
    damage_fn *damage;
} kinds[] = {
    {"a bit anywhere", flip_a_bit},
    {"in a page header", flip_in_a_page_header},
    {"in a branch page", flip_in_a_branch_page},
    {"a page zeroed", zero_a_page},
    {"truncated", truncate_it},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* ---- rounds ---- */

struct image {
    uint8_t *bytes;
    size_t len;
    char path[512];
};

static void load_image(struct image *image, const struct fixture *f, int day)
{
    struct stat info;
    char name[PARTITION_PERIOD_NAME_BYTES];
    assert_int_equal(partition_period_name(PARTITION_RAW, (uint32_t)(DAY0 / DAY_MS + day), name), TM_OK);
    (void)snprintf(image->path, sizeof image->path, "%s/raw/%s/data.mdb", f->dir, name);
    int fd = open(image->path, O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &info) == 0);
    image->len = (size_t)info.st_size;
    image->bytes = malloc(image->len);
    assert_non_null(image->bytes);
    assert_int_equal(read(fd, image->bytes, image->len), image->len);
    close(fd);
}

static void store_image(const struct image *image, const uint8_t *bytes, size_t len)
{
    int fd = open(image->path, O_WRONLY | O_TRUNC | O_CREAT, 0640);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
}

static enum tm_err check_folder(const struct fixture *f)
{
    const struct check_options options = {.dir = f->dir};
    struct check_result result;
    struct tm_why why;
    return check_run(&options, &result, &why);
}

static unsigned rounds_wanted(void)
{
    const char *wanted = getenv("DAMAGE_ROUNDS");
    return wanted           ? (unsigned)strtoul(wanted, NULL, 10) / KINDS
           : getenv("SOAK") ? 1000 / KINDS
                            : ROUNDS / KINDS;
}

static void damage_day(struct fixture *f, int day, bool is_sealed)
{
    struct image image;
    load_image(&image, f, day);
    uint8_t *bytes = malloc(image.len);
    for (size_t kind = 0; kind < KINDS; kind++) {
        int sound = 0, noticed = 0, died = 0;
        for (unsigned round = 0; round < rounds_wanted(); round++) {
            unsigned random = round * KINDS + (unsigned)kind + 1;
            memcpy(bytes, image.bytes, image.len);
            size_t len = kinds[kind].damage(bytes, image.len, &random);
            store_image(&image, bytes, len);
            int read = read_in_child(f, day, round % 2);
            if (read == WRONG || read == GAP || read == OTHER_DAY || read == 1)
                print_message("%s, round %u: %d\n", kinds[kind].name, round, read);
            assert_true(read == SOUND || read == NOTICED || read < 0);
            enum tm_err checked = check_folder(f);
            assert_true(checked == TM_OK || checked == TM_CORRUPT);
            assert_true(!is_sealed || checked == TM_CORRUPT);
            assert_true(read == SOUND || checked == TM_CORRUPT);
            sound += read == SOUND;
            noticed += read == NOTICED;
            died += read < 0;
        }
        print_message("%-18s %d read whole, %d noticed, %d died\n", kinds[kind].name, sound, noticed, died);
    }
    store_image(&image, image.bytes, image.len);
    assert_int_equal(read_in_child(f, day, true), SOUND);
    assert_int_equal(check_folder(f), TM_OK);
    free(bytes);
    free(image.bytes);
}

static void damage_of_a_sealed_day_is_never_a_wrong_value_nor_a_silent_gap(void **state)
{
    struct fixture *f = *state;
    fill(f);
    fixture_close(f);
    assert_int_equal(read_in_child(f, -1, false), SOUND);
    damage_day(f, -1, true);
    fixture_open(f);
}

/* The daemon itself: it reads the damaged day, sets it aside, and serves the rest. */
static void a_damaged_day_is_set_aside_and_the_rest_serves(void **state)
{
    struct fixture *f = *state;
    struct image image;
    char aside[600];
    fill(f);
    fixture_close(f);
    load_image(&image, f, -1);
    memset(image.bytes + image.len / 2 / PAGE * PAGE, 0, PAGE);
    store_image(&image, image.bytes, image.len);
    fixture_open(f);
    struct reader *reader = reader_of_store(f->store);
    assert_int_equal(read_everything(reader, -1), NOTICED);
    reader_close(reader);
    flush_settle(f->store);
    *strrchr(image.path, '/') = '\0';
    (void)snprintf(aside, sizeof aside, "%s.quarantine", image.path);
    assert_int_equal(access(aside, F_OK), 0);
    assert_int_equal(access(image.path, F_OK), -1);
    store_poll(f->store);
    assert_non_null(strstr(f->log, "partition.quarantined"));
    assert_int_equal(count_of(f->store, "s3"), (DAYS - 1) * POINTS);
    assert_int_equal(check_folder(f), TM_CORRUPT);
    free(image.bytes);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(damage_of_a_sealed_day_is_never_a_wrong_value_nor_a_silent_gap),
        CASE(a_damaged_day_is_set_aside_and_the_rest_serves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
