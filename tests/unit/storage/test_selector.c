/* Selectors as text: read as Prometheus reads them, faults with their place, one text for one set of
 * matchers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "storage/selector/selector.h"

static struct tm_why why;

static void parse(struct str text, struct selector *out)
{
    why.text[0] = '\0';
    if (selector_parse(text, out, &why))
        fail_msg("'%.*s': %s", STR_ARG(text), why.text);
}

/* text, read and printed. */
static void assert_prints(struct str text, const char *expected)
{
    struct selector selector;
    struct bytes out = {0};
    parse(text, &selector);
    selector_print(&selector, &out);
    assert_int_equal(bytes_error(&out), TM_OK);
    if (!str_equal(bytes_view(&out), str_of(expected)))
        fail_msg("'%.*s' prints as '%.*s', not '%s'", STR_ARG(text), STR_ARG(bytes_view(&out)), expected);
    selector_fini(&selector);
    bytes_fini(&out);
}

static void assert_matcher(const struct selector *s, size_t i, enum matcher_op op, const char *name,
                           struct str value)
{
    assert_true(i < s->count);
    assert_int_equal(matcher_op(s->matchers[i]), op);
    assert_true(str_equal(matcher_name(s->matchers[i]), str_of(name)));
    assert_true(str_equal(matcher_value(s->matchers[i]), value));
}

static void assert_fails(struct str text, const char *expected)
{
    struct selector selector;
    enum tm_err err = selector_parse(text, &selector, &why);
    assert_int_equal(selector.count, 0);
    if (err != TM_INVALID || strncmp(why.text, expected, strlen(expected)) != 0)
        fail_msg("'%.*s' should fail with '%s', got %d '%s'", STR_ARG(text), expected, err, why.text);
}

static void a_name_alone_is_a_matcher_on_the_name(void **state)
{
    (void)state;
    struct selector s;
    parse(STR("node:cpu:rate5m"), &s);
    assert_int_equal(s.count, 1);
    assert_matcher(&s, 0, MATCH_EQUAL, "__name__", STR("node:cpu:rate5m"));
    selector_fini(&s);
}

static void all_four_operators_are_read(void **state)
{
    (void)state;
    struct selector s;
    parse(STR("up{a=\"1\",b!=\"2\",c=~\"3.\",d!~\"4.\"}"), &s);
    assert_int_equal(s.count, 5);
    assert_matcher(&s, 0, MATCH_EQUAL, "__name__", STR("up"));
    assert_matcher(&s, 1, MATCH_EQUAL, "a", STR("1"));
    assert_matcher(&s, 2, MATCH_NOT_EQUAL, "b", STR("2"));
    assert_matcher(&s, 3, MATCH_REGEX, "c", STR("3."));
    assert_matcher(&s, 4, MATCH_NOT_REGEX, "d", STR("4."));
    selector_fini(&s);
}

static void space_comments_and_a_trailing_comma_are_allowed(void **state)
{
    (void)state;
    assert_prints(STR(" \t\r\nup # the name\n { # braces\n a = \"1\" , # one\n b =~ \"2.\" ,\n } # end"),
                  "up{a=\"1\",b=~\"2.\"}");
    assert_prints(STR("up{}"), "up");
    assert_prints(STR("up {a=\"1\",}"), "up{a=\"1\"}");
}

static void keywords_may_name_labels_and_metrics(void **state)
{
    (void)state;
    assert_prints(STR("{by=\"1\",on=\"2\",sum=\"3\",bool=\"4\",offset=\"5\",inf=\"6\"}"),
                  "{bool=\"4\",by=\"1\",inf=\"6\",offset=\"5\",on=\"2\",sum=\"3\"}");
    assert_prints(STR("sum{a=\"1\"}"), "sum{a=\"1\"}");
    assert_prints(STR("by"), "by");
    assert_prints(STR("{__name__=\"on\"}"), "{__name__=\"on\"}");
    assert_prints(STR("{__name__=\"Inf\"}"), "{__name__=\"Inf\"}");
    assert_fails(STR(" on{a=\"1\"}"), "1:2: parse error: this word has another meaning");
    assert_fails(STR("NaN"), "1:1: parse error: this word has another meaning");
}

static void all_three_quotes_are_read(void **state)
{
    (void)state;
    struct selector s;
    parse(STR("{a=\"it's\",b='say \"x\"',c=`raw \\n \"'\n`}"), &s);
    assert_matcher(&s, 0, MATCH_EQUAL, "a", STR("it's"));
    assert_matcher(&s, 1, MATCH_EQUAL, "b", STR("say \"x\""));
    assert_matcher(&s, 2, MATCH_EQUAL, "c", STR("raw \\n \"'\n"));
    selector_fini(&s);
}

static void escapes_are_those_of_prometheus(void **state)
{
    (void)state;
    struct selector s;
    parse(STR("{a=\"\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\",b='\\'',c=\"\\x41\\101\\u00e9\\U0001F600\",d="
              "\"\\xff\\377\"}"),
          &s);
    assert_matcher(&s, 0, MATCH_EQUAL, "a", STR("\a\b\f\n\r\t\v\\\""));
    assert_matcher(&s, 1, MATCH_EQUAL, "b", STR("'"));
    assert_matcher(&s, 2, MATCH_EQUAL, "c", STR("AA\xc3\xa9\xf0\x9f\x98\x80"));
    assert_matcher(&s, 3, MATCH_EQUAL, "d", STR("\xff\xff"));
    selector_fini(&s);
    static const char *const bad[] = {"\\'",         "\\x4", "\\x4g", "\\08", "\\400", "\\u12",   "\\ud800",
                                      "\\U00110000", "\\d",  "\\ ",   "\\8",  "\\u",   "\\U0000", "\\x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "{a=\"x%s\"}", bad[i]);
        assert_fails(str_of(text), "1:6: parse error: not an escape");
    }
    assert_fails(STR("{a='\\\"'}"), "1:5: parse error: not an escape");
}

static void a_regex_in_a_string_keeps_its_backslashes_doubled(void **state)
{
    (void)state;
    assert_prints(STR("{a=~\"x\\\\.y\"}"), "{a=~\"x\\\\.y\"}");
    assert_prints(STR("{a=~`x\\.y`}"), "{a=~\"x\\\\.y\"}");
    assert_fails(STR("{a=~\"x\\.y\"}"), "1:7: parse error: not an escape");
}

static void a_selector_of_everything_is_refused(void **state)
{
    (void)state;
    const char *expected = "1:1: parse error: vector selector must contain at least one non-empty matcher";
    assert_fails(STR("{}"), expected);
    assert_fails(STR("{a=\"\"}"), expected);
    assert_fails(STR("{a!=\"b\"}"), expected);
    assert_fails(STR("{a=~\".*\"}"), expected);
    assert_fails(STR("{a=~\"b|\",c!~\"d.+\"}"), expected);
    assert_prints(STR("{a!=\"\"}"), "{a!=\"\"}");
    assert_prints(STR("{a=~\".+\"}"), "{a=~\".+\"}");
    assert_prints(STR("{__name__!=\"\"}"), "{__name__!=\"\"}");
    assert_prints(STR("{a!~\".*\"}"), "{a!~\".*\"}");
}

static void the_name_is_set_once(void **state)
{
    (void)state;
    assert_fails(STR("up{__name__=\"x\"}"), "1:1: parse error: metric name must not be set twice");
    assert_fails(STR("up{a=\"1\",__name__!=\"x\"}"), "1:1: parse error: metric name must not be set twice");
    assert_prints(STR("{__name__=\"up\",__name__!=\"x\"}"), "{__name__=\"up\",__name__!=\"x\"}");
}

static void faults_are_told_with_line_and_column(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"", "1:1: parse error: no expression found"},
        {"  # x", "1:6: parse error: no expression found"},
        {"1up", "1:1: parse error: expected a metric's name"},
        {"\"up\"", "1:1: parse error: expected a metric's name"},
        {"up{", "1:4: parse error: unexpected end of input inside braces"},
        {"up{a", "1:5: parse error: expected one of"},
        {"up{a==\"1\"}", "1:6: parse error: expected a string"},
        {"up{a=1}", "1:6: parse error: expected a string"},
        {"up{a=\"1\"", "1:9: parse error: unexpected end of input inside braces"},
        {"up{a=\"1\" b=\"2\"}", "1:10: parse error: expected , or }"},
        {"up{,}", "1:4: parse error: expected a label's name or }"},
        {"up{a=\"1\",,}", "1:10: parse error: expected a label's name or }"},
        {"up{1a=\"1\"}", "1:4: parse error: expected a label's name or }"},
        {"up{a:b=\"1\"}", "1:5: parse error: expected one of"},
        {"up{\"a\"=\"1\"}", "1:4: parse error: expected a label's name or }"},
        {"up{a=\"1}", "1:6: parse error: unterminated quoted string"},
        {"up{a='1\n'}", "1:6: parse error: unterminated quoted string"},
        {"up{a=`1}", "1:6: parse error: unterminated raw string"},
        {"up{a=\"1\"} x", "1:11: parse error: unexpected text behind the selector"},
        {"up[5m]", "1:3: parse error: unexpected text behind the selector"},
        {"up{\n  a=\"1\",\n  b=~\"(\"}",
         "3:6: parse error: byte 1 of the pattern: this parenthesis is not closed"},
        {"up{a!~\"x(?=y)\"}", "1:7: parse error: byte 2 of the pattern: lookahead"},
        {"up!", "1:3: parse error: unexpected text"},
        {"up}", "1:3: parse error: unexpected text"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_fails(str_of(cases[i].text), cases[i].expected);
    assert_fails(STR("up\0"), "1:3: parse error: unexpected text");
}

static void one_set_of_matchers_has_one_text(void **state)
{
    (void)state;
    const char *expected = "up{a=\"1\",a!=\"2\",b=~\"x.\"}";
    assert_prints(STR("up{b=~\"x.\",a!=\"2\",a=\"1\"}"), expected);
    assert_prints(STR("{a='1',__name__=`up`,b=~'x.',a!=\"2\",a='1'}"), expected);
    assert_prints(str_of(expected), expected);
    assert_prints(STR("{__name__=\"not a name\"}"), "{__name__=\"not a name\"}");
    assert_prints(STR("{__name__=~\"up\"}"), "{__name__=~\"up\"}");
    assert_prints(STR("{a=\"\\001\\177\\xff\xc3\xa9\\n\\\"'\"}"), "{a=\"\\x01\\x7f\\xff\xc3\xa9\\n\\\"'\"}");
}

static void what_is_printed_reads_as_the_same(void **state)
{
    (void)state;
    srand(7);
    for (int round = 0; round < 3000; round++) {
        char value[12];
        size_t len = (size_t)rand() % sizeof value;
        for (size_t i = 0; i < len; i++)
            value[i] = (char)rand();
        struct selector s = {.count = 0};
        struct selector twin;
        struct bytes text = {0};
        struct bytes again = {0};
        assert_int_equal(matcher_new(MATCH_EQUAL, STR("a"), (struct str){value, len}, &s.matchers[0], &why),
                         TM_OK);
        assert_int_equal(matcher_new(MATCH_EQUAL, STR("__name__"), STR("up"), &s.matchers[1], &why), TM_OK);
        s.count = 2;
        selector_print(&s, &text);
        parse(bytes_view(&text), &twin);
        assert_matcher(&twin, 0, MATCH_EQUAL, "__name__", STR("up"));
        assert_matcher(&twin, 1, MATCH_EQUAL, "a", (struct str){value, len});
        selector_print(&twin, &again);
        assert_true(str_equal(bytes_view(&text), bytes_view(&again)));
        selector_fini(&s);
        selector_fini(&twin);
        bytes_fini(&text);
        bytes_fini(&again);
    }
}

static void matchers_and_bytes_are_bounded(void **state)
{
    (void)state;
    for (int count = SELECTOR_MATCHERS_MAX; count <= SELECTOR_MATCHERS_MAX + 1; count++) {
        struct bytes text = {0};
        struct selector s;
        for (int i = 0; i < count; i++)
            bytes_printf(&text, "%ca%d=\"1\"", i ? ',' : '{', i);
        bytes_printf(&text, "}");
        enum tm_err err = selector_parse(bytes_view(&text), &s, &why);
        assert_int_equal(err, count > SELECTOR_MATCHERS_MAX ? TM_LIMIT : TM_OK);
        selector_fini(&s);
        bytes_fini(&text);
    }
    static char huge[SELECTOR_MAX_BYTES + 1];
    struct selector s;
    assert_int_equal(selector_parse((struct str){huge, sizeof huge}, &s, &why), TM_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_alone_is_a_matcher_on_the_name),
        cmocka_unit_test(all_four_operators_are_read),
        cmocka_unit_test(space_comments_and_a_trailing_comma_are_allowed),
        cmocka_unit_test(keywords_may_name_labels_and_metrics),
        cmocka_unit_test(all_three_quotes_are_read),
        cmocka_unit_test(escapes_are_those_of_prometheus),
        cmocka_unit_test(a_regex_in_a_string_keeps_its_backslashes_doubled),
        cmocka_unit_test(a_selector_of_everything_is_refused),
        cmocka_unit_test(the_name_is_set_once),
        cmocka_unit_test(faults_are_told_with_line_and_column),
        cmocka_unit_test(one_set_of_matchers_has_one_text),
        cmocka_unit_test(what_is_printed_reads_as_the_same),
        cmocka_unit_test(matchers_and_bytes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
