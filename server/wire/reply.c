/* Replies: building and encoding. The decoder is in reply_decode.c. */
#include "server/wire/reply.h"

#include <inttypes.h>

#include "server/wire/utf8.h"

static const char *const words[REFUSAL_COUNT] = {
    [REFUSAL_BAD_SIGNATURE] = "bad_signature",
    [REFUSAL_UNKNOWN_KEY] = "unknown_key",
    [REFUSAL_FORBIDDEN] = "forbidden",
    [REFUSAL_BAD_HEADER] = "bad_header",
    [REFUSAL_BAD_ENCODING] = "bad_encoding",
    [REFUSAL_TOO_LARGE] = "too_large",
    [REFUSAL_STALE_EPOCH] = "stale_epoch",
    [REFUSAL_SEQ_CONFLICT] = "seq_conflict",
    [REFUSAL_BUSY] = "busy",
    [REFUSAL_READ_ONLY] = "read_only",
};

const char *refusal_word(enum refusal refusal)
{
    return (unsigned)refusal < REFUSAL_COUNT ? words[refusal] : NULL;
}

void reply_init(struct reply *reply)
{
    reply->refusal = REFUSAL_NONE;
    reply->message.text[0] = '\0';
    reply->retry_after_ms = -1;
    reply->accepted = 0;
    reply->rejected = 0;
    reply->duplicate = false;
    reply->has_seq = false;
    reply->seq = 0;
    reply->error_count = 0;
}

void reply_reject(struct reply *reply, uint32_t line, const struct tm_why *why)
{
    reply->rejected++;
    if (reply->error_count == REPLY_ERRORS_MAX)
        return;
    struct reply_error *error = &reply->errors[reply->error_count++];
    error->line = line;
    error->why = *why;
}

/* ---- JSON ---- */

static bool is_plain(unsigned char byte)
{
    return byte >= ' ' && byte < 0x80 && byte != '"' && byte != '\\';
}

static void put_escape(struct bytes *out, unsigned char byte)
{
    switch (byte) {
    case '"':
        bytes_put(out, "\\\"", 2);
        break;
    case '\\':
        bytes_put(out, "\\\\", 2);
        break;
    case '\n':
        bytes_put(out, "\\n", 2);
        break;
    case '\r':
        bytes_put(out, "\\r", 2);
        break;
    case '\t':
        bytes_put(out, "\\t", 2);
        break;
    default:
        bytes_printf(out, "\\u%04x", byte);
        break;
    }
}

void bytes_json_string(struct bytes *out, struct str text)
{
    static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
    bytes_u8(out, '"');
    for (size_t at = 0; at < text.len;) {
        size_t from = at;
        while (at < text.len && is_plain((unsigned char)text.ptr[at]))
            at++;
        if (at > from) {
            bytes_put(out, text.ptr + from, at - from);
            continue;
        }
        unsigned char byte = (unsigned char)text.ptr[at];
        size_t len = byte < 0x80 ? 1 : utf8_sequence_len((struct str){text.ptr + at, text.len - at});
        if (byte < 0x80)
            put_escape(out, byte);
        else if (len > 0)
            bytes_put(out, text.ptr + at, len);
        else
            bytes_put(out, replacement, sizeof replacement - 1);
        at += len ? len : 1;
    }
    bytes_u8(out, '"');
}

static void put_literal(struct bytes *out, const char *text)
{
    bytes_put(out, text, strlen(text));
}

static void put_unsigned(struct bytes *out, uint64_t value)
{
    bytes_printf(out, "%" PRIu64, value);
}

static void encode_refused(const struct reply *reply, struct bytes *out)
{
    put_literal(out, "{\"ok\":false,\"error\":");
    bytes_json_string(out, str_of(refusal_word(reply->refusal)));
    put_literal(out, ",\"message\":");
    bytes_json_string(out, str_of(reply->message.text));
    if (reply->retry_after_ms >= 0) {
        put_literal(out, ",\"retry_after_ms\":");
        put_unsigned(out, (uint64_t)reply->retry_after_ms);
    }
    put_literal(out, "}\n");
}

static void encode_errors(const struct reply *reply, struct bytes *out)
{
    put_literal(out, ",\"errors\":[");
    for (size_t i = 0; i < reply->error_count; i++) {
        put_literal(out, i == 0 ? "{\"line\":" : ",{\"line\":");
        put_unsigned(out, reply->errors[i].line);
        put_literal(out, ",\"reason\":");
        bytes_json_string(out, str_of(reply->errors[i].why.text));
        put_literal(out, "}");
    }
    put_literal(out, "]}\n");
}

void reply_encode(const struct reply *reply, struct bytes *out)
{
    if (reply->refusal != REFUSAL_NONE) {
        encode_refused(reply, out);
        return;
    }
    put_literal(out, "{\"ok\":true,\"accepted\":");
    put_unsigned(out, reply->accepted);
    put_literal(out, ",\"rejected\":");
    put_unsigned(out, reply->rejected);
    put_literal(out, reply->duplicate ? ",\"duplicate\":true,\"seq\":" : ",\"duplicate\":false,\"seq\":");
    if (reply->has_seq)
        put_unsigned(out, reply->seq);
    else
        put_literal(out, "null");
    encode_errors(reply, out);
}
