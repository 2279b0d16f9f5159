/* Texts from outside in each format: nothing in them is taken for more than a text. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "reports/escape.h"
#include "reports/names.h"
#include "reports/render.h"
#include "reports/texts.h"

enum { GROUPS = 2000, LONG = 100000 };

typedef void escape_fn(struct bytes *out, const char *text);

static void html(struct bytes *out, const char *text)
{
    escape_html(out, text, 0);
}

static void markdown(struct bytes *out, const char *text)
{
    escape_markdown(out, text, 0);
}

static void check(escape_fn *escape, const char *text, const char *expected)
{
    struct bytes out = {0};
    escape(&out, text);
    bytes_u8(&out, 0);
    assert_int_equal(bytes_error(&out), TM_OK);
    assert_string_equal((const char *)out.data, expected);
    bytes_fini(&out);
}

static void html_takes_nothing_for_a_tag(void **state)
{
    (void)state;
    check(html, "<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;");
    check(html, "\" onload=\"x&amp;", "&quot; onload=&quot;x&amp;amp;");
    check(html,
          "a\x01\n\x7f"
          "b",
          "a   b");
    check(html,
          "\xe2\x80\xae"
          "abc",
          "\xef\xbf\xbd"
          "abc");
    check(html, "\xff\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    check(html, "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    check(html, "주문 실패", "주문 실패");
    struct bytes out = {0};
    escape_html(&out, "한글이 길다", 4);
    assert_true(str_equal(bytes_view(&out), STR("한글이…")));
    bytes_fini(&out);
}

static void markdown_takes_nothing_for_markup(void **state)
{
    (void)state;
    check(markdown, "a | b\n# c", "a \\| b \\# c");
    check(markdown, "[x](http://e.x)", "\\[x\\]\\(http&#58;//e\\.x\\)");
    check(markdown, "<b>&", "&lt;b\\>&amp;");
    check(markdown, "`code` *x* _y_ ~z~ 1. - +", "\\`code\\` \\*x\\* \\_y\\_ \\~z\\~ 1\\. \\- \\+");
    check(markdown, "a@b.c", "a&#64;b\\.c");
}

static void csv_takes_nothing_for_a_formula(void **state)
{
    (void)state;
    check(escape_csv, "=1+2", "\"'=1+2\"");
    check(escape_csv, "+cmd|' /C calc'!A0", "\"'+cmd|' /C calc'!A0\"");
    check(escape_csv, "-1", "\"'-1\"");
    check(escape_csv, "@SUM(A1)", "\"'@SUM(A1)\"");
    check(escape_csv, "  =1", "\"'  =1\"");
    check(escape_csv, "\t=1", "\"' =1\"");
    check(escape_csv,
          "\xef\xbc\x9d"
          "1",
          "\"'\xef\xbc\x9d"
          "1\"");
    check(escape_csv, "\x05\r\n- b", "\"'   - b\"");
    check(escape_csv, "a,\"b\"", "\"a,\"\"b\"\"\"");
    check(escape_csv, "two\r\nlines", "\"two  lines\"");
    check(escape_csv, "plain", "plain");
}

static void json_keeps_every_character(void **state)
{
    (void)state;
    check(escape_json, "\"\\/\n\x01\xe2\x80\xae", "\"\\\"\\\\/\\u000a\\u0001\\u202e\"");
    struct bytes out = {0};
    const char *text = "\xf0\x9f\x98\x80 \xe2\x80\xa8 \t 한 \x7f";
    escape_json(&out, text);
    json_t *value = json_loadb((const char *)out.data, out.len, JSON_DECODE_ANY, NULL);
    assert_string_equal(json_string_value(value), text);
    json_decref(value);
    bytes_fini(&out);
}

static void figures_are_written_for_people(void **state)
{
    char text[TEXT_FIGURE_BYTES];
    (void)state;
    assert_string_equal(text_number(1234567, text), "1,234,567");
    assert_string_equal(text_number(0, text), "0");
    assert_string_equal(text_number(12.34, text), "12.3");
    assert_string_equal(text_number(999.6, text), "1,000");
    assert_string_equal(text_number(-1234, text), "-1,234");
    assert_string_equal(text_number(NAN, text), "–");
    assert_string_equal(text_times(2.345, text), "2.35×");
    assert_string_equal(text_times(INFINITY, text), "–");
    assert_string_equal(text_percent(0.123, text), "0.12\xc2\xa0%");
    assert_string_equal(text_change(KEY_REQUESTS, 150, 100, text), "+50\xc2\xa0%");
    assert_string_equal(text_change(KEY_REQUESTS, 5, 0, text), "");
    assert_string_equal(text_change(KEY_SERVER_ERRORS, 1.5, 1.0, text), "+0.50\xc2\xa0pp");
}

/* ---- whole reports ---- */

static struct report *make_report(const char *hostile, const char *language)
{
    struct report *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->service = r->env = r->owner = hostile;
    r->zone = "UTC";
    r->language = language;
    r->week = (struct week_name){2026, 47};
    r->span = week_span(r->week);
    r->groups = calloc(GROUPS, sizeof *r->groups);
    assert_non_null(r->groups);
    for (size_t i = 0; i < GROUPS; i++)
        r->groups[i] = (struct report_group){.id = i + 1,
                                             .list = (enum report_list)(i * LIST_COUNT / GROUPS),
                                             .type = hostile,
                                             .message = hostile,
                                             .frame = hostile,
                                             .fingerprint = hostile,
                                             .release = hostile,
                                             .dimension = hostile,
                                             .count = GROUPS - i,
                                             .expected = NAN,
                                             .ratio = NAN,
                                             .low = NAN,
                                             .high = NAN,
                                             .per_10k = NAN};
    r->group_count = GROUPS;
    for (size_t list = 0; list <= LIST_COUNT; list++)
        r->list_start[list] = list * GROUPS / LIST_COUNT;
    r->actions[0] = (struct report_action){.what = hostile, .version = hostile, .ratio = NAN};
    r->action_count = 1;
    static struct report_deploy deploy;
    deploy = (struct report_deploy){
        .version = hostile, .label = hostile, .by = hostile, .verdict = "bad", .ratio = NAN};
    r->deploys = &deploy;
    r->deploy_count = 1;
    static struct report_event event;
    event = (struct report_event){
        .kind = "event", .class_name = hostile, .note = hostile, .end = INT64_MIN, .before = INT64_MIN};
    r->events = &event;
    r->event_count = 1;
    static struct report_incident incident;
    static struct report_series series;
    series = (struct report_series){.what = hostile, .observed = 20, .normal = 10, .score = 50};
    incident = (struct report_incident){.text = hostile,
                                        .marker = hostile,
                                        .end = INT64_MIN,
                                        .base_weeks = 4,
                                        .series_all = 2000,
                                        .series_looked = 1000,
                                        .series = &series,
                                        .series_count = 1};
    r->incidents = &incident;
    r->incident_count = 1;
    return r;
}

static void drop_report(struct report *r)
{
    free(r->groups);
    free(r);
}

static size_t count_of(const struct bytes *out, const char *text)
{
    size_t count = 0, len = strlen(text);
    for (const char *at = (const char *)out->data, *end = at + out->len;
         (at = memmem(at, (size_t)(end - at), text, len)); at += len)
        count++;
    return count;
}

static const char evil[] =
    "=x</td></script><script>alert(1)</script>\n\n| # [a](javascript:b) \"'`\xe2\x80\xae,\r\n";

static void hostile_texts_stay_texts_in_every_format(void **state)
{
    const char *const languages[] = {"en", "ko"};
    struct tm_why why;
    (void)state;
    assert_int_equal(week_set_zone("UTC", &why), TM_OK);
    for (size_t i = 0; i < 2; i++) {
        struct report *r = make_report(evil, languages[i]);
        struct bytes out = {0};
        render_html(r, NULL, &out);
        assert_int_equal(count_of(&out, "<script"), 0);
        assert_int_equal(count_of(&out, "</script"), 0);
        assert_int_equal(count_of(&out, "\xe2\x80\xae"), 0);
        assert_int_equal(count_of(&out, "<td"), count_of(&out, "</td>"));
        assert_int_equal(count_of(&out, "<tr"), count_of(&out, "</tr>"));
        assert_true(out.len < 2u << 20);
        bytes_clear(&out);
        render_markdown(r, &out);
        assert_int_equal(count_of(&out, "<script"), 0);
        assert_int_equal(count_of(&out, "](javascript"), 0);
        bytes_clear(&out);
        render_csv(r, &out);
        assert_int_equal(count_of(&out, "\r\n"), GROUPS + 2); /* the head, and the incident's series */
        assert_int_equal(count_of(&out, ",=x"), 0);
        assert_int_equal(count_of(&out, "\"=x"), 0);
        bytes_clear(&out);
        render_json(r, &out);
        json_t *json = json_loadb((const char *)out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
        assert_string_equal(json_string_value(json_object_get(json, "service")), evil);
        assert_int_equal(json_array_size(json_object_get(json_object_get(json, "lists"), "new")),
                         GROUPS / LIST_COUNT);
        json_decref(json);
        bytes_fini(&out);
        drop_report(r);
    }
}

static void messages_of_100_kb_are_cut_and_the_page_stays_small(void **state)
{
    char *text = malloc(LONG + 1);
    struct bytes out = {0};
    (void)state;
    assert_non_null(text);
    memset(text, '<', LONG);
    text[LONG] = '\0';
    struct report *r = make_report(text, "en");
    r->service = r->env = r->owner = "s"; /* names are bounded where they come in */
    r->incident_count = 0;
    render_html(r, NULL, &out);
    assert_true(out.len < 2u << 20);
    bytes_fini(&out);
    drop_report(r);
    free(text);
}

static void without_memory_rendering_fails_and_says_so(void **state)
{
    struct bytes out = {.failed = true};
    struct report *r = make_report("s", "en");
    (void)state;
    render_html(r, NULL, &out);
    render_json(r, &out);
    render_csv(r, &out);
    render_markdown(r, &out);
    assert_int_equal(bytes_error(&out), TM_NOMEM);
    assert_int_equal(out.len, 0);
    drop_report(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(html_takes_nothing_for_a_tag),
        cmocka_unit_test(markdown_takes_nothing_for_markup),
        cmocka_unit_test(csv_takes_nothing_for_a_formula),
        cmocka_unit_test(json_keeps_every_character),
        cmocka_unit_test(figures_are_written_for_people),
        cmocka_unit_test(hostile_texts_stay_texts_in_every_format),
        cmocka_unit_test(messages_of_100_kb_are_cut_and_the_page_stays_small),
        cmocka_unit_test(without_memory_rendering_fails_and_says_so),
    };
    return cmocka_run_group_tests_name("render", tests, NULL, NULL);
}
