#include "storage/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/journal/journal_segment.h"

#define FORMAT_LINE "tidemark 1\n"
#define NO_FOLDER   ((struct folder){-1, -1, -1})
enum { FORMAT_BYTES = sizeof FORMAT_LINE - 1, LOCK_TEXT_BYTES = 32 };

static int open_folder(int at, const char *name)
{
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void folder_close(struct folder *folder)
{
    if (folder->journal >= 0)
        close(folder->journal);
    if (folder->lock >= 0)
        close(folder->lock);
    if (folder->fd >= 0)
        close(folder->fd);
    *folder = NO_FOLDER;
}

static enum tm_err fail_call(struct tm_why *why, const char *what, const char *dir)
{
    enum tm_err err = errno == ENOSPC || errno == EDQUOT ? TM_NO_SPACE : TM_IO;
    return tm_fail(why, err, "%s data folder %s: %s; set data_dir to a folder that this user may write to",
                   what, dir, strerror(errno));
}

/* ---- the lock ---- */

static enum tm_err take_lock(struct folder *folder, const char *dir, struct tm_why *why)
{
    char text[LOCK_TEXT_BYTES] = "";
    folder->lock = openat(folder->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (folder->lock < 0)
        return fail_call(why, "making the lock in", dir);
    if (flock(folder->lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return fail_call(why, "locking", dir);
        ssize_t got = pread(folder->lock, text, sizeof text - 1, 0);
        long pid = got > 0 ? strtol(text, NULL, 10) : 0;
        return tm_fail(
            why, TM_BUSY,
            "another process (pid %ld) writes to data folder %s: stop it or choose another data_dir", pid,
            dir);
    }
    /* Only for people; a full disk must not keep the daemon from starting. */
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(folder->lock, 0) == 0)
        (void)!pwrite(folder->lock, text, (size_t)len, 0);
    return TM_OK;
}

/* ---- FORMAT ---- */

/* TM_NOT_FOUND also for an empty or unfinished file: it is made before the first segment. */
static enum tm_err read_format(const struct folder *folder, const char *dir, struct tm_why *why)
{
    char text[64];
    int fd = openat(folder->fd, "FORMAT", O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return TM_NOT_FOUND;
    ssize_t got = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);
    int code = errno;
    if (fd >= 0)
        close(fd);
    errno = code;
    if (got < 0)
        return fail_call(why, "reading FORMAT in", dir);
    text[got] = '\0';
    if (strcmp(text, FORMAT_LINE) == 0)
        return TM_OK;
    bool unfinished = (size_t)got <= FORMAT_BYTES;
    for (ssize_t i = 0; i < got; i++)
        unfinished = unfinished && (text[i] == '\0' || text[i] == FORMAT_LINE[i]);
    if (unfinished)
        return TM_NOT_FOUND;
    return tm_fail(why, TM_CORRUPT,
                   "data folder %s holds a format that this program does not know (see its file FORMAT): use "
                   "the program that made it, or choose another data_dir",
                   dir);
}

static enum tm_err write_format(const struct folder *folder, const char *dir, const struct journal_io *io,
                                struct tm_why *why)
{
    int fd = io->open(io->self, folder->fd, "FORMAT", O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return fail_call(why, "making FORMAT in", dir);
    ssize_t wrote = io->pwrite(io->self, fd, FORMAT_LINE, FORMAT_BYTES, 0);
    if (wrote >= 0 && wrote < FORMAT_BYTES)
        errno = ENOSPC;
    bool good = wrote == FORMAT_BYTES && io->fdatasync(io->self, fd) == 0;
    int code = errno;
    (void)io->close(io->self, fd);
    errno = code;
    return good ? TM_OK : fail_call(why, "writing FORMAT in", dir);
}

static enum tm_err check_format(const struct folder *folder, const char *dir, const struct journal_io *io,
                                struct tm_why *why)
{
    enum tm_err err = read_format(folder, dir, why);
    if (err != TM_NOT_FOUND)
        return err;
    uint64_t *numbers;
    size_t count;
    err = segment_list(folder->journal, &numbers, &count);
    free(numbers);
    if (err)
        return tm_fail(why, err, "listing the journal of data folder %s failed: %s", dir, tm_err_text(err));
    if (count > 0)
        return tm_fail(why, TM_CORRUPT,
                       "data folder %s has a journal but no intact file FORMAT: put back its one line, "
                       "'tidemark 1', or choose another data_dir",
                       dir);
    return write_format(folder, dir, io, why);
}

/* ---- whose it is ---- */

/* Are there segments of a journal? Then check_format has the better words. */
static bool has_segments(const struct folder *folder)
{
    uint64_t *numbers = NULL;
    size_t count = 0;
    int journal = open_folder(folder->fd, "journal");
    if (journal < 0)
        return false;
    bool any = segment_list(journal, &numbers, &count) != TM_OK || count > 0;
    free(numbers);
    close(journal);
    return any;
}

/* A folder without FORMAT that has what the store would write into belongs to somebody else: nothing is made
 * in it. What else lies there (a configuration, a log) is no hindrance. */
static enum tm_err refuse_foreign(const struct folder *folder, const char *dir, struct tm_why *why)
{
    static const char *const made[] = {"index", "raw", "counts",  "events", "tops",
                                       "r5m",   "r1h", "scoring", "frozen", "page_groups"};
    struct stat there;
    enum tm_err err = read_format(folder, dir, why);
    if (err != TM_NOT_FOUND || has_segments(folder))
        return err == TM_NOT_FOUND ? TM_OK : err;
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        if (fstatat(folder->fd, made[i], &there, AT_SYMLINK_NOFOLLOW) == 0)
            return tm_fail(
                why, TM_CORRUPT,
                "%s holds \"%s\" but no file FORMAT: if tidemark made it, put back that file's one "
                "line, 'tidemark 1'; else set data_dir to a new folder (one below it will do)",
                dir, made[i]);
        if (errno != ENOENT)
            return fail_call(why, "looking into", dir);
    }
    return TM_OK;
}

/* ---- opening ---- */

/* Makes a folder if it is missing. *made tells that its parent has to be synced. */
static enum tm_err make_folder(int at, const char *name, const struct journal_io *io, bool *made)
{
    *made = io->make_folder(io->self, at, name, 0750) == 0;
    return *made || errno == EEXIST ? TM_OK : TM_IO;
}

static enum tm_err sync_parent(const struct folder *folder, const struct journal_io *io)
{
    int parent = open_folder(folder->fd, "..");
    if (parent < 0)
        return TM_IO;
    int result = io->sync_folder(io->self, parent);
    int code = errno;
    close(parent);
    errno = code;
    return result == 0 ? TM_OK : TM_IO;
}

static enum tm_err open_parts(struct folder *folder, const char *dir, const struct journal_io *io,
                              struct tm_why *why)
{
    bool made;
    if (make_folder(AT_FDCWD, dir, io, &made) != TM_OK)
        return fail_call(why, "making", dir);
    folder->fd = open_folder(AT_FDCWD, dir);
    if (folder->fd < 0 || (made && sync_parent(folder, io) != TM_OK))
        return fail_call(why, "opening", dir);
    enum tm_err err = refuse_foreign(folder, dir, why);
    if (!err)
        err = take_lock(folder, dir, why);
    if (err)
        return err;
    if (make_folder(folder->fd, "journal", io, &made) != TM_OK)
        return fail_call(why, "making the journal of", dir);
    folder->journal = open_folder(folder->fd, "journal");
    if (folder->journal < 0)
        return fail_call(why, "opening the journal of", dir);
    err = check_format(folder, dir, io, why);
    if (err)
        return err;
    /* Every start: the one before may have been killed between making and syncing. */
    if (io->sync_folder(io->self, folder->fd) != 0 || io->sync_folder(io->self, folder->journal) != 0)
        return fail_call(why, "syncing", dir);
    return TM_OK;
}

enum tm_err folder_open(struct folder *folder, const char *dir, const struct journal_io *io,
                        struct tm_why *why)
{
    *folder = NO_FOLDER;
    enum tm_err err = open_parts(folder, dir, io, why);
    if (err)
        folder_close(folder);
    return err;
}

enum tm_err folder_open_reading(struct folder *folder, const char *dir, struct tm_why *why)
{
    *folder = NO_FOLDER;
    enum tm_err err = TM_NOT_FOUND;
    folder->fd = open_folder(AT_FDCWD, dir);
    if (folder->fd < 0 && errno != ENOENT && errno != ENOTDIR)
        err = fail_call(why, "opening", dir);
    else if (folder->fd >= 0)
        err = read_format(folder, dir, why);
    if (!err) {
        folder->journal = open_folder(folder->fd, "journal");
        if (folder->journal < 0) /* missing: the first start did not get as far */
            err = errno == ENOENT ? TM_NOT_FOUND : fail_call(why, "opening the journal of", dir);
    }
    if (err == TM_NOT_FOUND)
        tm_fail(why, err, "%s is not a tidemark data folder: check data_dir, or start the daemon once", dir);
    if (err)
        folder_close(folder);
    return err;
}
