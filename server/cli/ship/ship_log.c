#include "server/cli/ship/ship_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/cli/ship/ship_search.h"
#include "server/wire/utf8.h"
#include "storage/model/clock.h"

enum { OPEN_MAX = 32 };                      /* rotated files of a log at a time */
#define LINGER_NS (INT64_C(30) * 1000000000) /* a writer may go on for a while after a rotation */
#define NS_PER_MS INT64_C(1000000)
#define STEP_NS   INT64_C(1000000000)        /* the coarsest of file systems' clocks that we heard of */
#define SEARCH_NS (INT64_C(10) * 1000000000) /* and later still, in a file that is done */

/* ---- the list of files ---- */

/* The file that has the name; NULL: none is known. */
static struct ship_file *current_of(struct ship_log *log)
{
    struct ship_file *last = log->file_count ? &log->files[log->file_count - 1] : NULL;
    return last && !last->is_rotated ? last : NULL;
}

void ship_log_remove(struct ship_log *log, size_t index)
{
    ship_file_close(&log->files[index]);
    log->file_count--;
    memmove(&log->files[index], &log->files[index + 1], (log->file_count - index) * sizeof log->files[0]);
}

/* The file that is done and was written first; is_gone: of those that the folder lacks. file_count: none. */
static size_t oldest_done(const struct ship_log *log, bool is_gone)
{
    size_t oldest = log->file_count;
    for (size_t i = 0; i < log->file_count; i++)
        if (log->files[i].fd < 0 && log->files[i].is_done && !(is_gone && log->files[i].is_found) &&
            (oldest == log->file_count || log->files[i].place.mtime_ns < log->files[oldest].place.mtime_ns))
            oldest = i;
    return oldest;
}

/* Takes a file that is done from the list; what was written up to then is none of the log's any more. */
static void forget(struct ship_log *log, size_t index)
{
    if (log->files[index].place.mtime_ns >= log->watermark_ns)
        log->watermark_ns = log->files[index].place.mtime_ns + 1;
    ship_log_remove(log, index);
}

void ship_log_forget(struct ship_log *log, int64_t until_ns)
{
    while (log->file_count > SHIP_KEPT_MAX) {
        size_t oldest = oldest_done(log, false);
        if (oldest == log->file_count || log->files[oldest].place.mtime_ns >= until_ns)
            return;
        forget(log, oldest);
    }
}

/* Room for one more: of what the folder lacks nothing can come again. A full list has such files, unless the
 * folder has more files than are looked at. False: all are in use. */
static bool make_room(struct ship_log *log)
{
    if (log->file_count < SHIP_FILES_MAX)
        return true;
    size_t gone = oldest_done(log, true);
    size_t oldest = oldest_done(log, false);
    if (gone < log->file_count)
        ship_log_remove(log, gone);
    else if (oldest < log->file_count)
        forget(log, oldest);
    return log->file_count < SHIP_FILES_MAX;
}

bool ship_log_is_crowded(const struct ship_log *log)
{
    size_t open = 0;
    for (size_t i = 0; i < log->file_count; i++)
        open += log->files[i].fd >= 0 && log->files[i].is_rotated;
    return open >= OPEN_MAX;
}

bool ship_log_add(struct ship_log *log, const struct ship_file *file)
{
    if (!make_room(log))
        return false;
    size_t at = log->file_count;
    if (file->is_rotated && current_of(log)) {
        log->files[at] = log->files[at - 1];
        at--;
    }
    log->files[at] = *file;
    log->file_count++;
    return true;
}

/* ---- beginning ---- */

static enum tm_err find_path(struct ship_log *log, struct tm_why *why)
{
    char folder[PATH_MAX];
    char full[PATH_MAX];
    char path[PATH_MAX];
    const char *slash = strrchr(log->given, '/');
    size_t len = slash ? (size_t)(slash - log->given) : 0;
    const char *base = slash ? slash + 1 : log->given;
    if (len >= sizeof folder || !*base)
        return tm_fail(why, TM_INVALID, "%.200s is not the name of a file", log->given);
    if (slash)
        (void)snprintf(folder, sizeof folder, "%.*s", len ? (int)len : 1, log->given);
    if (!realpath(slash ? folder : ".", full))
        return tm_fail(why, TM_IO, "cannot follow %s: its folder: %s", log->given, strerror(errno));
    if (snprintf(path, sizeof path, "%s/%s", strcmp(full, "/") == 0 ? "" : full, base) >= (int)sizeof path)
        return tm_fail(why, TM_INVALID, "the name is too long: %.200s", log->given);
    for (size_t i = 0; path[i];) { /* the state holds it as text */
        size_t step = utf8_sequence_len((struct str){path + i, strlen(path + i)});
        if (!step)
            return tm_fail(why, TM_INVALID, "the name of %.200s is no UTF-8; follow it under another one",
                           log->given);
        i += step;
    }
    log->path = strdup(path);
    log->base = strlen(path) - strlen(base);
    return log->path ? TM_OK : tm_fail(why, TM_NOMEM, "out of memory");
}

enum tm_err ship_log_init(struct ship_log *log, const char *given, struct ship_state *state,
                          struct tm_why *why)
{
    log->given = given;
    enum tm_err err = find_path(log, why);
    for (size_t i = 0; !err && i < state->log_count; i++) {
        const struct ship_log_state *known = &state->logs[i];
        if (strcmp(known->name, log->path) != 0)
            continue;
        log->is_known = true;
        log->watermark_ns = known->watermark_ns;
        /* Which of them has the name now is seen when they are looked for. */
        for (size_t j = 0; j < known->file_count; j++)
            log->files[log->file_count++] = (struct ship_file){
                .fd = -1, .is_rotated = true, .is_done = known->files[j].is_done, .place = known->files[j]};
        log->is_search_due = true;
    }
    return err;
}

void ship_log_fini(struct ship_log *log)
{
    for (size_t i = 0; i < log->file_count; i++)
        ship_file_close(&log->files[i]);
    free(log->path);
    *log = (struct ship_log){0};
}

/* ---- the name ---- */

/* The file under the name is one that was read before this run; true: it goes on there. */
static enum tm_err resume(struct ship_log *log, const struct ship_stat *info, bool *out, struct tm_why *why)
{
    *out = false;
    for (size_t i = log->file_count; i-- > 0;) {
        struct ship_file *file = &log->files[i];
        if (file->fd >= 0 || !ship_id_is_same(&file->place.id, &info->id))
            continue;
        struct ship_file opened = {.fd = -1};
        enum tm_err err = ship_file_open(&opened, log->path, &file->place, why);
        if (err == TM_NOT_FOUND)
            continue; /* cut since then: it is another text */
        if (err)
            return err;
        ship_log_remove(log, i);
        *out = true;
        return ship_log_add(log, &opened) ? TM_OK : tm_fail(why, TM_LIMIT, "%s: too many files", log->given);
    }
    return TM_OK;
}

static enum tm_err open_name(struct ship_log *log, const struct ship_stat *info, struct tm_why *why)
{
    bool is_resumed;
    enum tm_err err = resume(log, info, &is_resumed, why);
    if (err || is_resumed)
        return err;
    struct ship_file opened = {.fd = -1};
    err = ship_file_open(&opened, log->path, NULL, why);
    if (err)
        return err == TM_NOT_FOUND ? TM_OK : err;
    if (ship_log_add(log, &opened))
        return TM_OK;
    ship_file_close(&opened);
    return TM_OK; /* next time, when an older one is done */
}

/* True if files came, went or were renamed since this was asked last. The clock of a file system has steps,
 * so a change of just now is one the next time too. */
static bool has_folder_changed(struct ship_log *log)
{
    char folder[PATH_MAX];
    struct ship_stat info;
    (void)snprintf(folder, sizeof folder, "%.*s", (int)log->base, log->path);
    if (ship_stat(-1, folder, &info) != TM_OK)
        return false;
    int64_t age_ns = clock_wall_ms(clock_system()) * NS_PER_MS - info.mtime_ns;
    bool has_changed = info.mtime_ns != log->folder_ns;
    log->folder_ns = age_ns >= -STEP_NS && age_ns < STEP_NS ? 0 : info.mtime_ns;
    return has_changed;
}

enum tm_err ship_log_look(struct ship_log *log, struct tm_why *why)
{
    struct ship_stat info;
    enum tm_err there = ship_stat(-1, log->path, &info);
    bool is_there = there == TM_OK;
    if (there == TM_IO)
        return tm_fail(why, TM_IO, "cannot follow %s: %s", log->given, strerror(errno));
    struct ship_file *current = current_of(log);
    if (is_there && current && !ship_id_is_same(&current->id, &info.id)) {
        current->is_rotated = true;
        current = NULL;
        log->is_search_due = true;
    }
    enum tm_err err = TM_OK;
    if (!log->is_known) {
        err = ship_search_begin(log, why);
        log->is_known = !err;
        log->is_search_due = true; /* for what is rotated while the name is opened */
    }
    if (!err && is_there && !current)
        err = open_name(log, &info, why);
    log->is_search_due |=
        has_folder_changed(log) || clock_mono_ns(clock_system()) - log->searched_ns > SEARCH_NS;
    if (!err && log->is_search_due)
        err = ship_search(log, why);
    return err;
}

/* What stands in a file now that was cut under another name: nobody would find it by its name. */
static void add_rest(struct ship_log *log, const struct ship_file *file)
{
    struct ship_file rest = {.fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0),
                             .id = file->id,
                             .is_rotated = true,
                             .grown_ns = clock_mono_ns(clock_system())};
    if (rest.fd >= 0 && (lseek(rest.fd, 0, SEEK_SET) != 0 || !ship_log_add(log, &rest)))
        ship_file_close(&rest);
}

void ship_log_cut(struct ship_log *log, size_t index)
{
    struct ship_file cut = log->files[index];
    if (cut.is_rotated && log->file_count < SHIP_FILES_MAX)
        add_rest(log, &cut);
    struct ship_file *file = &log->files[index];
    ship_file_close(file);
    file->is_rotated = true;
    log->is_search_due = true;
    if (!file->place.offset)
        ship_log_remove(log, index); /* a copy of it is new */
}

/* ---- the end of a file ---- */

bool ship_log_is_over(const struct ship_log *log, size_t index)
{
    const struct ship_file *file = &log->files[index];
    struct ship_stat info;
    if (file->fd < 0 || !file->is_rotated)
        return false;
    bool is_gone = ship_stat(file->fd, NULL, &info) == TM_OK && info.is_gone;
    bool is_idle = clock_mono_ns(clock_system()) - file->grown_ns > LINGER_NS;
    return file->packed || is_gone || is_idle || ship_log_is_crowded(log);
}

void ship_log_finish(struct ship_log *log, size_t index)
{
    struct ship_file *file = &log->files[index];
    struct ship_stat info;
    file->is_done = true;
    bool is_told = ship_stat(file->fd, NULL, &info) == TM_OK;
    ship_file_close(file);
    file->place.mtime_ns = is_told ? info.mtime_ns : 0;
    file->is_found = is_told && !info.is_gone;
}

enum tm_err ship_log_note(const struct ship_log *log, struct ship_state *state, struct tm_why *why)
{
    struct ship_log_state *note = ship_state_log(state, log->path, why);
    if (!note)
        return TM_LIMIT;
    if (ship_state_reserve(note, log->file_count, why) != TM_OK)
        return TM_NOMEM;
    note->watermark_ns = log->watermark_ns;
    note->file_count = log->file_count;
    for (size_t i = 0; i < log->file_count; i++)
        note->files[i] = ship_file_place(&log->files[i]);
    return TM_OK;
}
