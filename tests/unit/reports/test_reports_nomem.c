/* The n-th allocation fails, for every n, while a week is read, worked out, written in all formats and put in
 * place: the run says so or makes the whole report, what stood in the folder stands whole, and the next run
 * makes it. */
#include "tests/unit/storage/nomem.h"

#include <jansson.h>

#include "reports/run.h"
#include "storage/findings/findings.h"

#if CAN_FAIL
enum { PATH = 700, STRIDE = 41 }; /* a prime: over and over other places of a loop */
#define JSON_FILE "cart/2026-W12/exceptions_cart_2026-W12.json"
#define HTML_FILE "cart/2026-W12/exceptions_cart_2026-W12.html"

static const struct week_name week = {2026, 12};
static char out_dir[PATH];
static long steps;

/* So many weeks before the report's, on its Wednesday at noon. */
static time_ms_t noon(int weeks_back)
{
    return week_shift(week_span(week).from, -weeks_back) + (2 * 24 + 12) * HOUR_MS;
}

static void tell(struct fixture *f, const char *type, time_ms_t time, uint64_t count)
{
    struct exception e = {.time = time,
                          .service = STR("cart"),
                          .type = str_of(type),
                          .release = STR("1.2"),
                          .fingerprint = str_of(type),
                          .message = STR("<b> | =1"),
                          .stack = STR("at a.B.c(B.java:1)"),
                          .count = count};
    assert_int_equal(labels_add(&e.tags, STR("pod"), STR("p1")), TM_OK);
    struct batch *batch = store_batch_new(f->store);
    assert_non_null(batch);
    assert_int_equal(store_batch_exception(batch, &e), TM_OK);
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
}

static void mark(struct fixture *f, enum marker_kind kind, time_ms_t time)
{
    uint64_t id;
    struct marker marker = {
        .kind = kind, .time = time, .end = kind == MARKER_DEPLOY ? MARKER_NO_END : time + HOUR_MS};
    marker.text[MARKER_SERVICE] = STR("cart");
    marker.text[kind == MARKER_DEPLOY ? MARKER_VERSION : MARKER_CLASS] = STR("1.2");
    struct batch *batch = store_batch_new(f->store);
    assert_non_null(batch);
    assert_int_equal(store_batch_marker(batch, &marker, &id), TM_OK);
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
}

static void find_incident(struct fixture *f)
{
    const struct finding finding = {.kind = FINDING_INCIDENT,
                                    .id = 6,
                                    .time = noon(0),
                                    .end = noon(0) + HOUR_MS,
                                    .score = 70,
                                    .service = STR("cart"),
                                    .body = STR("{\"text\":\"it broke\"}")};
    struct batch *batch = store_batch_new(f->store);
    assert_non_null(batch);
    assert_int_equal(store_batch_finding(batch, &finding), TM_OK);
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
}

/* A gauge of the service, of which the incident has to say that it is higher. */
static void measure(struct fixture *f, time_ms_t time, double value)
{
    series_id id;
    struct batch *batch = store_batch_new(f->store);
    assert_non_null(batch);
    assert_int_equal(series_try(f->store, batch, "load", "cart", &id, &f->why), TM_OK);
    for (int minute = 0; minute < 5; minute++)
        assert_int_equal(store_batch_sample(batch, id, time + minute * INT64_C(60000),
                                            number_of_double(value + minute % 2)),
                         TM_OK);
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
}

static void fill(struct fixture *f)
{
    for (int back = 4; back >= 1; back--) {
        tell(f, "steady", noon(back), 100);
        tell(f, "gone", noon(back), 25);
        measure(f, noon(back), 10);
    }
    tell(f, "steady", noon(0), 400);
    tell(f, "first", noon(0) + 5 * HOUR_MS, 3);
    measure(f, noon(0), 90);
    mark(f, MARKER_DEPLOY, noon(0) - HOUR_MS);
    mark(f, MARKER_EVENT, noon(0) + 30 * HOUR_MS);
    find_incident(f);
}

static enum tm_err run(struct fixture *f)
{
    const struct run_options options = {.data_dir = f->dir,
                                        .out_dir = out_dir,
                                        .zone = "UTC",
                                        .language = "ko",
                                        .formats = {true, true, true, true},
                                        .week = week,
                                        .span = week_span(week),
                                        .clock = &f->clock.clock};
    struct bytes out = {0};
    f->why.text[0] = '\0';
    enum tm_err err = run_reports(&options, &out, &f->why);
    bytes_fini(&out);
    return err;
}

static bool is_there(const char *file)
{
    char path[2 * PATH];
    (void)snprintf(path, sizeof path, "%s/%s", out_dir, file);
    return access(path, F_OK) == 0;
}

static void remove_report(struct fixture *f)
{
    char command[2 * PATH];
    (void)f;
    (void)snprintf(command, sizeof command, "/bin/rm -rf '%s'", out_dir);
    assert_int_equal(system(command), 0);
}

/* A set is there as a whole or not at all; without a word about memory it is there. */
static void expect_whole(struct fixture *f, enum tm_err err)
{
    char path[2 * PATH];
    steps++;
    assert_true(!err || f->why.text[0] != '\0');
    assert_true(err || is_there(JSON_FILE));
    assert_int_equal(is_there(JSON_FILE), is_there(HTML_FILE));
    if (!is_there(JSON_FILE))
        return;
    (void)snprintf(path, sizeof path, "%s/%s", out_dir, JSON_FILE);
    json_t *report = json_load_file(path, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(json_object_get(report, "lists"), "new")), 1);
    assert_int_equal(json_array_size(json_object_get(report, "incidents")), 1);
    assert_int_equal(json_array_size(json_object_get(report, "deploys")), 1);
    const json_t *incident = json_array_get(json_object_get(report, "incidents"), 0);
    assert_int_equal(json_array_size(json_object_get(incident, "series")), 1);
    json_decref(report);
}

static void a_report_is_made_as_a_whole_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(week_set_zone("UTC", &f->why), TM_OK);
    (void)snprintf(out_dir, sizeof out_dir, "%s/reports", f->dir);
    fill(f);
    is_reading = true;
    stride = getenv("SOAK") ? 1 : STRIDE;
    long count = fail_each(f, remove_report, run, expect_whole);
    assert_true(steps > count / (2 * stride));
    assert_int_equal(run(f), TM_OK);
    expect_whole(f, TM_OK);
    expect_sound(f);
}

/* Without Gnuplot on the way: it would be started for each allocation. What it draws is in test_figures. */
static int without_gnuplot(void **state)
{
    if (!freopen("/dev/null", "w", stderr))
        return -1;
    (void)setenv("PATH", "/nowhere", 1);
    return nomem_setup(state);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#if CAN_FAIL
        cmocka_unit_test_setup_teardown(a_report_is_made_as_a_whole_or_not_at_all, without_gnuplot,
                                        fixture_teardown),
#else
        cmocka_unit_test(there_is_nothing_to_fail_under_a_sanitizer),
#endif
    };
    return cmocka_run_group_tests_name("reports without memory", tests, NULL, NULL);
}
