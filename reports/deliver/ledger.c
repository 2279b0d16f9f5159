#include "reports/deliver/ledger_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reports/files_private.h"

enum { FILE_MODE = 0600, TEXT_MAX = 128 << 20, SPARSE_LINES = 256, SPARSE_TIMES = 2 };

static const char name[] = ".deliveries";
static const char fresh_name[] = ".deliveries.new";
static const char lock_name[] = ".deliveries.lock";

/* ---- opening ---- */

static enum tm_err lock_folder(int folder, struct ledger *out, struct tm_why *why)
{
    out->lock = openat(folder, lock_name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (out->lock < 0 || flock(out->lock, LOCK_EX) != 0)
        return files_fail(why, "locking", lock_name);
    return TM_OK;
}

/* Writes what holds into a new file that takes the old one's name. */
static enum tm_err rewrite(int folder, const struct ledger *ledger, struct tm_why *why)
{
    struct bytes text = {0};
    for (size_t i = 0; i < ledger->count; i++)
        ledger_write(&ledger->entries[i], &text);
    enum tm_err err = bytes_error(&text);
    if (!err)
        err = files_put(folder, fresh_name, bytes_view(&text), why);
    if (!err && (fchmodat(folder, fresh_name, FILE_MODE, 0) != 0 ||
                 renameat(folder, fresh_name, folder, name) != 0 || fsync(folder) != 0))
        err = files_fail(why, "renaming", fresh_name);
    bytes_fini(&text);
    return err;
}

static enum tm_err open_file(int folder, struct ledger *out, struct tm_why *why)
{
    out->file = openat(folder, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (out->file < 0 || fsync(folder) != 0)
        return files_fail(why, "opening", name);
    return TM_OK;
}

/* The torn tail goes, so that the next line begins one. whole: SIZE_MAX, there is none. */
static enum tm_err seek_end(const struct ledger *ledger, size_t whole, struct tm_why *why)
{
    struct stat info;
    if (fstat(ledger->file, &info) != 0)
        return files_fail(why, "reading", name);
    if (whole < (size_t)info.st_size && (ftruncate(ledger->file, (off_t)whole) != 0 || fsync(ledger->file)))
        return files_fail(why, "cutting", name);
    return lseek(ledger->file, 0, SEEK_END) < 0 ? files_fail(why, "reading", name) : TM_OK;
}

/* As it lies there; *whole: its bytes without the torn tail. */
static enum tm_err read_lines(int folder, time_ms_t from, struct ledger *out, size_t *whole,
                              struct tm_why *why)
{
    struct bytes text = {0};
    enum tm_err err = files_get(folder, name, TEXT_MAX, &text);
    *whole = 0;
    if (err == TM_NOT_FOUND)
        err = TM_OK;
    if (!err)
        err = ledger_take(out, bytes_view(&text), from, whole);
    bytes_fini(&text);
    return err ? tm_fail(why, err, "reading %s: %s", name, tm_err_text(err)) : TM_OK;
}

enum tm_err ledger_open(int folder, time_ms_t from, struct ledger *out, struct tm_why *why)
{
    struct tm_why unused;
    size_t whole;
    *out = (struct ledger){.lock = -1, .file = -1};
    enum tm_err err = lock_folder(folder, out, why);
    if (!err)
        err = read_lines(folder, from, out, &whole, why);
    if (err)
        return err;
    /* Without room on the disk it stays as long as it is. */
    bool is_sparse = out->lines > SPARSE_LINES + SPARSE_TIMES * out->count;
    bool is_rewritten = is_sparse && rewrite(folder, out, &unused) == TM_OK;
    err = open_file(folder, out, why);
    return err ? err : seek_end(out, is_rewritten ? SIZE_MAX : whole, why);
}

void ledger_close(struct ledger *ledger)
{
    free(ledger->entries);
    if (ledger->file >= 0)
        (void)close(ledger->file);
    if (ledger->lock >= 0)
        (void)close(ledger->lock);
    *ledger = (struct ledger){.lock = -1, .file = -1};
}

/* ---- notes ---- */

size_t ledger_failures(const struct ledger *ledger, const char *receiver, time_ms_t *rests_until)
{
    const struct ledger_entry *last = NULL;
    *rests_until = INT64_MIN;
    for (size_t i = 0; i < ledger->count; i++) {
        const struct ledger_entry *entry = &ledger->entries[i];
        if (strcmp(entry->receiver, receiver) == 0 && entry->state != LEDGER_SENDING &&
            (!last || entry->time >= last->time))
            last = entry;
    }
    if (!last || last->state != LEDGER_WAITING)
        return 0;
    *rests_until = last->next;
    return last->failures;
}

/* One line behind the others. What was written of it when it failed goes again. */
static enum tm_err append(const struct ledger *ledger, struct str line, struct tm_why *why)
{
    off_t end = lseek(ledger->file, 0, SEEK_END);
    if (end < 0)
        return files_fail(why, "writing", name);
    ssize_t n = write(ledger->file, line.ptr, line.len);
    if (n == (ssize_t)line.len && fdatasync(ledger->file) == 0)
        return TM_OK;
    if (n >= 0 && n < (ssize_t)line.len)
        errno = ENOSPC;
    enum tm_err err = files_fail(why, "writing", name);
    (void)!ftruncate(ledger->file, end);
    return err;
}

enum tm_err ledger_note(struct ledger *ledger, const struct ledger_entry *entry, struct tm_why *why)
{
    struct bytes line = {0};
    ledger_write(entry, &line);
    enum tm_err err = bytes_error(&line);
    if (!err)
        err = ledger_reserve(ledger, entry);
    if (err)
        tm_why_write(why, "noting in %s: %s", name, tm_err_text(err));
    else
        err = append(ledger, bytes_view(&line), why);
    if (!err)
        ledger_put(ledger, entry);
    bytes_fini(&line);
    return err;
}
