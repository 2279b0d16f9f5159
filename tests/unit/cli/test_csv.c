#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "server/cli/csv.h"

/* All records of text, which arrives piece by piece, as "a|b;c|d;", a bad one as "!LINE:COLUMN;". */
static void read_all(const char *text, size_t piece, char delimiter, char out[4096])
{
    struct csv *csv = calloc(1, sizeof *csv);
    assert_non_null(csv);
    csv_init(csv, delimiter);
    size_t len = strlen(text), from = 0, to = 0, at = 0;
    for (;;) {
        struct tm_why why = {0};
        size_t used;
        enum csv_state state = csv_next(csv, (struct str){text + from, to - from}, to == len, &used, &why);
        assert_int_not_equal(state, CSV_NOMEM);
        assert_true(used <= to - from);
        from += used;
        if (state == CSV_MORE && to == len)
            break;
        if (state == CSV_MORE)
            to = to + piece < len ? to + piece : len;
        if (state == CSV_BAD)
            at += (size_t)snprintf(out + at, 4096 - at, "!%u:%u;", csv->fault.line, csv->fault.column);
        for (size_t i = 0; state == CSV_RECORD && i < csv->count; i++)
            at += (size_t)snprintf(out + at, 4096 - at, "%.*s%c", STR_ARG(csv->fields[i].text),
                                   i + 1 < csv->count ? '|' : ';');
    }
    out[at] = '\0';
    assert_int_equal(from, len);
    csv_fini(csv);
    free(csv);
}

/* Whatever the pieces are. */
static void expect(const char *text, char delimiter, const char *wanted)
{
    char got[4096];
    for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
        read_all(text, piece, delimiter, got);
        assert_string_equal(got, wanted);
    }
}

static void records_end_with_their_lines(void **state)
{
    (void)state;
    expect("a,b\nc,d\n", ',', "a|b;c|d;");
    expect("a,b\r\nc,d", ',', "a|b;c|d;");
    expect("a,b\r\nc,d\r", ',', "a|b;c|d;");
    expect("", ',', "");
    expect(",\n", ',', "|;");
    expect("a;b\tc", '\t', "a;b|c;");
}

static void empty_lines_are_no_records(void **state)
{
    (void)state;
    expect("\n\r\na\n\n\nb\n\r\n", ',', "a;b;");
    expect("\"\"\n", ',', ";");
}

static void quoted_fields_hold_delimiters_quotes_and_lines(void **state)
{
    (void)state;
    expect("\"a,b\",\"say \"\"hi\"\"\"\nc,\"two\nlines\"\n", ',', "a,b|say \"hi\";c|two\nlines;");
    expect("\"\",x\r\n", ',', "|x;");
    expect("a\"b\"c\n", ',', "a\"b\"c;");
}

static void a_bad_quote_costs_one_line_and_is_named_by_its_place(void **state)
{
    (void)state;
    expect("a,\"b\"c\nd\n", ',', "!1:6;d;");
    expect("a\nb,\"open\nc\nd\n", ',', "a;!2:3;c;d;");
    expect("x\n\"two\nlines\"y\nz\n", ',', "x;!3:7;lines\"y;z;");
}

static void places_count_lines_inside_quotes(void **state)
{
    (void)state;
    struct csv *csv = calloc(1, sizeof *csv);
    struct tm_why why;
    size_t used;
    struct str text = STR("a,\"x\ny\",b\nc,d\n");
    assert_non_null(csv);
    csv_init(csv, ',');
    assert_int_equal(csv_next(csv, text, true, &used, &why), CSV_RECORD);
    assert_int_equal(csv->fields[1].place.line, 1);
    assert_int_equal(csv->fields[1].place.column, 3);
    assert_int_equal(csv->fields[2].place.line, 2);
    assert_int_equal(csv->fields[2].place.column, 4);
    text.ptr += used;
    text.len -= used;
    assert_int_equal(csv_next(csv, text, true, &used, &why), CSV_RECORD);
    assert_int_equal(csv->fields[0].place.line, 3);
    csv_fini(csv);
    free(csv);
}

static void a_row_past_its_bounds_is_bad_and_the_next_line_is_read(void **state)
{
    (void)state;
    enum { LONG = CSV_RECORD_MAX_BYTES + 10 };
    struct csv *csv = calloc(1, sizeof *csv);
    char *text = malloc(LONG + 16);
    struct tm_why why;
    size_t used;
    assert_non_null(csv);
    assert_non_null(text);
    memset(text, 'a', LONG);
    memcpy(text + LONG, "b\nnext,1\n", 10);
    csv_init(csv, ',');
    assert_int_equal(csv_next(csv, (struct str){text, LONG}, false, &used, &why), CSV_BAD);
    assert_int_equal(used, LONG);
    struct str rest = {text + LONG, 9};
    assert_int_equal(csv_next(csv, rest, true, &used, &why), CSV_RECORD);
    assert_true(str_equal(csv->fields[0].text, STR("next")));
    assert_int_equal(csv->fields[0].place.line, 2);
    csv_fini(csv);
    csv_init(csv, ',');
    memset(text, ',', CSV_FIELDS_MAX);
    assert_int_equal(csv_next(csv, (struct str){text, CSV_FIELDS_MAX}, true, &used, &why), CSV_BAD);
    assert_string_equal(why.text, "the row has over 1024 fields");
    csv_fini(csv);
    free(text);
    free(csv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_end_with_their_lines),
        cmocka_unit_test(empty_lines_are_no_records),
        cmocka_unit_test(quoted_fields_hold_delimiters_quotes_and_lines),
        cmocka_unit_test(a_bad_quote_costs_one_line_and_is_named_by_its_place),
        cmocka_unit_test(places_count_lines_inside_quotes),
        cmocka_unit_test(a_row_past_its_bounds_is_bad_and_the_next_line_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
