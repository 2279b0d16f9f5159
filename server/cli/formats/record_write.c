/* A request as a line of the daemon's protocol. */
#include "server/cli/formats/formats.h"

#include <inttypes.h>
#include <math.h>

#include "server/wire/utf8.h"

/* Appends what of text is valid, about max bytes of it (escapes don't count), byte by byte through put;
 * broken bytes as U+FFFD. */
static void put_clean(struct bytes *out, struct str text, size_t max,
                      void (*put)(struct bytes *out, struct str one))
{
    size_t written = 0;
    for (size_t at = 0; at < text.len && written < max;) {
        struct str rest = {text.ptr + at, text.len - at};
        size_t len = utf8_sequence_len(rest);
        struct str one = len ? (struct str){rest.ptr, len} : STR("\xef\xbf\xbd");
        put(out, one);
        written += one.len;
        at += len ? len : 1;
    }
}

static void put_tag_byte(struct bytes *out, struct str one)
{
    unsigned char c = (unsigned char)one.ptr[0];
    if (c < 0x20 || c == 0x7f) {
        bytes_u8(out, '_');
        return;
    }
    if (c == '\\') { /* at a tag's end it can't be written */
        bytes_u8(out, '/');
        return;
    }
    if (c == ',' || c == '=' || c == ' ')
        bytes_u8(out, '\\');
    bytes_put(out, one.ptr, one.len);
}

static void put_string_byte(struct bytes *out, struct str one)
{
    if (one.ptr[0] == '\0') {
        bytes_put(out, "\xef\xbf\xbd", 3);
        return;
    }
    if (one.ptr[0] == '"' || one.ptr[0] == '\\')
        bytes_u8(out, '\\');
    bytes_put(out, one.ptr, one.len);
}

void log_tag_write(const char *name, struct str value, struct bytes *out)
{
    if (value.len == 0)
        return;
    bytes_printf(out, ",%s=", name);
    put_clean(out, value, LOG_TAG_MAX, put_tag_byte);
}

static void put_string(struct bytes *out, const char *name, struct str value)
{
    bytes_printf(out, "%s=\"", name);
    put_clean(out, value, LOG_URL_MAX, put_string_byte);
    bytes_u8(out, '"');
}

/* To a microsecond, whatever the locale. */
static void put_ms(struct bytes *out, const char *name, double ms)
{
    const double ms_max = 1e12;
    if (!(ms >= 0) || ms > ms_max)
        return;
    int64_t us = llround(ms * 1000);
    bytes_printf(out, ",%s=%" PRId64, name, us / 1000);
    if (us % 1000)
        bytes_printf(out, ".%03d", (int)(us % 1000));
}

void log_record_write(const struct log_record *record, const struct log_source *source, struct bytes *out)
{
    bytes_printf(out, "http");
    log_tag_write("service", source->service, out);
    log_tag_write("env", source->env, out);
    if (source->host_tag)
        log_tag_write("host", record->host, out);
    log_tag_write("method", record->method, out);
    bytes_printf(out, ",status=%d", record->status);
    log_tag_write("cache", record->cache, out);
    bytes_put(out, source->tags.ptr, source->tags.len);
    bytes_u8(out, ' ');
    put_string(out, "url", record->url);
    if (record->bytes >= 0)
        bytes_printf(out, ",bytes=%" PRId64 "i", record->bytes);
    put_ms(out, "duration_ms", record->duration_ms);
    put_ms(out, "origin_ms", record->origin_ms);
    put_ms(out, "edge_ms", record->edge_ms);
    if (record->user_agent.len > 0) {
        bytes_u8(out, ',');
        put_string(out, "user_agent", record->user_agent);
    }
    bytes_printf(out, " %" PRId64 "000000\n", record->time);
}
