/* A step that goes on where it stands finds what one finds that begins at the root each time. */
#include "test_partition_fixture.h"

enum { WINDOWS = 40, SERIES = 300, LOOKUPS = 1500, FOUND_MAX = 256 };

static int set_up(void **state)
{
    struct scratch *s = test_malloc(sizeof *s);
    scratch_make(s, "/tmp");
    scratch_open(s);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    scratch_remove(*state);
    test_free(*state);
    return 0;
}

/* How many chunks a series has in a window: of most none or one; the first and the last series now and then
 * only, so that windows begin and end with different ones. */
static uint32_t parts_of(uint32_t window, uint32_t series)
{
    uint32_t mixed = (window * 2654435761u) ^ (series * 2246822519u);
    mixed = (mixed ^ mixed >> 15) * 2654435761u >> 16;
    if (series % 7 == 3)
        return 0; /* of a series that was deleted, say */
    return mixed % 8 < 3 ? 0 : mixed % 8 < 7 ? 1 : 3;
}

static uint32_t fill(struct scratch *s, uint32_t windows)
{
    uint32_t chunks = 0;
    for (uint32_t window = 1; window <= windows; window++) {
        struct partition_writer *w;
        assert_int_equal(partition_writer_open(s->set, PARTITION_RAW, TEST_DAY, &w, NULL), TM_OK);
        for (uint32_t series = 0; series < SERIES; series++) {
            for (uint32_t part = 0; part < parts_of(window, series); part++, chunks++) {
                struct chunk c = chunk_of(series, part, window, 60);
                assert_int_equal(partition_writer_put(w, series, part, chunk_str(&c), &c.extent, NULL),
                                 TM_OK);
            }
        }
        assert_int_equal(partition_writer_commit(&w, window, NULL), TM_OK);
    }
    return chunks;
}

struct found {
    struct partition_key keys[FOUND_MAX];
    uint32_t count;
};

static void look_up(struct partition_step *step, uint32_t series, struct span span, struct found *out)
{
    struct partition_cursor cursor;
    struct partition_item item;
    struct tm_why why = {""};
    enum tm_err err;
    out->count = 0;
    partition_cursor_init(&cursor, series, span);
    while ((err = partition_cursor_next(step, &cursor, &item, &why)) == TM_OK) {
        assert_int_equal(item.key.series, series);
        assert_true(is_sound(&item, NULL));
        assert_true(out->count < FOUND_MAX);
        out->keys[out->count++] = item.key;
    }
    if (err != TM_NOT_FOUND)
        print_error("%s\n", why.text);
    assert_int_equal(err, TM_NOT_FOUND);
}

/* Returns the chunks of the series. */
static uint32_t expect_same(struct scratch *s, struct partition_step *step, struct partition_id id,
                            uint32_t series, struct span span)
{
    struct partition_step fresh;
    struct found found, wanted;
    look_up(step, series, span, &found);
    assert_int_equal(partition_step_begin(s->set, id, &fresh, NULL), TM_OK);
    look_up(&fresh, series, span, &wanted);
    partition_step_end(&fresh);
    assert_int_equal(found.count, wanted.count);
    assert_memory_equal(found.keys, wanted.keys, found.count * sizeof found.keys[0]);
    return found.count;
}

/* In order, all of them and some behind; backwards; and anyhow, in parts of the day too. */
static void expect_same_by_any_order(struct scratch *s, struct partition_id id, uint32_t chunks)
{
    const struct span all = {0, INT64_MAX};
    struct partition_step step;
    uint32_t up = 0, down = 0;
    uint64_t random = 99;
    assert_int_equal(partition_step_begin(s->set, id, &step, NULL), TM_OK);
    partition_step_follow(&step);
    partition_step_follow(&step); /* twice does no harm */
    for (uint32_t series = 0; series < SERIES + 5; series++)
        up += expect_same(s, &step, id, series, all);
    for (uint32_t series = SERIES + 5; series-- > 0;)
        down += expect_same(s, &step, id, series, all);
    assert_int_equal(up, chunks);
    assert_int_equal(down, chunks);
    for (int i = 0; i < LOOKUPS; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        time_ms_t from = TEST_DAY * DAY_MS + (time_ms_t)(random >> 33) % (WINDOWS * 60000);
        struct span part = {from, from + (time_ms_t)(random >> 20) % (10 * 60000)};
        (void)expect_same(s, &step, id, (uint32_t)(random >> 40) % SERIES, i % 2 ? all : part);
    }
    partition_step_end(&step);
}

static void what_follows_in_an_open_partition_is_what_is_there(void **state)
{
    struct scratch *s = *state;
    uint32_t chunks = fill(s, WINDOWS); /* more windows than a step keeps places of */
    expect_same_by_any_order(s, day_id(TEST_DAY, false), chunks);
}

static void what_follows_in_a_sealed_partition_is_what_is_there(void **state)
{
    struct scratch *s = *state;
    uint32_t chunks = fill(s, WINDOWS);
    assert_int_equal(partition_seal(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
    expect_same_by_any_order(s, day_id(TEST_DAY, false), chunks);
}

static void what_follows_in_a_rewritten_partition_is_what_is_there(void **state)
{
    struct scratch *s = *state;
    uint32_t chunks = fill(s, 5);
    assert_int_equal(partition_seal(s->set, PARTITION_RAW, TEST_DAY, NULL), TM_OK);
    struct merge_plan plan = {s->set, TEST_DAY, SERIES, UINT32_MAX, TM_OK};
    assert_int_equal(partition_rewrite(s->set, PARTITION_RAW, TEST_DAY, merge_all, &plan, NULL), TM_OK);
    expect_same_by_any_order(s, day_id(TEST_DAY, false), chunks);
}

static void single_chunks_are_found_in_a_step_that_follows(void **state)
{
    struct scratch *s = *state;
    struct partition_step step;
    struct str value;
    (void)fill(s, 3);
    assert_int_equal(partition_step_begin(s->set, day_id(TEST_DAY, false), &step, NULL), TM_OK);
    partition_step_follow(&step);
    for (uint32_t series = 0; series < SERIES; series++) {
        for (uint32_t window = 1; window <= 3; window++) {
            for (uint32_t part = 0; part < 4; part++) {
                enum tm_err err =
                    partition_get(&step, &(struct partition_key){window, series, part}, &value, NULL);
                assert_int_equal(err, part < parts_of(window, series) ? TM_OK : TM_NOT_FOUND);
            }
        }
    }
    partition_step_end(&step);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_follows_in_an_open_partition_is_what_is_there),
        CASE(what_follows_in_a_sealed_partition_is_what_is_there),
        CASE(what_follows_in_a_rewritten_partition_is_what_is_there),
        CASE(single_chunks_are_found_in_a_step_that_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
