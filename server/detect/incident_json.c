#include <inttypes.h>
#include <math.h>

#include "server/detect/incident_private.h"
#include "server/query/label_json.h"
#include "server/wire/reply.h"
#include "storage/findings/findings.h"
#include "storage/model/number.h"
#include "storage/model/when.h"

/* Lists stop growing here, so that an item fits in a finding whatever labels it names. */
enum { LISTS_END = 40 << 10, ENTRY_MAX = 12 << 10, ONSET_MOST = 20, FINGERPRINTS = 10, RELATED_MOST = 50 };

static void put_time(struct bytes *out, const char *name, time_ms_t time)
{
    char text[WHEN_TEXT_BYTES];
    if (time == 0)
        bytes_printf(out, ",\"%s\":null", name);
    else
        bytes_printf(out, ",\"%s\":\"%s\"", name, when_text(time, text));
}

static void put_number(struct bytes *out, const char *name, double value)
{
    char text[NUMBER_TEXT_BYTES];
    if (!isfinite(value)) {
        bytes_printf(out, ",\"%s\":null", name);
        return;
    }
    size_t len = number_text(value, text);
    bytes_printf(out, ",\"%s\":%.*s", name, (int)len, text);
}

static void put_text(struct bytes *out, const char *name, struct str text)
{
    bytes_printf(out, ",\"%s\":", name);
    bytes_json_string(out, text);
}

static void put_id(struct bytes *out, const char *name, uint64_t id)
{
    char text[MARKER_ID_TEXT + 1];
    if (id == 0)
        bytes_printf(out, ",\"%s\":null", name);
    else
        bytes_printf(out, ",\"%s\":\"%s\"", name, marker_id_text(id, text));
}

static void put_labels(struct bytes *out, struct str encoded)
{
    /* Read only. */
    struct bytes view = {.data = (uint8_t *)(uintptr_t)encoded.ptr, .len = encoded.len};
    bytes_printf(out, "\"labels\":");
    encoded_label_json(&view, out);
}

/* Ends an entry of a list that began at `from`: one that is too long, or for which there is no room, goes. */
static bool end_entry(struct bytes *out, size_t from)
{
    bytes_u8(out, '}');
    if (out->failed || (out->len - from <= ENTRY_MAX && out->len <= LISTS_END))
        return true;
    out->len = from;
    return false;
}

static void put_comma(struct bytes *out, size_t list)
{
    if (out->len > list)
        bytes_u8(out, ',');
}

static void put_head(const struct incident_home *home, const struct incident *now, struct bytes *out)
{
    char text[MARKER_ID_TEXT + 1];
    bytes_printf(out, "{\"id\":\"%s\"", marker_id_text(now->id, text));
    put_text(out, "service", str_of(home->service));
    put_text(out, "env", str_of(home->env));
    put_time(out, "start", now->start);
    put_time(out, "end", now->end);
    bytes_printf(out, ",\"state\":\"%s\"", now->end ? "closed" : "open");
    put_number(out, "score", round(now->score * 10) / 10);
    put_time(out, "peak", now->peak);
}

static void put_causes(const struct incident *now, struct bytes *out)
{
    bytes_printf(out, ",\"causes\":[");
    size_t list = out->len;
    for (size_t i = 0; i < now->cause_count; i++) {
        size_t from = out->len;
        put_comma(out, list);
        bytes_u8(out, '{');
        put_labels(out, (struct str){now->causes[i].labels, now->causes[i].len});
        put_number(out, "share", round(now->causes[i].share * 1000) / 1000);
        (void)end_entry(out, from);
    }
    bytes_u8(out, ']');
}

static void put_member(const struct incident_member *member, struct bytes *out)
{
    bytes_u8(out, '{');
    put_labels(out, incident_member_labels(member));
    put_text(out, "metric", incident_member_metric(member));
    put_time(out, "time", member->began);
    put_number(out, "score", round(member->score * 10) / 10);
    put_number(out, "observed", member->observed);
    put_number(out, "expected", member->expected);
    put_number(out, "spread", member->spread);
    put_number(out, "effect", member->effect);
}

static void put_onset(const struct incident *now, struct bytes *out)
{
    const struct incident_member *members[ONSET_MOST];
    size_t count = incident_onset(now, members, ONSET_MOST);
    bytes_printf(out, ",\"onset\":[");
    size_t list = out->len;
    for (size_t i = 0; i < count; i++) {
        size_t from = out->len;
        put_comma(out, list);
        put_member(members[i], out);
        if (!end_entry(out, from))
            break;
    }
    bytes_u8(out, ']');
}

/* What more of it was seen than expected, of exceptions. */
static double excess_of(const struct incident_member *member)
{
    return str_equal(incident_member_metric(member), STR("exception_events_total"))
               ? member->observed - member->expected
               : 0;
}

/* The next smaller excess behind (excess, place). */
static const struct incident_member *next_by_excess(const struct incident *now, double excess, size_t *place)
{
    const struct incident_member *best = NULL;
    size_t at = 0;
    for (size_t i = 0; i < now->count; i++) {
        double of = excess_of(now->members[i]);
        bool is_behind = of < excess || (!(of > excess) && i > *place);
        if (of > 0 && is_behind && (!best || of > excess_of(best))) {
            best = now->members[i];
            at = i;
        }
    }
    *place = at;
    return best;
}

static void put_fingerprints(const struct incident *now, struct bytes *out)
{
    double excess = INFINITY;
    size_t place = 0;
    bytes_printf(out, ",\"fingerprints\":[");
    size_t list = out->len;
    for (int i = 0; i < FINGERPRINTS; i++) {
        const struct incident_member *member = next_by_excess(now, excess, &place);
        struct labels labels;
        if (!member || labels_decode(incident_member_labels(member), &labels) != TM_OK)
            break;
        excess = excess_of(member);
        size_t from = out->len;
        put_comma(out, list);
        bytes_printf(out, "{\"fingerprint\":");
        bytes_json_string(out, labels_get(&labels, STR("fingerprint")));
        put_text(out, "type", labels_get(&labels, STR("type")));
        put_number(out, "observed", member->observed);
        put_number(out, "expected", member->expected);
        put_number(out, "excess", excess);
        if (!end_entry(out, from))
            break;
    }
    bytes_u8(out, ']');
}

static void put_markers(const struct detect_incidents *incidents, const struct incident_home *home,
                        struct bytes *out)
{
    const struct incident_marker *markers[INCIDENT_MARKERS];
    size_t count = incident_markers_before(incidents->markers, home, home->now.start, markers);
    put_id(out, "marker", count > 0 ? markers[0]->id : 0);
    bytes_printf(out, ",\"markers\":[");
    for (size_t i = 0; i < count; i++) {
        char text[MARKER_ID_TEXT + 1];
        struct str kind = marker_kind_name(markers[i]->kind);
        bytes_printf(out, "%s{\"id\":\"%s\",\"kind\":\"%.*s\"", i > 0 ? "," : "",
                     marker_id_text(markers[i]->id, text), STR_ARG(kind));
        put_text(out, "what", markers[i]->what);
        put_time(out, "time", markers[i]->time);
        bytes_printf(out, ",\"before_s\":%" PRId64 "}", (home->now.start - markers[i]->time) / 1000);
    }
    bytes_u8(out, ']');
}

size_t incident_related(const struct detect_incidents *incidents, uint64_t id,
                        const struct incident_home **out, size_t most)
{
    size_t count = 0;
    for (size_t i = 0; i < incidents->count; i++) {
        const struct incident_home *home = incidents->homes[i];
        if (home->now.id == 0 || home->now.part_of != id)
            continue;
        if (count < most)
            out[count] = home;
        count++;
    }
    return count;
}

static void put_related(const struct detect_incidents *incidents, const struct incident_home *home,
                        struct bytes *out)
{
    const struct incident_home *related[RELATED_MOST];
    size_t all = incident_related(incidents, home->now.id, related, RELATED_MOST);
    size_t count = all < RELATED_MOST ? all : RELATED_MOST;
    put_id(out, "part_of", home->now.part_of);
    bytes_printf(out, ",\"related_count\":%zu,\"related\":[", all);
    size_t list = out->len;
    for (size_t i = 0; i < count; i++) {
        char text[MARKER_ID_TEXT + 1];
        size_t from = out->len;
        put_comma(out, list);
        bytes_printf(out, "{\"id\":\"%s\"", marker_id_text(related[i]->now.id, text));
        put_text(out, "service", str_of(related[i]->service));
        put_text(out, "env", str_of(related[i]->env));
        if (!end_entry(out, from))
            break;
    }
    bytes_u8(out, ']');
}

/* How far the series are off that are farthest off: in standard deviations. */
static double severity_of(const struct incident *now)
{
    double most = 0;
    for (size_t i = 0; i < now->count; i++)
        most = fmax(most, fabs(now->members[i]->effect));
    return most;
}

void incident_json(const struct detect_incidents *incidents, const struct incident_home *home,
                   struct bytes *out)
{
    const struct incident *now = &home->now;
    struct bytes text = {0};
    bytes_clear(out);
    put_head(home, now, out);
    incident_text(incidents, home, &text);
    out->failed = out->failed || text.failed;
    put_text(out, "text", bytes_view(&text));
    bytes_fini(&text);
    put_number(out, "severity", round(severity_of(now) * 10) / 10);
    bytes_printf(out, ",\"series\":%" PRIu64 ",\"anomalies\":%" PRIu64, now->scored,
                 now->unusual > now->count ? now->unusual : now->count);
    put_id(out, "cause_id", now->cause);
    put_markers(incidents, home, out);
    put_causes(now, out);
    put_onset(now, out);
    put_fingerprints(now, out);
    put_related(incidents, home, out);
    bytes_u8(out, '}');
}

void incident_withdrawn_json(const struct incident_home *home, struct bytes *out)
{
    bytes_clear(out);
    put_head(home, &home->withdrawn, out);
    bytes_printf(
        out,
        ",\"text\":\"Taken back: data that came late, or a restart, shows nothing unusual.\",\"severity\":0,"
        "\"series\":0,\"anomalies\":0,\"cause_id\":null,\"marker\":null,\"markers\":[],"
        "\"causes\":[],"
        "\"onset\":[],\"fingerprints\":[],\"part_of\":null,\"related_count\":0,\"related\":[]}");
}
