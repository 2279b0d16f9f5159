/* One file of a log while it grows: what is read of it, and how far its lines are taken. */
#ifndef TM_CLI_SHIP_FILE_H
#define TM_CLI_SHIP_FILE_H

#include <stdbool.h>

#include "server/cli/ship/ship_state.h"

struct gunzip;

/* Zero-initialised with fd -1 is closed. */
struct ship_file {
    int fd;
    struct gunzip *packed; /* NULL: plain */
    struct ship_id id;
    struct bytes text; /* its last bytes that are taken, up to `at`; behind them what is read and not taken */
    size_t at;
    uint64_t offset;         /* bytes taken */
    uint64_t line;           /* lines taken */
    bool is_skipping;        /* inside a line that was too long */
    bool is_rotated;         /* another file has the name now */
    bool is_read;            /* and it was at its end when it was read last */
    bool is_done;            /* and it is not waited for any more */
    bool is_found;           /* closed, and the search that goes on has met it in the folder */
    int64_t grown_ns;        /* when it last grew, monotonic */
    int64_t missing_ns;      /* closed, and nowhere to be found since then, monotonic; 0: not sought yet */
    struct ship_place place; /* while it is closed; while it is open only how it begins, once that is known */
};

enum ship_read {
    SHIP_READ_SOME, /* there is more text */
    SHIP_READ_END,  /* nothing new */
    SHIP_READ_CUT   /* the file is not what it was: cut, and perhaps written again; nothing was added */
};

/* Opens path where the place says (NULL: at its beginning). TM_NOT_FOUND: no such file, or what stands before
 * the place is other text. TM_IO, TM_CORRUPT (gzip), TM_NOMEM. On failure the file is closed as before. */
enum tm_err ship_file_open(struct ship_file *file, const char *path, const struct ship_place *place,
                           struct tm_why *why) TM_MUST_CHECK;

/* Reads once. TM_IO, TM_CORRUPT, TM_NOMEM. */
enum tm_err ship_file_fill(struct ship_file *file, enum ship_read *out, struct tm_why *why) TM_MUST_CHECK;

/* The next line with its end into *out, a view until the next call on the file; false: none that is complete.
 * is_last: what has no end counts as one. A line over max bytes is cut there, and its rest is passed over. */
bool ship_file_line(struct ship_file *file, size_t max, bool is_last, struct str *out);

/* The line is taken: the place is behind it. */
void ship_file_take(struct ship_file *file, struct str line);

/* True if everything that was read is taken. */
bool ship_file_is_empty(const struct ship_file *file);

/* How far it is taken, open or closed. */
struct ship_place ship_file_place(const struct ship_file *file);

/* True if the open file still has, before where it is read to, what was read there: it was not cut. */
bool ship_file_is_same(const struct ship_file *file);

/* Whether *copy, opened at its beginning and read to its end here, holds only what stands at the beginning of
 * the open file as well: a copy of it, perhaps in the making. True too if the file was cut meanwhile, so that
 * nobody can tell. A packed file has no copies. TM_IO, TM_NOMEM. */
enum tm_err ship_file_holds(const struct ship_file *file, struct ship_file *copy, bool *out,
                            struct tm_why *why) TM_MUST_CHECK;

/* Closes it; its place stays known. */
void ship_file_close(struct ship_file *file);

#endif
