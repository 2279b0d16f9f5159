#include "server/http/http_deflate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

/* Numbers in JSON shrink to a fifth at the lowest level already. */
enum { LEVEL = 1, GZIP_WINDOW_BITS = 15 + 16, MEMORY_LEVEL = 8, STEP_BYTES = 64 << 10 };

struct http_deflate {
    z_stream z;
};

struct http_deflate *http_deflate_new(void)
{
    struct http_deflate *deflate = calloc(1, sizeof *deflate);
    if (deflate && deflateInit2(&deflate->z, LEVEL, Z_DEFLATED, GZIP_WINDOW_BITS, MEMORY_LEVEL,
                                Z_DEFAULT_STRATEGY) != Z_OK) {
        free(deflate);
        return NULL;
    }
    return deflate;
}

void http_deflate_free(struct http_deflate *deflate)
{
    if (deflate)
        (void)deflateEnd(&deflate->z);
    free(deflate);
}

enum tm_err http_deflate_piece(struct http_deflate *stream, struct bytes *piece, bool is_last)
{
    struct bytes packed = {0};
    z_stream *z = &stream->z;
    assert(piece->len <= UINT32_MAX);
    z->next_in = piece->data;
    z->avail_in = (uInt)piece->len;
    do {
        uint8_t *to = bytes_reserve(&packed, STEP_BYTES);
        if (!to)
            break;
        z->next_out = to;
        z->avail_out = STEP_BYTES;
        (void)deflate(z, is_last ? Z_FINISH : Z_SYNC_FLUSH);
        packed.len += STEP_BYTES - z->avail_out;
    } while (z->avail_out == 0);
    enum tm_err err = bytes_error(&packed);
    bytes_fini(piece);
    *piece = packed;
    return err;
}

/* ---- what the client takes ---- */

/* The weight of "gzip;q=0.5"; 1 if none is given. Only whether it is 0 matters. */
static bool is_refused(const char *parameters, const char *end)
{
    for (const char *at = parameters; at < end; at++) {
        if (strncasecmp(at, "q=", 2) == 0)
            return strtod(at + 2, NULL) <= 0;
    }
    return false;
}

bool http_allows_gzip(const char *accept_encoding)
{
    bool any = false;
    for (const char *at = accept_encoding; at && *at;) {
        at += strspn(at, " \t,");
        const char *end = at + strcspn(at, ",");
        size_t name = strcspn(at, " \t,;");
        bool is_gzip = name == 4 && strncasecmp(at, "gzip", name) == 0;
        if (is_gzip)
            return !is_refused(at + name, end);
        any = any || (name == 1 && *at == '*' && !is_refused(at + name, end));
        at = end;
    }
    return any;
}
