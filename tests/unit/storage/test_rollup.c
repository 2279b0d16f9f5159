/* Rows from samples, and rows as bytes. */
#include <float.h>
#include <math.h>

#include "storage/rollup/rollup_chunk.h"
#include "storage/rollup/rollup_format.h"
#include "tests/unit/storage/fixture.h"

#define MINUTE_MS INT64_C(60000)
#define FIVE_MS   (5 * MINUTE_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)
#define DAY0      (WALL_START / DAY_MS * DAY_MS)
#define ANY_DAY   ((struct span){DAY0, DAY0 + DAY_MS})

struct bench {
    struct columns samples;
    struct rollup_rows rows, back;
    struct chunk_scratch scratch;
    struct bytes chunk;
    uint64_t random;
};

static const struct chunk_key key = {77, DAY0};
static const struct rollup_grid grid = {DAY0, FIVE_MS};

static int bench_setup(void **state)
{
    *state = calloc(1, sizeof(struct bench));
    return *state ? 0 : -1;
}

static int bench_teardown(void **state)
{
    struct bench *b = *state;
    columns_fini(&b->samples);
    rollup_rows_fini(&b->rows);
    rollup_rows_fini(&b->back);
    bytes_fini(&b->chunk);
    free(b);
    return 0;
}

static uint32_t draw(struct bench *b, uint32_t below)
{
    b->random = b->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(b->random >> 33) % below;
}

static void sample(struct bench *b, time_ms_t time, double value)
{
    assert_int_equal(columns_reserve(&b->samples, 1), TM_OK);
    columns_add(&b->samples, time, value);
}

static void compute(struct bench *b, int64_t bucket_ms)
{
    assert_int_equal(rollup_compute(&b->samples, ANY_DAY, bucket_ms, &b->rows), TM_OK);
}

/* ---- rows ---- */

static void a_bucket_tells_count_sum_min_max_and_last(void **state)
{
    struct bench *b = *state;
    sample(b, DAY0, 3);
    sample(b, DAY0 + 1, -1);
    sample(b, DAY0 + FIVE_MS - 1, 2);
    sample(b, DAY0 + FIVE_MS, 9);
    compute(b, FIVE_MS);
    assert_int_equal(b->rows.count, 2);
    const struct rollup *row = &b->rows.rows[0];
    assert_int_equal(row->start, DAY0);
    assert_int_equal(row->count, 3);
    assert_true(row->sum == 4 && row->min == -1 && row->max == 3 && row->last == 2);
    assert_int_equal(row->last_time, DAY0 + FIVE_MS - 1);
    assert_int_equal(row[1].start, DAY0 + FIVE_MS);
    assert_int_equal(row[1].count, 1);
}

static void a_sum_is_added_in_order_of_time(void **state)
{
    struct bench *b = *state;
    double sum = 0;
    for (int i = 0; i < 30; i++) {
        sample(b, DAY0 + i * 10000, i * 0.1 + 1e10 * (i % 2));
        sum += i * 0.1 + 1e10 * (i % 2);
    }
    compute(b, FIVE_MS);
    assert_true(b->rows.rows[0].sum == sum);
}

static void a_counter_counts_over_bucket_and_day_borders(void **state)
{
    struct bench *b = *state;
    sample(b, DAY0 - HOUR_MS - 1, 0); /* too old for what follows */
    sample(b, DAY0 - 10, 100);
    sample(b, DAY0 + 10, 107);
    sample(b, DAY0 + FIVE_MS, 110);
    sample(b, DAY0 + 3 * FIVE_MS, 111);
    sample(b, DAY0 + 3 * FIVE_MS + HOUR_MS + 1, 500);
    compute(b, FIVE_MS);
    assert_int_equal(b->rows.count, 4);
    assert_true(b->rows.rows[0].increase == 7);
    assert_true(b->rows.rows[1].increase == 3);
    assert_true(b->rows.rows[2].increase == 1);
    assert_true(b->rows.rows[3].increase == 0);
}

static void a_reset_counts_itself(void **state)
{
    struct bench *b = *state;
    sample(b, DAY0, 100);
    sample(b, DAY0 + 1, 5);
    sample(b, DAY0 + 2, 8);
    sample(b, DAY0 + FIVE_MS, 2);
    compute(b, FIVE_MS);
    assert_true(b->rows.rows[0].increase == 8);
    assert_true(b->rows.rows[1].increase == 2);
}

static void the_hours_of_a_counter_are_its_five_minutes(void **state)
{
    struct bench *b = *state;
    double value = 0, sum = 0;
    for (time_ms_t at = DAY0 - HOUR_MS; at < DAY0 + 3 * HOUR_MS; at += 1 + draw(b, 900000)) {
        value = draw(b, 8) == 0 ? 0 : value + draw(b, 100);
        sample(b, at, value);
    }
    compute(b, FIVE_MS);
    for (size_t i = 0; i < b->rows.count; i++)
        sum += b->rows.rows[i].increase;
    compute(b, HOUR_MS);
    assert_int_equal(b->rows.count, 3);
    assert_true(sum == b->rows.rows[0].increase + b->rows.rows[1].increase + b->rows.rows[2].increase);
}

static void staleness_markers_are_no_samples(void **state)
{
    struct bench *b = *state;
    sample(b, DAY0, 5);
    sample(b, DAY0 + 1, double_of_bits(0x7ff0000000000002));
    sample(b, DAY0 + 2, 6);
    sample(b, DAY0 + FIVE_MS, double_of_bits(0x7ff0000000000002));
    compute(b, FIVE_MS);
    assert_int_equal(b->rows.count, 1);
    assert_int_equal(b->rows.rows[0].count, 2);
    assert_true(b->rows.rows[0].sum == 11 && b->rows.rows[0].increase == 1);
}

static void nan_poisons_the_sum_and_nothing_else(void **state)
{
    struct bench *b = *state;
    sample(b, DAY0, NAN);
    sample(b, DAY0 + 1, 4);
    sample(b, DAY0 + 2, NAN);
    sample(b, DAY0 + 3, 7);
    sample(b, DAY0 + FIVE_MS, NAN);
    compute(b, FIVE_MS);
    const struct rollup *row = b->rows.rows;
    assert_int_equal(row->count, 4);
    assert_true(isnan(row->sum) && row->min == 4 && row->max == 7 && row->last == 7 && row->increase == 3);
    assert_true(isnan(row[1].min) && isnan(row[1].max) && isnan(row[1].last) && row[1].increase == 0);
}

static void infinity_is_summed_and_no_increase(void **state)
{
    struct bench *b = *state;
    sample(b, DAY0, 1);
    sample(b, DAY0 + 1, INFINITY);
    sample(b, DAY0 + 2, 2);
    compute(b, FIVE_MS);
    assert_true(isinf(b->rows.rows[0].sum) && isinf(b->rows.rows[0].max));
    assert_true(b->rows.rows[0].increase == 1);
}

static void merged_rows_tell_of_both(void **state)
{
    struct rollup a = {DAY0, DAY0 + 5, 2, 10, 4, 6, 6, 2}, b = {DAY0, DAY0 + 3, 1, 1, 1, 1, 1, 0};
    struct rollup none = {.start = DAY0};
    (void)state;
    rollup_merge(&a, &b);
    assert_int_equal(a.count, 3);
    assert_true(a.sum == 11 && a.min == 1 && a.max == 6 && a.last == 6 && a.increase == 2);
    assert_int_equal(a.last_time, DAY0 + 5);
    rollup_merge(&none, &a);
    assert_memory_equal(&none, &a, sizeof a);
}

/* ---- bytes ---- */

static size_t round_trip(struct bench *b, const struct rollup_grid *at, enum chunk_effort effort)
{
    bytes_clear(&b->chunk);
    b->back.count = 0;
    assert_int_equal(rollup_encode(&b->scratch, &key, at, b->rows.rows, b->rows.count, effort, &b->chunk),
                     TM_OK);
    assert_int_equal(rollup_decode(&key, at, bytes_view(&b->chunk), &b->back), TM_OK);
    assert_int_equal(b->back.count, b->rows.count);
    assert_memory_equal(b->back.rows, b->rows.rows, b->rows.count * sizeof *b->rows.rows);
    return b->chunk.len;
}

enum family { COUNTER, SECONDS, WALK, NOISE, STEPS, FLOATS, BITS, SPECIAL, FAMILIES };

static double next_value(struct bench *b, enum family family, double before)
{
    static const double specials[] = {NAN, INFINITY, -INFINITY, -0.0, 0, DBL_MAX, DBL_TRUE_MIN};
    switch (family) {
    case COUNTER:
        return draw(b, 500) == 0 ? 0 : before + draw(b, 40);
    case SECONDS:
        return ((double)(int64_t)(before * 100 + 0.5) + draw(b, 200)) / 100;
    case WALK:
        return ((double)(int64_t)(before * 100 + 0.5) + draw(b, 61) - 30) / 100;
    case NOISE:
        return (double)draw(b, 16384) / 100;
    case STEPS:
        return draw(b, 100) == 0 ? before + 65536 : before;
    case FLOATS:
        return before + (double)draw(b, 1000000) / 7e6;
    case BITS:
        return double_of_bits((uint64_t)draw(b, UINT32_MAX) << 32 | draw(b, UINT32_MAX));
    default:
        return draw(b, 4) == 0 ? specials[draw(b, 7)] : draw(b, 100);
    }
}

static void fill(struct bench *b, enum family family, uint32_t gaps)
{
    double value = 1000;
    b->samples.count = 0;
    for (time_ms_t at = DAY0 - HOUR_MS; at < DAY0 + DAY_MS; at += 10000) {
        if (gaps && draw(b, gaps) == 0)
            at += 10000 * (time_ms_t)draw(b, 200);
        value = next_value(b, family, value);
        sample(b, at + (gaps ? draw(b, 900) : 0), value);
    }
}

static void every_row_comes_back_to_the_bit(void **state)
{
    static const struct rollup_grid hours = {DAY0 - 20 * DAY_MS, HOUR_MS};
    struct bench *b = *state;
    for (int family = 0; family < FAMILIES; family++) {
        for (uint32_t gaps = 0; gaps < 90; gaps += 30) {
            fill(b, (enum family)family, gaps);
            compute(b, FIVE_MS);
            (void)round_trip(b, &grid, CHUNK_FAST);
            (void)round_trip(b, &grid, CHUNK_DENSE);
            compute(b, HOUR_MS);
            (void)round_trip(b, &hours, CHUNK_DENSE);
        }
    }
}

static void rows_are_small(void **state)
{
    static const struct {
        enum family family;
        double most; /* bytes a row */
    } bounds[] = {{COUNTER, 5.0}, {SECONDS, 7.0}, {WALK, 9.5}, {NOISE, 10.5}, {STEPS, 1.0}};
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        fill(b, bounds[i].family, 0);
        compute(b, FIVE_MS);
        double bytes = (double)round_trip(b, &grid, CHUNK_DENSE) / (double)b->rows.count;
        print_message("family %d: %.2f bytes a row\n", (int)bounds[i].family, bytes);
        assert_true(bytes < bounds[i].most);
    }
}

static void rows_off_the_grid_are_refused(void **state)
{
    struct bench *b = *state;
    struct rollup good = {.start = DAY0, .last_time = DAY0, .count = 1};
    struct rollup bad[] = {good, good, good, good, good};
    bad[0].start = bad[0].last_time = DAY0 + 1;
    bad[1].start = bad[1].last_time = DAY0 - FIVE_MS;
    bad[2].last_time = DAY0 + FIVE_MS;
    bad[3].last_time = DAY0 - 1;
    bad[4].start = bad[4].last_time = DAY0 + ROLLUP_MAX_ROWS * FIVE_MS;
    assert_int_equal(rollup_encode(&b->scratch, &key, &grid, &good, 1, CHUNK_FAST, &b->chunk), TM_OK);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(rollup_encode(&b->scratch, &key, &grid, &bad[i], 1, CHUNK_FAST, &b->chunk),
                         TM_INVALID);
    bad[0] = bad[1] = good;
    assert_int_equal(rollup_encode(&b->scratch, &key, &grid, bad, 2, CHUNK_FAST, &b->chunk), TM_INVALID);
    assert_int_equal(rollup_encode(&b->scratch, &key, &grid, bad, 0, CHUNK_FAST, &b->chunk), TM_INVALID);
}

static void a_chunk_under_another_key_is_refused(void **state)
{
    struct bench *b = *state;
    const struct chunk_key other = {78, DAY0};
    fill(b, WALK, 0);
    compute(b, FIVE_MS);
    (void)round_trip(b, &grid, CHUNK_DENSE);
    assert_int_equal(rollup_decode(&other, &grid, bytes_view(&b->chunk), &b->back), TM_CORRUPT);
}

/* With the checksum mended, so that the reader behind it is what is tested. */
static void hostile_bytes_give_rows_or_an_error(void **state)
{
    struct bench *b = *state;
    for (int round = 0; round < 64; round++) {
        fill(b, (enum family)(round % FAMILIES), 30);
        compute(b, FIVE_MS);
        (void)round_trip(b, &grid, round % 2 ? CHUNK_DENSE : CHUNK_FAST);
        for (int tries = 0; tries < 20; tries++) {
            size_t len = draw(b, 4) == 0 ? draw(b, (uint32_t)b->chunk.len) : b->chunk.len;
            uint8_t *copy = malloc(len + 1);
            assert_non_null(copy);
            memcpy(copy, b->chunk.data, len);
            for (uint32_t i = draw(b, 4); i < 4 && len > CHUNK_BODY_AT; i++)
                copy[CHUNK_BODY_AT + draw(b, (uint32_t)len - CHUNK_BODY_AT)] ^= (uint8_t)(1 + draw(b, 255));
            if (len > CHUNK_BODY_AT) {
                uint32_t sum = htole32(chunk_checksum(&key, copy, len));
                memcpy(copy + CHUNK_CHECKSUM_AT, &sum, sizeof sum);
            }
            b->back.count = 0;
            uint8_t *end = realloc(copy, len ? len : 1); /* its memory ends where it does */
            enum tm_err err = rollup_decode(&key, &grid, (struct str){(char *)end, len}, &b->back);
            assert_true(err == TM_OK || err == TM_CORRUPT);
            for (size_t i = 1; i < b->back.count; i++)
                assert_true(b->back.rows[i].start > b->back.rows[i - 1].start);
            free(end);
        }
    }
}

/* ---- rosters ---- */

static void a_roster_comes_back(void **state)
{
    struct bench *b = *state;
    struct rollup_roster roster = {.count = 0}, back;
    assert_true(rollup_roster_add(&roster, 20000, 7));
    assert_true(rollup_roster_add(&roster, 19998, UINT64_MAX));
    assert_true(rollup_roster_add(&roster, 20000, 9));
    assert_true(rollup_roster_add(&roster, 20000, 8));
    rollup_roster_encode(&key, &roster, &b->chunk);
    assert_int_equal(rollup_roster_decode(&key, bytes_view(&b->chunk), &back), TM_OK);
    assert_int_equal(back.count, 2);
    assert_int_equal(rollup_roster_tag(&back, 20000), 9);
    assert_true(rollup_roster_tag(&back, 19998) == UINT64_MAX);
    assert_int_equal(rollup_roster_tag(&back, 19999), 0);
    b->chunk.data[b->chunk.len - 1] ^= 1;
    assert_int_equal(rollup_roster_decode(&key, bytes_view(&b->chunk), &back), TM_CORRUPT);
}

static void a_roster_has_no_room_for_more_than_a_month(void **state)
{
    struct rollup_roster roster = {.count = 0};
    (void)state;
    for (uint32_t day = 0; day < ROLLUP_MAX_DAYS; day++)
        assert_true(rollup_roster_add(&roster, day, 1));
    assert_false(rollup_roster_add(&roster, 99, 1));
    assert_true(rollup_roster_add(&roster, 30, 2));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_bucket_tells_count_sum_min_max_and_last),
        CASE(a_sum_is_added_in_order_of_time),
        CASE(a_counter_counts_over_bucket_and_day_borders),
        CASE(a_reset_counts_itself),
        CASE(the_hours_of_a_counter_are_its_five_minutes),
        CASE(staleness_markers_are_no_samples),
        CASE(nan_poisons_the_sum_and_nothing_else),
        CASE(infinity_is_summed_and_no_increase),
        CASE(merged_rows_tell_of_both),
        CASE(every_row_comes_back_to_the_bit),
        CASE(rows_are_small),
        CASE(rows_off_the_grid_are_refused),
        CASE(a_chunk_under_another_key_is_refused),
        CASE(hostile_bytes_give_rows_or_an_error),
        CASE(a_roster_comes_back),
        CASE(a_roster_has_no_room_for_more_than_a_month),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
