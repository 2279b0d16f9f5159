/* Matchers: what each operator takes, RE2's syntax and no other, comparisons that need no regex engine,
 * bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "storage/selector/matcher.h"
#include "storage/selector/matcher_re2.h"
#include "storage/selector/matcher_regex.h"

static struct tm_why why;

static struct matcher *make(enum matcher_op op, struct str value)
{
    struct matcher *m = NULL;
    why.text[0] = '\0';
    enum tm_err err = matcher_new(op, STR("job"), value, &m, &why);
    if (err)
        fail_msg("%.*s: %s", STR_ARG(value), why.text);
    return m;
}

static bool takes(enum matcher_op op, const char *pattern, struct str value)
{
    struct matcher *m = make(op, str_of(pattern));
    bool result;
    assert_int_equal(matcher_takes(m, value, &result), TM_OK);
    assert_int_equal(matcher_takes_empty(m), value.len == 0 ? result : matcher_takes_empty(m));
    matcher_free(m);
    return result;
}

static enum shape_kind kind_of(const char *pattern)
{
    struct matcher *m = make(MATCH_REGEX, str_of(pattern));
    enum shape_kind kind = matcher_shape(m)->kind;
    matcher_free(m);
    return kind;
}

static void equal_takes_the_same_bytes_only(void **state)
{
    (void)state;
    assert_true(takes(MATCH_EQUAL, "a", STR("a")));
    assert_false(takes(MATCH_EQUAL, "a", STR("ab")));
    assert_false(takes(MATCH_EQUAL, "a", STR("")));
    assert_true(takes(MATCH_EQUAL, "", STR("")));
    assert_true(takes(MATCH_EQUAL, "a.*(", STR("a.*(")));
}

static void not_equal_takes_all_others(void **state)
{
    (void)state;
    assert_false(takes(MATCH_NOT_EQUAL, "a", STR("a")));
    assert_true(takes(MATCH_NOT_EQUAL, "a", STR("b")));
    assert_true(takes(MATCH_NOT_EQUAL, "a", STR("")));
    assert_false(takes(MATCH_NOT_EQUAL, "", STR("")));
}

static void a_missing_label_is_the_empty_text(void **state)
{
    (void)state;
    struct labels set = {.count = 0};
    assert_int_equal(labels_add(&set, STR("zone"), STR("a")), TM_OK);
    static const struct {
        enum matcher_op op;
        const char *value;
        bool takes;
    } cases[] = {
        {MATCH_EQUAL, "", true},      {MATCH_EQUAL, "a", false},      {MATCH_NOT_EQUAL, "", false},
        {MATCH_NOT_EQUAL, "a", true}, {MATCH_REGEX, ".*", true},      {MATCH_REGEX, ".+", false},
        {MATCH_REGEX, "a|", true},    {MATCH_NOT_REGEX, ".*", false}, {MATCH_NOT_REGEX, "a.*", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct matcher *m = make(cases[i].op, str_of(cases[i].value));
        bool result;
        assert_int_equal(matcher_takes_labels(m, &set, &result), TM_OK);
        assert_int_equal(result, cases[i].takes);
        assert_int_equal(matcher_takes_empty(m), cases[i].takes);
        matcher_free(m);
    }
}

/* pattern, value, does the regex match all of it (as Go's regexp says of ^(?s:pattern)$)? */
struct regex_case {
    const char *pattern;
    struct str value;
    bool matches;
};

#define YES(pattern, value)                                                                                  \
    {                                                                                                        \
        pattern, {value, sizeof(value) - 1}, true                                                            \
    }
#define NO(pattern, value)                                                                                   \
    {                                                                                                        \
        pattern, {value, sizeof(value) - 1}, false                                                           \
    }

static void check_cases(const struct regex_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (takes(MATCH_REGEX, cases[i].pattern, cases[i].value) != cases[i].matches ||
            takes(MATCH_NOT_REGEX, cases[i].pattern, cases[i].value) == cases[i].matches)
            fail_msg("'%s' on '%.*s' should be %d", cases[i].pattern, STR_ARG(cases[i].value),
                     cases[i].matches);
    }
}

static void a_regex_matches_the_whole_value(void **state)
{
    (void)state;
    static const struct regex_case cases[] = {
        YES("b[ae]r", "bar"),
        NO("b[ae]r", "bars"),
        NO("b[ae]r", "a bar"),
        NO("ba[r]", "bar\n"),
        YES("fo?|ba[r]", "bar"),
        NO("fo?|ba[r]", "foar"),
        NO("a|ab[c]?d", "abc"),
        YES("a|ab[c]?d", "abcd"),
        YES("", ""),
        NO("", "a"),
        YES("()", ""),
        YES("(a)|(b)", "b"),
        NO("(a)|(b)", "ab"),
        YES("a{2}", "aa"),
        NO("a{2}", "aaa"),
        YES("(ab){1,3}", "abab"),
        YES("a{2,}", "aaaaa"),
        YES("a{,3}", "a{,3}"),
        NO("a{,3}", "aa"),
        YES("a{01}", "a{01}"),
        YES("a{", "a{"),
        YES("a]}", "a]}"),
    };
    check_cases(cases, sizeof cases / sizeof cases[0]);
}

static void a_dot_takes_newlines(void **state)
{
    (void)state;
    static const struct regex_case cases[] = {
        YES("a.b", "a\nb"),  NO("(?-s)a.b", "a\nb"), NO("(?-s:a.b)", "a\nb"), YES("(?-s:a).b", "a\nb"),
        YES("a.*", "a\n\n"), YES(".+", "\n"),        YES("[^x]", "\n"),       YES("a.b", "a\rb"),
    };
    check_cases(cases, sizeof cases / sizeof cases[0]);
}

static void the_dollar_is_the_very_end(void **state)
{
    (void)state;
    static const struct regex_case cases[] = {
        NO("a[b]$", "ab\n"),    YES("a[b]$", "ab"),      YES("^a[b]", "ab"),   YES("(?m)a$\n^[b]", "a\nb"),
        NO("a$\n^[b]", "a\nb"), YES("(?m)a\n^$", "a\n"), YES("a[b]\\z", "ab"), YES("\\Aa[b]", "ab"),
        YES("(^a|b$)", "b"),    YES("^*a[b]", "ab"),     YES("(?:$)+", ""),
    };
    check_cases(cases, sizeof cases / sizeof cases[0]);
}

/* \v is one character, \s has no vertical tab, [[:space:]] has. */
static void white_space_is_that_of_re2(void **state)
{
    (void)state;
    static const struct regex_case cases[] = {
        YES("\\v", "\v"),   NO("\\v", "\n"),          NO("\\s", "\v"),
        YES("\\S", "\v"),   YES("[[:space:]]", "\v"), NO("[\\s]", "\v"),
        YES("[\\S]", "\v"), NO("[\\S]", "\n"),        YES("[\\S]", "\xc3\xa9"),
    };
    check_cases(cases, sizeof cases / sizeof cases[0]);
}

static void octal_hexadecimal_and_quoted_text_is_read(void **state)
{
    (void)state;
    static const struct regex_case cases[] = {
        YES("\\101", "A"),           YES("\\12", "\n"),          YES("a\\0", "a\0"),
        YES("\\x41", "A"),           YES("\\x{e9}", "\xc3\xa9"), YES("\\Qa.b*\\E+", "a.b**"),
        NO("\\Qa.b", "axb"),         YES("\\Q\\E", ""),          YES("\\Qa|b", "a|b"),
        YES("\\_\\-\\/\\#", "_-/#"), YES("a b#c", "a b#c"),      YES("(?i)A\\x62", "aB"),
    };
    check_cases(cases, sizeof cases / sizeof cases[0]);
}

static void classes_are_those_of_re2(void **state)
{
    (void)state;
    static const struct regex_case cases[] = {
        YES("\\d+", "09"),        NO("\\d", "\xd9\xa3"),
        YES("\\w+", "a_1"),       NO("\\w", "\xc3\xa9"),
        YES("\\W", "\xc3\xa9"),   YES("\\D", "\xd9\xa3"),
        YES("[\\w.]+", "a.b"),    YES("[[:word:]-]+", "a-b"),
        NO("[[:^word:]]", "a"),   YES("[[:^alpha:]]", "1"),
        YES("[]a]+", "]a"),       NO("[^]a]", "]"),
        YES("[a-]+", "a-"),       YES("[\\d-z]+", "1-z"),
        YES("[[a]+", "[a"),       YES("[a[:b]+", "a[:b"),
        YES("[[.a.]+", "[.a"),    YES("[&&a]+", "&a"),
        YES("[a^]+", "^a"),       YES("[\\x{100}-\\x{200}]", "\xc4\x80"),
        YES("[\\]\\\\]+", "]\\"),
    };
    check_cases(cases, sizeof cases / sizeof cases[0]);
}

static void properties_of_unicode_are_those_of_re2(void **state)
{
    (void)state;
    static const struct regex_case cases[] = {
        YES("\\pL+", "a\xc3\xa9"),
        YES("\\p{Greek}", "\xce\xb1"),
        NO("\\p{Greek}", "a"),
        YES("\\PN", "a"),
        YES("\\p{^Greek}", "a"),
        YES("\\P{^Greek}", "\xce\xb1"),
        YES("[\\p{Lu}\\d]+", "A1"),
        NO("\\pC", "\xcd\xb8"),
        YES("\\PC", "\xcd\xb8"),
        YES("[\\PC]", "a"),
        NO("[\\PC]", "\n"),
        YES("\\p{Any}", "a"),
        NO("\\p{Katakana}", "\xe3\x83\xbc"),
        YES(".", "\xf0\x9f\x98\x80"),
        YES("\\xe9", "\xc3\xa9"),
    };
    check_cases(cases, sizeof cases / sizeof cases[0]);
}

static void folding_reaches_the_kelvin_sign_and_the_long_s_in_sets_too(void **state)
{
    (void)state;
    static const struct regex_case cases[] = {
        YES("(?i)k", "\xe2\x84\xaa"), YES("(?i)[s]", "\xc5\xbf"),  YES("(?i)\\w", "\xc5\xbf"),
        NO("(?i)\\W", "\xc5\xbf"),    YES("(?i)[[:lower:]]", "A"), YES("(?i)\xc3\xa9", "\xc3\x89"),
    };
    check_cases(cases, sizeof cases / sizeof cases[0]);
}

static void flags_reach_to_the_end_of_their_group(void **state)
{
    (void)state;
    static const struct regex_case cases[] = {
        YES("(?i)ab", "AB"),        YES("a(?i)b|c", "aB"),       YES("a(?i)b|c", "C"),
        NO("(a(?i)b)c", "aBC"),     YES("(a(?i)b)c", "aBc"),     YES("(?i:a)b", "Ab"),
        NO("(?i:a)b", "AB"),        YES("(?i)a(?-i)b", "Ab"),    NO("(?i)a(?-i)b", "AB"),
        NO("(?i)a(?-i:b)c", "ABc"), YES("(?i)a(?-i:b)c", "AbC"), YES("(?U)a+", "aa"),
        YES("(?U:a+?)", "aa"),      YES("(?sim-U)A.", "a\n"),    YES("(?P<x>a)(?P<y>b[c])", "abc"),
        YES("a+?", "aaa"),          YES("a*?b??", "aab"),        YES("(?:a|b)c?", "bc"),
        YES("(?)a[b]", "ab"),
    };
    check_cases(cases, sizeof cases / sizeof cases[0]);
}

struct refusal_case {
    const char *pattern;
    const char *where_and_what;
};

static void check_refusals(const struct refusal_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct matcher *m = NULL;
        enum tm_err err = matcher_new(MATCH_REGEX, STR("a"), str_of(cases[i].pattern), &m, &why);
        if (err != TM_INVALID || m ||
            strncmp(why.text, cases[i].where_and_what, strlen(cases[i].where_and_what)))
            fail_msg("'%s' should fail with '%s', got %d '%s'", cases[i].pattern, cases[i].where_and_what,
                     err, why.text);
    }
}

static void looking_around_and_back_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct refusal_case cases[] = {
        {"a(?=b)", "byte 2 of the pattern: lookahead"},
        {"a(?!b)", "byte 2 of the pattern: lookahead"},
        {"(?<=a)b", "byte 1 of the pattern: lookbehind"},
        {"(?<!a)b", "byte 1 of the pattern: lookbehind"},
        {"(a)\\1", "byte 4 of the pattern: backreferences"},
        {"(a)\\9", "byte 4 of the pattern: backreferences"},
        {"(a)\\g1", "byte 4 of the pattern: backreferences"},
        {"(?P<n>a)\\k<n>", "byte 9 of the pattern: backreferences"},
        {"(?P<n>a)(?P=n)", "byte 9 of the pattern: backreferences"},
    };
    check_refusals(cases, sizeof cases / sizeof cases[0]);
}

static void repetitions_that_re2_has_not_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct refusal_case cases[] = {
        {"a*+", "byte 3 of the pattern: possessive"},
        {"a++", "byte 3 of the pattern: possessive"},
        {"a?+", "byte 3 of the pattern: possessive"},
        {"a{2}+", "byte 5 of the pattern: possessive"},
        {"a**", "byte 3 of the pattern: a repetition of a repetition"},
        {"a*?*", "byte 4 of the pattern: a repetition of a repetition"},
        {"a{2}{3}", "byte 5 of the pattern: a repetition of a repetition"},
        {"a{1001}", "byte 2 of the pattern: a repetition counts to 1000"},
        {"a{2,1001}", "byte 2 of the pattern: a repetition counts to 1000"},
        {"a{99999999999}", "byte 2 of the pattern: a repetition counts to 1000"},
        {"a{3,2}", "byte 2 of the pattern: a repetition's first count"},
        {"(a{100}){11}", "byte 9 of the pattern: nested repetitions"},
        {"((a{10}){10}|b){11}", "byte 16 of the pattern: nested repetitions"},
        {"*a", "byte 1 of the pattern: a repetition needs"},
        {"a|+", "byte 3 of the pattern: a repetition needs"},
        {"(?i)*", "byte 5 of the pattern: a repetition needs"},
    };
    check_refusals(cases, sizeof cases / sizeof cases[0]);
}

static void groups_that_re2_has_not_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct refusal_case cases[] = {
        {"(?>a)", "byte 1 of the pattern: atomic"},
        {"(a)(?(1)b|c)", "byte 4 of the pattern: conditionals"},
        {"(?R)", "byte 1 of the pattern: recursion"},
        {"(?&n)", "byte 1 of the pattern: recursion"},
        {"(?P>n)", "byte 1 of the pattern: recursion"},
        {"(?+1)", "byte 1 of the pattern: recursion"},
        {"(a)(?1)", "byte 4 of the pattern: not a group"},
        {"(?C1)a", "byte 1 of the pattern: callouts"},
        {"(?|a|b)", "byte 1 of the pattern: branch reset"},
        {"(?#x)a", "byte 1 of the pattern: comments"},
        {"(*ACCEPT)a", "byte 1 of the pattern: verbs"},
        {"(*UTF)a", "byte 1 of the pattern: verbs"},
        {"(?<n>a)", "byte 1 of the pattern: write a named group as (?P<name>"},
        {"(?'n'a)", "byte 1 of the pattern: write a named group as (?P<name>"},
        {"(?P<>a)", "byte 1 of the pattern: a named group"},
        {"(?P<n-m>a)", "byte 1 of the pattern: a named group"},
        {"(?P<n>a)(?P<n>b)", "byte 9 of the pattern: this group's name stands twice"},
        {"(?x)a", "byte 1 of the pattern: not a group"},
        {"(?J)a", "byte 1 of the pattern: not a group"},
        {"(?i-)a", "byte 1 of the pattern: not a group"},
        {"(?^i)a", "byte 1 of the pattern: not a group"},
        {"(?i", "byte 1 of the pattern: not a group"},
    };
    check_refusals(cases, sizeof cases / sizeof cases[0]);
}

static void escapes_that_re2_has_not_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct refusal_case cases[] = {
        {"a\\Kb", "byte 2 of the pattern: \\K, \\G"},
        {"\\Ga", "byte 1 of the pattern: \\K, \\G"},
        {"\\X", "byte 1 of the pattern: \\K, \\G"},
        {"\\C", "byte 1 of the pattern: \\K, \\G"},
        {"\\R", "byte 1 of the pattern: \\K, \\G"},
        {"a\\Z", "byte 2 of the pattern: \\Z"},
        {"\\h", "byte 1 of the pattern: not an escape"},
        {"\\N", "byte 1 of the pattern: not an escape"},
        {"\\e", "byte 1 of the pattern: not an escape"},
        {"\\cA", "byte 1 of the pattern: not an escape"},
        {"\\o{101}", "byte 1 of the pattern: not an escape"},
        {"\\E", "byte 1 of the pattern: not an escape"},
        {"[\\b]", "byte 2 of the pattern: not an escape"},
        {"[\\Qa\\E]", "byte 2 of the pattern: not an escape"},
        {"\\\xc3\xa9", "byte 1 of the pattern: not an escape"},
        {"a\\", "byte 2 of the pattern: a backslash ends"},
    };
    check_refusals(cases, sizeof cases / sizeof cases[0]);
}

static void what_is_not_closed_or_in_order_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct refusal_case cases[] = {
        {"(a", "byte 1 of the pattern: this parenthesis is not closed"},
        {"a)|(b", "byte 2 of the pattern: this parenthesis closes nothing"},
        {"a[b", "byte 2 of the pattern: this bracket is not closed"},
        {"[]", "byte 1 of the pattern: this bracket is not closed"},
        {"[b-a]", "byte 2 of the pattern: a range in brackets"},
        {"[a-\\d]", "byte 4 of the pattern: not an escape"},
        {"[[:foo:]]", "byte 2 of the pattern: no such set"},
    };
    check_refusals(cases, sizeof cases / sizeof cases[0]);
}

static void characters_that_there_are_not_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct refusal_case cases[] = {
        {"\\p{Klingon}", "byte 1 of the pattern: no such Unicode"},
        {"\\p{greek}", "byte 1 of the pattern: no such Unicode"},
        {"\\p{Xan}", "byte 1 of the pattern: no such Unicode"},
        {"\\p{L&}", "byte 1 of the pattern: no such Unicode"},
        {"\\p{Lu", "byte 1 of the pattern: write \\pL"},
        {"\\p", "byte 1 of the pattern: write \\pL"},
        {"(?i)\\p{Lu}", "byte 5 of the pattern: \\p is not supported under (?i)"},
        {"(?i)[\\W]", "byte 6 of the pattern: a negated set of letters"},
        {"\\x{110000}", "byte 1 of the pattern: above the last"},
        {"\\x{d800}", "byte 1 of the pattern: a surrogate"},
        {"\\xg", "byte 1 of the pattern: write \\x41"},
        {"\\x{}", "byte 1 of the pattern: write \\x41"},
        {"a\xff", "byte 2 of the pattern: not UTF-8"},
    };
    check_refusals(cases, sizeof cases / sizeof cases[0]);
}

static void counts_at_their_bounds_are_taken(void **state)
{
    (void)state;
    static const char *const patterns[] = {"a{1000}",      "[ab]{0,1000}",      "(a{100}){10}",
                                           "(a{1000}){0}", "(a{0}b{10}){100}",  "(a{1000}){1}",
                                           "(a*){1000}",   "(a|b{2}|c{500}){2}"};
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
        matcher_free(make(MATCH_REGEX, str_of(patterns[i])));
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    char pattern[2 * RE2_DEPTH_MAX + 8] = "";
    for (int deep = RE2_DEPTH_MAX; deep <= RE2_DEPTH_MAX + 1; deep++) {
        memset(pattern, '(', (size_t)deep);
        pattern[deep] = '.';
        memset(pattern + deep + 1, ')', (size_t)deep);
        struct matcher *m;
        enum tm_err err =
            matcher_new(MATCH_REGEX, STR("a"), (struct str){pattern, 2 * (size_t)deep + 1}, &m, &why);
        assert_int_equal(err, deep > RE2_DEPTH_MAX ? TM_LIMIT : TM_OK);
        matcher_free(m);
    }
}

static void plain_patterns_need_no_regex_engine(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        enum shape_kind kind;
    } cases[] = {
        {"abc", SHAPE_SET},         {"a|b|c", SHAPE_SET},
        {"(a|b)", SHAPE_SET},       {"(?:a|b)", SHAPE_SET},
        {"^a$", SHAPE_SET},         {"^a|b$", SHAPE_SET},
        {"a\\.b\\-c", SHAPE_SET},   {"", SHAPE_SET},
        {"a|", SHAPE_SET},          {".*", SHAPE_ANY},
        {"^.*$", SHAPE_ANY},        {"(.*)", SHAPE_ANY},
        {".+", SHAPE_SOME},         {"foo.*", SHAPE_BETWEEN},
        {"foo.+", SHAPE_BETWEEN},   {".*foo", SHAPE_BETWEEN},
        {".*foo.*", SHAPE_BETWEEN}, {"^foo.*$", SHAPE_BETWEEN},
        {"foo.*?", SHAPE_BETWEEN},  {"\xc3\xa9", SHAPE_SET},
        {"a]}", SHAPE_SET},         {"a*", SHAPE_OTHER},
        {"ab?", SHAPE_OTHER},       {"\xc3\xa9*", SHAPE_OTHER},
        {"a{2}", SHAPE_OTHER},      {"(a)(b)", SHAPE_OTHER},
        {"(a)|(b)", SHAPE_OTHER},   {"(?i)a", SHAPE_OTHER},
        {"[a]", SHAPE_OTHER},       {"a.b", SHAPE_OTHER},
        {"a\\d", SHAPE_OTHER},      {"a$b", SHAPE_OTHER},
        {"foo.*|bar", SHAPE_OTHER}, {".*.*", SHAPE_OTHER},
        {"(?P<x>a)", SHAPE_OTHER},  {"^*a", SHAPE_OTHER},
        {"a$?", SHAPE_OTHER},       {"\\Qa\\E", SHAPE_OTHER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (kind_of(cases[i].pattern) != cases[i].kind)
            fail_msg("'%s' has shape %d", cases[i].pattern, kind_of(cases[i].pattern));
    }
}

/* The short-cut says what the engine says: each pattern again inside (?U:...), which no short-cut knows. */
static void short_cuts_agree_with_the_regex_engine(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "a",     "a|b",   "a|",   "(b|a|ab)", "^a|b$", ".*", ".+",     "a.*",    "a.+",        ".*a",  ".+a",
        ".*a.*", ".+a.+", "^a.*", ".*a.+",    "a\\.b", "",   ".*ab.*", ".+aa.*", ".*\xc3\xa9", "ab.*$"};
    static const char alphabet[][3] = {"a", "b", ".", "\n", "\xc3\xa9"};
    for (size_t p = 0; p < sizeof patterns / sizeof patterns[0]; p++) {
        char wrapped[64];
        (void)snprintf(wrapped, sizeof wrapped, "(?U:%s)", patterns[p]);
        struct matcher *quick = make(MATCH_REGEX, str_of(patterns[p]));
        struct matcher *slow = make(MATCH_REGEX, str_of(wrapped));
        assert_int_not_equal(matcher_shape(quick)->kind, SHAPE_OTHER);
        assert_int_equal(matcher_shape(slow)->kind, SHAPE_OTHER);
        for (unsigned n = 0; n < 5 * 6 * 6 * 6; n++) {
            char value[16] = "";
            for (unsigned left = n; left > 0; left /= 6)
                (void)strncat(value, left % 6 ? alphabet[left % 6 - 1] : "", 2);
            bool a;
            bool b;
            assert_int_equal(matcher_takes(quick, str_of(value), &a), TM_OK);
            assert_int_equal(matcher_takes(slow, str_of(value), &b), TM_OK);
            if (a != b)
                fail_msg("'%s' on '%s': %d, the engine says %d", patterns[p], value, a, b);
        }
        matcher_free(quick);
        matcher_free(slow);
    }
}

/* One character against a set of sets: each ASCII character and a few others, beside what Go's tables say. */
static void named_sets_are_those_of_re2(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *members; /* ranges of ASCII, in pairs */
    } sets[] = {
        {"[:alnum:]", "09AZaz"},
        {"[:alpha:]", "AZaz"},
        {"[:ascii:]", "\1\177"},
        {"[:blank:]", "\t\t  "},
        {"[:cntrl:]", "\1\37\177\177"},
        {"[:digit:]", "09"},
        {"[:graph:]", "!~"},
        {"[:lower:]", "az"},
        {"[:print:]", " ~"},
        {"[:punct:]", "!/:@[`{~"},
        {"[:space:]", "\t\r  "},
        {"[:upper:]", "AZ"},
        {"[:word:]", "09AZaz__"},
        {"[:xdigit:]", "09AFaf"},
        {"\\d", "09"},
        {"\\s", "\t\n\f\r  "},
        {"\\w", "09AZaz__"},
    };
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        char inside[24];
        char outside[24];
        (void)snprintf(inside, sizeof inside, "[%s]", sets[i].name);
        (void)snprintf(outside, sizeof outside, "[^%s]", sets[i].name);
        struct matcher *in = make(MATCH_REGEX, str_of(inside));
        struct matcher *out = make(MATCH_REGEX, str_of(outside));
        for (int c = 1; c < 128; c++) {
            char value = (char)c;
            bool expected = false;
            for (const char *m = sets[i].members; *m; m += 2)
                expected = expected || (value >= m[0] && value <= m[1]);
            bool is_in;
            bool is_out;
            assert_int_equal(matcher_takes(in, (struct str){&value, 1}, &is_in), TM_OK);
            assert_int_equal(matcher_takes(out, (struct str){&value, 1}, &is_out), TM_OK);
            if (is_in != expected || is_out == expected)
                fail_msg("%s on %d: %d", sets[i].name, c, is_in);
        }
        matcher_free(in);
        matcher_free(out);
    }
}

static void literals_are_sorted_and_stand_once(void **state)
{
    (void)state;
    struct matcher *m = make(MATCH_REGEX, STR("c|a|b\\.|a|c"));
    const struct shape *shape = matcher_shape(m);
    assert_int_equal(shape->count, 3);
    assert_true(str_equal(shape->literals[0], STR("a")));
    assert_true(str_equal(shape->literals[1], STR("b.")));
    assert_true(str_equal(shape->literals[2], STR("c")));
    matcher_free(m);
}

static void a_dashboards_alternation_of_thousands_is_a_set(void **state)
{
    (void)state;
    struct bytes pattern = {0};
    bytes_printf(&pattern, "(");
    for (int i = 0; i < 20000; i++)
        bytes_printf(&pattern, "%spod-%d", i ? "|" : "", i);
    bytes_printf(&pattern, ")");
    struct matcher *m = make(MATCH_REGEX, bytes_view(&pattern));
    assert_int_equal(matcher_shape(m)->count, 20000);
    bool result;
    assert_int_equal(matcher_takes(m, STR("pod-19999"), &result), TM_OK);
    assert_true(result);
    assert_int_equal(matcher_takes(m, STR("pod-20000"), &result), TM_OK);
    assert_false(result);
    matcher_free(m);
    bytes_fini(&pattern);
}

static void bytes_that_are_no_utf8_count_as_one_character_each(void **state)
{
    (void)state;
    static const struct regex_case cases[] = {
        YES("a.[b]", "a\xff\x62"), YES("a..[b]", "a\xff\xfe\x62"),  NO("a.[b]", "a\xff\xfe\x62"),
        YES(".*[b]", "\xc3\x62"),  YES("\\x{fffd}[b]", "\xff\x62"), YES(".[b]", "\xc3\xa9\x62"),
    };
    check_cases(cases, sizeof cases / sizeof cases[0]);
}

static void a_hostile_regex_is_stopped_by_the_limit(void **state)
{
    (void)state;
    static const char *const patterns[] = {"(a+)+[bc]", "(a|a)*[bc]", "(a*)*[bc]", "(.*a){12}[bc]",
                                           "(a|aa)+[^a]"};
    char value[1025];
    memset(value, 'a', sizeof value);
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        struct matcher *m = make(MATCH_REGEX, str_of(patterns[i]));
        bool result = true;
        clock_t begun = clock();
        enum tm_err err = matcher_takes(m, (struct str){value, 1024}, &result);
        assert_int_equal(err, TM_LIMIT);
        assert_false(result);
        assert_true((double)(clock() - begun) / CLOCKS_PER_SEC < 2.0);
        matcher_free(m);
    }
}

static void long_honest_values_are_within_the_limit(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        bool matches;
    } cases[] = {{"(?:ab|a)*", true},
                 {"[a-z]+[0-9]?", true},
                 {"(a|b|c)+", true},
                 {"(?i)A+", true},
                 {".*a.*[b]", false}};
    static char value[60000];
    memset(value, 'a', sizeof value);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct matcher *m = make(MATCH_REGEX, str_of(cases[i].pattern));
        bool result;
        size_t len = i == 4 ? 500 : 20000;
        assert_int_equal(matcher_takes(m, (struct str){value, len}, &result), TM_OK);
        assert_int_equal(result, cases[i].matches);
        matcher_free(m);
    }
}

static void a_pattern_over_the_engines_size_is_told(void **state)
{
    (void)state;
    struct bytes pattern = {0};
    for (int i = 0; i < 30000; i++)
        bytes_printf(&pattern, "a%d*", i);
    struct matcher *m;
    assert_int_equal(matcher_new(MATCH_REGEX, STR("a"), bytes_view(&pattern), &m, &why), TM_TOO_LARGE);
    assert_null(m);
    assert_non_null(strstr(why.text, "too large"));
    bytes_fini(&pattern);
    static char huge[MATCHER_VALUE_MAX_BYTES + 1];
    assert_int_equal(matcher_new(MATCH_EQUAL, STR("a"), (struct str){huge, sizeof huge}, &m, &why),
                     TM_TOO_LARGE);
}

static void a_matcher_tells_what_it_was_made_of(void **state)
{
    (void)state;
    char name[] = "job";
    char value[] = "a.*";
    struct matcher *m;
    assert_int_equal(matcher_new(MATCH_NOT_REGEX, str_of(name), str_of(value), &m, &why), TM_OK);
    memset(name, 'x', sizeof name);
    memset(value, 'x', sizeof value);
    assert_int_equal(matcher_op(m), MATCH_NOT_REGEX);
    assert_true(matcher_negates(m));
    assert_true(str_equal(matcher_name(m), STR("job")));
    assert_true(str_equal(matcher_value(m), STR("a.*")));
    assert_true(str_equal(matcher_op_text(MATCH_NOT_REGEX), STR("!~")));
    bool result;
    assert_int_equal(matcher_takes(m, STR("abc"), &result), TM_OK);
    assert_false(result);
    matcher_free(m);
    matcher_free(NULL);
}

static void utf8_is_told_from_what_is_not(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        size_t len;
        uint32_t code;
    } cases[] = {
        {{"a", 1}, 1, 'a'},
        {{"\xc3\xa9", 2}, 2, 0xe9},
        {{"\xe2\x82\xac", 3}, 3, 0x20ac},
        {{"\xf4\x8f\xbf\xbf", 4}, 4, 0x10ffff},
        {{"\xc0\x80", 2}, 0, 0},
        {{"\xe0\x80\x80", 3}, 0, 0},
        {{"\xed\xa0\x80", 3}, 0, 0},
        {{"\xf4\x90\x80\x80", 4}, 0, 0},
        {{"\xc3", 1}, 0, 0},
        {{"\x80", 1}, 0, 0},
        {{"\xf8\x88\x80\x80", 4}, 0, 0},
        {{"\xc3\x28", 2}, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t code = 0;
        assert_int_equal(utf8_decode(cases[i].text, &code), cases[i].len);
        if (cases[i].len > 0)
            assert_int_equal(code, cases[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_takes_the_same_bytes_only),
        cmocka_unit_test(not_equal_takes_all_others),
        cmocka_unit_test(a_missing_label_is_the_empty_text),
        cmocka_unit_test(a_regex_matches_the_whole_value),
        cmocka_unit_test(a_dot_takes_newlines),
        cmocka_unit_test(the_dollar_is_the_very_end),
        cmocka_unit_test(white_space_is_that_of_re2),
        cmocka_unit_test(octal_hexadecimal_and_quoted_text_is_read),
        cmocka_unit_test(classes_are_those_of_re2),
        cmocka_unit_test(properties_of_unicode_are_those_of_re2),
        cmocka_unit_test(folding_reaches_the_kelvin_sign_and_the_long_s_in_sets_too),
        cmocka_unit_test(flags_reach_to_the_end_of_their_group),
        cmocka_unit_test(looking_around_and_back_is_refused_with_its_place),
        cmocka_unit_test(repetitions_that_re2_has_not_are_refused_with_their_place),
        cmocka_unit_test(groups_that_re2_has_not_are_refused_with_their_place),
        cmocka_unit_test(escapes_that_re2_has_not_are_refused_with_their_place),
        cmocka_unit_test(what_is_not_closed_or_in_order_is_refused_with_its_place),
        cmocka_unit_test(characters_that_there_are_not_are_refused_with_their_place),
        cmocka_unit_test(counts_at_their_bounds_are_taken),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(plain_patterns_need_no_regex_engine),
        cmocka_unit_test(short_cuts_agree_with_the_regex_engine),
        cmocka_unit_test(named_sets_are_those_of_re2),
        cmocka_unit_test(literals_are_sorted_and_stand_once),
        cmocka_unit_test(a_dashboards_alternation_of_thousands_is_a_set),
        cmocka_unit_test(bytes_that_are_no_utf8_count_as_one_character_each),
        cmocka_unit_test(a_hostile_regex_is_stopped_by_the_limit),
        cmocka_unit_test(long_honest_values_are_within_the_limit),
        cmocka_unit_test(a_pattern_over_the_engines_size_is_told),
        cmocka_unit_test(a_matcher_tells_what_it_was_made_of),
        cmocka_unit_test(utf8_is_told_from_what_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
