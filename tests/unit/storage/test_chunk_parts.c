/* The parts of the chunk codec at their own level: exponents, factors, packing plans, symbol tables, and the
 * columns that they make, read back. */
#include "storage/chunk/chunk_ans.h"
#include "storage/chunk/chunk_column.h"
#include "storage/chunk/chunk_decimal.h"
#include "storage/chunk/chunk_pack.h"
#include "storage/chunk/chunk_read.h"
#include "tests/unit/storage/chunk_columns.h"

/* ---- decimals ---- */

static void the_least_exponent_that_fits_is_taken(void **state)
{
    static const double values[] = {1, 2.5, 3.25, -7.125, 1000000, 0.001};
    uint64_t out[6];
    (void)state;
    struct decimal_fit fit = decimal_fit_column(values, 6, NUMBER_NOT_DECIMAL, out);
    assert_int_equal(fit.exponent, 3);
    assert_int_equal(fit.misses, 0);
    const int64_t expected[] = {1000, 2500, 3250, -7125, 1000000000, 1};
    assert_memory_equal(out, expected, sizeof out);
}

static void a_fitting_hint_is_kept(void **state)
{
    static const double values[] = {1, 2, 3};
    uint64_t out[3];
    (void)state;
    struct decimal_fit fit = decimal_fit_column(values, 3, 2, out);
    assert_int_equal(fit.exponent, 2);
    assert_int_equal(out[2], 300);
}

static void a_hint_too_small_for_many_is_raised(void **state)
{
    double values[100];
    uint64_t out[100];
    (void)state;
    for (size_t i = 0; i < 100; i++)
        values[i] = (double)i / 1000;
    struct decimal_fit fit = decimal_fit_column(values, 100, 1, out);
    assert_int_equal(fit.exponent, 3);
    assert_int_equal(fit.misses, 0);
    assert_int_equal(out[99], 99);
}

static void few_misfits_raise_nothing(void **state)
{
    double values[100];
    uint64_t out[100];
    (void)state;
    for (size_t i = 0; i < 100; i++)
        values[i] = (double)i / 10;
    values[50] = 1.0 / 3;
    values[60] = 0.123456789;
    struct decimal_fit fit = decimal_fit_column(values, 100, NUMBER_NOT_DECIMAL, out);
    assert_int_equal(fit.exponent, 1);
    assert_int_equal(fit.misses, 2);
    assert_int_equal(out[50], 49);
    assert_int_equal(out[60], 59);
}

static void full_entropy_has_no_exponent(void **state)
{
    struct columns *c = *state;
    fill_times(c, 200, 0, 0);
    fill_values(c, FAMILY_ENTROPY);
    assert_int_equal(decimal_fit_column(c->values, 200, NUMBER_NOT_DECIMAL, c->scratch.x).exponent, -1);
}

static void negative_zero_and_not_a_number_are_no_integers(void **state)
{
    (void)state;
    assert_true(decimal_is(0.0, 0, 3));
    assert_false(decimal_is(-0.0, 0, 3));
    assert_false(decimal_is(double_of_bits(0x7ff0000000000002), 0, 0));
    assert_true(decimal_is(-1.25, (uint64_t)INT64_C(-125), 2));
}

/* ---- packing ---- */

static void a_block_is_packed_above_its_least(void **state)
{
    uint64_t residuals[CHUNK_BLOCK];
    struct pack_plan plan;
    (void)state;
    for (uint64_t i = 0; i < CHUNK_BLOCK; i++)
        residuals[i] = 1000 + i % 8 - 2000;
    pack_plan_block(residuals, CHUNK_BLOCK, &plan);
    assert_true(plan.base == (uint64_t)INT64_C(-1000));
    assert_int_equal(plan.width, 3);
    assert_int_equal(plan.patch_count, 0);
}

static void outliers_are_patched_on_either_side(void **state)
{
    uint64_t residuals[CHUNK_BLOCK];
    struct pack_plan plan;
    (void)state;
    for (uint64_t i = 0; i < CHUNK_BLOCK; i++)
        residuals[i] = 50 + i % 4;
    residuals[7] = (uint64_t)INT64_C(-1000000);
    residuals[90] = 70000;
    pack_plan_block(residuals, CHUNK_BLOCK, &plan);
    assert_int_equal(plan.base, 50);
    assert_int_equal(plan.width, 2);
    assert_int_equal(plan.patch_count, 2);
    assert_int_equal(plan.patch_width, 21); /* zigzag of -1000050 */
}

static void equal_residuals_have_no_width(void **state)
{
    uint64_t residuals[CHUNK_BLOCK];
    struct pack_plan plan;
    (void)state;
    for (size_t i = 0; i < CHUNK_BLOCK; i++)
        residuals[i] = UINT64_MAX / 3;
    for (unsigned count = 1; count <= CHUNK_BLOCK; count++) {
        pack_plan_block(residuals, count, &plan);
        assert_int_equal(plan.width, 0);
        assert_int_equal(plan.patch_count, 0);
    }
}

static void the_plan_tells_the_size(void **state)
{
    struct columns *c = *state;
    for (unsigned round = 0; round < 300; round++) {
        uint64_t residuals[CHUNK_BLOCK];
        struct pack_plan plan;
        unsigned width = (unsigned)draw_within(c, 0, 63), count = (unsigned)draw_within(c, 1, CHUNK_BLOCK);
        for (size_t i = 0; i < count; i++)
            residuals[i] = (draw(c) >> (63 - width)) >> (draw(c) % 30 ? width / 2 : 0);
        pack_plan_block(residuals, count, &plan);
        bytes_clear(&c->chunk);
        pack_write(residuals, count, NULL, &c->chunk);
        assert_in_range(8 * c->chunk.len, plan.bits, plan.bits + 24);
    }
}

static void packed_fields_are_unpacked(void **state)
{
    struct columns *c = *state;
    for (unsigned width = 0; width <= 64; width++) {
        uint64_t fields[CHUNK_BLOCK], back[CHUNK_BLOCK];
        for (size_t i = 0; i < CHUNK_BLOCK; i++)
            fields[i] = width ? draw(c) >> (64 - width) : 0;
        bytes_clear(&c->chunk);
        pack_fields(fields, CHUNK_BLOCK, width, &c->chunk);
        assert_int_equal(c->chunk.len, CHUNK_BLOCK / 8 * width);
        assert_non_null(bytes_reserve(&c->chunk, KERNEL_UNPACK_OVERREAD_BYTES));
        memset(c->chunk.data + c->chunk.len, 0xff, KERNEL_UNPACK_OVERREAD_BYTES);
        chunk_kernels_best()->unpack(c->chunk.data, width, 0, back);
        assert_memory_equal(back, fields, sizeof fields);
    }
}

/* ---- symbol tables ---- */

static void frequencies_always_add_up(void **state)
{
    struct columns *c = *state;
    for (unsigned round = 0; round < 5000; round++) {
        uint8_t shares[CHUNK_ANS_MAX_SYMBOLS + 1];
        uint32_t frequencies[CHUNK_ANS_MAX_SYMBOLS + 1], total = 0;
        unsigned count = (unsigned)draw_within(c, 1, CHUNK_ANS_MAX_SYMBOLS + 1);
        uint8_t mask = (uint8_t)(draw(c) & 15);
        for (unsigned i = 0; i < count; i++)
            shares[i] = (uint8_t)(draw(c) & mask);
        shares[draw(c) % count] = 15;
        assert_true(ans_frequencies(shares, count, frequencies));
        for (unsigned i = 0; i < count; i++) {
            assert_true((frequencies[i] == 0) == (shares[i] == 0));
            total += frequencies[i];
        }
        assert_int_equal(total, CHUNK_ANS_TOTAL);
    }
}

static void shares_that_are_all_zero_are_no_table(void **state)
{
    static const uint8_t shares[4] = {0};
    uint32_t frequencies[4];
    (void)state;
    assert_false(ans_frequencies(shares, 4, frequencies));
}

static void a_symbol_that_is_alone_has_it_all(void **state)
{
    static const uint8_t shares[3] = {0, 1, 0};
    uint32_t frequencies[3];
    (void)state;
    assert_true(ans_frequencies(shares, 3, frequencies));
    assert_int_equal(frequencies[1], CHUNK_ANS_TOTAL);
}

/* ---- columns ---- */

/* Writes c->scratch.x and reads it back into c->scratch.y; returns the first byte. */
static unsigned column_round_trip(struct columns *c, size_t count, uint64_t line, enum chunk_effort effort,
                                  size_t *len)
{
    static uint64_t given[CHUNK_MAX_SAMPLES];
    struct column_spec spec = {.count = count, .line = line, .effort = effort};
    struct chunk_column *column = calloc(1, sizeof *column);
    assert_non_null(column);
    memcpy(given, c->scratch.x, count * sizeof *given);
    bytes_clear(&c->chunk);
    column_write(&c->scratch, &spec, &c->chunk);
    struct cursor in = cursor_of(c->chunk.data, c->chunk.len);
    column_open(column, given[0], line, count, &in);
    assert_false(in.bad);
    assert_int_equal(cursor_left(&in), 0);
    for (size_t from = 0; from < count; from += CHUNK_BLOCK) {
        uint64_t block[CHUNK_BLOCK];
        unsigned n = (unsigned)(count - from < CHUNK_BLOCK ? count - from : CHUNK_BLOCK);
        assert_true(column_next(column, chunk_kernels_best(), n, block));
        for (size_t i = 0; i < n; i++)
            assert_true(given[0] + (from + i) * line + block[i] * column->factor == given[from + i]);
    }
    free(column);
    *len = c->chunk.len;
    return c->chunk.data[0];
}

static void a_common_factor_is_taken_out(void **state)
{
    struct columns *c = *state;
    size_t plain, multiplied;
    static const uint64_t factors[] = {8, 3, 1000, 65536, 7919, UINT64_C(1) << 40};
    for (size_t f = 0; f < sizeof factors / sizeof *factors; f++)
        for (unsigned round = 0; round < 2; round++) {
            c->seed = 3;
            for (size_t i = 0; i < 500; i++)
                c->scratch.x[i] = 12345 + (round ? factors[f] : 1) * (draw(c) % 1000);
            unsigned head = column_round_trip(c, 500, 0, CHUNK_FAST, round ? &multiplied : &plain);
            assert_int_equal((head & CHUNK_COLUMN_FACTOR) != 0, round);
            if (round)
                assert_in_range(multiplied, plain, plain + 6);
        }
}

static void each_transform_is_found_for_its_data(void **state)
{
    struct columns *c = *state;
    size_t len;
    for (unsigned order = ORDER_LEVEL; order <= ORDER_DELTA2; order++)
        for (unsigned effort = CHUNK_FAST; effort <= CHUNK_DENSE; effort++) {
            uint64_t level = 0, slope = 0;
            for (size_t i = 0; i < 1000; i++) {
                uint64_t r = draw(c) % 16 + draw(c) % 16 - 15;
                slope = order == ORDER_DELTA2 ? slope + r : r;
                level = order == ORDER_LEVEL ? slope : level + slope;
                c->scratch.x[i] = level;
            }
            unsigned head = column_round_trip(c, 1000, 0, (enum chunk_effort)effort, &len);
            assert_int_equal(head & CHUNK_COLUMN_ORDER, order);
            assert_true(len < 1000 * 6 / 8);
        }
}

static void on_its_line_a_column_is_nothing(void **state)
{
    struct columns *c = *state;
    size_t len;
    for (size_t i = 0; i < 1000; i++)
        c->scratch.x[i] = 99 + 17 * i;
    assert_int_equal(column_round_trip(c, 1000, 17, CHUNK_DENSE, &len), CODING_ZERO);
    assert_int_equal(len, 1);
}

/* A level that jumps far, once: the centre follows, and what lies between costs some escapes. */
static void a_following_centre_survives_a_jump(void **state)
{
    struct columns *c = *state;
    size_t still, jumped;
    for (unsigned jump = 0; jump < 2; jump++) {
        c->seed = 8;
        for (size_t i = 0; i < 2000; i++) {
            uint64_t noise = draw(c) % 64 + draw(c) % 64 + draw(c) % 64 + draw(c) % 64;
            c->scratch.x[i] = 1000000 + noise + (jump && i > 1000 ? 100000 : 0);
        }
        assert_int_equal(column_round_trip(c, 2000, 0, CHUNK_DENSE, jump ? &jumped : &still) >>
                             CHUNK_COLUMN_CODING_SHIFT,
                         CODING_ANS);
    }
    assert_true(jumped < still + 400);
}

static void extremes_are_columns_too(void **state)
{
    struct columns *c = *state;
    size_t len;
    for (unsigned round = 0; round < 200; round++) {
        size_t count = (size_t)draw_within(c, 1, 300);
        for (size_t i = 0; i < count; i++)
            c->scratch.x[i] =
                draw(c) % 3 ? draw(c) % 2 ? UINT64_C(1) << 63 : UINT64_MAX : draw(c) >> draw(c) % 64;
        (void)column_round_trip(c, count, draw(c), round % 2 ? CHUNK_FAST : CHUNK_DENSE, &len);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, columns_setup, columns_teardown)
    const struct CMUnitTest tests[] = {
        CASE(the_least_exponent_that_fits_is_taken),
        CASE(a_fitting_hint_is_kept),
        CASE(a_hint_too_small_for_many_is_raised),
        CASE(few_misfits_raise_nothing),
        CASE(full_entropy_has_no_exponent),
        CASE(negative_zero_and_not_a_number_are_no_integers),
        CASE(a_block_is_packed_above_its_least),
        CASE(outliers_are_patched_on_either_side),
        CASE(equal_residuals_have_no_width),
        CASE(the_plan_tells_the_size),
        CASE(packed_fields_are_unpacked),
        CASE(frequencies_always_add_up),
        CASE(shares_that_are_all_zero_are_no_table),
        CASE(a_symbol_that_is_alone_has_it_all),
        CASE(a_common_factor_is_taken_out),
        CASE(each_transform_is_found_for_its_data),
        CASE(on_its_line_a_column_is_nothing),
        CASE(a_following_centre_survives_a_jump),
        CASE(extremes_are_columns_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
