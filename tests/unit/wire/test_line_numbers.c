/* Values and timestamps. */
#include "tests/unit/wire/wire_test.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const struct line_value *read_value(const char *text)
{
    static char batch[4096];
    (void)snprintf(batch, sizeof batch, "m v=%s", text);
    wire_read(batch);
    return &line.field[0].value;
}

static void refuse_value(const char *text, const char *reason)
{
    char batch[256];
    (void)snprintf(batch, sizeof batch, "m v=%s 1", text);
    wire_refuse(batch, reason);
}

static void assert_same_double(double a, double b)
{
    assert_memory_equal(&a, &b, sizeof a);
}

static void assert_decimal(const char *text, int64_t mantissa, int32_t exponent)
{
    const struct line_value *value = read_value(text);
    assert_int_equal(value->type, VALUE_FLOAT);
    assert_int_equal(value->number.mantissa, mantissa);
    assert_int_equal(value->number.exponent, exponent);
    assert_same_double(value->number.value, strtod(text, NULL));
}

static void assert_not_decimal(const char *text)
{
    const struct line_value *value = read_value(text);
    assert_int_equal(value->type, VALUE_FLOAT);
    assert_int_equal(value->number.mantissa, 0);
    assert_int_equal(value->number.exponent, NUMBER_NOT_DECIMAL);
    assert_same_double(value->number.value, strtod(text, NULL));
}

static void decimals_keep_their_shortest_form(void **state)
{
    (void)state;
    assert_decimal("0", 0, 0);
    assert_decimal("0.00", 0, 0);
    assert_decimal("0e9", 0, 0);
    assert_decimal("1", 1, 0);
    assert_decimal("-1", -1, 0);
    assert_decimal("+1", 1, 0);
    assert_decimal("1.50", 15, 1);
    assert_decimal("-45.2", -452, 1);
    assert_decimal(".5", 5, 1);
    assert_decimal("5.", 5, 0);
    assert_decimal("00012.3400", 1234, 2);
    assert_decimal("100", 100, 0);
    assert_decimal("1e3", 1000, 0);
    assert_decimal("1.5E+3", 1500, 0);
    assert_decimal("1.5e-3", 15, 4);
    assert_decimal("1200e-2", 12, 0);
    assert_decimal("9007199254740992", INT64_C(9007199254740992), 0);
    assert_decimal("-9007199254740992", -INT64_C(9007199254740992), 0);
    assert_decimal("90071992547409.92", INT64_C(9007199254740992), 2);
    assert_decimal("1e-22", 1, 22);
    assert_decimal("1.000000000000000000000000000000", 1, 0);
    assert_decimal("0000000000000000000000000000001.25", 125, 2);
    assert_decimal("12345678", 12345678, 0);
}

static void what_fits_no_short_decimal_is_rounded_as_strtod_does(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "-0",
        "-0.0",
        "9007199254740993",
        "9007199254740995",
        "18446744073709551615",
        "9999999999999999999",
        "99999999999999999999",
        "1e22",
        "1e23",
        "123456789012345678e10",
        "0.12345678901234567",
        "1.2345678901234567e-05",
        "1e-23",
        "1e-27",
        "1e-28",
        "2.2250738585072014e-308",
        "4.9406564584124654e-324",
        "2.4703282292062327e-324",
        "1e-400",
        "1.7976931348623157e308",
        "0.1000000000000000055511151231257827",
        "9007199254740993.0000000000000000000000001",
        "8.9884656743115785407e307",
        "0.500000000000000166533453693773481063544750213623046875",
        "3.518437208883201171875e13",
        "6929495644600919.5",
        "3.1415926535897932384626433832795028841971",
        "123456789.12345678",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_not_decimal(texts[i]);
}

/* Halfway cases are where a second rounding shows. */
static void random_decimals_equal_strtod_to_the_bit(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252u;
    for (int i = 0; i < 200000; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        char text[64];
        double half;
        uint64_t bits = (seed & UINT64_C(0x000fffffffffffff)) | (uint64_t)(1023 + i % 12) << 52;
        memcpy(&half, &bits, sizeof half);
        switch (i % 4) {
        case 0:
            (void)snprintf(text, sizeof text, "%llu.%llu", (unsigned long long)(seed >> 44),
                           (unsigned long long)(seed & 0xffffffffff));
            break;
        case 1:
            (void)snprintf(text, sizeof text, "%.17g", half);
            break;
        case 2:
            (void)snprintf(text, sizeof text, "%llue-%d", (unsigned long long)seed % 10000000000000000000u,
                           i % 30);
            break;
        default:
            (void)snprintf(text, sizeof text, "%llue%d", (unsigned long long)seed >> (i % 60), i % 600 - 330);
            break;
        }
        double expected = strtod(text, NULL);
        if (isinf(expected))
            continue;
        const struct number number = read_value(text)->number;
        assert_same_double(number.value, expected);
        if (number.exponent != NUMBER_NOT_DECIMAL)
            assert_same_double(number_of_decimal(number.mantissa, number.exponent).value, expected);
    }
}

static void very_long_numbers_are_rounded_right(void **state)
{
    (void)state;
    /* 1 + 2^-53 is halfway between 1 and the next double; a digit far behind decides. */
    static char text[3000];
    int len = snprintf(text, sizeof text, "1.00000000000000011102230246251565404236316680908203125");
    assert_same_double(read_value(text)->number.value, 1.0);
    memset(text + len, '0', 1200);
    text[len + 1200] = '\0';
    assert_same_double(read_value(text)->number.value, 1.0);
    text[len + 1200] = '1';
    text[len + 1201] = '\0';
    assert_same_double(read_value(text)->number.value, 1.0 + DBL_EPSILON);
    memset(text, '9', 1100);
    (void)snprintf(text + 1100, sizeof text - 1100, "e-1100");
    assert_same_double(read_value(text)->number.value, 1.0);
    text[0] = '.';
    memset(text + 1, '0', 2000);
    (void)snprintf(text + 2001, sizeof text - 2001, "25e2002");
    assert_same_double(read_value(text)->number.value, 25.0);
}

static void numbers_do_not_depend_on_the_locale(void **state)
{
    (void)state;
    /* Where such a locale is installed, its decimal comma must change nothing. */
    const char *set = setlocale(LC_NUMERIC, "de_DE.UTF-8");
    const struct line_value *value = read_value("3.14159265358979323846264338327950288");
    assert_true(value->number.value == 3.14159265358979323846);
    if (set)
        (void)setlocale(LC_NUMERIC, "C");
}

static void integers_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
        enum value_type type;
        int32_t exponent;
    } cases[] = {
        {"0i", 0, VALUE_INT, 0},
        {"-0i", 0, VALUE_INT, 0},
        {"123i", 123, VALUE_INT, 0},
        {"-39000i", -39000, VALUE_INT, 0},
        {"9007199254740993i", INT64_C(9007199254740993), VALUE_INT, NUMBER_NOT_DECIMAL},
        {"9223372036854775807i", INT64_MAX, VALUE_INT, NUMBER_NOT_DECIMAL},
        {"-9223372036854775808i", INT64_MIN, VALUE_INT, NUMBER_NOT_DECIMAL},
        {"00000000000000000000000123i", 123, VALUE_INT, 0},
        {"123u", 123, VALUE_UINT, 0},
        {"9223372036854775808u", INT64_MIN, VALUE_UINT, NUMBER_NOT_DECIMAL},
        {"18446744073709551615u", -1, VALUE_UINT, NUMBER_NOT_DECIMAL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct line_value *value = read_value(cases[i].text);
        assert_int_equal(value->type, cases[i].type);
        assert_int_equal(value->integer, cases[i].value);
        assert_int_equal(value->number.exponent, cases[i].exponent);
        assert_same_double(value->number.value, value->type == VALUE_UINT ? (double)(uint64_t)cases[i].value
                                                                          : (double)cases[i].value);
    }
}

static void booleans_are_one_and_zero_in_all_spellings(void **state)
{
    (void)state;
    static const char *const yes[] = {"t", "T", "true", "True", "TRUE"};
    static const char *const no[] = {"f", "F", "false", "False", "FALSE"};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(read_value(yes[i])->type, VALUE_BOOL);
        assert_int_equal(line.field[0].value.integer, 1);
        assert_int_equal(line.field[0].value.number.mantissa, 1);
        assert_int_equal(read_value(no[i])->type, VALUE_BOOL);
        assert_int_equal(line.field[0].value.integer, 0);
        assert_same_double(line.field[0].value.number.value, 0.0);
    }
}

static void bad_values_are_refused_with_what_was_expected(void **state)
{
    (void)state;
    static const char *const not_a_number = "column 5: NaN and infinity are no values; leave the field out";
    static const char *const words[] = {"NaN", "nan", "-nan", "Inf", "+Inf", "-inf", "infinity", "NAN"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        refuse_value(words[i], not_a_number);
    refuse_value("1e", "column 7: expected a digit, found a space");
    refuse_value("1e+,", "column 8: expected a digit, found ','");
    refuse_value("-", "column 6: expected a digit, found a space");
    refuse_value(".", "column 6: expected a digit, found a space");
    refuse_value("--1", "column 6: expected a digit, found '-'");
    refuse_value("i", "column 5: expected a digit, found 'i'");
    refuse_value("1e999", "column 5: the number is beyond what a double holds (about 1.8e308)");
    refuse_value("-1e309", "column 5: the number is beyond what a double holds (about 1.8e308)");
    refuse_value("0x10",
                 "column 6: expected ',' or a space or the end of the line behind the value, found 'x'");
    refuse_value("1,5", "column 8: expected '=' behind the field's name, found a space");
    refuse_value("1.5i", "column 5: an integer (i or u behind it) has neither a point nor an exponent");
    refuse_value("1e3u", "column 5: an integer (i or u behind it) has neither a point nor an exponent");
    refuse_value("-1u", "column 5: an unsigned integer (u) can't be negative; write i instead of u");
    refuse_value("9223372036854775808i",
                 "column 5: an integer is from -9223372036854775808 to 9223372036854775807");
    refuse_value("-9223372036854775809i",
                 "column 5: an integer is from -9223372036854775808 to 9223372036854775807");
    refuse_value("18446744073709551616u", "column 5: an unsigned integer is at most 18446744073709551615");
    refuse_value("123ii",
                 "column 9: expected ',' or a space or the end of the line behind the value, found 'i'");
    refuse_value("tRUE", "column 5: expected a value: a number, true, false or a string in double quotes");
}

static time_ms_t read_time(const char *text, enum precision precision)
{
    char batch[128];
    (void)snprintf(batch, sizeof batch, "m v=1 %s", text);
    wire_begin(batch, precision);
    assert_int_equal(line_next(&reader, &line), LINE_OK);
    assert_true(line.has_time);
    return line.time;
}

static void times_are_cut_to_milliseconds_towards_the_past(void **state)
{
    (void)state;
    assert_int_equal(read_time("1704067200000", PRECISION_MS), INT64_C(1704067200000));
    assert_int_equal(read_time("1704067200", PRECISION_S), INT64_C(1704067200000));
    assert_int_equal(read_time("1704067200000999", PRECISION_US), INT64_C(1704067200000));
    assert_int_equal(read_time("1704067200000999999", PRECISION_NS), INT64_C(1704067200000));
    assert_int_equal(read_time("0", PRECISION_NS), 0);
    assert_int_equal(read_time("-1", PRECISION_NS), -1);
    assert_int_equal(read_time("-1000000", PRECISION_NS), -1);
    assert_int_equal(read_time("-1000001", PRECISION_NS), -2);
    assert_int_equal(read_time("-1", PRECISION_US), -1);
    assert_int_equal(read_time("+5", PRECISION_MS), 5);
    assert_int_equal(read_time("9223372036854775807", PRECISION_MS), INT64_MAX);
    assert_int_equal(read_time("-9223372036854775808", PRECISION_MS), INT64_MIN);
    assert_int_equal(read_time("00000000000000000000017", PRECISION_MS), 17);
    assert_int_equal(read_time("-9223372036854775808", PRECISION_NS), INT64_C(-9223372036855));
}

static void times_that_overflow_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"m v=1 9223372036854775808", "m v=1 -9223372036854775809",
                                        "m v=1 99999999999999999999999"};
    for (size_t i = 0; i < 3; i++)
        wire_refuse(texts[i], "column 7: the timestamp is too large; is the precision right?");
    wire_begin("m v=1 9223372036854775", PRECISION_S);
    assert_int_equal(line_next(&reader, &line), LINE_OK);
    wire_begin("m v=1 9223372036854776", PRECISION_S);
    assert_int_equal(line_next(&reader, &line), LINE_BAD);
}

static void precisions_have_their_names(void **state)
{
    (void)state;
    enum precision precision = PRECISION_S;
    assert_int_equal(precision_parse(STR("ns"), &precision), TM_OK);
    assert_int_equal(precision, PRECISION_NS);
    assert_int_equal(precision_parse(STR("us"), &precision), TM_OK);
    assert_int_equal(precision, PRECISION_US);
    assert_int_equal(precision_parse(STR("ms"), &precision), TM_OK);
    assert_int_equal(precision, PRECISION_MS);
    assert_int_equal(precision_parse(STR("n"), &precision), TM_OK);
    assert_int_equal(precision, PRECISION_NS);
    assert_int_equal(precision_parse(STR("u"), &precision), TM_OK);
    assert_int_equal(precision, PRECISION_US);
    assert_int_equal(precision_parse(STR("s"), &precision), TM_OK);
    assert_int_equal(precision, PRECISION_S);
    assert_int_equal(precision_parse(STR("m"), &precision), TM_INVALID);
    assert_int_equal(precision_parse(STR(""), &precision), TM_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals_keep_their_shortest_form),
        cmocka_unit_test(what_fits_no_short_decimal_is_rounded_as_strtod_does),
        cmocka_unit_test(random_decimals_equal_strtod_to_the_bit),
        cmocka_unit_test(very_long_numbers_are_rounded_right),
        cmocka_unit_test(numbers_do_not_depend_on_the_locale),
        cmocka_unit_test(integers_are_exact),
        cmocka_unit_test(booleans_are_one_and_zero_in_all_spellings),
        cmocka_unit_test(bad_values_are_refused_with_what_was_expected),
        cmocka_unit_test(times_are_cut_to_milliseconds_towards_the_past),
        cmocka_unit_test(times_that_overflow_are_refused),
        cmocka_unit_test(precisions_have_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
