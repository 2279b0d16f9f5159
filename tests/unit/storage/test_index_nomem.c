/* The n-th allocation fails, for every n: TM_NOMEM, nothing changed, nothing kept. The allocator of this
 * program is glibc's own behind a countdown; under a sanitizer, which brings its own, there is nothing to
 * fail. CRoaring is spared: it does not look at what malloc returns, which is why the index asks for room
 * before it calls it. */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "storage/index/index.h"
#include "storage/selector/selector.h"

/* What calls from CRoaring does not fail. */
static inline bool is_roaring(const void *caller)
{
    Dl_info info;
    return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "roaring");
}
#define NOMEM_SPARED is_roaring
#include "tests/unit/nomem.h"

#if CAN_FAIL
/* Runs step with the first, the second, .. allocation failing until none does; returns how many failed. */
static long fail_each(enum tm_err (*step)(void *arg), void *arg)
{
    enum tm_err err;
    long n = 0;
    do {
        failed = 0;
        countdown = n++;
        err = step(arg);
        countdown = -1;
        if (err != TM_OK && err != TM_NOMEM)
            fail_msg("%s", tm_err_text(err));
        assert_true(err == TM_OK || failed == 1);
    } while (failed > 0);
    assert_int_equal(err, TM_OK);
    return n - 1;
}

/* ---- matchers and selectors ---- */

static enum tm_err make_matcher(void *arg)
{
    struct matcher *m;
    struct tm_why why;
    bool takes = false;
    long before = live;
    enum tm_err err = matcher_new(MATCH_REGEX, STR("a"), str_of(arg), &m, &why);
    assert_true(err == TM_OK || m == NULL);
    if (!err)
        err = matcher_takes(m, STR("foo\xff\xc3\xa9 1"), &takes);
    matcher_free(m);
    assert_int_equal(live, before);
    return err;
}

static void every_failed_allocation_of_a_matcher_is_reported(void **state)
{
    (void)state;
    char patterns[][40] = {"foo",          "a|b|c", "foo.*", ".+", "fo{2}.*(?i:[\\w[:alpha:]]|x)?\\pN",
                           "(.|\\d)+(1|2)"};
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
        assert_true(fail_each(make_matcher, patterns[i]) >= 3);
}

static enum tm_err read_selector(void *arg)
{
    struct selector s;
    struct tm_why why;
    long before = live;
    enum tm_err err = selector_parse(str_of(arg), &s, &why);
    assert_true(err == TM_OK || s.count == 0);
    selector_fini(&s);
    assert_int_equal(live, before);
    return err;
}

static void every_failed_allocation_of_a_selector_is_reported(void **state)
{
    (void)state;
    char text[] = "up{a=\"1\",b=~\"x.[y]|z\",c!~'q.*'}";
    assert_true(fail_each(read_selector, text) > 10);
}

/* ---- the index ---- */

struct adding {
    struct index *ix;
    uint32_t id;
    struct bytes labels;
};

static enum tm_err add_series(void *arg)
{
    struct adding *adding = arg;
    size_t before = index_count(adding->ix);
    enum tm_err err = index_add(adding->ix, adding->id, bytes_view(&adding->labels), STR("shop"));
    assert_int_equal(index_count(adding->ix), before + (err == TM_OK));
    return err;
}

static void encode(struct bytes *out, uint32_t id)
{
    struct labels set = {.count = 0};
    char unique[16];
    char name[16];
    (void)snprintf(unique, sizeof unique, "pod-%u", id);
    (void)snprintf(name, sizeof name, "n%u", id % 50);
    assert_int_equal(labels_add(&set, STR("env"), STR("prod")), TM_OK);
    assert_int_equal(labels_add(&set, str_of(name), STR("x")), TM_OK);
    assert_int_equal(labels_add(&set, STR("pod"), str_of(unique)), TM_OK);
    labels_encode(&set, out);
    assert_int_equal(bytes_error(out), TM_OK);
}

static enum tm_err query_all(void *arg)
{
    const struct index *ix = arg;
    struct selector s;
    struct tm_why why;
    struct index_ids ids = {0};
    struct index_list list = {0};
    long before = live;
    enum tm_err err = selector_parse(STR("{env=~\"prod|test\",pod=~\"p.d-[1-9].*\",n7!=\"x\"}"), &s, &why);
    struct index_query query = {.matchers = s.matchers, .count = s.count};
    struct index_listing how = {.query = &query};
    if (!err)
        err = index_select(ix, &query, &ids, &why);
    if (!err)
        err = index_values(ix, STR("pod"), &how, &list, &why);
    assert_true(err || list.count == ids.count);
    assert_true(err == TM_OK || !list.items);
    index_list_fini(&list);
    index_ids_fini(&ids);
    selector_fini(&s);
    assert_int_equal(live, before);
    return err;
}

static void a_failed_allocation_adds_nothing_and_the_next_try_does(void **state)
{
    (void)state;
    long before = live;
    long failures = 0;
    struct adding adding = {.ix = index_new()};
    assert_non_null(adding.ix);
    for (adding.id = 1; adding.id <= 700; adding.id++) {
        bytes_clear(&adding.labels);
        encode(&adding.labels, adding.id);
        failures += fail_each(add_series, &adding);
        assert_int_equal(index_value_count(adding.ix, STR("env"), STR("prod")), adding.id);
    }
    assert_true(failures > 30);
    assert_true(fail_each(query_all, adding.ix) > 10);
    for (uint32_t id = 1; id <= 700; id++) {
        bytes_clear(&adding.labels);
        encode(&adding.labels, id);
        enum tm_err err;
        do {
            /* Every second allocation of a removal fails: it still removes all or nothing. */
            countdown = id % 2;
            err = index_remove(adding.ix, id, bytes_view(&adding.labels), STR("shop"));
            countdown = -1;
            assert_int_equal(index_count(adding.ix), err ? 701 - id : 700 - id);
            if (err)
                err = index_remove(adding.ix, id, bytes_view(&adding.labels), STR("shop"));
        } while (err);
    }
    assert_int_equal(index_count(adding.ix), 0);
    index_free(adding.ix);
    bytes_fini(&adding.labels);
    assert_int_equal(live, before);
}
#endif

static void there_is_nothing_to_fail_under_a_sanitizer(void **state)
{
    (void)state;
    assert_true(CAN_FAIL == 0 || CAN_FAIL == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#if CAN_FAIL
        cmocka_unit_test(every_failed_allocation_of_a_matcher_is_reported),
        cmocka_unit_test(every_failed_allocation_of_a_selector_is_reported),
        cmocka_unit_test(a_failed_allocation_adds_nothing_and_the_next_try_does),
#endif
        cmocka_unit_test(there_is_nothing_to_fail_under_a_sanitizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
