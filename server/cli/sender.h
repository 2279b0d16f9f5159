/* Where batches go: over nanomsg by the client library, or over HTTP. Used by push and bench. */
#ifndef TM_CLI_SENDER_H
#define TM_CLI_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "server/wire/reply.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

/* A batch's lines are at most this, whatever the way: what one message holds, less its header. */
enum { SENDER_BATCH_MAX_BYTES = (1 << 20) - 512 };

struct sender_options {
    const char *url;      /* tcp://..., ipc://...; NULL: HTTP */
    const char *server;   /* for HTTP */
    const char *key_name; /* NULL: none */
    const char *key_secret;
    const char *producer;  /* NULL: host name and process id */
    const char *spool_dir; /* nanomsg only; NULL: none */
    const char *precision; /* "ns", "us", "ms", "s" */
    uint64_t epoch;        /* of the numbers that batches get; 0: by the clock. Without a spool */
    uint64_t seq;          /* the first of them; 0: 1 */
    bool compress;
    int timeout_ms;
    int max_tries;
};

enum sender_state {
    SENDER_SETTLED,   /* durable; the reply counts lines */
    SENDER_SPOOLED,   /* kept on disk, sent later */
    SENDER_REFUSED,   /* the daemon does not want this batch, ever */
    SENDER_UNSETTLED, /* no answer: sender_again() tries the same batch under the same number */
    SENDER_FAILED     /* nothing can be sent any more (memory, spool folder) */
};

struct sender_counts {
    uint64_t tries; /* messages */
    uint64_t busy;  /* answers that asked to wait */
    uint64_t accepted;
    uint64_t rejected;
    uint64_t duplicates; /* batches */
};

struct sender;

/* Makes one; no connection yet. TM_INVALID: options that do not go together, a bad address or name; TM_IO:
 * the spool; TM_NOMEM. *out is NULL then. */
enum tm_err sender_open(const struct sender_options *options, struct sender **out,
                        struct tm_why *why) TM_MUST_CHECK;
/* NULL is allowed. */
void sender_close(struct sender *sender);

/* Sends whole lines, at most SENDER_BATCH_MAX_BYTES. Only after any state but SENDER_UNSETTLED. */
enum sender_state sender_send(struct sender *sender, struct str lines);
/* Tries the batch again that is SENDER_UNSETTLED. */
enum sender_state sender_again(struct sender *sender);
/* Tries for at most timeout_ms to empty the spool; true when it is empty. */
bool sender_flush(struct sender *sender, int timeout_ms);

/* The answer to the batch settled last; line numbers are the batch's, from 1. */
const struct reply *sender_reply(const struct sender *sender);
/* One sentence on the last failure. */
const char *sender_error(const struct sender *sender);
/* The epoch of the batches that are sent. */
uint64_t sender_epoch(const struct sender *sender);
/* Number of the batch sent last. */
uint64_t sender_seq(const struct sender *sender);
/* The producer's name; valid as long as the sender. */
const char *sender_producer(const struct sender *sender);
/* How many batches are in the spool; 0 without one. */
size_t sender_spooled(const struct sender *sender);
/* Figures since it was opened. */
struct sender_counts sender_counts(const struct sender *sender);

#endif
