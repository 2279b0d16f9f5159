/* Chunks are cut so that LMDB's pages are full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/flush/flush.h"

enum { SERIES = 60, SAMPLES = 8640, PAGE_ROOM = 4096 - 16, LEAF_MOST = 2018, NODE_BYTES = 8 + 12 + 2 };

struct page {
    size_t left;  /* of the present one */
    size_t pages; /* begun */
    size_t bytes; /* of values */
    size_t chunks;
    size_t longest;
    struct columns out; /* decoded again */
    struct partition_id id;
    uint32_t window;
};

/* What LMDB does when values are appended in order of their keys. */
static enum tm_err take(void *arg, uint32_t series, uint32_t part, struct str value,
                        const struct partition_extent *extent, struct tm_why *why)
{
    struct page *page = arg;
    size_t node = (NODE_BYTES + value.len + 1) & ~(size_t)1, count;
    struct partition_key at = {page->window, series, part};
    struct chunk_key key = days_chunk_key(page->id, &at);
    struct columns *out = &page->out;
    (void)why;
    if (page->left < node) {
        page->pages++;
        page->left = PAGE_ROOM;
    }
    page->left -= node <= page->left ? node : 0;
    page->bytes += value.len;
    page->chunks++;
    page->longest = value.len > page->longest ? value.len : page->longest;
    assert_int_equal(columns_reserve(out, extent->samples), TM_OK);
    assert_int_equal(
        chunk_decode(&key, value, out->times + out->count, out->values + out->count, extent->samples, &count),
        TM_OK);
    assert_int_equal(count, extent->samples);
    assert_int_equal(out->times[out->count], extent->first);
    out->count += count;
    return TM_OK;
}

/* Of every kind a few: constant, counter, decimals, noise in all bits. */
static double make_value(uint32_t series, int i, uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    double noise = (double)(*state >> 8) / 16777216.0;
    switch (series % 4) {
    case 0:
        return 7;
    case 1:
        return (double)(i * 3) + (double)(int)(noise * 9);
    case 2:
        return (double)(int)(noise * 2000) / 100;
    default:
        return (noise + 1e-3) / 3;
    }
}

static void put_series(struct flush_work *work, struct flush_put *put, struct page *page, int samples)
{
    uint32_t state = put->series * 77777u + 5;
    struct tm_why why = {""};
    work->columns.count = 0;
    page->out.count = 0;
    assert_int_equal(columns_reserve(&work->columns, (size_t)samples), TM_OK);
    for (int i = 0; i < samples; i++)
        columns_add(&work->columns, INT64_C(1764000000000) + i * INT64_C(10000),
                    make_value(put->series, i, &state));
    assert_int_equal(flush_put_columns(work, put, 0, work->columns.count, &why), TM_OK);
    assert_int_equal(page->out.count, work->columns.count);
    assert_memory_equal(page->out.times, work->columns.times, (size_t)samples * sizeof(time_ms_t));
    assert_memory_equal(page->out.values, work->columns.values, (size_t)samples * sizeof(double));
}

static void run(struct page *page, enum chunk_effort effort, bool fills, int samples)
{
    struct flush_figures figures = {0};
    struct flush_work work = {.figures = &figures};
    struct flush_fill fill = {0};
    struct flush_put put = {.arg = page,
                            .put = take,
                            .id = page->id,
                            .window = page->window,
                            .effort = effort,
                            .exponent = NUMBER_NOT_DECIMAL,
                            .most = fills ? CHUNK_MAX_SAMPLES : FLUSH_CHUNK_SAMPLES,
                            .fill = fills ? &fill : NULL};
    for (put.series = 1; put.series <= SERIES; put.series++)
        put_series(&work, &put, page, samples);
    assert_int_equal(figures.samples, SERIES * samples);
    assert_int_equal(figures.chunks, page->chunks);
    columns_fini(&page->out);
    flush_work_fini(&work);
}

static void a_rewritten_day_fills_its_pages(void **state)
{
    (void)state;
    struct page page = {.id = {PARTITION_RAW, 20000, false}, .window = 0};
    run(&page, CHUNK_DENSE, true, SAMPLES);
    assert_true(page.longest <= LEAF_MOST);
    assert_true(page.bytes + page.chunks * NODE_BYTES >= page.pages * PAGE_ROOM * 93 / 100);
}

static void a_flushed_chunk_lies_inside_a_leaf_page(void **state)
{
    (void)state;
    struct page page = {.id = {PARTITION_RAW, 20000, false}, .window = 3};
    run(&page, CHUNK_FAST, false, 2500);
    assert_true(page.longest <= LEAF_MOST);
}

static void few_samples_are_one_chunk(void **state)
{
    (void)state;
    struct page page = {.id = {PARTITION_RAW, 20000, true}, .window = 1};
    run(&page, CHUNK_DENSE, true, 12);
    assert_int_equal(page.chunks, SERIES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rewritten_day_fills_its_pages),
        cmocka_unit_test(a_flushed_chunk_lies_inside_a_leaf_page),
        cmocka_unit_test(few_samples_are_one_chunk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
