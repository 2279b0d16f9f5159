/* Damaged files: never a wrong value, never a silent gap; who dies of one dies twice at most. */
#include "test_partition_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

enum { SERIES = 2000, ROUNDS = 60, PAGE = 4096 };

enum outcome { SOUND = 0, NOTICED = 10, WRONG = 11, GAP = 12 };

struct image {
    uint8_t *bytes;
    size_t len;
    char path[256];
};

static void load_image(struct image *image, const struct scratch *s, const char *file)
{
    struct stat st;
    partition_file(s, day_id(TEST_DAY, false), file, image->path);
    int fd = open(image->path, O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    image->len = (size_t)st.st_size;
    image->bytes = test_malloc(image->len);
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

static size_t flip_in_a_branch_page(uint8_t *bytes, size_t len, unsigned *random)
{
    size_t page = any_page(len, random);
    while (!(bytes[page * PAGE + 10] & 1))
        page = any_page(len, random);
    bytes[page * PAGE + (size_t)rand_r(random) % PAGE] ^= (uint8_t)(1 << rand_r(random) % 8);
    return len;
}

static size_t flip_in_a_meta_page(uint8_t *bytes, size_t len, unsigned *random)
{
    bytes[(size_t)(rand_r(random) % 2) * PAGE + (size_t)rand_r(random) % 160] ^=
        (uint8_t)(1 << rand_r(random) % 8);
    return len;
}

static size_t flip_a_key(uint8_t *bytes, size_t len, unsigned *random)
{
    /* Some node of some leaf: its key stands behind 8 bytes of header. */
    size_t page = any_page(len, random);
    while (bytes[page * PAGE + 10] != 2)
        page = any_page(len, random);
    uint16_t lower, node;
    memcpy(&lower, bytes + page * PAGE + 12, 2);
    size_t count = (size_t)(lower - 16) / 2;
    if (count == 0)
        return flip_a_bit(bytes, len, random);
    memcpy(&node, bytes + page * PAGE + 16 + 2 * ((size_t)rand_r(random) % count), 2);
    bytes[page * PAGE + node + (size_t)rand_r(random) % 20] ^= (uint8_t)(1 << rand_r(random) % 8);
    return len;
}

static size_t zero_a_page(uint8_t *bytes, size_t len, unsigned *random)
{
    memset(bytes + any_page(len, random) * PAGE, 0, PAGE);
    return len;
}

static size_t swap_two_pages(uint8_t *bytes, size_t len, unsigned *random)
{
    uint8_t page[PAGE];
    size_t a = any_page(len, random), b = any_page(len, random);
    memcpy(page, bytes + a * PAGE, PAGE);
    memcpy(bytes + a * PAGE, bytes + b * PAGE, PAGE);
    memcpy(bytes + b * PAGE, page, PAGE);
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
    {"in a meta page", flip_in_a_meta_page},
    {"in a key", flip_a_key},
    {"a page zeroed", zero_a_page},
    {"two pages swapped", swap_two_pages},
    {"truncated", truncate_it},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* ---- what a reader makes of it ---- */

/* Every chunk by its key; a gap is only allowed with an error. */
static enum outcome get_all(struct scratch *s)
{
    for (uint32_t at = 0; at < SERIES; at += 100) {
        struct partition_step step;
        enum tm_err err = partition_step_begin(s->set, day_id(TEST_DAY, false), &step, NULL);
        if (err)
            return NOTICED;
        enum outcome outcome = SOUND;
        for (uint32_t i = at; outcome == SOUND && i < at + 100; i++) {
            struct partition_item item = {.key = {1, i, 0}};
            err = partition_get(&step, &item.key, &item.value, NULL);
            if (err == TM_NOT_FOUND)
                outcome = GAP;
            else if (err || !is_sound(&item, NULL))
                outcome = NOTICED;
            else if (flavour_of(&item) != 1)
                outcome = WRONG;
        }
        partition_step_end(&step);
        if (outcome != SOUND)
            return outcome;
    }
    return SOUND;
}

static enum outcome scan_all(struct scratch *s)
{
    struct content found, wanted = windows_content(1, 1, SERIES);
    enum tm_err err = read_all(s->set, day_id(TEST_DAY, false), 100, &found);
    if (err || found.wrong)
        return NOTICED;
    return found.chunks != wanted.chunks ? GAP : found.sum != wanted.sum ? WRONG : SOUND;
}

/* In a child: a signal may end it. Negative: it did. */
static int read_in_child(struct scratch *s, bool by_key)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)!freopen("/dev/null", "w", stderr);
        for (int sig = 1; sig < 32; sig++)
            (void)signal(sig, SIG_DFL);
        alarm(20);
        scratch_open(s);
        enum outcome outcome = by_key ? get_all(s) : scan_all(s);
        _exit((int)outcome);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int check_in_child(struct scratch *s)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct partition_check_options options = {.chunk = check_value};
        struct partition_check_result result;
        char path[256];
        const struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)!freopen("/dev/null", "w", stderr);
        for (int sig = 1; sig < 32; sig++)
            (void)signal(sig, SIG_DFL);
        alarm(20);
        partition_file(s, day_id(TEST_DAY, false), "", path);
        enum tm_err err = partition_check(path, day_id(TEST_DAY, false), &options, &result, NULL);
        _exit(err == TM_OK && result.chunks == SERIES ? SOUND : NOTICED);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void make_sealed(struct scratch *s)
{
    scratch_make(s, "/dev/shm");
    scratch_open(s);
    must_write(s, TEST_DAY, 1, SERIES, 200);
    assert_int_equal(partition_seal(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
    must_write(s, TEST_DAY + 1, 2, 10, 200);
    scratch_close(s);
}

static void remove_notes(const struct scratch *s)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/reading", s->dir);
    (void)unlink(path);
}

struct tally {
    int sound, noticed, died;
    int check_sound, check_noticed, check_died;
};

static void one_round(struct scratch *s, const struct image *image, size_t kind, unsigned round,
                      struct tally *t)
{
    unsigned random = round * KINDS + (unsigned)kind + 1;
    uint8_t *bytes = test_malloc(image->len);
    memcpy(bytes, image->bytes, image->len);
    size_t len = kinds[kind].damage(bytes, image->len, &random);
    bool is_changed = len != image->len || memcmp(bytes, image->bytes, len) != 0;
    store_image(image, bytes, len);
    remove_notes(s);
    int read = read_in_child(s, round % 2 == 0), check = check_in_child(s);
    assert_true(read != WRONG && read != GAP && read != 1);
    t->sound += read == SOUND;
    t->noticed += read == NOTICED;
    t->died += read < 0;
    /* The pages tell of every changed bit. */
    assert_true(!is_changed || check != SOUND);
    t->check_sound += check == SOUND;
    t->check_noticed += check == NOTICED;
    t->check_died += check < 0;
    test_free(bytes);
}

static void damage_is_never_a_wrong_value_nor_a_silent_gap(void **state)
{
    (void)state;
    struct scratch s;
    struct image image;
    const char *wanted = getenv("DAMAGE_ROUNDS");
    unsigned rounds = wanted ? (unsigned)strtoul(wanted, NULL, 10) : ROUNDS;
    make_sealed(&s);
    load_image(&image, &s, "/data.mdb");
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct tally t = {0};
        for (unsigned round = 0; round < rounds; round++)
            one_round(&s, &image, kind, round, &t);
        print_message("%-20s read: %d untouched, %d noticed, %d died; check: %d, %d, %d\n", kinds[kind].name,
                      t.sound, t.noticed, t.died, t.check_sound, t.check_noticed, t.check_died);
    }
    test_free(image.bytes);
    scratch_remove(&s);
}

static void damage_of_the_file_of_hashes_is_noticed(void **state)
{
    (void)state;
    struct scratch s;
    struct image image;
    make_sealed(&s);
    load_image(&image, &s, "/pages");
    for (unsigned round = 0; round < 40; round++) {
        unsigned random = round + 1;
        uint8_t *bytes = test_malloc(image.len);
        memcpy(bytes, image.bytes, image.len);
        size_t len =
            round % 4 == 0 ? truncate_it(bytes, image.len, &random) : flip_a_bit(bytes, image.len, &random);
        store_image(&image, bytes, len);
        remove_notes(&s);
        assert_int_equal(read_in_child(&s, true), NOTICED);
        assert_int_equal(check_in_child(&s), NOTICED);
        test_free(bytes);
    }
    test_free(image.bytes);
    scratch_remove(&s);
}

/* ---- the check without the help of hashes: manifest and windows alone ---- */

struct sentences {
    char text[4096];
};

static void keep_sentence(void *arg, const char *text)
{
    struct sentences *s = arg;
    size_t len = strlen(s->text);
    (void)snprintf(s->text + len, sizeof s->text - len, "%s\n", text);
}

static void the_manifest_tells_of_keys_missing_behind_a_damaged_branch(void **state)
{
    (void)state;
    struct scratch s;
    struct image image;
    int noticed = 0, died = 0, sound = 0;
    make_sealed(&s);
    load_image(&image, &s, "/data.mdb");
    char pages[256];
    partition_file(&s, day_id(TEST_DAY, false), "/pages", pages);
    assert_int_equal(unlink(pages), 0);
    for (unsigned round = 0; round < 60; round++) {
        unsigned random = round + 1;
        uint8_t *bytes = test_malloc(image.len);
        memcpy(bytes, image.bytes, image.len);
        store_image(&image, bytes, flip_in_a_branch_page(bytes, image.len, &random));
        remove_notes(&s);
        int check = check_in_child(&s);
        noticed += check == NOTICED;
        died += check < 0;
        /* Where the check finds nothing, neither does a reader: the flipped bit meant nothing. */
        if (check == SOUND)
            assert_int_equal(read_in_child(&s, true), SOUND);
        sound += check == SOUND;
        test_free(bytes);
    }
    print_message("branch pages: %d meant nothing, %d noticed, %d died\n", sound, noticed, died);
    assert_true(noticed > 5);
    test_free(image.bytes);
    scratch_remove(&s);
}

static void a_check_names_the_damaged_chunk(void **state)
{
    (void)state;
    struct scratch s;
    struct sentences told = {""};
    struct partition_check_options options = {.chunk = check_value, .report = keep_sentence, .arg = &told};
    struct partition_check_result result;
    struct image image;
    char path[256];
    make_sealed(&s);
    load_image(&image, &s, "/data.mdb");
    struct chunk c = chunk_of(1234, 0, 1, 200);
    uint8_t *at = memmem(image.bytes, image.len, c.bytes, c.len);
    assert_non_null(at);
    at[100] ^= 1;
    store_image(&image, image.bytes, image.len);
    partition_file(&s, day_id(TEST_DAY, false), "", path);
    assert_int_equal(partition_check(path, day_id(TEST_DAY, false), &options, &result, NULL), TM_CORRUPT);
    assert_non_null(strstr(told.text, "chunk (window 1, series 1234, part 0) is damaged"));
    assert_non_null(strstr(told.text, "of data.mdb is damaged"));
    assert_non_null(strstr(told.text, "keys or values differ from what was sealed"));
    assert_int_equal(result.damages, 3);
    assert_int_equal(result.chunks, SERIES);
    test_free(image.bytes);
    scratch_remove(&s);
}

/* ---- quarantine ---- */

static void a_damaged_partition_is_set_aside_and_the_rest_serves(void **state)
{
    (void)state;
    struct scratch s;
    struct image image;
    struct partitions_stats stats;
    struct partition_step step;
    make_sealed(&s);
    load_image(&image, &s, "/data.mdb");
    unsigned random = 7;
    store_image(&image, image.bytes, flip_in_a_branch_page(image.bytes, image.len, &random));
    scratch_open(&s);
    assert_int_equal(partition_step_begin(s.set, day_id(TEST_DAY, false), &step, NULL), TM_CORRUPT);
    assert_int_equal(partition_step_begin(s.set, day_id(TEST_DAY, false), &step, NULL), TM_CORRUPT);
    assert_int_equal(s.error_lines, 1);
    partitions_stats(s.set, &stats);
    assert_int_equal(stats.damaged, 1);
    partitions_tick(s.set);
    partitions_stats(s.set, &stats);
    assert_int_equal(stats.damaged, 0);
    assert_int_equal(stats.quarantined, 1);
    assert_true(is_there(&s, day_id(TEST_DAY, false), ".quarantine"));
    assert_content(&s, day_id(TEST_DAY + 1, false), windows_content(2, 1, 10));
    /* New data of that day is taken. */
    must_write(&s, TEST_DAY, 5, 10, 200);
    assert_content(&s, day_id(TEST_DAY, false), windows_content(5, 1, 10));
    test_free(image.bytes);
    scratch_remove(&s);
}

static void the_caller_can_set_a_partition_aside(void **state)
{
    (void)state;
    struct scratch s;
    struct partition_step step;
    make_sealed(&s);
    scratch_open(&s);
    for (int round = 0; round < 2; round++) {
        if (round == 1)
            must_write(&s, TEST_DAY, 1, 10, 200);
        assert_int_equal(partition_step_begin(s.set, day_id(TEST_DAY, false), &step, NULL), TM_OK);
        partition_quarantine(s.set, day_id(TEST_DAY, false), "a chunk fails its checksum");
        partition_step_end(&step);
        assert_int_equal(partition_step_begin(s.set, day_id(TEST_DAY, false), &step, NULL), TM_CORRUPT);
        partitions_tick(s.set);
        assert_int_equal(partition_step_begin(s.set, day_id(TEST_DAY, false), &step, NULL), TM_NOT_FOUND);
    }
    assert_true(is_there(&s, day_id(TEST_DAY, false), ".quarantine"));
    assert_true(is_there(&s, day_id(TEST_DAY, false), ".quarantine.2"));
    scratch_remove(&s);
}

static void an_assertion_of_lmdb_is_survived(void **state)
{
    (void)state;
    struct scratch s;
    struct image image;
    make_sealed(&s);
    load_image(&image, &s, "/data.mdb");
    /* Without the hashes LMDB itself meets the zeroed pages. */
    char pages[256];
    partition_file(&s, day_id(TEST_DAY, false), "/pages", pages);
    assert_int_equal(unlink(pages), 0);
    int survived = 0;
    for (unsigned round = 0; round < 20; round++) {
        unsigned random = round + 1;
        uint8_t *bytes = test_malloc(image.len);
        memcpy(bytes, image.bytes, image.len);
        store_image(&image, bytes, zero_a_page(bytes, image.len, &random));
        remove_notes(&s);
        int outcome = read_in_child(&s, round % 2);
        assert_true(outcome == NOTICED || outcome == SOUND);
        survived += outcome == NOTICED;
        test_free(bytes);
    }
    assert_true(survived >= 10);
    test_free(image.bytes);
    scratch_remove(&s);
}

/* Dies inside a step of the partition. */
static void die_inside(struct scratch *s, uint32_t period)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct partition_step step;
        scratch_open(s);
        enum tm_err err = partition_step_begin(s->set, day_id(period, false), &step, NULL);
        kill(getpid(), err ? SIGTERM : SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void a_damaged_partition_that_ended_two_runs_is_set_aside(void **state)
{
    (void)state;
    struct scratch s;
    struct image image;
    make_sealed(&s);
    load_image(&image, &s, "/data.mdb");
    struct chunk c = chunk_of(5, 0, 1, 200);
    uint8_t *at = memmem(image.bytes, image.len, c.bytes, c.len);
    assert_non_null(at);
    at[50] ^= 1;
    store_image(&image, image.bytes, image.len);
    die_inside(&s, TEST_DAY);
    die_inside(&s, TEST_DAY);
    scratch_open(&s);
    assert_false(is_there(&s, day_id(TEST_DAY, false), ""));
    assert_true(is_there(&s, day_id(TEST_DAY, false), ".quarantine"));
    assert_content(&s, day_id(TEST_DAY + 1, false), windows_content(2, 1, 10));
    test_free(image.bytes);
    scratch_remove(&s);
}

static void a_sound_partition_stays_however_often_its_reader_is_killed(void **state)
{
    (void)state;
    struct scratch s;
    make_sealed(&s);
    for (int i = 0; i < 5; i++) {
        die_inside(&s, TEST_DAY);
        die_inside(&s, TEST_DAY + 1);
    }
    scratch_open(&s);
    assert_content(&s, day_id(TEST_DAY, false), windows_content(1, 1, SERIES));
    assert_content(&s, day_id(TEST_DAY + 1, false), windows_content(2, 1, 10));
    assert_int_equal(s.error_lines, 0);
    scratch_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damage_is_never_a_wrong_value_nor_a_silent_gap),
        cmocka_unit_test(damage_of_the_file_of_hashes_is_noticed),
        cmocka_unit_test(the_manifest_tells_of_keys_missing_behind_a_damaged_branch),
        cmocka_unit_test(a_check_names_the_damaged_chunk),
        cmocka_unit_test(a_damaged_partition_is_set_aside_and_the_rest_serves),
        cmocka_unit_test(the_caller_can_set_a_partition_aside),
        cmocka_unit_test(an_assertion_of_lmdb_is_survived),
        cmocka_unit_test(a_damaged_partition_that_ended_two_runs_is_set_aside),
        cmocka_unit_test(a_sound_partition_stays_however_often_its_reader_is_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
