/* Damage of a day that is not sealed, which has no hashes of its pages: a value that is wrong is never given,
 * and what is missing is told. OPEN_DAMAGE_ROUNDS rounds. */
#include <signal.h>

#include "storage/partition/days.h"
#include "tests/unit/storage/engine.h"

enum { SERIES = 60, EACH = 200, WINDOWS = 5, ROUNDS_DEFAULT = 300, PAGE = 4096, DEATHS_MAX = 2 };

static double value_of(int series, int i)
{
    return series * 1000.25 + i * 3.7;
}

static void fill(struct fixture *f)
{
    for (int window = 0; window < WINDOWS; window++) {
        struct batch *batch = store_batch_new(f->store);
        for (int s = 0; s < SERIES; s++) {
            char name[16];
            (void)snprintf(name, sizeof name, "s%d", s);
            for (int i = window * EACH; i < (window + 1) * EACH; i++)
                put(f->store, batch, name, DAY0 + i * 1000, value_of(s, i));
        }
        assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
        flush_now(f);
    }
}

enum outcome { WHOLE, TOLD, GAP, WRONG, DIED, OUTCOMES };

static enum outcome judge_series(struct reader *reader, int s)
{
    char name[16];
    struct search search = {.count = 0};
    const time_ms_t *times;
    const double *values;
    size_t count;
    (void)snprintf(name, sizeof name, "s%d", s);
    search.name = str_of(name);
    assert_int_equal(reader_series(reader, search_one, &search), TM_OK);
    if (reader_samples(reader, search.found, EVERYTHING, &times, &values, &count) != TM_OK)
        return TOLD;
    for (size_t i = 0; i < count; i++) {
        if (values[i] != value_of(s, (int)((times[i] - DAY0) / 1000)))
            return WRONG;
    }
    return count == WINDOWS * EACH ? WHOLE : GAP;
}

/* All series together. */
static enum outcome judge_rows(struct reader *reader)
{
    uint32_t numbers[SERIES];
    struct reader_row rows[READER_ROWS_MAX];
    enum outcome worst = WHOLE;
    for (int s = 0; s < SERIES; s++) {
        char name[16];
        struct search search = {.count = 0};
        (void)snprintf(name, sizeof name, "s%d", s);
        search.name = str_of(name);
        assert_int_equal(reader_series(reader, search_one, &search), TM_OK);
        numbers[s] = search.found;
    }
    for (size_t at = 0, given; at < SERIES; at += given) {
        if (reader_rows(reader, numbers + at, SERIES - at, EVERYTHING, rows, &given) != TM_OK)
            return TOLD;
        for (size_t i = 0; i < given; i++) {
            for (size_t k = 0; k < rows[i].count; k++) {
                if (rows[i].values[k] != value_of((int)(at + i), (int)((rows[i].times[k] - DAY0) / 1000)))
                    return WRONG;
            }
            worst = rows[i].count == WINDOWS * EACH ? worst : GAP;
        }
    }
    return worst;
}

/* Not by the handlers of the test's library, which would go on with the test. */
static void die_of_signals(void)
{
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGABRT};
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++)
        (void)signal(deadly[i], SIG_DFL);
}

/* In a child, which may die. */
static enum outcome judge(struct fixture *f, bool is_together)
{
    pid_t child = fork();
    if (child == 0) {
        struct reader *reader;
        die_of_signals();
        if (reader_open(f->dir, &reader, &f->why) != TM_OK)
            _exit(TOLD);
        enum outcome worst = is_together ? judge_rows(reader) : WHOLE;
        for (int s = 0; s < SERIES && !is_together; s++) {
            enum outcome one = judge_series(reader, s);
            worst = one > worst ? one : worst;
        }
        _exit((int)worst);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) < OUTCOMES ? (enum outcome)WEXITSTATUS(status) : DIED;
}

static enum tm_err check_chunk(void *arg, const struct partition_item *item, struct partition_extent *out)
{
    struct partition_id id = {PARTITION_RAW, (uint32_t)(DAY0 / DAY_MS), false};
    struct chunk_key key = days_chunk_key(id, &item->key);
    time_ms_t times[EACH];
    double values[EACH];
    struct chunk_head head;
    size_t count;
    (void)arg;
    enum tm_err err = chunk_peek(&key, item->value, &head);
    if (!err && head.count > EACH)
        err = TM_CORRUPT;
    if (!err)
        err = chunk_decode_span(&key, item->value, EVERYTHING, times, values, EACH, &count);
    if (!err)
        *out = (struct partition_extent){head.first, head.last, head.count};
    return err;
}

/* What verify does, in a child. */
static bool is_found_by_check(struct fixture *f)
{
    pid_t child = fork();
    if (child == 0) {
        char path[512];
        struct partition_check_options options = {.chunk = check_chunk};
        struct partition_check_result result;
        struct partition_id id = {PARTITION_RAW, (uint32_t)(DAY0 / DAY_MS), false};
        die_of_signals();
        (void)snprintf(path, sizeof path, "%s/raw/2025-11-24", f->dir);
        _exit(partition_check(path, id, &options, &result, NULL) == TM_CORRUPT);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return !WIFEXITED(status) || WEXITSTATUS(status) == 1;
}

static void damage_of_an_open_day_is_told_and_gives_no_wrong_value_and_no_gap(void **state)
{
    struct fixture *f = *state;
    const char *text = getenv("OPEN_DAMAGE_ROUNDS");
    int rounds = text ? atoi(text) : ROUNDS_DEFAULT, counts[OUTCOMES] = {0};
    char path[512];
    struct stat info;
    uint64_t random = 7;
    fill(f);
    fixture_close(f);
    (void)snprintf(path, sizeof path, "%s/raw/2025-11-24/data.mdb", f->dir);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(judge(f, false), WHOLE);
    assert_int_equal(judge(f, true), WHOLE);
    for (int round = 0; round < rounds; round++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        off_t at = (off_t)((random >> 16) % (uint64_t)info.st_size);
        if (round % 2) /* what leads to values, more often than chance would hit it */
            at = at / PAGE * PAGE + at % (PAGE / 16);
        uint8_t byte, was;
        int fd = open(path, O_RDWR);
        assert_true(fd >= 0);
        assert_int_equal(pread(fd, &was, 1, at), 1);
        byte = (uint8_t)(was ^ (1u << (random >> 60 & 7)));
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        enum outcome outcome = judge(f, round / 2 % 2);
        counts[outcome]++;
        if (outcome == TOLD)
            assert_true(is_found_by_check(f));
        assert_int_equal(pwrite(fd, &was, 1, at), 1);
        close(fd);
    }
    print_message("%d rounds: %d whole, %d told, %d gaps, %d wrong, %d died\n", rounds, counts[WHOLE],
                  counts[TOLD], counts[GAP], counts[WRONG], counts[DIED]);
    assert_int_equal(counts[WRONG], 0);
    assert_int_equal(counts[GAP], 0);
    assert_true(counts[DIED] <= DEATHS_MAX);
    assert_true(counts[TOLD] > rounds / 20);
    fixture_open(f);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(damage_of_an_open_day_is_told_and_gives_no_wrong_value_and_no_gap)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
