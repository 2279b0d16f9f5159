/* Which series an anomaly speaks of, by its body; and their numbers before it (server/query/anomaly_past.h).
 */
#include "tests/unit/server/detect_rig.h"

#include "server/query/anomaly_past.h"

enum { DAY = 24 * HOUR, MANY = ANOMALY_PAST_DAYS_READ + 1 };

/* ---- which series ---- */

struct selected {
    const char *body, *selector;
    enum anomaly_form form;
    enum detect_kind kind;
    bool is_p95;
    char class;
};

static const struct selected cases[] = {
    {.body = "{\"metric\":\"load\",\"labels\":{\"service\":\"cart\",\"pod\":\"a\"}}",
     .selector = "load{pod=\"a\",service=\"cart\"}",
     .kind = DETECT_GAUGE},
    {.body = "{\"metric\":\"jobs_total\",\"labels\":{}}", .selector = "jobs_total", .kind = DETECT_COUNTER},
    {.body = "{\"metric\":\"tally_payment_total\",\"labels\":{\"method\":\"a \\\"b\\\"\"}}",
     .selector = "tally_payment_total{method=\"a \\\"b\\\"\"}",
     .kind = DETECT_COUNTS},
    {.body = "{\"metric\":\"http_events_total\",\"labels\":{\"service\":\"shop\"}}",
     .selector = "http_events_total{env=\"\",service=\"shop\"}",
     .form = ANOMALY_SUM,
     .kind = DETECT_COUNTS},
    {.body = "{\"metric\":\"http_events_total\",\"labels\":{\"service\":\"shop\",\"env\":\"prod\","
             "\"page_group\":\"cart\",\"class\":\"4xx\"}}",
     .selector = "http_events_total{env=\"prod\",page_group=\"cart\",service=\"shop\"}",
     .form = ANOMALY_SUM,
     .kind = DETECT_COUNTS,
     .class = '4'},
    {.body = "{\"metric\":\"http_error_ratio\",\"labels\":{\"service\":\"shop\",\"class\":\"5xx\"},"
             "\"parts\":{\"part\":1,\"whole\":9}}",
     .selector = "http_events_total{env=\"\",service=\"shop\"}",
     .form = ANOMALY_RATIO,
     .kind = DETECT_COUNTS,
     .class = '5'},
    /* somebody's own */
    {.body = "{\"metric\":\"http_error_ratio\",\"labels\":{\"class\":\"5xx\"},\"parts\":{\"raw\":1}}",
     .selector = "http_error_ratio{class=\"5xx\"}",
     .kind = DETECT_GAUGE},
    {.body = "{\"metric\":\"exception_events_total\",\"labels\":{\"env\":\"prod\"}}",
     .selector = "exception_events_total{env=\"prod\",service=\"\"}",
     .form = ANOMALY_SUM,
     .kind = DETECT_COUNTS},
    /* one of the series that sums are made of */
    {.body = "{\"metric\":\"http_events_total\",\"labels\":{\"service\":\"shop\",\"method\":\"GET\","
             "\"status\":\"404\"}}",
     .selector = "http_events_total{method=\"GET\",service=\"shop\",status=\"404\"}",
     .kind = DETECT_COUNTS},
    {.body = "{\"metric\":\"exception_events_total\",\"labels\":{\"fingerprint\":\"f\",\"type\":\"E\"}}",
     .selector = "exception_events_total{fingerprint=\"f\",type=\"E\"}",
     .kind = DETECT_COUNTS},
    {.body =
         "{\"metric\":\"http_event_duration_seconds\",\"labels\":{\"service\":\"a\",\"quantile\":\"0.95\","
         "\"env\":\"b\"}}",
     .selector = "http_event_duration_seconds{env=\"b\",service=\"a\"}",
     .kind = DETECT_HISTOGRAM,
     .is_p95 = true},
    {.body = "{\"metric\":\"http_event_duration_seconds\",\"labels\":{\"quantile\":\"0.5\"}}",
     .selector = "http_event_duration_seconds",
     .kind = DETECT_HISTOGRAM},
    /* a summary as Prometheus has them */
    {.body = "{\"metric\":\"rpc_seconds\",\"labels\":{\"quantile\":\"0.95\"}}",
     .selector = "rpc_seconds{quantile=\"0.95\"}",
     .kind = DETECT_GAUGE},
};

static void an_anomaly_names_the_series_that_it_was_scored_of(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct anomaly_series series;
        struct bytes text = {0};
        assert_int_equal(anomaly_series_read(str_of(cases[i].body), &series), TM_OK);
        selector_print(&series.selector, &text);
        bytes_u8(&text, '\0');
        assert_string_equal((const char *)text.data, cases[i].selector);
        assert_int_equal(series.form, cases[i].form);
        assert_int_equal(series.kind, cases[i].kind);
        assert_int_equal(series.is_p95, cases[i].is_p95);
        assert_int_equal(series.class, cases[i].class);
        bytes_fini(&text);
        anomaly_series_fini(&series);
    }
}

static void a_body_that_names_no_series_is_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "{}",
        "[]",
        "{",
        "{\"metric\":5,\"labels\":{}}",
        "{\"metric\":\"\",\"labels\":{}}",
        "{\"metric\":\"load\"}",
        "{\"metric\":\"load\",\"labels\":[]}",
        "{\"metric\":\"load\",\"labels\":{\"pod\":5}}",
        "{\"metric\":\"load\",\"labels\":{\"pod\":null}}",
        "{\"metric\":\"load\",\"labels\":{\"__name__\":\"load\"}}",
        "{\"metric\":\"http_events_total\",\"labels\":{\"class\":\"xxx\"}}",
        "{\"metric\":\"http_events_total\",\"labels\":{\"class\":\"6xx\"}}",
        "{\"metric\":\"http_events_total\",\"labels\":{\"class\":\"5\"}}",
        "{\"metric\":\"http_error_ratio\",\"labels\":{},\"parts\":{\"whole\":1}}",
        "{\"metric\":\"http_error_ratio\",\"labels\":{\"class\":\"5xx\",\"pod\":\"a\"},\"parts\":{\"whole\":"
        "1}}",
        "{\"metric\":\"http_event_duration_seconds\",\"labels\":{}}",
        "{\"metric\":\"http_event_duration_seconds\",\"labels\":{\"quantile\":\"0.99\"}}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct anomaly_series series;
        assert_int_equal(anomaly_series_read(str_of(bodies[i]), &series), TM_NOT_FOUND);
        anomaly_series_fini(&series);
    }
}

static void a_body_of_more_labels_than_a_series_can_have_is_refused(void **state)
{
    (void)state;
    struct anomaly_series series;
    struct bytes body = {0};
    bytes_printf(&body, "{\"metric\":\"load\",\"labels\":{\"a0\":\"x\"");
    for (int i = 1; i < LABELS_MAX - 1; i++)
        bytes_printf(&body, ",\"a%d\":\"x\"", i);
    struct bytes more = {0};
    bytes_put(&more, body.data, body.len);
    bytes_printf(&body, "}}");
    bytes_printf(&more, ",\"b\":\"x\"}}");
    assert_int_equal(anomaly_series_read(bytes_view(&body), &series), TM_OK);
    assert_int_equal(series.selector.count, LABELS_MAX);
    anomaly_series_fini(&series);
    assert_int_equal(anomaly_series_read(bytes_view(&more), &series), TM_NOT_FOUND);
    anomaly_series_fini(&series);
    bytes_fini(&body);
    bytes_fini(&more);
}

/* ---- their numbers ---- */

/* An anomaly in a minute of the rig. */
static struct finding at_minute(int minute, const char *body)
{
    time_ms_t time = BEGIN + (time_ms_t)minute * MINUTE_MS;
    return (struct finding){
        .kind = FINDING_ANOMALY, .id = 1, .time = time, .end = time + MINUTE_MS, .body = str_of(body)};
}

/* Reads all before it, or as much as can be. */
static enum tm_err read_past(struct rig *rig, const struct finding *finding, struct anomaly_past *past)
{
    struct reader *reader = reader_of_store(rig->f->store);
    struct tm_why why;
    bool is_done = false;
    enum tm_err err = anomaly_past_begin(past, finding);
    while (!err && !is_done)
        err = anomaly_past_step(past, reader, &is_done, &why);
    reader_close(reader);
    return err;
}

/* What came to be of a minute of the rig. */
static double value_at(const struct anomaly_past *past, int minute)
{
    int64_t at = BEGIN / MINUTE_MS + minute - past->from;
    assert_true(at >= 0 && at < past->to - past->from);
    return past->part[at];
}

static void send_statuses(struct rig *rig, int minute, int64_t good, int64_t bad)
{
    send_cell(rig, minute, "http_events_total", "status", "200", good);
    if (bad > 0)
        send_cell(rig, minute, "http_events_total", "status", "503", bad);
}

static void counts_are_added_up_and_nothing_is_0_from_the_first_on(void **state)
{
    struct rig *rig = *state;
    struct anomaly_past past;
    struct anomaly_shape shape;
    bool is_known;
    const struct finding errors = at_minute(
        700, "{\"metric\":\"http_events_total\",\"labels\":{\"service\":\"cart\",\"class\":\"5xx\"}}");
    const struct finding all =
        at_minute(700, "{\"metric\":\"http_events_total\",\"labels\":{\"service\":\"cart\"}}");
    send_statuses(rig, 10, 5, 0);
    send_statuses(rig, 20, 90, 10);
    send_cell(rig, 20, "http_events_total", "status", "500", 7);
    send_statuses(rig, 701, 1, 1);
    assert_int_equal(read_past(rig, &errors, &past), TM_OK);
    assert_int_equal(past.to - past.from, ANOMALY_PAST_VALUES);
    assert_int_equal(past.to, BEGIN / MINUTE_MS + 701);
    assert_int_equal(anomaly_past_compare(&past, &shape, &is_known), TM_OK);
    assert_true(is_known && shape.from == BEGIN + 10 * MINUTE_MS);
    assert_true(isnan(value_at(&past, 9)) && value_at(&past, 10) == 0 && value_at(&past, 11) == 0);
    assert_true(value_at(&past, 20) == 17 && value_at(&past, 700) == 0);
    anomaly_past_fini(&past);
    assert_int_equal(read_past(rig, &all, &past), TM_OK);
    assert_true(value_at(&past, 10) == 5 && value_at(&past, 20) == 107);
    anomaly_past_fini(&past);
}

static void a_ratio_is_drawn_to_its_long_mean(void **state)
{
    struct rig *rig = *state;
    struct anomaly_past past;
    struct anomaly_shape shape;
    bool is_known;
    const struct finding ratio =
        at_minute(700, "{\"metric\":\"http_error_ratio\",\"labels\":{\"service\":\"cart\",\"class\":\"5xx\"},"
                       "\"parts\":{\"whole\":1}}");
    send_statuses(rig, 10, 50, 0);
    send_statuses(rig, 20, 30, 20); /* 20 of 100 in all */
    assert_int_equal(read_past(rig, &ratio, &past), TM_OK);
    assert_int_equal(anomaly_past_compare(&past, &shape, &is_known), TM_OK);
    assert_false(is_known); /* its last minutes have no requests */
    assert_true(fabs(value_at(&past, 10) - 0.1) < 1e-12 && fabs(value_at(&past, 20) - 0.3) < 1e-12);
    assert_true(isnan(value_at(&past, 11)) && isnan(value_at(&past, 700)));
    anomaly_past_fini(&past);
}

static void other_series_of_the_metric_are_not_read(void **state)
{
    struct rig *rig = *state;
    struct anomaly_past past;
    const struct finding own =
        at_minute(700, "{\"metric\":\"tally_a_total\",\"labels\":{\"service\":\"cart\",\"pod\":\"a\"}}");
    const struct finding less =
        at_minute(700, "{\"metric\":\"tally_a_total\",\"labels\":{\"service\":\"cart\"}}");
    send_cell(rig, 10, "tally_a_total", "pod", "a", 3);
    send_cell(rig, 10, "tally_a_total", "pod", "b", 4);
    assert_int_equal(read_past(rig, &own, &past), TM_OK);
    assert_true(past.ids.count == 1 && value_at(&past, 10) == 3);
    anomaly_past_fini(&past);
    assert_int_equal(read_past(rig, &less, &past), TM_NOT_FOUND); /* both have one more */
    anomaly_past_fini(&past);
}

static void of_many_series_fewer_days_are_read(void **state)
{
    struct rig *rig = *state;
    struct anomaly_past past;
    const struct finding sum =
        at_minute(700, "{\"metric\":\"exception_events_total\",\"labels\":{\"service\":\"cart\"}}");
    struct batch *batch = store_batch_new(rig->f->store);
    for (int i = 0; i < MANY; i++) {
        char type[16];
        (void)snprintf(type, sizeof type, "t%d", i);
        series_id id = series_of(rig, batch, "exception_events_total", "type", type);
        assert_int_equal(store_batch_cell(batch, id, 0, BEGIN, 1), TM_OK);
        if (i != 127 && i != MANY - 2 && i != MANY - 1)
            continue;
        assert_int_equal(send_batch(rig->f->store, batch, NULL), TM_OK);
        batch = store_batch_new(rig->f->store);
        enum tm_err err = read_past(rig, &sum, &past);
        assert_int_equal(err, i < MANY - 1 ? TM_OK : TM_NOT_FOUND);
        assert_int_equal(past.to - past.from, i == 127 ? 14 * DAY : i < MANY - 1 ? DAY : past.to - past.from);
        assert_true(err || value_at(&past, 0) == i + 1);
        anomaly_past_fini(&past);
    }
    store_batch_drop(rig->f->store, batch);
}

/* A gauge every so many minutes up to a day; a wave of 24 of its samples that rises in the last one. */
static void send_every(struct rig *rig, int minutes, int samples)
{
    struct batch *batch = store_batch_new(rig->f->store);
    series_id id = series_of(rig, batch, "load", "pod", "a");
    for (int i = 0; i < samples; i++) {
        time_ms_t time = BEGIN + (time_ms_t)i * minutes * MINUTE_MS + 20000;
        double value = 10 * sin(i % 24 / 24.0 * 6.2831853) + noise((uint64_t)i);
        assert_int_equal(store_batch_sample(batch, id, time, number_of_double(value)), TM_OK);
    }
    assert_int_equal(send_batch(rig->f->store, batch, NULL), TM_OK);
}

static void a_series_with_a_sample_every_few_minutes_is_compared_by_these(void **state)
{
    struct rig *rig = *state;
    struct anomaly_past past;
    struct anomaly_shape shape;
    bool is_known;
    const char *body = "{\"metric\":\"load\",\"labels\":{\"service\":\"cart\",\"pod\":\"a\"},\"parts\":{"
                       "\"interval_ms\":298000.5}}";
    send_every(rig, 5, 24 * 60);
    const struct finding found = at_minute((24 * 60 - 1) * 5, body);
    assert_int_equal(read_past(rig, &found, &past), TM_OK);
    assert_int_equal(anomaly_past_compare(&past, &shape, &is_known), TM_OK);
    assert_true(is_known && shape.shape.compared == SHAPE_SAMPLE && shape.from == BEGIN);
    assert_true(shape.stretch_ms == (int64_t)shape.shape.length * 5 * MINUTE_MS);
    assert_int_equal((found.time - shape.nearest) % (24 * 5 * MINUTE_MS), 0); /* whole waves before */
    assert_true(shape.nearest < found.time && shape.shape.distance < 2);
    anomaly_past_fini(&past);
}

static void nothing_is_said_of_a_moment_that_scoring_cannot_have_told(void **state)
{
    (void)state;
    static const time_ms_t spans[][2] = {
        {0, MINUTE_MS},         {-MINUTE_MS, 0},       {BEGIN, 0},
        {BEGIN, BEGIN},         {BEGIN, BEGIN + 999},  {BEGIN, BEGIN + 3600001},
        {INT64_MIN, INT64_MAX}, {INT64_MAX, INT64_MAX}};
    struct anomaly_past past;
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        struct finding finding = at_minute(0, "{\"metric\":\"load\",\"labels\":{}}");
        finding.time = spans[i][0];
        finding.end = spans[i][1];
        assert_int_equal(anomaly_past_begin(&past, &finding), TM_NOT_FOUND);
        anomaly_past_fini(&past);
    }
}

static bool is_stopped(void *arg)
{
    (void)arg;
    return true;
}

static void reading_ends_when_it_is_told_to(void **state)
{
    struct rig *rig = *state;
    struct anomaly_past past;
    struct tm_why why = {""};
    bool is_done = false;
    const struct reader_limits limits = {.stop = is_stopped};
    const struct finding found =
        at_minute(10, "{\"metric\":\"load\",\"labels\":{\"service\":\"cart\",\"pod\":\"a\"}}");
    send_every(rig, 1, 20);
    struct reader *reader = reader_of_store(rig->f->store);
    assert_int_equal(anomaly_past_begin(&past, &found), TM_OK);
    assert_int_equal(anomaly_past_step(&past, reader, &is_done, &why), TM_OK);
    reader_limit(reader, &limits);
    assert_int_equal(anomaly_past_step(&past, reader, &is_done, &why), TM_CLOSED);
    assert_false(is_done);
    anomaly_past_fini(&past);
    reader_close(reader);
}

int main(void)
{
#define PROMISE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_anomaly_names_the_series_that_it_was_scored_of),
        cmocka_unit_test(a_body_that_names_no_series_is_refused),
        cmocka_unit_test(a_body_of_more_labels_than_a_series_can_have_is_refused),
        PROMISE(counts_are_added_up_and_nothing_is_0_from_the_first_on),
        PROMISE(a_ratio_is_drawn_to_its_long_mean),
        PROMISE(other_series_of_the_metric_are_not_read),
        PROMISE(of_many_series_fewer_days_are_read),
        PROMISE(a_series_with_a_sample_every_few_minutes_is_compared_by_these),
        cmocka_unit_test(nothing_is_said_of_a_moment_that_scoring_cannot_have_told),
        PROMISE(reading_ends_when_it_is_told_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
