/* Lines that are JSON objects: a table of members says what each does to the record. */
#include "server/cli/formats/formats_private.h"

#include <jansson.h>
#include <stdio.h>

/* Where a member stands in the line, for faults; the line's start if it is written with escapes. */
static const char *place_of(struct str line, struct str key)
{
    char quoted[64];
    int len = snprintf(quoted, sizeof quoted, "\"%.*s\"", STR_ARG(key));
    const char *found =
        len > 0 && (size_t)len < sizeof quoted ? memmem(line.ptr, line.len, quoted, (size_t)len) : NULL;
    return found ? found : line.ptr;
}

/* A member's text: a string's content, a number as written. False: absent, null, "-" or "". */
static bool text_of(const json_t *value, char room[64], struct str *out)
{
    if (json_is_string(value)) {
        *out = (struct str){json_string_value(value), json_string_length(value)};
        return out->len > 0 && !str_equal(*out, STR("-"));
    }
    int len = -1;
    if (json_is_integer(value))
        len = snprintf(room, 64, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        len = snprintf(room, 64, "%.6f", json_real_value(value));
    if (len < 0 || len >= 64)
        return false;
    for (int i = 0; i < len; i++) /* whatever the locale writes */
        room[i] = room[i] == ',' ? '.' : room[i];
    *out = (struct str){room, (size_t)len};
    return true;
}

static enum tm_err take_members(const json_t *object, struct str line, const struct log_member *members,
                                size_t count, struct bytes *scratch, struct log_record *out,
                                struct log_fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        char room[64];
        struct str text;
        const char *expected = "something else";
        const json_t *value = json_object_get(object, members[i].key.ptr);
        if (!value || json_is_null(value))
            continue;
        if (json_is_object(value) || json_is_array(value) || json_is_boolean(value))
            return log_fail(fault, line, place_of(line, members[i].key), "%s must be a string or a number",
                            members[i].key.ptr);
        if (text_of(value, room, &text) && members[i].take(text, scratch, out, &expected))
            return log_fail(fault, line, place_of(line, members[i].key), "%s must be %s, not %.*s",
                            members[i].key.ptr, expected, text.len < 64 ? (int)text.len : 64, text.ptr);
    }
    return TM_OK;
}

/* A member that the table does not know, kept as it is; what is no text and no number counts as absent. */
static void take_wanted(const json_t *object, const char *wanted, struct bytes *scratch,
                        struct log_record *out)
{
    char room[64];
    struct str text;
    const json_t *value = wanted ? json_object_get(object, wanted) : NULL;
    if (value && text_of(value, room, &text))
        out->member = log_keep(scratch, text);
}

enum tm_err log_parse_json(struct str line, const struct log_member *members, size_t count,
                           const char *wanted, struct bytes *scratch, struct log_record *out,
                           struct log_fault *fault)
{
    json_error_t error;
    json_t *object = json_loadb(line.len ? line.ptr : "", line.len, JSON_ALLOW_NUL, &error);
    if (!object && json_error_code(&error) == json_error_out_of_memory)
        return TM_NOMEM;
    if (!object) {
        size_t place =
            error.position > 0 && (size_t)error.position <= line.len ? (size_t)error.position - 1 : 0;
        return log_fail(fault, line, line.ptr + place,
                        "no JSON object: %s (nginx: is log_format set with escape=json?)", error.text);
    }
    enum tm_err err = TM_OK;
    if (!json_is_object(object))
        err = log_fail(fault, line, line.ptr, "the line is JSON, but no object");
    else
        err = take_members(object, line, members, count, scratch, out, fault);
    if (!err)
        take_wanted(object, wanted, scratch, out);
    json_decref(object);
    if (err)
        return err;
    if (out->status == 0)
        return log_fail(fault, line, line.ptr, "the object has no status");
    if (out->time < 0)
        return log_fail(fault, line, line.ptr, "the object has no time");
    return TM_OK;
}
