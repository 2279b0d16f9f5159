#include "server/cli/import_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { READ_BYTES = 256 << 10 };

enum tm_err import_file_open(struct import_file *file, const char *name, char delimiter, struct tm_why *why)
{
    struct stat info;
    bool is_stdin = strcmp(name, "-") == 0;
    *file = (struct import_file){.name = is_stdin ? "stdin" : name, .fd = STDIN_FILENO};
    csv_init(&file->csv, delimiter);
    if (!is_stdin)
        file->fd = open(name, O_RDONLY | O_CLOEXEC);
    if (file->fd < 0 || fstat(file->fd, &info) != 0)
        return tm_fail(why, TM_IO, "cannot read %s: %s", name, strerror(errno));
    file->is_regular = !is_stdin && S_ISREG(info.st_mode);
    file->size_bytes = file->is_regular ? info.st_size : 0;
    file->reader = gunzip_open(file->fd);
    return file->reader ? TM_OK : tm_fail(why, TM_NOMEM, "out of memory");
}

void import_file_close(struct import_file *file)
{
    if (file->fd > STDIN_FILENO)
        close(file->fd);
    file->fd = -1;
    gunzip_close(file->reader);
    file->reader = NULL;
    bytes_fini(&file->text);
    csv_fini(&file->csv);
}

static enum tm_err fill(struct import_file *file, struct tm_why *why)
{
    struct tm_why inner = {0};
    size_t len;
    if (file->at) {
        memmove(file->text.data, file->text.data + file->at, file->text.len - file->at);
        file->text.len -= file->at;
        file->at = 0;
    }
    uint8_t *to = bytes_reserve(&file->text, READ_BYTES);
    if (!to)
        return tm_fail(why, TM_NOMEM, "out of memory");
    enum tm_err err = gunzip_read(file->reader, to, READ_BYTES, &len, &inner);
    if (err == TM_NOMEM)
        return tm_fail(why, err, "out of memory");
    if (err)
        return tm_fail(why, err, "cannot read %s: %s", file->name, inner.text);
    file->is_end = len == 0;
    file->text.len += len;
    file->read_bytes = gunzip_read_bytes(file->reader);
    return TM_OK;
}

/* A byte order mark is no part of the first name. */
static void skip_mark(struct import_file *file)
{
    static const char mark[] = "\xef\xbb\xbf";
    bool is_begin = file->csv.next.line == 1 && file->csv.next.column == 1 && !file->at;
    if (is_begin && file->text.len >= 3 && memcmp(file->text.data, mark, 3) == 0)
        file->at = 3;
}

enum tm_err import_file_next(struct import_file *file, enum csv_state *state, struct tm_why *why)
{
    for (;;) {
        size_t used;
        skip_mark(file);
        struct str rest = {(const char *)file->text.data + file->at, file->text.len - file->at};
        *state = CSV_MORE;
        if (rest.len) {
            *state = csv_next(&file->csv, rest, file->is_end, &used, why);
            file->at += used;
        }
        if (*state == CSV_NOMEM)
            return tm_fail(why, TM_NOMEM, "out of memory");
        if (*state != CSV_MORE)
            return TM_OK;
        if (file->is_end)
            return TM_NOT_FOUND;
        enum tm_err err = fill(file, why);
        if (err)
            return err;
    }
}

/* To the beginning. */
static enum tm_err rewind_file(struct import_file *file, struct tm_why *why)
{
    gunzip_close(file->reader);
    file->reader = gunzip_open(file->fd);
    file->is_end = false;
    file->read_bytes = 0;
    if (!file->reader)
        return tm_fail(why, TM_NOMEM, "out of memory");
    if (lseek(file->fd, 0, SEEK_SET) != 0)
        return tm_fail(why, TM_IO, "cannot read %s again: %s", file->name, strerror(errno));
    return TM_OK;
}

enum tm_err import_file_hash(struct import_file *file, uint64_t *out, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    XXH3_state_t *hash = XXH3_createState();
    if (!hash)
        return tm_fail(why, TM_NOMEM, "out of memory");
    (void)XXH3_64bits_reset(hash);
    while (!err && !file->is_end) {
        err = fill(file, why);
        if (!err)
            (void)XXH3_64bits_update(hash, file->text.data, file->text.len);
        file->text.len = 0;
    }
    *out = XXH3_64bits_digest(hash);
    (void)XXH3_freeState(hash);
    return err ? err : rewind_file(file, why);
}

enum tm_err import_file_line(struct import_file *file, size_t max_bytes, struct str *out, struct tm_why *why)
{
    for (;;) {
        struct str rest = {(const char *)file->text.data + file->at, file->text.len - file->at};
        const char *feed = rest.len ? memchr(rest.ptr, '\n', rest.len) : NULL;
        bool is_cut = !feed && rest.len > max_bytes;
        if (feed || is_cut || (file->is_end && rest.len)) {
            bool was_cut = file->is_cut;
            *out = (struct str){rest.ptr, feed ? (size_t)(feed - rest.ptr) : rest.len};
            file->at += out->len + (feed ? 1 : 0);
            file->is_cut = is_cut;
            if (was_cut) /* what follows of a line that is told of already */
                continue;
            file->line++;
            return TM_OK;
        }
        if (file->is_end)
            return TM_NOT_FOUND;
        enum tm_err err = fill(file, why);
        if (err)
            return err;
    }
}
