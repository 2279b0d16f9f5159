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
    return TM_OK;
}

void import_file_close(struct import_file *file)
{
    if (file->fd > STDIN_FILENO)
        close(file->fd);
    file->fd = -1;
    bytes_fini(&file->text);
    csv_fini(&file->csv);
}

static enum tm_err fill(struct import_file *file, struct tm_why *why)
{
    ssize_t len;
    if (file->at) {
        memmove(file->text.data, file->text.data + file->at, file->text.len - file->at);
        file->text.len -= file->at;
        file->at = 0;
    }
    uint8_t *to = bytes_reserve(&file->text, READ_BYTES);
    if (!to)
        return tm_fail(why, TM_NOMEM, "out of memory");
    do
        len = read(file->fd, to, READ_BYTES);
    while (len < 0 && errno == EINTR);
    if (len < 0)
        return tm_fail(why, TM_IO, "cannot read %s: %s", file->name, strerror(errno));
    file->is_end = len == 0;
    file->text.len += (size_t)len;
    file->read_bytes += len;
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
    file->is_end = false;
    file->read_bytes = 0;
    if (!err && lseek(file->fd, 0, SEEK_SET) != 0)
        err = tm_fail(why, TM_IO, "cannot read %s again: %s", file->name, strerror(errno));
    return err;
}
