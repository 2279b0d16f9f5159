#include "server/wire/reply.h"

#include <jansson.h>
#include "server/wire/utf8.h"

/* Cuts to fit between two characters, so that what is decoded can be encoded again without loss. */
static void copy_text(const char *text, struct tm_why *out)
{
    size_t len = strlen(text);
    if (len >= sizeof out->text)
        len = utf8_valid_len((struct str){text, sizeof out->text - 1});
    memcpy(out->text, text, len);
    out->text[len] = '\0';
}

static bool read_text(const json_t *object, const char *name, struct tm_why *out)
{
    const char *text = json_string_value(json_object_get(object, name));
    if (!text)
        return false;
    copy_text(text, out);
    return true;
}

static bool read_unsigned(const json_t *value, uint64_t max, uint64_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return *out <= max;
}

static bool read_errors(const json_t *errors, struct reply *out)
{
    if (!json_is_array(errors))
        return false;
    size_t count = json_array_size(errors);
    if (count > REPLY_ERRORS_MAX)
        count = REPLY_ERRORS_MAX;
    for (size_t i = 0; i < count; i++) {
        const json_t *error = json_array_get(errors, i);
        uint64_t line;
        if (!read_unsigned(json_object_get(error, "line"), UINT32_MAX, &line) ||
            !read_text(error, "reason", &out->errors[i].why))
            return false;
        out->errors[i].line = (uint32_t)line;
    }
    out->error_count = count;
    return true;
}

static bool read_accepted(const json_t *root, struct reply *out)
{
    const json_t *duplicate = json_object_get(root, "duplicate");
    const json_t *seq = json_object_get(root, "seq");
    if (!read_unsigned(json_object_get(root, "accepted"), UINT64_MAX, &out->accepted) ||
        !read_unsigned(json_object_get(root, "rejected"), UINT64_MAX, &out->rejected) ||
        !json_is_boolean(duplicate) || !seq)
        return false;
    out->duplicate = json_is_true(duplicate);
    out->has_seq = !json_is_null(seq);
    if (out->has_seq && !read_unsigned(seq, UINT64_MAX, &out->seq))
        return false;
    return read_errors(json_object_get(root, "errors"), out);
}

static bool read_refusal(const json_t *root, enum refusal *out)
{
    const char *text = json_string_value(json_object_get(root, "error"));
    for (enum refusal r = REFUSAL_NONE + 1; text && r < REFUSAL_COUNT; r++) {
        if (strcmp(text, refusal_word(r)) == 0) {
            *out = r;
            return true;
        }
    }
    return false;
}

static bool read_refused(const json_t *root, struct reply *out)
{
    const json_t *retry = json_object_get(root, "retry_after_ms");
    uint64_t retry_after_ms = 0;
    if (!read_refusal(root, &out->refusal) || !read_text(root, "message", &out->message))
        return false;
    if (retry && !read_unsigned(retry, INT64_MAX, &retry_after_ms))
        return false;
    out->retry_after_ms = retry ? (int64_t)retry_after_ms : -1;
    return true;
}

/* jansson names what is wrong with a text; where it names nothing, memory was short. */
static enum tm_err error_of(const json_error_t *error)
{
    enum json_error_code code = json_error_code(error);
    return code == json_error_unknown || code == json_error_out_of_memory ? TM_NOMEM : TM_INVALID;
}

enum tm_err reply_decode(struct str json, struct reply *out)
{
    reply_init(out);
    json_error_t error;
    json_t *root = json_loadb(json.len ? json.ptr : "", json.len, 0, &error);
    if (!root)
        return error_of(&error);
    const json_t *ok = json_object_get(root, "ok");
    bool read = false;
    if (json_is_true(ok))
        read = read_accepted(root, out);
    else if (json_is_false(ok))
        read = read_refused(root, out);
    json_decref(root);
    return read ? TM_OK : TM_INVALID;
}
