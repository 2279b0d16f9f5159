/* The parts of `tidemark import`: settings, a first look at all files, then row by row into batches. A row is
 * a record of CSV, or a line of an access log. */
#ifndef TM_CLI_IMPORT_H
#define TM_CLI_IMPORT_H

#include "server/cli/access_log.h"
#include "server/cli/import_file.h"
#include "server/cli/import_map.h"
#include "server/cli/options.h"
#include "server/cli/push.h"

enum import_move { IMPORT_SHIFT, IMPORT_END_AT, IMPORT_REPLAY, IMPORT_YESTERDAY };

struct import {
    struct push push;      /* first: its on_sent finds the import */
    bool is_log;           /* else CSV */
    struct access_log log; /* if is_log */
    struct import_map map; /* of CSV; shift_ms and until are for both */
    struct sender_options sender;
    const char **names;
    size_t file_count;
    char delimiter;
    bool has_header;
    bool is_again;
    bool is_dry;
    bool is_json;
    bool is_progress;
    uint64_t max_errors;
    enum import_move move;
    time_ms_t target;  /* of --end-at, --replay-until and --shift-weeks-to-yesterday */
    time_ms_t newest;  /* of all rows, unshifted, if move needs it; INT64_MIN: none */
    const char *label; /* that gets the file's name; NULL: none */
    struct import_file file;
    struct bytes lines; /* of one row */
    int64_t start_ns;
    int64_t shown_ns;
    /* sums */
    uint64_t row_count;
    uint64_t bad_count;      /* rows */
    uint64_t left_out_count; /* rows, behind map.until */
    uint64_t empty_count;    /* rows without a value */
    time_ms_t first;         /* of what was sent */
    time_ms_t last;
};

/* Reads the options. TM_INVALID, TM_NOMEM. */
enum tm_err import_settings(const struct args *args, struct import *import, struct tm_why *why) TM_MUST_CHECK;

/* Opens every file once, finds its columns, and the newest time if the rows are to be moved. TM_IO,
 * TM_NOT_FOUND, TM_INVALID, TM_NOMEM: nothing has been sent yet. */
enum tm_err import_look(struct import *import, struct tm_why *why) TM_MUST_CHECK;

/* Sends (or with is_dry shows) the rows of all files. TM_CLOSED: not all could be delivered; TM_LIMIT: too
 * many rows are bad; TM_IO, TM_NOMEM. */
enum tm_err import_send(struct import *import, struct tm_why *why) TM_MUST_CHECK;

/* Notes a bad row. TM_LIMIT: there are more than max_errors. */
enum tm_err import_note_bad(struct import *import, struct push_origin origin, const struct tm_why *reason,
                            struct tm_why *why) TM_MUST_CHECK;

/* Shows import->lines on stdout if they are of one of the first rows. */
void import_show_lines(const struct import *import);

/* Of an open log: the newest time into import->newest. TM_IO, TM_CORRUPT, TM_NOMEM. */
enum tm_err import_log_newest(struct import *import, struct tm_why *why) TM_MUST_CHECK;

/* Sends the lines of the open log, the file-th of the names. As import_send. */
enum tm_err import_log_send(struct import *import, uint32_t file, struct tm_why *why) TM_MUST_CHECK;

/* Says what became of the rows, err and why what ended it. Returns the exit code. */
int import_report(const struct import *import, enum tm_err err, const struct tm_why *why);

/* Closes file and sender, and frees the rest. What is still in the spool stays there. */
void import_fini(struct import *import);

#endif
