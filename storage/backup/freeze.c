#include "storage/backup/freeze.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/backup/frozen.h"
#include "storage/backup/tree.h"
#include "storage/journal/journal_record.h"
#include "storage/journal/journal_read.h"
#include "storage/journal/journal_segment.h"
#include "storage/model/bytes.h"
#include "storage/partition/partition_files.h"

struct freezing {
    const struct freeze_options *options;
    struct tree_path root;
    struct bytes note; /* what becomes the file FREEZE */
};

static void pass_point(const struct freezing *f, const char *name)
{
    if (f->options->fault_point)
        f->options->fault_point(f->options->fault_arg, name);
}

static enum tm_err join_frozen(const struct freezing *f, const char *path, struct tree_path *out,
                               struct tm_why *why)
{
    return tree_join(f->root.text, path, out, why);
}

/* A second name, or a copy where the file system has none. */
static enum tm_err link_file(const struct freezing *f, const char *path, struct tm_why *why)
{
    struct tree_path from, to;
    enum tm_err err = tree_join(f->options->dir, path, &from, why);
    if (!err)
        err = join_frozen(f, path, &to, why);
    if (err)
        return err;
    if (link(from.text, to.text) == 0)
        return TM_OK;
    if (errno == ENOENT || errno == ENOSPC || errno == EIO || errno == EDQUOT)
        return file_fail(why, "linking", from.text);
    struct tree_copy copy = {.from = from.text, .to = to.text};
    return tree_copy(&copy, why);
}

/* ---- partitions ---- */

static enum tm_err freeze_sealed(const struct freezing *f, const char *label, struct tm_why *why)
{
    static const char *const files[] = {"data.mdb", "pages"};
    struct tree_path folder;
    enum tm_err err = join_frozen(f, label, &folder, why);
    if (!err)
        err = tree_make(folder.text, why);
    for (size_t i = 0; !err && i < sizeof files / sizeof files[0]; i++) {
        char path[PARTITION_NAME_BYTES + 16];
        (void)snprintf(path, sizeof path, "%s/%s", label, files[i]);
        err = link_file(f, path, why);
    }
    return err;
}

static enum tm_err freeze_partition(struct freezing *f, const struct partition_entry *entry,
                                    struct tm_why *why)
{
    char label[PARTITION_NAME_BYTES];
    struct tree_path to;
    path_label(entry->id, "", label);
    bool is_sealed = file_exists(path_of(f->options->dir, entry->id, "", "pages").text);
    if (is_sealed && !entry->damaged)
        return freeze_sealed(f, label, why);
    enum tm_err err = join_frozen(f, label, &to, why);
    if (err)
        return err;
    err = entry->damaged ? TM_CORRUPT : partition_copy(f->options->partitions, entry->id, to.text, why);
    if (err != TM_CORRUPT)
        return err == TM_NOT_FOUND ? TM_OK : err;
    bytes_printf(&f->note, "damaged %s\n", label);
    return tree_remove(to.text, why);
}

static enum tm_err list_tier(const struct freezing *f, enum partition_tier tier, struct partition_entry **out,
                             size_t *count, struct tm_why *why)
{
    static const struct span all = {INT64_MIN, INT64_MAX};
    size_t room = 0;
    *out = NULL;
    for (;;) {
        partitions_list(f->options->partitions, tier, all, *out, room, count);
        if (*count <= room)
            return TM_OK;
        room = *count + 16;
        free(*out);
        *out = calloc(room, sizeof **out);
        if (!*out)
            return tm_fail(why, TM_NOMEM, "out of memory");
    }
}

static enum tm_err freeze_partitions(struct freezing *f, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    for (size_t tier = 0; tier < PARTITION_TIERS && !err; tier++) {
        struct partition_entry *entries = NULL;
        size_t count = 0;
        struct tree_path folder;
        err = join_frozen(f, partition_tier_name((enum partition_tier)tier), &folder, why);
        if (!err)
            err = tree_make(folder.text, why);
        if (!err && f->options->partitions)
            err = list_tier(f, (enum partition_tier)tier, &entries, &count, why);
        for (size_t i = 0; i < count && !err; i++) {
            err = freeze_partition(f, &entries[i], why);
            pass_point(f, "freeze.partition");
        }
        free(entries);
    }
    return err;
}

/* ---- the index ---- */

static enum tm_err freeze_index(const struct freezing *f, struct tm_why *why)
{
    struct tree_path folder;
    if (!f->options->catalog)
        return TM_OK;
    enum tm_err err = join_frozen(f, "index", &folder, why);
    if (!err)
        err = tree_make(folder.text, why);
    return err ? err : catalog_copy(f->options->catalog, folder.text, why);
}

/* ---- the journal ---- */

/* Where the record behind lsn would begin. */
static size_t cut_behind(const uint8_t *data, size_t len, uint64_t number, uint64_t lsn)
{
    struct segment_reader reader;
    struct record record;
    struct segment_hole hole;
    size_t end = len < SEGMENT_HEADER_BYTES ? len : SEGMENT_HEADER_BYTES;
    segment_reader_init(&reader, data, len, number);
    for (;;) {
        enum segment_step step = segment_next(&reader, &record, &hole);
        if (step == SEGMENT_HOLE)
            continue;
        if (step != SEGMENT_RECORD || record.lsn > lsn)
            return end;
        end = reader.at;
    }
}

static enum tm_err write_file(const char *path, const void *bytes, size_t len, struct tm_why *why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        return file_fail(why, "making", path);
    enum tm_err err = TM_OK;
    for (size_t at = 0; at < len && !err;) {
        ssize_t put = write(fd, (const uint8_t *)bytes + at, len - at);
        if (put < 0 && errno != EINTR)
            err = file_fail(why, "writing", path);
        at += put > 0 ? (size_t)put : 0;
    }
    close(fd);
    return err;
}

/* The last segment that counts: up to the moment, and no further. */
static enum tm_err freeze_last(const struct freezing *f, int journal, uint64_t number, const char *path,
                               struct tm_why *why)
{
    struct tree_path to;
    uint8_t *data;
    size_t len;
    enum tm_err err = join_frozen(f, path, &to, why);
    if (err)
        return err;
    err = segment_read(journal, number, 0, &data, &len);
    if (err)
        return tm_fail(why, err, "reading journal segment %s: %s", path, tm_err_text(err));
    err = write_file(to.text, data, cut_behind(data, len, number, f->options->lsn), why);
    free(data);
    return err;
}

/* False: it begins behind the moment. */
static enum tm_err begins_before(int journal, uint64_t number, uint64_t lsn, bool *out, struct tm_why *why)
{
    struct segment_header header;
    uint8_t *data;
    size_t len;
    enum tm_err err = segment_read(journal, number, SEGMENT_HEADER_BYTES, &data, &len);
    if (err)
        return tm_fail(why, err, "reading the journal: %s", tm_err_text(err));
    *out = !segment_header_decode(data, len, number, &header) || header.first_lsn <= lsn;
    free(data);
    return TM_OK;
}

static enum tm_err freeze_segments(const struct freezing *f, int journal, const uint64_t *numbers,
                                   size_t count, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    bool is_before = false;
    while (count > 1 && !err) { /* those that began meanwhile; the first is there for its header at least */
        err = begins_before(journal, numbers[count - 1], f->options->lsn, &is_before, why);
        if (is_before)
            break;
        count--;
    }
    for (size_t i = 0; i < count && !err; i++) {
        char name[SEGMENT_NAME_BYTES], path[SEGMENT_NAME_BYTES + 16];
        segment_name(numbers[i], name);
        (void)snprintf(path, sizeof path, "journal/%s", name);
        if (i + 1 < count)
            err = link_file(f, path, why);
        else
            err = freeze_last(f, journal, numbers[i], path, why);
    }
    return err;
}

static enum tm_err freeze_journal(const struct freezing *f, struct tm_why *why)
{
    struct tree_path to, from;
    uint64_t *numbers = NULL;
    size_t count = 0;
    enum tm_err err = join_frozen(f, "journal", &to, why);
    if (!err)
        err = tree_join(f->options->dir, "journal", &from, why);
    if (!err)
        err = tree_make(to.text, why);
    if (err)
        return err;
    int journal = open(from.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (journal < 0)
        return file_fail(why, "opening", from.text);
    err = segment_list(journal, &numbers, &count);
    err = err ? tm_fail(why, err, "listing %.250s: %s", from.text, tm_err_text(err))
              : freeze_segments(f, journal, numbers, count, why);
    free(numbers);
    close(journal);
    return err;
}

/* ---- the whole ---- */

static enum tm_err write_note(struct freezing *f, struct tm_why *why)
{
    struct tree_path path;
    enum tm_err err = join_frozen(f, FROZEN_NOTE, &path, why);
    if (!err && bytes_error(&f->note))
        err = tm_fail(why, TM_NOMEM, "out of memory");
    return err ? err : write_file(path.text, f->note.data, f->note.len, why);
}

/* A file that is just being replaced under this name; the one that it replaces is there too. */
static bool is_fresh(const char *name)
{
    static const char end[] = ".new";
    size_t len = strlen(name);
    return len >= sizeof end - 1 && strcmp(name + len - (sizeof end - 1), end) == 0;
}

/* All files of a guest's folder; not what lies in folders below it. */
static enum tm_err freeze_folder(const struct freezing *f, const char *name, struct tm_why *why)
{
    struct tree_path from, to;
    enum tm_err err = tree_join(f->options->dir, name, &from, why);
    if (!err)
        err = join_frozen(f, name, &to, why);
    if (err)
        return err;
    DIR *folder = opendir(from.text);
    if (!folder)
        return errno == ENOENT ? TM_OK : file_fail(why, "opening", from.text);
    const struct dirent *entry;
    err = tree_make(to.text, why);
    while (!err && (errno = 0, entry = readdir(folder))) {
        struct tree_path path;
        bool is_file = entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN;
        if (!is_file || entry->d_name[0] == '.' || is_fresh(entry->d_name))
            continue;
        err = tree_join(name, entry->d_name, &path, why);
        if (!err)
            err = link_file(f, path.text, why);
    }
    if (!err && errno != 0)
        err = file_fail(why, "listing", from.text);
    closedir(folder);
    return err;
}

/* Files of others in the folder that come along if they are there. Whoever writes one replaces it by a
 * rename, so that a link keeps what it was. They come first: what they know is then no newer than what is
 * stored, or hardly so. */
static enum tm_err freeze_guests(const struct freezing *f, struct tm_why *why)
{
    struct tree_path path;
    enum tm_err err = tree_join(f->options->dir, "page_groups", &path, why);
    if (!err && access(path.text, F_OK) == 0)
        err = link_file(f, "page_groups", why);
    return err ? err : freeze_folder(f, "scoring", why);
}

static enum tm_err freeze_all(struct freezing *f, struct tm_why *why)
{
    enum tm_err err = tree_make(f->root.text, why);
    if (!err)
        err = freeze_guests(f, why);
    if (!err)
        err = freeze_index(f, why);
    pass_point(f, "freeze.index");
    if (!err)
        err = freeze_partitions(f, why);
    if (!err)
        err = freeze_journal(f, why);
    pass_point(f, "freeze.journal");
    if (!err)
        err = link_file(f, "FORMAT", why);
    return err ? err : write_note(f, why);
}

enum tm_err freeze_make(const struct freeze_options *options, struct tm_why *why)
{
    struct freezing f = {.options = options};
    struct tm_why ignored;
    enum tm_err err = freeze_remove(options->dir, why);
    if (!err)
        err = tree_join(options->dir, FROZEN_NAME, &f.root, why);
    if (err)
        return err;
    bytes_printf(&f.note, "lsn %" PRIu64 "\ntime %" PRId64 "\n", options->lsn, options->time);
    err = freeze_all(&f, why);
    bytes_fini(&f.note);
    if (err)
        (void)!freeze_remove(options->dir, &ignored);
    return err;
}

enum tm_err freeze_remove(const char *dir, struct tm_why *why)
{
    struct tree_path root;
    enum tm_err err = tree_join(dir, FROZEN_NAME, &root, why);
    return err ? err : tree_remove(root.text, why);
}
