#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "server/cli/push_prometheus.h"
#include "server/wire/line.h"

static void expect(const char *given, const char *wanted)
{
    struct bytes out = {0};
    struct tm_why why = {0};
    assert_int_equal(prometheus_convert(str_of(given), &out, &why), TM_OK);
    bytes_u8(&out, '\0');
    assert_string_equal((const char *)out.data, wanted);
    bytes_fini(&out);
}

static void refuse(const char *given, const char *reason)
{
    struct bytes out = {0};
    struct tm_why why = {0};
    bytes_put(&out, "before\n", 7);
    assert_int_equal(prometheus_convert(str_of(given), &out, &why), TM_INVALID);
    assert_string_equal(why.text, reason);
    assert_int_equal(out.len, 7);
    bytes_fini(&out);
}

static void a_sample_becomes_a_line(void **state)
{
    (void)state;
    expect("up 1", "up value=1\n");
    expect("up 1 1700000000123", "up value=1 1700000000123\n");
    expect("http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000",
           "http_requests_total,method=post,code=200 value=1027 1395066363000\n");
    expect("  a:b { x = \"1\" , y=\"2\", }\t3.5   -5  \r\n", "a:b,x=1,y=2 value=3.5 -5\n");
    expect("a{} 1", "a value=1\n");
}

static void comments_and_empty_lines_give_nothing(void **state)
{
    (void)state;
    expect("# HELP up Is it up", "");
    expect("# TYPE up gauge\n", "");
    expect("", "");
    expect("   \n", "");
}

static void label_values_are_unescaped_and_escaped_anew(void **state)
{
    (void)state;
    expect("a{p=\"C:\\\\DIR\\\\F.TXT\",e=\"no \\\"x\\\"\\n,=\"} 1",
           "a,p=C:\\DIR\\F.TXT,e=no\\ \"x\"\\ \\,\\= value=1\n");
    expect("a{p=\"end\\\\\"} 1", "a,p=end/ value=1\n");
    expect("a{p=\"\",q=\"x\"} 1", "a,q=x value=1\n");
}

static void numbers_are_rewritten_only_where_they_must_be(void **state)
{
    (void)state;
    expect("a 0.1", "a value=0.1\n");
    expect("a -12.50", "a value=-12.50\n");
    expect("a +3", "a value=3\n");
    expect("a 1.458255915e9", "a value=1458255915\n");
    expect("a .5", "a value=0.5\n");
    expect("a 5.", "a value=5\n");
    expect("a -.5", "a value=-0.5\n");
}

static void faults_are_named_with_their_column(void **state)
{
    (void)state;
    refuse("a NaN", "column 6: NaN and infinite values are not taken");
    refuse("a +Inf", "column 7: NaN and infinite values are not taken");
    refuse("a", "column 2: the value is missing or too long");
    refuse("a x", "column 4: the value is not a number");
    refuse("a 0x10", "column 7: the value is not a number");
    refuse("1a 1", "column 3: a metric's name is [a-zA-Z_:][a-zA-Z0-9_:]*");
    refuse("a{b=\"c\" 1", "column 9: \",\" or \"}\" is missing behind the label");
    refuse("a{b=\"c", "column 7: the closing double quote is missing");
    refuse("a{b=c} 1", "column 5: a label's value stands in double quotes");
    refuse("a{b 1", "column 5: \"=\" is missing behind the label's name");
    refuse("a{", "column 3: a label's name is [a-zA-Z_][a-zA-Z0-9_]*");
    refuse("a 1 5.5", "column 8: the timestamp is not a number of milliseconds");
    refuse("a 1 5 6", "column 7: something stands behind the timestamp");
}

static void what_comes_out_is_one_line_of_line_protocol(void **state)
{
    (void)state;
    static struct line line;
    struct bytes out = {0};
    struct bytes scratch = {0};
    struct line_reader reader;
    struct line_key key;
    struct tm_why why;
    assert_int_equal(
        prometheus_convert(STR("lat_bucket{le=\"+Inf\",path=\"/a b,c=d\\\\ e\"} 17 5"), &out, &why), TM_OK);
    line_reader_init(&reader, bytes_view(&out), PRECISION_MS, 1);
    assert_int_equal(line_next(&reader, &line), LINE_OK);
    assert_int_equal(line_key_parse(line.key, &scratch, &key, &why), TM_OK);
    assert_true(str_equal(key.measurement, STR("lat_bucket")));
    assert_true(str_equal(labels_get(&key.tags, STR("le")), STR("+Inf")));
    assert_true(str_equal(labels_get(&key.tags, STR("path")), STR("/a b,c=d/ e")));
    assert_int_equal(line.time, 5);
    assert_int_equal(line_next(&reader, &line), LINE_END);
    bytes_fini(&out);
    bytes_fini(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_becomes_a_line),
        cmocka_unit_test(comments_and_empty_lines_give_nothing),
        cmocka_unit_test(label_values_are_unescaped_and_escaped_anew),
        cmocka_unit_test(numbers_are_rewritten_only_where_they_must_be),
        cmocka_unit_test(faults_are_named_with_their_column),
        cmocka_unit_test(what_comes_out_is_one_line_of_line_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
