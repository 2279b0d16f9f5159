/* What is in memory and not yet in partitions: per series a few open samples and, behind them, encoded
 * blocks; and all events in the order in which they were written.
 *
 * Threads: filled by the owner's. What takes a const struct head may run in any number of threads meanwhile
 * nobody fills it (the lock of storage/contents.h says when). */
#ifndef TM_STORAGE_HEAD_H
#define TM_STORAGE_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/chunk/columns.h"
#include "storage/counts/count_head.h"
#include "storage/flush/head_points.h"
#include "storage/model/bytes.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/number.h"
#include "storage/model/str.h"
#include "storage/query.h"

struct head_series;
struct event_block;
struct chunk_scratch;

/* Zero-initialised is empty. */
struct head {
    struct head_series *series; /* by number */
    size_t series_capacity;
    struct head_points points; /* the full arrays of series */
    struct event_block *first_events;
    struct event_block *last_events;
    struct event_block *first_findings; /* events of kind EVENT_FINDING stand in a row of their own */
    struct event_block *last_findings;
    struct chunk_scratch *scratch; /* to seal blocks with */
    struct bytes packed;
    int64_t *days; /* UTC days since 1970 in which it has samples; ascending */
    size_t day_count;
    size_t day_capacity;
    struct span day; /* of the sample before */
    size_t bytes;    /* of memory, about */
    uint64_t samples;
    uint64_t blocks; /* encoded */
    uint64_t events;
    struct count_head counts; /* its memory is in bytes, too */
};

/* Frees all, events but for those that a view holds; it is empty then. */
void head_fini(struct head *head);

/* Has it neither samples nor events (findings are some) nor cells? */
bool head_is_empty(const struct head *head);

/* Samples of a batch lie all over memory, and waiting for it costs more than all else in here: so many
 * samples ahead its places are asked for. The distances are measured, and not critical. */
enum { HEAD_EXPECT_FAR = 24, HEAD_EXPECT_NEAR = 10 };

/* Hints that a sample of this series comes, HEAD_EXPECT_FAR ahead: asks for the series' own entry. */
void head_expect_series(const struct head *head, uint32_t series);

/* The same, HEAD_EXPECT_NEAR ahead, when that entry has come: asks for where the next sample goes. */
void head_expect_sample(const struct head *head, uint32_t series);

/* Adds a sample, in any order of time; the last one written for a time wins. TM_NOMEM: it is not there. */
enum tm_err head_sample(struct head *head, uint32_t series, time_ms_t time,
                        const struct number *number) TM_MUST_CHECK;

/* Appends the samples of a series in span to out, in the order in which they were written. Blocks are decoded
 * whole: some may lie outside span. TM_NOMEM, TM_CORRUPT (memory was damaged). */
enum tm_err head_collect(const struct head *head, uint32_t series, struct span span,
                         struct columns *out) TM_MUST_CHECK;

/* The first time in span at which a series may have a sample; exact but for encoded blocks, which are taken
 * to have samples all along. False: it has none there. */
bool head_first(const struct head *head, uint32_t series, struct span span, time_ms_t *out);

/* How many decimals the values of a series have, at most; a hint for the codec. */
int32_t head_exponent(const struct head *head, uint32_t series);

/* Adds to a cell. TM_NOMEM: it is not there. */
enum tm_err head_cell(struct head *head, const struct count_add *add) TM_MUST_CHECK;

/* Copies an event in. TM_NOMEM. */
enum tm_err head_event(struct head *head, uint8_t kind, time_ms_t time, struct str line) TM_MUST_CHECK;
/* Frees them, but for those that a view holds. */
void head_free_events(struct head *head);

/* The events that are in a head at one moment; they last until the view is dropped, whatever becomes of the
 * head. */
struct head_view {
    struct event_block *first;
    struct event_block *last;
    size_t last_used;
};

/* Takes a view of all events but findings; to be dropped (head_view_drop). */
void head_view_take(const struct head *head, struct head_view *out);
/* The same of the row of findings, which is in no other view. */
void head_view_findings(const struct head *head, struct head_view *out);
/* Any thread. */
void head_view_drop(struct head_view *view);

struct head_wanted {
    enum event_kind kind;
    struct span span;
    reader_event_fn *each;
    void *arg;
};
/* Calls each for the events of a view, as reader_events does. Any thread, meanwhile the head is filled too.
 * False: each ended it. */
bool head_view_events(const struct head_view *view, const struct head_wanted *wanted);
/* The same for a head that nobody fills. */
bool head_events(const struct head *head, enum event_kind kind, struct span span, reader_event_fn *each,
                 void *arg);

#endif
