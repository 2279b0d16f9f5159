/* From DIR/frozen to a new folder in DEST. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/backup/backup.h"
#include "storage/backup/freeze.h"
#include "storage/backup/frozen.h"
#include "storage/backup/manifest.h"
#include "storage/backup/place.h"
#include "storage/backup/tree.h"
#include "storage/json_text.h"
#include "storage/model/when.h"
#include "storage/partition/partition_files.h"
#include "storage/partition/partition_pages.h"

struct copying {
    const struct backup_options *options;
    struct tree_path frozen;
    struct tree_path before; /* the newest backup that is there; "": none */
    struct tree_path making;
    struct tree_path name;
    struct tree_files files;
    struct manifest manifest;
    struct manifest last; /* of before */
    uint64_t all_bytes, done_bytes, copied_bytes;
    const char *place;
};

static void tell_progress(void *arg, uint64_t bytes)
{
    struct copying *c = arg;
    c->done_bytes += bytes;
    if (c->options->progress)
        c->options->progress(c->options->arg, c->place, c->done_bytes, c->all_bytes);
}

/* ---- what the last backup has already ---- */

/* The folder of a sealed partition: its file `pages` has the hash of each page. */
static bool is_sealed_file(const struct copying *c, const char *path, struct tree_path *pages)
{
    struct tree_path full;
    const char *slash = strrchr(path, '/');
    struct tm_why why;
    if (!slash || strncmp(path, "index/", 6) == 0 || strncmp(path, "journal/", 8) == 0)
        return false;
    (void)snprintf(pages->text, sizeof pages->text, "%.*s/pages", (int)(slash - path), path);
    return tree_join(c->frozen.text, pages->text, &full, &why) == TM_OK && file_exists(full.text);
}

/* What is sealed is the same if its hashes of pages are. */
static const struct manifest_file *find_before(const struct copying *c, const struct tree_file *file)
{
    struct tree_path pages, ours, theirs;
    struct tm_why why;
    const struct manifest_file *old = c->before.text[0] ? manifest_find(&c->last, file->path) : NULL;
    if (!old || old->bytes != file->bytes || !is_sealed_file(c, file->path, &pages))
        return NULL;
    if (!manifest_find(&c->last, pages.text) || tree_join(c->frozen.text, pages.text, &ours, &why) ||
        tree_join(c->before.text, pages.text, &theirs, &why))
        return NULL;
    return tree_same(ours.text, theirs.text) ? old : NULL;
}

static bool link_before(struct copying *c, const struct tree_file *file, const char *to)
{
    struct tree_path from;
    struct tm_why why;
    const struct manifest_file *old = find_before(c, file);
    if (!old || tree_join(c->before.text, file->path, &from, &why) ||
        file_bytes(from.text, NULL) != old->bytes || link(from.text, to) != 0)
        return false;
    if (manifest_add_file(&c->manifest, file->path, old->bytes, old->hash) != TM_OK) {
        (void)unlink(to); /* it would stand in the way of the copy */
        return false;
    }
    tell_progress(c, file->bytes);
    return true;
}

/* ---- copying ---- */

static enum tm_err make_parents(const struct copying *c, const char *path, struct tm_why *why)
{
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        struct tree_path folder;
        char part[TREE_PATH_BYTES];
        (void)snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        enum tm_err err = tree_join(c->making.text, part, &folder, why);
        if (!err)
            err = tree_make(folder.text, why);
        if (err)
            return err;
    }
    return TM_OK;
}

static enum tm_err copy_one(struct copying *c, const struct tree_file *file, struct tm_why *why)
{
    struct tree_path from, to;
    c->place = file->path;
    enum tm_err err = make_parents(c, file->path, why);
    if (!err)
        err = tree_join(c->frozen.text, file->path, &from, why);
    if (!err)
        err = tree_join(c->making.text, file->path, &to, why);
    if (err || link_before(c, file, to.text))
        return err;
    struct tree_copy copy = {.from = from.text, .to = to.text, .each = tell_progress, .arg = c};
    err = tree_copy(&copy, why);
    if (err)
        return err;
    c->copied_bytes += copy.bytes;
    return manifest_add_file(&c->manifest, file->path, copy.bytes, copy.hash)
               ? tm_fail(why, TM_NOMEM, "out of memory")
               : TM_OK;
}

static void count_page(void *arg, uint64_t page)
{
    uint64_t *damaged = arg;
    (void)page;
    ++*damaged;
}

/* Whether the copy of a sealed partition is what was sealed: a disk that rots must not spoil backups unseen.
 */
static enum tm_err check_copy(struct copying *c, const char *path, struct tm_why *why)
{
    struct tree_path folder, data;
    struct partition_pages pages = {0};
    uint64_t damaged = 0;
    char label[PARTITION_NAME_BYTES];
    (void)snprintf(label, sizeof label, "%.*s", (int)(strrchr(path, '/') - path), path);
    enum tm_err err = tree_join(c->making.text, label, &folder, why);
    if (!err)
        err = tree_join(c->making.text, path, &data, why);
    if (err)
        return err;
    err = pages_open(&pages, folder.text, why);
    if (!err)
        err = pages_check_all(&pages, folder.text, count_page, &damaged, why);
    pages_close(&pages);
    if ((err && err != TM_CORRUPT) || (!err && damaged == 0))
        return err;
    return manifest_add_damaged(&c->manifest, label) ? tm_fail(why, TM_NOMEM, "out of memory") : TM_OK;
}

static enum tm_err copy_files(struct copying *c, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    for (size_t i = 0; i < c->files.count && !err; i++) {
        const struct tree_file *file = &c->files.at[i];
        const size_t len = strlen(file->path);
        uint64_t before = c->copied_bytes;
        if (strcmp(file->path, FROZEN_NOTE) == 0 ||
            (len > 8 && strcmp(file->path + len - 8, "lock.mdb") == 0))
            continue;
        err = copy_one(c, file, why);
        bool is_pages = len > 6 && strcmp(file->path + len - 6, "/pages") == 0;
        if (!err && is_pages && c->copied_bytes > before)
            err = check_copy(c, file->path, why);
    }
    return err;
}

/* ---- the frozen copy's note ---- */

static enum tm_err read_note(struct copying *c, struct tm_why *why)
{
    struct tree_path path;
    char line[256], place[PARTITION_NAME_BYTES], buffer[512];
    int found = 0;
    enum tm_err err = tree_join(c->frozen.text, FROZEN_NOTE, &path, why);
    FILE *note = err ? NULL : fopen(path.text, "re");
    if (!note && !err && errno != ENOENT)
        err = file_fail(why, "opening", path.text);
    if (!note)
        return err ? err
                   : tm_fail(why, TM_NOT_FOUND, "there is no whole frozen copy in %.250s", c->options->from);
    (void)setvbuf(note, buffer, _IOFBF, sizeof buffer); /* it takes no memory, and finds none missing */
    while (!err && fgets(line, sizeof line, note)) {
        found += sscanf(line, "lsn %" SCNu64, &c->manifest.lsn) == 1;
        found += sscanf(line, "time %" SCNd64, &c->manifest.time) == 1;
        if (sscanf(line, "damaged %63s", place) == 1)
            err = manifest_add_damaged(&c->manifest, place);
    }
    (void)fclose(note);
    if (err)
        return tm_fail(why, err, "out of memory");
    return found == 2 ? TM_OK : tm_fail(why, TM_CORRUPT, "%.250s is not whole", path.text);
}

/* ---- the whole ---- */

static enum tm_err begin_place(struct copying *c, struct tm_why *why)
{
    char stamp[PLACE_NAME_BYTES], last[PLACE_NAME_BYTES], making[PLACE_NAME_BYTES + 16];
    struct tm_why ignored;
    enum tm_err err = place_newest(c->options->to, last, why);
    if (err)
        return err;
    if (last[0] && tree_join(c->options->to, last, &c->before, why) == TM_OK &&
        manifest_read(&c->last, c->before.text, &ignored) != TM_OK)
        c->before.text[0] = '\0'; /* nothing is taken from a damaged one */
    do
        place_name(c->manifest.time++, stamp);
    while (strcmp(stamp, last) <= 0);
    c->manifest.time--;
    (void)snprintf(making, sizeof making, "%s" PLACE_MAKING, stamp);
    err = tree_join(c->options->to, stamp, &c->name, why);
    if (!err)
        err = tree_join(c->options->to, making, &c->making, why);
    return err ? err : tree_make(c->making.text, why);
}

static int compare_files(const void *a, const void *b)
{
    const struct manifest_file *x = a, *y = b;
    return strcmp(x->path, y->path);
}

static enum tm_err write_document(const struct copying *c, struct bytes *out, struct tm_why *why)
{
    char when[WHEN_TEXT_BYTES];
    uint64_t bytes = 0;
    for (size_t i = 0; i < c->manifest.count; i++)
        bytes += c->manifest.files[i].bytes;
    bytes_printf(out, "{\"to\":");
    json_text(out, str_of(c->name.text));
    bytes_printf(out,
                 ",\"time\":\"%s\",\"lsn\":%" PRIu64 ",\"files\":%zu,\"bytes\":%" PRIu64
                 ",\"copied_bytes\":%" PRIu64 ",\"damaged\":[",
                 when_text(c->manifest.time, when), c->manifest.lsn, c->manifest.count, bytes,
                 c->copied_bytes);
    for (size_t i = 0; i < c->manifest.damaged_count; i++) {
        bytes_printf(out, "%s", i ? "," : "");
        json_text(out, str_of(c->manifest.damaged[i]));
    }
    bytes_printf(out, "]}");
    return bytes_error(out) ? tm_fail(why, TM_NOMEM, "out of memory") : TM_OK;
}

/* What fails behind the rename would be told of a backup that is there: the document is written before. */
static enum tm_err copy_all(struct copying *c, struct bytes *out, struct tm_why *why)
{
    enum tm_err err = read_note(c, why);
    if (!err)
        err = tree_files(c->frozen.text, &c->files, why);
    for (size_t i = 0; i < c->files.count; i++)
        c->all_bytes += c->files.at[i].bytes;
    if (!err)
        err = begin_place(c, why);
    if (!err)
        err = copy_files(c, why);
    if (c->manifest.count > 1)
        qsort(c->manifest.files, c->manifest.count, sizeof *c->manifest.files, compare_files);
    if (!err)
        err = manifest_write(&c->manifest, c->making.text, why);
    if (!err)
        err = tree_sync(c->making.text, why);
    if (!err)
        err = write_document(c, out, why);
    if (!err && rename(c->making.text, c->name.text) != 0)
        err = file_fail(why, "renaming", c->making.text);
    return err ? err : folder_sync(c->options->to, why);
}

/* A copy inside what is copied would be copied too, again and again. */
static enum tm_err check_apart(const struct backup_options *options, struct tm_why *why)
{
    char *from = realpath(options->from, NULL), *to = from ? realpath(options->to, NULL) : NULL;
    enum tm_err err = to ? TM_OK : file_fail(why, "finding", from ? options->to : options->from);
    size_t len = from ? strlen(from) : 0;
    bool is_inside = to && strncmp(from, to, len) == 0 && (to[len] == '/' || to[len] == '\0');
    free(from);
    free(to);
    if (err)
        return err;
    return is_inside ? tm_fail(why, TM_INVALID,
                               "%.200s lies inside the data folder %.200s: choose a folder beside it",
                               options->to, options->from)
                     : TM_OK;
}

static enum tm_err copy_to_place(struct copying *c, struct bytes *out, struct tm_why *why)
{
    int lock = -1;
    struct tm_why ignored;
    enum tm_err err = place_enter(c->options->to, &lock, why);
    if (!err)
        err = check_apart(c->options, why);
    if (!err)
        err = copy_all(c, out, why);
    if (err && c->making.text[0])
        (void)!tree_remove(c->making.text, &ignored);
    if (lock >= 0)
        close(lock);
    return err;
}

enum tm_err backup_copy(const struct backup_options *options, struct bytes *out, struct tm_why *why)
{
    struct copying *c = calloc(1, sizeof *c);
    struct tm_why ignored;
    if (!c)
        return tm_fail(why, TM_NOMEM, "out of memory");
    c->options = options;
    enum tm_err err = tree_join(options->from, FROZEN_NAME, &c->frozen, why);
    if (!err)
        err = copy_to_place(c, out, why);
    (void)!freeze_remove(options->from, &ignored);
    tree_files_fini(&c->files);
    manifest_free(&c->manifest);
    manifest_free(&c->last);
    free(c);
    return err;
}
