#include "server/cli/gunzip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { IN_BYTES = 128 << 10, MAGIC_BYTES = 2, GZIP_WINDOW = 15 + 16 };

struct gunzip {
    z_stream stream; /* next_in, avail_in: what is read and not handed out, packed or not */
    int fd;
    bool is_known;  /* whether it is gzip */
    bool is_gzip;   /* stream is set up */
    bool is_inside; /* a member has begun and not ended */
    bool is_end;    /* of the descriptor */
    int64_t read_bytes;
    uint8_t in[IN_BYTES];
};

struct gunzip *gunzip_open(int fd)
{
    struct gunzip *reader = calloc(1, sizeof *reader);
    if (reader)
        reader->fd = fd;
    return reader;
}

void gunzip_close(struct gunzip *reader)
{
    if (!reader)
        return;
    if (reader->is_gzip)
        (void)inflateEnd(&reader->stream);
    free(reader);
}

int64_t gunzip_read_bytes(const struct gunzip *reader)
{
    return reader->read_bytes;
}

static enum tm_err read_fd(struct gunzip *reader, uint8_t *to, size_t room, size_t *len, struct tm_why *why)
{
    ssize_t got;
    do
        got = read(reader->fd, to, room);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return tm_fail(why, TM_IO, "%s", strerror(errno));
    *len = (size_t)got;
    reader->is_end = got == 0;
    reader->read_bytes += got;
    return TM_OK;
}

/* Puts what comes behind what is in `in` from its start on. */
static enum tm_err fill(struct gunzip *reader, struct tm_why *why)
{
    size_t held = reader->stream.avail_in;
    size_t len = 0;
    if (held > 0 && reader->stream.next_in != reader->in)
        memmove(reader->in, reader->stream.next_in, held);
    reader->stream.next_in = reader->in;
    enum tm_err err = read_fd(reader, reader->in + held, IN_BYTES - held, &len, why);
    reader->stream.avail_in = (uInt)(held + len);
    return err;
}

static enum tm_err look_at_magic(struct gunzip *reader, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    while (!err && !reader->is_end && reader->stream.avail_in < MAGIC_BYTES)
        err = fill(reader, why);
    if (err)
        return err;
    reader->is_known = true;
    if (reader->stream.avail_in < MAGIC_BYTES || reader->in[0] != 0x1f || reader->in[1] != 0x8b)
        return TM_OK;
    if (inflateInit2(&reader->stream, GZIP_WINDOW) != Z_OK)
        return tm_fail(why, TM_NOMEM, "out of memory");
    reader->is_gzip = true;
    reader->is_inside = true;
    return TM_OK;
}

static enum tm_err read_plain(struct gunzip *reader, uint8_t *to, size_t room, size_t *len,
                              struct tm_why *why)
{
    size_t held = reader->stream.avail_in;
    if (held == 0)
        return read_fd(reader, to, room, len, why);
    *len = held < room ? held : room;
    memcpy(to, reader->stream.next_in, *len);
    reader->stream.next_in += *len;
    reader->stream.avail_in -= (uInt)*len;
    return TM_OK;
}

/* Between two members: another one, or the end; zeros that fill up a tape's block are passed over. */
static enum tm_err begin_member(struct gunzip *reader, struct tm_why *why)
{
    z_stream *stream = &reader->stream;
    while (stream->avail_in > 0 && *stream->next_in == 0) {
        stream->next_in++;
        stream->avail_in--;
    }
    if (stream->avail_in == 0)
        return TM_OK;
    if (inflateReset(stream) != Z_OK)
        return tm_fail(why, TM_CORRUPT, "the gzip data cannot be read on");
    reader->is_inside = true;
    return TM_OK;
}

static enum tm_err inflate_some(struct gunzip *reader, struct tm_why *why)
{
    switch (inflate(&reader->stream, Z_NO_FLUSH)) {
    case Z_OK:
    case Z_BUF_ERROR: /* no more input for now */
        return TM_OK;
    case Z_STREAM_END:
        reader->is_inside = false;
        return TM_OK;
    case Z_MEM_ERROR:
        return tm_fail(why, TM_NOMEM, "out of memory");
    default:
        return tm_fail(why, TM_CORRUPT, "the gzip data is damaged near byte %lld: %s",
                       (long long)(reader->read_bytes - reader->stream.avail_in),
                       reader->stream.msg ? reader->stream.msg : "no gzip");
    }
}

enum tm_err gunzip_read(struct gunzip *reader, uint8_t *to, size_t room, size_t *len, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    *len = 0;
    if (!reader->is_known)
        err = look_at_magic(reader, why);
    if (err || !reader->is_gzip)
        return err ? err : read_plain(reader, to, room, len, why);
    reader->stream.next_out = to;
    reader->stream.avail_out = (uInt)room;
    while (!err && reader->stream.avail_out == room) {
        if (reader->stream.avail_in == 0 && !reader->is_end)
            err = fill(reader, why);
        if (!err && reader->stream.avail_in == 0 && reader->is_end)
            break;
        if (!err)
            err = reader->is_inside ? inflate_some(reader, why) : begin_member(reader, why);
    }
    *len = room - reader->stream.avail_out;
    if (!err && *len == 0 && reader->is_inside)
        return tm_fail(why, TM_CORRUPT, "the gzip data ends early; is the file still being written?");
    return err;
}
