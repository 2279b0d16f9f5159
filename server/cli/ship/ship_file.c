#include "server/cli/ship/ship_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#include "server/cli/gunzip.h"
#include "storage/model/clock.h"

enum {
    READ_BYTES = 256 << 10,
    COMPARED_BYTES = 16 << 20 /* of a copy: what is longer and begins alike is one */
};

void ship_file_close(struct ship_file *file)
{
    if (file->fd < 0)
        return;
    file->place = ship_file_place(file);
    close(file->fd);
    file->fd = -1;
    gunzip_close(file->packed);
    file->packed = NULL;
    bytes_fini(&file->text);
    file->at = 0;
}

/* How the file begins, as far as that is taken and still in the buffer. */
static void note_head(const struct ship_file *file, struct ship_place *place)
{
    if (file->place.head_len == SHIP_TAIL_BYTES || file->offset != file->at) {
        place->head_len = file->place.head_len;
        place->head_hash = file->place.head_hash;
        return;
    }
    place->head_len = file->at < SHIP_TAIL_BYTES ? (uint32_t)file->at : SHIP_TAIL_BYTES;
    place->head_hash = XXH3_64bits(file->text.data, place->head_len);
}

struct ship_place ship_file_place(const struct ship_file *file)
{
    struct ship_place place = file->place;
    if (file->fd >= 0) {
        size_t tail = file->at < SHIP_TAIL_BYTES ? file->at : SHIP_TAIL_BYTES;
        const uint8_t *from = tail ? file->text.data + file->at - tail : NULL;
        place = (struct ship_place){.id = file->id,
                                    .offset = file->offset,
                                    .line = file->line,
                                    .is_read = file->is_read,
                                    .tail_len = (uint32_t)tail,
                                    .tail_hash = XXH3_64bits(from, tail)};
        note_head(file, &place);
    }
    place.is_done = file->is_done;
    return place;
}

bool ship_file_is_empty(const struct ship_file *file)
{
    return file->at == file->text.len;
}

/* ---- opening ---- */

static bool begins_like_gzip(int fd)
{
    uint8_t magic[2];
    return pread(fd, magic, sizeof magic, 0) == (ssize_t)sizeof magic && magic[0] == 0x1f && magic[1] == 0x8b;
}

/* Up to room bytes, plain or unpacked; *len 0 at the end. */
static enum tm_err read_some(struct ship_file *file, uint8_t *to, size_t room, size_t *len,
                             struct tm_why *why)
{
    ssize_t got;
    if (file->packed)
        return gunzip_read(file->packed, to, room, len, why);
    do
        got = read(file->fd, to, room);
    while (got < 0 && errno == EINTR);
    *len = got > 0 ? (size_t)got : 0;
    return got < 0 ? tm_fail(why, TM_IO, "%s", strerror(errno)) : TM_OK;
}

/* Reads count bytes of a packed file to nowhere. TM_NOT_FOUND: it has fewer. */
static enum tm_err pass_over(struct ship_file *file, uint64_t count, struct tm_why *why)
{
    bytes_clear(&file->text);
    uint8_t *room = bytes_reserve(&file->text, READ_BYTES);
    if (!room)
        return tm_fail(why, TM_NOMEM, "out of memory");
    while (count) {
        size_t len;
        enum tm_err err = read_some(file, room, count < READ_BYTES ? (size_t)count : READ_BYTES, &len, why);
        if (err)
            return err;
        if (!len)
            return TM_NOT_FOUND;
        count -= len;
    }
    return TM_OK;
}

/* Reads the next len bytes as the whole text. TM_NOT_FOUND: they have another hash, or there are fewer. */
static enum tm_err expect(struct ship_file *file, uint32_t len, uint64_t hash, struct tm_why *why)
{
    bytes_clear(&file->text);
    if (!bytes_reserve(&file->text, SHIP_TAIL_BYTES))
        return tm_fail(why, TM_NOMEM, "out of memory");
    while (file->text.len < len) {
        size_t got;
        enum tm_err err = read_some(file, file->text.data + file->text.len, len - file->text.len, &got, why);
        if (err || !got)
            return err ? err : TM_NOT_FOUND;
        file->text.len += got;
    }
    return XXH3_64bits(file->text.data, len) == hash ? TM_OK : TM_NOT_FOUND;
}

/* Goes to the place and reads the text before it. TM_NOT_FOUND: it is another one. */
static enum tm_err go_to(struct ship_file *file, const struct ship_place *place, struct tm_why *why)
{
    uint64_t from = place->offset - place->tail_len;
    uint64_t passed = 0;
    enum tm_err err = TM_OK;
    /* A packed one is read once: what of the beginning is in the tail is looked at there. */
    if (place->head_len && (!file->packed || from >= place->head_len)) {
        err = expect(file, place->head_len, place->head_hash, why);
        passed = place->head_len;
    }
    if (!err && file->packed)
        err = pass_over(file, from - passed, why);
    else if (!err && lseek(file->fd, (off_t)from, SEEK_SET) < 0)
        err = tm_fail(why, TM_IO, "%s", strerror(errno));
    if (!err)
        err = expect(file, place->tail_len, place->tail_hash, why);
    if (err)
        return err;
    file->place = *place;
    file->at = file->text.len;
    file->offset = place->offset;
    file->line = place->line;
    file->is_read = place->is_read;
    return TM_OK;
}

enum tm_err ship_file_open(struct ship_file *file, const char *path, const struct ship_place *place,
                           struct tm_why *why)
{
    struct ship_stat info;
    struct tm_why inner = {"out of memory"};
    struct ship_file opened = {.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (opened.fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return TM_NOT_FOUND;
    if (opened.fd < 0 || ship_stat(opened.fd, NULL, &info) != TM_OK) {
        enum tm_err err = tm_fail(why, TM_IO, "cannot read %s: %s", path, strerror(errno));
        ship_file_close(&opened);
        return err;
    }
    opened.id = info.id;
    opened.grown_ns = clock_mono_ns(clock_system());
    enum tm_err err = info.is_regular ? TM_OK : tm_fail(&inner, TM_IO, "it is no regular file");
    if (!err && begins_like_gzip(opened.fd)) {
        opened.packed = gunzip_open(opened.fd);
        err = opened.packed ? TM_OK : TM_NOMEM;
    }
    if (!err && place && place->offset)
        err = go_to(&opened, place, &inner);
    if (err) {
        ship_file_close(&opened);
        return err == TM_NOT_FOUND ? err : tm_fail(why, err, "cannot read %s: %s", path, inner.text);
    }
    *file = opened;
    return TM_OK;
}

/* ---- reading ---- */

/* What is taken is kept as far as it tells one file from another. */
static void forget_taken(struct ship_file *file)
{
    size_t drop = file->at > SHIP_TAIL_BYTES ? file->at - SHIP_TAIL_BYTES : 0;
    if (!drop)
        return;
    note_head(file, &file->place);
    memmove(file->text.data, file->text.data + drop, file->text.len - drop);
    file->text.len -= drop;
    file->at -= drop;
}

bool ship_file_is_same(const struct ship_file *file)
{
    uint8_t there[SHIP_TAIL_BYTES];
    size_t len = file->text.len < SHIP_TAIL_BYTES ? file->text.len : SHIP_TAIL_BYTES;
    uint64_t end = file->offset + (file->text.len - file->at);
    if (!len)
        return true;
    return pread(file->fd, there, len, (off_t)(end - len)) == (ssize_t)len &&
           memcmp(there, file->text.data + file->text.len - len, len) == 0;
}

enum tm_err ship_file_fill(struct ship_file *file, enum ship_read *out, struct tm_why *why)
{
    size_t len = 0;
    forget_taken(file);
    uint8_t *to = bytes_reserve(&file->text, READ_BYTES);
    if (!to)
        return tm_fail(why, TM_NOMEM, "out of memory");
    enum tm_err err = read_some(file, to, READ_BYTES, &len, why);
    if (err)
        return err;
    *out = len ? SHIP_READ_SOME : SHIP_READ_END;
    /* Behind the read: a file that was cut and written again can't have given new text for old. */
    if (!file->packed && !ship_file_is_same(file)) {
        *out = SHIP_READ_CUT;
        return TM_OK;
    }
    file->text.len += len;
    if (len)
        file->grown_ns = clock_mono_ns(clock_system());
    return TM_OK;
}

enum tm_err ship_file_holds(const struct ship_file *file, struct ship_file *copy, bool *out,
                            struct tm_why *why)
{
    uint8_t *own = malloc(READ_BYTES);
    enum ship_read read = SHIP_READ_SOME;
    enum tm_err err = own ? TM_OK : tm_fail(why, TM_NOMEM, "out of memory");
    *out = !file->packed;
    while (!err && *out && read == SHIP_READ_SOME && copy->offset < COMPARED_BYTES) {
        err = ship_file_fill(copy, &read, why);
        size_t len = err ? 0 : copy->text.len - copy->at;
        const uint8_t *text = len ? copy->text.data + copy->at : own;
        if (len &&
            (pread(file->fd, own, len, (off_t)copy->offset) != (ssize_t)len || memcmp(own, text, len) != 0))
            *out = !ship_file_is_same(file);
        copy->at += len;
        copy->offset += len;
    }
    /* Packed so far. */
    if (err == TM_CORRUPT) {
        *out = *out && copy->offset;
        err = TM_OK;
    }
    free(own);
    return err;
}

/* Passes over what is left of a line that was too long; true: its end was there. */
static bool skip_rest(struct ship_file *file)
{
    const char *from = (const char *)file->text.data + file->at;
    size_t left = file->text.len - file->at;
    const char *feed = left ? memchr(from, '\n', left) : NULL;
    size_t len = feed ? (size_t)(feed - from) + 1 : left;
    file->at += len;
    file->offset += len;
    file->is_skipping = !feed;
    return feed != NULL;
}

bool ship_file_line(struct ship_file *file, size_t max, bool is_last, struct str *out)
{
    if (file->is_skipping && !skip_rest(file))
        return false;
    const char *from = (const char *)file->text.data + file->at;
    size_t left = file->text.len - file->at;
    const char *feed = left ? memchr(from, '\n', left) : NULL;
    if (!feed && left <= max && !(is_last && left))
        return false;
    *out = (struct str){from, feed ? (size_t)(feed - from) + 1 : left};
    return true;
}

void ship_file_take(struct ship_file *file, struct str line)
{
    file->is_skipping = !line.len || line.ptr[line.len - 1] != '\n';
    file->at += line.len;
    file->offset += line.len;
    file->line++;
}
