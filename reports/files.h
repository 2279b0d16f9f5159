/* Reports on disk: DIR/<service>[@env]/2026-W47/exceptions_<service>[@env]_2026-W47.html and its like. A
 * week's folder is replaced as a whole: whoever is killed at any point leaves the old set or the new one.
 * Writers take turns (a lock on DIR/.lock). One thread. */
#ifndef TM_REPORTS_FILES_H
#define TM_REPORTS_FILES_H

#include "reports/model.h"
#include "reports/render.h"
#include "storage/model/bytes.h"

enum { FILES_NAME_BYTES = 256, FILES_FILE_BYTES = 560 };

struct files {
    int folder; /* DIR; -1: not open */
    int lock;
};

/* Opens DIR, made if it is missing (its parent must be there), waits for the lock, and removes what somebody
 * who was killed left half written. TM_IO, TM_NO_SPACE. */
enum tm_err files_open(const char *dir, struct files *out, struct tm_why *why) TM_MUST_CHECK;

/* Gives the lock back. Closed already: nothing. */
void files_close(struct files *files);

/* `shop@prod`, as it stands in paths: bytes but [A-Za-z0-9._-] and a leading dot as %XX; `%` for the service
 * without a name. TM_TOO_LARGE: a path can't be so long. */
enum tm_err files_name(const char *service, const char *env, char out[FILES_NAME_BYTES],
                       struct tm_why *why) TM_MUST_CHECK;
/* `exceptions_shop@prod_2026-W47.html`. Writes and returns it. */
const char *files_file(const char *name, const char *week, enum render_format format,
                       char out[FILES_FILE_BYTES]);

/* One report in its formats; empty ones are not asked for. */
struct files_set {
    const char *name; /* of files_name */
    const char *week;
    struct str format[RENDER_FORMATS];
};

struct files_result {
    bool is_changed;
    size_t revision; /* that stands now, from 1 */
};

/* Puts a set in place. If the same bytes are there already nothing is touched; else what was there goes to
 * rev/<n>/ with a list of changes. ledger.json beside them has hashes and times (made_ms). TM_IO,
 * TM_NO_SPACE, TM_NOMEM. */
enum tm_err files_publish(const struct files *files, const struct files_set *set, time_ms_t made_ms,
                          struct files_result *out, struct tm_why *why) TM_MUST_CHECK;

/* Reads a whole file below DIR, at most most bytes. TM_NOT_FOUND, TM_IO, TM_TOO_LARGE, TM_NOMEM. */
enum tm_err files_read(const struct files *files, const char *path, size_t most,
                       struct bytes *out) TM_MUST_CHECK;
/* Writes a file below DIR so that the old or the new one is there; its folder is made. */
enum tm_err files_write(const struct files *files, const char *path, struct str content,
                        struct tm_why *why) TM_MUST_CHECK;

#endif
