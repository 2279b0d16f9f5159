/* Counts added up by labels and steps, against an independent recount. */
#include "storage/counts/counting.h"

#include <inttypes.h>

#include "storage/model/histogram.h"
#include "tests/unit/storage/counting.h"

#define SLOT_MS  ((time_ms_t)CELL_MS)
#define DURATION "http_event_duration_seconds"

/* `text` is name,label=value,...: sorted or not. */
static void tell(struct store *store, const char *text, uint32_t cell, time_ms_t time, int64_t add)
{
    struct labels labels = {0};
    struct str rest = str_of(text), twice;
    struct tm_why why;
    series_id id = store_series_find(store, hash_of(text));
    struct batch *batch = store_batch_new(store);
    const char *end = memchr(rest.ptr, ',', rest.len);
    struct str name = {rest.ptr, end ? (size_t)(end - rest.ptr) : rest.len};
    assert_int_equal(labels_add(&labels, STR(LABEL_NAME), name), TM_OK);
    while (end) {
        const char *from = end + 1, *equal = strchr(from, '=');
        end = strchr(from, ',');
        struct str value = {equal + 1, end ? (size_t)(end - equal - 1) : strlen(equal + 1)};
        assert_int_equal(labels_add(&labels, (struct str){from, (size_t)(equal - from)}, value), TM_OK);
    }
    assert_int_equal(labels_sort(&labels, &twice), TM_OK);
    if (!id)
        assert_int_equal(store_series_intern(store, batch, hash_of(text), &labels,
                                             labels_get(&labels, STR("service")), &id, &why),
                         TM_OK);
    assert_int_equal(store_batch_cell(batch, id, cell, time, add), TM_OK);
    assert_int_equal(send_batch(store, batch, NULL), TM_OK);
}

/* All items, one a line; owned by the caller. An error in place of them. */
static char *ask(struct store *store, const struct counting_request *request)
{
    struct tm_why why = {""};
    struct counting *counting = NULL;
    struct bytes out = {0};
    bool is_done = false;
    struct reader *reader = reader_of_store(store);
    enum tm_err err = counting_new(request, &counting, &why);
    while (!err && !is_done)
        err = counting_step(counting, reader, &is_done, &why);
    while (!err) {
        err = counting_next(counting, &out, &why);
        bytes_put(&out, "\n", !err);
    }
    if (err != TM_NOT_FOUND) {
        bytes_clear(&out);
        bytes_printf(&out, "%d %s", err, why.text);
    }
    counting_free(counting);
    reader_close(reader);
    bytes_put(&out, "", 1);
    assert_int_equal(bytes_error(&out), TM_OK);
    return (char *)out.data;
}

static void expect_text(struct store *store, const struct counting_request *request, const char *expected)
{
    char *text = ask(store, request);
    assert_string_equal(text, expected);
    free(text);
}

static struct counting_request whole(const char *name)
{
    return (struct counting_request){.name = str_of(name), .span = EVERYTHING};
}

/* ---- labels ---- */

static void a_request_without_labels_is_one_sum(void **state)
{
    struct fixture *f = *state;
    char expected[200];
    const struct counting_request request = whole("hits");
    expect_text(f->store, &request, "{\"labels\":{},\"points\":[[0,0]]}\n");
    tell(f->store, "hits,service=a", 0, DAY0 + 3, 9007199254740993); /* 2^53 + 1 */
    tell(f->store, "hits,service=b", 0, DAY0 - DAY_MS, 2);
    tell(f->store, "other,service=b", 0, DAY0, 7);
    snprintf(expected, sizeof expected, "{\"labels\":{},\"points\":[[%" PRId64 ",9007199254740995]]}\n",
             (DAY0 - DAY_MS) / 1000);
    expect_text(f->store, &request, expected);
    fixture_reopen(f);
    expect_text(f->store, &request, expected);
}

static void sums_are_kept_apart_by_the_labels_asked_for(void **state)
{
    struct fixture *f = *state;
    struct counting_request request = whole("hits");
    tell(f->store, "hits,service=b,status=404,page=x", 0, DAY0, 1);
    tell(f->store, "hits,service=a,status=200,page=x", 0, DAY0, 10);
    tell(f->store, "hits,service=a,status=404,page=y", 0, DAY0, 100);
    tell(f->store, "hits,service=a,status=404", 0, DAY0, 1000);
    request.span = (struct span){0, DAY0 + 1};
    request.by[request.by_count++] = STR("status");
    request.by[request.by_count++] = STR("page");
    request.by[request.by_count++] = STR("status");
    expect_text(f->store, &request,
                "{\"labels\":{\"page\":\"x\",\"status\":\"200\"},\"points\":[[0,10]]}\n"
                "{\"labels\":{\"page\":\"x\",\"status\":\"404\"},\"points\":[[0,1]]}\n"
                "{\"labels\":{\"page\":\"y\",\"status\":\"404\"},\"points\":[[0,100]]}\n"
                "{\"labels\":{\"page\":\"\",\"status\":\"404\"},\"points\":[[0,1000]]}\n");
}

static void series_are_chosen_by_name_service_and_selectors(void **state)
{
    struct fixture *f = *state;
    struct counting_request request = whole("hits");
    request.span.from = 0;
    tell(f->store, "hits,service=a,status=200", 0, DAY0, 1);
    tell(f->store, "hits,service=b,status=404", 0, DAY0, 10);
    tell(f->store, "hits,job=b,status=500", 0, DAY0, 100);
    tell(f->store, "hits,service=c,job=b,status=503", 0, DAY0, 1000);
    tell(f->store, "other,service=b,status=404", 0, DAY0, 10000);
    request.service_from[request.service_from_count++] = STR("service");
    request.service_from[request.service_from_count++] = STR("job");
    request.is_one_service = true;
    request.service = STR("b");
    expect_text(f->store, &request, "{\"labels\":{},\"points\":[[0,110]]}\n");
    request.is_one_service = false;
    request.matches[request.match_count++] = STR("{status=~\"5..\"}");
    expect_text(f->store, &request, "{\"labels\":{},\"points\":[[0,1100]]}\n");
    request.matches[request.match_count++] = STR("{service=\"a\"}");
    expect_text(f->store, &request, "{\"labels\":{},\"points\":[[0,1101]]}\n");
    request.name = STR("");
    request.match_count = 1;
    request.matches[0] = STR("{status=\"404\"}");
    request.by[request.by_count++] = STR(LABEL_NAME);
    expect_text(f->store, &request,
                "{\"labels\":{\"__name__\":\"hits\"},\"points\":[[0,10]]}\n"
                "{\"labels\":{\"__name__\":\"other\"},\"points\":[[0,10000]]}\n");
}

static void samples_are_not_counted(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_batch(f->store, one_sample(f->store, "cpu", DAY0, 3), NULL), TM_OK);
    const struct counting_request request = whole("cpu");
    expect_text(f->store, &request, "{\"labels\":{},\"points\":[[0,0]]}\n");
}

/* ---- time ---- */

static void a_cell_belongs_to_the_span_that_its_start_lies_in(void **state)
{
    struct fixture *f = *state;
    struct counting_request request = whole("hits");
    char expected[100];
    for (int i = 0; i < 4; i++)
        tell(f->store, "hits", 0, DAY0 + i * SLOT_MS + 5, (int64_t)1 << (4 * i));
    request.span = (struct span){DAY0 + 1, DAY0 + SLOT_MS + 1};
    snprintf(expected, sizeof expected, "{\"labels\":{},\"points\":[[%" PRId64 ",%d]]}\n",
             (DAY0 + SLOT_MS) / 1000, 0x10);
    expect_text(f->store, &request, expected);
    request.span =
        (struct span){DAY0 + SLOT_MS + 1, DAY0 + 3 * SLOT_MS + 1}; /* goes on where that one ends */
    snprintf(expected, sizeof expected, "{\"labels\":{},\"points\":[[%" PRId64 ",%d]]}\n",
             (DAY0 + 2 * SLOT_MS) / 1000, 0x1100);
    expect_text(f->store, &request, expected);
}

static void steps_begin_at_the_span_and_have_zeros(void **state)
{
    struct fixture *f = *state;
    struct counting_request request = whole("hits");
    char expected[200];
    int64_t from = DAY0 / 1000 + 10;
    tell(f->store, "hits", 0, DAY0 + 12000, 1);
    tell(f->store, "hits", 0, DAY0 + 39999, 2);
    tell(f->store, "hits", 0, DAY0 + 75000, -4);
    request.span = (struct span){DAY0 + 10000, DAY0 + 100000};
    request.step_ms = 20000;
    snprintf(expected, sizeof expected,
             "{\"labels\":{},\"points\":[[%" PRId64 ",1],[%" PRId64 ",2],[%" PRId64 ",0],[%" PRId64
             ",-4],[%" PRId64 ",0]]}\n",
             from, from + 20, from + 40, from + 60, from + 80);
    expect_text(f->store, &request, expected);
    request.span = EVERYTHING; /* the steps are multiples then, from the first count to the last */
    request.step_ms = 30000;
    snprintf(expected, sizeof expected,
             "{\"labels\":{},\"points\":[[%" PRId64 ",1],[%" PRId64 ",2],[%" PRId64 ",-4]]}\n", DAY0 / 1000,
             DAY0 / 1000 + 30, DAY0 / 1000 + 60);
    expect_text(f->store, &request, expected);
}

static void what_cannot_be_answered_is_refused(void **state)
{
    struct fixture *f = *state;
    struct counting_request request = whole("hits");
    char expected[300];
    request.step_ms = 15000;
    snprintf(expected, sizeof expected,
             "%d invalid parameter \"step\": counts are kept by 10 s, so it must be a multiple of 10 s",
             TM_INVALID);
    expect_text(f->store, &request, expected);
    request.step_ms = SLOT_MS;
    request.span = (struct span){DAY0, DAY0 + SLOT_MS * (COUNTING_POINTS_MAX + 1)};
    snprintf(expected, sizeof expected, "%d over 11000 points: ask for a longer step, or for less time",
             TM_LIMIT);
    expect_text(f->store, &request, expected);
    request = whole("hits");
    request.by[request.by_count++] = STR("a-b");
    snprintf(expected, sizeof expected, "%d invalid parameter \"by\": \"a-b\" is no name of a label",
             TM_INVALID);
    expect_text(f->store, &request, expected);
    request = whole("hits");
    request.matches[request.match_count++] = STR("{a=");
    char *text = ask(f->store, &request);
    assert_non_null(strstr(text, "invalid parameter \"match[]\": 1:4: parse error: "));
    free(text);
}

static void a_sum_beyond_64_bits_is_refused_and_one_that_comes_back_is_not(void **state)
{
    struct fixture *f = *state;
    const struct counting_request request = {.name = STR("hits"), .span = {0, INT64_MAX}};
    char expected[200];
    tell(f->store, "hits,service=a", 0, DAY0, INT64_MAX);
    tell(f->store, "hits,service=b", 0, DAY0, INT64_MAX);
    snprintf(expected, sizeof expected,
             "%d a sum does not fit in 64 bits: ask for a shorter step, or less time", TM_LIMIT);
    expect_text(f->store, &request, expected);
    tell(f->store, "hits,service=c", 0, DAY0, -INT64_MAX);
    expect_text(f->store, &request, "{\"labels\":{},\"points\":[[0,9223372036854775807]]}\n");
    tell(f->store, "hits,service=d", 0, DAY0, -INT64_MAX);
    tell(f->store, "hits,service=e", 0, DAY0, INT64_MIN);
    expect_text(f->store, &request, "{\"labels\":{},\"points\":[[0,-9223372036854775808]]}\n");
}

/* ---- histograms ---- */

static void fill_histogram(struct store *store)
{
    static const int64_t values[] = {3, 3, 1000, 50000, INT64_C(1) << 40};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        tell(store, DURATION ",service=a", histogram_cell(histogram_bucket(values[i])), DAY0, 1);
        tell(store, DURATION ",service=a", CELL_SUM, DAY0, values[i]);
    }
    tell(store, DURATION ",service=b", histogram_cell(histogram_bucket(1000)), DAY0, 5);
    tell(store, DURATION ",service=b", CELL_SUM, DAY0, 5000);
}

static void a_histogram_is_asked_for_by_three_names(void **state)
{
    struct fixture *f = *state;
    char expected[500];
    struct counting_request request = whole(DURATION "_count");
    request.span.from = 0;
    fill_histogram(f->store);
    expect_text(f->store, &request, "{\"labels\":{},\"points\":[[0,10]]}\n");
    request.name = STR(DURATION "_sum");
    request.by[request.by_count++] = STR(LABEL_NAME);
    snprintf(expected, sizeof expected,
             "{\"labels\":{\"__name__\":\"" DURATION "_sum\"},\"points\":[[0,%" PRId64 "]]}\n",
             (INT64_C(1) << 40) + 3 + 3 + 1000 + 50000 + 5000);
    expect_text(f->store, &request, expected);
    request.name = STR("");
    request.matches[request.match_count++] = STR(DURATION "_sum{service=\"b\"}");
    expect_text(f->store, &request,
                "{\"labels\":{\"__name__\":\"" DURATION "_sum\"},\"points\":[[0,5000]]}\n");
    request = whole(DURATION);
    snprintf(expected, sizeof expected,
             "%d invalid parameter \"name\": " DURATION
             " is a histogram: ask for its _bucket, _sum or _count",
             TM_INVALID);
    expect_text(f->store, &request, expected);
}

static void buckets_are_cumulative_and_end_with_infinity(void **state)
{
    struct fixture *f = *state;
    struct counting_request request = whole(DURATION "_bucket");
    request.span.from = 0;
    request.by[request.by_count++] = STR("service");
    fill_histogram(f->store);
    expect_text(f->store, &request,
                "{\"labels\":{\"le\":\"0.000003\",\"service\":\"a\"},\"points\":[[0,2]]}\n"
                "{\"labels\":{\"le\":\"0.001023\",\"service\":\"a\"},\"points\":[[0,3]]}\n"
                "{\"labels\":{\"le\":\"0.05079\",\"service\":\"a\"},\"points\":[[0,4]]}\n"
                "{\"labels\":{\"le\":\"+Inf\",\"service\":\"a\"},\"points\":[[0,5]]}\n"
                "{\"labels\":{\"le\":\"0.001023\",\"service\":\"b\"},\"points\":[[0,5]]}\n"
                "{\"labels\":{\"le\":\"+Inf\",\"service\":\"b\"},\"points\":[[0,5]]}\n");
}

/* ---- against a recount ---- */

enum { SERIES = 12, STEPS = 40, STEP_SLOTS = 6 };

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static void any_mix_of_cells_equals_a_recount(void **state)
{
    struct fixture *f = *state;
    static int64_t sums[3][STEPS];
    struct bytes expected = {0};
    uint64_t random = 20261123;
    time_ms_t from = DAY0 - DAY_MS - 120 * SLOT_MS; /* over a midnight */
    memset(sums, 0, sizeof sums);
    for (int i = 0; i < 3000; i++) {
        char text[64];
        uint64_t series = next_random(&random) % SERIES;
        int64_t slot = (int64_t)(next_random(&random) % (STEPS * STEP_SLOTS + 20)) - 10;
        int64_t add = (int64_t)(next_random(&random) % 2001) - 1000;
        snprintf(text, sizeof text, "hits,g=%d,pod=%d", (int)(series % 3), (int)series);
        tell(f->store, text, 0, from + slot * SLOT_MS + (int64_t)(next_random(&random) % 10000), add);
        if (slot >= 0 && slot < STEPS * STEP_SLOTS)
            sums[series % 3][slot / STEP_SLOTS] += add;
        if (i % 700 == 699)
            flush_now(f);
    }
    for (int g = 0; g < 3; g++) {
        bytes_printf(&expected, "{\"labels\":{\"g\":\"%d\"},\"points\":[", g);
        for (int i = 0; i < STEPS; i++)
            bytes_printf(&expected, "%s[%" PRId64 ",%" PRId64 "]", i ? "," : "",
                         (from + i * STEP_SLOTS * SLOT_MS) / 1000, sums[g][i]);
        bytes_printf(&expected, "]}\n");
    }
    bytes_put(&expected, "", 1);
    struct counting_request request = {.name = STR("hits"),
                                       .span = {from, from + STEPS * STEP_SLOTS * SLOT_MS},
                                       .step_ms = STEP_SLOTS * SLOT_MS,
                                       .by = {STR("g")},
                                       .by_count = 1};
    expect_text(f->store, &request, (const char *)expected.data);
    bytes_fini(&expected);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_request_without_labels_is_one_sum),
        CASE(sums_are_kept_apart_by_the_labels_asked_for),
        CASE(series_are_chosen_by_name_service_and_selectors),
        CASE(samples_are_not_counted),
        CASE(a_cell_belongs_to_the_span_that_its_start_lies_in),
        CASE(steps_begin_at_the_span_and_have_zeros),
        CASE(what_cannot_be_answered_is_refused),
        CASE(a_sum_beyond_64_bits_is_refused_and_one_that_comes_back_is_not),
        CASE(a_histogram_is_asked_for_by_three_names),
        CASE(buckets_are_cumulative_and_end_with_infinity),
        CASE(any_mix_of_cells_equals_a_recount),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
