/* What stands in a log's folder that may be a file of the log. Part of ship_log. */
#ifndef TM_CLI_SHIP_FOLDER_H
#define TM_CLI_SHIP_FOLDER_H

#include <limits.h>

#include "server/cli/ship/ship_log.h"

struct ship_candidate {
    char name[NAME_MAX + 1]; /* without the folder; never the log's own */
    struct ship_id id;
    uint64_t bytes;
    int64_t mtime_ns;
    bool is_rotation; /* by its name: the log's, and a number or a date behind it */
    bool is_packed;   /* by its name */
    bool is_known;    /* it is a file of the log's list, or a copy of one */
    bool is_left;     /* it is a file of the log, and not in its list yet */
};

struct ship_folder {
    struct ship_candidate *all; /* oldest first */
    size_t count;
    bool is_moving; /* files were renamed while it was listed: it may lack some */
};

/* Lists files whose names begin with the log's, or that have an id of the log's list. *out is
 * zero-initialised before. TM_IO, TM_NOMEM. ship_folder_fini in any case. */
enum tm_err ship_folder_list(const struct ship_log *log, struct ship_folder *out,
                             struct tm_why *why) TM_MUST_CHECK;

/* Frees the list; it is empty then. */
void ship_folder_fini(struct ship_folder *folder);

/* The candidate's path. False: it is too long. */
bool ship_folder_path(const struct ship_log *log, const struct ship_candidate *one, char out[PATH_MAX]);

/* True if the candidate is packed and the file that it is made of is there still, so it may be half of it. */
bool ship_folder_is_growing(const struct ship_log *log, const struct ship_candidate *one);

#endif
