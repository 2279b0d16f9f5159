/* What asks for too much ends with a sentence; what is ranked block by block is what sorting gives. */
#include "tests/unit/promql/asking.h"

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct memory));
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    memory_fini(*state);
    free(*state);
    return 0;
}

/* f(f(...f(inner)...)), so many times; static room. */
static const char *nest(int times, const char *before, const char *inner, const char *behind)
{
    static char text[8192];
    size_t len = 0;
    for (int i = 0; i < times; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s", before);
    len += (size_t)snprintf(text + len, sizeof text - len, "%s", inner);
    for (int i = 0; i < times; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s", behind);
    assert_true(len < sizeof text);
    return text;
}

static void labels_that_functions_double_are_bounded(void **state)
{
    load(*state, "m,i=0123456789abcdef", "1 1");
    expect_at(*state, 1, nest(40, "label_join(", "m", ", \"i\", \"\", \"i\", \"i\")"),
              "error: label_join(): a label value of more than 65536 bytes");
    expect_at(*state, 1, nest(40, "label_replace(", "m", ", \"i\", \"$1$1\", \"i\", \"(.*)\")"),
              "error: label_replace(): a label value of more than 65536 bytes");
    expect_at(*state, 1, nest(12, "label_join(", "m", ", \"i\", \"\", \"i\", \"i\") * 0 + on () vector(7)"),
              "{} 7");
}

/* 16 x 2^12 bytes of text are 8192 doubles, in each of the tables that hold them. */
static void long_labels_count_as_samples(void **state)
{
    struct promql_limits limits = {.max_samples = 8000};
    struct bytes out = {0};
    const char *text = nest(12, "label_join(", "m", ", \"i\", \"\", \"i\", \"i\")");
    load(*state, "m,i=0123456789abcdef", "1 1");
    ask_within(*state, text, 60000, 60000, 0, &limits, &out);
    assert_string_equal((const char *)out.data,
                        "error: query processing would load too many samples into memory in query execution");
    limits.max_samples = 80000;
    ask_within(*state, text, 60000, 60000, 0, &limits, &out);
    assert_null(strstr((const char *)out.data, "error"));
    bytes_fini(&out);
}

enum { RANKED_SERIES = 40, RANKED_STEPS = 21 };

/* Values with ties, gaps and NaN; w says of each series which it is, as a bit. */
static void load_ranked(struct memory *memory)
{
    static const char *const words[] = {"1", "2", "3", "-1", "_", "NaN", "Inf", "2.5"};
    uint32_t dice = 1;
    for (int i = 0; i < RANKED_SERIES; i++) {
        char name[32], values[ASKING_TEXT_BYTES] = "", weight[ASKING_TEXT_BYTES] = "";
        size_t len = 0, weight_len = 0;
        for (int step = 0; step < RANKED_STEPS; step++) {
            dice = dice * 1664525 + 1013904223;
            len += (size_t)snprintf(values + len, sizeof values - len, "%s ", words[dice >> 29]);
            weight_len +=
                (size_t)snprintf(weight + weight_len, sizeof weight - weight_len, "%llu ", 1ull << i);
        }
        (void)snprintf(name, sizeof name, "m,i=%02d", i);
        load(memory, name, values);
        (void)snprintf(name, sizeof name, "w,i=%02d", i);
        load(memory, name, weight);
    }
}

/* Over a range, block by block, and at each moment, by sorting: the same series. */
static void expect_same_ranks(struct memory *memory, const char *ranks)
{
    char text[256];
    struct bytes range = {0}, moment = {0}, all = {0};
    (void)snprintf(text, sizeof text, "sum(count by (i) (%s) * 0 + on (i) w)", ranks);
    ask_within(memory, text, 0, (RANKED_STEPS - 1) * INT64_C(60000), 60000, NULL, &range);
    bytes_printf(&all, "{}");
    for (int step = 0; step < RANKED_STEPS; step++) {
        ask_within(memory, text, step * INT64_C(60000), step * INT64_C(60000), 0, NULL, &moment);
        const char *value = strchr((const char *)moment.data, ' ');
        assert_non_null(value);
        bytes_printf(&all, "%s@%d", value, step * 60);
    }
    bytes_u8(&all, 0);
    assert_string_equal((const char *)range.data, (const char *)all.data);
    bytes_fini(&range);
    bytes_fini(&moment);
    bytes_fini(&all);
}

static void ranks_over_a_range_are_those_of_each_moment(void **state)
{
    load_ranked(*state);
    expect_same_ranks(*state, "topk(1, m)");
    expect_same_ranks(*state, "topk(3, m)");
    expect_same_ranks(*state, "bottomk(7, m)");
    expect_same_ranks(*state, "topk(39, m)");
    expect_same_ranks(*state, "bottomk(64, m)");
    expect_same_ranks(*state, "topk(65, m)");
    expect_same_ranks(*state, "topk(scalar(count(m > 2)), m)");
}

/* The same answer, and the samples of each expression are read once. */
static void expect_reads(struct memory *memory, const char *text, uint64_t max_samples, uint64_t reads,
                         const char *expected)
{
    struct ast *ast = NULL;
    struct promql_result *result = NULL;
    struct promql_cost cost;
    struct tm_why why = {""};
    struct bytes out = {0};
    struct source source = memory_source(memory);
    const struct promql_limits limits = {.max_samples = max_samples};
    assert_int_equal(promql_parse(str_of(text), &ast, &why), TM_OK);
    struct promql_query query = {.ast = ast, .start = 0, .end = 120000, .step_ms = 60000};
    assert_int_equal(promql_run(&source, &query, &limits, &result, &cost, &why), TM_OK);
    write_result(result, &out);
    bytes_u8(&out, 0);
    assert_string_equal((const char *)out.data, expected);
    assert_int_equal(cost.series, reads);
    bytes_fini(&out);
    promql_result_free(result);
    ast_free(ast);
}

static void what_stands_there_twice_is_evaluated_once(void **state)
{
    load(*state, "m,i=0", "1 2 3");
    load(*state, "m,i=1", "5 _ 7");
    expect_reads(*state, "sum(m)", 0, 2, "{} 6@0 7@60 10@120");
    expect_reads(*state, "sum(m) / sum(m)", 0, 2, "{} 1@0 1@60 1@120");
    expect_reads(*state, "(sum(m)) + sum (m) + sum(m)", 0, 2, "{} 18@0 21@60 30@120");
    expect_reads(*state, "sum(m > 2) or vector(0) * sum(m)", 0, 2, "{} 5@0 5@60 10@120");
    expect_reads(*state, "m{i=\"0\"} / on () group_left () m{i=\"0\"}", 0, 1, "{i=\"0\"} 1@0 1@60 1@120");
    expect_reads(*state, "sum(m) + sum(m offset 1m)", 0, 4, "{} 13@60 17@120");
    expect_reads(*state, "sum(m) + scalar(sum(m))", 0, 2, "{} 12@0 14@60 20@120");
    expect_reads(*state, "sum(m) + sum_over_time(sum(m)[1m:1m])", 0, 4, "{} 12@0 20@60 27@120");
}

/* Three steps: what is kept must not be what a query fails of. */
static void sharing_gives_way_where_room_is_scarce(void **state)
{
    struct bytes out = {0};
    load(*state, "m,i=0", "1 2 3");
    for (uint64_t max = 3; max < 400; max++) {
        struct promql_limits limits = {.max_samples = max};
        ask_within(*state, "sum(m) / sum(m)", 0, 120000, 60000, &limits, &out);
        if (max >= 40)
            assert_string_equal((const char *)out.data, "{} 1@0 1@60 1@120");
    }
    expect_reads(*state, "sum(m) / sum(m)", 20, 2, "{} 1@0 1@60 1@120");
    expect_reads(*state, "sum(m) / sum(m)", 200, 1, "{} 1@0 1@60 1@120");
    bytes_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(labels_that_functions_double_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_labels_count_as_samples, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_stands_there_twice_is_evaluated_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sharing_gives_way_where_room_is_scarce, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ranks_over_a_range_are_those_of_each_moment, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
