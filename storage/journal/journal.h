/* The journal's writer: a thread that takes everything queued as one group, encodes it, writes it behind the
 * last group and syncs once. It knows records, not what is in them: the owner passes an encoder.
 *
 * Guarantees: (1) an item comes back with TM_OK only after its record was synced. (2) Items come back in the
 * order of submission. (3) After a failed write or sync the segment is cut back and never written again, the
 * whole group and all that is queued behind it fail, and the next record takes the lsn behind the last
 * durable one. (4) A group never straddles two segments. */
#ifndef TM_STORAGE_JOURNAL_H
#define TM_STORAGE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/journal/journal_io.h"
#include "storage/journal/journal_read.h"
#include "storage/model/bytes.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"

struct journal;

/* Stands first in whatever is journalled; the journal holds it from journal_submit until
 * journal_take_done. */
struct journal_item {
    struct journal_item *next;
    uint64_t lsn; /* filled when it is durable */
    enum tm_err result;
    uint8_t kind;
};

/* Appends item's body to body. Called on the journal thread. written tells afterwards, for the same item and
 * before the next one is encoded, whether it became part of the group. TM_NOMEM, TM_TOO_LARGE fail that item
 * alone. */
struct journal_encoder {
    void *arg;
    enum tm_err (*encode)(void *arg, const struct journal_item *item, const struct record_place *place,
                          struct bytes *body);
    void (*written)(void *arg, bool is_written);
};

struct journal_options {
    int folder; /* stays the caller's; open until journal_close */
    const struct journal_io *io;
    struct journal_encoder encoder;
    void (*wake)(void *arg); /* journal thread: something is to be taken, or the state changed */
    void *wake_arg;
    size_t segment_bytes;
    time_ms_t created_ms; /* stands in the headers of this life's segments */
    uint64_t life;
    const struct journal_end *end; /* what replay found; copied */
};

enum journal_state {
    JOURNAL_WRITING,
    JOURNAL_NO_SPACE, /* journal_resume once there is room */
    JOURNAL_FAILED,   /* a call failed that may be tried again: journal_resume */
    JOURNAL_BROKEN    /* a sync failed: what the disk holds is uncertain, only a restart tells */
};

/* Starts the thread and makes the first segment; without room for it the journal starts as
 * JOURNAL_NO_SPACE. TM_IO, TM_NOMEM. */
enum tm_err journal_open(const struct journal_options *options, struct journal **out,
                         struct tm_why *why) TM_MUST_CHECK;

/* Writes what is queued, ends the thread, cuts the segment to its length. Items not yet taken are returned as
 * by journal_take_done. journal_state and journal_stats may still be asked, nothing else. NULL is allowed. */
struct journal_item *journal_end(struct journal *journal);

/* Frees what journal_end has ended. NULL is allowed. */
void journal_free(struct journal *journal);

/* Both. */
struct journal_item *journal_close(struct journal *journal);

/* Queues an item. TM_NO_SPACE, TM_READ_ONLY: not taken. Owner's thread. */
enum tm_err journal_submit(struct journal *journal, struct journal_item *item) TM_MUST_CHECK;

/* The items that are settled, in order of submission, as a list; NULL if none. Owner's thread. */
struct journal_item *journal_take_done(struct journal *journal);

/* The state and, unless it is JOURNAL_WRITING, a sentence about it. why may be NULL. Any thread. */
enum journal_state journal_state(struct journal *journal, struct tm_why *why);

/* From JOURNAL_NO_SPACE or JOURNAL_FAILED back to writing, with a new segment. Owner's thread. */
void journal_resume(struct journal *journal);

/* Removes the segments all of whose records have a smaller lsn, oldest first. The one being written follows a
 * little later, once there is an empty one in its place, if that goes for it too. TM_IO. Owner's thread. */
enum tm_err journal_trim(struct journal *journal, uint64_t lsn) TM_MUST_CHECK;

/* Whether segments may still go after journal_trim; wake is called at the end. Owner's thread. */
bool journal_is_trimming(struct journal *journal);

struct journal_stats {
    uint64_t bytes; /* on disk, all segments, as allocated */
    uint64_t written_bytes;
    uint64_t records;
    uint64_t syncs; /* of groups */
    uint64_t sync_ns;
    uint64_t errors;
    uint64_t segment_count;
    uint64_t durable_lsn;
};
/* Any thread. */
void journal_stats(struct journal *journal, struct journal_stats *out);

#endif
