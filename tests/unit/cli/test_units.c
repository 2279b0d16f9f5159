#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "server/cli/units.h"

static void bytes_have_binary_units(void **state)
{
    (void)state;
    char text[UNITS_TEXT_BYTES];
    assert_string_equal(units_bytes(0, text), "0 B");
    assert_string_equal(units_bytes(1023, text), "1023 B");
    assert_string_equal(units_bytes(1024, text), "1.00 KiB");
    assert_string_equal(units_bytes(1536 * 1024.0, text), "1.50 MiB");
    assert_string_equal(units_bytes(64.0 * 1024 * 1024, text), "64.0 MiB");
    assert_string_equal(units_bytes(1024.0 * 1024 * 1024 - 1, text), "1.00 GiB");
    assert_string_equal(units_bytes(5e18, text), "4441 PiB");
}

static void counts_have_groups_of_three(void **state)
{
    (void)state;
    char text[UNITS_TEXT_BYTES];
    assert_string_equal(units_count(0, text), "0");
    assert_string_equal(units_count(999, text), "999");
    assert_string_equal(units_count(1000, text), "1,000");
    assert_string_equal(units_count(12345678, text), "12,345,678");
    assert_string_equal(units_count(-1000, text), "-1,000");
    assert_string_equal(units_count(-100, text), "-100");
    assert_string_equal(units_count(INT64_MIN, text), "-9,223,372,036,854,775,808");
}

static void rates_have_three_digits(void **state)
{
    (void)state;
    char text[UNITS_TEXT_BYTES];
    assert_string_equal(units_rate(0, text), "0");
    assert_string_equal(units_rate(0.25, text), "0.25");
    assert_string_equal(units_rate(950, text), "950");
    assert_string_equal(units_rate(999.9, text), "1.00 k");
    assert_string_equal(units_rate(12345, text), "12.3 k");
    assert_string_equal(units_rate(1254000, text), "1.25 M");
}

static void durations_have_two_parts(void **state)
{
    (void)state;
    char text[UNITS_TEXT_BYTES];
    assert_string_equal(units_duration(45.9, text), "45 s");
    assert_string_equal(units_duration(725, text), "12 min 5 s");
    assert_string_equal(units_duration(12000, text), "3 h 20 min");
    assert_string_equal(units_duration(86400 * 12 + 3600 * 4, text), "12 d 4 h");
    assert_string_equal(units_duration(-5, text), "0 s");
}

static void milliseconds_become_seconds(void **state)
{
    (void)state;
    char text[UNITS_TEXT_BYTES];
    assert_string_equal(units_ms(0.449, text), "0.45 ms");
    assert_string_equal(units_ms(12.34, text), "12.3 ms");
    assert_string_equal(units_ms(1250, text), "1.25 s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_have_binary_units),     cmocka_unit_test(counts_have_groups_of_three),
        cmocka_unit_test(rates_have_three_digits),     cmocka_unit_test(durations_have_two_parts),
        cmocka_unit_test(milliseconds_become_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
