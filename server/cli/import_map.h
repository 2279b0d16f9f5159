/* Which columns of a table become what, and a row as lines of line protocol. */
#ifndef TM_CLI_IMPORT_MAP_H
#define TM_CLI_IMPORT_MAP_H

#include "server/cli/csv.h"
#include "server/cli/csv_time.h"

enum { IMPORT_VALUES_MAX = 64, IMPORT_LABELS_MAX = 60, IMPORT_METRIC_BYTES = 256 };

struct import_value {
    const char *column; /* as given: a header's name, or a number from 1 */
    const char *given;  /* metric; NULL: made from the column */
    char metric[IMPORT_METRIC_BYTES];
    size_t index;
};

struct import_label {
    struct str name;
    const char *column; /* NULL: a constant */
    struct str constant;
    size_t index;
};

/* Views of the command's words. */
struct import_map {
    const char *time_column;
    size_t time_index;
    struct csv_time time;
    struct import_value values[IMPORT_VALUES_MAX];
    size_t value_count;
    struct import_label labels[IMPORT_LABELS_MAX];
    size_t label_count;
    const char *metric;  /* --metric; NULL: none */
    const char *missing; /* a value of this text is none; an empty one never is */
    int64_t shift_ms;    /* added to each time */
    time_ms_t until;     /* rows from this time on, after the shift, are left out */
};

/* Finds the columns. header: the first row; NULL: the file has none, so that columns are numbers.
 * TM_NOT_FOUND with the nearest name in why; TM_INVALID for a metric's name that is none. */
enum tm_err import_bind(struct import_map *map, const struct csv *header, struct tm_why *why) TM_MUST_CHECK;

/* The time of a row, shifted. TM_INVALID: *fault is where. */
enum tm_err import_time(const struct import_map *map, const struct csv *row, time_ms_t *out,
                        struct csv_place *fault, struct tm_why *why) TM_MUST_CHECK;

/* Appends one line with a time in ms for each value of the row that is there; *count: how many. TM_INVALID:
 * the row is wrong at *fault, and nothing was appended; TM_NOMEM. */
enum tm_err import_row(const struct import_map *map, const struct csv *row, time_ms_t time, struct bytes *out,
                       size_t *count, struct csv_place *fault, struct tm_why *why) TM_MUST_CHECK;

#endif
