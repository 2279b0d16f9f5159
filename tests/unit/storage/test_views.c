/* Series as PromQL knows them: histograms of counts by three names, and by le. */
#include <stdio.h>

#include "storage/model/histogram.h"
#include "storage/query.h"
#include "tests/unit/storage/counting.h"

#define BASE "http_event_duration_seconds"

static void tell(struct store *store, const char *name, const char *service, uint32_t cell)
{
    struct labels labels = {0};
    struct str twice;
    struct tm_why why;
    char text[100];
    snprintf(text, sizeof text, "%s,%s", name, service);
    series_id id = store_series_find(store, hash_of(text));
    struct batch *batch = store_batch_new(store);
    assert_int_equal(labels_add(&labels, STR(LABEL_NAME), str_of(name)), TM_OK);
    assert_int_equal(labels_add(&labels, STR("service"), str_of(service)), TM_OK);
    assert_int_equal(labels_sort(&labels, &twice), TM_OK);
    if (!id)
        assert_int_equal(
            store_series_intern(store, batch, hash_of(text), &labels, str_of(service), &id, &why), TM_OK);
    assert_int_equal(store_batch_cell(batch, id, cell, DAY0, 1), TM_OK);
    assert_int_equal(send_batch(store, batch, NULL), TM_OK);
}

static void fill(struct store *store)
{
    tell(store, "loads", "a", CELL_SUM);
    tell(store, BASE, "a", histogram_cell(3));
    tell(store, BASE, "b", histogram_cell(histogram_bucket(1000)));
}

/* The views, a line each: name{service} and how many bounds. Static. */
static const char *put_views(const struct reader *reader, const struct reader_views *views)
{
    static char out[2000];
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < views->count; i++) {
        const struct reader_view *view = &views->at[i];
        struct bytes encoded = {0};
        struct labels labels;
        unsigned bounds = 0;
        for (uint32_t b = 0; b < HISTOGRAM_BUCKETS && view->view == HISTOGRAM_BUCKET; b++)
            bounds += reader_bounds_has(&views->bounds[view->bounds], b);
        reader_view_labels(reader, view, 3, &encoded);
        assert_int_equal(labels_decode(bytes_view(&encoded), &labels), TM_OK);
        struct str name = labels_get(&labels, STR(LABEL_NAME)), service = labels_get(&labels, STR("service"));
        struct str le = labels_get(&labels, STR("le"));
        assert_true(str_equal(le, view->view == HISTOGRAM_BUCKET ? STR("0.000003") : STR("")));
        len += (size_t)snprintf(out + len, sizeof out - len, "%.*s %.*s %u\n", STR_ARG(name),
                                STR_ARG(service), bounds);
        bytes_fini(&encoded);
    }
    return out;
}

static const char *find(struct store *store, const char *const *texts, size_t count, struct span span)
{
    struct selector selectors[4] = {0};
    struct reader_views views;
    struct tm_why why = {""};
    struct reader *reader = reader_of_store(store);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(selector_parse(str_of(texts[i]), &selectors[i], &why), TM_OK);
    const struct reader_filter filter = {selectors, count, span};
    assert_int_equal(reader_views_find(reader, &filter, &views, &why), TM_OK);
    const char *out = put_views(reader, &views);
    reader_views_fini(&views);
    for (size_t i = 0; i < count; i++)
        selector_fini(&selectors[i]);
    reader_close(reader);
    return out;
}

static void expect(struct store *store, const char *selector, const char *expected)
{
    assert_string_equal(find(store, &selector, selector ? 1 : 0, READER_ALWAYS), expected);
}

/* Names, or values of a label, on a line. Static. */
static const char *list(struct store *store, const char *label, const char *selector, size_t *count)
{
    static char out[2000];
    struct selector parsed = {0};
    struct index_list found;
    struct tm_why why = {""};
    struct reader *reader = reader_of_store(store);
    size_t len = 0;
    out[0] = '\0';
    if (selector)
        assert_int_equal(selector_parse(str_of(selector), &parsed, &why), TM_OK);
    const struct reader_filter filter = {&parsed, selector ? 1 : 0, READER_ALWAYS};
    assert_int_equal(label ? reader_view_values(reader, str_of(label), &filter, &found, &why)
                           : reader_view_names(reader, &filter, &found, &why),
                     TM_OK);
    *count = found.count;
    for (size_t i = 0; i < found.count && len < sizeof out; i++)
        len += (size_t)snprintf(out + len, sizeof out - len, "%.*s ", STR_ARG(found.items[i].text));
    index_list_fini(&found);
    selector_fini(&parsed);
    reader_close(reader);
    return out;
}

static void a_histogram_is_three_series_and_not_its_own_name(void **state)
{
    struct fixture *f = *state;
    fill(f->store);
    expect(f->store, BASE, "");
    expect(f->store, BASE "_sum", BASE "_sum a 0\n" BASE "_sum b 0\n");
    expect(f->store, BASE "_count{service=\"b\"}", BASE "_count b 0\n");
    expect(f->store, BASE "_bucket{service!=\"b\"}", BASE "_bucket a 573\n");
    expect(f->store, NULL,
           BASE "_bucket a 573\n" BASE "_bucket b 573\n" BASE "_count a 0\n" BASE "_count b 0\n" BASE
                "_sum a 0\n" BASE "_sum b 0\nloads a 0\n");
    expect(f->store, "{__name__=~\"loads|.*_sum\",service=\"a\"}", BASE "_sum a 0\nloads a 0\n");
    expect(f->store, "{__name__!~\".*_(bucket|sum)\",service=~\".+\"}",
           BASE "_count a 0\n" BASE "_count b 0\nloads a 0\n");
}

static void le_chooses_bounds(void **state)
{
    struct fixture *f = *state;
    fill(f->store);
    expect(f->store, BASE "_bucket{service=\"a\",le=\"+Inf\"}", BASE "_bucket a 1\n");
    expect(f->store, BASE "_bucket{service=\"a\",le!=\"+Inf\"}", BASE "_bucket a 572\n");
    expect(f->store, BASE "_bucket{le=\"no bound\"}", "");
    expect(f->store, BASE "_bucket{le=\"\"}", "");
    expect(f->store, BASE "_sum{le=\"+Inf\"}", "");
    expect(f->store, "{le=\"\",service=\"a\"}", BASE "_count a 0\n" BASE "_sum a 0\nloads a 0\n");
    expect(f->store, "{le!=\"\",service=\"a\"}", BASE "_bucket a 573\n");
}

/* As many conditions as there may be leave no room for one on the stored name. */
static void as_many_conditions_as_may_be_are_kept(void **state)
{
    struct fixture *f = *state;
    char text[4000] = "{service=\"a\"";
    fill(f->store);
    for (int i = 1; i < SELECTOR_MATCHERS_MAX; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), ",l%d=\"\"", i);
    strcat(text, "}");
    expect(f->store, text, BASE "_bucket a 573\n" BASE "_count a 0\n" BASE "_sum a 0\nloads a 0\n");
}

static void what_several_selectors_take_is_told_once(void **state)
{
    struct fixture *f = *state;
    const char *const texts[] = {BASE "_bucket{service=\"a\",le=\"+Inf\"}", BASE "_bucket{le=\"0.000003\"}",
                                 "loads", "{service=\"a\",le=\"\"}"};
    fill(f->store);
    assert_string_equal(find(f->store, texts, 4, READER_ALWAYS),
                        BASE "_bucket a 2\n" BASE "_bucket b 1\n" BASE "_count a 0\n" BASE
                             "_sum a 0\nloads a 0\n");
}

static void a_span_leaves_out_what_has_no_counts_in_it(void **state)
{
    struct fixture *f = *state;
    const char *text = BASE "_sum";
    fill(f->store);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(find(f->store, &text, 1, (struct span){DAY0, DAY0 + 1000}),
                            BASE "_sum a 0\n" BASE "_sum b 0\n");
        assert_string_equal(find(f->store, &text, 1, (struct span){DAY0 - HOUR_MS, DAY0 - 1}), "");
        flush_now(f);
    }
}

/* What reader_views_select gives. */
static void expect_selected(struct store *store, const char *text, struct span span, const char *expected)
{
    struct selector selector = {0};
    struct reader_views views;
    struct tm_why why = {""};
    struct reader *reader = reader_of_store(store);
    assert_int_equal(selector_parse(str_of(text), &selector, &why), TM_OK);
    assert_int_equal(reader_views_select(reader, &selector, span, &views, &why), TM_OK);
    assert_string_equal(put_views(reader, &views), expected);
    reader_views_fini(&views);
    selector_fini(&selector);
    reader_close(reader);
}

static void a_selection_takes_plain_series_without_samples_too(void **state)
{
    struct fixture *f = *state;
    fill(f->store);
    expect_selected(f->store, "{__name__=~\".+\",service=\"a\"}", READER_ALWAYS,
                    "loads a 0\n" BASE "_bucket a 573\n" BASE "_sum a 0\n" BASE "_count a 0\n");
    expect_selected(f->store, "{__name__=~\".+\"}", (struct span){1, 2}, "loads a 0\n");
    expect_selected(f->store, BASE "_sum", (struct span){1, 2}, "");
}

static void names_and_values_are_those_of_the_views(void **state)
{
    struct fixture *f = *state;
    size_t count;
    fill(f->store);
    static const char *const all[] = {NULL, "{service=~\"a|b\"}"};
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(list(f->store, NULL, all[i], &count), "__name__ le service ");
        assert_string_equal(list(f->store, LABEL_NAME, all[i], &count),
                            BASE "_bucket " BASE "_count " BASE "_sum loads ");
        assert_string_equal(list(f->store, "service", all[i], &count), "a b ");
        (void)list(f->store, "le", all[i], &count);
        assert_int_equal(count, HISTOGRAM_BUCKETS);
    }
    assert_string_equal(list(f->store, "le", BASE "_bucket{le=~\"0.00000[12]\"}", &count),
                        "0.000001 0.000002 ");
    assert_string_equal(list(f->store, NULL, BASE "_sum", &count), "__name__ service ");
    assert_string_equal(list(f->store, LABEL_NAME, BASE "_sum", &count), BASE "_sum ");
    assert_string_equal(list(f->store, LABEL_NAME, BASE, &count), "");
    assert_string_equal(list(f->store, NULL, "loads", &count), "__name__ service ");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_histogram_is_three_series_and_not_its_own_name),
        CASE(le_chooses_bounds),
        CASE(as_many_conditions_as_may_be_are_kept),
        CASE(what_several_selectors_take_is_told_once),
        CASE(a_span_leaves_out_what_has_no_counts_in_it),
        CASE(a_selection_takes_plain_series_without_samples_too),
        CASE(names_and_values_are_those_of_the_views),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
