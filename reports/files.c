#include "reports/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reports/escape.h"
#include "reports/files_private.h"

enum { FILE_MAX = 64 << 20, LEDGER_MAX = 16 << 20, PATH_BYTES = 900, NAME_MAX_BYTES = 200 };

static const char unfinished[] = ".new-";
static const char ledger_name[] = "ledger.json";

/* ---- names ---- */

enum tm_err files_name(const char *service, const char *env, char out[FILES_NAME_BYTES], struct tm_why *why)
{
    struct bytes name = {0};
    if (service[0] == '\0')
        bytes_u8(&name, '%');
    if (service[0] == '.') {
        bytes_printf(&name, "%%2E");
        service++;
    }
    escape_url(&name, service);
    if (env[0] != '\0') {
        bytes_u8(&name, '@');
        escape_url(&name, env);
    }
    enum tm_err err = bytes_error(&name);
    if (!err && name.len > NAME_MAX_BYTES / 2)
        err = tm_fail(why, TM_TOO_LARGE,
                      "the name of service %.60s is too long for a file: %zu bytes, at most %d", service,
                      name.len, NAME_MAX_BYTES / 2);
    if (!err) {
        memcpy(out, name.data, name.len);
        out[name.len] = '\0';
    }
    bytes_fini(&name);
    return err;
}

const char *files_file(const char *name, const char *week, enum render_format format,
                       char out[FILES_FILE_BYTES])
{
    (void)snprintf(out, FILES_FILE_BYTES, "exceptions_%s_%s.%s", name, week, render_extension(format));
    return out;
}

/* ---- opening ---- */

/* Half-written folders of somebody who was killed: below each service's folder. */
static void sweep(int folder)
{
    int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = again >= 0 ? fdopendir(again) : NULL;
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        int inner = entry->d_name[0] == '.'
                        ? -1
                        : openat(folder, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        DIR *weeks = inner >= 0 ? fdopendir(inner) : NULL;
        struct dirent *week;
        while (weeks && (week = readdir(weeks)))
            if (strncmp(week->d_name, unfinished, sizeof unfinished - 1) == 0 &&
                unlinkat(inner, week->d_name, 0) != 0)
                files_remove(inner, week->d_name);
        if (weeks)
            (void)closedir(weeks);
    }
    if (dir)
        (void)closedir(dir);
}

enum tm_err files_open(const char *dir, struct files *out, struct tm_why *why)
{
    out->lock = -1;
    out->folder = files_enter(AT_FDCWD, dir);
    if (out->folder < 0) /* a link is a folder too where the operator made it */
        out->folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (out->folder < 0)
        return files_fail(why, "opening the reports' folder", dir);
    out->lock = openat(out->folder, ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (out->lock < 0 || flock(out->lock, LOCK_EX) != 0)
        return files_fail(why, "locking the reports' folder", dir);
    sweep(out->folder);
    return TM_OK;
}

void files_close(struct files *files)
{
    if (files->lock >= 0)
        (void)close(files->lock);
    if (files->folder >= 0)
        (void)close(files->folder);
    files->lock = files->folder = -1;
}

enum tm_err files_read(const struct files *files, const char *path, size_t most, struct bytes *out)
{
    return files_get(files->folder, path, most, out);
}

enum tm_err files_write(const struct files *files, const char *path, struct str content, struct tm_why *why)
{
    char folder[PATH_BYTES], fresh[PATH_BYTES];
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    int at = -1;
    (void)snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    (void)snprintf(fresh, sizeof fresh, "%s%s", unfinished, name);
    at = files_enter(files->folder, folder);
    if (at < 0)
        return files_fail(why, "opening", folder);
    enum tm_err err = files_put(at, fresh, content, why);
    if (!err && (renameat(at, fresh, at, name) != 0 || fsync(at) != 0))
        err = files_fail(why, "renaming", name);
    (void)close(at);
    return err;
}

/* ---- publishing ---- */

struct publishing {
    const struct files_set *set;
    int service; /* folder of the service */
    int week;    /* folder of the week as it is; -1: none */
    int fresh;   /* the new one */
    char fresh_name[PATH_BYTES];
    struct bytes ledger; /* as it is */
    size_t revision;     /* as it is */
};

static bool is_same(const struct publishing *p)
{
    char name[FILES_FILE_BYTES];
    bool same = p->week >= 0;
    for (int f = 0; f < RENDER_FORMATS && same; f++) {
        struct bytes content = {0};
        (void)files_file(p->set->name, p->set->week, (enum render_format)f, name);
        enum tm_err err = files_get(p->week, name, FILE_MAX, &content);
        same = p->set->format[f].len > 0 ? !err && str_equal(bytes_view(&content), p->set->format[f])
                                         : err == TM_NOT_FOUND;
        bytes_fini(&content);
    }
    return same;
}

static enum tm_err put_changes(const struct publishing *p, int rev, struct tm_why *why)
{
    char name[FILES_FILE_BYTES];
    struct bytes before = {0}, changes = {0};
    (void)files_file(p->set->name, p->set->week, RENDER_JSON, name);
    (void)!files_get(p->week, name, FILE_MAX, &before);
    files_changes(bytes_view(&before), p->set->format[RENDER_JSON], &changes);
    enum tm_err err = bytes_error(&changes);
    if (!err && changes.len > 0)
        err = files_put(rev, "changes.md", bytes_view(&changes), why);
    bytes_fini(&before);
    bytes_fini(&changes);
    return err;
}

/* What was there goes to rev/<n>/ of the new folder, earlier revisions with it. */
static enum tm_err keep_revision(const struct publishing *p, struct tm_why *why)
{
    char number[24];
    char name[FILES_FILE_BYTES];
    enum tm_err err = TM_OK;
    int old = openat(p->week, "rev", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    int revs = files_enter(p->fresh, "rev"), rev = -1;
    (void)snprintf(number, sizeof number, "%zu", p->revision);
    if (revs >= 0 && old >= 0)
        err = files_copy(old, revs, why);
    if (revs >= 0 && !err)
        rev = files_enter(revs, number);
    if (rev < 0 && !err)
        err = files_fail(why, "making rev of", p->set->name);
    for (int f = 0; f < RENDER_FORMATS && !err; f++) {
        struct bytes content = {0};
        (void)files_file(p->set->name, p->set->week, (enum render_format)f, name);
        if (files_get(p->week, name, FILE_MAX, &content) == TM_OK)
            err = files_put(rev, name, bytes_view(&content), why);
        bytes_fini(&content);
    }
    if (!err)
        err = put_changes(p, rev, why);
    if (!err && (fsync(rev) != 0 || fsync(revs) != 0))
        err = files_fail(why, "syncing rev of", p->set->name);
    if (old >= 0)
        (void)close(old);
    if (rev >= 0)
        (void)close(rev);
    if (revs >= 0)
        (void)close(revs);
    return err;
}

static enum tm_err fill_fresh(const struct publishing *p, time_ms_t made_ms, struct tm_why *why)
{
    char name[FILES_FILE_BYTES];
    struct bytes ledger = {0};
    enum tm_err err = p->week >= 0 && p->revision > 0 ? keep_revision(p, why) : TM_OK;
    for (int f = 0; f < RENDER_FORMATS && !err; f++)
        if (p->set->format[f].len > 0)
            err = files_put(p->fresh, files_file(p->set->name, p->set->week, (enum render_format)f, name),
                            p->set->format[f], why);
    files_ledger(bytes_view(&p->ledger), p->set, p->revision + 1, made_ms, &ledger);
    if (!err)
        err = bytes_error(&ledger);
    if (!err)
        err = files_put(p->fresh, ledger_name, bytes_view(&ledger), why);
    if (!err && fsync(p->fresh) != 0)
        err = files_fail(why, "syncing", p->fresh_name);
    bytes_fini(&ledger);
    return err;
}

/* The new folder takes the old one's name, both at once where the file system can. */
static enum tm_err swap(const struct publishing *p, struct tm_why *why)
{
    const char *week = p->set->week;
    int failed = p->week >= 0 ? renameat2(p->service, p->fresh_name, p->service, week, RENAME_EXCHANGE)
                              : renameat(p->service, p->fresh_name, p->service, week);
    if (failed && p->week >= 0 && (errno == EINVAL || errno == ENOSYS || errno == EXDEV)) {
        char old[PATH_BYTES];
        (void)snprintf(old, sizeof old, "%sold-%s", unfinished, week);
        failed = renameat(p->service, week, p->service, old) != 0 ||
                 renameat(p->service, p->fresh_name, p->service, week) != 0;
        if (!failed)
            files_remove(p->service, old);
    }
    if (failed || fsync(p->service) != 0)
        return files_fail(why, "renaming the folder of", week);
    files_remove(p->service, p->fresh_name); /* which is the old one by now */
    return TM_OK;
}

static enum tm_err publish(const struct files *files, struct publishing *p, time_ms_t made_ms,
                           struct files_result *out, struct tm_why *why)
{
    p->service = files_enter(files->folder, p->set->name);
    if (p->service < 0)
        return files_fail(why, "opening the folder of", p->set->name);
    p->week = openat(p->service, p->set->week, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (p->week >= 0 && files_get(p->week, ledger_name, LEDGER_MAX, &p->ledger) == TM_OK)
        p->revision = files_revision(bytes_view(&p->ledger));
    *out = (struct files_result){.is_changed = !is_same(p), .revision = p->revision};
    if (!out->is_changed)
        return TM_OK;
    (void)snprintf(p->fresh_name, sizeof p->fresh_name, "%s%s", unfinished, p->set->week);
    files_remove(p->service, p->fresh_name);
    p->fresh = files_enter(p->service, p->fresh_name);
    if (p->fresh < 0)
        return files_fail(why, "making", p->fresh_name);
    enum tm_err err = fill_fresh(p, made_ms, why);
    out->revision = p->revision + 1;
    return err ? err : swap(p, why);
}

enum tm_err files_publish(const struct files *files, const struct files_set *set, time_ms_t made_ms,
                          struct files_result *out, struct tm_why *why)
{
    struct publishing p = {.set = set, .service = -1, .week = -1, .fresh = -1};
    why->text[0] = '\0';
    enum tm_err err = publish(files, &p, made_ms, out, why);
    const int folders[] = {p.fresh, p.week, p.service};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (folders[i] >= 0)
            (void)close(folders[i]);
    bytes_fini(&p.ledger);
    if (err && why->text[0] == '\0')
        tm_why_write(why, "writing the report of %s: %s", set->name, tm_err_text(err));
    return err;
}
