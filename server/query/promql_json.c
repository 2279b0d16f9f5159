#include "server/query/promql_json.h"

#include <inttypes.h>

#include "server/promql/text.h"
#include "server/query/label_json.h"
#include "server/wire/reply.h"
#include "storage/model/number.h"

/* Labels may be long. */
enum { STEP_SAMPLES = 4096, STEP_SERIES = 256, STEP_BYTES = 256 << 10 };

static void put(struct bytes *out, const char *text)
{
    bytes_put(out, text, strlen(text));
}

/* Room for the longest time. */
enum { TIME_BYTES = 32 };

static size_t write_time(time_ms_t time, char *text)
{
    enum { MS_PER_S = 1000 };
    uint64_t ms = time < 0 ? 0 - (uint64_t)time : (uint64_t)time;
    unsigned rest = (unsigned)(ms % MS_PER_S);
    text[0] = '-';
    size_t len = time < 0;
    len += number_text_unsigned(ms / MS_PER_S, text + len);
    if (rest == 0)
        return len;
    text[len++] = '.';
    text[len++] = (char)('0' + rest / 100);
    text[len++] = (char)('0' + rest / 10 % 10);
    text[len++] = (char)('0' + rest % 10);
    return len;
}

void promql_json_time(time_ms_t time, struct bytes *out)
{
    char text[TIME_BYTES];
    bytes_put(out, text, write_time(time, text));
}

/* [12.5,"0.1"]: what most of an answer is. */
static void put_sample(time_ms_t time, double value, struct bytes *out)
{
    char *text = (char *)bytes_reserve(out, TIME_BYTES + NUMBER_TEXT_BYTES + sizeof "[,\"\"]");
    if (!text)
        return;
    size_t len = 0;
    text[len++] = '[';
    len += write_time(time, text + len);
    text[len++] = ',';
    text[len++] = '"';
    len += number_text(value, text + len);
    text[len++] = '"';
    text[len++] = ']';
    out->len += len;
}

static void put_scalar(const struct promql_result *result, time_ms_t time, struct bytes *out)
{
    size_t position = 0;
    double value = 0;
    (void)promql_result_next(result, 0, &position, &time, &value);
    put(out, "[");
    promql_json_time(time, out);
    put(out, ",\"");
    text_float_plain(out, value);
    put(out, "\"]");
}

static void put_string(const struct promql_result *result, time_ms_t time, struct bytes *out)
{
    put(out, "[");
    promql_json_time(time, out);
    put(out, ",");
    bytes_json_string(out, promql_result_string(result));
    put(out, "]");
}

/* {"metric":{...}, with what is before it. */
static void begin_series(struct promql_json *json, const struct promql_result *result, struct bytes *out)
{
    struct str labels = promql_result_labels(result, json->series);
    bytes_clear(&json->labels);
    bytes_put(&json->labels, labels.ptr, labels.len);
    put(out, json->series > 0 ? ",{\"metric\":" : "{\"metric\":");
    encoded_label_json(&json->labels, out);
}

static void end_series(struct promql_json *json)
{
    json->series++;
    json->position = 0;
    json->is_inside = false;
}

static void put_vector_part(struct promql_json *json, const struct promql_result *result, struct bytes *out)
{
    const size_t end = out->len + STEP_BYTES;
    time_ms_t time = 0;
    double value = 0;
    for (size_t i = 0; i < STEP_SERIES && out->len < end && json->series < promql_result_count(result); i++) {
        begin_series(json, result, out);
        (void)promql_result_next(result, json->series, &json->position, &time, &value);
        put(out, ",\"value\":");
        put_sample(time, value, out);
        put(out, "}");
        end_series(json);
    }
}

static void put_matrix_part(struct promql_json *json, const struct promql_result *result, struct bytes *out)
{
    const size_t end = out->len + STEP_BYTES;
    time_ms_t time;
    double value;
    for (size_t i = 0; i < STEP_SAMPLES && out->len < end && json->series < promql_result_count(result);
         i++) {
        bool is_first = !json->is_inside;
        if (is_first) {
            begin_series(json, result, out);
            put(out, ",\"values\":[");
            json->is_inside = true;
        }
        if (!promql_result_next(result, json->series, &json->position, &time, &value)) {
            put(out, "]}");
            end_series(json);
            continue;
        }
        put(out, is_first ? "" : ",");
        put_sample(time, value, out);
    }
}

bool promql_json_step(struct promql_json *json, const struct promql_result *result, time_ms_t time,
                      struct bytes *out)
{
    static const char *const heads[] = {[AST_NONE] = "",
                                        [AST_SCALAR] = "{\"resultType\":\"scalar\",\"result\":",
                                        [AST_VECTOR] = "{\"resultType\":\"vector\",\"result\":[",
                                        [AST_MATRIX] = "{\"resultType\":\"matrix\",\"result\":[",
                                        [AST_STRING] = "{\"resultType\":\"string\",\"result\":"};
    enum ast_type type = promql_result_type(result);
    if (!json->is_begun)
        put(out, heads[type]);
    json->is_begun = true;
    if (type == AST_SCALAR)
        put_scalar(result, time, out);
    else if (type == AST_STRING)
        put_string(result, time, out);
    else if (type == AST_VECTOR)
        put_vector_part(json, result, out);
    else
        put_matrix_part(json, result, out);
    bool has_list = type == AST_VECTOR || type == AST_MATRIX;
    bool is_done = !has_list || json->series == promql_result_count(result);
    if (is_done && has_list)
        put(out, "]");
    return is_done;
}
