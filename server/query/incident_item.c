#include "server/query/incident_item.h"

#include <inttypes.h>
#include <math.h>

#include "server/query/label_json.h"
#include "server/wire/reply.h"
#include "storage/model/number.h"
#include "storage/model/when.h"

/* Lists stop growing here. */
enum { LISTS_END = 40 << 10, ENTRY_MAX = 12 << 10 };

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

static void put_head(const struct incident_item *item, struct bytes *out)
{
    char text[MARKER_ID_TEXT + 1];
    bytes_printf(out, "{\"id\":\"%s\"", marker_id_text(item->id, text));
    put_text(out, "service", item->service);
    put_text(out, "env", item->env);
    put_time(out, "start", item->start);
    put_time(out, "end", item->end);
    bytes_printf(out, ",\"state\":\"%s\"", item->end ? "closed" : "open");
    put_number(out, "score", round(item->score * 10) / 10);
    put_time(out, "peak", item->peak);
    put_text(out, "text", item->text);
    put_number(out, "severity", round(item->severity * 10) / 10);
    bytes_printf(out, ",\"series\":%" PRIu64 ",\"anomalies\":%" PRIu64, item->series, item->anomalies);
    put_id(out, "cause_id", item->cause_id);
}

static void put_markers(const struct incident_item *item, struct bytes *out)
{
    put_id(out, "marker", item->marker_count > 0 ? item->markers[0].id : 0);
    bytes_printf(out, ",\"markers\":[");
    for (size_t i = 0; i < item->marker_count; i++) {
        const struct incident_item_marker *marker = &item->markers[i];
        char text[MARKER_ID_TEXT + 1];
        struct str kind = marker_kind_name(marker->kind);
        bytes_printf(out, "%s{\"id\":\"%s\",\"kind\":\"%.*s\"", i > 0 ? "," : "",
                     marker_id_text(marker->id, text), STR_ARG(kind));
        put_text(out, "what", marker->what);
        put_time(out, "time", marker->time);
        bytes_printf(out, ",\"before_s\":%" PRId64 "}", (item->start - marker->time) / 1000);
    }
    bytes_u8(out, ']');
}

static void put_causes(const char *name, const struct incident_item_cause *causes, size_t count,
                       struct bytes *out)
{
    bytes_printf(out, ",\"%s\":[", name);
    size_t list = out->len;
    for (size_t i = 0; i < count; i++) {
        size_t from = out->len;
        put_comma(out, list);
        bytes_u8(out, '{');
        put_labels(out, causes[i].labels);
        put_number(out, "share", round(causes[i].share * 1000) / 1000);
        (void)end_entry(out, from);
    }
    bytes_u8(out, ']');
}

static void put_series(const struct incident_item_series *series, struct bytes *out)
{
    bytes_u8(out, '{');
    put_labels(out, series->labels);
    put_text(out, "metric", series->metric);
    put_time(out, "time", series->time);
    put_number(out, "score", round(series->score * 10) / 10);
    put_number(out, "observed", series->observed);
    put_number(out, "expected", series->expected);
    put_number(out, "spread", series->spread);
    put_number(out, "effect", series->effect);
}

static void put_onset(const struct incident_item *item, struct bytes *out)
{
    bytes_printf(out, ",\"onset\":[");
    size_t list = out->len;
    for (size_t i = 0; i < item->onset_count; i++) {
        size_t from = out->len;
        put_comma(out, list);
        put_series(&item->onset[i], out);
        if (!end_entry(out, from))
            break;
    }
    bytes_u8(out, ']');
}

static void put_fingerprints(const struct incident_item *item, struct bytes *out)
{
    bytes_printf(out, ",\"fingerprints\":[");
    size_t list = out->len;
    for (size_t i = 0; i < item->fingerprint_count; i++) {
        const struct incident_item_fingerprint *one = &item->fingerprints[i];
        size_t from = out->len;
        put_comma(out, list);
        bytes_printf(out, "{\"fingerprint\":");
        bytes_json_string(out, one->fingerprint);
        put_text(out, "type", one->type);
        put_number(out, "observed", one->observed);
        put_number(out, "expected", one->expected);
        put_number(out, "excess", one->excess);
        if (!end_entry(out, from))
            break;
    }
    bytes_u8(out, ']');
}

static void put_related(const struct incident_item *item, struct bytes *out)
{
    put_id(out, "part_of", item->part_of);
    bytes_printf(out, ",\"related_count\":%" PRIu64 ",\"related\":[", item->related_all);
    size_t list = out->len;
    for (size_t i = 0; i < item->related_count; i++) {
        char text[MARKER_ID_TEXT + 1];
        size_t from = out->len;
        put_comma(out, list);
        bytes_printf(out, "{\"id\":\"%s\"", marker_id_text(item->related[i].id, text));
        put_text(out, "service", item->related[i].service);
        put_text(out, "env", item->related[i].env);
        if (!end_entry(out, from))
            break;
    }
    bytes_u8(out, ']');
}

void incident_item_put(const struct incident_item *item, struct bytes *out)
{
    put_head(item, out);
    put_markers(item, out);
    put_causes("causes", item->causes, item->cause_count, out);
    put_causes("excess", item->excess, item->excess_count, out);
    put_onset(item, out);
    put_fingerprints(item, out);
    put_related(item, out);
    bytes_u8(out, '}');
}
