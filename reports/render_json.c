/* The JSON model. Its shape is kept in report.schema.json. */
#include <inttypes.h>
#include <math.h>

#include "reports/escape.h"
#include "reports/names.h"
#include "reports/render.h"
#include "storage/model/marker.h"
#include "storage/model/number.h"
#include "storage/model/when.h"

/* ---- values ---- */

static void put_text(struct bytes *out, const char *name, const char *text)
{
    bytes_printf(out, "\"%s\":", name);
    escape_json(out, text);
    bytes_u8(out, ',');
}

static void put_value(struct bytes *out, double value)
{
    char text[NUMBER_TEXT_BYTES];
    if (!isfinite(value)) {
        bytes_printf(out, "null");
        return;
    }
    bytes_put(out, text, number_text(value, text));
}

static void put_number(struct bytes *out, const char *name, double value)
{
    bytes_printf(out, "\"%s\":", name);
    put_value(out, value);
    bytes_u8(out, ',');
}

static void put_count(struct bytes *out, const char *name, uint64_t value)
{
    bytes_printf(out, "\"%s\":%" PRIu64 ",", name, value);
}

static void put_flag(struct bytes *out, const char *name, bool value)
{
    bytes_printf(out, "\"%s\":%s,", name, value ? "true" : "false");
}

static void put_time(struct bytes *out, const char *name, time_ms_t time)
{
    char text[WHEN_TEXT_BYTES];
    if (time == INT64_MIN)
        bytes_printf(out, "\"%s\":null,", name);
    else
        bytes_printf(out, "\"%s\":\"%s\",", name, when_text(time, text));
}

static void put_id(struct bytes *out, uint64_t id)
{
    char text[MARKER_ID_TEXT + 1];
    if (id == 0)
        bytes_printf(out, "\"id\":null,");
    else
        bytes_printf(out, "\"id\":\"%s\",", marker_id_text(id, text));
}

/* Ends an object or a list: the comma of its last member goes. */
static void close_with(struct bytes *out, char bracket)
{
    if (out->len > 0 && out->data[out->len - 1] == ',')
        out->len--;
    bytes_u8(out, (uint8_t)bracket);
    bytes_u8(out, ',');
}

/* ---- parts ---- */

static void put_head(const struct report *r, struct bytes *out)
{
    char week[WEEK_TEXT_BYTES];
    put_count(out, "schema", REPORT_SCHEMA);
    put_text(out, "service", r->service);
    put_text(out, "env", r->env);
    put_text(out, "owner", r->owner);
    put_text(out, "week", week_text(r->week, week));
    put_flag(out, "custom", r->is_custom);
    put_time(out, "from", r->span.from);
    put_time(out, "to", r->span.to);
    put_text(out, "zone", r->zone);
    put_text(out, "language", r->language);
}

static void put_quality(const struct report_quality *q, struct bytes *out)
{
    bytes_printf(out, "\"quality\":{");
    put_flag(out, "has_data", q->has_data);
    put_flag(out, "is_over", q->is_over);
    put_count(out, "hours", q->hours);
    put_count(out, "hours_seen", q->hours_seen);
    put_number(out, "completeness", q->completeness);
    put_count(out, "overflowed", q->overflowed);
    put_count(out, "unnamed", q->unnamed);
    bytes_printf(out, "\"gaps\":[");
    for (size_t i = 0; i < q->gap_count; i++) {
        bytes_u8(out, '{');
        put_time(out, "from", q->gaps[i].from);
        put_time(out, "to", q->gaps[i].to);
        put_text(out, "text", q->gaps[i].text);
        close_with(out, '}');
    }
    close_with(out, ']');
    close_with(out, '}');
}

static void put_strip(const struct report *r, struct bytes *out)
{
    bytes_printf(out, "\"strip\":{");
    for (int key = 0; key < KEY_COUNT; key++) {
        const struct report_figure *figure = &r->strip[key];
        bytes_printf(out, "\"%s\":{", name_of_key((enum report_key)key));
        put_number(out, "now", figure->now);
        put_number(out, "last_week", figure->last_week);
        put_number(out, "median", figure->median);
        put_count(out, "weeks", figure->weeks);
        close_with(out, '}');
    }
    close_with(out, '}');
}

static void put_actions(const struct report *r, struct bytes *out)
{
    bytes_printf(out, "\"actions\":[");
    for (size_t i = 0; i < r->action_count; i++) {
        const struct report_action *a = &r->actions[i];
        bytes_u8(out, '{');
        put_text(out, "reason", name_of_reason(a->reason));
        put_text(out, "progress", name_of_progress(a->progress));
        put_count(out, "weeks_open", a->weeks_open);
        put_id(out, a->subject);
        put_text(out, "what", a->what);
        put_text(out, "version", a->version);
        put_count(out, "count", a->count);
        put_number(out, "ratio", a->ratio);
        close_with(out, '}');
    }
    close_with(out, ']');
}

static void put_group(const struct report_group *g, struct bytes *out)
{
    bytes_u8(out, '{');
    put_id(out, g->id);
    put_text(out, "kind", g->is_request ? "request" : "exception");
    put_text(out, "type", g->type);
    put_text(out, "message", g->message);
    put_text(out, "frame", g->frame);
    put_text(out, "fingerprint", g->fingerprint);
    put_text(out, "release", g->release);
    put_text(out, "dimension", g->dimension);
    put_number(out, "dimension_share", g->dimension_share);
    put_count(out, "count", g->count);
    put_count(out, "last_week", g->last_week);
    put_number(out, "expected", g->expected);
    put_number(out, "excess", g->excess);
    put_number(out, "ratio", g->ratio);
    put_number(out, "low", g->low);
    put_number(out, "high", g->high);
    put_number(out, "share", g->share);
    put_number(out, "per_10k", g->per_10k);
    put_time(out, "first", g->first);
    put_time(out, "last", g->last);
    put_time(out, "resolved", g->resolved);
    bytes_printf(out, "\"weeks\":[");
    for (size_t i = 0; i < REPORT_TREND_WEEKS; i++)
        bytes_printf(out, "%" PRIu64 ",", g->weeks[i]);
    close_with(out, ']');
    close_with(out, '}');
}

static void put_lists(const struct report *r, struct bytes *out)
{
    put_count(out, "total", r->total);
    bytes_printf(out, "\"lists\":{");
    for (int list = 0; list < LIST_COUNT; list++) {
        bytes_printf(out, "\"%s\":[", name_of_list((enum report_list)list));
        for (size_t i = r->list_start[list]; i < r->list_start[list + 1]; i++)
            put_group(&r->groups[i], out);
        close_with(out, ']');
    }
    close_with(out, '}');
}

static void put_series(const struct report_incident *n, struct bytes *out)
{
    put_time(out, "series_from", n->series_span.from);
    put_time(out, "series_to", n->series_span.to);
    put_count(out, "series_all", n->series_all);
    put_count(out, "series_looked", n->series_looked);
    bytes_printf(out, "\"series\":[");
    for (size_t k = 0; k < n->series_count; k++) {
        const struct report_series *s = &n->series[k];
        bytes_u8(out, '{');
        put_text(out, "what", s->what);
        put_text(out, "level", name_of_level(s->level));
        put_number(out, "observed", s->observed);
        put_number(out, "normal", s->normal);
        put_number(out, "effect", s->effect);
        put_number(out, "score", s->score);
        close_with(out, '}');
    }
    close_with(out, ']');
}

static void put_incidents(const struct report *r, struct bytes *out)
{
    bytes_printf(out, "\"incidents\":[");
    for (size_t i = 0; i < r->incident_count; i++) {
        const struct report_incident *n = &r->incidents[i];
        bytes_u8(out, '{');
        put_id(out, n->id);
        put_time(out, "start", n->start);
        put_time(out, "end", n->end);
        put_number(out, "score", n->score);
        put_text(out, "text", n->text);
        put_text(out, "marker", n->marker);
        put_count(out, "base_weeks", n->base_weeks);
        bytes_printf(out, "\"excess\":[");
        for (size_t k = 0; k < n->excess_count; k++) {
            const struct report_excess *e = &n->excess[k];
            bytes_u8(out, '{');
            put_id(out, e->id);
            put_text(out, "what", e->what);
            put_count(out, "count", e->count);
            put_number(out, "expected", e->expected);
            put_number(out, "ratio", e->ratio);
            put_number(out, "share", e->share);
            close_with(out, '}');
        }
        close_with(out, ']');
        put_series(n, out);
        close_with(out, '}');
    }
    close_with(out, ']');
}

static void put_deploys(const struct report *r, struct bytes *out)
{
    bytes_printf(out, "\"deploys\":[");
    for (size_t i = 0; i < r->deploy_count; i++) {
        const struct report_deploy *d = &r->deploys[i];
        bytes_u8(out, '{');
        put_id(out, d->id);
        put_time(out, "time", d->time);
        put_text(out, "version", d->version);
        put_text(out, "by", d->by);
        put_flag(out, "rollback", d->is_rollback);
        put_flag(out, "rolled_back", d->is_rolled_back);
        put_text(out, "verdict", d->verdict);
        put_number(out, "before_n", d->before_n);
        put_number(out, "before_k", d->before_k);
        put_number(out, "after_n", d->after_n);
        put_number(out, "after_k", d->after_k);
        put_number(out, "ratio", d->ratio);
        put_number(out, "low", d->low);
        put_number(out, "high", d->high);
        put_number(out, "log10_e", d->log10_e);
        put_number(out, "p", d->p);
        put_count(out, "new_groups", d->new_groups);
        close_with(out, '}');
    }
    close_with(out, ']');
}

static void put_events(const struct report *r, struct bytes *out)
{
    bytes_printf(out, "\"events\":[");
    for (size_t i = 0; i < r->event_count; i++) {
        const struct report_event *e = &r->events[i];
        bytes_u8(out, '{');
        put_id(out, e->id);
        put_text(out, "kind", e->kind);
        put_text(out, "class", e->class_name);
        put_text(out, "note", e->note);
        put_time(out, "time", e->time);
        put_time(out, "end", e->end);
        put_flag(out, "coming", e->is_coming);
        put_number(out, "requests", e->requests);
        put_number(out, "failed", e->failed);
        put_time(out, "before", e->before);
        put_number(out, "requests_before", e->requests_before);
        put_number(out, "failed_before", e->failed_before);
        close_with(out, '}');
    }
    close_with(out, ']');
}

static void put_hours(const struct report *r, struct bytes *out)
{
    bytes_printf(out, "\"hours\":[");
    for (size_t i = 0; i < r->hour_count; i++) {
        const struct report_hour *h = &r->hours[i];
        bytes_u8(out, '{');
        put_time(out, "start", h->start);
        put_count(out, "requests", h->requests);
        put_number(out, "failures", h->failures);
        put_number(out, "expected", h->expected);
        put_number(out, "low", h->low);
        put_number(out, "high", h->high);
        bytes_printf(out, "\"classes\":[");
        for (int c = 0; c < 5; c++)
            bytes_printf(out, "%" PRIu64 ",", h->classes[c]);
        close_with(out, ']');
        bytes_printf(out, "\"latency_ms\":[");
        for (int q = 0; q < REPORT_LATENCIES; q++) {
            put_value(out, h->latency_ms[q]);
            bytes_u8(out, ',');
        }
        close_with(out, ']');
        close_with(out, '}');
    }
    close_with(out, ']');
}

static void put_trend(const struct report *r, struct bytes *out)
{
    char week[WEEK_TEXT_BYTES];
    bytes_printf(out, "\"heat\":[");
    for (int day = 0; day < 7; day++) {
        bytes_u8(out, '[');
        for (int hour = 0; hour < 24; hour++) {
            put_value(out, r->heat[day][hour]);
            bytes_u8(out, ',');
        }
        close_with(out, ']');
    }
    close_with(out, ']');
    bytes_printf(out, "\"trend\":[");
    for (size_t i = 0; i < REPORT_TREND_WEEKS; i++) {
        bytes_u8(out, '{');
        put_text(out, "week", week_text(r->trend[i].week, week));
        put_number(out, "exceptions", r->trend[i].exceptions);
        put_number(out, "failures", r->trend[i].failures);
        put_number(out, "requests", r->trend[i].requests);
        close_with(out, '}');
    }
    close_with(out, ']');
}

void render_json(const struct report *report, struct bytes *out)
{
    bytes_u8(out, '{');
    put_head(report, out);
    put_quality(&report->quality, out);
    put_strip(report, out);
    put_actions(report, out);
    put_lists(report, out);
    put_incidents(report, out);
    put_deploys(report, out);
    put_events(report, out);
    put_hours(report, out);
    put_trend(report, out);
    close_with(out, '}');
    if (out->len > 0)
        out->data[out->len - 1] = '\n';
}
