/* From a backup to a new data folder. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/backup/backup.h"
#include "storage/backup/manifest.h"
#include "storage/backup/place.h"
#include "storage/backup/tree.h"
#include "storage/check/check.h"
#include "storage/json_text.h"
#include "storage/model/when.h"
#include "storage/partition/partition_files.h"

#define RESTORING ".restoring"

struct restoring {
    const struct backup_options *options;
    struct tree_path from;
    struct tree_path making;
    struct manifest manifest;
    uint64_t all_bytes, done_bytes;
    const char *place;
    struct check_result checked;
};

static void tell_progress(void *arg, uint64_t bytes)
{
    struct restoring *r = arg;
    r->done_bytes += bytes;
    if (r->options->progress)
        r->options->progress(r->options->arg, r->place, r->done_bytes, r->all_bytes);
}

/* The folder itself if it is a backup, else the newest one in it. */
static enum tm_err find_backup(struct restoring *r, struct tm_why *why)
{
    char newest[PLACE_NAME_BYTES];
    struct tree_path manifest;
    enum tm_err err = tree_join(r->options->from, MANIFEST_NAME, &manifest, why);
    if (err)
        return err;
    if (file_exists(manifest.text)) {
        (void)snprintf(r->from.text, sizeof r->from.text, "%s", r->options->from);
    } else {
        err = place_newest(r->options->from, newest, why);
        if (!err && !newest[0])
            err = tm_fail(why, TM_NOT_FOUND, "%.250s is no backup, and holds none", r->options->from);
        if (!err)
            err = tree_join(r->options->from, newest, &r->from, why);
    }
    return err ? err : manifest_read(&r->manifest, r->from.text, why);
}

static enum tm_err check_empty(const char *path, struct tm_why *why)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    if (!folder)
        return errno == ENOENT ? TM_OK : file_fail(why, "opening", path);
    bool is_empty = true;
    while ((entry = readdir(folder)))
        is_empty = is_empty && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0);
    closedir(folder);
    return is_empty ? TM_OK
                    : tm_fail(why, TM_EXISTS,
                              "%.250s is not empty: restore into a folder that is missing or empty", path);
}

static enum tm_err make_parents(const struct restoring *r, const char *path, struct tm_why *why)
{
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        struct tree_path folder;
        char part[TREE_PATH_BYTES];
        (void)snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        enum tm_err err = tree_join(r->making.text, part, &folder, why);
        if (!err)
            err = tree_make(folder.text, why);
        if (err)
            return err;
    }
    return TM_OK;
}

static enum tm_err restore_file(struct restoring *r, const struct manifest_file *file, struct tm_why *why)
{
    struct tree_path from, to;
    r->place = file->path;
    enum tm_err err = make_parents(r, file->path, why);
    if (!err)
        err = tree_join(r->from.text, file->path, &from, why);
    if (!err)
        err = tree_join(r->making.text, file->path, &to, why);
    if (err)
        return err;
    struct tree_copy copy = {.from = from.text, .to = to.text, .each = tell_progress, .arg = r};
    err = tree_copy(&copy, why);
    if (err == TM_NOT_FOUND || (!err && (copy.hash != file->hash || copy.bytes != file->bytes)))
        return tm_fail(
            why, TM_CORRUPT,
            "%.200s of the backup %.200s is %s: use an older backup, or copy what is sound by hand",
            file->path, r->from.text, err ? "missing" : "not what its manifest says");
    return err;
}

static void tell_damage(void *arg, enum check_kind kind, const char *place, const char *text)
{
    struct tm_why *why = arg;
    if (kind == CHECK_DAMAGE && !why->text[0])
        (void)snprintf(why->text, sizeof why->text, "%.60s: %.300s", place, text);
}

/* A partition that was damaged when the backup was made is damaged here too: the backup said so then. */
static enum tm_err check_made(struct restoring *r, struct tm_why *why)
{
    struct tm_why first = {""};
    const struct check_options options = {.dir = r->making.text, .tell = tell_damage, .arg = &first};
    enum tm_err err = check_run(&options, &r->checked, why);
    if (err == TM_CORRUPT && r->manifest.damaged_count > 0)
        return TM_OK;
    return err == TM_CORRUPT ? tm_fail(why, err, "the restored folder is damaged: %.380s", first.text) : err;
}

static enum tm_err write_document(const struct restoring *r, struct bytes *out, struct tm_why *why)
{
    char when[WHEN_TEXT_BYTES];
    bytes_printf(out, "{\"from\":");
    json_text(out, str_of(r->from.text));
    bytes_printf(out, ",\"to\":");
    json_text(out, str_of(r->options->to));
    bytes_printf(out,
                 ",\"time\":\"%s\",\"lsn\":%" PRIu64 ",\"files\":%zu,\"bytes\":%" PRIu64
                 ",\"samples\":%" PRIu64 ",\"damages\":%" PRIu64 "}",
                 when_text(r->manifest.time, when), r->manifest.lsn, r->manifest.count, r->all_bytes,
                 r->checked.samples, r->checked.damages);
    return bytes_error(out) ? tm_fail(why, TM_NOMEM, "out of memory") : TM_OK;
}

static enum tm_err restore_all(struct restoring *r, struct bytes *out, struct tm_why *why)
{
    enum tm_err err = tree_remove(r->making.text, why); /* what a dead one left */
    if (!err)
        err = tree_make(r->making.text, why);
    for (size_t i = 0; i < r->manifest.count; i++)
        r->all_bytes += r->manifest.files[i].bytes;
    for (size_t i = 0; i < r->manifest.count && !err; i++)
        err = restore_file(r, &r->manifest.files[i], why);
    struct tree_path journal;
    if (!err)
        err = tree_join(r->making.text, "journal", &journal, why);
    if (!err)
        err = tree_make(journal.text, why); /* it may have had no segment */
    if (!err)
        err = check_made(r, why);
    if (!err)
        err = tree_sync(r->making.text, why);
    if (!err)
        err = write_document(r, out, why);
    /* Over a folder that is missing or empty, and no other. */
    if (!err && rename(r->making.text, r->options->to) != 0)
        err = file_fail(why, "renaming to", r->options->to);
    if (err)
        return err;
    struct tree_path parent;
    err = tree_join(r->options->to, "..", &parent, why);
    return err ? err : folder_sync(parent.text, why);
}

enum tm_err backup_restore(const struct backup_options *options, struct bytes *out, struct tm_why *why)
{
    struct restoring *r = calloc(1, sizeof *r);
    struct tm_why ignored;
    size_t len = strlen(options->to);
    if (!r)
        return tm_fail(why, TM_NOMEM, "out of memory");
    r->options = options;
    while (len > 1 && options->to[len - 1] == '/')
        len--;
    if (snprintf(r->making.text, sizeof r->making.text, "%.*s" RESTORING, (int)len, options->to) >=
        TREE_PATH_BYTES)
        r->making.text[0] = '\0';
    enum tm_err err = r->making.text[0] ? TM_OK : tm_fail(why, TM_INVALID, "the path is too long");
    if (!err)
        err = check_empty(options->to, why);
    if (!err)
        err = find_backup(r, why);
    if (!err) {
        err = restore_all(r, out, why);
        if (err)
            (void)!tree_remove(r->making.text, &ignored);
    }
    manifest_free(&r->manifest);
    free(r);
    return err;
}
