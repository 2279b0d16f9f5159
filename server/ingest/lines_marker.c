/* From a line `marker,...` or `deploy,...` to a marker. */
#include "server/ingest/lines_slow.h"

/* Texts of fields are unescaped into lines->metric, which no event needs else; offsets, since it moves. */
struct gathered {
    struct marker marker;
    size_t from[MARKER_TEXT_COUNT];
    size_t len[MARKER_TEXT_COUNT];
};

static void take_text(struct lines *l, const struct line *line, enum marker_text which, struct gathered *out)
{
    const struct line_field *field = line_find_field(line, marker_text_name(which));
    out->from[which] = l->metric.len;
    if (field)
        line_unescape_string(field->value.text, &l->metric);
    out->len[which] = l->metric.len - out->from[which];
}

static enum tm_err take_end(const struct lines *l, const struct line *line, struct marker *out,
                            struct tm_why *why)
{
    const struct line_field *end = line_find_field(line, STR("end"));
    out->end = MARKER_NO_END;
    if (end && precision_to_ms(end->value.integer, l->precision, &out->end) != TM_OK)
        return tm_fail(why, TM_INVALID, "field end is no time in the message's precision");
    return TM_OK;
}

static enum tm_err gather(struct lines *l, const struct line *line, struct gathered *out, struct tm_why *why)
{
    static const enum marker_text fields[] = {MARKER_VERSION, MARKER_CLASS, MARKER_BY, MARKER_NOTE};
    struct marker *marker = &out->marker;
    struct str kind = labels_get(&l->key.tags, STR("kind"));
    bytes_clear(&l->metric);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        take_text(l, line, fields[i], out);
    if (bytes_error(&l->metric))
        return TM_NOMEM;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        size_t from = out->from[fields[i]], len = out->len[fields[i]];
        marker->text[fields[i]] = len > 0 ? (struct str){(const char *)l->metric.data + from, len} : STR("");
    }
    marker->text[MARKER_SERVICE] = lines_service(l->config, &l->key.tags);
    marker->text[MARKER_ENV] = labels_get(&l->key.tags, STR("env"));
    marker->kind = kind.len > 0 ? marker_kind_of(kind) : MARKER_DEPLOY;
    return take_end(l, line, marker, why);
}

enum tm_err lines_add_marker(struct lines *lines, const struct line *line, time_ms_t time, struct tm_why *why)
{
    struct gathered gathered = {.marker = {.time = time}};
    if (markers_count(store_markers(lines->store)) >= MARKERS_MAX)
        return tm_fail(why, TM_LIMIT, "there are %d markers, which is all that there may be: delete some",
                       MARKERS_MAX);
    enum tm_err err = gather(lines, line, &gathered, why);
    if (!err)
        err = marker_check(&gathered.marker, why);
    if (!err)
        err = store_batch_marker(lines->batch, &gathered.marker, NULL);
    lines->events[EVENT_MARKER] += !err;
    return err;
}
