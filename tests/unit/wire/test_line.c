/* The reader: lines cut into key, fields and timestamp, and on behind a bad one. */
#include "tests/unit/wire/wire_test.h"

#include <stdio.h>
#include <stdlib.h>

static void a_metric_line_is_cut_into_its_parts(void **state)
{
    (void)state;
    wire_read("cpu,service=cart,pod=a1 value=0.93,throttled=3i 1764000000000000000\n");
    assert_int_equal(line.number, 1);
    assert_view(line.raw, "cpu,service=cart,pod=a1 value=0.93,throttled=3i 1764000000000000000");
    assert_view(line.key, "cpu,service=cart,pod=a1");
    assert_view(line.fields, "value=0.93,throttled=3i");
    assert_int_equal(line.field_count, 2);
    assert_view(line.field[0].name, "value");
    assert_int_equal(line.field[0].value.type, VALUE_FLOAT);
    assert_int_equal(line.field[0].value.number.mantissa, 93);
    assert_int_equal(line.field[0].value.number.exponent, 2);
    assert_view(line.field[1].name, "throttled");
    assert_int_equal(line.field[1].value.type, VALUE_INT);
    assert_int_equal(line.field[1].value.integer, 3);
    assert_true(line.has_time);
    assert_int_equal(line.time, INT64_C(1764000000000));
    assert_int_equal(line_next(&reader, &line), LINE_END);
}

static void a_line_may_come_without_a_timestamp(void **state)
{
    (void)state;
    wire_read("cpu value=1");
    assert_false(line.has_time);
    assert_view(line.key, "cpu");
    assert_view(line.raw, "cpu value=1");
}

static void line_ends_are_feeds_with_or_without_a_return(void **state)
{
    (void)state;
    wire_begin("a v=1 1\r\nb v=2\r\nc v=3\r", PRECISION_MS);
    assert_int_equal(line_next(&reader, &line), LINE_OK);
    assert_view(line.raw, "a v=1 1");
    assert_int_equal(line_next(&reader, &line), LINE_OK);
    assert_view(line.raw, "b v=2");
    assert_int_equal(line_next(&reader, &line), LINE_OK);
    assert_view(line.raw, "c v=3");
    assert_int_equal(line.number, 3);
    assert_int_equal(line_next(&reader, &line), LINE_END);
}

static void empty_lines_and_comments_are_skipped_and_counted(void **state)
{
    (void)state;
    wire_begin("\n# a comment \"\n \t \r\n  # another\n  a v=1\n\n", PRECISION_MS);
    assert_int_equal(line_next(&reader, &line), LINE_OK);
    assert_int_equal(line.number, 5);
    assert_view(line.raw, "  a v=1");
    assert_view(line.key, "a");
    assert_int_equal(line_next(&reader, &line), LINE_END);
    assert_int_equal(line_next(&reader, &line), LINE_END);
}

static void numbers_start_where_the_caller_says(void **state)
{
    (void)state;
    line_reader_init(&reader, STR("a v=1\nb v=x\n"), PRECISION_MS, 2);
    assert_int_equal(line_next(&reader, &line), LINE_OK);
    assert_int_equal(line.number, 2);
    assert_int_equal(line_next(&reader, &line), LINE_BAD);
    assert_int_equal(reader.number, 3);
}

static void an_empty_batch_has_no_lines(void **state)
{
    (void)state;
    line_reader_init(&reader, (struct str){NULL, 0}, PRECISION_NS, 1);
    assert_int_equal(line_next(&reader, &line), LINE_END);
    wire_begin("   ", PRECISION_NS);
    assert_int_equal(line_next(&reader, &line), LINE_END);
}

static void several_spaces_may_stand_between_the_parts(void **state)
{
    (void)state;
    wire_read("a,t=x   v=1   17000000   \n");
    assert_view(line.key, "a,t=x");
    assert_view(line.fields, "v=1");
    assert_int_equal(line.time, 17);
    assert_view(line.raw, "a,t=x   v=1   17000000   ");
}

static void an_escaped_space_does_not_end_the_key(void **state)
{
    (void)state;
    wire_read("disk\\ io,path=C:\\\\ x v=1");
    assert_view(line.key, "disk\\ io,path=C:\\\\ x");
    wire_read("a,t=x\\ v v=1");
    assert_view(line.key, "a,t=x\\ v");
    wire_refuse("a,t=x\\ v=1", "column 11: expected a space and then field=value");
}

static void field_names_keep_their_escapes(void **state)
{
    (void)state;
    wire_read("a x\\=y\\,z\\ w\\q=1,b\\\\q=2,c=3");
    assert_int_equal(line.field_count, 3);
    assert_view(line.field[0].name, "x\\=y\\,z\\ w\\q");
    assert_view(line.field[2].name, "c");
}

static void a_string_value_keeps_its_escapes_and_line_feeds(void **state)
{
    (void)state;
    wire_begin("a s=\"x, y=1 \\\"q\\\" \\\\\",t=\"l1\nl2\n\" 5\nb v=1\n", PRECISION_MS);
    assert_int_equal(line_next(&reader, &line), LINE_OK);
    assert_int_equal(line.field[0].value.type, VALUE_STRING);
    assert_view(line.field[0].value.text, "x, y=1 \\\"q\\\" \\\\");
    assert_view(line.field[1].value.text, "l1\nl2\n");
    assert_int_equal(line.time, 5);
    assert_int_equal(line_next(&reader, &line), LINE_OK);
    assert_int_equal(line.number, 4);
}

static void an_empty_string_is_a_value(void **state)
{
    (void)state;
    wire_read("a s=\"\" 1");
    assert_view(line.field[0].value.text, "");
}

static void faults_are_told_with_their_column(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *reason;
    } faults[] = {
        {",t=x v=1", "column 1: expected a measurement before ','"},
        {"cpu", "column 4: expected a space and then field=value"},
        {"cpu,t=x", "column 8: expected a space and then field=value"},
        {"cpu,t=x  \r\n", "column 10: expected a space and then field=value"},
        {"cpu v", "column 6: expected '=' behind the field's name, found the end of the line"},
        {"cpu v,w=1", "column 6: expected '=' behind the field's name, found ','"},
        {"cpu v w=1", "column 6: expected '=' behind the field's name, found a space"},
        {"cpu =1", "column 5: expected a field's name before '='"},
        {"cpu v=1,", "column 9: expected '=' behind the field's name, found the end of the line"},
        {"cpu v=1,,w=2", "column 9: expected '=' behind the field's name, found ','"},
        {"cpu v=",
         "column 7: expected a value: a number, true, false or a string in double quotes, found the end of "
         "the line"},
        {"cpu v=,w=1",
         "column 7: expected a value: a number, true, false or a string in double quotes, found ','"},
        {"cpu v='a'",
         "column 7: expected a value: a number, true, false or a string in double quotes, found '''"},
        {"cpu v=tru", "column 7: expected a value: a number, true, false or a string in double quotes"},
        {"cpu v=1x", "column 8: expected ',' or a space or the end of the line behind the value, found 'x'"},
        {"cpu v=1\t2",
         "column 8: expected ',' or a space or the end of the line behind the value, found byte 0x09"},
        {"cpu v=1 x", "column 9: expected a timestamp (an integer) or the end of the line, found 'x'"},
        {"cpu v=1 -", "column 10: expected a timestamp (an integer) or the end of the line, found the end of "
                      "the line"},
        {"cpu v=1 1 2", "column 11: expected the end of the line behind the timestamp, found '2'"},
        {"cpu v=1 1.5", "column 10: expected the end of the line behind the timestamp, found '.'"},
        {"cpu v=1,w=2,v=3", "column 13: this field stands in the line already"},
        {"cpu v=\"x\"y", "column 10: expected ',' or a space or the end of the line behind a string; write "
                         "\\\" for a quote inside it"},
        {"cpu v=\"x", "column 7: the string that begins here has no closing \""},
        {"  cpu v=x",
         "column 9: expected a value: a number, true, false or a string in double quotes, found 'x'"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        wire_refuse(faults[i].text, faults[i].reason);
}

static void a_nul_byte_is_refused_wherever_it_stands(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *reason;
    } faults[] = {
        {STR("c\0pu v=1"), "column 2: a NUL byte"},
        {STR("cpu v=\"a\0b\" 1"), "column 9: a NUL byte"},
        {STR("cpu,long_tag_name=long_tag_value_\0 v=1"), "column 34: a NUL byte"},
        {STR("cpu v\0=1 1"), "column 6: a NUL byte"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        line_reader_init(&reader, faults[i].text, PRECISION_NS, 1);
        assert_int_equal(line_next(&reader, &line), LINE_BAD);
        assert_string_equal(reader.why.text, faults[i].reason);
        assert_int_equal(line_next(&reader, &line), LINE_END);
    }
}

static void malformed_utf8_is_refused_and_good_utf8_is_not(void **state)
{
    (void)state;
    static const char *const good[] = {
        "caf\xc3\xa9 v=1", "a s=\"\xe2\x82\xac \xf0\x9f\x98\x80\"",
        "a s=\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\xc2\x80\xe0\xa0\x80\""};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        wire_read(good[i]);
    static const char *const bad[] = {"\xff",
                                      "\xc3",
                                      "\xc0\x80",
                                      "\x80",
                                      "\xe0\x80\x80",
                                      "\xed\xa0\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xe2\x82",
                                      "\xf0\x80\x80\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "a s=\"\xc3\xa9%s\"", bad[i]);
        wire_refuse(text, "column 8: the text is not UTF-8");
    }
}

static void a_bad_line_costs_no_other_line(void **state)
{
    (void)state;
    wire_begin("a v=1\nb v=\nc v=3\n,\nd v=4\n", PRECISION_NS);
    static const enum line_step steps[] = {LINE_OK, LINE_BAD, LINE_OK, LINE_BAD, LINE_OK, LINE_END};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        assert_int_equal(line_next(&reader, &line), steps[i]);
        if (steps[i] != LINE_END)
            assert_int_equal(reader.number, i + 1);
    }
}

static void a_string_without_an_end_costs_only_its_own_line(void **state)
{
    (void)state;
    wire_begin("a v=\"open\nb v=2\n", PRECISION_NS);
    assert_int_equal(line_next(&reader, &line), LINE_BAD);
    assert_string_equal(reader.why.text, "column 5: the string that begins here has no closing \"");
    assert_int_equal(line_next(&reader, &line), LINE_OK);
    assert_view(line.key, "b");
    assert_int_equal(line.number, 2);
    /* A later string's opening quote would close it: that is noticed by what stands behind the quote. */
    wire_begin("a v=\"open\nb v=2\nc s=\"x\" 1\nd v=1\n", PRECISION_NS);
    assert_int_equal(line_next(&reader, &line), LINE_BAD);
    assert_string_equal(reader.why.text,
                        "column 5: the string that begins here ends on a later line, at a \" with text "
                        "behind it; write \\\" for a quote inside a string");
    static const char *const keys[] = {"b", "c", "d"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(line_next(&reader, &line), LINE_OK);
        assert_view(line.key, keys[i]);
        assert_int_equal(line.number, i + 2);
    }
}

static void lines_inside_a_string_never_pass_for_lines(void **state)
{
    (void)state;
    /* The fault stands before, between and behind strings whose content looks like lines. */
    static const char *const texts[] = {
        "e v=x,s=\"\nfake v=1\n\",u=\"\nfake v=2\n\" 1\nb v=1\n",
        "e s=\"\nfake v=1\n\",v=x,u=\"\nfake v=2\n\" 1\nb v=1\n",
        "e s=\"\nfake v=1\n\",u=\"\nfake v=2\n\" x\nb v=1\n",
        "e s=\"a\"b\",t=\"\nfake v=1\nfake v=1\n\" x\nb v=1\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        wire_begin(texts[i], PRECISION_NS);
        assert_int_equal(line_next(&reader, &line), LINE_BAD);
        assert_int_equal(reader.number, 1);
        assert_int_equal(line_next(&reader, &line), LINE_OK);
        assert_view(line.key, "b");
        assert_int_equal(line.number, i == 3 ? 5 : 6);
    }
}

static void a_line_has_at_most_its_bound_of_fields(void **state)
{
    (void)state;
    char text[LINE_FIELDS_MAX * 10] = "a ";
    size_t len = 2;
    for (int i = 0; i < LINE_FIELDS_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%sf%d=%d", i ? "," : "", i, i);
    wire_read(text);
    assert_int_equal(line.field_count, LINE_FIELDS_MAX);
    assert_view(line.field[255].name, "f255");
    assert_int_equal(line.field[255].value.number.mantissa, 255);
    (void)snprintf(text + len, sizeof text - len, ",g=1");
    wire_begin(text, PRECISION_NS);
    assert_int_equal(line_next(&reader, &line), LINE_BAD);
    assert_non_null(strstr(reader.why.text, "a line has at most 256 fields; send the others in a second"));
    assert_int_equal(line_next(&reader, &line), LINE_END);
}

static void a_repeated_field_is_found_in_a_wide_line_too(void **state)
{
    (void)state;
    for (int twice = 0; twice < 40; twice++) {
        char text[2048] = "a ";
        size_t len = 2;
        for (int i = 0; i < 40; i++)
            len += (size_t)snprintf(text + len, sizeof text - len, "a_rather_long_field_%d_name=%d,", i, i);
        size_t column = len + 1;
        (void)snprintf(text + len, sizeof text - len, "a_rather_long_field_%d_name=1", twice);
        char reason[64];
        (void)snprintf(reason, sizeof reason, "column %zu: this field stands in the line already", column);
        wire_refuse(text, reason);
    }
}

static void the_reader_stays_inside_its_text(void **state)
{
    (void)state;
    /* Every prefix of a batch, in memory of exactly its size: the address sanitiser is the judge. */
    static const char batch[] = "http_requests_total,service=cart,a=b\\ c s=\"x\\\"y\nz\",v=1.5e3,w=-12i,x=t "
                                "1704067200000\nb v=12345678901234567890123 17\n# c\n\xc3\xa9 v=1\r\n";
    for (size_t len = 0; len < sizeof batch; len++) {
        char *text = malloc(len ? len : 1);
        assert_non_null(text);
        memcpy(text, batch, len);
        line_reader_init(&reader, (struct str){text, len}, PRECISION_NS, 1);
        size_t steps = 0;
        while (line_next(&reader, &line) != LINE_END)
            steps++;
        assert_in_range(steps, 0, 5);
        assert_ptr_equal(reader.at, text + len);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_metric_line_is_cut_into_its_parts),
        cmocka_unit_test(a_line_may_come_without_a_timestamp),
        cmocka_unit_test(line_ends_are_feeds_with_or_without_a_return),
        cmocka_unit_test(empty_lines_and_comments_are_skipped_and_counted),
        cmocka_unit_test(numbers_start_where_the_caller_says),
        cmocka_unit_test(an_empty_batch_has_no_lines),
        cmocka_unit_test(several_spaces_may_stand_between_the_parts),
        cmocka_unit_test(an_escaped_space_does_not_end_the_key),
        cmocka_unit_test(field_names_keep_their_escapes),
        cmocka_unit_test(a_string_value_keeps_its_escapes_and_line_feeds),
        cmocka_unit_test(an_empty_string_is_a_value),
        cmocka_unit_test(faults_are_told_with_their_column),
        cmocka_unit_test(a_nul_byte_is_refused_wherever_it_stands),
        cmocka_unit_test(malformed_utf8_is_refused_and_good_utf8_is_not),
        cmocka_unit_test(a_bad_line_costs_no_other_line),
        cmocka_unit_test(a_string_without_an_end_costs_only_its_own_line),
        cmocka_unit_test(lines_inside_a_string_never_pass_for_lines),
        cmocka_unit_test(a_line_has_at_most_its_bound_of_fields),
        cmocka_unit_test(a_repeated_field_is_found_in_a_wide_line_too),
        cmocka_unit_test(the_reader_stays_inside_its_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
