/* What figures are made of: texts cut to their room, numbers, sentences, the calendar; and what they do
 * without memory. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>

#include "reports/figures/amount.h"
#include "reports/figures/lettering.h"
#include "reports/figures/words.h"
#include "tests/unit/reports/figure_samples.h"

/* ---- allocations that fail ---- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CAN_FAIL = 0 };
static long left;
#else
enum { CAN_FAIL = 1 };
#define EXPORTED __attribute__((visibility("default"), noinline))
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
EXPORTED void *malloc(size_t size);
EXPORTED void *calloc(size_t count, size_t size);
EXPORTED void *realloc(void *old, size_t size);

static long left; /* until one fails; 0: none does */

static bool must_fail(void)
{
    if (left == 0 || --left > 0)
        return false;
    errno = ENOMEM;
    return true;
}

EXPORTED void *malloc(size_t size)
{
    return must_fail() ? NULL : __libc_malloc(size);
}

EXPORTED void *calloc(size_t count, size_t size)
{
    return must_fail() ? NULL : __libc_calloc(count, size);
}

EXPORTED void *realloc(void *old, size_t size)
{
    return must_fail() ? NULL : __libc_realloc(old, size);
}
#endif

static void expect_same(const struct figures_out *out, const struct figures_out *whole)
{
    for (size_t i = 0; i < FIGURE_COUNT; i++) {
        assert_true(str_equal(bytes_view(&out->at[i].svg), bytes_view(&whole->at[i].svg)));
        assert_true(str_equal(bytes_view(&out->at[i].svg_narrow), bytes_view(&whole->at[i].svg_narrow)));
        assert_true(str_equal(bytes_view(&out->at[i].text), bytes_view(&whole->at[i].text)));
    }
}

/* Then there are no figures, or what failed had another way and they are whole. */
static void any_allocation_may_fail(void **state)
{
    (void)state;
    enum { ENOUGH = 2000 };
    struct sample *sample = sample_new(SINGLE);
    struct figures_options options = {.width = 360};
    struct figures_out whole, out;
    struct tm_why why = {""};
    bool failed = CAN_FAIL;
    long n = 1;
    assert_int_equal(figures_draw(&sample->figures, &options, &whole, &why), TM_OK);
    for (; n < ENOUGH && failed; n += n < 60 ? 1 : 3) { /* the texts are much alike */
        left = n;
        enum tm_err err = figures_draw(&sample->figures, &options, &out, &why);
        failed = left == 0;
        left = 0;
        if (err && (err != TM_NOMEM || strcmp(why.text, "out of memory for the figures") != 0))
            fail_msg("allocation %ld of them: %d %s", n, err, why.text);
        if (!err)
            expect_same(&out, &whole);
        figures_fini(&out);
    }
    assert_true(!CAN_FAIL || (n > 20 && n < ENOUGH));
    figures_fini(&whole);
    free(sample);
}

/* ---- texts ---- */

static void expect_cut(const char *text, double room, const char *expected)
{
    struct lettering lettering;
    struct bytes out = {0};
    assert_int_equal(lettering_open(&lettering), TM_OK);
    lettering_put(&lettering, &out, str_of(text), room);
    bytes_u8(&out, 0);
    assert_string_equal((char *)out.data, expected);
    bytes_fini(&out);
    lettering_close(&lettering);
}

static void a_text_is_cut_at_a_whole_character(void **state)
{
    (void)state;
    expect_cut("abcdef", 10, "abcdef");
    expect_cut("abcdef", 3, "abc…");
    expect_cut("", 3, "");
    expect_cut("ab     cdefgh", 3.2, "ab c…");
    expect_cut("ab      mmmmmm", 2.6, "ab…");
    expect_cut("결제게이트웨이", 4, "결제게…");
    expect_cut("결제게이트", 5, "결제게이트");
    /* e with an accent of its own, a family, a flag: never half of one */
    expect_cut("e\xcc\x81"
               "e\xcc\x81"
               "e\xcc\x81",
               1.7, "e\xcc\x81…");
    expect_cut("\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7 family", 2.2, "…");
    expect_cut("\xf0\x9f\x87\xb0\xf0\x9f\x87\xb7\xf0\x9f\x87\xba\xf0\x9f\x87\xb8", 3.5,
               "\xf0\x9f\x87\xb0\xf0\x9f\x87\xb7…");
    /* jamo of one syllable */
    expect_cut("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", 4,
               "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab…");
}

static void a_text_from_outside_is_made_safe(void **state)
{
    (void)state;
    expect_cut("a\nb\tc\x7f\x01"
               "d",
               20, "a b c d");
    expect_cut("\n a \r\n", 20, "a");
    expect_cut("a\xff\xc3(\xe2\x82", 20, "a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd");
    expect_cut(
        "\xed\xa0\x80\xc0\xaf\xf4\x90\x80\x80", 20,
        "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef"
        "\xbf\xbd");
    expect_cut("\xef\xbf\xbe", 20, "\xef\xbf\xbd"); /* U+FFFE, which XML forbids */
    expect_cut("a\xe2\x80\xaeoverride\xe2\x80\xac\xe2\x81\xa6", 20, "aoverride");
    expect_cut("x \xd7\xa9\xd7\x9c", 20, "\xe2\x81\xa8x \xd7\xa9\xd7\x9c\xe2\x81\xa9");
    expect_cut("\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", 2.4, "\xe2\x81\xa8\xd7\xa9\xd7\x9c…\xe2\x81\xa9");
}

static void a_tower_of_accents_is_no_character(void **state)
{
    (void)state;
    char tower[400] = "ab";
    for (size_t i = 2; i + 2 < sizeof tower; i += 2)
        memcpy(tower + i, "\xcc\x81", 3);
    expect_cut(tower, 20, "a…");
}

static void what_xml_reads_as_its_own_is_escaped(void **state)
{
    (void)state;
    struct bytes out = {0};
    lettering_put_xml(&out, STR("<a b=\"c\" d='e'>&amp;\n"));
    bytes_u8(&out, 0);
    assert_string_equal((char *)out.data, "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;amp; ");
    bytes_fini(&out);
}

/* ---- numbers ---- */

static void expect_number(struct str text, const char *expected)
{
    if (!str_equal(text, str_of(expected)))
        fail_msg("%.*s, not %s", STR_ARG(text), expected);
}

static void numbers_are_written_as_they_are_read(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *exact, *english, *korean;
    } cases[] = {{0, "0", "0", "0"},
                 {0.5, "0.5", "0.5", "0.5"},
                 {0.126, "0.13", "0.13", "0.13"},
                 {12.34, "12.3", "12.3", "12.3"},
                 {999.6, "1,000", "1,000", "1,000"},
                 {1234567, "1,234,567", "1.2M", "123만"},
                 {99999, "99,999", "99,999", "99,999"},
                 {100000, "100,000", "100k", "10만"},
                 {123456789, "123,456,789", "123M", "1.2억"},
                 {-1234, "-1,234", "-1,234", "-1,234"},
                 {-123456, "-123,456", "-123,456", "-123,456"},
                 {4.2e9, "4,200,000,000", "4.2G", "42억"},
                 {NAN, "–", "–", "–"},
                 {INFINITY, "–", "–", "–"},
                 {1e15, "1e+15", "1e+15", "1e+15"}};
    char text[AMOUNT_BYTES];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_number(amount_exact(cases[i].value, text), cases[i].exact);
        expect_number(amount_short(cases[i].value, FIGURE_ENGLISH, text), cases[i].english);
        expect_number(amount_short(cases[i].value, FIGURE_KOREAN, text), cases[i].korean);
    }
}

static void a_share_is_never_nothing_or_all_unless_it_is(void **state)
{
    (void)state;
    char text[AMOUNT_BYTES];
    expect_number(amount_percent(0, text), "0%");
    expect_number(amount_percent(1, text), "100%");
    expect_number(amount_percent(0.00001, text), "<0.01%");
    expect_number(amount_percent(0.99999, text), ">99.99%");
    expect_number(amount_percent(0.0042, text), "0.42%");
    expect_number(amount_percent(0.1234, text), "12.3%");
    expect_number(amount_percent(0.9955, text), "99.55%");
    expect_number(amount_percent(NAN, text), "–");
}

static void a_change_has_its_sign(void **state)
{
    (void)state;
    char text[AMOUNT_BYTES];
    expect_number(amount_change(114, 100, text), "+14%");
    expect_number(amount_change(93, 100, text), "-7%");
    expect_number(amount_change(999, 1000, text), "±0%");
    expect_number(amount_change(0, 5, text), "-100%");
    expect_number(amount_change(1200, 100, text), "×12");
    expect_number(amount_change(NAN, 100, text), "–");
}

static void a_duration_has_its_unit(void **state)
{
    (void)state;
    char text[AMOUNT_BYTES];
    expect_number(amount_duration(0.25, FIGURE_ENGLISH, text), "0.2 ms");
    expect_number(amount_duration(42.4, FIGURE_ENGLISH, text), "42 ms");
    expect_number(amount_duration(1250, FIGURE_ENGLISH, text), "1.2 s");
    expect_number(amount_duration(1250, FIGURE_KOREAN, text), "1.2초");
    expect_number(amount_duration(180000, FIGURE_ENGLISH, text), "3 min");
    expect_number(amount_duration(180000, FIGURE_KOREAN, text), "3분");
    expect_number(amount_duration(NAN, FIGURE_ENGLISH, text), "–");
}

static void a_step_is_one_two_or_five(void **state)
{
    (void)state;
    assert_true(amount_step(0.7) == 1 && amount_step(1) == 1 && amount_step(1.2) == 2 && amount_step(3) == 5);
    assert_true(amount_step(5.5) == 10 && fabs(amount_step(0.013) - 0.02) < 1e-12 &&
                amount_step(34000) == 50000);
}

/* ---- the calendar ---- */

static void expect_time(const struct figure_week *week, time_ms_t time, const char *english,
                        const char *korean)
{
    const char *expected[] = {english, korean};
    for (int language = 0; language < 2; language++) {
        struct bytes out = {0};
        words_put_time(&out, (enum figure_language)language, words_clock(week, time));
        expect_number(bytes_view(&out), expected[language]);
        bytes_fini(&out);
    }
}

static void the_local_clock_follows_the_zone(void **state)
{
    (void)state;
    /* Berlin, 23 to 30 March 2026: forward at 02:00 on Sunday */
    struct figure_week week = {.offset_s = 3600, .offset_after_s = 7200, .shift = INT64_C(1774746000000)};
    week.span.from = INT64_C(1774220400000);
    week.span.to = week.span.from + INT64_C(167) * SAMPLE_HOUR_MS;
    expect_time(&week, week.span.from, "Mon 23 Mar 00:00", "3월 23일(월) 00:00");
    expect_time(&week, week.shift - 1, "Sun 29 Mar 01:59", "3월 29일(일) 01:59");
    expect_time(&week, week.shift, "Sun 29 Mar 03:00", "3월 29일(일) 03:00");
    expect_time(&week, week.span.to, "Mon 30 Mar 00:00", "3월 30일(월) 00:00");
    assert_int_equal(words_midnight(&week, 6), week.shift - INT64_C(2) * SAMPLE_HOUR_MS);
    assert_int_equal(words_midnight(&week, 7), week.span.to);
    /* before 1970, and a leap day */
    struct figure_week utc = {.shift = INT64_MAX};
    expect_time(&utc, -1, "Wed 31 Dec 23:59", "12월 31일(수) 23:59");
    expect_time(&utc, INT64_C(1709164800000), "Thu 29 Feb 00:00", "2월 29일(목) 00:00");
}

static void a_sentence_agrees_with_its_number(void **state)
{
    (void)state;
    static const char *const expected[] = {"No data for 1 hour.", "No data for 2 hours."};
    for (size_t i = 0; i < 2; i++) {
        struct bytes out = {0};
        words_put(&out, FIGURE_ENGLISH, WORD_TELL_UNKNOWN, (struct str[]){i ? STR("2") : STR("1")}, 1);
        expect_number(bytes_view(&out), expected[i]);
        bytes_fini(&out);
    }
}

/* Every word is there in every language, and says the same arguments. */
static void every_word_has_both_languages(void **state)
{
    (void)state;
    for (int word = 0; word < WORD_COUNT; word++)
        for (char digit = '0'; digit <= '9'; digit++) {
            char argument[] = {'{', digit, '\0'};
            struct str english = words_of(FIGURE_ENGLISH, (enum word)word);
            struct str korean = words_of(FIGURE_KOREAN, (enum word)word);
            assert_true(english.len > 0 && korean.len > 0);
            if (!strstr(english.ptr, argument) != !strstr(korean.ptr, argument))
                fail_msg("%s and %s differ in %s}", english.ptr, korean.ptr, argument);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(a_text_is_cut_at_a_whole_character),
        cmocka_unit_test(a_text_from_outside_is_made_safe),
        cmocka_unit_test(a_tower_of_accents_is_no_character),
        cmocka_unit_test(what_xml_reads_as_its_own_is_escaped),
        cmocka_unit_test(numbers_are_written_as_they_are_read),
        cmocka_unit_test(a_share_is_never_nothing_or_all_unless_it_is),
        cmocka_unit_test(a_change_has_its_sign),
        cmocka_unit_test(a_duration_has_its_unit),
        cmocka_unit_test(a_step_is_one_two_or_five),
        cmocka_unit_test(the_local_clock_follows_the_zone),
        cmocka_unit_test(a_sentence_agrees_with_its_number),
        cmocka_unit_test(every_word_has_both_languages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
