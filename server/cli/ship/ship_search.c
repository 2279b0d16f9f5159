/* Which file of the folder is which of the log's list:
 *
 *  1. A file with the id of one that is known, and its text, is that one: renamed at most.
 *  2. What is left may be where a file went that is not read to its end: its text tells.
 *  3. What is left, and is no older than a file that is open, and wholly stands at the beginning of that one,
 *     is a copy of it, which is taken only when the file is cut: it is asked again.
 *  4. What is left may be a file that is done and gone, packed now: its text tells.
 *  5. What is left is new, if its name is that of a rotated file and it was written since the log is
 * followed.
 *
 * In doubt a file is new: a line that counts twice does less harm than one that is lost. */
#include "server/cli/ship/ship_search.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "server/cli/ship/ship_folder.h"
#include "storage/model/clock.h"

/* What is sought may be on its way from one name to another. */
#define GIVE_UP_NS (INT64_C(3) * 1000000000)
/* What was written since then may be a copy in the making. */
#define YOUNG_NS  (INT64_C(30) * 1000000000)
#define NS_PER_MS INT64_C(1000000)

enum tm_err ship_search_begin(struct ship_log *log, struct tm_why *why)
{
    struct ship_folder folder = {0};
    enum tm_err err = ship_folder_list(log, &folder, why);
    for (size_t i = 0; i < folder.count; i++)
        if (folder.all[i].is_rotation && folder.all[i].mtime_ns >= log->watermark_ns)
            log->watermark_ns = folder.all[i].mtime_ns + 1;
    ship_folder_fini(&folder);
    return err;
}

/* ---- opening ---- */

/* Opens a candidate at the place (NULL: at its beginning). TM_NOT_FOUND: it is another text, or damaged, or
 * not for us, or another file has its name by now. */
static enum tm_err open_candidate(struct ship_log *log, const struct ship_candidate *one,
                                  const struct ship_place *place, struct ship_file *out, struct tm_why *why)
{
    char path[PATH_MAX];
    struct ship_file opened = {.fd = -1};
    enum tm_err err =
        ship_folder_path(log, one, path) ? ship_file_open(&opened, path, place, why) : TM_NOT_FOUND;
    if (!err && !ship_id_is_same(&opened.id, &one->id)) {
        ship_file_close(&opened);
        log->is_search_due = true;
        err = TM_NOT_FOUND;
    }
    if (err)
        return err == TM_NOMEM ? err : TM_NOT_FOUND;
    opened.is_rotated = true;
    *out = opened;
    return TM_OK;
}

/* Opens the candidate as this file of the list, if its text is there. TM_NOT_FOUND: it is not; TM_BUSY: too
 * many are open. */
static enum tm_err open_as(struct ship_log *log, struct ship_candidate *one, struct ship_file *file,
                           struct tm_why *why)
{
    struct ship_file opened;
    if (ship_log_is_crowded(log))
        return TM_BUSY;
    enum tm_err err = open_candidate(log, one, &file->place, &opened, why);
    if (err)
        return err;
    *file = opened;
    one->is_known = true;
    return TM_OK;
}

/* ---- known by the id ---- */

/* Done, and nothing was written since. Packed files are mostly smaller than what is read of them. */
static bool is_settled(const struct ship_file *file, const struct ship_candidate *one)
{
    const struct ship_place *place = &file->place;
    return file->is_done && place->mtime_ns == one->mtime_ns &&
           (one->is_packed || one->bytes <= place->offset);
}

/* Several files of the list have one id where a file was cut: the most text is asked for first. */
static struct ship_file *next_by_id(struct ship_log *log, const struct ship_id *id,
                                    const struct ship_file *before)
{
    struct ship_file *best = NULL;
    for (size_t i = 0; i < log->file_count; i++) {
        struct ship_file *file = &log->files[i];
        bool is_asked = before && (file->place.offset > before->place.offset ||
                                   (file->place.offset == before->place.offset && file >= before));
        if (file->fd < 0 && !file->is_found && !is_asked && ship_id_is_same(&file->place.id, id) &&
            (!best || file->place.offset >= best->place.offset))
            best = file;
    }
    return best;
}

static enum tm_err find_by_id(struct ship_log *log, struct ship_candidate *one, struct tm_why *why)
{
    for (size_t i = 0; i < log->file_count; i++)
        one->is_known |= log->files[i].fd >= 0 && ship_id_is_same(&log->files[i].id, &one->id);
    struct ship_file *file = NULL;
    while (!one->is_known && (file = next_by_id(log, &one->id, file))) {
        if (is_settled(file, one)) {
            file->is_found = true;
            one->is_known = true;
            return TM_OK;
        }
        enum tm_err err = open_as(log, one, file, why);
        if (err && err != TM_NOT_FOUND)
            return err;
    }
    return TM_OK;
}

/* ---- known by the text ---- */

/* The candidate has the text of a file that was not met: it is that one. */
static enum tm_err find_by_text(struct ship_log *log, struct ship_candidate *one, bool is_done,
                                struct tm_why *why)
{
    for (size_t i = log->file_count; i-- > 0 && !one->is_known;) {
        struct ship_file *file = &log->files[i];
        if (file->fd >= 0 || file->is_found || file->is_done != is_done || !file->place.offset)
            continue;
        enum tm_err err = open_as(log, one, file, why);
        if (err && err != TM_NOT_FOUND)
            return err;
    }
    return TM_OK;
}

/* True if the candidate may be made of this file: a copy of the one that has the name, to cut that then, or
 * one packed of a file that is gone. A copy is no older than what it is made of. */
static bool may_be_original(const struct ship_file *file, const struct ship_candidate *one)
{
    struct ship_stat info;
    bool is_older = one->id.born_ns && one->id.born_ns < file->id.born_ns;
    if (file->fd < 0 || file->packed || is_older)
        return false;
    return !file->is_rotated ||
           (one->is_packed && ship_stat(file->fd, NULL, &info) == TM_OK && info.is_gone) ||
           !ship_file_is_same(file);
}

/* A copy of a file that is open is known by that; it is taken when the file is cut. */
static enum tm_err find_original(struct ship_log *log, struct ship_candidate *one, struct tm_why *why)
{
    for (size_t i = 0; i < log->file_count && !one->is_known; i++) {
        struct ship_file copy = {.fd = -1};
        bool is_held = false;
        if (!may_be_original(&log->files[i], one))
            continue;
        enum tm_err err = open_candidate(log, one, NULL, &copy, why);
        if (err)
            return err == TM_NOT_FOUND ? TM_OK : err;
        err = ship_file_holds(&log->files[i], &copy, &is_held, why);
        ship_file_close(&copy);
        if (err == TM_NOMEM)
            return err;
        one->is_known = is_held;
    }
    return TM_OK;
}

/* ---- new ---- */

static enum tm_err add_new(struct ship_log *log, struct ship_candidate *one, struct tm_why *why)
{
    struct ship_file found;
    if (ship_log_is_crowded(log))
        return TM_BUSY;
    enum tm_err err = open_candidate(log, one, NULL, &found, why);
    if (err)
        return err == TM_NOT_FOUND ? TM_OK : err;
    one->is_left = !ship_log_add(log, &found);
    if (one->is_left) {
        ship_file_close(&found);
        log->is_search_due = true;
    }
    return TM_OK;
}

/* Not to be opened yet: empty, or half of what is packed, or a copy. That a file is cut or removed is seen; a
 * young one is asked again without that. */
static void leave(struct ship_log *log, const struct ship_candidate *one)
{
    int64_t age_ns = clock_wall_ms(clock_system()) * NS_PER_MS - one->mtime_ns;
    log->is_search_due |= one->is_rotation && age_ns < YOUNG_NS;
}

/* Takes the candidate for what it is. TM_BUSY: too many are open. */
static enum tm_err settle(struct ship_log *log, struct ship_candidate *one, struct tm_why *why)
{
    if (!one->bytes || ship_folder_is_growing(log, one)) {
        leave(log, one);
        return TM_OK;
    }
    enum tm_err err = find_by_text(log, one, false, why);
    if (err || one->is_known || !one->is_rotation || one->mtime_ns < log->watermark_ns)
        return err;
    one->is_left = true;
    err = find_original(log, one, why);
    if (err || one->is_known) {
        leave(log, one);
        return err;
    }
    err = find_by_text(log, one, true, why);
    one->is_left = !one->is_known;
    return err || one->is_known ? err : add_new(log, one, why);
}

/* ---- lost ---- */

/* The file at this index is nowhere: it is looked for again, or given up. One of which nothing was taken is
 * new wherever it comes back. */
static void miss(struct ship_log *log, size_t index, bool is_moving)
{
    struct ship_file *file = &log->files[index];
    int64_t now = clock_mono_ns(clock_system());
    if (!file->missing_ns)
        file->missing_ns = now;
    if (now - file->missing_ns < GIVE_UP_NS || is_moving) {
        log->is_search_due = true;
        return;
    }
    file->is_done = true;
    if (!file->place.offset)
        ship_log_remove(log, index);
    else if (!file->place.is_read)
        fprintf(stderr,
                "tidemark: %s: the file that was read to byte %" PRIu64
                " is gone, and no copy is found; what stood behind is lost\n",
                log->given, file->place.offset);
}

/* When the oldest file of the log was written that is not in its list. */
static int64_t oldest_left_ns(const struct ship_folder *folder)
{
    for (size_t i = 0; i < folder->count; i++) /* oldest first */
        if (folder->all[i].is_left)
            return folder->all[i].mtime_ns;
    return INT64_MAX;
}

enum tm_err ship_search(struct ship_log *log, struct tm_why *why)
{
    struct ship_folder folder = {0};
    enum tm_err err = ship_folder_list(log, &folder, why);
    log->is_search_due = folder.is_moving;
    log->searched_ns = clock_mono_ns(clock_system());
    for (size_t i = 0; i < log->file_count; i++)
        log->files[i].is_found = false;
    for (size_t i = 0; i < folder.count && !err; i++)
        err = find_by_id(log, &folder.all[i], why);
    for (size_t i = 0; i < folder.count && !err; i++)
        if (!folder.all[i].is_known)
            err = settle(log, &folder.all[i], why);
    for (size_t i = log->file_count; i-- > 0 && !err;)
        if (log->files[i].fd < 0 && !log->files[i].is_done)
            miss(log, i, folder.is_moving);
    if (!err && !folder.is_moving && folder.count < SHIP_FOLDER_MAX)
        ship_log_forget(log, oldest_left_ns(&folder));
    ship_folder_fini(&folder);
    /* What is not looked at yet waits until one of the open ones is done. */
    log->is_search_due |= err == TM_BUSY;
    return err == TM_BUSY ? TM_OK : err;
}
