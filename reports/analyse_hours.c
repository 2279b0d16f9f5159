/* Hours of the week beside those of the weeks before, the trend, and what of the data is missing. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "reports/analyse_private.h"

#define HOUR_MS   INT64_C(3600000)
#define BAND_SDS  2.0
#define MAD_TO_SD 1.4826

enum { BASE_FIRST = TALLY_THIS - REPORT_BASE_WEEKS, GAPS_MAX = 50, US_A_MS = 1000 };

static double failures_of(const struct tally_hour *hour)
{
    return (double)tally_failures(hour);
}

/* Whether an hour of silence is one without data: so where there are requests at other times. */
static bool is_silent(const struct analysis *a, size_t week, size_t hour)
{
    const struct tally_hour *h = &a->tally->hours[week][hour];
    time_ms_t start = a->tally->spans[week].from + (int64_t)hour * HOUR_MS;
    bool is_empty = tally_requests(h) == 0 && h->exceptions == 0;
    return is_empty && (a->by_requests || !a->has_data[week] || start >= a->gather->newest_ms);
}

/* What is expected in an hour: the same local hours of the weeks before. */
static void expect(const struct analysis *a, struct report_hour *out)
{
    double values[REPORT_BASE_WEEKS], distances[REPORT_BASE_WEEKS];
    size_t count = 0, week, hour;
    out->expected = out->low = out->high = NAN;
    for (int back = 1; back <= REPORT_BASE_WEEKS; back++)
        if (tally_place(a->tally, week_shift(out->start, -back), &week, &hour) && week < TALLY_THIS &&
            a->tally->is_kept[week] && a->has_data[week] && !is_silent(a, week, hour))
            values[count++] = failures_of(&a->tally->hours[week][hour]);
    if (count == 0)
        return;
    double middle = analyse_median(values, count);
    for (size_t i = 0; i < count; i++)
        distances[i] = fabs(values[i] - middle);
    double sd = fmax(sqrt(fmax(middle, 0.25)), MAD_TO_SD * analyse_median(distances, count));
    out->expected = middle;
    out->low = fmax(0, middle - BAND_SDS * sd);
    out->high = middle + BAND_SDS * sd;
}

static void find_latencies(const uint32_t durations[HISTOGRAM_BUCKETS], double out[REPORT_LATENCIES])
{
    static const double shares[REPORT_LATENCIES] = {0.5, 0.9, 0.99};
    uint64_t all = 0, seen = 0;
    size_t at = 0;
    for (uint32_t b = 0; b < HISTOGRAM_BUCKETS; b++)
        all += durations[b];
    for (size_t i = 0; i < REPORT_LATENCIES; i++)
        out[i] = NAN;
    for (uint32_t b = 0; b < HISTOGRAM_BUCKETS && all > 0; b++) {
        seen += durations[b];
        double bound = b < HISTOGRAM_LAST ? (double)histogram_highest(b) : (double)HISTOGRAM_END;
        while (at < REPORT_LATENCIES && (double)seen >= ceil(shares[at] * (double)all))
            out[at++] = bound / US_A_MS;
    }
}

static void fill_hour(struct analysis *a, size_t i)
{
    const struct tally *t = a->tally;
    const struct tally_hour *seen = &t->hours[TALLY_THIS][i];
    struct report_hour *out = &a->report->hours[i];
    out->start = a->settings->span.from + (int64_t)i * HOUR_MS;
    out->failures = is_silent(a, TALLY_THIS, i) ? NAN : failures_of(seen);
    out->requests = tally_requests(seen);
    for (int c = 0; c < TALLY_CLASSES; c++)
        out->classes[c] = seen->classes[c];
    expect(a, out);
    find_latencies(t->durations[i], out->latency_ms);
    struct week_clock clock = week_clock(out->start);
    double *heat = &a->report->heat[clock.weekday][clock.hour];
    if (!isnan(out->failures))
        *heat = (isnan(*heat) ? 0 : *heat) + out->failures;
}

static void fill_trend(struct analysis *a)
{
    for (size_t w = 0; w < REPORT_TREND_WEEKS; w++) {
        struct report_trend *out = &a->report->trend[w];
        struct tally_hour sum = tally_week(a->tally, w);
        bool is_known = a->tally->is_kept[w] && a->has_data[w];
        out->week = week_add(a->settings->week, (int)w - TALLY_THIS);
        out->exceptions = a->has_data[w] ? analyse_exceptions(a, w) : NAN;
        out->failures = is_known ? failures_of(&sum) : NAN;
        out->requests = is_known ? a->requests[w] : NAN;
    }
}

/* ---- quality ---- */

static void add_gap(struct analysis *a, time_ms_t from, time_ms_t to, const char *text)
{
    struct report_quality *q = &a->report->quality;
    if (q->gap_count < GAPS_MAX)
        q->gaps[q->gap_count++] = (struct report_gap){from, to, text};
}

static void find_silence(struct analysis *a)
{
    struct report *r = a->report;
    for (size_t i = 0; i < r->hour_count;) {
        size_t end = i;
        while (end < r->hour_count && isnan(r->hours[end].failures))
            end++;
        r->quality.hours_seen += end == i;
        if (end > i) {
            time_ms_t to = end < r->hour_count ? r->hours[end].start : r->span.to;
            add_gap(a, r->hours[i].start, to, "");
        }
        i = end > i ? end : i + 1;
    }
}

static enum tm_err judge_quality(struct analysis *a, struct tm_why *why)
{
    struct report *r = a->report;
    struct report_quality *q = &r->quality;
    struct reader_gaps *gaps = calloc(1, sizeof *gaps);
    q->gaps = arena_take(&r->arena, GAPS_MAX * sizeof *q->gaps);
    if (!gaps || !q->gaps) {
        free(gaps);
        return TM_NOMEM;
    }
    q->hours = r->hour_count;
    q->has_data = a->has_data[TALLY_THIS];
    q->is_over = a->gather->newest_ms >= r->span.to;
    q->overflowed = a->tally->overflowed;
    q->unnamed = a->tally->unnamed;
    enum tm_err err = reader_gaps(a->gather->reader, READER_COUNTS, r->span, gaps, why);
    for (size_t i = 0; i < gaps->listed && !err; i++)
        add_gap(a, gaps->at[i].span.from, gaps->at[i].span.to,
                arena_text(&r->arena, str_of(gaps->at[i].text), 0));
    free(gaps);
    find_silence(a);
    q->completeness = q->hours > 0 ? 100.0 * (double)q->hours_seen / (double)q->hours : 0;
    return err;
}

enum tm_err analyse_hours(struct analysis *a, struct tm_why *why)
{
    struct report *r = a->report;
    for (int day = 0; day < 7; day++)
        for (int hour = 0; hour < 24; hour++)
            r->heat[day][hour] = NAN;
    r->hour_count = a->tally->hour_count[TALLY_THIS];
    for (size_t i = 0; i < r->hour_count; i++)
        fill_hour(a, i);
    fill_trend(a);
    return judge_quality(a, why);
}
