/* From a line `exception,...` to an exception with its fingerprint. */
#include "server/ingest/lines_slow.h"
#include "storage/model/fingerprint.h"

enum { MESSAGE, STACK, FINGERPRINT, TEXTS };

/* Fields are unescaped into lines->metric, which no event needs else; offsets, since it moves. */
static enum tm_err take_texts(struct lines *l, const struct line *line, struct str out[TEXTS])
{
    static const struct str names[TEXTS] = {{"message", 7}, {"stack", 5}, {"fingerprint", 11}};
    size_t end[TEXTS];
    bytes_clear(&l->metric);
    for (int i = 0; i < TEXTS; i++) {
        const struct line_field *field = line_find_field(line, names[i]);
        if (field)
            line_unescape_string(field->value.text, &l->metric);
        end[i] = l->metric.len;
    }
    for (int i = 0; i < TEXTS; i++) {
        size_t from = i > 0 ? end[i - 1] : 0;
        out[i] = end[i] > from ? (struct str){(const char *)l->metric.data + from, end[i] - from} : STR("");
    }
    return bytes_error(&l->metric);
}

/* What has a place of its own is no tag of the group's. */
static void take_tags(const struct lines *l, struct exception *out)
{
    static const struct str own[] = {{"type", 4}, {"env", 3}, {"release", 7}};
    for (size_t i = 0; i < l->key.tags.count; i++) {
        const struct label *tag = &l->key.tags.at[i];
        bool is_own = tag->value.ptr == out->service.ptr;
        for (size_t o = 0; o < sizeof own / sizeof own[0]; o++)
            is_own = is_own || str_equal(tag->name, own[o]);
        if (!is_own)
            out->tags.at[out->tags.count++] = *tag;
    }
}

enum tm_err lines_add_exception(struct lines *lines, const struct line *line, time_ms_t time)
{
    struct str texts[TEXTS];
    struct fingerprint computed;
    const struct line_field *count = line_find_field(line, STR("count"));
    struct exception exception = {.time = time,
                                  .service = lines_service(lines->config, &lines->key.tags),
                                  .env = labels_get(&lines->key.tags, STR("env")),
                                  .type = labels_get(&lines->key.tags, STR("type")),
                                  .release = labels_get(&lines->key.tags, STR("release")),
                                  .count = count ? (uint64_t)count->value.integer : 1};
    enum tm_err err = take_texts(lines, line, texts);
    if (err)
        return err;
    take_tags(lines, &exception);
    exception.message = texts[MESSAGE];
    exception.stack = texts[STACK];
    exception.fingerprint = texts[FINGERPRINT];
    if (exception.fingerprint.len == 0) {
        fingerprint_compute(exception.type, exception.message, exception.stack, &computed);
        exception.fingerprint = str_of(computed.hex);
    }
    err = store_batch_exception(lines->batch, &exception);
    lines->events[EVENT_EXCEPTION] += !err;
    return err;
}
