/* Doubles as the shortest text that reads back. */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/model/labels.h"
#include "storage/model/number.h"

static void expect_text(double value, const char *expected)
{
    char text[NUMBER_TEXT_BYTES];
    size_t len = number_text(value, text);
    text[len] = '\0';
    assert_string_equal(text, expected);
}

static void numbers_are_written_as_prometheus_writes_them(void **state)
{
    (void)state;
    expect_text(0, "0");
    expect_text(-0.0, "-0");
    expect_text(1, "1");
    expect_text(-2.5, "-2.5");
    expect_text(0.1, "0.1");
    expect_text(0.000001, "0.000001");
    expect_text(0.0000012, "0.0000012");
    expect_text(9.9e-7, "9.9e-07");
    expect_text(1e-300, "1e-300");
    expect_text(5e-324, "5e-324");
    expect_text(123456789.125, "123456789.125");
    expect_text(1.0 / 3, "0.3333333333333333");
    expect_text(0.1 + 0.2, "0.30000000000000004");
    expect_text(9007199254740993.0, "9007199254740992");
    expect_text(1e15, "1000000000000000");
    expect_text(123456789012345680000.0, "123456789012345680000");
    expect_text(1e20, "100000000000000000000");
    expect_text(1e21, "1e+21");
    expect_text(1.5e21, "1.5e+21");
    expect_text(1.7976931348623157e308, "1.7976931348623157e+308");
    expect_text(__builtin_nan(""), "NaN");
    expect_text(__builtin_inf(), "+Inf");
    expect_text(-__builtin_inf(), "-Inf");
}

/* Any bits, and decimals of every length. */
static void what_is_written_reads_back_to_the_bit(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252u;
    for (int i = 0; i < 100000; i++) {
        char text[NUMBER_TEXT_BYTES];
        double value;
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        memcpy(&value, &seed, sizeof value);
        if (i % 2)
            value = (double)(int64_t)(seed >> (i % 60 + 3)) / (double)(1 + i % 1000);
        if (value != value || value - value != 0)
            continue;
        size_t len = number_text(value, text);
        assert_true(len < sizeof text);
        text[len] = '\0';
        double back = strtod(text, NULL);
        assert_memory_equal(&back, &value, sizeof value);
    }
}

/* The fewest digits with which printf's text reads back; ours has no more, and where it has as many, these.
 */
static void expect_shortest(double magnitude)
{
    char theirs[NUMBER_TEXT_BYTES], ours[NUMBER_TEXT_BYTES];
    struct number_digits shortest = number_shortest(magnitude);
    (void)snprintf(ours, sizeof ours, "%" PRIu64 "e%d", shortest.digits, shortest.exponent);
    double back = strtod(ours, NULL);
    assert_memory_equal(&back, &magnitude, sizeof magnitude);
    assert_int_not_equal(shortest.digits % 10, 0);
    for (int count = 1; count <= 17; count++) {
        (void)snprintf(theirs, sizeof theirs, "%.*e", count - 1, magnitude);
        if (strtod(theirs, NULL) != magnitude)
            continue;
        (void)snprintf(ours, sizeof ours, "%" PRIu64, shortest.digits);
        if ((int)strlen(ours) < count)
            return; /* the interval below a power of two is half as wide: the nearest may lie outside */
        memmove(theirs + 1, theirs + (count > 1 ? 2 : 1), strlen(theirs));
        *strchr(theirs, 'e') = '\0';
        assert_string_equal(ours, theirs);
        return;
    }
    fail();
}

/* It and the doubles beside it. */
static void expect_shortest_around(double magnitude)
{
    uint64_t bits;
    memcpy(&bits, &magnitude, sizeof bits);
    for (uint64_t beside = bits > 1 ? bits - 1 : bits; beside <= bits + 1; beside++) {
        double value;
        memcpy(&value, &beside, sizeof value);
        expect_shortest(value);
    }
}

static double power_of_two(int exponent)
{
    double value;
    uint64_t bits = exponent < -1022 ? UINT64_C(1) << (exponent + 1074) : (uint64_t)(exponent + 1023) << 52;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void no_text_is_longer_or_farther_off_than_it_must(void **state)
{
    (void)state;
    const char *wanted = getenv("NUMBER_TEXT_ROUNDS");
    long rounds = wanted ? strtol(wanted, NULL, 10) : 40000;
    uint64_t seed = 88172645463325252u;
    for (int exponent = -1074; exponent < 1024; exponent++)
        expect_shortest_around(power_of_two(exponent));
    for (int exponent = -323; exponent <= 308; exponent++) {
        char text[NUMBER_TEXT_BYTES];
        (void)snprintf(text, sizeof text, "1e%d", exponent);
        expect_shortest_around(strtod(text, NULL));
    }
    for (long i = 0; i < rounds; i++) {
        double value;
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        uint64_t bits = seed & INT64_MAX;
        memcpy(&value, &bits, sizeof value);
        if (i % 4 == 1)
            value = number_of_decimal((int64_t)(seed >> (i % 50 + 11)), (int32_t)(i % 23)).value;
        else if (i % 4 == 2)
            value = (double)(seed >> 40) / (double)(1 + i % 1000);
        if (isfinite(value) && value > 0)
            expect_shortest(value);
    }
}

static int order_of(const char *name_a, const char *value_a, const char *name_b, const char *value_b)
{
    struct labels a = {.at = {{STR("a"), STR("1")}, {str_of(name_a), str_of(value_a)}},
                       .count = name_a ? 2 : 1};
    struct labels b = {.at = {{STR("a"), STR("1")}, {str_of(name_b), str_of(value_b)}},
                       .count = name_b ? 2 : 1};
    struct bytes x = {0}, y = {0};
    labels_encode(&a, &x);
    labels_encode(&b, &y);
    int order = labels_compare(bytes_view(&x), bytes_view(&y));
    int turned = labels_compare(bytes_view(&y), bytes_view(&x));
    assert_int_equal((order > 0) - (order < 0), (turned < 0) - (turned > 0));
    bytes_fini(&x);
    bytes_fini(&y);
    return (order > 0) - (order < 0);
}

static void label_sets_are_ordered_pair_by_pair(void **state)
{
    (void)state;
    assert_int_equal(order_of("b", "x", "b", "x"), 0);
    assert_int_equal(order_of("b", "x", "c", "a"), -1);
    assert_int_equal(order_of("b", "x", "b", "y"), -1);
    assert_int_equal(order_of("b", "xx", "b", "y"), -1);
    assert_int_equal(order_of("b", "x", "b", "xx"), -1);
    assert_int_equal(order_of(NULL, NULL, "b", "x"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_as_prometheus_writes_them),
        cmocka_unit_test(what_is_written_reads_back_to_the_bit),
        cmocka_unit_test(no_text_is_longer_or_farther_off_than_it_must),
        cmocka_unit_test(label_sets_are_ordered_pair_by_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
