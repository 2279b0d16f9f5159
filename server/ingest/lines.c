#include "server/ingest/lines.h"

#include <xxhash.h>

#include "server/ingest/lines_events.h"
#include "server/ingest/lines_slow.h"

/* One hash for the key's bytes, mixed with one for the field's name. */
static struct series_hash field_hash(XXH128_hash_t key, struct str name, uint64_t seed)
{
    uint64_t field = XXH3_64bits_withSeed(name.ptr, name.len, seed);
    return (struct series_hash){key.low64 ^ field, key.high64 + field};
}

/* Whether the key may belong to an event by its fields alone. All other events are told by their key, whose
 * bytes then never name a series. */
static bool may_be_deploy(struct str key)
{
    return key.len >= 6 && key.ptr[0] == 'd' && memcmp(key.ptr, "deploy", 6) == 0;
}

static bool may_write(const struct lines *l, series_id id)
{
    return l->writes_all || access_allows_service(&l->access, store_series_service(l->store, id));
}

/* A line whose series are all known: no parsing of tags. False: it needs the slow way. */
static bool find_series(const struct lines *l, const struct line *line, const struct series_hash *hashes,
                        series_id *ids)
{
    if (may_be_deploy(line->key))
        return false;
    for (size_t i = 0; i < line->field_count; i++) {
        if (line->field[i].value.type == VALUE_STRING)
            return false;
        ids[i] = store_series_find(l->store, hashes[i]);
        if (!ids[i] || !may_write(l, ids[i]))
            return false;
    }
    return true;
}

static enum tm_err add_samples(struct lines *l, const struct line *line, const series_id *ids, time_ms_t time)
{
    for (size_t i = 0; i < line->field_count; i++) {
        enum tm_err err = store_batch_sample(l->batch, ids[i], time, line->field[i].value.number);
        if (err)
            return err;
    }
    l->samples += line->field_count;
    return TM_OK;
}

static enum tm_err take_metric(struct lines *l, const struct line *line, struct tm_why *why)
{
    struct series_hash hashes[LINE_FIELDS_MAX];
    series_id ids[LINE_FIELDS_MAX] = {0};
    uint64_t seed = store_hash_seed(l->store);
    XXH128_hash_t key = XXH3_128bits_withSeed(line->key.ptr, line->key.len, seed);
    for (size_t i = 0; i < line->field_count; i++)
        hashes[i] = field_hash(key, line->field[i].name, seed);

    time_ms_t time = line->has_time ? line->time : l->now;
    enum event_kind kind = EVENT_METRIC;
    enum tm_err err = TM_OK;
    if (!find_series(l, line, hashes, ids)) {
        err = lines_parse_key(l, line, &kind, why);
        if (!err && kind != EVENT_METRIC)
            err = lines_check_event(l, line, kind, why);
    }
    if (!err)
        err = lines_check_time(l, kind, time, why);
    if (!err && kind == EVENT_MARKER)
        return lines_add_marker(l, line, time, why);
    if (!err && kind != EVENT_METRIC)
        return lines_add_event(l, line, kind, time);
    if (!err && l->key.measurement.len)
        err = lines_make_series(l, line, hashes, ids, why);
    return err ? err : add_samples(l, line, ids, time);
}

/* Kinds that are taken by their own functions. What begins so and is none after all is a metric. */
typedef enum tm_err take_event_fn(struct lines *lines, const struct line *line, bool *is_metric,
                                  struct tm_why *why);

static take_event_fn *event_taker(struct str key)
{
    static const struct {
        struct str begin;
        take_event_fn *take;
    } takers[] = {{{"http,", 5}, lines_take_http},
                  {{"tally,", 6}, lines_take_tally},
                  {{"exception,", 10}, lines_take_exception}};
    for (size_t i = 0; i < sizeof takers / sizeof takers[0]; i++) {
        struct str begin = takers[i].begin;
        if (key.len > begin.len && key.ptr[0] == begin.ptr[0] && memcmp(key.ptr, begin.ptr, begin.len) == 0)
            return takers[i].take;
    }
    return NULL;
}

static enum tm_err take_line(struct lines *l, const struct line *line, struct tm_why *why)
{
    take_event_fn *take = event_taker(line->key);
    bool is_metric = true;
    enum tm_err err = take ? take(l, line, &is_metric, why) : TM_OK;
    l->key.measurement.len = 0;
    return err || !is_metric ? err : take_metric(l, line, why);
}

static enum tm_err settle_line(struct lines *l, uint32_t number, enum tm_err err, const struct tm_why *why)
{
    if (err == TM_NOMEM)
        return err;
    if (err)
        reply_reject(l->reply, number, why);
    else
        l->reply->accepted++;
    return TM_OK;
}

static enum tm_err take_whole(struct lines *l, const struct line *line)
{
    struct tm_why why;
    enum tm_err err = take_line(l, line, &why);
    return settle_line(l, line->number, err, &why);
}

/* ---- lines of one number, which most are: their series are looked up a few lines later, so that the
 * lookups' waits for memory lie on top of each other and of the parsing ---- */

static bool line_is_simple(const struct line *line)
{
    return line->field_count == 1 && line->field[0].value.type != VALUE_STRING && !may_be_deploy(line->key) &&
           !event_taker(line->key);
}

static void queue_line(struct lines *l, const struct line *line)
{
    uint64_t seed = store_hash_seed(l->store);
    XXH128_hash_t key = XXH3_128bits_withSeed(line->key.ptr, line->key.len, seed);
    struct queued_line *q = &l->queue[l->queued++];
    *q = (struct queued_line){
        .hash = field_hash(key, line->field[0].name, seed),
        .value = line->field[0].value.number,
        .time = line->has_time ? line->time : l->now,
        .raw = line->raw,
        .number = line->number,
    };
    store_series_expect(l->store, q->hash);
}

/* Its series is not known, or not this sender's to write: the line is read again and taken the slow way. */
static enum tm_err take_again(struct lines *l, const struct queued_line *q, enum precision precision)
{
    struct line_reader reader;
    struct line line;
    line_reader_init(&reader, q->raw, precision, q->number);
    if (line_next(&reader, &line) != LINE_OK)
        return settle_line(l, q->number, TM_INVALID, &reader.why);
    return take_whole(l, &line);
}

static enum tm_err take_queued(struct lines *l, enum precision precision)
{
    enum tm_err err = TM_OK;
    for (size_t i = 0; !err && i < l->queued; i++) {
        const struct queued_line *q = &l->queue[i];
        struct tm_why why;
        series_id id = store_series_find(l->store, q->hash);
        if (!id ||
            (!l->writes_all && !access_allows_service(&l->access, store_series_service(l->store, id)))) {
            err = take_again(l, q, precision);
            continue;
        }
        err = lines_check_time(l, EVENT_METRIC, q->time, &why);
        if (!err)
            err = store_batch_sample(l->batch, id, q->time, q->value);
        l->samples += !err;
        err = settle_line(l, q->number, err, &why);
    }
    l->queued = 0;
    return err;
}

enum tm_err lines_take(struct lines *lines, struct str text, enum precision precision, uint32_t first_number)
{
    struct line_reader reader;
    struct line line;
    enum line_step step;
    enum tm_err err = TM_OK;
    line_reader_init(&reader, text, precision, first_number);
    lines->precision = precision;
    while (!err && (step = line_next(&reader, &line)) != LINE_END) {
        bool simple = step == LINE_OK && line_is_simple(&line);
        if (simple)
            queue_line(lines, &line);
        if (!simple || lines->queued == LINES_QUEUE)
            err = take_queued(lines, precision);
        if (!err && step == LINE_BAD)
            err = settle_line(lines, reader.number, TM_INVALID, &reader.why);
        else if (!err && !simple)
            err = take_whole(lines, &line);
    }
    return err ? err : take_queued(lines, precision);
}

void lines_fini(struct lines *lines)
{
    bytes_fini(&lines->scratch);
    bytes_fini(&lines->metric);
    bytes_fini(&lines->texts);
}
