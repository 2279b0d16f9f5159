#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "server/cli/import_map.h"

struct table {
    struct csv *csv;
    const char *rest;
    struct import_map map;
    struct bytes out;
};

static int open_table(void **state)
{
    struct table *table = calloc(1, sizeof *table);
    if (!table || !(table->csv = calloc(1, sizeof *table->csv)))
        return -1;
    csv_init(table->csv, ',');
    table->map = (struct import_map){
        .time_column = "t", .values = {{.column = "v"}}, .value_count = 1, .until = INT64_MAX};
    *state = table;
    return 0;
}

static int close_table(void **state)
{
    struct table *table = *state;
    csv_fini(table->csv);
    bytes_fini(&table->out);
    free(table->csv);
    free(table);
    return 0;
}

static void read_line(struct table *table)
{
    struct tm_why why;
    size_t used;
    assert_int_equal(csv_next(table->csv, str_of(table->rest), true, &used, &why), CSV_RECORD);
    table->rest += used;
}

/* Binds to the first line of text and turns the second one into lines. */
static void convert(struct table *table, const char *text, const char *wanted)
{
    struct tm_why why = {0};
    struct csv_place fault;
    time_ms_t time;
    size_t count;
    table->rest = text;
    read_line(table);
    if (import_bind(&table->map, table->csv, &why))
        fail_msg("%s", why.text);
    read_line(table);
    assert_int_equal(import_time(&table->map, table->csv, &time, &fault, &why), TM_OK);
    assert_int_equal(import_row(&table->map, table->csv, time, &table->out, &count, &fault, &why), TM_OK);
    bytes_u8(&table->out, '\0');
    assert_string_equal((const char *)table->out.data, wanted);
    bytes_clear(&table->out);
}

static void refuse(struct table *table, const char *text, unsigned line, unsigned column, const char *reason)
{
    struct tm_why why = {0};
    struct csv_place fault = {0};
    time_ms_t time = 0;
    size_t count;
    table->rest = text;
    csv_init(table->csv, ',');
    read_line(table);
    assert_int_equal(import_bind(&table->map, table->csv, &why), TM_OK);
    read_line(table);
    enum tm_err err = import_time(&table->map, table->csv, &time, &fault, &why);
    if (!err)
        err = import_row(&table->map, table->csv, time, &table->out, &count, &fault, &why);
    assert_int_equal(err, TM_INVALID);
    assert_string_equal(why.text, reason);
    assert_int_equal(fault.line, line);
    assert_int_equal(fault.column, column);
    assert_int_equal(table->out.len, 0);
    csv_fini(table->csv);
}

static void expect_bind(struct table *table, const char *header, enum tm_err wanted, const char *says)
{
    struct tm_why why = {0};
    table->rest = header;
    csv_init(table->csv, ',');
    read_line(table);
    assert_int_equal(import_bind(&table->map, table->csv, &why), wanted);
    if (says && !strstr(why.text, says))
        fail_msg("%s", why.text);
    csv_fini(table->csv);
}

static void a_row_becomes_a_line_for_each_value(void **state)
{
    struct table *table = *state;
    table->map.values[0].given = "requests";
    table->map.values[1] = (struct import_value){.column = "w x"};
    table->map.value_count = 2;
    table->map.labels[0] = (struct import_label){.name = STR("host"), .column = "h"};
    table->map.labels[1] = (struct import_label){.name = STR("env"), .constant = STR("a b")};
    table->map.label_count = 2;
    convert(table, "h,t,v,w x\n\"x,y=\",1764000000,1.50,-2e3\n",
            "requests,host=x\\,y\\=,env=a\\ b value=1.50 1764000000000\n"
            "w_x,host=x\\,y\\=,env=a\\ b value=-2000 1764000000000\n");
}

static void an_empty_or_missing_value_is_no_sample(void **state)
{
    struct table *table = *state;
    table->map.values[1] = (struct import_value){.column = "w"};
    table->map.value_count = 2;
    table->map.missing = "n/a";
    table->map.metric = "m";
    convert(table, "t,v,w\n1764000000, ,7\n", "m_w value=7 1764000000000\n");
    convert(table, "t,v,w\n1764000000,n/a,\n", "");
}

static void an_empty_label_is_left_out(void **state)
{
    struct table *table = *state;
    table->map.labels[0] = (struct import_label){.name = STR("host"), .column = "h"};
    table->map.label_count = 1;
    convert(table, "h,t,v\n,1764000000,1\n", "v value=1 1764000000000\n");
}

static void times_are_shifted(void **state)
{
    struct table *table = *state;
    table->map.shift_ms = -1000;
    convert(table, "t,v\n2025-11-24 16:00:00.25,1\n", "v value=1 1763999999250\n");
}

static void a_bad_row_is_named_by_line_and_column(void **state)
{
    struct table *table = *state;
    refuse(table, "t,v\n1764000000,\"x\"\n", 2, 12,
           "\"x\": the value is not a number; --missing TEXT passes over a text that stands for none");
    refuse(
        table, "t,v\n\n1764000000,nan\n", 3, 12,
        "\"nan\": NaN and infinite values are not taken; --missing TEXT passes over a text that stands for "
        "none");
    refuse(
        table, "v,t\n1,yesterday\n", 2, 3,
        "\"yesterday\" is not a time: a number of s, ms, us or ns since 1970 is expected; see --time-format");
    refuse(table, "v,t\n1\n", 2, 1, "the row has 1 columns and column 2 is needed");
    refuse(table, "t,v\n1764000000\n", 2, 1, "the row has 1 columns and column 2 is needed");
}

static void columns_are_found_by_name_then_by_number(void **state)
{
    struct table *table = *state;
    expect_bind(table, "x,t,v\n", TM_OK, NULL);
    assert_int_equal(table->map.time_index, 1);
    table->map.time_column = "3";
    expect_bind(table, "x,3,v\n", TM_OK, NULL);
    assert_int_equal(table->map.time_index, 1);
    expect_bind(table, "x,y,v\n", TM_OK, NULL);
    assert_int_equal(table->map.time_index, 2);
    table->map.time_column = "timestam";
    expect_bind(table, "timestamp,v\n", TM_NOT_FOUND, "did you mean \"timestamp\"?");
    table->map.time_column = "9";
    expect_bind(table, "timestamp,v\n", TM_NOT_FOUND, "there is no column \"9\"");
}

static void a_metric_that_cant_be_named_is_refused(void **state)
{
    struct table *table = *state;
    table->map.values[0].given = "1x";
    expect_bind(table, "t,v\n", TM_INVALID, "\"1x\" is not a metric's name");
}

static void expect_time(const char *format, const char *text, time_ms_t wanted)
{
    struct csv_time time;
    struct tm_why why = {0};
    time_ms_t got;
    assert_int_equal(csv_time_format(format, &time, &why), TM_OK);
    if (csv_time_read(&time, str_of(text), &got, &why))
        fail_msg("%s", why.text);
    if (got != wanted)
        fail_msg("%s gives %lld, not %lld", text, (long long)got, (long long)wanted);
}

static void refuse_time(const char *format, const char *text)
{
    struct csv_time time;
    struct tm_why why = {0};
    time_ms_t got;
    assert_int_equal(csv_time_format(format, &time, &why), TM_OK);
    assert_int_equal(csv_time_read(&time, str_of(text), &got, &why), TM_INVALID);
    assert_true(why.text[0]);
}

static void times_are_read_in_many_formats(void **state)
{
    (void)state;
    const time_ms_t at = INT64_C(1764000000123);
    expect_time("auto", "1764000000.123", at);
    expect_time("auto", "1764000000123", at);
    expect_time("auto", "1764000000123999", at);
    expect_time("auto", "1764000000123999999", at);
    expect_time("auto", "2025-11-24T16:00:00.123Z", at);
    expect_time("iso", "2025-11-24 17:00:00.123+01:00", at);
    expect_time("s", "-5", -5000);
    expect_time("s", "17640000000", INT64_C(17640000000000));
    expect_time("ms", "5", 5);
    expect_time("us", "5999", 5);
    expect_time("ns", "5999999", 5);
    expect_time("%d.%m.%Y %H:%M", "24.11.2025 16:00", INT64_C(1764000000000));
    expect_time("%d/%b/%Y:%H:%M:%S %z", "24/Nov/2025:17:00:00 +0100", INT64_C(1764000000000));
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    struct csv_time time;
    struct tm_why why;
    refuse_time("auto", "");
    refuse_time("auto", "12x");
    refuse_time("auto", "1.5.2");
    refuse_time("auto", "-");
    refuse_time("auto", "99999999999999999999");
    refuse_time("s", "1764000000123456");
    refuse_time("iso", "1764000000");
    refuse_time("%Y", "x");
    refuse_time("%Y", "2025 ");
    assert_int_equal(csv_time_format("unix", &time, &why), TM_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_row_becomes_a_line_for_each_value, open_table, close_table),
        cmocka_unit_test_setup_teardown(an_empty_or_missing_value_is_no_sample, open_table, close_table),
        cmocka_unit_test_setup_teardown(an_empty_label_is_left_out, open_table, close_table),
        cmocka_unit_test_setup_teardown(times_are_shifted, open_table, close_table),
        cmocka_unit_test_setup_teardown(a_bad_row_is_named_by_line_and_column, open_table, close_table),
        cmocka_unit_test_setup_teardown(columns_are_found_by_name_then_by_number, open_table, close_table),
        cmocka_unit_test_setup_teardown(a_metric_that_cant_be_named_is_refused, open_table, close_table),
        cmocka_unit_test(times_are_read_in_many_formats),
        cmocka_unit_test(what_is_no_time_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
