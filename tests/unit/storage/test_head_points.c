/* The pool of full arrays: what it gives is apart from each other, and all its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "storage/chunk/chunk.h"
#include "storage/flush/head.h"
#include "storage/flush/head_points.h"

enum { SMALL = 256, ARRAYS = 5000 };

static void few_series_get_no_huge_page(void **state)
{
    (void)state;
    struct head_points pool = {0};
    for (int i = 0; i < SMALL; i++)
        assert_null(head_points_take(&pool));
    assert_null(pool.newest);
    assert_non_null(head_points_take(&pool));
    head_points_fini(&pool);
    assert_null(pool.newest);
}

static void arrays_do_not_overlap(void **state)
{
    (void)state;
    static struct point *arrays[ARRAYS];
    struct head_points pool = {.small = SMALL};
    for (int i = 0; i < ARRAYS; i++) {
        arrays[i] = head_points_take(&pool);
        assert_non_null(arrays[i]);
        for (int k = 0; k < CHUNK_BLOCK; k++)
            arrays[i][k] = (struct point){i, k};
    }
    for (int i = 0; i < ARRAYS; i++) {
        for (int k = 0; k < CHUNK_BLOCK; k++)
            assert_true(arrays[i][k].time == i && arrays[i][k].value == k);
    }
    head_points_fini(&pool);
}

/* Each series' samples stay its own while its array moves from malloc into the pool. */
static void samples_stay_when_their_array_moves_into_the_pool(void **state)
{
    (void)state;
    enum { SERIES = 2 * SMALL, SAMPLES = 200 };
    struct head head = {0};
    for (int i = 0; i < SAMPLES; i++) {
        for (uint32_t id = 1; id <= SERIES; id++) {
            struct number number = number_of_decimal((int64_t)id * 1000 + i, 0);
            assert_int_equal(head_sample(&head, id, i + 1, &number), TM_OK);
        }
    }
    assert_non_null(head.points.newest);
    for (uint32_t id = 1; id <= SERIES; id++) {
        struct columns out = {0};
        assert_int_equal(head_collect(&head, id, (struct span){0, INT64_MAX}, &out), TM_OK);
        assert_int_equal(out.count, SAMPLES);
        for (int i = 0; i < SAMPLES; i++)
            assert_true(out.times[i] == i + 1 && out.values[i] == (double)id * 1000 + i);
        columns_fini(&out);
    }
    head_fini(&head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_series_get_no_huge_page),
        cmocka_unit_test(arrays_do_not_overlap),
        cmocka_unit_test(samples_stay_when_their_array_moves_into_the_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
