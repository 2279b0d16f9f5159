#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "server/cli/bench_load.h"
#include "server/wire/line.h"

enum { BASE_MS = 1700000000 };

static struct bench_plan plan_of(size_t series, int64_t steps)
{
    return (struct bench_plan){.series_count = series,
                               .steps = steps,
                               .batch_lines = 100,
                               .sender_count = 1,
                               .seed = 42,
                               .base_ms = INT64_C(1000) * BASE_MS,
                               .step_ms = 10000,
                               .urls = 1000,
                               .ledger_fd = -1};
}

/* All text of a run with that many senders, by sender. */
static void generate(struct bench_plan *plan, struct bytes *out)
{
    for (size_t i = 0; i < (size_t)plan->sender_count; i++) {
        struct bench_load load;
        assert_int_equal(bench_load_init(&load, plan, i, NULL), TM_OK);
        while (bench_load_batch(&load, 0))
            bytes_put(out, load.text.data, load.text.len);
        bench_load_fini(&load);
    }
}

static int compare_lines(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static size_t sort_lines(struct str text, struct str *lines, size_t max)
{
    size_t count = 0;
    while (text.len && count < max) {
        size_t len = (size_t)((const char *)memchr(text.ptr, '\n', text.len) - text.ptr) + 1;
        lines[count++] = (struct str){text.ptr, len};
        text.ptr += len;
        text.len -= len;
    }
    qsort(lines, count, sizeof *lines, compare_lines);
    return count;
}

static void the_same_seed_gives_the_same_text(void **state)
{
    (void)state;
    struct bench_plan plan = plan_of(500, 5);
    struct bytes first = {0};
    struct bytes second = {0};
    struct bytes other = {0};
    generate(&plan, &first);
    generate(&plan, &second);
    assert_true(first.len > 500 * 5 * 50);
    assert_true(str_equal(bytes_view(&first), bytes_view(&second)));
    plan.seed = 43;
    generate(&plan, &other);
    assert_false(str_equal(bytes_view(&first), bytes_view(&other)));
    bytes_fini(&first);
    bytes_fini(&second);
    bytes_fini(&other);
}

static void senders_and_batch_size_do_not_change_the_lines(void **state)
{
    (void)state;
    enum { LINES = 500 * 5 };
    static struct str one_lines[LINES + 1];
    static struct str many_lines[LINES + 1];
    for (int kind = BENCH_SAMPLES; kind <= BENCH_TALLIES; kind++) {
        struct bench_plan plan = plan_of(500, 5);
        struct bytes one = {0};
        struct bytes many = {0};
        plan.kind = (enum bench_kind)kind;
        generate(&plan, &one);
        plan.sender_count = 3;
        plan.batch_lines = 77;
        generate(&plan, &many);
        assert_int_equal(sort_lines(bytes_view(&one), one_lines, LINES + 1), LINES);
        assert_int_equal(sort_lines(bytes_view(&many), many_lines, LINES + 1), LINES);
        for (size_t i = 0; i < LINES; i++)
            assert_true(str_equal(one_lines[i], many_lines[i]));
        bytes_fini(&one);
        bytes_fini(&many);
    }
}

static void lines_are_valid_and_the_four_families_have_their_shares(void **state)
{
    (void)state;
    static struct line line;
    static const struct str families[] = {
        {"http_requests_total", 19}, {"request_latency_ms", 18}, {"cpu_usage_ratio", 15}, {"heap_bytes", 10}};
    size_t counts[4] = {0};
    struct bench_plan plan = plan_of(10000, 1);
    struct bytes text = {0};
    struct bytes scratch = {0};
    struct line_reader reader;
    struct tm_why why;
    generate(&plan, &text);
    line_reader_init(&reader, bytes_view(&text), PRECISION_MS, 1);
    enum line_step step;
    while ((step = line_next(&reader, &line)) != LINE_END) {
        struct line_key key;
        assert_int_equal(step, LINE_OK);
        bytes_clear(&scratch);
        assert_int_equal(line_key_parse(line.key, &scratch, &key, &why), TM_OK);
        assert_true(labels_get(&key.tags, STR("service")).len > 0);
        assert_int_equal(line.time, plan.base_ms);
        for (size_t i = 0; i < 4; i++)
            counts[i] += str_equal(key.measurement, families[i]);
    }
    assert_int_equal(counts[0], 4000);
    assert_int_equal(counts[1], 3000);
    assert_int_equal(counts[2], 1600);
    assert_int_equal(counts[3], 1400);
    bytes_fini(&text);
    bytes_fini(&scratch);
}

static void counters_never_fall_except_at_a_restart(void **state)
{
    (void)state;
    struct bench_series *set;
    char text[BENCH_LINE_MAX_BYTES];
    int falls = 0;
    assert_int_equal(bench_series_open(1, 0, 20, &set), TM_OK);
    for (size_t i = 0; i < 20; i++) {
        double last = 0;
        for (int step = 0; step < 8640; step++) {
            char *end = bench_series_line(set, i, 1000, 1.0, 0, text);
            assert_true(end - text < BENCH_LINE_MAX_BYTES);
            *end = '\0';
            double value = strtod(strstr(text, "value=") + 6, NULL);
            falls += value < last;
            last = value;
        }
    }
    assert_true(falls <= 20);
    bench_series_close(set);
}

static void a_payload_is_exactly_as_long_as_asked(void **state)
{
    (void)state;
    static struct line line;
    struct bench_plan plan = plan_of(1000, 3);
    struct bench_load load;
    plan.payload_bytes = 12000;
    assert_int_equal(bench_load_init(&load, &plan, 0, NULL), TM_OK);
    size_t lines = bench_load_batch(&load, 0);
    assert_int_equal(load.text.len, 12000);
    assert_int_equal(load.text.data[11999], '\n');
    struct line_reader reader;
    size_t seen = 0;
    line_reader_init(&reader, bytes_view(&load.text), PRECISION_MS, 1);
    for (enum line_step step; (step = line_next(&reader, &line)) != LINE_END; seen++)
        assert_int_equal(step, LINE_OK);
    assert_int_equal(seen, lines);
    bench_load_fini(&load);
}

static void a_burst_multiplies_the_lines_of_a_batch(void **state)
{
    (void)state;
    struct bench_plan plan = plan_of(10000, 10);
    struct bench_load load;
    plan.burst_start_s = 10;
    plan.burst_seconds = 60;
    plan.burst_factor = 30;
    assert_int_equal(bench_load_init(&load, &plan, 0, NULL), TM_OK);
    assert_int_equal(bench_load_batch(&load, 9.9), 100);
    assert_int_equal(bench_load_batch(&load, 10), 3000);
    assert_int_equal(bench_load_batch(&load, 69.9), 3000);
    assert_int_equal(bench_load_batch(&load, 70), 100);
    bench_load_fini(&load);
}

static void an_open_loop_is_scheduled_over_all_senders(void **state)
{
    (void)state;
    struct bench_plan plan = plan_of(100, 1);
    struct bench_load load = {.plan = &plan, .number = 1};
    assert_int_equal(bench_load_due_ns(&load, 5), 0);
    plan.sender_count = 2;
    plan.rate = 100;
    assert_int_equal(bench_load_due_ns(&load, 0), 10000000);
    assert_int_equal(bench_load_due_ns(&load, 5), 110000000);
}

static void events_are_valid_lines(void **state)
{
    (void)state;
    static struct line line;
    struct bench_plan plan = plan_of(100, 20);
    struct bytes text = {0};
    struct bytes scratch = {0};
    struct line_reader reader;
    struct line_key key;
    struct tm_why why;
    size_t seen = 0;
    plan.kind = BENCH_EVENTS;
    generate(&plan, &text);
    line_reader_init(&reader, bytes_view(&text), PRECISION_MS, 1);
    for (enum line_step step; (step = line_next(&reader, &line)) != LINE_END; seen++) {
        assert_int_equal(step, LINE_OK);
        bytes_clear(&scratch);
        assert_int_equal(line_key_parse(line.key, &scratch, &key, &why), TM_OK);
        assert_int_equal(line_kind(&key, &line), EVENT_HTTP);
        assert_int_equal(line_event_check(EVENT_HTTP, &key, &line, &why), TM_OK);
    }
    assert_int_equal(seen, 2000);
    bytes_fini(&text);
    bytes_fini(&scratch);
}

static void tallies_are_valid_lines_and_their_amounts_are_summed(void **state)
{
    (void)state;
    static struct line line;
    struct bench_plan plan = plan_of(100, 20);
    struct bench_load load;
    struct line_reader reader;
    int64_t amount = 0, summed = 0;
    size_t seen = 0;
    plan.kind = BENCH_TALLIES;
    assert_int_equal(bench_load_init(&load, &plan, 0, NULL), TM_OK);
    while (bench_load_batch(&load, 0)) {
        summed += load.amount;
        line_reader_init(&reader, bytes_view(&load.text), PRECISION_MS, 1);
        for (enum line_step step; (step = line_next(&reader, &line)) != LINE_END; seen++) {
            assert_int_equal(step, LINE_OK);
            assert_memory_equal(line.key.ptr, "tally,name=payment,service=", 27);
            assert_int_equal(line.field_count, 2);
            assert_true(str_equal(line.field[0].name, STR("amount")));
            assert_int_equal(line.field[0].value.type, VALUE_INT);
            amount += line.field[0].value.integer;
        }
    }
    assert_int_equal(seen, 2000);
    assert_int_equal(amount, summed);
    assert_true(amount > 2000);
    bench_load_fini(&load);
}

static void latencies_are_within_three_percent(void **state)
{
    (void)state;
    struct bench_latency *latency = calloc(1, sizeof *latency);
    struct bench_latency *more = calloc(1, sizeof *more);
    assert_true(bench_latency_ms(latency, 0.5) == 0);
    for (uint64_t us = 1; us <= 100000; us++)
        bench_latency_add(us % 2 ? latency : more, us);
    bench_latency_merge(latency, more);
    assert_int_equal(latency->count, 100000);
    assert_int_equal(latency->max_us, 100000);
    assert_true(bench_latency_ms(latency, 0.5) >= 50 && bench_latency_ms(latency, 0.5) <= 51.6);
    assert_true(bench_latency_ms(latency, 0.99) >= 99 && bench_latency_ms(latency, 0.99) <= 100);
    assert_true(bench_latency_ms(latency, 1.0) == 100);
    bench_latency_add(latency, UINT64_MAX);
    assert_int_equal(latency->max_us, INT64_MAX);
    free(latency);
    free(more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_text),
        cmocka_unit_test(senders_and_batch_size_do_not_change_the_lines),
        cmocka_unit_test(lines_are_valid_and_the_four_families_have_their_shares),
        cmocka_unit_test(counters_never_fall_except_at_a_restart),
        cmocka_unit_test(a_payload_is_exactly_as_long_as_asked),
        cmocka_unit_test(a_burst_multiplies_the_lines_of_a_batch),
        cmocka_unit_test(an_open_loop_is_scheduled_over_all_senders),
        cmocka_unit_test(events_are_valid_lines),
        cmocka_unit_test(tallies_are_valid_lines_and_their_amounts_are_summed),
        cmocka_unit_test(latencies_are_within_three_percent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
