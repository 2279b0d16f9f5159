/* Disks that fail: calls of the C library that LMDB makes are taken over here, and a file system that is
 * really full where one may be mounted. */
#include "test_partition_fixture.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/mount.h>
#include <sys/uio.h>

enum { SERIES = 200, META_BYTES_MAX = 256 };

enum call { CALL_DATA, CALL_META, CALL_SYNC, CALLS };

/* Which call fails, and how. LMDB writes pages with pwrite or pwritev, its meta page with one short pwrite.
 */
static struct {
    int countdown[CALLS]; /* the n-th from now on fails, 0: none */
    int error;
    bool forever;
    int seen[CALLS];
} fault;

static bool is_failing(enum call call)
{
    fault.seen[call]++;
    if (fault.countdown[call] == 0)
        return false;
    if (fault.countdown[call] > 1) {
        fault.countdown[call]--;
        return false;
    }
    if (!fault.forever)
        fault.countdown[call] = 0;
    errno = fault.error;
    return true;
}

typedef ssize_t pwrite_fn(int, const void *, size_t, off_t);
typedef ssize_t pwritev_fn(int, const struct iovec *, int, off_t);
typedef int sync_fn(int);

__attribute__((visibility("default"))) ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    pwrite_fn *real;
    *(void **)&real = dlsym(RTLD_NEXT, "pwrite");
    if (is_failing(len < META_BYTES_MAX && at < 2 * 4096 ? CALL_META : CALL_DATA))
        return -1;
    return real(fd, data, len, at);
}

__attribute__((visibility("default"))) ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
    pwritev_fn *real;
    *(void **)&real = dlsym(RTLD_NEXT, "pwritev");
    return is_failing(CALL_DATA) ? -1 : real(fd, parts, count, at);
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    sync_fn *real;
    *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    return is_failing(CALL_SYNC) ? -1 : real(fd);
}

__attribute__((visibility("default"))) int fsync(int fd)
{
    sync_fn *real;
    *(void **)&real = dlsym(RTLD_NEXT, "fsync");
    return is_failing(CALL_SYNC) ? -1 : real(fd);
}

static void no_fault(void)
{
    memset(&fault, 0, sizeof fault);
}

static void fail_at(enum call call, int countdown, int error, bool forever)
{
    no_fault();
    fault.countdown[call] = countdown;
    fault.error = error;
    fault.forever = forever;
}

static int set_up(void **state)
{
    struct scratch *s = test_malloc(sizeof *s);
    no_fault();
    scratch_make(s, "/tmp");
    s->options.txn_count = 50;
    scratch_open(s);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    no_fault();
    scratch_remove(*state);
    test_free(*state);
    return 0;
}

/* ---- one failing call ---- */

static void fails_with_each_call(struct scratch *s, enum call call, int error, enum tm_err wanted)
{
    uint32_t written = 1;
    must_write(s, TEST_DAY, 1, SERIES, 400);
    for (int n = 1; n < 40; n++) {
        fail_at(call, n, error, false);
        enum tm_err err = write_window(s->set, TEST_DAY, written + 1, SERIES, 400, NULL);
        bool was_hit = fault.countdown[call] == 0;
        no_fault();
        assert_true(err == TM_OK || err == wanted);
        assert_true(was_hit || !err);
        written += !err;
        assert_content(s, day_id(TEST_DAY, false), windows_content(1, written, SERIES));
        if (!was_hit)
            break;
    }
    must_write(s, TEST_DAY, written + 1, SERIES, 400);
    scratch_close(s);
    scratch_open(s);
    assert_content(s, day_id(TEST_DAY, false), windows_content(1, written + 1, SERIES));
}

static void a_failed_write_costs_only_its_window(void **state)
{
    fails_with_each_call(*state, CALL_DATA, EIO, TM_IO);
}

static void a_failed_sync_costs_only_its_window(void **state)
{
    fails_with_each_call(*state, CALL_SYNC, EIO, TM_IO);
}

static void a_full_disk_is_called_so(void **state)
{
    fails_with_each_call(*state, CALL_DATA, ENOSPC, TM_NO_SPACE);
}

static void after_a_failed_meta_page_the_environment_is_opened_anew_and_others_serve(void **state)
{
    struct scratch *s = *state;
    struct partitions_stats stats;
    fails_with_each_call(s, CALL_META, EIO, TM_IO);
    must_write(s, TEST_DAY + 1, 1, 10, 100);
    must_write(s, TEST_DAY + 2, 1, 10, 100);
    fail_at(CALL_META, 1, EIO, false);
    assert_int_equal(write_window(s->set, TEST_DAY + 1, 2, 10, 100, NULL), TM_IO);
    no_fault();
    /* A reader is the first to meet the dead environment. */
    assert_content(s, day_id(TEST_DAY + 1, false), windows_content(1, 1, 10));
    assert_content(s, day_id(TEST_DAY + 2, false), windows_content(1, 1, 10));
    partitions_stats(s->set, &stats);
    assert_int_equal(stats.reopened, 1);
}

static void sealing_survives_each_failing_call(void **state)
{
    struct scratch *s = *state;
    must_write(s, TEST_DAY, 1, SERIES, 400);
    for (size_t call = 0; call < CALLS; call++) {
        for (int n = 1; n < 30; n++) {
            fail_at((enum call)call, n, EIO, false);
            enum tm_err err = partition_seal(s->set, PARTITION_RAW, TEST_DAY, NULL);
            bool was_hit = fault.countdown[call] == 0;
            no_fault();
            assert_true(err == TM_OK || err == TM_IO);
            if (err == TM_IO) { /* what only a restart can finish */
                scratch_close(s);
                scratch_open(s);
            }
            assert_content(s, day_id(TEST_DAY, false), windows_content(1, 1, SERIES));
            if (!was_hit)
                break;
        }
    }
    assert_int_equal(partition_seal(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
}

static void rewriting_survives_each_failing_call(void **state)
{
    struct scratch *s = *state;
    struct merge_plan plan = {s->set, TEST_DAY, SERIES, UINT32_MAX, TM_OK};
    must_write(s, TEST_DAY, 1, SERIES, 400);
    assert_int_equal(partition_seal(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
    must_write(s, TEST_DAY, 2, SERIES, 400);
    for (size_t call = 0; call < CALLS; call++) {
        for (int n = 1; n < 60; n++) {
            struct content main, late;
            fail_at((enum call)call, n, EIO, false);
            enum tm_err err = partition_rewrite(s->set, PARTITION_RAW, TEST_DAY, merge_all, &plan, NULL);
            bool was_hit = fault.countdown[call] == 0;
            no_fault();
            assert_true(err == TM_OK || err == TM_IO);
            if (err == TM_IO) {
                scratch_close(s);
                scratch_open(s);
                plan.set = s->set;
            }
            assert_int_equal(read_all(s->set, day_id(TEST_DAY, false), 100, &main), TM_OK);
            (void)!read_all(s->set, day_id(TEST_DAY, true), 100, &late);
            assert_int_equal(main.chunks + late.chunks, 2 * SERIES);
            if (!was_hit)
                break;
        }
    }
}

/* ---- a disk that is really full ---- */

static void fill_disk(struct scratch *s)
{
    enum tm_err err = TM_OK;
    uint32_t written = 0;
    while (!err && written < 1000) {
        err = write_window(s->set, TEST_DAY + 1, written + 1, 1000, 700, NULL);
        written += !err;
    }
    assert_int_equal(err, TM_NO_SPACE);
    assert_true(written > 5);
    assert_content(s, day_id(TEST_DAY + 1, false), windows_content(1, written, 1000));
    assert_int_equal(write_window(s->set, TEST_DAY + 1, written + 1, 1000, 700, NULL), TM_NO_SPACE);
    assert_content(s, day_id(TEST_DAY, false), windows_content(1, 5, 1000));
    /* Retention frees; writing resumes without a restart. */
    assert_int_equal(partition_drop(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
    assert_int_equal(write_window(s->set, TEST_DAY + 1, written + 1, 1000, 700, NULL), TM_OK);
    assert_content(s, day_id(TEST_DAY + 1, false), windows_content(1, written + 1, 1000));
}

static void a_really_full_disk_loses_nothing_and_resumes_after_a_drop(void **state)
{
    (void)state;
    struct scratch s;
    char mounted[64];
    no_fault();
    scratch_make(&s, "/tmp");
    (void)snprintf(mounted, sizeof mounted, "%s", s.root);
    if (mount("none", mounted, "tmpfs", 0, "size=24m") != 0) {
        scratch_remove(&s);
        print_message("no right to mount: skipped\n");
        skip();
    }
    scratch_open(&s);
    for (uint32_t f = 1; f <= 5; f++)
        must_write(&s, TEST_DAY, f, 1000, 700);
    fill_disk(&s);
    scratch_close(&s);
    scratch_open(&s);
    scratch_close(&s);
    assert_int_equal(umount(mounted), 0);
    scratch_remove(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_failed_write_costs_only_its_window),
        TEST(a_failed_sync_costs_only_its_window),
        TEST(a_full_disk_is_called_so),
        TEST(after_a_failed_meta_page_the_environment_is_opened_anew_and_others_serve),
        TEST(sealing_survives_each_failing_call),
        TEST(rewriting_survives_each_failing_call),
        cmocka_unit_test(a_really_full_disk_loses_nothing_and_resumes_after_a_drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
