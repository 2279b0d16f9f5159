/* The codec of rollups: rows of one series -> few bytes -> the same rows, to the bit. And of a window's
 * roster, which says of which days the window holds rows. Pure; any thread. storage/rollup/README.md has
 * every byte. */
#ifndef TM_STORAGE_ROLLUP_CHUNK_H
#define TM_STORAGE_ROLLUP_CHUNK_H

#include "storage/chunk/chunk.h"
#include "storage/model/rollup.h"
#include "storage/rollup/rollup_rows.h"

enum {
    ROLLUP_MAX_ROWS = 18 * CHUNK_BLOCK, /* a week of five minutes (2016), a month of hours (744) */
    ROLLUP_MAX_DAYS = 31                /* in a period */
};

/* Where rows lie: what their starts are counted from, and in what. */
struct rollup_grid {
    time_ms_t from; /* start of the period */
    int64_t bucket_ms;
};

/* Appends one chunk to out. Rows ascend, lie on the grid, at most ROLLUP_MAX_ROWS buckets behind its start,
 * and their last_time within their bucket; else TM_INVALID. TM_NOMEM. On failure out is as before. */
enum tm_err rollup_encode(struct chunk_scratch *scratch, const struct chunk_key *key,
                          const struct rollup_grid *grid, const struct rollup *rows, size_t count,
                          enum chunk_effort effort, struct bytes *out) TM_MUST_CHECK;

/* Appends all rows of a chunk to out. TM_CORRUPT, TM_NOMEM; on failure out is as before. */
enum tm_err rollup_decode(const struct chunk_key *key, const struct rollup_grid *grid, struct str chunk,
                          struct rollup_rows *out) TM_MUST_CHECK;

/* The same without its doubles, which are not looked at: start, count and last_time of rows are set. */
enum tm_err rollup_decode_times(const struct chunk_key *key, const struct rollup_grid *grid, struct str chunk,
                                struct rollup_rows *out) TM_MUST_CHECK;

/* Which days, by number, and up to which tag of their raw samples. Ascending. */
struct rollup_roster {
    struct {
        uint32_t day;
        uint64_t tag;
    } days[ROLLUP_MAX_DAYS];
    size_t count;
};

/* Appends a roster's bytes. A failed allocation shows in out. */
void rollup_roster_encode(const struct chunk_key *key, const struct rollup_roster *roster, struct bytes *out);
/* TM_CORRUPT. */
enum tm_err rollup_roster_decode(const struct chunk_key *key, struct str bytes,
                                 struct rollup_roster *out) TM_MUST_CHECK;

/* The tag of a day, 0 if the roster does not name it. */
uint64_t rollup_roster_tag(const struct rollup_roster *roster, uint32_t day);

/* Sets the tag of a day, unless it has a later one. False: no room. */
bool rollup_roster_add(struct rollup_roster *roster, uint32_t day, uint64_t tag);

#endif
