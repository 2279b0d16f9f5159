/* A segment: one file of the journal, a 64-byte header and then records. Segment numbers only grow; a new one
 * begins at every start, after every error and when the last is full. */
#ifndef TM_STORAGE_JOURNAL_SEGMENT_H
#define TM_STORAGE_JOURNAL_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/model/clock.h"
#include "storage/model/err.h"

enum { SEGMENT_HEADER_BYTES = 64, SEGMENT_NAME_BYTES = 24 };

struct segment_header {
    uint64_t number;
    uint64_t first_lsn;   /* records in earlier segments with this lsn or a later one are void */
    uint64_t life;        /* random, one per start of the daemon: in one life a series keeps its number */
    time_ms_t created_ms; /* for people */
};

/* "0000000000000001.seg" */
void segment_name(uint64_t number, char out[SEGMENT_NAME_BYTES]);

/* The bytes of a header with its checksum (FORMAT.md). */
void segment_header_encode(const struct segment_header *header, uint8_t out[SEGMENT_HEADER_BYTES]);
/* False if these are not a whole, intact header of segment number. */
bool segment_header_decode(const uint8_t *data, size_t len, uint64_t number, struct segment_header *out);

/* The numbers of all segments in a folder, ascending; *numbers is the caller's to free. TM_IO, TM_NOMEM. */
enum tm_err segment_list(int folder, uint64_t **numbers, size_t *count) TM_MUST_CHECK;

/* A segment's bytes, read (not mapped: a file that shrinks meanwhile must not kill the reader); the caller
 * frees *data. At most max bytes, if max is not 0. TM_NOT_FOUND, TM_IO, TM_NOMEM. */
enum tm_err segment_read(int folder, uint64_t number, size_t max, uint8_t **data, size_t *len) TM_MUST_CHECK;

#endif
