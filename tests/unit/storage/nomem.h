/* Allocations that fail when told, in any thread: glibc's own allocator behind a countdown. Under a
 * sanitizer, which brings its own, there is nothing to fail (CAN_FAIL is 0). CRoaring is spared: it does not
 * look at what malloc returns, which is why the index asks for room before it calls it. To be included once
 * in a program. */
#ifndef TM_TESTS_STORAGE_NOMEM_H
#define TM_TESTS_STORAGE_NOMEM_H

#include <dlfcn.h>
#include <sys/mman.h>

#include "tests/unit/storage/engine.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CAN_FAIL 0
#else
#define CAN_FAIL 1
#endif

#if CAN_FAIL
#define EXPORTED __attribute__((visibility("default"), noinline))

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
EXPORTED void *malloc(size_t size);
EXPORTED void *calloc(size_t count, size_t size);
EXPORTED void *realloc(void *old, size_t size);

struct countdown {
    long left;   /* allocations until all in the row have failed; up to 0: none does. Any thread */
    long failed; /* how many did */
};
static struct countdown own_countdown, *countdown = &own_countdown;
static long row = 1;    /* how many fail, one behind the other */
static long stride = 1; /* 1: each allocation fails; else some, evenly: for steps that take long */
static bool is_reading; /* the steps change nothing that would have to recover */

static bool is_roaring(const void *caller)
{
    Dl_info info;
    return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "roaring");
}

static bool must_fail(const void *caller)
{
    if (__atomic_load_n(&countdown->left, __ATOMIC_RELAXED) <= 0 || is_roaring(caller))
        return false;
    long left = __atomic_fetch_sub(&countdown->left, 1, __ATOMIC_RELAXED);
    if (left <= 0 || left > row)
        return false;
    __atomic_fetch_add(&countdown->failed, 1, __ATOMIC_RELAXED);
    errno = ENOMEM;
    return true;
}

EXPORTED void *malloc(size_t size)
{
    return must_fail(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

EXPORTED void *calloc(size_t count, size_t size)
{
    return must_fail(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

EXPORTED void *realloc(void *old, size_t size)
{
    return must_fail(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}

/* The n-th allocation from now on fails, from 0 on, and the row behind it. */
static void arm(long n)
{
    __atomic_store_n(&countdown->failed, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&countdown->left, n + row, __ATOMIC_RELAXED);
}

/* None fails any more; whether one did. */
static bool disarm(void)
{
    __atomic_store_n(&countdown->left, 0, __ATOMIC_RELAXED);
    return __atomic_load_n(&countdown->failed, __ATOMIC_RELAXED) > 0;
}

/* Children count on, from now on: what they read may fail too. */
static inline void share_countdown(void)
{
    void *shared = mmap(NULL, sizeof *countdown, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    countdown = shared;
}

/* Longer than the store waits before it tries again. */
static inline void recover(struct fixture *f)
{
    pass_time(f, HOUR_MS);
    store_poll(f->store);
    flush_settle(f->store);
    store_poll(f->store);
}

/* The end of the log. */
static inline const char *log_tail(const struct fixture *f)
{
    enum { TAIL_BYTES = 600 };
    return f->log + (f->log_len > TAIL_BYTES ? f->log_len - TAIL_BYTES : 0);
}

/* One row of it, of the length that is set. */
static inline long fail_rows(struct fixture *f, void (*prepare)(struct fixture *f),
                             enum tm_err (*step)(struct fixture *f),
                             void (*check)(struct fixture *f, enum tm_err err))
{
    enum { MANY = 20000, REFUSALS = 3 };
    int refusals = 0;
    for (long n = 0; n < MANY; n += row * stride) {
        if (prepare)
            prepare(f);
        f->log[f->log_len = 0] = 0;
        arm(n);
        enum tm_err err = step(f);
        bool has_failed = disarm();
        if (err != TM_OK && err != TM_NOMEM && err != TM_BUSY)
            fail_msg("allocation %ld of %ld: %s: %s\n%s", n, row, tm_err_text(err), f->why.text, log_tail(f));
        check(f, err);
        if (!has_failed && !err)
            return n;
        refusals = has_failed ? 0 : refusals + 1;
        if (refusals > REFUSALS)
            fail_msg("allocation %ld of %ld: %s without reason: %s\n%s", n, row, tm_err_text(err),
                     f->why.text, log_tail(f));
        if (err && f->store && !is_reading)
            recover(f);
    }
    fail_msg("there is no end of allocations");
    return 0;
}

/* Runs step, each time behind prepare (may be NULL), with the first, the second, .. allocation failing until
 * none does, and before with three in a row: it must say TM_OK or TM_NOMEM, which check is told;
 * after a failure the store may be TM_BUSY or want its reserve back, for a while. Returns how many failed. */
static inline long fail_each(struct fixture *f, void (*prepare)(struct fixture *f),
                             enum tm_err (*step)(struct fixture *f),
                             void (*check)(struct fixture *f, enum tm_err err))
{
    row = 3;
    long most = fail_rows(f, prepare, step, check);
    row = 1;
    long count = fail_rows(f, prepare, step, check);
    return count > most ? count : most;
}

static inline int nomem_setup(void **state)
{
    (void)setenv("TMPDIR", "/dev/shm", 0); /* nobody cuts the power */
    return fixture_setup(state);
}

/* Nothing was lost and nothing is held against the files. */
static inline void expect_sound(struct fixture *f)
{
    assert_int_equal(stats_of(f->store).quarantined, 0);
    assert_int_equal(stats_of(f->store).damaged_records, 0);
    assert_null(store_trouble(f->store));
    if (strstr(f->log, "damaged"))
        fail_msg("lack of memory was taken for damage: %s", f->log);
}
#endif

static inline void there_is_nothing_to_fail_under_a_sanitizer(void **state)
{
    (void)state;
    assert_true(CAN_FAIL == 0 || CAN_FAIL == 1);
}

#endif
