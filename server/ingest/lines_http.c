#include <xxhash.h>

#include "server/ingest/event_cache.h"
#include "server/ingest/lines_events.h"
#include "server/ingest/lines_http_fields.h"
#include "server/ingest/lines_series.h"
#include "server/ingest/lines_slow.h"
#include "storage/model/histogram.h"

/* One event on its way. */
struct taking {
    const struct event_key *key;
    struct http_fields fields;
    struct str url; /* unescaped */
    struct str user_agent;
    struct str group;
    struct str agent;
    time_ms_t time;
    struct event_series *series;
};

static const struct {
    struct str name;
    enum http_metric metric;
} histograms[HTTP_TIMES] = {
    {{"http_event_duration_seconds", 27}, HTTP_METRIC_DURATION},
    {{"http_event_origin_seconds", 25}, HTTP_METRIC_ORIGIN},
    {{"http_event_edge_seconds", 23}, HTTP_METRIC_EDGE},
};

/* ---- keys ---- */

/* Where a tag's value goes; NULL: it is one of the others. */
static struct str *tag_place(struct event_key *key, struct str name)
{
    static const struct {
        struct str name;
        size_t offset;
    } places[] = {
        {{"service", 7}, offsetof(struct event_key, service)},
        {{"env", 3}, offsetof(struct event_key, env)},
        {{"method", 6}, offsetof(struct event_key, method)},
        {{"status", 6}, offsetof(struct event_key, status_text)},
        {{"page_group", 10}, offsetof(struct event_key, page_group)},
        {{"cache", 5}, offsetof(struct event_key, cache)},
        {{"agent", 5}, offsetof(struct event_key, agent)},
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (str_equal(places[i].name, name))
            return (struct str *)(void *)((char *)key + places[i].offset);
    }
    return NULL;
}

/* Parses a key that was not met before. */
static enum tm_err learn_key(struct lines *l, const struct line *line, XXH128_hash_t hash,
                             const struct event_key **out, struct tm_why *why)
{
    enum event_kind kind;
    enum tm_err err = lines_parse_key(l, line, &kind, why);
    if (!err && kind == EVENT_HTTP)
        err = line_event_check(kind, &l->key, line, why);
    if (err)
        return err;
    struct event_key key = {
        .hash = hash, .is_http = kind == EVENT_HTTP, .tags = l->key.tags.at, .tag_count = l->key.tags.count};
    for (size_t i = 0; key.is_http && i < key.tag_count; i++) {
        struct str *place = tag_place(&key, key.tags[i].name);
        if (place)
            *place = key.tags[i].value;
        else
            key.others |= UINT64_C(1) << i;
    }
    key.service = lines_service(l->config, &l->key.tags);
    for (size_t i = 0; key.is_http && key.status_text.ptr && i < 3; i++) /* three digits: checked */
        key.status = key.status * 10 + (key.status_text.ptr[i] - '0');
    return event_cache_put(l->cache, &key, out);
}

static enum tm_err find_key(struct lines *l, const struct line *line, const struct event_key **out,
                            struct tm_why *why)
{
    XXH128_hash_t hash = XXH3_128bits_withSeed(line->key.ptr, line->key.len, store_hash_seed(l->store));
    *out = event_cache_find(l->cache, hash);
    if (!*out)
        return learn_key(l, line, hash, out, why);
    if (!l->writes_all && !access_allows_service(&l->access, (*out)->service))
        return lines_fail_scope(l, (*out)->service, why);
    return TM_OK;
}

/* ---- texts ---- */

/* An escape in a string costs a copy. */
static struct str unescape(struct lines *l, struct str raw)
{
    size_t before = l->texts.len;
    if (raw.len == 0 || !memchr(raw.ptr, '\\', raw.len))
        return raw;
    line_unescape_string(raw, &l->texts);
    return (struct str){(const char *)l->texts.data + before, l->texts.len - before};
}

static enum tm_err read_texts(struct lines *l, struct taking *t)
{
    const struct http_fields *fields = &t->fields;
    bytes_clear(&l->texts);
    if (!bytes_reserve(&l->texts, fields->url.len + fields->user_agent.len + 1))
        return TM_NOMEM;
    t->url = unescape(l, fields->url);
    t->user_agent = unescape(l, fields->user_agent);
    t->group = t->key->page_group;
    if (!t->group.len && fields->has_url)
        t->group = event_cache_group(l->cache, t->key, t->url);
    t->agent = t->key->agent;
    if (!t->agent.len && fields->has_user_agent)
        t->agent = agent_class_name(event_cache_agent(l->cache, t->user_agent));
    return TM_OK;
}

/* ---- series ---- */

static struct str extra_label(const struct taking *t, struct str name)
{
    if (str_equal(name, STR("agent")))
        return t->agent;
    for (size_t i = 0; i < t->key->tag_count; i++) {
        if (str_equal(t->key->tags[i].name, name))
            return t->key->tags[i].value;
    }
    return STR("");
}

/* Labels: at most 6 and the 16 of events.labels, so that they always fit. */
static enum tm_err put_labels(const struct lines *l, const struct taking *t, enum http_metric metric,
                              struct str name, struct labels *set)
{
    enum tm_err err = labels_add(set, STR(LABEL_NAME), name);
    if (!err)
        err = labels_add(set, STR("service"), t->key->service);
    if (!err)
        err = labels_add(set, STR("env"), t->key->env);
    if (!err)
        err = labels_add(set, STR("page_group"), t->group);
    if (!err && metric >= HTTP_METRIC_DURATION)
        err = labels_add(set, STR("cache"), t->key->cache);
    if (!err && metric == HTTP_METRIC_EVENTS)
        err = labels_add(set, STR("method"), t->key->method);
    if (!err && metric == HTTP_METRIC_EVENTS)
        err = labels_add(set, STR("status"), t->key->status_text);
    for (size_t i = 0; !err && metric == HTTP_METRIC_EVENTS && i < l->config->events.labels.count; i++) {
        struct str label = str_of(l->config->events.labels.at[i]);
        err = labels_add(set, label, extra_label(t, label));
    }
    return err;
}

static enum tm_err need_series(struct lines *l, struct taking *t, enum http_metric metric, struct str name,
                               struct tm_why *why)
{
    struct event_series *series = t->series;
    uint64_t mix = (uint64_t)(metric + 1) * UINT64_C(0x9E3779B97F4A7C15);
    if (series->id[metric])
        return TM_OK;
    struct counted counted = {.hash = {series->low ^ mix, series->high + mix},
                              .service = t->key->service,
                              .service_label = STR("service")};
    enum tm_err err = put_labels(l, t, metric, name, &counted.set);
    return err ? err : lines_count_in(l, &counted, &series->id[metric], why);
}

static enum tm_err need_all_series(struct lines *l, struct taking *t, struct tm_why *why)
{
    t->series = event_cache_series(l->cache, t->key, t->group, t->agent);
    enum tm_err err = need_series(l, t, HTTP_METRIC_EVENTS, STR("http_events_total"), why);
    if (!err && t->fields.bytes >= 0)
        err = need_series(l, t, HTTP_METRIC_BYTES, STR("http_event_bytes_total"), why);
    for (size_t i = 0; !err && i < HTTP_TIMES; i++) {
        if (t->fields.time_us[i] >= 0)
            err = need_series(l, t, histograms[i].metric, histograms[i].name, why);
    }
    return err;
}

/* ---- into the batch ---- */

static enum tm_err add_counts(struct lines *l, const struct taking *t)
{
    const struct http_fields *fields = &t->fields;
    const series_id *id = t->series->id;
    enum tm_err err = store_batch_cell(l->batch, id[HTTP_METRIC_EVENTS], CELL_SUM, t->time, fields->count);
    if (!err && fields->bytes > 0)
        err = store_batch_cell(l->batch, id[HTTP_METRIC_BYTES], CELL_SUM, t->time,
                               fields->bytes * fields->count);
    for (size_t i = 0; !err && i < HTTP_TIMES; i++) {
        int64_t us = fields->time_us[i];
        series_id series = id[histograms[i].metric];
        if (us > 0)
            err = store_batch_cell(l->batch, series, CELL_SUM, t->time, us * fields->count);
        if (!err && us >= 0)
            err = store_batch_cell(l->batch, series, histogram_cell(histogram_bucket(us)), t->time,
                                   fields->count);
    }
    return err;
}

static enum tm_err add_raw(struct lines *l, const struct taking *t)
{
    const struct event_key *key = t->key;
    struct labels others;
    others.count = 0;
    for (uint64_t left = key->others; left; left &= left - 1)
        others.at[others.count++] = key->tags[__builtin_ctzll(left)];
    const struct http_event event = {
        .time = t->time,
        .service = key->service,
        .env = key->env,
        .method = key->method,
        .url = t->url,
        .page_group = t->group,
        .cache = key->cache,
        .agent = t->agent,
        .user_agent = t->user_agent,
        .tags = &others,
        .status = key->status,
        .bytes = t->fields.bytes,
        .duration_us = t->fields.time_us[0],
        .origin_us = t->fields.time_us[1],
        .edge_us = t->fields.time_us[2],
        .count = (uint64_t)t->fields.count,
    };
    return store_batch_http(l->batch, &event);
}

enum tm_err lines_take_http(struct lines *lines, const struct line *line, bool *is_metric, struct tm_why *why)
{
    struct taking t = {.time = line->has_time ? line->time : lines->now};
    const struct config *config = lines->config;
    enum tm_err err = find_key(lines, line, &t.key, why);
    *is_metric = !err && !t.key->is_http;
    if (err || *is_metric)
        return err;
    err = http_fields_read(line, &t.fields, why);
    if (!err)
        err = lines_check_time(lines, EVENT_HTTP, t.time, why);
    if (!err)
        err = read_texts(lines, &t);
    if (err)
        return err;
    if (lines_is_kept(lines, config->storage.retention.raw_ms, t.time)) {
        err = need_all_series(lines, &t, why);
        if (!err)
            err = add_counts(lines, &t);
    }
    if (!err && lines_is_kept(lines, config->storage.retention.events_ms, t.time))
        err = add_raw(lines, &t);
    lines->events[EVENT_HTTP] += !err;
    return err;
}
