/* An incident says where the excess of its sums lies: which page groups, and who asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/server/incident_stage.h"

enum { GROUPS = 4, SERIES_EACH = 4, WAVE_MINUTES = 3 };

/* Of each page group its 404s by who asks, the sum and the ratio of its class. */
static void add_shop(struct stage *stage)
{
    static const char *const groups[GROUPS] = {"home", "product", "cart", "search"};
    for (unsigned g = 0; g < GROUPS; g++) {
        stage_add(stage, "http_events_total", "agent=crawler,page_group=%s,service=shop,status=404",
                  groups[g]);
        stage_add(stage, "http_events_total", "agent=desktop,page_group=%s,service=shop,status=404",
                  groups[g]);
        stage_add(stage, "http_events_total", "class=4xx,page_group=%s,service=shop", groups[g]);
        stage_add(stage, "http_error_ratio", "class=4xx,page_group=%s,service=shop", groups[g]);
        stage_add(stage, "http_events_total", "agent=desktop,page_group=%s,service=shop,status=200",
                  groups[g]);
        stage_add(stage, "http_event_duration_seconds", "page_group=%s,quantile=0.5,service=shop", groups[g]);
    }
}

static void encode(struct bytes *out, const char *const pairs[][2], size_t count)
{
    struct labels labels = {.count = 0};
    for (size_t i = 0; i < count; i++)
        assert_int_equal(labels_add(&labels, str_of(pairs[i][0]), str_of(pairs[i][1])), TM_OK);
    bytes_clear(out);
    labels_encode(&labels, out);
}

/* A shop with a wave of 404s in the product group, of which 94 % are in one label. */
struct wave {
    struct stage stage;
    struct bytes of, where;
};

static void begin_wave_beside(struct wave *wave, const char *class, const char *name, const char *value)
{
    const char *const of[][2] = {
        {LABEL_NAME, "http_error_ratio"}, {"class", class}, {"page_group", "product"}, {"service", "shop"}};
    const char *const where[][2] = {{name, value}};
    *wave = (struct wave){.of = {0}};
    stage_begin(&wave->stage, "shop");
    add_shop(&wave->stage);
    stage_rest(&wave->stage, 1700);
    encode(&wave->of, of, sizeof of / sizeof *of);
    encode(&wave->where, where, 1);
    wave->stage.excess = (struct detect_excess){.score = 90,
                                                .of = bytes_view(&wave->of),
                                                .count = 1,
                                                .labels = {bytes_view(&wave->where)},
                                                .share = {0.94}};
    for (unsigned m = 0; m < WAVE_MINUTES; m++) {
        for (unsigned i = 6; i < 6 + SERIES_EACH; i++)
            stage_off(&wave->stage, i, 5, m);
        stage_minute(&wave->stage);
    }
    wave->stage.excess = (struct detect_excess){.score = 0};
    assert_int_equal(wave->stage.opened, 1);
}

static void begin_wave(struct wave *wave, const char *name, const char *value)
{
    begin_wave_beside(wave, "4xx", name, value);
}

static void end_wave(struct wave *wave)
{
    bytes_fini(&wave->of);
    bytes_fini(&wave->where);
    stage_end(&wave->stage);
}

static void who_asks_is_said_of_a_wave_of_404s(void **state)
{
    (void)state;
    struct wave wave;
    begin_wave(&wave, "agent", "crawler");
    const char *text = stage_text(&wave.stage, "text");
    if (!strstr(text,
                "; all of it in class 4xx, page_group product; 94 % of the excess in agent crawler; first "))
        fail_msg("%s", text);
    json_t *one = json_array_get(json_object_get(wave.stage.item, "excess"), 0);
    assert_string_equal(json_string_value(json_object_get(json_object_get(one, "labels"), "agent")),
                        "crawler");
    assert_true(fabs(json_number_value(json_object_get(one, "share")) - 0.94) < 1e-9);
    end_wave(&wave);
}

static void what_a_cause_says_is_not_said_twice(void **state)
{
    (void)state;
    struct wave wave;
    begin_wave(&wave, "page_group", "product");
    const char *text = stage_text(&wave.stage, "text");
    if (!strstr(text, " page_group product") || strstr(text, "of the excess"))
        fail_msg("%s", text);
    end_wave(&wave);
}

static void a_class_that_is_not_at_fault_is_left_out(void **state)
{
    (void)state;
    struct wave wave;
    begin_wave_beside(&wave, "3xx", "agent", "crawler");
    const char *text = stage_text(&wave.stage, "text");
    if (!strstr(text, "; all of it in class 4xx, page_group product; first "))
        fail_msg("%s", text);
    assert_int_equal(json_array_size(json_object_get(wave.stage.item, "excess")), 0);
    end_wave(&wave);
}

/* The series of a status belong to the class that its sums have. */
static void a_status_and_its_class_are_one_cause(void **state)
{
    (void)state;
    static const char *const of[][2] = {
        {LABEL_NAME, "http_error_ratio"}, {"class", "4xx"}, {"page_group", "cart"}, {"service", "shop"}};
    static const char *const where[][2] = {{"agent", "desktop"}};
    struct stage stage;
    struct bytes sum = {0}, set = {0};
    stage_begin(&stage, "shop");
    add_shop(&stage);
    stage_rest(&stage, 1700);
    encode(&sum, of, sizeof of / sizeof *of);
    encode(&set, where, 1);
    stage.excess = (struct detect_excess){
        .score = 70, .of = bytes_view(&sum), .count = 1, .labels = {bytes_view(&set)}, .share = {1}};
    for (unsigned m = 0; m < WAVE_MINUTES; m++) {
        for (unsigned i = 0; i < stage.series; i++) {
            if (i % 6 < SERIES_EACH)
                stage_off(&stage, i, 5, m);
        }
        stage_minute(&stage);
    }
    assert_int_equal(stage.opened, 1);
    json_t *causes = json_object_get(stage.item, "causes");
    assert_int_equal(json_array_size(causes), 1);
    json_t *labels = json_object_get(json_array_get(causes, 0), "labels");
    assert_int_equal(json_object_size(labels), 1);
    assert_string_equal(json_string_value(json_object_get(labels, "class")), "4xx");
    assert_true(json_number_value(json_object_get(json_array_get(causes, 0), "share")) > 0.99);
    const char *text = stage_text(&stage, "text");
    if (!strstr(
            text,
            "; all of it in class 4xx; of class 4xx in page_group cart all of the excess in agent desktop; "))
        fail_msg("%s", text);
    bytes_fini(&sum);
    bytes_fini(&set);
    stage_end(&stage);
}

static void the_excess_outlives_a_restart(void **state)
{
    (void)state;
    struct wave wave;
    const struct detect_incidents_options options = {.least = 60};
    struct bytes kept = {0};
    begin_wave(&wave, "agent", "crawler");
    detect_incidents_encode(wave.stage.incidents, &kept);
    detect_incidents_free(wave.stage.incidents);
    wave.stage.incidents = detect_incidents_new(&options);
    assert_int_equal(detect_incidents_decode(wave.stage.incidents, bytes_view(&kept)), TM_OK);
    stage_rest(&wave.stage, 30);
    assert_true(wave.stage.last.end != 0);
    assert_non_null(strstr(stage_text(&wave.stage, "text"), "94 % of the excess in agent crawler"));
    bytes_fini(&kept);
    end_wave(&wave);
}

/* Version 1 had no excess: its 11 bytes, of nothing, stand behind an incident without members and causes. */
static void states_of_version_1_are_read(void **state)
{
    (void)state;
    enum { HEAD = 1 + 1 + 5 + 1 + INCIDENT_BYTES, EMPTY_INCIDENT = 8 + 4 + 8 + 2 + 16 + 1 + 1, EXCESS = 11 };
    const struct detect_incidents_options options = {.least = 60};
    struct detect_incidents *incidents = detect_incidents_new(&options);
    struct bytes now = {0}, old = {0}, again = {0};
    detect_incidents_encode_service(incidents, STR("shop"), STR(""), &now);
    bytes_put(&old, now.data, HEAD + EMPTY_INCIDENT);
    bytes_put(&old, now.data + HEAD + EMPTY_INCIDENT + EXCESS, now.len - HEAD - EMPTY_INCIDENT - EXCESS);
    assert_int_equal(old.data[0], 2);
    old.data[0] = 1;
    assert_int_equal(detect_incidents_decode(incidents, bytes_view(&old)), TM_OK);
    detect_incidents_encode(incidents, &again);
    assert_int_equal(again.len, now.len);
    assert_memory_equal(again.data, now.data, now.len);
    old.data[0] = 3;
    assert_int_equal(detect_incidents_decode(incidents, bytes_view(&old)), TM_INVALID);
    bytes_fini(&now);
    bytes_fini(&old);
    bytes_fini(&again);
    detect_incidents_free(incidents);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asks_is_said_of_a_wave_of_404s),
        cmocka_unit_test(what_a_cause_says_is_not_said_twice),
        cmocka_unit_test(a_class_that_is_not_at_fault_is_left_out),
        cmocka_unit_test(a_status_and_its_class_are_one_cause),
        cmocka_unit_test(the_excess_outlives_a_restart),
        cmocka_unit_test(states_of_version_1_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
