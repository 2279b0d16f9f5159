/* Planned events: what of a minute is no news, and what is all the more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "server/detect/planned.h"
#include "storage/markers/markers_table.h"

#define MINUTE INT64_C(60000)
#define BEGIN  INT64_C(1795680000000)
#define END    (BEGIN + 120 * MINUTE)

static void add(struct markers *markers, uint64_t id, enum marker_kind kind, time_ms_t time, time_ms_t end,
                const char *service, const char *env)
{
    struct bytes bytes = {0};
    struct marker_change change = {
        .op = MARKER_MADE,
        .fields = MARKER_HAS_ALL,
        .to = {.id = id, .kind = kind, .time = time, .end = end, .text = {{0}}},
    };
    change.to.text[MARKER_SERVICE] = str_of(service);
    change.to.text[MARKER_ENV] = str_of(env);
    marker_change_encode(&change, &bytes);
    assert_int_equal(bytes_error(&bytes), TM_OK);
    assert_int_equal(markers_apply(markers, bytes_view(&bytes)), TM_OK);
    bytes_fini(&bytes);
}

static struct planned *plan(enum marker_kind kind, time_ms_t end, const char *service, const char *env)
{
    struct markers *markers = markers_new();
    assert_non_null(markers);
    add(markers, 1, kind, BEGIN, end, service, env);
    struct planned *planned = planned_new(markers);
    markers_free(markers);
    assert_non_null(planned);
    return planned;
}

static bool mutes(const struct planned *planned, time_ms_t minute, enum planned_what what)
{
    return planned_mutes(planned, STR("shop"), STR("prod"), minute, what);
}

static void traffic_of_an_event_is_no_news_from_its_run_up_to_its_aftermath(void **state)
{
    (void)state;
    struct planned *p = plan(MARKER_EVENT, END, "shop", "");
    assert_false(mutes(p, BEGIN - 16 * MINUTE, PLANNED_RISE));
    assert_true(mutes(p, BEGIN - 15 * MINUTE, PLANNED_RISE));
    assert_true(mutes(p, BEGIN, PLANNED_RISE));
    assert_true(mutes(p, END + 29 * MINUTE, PLANNED_RISE));
    assert_false(mutes(p, END + 30 * MINUTE, PLANNED_RISE));
    planned_free(p);
}

static void an_error_inside_an_event_is_news(void **state)
{
    (void)state;
    struct planned *p = plan(MARKER_EVENT, END, "shop", "");
    for (time_ms_t minute = BEGIN - 20 * MINUTE; minute < END + 40 * MINUTE; minute += MINUTE)
        assert_false(mutes(p, minute, PLANNED_TROUBLE));
    planned_free(p);
}

static void a_shop_that_nobody_visits_during_its_sale_is_news(void **state)
{
    (void)state;
    struct planned *p = plan(MARKER_EVENT, END, "shop", "");
    assert_true(mutes(p, BEGIN - MINUTE, PLANNED_FALL));
    assert_false(mutes(p, BEGIN, PLANNED_FALL));
    assert_false(mutes(p, END - MINUTE, PLANNED_FALL));
    assert_true(mutes(p, END, PLANNED_FALL));
    planned_free(p);
}

static void maintenance_mutes_all_of_its_own_minutes(void **state)
{
    (void)state;
    struct planned *p = plan(MARKER_MAINTENANCE, END, "shop", "");
    for (int what = 0; what < PLANNED_WHAT_COUNT; what++) {
        assert_false(mutes(p, BEGIN - MINUTE, (enum planned_what)what));
        assert_true(mutes(p, BEGIN, (enum planned_what)what));
        assert_true(mutes(p, END - MINUTE, (enum planned_what)what));
        assert_false(mutes(p, END, (enum planned_what)what));
    }
    assert_true(mutes(p, BEGIN - MINUTE + 1, PLANNED_TROUBLE));
    planned_free(p);
}

static void a_marker_without_an_end_mutes_for_an_hour(void **state)
{
    (void)state;
    struct planned *p = plan(MARKER_MAINTENANCE, MARKER_NO_END, "shop", "");
    assert_true(mutes(p, BEGIN + 59 * MINUTE, PLANNED_TROUBLE));
    assert_false(mutes(p, BEGIN + 60 * MINUTE, PLANNED_TROUBLE));
    planned_free(p);
}

static void a_marker_touches_its_service_and_env_alone(void **state)
{
    (void)state;
    struct planned *p = plan(MARKER_EVENT, END, "shop", "prod");
    assert_true(planned_mutes(p, STR("shop"), STR("prod"), BEGIN, PLANNED_RISE));
    assert_false(planned_mutes(p, STR("shop"), STR("test"), BEGIN, PLANNED_RISE));
    assert_false(planned_mutes(p, STR("cart"), STR("prod"), BEGIN, PLANNED_RISE));
    planned_free(p);
    p = plan(MARKER_EVENT, END, "", "");
    assert_true(planned_mutes(p, STR("cart"), STR("test"), BEGIN, PLANNED_RISE));
    planned_free(p);
}

static void a_long_event_is_found_behind_many_short_ones(void **state)
{
    (void)state;
    struct markers *markers = markers_new();
    add(markers, 1, MARKER_EVENT, BEGIN, BEGIN + 10000 * MINUTE, "shop", "");
    for (uint64_t i = 0; i < 500; i++)
        add(markers, 2 + i, MARKER_EVENT, BEGIN + (int64_t)(i + 1) * MINUTE,
            BEGIN + (int64_t)(i + 2) * MINUTE, "cart", "");
    add(markers, 1000, MARKER_DEPLOY, BEGIN + 20000 * MINUTE, MARKER_NO_END, "shop", "");
    struct planned *p = planned_new(markers);
    markers_free(markers);
    assert_true(mutes(p, BEGIN + 9999 * MINUTE, PLANNED_RISE));
    assert_false(mutes(p, BEGIN + 20000 * MINUTE, PLANNED_RISE));
    assert_true(planned_mutes(p, STR("cart"), STR(""), BEGIN + 300 * MINUTE, PLANNED_RISE));
    planned_free(p);
}

static void without_markers_nothing_is_muted(void **state)
{
    (void)state;
    struct planned *p = planned_new(NULL);
    assert_non_null(p);
    assert_false(mutes(p, BEGIN, PLANNED_RISE));
    assert_false(mutes(NULL, BEGIN, PLANNED_RISE));
    planned_free(p);
    planned_free(NULL);
}

static enum planned_what judge(const char *metric, const char *label, const char *value)
{
    struct labels labels = {.count = 0};
    assert_int_equal(labels_add(&labels, str_of(label), str_of(value)), TM_OK);
    return planned_what_of(str_of(metric), &labels, false, 100, 50);
}

static void what_counts_visitors_is_traffic_and_what_counts_failures_is_not(void **state)
{
    (void)state;
    assert_int_equal(judge("http_events_total", "status", "200"), PLANNED_RISE);
    assert_int_equal(judge("http_events_total", "status", "404"), PLANNED_RISE);
    assert_int_equal(judge("http_events_total", "status", "503"), PLANNED_TROUBLE);
    assert_int_equal(judge("http_event_bytes_total", "page_group", "failed"), PLANNED_RISE);
    assert_int_equal(judge("tally_payment_total", "method", "card"), PLANNED_RISE);
    assert_int_equal(judge("tally_payment_total", "result", "declined"), PLANNED_TROUBLE);
    assert_int_equal(judge("tally_payment_failed_total", "method", "card"), PLANNED_TROUBLE);
    assert_int_equal(judge("exception_events_total", "type", "Oops"), PLANNED_TROUBLE);
    assert_int_equal(judge("http_event_duration_seconds", "le", "1"), PLANNED_TROUBLE);
    assert_int_equal(judge("http_event_duration_seconds_sum", "x", "y"), PLANNED_TROUBLE);
    assert_int_equal(judge("cpu", "pod", "a1"), PLANNED_TROUBLE);
}

static void a_ratio_is_never_traffic_and_a_fall_is_one_to_less_than_half(void **state)
{
    (void)state;
    const struct labels none = {.count = 0};
    assert_int_equal(planned_what_of(STR("http_events_total"), &none, true, 9, 1), PLANNED_TROUBLE);
    assert_int_equal(planned_what_of(STR("http_events_total"), &none, false, 50, 100), PLANNED_RISE);
    assert_int_equal(planned_what_of(STR("http_events_total"), &none, false, 49, 100), PLANNED_FALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traffic_of_an_event_is_no_news_from_its_run_up_to_its_aftermath),
        cmocka_unit_test(an_error_inside_an_event_is_news),
        cmocka_unit_test(a_shop_that_nobody_visits_during_its_sale_is_news),
        cmocka_unit_test(maintenance_mutes_all_of_its_own_minutes),
        cmocka_unit_test(a_marker_without_an_end_mutes_for_an_hour),
        cmocka_unit_test(a_marker_touches_its_service_and_env_alone),
        cmocka_unit_test(a_long_event_is_found_behind_many_short_ones),
        cmocka_unit_test(without_markers_nothing_is_muted),
        cmocka_unit_test(what_counts_visitors_is_traffic_and_what_counts_failures_is_not),
        cmocka_unit_test(a_ratio_is_never_traffic_and_a_fall_is_one_to_less_than_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
