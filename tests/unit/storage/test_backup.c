/* Backups: whole or not there, from one moment, and what is restored is what was stored. */
#include <dirent.h>

#include "storage/backup/backup.h"
#include "storage/backup/freeze.h"
#include "storage/backup/manifest.h"
#include "storage/check/check.h"
#include "tests/unit/storage/engine.h"

enum { PATH = 600, SERIES = 20, POINTS = 30 };

static void path_in(const struct fixture *f, const char *name, char out[PATH])
{
    (void)snprintf(out, PATH, "%s.%s", f->dir, name);
}

static void remove_tree(const char *path)
{
    char line[2 * PATH + 32];
    (void)snprintf(line, sizeof line, "rm -rf '%s'", path);
    assert_int_equal(system(line), 0);
}

static int backup_teardown(void **state)
{
    static const char *const names[] = {"backups", "restored", "restored.restoring", "other"};
    struct fixture *f = *state;
    char path[PATH];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        path_in(f, names[i], path);
        remove_tree(path);
    }
    (void)snprintf(path, sizeof path, "%s/frozen", f->dir);
    remove_tree(path);
    return fixture_teardown(state);
}

/* Samples of four days: two sealed, yesterday's and today's open; events; a producer. */
static void fill(struct fixture *f, int seed)
{
    for (int day = -3; day <= 0; day++) {
        struct batch *batch = store_batch_new(f->store);
        for (int i = 0; i < SERIES * POINTS; i++) {
            char name[16];
            (void)snprintf(name, sizeof name, "s%d", i % SERIES);
            put(f->store, batch, name, DAY0 + day * DAY_MS + i / SERIES * 1000 + seed, i + seed);
        }
        assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
    }
    assert_int_equal(send_event(f->store, EVENT_HTTP, DAY0, "e"), TM_OK);
}

static void freeze(struct fixture *f)
{
    struct answer answer = {0, TM_OK};
    assert_int_equal(store_freeze(f->store, answer_done, &answer), TM_OK);
    assert_int_equal(store_freeze(f->store, answer_done, &answer), TM_BUSY);
    wait_answer(f->store, &answer);
    assert_string_equal(store_freeze_why(f->store), "");
    assert_int_equal(answer.err, TM_OK);
}

static enum tm_err copy(struct fixture *f, const char *dest, struct bytes *out)
{
    char to[PATH];
    path_in(f, dest, to);
    const struct backup_options options = {.from = f->dir, .to = to};
    bytes_clear(out);
    enum tm_err err = backup_copy(&options, out, &f->why);
    bytes_put(out, "", 1);
    return err;
}

static enum tm_err restore(struct fixture *f, const char *from)
{
    char to[PATH], source[PATH];
    struct bytes out = {0};
    path_in(f, "restored", to);
    path_in(f, from, source);
    const struct backup_options options = {.from = source, .to = to};
    enum tm_err err = backup_restore(&options, &out, &f->why);
    bytes_fini(&out);
    return err;
}

static uint64_t number_in(const struct bytes *document, const char *name)
{
    const char *at = strstr((const char *)document->data, name);
    assert_non_null(at);
    return strtoull(at + strlen(name) + 2, NULL, 10);
}

/* Opens what was restored with a store of its own and compares counts and values of each series. */
static void expect_restored(struct fixture *f, size_t points, const char *events, double last)
{
    struct store_options options = f->options;
    struct store *store;
    char dir[PATH], name[16];
    path_in(f, "restored", dir);
    options.dir = dir;
    options.fault_point = NULL;
    assert_int_equal(store_open(&options, &store, &f->why), TM_OK);
    for (int i = 0; i < SERIES; i++) {
        (void)snprintf(name, sizeof name, "s%d", i);
        assert_int_equal(count_of(store, name), points);
    }
    assert_true(last_of(store, "s0") == last);
    assert_int_equal(stats_of(store).damaged_records, 0);
    assert_int_equal(stats_of(store).torn_tails, 0);
    expect_events(store, EVENT_HTTP, events);
    /* It goes on. */
    assert_int_equal(send_one(store, "s0", DAY0 + HOUR_MS, 7), TM_OK);
    assert_int_equal(store_flush(store), TM_OK);
    store_close(store);
    assert_int_equal(store_open(&options, &store, &f->why), TM_OK);
    assert_int_equal(count_of(store, "s0"), points + 1);
    store_close(store);
    remove_tree(dir);
}

/* ---- whole ---- */

static void a_backup_holds_what_was_acknowledged_and_nothing_later(void **state)
{
    struct fixture *f = *state;
    struct bytes out = {0};
    fill(f, 0);
    flush_now(f);
    flush_settle(f->store);
    fill(f, 500); /* in the journal alone */
    freeze(f);
    fill(f, 700); /* after the moment, into the same segment */
    flush_now(f);
    assert_int_equal(copy(f, "backups", &out), TM_OK);
    assert_int_equal(restore(f, "backups"), TM_OK);
    expect_restored(f, (size_t)2 * 4 * POINTS, "e e ", SERIES * (POINTS - 1) + 500);
    bytes_fini(&out);
}

static void a_backup_of_a_store_that_was_never_flushed(void **state)
{
    struct fixture *f = *state;
    struct bytes out = {0};
    fill(f, 0);
    freeze(f);
    assert_int_equal(copy(f, "backups", &out), TM_OK);
    assert_int_equal(restore(f, "backups"), TM_OK);
    expect_restored(f, (size_t)4 * POINTS, "e ", SERIES * (POINTS - 1));
    bytes_fini(&out);
}

static void put_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* NULL: it is not there. */
static const char *read_file(const char *path, char text[64])
{
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    text[fread(text, 1, 63, file)] = '\0';
    assert_int_equal(fclose(file), 0);
    return text;
}

static void what_scoring_learned_is_in_it_as_it_was(void **state)
{
    static const char *const names[] = {"began", "00", "ff", "incidents", "a7.new"};
    struct fixture *f = *state;
    struct bytes out = {0};
    char path[2 * PATH], dir[PATH], text[64];
    (void)snprintf(path, sizeof path, "%s/scoring", f->dir);
    assert_int_equal(mkdir(path, 0750), 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/scoring/%s", f->dir, names[i]);
        put_file(path, names[i]);
    }
    fill(f, 0);
    freeze(f);
    /* as scoring replaces one */
    (void)snprintf(path, sizeof path, "%s/scoring/00.new", f->dir);
    put_file(path, "later");
    (void)snprintf(dir, sizeof dir, "%s/scoring/00", f->dir);
    assert_int_equal(rename(path, dir), 0);
    assert_int_equal(copy(f, "backups", &out), TM_OK);
    assert_int_equal(restore(f, "backups"), TM_OK);
    path_in(f, "restored", dir);
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(path, sizeof path, "%s/scoring/%s", dir, names[i]);
        assert_string_equal(read_file(path, text), names[i]);
    }
    (void)snprintf(path, sizeof path, "%s/scoring/a7.new", dir);
    assert_null(read_file(path, text));
    expect_restored(f, (size_t)4 * POINTS, "e ", SERIES * (POINTS - 1));
    (void)snprintf(path, sizeof path, "%s/scoring", f->dir);
    remove_tree(path);
    bytes_fini(&out);
}

static void producers_are_known_in_what_is_restored(void **state)
{
    struct fixture *f = *state;
    struct bytes out = {0};
    struct store *store;
    struct store_options options = f->options;
    struct producer_mark first = mark_of("a", 1, 1), second = mark_of("a", 1, 2), third = mark_of("a", 1, 3);
    char dir[PATH];
    assert_int_equal(send_batch(f->store, one_sample(f->store, "s0", DAY0, 1), &first), TM_OK);
    flush_now(f);
    assert_int_equal(send_batch(f->store, one_sample(f->store, "s0", DAY0 + 1, 1), &second), TM_OK);
    freeze(f);
    assert_int_equal(send_batch(f->store, one_sample(f->store, "s0", DAY0 + 2, 1), &third), TM_OK);
    assert_int_equal(copy(f, "backups", &out), TM_OK);
    assert_int_equal(restore(f, "backups"), TM_OK);
    path_in(f, "restored", dir);
    options.dir = dir;
    assert_int_equal(store_open(&options, &store, &f->why), TM_OK);
    assert_int_equal(store_producer_check(store, &second), PRODUCER_DUPLICATE);
    assert_int_equal(store_producer_check(store, &third), PRODUCER_NEW);
    store_close(store);
    bytes_fini(&out);
}

static void sealed_days_are_copied_once(void **state)
{
    struct fixture *f = *state;
    struct bytes out = {0};
    fill(f, 0);
    flush_now(f);
    flush_settle(f->store);
    freeze(f);
    assert_int_equal(copy(f, "backups", &out), TM_OK);
    uint64_t first = number_in(&out, "copied_bytes"), all = number_in(&out, "\"bytes");
    assert_int_equal(first, all);
    freeze(f);
    assert_int_equal(copy(f, "backups", &out), TM_OK);
    uint64_t second = number_in(&out, "copied_bytes");
    assert_true(second < first);
    assert_int_equal(number_in(&out, "\"bytes"), all);
    /* Each stands alone. */
    char path[PATH], line[2 * PATH];
    path_in(f, "backups", path);
    (void)snprintf(line, sizeof line, "rm -rf \"$(ls -d '%s'/2* | head -1)\"", path);
    assert_int_equal(system(line), 0);
    assert_int_equal(restore(f, "backups"), TM_OK);
    expect_restored(f, (size_t)4 * POINTS, "e ", SERIES * (POINTS - 1));
    bytes_fini(&out);
}

static void a_backup_is_a_data_folder_that_can_be_read(void **state)
{
    struct fixture *f = *state;
    struct bytes out = {0};
    struct reader *reader;
    char path[PATH], name[256], line[2 * PATH];
    fill(f, 0);
    flush_now(f);
    freeze(f);
    assert_int_equal(copy(f, "backups", &out), TM_OK);
    path_in(f, "backups", path);
    (void)snprintf(line, sizeof line, "ls -d '%s'/2*", path);
    FILE *list = popen(line, "r");
    assert_non_null(fgets(name, sizeof name, list));
    name[strcspn(name, "\n")] = '\0';
    (void)pclose(list);
    assert_int_equal(reader_open(name, &reader, &f->why), TM_OK);
    assert_int_equal(count_in(reader, "s0", NULL), 4 * POINTS);
    reader_close(reader);
    bytes_fini(&out);
}

static void a_folder_at_rest_is_backed_up_without_a_daemon(void **state)
{
    struct fixture *f = *state;
    struct bytes out = {0};
    char to[PATH];
    path_in(f, "backups", to);
    const struct backup_options options = {.from = f->dir, .to = to};
    fill(f, 0);
    flush_now(f);
    fill(f, 100);
    assert_int_equal(backup_offline(&options, &out, &f->why), TM_BUSY);
    assert_non_null(strstr(f->why.text, "leave --data-dir out"));
    fixture_close(f);
    assert_int_equal(backup_offline(&options, &out, &f->why), TM_OK);
    fixture_open(f);
    assert_int_equal(restore(f, "backups"), TM_OK);
    expect_restored(f, (size_t)2 * 4 * POINTS, "e e ", SERIES * (POINTS - 1) + 100);
    bytes_fini(&out);
}

/* ---- refused ---- */

static void a_restore_goes_into_an_empty_folder_only(void **state)
{
    struct fixture *f = *state;
    struct bytes out = {0};
    char dir[PATH], file[PATH + 16];
    fill(f, 0);
    freeze(f);
    assert_int_equal(copy(f, "backups", &out), TM_OK);
    path_in(f, "restored", dir);
    assert_int_equal(mkdir(dir, 0750), 0);
    (void)snprintf(file, sizeof file, "%s/x", dir);
    FILE *made = fopen(file, "w");
    assert_non_null(made);
    (void)fclose(made);
    assert_int_equal(restore(f, "backups"), TM_EXISTS);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(restore(f, "backups"), TM_OK);
    assert_int_equal(restore(f, "backups"), TM_EXISTS);
    bytes_fini(&out);
}

static void a_backup_into_the_data_folder_is_refused(void **state)
{
    struct fixture *f = *state;
    struct bytes out = {0};
    char to[PATH];
    (void)snprintf(to, sizeof to, "%s/backups", f->dir);
    const struct backup_options options = {.from = f->dir, .to = to};
    freeze(f);
    assert_int_equal(backup_copy(&options, &out, &f->why), TM_INVALID);
    remove_tree(to);
    bytes_fini(&out);
}

/* Each file in turn: a byte is turned, then it is missing. */
static void a_damaged_backup_is_never_restored(void **state)
{
    struct fixture *f = *state;
    struct bytes out = {0};
    struct manifest manifest = {0};
    char to[PATH], name[256], line[3 * PATH], file[2 * PATH];
    fill(f, 0);
    flush_now(f);
    flush_settle(f->store);
    freeze(f);
    assert_int_equal(copy(f, "backups", &out), TM_OK);
    path_in(f, "backups", to);
    (void)snprintf(line, sizeof line, "ls -d '%s'/2*", to);
    FILE *list = popen(line, "r");
    assert_non_null(fgets(name, sizeof name, list));
    name[strcspn(name, "\n")] = '\0';
    (void)pclose(list);
    assert_int_equal(manifest_read(&manifest, name, &f->why), TM_OK);
    assert_true(manifest.count >= 8);
    for (size_t i = 0; i <= manifest.count; i++) {
        const char *path = i < manifest.count ? manifest.files[i].path : MANIFEST_NAME;
        (void)snprintf(file, sizeof file, "%s/%s", name, path);
        int fd = open(file, O_RDWR);
        uint8_t byte;
        assert_true(fd >= 0);
        off_t at = lseek(fd, 0, SEEK_END) / 2;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        assert_int_equal(restore(f, "backups"), TM_CORRUPT);
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        close(fd);
        (void)snprintf(line, sizeof line, "%s.away", file);
        assert_int_equal(rename(file, line), 0);
        enum tm_err err = restore(f, "backups");
        assert_true(err == TM_CORRUPT || err == TM_NOT_FOUND);
        assert_int_equal(rename(line, file), 0);
        path_in(f, "restored", to);
        assert_int_equal(access(to, F_OK), -1);
    }
    manifest_free(&manifest);
    assert_int_equal(restore(f, "backups"), TM_OK);
    bytes_fini(&out);
}

static void a_damaged_sealed_day_is_told_and_the_rest_is_backed_up(void **state)
{
    struct fixture *f = *state;
    struct bytes out = {0};
    char path[PATH], name[PARTITION_PERIOD_NAME_BYTES];
    fill(f, 0);
    flush_now(f);
    flush_settle(f->store);
    fixture_close(f);
    assert_int_equal(partition_period_name(PARTITION_RAW, (uint32_t)(DAY0 / DAY_MS - 3), name), TM_OK);
    (void)snprintf(path, sizeof path, "%s/raw/%s/data.mdb", f->dir, name);
    int fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, "xxxx", 4, lseek(fd, 0, SEEK_END) / 4096 / 2 * 4096 + 2000), 4);
    close(fd);
    fixture_open(f);
    freeze(f);
    assert_int_equal(copy(f, "backups", &out), TM_OK);
    (void)snprintf(path, sizeof path, "\"damaged\":[\"raw/%s\"]", name);
    assert_non_null(strstr((const char *)out.data, path));
    bytes_fini(&out);
}

/* ---- killed ---- */

struct death {
    int left;
};

static void pass_point(void *arg, const char *name)
{
    struct death *death = arg;
    if (strncmp(name, "freeze.", 7) == 0 && --death->left == 0)
        _exit(42);
}

/* The writer dies at each point of the freezing; the next life makes the backup. */
static void a_kill_while_freezing_leaves_nothing_and_is_redone(void **state)
{
    struct fixture *f = *state;
    struct bytes out = {0};
    char frozen[PATH];
    int died = 0;
    fill(f, 0);
    flush_now(f);
    flush_settle(f->store);
    fixture_close(f);
    (void)snprintf(frozen, sizeof frozen, "%s/frozen", f->dir);
    for (int n = 1; n < 20; n++) {
        pid_t child = fork();
        if (child == 0) {
            struct death death = {n};
            struct answer answer = {0, TM_OK};
            f->options.fault_point = pass_point;
            f->options.fault_arg = &death;
            fixture_open(f);
            (void)!store_freeze(f->store, answer_done, &answer);
            wait_answer(f->store, &answer);
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        died += WEXITSTATUS(status) == 42;
        f->options.fault_point = NULL;
        fixture_open(f);
        assert_int_equal(access(frozen, F_OK), -1);
        freeze(f);
        assert_int_equal(copy(f, "backups", &out), TM_OK);
        assert_int_equal(restore(f, "backups"), TM_OK);
        expect_restored(f, (size_t)4 * POINTS, "e ", SERIES * (POINTS - 1));
        fixture_close(f);
        if (WEXITSTATUS(status) != 42)
            break;
    }
    assert_true(died >= 5);
    fixture_open(f);
    bytes_fini(&out);
}

struct progress_death {
    int left;
};

static void die_in_progress(void *arg, const char *place, uint64_t done, uint64_t all)
{
    struct progress_death *death = arg;
    (void)place, (void)done, (void)all;
    if (--death->left == 0)
        _exit(42);
}

static int count_entries(const char *path, const char *with)
{
    int count = 0;
    DIR *folder = opendir(path);
    const struct dirent *entry;
    while (folder && (entry = readdir(folder)))
        count += entry->d_name[0] == '2' && (strstr(entry->d_name, with) != NULL || !*with);
    if (folder)
        closedir(folder);
    return count;
}

static void a_kill_while_copying_leaves_no_backup_and_is_redone(void **state)
{
    struct fixture *f = *state;
    struct bytes out = {0};
    char to[PATH];
    int died = 0;
    fill(f, 0);
    flush_now(f);
    flush_settle(f->store);
    path_in(f, "backups", to);
    for (int n = 1; n < 40; n++) {
        freeze(f);
        int before = count_entries(to, "") - count_entries(to, ".making");
        pid_t child = fork();
        if (child == 0) {
            struct progress_death death = {n};
            const struct backup_options options = {
                .from = f->dir, .to = to, .progress = die_in_progress, .arg = &death};
            _exit(backup_copy(&options, &out, &f->why) == TM_OK ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WEXITSTATUS(status) == 0)
            break;
        assert_int_equal(WEXITSTATUS(status), 42);
        died++;
        assert_int_equal(count_entries(to, "") - count_entries(to, ".making"), before);
        assert_int_equal(count_entries(to, ".making"), 1);
        freeze(f);
        assert_int_equal(copy(f, "backups", &out), TM_OK);
        assert_int_equal(count_entries(to, ".making"), 0);
        remove_tree(to);
    }
    assert_true(died >= 5);
    bytes_fini(&out);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, backup_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_backup_holds_what_was_acknowledged_and_nothing_later),
        CASE(a_backup_of_a_store_that_was_never_flushed),
        CASE(what_scoring_learned_is_in_it_as_it_was),
        CASE(producers_are_known_in_what_is_restored),
        CASE(sealed_days_are_copied_once),
        CASE(a_backup_is_a_data_folder_that_can_be_read),
        CASE(a_folder_at_rest_is_backed_up_without_a_daemon),
        CASE(a_restore_goes_into_an_empty_folder_only),
        CASE(a_backup_into_the_data_folder_is_refused),
        CASE(a_damaged_backup_is_never_restored),
        CASE(a_damaged_sealed_day_is_told_and_the_rest_is_backed_up),
        CASE(a_kill_while_freezing_leaves_nothing_and_is_redone),
        CASE(a_kill_while_copying_leaves_no_backup_and_is_redone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
