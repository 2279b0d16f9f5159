/* Each allocation of an evaluation fails once: the query fails and says so, nothing leaks, and the next one
 * gives what it should. */
#include <errno.h>

#include "tests/unit/promql/asking.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CAN_FAIL 0
#else
#define CAN_FAIL 1
#endif

static long countdown = -1; /* allocations until one fails; below 0: none does */
static long failed;
static long live; /* allocations that nobody freed yet */

#if CAN_FAIL
#define EXPORTED __attribute__((visibility("default"), noinline))

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *old);
EXPORTED void *malloc(size_t size);
EXPORTED void *calloc(size_t count, size_t size);
EXPORTED void *realloc(void *old, size_t size);
EXPORTED void free(void *old);

static bool must_fail(void)
{
    if (__atomic_load_n(&countdown, __ATOMIC_RELAXED) < 0 ||
        __atomic_fetch_sub(&countdown, 1, __ATOMIC_RELAXED) != 0)
        return false;
    __atomic_fetch_add(&failed, 1, __ATOMIC_RELAXED);
    errno = ENOMEM;
    return true;
}

static void *counted(void *block)
{
    if (block)
        __atomic_fetch_add(&live, 1, __ATOMIC_RELAXED);
    return block;
}

EXPORTED void *malloc(size_t size)
{
    return must_fail() ? NULL : counted(__libc_malloc(size));
}

EXPORTED void *calloc(size_t count, size_t size)
{
    return must_fail() ? NULL : counted(__libc_calloc(count, size));
}

EXPORTED void *realloc(void *old, size_t size)
{
    if (must_fail())
        return NULL;
    return old ? __libc_realloc(old, size) : counted(__libc_realloc(old, size));
}

EXPORTED void free(void *old)
{
    if (old)
        __atomic_fetch_sub(&live, 1, __ATOMIC_RELAXED);
    __libc_free(old);
}
#endif

enum { SERIES = 60, ROUNDS_MAX = 5000 };

static int set_up(void **state)
{
    static struct memory memory;
    memory = (struct memory){0};
    for (int i = 0; i < SERIES; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "m,i=%d,g=%d", i, i % 3);
        load(&memory, name, i % 2 ? "1 2 stale 4 5" : "7 6 5 4 3");
    }
    load(&memory, "h_bucket,le=1", "1 2 3");
    load(&memory, "h_bucket,le=+Inf", "1 4 5");
    *state = &memory;
    return 0;
}

static int tear_down(void **state)
{
    memory_fini(*state);
    return 0;
}

/* Runs the tree with its n-th allocation failing (-1: none). */
static enum tm_err run_failing(struct memory *memory, const struct ast *ast, unsigned threads, long n)
{
    struct promql_result *result = NULL;
    struct tm_why why = {""};
    struct source source = memory_source(memory);
    const struct promql_query query = {ast, 0, 240000, 60000, NULL};
    const struct promql_limits limits = {.threads = threads};
    __atomic_store_n(&countdown, n, __ATOMIC_RELAXED);
    enum tm_err err = promql_run(&source, &query, &limits, &result, NULL, &why);
    __atomic_store_n(&countdown, -1, __ATOMIC_RELAXED);
    assert_true(err == TM_OK || err == TM_NOMEM);
    if (err)
        assert_true(result == NULL && why.text[0] != '\0');
    else
        assert_true(promql_result_count(result) > 0);
    promql_result_free(result);
    return err;
}

static void fail_each(struct memory *memory, const char *text, unsigned threads)
{
    struct ast *ast;
    struct tm_why why;
    assert_int_equal(promql_parse(str_of(text), &ast, &why), TM_OK);
    assert_int_equal(run_failing(memory, ast, threads, -1), TM_OK);
    size_t refused = 0, in_use = (size_t)__atomic_load_n(&live, __ATOMIC_RELAXED);
    for (long n = 0; CAN_FAIL && n < ROUNDS_MAX; n++) {
        failed = 0;
        refused += run_failing(memory, ast, threads, n) == TM_NOMEM;
        if (threads == 1)
            assert_int_equal((size_t)__atomic_load_n(&live, __ATOMIC_RELAXED), in_use);
        if (failed == 0)
            break;
        assert_int_not_equal(n, ROUNDS_MAX - 1);
    }
    assert_true(!CAN_FAIL || refused > 3);
    ast_free(ast);
}

static const char *const texts[] = {
    "m",
    "sum by (g) (rate(m[3m]))",
    "abs({__name__=~\"m|n\"})",
    "-m",
    "topk(2, m)",
    "quantile by (g) (0.5, m)",
    "count_values(\"v\", m)",
    "stddev(m)",
    "m * on(i, g) m",
    "m * on(i) group_left(g) m",
    "m and on(g) m{i=\"1\"}",
    "m or on() vector(1)",
    "sort(m)",
    "histogram_quantile(0.5, h_bucket)",
    "label_replace(m, \"x\", \"$1\", \"g\", \"(.*)\")",
    "label_join(m, \"x\", \"-\", \"g\", \"i\")",
    "absent(nothing{a=\"b\"})",
    "absent_over_time(nothing{a=\"b\"}[2m])",
    "max_over_time(sum(m)[3m:1m])",
    "quantile_over_time(0.5, m[3m])",
    "increase(m[5m])",
    "sum by (g) (m) / sum by (g) (m)",
    "min_over_time(m[3m])",
    "clamp(m, scalar(sum(m)) - 300, 3)",
    "timestamp(m)",
    "1 + time() * 2",
    "day_of_month()",
};

static void each_allocation_may_fail(void **state)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        fail_each(*state, texts[i], 1);
}

static void each_allocation_may_fail_beside_threads(void **state)
{
    fail_each(*state, "sum by (g) (rate(m[3m]))", 3);
    fail_each(*state, "min_over_time(m[3m])", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(each_allocation_may_fail_beside_threads),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
