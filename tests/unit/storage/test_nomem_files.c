/* The n-th allocation fails, for every 11th n (NOMEM_ALL=1: for every n), while a store is frozen, backed up,
 * restored and verified: the copy is whole or not there, and lack of memory is never told as damage. */
#include <dirent.h>

#include "tests/unit/storage/nomem.h"

#include "storage/backup/backup.h"
#include "storage/check/check.h"
#include "tests/unit/storage/counting.h"
#include "tests/unit/storage/deleting.h"
#include "tests/unit/storage/eventing.h"

#if CAN_FAIL
enum { PATH = 600, SERIES = 5, DAYS = 1, POINTS = 3, EVENTS = 20, STRIDE = 11 };

static int backups; /* each goes to a folder of its own */

static void path_of_copy(const struct fixture *f, const char *name, char out[PATH])
{
    (void)snprintf(out, PATH, "%.500s.%s", f->dir, name);
}

static void remove_copy(const struct fixture *f, const char *name)
{
    char *path = calloc(1, PATH);
    assert_non_null(path);
    path_of_copy(f, name, path);
    folder_remove(path);
}

/* Something of everything: days and a late one, counts, requests, exceptions, markers, a delete, a producer.
 */
static void fill(struct fixture *f)
{
    struct ledger ledger = {0};
    struct producer_mark mark = mark_of("agent", 1, 1);
    for (int late = 0; late < 2; late++) {
        for (int day = DAYS; day >= 0; day--) {
            struct batch *batch = store_batch_new(f->store);
            for (int i = 0; i < SERIES * POINTS; i++) {
                char name[16];
                (void)snprintf(name, sizeof name, "s%d", i % SERIES);
                put(f->store, batch, name, DAY0 - day * DAY_MS + late * HOUR_MS + i, i / 4.0);
            }
            add_to(f->store, batch, "counter", 0, DAY0 - day * DAY_MS, 7);
            assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
        }
        flush_now(f);
        flush_settle(f->store);
    }
    send_events(f, 1, EVENTS, (struct span){DAY0, DAY0 + HOUR_MS}, &ledger);
    clear_ledger(&ledger);
    assert_int_equal(send_event(f->store, EVENT_HTTP, DAY0, "line"), TM_OK);
    struct batch *batch = store_batch_new(f->store);
    const struct exception e = {
        .time = DAY0, .service = STR("a"), .type = STR("b"), .fingerprint = STR("c"), .count = 1};
    const struct marker m = {.kind = MARKER_EVENT, .time = DAY0, .end = MARKER_NO_END};
    assert_int_equal(store_batch_exception(batch, &e), TM_OK);
    assert_int_equal(store_batch_marker(batch, &m, NULL), TM_OK);
    assert_int_equal(send_batch(f->store, batch, &mark), TM_OK);
    flush_now(f);
    assert_int_equal(delete_now(f, "s1", (struct span){DAY0, DAY0 + 5}).err, TM_OK);
    assert_int_equal(send_one(f->store, "s0", DAY0 + 5 * HOUR_MS, 1), TM_OK); /* in the journal alone */
}

static int files_setup(void **state)
{
    int rc = nomem_setup(state);
    share_countdown();
    is_reading = true;
    stride = getenv("NOMEM_ALL") ? 1 : STRIDE;
    backups = 0;
    fill(*state);
    return rc;
}

static int files_teardown(void **state)
{
    remove_copy(*state, "backups");
    remove_copy(*state, "restored");
    return fixture_teardown(state);
}

/* ---- verify ---- */

static void tell_damage(void *arg, enum check_kind kind, const char *place, const char *text)
{
    struct fixture *f = arg;
    if (kind == CHECK_DAMAGE)
        fixture_log(f, 0, place, text);
}

static enum tm_err check_at(struct fixture *f, const char *dir)
{
    const struct check_options options = {.dir = dir, .tell = tell_damage, .arg = f};
    struct check_result result;
    enum tm_err err = check_run(&options, &result, &f->why);
    if (err == TM_CORRUPT)
        fail_msg("lack of memory was taken for damage: %s", log_tail(f));
    return err;
}

static enum tm_err check_here(struct fixture *f)
{
    return check_at(f, f->dir);
}

static void ignore_result(struct fixture *f, enum tm_err err)
{
    (void)f, (void)err;
}

static void a_check_tells_no_damage_for_lack_of_memory(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    assert_int_equal(check_here(f), TM_OK);
    assert_true(fail_each(f, NULL, check_here, ignore_result) > 20);
    assert_int_equal(check_here(f), TM_OK);
    fixture_open(f);
    expect_sound(f);
}

/* ---- backup ---- */

static enum tm_err freeze(struct fixture *f)
{
    struct answer answer = {0, TM_OK};
    enum tm_err err = store_freeze(f->store, answer_done, &answer);
    if (err)
        return err;
    wait_answer(f->store, &answer);
    return answer.err;
}

static enum tm_err copy_frozen(struct fixture *f)
{
    char to[PATH];
    struct bytes out = {0};
    path_of_copy(f, "backups", to);
    const struct backup_options options = {.from = f->dir, .to = to};
    enum tm_err err = backup_copy(&options, &out, &f->why);
    bytes_fini(&out);
    return err;
}

static void expect_freeze(struct fixture *f, enum tm_err err)
{
    (void)err; /* what is left half made goes with the next one */
    expect_sound(f);
}

static void freeze_once_more(struct fixture *f)
{
    assert_int_equal(freeze(f), TM_OK);
}

/* What stands under a name of a backup is one. */
static void expect_copy(struct fixture *f, enum tm_err err)
{
    char line[PATH];
    (void)err;
    (void)snprintf(line, sizeof line, "%.500s.backups", f->dir);
    DIR *folder = opendir(line);
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        char path[2 * PATH];
        (void)snprintf(path, sizeof path, "%s/%.200s", line, entry->d_name);
        if (entry->d_name[0] == '2' && strchr(entry->d_name, '.') && !strstr(entry->d_name, ".making"))
            assert_int_equal(check_at(f, path), TM_OK);
    }
    if (folder)
        (void)closedir(folder);
    backups += !err;
    pass_time(f, 1000); /* its name is its moment */
}

static void a_backup_is_whole_or_not_there(void **state)
{
    struct fixture *f = *state;
    assert_true(fail_each(f, NULL, freeze, expect_freeze) > 5);
    assert_true(fail_each(f, freeze_once_more, copy_frozen, expect_copy) > 5);
    assert_true(backups >= 2);
    expect_sound(f);
}

/* ---- restore ---- */

static enum tm_err restore(struct fixture *f)
{
    char from[PATH], to[PATH];
    struct bytes out = {0};
    path_of_copy(f, "backups", from);
    path_of_copy(f, "restored", to);
    const struct backup_options options = {.from = from, .to = to};
    enum tm_err err = backup_restore(&options, &out, &f->why);
    bytes_fini(&out);
    return err;
}

static void remove_restored(struct fixture *f)
{
    remove_copy(f, "restored");
}

static void expect_restored(struct fixture *f, enum tm_err err)
{
    char path[PATH];
    path_of_copy(f, "restored", path);
    if (err)
        assert_int_not_equal(access(path, F_OK), 0);
    else
        assert_int_equal(check_at(f, path), TM_OK);
}

static void a_restore_is_whole_or_not_there(void **state)
{
    struct fixture *f = *state;
    freeze_once_more(f);
    assert_int_equal(copy_frozen(f), TM_OK);
    fixture_close(f);
    assert_true(fail_each(f, remove_restored, restore, expect_restored) > 20);
    fixture_open(f);
    expect_sound(f);
}
#endif

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, files_setup, files_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
#if CAN_FAIL
        WITH_STORE(a_check_tells_no_damage_for_lack_of_memory),
        WITH_STORE(a_backup_is_whole_or_not_there),
        WITH_STORE(a_restore_is_whole_or_not_there),
#endif
        cmocka_unit_test(there_is_nothing_to_fail_under_a_sanitizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
