/* gzip bodies. The input is taken as a body that somebody sends, and as text that we compress ourselves.
 * Properties: what is taken is one whole gzip stream, which zlib given a byte at a time unpacks to the same,
 * and whose own length and checksum fit; nothing grows past the bound by more than a step; what we compress
 * comes back whole, and no more if a byte is missing, one follows, or the bound is a byte lower. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "server/http/http_inflate.h"

enum { MAX_BYTES = 1 << 20 };

static void require(bool holds)
{
    if (!holds)
        abort();
}

static uint32_t little_endian(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Byte by byte; compares with what is expected. True if the stream ends with the last byte. */
static bool unpacks_to(const uint8_t *data, size_t size, struct str expected)
{
    z_stream z = {0};
    uint8_t out[512];
    size_t used = 0, made = 0;
    int step = Z_OK;
    require(inflateInit2(&z, 16 + MAX_WBITS) == Z_OK);
    while (step == Z_OK && used < size) {
        uint8_t one = data[used++];
        z.next_in = &one;
        z.avail_in = 1;
        do {
            z.next_out = out;
            z.avail_out = sizeof out;
            step = inflate(&z, Z_NO_FLUSH);
            size_t more = sizeof out - z.avail_out;
            require(made + more <= expected.len && memcmp(expected.ptr + made, out, more) == 0);
            made += more;
        } while (step == Z_OK && z.avail_out == 0);
        if (step == Z_BUF_ERROR)
            step = Z_OK; /* it wants more */
    }
    (void)inflateEnd(&z);
    return step == Z_STREAM_END && used == size && made == expected.len;
}

static void take(const uint8_t *data, size_t size)
{
    struct bytes out = {0};
    struct tm_why why = {""};
    /* at the end of what was allocated: a byte too far is seen */
    char *exact = malloc(size ? size : 1);
    require(exact);
    memcpy(exact, data, size);
    enum tm_err err = http_inflate((struct str){exact, size}, MAX_BYTES, &out, &why);
    require(err == TM_OK || err == TM_INVALID || err == TM_TOO_LARGE);
    require(out.len <= MAX_BYTES + HTTP_INFLATE_STEP_BYTES);
    if (err) {
        require(why.text[0] != '\0');
    } else {
        require(out.len <= MAX_BYTES && size >= 18);
        require(little_endian(data + size - 4) == (uint32_t)out.len);
        require(little_endian(data + size - 8) == crc32(0, out.data, (unsigned)out.len));
        require(unpacks_to(data, size, bytes_view(&out)));
    }
    bytes_fini(&out);
    free(exact);
}

static enum tm_err inflate_up_to(const uint8_t *packed, size_t size, size_t max, struct bytes *out)
{
    struct tm_why why;
    bytes_clear(out);
    return http_inflate((struct str){(const char *)packed, size}, max, out, &why);
}

static void return_trip(const uint8_t *data, size_t size)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (unsigned)size};
    struct bytes back = {0};
    require(deflateInit2(&z, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    size_t room = deflateBound(&z, size) + 1;
    uint8_t *packed = calloc(room, 1);
    require(packed);
    z.next_out = packed;
    z.avail_out = (unsigned)room;
    require(deflate(&z, Z_FINISH) == Z_STREAM_END);
    size_t len = z.total_out;
    (void)deflateEnd(&z);
    require(inflate_up_to(packed, len, size, &back) == TM_OK);
    require(back.len == size && (size == 0 || memcmp(back.data, data, size) == 0));
    require(inflate_up_to(packed, len - 1, size, &back) == TM_INVALID);
    require(inflate_up_to(packed, len + 1, size, &back) == TM_INVALID);
    if (size)
        require(inflate_up_to(packed, len, size - 1, &back) == TM_TOO_LARGE);
    bytes_fini(&back);
    free(packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    take(data, size);
    return_trip(data, size);
    return 0;
}
