/* The set of tombstones in memory: what it covers, and when it is done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "storage/catalog/tombstones.h"

static const struct span all = {INT64_MIN, INT64_MAX};

/* Hides series 10, 20, ... of the days first, first + 1, ... */
static void add(struct tombstones *set, uint64_t id, struct span span, uint32_t first, size_t days)
{
    struct tombstone *t = calloc(1, sizeof *t);
    enum { SERIES = 5, STEP = 10 };
    assert_non_null(t);
    t->series = calloc(SERIES, sizeof *t->series);
    struct tombstone_list *list = &t->lists[PARTITION_RAW];
    list->at = calloc(days + 1, sizeof *list->at);
    assert_true(t->series && list->at);
    for (t->series_count = 0; t->series_count < SERIES; t->series_count++)
        t->series[t->series_count] = (uint32_t)(t->series_count + 1) * STEP;
    for (; list->count < days; list->count++)
        list->at[list->count].period = first + (uint32_t)list->count;
    t->id = id;
    t->lsn = id * 100;
    t->span = span;
    assert_int_equal(tombstones_reserve(set, SERIES), TM_OK);
    tombstones_add(set, &t);
    assert_null(t);
}

static size_t covers(struct tombstones *set, uint32_t day, uint32_t series, struct span span)
{
    struct tombstone_cover cover = {0};
    assert_int_equal(tombstones_cover(set, PARTITION_RAW, day, series, span, &cover), TM_OK);
    size_t count = cover.count;
    tombstone_cover_fini(&cover);
    return count;
}

static void no_set_and_an_empty_one_cover_nothing(void **state)
{
    struct tombstones *set = tombstones_new();
    (void)state;
    assert_non_null(set);
    assert_int_equal(covers(NULL, 1, 10, all), 0);
    assert_int_equal(covers(set, 1, 10, all), 0);
    assert_int_equal(tombstones_count(NULL), 0);
    tombstones_free(set);
    tombstones_free(NULL);
}

static void it_covers_its_series_on_its_days_where_spans_meet(void **state)
{
    struct tombstones *set = tombstones_new();
    (void)state;
    add(set, 1, (struct span){100, 200}, 5, 3);
    add(set, 2, (struct span){150, 300}, 7, 1);
    assert_int_equal(covers(set, 5, 10, all), 1);
    assert_int_equal(covers(set, 7, 50, all), 2);
    assert_int_equal(covers(set, 4, 10, all), 0);
    assert_int_equal(covers(set, 8, 10, all), 0);
    assert_int_equal(covers(set, 7, 9, all), 0);
    assert_int_equal(covers(set, 7, 51, all), 0);
    assert_int_equal(covers(set, 7, 10, (struct span){0, 100}), 0);
    assert_int_equal(covers(set, 7, 10, (struct span){0, 101}), 1);
    assert_int_equal(covers(set, 7, 10, (struct span){200, 400}), 1);
    assert_int_equal(covers(set, 7, 10, (struct span){300, 400}), 0);
    tombstones_free(set);
}

static void it_hides_up_to_its_lsn_and_within_its_span(void **state)
{
    struct tombstones *set = tombstones_new();
    struct tombstone_cover cover = {0};
    (void)state;
    add(set, 3, (struct span){100, 200}, 5, 1);
    assert_int_equal(tombstones_cover(set, PARTITION_RAW, 5, 20, all, &cover), TM_OK);
    assert_true(tombstone_hides(&cover, 100, 300));
    assert_true(tombstone_hides(&cover, 199, 0));
    assert_false(tombstone_hides(&cover, 100, 301));
    assert_false(tombstone_hides(&cover, 99, 300));
    assert_false(tombstone_hides(&cover, 200, 300));
    tombstone_cover_fini(&cover);
    tombstones_free(set);
}

static void it_hides_a_bucket_that_lies_wholly_in_one_span(void **state)
{
    struct tombstones *set = tombstones_new();
    struct tombstone_cover cover = {0};
    (void)state;
    add(set, 3, (struct span){100, 200}, 5, 1);
    add(set, 4, (struct span){200, 300}, 5, 1);
    assert_int_equal(tombstones_cover(set, PARTITION_RAW, 5, 20, all, &cover), TM_OK);
    assert_true(tombstone_hides_bucket(&cover, (struct span){100, 200}, 300));
    assert_true(tombstone_hides_bucket(&cover, (struct span){250, 260}, 400));
    assert_false(tombstone_hides_bucket(&cover, (struct span){100, 200}, 301));
    assert_false(tombstone_hides_bucket(&cover, (struct span){99, 150}, 0));
    assert_false(tombstone_hides_bucket(&cover, (struct span){150, 250}, 0));
    assert_false(tombstone_hides_bucket(&cover, (struct span){250, 301}, 0));
    tombstone_cover_fini(&cover);
    tombstones_free(set);
}

static void a_period_of_one_tier_is_none_of_another(void **state)
{
    struct tombstones *set = tombstones_new();
    struct tombstone_cover cover = {0};
    (void)state;
    add(set, 1, all, 5, 1);
    assert_false(tombstones_need(set, PARTITION_RAW, 5));
    tombstones_at(set, 0)->lists[PARTITION_RAW].at[0].is_needed = true;
    assert_true(tombstones_need(set, PARTITION_RAW, 5));
    assert_false(tombstones_need(set, PARTITION_COUNTS, 5));
    assert_false(tombstones_need(NULL, PARTITION_RAW, 5));
    assert_int_equal(tombstones_cover(set, PARTITION_1H, 5, 20, all, &cover), TM_OK);
    assert_int_equal(cover.count, 0);
    tombstones_settle(set, PARTITION_5M, 5);
    assert_int_equal(covers(set, 5, 10, all), 1);
    assert_false(tombstone_is_done(tombstones_at(set, 0)));
    tombstones_settle(set, PARTITION_RAW, 5);
    assert_true(tombstone_is_done(tombstones_at(set, 0)));
    tombstones_free(set);
}

static void a_day_that_is_settled_leaves_and_the_last_one_ends_it(void **state)
{
    struct tombstones *set = tombstones_new();
    (void)state;
    add(set, 1, all, 5, 2);
    add(set, 2, all, 6, 2);
    tombstones_settle(set, PARTITION_RAW, 6);
    assert_int_equal(covers(set, 5, 10, all), 1);
    assert_int_equal(covers(set, 6, 10, all), 0);
    assert_int_equal(covers(set, 7, 10, all), 1);
    assert_true(tombstones_at(set, 0)->is_dirty && tombstones_at(set, 1)->is_dirty);
    tombstones_settle_one(set, tombstones_at(set, 0), PARTITION_RAW, 5);
    tombstones_settle_one(set, tombstones_at(set, 0), PARTITION_RAW, 99);
    assert_int_equal(tombstones_count(set), 2);
    tombstones_drop_done(set);
    assert_int_equal(tombstones_count(set), 1);
    assert_int_equal(tombstones_at(set, 0)->id, 2);
    tombstones_free(set);
}

static void one_without_a_list_of_days_covers_all_until_it_has_one(void **state)
{
    struct tombstones *set = tombstones_new();
    struct tombstone_list lists[TOMBSTONE_TIERS] = {{NULL, 0}};
    lists[PARTITION_RAW] = (struct tombstone_list){calloc(1, sizeof *lists[0].at), 1};
    (void)state;
    add(set, 1, all, 0, 0);
    tombstones_at(set, 0)->is_everywhere = true;
    tombstones_settle(set, PARTITION_RAW, 9);
    tombstones_drop_done(set);
    assert_int_equal(covers(set, 9, 10, all), 1);
    lists[PARTITION_RAW].at[0].period = 8;
    tombstones_set_lists(set, tombstones_at(set, 0), lists);
    assert_null(lists[PARTITION_RAW].at);
    assert_int_equal(covers(set, 9, 10, all), 0);
    assert_int_equal(covers(set, 8, 10, all), 1);
    tombstones_free(set);
}

static void the_set_is_bounded_in_number_and_in_series(void **state)
{
    struct tombstones *set = tombstones_new();
    (void)state;
    assert_int_equal(tombstones_reserve(set, TOMBSTONES_SERIES_MAX), TM_OK);
    assert_int_equal(tombstones_reserve(set, TOMBSTONES_SERIES_MAX + 1), TM_LIMIT);
    for (uint64_t i = 1; i <= TOMBSTONES_MAX; i++)
        add(set, i, all, 1, 1);
    assert_int_equal(tombstones_reserve(set, 1), TM_LIMIT);
    assert_int_equal(covers(set, 1, 10, all), TOMBSTONES_MAX);
    tombstones_settle(set, PARTITION_RAW, 1);
    tombstones_drop_done(set);
    assert_int_equal(tombstones_reserve(set, TOMBSTONES_SERIES_MAX), TM_OK);
    tombstones_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_set_and_an_empty_one_cover_nothing),
        cmocka_unit_test(it_covers_its_series_on_its_days_where_spans_meet),
        cmocka_unit_test(it_hides_up_to_its_lsn_and_within_its_span),
        cmocka_unit_test(it_hides_a_bucket_that_lies_wholly_in_one_span),
        cmocka_unit_test(a_period_of_one_tier_is_none_of_another),
        cmocka_unit_test(a_day_that_is_settled_leaves_and_the_last_one_ends_it),
        cmocka_unit_test(one_without_a_list_of_days_covers_all_until_it_has_one),
        cmocka_unit_test(the_set_is_bounded_in_number_and_in_series),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
