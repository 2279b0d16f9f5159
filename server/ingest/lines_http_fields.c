#include "server/ingest/lines_http_fields.h"

enum http_field {
    HTTP_URL,
    HTTP_USER_AGENT,
    HTTP_COUNT,
    HTTP_BYTES,
    HTTP_DURATION,
    HTTP_ORIGIN,
    HTTP_EDGE,
    HTTP_OTHER
};

/* Names of fields hold no byte that could be escaped, so that raw names are compared. */
static enum http_field which(struct str name)
{
    static const struct {
        struct str name;
        enum http_field field;
    } by_length[] = {
        [3] = {{"url", 3}, HTTP_URL},
        [5] = {{"bytes", 5}, HTTP_BYTES},
        [7] = {{"edge_ms", 7}, HTTP_EDGE},
        [9] = {{"origin_ms", 9}, HTTP_ORIGIN},
        [10] = {{"user_agent", 10}, HTTP_USER_AGENT},
        [11] = {{"duration_ms", 11}, HTTP_DURATION},
    };
    if (name.len >= sizeof by_length / sizeof by_length[0])
        return HTTP_OTHER;
    if (str_equal(name, by_length[name.len].name))
        return by_length[name.len].field;
    return str_equal(name, STR("count")) ? HTTP_COUNT : HTTP_OTHER;
}

static bool read_text(const struct line_value *value, struct str *out, bool *has)
{
    *out = value->text;
    *has = true;
    return value->type == VALUE_STRING && value->text.len <= HTTP_TEXT_MAX;
}

static bool read_integer(const struct line_value *value, int64_t min, int64_t *out)
{
    *out = value->integer;
    return (value->type == VALUE_INT || value->type == VALUE_UINT) && value->integer >= min &&
           value->integer <= HTTP_VALUE_MAX;
}

static bool read_time(const struct line_value *value, int64_t *out)
{
    double us = value->number.value * 1000;
    if (value->type == VALUE_STRING || value->type == VALUE_BOOL ||
        !(us >= 0 && us <= (double)HTTP_VALUE_MAX))
        return false;
    *out = (int64_t)(us + 0.5);
    return true;
}

/* False: a value is not of its type, or too large. */
static bool read_field(const struct line_field *field, struct http_fields *out)
{
    switch (which(field->name)) {
    case HTTP_URL:
        return read_text(&field->value, &out->url, &out->has_url);
    case HTTP_USER_AGENT:
        return read_text(&field->value, &out->user_agent, &out->has_user_agent);
    case HTTP_COUNT:
        return read_integer(&field->value, 1, &out->count);
    case HTTP_BYTES:
        return read_integer(&field->value, 0, &out->bytes);
    case HTTP_DURATION:
        return read_time(&field->value, &out->time_us[0]);
    case HTTP_ORIGIN:
        return read_time(&field->value, &out->time_us[1]);
    case HTTP_EDGE:
        return read_time(&field->value, &out->time_us[2]);
    case HTTP_OTHER:
        break;
    }
    return true;
}

static bool is_too_much(int64_t value, int64_t count)
{
    int64_t product;
    return value > 0 && (__builtin_mul_overflow(value, count, &product) || product > HTTP_VALUE_MAX);
}

static enum tm_err refuse(const struct line *line, const struct line_field *field, struct tm_why *why)
{
    const struct line_key sound = {.tags = {.at = {{STR("status"), STR("200")}}, .count = 1}};
    enum tm_err err = line_event_check(EVENT_HTTP, &sound, line, why);
    return err ? err
               : tm_fail(
                     why, TM_INVALID,
                     "column %zu: field %.*s is too large: a text has at most %d bytes, a number is at most "
                     "%lld",
                     (size_t)(field->name.ptr - line->raw.ptr) + 1, STR_ARG(field->name), HTTP_TEXT_MAX,
                     (long long)HTTP_VALUE_MAX);
}

enum tm_err http_fields_read(const struct line *line, struct http_fields *out, struct tm_why *why)
{
    *out = (struct http_fields){.count = 1, .bytes = -1, .time_us = {-1, -1, -1}};
    for (size_t i = 0; i < line->field_count; i++) {
        if (!read_field(&line->field[i], out))
            return refuse(line, &line->field[i], why);
    }
    bool is_over = is_too_much(out->bytes, out->count);
    for (size_t i = 0; i < HTTP_TIMES; i++)
        is_over = is_over || is_too_much(out->time_us[i], out->count);
    if (is_over)
        return tm_fail(why, TM_INVALID,
                       "the line's count times its bytes or its times is over %lld; send several lines of "
                       "smaller counts",
                       (long long)HTTP_VALUE_MAX);
    return TM_OK;
}
