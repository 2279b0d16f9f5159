/* Planned events: those of the week beside the last of their class, and those of the two weeks to come. */
#include <math.h>
#include <string.h>

#include "reports/analyse_private.h"

#define HOUR_MS INT64_C(3600000)

enum { EVENTS_MAX = 60, TEXT_MAX = 200, COMING_WEEKS = 2 };

static bool is_planned(const struct marker *marker)
{
    return marker->kind == MARKER_EVENT || marker->kind == MARKER_MAINTENANCE ||
           marker->kind == MARKER_CONFIG;
}

/* Requests and failures in the hours that a span touches; NAN: not known. */
static void measure(const struct analysis *a, time_ms_t from, time_ms_t to, double *requests, double *failed)
{
    size_t week, hour;
    *requests = *failed = NAN;
    for (time_ms_t at = from; at < to; at += HOUR_MS) {
        if (!tally_place(a->tally, at, &week, &hour) || !a->tally->is_kept[week] || !a->has_data[week]) {
            *requests = *failed = NAN;
            return;
        }
        const struct tally_hour *seen = &a->tally->hours[week][hour];
        *requests = (isnan(*requests) ? 0 : *requests) + (double)tally_requests(seen);
        *failed = (isnan(*failed) ? 0 : *failed) + (double)tally_failures(seen);
    }
}

/* The last marker of the same kind and class before one. */
static const struct marker *find_last(const struct analysis *a, const struct marker *of)
{
    const struct markers_wanted wanted = {.kind = of->kind, .span = {INT64_MIN, of->time}};
    struct markers_place place = {.is_begun = false};
    const struct marker *marker;
    while ((marker = markers_next(a->gather->markers, &wanted, &place)))
        if (marker->time < of->time && gather_touches(a->unit, marker) &&
            str_equal(marker->text[MARKER_CLASS], of->text[MARKER_CLASS]))
            return marker;
    return NULL;
}

static time_ms_t end_of(const struct marker *marker)
{
    return marker->end == MARKER_NO_END ? marker->time + HOUR_MS : marker->end;
}

static void add_event(struct analysis *a, const struct marker *marker)
{
    struct report *r = a->report;
    struct report_event *out = &r->events[r->event_count++];
    *out = (struct report_event){.id = marker->id,
                                 .kind = arena_text(&r->arena, marker_kind_name(marker->kind), 0),
                                 .class_name = arena_text(&r->arena, marker->text[MARKER_CLASS], TEXT_MAX),
                                 .note = arena_text(&r->arena, marker->text[MARKER_NOTE], TEXT_MAX),
                                 .time = marker->time,
                                 .end = marker->end,
                                 .is_coming = marker->time >= r->span.to,
                                 .requests = NAN,
                                 .failed = NAN,
                                 .before = INT64_MIN,
                                 .requests_before = NAN,
                                 .failed_before = NAN};
    if (!out->is_coming)
        measure(a, marker->time, end_of(marker), &out->requests, &out->failed);
    const struct marker *last = find_last(a, marker);
    if (last) {
        out->before = last->time;
        measure(a, last->time, end_of(last), &out->requests_before, &out->failed_before);
    }
}

enum tm_err analyse_events(struct analysis *a)
{
    struct report *r = a->report;
    const struct markers_wanted wanted = {.kind = MARKER_KIND_COUNT,
                                          .span = {r->span.from, week_shift(r->span.to, COMING_WEEKS)}};
    struct markers_place place = {.is_begun = false};
    const struct marker *marker;
    r->events = arena_take(&r->arena, EVENTS_MAX * sizeof *r->events);
    if (!r->events)
        return TM_NOMEM;
    while (r->event_count < EVENTS_MAX && (marker = markers_next(a->gather->markers, &wanted, &place)))
        if (is_planned(marker) && gather_touches(a->unit, marker))
            add_event(a, marker);
    for (size_t i = 0; i < r->event_count / 2; i++) { /* oldest first */
        struct report_event one = r->events[i];
        r->events[i] = r->events[r->event_count - 1 - i];
        r->events[r->event_count - 1 - i] = one;
    }
    return TM_OK;
}
