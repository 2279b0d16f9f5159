/* A file of rows or lines, gzip or not, read piece by piece, as often as needed if it is no pipe. */
#ifndef TM_CLI_IMPORT_FILE_H
#define TM_CLI_IMPORT_FILE_H

#include "server/cli/csv.h"
#include "server/cli/gunzip.h"

struct import_file {
    const char *name; /* as messages show it */
    int fd;
    bool is_regular; /* can be read again */
    int64_t size_bytes;
    int64_t read_bytes; /* of size_bytes */
    struct gunzip *reader;
    struct bytes text; /* what is read of it and not cut yet, from `at` on */
    size_t at;
    bool is_end; /* nothing is left to read */
    struct csv csv;
    uint32_t line; /* import_file_line: number of the line given last */
    bool is_cut;   /* likewise: it was too long, its rest is passed over */
};

/* Opens name, "-" is standard input. TM_IO, TM_NOMEM. import_file_close in any case. */
enum tm_err import_file_open(struct import_file *file, const char *name, char delimiter,
                             struct tm_why *why) TM_MUST_CHECK;

/* Closes it, but not standard input, and frees what was read. Twice does no harm. */
void import_file_close(struct import_file *file);

/* The next record into file->csv: CSV_RECORD or CSV_BAD (why and file->csv.fault say what is wrong with it)
 * with TM_OK. TM_NOT_FOUND at the end; TM_IO, TM_CORRUPT (gzip), TM_NOMEM. */
enum tm_err import_file_next(struct import_file *file, enum csv_state *state,
                             struct tm_why *why) TM_MUST_CHECK;

/* The next line without its end, a view until the next call. One of over max_bytes is cut there or later and
 * its rest left out. Errors as import_file_next. */
enum tm_err import_file_line(struct import_file *file, size_t max_bytes, struct str *out,
                             struct tm_why *why) TM_MUST_CHECK;

/* XXH3 of the whole content, unpacked; then it stands at its beginning. Regular files only. TM_IO,
 * TM_CORRUPT, TM_NOMEM. */
enum tm_err import_file_hash(struct import_file *file, uint64_t *out, struct tm_why *why) TM_MUST_CHECK;

#endif
