#include "storage/model/own_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_is_counted_in_integers_is_known_by_its_name(void **state)
{
    static const char *const counted[] = {
        "http_events_total",      "http_event_bytes_total",          "http_event_duration_seconds_bucket",
        "exception_events_total", "http_event_origin_seconds_count", "http_event_edge_seconds_sum",
        "tally_payment_total"};
    static const char *const others[] = {"",
                                         "http_events",
                                         "http_events_total2",
                                         "anomaly_score",
                                         "tally",
                                         "tidemark_series",
                                         "cpu",
                                         "xtally_a_total",
                                         "http_ev",
                                         "http_event_count",
                                         "exception_events"};
    (void)state;
    for (size_t i = 0; i < sizeof counted / sizeof counted[0]; i++)
        assert_true(own_name_is_counted(str_of(counted[i])));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(own_name_is_counted(str_of(others[i])));
}

static void what_the_daemon_makes_is_reserved(void **state)
{
    (void)state;
    assert_true(own_name_is_reserved(STR("http_events_total")));
    assert_true(own_name_is_reserved(STR("tally_x")));
    assert_true(own_name_is_reserved(STR("anomaly_score")));
    assert_true(own_name_is_reserved(STR("tidemark_series")));
    assert_false(own_name_is_reserved(STR("anomaly_score_")));
    assert_false(own_name_is_reserved(STR("tidemark")));
    assert_false(own_name_is_reserved(STR("http_requests_total")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_counted_in_integers_is_known_by_its_name),
        cmocka_unit_test(what_the_daemon_makes_is_reserved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
