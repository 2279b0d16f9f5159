/* Exceptions: counted by fingerprint, and kept (lines_group.c). */
#include <xxhash.h>

#include "server/ingest/lines_events.h"
#include "server/ingest/lines_series.h"
#include "server/ingest/lines_slow.h"
#include "storage/model/fingerprint.h"

/* A string field unescaped, in lines->texts, which has room; empty if it is not there. */
static struct str field_text(struct lines *l, const struct line *line, struct str name)
{
    const struct line_field *field = line_find_field(line, name);
    size_t before = l->texts.len;
    if (!field)
        return STR("");
    line_unescape_string(field->value.text, &l->texts);
    return (struct str){(const char *)l->texts.data + before, l->texts.len - before};
}

/* The fingerprint as given, or as computed into *computed. */
static struct str find_fingerprint(struct lines *l, const struct line *line, struct fingerprint *computed)
{
    struct str given = field_text(l, line, STR("fingerprint"));
    if (given.len)
        return given;
    struct str message = field_text(l, line, STR("message"));
    struct str stack = field_text(l, line, STR("stack"));
    fingerprint_compute(labels_get(&l->key.tags, STR("type")), message, stack, computed);
    return (struct str){computed->hex, FINGERPRINT_HEX};
}

static enum tm_err find_series(struct lines *l, struct str fingerprint, series_id *id, struct tm_why *why)
{
    const struct labels *tags = &l->key.tags;
    struct counted counted = {.service = lines_service(l->config, tags), .service_label = STR("service")};
    enum tm_err err = labels_add(&counted.set, STR(LABEL_NAME), STR("exception_events_total"));
    if (!err)
        err = labels_add(&counted.set, STR("service"), counted.service);
    if (!err)
        err = labels_add(&counted.set, STR("env"), labels_get(tags, STR("env")));
    if (!err)
        err = labels_add(&counted.set, STR("type"), labels_get(tags, STR("type")));
    if (!err)
        err = labels_add(&counted.set, STR("fingerprint"), fingerprint);
    bytes_clear(&l->metric);
    labels_encode(&counted.set, &l->metric);
    if (!err)
        err = bytes_error(&l->metric);
    if (err)
        return err;
    XXH128_hash_t hash = XXH3_128bits_withSeed(l->metric.data, l->metric.len, store_hash_seed(l->store));
    counted.hash = (struct series_hash){hash.low64, hash.high64};
    return lines_count_in(l, &counted, id, why);
}

static enum tm_err count_it(struct lines *l, const struct line *line, time_ms_t time, struct tm_why *why)
{
    struct fingerprint computed;
    series_id id = 0;
    bytes_clear(&l->texts);
    if (!bytes_reserve(&l->texts, line->fields.len + 1))
        return TM_NOMEM;
    struct str fingerprint = find_fingerprint(l, line, &computed);
    const struct line_field *count = line_find_field(line, STR("count"));
    if ((int64_t)fingerprint.len > l->config->limits.max_label_value_bytes)
        return tm_fail(why, TM_INVALID, "the fingerprint has %zu bytes, more than limits.max_label_value",
                       fingerprint.len);
    enum tm_err err = find_series(l, fingerprint, &id, why);
    if (err)
        return err;
    err = store_batch_cell(l->batch, id, CELL_SUM, time, count ? count->value.integer : 1);
    return err == TM_LIMIT ? tm_fail(why, TM_INVALID, "the batch's count does not fit in 64 bits") : err;
}

enum tm_err lines_take_exception(struct lines *lines, const struct line *line, bool *is_metric,
                                 struct tm_why *why)
{
    time_ms_t time = line->has_time ? line->time : lines->now;
    enum event_kind kind = EVENT_METRIC;
    enum tm_err err = lines_parse_key(lines, line, &kind, why);
    *is_metric = !err && kind != EVENT_EXCEPTION;
    if (err || *is_metric)
        return err;
    err = line_event_check(kind, &lines->key, line, why);
    if (!err)
        err = lines_check_time(lines, kind, time, why);
    if (!err && lines_is_kept(lines, lines->config->storage.retention.raw_ms, time))
        err = count_it(lines, line, time, why);
    return err ? err : lines_add_exception(lines, line, time);
}
