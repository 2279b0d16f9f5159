/* A week worked out from a store: which list a group stands in, incidents against normal, verdicts. */
#include "tests/unit/storage/engine.h"

#include <math.h>

#include "reports/analyse.h"
#include "storage/findings/findings.h"

static const char *const zone = "Europe/Berlin";
static const struct week_name week = {2026, 12};

static void tell(struct store *store, const char *type, time_ms_t time, uint64_t count)
{
    const struct exception e = {.time = time,
                                .service = STR("cart"),
                                .type = str_of(type),
                                .fingerprint = str_of(type),
                                .message = str_of(type),
                                .count = count};
    struct batch *batch = store_batch_new(store);
    assert_non_null(batch);
    assert_int_equal(store_batch_exception(batch, &e), TM_OK);
    assert_int_equal(send_batch(store, batch, NULL), TM_OK);
}

static void find(struct store *store, enum finding_kind kind, uint64_t id, time_ms_t time, time_ms_t end,
                 const char *body)
{
    const struct finding finding = {.kind = kind,
                                    .id = id,
                                    .time = time,
                                    .end = end,
                                    .score = 70,
                                    .service = STR("cart"),
                                    .body = str_of(body)};
    struct batch *batch = store_batch_new(store);
    assert_non_null(batch);
    assert_int_equal(store_batch_finding(batch, &finding), TM_OK);
    assert_int_equal(send_batch(store, batch, NULL), TM_OK);
}

/* So many weeks before the report's, on its Wednesday at noon. */
static time_ms_t noon(int weeks_back)
{
    return week_shift(week_span(week).from, -weeks_back) + (2 * 24 + 12) * HOUR_MS;
}

static struct report *work_out(struct fixture *f, struct tm_why *why)
{
    struct gather gather;
    struct report *report = NULL;
    const struct analyse_settings settings = {
        .week = week, .span = week_span(week), .zone = zone, .language = "en", .owner = "team"};
    assert_int_equal(gather_open(f->dir, NULL, 0, &gather, why), TM_OK);
    assert_int_equal(gather.unit_count, 1);
    assert_int_equal(analyse(&gather, 0, &settings, &report, why), TM_OK);
    gather_close(&gather);
    return report;
}

static const struct report_group *group_of(const struct report *r, const char *type)
{
    for (size_t i = 0; i < r->group_count; i++)
        if (strcmp(r->groups[i].type, type) == 0)
            return &r->groups[i];
    fail_msg("no group %s", type);
    return NULL;
}

static void each_group_stands_in_the_list_that_its_past_calls_for(void **state)
{
    struct fixture *f = *state;
    struct tm_why why = {""};
    assert_int_equal(week_set_zone(zone, &why), TM_OK);
    for (int back = 4; back >= 1; back--) {
        tell(f->store, "steady", noon(back), 100);
        tell(f->store, "rising", noon(back), 10);
        tell(f->store, "gone", noon(back), 25);
        tell(f->store, "few and gone", noon(back), 19);
    }
    tell(f->store, "back", noon(3), 5);
    tell(f->store, "steady", noon(0), 110);
    tell(f->store, "rising", noon(0), 400);
    tell(f->store, "back", noon(0), 2);
    tell(f->store, "first", noon(0), 1);
    tell(f->store, "later", week_span(week).to, 9);
    struct report *r = work_out(f, &why);
    assert_int_equal(group_of(r, "steady")->list, LIST_ONGOING);
    assert_int_equal(group_of(r, "rising")->list, LIST_ESCALATING);
    assert_int_equal(group_of(r, "gone")->list, LIST_RESOLVED);
    assert_int_equal(group_of(r, "back")->list, LIST_REGRESSED);
    assert_int_equal(group_of(r, "first")->list, LIST_NEW);
    assert_int_equal(r->group_count, 5);
    assert_int_equal(r->total, 513);
    assert_float_equal(group_of(r, "steady")->expected, 100, 1e-9);
    assert_float_equal(group_of(r, "rising")->excess, 390, 1e-9);
    assert_int_equal(group_of(r, "back")->resolved, noon(3) + HOUR_MS + GROUP_QUIET_MS);
    assert_float_equal(r->strip[KEY_EXCEPTIONS].now, 513, 0);
    assert_float_equal(r->strip[KEY_EXCEPTIONS].last_week, 154, 0);
    assert_float_equal(r->strip[KEY_REGRESSED].now, 1, 0);
    assert_string_equal(r->owner, "team");
    assert_true(r->quality.is_over);
    /* The regressed one comes first, then the new one, then the one that rises. */
    assert_int_equal(r->action_count, 3);
    assert_int_equal(r->actions[0].reason, REASON_REGRESSED);
    assert_int_equal(r->actions[1].reason, REASON_NEW_SERVER_ERROR);
    assert_int_equal(r->actions[2].reason, REASON_ESCALATING);
    report_free(r);
}

static void an_incident_is_held_against_the_same_local_hours_of_clean_weeks(void **state)
{
    struct fixture *f = *state;
    struct tm_why why = {""};
    assert_int_equal(week_set_zone(zone, &why), TM_OK);
    for (int back = 1; back <= 4; back++)
        tell(f->store, "a", noon(back) + 10, back == 2 ? 500 : 10);
    tell(f->store, "a", noon(0) + 10, 40);
    tell(f->store, "b", noon(0) + 20, 10);
    tell(f->store, "b", noon(0) + 5 * HOUR_MS, 70); /* at another hour */
    find(f->store, FINDING_INCIDENT, 5, noon(2), noon(2) + HOUR_MS, "{\"text\":\"old\"}");
    find(f->store, FINDING_INCIDENT, 6, noon(0), noon(0) + HOUR_MS / 2, "{\"text\":\"it broke\"}");
    find(f->store, FINDING_ANOMALY, 7, noon(0), noon(0) + 90000, "{}");
    find(f->store, FINDING_ANOMALY, 8, noon(0) + 60000, 0, "{}");
    struct report *r = work_out(f, &why);
    assert_int_equal(r->incident_count, 1);
    const struct report_incident *n = &r->incidents[0];
    assert_string_equal(n->text, "it broke");
    assert_int_equal(n->base_weeks, 3); /* in one of the four there was another incident */
    assert_int_equal(n->excess_count, 2);
    assert_string_equal(n->excess[0].what, "a: a");
    assert_int_equal(n->excess[0].count, 40);
    assert_float_equal(n->excess[0].expected, 10, 0);
    assert_float_equal(n->excess[0].share, 0.75, 1e-9);
    assert_int_equal(n->excess[1].count, 10);
    assert_true(isnan(n->excess[1].ratio));
    assert_float_equal(r->strip[KEY_INCIDENTS].now, 1, 0);
    assert_float_equal(r->strip[KEY_ANOMALOUS_MINUTES].now, 2, 0);
    report_free(r);
}

/* A gauge of the service, a value each minute of the half hour from noon on. */
static void measure(struct store *store, const char *name, int weeks_back, double value)
{
    struct batch *batch = store_batch_new(store);
    struct tm_why why;
    series_id id;
    assert_non_null(batch);
    assert_int_equal(series_try(store, batch, name, "cart", &id, &why), TM_OK);
    for (int minute = 0; minute < 30; minute++)
        assert_int_equal(store_batch_sample(batch, id, noon(weeks_back) + minute * INT64_C(60000),
                                            number_of_double(value + minute % 2)),
                         TM_OK);
    assert_int_equal(send_batch(store, batch, NULL), TM_OK);
}

/* Five weeks of gauges, two of which are higher in the report's week, and its incident. */
static void fill_gauges(struct store *store)
{
    const char *const names[] = {"a_steady", "b_load", "c_steady", "d_load", "e_steady", "f_steady"};
    for (int back = 4; back >= 0; back--) {
        tell(store, "e", noon(back), 1);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            measure(store, names[i], back, back == 0 && strstr(names[i], "load") ? 20 + 10 * (double)i : 10);
    }
    find(store, FINDING_INCIDENT, 6, noon(0), noon(0) + HOUR_MS / 2, "{\"text\":\"it broke\"}");
}

static void an_incident_ranks_all_series_of_the_service(void **state)
{
    struct fixture *f = *state;
    struct tm_why why = {""};
    assert_int_equal(week_set_zone(zone, &why), TM_OK);
    fill_gauges(f->store);
    struct report *r = work_out(f, &why);
    assert_int_equal(r->incident_count, 1);
    const struct report_incident *n = &r->incidents[0];
    assert_int_equal(n->series_span.from, noon(0));
    assert_int_equal(n->series_span.to, noon(0) + HOUR_MS / 2);
    assert_int_equal(n->series_all, 6); /* exceptions are groups */
    assert_int_equal(n->series_looked, 6);
    assert_int_equal(n->series_count, 2);
    assert_string_equal(n->series[0].what, "d_load");
    assert_float_equal(n->series[0].observed, 50.5, 1e-9);
    assert_float_equal(n->series[0].normal, 10.5, 1e-9);
    assert_int_equal(n->series[0].level, LEVEL_MEAN);
    assert_string_equal(n->series[1].what, "b_load");
    assert_float_equal(n->series[1].observed, 30.5, 1e-9);
    assert_true(n->series[0].score >= n->series[1].score && n->series[1].score > 50);
    assert_int_equal(r->actions[0].reason, REASON_INCIDENT);
    report_free(r);
}

static size_t count_actions(const struct report *r, const char *part)
{
    size_t count = 0;
    for (size_t i = 0; i < r->action_count; i++)
        count += strstr(r->actions[i].what, part) != NULL;
    return count;
}

static void failed_requests_of_one_incident_are_one_action_that_names_them(void **state)
{
    struct fixture *f = *state;
    struct tm_why why = {""};
    char type[32];
    assert_int_equal(week_set_zone(zone, &why), TM_OK);
    for (int back = 4; back >= 0; back--)
        tell(f->store, "steady", noon(back), 100);
    for (int i = 0; i < 5; i++) { /* the first was seen most */
        (void)snprintf(type, sizeof type, "HTTP 503 /p%d", i);
        tell(f->store, type, noon(0), 900 - 100 * (uint64_t)i);
    }
    tell(f->store, "HTTP 500 /other", noon(0), 30);
    tell(f->store, "HTTP 500 /other", noon(0) + 20 * HOUR_MS, 30); /* half of it at another time */
    tell(f->store, "Broken", noon(0), 40);                         /* an exception says why */
    find(f->store, FINDING_INCIDENT, 6, noon(0), noon(0) + HOUR_MS / 2, "{\"text\":\"it broke\"}");
    struct report *r = work_out(f, &why);
    assert_int_equal(count_actions(r, "it broke"), 1);
    assert_int_equal(count_actions(r, "HTTP 503"), 1);
    assert_int_equal(r->actions[0].reason, REASON_INCIDENT);
    assert_string_equal(r->actions[0].what, "it broke (HTTP 503 /p0, HTTP 503 /p1, HTTP 503 /p2, +2)");
    assert_int_equal(r->actions[0].count, 900 + 800 + 700 + 600 + 500);
    assert_int_equal(count_actions(r, "HTTP 500 /other"), 1);
    assert_int_equal(count_actions(r, "Broken"), 1);
    assert_int_equal(r->action_count, 4);
    assert_int_equal(r->actions[3].reason, REASON_DATA); /* few hours were seen */
    report_free(r);
}

static void an_incidents_sentence_before_names_ends_with_a_clause(void **state)
{
    struct fixture *f = *state;
    struct tm_why why = {""};
    assert_int_equal(week_set_zone(zone, &why), TM_OK);
    tell(f->store, "HTTP 503 /cart", noon(0), 900);
    find(
        f->store, FINDING_INCIDENT, 6, noon(0), noon(0) + HOUR_MS / 2,
        "{\"text\":\"shop: 25 of 102 series were unusual for 17 min from 2026-11-19 10:00 UTC; 90 % of it in "
        "class 5xx; first http_error_ratio of class 5xx: 0.201, expected 0.00466\"}");
    struct report *r = work_out(f, &why);
    assert_int_equal(r->actions[0].reason, REASON_INCIDENT);
    assert_string_equal(r->actions[0].what, "shop: 25 of 102 series were unusual for 17 min from 2026-11-19 "
                                            "10:00 UTC; 90 % of it in class 5xx (HTTP 503 /cart)");
    report_free(r);
}

static void of_too_many_series_some_are_looked_at_and_it_is_said(void **state)
{
    struct fixture *f = *state;
    struct tm_why why = {""};
    struct gather gather;
    struct report *r = NULL;
    const struct analyse_settings settings = {.week = week,
                                              .span = week_span(week),
                                              .zone = zone,
                                              .language = "en",
                                              .owner = "team",
                                              .looks_max = 3};
    assert_int_equal(week_set_zone(zone, &why), TM_OK);
    fill_gauges(f->store);
    assert_int_equal(gather_open(f->dir, NULL, 0, &gather, &why), TM_OK);
    assert_int_equal(analyse(&gather, 0, &settings, &r, &why), TM_OK);
    gather_close(&gather);
    const struct report_incident *n = &r->incidents[0];
    assert_int_equal(n->series_all, 6);
    assert_int_equal(n->series_looked, 3); /* a, c and e */
    assert_int_equal(n->series_count, 0);
    report_free(r);
}

static void mark(struct store *store, enum marker_kind kind, time_ms_t time, const char *version)
{
    uint64_t id = 0;
    struct marker marker = {.kind = kind, .time = time, .end = MARKER_NO_END};
    marker.text[MARKER_SERVICE] = STR("cart");
    marker.text[MARKER_VERSION] = str_of(version);
    struct batch *batch = store_batch_new(store);
    assert_int_equal(store_batch_marker(batch, &marker, &id), TM_OK);
    assert_int_equal(send_batch(store, batch, NULL), TM_OK);
}

static void a_rollback_is_no_deploy(void **state)
{
    struct fixture *f = *state;
    struct tm_why why = {""};
    assert_int_equal(week_set_zone(zone, &why), TM_OK);
    mark(f->store, MARKER_DEPLOY, noon(0), "1.3");
    mark(f->store, MARKER_ROLLBACK, noon(0) + HOUR_MS, "1.2");
    tell(f->store, "a", noon(0), 1);
    struct report *r = work_out(f, &why);
    assert_float_equal(r->strip[KEY_DEPLOYS].now, 1, 0);
    assert_float_equal(r->strip[KEY_ROLLBACKS].now, 1, 0);
    assert_int_equal(r->deploy_count, 2);
    assert_string_equal(r->deploys[0].label, "1.3");
    assert_true(r->deploys[0].is_rolled_back);
    assert_string_equal(r->deploys[1].label, "1.2 (rollback)");
    assert_true(r->deploys[1].is_rollback);
    report_free(r);
}

static void the_daemons_verdict_goes_before_our_own(void **state)
{
    struct fixture *f = *state;
    struct tm_why why = {""};
    uint64_t id = 0;
    assert_int_equal(week_set_zone(zone, &why), TM_OK);
    struct marker marker = {.kind = MARKER_DEPLOY, .time = noon(0), .end = MARKER_NO_END};
    marker.text[MARKER_SERVICE] = STR("cart");
    marker.text[MARKER_VERSION] = STR("1.2");
    struct batch *batch = store_batch_new(f->store);
    assert_int_equal(store_batch_marker(batch, &marker, &id), TM_OK);
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
    tell(f->store, "a", noon(0), 1);
    struct report *r = work_out(f, &why);
    assert_int_equal(r->deploy_count, 1);
    assert_string_equal(r->deploys[0].verdict, "insufficient_data");
    assert_int_equal(r->deploys[0].new_groups, 1);
    report_free(r);
    find(f->store, FINDING_VERDICT, id, noon(0), 0, "{\"verdict\":\"bad\"}");
    r = work_out(f, &why);
    assert_string_equal(r->deploys[0].verdict, "bad");
    assert_int_equal(r->actions[0].reason, REASON_BAD_DEPLOY);
    report_free(r);
}

int main(void)
{
#define ON_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        ON_STORE(each_group_stands_in_the_list_that_its_past_calls_for),
        ON_STORE(an_incident_is_held_against_the_same_local_hours_of_clean_weeks),
        ON_STORE(an_incident_ranks_all_series_of_the_service),
        ON_STORE(failed_requests_of_one_incident_are_one_action_that_names_them),
        ON_STORE(an_incidents_sentence_before_names_ends_with_a_clause),
        ON_STORE(of_too_many_series_some_are_looked_at_and_it_is_said),
        ON_STORE(a_rollback_is_no_deploy),
        ON_STORE(the_daemons_verdict_goes_before_our_own),
    };
    return cmocka_run_group_tests_name("analyse", tests, NULL, NULL);
}
