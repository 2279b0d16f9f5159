/* Sketches of frequent keys: their bounds hold, whatever is cut and merged in whatever order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "storage/tops/top_sketch.h"

enum { KEYS = 4000, PARTS = 8 };

static uint64_t roll(uint64_t *state, uint64_t below)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return (*state >> 33) % below;
}

static struct str key_of(size_t number, char text[16])
{
    return (struct str){text, (size_t)snprintf(text, 16, "/p/%zu", number)};
}

/* Key number of a stream: a few of most, or all alike. */
static size_t draw(uint64_t *state, bool is_skewed)
{
    size_t key = (size_t)roll(state, KEYS);
    return is_skewed ? key * key / KEYS * key / KEYS : key;
}

/* Adds n keys, cut to `most` whenever twice as many are there (0: never); counts them in truth. */
static void fill(struct top_sketch *sketch, uint64_t *state, bool is_skewed, size_t n, size_t most,
                 uint64_t truth[KEYS])
{
    char text[16];
    for (size_t i = 0; i < n; i++) {
        size_t key = draw(state, is_skewed);
        uint64_t count = 1 + roll(state, 3);
        assert_int_equal(top_sketch_add(sketch, key_of(key, text), count), TM_OK);
        truth[key] += count;
        if (most > 0 && sketch->count >= 2 * most)
            assert_int_equal(top_sketch_cut(sketch, most), TM_OK);
    }
}

static void expect_bounds(const struct top_sketch *sketch, const uint64_t truth[KEYS])
{
    bool known[KEYS] = {false};
    uint64_t total = 0;
    for (size_t i = 0; i < sketch->count; i++) {
        struct str key = top_sketch_key(sketch, &sketch->entries[i]);
        char text[16];
        (void)snprintf(text, sizeof text, "%.*s", (int)key.len, key.ptr);
        size_t number = strtoul(text + 3, NULL, 10);
        assert_in_range(number, 0, KEYS - 1);
        assert_true(str_equal(key, key_of(number, text)) && !known[number]);
        known[number] = true;
        assert_true(sketch->entries[i].count <= truth[number]);
        assert_true(truth[number] <= sketch->entries[i].count + sketch->entries[i].error);
    }
    for (size_t i = 0; i < KEYS; i++) {
        total += truth[i];
        assert_true(known[i] || truth[i] <= sketch->floor);
    }
    assert_int_equal(sketch->total, total);
}

static void what_is_not_cut_is_exact(void **state)
{
    static uint64_t truth[KEYS];
    struct top_sketch sketch = {0};
    uint64_t seed = 1;
    (void)state;
    fill(&sketch, &seed, true, 20000, 0, truth);
    expect_bounds(&sketch, truth);
    assert_int_equal(sketch.floor, 0);
    for (size_t i = 0; i < sketch.count; i++)
        assert_int_equal(sketch.entries[i].error, 0);
    top_sketch_fini(&sketch);
}

static void one_cut_leaves_out_less_than_its_share(void **state)
{
    (void)state;
    for (int is_skewed = 0; is_skewed < 2; is_skewed++) {
        static uint64_t truth[KEYS];
        struct top_sketch sketch = {0};
        uint64_t seed = 2;
        for (size_t i = 0; i < KEYS; i++)
            truth[i] = 0;
        fill(&sketch, &seed, is_skewed, 50000, 0, truth);
        assert_int_equal(top_sketch_cut(&sketch, 100), TM_OK);
        assert_int_equal(sketch.count, 100);
        expect_bounds(&sketch, truth);
        assert_true(sketch.floor > 0 && sketch.floor <= sketch.total / 100);
        for (size_t i = 1; i < sketch.count; i++)
            assert_true(sketch.entries[i - 1].count >= sketch.entries[i].count);
        top_sketch_fini(&sketch);
    }
}

static void bounds_hold_in_little_memory(void **state)
{
    (void)state;
    for (int is_skewed = 0; is_skewed < 2; is_skewed++) {
        static uint64_t truth[KEYS];
        struct top_sketch sketch = {0};
        uint64_t seed = 3;
        for (size_t i = 0; i < KEYS; i++)
            truth[i] = 0;
        fill(&sketch, &seed, is_skewed, 50000, 100, truth);
        expect_bounds(&sketch, truth);
        assert_true(sketch.count < 200 && sketch.floor <= 2 * sketch.total / 100);
        top_sketch_fini(&sketch);
    }
}

/* Parts of a stream, each cut, merged in one order or another, cut again in between or not. */
static void merge_parts(struct top_sketch parts[PARTS], bool is_tree, size_t most)
{
    for (size_t step = 1; step < PARTS; step *= 2) {
        size_t stride = is_tree ? 2 * step : PARTS;
        for (size_t i = 0; i + (is_tree ? step : 1) < PARTS && (is_tree || step == 1); i += stride) {
            for (size_t k = is_tree ? step : 1; k < (is_tree ? step + 1 : PARTS); k++) {
                assert_int_equal(top_sketch_merge(&parts[i], &parts[i + k]), TM_OK);
                if (most > 0)
                    assert_int_equal(top_sketch_cut(&parts[i], most), TM_OK);
            }
        }
    }
}

static void merge_all(bool is_tree, bool is_skewed, size_t cut_first, size_t most, struct bytes *out)
{
    static uint64_t truth[KEYS];
    struct top_sketch parts[PARTS] = {{0}};
    uint64_t seed = 4;
    for (size_t i = 0; i < KEYS; i++)
        truth[i] = 0;
    for (size_t i = 0; i < PARTS; i++) {
        fill(&parts[i], &seed, is_skewed, 5000, 0, truth);
        if (cut_first > 0)
            assert_int_equal(top_sketch_cut(&parts[i], cut_first), TM_OK);
    }
    merge_parts(parts, is_tree, most);
    expect_bounds(&parts[0], truth);
    assert_int_equal(top_sketch_cut(&parts[0], KEYS), TM_OK); /* in order */
    top_sketch_encode(&parts[0], out);
    for (size_t i = 0; i < PARTS; i++)
        top_sketch_fini(&parts[i]);
}

static void merging_holds_in_any_order(void **state)
{
    (void)state;
    for (int is_skewed = 0; is_skewed < 2; is_skewed++) {
        struct bytes line = {0}, tree = {0};
        merge_all(false, is_skewed, 150, 150, &line);
        merge_all(true, is_skewed, 150, 150, &tree);
        bytes_clear(&line);
        bytes_clear(&tree);
        /* Without a cut in between the order changes nothing at all. */
        merge_all(false, is_skewed, 150, 0, &line);
        merge_all(true, is_skewed, 150, 0, &tree);
        assert_int_equal(line.len, tree.len);
        assert_memory_equal(line.data, tree.data, line.len);
        bytes_fini(&line);
        bytes_fini(&tree);
    }
}

static void what_was_written_is_read_and_nothing_else(void **state)
{
    static uint64_t truth[KEYS];
    struct top_sketch sketch = {0}, again = {0};
    struct bytes bytes = {0}, twice = {0};
    uint64_t seed = 5;
    (void)state;
    assert_int_equal(top_sketch_add(&sketch, STR(""), 7), TM_OK);
    fill(&sketch, &seed, true, 300, 0, truth);
    assert_int_equal(top_sketch_cut(&sketch, 50), TM_OK);
    top_sketch_encode(&sketch, &bytes);
    struct cursor in = cursor_of(bytes.data, bytes.len);
    assert_int_equal(top_sketch_decode(&in, &again), TM_OK);
    assert_int_equal(cursor_left(&in), 0);
    top_sketch_encode(&again, &twice);
    assert_int_equal(bytes.len, twice.len);
    assert_memory_equal(bytes.data, twice.data, bytes.len);
    for (size_t len = 0; len < bytes.len; len++) {
        struct top_sketch torn = {0};
        in = cursor_of(bytes.data, len);
        assert_int_equal(top_sketch_decode(&in, &torn), TM_CORRUPT);
        top_sketch_fini(&torn);
    }
    top_sketch_fini(&sketch);
    top_sketch_fini(&again);
    bytes_fini(&bytes);
    bytes_fini(&twice);
}

static void sums_stay_at_the_bound_and_long_keys_are_cut(void **state)
{
    static char text[TOP_KEY_MAX_BYTES + 10];
    struct top_sketch sketch = {0};
    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = 'x';
    assert_int_equal(top_sketch_add(&sketch, (struct str){text, sizeof text}, UINT64_MAX), TM_OK);
    assert_int_equal(top_sketch_add(&sketch, (struct str){text, TOP_KEY_MAX_BYTES}, 5), TM_OK);
    assert_int_equal(sketch.count, 1);
    assert_true(sketch.entries[0].count == UINT64_MAX && sketch.total == UINT64_MAX);
    assert_int_equal(sketch.entries[0].len, TOP_KEY_MAX_BYTES);
    assert_int_equal(top_sketch_cut(&sketch, 0), TM_OK);
    assert_true(sketch.count == 0 && sketch.floor == UINT64_MAX);
    top_sketch_fini(&sketch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_cut_is_exact),
        cmocka_unit_test(one_cut_leaves_out_less_than_its_share),
        cmocka_unit_test(bounds_hold_in_little_memory),
        cmocka_unit_test(merging_holds_in_any_order),
        cmocka_unit_test(what_was_written_is_read_and_nothing_else),
        cmocka_unit_test(sums_stay_at_the_bound_and_long_keys_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
