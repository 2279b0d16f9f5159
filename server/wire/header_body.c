/* The encoding of what is behind the header line: zstd, one frame. */
#include "server/wire/header.h"

#include <zstd.h>
#include <zstd_errors.h>

enum {
    COMPRESS_LEVEL = 1,
    FIRST_STEP_BYTES = 64 * 1024,
    WINDOW_LOG_MIN = 23, /* what levels up to 19 use at most */
    WINDOW_LOG_MAX = 27
};

static const unsigned char frame_magic[4] = {0x28, 0xb5, 0x2f, 0xfd};

/* A frame may ask for a window, that is memory, of its own choice: allow what its output may be, and what
 * ordinary senders use. */
static int window_log_for(size_t max_bytes)
{
    int log = WINDOW_LOG_MIN;
    while (log < WINDOW_LOG_MAX && ((size_t)1 << log) < max_bytes)
        log++;
    return log;
}

static enum tm_err fail_frame(size_t code, struct tm_why *why)
{
    switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_memory_allocation:
        return tm_fail(why, TM_NOMEM, "out of memory");
    case ZSTD_error_frameParameter_windowTooLarge:
        return tm_fail(why, TM_TOO_LARGE,
                       "the zstd frame asks for too large a window; compress without "
                       "--long and --ultra");
    default:
        return tm_fail(why, TM_INVALID, "the zstd frame is damaged: %s", ZSTD_getErrorName(code));
    }
}

/* How much room to make before the first step: what the frame claims, as far as that is allowed. zstd then
 * decodes at one go, without a window of its own. */
static size_t first_room(struct str frame, size_t max_bytes)
{
    unsigned long long claimed = ZSTD_getFrameContentSize(frame.ptr, frame.len);
    if (claimed == ZSTD_CONTENTSIZE_UNKNOWN || claimed == ZSTD_CONTENTSIZE_ERROR)
        return FIRST_STEP_BYTES;
    return claimed < max_bytes ? (size_t)claimed : max_bytes;
}

static enum tm_err fail_too_large(size_t max_bytes, struct tm_why *why)
{
    return tm_fail(why, TM_TOO_LARGE, "the message decodes to more than %zu bytes; send smaller batches",
                   max_bytes);
}

/* Decodes until the frame ends, never past max_bytes + 1. */
static enum tm_err decode_frame(ZSTD_DCtx *context, struct str frame, size_t max_bytes, struct bytes *out,
                                struct tm_why *why)
{
    ZSTD_inBuffer in = {frame.ptr, frame.len, 0};
    size_t room = first_room(frame, max_bytes) + 1;
    for (;;) {
        if (room > max_bytes + 1 - out->len)
            room = max_bytes + 1 - out->len;
        uint8_t *to = bytes_reserve(out, room);
        if (!to)
            return tm_fail(why, TM_NOMEM, "out of memory");
        ZSTD_outBuffer step = {to, room, 0};
        size_t left = ZSTD_decompressStream(context, &step, &in);
        out->len += step.pos;
        if (ZSTD_isError(left))
            return fail_frame(left, why);
        if (out->len > max_bytes)
            return fail_too_large(max_bytes, why);
        if (left == 0)
            break;
        if (in.pos == in.size && step.pos < room)
            return tm_fail(why, TM_INVALID, "the zstd frame is cut off");
        room = out->len > FIRST_STEP_BYTES ? out->len : FIRST_STEP_BYTES;
    }
    if (in.pos != in.size)
        return tm_fail(why, TM_INVALID, "%zu bytes follow the zstd frame; a message has exactly one frame",
                       in.size - in.pos);
    return TM_OK;
}

static enum tm_err decode_zstd(struct str frame, size_t max_bytes, struct bytes *out, struct tm_why *why)
{
    if (frame.len < sizeof frame_magic || memcmp(frame.ptr, frame_magic, sizeof frame_magic) != 0)
        return tm_fail(why, TM_INVALID, "encoding=zstd, but what follows the header is no zstd frame");
    ZSTD_DCtx *context = ZSTD_createDCtx();
    if (!context)
        return tm_fail(why, TM_NOMEM, "out of memory");
    enum tm_err err = TM_OK;
    size_t set = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, window_log_for(max_bytes));
    if (ZSTD_isError(set))
        err = fail_frame(set, why);
    else
        err = decode_frame(context, frame, max_bytes, out, why);
    (void)ZSTD_freeDCtx(context);
    return err;
}

enum tm_err header_decode_body(const struct header *header, size_t max_bytes, struct bytes *out,
                               struct str *lines, struct tm_why *why)
{
    bytes_clear(out);
    *lines = header->rest;
    if (header->encoding == ENCODING_NONE)
        return TM_OK;
    *lines = (struct str){NULL, 0};
    enum tm_err err = decode_zstd(header->rest, max_bytes, out, why);
    if (err == TM_OK)
        *lines = bytes_view(out);
    return err;
}

enum tm_err header_compress(struct str raw, struct bytes *out)
{
    size_t room = ZSTD_compressBound(raw.len);
    if (ZSTD_isError(room) || room == 0)
        return TM_TOO_LARGE;
    uint8_t *to = bytes_reserve(out, room);
    if (!to)
        return TM_NOMEM;
    size_t len = ZSTD_compress(to, room, raw.ptr, raw.len, COMPRESS_LEVEL);
    if (ZSTD_isError(len)) /* the bound leaves room, so only memory can be short */
        return TM_NOMEM;
    out->len += len;
    return TM_OK;
}
