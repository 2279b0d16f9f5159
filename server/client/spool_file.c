/* One spooled batch as bytes: magic, epoch, seq, precision, encoding, producer, body, XXH3 of all before. */
#include "server/client/spool.h"

#include <xxhash.h>

static const char magic[8] = {'t', 'm', 's', 'p', 'o', 'o', 'l', '1'};

void spool_encode(const struct message *message, struct bytes *out)
{
    size_t start = out->len;
    bytes_put(out, magic, sizeof magic);
    bytes_u64(out, message->epoch);
    bytes_u64(out, message->seq);
    bytes_u8(out, (uint8_t)message->precision);
    bytes_u8(out, (uint8_t)message->encoding);
    bytes_u8(out, (uint8_t)message->producer.len);
    bytes_put(out, message->producer.ptr, message->producer.len);
    bytes_u32(out, (uint32_t)message->body.len);
    bytes_put(out, message->body.ptr, message->body.len);
    if (bytes_error(out))
        return;
    bytes_u64(out, XXH3_64bits(out->data + start, out->len - start));
}

enum tm_err spool_decode(struct str file, struct message *out)
{
    enum { SUM_BYTES = 8 };
    if (file.len < sizeof magic + SUM_BYTES || memcmp(file.ptr, magic, sizeof magic) != 0)
        return TM_CORRUPT;
    size_t content_len = file.len - SUM_BYTES;
    struct cursor sum = cursor_of(file.ptr + content_len, SUM_BYTES);
    if (cursor_u64(&sum) != XXH3_64bits(file.ptr, content_len))
        return TM_CORRUPT;
    struct cursor at = cursor_of(file.ptr + sizeof magic, content_len - sizeof magic);
    *out = (struct message){0};
    out->epoch = cursor_u64(&at);
    out->seq = cursor_u64(&at);
    uint8_t precision = cursor_u8(&at);
    uint8_t encoding = cursor_u8(&at);
    out->producer = cursor_take(&at, cursor_u8(&at));
    out->body = cursor_take(&at, cursor_u32(&at));
    if (at.bad || cursor_left(&at) || precision > PRECISION_S || encoding > ENCODING_ZSTD ||
        !message_name_valid(out->producer))
        return TM_CORRUPT;
    out->precision = (enum precision)precision;
    out->encoding = (enum encoding)encoding;
    return TM_OK;
}
