#include "server/cli/formats/formats.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "server/cli/formats/formats_private.h"

static const struct str names[LOG_FORMAT_COUNT] = {
    [LOG_CLF] = {"clf", 3},
    [LOG_COMBINED] = {"combined", 8},
    [LOG_NGINX_JSON] = {"nginx-json", 10},
    [LOG_DATASTREAM2] = {"datastream2", 11},
};

struct str log_format_name(enum log_format format)
{
    return names[format];
}

enum tm_err log_format_parse(struct str name, enum log_format *out)
{
    for (size_t i = 0; i < LOG_FORMAT_COUNT; i++) {
        if (!str_equal(name, names[i]))
            continue;
        *out = (enum log_format)i;
        return TM_OK;
    }
    return TM_NOT_FOUND;
}

enum tm_err log_fail(struct log_fault *fault, struct str line, const char *at, const char *format, ...)
{
    va_list args;
    fault->column = (size_t)(at - line.ptr) + 1;
    va_start(args, format);
    (void)vsnprintf(fault->why.text, sizeof fault->why.text, format, args);
    va_end(args);
    return TM_INVALID;
}

struct str log_keep(struct bytes *scratch, struct str text)
{
    assert(scratch->capacity - scratch->len >= text.len);
    struct str copy = {(const char *)scratch->data + scratch->len, text.len};
    bytes_put(scratch, text.ptr, text.len);
    return copy;
}

void log_request_split(struct str request, struct log_record *out)
{
    if (request.len == 0 || str_equal(request, STR("-")))
        return;
    out->url = request;
    size_t method = 0;
    while (method < request.len && request.ptr[method] >= 'A' && request.ptr[method] <= 'Z')
        method++;
    if (method == 0 || method > 32 || method == request.len || request.ptr[method] != ' ')
        return;
    out->method = (struct str){request.ptr, method};
    out->url = (struct str){request.ptr + method + 1, request.len - method - 1};
    const char *space = out->url.len ? memrchr(out->url.ptr, ' ', out->url.len) : NULL;
    size_t url = space ? (size_t)(space - out->url.ptr) : out->url.len;
    if (space && out->url.len - url > 6 && memcmp(space, " HTTP/", 6) == 0)
        out->url.len = url;
}

enum tm_err log_status(struct str text, int *out)
{
    int64_t status;
    if (text.len != 3 || log_integer(text, &status) || status < 100 || status > 599)
        return TM_INVALID;
    *out = (int)status;
    return TM_OK;
}

enum tm_err log_line_parse(enum log_format format, struct str line, const char *member, struct bytes *scratch,
                           struct log_record *out, struct log_fault *fault)
{
    enum { ROOM_MORE = 2048 };
    *out = (struct log_record){.bytes = -1, .duration_ms = -1, .origin_ms = -1, .edge_ms = -1};
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    if (line.len > LOG_LINE_MAX) {
        (void)log_fail(fault, line, line.ptr + LOG_LINE_MAX,
                       "the line has %zu bytes, at most %d are read; is it one?", line.len, LOG_LINE_MAX);
        return TM_TOO_LARGE;
    }
    bytes_clear(scratch);
    /* Each text is copied once at most, the wanted member's twice, and never grows; a number becomes at most
     * 64 bytes of text. */
    if (!bytes_reserve(scratch, 3 * line.len + ROOM_MORE))
        return TM_NOMEM;
    switch (format) {
    case LOG_CLF:
    case LOG_COMBINED:
        return log_parse_clf(line, format == LOG_COMBINED, scratch, out, fault);
    case LOG_NGINX_JSON:
        return log_parse_nginx_json(line, member, scratch, out, fault);
    case LOG_DATASTREAM2:
        return log_parse_datastream2(line, member, scratch, out, fault);
    case LOG_FORMAT_COUNT:
        break;
    }
    return log_fail(fault, line, line.ptr, "no such format");
}
