/* What a shipper keeps on disk: it reads back as it was written, damage is noticed, and a failure to write
 * leaves the former state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/cli/ship/ship_state.h"

static char folder[] = "/tmp/tm-ship-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof path, "%s/state", mkdtemp(folder));
    return 0;
}

static int remove_folder(void **state)
{
    char name[80];
    (void)state;
    for (int i = 0; i < 3; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, i == 0 ? "" : i == 1 ? ".new" : ".lock");
        (void)unlink(name);
    }
    return rmdir(folder);
}

/* Two logs, one with a quote in its name; false: no memory. */
static bool fill(struct ship_state *out, const char *batch)
{
    struct tm_why why;
    *out =
        (struct ship_state){.producer = "ship:host:1", .epoch = 1764000000000, .seq = 7, .is_packed = true};
    struct ship_log_state *log = ship_state_log(out, "/var/log/a.log", &why);
    if (!log)
        return false;
    if (ship_state_reserve(log, 2, &why) != TM_OK)
        return false;
    log->watermark_ns = 5;
    log->files[0] = (struct ship_place){.id = {1, UINT64_MAX, 7},
                                        .offset = 10,
                                        .line = 2,
                                        .tail_len = 10,
                                        .tail_hash = UINT64_MAX - 1,
                                        .head_len = 10,
                                        .head_hash = UINT64_MAX - 2,
                                        .mtime_ns = INT64_MAX,
                                        .is_read = true,
                                        .is_done = true};
    log->files[1] =
        (struct ship_place){.id = {1, 3, 0}, .offset = 5000, .line = 99, .tail_len = SHIP_TAIL_BYTES};
    log->file_count = 2;
    bytes_put(&out->batch, batch, strlen(batch));
    return ship_state_log(out, "/b \"quoted\".log", &why) && !bytes_error(&out->batch);
}

static void expect_filled(const struct ship_state *got, const char *batch)
{
    struct ship_state want;
    assert_true(fill(&want, batch));
    assert_string_equal(got->producer, want.producer);
    assert_int_equal(got->epoch, want.epoch);
    assert_int_equal(got->seq, 7);
    assert_true(got->is_packed);
    assert_true(str_equal(bytes_view(&got->batch), str_of(batch)));
    assert_int_equal(got->log_count, 2);
    assert_string_equal(got->logs[1].name, "/b \"quoted\".log");
    assert_int_equal(got->logs[1].file_count, 0);
    assert_int_equal(got->logs[0].watermark_ns, 5);
    assert_int_equal(got->logs[0].file_count, 2);
    for (int i = 0; i < 2; i++) {
        const struct ship_place *a = &got->logs[0].files[i];
        const struct ship_place *b = &want.logs[0].files[i];
        assert_true(memcmp(&a->id, &b->id, sizeof a->id) == 0 && a->offset == b->offset &&
                    a->line == b->line);
        assert_int_equal(a->is_read, b->is_read);
        assert_true(a->head_hash == b->head_hash && a->head_len == b->head_len && a->mtime_ns == b->mtime_ns);
        assert_true(a->tail_hash == b->tail_hash && a->tail_len == b->tail_len && a->is_done == b->is_done);
    }
    ship_state_fini(&want);
}

static void a_state_reads_back_as_it_was_written(void **state)
{
    static const char *const batches[] = {"",
                                          "http,status=200 url=\"/a\" 1\nhttp,status=404 url=\"x\ny\" 2\n"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct ship_state written, read = {0};
        struct tm_why why;
        assert_true(fill(&written, batches[i]));
        assert_int_equal(ship_state_save(path, &written, &why), TM_OK);
        assert_int_equal(ship_state_load(path, &read, &why), TM_OK);
        expect_filled(&read, batches[i]);
        ship_state_fini(&written);
        ship_state_fini(&read);
    }
}

static void every_damaged_byte_and_every_cut_is_noticed(void **state)
{
    struct ship_state written;
    struct bytes file = {0};
    struct tm_why why;
    (void)state;
    assert_true(fill(&written, "http,status=200 url=\"/a\" 1\n"));
    ship_state_encode(&written, &file);
    for (size_t i = 0; i < file.len; i++) {
        struct ship_state read = {0};
        file.data[i] ^= 4;
        assert_int_equal(ship_state_decode(bytes_view(&file), &read, &why), TM_CORRUPT);
        ship_state_fini(&read);
        file.data[i] ^= 4;
        assert_int_equal(ship_state_decode((struct str){(const char *)file.data, i}, &read, &why),
                         TM_CORRUPT);
        ship_state_fini(&read);
    }
    ship_state_fini(&written);
    bytes_fini(&file);
}

static void a_missing_state_is_none_and_a_full_disk_leaves_the_former(void **state)
{
    struct ship_state written, read = {0};
    struct tm_why why;
    struct rlimit old, tight;
    (void)state;
    (void)unlink(path);
    assert_int_equal(ship_state_load(path, &read, &why), TM_NOT_FOUND);
    assert_true(fill(&written, "first\n"));
    assert_int_equal(ship_state_save(path, &written, &why), TM_OK);
    bytes_put(&written.batch, "second\n", 7);
    /* A file may be no longer than 100 bytes: the write is refused in its midst. */
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    tight = old;
    tight.rlim_cur = 100;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    enum tm_err err = ship_state_save(path, &written, &why);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(err, TM_IO);
    assert_non_null(strstr(why.text, path));
    assert_int_equal(ship_state_load(path, &read, &why), TM_OK);
    expect_filled(&read, "first\n");
    ship_state_fini(&written);
    ship_state_fini(&read);
}

static void a_state_has_one_shipper(void **state)
{
    int first, second;
    struct tm_why why;
    (void)state;
    assert_int_equal(ship_state_lock(path, &first, &why), TM_OK);
    assert_int_equal(ship_state_lock(path, &second, &why), TM_BUSY);
    close(first);
    assert_int_equal(ship_state_lock(path, &second, &why), TM_OK);
    close(second);
}

static void logs_are_bounded(void **state)
{
    struct ship_state many = {0};
    struct tm_why why;
    char name[16];
    (void)state;
    for (int i = 0; i < 2 * SHIP_LOGS_MAX; i++) {
        (void)snprintf(name, sizeof name, "/%d", i % SHIP_LOGS_MAX);
        assert_non_null(ship_state_log(&many, name, &why));
    }
    assert_null(ship_state_log(&many, "/one more", &why));
    assert_string_equal(why.text, "the state holds 256 logs already; take another one with --state");
    ship_state_fini(&many);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
/* Sanitizers own the allocator; the plain builds run this. */
static void a_failed_allocation_is_lack_of_memory_not_damage(void **state)
{
    (void)state;
    skip();
}
#else
#define EXPORTED __attribute__((visibility("default")))
void *__libc_malloc(size_t size);
void *__libc_realloc(void *old, size_t size);
EXPORTED void *malloc(size_t size);
EXPORTED void *realloc(void *old, size_t size);
static __thread long countdown = -1; /* fails when it reaches 0; -1: never */

static bool fails(void)
{
    return countdown == 0 || (countdown > 0 && --countdown == 0);
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *realloc(void *old, size_t size)
{
    return fails() ? NULL : __libc_realloc(old, size);
}

static void a_failed_allocation_is_lack_of_memory_not_damage(void **state)
{
    struct ship_state written;
    struct tm_why why;
    long failed = 0;
    (void)state;
    assert_true(fill(&written, "a\n"));
    for (long n = 1, done = 0; !done; n++) {
        struct ship_state read = {0};
        struct bytes file = {0};
        countdown = n;
        ship_state_encode(&written, &file);
        enum tm_err err = bytes_error(&file);
        if (!err)
            err = ship_state_decode(bytes_view(&file), &read, &why);
        done = countdown > 0;
        countdown = -1;
        failed += err == TM_NOMEM;
        if (err && err != TM_NOMEM)
            fail_msg("allocation %ld: %s", n, why.text);
        assert_true(err == TM_NOMEM || done);
        ship_state_fini(&read);
        bytes_fini(&file);
    }
    assert_true(failed > 10);
    ship_state_fini(&written);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_reads_back_as_it_was_written),
        cmocka_unit_test(every_damaged_byte_and_every_cut_is_noticed),
        cmocka_unit_test(a_missing_state_is_none_and_a_full_disk_leaves_the_former),
        cmocka_unit_test(a_state_has_one_shipper),
        cmocka_unit_test(logs_are_bounded),
        cmocka_unit_test(a_failed_allocation_is_lack_of_memory_not_damage),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
