/* A process that dies at the n-th step of what a store does to the disk, as kill -9 would end it there. */
#ifndef TM_TESTS_STORAGE_CRASH_H
#define TM_TESTS_STORAGE_CRASH_H

#include "tests/unit/storage/engine.h"

enum { DIED = 42 };

struct death {
    int left; /* steps until it dies; up to 0: never */
};

/* For store_options.fault_point; arg is a struct death. */
static inline void pass_point(void *arg, const char *name)
{
    struct death *death = arg;
    (void)name;
    if (death->left > 0 && --death->left == 0)
        _exit(DIED);
}

/* Opens the store and lives in a process of its own that dies at step n. False: life was shorter than n
 * steps. */
static inline bool die_at(struct fixture *f, int n, void (*live)(struct fixture *f))
{
    pid_t child = fork();
    if (child == 0) {
        struct death death = {n};
        f->options.fault_point = pass_point;
        f->options.fault_arg = &death;
        if (fixture_try_open(f) != TM_OK)
            _exit(2);
        live(f);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == DIED || WEXITSTATUS(status) == 0);
    return WEXITSTATUS(status) == DIED;
}

#endif
