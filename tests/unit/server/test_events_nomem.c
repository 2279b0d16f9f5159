/* The n-th allocation fails, for every n: TM_NOMEM or an answer all the same, and nothing is kept. The
 * allocator of this program is glibc's own behind a countdown; under a sanitizer, which brings its own, there
 * is nothing to fail. Hyperscan is spared: inside it is C++. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "server/events/filter.h"
#include "server/events/page_groups.h"
#include "tests/unit/nomem.h"

#if !CAN_FAIL

int main(void)
{
    (void)puts("nothing to fail under a sanitizer");
    return 0;
}

#else

static const struct page_group_rule rules[] = {
    {.name = {"product", 7}, .match = {"^/p/[0-9]+$", 11}},
    {.name = {"review", 6}, .match = {"/review(?=/|$)", 14}},
};

/* Learns enough to fold; returns how many URLs got a group. */
static size_t use(struct page_groups *groups)
{
    size_t answered = 0;
    for (int i = 0; i < 60; i++) {
        char url[64];
        (void)snprintf(url, sizeof url, "/shop/x%c%c/reviews", 'a' + i % 26, 'a' + i / 26);
        struct page_group group = page_groups_find(groups, str_of(url));
        assert_true(group.name.len > 0);
        answered += group.from != PAGE_GROUP_OVERFLOW;
        assert_int_equal(page_groups_find(groups, STR("/p/1")).rule, 0);
    }
    return answered;
}

static void page_groups_answer_whatever_fails(void **state)
{
    (void)state;
    long refused = 0;
    const struct page_groups_options options = {
        .rules = rules, .rule_count = 2, .groups_max = 200, .cache_paths = 16, .one_by_one = true};
    for (long n = 0;; n++) {
        struct page_groups *groups;
        struct tm_why why;
        long before = live;
        failed = 0;
        countdown = n;
        enum tm_err err = page_groups_new(&options, &groups, &why);
        size_t answered = err ? 0 : use(groups);
        countdown = -1;
        assert_true(err == TM_OK || (err == TM_NOMEM && !groups));
        refused += err == TM_NOMEM;
        assert_true(err || answered >= 59); /* of one URL the memory was missing */
        if (!err)
            assert_int_equal(use(groups), 60);
        page_groups_free(groups);
        assert_int_equal(live, before);
        if (failed == 0)
            break;
    }
    assert_true(refused > 5);
}

static void state_that_can_not_be_read_changes_nothing(void **state)
{
    (void)state;
    const struct page_groups_options options = {.groups_max = 200};
    struct page_groups *groups;
    struct bytes exported = {0};
    assert_int_equal(page_groups_new(&options, &groups, NULL), TM_OK);
    (void)use(groups);
    page_groups_export(groups, &exported);
    uint32_t known = page_groups_counts(groups).groups;
    for (long n = 0;; n++) {
        long before = live;
        failed = 0;
        countdown = n;
        enum tm_err err = page_groups_import(groups, bytes_view(&exported));
        countdown = -1;
        assert_int_equal(page_groups_counts(groups).groups, known);
        assert_int_equal(live, before);
        if (failed == 0)
            break;
        assert_int_equal(err, TM_NOMEM);
    }
    bytes_fini(&exported);
    page_groups_free(groups);
}

static void filters_are_made_whole_or_not_at_all(void **state)
{
    (void)state;
    for (long n = 0;; n++) {
        struct filter *filter;
        struct filter_fault fault;
        long before = live;
        failed = 0;
        countdown = n;
        enum tm_err err =
            filter_new(STR("status=404 url=~\"^/p\" or (tag.x=y not url!~\"a|b\")"), &filter, &fault);
        countdown = -1;
        assert_true(err == TM_OK || (err == TM_NOMEM && !filter));
        filter_free(filter);
        assert_int_equal(live, before);
        if (failed == 0)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_groups_answer_whatever_fails),
        cmocka_unit_test(state_that_can_not_be_read_changes_nothing),
        cmocka_unit_test(filters_are_made_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
