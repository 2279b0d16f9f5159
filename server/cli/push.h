/* The parts of `tidemark push`: text is cut into records, records gather in a batch, batches are sent. */
#ifndef TM_CLI_PUSH_H
#define TM_CLI_PUSH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "server/cli/access_log.h"
#include "server/cli/sender.h"
#include "storage/model/bytes.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

enum { PUSH_REFUSALS_MAX = 20, PUSH_NAME_MAX = 256 };

/* Where a line of the batch came from. */
struct push_origin {
    uint32_t file;   /* index into the pusher's file names */
    uint32_t line;   /* from 1 */
    uint32_t column; /* from 1; 0: the reason says it */
};

struct push_refusal {
    struct push_origin origin;
    struct tm_why why;
};

/* Lines on their way. Zero-initialised, then the settings; push_fini frees. */
struct push {
    /* settings */
    struct sender *sender; /* the caller's */
    const char *const *file_names;
    bool prometheus;
    struct access_log *log; /* records are lines of this; NULL: they are none */
    bool is_strict;         /* a batch that is refused as a whole ends it */
    size_t batch_lines;
    int64_t give_up_ms;                 /* how long one batch is tried again; 0: until *stop */
    volatile int *stop;                 /* set by a signal; may be NULL */
    void (*on_sent)(struct push *push); /* after each batch, for the progress line; may be NULL */
    /* the batch */
    struct bytes text;
    struct push_origin *origins; /* one per physical line of text */
    size_t origin_count;
    size_t origin_capacity;
    size_t record_count;
    /* sums */
    uint64_t line_count; /* records read */
    uint64_t byte_count;
    uint64_t refused_count;   /* records, by us or the daemon */
    uint64_t duplicate_count; /* records in batches the daemon had already */
    uint64_t lost_count;      /* records not acknowledged and not kept */
    uint64_t spooled[4096];   /* records per batch put into the spool, the newest of them (a ring) */
    uint64_t spooled_count;   /* batches put there */
    struct push_refusal refusals[PUSH_REFUSALS_MAX];
    size_t refusal_count;
    struct tm_why why; /* of the last failure */
};

/* A source of text: an open file and what is read of it but not cut yet. */
struct push_source {
    uint32_t file;
    int fd;
    uint32_t line; /* lines consumed */
    bool skipping; /* inside a record over the limit */
    struct bytes rest;
};

/* Length of the first record of text with its line end; 0: incomplete. A record is a line; with strings, a
 * line feed inside a well-closed quoted field value does not end it (server/wire/line.h). last: nothing
 * follows, so that the rest counts as a record. */
size_t push_record_length(struct str text, bool strings, bool last);

/* Takes the records that are complete in source->rest (all of it if last) into batches and sends full ones.
 * TM_CLOSED: a batch could not be delivered, push->why says why. TM_NOMEM. */
enum tm_err push_take(struct push *push, struct push_source *source, bool last) TM_MUST_CHECK;

/* Reads once from source->fd (up to 256 KiB) into source->rest: *len bytes, 0 at the end of the file, -1 when
 * a signal came. TM_IO, TM_NOMEM; push->why says why. */
enum tm_err push_fill(struct push *push, struct push_source *source, ssize_t *len) TM_MUST_CHECK;

/* push_fill, and takes what came. *end is set at the end of the file. TM_IO besides
 * what push_take returns. Waits at most 1 s for input and then sends what is gathered. */
enum tm_err push_read(struct push *push, struct push_source *source, bool *end) TM_MUST_CHECK;

/* Puts one line (with or without its line feed) into the batch, and sends what is full. Line feeds within its
 * strings are of the same origin. As push_take. */
enum tm_err push_line(struct push *push, struct push_origin origin, struct str line) TM_MUST_CHECK;

/* Counts and notes a record that is refused before it got into a batch. */
void push_refuse(struct push *push, struct push_origin origin, const struct tm_why *why);

/* Notes what was refused before it got into a batch. */
void push_note(struct push *push, struct push_origin origin, const struct tm_why *why);

/* Prints FILE:LINE[:COLUMN]: REASON on stderr. */
void push_print_refusal(const struct push *push, const struct push_refusal *refusal);

/* Prints the same for the first refusals noted, at most max, and how many more of
 * count there are. */
void push_print_refusals(const struct push *push, size_t max, uint64_t count);
/* Appends the same as a JSON list. */
void push_json_refusals(const struct push *push, struct bytes *out);

/* Sends the open batch. As push_take; TM_FORBIDDEN: it was refused, and is_strict. */
enum tm_err push_send(struct push *push) TM_MUST_CHECK;

/* Records that are neither acknowledged nor refused: lost ones and those still in the spool. */
uint64_t push_unacknowledged(const struct push *push);

/* Follows files until *push->stop: what has been appended is sent each second; a file that is replaced is
 * read to its end and then the new one from its beginning; one that got shorter is read again from its
 * beginning. A missing file is waited for. sources have their file index set and fd -1. */
enum tm_err push_follow(struct push *push, struct push_source *sources, size_t count) TM_MUST_CHECK;

/* Frees the open batch, which was not sent; the sender is the caller's. */
void push_fini(struct push *push);

#endif
