/* Tallies: exact sums. A line counts in tally_NAME_total, each of its fields in tally_NAME_FIELD_sum. */
#include <xxhash.h>

#include "server/ingest/lines_events.h"
#include "server/ingest/lines_series.h"
#include "server/ingest/lines_slow.h"

/* The series of one line: place 0 counts lines, place 1 + i sums field i. */
struct sums {
    struct series_hash hash[1 + LINE_FIELDS_MAX];
    series_id id[1 + LINE_FIELDS_MAX];
};

/* By the raw bytes of key and field. Keys of tallies begin as no other key does, so that these hashes are
 * nobody else's. */
static void hash_fields(const struct lines *l, const struct line *line, struct sums *sums)
{
    uint64_t seed = store_hash_seed(l->store);
    XXH128_hash_t key = XXH3_128bits_withSeed(line->key.ptr, line->key.len, seed);
    sums->hash[0] = (struct series_hash){~key.low64, ~key.high64};
    for (size_t i = 0; i < line->field_count; i++) {
        struct str name = line->field[i].name;
        uint64_t field = XXH3_64bits_withSeed(name.ptr, name.len, ~seed);
        sums->hash[1 + i] = (struct series_hash){~key.low64 ^ field, ~key.high64 + field};
    }
}

/* False: the line needs the slow way. */
static bool find_sums(const struct lines *l, const struct line *line, struct sums *sums)
{
    for (size_t i = 0; i < line->field_count; i++) {
        if (line->field[i].value.type != VALUE_INT)
            return false;
    }
    for (size_t i = 0; i <= line->field_count; i++) {
        sums->id[i] = store_series_find(l->store, sums->hash[i]);
        if (!sums->id[i] || (!l->writes_all &&
                             !access_allows_service(&l->access, store_series_service(l->store, sums->id[i]))))
            return false;
    }
    return true;
}

/* field empty: the count of lines. */
static enum tm_err name_sum(struct lines *l, struct str field, struct str *name, struct tm_why *why)
{
    struct str tally = labels_get(&l->key.tags, STR("name"));
    bytes_clear(&l->metric);
    bytes_printf(&l->metric, "tally_%.*s_", STR_ARG(tally));
    line_unescape_name(field, &l->metric);
    bytes_printf(&l->metric, field.len ? "_sum" : "total");
    *name = bytes_view(&l->metric);
    if (l->metric.failed)
        return TM_NOMEM;
    if ((int64_t)name->len > l->config->limits.max_label_value_bytes)
        return tm_fail(why, TM_INVALID, "the name of the sum has %zu bytes, more than limits.max_label_value",
                       name->len);
    if (!metric_name_valid(*name))
        return tm_fail(
            why, TM_INVALID,
            "\"%.*s\" can't be a metric's name; a tally's name and fields consist of [a-zA-Z0-9_:]",
            STR_ARG(*name));
    return TM_OK;
}

static enum tm_err make_sum(struct lines *l, struct str field, struct series_hash hash, series_id *id,
                            struct tm_why *why)
{
    const struct labels *tags = &l->key.tags;
    struct str name;
    struct counted counted = {.hash = hash,
                              .service = lines_service(l->config, tags),
                              .service_label = lines_service_label(l->config, tags)};
    enum tm_err err = name_sum(l, field, &name, why);
    if (err)
        return err;
    for (size_t i = 0; !err && i < tags->count; i++) {
        if (!str_equal(tags->at[i].name, STR("name")))
            err = labels_add(&counted.set, tags->at[i].name, tags->at[i].value);
    }
    if (!err)
        err = labels_add(&counted.set, STR(LABEL_NAME), name);
    return err ? err : lines_count_in(l, &counted, id, why);
}

static enum tm_err make_sums(struct lines *l, const struct line *line, struct sums *sums, bool *is_metric,
                             struct tm_why *why)
{
    enum event_kind kind = EVENT_METRIC;
    enum tm_err err = lines_parse_key(l, line, &kind, why);
    *is_metric = !err && kind != EVENT_TALLY;
    if (err || *is_metric)
        return err;
    err = line_event_check(EVENT_TALLY, &l->key, line, why);
    if (!err)
        err = make_sum(l, STR(""), sums->hash[0], &sums->id[0], why);
    for (size_t i = 0; !err && i < line->field_count; i++)
        err = make_sum(l, line->field[i].name, sums->hash[1 + i], &sums->id[1 + i], why);
    return err;
}

/* All fields or, where a sum of this batch would pass 64 bits, none. */
static enum tm_err add_sums(struct lines *l, const struct line *line, const struct sums *sums, time_ms_t time,
                            struct tm_why *why)
{
    size_t done = 0;
    enum tm_err err = TM_OK;
    while (!err && done < line->field_count) {
        int64_t add = line->field[done].value.integer;
        err =
            add == INT64_MIN ? TM_LIMIT : store_batch_cell(l->batch, sums->id[1 + done], CELL_SUM, time, add);
        done += !err;
    }
    if (!err)
        return store_batch_cell(l->batch, sums->id[0], CELL_SUM, time, 1);
    while (err != TM_NOMEM && done > 0) {
        done--;
        if (store_batch_cell(l->batch, sums->id[1 + done], CELL_SUM, time, -line->field[done].value.integer))
            return TM_NOMEM;
    }
    return err == TM_LIMIT ? tm_fail(why, TM_INVALID, "the batch's sum of a field does not fit in 64 bits")
                           : err;
}

enum tm_err lines_take_tally(struct lines *lines, const struct line *line, bool *is_metric,
                             struct tm_why *why)
{
    struct sums sums;
    time_ms_t time = line->has_time ? line->time : lines->now;
    *is_metric = false;
    hash_fields(lines, line, &sums);
    if (!find_sums(lines, line, &sums)) {
        enum tm_err err = make_sums(lines, line, &sums, is_metric, why);
        if (err || *is_metric)
            return err;
    }
    enum tm_err err = lines_check_time(lines, EVENT_TALLY, time, why);
    if (!err)
        err = add_sums(lines, line, &sums, time, why);
    lines->events[EVENT_TALLY] += !err;
    return err;
}
