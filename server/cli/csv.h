/* CSV as RFC 4180 has it, with any delimiter: records out of text that arrives in pieces. */
#ifndef TM_CLI_CSV_H
#define TM_CLI_CSV_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

enum { CSV_FIELDS_MAX = 1024, CSV_RECORD_MAX_BYTES = 1 << 20 };

/* Lines and columns (bytes) count from 1. */
struct csv_place {
    uint32_t line;
    uint32_t column;
};

struct csv_field {
    struct str text; /* without quotes; valid until the text or the struct csv changes */
    struct csv_place place;
};

struct csv {
    char delimiter;
    struct csv_place next; /* of the byte that is read next */
    struct csv_field fields[CSV_FIELDS_MAX];
    size_t count;
    struct csv_place fault;
    struct bytes unquoted;
    bool skipping; /* inside a line that is over the bound */
};

enum csv_state {
    CSV_RECORD, /* fields[0..count) are a record; an empty line is none and passed over */
    CSV_MORE,   /* no record is complete in the text; *used bytes of it are done */
    CSV_BAD,    /* *used bytes are no record: fault and why say where and what */
    CSV_NOMEM
};

/* Before the first record. A byte order mark in front of the text is the caller's. */
void csv_init(struct csv *csv, char delimiter);

/* Frees what fields were unquoted into; the fields are not valid any more. */
void csv_fini(struct csv *csv);

/* Reads one record from the front of text; last: nothing follows it. *used: what the next call begins behind.
 * A field that begins with a double quote ends with one, and two of them inside stand for one. After CSV_BAD
 * it goes on with the next line: one bad quote costs one line. With last, CSV_MORE is the end. */
enum csv_state csv_next(struct csv *csv, struct str text, bool last, size_t *used, struct tm_why *why);

#endif
