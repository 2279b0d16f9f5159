/* Figures through their one function, with the Gnuplot of the machine and with false ones. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/reports/figure_samples.h"

/* ---- well-formed XML: what a strict reader asks for, of what a figure has ---- */

enum { DEPTH_MAX = 16 };

static bool is_utf8(struct str text)
{
    for (size_t i = 0; i < text.len;) {
        unsigned char c = (unsigned char)text.ptr[i];
        size_t len = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 0;
        if (!len || i + len > text.len || (c < ' ' && c != '\n') || c == 0x7f)
            return false;
        for (size_t j = 1; j < len; j++)
            if (((unsigned char)text.ptr[i + j] & 0xc0) != 0x80)
                return false;
        i += len;
    }
    return true;
}

/* Attributes: name="value", no '<' in a value. */
static bool are_attributes(const char *at, const char *end)
{
    while (at < end) {
        at += strspn(at, " \n");
        if (at >= end)
            return true;
        size_t name = strcspn(at, "=\" <>/");
        if (!name || strncmp(at + name, "=\"", 2) != 0)
            return false;
        at += name + 2;
        size_t value = strcspn(at, "\"<");
        if (at[value] != '"' || at + value >= end)
            return false;
        at += value + 1;
    }
    return true;
}

static const char *well_formed(struct str svg)
{
    struct str open[DEPTH_MAX];
    size_t depth = 0;
    const char *at = svg.ptr, *end = svg.ptr + svg.len;
    if (!is_utf8(svg))
        return "not UTF-8, or a control";
    while (at < end) {
        if (*at == '&') {
            size_t len = strcspn(at, ";");
            if (strncmp(at, "&lt;", 4) != 0 && strncmp(at, "&gt;", 4) != 0 && strncmp(at, "&amp;", 5) != 0 &&
                strncmp(at, "&quot;", 6) != 0 && strncmp(at, "&#39;", 5) != 0)
                return "an open '&'";
            at += len + 1;
            continue;
        }
        if (*at != '<') {
            at++;
            continue;
        }
        const char *close = memchr(at, '>', (size_t)(end - at));
        if (!close)
            return "an open '<'";
        bool ends = at[1] == '/', is_empty = close[-1] == '/';
        struct str name = {at + 1 + ends, strcspn(at + 1 + ends, " >/")};
        if (ends && (depth == 0 || !str_equal(open[--depth], name)))
            return "an end without its begin";
        if (!ends && !are_attributes(name.ptr + name.len, is_empty ? close - 1 : close))
            return "a broken attribute";
        if (!ends && !is_empty) {
            if (depth == DEPTH_MAX)
                return "too deep";
            open[depth++] = name;
        }
        at = close + 1;
    }
    return depth ? "an element is open" : NULL;
}

/* ---- drawing ---- */

static enum tm_err draw(const struct sample *sample, struct figures_out *out, struct tm_why *why)
{
    struct figures_options options = {
        .width_narrow = 360, .theme = FIGURE_BOTH, .language = sample->language};
    return figures_draw(&sample->figures, &options, out, why);
}

static void write_file(const char *folder, const char *sample, const char *name, const struct bytes *svg)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s-%s.svg", folder, sample, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(svg->data, 1, svg->len, file), svg->len);
    assert_int_equal(fclose(file), 0);
}

/* With a NUL behind its end. */
static struct str terminated(struct bytes *bytes)
{
    bytes_u8(bytes, 0);
    assert_false(bytes->failed);
    bytes->len--;
    return bytes_view(bytes);
}

static void look_at(struct figures_out *out, const char *sample)
{
    const char *folder = getenv("FIGURES_DIR");
    for (size_t i = 0; i < FIGURE_COUNT; i++) {
        char narrow[64];
        struct bytes *pictures[] = {&out->at[i].svg, &out->at[i].svg_narrow};
        (void)snprintf(narrow, sizeof narrow, "%s-narrow", figure_name((enum figure_kind)i));
        for (size_t j = 0; j < 2; j++) {
            const char *fault = well_formed(terminated(pictures[j]));
            if (fault || pictures[j]->len < 1000 || pictures[j]->len > 100000)
                fail_msg("%s %s: %s, %zu bytes", sample, figure_name((enum figure_kind)i),
                         fault ? fault : "size", pictures[j]->len);
            if (folder)
                write_file(folder, sample, j ? narrow : figure_name((enum figure_kind)i), pictures[j]);
        }
    }
}

static void every_picture_is_well_formed(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < SAMPLE_COUNT; kind++) {
        struct sample *sample = sample_new((enum sample_kind)kind);
        struct figures_out out;
        struct tm_why why = {""};
        if (draw(sample, &out, &why))
            fail_msg("%s: %s", sample_names[kind], why.text);
        look_at(&out, sample_names[kind]);
        figures_fini(&out);
        free(sample);
    }
}

static bool holds(const struct bytes *bytes, const char *text)
{
    return memmem(bytes->data, bytes->len, text, strlen(text)) != NULL;
}

static void a_name_is_never_read_by_gnuplot_or_as_markup(void **state)
{
    (void)state;
    struct sample *sample = sample_new(HOSTILE);
    struct figures_out out;
    struct tm_why why;
    (void)unlink("/dev/shm/pwned");
    assert_int_equal(draw(sample, &out, &why), TM_OK);
    assert_int_not_equal(access("/dev/shm/pwned", F_OK), 0);
    for (size_t i = 0; i < FIGURE_COUNT; i++) {
        assert_false(holds(&out.at[i].svg, "<script"));
        assert_false(holds(&out.at[i].svg, "\xe2\x80\xae"));
        assert_false(holds(&out.at[i].text, "\xe2\x80\xae"));
        assert_false(holds(&out.at[i].text, "\x01"));
    }
    assert_true(holds(&out.at[FIGURE_PARETO].svg, "&#39;; system(&quot;touch"));
    assert_true(
        holds(&out.at[FIGURE_PARETO].svg, "\xe2\x81\xa8")); /* isolated, as some of it runs leftwards */
    assert_true(holds(&out.at[FIGURE_PARETO].svg, "\xe2\x80\xa6\xe2\x81\xa9</text>"));
    figures_fini(&out);
    free(sample);
}

static void the_same_input_gives_the_same_bytes(void **state)
{
    (void)state;
    struct sample *sample = sample_new(TYPICAL);
    struct figures_out first, second;
    struct tm_why why;
    assert_int_equal(draw(sample, &first, &why), TM_OK);
    assert_int_equal(draw(sample, &second, &why), TM_OK);
    for (size_t i = 0; i < FIGURE_COUNT; i++) {
        assert_true(str_equal(bytes_view(&first.at[i].svg), bytes_view(&second.at[i].svg)));
        assert_true(str_equal(bytes_view(&first.at[i].svg_narrow), bytes_view(&second.at[i].svg_narrow)));
        assert_true(str_equal(bytes_view(&first.at[i].text), bytes_view(&second.at[i].text)));
    }
    figures_fini(&first);
    figures_fini(&second);
    free(sample);
}

static void ids_of_a_page_never_repeat(void **state)
{
    (void)state;
    struct sample *sample = sample_new(TYPICAL);
    struct figures_options options = {.width_narrow = 360, .id = "cart-7"};
    struct figures_out out;
    struct tm_why why;
    assert_int_equal(figures_draw(&sample->figures, &options, &out, &why), TM_OK);
    for (size_t i = 0; i < FIGURE_COUNT; i++) {
        char id[64];
        (void)snprintf(id, sizeof id, " id=\"cart-7-%s\"", figure_name((enum figure_kind)i));
        assert_true(holds(&out.at[i].svg, id));
        assert_false(holds(&out.at[i].svg_narrow, id));
        for (const char *at = terminated(&out.at[i].svg).ptr; (at = strstr(at, " id=\"")) != NULL; at++)
            assert_int_equal(strncmp(at, " id=\"cart-7-", 12), 0);
        assert_false(holds(&out.at[i].svg, "prefers-color-scheme"));
    }
    figures_fini(&out);
    free(sample);
}

/* ---- texts ---- */

static void expect_text(const struct figures_out *out, enum figure_kind kind, const char *expected)
{
    struct str text = bytes_view(&out->at[kind].text);
    if (!str_equal(text, str_of(expected)))
        fail_msg("%s says\n%.*s\nnot\n%s", figure_name(kind), STR_ARG(text), expected);
}

static void a_text_has_the_key_numbers_of_its_figure(void **state)
{
    (void)state;
    struct sample *sample = sample_new(TYPICAL);
    struct figures_out out;
    struct tm_why why;
    assert_int_equal(draw(sample, &out, &why), TM_OK);
    expect_text(
        &out, FIGURE_HOURLY,
        "22,219 failures (exceptions and failed requests) from Mon 16 Nov to Sun 22 Nov (Asia/Seoul). The "
        "most "
        "in one hour: 1,351, Wed 18 Nov "
        "14:00; 138 to 272 were expected. 6 hours above the expected range. 5 deploys, 1 bad. 1 incident, "
        "the "
        "first from Wed 18 Nov 14:00. 1 planned event. No data for 3 hours.");
    expect_text(
        &out, FIGURE_HEAT,
        "The most: 1,351, Wed from 14:00. The day with the most: Wed, 6,742 (30.3% of all). The hour of the "
        "day with the most: 15:00, 2,652.");
    expect_text(
        &out, FIGURE_PARETO,
        "14 groups of exceptions and failed requests, 29,097 in all. 1. NullPointerException: Cannot invoke "
        "\"Cart.items()\" because "
        "\"cart\" "
        "is null: 8,001 (27.5%). 2. SocketTimeoutException: Read timed out: inventory.internal:8443: 4,288 "
        "(14.7%). 3. HTTP 502 POST /checkout/confirm: 2,977 (10.2%). The first 12 have 94.7% of all.");
    expect_text(
        &out, FIGURE_SLOPE,
        "Of the top 10: 2 risen by a fifth or more, 2 fallen, 2 new. NullPointerException: Cannot invoke "
        "\"Cart.items()\" because \"cart\" is null: 15,201 last week, 8,001 this week. "
        "SocketTimeoutException: "
        "Read timed out: inventory.internal:8443: 1,715 last week, 4,288 this week. HTTP 502 POST "
        "/checkout/confirm: new, 2,977 this week.");
    expect_text(&out, FIGURE_STATUS,
                "17,610,596 responses. 2xx: 16,137,020 (91.6%). 3xx: 969,466 (5.5%). 4xx: 481,891 (2.7%). "
                "5xx: 22,219 "
                "(0.13%). The highest share of 5xx: 0.7%, Wed 18 Nov 14:00.");
    expect_text(
        &out, FIGURE_DEPLOYS,
        "5 deploys; failures per 10,000 requests before and after, with 95% intervals. 1.8.2, Mon 16 Nov "
        "18:00: 12 (10 to 14), then 11 (8 to 16): ok. 1.8.3, Tue 17 Nov 22:00: 13 (9 to 19), then 310 (280 "
        "to "
        "342): bad. 1.8.4-rc1, Thu 19 Nov 01:00: 12 (10 to 15), then 21 (13 to 33): suspect. 1.8.4, Fri 20 "
        "Nov 05:00: 10 (8 to 13), then 0 (0 to 180): not enough data. 1.9.0, Sat 21 Nov 08:00: – (– to –), "
        "then "
        "12 (2 to 43): not enough data.");
    expect_text(
        &out, FIGURE_TREND,
        "61,250 failures in week 47 of 2026. The week before: 36,900 (+66%). 21.1 per 10,000 requests, the "
        "week before 12.7. The week with the most of the 8: week 47 of 2026 with 61,250.");
    expect_text(
        &out, FIGURE_LATENCY,
        "Median of the hours: p50 26 ms, p90 77 ms, p99 291 ms. The slowest hour by p99: 3.7 s, Wed 18 Nov "
        "14:00.");
    figures_fini(&out);
    free(sample);
}

static void a_korean_report_has_korean_figures(void **state)
{
    (void)state;
    struct sample *sample = sample_new(KOREAN);
    struct figures_out out;
    struct tm_why why;
    sample->figures.week.zone = STR("Asia/Seoul");
    assert_int_equal(draw(sample, &out, &why), TM_OK);
    expect_text(
        &out, FIGURE_HOURLY,
        "11월 16일(월)부터 11월 22일(일)까지(Asia/Seoul) 실패(예외와 실패한 요청) 22,219건. 가장 많은 시간은 "
        "11월 "
        "18일(수) 14:00, 1,351건, 예상은 138에서 272. 예상 범위를 넘은 시간 6시간. 배포 9건, 그중 나쁜 배포 "
        "2건. 인시던트 1건, 첫 인시던트는 11월 18일(수) 14:00부터. 예정된 이벤트 1건. 데이터가 없는 시간 "
        "3시간.");
    expect_text(
        &out, FIGURE_HEAT,
        "가장 많은 시간은 수요일 14시, 1,351건. 가장 많은 요일은 수요일, 6,742건(전체의 30.3%). 가장 많은 "
        "시각은 15시, 2,652건.");
    expect_text(
        &out, FIGURE_LATENCY,
        "시간별 값의 중앙값: p50 26 ms, p90 77 ms, p99 291 ms. p99가 가장 느린 시간은 11월 18일(수) 14:00, "
        "3.7초.");
    assert_true(holds(&out.at[FIGURE_HOURLY].svg, "11월 18일(수)</text>"));
    assert_true(holds(&out.at[FIGURE_HOURLY].svg, "xml:lang=\"ko\""));
    figures_fini(&out);
    free(sample);
}

static void a_week_without_data_says_so(void **state)
{
    (void)state;
    struct sample *sample = sample_new(EMPTY);
    struct figures_out out;
    struct tm_why why;
    assert_int_equal(draw(sample, &out, &why), TM_OK);
    for (size_t i = 0; i < FIGURE_COUNT; i++) {
        expect_text(&out, (enum figure_kind)i, "No data for this figure.");
        assert_true(holds(&out.at[i].svg, ">No data for this figure.</text>"));
    }
    figures_fini(&out);
    free(sample);
}

static void a_week_with_one_number_is_drawn(void **state)
{
    (void)state;
    struct sample *sample = sample_new(SINGLE);
    struct figures_out out;
    struct tm_why why;
    assert_int_equal(draw(sample, &out, &why), TM_OK);
    expect_text(&out, FIGURE_HOURLY,
                "3 failures (exceptions and failed requests) from Mon 16 Nov to Sun 22 Nov (Asia/Seoul). The "
                "most in one hour: 3, Wed 18 Nov 02:00. 1 "
                "deploy, 0 bad. No data for 167 hours.");
    expect_text(&out, FIGURE_TREND,
                "3 failures in week 47 of 2026. The week with the most of the 8: week 47 of 2026 "
                "with 3.");
    figures_fini(&out);
    free(sample);
}

static void a_week_in_which_clocks_change_keeps_its_days(void **state)
{
    (void)state;
    static const struct {
        int before_s, after_s, hours;
        time_ms_t shift_hour;
    } weeks[] = {{3600, 7200, 167, 6 * 24 + 2}, {7200, 3600, 169, 6 * 24 + 3}};
    for (size_t i = 0; i < 2; i++) {
        struct sample *sample = sample_new(TYPICAL);
        struct figure_week *week = &sample->figures.week;
        struct figures_out out;
        struct tm_why why;
        /* Monday 23 March 2026, 00:00 local time */
        week->span.from = INT64_C(1774224000000) - weeks[i].before_s * INT64_C(1000);
        week->span.to = week->span.from + (time_ms_t)weeks[i].hours * SAMPLE_HOUR_MS;
        week->offset_s = weeks[i].before_s;
        week->offset_after_s = weeks[i].after_s;
        week->shift = week->span.from + weeks[i].shift_hour * SAMPLE_HOUR_MS;
        for (size_t j = 0; j < FIGURE_HOURS_MAX; j++)
            sample->count[j] = j + 1 == (size_t)weeks[i].hours ? 9 : 1;
        sample->figures.hourly.hours = (size_t)weeks[i].hours;
        sample->figures.hourly.low = sample->figures.hourly.high = NULL;
        sample->figures.hourly.mark_count = sample->figures.hourly.shade_count = 0;
        assert_int_equal(draw(sample, &out, &why), TM_OK);
        expect_text(&out, FIGURE_HOURLY,
                    i ? "177 failures (exceptions and failed requests) from Mon 23 Mar to Sun 29 Mar "
                        "(Asia/Seoul). The most in one hour: 9, "
                        "Sun 29 Mar "
                        "23:00."
                      : "175 failures (exceptions and failed requests) from Mon 23 Mar to Sun 29 Mar "
                        "(Asia/Seoul). The most in one hour: 9, "
                        "Sun 29 Mar "
                        "23:00.");
        assert_true(holds(&out.at[FIGURE_HOURLY].svg, ">Sun 29 Mar</text>"));
        assert_false(holds(&out.at[FIGURE_HOURLY].svg, ">Mon 30 Mar</text>"));
        figures_fini(&out);
        free(sample);
    }
}

static void options_that_break_a_rule_are_refused(void **state)
{
    (void)state;
    static const struct figures_options wrong[] = {
        {.width = 319}, {.width = 2001}, {.width_narrow = 10},   {.id = "a b"},
        {.id = ""},     {.id = "7"},     {.id = "x\"><script>"}, {.time_limit_ms = -1}};
    struct sample *sample = sample_new(TYPICAL);
    struct figures_out out;
    struct tm_why why;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(figures_draw(&sample->figures, &wrong[i], &out, &why), TM_INVALID);
    sample->figures.hourly.hours = FIGURE_HOURS_MAX + 1;
    assert_int_equal(draw(sample, &out, &why), TM_INVALID);
    free(sample);
}

/* ---- false ones ---- */

/* A folder of its own on PATH, with a gnuplot that is this script; NULL: without one. */
static void with_gnuplot(const char *script, int64_t time_limit_ms, enum tm_err expected, const char *said)
{
    char folder[] = "/tmp/tm_figures_XXXXXX", path[64], places[128];
    char *before = strdup(getenv("PATH"));
    struct sample *sample = sample_new(TYPICAL);
    struct figures_options options = {.time_limit_ms = time_limit_ms};
    struct figures_out out;
    struct tm_why why = {""};
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/gnuplot", folder);
    (void)snprintf(places, sizeof places, script ? "%s:/usr/bin:/bin" : "%s", folder);
    if (script) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        (void)fprintf(file, "#!/bin/sh\n%s\n", script);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod(path, 0700), 0);
    }
    assert_int_equal(setenv("PATH", places, 1), 0);
    enum tm_err err = figures_draw(&sample->figures, &options, &out, &why);
    assert_int_equal(setenv("PATH", before, 1), 0);
    (void)unlink(path);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(err, expected);
    if (!strstr(why.text, said))
        fail_msg("it says: %s", why.text);
    for (size_t i = 0; i < FIGURE_COUNT; i++) { /* the report goes out without pictures */
        assert_int_equal(out.at[i].svg.len, 0);
        assert_true(out.at[i].title.len > 0 && out.at[i].text.len > 40);
    }
    figures_fini(&out);
    free(sample);
    free(before);
}

static void without_gnuplot_the_texts_are_whole(void **state)
{
    (void)state;
    with_gnuplot(NULL, 0, TM_NOT_FOUND, "apt-get install gnuplot-nox");
}

static void a_gnuplot_that_hangs_is_ended(void **state)
{
    (void)state;
    with_gnuplot("sleep 1000", 100, TM_BUSY, "not done in time");
    with_gnuplot("cat >/dev/null; sleep 1000 & exec sleep 1000", 100, TM_BUSY, "not done in time");
}

static void a_gnuplot_that_fails_is_quoted(void **state)
{
    (void)state;
    with_gnuplot("cat >/dev/null; printf '\\n   ^\\nline 0: undefined variable: x\\nmore\\n' >&2; exit 1", 0,
                 TM_IO, "Gnuplot could not draw: line 0: undefined variable: x");
    with_gnuplot("exit 3", 0, TM_IO, "Gnuplot ended with status");
}

static void a_gnuplot_that_writes_without_end_is_ended(void **state)
{
    (void)state;
    with_gnuplot("exec cat /dev/zero", 0, TM_TOO_LARGE, "wrote more than");
}

static void what_is_no_figure_is_refused(void **state)
{
    (void)state;
    with_gnuplot("cat", 0, TM_CORRUPT, "no figure");
    with_gnuplot(
        "cat >/dev/null; yes '<svg><g font-size=\"3\" transform=\"translate(1,2)\" fill=\"rgb(1,0,1)\">"
        "<text>@99999@</text></svg>' | head -8",
        0, TM_CORRUPT, "no figure");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_picture_is_well_formed),
        cmocka_unit_test(a_name_is_never_read_by_gnuplot_or_as_markup),
        cmocka_unit_test(the_same_input_gives_the_same_bytes),
        cmocka_unit_test(ids_of_a_page_never_repeat),
        cmocka_unit_test(a_text_has_the_key_numbers_of_its_figure),
        cmocka_unit_test(a_korean_report_has_korean_figures),
        cmocka_unit_test(a_week_without_data_says_so),
        cmocka_unit_test(a_week_with_one_number_is_drawn),
        cmocka_unit_test(a_week_in_which_clocks_change_keeps_its_days),
        cmocka_unit_test(options_that_break_a_rule_are_refused),
        cmocka_unit_test(without_gnuplot_the_texts_are_whole),
        cmocka_unit_test(a_gnuplot_that_hangs_is_ended),
        cmocka_unit_test(a_gnuplot_that_fails_is_quoted),
        cmocka_unit_test(a_gnuplot_that_writes_without_end_is_ended),
        cmocka_unit_test(what_is_no_figure_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
