#include "server/ingest/lines_slow.h"

#include "storage/model/own_name.h"

int64_t lines_retention_ms(const struct config *config, enum event_kind kind)
{
    int64_t raw = config->storage.retention.raw_ms, events = config->storage.retention.events_ms;
    switch (kind) {
    case EVENT_HTTP: /* counted in the raw tier, kept in the event buffer */
        return events > raw ? events : raw;
    case EVENT_EXCEPTION:
        return config->storage.retention.exceptions_ms;
    case EVENT_MARKER:
        return 0;
    case EVENT_METRIC:
    case EVENT_TALLY:
    case EVENT_REQUEST:
    case EVENT_FINDING:
    case EVENT_KIND_COUNT:
        break;
    }
    return raw;
}

bool lines_is_kept(const struct lines *lines, int64_t keep_ms, time_ms_t time)
{
    return keep_ms <= 0 || time >= lines->earlier - keep_ms;
}

/* A line that is refused is lost, so what either time admits is taken. */
enum tm_err lines_check_time(const struct lines *lines, enum event_kind kind, time_ms_t time,
                             struct tm_why *why)
{
    const struct config *config = lines->config;
    int64_t keep_ms = lines_retention_ms(config, kind);
    /* Days have numbers from 1970 on: whatever comes before can't leave the journal. */
    if (kind != EVENT_MARKER && time < 0)
        return tm_fail(why, TM_INVALID,
                       "the timestamp lies before 1970-01-01, where nothing is kept; check the sender's "
                       "clock and the precision (ns unless named)");
    if (!lines_is_kept(lines, keep_ms, time))
        return tm_fail(
            why, TM_INVALID,
            "the timestamp lies %.1f days back, beyond the retention of %.1f days for this kind of line",
            (double)(lines->now - time) / 86400e3, (double)keep_ms / 86400e3);
    if (kind != EVENT_MARKER && time > lines->later + config->limits.max_future_ms)
        return tm_fail(
            why, TM_INVALID,
            "the timestamp lies %.0f s in the future, more than limits.max_future allows; check the "
            "sender's clock and the precision (ns unless named)",
            (double)(time - lines->now) / 1e3);
    return TM_OK;
}

struct str lines_service_label(const struct config *config, const struct labels *tags)
{
    for (size_t i = 0; i < config->service_from.count; i++) {
        struct str label = str_of(config->service_from.at[i]);
        if (labels_get(tags, label).len)
            return label;
    }
    return STR("");
}

struct str lines_service(const struct config *config, const struct labels *tags)
{
    return labels_get(tags, lines_service_label(config, tags));
}

enum tm_err lines_check_tag(const struct lines *lines, const struct label *tag, struct tm_why *why)
{
    int64_t max = lines->config->limits.max_label_value_bytes;
    if (!label_name_valid(tag->name) || str_equal(tag->name, STR(LABEL_NAME)))
        return tm_fail(why, TM_INVALID,
                       "\"%.*s\" can't be a tag's name; names look like [a-zA-Z_][a-zA-Z0-9_]*",
                       STR_ARG(tag->name));
    if ((int64_t)tag->value.len > max)
        return tm_fail(why, TM_INVALID,
                       "the value of tag %.*s has %zu bytes, more than limits.max_label_value (%lld)",
                       STR_ARG(tag->name), tag->value.len, (long long)max);
    return TM_OK;
}

static enum tm_err check_tags(const struct lines *l, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    for (size_t i = 0; i < l->key.tags.count && !err; i++)
        err = lines_check_tag(l, &l->key.tags.at[i], why);
    return err;
}

enum tm_err lines_fail_scope(const struct lines *lines, struct str service, struct tm_why *why)
{
    const char *key = lines->access.key ? lines->access.key->name : "?";
    if (!service.len)
        return tm_fail(
            why, TM_FORBIDDEN,
            "the line names no service, and key %.64s may write certain services only; add the tag "
            "%.64s, or ask for the scope write:*",
            key, lines->config->service_from.count ? lines->config->service_from.at[0] : "service");
    return tm_fail(why, TM_FORBIDDEN,
                   "key %.64s may not write service \"%.*s\"; ask for the scope write:%.*s", key,
                   STR_ARG(service), STR_ARG(service));
}

enum tm_err lines_parse_key(struct lines *lines, const struct line *line, enum event_kind *kind,
                            struct tm_why *why)
{
    bytes_clear(&lines->scratch);
    enum tm_err err = line_key_parse(line->key, &lines->scratch, &lines->key, why);
    if (!err)
        err = check_tags(lines, why);
    if (err)
        return err;
    struct str service = lines_service(lines->config, &lines->key.tags);
    if (!lines->writes_all && !access_allows_service(&lines->access, service))
        return lines_fail_scope(lines, service, why);
    *kind = line_kind(&lines->key, line);
    return TM_OK;
}

enum tm_err lines_check_event(struct lines *lines, const struct line *line, enum event_kind kind,
                              struct tm_why *why)
{
    return line_event_check(kind, &lines->key, line, why);
}

/* An event is kept as the line it came as, without its time: key, a space, fields. */
enum tm_err lines_add_event(struct lines *lines, const struct line *line, enum event_kind kind,
                            time_ms_t time)
{
    struct str text = {line->key.ptr, (size_t)(line->fields.ptr + line->fields.len - line->key.ptr)};
    enum tm_err err = store_batch_event(lines->batch, kind, time, text);
    lines->events[kind] += !err;
    return err;
}

enum tm_err lines_check_metric(const struct lines *lines, struct str name, struct tm_why *why)
{
    if ((int64_t)name.len > lines->config->limits.max_label_value_bytes)
        return tm_fail(why, TM_INVALID, "the metric's name has %zu bytes, more than limits.max_label_value",
                       name.len);
    if (!metric_name_valid(name))
        return tm_fail(why, TM_INVALID,
                       "\"%.*s\" can't be a metric's name; names look like [a-zA-Z_:][a-zA-Z0-9_:]*",
                       STR_ARG(name));
    if (own_name_is_reserved(name))
        return tm_fail(why, TM_INVALID, "the name %.*s is made by the daemon itself; choose another one",
                       STR_ARG(name));
    return TM_OK;
}

/* The metric's name for a field: the measurement alone for `value`, else measurement_field. */
static enum tm_err name_metric(struct lines *l, struct str field, struct str *name, struct tm_why *why)
{
    bytes_clear(&l->metric);
    bytes_put(&l->metric, l->key.measurement.ptr, l->key.measurement.len);
    if (!str_equal(field, STR("value"))) {
        bytes_u8(&l->metric, '_');
        line_unescape_name(field, &l->metric);
    }
    *name = bytes_view(&l->metric);
    if (l->metric.failed)
        return TM_NOMEM;
    return lines_check_metric(l, *name, why);
}

static enum tm_err make_one(struct lines *l, struct str field, struct series_hash hash, series_id *id,
                            struct tm_why *why)
{
    struct labels set = l->key.tags;
    struct str name, twice;
    enum tm_err err = name_metric(l, field, &name, why);
    if (err)
        return err;
    if (labels_add(&set, STR(LABEL_NAME), name) || labels_sort(&set, &twice))
        return tm_fail(why, TM_LIMIT, "a series has at most %d labels, its name among them", LABELS_MAX);
    return store_series_intern(l->store, l->batch, hash, &set, lines_service(l->config, &l->key.tags), id,
                               why);
}

enum tm_err lines_make_series(struct lines *lines, const struct line *line, const struct series_hash *hashes,
                              series_id *ids, struct tm_why *why)
{
    for (size_t i = 0; i < line->field_count; i++) {
        if (line->field[i].value.type == VALUE_STRING)
            return tm_fail(
                why, TM_INVALID,
                "field \"%.*s\" is a string, and a metric's fields are numbers or booleans; put words into "
                "tags, or send an event",
                STR_ARG(line->field[i].name));
    }
    for (size_t i = 0; i < line->field_count; i++) {
        enum tm_err err = make_one(lines, line->field[i].name, hashes[i], &ids[i], why);
        if (err)
            return err;
    }
    return TM_OK;
}
