/* Reading the journal: one code path for the daemon's start, another process and verification. */
#ifndef TM_STORAGE_JOURNAL_READ_H
#define TM_STORAGE_JOURNAL_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/journal/journal_record.h"
#include "storage/journal/journal_segment.h"
#include "storage/model/err.h"

/* ---- one segment in memory ---- */

struct segment_reader {
    const uint8_t *data;
    size_t len;
    size_t at;
    uint64_t number;
    uint64_t last_lsn; /* of the last intact record, 0 before */
    uint64_t spent; /* bytes hashed in vain; bounded, or hostile bytes would cost the square of their length
                     */
};

enum segment_step {
    SEGMENT_RECORD, /* an intact record */
    SEGMENT_HOLE,   /* damaged bytes, behind which an intact record stands */
    SEGMENT_TAIL,   /* bytes that are no record, and none behind them: torn, if nothing was acknowledged there
                     */
    SEGMENT_END     /* only zeros, or nothing */
};

struct segment_hole {
    size_t offset;
    size_t len;
};

/* Stands behind the header of segment number; data is borrowed, and may be shorter than a header. */
void segment_reader_init(struct segment_reader *reader, const uint8_t *data, size_t len, uint64_t number);
/* The next thing in the segment. record is filled for SEGMENT_RECORD, hole for SEGMENT_HOLE and SEGMENT_TAIL.
 * After SEGMENT_TAIL and SEGMENT_END it stays there. */
enum segment_step segment_next(struct segment_reader *reader, struct record *record,
                               struct segment_hole *hole);

/* ---- the whole folder ---- */

struct journal_damage {
    uint64_t segment;
    uint64_t offset;
    uint64_t len;
    uint64_t records; /* how many are lost, as the numbers around them say; at least 1 */
};

struct journal_visitor {
    void *arg;
    /* Records up to this lsn are stored elsewhere: they are only previewed, and no damage is told of them. */
    uint64_t flushed_lsn;
    /* An intact record, in lsn order. Any error stops the replay. */
    enum tm_err (*record)(void *arg, const struct segment_header *segment, const struct record *record);
    /* Called before `record`, and twice over, for each record behind damage in its segment: a chance to learn
     * the definitions that the damaged record had. */
    enum tm_err (*preview)(void *arg, const struct segment_header *segment, const struct record *record);
    void (*damaged)(void *arg, const struct journal_damage *damage);
    /* A torn tail of the last segment: cut, nothing that was acknowledged stood there. */
    void (*torn)(void *arg, const struct journal_damage *tail);
};

struct journal_segment_info {
    uint64_t number;
    uint64_t first_lsn;
    uint64_t bytes; /* up to the last record's end and the last byte that is not zero */
    bool empty;     /* has a good header and nothing else, or nothing at all */
};

/* What a writer has to know to go on. Zero-initialised; journal_end_fini releases it. */
struct journal_end {
    uint64_t next_lsn;
    uint64_t next_segment;
    struct journal_segment_info *segments; /* ascending */
    size_t segment_count;
};

/* Visits every record with an lsn that is not void, in order. TM_IO, TM_NOMEM, TM_BUSY (the folder was
 * trimmed meanwhile: try again), or what the visitor returned. */
enum tm_err journal_replay(int folder, const struct journal_visitor *visitor, struct journal_end *end,
                           struct tm_why *why) TM_MUST_CHECK;
/* Frees the list of segments; zeroed then. */
void journal_end_fini(struct journal_end *end);

#endif
