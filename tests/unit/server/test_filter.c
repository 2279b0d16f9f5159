/* Filters over raw events: what each form means, and what is refused where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "server/events/filter.h"

static struct labels tags = {
    .at = {{{"cdn", 3}, {"akamai", 6}}, {{"odd name", 8}, {"", 0}}},
    .count = 2,
};

static const struct http_event event = {
    .service = {"shop", 4},
    .env = {"prod", 4},
    .method = {"GET", 3},
    .url = {"/p/17?q=\"x\"", 11},
    .page_group = {"product", 7},
    .user_agent = {"Googlebot/2.1", 13},
    .agent = {"crawler", 7},
    .status = 404,
    .bytes = 512,
    .count = 1,
    .duration_us = 45250,
    .origin_us = -1,
    .edge_us = 0,
    .tags = &tags,
};

static struct filter *filter;
static struct filter_fault fault;

static bool matches(const char *text)
{
    enum tm_err err = filter_new(str_of(text), &filter, &fault);
    if (err != TM_OK)
        print_error("%s\ncolumn %zu: %s\n", text, fault.column, fault.why.text);
    assert_int_equal(err, TM_OK);
    bool truth = filter_matches(filter, &event);
    assert_int_equal(filter_matches(filter, &event), truth);
    filter_free(filter);
    return truth;
}

static void expect(bool truth, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool found = matches(texts[i]);
        if (found != truth)
            print_error("%s\n", texts[i]);
        assert_int_equal(found, truth);
    }
}

#define EXPECT(truth, texts) expect(truth, texts, sizeof(texts) / sizeof(texts)[0])

static void each_field_and_operator_means_what_is_written(void **state)
{
    (void)state;
    static const char *const yes[] = {"",
                                      "  ",
                                      "status=404",
                                      "status!=200",
                                      "status>=404",
                                      "status<=404",
                                      "status>403",
                                      "status<405",
                                      "class=4xx",
                                      "class!=5xx",
                                      "group=\"product\"",
                                      "group = product",
                                      "method!=PUT",
                                      "url~\"/p/\"",
                                      "url~/p/17",
                                      "url=~\"^/p/[0-9]+\"",
                                      "url!~\"^/cart\"",
                                      "url~\"\\\"x\\\"\"",
                                      "agent=crawler",
                                      "agent!=desktop",
                                      "bytes>500",
                                      "bytes=512",
                                      "duration_ms>=45.25",
                                      "duration_ms<45.3",
                                      "edge_ms=0",
                                      "count=1",
                                      "service=shop",
                                      "env=prod",
                                      "cache=\"\"",
                                      "user_agent~bot/2",
                                      "tag.cdn=\"akamai\"",
                                      "tag.none=\"\"",
                                      "tag.cdn=~^aka",
                                      "url~\"\"",
                                      "tag.none!=x"};
    static const char *const no[] = {
        "status=200",     "status!=404", "class=5xx",       "group!=product",
        "method=get",     "url~/P/",     "url=/p/17",       "url=~\"^/p/[0-9]+$\"",
        "url!~p",         "agent=bot",   "bytes>512",       "bytes<512",
        "duration_ms=45", "cache=hit",   "tag.cdn!=akamai", "tag.none=x",
        "env=\"\""};
    EXPECT(true, yes);
    EXPECT(false, no);
}

static void a_missing_number_fulfils_no_test(void **state)
{
    (void)state;
    static const char *const no[] = {"origin_ms=0", "origin_ms!=0", "origin_ms<5", "origin_ms>=0"};
    EXPECT(false, no);
    assert_true(matches("not origin_ms>=0"));
}

static void and_binds_closer_than_or_and_not_closest(void **state)
{
    (void)state;
    /* t: status=404 is true, f: status=1 is false */
    static const char *const t = "status=404";
    static const char *const f = "status=1";
    for (unsigned bits = 0; bits < 8; bits++) {
        bool a = bits & 1;
        bool b = bits & 2;
        bool c = bits & 4;
        const char *ta = a ? t : f;
        const char *tb = b ? t : f;
        const char *tc = c ? t : f;
        char text[256];
        (void)snprintf(text, sizeof text, "%s or %s and %s", ta, tb, tc);
        assert_int_equal(matches(text), a || (b && c));
        (void)snprintf(text, sizeof text, "%s %s or %s", ta, tb, tc);
        assert_int_equal(matches(text), (a && b) || c);
        (void)snprintf(text, sizeof text, "(%s or %s)%s", ta, tb, tc);
        assert_int_equal(matches(text), (a || b) && c);
        (void)snprintf(text, sizeof text, "not %s %s or not not %s", ta, tb, tc);
        assert_int_equal(matches(text), (!a && b) || c);
        (void)snprintf(text, sizeof text, "not(%s and (%s or not %s))", ta, tb, tc);
        assert_int_equal(matches(text), !(a && (b || !c)));
        (void)snprintf(text, sizeof text, "not (%s or %s) or %s and not (%s)", ta, tb, tc, ta);
        assert_int_equal(matches(text), !(a || b) || (c && !a));
    }
}

static void refuse(const char *text, enum tm_err expected, size_t column, const char *reason)
{
    assert_int_equal(filter_new(str_of(text), &filter, &fault), expected);
    assert_null(filter);
    assert_string_equal(fault.why.text, reason);
    assert_int_equal(fault.column, column);
}

static void faults_say_where_and_what(void **state)
{
    (void)state;
    static const char field[] =
        "expected a field (status, class, group, method, url, agent, service, env, cache, user_agent, bytes, "
        "duration_ms, origin_ms, edge_ms, count, tag.NAME), \"not\" or \"(\"";
    refuse("stat=404", TM_INVALID, 1, field);
    refuse("status=404 and", TM_INVALID, 15, field);
    refuse("status=404 or or", TM_INVALID, 15, field);
    refuse("tag.=1", TM_INVALID, 1, field);
    refuse("()", TM_INVALID, 2, field);
    refuse("status", TM_INVALID, 7, "expected an operator: = != ~ =~ !~ < <= > >=");
    refuse("status~4", TM_INVALID, 7, "~ is no operator of this field: take = != < <= > >=");
    refuse("url<4", TM_INVALID, 4, "< is no operator of this field: take = != ~ =~ !~");
    refuse("class>4xx", TM_INVALID, 6, "> is no operator of this field: take = !=");
    refuse("status=4x4", TM_INVALID, 8, "expected a number of up to 15 digits");
    refuse("class=404", TM_INVALID, 7, "expected 1xx, 2xx, 3xx, 4xx or 5xx");
    refuse("agent=human", TM_INVALID, 7, "expected crawler, mobile, desktop, bot or other");
    refuse("url=", TM_INVALID, 5, "expected a value (an empty one is \"\")");
    refuse("url=\"x", TM_INVALID, 5, "the double quote is never closed");
    refuse("(status=1", TM_INVALID, 1, "this bracket is never closed");
    refuse("status=1)", TM_INVALID, 9, "expected a test, \"and\", \"or\" or the end");
    refuse("url=~\"(\"", TM_INVALID, 6, "no valid pattern, at its offset 1: missing closing parenthesis");
}

static void filters_are_bounded(void **state)
{
    (void)state;
    char text[FILTER_TEXT_MAX + 2];
    memset(text, '(', FILTER_DEPTH_MAX + 1);
    text[FILTER_DEPTH_MAX + 1] = '\0';
    refuse(text, TM_LIMIT, FILTER_DEPTH_MAX + 1, "brackets stand more than 32 deep");
    memset(text, ' ', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    refuse(text, TM_LIMIT, FILTER_TEXT_MAX + 1, "the filter has 8193 bytes, at most 8192");
    text[0] = '\0';
    for (int i = 0; i < FILTER_TESTS_MAX; i++)
        strcat(text, "status=404 ");
    assert_true(matches(text));
    size_t len = strlen(text);
    strcat(text, "status=404");
    refuse(text, TM_LIMIT, len + 1, "the filter has more than 128 tests: make it shorter");
}

static void a_pattern_without_end_is_not_found(void **state)
{
    (void)state;
    char url[5000];
    memset(url, 'a', sizeof url);
    struct http_event slow = event;
    slow.url = (struct str){url, sizeof url};
    assert_int_equal(filter_new(STR("url=~\"^(a+)+$b\""), &filter, &fault), TM_OK);
    assert_false(filter_matches(filter, &slow));
    filter_free(filter);
}

/* Whoever skips by it must lose no event: what is not told is unbounded. */
static void a_filter_tells_which_statuses_and_service_it_can_take(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int32_t from, to;
        const char *service;
    } filters[] = {
        {"", 0, 1000, NULL},
        {"status=404 service=shop", 404, 405, "shop"},
        {"class=4xx status<410", 400, 411, NULL},
        {"status>=500 status<=503 url~x", 500, 504, NULL},
        {"status>404.5", 404, 1000, NULL},
        {"status=200 status=404", 404, 404, NULL},
        {"status!=404 service!=shop", 0, 1000, NULL},
        {"not status=404", 0, 1000, NULL},
        {"status=404 or service=shop", 0, 1000, NULL},
        {"status=99999", 0, 1000, NULL},
    };
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        struct str service = {NULL, 0};
        assert_int_equal(filter_new(str_of(filters[i].text), &filter, &fault), TM_OK);
        struct filter_statuses statuses = filter_statuses(filter);
        assert_int_equal(statuses.from, filters[i].from);
        assert_int_equal(statuses.to, filters[i].to);
        assert_int_equal(filter_service(filter, &service), filters[i].service != NULL);
        assert_true(!filters[i].service || str_equal(service, str_of(filters[i].service)));
        filter_free(filter);
    }
}

static void a_filter_tells_which_fields_it_looks_at(void **state)
{
    (void)state;
    assert_int_equal(filter_new(STR("status=404 tag.pop=fra or not group=x"), &filter, &fault), TM_OK);
    assert_true(str_equal(filter_field_at(filter, 0), STR("status")));
    assert_true(str_equal(filter_field_at(filter, 1), STR("tag.")));
    assert_true(str_equal(filter_field_at(filter, 2), STR("group")));
    assert_int_equal(filter_field_at(filter, 3).len, 0);
    filter_free(filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field_and_operator_means_what_is_written),
        cmocka_unit_test(a_missing_number_fulfils_no_test),
        cmocka_unit_test(and_binds_closer_than_or_and_not_closest),
        cmocka_unit_test(faults_say_where_and_what),
        cmocka_unit_test(a_filter_tells_which_statuses_and_service_it_can_take),
        cmocka_unit_test(a_filter_tells_which_fields_it_looks_at),
        cmocka_unit_test(filters_are_bounded),
        cmocka_unit_test(a_pattern_without_end_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
