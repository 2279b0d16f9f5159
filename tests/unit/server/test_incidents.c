/* Incidents of services, from closed minutes that are made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "scoring/first.h"
#include "server/detect/incidents.h"
#include "storage/findings/findings.h"
#include "storage/model/labels.h"
#include "storage/model/marker.h"
#include "tests/unit/server/incident_stage.h"

static void one_incident_for_500_pods(void **state)
{
    (void)state;
    struct stage stage;
    stage_begin(&stage, "cart");
    for (unsigned i = 0; i < 600; i++)
        stage_add(&stage, "cpu", "app=cart,pod=p%u,tier=%s", i, i < 500 ? "web" : "job");
    stage_rest(&stage, 1700);
    for (unsigned m = 0; m < 5; m++) {
        for (unsigned i = 0; i < 500; i++)
            stage_off(&stage, i, 6, m);
        stage_minute(&stage);
    }
    assert_int_equal(stage.opened, 1);
    assert_int_equal(stage_number(&stage, "anomalies"), 500);
    assert_int_equal(stage_number(&stage, "series"), 600);
    assert_string_equal(stage_text(&stage, "state"), "open");
    json_t *cause = json_array_get(json_object_get(stage.item, "causes"), 0);
    assert_string_equal(json_string_value(json_object_get(json_object_get(cause, "labels"), "tier")), "web");
    assert_int_equal(json_object_size(json_object_get(cause, "labels")), 1);
    assert_true(json_number_value(json_object_get(cause, "share")) > 0.95);
    assert_int_equal(json_array_size(json_object_get(stage.item, "onset")), 20);
    stage_end(&stage);
}

static void add_shop(struct stage *stage)
{
    static const char *const groups[] = {"home", "product", "cart", "search"};
    for (unsigned g = 0; g < 4; g++) {
        stage_add(stage, "http_events_total", "page_group=%s,service=shop,status=200", groups[g]);
        stage_add(stage, "http_events_total", "page_group=%s,service=shop,status=404", groups[g]);
        stage_add(stage, "http_events_total", "page_group=%s,service=shop,status=500", groups[g]);
        stage_add(stage, "http_event_duration_seconds", "page_group=%s,service=shop", groups[g]);
        stage_add(stage, "http_error_ratio", "page_group=%s,service=shop", groups[g]);
    }
}

static void causes_are_named_with_their_share(void **state)
{
    (void)state;
    struct stage stage;
    stage_begin(&stage, "shop");
    add_shop(&stage);
    stage_rest(&stage, 1700);
    for (unsigned m = 0; m < 3; m++) { /* product: 404, 500, duration, ratio */
        for (unsigned i = 6; i < 10; i++)
            stage_off(&stage, i, 5, m);
        stage_minute(&stage);
    }
    assert_int_equal(stage.opened, 1);
    json_t *causes = json_object_get(stage.item, "causes");
    assert_int_equal(json_array_size(causes), 1);
    json_t *labels = json_object_get(json_array_get(causes, 0), "labels");
    assert_int_equal(json_object_size(labels), 1);
    assert_string_equal(json_string_value(json_object_get(labels, "page_group")), "product");
    assert_true(json_number_value(json_object_get(json_array_get(causes, 0), "share")) > 0.9);
    assert_non_null(strstr(stage_text(&stage, "text"), "in page_group product"));
    stage_end(&stage);
}

static void a_total_does_not_hide_the_part_that_makes_it(void **state)
{
    (void)state;
    struct stage stage;
    static const char *const groups[] = {"cart", "home", "product"};
    stage_begin(&stage, "shop");
    stage_add(&stage, "http_events_total", "class=5xx,service=shop");
    stage_add(&stage, "http_error_ratio", "class=5xx,service=shop");
    stage_add(&stage, "http_events_total", "class=2xx,service=shop");
    for (unsigned g = 0; g < 3; g++) {
        stage_add(&stage, "http_events_total", "class=5xx,page_group=%s,service=shop", groups[g]);
        stage_add(&stage, "http_error_ratio", "class=5xx,page_group=%s,service=shop", groups[g]);
        stage_add(&stage, "http_events_total", "page_group=%s,service=shop,status=500", groups[g]);
        stage_add(&stage, "http_events_total", "page_group=%s,service=shop,status=200", groups[g]);
        stage_add(&stage, "http_events_total", "class=2xx,page_group=%s,service=shop", groups[g]);
    }
    stage_rest(&stage, 1700);
    static const unsigned off[] = {0, 1, 3, 4, 5};
    for (unsigned m = 0; m < 3; m++) {
        for (unsigned i = 0; i < 5; i++)
            stage_off(&stage, off[i], 6, m);
        stage_minute(&stage);
    }
    json_t *labels = json_object_get(json_array_get(json_object_get(stage.item, "causes"), 0), "labels");
    assert_non_null(labels);
    assert_string_equal(json_string_value(json_object_get(labels, "page_group")), "cart");
    stage_end(&stage);
}

static void onset_is_in_the_order_of_beginning(void **state)
{
    (void)state;
    struct stage stage;
    stage_begin(&stage, "shop");
    add_shop(&stage);
    stage_rest(&stage, 1700);
    time_ms_t began = stage.now;
    for (unsigned m = 0; m < 6; m++) { /* latency, then the 500, then the ratio */
        stage_off(&stage, 8, 7, m);
        if (m >= 1)
            stage_off(&stage, 7, 8, m - 1);
        if (m >= 3)
            stage_off(&stage, 9, 9, m - 3);
        stage_minute(&stage);
    }
    json_t *onset = json_object_get(stage.item, "onset");
    assert_int_equal(json_array_size(onset), 3);
    static const char *const order[] = {"http_event_duration_seconds", "http_events_total",
                                        "http_error_ratio"};
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(json_string_value(json_object_get(json_array_get(onset, i), "metric")), order[i]);
    assert_string_equal(json_string_value(json_object_get(json_array_get(onset, 0), "time")),
                        stage_text(&stage, "start"));
    assert_true(stage.last.time == began);
    stage_end(&stage);
}

static void an_incident_closes_and_says_how_long_it_was(void **state)
{
    (void)state;
    struct stage stage;
    stage_begin(&stage, "shop");
    add_shop(&stage);
    stage_rest(&stage, 1700);
    time_ms_t began = stage.now;
    for (unsigned m = 0; m < 8; m++) {
        for (unsigned i = 0; i < 10; i++)
            stage_off(&stage, i, 6, m);
        stage_minute(&stage);
    }
    assert_true(stage.last.end == 0);
    uint64_t id = stage.last.id;
    stage_rest(&stage, 20);
    assert_true(stage.last.id == id);
    assert_string_equal(stage_text(&stage, "state"), "closed");
    assert_true(stage.last.end == began + 8 * STAGE_MINUTE_MS);
    assert_non_null(strstr(stage_text(&stage, "text"), "were unusual for 8 min"));
    assert_int_equal(stage.ids, 1);
    stage_end(&stage);
}

static void flapping_is_one_incident(void **state)
{
    (void)state;
    struct stage stage;
    stage_begin(&stage, "shop");
    add_shop(&stage);
    stage_rest(&stage, 1700);
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned m = 0; m < 3; m++) {
            for (unsigned i = 0; i < 10; i++)
                stage_off(&stage, i, 8, m);
            stage_minute(&stage);
        }
        stage_rest(&stage, 15);
    }
    assert_int_equal(stage.ids, 1);
    stage_end(&stage);
}

static void it_is_told_when_it_changes_not_each_minute(void **state)
{
    (void)state;
    struct stage stage;
    stage_begin(&stage, "shop");
    add_shop(&stage);
    stage_rest(&stage, 1700);
    for (unsigned m = 0; m < 40; m++) {
        for (unsigned i = 0; i < 10; i++)
            stage_off(&stage, i, 8, m);
        stage_minute(&stage);
    }
    assert_int_equal(stage.ids, 1);
    assert_true(stage.told <= 4);
    stage_end(&stage);
}

static void the_deploy_before_it_is_named_as_before_it(void **state)
{
    (void)state;
    struct stage stage;
    stage_begin(&stage, "shop");
    add_shop(&stage);
    stage_rest(&stage, 1700);
    stage_marker(&stage, MARKER_DEPLOY, "shop", "1.8.2", stage.now - 50 * STAGE_MINUTE_MS);
    uint64_t near = stage_marker(&stage, MARKER_DEPLOY, "shop", "1.8.3", stage.now - 42000);
    stage_marker(&stage, MARKER_DEPLOY, "other", "7", stage.now - 1000);
    stage_marker(&stage, MARKER_DEPLOY, "shop", "1.8.4", stage.now + 5 * STAGE_MINUTE_MS);
    stage_give_markers(&stage);
    for (unsigned m = 0; m < 3; m++) {
        for (unsigned i = 0; i < 10; i++)
            stage_off(&stage, i, 8, m);
        stage_minute(&stage);
    }
    char text[MARKER_ID_TEXT + 1];
    assert_string_equal(stage_text(&stage, "marker"), marker_id_text(near, text));
    assert_int_equal(json_array_size(json_object_get(stage.item, "markers")), 2);
    assert_non_null(strstr(stage_text(&stage, "text"), "; 42 s after deploy 1.8.3"));
    stage_end(&stage);
}

static void feedback_noise_is_used(void **state)
{
    (void)state;
    struct stage stage;
    stage_begin(&stage, "shop");
    add_shop(&stage);
    stage_rest(&stage, 6000);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned m = 0; m < 3; m++) {
            stage_off(&stage, 6, 3.4, m + 1);
            stage_off(&stage, 7, 3.4, m + 1);
            stage_minute(&stage);
        }
        assert_int_equal(stage.ids, 1); /* the second time it is below what is needed */
        for (unsigned said = 0; said < 2; said++)
            assert_true(detect_incidents_feedback(stage.incidents, STR("shop"), STR(""), stage.last.id,
                                                  FEEDBACK_EXPECTED));
        stage_rest(&stage, 7 * 1440 - 3);
    }
    struct detect_incidents_figures figures;
    detect_incidents_figures(stage.incidents, &figures);
    assert_true(figures.muted > 0);
    assert_true(
        detect_incidents_feedback(stage.incidents, STR("shop"), STR(""), stage.last.id, FEEDBACK_USEFUL));
    for (unsigned m = 0; m < 3; m++) {
        stage_off(&stage, 6, 3.4, m + 1);
        stage_off(&stage, 7, 3.4, m + 1);
        stage_minute(&stage);
    }
    assert_int_equal(stage.ids, 2);
    assert_false(detect_incidents_feedback(stage.incidents, STR("shop"), STR(""), 12345, FEEDBACK_NOISE));
    assert_false(
        detect_incidents_feedback(stage.incidents, STR("none"), STR(""), stage.last.id, FEEDBACK_NOISE));
    stage_end(&stage);
}

static void services_at_one_place_name_each_other(void **state)
{
    (void)state;
    struct stage stage[3];
    struct detect_incidents *shared = NULL;
    static const char *const names[] = {"cart", "pay", "far"};
    for (unsigned s = 0; s < 3; s++) {
        stage_begin(&stage[s], names[s]);
        for (unsigned i = 0; i < 40; i++)
            stage_add(&stage[s], i % 2 ? "cpu" : "io", "host=%s%u", s == 2 ? "x" : "h", i / 8);
        stage_share(&stage[s], &shared);
        stage_rest(&stage[s], 1700);
    }
    for (unsigned m = 0; m < 4; m++) {
        for (unsigned s = 0; s < 3; s++) {
            for (unsigned i = 8; i < 16; i++)
                stage_off(&stage[s], i, 8, m);
            stage_minute(&stage[s]);
        }
    }
    json_t *related = json_object_get(stage[0].item, "related");
    assert_int_equal(json_array_size(related), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(related, 0), "service")), "pay");
    assert_non_null(strstr(stage_text(&stage[0], "text"), "; with it pay"));
    assert_string_equal(stage_text(&stage[1], "part_of"), stage_text(&stage[0], "id"));
    assert_true(json_is_null(json_object_get(stage[0].item, "part_of")));
    assert_true(json_is_null(json_object_get(stage[2].item, "part_of")));
    assert_int_equal(json_array_size(json_object_get(stage[2].item, "related")), 0);
    for (unsigned s = 0; s < 3; s++)
        stage_end(&stage[s]);
    detect_incidents_free(shared);
}

static void fingerprints_are_ranked_by_excess(void **state)
{
    (void)state;
    struct stage stage;
    stage_begin(&stage, "pay");
    for (unsigned i = 0; i < 20; i++)
        stage_add(&stage, "exception_events_total", "fingerprint=f%u,service=pay,type=T%u", i, i % 3);
    stage_rest(&stage, 1700);
    for (unsigned m = 0; m < 3; m++) {
        for (unsigned i = 0; i < 14; i++) {
            stage.observed = 100 + 10 * ((i * 5) % 14);
            stage_off(&stage, i, 7, m);
        }
        stage_minute(&stage);
    }
    json_t *list = json_object_get(stage.item, "fingerprints");
    assert_int_equal(json_array_size(list), 10);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal((int)json_number_value(json_object_get(json_array_get(list, i), "observed")),
                         230 - 10 * (int)i);
    stage_end(&stage);
}

static void a_minute_told_again_changes_nothing(void **state)
{
    (void)state;
    struct stage stage;
    stage_begin(&stage, "shop");
    add_shop(&stage);
    stage_rest(&stage, 100);
    struct bytes before = {0}, after = {0};
    detect_incidents_encode(stage.incidents, &before);
    stage.now -= STAGE_MINUTE_MS;
    for (unsigned i = 0; i < 10; i++)
        stage_off(&stage, i, 9, 1);
    stage_minute(&stage);
    detect_incidents_encode(stage.incidents, &after);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, before.len);
    assert_int_equal(stage.told, 0);
    bytes_fini(&before);
    bytes_fini(&after);
    stage_end(&stage);
}

static void state_round_trip(void **state)
{
    (void)state;
    struct stage stage;
    stage_begin(&stage, "shop");
    add_shop(&stage);
    stage_rest(&stage, 1700);
    for (unsigned m = 0; m < 3; m++) {
        for (unsigned i = 0; i < 10; i++)
            stage_off(&stage, i, 8, m);
        stage_minute(&stage);
    }
    struct bytes kept = {0}, again = {0}, one = {0};
    detect_incidents_encode(stage.incidents, &kept);
    struct detect_incidents_options options = {.least = 60};
    struct detect_incidents *other = detect_incidents_new(&options);
    assert_int_equal(detect_incidents_decode(other, bytes_view(&kept)), TM_OK);
    detect_incidents_encode(other, &again);
    assert_int_equal(kept.len, again.len);
    assert_memory_equal(kept.data, again.data, kept.len);
    detect_incidents_encode_service(other, STR("shop"), STR(""), &one);
    assert_memory_equal(kept.data, one.data, kept.len);
    detect_incidents_encode_service(other, STR("none"), STR("x"), &one); /* two, one behind the other */
    assert_int_equal(detect_incidents_decode(other, bytes_view(&one)), TM_OK);
    struct detect_incidents *first = stage.incidents;
    uint64_t id = stage.last.id;
    stage.incidents = other; /* it goes on where the first one was */
    stage_rest(&stage, 20);
    assert_true(stage.last.id == id && stage.last.end != 0);
    stage.incidents = first;
    detect_incidents_free(other);
    bytes_fini(&kept);
    bytes_fini(&again);
    bytes_fini(&one);
    stage_end(&stage);
}

static void what_is_no_state_is_refused(void **state)
{
    (void)state;
    struct stage stage;
    stage_begin(&stage, "shop");
    add_shop(&stage);
    stage_rest(&stage, 1700);
    for (unsigned m = 0; m < 3; m++) {
        for (unsigned i = 0; i < 10; i++)
            stage_off(&stage, i, 8, m);
        stage_minute(&stage);
    }
    struct bytes kept = {0};
    detect_incidents_encode(stage.incidents, &kept);
    struct detect_incidents_options options = {.least = 60};
    struct detect_incidents *other = detect_incidents_new(&options);
    for (size_t len = 0; len < kept.len; len++)
        assert_int_equal(detect_incidents_decode(other, (struct str){(char *)kept.data, len}), TM_CORRUPT);
    struct detect_incidents_figures figures;
    detect_incidents_figures(other, &figures);
    assert_int_equal(figures.services, 0);
    kept.data[0] = 9;
    assert_int_equal(detect_incidents_decode(other, bytes_view(&kept)), TM_INVALID);
    detect_incidents_free(other);
    bytes_fini(&kept);
    stage_end(&stage);
}

static void what_late_data_undoes_is_taken_back(void **state)
{
    (void)state;
    struct stage stage;
    stage_begin(&stage, "shop");
    add_shop(&stage);
    stage_rest(&stage, 1700);
    struct bytes kept = {0};
    detect_incidents_encode_service(stage.incidents, STR("shop"), STR(""), &kept);
    time_ms_t then = stage.now;
    for (unsigned m = 0; m < 3; m++) {
        for (unsigned i = 0; i < 10; i++)
            stage_off(&stage, i, 8, m);
        stage_minute(&stage);
    }
    uint64_t id = stage.last.id;
    assert_int_equal(detect_incidents_decode(stage.incidents, bytes_view(&kept)), TM_OK);
    stage.now = then;
    stage_rest(&stage, 3);
    assert_true(stage.last.id == id && stage.last.end != 0);
    assert_non_null(strstr(stage_text(&stage, "text"), "Taken back"));
    bytes_fini(&kept);
    stage_end(&stage);
}

static void an_incident_that_a_restart_lost_is_closed(void **state)
{
    (void)state;
    struct stage stage;
    stage_begin(&stage, "shop");
    add_shop(&stage);
    stage_rest(&stage, 100);
    const struct finding lost = {.kind = FINDING_INCIDENT,
                                 .id = 77,
                                 .time = stage.now - 9 * STAGE_MINUTE_MS,
                                 .score = 80,
                                 .service = STR("shop"),
                                 .env = STR("")};
    detect_incidents_recall(stage.incidents, &lost, stage.now + 3 * STAGE_MINUTE_MS);
    stage_rest(&stage, 2);
    assert_int_equal(stage.told, 0);
    stage_rest(&stage, 1);
    assert_int_equal(stage.told, 1);
    assert_true(stage.last.id == 77 && stage.last.end == stage.now);
    assert_string_equal(stage_text(&stage, "state"), "closed");
    stage_rest(&stage, 5);
    assert_int_equal(stage.told, 1);
    stage_end(&stage);
}

static void what_opens_again_is_the_same(void **state)
{
    (void)state;
    struct stage stage;
    stage_begin(&stage, "shop");
    add_shop(&stage);
    stage_rest(&stage, 1700);
    struct bytes kept = {0};
    detect_incidents_encode_service(stage.incidents, STR("shop"), STR(""), &kept);
    time_ms_t then = stage.now;
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned m = 0; m < 3; m++) {
            for (unsigned i = 0; i < 10; i++)
                stage_off(&stage, i, 8, m);
            stage_minute(&stage);
        }
        assert_true(stage.last.end == 0);
        assert_int_equal(stage.ids, 1);
        if (round == 0)
            assert_int_equal(detect_incidents_decode(stage.incidents, bytes_view(&kept)), TM_OK);
        stage.now = round == 0 ? then : stage.now;
    }
    bytes_fini(&kept);
    stage_end(&stage);
}

static void long_labels_fit_in_a_finding(void **state)
{
    (void)state;
    struct stage stage;
    static char value[1000];
    memset(value, 'x', sizeof value - 1);
    stage_begin(&stage, "shop");
    for (unsigned i = 0; i < 60; i++)
        stage_add(&stage, "m", "a=%u,b=%s,c=\x01%s,d=%s", i, value, value, value);
    stage_rest(&stage, 1700);
    for (unsigned m = 0; m < 3; m++) {
        for (unsigned i = 0; i < 40; i++)
            stage_off(&stage, i, 8, m);
        stage_minute(&stage);
    }
    assert_int_equal(stage.opened, 1);
    assert_true(stage.last.body.len > 30000 && stage.last.body.len <= FINDING_BODY_MAX);
    assert_int_equal(stage_number(&stage, "anomalies"), 40);
    stage_end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_incident_for_500_pods),
        cmocka_unit_test(causes_are_named_with_their_share),
        cmocka_unit_test(a_total_does_not_hide_the_part_that_makes_it),
        cmocka_unit_test(onset_is_in_the_order_of_beginning),
        cmocka_unit_test(an_incident_closes_and_says_how_long_it_was),
        cmocka_unit_test(flapping_is_one_incident),
        cmocka_unit_test(it_is_told_when_it_changes_not_each_minute),
        cmocka_unit_test(the_deploy_before_it_is_named_as_before_it),
        cmocka_unit_test(feedback_noise_is_used),
        cmocka_unit_test(services_at_one_place_name_each_other),
        cmocka_unit_test(fingerprints_are_ranked_by_excess),
        cmocka_unit_test(a_minute_told_again_changes_nothing),
        cmocka_unit_test(state_round_trip),
        cmocka_unit_test(what_is_no_state_is_refused),
        cmocka_unit_test(what_late_data_undoes_is_taken_back),
        cmocka_unit_test(an_incident_that_a_restart_lost_is_closed),
        cmocka_unit_test(what_opens_again_is_the_same),
        cmocka_unit_test(long_labels_fit_in_a_finding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
