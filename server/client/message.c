#include "server/client/message.h"

enum tm_err message_pack(struct message *message, struct str lines, bool compress, struct bytes *scratch)
{
    message->body = lines;
    message->encoding = ENCODING_NONE;
    if (!compress)
        return TM_OK;
    bytes_clear(scratch);
    enum tm_err err = header_compress(lines, scratch);
    if (err)
        return err;
    if (scratch->len >= lines.len)
        return TM_OK;
    message->body = bytes_view(scratch);
    message->encoding = ENCODING_ZSTD;
    return TM_OK;
}

static void sign_header(const char *secret, struct str body, struct bytes *out)
{
    char hex[SIGNATURE_HEX + 1];
    struct str signed_part = {(const char *)out->data, out->len - 1};
    header_sign(str_of(secret), signed_part, body, hex);
    out->len--;
    bytes_printf(out, " sig=%s\n", hex);
}

enum tm_err message_write(const struct message *message, const char *key_name, const char *key_secret,
                          struct bytes *out)
{
    struct header header = {
        .present = true,
        .has_producer = true,
        .producer = message->producer,
        .epoch = message->epoch,
        .seq = message->seq,
        .has_precision = message->precision != PRECISION_NS,
        .precision = message->precision,
        .encoding = message->encoding,
        .key = str_of(key_name),
    };
    bytes_clear(out);
    /* One allocation for all of it, before anything is written. */
    if (!bytes_reserve(out, MESSAGE_HEADER_MAX_BYTES + message->body.len))
        return TM_NOMEM;
    header_write(&header, out);
    if (bytes_error(out))
        return TM_NOMEM;
    if (key_name)
        sign_header(key_secret, message->body, out);
    bytes_put(out, message->body.ptr, message->body.len);
    return bytes_error(out);
}

static bool name_byte_valid(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("._:@/-", c));
}

bool message_name_valid(struct str name)
{
    if (!name.len || name.len > HEADER_PRODUCER_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!name_byte_valid(name.ptr[i]))
            return false;
    return true;
}
