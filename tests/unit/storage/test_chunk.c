/* The chunk codec: lossless to the bit, small, and readable in parts. */
#include "tests/unit/storage/chunk_columns.h"

static const size_t lengths[] = {
    1, 2, 3, 4, 5, 31, 120, 127, 128, 129, 256, 360, 719, 1000, CHUNK_MAX_SAMPLES};

static void every_family_comes_back_to_the_bit(void **state)
{
    struct columns *c = *state;
    for (unsigned family = 0; family < FAMILY_COUNT; family++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
            for (unsigned clock = 0; clock < 4; clock++) {
                fill_times(c, lengths[i], clock & 1 ? 5 : 0, clock & 2 ? 100 : 0);
                fill_values(c, (enum family)family);
                (void)round_trip(c, CHUNK_FAST);
                (void)round_trip(c, CHUNK_DENSE);
            }
}

/* Columns whose pieces change their nature, of seeded lengths. */
static void mixed_columns_come_back_to_the_bit(void **state)
{
    struct columns *c = *state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        c->seed = seed;
        fill_times(c, (size_t)draw_within(c, 1, 700), draw_within(c, 0, 4000), (size_t)draw_within(c, 0, 50));
        enum family family = FAMILY_COUNTER;
        int64_t value = 0;
        for (size_t i = 0; i < c->count; i++) {
            if (draw(c) % 50 == 0)
                family = (enum family)(draw(c) % FAMILY_COUNT);
            c->values[i] = family_value(c, family, i, &value);
        }
        (void)round_trip(c, CHUNK_FAST);
        (void)round_trip(c, CHUNK_DENSE);
    }
}

static void random_times_and_bits_come_back(void **state)
{
    struct columns *c = *state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        c->seed = seed;
        c->count = (size_t)draw_within(c, 1, 500);
        uint64_t at = 1u << 20;
        for (size_t i = 0; i < c->count; i++) {
            c->values[i] = double_of_bits(draw(c));
            at += 1 + (draw(c) >> draw_within(c, 20, 63));
            c->times[i] = (time_ms_t)at;
        }
        (void)round_trip(c, CHUNK_FAST);
        (void)round_trip(c, CHUNK_DENSE);
    }
}

static void the_ends_of_time_come_back(void **state)
{
    struct columns *c = *state;
    const time_ms_t ends[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
    for (size_t from = 0; from < 7; from++)
        for (c->count = 1; from + c->count <= 7; c->count++) {
            memcpy(c->times, ends + from, c->count * sizeof *ends);
            fill_values(c, FAMILY_GAUGE);
            (void)round_trip(c, CHUNK_FAST);
            (void)round_trip(c, CHUNK_DENSE);
        }
}

static void special_values_come_back_each_among_decimals_and_alone(void **state)
{
    static const uint64_t special[] = {
        0x7ff0000000000002, 0x7ff8000000000000, 0xfff8dead0000beef, 0x7ff0000000000001, 0x8000000000000000,
        0x0000000000000001, 0x8000000000000001, 0x7fefffffffffffff, 0x7ff0000000000000, 0xfff0000000000000,
        0x4340000000000000, 0x4340000000000001, 0xc340000000000000, 0x3ff0000000000001, 0x4330000000000000};
    struct columns *c = *state;
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        fill_times(c, 300, 0, 0);
        fill_values(c, FAMILY_GAUGE);
        c->values[0] = c->values[5] = c->values[128] = c->values[299] = double_of_bits(special[i]);
        assert_true(round_trip(c, CHUNK_FAST) < 800);
        (void)round_trip(c, CHUNK_DENSE);
        for (size_t j = 0; j < c->count; j++)
            c->values[j] = double_of_bits(special[i]);
        assert_true(round_trip(c, CHUNK_FAST) <= 25);
        assert_true(round_trip(c, CHUNK_DENSE) <= 25);
    }
    fill_times(c, 15, 0, 0);
    memcpy(c->values, special, sizeof special);
    (void)round_trip(c, CHUNK_DENSE);
}

static void misfits_far_apart_stay_in_place(void **state)
{
    struct columns *c = *state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        c->seed = seed;
        fill_times(c, CHUNK_MAX_SAMPLES, 0, 0);
        fill_values(c, FAMILY_COUNTER);
        for (size_t i = 0; i < c->count; i += (size_t)draw_within(c, 1, 3000))
            c->values[i] = double_of_bits(0x7ff0000000000002 | (seed % 2 ? 0 : draw(c) >> 40));
        (void)round_trip(c, CHUNK_FAST);
    }
}

static void every_exponent_is_found(void **state)
{
    struct columns *c = *state;
    for (int32_t exponent = 0; exponent <= 12; exponent++) {
        fill_times(c, 200, 0, 0);
        for (size_t i = 0; i < c->count; i++)
            c->values[i] = (double)(1001 + (int64_t)i % 17) / chunk_power_of_ten(exponent);
        /* five bits a sample, whatever the exponent */
        assert_in_range(round_trip(c, CHUNK_FAST), 1, 155);
    }
}

static void a_wrong_hint_is_harmless(void **state)
{
    struct columns *c = *state;
    size_t count;
    fill_times(c, 360, 0, 0);
    fill_values(c, FAMILY_GAUGE);
    size_t usual = round_trip(c, CHUNK_FAST);
    for (int32_t hint = -2; hint <= NUMBER_MAX_EXPONENT + 1; hint++) {
        struct chunk_columns in = {c->times, c->values, c->count, hint};
        bytes_clear(&c->chunk);
        assert_int_equal(chunk_encode(&c->scratch, &test_key, &in, CHUNK_FAST, &c->chunk), TM_OK);
        assert_int_equal(chunk_decode(&test_key, bytes_view(&c->chunk), c->times_back, c->values_back,
                                      CHUNK_MAX_SAMPLES, &count),
                         TM_OK);
        assert_same(c, c->times_back, c->values_back, 0, count);
        if (hint <= 2)
            assert_int_equal(c->chunk.len, usual);
    }
}

static void a_regular_constant_costs_at_most_24_bytes(void **state)
{
    struct columns *c = *state;
    fill_times(c, CHUNK_MAX_SAMPLES, 0, 0);
    fill_values(c, FAMILY_CONSTANT);
    assert_in_range(round_trip(c, CHUNK_FAST), 1, 24);
    fill_values(c, FAMILY_RAMP);
    assert_true(round_trip(c, CHUNK_DENSE) <= 24 + 2 * CHUNK_MAX_SAMPLES / CHUNK_BLOCK + 8);
}

static void a_reset_costs_a_patch(void **state)
{
    struct columns *c = *state;
    fill_times(c, 720, 0, 0);
    c->seed = 9;
    fill_values(c, FAMILY_COUNTER);
    for (size_t i = 0; i < c->count; i++)
        c->values[i] += 1e9;
    for (unsigned effort = CHUNK_FAST; effort <= CHUNK_DENSE; effort++) {
        size_t before = round_trip(c, (enum chunk_effort)effort);
        double at_reset = c->values[400];
        for (size_t i = 400; i < c->count; i++)
            c->values[i] -= at_reset;
        assert_true(round_trip(c, (enum chunk_effort)effort) <= before + 12);
        for (size_t i = 400; i < c->count; i++)
            c->values[i] += at_reset;
    }
}

static void a_stale_marker_costs_few_bytes(void **state)
{
    struct columns *c = *state;
    fill_times(c, 720, 0, 0);
    fill_values(c, FAMILY_GAUGE);
    size_t before = round_trip(c, CHUNK_FAST);
    c->values[300] = c->values[500] = double_of_bits(0x7ff0000000000002);
    assert_true(round_trip(c, CHUNK_FAST) <= before + 16);
}

static void dense_is_never_larger_than_fast(void **state)
{
    struct columns *c = *state;
    for (unsigned family = 0; family < FAMILY_COUNT; family++) {
        c->seed = family;
        fill_times(c, 2000, family % 2 ? 5 : 0, 0);
        fill_values(c, (enum family)family);
        size_t fast = round_trip(c, CHUNK_FAST);
        assert_true(round_trip(c, CHUNK_DENSE) <= fast);
    }
}

/* Gaussian noise of two decimals, standard deviation 1000: entropy 12.0 bits. */
static void dense_comes_close_to_the_entropy(void **state)
{
    struct columns *c = *state;
    fill_times(c, 8640, 0, 0);
    c->seed = 4;
    for (size_t i = 0; i < c->count; i++) {
        double sum = 0;
        for (unsigned j = 0; j < 12; j++)
            sum += (double)(draw(c) >> 11) * 0x1p-53;
        c->values[i] = (double)(int64_t)((sum - 6) * 1000 + 1e6) / 100;
    }
    double bits = 8 * (double)round_trip(c, CHUNK_DENSE) / (double)c->count;
    assert_true(bits > 12.0 && bits < 12.12);
}

static void a_span_is_the_slice_of_all(void **state)
{
    struct columns *c = *state;
    for (unsigned family = 0; family < FAMILY_COUNT; family++) {
        c->seed = family + 1;
        fill_times(c, 700, family % 2 ? 5 : 0, family % 3 ? 0 : 90);
        fill_values(c, (enum family)family);
        encode(c, family % 4 < 2 ? CHUNK_FAST : CHUNK_DENSE);
        for (unsigned i = 0; i < 200; i++) {
            struct span span = {test_key.window_start + draw_within(c, -20000, 7200000), 0};
            span.to = span.from + draw_within(c, -1000, i % 2 ? 100000 : 7200000);
            size_t from = 0, to, count = 99;
            while (from < c->count && c->times[from] < span.from)
                from++;
            for (to = from; to < c->count && c->times[to] < span.to;)
                to++;
            assert_int_equal(chunk_decode_span(&test_key, bytes_view(&c->chunk), span, c->times_back,
                                               c->values_back, to - from, &count),
                             TM_OK);
            assert_int_equal(count, to - from);
            assert_same(c, c->times_back, c->values_back, from, count);
            if (count > 0)
                assert_int_equal(chunk_decode_span(&test_key, bytes_view(&c->chunk), span, c->times_back,
                                                   c->values_back, to - from - 1, &count),
                                 TM_LIMIT);
        }
    }
}

static void blocks_joined_are_all(void **state)
{
    struct columns *c = *state;
    struct chunk_reader *reader = malloc(sizeof *reader);
    size_t at = 0, count;
    fill_times(c, 1000, 5, 100);
    fill_values(c, FAMILY_STALE);
    encode(c, CHUNK_DENSE);
    assert_non_null(reader);
    assert_int_equal(chunk_reader_init(reader, &test_key, bytes_view(&c->chunk)), TM_OK);
    do {
        assert_int_equal(chunk_reader_next(reader, c->times_back + at, c->values_back + at, &count), TM_OK);
        assert_int_equal(count, c->count - at < CHUNK_BLOCK ? c->count - at : CHUNK_BLOCK);
        at += count;
    } while (count > 0);
    assert_int_equal(at, c->count);
    assert_same(c, c->times_back, c->values_back, 0, at);
    free(reader);
}

static void the_head_tells_count_first_and_last(void **state)
{
    struct columns *c = *state;
    struct chunk_head head;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        fill_times(c, lengths[i], i % 2 ? 5 : 0, 0);
        fill_values(c, FAMILY_GAUGE);
        encode(c, CHUNK_FAST);
        assert_int_equal(chunk_peek(&test_key, bytes_view(&c->chunk), &head), TM_OK);
        assert_int_equal(head.count, lengths[i]);
        assert_int_equal(head.first, c->times[0]);
        assert_int_equal(head.last, c->times[lengths[i] - 1]);
    }
}

static void what_breaks_the_rules_is_not_encoded(void **state)
{
    struct columns *c = *state;
    fill_times(c, 10, 0, 0);
    fill_values(c, FAMILY_GAUGE);
    encode(c, CHUNK_FAST);
    size_t before = c->chunk.len;
    struct chunk_columns in = {c->times, c->values, 0, NUMBER_NOT_DECIMAL};
    assert_int_equal(chunk_encode(&c->scratch, &test_key, &in, CHUNK_FAST, &c->chunk), TM_INVALID);
    in.count = CHUNK_MAX_SAMPLES + 1;
    assert_int_equal(chunk_encode(&c->scratch, &test_key, &in, CHUNK_FAST, &c->chunk), TM_INVALID);
    in.count = 10;
    c->times[9] = c->times[8];
    assert_int_equal(chunk_encode(&c->scratch, &test_key, &in, CHUNK_FAST, &c->chunk), TM_INVALID);
    assert_int_equal(c->chunk.len, before);
}

static void chunks_are_appended(void **state)
{
    struct columns *c = *state;
    struct chunk_columns in = {c->times, c->values, 50, NUMBER_NOT_DECIMAL};
    size_t count;
    fill_times(c, 50, 0, 0);
    fill_values(c, FAMILY_GAUGE);
    encode(c, CHUNK_FAST);
    size_t first = c->chunk.len;
    assert_int_equal(chunk_encode(&c->scratch, &test_key, &in, CHUNK_FAST, &c->chunk), TM_OK);
    assert_int_equal(c->chunk.len, 2 * first);
    assert_memory_equal(c->chunk.data, c->chunk.data + first, first);
    struct str second = {(const char *)c->chunk.data + first, first};
    assert_int_equal(chunk_decode(&test_key, second, c->times_back, c->values_back, 50, &count), TM_OK);
    assert_same(c, c->times_back, c->values_back, 0, 50);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, columns_setup, columns_teardown)
    const struct CMUnitTest tests[] = {
        CASE(every_family_comes_back_to_the_bit),
        CASE(mixed_columns_come_back_to_the_bit),
        CASE(random_times_and_bits_come_back),
        CASE(the_ends_of_time_come_back),
        CASE(special_values_come_back_each_among_decimals_and_alone),
        CASE(misfits_far_apart_stay_in_place),
        CASE(every_exponent_is_found),
        CASE(a_wrong_hint_is_harmless),
        CASE(a_regular_constant_costs_at_most_24_bytes),
        CASE(a_reset_costs_a_patch),
        CASE(a_stale_marker_costs_few_bytes),
        CASE(dense_is_never_larger_than_fast),
        CASE(dense_comes_close_to_the_entropy),
        CASE(a_span_is_the_slice_of_all),
        CASE(blocks_joined_are_all),
        CASE(the_head_tells_count_first_and_last),
        CASE(what_breaks_the_rules_is_not_encoded),
        CASE(chunks_are_appended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
