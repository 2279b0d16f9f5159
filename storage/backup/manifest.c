#include "storage/backup/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "storage/backup/tree.h"
#include "storage/grow.h"
#include "storage/model/bytes.h"
#include "storage/partition/partition_files.h"

#define HEAD_LINE "tidemark backup 1\n"
enum { MANIFEST_MAX_BYTES = 64 << 20, END_BYTES = sizeof "end 0123456789abcdef\n" - 1 };

void manifest_free(struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->count; i++)
        free(manifest->files[i].path);
    for (size_t i = 0; i < manifest->damaged_count; i++)
        free(manifest->damaged[i]);
    free(manifest->files);
    free(manifest->damaged);
    *manifest = (struct manifest){0};
}

enum tm_err manifest_add_file(struct manifest *manifest, const char *path, uint64_t bytes, uint64_t hash)
{
    struct manifest_file *grown =
        grow_array(manifest->files, &manifest->capacity, manifest->count + 1, sizeof *grown);
    if (grown)
        manifest->files = grown;
    char *copy = grown ? strdup(path) : NULL;
    if (!copy)
        return TM_NOMEM;
    grown[manifest->count++] = (struct manifest_file){copy, bytes, hash};
    return TM_OK;
}

enum tm_err manifest_add_damaged(struct manifest *manifest, const char *place)
{
    char **grown = grow_array(manifest->damaged, &manifest->damaged_capacity, manifest->damaged_count + 1,
                              sizeof *grown);
    if (grown)
        manifest->damaged = grown;
    char *copy = grown ? strdup(place) : NULL;
    if (!copy)
        return TM_NOMEM;
    grown[manifest->damaged_count++] = copy;
    return TM_OK;
}

const struct manifest_file *manifest_find(const struct manifest *manifest, const char *path)
{
    size_t low = 0, high = manifest->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(manifest->files[middle].path, path);
        if (order == 0)
            return &manifest->files[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- writing ---- */

static enum tm_err write_out(const char *path, const struct bytes *text, struct tm_why *why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        return file_fail(why, "making", path);
    enum tm_err err = TM_OK;
    errno = ENOSPC; /* what a short write means */
    if (write(fd, text->data, text->len) != (ssize_t)text->len || fsync(fd) != 0)
        err = file_fail(why, "writing", path);
    close(fd);
    return err;
}

enum tm_err manifest_write(const struct manifest *manifest, const char *folder, struct tm_why *why)
{
    struct tree_path path;
    struct bytes text = {0};
    char when[32];
    enum tm_err err = tree_join(folder, MANIFEST_NAME, &path, why);
    if (err)
        return err;
    (void)snprintf(when, sizeof when, "%" PRId64, manifest->time);
    bytes_printf(&text, HEAD_LINE "time %s\nlsn %" PRIu64 "\n", when, manifest->lsn);
    for (size_t i = 0; i < manifest->damaged_count; i++)
        bytes_printf(&text, "damaged %s\n", manifest->damaged[i]);
    for (size_t i = 0; i < manifest->count; i++)
        bytes_printf(&text, "file %016" PRIx64 " %" PRIu64 " %s\n", manifest->files[i].hash,
                     manifest->files[i].bytes, manifest->files[i].path);
    if (!bytes_error(&text))
        bytes_printf(&text, "end %016" PRIx64 "\n", (uint64_t)XXH3_64bits(text.data, text.len));
    err = bytes_error(&text) ? tm_fail(why, TM_NOMEM, "out of memory") : write_out(path.text, &text, why);
    bytes_fini(&text);
    return err;
}

/* ---- reading ---- */

/* The whole file, NUL-ended; the caller frees. */
static enum tm_err read_text(const char *path, char **out, size_t *len, struct tm_why *why)
{
    *out = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return file_fail(why, "opening", path);
    uint64_t bytes = file_bytes(path, NULL);
    enum tm_err err = TM_OK;
    char *text = bytes < MANIFEST_MAX_BYTES ? malloc((size_t)bytes + 1) : NULL;
    if (!text)
        err = tm_fail(why, TM_NOMEM, "out of memory, or %.250s is too large", path);
    else if (read(fd, text, (size_t)bytes) != (ssize_t)bytes)
        err = tm_fail(why, TM_IO, "reading %.250s failed", path);
    close(fd);
    if (err) {
        free(text);
        return err;
    }
    text[bytes] = '\0';
    *out = text;
    *len = (size_t)bytes;
    return TM_OK;
}

static bool is_whole(const char *text, size_t len)
{
    char end[END_BYTES + 1];
    size_t head = sizeof HEAD_LINE - 1;
    if (len < head + END_BYTES || memcmp(text, HEAD_LINE, head) != 0 || memchr(text, '\0', len))
        return false;
    size_t body = len - END_BYTES;
    (void)snprintf(end, sizeof end, "end %016" PRIx64 "\n", (uint64_t)XXH3_64bits(text, body));
    return memcmp(text + body, end, END_BYTES) == 0;
}

static bool stays_inside(const char *path)
{
    return path[0] && path[0] != '/' && !strstr(path, "..");
}

static enum tm_err read_line(struct manifest *manifest, const char *line)
{
    uint64_t hash, bytes;
    int at = 0;
    if (sscanf(line, "lsn %" SCNu64, &manifest->lsn) == 1 ||
        sscanf(line, "time %" SCNd64, &manifest->time) == 1)
        return TM_OK;
    if (strncmp(line, "damaged ", 8) == 0)
        return manifest_add_damaged(manifest, line + 8);
    if (sscanf(line, "file %" SCNx64 " %" SCNu64 " %n", &hash, &bytes, &at) != 2 || at == 0)
        return strncmp(line, "end ", 4) == 0 ? TM_OK : TM_CORRUPT;
    return stays_inside(line + at) ? manifest_add_file(manifest, line + at, bytes, hash) : TM_CORRUPT;
}

enum tm_err manifest_read(struct manifest *manifest, const char *folder, struct tm_why *why)
{
    struct tree_path path;
    char *text = NULL, *rest = NULL;
    size_t len = 0;
    enum tm_err err = tree_join(folder, MANIFEST_NAME, &path, why);
    if (!err)
        err = read_text(path.text, &text, &len, why);
    if (err)
        return err;
    if (!is_whole(text, len))
        err = TM_CORRUPT;
    char *line = err ? NULL : strtok_r(text + sizeof HEAD_LINE - 1, "\n", &rest);
    for (; line && !err; line = strtok_r(NULL, "\n", &rest))
        err = read_line(manifest, line);
    free(text);
    if (!err)
        return TM_OK;
    manifest_free(manifest);
    return tm_fail(why, err,
                   err == TM_CORRUPT ? "the manifest %.250s is damaged: use another backup"
                                     : "%.250s: out of memory",
                   path.text);
}
