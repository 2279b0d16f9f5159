#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/cli/plot.h"

enum { MINUTE_MS = 60000 };

static void begin(struct plot *plot, const char *pod)
{
    struct tm_why why;
    struct source_sink sink = plot_sink(plot);
    struct labels labels = {.at = {{STR(LABEL_NAME), STR("cpu_seconds")}, {STR("pod"), str_of(pod)}},
                            .count = 2};
    assert_int_equal(sink.series(sink.arg, &labels, &why), TM_OK);
}

static void add(struct plot *plot, time_ms_t time, double value)
{
    struct tm_why why;
    struct source_sink sink = plot_sink(plot);
    assert_int_equal(sink.samples(sink.arg, &time, &value, 1, &why), TM_OK);
}

static const char *points(const struct plot *plot, size_t series, struct bytes *out)
{
    bytes_clear(out);
    plot_points(plot, &plot->series[series], out);
    bytes_u8(out, '\0');
    return (const char *)out->data;
}

static void a_column_keeps_first_minimum_maximum_and_last(void **state)
{
    (void)state;
    struct bytes out = {0};
    struct plot *plot = plot_new((struct span){0, 10000}, 2);
    assert_non_null(plot);
    begin(plot, "a");
    for (int i = 0; i < 10; i++)
        add(plot, i * 1000, i == 1 ? -7 : i == 3 ? 99 : i);
    assert_string_equal(points(plot, 0, &out), "0.000 0\n1.000 -7\n3.000 99\n4.000 4\n5.000 5\n9.000 9\n");
    plot_free(plot);
    bytes_fini(&out);
}

static void a_peak_in_a_million_samples_stays(void **state)
{
    (void)state;
    struct bytes out = {0};
    struct plot *plot = plot_new((struct span){0, 1000000}, 79);
    assert_non_null(plot);
    begin(plot, "a");
    for (int i = 0; i < 1000000; i++)
        add(plot, i, i == 654321 ? 1e9 : 0);
    assert_non_null(strstr(points(plot, 0, &out), "\n654.321 1000000000\n"));
    assert_true(out.len < 79 * 4 * 32);
    assert_int_equal(plot->sample_total, 1000000);
    plot_free(plot);
    bytes_fini(&out);
}

static void missing_samples_end_the_line(void **state)
{
    (void)state;
    struct bytes out = {0};
    struct plot *plot = plot_new((struct span){0, 100 * MINUTE_MS}, 100);
    assert_non_null(plot);
    begin(plot, "a");
    for (int i = 0; i < 100; i++)
        if (i < 20 || i >= 40)
            add(plot, i * MINUTE_MS, 1);
    assert_non_null(strstr(points(plot, 0, &out), "1140.000 1\n\n2400.000 1\n"));
    plot_free(plot);
    bytes_fini(&out);
}

static void sparse_samples_are_one_line(void **state)
{
    (void)state;
    struct bytes out = {0};
    struct plot *plot = plot_new((struct span){0, 100 * MINUTE_MS}, 1000);
    assert_non_null(plot);
    begin(plot, "a");
    for (int i = 0; i < 10; i++)
        add(plot, i * 10 * MINUTE_MS, i);
    assert_null(strstr(points(plot, 0, &out), "\n\n"));
    plot_free(plot);
    bytes_fini(&out);
}

static void what_is_no_number_is_not_drawn(void **state)
{
    (void)state;
    struct bytes out = {0};
    struct plot *plot = plot_new((struct span){0, 10000}, 10);
    assert_non_null(plot);
    begin(plot, "a");
    add(plot, 1000, NAN);
    add(plot, 2000, INFINITY);
    add(plot, 3000, 1.5);
    assert_string_equal(points(plot, 0, &out), "3.000 1.5\n");
    plot_free(plot);
    bytes_fini(&out);
}

static const char *script(const struct plot *plot, const struct plot_look *look, struct bytes *out)
{
    struct tm_why why;
    bytes_clear(out);
    assert_int_equal(plot_script(plot, look, out, &why), TM_OK);
    bytes_u8(out, '\0');
    return (const char *)out->data;
}

static void ten_series_are_drawn_and_the_rest_is_told(void **state)
{
    (void)state;
    struct bytes out = {0};
    const struct plot_look look = {.kind = PLOT_PNG, .width = 1200, .height = 600, .tier = "raw"};
    struct plot *plot = plot_new((struct span){0, 10000}, 10);
    assert_non_null(plot);
    for (int i = 0; i < 12; i++) {
        char pod[16];
        (void)snprintf(pod, sizeof pod, "p%d", i);
        begin(plot, pod);
        add(plot, 1000, i);
    }
    const char *text = script(plot, &look, &out);
    assert_int_equal(plot->series_count, 10);
    assert_non_null(strstr(text, "set title 'cpu_seconds  (10 of 12 series)'"));
    assert_non_null(strstr(text, "set ylabel 'seconds'"));
    assert_non_null(strstr(text, "title 'p9'"));
    assert_null(strstr(text, "p10"));
    plot_free(plot);
    bytes_fini(&out);
}

static void a_label_can_say_nothing_to_gnuplot(void **state)
{
    (void)state;
    struct bytes out = {0};
    const struct plot_look look = {.kind = PLOT_DUMB, .width = 79, .height = 22, .tier = "raw"};
    struct plot *plot = plot_new((struct span){0, 10000}, 10);
    assert_non_null(plot);
    begin(plot, "'; system('x') #");
    begin(plot, "a\nEND\n!x");
    add(plot, 1000, 1);
    const char *text = script(plot, &look, &out);
    assert_non_null(strstr(text, "title '''; system(''x'') #'"));
    assert_non_null(strstr(text, "title 'a?END?!x'"));
    plot_free(plot);
    bytes_fini(&out);
}

static void an_expression_is_its_own_title(void **state)
{
    (void)state;
    struct bytes out = {0};
    struct plot_look look = {
        .kind = PLOT_DUMB, .width = 79, .height = 22, .tier = "raw", .asked = "sum(cpu)"};
    struct plot *plot = plot_new((struct span){0, 10000}, 10);
    assert_non_null(plot);
    begin(plot, "a");
    add(plot, 1000, 1);
    assert_non_null(strstr(script(plot, &look, &out), "set title 'cpu_seconds{pod=\"a\"}'"));
    struct plot *sums = plot_new((struct span){0, 10000}, 10);
    const struct labels none = {0};
    struct tm_why why;
    assert_non_null(sums);
    struct source_sink sink = plot_sink(sums);
    assert_int_equal(sink.series(sink.arg, &none, &why), TM_OK);
    assert_non_null(strstr(script(sums, &look, &out), "set title 'sum(cpu)'"));
    plot_free(plot);
    plot_free(sums);
    bytes_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_column_keeps_first_minimum_maximum_and_last),
        cmocka_unit_test(a_peak_in_a_million_samples_stays),
        cmocka_unit_test(missing_samples_end_the_line),
        cmocka_unit_test(sparse_samples_are_one_line),
        cmocka_unit_test(what_is_no_number_is_not_drawn),
        cmocka_unit_test(ten_series_are_drawn_and_the_rest_is_told),
        cmocka_unit_test(a_label_can_say_nothing_to_gnuplot),
        cmocka_unit_test(an_expression_is_its_own_title),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
