/* The n-th allocation fails, for every n: TM_NOMEM, no crash, nothing kept. The allocator of this program is
 * glibc's own behind a countdown; under a sanitizer, which brings its own, there is nothing to fail. */
#include "tests/unit/config/config_test.h"
#include "tests/unit/nomem.h"

#if CAN_FAIL
static const char full[] =
    "data_dir: /srv/tide\n"
    "listen: {http: ['127.0.0.1:1'], ingest_rep: [ipc://DATA_DIR/a], publish: []}\n"
    "storage: {retention: {raw: 1d}}\n"
    "auth:\n  keys:\n    - {name: a, secret: 0123456789abcdef, scopes: [read, admin]}\n"
    "services:\n  - name: shop\n    owner: me\n    page_groups: [{name: p, match: '^/p/(\\d+)'}, {name: q, "
    "match: .}]\n"
    "reports: {dir: '', timezone: Asia/Seoul, formats: [md]}\n";

static const char faulty[] =
    "data_dirr: 1\nlog: {level: loud}\nservices: [{name: a, page_groups: [{match: '('}]}]\n"
    "auth: {keys: [{name: a, secret_file: /nowhere, scopes: [x]}]}\n";

/* libyaml 0.2.5 forgets the items of a mapping or list if it then finds no room for their node: one block,
 * and only in a load that fails for lack of memory anyway. */
enum { LIBYAML_LEAK_MAX = 1 };

/* Lets each allocation fail in turn until none does; the result is then the expected one. */
static long fail_each(const char *text, enum tm_err expected)
{
    static struct config_faults faults;
    enum tm_err err = TM_NOMEM;
    long n = 0;
    for (; err == TM_NOMEM; n++) {
        struct config *config = NULL;
        faults.count = 0;
        faults.left_out = 0;
        long live_before = live;
        countdown = n;
        err = text ? config_parse(str_of(text), "f", &config, &faults) : config_default(&config);
        countdown = -1;
        assert_true(err == TM_NOMEM || err == expected);
        assert_true((config != NULL) == (err == TM_OK));
        config_free(config);
        assert_in_range(live, live_before, live_before + LIBYAML_LEAK_MAX);
        assert_true(n < 100000);
    }
    assert_int_equal(err, expected);
    return n;
}

static void every_failed_allocation_of_a_parse_is_reported(void **state)
{
    (void)state;
    assert_true(fail_each(full, TM_OK) > 100);
}

static void every_failed_allocation_among_faults_is_reported(void **state)
{
    (void)state;
    assert_true(fail_each(faulty, TM_INVALID) > 100);
}

static void every_failed_allocation_before_a_syntax_error_is_reported(void **state)
{
    (void)state;
    assert_true(fail_each("a: [1, 2\nb: 3\n", TM_INVALID) > 5);
    assert_true(fail_each("a: &x\nb: *x\n---\n", TM_INVALID) > 5);
}

static void every_failed_allocation_of_the_defaults_is_reported(void **state)
{
    (void)state;
    assert_true(fail_each(NULL, TM_OK) > 20);
}

static void a_failed_allocation_of_a_load_is_reported(void **state)
{
    (void)state;
    static struct config_faults faults;
    struct config *config = NULL;
    char *path = make_file("log: {level: info}\n", 0600);
    countdown = 0;
    enum tm_err err = config_load(path, &config, &faults);
    countdown = -1;
    assert_int_equal(err, TM_NOMEM);
    assert_null(config);
    assert_int_equal(faults.count, 0);
    drop_file(path);
}
#else
static void nothing_can_fail_under_a_sanitizer(void **state)
{
    (void)state;
    skip();
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#if CAN_FAIL
        cmocka_unit_test(every_failed_allocation_of_a_parse_is_reported),
        cmocka_unit_test(every_failed_allocation_among_faults_is_reported),
        cmocka_unit_test(every_failed_allocation_before_a_syntax_error_is_reported),
        cmocka_unit_test(every_failed_allocation_of_the_defaults_is_reported),
        cmocka_unit_test(a_failed_allocation_of_a_load_is_reported),
#else
        cmocka_unit_test(nothing_can_fail_under_a_sanitizer),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
