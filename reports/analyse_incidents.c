/* What scoring found: incidents of the week with what was seen more often in their windows than in the same
 * local hours of clean weeks, minutes with anomalies, and verdicts of deploys as the daemon gave them. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reports/analyse_private.h"
#include "storage/findings/findings.h"

#define HOUR_MS   INT64_C(3600000)
#define MINUTE_MS 60000

enum { BASE_FIRST = TALLY_THIS - REPORT_BASE_WEEKS, INCIDENTS_MAX = 50, SPANS_MAX = 500, TEXT_MAX = 400 };
enum { MINUTES_MAX = REPORT_HOURS_MAX * 60 };

struct incidents {
    struct analysis *a;
    struct span spans[SPANS_MAX]; /* of all incidents since the first base week */
    size_t span_count;
    uint8_t minutes[REPORT_TREND_WEEKS][MINUTES_MAX / 8 + 1]; /* with an anomaly */
};

/* Findings without env are of all of them. */
static bool is_ours(const struct analysis *a, const struct finding *finding)
{
    return str_equal(finding->service, str_of(a->unit->service)) &&
           (finding->env.len == 0 || str_equal(finding->env, str_of(a->unit->env)));
}

static enum tm_err search(struct incidents *s, enum finding_kind kind, struct span span, uint64_t id,
                          findings_fn *each, struct tm_why *why)
{
    uint64_t damaged = 0;
    const struct findings_wanted wanted = {
        .kind = kind, .id = id, .service = str_of(s->a->unit->service), .span = span, .damaged = &damaged};
    return findings_search(s->a->gather->reader, &wanted, each, s, why);
}

/* ---- incidents ---- */

static const char *text_in(struct report *r, const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? arena_text(&r->arena, str_of(text), TEXT_MAX) : "";
}

static bool take_incident(void *arg, const struct finding *finding)
{
    struct incidents *s = arg;
    struct report *r = s->a->report;
    time_ms_t end = finding->end == 0 ? INT64_MIN : finding->end;
    struct span span = {finding->time, end == INT64_MIN ? INT64_MAX : end + 1};
    if (!is_ours(s->a, finding))
        return true;
    if (s->span_count < SPANS_MAX)
        s->spans[s->span_count++] = span;
    for (size_t w = BASE_FIRST; w < REPORT_TREND_WEEKS; w++)
        s->a->incidents[w] +=
            finding->time >= s->a->tally->spans[w].from && finding->time < s->a->tally->spans[w].to;
    if (span.to <= r->span.from || span.from >= r->span.to || r->incident_count >= INCIDENTS_MAX)
        return true;
    json_t *body = json_loadb(finding->body.ptr, finding->body.len, 0, NULL);
    r->incidents[r->incident_count++] = (struct report_incident){.id = finding->id,
                                                                 .start = finding->time,
                                                                 .end = end,
                                                                 .score = finding->score,
                                                                 .text = text_in(r, body, "text"),
                                                                 .marker = text_in(r, body, "marker")};
    json_decref(body);
    return true;
}

/* ---- excess ---- */

/* The hours that an incident touches, cut to the week. */
static struct span window_of(const struct report *r, const struct report_incident *incident)
{
    struct span window = {incident->start / HOUR_MS * HOUR_MS, incident->end};
    if (incident->end == INT64_MIN || incident->end > r->span.to)
        window.to = r->span.to;
    window.to = (window.to + HOUR_MS - 1) / HOUR_MS * HOUR_MS;
    if (window.from < r->span.from)
        window.from = r->span.from;
    return window;
}

static struct span shift(struct span window, int weeks)
{
    return (struct span){week_shift(window.from, weeks), week_shift(window.to, weeks)};
}

static bool is_clean(const struct incidents *s, struct span window, int back)
{
    if (!s->a->is_base[TALLY_THIS - back])
        return false;
    for (size_t i = 0; i < s->span_count; i++)
        if (s->spans[i].from < window.to && s->spans[i].to > window.from)
            return false;
    return true;
}

static uint64_t count_in(const struct group_view *view, struct span window)
{
    uint64_t count = 0;
    for (size_t i = 0; i < view->hour_count; i++) {
        time_ms_t at = view->hours[i].hour * GROUP_HOUR_MS;
        count += at >= window.from && at < window.to ? view->hours[i].count : 0;
    }
    return count;
}

static double excess_of(const struct report_excess *e)
{
    return (double)e->count - (isnan(e->expected) ? 0 : e->expected);
}

/* Keeps the largest ones in order. */
static void keep(struct report_incident *incident, const struct report_excess *one)
{
    size_t at = incident->excess_count;
    while (at > 0 && excess_of(&incident->excess[at - 1]) < excess_of(one))
        at--;
    if (at >= REPORT_EXCESSES_MAX)
        return;
    size_t last =
        incident->excess_count < REPORT_EXCESSES_MAX ? incident->excess_count++ : REPORT_EXCESSES_MAX - 1;
    memmove(incident->excess + at + 1, incident->excess + at, (last - at) * sizeof *one);
    incident->excess[at] = *one;
}

static enum tm_err compare_group(const struct incidents *s, struct report_incident *incident, uint64_t id,
                                 struct span window, const bool *clean, double *sum)
{
    struct report *r = s->a->report;
    struct group_view view;
    double values[REPORT_BASE_WEEKS];
    size_t count = 0;
    enum tm_err err = groups_view(s->a->gather->groups, id, r->span.to, &view);
    if (err)
        return err;
    struct report_excess one = {.id = id, .count = count_in(&view, window), .ratio = NAN};
    for (int back = 1; back <= REPORT_BASE_WEEKS; back++)
        if (clean[back])
            values[count++] = (double)count_in(&view, shift(window, -back));
    one.expected = analyse_median(values, count);
    if (one.count == 0 || excess_of(&one) <= 0)
        return TM_OK;
    if (one.expected > 0)
        one.ratio = (double)one.count / one.expected;
    *sum += excess_of(&one);
    one.what = "";
    for (size_t i = 0; i < r->group_count; i++)
        if (r->groups[i].id == id)
            one.what = analyse_title(r, &r->groups[i]);
    keep(incident, &one);
    return TM_OK;
}

static enum tm_err explain(const struct incidents *s, struct report_incident *incident, struct tm_why *why)
{
    struct span window = window_of(s->a->report, incident);
    bool clean[REPORT_BASE_WEEKS + 1] = {false};
    double sum = 0;
    incident->excess = arena_take(&s->a->report->arena, REPORT_EXCESSES_MAX * sizeof *incident->excess);
    if (!incident->excess)
        return TM_NOMEM;
    for (int back = 1; back <= REPORT_BASE_WEEKS; back++) {
        clean[back] = is_clean(s, shift(window, -back), back);
        incident->base_weeks += clean[back];
    }
    for (size_t i = 0; i < s->a->group_count; i++) {
        enum tm_err err = s->a->groups[i].weeks[TALLY_THIS] > 0
                              ? compare_group(s, incident, s->a->groups[i].id, window, clean, &sum)
                              : TM_OK;
        if (err)
            return err;
    }
    for (size_t i = 0; i < incident->excess_count && sum > 0; i++)
        incident->excess[i].share = excess_of(&incident->excess[i]) / sum;
    return analyse_series(s->a, incident, clean, why);
}

/* ---- anomalies, verdicts ---- */

static bool take_anomaly(void *arg, const struct finding *finding)
{
    struct incidents *s = arg;
    time_ms_t end = finding->end > finding->time ? finding->end : finding->time + 1;
    for (time_ms_t at = finding->time; at < end && is_ours(s->a, finding); at += MINUTE_MS) {
        size_t week, hour;
        if (!tally_place(s->a->tally, at, &week, &hour))
            continue;
        size_t minute = (size_t)((at - s->a->tally->spans[week].from) / MINUTE_MS);
        if (minute < MINUTES_MAX)
            s->minutes[week][minute / 8] |= (uint8_t)(1u << minute % 8);
    }
    return true;
}

static void count_minutes(struct incidents *s)
{
    for (size_t w = BASE_FIRST; w < REPORT_TREND_WEEKS; w++)
        for (size_t m = 0; m < MINUTES_MAX; m++)
            s->a->anomalous[w] += s->minutes[w][m / 8] >> m % 8 & 1;
}

/* The daemon's verdict looks at page groups, latencies and gauges too: it goes before our own. */
static bool take_verdict(void *arg, const struct finding *finding)
{
    static const char *const known[] = {"bad", "suspect", "ok", "insufficient_data"};
    struct incidents *s = arg;
    json_t *body = json_loadb(finding->body.ptr, finding->body.len, 0, NULL);
    const char *verdict = json_string_value(json_object_get(body, "verdict"));
    for (size_t i = 0; i < s->a->report->deploy_count && verdict; i++)
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            if (s->a->report->deploys[i].id == finding->id && strcmp(known[k], verdict) == 0)
                s->a->report->deploys[i].verdict = known[k];
    json_decref(body);
    return true;
}

/* Newest first as they are told; a report reads on. */
static void reverse(struct report *r)
{
    for (size_t i = 0; i < r->incident_count / 2; i++) {
        struct report_incident one = r->incidents[i];
        r->incidents[i] = r->incidents[r->incident_count - 1 - i];
        r->incidents[r->incident_count - 1 - i] = one;
    }
}

enum tm_err analyse_incidents(struct analysis *a, struct tm_why *why)
{
    struct report *r = a->report;
    struct span span = {a->tally->spans[BASE_FIRST].from, r->span.to};
    struct incidents *s = arena_take(&r->arena, sizeof *s);
    r->incidents = arena_take(&r->arena, INCIDENTS_MAX * sizeof *r->incidents);
    if (!s || !r->incidents)
        return TM_NOMEM;
    s->a = a;
    enum tm_err err = search(s, FINDING_INCIDENT, span, 0, take_incident, why);
    if (!err)
        err = search(s, FINDING_ANOMALY, span, 0, take_anomaly, why);
    for (size_t i = 0; i < r->deploy_count && !err; i++)
        err = search(s, FINDING_VERDICT, READER_ALWAYS, r->deploys[i].id, take_verdict, why);
    for (size_t i = 0; i < r->incident_count && !err; i++)
        err = explain(s, &r->incidents[i], why);
    count_minutes(s);
    reverse(r);
    return err;
}
