/* An anomaly of a series its own, among those of the same metric: is it alone, how many moved likewise, and
 * what labels do these have in common? Causes are injected. */
#include "tests/unit/server/detect_rig.h"

enum { FAULT = 20 * HOUR, PODS = 40, YOUNG = 30, BODY_MAX = 16384 };

/* Pod i of a fleet: 4 zones of 10 each, 2 versions by turns, 5 disks. */
struct pod {
    char name[16], zone[8], version[8], disk[8];
};

static struct pod pod_of(int i)
{
    struct pod pod;
    (void)snprintf(pod.name, sizeof pod.name, "p%d", i);
    (void)snprintf(pod.zone, sizeof pod.zone, "z%d", i / 10 % 4);
    (void)snprintf(pod.version, sizeof pod.version, "v%d", i % 2);
    (void)snprintf(pod.disk, sizeof pod.disk, "d%d", i / 2 % 5);
    return pod;
}

static series_id series_of_pod(struct rig *rig, struct batch *batch, const char *metric, int i)
{
    const struct pod pod = pod_of(i);
    const char *const texts[][2] = {{LABEL_NAME, metric}, {"service", "cart"},      {"pod", pod.name},
                                    {"zone", pod.zone},   {"version", pod.version}, {"disk", pod.disk}};
    struct labels labels = {.count = 0};
    struct str twice;
    struct tm_why why;
    series_id id = 0;
    char key[64];
    (void)snprintf(key, sizeof key, "%s %d", metric, i);
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
        assert_int_equal(labels_add(&labels, str_of(texts[k][0]), str_of(texts[k][1])), TM_OK);
    assert_int_equal(labels_sort(&labels, &twice), TM_OK);
    assert_int_equal(store_series_intern(rig->f->store, batch, hash_of(key), &labels, STR("cart"), &id, &why),
                     TM_OK);
    return id;
}

/* By how much pod i is off in the minute of the fault. */
typedef double fault_fn(int i);

/* A fleet's gauge, or what a counter counts: `from` is the first minute of a pod. */
struct fleet {
    const char *metric;
    int pods;
    bool counts;
    fault_fn *fault;
    int young; /* from this pod on they are half an hour old */
};

static void send_pod(struct rig *rig, struct batch *batch, const struct fleet *fleet, int i, int minute,
                     double *total)
{
    double value = 100 + 4 * (noise((uint64_t)(minute * 1024 + i)) - 0.5);
    if (minute == FAULT)
        value += fleet->fault(i);
    if (fleet->counts)
        value = total[i] += value;
    series_id id = series_of_pod(rig, batch, fleet->metric, i);
    time_ms_t time = BEGIN + (time_ms_t)minute * MINUTE_MS + 20000;
    assert_int_equal(store_batch_sample(batch, id, time, number_of_double(value)), TM_OK);
}

static void send_fleet(struct rig *rig, const struct fleet *fleet)
{
    double *total = calloc((size_t)fleet->pods, sizeof *total);
    assert_non_null(total);
    run(rig);
    for (int minute = 0; minute < FAULT + 2;) {
        struct batch *batch = store_batch_new(rig->f->store);
        int end = minute < FAULT - HOUR ? minute + 20 : minute + 1;
        for (; minute < end; minute++) {
            for (int i = 0; i < fleet->pods; i++) {
                if (minute >= FAULT - YOUNG || fleet->young == 0 || i < fleet->young)
                    send_pod(rig, batch, fleet, i, minute, total);
            }
        }
        assert_int_equal(send_batch(rig->f->store, batch, NULL), TM_OK);
    }
    free(total);
    run(rig);
}

/* ---- looking ---- */

struct wanted_body {
    const char *pod;
    char body[BODY_MAX];
};

static bool take_body(void *arg, const struct finding *finding)
{
    struct wanted_body *wanted = arg;
    char pod[32];
    assert_true(finding->body.len < BODY_MAX);
    (void)snprintf(pod, sizeof pod, "\"pod\":\"%s\",\"service\"", wanted->pod);
    if (finding->time != BEGIN + (time_ms_t)FAULT * MINUTE_MS ||
        !memmem(finding->body.ptr, finding->body.len, pod, strlen(pod)))
        return true;
    (void)snprintf(wanted->body, BODY_MAX, "%.*s", STR_ARG(finding->body));
    return false;
}

/* The body of a pod's anomaly in the minute of the fault. */
static const char *body_of(struct rig *rig, int pod, struct wanted_body *wanted)
{
    const struct findings_wanted all = {.kind = FINDING_ANOMALY, .span = EVERYTHING, .min_score = 20};
    const struct pod named = pod_of(pod);
    struct tm_why why;
    struct reader *reader = reader_of_store(rig->f->store);
    *wanted = (struct wanted_body){.pod = named.name};
    assert_int_equal(findings_search(reader, &all, take_body, wanted, &why), TM_OK);
    reader_close(reader);
    return wanted->body;
}

static void assert_says(struct rig *rig, int pod, const char *sentence, const char *json)
{
    struct wanted_body wanted;
    const char *body = body_of(rig, pod, &wanted);
    if (!strstr(body, sentence) || !strstr(body, json))
        fail_msg("of pod %d: not \"%s\" and %s in %s", pod, sentence, json, body);
}

/* ---- promises ---- */

static double fault_of_one(int i)
{
    return i == 7 ? 600 : 0;
}

static void a_series_that_is_off_alone_is_named_as_the_only_one(void **state)
{
    struct rig *rig = *state;
    send_fleet(rig, &(struct fleet){"queue_depth", PODS, .fault = fault_of_one});
    assert_says(
        rig, 7, "; only pod p7 of 40 series; so unusual",
        "\"causes\":[{\"labels\":{\"pod\":\"p7\"},\"share\":1}],\"siblings\":{\"series\":40,\"moved\":1}");
}

static void of_many_one_is_said_to_be_alone_without_its_labels(void **state)
{
    struct rig *rig = *state;
    send_fleet(rig, &(struct fleet){"queue_depth", 257, .fault = fault_of_one});
    assert_says(rig, 7, "; only this of 257 series; so unusual",
                "\"causes\":[],\"siblings\":{\"series\":257,\"moved\":1}");
}

static double fault_of_zone(int i)
{
    return i / 10 == 1 ? 600 : 0;
}

static void what_all_have_in_common_is_one_label(void **state)
{
    struct rig *rig = *state;
    send_fleet(rig, &(struct fleet){"queue_depth", PODS, .fault = fault_of_zone});
    for (int i = 10; i < 20; i++)
        assert_says(rig, i, "; 10 of 40 series moved likewise, all in zone z1; so unusual",
                    "\"causes\":[{\"labels\":{\"zone\":\"z1\"},\"share\":1}],"
                    "\"siblings\":{\"series\":40,\"moved\":10}");
    assert_int_equal(figures_of(rig).compared > 0, true);
}

static double fault_of_two(int i)
{
    return i / 10 == 2 && i % 2 == 1 ? 400 : 0;
}

static void what_all_have_in_common_are_two_labels(void **state)
{
    struct rig *rig = *state;
    send_fleet(rig, &(struct fleet){"queue_depth", PODS, .fault = fault_of_two});
    assert_says(rig, 23, "; 5 of 40 series moved likewise, all in version v1, zone z2; ",
                "\"causes\":[{\"labels\":{\"version\":\"v1\",\"zone\":\"z2\"},\"share\":1}],"
                "\"siblings\":{\"series\":40,\"moved\":5}");
}

/* Four pods of a zone, a version and a disk, in a fleet of 160 that has four of each kind. */
static double fault_of_three(int i)
{
    return i / 10 % 4 == 3 && i % 2 == 0 && i / 2 % 5 == 2 ? 400 : 0;
}

static void what_all_have_in_common_are_three_labels(void **state)
{
    struct rig *rig = *state;
    send_fleet(rig, &(struct fleet){"queue_depth", 4 * PODS, .fault = fault_of_three});
    assert_says(rig, 34, "; 4 of 160 series moved likewise, all in disk d2, version v0, zone z3; ",
                "\"siblings\":{\"series\":160,\"moved\":4}");
}

static double fault_of_all(int i)
{
    return -60 - i % 3;
}

static void a_fall_of_all_is_said_to_be_of_all(void **state)
{
    struct rig *rig = *state;
    send_fleet(rig, &(struct fleet){"queue_depth", PODS, .fault = fault_of_all});
    assert_says(rig, 5, "; all 40 series moved likewise; ",
                "\"causes\":[],\"siblings\":{\"series\":40,\"moved\":40}");
}

/* A zone, and two of another one. */
static double fault_with_strays(int i)
{
    return i / 10 == 1 ? 400 : i == 5 || i == 33 ? 150 : 0;
}

static void amounts_have_a_share_of_the_excess(void **state)
{
    struct rig *rig = *state;
    send_fleet(rig, &(struct fleet){"queue_depth", PODS, .fault = fault_with_strays});
    assert_says(rig, 12, "; 12 of 40 series moved likewise, 93 % of the excess in zone z1; ",
                "\"labels\":{\"zone\":\"z1\"},\"share\":0.93");
}

static void temperatures_have_a_share_of_the_series(void **state)
{
    struct rig *rig = *state;
    send_fleet(rig, &(struct fleet){"disk_temperature_celsius", PODS, .fault = fault_with_strays});
    assert_says(rig, 12, "; 12 of 40 series moved likewise, 83 % of them in zone z1; ",
                "\"labels\":{\"zone\":\"z1\"},\"share\":0.833333");
}

static void rates_of_counters_are_amounts(void **state)
{
    struct rig *rig = *state;
    send_fleet(rig, &(struct fleet){"requests_total", PODS, .counts = true, .fault = fault_with_strays});
    assert_says(rig, 12, "; 12 of 40 series moved likewise, 93 % of the excess in zone z1; ",
                "\"siblings\":{\"series\":40,\"moved\":12}");
}

/* One far off, one a little, one in the other direction. */
static double fault_of_three_kinds(int i)
{
    return i == 3 ? 4000 : i == 15 ? 60 : i == 22 ? -60 : 0;
}

static void what_moved_otherwise_is_not_likewise(void **state)
{
    struct rig *rig = *state;
    send_fleet(rig, &(struct fleet){"queue_depth", PODS, .fault = fault_of_three_kinds});
    assert_says(rig, 3, "; only pod p3 of 40 series; ", "\"siblings\":{\"series\":40,\"moved\":1}");
    assert_says(rig, 15, "; only pod p15 of 40 series; ", "\"siblings\":{\"series\":40,\"moved\":1}");
    assert_says(rig, 22, "; only pod p22 of 40 series; ", "\"siblings\":{\"series\":40,\"moved\":1}");
}

static void series_without_a_state_yet_are_compared_by_their_last_hour(void **state)
{
    struct rig *rig = *state;
    send_fleet(rig, &(struct fleet){"queue_depth", PODS, .fault = fault_of_zone, .young = 15});
    assert_says(rig, 12, "; 10 of 40 series moved likewise, all in zone z1; ",
                "\"siblings\":{\"series\":40,\"moved\":10}");
}

static void a_series_without_siblings_has_nothing_said_of_them(void **state)
{
    struct rig *rig = *state;
    send_fleet(rig, &(struct fleet){"queue_depth", 1, .fault = fault_of_all});
    assert_says(rig, 0, "; so unusual once in ", "\"causes\":[],\"siblings\":null");
}

static double fault_of_hundreds(int i)
{
    return 300 + i % 7;
}

/* Before it, minutes in which one series or another was unusual by itself are a handful. */
static void series_that_fail_together_are_compared_once(void **state)
{
    struct rig *rig = *state;
    send_fleet(rig, &(struct fleet){"queue_depth", 500, .fault = fault_of_hundreds});
    assert_says(rig, 499, "; all 500 series moved likewise; ", "\"siblings\":{\"series\":500,\"moved\":500}");
    struct detect_figures figures = figures_of(rig);
    assert_true(figures.anomalies >= 500);
    assert_true(figures.compared <= figures.anomalies - 499);
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(a_series_that_is_off_alone_is_named_as_the_only_one),
        PROMISE(of_many_one_is_said_to_be_alone_without_its_labels),
        PROMISE(what_all_have_in_common_is_one_label),
        PROMISE(what_all_have_in_common_are_two_labels),
        PROMISE(what_all_have_in_common_are_three_labels),
        PROMISE(a_fall_of_all_is_said_to_be_of_all),
        PROMISE(amounts_have_a_share_of_the_excess),
        PROMISE(temperatures_have_a_share_of_the_series),
        PROMISE(rates_of_counters_are_amounts),
        PROMISE(what_moved_otherwise_is_not_likewise),
        PROMISE(series_without_a_state_yet_are_compared_by_their_last_hour),
        PROMISE(a_series_without_siblings_has_nothing_said_of_them),
        PROMISE(series_that_fail_together_are_compared_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
