#include "server/http/http_inflate.h"

#define ZLIB_CONST /* its input is not written to */
#include <zlib.h>

enum tm_err http_inflate(struct str packed, size_t max_bytes, struct bytes *out, struct tm_why *why)
{
    z_stream z = {.next_in = (const Bytef *)packed.ptr, .avail_in = (unsigned)packed.len};
    enum tm_err err = TM_OK;
    int step = Z_OK;
    int opened = inflateInit2(&z, 16 + MAX_WBITS);
    if (opened != Z_OK)
        return TM_NOMEM;
    while (!err && step != Z_STREAM_END) {
        z.next_out = bytes_reserve(out, HTTP_INFLATE_STEP_BYTES);
        z.avail_out = HTTP_INFLATE_STEP_BYTES;
        if (!z.next_out) {
            err = TM_NOMEM;
            break;
        }
        step = inflate(&z, Z_NO_FLUSH);
        out->len += HTTP_INFLATE_STEP_BYTES - z.avail_out;
        if (step == Z_MEM_ERROR)
            err = TM_NOMEM;
        else if (step != Z_OK && step != Z_STREAM_END)
            err = tm_fail(why, TM_INVALID, "the body is not one whole gzip stream");
        else if (out->len > max_bytes)
            err = tm_fail(why, TM_TOO_LARGE, "the body is over limits.max_decompressed once decompressed");
    }
    if (!err && z.avail_in)
        err = tm_fail(why, TM_INVALID, "bytes follow the gzip stream");
    (void)inflateEnd(&z);
    return err;
}
