/* An anomaly as JSON and as a sentence. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "scoring/rare_count.h"
#include "server/detect/detect_private.h"
#include "server/detect/incidents.h"
#include "server/wire/reply.h"
#include "storage/model/when.h"

static const char *const family_names[FIRST_FAMILY_COUNT] = {
    [FIRST_DENSITY] = "density",    [FIRST_SEASON] = "seasonal_drift",
    [FIRST_LEVEL] = "level_change", [FIRST_FAR] = "far_level",
    [FIRST_FAST] = "burst",         [FIRST_STEP] = "step",
    [FIRST_OFF] = "far_value",
};

static const char *const day_names[] = {"Thursday", "Friday",  "Saturday", "Sunday",
                                        "Monday",   "Tuesday", "Wednesday"}; /* from 1970-01-01 */

static void put_time(struct bytes *out, const char *name, time_ms_t time)
{
    char text[WHEN_TEXT_BYTES];
    bytes_printf(out, ",\"%s\":\"%s\"", name, when_text(time, text));
}

static void put_text(struct bytes *out, const char *name, struct str text)
{
    bytes_printf(out, ",\"%s\":", name);
    bytes_json_string(out, text);
}

static void put_labels(struct bytes *out, const struct labels *labels)
{
    bool first = true;
    bytes_printf(out, ",\"labels\":{");
    for (size_t i = 0; i < labels->count; i++) {
        if (str_equal(labels->at[i].name, STR(LABEL_NAME)))
            continue;
        if (!first)
            bytes_u8(out, ',');
        first = false;
        bytes_json_string(out, labels->at[i].name);
        bytes_u8(out, ':');
        bytes_json_string(out, labels->at[i].value);
    }
    bytes_u8(out, '}');
}

/* All that the score was made of: weights times families, times gate, is raw; raw held to the calibration's
 * blocks of interval_ms x 64 is the return period. */
static void put_parts(struct bytes *out, const struct detect_heard *heard)
{
    const struct score_first_result *r = &heard->result;
    bool first = true;
    bytes_printf(out, ",\"parts\":{\"version\":%d,\"profile\":\"operations\",\"families\":{", FIRST_VERSION);
    for (int f = 0; f < FIRST_FAMILY_COUNT; f++)
        bytes_printf(out, "%s\"%s\":%.17g", f ? "," : "", family_names[f], r->family[f]);
    bytes_printf(out,
                 "},\"gate\":%.17g,\"raw\":%.17g,\"z\":%.9g,\"interval_ms\":%.17g,\"samples\":%" PRIu64
                 ",\"season_values\":%" PRIu32 ",\"weekly\":%s,\"strongest\":\"%s\",\"scale\":%" PRIu32
                 ",\"calibration\":{\"blocks\":%u,\"counts\":{",
                 r->gate, r->raw, r->z, r->interval_ms, heard->samples, r->season_values,
                 r->weekly ? "true" : "false", family_names[r->strongest], r->scale,
                 (unsigned)heard->before.blocks);
    for (int i = 0; i < CALIBRATION_BINS; i++) {
        if (heard->before.counts[i] == 0)
            continue;
        bytes_printf(out, "%s\"%d\":%u", first ? "" : ",", i, (unsigned)heard->before.counts[i]);
        first = false;
    }
    bytes_printf(out, "}}");
    if (heard->most_h < SCORE_PERIOD_MAX_H)
        bytes_printf(out, ",\"most_h\":%.17g", heard->most_h);
    if (heard->whole > 0)
        bytes_printf(out, ",\"part\":%.17g,\"whole\":%.17g", heard->part, heard->whole);
    bytes_u8(out, '}');
}

/* ---- the sentence ---- */

/* A figure as a person reads it. */
static const char *figure(double value, char text[40])
{
    double size = fabs(value);
    (void)snprintf(text, 40,
                   size >= 1000 || value == floor(value) ? "%.0f"
                   : size >= 10                          ? "%.1f"
                                                         : "%.3g",
                   value);
    return text;
}

/* The past behind what is expected. The level of a half hour has forgotten nearly all that is over ten days
 * old, the week knows three of its kind. */
static void put_learned(struct bytes *out, const struct detect_heard *heard)
{
    double days = (double)heard->samples * heard->result.interval_ms / 86400000.0;
    days = fmin(days, heard->result.weekly ? 21 : 10);
    if (days >= 14)
        bytes_printf(out, "%.0f weeks", days / 7);
    else if (days >= 2)
        bytes_printf(out, "%.0f days", days);
    else
        bytes_printf(out, "%.0f hours", days * 24);
}

static void put_return_period(struct bytes *out, double hours)
{
    if (hours >= 2 * 8766)
        bytes_printf(out, "in %.0f years", hours / 8766 > 1000 ? 1000 : hours / 8766);
    else if (hours >= 14 * 24)
        bytes_printf(out, "in %.0f weeks", hours / 168);
    else if (hours >= 48)
        bytes_printf(out, "in %.0f days", hours / 24);
    else
        bytes_printf(out, "in %.0f hours", hours);
}

/* What is counted, in a word; NULL: only the metric's name says it. */
static const char *noun_of(struct str metric, const struct labels *labels)
{
    struct str status = labels_get(labels, STR("class"));
    if (str_equal(metric, STR("exception_events_total")))
        return "exceptions";
    if (!str_equal(metric, STR("http_events_total")))
        return NULL;
    if (status.len == 0)
        status = labels_get(labels, STR("status"));
    char first = '0';
    if (status.len > 0)
        first = status.ptr[0];
    return first == '5' ? "errors" : first == '4' ? "client errors (4xx)" : "requests";
}

static void put_what(struct bytes *out, const struct detect_heard *heard, struct str metric,
                     const struct labels *labels)
{
    char text[40], whole[40];
    const char *noun = noun_of(metric, labels);
    enum detect_kind kind = detect_kind_of(metric);
    if (heard->whole > 0)
        bytes_printf(out, "%.3g %% of requests failed (%s of %s with %.*s)", 100 * heard->part / heard->whole,
                     figure(heard->part, text), figure(heard->whole, whole),
                     STR_ARG(labels_get(labels, STR("class"))));
    else if (noun)
        bytes_printf(out, "%s %s a minute", figure(heard->observed, text), noun);
    else
        bytes_printf(out, "%s%s in %.*s", figure(heard->observed, text),
                     kind == DETECT_HISTOGRAM                          ? " s"
                     : kind == DETECT_COUNTS || kind == DETECT_COUNTER ? " a minute"
                                                                       : "",
                     STR_ARG(metric));
}

/* For which moment it was expected, as far as the season knows it, and from how much of the past. */
static void put_season(const struct detect_engine *engine, const struct detect_heard *heard,
                       struct bytes *out)
{
    time_ms_t time = heard->minute * engine->options.step_ms;
    int32_t offset = engine->options.offset_s ? engine->options.offset_s(time) : 0;
    int64_t minutes = (time / 1000 + offset) / 60, days = minutes / 1440;
    if (heard->result.season_values > 0)
        bytes_printf(out, " for %s%s%02d:%02d", heard->result.weekly ? day_names[((days % 7) + 7) % 7] : "",
                     heard->result.weekly ? " " : "", (int)(minutes / 60 % 24), (int)(minutes % 60));
    bytes_printf(out, " over ");
    put_learned(out, heard);
}

static void put_duration(struct bytes *out, int64_t ms)
{
    if (ms < 120000)
        bytes_printf(out, "%" PRId64 " s", ms / 1000);
    else
        bytes_printf(out, "%" PRId64 " min", ms / 60000);
}

/* Nearness in time is no cause: "after". */
static void put_began(const struct detect_engine *engine, const struct detect_heard *heard,
                      const struct detect_marker *marker, struct bytes *out)
{
    time_ms_t time = heard->minute * engine->options.step_ms, began = heard->result.began;
    if (!marker) {
        if (began < time)
            bytes_printf(out, "; began %" PRId64 " min before", (time - began) / 60000);
        return;
    }
    bytes_printf(out, "; began ");
    if (began > marker->time)
        put_duration(out, began - marker->time);
    struct str kind = marker_kind_name(marker->kind);
    bytes_printf(out, "%s %.*s", began > marker->time ? " after" : "in the minute of", STR_ARG(kind));
    if (marker->service.len > 0)
        bytes_printf(out, " %.*s", STR_ARG(marker->service));
    if (marker->what.len > 0)
        bytes_printf(out, " %.*s", STR_ARG(marker->what));
}

static void put_sentence(const struct detect_engine *engine, const struct detect_heard *heard,
                         const struct labels *labels, const struct detect_marker *marker, struct str shares,
                         struct bytes *out)
{
    const struct score_first_result *r = &heard->result;
    double scale = heard->whole > 0 ? 100 : 1;
    const char *unit = heard->whole > 0 ? " %" : "";
    char expected[40], spread[40];
    put_what(out, heard, labels_get(labels, STR(LABEL_NAME)), labels);
    bytes_printf(out, ", expected %s%s \xc2\xb1 %s%s", figure(r->expected * scale, expected), unit,
                 figure(r->spread * scale, spread), unit);
    put_season(engine, heard, out);
    put_began(engine, heard, marker, out);
    bytes_put(out, shares.ptr, shares.len);
    bytes_printf(out, "; so unusual once ");
    put_return_period(out, r->return_period_h);
    if (r->learning)
        bytes_printf(out, " (still learning: little of its past is known)");
}

/* ---- what is near it ---- */

static void put_marker(struct bytes *out, const struct detect_marker *marker, time_ms_t began)
{
    char text[MARKER_ID_TEXT + 1];
    if (!marker) {
        bytes_printf(out, ",\"marker\":null,\"markers\":[]");
        return;
    }
    struct str kind = marker_kind_name(marker->kind);
    (void)marker_id_text(marker->id, text);
    bytes_printf(out, ",\"marker\":\"%s\",\"markers\":[{\"id\":\"%s\",\"kind\":\"%.*s\"", text, text,
                 STR_ARG(kind));
    put_text(out, "service", marker->service);
    put_text(out, "what", marker->what);
    put_time(out, "time", marker->time);
    bytes_printf(out, ",\"before_s\":%" PRId64 "}]", (began - marker->time) / 1000);
}

/* What happened last to the service before it began; NULL: nothing within the hour. */
static const struct detect_marker *find_marker(const struct detect_engine *engine,
                                               const struct detect_service *service,
                                               const struct detect_heard *heard, struct detect_marker *room)
{
    struct str env = service->envs[service->targets[heard->target].env];
    if (!engine->options.incidents ||
        !detect_incidents_marker(engine->options.incidents, str_of(service->name), env, heard->result.began,
                                 room))
        return NULL;
    return room;
}

void detect_body(struct detect_engine *engine, const struct detect_service *service,
                 const struct detect_heard *heard, uint64_t id, struct bytes *out)
{
    const struct detect_target *target = &service->targets[heard->target];
    const struct score_first_result *r = &heard->result;
    struct labels labels = {.count = 0};
    struct bytes text = {0};
    struct detect_shares shares = {.json = {0}};
    struct detect_marker room;
    if (labels_decode(detect_labels(target), &labels) != TM_OK)
        return;
    struct str metric = labels_get(&labels, STR(LABEL_NAME));
    const struct detect_marker *marker = find_marker(engine, service, heard, &room);
    detect_share(engine, service, heard, &shares);
    if (target->form >= FORM_SUM)
        detect_excess_note(engine, service, heard, &shares);
    put_sentence(engine, heard, &labels, marker, bytes_view(&shares.text), &text);
    bytes_printf(out, "{\"id\":\"%016" PRIx64 "\"", id);
    put_time(out, "time", heard->minute * engine->options.step_ms);
    put_text(out, "service", str_of(service->name));
    put_text(out, "env", service->envs[target->env]);
    put_text(out, "metric", metric);
    put_labels(out, &labels);
    bytes_printf(out,
                 ",\"score\":%.17g,\"observed\":%.17g,\"expected\":%.17g,\"spread\":%.17g,\"effect\":%.9g,"
                 "\"return_period_h\":%.9g,\"learning\":%s",
                 r->score, heard->observed, r->expected, r->spread, r->effect, r->return_period_h,
                 r->learning ? "true" : "false");
    put_text(out, "text", bytes_view(&text));
    put_time(out, "began", r->began);
    put_marker(out, marker, r->began);
    bytes_printf(out, ",\"causes\":[");
    bytes_put(out, shares.json.data, shares.json.len);
    bytes_u8(out, ']');
    if (shares.series > 0)
        bytes_printf(out, ",\"siblings\":{\"series\":%zu,\"moved\":%zu}", shares.series, shares.moved);
    else
        bytes_printf(out, ",\"siblings\":null");
    put_parts(out, heard);
    bytes_u8(out, '}');
    out->failed = out->failed || text.failed || shares.json.failed || shares.text.failed;
    bytes_fini(&text);
    detect_shares_fini(&shares);
}
