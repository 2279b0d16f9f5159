#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/promql/parse.h"
#include "server/promql/reach.h"

enum { START = 10000000, END = 20000000, MINUTE = 60000 };

static void check_reach(const char *text, time_ms_t from, time_ms_t to)
{
    struct ast *ast;
    struct tm_why why = {{0}};
    if (promql_parse(str_of(text), &ast, &why) != TM_OK)
        fail_msg("%s", why.text);
    const struct promql_query query = {.ast = ast, .start = START, .end = END, .step_ms = 1000};
    struct span span = promql_reach(&query);
    assert_int_equal(span.from, from);
    assert_int_equal(span.to, to);
    ast_free(ast);
}

static void a_query_reaches_over_its_ranges_and_offsets(void **state)
{
    (void)state;
    check_reach("1 + time()", START, START);
    check_reach("foo", START - 5 * MINUTE, END + 1);
    check_reach("foo offset 1m", START - 6 * MINUTE, END + 1 - MINUTE);
    check_reach("foo offset -1m", START - 4 * MINUTE, END + 1 + MINUTE);
    check_reach("rate(foo[1h])", START - 60 * MINUTE, END + 1);
    check_reach("sum by (a) (-(foo)) / topk(scalar(bar offset 1h), baz)", START - 65 * MINUTE, END + 1);
    check_reach("max_over_time(rate(foo[5m] offset 1m)[30m:1m] offset 10m)", START - 46 * MINUTE,
                END + 1 - 11 * MINUTE);
}

static void a_query_reaches_to_the_moments_it_names(void **state)
{
    (void)state;
    check_reach("foo @ 1", 1000 - 5 * MINUTE, 1001);
    check_reach("foo @ start()", START - 5 * MINUTE, START + 1);
    check_reach("foo[1m] @ end()", END - MINUTE, END + 1);
    check_reach("foo + bar @ 1", 1000 - 5 * MINUTE, END + 1);
    check_reach("sum_over_time(foo[10m:1m] @ 3000)", 3000000 - 15 * MINUTE, 3000001);
    check_reach("foo @ -9.223372036e15 offset 292y", INT64_MIN, INT64_MIN + 1);
}

static void own_functions_reach_back_by_weeks(void **state)
{
    const time_ms_t week = INT64_C(7) * 24 * 60 * MINUTE;
    (void)state;
    check_reach("same_time_last_week(foo)", START - 5 * MINUTE - week, END + 1 - week);
    check_reach("baseline(foo offset 1m)", START - 6 * MINUTE - 6 * week, END + 1 - MINUTE - week);
    check_reach("anomaly_score(foo)", START - 5 * MINUTE, END + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_reaches_over_its_ranges_and_offsets),
        cmocka_unit_test(a_query_reaches_to_the_moments_it_names),
        cmocka_unit_test(own_functions_reach_back_by_weeks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
