#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/promql/functions.h"
#include "server/promql/parse.h"
#include "server/promql/print.h"

/* What is written, and how it is printed; NULL: as it is written. */
struct taken {
    const char *text;
    const char *printed;
};

static void check_taken(const struct taken *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ast *ast;
        struct tm_why why = {{0}};
        struct bytes out = {0};
        if (promql_parse(str_of(rows[i].text), &ast, &why) != TM_OK)
            fail_msg("%s is refused: %s", rows[i].text, why.text);
        ast_print(ast->root, &out);
        bytes_u8(&out, 0);
        assert_int_equal(bytes_error(&out), TM_OK);
        assert_string_equal((const char *)out.data, rows[i].printed ? rows[i].printed : rows[i].text);
        bytes_fini(&out);
        ast_free(ast);
    }
}

struct refused {
    const char *text;
    const char *message; /* behind "parse error: ", with the place before it */
};

static void check_refused(const struct refused *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ast *ast;
        struct tm_why why = {{0}};
        if (promql_parse(str_of(rows[i].text), &ast, &why) != TM_INVALID)
            fail_msg("%s is not refused", rows[i].text);
        assert_null(ast);
        assert_string_equal(why.text, rows[i].message);
    }
}

#define CHECK_TAKEN(rows)   check_taken(rows, sizeof(rows) / sizeof(rows)[0])
#define CHECK_REFUSED(rows) check_refused(rows, sizeof(rows) / sizeof(rows)[0])

static void numbers_mean_what_go_reads(void **state)
{
    (void)state;
    static const struct taken rows[] = {
        {"1", NULL},          {"1.", "1"},          {".5", "0.5"},
        {"1e3", "1000"},      {"1E-7", "1e-07"},    {"0x1F", "31"},
        {"017", "15"},        {"08", "8"},          {"Inf", "+Inf"},
        {"iNF", "+Inf"},      {"-inf", "-Inf"},     {"nan", "NaN"},
        {"1000000", "1e+06"}, {"123456", NULL},     {"1234567", "1.234567e+06"},
        {"0.0001", NULL},     {"0.00001", "1e-05"}, {"-1", NULL},
        {"+1", "1"},          {"--1", "1"},         {"9223372036854775807", "9.223372036854776e+18"},
        {"1e-320", "1e-320"}, {"-0", "-0"},         {"123456789012345678901", "1.2345678901234568e+20"},
    };
    CHECK_TAKEN(rows);
    static const struct refused wrong[] = {
        {"0x", "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"0x\": invalid syntax"},
        {"0x1.8",
         "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"0x1.8\": invalid syntax"},
        {"1e", "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"1e\": invalid syntax"},
        {"1e999",
         "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"1e999\": value out of range"},
        {"1x", "1:1: parse error: bad number or duration syntax: \"1\""},
        {"1_0", "1:1: parse error: bad number or duration syntax: \"1\""},
        {"5m", "1:1: parse error: unexpected duration \"5m\""},
    };
    CHECK_REFUSED(wrong);
}

static void durations_have_units_in_falling_order(void **state)
{
    (void)state;
    static const struct taken rows[] = {
        {"foo[5m]", NULL},          {"foo[1h30m]", NULL},
        {"foo[1m0s]", "foo[1m]"},   {"foo[90s]", "foo[1m30s]"},
        {"foo[ 5m ]", "foo[5m]"},   {"foo[1500ms]", "foo[1s500ms]"},
        {"foo[36h]", "foo[1d12h]"}, {"foo[14d]", "foo[2w]"},
        {"foo[15d]", NULL},         {"foo[365d]", "foo[1y]"},
        {"foo[366d]", "foo[366d]"}, {"foo[1y2w3d4h5m6s7ms]", "foo[382d4h5m6s7ms]"},
    };
    CHECK_TAKEN(rows);
    static const struct refused wrong[] = {
        {"foo[0s]", "1:5: parse error: duration must be greater than 0"},
        {"foo[5]", "1:5: parse error: missing unit character in duration"},
        {"foo[5m1h]", "1:5: parse error: not a valid duration string: \"5m1h\""},
        {"foo[5hs]", "1:5: parse error: not a valid duration string: \"5hs\""},
        {"foo[5m5m]", "1:5: parse error: not a valid duration string: \"5m5m\""},
        {"foo[300y]", "1:5: parse error: duration out of range"},
        {"foo[x]", "1:5: parse error: bad duration syntax: \"\""},
        {"foo[1x]", "1:5: parse error: bad duration syntax: \"1\""},
        {"foo[5mx]", "1:5: parse error: bad duration syntax: \"5mx\""},
        {"foo[]", "1:5: parse error: missing unit character in duration"},
        {"foo offset 0s", "1:12: parse error: duration must be greater than 0"},
    };
    CHECK_REFUSED(wrong);
}

static void strings_have_three_quotes_and_escapes(void **state)
{
    (void)state;
    static const struct taken rows[] = {
        {"\"a\"", NULL},
        {"'a\"'", "\"a\\\"\""},
        {"`a\\n`", "\"a\\\\n\""},
        {"\"\\a\\b\\f\\n\\r\\t\\v\\\\\"", NULL},
        {"\"\\x41\\101\\u00e9\\U0001F600\"", "\"AAé😀\""},
        {"'\\''", "\"'\""},
        {"`\n`", "\"\\n\""},
        {"\"\\xff\"", NULL},
        {"\"\\x00\\x7f\\u00ad\"", NULL},
    };
    CHECK_TAKEN(rows);
    static const struct refused wrong[] = {
        {"\"a", "1:1: parse error: unterminated quoted string"},
        {"'a\n'", "1:1: parse error: unterminated quoted string"},
        {"`a", "1:1: parse error: unterminated raw string"},
        {"\"\\q\"", "1:1: parse error: unknown escape sequence U+0071 'q'"},
        {"\"\\'\"", "1:1: parse error: unknown escape sequence U+0027 '''"},
        {"\"\\x4g\"", "1:1: parse error: illegal character U+0067 'g' in escape sequence"},
        {"\"\\400\"", "1:1: parse error: escape sequence is an invalid Unicode code point"},
        {"\"\\ud800\"", "1:1: parse error: escape sequence is an invalid Unicode code point"},
        {"\"\\u12", "1:1: parse error: escape sequence not terminated"},
        {"\"\\", "1:1: parse error: escape sequence not terminated"},
        {"\"\xff\"", "1:1: parse error: invalid UTF-8 rune"},
    };
    CHECK_REFUSED(wrong);
}

static void selectors_print_their_matchers_sorted(void **state)
{
    (void)state;
    static const struct taken rows[] = {
        {"foo", NULL},
        {"a:b", NULL},
        {":a", NULL},
        {"foo{}", "foo"},
        {"foo{b=\"1\", a!=\"2\",}", "foo{a!=\"2\",b=\"1\"}"},
        {"{a=~\"x.*\"}", NULL},
        {"{__name__=\"x\"}", NULL},
        {"foo{a!~`\\d+`}", "foo{a!~\"\\\\d+\"}"},
        {"foo{sum=\"1\",by=\"2\",on=\"3\"}", "foo{by=\"2\",on=\"3\",sum=\"1\"}"},
        {"foo{a=\"\"}", NULL},
        {"sum", NULL},
        {"by", NULL},
        {"and", NULL},
        {"start{a=\"b\"}", NULL},
        {"offset offset 5m", NULL},
        {"# comment\nfoo # more", "foo"},
        {"foo\r\n{\t}", "foo"},
    };
    CHECK_TAKEN(rows);
    static const struct refused wrong[] = {
        {"{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
        {"{a=~\".*\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
        {"1 + {a=\"\"}", "1:5: parse error: vector selector must contain at least one non-empty matcher"},
        {"foo{__name__=\"bar\"}", "1:1: parse error: metric name must not be set twice: \"foo\" or \"bar\""},
        {"foo{", "1:5: parse error: unexpected end of input inside braces"},
        {"foo{a", "1:6: parse error: unexpected end of input inside braces"},
        {"foo{a}", "1:6: parse error: unexpected \"}\" in label matching, expected label matching operator"},
        {"foo{a=}", "1:7: parse error: unexpected \"}\" in label matching, expected string"},
        {"foo{a=b}", "1:7: parse error: unexpected identifier \"b\" in label matching, expected string"},
        {"foo{a=\"b\" c=\"d\"}",
         "1:11: parse error: unexpected identifier \"c\" in label matching, expected \",\" or \"}\""},
        {"foo{,}", "1:5: parse error: unexpected \",\" in label matching, expected identifier or \"}\""},
        {"foo{=\"x\"}", "1:5: parse error: unexpected \"=\" in label matching, expected identifier or \"}\""},
        {"foo{a!\"x\"}", "1:6: parse error: unexpected character after '!' inside braces: '\"'"},
        {"foo{{", "1:5: parse error: unexpected left brace '{'"},
        {"foo{1", "1:5: parse error: unexpected character inside braces: '1'"},
        {"foo bar", "1:5: parse error: unexpected identifier \"bar\""},
        {"on", "1:1: parse error: unexpected <on>"},
        {"bool", "1:1: parse error: unexpected <bool>"},
        {"atan2", "1:1: parse error: unexpected <op:atan2>"},
    };
    CHECK_REFUSED(wrong);
}

static void names_in_quotes_are_those_of_later_versions(void **state)
{
    (void)state;
    static const struct taken rows[] = {
        {"{\"metric.name\"}", NULL},
        {"{\"metric.name\",a=\"b\"}", NULL},
        {"{a=\"b\", 'foo'}", "foo{a=\"b\"}"},
        {"{\"on\"}", NULL},
        {"foo{\"label.name\"=\"x\"}", NULL},
        {"foo{\"a\"=~\"x\"}", "foo{a=~\"x\"}"},
        {"sum by (\"label.name\", \"a\") (foo)", "sum by (\"label.name\", a) (foo)"},
        {"rate({\"metric.name\"}[5m])", NULL},
    };
    CHECK_TAKEN(rows);
    static const struct refused wrong[] = {
        {"foo{\"bar\"}", "1:1: parse error: metric name must not be set twice: \"foo\" or \"bar\""},
        {"{\"a.b\",__name__=\"x\"}", "1:1: parse error: metric name must not be set twice: \"a.b\" or \"x\""},
        {"{\"\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
    };
    CHECK_REFUSED(wrong);
}

static void offset_and_at_belong_to_selectors(void **state)
{
    (void)state;
    static const struct taken rows[] = {
        {"foo offset 5m", NULL},
        {"foo offset -5m", NULL},
        {"foo[5m] offset 1h", NULL},
        {"foo @ 1", "foo @ 1.000"},
        {"foo @ -1.5", "foo @ -1.500"},
        {"foo @ +3", "foo @ 3.000"},
        {"foo @ 0x10", "foo @ 16.000"},
        {"foo @ start()", NULL},
        {"foo offset 5m @ end()", "foo @ end() offset 5m"},
        {"foo[5m] @ 1 offset 1m", "foo[5m] @ 1.000 offset 1m"},
        {"foo[5m:] @ start() offset -1m", NULL},
        {"foo @ start() [5m]", "foo[5m] @ start()"},
        {"foo[1h:5m]", NULL},
        {"rate(foo[5m])[1h:]", NULL},
        {"(foo)[1h:1m] offset 1d", NULL},
        {"1 + foo offset 5m", NULL},
        {"-foo offset 5m", NULL},
    };
    CHECK_TAKEN(rows);
    static const struct refused wrong[] = {
        {"foo offset", "1:11: parse error: unexpected end of input in offset, expected duration"},
        {"foo offset 5", "1:12: parse error: unexpected number \"5\" in offset, expected duration"},
        {"foo offset - bar", "1:14: parse error: unexpected identifier \"bar\" in offset, expected duration"},
        {"foo offset 5m offset 5m", "1:1: parse error: offset may not be set multiple times"},
        {"1 offset 5m",
         "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector "
         "selector or a subquery"},
        {"(foo) @ 1", "1:1: parse error: @ modifier must be preceded by an instant vector selector or range "
                      "vector selector or a subquery"},
        {"foo @", "1:6: parse error: unexpected end of input in @, expected timestamp"},
        {"foo @ bar", "1:7: parse error: unexpected identifier \"bar\" in @, expected timestamp"},
        {"foo @ start 5", "1:13: parse error: unexpected number \"5\" in @, expected timestamp"},
        {"foo @ inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"},
        {"foo @ -nan", "1:1: parse error: timestamp out of bounds for @ modifier: NaN"},
        {"foo @ 1e20",
         "1:1: parse error: timestamp out of bounds for @ modifier: 100000000000000000000.000000"},
        {"foo @ 1 @ 2", "1:1: parse error: @ <timestamp> may not be set multiple times"},
        {"foo[5m] @ start() @ end()", "1:1: parse error: @ <timestamp> may not be set multiple times"},
        {"foo offset 5m [5m]", "1:15: parse error: no offset modifiers allowed before range"},
        {"foo @ 1 [5m]", "1:9: parse error: no @ modifiers allowed before range"},
        {"1[5m]", "1:2: parse error: ranges only allowed for vector selectors"},
        {"foo[5m][5m]", "1:8: parse error: ranges only allowed for vector selectors"},
        {"(foo)[5m]", "1:6: parse error: ranges only allowed for vector selectors"},
        {"foo[5m", "1:7: parse error: unclosed left bracket"},
        {"foo[5m:1m", "1:10: parse error: unclosed left bracket"},
        {"foo[5m:1m:1m]", "1:10: parse error: unexpected colon ':'"},
        {"foo[5m,]", "1:7: parse error: unexpected \",\" in subquery or range, expected \":\" or \"]\""},
        {"foo[5m:,]", "1:8: parse error: unexpected \",\" in subquery selector, expected duration or \"]\""},
        {"foo[5m:1m,]", "1:10: parse error: unexpected \",\" in subquery selector, expected \"]\""},
        {"foo]", "1:4: parse error: unexpected right bracket ']'"},
    };
    CHECK_REFUSED(wrong);
}

static void operators_bind_as_in_prometheus(void **state)
{
    (void)state;
    static const struct taken rows[] = {
        {"1+2*3", "1 + 2 * 3"},
        {"-1^2", "-1 ^ 2"},
        {"2^-1*3", "2 ^ -1 * 3"},
        {"a or b and c unless d", NULL},
        {"a == bool b", NULL},
        {"a >= on (x) b", NULL},
        {"a * ON(x,y) GROUP_LEFT(z) b", "a * on (x, y) group_left (z) b"},
        {"a / ignoring (x) group_right b", "a / ignoring (x) group_right () b"},
        {"a + on () b", NULL},
        {"a + ignoring () b", "a + b"},
        {"a < bool on (x,) group_left (y) b", "a < bool on (x) group_left (y) b"},
        {"a atan2 b", NULL},
        {"a AND b", "a and b"},
        {"-a", NULL},
        {"+-a", NULL},
        {"(((1)))", NULL},
        {"a + on (bool, by, sum, group_left) b", NULL},
        {"Inf ^ 2", NULL},
        {"1 != bool 2 % 3", NULL},
    };
    CHECK_TAKEN(rows);
}

static void what_operators_do_not_take_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct refused wrong[] = {
        {"1+", "1:3: parse error: unexpected end of input"},
        {"*1", "1:1: parse error: unexpected <op:*>"},
        {"1 2", "1:3: parse error: unexpected number \"2\""},
        {"1 = 2", "1:3: parse error: unexpected \"=\""},
        {"1 =~ 2", "1:3: parse error: unexpected character after '=': '~'"},
        {"1 ! 2", "1:3: parse error: unexpected character after '!': ' '"},
        {"1 == 2", "1:3: parse error: comparisons between scalars must use BOOL modifier"},
        {"1 + bool 2", "1:3: parse error: bool modifier can only be used on comparison operators"},
        {"1 and 2", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"},
        {"1 or foo", "1:1: parse error: set operator \"or\" not allowed in binary scalar expression"},
        {"a + \"x\"",
         "1:5: parse error: binary expression must contain only scalar and instant vector types"},
        {"a[5m] + 1",
         "1:1: parse error: binary expression must contain only scalar and instant vector types"},
        {"1 + on(x) a", "1:1: parse error: vector matching only allowed between instant vectors"},
        {"a or on(x) group_left b", "1:1: parse error: no grouping allowed for \"or\" operation"},
        {"a * on(x) group_left(x) b",
         "1:3: parse error: label \"x\" must not occur in ON and GROUP clause at once"},
        {"a * on b", "1:8: parse error: unexpected identifier \"b\" in grouping opts, expected \"(\""},
        {"a * on(1) b", "1:8: parse error: unexpected number \"1\" in grouping opts, expected label"},
        {"a * on(x y) b",
         "1:10: parse error: unexpected identifier \"y\" in grouping opts, expected \",\" or \")\""},
        {"a * on(x) group_left",
         "1:21: parse error: unexpected end of input in grouping opts, expected \"(\""},
        {"a * group_left b", "1:5: parse error: unexpected <group_left>"},
        {"-\"x\"", "1:1: parse error: unary expression only allowed on expressions of type scalar or instant "
                   "vector, got \"string\""},
        {"-foo[5m]",
         "1:1: parse error: unary expression only allowed on expressions of type scalar or instant "
         "vector, got \"range vector\""},
        {"(1", "1:3: parse error: unclosed left parenthesis"},
        {"1)", "1:3: parse error: unexpected right parenthesis ')'"},
        {"()", "1:2: parse error: unexpected \")\""},
        {"a\n+\n  $", "3:3: parse error: unexpected character: '$'"},
        {"", "1:1: parse error: no expression found in input"},
        {" # only a comment", "1:1: parse error: no expression found in input"},
    };
    CHECK_REFUSED(wrong);
}

static void aggregations_take_by_before_or_behind(void **state)
{
    (void)state;
    static const struct taken rows[] = {
        {"sum(foo)", NULL},
        {"sum by (a) (foo)", NULL},
        {"sum(foo) by (a,b,)", "sum by (a, b) (foo)"},
        {"SUM without()(foo)", "sum without () (foo)"},
        {"sum by () (foo)", "sum(foo)"},
        {"topk(3, foo)", NULL},
        {"bottomk by (x) (1 + 2, foo)", NULL},
        {"quantile(0.9, foo) without (x)", "quantile without (x) (0.9, foo)"},
        {"count_values('v', foo)", "count_values(\"v\", foo)"},
        {"sum(sum by (a) (foo)) / avg(bar)", NULL},
        {"group(stddev(stdvar(min(max(count(foo))))))", NULL},
        {"sum (sum)", "sum(sum)"},
        {"sum by (by, without_, on, sum, end) (foo)", NULL},
    };
    CHECK_TAKEN(rows);
    static const struct refused wrong[] = {
        {"sum()", "1:1: parse error: no arguments for aggregate expression provided"},
        {"sum(a, b)", "1:1: parse error: wrong number of arguments for aggregate expression provided, "
                      "expected 1, got 2"},
        {"topk(a)", "1:1: parse error: wrong number of arguments for aggregate expression provided, expected "
                    "2, got 1"},
        {"sum(1)", "1:5: parse error: expected type instant vector in aggregation expression, got scalar"},
        {"sum(foo[5m])",
         "1:5: parse error: expected type instant vector in aggregation expression, got range vector"},
        {"topk(foo, foo)",
         "1:6: parse error: expected type scalar in aggregation parameter, got instant vector"},
        {"count_values(5, foo)",
         "1:14: parse error: expected type string in aggregation parameter, got scalar"},
        {"sum by (a) foo", "1:12: parse error: unexpected identifier \"foo\" in aggregation"},
        {"sum(foo bar)", "1:9: parse error: unexpected identifier \"bar\" in aggregation"},
        {"sum 1", "1:5: parse error: unexpected number \"1\""},
        {"sum by a (foo)", "1:8: parse error: unexpected identifier \"a\" in grouping opts, expected \"(\""},
        {"sum by (a:b)(foo)",
         "1:9: parse error: unexpected metric identifier \"a:b\" in grouping opts, expected label"},
        {"sum by (without)(foo)", "1:9: parse error: unexpected <without> in grouping opts, expected label"},
        {"sum(foo) by (a) by (b)", "1:17: parse error: unexpected <by>"},
    };
    CHECK_REFUSED(wrong);
}

static void calls_are_checked_against_the_table(void **state)
{
    (void)state;
    static const struct taken rows[] = {
        {"time()", NULL},
        {"rate(foo[5m])", NULL},
        {"round(foo)", NULL},
        {"round(foo, 5)", NULL},
        {"day_of_week()", NULL},
        {"label_join(foo, \"a\", \",\")", NULL},
        {"label_join(foo, \"a\", \",\", \"b\", \"c\")", NULL},
        {"histogram_quantile(0.9, sum by (le) (rate(foo_bucket[5m])))", NULL},
        {"histogram_fraction(0, 1, foo)", NULL},
        {"anomaly_score(foo{a=\"b\"})", NULL},
        {"baseline(foo offset 5m)", NULL},
        {"same_time_last_week(foo)", NULL},
        {"vector(1)", NULL},
        {"rate", NULL},
    };
    CHECK_TAKEN(rows);
    static const struct refused wrong[] = {
        {"nope(foo)", "1:1: parse error: unknown function with name \"nope\""},
        {"RATE(foo[5m])", "1:1: parse error: unknown function with name \"RATE\""},
        {"a:b(foo)", "1:4: parse error: unexpected \"(\""},
        {"rate(foo)",
         "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector"},
        {"abs(1)", "1:5: parse error: expected type instant vector in call to function \"abs\", got scalar"},
        {"rate()", "1:1: parse error: expected 1 argument(s) in call to \"rate\", got 0"},
        {"time(1)", "1:1: parse error: expected 0 argument(s) in call to \"time\", got 1"},
        {"round(foo, 1, 2)", "1:1: parse error: expected at most 2 argument(s) in call to \"round\", got 3"},
        {"label_join(foo, \"a\")", "1:1: parse error: expected at least 3 argument(s) in call to "
                                   "\"label_join\", got 2"},
        {"abs(foo,)", "1:8: parse error: trailing commas not allowed in function call args"},
        {"abs(foo", "1:8: parse error: unclosed left parenthesis"},
        {"abs(foo 1)", "1:9: parse error: unexpected number \"1\""},
        {"rate(abs(foo)[5m:1m:])", "1:20: parse error: unexpected colon ':'"},
        {"\"x\"[5m:]", "1:1: parse error: subquery is only allowed on instant vector, got string instead"},
        {"foo[5m][1h:]", "1:1: parse error: subquery is only allowed on instant vector, got matrix instead"},
        {"baseline(sum(foo))", "1:10: parse error: expected a vector selector in call to function "
                               "\"baseline\": it looks up what is "
                               "stored about a series, and a computed vector has none"},
    };
    CHECK_REFUSED(wrong);
}

static void the_table_of_functions_is_in_order(void **state)
{
    (void)state;
    for (int i = 0; i < FUNCTION_COUNT; i++) {
        const struct function *f = function_get((enum function_id)i);
        assert_int_equal(f->id, i);
        assert_ptr_equal(function_find(str_of(f->name)), f);
        assert_true(f->arg_count <= FUNCTION_ARGS_MAX);
        if (i > 0)
            assert_true(strcmp(function_get((enum function_id)(i - 1))->name, f->name) < 0);
    }
    assert_null(function_find(str_of("Rate")));
    assert_null(function_find(str_of("")));
}

static struct ast *parse(const char *text)
{
    struct ast *ast;
    struct tm_why why = {{0}};
    if (promql_parse(str_of(text), &ast, &why) != TM_OK)
        fail_msg("%s", why.text);
    return ast;
}

static void the_tree_says_what_was_written(void **state)
{
    (void)state;
    struct ast *ast =
        parse("sum by (a) (rate(foo{b=\"c\"}[5m] offset -1h @ 2.5)) * on (a) group_right (d) bar");
    const struct ast_node *root = ast->root;
    assert_int_equal(root->kind, AST_BINARY_NODE);
    assert_int_equal(root->type, AST_VECTOR);
    assert_int_equal(root->depth, 5);
    assert_int_equal(root->span.start, 0);
    assert_int_equal(root->span.end, 79);
    assert_int_equal(root->binary.card, AST_ONE_TO_MANY);
    assert_true(root->binary.on);
    assert_true(str_equal(root->binary.include.at[0], STR("d")));
    const struct ast_node *sum = root->binary.left;
    assert_int_equal(sum->aggregate.op, AST_SUM);
    assert_int_equal(sum->aggregate.by.count, 1);
    const struct ast_node *rate = sum->aggregate.inner;
    assert_int_equal(rate->call.function->id, FUNCTION_RATE);
    const struct ast_node *range = rate->call.args[0];
    assert_int_equal(range->kind, AST_RANGE_NODE);
    assert_int_equal(range->range.range_ms, 300000);
    const struct ast_node *selector = range->range.selector;
    assert_int_equal(selector->vector.shift.offset_ms, -3600000);
    assert_int_equal(selector->vector.shift.at, AST_AT_TIME);
    assert_int_equal(selector->vector.shift.at_ms, 2500);
    assert_int_equal(selector->vector.selector.count, 2);
    assert_true(str_equal(matcher_name(selector->vector.selector.matchers[1]), STR("__name__")));
    assert_int_equal(ast->selector_count, 2);
    assert_int_equal(ast->node_count, 6);
    ast_free(ast);
}

static void set_operators_are_many_to_many(void **state)
{
    (void)state;
    struct ast *ast = parse("a and ignoring (x) b");
    assert_int_equal(ast->root->binary.card, AST_MANY_TO_MANY);
    assert_false(ast->root->binary.on);
    ast_free(ast);
}

static void powers_group_to_the_right(void **state)
{
    (void)state;
    struct ast *ast = parse("2 ^ 3 ^ 4 - 5 - 6");
    assert_int_equal(ast->root->binary.op, AST_SUB);
    assert_int_equal(ast->root->binary.left->binary.op, AST_SUB);
    const struct ast_node *pow = ast->root->binary.left->binary.left;
    assert_int_equal(pow->binary.left->kind, AST_NUMBER_NODE);
    assert_int_equal(pow->binary.right->binary.op, AST_POW);
    ast_free(ast);
}

static enum tm_err parse_repeated(const char *head, const char *part, int count, const char *tail,
                                  struct tm_why *why)
{
    struct ast *ast;
    struct bytes text = {0};
    bytes_put(&text, head, strlen(head));
    for (int i = 0; i < count; i++)
        bytes_put(&text, part, strlen(part));
    bytes_put(&text, tail, strlen(tail));
    for (int i = 0; i < count && part[0] == '('; i++)
        bytes_u8(&text, ')');
    enum tm_err err = promql_parse(bytes_view(&text), &ast, why);
    ast_free(ast);
    bytes_fini(&text);
    return err;
}

static void depth_and_size_are_bounded(void **state)
{
    (void)state;
    struct tm_why why = {{0}};
    assert_int_equal(parse_repeated("", "(", AST_DEPTH_MAX - 1, "1", &why), TM_OK);
    assert_int_equal(parse_repeated("", "(", AST_DEPTH_MAX, "1", &why), TM_LIMIT);
    assert_string_equal(why.text, "the expression nests more than 500 deep: split it");
    assert_int_equal(parse_repeated("", "(", 100000, "1", &why), TM_LIMIT);
    assert_int_equal(parse_repeated("", "-", 100000, "1", &why), TM_LIMIT);
    assert_int_equal(parse_repeated("1", "^1", 100000, "", &why), TM_LIMIT);
    assert_int_equal(parse_repeated("1", "+1", AST_DEPTH_MAX - 1, "", &why), TM_OK);
    assert_int_equal(parse_repeated("1", "+1", AST_DEPTH_MAX, "", &why), TM_LIMIT);
    assert_int_equal(parse_repeated("x", "[1m:]", 100000, "", &why), TM_LIMIT);
    assert_int_equal(parse_repeated("label_join(x,\"a\",\"\"", ",\"b\"", AST_NODES_MAX, ")", &why), TM_LIMIT);
    assert_string_equal(why.text, "the expression has more than 50000 parts: split it");
    assert_int_equal(parse_repeated("x{a=\"b\"", ",a=\"b\"", SELECTOR_MATCHERS_MAX, "}", &why), TM_LIMIT);
    assert_int_equal(parse_repeated("1", " ", AST_TEXT_MAX_BYTES, "", &why), TM_TOO_LARGE);
}

static void long_expressions_are_split_as_format_query_does(void **state)
{
    (void)state;
    struct bytes out = {0};
    struct ast *ast = parse("topk(5, sum by (service, environment) "
                            "(rate(http_requests_total{environment=\"production\",x=\"y\"}[5m])))"
                            " / on (service) -(foo offset 5m)");
    ast_print_lines(ast->root, &out);
    bytes_u8(&out, 0);
    assert_string_equal((const char *)out.data,
                        "  topk(\n"
                        "    5,\n"
                        "    sum by (service, environment) "
                        "(rate(http_requests_total{environment=\"production\",x=\"y\"}[5m]))\n"
                        "  )\n"
                        "/ on (service)\n"
                        "  -(foo offset 5m)");
    bytes_fini(&out);
    ast_free(ast);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_mean_what_go_reads),
        cmocka_unit_test(durations_have_units_in_falling_order),
        cmocka_unit_test(strings_have_three_quotes_and_escapes),
        cmocka_unit_test(selectors_print_their_matchers_sorted),
        cmocka_unit_test(names_in_quotes_are_those_of_later_versions),
        cmocka_unit_test(offset_and_at_belong_to_selectors),
        cmocka_unit_test(operators_bind_as_in_prometheus),
        cmocka_unit_test(what_operators_do_not_take_is_told_with_its_place),
        cmocka_unit_test(aggregations_take_by_before_or_behind),
        cmocka_unit_test(calls_are_checked_against_the_table),
        cmocka_unit_test(the_table_of_functions_is_in_order),
        cmocka_unit_test(the_tree_says_what_was_written),
        cmocka_unit_test(set_operators_are_many_to_many),
        cmocka_unit_test(powers_group_to_the_right),
        cmocka_unit_test(depth_and_size_are_bounded),
        cmocka_unit_test(long_expressions_are_split_as_format_query_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
