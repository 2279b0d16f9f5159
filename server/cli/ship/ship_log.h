/* A log by its name, over its rotations: the file that has the name now, and those that had it before. */
#ifndef TM_CLI_SHIP_LOG_H
#define TM_CLI_SHIP_LOG_H

#include "server/cli/ship/ship_file.h"

/* Zero-initialised, then ship_log_init. */
struct ship_log {
    const char *given;                      /* the name as it was given; the caller's */
    char *path;                             /* absolute */
    size_t base;                            /* where in it the name without the folder begins */
    struct ship_file files[SHIP_FILES_MAX]; /* oldest first; the one that has the name, if any, is the last */
    size_t file_count;
    int64_t watermark_ns; /* as in the state */
    bool is_known;        /* it is in the state, or has been looked at once */
    bool is_search_due;   /* files may have been rotated away that nobody knows */
    int64_t searched_ns;  /* when they were looked for last, monotonic */
    int64_t folder_ns;    /* when the folder had changed last then; 0: just before */
};

/* given: the file to follow, there or not; its folder must be. state: what is known of its log; NULL: none.
 * TM_IO, TM_INVALID, TM_NOMEM. ship_log_fini in any case. */
enum tm_err ship_log_init(struct ship_log *log, const char *given, struct ship_state *state,
                          struct tm_why *why) TM_MUST_CHECK;

/* Closes its files and forgets them; zeroed then. */
void ship_log_fini(struct ship_log *log);

/* Looks at the names: opens what has come, finds again what was rotated away. Tells on stderr what is lost.
 * TM_IO, TM_CORRUPT, TM_NOMEM. */
enum tm_err ship_log_look(struct ship_log *log, struct tm_why *why) TM_MUST_CHECK;

/* The file at this index was cut (SHIP_READ_CUT): its name is read from the beginning, its rest sought in a
 * copy, by the next ship_log_look. */
void ship_log_cut(struct ship_log *log, size_t index);

/* True if the file at this index was rotated away and will hardly grow, or too many of them are open: what
 * has no line end is a line then.
 * To be asked at its end. */
bool ship_log_is_over(const struct ship_log *log, size_t index);

/* That file's lines are all taken: closes it. */
void ship_log_finish(struct ship_log *log, size_t index);

/* Notes the places in the state. TM_NOMEM, TM_LIMIT. */
enum tm_err ship_log_note(const struct ship_log *log, struct ship_state *state,
                          struct tm_why *why) TM_MUST_CHECK;

#endif
